//! Harmonics-to-noise ratio of 60 ms frames: the autocorrelation at the pitch period against what is
//! missing to the energy.
//!
//! Only voiced frames have one, and which frames are voiced is known only after the pitch has been
//! decided; so frames come with their magnitudes, as many as there are lanes at a time.

use super::clock::Grid;
use crate::dsp::lanes::L32;
use crate::dsp::ooura::RealFft;
use crate::error::Result;

/// Bounds of the ratio of harmonic to noise energy: -90 to 110 dB.
const BOUNDS: (f64, f64) = (1e-9, 1e11);

/// Harmonics-to-noise ratios at one frame length.
#[derive(Debug)]
pub struct Hnr {
    fft: RealFft,
    /// Hz; frequency of the last bin.
    top: f64,
    /// The autocorrelation as the FFT leaves it.
    lags: Vec<[f32; L32]>,
}

impl Hnr {
    /// Prepares for frames of `grid`.
    pub fn new(grid: &Grid) -> Result<Self> {
        Ok(Self {
            fft: RealFft::new(grid.k)?,
            top: grid.axis[grid.bins() - 1],
            lags: vec![[0.0; L32]; grid.k],
        })
    }

    /// Ratios in dB of the first lanes of `magnitude` (`bins` rows), as many as there are `frames`, which
    /// are given by number and F0 in Hz; other lanes are left as they were.
    pub fn apply(
        &mut self,
        magnitude: &[[f32; L32]],
        frames: &[(usize, f32)],
        out: &mut [f32; L32],
    ) {
        self.fft.autocorrelation(magnitude, &mut self.lags);
        for (lane, (out, (_, f0))) in out.iter_mut().zip(frames).enumerate() {
            let at = |i: usize| self.fft.lag(&self.lags, lane, i);
            *out = ratio(&at, self.fft.bins(), self.top, *f0);
        }
    }
}

/// Ratio in dB from the autocorrelation `at` lags `0..lags`, at the peak nearest to the period of `f0`;
/// 0 where there is none.
///
/// `top` is the frequency of the last of the bins, which are as many as the lags.
pub fn ratio(at: &impl Fn(usize) -> f32, lags: usize, top: f64, f0: f32) -> f32 {
    if f0.is_nan() || f0 <= 0.0 || lags < 2 {
        return 0.0;
    }
    let period = (2.0 * top / f64::from(f0)).floor() as usize;
    let lag = if period == 0 { 0 } else { nearest_peak(at, lags - 1, period) };
    if lag == 0 {
        return 0.0;
    }
    // A difference in single precision, a ratio in double.
    let noise = at(0) - at(lag);
    let ratio = if noise == 0.0 { BOUNDS.1 } else { f64::from(at(lag)) / f64::from(noise) };
    (10.0 * ratio.clamp(BOUNDS.0, BOUNDS.1).log10()) as f32
}

/// The peak nearest to `start`, the left one of two; without any, the higher end (the nearer of two
/// that are both higher than the start), or the start itself.
fn nearest_peak(at: &impl Fn(usize) -> f32, last: usize, start: usize) -> usize {
    let start = start.min(last);
    let peak = |i: usize| (i == 0 || at(i) > at(i - 1)) && (i == last || at(i) > at(i + 1));
    let left = |d: usize| start.checked_sub(d);
    let right = |d: usize| Some(start + d).filter(|i| *i <= last);
    let nearest = (0..=last).flat_map(|d| [left(d), right(d)]).flatten().find(|i| peak(*i));
    nearest.unwrap_or_else(|| match (at(0) > at(start), at(last) > at(start)) {
        (true, false) => 0,
        (false, true) => last,
        (true, true) if start < last.div_ceil(2) => 0,
        (true, true) => last,
        (false, false) => start,
    })
}

#[cfg(test)]
mod tests {
    use super::super::clock::Clock;
    use super::*;
    use std::f64::consts::TAU;

    fn found(x: &[f32], start: usize) -> usize {
        nearest_peak(&|i| x[i], x.len() - 1, start)
    }

    #[test]
    fn the_nearest_peak_is_found_the_left_one_first() {
        let x = [0.0, 3.0, 0.0, 1.0, 2.0, 1.0, 0.0, 2.0, 0.0];
        assert_eq!(found(&x, 4), 4);
        assert_eq!(found(&x, 3), 4);
        assert_eq!(found(&x, 2), 1);
        assert_eq!(found(&[0.0, 2.0, 1.0, 2.0, 0.0], 2), 1);
        assert_eq!(found(&x, 99), 7);
        // The ends are peaks if they are above their only neighbour.
        assert_eq!(found(&[3.0, 2.0, 1.0], 2), 0);
        assert_eq!(found(&[1.0, 2.0, 3.0], 0), 2);
        // A plateau is none, and nothing is higher.
        assert_eq!(found(&[1.0, 1.0, 1.0], 1), 1);
    }

    #[test]
    fn the_ratio_is_that_of_the_lag_to_the_rest_of_the_energy() {
        let mut lags = vec![0.0f32; 9];
        (lags[0], lags[4]) = (1.0, 0.8);
        let of = |lags: &[f32], f0: f32| ratio(&|i| lags[i], lags.len(), 200.0, f0);
        // 2 top / f0 = 4.
        let near = |x: f32, y: f64| (f64::from(x) - y).abs() < 1e-4;
        assert!(near(of(&lags, 100.0), 10.0 * 4f64.log10()));
        lags[4] = 1.0;
        assert_eq!(of(&lags, 100.0), 110.0);
        // A period below one sample, no pitch, no autocorrelation.
        assert_eq!(of(&lags, 500.0), 0.0);
        assert_eq!(of(&lags, 0.0), 0.0);
        assert_eq!(of(&lags, f32::NAN), 0.0);
        assert_eq!(of(&[], 100.0), 0.0);
    }

    #[test]
    fn a_frame_has_the_same_ratio_in_every_lane_and_company() {
        let grid = Clock::new(16_000).unwrap().long;
        let frame = |l: usize| -> Vec<f32> {
            let f = 100.0 + 7.0 * l as f64;
            let bin = |k: usize| 1.0 + (TAU * grid.axis[k] / f).cos() + 0.1 * (k * l % 7) as f64;
            (0..grid.bins()).map(|k| (bin(k) / (1.0 + 1e-3 * grid.axis[k])) as f32).collect()
        };
        let frames: Vec<_> = (0..L32).map(frame).collect();
        let mut hnr = Hnr::new(&grid).unwrap();
        // `count` frames from number `first` on in the first lanes, zeros in the others.
        let mut ratios = |first: usize, count: usize| {
            let lane = |l: usize, b: usize| if l < count { frames[first + l][b] } else { 0.0 };
            let rows: Vec<[f32; L32]> =
                (0..grid.bins()).map(|b| std::array::from_fn(|l| lane(l, b))).collect();
            let f0: Vec<_> = (first..first + count).map(|l| (l, 100.0 + 7.0 * l as f32)).collect();
            let mut out = [0.0; L32];
            hnr.apply(&rows, &f0, &mut out);
            assert!(out[count..].iter().all(|x| *x == 0.0));
            out[..count].to_vec()
        };
        let together = ratios(0, L32);
        // Harmonic by construction, to different degrees.
        assert!(together.iter().all(|x| (-10.0..60.0).contains(x)), "{together:?}");
        for count in [1, 3, 5, 15] {
            for first in 0..L32 - count {
                assert_eq!(ratios(first, count), together[first..first + count]);
            }
        }
    }
}
