//! Perturbation of pitch periods: jitter, shimmer, and how far single periods are from their mean.

use super::Set;
use super::clock::Clock;
use super::parabola::vertex;
use crate::dsp::lanes::kernel;

/// Correlation of neighbouring periods from which they count as a match.
const MATCH: f64 = 0.5;
/// Periods correlated side by side.
const LAGS: usize = 8;
/// Level in dB of nothing at all.
const FLOOR_DB: f32 = -100.0;

/// Perturbation of the periods in one step of the frames.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PeriodValues {
    /// Mean difference of neighbouring periods over the mean period, at most 1.
    pub jitter: f32,
    /// Mean difference of neighbouring differences over the mean period, at most 1.
    pub jitter_ddp: f32,
    /// Mean difference of the amplitudes of neighbouring periods over their mean, at most 1.
    pub shimmer: f32,
    /// Level of the mean period over the level of what periods differ from it by, in dB.
    pub log_hnr: f32,
}

/// Shimmer in dB, `20 log10(1 + shimmer)`.
pub fn shimmer_db(shimmer: f32) -> f32 {
    (20.0 * (1.0 + f64::from(shimmer)).log10()) as f32
}

/// Walks along the waveform from period to period, guided by the F0 of the frames.
///
/// A period ends where the correlation of two neighbouring blocks of its length is highest. Frames
/// overlap, the walk does not: it stops where a frame's step ends and goes on from there with the
/// next frame.
#[derive(Debug, Clone)]
pub struct Periods {
    /// Seconds between samples.
    tick: f64,
    hop: usize,
    step: u64,
    /// Samples in a frame.
    frame: usize,
    /// Periods are sought within this share of 1 / F0 to both sides.
    range: f64,
    /// Whether to compare the periods' waveforms, which only ComParE_2016 does.
    waveforms: bool,
    /// Next sample of the walk.
    next: u64,
    /// Samples of the frames' steps that the walk has not covered yet.
    left: usize,
    memory: Memory,
    work: Workspace,
}

/// What a frame takes over from the voiced frames directly before it; all 0 after an unvoiced one.
#[derive(Debug, Clone, Copy, Default)]
struct Memory {
    /// The latest period in s, and its difference from the one before.
    period: f32,
    difference: f32,
    jitter: f32,
    jitter_ddp: f32,
    shimmer: f32,
}

/// Working memory, without allocation from one frame to the next.
#[derive(Debug, Clone, Default)]
struct Workspace {
    wave: Vec<f64>,
    correlation: Vec<f64>,
    /// Where the matching periods start, and where the last of them ends.
    starts: Vec<usize>,
    average: Vec<f32>,
}

/// Sum and number of values.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f32,
    count: u32,
}

impl Mean {
    fn add(&mut self, x: f32) {
        self.sum += x;
        self.count += 1;
    }

    /// The mean of the differences `self`, relative to the mean of `periods`, at most 1; `held` if
    /// there are no periods, 0 if there are no differences. What there is becomes `held`.
    fn relative(&self, periods: &Self, held: &mut f32) -> f32 {
        if periods.count == 0 {
            return *held;
        }
        if self.count == 0 {
            return 0.0;
        }
        let mean = |m: &Self| m.sum / m.count as f32;
        *held = (mean(self) / mean(periods)).min(1.0);
        *held
    }
}

/// Lengths of a period in samples.
#[derive(Debug, Clone, Copy)]
struct Lags {
    expected: usize,
    shortest: usize,
    longest: usize,
}

/// Sums over the matching periods of a frame.
#[derive(Debug, Clone, Copy, Default)]
struct Walk {
    periods: Mean,
    differences: Mean,
    second_differences: Mean,
    amplitude: f32,
    amplitude_difference: f32,
}

impl Periods {
    /// For the frames of `clock`: periods within 10 % of the pitch for eGeMAPSv02, 25 % and with
    /// `log_hnr` for ComParE_2016.
    pub fn new(clock: &Clock, set: Set) -> Self {
        let tick = 1.0 / f64::from(clock.sr);
        Self {
            tick,
            // Rounded up where a frame's step is rounded: one more at 11025 Hz.
            hop: (0.010 / tick).ceil() as usize,
            step: clock.step as u64,
            frame: clock.long.n,
            range: if set == Set::Egemaps { 0.1 } else { 0.25 },
            waveforms: set == Set::Compare,
            next: 0,
            left: 0,
            memory: Memory::default(),
            work: Workspace::default(),
        }
    }

    /// First sample that frame `k`, the next one, and those behind it may read.
    pub fn needed(&self, k: u64) -> u64 {
        self.next.min(k * self.step)
    }

    /// Values of frame `k`; frames come in order. `f0` is 0 if the frame is unvoiced. `wave` holds
    /// the samples from number `wave_start` on, from [`Self::needed`] to the end of the frame at
    /// least: nothing behind the frame is read.
    pub fn frame(&mut self, k: u64, f0: f32, wave: &[f32], wave_start: u64) -> PeriodValues {
        let start = k * self.step;
        let own = self.hop + self.left;
        let most = if start == self.next + self.left as u64 {
            self.left + self.frame
        } else {
            // Steps and samples have come apart, or this is the first frame.
            self.next = start;
            self.frame
        };
        if f0 <= 0.0 {
            self.next += own as u64;
            self.left = 0;
            self.memory = Memory::default();
            return PeriodValues { log_hnr: FLOOR_DB, ..PeriodValues::default() };
        }
        let lags = self.lags(f0);
        let length = own.max(2 * lags.longest + 2).min(most);
        let block = &wave[(self.next - wave_start) as usize..][..length];
        let (values, advance) = self.walk(block, lags, own);
        self.next += advance as u64;
        self.left = own - advance;
        values
    }

    fn lags(&self, f0: f32) -> Lags {
        let period = 1.0 / f64::from(f0) / self.tick;
        Lags {
            expected: period.round() as usize,
            shortest: ((1.0 - self.range) * period).floor() as usize,
            longest: ((1.0 + self.range) * period).ceil() as usize,
        }
    }

    /// Goes through `block` period by period. Also returns where the walk stands when `own` samples
    /// are covered.
    fn walk(&mut self, block: &[f32], lags: Lags, own: usize) -> (PeriodValues, usize) {
        let Workspace { wave, correlation, starts, .. } = &mut self.work;
        wave.clear();
        wave.extend(block.iter().map(|&x| f64::from(x)));
        // Lags are correlated in groups, which reach past the longest one.
        wave.resize(block.len() + 4 * LAGS, 0.0);
        correlation.clear();
        // The longest lag is no candidate, nor the neighbour of one.
        correlation.resize((lags.longest - lags.shortest).next_multiple_of(LAGS), 0.0);
        starts.clear();
        let (mut walk, mut last) = (Walk::default(), lags.expected);
        let (mut at, mut advance) = (0, 0);
        while at + 2 * lags.longest + 1 < block.len() {
            correlate::<LAGS>(&wave[at..], lags.shortest, correlation);
            let Some((q, offset, height)) = peak(&correlation[..lags.longest - lags.shortest])
            else {
                at += lags.expected;
                advance = if at + 1 < own { at } else { advance };
                continue;
            };
            let length = lags.shortest + q;
            if height > MATCH {
                let period = ((lags.shortest as f64 + offset) * self.tick) as f32;
                walk.period(period, &mut self.memory);
                walk.amplitudes(&block[at..][..length], &block[at + length..][..length]);
            }
            // Whether it matches or not.
            starts.push(at);
            last = length;
            at += length;
            advance = if at + 1 < own { at } else { advance };
        }
        starts.push(at);
        let log_hnr =
            if self.waveforms { self.work.log_hnr(block, lags.expected, last) } else { 0.0 };
        (walk.values(&mut self.memory, log_hnr), advance)
    }
}

impl Walk {
    fn period(&mut self, period: f32, memory: &mut Memory) {
        self.periods.add(period);
        if memory.period > 0.0 {
            let difference = (memory.period - period).abs();
            self.differences.add(difference);
            if memory.difference > 0.0 {
                self.second_differences.add((memory.difference - difference).abs());
            }
            memory.difference = difference;
        }
        memory.period = period;
    }

    fn amplitudes(&mut self, first: &[f32], second: &[f32]) {
        let (a, b) = (amplitude(first), amplitude(second));
        self.amplitude += (a + b) / 2.0;
        self.amplitude_difference += (a - b).abs();
    }

    fn values(&self, memory: &mut Memory, log_hnr: f32) -> PeriodValues {
        if self.periods.count > 0 {
            let positive = self.amplitude > 0.0;
            memory.shimmer =
                if positive { self.amplitude_difference / self.amplitude } else { 0.0 };
        }
        PeriodValues {
            jitter: self.differences.relative(&self.periods, &mut memory.jitter),
            jitter_ddp: self.second_differences.relative(&self.periods, &mut memory.jitter_ddp),
            shimmer: memory.shimmer.min(1.0),
            log_hnr,
        }
    }
}

/// Peak to peak, without the first and the last sample.
fn amplitude(block: &[f32]) -> f32 {
    let mut range = [0.0];
    peak_to_peak::<16>(&block[1..block.len() - 1], &mut range);
    range[0]
}

kernel! {
    fn peak_to_peak / peak_to_peak_with<; L>(block: &[f32], range: &mut [f32; 1]) {
        let (mut low, mut high) = ([f32::INFINITY; L], [f32::NEG_INFINITY; L]);
        let (rows, rest) = block.as_chunks::<L>();
        for row in rows {
            for l in 0..L {
                low[l] = if row[l] < low[l] { row[l] } else { low[l] };
                high[l] = if row[l] > high[l] { row[l] } else { high[l] };
            }
        }
        let mut ends = (f32::INFINITY, f32::NEG_INFINITY);
        for &x in rest {
            ends = (ends.0.min(x), ends.1.max(x));
        }
        for l in 0..L {
            ends = (ends.0.min(low[l]), ends.1.max(high[l]));
        }
        range[0] = ends.1 - ends.0;
    }
}

/// The highest strict local maximum, the first of equal ones: its index, and the vertex of the
/// parabola around it. NaN is no maximum and has none beside it.
fn peak(correlation: &[f64]) -> Option<(usize, f64, f64)> {
    let mut best = None;
    let mut height = f64::NEG_INFINITY;
    for (i, w) in correlation.windows(3).enumerate() {
        if w[0] < w[1] && w[1] > w[2] && w[1] > height {
            (best, height) = (Some(i + 1), w[1]);
        }
    }
    best.map(|q| {
        let x = [q - 1, q, q + 1].map(|q| q as f64);
        let (at, value) = vertex(x, [correlation[q - 1], correlation[q], correlation[q + 1]]);
        (q, at, value)
    })
}

kernel! {
    /// Correlation coefficients of `wave[..p]` and `wave[p..2 p]` for the lengths `p` from `shortest`
    /// on, as many as `out` holds, a multiple of `L`; `wave` is longer by `2 L` than it takes. NaN if
    /// one of the two is constant.
    fn correlate / correlate_with<; L>(wave: &[f64], shortest: usize, out: &mut [f64]) {
        // Sums and sums of squares of wave[..p] and wave[..2 p], carried from one length to the next.
        let (mut one, mut both) = ([0.0; 2], [0.0; 2]);
        for (total, end) in [(&mut one, shortest), (&mut both, 2 * shortest)] {
            let (mut sum, mut square) = ([0.0; L], [0.0; L]);
            let (rows, rest) = wave[..end].as_chunks::<L>();
            for row in rows {
                for l in 0..L {
                    sum[l] += row[l];
                    square[l] += row[l] * row[l];
                }
            }
            for (l, &x) in rest.iter().enumerate() {
                sum[l] += x;
                square[l] += x * x;
            }
            for l in 0..L {
                total[0] += sum[l];
                total[1] += square[l];
            }
        }
        for (group, out) in out.as_chunks_mut::<L>().0.iter_mut().enumerate() {
            let base = shortest + group * L;
            let y = &wave[base..];
            // Four running sums, over a quarter each: additions wait for each other.
            let mut dots = [[0.0; L]; 4];
            let quarter = base / 4;
            let part = |r: usize| {
                let rows = y[r * quarter..][..quarter + L - 1].windows(L);
                wave[r * quarter..][..quarter].iter().zip(rows)
            };
            for (((a, b), c), d) in part(0).zip(part(1)).zip(part(2)).zip(part(3)) {
                for (dots, (x, row)) in dots.iter_mut().zip([a, b, c, d]) {
                    for l in 0..L {
                        dots[l] += x * row[l];
                    }
                }
            }
            for i in 4 * quarter..base + L - 1 {
                let (x, row) = (wave[i], &y[i..][..L]);
                for l in 0..L {
                    dots[3][l] += if i < base + l { x * row[l] } else { 0.0 };
                }
            }
            let (mut first, mut second) = ([[0.0; L]; 2], [[0.0; L]; 2]);
            for l in 0..L {
                for m in 0..2 {
                    first[m][l] = one[m];
                    second[m][l] = both[m] - one[m];
                }
                let p = base + l;
                let (x, y, z) = (wave[p], wave[2 * p], wave[2 * p + 1]);
                one = [one[0] + x, one[1] + x * x];
                both = [both[0] + (y + z), both[1] + (y * y + z * z)];
            }
            for l in 0..L {
                let p = (base + l) as f64;
                let dot = (dots[0][l] + dots[1][l]) + (dots[2][l] + dots[3][l]);
                let centred = |[sum, square]: [f64; 2]| square - sum * sum / p;
                let a = centred([first[0][l], first[1][l]]);
                let b = centred([second[0][l], second[1][l]]);
                // Of a constant, rounding leaves less than 1e-13 of its power; one step of 16 bits
                // in a period at full scale leaves more.
                let flat = (a <= 1e-13 * first[1][l]) | (b <= 1e-13 * second[1][l]);
                let r = (dot - first[0][l] * second[0][l] / p) / (a * b).sqrt();
                out[l] = if flat { f64::NAN } else { r };
            }
        }
    }
}

impl Workspace {
    /// Level of the mean waveform of `length` samples, over the starts of the periods in `block` and
    /// the end of the last one (`last` samples long), relative to the level of what they differ from
    /// it by. In single precision throughout: of exact periods, only its rounding is left.
    fn log_hnr(&mut self, block: &[f32], length: usize, last: usize) -> f32 {
        let Self { starts, average, .. } = self;
        let Some(&stop) = starts.last() else { return 0.0 };
        let end = block.len();
        average.clear();
        average.resize(length, 0.0);
        for &start in starts.iter() {
            for (a, x) in average.iter_mut().zip(&block[start..end.min(start + length)]) {
                *a += x;
            }
        }
        // What the end of the block cuts off from the last one stays a sum.
        let whole = length.min(end - stop);
        for a in &mut average[..whole] {
            *a /= starts.len() as f32;
        }
        let inner = average.get(3..whole.min(length - 2)).unwrap_or(&[]);
        let harmonic = inner.iter().fold(0.0, |sum, a| sum + a * a);
        let (mut noise, mut count) = (0.0, 0u32);
        for (i, &start) in starts.iter().enumerate() {
            let next = starts.get(i + 1).copied().unwrap_or(stop + last);
            let until = (next.min(start + length) - 2).min(end);
            for j in start + 2..until {
                let difference = block[j] - average[j - start];
                noise += difference * difference;
                count += 1;
            }
        }
        if noise <= 0.0 {
            return 0.0;
        }
        let ratio = (harmonic / (length - 4) as f32).sqrt() / (noise / count as f32).sqrt();
        ((20.0 * f64::from(ratio).log10()) as f32).max(FLOOR_DB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::lanes::Isa;

    const SR: u32 = 16_000;

    /// Decaying pulses of the given lengths and amplitudes in turn, `count` samples.
    fn pulses(lengths: &[usize], amplitudes: &[f32], count: usize) -> Vec<f32> {
        let cycle = lengths.iter().zip(amplitudes.iter().cycle()).cycle();
        let wave = cycle.flat_map(|(&n, &a)| {
            (0..n).map(move |i| a * (-(i as f32) / 20.0).exp() * (i as f32 * 0.7).cos())
        });
        wave.take(count).collect()
    }

    fn run(set: Set, f0: &[f32], wave: &[f32]) -> Vec<PeriodValues> {
        let clock = Clock::new(SR).unwrap();
        let mut periods = Periods::new(&clock, set);
        let value = |(k, &f0): (usize, &f32)| periods.frame(k as u64, f0, wave, 0);
        f0.iter().enumerate().map(value).collect()
    }

    #[test]
    fn exact_periods_have_no_perturbation() {
        let wave = pulses(&[100], &[0.5], 8000);
        for values in &run(Set::Compare, &[160.0; 40], &wave)[1..] {
            assert_eq!((values.jitter, values.jitter_ddp, values.shimmer), (0.0, 0.0, 0.0));
        }
    }

    #[test]
    fn alternating_lengths_are_jitter() {
        let wave = pulses(&[98, 102], &[0.5], 16000);
        let values = run(Set::Compare, &[160.0; 80], &wave);
        let mean = |of: fn(&PeriodValues) -> f32| {
            values[5..].iter().map(|v| f64::from(of(v))).sum::<f64>() / 75.0
        };
        // Lengths differ by 4 of 100; their differences by nothing. Blocks of two periods blur what
        // single samples decide.
        assert!((mean(|v| v.jitter) - 0.04).abs() < 4e-3, "{}", mean(|v| v.jitter));
        assert!(mean(|v| v.jitter_ddp) < 4e-3, "{}", mean(|v| v.jitter_ddp));
    }

    #[test]
    fn alternating_amplitudes_are_shimmer() {
        let wave = pulses(&[100, 100], &[0.5, 0.4], 8000);
        for values in &run(Set::Egemaps, &[160.0; 40], &wave)[1..] {
            // 0.1 of 0.45, in single precision.
            assert!((values.shimmer - 0.1 / 0.45).abs() < 1e-5, "{values:?}");
        }
        assert!((shimmer_db(1.0) - 6.0206).abs() < 1e-4);
    }

    #[test]
    fn noise_lowers_the_level_of_the_mean_period() {
        let level = |noise: f32| {
            let mut state = 1u32;
            let mut wave = pulses(&[100], &[0.5], 8000);
            for x in &mut wave {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *x += noise * ((state >> 8) as f32 / 16_777_216.0 - 0.5);
            }
            let values = run(Set::Compare, &[160.0; 40], &wave);
            values[1..].iter().map(|v| v.log_hnr).sum::<f32>() / 39.0
        };
        let (low, high) = (level(0.002), level(0.02));
        // Ten times the noise is 20 dB.
        assert!((low - high - 20.0).abs() < 1.0, "{low} {high}");
    }

    #[test]
    fn unvoiced_frames_have_no_values_and_no_memory() {
        let wave = pulses(&[100, 97], &[0.5, 0.4], 8000);
        let mut f0 = [160.0; 40];
        f0[20] = 0.0;
        let values = run(Set::Compare, &f0, &wave);
        assert_eq!(values[20], PeriodValues { log_hnr: FLOOR_DB, ..PeriodValues::default() });
        let mut alone = [0.0; 40];
        alone[21..].fill(160.0);
        assert_eq!(values[21..], run(Set::Compare, &alone, &wave)[21..]);
    }

    #[test]
    fn samples_before_the_needed_one_and_behind_the_frame_are_not_read() {
        for sr in [11_025, 16_000, 22_050, 48_000] {
            let clock = Clock::new(sr).unwrap();
            let length = sr as usize / 130;
            let wave = pulses(&[length, length + 2, length - 1], &[0.5, 0.4], sr as usize);
            let f0 = |k: u64| [131.0, 60.0, 0.0, 128.0, 400.0][k as usize % 17 % 5];
            let frames = clock.long.frames(wave.len(), clock.step) as u64;
            let (mut whole, mut pieces) =
                (Periods::new(&clock, Set::Compare), Periods::new(&clock, Set::Compare));
            for k in 0..frames {
                let from = pieces.needed(k);
                let end = k as usize * clock.step + clock.long.n;
                let piece = pieces.frame(k, f0(k), &wave[from as usize..end], from);
                assert_eq!(piece, whole.frame(k, f0(k), &wave, 0), "{sr} {k}");
            }
        }
    }

    #[test]
    fn correlations_are_those_of_the_definition() {
        let wave: Vec<f64> =
            pulses(&[61, 64], &[0.5], 400).iter().map(|&x| f64::from(x) + 0.2).collect();
        let mut fast = [0.0; 24];
        correlate::<LAGS>(&wave, 52, &mut fast);
        for (fast, p) in fast.iter().zip(52..) {
            let centred = |block: &[f64]| -> Vec<f64> {
                let mean = block.iter().sum::<f64>() / p as f64;
                block.iter().map(|x| x - mean).collect()
            };
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (a, b) = (centred(&wave[..p]), centred(&wave[p..2 * p]));
            let r = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
            // Rounding of sums of 60 products, and of taking the mean out afterwards.
            assert!((fast - r).abs() < 1e-13, "{p} {fast} {r}");
        }
    }

    #[test]
    fn constants_correlate_with_nothing() {
        let mut out = [0.0; 16];
        for level in [0.0, 0.3, 1.0] {
            // A constant block beside one that is not.
            let mut wave = vec![level; 300];
            wave[90] += 1.0 / 32_767.0;
            correlate::<LAGS>(&wave, 50, &mut out);
            assert!(out.iter().all(|r| r.is_nan()), "{level} {out:?}");
            assert!(peak(&out).is_none());
        }
    }

    #[test]
    fn the_smallest_step_at_full_scale_is_no_constant() {
        let mut wave = vec![1.0; 3000];
        (wave[10], wave[1000]) = (1.0 - 1.0 / 32_767.0, 1.0 - 1.0 / 32_767.0);
        let mut out = [0.0; 16];
        correlate::<LAGS>(&wave, 985, &mut out);
        assert!(out.iter().all(|r| r.is_finite()));
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let samples = pulses(&[61, 64], &[0.5], 400);
        let wave: Vec<f64> = samples.iter().map(|&x| f64::from(x)).collect();
        let run = |isa| {
            let (mut out, mut range) = ([0.0; 24], [0.0; 1]);
            correlate_with::<LAGS>(isa, &wave, 52, &mut out);
            peak_to_peak_with::<16>(isa, &samples[3..95], &mut range);
            (out, range)
        };
        assert_eq!(run(Isa::Portable), run(Isa::Avx2));
        assert_eq!(run(Isa::Portable), run(Isa::Avx512));
    }
}
