//! Mean square under a Kaiser window.

use super::lanes::{Real, kernel};

/// Parameter of the Kaiser window, whose side lobes lie 190 dB down: Praat's "Kaiser-20", as the levels of
/// single impulses at every place under its window give it.
const BETA: f64 = 20.24;

/// The modified Bessel function of order 0, by its power series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-17 * sum {
        term *= (x / (2.0 * k)) * (x / (2.0 * k));
        sum += term;
        k += 1.0;
    }
    sum
}

/// The middle `n` samples of a Kaiser window of `span`, with sum 1.
pub fn kaiser(n: usize, span: f64) -> Vec<f64> {
    let at = |i: usize| {
        let x = (2.0 * i as f64 + 1.0 - n as f64) / span;
        bessel(BETA * (1.0 - x * x).max(0.0).sqrt())
    };
    let window: Vec<f64> = (0..n).map(at).collect();
    let total: f64 = window.iter().sum();
    window.into_iter().map(|w| w / total).collect()
}

kernel! {
    /// `Σ w (x - mean)²`, the mean over the frame taken if `centre` says so.
    pub fn mean_square / mean_square_with<T: Real; L>(
        frame: &[[T; L]], window: &[f64], centre: bool, out: &mut [f64; L],
    ) {
        let (mut mean, count) = ([0.0; L], frame.len() as f64);
        if centre {
            for row in frame {
                for l in 0..L {
                    mean[l] += row[l].f64();
                }
            }
            for l in 0..L {
                mean[l] /= count;
            }
        }
        let mut sum = [0.0; L];
        for (row, w) in frame.iter().zip(window) {
            for l in 0..L {
                let x = row[l].f64() - mean[l];
                sum[l] += x * x * w;
            }
        }
        *out = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bessel_has_the_tabulated_values() {
        // Abramowitz and Stegun (1964), tables 9.8 and 9.11.
        assert!((bessel(1.0) - 1.266_065_877_752_008_4).abs() < 1e-15);
        assert!((bessel(20.0) / 43_558_282.559_553_53 - 1.0).abs() < 1e-14);
    }

    #[test]
    fn an_offset_counts_only_if_it_is_not_taken_away() {
        let window = kaiser(64, 64.0);
        assert!((window.iter().sum::<f64>() - 1.0).abs() < 1e-14 && window[0] < 1e-6 * window[32]);
        let frame: Vec<[f32; 4]> = vec![[0.5; 4]; 64];
        let mut out = [1.0; 4];
        mean_square(&frame, &window, true, &mut out);
        assert_eq!(out, [0.0; 4]);
        mean_square(&frame, &window, false, &mut out);
        assert!((out[2] - 0.25).abs() < 1e-15);
    }
}
