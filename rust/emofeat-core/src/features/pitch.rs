//! Fundamental frequency: YIN and pYIN.

use super::shared::{FRAME_CENTER, FRAME_HOP_MS, FRAME_MS, FRAME_PAD_MODE, MANY, pad, samples};
use super::{Entry, Make};
use crate::descriptor::{AnyOp, Base, Op, OpRun, Recipe, Scope, State};
use crate::dsp::frame::{Framing, untranspose};
use crate::dsp::lanes::Real;
use crate::dsp::pyin::{Bins, Decision, Priors, Trellis, Trough, Viterbi, Weights};
use crate::dsp::yin::{Buffers, Difference, Lags, periods};
use crate::error::Result;
use crate::spec::{Args, Default, Kind, Param};
use crate::stage::{Block, FrontEnd, Stage};
use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

const RANGE: &[Param] = &[
    Param {
        name: "fmin",
        kind: Kind::Float(1e-3, 1e6),
        default: Default::Float(65.0),
        unit: "Hz",
        doc: "Lowest pitch; its period is shorter than the frame, better than half of it.",
    },
    Param {
        name: "fmax",
        kind: Kind::Float(1e-3, 1e6),
        default: Default::Float(600.0),
        unit: "Hz",
        doc: "Highest pitch, above fmin and up to half the sampling rate.",
    },
    Param {
        name: "frame_length",
        kind: Kind::Int(4, MANY),
        default: Default::Int(2048),
        unit: "samples",
        doc: "Length of a frame.",
    },
    Param {
        name: "hop_length",
        kind: Kind::OptInt(1, MANY),
        default: Default::None,
        unit: "samples",
        doc: "Distance from one frame to the next; none: a quarter of `frame_length`.",
    },
    FRAME_MS,
    FRAME_HOP_MS,
    FRAME_CENTER,
    FRAME_PAD_MODE,
];

/// The front end and the lags that the parameters of [`RANGE`] describe.
fn range(args: &Args, sr: f64) -> Result<(FrontEnd, Lags)> {
    let (fmin, fmax) = (args.float("fmin"), args.float("fmax"));
    let by_time = |name: &str| args.opt_float(name).map(|ms| samples(ms, sr as u32));
    let length = by_time("win_ms").unwrap_or(args.int("frame_length"));
    let hop = by_time("hop_ms").or(args.opt_int("hop_length")).unwrap_or(length / 4).max(1);
    if fmax > sr / 2.0 {
        return Err(args.error(format_args!(
            "fmax = {fmax} Hz at a sampling rate of {sr} Hz; allowed is up to {} Hz",
            sr / 2.0
        )));
    }
    if fmin >= fmax {
        return Err(
            args.error(format_args!("fmin = {fmin} Hz, fmax = {fmax} Hz; allowed is fmin < fmax"))
        );
    }
    if sr / fmin >= length as f64 - 1.0 {
        return Err(args.error(format_args!(
            "a period of fmin = {fmin} Hz does not fit into {length} samples; allowed is \
             frame_length from {}, or fmin above {} Hz",
            (sr / fmin).ceil() as usize + 2,
            sr / (length as f64 - 1.0)
        )));
    }
    let lags = Lags {
        first: (sr / fmax).floor() as usize,
        last: ((sr / fmin).ceil() as usize).min(length - 1),
    };
    let framing = Framing::centred(length, hop, args.bool("center"), pad(args.str("pad_mode")));
    Ok((FrontEnd::plain(framing), lags))
}

/// YIN.
pub const YIN: Entry = Entry {
    name: "yin",
    summary: "Fundamental frequency by YIN.",
    doc: "The difference function of the frame, divided by its mean over shorter lags; its first trough below `trough_threshold`,\n\
          or the lowest value where no trough is, refined by a parabola, is the period. Says nothing of voicing: unvoiced\n\
          frames have a value as well, silent ones the highest frequency. Computed in double precision. Source: de Cheveigné\n\
          and Kawahara (2002). Convention: `librosa.yin` (0.11), which also subtracts no energy at lag 1.",
    convention: "librosa",
    params: &[
        RANGE,
        &[Param {
            name: "trough_threshold",
            kind: Kind::Float(-1e6, 1e6),
            default: Default::Float(0.1),
            unit: "",
            doc: "Depth that a trough must have to be taken before deeper ones of longer periods.",
        }],
    ],
    unit: "Hz",
    make: Make::Feature(|args, sr| {
        let sr = f64::from(sr);
        let (front, lags) = range(args, sr)?;
        let base = Yin {
            spare: Spare::new(),
            difference: Difference::new(front.framing.length, lags)?,
            threshold: args.float("trough_threshold"),
            sr,
        };
        Ok(Recipe {
            front,
            base: Box::new(base),
            ops: Vec::new(),
            columns: vec![String::new()],
            unit: "Hz",
            double: true,
            global_because: None,
        })
    }),
};

struct Yin {
    spare: Spare,
    difference: Difference,
    threshold: f64,
    sr: f64,
}

/// What a run over frames keeps from block to block.
struct Scratch<const L: usize> {
    buffers: Buffers<L>,
    d: Vec<[f64; L]>,
    frames: Vec<f64>,
    troughs: Vec<Trough>,
    candidates: Vec<(usize, f64)>,
}

impl<const L: usize> Scratch<L> {
    fn new(difference: &Difference) -> Self {
        Self {
            buffers: difference.buffers(),
            d: vec![[0.0; L]; difference.lags().count()],
            frames: Vec::new(),
            troughs: Vec::new(),
            candidates: Vec::new(),
        }
    }
}

/// Scratches that recordings use one after the other: half a megabyte of fresh pages for each costs as
/// much as a second of its frames.
struct Spare(Arc<Mutex<Vec<Box<dyn Any + Send>>>>);

impl Spare {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Vec::new())))
    }

    /// A state that holds a scratch from the store, or a new one.
    fn state<const L: usize>(&self, difference: &Difference) -> State {
        // Never waits: a lock that was held while the process forked stays held in the child.
        let found = self.0.try_lock().ok().and_then(|mut spare| spare.pop());
        let scratch = match found.map(<Box<dyn Any + Send>>::downcast::<Scratch<L>>) {
            Some(Ok(scratch)) => scratch,
            _ => Box::new(Scratch::<L>::new(difference)),
        };
        State::of(Lent { scratch: Some(scratch), home: self.0.clone() })
    }
}

/// A scratch that goes back to its store when the recording is done.
struct Lent<const L: usize> {
    scratch: Option<Box<Scratch<L>>>,
    home: Arc<Mutex<Vec<Box<dyn Any + Send>>>>,
}

impl<const L: usize> Drop for Lent<L> {
    fn drop(&mut self) {
        if let (Some(scratch), Ok(mut spare)) = (self.scratch.take(), self.home.try_lock()) {
            spare.push(scratch);
        }
    }
}

/// The scratch in a state made by [`Spare::state`].
fn scratch<const L: usize>(state: &mut State) -> Option<&mut Scratch<L>> {
    state.get::<Lent<L>>()?.scratch.as_deref_mut()
}

impl<T: Real, const L: usize> Base<T, L> for Yin {
    fn stages(&self) -> Vec<Stage> {
        vec![Stage::Frames]
    }
    fn width(&self) -> usize {
        1
    }
    fn begin(&self) -> State {
        self.spare.state::<L>(&self.difference)
    }
    fn emit(&self, block: &Block<'_, T, L>, state: &mut State, out: &mut Vec<T>) {
        let Some(work) = scratch::<L>(state) else { return };
        self.difference.compute(block.stage(0), &mut work.buffers, &mut work.d);
        let mut period = [0.0; L];
        periods(self.difference.lags(), self.threshold, &work.d, &mut period);
        out.extend(period[..block.valid].iter().map(|p| T::of(self.sr / p)));
    }
}

/// pYIN.
pub const PYIN: Entry = Entry {
    name: "pyin",
    summary: "Fundamental frequency and voicing by pYIN: YIN under all thresholds, and the most likely path.",
    doc: "Every trough of YIN's difference function is a candidate; its probability is that of the thresholds it lies below\n\
          (`beta_parameters`), shared among the troughs below the same threshold in favour of short periods (`boltzmann_parameter`).\n\
          The path through pitch bins of `resolution` semitones, voiced and unvoiced, is the most likely one (Viterbi). Columns:\n\
          f0, the centre of the bin, or `fill_na`; voiced_flag, 0 or 1; voiced_prob, the sum of the candidates' probabilities.\n\
          Computed in double precision. Rows come when the path through them is settled, in speech within some tens of\n\
          frames, at the end of the signal at the latest, and are the same however the signal comes in; until then a frame\n\
          takes 4 bytes a pitch bin. Source: Mauch and Dixon (2014). Convention: `librosa.pyin` (0.11), with 0 in place of NaN.",
    convention: "librosa",
    params: &[
        RANGE,
        &[
            Param {
                name: "n_thresholds",
                kind: Kind::Int(1, 100_000),
                default: Default::Int(100),
                unit: "",
                doc: "Number of thresholds, spaced evenly from 0 to 1.",
            },
            Param {
                name: "beta_parameters",
                kind: Kind::OptFloats,
                default: Default::None,
                unit: "",
                doc: "The two shape parameters of the beta distribution over thresholds, 1e-3 to 1e6; none: 2 and 18.",
            },
            Param {
                name: "boltzmann_parameter",
                kind: Kind::Float(1e-9, 1e6),
                default: Default::Float(2.0),
                unit: "",
                doc: "How much shorter periods are preferred.",
            },
            Param {
                name: "resolution",
                kind: Kind::Float(1e-3, 1.0),
                default: Default::Float(0.1),
                unit: "semitones",
                doc: "Distance of pitch bins, rounded down to a whole part of a semitone.",
            },
            Param {
                name: "max_transition_rate",
                kind: Kind::Float(0.0, 1e6),
                default: Default::Float(35.92),
                unit: "octaves/s",
                doc: "Fastest change of pitch, rounded to whole semitones per frame.",
            },
            Param {
                name: "switch_prob",
                kind: Kind::Float(0.0, 1.0),
                default: Default::Float(0.01),
                unit: "",
                doc: "Probability of a change of voicing from one frame to the next.",
            },
            Param {
                name: "no_trough_prob",
                kind: Kind::Float(0.0, 1.0),
                default: Default::Float(0.01),
                unit: "",
                doc: "Share of the thresholds below all troughs that goes to the deepest trough.",
            },
            Param {
                name: "fill_na",
                kind: Kind::OptFloat(-1e30, 1e30),
                default: Default::Float(0.0),
                unit: "Hz",
                doc: "f0 of unvoiced frames; none: that of the path.",
            },
        ],
    ],
    unit: "",
    make: Make::Feature(|args, sr| {
        let sr = f64::from(sr);
        let (front, lags) = range(args, sr)?;
        let (bins, trellis) = paths(args, sr, front.framing.hop)?;
        let base = Candidates {
            spare: Spare::new(),
            difference: Difference::new(front.framing.length, lags)?,
            weights: Weights::new(&priors(args)?, lags.count()),
            bins,
            sr,
        };
        let decode = Decode { bins, trellis: Arc::new(trellis), fill: args.opt_float("fill_na") };
        Ok(Recipe {
            front,
            base: Box::new(base),
            ops: vec![Box::new(decode) as Box<dyn AnyOp>],
            columns: ["[f0]", "[voiced_flag]", "[voiced_prob]"].map(str::to_owned).to_vec(),
            unit: "",
            double: true,
            global_because: None,
        })
    }),
};

fn priors(args: &Args) -> Result<Priors> {
    let beta = match args.floats("beta_parameters") {
        None => [2.0, 18.0],
        Some(&[a, b]) if [a, b].iter().all(|x| (1e-3..=1e6).contains(x)) => [a, b],
        Some(other) => {
            return Err(args.error(format_args!(
                "beta_parameters = {other:?}; allowed are two numbers from 1e-3 to 1e6"
            )));
        }
    };
    Ok(Priors {
        thresholds: args.int("n_thresholds"),
        beta,
        boltzmann: args.float("boltzmann_parameter"),
        no_trough: args.float("no_trough_prob"),
    })
}

/// Most pitch bins: two states each are numbered in 16 bits.
const MOST_BINS: usize = 32_767;

/// The pitch bins, and how the path may move between them.
fn paths(args: &Args, sr: f64, hop: usize) -> Result<(Bins, Trellis)> {
    let per_semitone = (1.0 / args.float("resolution")).ceil() as usize;
    let bins = Bins::new(args.float("fmin"), args.float("fmax"), per_semitone);
    if !(2..=MOST_BINS).contains(&bins.count) {
        return Err(args.error(format_args!(
            "fmin, fmax and resolution make {} pitch bins; allowed are 2 to {MOST_BINS}",
            bins.count
        )));
    }
    let semitones = args.float("max_transition_rate") * 12.0 * hop as f64 / sr;
    let width = semitones.round_ties_even() as usize * per_semitone + 1;
    if width > bins.count {
        return Err(args.error(format_args!(
            "from one frame to the next the pitch may move over {width} bins of {}; \
             allowed is a max_transition_rate or a hop that reaches fewer",
            bins.count
        )));
    }
    Ok((bins, Trellis::new(bins.count, width, args.float("switch_prob"))))
}

/// The candidates of each frame: their number, their bins, their probabilities.
struct Candidates {
    spare: Spare,
    difference: Difference,
    weights: Weights,
    bins: Bins,
    sr: f64,
}

impl Candidates {
    /// Most candidates of a frame: of two neighbouring lags one can be a trough.
    fn most(&self) -> usize {
        (self.difference.lags().count() / 2 + 1).min(self.bins.count)
    }
}

impl<T: Real, const L: usize> Base<T, L> for Candidates {
    fn stages(&self) -> Vec<Stage> {
        vec![Stage::Frames]
    }
    fn width(&self) -> usize {
        1 + 2 * self.most()
    }
    fn begin(&self) -> State {
        self.spare.state::<L>(&self.difference)
    }
    fn emit(&self, block: &Block<'_, T, L>, state: &mut State, out: &mut Vec<T>) {
        let Some(work) = scratch::<L>(state) else { return };
        let lags = self.difference.lags();
        self.difference.compute(block.stage(0), &mut work.buffers, &mut work.d);
        work.frames.clear();
        untranspose(&work.d, block.valid, &mut work.frames);
        for d in work.frames.chunks_exact(lags.count()) {
            self.weights.troughs(d, &mut work.troughs);
            self.bins.candidates(lags, self.sr, d, &work.troughs, &mut work.candidates);
            let (most, at) = (self.most(), out.len());
            out.resize(at + 1 + 2 * most, T::ZERO);
            let (count, rest) = out[at..].split_at_mut(1);
            let (bins, probabilities) = rest.split_at_mut(most);
            count[0] = T::of(work.candidates.len() as f64);
            for ((to, p), (bin, probability)) in
                bins.iter_mut().zip(probabilities).zip(&work.candidates)
            {
                (*to, *p) = (T::of(*bin as f64), T::of(*probability));
            }
        }
    }
}

/// Candidates to the most likely path.
struct Decode {
    bins: Bins,
    trellis: Arc<Trellis>,
    fill: Option<f64>,
}

impl<T: Real> Op<T> for Decode {
    fn width(&self, _: usize) -> usize {
        3
    }
    fn scope(&self) -> Scope {
        Scope::Scan
    }
    fn begin(&self, columns: usize) -> Box<dyn OpRun<T>> {
        Box::new(DecodeRun {
            columns,
            bins: self.bins,
            fill: self.fill,
            search: Viterbi::new(self.trellis.clone()),
            voiced: VecDeque::new(),
            candidates: Vec::new(),
            decided: Vec::new(),
        })
    }
}

struct DecodeRun {
    columns: usize,
    bins: Bins,
    fill: Option<f64>,
    search: Viterbi,
    /// Probability of being voiced, of each frame that is not decided.
    voiced: VecDeque<f64>,
    candidates: Vec<(usize, f64)>,
    decided: Vec<Decision>,
}

impl DecodeRun {
    fn release<T: Real>(&mut self, out: &mut Vec<T>) {
        let count = self.decided.len();
        for (frame, voiced) in self.decided.drain(..).zip(self.voiced.drain(..count)) {
            let f0 = match self.fill {
                Some(fill) if !frame.voiced => fill,
                _ => self.bins.frequency(frame.bin),
            };
            out.extend([f0, f64::from(u8::from(frame.voiced)), voiced].map(T::of));
        }
    }
}

impl<T: Real> OpRun<T> for DecodeRun {
    fn push(&mut self, rows: &[T], out: &mut Vec<T>) {
        for row in rows.chunks_exact(self.columns.max(1)) {
            let (count, rest) = row.split_at(1);
            let (bins, probabilities) = rest.split_at(rest.len() / 2);
            let pairs = bins.iter().zip(probabilities).take(count[0].f64() as usize);
            self.candidates.clear();
            self.candidates.extend(pairs.map(|(bin, p)| (bin.f64() as usize, p.f64())));
            let voiced = self.candidates.iter().map(|c| c.1).sum::<f64>().clamp(0.0, 1.0);
            self.voiced.push_back(voiced);
            self.search.push(&self.candidates, voiced, &mut self.decided);
        }
        self.release(out);
    }

    fn finish(&mut self, out: &mut Vec<T>) {
        self.search.finish(&mut self.decided);
        self.release(out);
    }
}
