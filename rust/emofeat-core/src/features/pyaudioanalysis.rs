//! The short-term features of pyAudioAnalysis 0.3.14, and the statistics that it takes over them.

use super::shared::MANY;
use super::{Entry, Make};
use crate::descriptor::{Base, Recipe, State};
use crate::dsp::cepstrum::dct;
use crate::dsp::frame::{Count, Framing, Pad, untranspose};
use crate::dsp::lanes::{Real, kernel};
use crate::dsp::log;
use crate::dsp::mel::Bank;
use crate::error::{Code, Error, Result};
use crate::spec::{Args, Default, Kind, Param};
use crate::stage::{Block, Condition, FrontEnd, Prep, Stage};
use std::f64::consts::{LOG2_E, LOG10_E};
use std::sync::Arc;

/// What the package adds wherever it divides or takes a logarithm.
const EPS: f64 = f64::EPSILON;

/// Features of a frame; the differences to the frame before are as many again.
const COUNT: usize = 34;
/// Blocks over which both entropies are taken.
const BLOCKS: usize = 10;
/// Mel filters.
const FILTERS: usize = 40;
/// Cepstral coefficients.
const CEPSTRA: usize = 13;
/// First column of the cepstrum.
const MFCC: usize = 8;
/// First column of the chroma.
const CHROMA: usize = MFCC + CEPSTRA;

/// The package's names, in its order.
const NAMES: [&str; COUNT] = [
    "zcr",
    "energy",
    "energy_entropy",
    "spectral_centroid",
    "spectral_spread",
    "spectral_entropy",
    "spectral_flux",
    "spectral_rolloff",
    "mfcc_1",
    "mfcc_2",
    "mfcc_3",
    "mfcc_4",
    "mfcc_5",
    "mfcc_6",
    "mfcc_7",
    "mfcc_8",
    "mfcc_9",
    "mfcc_10",
    "mfcc_11",
    "mfcc_12",
    "mfcc_13",
    "chroma_1",
    "chroma_2",
    "chroma_3",
    "chroma_4",
    "chroma_5",
    "chroma_6",
    "chroma_7",
    "chroma_8",
    "chroma_9",
    "chroma_10",
    "chroma_11",
    "chroma_12",
    "chroma_std",
];

#[rustfmt::skip]
const PARAMS: &[Param] = &[
    Param { name: "win_ms", kind: Kind::Float(0.01, 1e6), default: Default::Float(50.0), unit: "ms", doc: "Length of a frame, rounded down to samples." },
    Param { name: "step_ms", kind: Kind::Float(0.01, 1e6), default: Default::Float(25.0), unit: "ms", doc: "Distance from one frame to the next, rounded down to samples." },
    Param { name: "window", kind: Kind::OptInt(1, MANY), default: Default::None, unit: "samples", doc: "Length of a frame in samples; none: `win_ms`." },
    Param { name: "step", kind: Kind::OptInt(1, MANY), default: Default::None, unit: "samples", doc: "Distance between frames in samples; none: `step_ms`." },
    Param { name: "deltas", kind: Kind::Bool, default: Default::Bool(false), unit: "", doc: "Whether the difference to the frame before is added to each feature (0 in the first frame)." },
];

/// Short-term features.
pub const SHORT_TERM: Entry = Entry {
    name: "pyaudioanalysis",
    summary: "The 34 short-term features of pyAudioAnalysis, with `deltas` 68.",
    doc: "Of the signal minus its mean, divided by its largest magnitude: zero-crossing rate, energy, entropy of energy\n\
          over 10 blocks; of the magnitude spectrum of the frame (rectangular window, FFT of its length): centroid, spread,\n\
          entropy over 10 blocks, flux, 90 % roll-off, 13 MFCC (40 filters), 12 chroma (A, A# .. G#), their deviation.\n\
          Frequencies are fractions of half the sampling rate. The package's peculiarities are kept: its mel filters lie at\n\
          half their frequencies; of the bins of a note only the last counts, divided by the size of another note's class;\n\
          entropies are in bits of shares that need not sum to 1. Frames of one constant value have a spectrum of rounding\n\
          alone. Always in double precision.\n\
          Refused as in the package: windows with fewer bins than the highest note's number, rates up to 6853 Hz.\n\
          Convention: `pyAudioAnalysis.ShortTermFeatures.feature_extraction` 0.3.14.\n\
          Source: Giannakopoulos (2015), pyAudioAnalysis, PLoS ONE 10(12).",
    convention: "pyaudioanalysis",
    params: &[PARAMS],
    unit: "",
    make: Make::Feature(short_term),
};

fn short_term(args: &Args, sr: u32) -> Result<Recipe> {
    let rate = f64::from(sr);
    // In seconds first, as `int(0.05 * sr)`, which is how the package is called.
    let by_time = |name| (rate * (args.float(name) / 1000.0)) as usize;
    let length = args.opt_int("window").unwrap_or_else(|| by_time("win_ms"));
    let hop = args.opt_int("step").unwrap_or_else(|| by_time("step_ms"));
    if hop == 0 || length > MANY as usize {
        return Err(args.error(format_args!(
            "a window of {length} samples and a step of {hop}; allowed are windows up to {MANY} \
             samples and steps from 1"
        )));
    }
    let chroma = chroma_table(args, rate, length)?;
    let bank = mel_bank(rate, length / 2)?;
    let deltas = args.bool("deltas");
    let framing = Framing {
        length,
        hop,
        offset: 0,
        pad: Pad::Zero,
        count: Count::Full { after: 0 },
        least: 0,
    };
    let mut columns: Vec<String> = NAMES.iter().map(|name| format!("[{name}]")).collect();
    if deltas {
        columns.extend(NAMES.iter().map(|name| format!("[delta {name}]")));
    }
    Ok(Recipe {
        front: FrontEnd {
            framing,
            prep: Prep::Normalise,
            condition: Condition::None,
            window: vec![1.0; length].into(),
            window_at: 0,
            n_fft: length,
        },
        base: Box::new(ShortTerm { bins: length / 2, rate, bank: Arc::new(bank), chroma, deltas }),
        ops: Vec::new(),
        columns,
        unit: "",
        double: true,
        global_because: Some(
            "pyAudioAnalysis subtracts the mean and divides by the largest magnitude of the whole recording",
        ),
    })
}

/// The mel filters over `n` bins, divided by `n` because the package divides its spectrum by it.
///
/// Bin k is taken as k sr / n Hz, twice its frequency.
fn mel_bank(sr: f64, n: usize) -> Result<Bank> {
    const LINEAR: usize = 13;
    let last_linear = 133.33 + (LINEAR - 1) as f64 * (200.0 / 3.0);
    let edge = |i: usize| {
        if i < LINEAR {
            133.33 + i as f64 * (200.0 / 3.0)
        } else {
            last_linear * 1.071_170_3f64.powi((i - LINEAR + 1) as i32)
        }
    };
    let bins = n as f64;
    let at = |hz: f64| (hz * bins / sr).floor() as usize;
    let top = edge(FILTERS + 1);
    if at(top) >= n {
        let message = format!(
            "pyaudioanalysis: the sampling rate is {sr} Hz, and its highest filter ends at {top:.0} Hz; \
             allowed are rates above that"
        );
        return Err(Error::new(Code::BadRate, message));
    }
    let rows = (0..FILTERS).map(|i| {
        let (low, centre, high) = (edge(i), edge(i + 1), edge(i + 2));
        let height = 2.0 / (high - low);
        let mut row = vec![0.0; n];
        for k in at(low) + 1..at(high) + 1 {
            let hz = k as f64 / bins * sr;
            row[k] = if k <= at(centre) {
                height / (centre - low) * (hz - low)
            } else {
                height / (high - centre) * (high - hz)
            } / bins;
        }
        row
    });
    Ok(Bank::from_rows(rows, n))
}

/// What a chroma class sums: (class, bin, divisor), in the order of the sum.
///
/// The package writes each bin's power to the place in an array that its note number names, so that
/// the last bin of a note wins and notes below 27.5 Hz count from the end, and divides place `p` by
/// the number of bins that share the note of bin number `note[p]`.
fn chroma_table(args: &Args, sr: f64, length: usize) -> Result<Vec<(usize, usize, f64)>> {
    let n = length / 2;
    let note = |k: usize| {
        let hz = (k + 1) as f64 * sr / (2 * n) as f64;
        (12.0 * (hz / 27.5).log2()).round_ties_even() as i64
    };
    let highest = (12.0 * (sr / 2.0 / 27.5).log2()).round_ties_even() as i64;
    if n == 0 || highest >= n as i64 || note(0) < -(n as i64) {
        return Err(args.error(format_args!(
            "a window of {length} samples has {n} bins, too few for chroma at {sr} Hz, where the \
             highest note has number {highest}; allowed are windows from {} samples",
            2 * (highest.max(0) + 1)
        )));
    }
    let notes: Vec<i64> = (0..n).map(note).collect();
    let place = |note: i64| note.rem_euclid(n as i64) as usize;
    let mut class_size = std::collections::BTreeMap::new();
    for note in &notes {
        *class_size.entry(*note).or_insert(0u32) += 1;
    }
    let mut winner = vec![None; n];
    for (k, note) in notes.iter().enumerate() {
        winner[place(*note)] = Some(k);
    }
    let entry = |(p, k): (usize, &Option<usize>)| {
        let size = class_size.get(&notes[place(notes[p])]).copied().unwrap_or(1);
        k.map(|k| (p % 12, k, f64::from(size)))
    };
    Ok(winner.iter().enumerate().filter_map(entry).collect())
}

/// The features of a frame, computed for all lanes at once.
struct ShortTerm {
    /// Bins of the spectrum that take part: half the window.
    bins: usize,
    rate: f64,
    bank: Arc<Bank>,
    chroma: Vec<(usize, usize, f64)>,
    deltas: bool,
}

/// What is carried from block to block, and buffers.
struct Carry<T, const L: usize> {
    /// Magnitudes divided by their number.
    x: Vec<[T; L]>,
    /// The last frame's magnitudes, divided by their sum; empty before the first frame.
    last: Vec<T>,
    /// The last frame's features.
    row: Vec<T>,
    dct: Vec<Vec<T>>,
    chroma: Vec<(usize, usize, T)>,
}

impl<T: Real, const L: usize> Base<T, L> for ShortTerm {
    fn stages(&self) -> Vec<Stage> {
        let bands = Stage::Bands(self.bank.clone(), Box::new(Stage::Magnitude));
        vec![Stage::Frames, Stage::Magnitude, bands]
    }

    fn width(&self) -> usize {
        if self.deltas { 2 * COUNT } else { COUNT }
    }

    fn begin(&self) -> State {
        let dct = dct(2, CEPSTRA, FILTERS, true);
        State::of(Carry::<T, L> {
            x: vec![[T::ZERO; L]; self.bins],
            last: Vec::new(),
            row: Vec::new(),
            dct: dct.iter().map(|row| row.iter().map(|w| T::of(*w)).collect()).collect(),
            chroma: self.chroma.iter().map(|(class, k, n)| (*class, *k, T::of(*n))).collect(),
        })
    }

    fn emit(&self, block: &Block<'_, T, L>, state: &mut State, out: &mut Vec<T>) {
        let Some(carry) = state.get::<Carry<T, L>>() else { return };
        let mut columns = [[T::ZERO; L]; COUNT];
        waveform(block.stage(0), &mut columns[..3]);
        self.spectral(block, carry, &mut columns[3..MFCC]);
        cepstrum(block.stage(2), &carry.dct, &mut columns[MFCC..CHROMA]);
        chroma(&carry.chroma, &carry.x, &mut columns[CHROMA..]);
        if !self.deltas {
            untranspose(&columns, block.valid, out);
            return;
        }
        let mut rows = Vec::with_capacity(block.valid * COUNT);
        untranspose(&columns, block.valid, &mut rows);
        for row in rows.chunks_exact(COUNT) {
            out.extend_from_slice(row);
            if carry.row.is_empty() {
                carry.row = row.to_vec();
            }
            out.extend(row.iter().zip(&carry.row).map(|(x, before)| *x - *before));
            carry.row.copy_from_slice(row);
        }
    }
}

impl ShortTerm {
    /// Centroid, spread, entropy, flux and roll-off.
    fn spectral<T: Real, const L: usize>(
        &self,
        block: &Block<'_, T, L>,
        carry: &mut Carry<T, L>,
        out: &mut [[T; L]],
    ) {
        let n = T::of(self.bins as f64);
        let step = self.rate / (2 * self.bins) as f64;
        let mut sums = [[T::ZERO; L]; 3];
        scaled(&block.stage(1)[..self.bins], T::ONE / n, T::of(step), &mut carry.x, &mut sums);
        let half = T::of(self.rate / 2.0);
        let (centre, rest) = out.split_at_mut(1);
        centroid_and_spread(&carry.x, T::of(step), half, &sums, &mut centre[0], &mut rest[0]);
        let mut energy = [T::ZERO; L];
        block_entropy(&carry.x, &mut energy, &mut rest[1]);
        let fresh = carry.last.is_empty();
        carry.last.resize(self.bins, T::ZERO);
        flux(&carry.x, &sums[1], fresh, block.valid, &mut carry.last, &mut rest[2]);
        rolloff(&carry.x, &energy, &mut rest[3]);
    }
}

kernel! {
    /// Zero-crossing rate, energy and its entropy.
    fn waveform / waveform_with<T: Real; L>(frames: &[[T; L]], out: &mut [[T; L]]) {
        let sign = |x: T| {
            if x > T::ZERO { T::ONE } else if x < T::ZERO { -T::ONE } else { T::ZERO }
        };
        let mut count = [T::ZERO; L];
        for pair in frames.windows(2) {
            for l in 0..L {
                count[l] += (sign(pair[1][l]) - sign(pair[0][l])).abs();
            }
        }
        let n = T::of(frames.len() as f64);
        let (mut energy, mut entropy) = ([T::ZERO; L], [T::ZERO; L]);
        entropy_body(frames, &mut energy, &mut entropy);
        for l in 0..L {
            out[0][l] = count[l] * T::of(0.5) / (n - T::ONE);
            out[1][l] = energy[l] / n;
        }
        out[2] = entropy;
    }
}

kernel! {
    /// Sum of squares, and the entropy of the shares of ten blocks in it.
    fn block_entropy / block_entropy_with<T: Real; L>(
        rows: &[[T; L]], energy: &mut [T; L], entropy: &mut [T; L],
    ) {
        entropy_body(rows, energy, entropy);
    }
}

#[inline(always)]
fn entropy_body<T: Real, const L: usize>(
    rows: &[[T; L]],
    energy: &mut [T; L],
    entropy: &mut [T; L],
) {
    let size = rows.len() / BLOCKS;
    let (mut blocks, mut total) = ([[T::ZERO; L]; BLOCKS], [T::ZERO; L]);
    for (block, rows) in blocks.iter_mut().zip(rows.chunks_exact(size.max(1))) {
        for row in rows {
            for l in 0..L {
                block[l] += row[l] * row[l];
            }
        }
        for l in 0..L {
            total[l] += block[l];
        }
    }
    // What is left over counts in the energy, but is in no block.
    for row in &rows[size * BLOCKS..] {
        for l in 0..L {
            total[l] += row[l] * row[l];
        }
    }
    let (eps, bits) = (T::of(EPS), T::of(LOG2_E));
    let mut sum = [T::ZERO; L];
    for block in &blocks {
        for l in 0..L {
            let share = block[l] / (total[l] + eps);
            sum[l] += share * (log::ln(share + eps) * bits);
        }
    }
    for l in 0..L {
        entropy[l] = -sum[l];
    }
    *energy = total;
}

kernel! {
    /// `x = scale · magnitude`, and its maximum, sum and sum times frequency.
    fn scaled / scaled_with<T: Real; L>(
        magnitude: &[[T; L]], scale: T, step: T, x: &mut [[T; L]], sums: &mut [[T; L]; 3],
    ) {
        let [mut top, mut sum, mut first] = *sums;
        let mut k = T::ZERO;
        for (row, x) in magnitude.iter().zip(x) {
            k += T::ONE;
            let f = k * step;
            for l in 0..L {
                let v = row[l] * scale;
                top[l] = v.max(top[l]);
                sum[l] += v;
                first[l] += f * v;
                x[l] = v;
            }
        }
        *sums = [top, sum, first];
    }
}

kernel! {
    fn centroid_and_spread / centroid_and_spread_with<T: Real; L>(
        x: &[[T; L]], step: T, half: T, sums: &[[T; L]; 3], centroid: &mut [T; L], spread: &mut [T; L],
    ) {
        let [top, sum, first] = sums;
        let eps = T::of(EPS);
        let (mut scale, mut centre, mut weight) = ([T::ZERO; L], [T::ZERO; L], [T::ZERO; L]);
        for l in 0..L {
            scale[l] = if top[l] == T::ZERO { eps } else { top[l] };
            weight[l] = sum[l] / scale[l] + eps;
            centre[l] = first[l] / scale[l] / weight[l];
        }
        let (mut second, mut k) = ([T::ZERO; L], T::ZERO);
        for row in x {
            k += T::ONE;
            let f = k * step;
            for l in 0..L {
                let d = f - centre[l];
                second[l] += d * d * row[l];
            }
        }
        for l in 0..L {
            centroid[l] = centre[l] / half;
            spread[l] = (second[l] / scale[l] / weight[l]).sqrt() / half;
        }
    }
}

kernel! {
    /// Squared distance to the spectrum of the frame before, both divided by their sums; `last` is
    /// that of the frame before lane 0, and becomes that of the last valid lane.
    fn flux / flux_with<T: Real; L>(
        x: &[[T; L]], sum: &[T; L], fresh: bool, valid: usize, last: &mut [T], out: &mut [T; L],
    ) {
        let (mut scale, mut total) = ([T::ZERO; L], [T::ZERO; L]);
        for l in 0..L {
            scale[l] = T::ONE / (sum[l] + T::of(EPS * x.len() as f64));
        }
        for (row, last) in x.iter().zip(last) {
            let mut share = [T::ZERO; L];
            for l in 0..L {
                share[l] = row[l] * scale[l];
            }
            let mut before = [if fresh { share[0] } else { *last }; L];
            before[1..].copy_from_slice(&share[..L - 1]);
            for l in 0..L {
                let d = share[l] - before[l];
                total[l] += d * d;
            }
            *last = share[valid.min(L) - 1];
        }
        *out = total;
    }
}

kernel! {
    /// Share of the bins before the running sum of squares (plus epsilon) exceeds 90 % of `energy`;
    /// 0 if it never does.
    fn rolloff / rolloff_with<T: Real; L>(x: &[[T; L]], energy: &[T; L], out: &mut [T; L]) {
        let (eps, n) = (T::of(EPS), T::of(x.len() as f64));
        let (mut running, mut below) = ([T::ZERO; L], [T::ZERO; L]);
        for row in x {
            for l in 0..L {
                running[l] += row[l] * row[l];
                let exceeds = running[l] + eps > T::of(0.9) * energy[l];
                below[l] += if exceeds { T::ZERO } else { T::ONE };
            }
        }
        for l in 0..L {
            out[l] = if below[l] < n { below[l] / n } else { T::ZERO };
        }
    }
}

kernel! {
    fn cepstrum / cepstrum_with<T: Real; L>(bands: &[[T; L]], dct: &[Vec<T>], out: &mut [[T; L]]) {
        let mut levels = [[T::ZERO; L]; FILTERS];
        for (level, band) in levels.iter_mut().zip(bands) {
            for l in 0..L {
                level[l] = log::ln(band[l] + T::of(EPS)) * T::of(LOG10_E);
            }
        }
        for (out, weights) in out.iter_mut().zip(dct) {
            let mut sum = [T::ZERO; L];
            for (level, w) in levels.iter().zip(weights) {
                for l in 0..L {
                    sum[l] += level[l] * *w;
                }
            }
            *out = sum;
        }
    }
}

kernel! {
    /// Twelve classes and their population deviation.
    fn chroma / chroma_with<T: Real; L>(table: &[(usize, usize, T)], x: &[[T; L]], out: &mut [[T; L]]) {
        let mut energy = [T::ZERO; L];
        for row in x {
            for l in 0..L {
                energy[l] += row[l] * row[l];
            }
        }
        for (class, bin, size) in table {
            let (class, row) = (&mut out[*class], &x[*bin]);
            for l in 0..L {
                class[l] += row[l] * row[l] / *size;
            }
        }
        let (mut mean, mut variance) = ([T::ZERO; L], [T::ZERO; L]);
        let twelve = T::of(12.0);
        for class in &mut out[..12] {
            for l in 0..L {
                class[l] = class[l] / if energy[l] == T::ZERO { T::of(EPS) } else { energy[l] };
                mean[l] += class[l];
            }
        }
        for class in &out[..12] {
            for l in 0..L {
                let d = class[l] - mean[l] / twelve;
                variance[l] += d * d;
            }
        }
        for l in 0..L {
            out[12][l] = (variance[l] / twelve).sqrt();
        }
    }
}

/// Window and step of mid-term statistics in short-term frames, from lengths in samples (or all in
/// seconds): `round((mid_window - (window - step)) / step)` and `round(mid_step / step)`, halves to
/// the even number.
pub fn mid_term_frames(
    mid_window: f64,
    mid_step: f64,
    window: f64,
    step: f64,
) -> Result<(usize, usize)> {
    let frames = ((mid_window - (window - step)) / step).round_ties_even();
    let hop = (mid_step / step).round_ties_even();
    // Negated, so that NaN is refused too.
    if !(frames >= 0.0 && hop >= 1.0 && frames.max(hop) < MANY as f64) {
        let message = format!(
            "mid-term window {mid_window} and step {mid_step} over short-term window {window} and step \
             {step} are {frames} and {hop} frames; allowed are windows from 0 and steps from 1"
        );
        return Err(Error::new(Code::BadParameter, message));
    }
    Ok((frames as usize, hop as usize))
}

/// Mid-term statistics as pyAudioAnalysis's `mid_feature_extraction`: the mean of every column over
/// `window` rows, then the population standard deviation of every column, one row of `2 · width`
/// values every `step` rows.
///
/// `rows` holds short-term features, frames first, of `width` columns. The last windows are cut
/// where the rows end. NaN becomes 0 and infinity the largest number, as `numpy.nan_to_num`, which
/// also is what windows of 0 rows give.
pub fn mid_term(rows: &[f64], width: usize, window: usize, step: usize) -> Vec<f64> {
    if width == 0 {
        return Vec::new();
    }
    let (count, mut out) = (rows.len() / width, Vec::new());
    for start in (0..count).step_by(step.max(1)) {
        let part = &rows[start * width..count.min(start.saturating_add(window)) * width];
        let n = (part.len() / width) as f64;
        let column = |j: usize| part.iter().skip(j).step_by(width);
        let means: Vec<f64> = (0..width).map(|j| column(j).sum::<f64>() / n).collect();
        let deviation = |(j, mean): (usize, &f64)| {
            (column(j).map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt()
        };
        let deviations: Vec<f64> = means.iter().enumerate().map(deviation).collect();
        out.extend(means.iter().chain(&deviations).map(|x| finite(*x)));
    }
    out
}

fn finite(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x.clamp(f64::MIN, f64::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::lanes::L64;
    use crate::features::recipe;
    use crate::spec::Spec;

    fn made(spec: &str, sr: u32) -> Result<Recipe> {
        recipe(&Spec::parse(spec)?, sr)
    }

    #[test]
    fn columns_have_the_packages_names_and_order() {
        let recipe = made("pyaudioanalysis(deltas=true)", 16_000).unwrap();
        assert_eq!(recipe.columns.len(), 68);
        assert_eq!(recipe.columns[8], "[mfcc_1]");
        assert_eq!(recipe.columns[33], "[chroma_std]");
        assert_eq!(recipe.columns[34], "[delta zcr]");
        let framing = recipe.front.framing;
        assert_eq!((framing.length, framing.hop), (800, 400));
        // 50 ms are 1102.5 samples, 25 ms 551.25: both are cut, as int() does.
        let framing = made("pyaudioanalysis", 22_050).unwrap().front.framing;
        assert_eq!((framing.length, framing.hop), (1102, 551));
        let framing = made("pyaudioanalysis(window=640, step=100)", 16_000).unwrap().front.framing;
        assert_eq!((framing.length, framing.hop), (640, 100));
    }

    #[test]
    fn windows_without_room_for_the_notes_and_low_rates_are_refused() {
        // The note of 8 kHz is round(12 log2(8000 / 27.5)) = 98: 99 bins hold it, 98 do not.
        assert!(made("pyaudioanalysis(window=198)", 16_000).is_ok());
        let error = made("pyaudioanalysis(window=197)", 16_000).err().unwrap();
        assert_eq!(error.code, Code::BadParameter);
        assert!(error.message.contains("198"), "{error}");
        assert!(made("pyaudioanalysis(window=400)", 6854).is_ok());
        assert_eq!(made("pyaudioanalysis(window=400)", 6853).err().unwrap().code, Code::BadRate);
    }

    #[test]
    fn constant_and_alternating_frames_have_known_waveform_features() {
        let (mut flat, mut saw) = (vec![[0.5; L64]; 100], vec![[0.0; L64]; 100]);
        for (i, row) in saw.iter_mut().enumerate() {
            *row = [if i % 2 == 0 { 1.0 } else { -1.0 }; L64];
        }
        let mut out = [[0.0; L64]; 3];
        waveform(&flat, &mut out);
        assert_eq!((out[0][0], out[1][0]), (0.0, 0.25));
        assert!((out[2][0] - 10f64.log2()).abs() < 1e-12);
        waveform(&saw, &mut out);
        assert_eq!((out[0][3], out[1][3]), (1.0, 1.0));
        // A zero between two signs is half a crossing from either side.
        flat.truncate(3);
        flat[1] = [0.0; L64];
        flat[2] = [-0.5; L64];
        waveform(&flat, &mut out);
        assert_eq!(out[0][7], 0.5);
        // All energy in one block of ten: no entropy.
        saw.iter_mut().skip(10).for_each(|row| *row = [0.0; L64]);
        waveform(&saw, &mut out);
        assert!(out[2][0].abs() < 1e-12);
    }

    #[test]
    fn flux_of_a_block_starts_from_the_frame_before_it() {
        let x: Vec<[f64; L64]> = vec![[1.0; L64], std::array::from_fn(|l| l as f64)];
        let sum = std::array::from_fn(|l| 1.0 + l as f64);
        let (mut last, mut out) = (vec![0.0; 2], [0.0; L64]);
        flux(&x, &sum, true, L64, &mut last, &mut out);
        // Shares (1, 0) and (1/2, 1/2): 1/4 + 1/4.
        assert!(out[0] == 0.0 && (out[1] - 0.5).abs() < 1e-12, "{out:?}");
        assert!((last[0] - 0.125).abs() < 1e-12 && (last[1] - 0.875).abs() < 1e-12);
        flux(&x, &sum, false, 1, &mut last, &mut out);
        assert!((out[0] - 2.0 * 0.875 * 0.875).abs() < 1e-12);
        assert!((last[0] - 1.0).abs() < 1e-12, "the only valid lane is the last frame");
    }

    #[test]
    fn rolloff_is_the_first_bin_above_nine_tenths() {
        let x: Vec<[f64; L64]> = (0..20).map(|_| [1.0; L64]).collect();
        let mut out = [0.0; L64];
        rolloff(&x, &[20.0; L64], &mut out);
        // 18 of 20 bins are 90 %, not more.
        assert_eq!(out[0], 18.0 / 20.0);
        rolloff(&x, &[19.0; L64], &mut out);
        assert_eq!(out[0], 17.0 / 20.0);
        rolloff(&x, &[1000.0; L64], &mut out);
        assert_eq!(out[0], 0.0, "never reached");
    }

    #[test]
    fn each_place_of_the_chroma_array_holds_the_last_bin_of_its_note() {
        let args = Args::new("pyaudioanalysis", &[PARAMS], &Vec::new()).unwrap();
        let table = chroma_table(&args, 16_000.0, 800).unwrap();
        // f_k = 20 (k + 1) Hz: bin 21 (440 Hz) is note 48, alone; it is place 48, class 0 (A).
        let a440 = table.iter().find(|(_, k, _)| *k == 21).unwrap();
        assert_eq!(a440.0, 0);
        // Bin 0 (20 Hz) is note -6, place 394; that place is divided by the size of the class of
        // bin note[394] = 98, which is 1980 Hz.
        let lowest = table.iter().find(|(_, k, _)| *k == 0).unwrap();
        assert_eq!(lowest.0, 394 % 12);
        let note = |k: i64| (12.0 * ((k + 1) as f64 * 20.0 / 27.5).log2()).round() as i64;
        let size = (0..400).filter(|k| note(*k) == note(note(394))).count();
        assert_eq!(lowest.2, size as f64);
        let mut bins: Vec<usize> = table.iter().map(|(_, k, _)| *k).collect();
        bins.sort_unstable();
        bins.dedup();
        assert_eq!(bins.len(), table.len(), "a bin stands in one place");
    }

    #[test]
    fn mid_term_windows_are_counted_as_python_rounds() {
        assert_eq!(mid_term_frames(16_000.0, 16_000.0, 800.0, 400.0).unwrap(), (39, 40));
        // 2.5 and 3.5 frames: to the even number.
        assert_eq!(mid_term_frames(250.0, 350.0, 100.0, 100.0).unwrap(), (2, 4));
        assert!(mid_term_frames(1.0, 0.1, 0.05, 0.5).is_err());
        assert!(mid_term_frames(0.0, 1.0, 2.0, 0.5).is_err());
    }

    #[test]
    fn mid_term_statistics_of_two_columns_by_hand() {
        let rows = [1.0, 10.0, 3.0, 30.0, 5.0, 50.0];
        let means_then_deviations =
            [2.0, 20.0, 1.0, 10.0, 4.0, 40.0, 1.0, 10.0, 5.0, 50.0, 0.0, 0.0];
        assert_eq!(mid_term(&rows, 2, 2, 1), means_then_deviations);
        assert_eq!(
            mid_term(&rows, 2, 9, 5),
            [3.0, 30.0, (8f64 / 3.0).sqrt(), (800f64 / 3.0).sqrt()]
        );
        assert_eq!(mid_term(&rows, 2, 0, 2), [0.0; 8], "the mean of nothing is 0");
        assert_eq!(mid_term(&[f64::INFINITY, f64::NAN], 1, 1, 1), [f64::MAX, 0.0, 0.0, 0.0]);
        assert!(mid_term(&[], 3, 1, 1).is_empty());
    }
}
