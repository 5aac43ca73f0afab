//! Resampling between two integer rates by a linear-phase polyphase filter.
//!
//! # The filter
//!
//! One prototype serves all rates. With time in periods of the lower of the two rates it is the
//! Kaiser-windowed sinc
//!
//! ```text
//! h(t) = sinc(2 fc t) · I0(β √(1 - (2t/T)²)) / I0(β),   |t| < T/2
//! β = 10.3,   T ≥ 120,   fc = 0.5 - 3.3/T
//! ```
//!
//! which is flat within 0.02 dB up to 0.9 of the lower Nyquist frequency and more than 100 dB down
//! from the lower Nyquist on: the transition lies between the two. Each output sample is the sum of
//! `T · max(1, from/to)` products (120 for every upsampling, 360 for 48 → 16 kHz); each of the
//! filter's phases is scaled to a gain of exactly 1 at 0 Hz. The delay is removed: output `k` is the
//! signal at the time `k / to`, and the signal is zero outside the samples that are given.
//!
//! # The same bits
//!
//! Output `k` is a sum over a window of input that depends on `k` alone, in an order that depends on
//! the pair of rates alone. So blocks of any size, a start in the middle, and the whole signal give
//! the same bits, and so do all instruction sets: products and sums are rounded one by one (no fused
//! multiply-add), and the order belongs to the definition:
//!
//! * *columns*, where both terms of the reduced ratio are small (48 → 16, 16 → 48, 8 → 16 kHz): many
//!   outputs of one phase side by side, each summed on its own, outermost taps first, mirrored taps
//!   added before they are multiplied.
//! * *rows*, for all other ratios: one output at a time in 16 interleaved partial sums, which are
//!   then added as a tree. Where the exact phases would make a table larger than 1024 rows for the
//!   prototype (44100 → 47999), the two nearest of 1024 phases are interpolated linearly, an error
//!   below -115 dB.
//!
//! A sample that is NaN or infinite reaches only the outputs whose window holds it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::error::{Code, Error, Result};

/// Kaiser's β: side lobes of the step response at -103 dB.
const BETA: f64 = 10.3;
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
const COLUMN_PERIODS: usize = 1024;
/// Outputs that the row scheme takes at once.
const ROW_OUTPUTS: u64 = 1024;
/// Largest rate, in Hz.
const MAX_RATE: u32 = 768_000;
/// Largest ratio of the two rates: the filter has 120 times as many taps.
const MAX_RATIO: u32 = 256;
/// Tables kept for later use, each of at most a few megabytes.
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
    /// Equal rates.
    Identity,
    /// Runs of each of the `l` phases, and the samples per stream that a period reaches ahead.
    Columns { phases: Vec<Vec<Run>>, taps: Vec<f32>, ahead: usize },
    /// Row `p` holds the taps of the outputs `k` with `k % l == p`.
    Rows { taps: Vec<f32> },
    /// Row `i` holds the taps of the fraction `i / count`, `0 ≤ i ≤ count`.
    Interpolated { taps: Vec<f32>, count: u64 },
}

/// The tables of one reduced ratio `l / m`.
#[derive(Debug)]
struct Plan {
    l: u64,
    m: u64,
    /// Half the window: output at input time `n + fraction` reads `n - reach + 1 ..= n + reach`.
    reach: usize,
    scheme: Scheme,
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
    let mut sum = 0.0;
    for k in (1..=11).rev() {
        let k = k as f64;
        sum = (1.0 + sum) * -r2 / (2.0 * k * (2.0 * k + 1.0));
    }
    let s = r * (1.0 + sum);
    if n.rem_euclid(2.0) == 0.0 { s } else { -s }
}

/// Modified Bessel function of the first kind and order 0, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let q = 0.25 * x * x;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-17 {
        term *= q / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

impl Plan {
    fn new(l: u64, m: u64) -> Plan {
        if l == m {
            return Plan { l, m, reach: 0, scheme: Scheme::Identity };
        }
        // Input samples per period of the lower rate.
        let step = (m as f64 / l as f64).max(1.0);
        let half = (0.5 * LENGTH * step).ceil() as usize;
        if l.max(m) <= MAX_COLUMN_RATIO {
            let (phases, taps, ahead) = columns(l, m, half, step);
            return Plan { l, m, reach: half, scheme: Scheme::Columns { phases, taps, ahead } };
        }
        let reach = half.next_multiple_of(LANES / 2);
        let count = (PHASES as f64 / step).ceil() as u64;
        let mut taps = Vec::new();
        let scheme = if l <= count {
            for p in 0..l {
                taps.extend(phase(((p * m) % l) as f64 / l as f64, reach, step));
            }
            Scheme::Rows { taps }
        } else {
            for i in 0..=count {
                taps.extend(phase(i as f64 / count as f64, reach, step));
            }
            Scheme::Interpolated { taps, count }
        };
        Plan { l, m, reach, scheme }
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

    /// The input sample at or before output `k`.
    fn floor(&self, k: u64) -> i64 {
        (k / self.l * self.m + k % self.l * self.m / self.l) as i64
    }

    /// Number of outputs whose window ends before input `end`.
    fn ready(&self, end: u64) -> u64 {
        let n = end.saturating_sub(self.reach as u64);
        n / self.m * self.l + (n % self.m * self.l).div_ceil(self.m)
    }

    /// Appends the outputs `out`; `x[0]` is input `base`, and inputs outside `x` are zero.
    fn compute(&self, isa: Isa, out: Range<u64>, x: &[f32], base: u64, y: &mut Vec<f32>) {
        match isa {
            Isa::Portable => self.compute_as::<32, 2>(out, x, base, y),
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
    fn compute_avx2(&self, out: Range<u64>, x: &[f32], base: u64, y: &mut Vec<f32>) {
        self.compute_as::<64, 4>(out, x, base, y);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    fn compute_avx512(&self, out: Range<u64>, x: &[f32], base: u64, y: &mut Vec<f32>) {
        self.compute_as::<128, 4>(out, x, base, y);
    }

    /// The body that is compiled once per instruction set: `W` outputs side by side in columns,
    /// `G` outputs at once in rows. Neither changes the order of any sum.
    #[inline(always)]
    fn compute_as<const W: usize, const G: usize>(
        &self,
        out: Range<u64>,
        x: &[f32],
        base: u64,
        y: &mut Vec<f32>,
    ) {
        match &self.scheme {
            Scheme::Identity => {
                let mut line = Vec::new();
                let len = (out.end - out.start) as usize;
                y.extend_from_slice(window(x, base, out.start as i64, len, &mut line));
            }
            Scheme::Columns { phases, taps, ahead } => {
                self.columns_as::<W>(phases, taps, *ahead, out, x, base, y);
            }
            Scheme::Rows { taps } => self.rows_as::<G, false>(taps, self.l, out, x, base, y),
            Scheme::Interpolated { taps, count } => {
                self.rows_as::<G, true>(taps, *count, out, x, base, y);
            }
        }
    }

    #[inline(always)]
    fn columns_as<const W: usize>(
        &self,
        phases: &[Vec<Run>],
        taps: &[f32],
        ahead: usize,
        out: Range<u64>,
        x: &[f32],
        base: u64,
        y: &mut Vec<f32>,
    ) {
        const NARROW: usize = 16;
        let (l, m) = (self.l as usize, self.m as usize);
        let (mut line, mut streams) = (Vec::new(), Vec::new());
        let mut sums: Vec<f32> = Vec::new();
        let mut k = out.start;
        while k < out.end {
            // Whole periods, of which the first and the last may be wanted in part.
            let first = k / self.l;
            let periods = (out.end.div_ceil(self.l) - first).min(COLUMN_PERIODS as u64) as usize;
            let padded = periods.next_multiple_of(NARROW);
            let stride = padded + ahead;
            let begin = (first * self.m) as i64 + 1 - self.reach as i64;
            let input = window(x, base, begin, stride * m, &mut line);
            let streams: &[f32] = if m == 1 {
                input
            } else {
                streams.resize(stride * m, 0.0);
                deinterleave(input, m, &mut streams);
                &streams
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
            let end = out.end.min((first + periods as u64) * self.l);
            let (from, to) = ((k - first * self.l) as usize, (end - first * self.l) as usize);
            if l == 1 {
                y.extend_from_slice(&sums[from..to]);
            } else {
                let old = y.len();
                y.resize(old + to - from, 0.0);
                for (i, y) in y[old..].iter_mut().enumerate() {
                    *y = sums[(from + i) % l * padded + (from + i) / l];
                }
            }
            k = end;
        }
    }

    #[inline(always)]
    fn rows_as<const G: usize, const INTERPOLATED: bool>(
        &self,
        taps: &[f32],
        count: u64,
        out: Range<u64>,
        x: &[f32],
        base: u64,
        y: &mut Vec<f32>,
    ) {
        let n = 2 * self.reach;
        let mut line = Vec::new();
        let mut k = out.start;
        while k < out.end {
            let end = out.end.min(k + ROW_OUTPUTS);
            let begin = self.floor(k) + 1 - self.reach as i64;
            let len = (self.floor(end - 1) + 1 + self.reach as i64 - begin) as usize;
            let input = window(x, base, begin, len, &mut line);
            while k < end {
                // A group that is not full repeats its last output.
                let mut at = [(0, 0, 0.0); G];
                for (g, at) in at.iter_mut().enumerate() {
                    let k = (k + g as u64).min(end - 1);
                    let start = (self.floor(k) + 1 - self.reach as i64 - begin) as usize;
                    let (row, fraction) = if INTERPOLATED {
                        let position = k % self.l * self.m % self.l * count;
                        (position / self.l, (position % self.l) as f32 / self.l as f32)
                    } else {
                        (k % self.l, 0.0)
                    };
                    *at = (start, row as usize * n, fraction);
                }
                let xs = at.map(|(start, _, _)| &input[start..start + n]);
                let mut sums = dots(at.map(|(_, row, _)| &taps[row..row + n]), xs);
                if INTERPOLATED {
                    let next = dots(at.map(|(_, row, _)| &taps[row + n..row + 2 * n]), xs);
                    for g in 0..G {
                        sums[g] += at[g].2 * (next[g] - sums[g]);
                    }
                }
                let wanted = ((end - k) as usize).min(G);
                y.extend_from_slice(&sums[..wanted]);
                k += wanted as u64;
            }
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
            let u = 1.0 - (t / half) * (t / half);
            if u <= 0.0 {
                return 0.0;
            }
            let a = cutoff * t;
            let sinc = if a == 0.0 { 1.0 } else { sin_pi(a) / (std::f64::consts::PI * a) };
            sinc * bessel_i0(BETA * u.sqrt())
        })
        .collect();
    let gain: f64 = taps.iter().sum();
    taps.iter().map(|h| (h / gain) as f32).collect()
}

/// The runs of every phase of a small ratio, their taps in the order of the sums, and how many
/// samples of each stream a period needs beyond its own.
fn columns(l: u64, m: u64, reach: usize, step: f64) -> (Vec<Vec<Run>>, Vec<f32>, usize) {
    let (l, m) = (l as usize, m as usize);
    let mut taps = Vec::new();
    let mut phases = Vec::new();
    for p in 0..l {
        let (offset, rest) = (p * m / l, p * m % l);
        let h = phase(rest as f64 / l as f64, reach, step);
        let mut runs = Vec::new();
        // Tap `j` meets sample `(offset + j) / m` of stream `(offset + j) % m`. A phase on or half
        // way between two samples is symmetric: its taps `j` and `last - j` are equal.
        let last = if rest == 0 {
            Some(2 * reach - 2)
        } else {
            (2 * rest == l).then_some(2 * reach - 1)
        };
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
    (phases, taps, (m - 1 + 2 * reach).div_ceil(m))
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

/// `G` inner products of equal length, each in 16 partial sums that are added as a tree.
#[inline(always)]
fn dots<const G: usize>(taps: [&[f32]; G], x: [&[f32]; G]) -> [f32; G] {
    let taps = taps.map(|h| h.as_chunks::<LANES>().0);
    let x = x.map(|x| x.as_chunks::<LANES>().0);
    let n = taps[0].len();
    let mut sums = [[0.0_f32; LANES]; G];
    let taps = taps.map(|h| &h[..n]);
    let x = x.map(|x| &x[..n]);
    for i in 0..n {
        for g in 0..G {
            for lane in 0..LANES {
                sums[g][lane] += taps[g][i][lane] * x[g][i][lane];
            }
        }
    }
    sums.map(|s| {
        let eight: [f32; 8] = std::array::from_fn(|i| s[i] + s[i + 8]);
        let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
        (four[0] + four[2]) + (four[1] + four[3])
    })
}

/// The inputs `begin .. begin + len`, where `x[0]` is input `base` and the rest is zero: a part of
/// `x` itself where it holds them all, else a copy in `line`.
#[inline(always)]
fn window<'a>(
    x: &'a [f32],
    base: u64,
    begin: i64,
    len: usize,
    line: &'a mut Vec<f32>,
) -> &'a [f32] {
    let begin = begin - base as i64;
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

/// Every `m`-th sample of `x` from sample `r` on to row `r` of `streams`.
#[inline(always)]
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
    /// The rounding of the ratio can add a sample where the exact product is whole: three samples
    /// from 1 to 3 Hz ... are nine, 147 samples from 44.1 to 16 kHz can be one more than 160.
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
        let reach = self.plan.reach as i64;
        let first = self.plan.floor(out.start);
        if matches!(self.plan.scheme, Scheme::Identity) || out.is_empty() {
            return out.start..out.end.max(out.start);
        }
        let last = self.plan.floor(out.end - 1);
        (first + 1 - reach).max(0) as u64..(last + reach + 1) as u64
    }

    /// The whole signal at the new rate, [`output_len`](Self::output_len) samples.
    pub fn process_whole(&self, x: &[f32]) -> Vec<f32> {
        let len = Self::output_len(self.from, self.to, x.len());
        let mut y = Vec::with_capacity(len);
        self.plan.compute(self.isa, 0..len as u64, x, 0, &mut y);
        y
    }
}
