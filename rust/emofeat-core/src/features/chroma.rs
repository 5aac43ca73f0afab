//! Chromagram.

use super::shared::{STFT, stft};
use super::{Entry, Make};
use crate::descriptor::{Base, Recipe, State, numbered};
use crate::dsp::chroma::{self, CLASSES, Design, Norm, Peaks, Search};
use crate::dsp::frame::untranspose;
use crate::dsp::lanes::Real;
use crate::spec::{Default, Kind, Param};
use crate::stage::{Block, Stage};
use std::sync::OnceLock;

/// Chromagram of the short-time Fourier transform.
pub const CHROMA_STFT: Entry = Entry {
    name: "chroma_stft",
    summary: "Power in each pitch class.",
    doc: "Power spectrum times a matrix of Gaussian bumps around the pitch classes in all octaves, C first, each frame\n\
          divided by its norm; a silent frame stays 0. Without `tuning` the deviation from 440 Hz is told from the peaks of\n\
          the whole recording: 150 to 4000 Hz, above a tenth of the frame's largest power, refined by a parabola, the stronger\n\
          half of them; the fullest of 100 classes counts (0 where there is no peak). With `tuning` given it can stream.\n\
          Convention: `librosa.feature.chroma_stft`. Source: Ellis (2007).",
    convention: "librosa",
    params: &[
        STFT,
        &[
            Param {
                name: "n_chroma",
                kind: Kind::Int(1, 4096),
                default: Default::Int(12),
                unit: "",
                doc: "Number of pitch classes to the octave.",
            },
            Param {
                name: "tuning",
                kind: Kind::OptFloat(-1e3, 1e3),
                default: Default::None,
                unit: "steps",
                doc: "Deviation from 440 Hz in steps of the pitch classes; none: estimated.",
            },
            Param {
                name: "norm",
                kind: Kind::OptFloat(1e-3, f64::INFINITY),
                default: Default::Float(f64::INFINITY),
                unit: "",
                doc: "Order of the norm by which a frame is divided: inf its maximum, 1, 2 ...; none: not.",
            },
            Param {
                name: "ctroct",
                kind: Kind::Float(-100.0, 100.0),
                default: Default::Float(5.0),
                unit: "octaves",
                doc: "Centre of the emphasis over octaves, above 27.5 Hz.",
            },
            Param {
                name: "octwidth",
                kind: Kind::OptFloat(1e-3, 1e6),
                default: Default::Float(2.0),
                unit: "octaves",
                doc: "Width of the emphasis; none: all octaves weigh the same.",
            },
            Param {
                name: "base_c",
                kind: Kind::Bool,
                default: Default::Bool(true),
                unit: "",
                doc: "Whether the first class is C, or A.",
            },
        ],
    ],
    unit: "",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let (sr, n_fft, n_chroma) = (f64::from(sr), front.n_fft, args.int("n_chroma"));
        if n_fft < 2 {
            return Err(args.error("n_fft = 1 has no bin with a pitch; allowed is n_fft from 2"));
        }
        let design = Design {
            sr,
            n_fft,
            n_chroma,
            ctroct: args.float("ctroct"),
            octwidth: args.opt_float("octwidth"),
            base_c: args.bool("base_c"),
        };
        let tuning = match args.opt_float("tuning") {
            Some(given) => Tuning::Given(chroma::bank(&design, given)),
            None => Tuning::Estimated {
                search: Search::new(sr, n_fft, n_chroma),
                banks: (0..CLASSES).map(|_| OnceLock::new()).collect(),
            },
        };
        let global_because = args.opt_float("tuning").is_none().then_some(
            "the tuning is estimated from the whole recording; with tuning given, for example tuning=0, it can stream",
        );
        let norm = match args.opt_float("norm") {
            None => Norm::None,
            Some(p) if p.is_infinite() => Norm::Max,
            Some(p) => Norm::P(p),
        };
        Ok(Recipe {
            front,
            base: Box::new(Chroma { design, tuning, norm }),
            ops: Vec::new(),
            columns: numbered(n_chroma),
            unit: "",
            double: false,
            global_because,
        })
    }),
};

enum Tuning {
    /// The weights for the given tuning.
    Given(Vec<f32>),
    /// The weights for every tuning that an estimate can give, made when first needed.
    Estimated { search: Search, banks: Vec<OnceLock<Vec<f32>>> },
}

struct Chroma {
    design: Design,
    tuning: Tuning,
    norm: Norm,
}

/// What is carried along a recording: its peaks in the first pass, then its weights.
struct Progress<T> {
    peaks: Peaks,
    weights: Vec<T>,
}

fn weights<T: Real>(bank: &[f32]) -> Vec<T> {
    bank.iter().map(|w| T::of(f64::from(*w))).collect()
}

impl<T: Real, const L: usize> Base<T, L> for Chroma {
    fn stages(&self) -> Vec<Stage> {
        vec![Stage::Power]
    }
    fn width(&self) -> usize {
        self.design.n_chroma
    }
    fn begin(&self) -> State {
        let weights = match &self.tuning {
            Tuning::Given(bank) => weights::<T>(bank),
            Tuning::Estimated { .. } => Vec::new(),
        };
        State::of(Progress { peaks: Peaks::default(), weights })
    }
    fn surveys(&self) -> bool {
        matches!(self.tuning, Tuning::Estimated { .. })
    }
    fn survey(&self, block: &Block<'_, T, L>, state: &mut State) {
        if let (Tuning::Estimated { search, .. }, Some(progress)) =
            (&self.tuning, state.get::<Progress<T>>())
        {
            progress.peaks.add(search, block.stage(0), block.valid);
        }
    }
    fn settle(&self, state: &mut State) {
        if let (Tuning::Estimated { banks, .. }, Some(progress)) =
            (&self.tuning, state.get::<Progress<T>>())
        {
            let class = progress.peaks.fullest();
            let make = || chroma::bank(&self.design, chroma::deviation(class));
            progress.weights = weights(banks[class].get_or_init(make));
            progress.peaks = Peaks::default();
        }
    }
    fn emit(&self, block: &Block<'_, T, L>, state: &mut State, out: &mut Vec<T>) {
        let n = self.design.n_chroma;
        let mut classes = vec![[T::ZERO; L]; n];
        if let Some(progress) = state.get::<Progress<T>>() {
            chroma::apply(block.stage(0), &progress.weights, n, &mut classes);
        }
        chroma::normalise(self.norm, T::of(f64::from(f32::MIN_POSITIVE)), &mut classes);
        untranspose(&classes, block.valid, out);
    }
}
