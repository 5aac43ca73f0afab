//! Descriptors that need the pitch: asked for when it is decided, up to 40 frames late.

use super::clock::Clock;
use super::harmonics::describe;
use super::hnr::{Hnr, Voiced};
use super::periods::{Periods, shimmer_db};
use super::pitch::{Candidates, Decision, Shs, Viterbi, Workspace, semitones};
use super::spectral::Row;
use super::{Set, Streams, Variant, compare60, egemaps60};
use crate::dsp::frame::untranspose;
use crate::dsp::lanes::L32;
use crate::error::Result;
use std::collections::VecDeque;

/// Root mean square of a windowed frame of 60 ms up to which it counts as silent, and unvoiced.
const SILENCE: f32 = 0.001;

/// Frames that wait at most until there are enough voiced ones to fill the lanes.
const PATIENCE: usize = 32;

/// Contours of the frequencies of F1 to F3; bandwidth and amplitude follow.
const FORMANTS: [usize; 3] =
    [egemaps60::FORMANTS, egemaps60::FORMANTS + 3, egemaps60::FORMANTS + 6];

/// What does not depend on the recording.
#[derive(Debug)]
pub struct VoicePlan {
    set: Set,
    variant: Variant,
    clock: Clock,
    shs: Shs,
    /// Frames that wait for their pitch at most.
    buffer: usize,
}

impl VoicePlan {
    /// Pitch and what hangs on it for `set`.
    pub fn new(set: Set, clock: &Clock, variant: Variant) -> Self {
        let (low, high, buffer) = match set {
            Set::Egemaps => (55.0, 1000.0, 40),
            Set::Compare => (52.0, 620.0, 30),
        };
        let shs = Shs::new(&clock.long, low, high);
        Self { set, variant, shs, buffer, clock: clock.clone() }
    }
}

/// Magnitudes of the frames that are not described yet, frames first, in the blocks they came in.
#[derive(Debug, Default)]
struct Recent {
    blocks: VecDeque<Vec<f32>>,
    /// Emptied blocks, for their memory.
    spare: Vec<Vec<f32>>,
    /// First frame of the first block.
    first: usize,
    bins: usize,
}

impl Recent {
    fn push(&mut self, mag: &[Row], valid: usize) {
        self.bins = mag.len();
        let mut block = self.spare.pop().unwrap_or_default();
        untranspose(mag, valid, &mut block);
        self.blocks.push_back(block);
    }

    fn frame(&self, k: usize) -> &[f32] {
        let at = k - self.first;
        &self.blocks[at / L32][at % L32 * self.bins..][..self.bins]
    }

    /// Lets go of the blocks that lie wholly before frame `k`.
    fn forget(&mut self, k: usize) {
        while self.first + L32 <= k {
            let Some(mut block) = self.blocks.pop_front() else { return };
            block.clear();
            self.spare.push(block);
            self.first += L32;
        }
    }

    fn reset(&mut self) {
        while let Some(mut block) = self.blocks.pop_front() {
            block.clear();
            self.spare.push(block);
        }
        self.first = 0;
    }
}

/// The voice of one recording.
#[derive(Debug)]
pub struct Voice {
    workspace: Workspace<L32>,
    viterbi: Viterbi,
    periods: Periods,
    /// Decisions about the frames from number `decided` on.
    decisions: Vec<Decision>,
    /// Root mean squares of the frames from number `decided` on.
    energies: VecDeque<f32>,
    decided: usize,
    timbre: Option<Timbre>,
}

/// Samples from number `start` on.
#[derive(Debug, Clone, Copy)]
pub struct Wave<'a> {
    /// The samples at hand.
    pub samples: &'a [f32],
    /// Number of the first one.
    pub start: u64,
}

impl Voice {
    /// Before the first frame.
    pub fn new(plan: &VoicePlan) -> Result<Self> {
        Ok(Self {
            workspace: Workspace::new(&plan.clock.long),
            viterbi: Viterbi::new(plan.buffer),
            periods: Periods::new(&plan.clock, plan.set),
            decisions: Vec::new(),
            energies: VecDeque::new(),
            decided: 0,
            timbre: match plan.set {
                Set::Egemaps => Some(Timbre::new(&plan.clock)?),
                Set::Compare => None,
            },
        })
    }

    /// Forgets the recording.
    pub fn reset(&mut self, plan: &VoicePlan) {
        self.viterbi = Viterbi::new(plan.buffer);
        self.periods = Periods::new(&plan.clock, plan.set);
        self.energies.clear();
        self.decided = 0;
        if let Some(timbre) = &mut self.timbre {
            timbre.reset();
        }
    }

    /// First sample that will still be read.
    pub fn needed(&self) -> u64 {
        self.periods.needed(self.decided as u64)
    }

    /// Takes the next frames of 60 ms, `energies.len()` lanes of magnitudes, and fills the contours of
    /// the frames whose pitch that decides.
    pub fn block(
        &mut self,
        plan: &VoicePlan,
        mag: &[Row],
        energies: &[f32],
        wave: Wave<'_>,
        streams: &mut Streams,
    ) {
        let mut candidates = [Candidates::default(); L32];
        let candidates = &mut candidates[..energies.len()];
        plan.shs.candidates(mag, &mut self.workspace, candidates);
        for candidates in candidates {
            self.viterbi.push(candidates, &mut self.decisions);
        }
        self.energies.extend(energies);
        if let Some(timbre) = &mut self.timbre {
            timbre.recent.push(mag, energies.len());
        }
        self.settle(plan, wave, streams);
        if let Some(timbre) = &mut self.timbre {
            timbre.describe(plan, self.decided, PATIENCE, streams);
        }
        streams.decided = self.decided;
    }

    /// Decides and describes the frames that wait.
    pub fn finish(&mut self, plan: &VoicePlan, wave: Wave<'_>, streams: &mut Streams) {
        streams.decided = self.viterbi.finish(&mut self.decisions);
        self.settle(plan, wave, streams);
        if let Some(timbre) = &mut self.timbre {
            timbre.describe(plan, self.decided, 0, streams);
        }
    }

    /// Pitch and periods of the frames newly decided.
    fn settle(&mut self, plan: &VoicePlan, wave: Wave<'_>, streams: &mut Streams) {
        let mut put = |name: usize, x: f32| streams.long[name].push(x);
        for mut decision in self.decisions.drain(..) {
            if !self.energies.pop_front().is_some_and(|energy| energy > SILENCE) {
                decision = Decision { f0: 0.0, voicing: 0.0 };
            }
            let Decision { f0, voicing } = decision;
            let frame = self.decided as u64;
            let periods = self.periods.frame(frame, f0, wave.samples, wave.start);
            match plan.set {
                Set::Egemaps => {
                    put(egemaps60::F0, semitones(f0));
                    put(egemaps60::JITTER, periods.jitter);
                    put(egemaps60::SHIMMER_DB, shimmer_db(periods.shimmer));
                    if let Some(timbre) = self.timbre.as_mut().filter(|_| f0 > 0.0) {
                        timbre.voiced.push((self.decided, f0));
                    }
                }
                Set::Compare => {
                    put(compare60::F0, f0);
                    put(compare60::VOICING, voicing);
                    put(compare60::JITTER, periods.jitter);
                    put(compare60::JITTER_DDP, periods.jitter_ddp);
                    put(compare60::SHIMMER, periods.shimmer);
                    put(compare60::LOG_HNR, periods.log_hnr);
                }
            }
            self.decided += 1;
        }
    }
}

/// What eGeMAPSv02 reads off the spectra of voiced frames once their pitch is known: HNR, harmonics,
/// and the harmonics near formants.
#[derive(Debug)]
struct Timbre {
    hnr: Hnr,
    recent: Recent,
    /// Number and F0 in Hz of the voiced frames that wait.
    voiced: Vec<(usize, f32)>,
    /// Frames described.
    described: usize,
}

impl Timbre {
    fn new(clock: &Clock) -> Result<Self> {
        Ok(Self {
            hnr: Hnr::new(&clock.long)?,
            recent: Recent::default(),
            voiced: Vec::new(),
            described: 0,
        })
    }

    fn reset(&mut self) {
        self.recent.reset();
        self.voiced.clear();
        self.described = 0;
    }

    /// Describes frames before number `decided`: as long as there are enough voiced ones to fill the
    /// lanes, and then the others if more than `patience` frames wait.
    fn describe(
        &mut self,
        plan: &VoicePlan,
        decided: usize,
        patience: usize,
        streams: &mut Streams,
    ) {
        while let Some(&(last, _)) = self.voiced.get(L32 - 1) {
            self.batch(plan, last + 1, streams);
        }
        if decided - self.described > patience {
            self.batch(plan, decided, streams);
        }
    }

    /// Describes the frames before number `end`, of which at most [`L32`] are voiced.
    fn batch(&mut self, plan: &VoicePlan, end: usize, streams: &mut Streams) {
        let batch = self.voiced.partition_point(|(k, _)| *k < end);
        let voiced = |&(k, f0): &(usize, f32)| Voiced { magnitude: self.recent.frame(k), f0 };
        let frames: Vec<Voiced<'_>> = self.voiced[..batch].iter().map(voiced).collect();
        let mut hnr = [0.0; L32];
        if batch > 0 {
            self.hnr.apply(&frames, &mut hnr);
        }
        let long = &mut streams.long;
        let unvoiced = describe(&[], &[], 0.0, [0.0; 3], plan.variant);
        long[egemaps60::HNR].resize(end, 0.0);
        long[egemaps60::H1_H2].resize(end, unvoiced.h1_h2);
        long[egemaps60::H1_A3].resize(end, unvoiced.h1_a3);
        for (formant, amplitude) in FORMANTS.into_iter().zip(unvoiced.amplitude) {
            long[formant + 2].resize(end, amplitude);
        }
        for ((frame, &(k, f0)), hnr) in frames.iter().zip(&self.voiced).zip(hnr) {
            let formants = FORMANTS.map(|formant| long[formant][k]);
            let grid = &plan.clock.long;
            let values = describe(frame.magnitude, &grid.axis, f0, formants, plan.variant);
            long[egemaps60::HNR][k] = hnr;
            long[egemaps60::H1_H2][k] = values.h1_h2;
            long[egemaps60::H1_A3][k] = values.h1_a3;
            for (formant, amplitude) in FORMANTS.into_iter().zip(values.amplitude) {
                long[formant + 2][k] = amplitude;
            }
        }
        self.voiced.drain(..batch);
        self.described = end;
        self.recent.forget(end);
    }
}
