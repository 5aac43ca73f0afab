//! Stages: what descriptors read, each computed once per block of frames whoever asks for it.

use crate::dsp::fft::RealFft;
use crate::dsp::frame::{Framing, Loader, View};
use crate::dsp::lanes::{Real, Sample, kernel};
use crate::dsp::log;
use crate::dsp::mel::{Bank, PlannedBank};
use crate::error::Result;
use std::sync::Arc;

/// What is done to the whole signal before framing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Prep {
    /// Nothing.
    None,
    /// `x[i] - c x[i-1]`, the first sample kept (python_speech_features).
    PreEmphasis(f64),
    /// Divided by 2^15, mean removed, divided by the largest magnitude plus 1e-10, over the whole
    /// signal (pyAudioAnalysis).
    Normalise,
}

/// What is done to each frame before its window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Condition {
    /// Nothing.
    None,
    /// Kaldi's sequence: scale, dither, mean removal, raw energy, pre-emphasis, window, energy.
    Kaldi {
        /// Factor on every sample, 32768 to bring ±1 to the 16-bit range that Kaldi expects.
        scale: f64,
        /// Standard deviation of the Gaussian noise added to each frame.
        dither: f64,
        /// Seed of that noise, which depends on nothing else but frame and position in it.
        seed: u64,
        /// Whether the mean of the frame is subtracted.
        remove_dc: bool,
        /// Pre-emphasis coefficient.
        preemphasis: f64,
        /// Whether the energy is taken before pre-emphasis and window, or after them.
        raw_energy: bool,
    },
}

/// Everything that changes the numbers of a stage before the spectrum: the key by which descriptors
/// share it.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontEnd {
    /// Where frames lie.
    pub framing: Framing,
    /// What is done to the signal.
    pub prep: Prep,
    /// What is done to a frame.
    pub condition: Condition,
    /// Window, at most as long as the frame.
    pub window: Arc<[f64]>,
    /// First sample of the frame that the window covers; the others count as zero.
    pub window_at: usize,
    /// Length of the FFT; frames are padded with zeros at the end up to it. 0: no spectrum.
    pub n_fft: usize,
}

impl FrontEnd {
    /// Frames without window or spectrum.
    pub fn plain(framing: Framing) -> Self {
        let window = vec![1.0; framing.length].into();
        Self {
            framing,
            prep: Prep::None,
            condition: Condition::None,
            window,
            window_at: 0,
            n_fft: 0,
        }
    }
}

/// A quantity that descriptors read, one row per element.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// The frame without window (after [`Condition`]'s scaling only if there is none other).
    Frames,
    /// Real parts, then imaginary parts of the spectrum: `2 (n_fft/2 + 1)` rows.
    Spectrum,
    /// `|X|²`, `n_fft/2 + 1` rows.
    Power,
    /// `|X|`.
    Magnitude,
    /// `|X|^p`.
    PowerOf(f64),
    /// Weighted sums over another spectral stage.
    Bands(Arc<Bank>, Box<Stage>),
    /// `10 log10(max(amin, x)) - 10 log10(max(amin, ref))` of another stage: amin, ref.
    Db(Box<Stage>, f64, f64),
    /// `ln(max(floor, x))` of another stage.
    Ln(Box<Stage>, f64),
    /// One row: natural logarithm of the frame's energy, floored (Kaldi).
    LogEnergy(f64),
}

impl Stage {
    /// The stage that this one is computed from.
    fn source(&self) -> Option<Stage> {
        match self {
            Stage::Magnitude | Stage::PowerOf(_) => Some(Stage::Power),
            Stage::Bands(_, of) | Stage::Db(of, ..) | Stage::Ln(of, _) => Some((**of).clone()),
            Stage::Frames | Stage::Spectrum | Stage::Power | Stage::LogEnergy(_) => None,
        }
    }

    fn rows(&self, front: &FrontEnd) -> usize {
        match self {
            Stage::Frames => front.framing.length,
            Stage::Spectrum => 2 * (front.n_fft / 2 + 1),
            Stage::Power | Stage::Magnitude | Stage::PowerOf(_) => front.n_fft / 2 + 1,
            Stage::Bands(bank, _) => bank.filters.len(),
            Stage::Db(of, ..) | Stage::Ln(of, _) => of.rows(front),
            Stage::LogEnergy(_) => 1,
        }
    }
}

/// The computed stages of up to `L` neighbouring frames, as one descriptor sees them.
pub struct Block<'a, T, const L: usize> {
    /// Index of the frame in lane 0.
    pub first: u64,
    /// Number of lanes that hold frames; the others hold copies.
    pub valid: usize,
    rows: &'a [Vec<[T; L]>],
    ids: &'a [usize],
}

impl<'a, T: Real, const L: usize> Block<'a, T, L> {
    /// A block over `rows`, of which `ids` are the stages that the descriptor declared, in order.
    pub fn new(first: u64, valid: usize, rows: &'a [Vec<[T; L]>], ids: &'a [usize]) -> Self {
        Self { first, valid, rows, ids }
    }

    /// Rows of the `i`-th stage that the descriptor declared.
    pub fn stage(&self, i: usize) -> &'a [[T; L]] {
        &self.rows[self.ids[i]]
    }
}

/// How one stage is computed.
enum Step<T: Real> {
    /// Given by the loader or by the spectrum.
    Source,
    Magnitude(usize),
    PowerOf(usize, T),
    Bands(usize, PlannedBank<T>),
    Db(usize, T, T),
    Ln(usize, T),
}

/// The stages of one front end in the order of computation.
pub struct Stages<T: Real> {
    /// The front end they share.
    pub front: FrontEnd,
    stages: Vec<Stage>,
    steps: Vec<Step<T>>,
    fft: Option<RealFft<T>>,
    window: Vec<T>,
}

/// Buffers of one run over [`Stages`].
pub struct Workspace<T, const L: usize> {
    frames: Vec<[T; L]>,
    rows: Vec<Vec<[T; L]>>,
}

impl<T: Real, const L: usize> Workspace<T, L> {
    /// The computed rows of every stage.
    pub fn rows(&self) -> &[Vec<[T; L]>] {
        &self.rows
    }

    /// Puts rows that were kept from an earlier pass back.
    pub fn restore(&mut self, rows: &[Vec<[T; L]>]) {
        for (to, from) in self.rows.iter_mut().zip(rows) {
            to.copy_from_slice(from);
        }
    }
}

impl<T: Real> Stages<T> {
    /// No stages yet.
    pub fn new(front: FrontEnd) -> Self {
        let window = front.window.iter().map(|w| T::of(*w)).collect();
        Self { front, stages: Vec::new(), steps: Vec::new(), fft: None, window }
    }

    /// The index of `stage`, added with all it needs if it is new.
    pub fn add(&mut self, stage: &Stage) -> Result<usize> {
        if let Some(at) = self.stages.iter().position(|s| s == stage) {
            return Ok(at);
        }
        let source = match stage.source() {
            Some(source) => self.add(&source)?,
            None => 0,
        };
        if matches!(stage, Stage::Power | Stage::Spectrum) && self.fft.is_none() {
            self.fft = Some(RealFft::new(self.front.n_fft)?);
        }
        self.steps.push(match stage {
            Stage::Magnitude => Step::Magnitude(source),
            Stage::PowerOf(p) => Step::PowerOf(source, T::of(p / 2.0)),
            Stage::Bands(bank, _) => Step::Bands(source, bank.plan()),
            Stage::Db(_, amin, reference) => {
                Step::Db(source, T::of(*amin), T::of(10.0 * amin.max(reference.abs()).log10()))
            }
            Stage::Ln(_, floor) => Step::Ln(source, T::of(*floor)),
            Stage::Frames | Stage::Spectrum | Stage::Power | Stage::LogEnergy(_) => Step::Source,
        });
        self.stages.push(stage.clone());
        Ok(self.stages.len() - 1)
    }

    /// Buffers for a run.
    pub fn workspace<const L: usize>(&self) -> Workspace<T, L> {
        let rows = self.stages.iter().map(|s| vec![[T::ZERO; L]; s.rows(&self.front)]).collect();
        let size = self.front.framing.length.max(self.front.n_fft);
        Workspace { frames: vec![[T::ZERO; L]; size], rows }
    }

    /// Computes all stages of frames `first .. first + valid`.
    pub fn compute<S: Sample, const L: usize>(
        &self,
        view: View<'_, S>,
        first: u64,
        valid: usize,
        loader: &mut Loader<S>,
        work: &mut Workspace<T, L>,
    ) {
        let Workspace { frames, rows } = work;
        for (stage, out) in self.stages.iter().zip(rows.iter_mut()) {
            if *stage == Stage::Frames {
                loader.load(view, &self.front.framing, first, valid, 0, None, out);
            }
        }
        let energy = self.stages.iter().position(|s| matches!(s, Stage::LogEnergy(_)));
        if self.fft.is_some() || energy.is_some() {
            let logged = self.load_windowed(view, first, valid, loader, frames);
            if let (Some(at), Some(energy)) = (energy, logged)
                && let Stage::LogEnergy(floor) = self.stages[at]
            {
                rows[at][0] = energy.map(|e| log::ln(T::of(floor).max(e)));
            }
        }
        if let Some(fft) = &self.fft {
            self.transform(fft, frames, rows);
        }
        self.derive(rows);
    }

    /// Loads conditioned, windowed frames, padded with zeros to the length of the FFT; gives each
    /// frame's energy where the front end defines one.
    fn load_windowed<S: Sample, const L: usize>(
        &self,
        view: View<'_, S>,
        first: u64,
        valid: usize,
        loader: &mut Loader<S>,
        frames: &mut [[T; L]],
    ) -> Option<[T; L]> {
        let (at, length) = (self.front.window_at, self.window.len());
        let framing = &self.front.framing;
        frames[..at].fill([T::ZERO; L]);
        frames[at + length..].fill([T::ZERO; L]);
        let body = &mut frames[at..at + length];
        match self.front.condition {
            Condition::None => {
                loader.load(view, framing, first, valid, at, Some(&self.window), body);
                None
            }
            Condition::Kaldi { scale, dither, seed, remove_dc, preemphasis, raw_energy } => {
                loader.load(view, framing, first, valid, at, None, body);
                if scale != 1.0 {
                    scale_rows(T::of(scale), body);
                }
                if dither != 0.0 {
                    add_dither(dither, seed, first, body);
                }
                let mut energies = [[T::ZERO; L]; 2];
                let c = T::of(preemphasis);
                emphasise(remove_dc, c, &self.window, body, &mut energies);
                let [raw, windowed] = energies;
                Some(if raw_energy { raw } else { windowed })
            }
        }
    }

    fn transform<const L: usize>(
        &self,
        fft: &RealFft<T>,
        frames: &mut [[T; L]],
        rows: &mut [Vec<[T; L]>],
    ) {
        let frames = &mut frames[..fft.n()];
        let power = self.stages.iter().position(|s| *s == Stage::Power);
        let spectrum = self.stages.iter().position(|s| *s == Stage::Spectrum);
        if let Some(at) = spectrum {
            let (re, im) = rows[at].split_at_mut(fft.bins());
            // The transform overwrites its input, which power needs as well.
            let mut copy = frames.to_vec();
            fft.spectrum(&mut copy, re, im);
        }
        if let Some(at) = power {
            fft.power(frames, &mut rows[at]);
        }
    }

    /// Puts a given spectrum in place of the computed one: `spectrum` holds frames-first rows of
    /// `stage` (Power or Magnitude), of which frames `first .. first + valid` are taken.
    pub fn inject<const L: usize>(
        &self,
        stage: &Stage,
        spectrum: &[T],
        first: usize,
        valid: usize,
        work: &mut Workspace<T, L>,
    ) {
        let Some(at) = self.stages.iter().position(|s| s == stage) else { return };
        let bins = work.rows[at].len();
        for (k, row) in work.rows[at].iter_mut().enumerate() {
            for (lane, x) in row.iter_mut().enumerate() {
                *x = spectrum[(first + lane.min(valid - 1)) * bins + k];
            }
        }
        let kept = std::mem::take(&mut work.rows[at]);
        if *stage == Stage::Magnitude
            && let Some(power) = self.stages.iter().position(|s| *s == Stage::Power)
        {
            for (p, m) in work.rows[power].iter_mut().zip(&kept) {
                *p = m.map(|m| m * m);
            }
        }
        work.rows[at] = kept;
        self.derive_except(Some(at), &mut work.rows);
    }

    fn derive<const L: usize>(&self, rows: &mut [Vec<[T; L]>]) {
        self.derive_except(None, rows);
    }

    fn derive_except<const L: usize>(&self, given: Option<usize>, rows: &mut [Vec<[T; L]>]) {
        for (at, step) in self.steps.iter().enumerate() {
            if given == Some(at) {
                continue;
            }
            // A stage comes after its source, so the two lie on different sides of the cut.
            let (before, after) = rows.split_at_mut(at);
            let out = &mut after[0];
            match step {
                Step::Source => {}
                Step::Magnitude(from) => roots(&before[*from], out),
                Step::PowerOf(from, p) => powers(*p, &before[*from], out),
                Step::Bands(from, bank) => bank.apply(&before[*from], out),
                Step::Db(from, amin, reference) => decibels(*amin, *reference, &before[*from], out),
                Step::Ln(from, floor) => logarithms(*floor, &before[*from], out),
            }
        }
    }
}

kernel! {
    fn roots / roots_with<T: Real; L>(from: &[[T; L]], out: &mut [[T; L]]) {
        for (x, y) in from.as_flattened().iter().zip(out.as_flattened_mut()) {
            *y = x.sqrt();
        }
    }
}

kernel! {
    fn powers / powers_with<T: Real; L>(p: T, from: &[[T; L]], out: &mut [[T; L]]) {
        for (x, y) in from.as_flattened().iter().zip(out.as_flattened_mut()) {
            *y = x.powf(p);
        }
    }
}

kernel! {
    fn decibels / decibels_with<T: Real; L>(amin: T, reference: T, from: &[[T; L]], out: &mut [[T; L]]) {
        for (x, y) in from.as_flattened().iter().zip(out.as_flattened_mut()) {
            *y = log::db(amin.max(*x)) - reference;
        }
    }
}

kernel! {
    fn logarithms / logarithms_with<T: Real; L>(floor: T, from: &[[T; L]], out: &mut [[T; L]]) {
        for (x, y) in from.as_flattened().iter().zip(out.as_flattened_mut()) {
            *y = log::ln(floor.max(*x));
        }
    }
}

kernel! {
    fn scale_rows / scale_rows_with<T: Real; L>(scale: T, rows: &mut [[T; L]]) {
        for row in rows {
            for l in 0..L {
                row[l] *= scale;
            }
        }
    }
}

kernel! {
    /// Kaldi's frame: mean removed, then pre-emphasis (the first sample is emphasised against itself)
    /// and window. `energies` takes the sums of squares before pre-emphasis and after the window.
    fn emphasise / emphasise_with<T: Real; L>(
        remove_dc: bool, c: T, window: &[T], rows: &mut [[T; L]], energies: &mut [[T; L]; 2],
    ) {
        let Some(first) = rows.first().copied() else { return };
        let n = T::of(rows.len() as f64);
        // The rounding of a large mean would itself be an offset, which reaches the lowest filters;
        // the mean of what is left after it takes that away.
        let (mut mean, mut rest) = ([T::ZERO; L], [T::ZERO; L]);
        if remove_dc {
            for row in rows.iter() {
                for l in 0..L {
                    mean[l] += row[l];
                }
            }
            for l in 0..L {
                mean[l] = mean[l] / n;
            }
            for row in rows.iter() {
                for l in 0..L {
                    rest[l] += row[l] - mean[l];
                }
            }
            for l in 0..L {
                rest[l] = rest[l] / n;
            }
        }
        let mut previous = [T::ZERO; L];
        for l in 0..L {
            previous[l] = (first[l] - mean[l]) - rest[l];
        }
        let [mut raw, mut windowed] = *energies;
        for (row, w) in rows.iter_mut().zip(window) {
            for l in 0..L {
                let x = (row[l] - mean[l]) - rest[l];
                let y = (x - c * previous[l]) * *w;
                raw[l] += x * x;
                windowed[l] += y * y;
                row[l] = y;
                previous[l] = x;
            }
        }
        *energies = [raw, windowed];
    }
}

/// Gaussian noise that depends on seed, frame and position alone, so that it is the same in blocks.
fn add_dither<T: Real, const L: usize>(dither: f64, seed: u64, first: u64, rows: &mut [[T; L]]) {
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    let unit = |bits: u64| ((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    for (i, row) in rows.iter_mut().enumerate() {
        for (lane, x) in row.iter_mut().enumerate() {
            let frame =
                mix(seed.wrapping_add((first + lane as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
            let key = frame.wrapping_add((i as u64).wrapping_mul(0xD1B5_4A32_D192_ED03));
            let (u, v) = (unit(mix(key)), unit(mix(key ^ 0xA5A5_A5A5_5A5A_5A5A)));
            // Box and Muller (1958).
            let gauss = (-2.0 * u.ln()).sqrt() * (2.0 * std::f64::consts::PI * v).cos();
            *x += T::of(dither * gauss);
        }
    }
}
