//! Filterbanks: sparse rows of weights over the bins of a spectrum, in the conventions of several
//! packages.

use super::lanes::{Real, kernel};
use crate::error::{Code, Error, Result};

/// A bank of filters, each a run of weights from bin `start` on.
#[derive(Debug, Clone, PartialEq)]
pub struct Bank {
    /// Per filter: first bin and weights.
    pub filters: Vec<(usize, Vec<f64>)>,
    /// Number of bins that the bank reads.
    pub bins: usize,
}

impl Bank {
    /// A bank from a dense matrix given row by row; zeros at both ends of a row are left out.
    pub fn from_rows(rows: impl Iterator<Item = Vec<f64>>, bins: usize) -> Self {
        let filters = rows
            .map(|row| {
                let start = row.iter().position(|w| *w != 0.0).unwrap_or(0);
                let end = row.iter().rposition(|w| *w != 0.0).map_or(start, |i| i + 1);
                (start, row[start..end].to_vec())
            })
            .collect();
        Self { filters, bins }
    }

    /// The dense matrix, filters first.
    pub fn dense(&self) -> Vec<Vec<f64>> {
        let mut rows = vec![vec![0.0; self.bins]; self.filters.len()];
        for (row, (start, weights)) in rows.iter_mut().zip(&self.filters) {
            row[*start..*start + weights.len()].copy_from_slice(weights);
        }
        rows
    }

    /// The bank in precision `T`, ready to run.
    pub fn plan<T: Real>(&self) -> PlannedBank<T> {
        let filters = self.filters.iter();
        PlannedBank {
            filters: filters.map(|(s, w)| (*s, w.iter().map(|w| T::of(*w)).collect())).collect(),
        }
    }
}

/// A [`Bank`] in one precision.
#[derive(Debug, Clone)]
pub struct PlannedBank<T> {
    filters: Vec<(usize, Vec<T>)>,
}

impl<T: Real> PlannedBank<T> {
    /// Weighted sums of `spectrum`, one row per filter.
    pub fn apply<const L: usize>(&self, spectrum: &[[T; L]], out: &mut [[T; L]]) {
        weighted(&self.filters, spectrum, out);
    }
}

kernel! {
    fn weighted / weighted_with<T: Real; L>(
        filters: &[(usize, Vec<T>)], spectrum: &[[T; L]], out: &mut [[T; L]],
    ) {
        for ((start, weights), out) in filters.iter().zip(out) {
            let mut sum = [T::ZERO; L];
            for (w, row) in weights.iter().zip(&spectrum[*start..]) {
                for l in 0..L {
                    sum[l] += row[l] * *w;
                }
            }
            *out = sum;
        }
    }
}

/// Hz to mel, Slaney's scale: linear below 1 kHz, logarithmic above (librosa's default).
pub fn slaney_mel(hz: f64) -> f64 {
    if hz >= 1000.0 { 15.0 + (hz / 1000.0).ln() / (6.4f64.ln() / 27.0) } else { hz / (200.0 / 3.0) }
}

/// Mel (Slaney) to Hz.
pub fn slaney_hz(mel: f64) -> f64 {
    if mel >= 15.0 {
        1000.0 * ((6.4f64.ln() / 27.0) * (mel - 15.0)).exp()
    } else {
        mel * (200.0 / 3.0)
    }
}

/// Hz to mel, `2595 log10(1 + f/700)` (HTK).
pub fn htk_mel(hz: f64) -> f64 {
    2595.0 * (1.0 + hz / 700.0).log10()
}

/// Mel (HTK) to Hz.
pub fn htk_hz(mel: f64) -> f64 {
    700.0 * (10f64.powf(mel / 2595.0) - 1.0)
}

/// `n` centre frequencies equally spaced in mel from `fmin` to `fmax`, in Hz (librosa's `mel_frequencies`).
pub fn mel_frequencies(n: usize, fmin: f64, fmax: f64, htk: bool) -> Vec<f64> {
    let (to, from): (fn(f64) -> f64, fn(f64) -> f64) =
        if htk { (htk_mel, htk_hz) } else { (slaney_mel, slaney_hz) };
    let (low, high) = (to(fmin), to(fmax));
    let step = if n > 1 { (high - low) / (n - 1) as f64 } else { 0.0 };
    (0..n).map(|i| from(if i + 1 == n && n > 1 { high } else { low + step * i as f64 })).collect()
}

/// How the triangles of [`mel_bank`] are scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Norm {
    /// Peak 1.
    None,
    /// Area 1: times `2 / (p[i+2] - p[i])`.
    Slaney,
    /// Each filter divided by its `p`-norm (infinity: its maximum).
    P(f64),
}

/// librosa's (and, with `htk` and [`Norm::None`], torchaudio's) mel filters: triangles linear in Hz.
pub fn mel_bank(
    sr: f64,
    n_fft: usize,
    n_mels: usize,
    fmin: f64,
    fmax: f64,
    htk: bool,
    norm: Norm,
) -> Result<Bank> {
    if n_mels == 0 {
        return Err(Error::new(Code::BadParameter, "n_mels is 0; allowed are values from 1"));
    }
    // Negated, so that NaN is refused too.
    if !(fmin >= 0.0 && fmin < fmax) {
        let message = format!("fmin {fmin} Hz and fmax {fmax} Hz: allowed is 0 <= fmin < fmax");
        return Err(Error::new(Code::BadParameter, message));
    }
    let bins = 1 + n_fft / 2;
    let p = mel_frequencies(n_mels + 2, fmin, fmax, htk);
    let rows = (0..n_mels).map(|i| {
        let mut row: Vec<f64> = (0..bins)
            .map(|k| {
                let f = k as f64 * sr / n_fft as f64;
                let (up, down) =
                    ((f - p[i]) / (p[i + 1] - p[i]), (p[i + 2] - f) / (p[i + 2] - p[i + 1]));
                // librosa stores its matrix in single precision before it normalises.
                f64::from(up.min(down).max(0.0) as f32)
            })
            .collect();
        let scale = match norm {
            Norm::None => 1.0,
            Norm::Slaney => 2.0 / (p[i + 2] - p[i]),
            Norm::P(order) => {
                let size = if order.is_infinite() {
                    row.iter().fold(0.0, |a: f64, w| a.max(*w))
                } else {
                    row.iter().map(|w| w.powf(order)).sum::<f64>().powf(1.0 / order)
                };
                if size < f64::from(f32::MIN_POSITIVE) { 1.0 } else { 1.0 / size }
            }
        };
        row.iter_mut().for_each(|w| *w = f64::from((*w * scale) as f32));
        row
    });
    Ok(Bank::from_rows(rows, bins))
}

/// Kaldi's mel filters: triangles linear in mel over the bins below Nyquist, peak 1.
///
/// `high` at or below 0 is an offset from Nyquist.
pub fn kaldi_bank(sr: f64, n_fft: usize, n_mels: usize, low: f64, high: f64) -> Result<Bank> {
    let nyquist = 0.5 * sr;
    let high = if high <= 0.0 { nyquist + high } else { high };
    if !(0.0..nyquist).contains(&low) || high <= low || high > nyquist {
        let message = format!(
            "low_freq {low} Hz and high_freq {high} Hz: allowed is 0 <= low_freq < high_freq <= {nyquist} Hz"
        );
        return Err(Error::new(Code::BadParameter, message));
    }
    if n_mels < 4 {
        let message = format!("num_mel_bins is {n_mels}; allowed are values from 4");
        return Err(Error::new(Code::BadParameter, message));
    }
    let mel = |hz: f64| 1127.0 * (1.0 + hz / 700.0).ln();
    let (first, last) = (mel(low), mel(high));
    let step = (last - first) / (n_mels + 1) as f64;
    let bins = n_fft / 2;
    let rows = (0..n_mels).map(|b| {
        let left = first + b as f64 * step;
        let (centre, right) = (left + step, left + 2.0 * step);
        (0..bins)
            .map(|k| {
                let m = mel(sr / n_fft as f64 * k as f64);
                if m <= left || m >= right {
                    0.0
                } else if m <= centre {
                    (m - left) / (centre - left)
                } else {
                    (right - m) / (right - centre)
                }
            })
            .collect()
    });
    Ok(Bank::from_rows(rows, bins))
}

/// python_speech_features' mel filters: triangles of height 1, linear in bins, between edges that
/// are equally spaced in mel (HTK's) and rounded down to bins of `(n_fft + 1) f / sr`.
pub fn psf_bank(sr: f64, n_fft: usize, n_filters: usize, low: f64, high: f64) -> Result<Bank> {
    // Negated, so that NaN is refused too.
    if !(low >= 0.0 && low < high && high <= sr / 2.0) {
        let message = format!(
            "lowfreq {low} Hz and highfreq {high} Hz: allowed is 0 <= lowfreq < highfreq <= {} Hz",
            sr / 2.0
        );
        return Err(Error::new(Code::BadParameter, message));
    }
    let bins = n_fft / 2 + 1;
    let points = mel_frequencies(n_filters + 2, low, high, true);
    let edges: Vec<f64> = points.iter().map(|hz| ((n_fft + 1) as f64 * hz / sr).floor()).collect();
    let rows = (0..n_filters).map(|j| {
        let (left, centre, right) = (edges[j], edges[j + 1], edges[j + 2]);
        let weight = |k: usize| {
            let k = k as f64;
            if k < left || k >= right {
                0.0
            } else if k < centre {
                (k - left) / (centre - left)
            } else {
                (right - k) / (right - centre)
            }
        };
        (0..bins).map(weight).collect()
    });
    Ok(Bank::from_rows(rows, bins))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_invert() {
        for hz in [0.0, 1.0, 440.0, 999.9, 1000.0, 4000.0, 22_050.0] {
            assert!((slaney_hz(slaney_mel(hz)) - hz).abs() < 1e-9 * (1.0 + hz));
            assert!((htk_hz(htk_mel(hz)) - hz).abs() < 1e-9 * (1.0 + hz));
        }
    }

    #[test]
    fn slaney_filters_have_area_one() {
        let bank = mel_bank(16_000.0, 4096, 40, 0.0, 8000.0, false, Norm::Slaney).unwrap();
        for row in bank.dense() {
            assert!((row.iter().sum::<f64>() * 16_000.0 / 4096.0 - 1.0).abs() < 0.02);
        }
    }

    #[test]
    fn sparse_and_dense_banks_agree() {
        let bank = mel_bank(22_050.0, 512, 64, 0.0, 11_025.0, true, Norm::None).unwrap();
        let spectrum: Vec<[f64; 4]> = (0..257).map(|k| [k as f64; 4]).collect();
        let mut out = vec![[0.0; 4]; 64];
        bank.plan().apply(&spectrum, &mut out);
        for (row, out) in bank.dense().iter().zip(&out) {
            let expected: f64 = row.iter().enumerate().map(|(k, w)| w * k as f64).sum();
            assert!((out[2] - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn kaldi_filters_leave_out_nyquist_and_sum_to_one_between_their_centres() {
        let bank = kaldi_bank(16_000.0, 512, 23, 20.0, 0.0).unwrap();
        assert_eq!(bank.bins, 256);
        let dense = bank.dense();
        let mel = |hz: f64| 1127.0 * (1.0 + hz / 700.0).ln();
        let step = (mel(8000.0) - mel(20.0)) / 24.0;
        for k in 0..256 {
            let m = (mel(k as f64 * 31.25) - mel(20.0)) / step;
            let sum: f64 = dense.iter().map(|row| row[k]).sum();
            if (1.0..23.0).contains(&m) {
                assert!((sum - 1.0).abs() < 1e-9, "bin {k}: {sum}");
            }
        }
        // An upper edge of -400 is 7600 Hz.
        let below = kaldi_bank(16_000.0, 512, 23, 20.0, -400.0).unwrap();
        assert_eq!(below, kaldi_bank(16_000.0, 512, 23, 20.0, 7600.0).unwrap());
    }

    #[test]
    fn psf_filters_rise_and_fall_in_whole_bins() {
        // One filter to half of 8 kHz: the mel point in the middle is 1073.05 mel, 1113.97 Hz, bin
        // floor(17 * 1113.97 / 8000) = 2; the edges are bins 0 and floor(8.5) = 8.
        let bank = psf_bank(8000.0, 16, 1, 0.0, 4000.0).unwrap();
        let expected = [0.0, 0.5, 1.0, 5.0 / 6.0, 4.0 / 6.0, 0.5, 2.0 / 6.0, 1.0 / 6.0, 0.0];
        for (w, expected) in bank.dense()[0].iter().zip(expected) {
            assert!((w - expected).abs() < 1e-12, "{:?}", bank.dense()[0]);
        }
        assert!(psf_bank(8000.0, 16, 1, 0.0, 4001.0).is_err());
    }
}
