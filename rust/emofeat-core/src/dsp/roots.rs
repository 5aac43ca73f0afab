//! Roots of real polynomials, all at once and of [`L64`] polynomials side by side: Ehrlich's and
//! Aberth's simultaneous iteration.
//!
//! Every root is corrected by Newton's step for the polynomial divided by the other
//! approximations, which converges cubically from almost anywhere (O. Aberth, "Iteration methods for
//! finding all zeros of a polynomial simultaneously", Mathematics of Computation 27, 1973). A root
//! that has converged is held, so that a polynomial's roots have the same bits whatever stands beside
//! it.

use super::lanes::{L64, kernel};

/// A row of real or imaginary parts.
type Row = [f64; L64];

/// Iterations after which a root is taken as it is. Simple roots need about ten; those that coincide
/// are approached only linearly.
const ITERATIONS: usize = 64;

/// Square of the relative size of a last correction. The error left is about its cube.
const SMALL: f64 = 1e-16;

/// Finds the roots of monic polynomials of degree `N`.
#[derive(Debug, Clone)]
pub struct Roots<const N: usize> {
    /// Points on the unit circle where the iteration begins.
    circle: [(f64, f64); N],
}

impl<const N: usize> Default for Roots<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Roots<N> {
    /// Chooses the points from which the iteration begins.
    pub fn new() -> Self {
        // Turned off the real axis: from points that mirror one another, pairs could not part to
        // become two real roots.
        let point = |k: usize| {
            let (sin, cos) = (std::f64::consts::TAU * (k as f64 + 0.3) / N as f64).sin_cos();
            (cos, sin)
        };
        Self { circle: std::array::from_fn(point) }
    }

    /// Roots of `z^N + c[0] z^(N-1) + … + c[N-1]`, as real and imaginary parts, in no particular order.
    ///
    /// Trailing zeros among the coefficients are roots that are exactly zero. Roots of multiplicity
    /// `m` have about the `m`-th part of the digits of single ones.
    pub fn find(&self, c: &[Row; N], re: &mut [Row; N], im: &mut [Row; N]) {
        let mut active = [[0.0; L64]; N];
        for l in 0..L64 {
            let degree = (0..N).rev().find(|&k| c[k][l] != 0.0).map_or(0, |k| k + 1);
            let radius = if degree == 0 { 0.0 } else { geometric_mean(c[degree - 1][l], degree) };
            for k in 0..N {
                let on = k < degree;
                (re[k][l], im[k][l]) = if on {
                    (radius * self.circle[k].0, radius * self.circle[k].1)
                } else {
                    (0.0, 0.0)
                };
                active[k][l] = if on { 1.0 } else { 0.0 };
            }
        }
        let mut iterations = 0;
        iterate(c, re, im, &mut active, &mut iterations);
    }
}

/// About the geometric mean of the moduli of `degree` roots whose product is `±product`: the root of
/// its binary exponent, its own fraction left linear.
fn geometric_mean(product: f64, degree: usize) -> f64 {
    let bits = product.abs().to_bits();
    // A power of two is linear in its exponent's bits; those of 1 are the origin.
    let one = 1f64.to_bits() as i64;
    f64::from_bits((one + (bits as i64 - one) / degree as i64) as u64)
}

kernel! {
    fn iterate / iterate_with<; N>(
        c: &[Row; N],
        re: &mut [Row; N],
        im: &mut [Row; N],
        active: &mut [Row; N],
        iterations: &mut usize,
    ) {
        let mut distances = [[[0.0; L64]; 2]; N];
        while *iterations < ITERATIONS && active.as_flattened().iter().any(|x| *x != 0.0) {
            *iterations += 1;
            let (mut sum_re, mut sum_im) = ([[0.0; L64]; N], [[0.0; L64]; N]);
            for i in 1..N {
                repulsion(i, re, im, &mut distances, &mut sum_re, &mut sum_im);
            }
            for i in 0..N {
                let (p, d) = value_and_slope(c, &re[i], &im[i]);
                for l in 0..L64 {
                    // p / (p' - p Σ 1/(z - z_j))
                    let qr = d[0][l] - (p[0][l] * sum_re[i][l] - p[1][l] * sum_im[i][l]);
                    let qi = d[1][l] - (p[0][l] * sum_im[i][l] + p[1][l] * sum_re[i][l]);
                    let square = qr * qr + qi * qi;
                    let scale = if square == 0.0 { 0.0 } else { active[i][l] / square };
                    let wr = (p[0][l] * qr + p[1][l] * qi) * scale;
                    let wi = (p[1][l] * qr - p[0][l] * qi) * scale;
                    re[i][l] -= wr;
                    im[i][l] -= wi;
                    let (step, size) = (
                        wr * wr + wi * wi,
                        re[i][l] * re[i][l] + im[i][l] * im[i][l],
                    );
                    active[i][l] = if step > SMALL * size { 1.0 } else { 0.0 };
                }
            }
        }
    }
}

/// Adds `1 / (z_i - z_j)` to the sums of `i`, and subtracts it from those of `j`, for `j` below `i`.
///
/// One division serves all: the reciprocal of the product of all squared distances, times the
/// product of all but one.
#[inline(always)]
fn repulsion<const N: usize>(
    i: usize,
    re: &[Row; N],
    im: &[Row; N],
    distances: &mut [[Row; 2]; N],
    sum_re: &mut [Row; N],
    sum_im: &mut [Row; N],
) {
    let (zr, zi) = (re[i], im[i]);
    let mut product = [1.0; L64];
    for ([square, before], (x, y)) in distances.iter_mut().zip(re.iter().zip(im)).take(i) {
        for l in 0..L64 {
            let (x, y) = (zr[l] - x[l], zi[l] - y[l]);
            let d = x * x + y * y;
            // Two approximations in one place say nothing about each other.
            square[l] = if d == 0.0 { 1.0 } else { d };
            before[l] = product[l];
            product[l] *= square[l];
        }
    }
    let (mut own_re, mut own_im, mut rest) = ([0.0; L64], [0.0; L64], [0.0; L64]);
    for l in 0..L64 {
        rest[l] = 1.0 / product[l];
    }
    for j in (0..i).rev() {
        let [square, before] = &distances[j];
        let (x, y, sum_re, sum_im) = (&re[j], &im[j], &mut sum_re[j], &mut sum_im[j]);
        for l in 0..L64 {
            let inverse = rest[l] * before[l];
            rest[l] *= square[l];
            let (u, v) = ((zr[l] - x[l]) * inverse, (y[l] - zi[l]) * inverse);
            own_re[l] += u;
            own_im[l] += v;
            sum_re[l] -= u;
            sum_im[l] -= v;
        }
    }
    (sum_re[i], sum_im[i]) = (own_re, own_im);
}

/// The polynomial and its derivative at `z`, by two divisions by the real quadratic whose roots are
/// `z` and its conjugate: half the operations of Horner's rule.
#[inline(always)]
fn value_and_slope<const N: usize>(c: &[Row; N], re: &Row, im: &Row) -> ([Row; 2], [Row; 2]) {
    let (mut s, mut t) = ([0.0; L64], [0.0; L64]);
    for l in 0..L64 {
        (s[l], t[l]) = (2.0 * re[l], re[l] * re[l] + im[l] * im[l]);
    }
    // The last two coefficients of the quotient, and of the quotient's own.
    let (mut b0, mut b1) = ([0.0; L64], [1.0; L64]);
    let (mut d0, mut d1) = ([0.0; L64], [0.0; L64]);
    for c in &c[..N - 1] {
        for l in 0..L64 {
            // The older number first: only a product and a sum then wait for the newer one.
            let d = (b1[l] - t[l] * d0[l]) + s[l] * d1[l];
            (d0[l], d1[l]) = (d1[l], d);
            let b = (c[l] - t[l] * b0[l]) + s[l] * b1[l];
            (b0[l], b1[l]) = (b1[l], b);
        }
    }
    let (mut p, mut slope) = ([[0.0; L64]; 2], [[0.0; L64]; 2]);
    for l in 0..L64 {
        // p = b1 z + c - t b0 and p' = b1 + 2i im(z) (d1 - d0 conj(z)).
        let (x, y) = (re[l], im[l]);
        (p[0][l], p[1][l]) = (b1[l] * x + (c[N - 1][l] - t[l] * b0[l]), b1[l] * y);
        let (qr, qi) = (d1[l] - d0[l] * x, d0[l] * y);
        (slope[0][l], slope[1][l]) = (b1[l] - 2.0 * y * qi, 2.0 * y * qr);
    }
    (p, slope)
}
