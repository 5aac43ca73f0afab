//! Frame lengths, steps and frequency axes at one sampling rate.

use crate::error::{Code, Error, Result};

/// One stream of frames.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Samples in a frame.
    pub n: usize,
    /// Length of the FFT, the smallest power of two that holds the frame.
    pub k: usize,
    /// Zeros in front of the frame in the FFT's input.
    pub before: usize,
    /// Hz between bins, from the frame's nominal length.
    pub delta: f64,
    /// Frequencies of the `k / 2 + 1` bins in Hz.
    pub axis: Vec<f64>,
}

impl Grid {
    fn new(n: usize, seconds: f64) -> Self {
        let k = n.next_power_of_two();
        let delta = 1.0 / (seconds * k as f64 / n as f64);
        let axis = (0..=k / 2).map(|b| b as f64 * delta).collect();
        Self { n, k, before: (k - n) / 2, delta, axis }
    }

    /// Number of bins.
    pub fn bins(&self) -> usize {
        self.k / 2 + 1
    }

    /// Number of complete frames in `samples` samples, `step` apart.
    pub fn frames(&self, samples: usize, step: usize) -> usize {
        if samples < self.n { 0 } else { (samples - self.n) / step + 1 }
    }
}

/// The two streams of frames of a recording, 20 ms and 60 ms, frame `k` of both starting at sample
/// `k * step`.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// Sampling rate in Hz.
    pub sr: u32,
    /// Samples from one frame to the next.
    pub step: usize,
    /// Frames of 20 ms.
    pub short: Grid,
    /// Frames of 60 ms.
    pub long: Grid,
}

impl Clock {
    /// The streams at `sr` Hz, 8 to 96 kHz.
    pub fn new(sr: u32) -> Result<Self> {
        if !(8_000..=96_000).contains(&sr) {
            let message = format!(
                "sampling rate {sr} Hz: eGeMAPSv02 and ComParE_2016 are defined from 8000 to 96000 Hz; resample with sr=16000"
            );
            return Err(Error::new(Code::BadRate, message));
        }
        // In this order of operations: 0.010 * 22050 would round to 220 and not to 221.
        let period = 1.0 / f64::from(sr);
        let length = |seconds: f64| (seconds / period).round() as usize;
        Ok(Self {
            sr,
            step: length(0.010),
            short: Grid::new(length(0.020), 0.020),
            long: Grid::new(length(0.060), 0.060),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_lengths_are_those_of_the_specification() {
        for (sr, long, short, step) in [
            (8_000, 480, 160, 80),
            (11_025, 662, 221, 110),
            (16_000, 960, 320, 160),
            (22_050, 1323, 441, 221),
            (44_100, 2646, 882, 441),
            (48_000, 2880, 960, 480),
        ] {
            let clock = Clock::new(sr).unwrap();
            assert_eq!((clock.long.n, clock.short.n, clock.step), (long, short, step), "{sr}");
        }
        assert!(Clock::new(7_999).is_err());
    }
}
