//! Formants by linear prediction with Burg's method: frames resampled to twice the highest formant,
//! pre-emphasised, windowed, predicted; the roots of the predictor are the resonances.

use super::boersma::Shape;
use super::fft::RealFft;
use super::lanes::{L64, Real, kernel};
use super::roots::Roots;
use crate::error::Result;
use std::f64::consts::{PI, TAU};

/// Highest number of formants.
pub const MOST: usize = 10;

/// Formants below this frequency, and above the highest one less this, are edges of the band.
const EDGE: f64 = 50.0;

/// Frames of one length to frames of another, over the same time, by Fourier transform: ideal low-pass
/// and interpolation of the frame continued periodically.
struct Resampler {
    forward: RealFft<f64>,
    back: RealFft<f64>,
    /// Fades the frame's margins, so that its ends meet.
    fade: Vec<f64>,
    /// `e^(iπk (1/to - 1/from)) / from`: samples stand in the middle of their intervals.
    shift: Vec<(f64, f64)>,
}

impl Resampler {
    fn new(from: usize, to: usize, margin: usize) -> Result<Self> {
        let fade = |i: usize| {
            let inside = i.min(from - 1 - i) as f64 + 0.5;
            if inside >= margin as f64 {
                1.0
            } else {
                0.5 - 0.5 * (PI * inside / margin as f64).cos()
            }
        };
        // The bin at half the lower rate stands for two frequencies and is left out.
        let bins = from.min(to).div_ceil(2);
        let turn = |k: usize| {
            let angle = PI * k as f64 * (1.0 / to as f64 - 1.0 / from as f64);
            (angle.cos() / from as f64, angle.sin() / from as f64)
        };
        Ok(Self {
            forward: RealFft::new(from)?,
            back: RealFft::new(to)?,
            fade: (0..from).map(fade).collect(),
            shift: (0..bins).map(turn).collect(),
        })
    }

    /// `frame` (`from` rows, overwritten) to `out` (`to` rows).
    fn resample<const L: usize>(&self, frame: &mut [[f64; L]], out: &mut [[f64; L]]) {
        let rows = |n: usize| vec![[0.0; L]; n];
        scale(&self.fade, frame);
        let (mut re, mut im) = (rows(self.forward.bins()), rows(self.forward.bins()));
        self.forward.spectrum(frame, &mut re, &mut im);
        hartley(&re, &im, &self.shift, out);
        // A Hartley transform is its own inverse, and follows from the Fourier transform.
        let (mut re, mut im) = (rows(self.back.bins()), rows(self.back.bins()));
        self.back.spectrum(out, &mut re, &mut im);
        unfold(&re, &im, out);
    }
}

kernel! {
    fn scale / scale_with<; L>(by: &[f64], rows: &mut [[f64; L]]) {
        for (row, w) in rows.iter_mut().zip(by) {
            for l in 0..L {
                row[l] *= *w;
            }
        }
    }
}

kernel! {
    /// Real minus imaginary part of bins `0 .. n` of the spectrum whose lowest bins are given, each
    /// times its `shift`; those beyond are 0.
    fn hartley / hartley_with<; L>(
        re: &[[f64; L]], im: &[[f64; L]], shift: &[(f64, f64)], out: &mut [[f64; L]],
    ) {
        let n = out.len();
        out.fill([0.0; L]);
        for (k, ((re, im), (c, s))) in re.iter().zip(im).zip(shift).enumerate() {
            for l in 0..L {
                let (x, y) = (re[l] * c - im[l] * s, re[l] * s + im[l] * c);
                if k == 0 {
                    out[0][l] = x;
                } else {
                    out[k][l] = x - y;
                    out[n - k][l] = x + y;
                }
            }
        }
    }
}

kernel! {
    /// Real minus imaginary part of all bins of a real sequence of as many samples as `out` has.
    fn unfold / unfold_with<; L>(re: &[[f64; L]], im: &[[f64; L]], out: &mut [[f64; L]]) {
        let n = out.len();
        for k in 0..n {
            let (at, sign) = if k < re.len() { (k, -1.0) } else { (n - k, 1.0) };
            for l in 0..L {
                out[k][l] = re[at][l] + sign * im[at][l];
            }
        }
    }
}

/// Frames to formants.
pub struct Burg {
    resampler: Resampler,
    /// Rate of the resampled frame in Hz.
    rate: f64,
    /// First resampled row of the analysed part.
    start: usize,
    window: Vec<f64>,
    emphasis: f64,
    formants: usize,
    five: Roots<10>,
    ten: Roots<20>,
}

/// What [`Burg`] works on.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Sampling rate in Hz.
    pub sr: f64,
    /// Samples that are analysed, in the middle of the frame.
    pub length: usize,
    /// Samples before and after them that the frame has as well.
    pub margin: usize,
    /// Number of formants, at most [`MOST`].
    pub formants: usize,
    /// Highest frequency in Hz.
    pub highest: f64,
    /// Frequency in Hz from which the spectrum is raised by 6 dB per octave.
    pub emphasis: f64,
}

impl Burg {
    /// Plans it.
    pub fn new(plan: Plan) -> Result<Self> {
        let from = plan.length + 2 * plan.margin;
        // The nearest rate at which the frame has a whole number of samples.
        let to = ((from as f64 * 2.0 * plan.highest / plan.sr).round() as usize).max(4);
        let rate = to as f64 * plan.sr / from as f64;
        let length = ((plan.length as f64 * rate / plan.sr) as usize).min(to);
        let span = (length + 1) as f64;
        let at = |i: usize| Shape::Gauss.at((i as f64 - (length as f64 - 1.0) / 2.0) / span);
        Ok(Self {
            resampler: Resampler::new(from, to, plan.margin)?,
            rate,
            start: (to - length) / 2,
            window: (0..length).map(at).collect(),
            emphasis: (-TAU * plan.emphasis / rate).exp(),
            formants: plan.formants,
            five: Roots::new(),
            ten: Roots::new(),
        })
    }

    /// Samples of the resampled frame that are analysed.
    pub fn length(&self) -> usize {
        self.window.len()
    }

    /// Appends frequency and bandwidth in Hz of the formants of each of the first `valid` lanes,
    /// lowest first, and zeros for those that are missing.
    pub fn formants<T: Real, const L: usize>(
        &self,
        frame: &[[T; L]],
        valid: usize,
        out: &mut Vec<T>,
    ) {
        let mut rows: Vec<[f64; L]> = frame.iter().map(|row| row.map(T::f64)).collect();
        let mut low = vec![[0.0; L]; self.resampler.back.n()];
        self.resampler.resample(&mut rows, &mut low);
        let low = &mut low[self.start..][..self.window.len()];
        emphasise(self.emphasis, &self.window, low);
        let mut a = vec![[0.0; L]; 2 * self.formants];
        predict(low, &mut a);
        for first in (0..valid).step_by(L64) {
            let lanes = (valid - first).min(L64);
            if self.formants <= 5 {
                self.resonances(&self.five, &a, first, lanes, out);
            } else {
                self.resonances(&self.ten, &a, first, lanes, out);
            }
        }
    }

    /// The same from prediction coefficients, for lanes `first .. first + lanes`.
    fn resonances<T: Real, const L: usize, const N: usize>(
        &self,
        roots: &Roots<N>,
        a: &[[f64; L]],
        first: usize,
        lanes: usize,
        out: &mut Vec<T>,
    ) {
        let mut c = [[0.0; L64]; N];
        for (c, a) in c.iter_mut().zip(a) {
            c[..lanes].copy_from_slice(&a[first..first + lanes]);
        }
        let (mut re, mut im) = ([[0.0; L64]; N], [[0.0; L64]; N]);
        roots.find(&c, &mut re, &mut im);
        for lane in 0..lanes {
            let mut found: Vec<(f64, f64)> = Vec::with_capacity(N);
            for (x, y) in re.iter().zip(&im) {
                let (x, y) = (x[lane], y[lane]);
                let size = x * x + y * y;
                let frequency = y.atan2(x) * self.rate / TAU;
                // Of a pair of roots the one above the axis; a pole outside of the circle rings as
                // the one mirrored in it.
                if frequency > EDGE && frequency < 0.5 * self.rate - EDGE && size > 0.0 {
                    found.push((frequency, (0.5 * size.ln()).abs() * self.rate / PI));
                }
            }
            found.sort_by(|a, b| a.0.total_cmp(&b.0));
            found.resize(self.formants, (0.0, 0.0));
            out.extend(found.iter().flat_map(|(f, b)| [T::of(*f), T::of(*b)]));
        }
    }
}

kernel! {
    /// `(x[i] - c x[i-1]) w[i]`, in place; the first sample has none before it.
    fn emphasise / emphasise_with<; L>(c: f64, window: &[f64], rows: &mut [[f64; L]]) {
        let mut previous = [0.0; L];
        for (row, w) in rows.iter_mut().zip(window) {
            for l in 0..L {
                let x = row[l];
                row[l] = (x - c * previous[l]) * w;
                previous[l] = x;
            }
        }
    }
}

kernel! {
    /// Coefficients of `1 + a[0] z^-1 + …` that make the sum of forward and backward prediction errors
    /// least at every order (Burg 1975, Anderson 1978). A frame without energy has zeros.
    fn predict / predict_with<; L>(x: &[[f64; L]], a: &mut [[f64; L]]) {
        let (mut forward, mut backward) = (x.to_vec(), x.to_vec());
        for m in 0..a.len().min(x.len().saturating_sub(1)) {
            // The forward errors at i + 1 and the backward ones at i belong together.
            let n = x.len() - m - 1;
            let (mut cross, mut energy) = ([0.0; L], [0.0; L]);
            for (f, b) in forward[m + 1..].iter().zip(&backward[..n]) {
                for l in 0..L {
                    cross[l] += f[l] * b[l];
                    energy[l] += f[l] * f[l] + b[l] * b[l];
                }
            }
            let mut k = [0.0; L];
            for l in 0..L {
                k[l] = if energy[l] > 0.0 { -2.0 * cross[l] / energy[l] } else { 0.0 };
            }
            for i in 0..m.div_ceil(2) {
                let (low, high) = (a[i], a[m - 1 - i]);
                for l in 0..L {
                    a[i][l] = low[l] + k[l] * high[l];
                    a[m - 1 - i][l] = high[l] + k[l] * low[l];
                }
            }
            a[m] = k;
            for (f, b) in forward[m + 1..].iter_mut().zip(&mut backward[..n]) {
                for l in 0..L {
                    let (x, y) = (f[l], b[l]);
                    f[l] = x + k[l] * y;
                    b[l] = y + k[l] * x;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resampling_a_tone_keeps_it() {
        let (from, to, margin) = (1200, 825, 200);
        let resampler = Resampler::new(from, to, margin).unwrap();
        let tone = |i: usize, n: usize| (TAU * 47.3 * (i as f64 + 0.5) / n as f64).sin();
        let mut frame: Vec<[f64; 2]> = (0..from).map(|i| [tone(i, from); 2]).collect();
        let mut out = vec![[0.0; 2]; to];
        resampler.resample(&mut frame, &mut out);
        // Away from the faded margins.
        for i in 200..625 {
            assert!((out[i][1] - tone(i, to)).abs() < 2e-3, "{i} {}", out[i][1] - tone(i, to));
        }
    }

    #[test]
    fn prediction_finds_the_filter_that_made_the_signal() {
        // Two resonances, excited by noise.
        let c = [-2.0 * 0.98 * (0.4f64).cos(), 0.98 * 0.98];
        let d = [-2.0 * 0.97 * (1.3f64).cos(), 0.97 * 0.97];
        let whole =
            [c[0] + d[0], c[1] + d[1] + c[0] * d[0], c[0] * d[1] + c[1] * d[0], c[1] * d[1]];
        let mut seed = 1u64;
        let mut x = vec![[0.0; 1]; 20_000];
        for i in 0..x.len() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            x[i][0] = (seed >> 33) as f64 / (1u64 << 31) as f64 - 0.5;
            for (k, a) in whole.iter().enumerate().filter(|(k, _)| *k < i) {
                x[i][0] -= a * x[i - k - 1][0];
            }
        }
        let mut a = vec![[0.0; 1]; 4];
        predict(&x, &mut a);
        // The spread of an estimate from n samples is about 1 / sqrt n = 0.007.
        for (a, truth) in a.iter().zip(whole) {
            assert!((a[0] - truth).abs() < 0.03, "{} {truth}", a[0]);
        }
        let mut a = vec![[1.0; 1]; 4];
        predict(&vec![[0.0; 1]; 50], &mut a);
        assert_eq!(a, vec![[0.0; 1]; 4], "silence predicts nothing");
    }
}
