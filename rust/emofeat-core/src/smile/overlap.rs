//! Sixteen overlapping frames into lanes.
//!
//! Frames of 20 and of 60 ms start a step of 10 ms apart, so a sample stands in up to seven of them,
//! and in every frame's lane one step further up. Steps side by side, turned once, therefore hold the
//! rows of all frames: those of the `m`-th step of the frames begin `m` lanes further right.

use super::spectral::Row;
use crate::dsp::lanes::{L32, Sample, kernel};

/// Steps that 16 frames reach over at most, 22 (a frame of 60 ms may be a little longer than six
/// steps), in whole blocks of four.
const WIDTH: usize = 24;

/// The same sample of neighbouring steps.
type Steps = [f32; WIDTH];

/// A block of frames that start a step apart.
#[derive(Debug)]
pub struct Overlap {
    /// Samples of a step.
    step: usize,
    /// The samples of the block, and zeros up to [`WIDTH`] steps.
    samples: Vec<f32>,
    /// The steps side by side.
    steps: Vec<Steps>,
}

impl Overlap {
    /// For frames `step` samples apart.
    pub fn new(step: usize) -> Self {
        Self { step, samples: vec![0.0; WIDTH * step], steps: vec![[0.0; WIDTH]; step] }
    }

    /// Takes the samples of [`L32`] frames, from the first one of the first frame to the last one of
    /// the last frame; at most [`WIDTH`] steps are read.
    pub fn load(&mut self, samples: &[f32]) {
        let count = samples.len().min(self.samples.len());
        let (front, rest) = self.samples.split_at_mut(count);
        front.copy_from_slice(&samples[..count]);
        rest.fill(0.0);
        turn(&self.samples, &mut self.steps);
    }

    /// The frames: row `i` is sample `i` of each. There are at most as many rows as a frame has samples.
    pub fn frames(&self, rows: &mut [Row]) {
        for (m, rows) in rows.chunks_mut(self.step).enumerate() {
            copy(&self.steps, m, rows);
        }
    }

    /// [`Self::frames`] times `window`, which has as many samples as there are rows.
    pub fn windowed(&self, window: &[f32], rows: &mut [Row]) {
        let windows = window.chunks(self.step);
        for ((m, rows), window) in rows.chunks_mut(self.step).enumerate().zip(windows) {
            weigh(&self.steps, m, window, rows);
        }
    }
}

kernel! {
    /// Steps, one after the other in `samples`, to columns.
    fn turn / turn_with<;>(samples: &[f32], steps: &mut [Steps]) {
        let step = steps.len();
        for first in (0..WIDTH).step_by(4) {
            let lanes: [_; 4] =
                std::array::from_fn(|i| samples[(first + i) * step..][..step].as_chunks::<4>());
            let (fours, rest) = steps.as_chunks_mut::<4>();
            for (at, rows) in fours.iter_mut().enumerate() {
                let turned = f32::turn(std::array::from_fn(|i| &lanes[i].0[at]));
                for (row, four) in rows.iter_mut().zip(turned) {
                    row[first..first + 4].copy_from_slice(&four);
                }
            }
            for (at, row) in rest.iter_mut().enumerate() {
                for i in 0..4 {
                    row[first + i] = lanes[i].1[at];
                }
            }
        }
    }
}

kernel! {
    fn copy / copy_with<;>(steps: &[Steps], m: usize, rows: &mut [Row]) {
        for (row, step) in rows.iter_mut().zip(steps) {
            row.copy_from_slice(&step[m..m + L32]);
        }
    }
}

kernel! {
    fn weigh / weigh_with<;>(steps: &[Steps], m: usize, window: &[f32], rows: &mut [Row]) {
        for ((row, step), w) in rows.iter_mut().zip(steps).zip(window) {
            // Read as a whole: element by element, the compiler gathers them across rows.
            row.copy_from_slice(&step[m..m + L32]);
            let lanes = *row;
            for l in 0..L32 {
                row[l] = lanes[l] * *w;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Clock;
    use super::*;
    use crate::dsp::lanes::Isa;

    #[test]
    fn every_frame_has_its_samples_in_its_lane() {
        for sr in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
            let Clock { step, short, long, .. } = Clock::new(sr).unwrap();
            let samples: Vec<f32> =
                (0..(L32 - 1) * step + long.n).map(|i| (i + 1) as f32).collect();
            let mut overlap = Overlap::new(step);
            // What was there before leaves no trace.
            overlap.load(&vec![-1.0; WIDTH * step]);
            overlap.load(&samples);
            for n in [short.n, long.n] {
                let mut rows = vec![[0.0; L32]; n];
                overlap.frames(&mut rows);
                let window: Vec<f32> = (0..n).map(|i| i as f32 / n as f32).collect();
                let mut windowed = rows.clone();
                overlap.windowed(&window, &mut windowed);
                for i in 0..n {
                    for l in 0..L32 {
                        assert_eq!(rows[i][l], samples[l * step + i], "{sr} Hz, row {i}, lane {l}");
                        assert_eq!(windowed[i][l], rows[i][l] * window[i]);
                    }
                }
            }
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_rows() {
        let samples: Vec<f32> = (0..WIDTH * 110).map(|i| (i as f32 * 0.618).fract()).collect();
        let run = |isa| {
            let mut steps = vec![[0.0; WIDTH]; 110];
            turn_with(isa, &samples, &mut steps);
            let mut rows = [vec![[0.0; L32]; 110], vec![[0.0; L32]; 110]];
            copy_with(isa, &steps, 3, &mut rows[0]);
            weigh_with(isa, &steps, 7, &samples[..110], &mut rows[1]);
            rows
        };
        assert_eq!(run(Isa::Portable), run(Isa::Avx2));
        assert_eq!(run(Isa::Portable), run(Isa::Avx512));
    }
}
