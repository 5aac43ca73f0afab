//! Means of the smallest and largest values of each lane, without sorting it.

use super::lanes::{Real, kernel};

/// Means of the `count` smallest and largest of the rows (`count` from 1 to the number of rows).
///
/// Values are added in order of size, so the means do not depend on the method: few values are kept
/// in registers while the rows pass by, many are selected lane by lane.
pub fn means<T: Real, const L: usize>(
    rows: &[[T; L]],
    count: usize,
    low: &mut [f64; L],
    high: &mut [f64; L],
) {
    match count {
        0 | 1 => both::<T, L, 1>(rows, count, low, high),
        2 => both::<T, L, 2>(rows, count, low, high),
        3 => both::<T, L, 3>(rows, count, low, high),
        4 => both::<T, L, 4>(rows, count, low, high),
        5 | 6 => both::<T, L, 6>(rows, count, low, high),
        7..=9 => both::<T, L, 9>(rows, count, low, high),
        10..=12 => both::<T, L, 12>(rows, count, low, high),
        13..=16 => both::<T, L, 16>(rows, count, low, high),
        _ => select(rows, count, low, high),
    }
}

fn both<T: Real, const L: usize, const Q: usize>(
    rows: &[[T; L]],
    count: usize,
    low: &mut [f64; L],
    high: &mut [f64; L],
) {
    smallest::<T, L, Q>(rows, count, T::ONE, low);
    smallest::<T, L, Q>(rows, count, -T::ONE, high);
}

kernel! {
    /// Mean of the `count` smallest (`sign` 1) or largest (-1) rows, at most `Q`.
    fn smallest / smallest_with<T: Real; L, Q>(
        rows: &[[T; L]], count: usize, sign: T, mean: &mut [f64; L],
    ) {
        // Sorted; what comes in moves everything behind its place by one.
        let mut kept = [[T::of(f64::INFINITY); L]; Q];
        for row in rows {
            let mut x = [T::ZERO; L];
            for l in 0..L {
                x[l] = row[l] * sign;
            }
            for kept in &mut kept {
                for l in 0..L {
                    let (a, b) = (kept[l], x[l]);
                    kept[l] = if a < b { a } else { b };
                    x[l] = if a < b { b } else { a };
                }
            }
        }
        let mut sum = [0.0; L];
        for kept in &kept[..count.min(Q)] {
            for l in 0..L {
                sum[l] += kept[l].f64();
            }
        }
        for l in 0..L {
            mean[l] = sum[l] * sign.f64() / count as f64;
        }
    }
}

fn select<T: Real, const L: usize>(
    rows: &[[T; L]],
    count: usize,
    low: &mut [f64; L],
    high: &mut [f64; L],
) {
    let mut lane = vec![0.0; rows.len()];
    let mean = |part: &mut [f64], sign: f64| {
        part.sort_unstable_by(f64::total_cmp);
        part.iter().sum::<f64>() * sign / count as f64
    };
    for l in 0..L {
        for (sign, out) in [(1.0, &mut *low), (-1.0, &mut *high)] {
            for (x, row) in lane.iter_mut().zip(rows) {
                *x = row[l].f64() * sign;
            }
            if count < lane.len() {
                lane.select_nth_unstable_by(count - 1, f64::total_cmp);
            }
            out[l] = mean(&mut lane[..count], sign);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_those_of_the_sorted_lanes() {
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            // Few levels, so that many values are equal.
            ((state >> 33) % 97) as f32 / 7.0
        };
        let rows: Vec<[f32; 16]> = (0..60).map(|_| std::array::from_fn(|_| next())).collect();
        for count in 1..=60 {
            let (mut low, mut high) = ([0.0; 16], [0.0; 16]);
            means(&rows, count, &mut low, &mut high);
            for l in 0..16 {
                let mut sorted: Vec<f64> = rows.iter().map(|r| f64::from(r[l])).collect();
                sorted.sort_unstable_by(f64::total_cmp);
                let mean = |part: &[f64]| part.iter().sum::<f64>() / count as f64;
                assert!((low[l] - mean(&sorted[..count])).abs() < 1e-12, "{count}");
                assert!((high[l] - mean(&sorted[60 - count..])).abs() < 1e-12, "{count}");
            }
        }
    }

    #[test]
    fn both_methods_give_the_same_bits() {
        let rows: Vec<[f64; 4]> =
            (0..40u32).map(|i| [1.0, 1.7, 2.3, 3.1].map(|a| (f64::from(i) * a).sin())).collect();
        for count in 1..=16 {
            let (mut a, mut b) = (([0.0; 4], [0.0; 4]), ([0.0; 4], [0.0; 4]));
            means(&rows, count, &mut a.0, &mut a.1);
            select(&rows, count, &mut b.0, &mut b.1);
            assert_eq!(a, b, "{count}");
        }
    }
}
