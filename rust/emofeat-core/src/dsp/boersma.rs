//! Periodicity by the autocorrelation of a windowed frame divided by that of its window (Boersma
//! 1993), and the cheapest path through candidates of successive frames.
//!
//! The division undoes what the window does to the autocorrelation: a periodic signal has a maximum
//! of 1 at its period, noise lowers it by its share of the power. Maxima are found between samples by
//! sinc interpolation, since at 16 kHz a period of 200 Hz is 80 samples and one sample is 1.25 %.

use super::fft::RealFft;
use super::lanes::{Real, kernel};
use super::log;
use crate::error::Result;
use std::f64::consts::{LOG2_E, PI};

/// Samples on either side that an interpolation reads at most.
const REACH: usize = 30;

/// `log2 x` of a positive number.
fn log2(x: f64) -> f64 {
    log::ln(x) * LOG2_E
}

/// The smallest even length from `n` that [`RealFft`] computes in rows.
pub fn fast_length(n: usize) -> usize {
    let smooth = |mut k: usize| {
        for r in [2, 3, 5] {
            while k.is_multiple_of(r) {
                k /= r;
            }
        }
        k == 1
    };
    let mut half = n.div_ceil(2).max(1);
    while !smooth(half) {
        half += 1;
    }
    2 * half
}

/// Half of a window that falls towards both ends of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `½ + ½ cos 2πx`.
    Hann,
    /// `(e^(-48 x²) - e^(-12)) / (1 - e^(-12))`.
    Gauss,
}

impl Shape {
    /// The value at `x` frame lengths from the middle, `-½ ..= ½`.
    pub fn at(self, x: f64) -> f64 {
        match self {
            Shape::Hann => 0.5 + 0.5 * (2.0 * PI * x).cos(),
            Shape::Gauss => {
                let edge = (-12f64).exp();
                ((-48.0 * x * x).exp() - edge) / (1.0 - edge)
            }
        }
    }

    /// `n` samples whose first and last are at the ends.
    pub fn samples(self, n: usize) -> Vec<f64> {
        let (middle, span) = ((n as f64 - 1.0) / 2.0, (n as f64 - 1.0).max(1.0));
        (0..n).map(|i| self.at((i as f64 - middle) / span)).collect()
    }
}

/// Frames of one length to normalised autocorrelations.
pub struct Correlator {
    window: Vec<f64>,
    fft: RealFft<f64>,
    /// `rw(0) / rw(τ)` of the window's autocorrelation.
    undo: Vec<f64>,
    longest: usize,
}

/// Buffers of a [`Correlator`].
pub struct Scratch<const L: usize> {
    frame: Vec<[f64; L]>,
    power: Vec<[f64; L]>,
    imaginary: Vec<[f64; L]>,
    /// Normalised autocorrelation, one row per lag.
    pub lags: Vec<[f64; L]>,
    /// Largest magnitude of the windowed frame within half a longest period of its middle.
    pub peak: [f64; L],
}

impl Correlator {
    /// For frames of `length` samples and periods up to `longest` samples.
    pub fn new(length: usize, longest: usize, shape: Shape) -> Result<Self> {
        let window = shape.samples(length);
        let lags = (longest + 3 + REACH.min(longest)).min(length);
        let undo = (0..lags).map(|lag| {
            let products = window.iter().zip(&window[lag..]).map(|(a, b)| a * b);
            products.sum::<f64>()
        });
        let undo: Vec<f64> = undo.collect();
        let total = undo[0];
        let undo = undo.iter().map(|r| if *r > 0.0 { total / r } else { 0.0 }).collect();
        // Long enough that no lag that is looked at meets itself from the other side.
        let fft = RealFft::new(fast_length(length + lags))?;
        Ok(Self { window, fft, undo, longest })
    }

    /// Buffers.
    pub fn scratch<const L: usize>(&self) -> Scratch<L> {
        let rows = |n: usize| vec![[0.0; L]; n];
        let bins = self.fft.bins();
        Scratch {
            frame: rows(self.fft.n()),
            power: rows(bins),
            imaginary: rows(bins),
            lags: rows(self.undo.len()),
            peak: [0.0; L],
        }
    }

    /// Fills in `scratch.lags` and `scratch.peak`. The mean of two longest periods around the middle
    /// is subtracted first. Silent frames have autocorrelation 0.
    pub fn correlate<T: Real, const L: usize>(&self, frame: &[[T; L]], scratch: &mut Scratch<L>) {
        let (n, middle) = (self.window.len(), self.window.len() / 2);
        let around = |reach: usize| middle.saturating_sub(reach)..(middle + reach).min(n);
        prepare(frame, around(self.longest), &self.window, &mut scratch.frame);
        largest(&scratch.frame[around((self.longest / 2).max(1))], &mut scratch.peak);
        self.fft.power(&mut scratch.frame, &mut scratch.power);
        // The spectrum of a power spectrum, which is real and even, is the autocorrelation.
        mirror(&scratch.power, &mut scratch.frame);
        self.fft.spectrum(&mut scratch.frame, &mut scratch.power, &mut scratch.imaginary);
        normalise(&scratch.power, &self.undo, &mut scratch.lags);
    }
}

kernel! {
    /// The windowed frame without its mean over `centre`, then zeros.
    fn prepare / prepare_with<T: Real; L>(
        frame: &[[T; L]], centre: std::ops::Range<usize>, window: &[f64], out: &mut [[f64; L]],
    ) {
        let (mut mean, count) = ([0.0; L], centre.len() as f64);
        for row in &frame[centre] {
            for l in 0..L {
                mean[l] += row[l].f64();
            }
        }
        for l in 0..L {
            mean[l] /= count;
        }
        for ((row, w), out) in frame.iter().zip(window).zip(out.iter_mut()) {
            for l in 0..L {
                out[l] = (row[l].f64() - mean[l]) * w;
            }
        }
        out[window.len()..].fill([0.0; L]);
    }
}

kernel! {
    fn largest / largest_with<; L>(rows: &[[f64; L]], out: &mut [f64; L]) {
        *out = [0.0; L];
        for row in rows {
            for l in 0..L {
                out[l] = Real::max(Real::abs(row[l]), out[l]);
            }
        }
    }
}

kernel! {
    /// Bins `0 ..= n/2` continued as those of an even sequence of `n`.
    fn mirror / mirror_with<; L>(bins: &[[f64; L]], out: &mut [[f64; L]]) {
        let n = out.len();
        out[..bins.len()].copy_from_slice(bins);
        for k in bins.len()..n {
            out[k] = bins[n - k];
        }
    }
}

kernel! {
    fn normalise / normalise_with<; L>(r: &[[f64; L]], undo: &[f64], out: &mut [[f64; L]]) {
        let mut scale = [0.0; L];
        for l in 0..L {
            scale[l] = if r[0][l] > 0.0 { 1.0 / r[0][l] } else { 0.0 };
        }
        for ((r, u), out) in r.iter().zip(undo).zip(out) {
            for l in 0..L {
                out[l] = r[l] * scale[l] * u;
            }
        }
    }
}

/// Which maxima of an autocorrelation are candidates.
#[derive(Debug, Clone)]
pub struct Search {
    /// Sampling rate in Hz.
    pub sr: f64,
    /// Lowest frequency in Hz.
    pub floor: f64,
    /// Highest frequency in Hz.
    pub ceiling: f64,
    /// Height that a maximum must exceed.
    pub least: f64,
    /// Preference of high frequencies, per octave.
    pub octave_cost: f64,
    /// Number of candidates.
    pub most: usize,
    /// `cos` and `sin` of `π j / reach` for each sample that an interpolation reads.
    taper: Vec<(f64, f64)>,
}

/// A frequency in Hz and the height of the autocorrelation there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Frequency in Hz.
    pub frequency: f64,
    /// Height of the maximum, at most 1.
    pub height: f64,
}

impl Search {
    /// A search in autocorrelations of a [`Correlator`] for the same longest period.
    pub fn new(
        sr: f64,
        (floor, ceiling): (f64, f64),
        least: f64,
        octave_cost: f64,
        most: usize,
    ) -> Self {
        let reach = REACH.min((sr / floor) as usize).max(1);
        let angle = |j: usize| PI * (j as f64 - (reach as f64 - 1.0)) / reach as f64;
        let taper = (0..2 * reach).map(|j| (angle(j).cos(), angle(j).sin())).collect();
        Self { sr, floor, ceiling, least, octave_cost, most, taper }
    }

    /// The candidates of autocorrelation `r`, those before their refinement strongest first.
    pub fn find(&self, r: &[f64], out: &mut Vec<Candidate>) {
        out.clear();
        let first = ((self.sr / self.ceiling).ceil() as usize).saturating_sub(1).max(1);
        let last = ((self.sr / self.floor) as usize + 1).min(r.len().saturating_sub(2));
        for k in first..=last {
            let (a, b, c) = (r[k - 1], r[k], r[k + 1]);
            if b > a && b >= c && b > self.least {
                let bend = a - 2.0 * b + c;
                let lag = k as f64 + 0.5 * (a - c) / bend;
                let height = b - (a - c) * (a - c) / (8.0 * bend);
                out.push(Candidate { frequency: self.sr / lag, height });
            }
        }
        let worth = |c: &Candidate| c.height + self.octave_cost * log2(c.frequency);
        out.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
        out.truncate(self.most);
        for c in out.iter_mut() {
            *c = self.refine(r, self.sr / c.frequency);
        }
        out.retain(|c| (self.floor..=self.ceiling).contains(&c.frequency));
    }

    /// The maximum near `lag`: three parabolas, each through closer points of the interpolated curve.
    fn refine(&self, r: &[f64], mut lag: f64) -> Candidate {
        for h in [0.1, 0.03, 0.01] {
            let [a, b, c] = [lag - h, lag, lag + h].map(|lag| self.interpolate(r, lag));
            let bend = a - 2.0 * b + c;
            if bend < 0.0 {
                lag += (0.5 * h * (a - c) / bend).clamp(-0.5, 0.5);
            }
        }
        let height = self.interpolate(r, lag);
        // The interpolation of a nearly perfect period may overshoot.
        let height = if height > 1.0 { 1.0 / height } else { height };
        Candidate { frequency: self.sr / lag, height }
    }

    /// `Σ r(k) sinc(lag - k) (½ + ½ cos π (lag - k) / reach)` over the samples within reach.
    fn interpolate(&self, r: &[f64], lag: f64) -> f64 {
        let reach = self.taper.len() / 2;
        let (whole, part) = (lag.floor(), lag - lag.floor());
        if part == 0.0 {
            return r.get(whole as usize).copied().unwrap_or_default();
        }
        let sine = (PI * part).sin();
        let angle = PI * part / reach as f64;
        let (cos, sin) = (angle.cos(), angle.sin());
        let mut sum = 0.0;
        let mut sign = if reach.is_multiple_of(2) { -sine } else { sine };
        for (j, (c, s)) in self.taper.iter().enumerate() {
            // Sample `whole + step`, `part - step` before the lag.
            let step = j as i64 - (reach as i64 - 1);
            let at = (whole as i64 + step).unsigned_abs() as usize;
            let taper = 0.5 + 0.5 * (cos * c + sin * s);
            let kernel = sign / (PI * (part - step as f64)) * taper;
            sum += r.get(at).copied().unwrap_or_default() * kernel;
            sign = -sign;
        }
        sum
    }
}

/// What a path costs beside the strengths of its candidates.
#[derive(Debug, Clone, Copy)]
pub struct Costs {
    /// Highest frequency in Hz, to which the octave cost refers.
    pub ceiling: f64,
    /// Cost of a frequency an octave below the ceiling.
    pub octave: f64,
    /// Cost of a jump by an octave.
    pub jump: f64,
    /// Cost of a change between voiced and unvoiced.
    pub voicing: f64,
}

/// Frames between two looks for decisions that are final.
const LOOK: usize = 32;

/// The path of highest strength minus costs through the candidates of successive frames (Viterbi).
///
/// A decision is given out as soon as the best paths to all candidates of the newest frame agree on
/// it, and then is that of the path through the whole recording.
#[derive(Debug)]
pub struct Path {
    costs: Costs,
    /// Frames whose decision is open: candidates (frequency, height) and the best one before each.
    open: Vec<Vec<(f64, f64, usize)>>,
    /// Strength of the best path to each candidate of the newest frame.
    score: Vec<f64>,
}

impl Path {
    /// No frames yet.
    pub fn new(costs: Costs) -> Self {
        Self { costs, open: Vec::new(), score: Vec::new() }
    }

    fn change(&self, a: f64, b: f64) -> f64 {
        match (a > 0.0, b > 0.0) {
            (true, true) => self.costs.jump * log2(a / b).abs(),
            (false, false) => 0.0,
            _ => self.costs.voicing,
        }
    }

    /// Takes the next frame: the strength of being unvoiced, and candidates; those of frequency 0 are
    /// none. Appends (frequency, height) of frames that have become final; 0, 0 if unvoiced.
    pub fn push(
        &mut self,
        unvoiced: f64,
        candidates: impl Iterator<Item = (f64, f64)>,
        out: &mut Vec<(f64, f64)>,
    ) {
        let mut frame = vec![(0.0, 0.0, 0)];
        frame.extend(candidates.filter(|c| c.0 > 0.0).map(|(f, height)| (f, height, 0)));
        let mut score = Vec::with_capacity(frame.len());
        for (f, height, back) in &mut frame {
            let own = if *f > 0.0 {
                *height - self.costs.octave * log2(self.costs.ceiling / *f)
            } else {
                unvoiced
            };
            let Some(last) = self.open.last() else {
                score.push(own);
                continue;
            };
            let mut best = f64::NEG_INFINITY;
            for (at, ((g, ..), before)) in last.iter().zip(&self.score).enumerate() {
                let total = before - self.change(*g, *f);
                if total > best {
                    (best, *back) = (total, at);
                }
            }
            score.push(best + own);
        }
        self.open.push(frame);
        self.score = score;
        if self.open.len().is_multiple_of(LOOK) {
            self.settle(out);
        }
    }

    /// Gives out the frames up to the last one in which all best paths meet.
    fn settle(&mut self, out: &mut Vec<(f64, f64)>) {
        let newest = self.open.last().map_or(0, Vec::len);
        let mut alive: Vec<usize> = (0..newest).collect();
        for at in (0..self.open.len()).rev() {
            if let [one] = alive[..] {
                self.give(at, one, out);
                self.open.drain(..=at);
                // What was before is decided: the first open frame has one way back.
                return;
            }
            alive = alive.iter().map(|c| self.open[at][*c].2).collect();
            alive.sort_unstable();
            alive.dedup();
        }
    }

    /// Appends frames `0 ..= last` of the path that ends in candidate `at`.
    fn give(&self, last: usize, at: usize, out: &mut Vec<(f64, f64)>) {
        let (start, mut at) = (out.len(), at);
        for frame in self.open[..=last].iter().rev() {
            let (frequency, height, back) = frame[at];
            out.push((frequency, height));
            at = back;
        }
        out[start..].reverse();
    }

    /// End of the recording: appends what is open.
    pub fn finish(&mut self, out: &mut Vec<(f64, f64)>) {
        let mut best = 0;
        for (at, score) in self.score.iter().enumerate() {
            if *score > self.score[best] {
                best = at;
            }
        }
        if let Some(last) = self.open.len().checked_sub(1) {
            self.give(last, best, out);
        }
        self.open.clear();
        self.score.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_has_its_period_and_height_one() {
        let (sr, n) = (8000.0, 320);
        let correlator = Correlator::new(n, 106, Shape::Hann).unwrap();
        let search = Search::new(sr, (75.0, 600.0), 0.2, 0.0, 14);
        for f in [101.3, 187.7, 333.3] {
            let frame: Vec<[f64; 2]> =
                (0..n).map(|i| (2.0 * PI * f * i as f64 / sr).sin()).map(|x| [x, 0.0]).collect();
            let mut scratch = correlator.scratch();
            correlator.correlate(&frame, &mut scratch);
            let lane = |l: usize| scratch.lags.iter().map(|r| r[l]).collect::<Vec<f64>>();
            let mut found = Vec::new();
            search.find(&lane(0), &mut found);
            // The mean of a cut sine is not 0, which is all that is left of the window.
            assert!((found[0].frequency / f - 1.0).abs() < 2e-3, "{f} {found:?}");
            assert!((0.99..=1.0).contains(&found[0].height));
            search.find(&lane(1), &mut found);
            assert!(found.is_empty() && scratch.peak[1] == 0.0, "silence has no period");
        }
    }

    #[test]
    fn interpolation_is_exact_for_a_slow_cosine() {
        let search = Search::new(8000.0, (75.0, 600.0), 0.0, 0.0, 14);
        let r: Vec<f64> = (0..200).map(|k| (0.3 * k as f64).cos()).collect();
        for lag in [40.0, 40.25, 57.9, 3.4] {
            assert!((search.interpolate(&r, lag) - (0.3 * lag).cos()).abs() < 2e-4, "{lag}");
        }
    }

    fn decide(frames: &[(f64, Vec<(f64, f64)>)], costs: Costs) -> Vec<(f64, f64)> {
        let (mut path, mut out) = (Path::new(costs), Vec::new());
        for (unvoiced, candidates) in frames {
            path.push(*unvoiced, candidates.iter().copied(), &mut out);
        }
        path.finish(&mut out);
        out
    }

    /// Every path, by brute force.
    fn best_of_all(frames: &[(f64, Vec<(f64, f64)>)], costs: Costs) -> f64 {
        let path = Path::new(costs);
        let worth = |c: &(f64, f64), unvoiced: f64| {
            if c.0 > 0.0 { c.1 - costs.octave * (costs.ceiling / c.0).log2() } else { unvoiced }
        };
        let mut ways: Vec<((f64, f64), f64)> = vec![];
        for (at, (unvoiced, candidates)) in frames.iter().enumerate() {
            let all = candidates.iter().copied().chain([(0.0, 0.0)]);
            ways = all
                .flat_map(|c| {
                    let own = worth(&c, *unvoiced);
                    if at == 0 {
                        vec![(c, own)]
                    } else {
                        ways.iter().map(|(b, s)| (c, s + own - path.change(b.0, c.0))).collect()
                    }
                })
                .collect();
        }
        ways.iter().map(|w| w.1).fold(f64::NEG_INFINITY, f64::max)
    }

    #[test]
    fn the_path_is_the_best_of_all_paths_and_is_given_out_before_the_end() {
        let costs = Costs { ceiling: 600.0, octave: 0.01, jump: 0.35, voicing: 0.14 };
        let mut seed = 7u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as f64 / (1u64 << 31) as f64
        };
        for _ in 0..20 {
            let frames: Vec<(f64, Vec<(f64, f64)>)> = (0..6)
                .map(|_| {
                    (0.45 + 0.3 * next(), (0..3).map(|_| (80.0 + 500.0 * next(), next())).collect())
                })
                .collect();
            let got = decide(&frames, costs);
            let path = Path::new(costs);
            let mut total = 0.0;
            for (at, ((f, r), (unvoiced, _))) in got.iter().zip(&frames).enumerate() {
                total += if *f > 0.0 { r - 0.01 * (600.0 / f).log2() } else { *unvoiced };
                if at > 0 {
                    total -= path.change(got[at - 1].0, *f);
                }
            }
            assert!((total - best_of_all(&frames, costs)).abs() < 1e-9);
        }
        let (mut path, mut out) = (Path::new(costs), Vec::new());
        for _ in 0..200 {
            path.push(0.45, [(120.0, 0.9), (60.0, 0.8)].into_iter(), &mut out);
        }
        assert!(out.len() >= 128 && out.iter().all(|f| f.0 == 120.0), "{}", out.len());
        path.finish(&mut out);
        assert_eq!(out.len(), 200);
    }
}
