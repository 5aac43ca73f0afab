//! Peaks of a contour, and the slopes between its peaks and valleys.

use super::Settings;
use super::contour::Extremes;
use super::regression::limited;
use crate::descriptor::Variant;
use crate::dsp::lanes::Real;

/// A maximum or minimum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn<T> {
    /// Value.
    pub y: T,
    /// Frame.
    pub at: u32,
    /// Whether it is a maximum.
    pub top: bool,
    kept: bool,
}

/// Mean and standard deviation of slopes, in units per second.
#[derive(Debug, Clone, Copy, Default)]
pub struct Slopes {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub stddev: f64,
}

/// What the significant maxima and minima say about a contour.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peaks {
    /// Number of maxima.
    pub count: f64,
    /// Mean distance between neighbouring maxima in seconds.
    pub distance: f64,
    /// Spread of these distances in seconds.
    pub distance_stddev: f64,
    /// Highest minus lowest maximum.
    pub range: f64,
    /// The same relative to the contour's range.
    pub relative_range: f64,
    /// Mean of the maxima.
    pub mean: f64,
    /// The same above the contour's mean.
    pub above_mean: f64,
    /// The same divided by the contour's mean.
    pub relative_mean: f64,
    /// Highest minus lowest minimum, relative to the contour's range.
    pub valley_range: f64,
    /// Slopes of the rising parts.
    pub rising: Slopes,
    /// Slopes of the falling parts.
    pub falling: Slopes,
}

/// Maxima and minima in turn that stand out by `share` of the range, into `turns`.
///
/// The first and last two frames cannot be extrema, nor can frames as high as a neighbour.
pub fn find<T: Real>(values: &[T], ends: &Extremes, share: f64, turns: &mut Vec<Turn<T>>) {
    let Some(&first) = values.first() else { return turns.clear() };
    list(values, turns);
    let threshold = T::of(share * ends.range());
    mark_significant(turns, first, threshold);
    drop_shallow(turns, first, threshold);
    alternate(turns);
}

/// All local extrema. Every frame is written and only extrema are counted: whether a frame is one
/// cannot be predicted, and a jump on it would take longer than writing.
fn list<T: Real>(values: &[T], turns: &mut Vec<Turn<T>>) {
    let inner = values.len().saturating_sub(1).max(1);
    turns.resize(values.len(), Turn { y: T::ZERO, at: 0, top: false, kept: false });
    let mut count = 0;
    for (i, three) in values[..inner].windows(3).enumerate().skip(1) {
        let (before, y, after) = (three[0], three[1], three[2]);
        let (top, bottom) = ((y > before) & (y > after), (y < before) & (y < after));
        turns[count] = Turn { y, at: i as u32 + 1, top, kept: true };
        count += usize::from(top | bottom);
    }
    turns.truncate(count);
}

/// Unmarks maxima that neither rise enough above the extremum before them nor, after an unmistakable
/// minimum, above the last maximum.
fn mark_significant<T: Real>(turns: &mut [Turn<T>], first: T, threshold: T) {
    let (mut previous, mut lowest, mut highest) = (first, first, first);
    let (mut accepted, mut valley): (Option<usize>, _) = (None, false);
    for i in 0..turns.len() {
        let Turn { y, top, .. } = turns[i];
        let significant = (y - previous).abs() >= threshold;
        previous = y;
        if !top {
            if significant {
                (lowest, valley) = (y, true);
            }
            continue;
        }
        if !significant {
            if y - lowest < threshold {
                turns[i].kept = false;
                continue;
            }
            if y.f64() > 1.05 * highest.f64() {
                if let Some(lower) = accepted {
                    turns[lower].kept = false;
                }
            } else if !valley {
                turns[i].kept = false;
            }
        }
        valley = false;
        if turns[i].kept {
            (highest, accepted) = (y, Some(i));
        }
    }
}

/// Unmarks minima that are not deep enough below the last maximum, and removes what is unmarked.
fn drop_shallow<T: Real>(turns: &mut Vec<Turn<T>>, first: T, threshold: T) {
    let mut highest = first;
    turns.retain(|turn| {
        if turn.kept && turn.top {
            highest = turn.y;
        }
        turn.kept && (turn.top || highest - turn.y >= threshold)
    });
}

/// Of maxima in a row keeps the highest, of minima the lowest, the first of equal ones.
fn alternate<T: Real>(turns: &mut Vec<Turn<T>>) {
    turns.dedup_by(|next, kept| {
        let same = next.top == kept.top;
        if same && if next.top { next.y > kept.y } else { next.y < kept.y } {
            *kept = *next;
        }
        same
    });
}

/// Statistics of the extrema `turns` of a contour with mean `mean`.
pub fn describe<T: Real>(
    values: &[T],
    turns: &[Turn<T>],
    ends: &Extremes,
    mean: f64,
    settings: &Settings,
) -> Peaks {
    let tops = Spread::of(turns.iter().filter(|t| t.top));
    let bottoms = Spread::of(turns.iter().filter(|t| !t.top));
    let relative =
        |size: f64| if ends.range() > 0.0 { (size / ends.range()).min(1.0) } else { 0.0 };
    let height = if tops.count > 0.0 { tops.sum / tops.count } else { 0.0 };
    let [distance, distance_stddev] = distances(turns, settings.variant);
    let [rising, falling] = slopes(values, turns, settings);
    Peaks {
        count: tops.count,
        distance: distance * settings.period,
        distance_stddev: distance_stddev * settings.period,
        range: tops.range,
        relative_range: relative(tops.range),
        mean: height,
        above_mean: height - mean,
        relative_mean: if mean == 0.0 {
            20.0
        } else {
            limited(height / mean, 10.0, 10.0, settings.variant)
        },
        valley_range: relative(bottoms.range),
        rising,
        falling,
    }
}

#[derive(Default)]
struct Spread {
    count: f64,
    sum: f64,
    range: f64,
}

impl Spread {
    fn of<'a, T: Real>(turns: impl Iterator<Item = &'a Turn<T>>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut spread = Self::default();
        for y in turns.map(|t| t.y.f64()) {
            (low, high) = (low.min(y), high.max(y));
            spread.count += 1.0;
            spread.sum += y;
            spread.range = high - low;
        }
        spread
    }
}

/// Mean and spread of the distance between neighbouring maxima in frames, 0 for fewer than two.
///
/// openSMILE's spread is that of the distances from each maximum back to the *minimum* before it, around
/// the mean distance of maxima.
fn distances<T: Real>(turns: &[Turn<T>], variant: Variant) -> [f64; 2] {
    // Extrema alternate.
    let pairs = || turns.windows(3).filter(|w| w[2].top);
    let count = pairs().count() as f64;
    if count == 0.0 {
        return [0.0; 2];
    }
    let mean = pairs().map(|w| f64::from(w[2].at - w[0].at)).sum::<f64>() / count;
    let start = if variant == Variant::Paper { 0 } else { 1 };
    let square = |w: &[Turn<T>]| {
        let d = f64::from(w[2].at - w[start].at) - mean;
        d * d
    };
    [mean, (pairs().map(square).sum::<f64>() / count).sqrt()]
}

/// Slopes of the rising and falling parts, those that fall counted positive.
///
/// Parts lie between neighbouring extrema, the first one begins with the contour, the last one ends with
/// it. In openSMILE that last part has the other sign if it falls and is left out of the spread, and a
/// contour without extrema has one slope, its change divided by its number of frames (not seconds).
fn slopes<T: Real>(values: &[T], turns: &[Turn<T>], settings: &Settings) -> [Slopes; 2] {
    let (mut rising, mut falling) = (Sum::default(), Sum::default());
    walk(values, turns, settings.period, |up, slope| {
        if up { &mut rising } else { &mut falling }.add(slope);
    });
    let paper = settings.variant == Variant::Paper;
    let last = last_part(values, turns, settings.period, paper);
    if let Some((up, slope)) = last {
        if up { &mut rising } else { &mut falling }.add(slope);
    }
    let (up, down) = (rising.mean(), falling.mean());
    let mut squares = [0.0; 2];
    let mut square = |is_up: bool, slope: f64| {
        let d = slope - if is_up { up } else { down };
        squares[usize::from(!is_up)] += d * d;
    };
    walk(values, turns, settings.period, &mut square);
    if let (true, Some((is_up, slope))) = (paper, last) {
        square(is_up, slope);
    }
    let spread = |sum: &Sum, squares: f64| (squares / sum.count.max(1.0)).sqrt();
    [
        Slopes { mean: up, stddev: spread(&rising, squares[0]) },
        Slopes { mean: down, stddev: spread(&falling, squares[1]) },
    ]
}

#[derive(Default)]
struct Sum {
    count: f64,
    sum: f64,
}

impl Sum {
    fn add(&mut self, x: f64) {
        self.count += 1.0;
        self.sum += x;
    }

    fn mean(&self) -> f64 {
        if self.count > 0.0 { self.sum / self.count } else { 0.0 }
    }
}

/// Calls `part` with direction and slope from the start to the first extremum, and from each to the next.
fn walk<T: Real>(values: &[T], turns: &[Turn<T>], period: f64, mut part: impl FnMut(bool, f64)) {
    let Some(start) = values.first() else { return };
    let (mut y, mut at) = (start.f64(), 0);
    for turn in turns {
        let rise = if turn.top { turn.y.f64() - y } else { y - turn.y.f64() };
        part(turn.top, rise / (f64::from(turn.at - at) * period));
        (y, at) = (turn.y.f64(), turn.at);
    }
}

/// Direction and slope from the last extremum to the end of the contour.
fn last_part<T: Real>(
    values: &[T],
    turns: &[Turn<T>],
    period: f64,
    paper: bool,
) -> Option<(bool, f64)> {
    let (start, end) = (values.first()?.f64(), values.last()?.f64());
    let Some(turn) = turns.last() else {
        let (rise, last) = (end - start, values.len() - 1);
        if rise == 0.0 {
            return None;
        }
        let slope =
            if paper { rise.abs() / (last as f64 * period) } else { rise / values.len() as f64 };
        return Some((rise > 0.0, slope));
    };
    let up = !turn.top;
    let frames = (values.len() - 1) as f64 - f64::from(turn.at);
    let slope = (end - turn.y.f64()) / (frames * period);
    Some((up, if paper && !up { -slope } else { slope }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functionals::contour::Contour;

    fn settings(variant: Variant) -> Settings {
        Settings { period: 1.0, variant, ..Settings::default() }
    }

    fn peaks(values: &[f32], variant: Variant) -> Peaks {
        let mut contour = Contour::default();
        contour.load(values, false);
        contour.peaks(&settings(variant))
    }

    fn at(values: &[f32]) -> Vec<u32> {
        let mut contour = Contour::default();
        contour.load(values, false);
        let (ends, mut turns) = (contour.extremes(), Vec::new());
        find(values, &ends, 0.1, &mut turns);
        turns.iter().map(|t| t.at).collect()
    }

    /// Teeth from 0 to 10 in four frames and back in six.
    fn teeth(n: usize) -> Vec<f32> {
        let tooth = |i: usize| if i <= 4 { 2.5 * i as f32 } else { 10.0 - (i - 4) as f32 / 0.6 };
        (0..n).map(|i| tooth(i % 10)).collect()
    }

    #[test]
    fn teeth_have_their_distance_and_slopes() {
        let found = peaks(&teeth(40), Variant::OpenSmile);
        assert_eq!((found.count, found.distance), (4.0, 10.0));
        // 4 frames from each minimum to the maximum behind it, around a distance of 10.
        assert_eq!(found.distance_stddev, 6.0);
        assert_eq!((found.mean, found.range, found.rising.mean), (10.0, 0.0, 2.5));
        // The last of four falling parts has the other sign, and no part in the spread.
        assert!((found.falling.mean - (3.0 - 1.0) / 4.0 / 0.6).abs() < 1e-6);
        let paper = peaks(&teeth(40), Variant::Paper);
        assert_eq!((paper.distance_stddev, paper.rising.stddev), (0.0, 0.0));
        // f32 teeth.
        assert!((paper.falling.mean - 1.0 / 0.6).abs() < 1e-6 && paper.falling.stddev < 1e-6);
    }

    #[test]
    fn what_stands_out_by_less_than_a_tenth_of_the_range_is_no_peak() {
        let mut values = teeth(31);
        (values[8], values[9]) = (1.5, 1.9);
        assert_eq!(at(&values), [4, 10, 14, 20, 24]);
        values[9] = 3.5;
        assert_eq!(at(&values), [4, 8, 9, 10, 14, 20, 24]);
    }

    #[test]
    fn plateaus_and_the_two_frames_at_each_end_are_no_extrema() {
        assert_eq!(at(&[5.0, 6.0, 0.0, 5.0, 5.0, 0.0, 5.0, 0.0]), [2]);
        for n in 0..5 {
            assert_eq!(at(&[1.0, 3.0, 2.0, 4.0, 0.0][..n]), []);
        }
    }

    #[test]
    fn a_contour_without_extrema_has_one_slope() {
        let ramp: Vec<f32> = (0..10).map(|i| 3.0 * i as f32).collect();
        let found = peaks(&ramp, Variant::OpenSmile);
        assert_eq!((found.rising.mean, found.falling.mean), (2.7, 0.0));
        assert_eq!(peaks(&ramp, Variant::Paper).rising.mean, 3.0);
        let down: Vec<f32> = ramp.iter().rev().copied().collect();
        assert_eq!(peaks(&down, Variant::OpenSmile).falling.mean, -2.7);
        assert_eq!(peaks(&down, Variant::Paper).falling.mean, 3.0);
    }
}
