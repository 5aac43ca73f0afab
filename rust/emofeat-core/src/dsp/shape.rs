//! The shape of a spectrum in one number: kernels over the bins of up to `L` frames.
//!
//! Sums run in double precision for stages of either precision, bin after bin. A frame whose sum is
//! below the smallest normal double counts as silent.

use super::lanes::{Real, kernel};
use super::log;

/// `1 / sum`, or 0 for a silent frame.
#[inline(always)]
fn inverse(sum: f64) -> f64 {
    if sum < f64::MIN_POSITIVE { 0.0 } else { 1.0 / sum }
}

kernel! {
    /// Sum over the bins.
    pub fn sum / sum_with<T: Real; L>(rows: &[[T; L]], out: &mut [f64; L]) {
        let mut sum = [0.0; L];
        for row in rows {
            for l in 0..L {
                sum[l] += row[l].f64();
            }
        }
        *out = sum;
    }
}

kernel! {
    /// Mean frequency, bin `k` being at `k · step` and weighted by its row; 0 for silence.
    pub fn centroid / centroid_with<T: Real; L>(rows: &[[T; L]], step: f64, out: &mut [f64; L]) {
        let (mut sum, mut moment) = ([0.0; L], [0.0; L]);
        for (k, row) in rows.iter().enumerate() {
            let k = k as f64;
            for l in 0..L {
                let x = row[l].f64();
                sum[l] += x;
                moment[l] += k * x;
            }
        }
        for l in 0..L {
            out[l] = if sum[l] < f64::MIN_POSITIVE { 0.0 } else { moment[l] / sum[l] * step };
        }
    }
}

kernel! {
    /// `(Σ x |f - centre|^p)^(1/p)`, `x` divided by its sum if `normalise`; 0 for silence.
    pub fn bandwidth / bandwidth_with<T: Real; L>(
        rows: &[[T; L]], step: f64, p: f64, normalise: bool, centre: &[f64; L], out: &mut [f64; L],
    ) {
        let (mut sum, mut moment) = ([0.0; L], [0.0; L]);
        for (k, row) in rows.iter().enumerate() {
            let f = k as f64 * step;
            for l in 0..L {
                let (x, d) = (row[l].f64(), f - centre[l]);
                let power = if p == 2.0 { d * d } else { d.abs().powf(p) };
                sum[l] += x;
                moment[l] += x * power;
            }
        }
        for l in 0..L {
            let silent = sum[l] < f64::MIN_POSITIVE;
            let mean = if normalise && !silent { moment[l] / sum[l] } else { moment[l] };
            out[l] = if p == 2.0 { mean.sqrt() } else { mean.powf(1.0 / p) };
        }
    }
}

kernel! {
    /// Number of bins whose running sum stays below `share` of the whole, which is the index of the
    /// first bin that reaches it.
    pub fn rolloff / rolloff_with<T: Real; L>(rows: &[[T; L]], share: f64, out: &mut [f64; L]) {
        let mut sum = [0.0; L];
        for row in rows {
            for l in 0..L {
                sum[l] += row[l].f64();
            }
        }
        let threshold = sum.map(|s| share * s);
        let (mut running, mut below) = ([0.0; L], [0.0; L]);
        for row in rows {
            for l in 0..L {
                running[l] += row[l].f64();
                below[l] += if running[l] < threshold[l] { 1.0 } else { 0.0 };
            }
        }
        *out = below;
    }
}

/// Bins whose mantissas are multiplied up before one logarithm is taken: their product stays within
/// `2^±8`.
const RUN: usize = 16;

kernel! {
    /// Geometric over arithmetic mean of the rows, each floored at `floor`.
    pub fn flatness / flatness_with<T: Real; L>(rows: &[[T; L]], floor: T, out: &mut [f64; L]) {
        let (mut sum, mut logs, mut exponents) = ([0.0; L], [0.0; L], [T::ZERO; L]);
        for run in rows.chunks(RUN) {
            let mut product = [T::ONE; L];
            for row in run {
                for l in 0..L {
                    let x = floor.max(row[l]);
                    let (m, e) = x.split();
                    sum[l] += x.f64();
                    product[l] *= m;
                    exponents[l] += e;
                }
            }
            for l in 0..L {
                logs[l] += log::ln(product[l]).f64();
            }
        }
        let n = rows.len() as f64;
        for l in 0..L {
            let mean = (logs[l] + exponents[l].f64() * std::f64::consts::LN_2) / n;
            out[l] = mean.exp() / (sum[l] / n);
        }
    }
}

kernel! {
    /// Entropy of the rows as a distribution, in bits; 0 for silence.
    pub fn entropy / entropy_with<T: Real; L>(rows: &[[T; L]], out: &mut [f64; L]) {
        let mut sum = [0.0; L];
        for row in rows {
            for l in 0..L {
                sum[l] += row[l].f64();
            }
        }
        let scale = sum.map(inverse);
        // A share below the floor weighs nothing; the logarithm wants a normal number all the same.
        let floor = T::of(f64::from(f32::MIN_POSITIVE));
        let mut nats = [0.0; L];
        for row in rows {
            for l in 0..L {
                let p = T::of(row[l].f64() * scale[l]);
                nats[l] += (p * log::ln(floor.max(p))).f64();
            }
        }
        for l in 0..L {
            let bits = -nats[l] * std::f64::consts::LOG2_E;
            out[l] = if bits > 0.0 { bits } else { 0.0 };
        }
    }
}

kernel! {
    /// `Σ w (level - first level)` with `level = 10 log10(max(floor, x))`.
    ///
    /// With weights that sum up to 0 this is `Σ w level`, but exactly 0 for a flat spectrum.
    pub fn tilt / tilt_with<T: Real; L>(rows: &[[T; L]], weights: &[f64], floor: T, out: &mut [f64; L]) {
        let mut sum = [0.0; L];
        if let Some(first) = rows.first() {
            let first = first.map(|x| log::db(floor.max(x)));
            for (row, w) in rows.iter().zip(weights) {
                for l in 0..L {
                    sum[l] += *w * (log::db(floor.max(row[l])) - first[l]).f64();
                }
            }
        }
        *out = sum;
    }
}

kernel! {
    /// `Σ (m - m')²` with `m` the rows divided by their sum and `m'` the same of the frame before.
    ///
    /// `before` holds `m'` of lane 0, and afterwards `m` of lane `last`.
    pub fn flux / flux_with<T: Real; L>(
        rows: &[[T; L]], last: usize, before: &mut [f64], out: &mut [f64; L],
    ) {
        let mut sum = [0.0; L];
        for row in rows {
            for l in 0..L {
                sum[l] += row[l].f64();
            }
        }
        let scale = sum.map(inverse);
        let mut total = [0.0; L];
        for (row, before) in rows.iter().zip(before) {
            let (mut m, mut left) = ([0.0; L], [*before; L]);
            for l in 0..L {
                m[l] = row[l].f64() * scale[l];
            }
            left[1..].copy_from_slice(&m[..L - 1]);
            for l in 0..L {
                let d = m[l] - left[l];
                total[l] += d * d;
            }
            *before = m[last];
        }
        *out = total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bins of four frames: one line, two equal lines, flat, silent.
    fn frames<T: Real>() -> Vec<[T; 4]> {
        let at = |k: usize| {
            let line = if k == 10 { 3.0 } else { 0.0 };
            let pair = if k == 4 || k == 12 { 0.5 } else { 0.0 };
            [line, pair, 0.25, 0.0].map(T::of)
        };
        (0..17).map(at).collect()
    }

    #[test]
    fn lines_flat_spectra_and_silence_have_known_shapes() {
        fn check<T: Real>() {
            let rows = frames::<T>();
            let (mut centre, mut out) = ([0.0; 4], [0.0; 4]);
            centroid(&rows, 100.0, &mut centre);
            assert_eq!(centre, [1000.0, 800.0, 800.0, 0.0]);
            bandwidth(&rows, 100.0, 2.0, true, &centre, &mut out);
            assert_eq!(out[..2], [0.0, 400.0]);
            assert!((out[2] - 100.0 * (24.0f64).sqrt()).abs() < 1e-9 && out[3] == 0.0);
            bandwidth(&rows, 100.0, 3.0, true, &centre, &mut out);
            assert!((out[1] - 400.0).abs() < 1e-9 && out[3] == 0.0);
            bandwidth(&rows, 100.0, 2.0, false, &centre, &mut out);
            assert!((out[1] - 400.0).abs() < 1e-9);
            rolloff(&rows, 0.85, &mut out);
            assert_eq!(out, [10.0, 12.0, 14.0, 0.0]);
            rolloff(&rows, 0.5, &mut out);
            assert_eq!(out, [10.0, 4.0, 8.0, 0.0]);
            flatness(&rows, T::of(1e-10), &mut out);
            assert!((out[2] - 1.0).abs() < 1e-6 && (out[3] - 1.0).abs() < 1e-6);
            let line = (16.0 * 1e-10f64.ln() + 3.0f64.ln()) / 17.0;
            assert!((out[0] / (line.exp() * 17.0 / 3.0) - 1.0).abs() < 1e-5);
            entropy(&rows, &mut out);
            assert!(out[0].abs() < 1e-12 && (out[1] - 1.0).abs() < 1e-6 && out[3] == 0.0);
            assert!((out[2] - 17f64.log2()).abs() < 1e-5);
        }
        check::<f64>();
        check::<f32>();
    }

    #[test]
    fn flux_counts_from_the_frame_before_also_across_blocks() {
        let rows = frames::<f64>();
        let (mut before, mut out) = (vec![0.0; 17], [0.0; 4]);
        flux(&rows, 3, &mut before, &mut out);
        let flat = 1.0 / 17.0;
        let expected = [1.0, 1.5, 2.0 * (0.5f64 - flat).powi(2) + 15.0 * flat * flat, flat];
        assert!(out.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12));
        // The line follows the silence, then stops at lane 0.
        flux(&rows, 0, &mut before, &mut out);
        assert_eq!(out[0], 1.0);
        assert_eq!(before[10], 1.0);
    }

    #[test]
    fn tilt_of_a_flat_spectrum_is_zero_and_of_a_power_law_its_exponent() {
        let weights: Vec<f64> = (0..17).map(|k| (f64::from(k) - 8.0) / 408.0).collect();
        let rows: Vec<[f64; 4]> =
            (0..17).map(|k| [10f64.powf(0.3 * f64::from(k)), 0.0, 7.0, 1e-30]).collect();
        let mut out = [0.0; 4];
        tilt(&rows, &weights, 1e-10, &mut out);
        assert!((out[0] - 3.0).abs() < 1e-12);
        assert_eq!(out[1..], [0.0; 3]);
    }
}
