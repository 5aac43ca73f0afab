//! Contours of one length side by side, for what takes as long for one as for sixteen.

use super::segments::{self, Lengths};
use crate::dsp::lanes::{Real, kernel};

/// Number of contours in a bundle.
pub const WIDTH: usize = 16;

/// Up to [`WIDTH`] contours, one in each lane, and what it takes sorting and scanning to know of them.
#[derive(Debug, Default)]
pub struct Bundle<T> {
    rows: Vec<[T; WIDTH]>,
    crossings: [Lengths; WIDTH],
}

impl<T: Real> Bundle<T> {
    /// Takes the first `n` values of each of `contours`, at least one value; `period` is the time from
    /// one to the next.
    pub fn load(&mut self, contours: &[Vec<T>], n: usize, period: f64) {
        self.rows.clear();
        self.rows.resize(n, [T::ZERO; WIDTH]);
        for (l, contour) in contours.iter().take(WIDTH).enumerate() {
            for (row, x) in self.rows.iter_mut().zip(contour) {
                row[l] = *x;
            }
        }
        let first = self.rows.first().copied().unwrap_or([T::ZERO; WIDTH]);
        let (mut min, mut max) = (first, first);
        ends(&self.rows, &mut min, &mut max);
        self.crossings = segments::crossings(&self.rows, &min, &max, period);
        sort(&mut self.rows);
    }

    /// The values of a contour in order of size.
    pub fn sorted(&self, lane: usize) -> impl Iterator<Item = T> {
        self.rows.iter().map(move |row| row[lane])
    }

    /// Segments of a contour, as [`Contour::crossings`](super::Contour::crossings) finds them.
    pub fn crossings(&self, lane: usize) -> Lengths {
        self.crossings[lane]
    }
}

kernel! {
    pub(super) fn ends / ends_with<T: Real; L>(rows: &[[T; L]], low: &mut [T; L], high: &mut [T; L]) {
        let (mut min, mut max) = (*low, *high);
        for row in rows {
            for l in 0..L {
                min[l] = if row[l] < min[l] { row[l] } else { min[l] };
                max[l] = if row[l] > max[l] { row[l] } else { max[l] };
            }
        }
        (*low, *high) = (min, max);
    }
}

kernel! {
    /// Sorts each lane by Batcher's merge exchange (Knuth, The Art of Computer Programming 3, 5.2.2M),
    /// whose comparisons do not depend on the values.
    fn sort / sort_with<T: Real; L>(rows: &mut [[T; L]]) {
        let n = rows.len();
        let largest = n.next_power_of_two() / 2;
        let mut p = largest;
        while p > 0 {
            let (mut q, mut r, mut d) = (largest, 0, p);
            loop {
                // Rows i with i & p == r come in runs of p.
                for start in (r..n.saturating_sub(d)).step_by(2 * p) {
                    for i in start..(start + p).min(n - d) {
                        let (a, b) = (rows[i], rows[i + d]);
                        let (mut low, mut high) = ([T::ZERO; L], [T::ZERO; L]);
                        for l in 0..L {
                            low[l] = if b[l] < a[l] { b[l] } else { a[l] };
                            high[l] = if b[l] < a[l] { a[l] } else { b[l] };
                        }
                        (rows[i], rows[i + d]) = (low, high);
                    }
                }
                if q == p {
                    break;
                }
                (d, q, r) = (q - p, q / 2, p);
            }
            p /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functionals::{Contour, Settings};

    fn noise(seed: u32, n: usize) -> Vec<f32> {
        let mut x = seed.wrapping_mul(2_654_435_769) | 1;
        let mut next = || {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            (x >> 20) as f32
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn a_bundled_contour_is_sorted_and_cut_as_it_is_alone() {
        let settings = Settings::default();
        for n in (1..70).chain([127, 128, 129, 233, 1000]) {
            let contours: Vec<Vec<f32>> = (0..11).map(|i| noise(i + n as u32, n)).collect();
            let mut bundle = Bundle::default();
            bundle.load(&contours, n, settings.period);
            for (lane, values) in contours.iter().enumerate() {
                let mut sorted = values.clone();
                sorted.sort_by(f32::total_cmp);
                assert!(bundle.sorted(lane).eq(sorted), "{n}");
                let mut contour = Contour::default();
                contour.load(values, false);
                assert_eq!(bundle.crossings(lane), contour.crossings(&settings), "{n}");
            }
        }
    }
}
