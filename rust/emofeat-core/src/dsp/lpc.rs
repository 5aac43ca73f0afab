//! Linear prediction by the autocorrelation method, in single precision and a fixed order of
//! operations: the problem is ill conditioned enough that the order shows in the third digit.

use super::lanes::kernel;

/// Lags summed side by side: enough independent sums to hide the latency of an addition.
const BLOCK: usize = 4;

kernel! {
    /// `lags[m] = Σ x[i] x[i - m]`, `i` from `m` to the end of `x`, one term after the other.
    pub fn autocorrelation / autocorrelation_with<; L>(x: &[[f32; L]], lags: &mut [[f32; L]]) {
        for (b, lags) in lags.chunks_mut(BLOCK).enumerate() {
            let first = b * BLOCK;
            let mut sums = [[0.0; L]; BLOCK];
            // The first terms of a block, where its longer lags still reach before the beginning.
            for i in first..(first + BLOCK).min(x.len()) {
                for (j, sum) in sums.iter_mut().enumerate().take(i - first + 1) {
                    for l in 0..L {
                        sum[l] += x[i][l] * x[i - first - j][l];
                    }
                }
            }
            let late = x.get(first + BLOCK..).unwrap_or(&[]);
            for (row, past) in late.iter().zip(x.windows(BLOCK).skip(1)) {
                for l in 0..L {
                    for j in 0..BLOCK {
                        sums[j][l] += row[l] * past[BLOCK - 1 - j][l];
                    }
                }
            }
            lags.copy_from_slice(&sums[..lags.len()]);
        }
    }
}

kernel! {
    /// Levinson-Durbin recursion: from autocorrelations at lags `0..=a.len()` to the coefficients
    /// `a[m - 1]` of the inverse filter `1 + Σ a_m z^-m` and the energy of the prediction error.
    ///
    /// Where the energy is or becomes zero, the remaining coefficients are zero. The division is a
    /// product with the reciprocal: a quotient moves formants by a thousandth.
    pub fn levinson / levinson_with<; L>(
        lags: &[[f32; L]],
        a: &mut [[f32; L]],
        error: &mut [f32; L],
    ) {
        a.fill([0.0; L]);
        let mut e = lags[0];
        for m in 1..=a.len() {
            let mut k = lags[m];
            for i in 1..m {
                for l in 0..L {
                    k[l] += a[i - 1][l] * lags[m - i][l];
                }
            }
            for l in 0..L {
                // A finished filter stays as it is: all that follows is multiplied with zero.
                k[l] = if e[l] == 0.0 { 0.0 } else { -(k[l] * (1.0 / e[l])) };
            }
            for i in 1..=m / 2 {
                let (mut x, mut y) = (a[i - 1], a[m - i - 1]);
                for l in 0..L {
                    (x[l], y[l]) = (x[l] + k[l] * y[l], y[l] + k[l] * x[l]);
                }
                // In the middle the two are one, and the same.
                (a[i - 1], a[m - i - 1]) = (x, y);
            }
            a[m - 1] = k;
            for l in 0..L {
                e[l] *= 1.0 - k[l] * k[l];
            }
        }
        *error = e;
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::{Isa, L32};
    use super::*;

    /// Coefficients `a_1 ..` of the inverse filter `1 + Σ a_m z^-m` of one signal, and the energy of the
    /// prediction error; all zero for a signal of zeros (or none).
    fn predictor(x: &[f32], order: usize) -> (Vec<f32>, f32) {
        let (mut lags, mut a) = (vec![[0.0; 1]; order + 1], vec![[0.0; 1]; order]);
        let mut error = [0.0; 1];
        autocorrelation(x.as_chunks::<1>().0, &mut lags);
        levinson(&lags, &mut a, &mut error);
        (a.as_flattened().to_vec(), error[0])
    }

    fn noise(n: usize) -> Vec<[f32; L32]> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..n).map(|_| std::array::from_fn(|_| next())).collect()
    }

    #[test]
    fn autocorrelation_sums_the_terms_in_order() {
        for (n, count) in [(220, 12), (7, 6), (3, 6), (1, 3), (0, 2)] {
            let x = noise(n);
            let mut lags = vec![[9.0; L32]; count];
            autocorrelation(&x, &mut lags);
            for (m, lag) in lags.iter().enumerate() {
                for l in 0..L32 {
                    let expected = (m..n).fold(0.0, |sum, i| sum + x[i][l] * x[i - m][l]);
                    assert_eq!(lag[l], expected, "{n} samples, lag {m}");
                }
            }
        }
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        let x = noise(220);
        let run = |isa| {
            let (mut lags, mut a, mut e) = (vec![[0.0; L32]; 12], vec![[0.0; L32]; 11], [0.0; L32]);
            autocorrelation_with(isa, &x, &mut lags);
            levinson_with(isa, &lags, &mut a, &mut e);
            (lags, a, e)
        };
        assert_eq!(run(Isa::Portable), run(Isa::Avx2));
        assert_eq!(run(Isa::Portable), run(Isa::Avx512));
    }

    #[test]
    fn the_filter_of_a_resonance_is_found() {
        // x[i] = 1.6 x[i-1] - 0.8 x[i-2] rings out from an impulse, predicted exactly but for it.
        let mut x = vec![1.0f32, 1.6];
        for i in 2..400 {
            x.push(1.6 * x[i - 1] - 0.8 * x[i - 2]);
        }
        let (a, error) = predictor(&x, 5);
        // Single precision, times the condition of the resonance.
        for (a, expected) in a.iter().zip([-1.6, 0.8, 0.0, 0.0, 0.0]) {
            assert!((a - expected).abs() < 1e-4, "{a} {expected}");
        }
        assert!((error - 1.0).abs() < 1e-4, "{error}");
    }

    #[test]
    fn a_signal_without_energy_has_no_filter() {
        for x in [&[][..], &[0.0; 9]] {
            assert_eq!(predictor(x, 5), (vec![0.0; 5], 0.0));
        }
        // An impulse cannot be predicted.
        assert_eq!(predictor(&[2.0, 0.0, 0.0], 3), (vec![0.0; 3], 4.0));
    }

    #[test]
    fn a_lane_does_not_depend_on_its_neighbours() {
        let x = noise(50);
        let (mut lags, mut a, mut e) = (vec![[0.0; L32]; 12], vec![[0.0; L32]; 11], [0.0; L32]);
        autocorrelation(&x, &mut lags);
        levinson(&lags, &mut a, &mut e);
        for l in 0..L32 {
            let one: Vec<f32> = x.iter().map(|row| row[l]).collect();
            let (alone, error) = predictor(&one, 11);
            assert_eq!(alone, a.iter().map(|row| row[l]).collect::<Vec<_>>());
            assert_eq!(error, e[l]);
        }
    }
}
