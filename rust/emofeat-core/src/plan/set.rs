//! Sets in a plan: an analysis of their own, shared by their outputs.

use super::begin_ops;
use crate::descriptor::{
    AnyOp, Assembler, Assembly, OpRun, Precision, Scope, SetOutput, SetRecipe,
};
use crate::dsp::lanes::{L32, Sample};
use crate::error::Result;
use crate::smile;
use std::sync::Mutex;

/// The outputs of one set, which share its analysis.
pub(super) struct SetGroup {
    /// Set and variant.
    pub key: (smile::Set, smile::Variant),
    assembler: Box<dyn Assembler>,
    pub members: Vec<SetMember>,
    spare: Mutex<Vec<Box<dyn Assembly>>>,
}

pub(super) struct SetMember {
    output: SetOutput,
    /// Columns that the analysis gives, and those that are wanted of them.
    width: usize,
    pick: Option<Vec<usize>>,
    pub ops: Vec<Box<dyn AnyOp>>,
}

impl SetGroup {
    /// The analysis of a set at `sr` Hz, without outputs.
    pub fn new(key: (smile::Set, smile::Variant), sr: u32) -> Result<Self> {
        let assembler = smile::assembler(key.0, sr, key.1)?;
        Ok(Self { key, assembler, members: Vec::new(), spare: Mutex::new(Vec::new()) })
    }

    /// Adds an output; gives its index.
    pub fn add(&mut self, recipe: SetRecipe) -> usize {
        let SetRecipe { output, width, pick, ops, .. } = recipe;
        self.members.push(SetMember { output, width, pick, ops });
        self.members.len() - 1
    }

    /// A new analysis for the members.
    fn begin(&self) -> Result<Box<dyn Assembly>> {
        let outputs: Vec<SetOutput> = self.members.iter().map(|member| member.output).collect();
        self.assembler.begin(&outputs)
    }

    /// Runs `work` with an analysis from the store, which keeps it for the next recording.
    fn with_analysis<R>(&self, work: impl FnOnce(&mut dyn Assembly) -> R) -> Result<R> {
        // Never waits: a lock that was held while the process forked stays held in the child.
        let found = self.spare.try_lock().ok().and_then(|mut spare| spare.pop());
        let mut analysis = match found {
            Some(analysis) => analysis,
            None => self.begin()?,
        };
        analysis.restart();
        let result = work(analysis.as_mut());
        if let Ok(mut spare) = self.spare.try_lock() {
            spare.push(analysis);
        }
        Ok(result)
    }

    /// All members' values for a whole signal.
    pub fn whole<S: Sample>(&self, samples: &[S]) -> Result<Vec<Vec<f32>>> {
        let samples: Vec<f32> = samples.iter().map(|x| x.to()).collect();
        self.with_analysis(|analysis| {
            analysis.push(&samples);
            analysis.finish();
            let rows = |member: &SetMember| {
                let mut run = SetMemberRun::new(member);
                run.rows(member, analysis, true)
            };
            self.members.iter().map(rows).collect()
        })
    }
}

/// One output of a set on its way along one recording.
struct SetMemberRun {
    /// Rows of the output that have come.
    from: usize,
    /// Operations, and whether each needs to see all rows first.
    ops: Vec<(bool, Box<dyn OpRun<f32>>)>,
    /// All rows so far if one does. They are few beside the samples they came from.
    held: Option<Vec<f32>>,
}

impl SetMemberRun {
    fn new(member: &SetMember) -> Self {
        let width = member.pick.as_ref().map_or(member.width, Vec::len);
        let global = |op: &dyn AnyOp| <f32 as Precision<L32>>::op(op).scope() == Scope::Global;
        let runs = begin_ops::<f32, L32>(width, &member.ops);
        let ops: Vec<_> = member.ops.iter().map(|op| global(op.as_ref())).zip(runs).collect();
        let held = ops.iter().any(|(global, _)| *global).then(Vec::new);
        Self { from: 0, ops, held }
    }

    /// The rows that have become final, after the operations.
    fn rows(&mut self, member: &SetMember, analysis: &mut dyn Assembly, end: bool) -> Vec<f32> {
        let mut rows = Vec::new();
        analysis.rows(member.output, self.from, &mut rows);
        self.from += rows.len() / member.width;
        if let Some(pick) = &member.pick {
            let all = rows.chunks_exact(member.width);
            rows = all.flat_map(|row| pick.iter().map(|at| row[*at])).collect();
        }
        if let Some(held) = &mut self.held {
            held.append(&mut rows);
            if !end {
                return rows;
            }
            std::mem::swap(held, &mut rows);
        }
        for (global, op) in &mut self.ops {
            if *global {
                op.survey(&rows);
                op.settle();
            }
            let mut next = Vec::new();
            op.push(&rows, &mut next);
            if end {
                op.finish(&mut next);
            }
            rows = next;
        }
        rows
    }
}

/// One set of a [`super::Run`].
pub(super) struct SetRun {
    analysis: Box<dyn Assembly>,
    members: Vec<SetMemberRun>,
    samples: Vec<f32>,
}

impl SetRun {
    pub fn new(group: &SetGroup) -> Result<Self> {
        let members = group.members.iter().map(SetMemberRun::new).collect();
        Ok(Self { analysis: group.begin()?, members, samples: Vec::new() })
    }

    /// One piece of the last pass, the only one that a set takes part in.
    pub fn feed<S: Sample>(&mut self, group: &SetGroup, samples: &[S], end: bool) -> Vec<Vec<f32>> {
        self.samples.clear();
        self.samples.extend(samples.iter().map(|x| x.to::<f32>()));
        self.analysis.push(&self.samples);
        if end {
            self.analysis.finish();
        }
        let members = group.members.iter().zip(&mut self.members);
        members.map(|(member, run)| run.rows(member, self.analysis.as_mut(), end)).collect()
    }
}
