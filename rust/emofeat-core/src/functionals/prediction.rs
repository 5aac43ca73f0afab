//! Linear prediction of a contour from its last five values.

use crate::dsp::lanes::{Real, kernel};

/// Number of coefficients.
pub const ORDER: usize = 5;
/// Lags computed side by side; those above the order are not used.
const LAGS: usize = 8;

/// A linear predictor.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prediction {
    /// Energy of the prediction error, per value.
    pub gain: f64,
    /// `a_1 .. a_5` of the inverse filter `1 + Σ a_m z^-m`.
    pub coefficients: [f64; ORDER],
}

/// Autocorrelation method, in the precision of the contour: contours are far from white, which makes the
/// problem ill-conditioned, so the coefficients depend on how sums are rounded, here in order of time.
pub fn predict<T: Real>(values: &[T], shifted: &mut Vec<T>) -> Prediction {
    shifted.clear();
    shifted.resize(LAGS - 1, T::ZERO);
    shifted.extend_from_slice(values);
    let mut r = [T::ZERO; LAGS];
    autocorrelation::<T, LAGS>(values, shifted, &mut r);
    r.reverse();
    let (a, error) = levinson(&r);
    let gain = error.f64() / values.len() as f64;
    Prediction { gain, coefficients: a.map(|a| a.f64()) }
}

kernel! {
    /// `Σ x[i] x[i - lag]`, lag `L - 1 - l` in lane l; `shifted` is the contour behind `L - 1` zeros.
    fn autocorrelation / autocorrelation_with<T: Real; L>(
        values: &[T], shifted: &[T], r: &mut [T; L],
    ) {
        let mut sum = [T::ZERO; L];
        for (x, before) in values.iter().zip(shifted.windows(L)) {
            for l in 0..L {
                sum[l] += *x * before[l];
            }
        }
        *r = sum;
    }
}

/// Levinson-Durbin: coefficients and error of the predictor with autocorrelation `r`; 0 for silence.
fn levinson<T: Real>(r: &[T; LAGS]) -> ([T; ORDER], T) {
    let (mut a, mut error) = ([T::ZERO; ORDER], r[0]);
    for m in 0..ORDER {
        if error == T::ZERO {
            break;
        }
        let mut sum = r[m + 1];
        for i in 0..m {
            sum += a[i] * r[m - i];
        }
        let k = -(T::ONE / error) * sum;
        let previous = a;
        for i in 0..m {
            a[i] = previous[i] + k * previous[m - 1 - i];
        }
        a[m] = k;
        error *= T::ONE - k * k;
    }
    (a, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decaying_exponential_is_predicted_by_one_coefficient() {
        let values: Vec<f64> = (0..400).map(|i| 0.9f64.powi(i)).collect();
        let p = predict(&values, &mut Vec::new());
        // The tail beyond 400 values is 1e-18 of the first.
        assert!((p.coefficients[0] + 0.9).abs() < 1e-12 && p.coefficients[1].abs() < 1e-12);
        assert!((p.gain * 400.0 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn silence_and_single_values_give_finite_numbers() {
        assert_eq!(predict(&[0.0f32; 9], &mut Vec::new()).coefficients, [0.0; 5]);
        let one = predict(&[2.0f32], &mut Vec::new());
        assert_eq!((one.gain, one.coefficients), (4.0, [0.0; 5]));
    }
}
