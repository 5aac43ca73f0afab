//! Resampling between two integer rates by a linear-phase polyphase filter.
//!
//! # The filter
//!
//! One prototype serves all rates. With time in periods of the lower of its two rates it is the
//! Kaiser-windowed sinc
//!
//! ```text
//! h(t) = sinc(2 fc t) · I0(β √(1 - (2t/T)²)) / I0(β),   |t| < T/2
//! β = 10.3,   T ≥ 120,   fc = 0.5 - 3.3/T
//! ```
//!
//! which is flat within 0.02 dB up to 0.9 of the lower Nyquist frequency and more than 100 dB down
//! from the lower Nyquist frequency on: the transition lies between the two. Each phase has
//! `T · max(1, from/to)` taps, scaled to a gain of exactly 1 at 0 Hz.
//!
//! Where one rate is 2.5 times the other or more, half-band filters (β = 12.5, every other tap zero)
//! halve or double the higher rate until it is not, which costs less: 48 → 16 kHz is a half-band
//! filter of 51 taps to 24 kHz, then the sharp filter of 180 taps. A half-band filter leaves the band
//! up to the lower Nyquist frequency alone and stops whatever would fold into it, by 113 dB or more.
//!
//! The delay is removed: output `k` is the signal at the time `k / to`, and the signal is zero outside
//! the samples that are given.
//!
//! # The same bits
//!
//! Output `k` is a sum over a window of input that depends on `k` alone, in an order that depends on
//! the pair of rates alone. So blocks of any size, a start in the middle, and the whole signal give
//! the same bits, and so do all instruction sets: products and sums are rounded one by one (no fused
//! multiply-add), and the order belongs to the definition of each scheme:
//!
//! * *columns*, for a ratio of small integers (24 → 16, 8 → 16 kHz, half-bands): many outputs of one
//!   phase side by side, each summed on its own; mirrored taps are added before they are multiplied.
//! * *lanes*, for other ratios (44.1 → 48 kHz): the same phase of 16 successive periods of the
//!   pattern side by side, each summed on its own.
//! * *rows*, where exact phases would make a table of more than 1024 rows per period of the lower rate
//!   (44100 → 47999): the two nearest of 1024 phases are interpolated linearly, an error below
//!   -115 dB. One output has 16 interleaved partial sums, which are added as a tree.
//!
//! A sample that is NaN or infinite reaches only the outputs whose window holds it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::error::{Code, Error, Result};

/// Kaiser's β: side lobes of the step response at -103 dB.
const BETA: f64 = 10.3;
/// Kaiser's β and [`EDGE`] of the half-band filters, of which several may add up: below -113 dB each.
const HALF_BAND_BETA: f64 = 12.5;
const HALF_BAND_EDGE: f64 = 4.2;
/// Length of the prototype in periods of the lower rate, at least.
const LENGTH: f64 = 120.0;
/// Distance from the cutoff (-6 dB) to the edge of the stop band, times the length.
const EDGE: f64 = 3.3;
/// Phases per period of the lower rate in an interpolated table, and most in an exact one.
const PHASES: u64 = 1024;
/// Partial sums of the row scheme.
const LANES: usize = 16;
/// Largest term of the reduced ratio for which the column scheme is used.
const MAX_COLUMN_RATIO: u64 = 32;
/// Periods of the polyphase pattern that the column scheme takes at once: its buffers stay in the
/// first-level cache.
const COLUMN_PERIODS: i64 = 1024;
/// Outputs that go through the chain at once.
const CHUNK: i64 = 4096;
/// Largest rate, in Hz.
const MAX_RATE: u32 = 768_000;
/// Largest ratio of the two rates: the filter has 120 times as many taps.
const MAX_RATIO: u32 = 256;
/// Tables kept for later use, each of half a megabyte or so at most.
const CACHED: usize = 32;

/// A run of taps on consecutive samples of one of the `m` interleaved streams of the input.
#[derive(Debug, Clone)]
struct Run {
    stream: usize,
    /// Index in the stream, of the first tap of period 0.
    start: usize,
    /// Stream and first index of the mirrored taps, which are met from the last to the first.
    mirror: Option<(usize, usize)>,
    taps: Range<usize>,
}

/// How the products are laid out and summed; fixed by the pair of rates.
#[derive(Debug)]
enum Scheme {
    /// Runs of each of the `l` phases, and the samples per stream that a period reaches ahead.
    Columns { phases: Vec<Vec<Run>>, taps: Vec<f32>, ahead: usize },
    /// Row `p` holds the taps of phase `p`.
    Lanes { taps: Vec<f32> },
    /// Row `i` holds the taps for an output that lies the fraction `i / count` after an input,
    /// `0 ≤ i ≤ count`.
    Rows { taps: Vec<f32>, count: u64 },
}

/// One filter of a chain, with the reduced ratio `l / m`.
#[derive(Debug)]
struct Stage {
    l: i64,
    m: i64,
    /// Half the window: output at input time `n + fraction` reads `n - reach + 1 ..= n + reach`.
    reach: i64,
    scheme: Scheme,
}

/// The filters for one reduced ratio, in the order of the flow. None for equal rates.
#[derive(Debug)]
struct Plan {
    stages: Vec<Stage>,
}

/// The instruction sets that the sums are compiled for. All give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Isa {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// Those that this machine has, the best one last.
    fn available() -> &'static [Isa] {
        static FOUND: OnceLock<Vec<Isa>> = OnceLock::new();
        FOUND.get_or_init(|| {
            let mut found = vec![Isa::Portable];
            #[cfg(target_arch = "x86_64")]
            {
                if is_x86_feature_detected!("avx2") {
                    found.push(Isa::Avx2);
                    if is_x86_feature_detected!("avx512f") {
                        found.push(Isa::Avx512);
                    }
                }
            }
            found
        })
    }

    fn best() -> Isa {
        Isa::available().last().copied().unwrap_or(Isa::Portable)
    }
}

/// `sin(π x)` with plain sums and products: the C library's `sin` differs between machines.
fn sin_pi(x: f64) -> f64 {
    let n = x.round();
    let r = std::f64::consts::PI * (x - n);
    let r2 = r * r;
    // Taylor series on |r| ≤ π/2: the first omitted term is below 1e-20.
    static INVERSES: [f64; 11] = inverses(2, 1);
    let mut sum = 0.0;
    for inverse in INVERSES.iter().rev() {
        sum = (1.0 + sum) * -r2 * inverse;
    }
    let s = r * (1.0 + sum);
    if n.rem_euclid(2.0) == 0.0 { s } else { -s }
}

/// `sin(π x) / (π x)`.
fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { sin_pi(x) / (std::f64::consts::PI * x) }
}

/// The Kaiser window over `-1 < x < 1`, without its scale; zero outside.
fn kaiser(beta: f64, x: f64) -> f64 {
    let u = 1.0 - x * x;
    if u > 0.0 { bessel_i0(beta * u.sqrt()) } else { 0.0 }
}

/// Modified Bessel function of the first kind and order 0 for `|x| < 15`, by its power series.
fn bessel_i0(x: f64) -> f64 {
    static INVERSES: [f64; 48] = inverses(1, 0);
    let q = 0.25 * x * x;
    let (mut sum, mut term) = (1.0, 1.0);
    for inverse in &INVERSES {
        term *= q * inverse;
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

/// `1 / (a k (a k + b))` for k = 1, 2 …: divisions would take most of the time of a series.
const fn inverses<const N: usize>(a: usize, b: usize) -> [f64; N] {
    let mut inverses = [0.0; N];
    let mut k = 1;
    while k <= N {
        inverses[k - 1] = 1.0 / (a * k * (a * k + b)) as f64;
        k += 1;
    }
    inverses
}

impl Stage {
    /// The sharp filter: any ratio, transition from 0.9 to 1 of the lower Nyquist frequency.
    fn sharp(l: u64, m: u64) -> Stage {
        // Input samples per period of the lower rate.
        let step = (m as f64 / l as f64).max(1.0);
        let half = (0.5 * LENGTH * step).ceil() as usize;
        let (reach, scheme) = if l.max(m) <= MAX_COLUMN_RATIO {
            (half, columns(l as usize, m as usize, half, step))
        } else {
            let reach = half.next_multiple_of(LANES / 2);
            let count = (PHASES as f64 / step).ceil() as u64;
            let row = |i, n| phase(i as f64 / n as f64, reach, step);
            let scheme = if l <= count {
                Scheme::Lanes { taps: (0..l).flat_map(|p| row(p * m % l, l)).collect() }
            } else {
                Scheme::Rows { taps: (0..=count).flat_map(|i| row(i, count)).collect(), count }
            };
            (reach, scheme)
        };
        Stage { l: l as i64, m: m as i64, reach: reach as i64, scheme }
    }

    /// The half-band filter that halves the rate (`up` false) or doubles it, and leaves alone the
    /// band below `band`, given as a fraction of the higher rate and less than 1/4.
    fn half_band(up: bool, band: f64) -> Stage {
        let transition = 0.5 - 2.0 * band;
        let pairs = (0.5 * HALF_BAND_EDGE / transition).ceil() as usize;
        // Every other tap of a half-band filter is zero, but for the one in the centre.
        let weights: Vec<f64> = (0..pairs)
            .map(|i| (2 * (pairs - i) - 1) as f64)
            .map(|t| sinc(0.5 * t) * kaiser(HALF_BAND_BETA, t / (2 * pairs) as f64))
            .collect();
        let gain = weights.iter().sum::<f64>() * if up { 2.0 } else { 4.0 };
        let mut taps: Vec<f32> = weights.iter().map(|w| (w / gain) as f32).collect();
        taps.push(if up { 1.0 } else { 0.5 });
        let sides = Run { stream: 0, start: 0, mirror: Some((0, pairs)), taps: 0..pairs };
        let centre = |stream| {
            let taps = pairs..pairs + 1;
            Run { stream, start: pairs - 1, mirror: None, taps }
        };
        if up {
            let phases = vec![vec![centre(0)], vec![sides]];
            let scheme = Scheme::Columns { phases, taps, ahead: 2 * pairs };
            Stage { l: 2, m: 1, reach: pairs as i64, scheme }
        } else {
            let phases = vec![vec![sides, centre(1)]];
            let scheme = Scheme::Columns { phases, taps, ahead: 2 * pairs + 1 };
            Stage { l: 1, m: 2, reach: 2 * pairs as i64, scheme }
        }
    }

    /// The input sample at or before output `k`.
    fn floor(&self, k: i64) -> i64 {
        k.div_euclid(self.l) * self.m + k.rem_euclid(self.l) * self.m / self.l
    }

    /// The inputs that the outputs `out`, at least one, depend on.
    fn span(&self, out: &Range<i64>) -> Range<i64> {
        self.floor(out.start) + 1 - self.reach..self.floor(out.end - 1) + 1 + self.reach
    }

    /// The first output whose window does not end before input `end`.
    fn ready(&self, end: i64) -> i64 {
        let n = end - self.reach;
        n.div_euclid(self.m) * self.l
            + (n.rem_euclid(self.m) * self.l + self.m - 1).div_euclid(self.m)
    }
}

impl Plan {
    /// Half-band filters bring the higher rate to less than 2.5 times the lower one, the sharp filter
    /// does the rest.
    fn new(l: u64, m: u64) -> Plan {
        if l == m {
            return Plan { stages: Vec::new() };
        }
        let (mut l, mut m) = (l, m);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        while 2 * m >= 5 * l {
            before.push(Stage::half_band(false, 0.5 * l as f64 / m as f64));
            (l, m) = if m % 2 == 0 { (l, m / 2) } else { (2 * l, m) };
        }
        while 2 * l >= 5 * m {
            after.push(Stage::half_band(true, 0.5 * m as f64 / l as f64));
            (l, m) = if l % 2 == 0 { (l / 2, m) } else { (l, 2 * m) };
        }
        before.push(Stage::sharp(l, m));
        before.extend(after.into_iter().rev());
        Plan { stages: before }
    }

    /// The plan for two rates from the cache, which is filled on first use.
    fn cached(l: u64, m: u64) -> Arc<Plan> {
        type Cache = Mutex<HashMap<(u64, u64), Arc<Plan>>>;
        static CACHE: OnceLock<Cache> = OnceLock::new();
        let cache = CACHE.get_or_init(Cache::default);
        let lock = || cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = lock().get(&(l, m)) {
            return plan.clone();
        }
        // Built without the lock: another thread may build the same, which costs milliseconds once.
        let plan = Arc::new(Plan::new(l, m));
        let mut plans = lock();
        if plans.len() >= CACHED {
            plans.clear();
        }
        plans.insert((l, m), plan.clone());
        plan
    }

    /// The inputs that the outputs `out` depend on.
    fn span(&self, out: Range<i64>) -> Range<i64> {
        if out.is_empty() {
            return out.start..out.start;
        }
        self.stages.iter().rev().fold(out, |out, stage| stage.span(&out))
    }

    /// The first output that depends on input `end` or later ones.
    fn ready(&self, end: i64) -> i64 {
        self.stages.iter().fold(end, |end, stage| stage.ready(end))
    }

    /// Appends the outputs `out`; `x[0]` is input `base`, and inputs outside `x` are zero.
    fn compute(&self, isa: Isa, out: Range<i64>, x: &[f32], base: i64, y: &mut Vec<f32>) {
        match isa {
            Isa::Portable => self.compute_as::<32, 2, 2>(out, x, base, y),
            // SAFETY: `Isa::available` is the only source of these values, and lists what the
            // running processor was found to have.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { self.compute_avx2(out, x, base, y) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { self.compute_avx512(out, x, base, y) },
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn compute_avx2(&self, out: Range<i64>, x: &[f32], base: i64, y: &mut Vec<f32>) {
        self.compute_as::<64, 4, 4>(out, x, base, y);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    fn compute_avx512(&self, out: Range<i64>, x: &[f32], base: i64, y: &mut Vec<f32>) {
        self.compute_as::<128, 8, 4>(out, x, base, y);
    }

    /// The body that is compiled once per instruction set: `W` outputs side by side in columns,
    /// `G` phases at once in lanes, `R` outputs at once in rows. None of them changes the order of any
    /// sum.
    #[inline(always)]
    fn compute_as<const W: usize, const G: usize, const R: usize>(
        &self,
        out: Range<i64>,
        x: &[f32],
        base: i64,
        y: &mut Vec<f32>,
    ) {
        if self.stages.is_empty() {
            let len = (out.end - out.start) as usize;
            y.extend_from_slice(window(x, base, out.start, len, &mut Vec::new()));
            return;
        }
        let mut scratch = Scratch::default();
        let (mut source, mut target) = (Vec::new(), Vec::new());
        let mut spans = vec![0..0; self.stages.len()];
        let mut k = out.start;
        while k < out.end {
            let mut span = k..out.end.min(k + CHUNK);
            k = span.end;
            for (stage, wanted) in self.stages.iter().zip(&mut spans).rev() {
                *wanted = span.clone();
                span = stage.span(&span);
            }
            for (i, stage) in self.stages.iter().enumerate() {
                let (from, base) =
                    if i == 0 { (x, base) } else { (source.as_slice(), spans[i - 1].start) };
                let last = i + 1 == self.stages.len();
                let to = if last { &mut *y } else { &mut target };
                match &stage.scheme {
                    Scheme::Columns { phases, taps, ahead } => stage.columns_as::<W>(
                        phases,
                        taps,
                        *ahead,
                        &spans[i],
                        from,
                        base,
                        &mut scratch,
                        to,
                    ),
                    Scheme::Lanes { taps } => {
                        stage.lanes_as::<G>(taps, &spans[i], from, base, &mut scratch, to);
                    }
                    Scheme::Rows { taps, count } => {
                        stage.rows_as::<R>(taps, *count, &spans[i], from, base, &mut scratch, to)
                    }
                }
                if !last {
                    std::mem::swap(&mut source, &mut target);
                    target.clear();
                }
            }
        }
    }
}

/// Buffers that one computation reuses.
#[derive(Default)]
struct Scratch {
    line: Vec<f32>,
    streams: Vec<f32>,
    sums: Vec<f32>,
    mixed: Vec<f32>,
    across: Vec<[f32; LANES]>,
    results: Vec<[f32; LANES]>,
}

impl Stage {
    #[inline(always)]
    fn columns_as<const W: usize>(
        &self,
        phases: &[Vec<Run>],
        taps: &[f32],
        ahead: usize,
        out: &Range<i64>,
        x: &[f32],
        base: i64,
        scratch: &mut Scratch,
        y: &mut Vec<f32>,
    ) {
        const NARROW: usize = 16;
        let Scratch { line, streams, sums, mixed, .. } = scratch;
        let (l, m) = (self.l as usize, self.m as usize);
        let mut k = out.start;
        while k < out.end {
            // Whole periods, of which the first and the last may be wanted in part.
            let first = k.div_euclid(self.l);
            let end = out.end.min((first + COLUMN_PERIODS) * self.l);
            let periods = ((end - 1).div_euclid(self.l) + 1 - first) as usize;
            let padded = periods.next_multiple_of(NARROW);
            let stride = padded + ahead;
            let begin = first * self.m + 1 - self.reach;
            let input = window(x, base, begin, stride * m, line);
            let streams: &[f32] = if m == 1 {
                input
            } else {
                streams.resize(stride * m, 0.0);
                deinterleave(input, m, streams);
                streams
            };
            sums.resize(padded * l, 0.0);
            for (runs, sums) in phases.iter().zip(sums.chunks_exact_mut(padded)) {
                let (wide, narrow) = sums.as_chunks_mut::<W>();
                let mut at = 0;
                for sums in wide {
                    *sums = column_block::<W>(runs, taps, streams, stride, at);
                    at += W;
                }
                for sums in narrow.as_chunks_mut::<NARROW>().0 {
                    *sums = column_block::<NARROW>(runs, taps, streams, stride, at);
                    at += NARROW;
                }
            }
            let (from, to) = ((k - first * self.l) as usize, (end - first * self.l) as usize);
            if l == 1 {
                y.extend_from_slice(&sums[from..to]);
            } else {
                mixed.resize(padded * l, 0.0);
                interleave(sums, l, mixed);
                y.extend_from_slice(&mixed[from..to]);
            }
            k = end;
        }
    }

    #[inline(always)]
    fn lanes_as<const G: usize>(
        &self,
        taps: &[f32],
        out: &Range<i64>,
        x: &[f32],
        base: i64,
        scratch: &mut Scratch,
        y: &mut Vec<f32>,
    ) {
        let Scratch { line, across, results, mixed, .. } = scratch;
        let (l, m, n) = (self.l as usize, self.m as usize, 2 * self.reach as usize);
        across.resize(m + n, [0.0; LANES]);
        results.resize(l, [0.0; LANES]);
        mixed.resize(l * LANES, 0.0);
        let mut k = out.start;
        while k < out.end {
            // One period of the polyphase pattern per lane.
            let first = k.div_euclid(self.l);
            let end = out.end.min((first + LANES as i64) * self.l);
            let (from, to) = ((k - first * self.l) as usize, (end - first * self.l) as usize);
            let wanted = if to <= l { from..to } else { 0..l };
            let begin = first * self.m + 1 - self.reach;
            let input = window(x, base, begin, m * LANES + n, line);
            gather_lanes(input, m, across);
            let mut p = wanted.start;
            while p < wanted.end {
                // A group that is not full repeats its last phase.
                let mut rows = [&taps[..n]; G];
                let mut xs = [&across[..n]; G];
                for g in 0..G {
                    let p = (p + g).min(wanted.end - 1);
                    rows[g] = &taps[p * n..(p + 1) * n];
                    xs[g] = &across[p * m / l..p * m / l + n];
                }
                let sums = lane_sums(&rows, &xs, n);
                let full = G.min(wanted.end - p);
                results[p..p + full].copy_from_slice(&sums[..full]);
                p += G;
            }
            scatter_lanes(results, mixed);
            y.extend_from_slice(&mixed[from..to]);
            k = end;
        }
    }

    #[inline(always)]
    fn rows_as<const G: usize>(
        &self,
        taps: &[f32],
        count: u64,
        out: &Range<i64>,
        x: &[f32],
        base: i64,
        scratch: &mut Scratch,
        y: &mut Vec<f32>,
    ) {
        let n = 2 * self.reach as usize;
        let steps = Steps::new(self.l as u64, self.m as u64, count);
        let span = self.span(out);
        let len = (span.end - span.start) as usize;
        let input = window(x, base, span.start, len, &mut scratch.line);
        let mut at = steps.at(out.start.rem_euclid(self.l) as u64);
        at.sample = 0;
        let mut left = (out.end - out.start) as usize;
        while left > 0 {
            // A group that is not full repeats its last output.
            let wanted = left.min(G);
            let mut group = [at; G];
            for g in 1..G {
                if g < wanted {
                    steps.advance(&mut at);
                }
                group[g] = at;
            }
            steps.advance(&mut at);
            let mut xs = [&input[..n]; G];
            let mut rows = [&taps[..n]; G];
            for g in 0..G {
                xs[g] = &input[group[g].sample..group[g].sample + n];
                rows[g] = &taps[group[g].row * n..(group[g].row + 1) * n];
            }
            let mut sums = dots(&rows, &xs);
            for g in 0..G {
                rows[g] = &taps[(group[g].row + 1) * n..(group[g].row + 2) * n];
            }
            let next = dots(&rows, &xs);
            for g in 0..G {
                let fraction = group[g].rest as f32 / self.l as f32;
                sums[g] += fraction * (next[g] - sums[g]);
            }
            y.extend_from_slice(&sums[..wanted]);
            left -= wanted;
        }
    }
}

/// Where an output lies: at `sample + (row + rest / l) / count` in input samples.
#[derive(Debug, Clone, Copy)]
struct Place {
    sample: usize,
    row: usize,
    rest: u64,
}

/// From output to output without division.
struct Steps {
    l: u64,
    m: u64,
    count: u64,
    sample: usize,
    row: usize,
    rest: u64,
}

impl Steps {
    fn new(l: u64, m: u64, count: u64) -> Steps {
        let Place { sample, row, rest } = Steps { l, m, count, sample: 0, row: 0, rest: 0 }.at(1);
        Steps { l, m, count, sample, row, rest }
    }

    fn at(&self, k: u64) -> Place {
        let ticks = k % self.l * self.m;
        let fine = ticks % self.l * self.count;
        Place {
            sample: (k / self.l * self.m + ticks / self.l) as usize,
            row: (fine / self.l) as usize,
            rest: fine % self.l,
        }
    }

    #[inline(always)]
    fn advance(&self, place: &mut Place) {
        place.sample += self.sample;
        place.row += self.row;
        place.rest += self.rest;
        if place.rest >= self.l {
            place.rest -= self.l;
            place.row += 1;
        }
        if place.row >= self.count as usize {
            place.row -= self.count as usize;
            place.sample += 1;
        }
    }
}

/// The `2 reach` taps for an output that lies `fraction` of an input period after input
/// `reach - 1` of its window; their sum is 1. `step` is the number of input samples per period of
/// the lower rate.
fn phase(fraction: f64, reach: usize, step: f64) -> Vec<f32> {
    let half = reach as f64;
    let cutoff = 2.0 * (0.5 - EDGE * step / (2.0 * half)) / step;
    let taps: Vec<f64> = (0..2 * reach)
        .map(|j| {
            let t = j as f64 + 1.0 - half - fraction;
            sinc(cutoff * t) * kaiser(BETA, t / half)
        })
        .collect();
    let gain: f64 = taps.iter().sum();
    taps.iter().map(|h| (h / gain) as f32).collect()
}

/// The runs of every phase of a small ratio, their taps in the order of the sums, and how many
/// samples of each stream a period needs beyond its own.
fn columns(l: usize, m: usize, reach: usize, step: f64) -> Scheme {
    let mut taps = Vec::new();
    let mut phases = Vec::new();
    for p in 0..l {
        let (offset, rest) = (p * m / l, p * m % l);
        let h = phase(rest as f64 / l as f64, reach, step);
        let mut runs = Vec::new();
        // Tap `j` meets sample `(offset + j) / m` of stream `(offset + j) % m`. A phase on or half
        // way between two samples is symmetric: its taps `j` and `last - j` are equal.
        let last =
            if rest == 0 { Some(2 * reach - 2) } else { (2 * rest == l).then_some(2 * reach - 1) };
        let count = last.map_or(2 * reach, |last| last.div_ceil(2));
        for j in 0..m.min(count) {
            let run: Vec<usize> = (j..count).step_by(m).collect();
            let begin = taps.len();
            taps.extend(run.iter().map(|&j| h[j]));
            let mirror = last.map(|last| {
                let innermost = offset + last - run[run.len() - 1];
                (innermost % m, innermost / m)
            });
            let (stream, start) = ((offset + j) % m, (offset + j) / m);
            runs.push(Run { stream, start, mirror, taps: begin..taps.len() });
        }
        if let Some(centre) = last.filter(|last| last % 2 == 0).map(|last| last / 2) {
            let (stream, start) = ((offset + centre) % m, (offset + centre) / m);
            runs.push(Run { stream, start, mirror: None, taps: taps.len()..taps.len() + 1 });
            taps.push(h[centre]);
        }
        phases.push(runs);
    }
    Scheme::Columns { phases, taps, ahead: (m - 1 + 2 * reach).div_ceil(m) }
}

/// `W` outputs of one phase, from period `at` on.
#[inline(always)]
fn column_block<const W: usize>(
    runs: &[Run],
    taps: &[f32],
    streams: &[f32],
    stride: usize,
    at: usize,
) -> [f32; W] {
    let mut sums = [0.0; W];
    for run in runs {
        let taps = &taps[run.taps.clone()];
        let samples = |stream: usize, start: usize| {
            let begin = stream * stride + start + at;
            &streams[begin..begin + taps.len() + W - 1]
        };
        let ahead = samples(run.stream, run.start).windows(W);
        match run.mirror {
            None => {
                for (h, x) in taps.iter().zip(ahead) {
                    for i in 0..W {
                        sums[i] += h * x[i];
                    }
                }
            }
            Some((stream, start)) => {
                let back = samples(stream, start).windows(W).rev();
                for ((h, a), b) in taps.iter().zip(ahead).zip(back) {
                    for i in 0..W {
                        sums[i] += h * (a[i] + b[i]);
                    }
                }
            }
        }
    }
    sums
}

/// `G` phases, each for one output per lane.
#[inline(always)]
fn lane_sums<const G: usize>(
    taps: &[&[f32]; G],
    x: &[&[[f32; LANES]]; G],
    n: usize,
) -> [[f32; LANES]; G] {
    let (mut h, mut v) = (*taps, *x);
    for g in 0..G {
        h[g] = &taps[g][..n];
        v[g] = &x[g][..n];
    }
    let mut sums = [[0.0; LANES]; G];
    for j in 0..n {
        for g in 0..G {
            for lane in 0..LANES {
                sums[g][lane] += h[g][j] * v[g][j][lane];
            }
        }
    }
    sums
}

/// `rows[t][i] = x[i m + t]`. Not inlined, so that it is compiled without the wide instruction sets,
/// for which the compiler would choose gathers that are slower than shuffles.
#[inline(never)]
fn gather_lanes(x: &[f32], m: usize, rows: &mut [[f32; LANES]]) {
    let (fours, rest) = rows.as_chunks_mut::<4>();
    for i in (0..LANES).step_by(4) {
        let lane = |i: usize| &x[i * m..i * m + fours.len() * 4 + rest.len()];
        let lanes = [lane(i), lane(i + 1), lane(i + 2), lane(i + 3)];
        let (a, b) = (lanes[0].as_chunks::<4>().0, lanes[1].as_chunks::<4>().0);
        let (c, d) = (lanes[2].as_chunks::<4>().0, lanes[3].as_chunks::<4>().0);
        for ((((rows, a), b), c), d) in fours.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            for t in 0..4 {
                rows[t][i..i + 4].copy_from_slice(&[a[t], b[t], c[t], d[t]]);
            }
        }
        let done = fours.len() * 4;
        for (t, row) in rest.iter_mut().enumerate() {
            for j in 0..4 {
                row[i + j] = lanes[j][done + t];
            }
        }
    }
}

/// `y[i l + p] = rows[p][i]` for the `l` rows.
#[inline(never)]
fn scatter_lanes(rows: &[[f32; LANES]], y: &mut [f32]) {
    for (i, y) in y.chunks_exact_mut(rows.len()).enumerate() {
        for (y, row) in y.iter_mut().zip(rows) {
            *y = row[i];
        }
    }
}

/// `G` inner products of equal length, each in 16 partial sums that are added as a tree.
#[inline(always)]
fn dots<const G: usize>(taps: &[&[f32]; G], x: &[&[f32]; G]) -> [f32; G] {
    let n = taps[0].len() / LANES;
    let mut h = [taps[0].as_chunks::<LANES>().0; G];
    let mut v = h;
    for g in 0..G {
        h[g] = &taps[g].as_chunks::<LANES>().0[..n];
        v[g] = &x[g].as_chunks::<LANES>().0[..n];
    }
    let mut sums = [[0.0_f32; LANES]; G];
    for i in 0..n {
        for g in 0..G {
            for lane in 0..LANES {
                sums[g][lane] += h[g][i][lane] * v[g][i][lane];
            }
        }
    }
    let mut totals = [0.0; G];
    for g in 0..G {
        totals[g] = tree(sums[g]);
    }
    totals
}

#[inline(always)]
fn tree(s: [f32; LANES]) -> f32 {
    let mut eight = [0.0; 8];
    for i in 0..8 {
        eight[i] = s[i] + s[i + 8];
    }
    let mut four = [0.0; 4];
    for i in 0..4 {
        four[i] = eight[i] + eight[i + 4];
    }
    (four[0] + four[2]) + (four[1] + four[3])
}

/// The inputs `begin .. begin + len`, where `x[0]` is input `base` and the rest is zero: a part of
/// `x` itself where it holds them all, else a copy in `line`.
#[inline(always)]
fn window<'a>(
    x: &'a [f32],
    base: i64,
    begin: i64,
    len: usize,
    line: &'a mut Vec<f32>,
) -> &'a [f32] {
    let begin = begin - base;
    let end = begin + len as i64;
    if begin >= 0 && end <= x.len() as i64 {
        return &x[begin as usize..end as usize];
    }
    let from = begin.clamp(0, x.len() as i64);
    let to = end.clamp(from, x.len() as i64);
    line.clear();
    line.resize((from - begin).clamp(0, len as i64) as usize, 0.0);
    line.extend_from_slice(&x[from as usize..to as usize]);
    line.resize(len, 0.0);
    line
}

/// Every `m`-th sample of `x` from sample `r` on to row `r` of `streams`. Not inlined: see
/// [`gather_lanes`].
#[inline(never)]
fn deinterleave(x: &[f32], m: usize, streams: &mut [f32]) {
    #[inline(always)]
    fn fixed<const M: usize>(x: &[f32], streams: &mut [f32]) {
        let x = x.as_chunks::<M>().0;
        for (r, stream) in streams.chunks_exact_mut(x.len()).enumerate() {
            for (s, x) in stream.iter_mut().zip(x) {
                *s = x[r];
            }
        }
    }
    match m {
        2 => fixed::<2>(x, streams),
        3 => fixed::<3>(x, streams),
        _ => {
            for (r, stream) in streams.chunks_exact_mut(x.len() / m).enumerate() {
                for (s, x) in stream.iter_mut().zip(x.chunks_exact(m)) {
                    *s = x[r];
                }
            }
        }
    }
}

/// The inverse of [`deinterleave`]: rows of equal length to every `l`-th sample of `y`.
#[inline(never)]
fn interleave(rows: &[f32], l: usize, y: &mut [f32]) {
    let n = rows.len() / l;
    match l {
        2 => {
            let (even, odd) = rows.split_at(n);
            for ((y, a), b) in y.as_chunks_mut::<2>().0.iter_mut().zip(even).zip(odd) {
                *y = [*a, *b];
            }
        }
        _ => {
            for (p, row) in rows.chunks_exact(n).enumerate() {
                for (y, x) in y.chunks_exact_mut(l).zip(row) {
                    y[p] = *x;
                }
            }
        }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Resampling from one integer rate to another: linear phase, no delay, the same bits for the whole
/// signal, for blocks and from the middle. The filter is described in the
/// [module](crate::audio::resample).
///
/// Cheap to make and to clone: the tables are computed once per ratio and shared.
#[derive(Debug, Clone)]
pub struct Resampler {
    plan: Arc<Plan>,
    from: u32,
    to: u32,
    isa: Isa,
}

impl Resampler {
    /// A resampler from `from` to `to`, both in Hz, from 1 Hz to 768 kHz and at most a factor of 256
    /// apart.
    pub fn new(from: u32, to: u32) -> Result<Resampler> {
        for rate in [from, to] {
            if !(1..=MAX_RATE).contains(&rate) {
                return Err(Error::new(
                    Code::BadRate,
                    format!("sampling rate is {rate} Hz, resampling takes 1 to {MAX_RATE} Hz"),
                ));
            }
        }
        if from.max(to).div_ceil(from.min(to)) > MAX_RATIO {
            return Err(Error::new(
                Code::BadRate,
                format!(
                    "resampling from {from} to {to} Hz, the rates may differ by a factor of at most \
                     {MAX_RATIO}; resample in two steps"
                ),
            ));
        }
        let d = gcd(from, to);
        let plan = Plan::cached((to / d).into(), (from / d).into());
        Ok(Resampler { plan, from, to, isa: Isa::best() })
    }

    /// The number of samples at `to` Hz for `n` samples at `from` Hz, as librosa counts them:
    /// `ceil(n · (to / from))` in double precision.
    ///
    /// Where the exact product is whole, the rounding of the ratio can add a sample to it.
    pub fn output_len(from: u32, to: u32, n: usize) -> usize {
        if from == to {
            return n;
        }
        (n as f64 * (f64::from(to) / f64::from(from))).ceil() as usize
    }

    /// The rate of the input, in Hz.
    pub fn from(&self) -> u32 {
        self.from
    }

    /// The rate of the output, in Hz.
    pub fn to(&self) -> u32 {
        self.to
    }

    /// The input samples that the outputs `out` depend on, without those before the start of the
    /// signal. Samples beyond its end count as zero.
    pub fn input_span(&self, out: Range<u64>) -> Range<u64> {
        let span = self.plan.span(out.start as i64..out.end as i64);
        span.start.max(0) as u64..span.end.max(0) as u64
    }

    /// The whole signal at the new rate, [`output_len`](Self::output_len) samples.
    pub fn process_whole(&self, x: &[f32]) -> Vec<f32> {
        let len = Self::output_len(self.from, self.to, x.len());
        let mut y = Vec::with_capacity(len);
        self.plan.compute(self.isa, 0..len as i64, x, 0, &mut y);
        y
    }

    /// A stream whose first output is `first_output`, and whose first pushed sample is input
    /// `first_input`, both counted from the start of the recording.
    ///
    /// Its outputs are those of the whole recording if `first_input` is not beyond the start of
    /// [`input_span`](Self::input_span) of `first_output`; else the samples before it count as zero.
    pub fn stream(&self, first_output: u64, first_input: u64) -> ResampleStream {
        ResampleStream {
            resampler: self.clone(),
            pending: Vec::new(),
            pending_start: first_input as i64,
            next: first_output as i64,
        }
    }
}

/// Samples that are copied to the pending ones at once, so that a long push does not double memory.
const PIECE: usize = 1 << 16;

/// Resampling of a signal that arrives in blocks. Holds as many samples as the filter is long.
#[derive(Debug, Clone)]
pub struct ResampleStream {
    resampler: Resampler,
    /// The inputs from `pending_start` on that outputs to come may depend on.
    pending: Vec<f32>,
    pending_start: i64,
    next: i64,
}

impl ResampleStream {
    /// Takes the next samples `x` and appends to `y` the outputs that depend on no later ones.
    pub fn push(&mut self, x: &[f32], y: &mut Vec<f32>) {
        for x in x.chunks(PIECE) {
            self.pending.extend_from_slice(x);
            let end = self.pending_start + self.pending.len() as i64;
            self.advance(self.resampler.plan.ready(end), y);
        }
    }

    /// Appends the outputs up to the end of the signal, which ends after the samples pushed so far:
    /// [`Resampler::output_len`] of all samples up to there, those before the stream included.
    pub fn finish(mut self, y: &mut Vec<f32>) {
        let end = self.pending_start as usize + self.pending.len();
        let len = Resampler::output_len(self.resampler.from, self.resampler.to, end);
        self.advance(len as i64, y);
    }

    /// The index of the next output.
    pub fn position(&self) -> u64 {
        self.next as u64
    }

    /// Appends the outputs before `end` and forgets the inputs that no later output needs.
    fn advance(&mut self, end: i64, y: &mut Vec<f32>) {
        let Resampler { plan, isa, .. } = &self.resampler;
        if end > self.next {
            plan.compute(*isa, self.next..end, &self.pending, self.pending_start, y);
            self.next = end;
        }
        let needed = plan.span(self.next..self.next + 1).start;
        let done = (needed - self.pending_start).clamp(0, self.pending.len() as i64);
        self.pending.drain(..done as usize);
        self.pending_start += done;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn noise(n: usize) -> Vec<f32> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    fn bits(y: &[f32]) -> Vec<u32> {
        y.iter().map(|y| y.to_bits()).collect()
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        // Columns, lanes and rows, with half-bands before and after.
        for (from, to) in [
            (48_000, 16_000),
            (16_000, 48_000),
            (8_000, 16_000),
            (16_000, 24_000),
            (44_100, 16_000),
            (16_000, 22_050),
            (8_000, 192_000),
            (44_100, 47_999),
            (96_000, 12_345),
        ] {
            let mut resampler = Resampler::new(from, to).unwrap();
            // Lengths that leave every remainder of every kernel.
            for n in [1, 777, 9_001] {
                let x = noise(n);
                resampler.isa = Isa::Portable;
                let portable = bits(&resampler.process_whole(&x));
                for &isa in Isa::available() {
                    resampler.isa = isa;
                    assert_eq!(bits(&resampler.process_whole(&x)), portable, "{from} {to} {isa:?}");
                }
            }
        }
    }

    #[test]
    fn the_schemes_are_chosen_as_documented() {
        let schemes = |from, to| -> Vec<&str> {
            let name = |stage: &Stage| match stage.scheme {
                Scheme::Columns { .. } => "columns",
                Scheme::Lanes { .. } => "lanes",
                Scheme::Rows { .. } => "rows",
            };
            Resampler::new(from, to).unwrap().plan.stages.iter().map(name).collect()
        };
        assert!(schemes(16_000, 16_000).is_empty());
        assert_eq!(schemes(8_000, 16_000), ["columns"]);
        assert_eq!(schemes(48_000, 16_000), ["columns", "columns"]);
        assert_eq!(schemes(44_100, 16_000), ["columns", "lanes"]);
        assert_eq!(schemes(44_100, 48_000), ["lanes"]);
        assert_eq!(schemes(44_100, 47_999), ["rows"]);
        assert_eq!(schemes(8_000, 192_000), ["columns"; 5]);
    }

    #[test]
    fn special_functions_agree_with_their_definitions() {
        for i in -4000..4000 {
            let x = f64::from(i) * 0.013;
            let expected = (std::f64::consts::PI * x).sin();
            // The library's argument is rounded: |x| · 2^-53 · π.
            assert!((sin_pi(x) - expected).abs() < 3e-14, "{x}");
        }
        // Abramowitz and Stegun, table 9.8.
        assert!((bessel_i0(1.0) - 1.266_065_877_752_008).abs() < 1e-14);
        assert!((bessel_i0(10.0) / 2_815.716_628_466_254 - 1.0).abs() < 1e-14);
    }

    #[test]
    fn the_cache_shares_tables_and_stays_small() {
        let plan = |from, to| Resampler::new(from, to).unwrap().plan;
        assert!(Arc::ptr_eq(&plan(4_000, 8_000), &plan(8_000, 16_000)));
        let kept = plan(8_000, 24_000);
        for to in 0..2 * CACHED as u32 {
            plan(8_000, 8_001 + 1_000 * to);
        }
        // Dropped from the cache, not from those who use it.
        assert_eq!(kept.stages.len(), plan(8_000, 24_000).stages.len());
    }
}
