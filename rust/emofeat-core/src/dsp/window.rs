//! Window functions, in double precision.

use crate::error::{Code, Error, Result};
use std::f64::consts::PI;

/// Names that [`window`] knows.
pub const NAMES: &[&str] = &[
    "hann",
    "hamming",
    "blackman",
    "bartlett",
    "boxcar",
    "povey",
    "blackmanharris",
    "nuttall",
    "flattop",
    "cosine",
    "triang",
    "bohman",
    "parzen",
    "barthann",
];

/// A window of `n` samples. `periodic` is the form for spectral analysis (one sample of the
/// symmetric window of `n + 1` left out), as `scipy.signal.get_window`; Kaldi's windows are symmetric.
pub fn window(name: &str, n: usize, periodic: bool) -> Result<Vec<f64>> {
    if n == 0 {
        return Err(Error::new(
            Code::BadParameter,
            "window has 0 samples; allowed are lengths from 1",
        ));
    }
    let name = match name {
        "hanning" => "hann",
        "rectangular" | "rect" | "ones" => "boxcar",
        name => name,
    };
    let span = if periodic { n } else { n - 1 };
    if n == 1 && NAMES.contains(&name) {
        return Ok(vec![1.0; n]);
    }
    let m = span as f64;
    let cosines = |a: &[f64]| -> Vec<f64> {
        let at = |i: usize| {
            let terms = a.iter().enumerate();
            terms.map(|(k, a)| if k % 2 == 0 { *a } else { -a } * (2.0 * PI * k as f64 * i as f64 / m).cos()).sum()
        };
        (0..n).map(at).collect()
    };
    // Distance from the middle, -1 .. 1.
    let centred = |f: &dyn Fn(f64) -> f64| -> Vec<f64> {
        (0..n).map(|i| f((2.0 * i as f64 - m) / m)).collect()
    };
    Ok(match name {
        "hann" => cosines(&[0.5, 0.5]),
        "hamming" => cosines(&[0.54, 0.46]),
        "blackman" => cosines(&[0.42, 0.5, 0.08]),
        "blackmanharris" => cosines(&[0.35875, 0.48829, 0.14128, 0.01168]),
        "nuttall" => cosines(&[0.363_581_9, 0.489_177_5, 0.136_599_5, 0.010_641_1]),
        "flattop" => {
            cosines(&[0.215_578_95, 0.416_631_58, 0.277_263_158, 0.083_578_947, 0.006_947_368])
        }
        "povey" => cosines(&[0.5, 0.5]).into_iter().map(|w: f64| w.powf(0.85)).collect(),
        "bartlett" => centred(&|x| 1.0 - x.abs()),
        "boxcar" => vec![1.0; n],
        "cosine" => (0..n).map(|i| (PI * (i as f64 + 0.5) / (m + 1.0)).sin()).collect(),
        "triang" => {
            let full = span + 1;
            let half = (if full % 2 == 0 { full } else { full + 1 }) as f64;
            (0..n).map(|i| 1.0 - (2.0 * i as f64 - m).abs() / half).collect()
        }
        "bohman" => centred(&|x| {
            let x = x.abs();
            if x >= 1.0 { 0.0 } else { (1.0 - x) * (PI * x).cos() + (PI * x).sin() / PI }
        }),
        "parzen" => (0..n)
            .map(|i| {
                let full = m + 1.0;
                let x = (i as f64 - m / 2.0).abs();
                let r = 2.0 * x / full;
                if x <= (full - 1.0) / 4.0 {
                    1.0 - 6.0 * r * r * (1.0 - r)
                } else {
                    2.0 * (1.0 - r).powi(3)
                }
            })
            .collect(),
        "barthann" => (0..n)
            .map(|i| {
                let x = (i as f64 / m - 0.5).abs();
                0.62 - 0.48 * x + 0.38 * (2.0 * PI * x).cos()
            })
            .collect(),
        _ => {
            return Err(Error::new(
                Code::UnknownName,
                format!("window '{name}' is not known; allowed are {}", NAMES.join(", ")),
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_symmetric_about_their_middle_and_at_most_one() {
        for name in NAMES {
            for n in [1usize, 2, 5, 64, 401] {
                let w = window(name, n, false).unwrap();
                for i in 0..n {
                    assert!((w[i] - w[n - 1 - i]).abs() < 1e-12, "{name} {n}");
                    assert!(w[i] <= 1.0 + 1e-8, "{name} {n}");
                }
                let periodic = window(name, n, true).unwrap();
                let longer = window(name, n + 1, false).unwrap();
                for i in 0..n {
                    assert!(n == 1 || (periodic[i] - longer[i]).abs() < 1e-12, "{name} {n} {i}");
                }
            }
        }
    }

    #[test]
    fn unknown_names_are_refused() {
        assert_eq!(window("hanm", 8, true).unwrap_err().code, Code::UnknownName);
    }
}
