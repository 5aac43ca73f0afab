//! ComParE_2016: 65 descriptors, their derivatives, and 6373 functionals.

use super::smooth::{Smooth, delta, deltas, known, padded, zeros_from};
use super::{Streams, Variant, compare20 as short, compare60 as long};
use crate::functionals::{Bundle, Contour, Functional, Functional as F, Settings, WIDTH};

/// Number of descriptors.
pub const LLDS: usize = 65;
/// Number of functionals.
pub const FUNCTIONALS: usize = 6373;

/// The pitch contours, whose zeros mean unvoiced frames: columns `0 .. 6`.
const PITCH: usize = 6;
/// Loudness, energy and zero crossings: columns `6 .. 10`. The spectral contours follow.
const ENERGY: usize = 10;
const RFILT: usize = 26;
const MFCC: usize = 14;

/// Names of the descriptors that are not numbered.
const PITCH_AND_ENERGY: [&str; ENERGY] = [
    "F0final",
    "voicingFinalUnclipped",
    "jitterLocal",
    "jitterDDP",
    "shimmerLocal",
    "logHNR",
    "audspec_lengthL1norm",
    "audspecRasta_lengthL1norm",
    "pcm_RMSenergy",
    "pcm_zcr",
];
const SPECTRAL: [&str; 15] = [
    "fband250-650",
    "fband1000-4000",
    "spectralRollOff25.0",
    "spectralRollOff50.0",
    "spectralRollOff75.0",
    "spectralRollOff90.0",
    "spectralFlux",
    "spectralCentroid",
    "spectralEntropy",
    "spectralVariance",
    "spectralSkewness",
    "spectralKurtosis",
    "spectralSlope",
    "psySharpness",
    "spectralHarmonicity",
];

/// Names of the descriptors, in column order.
pub fn lld_names() -> Vec<String> {
    named("_sma")
}

/// Names of the derivatives, in column order.
pub fn delta_names() -> Vec<String> {
    named("_sma_de")
}

fn named(suffix: &str) -> Vec<String> {
    let plain = PITCH_AND_ENERGY.iter().map(|name| format!("{name}{suffix}"));
    let bands = (0..RFILT).map(|i| format!("audSpec_Rfilt{suffix}[{i}]"));
    let spectral = SPECTRAL.iter().map(|name| format!("pcm_fftMag_{name}{suffix}"));
    let mfcc = (1..=MFCC).map(|i| format!("mfcc{suffix}[{i}]"));
    plain.chain(bands).chain(spectral).chain(mfcc).collect()
}

/// Functionals with openSMILE's names for them, which differ from the catalogue's for percentiles, where
/// it numbers those of a list, and for segments of frames that are not 0.
type List = &'static [(&'static str, Functional)];

const MEANS: List = &[
    ("amean", F::Amean),
    ("flatness", F::Flatness),
    ("posamean", F::Posamean),
    ("rqmean", F::Rqmean),
];
const LEVEL_MEANS: List = &[("amean", F::Amean), ("flatness", F::Flatness), ("rqmean", F::Rqmean)];
const CHANGE_MEANS: List =
    &[("flatness", F::Flatness), ("posamean", F::Posamean), ("rqmean", F::Rqmean)];
const EXTREMES: List = &[("range", F::Range), ("maxPos", F::MaxPos), ("minPos", F::MinPos)];
const PERCENTILES: List = &[
    ("quartile1", F::Quartile1),
    ("quartile2", F::Quartile2),
    ("quartile3", F::Quartile3),
    ("iqr1-2", F::Iqr12),
    ("iqr2-3", F::Iqr23),
    ("iqr1-3", F::Iqr13),
    ("percentile1.0", F::Percentile(0.01)),
    ("percentile99.0", F::Percentile(0.99)),
    ("pctlrange0-1", F::PercentileRange(0.01, 0.99)),
];
const MOMENTS: List =
    &[("stddev", F::Stddev), ("skewness", F::Skewness), ("kurtosis", F::Kurtosis)];
const SEGMENTS: List = &[
    ("meanSegLen", F::MeanSegLen),
    ("maxSegLen", F::MaxSegLen),
    ("minSegLen", F::MinSegLen),
    ("segLenStddev", F::SegLenStddev),
];
const TIMES: List = &[
    ("upleveltime25", F::Upleveltime25),
    ("upleveltime50", F::Upleveltime50),
    ("upleveltime75", F::Upleveltime75),
    ("upleveltime90", F::Upleveltime90),
    ("risetime", F::Risetime),
    ("leftctime", F::Leftctime),
];
const LPC: List = &[
    ("lpgain", F::Lpgain),
    ("lpc0", F::Lpc0),
    ("lpc1", F::Lpc1),
    ("lpc2", F::Lpc2),
    ("lpc3", F::Lpc3),
    ("lpc4", F::Lpc4),
];
const REGRESSION: List = &[
    ("linregc1", F::Linregc1),
    ("linregc2", F::Linregc2),
    ("linregerrQ", F::LinregerrQ),
    ("qregc1", F::Qregc1),
    ("qregc2", F::Qregc2),
    ("qregc3", F::Qregc3),
    ("qregerrQ", F::QregerrQ),
    ("centroid", F::Centroid),
];
const PEAKS: List = &[
    ("meanPeakDist", F::MeanPeakDist),
    ("peakDistStddev", F::PeakDistStddev),
    ("peakRangeAbs", F::PeakRangeAbs),
    ("peakRangeRel", F::PeakRangeRel),
    ("peakMeanAbs", F::PeakMeanAbs),
    ("peakMeanMeanDist", F::PeakMeanMeanDist),
    ("peakMeanRel", F::PeakMeanRel),
    ("minRangeRel", F::MinRangeRel),
    ("meanRisingSlope", F::MeanRisingSlope),
    ("stddevRisingSlope", F::StddevRisingSlope),
    ("meanFallingSlope", F::MeanFallingSlope),
    ("stddevFallingSlope", F::StddevFallingSlope),
];
const VOICING: List = &[
    ("nnz", F::Nnz),
    ("meanSegLen", F::NonzeroMeanSegLen),
    ("maxSegLen", F::NonzeroMaxSegLen),
    ("minSegLen", F::NonzeroMinSegLen),
    ("segLenStddev", F::NonzeroSegLenStddev),
];

/// Descriptors and derivatives: shape of the curve.
const CURVE: &[List] = &[EXTREMES, PERCENTILES, MOMENTS, SEGMENTS, TIMES, LPC];
/// Pitch contours without their zeros.
const VOICE: &[List] = &[MEANS, EXTREMES, REGRESSION, PERCENTILES, MOMENTS, TIMES, LPC];
/// Descriptors other than pitch.
const LEVEL: &[List] = &[LEVEL_MEANS, PEAKS, REGRESSION];
/// Derivatives other than those of pitch.
const CHANGE: &[List] = &[CHANGE_MEANS, PEAKS];

/// Names of the functionals, in column order.
pub fn functional_names() -> Vec<String> {
    let (lld, delta) = (lld_names(), delta_names());
    let mut names = Vec::with_capacity(FUNCTIONALS);
    let mut add = |contours: &[&[String]], lists: &[List]| {
        for contour in contours.iter().copied().flatten() {
            names.extend(lists.iter().copied().flatten().map(|(f, _)| format!("{contour}_{f}")));
        }
    };
    add(&[&lld[PITCH..ENERGY], &delta[PITCH..ENERGY]], CURVE);
    add(&[&lld[ENERGY..], &delta[ENERGY..]], CURVE);
    add(&[&lld[..PITCH], &delta[..PITCH]], VOICE);
    add(&[&["F0final_sma_ff0".to_owned()]], &[VOICING]);
    add(&[&lld[PITCH..]], LEVEL);
    add(&[&delta[PITCH..]], CHANGE);
    names
}

/// Frames of 60 ms.
fn frames(streams: &Streams) -> usize {
    streams.long[long::F0].len()
}

/// Number of descriptor rows: one more than complete frames of 60 ms, 0 without any.
pub fn rows(streams: &Streams) -> usize {
    match frames(streams) {
        0 => 0,
        n => n + 1,
    }
}

/// Number of rows of derivatives: two more than of descriptors.
pub fn delta_rows(streams: &Streams) -> usize {
    match frames(streams) {
        0 => 0,
        n => n + 3,
    }
}

/// Number of descriptor rows that no further input changes, while the input has not ended.
pub fn final_rows(streams: &Streams) -> usize {
    if streams.ended {
        return rows(streams);
    }
    // A row needs the frame to its right; the row of the last decided frame is padded if the input ends.
    let frames = streams.short.iter().chain(&streams.long).map(Vec::len).min().unwrap_or(0);
    frames.min(streams.decided).saturating_sub(1)
}

/// Number of rows of derivatives that no further input changes, while the input has not ended.
pub fn final_delta_rows(streams: &Streams) -> usize {
    if streams.ended {
        return delta_rows(streams);
    }
    final_rows(streams).saturating_sub(2)
}

/// Where a column's contour is, how it is smoothed, and how many smoothed rows there are of it.
#[derive(Clone, Copy)]
struct Column<'a> {
    x: &'a [f32],
    smooth: Smooth,
    /// Frames of the pitch decided before the end, if the contour waits for them and shows it.
    decided: usize,
    rows: usize,
    variant: Variant,
}

impl<'a> Column<'a> {
    fn new(streams: &'a Streams, index: usize, variant: Variant) -> Self {
        let frames = frames(streams);
        let (x, smooth) = match index {
            0..PITCH => (&streams.long[index], Smooth::Nonzero),
            PITCH..9 => (&streams.short[index - PITCH], Smooth::Plain),
            9 => (&streams.long[long::ZCR], Smooth::Plain),
            _ => (&streams.short[index - ENERGY + short::RFILT], Smooth::Plain),
        };
        // F0 and voicing are complete when the contours made from them are padded.
        let waits = (long::JITTER..PITCH).contains(&index);
        let decided = if waits { streams.decided } else { 0 };
        let rows = if index < ENERGY { frames } else { x.len() } + 1;
        Self { x, smooth, decided, rows, variant }
    }

    /// Smoothed row `k`.
    #[inline(always)]
    fn row(&self, k: usize) -> f32 {
        if let (0, [only], Smooth::Plain, Variant::OpenSmile) =
            (k, self.x, self.smooth, self.variant)
        {
            // openSMILE pads a single frame too late, and finds a zero to its right.
            return self.smooth.of(*only, *only, 0.0);
        }
        self.smooth.row(self.x, known(k, self.x.len(), self.decided, self.variant), k)
    }

    /// Appends all smoothed rows.
    fn all(&self, out: &mut Vec<f32>) {
        let start = out.len();
        self.smooth.rows(self.x, self.x.len(), self.rows, out);
        for k in [0, self.decided.saturating_sub(1), self.decided] {
            out[start + k] = self.row(k);
        }
    }
}

/// Appends descriptor rows `from .. to`, frames first, in the order of [`lld_names`]; `to` is at most
/// [`final_rows`].
pub fn lld_rows(streams: &Streams, variant: Variant, from: usize, to: usize, out: &mut Vec<f32>) {
    let columns: [_; LLDS] = std::array::from_fn(|i| Column::new(streams, i, variant));
    for k in from..to {
        out.extend(columns.iter().map(|column| column.row(k)));
    }
}

/// Derivatives of the pitch contours, which look at voiced frames only: a pair of frames counts if
/// neither is 0.
///
/// In openSMILE the divisor of the regression grows with each pair that counts, over all contours and
/// frames, so that derivatives shrink as the recording goes on. The papers' divisor is constant.
#[derive(Debug, Clone)]
struct VoiceDeltas {
    divisor: f32,
    variant: Variant,
}

impl VoiceDeltas {
    fn new(variant: Variant) -> Self {
        Self { divisor: 10.0, variant }
    }

    /// The derivative from `x`, which gives smoothed rows by their distance. In order of frames, then of
    /// contours.
    fn next(&mut self, x: impl Fn(isize) -> f32) -> f32 {
        let mut sum = 0.0;
        for i in [1, 2] {
            let (after, before) = (x(i), x(-i));
            if after != 0.0 && before != 0.0 {
                let weight = i as f32;
                sum += weight * (after - before);
                if self.variant == Variant::OpenSmile {
                    self.divisor += weight * weight;
                }
            }
        }
        sum / self.divisor
    }

    /// Number of smoothed rows, of `n`, that row `k` of the derivatives sees.
    ///
    /// Derivatives are computed as far as possible when `decided` frames are there, and again as far as
    /// possible when all are.
    fn seen(&self, k: usize, n: usize, decided: usize) -> usize {
        let frames = n - 1;
        if self.variant == Variant::Paper || decided == 0 || decided >= frames {
            return n;
        }
        if (decided - 1..decided + 3).contains(&k) {
            decided + 1
        } else if k == decided + 3 && k + 3 > frames {
            (decided + 2).max(frames)
        } else {
            n
        }
    }
}

/// Rows of derivatives, one after the other.
#[derive(Debug, Clone)]
pub struct Deltas {
    voice: VoiceDeltas,
    done: usize,
    /// Smoothed rows around those asked for, frames first.
    smooth: Vec<f32>,
}

impl Deltas {
    /// At the start of a recording.
    pub fn new(variant: Variant) -> Self {
        Self { voice: VoiceDeltas::new(variant), done: 0, smooth: Vec::new() }
    }

    /// Appends the rows before row `to` that have not gone out yet, frames first, in the order of
    /// [`delta_names`]; `to` is at most [`final_delta_rows`].
    pub fn rows(&mut self, streams: &Streams, to: usize, out: &mut Vec<f32>) {
        if to <= self.done {
            return;
        }
        let variant = self.voice.variant;
        let columns: [_; LLDS] = std::array::from_fn(|i| Column::new(streams, i, variant));
        let first = self.done.saturating_sub(2);
        self.smooth.clear();
        for k in first..to + 2 {
            self.smooth.extend(columns.iter().map(|c| c.row(k.min(c.rows - 1))));
        }
        let smooth = &self.smooth;
        let row = |k: usize| &smooth[(k - first) * LLDS..][..LLDS];
        let n = columns[0].rows;
        for k in self.done..to {
            let zeros = zeros_from(k, n, variant);
            let last = self.voice.seen(k, n, streams.decided) - 1;
            let at = |i: isize, last: usize, column: usize| {
                let at = k.saturating_add_signed(i);
                if at >= zeros { 0.0 } else { row(at.min(last))[column] }
            };
            out.extend((0..PITCH).map(|column| self.voice.next(|i| at(i, last, column))));
            out.extend((PITCH..ENERGY).map(|column| delta(|i| at(i, n - 1, column))));
            let around = |i: isize| &row(k.saturating_add_signed(i))[ENERGY..];
            let (near, far) = (around(1).iter().zip(around(-1)), around(2).iter().zip(around(-2)));
            out.extend(near.zip(far).map(|((a, b), (c, d))| {
                delta(|i| match i {
                    1 => *a,
                    -1 => *b,
                    2 => *c,
                    _ => *d,
                })
            }));
        }
        self.done = to;
    }
}

/// Room for [`functionals`], to be reused between recordings.
#[derive(Debug, Default)]
pub struct Scratch {
    contour: Contour<f32>,
    bundle: Bundle<f32>,
    llds: Vec<Vec<f32>>,
    deltas: Vec<Vec<f32>>,
}

/// Number of smoothed rows that each group of functionals sees.
struct Seen {
    energy: usize,
    spectral: usize,
    voice: usize,
    voicing: usize,
    level: usize,
    change: usize,
}

impl Seen {
    /// openSMILE computes functionals when the end of the input is first seen, from what its streams have
    /// by then, at least one row. The variant of the papers takes all frames.
    fn new(streams: &Streams, variant: Variant) -> Self {
        let (long, short) = (frames(streams), streams.short[0].len());
        if variant == Variant::Paper {
            let (energy, voice, voicing) = (long, long, long);
            return Self { energy, spectral: short, voice, voicing, level: long, change: long };
        }
        let less_two = |n: usize| n.saturating_sub(2).max(1);
        let decided = if streams.decided == 0 { long } else { streams.decided };
        Self {
            energy: less_two(long),
            spectral: less_two(short),
            voice: less_two(decided),
            voicing: decided,
            level: long,
            change: less_two(long),
        }
    }
}

impl Scratch {
    /// Smoothed contours, and as much of their derivatives as is asked for.
    fn fill(&mut self, streams: &Streams, variant: Variant, seen: &Seen) {
        self.llds.resize_with(LLDS, Vec::new);
        self.deltas.resize_with(LLDS, Vec::new);
        for (i, lld) in self.llds.iter_mut().enumerate() {
            lld.clear();
            Column::new(streams, i, variant).all(lld);
            let delta = &mut self.deltas[i];
            delta.clear();
            if i >= PITCH {
                let rows = if i < ENERGY { seen.energy } else { seen.spectral };
                deltas(lld, rows.max(seen.change), variant, delta);
            }
        }
        let mut voice = VoiceDeltas::new(variant);
        for k in 0..seen.voice {
            for (delta, lld) in self.deltas.iter_mut().zip(&self.llds[..PITCH]) {
                let zeros = zeros_from(k, lld.len(), variant);
                let n = voice.seen(k, lld.len(), streams.decided);
                delta.push(voice.next(|i| padded(lld, n, zeros, k, i)));
            }
        }
    }
}

/// Appends the functionals in the order of [`functional_names`]; returns false, having appended nothing,
/// if the recording is shorter than a frame of 60 ms. The input must have ended.
pub fn functionals(
    streams: &Streams,
    variant: Variant,
    scratch: &mut Scratch,
    out: &mut Vec<f32>,
) -> bool {
    if frames(streams) == 0 {
        return false;
    }
    let seen = Seen::new(streams, variant);
    scratch.fill(streams, variant, &seen);
    let Scratch { contour, bundle, llds, deltas } = scratch;
    let per_second = Settings { variant, ..Settings::default() };
    let per_frame = Settings { per_second: false, ..per_second };
    let curves = [
        (&llds[PITCH..ENERGY], seen.energy),
        (&deltas[PITCH..ENERGY], seen.energy),
        (&llds[ENERGY..], seen.spectral),
        (&deltas[ENERGY..], seen.spectral),
    ];
    for (contours, rows) in curves {
        for some in contours.chunks(WIDTH) {
            bundle.load(some, rows, per_second.period);
            for (lane, x) in some.iter().enumerate() {
                contour.load_from(bundle, lane, &x[..rows]);
                describe(contour, CURVE, &per_second, out);
            }
        }
    }
    let mut add = |contours: &[Vec<f32>], rows: usize, lists: &[List], voice: bool| {
        for x in contours {
            contour.load(&x[..rows], voice);
            describe(contour, lists, if voice { &per_frame } else { &per_second }, out);
        }
    };
    add(&llds[..PITCH], seen.voice, VOICE, true);
    add(&deltas[..PITCH], seen.voice, VOICE, true);
    add(&llds[..1], seen.voicing, &[VOICING], false);
    add(&llds[PITCH..], seen.level, LEVEL, false);
    add(&deltas[PITCH..], seen.change, CHANGE, false);
    true
}

fn describe(contour: &mut Contour<f32>, lists: &[List], settings: &Settings, out: &mut Vec<f32>) {
    let list = lists.iter().copied().flatten();
    out.extend(list.map(|(_, f)| f.value(contour, settings) as f32));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contours of a recording of `n` frames of 60 ms, the pitch contours with unvoiced frames.
    fn streams(n: usize, decided: usize) -> Streams {
        let wave = |i: usize, k: usize| ((k * k + 3 * i) as f32 * 0.37).sin();
        let contour = |i: usize, n: usize| (0..n).map(|k| wave(i, k)).collect::<Vec<f32>>();
        let mut long: Vec<_> = (0..long::COUNT).map(|i| contour(i, n)).collect();
        for x in &mut long[..PITCH] {
            x.iter_mut().for_each(|x| *x = x.max(0.0));
        }
        let short = (0..short::COUNT).map(|i| contour(i + 7, n + 4)).collect();
        Streams { short, long, decided, ended: true }
    }

    #[test]
    fn there_are_as_many_names_as_values() {
        assert_eq!((lld_names().len(), delta_names().len()), (LLDS, LLDS));
        assert_eq!(functional_names().len(), FUNCTIONALS);
        for (n, decided) in [(1, 0), (2, 1), (5, 0), (30, 27)] {
            for variant in [Variant::OpenSmile, Variant::Paper] {
                let mut out = Vec::new();
                let streams = streams(n, decided);
                assert!(functionals(&streams, variant, &mut Scratch::default(), &mut out));
                assert_eq!(out.len(), FUNCTIONALS);
                assert!(out.iter().all(|x| x.is_finite()), "{n} {decided} {variant:?}");
            }
        }
        let mut none = Vec::new();
        let empty = streams(0, 0);
        assert!(!functionals(&empty, Variant::Paper, &mut Scratch::default(), &mut none));
        assert_eq!((none.len(), rows(&empty), delta_rows(&empty)), (0, 0, 0));
    }

    #[test]
    fn rows_of_derivatives_are_the_same_in_pieces() {
        let streams = streams(40, 36);
        let (mut whole, mut pieces) = (Vec::new(), Vec::new());
        Deltas::new(Variant::OpenSmile).rows(&streams, delta_rows(&streams), &mut whole);
        let mut deltas = Deltas::new(Variant::OpenSmile);
        for to in [1, 2, 9, 9, 30, delta_rows(&streams)] {
            deltas.rows(&streams, to, &mut pieces);
        }
        assert_eq!(whole, pieces);
    }

    #[test]
    fn a_used_scratch_changes_nothing() {
        let (mut fresh, mut used, mut scratch) = (Vec::new(), Vec::new(), Scratch::default());
        functionals(&streams(90, 88), Variant::OpenSmile, &mut scratch, &mut used);
        used.clear();
        let streams = streams(30, 27);
        functionals(&streams, Variant::OpenSmile, &mut scratch, &mut used);
        functionals(&streams, Variant::OpenSmile, &mut Scratch::default(), &mut fresh);
        assert_eq!(fresh, used);
    }
}
