//! Cutting a contour into segments.

use super::Settings;
use super::contour::Extremes;
use crate::dsp::lanes::Real;
use crate::smile::Variant;

/// Statistics of the lengths of segments, in seconds; 0 without segments.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lengths {
    /// Segments per second of contour.
    pub per_second: f64,
    /// Mean length.
    pub mean: f64,
    /// Greatest length.
    pub max: f64,
    /// Smallest length.
    pub min: f64,
    /// Standard deviation of the lengths (population).
    pub stddev: f64,
}

/// Collects lengths in frames.
#[derive(Default)]
struct Tally {
    count: usize,
    sum: usize,
    squares: usize,
    max: usize,
    min: usize,
}

impl Tally {
    fn add(&mut self, length: usize) {
        self.min = if self.count == 0 { length } else { self.min.min(length) };
        self.max = self.max.max(length);
        self.count += 1;
        self.sum += length;
        self.squares += length * length;
    }

    fn lengths(&self, frames: usize, period: f64) -> Lengths {
        if self.count == 0 {
            return Lengths::default();
        }
        let n = self.count as f64;
        // Whole numbers, so the difference below is exact as long as they fit 53 bits.
        let spread = (self.count * self.squares - self.sum * self.sum) as f64;
        Lengths {
            per_second: n / (frames as f64 * period),
            mean: self.sum as f64 / n * period,
            max: self.max as f64 * period,
            min: self.min as f64 * period,
            stddev: spread.sqrt() / n * period,
        }
    }
}

/// At most so many segments are found between crossings.
const MOST: usize = 100;

/// Segments between crossings of `min + 0.25 range` and `min + 0.75 range` by the mean of the last three
/// values. A crossing counts if it is more than 1 % of the contour, less one frame, and more than two
/// frames behind the one before; what follows the last one is no segment.
pub fn crossings<T: Real>(values: &[T], ends: &Extremes, period: f64) -> Lengths {
    let range = T::of(ends.max) - T::of(ends.min);
    let [low, high] = [0.25, 0.75].map(|share| T::of(ends.min) + T::of(share) * range);
    let shortest = (values.len() / 100).saturating_sub(1).max(2);
    let mut tally = Tally::default();
    // Distance since the last crossing, as if one lay half of `shortest` before the contour.
    let mut length = shortest / 2;
    let (mut sum, mut previous) = (T::ZERO, T::ZERO);
    for (i, x) in values.iter().enumerate() {
        // A running sum: its rounding decides about values that lie on a threshold.
        sum += *x;
        if i >= 3 {
            sum = sum - values[i - 3];
        }
        let mean = sum / T::of((i + 1).min(3) as f64);
        let over = |t: T| (mean > t && previous <= t) | (mean < t && previous >= t);
        if (over(low) || over(high)) && length > shortest && tally.count < MOST {
            tally.add(length);
            length = 0;
        }
        length += 1;
        previous = mean;
    }
    tally.lengths(values.len(), period)
}

/// Fewest frames of a cluster.
const MEMBERS: usize = 3;

/// Clusters of frames for which `holds`, bridging single frames for which it does not. Fewer than three
/// frames make no cluster. A length is last minus first frame, in the variant of the papers one more:
/// the number of frames from first to last.
pub fn clusters<T>(frames: &[T], holds: impl Fn(&T) -> bool, settings: &Settings) -> Lengths {
    let more = usize::from(settings.variant == Variant::Paper);
    let (mut tally, mut members, mut first, mut last) = (Tally::default(), 0, 0, 0);
    let mut close = |members: usize, first: usize, last: usize| {
        if members >= MEMBERS {
            tally.add(last - first + more);
        }
    };
    for (i, _) in frames.iter().enumerate().filter(|(_, x)| holds(x)) {
        if members > 0 && i - last > 2 {
            close(members, first, last);
            members = 0;
        }
        first = if members == 0 { i } else { first };
        members += 1;
        last = i;
    }
    close(members, first, last);
    tally.lengths(frames.len(), settings.period)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonzero(frames: &[i32], variant: Variant) -> Lengths {
        let settings = Settings { period: 1.0, variant, ..Settings::default() };
        clusters(frames, |x| *x != 0, &settings)
    }

    #[test]
    fn one_frame_is_bridged_and_two_separate() {
        let found = nonzero(&[1, 1, 0, 1, 0, 0, 1, 1, 1], Variant::OpenSmile);
        assert_eq!((found.mean, found.max, found.min), (2.5, 3.0, 2.0));
        assert_eq!((found.stddev, found.per_second), (0.5, 2.0 / 9.0));
    }

    #[test]
    fn two_frames_make_no_segment() {
        assert_eq!(nonzero(&[1, 1, 0, 0, 0, 1], Variant::OpenSmile), Lengths::default());
        assert_eq!(nonzero(&[], Variant::OpenSmile), Lengths::default());
    }

    #[test]
    fn the_papers_count_frames() {
        assert_eq!(nonzero(&[0, 1, 1, 1, 0], Variant::Paper).mean, 3.0);
    }

    #[test]
    fn a_square_wave_is_cut_where_it_jumps() {
        let values: Vec<f32> = (0..80).map(|i| if i / 20 % 2 == 0 { 0.0 } else { 1.0 }).collect();
        let ends = Extremes { min: 0.0, max: 1.0, min_at: 0, max_at: 20 };
        let found = crossings(&values, &ends, 1.0);
        // The running mean passes the first threshold with the jump's first frame; the first segment
        // begins one frame before the contour.
        assert_eq!((found.max, found.min), (21.0, 20.0));
        assert_eq!(found.per_second, 3.0 / 80.0);
    }
}
