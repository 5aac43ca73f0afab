//! Real FFT of `L` frames at once.
//!
//! Even lengths whose half has no prime factor above 5 (all common frame lengths: 320, 400, 512, 800,
//! 1024, 2048 ...) run here as a mixed-radix transform over rows: decimation in frequency, in place,
//! no shuffles, because a row holds the same position of `L` frames. Other lengths go lane by lane
//! through `realfft`.
//!
//! Sign: `X[k] = Σ x[n] e^{-2πi nk/N}`.

use super::lanes::{Real, kernel};
use crate::error::{Code, Error, Result};
use realfft::{RealFftPlanner, RealToComplex};
use std::f64::consts::PI;
use std::sync::Arc;

/// One level of the decomposition: `radix` sub-transforms of length `m`.
#[derive(Debug)]
struct Level<T> {
    radix: usize,
    m: usize,
    /// `w^(j p)` for `j` in `0..m` and `p` in `1..radix`, as (re, im); `j` outermost.
    twiddles: Vec<(T, T)>,
}

/// A planned real transform of one length.
pub struct RealFft<T: Real> {
    n: usize,
    kind: Kind<T>,
}

enum Kind<T: Real> {
    Rows {
        levels: Vec<Level<T>>,
        /// Where bin `k` of the half-length complex transform stands after the last level.
        position: Vec<usize>,
        /// `e^{-2πi k/n}` for `k` in `0..=n/4`.
        split: Vec<(T, T)>,
    },
    Library(Arc<dyn RealToComplex<T>>),
}

/// Radices whose product is `n`, largest first; `None` if a prime factor exceeds 5.
fn radices(mut n: usize) -> Option<Vec<usize>> {
    let mut out = Vec::new();
    if n == 0 {
        return None;
    }
    for r in [4, 2, 3, 5] {
        while n % r == 0 {
            out.push(r);
            n /= r;
        }
    }
    (n == 1).then_some(out)
}

impl<T: Real> RealFft<T> {
    /// Plans transforms of `n` real samples.
    pub fn new(n: usize) -> Result<Self> {
        if n == 0 {
            return Err(Error::new(Code::BadParameter, "n_fft is 0; allowed are lengths from 1"));
        }
        let kind = match radices(n / 2) {
            Some(radices) if n % 2 == 0 => Self::rows(n, &radices),
            _ => Kind::Library(RealFftPlanner::new().plan_fft_forward(n)),
        };
        Ok(Self { n, kind })
    }

    fn rows(n: usize, radices: &[usize]) -> Kind<T> {
        let unit = |num: usize, den: usize| {
            let a = -2.0 * PI * (num % den) as f64 / den as f64;
            (T::of(a.cos()), T::of(a.sin()))
        };
        let half = n / 2;
        let (mut levels, mut size) = (Vec::new(), half);
        for &radix in radices {
            let m = size / radix;
            let twiddles =
                (0..m).flat_map(|j| (1..radix).map(move |p| unit(j * p, size))).collect();
            levels.push(Level { radix, m, twiddles });
            size = m;
        }
        let position = (0..half)
            .map(|mut k| {
                let mut pos = 0;
                for level in &levels {
                    pos += (k % level.radix) * level.m;
                    k /= level.radix;
                }
                pos
            })
            .collect();
        Kind::Rows { levels, position, split: (0..=half / 2).map(|k| unit(k, n)).collect() }
    }

    /// Number of samples that go in.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Number of bins that come out, `n / 2 + 1`.
    pub fn bins(&self) -> usize {
        self.n / 2 + 1
    }

    /// Transforms `frames` (`n` rows, overwritten) into real and imaginary parts (`bins` rows each).
    pub fn spectrum<const L: usize>(
        &self,
        frames: &mut [[T; L]],
        re: &mut [[T; L]],
        im: &mut [[T; L]],
    ) {
        match &self.kind {
            Kind::Rows { levels, position, split } => {
                transform(levels, frames);
                unpack(position, split, frames, re, im);
            }
            Kind::Library(fft) => self.library(fft.as_ref(), frames, |k, lane, x, y| {
                re[k][lane] = x;
                im[k][lane] = y;
            }),
        }
    }

    /// Transforms `frames` (`n` rows, overwritten) into `|X|²` (`bins` rows).
    pub fn power<const L: usize>(&self, frames: &mut [[T; L]], power: &mut [[T; L]]) {
        match &self.kind {
            Kind::Rows { levels, position, split } => {
                transform(levels, frames);
                unpack_power(position, split, frames, power);
            }
            Kind::Library(fft) => {
                self.library(fft.as_ref(), frames, |k, lane, x, y| power[k][lane] = x * x + y * y);
            }
        }
    }

    fn library<const L: usize>(
        &self,
        fft: &dyn RealToComplex<T>,
        frames: &[[T; L]],
        mut put: impl FnMut(usize, usize, T, T),
    ) {
        let (mut x, mut y) = (fft.make_input_vec(), fft.make_output_vec());
        let mut scratch = fft.make_scratch_vec();
        for lane in 0..L {
            for (x, row) in x.iter_mut().zip(frames) {
                *x = row[lane];
            }
            // The lengths come from the plan itself, so the only error it knows cannot happen.
            let _ = fft.process_with_scratch(&mut x, &mut y, &mut scratch);
            for (k, c) in y.iter().enumerate() {
                put(k, lane, c.re, c.im);
            }
        }
    }
}

kernel! {
    /// The half-length complex transform of rows (re, im, re, im ...), in place, bins left in the
    /// order of [`Kind::Rows::position`].
    fn transform / transform_with<T: Real; L>(levels: &[Level<T>], rows: &mut [[T; L]]) {
        recurse(levels, rows);
    }
}

/// One level over a sub-transform, then its parts, depth first so that the parts stay in the cache.
#[inline(always)]
fn recurse<T: Real, const L: usize>(levels: &[Level<T>], rows: &mut [[T; L]]) {
    // A small explicit stack in place of recursion, which could not be inlined into the kernel.
    let mut counters = [0usize; 24];
    let (mut depth, mut start) = (0, 0);
    loop {
        if depth < levels.len() {
            let level = &levels[depth];
            let size = 2 * level.radix * level.m;
            pass(level, &mut rows[start..start + size]);
            counters[depth] = 0;
            // A leaf has nothing below it.
            if level.m > 1 {
                depth += 1;
                continue;
            }
            start += size;
        }
        // Climb to the next level that still has a part to do.
        loop {
            if depth == 0 {
                return;
            }
            counters[depth - 1] += 1;
            if counters[depth - 1] < levels[depth - 1].radix {
                break;
            }
            depth -= 1;
        }
    }
}

#[inline(always)]
fn pass<T: Real, const L: usize>(level: &Level<T>, rows: &mut [[T; L]]) {
    match level.radix {
        2 => pass2(level, rows),
        3 => pass3(level, rows),
        4 => pass4(level, rows),
        _ => pass5(level, rows),
    }
}

/// The rows of complex element `j`.
#[inline(always)]
fn complex<T, const L: usize>(part: &mut [[T; L]], j: usize) -> (&mut [T; L], &mut [T; L]) {
    match &mut part[2 * j..2 * j + 2] {
        [re, im] => (re, im),
        _ => unreachable!("a slice of two rows"),
    }
}

#[inline(always)]
fn pass2<T: Real, const L: usize>(level: &Level<T>, rows: &mut [[T; L]]) {
    let (a, b) = rows.split_at_mut(2 * level.m);
    for (j, &(wr, wi)) in level.twiddles.iter().enumerate() {
        let ((ar, ai), (br, bi)) = (complex(a, j), complex(b, j));
        butterfly2(ar, ai, br, bi, wr, wi);
    }
}

#[inline(always)]
fn butterfly2<T: Real, const L: usize>(
    ar: &mut [T; L],
    ai: &mut [T; L],
    br: &mut [T; L],
    bi: &mut [T; L],
    wr: T,
    wi: T,
) {
    for l in 0..L {
        let (dr, di) = (ar[l] - br[l], ai[l] - bi[l]);
        ar[l] += br[l];
        ai[l] += bi[l];
        br[l] = dr * wr - di * wi;
        bi[l] = dr * wi + di * wr;
    }
}

#[inline(always)]
fn pass4<T: Real, const L: usize>(level: &Level<T>, rows: &mut [[T; L]]) {
    let (a, rest) = rows.split_at_mut(2 * level.m);
    let (b, rest) = rest.split_at_mut(2 * level.m);
    let (c, d) = rest.split_at_mut(2 * level.m);
    for (j, w) in level.twiddles.chunks_exact(3).enumerate() {
        butterfly4(complex(a, j), complex(b, j), complex(c, j), complex(d, j), w, j == 0);
    }
}

type Pair<'a, T, const L: usize> = (&'a mut [T; L], &'a mut [T; L]);

#[inline(always)]
fn butterfly4<T: Real, const L: usize>(
    (ar, ai): Pair<'_, T, L>,
    (br, bi): Pair<'_, T, L>,
    (cr, ci): Pair<'_, T, L>,
    (dr, di): Pair<'_, T, L>,
    w: &[(T, T)],
    unit: bool,
) {
    let (w1, w2, w3) = (w[0], w[1], w[2]);
    if unit {
        for l in 0..L {
            let (sr, si, tr, ti) = (ar[l] + cr[l], ai[l] + ci[l], ar[l] - cr[l], ai[l] - ci[l]);
            let (ur, ui, vr, vi) = (br[l] + dr[l], bi[l] + di[l], br[l] - dr[l], bi[l] - di[l]);
            (ar[l], ai[l]) = (sr + ur, si + ui);
            (br[l], bi[l]) = (tr + vi, ti - vr);
            (cr[l], ci[l]) = (sr - ur, si - ui);
            (dr[l], di[l]) = (tr - vi, ti + vr);
        }
    } else {
        for l in 0..L {
            let (sr, si, tr, ti) = (ar[l] + cr[l], ai[l] + ci[l], ar[l] - cr[l], ai[l] - ci[l]);
            let (ur, ui, vr, vi) = (br[l] + dr[l], bi[l] + di[l], br[l] - dr[l], bi[l] - di[l]);
            (ar[l], ai[l]) = (sr + ur, si + ui);
            let (xr, xi) = (tr + vi, ti - vr);
            (br[l], bi[l]) = (xr * w1.0 - xi * w1.1, xr * w1.1 + xi * w1.0);
            let (xr, xi) = (sr - ur, si - ui);
            (cr[l], ci[l]) = (xr * w2.0 - xi * w2.1, xr * w2.1 + xi * w2.0);
            let (xr, xi) = (tr - vi, ti + vr);
            (dr[l], di[l]) = (xr * w3.0 - xi * w3.1, xr * w3.1 + xi * w3.0);
        }
    }
}

#[inline(always)]
fn pass3<T: Real, const L: usize>(level: &Level<T>, rows: &mut [[T; L]]) {
    let (a, rest) = rows.split_at_mut(2 * level.m);
    let (b, c) = rest.split_at_mut(2 * level.m);
    for (j, w) in level.twiddles.chunks_exact(2).enumerate() {
        butterfly3(complex(a, j), complex(b, j), complex(c, j), w);
    }
}

#[inline(always)]
fn butterfly3<T: Real, const L: usize>(
    (ar, ai): Pair<'_, T, L>,
    (br, bi): Pair<'_, T, L>,
    (cr, ci): Pair<'_, T, L>,
    w: &[(T, T)],
) {
    let (half, root) = (T::of(0.5), T::of(0.75f64.sqrt()));
    let (w1, w2) = (w[0], w[1]);
    for l in 0..L {
        let (sr, si) = (br[l] + cr[l], bi[l] + ci[l]);
        let (dr, di) = ((br[l] - cr[l]) * root, (bi[l] - ci[l]) * root);
        let (mr, mi) = (ar[l] - sr * half, ai[l] - si * half);
        ar[l] += sr;
        ai[l] += si;
        let (xr, xi) = (mr + di, mi - dr);
        (br[l], bi[l]) = (xr * w1.0 - xi * w1.1, xr * w1.1 + xi * w1.0);
        let (xr, xi) = (mr - di, mi + dr);
        (cr[l], ci[l]) = (xr * w2.0 - xi * w2.1, xr * w2.1 + xi * w2.0);
    }
}

#[inline(always)]
fn pass5<T: Real, const L: usize>(level: &Level<T>, rows: &mut [[T; L]]) {
    let (a, rest) = rows.split_at_mut(2 * level.m);
    let (b, rest) = rest.split_at_mut(2 * level.m);
    let (c, rest) = rest.split_at_mut(2 * level.m);
    let (d, e) = rest.split_at_mut(2 * level.m);
    for (j, w) in level.twiddles.chunks_exact(4).enumerate() {
        let far = (complex(b, j), complex(c, j), complex(d, j), complex(e, j));
        butterfly5(complex(a, j), far.0, far.1, far.2, far.3, w);
    }
}

#[inline(always)]
fn butterfly5<T: Real, const L: usize>(
    (ar, ai): Pair<'_, T, L>,
    (br, bi): Pair<'_, T, L>,
    (cr, ci): Pair<'_, T, L>,
    (dr, di): Pair<'_, T, L>,
    (er, ei): Pair<'_, T, L>,
    w: &[(T, T)],
) {
    let (c1, s1) = (T::of((2.0 * PI / 5.0).cos()), T::of((2.0 * PI / 5.0).sin()));
    let (c2, s2) = (T::of((4.0 * PI / 5.0).cos()), T::of((4.0 * PI / 5.0).sin()));
    for l in 0..L {
        let (pr, pi) = (br[l] + er[l], bi[l] + ei[l]);
        let (qr, qi) = (cr[l] + dr[l], ci[l] + di[l]);
        let (ur, ui) = (br[l] - er[l], bi[l] - ei[l]);
        let (vr, vi) = (cr[l] - dr[l], ci[l] - di[l]);
        let (m1r, m1i) = (ar[l] + pr * c1 + qr * c2, ai[l] + pi * c1 + qi * c2);
        let (m2r, m2i) = (ar[l] + pr * c2 + qr * c1, ai[l] + pi * c2 + qi * c1);
        let (n1r, n1i) = (ur * s1 + vr * s2, ui * s1 + vi * s2);
        let (n2r, n2i) = (ur * s2 - vr * s1, ui * s2 - vi * s1);
        ar[l] += pr + qr;
        ai[l] += pi + qi;
        let (xr, xi) = (m1r + n1i, m1i - n1r);
        (br[l], bi[l]) = (xr * w[0].0 - xi * w[0].1, xr * w[0].1 + xi * w[0].0);
        let (xr, xi) = (m2r + n2i, m2i - n2r);
        (cr[l], ci[l]) = (xr * w[1].0 - xi * w[1].1, xr * w[1].1 + xi * w[1].0);
        let (xr, xi) = (m2r - n2i, m2i + n2r);
        (dr[l], di[l]) = (xr * w[2].0 - xi * w[2].1, xr * w[2].1 + xi * w[2].0);
        let (xr, xi) = (m1r - n1i, m1i + n1r);
        (er[l], ei[l]) = (xr * w[3].0 - xi * w[3].1, xr * w[3].1 + xi * w[3].0);
    }
}

/// Bins `k` and `half - k` of the real transform from the complex one, lane by lane.
///
/// With `Z` the transform of `x[2j] + i x[2j+1]`: `X[k] = E + w O`, `X[half-k] = conj(E - w O)`,
/// `E = (Z[k] + conj Z[half-k]) / 2`, `O = (Z[k] - conj Z[half-k]) / 2i`.
#[inline(always)]
fn split_pair<T: Real>(z: (T, T), y: (T, T), w: (T, T)) -> ((T, T), (T, T)) {
    let half = T::of(0.5);
    let (er, ei) = ((z.0 + y.0) * half, (z.1 - y.1) * half);
    let (or, oi) = ((z.1 + y.1) * half, (y.0 - z.0) * half);
    let (tr, ti) = (or * w.0 - oi * w.1, or * w.1 + oi * w.0);
    ((er + tr, ei + ti), (er - tr, ti - ei))
}

kernel! {
    fn unpack / unpack_with<T: Real; L>(
        position: &[usize],
        split: &[(T, T)],
        z: &[[T; L]],
        re: &mut [[T; L]],
        im: &mut [[T; L]],
    ) {
        let half = position.len();
        for l in 0..L {
            (re[0][l], im[0][l]) = (z[0][l] + z[1][l], T::ZERO);
            (re[half][l], im[half][l]) = (z[0][l] - z[1][l], T::ZERO);
        }
        for k in 1..=half / 2 {
            let (p, q, w) = (position[k], position[half - k], split[k]);
            let (mut a, mut b) = (([T::ZERO; L], [T::ZERO; L]), ([T::ZERO; L], [T::ZERO; L]));
            let (zr, zi, yr, yi) = (&z[2 * p], &z[2 * p + 1], &z[2 * q], &z[2 * q + 1]);
            for l in 0..L {
                let (x, y) = split_pair((zr[l], zi[l]), (yr[l], yi[l]), w);
                (a.0[l], a.1[l], b.0[l], b.1[l]) = (x.0, x.1, y.0, y.1);
            }
            (re[half - k], im[half - k]) = b;
            (re[k], im[k]) = a;
        }
    }
}

kernel! {
    fn unpack_power / unpack_power_with<T: Real; L>(
        position: &[usize],
        split: &[(T, T)],
        z: &[[T; L]],
        power: &mut [[T; L]],
    ) {
        let half = position.len();
        for l in 0..L {
            let (dc, nyquist) = (z[0][l] + z[1][l], z[0][l] - z[1][l]);
            power[0][l] = dc * dc;
            power[half][l] = nyquist * nyquist;
        }
        for k in 1..=half / 2 {
            let (p, q, w) = (position[k], position[half - k], split[k]);
            let (mut a, mut b) = ([T::ZERO; L], [T::ZERO; L]);
            let (zr, zi, yr, yi) = (&z[2 * p], &z[2 * p + 1], &z[2 * q], &z[2 * q + 1]);
            for l in 0..L {
                let (x, y) = split_pair((zr[l], zi[l]), (yr[l], yi[l]), w);
                a[l] = x.0 * x.0 + x.1 * x.1;
                b[l] = y.0 * y.0 + y.1 * y.1;
            }
            power[half - k] = b;
            power[k] = a;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::{Isa, L32, L64};
    use super::*;

    fn signal(n: usize, lane: usize) -> Vec<f64> {
        let step = 0.618_033_988_7 + lane as f64 * 0.01;
        (0..n)
            .map(|i| {
                let t = i as f64 * step;
                t - t.floor() - 0.5
            })
            .collect()
    }

    fn dft(x: &[f64], k: usize) -> (f64, f64) {
        let n = x.len();
        x.iter().enumerate().fold((0.0, 0.0), |(re, im), (i, &x)| {
            let a = -2.0 * PI * ((i * k) % n) as f64 / n as f64;
            (re + x * a.cos(), im + x * a.sin())
        })
    }

    #[test]
    fn every_length_matches_the_definition_in_every_lane() {
        for n in
            (1..=72).chain([96, 100, 160, 200, 240, 250, 256, 320, 400, 441, 512, 551, 800, 1024])
        {
            let fft = RealFft::<f64>::new(n).unwrap();
            let mut frames = vec![[0.0; L64]; n];
            for lane in 0..L64 {
                signal(n, lane).iter().zip(&mut frames).for_each(|(x, row)| row[lane] = *x);
            }
            let mut power = vec![[0.0; L64]; fft.bins()];
            fft.power(&mut frames.clone(), &mut power);
            let (mut re, mut im) = (power.clone(), power.clone());
            fft.spectrum(&mut frames, &mut re, &mut im);
            for lane in [0, 3, L64 - 1] {
                let x = signal(n, lane);
                for k in 0..fft.bins() {
                    let (a, b) = dft(&x, k);
                    let near = |x: f64, y: f64| (x - y).abs() < 1e-11 * n as f64;
                    assert!(near(re[k][lane], a) && near(im[k][lane], b), "n {n} bin {k}");
                    assert!(near(power[k][lane], a * a + b * b), "n {n} bin {k}");
                }
            }
        }
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        for n in [30, 256, 400, 512, 800] {
            let fft = RealFft::<f32>::new(n).unwrap();
            let Kind::Rows { levels, position, split } = &fft.kind else {
                panic!("{n} is 5-smooth")
            };
            let mut frames = vec![[0.0; L32]; n];
            for lane in 0..L32 {
                signal(n, lane).iter().zip(&mut frames).for_each(|(x, row)| row[lane] = *x as f32);
            }
            let run = |isa| {
                let (mut z, mut power) = (frames.clone(), vec![[0.0; L32]; fft.bins()]);
                transform_with(isa, levels, &mut z);
                unpack_power_with(isa, position, split, &z, &mut power);
                power
            };
            assert_eq!(run(Isa::Portable), run(Isa::Avx2));
            assert_eq!(run(Isa::Portable), run(Isa::Avx512));
        }
    }
}
