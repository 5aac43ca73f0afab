//! All roots of `L` real polynomials side by side, by the simultaneous iteration of Ehrlich and Aberth.
//!
//! Every root is corrected by Newton's step for the polynomial divided by the other
//! approximations, which converges cubically from almost anywhere (O. Aberth, "Iteration methods for
//! finding all zeros of a polynomial simultaneously", Mathematics of Computation 27, 1973). A root
//! that has converged is held, so that a polynomial's roots have the same bits whatever stands beside
//! it.

use super::lanes::kernel;

/// A row of real or imaginary parts.
type Row<const L: usize> = [f64; L];

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
    /// `m` have about the `m`-th part of the digits of single ones. Moduli must lie between about
    /// 1e-15 and 1e15 (products of squared distances are formed); a polynomial with NaN among its
    /// coefficients has NaN among its roots.
    pub fn find<const L: usize>(
        &self,
        c: &[Row<L>; N],
        re: &mut [Row<L>; N],
        im: &mut [Row<L>; N],
    ) {
        let mut active = [[0.0; L]; N];
        for l in 0..L {
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
        iterate(c, re, im, &mut active);
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
    fn iterate / iterate_with<; N, L>(
        c: &[Row<L>; N],
        re: &mut [Row<L>; N],
        im: &mut [Row<L>; N],
        active: &mut [Row<L>; N],
    ) {
        let mut distances = [[[0.0; L]; 2]; N];
        for _ in 0..ITERATIONS {
            if active.as_flattened().iter().all(|x| *x == 0.0) {
                return;
            }
            let (mut sum_re, mut sum_im) = ([[0.0; L]; N], [[0.0; L]; N]);
            for i in 1..N {
                repulsion(i, re, im, &mut distances, &mut sum_re, &mut sum_im);
            }
            for i in 0..N {
                let (p, d) = value_and_slope(c, &re[i], &im[i]);
                for l in 0..L {
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
fn repulsion<const N: usize, const L: usize>(
    i: usize,
    re: &[Row<L>; N],
    im: &[Row<L>; N],
    distances: &mut [[Row<L>; 2]; N],
    sum_re: &mut [Row<L>; N],
    sum_im: &mut [Row<L>; N],
) {
    let (zr, zi) = (re[i], im[i]);
    let mut product = [1.0; L];
    for ([square, before], (x, y)) in distances.iter_mut().zip(re.iter().zip(im)).take(i) {
        for l in 0..L {
            let (x, y) = (zr[l] - x[l], zi[l] - y[l]);
            let d = x * x + y * y;
            // Two approximations in one place say nothing about each other.
            square[l] = if d == 0.0 { 1.0 } else { d };
            before[l] = product[l];
            product[l] *= square[l];
        }
    }
    let (mut own_re, mut own_im, mut rest) = ([0.0; L], [0.0; L], [0.0; L]);
    for l in 0..L {
        rest[l] = 1.0 / product[l];
    }
    for j in (0..i).rev() {
        let [square, before] = &distances[j];
        let (x, y, sum_re, sum_im) = (&re[j], &im[j], &mut sum_re[j], &mut sum_im[j]);
        for l in 0..L {
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
fn value_and_slope<const N: usize, const L: usize>(
    c: &[Row<L>; N],
    re: &Row<L>,
    im: &Row<L>,
) -> ([Row<L>; 2], [Row<L>; 2]) {
    let (mut s, mut t) = ([0.0; L], [0.0; L]);
    for l in 0..L {
        (s[l], t[l]) = (2.0 * re[l], re[l] * re[l] + im[l] * im[l]);
    }
    // The last two coefficients of the quotient, and of the quotient's own.
    let (mut b0, mut b1) = ([0.0; L], [1.0; L]);
    let (mut d0, mut d1) = ([0.0; L], [0.0; L]);
    for c in &c[..N - 1] {
        for l in 0..L {
            // The older number first: only a product and a sum then wait for the newer one.
            let d = (b1[l] - t[l] * d0[l]) + s[l] * d1[l];
            (d0[l], d1[l]) = (d1[l], d);
            let b = (c[l] - t[l] * b0[l]) + s[l] * b1[l];
            (b0[l], b1[l]) = (b1[l], b);
        }
    }
    let (mut p, mut slope) = ([[0.0; L]; 2], [[0.0; L]; 2]);
    for l in 0..L {
        // p = b1 z + c - t b0 and p' = b1 + 2i im(z) (d1 - d0 conj(z)).
        let (x, y) = (re[l], im[l]);
        (p[0][l], p[1][l]) = (b1[l] * x + (c[N - 1][l] - t[l] * b0[l]), b1[l] * y);
        let (qr, qi) = (d1[l] - d0[l] * x, d0[l] * y);
        (slope[0][l], slope[1][l]) = (b1[l] - 2.0 * y * qi, 2.0 * y * qr);
    }
    (p, slope)
}

#[cfg(test)]
mod tests {
    use super::super::lanes::{Isa, L64};
    use super::*;

    /// Coefficients of `Π (z - root)`, all but the first.
    fn polynomial<const N: usize>(roots: &[(f64, f64)]) -> [f64; N] {
        let mut c = vec![(1.0, 0.0)];
        for &(x, y) in roots {
            c.push((0.0, 0.0));
            for k in (1..c.len()).rev() {
                let (a, b) = c[k - 1];
                c[k] = (c[k].0 - (a * x - b * y), c[k].1 - (a * y + b * x));
            }
        }
        std::array::from_fn(|k| c[k + 1].0)
    }

    /// Five pairs and a real root at pseudo-random places with moduli from 0.3 to 1.3.
    fn places(seed: u32) -> Vec<(f64, f64)> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1 << 24)
        };
        let pair = |i: usize, x: f64, y: f64| {
            let angle = (i as f64 + 0.2 + 0.6 * x) * std::f64::consts::PI / 5.0;
            let (sin, cos) = angle.sin_cos();
            let radius = 0.3 + y;
            [(radius * cos, radius * sin), (radius * cos, -radius * sin)]
        };
        let mut roots: Vec<_> = (0..5).flat_map(|i| pair(i, next(), next())).collect();
        roots.push((2.0 * next() - 1.0, 0.0));
        roots
    }

    fn rows<const N: usize>(polynomials: &[[f64; N]; L64]) -> [Row<L64>; N] {
        std::array::from_fn(|k| std::array::from_fn(|l| polynomials[l][k]))
    }

    fn find<const N: usize>(polynomials: &[[f64; N]; L64]) -> [[(f64, f64); N]; L64] {
        let (mut re, mut im) = ([[0.0; L64]; N], [[0.0; L64]; N]);
        Roots::new().find(&rows(polynomials), &mut re, &mut im);
        std::array::from_fn(|l| std::array::from_fn(|k| (re[k][l], im[k][l])))
    }

    /// The distance from `root` to the nearest of `found`.
    fn distance(root: (f64, f64), found: &[(f64, f64)]) -> f64 {
        let distances = found.iter().map(|z| (z.0 - root.0).hypot(z.1 - root.1));
        distances.fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn roots_of_known_polynomials_are_found() {
        for group in 0..100 {
            let places: [_; L64] = std::array::from_fn(|l| places(8 * group + l as u32));
            let found = find::<11>(&places.each_ref().map(|roots| polynomial(roots)));
            for (places, found) in places.iter().zip(&found) {
                for root in places {
                    // Rounding of the coefficients, times the condition of eleven roots that are
                    // no closer than the pairs' angles let them be.
                    assert!(distance(*root, found) < 1e-9, "{root:?} among {found:?}");
                }
            }
        }
    }

    #[test]
    fn real_roots_part_from_pairs() {
        // All real, and all on one circle.
        let line: [(f64, f64); 11] = std::array::from_fn(|k| (k as f64 - 4.5, 0.0));
        let mut circle = [0.0; 11];
        circle[10] = -1.0;
        let c: [[f64; 11]; L64] =
            std::array::from_fn(|l| if l % 2 == 0 { polynomial(&line) } else { circle });
        for (l, found) in find(&c).iter().enumerate() {
            for (k, x) in line.iter().enumerate() {
                let unit = (std::f64::consts::TAU * k as f64 / 11.0).sin_cos();
                let root = if l % 2 == 0 { *x } else { (unit.1, unit.0) };
                // Eleven equally spaced real roots lose about five digits to their coefficients.
                assert!(distance(root, found) < 1e-9, "{root:?} among {found:?}");
            }
        }
    }

    #[test]
    fn trailing_zeros_are_roots_at_zero() {
        // z^11, z^9 (z² - 1), z^10 (z - 3), z (z^10 - 1), each twice.
        let mut c = [[0.0; 11]; L64];
        for half in [0, 4] {
            (c[half + 1][1], c[half + 2][0], c[half + 3][9]) = (-1.0, -3.0, -1.0);
        }
        for (l, found) in find(&c).iter().enumerate() {
            let zeros = found.iter().filter(|z| **z == (0.0, 0.0)).count();
            assert_eq!(zeros, [11, 9, 10, 1][l % 4], "{found:?}");
            let roots = [vec![], vec![(1.0, 0.0), (-1.0, 0.0)], vec![(3.0, 0.0)], vec![(1.0, 0.0)]];
            for root in &roots[l % 4] {
                // Single roots, well apart: a few units in the last place.
                assert!(distance(*root, found) < 1e-14, "{root:?} among {found:?}");
            }
        }
    }

    #[test]
    fn roots_in_one_place_keep_the_digits_that_they_have() {
        // (z - 1/2)^3, of which a third of the digits can be known, and a plain root.
        let roots = [(0.5, 0.0), (0.5, 0.0), (0.5, 0.0), (-0.7, 0.0)];
        let found = find::<4>(&[polynomial(&roots); L64]);
        for z in &found[0] {
            assert!(distance(*z, &[roots[0], roots[3]]) < 1e-4, "{found:?}");
        }
        assert!(distance(roots[3], &found[0]) < 1e-12, "{found:?}");
    }

    #[test]
    fn a_lane_does_not_depend_on_its_neighbours() {
        let c: [[f64; 11]; L64] = std::array::from_fn(|l| polynomial(&places(l as u32)));
        let together = find(&c);
        for l in 0..L64 {
            let mut alone = [[0.0; 11]; L64];
            alone[(l + 3) % L64] = c[l];
            alone[(l + 5) % L64] = [f64::NAN; 11];
            assert_eq!(find(&alone)[(l + 3) % L64], together[l]);
        }
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        let c = rows::<11>(&std::array::from_fn(|l| polynomial(&places(l as u32))));
        let circle = Roots::<11>::new().circle;
        let run = |isa| {
            let mut re = circle.map(|z| [z.0; L64]);
            let mut im = circle.map(|z| [z.1; L64]);
            iterate_with(isa, &c, &mut re, &mut im, &mut [[1.0; L64]; 11]);
            (re, im)
        };
        assert_eq!(run(Isa::Portable), run(Isa::Avx2));
        assert_eq!(run(Isa::Portable), run(Isa::Avx512));
    }
}
