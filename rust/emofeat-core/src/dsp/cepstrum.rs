//! Discrete cosine transforms and lifters.

use std::f64::consts::PI;

/// Rows of the DCT of `inputs` values, the first `outputs` of them. Types 1, 2 and 3 as
/// `scipy.fft.dct`, orthonormal if `ortho`.
pub fn dct(kind: u8, outputs: usize, inputs: usize, ortho: bool) -> Vec<Vec<f64>> {
    let n = inputs as f64;
    let cell = |k: usize, i: usize| {
        let (kf, f) = (k as f64, i as f64);
        match kind {
            1 => {
                let m = n - 1.0;
                let c = (PI * kf * f / m).cos();
                let end = i == 0 || i + 1 == inputs;
                if ortho {
                    let weight =
                        |at: usize| if at == 0 || at + 1 == inputs { 0.5f64.sqrt() } else { 1.0 };
                    c * (2.0 / m).sqrt() * weight(k) * weight(i)
                } else {
                    c * if end { 1.0 } else { 2.0 }
                }
            }
            3 => {
                let c = (PI * f * (kf + 0.5) / n).cos();
                if ortho {
                    c * if i == 0 { (1.0 / n).sqrt() } else { (2.0 / n).sqrt() }
                } else {
                    c * if i == 0 { 1.0 } else { 2.0 }
                }
            }
            _ => {
                let c = (PI * kf * (f + 0.5) / n).cos();
                if ortho {
                    c * if k == 0 { (1.0 / n).sqrt() } else { (2.0 / n).sqrt() }
                } else {
                    2.0 * c
                }
            }
        }
    };
    (0..outputs).map(|k| (0..inputs).map(|i| cell(k, i)).collect()).collect()
}

/// Factors `1 + (l/2) sin(π (n + first) / l)` of `count` coefficients; all 1 for `l = 0`.
///
/// librosa counts from `first = 1`, HTK, Kaldi and python_speech_features from 0.
pub fn lifter(l: f64, count: usize, first: usize) -> Vec<f64> {
    let at = |n: usize| 1.0 + l / 2.0 * (PI * (n + first) as f64 / l).sin();
    (0..count).map(|n| if l > 0.0 { at(n) } else { 1.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orthonormal_transforms_keep_length() {
        for kind in [1, 2, 3] {
            let rows = dct(kind, 12, 12, true);
            for (a, row) in rows.iter().enumerate() {
                for (b, other) in rows.iter().enumerate() {
                    let dot: f64 = row.iter().zip(other).map(|(x, y)| x * y).sum();
                    assert!(
                        (dot - f64::from(u8::from(a == b))).abs() < 1e-12,
                        "type {kind} {a} {b}"
                    );
                }
            }
        }
    }
}
