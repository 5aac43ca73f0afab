//! YIN's normalised difference function of `L` frames at once, and what is read off it.
//!
//! de Cheveigné and Kawahara (2002), in the form of librosa 0.11: the frame is not extended, so the
//! number of products falls with the lag. All of it runs in double precision: whether a trough lies
//! below a threshold, and which of two octaves is the deeper one, is decided by differences that
//! single precision does not hold in 0.3 % of the frames of speech.

use super::fft::RealFft;
use super::lanes::{Real, kernel};
use crate::error::Result;
use std::f64::consts::PI;

/// Plan of the difference function of frames of one length over a range of lags.
pub struct Difference {
    length: usize,
    lags: Lags,
    spectrum: RealFft<f64>,
    /// Half the length of `spectrum`: the cosine transform of a power spectrum needs no more.
    cosine: RealFft<f64>,
    /// `sin(πk/h)` and `cos(πk/h)` for `k` up to `h/2`, `h` the length of `cosine`.
    turn: Vec<(f64, f64)>,
}

/// The first and the last lag that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lags {
    /// The shortest period in samples, at least 1.
    pub first: usize,
    /// The longest, above `first` and below the frame's length.
    pub last: usize,
}

impl Lags {
    /// Number of lags.
    pub fn count(self) -> usize {
        self.last + 1 - self.first
    }
}

/// Buffers of [`Difference::compute`].
pub struct Buffers<const L: usize> {
    frames: Vec<[f64; L]>,
    power: Vec<[f64; L]>,
    re: Vec<[f64; L]>,
    im: Vec<[f64; L]>,
    /// Sums of the squares of the first samples.
    energy: Vec<[f64; L]>,
    acf: Vec<[f64; L]>,
}

/// The smallest length from `least` that the transform takes in its fast form, with its half.
fn fast_length(least: usize) -> usize {
    let smooth = |mut n: usize| {
        for p in [2, 3, 5] {
            while n.is_multiple_of(p) {
                n /= p;
            }
        }
        n == 1
    };
    (least.div_ceil(4)..).find(|n| smooth(*n)).map_or(least, |n| 4 * n)
}

impl Difference {
    /// Plans frames of `length` samples.
    pub fn new(length: usize, lags: Lags) -> Result<Self> {
        // Circular correlation: lag t meets lag n - t, which is beyond the frame from here on.
        let n = fast_length(length + lags.last);
        let h = n / 2;
        let angle = |k: usize| PI * k as f64 / h as f64;
        Ok(Self {
            length,
            lags,
            spectrum: RealFft::new(n)?,
            cosine: RealFft::new(h)?,
            turn: (0..=h / 2).map(|k| (angle(k).sin(), angle(k).cos())).collect(),
        })
    }

    /// The lags whose values come out.
    pub fn lags(&self) -> Lags {
        self.lags
    }

    /// Buffers for a run.
    pub fn buffers<const L: usize>(&self) -> Buffers<L> {
        let rows = |n: usize| vec![[0.0; L]; n];
        Buffers {
            frames: rows(self.spectrum.n()),
            power: rows(self.spectrum.bins()),
            re: rows(self.cosine.bins()),
            im: rows(self.cosine.bins()),
            energy: rows(self.lags.last),
            acf: rows(self.lags.last + 2),
        }
    }

    /// `d'(t)` of `frames` (one row a sample) for each lag `t`, into `out` (one row a lag).
    ///
    /// `d(t) = 2 (r(0) - r(t)) - (x₀² + … + x²ₜ₋₁)` with `r` the autocorrelation within the frame, and
    /// `d'(t) = t d(t) / (d(1) + … + d(t))`; 0 where the frame is silent. Of `d(1)`, librosa subtracts
    /// nothing, which moves every `d'` by up to `x₀²` over the sum; so does this.
    pub fn compute<T: Real, const L: usize>(
        &self,
        frames: &[[T; L]],
        work: &mut Buffers<L>,
        out: &mut [[f64; L]],
    ) {
        let frames = &frames[..self.length];
        widen(frames, &mut work.frames);
        squares(frames, &mut work.energy);
        self.spectrum.power(&mut work.frames, &mut work.power);
        // The power spectrum is real and even, so a cosine transform takes it back to lags: one of
        // half the length of its real transform, after a fold.
        let (h, folded) = (self.cosine.n(), &mut work.frames);
        let mut odd = [[0.0; L]];
        fold(&self.turn, &work.power, &mut folded[..h], &mut odd);
        self.cosine.spectrum(&mut folded[..h], &mut work.re, &mut work.im);
        unfold(&work.re, &work.im, &odd, &mut work.acf);
        normalise(
            1.0 / self.spectrum.n() as f64,
            self.lags.first,
            &work.acf[..=self.lags.last],
            &work.energy,
            out,
        );
    }
}

kernel! {
    /// Frames in double precision, the rest of `out` zero.
    fn widen / widen_with<T: Real; L>(frames: &[[T; L]], out: &mut [[f64; L]]) {
        let (head, tail) = out.split_at_mut(frames.len());
        for (x, y) in frames.iter().zip(head) {
            for l in 0..L {
                y[l] = x[l].f64();
            }
        }
        tail.fill([0.0; L]);
    }
}

kernel! {
    /// Running sums of squares: what each lag subtracts.
    fn squares / squares_with<T: Real; L>(frames: &[[T; L]], out: &mut [[f64; L]]) {
        let mut sum = [0.0; L];
        for (x, y) in frames.iter().zip(out.iter_mut()) {
            for l in 0..L {
                let x = x[l].f64();
                sum[l] += x * x;
            }
            *y = sum;
        }
        // What librosa takes for lag 1.
        if let Some(y) = out.first_mut() {
            *y = [0.0; L];
        }
    }
}

kernel! {
    /// `(p[k] + p[h-k]) / 2 - sin(πk/h) (p[k] - p[h-k])` for `k` below `h`: its transform holds the even
    /// lags in the real parts and the differences of odd neighbours in the imaginary ones. `odd` takes
    /// lag 1, from which the differences start.
    fn fold / fold_with<; L>(
        turn: &[(f64, f64)], p: &[[f64; L]], out: &mut [[f64; L]], odd: &mut [[f64; L]; 1],
    ) {
        let h = out.len();
        let mut sum = [0.0; L];
        for l in 0..L {
            out[0][l] = (p[0][l] + p[h][l]) * 0.5;
            sum[l] = (p[0][l] - p[h][l]) * 0.5;
        }
        for k in 1..=h / 2 {
            let (sin, cos) = turn[k];
            let (a, b) = (p[k], p[h - k]);
            let (mut x, mut y) = ([0.0; L], [0.0; L]);
            for l in 0..L {
                let (mean, difference) = ((a[l] + b[l]) * 0.5, a[l] - b[l]);
                x[l] = mean - sin * difference;
                y[l] = mean + sin * difference;
                sum[l] += cos * difference;
            }
            out[h - k] = y;
            out[k] = x;
        }
        odd[0] = sum;
    }
}

kernel! {
    /// The lags from the transform of the fold, each as `2 Σ` over the half spectrum.
    fn unfold / unfold_with<; L>(
        re: &[[f64; L]], im: &[[f64; L]], odd: &[[f64; L]; 1], acf: &mut [[f64; L]],
    ) {
        let mut running = odd[0];
        for (k, pair) in acf.chunks_exact_mut(2).enumerate() {
            for l in 0..L {
                if k > 0 {
                    running[l] -= im[k][l];
                }
                pair[0][l] = re[k][l] + re[k][l];
                pair[1][l] = running[l] + running[l];
            }
        }
    }
}

kernel! {
    fn normalise / normalise_with<; L>(
        scale: f64, first: usize, acf: &[[f64; L]], energy: &[[f64; L]], out: &mut [[f64; L]],
    ) {
        let mut sum = [0.0; L];
        for (i, (r, e)) in acf[1..].iter().zip(energy).enumerate() {
            let lag = (i + 1) as f64;
            let mut d = [0.0; L];
            for l in 0..L {
                d[l] = 2.0 * ((acf[0][l] - r[l]) * scale) - e[l];
                sum[l] += d[l];
            }
            if i + 1 >= first {
                let out = &mut out[i + 1 - first];
                for l in 0..L {
                    out[l] = d[l] / (sum[l] / lag + f64::MIN_POSITIVE);
                }
            }
        }
    }
}

kernel! {
    /// The period of each frame in samples: the first trough of `d` below `threshold`, or the lowest
    /// value where no trough is, refined by a parabola.
    ///
    /// A trough is lower than its left and not higher than its right neighbour; the first lag is one if
    /// it is lower than the second, the last if it is lower than the one before.
    pub fn periods / periods_with<; L>(
        lags: Lags, threshold: f64, d: &[[f64; L]], out: &mut [f64; L],
    ) {
        let n = lags.count();
        let (mut chosen, mut low, mut lowest) = ([-1.0; L], [0.0; L], d[0]);
        for k in 0..n {
            let (x, left, right) = (d[k], d[k.max(1) - 1], d[(k + 1).min(n - 1)]);
            let (at, inside, first, last) = (k as f64, k > 0 && k + 1 < n, k == 0, k + 1 == n);
            for l in 0..L {
                let falls = first | (x[l] < left[l]);
                let rises = if inside { x[l] <= right[l] } else { last | (x[l] < right[l]) };
                let take = falls & rises & (x[l] < threshold) & (chosen[l] < 0.0);
                chosen[l] = if take { at } else { chosen[l] };
                let lower = x[l] < lowest[l];
                low[l] = if lower { at } else { low[l] };
                lowest[l] = if lower { x[l] } else { lowest[l] };
            }
        }
        for l in 0..L {
            let at = if chosen[l] < 0.0 { low[l] } else { chosen[l] };
            let k = at as usize;
            let inside = k > 0 && k + 1 < n;
            let shift = if inside { parabola(d[k - 1][l], d[k][l], d[k + 1][l]) } else { 0.0 };
            out[l] = lags.first as f64 + at + shift;
        }
    }
}

/// How far right of the middle of three equally spaced values their parabola has its extreme; 0 if
/// that is not within one step.
#[inline(always)]
pub fn parabola(left: f64, middle: f64, right: f64) -> f64 {
    let (a, b) = (right + left - 2.0 * middle, (right - left) / 2.0);
    if b.abs() >= a.abs() { 0.0 } else { -b / a }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(n: usize, seed: u64) -> Vec<f64> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        };
        (0..n)
            .map(|i| (i as f64 * 0.07).sin() + 0.3 * (i as f64 * 0.14).cos() + 0.1 * noise())
            .collect()
    }

    /// `d'` by its definition, one product at a time.
    fn definition(x: &[f64], lags: Lags) -> Vec<f64> {
        let r = |t: usize| (0..x.len() - t).map(|i| x[i] * x[i + t]).sum::<f64>();
        let energy = |t: usize| if t == 1 { 0.0 } else { x[..t].iter().map(|x| x * x).sum() };
        let d: Vec<f64> = (1..=lags.last).map(|t| 2.0 * (r(0) - r(t)) - energy(t)).collect();
        let mean = |t: usize| d[..t].iter().sum::<f64>() / t as f64;
        (lags.first..=lags.last).map(|t| d[t - 1] / mean(t)).collect()
    }

    #[test]
    fn the_difference_is_that_of_the_definition_in_every_lane() {
        for (length, first, last) in [(64, 2, 40), (301, 7, 299), (400, 1, 399), (512, 30, 31)] {
            let lags = Lags { first, last };
            let plan = Difference::new(length, lags).unwrap();
            let (mut work, mut out) = (plan.buffers::<8>(), vec![[0.0; 8]; lags.count()]);
            let lanes: Vec<Vec<f64>> = (0..8).map(|l| signal(length, l + 1)).collect();
            let rows: Vec<[f64; 8]> =
                (0..length).map(|i| std::array::from_fn(|l| lanes[l][i])).collect();
            plan.compute(&rows, &mut work, &mut out);
            for (l, x) in lanes.iter().enumerate() {
                for (row, expected) in out.iter().zip(definition(x, lags)) {
                    assert!((row[l] - expected).abs() < 1e-10, "{length} {first} {last}");
                }
            }
        }
    }

    #[test]
    fn a_period_is_the_first_deep_trough_or_the_lowest_value() {
        let lags = Lags { first: 10, last: 16 };
        let d = [0.9, 0.5, 0.05, 0.4, 0.6, 0.01, 0.02].map(|x| [x; 8]);
        let period = |threshold: f64| {
            let mut out = [0.0; 8];
            periods(lags, threshold, &d, &mut out);
            assert!(out.iter().all(|p| *p == out[0]));
            out[0]
        };
        assert_eq!(period(0.1), 12.0 + parabola(0.5, 0.05, 0.4));
        assert_eq!(period(0.02), 15.0 + parabola(0.6, 0.01, 0.02));
        // None is as deep: the lowest value.
        assert_eq!(period(0.0), period(0.02));
        // Silence has no trough, and all its values are equal.
        let mut out = [0.0; 8];
        periods(lags, 0.1, &[[0.0; 8]; 7], &mut out);
        assert_eq!(out, [10.0; 8]);
    }

    #[test]
    fn a_silent_frame_has_zeros() {
        let plan = Difference::new(100, Lags { first: 5, last: 50 }).unwrap();
        let (mut work, mut out) = (plan.buffers::<8>(), vec![[1.0; 8]; 46]);
        plan.compute(&[[0.0f32; 8]; 100], &mut work, &mut out);
        assert!(out.iter().flatten().all(|d| *d == 0.0));
    }
}
