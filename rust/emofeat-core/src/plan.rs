//! The plan: features with all parameters settled for one sampling rate, computed together.
//!
//! Features that share a front end share its stages. A whole signal, a signal in blocks and a
//! stream go through the same bases and operations, frame by frame in the same order, so they give
//! the same bits. A feature that needs the whole recording first takes one pass (or several) to
//! collect what it must know; a signal in memory keeps the rows of the first pass, a file in blocks
//! is read again.

use crate::descriptor::{
    AnyBase, AnyOp, AnyRecipe, Op, OpRun, Precision, Recipe, Scope, SetRecipe, State,
};
use crate::dsp::frame::{Count, Framing, Loader, Pad, View};
use crate::dsp::lanes::{L32, L64, Real, Sample};
use crate::error::{Code, Error, Result};
use crate::features;
use crate::smile;
use crate::spec::{Given, Spec, did_you_mean};
use crate::stage::{Block, FrontEnd, Prep, Stage, Stages, Workspace};
use std::sync::{Arc, Mutex};

mod set;

use set::{SetGroup, SetRun};

/// Raised whenever a number that comes out changes; part of every digest.
pub const NUMERICS_VERSION: u32 = 1;

/// Bytes of stages that a survey of a signal in memory may keep for the pass after it.
const KEEP: usize = 64 << 20;

/// Result values of one feature.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

impl Values {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Values::F32(values) => values.len(),
            Values::F64(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds values of the same precision at the end.
    pub fn append(&mut self, more: Values) {
        match (self, more) {
            (Values::F32(all), Values::F32(mut more)) => all.append(&mut more),
            (Values::F64(all), Values::F64(mut more)) => all.append(&mut more),
            // A plan gives each feature in one precision.
            (all, more) => *all = more,
        }
    }
}

/// What to do with a signal shorter than one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnShort {
    /// Refuse it.
    Error,
    /// Pad it with zeros at the end to one frame (to the fewest frames that a transform needs).
    Pad,
    /// Compute what the convention's own padding gives, which may be no frames.
    Allow,
}

/// What to do with NaN and infinite samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNonFinite {
    /// Refuse them.
    Error,
    /// Take them as zero.
    Zero,
    /// Compute with them.
    Keep,
}

/// Options of a plan beside its features.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Whether values are computed and given in double precision.
    pub double: bool,
    /// Signals shorter than a frame.
    pub on_short: OnShort,
    /// NaN and infinite samples.
    pub on_nonfinite: OnNonFinite,
    /// Parameters for every feature that has them and does not set them itself.
    pub front_end: Given,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            double: false,
            on_short: OnShort::Error,
            on_nonfinite: OnNonFinite::Error,
            front_end: Vec::new(),
        }
    }
}

/// What a plan says of one of its features.
#[derive(Debug, Clone)]
pub struct Feature {
    /// Name of the result.
    pub key: String,
    /// The specification it came from.
    pub spec: String,
    /// Column names.
    pub columns: Vec<String>,
    /// One line.
    pub summary: &'static str,
    /// Unit of the values.
    pub unit: &'static str,
    /// How far it looks.
    pub scope: Scope,
    /// Why it cannot stream, if it cannot.
    pub global_because: Option<&'static str>,
    /// Where its frames lie.
    pub framing: Framing,
    /// Whether it gives one row for a recording and not one per frame.
    pub vector: bool,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    kind: GroupKind,
    group: usize,
    member: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GroupKind {
    Single,
    Double,
    Set,
}

/// A base, its stages in the group, and its operations.
struct Member {
    base: Box<dyn AnyBase>,
    ids: Vec<usize>,
    ops: Vec<Box<dyn AnyOp>>,
}

/// The features that share a front end.
struct Group<T: Real, const L: usize> {
    stages: Stages<T>,
    members: Vec<Member>,
    spare: Mutex<Vec<Workspace<T, L>>>,
}

/// Features with all parameters settled for one sampling rate.
pub struct Plan {
    sr: u32,
    options: Options,
    features: Vec<Feature>,
    single: Vec<Group<f32, L32>>,
    double: Vec<Group<f64, L64>>,
    sets: Vec<SetGroup>,
}

/// `specs` with the front-end parameters filled in where a feature has them and does not set them.
fn with_front_end(specs: &[Spec], front_end: &Given) -> Result<Vec<Spec>> {
    fn fill(spec: &Spec, front_end: &Given, used: &mut [bool]) -> Result<Spec> {
        let mut out = spec.clone();
        if let Some(inner) = &spec.inner {
            out.inner = Some(Box::new(fill(inner, front_end, used)?));
            return Ok(out);
        }
        let entry = features::find(&spec.name)?;
        for ((name, value), used) in front_end.iter().zip(used) {
            if entry.params.iter().flat_map(|p| p.iter()).any(|p| p.name == name) {
                *used = true;
                if !spec.given.iter().any(|(n, _)| n == name) {
                    out.given.push((name.clone(), value.clone()));
                }
            }
        }
        Ok(out)
    }
    let mut used = vec![false; front_end.len()];
    let out: Result<Vec<Spec>> = specs.iter().map(|s| fill(s, front_end, &mut used)).collect();
    let out = out?;
    if let Some(at) = used.iter().position(|used| !used) {
        let name = &front_end[at].0;
        let mut known: Vec<&str> = Vec::new();
        for spec in specs {
            let mut spec = spec;
            while let Some(inner) = &spec.inner {
                spec = inner;
            }
            known.extend(
                features::find(&spec.name)?.params.iter().flat_map(|p| p.iter()).map(|p| p.name),
            );
        }
        let message = format!(
            "front-end parameter '{name}' belongs to none of the features{}",
            did_you_mean(name, &known)
        );
        return Err(Error::new(Code::UnknownName, message));
    }
    Ok(out)
}

impl Plan {
    /// Settles `specs` for signals of `sr` Hz.
    pub fn new(specs: &[Spec], sr: u32, options: Options) -> Result<Self> {
        if specs.is_empty() {
            return Err(Error::new(
                Code::BadParameter,
                "no feature is asked for; allowed is one or more",
            ));
        }
        if sr == 0 {
            return Err(Error::new(
                Code::BadRate,
                "the sampling rate is 0 Hz; allowed are rates from 1 Hz",
            ));
        }
        let specs = with_front_end(specs, &options.front_end)?;
        let mut plan = Self {
            sr,
            options,
            features: Vec::new(),
            single: Vec::new(),
            double: Vec::new(),
            sets: Vec::new(),
        };
        for spec in &specs {
            let key = spec.key();
            if plan.features.iter().any(|f| f.key == key) {
                let message = format!(
                    "two features are called '{key}'; give one a name of its own, for example other={spec}"
                );
                return Err(Error::new(Code::BadParameter, message));
            }
            let recipe = features::any_recipe(spec, sr)?;
            let vector = recipe.is_vector();
            match recipe {
                AnyRecipe::Frames(recipe) => plan.add(key, spec, recipe, vector)?,
                AnyRecipe::Set(recipe) => plan.add_set(key, spec, recipe, vector)?,
            }
        }
        Ok(plan)
    }

    fn add(&mut self, key: String, spec: &Spec, mut recipe: Recipe, vector: bool) -> Result<()> {
        pace(&mut recipe.ops, recipe.front.framing.hop, self.sr);
        let base = <f64 as Precision<L64>>::base(recipe.base.as_ref());
        let scope = if base.surveys() || recipe.front.prep == Prep::Normalise {
            Scope::Global
        } else {
            Scope::Local
        };
        let mut columns = recipe.columns;
        if base.width() != columns.len() {
            columns = crate::descriptor::numbered(base.width());
        }
        let columns = columns.iter().map(|c| format!("{key}{c}")).collect();
        let (columns, scope) = through_ops(&key, columns, scope, &recipe.ops)?;
        let global_because = (scope == Scope::Global)
            .then_some(recipe.global_because.unwrap_or("it needs the whole recording"));
        let framing = recipe.front.framing.clone();
        let double = self.options.double || recipe.double;
        let (front, base, ops) = (recipe.front, recipe.base, recipe.ops);
        let (kind, (group, member)) = if double {
            (GroupKind::Double, place(&mut self.double, front, base, ops)?)
        } else {
            (GroupKind::Single, place(&mut self.single, front, base, ops)?)
        };
        let place = Place { kind, group, member };
        let summary = features::find(&spec.name)?.summary;
        let (spec, unit) = (spec.to_string(), recipe.unit);
        self.features.push(Feature {
            key,
            spec,
            columns,
            summary,
            unit,
            scope,
            global_because,
            framing,
            vector,
            place,
        });
        Ok(())
    }

    fn add_set(
        &mut self,
        key: String,
        spec: &Spec,
        mut recipe: SetRecipe,
        vector: bool,
    ) -> Result<()> {
        let clock = smile::clock::Clock::new(self.sr)?;
        pace(&mut recipe.ops, clock.step, self.sr);
        let framing = Framing {
            length: clock.long.n,
            hop: clock.step,
            offset: 0,
            pad: Pad::Zero,
            count: Count::Full { after: 0 },
            least: 0,
        };
        let found = self.sets.iter().position(|g| g.key == recipe.analysis);
        if found.is_none() {
            self.sets.push(SetGroup::new(recipe.analysis, self.sr)?);
        }
        let group = found.unwrap_or(self.sets.len() - 1);
        let columns = recipe.columns.clone();
        let (columns, scope) = through_ops(&key, columns, Scope::Scan, &recipe.ops)?;
        let unit = recipe.unit;
        let member = self.sets[group].add(recipe);
        let place = Place { kind: GroupKind::Set, group, member };
        let summary = features::find(&spec.name)?.summary;
        let global_because =
            (scope == Scope::Global).then_some("a transform of it needs the whole recording");
        self.features.push(Feature {
            key,
            spec: spec.to_string(),
            columns,
            summary,
            unit,
            scope,
            global_because,
            framing,
            vector,
            place,
        });
        Ok(())
    }

    /// Sampling rate in Hz.
    pub fn sr(&self) -> u32 {
        self.sr
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The features, in the order in which they were asked for.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Fewest samples that hold one frame of every feature (and as many as its transforms need).
    pub fn min_samples(&self) -> usize {
        let needs = |f: &Feature| {
            let rows = self.min_rows(f.place).max(1);
            f.framing.length + (rows - 1) * f.framing.hop
        };
        self.features.iter().map(needs).max().unwrap_or(0)
    }

    fn min_rows(&self, place: Place) -> usize {
        let ops = match place.kind {
            GroupKind::Single => &self.single[place.group].members[place.member].ops,
            GroupKind::Double => &self.double[place.group].members[place.member].ops,
            GroupKind::Set => &self.sets[place.group].members[place.member].ops,
        };
        ops.iter().map(|op| <f64 as Precision<L64>>::op(op.as_ref()).min_rows()).max().unwrap_or(0)
    }

    fn short(&self, n: usize) -> Result<()> {
        let too_short = |what: String| Err(Error::new(Code::TooShort, what));
        let ms = |n: usize| 1000.0 * n as f64 / f64::from(self.sr);
        for f in &self.features {
            let length = f.framing.length;
            if n < length && self.options.on_short == OnShort::Error {
                return too_short(format!(
                    "signal has {n} samples, one frame of '{}' needs {length} ({} ms at {} Hz); \
                     on_short='pad' or 'allow' computes it all the same",
                    f.key,
                    ms(length),
                    self.sr
                ));
            }
            let (frames, rows) = (f.framing.frames(n), self.min_rows(f.place));
            if frames < rows {
                return too_short(format!(
                    "signal has {frames} frames, '{}' needs {rows}; on_short='pad' computes it all the same",
                    f.key
                ));
            }
        }
        Ok(())
    }

    /// Checks a whole signal against the policies: `None` if it can be used as it is, otherwise the
    /// signal to use in its place.
    fn admit<S: Sample>(&self, samples: &[S]) -> Result<Option<Vec<S>>> {
        let mut replaced = None;
        if self.options.on_nonfinite != OnNonFinite::Keep
            && let Some(at) = first_non_finite(samples)
        {
            if self.options.on_nonfinite == OnNonFinite::Error {
                return Err(non_finite(at as u64));
            }
            replaced = Some(
                samples.iter().map(|x| if x.is_finite() { *x } else { S::default() }).collect(),
            );
        }
        if samples.is_empty() && self.options.on_short == OnShort::Error {
            return Err(Error::new(Code::NoSamples, "the signal has no samples"));
        }
        if self.options.on_short == OnShort::Pad && samples.len() < self.min_samples() {
            let mut padded: Vec<S> = replaced.unwrap_or_else(|| samples.to_vec());
            padded.resize(self.min_samples(), S::default());
            replaced = Some(padded);
        }
        self.short(replaced.as_ref().map_or(samples.len(), Vec::len))?;
        Ok(replaced)
    }

    /// All features of one signal: per feature, its values, frames first.
    pub fn run<S: Sample>(&self, samples: &[S]) -> Result<Vec<Values>> {
        let replaced = self.admit(samples)?;
        let samples = replaced.as_deref().unwrap_or(samples);
        let single = self.single.iter().map(|g| g.whole(samples));
        let single = single.collect::<Vec<_>>();
        let double = self.double.iter().map(|g| g.whole(samples));
        let double = double.collect::<Vec<_>>();
        let sets: Result<Vec<_>> = self.sets.iter().map(|g| g.whole(samples)).collect();
        Ok(self.collect(single, double, sets?))
    }

    /// Features of a spectrum given by the caller: `spectrum` holds frames of `n_fft / 2 + 1` values
    /// of `stage`. Works on plans of one feature that reads this stage.
    pub fn run_spectrum(&self, stage: &Stage, spectrum: &[f64]) -> Vec<Values> {
        let narrow: Vec<f32> = if self.single.is_empty() {
            Vec::new()
        } else {
            spectrum.iter().map(|x| *x as f32).collect()
        };
        let single = self.single.iter().map(|g| g.spectrum(stage, &narrow)).collect();
        let double = self.double.iter().map(|g| g.spectrum(stage, spectrum)).collect();
        self.collect(single, double, Vec::new())
    }

    fn collect(
        &self,
        mut single: Vec<Vec<Vec<f32>>>,
        mut double: Vec<Vec<Vec<f64>>>,
        mut sets: Vec<Vec<Vec<f32>>>,
    ) -> Vec<Values> {
        let narrow = |values: Vec<f64>| values.into_iter().map(|x| x as f32).collect();
        let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect();
        let take = |f: &Feature| {
            let Place { kind, group, member } = f.place;
            match (kind, self.options.double) {
                (GroupKind::Single, _) => Values::F32(std::mem::take(&mut single[group][member])),
                (GroupKind::Double, true) => {
                    Values::F64(std::mem::take(&mut double[group][member]))
                }
                (GroupKind::Double, false) => {
                    Values::F32(narrow(std::mem::take(&mut double[group][member])))
                }
                (GroupKind::Set, false) => Values::F32(std::mem::take(&mut sets[group][member])),
                (GroupKind::Set, true) => {
                    Values::F64(wide(std::mem::take(&mut sets[group][member])))
                }
            }
        };
        self.features.iter().map(take).collect()
    }
}

/// Tells `ops` how far rows lie apart.
fn pace(ops: &mut [Box<dyn AnyOp>], hop: usize, sr: u32) {
    for op in ops {
        <dyn AnyOp as Op<f64>>::pace(op.as_mut(), hop as f64 / f64::from(sr));
    }
}

/// Columns and scope of rows after `ops`.
fn through_ops(
    key: &str,
    mut columns: Vec<String>,
    mut scope: Scope,
    ops: &[Box<dyn AnyOp>],
) -> Result<(Vec<String>, Scope)> {
    for op in ops {
        let op = <f64 as Precision<L64>>::op(op.as_ref());
        op.check(columns.len())?;
        let width = op.width(columns.len());
        scope = scope.max(op.scope());
        if let Some(names) = op.names(&columns) {
            columns = names;
        } else if width != columns.len() {
            columns = crate::descriptor::numbered(width);
            columns.iter_mut().for_each(|c| c.insert_str(0, key));
        }
    }
    Ok((columns, scope))
}

/// Transform `name` of rows that the caller holds, frames first with `columns` columns: rows, and how many
/// columns they have.
pub fn transform<T: Precision<L>, const L: usize>(
    name: &str,
    given: &Given,
    rows: &[T],
    columns: usize,
) -> Result<(Vec<T>, usize)> {
    let op = features::transform(name, given)?;
    let op = T::op(op.as_ref());
    op.check(columns)?;
    let count = rows.len() / columns.max(1);
    if count < op.min_rows() {
        let message = format!("{name}: {count} frames were given, it needs {}", op.min_rows());
        return Err(Error::new(Code::TooShort, message));
    }
    let mut run = op.begin(columns);
    run.survey(rows);
    run.settle();
    let mut out = Vec::new();
    run.push(rows, &mut out);
    run.finish(&mut out);
    Ok((out, op.width(columns)))
}

/// Position of the first NaN or infinite sample. Whole blocks are looked at before single samples,
/// since nearly all signals have none.
fn first_non_finite<S: Sample>(samples: &[S]) -> Option<usize> {
    let bad = |x: &S| !x.is_finite();
    let block = samples
        .chunks(1024)
        .position(|block| block.iter().fold(false, |found, x| found | bad(x)))?;
    let at = 1024 * block;
    samples[at..].iter().position(bad).map(|i| at + i)
}

fn non_finite(at: u64) -> Error {
    let message = format!(
        "sample {at} is NaN or infinite; on_nonfinite='zero' takes such samples as 0, 'keep' computes with them"
    );
    Error::new(Code::NonFinite, message)
}

/// The group of `front`, added if it is new, and the new member's index in it.
fn place<T: Precision<L>, const L: usize>(
    groups: &mut Vec<Group<T, L>>,
    front: FrontEnd,
    base: Box<dyn AnyBase>,
    ops: Vec<Box<dyn AnyOp>>,
) -> Result<(usize, usize)> {
    let found = groups.iter().position(|g| g.stages.front == front);
    let at = found.unwrap_or_else(|| {
        let spare = Mutex::new(Vec::new());
        groups.push(Group { stages: Stages::new(front), members: Vec::new(), spare });
        groups.len() - 1
    });
    let group = &mut groups[at];
    let wanted = T::base(base.as_ref()).stages();
    let ids: Result<Vec<usize>> = wanted.iter().map(|s| group.stages.add(s)).collect();
    group.members.push(Member { base, ids: ids?, ops });
    Ok((at, group.members.len() - 1))
}

impl<T: Precision<L>, const L: usize> Group<T, L> {
    /// Runs `work` with buffers from the store, which keeps them for the next recording.
    fn with_workspace<R>(&self, work: impl FnOnce(&mut Workspace<T, L>) -> R) -> R {
        // Never waits: a lock that was held while the process forked stays held in the child.
        let found = self.spare.try_lock().ok().and_then(|mut spare| spare.pop());
        let mut workspace = found.unwrap_or_else(|| self.stages.workspace());
        let result = work(&mut workspace);
        if let Ok(mut spare) = self.spare.try_lock() {
            spare.push(workspace);
        }
        result
    }

    /// All members' values for a whole signal.
    fn whole<S: Sample>(&self, samples: &[S]) -> Vec<Vec<T>> {
        match self.stages.front.prep {
            Prep::None => self.whole_prepared(View::whole(samples)),
            prep => {
                let mut run = PrepRun::new(prep);
                run.survey(samples);
                let mut prepared = Vec::with_capacity(samples.len());
                run.push(samples, &mut prepared);
                self.whole_prepared::<T>(View::whole(&prepared))
            }
        }
    }

    fn whole_prepared<S: Sample>(&self, view: View<'_, S>) -> Vec<Vec<T>> {
        let frames = self.stages.front.framing.frames(view.data.len());
        let mut loader = Loader::default();
        self.with_workspace(|work| {
            self.rows(frames, work, |first, valid, work| {
                self.stages.compute(view, first as u64, valid, &mut loader, work);
            })
        })
    }

    fn spectrum(&self, stage: &Stage, spectrum: &[T]) -> Vec<Vec<T>> {
        let frames = spectrum.len() / (self.stages.front.n_fft / 2 + 1);
        self.with_workspace(|work| {
            self.rows(frames, work, |first, valid, work| {
                self.stages.inject(stage, spectrum, first, valid, work);
            })
        })
    }

    /// All members' values over `frames` frames whose stages `compute` fills in.
    fn rows(
        &self,
        frames: usize,
        work: &mut Workspace<T, L>,
        mut compute: impl FnMut(usize, usize, &mut Workspace<T, L>),
    ) -> Vec<Vec<T>> {
        let blocks = || (0..frames).step_by(L).map(|first| (first, (frames - first).min(L)));
        let bases: Vec<_> = self.members.iter().map(|m| T::base(m.base.as_ref())).collect();
        let mut states: Vec<State> = bases.iter().map(|b| b.begin()).collect();
        let mut kept: Vec<Vec<Vec<[T; L]>>> = Vec::new();
        if bases.iter().any(|b| b.surveys()) {
            let bytes: usize = work.rows().iter().map(|r| r.len() * size_of::<[T; L]>()).sum();
            let keep = bytes * frames.div_ceil(L) <= KEEP;
            for (first, valid) in blocks() {
                compute(first, valid, work);
                for ((member, base), state) in self.members.iter().zip(&bases).zip(&mut states) {
                    if base.surveys() {
                        base.survey(
                            &Block::new(first as u64, valid, work.rows(), &member.ids),
                            state,
                        );
                    }
                }
                if keep {
                    kept.push(work.rows().to_vec());
                }
            }
            for (base, state) in bases.iter().zip(&mut states) {
                if base.surveys() {
                    base.settle(state);
                }
            }
        }
        let mut out: Vec<Vec<T>> =
            bases.iter().map(|b| Vec::with_capacity(frames * b.width())).collect();
        for (at, (first, valid)) in blocks().enumerate() {
            let rows = match kept.get(at) {
                Some(rows) => rows,
                None => {
                    compute(first, valid, work);
                    work.rows()
                }
            };
            for (i, (member, base)) in self.members.iter().zip(&bases).enumerate() {
                let block = Block::new(first as u64, valid, rows, &member.ids);
                base.emit(&block, &mut states[i], &mut out[i]);
            }
        }
        for ((member, base), rows) in self.members.iter().zip(&bases).zip(&mut out) {
            let mut width = base.width();
            for op in &member.ops {
                let op = T::op(op.as_ref());
                let mut run = op.begin(width);
                if op.scope() == Scope::Global {
                    run.survey(rows);
                    run.settle();
                }
                width = op.width(width);
                let count = if op.collapses() { 1 } else { frames };
                let mut next = Vec::with_capacity(count * width);
                run.push(rows, &mut next);
                run.finish(&mut next);
                *rows = next;
            }
        }
        out
    }
}

/// A [`Prep`] on its way along one recording.
struct PrepRun<T> {
    prep: Prep,
    last: Option<T>,
    count: u64,
    sum: f64,
    low: f64,
    high: f64,
}

impl<T: Real> PrepRun<T> {
    fn new(prep: Prep) -> Self {
        Self { prep, last: None, count: 0, sum: 0.0, low: f64::INFINITY, high: f64::NEG_INFINITY }
    }

    fn surveys(&self) -> bool {
        self.prep == Prep::Normalise
    }

    fn survey<S: Sample>(&mut self, samples: &[S]) {
        if self.surveys() {
            for x in samples {
                let x: f64 = x.to();
                self.sum += x;
                self.low = self.low.min(x);
                self.high = self.high.max(x);
            }
            self.count += samples.len() as u64;
        }
    }

    fn push<S: Sample>(&mut self, samples: &[S], out: &mut Vec<T>) {
        match self.prep {
            Prep::None => out.extend(samples.iter().map(|x| x.to::<T>())),
            Prep::PreEmphasis(c) => {
                let c = T::of(c);
                for x in samples {
                    let x: T = x.to();
                    out.push(self.last.map_or(x, |last| x - c * last));
                    self.last = Some(x);
                }
            }
            Prep::Normalise => {
                let scale = 32768.0;
                let mean = self.sum / scale / self.count.max(1) as f64;
                let top =
                    (self.high / scale - mean).abs().max((self.low / scale - mean).abs()) + 1e-10;
                out.extend(samples.iter().map(|x| T::of((x.to::<f64>() / scale - mean) / top)));
            }
        }
    }
}

/// A plan on its way along one recording that comes in pieces.
pub struct Run {
    plan: Arc<Plan>,
    single: Vec<GroupRun<f32, L32>>,
    double: Vec<GroupRun<f64, L64>>,
    sets: Vec<SetRun>,
    pass: usize,
    passes: usize,
    count: u64,
    /// Held back until the signal is known to be long enough.
    ended: bool,
}

impl Run {
    /// Starts. With `stream`, features that need the whole recording are refused; otherwise the
    /// caller feeds the recording once for each of [`Run::passes`].
    pub fn new(plan: Arc<Plan>, stream: bool) -> Result<Self> {
        if stream
            && let Some((f, why)) = plan.features.iter().find_map(|f| Some((f, f.global_because?)))
        {
            let message = format!("'{}' cannot stream: {why}", f.key);
            return Err(Error::new(Code::NotStreamable, message));
        }
        let single: Vec<_> = plan.single.iter().map(GroupRun::new).collect();
        let double: Vec<_> = plan.double.iter().map(GroupRun::new).collect();
        let passes = single.iter().map(|g| g.passes).chain(double.iter().map(|g| g.passes)).max();
        let passes = passes.unwrap_or(1);
        let sets: Result<Vec<_>> = plan.sets.iter().map(SetRun::new).collect();
        let sets = sets?;
        Ok(Self { plan, single, double, sets, pass: 0, passes, count: 0, ended: false })
    }

    /// How many times the recording has to be fed.
    pub fn passes(&self) -> usize {
        self.passes
    }

    /// Whether the pass that is under way is the one in which rows come out.
    pub fn last_pass(&self) -> bool {
        self.pass + 1 >= self.passes
    }

    /// Takes the next samples and, with `end`, ends the pass. In the last pass, gives the rows of
    /// every feature that have become final; in earlier ones, none.
    pub fn feed<S: Sample>(&mut self, samples: &[S], end: bool) -> Result<Vec<Values>> {
        if self.ended {
            return Err(Error::new(Code::BadParameter, "the stream has ended; start a new one"));
        }
        let options = &self.plan.options;
        let mut replaced: Option<Vec<S>> = None;
        if options.on_nonfinite != OnNonFinite::Keep
            && let Some(at) = first_non_finite(samples)
        {
            if options.on_nonfinite == OnNonFinite::Error {
                return Err(non_finite(self.count + at as u64));
            }
            replaced = Some(
                samples.iter().map(|x| if x.is_finite() { *x } else { S::default() }).collect(),
            );
        }
        self.count += samples.len() as u64;
        if end {
            let shortest = self.plan.min_samples();
            let n = usize::try_from(self.count).unwrap_or(usize::MAX);
            if n == 0 && options.on_short == OnShort::Error {
                return Err(Error::new(Code::NoSamples, "the signal has no samples"));
            }
            if options.on_short == OnShort::Pad && n < shortest {
                let mut padded = replaced.unwrap_or_else(|| samples.to_vec());
                padded.resize(padded.len() + shortest - n, S::default());
                self.count += (shortest - n) as u64;
                replaced = Some(padded);
            } else {
                self.plan.short(n)?;
            }
        }
        let samples = replaced.as_deref().unwrap_or(samples);
        let (plan, pass, last) = (&self.plan, self.pass, self.last_pass());
        let single = plan.single.iter().zip(&mut self.single);
        let single = single.map(|(g, run)| run.feed(g, samples, end, pass, last)).collect();
        let double = plan.double.iter().zip(&mut self.double);
        let double = double.map(|(g, run)| run.feed(g, samples, end, pass, last)).collect();
        let sets = plan.sets.iter().zip(&mut self.sets);
        let sets = sets.map(|(g, run)| match last {
            true => run.feed(g, samples, end),
            false => vec![Vec::new(); g.members.len()],
        });
        let sets = sets.collect();
        if end {
            self.pass += 1;
            self.count = 0;
            self.ended = self.pass == self.passes;
        }
        Ok(self.plan.collect(single, double, sets))
    }
}

/// One group of a [`Run`].
struct GroupRun<T: Real, const L: usize> {
    passes: usize,
    prep: PrepRun<T>,
    loader: Loader<T>,
    work: Workspace<T, L>,
    /// Samples `start ..` of the prepared signal.
    buffer: Vec<T>,
    start: u64,
    next: u64,
    members: Vec<MemberRun<T>>,
}

struct MemberRun<T> {
    state: State,
    ops: Vec<Box<dyn OpRun<T>>>,
    /// What has to be surveyed, in order: the base, then operations by index.
    surveys: Vec<Option<usize>>,
}

impl<T: Precision<L>, const L: usize> GroupRun<T, L> {
    fn new(group: &Group<T, L>) -> Self {
        let prep = PrepRun::new(group.stages.front.prep);
        let members: Vec<MemberRun<T>> = group.members.iter().map(MemberRun::new::<L>).collect();
        let surveys = members.iter().map(|m| m.surveys.len()).max().unwrap_or(0);
        let passes = usize::from(prep.surveys()) + surveys + 1;
        let work = group.stages.workspace();
        let loader = Loader::default();
        Self { passes, prep, loader, work, buffer: Vec::new(), start: 0, next: 0, members }
    }

    /// One piece of pass `pass`; rows come out if it is the `last`.
    fn feed<S: Sample>(
        &mut self,
        group: &Group<T, L>,
        samples: &[S],
        end: bool,
        pass: usize,
        last: bool,
    ) -> Vec<Vec<T>> {
        let mut out: Vec<Vec<T>> = vec![Vec::new(); group.members.len()];
        if self.prep.surveys() && pass == 0 {
            self.prep.survey(samples);
            return out;
        }
        let survey = pass - usize::from(self.prep.surveys());
        self.prep.push(samples, &mut self.buffer);
        let framing = &group.stages.front.framing;
        let known = self.start + self.buffer.len() as u64;
        let total = end.then_some(known);
        let ready = if end { framing.frames(known as usize) as u64 } else { framing.ready(known) };
        let busy = |m: &MemberRun<T>| last || survey < m.surveys.len();
        if self.members.iter().any(busy) {
            while self.next < ready {
                let valid = (ready - self.next).min(L as u64) as usize;
                let view = View { data: &self.buffer, start: self.start, total };
                group.stages.compute(view, self.next, valid, &mut self.loader, &mut self.work);
                for ((member, run), out) in
                    group.members.iter().zip(&mut self.members).zip(&mut out)
                {
                    let block = Block::new(self.next, valid, self.work.rows(), &member.ids);
                    run.block(member, &block, survey, last, out);
                }
                self.next += valid as u64;
            }
        }
        if end {
            for ((member, run), out) in group.members.iter().zip(&mut self.members).zip(&mut out) {
                run.end(member, survey, last, out);
            }
            self.buffer.clear();
            (self.start, self.next) = (0, 0);
            self.prep.last = None;
        } else {
            // Keep what the next frame needs, and what padding at the end may read.
            let oldest = framing.start(self.next).max(0) as u64;
            let keep_from = oldest.min(known.saturating_sub(framing.tail()));
            let drop = keep_from.saturating_sub(self.start);
            self.buffer.drain(..drop as usize);
            self.start += drop;
        }
        out
    }
}

impl<T: Real> MemberRun<T> {
    fn new<const L: usize>(member: &Member) -> Self
    where
        T: Precision<L>,
    {
        let base = T::base(member.base.as_ref());
        let mut surveys = Vec::new();
        if base.surveys() {
            surveys.push(None);
        }
        let globals = member.ops.iter().enumerate();
        surveys.extend(
            globals
                .filter(|(_, op)| T::op(op.as_ref()).scope() == Scope::Global)
                .map(|(i, _)| Some(i)),
        );
        Self { state: base.begin(), ops: begin_ops(base.width(), &member.ops), surveys }
    }

    /// One block of frames in a pass that surveys number `survey`, or in the `last` pass.
    fn block<const L: usize>(
        &mut self,
        member: &Member,
        block: &Block<'_, T, L>,
        survey: usize,
        last: bool,
        out: &mut Vec<T>,
    ) where
        T: Precision<L>,
    {
        let base = T::base(member.base.as_ref());
        match self.surveys.get(survey).copied() {
            Some(None) => base.survey(block, &mut self.state),
            Some(Some(op)) => {
                let mut rows = Vec::new();
                base.emit(block, &mut self.state, &mut rows);
                let rows = self.through(op, rows);
                self.ops[op].survey(&rows);
            }
            None if last => {
                let mut rows = Vec::new();
                base.emit(block, &mut self.state, &mut rows);
                out.extend(self.through(self.ops.len(), rows));
            }
            None => {}
        }
    }

    /// Rows of the base after the first `count` operations.
    fn through(&mut self, count: usize, mut rows: Vec<T>) -> Vec<T> {
        for op in &mut self.ops[..count] {
            let mut next = Vec::new();
            op.push(&rows, &mut next);
            rows = next;
        }
        rows
    }

    /// End of a pass.
    fn end<const L: usize>(&mut self, member: &Member, survey: usize, last: bool, out: &mut Vec<T>)
    where
        T: Precision<L>,
    {
        let base = T::base(member.base.as_ref());
        let flush = match self.surveys.get(survey).copied() {
            Some(None) => {
                base.settle(&mut self.state);
                return;
            }
            Some(Some(op)) => op,
            None if last => self.ops.len(),
            None => return,
        };
        // What an operation held back goes through those after it.
        let mut rows = Vec::new();
        for at in 0..flush {
            let mut next = Vec::new();
            self.ops[at].push(&rows, &mut next);
            self.ops[at].finish(&mut next);
            rows = next;
        }
        if let Some(Some(op)) = self.surveys.get(survey).copied() {
            self.ops[op].survey(&rows);
            self.ops[op].settle();
            self.restart::<L>(member);
        } else {
            out.extend(rows);
        }
    }

    /// Fresh states for the next pass, but for what has been settled.
    fn restart<const L: usize>(&mut self, member: &Member)
    where
        T: Precision<L>,
    {
        let base = T::base(member.base.as_ref());
        if !base.surveys() {
            self.state = base.begin();
        }
        for ((fresh, op), run) in
            begin_ops(base.width(), &member.ops).into_iter().zip(&member.ops).zip(&mut self.ops)
        {
            if T::op(op.as_ref()).scope() != Scope::Global {
                *run = fresh;
            }
        }
    }
}

fn begin_ops<T: Precision<L>, const L: usize>(
    mut width: usize,
    ops: &[Box<dyn AnyOp>],
) -> Vec<Box<dyn OpRun<T>>> {
    let mut runs = Vec::with_capacity(ops.len());
    for op in ops {
        let op = T::op(op.as_ref());
        runs.push(op.begin(width));
        width = op.width(width);
    }
    runs
}
