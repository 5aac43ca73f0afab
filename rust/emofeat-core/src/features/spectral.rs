//! The complex spectrum and the shape of the spectrum: librosa's definitions, and flux, entropy and
//! slope, which it does not have.

use super::measure::{Measure, column};
use super::shared::{STFT, TopDb, bin_hz, spectrum, stft};
use super::{Entry, Make};
use crate::descriptor::{AnyOp, Base, Op, OpRun, Recipe, Scope, State, numbered};
use crate::dsp::frame::untranspose;
use crate::dsp::lanes::{Real, kernel};
use crate::dsp::{extremes, log, shape};
use crate::error::Result;
use crate::spec::{Args, Default, Kind, Param};
use crate::stage::{Block, Stage};

/// Complex short-time Fourier transform.
pub const STFT_COMPLEX: Entry = Entry {
    name: "stft",
    summary: "Complex short-time Fourier transform.",
    doc: "`X[t, k] = Σ x[n] w[n] e^(-2πi kn / n_fft)` over frame t. Columns: real and imaginary part of bin 0, of bin 1,\n\
          and so on, `2 (1 + n_fft/2)` columns, which is the memory layout of a complex matrix; bin k is k · sr / n_fft Hz.\n\
          Convention: `librosa.stft`, whose own default of hop_length is n_fft/4.",
    convention: "librosa",
    params: &[STFT],
    unit: "",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let bins = front.n_fft / 2 + 1;
        Ok(Recipe {
            front,
            base: Box::new(Interleaved { bins }),
            ops: Vec::new(),
            columns: (0..bins).flat_map(|k| [format!("[{k}].re"), format!("[{k}].im")]).collect(),
            unit: "",
            double: false,
            global_because: None,
        })
    }),
};

/// The spectrum, real and imaginary parts side by side.
struct Interleaved {
    bins: usize,
}

impl<T: Real, const L: usize> Base<T, L> for Interleaved {
    fn stages(&self) -> Vec<Stage> {
        vec![Stage::Spectrum]
    }
    fn width(&self) -> usize {
        2 * self.bins
    }
    fn emit(&self, block: &Block<'_, T, L>, _: &mut State, out: &mut Vec<T>) {
        let (re, im) = block.stage(0).split_at(self.bins);
        interleave(re, im, block.valid, out);
    }
}

kernel! {
    fn interleave / interleave_with<T: Real; L>(
        re: &[[T; L]], im: &[[T; L]], valid: usize, out: &mut Vec<T>,
    ) {
        let (width, at) = (2 * re.len(), out.len());
        out.resize(at + valid * width, T::ZERO);
        for (lane, row) in out[at..].chunks_exact_mut(width).enumerate() {
            let lane = lane.min(L - 1);
            for ((pair, re), im) in row.chunks_exact_mut(2).zip(re).zip(im) {
                (pair[0], pair[1]) = (re[lane], im[lane]);
            }
        }
    }
}

/// Spectral centroid.
pub const SPECTRAL_CENTROID: Entry = Entry {
    name: "spectral_centroid",
    summary: "Mean frequency of the spectrum, weighted by magnitude.",
    doc: "`Σ f |X| / Σ |X|` over all bins; 0 for a silent frame. Convention: `librosa.feature.spectral_centroid`.\n\
          Source: Klapuri and Davy (2006), chapter 5.",
    convention: "librosa",
    params: &[STFT],
    unit: "Hz",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let measure = Centroid { step: bin_hz(sr, front.n_fft) };
        Ok(column(front, measure, "Hz"))
    }),
};

struct Centroid {
    step: f64,
}

impl Measure for Centroid {
    fn stage(&self) -> Stage {
        Stage::Magnitude
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        shape::centroid(rows, self.step, out);
    }
}

/// Spectral bandwidth.
pub const SPECTRAL_BANDWIDTH: Entry = Entry {
    name: "spectral_bandwidth",
    summary: "Spread of the spectrum around its centroid.",
    doc: "`(Σ m |f - centroid|^p)^(1/p)`, `m` the magnitude divided by its sum (`norm=false`: the magnitude itself); 0 for a\n\
          silent frame. Convention: `librosa.feature.spectral_bandwidth`. Source: Klapuri and Davy (2006), chapter 5.",
    convention: "librosa",
    params: &[
        STFT,
        &[
            Param {
                name: "p",
                kind: Kind::Float(1e-3, 100.0),
                default: Default::Float(2.0),
                unit: "",
                doc: "Exponent of the distance from the centroid.",
            },
            Param {
                name: "norm",
                kind: Kind::Bool,
                default: Default::Bool(true),
                unit: "",
                doc: "Whether the magnitudes of a frame are divided by their sum.",
            },
        ],
    ],
    unit: "Hz",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let step = bin_hz(sr, front.n_fft);
        let measure = Bandwidth { step, p: args.float("p"), normalise: args.bool("norm") };
        Ok(column(front, measure, "Hz"))
    }),
};

struct Bandwidth {
    step: f64,
    p: f64,
    normalise: bool,
}

impl Measure for Bandwidth {
    fn stage(&self) -> Stage {
        Stage::Magnitude
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        let mut centre = [0.0; L];
        shape::centroid(rows, self.step, &mut centre);
        shape::bandwidth(rows, self.step, self.p, self.normalise, &centre, out);
    }
}

/// Spectral roll-off.
pub const SPECTRAL_ROLLOFF: Entry = Entry {
    name: "spectral_rolloff",
    summary: "Frequency below which a given share of the magnitude lies.",
    doc: "Frequency of the first bin at which the running sum of `|X|` reaches `roll_percent` of the whole; 0 for a silent\n\
          frame. The sum runs in double precision. Convention: `librosa.feature.spectral_rolloff`.",
    convention: "librosa",
    params: &[
        STFT,
        &[Param {
            name: "roll_percent",
            kind: Kind::Float(0.0, 1.0),
            default: Default::Float(0.85),
            unit: "",
            doc: "Share of the magnitude, above 0 and below 1.",
        }],
    ],
    unit: "Hz",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let share = args.float("roll_percent");
        if share == 0.0 || share == 1.0 {
            return Err(args.error(format_args!(
                "roll_percent = {share}; allowed are values above 0 and below 1"
            )));
        }
        let measure = Rolloff { step: bin_hz(sr, front.n_fft), share };
        Ok(column(front, measure, "Hz"))
    }),
};

struct Rolloff {
    step: f64,
    share: f64,
}

impl Measure for Rolloff {
    fn stage(&self) -> Stage {
        Stage::Magnitude
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        shape::rolloff(rows, self.share, out);
        *out = out.map(|bin| bin * self.step);
    }
}

/// Spectral flatness.
pub const SPECTRAL_FLATNESS: Entry = Entry {
    name: "spectral_flatness",
    summary: "Geometric over arithmetic mean of the spectrum: near 1 for noise, near 0 for tones.",
    doc: "Means of `max(amin, |X|^power)` over all bins; 1 for a silent frame. Convention: `librosa.feature.spectral_flatness`.\n\
          Source: Gray and Markel (1974); Dubnov (2004).",
    convention: "librosa",
    params: &[
        STFT,
        &[
            Param {
                name: "amin",
                kind: Kind::Float(1e-30, 1e30),
                default: Default::Float(1e-10),
                unit: "",
                doc: "Value that every bin counts as at least.",
            },
            Param {
                name: "power",
                kind: Kind::Float(1e-3, 10.0),
                default: Default::Float(2.0),
                unit: "",
                doc: "Exponent of the magnitude: 2 power, 1 magnitude.",
            },
        ],
    ],
    unit: "",
    make: Make::Feature(|args, sr| {
        let measure = Flatness { power: args.float("power"), floor: args.float("amin") };
        Ok(column(stft(args, sr)?, measure, ""))
    }),
};

struct Flatness {
    power: f64,
    floor: f64,
}

impl Measure for Flatness {
    fn stage(&self) -> Stage {
        spectrum(self.power)
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        shape::flatness(rows, T::of(self.floor), out);
    }
}

/// Spectral contrast.
pub const SPECTRAL_CONTRAST: Entry = Entry {
    name: "spectral_contrast",
    summary: "Peaks over valleys of the spectrum in octave bands.",
    doc: "For each band the mean of the largest and of the smallest bins of `|X|`, each turned into `10 log10` with a range of\n\
          80 dB below the largest value of the recording, and their difference; `linear=true`: the plain difference of the means,\n\
          which can stream. Bands: 0 to fmin, then n_bands octaves, n_bands + 1 columns. A band also takes the bin below it, all\n\
          but the last band lose their topmost bin, the last one reaches up to half the sampling rate. The number of bins in a\n\
          mean is `quantile` of the band, rounded, at least 1. An error if the last octave begins at or above half the sampling\n\
          rate (with the defaults: rates up to 12800 Hz; take fewer bands), or if a band holds no bin.\n\
          Convention: `librosa.feature.spectral_contrast`. Source: Jiang et al. (2002).",
    convention: "librosa",
    params: &[
        STFT,
        &[
            Param {
                name: "fmin",
                kind: Kind::Float(1e-3, 1e6),
                default: Default::Float(200.0),
                unit: "Hz",
                doc: "Upper edge of the lowest band.",
            },
            Param {
                name: "n_bands",
                kind: Kind::Int(1, 64),
                default: Default::Int(6),
                unit: "",
                doc: "Number of octave bands above fmin.",
            },
            Param {
                name: "quantile",
                kind: Kind::Float(0.0, 1.0),
                default: Default::Float(0.02),
                unit: "",
                doc: "Share of a band's bins that make a peak or a valley, above 0 and below 1.",
            },
            Param {
                name: "linear",
                kind: Kind::Bool,
                default: Default::Bool(false),
                unit: "",
                doc: "Difference of the means themselves in place of that of their logarithms.",
            },
        ],
    ],
    unit: "dB",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let bands = octaves(args, sr, front.n_fft)?;
        let (linear, width) = (args.bool("linear"), bands.len());
        let mut ops: Vec<Box<dyn AnyOp>> = Vec::new();
        if !linear {
            ops.push(Box::new(TopDb { top_db: 80.0, parts: 2 }));
            ops.push(Box::new(Difference));
        }
        Ok(Recipe {
            front,
            base: Box::new(Contrast { bands, linear }),
            ops,
            columns: numbered(width),
            unit: if linear { "" } else { "dB" },
            double: false,
            global_because: (!linear).then_some(
                "peaks and valleys are limited to 80 dB below the largest of the whole recording; linear=true can stream",
            ),
        })
    }),
};

/// A band of bins, and how many of them make a peak or a valley.
struct Band {
    first: usize,
    end: usize,
    count: usize,
}

fn octaves(args: &Args, sr: u32, n_fft: usize) -> Result<Vec<Band>> {
    let (fmin, n_bands, quantile) =
        (args.float("fmin"), args.int("n_bands"), args.float("quantile"));
    if quantile == 0.0 || quantile == 1.0 {
        return Err(args
            .error(format_args!("quantile = {quantile}; allowed are values above 0 and below 1")));
    }
    let (bins, step, nyquist) = (n_fft / 2 + 1, bin_hz(sr, n_fft), f64::from(sr) / 2.0);
    let edge = |k: usize| if k == 0 { 0.0 } else { fmin * 2f64.powi(k as i32 - 1) };
    if edge(n_bands) >= nyquist {
        return Err(args.error(format_args!(
            "the last of {n_bands} octaves from {fmin} Hz begins at {} Hz, which is not below half the sampling rate, \
             {nyquist} Hz; reduce fmin or n_bands",
            edge(n_bands)
        )));
    }
    let band = |k: usize| {
        let inside = |bin: &usize| (edge(k)..=edge(k + 1)).contains(&(*bin as f64 * step));
        let empty = || {
            args.error(format_args!(
                "band {k} ({} to {} Hz) holds no bin of {step} Hz; allowed is a longer n_fft, or a larger fmin",
                edge(k), edge(k + 1)
            ))
        };
        let first = (0..bins).find(inside).ok_or_else(empty)?;
        let last = (first..bins).rfind(inside).ok_or_else(empty)?;
        let first = if k > 0 { first - 1 } else { first };
        let last = if k == n_bands { bins - 1 } else { last };
        let size = last + 1 - first;
        let end = if k == n_bands { last + 1 } else { last };
        if first == end {
            return Err(empty());
        }
        let count = (quantile * size as f64).round_ties_even().max(1.0) as usize;
        Ok(Band { first, end, count: count.min(end - first) })
    };
    (0..=n_bands).map(band).collect()
}

/// Peaks, then valleys of each band in dB; or their difference.
struct Contrast {
    bands: Vec<Band>,
    linear: bool,
}

impl<T: Real, const L: usize> Base<T, L> for Contrast {
    fn stages(&self) -> Vec<Stage> {
        vec![Stage::Magnitude]
    }
    fn width(&self) -> usize {
        self.bands.len() * if self.linear { 1 } else { 2 }
    }
    fn emit(&self, block: &Block<'_, T, L>, _: &mut State, out: &mut Vec<T>) {
        let (rows, n) = (block.stage(0), self.bands.len());
        let mut columns = vec![[T::ZERO; L]; <Self as Base<T, L>>::width(self)];
        let decibels = |x: f64| T::of(log::db(x.max(1e-10)));
        for (i, band) in self.bands.iter().enumerate() {
            let (mut low, mut high) = ([0.0; L], [0.0; L]);
            extremes::means(&rows[band.first..band.end], band.count, &mut low, &mut high);
            if self.linear {
                columns[i] = std::array::from_fn(|l| T::of(high[l] - low[l]));
            } else {
                (columns[i], columns[n + i]) = (high.map(decibels), low.map(decibels));
            }
        }
        untranspose(&columns, block.valid, out);
    }
}

/// First half of the columns minus the second half.
struct Difference;

impl<T: Real> Op<T> for Difference {
    fn width(&self, columns: usize) -> usize {
        columns / 2
    }
    fn scope(&self) -> Scope {
        Scope::Local
    }
    fn begin(&self, columns: usize) -> Box<dyn OpRun<T>> {
        Box::new(DifferenceRun { half: (columns / 2).max(1) })
    }
}

struct DifferenceRun {
    half: usize,
}

impl<T: Real> OpRun<T> for DifferenceRun {
    fn push(&mut self, rows: &[T], out: &mut Vec<T>) {
        for row in rows.chunks_exact(2 * self.half) {
            let (a, b) = row.split_at(self.half);
            out.extend(a.iter().zip(b).map(|(a, b)| *a - *b));
        }
    }
}

/// Spectral flux.
pub const SPECTRAL_FLUX: Entry = Entry {
    name: "spectral_flux",
    summary: "Change of the spectrum from one frame to the next.",
    doc: "`Σ (m[t] - m[t-1])²` with `m` the magnitudes of a frame divided by their sum, from 0 to 2; a silent frame has\n\
          `m = 0`, and the first frame has flux 0. Does not depend on the level.\n\
          Source: Giannakopoulos and Pikrakis (2014), section 4.4.5; after Scheirer and Slaney (1997).",
    convention: "native",
    params: &[STFT],
    unit: "",
    make: Make::Feature(|args, sr| {
        Ok(Recipe {
            front: stft(args, sr)?,
            base: Box::new(Flux),
            ops: Vec::new(),
            columns: vec![String::new()],
            unit: "",
            double: false,
            global_because: None,
        })
    }),
};

struct Flux;

impl<T: Real, const L: usize> Base<T, L> for Flux {
    fn stages(&self) -> Vec<Stage> {
        vec![Stage::Magnitude]
    }
    fn width(&self) -> usize {
        1
    }
    fn begin(&self) -> State {
        // The normalised magnitudes of the frame before.
        State::of(Vec::<f64>::new())
    }
    fn emit(&self, block: &Block<'_, T, L>, state: &mut State, out: &mut Vec<T>) {
        let (rows, mut none) = (block.stage(0), Vec::new());
        let before = state.get::<Vec<f64>>().unwrap_or(&mut none);
        before.resize(rows.len(), 0.0);
        let mut values = [0.0; L];
        shape::flux(rows, block.valid - 1, before, &mut values);
        if block.first == 0 {
            values[0] = 0.0;
        }
        out.extend(values[..block.valid].iter().map(|x| T::of(*x)));
    }
}

/// Spectral entropy.
pub const SPECTRAL_ENTROPY: Entry = Entry {
    name: "spectral_entropy",
    summary: "Entropy of the power spectrum: 1 if all bins are equal, 0 for a single line.",
    doc: "`-Σ p log2 p / log2 K` with `p` the power of the K bins divided by its sum, from 0 to 1; 0 for a silent frame. Does\n\
          not depend on the level. Needs n_fft from 2. Source: Misra et al. (2004), divided by the largest possible value.",
    convention: "native",
    params: &[STFT],
    unit: "",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        if front.n_fft < 2 {
            return Err(args.error("n_fft = 1 has a single bin; allowed is n_fft from 2"));
        }
        let largest = ((front.n_fft / 2 + 1) as f64).log2();
        Ok(column(front, Entropy { largest }, ""))
    }),
};

struct Entropy {
    largest: f64,
}

impl Measure for Entropy {
    fn stage(&self) -> Stage {
        Stage::Power
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        shape::entropy(rows, out);
        *out = out.map(|bits| if bits < self.largest { bits / self.largest } else { 1.0 });
    }
}

/// Spectral slope.
pub const SPECTRAL_SLOPE: Entry = Entry {
    name: "spectral_slope",
    summary: "Slope of the logarithmic power spectrum over frequency.",
    doc: "Slope of the regression line through `10 log10(max(1e-10, |X|²))` over the bins from fmin to fmax, both included;\n\
          0 for a silent frame. Does not depend on the level where no bin is that small. An error if fewer than two bins lie\n\
          in the band. Source: Eyben et al. (2016), who take the bands 0-500 and 500-1500 Hz.",
    convention: "native",
    params: &[
        STFT,
        &[
            Param {
                name: "fmin",
                kind: Kind::Float(0.0, 1e6),
                default: Default::Float(0.0),
                unit: "Hz",
                doc: "Lowest frequency.",
            },
            Param {
                name: "fmax",
                kind: Kind::OptFloat(0.0, 1e6),
                default: Default::None,
                unit: "Hz",
                doc: "Highest frequency; none: half the sampling rate.",
            },
        ],
    ],
    unit: "dB/kHz",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let measure = Slope::new(args, f64::from(sr), front.n_fft)?;
        Ok(column(front, measure, "dB/kHz"))
    }),
};

struct Slope {
    first: usize,
    /// Weights of the levels in the slope, which sum up to 0.
    weights: Vec<f64>,
}

impl Slope {
    fn new(args: &Args, sr: f64, n_fft: usize) -> Result<Self> {
        let nyquist = sr / 2.0;
        let (fmin, fmax) = (args.float("fmin"), args.opt_float("fmax").unwrap_or(nyquist));
        if fmax <= fmin || fmax > nyquist {
            return Err(args.error(format_args!(
                "fmin {fmin} Hz and fmax {fmax} Hz: allowed is 0 <= fmin < fmax <= {nyquist} Hz"
            )));
        }
        let khz = |k: &usize| *k as f64 * sr / n_fft as f64 / 1000.0;
        let inside: Vec<usize> = (0..=n_fft / 2)
            .filter(|k| (fmin..=fmax).contains(&(*k as f64 * sr / n_fft as f64)))
            .collect();
        let n = inside.len();
        if n < 2 {
            return Err(args.error(format_args!(
                "{n} bins lie from {fmin} to {fmax} Hz, a slope needs 2; allowed is a wider band, or a longer n_fft"
            )));
        }
        let mean = inside.iter().map(khz).sum::<f64>() / n as f64;
        let square: f64 = inside.iter().map(|k| (khz(k) - mean) * (khz(k) - mean)).sum();
        Ok(Self {
            first: inside[0],
            weights: inside.iter().map(|k| (khz(k) - mean) / square).collect(),
        })
    }
}

impl Measure for Slope {
    fn stage(&self) -> Stage {
        Stage::Power
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        let band = &rows[self.first..self.first + self.weights.len()];
        shape::tilt(band, &self.weights, T::of(1e-10), out);
    }
}
