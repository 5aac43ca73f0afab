//! The sets as a plan sees them: samples in, rows of descriptors, deltas and functionals out.

use super::analysis::{Analysis, AnalysisPlan};
use super::{Set, Variant, compare, egemaps};
use crate::descriptor::{Assembler, Assembly, SetOutput};
use crate::error::Result;
use std::sync::Arc;

/// The analysis of `set` at `sr` Hz, 8 to 96 kHz.
pub fn assembler(set: Set, sr: u32, variant: Variant) -> Result<Box<dyn Assembler>> {
    let plan = Arc::new(AnalysisPlan::new(set, sr, variant)?);
    Ok(Box::new(SetAssembler { plan, set, variant }))
}

struct SetAssembler {
    plan: Arc<AnalysisPlan>,
    set: Set,
    variant: Variant,
}

impl Assembler for SetAssembler {
    fn begin(&self, outputs: &[SetOutput]) -> Result<Box<dyn Assembly>> {
        let plan = self.plan.clone();
        let analysis = if outputs.iter().all(|output| *output == SetOutput::Functionals) {
            Analysis::for_functionals(plan)?
        } else {
            Analysis::with_plan(plan)?
        };
        Ok(match self.set {
            Set::Egemaps => {
                let scratch = egemaps::Scratch::default();
                Box::new(Egemaps { analysis, variant: self.variant, scratch })
            }
            Set::Compare => {
                let deltas = compare::Deltas::new(self.variant);
                let scratch = compare::Scratch::default();
                Box::new(Compare { analysis, variant: self.variant, deltas, done: 0, scratch })
            }
        })
    }
}

struct Egemaps {
    analysis: Analysis,
    variant: Variant,
    scratch: egemaps::Scratch,
}

impl Assembly for Egemaps {
    fn restart(&mut self) {
        self.analysis.reset();
    }

    fn push(&mut self, samples: &[f32]) {
        self.analysis.push(samples);
    }

    fn finish(&mut self) {
        self.analysis.finish();
    }

    fn rows(&mut self, output: SetOutput, from: usize, out: &mut Vec<f32>) {
        let streams = self.analysis.streams();
        match output {
            SetOutput::Descriptors => {
                let to = egemaps::final_rows(streams);
                egemaps::lld_rows(streams, self.variant, from, to, out);
            }
            // eGeMAPSv02 defines no deltas, and the catalogue offers none.
            SetOutput::Deltas => {}
            SetOutput::Functionals => {
                if streams.ended
                    && from == 0
                    && !egemaps::functionals(streams, self.variant, &mut self.scratch, out)
                {
                    out.extend([f32::NAN; egemaps::FUNCTIONAL_NAMES.len()]);
                }
            }
        }
    }
}

struct Compare {
    analysis: Analysis,
    variant: Variant,
    deltas: compare::Deltas,
    /// Rows of deltas that have gone out.
    done: usize,
    scratch: compare::Scratch,
}

impl Assembly for Compare {
    fn restart(&mut self) {
        self.analysis.reset();
        (self.deltas, self.done) = (compare::Deltas::new(self.variant), 0);
    }

    fn push(&mut self, samples: &[f32]) {
        self.analysis.push(samples);
    }

    fn finish(&mut self) {
        self.analysis.finish();
    }

    fn rows(&mut self, output: SetOutput, from: usize, out: &mut Vec<f32>) {
        let streams = self.analysis.streams();
        match output {
            SetOutput::Descriptors => {
                let to = compare::final_rows(streams);
                compare::lld_rows(streams, self.variant, from, to, out);
            }
            SetOutput::Deltas => {
                // Their divisor grows from row to row: another reader starts anew.
                if from != self.done {
                    (self.deltas, self.done) = (compare::Deltas::new(self.variant), 0);
                }
                let (start, to) = (out.len(), compare::final_delta_rows(streams));
                self.deltas.rows(streams, to, out);
                out.drain(start..start + (from - self.done) * compare::LLDS);
                self.done = self.done.max(to);
            }
            SetOutput::Functionals => {
                if streams.ended
                    && from == 0
                    && !compare::functionals(streams, self.variant, &mut self.scratch, out)
                {
                    out.extend([f32::NAN; compare::FUNCTIONALS]);
                }
            }
        }
    }
}
