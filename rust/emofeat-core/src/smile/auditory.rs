//! Auditory spectra of 20 ms frames: mel bands, loudness, RASTA filtering, cepstrum.

use super::clock::Grid;
use super::spectral::Row;
use super::{Variant, compare20};
use crate::dsp::exp::exp;
use crate::dsp::lanes::{L32, kernel};
use crate::dsp::log::ln;
use crate::dsp::mel::{Bank, PlannedBank};
use std::f64::consts::PI;

/// Mel bands.
pub const BANDS: usize = 26;

/// Smallest power of a band before loudness, on the scale of samples in ±1.
const FLOOR: f32 = 9.3e-10;

/// Exponent of Stevens' law, from intensity to loudness.
const STEVENS: f64 = 0.33;

/// Lifter of the cepstrum.
const LIFTER: f64 = 22.0;

fn mel(hz: f64) -> f64 {
    1127.0 * (1.0 + hz / 700.0).ln()
}

/// Triangles of peak 1, equally wide on the mel scale, from 20 to 8000 Hz or half the rate, and what
/// is derived from them.
#[derive(Debug, Clone)]
pub struct Auditory {
    bank: PlannedBank<f32>,
    /// Equal-loudness weight of each band, and its logarithm.
    weights: [f64; BANDS],
    /// Coefficients from 1 on.
    cosines: Vec<Cosine>,
}

/// One coefficient of the cepstrum: a row of the cosine transform, and the factor of its sum.
#[derive(Debug, Clone)]
struct Cosine {
    row: [f32; BANDS],
    norm: f32,
    lifter: f32,
}

impl Auditory {
    /// The bands on the axis of `grid`, and `mfcc` cepstral coefficients.
    pub fn new(grid: &Grid, mfcc: usize, variant: Variant) -> Self {
        let high = (grid.delta * (grid.k / 2) as f64).min(8000.0);
        let (from, to) = (mel(20.0) as f32, mel(high) as f32);
        let step = (to - from) / (BANDS + 1) as f32;
        let centres: Vec<f32> = (0..BANDS + 2).map(|j| from + step * j as f32).collect();
        let hz = |m: f32| 700.0 * ((f64::from(m) / 1127.0).exp() - 1.0);
        Self {
            bank: triangles(grid, high, &centres).plan(),
            weights: std::array::from_fn(|j| equal_loudness(hz(centres[j + 1]), variant)),
            cosines: (1..=mfcc).map(Cosine::new).collect(),
        }
    }

    /// Powers of the mel bands.
    pub fn bands(&self, power: &[Row], mel: &mut [Row; BANDS]) {
        self.bank.apply(power, mel);
    }

    /// Loudness: mean over bands of power, weighted by the ear, to the power of 0.33.
    pub fn loudness(&self, mel: &[Row; BANDS], out: &mut Row) {
        loudness(mel, &self.weights, out);
    }

    /// Cepstral coefficients from 1 on, of bands on the scale of 16-bit samples.
    pub fn mfcc(&self, mel: &[Row; BANDS], out: &mut [Row]) {
        cepstrum(mel, &self.cosines, out);
    }
}

/// Triangles between neighbouring `centres`, in mel. Their slopes are single precision: a millionth of
/// a weight shows in the cepstrum.
fn triangles(grid: &Grid, high: f64, centres: &[f32]) -> Bank {
    let bin = |hz: f64| (hz / grid.delta).round() as usize;
    let (low, high) = (bin(20.0), bin(high).min(grid.bins()));
    let delta = grid.delta as f32;
    let weight = |j: usize, b: usize| {
        let m = mel(f64::from(b as f32 * delta)) as f32;
        let (left, peak, right) = (centres[j], centres[j + 1], centres[j + 2]);
        let weight = match m {
            _ if b <= low || b >= high => 0.0,
            m if left < m && m <= peak => 1.0 - (peak - m) / (peak - left),
            m if peak < m && m <= right => (right - m) / (right - peak),
            _ => 0.0,
        };
        f64::from(weight)
    };
    let rows = (0..BANDS).map(|j| (0..grid.bins()).map(|b| weight(j, b)).collect());
    Bank::from_rows(rows, grid.bins())
}

/// Sensitivity of the ear at `hz`, as power (Hermansky 1990).
///
/// openSMILE's last factor has ω⁷ in place of ω⁶, with a constant to suit; both forms are scaled to
/// the same value at low frequencies.
fn equal_loudness(hz: f64, variant: Variant) -> f64 {
    let w = 2.0 * PI * hz;
    let w2 = w * w;
    let curve = (w2 + 56.8e6) * w2 * w2 / ((w2 + 6.3e6).powi(2) * (w2 + 0.38e9));
    curve
        * match variant {
            Variant::OpenSmile => 1e32 / (w.powi(7) + 1.7e31),
            Variant::Paper => 1e32 / 1.7e31 / (w.powi(6) / 9.58e26 + 1.0),
        }
}

impl Cosine {
    fn new(i: usize) -> Self {
        let at = |j: usize| (PI * i as f64 * (j as f64 + 0.5) / BANDS as f64).cos();
        Self {
            row: std::array::from_fn(|j| at(j) as f32),
            norm: (2.0 / BANDS as f64).sqrt() as f32,
            lifter: (1.0 + LIFTER / 2.0 * (PI * i as f64 / LIFTER).sin()) as f32,
        }
    }
}

kernel! {
    fn loudness / loudness_with<;>(mel: &[Row; BANDS], weights: &[f64; BANDS], out: &mut Row) {
        let mut sum = [0.0f64; L32];
        for (row, w) in mel.iter().zip(weights) {
            for l in 0..L32 {
                let power = if row[l] > FLOOR { row[l] } else { FLOOR };
                sum[l] += exp(STEVENS * ln(f64::from(power) * w));
            }
        }
        for l in 0..L32 {
            out[l] = (sum[l] / BANDS as f64) as f32;
        }
    }
}

kernel! {
    fn cepstrum / cepstrum_with<;>(mel: &[Row; BANDS], cosines: &[Cosine], out: &mut [Row]) {
        let mut log = [[0.0f32; L32]; BANDS];
        for (row, log) in mel.iter().zip(&mut log) {
            for l in 0..L32 {
                let power = row[l] * (32767.0 * 32767.0);
                log[l] = ln(f64::from(if power > 1.0 { power } else { 1.0 })) as f32;
            }
        }
        for (cosine, out) in cosines.iter().zip(out) {
            let mut sum = [0.0f32; L32];
            for (log, c) in log.iter().zip(&cosine.row) {
                for l in 0..L32 {
                    sum[l] += log[l] * *c;
                }
            }
            for l in 0..L32 {
                out[l] = sum[l] * (cosine.norm * cosine.lifter);
            }
        }
    }
}

/// Coefficients of the RASTA filter at a frame period of 10 ms: its slope filter has a zero at 29 Hz
/// and its pole a corner at 1 Hz.
#[derive(Debug, Clone, Copy)]
struct RastaFilter {
    /// Of the input, delayed by 0 to 4 frames.
    taps: [f64; 5],
    /// Of the output before.
    pole: f64,
}

impl RastaFilter {
    fn new() -> Self {
        let period = 0.01;
        let om = (2.0 * PI * 29.0 * period).cos();
        let norm = (10.0 * (32.0 * om * om + 8.0)).sqrt();
        let (b0, b1) = (2.0 / norm, -4.0 * om / norm);
        Self { taps: [b0, b1, 0.0, -b1, -b0], pole: 1.0 - (2.0 * PI * period).sin() }
    }
}

/// RASTA-filtered auditory spectrum: the logarithm of each band filtered over time (Hermansky and
/// Morgan 1994), weighted by the ear, to the power of 0.33.
///
/// The first five frames, which fill the filter, count as filtered to 0.
#[derive(Debug, Clone)]
pub struct Rasta {
    filter: RastaFilter,
    /// Equal-loudness weight of each band, as logarithm.
    weights: [f64; BANDS],
    /// What is to be added to the next four outputs of each band.
    state: [[f64; BANDS]; 4],
    frames: u64,
}

/// Frames until the filter's taps are filled.
const FILL: u64 = 5;

impl Rasta {
    /// The filter over the bands of `auditory`, before the first frame.
    pub fn new(auditory: &Auditory) -> Self {
        Self {
            filter: RastaFilter::new(),
            weights: auditory.weights.map(f64::ln),
            state: [[0.0; BANDS]; 4],
            frames: 0,
        }
    }

    /// Forgets the frames seen.
    pub fn reset(&mut self) {
        self.state = [[0.0; BANDS]; 4];
        self.frames = 0;
    }

    /// Writes the filtered bands of the next `valid` frames and, in the row given, their mean.
    pub fn apply(&mut self, mel: &[Row; BANDS], valid: usize, out: &mut [Row]) {
        // Frames by bands: the filter runs over the frames, its steps are wide over the bands.
        let mut log = [[0.0f64; BANDS]; L32];
        log_frames(mel, &mut log);
        for frame in log.iter_mut().take(valid) {
            self.step(frame);
        }
        let mut mean = [0.0; L32];
        compress(&log, &self.weights, &mut out[compare20::RFILT..][..BANDS], &mut mean);
        out[compare20::AUDSPEC_RASTA] = mean;
    }

    fn step(&mut self, frame: &mut [f64; BANDS]) {
        let RastaFilter { taps, pole } = self.filter;
        let full = self.frames >= FILL;
        let [z0, z1, z2, z3] = &mut self.state;
        for (j, x) in frame.iter_mut().enumerate() {
            let y = taps[0] * *x + z0[j];
            let back = if full { pole * y } else { 0.0 };
            z0[j] = taps[1] * *x + z1[j] + back;
            z1[j] = taps[2] * *x + z2[j];
            z2[j] = taps[3] * *x + z3[j];
            z3[j] = taps[4] * *x;
            *x = if full { y } else { 0.0 };
        }
        self.frames += 1;
    }
}

kernel! {
    fn log_frames / log_frames_with<;>(mel: &[Row; BANDS], log: &mut [[f64; BANDS]; L32]) {
        for (j, row) in mel.iter().enumerate() {
            let mut logs = [0.0; L32];
            for l in 0..L32 {
                logs[l] = ln(f64::from(if row[l] > FLOOR { row[l] } else { FLOOR }));
            }
            for l in 0..L32 {
                log[l][j] = logs[l];
            }
        }
    }
}

kernel! {
    fn compress / compress_with<;>(
        log: &[[f64; BANDS]; L32], weights: &[f64; BANDS], out: &mut [Row], mean: &mut Row,
    ) {
        let mut sum = [0.0f64; L32];
        for ((j, w), row) in weights.iter().enumerate().zip(out) {
            let mut x = [0.0f64; L32];
            for l in 0..L32 {
                x[l] = log[l][j];
            }
            for l in 0..L32 {
                row[l] = exp(STEVENS * (x[l] + w)) as f32;
                sum[l] += f64::from(row[l]);
            }
        }
        for l in 0..L32 {
            mean[l] = (sum[l] / BANDS as f64) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::lanes::Isa;
    use crate::smile::clock::Clock;

    fn auditory(sr: u32) -> Auditory {
        Auditory::new(&Clock::new(sr).unwrap().short, 4, Variant::OpenSmile)
    }

    /// Bands of a block, other ones in every lane.
    fn mel(seed: f32) -> [Row; BANDS] {
        let at = |j: usize, l: usize| (1.0 + seed + j as f32 + 3.7 * l as f32).sin().powi(2) * 1e-4;
        std::array::from_fn(|j| std::array::from_fn(|l| at(j, l)))
    }

    #[test]
    fn neighbouring_triangles_add_up_to_one() {
        for sr in [8_000, 16_000, 44_100] {
            let grid = Clock::new(sr).unwrap().short;
            let mut bands = [[0.0; L32]; BANDS];
            for (b, f) in grid.axis.iter().enumerate() {
                let mut power = vec![[0.0; L32]; grid.bins()];
                power[b] = [1.0; L32];
                auditory(sr).bands(&power, &mut bands);
                let sum: f32 = bands.iter().map(|row| row[0]).sum();
                // Between the outermost centres, 99 Hz and 3.7 kHz at the lowest rate.
                if (100.0..3600.0).contains(f) {
                    assert!((sum - 1.0).abs() < 1e-6, "{sr} {f} {sum}");
                }
                assert_eq!(
                    sum > 0.0,
                    *f > 20.0 + grid.delta / 2.0
                        && *f < (f64::from(sr) / 2.0).min(8000.0) - grid.delta / 2.0,
                    "{sr} {f}"
                );
            }
        }
    }

    #[test]
    fn loudness_of_silence_is_that_of_the_floor() {
        let mut out = [0.0; L32];
        auditory(22_050).loudness(&[[0.0; L32]; BANDS], &mut out);
        // From the specification, to the digits it gives.
        assert!((out[9] - 0.001_034).abs() < 5e-7, "{}", out[9]);
    }

    #[test]
    fn loudness_is_the_mean_of_weighted_powers() {
        let (auditory, mel) = (auditory(16_000), mel(0.0));
        let mut out = [0.0; L32];
        auditory.loudness(&mel, &mut out);
        for l in 0..L32 {
            let terms = mel.iter().zip(&auditory.weights);
            let sum: f64 =
                terms.map(|(row, w)| (f64::from(row[l].max(FLOOR)) * w).powf(0.33)).sum();
            // One rounding to single precision.
            assert!((f64::from(out[l]) / (sum / 26.0) - 1.0).abs() < 1e-7);
        }
    }

    #[test]
    fn both_forms_of_the_ears_sensitivity_agree_at_low_frequencies() {
        let ratio =
            |hz: f64| equal_loudness(hz, Variant::Paper) / equal_loudness(hz, Variant::OpenSmile);
        assert!((ratio(500.0) - 1.0).abs() < 1e-5);
        assert!(ratio(7000.0) > 1.5);
    }

    #[test]
    fn rasta_is_its_difference_equation_whatever_the_blocks() {
        let auditory = auditory(16_000);
        let mut rasta = Rasta::new(&auditory);
        let mut out = vec![[0.0; L32]; compare20::COUNT];
        let (blocks, mut filtered) = ([(0.0, 16), (0.3, 7), (0.9, 16)], Vec::new());
        for (seed, valid) in blocks {
            rasta.apply(&mel(seed), valid, &mut out);
            filtered.extend((0..valid).map(|l| out[compare20::RFILT + 3][l]));
        }
        let frames = blocks.iter().flat_map(|(seed, valid)| (0..*valid).map(|l| mel(*seed)[3][l]));
        let x: Vec<f64> = frames.map(|power| f64::from(power.max(FLOOR)).ln()).collect();
        let RastaFilter { taps, pole } = RastaFilter::new();
        let mut y = 0.0;
        for (t, filtered) in filtered.iter().enumerate() {
            let at = |i: usize| if t >= i { taps[i] * x[t - i] } else { 0.0 };
            let sum: f64 = (0..5).map(at).sum();
            y = if t > 5 { sum + pole * y } else { sum };
            let shown = if t < 5 { 0.0 } else { y };
            let expected = (0.33 * (shown + auditory.weights[3].ln())).exp();
            // One rounding to single precision.
            assert!((f64::from(*filtered) / expected - 1.0).abs() < 1e-7, "frame {t}");
        }
    }

    #[test]
    fn cepstrum_is_the_liftered_cosine_transform_of_the_logarithm() {
        let mel = mel(0.5);
        let mut out = [[0.0; L32]; 4];
        auditory(16_000).mfcc(&mel, &mut out);
        for (i, row) in (1..).zip(&out) {
            let lifter = 1.0 + 11.0 * (PI * f64::from(i) / 22.0).sin();
            let term = |j: usize| {
                let power = (f64::from(mel[j][6]) * 32767.0 * 32767.0).max(1.0);
                power.ln() * (PI * f64::from(i) * (j as f64 + 0.5) / 26.0).cos()
            };
            let expected = lifter * (2.0f64 / 26.0).sqrt() * (0..26).map(term).sum::<f64>();
            // 26 single-precision terms of up to 12, times up to 1.7.
            assert!((f64::from(row[6]) - expected).abs() < 3e-5, "{i}");
        }
        auditory(16_000).mfcc(&[[0.0; L32]; BANDS], &mut out);
        assert_eq!(out, [[0.0; L32]; 4]);
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let (auditory, mel) = (auditory(16_000), mel(0.2));
        let results = [Isa::Portable, Isa::Avx2, Isa::Avx512].map(|isa| {
            let mut out = vec![[0.0; L32]; BANDS + 6];
            let (bands, rest) = out.split_at_mut(BANDS);
            let mut log = [[0.0; BANDS]; L32];
            log_frames_with(isa, &mel, &mut log);
            compress_with(isa, &log, &auditory.weights, bands, &mut rest[0]);
            loudness_with(isa, &mel, &auditory.weights, &mut rest[1]);
            cepstrum_with(isa, &mel, &auditory.cosines, &mut rest[2..]);
            out
        });
        assert_eq!(results[0], results[1]);
        assert_eq!(results[0], results[2]);
    }
}
