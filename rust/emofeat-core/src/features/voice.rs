//! Descriptors of the voice in the manner of Praat, from the papers that define them: pitch by
//! autocorrelation, harmonics-to-noise ratio, intensity, formants, cepstral peak prominence.
//!
//! All are computed in double precision. Frames begin with the first sample and lie wholly in the
//! signal, so that frame `t` has the same time in every recording; Praat shifts its frames by up to
//! half a step so that as much is left over at the end as at the beginning.

use super::measure::{Measure, column};
use super::shared::samples;
use super::{Entry, Make};
use crate::descriptor::{AnyOp, Base, Op, OpRun, Recipe, Scope, State};
use crate::dsp::boersma::{Candidate, Correlator, Costs, Path, Scratch, Search, Shape};
use crate::dsp::burg::{self, Burg};
use crate::dsp::cepstral_peak::{self, Cepstrum, Peak, Trend};
use crate::dsp::frame::{Count, Framing, Pad, untranspose};
use crate::dsp::intensity::{kaiser, mean_square};
use crate::dsp::lanes::Real;
use crate::dsp::log;
use crate::error::Result;
use crate::spec::{Args, Default, Kind, Param};
use crate::stage::{Block, FrontEnd, Stage};

/// Reference of intensities, the threshold of hearing: squared pressure of 20 µPa.
const HEARING: f64 = 4e-10;

/// Level in dB of a frame without energy.
const SILENT: f64 = -300.0;

/// Harmonics-to-noise ratio in dB of a frame that is not periodic.
const APERIODIC: f64 = -200.0;

const GLOBAL: &str =
    "the silence threshold refers to the largest magnitude of the whole recording (0 needs none)";

const fn hz(name: &'static str, default: f64, doc: &'static str) -> Param {
    Param { name, kind: Kind::Float(1.0, 1e6), default: Default::Float(default), unit: "Hz", doc }
}

const fn number(name: &'static str, default: f64, doc: &'static str) -> Param {
    Param { name, kind: Kind::Float(0.0, 1e6), default: Default::Float(default), unit: "", doc }
}

const fn step(default: Default, doc: &'static str) -> Param {
    Param { name: "time_step", kind: Kind::OptFloat(1e-5, 1e6), default, unit: "s", doc }
}

const SILENCE_THRESHOLD: &str = "Share of the recording's largest magnitude below which a frame counts as silent; 0: none does, and the feature can stream.";

/// Samples of `seconds`, rounded down but for the error of the product.
fn within(seconds: f64, sr: u32) -> usize {
    (seconds * f64::from(sr) + 1e-6) as usize
}

/// Samples from one frame to the next.
fn hop(args: &Args, sr: u32, or_else: f64) -> usize {
    samples(1000.0 * args.opt_float("time_step").unwrap_or(or_else), sr)
}

/// Floor and ceiling in Hz, the latter at most half the sampling rate.
fn range(args: &Args, sr: u32) -> Result<(f64, f64)> {
    let half = 0.5 * f64::from(sr);
    let (floor, ceiling) = (args.float("pitch_floor"), args.float("pitch_ceiling").min(half));
    if floor >= ceiling {
        return Err(args.error(format_args!(
            "pitch_floor = {floor} Hz and pitch_ceiling = {ceiling} Hz (at most half the sampling rate); \
             allowed is floor < ceiling"
        )));
    }
    Ok((floor, ceiling))
}

/// Frames of `length` samples that lie wholly in the signal.
fn front(args: &Args, length: usize, hop: usize) -> Result<FrontEnd> {
    if length < 16 {
        return Err(args.error(format_args!(
            "a frame has {length} samples at this sampling rate; allowed are lengths from 16"
        )));
    }
    Ok(FrontEnd::plain(Framing::centred(length, hop, false, Pad::Zero)))
}

/// Pitch by autocorrelation.
pub const PITCH_BOERSMA: Entry = Entry {
    name: "pitch_boersma",
    summary: "Fundamental frequency by normalised autocorrelation and the cheapest path, and its strength.",
    doc: "Each frame, 3 periods of pitch_floor long under a Hann window (very_accurate: 6 under a Gaussian one), minus the\n\
          mean of its middle two periods, gives an autocorrelation divided by that of the window. Its maxima r above half\n\
          of voicing_threshold between floor and ceiling, found between samples by interpolation, are candidates of strength\n\
          `r - octave_cost log2(pitch_ceiling / f)`; being unvoiced has the strength\n\
          `voicing_threshold + max(0, 2 - peak (1 + voicing_threshold) / silence_threshold)`, with `peak` the largest magnitude of\n\
          the windowed frame within half a longest period of its middle, relative to the recording's largest after its mean\n\
          is removed. The path through one candidate per frame with the largest sum of strengths, minus\n\
          `octave_jump_cost |log2(f1 / f2)|` between voiced frames and voiced_unvoiced_cost where voicing changes (both times\n\
          0.01 s / time_step), is the result: f0 in Hz, 0 if unvoiced, and r, 0 if unvoiced.\n\
          With silence_threshold=0 it streams, giving frames as soon as all paths agree on them.\n\
          Praat's `To Pitch (ac)` has the same arguments; its frames are shifted by up to half a step to lie symmetrically in\n\
          the recording. Source: Boersma (1993).",
    convention: "native",
    params: &[&[
        step(Default::None, "Distance between frames; none: 0.75 / pitch_floor."),
        hz("pitch_floor", 75.0, "Lowest frequency; a frame is three of its periods long."),
        Param {
            name: "max_number_of_candidates",
            kind: Kind::Int(2, 1000),
            default: Default::Int(15),
            unit: "",
            doc: "Candidates per frame, being unvoiced included.",
        },
        Param {
            name: "very_accurate",
            kind: Kind::Bool,
            default: Default::Bool(false),
            unit: "",
            doc: "Gaussian window of twice the length.",
        },
        number("silence_threshold", 0.03, SILENCE_THRESHOLD),
        number("voicing_threshold", 0.45, "Strength of being unvoiced."),
        number("octave_cost", 0.01, "Preference of high frequencies, per octave."),
        number("octave_jump_cost", 0.35, "Cost of a change of frequency, per octave."),
        number("voiced_unvoiced_cost", 0.14, "Cost of a change between voiced and unvoiced."),
        hz("pitch_ceiling", 600.0, "Highest frequency, at most half the sampling rate."),
    ]],
    unit: "Hz",
    make: Make::Feature(|args, sr| {
        let (floor, ceiling) = range(args, sr)?;
        let (accurate, voicing) = (args.bool("very_accurate"), args.float("voicing_threshold"));
        let length = within(if accurate { 6.0 } else { 3.0 } / floor, sr);
        let hop = hop(args, sr, 0.75 / floor);
        let shape = if accurate { Shape::Gauss } else { Shape::Hann };
        let voiced = args.int("max_number_of_candidates") - 1;
        let octave = args.float("octave_cost");
        let rate = f64::from(sr);
        let per_frame = 0.01 * rate / hop as f64;
        let front = front(args, length, hop)?;
        let base = Periodicity {
            correlator: Correlator::new(length, (rate / floor) as usize, shape)?,
            search: Search::new(rate, (floor, ceiling), 0.5 * voicing, octave, voiced),
            silence: args.float("silence_threshold"),
            voicing,
            hop,
            gives: Gives::Candidates,
        };
        let costs = Costs {
            ceiling,
            octave,
            jump: args.float("octave_jump_cost") * per_frame,
            voicing: args.float("voiced_unvoiced_cost") * per_frame,
        };
        let columns = vec!["[f0]".to_owned(), "[strength]".to_owned()];
        Ok(recipe(front, base, vec![Box::new(Tracker { costs })], columns, "Hz", Some(GLOBAL)))
    }),
};

/// Harmonics-to-noise ratio by autocorrelation.
pub const HNR_BOERSMA: Entry = Entry {
    name: "hnr_boersma",
    summary: "Harmonics-to-noise ratio by autocorrelation.",
    doc: "`10 log10(r / (1 - r))` with r the highest maximum of the normalised autocorrelation of a frame under a Gaussian\n\
          window of 2 periods_per_window periods of pitch_floor, for periods down to two samples: r is the share of the power that\n\
          repeats itself. From -100 to 100 dB; -200 dB where the frame is silent (as in `pitch_boersma` with a voicing\n\
          threshold of 0) or has no maximum above 0. Jitter and shimmer lower it as noise does.\n\
          Praat's `To Harmonicity (ac)` has the same arguments. Source: Boersma (1993).",
    convention: "native",
    params: &[&[
        step(Default::Float(0.01), "Distance between frames."),
        hz("pitch_floor", 75.0, "Lowest frequency."),
        number("silence_threshold", 0.1, SILENCE_THRESHOLD),
        Param {
            name: "periods_per_window",
            kind: Kind::Float(1.0, 100.0),
            default: Default::Float(4.5),
            unit: "",
            doc: "Periods of pitch_floor in the effective length of the window, half its whole length.",
        },
    ]],
    unit: "dB",
    make: Make::Feature(|args, sr| {
        let (floor, rate) = (args.float("pitch_floor"), f64::from(sr));
        if floor >= 0.5 * rate {
            return Err(args.error(format_args!(
                "pitch_floor = {floor} Hz; allowed are frequencies below half the sampling rate, {} Hz",
                0.5 * rate
            )));
        }
        let length = within(2.0 * args.float("periods_per_window") / floor, sr);
        let hop = hop(args, sr, 0.01);
        let front = front(args, length, hop)?;
        let base = Periodicity {
            correlator: Correlator::new(length, (rate / floor) as usize, Shape::Gauss)?,
            search: Search::new(rate, (floor, 0.5 * rate), 0.0, 0.0, 14),
            silence: args.float("silence_threshold"),
            voicing: 0.0,
            hop,
            gives: Gives::Ratio,
        };
        Ok(recipe(front, base, Vec::new(), vec![String::new()], "dB", Some(GLOBAL)))
    }),
};

fn recipe(
    front: FrontEnd,
    base: impl Base<f32, 16> + Base<f64, 8> + 'static,
    ops: Vec<Box<dyn AnyOp>>,
    columns: Vec<String>,
    unit: &'static str,
    global_because: Option<&'static str>,
) -> Recipe {
    Recipe { front, base: Box::new(base), ops, columns, unit, double: true, global_because }
}

/// What [`Periodicity`] gives of a frame.
#[derive(Clone, Copy, PartialEq)]
enum Gives {
    /// The strength of being unvoiced, then frequency and height of each candidate, 0 for none.
    Candidates,
    /// The harmonics-to-noise ratio.
    Ratio,
}

/// Maxima of the normalised autocorrelation.
struct Periodicity {
    correlator: Correlator,
    search: Search,
    silence: f64,
    voicing: f64,
    hop: usize,
    gives: Gives,
}

/// Sum, extremes and number of samples.
#[derive(Clone, Copy)]
struct Extent {
    sum: f64,
    count: f64,
    low: f64,
    high: f64,
}

impl Extent {
    const NONE: Self = Self { sum: 0.0, count: 0.0, low: f64::INFINITY, high: f64::NEG_INFINITY };

    fn add(&mut self, x: f64) {
        self.sum += x;
        self.count += 1.0;
        self.low = self.low.min(x);
        self.high = self.high.max(x);
    }

    /// Largest distance from the mean.
    fn peak(&self) -> f64 {
        let mean = self.sum / self.count.max(1.0);
        (self.high - mean).max(mean - self.low).max(0.0)
    }
}

/// What [`Periodicity`] carries.
struct Carried<const L: usize> {
    scratch: Scratch<L>,
    lags: Vec<f64>,
    found: Vec<Candidate>,
    /// Samples that have passed, and those of the last frame that the next one would have as well.
    passed: Extent,
    rest: Extent,
    /// Largest magnitude of the recording.
    peak: f64,
}

impl Periodicity {
    /// Strength of being unvoiced in a frame whose peak is `local`.
    fn unvoiced(&self, local: f64, global: f64) -> f64 {
        let audible = if self.silence == 0.0 {
            f64::INFINITY
        } else {
            let share = if global > 0.0 { (local / global).min(1.0) } else { 0.0 };
            share * (1.0 + self.voicing) / self.silence
        };
        self.voicing + (2.0 - audible).max(0.0)
    }

    fn ratio(found: &[Candidate], unvoiced: f64) -> f64 {
        let best = found.iter().map(|c| c.height).fold(0.0, f64::max);
        if best <= unvoiced {
            return APERIODIC;
        }
        let r = best.clamp(1e-10, 1.0 - 1e-10);
        log::db(r / (1.0 - r))
    }
}

impl<T: Real, const L: usize> Base<T, L> for Periodicity {
    fn stages(&self) -> Vec<Stage> {
        vec![Stage::Frames]
    }
    fn width(&self) -> usize {
        if self.gives == Gives::Ratio { 1 } else { 1 + 2 * self.search.most }
    }
    fn begin(&self) -> State {
        State::of(Carried::<L> {
            scratch: self.correlator.scratch(),
            lags: Vec::new(),
            found: Vec::new(),
            passed: Extent::NONE,
            rest: Extent::NONE,
            peak: 0.0,
        })
    }
    fn surveys(&self) -> bool {
        self.silence > 0.0
    }
    fn survey(&self, block: &Block<'_, T, L>, state: &mut State) {
        let Some(carried) = state.get::<Carried<L>>() else { return };
        let rows = block.stage(0);
        let (own, rest) = rows.split_at(self.hop.min(rows.len()));
        for lane in 0..block.valid {
            own.iter().for_each(|row| carried.passed.add(row[lane].f64()));
        }
        carried.rest = Extent::NONE;
        rest.iter().for_each(|row| carried.rest.add(row[block.valid - 1].f64()));
    }
    fn settle(&self, state: &mut State) {
        let Some(carried) = state.get::<Carried<L>>() else { return };
        let (a, b) = (carried.passed, carried.rest);
        let all = Extent {
            sum: a.sum + b.sum,
            count: a.count + b.count,
            low: a.low.min(b.low),
            high: a.high.max(b.high),
        };
        carried.peak = all.peak();
    }
    fn emit(&self, block: &Block<'_, T, L>, state: &mut State, out: &mut Vec<T>) {
        let Some(carried) = state.get::<Carried<L>>() else { return };
        self.correlator.correlate(block.stage(0), &mut carried.scratch);
        for lane in 0..block.valid {
            carried.lags.clear();
            carried.lags.extend(carried.scratch.lags.iter().map(|row| row[lane]));
            self.search.find(&carried.lags, &mut carried.found);
            let unvoiced = self.unvoiced(carried.scratch.peak[lane], carried.peak);
            if self.gives == Gives::Ratio {
                out.push(T::of(Self::ratio(&carried.found, unvoiced)));
                continue;
            }
            let end = out.len() + 1 + 2 * self.search.most;
            out.push(T::of(unvoiced));
            out.extend(carried.found.iter().flat_map(|c| [T::of(c.frequency), T::of(c.height)]));
            out.resize(end, T::ZERO);
        }
    }
}

/// Candidates to frequency and strength.
struct Tracker {
    costs: Costs,
}

impl<T: Real> Op<T> for Tracker {
    fn width(&self, _: usize) -> usize {
        2
    }
    fn scope(&self) -> Scope {
        Scope::Scan
    }
    fn begin(&self, columns: usize) -> Box<dyn OpRun<T>> {
        Box::new(TrackerRun { columns, path: Path::new(self.costs), decided: Vec::new() })
    }
}

struct TrackerRun {
    columns: usize,
    path: Path,
    decided: Vec<(f64, f64)>,
}

impl TrackerRun {
    fn give<T: Real>(&mut self, out: &mut Vec<T>) {
        out.extend(self.decided.drain(..).flat_map(|(f, r)| [T::of(f), T::of(r)]));
    }
}

impl<T: Real> OpRun<T> for TrackerRun {
    fn push(&mut self, rows: &[T], out: &mut Vec<T>) {
        for row in rows.chunks_exact(self.columns) {
            let candidates = row[1..].chunks_exact(2).map(|c| (c[0].f64(), c[1].f64()));
            self.path.push(row[0].f64(), candidates, &mut self.decided);
        }
        self.give(out);
    }
    fn finish(&mut self, out: &mut Vec<T>) {
        self.path.finish(&mut self.decided);
        self.give(out);
    }
}

/// Intensity.
pub const INTENSITY: Entry = Entry {
    name: "intensity",
    summary: "Sound pressure level under a smooth window, long enough not to follow single periods.",
    doc: "`10 log10(Σ w x² / (20 µPa)²)` over a frame of 6.4 / pitch_floor around a sample, minus its mean, with w a Kaiser window (β = 20.24, side\n\
          lobes below -190 dB) of sum 1. A sample of 1 counts as 1 Pa. -300 dB for a silent frame.\n\
          Praat's `To Intensity` has the same arguments.",
    convention: "native",
    params: &[&[
        hz(
            "pitch_floor",
            100.0,
            "Lowest frequency of a voice whose single periods are not to show.",
        ),
        step(Default::None, "Distance between frames; none: 0.8 / pitch_floor."),
        Param {
            name: "subtract_mean",
            kind: Kind::Bool,
            default: Default::Bool(true),
            unit: "",
            doc: "Whether the mean of the frame is subtracted.",
        },
    ]],
    unit: "dB",
    make: Make::Feature(|args, sr| {
        let floor = args.float("pitch_floor");
        // Odd, so that a frame has a sample in its middle.
        let length = 2 * within(3.2 / floor, sr) + 1;
        let front = front(args, length, hop(args, sr, 0.8 / floor))?;
        let window = kaiser(length, 6.4 / floor * f64::from(sr));
        let level = Level { window, centre: args.bool("subtract_mean") };
        Ok(Recipe { double: true, ..column(front, level, "dB") })
    }),
};

struct Level {
    window: Vec<f64>,
    centre: bool,
}

impl Measure for Level {
    fn stage(&self) -> Stage {
        Stage::Frames
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        mean_square(rows, &self.window, self.centre, out);
        let floor = HEARING * 1e-30;
        *out = out.map(|e| if e > floor { log::db(e / HEARING) } else { SILENT });
    }
}

/// Formants by Burg's method.
pub const FORMANTS_BURG: Entry = Entry {
    name: "formants_burg",
    summary: "Formants and their bandwidths by linear prediction with Burg's method.",
    doc: "The frame of twice window_length and a quarter of that on either side is resampled by Fourier transform to twice\n\
          maximum_formant, raised by 6 dB per octave from pre_emphasis_from on, and multiplied by a Gaussian window\n\
          `(e^(-48 x²) - e^(-12)) / (1 - e^(-12))` that falls to 0 at its ends. Burg's method predicts it with two coefficients per\n\
          formant; the roots z of the predictor between 50 Hz and maximum_formant - 50 Hz, lowest first, are formants of frequency\n\
          `arg z · rate / 2π` and bandwidth `|ln |z|| · rate / π`. Columns F1, B1, F2, B2 ...; 0 where there are fewer. Unvoiced frames\n\
          have values as well. Beyond the recording's ends are zeros.\n\
          Praat's `To Formant (burg)` has the same arguments; it resamples the whole recording, so that its samples lie elsewhere\n\
          between ours, which moves weak formants. Source: Burg (1975), Anderson (1978), Boersma and Weenink's manual.",
    convention: "native",
    params: &[&[
        step(Default::None, "Distance between frames; none: a quarter of window_length."),
        Param {
            name: "max_number_of_formants",
            kind: Kind::Int(1, burg::MOST as i64),
            default: Default::Int(5),
            unit: "",
            doc: "Number of formants, half the order of the prediction.",
        },
        hz(
            "maximum_formant",
            5500.0,
            "Highest frequency: about 5000 for a man's voice, 5500 for a woman's.",
        ),
        Param {
            name: "window_length",
            kind: Kind::Float(0.001, 10.0),
            default: Default::Float(0.025),
            unit: "s",
            doc: "Effective length of the window, half its whole length.",
        },
        hz("pre_emphasis_from", 50.0, "Frequency from which the spectrum is raised."),
    ]],
    unit: "Hz",
    make: Make::Feature(|args, sr| {
        let window = args.float("window_length");
        let (length, hop) = (within(2.0 * window, sr), hop(args, sr, 0.25 * window));
        let (margin, formants) = (length / 4, args.int("max_number_of_formants"));
        let burg = Burg::new(burg::Plan {
            sr: f64::from(sr),
            length,
            margin,
            formants,
            highest: args.float("maximum_formant"),
            emphasis: args.float("pre_emphasis_from"),
        })?;
        if burg.length() <= 2 * formants {
            return Err(args.error(format_args!(
                "a window of {window} s has {} samples at twice {} Hz, too few for {formants} formants; \
                 allowed are more than {}",
                burg.length(),
                args.float("maximum_formant"),
                2 * formants
            )));
        }
        let mut front = front(args, length + 2 * margin, hop)?;
        front.framing.offset = -(margin as i64);
        front.framing.count = Count::Full { after: margin };
        let name = |k: usize| [format!("[F{}]", k + 1), format!("[B{}]", k + 1)];
        let columns = (0..formants).flat_map(name).collect();
        Ok(recipe(front, Resonances { burg, formants }, Vec::new(), columns, "Hz", None))
    }),
};

struct Resonances {
    burg: Burg,
    formants: usize,
}

impl<T: Real, const L: usize> Base<T, L> for Resonances {
    fn stages(&self) -> Vec<Stage> {
        vec![Stage::Frames]
    }
    fn width(&self) -> usize {
        2 * self.formants
    }
    fn emit(&self, block: &Block<'_, T, L>, _: &mut State, out: &mut Vec<T>) {
        self.burg.formants(block.stage(0), block.valid, out);
    }
}

/// Cepstral peak prominence.
pub const CPP: Entry = Entry {
    name: "cpp",
    summary: "Cepstral peak prominence: height of the voice's peak in the cepstrum above its trend.",
    doc: "Of a frame of 6 / pitch_floor under a Gaussian window, pre-emphasised from pre_emphasis_from on and freed of its mean, the inverse Fourier\n\
          transform of the logarithm of the power spectrum up to maximum_frequency (the nearest bin below with a fast\n\
          transform) is squared, averaged over quefrency_averaging and, with the frames around it, time_averaging, and expressed in\n\
          dB. The peak between 1 / pitch_ceiling and 1 / pitch_floor, by a parabola through its highest value and the neighbours of\n\
          that, minus the line fitted to all values from trend_from to trend_to by least squares, over quefrency (straight)\n\
          or its logarithm (exponential), is the prominence. Both averages 0: without smoothing.\n\
          Powers of either below 1e-20 count as this, so that silence has 0 dB.\n\
          The mean over a recording corresponds to Praat's `PowerCepstrogram: Get CPPS`. Source: Hillenbrand, Cleveland and\n\
          Erickson (1994); Hillenbrand and Houde (1996).",
    convention: "native",
    params: &[&[
        step(Default::Float(0.01), "Distance between frames."),
        hz(
            "pitch_floor",
            60.0,
            "Lowest frequency of the peak; a frame is six of its periods long.",
        ),
        hz("pitch_ceiling", 330.0, "Highest frequency of the peak."),
        hz(
            "maximum_frequency",
            5000.0,
            "Highest frequency of the spectrum, at most half the sampling rate.",
        ),
        hz("pre_emphasis_from", 50.0, "Frequency from which the spectrum is raised."),
        Param {
            name: "time_averaging",
            kind: Kind::Float(0.0, 100.0),
            default: Default::Float(0.02),
            unit: "s",
            doc: "Time over which cepstra are averaged.",
        },
        Param {
            name: "quefrency_averaging",
            kind: Kind::Float(0.0, 1.0),
            default: Default::Float(0.0005),
            unit: "s",
            doc: "Quefrencies over which a cepstrum is averaged.",
        },
        Param {
            name: "trend",
            kind: Kind::Choice(&["straight", "exponential"]),
            default: Default::Str("straight"),
            unit: "",
            doc: "The line that the prominence is measured from.",
        },
        Param {
            name: "trend_from",
            kind: Kind::Float(0.0, 1.0),
            default: Default::Float(0.001),
            unit: "s",
            doc: "Shortest quefrency of the trend.",
        },
        Param {
            name: "trend_to",
            kind: Kind::Float(0.0, 1.0),
            default: Default::Float(0.05),
            unit: "s",
            doc: "Longest quefrency of the trend.",
        },
    ]],
    unit: "dB",
    make: Make::Feature(|args, sr| {
        let (floor, ceiling) = range(args, sr)?;
        let (length, hop) = (within(6.0 / floor, sr), hop(args, sr, 0.01));
        let front = front(args, length, hop)?;
        let (peak, trend) =
            ((1.0 / ceiling, 1.0 / floor), (args.float("trend_from"), args.float("trend_to")));
        let cepstrum = Cepstrum::new(cepstral_peak::Plan {
            sr: f64::from(sr),
            length,
            highest: args.float("maximum_frequency"),
            emphasis: args.float("pre_emphasis_from"),
            average: args.float("quefrency_averaging"),
            longest: peak.1.max(trend.1),
        })?;
        let line =
            if args.str("trend") == "straight" { Trend::Straight } else { Trend::Exponential };
        let peak = Peak::new(cepstrum.rows, cepstrum.step, line, peak, trend);
        if !peak.possible() {
            return Err(args.error(format_args!(
                "the quefrencies from 1 / pitch_ceiling to 1 / pitch_floor or from trend_from = {} s to \
                 trend_to = {} s hold too few values, which are {} s apart; allowed are one and two at least",
                trend.0, trend.1, cepstrum.step
            )));
        }
        let frames = args.float("time_averaging") * f64::from(sr) / hop as f64;
        let smooth = Prominence { peak, reach: frames.round() as usize / 2 };
        Ok(recipe(
            front,
            Cepstra(cepstrum),
            vec![Box::new(smooth)],
            vec![String::new()],
            "dB",
            None,
        ))
    }),
};

struct Cepstra(Cepstrum);

impl<T: Real, const L: usize> Base<T, L> for Cepstra {
    fn stages(&self) -> Vec<Stage> {
        vec![Stage::Frames]
    }
    fn width(&self) -> usize {
        self.0.rows
    }
    fn emit(&self, block: &Block<'_, T, L>, _: &mut State, out: &mut Vec<T>) {
        let mut rows = Vec::new();
        self.0.cepstrum(block.stage(0), &mut rows);
        let rows: Vec<[T; L]> = rows.iter().map(|row| row.map(T::of)).collect();
        untranspose(&rows, block.valid, out);
    }
}

/// Power cepstra, averaged with the `reach` frames on either side that exist, to prominences.
struct Prominence {
    peak: Peak,
    reach: usize,
}

impl<T: Real> Op<T> for Prominence {
    fn width(&self, _: usize) -> usize {
        1
    }
    fn scope(&self) -> Scope {
        Scope::Local
    }
    fn begin(&self, columns: usize) -> Box<dyn OpRun<T>> {
        let (peak, reach) = (self.peak.clone(), self.reach);
        Box::new(ProminenceRun { peak, reach, columns, kept: Vec::new(), first: 0, done: 0 })
    }
}

struct ProminenceRun {
    peak: Peak,
    reach: usize,
    columns: usize,
    /// Cepstra from frame `first` on.
    kept: Vec<f64>,
    first: usize,
    done: usize,
}

impl ProminenceRun {
    /// Appends the frames before `until`.
    fn emit<T: Real>(&mut self, until: usize, out: &mut Vec<T>) {
        let count = self.first + self.kept.len() / self.columns;
        let mut mean = vec![0.0; self.columns];
        while self.done < until {
            let (from, to) =
                (self.done.saturating_sub(self.reach), count.min(self.done + self.reach + 1));
            let near =
                &self.kept[(from - self.first) * self.columns..(to - self.first) * self.columns];
            mean.fill(0.0);
            for row in near.chunks_exact(self.columns) {
                for (mean, x) in mean.iter_mut().zip(row) {
                    *mean += x;
                }
            }
            for x in &mut mean {
                *x /= (to - from) as f64;
            }
            out.push(T::of(self.peak.prominence(&mut mean)));
            self.done += 1;
        }
        let first = self.done.saturating_sub(self.reach);
        self.kept.drain(..(first - self.first) * self.columns);
        self.first = first;
    }
}

impl<T: Real> OpRun<T> for ProminenceRun {
    fn push(&mut self, rows: &[T], out: &mut Vec<T>) {
        self.kept.extend(rows.iter().map(|x| x.f64()));
        let count = self.first + self.kept.len() / self.columns;
        self.emit(count.saturating_sub(self.reach), out);
    }
    fn finish(&mut self, out: &mut Vec<T>) {
        self.emit(self.first + self.kept.len() / self.columns, out);
    }
}
