//! Parameter groups and front ends that several descriptors share.

use crate::descriptor::{AnyOp, Base, Op, OpRun, Scope, State, Variant};
use crate::dsp::cepstrum;
use crate::dsp::frame::untranspose;
use crate::dsp::frame::{Framing, Pad};
use crate::dsp::lanes::{Real, kernel};
use crate::dsp::window::{self, NAMES};
use crate::error::Result;
use crate::spec::{Args, Default, Kind, Param};
use crate::stage::{Block, Condition, FrontEnd, Prep, Stage};
use std::sync::Arc;

/// Largest whole number that a size parameter takes.
pub const MANY: i64 = 1 << 24;

/// Names that [`pad`] knows.
pub const PAD_MODES: &[&str] = &["constant", "edge", "reflect", "symmetric"];

/// Length of frames of `frame_length` samples, in time.
pub const FRAME_MS: Param = Param {
    name: "win_ms",
    kind: Kind::OptFloat(0.01, 1e6),
    default: Default::None,
    unit: "ms",
    doc: "Length of a frame in time; sets `frame_length`.",
};

/// Distance of these frames, in time.
pub const FRAME_HOP_MS: Param = Param {
    name: "hop_ms",
    kind: Kind::OptFloat(0.01, 1e6),
    default: Default::None,
    unit: "ms",
    doc: "Distance between frames in time; sets `hop_length`.",
};

/// Whether these frames are centred.
pub const FRAME_CENTER: Param = Param {
    name: "center",
    kind: Kind::Bool,
    default: Default::Bool(true),
    unit: "",
    doc: "Whether frame t is centred at sample t · hop_length (the signal is padded by half a frame) or starts there.",
};

/// What stands beyond the signal for these frames.
pub const FRAME_PAD_MODE: Param = Param {
    name: "pad_mode",
    kind: Kind::Choice(PAD_MODES),
    default: Default::Str("constant"),
    unit: "",
    doc: "What stands beyond the signal: zeros, the edge sample, the mirror image without or with the edge sample.",
};

/// The short-time Fourier transform, as librosa's `stft`.
pub const STFT: &[Param] = &[
    Param {
        name: "n_fft",
        kind: Kind::Int(1, MANY),
        default: Default::Int(2048),
        unit: "samples",
        doc: "Length of the FFT and of a frame.",
    },
    Param {
        name: "hop_length",
        kind: Kind::Int(1, MANY),
        default: Default::Int(512),
        unit: "samples",
        doc: "Distance from one frame to the next.",
    },
    Param {
        name: "win_length",
        kind: Kind::OptInt(1, MANY),
        default: Default::None,
        unit: "samples",
        doc: "Length of the window, centred in the frame; none: `n_fft`.",
    },
    Param {
        name: "win_ms",
        kind: Kind::OptFloat(0.01, 1e6),
        default: Default::None,
        unit: "ms",
        doc: "Length of the window in time; sets `win_length`, and `n_fft` to the next power of two unless that differs from its default.",
    },
    Param {
        name: "hop_ms",
        kind: Kind::OptFloat(0.01, 1e6),
        default: Default::None,
        unit: "ms",
        doc: "Distance between frames in time; sets `hop_length`.",
    },
    Param {
        name: "window",
        kind: Kind::Window(NAMES),
        default: Default::Str("hann"),
        unit: "",
        doc: "Window function, periodic, or its samples.",
    },
    Param {
        name: "center",
        kind: Kind::Bool,
        default: Default::Bool(true),
        unit: "",
        doc: "Whether frame t is centred at sample t · hop_length (the signal is padded by half a frame) or starts there.",
    },
    Param {
        name: "pad_mode",
        kind: Kind::Choice(PAD_MODES),
        default: Default::Str("constant"),
        unit: "",
        doc: "What stands beyond the signal: zeros, the edge sample, the mirror image without or with the edge sample.",
    },
];

/// The mel filterbank, as librosa's `filters.mel`.
pub const MEL: &[Param] = &[
    Param {
        name: "n_mels",
        kind: Kind::Int(1, 4096),
        default: Default::Int(128),
        unit: "",
        doc: "Number of mel bands.",
    },
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
    Param {
        name: "htk",
        kind: Kind::Bool,
        default: Default::Bool(false),
        unit: "",
        doc: "HTK's mel scale in place of Slaney's.",
    },
    Param {
        name: "norm",
        kind: Kind::OptChoice(&["slaney"]),
        default: Default::Str("slaney"),
        unit: "",
        doc: "`slaney`: triangles of area 1; none: of height 1.",
    },
    Param {
        name: "power",
        kind: Kind::Float(1e-3, 10.0),
        default: Default::Float(2.0),
        unit: "",
        doc: "Exponent of the magnitude: 2 power, 1 magnitude.",
    },
];

/// Conversion to decibels, as librosa's `power_to_db`.
pub const DB: &[Param] = &[
    Param {
        name: "ref",
        kind: Kind::Float(1e-30, 1e30),
        default: Default::Float(1.0),
        unit: "",
        doc: "Power that counts as 0 dB.",
    },
    Param {
        name: "amin",
        kind: Kind::Float(1e-30, 1e30),
        default: Default::Float(1e-10),
        unit: "",
        doc: "Power below which everything counts as this.",
    },
    Param {
        name: "top_db",
        kind: Kind::OptFloat(0.0, 1e6),
        default: Default::Float(80.0),
        unit: "dB",
        doc: "Range below the loudest value of the whole recording, lower values are raised to it; none: no limit, and the feature can stream.",
    },
];

/// The padding called `name`.
pub fn pad(name: &str) -> Pad {
    match name {
        "edge" => Pad::Edge,
        "reflect" => Pad::Reflect,
        "symmetric" => Pad::Symmetric,
        _ => Pad::Zero,
    }
}

/// Milliseconds in samples, at least 1.
pub fn samples(ms: f64, sr: u32) -> usize {
    ((ms * f64::from(sr) / 1000.0).round() as usize).max(1)
}

/// The window of `win_length` samples that the parameter `window` names or holds.
pub fn window_of(args: &Args, win_length: usize) -> Result<Vec<f64>> {
    match args.floats("window") {
        Some(given) if given.len() != win_length => Err(args
            .error(format_args!("window has {} samples; win_length is {win_length}", given.len()))),
        Some(given) => Ok(given.to_vec()),
        None => window::window(args.str("window"), win_length, true),
    }
}

/// The front end that the parameters of [`STFT`] describe.
pub fn stft(args: &Args, sr: u32) -> Result<FrontEnd> {
    let by_time = args.opt_float("win_ms").map(|ms| samples(ms, sr));
    let n_fft = match by_time {
        Some(win) if !args.is_set("n_fft") => win.next_power_of_two(),
        _ => args.int("n_fft"),
    };
    let hop = args.opt_float("hop_ms").map_or(args.int("hop_length"), |ms| samples(ms, sr));
    let win_length = args.opt_int("win_length").or(by_time).unwrap_or(n_fft);
    if win_length > n_fft {
        return Err(args.error(format_args!(
            "the window of {win_length} samples is longer than n_fft = {n_fft}; allowed is win_length <= n_fft"
        )));
    }
    let window = window_of(args, win_length)?;
    Ok(FrontEnd {
        framing: Framing::centred(n_fft, hop, args.bool("center"), pad(args.str("pad_mode"))),
        prep: Prep::None,
        condition: Condition::None,
        window: window.into(),
        window_at: (n_fft - win_length) / 2,
        n_fft,
    })
}

/// Distance between bins in Hz, rounded as by `numpy.fft.rfftfreq`, so that bins at the edge of a
/// band fall on the same side as librosa's.
pub fn bin_hz(sr: u32, n_fft: usize) -> f64 {
    1.0 / (n_fft as f64 * (1.0 / f64::from(sr)))
}

/// The spectral stage `|X|^power`.
pub fn spectrum(power: f64) -> Stage {
    if power == 2.0 {
        Stage::Power
    } else if power == 1.0 {
        Stage::Magnitude
    } else {
        Stage::PowerOf(power)
    }
}

/// A base that stores a stage as it is.
pub struct Copy {
    /// The stage.
    pub stage: Stage,
    /// Its number of rows.
    pub width: usize,
}

impl<T: Real, const L: usize> Base<T, L> for Copy {
    fn stages(&self) -> Vec<Stage> {
        vec![self.stage.clone()]
    }
    fn width(&self) -> usize {
        self.width
    }
    fn emit(&self, block: &Block<'_, T, L>, _: &mut State, out: &mut Vec<T>) {
        untranspose(block.stage(0), block.valid, out);
    }
}

/// Raises values to `top_db` below the largest of the recording (librosa's `power_to_db`). With
/// several `parts`, each has its own largest value.
pub struct TopDb {
    /// Range in dB.
    pub top_db: f64,
    /// Number of equal groups of columns.
    pub parts: usize,
}

impl<T: Real> Op<T> for TopDb {
    fn width(&self, columns: usize) -> usize {
        columns
    }
    fn scope(&self) -> Scope {
        Scope::Global
    }
    fn begin(&self, columns: usize) -> Box<dyn OpRun<T>> {
        let floor = vec![T::of(f64::MIN); self.parts];
        Box::new(TopDbRun {
            part: (columns / self.parts).max(1),
            top_db: T::of(self.top_db),
            floor,
        })
    }
}

struct TopDbRun<T> {
    part: usize,
    top_db: T,
    /// Largest value so far; after the first pass, the floor.
    floor: Vec<T>,
}

impl<T: Real> OpRun<T> for TopDbRun<T> {
    fn survey(&mut self, rows: &[T]) {
        let parts = self.floor.len();
        // One group of columns is all the rows at once.
        let size = if parts == 1 { rows.len().max(1) } else { self.part };
        for (at, part) in rows.chunks_exact(size).enumerate() {
            let mut top = [self.floor[at % parts]];
            maximum(part, &mut top);
            self.floor[at % parts] = top[0];
        }
    }
    fn settle(&mut self) {
        self.floor.iter_mut().for_each(|top| *top -= self.top_db);
    }
    fn push(&mut self, rows: &[T], out: &mut Vec<T>) {
        let (from, parts) = (out.len(), self.floor.len());
        out.extend_from_slice(rows);
        let size = if parts == 1 { rows.len().max(1) } else { self.part };
        for (at, part) in out[from..].chunks_exact_mut(size).enumerate() {
            raise(self.floor[at % parts], part);
        }
    }
}

kernel! {
    /// The largest of `xs` and of `top[0]`; the order of comparison does not matter.
    fn maximum / maximum_with<T: Real; ONE>(xs: &[T], top: &mut [T; ONE]) {
        let mut best = [top[0]; 32];
        let mut chunks = xs.chunks_exact(32);
        for chunk in &mut chunks {
            for i in 0..32 {
                best[i] = chunk[i].max(best[i]);
            }
        }
        for (x, best) in chunks.remainder().iter().zip(&mut best) {
            *best = x.max(*best);
        }
        for x in best {
            top[0] = x.max(top[0]);
        }
    }
}

fn raise<T: Real>(floor: T, xs: &mut [T]) {
    raise_lanes::<T, 1>(&[floor], xs);
}

kernel! {
    /// NaN stays NaN.
    fn raise_lanes / raise_lanes_with<T: Real; ONE>(floor: &[T; ONE], xs: &mut [T]) {
        let floor = floor[0];
        for x in xs {
            *x = if *x < floor { floor } else { *x };
        }
    }
}

/// A fixed matrix applied to every row: `y = M x`.
pub struct Matrix {
    /// One row of weights per output column.
    pub rows: Vec<Vec<f64>>,
}

impl Matrix {
    /// The first `count` coefficients of the DCT of `inputs` values, liftered.
    pub fn dct(kind: u8, count: usize, inputs: usize, ortho: bool, lifter: &[f64]) -> Self {
        let mut rows = cepstrum::dct(kind, count, inputs, ortho);
        for (row, l) in rows.iter_mut().zip(lifter) {
            row.iter_mut().for_each(|w| *w *= l);
        }
        Self { rows }
    }
}

impl<T: Real> Op<T> for Matrix {
    fn width(&self, _: usize) -> usize {
        self.rows.len()
    }
    fn scope(&self) -> Scope {
        Scope::Local
    }
    fn begin(&self, columns: usize) -> Box<dyn OpRun<T>> {
        let width = self.rows.len();
        // Inputs outermost, so that a row of output is a sum of scaled rows of weights.
        let weights = (0..columns).flat_map(|i| self.rows.iter().map(move |r| r[i])).collect();
        Box::new(MatrixRun { columns, width, weights })
    }
}

struct MatrixRun {
    columns: usize,
    width: usize,
    weights: Vec<f64>,
}

impl<T: Real> OpRun<T> for MatrixRun {
    fn push(&mut self, rows: &[T], out: &mut Vec<T>) {
        let (from, count) = (out.len(), rows.len() / self.columns.max(1));
        out.resize(from + count * self.width, T::ZERO);
        multiply::<T, 8>(rows, self.columns, &self.weights, self.width, &mut out[from..]);
    }
}

kernel! {
    /// Sums are double in both precisions: the first coefficient of a silent frame adds up 128
    /// equal values, whose rounding in single precision would all go one way.
    fn multiply / multiply_with<T: Real; TILE>(
        rows: &[T], columns: usize, weights: &[f64], width: usize, out: &mut [T],
    ) {
        for (row, out) in rows.chunks_exact(columns).zip(out.chunks_exact_mut(width)) {
            for (at, out) in out.chunks_mut(TILE).enumerate() {
                let mut sum = [0.0; TILE];
                if out.len() == TILE {
                    for (x, w) in row.iter().zip(weights.chunks_exact(width)) {
                        let (x, w) = (x.f64(), &w[at * TILE..at * TILE + TILE]);
                        for i in 0..TILE {
                            sum[i] += x * w[i];
                        }
                    }
                } else {
                    for (x, w) in row.iter().zip(weights.chunks_exact(width)) {
                        let x = x.f64();
                        for (sum, w) in sum.iter_mut().zip(&w[at * TILE..]) {
                            *sum += x * w;
                        }
                    }
                }
                for (out, sum) in out.iter_mut().zip(sum) {
                    *out = T::of(sum);
                }
            }
        }
    }
}

/// The operation that `top_db` of [`DB`] asks for.
pub fn top_db(args: &Args) -> Vec<Box<dyn AnyOp>> {
    let op = |top_db| Box::new(TopDb { top_db, parts: 1 }) as Box<dyn AnyOp>;
    args.opt_float("top_db").map(op).into_iter().collect()
}

/// The mel stage that the parameters of [`MEL`] describe.
pub fn mel_stage(args: &Args, sr: u32, n_fft: usize, norm: crate::dsp::mel::Norm) -> Result<Stage> {
    let sr = f64::from(sr);
    let fmax = args.opt_float("fmax").unwrap_or(sr / 2.0);
    let bank = crate::dsp::mel::mel_bank(
        sr,
        n_fft,
        args.int("n_mels"),
        args.float("fmin"),
        fmax,
        args.bool("htk"),
        norm,
    )?;
    Ok(Stage::Bands(Arc::new(bank), Box::new(spectrum(args.float("power")))))
}

/// The parameter `variant`: openSMILE's numbers or the papers'.
pub fn variant(args: &Args) -> Variant {
    match args.str("variant") {
        "paper" => Variant::Paper,
        _ => Variant::OpenSmile,
    }
}
