//! The line and the parabola that fit a contour best.

use super::Settings;
use super::contour::{Extremes, LANES, Sums, in_rows, total};
use crate::descriptor::Variant;
use crate::dsp::lanes::{Real, kernel};

/// Line `m i + t` and parabola `a i² + b i + c` over the frames `i`, divided by the contour's range;
/// all 0 but the centroid where the contour is flat.
#[derive(Debug, Clone, Copy, Default)]
pub struct Regression {
    /// `m`, and `t` above the minimum.
    pub line: [f64; 2],
    /// Mean squared distance from the line.
    pub line_error: f64,
    /// `a`, `b`, and `c` above the minimum.
    pub parabola: [f64; 3],
    /// Mean squared distance from the parabola.
    pub parabola_error: f64,
    /// Centre of gravity of the magnitudes over time, 0 to 1.
    pub centroid: f64,
}

/// The fits over `u = i - centre`, around which sums of odd powers of `u` vanish.
#[derive(Clone, Copy)]
struct Fits {
    centre: f64,
    /// `line[0] + line[1] u`
    line: [f64; 2],
    /// `parabola[0] + parabola[1] u + parabola[2] u²`
    parabola: [f64; 3],
}

/// `Σ u x`, `Σ u² x` and `Σ i |x|`.
struct Products {
    first: f64,
    second: f64,
    sizes: f64,
}

/// Least squares over all values, of which there is at least one.
pub fn fit<T: Real>(values: &[T], ends: &Extremes, sums: &Sums, settings: &Settings) -> Regression {
    let n = values.len() as f64;
    let products = find_products(values, (n - 1.0) / 2.0);
    // The sum from the mean as it goes out, in the precision of the contour.
    let sum = T::of(sums.values / n).f64() * n;
    let fits = solve(n, sum, &products, settings.variant);
    let errors = find_errors(values, &fits);

    let Fits { centre, line: [mean, m], parabola: [middle, slope, a] } = fits;
    let (t, b) = (mean - m * centre, slope - 2.0 * a * centre);
    let c = middle + (a * centre - slope) * centre;
    let range = ends.range();
    let (size, inverse) = if range > 0.0 { (range, 1.0 / range) } else { (1.0, 0.0) };
    let rate = if settings.per_second { 1.0 / settings.period } else { 1.0 };
    let bound = |v: f64, start: f64| limited(v, start, start + 0.01, settings.variant);
    let linear = |v: f64| bound(v, size / 10.0) * rate * inverse;
    let error = |sum: f64| sum / n * inverse * inverse;
    let centroid = if sums.sizes > 0.0 { products.sizes / sums.sizes / n } else { 0.0 };
    Regression {
        line: [linear(m), (t - ends.min) * inverse],
        line_error: error(errors[0]),
        parabola: [
            bound(a, (size / 10.0).sqrt()) * rate * rate * inverse,
            linear(b),
            (c - ends.min) * inverse,
        ],
        parabola_error: error(errors[1]),
        centroid,
    }
}

fn find_products<T: Real>(values: &[T], centre: f64) -> Products {
    let mut sums = [[0.0; LANES]; 4];
    sums[3] = std::array::from_fn(|l| l as f64);
    in_rows(values, T::ZERO, |rows, _| add_products::<T, LANES>(rows, centre, &mut sums));
    let [first, second, sizes, _] = sums.each_ref().map(total);
    Products { first, second, sizes }
}

/// Sums of the squared distances from line and parabola.
fn find_errors<T: Real>(values: &[T], fits: &Fits) -> [f64; 2] {
    let mut sums = [[0.0; LANES]; 3];
    sums[2] = std::array::from_fn(|l| l as f64 - fits.centre);
    in_rows(values, T::ZERO, |rows, weight| {
        add_errors::<T, LANES>(rows, fits, weight, &mut sums);
    });
    [total(&sums[0]), total(&sums[1])]
}

fn solve(n: f64, sum: f64, products: &Products, variant: Variant) -> Fits {
    let centre = (n - 1.0) / 2.0;
    let mean = sum / n;
    // Σ u² and Σ u⁴.
    let second = n * (n * n - 1.0) / 12.0;
    let fourth = second * (3.0 * n * n - 7.0) / 20.0;
    let slope = if n > 1.0 { products.first / second } else { 0.0 };
    let line = [mean, slope];
    if n < 3.0 {
        // Two frames fix no parabola: openSMILE's system of equations is singular and gives 0.
        let none = n == 2.0 && variant == Variant::OpenSmile;
        let parabola = if none { [0.0; 3] } else { [mean, slope, 0.0] };
        return Fits { centre, line, parabola };
    }
    let bend = (n * products.second - second * sum) / (n * fourth - second * second);
    Fits { centre, line, parabola: [(sum - bend * second) / n, slope, bend] }
}

/// `v` up to `start`, then bent to stay below `start + width`, which no paper knows of.
pub fn limited(v: f64, start: f64, width: f64, variant: Variant) -> f64 {
    if v.abs() <= start || variant == Variant::Paper {
        return v;
    }
    let over = ((v.abs() - start + 1.0).sqrt() - 1.0) / (width / 2.0);
    (over.tanh() * width + start).copysign(v)
}

kernel! {
    /// Sums of [`Products`]; the last lanes are the indices of the next row.
    fn add_products / add_products_with<T: Real; L>(
        rows: &[[T; L]], centre: f64, sums: &mut [[f64; L]; 4],
    ) {
        let [mut first, mut second, mut sizes, mut at] = *sums;
        for row in rows {
            for l in 0..L {
                let (x, u) = (row[l].f64(), at[l] - centre);
                first[l] += u * x;
                second[l] += u * u * x;
                sizes[l] += at[l] * x.abs();
                at[l] += L as f64;
            }
        }
        *sums = [first, second, sizes, at];
    }
}

kernel! {
    /// Sums of the squared distances from line and parabola; the last lanes are the `u` of the next row.
    fn add_errors / add_errors_with<T: Real; L>(
        rows: &[[T; L]], fits: &Fits, weight: &[f64; L], sums: &mut [[f64; L]; 3],
    ) {
        let Fits { line, parabola, .. } = *fits;
        let [mut straight, mut bent, mut u] = *sums;
        for row in rows {
            for l in 0..L {
                let x = row[l].f64();
                let d = (x - (line[0] + line[1] * u[l])) * weight[l];
                straight[l] += d * d;
                let fit = parabola[0] + (parabola[1] + parabola[2] * u[l]) * u[l];
                let d = (x - fit) * weight[l];
                bent[l] += d * d;
                u[l] += L as f64;
            }
        }
        *sums = [straight, bent, u];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functionals::contour::Contour;

    fn regression(values: &[f64], settings: &Settings) -> Regression {
        let mut contour = Contour::default();
        contour.load(values, false);
        contour.regression(settings)
    }

    #[test]
    fn a_line_and_a_parabola_are_found_again() {
        let frames = Settings { per_second: false, ..Settings::default() };
        let f = |i: f64| 0.002 * i * i - 0.1 * i + 4.0;
        let values: Vec<f64> = (0..60).map(|i| f(f64::from(i))).collect();
        let range = values[59] - f(25.0);
        let r = regression(&values, &frames);
        let expected = [0.002 / range, -0.1 / range, (4.0 - f(25.0)) / range];
        for (a, b) in r.parabola.into_iter().zip(expected) {
            // Sums of 60 values of order 10, squares of the index up to 3600.
            assert!((a - b).abs() < 1e-11, "{a} {b}");
        }
        assert!(r.parabola_error < 1e-24 && r.line_error > 1e-3);
        // Per second: 100 frames.
        let seconds = regression(&values, &Settings::default());
        assert!((seconds.parabola[0] / r.parabola[0] - 1e4).abs() < 1e-8);
        assert!((seconds.line[0] / r.line[0] - 1e2).abs() < 1e-10);
    }

    #[test]
    fn flat_and_short_contours_have_finite_fits() {
        for n in 1..4 {
            let r = regression(&vec![2.5; n], &Settings::default());
            assert_eq!((r.line, r.parabola, r.line_error), ([0.0; 2], [0.0; 3], 0.0));
            assert_eq!(r.centroid, (n as f64 - 1.0) / 2.0 / n as f64);
        }
        let two = regression(&[1.0, 2.0], &Settings::default());
        assert_eq!((two.parabola, two.parabola_error), ([0.0, 0.0, -1.0], 2.5));
        let paper = Settings { variant: Variant::Paper, ..Settings::default() };
        assert_eq!(regression(&[1.0, 2.0], &paper).parabola, [0.0, 100.0, 0.0]);
    }

    #[test]
    fn large_slopes_are_bent_towards_the_limit() {
        let limit = |v| limited(v, 10.0, 10.0, Variant::OpenSmile);
        assert_eq!((limit(10.0), limit(-3.0)), (10.0, -3.0));
        assert!(limit(12.0) > 10.0 && limit(12.0) < 12.0 && limit(1e12) <= 20.0);
        assert_eq!(limit(-12.0), -limit(12.0));
        assert_eq!(limited(-12.0, 10.0, 10.0, Variant::Paper), -12.0);
    }
}
