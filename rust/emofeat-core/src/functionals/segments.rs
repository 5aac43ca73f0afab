//! Cutting a contour into segments.

use super::Settings;
use crate::descriptor::Variant;
use crate::dsp::lanes::{Real, kernel};

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

/// Collects lengths in frames; whole numbers, exact up to 2^53.
#[derive(Clone, Copy, Default)]
struct Tally {
    count: f64,
    sum: f64,
    squares: f64,
    max: f64,
    min: f64,
}

impl Tally {
    fn add(&mut self, length: f64) {
        self.min = if self.count == 0.0 { length } else { self.min.min(length) };
        self.max = self.max.max(length);
        self.count += 1.0;
        self.sum += length;
        self.squares += length * length;
    }

    fn lengths(&self, frames: usize, period: f64) -> Lengths {
        if self.count == 0.0 {
            return Lengths::default();
        }
        let spread = self.count * self.squares - self.sum * self.sum;
        Lengths {
            per_second: self.count / (frames as f64 * period),
            mean: self.sum / self.count * period,
            max: self.max * period,
            min: self.min * period,
            stddev: spread.sqrt() / self.count * period,
        }
    }
}

/// At most so many segments are found between crossings.
const MOST: f64 = 100.0;

/// Segments between crossings of `min + 0.25 range` and `min + 0.75 range` by the mean of the last three
/// values, for the contour in each lane of `rows`, with these extremes.
///
/// A crossing counts if it is more than 1 % of the contour, less one frame, and more than two frames behind
/// the one before, with one half of that before the contour; what follows the last one is no segment.
pub fn crossings<T: Real, const L: usize>(
    rows: &[[T; L]],
    min: &[T; L],
    max: &[T; L],
    period: f64,
) -> [Lengths; L] {
    let level = |share: f64| -> [T; L] {
        std::array::from_fn(|l| min[l] + T::of(share) * (max[l] - min[l]))
    };
    let shortest = (rows.len() / 100).saturating_sub(1).max(2);
    let mut search = Search {
        levels: [level(0.25), level(0.75)],
        sums: [T::ZERO; L],
        means: [T::ZERO; L],
        shortest: shortest as f64,
        lengths: [(shortest / 2) as f64; L],
        tallies: [[0.0; L]; 5],
    };
    search.tallies[MIN] = [f64::INFINITY; L];
    // The mean is of fewer values at the start.
    for (i, row) in rows.iter().take(3).enumerate() {
        scan(std::slice::from_ref(row), &[], T::of((i + 1) as f64), &mut search);
    }
    if let Some(later) = rows.get(3..) {
        scan(later, rows, T::of(3.0), &mut search);
    }
    std::array::from_fn(|l| {
        let [count, sum, squares, max, min] = search.tallies.each_ref().map(|t| t[l]);
        Tally { count, sum, squares, max, min }.lengths(rows.len(), period)
    })
}

/// Index of the smallest length in [`Search::tallies`], which are the fields of [`Tally`].
const MIN: usize = 4;

/// State of the search for crossings in each lane.
struct Search<T, const L: usize> {
    levels: [[T; L]; 2],
    /// Running sums: their rounding decides about values that lie on a level.
    sums: [T; L],
    means: [T; L],
    shortest: f64,
    /// Frames since the last crossing.
    lengths: [f64; L],
    tallies: [[f64; L]; 5],
}

kernel! {
    /// Goes on with `rows`, each replacing in the sum one of `old`, if there are any.
    fn scan / scan_with<T: Real; L>(
        rows: &[[T; L]], old: &[[T; L]], divisor: T, search: &mut Search<T, L>,
    ) {
        let Search { levels, mut sums, mut means, shortest, mut lengths, tallies } = *search;
        let [mut count, mut total, mut squares, mut max, mut min] = tallies;
        for (i, row) in rows.iter().enumerate() {
            let mut crossed = [false; L];
            let gone = old.get(i).copied().unwrap_or([T::ZERO; L]);
            for l in 0..L {
                sums[l] = (sums[l] + row[l]) - gone[l];
                let (mean, previous) = (sums[l] / divisor, means[l]);
                let over = |t: T| ((mean > t) & (previous <= t)) | ((mean < t) & (previous >= t));
                crossed[l] = over(levels[0][l]) | over(levels[1][l]);
                means[l] = mean;
            }
            for l in 0..L {
                let length = lengths[l];
                let hit = crossed[l] & (length > shortest) & (count[l] < MOST);
                let found = if hit { length } else { 0.0 };
                count[l] += if hit { 1.0 } else { 0.0 };
                total[l] += found;
                squares[l] += found * found;
                max[l] = if found > max[l] { found } else { max[l] };
                let least = if hit { length } else { f64::INFINITY };
                min[l] = if least < min[l] { least } else { min[l] };
                lengths[l] = length - found + 1.0;
            }
        }
        let tallies = [count, total, squares, max, min];
        *search = Search { levels, sums, means, shortest, lengths, tallies };
    }
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
            tally.add((last - first + more) as f64);
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
        let [found] = crossings(values.as_chunks::<1>().0, &[0.0], &[1.0], 1.0);
        // The running mean passes the first threshold with the jump's first frame; the first segment
        // begins one frame before the contour.
        assert_eq!((found.max, found.min), (21.0, 20.0));
        assert_eq!(found.per_second, 3.0 / 80.0);
    }
}
