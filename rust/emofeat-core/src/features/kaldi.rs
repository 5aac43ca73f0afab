//! Kaldi's filterbank energies and cepstra, with the names and defaults of
//! `torchaudio.compliance.kaldi`.

use super::shared::{Copy, MANY, Matrix};
use super::{Entry, Make};
use crate::descriptor::{AnyOp, Base, Op, OpRun, Recipe, Scope, State, numbered};
use crate::dsp::cepstrum::lifter;
use crate::dsp::frame::{Count, Framing, Pad, untranspose};
use crate::dsp::lanes::Real;
use crate::dsp::mel::kaldi_bank;
use crate::dsp::window;
use crate::error::Result;
use crate::spec::{Args, Default, Kind, Param};
use crate::stage::{Block, Condition, FrontEnd, Prep, Stage};
use std::f64::consts::{PI, SQRT_2};
use std::sync::Arc;

/// What Kaldi takes the logarithm of at least: the spacing of single-precision numbers at 1.
const EPSILON: f64 = f32::EPSILON as f64;

const WINDOWS: &[&str] = &["povey", "hanning", "hamming", "rectangular", "blackman"];

const MEAN_NEEDS_ALL: &str =
    "subtract_mean takes the mean of the whole recording; subtract_mean=false can stream";

/// Framing and what is done to a frame before its spectrum.
#[rustfmt::skip]
const FRAMES: &[Param] = &[
    Param { name: "frame_length", kind: Kind::Float(0.01, 1e6), default: Default::Float(25.0), unit: "ms", doc: "Length of a frame, rounded down to samples." },
    Param { name: "frame_shift", kind: Kind::Float(0.01, 1e6), default: Default::Float(10.0), unit: "ms", doc: "Distance from one frame to the next, rounded down to samples." },
    Param { name: "snip_edges", kind: Kind::Bool, default: Default::Bool(true), unit: "", doc: "True: only frames that lie wholly in the signal. False: one frame per shift, the signal mirrored at both ends with its edge samples." },
    Param { name: "min_duration", kind: Kind::Float(0.0, 1e9), default: Default::Float(0.0), unit: "s", doc: "A shorter recording has no frames." },
    Param { name: "input_scale", kind: Kind::Float(1e-6, 1e6), default: Default::Float(1.0), unit: "", doc: "Factor on every sample. Kaldi's models were made with samples in the 16-bit range: 32768 for samples within ±1." },
    Param { name: "dither", kind: Kind::Float(0.0, 1e6), default: Default::Float(0.0), unit: "", doc: "Standard deviation of Gaussian noise added to each frame, after `input_scale`; Kaldi's own default is 1.0 in the 16-bit range." },
    Param { name: "seed", kind: Kind::Int(0, i64::MAX), default: Default::Int(0), unit: "", doc: "Seed of the dither, which is the same for the same seed, frame and position." },
    Param { name: "remove_dc_offset", kind: Kind::Bool, default: Default::Bool(true), unit: "", doc: "Whether each frame's mean is subtracted." },
    Param { name: "preemphasis_coefficient", kind: Kind::Float(0.0, 1.0), default: Default::Float(0.97), unit: "", doc: "c in x[i] - c x[i-1], within the frame; the first sample is emphasised against itself." },
    Param { name: "window_type", kind: Kind::Choice(WINDOWS), default: Default::Str("povey"), unit: "", doc: "Window function, symmetric." },
    Param { name: "blackman_coeff", kind: Kind::Float(0.0, 1.0), default: Default::Float(0.42), unit: "", doc: "Constant term of the Blackman window; other windows do not use it." },
    Param { name: "round_to_power_of_two", kind: Kind::Bool, default: Default::Bool(true), unit: "", doc: "Whether frames are padded with zeros to the next power of two for the FFT." },
];

/// The filters.
#[rustfmt::skip]
const FILTERS: &[Param] = &[
    Param { name: "num_mel_bins", kind: Kind::Int(4, 4096), default: Default::Int(23), unit: "", doc: "Number of mel filters." },
    Param { name: "low_freq", kind: Kind::Float(0.0, 1e6), default: Default::Float(20.0), unit: "Hz", doc: "Lower edge of the first filter." },
    Param { name: "high_freq", kind: Kind::Float(-1e6, 1e6), default: Default::Float(0.0), unit: "Hz", doc: "Upper edge of the last filter; 0 and below count from half the sampling rate." },
    Param { name: "vtln_warp", kind: Kind::Float(1e-3, 1e3), default: Default::Float(1.0), unit: "", doc: "Vocal tract length normalisation is not offered: only 1, no warping." },
    Param { name: "vtln_low", kind: Kind::Float(-1e6, 1e6), default: Default::Float(100.0), unit: "Hz", doc: "Has no meaning without warping: only its default." },
    Param { name: "vtln_high", kind: Kind::Float(-1e6, 1e6), default: Default::Float(-500.0), unit: "Hz", doc: "Has no meaning without warping: only its default." },
];

/// The energy, and what is done to finished rows.
#[rustfmt::skip]
const ENERGY: &[Param] = &[
    Param { name: "use_energy", kind: Kind::Bool, default: Default::Bool(false), unit: "", doc: "Whether the logarithm of the frame's energy takes part: an additional column of the filterbank, in place of C0 of the cepstrum." },
    Param { name: "raw_energy", kind: Kind::Bool, default: Default::Bool(true), unit: "", doc: "Whether that energy is taken before pre-emphasis and window, or after them." },
    Param { name: "energy_floor", kind: Kind::Float(0.0, 1e30), default: Default::Float(1.0), unit: "", doc: "Least energy; it has no influence on the filters, whose floor is 1.1920929e-7." },
    Param { name: "htk_compat", kind: Kind::Bool, default: Default::Bool(false), unit: "", doc: "Whether the energy (in the cepstrum: C0 or the energy) comes last; a C0 there is multiplied by √2." },
    Param { name: "subtract_mean", kind: Kind::Bool, default: Default::Bool(false), unit: "", doc: "Whether each column's mean over the recording is subtracted." },
];

/// What the filterbank alone offers.
#[rustfmt::skip]
const SPECTRUM: &[Param] = &[
    Param { name: "use_log_fbank", kind: Kind::Bool, default: Default::Bool(true), unit: "", doc: "Natural logarithm of the energies, or the energies." },
    Param { name: "use_power", kind: Kind::Bool, default: Default::Bool(true), unit: "", doc: "Filters over |X|², or over |X|." },
];

/// What the cepstrum alone offers.
#[rustfmt::skip]
const CEPSTRUM: &[Param] = &[
    Param { name: "num_ceps", kind: Kind::Int(1, 4096), default: Default::Int(13), unit: "", doc: "Number of coefficients, C0 included; at most `num_mel_bins`." },
    Param { name: "cepstral_lifter", kind: Kind::Float(0.0, 1e6), default: Default::Float(22.0), unit: "", doc: "Q of the lifter; 0: none." },
];

/// Milliseconds in samples, rounded down in the package's own order of operations.
fn samples(sr: u32, ms: f64) -> usize {
    (f64::from(sr) * ms * 0.001) as usize
}

/// The window of `n` samples that `window_type` asks for.
fn window_of(args: &Args, n: usize) -> Result<Vec<f64>> {
    if args.str("window_type") != "blackman" || n == 1 {
        return window::window(args.str("window_type"), n, false);
    }
    let a = args.float("blackman_coeff");
    let at = |i: usize| {
        let phase = 2.0 * PI * i as f64 / (n - 1) as f64;
        a - 0.5 * phase.cos() + (0.5 - a) * (2.0 * phase).cos()
    };
    Ok((0..n).map(at).collect())
}

/// The front end that the parameters of [`FRAMES`] describe.
fn front(args: &Args, sr: u32) -> Result<FrontEnd> {
    let length = samples(sr, args.float("frame_length"));
    let hop = samples(sr, args.float("frame_shift"));
    if length < 2 || length > MANY as usize || hop == 0 {
        return Err(args.error(format_args!(
            "frame_length {} ms and frame_shift {} ms are {length} and {hop} samples at {sr} Hz; \
             allowed are frames from 2 to {MANY} samples and shifts from 1",
            args.float("frame_length"),
            args.float("frame_shift"),
        )));
    }
    let n_fft =
        if args.bool("round_to_power_of_two") { length.next_power_of_two() } else { length };
    if n_fft % 2 == 1 {
        return Err(args.error(format_args!(
            "a frame of {length} samples is odd, and so would be the FFT; change frame_length, \
             or leave round_to_power_of_two at true"
        )));
    }
    let (offset, pad, count) = if args.bool("snip_edges") {
        (0, Pad::Zero, Count::Full { after: 0 })
    } else {
        ((hop / 2) as i64 - (length / 2) as i64, Pad::Symmetric, Count::Rounded)
    };
    let least = (args.float("min_duration") * f64::from(sr)).ceil() as usize;
    Ok(FrontEnd {
        framing: Framing { length, hop, offset, pad, count, least },
        prep: Prep::None,
        condition: Condition::Kaldi {
            scale: args.float("input_scale"),
            dither: args.float("dither"),
            seed: args.int("seed") as u64,
            remove_dc: args.bool("remove_dc_offset"),
            preemphasis: args.float("preemphasis_coefficient"),
            raw_energy: args.bool("raw_energy"),
        },
        window: window_of(args, length)?.into(),
        window_at: 0,
        n_fft,
    })
}

/// The filters over `spectrum`.
fn bands(args: &Args, sr: u32, n_fft: usize, spectrum: Stage) -> Result<Stage> {
    let warp = args.float("vtln_warp");
    if warp != 1.0 {
        return Err(args.error(format_args!(
            "vtln_warp = {warp}: vocal tract length normalisation is not offered; allowed is 1"
        )));
    }
    for (name, default) in [("vtln_low", 100.0), ("vtln_high", -500.0)] {
        if args.float(name) != default {
            return Err(args.error(format_args!(
                "{name} = {}: it shapes vocal tract length normalisation, which is not offered; \
                 leave it out",
                args.float(name)
            )));
        }
    }
    let bank = kaldi_bank(
        f64::from(sr),
        n_fft,
        args.int("num_mel_bins"),
        args.float("low_freq"),
        args.float("high_freq"),
    )?;
    Ok(Stage::Bands(Arc::new(bank), Box::new(spectrum)))
}

/// The stage of the frame's log energy.
fn energy(args: &Args) -> Stage {
    Stage::LogEnergy(EPSILON.max(args.float("energy_floor")))
}

/// The operation that `subtract_mean` asks for, and why the feature cannot stream with it.
fn finish(
    args: &Args,
    mut ops: Vec<Box<dyn AnyOp>>,
) -> (Vec<Box<dyn AnyOp>>, Option<&'static str>) {
    let subtract = args.bool("subtract_mean");
    if subtract {
        ops.push(Box::new(SubtractMean));
    }
    (ops, subtract.then_some(MEAN_NEEDS_ALL))
}

/// Filterbank energies.
pub const FBANK: Entry = Entry {
    name: "kaldi_fbank",
    summary: "Kaldi's (log) mel filterbank energies.",
    doc: "Each frame: mean removed, pre-emphasis, window, FFT; triangles linear in mel (`1127 ln(1 + f/700)`), peak 1, over\n\
          the bins below Nyquist; `ln(max(E, 1.1920929e-7))`. Silence gives -15.94. With `use_energy` one more column,\n\
          `ln(max(Σ x², 1.1920929e-7, energy_floor))`, first (last with `htk_compat`).\n\
          Convention: `torchaudio.compliance.kaldi.fbank`, whose scale is that of the samples; see `input_scale`.\n\
          Source: Povey et al. (2011), The Kaldi speech recognition toolkit.",
    convention: "kaldi",
    params: &[FRAMES, FILTERS, ENERGY, SPECTRUM],
    unit: "ln",
    make: Make::Feature(|args, sr| {
        let front = front(args, sr)?;
        let spectrum = if args.bool("use_power") { Stage::Power } else { Stage::Magnitude };
        let mut mel = bands(args, sr, front.n_fft, spectrum)?;
        if args.bool("use_log_fbank") {
            mel = Stage::Ln(Box::new(mel), EPSILON);
        }
        let mut columns = numbered(args.int("num_mel_bins"));
        let mut stages = vec![mel];
        if args.bool("use_energy") {
            let at = if args.bool("htk_compat") { 1 } else { 0 };
            stages.insert(at, energy(args));
            columns.insert(at * columns.len(), "[energy]".into());
        }
        let (ops, global_because) = finish(args, Vec::new());
        Ok(Recipe {
            front,
            base: Box::new(Join { stages, width: columns.len() }),
            ops,
            columns,
            unit: if args.bool("use_log_fbank") { "ln" } else { "" },
            double: false,
            global_because,
        })
    }),
};

/// Cepstral coefficients.
pub const MFCC: Entry = Entry {
    name: "kaldi_mfcc",
    summary: "Kaldi's mel-frequency cepstral coefficients.",
    doc: "Orthonormal DCT-II of the log filterbank energies of `kaldi_fbank`; coefficient i (from 0) times\n\
          `1 + Q/2 sin(π i / Q)` with Q = `cepstral_lifter`. With `use_energy` the log energy stands in the place of C0.\n\
          `htk_compat` moves C0 or the energy to the end.\n\
          Convention: `torchaudio.compliance.kaldi.mfcc` (Kaldi's own default is use_energy=true).\n\
          Source: Povey et al. (2011), The Kaldi speech recognition toolkit.",
    convention: "kaldi",
    params: &[FRAMES, FILTERS, ENERGY, CEPSTRUM],
    unit: "",
    make: Make::Feature(|args, sr| {
        let front = front(args, sr)?;
        let mel = Stage::Ln(Box::new(bands(args, sr, front.n_fft, Stage::Power)?), EPSILON);
        let (count, bins) = (args.int("num_ceps"), args.int("num_mel_bins"));
        if count > bins {
            return Err(args.error(format_args!(
                "num_ceps = {count} of num_mel_bins = {bins}; allowed is num_ceps <= num_mel_bins"
            )));
        }
        let with_energy = args.bool("use_energy");
        let mut rows =
            Matrix::dct(2, count, bins, true, &lifter(args.float("cepstral_lifter"), count, 0))
                .rows;
        let mut columns = numbered(count);
        let base: Box<dyn crate::descriptor::AnyBase> = if with_energy {
            rows.iter_mut().for_each(|row| row.insert(0, 0.0));
            rows[0] = (0..=bins).map(|i| if i == 0 { 1.0 } else { 0.0 }).collect();
            columns[0] = "[energy]".into();
            Box::new(Join { stages: vec![energy(args), mel], width: bins + 1 })
        } else {
            Box::new(Copy { stage: mel, width: bins })
        };
        if args.bool("htk_compat") {
            if !with_energy {
                rows[0].iter_mut().for_each(|w| *w *= SQRT_2);
            }
            rows.rotate_left(1);
            columns.rotate_left(1);
        }
        let (ops, global_because) = finish(args, vec![Box::new(Matrix { rows })]);
        Ok(Recipe { front, base, ops, columns, unit: "", double: false, global_because })
    }),
};

/// A base that stores several stages side by side.
struct Join {
    stages: Vec<Stage>,
    /// Rows of all stages together.
    width: usize,
}

impl<T: Real, const L: usize> Base<T, L> for Join {
    fn stages(&self) -> Vec<Stage> {
        self.stages.clone()
    }
    fn width(&self) -> usize {
        self.width
    }
    fn emit(&self, block: &Block<'_, T, L>, _: &mut State, out: &mut Vec<T>) {
        let rows: Vec<[T; L]> =
            (0..self.stages.len()).flat_map(|i| block.stage(i)).copied().collect();
        untranspose(&rows, block.valid, out);
    }
}

/// Subtracts each column's mean over the recording, summed in double precision.
struct SubtractMean;

impl<T: Real> Op<T> for SubtractMean {
    fn width(&self, columns: usize) -> usize {
        columns
    }
    fn scope(&self) -> Scope {
        Scope::Global
    }
    fn begin(&self, columns: usize) -> Box<dyn OpRun<T>> {
        Box::new(SubtractMeanRun { means: vec![0.0; columns], rows: 0 })
    }
}

struct SubtractMeanRun {
    /// Sums until the first pass has ended.
    means: Vec<f64>,
    rows: u64,
}

impl<T: Real> OpRun<T> for SubtractMeanRun {
    fn survey(&mut self, rows: &[T]) {
        for row in rows.chunks_exact(self.means.len()) {
            self.means.iter_mut().zip(row).for_each(|(sum, x)| *sum += x.f64());
            self.rows += 1;
        }
    }
    fn settle(&mut self) {
        let count = self.rows.max(1) as f64;
        self.means.iter_mut().for_each(|sum| *sum /= count);
    }
    fn push(&mut self, rows: &[T], out: &mut Vec<T>) {
        for row in rows.chunks_exact(self.means.len()) {
            out.extend(row.iter().zip(&self.means).map(|(x, mean)| T::of(x.f64() - mean)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Error};
    use crate::features::recipe;
    use crate::spec::Spec;

    fn made(spec: &str, sr: u32) -> Result<Recipe> {
        recipe(&Spec::parse(spec)?, sr)
    }

    fn refused(spec: &str, sr: u32) -> Error {
        made(spec, sr).err().unwrap()
    }

    #[test]
    fn frames_lie_where_kaldi_puts_them() {
        let snipped = made("kaldi_fbank", 16_000).unwrap().front;
        assert_eq!((snipped.framing.length, snipped.framing.hop, snipped.n_fft), (400, 160, 512));
        assert_eq!([399, 400, 559, 560].map(|n| snipped.framing.frames(n)), [0, 1, 1, 2]);
        let mirrored = made("kaldi_fbank(snip_edges=false)", 16_000).unwrap().front.framing;
        assert_eq!(mirrored.offset, 80 - 200);
        assert_eq!([79, 80, 239, 240, 16_000].map(|n| mirrored.frames(n)), [0, 1, 1, 2, 100]);
        // 25 ms are 551.25 samples, 10 ms 220.5: both are cut.
        let odd = made("kaldi_fbank", 22_050).unwrap().front;
        assert_eq!((odd.framing.length, odd.framing.hop, odd.n_fft), (551, 220, 1024));
        let least = made("kaldi_fbank(min_duration=0.05)", 16_000).unwrap().front.framing;
        assert_eq!([799, 800].map(|n| least.frames(n)), [0, 3]);
    }

    #[test]
    fn the_energy_comes_first_and_with_htk_compat_last() {
        let columns = |spec| made(spec, 16_000).unwrap().columns;
        let first = columns("kaldi_fbank(use_energy=true)");
        assert_eq!((first.len(), first[0].as_str(), first[1].as_str()), (24, "[energy]", "[0]"));
        let last = columns("kaldi_fbank(use_energy=true, htk_compat=true)");
        assert_eq!(
            (last[0].as_str(), last[22].as_str(), last[23].as_str()),
            ("[0]", "[22]", "[energy]")
        );
        let cepstrum = columns("kaldi_mfcc(htk_compat=true)");
        assert_eq!((cepstrum[0].as_str(), cepstrum[12].as_str()), ("[1]", "[0]"));
        assert_eq!(columns("kaldi_mfcc(use_energy=true)")[0], "[energy]");
    }

    #[test]
    fn the_blackman_window_with_its_usual_coefficient_is_the_usual_one() {
        let window = |spec| made(spec, 16_000).unwrap().front.window;
        let usual = window::window("blackman", 400, false).unwrap();
        for (a, b) in window("kaldi_fbank(window_type=blackman)").iter().zip(&usual) {
            assert!((a - b).abs() < 1e-15);
        }
        // a - 0.5 cos 0 + (0.5 - a) cos 0 is 0 at the edge whatever a; in the middle it is 1.
        let other =
            window("kaldi_fbank(window_type=blackman, blackman_coeff=0.3, frame_length=1.0625)");
        assert!(other.len() == 17 && other[0].abs() < 1e-15 && (other[8] - 1.0).abs() < 1e-15);
    }

    #[test]
    fn what_is_not_offered_is_refused() {
        for (spec, word) in [
            ("kaldi_fbank(vtln_warp=1.1)", "vtln_warp"),
            ("kaldi_mfcc(vtln_low=60)", "vtln_low"),
            ("kaldi_mfcc(vtln_high=-300)", "vtln_high"),
            ("kaldi_fbank(frame_shift=0.05)", "frame_shift"),
            ("kaldi_fbank(frame_length=20.0625, round_to_power_of_two=false)", "odd"),
            ("kaldi_mfcc(num_ceps=24)", "num_ceps"),
            ("kaldi_fbank(low_freq=9000)", "low_freq"),
            ("kaldi_fbank(high_freq=-8000)", "high_freq"),
        ] {
            let error = refused(spec, 16_000);
            assert_eq!(error.code, Code::BadParameter, "{spec}");
            assert!(error.message.contains(word), "{spec}: {error}");
        }
        assert!(made("kaldi_mfcc(vtln_warp=1, vtln_low=100, vtln_high=-500)", 16_000).is_ok());
    }

    #[test]
    fn the_mean_is_subtracted_per_column() {
        let mut run = <SubtractMean as Op<f64>>::begin(&SubtractMean, 2);
        let (rows, mut out) = ([1.0, 10.0, 2.0, 20.0, 6.0, 0.0], Vec::new());
        run.survey(&rows[..4]);
        run.survey(&rows[4..]);
        run.settle();
        run.push(&rows, &mut out);
        assert_eq!(out, [-2.0, 0.0, -1.0, 10.0, 3.0, -10.0]);
    }
}
