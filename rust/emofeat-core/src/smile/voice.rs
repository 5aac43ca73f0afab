//! Descriptors that need the pitch: asked for when it is decided, up to 40 frames late.

use super::clock::Clock;
use super::formants::{self, Formants};
use super::harmonics::describe;
use super::hnr::Hnr;
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

/// Contours of these frequencies and then of the bandwidths.
const FREQUENCIES_AND_BANDWIDTHS: [usize; 2 * formants::COUNT] =
    [FORMANTS[0], FORMANTS[1], FORMANTS[2], FORMANTS[0] + 1, FORMANTS[1] + 1, FORMANTS[2] + 1];

/// Frames in which formants are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormantFrames {
    /// All, as descriptors have them.
    Every,
    /// Those with a pitch, all that functionals read; frequencies and bandwidths of the others are 0.
    Voiced,
}

/// What does not depend on the recording.
#[derive(Debug)]
pub struct VoicePlan {
    set: Set,
    variant: Variant,
    clock: Clock,
    shs: Shs,
    /// None for a set without formants.
    formants: Option<Formants>,
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
        let formants = (set == Set::Egemaps).then(|| Formants::new(clock, variant));
        Self { set, variant, shs, formants, buffer, clock: clock.clone() }
    }

    /// Bins of the spectra of 20 ms frames that are read, from the first on.
    pub fn formant_bins(&self) -> usize {
        self.formants.as_ref().map_or(0, Formants::bins)
    }
}

/// Rows of the frames that are not described yet, in the blocks they came in: most frames are never
/// looked at again, so only those that turn out voiced are taken out of their lanes.
#[derive(Debug, Default)]
struct Recent {
    blocks: VecDeque<Vec<Row>>,
    /// Blocks that are over, for their memory.
    spare: Vec<Vec<Row>>,
    /// First frame of the first block.
    first: usize,
}

impl Recent {
    /// Adds a block, which `fill` makes of one that is over or of an empty one.
    fn push(&mut self, fill: impl FnOnce(&mut Vec<Row>)) {
        let mut block = self.spare.pop().unwrap_or_default();
        fill(&mut block);
        self.blocks.push_back(block);
    }

    /// `frames` into lanes; the last one again into lanes left over. Without frames `rows` stay as they
    /// were.
    fn gather(&self, frames: &[(usize, f32)], rows: &mut [Row]) {
        let Some(last) = frames.last() else { return };
        let columns: [&[f32]; L32] = std::array::from_fn(|lane| {
            let at = frames.get(lane).unwrap_or(last).0 - self.first;
            &self.blocks[at / L32].as_flattened()[at % L32..]
        });
        for (i, row) in rows.iter_mut().enumerate() {
            for l in 0..L32 {
                row[l] = columns[l][L32 * i];
            }
        }
    }

    /// Lets go of the blocks that lie wholly before frame `k`.
    fn forget(&mut self, k: usize) {
        while self.first + L32 <= k {
            let Some(block) = self.blocks.pop_front() else { return };
            self.spare.push(block);
            self.first += L32;
        }
    }

    fn reset(&mut self) {
        self.spare.extend(self.blocks.drain(..));
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
    pub fn new(plan: &VoicePlan, frames: FormantFrames) -> Result<Self> {
        Ok(Self {
            workspace: Workspace::new(&plan.clock.long),
            viterbi: Viterbi::new(plan.buffer),
            periods: Periods::new(&plan.clock, plan.set),
            decisions: Vec::new(),
            energies: VecDeque::new(),
            decided: 0,
            timbre: match &plan.formants {
                Some(formants) => Some(Timbre::new(plan, formants, frames)?),
                None => None,
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

    /// Takes the spectra, [`VoicePlan::formant_bins`] rows of real and as many of imaginary parts, of the
    /// next `valid` frames of 20 ms that have one of 60 ms beside them, before [`Self::block`] takes the
    /// latter.
    pub fn spectra(
        &mut self,
        plan: &VoicePlan,
        re: &[Row],
        im: &[Row],
        valid: usize,
        streams: &mut Streams,
    ) {
        if let (Some(timbre), Some(formants)) = (&mut self.timbre, &plan.formants) {
            timbre.spectra(formants, re, im, valid, streams);
        }
    }

    /// Takes the next frames of 60 ms, `energies.len()` lanes of magnitudes, and fills the contours of
    /// the frames whose pitch that decides. What is left in `mag` is arbitrary.
    pub fn block(
        &mut self,
        plan: &VoicePlan,
        mag: &mut Vec<Row>,
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
            timbre.magnitudes.push(|block| {
                block.resize(mag.len(), [0.0; L32]);
                std::mem::swap(block, mag);
            });
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
    magnitudes: Recent,
    /// In which frames to look for formants; the spectra of those that wait for their pitch.
    frames: FormantFrames,
    spectra: Recent,
    /// Spectra of the voiced frames of a batch, real and then imaginary parts, and what the formants
    /// overwrite.
    parts: Vec<Row>,
    resampled: Vec<Row>,
    /// Magnitudes of the voiced frames of a batch, in lanes and one frame after the other.
    gathered: Vec<Row>,
    columns: Vec<f32>,
    /// Number and F0 in Hz of the voiced frames that wait.
    voiced: Vec<(usize, f32)>,
    /// Frames described.
    described: usize,
}

impl Timbre {
    fn new(plan: &VoicePlan, formants: &Formants, frames: FormantFrames) -> Result<Self> {
        Ok(Self {
            hnr: Hnr::new(&plan.clock.long)?,
            magnitudes: Recent::default(),
            frames,
            spectra: Recent::default(),
            parts: vec![[0.0; L32]; 2 * formants.bins()],
            resampled: vec![[0.0; L32]; formants.scratch()],
            gathered: vec![[0.0; L32]; plan.clock.long.bins()],
            columns: Vec::new(),
            voiced: Vec::new(),
            described: 0,
        })
    }

    fn reset(&mut self) {
        self.magnitudes.reset();
        self.spectra.reset();
        self.voiced.clear();
        self.described = 0;
    }

    /// Takes the spectra of the next `valid` frames of 20 ms.
    fn spectra(
        &mut self,
        formants: &Formants,
        re: &[Row],
        im: &[Row],
        valid: usize,
        streams: &mut Streams,
    ) {
        if self.frames == FormantFrames::Voiced {
            return self.spectra.push(|block| {
                block.clear();
                block.extend_from_slice(re);
                block.extend_from_slice(im);
            });
        }
        let mut out = [[0.0; L32]; 2 * formants::COUNT];
        formants.apply(re, im, &mut self.resampled, &mut out);
        for (row, name) in out.iter().zip(FREQUENCIES_AND_BANDWIDTHS) {
            streams.long[name].extend_from_slice(&row[..valid]);
        }
    }

    /// Formants of the first `batch` voiced frames, 0 in the others before number `end`.
    fn voiced_formants(
        &mut self,
        formants: &Formants,
        batch: usize,
        end: usize,
        streams: &mut Streams,
    ) {
        let mut out = [[0.0; L32]; 2 * formants::COUNT];
        let voiced = &self.voiced[..batch];
        if batch > 0 {
            self.spectra.gather(voiced, &mut self.parts);
            let (re, im) = self.parts.split_at(formants.bins());
            formants.apply(re, im, &mut self.resampled, &mut out);
        }
        for (row, name) in out.iter().zip(FREQUENCIES_AND_BANDWIDTHS) {
            let contour = &mut streams.long[name];
            contour.resize(end, 0.0);
            for ((k, _), x) in voiced.iter().zip(row) {
                contour[*k] = *x;
            }
        }
        self.spectra.forget(end);
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
        if let (FormantFrames::Voiced, Some(formants)) = (self.frames, &plan.formants) {
            self.voiced_formants(formants, batch, end, streams);
        }
        let mut hnr = [0.0; L32];
        self.columns.clear();
        if batch > 0 {
            self.magnitudes.gather(&self.voiced[..batch], &mut self.gathered);
            self.hnr.apply(&self.gathered, &self.voiced[..batch], &mut hnr);
            untranspose(&self.gathered, batch, &mut self.columns);
        }
        let long = &mut streams.long;
        let unvoiced = describe(&[], &[], 0.0, [0.0; 3], plan.variant);
        long[egemaps60::HNR].resize(end, 0.0);
        long[egemaps60::H1_H2].resize(end, unvoiced.h1_h2);
        long[egemaps60::H1_A3].resize(end, unvoiced.h1_a3);
        for (formant, amplitude) in FORMANTS.into_iter().zip(unvoiced.amplitude) {
            long[formant + 2].resize(end, amplitude);
        }
        let magnitudes = self.columns.chunks_exact(self.gathered.len());
        for ((magnitude, &(k, f0)), hnr) in magnitudes.zip(&self.voiced).zip(hnr) {
            let formants = FORMANTS.map(|formant| long[formant][k]);
            let grid = &plan.clock.long;
            let values = describe(magnitude, &grid.axis, f0, formants, plan.variant);
            long[egemaps60::HNR][k] = hnr;
            long[egemaps60::H1_H2][k] = values.h1_h2;
            long[egemaps60::H1_A3][k] = values.h1_a3;
            for (formant, amplitude) in FORMANTS.into_iter().zip(values.amplitude) {
                long[formant + 2][k] = amplitude;
            }
        }
        self.voiced.drain(..batch);
        self.described = end;
        self.magnitudes.forget(end);
    }
}
