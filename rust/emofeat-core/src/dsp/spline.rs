//! Natural cubic splines between two fixed axes.

use super::lanes::kernel;

/// A natural cubic spline from fixed knots to fixed points: everything that does not depend on the
/// values is worked out once.
///
/// With `m` the second derivatives at the knots (zero at both ends) and `h` the widths of the
/// intervals, the inner ones solve the tridiagonal system
/// `h[i-1] m[i-1] + 2 (h[i-1] + h[i]) m[i] + h[i] m[i+1] = 6 (slope[i] - slope[i-1])`.
/// Elimination runs up the knots and substitution down again; the points of an interval are evaluated
/// on the way down, as soon as both of its ends are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Spline {
    knots: Vec<Knot>,
    points: Vec<Point>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Knot {
    /// Elimination, `z[i] = up (y[i+1] - y[i]) - down (y[i] - y[i-1]) - carry z[i-1]`.
    up: f64,
    down: f64,
    carry: f64,
    /// Substitution, `m[i] = z[i] - back m[i+1]`.
    back: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct Point {
    /// The knot below it.
    knot: usize,
    /// Weights of the lower and upper value, of the lower and upper second derivative.
    weights: [f64; 4],
}

impl Spline {
    /// Through knots at `x` (ascending, at least 3) to points `at` (ascending); points outside the
    /// knots continue the outermost intervals.
    pub fn new(x: &[f64], at: &[f64]) -> Self {
        let mut knots = vec![Knot::default(); x.len()];
        let width = |i: usize| x[i + 1] - x[i];
        for i in 1..x.len() - 1 {
            let (below, above) = (width(i - 1), width(i));
            let pivot = 1.0 / (2.0 * (below + above) - below * knots[i - 1].back);
            knots[i].up = 6.0 / above * pivot;
            knots[i].down = 6.0 / below * pivot;
            knots[i].carry = below * pivot;
            knots[i].back = above * pivot;
        }
        let mut knot = 0;
        let points = at.iter().map(|&p| {
            while knot + 2 < x.len() && x[knot + 1] < p {
                knot += 1;
            }
            let h = width(knot);
            let (a, b) = ((x[knot + 1] - p) / h, (p - x[knot]) / h);
            let bend = |w: f64| (w * w * w - w) * (h * h) / 6.0;
            Point { knot, weights: [a, b, bend(a), bend(b)] }
        });
        Self { points: points.collect(), knots }
    }

    /// Values at the points, rounded, of the splines through the rows `y`, one row per knot; `z` is
    /// working memory of the same size.
    pub fn evaluate<const L: usize>(
        &self,
        y: &[[f64; L]],
        z: &mut [[f64; L]],
        out: &mut [[f32; L]],
    ) {
        evaluate(self, y, z, out);
    }
}

kernel! {
    fn evaluate / evaluate_with<; L>(
        spline: &Spline, y: &[[f64; L]], z: &mut [[f64; L]], out: &mut [[f32; L]],
    ) {
        let Spline { knots, points } = spline;
        let n = knots.len();
        let (y, z, out) = (&y[..n], &mut z[..n], &mut out[..points.len()]);
        let mut last = [0.0; L];
        let mut step = [0.0; L];
        for l in 0..L {
            step[l] = y[1][l] - y[0][l];
        }
        for i in 1..n - 1 {
            let k = &knots[i];
            for l in 0..L {
                let next = y[i + 1][l] - y[i][l];
                last[l] = (k.up * next - k.down * step[l]) - k.carry * last[l];
                step[l] = next;
            }
            z[i] = last;
        }
        z[0] = [0.0; L];
        let lowest = points.first().map_or(n, |p| p.knot);
        let (mut above, mut next) = ([0.0; L], points.len());
        for i in (lowest..n - 1).rev() {
            let mut here = z[i];
            for l in 0..L {
                here[l] -= knots[i].back * above[l];
            }
            let (low, high) = (&y[i], &y[i + 1]);
            while next > 0 && points[next - 1].knot == i {
                next -= 1;
                let [a, b, c, d] = points[next].weights;
                for l in 0..L {
                    let line = a * low[l] + b * high[l];
                    out[next][l] = (line + (c * here[l] + d * above[l])) as f32;
                }
            }
            above = here;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::lanes::Isa;

    fn knots() -> Vec<f64> {
        (1..40).map(|i| f64::from(i).log2()).collect()
    }

    fn values(n: usize) -> Vec<[f64; 8]> {
        (0..n)
            .map(|i| std::array::from_fn(|l| ((i * (l + 3)) as f64 * 0.37).sin() + l as f64))
            .collect()
    }

    #[test]
    fn splines_pass_through_their_knots() {
        let x = knots();
        let y = values(x.len());
        let (mut z, mut out) = (y.clone(), vec![[0.0f32; 8]; x.len()]);
        Spline::new(&x, &x).evaluate(&y, &mut z, &mut out);
        for (out, y) in out.iter().zip(&y) {
            for l in 0..8 {
                // Rounding to single precision of values below 16.
                assert!((f64::from(out[l]) - y[l]).abs() < 1e-6);
            }
        }
    }

    /// Both derivatives are continuous at the knots and the second vanishes at the ends.
    #[test]
    fn splines_are_smooth_and_natural() {
        let x: Vec<f64> = vec![0.0, 1.0, 2.5, 3.0, 5.0, 6.0];
        let y: Vec<[f64; 8]> = values(x.len());
        // 4 points inside every interval determine its cubic; from it both derivatives at both ends.
        let inside = [0.125, 0.375, 0.625, 0.875];
        let at: Vec<f64> =
            x.windows(2).flat_map(|w| inside.map(|t| w[0] + t * (w[1] - w[0]))).collect();
        let (mut z, mut out) = (y.clone(), vec![[0.0f32; 8]; at.len()]);
        Spline::new(&x, &at).evaluate(&y, &mut z, &mut out);
        for l in 0..8 {
            let ends: Vec<[(f64, f64); 2]> = x
                .windows(2)
                .enumerate()
                .map(|(i, w)| {
                    let v: [f64; 4] = std::array::from_fn(|k| f64::from(out[4 * i + k][l]));
                    [0.0, 1.0].map(|t| derivatives(&inside, &v, t, w[1] - w[0]))
                })
                .collect();
            // Differences of values rounded to 1e-6, over widths of 1/4 to the third power.
            let near = |a: f64, b: f64| (a - b).abs() < 2e-3;
            for pair in ends.windows(2) {
                assert!(near(pair[0][1].0, pair[1][0].0) && near(pair[0][1].1, pair[1][0].1));
            }
            assert!(near(ends[0][0].1, 0.0) && near(ends[4][1].1, 0.0));
        }
    }

    /// First and second derivative at `t` of the cubic through `v` at `at`, per unit of `t / width`.
    fn derivatives(at: &[f64; 4], v: &[f64; 4], t: f64, width: f64) -> (f64, f64) {
        let (mut first, mut second) = (0.0, 0.0);
        for i in 0..4 {
            let others: Vec<f64> = (0..4).filter(|&j| j != i).map(|j| at[j]).collect();
            let scale: f64 = v[i] / others.iter().map(|o| at[i] - o).product::<f64>();
            let d: Vec<f64> = others.iter().map(|o| t - o).collect();
            first += scale * (d[0] * d[1] + d[0] * d[2] + d[1] * d[2]);
            second += scale * 2.0 * (d[0] + d[1] + d[2]);
        }
        (first / width, second / (width * width))
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let x = knots();
        let at: Vec<f64> = (0..60).map(|i| 0.3 + f64::from(i) * 0.08).collect();
        let spline = Spline::new(&x, &at);
        let y = values(x.len());
        let run = |isa| {
            let (mut z, mut out) = (y.clone(), vec![[0.0f32; 8]; at.len()]);
            evaluate_with(isa, &spline, &y, &mut z, &mut out);
            out
        };
        assert_eq!(run(Isa::Portable), run(Isa::Avx2));
        assert_eq!(run(Isa::Portable), run(Isa::Avx512));
    }
}
