//! Mel spectrogram and MFCC with torchaudio's definitions and defaults.

use super::shared::{Copy, MANY, Matrix, TopDb, spectrum, window_of};
use super::{Entry, Make};
use crate::descriptor::{AnyBase, AnyOp, Base, Recipe, State, numbered};
use crate::dsp::frame::{Count, Framing, Pad, untranspose};
use crate::dsp::lanes::{Real, kernel};
use crate::dsp::log;
use crate::dsp::mel::{Norm, mel_bank};
use crate::dsp::window::NAMES;
use crate::error::Result;
use crate::spec::{Args, Default, Kind, Param};
use crate::stage::{Block, Condition, FrontEnd, Prep, Stage};
use std::sync::Arc;

const SPECTRUM: &[Param] = &[
    Param {
        name: "n_fft",
        kind: Kind::Int(2, MANY),
        default: Default::Int(400),
        unit: "samples",
        doc: "Length of the FFT and of a frame.",
    },
    Param {
        name: "win_length",
        kind: Kind::OptInt(1, MANY),
        default: Default::None,
        unit: "samples",
        doc: "Length of the window, centred in the frame; none: `n_fft`.",
    },
    Param {
        name: "hop_length",
        kind: Kind::OptInt(1, MANY),
        default: Default::None,
        unit: "samples",
        doc: "Distance from one frame to the next; none: half of `win_length`.",
    },
    Param {
        name: "pad",
        kind: Kind::Int(0, MANY),
        default: Default::Int(0),
        unit: "samples",
        doc: "Zeros put before and after the signal.",
    },
    Param {
        name: "window",
        kind: Kind::Window(NAMES),
        default: Default::Str("hann"),
        unit: "",
        doc: "Window function, periodic, or its samples (torchaudio's `window_fn`).",
    },
    Param {
        name: "power",
        kind: Kind::Float(1e-3, 10.0),
        default: Default::Float(2.0),
        unit: "",
        doc: "Exponent of the magnitude: 2 power, 1 magnitude.",
    },
    Param {
        name: "normalized",
        kind: Kind::Bool,
        default: Default::Bool(false),
        unit: "",
        doc: "Whether the spectrum is divided by the square root of the window's energy.",
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
        kind: Kind::Choice(&["reflect", "constant", "replicate"]),
        default: Default::Str("reflect"),
        unit: "",
        doc: "What stands beyond the signal and its `pad` zeros if `center`: the mirror image without the edge sample, zeros, the edge sample.",
    },
];

const MEL: &[Param] = &[
    Param {
        name: "n_mels",
        kind: Kind::Int(1, 4096),
        default: Default::Int(128),
        unit: "",
        doc: "Number of mel bands.",
    },
    Param {
        name: "f_min",
        kind: Kind::Float(0.0, 1e6),
        default: Default::Float(0.0),
        unit: "Hz",
        doc: "Lowest frequency.",
    },
    Param {
        name: "f_max",
        kind: Kind::OptFloat(0.0, 1e6),
        default: Default::None,
        unit: "Hz",
        doc: "Highest frequency; none: half the sampling rate.",
    },
    Param {
        name: "mel_scale",
        kind: Kind::Choice(&["htk", "slaney"]),
        default: Default::Str("htk"),
        unit: "",
        doc: "HTK's or Slaney's mel scale.",
    },
];

const NORM: &str = "`slaney`: triangles of area 1; none: of height 1.";

fn front(args: &Args) -> Result<FrontEnd> {
    let n_fft = args.int("n_fft");
    let win_length = args.opt_int("win_length").unwrap_or(n_fft);
    if win_length > n_fft {
        return Err(args.error(format_args!(
            "win_length {win_length} is longer than n_fft = {n_fft}; allowed is win_length <= n_fft"
        )));
    }
    let hop = args.opt_int("hop_length").unwrap_or((win_length / 2).max(1));
    let mut window = window_of(args, win_length)?;
    if args.bool("normalized") {
        let size = window.iter().map(|w| w * w).sum::<f64>().sqrt();
        if size == 0.0 {
            return Err(args.error("normalized divides by the energy of the window, which is 0"));
        }
        window.iter_mut().for_each(|w| *w /= size);
    }
    let (zeros, center) = (args.int("pad"), args.bool("center"));
    let pad = match (args.str("pad_mode"), zeros) {
        ("reflect", 0) => Pad::Reflect,
        ("reflect", zeros) => Pad::ReflectZeros(zeros),
        ("replicate", 0) => Pad::Edge,
        // The edge that is repeated is a zero.
        _ => Pad::Zero,
    };
    let before = zeros + if center { n_fft / 2 } else { 0 };
    Ok(FrontEnd {
        framing: Framing {
            length: n_fft,
            hop,
            offset: -(before as i64),
            pad: if center { pad } else { Pad::Zero },
            count: Count::Full { after: before },
            least: 0,
        },
        prep: Prep::None,
        condition: Condition::None,
        window: window.into(),
        window_at: (n_fft - win_length) / 2,
        n_fft,
    })
}

fn mel(args: &Args, sr: u32, n_fft: usize, norm: &str) -> Result<Stage> {
    // The frequencies of the bins run evenly from 0 to the whole half of the sampling rate, also where
    // that is not the frequency of the last bin (odd rates, odd lengths).
    let nyquist = f64::from(sr / 2);
    let (low, high) = (args.float("f_min"), args.opt_float("f_max").unwrap_or(nyquist));
    if low >= high {
        return Err(args
            .error(format_args!("f_min {low} Hz and f_max {high} Hz: allowed is f_min < f_max")));
    }
    let norm = if norm == "slaney" { Norm::Slaney } else { Norm::None };
    let htk = args.str("mel_scale") == "htk";
    let bank = mel_bank(2.0 * nyquist, n_fft / 2 * 2, args.int("n_mels"), low, high, htk, norm)?;
    Ok(Stage::Bands(Arc::new(bank), Box::new(spectrum(args.float("power")))))
}

/// torchaudio's mel spectrogram.
pub const MELSPECTROGRAM: Entry = Entry {
    name: "torchaudio_melspectrogram",
    summary: "Mel spectrogram with torchaudio's definition and defaults.",
    doc: "As `melspectrogram`, but on frames of 400 samples with a hop of 200 and mirrored ends, with HTK's mel scale and\n\
          triangles of height 1. With 128 bands some of the lowest hold no bin and stay 0.\n\
          Convention: `torchaudio.transforms.MelSpectrogram`.",
    convention: "torchaudio",
    params: &[
        SPECTRUM,
        MEL,
        &[Param {
            name: "norm",
            kind: Kind::OptChoice(&["slaney"]),
            default: Default::None,
            unit: "",
            doc: NORM,
        }],
    ],
    unit: "power",
    make: Make::Feature(|args, sr| {
        let front = front(args)?;
        let (stage, width) = (mel(args, sr, front.n_fft, args.str("norm"))?, args.int("n_mels"));
        Ok(Recipe {
            front,
            base: Box::new(Copy { stage, width }),
            ops: Vec::new(),
            columns: numbered(width),
            unit: "power",
            double: false,
            global_because: None,
        })
    }),
};

/// torchaudio's MFCC.
pub const MFCC: Entry = Entry {
    name: "torchaudio_mfcc",
    summary: "Mel-frequency cepstral coefficients with torchaudio's definition and defaults.",
    doc: "DCT of type 2 of `torchaudio_melspectrogram` in decibels, `10 log10(max(1e-10, mel))` with a range of 80 dB below the\n\
          largest value of the recording; or with log_mels of `ln(mel + 1e-6)`, which can stream. `norm` is that of the DCT,\n\
          `mel_norm` what torchaudio calls `norm` in `melkwargs`; the other arguments in there stand beside `n_mfcc` here.\n\
          Convention: `torchaudio.transforms.MFCC`.",
    convention: "torchaudio",
    params: &[
        SPECTRUM,
        MEL,
        &[
            Param {
                name: "n_mfcc",
                kind: Kind::Int(1, 4096),
                default: Default::Int(40),
                unit: "",
                doc: "Number of coefficients, at most n_mels.",
            },
            Param {
                name: "norm",
                kind: Kind::OptChoice(&["ortho"]),
                default: Default::Str("ortho"),
                unit: "",
                doc: "Orthonormal transform, or none: twice the sum of cosines.",
            },
            Param {
                name: "log_mels",
                kind: Kind::Bool,
                default: Default::Bool(false),
                unit: "",
                doc: "Natural logarithm of mel + 1e-6 in place of decibels.",
            },
            Param {
                name: "mel_norm",
                kind: Kind::OptChoice(&["slaney"]),
                default: Default::None,
                unit: "",
                doc: NORM,
            },
        ],
    ],
    unit: "",
    make: Make::Feature(|args, sr| {
        let front = front(args)?;
        let mel = mel(args, sr, front.n_fft, args.str("mel_norm"))?;
        let (count, inputs, log_mels) =
            (args.int("n_mfcc"), args.int("n_mels"), args.bool("log_mels"));
        if count > inputs {
            return Err(args.error(format_args!(
                "n_mfcc = {count} coefficients of n_mels = {inputs} bands; allowed is n_mfcc <= n_mels"
            )));
        }
        let (base, mut ops): (Box<dyn AnyBase>, Vec<Box<dyn AnyOp>>) = if log_mels {
            (Box::new(LogMels { stage: mel, width: inputs }), Vec::new())
        } else {
            let stage = Stage::Db(Box::new(mel), 1e-10, 1.0);
            (
                Box::new(Copy { stage, width: inputs }),
                vec![Box::new(TopDb { top_db: 80.0, parts: 1 })],
            )
        };
        let ortho = args.str("norm") == "ortho";
        ops.push(Box::new(Matrix::dct(2, count, inputs, ortho, &[])));
        Ok(Recipe {
            front,
            base,
            ops,
            columns: numbered(count),
            unit: "",
            double: false,
            global_because: (!log_mels).then_some(
                "the range of 80 dB counts from the loudest value of the whole recording; log_mels=true can stream",
            ),
        })
    }),
};

/// `ln(mel + 1e-6)`.
struct LogMels {
    stage: Stage,
    width: usize,
}

impl<T: Real, const L: usize> Base<T, L> for LogMels {
    fn stages(&self) -> Vec<Stage> {
        vec![self.stage.clone()]
    }
    fn width(&self) -> usize {
        self.width
    }
    fn emit(&self, block: &Block<'_, T, L>, _: &mut State, out: &mut Vec<T>) {
        let mut rows = block.stage(0).to_vec();
        add_and_log(T::of(1e-6), &mut rows);
        untranspose(&rows, block.valid, out);
    }
}

kernel! {
    fn add_and_log / add_and_log_with<T: Real; L>(offset: T, rows: &mut [[T; L]]) {
        for x in rows.as_flattened_mut() {
            *x = log::ln(*x + offset);
        }
    }
}
