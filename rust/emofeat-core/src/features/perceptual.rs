//! Perceptual descriptors: level ratios of speech, moments of the spectrum, and what the ear makes of it.
//!
//! The definitions are those of Eyben et al. (2016) and of the ComParE sets, on the general short-time
//! spectrum in place of openSMILE's own frames; `egemapsv02` and `compare2016` have openSMILE's numbers.

use super::measure::{Measure, column};
use super::shared::{Copy, STFT, bin_hz, stft};
use super::{Entry, Make};
use crate::descriptor::{AnyOp, Op, OpRun, Recipe, Scope, numbered};
use crate::dsp::lanes::{Real, kernel};
use crate::dsp::mel::Bank;
use crate::dsp::shape;
use crate::error::Result;
use crate::spec::{Args, Default, Kind, Param};
use crate::stage::{FrontEnd, Stage};
use std::f64::consts::PI;
use std::sync::Arc;

/// Power below which a level counts as this, -140 dB.
const LEAST: f64 = 1e-14;

/// Power in a band below which everything counts as this.
const LEAST_IN_BAND: f64 = 9.3e-10;

// ------------------------------------------------------------------------------------------ levels in two bands

/// Alpha ratio.
pub const ALPHA_RATIO: Entry = Entry {
    name: "alpha_ratio",
    summary: "Level of 1 to 5 kHz over that below 1 kHz.",
    doc: "`10 log10(Σ high |X|² / Σ low |X|²)` over the bins from 1 to 5 kHz, both included, and those below 1 kHz; both sums\n\
          count as at least 1e-14. 0 for a frame whose low sum is 0. Needs bins from 1 kHz on: an error below 2 kHz.\n\
          Source: Eyben et al. (2016), as in eGeMAPS; after Frøkjær-Jensen and Prytz (1976).",
    convention: "native",
    params: &[STFT],
    unit: "dB",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let [low, high] = bands(args, sr, &front, 1000.0)?;
        Ok(column(front, AlphaRatio { low, high }, "dB"))
    }),
};

/// Hammarberg index.
pub const HAMMARBERG_INDEX: Entry = Entry {
    name: "hammarberg_index",
    summary: "Level of the strongest bin below 2 kHz over that of 2 to 5 kHz.",
    doc: "`10 log10(max low |X|² / max high |X|²)` over the bins below 2 kHz and those from 2 to 5 kHz, both included; both\n\
          count as at least 1e-14. 0 for a frame whose high band is 0. Needs bins from 2 kHz on: an error below 4 kHz.\n\
          Source: Eyben et al. (2016), as in eGeMAPS; after Hammarberg et al. (1980).",
    convention: "native",
    params: &[STFT],
    unit: "dB",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let [low, high] = bands(args, sr, &front, 2000.0)?;
        Ok(column(front, Hammarberg { low, high }, "dB"))
    }),
};

/// The bins below `split` Hz, and those from there to 5 kHz.
fn bands(
    args: &Args,
    sr: u32,
    front: &FrontEnd,
    split: f64,
) -> Result<[std::ops::Range<usize>; 2]> {
    let (bins, step) = (front.n_fft / 2 + 1, bin_hz(sr, front.n_fft));
    let first = (0..bins).take_while(|k| (*k as f64) * step < split).count();
    let end = (0..bins).take_while(|k| (*k as f64) * step <= 5000.0).count();
    if first >= end {
        return Err(args.error(format_args!(
            "no bin of {step} Hz lies from {split} to 5000 Hz at {sr} Hz; allowed are rates from {} Hz, with n_fft long \
             enough",
            2.0 * split
        )));
    }
    Ok([0..first, first..end])
}

struct AlphaRatio {
    low: std::ops::Range<usize>,
    high: std::ops::Range<usize>,
}

impl Measure for AlphaRatio {
    fn stage(&self) -> Stage {
        Stage::Power
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        let (mut low, mut high) = ([0.0; L], [0.0; L]);
        shape::sum(&rows[self.low.clone()], &mut low);
        shape::sum(&rows[self.high.clone()], &mut high);
        ratio_db(&high, &low, &low, out);
    }
}

struct Hammarberg {
    low: std::ops::Range<usize>,
    high: std::ops::Range<usize>,
}

impl Measure for Hammarberg {
    fn stage(&self) -> Stage {
        Stage::Power
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        let (mut low, mut high) = ([0.0; L], [0.0; L]);
        largest(&rows[self.low.clone()], &mut low);
        largest(&rows[self.high.clone()], &mut high);
        ratio_db(&low, &high, &high, out);
    }
}

/// `10 log10(over / under)`, both floored; 0 where `needed` is 0. NaN stays NaN.
fn ratio_db<const L: usize>(
    over: &[f64; L],
    under: &[f64; L],
    needed: &[f64; L],
    out: &mut [f64; L],
) {
    let level = |x: f64| 10.0 * if x < LEAST { LEAST } else { x }.log10();
    for l in 0..L {
        out[l] = if needed[l] == 0.0 { 0.0 } else { level(over[l]) - level(under[l]) };
    }
}

kernel! {
    fn largest / largest_with<T: Real; L>(rows: &[[T; L]], out: &mut [f64; L]) {
        let mut top = [T::ZERO; L];
        for row in rows {
            for l in 0..L {
                top[l] = if row[l] <= top[l] { top[l] } else { row[l] };
            }
        }
        *out = top.map(Real::f64);
    }
}

// ------------------------------------------------------------------------------------------------------ moments

/// Spectral variance.
pub const SPECTRAL_VARIANCE: Entry = Entry {
    name: "spectral_variance",
    summary: "Variance of frequency, weighted by power.",
    doc: "`Σ (f - c)² P / Σ P` over all bins but that of 0 Hz, with `P = |X|²` and `c = Σ f P / Σ P`; 0 for a silent frame.\n\
          Source: Peeters (2004), section 6.1.2; as in ComParE.",
    convention: "native",
    params: &[STFT],
    unit: "Hz²",
    make: Make::Feature(|args, sr| moment(args, sr, Order::Variance, "Hz²")),
};

/// Spectral skewness.
pub const SPECTRAL_SKEWNESS: Entry = Entry {
    name: "spectral_skewness",
    summary: "Skewness of frequency, weighted by power: positive if a tail reaches up.",
    doc: "`Σ (f - c)³ P / (Σ P σ³)` over all bins but that of 0 Hz, with `P = |X|²`, its mean frequency c and standard\n\
          deviation σ; 0 for a silent frame and a single line. Source: Peeters (2004), section 6.1.3; as in ComParE.",
    convention: "native",
    params: &[STFT],
    unit: "",
    make: Make::Feature(|args, sr| moment(args, sr, Order::Skewness, "")),
};

/// Spectral kurtosis.
pub const SPECTRAL_KURTOSIS: Entry = Entry {
    name: "spectral_kurtosis",
    summary: "Kurtosis of frequency, weighted by power: 3 for a Gaussian shape.",
    doc: "`Σ (f - c)⁴ P / (Σ P σ⁴)` over all bins but that of 0 Hz, with `P = |X|²`, its mean frequency c and standard\n\
          deviation σ; 0 for a silent frame and a single line. Source: Peeters (2004), section 6.1.4; as in ComParE.",
    convention: "native",
    params: &[STFT],
    unit: "",
    make: Make::Feature(|args, sr| moment(args, sr, Order::Kurtosis, "")),
};

#[derive(Clone, Copy)]
enum Order {
    Variance,
    Skewness,
    Kurtosis,
}

struct Moment {
    step: f64,
    order: Order,
}

fn moment(args: &Args, sr: u32, order: Order, unit: &'static str) -> Result<Recipe> {
    let front = stft(args, sr)?;
    let step = bin_hz(sr, front.n_fft);
    Ok(column(front, Moment { step, order }, unit))
}

impl Measure for Moment {
    fn stage(&self) -> Stage {
        Stage::Power
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        let mut moments = [[0.0; L]; 3];
        central(&rows[1.min(rows.len())..], &mut moments);
        let [second, third, fourth] = moments;
        for l in 0..L {
            let over = |x: f64, y: f64| if y > 0.0 || y.is_nan() { x / y } else { 0.0 };
            out[l] = match self.order {
                Order::Variance => second[l] * self.step * self.step,
                Order::Skewness => over(third[l], second[l] * second[l].sqrt()),
                Order::Kurtosis => over(fourth[l], second[l] * second[l]),
            };
        }
    }
}

kernel! {
    /// Second to fourth central moments of the position, in bins and weighted by the rows; 0 for silence.
    fn central / central_with<T: Real; L>(rows: &[[T; L]], moments: &mut [[f64; L]; 3]) {
        let (mut sum, mut first) = ([0.0; L], [0.0; L]);
        for (k, row) in rows.iter().enumerate() {
            let k = k as f64;
            for l in 0..L {
                let x = row[l].f64();
                sum[l] += x;
                first[l] += k * x;
            }
        }
        let mut scale = [0.0; L];
        for l in 0..L {
            scale[l] = if sum[l] < f64::MIN_POSITIVE { 0.0 } else { 1.0 / sum[l] };
            first[l] *= scale[l];
        }
        let [mut second, mut third, mut fourth] = [[0.0; L]; 3];
        for (k, row) in rows.iter().enumerate() {
            let k = k as f64;
            for l in 0..L {
                let (x, d) = (row[l].f64() * scale[l], k - first[l]);
                let (d2, xd2) = (d * d, x * (d * d));
                second[l] += xd2;
                third[l] += xd2 * d;
                fourth[l] += xd2 * d2;
            }
        }
        *moments = [second, third, fourth];
    }
}

// -------------------------------------------------------------------------------------- sharpness and harmonicity

/// Sharpness.
pub const SHARPNESS: Entry = Entry {
    name: "sharpness",
    summary: "How much of the power lies high on the Bark scale.",
    doc: "`0.11 Σ P z g(z) / Σ P` over all bins but that of 0 Hz, with `P = |X|²` and z the frequency in Bark (Traunmüller\n\
          1990, with the corrections below 2 and above 20.1 Bark), `g(z) = 1` up to 16 Bark and\n\
          `((z - 16) / 4)^1.5849625 + 1` above; 0 for a silent frame. Does not depend on the level.\n\
          Source: Zwicker and Fastl (1999); as in ComParE, with power for loudness.",
    convention: "native",
    params: &[STFT],
    unit: "",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let step = bin_hz(sr, front.n_fft);
        let weights = (1..=front.n_fft / 2).map(|k| sharp(k as f64 * step)).collect();
        Ok(column(front, Sharpness { weights }, ""))
    }),
};

/// Weight of power at `hz` in the sharpness.
fn sharp(hz: f64) -> f64 {
    let z = match 26.81 / (1.0 + 1960.0 / hz) - 0.53 {
        z if z < 2.0 => 0.85 * z + 0.3,
        z if z > 20.1 => 1.22 * z - 0.22 * 20.1,
        z => z,
    };
    let g = if z <= 16.0 { 1.0 } else { ((z - 16.0) / 4.0).powf(1.584_962_5) + 1.0 };
    0.11 * z * g
}

struct Sharpness {
    weights: Vec<f64>,
}

impl Measure for Sharpness {
    fn stage(&self) -> Stage {
        Stage::Power
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        weighted_mean(&rows[1.min(rows.len())..], &self.weights, out);
    }
}

kernel! {
    /// Mean of the weights, themselves weighted by the rows; 0 for silence.
    fn weighted_mean / weighted_mean_with<T: Real; L>(
        rows: &[[T; L]], weights: &[f64], out: &mut [f64; L],
    ) {
        let (mut sum, mut weighted) = ([0.0; L], [0.0; L]);
        for (row, w) in rows.iter().zip(weights) {
            for l in 0..L {
                let x = row[l].f64();
                sum[l] += x;
                weighted[l] += x * *w;
            }
        }
        for l in 0..L {
            out[l] = if sum[l] < f64::MIN_POSITIVE { 0.0 } else { weighted[l] / sum[l] };
        }
    }
}

/// Harmonicity.
pub const HARMONICITY: Entry = Entry {
    name: "harmonicity",
    summary: "How far the power spectrum goes up and down between its peaks and valleys.",
    doc: "Half the sum of the distances between consecutive extrema of `|X|²`, divided by the number of bins, that of 0 Hz left\n\
          out; an extremum lies strictly above or below two neighbours on either side. Grows with the square of the level;\n\
          0 for spectra with fewer than two extrema. Source: as in ComParE (Schuller et al. 2016).",
    convention: "native",
    params: &[STFT],
    unit: "",
    make: Make::Feature(|args, sr| Ok(column(stft(args, sr)?, Harmonicity, ""))),
};

struct Harmonicity;

impl Measure for Harmonicity {
    fn stage(&self) -> Stage {
        Stage::Power
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        excursion(&rows[1.min(rows.len())..], out);
    }
}

kernel! {
    /// Half the sum of distances between consecutive extrema, over the number of rows.
    fn excursion / excursion_with<T: Real; L>(rows: &[[T; L]], out: &mut [f64; L]) {
        let (mut sum, mut last, mut seen) = ([0.0; L], [0.0; L], [0.0; L]);
        for five in rows.windows(5) {
            let x = five[2];
            let (mut above, mut below) = ([true; L], [true; L]);
            for row in [five[0], five[1], five[3], five[4]] {
                for l in 0..L {
                    above[l] &= x[l] > row[l];
                    below[l] &= x[l] < row[l];
                }
            }
            for l in 0..L {
                let (x, extremum) = (x[l].f64(), above[l] | below[l]);
                let step = (x - last[l]).abs() * seen[l];
                sum[l] += if extremum { step } else { 0.0 };
                last[l] = if extremum { x } else { last[l] };
                seen[l] = if extremum { 1.0 } else { seen[l] };
            }
        }
        let n = rows.len().max(1) as f64;
        // Comparisons take no notice of NaN; a product with 0 does.
        let rest = rows.first().map_or([0.0; L], |row| row.map(|x| x.f64() * 0.0));
        for l in 0..L {
            out[l] = sum[l] / 2.0 / n + rest[l];
        }
    }
}

// ------------------------------------------------------------------------------------------------ auditory bands

/// Bands on the mel scale, and the exponent of hearing.
const AUDITORY: &[Param] = &[
    Param {
        name: "n_bands",
        kind: Kind::Int(1, 4096),
        default: Default::Int(26),
        unit: "",
        doc: "Number of bands.",
    },
    Param {
        name: "fmin",
        kind: Kind::Float(0.0, 1e6),
        default: Default::Float(20.0),
        unit: "Hz",
        doc: "Lower end of the lowest band.",
    },
    Param {
        name: "fmax",
        kind: Kind::Float(0.0, 1e6),
        default: Default::Float(8000.0),
        unit: "Hz",
        doc: "Upper end of the highest band; half the sampling rate if that is lower.",
    },
    Param {
        name: "exponent",
        kind: Kind::Float(1e-3, 10.0),
        default: Default::Float(0.33),
        unit: "",
        doc: "Exponent of power that makes loudness.",
    },
];

/// The filter over time.
const RASTA: &[Param] = &[
    Param {
        name: "slowest",
        kind: Kind::Float(1e-3, 1e3),
        default: Default::Float(1.0),
        unit: "Hz",
        doc: "Rate of change below which a band is held back; a quarter of the frame rate if that is lower.",
    },
    Param {
        name: "fastest",
        kind: Kind::Float(1e-3, 1e3),
        default: Default::Float(29.0),
        unit: "Hz",
        doc: "Rate of change that is taken out; half the frame rate if that is lower.",
    },
];

/// Auditory spectrum.
pub const AUDITORY_SPECTRUM: Entry = Entry {
    name: "auditory_spectrum",
    summary: "Mel bands weighted by the ear's sensitivity and compressed to loudness.",
    doc: "`(eq(f) max(9.3e-10, E))^exponent` with E the sum of `|X|²` under a triangle of height 1, linear in mel\n\
          (`1127 ln(1 + f/700)`), f its centre, and `eq` the equal-loudness curve\n\
          `(ω² + 56.8e6) ω⁴ / ((ω² + 6.3e6)² (ω² + 0.38e9) (ω⁷ + 1.7e31)) · 1e32`, ω = 2πf, whose last factor has the seventh\n\
          power as in openSMILE. The bins at both ends of the range take no part.\n\
          Source: Hermansky (1990), perceptual linear prediction; as in ComParE.",
    convention: "native",
    params: &[STFT, AUDITORY],
    unit: "",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let (stage, ops, bands) = auditory(args, sr, &front)?;
        Ok(in_bands(front, stage, ops, bands))
    }),
};

/// RASTA-filtered auditory spectrum.
pub const RASTA_SPECTRUM: Entry = Entry {
    name: "rasta_spectrum",
    summary: "Auditory spectrum without what stays the same, such as the colour of a microphone.",
    doc: "As `auditory_spectrum`, with `ln max(9.3e-10, E)` of each band filtered over time before it is weighted:\n\
          `y[t] = (2 x[t] - 4c x[t-1] + 4c x[t-3] - 2 x[t-4]) / sqrt(10 (32 c² + 8)) + ρ y[t-1]`, `c = cos(2π fastest T)`,\n\
          `ρ = 1 - sin(2π slowest T)`, T the time from frame to frame. The first five frames count as filtered to 0, and\n\
          y[t-1] is fed back from the seventh on. Source: Hermansky and Morgan (1994); as in ComParE.",
    convention: "native",
    params: &[STFT, AUDITORY, RASTA],
    unit: "",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let (stage, mut ops, bands) = auditory(args, sr, &front)?;
        let rate = f64::from(sr) / front.framing.hop as f64;
        let slowest = args.float("slowest").min(rate / 4.0);
        let fastest = args.float("fastest").min(rate / 2.0);
        ops.insert(0, Box::new(Rasta::new(slowest / rate, fastest / rate)));
        Ok(in_bands(front, stage, ops, bands))
    }),
};

/// Loudness.
pub const LOUDNESS: Entry = Entry {
    name: "loudness",
    summary: "Mean of the auditory spectrum.",
    doc: "Mean of the bands of `auditory_spectrum`. Not 0 for silence, because every band counts as at least 9.3e-10.\n\
          Source: Eyben et al. (2016), as in eGeMAPS.",
    convention: "native",
    params: &[STFT, AUDITORY],
    unit: "",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let (stage, mut ops, bands) = auditory(args, sr, &front)?;
        ops.push(Box::new(Mean));
        Ok(Recipe { columns: vec![String::new()], ..in_bands(front, stage, ops, bands) })
    }),
};

type Ops = Vec<Box<dyn AnyOp>>;

/// The stage of logarithmic bands, the operation that makes loudness of them, and their number.
fn auditory(args: &Args, sr: u32, front: &FrontEnd) -> Result<(Stage, Ops, usize)> {
    let (fmin, nyquist) = (args.float("fmin"), f64::from(sr) / 2.0);
    let fmax = args.float("fmax").min(nyquist);
    if fmin >= fmax {
        return Err(args.error(format_args!(
            "fmin {fmin} Hz and fmax {fmax} Hz: allowed is fmin < fmax, which is at most {nyquist} Hz"
        )));
    }
    let corners = corners(args.int("n_bands"), fmin, fmax);
    let bank = triangles(&corners, [fmin, fmax], bin_hz(sr, front.n_fft), front.n_fft / 2 + 1);
    let centres = &corners[1..corners.len() - 1];
    let exponent = args.float("exponent");
    let weights: Vec<f64> = centres.iter().map(|mel| equal_loudness(hz(*mel)).ln()).collect();
    let bands = weights.len();
    let stage =
        Stage::Ln(Box::new(Stage::Bands(Arc::new(bank), Box::new(Stage::Power))), LEAST_IN_BAND);
    Ok((stage, vec![Box::new(Compress { weights, exponent })], bands))
}

fn in_bands(front: FrontEnd, stage: Stage, ops: Ops, bands: usize) -> Recipe {
    Recipe {
        front,
        base: Box::new(Copy { stage, width: bands }),
        ops,
        columns: numbered(bands),
        unit: "",
        double: false,
        global_because: None,
    }
}

fn mel(hz: f64) -> f64 {
    1127.0 * (1.0 + hz / 700.0).ln()
}

fn hz(mel: f64) -> f64 {
    700.0 * ((mel / 1127.0).exp() - 1.0)
}

/// Ends and centres of `n` overlapping bands in mel, equally spaced.
fn corners(n: usize, fmin: f64, fmax: f64) -> Vec<f64> {
    let (low, high) = (mel(fmin), mel(fmax));
    (0..n + 2).map(|i| low + (high - low) * i as f64 / (n + 1) as f64).collect()
}

/// Triangles of height 1 between neighbouring corners, linear in mel. The bins nearest to both `ends` in Hz and
/// those beyond them take no part.
fn triangles(corners: &[f64], ends: [f64; 2], step: f64, bins: usize) -> Bank {
    let [low, high] = ends.map(|hz| (hz / step).round() as usize);
    let (first, last) = (low + 1, high.min(bins));
    let weight = |band: &[f64], k: usize| {
        let m = mel(k as f64 * step);
        let (up, down) = ((m - band[0]) / (band[1] - band[0]), (band[2] - m) / (band[2] - band[1]));
        if (first..last).contains(&k) { up.min(down).max(0.0) } else { 0.0 }
    };
    Bank::from_rows(
        corners.windows(3).map(|band| (0..bins).map(|k| weight(band, k)).collect()),
        bins,
    )
}

/// Sensitivity of the ear to power at `hz` (Hermansky 1990), with openSMILE's exponent.
fn equal_loudness(hz: f64) -> f64 {
    let w = 2.0 * PI * hz;
    let w2 = w * w;
    let under = (w2 + 6.3e6).powi(2) * (w2 + 0.38e9) * (w.powi(7) + 1.7e31);
    1e32 * (w2 + 56.8e6) * w2 * w2 / under
}

/// `exp(exponent (x + weight))` of logarithms x, one weight per column.
struct Compress {
    weights: Vec<f64>,
    exponent: f64,
}

impl<T: Real> Op<T> for Compress {
    fn width(&self, columns: usize) -> usize {
        columns
    }
    fn scope(&self) -> Scope {
        Scope::Local
    }
    fn begin(&self, _: usize) -> Box<dyn OpRun<T>> {
        Box::new(CompressRun { weights: self.weights.clone(), exponent: self.exponent })
    }
}

struct CompressRun {
    weights: Vec<f64>,
    exponent: f64,
}

impl<T: Real> OpRun<T> for CompressRun {
    fn push(&mut self, rows: &[T], out: &mut Vec<T>) {
        for row in rows.chunks_exact(self.weights.len().max(1)) {
            let loud = |(x, w): (&T, &f64)| T::of((self.exponent * (x.f64() + w)).exp());
            out.extend(row.iter().zip(&self.weights).map(loud));
        }
    }
}

/// Mean over the columns.
struct Mean;

impl<T: Real> Op<T> for Mean {
    fn width(&self, _: usize) -> usize {
        1
    }
    fn scope(&self) -> Scope {
        Scope::Local
    }
    fn begin(&self, columns: usize) -> Box<dyn OpRun<T>> {
        Box::new(MeanRun { columns: columns.max(1) })
    }
}

struct MeanRun {
    columns: usize,
}

impl<T: Real> OpRun<T> for MeanRun {
    fn push(&mut self, rows: &[T], out: &mut Vec<T>) {
        let n = self.columns as f64;
        let mean = |row: &[T]| T::of(row.iter().map(|x| x.f64()).sum::<f64>() / n);
        out.extend(rows.chunks_exact(self.columns).map(mean));
    }
}

/// Frames until the taps of [`Rasta`] are filled.
const FILL: usize = 5;

/// The RASTA filter over the frames of each column.
struct Rasta {
    taps: [f64; FILL],
    pole: f64,
}

impl Rasta {
    /// With both frequencies in cycles per frame.
    fn new(slowest: f64, fastest: f64) -> Self {
        let c = (2.0 * PI * fastest).cos();
        let norm = (10.0 * (32.0 * c * c + 8.0)).sqrt();
        let (b0, b1) = (2.0 / norm, -4.0 * c / norm);
        Self { taps: [b0, b1, 0.0, -b1, -b0], pole: 1.0 - (2.0 * PI * slowest).sin() }
    }
}

impl<T: Real> Op<T> for Rasta {
    fn width(&self, columns: usize) -> usize {
        columns
    }
    fn scope(&self) -> Scope {
        Scope::Scan
    }
    fn begin(&self, columns: usize) -> Box<dyn OpRun<T>> {
        let state = vec![[0.0; FILL]; columns];
        Box::new(RastaRun { taps: self.taps, pole: self.pole, state, frame: 0 })
    }
}

struct RastaRun {
    taps: [f64; FILL],
    pole: f64,
    /// Of each column: the last four inputs, the latest first, and the last output.
    state: Vec<[f64; FILL]>,
    frame: usize,
}

impl<T: Real> OpRun<T> for RastaRun {
    fn push(&mut self, rows: &[T], out: &mut Vec<T>) {
        let [b0, b1, b2, b3, b4] = self.taps;
        for row in rows.chunks_exact(self.state.len().max(1)) {
            let (filled, fed_back) = (self.frame >= FILL, self.frame > FILL);
            for (x, state) in row.iter().zip(&mut self.state) {
                let (x, [x1, x2, x3, x4, y1]) = (x.f64(), *state);
                let taps = b0 * x + b1 * x1 + b2 * x2 + b3 * x3 + b4 * x4;
                let y = if fed_back { taps + self.pole * y1 } else { taps };
                *state = [x, x1, x2, x3, y];
                out.push(if filled { T::of(y) } else { T::ZERO });
            }
            self.frame = self.frame.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T: Real>(op: &dyn Op<T>, rows: &[T], columns: usize, step: usize) -> Vec<T> {
        let (mut run, mut out) = (op.begin(columns), Vec::new());
        rows.chunks(step * columns).for_each(|rows| run.push(rows, &mut out));
        run.finish(&mut out);
        out
    }

    #[test]
    fn rasta_lets_nothing_through_that_stays_and_is_the_same_in_pieces() {
        let rasta = Rasta::new(0.01, 0.29);
        let rows: Vec<f64> =
            (0..400).map(|i| if i % 2 == 0 { 3.0 } else { (0.3 * i as f64).sin() }).collect();
        let whole = run::<f64>(&rasta, &rows, 2, 200);
        assert_eq!(whole, run::<f64>(&rasta, &rows, 2, 7));
        assert!(whole[..10].iter().all(|y| *y == 0.0));
        assert!(whole.iter().step_by(2).all(|y| y.abs() < 1e-12));
        assert!(whole[11..].iter().step_by(2).any(|y| y.abs() > 0.1));
        // The zeros of the taps lie at 0, at half the frame rate and at the rate that is to be taken out.
        for cycles in [0.0, 0.29, 0.5f64] {
            let tone = |k: usize, w: f64| (w * k as f64).cos();
            let gain: f64 = (0..FILL).map(|k| rasta.taps[k] * tone(k, 2.0 * PI * cycles)).sum();
            assert!(gain.abs() < 1e-12, "{cycles}");
        }
    }

    #[test]
    fn triangles_of_neighbouring_bands_sum_to_one_between_their_centres() {
        let corners = corners(26, 20.0, 8000.0);
        let bank = triangles(&corners, [20.0, 8000.0], 16_000.0 / 2048.0, 1025).dense();
        for k in 0..1025 {
            let (m, sum) =
                (mel(k as f64 * 16_000.0 / 2048.0), bank.iter().map(|row| row[k]).sum::<f64>());
            if m > corners[1] && m < corners[26] {
                assert!((sum - 1.0).abs() < 1e-9, "bin {k}: {sum}");
            }
        }
        assert_eq!([bank[0][3], bank[25][1024]], [0.0, 0.0]);
    }

    #[test]
    fn known_spectra_have_known_moments_and_excursions() {
        // One line; two equal lines; three to one; silence.
        let at = |k: usize| match k {
            4 => [0.0, 0.5, 3.0, 0.0],
            8 => [2.0, 0.5, 1.0, 0.0],
            _ => [0.0; 4],
        };
        let rows: Vec<[f64; 4]> = (0..17).map(at).collect();
        let mut moments = [[0.0; 4]; 3];
        central(&rows, &mut moments);
        assert_eq!(moments[0], [0.0, 4.0, 3.0, 0.0]);
        assert_eq!(moments[1][..2], [0.0, 0.0]);
        assert!((moments[1][2] / 3f64.powf(1.5) - 2.0 / 3f64.sqrt()).abs() < 1e-12);
        assert_eq!(moments[2][1] / 16.0, 1.0);
        let mut out = [0.0; 4];
        let hills = [0.0, 1.0, 5.0, 2.0, 1.0, 0.5, 3.0, 4.0, 2.0, 1.0, 1.0, 1.0];
        let rows: Vec<[f64; 4]> = hills.iter().map(|x| [*x, -x, 1.0, f64::NAN]).collect();
        excursion(&rows, &mut out);
        assert_eq!(out[..3], [(4.5 + 3.5) / 2.0 / 12.0, (4.5 + 3.5) / 2.0 / 12.0, 0.0]);
        assert!(out[3].is_nan());
        excursion::<f64, 4>(&[], &mut out);
        assert_eq!(out, [0.0; 4]);
    }

    #[test]
    fn ratios_are_floored_and_silence_is_even() {
        let mut out = [0.0; 4];
        ratio_db(&[100.0, 0.0, 1.0, 0.0], &[1.0, 1.0, 0.0, 0.0], &[1.0, 1.0, 0.0, 0.0], &mut out);
        assert_eq!(out, [20.0, -140.0, 0.0, 0.0]);
    }

    #[test]
    fn the_ear_is_most_sensitive_at_a_few_kilohertz() {
        let best = (1..400).max_by(|a, b| {
            let loud = |k: &i32| equal_loudness(f64::from(*k) * 20.0);
            loud(a).total_cmp(&loud(b))
        });
        assert!(best.is_some_and(|k| (100..300).contains(&k)), "{best:?}");
        assert!(sharp(8000.0) > sharp(4000.0) && sharp(4000.0) > sharp(500.0));
    }
}
