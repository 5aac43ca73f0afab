//! What a descriptor is: a base that turns stages into columns, then operations on rows.

use crate::dsp::lanes::{L32, L64, Real};
use crate::error::Result;
use crate::stage::{Block, FrontEnd, Stage};
use std::any::Any;

/// How far a feature looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// So many frames to the left and right.
    Local,
    /// State carried from frame to frame.
    Scan,
    /// The whole recording.
    Global,
}

impl Scope {
    /// The name in documentation and schemas.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Local => "local",
            Scope::Scan => "scan",
            Scope::Global => "global",
        }
    }
}

/// What a base carries along one recording.
#[derive(Default)]
pub struct State(Option<Box<dyn Any + Send>>);

impl State {
    /// A state that holds `value`.
    pub fn of<V: Any + Send>(value: V) -> Self {
        Self(Some(Box::new(value)))
    }

    /// The value, if it is of type `V`.
    pub fn get<V: Any + Send>(&mut self) -> Option<&mut V> {
        self.0.as_mut()?.downcast_mut()
    }
}

/// The first part of a descriptor: columns from the stages of a block of frames.
pub trait Base<T: Real, const L: usize>: Send + Sync {
    /// The stages it reads, in the order in which [`Block::stage`] numbers them.
    fn stages(&self) -> Vec<Stage>;

    /// Number of columns.
    fn width(&self) -> usize;

    /// State at the start of a recording.
    fn begin(&self) -> State {
        State::default()
    }

    /// Whether [`Base::survey`] must see the whole recording before [`Base::emit`] can work.
    fn surveys(&self) -> bool {
        false
    }

    /// First pass: takes note of a block.
    fn survey(&self, _block: &Block<'_, T, L>, _state: &mut State) {}

    /// End of the first pass.
    fn settle(&self, _state: &mut State) {}

    /// Appends one row of [`Base::width`] values for each valid lane of the block.
    fn emit(&self, block: &Block<'_, T, L>, state: &mut State, out: &mut Vec<T>);
}

/// A base in both precisions.
pub trait AnyBase: Base<f32, L32> + Base<f64, L64> {}
impl<B: Base<f32, L32> + Base<f64, L64>> AnyBase for B {}

/// An operation on rows that came from a base or another operation.
pub trait Op<T: Real>: Send + Sync {
    /// Number of columns given the number that come in.
    fn width(&self, columns: usize) -> usize;

    /// How far it looks.
    fn scope(&self) -> Scope;

    /// Fewest rows that it works on.
    fn min_rows(&self) -> usize {
        0
    }

    /// Says how many seconds lie between rows, where that is known.
    fn pace(&mut self, _seconds: f64) {}

    /// Whether all rows become one, which comes at the end of the recording.
    fn collapses(&self) -> bool {
        false
    }

    /// Names of the columns that come out, given those that come in, where they are not numbers.
    fn names(&self, _columns: &[String]) -> Option<Vec<String>> {
        None
    }

    /// Checks that `columns` columns can come in.
    fn check(&self, _columns: usize) -> Result<()> {
        Ok(())
    }

    /// State at the start of a recording whose rows have `columns` columns.
    fn begin(&self, columns: usize) -> Box<dyn OpRun<T>>;
}

/// An operation in both precisions.
pub trait AnyOp: Op<f32> + Op<f64> {}
impl<O: Op<f32> + Op<f64>> AnyOp for O {}

/// An operation on its way along one recording.
pub trait OpRun<T: Real>: Send {
    /// Global operations, first pass: takes note of rows, in order.
    fn survey(&mut self, _rows: &[T]) {}

    /// Global operations: end of the first pass.
    fn settle(&mut self) {}

    /// Takes rows and appends those that are final to `out`.
    fn push(&mut self, rows: &[T], out: &mut Vec<T>);

    /// End of the recording: appends what was held back.
    fn finish(&mut self, _out: &mut Vec<T>) {}
}

/// Whose definition holds where openSMILE's numbers differ from the published ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Variant {
    /// openSMILE's numbers, quirks included.
    #[default]
    OpenSmile,
    /// The definitions of the papers.
    Paper,
}

/// The sets that come with an analysis of their own, openSMILE's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SmileSet {
    /// eGeMAPSv02: 25 descriptors, 88 functionals.
    Egemaps,
    /// ComParE_2016: 65 descriptors and their deltas, 6373 functionals.
    Compare,
}

/// A set of descriptors that analyses recordings by rules of its own: its streams of frames are joined
/// and ended in ways that front ends and bases cannot say.
pub trait Assembler: Send + Sync {
    /// An analysis at the start of a recording, of which only `outputs` will be asked.
    fn begin(&self, outputs: &[SetOutput]) -> Result<Box<dyn Assembly>>;
}

/// An [`Assembler`] on its way along one recording.
pub trait Assembly: Send {
    /// Forgets everything, for the next recording.
    fn restart(&mut self);

    /// Takes the next samples.
    fn push(&mut self, samples: &[f32]);

    /// Ends the recording.
    fn finish(&mut self);

    /// Appends those rows of `output` from row `from` on that are final.
    fn rows(&mut self, output: SetOutput, from: usize, out: &mut Vec<f32>);
}

/// What a set gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetOutput {
    /// Low-level descriptors, one row per frame.
    Descriptors,
    /// Their deltas, one row per frame.
    Deltas,
    /// One row for the recording.
    Functionals,
}

/// The two precisions as the plan sees them: how many lanes, and which face of a descriptor.
pub trait Precision<const L: usize>: Real {
    /// The base in this precision.
    fn base(base: &dyn AnyBase) -> &dyn Base<Self, L>;
    /// The operation in this precision.
    fn op(op: &dyn AnyOp) -> &dyn Op<Self>;
}

impl Precision<L32> for f32 {
    fn base(base: &dyn AnyBase) -> &dyn Base<Self, L32> {
        base
    }
    fn op(op: &dyn AnyOp) -> &dyn Op<Self> {
        op
    }
}

impl Precision<L64> for f64 {
    fn base(base: &dyn AnyBase) -> &dyn Base<Self, L64> {
        base
    }
    fn op(op: &dyn AnyOp) -> &dyn Op<Self> {
        op
    }
}

/// A descriptor with all its parameters settled for one sampling rate.
pub struct Recipe {
    /// Framing, window, FFT.
    pub front: FrontEnd,
    /// Stages to columns.
    pub base: Box<dyn AnyBase>,
    /// Rows to rows, in order.
    pub ops: Vec<Box<dyn AnyOp>>,
    /// Column names without the feature's own name: `[0]`, `[1]`, or empty for a single column.
    pub columns: Vec<String>,
    /// Unit of the values.
    pub unit: &'static str,
    /// Whether the convention is computed in double precision whatever was asked for.
    pub double: bool,
    /// What the plan says when the feature is asked to stream although it is global.
    pub global_because: Option<&'static str>,
}

/// An output of a set with all its parameters settled for one sampling rate.
pub struct SetRecipe {
    /// What the output shares with others: the set, its variant.
    pub analysis: (SmileSet, Variant),
    /// Which of its outputs.
    pub output: SetOutput,
    /// Number of columns that the analysis gives.
    pub width: usize,
    /// The columns that are wanted; none: all.
    pub pick: Option<Vec<usize>>,
    /// Names of the wanted columns, in full.
    pub columns: Vec<String>,
    /// Unit of the values.
    pub unit: &'static str,
    /// Rows to rows, in order.
    pub ops: Vec<Box<dyn AnyOp>>,
}

/// What an entry of the catalogue makes of its parameters.
pub enum AnyRecipe {
    /// Columns of each frame from the stages of a front end.
    Frames(Recipe),
    /// An output of a set.
    Set(SetRecipe),
}

impl AnyRecipe {
    /// The operations on its rows.
    pub fn ops(&mut self) -> &mut Vec<Box<dyn AnyOp>> {
        match self {
            AnyRecipe::Frames(recipe) => &mut recipe.ops,
            AnyRecipe::Set(recipe) => &mut recipe.ops,
        }
    }

    /// Whether it gives one row for a recording.
    pub fn is_vector(&self) -> bool {
        let (set, ops) = match self {
            AnyRecipe::Frames(recipe) => (false, &recipe.ops),
            AnyRecipe::Set(recipe) => (recipe.output == SetOutput::Functionals, &recipe.ops),
        };
        set || ops.iter().any(|op| <f64 as Precision<L64>>::op(op.as_ref()).collapses())
    }

    /// Sets the unit of the values.
    pub fn set_unit(&mut self, unit: &'static str) {
        match self {
            AnyRecipe::Frames(recipe) => recipe.unit = unit,
            AnyRecipe::Set(recipe) => recipe.unit = unit,
        }
    }
}

/// Column suffixes `[0] .. [n-1]`.
pub fn numbered(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("[{i}]")).collect()
}
