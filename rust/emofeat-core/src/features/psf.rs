//! Filterbank energies, cepstra and subband centroids of python_speech_features 0.6.

use super::shared::{MANY, Matrix};
use super::{Entry, Make};
use crate::descriptor::{Base, Recipe, State, numbered};
use crate::dsp::cepstrum::lifter;
use crate::dsp::frame::{Count, Framing, Pad, untranspose};
use crate::dsp::lanes::{Real, kernel};
use crate::dsp::log;
use crate::dsp::mel::{Bank, PlannedBank, psf_bank};
use crate::dsp::window;
use crate::error::Result;
use crate::spec::{Args, Default, Kind, Param};
use crate::stage::{Block, Condition, FrontEnd, Prep, Stage};
use std::sync::Arc;

/// What the package puts in the place of a zero.
const EPS: f64 = f64::EPSILON;

const WINDOWS: &[&str] = &["rectangular", "hamming", "hanning", "blackman", "bartlett"];

#[rustfmt::skip]
const FRONT: &[Param] = &[
    Param { name: "winlen", kind: Kind::Float(1e-5, 1e3), default: Default::Float(0.025), unit: "s", doc: "Length of a frame, halves of a sample rounded up." },
    Param { name: "winstep", kind: Kind::Float(1e-5, 1e3), default: Default::Float(0.01), unit: "s", doc: "Distance from one frame to the next, halves of a sample rounded up." },
    Param { name: "nfft", kind: Kind::Int(2, MANY), default: Default::Int(512), unit: "samples", doc: "Length of the FFT. What a longer frame has beyond it is cut off, as the package does with a warning: 25 ms are longer than 512 samples above 20.5 kHz." },
    Param { name: "preemph", kind: Kind::Float(-1e3, 1e3), default: Default::Float(0.97), unit: "", doc: "c in x[i] - c x[i-1] over the whole signal, its first sample kept; 0: none." },
    Param { name: "winfunc", kind: Kind::Window(WINDOWS), default: Default::Str("rectangular"), unit: "", doc: "Window function, symmetric as NumPy's, or its samples, one per sample of a frame." },
    Param { name: "nfilt", kind: Kind::Int(1, 4096), default: Default::Int(26), unit: "", doc: "Number of mel filters." },
    Param { name: "lowfreq", kind: Kind::Float(0.0, 1e6), default: Default::Float(0.0), unit: "Hz", doc: "Lower edge of the first filter." },
    Param { name: "highfreq", kind: Kind::OptFloat(0.0, 1e6), default: Default::None, unit: "Hz", doc: "Upper edge of the last filter; none or 0: half the sampling rate." },
];

#[rustfmt::skip]
const CEPSTRUM: &[Param] = &[
    Param { name: "numcep", kind: Kind::Int(1, 4096), default: Default::Int(13), unit: "", doc: "Number of coefficients; there are at most `nfilt`." },
    Param { name: "ceplifter", kind: Kind::Float(0.0, 1e6), default: Default::Float(22.0), unit: "", doc: "Coefficient n (from 0) is multiplied by 1 + ceplifter/2 sin(π n / ceplifter); 0: not." },
    Param { name: "appendEnergy", kind: Kind::Bool, default: Default::Bool(true), unit: "", doc: "Whether the logarithm of the frame's energy stands in the place of coefficient 0." },
];

/// A length in samples, rounded as the package does.
fn samples(seconds: f64, sr: u32) -> usize {
    (seconds * f64::from(sr)).round() as usize
}

/// The front end that the parameters of [`FRONT`] describe.
fn front(args: &Args, sr: u32) -> Result<FrontEnd> {
    let length = samples(args.float("winlen"), sr);
    let hop = samples(args.float("winstep"), sr);
    if length == 0 || hop == 0 || length > MANY as usize {
        return Err(args.error(format_args!(
            "winlen {} s and winstep {} s are {length} and {hop} samples at {sr} Hz; allowed are \
             frames from 1 to {MANY} samples and steps from 1",
            args.float("winlen"),
            args.float("winstep"),
        )));
    }
    let mut window = match args.floats("winfunc") {
        Some(given) if given.len() != length => {
            return Err(args
                .error(format_args!("winfunc has {} samples; a frame has {length}", given.len())));
        }
        Some(given) => given.to_vec(),
        None => window::window(args.str("winfunc"), length, false)?,
    };
    let n_fft = args.int("nfft");
    window.truncate(n_fft);
    let prep = match args.float("preemph") {
        0.0 => Prep::None,
        c => Prep::PreEmphasis(c),
    };
    Ok(FrontEnd {
        framing: Framing { length, hop, offset: 0, pad: Pad::Zero, count: Count::Filled, least: 0 },
        prep,
        condition: Condition::None,
        window: window.into(),
        window_at: 0,
        n_fft,
    })
}

/// The mel filters that the parameters describe.
fn filters(args: &Args, sr: u32) -> Result<Bank> {
    let sr = f64::from(sr);
    let high = args.opt_float("highfreq").filter(|f| *f != 0.0).unwrap_or(sr / 2.0);
    psf_bank(sr, args.int("nfft"), args.int("nfilt"), args.float("lowfreq"), high)
}

/// The energies of all filters over `|X|² / nfft`, and as the last one the sum over all bins.
fn energies(args: &Args, sr: u32) -> Result<Stage> {
    let mut bank = filters(args, sr)?;
    bank.filters.push((0, vec![1.0; bank.bins]));
    let n = args.int("nfft") as f64;
    bank.filters.iter_mut().flat_map(|(_, weights)| weights).for_each(|w| *w /= n);
    Ok(Stage::Bands(Arc::new(bank), Box::new(Stage::Power)))
}

/// A recipe of `base` in double precision, without operations.
fn double(front: FrontEnd, base: Energies, columns: Vec<String>, unit: &'static str) -> Recipe {
    Recipe {
        front,
        base: Box::new(base),
        ops: Vec::new(),
        columns,
        unit,
        double: true,
        global_because: None,
    }
}

/// Filterbank energies.
pub const FBANK: Entry = Entry {
    name: "psf_fbank",
    summary: "Mel filterbank energies of python_speech_features, and the frame's energy as the last column.",
    doc: "Pre-emphasis over the signal, frames (the last one filled up with zeros), `|X|² / nfft`, triangles of height 1 and\n\
          linear in bins between edges that are rounded down to bins, on the mel scale `2595 log10(1 + f/700)`. The last\n\
          column is the sum over all bins. A zero becomes 2.2e-16. Always in double precision.\n\
          Convention: both results of `python_speech_features.fbank` 0.6 side by side.",
    convention: "python_speech_features",
    params: &[FRONT],
    unit: "power",
    make: Make::Feature(|args, sr| {
        let nfilt = args.int("nfilt");
        let base = Energies { stage: energies(args, sr)?, width: nfilt + 1, log: false };
        let mut columns = numbered(nfilt);
        columns.push("[energy]".into());
        Ok(double(front(args, sr)?, base, columns, "power"))
    }),
};

/// Logarithms of filterbank energies.
pub const LOGFBANK: Entry = Entry {
    name: "psf_logfbank",
    summary: "Natural logarithm of the mel filterbank energies of python_speech_features.",
    doc: "`ln` of `psf_fbank` without its last column; silence gives -36.04. Always in double precision.\n\
          Convention: `python_speech_features.logfbank` 0.6, which has no `winfunc` (its window is rectangular).",
    convention: "python_speech_features",
    params: &[FRONT],
    unit: "ln",
    make: Make::Feature(|args, sr| {
        let nfilt = args.int("nfilt");
        let base = Energies { stage: energies(args, sr)?, width: nfilt, log: true };
        Ok(double(front(args, sr)?, base, numbered(nfilt), "ln"))
    }),
};

/// Cepstral coefficients.
pub const MFCC: Entry = Entry {
    name: "psf_mfcc",
    summary: "Mel-frequency cepstral coefficients of python_speech_features.",
    doc: "Orthonormal DCT-II of `psf_logfbank`, liftered from index 0; with `appendEnergy` coefficient 0 is the natural\n\
          logarithm of the frame's energy. Always in double precision.\n\
          Convention: `python_speech_features.mfcc` 0.6. Source: Davis and Mermelstein (1980).",
    convention: "python_speech_features",
    params: &[FRONT, CEPSTRUM],
    unit: "",
    make: Make::Feature(|args, sr| {
        let nfilt = args.int("nfilt");
        let count = args.int("numcep").min(nfilt);
        let base = Energies { stage: energies(args, sr)?, width: nfilt + 1, log: true };
        let mut rows =
            Matrix::dct(2, count, nfilt, true, &lifter(args.float("ceplifter"), count, 0)).rows;
        rows.iter_mut().for_each(|row| row.push(0.0));
        let mut columns = numbered(count);
        if args.bool("appendEnergy") {
            rows[0] = (0..=nfilt).map(|i| if i == nfilt { 1.0 } else { 0.0 }).collect();
            columns[0] = "[energy]".into();
        }
        let mut recipe = double(front(args, sr)?, base, columns, "");
        recipe.ops.push(Box::new(Matrix { rows }));
        Ok(recipe)
    }),
};

/// Spectral subband centroids.
pub const SSC: Entry = Entry {
    name: "psf_ssc",
    summary: "Spectral subband centroids of python_speech_features.",
    doc: "Per mel filter w of `psf_fbank`: `Σ w P f / Σ w P` in Hz, with P the power of a bin (2.2e-16 for a zero) and f\n\
          running evenly from 1 Hz (not 0) to half the sampling rate. A filter too narrow to hold a bin has no centroid:\n\
          NaN, in every frame. Always in double precision.\n\
          Convention: `python_speech_features.ssc` 0.6. Source: Paliwal (1998), Spectral subband centroid features.",
    convention: "python_speech_features",
    params: &[FRONT],
    unit: "Hz",
    make: Make::Feature(|args, sr| {
        let (front, below) = (front(args, sr)?, filters(args, sr)?);
        let mut above = below.clone();
        let last = (below.bins - 1).max(1) as f64;
        let step = (f64::from(sr) / 2.0 - 1.0) / last;
        for (start, weights) in &mut above.filters {
            weights
                .iter_mut()
                .enumerate()
                .for_each(|(i, w)| *w *= 1.0 + step * (*start + i) as f64);
        }
        let columns = numbered(below.filters.len());
        let base = Centroids { above, below, scale: 1.0 / args.int("nfft") as f64 };
        Ok(Recipe {
            front,
            base: Box::new(base),
            ops: Vec::new(),
            columns,
            unit: "Hz",
            double: true,
            global_because: None,
        })
    }),
};

/// Energies with zeros replaced, or their logarithms.
struct Energies {
    stage: Stage,
    /// Rows of the stage that are stored.
    width: usize,
    log: bool,
}

impl<T: Real, const L: usize> Base<T, L> for Energies {
    fn stages(&self) -> Vec<Stage> {
        vec![self.stage.clone()]
    }
    fn width(&self) -> usize {
        self.width
    }
    fn emit(&self, block: &Block<'_, T, L>, _: &mut State, out: &mut Vec<T>) {
        let mut rows = block.stage(0)[..self.width].to_vec();
        replace_zeros(T::ONE, &mut rows);
        if self.log {
            logarithms(&mut rows);
        }
        untranspose(&rows, block.valid, out);
    }
}

/// Quotients of two sets of filters.
struct Centroids {
    above: Bank,
    below: Bank,
    /// Factor on the power.
    scale: f64,
}

/// The banks in one precision, and buffers.
struct Plans<T, const L: usize> {
    above: PlannedBank<T>,
    below: PlannedBank<T>,
    power: Vec<[T; L]>,
    sums: [Vec<[T; L]>; 2],
}

impl<T: Real, const L: usize> Base<T, L> for Centroids {
    fn stages(&self) -> Vec<Stage> {
        vec![Stage::Power]
    }
    fn width(&self) -> usize {
        self.below.filters.len()
    }
    fn begin(&self) -> State {
        let sum = || vec![[T::ZERO; L]; self.below.filters.len()];
        State::of(Plans::<T, L> {
            above: self.above.plan(),
            below: self.below.plan(),
            power: vec![[T::ZERO; L]; self.below.bins],
            sums: [sum(), sum()],
        })
    }
    fn emit(&self, block: &Block<'_, T, L>, state: &mut State, out: &mut Vec<T>) {
        let Some(plans) = state.get::<Plans<T, L>>() else { return };
        plans.power.copy_from_slice(block.stage(0));
        replace_zeros(T::of(self.scale), &mut plans.power);
        let [above, below] = &mut plans.sums;
        plans.above.apply(&plans.power, above);
        plans.below.apply(&plans.power, below);
        quotients(below, above);
        untranspose(above, block.valid, out);
    }
}

kernel! {
    /// Rows times `scale`, and epsilon where that is zero.
    fn replace_zeros / replace_zeros_with<T: Real; L>(scale: T, rows: &mut [[T; L]]) {
        for row in rows {
            for l in 0..L {
                let x = row[l] * scale;
                row[l] = if x == T::ZERO { T::of(EPS) } else { x };
            }
        }
    }
}

kernel! {
    /// Natural logarithms; what lies below the normal numbers counts as the smallest of them.
    fn logarithms / logarithms_with<T: Real; L>(rows: &mut [[T; L]]) {
        for row in rows {
            for l in 0..L {
                row[l] = log::ln(T::of(f64::MIN_POSITIVE).max(row[l]));
            }
        }
    }
}

kernel! {
    fn quotients / quotients_with<T: Real; L>(below: &[[T; L]], above: &mut [[T; L]]) {
        for (a, b) in above.iter_mut().zip(below) {
            for l in 0..L {
                a[l] = a[l] / b[l];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::features::recipe;
    use crate::spec::Spec;

    fn made(spec: &str, sr: u32) -> Result<Recipe> {
        recipe(&Spec::parse(spec)?, sr)
    }

    #[test]
    fn frames_are_counted_with_a_filled_last_one() {
        let framing = made("psf_mfcc", 16_000).unwrap().front.framing;
        assert_eq!((framing.length, framing.hop), (400, 160));
        assert_eq!([1, 400, 401, 560, 561].map(|n| framing.frames(n)), [1, 1, 2, 2, 3]);
        // 551.25 and 220.5 samples: to the nearest, halves up.
        let framing = made("psf_mfcc", 22_050).unwrap().front.framing;
        assert_eq!((framing.length, framing.hop), (551, 221));
    }

    #[test]
    fn a_frame_longer_than_the_fft_is_cut() {
        let front = made("psf_mfcc(winfunc=hamming)", 48_000).unwrap().front;
        assert_eq!((front.framing.length, front.window.len(), front.n_fft), (1200, 512, 512));
        let whole = window::window("hamming", 1200, false).unwrap();
        assert_eq!(front.window[..], whole[..512]);
    }

    #[test]
    fn columns_and_the_place_of_the_energy() {
        let columns = |spec| made(spec, 16_000).unwrap().columns;
        assert_eq!(columns("psf_fbank").last().unwrap(), "[energy]");
        assert_eq!(columns("psf_fbank").len(), 27);
        assert_eq!(columns("psf_logfbank").len(), 26);
        assert_eq!(columns("psf_mfcc")[0], "[energy]");
        assert_eq!(columns("psf_mfcc(appendEnergy=false)")[0], "[0]");
        assert_eq!(columns("psf_mfcc(numcep=40)").len(), 26, "as many as filters");
        assert_eq!(columns("psf_ssc(nfilt=20)").len(), 20);
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        for spec in [
            "psf_mfcc(highfreq=8001)",
            "psf_mfcc(lowfreq=4000, highfreq=3000)",
            "psf_fbank(winstep=0.00001)",
            "psf_fbank(winfunc=[1.0, 1.0])",
        ] {
            assert_eq!(made(spec, 16_000).err().unwrap().code, Code::BadParameter, "{spec}");
        }
        assert!(made("psf_mfcc(highfreq=0)", 16_000).is_ok(), "0 is half the sampling rate");
    }

    #[test]
    fn zeros_become_epsilon_and_nothing_else_does() {
        let mut rows = vec![[0.0, 1e-300, 4.0, f64::EPSILON]];
        replace_zeros(0.5, &mut rows);
        assert_eq!(rows[0], [EPS, 5e-301, 2.0, f64::EPSILON / 2.0]);
    }
}
