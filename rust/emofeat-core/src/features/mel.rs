//! Spectrogram, mel spectrogram, log-mel and MFCC with librosa's definitions.

use super::shared::{Copy, DB, MEL, Matrix, STFT, mel_stage, spectrum, stft, top_db};
use super::{Entry, Make};
use crate::descriptor::{Recipe, numbered};
use crate::dsp::cepstrum::lifter;
use crate::dsp::mel::Norm;
use crate::error::Result;
use crate::spec::{Args, Default, Kind, Param};
use crate::stage::Stage;

const NEEDS_ALL: &str =
    "top_db counts from the loudest value of the whole recording; top_db=none can stream";

/// Power spectrogram.
pub const SPECTROGRAM: Entry = Entry {
    name: "spectrogram",
    summary: "Magnitude of the short-time Fourier transform to a power, one column per FFT bin.",
    doc: "`|X[t, k]|^power` with `X` the STFT; column k is k · sr / n_fft Hz.\n\
          Convention: `abs(librosa.stft(y)) ** power`.",
    convention: "librosa",
    params: &[
        STFT,
        &[Param {
            name: "power",
            kind: Kind::Float(1e-3, 10.0),
            default: Default::Float(2.0),
            unit: "",
            doc: "Exponent of the magnitude: 2 power, 1 magnitude.",
        }],
    ],
    unit: "power",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let width = front.n_fft / 2 + 1;
        Ok(Recipe {
            front,
            base: Box::new(Copy { stage: spectrum(args.float("power")), width }),
            ops: Vec::new(),
            columns: numbered(width),
            unit: "power",
            double: false,
            global_because: None,
        })
    }),
};

fn norm(args: &Args) -> Norm {
    if args.str("norm") == "slaney" { Norm::Slaney } else { Norm::None }
}

/// Mel spectrogram.
pub const MELSPECTROGRAM: Entry = Entry {
    name: "melspectrogram",
    summary: "Mel-scaled spectrogram.",
    doc: "Triangular filters, linear in Hz between centres equally spaced in mel, applied to `|X|^power`.\n\
          Convention: `librosa.feature.melspectrogram`.",
    convention: "librosa",
    params: &[STFT, MEL],
    unit: "power",
    make: Make::Feature(|args, sr| {
        let front = stft(args, sr)?;
        let stage = mel_stage(args, sr, front.n_fft, norm(args))?;
        let width = args.int("n_mels");
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

/// The recipe of a mel spectrogram in decibels.
fn log_mel(args: &Args, sr: u32) -> Result<Recipe> {
    let front = stft(args, sr)?;
    let mel = mel_stage(args, sr, front.n_fft, norm(args))?;
    let width = args.int("n_mels");
    Ok(Recipe {
        front,
        base: Box::new(Copy {
            stage: Stage::Db(Box::new(mel), args.float("amin"), args.float("ref")),
            width,
        }),
        ops: top_db(args),
        columns: numbered(width),
        unit: "dB",
        double: false,
        global_because: args.opt_float("top_db").map(|_| NEEDS_ALL),
    })
}

/// Log-mel spectrogram.
pub const LOGMEL: Entry = Entry {
    name: "logmel",
    summary: "Mel spectrogram in decibels.",
    doc: "`10 log10(max(amin, mel)) - 10 log10(max(amin, ref))`, not lower than `top_db` below the largest value\n\
          of the recording. Convention: `librosa.power_to_db(librosa.feature.melspectrogram(...))`.",
    convention: "librosa",
    params: &[STFT, MEL, DB],
    unit: "dB",
    make: Make::Feature(log_mel),
};

const CEPSTRUM: &[Param] = &[
    Param {
        name: "n_mfcc",
        kind: Kind::Int(1, 4096),
        default: Default::Int(20),
        unit: "",
        doc: "Number of coefficients.",
    },
    Param {
        name: "dct_type",
        kind: Kind::Int(1, 3),
        default: Default::Int(2),
        unit: "",
        doc: "Type of the discrete cosine transform.",
    },
    Param {
        name: "dct_norm",
        kind: Kind::OptChoice(&["ortho"]),
        default: Default::Str("ortho"),
        unit: "",
        doc: "Orthonormal transform, or none (librosa's argument `norm`).",
    },
    Param {
        name: "lifter",
        kind: Kind::Float(0.0, 1e6),
        default: Default::Float(0.0),
        unit: "",
        doc: "Coefficient n (from 1) is multiplied by 1 + lifter/2 sin(π n / lifter); 0: not.",
    },
];

/// Mel-frequency cepstral coefficients.
pub const MFCC: Entry = Entry {
    name: "mfcc",
    summary: "Mel-frequency cepstral coefficients.",
    doc: "Discrete cosine transform of the log-mel spectrogram. Convention: `librosa.feature.mfcc`, whose lifter counts\n\
          from 1. Source: Davis and Mermelstein (1980).",
    convention: "librosa",
    params: &[STFT, MEL, DB, CEPSTRUM],
    unit: "",
    make: Make::Feature(|args, sr| {
        let mut recipe = log_mel(args, sr)?;
        let (count, inputs) = (args.int("n_mfcc"), args.int("n_mels"));
        if args.int("dct_type") == 1 && inputs < 2 {
            return Err(args.error("the DCT of type 1 needs n_mels from 2"));
        }
        // Coefficients beyond the number of bands do not exist; librosa gives n_mels of them.
        let count = count.min(inputs);
        let weights = lifter(args.float("lifter"), count, 1);
        let ortho = args.str("dct_norm") == "ortho";
        recipe.ops.push(Box::new(Matrix::dct(
            args.int("dct_type") as u8,
            count,
            inputs,
            ortho,
            &weights,
        )));
        recipe.columns = numbered(count);
        recipe.unit = "";
        Ok(recipe)
    }),
};
