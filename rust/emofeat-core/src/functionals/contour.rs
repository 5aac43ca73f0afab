//! One contour and what the functionals share about it, each computed when first asked for.

use super::Settings;
use super::bundle::{Bundle, ends};
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

    /// As [`Contour::load`] with all frames, for a contour of a bundle.
    pub fn load_from(&mut self, bundle: &Bundle<T>, lane: usize, frames: &[T]) {
        self.load(frames, false);
        self.known.crossings = Some(bundle.crossings(lane));
        self.known.sorted = true;
        self.sorted.clear();
        self.sorted.extend(bundle.sorted(lane));
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
        *self.known.extremes.get_or_insert_with(|| find_extremes(values))
    }

    /// Sums over the values.
    pub fn sums(&mut self) -> Sums {
        let values = if self.nonzero { &self.kept } else { &self.frames };
        *self.known.sums.get_or_insert_with(|| find_sums(values))
    }

    /// Mean of the natural logarithm of the magnitude of the values that are not 0; 0 if there are none.
    pub fn log_mean(&mut self) -> f64 {
        let values = if self.nonzero { &self.kept } else { &self.frames };
        *self.known.log_mean.get_or_insert_with(|| find_log_mean(values))
    }

    /// Central moments; 0 for a flat contour.
    pub fn moments(&mut self) -> Moments {
        // The mean of equal values may differ from them by a rounding.
        if self.extremes().range() == 0.0 {
            return Moments::default();
        }
        // About the mean as it goes out, in the precision of the contour.
        let mean = T::of(self.mean()).f64();
        let values = if self.nonzero { &self.kept } else { &self.frames };
        *self.known.moments.get_or_insert_with(|| find_moments(values, mean))
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
        *self.known.times.get_or_insert_with(|| find_times(values, &ends))
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
        *self.known.crossings.get_or_insert_with(|| {
            let (min, max) = (T::of(ends.min), T::of(ends.max));
            let rows = values.as_chunks::<1>().0;
            let [found] = segments::crossings(rows, &[min], &[max], settings.period);
            found
        })
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

/// Calls `work` with the full rows of `values`, then with those that are left, filled up with `fill`;
/// and with the weight of each lane, which is 0 where it was filled.
///
/// What a kernel adds up goes out as lanes and is added by [`total`] outside of it: an addition across
/// lanes inside makes the compiler arrange all of the kernel around it.
pub(super) fn in_rows<T: Real>(
    values: &[T],
    fill: T,
    mut work: impl FnMut(&[[T; LANES]], &[f64; LANES]),
) {
    let (rows, rest) = values.as_chunks::<LANES>();
    work(rows, &[1.0; LANES]);
    if !rest.is_empty() {
        let (mut last, mut weight) = ([fill; LANES], [0.0; LANES]);
        last[..rest.len()].copy_from_slice(rest);
        weight[..rest.len()].fill(1.0);
        work(&[last], &weight);
    }
}

/// Sum over the lanes, in order.
pub(super) fn total(lanes: &[f64; LANES]) -> f64 {
    lanes.iter().sum()
}

fn find_extremes<T: Real>(values: &[T]) -> Extremes {
    let Some(&first) = values.first() else { return Extremes::default() };
    let (mut low, mut high) = ([first; LANES], [first; LANES]);
    in_rows(values, first, |rows, _| ends::<T, LANES>(rows, &mut low, &mut high));
    let min = low.into_iter().fold(first, |a, b| if b < a { b } else { a });
    let max = high.into_iter().fold(first, |a, b| if b > a { b } else { a });
    let place = |y: T| {
        let (rows, rest) = values.as_chunks::<LANES>();
        // Whole rows at a time, which the compiler turns into one comparison each.
        let holds = |row: &[T; LANES]| row.iter().fold(false, |found, x| found | (*x == y));
        let row = rows.iter().position(holds).unwrap_or(rows.len());
        let tail = rows.get(row).map_or(rest, |row| row.as_slice());
        row * LANES + tail.iter().position(|x| *x == y).unwrap_or(0)
    };
    Extremes { min: min.f64(), max: max.f64(), min_at: place(min), max_at: place(max) }
}

fn find_sums<T: Real>(values: &[T]) -> Sums {
    let mut sums = [[0.0; LANES]; 5];
    in_rows(values, T::ZERO, |rows, _| add_up::<T, LANES>(rows, &mut sums));
    let [values, sizes, squares, positive, positives] = sums.each_ref().map(total);
    Sums { values, sizes, squares, positive, positives }
}

kernel! {
    /// Sums of values, magnitudes, squares, positive values, and their number.
    fn add_up / add_up_with<T: Real; L>(rows: &[[T; L]], sums: &mut [[f64; L]; 5]) {
        let [mut values, mut sizes, mut squares, mut positive, mut positives] = *sums;
        for row in rows {
            for l in 0..L {
                let x = row[l].f64();
                values[l] += x;
                sizes[l] += x.abs();
                squares[l] += x * x;
                positive[l] += if x > 0.0 { x } else { 0.0 };
                positives[l] += if x > 0.0 { 1.0 } else { 0.0 };
            }
        }
        *sums = [values, sizes, squares, positive, positives];
    }
}

/// Values whose mantissas, below 2 each, may be multiplied before the product must be brought back.
const PRODUCT: usize = 1000 * LANES;

fn find_log_mean<T: Real>(values: &[T]) -> f64 {
    let (mut logs, mut exponents, mut zeros) = (0.0, [0.0; LANES], [0.0; LANES]);
    for part in values.chunks(PRODUCT) {
        let mut products = [1.0; LANES];
        in_rows(part, T::ZERO, |rows, _| {
            multiply::<T, LANES>(rows, &mut products, &mut exponents, &mut zeros);
        });
        logs += total(&products.map(f64::ln));
    }
    // Zeros that filled up rows have been counted as well.
    let filled = values.len().next_multiple_of(LANES) as f64;
    let count = filled - total(&zeros);
    let sum = logs + total(&exponents) * std::f64::consts::LN_2;
    if count > 0.0 { sum / count } else { 0.0 }
}

kernel! {
    /// Multiplies mantissas and adds exponents, so that one logarithm does for all. Counts zeros.
    fn multiply / multiply_with<T: Real; L>(
        rows: &[[T; L]], products: &mut [f64; L], exponents: &mut [f64; L], zeros: &mut [f64; L],
    ) {
        const MANTISSA: u64 = 0x000F_FFFF_FFFF_FFFF;
        // The exponent becomes a float as the mantissa of 2^52.
        const SHIFT: f64 = 4_503_599_627_370_496.0;
        let (mut product, mut exponent, mut zero) = (*products, *exponents, *zeros);
        for row in rows {
            for l in 0..L {
                let x = row[l].f64().abs();
                let none = if x == 0.0 { 1.0 } else { 0.0 };
                zero[l] += none;
                let bits = (x + none).to_bits();
                exponent[l] += f64::from_bits((bits >> 52) | SHIFT.to_bits()) - (SHIFT + 1023.0);
                product[l] *= f64::from_bits((bits & MANTISSA) | 1.0f64.to_bits());
            }
        }
        (*products, *exponents, *zeros) = (product, exponent, zero);
    }
}

fn find_moments<T: Real>(values: &[T], mean: f64) -> Moments {
    let mut sums = [[0.0; LANES]; 3];
    in_rows(values, T::ZERO, |rows, weight| {
        add_powers::<T, LANES>(rows, mean, weight, &mut sums);
    });
    let [second, third, fourth] = sums.each_ref().map(|sum| total(sum) / values.len() as f64);
    Moments { second, third, fourth }
}

kernel! {
    /// Sums of powers of the distance from `mean`.
    fn add_powers / add_powers_with<T: Real; L>(
        rows: &[[T; L]], mean: f64, weight: &[f64; L], sums: &mut [[f64; L]; 3],
    ) {
        let [mut second, mut third, mut fourth] = *sums;
        for row in rows {
            for l in 0..L {
                let d = (row[l].f64() - mean) * weight[l];
                let square = d * d;
                second[l] += square;
                third[l] += square * d;
                fourth[l] += square * square;
            }
        }
        *sums = [second, third, fourth];
    }
}

fn find_times<T: Real>(values: &[T], ends: &Extremes) -> Times {
    // Rounded like the values, of which some may lie on a level.
    let range = T::of(ends.range()).f64();
    let levels = [0.25, 0.5, 0.75, 0.9].map(|share| T::of(ends.min + share * range));
    let mut above = [[0.0; LANES]; 4];
    // The minimum is above no level.
    in_rows(values, T::of(ends.min), |rows, _| count_above::<T, LANES>(rows, &levels, &mut above));
    let mut turns = [0; 2];
    count_turns::<T>(values, &mut turns);
    let share = |count: f64, of: usize| if of > 0 { count / of as f64 } else { 0.0 };
    let n = values.len();
    Times {
        above: above.each_ref().map(|a| share(total(a), n)),
        rising: share(f64::from(turns[0]), n.saturating_sub(1)),
        left_curved: share(f64::from(turns[1]), n.saturating_sub(2)),
    }
}

kernel! {
    /// Adds the number of values above each level.
    fn count_above / count_above_with<T: Real; L>(
        rows: &[[T; L]], levels: &[T; 4], above: &mut [[f64; L]; 4],
    ) {
        let mut count = *above;
        for row in rows {
            for (count, level) in count.iter_mut().zip(levels) {
                for l in 0..L {
                    count[l] += if row[l] > *level { 1.0 } else { 0.0 };
                }
            }
        }
        *above = count;
    }
}

kernel! {
    /// Number of values above the one before, and of those around which the contour curves to the left.
    fn count_turns / count_turns_with<T: Real;>(values: &[T], out: &mut [u32; 2]) {
        let (mut rising, mut curved) = (0, 0);
        let [second, third] = [1, 2].map(|i| values.get(i..).unwrap_or_default());
        for ((a, b), c) in values.iter().zip(second).zip(third) {
            rising += u32::from(*b > *a);
            curved += u32::from(*b - *a < *c - *b);
        }
        // The last pair is in no triple.
        if let [.., a, b] = values {
            rising += u32::from(*b > *a);
        }
        *out = [rising, curved];
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
