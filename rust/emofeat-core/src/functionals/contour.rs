//! One contour and what the functionals share about it, each computed when first asked for.

use super::Settings;
use super::peaks::{self, Peaks, Turn};
use super::prediction::{self, Prediction};
use super::regression::{self, Regression};
use super::segments::{self, Lengths};
use crate::dsp::lanes::{Real, kernel};

/// Values summed side by side; the partial sums are added in order at the end, so a sum has the same
/// bits on every machine.
pub(super) const LANES: usize = 8;

/// Smallest and largest value.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extremes {
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Index of the first smallest value.
    pub min_at: usize,
    /// Index of the first largest value.
    pub max_at: usize,
}

impl Extremes {
    /// Distance between them.
    pub fn range(&self) -> f64 {
        self.max - self.min
    }
}

/// Sums over a contour.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sums {
    /// Sum of the values.
    pub values: f64,
    /// Sum of the magnitudes.
    pub sizes: f64,
    /// Sum of the squares.
    pub squares: f64,
    /// Sum of the positive values.
    pub positive: f64,
    /// Number of positive values.
    pub positives: f64,
}

/// Sums of powers of the distance from the mean, divided by the number of values.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moments {
    /// Variance.
    pub second: f64,
    /// Third central moment.
    pub third: f64,
    /// Fourth central moment.
    pub fourth: f64,
}

/// Shares of frames above fractions of the range, and of those that rise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    /// Share of the values above minimum + 25, 50, 75, 90 % of the range.
    pub above: [f64; 4],
    /// Share of the steps that go up.
    pub rising: f64,
    /// Share of the inner values that curve to the left.
    pub left_curved: f64,
}

#[derive(Debug, Default)]
struct Known {
    extremes: Option<Extremes>,
    sums: Option<Sums>,
    log_mean: Option<f64>,
    moments: Option<Moments>,
    sorted: bool,
    times: Option<Times>,
    regression: Option<Regression>,
    prediction: Option<Prediction>,
    peaks: Option<Peaks>,
    crossings: Option<Lengths>,
    nonzero: Option<Lengths>,
    zero: Option<Lengths>,
}

/// A contour, with room for what is computed from it; [`Contour::load`] reuses that room.
///
/// Values must not be NaN.
#[derive(Debug, Default)]
pub struct Contour<T> {
    /// As loaded.
    frames: Vec<T>,
    /// What is left without zeros, if they were to be left out.
    kept: Vec<T>,
    nonzero: bool,
    sorted: Vec<T>,
    turns: Vec<Turn<T>>,
    shifted: Vec<T>,
    known: Known,
}

impl<T: Real> Contour<T> {
    /// Takes the contour `frames`; with `nonzero`, functionals see only those that are not 0, side by
    /// side, except those that are about zeros.
    pub fn load(&mut self, frames: &[T], nonzero: bool) {
        self.known = Known::default();
        self.nonzero = nonzero;
        self.frames.clear();
        self.frames.extend_from_slice(frames);
        self.kept.clear();
        if nonzero {
            self.kept.extend(frames.iter().copied().filter(|x| *x != T::ZERO));
        }
    }

    /// What the functionals see.
    pub fn values(&self) -> &[T] {
        if self.nonzero { &self.kept } else { &self.frames }
    }

    /// Number of values, as a number to divide by.
    pub fn count(&self) -> f64 {
        self.values().len() as f64
    }

    /// Mean of the values.
    pub fn mean(&mut self) -> f64 {
        self.sums().values / self.count()
    }

    /// Share of the frames that are not 0.
    pub fn nonzero_share(&self) -> f64 {
        let zeros = self.frames.iter().filter(|x| **x == T::ZERO).count();
        1.0 - zeros as f64 / self.frames.len() as f64
    }

    /// Smallest and largest value.
    pub fn extremes(&mut self) -> Extremes {
        let values = if self.nonzero { &self.kept } else { &self.frames };
        *self.known.extremes.get_or_insert_with(|| {
            let (mut min, mut max) = (T::ZERO, T::ZERO);
            ends::<T, LANES>(values, &mut min, &mut max);
            let first = |y: T| values.iter().position(|x| *x == y).unwrap_or(0);
            let (min_at, max_at) = (first(min), first(max));
            Extremes { min: min.f64(), max: max.f64(), min_at, max_at }
        })
    }

    /// Sums over the values.
    pub fn sums(&mut self) -> Sums {
        let values = if self.nonzero { &self.kept } else { &self.frames };
        *self.known.sums.get_or_insert_with(|| {
            let mut out = Sums::default();
            add_up::<T, LANES>(values, &mut out);
            out
        })
    }

    /// Mean of the natural logarithm of the magnitude of the values that are not 0; 0 if there are none.
    pub fn log_mean(&mut self) -> f64 {
        let values = if self.nonzero { &self.kept } else { &self.frames };
        *self.known.log_mean.get_or_insert_with(|| {
            let mut mean = 0.0;
            mean_of_logs::<T, LANES>(values, &mut mean);
            mean
        })
    }

    /// Central moments.
    pub fn moments(&mut self) -> Moments {
        let mean = self.mean();
        let values = if self.nonzero { &self.kept } else { &self.frames };
        *self.known.moments.get_or_insert_with(|| {
            let mut out = Moments::default();
            add_powers::<T, LANES>(values, mean, &mut out);
            out
        })
    }

    /// The value below which the share `p` (0 to 1) of the values lies, between neighbours by a line.
    pub fn percentile(&mut self, p: f64) -> f64 {
        if !self.known.sorted {
            self.known.sorted = true;
            self.sorted.clear();
            let values = if self.nonzero { &self.kept } else { &self.frames };
            self.sorted.extend_from_slice(values);
            // There are no NaN, so this is one comparison.
            let order = |a: &T, b: &T| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal);
            self.sorted.sort_unstable_by(order);
        }
        let place = p * (self.sorted.len() - 1) as f64;
        let low = self.sorted[place.floor() as usize].f64();
        let high = self.sorted[place.ceil() as usize].f64();
        low + place.fract() * (high - low)
    }

    /// Levels and slopes in time.
    pub fn times(&mut self) -> Times {
        let ends = self.extremes();
        let values = if self.nonzero { &self.kept } else { &self.frames };
        *self.known.times.get_or_insert_with(|| {
            let mut out = Times::default();
            count_times::<T, LANES>(values, &ends, &mut out);
            out
        })
    }

    /// Line and parabola through the contour.
    pub fn regression(&mut self, settings: &Settings) -> Regression {
        let (ends, sums) = (self.extremes(), self.sums());
        let values = if self.nonzero { &self.kept } else { &self.frames };
        *self
            .known
            .regression
            .get_or_insert_with(|| regression::fit(values, &ends, &sums, settings))
    }

    /// Linear prediction.
    pub fn prediction(&mut self) -> Prediction {
        let values = if self.nonzero { &self.kept } else { &self.frames };
        let shifted = &mut self.shifted;
        *self.known.prediction.get_or_insert_with(|| prediction::predict(values, shifted))
    }

    /// Peaks and slopes.
    pub fn peaks(&mut self, settings: &Settings) -> Peaks {
        let (ends, mean) = (self.extremes(), self.mean());
        let values = if self.nonzero { &self.kept } else { &self.frames };
        let turns = &mut self.turns;
        *self.known.peaks.get_or_insert_with(|| {
            peaks::find(values, &ends, settings.peak_threshold, turns);
            peaks::describe(values, turns, &ends, mean, settings)
        })
    }

    /// Segments between crossings of a quarter and three quarters of the range.
    pub fn crossings(&mut self, settings: &Settings) -> Lengths {
        let ends = self.extremes();
        let values = if self.nonzero { &self.kept } else { &self.frames };
        *self
            .known
            .crossings
            .get_or_insert_with(|| segments::crossings(values, &ends, settings.period))
    }

    /// Segments of frames that are not 0 (`zero` false) or 0.
    pub fn clusters(&mut self, zero: bool, settings: &Settings) -> Lengths {
        let known = if zero { &mut self.known.zero } else { &mut self.known.nonzero };
        let frames = &self.frames;
        *known.get_or_insert_with(|| {
            segments::clusters(frames, |x| (*x == T::ZERO) == zero, settings)
        })
    }
}

kernel! {
    /// Smallest and largest value.
    fn ends / ends_with<T: Real; L>(values: &[T], min: &mut T, max: &mut T) {
        let first = values.first().copied().unwrap_or_default();
        let (mut low, mut high) = ([first; L], [first; L]);
        let (rows, rest) = values.as_chunks::<L>();
        for row in rows {
            for l in 0..L {
                low[l] = if row[l] < low[l] { row[l] } else { low[l] };
                high[l] = if row[l] > high[l] { row[l] } else { high[l] };
            }
        }
        (*min, *max) = (first, first);
        for x in rest.iter().chain(&low).copied() {
            *min = if x < *min { x } else { *min };
        }
        for x in rest.iter().chain(&high).copied() {
            *max = if x > *max { x } else { *max };
        }
    }
}

kernel! {
    fn add_up / add_up_with<T: Real; L>(values: &[T], out: &mut Sums) {
        let (mut sum, mut sizes, mut squares) = ([0.0; L], [0.0; L], [0.0; L]);
        let (mut positive, mut positives) = ([0.0; L], [0.0; L]);
        let (rows, rest) = values.as_chunks::<L>();
        let mut last = [T::ZERO; L];
        last[..rest.len()].copy_from_slice(rest);
        for row in rows.iter().chain(std::iter::once(&last)) {
            for l in 0..L {
                let x = row[l].f64();
                sum[l] += x;
                sizes[l] += x.abs();
                squares[l] += x * x;
                positive[l] += if x > 0.0 { x } else { 0.0 };
                positives[l] += if x > 0.0 { 1.0 } else { 0.0 };
            }
        }
        *out = Sums {
            values: sum.iter().sum(),
            sizes: sizes.iter().sum(),
            squares: squares.iter().sum(),
            positive: positive.iter().sum(),
            positives: positives.iter().sum(),
        };
    }
}

/// Rows whose mantissas, below 2 each, may be multiplied before the product must be brought back.
const PRODUCT: usize = 1000;

kernel! {
    /// Exponents are added and mantissas multiplied, with one logarithm for all of a product.
    fn mean_of_logs / mean_of_logs_with<T: Real; L>(values: &[T], mean: &mut f64) {
        const MANTISSA: u64 = 0x000F_FFFF_FFFF_FFFF;
        let (mut exponents, mut logs, mut count) = ([0i64; L], 0.0, [0i64; L]);
        for part in values.chunks(PRODUCT * L) {
            let mut products = [1.0; L];
            let (rows, rest) = part.as_chunks::<L>();
            let mut last = [T::ZERO; L];
            last[..rest.len()].copy_from_slice(rest);
            for row in rows.iter().chain(std::iter::once(&last)) {
                for l in 0..L {
                    let bits = row[l].f64().abs().to_bits();
                    // A zero becomes a one, which is not counted.
                    let some = bits != 0;
                    let bits = if some { bits } else { 1.0f64.to_bits() };
                    exponents[l] += (bits >> 52) as i64 - 1023;
                    products[l] *= f64::from_bits(bits & MANTISSA | 1.0f64.to_bits());
                    count[l] += i64::from(some);
                }
            }
            logs += products.iter().map(|p| p.ln()).sum::<f64>();
        }
        let (count, exponent) = (count.iter().sum::<i64>(), exponents.iter().sum::<i64>());
        let sum = logs + exponent as f64 * std::f64::consts::LN_2;
        *mean = if count > 0 { sum / count as f64 } else { 0.0 };
    }
}

kernel! {
    fn add_powers / add_powers_with<T: Real; L>(values: &[T], mean: f64, out: &mut Moments) {
        let (mut second, mut third, mut fourth) = ([0.0; L], [0.0; L], [0.0; L]);
        let (rows, rest) = values.as_chunks::<L>();
        for row in rows {
            for l in 0..L {
                let d = row[l].f64() - mean;
                let square = d * d;
                second[l] += square;
                third[l] += square * d;
                fourth[l] += square * square;
            }
        }
        for (l, x) in rest.iter().enumerate() {
            let d = x.f64() - mean;
            let square = d * d;
            second[l] += square;
            third[l] += square * d;
            fourth[l] += square * square;
        }
        let n = values.len() as f64;
        *out = Moments {
            second: second.iter().sum::<f64>() / n,
            third: third.iter().sum::<f64>() / n,
            fourth: fourth.iter().sum::<f64>() / n,
        };
    }
}

kernel! {
    fn count_times / count_times_with<T: Real; L>(values: &[T], ends: &Extremes, out: &mut Times) {
        let levels = [0.25, 0.5, 0.75, 0.9].map(|share| ends.min + share * ends.range());
        let mut above = [[0.0; L]; 4];
        let (rows, rest) = values.as_chunks::<L>();
        // The last row is filled up with the minimum, which is above no level.
        let mut last = [T::of(ends.min); L];
        last[..rest.len()].copy_from_slice(rest);
        for row in rows.iter().chain(std::iter::once(&last)) {
            for (above, level) in above.iter_mut().zip(levels) {
                for l in 0..L {
                    above[l] += if row[l].f64() > level { 1.0 } else { 0.0 };
                }
            }
        }
        let n = values.len() as f64;
        out.above = above.map(|a| a.iter().sum::<f64>() / n);
        let (mut rising, mut curved) = (0u32, 0u32);
        for pair in values.windows(2) {
            rising += u32::from(pair[1] > pair[0]);
        }
        for three in values.windows(3) {
            curved += u32::from(three[1] - three[0] < three[2] - three[1]);
        }
        let share = |count: u32, of: f64| if of > 0.0 { f64::from(count) / of } else { 0.0 };
        (out.rising, out.left_curved) = (share(rising, n - 1.0), share(curved, n - 2.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contour(values: &[f32]) -> Contour<f32> {
        let mut contour = Contour::default();
        contour.load(values, false);
        contour
    }

    #[test]
    fn the_mean_logarithm_leaves_zeros_out_and_survives_long_contours() {
        let of = |i: usize| (i % 7) as f32 * 1e-20;
        let values: Vec<f32> = (0..42_000).map(of).collect();
        let expected = (1..7).map(|i| f64::from(of(i)).ln()).sum::<f64>() / 6.0;
        let mean = contour(&values).log_mean();
        // Each product rounds a thousand times.
        assert!((mean - expected).abs() < 1e-12, "{mean} {expected}");
        assert_eq!(contour(&[0.0, 0.0]).log_mean(), 0.0);
    }

    #[test]
    fn every_length_of_the_last_row_is_summed() {
        for n in 1..40 {
            let values: Vec<f32> = (0..n).map(|i| (i as f32 - 3.0) * 0.5).collect();
            let mut c = contour(&values);
            // Sums of few halves are exact.
            assert_eq!(c.sums().values, values.iter().map(|x| f64::from(*x)).sum::<f64>());
            assert_eq!(c.sums().positives, f64::from(i32::max(n - 4, 0)));
            assert_eq!((c.extremes().min_at, c.extremes().max_at), (0, n as usize - 1));
            assert_eq!(c.times().rising, if n > 1 { 1.0 } else { 0.0 });
            assert_eq!(c.percentile(0.5), f64::from((n - 1) as f32 / 2.0 - 3.0) * 0.5);
        }
    }

    #[test]
    fn the_first_of_equal_extremes_counts() {
        let mut c = contour(&[0.0, 2.0, -1.0, 2.0, -1.0]);
        let Extremes { min, max, min_at, max_at } = c.extremes();
        assert_eq!((min, max, min_at, max_at), (-1.0, 2.0, 2, 1));
    }

    #[test]
    fn a_contour_without_its_zeros_knows_how_many_it_had() {
        let mut c = Contour::default();
        c.load(&[0.0f64, 3.0, 0.0, 1.0], true);
        assert_eq!((c.mean(), c.nonzero_share(), c.values().len()), (2.0, 0.5, 2));
    }
}
