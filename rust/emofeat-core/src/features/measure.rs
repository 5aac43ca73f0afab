//! Features of one number per frame.

use crate::descriptor::{Base, Recipe, State};
use crate::dsp::lanes::Real;
use crate::stage::{Block, FrontEnd, Stage};

/// One number per frame, from the rows of one stage. The numbers are summed up and given in double
/// precision, whatever that of the stage.
pub trait Measure: Send + Sync {
    /// The stage that it reads.
    fn stage(&self) -> Stage;

    /// One number per lane.
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]);
}

/// A [`Measure`] as a base of one column.
struct Column<M>(M);

impl<T: Real, const L: usize, M: Measure> Base<T, L> for Column<M> {
    fn stages(&self) -> Vec<Stage> {
        vec![self.0.stage()]
    }
    fn width(&self) -> usize {
        1
    }
    fn emit(&self, block: &Block<'_, T, L>, _: &mut State, out: &mut Vec<T>) {
        let mut values = [0.0; L];
        self.0.measure(block.stage(0), &mut values);
        out.extend(values[..block.valid].iter().map(|x| T::of(*x)));
    }
}

/// The recipe of a measure.
pub fn column(front: FrontEnd, measure: impl Measure + 'static, unit: &'static str) -> Recipe {
    Recipe {
        front,
        base: Box::new(Column(measure)),
        ops: Vec::new(),
        columns: vec![String::new()],
        unit,
        double: false,
        global_because: None,
    }
}
