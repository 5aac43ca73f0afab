//! Harmonics-to-noise ratio of 60 ms frames: the autocorrelation at the pitch period against what is
//! missing to the energy.
//!
//! Only voiced frames have one, and which frames are voiced is known only after the pitch has been
//! decided; so frames come with their magnitudes, and as many as there are lanes at a time.

use super::clock::Grid;
use crate::dsp::lanes::{L32, Sample};
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
    /// Magnitudes, and their autocorrelation as the FFT leaves it.
    magnitude: Vec<[f32; L32]>,
    lags: Vec<[f32; L32]>,
}

/// A voiced frame.
#[derive(Debug, Clone, Copy)]
pub struct Voiced<'a> {
    /// Magnitudes of the 60 ms frame's bins.
    pub magnitude: &'a [f32],
    /// Hz, above 0.
    pub f0: f32,
}

impl Hnr {
    /// Prepares for frames of `grid`.
    pub fn new(grid: &Grid) -> Result<Self> {
        let bins = grid.bins();
        Ok(Self {
            fft: RealFft::new(grid.k)?,
            top: grid.axis[bins - 1],
            magnitude: vec![[0.0; L32]; bins],
            lags: vec![[0.0; L32]; grid.k],
        })
    }

    /// Ratios of up to [`L32`] frames in dB; lanes without a frame are left as they were.
    pub fn apply(&mut self, frames: &[Voiced<'_>], out: &mut [f32; L32]) {
        let frames = &frames[..frames.len().min(L32)];
        load(frames.iter().map(|frame| frame.magnitude), &mut self.magnitude);
        self.fft.autocorrelation(&self.magnitude, &mut self.lags);
        for (lane, frame) in frames.iter().enumerate() {
            let at = |i: usize| self.fft.lag(&self.lags, lane, i);
            out[lane] = ratio(&at, self.fft.bins(), self.top, frame.f0);
        }
    }
}

/// Frames, at most [`L32`], into lanes; zeros into those left over.
pub(super) fn load<'a>(frames: impl Iterator<Item = &'a [f32]>, rows: &mut [[f32; L32]]) {
    let frames: Vec<&[f32]> = frames.collect();
    if frames.len() < L32 {
        rows.fill([0.0; L32]);
    }
    let (fours, single) = frames.as_chunks::<4>();
    for (group, four) in fours.iter().enumerate() {
        let lane = 4 * group;
        let blocks = four.map(|frame| frame.as_chunks::<4>());
        for (b, rows) in rows.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let turned = f32::turn(blocks.map(|(blocks, _)| &blocks[b]));
            for (row, four) in rows.iter_mut().zip(turned) {
                row[lane..lane + 4].copy_from_slice(&four);
            }
        }
        let tail = rows.len() / 4 * 4;
        for (row, i) in rows[tail..].iter_mut().zip(tail..) {
            for (x, frame) in row[lane..lane + 4].iter_mut().zip(four) {
                *x = frame[i];
            }
        }
    }
    for (frame, lane) in single.iter().zip(4 * fours.len()..) {
        for (row, x) in rows.iter_mut().zip(*frame) {
            row[lane] = *x;
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
        let magnitudes: Vec<_> = (0..L32).map(frame).collect();
        let voiced = |l: usize| Voiced { magnitude: &magnitudes[l], f0: 100.0 + 7.0 * l as f32 };
        let mut hnr = Hnr::new(&grid).unwrap();
        let frames: Vec<_> = (0..L32).map(voiced).collect();
        let mut together = [0.0; L32];
        hnr.apply(&frames, &mut together);
        // Harmonic by construction, to different degrees.
        assert!(together.iter().all(|x| (-10.0..60.0).contains(x)), "{together:?}");
        for count in [1, 3, 5, 15] {
            for first in 0..L32 - count {
                let mut some = [0.0; L32];
                hnr.apply(&frames[first..first + count], &mut some);
                assert_eq!(some[..count], together[first..first + count], "{first} {count}");
            }
        }
    }
}
