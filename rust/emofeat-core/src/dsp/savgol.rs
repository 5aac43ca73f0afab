//! Derivatives by least squares (Savitzky and Golay 1964).

/// Weights by which `width` neighbouring values (odd, above `order`) give the `order`-th derivative of
/// the polynomial of degree `order` that fits them best, per step of the grid.
///
/// That derivative is `order!` times the leading coefficient, the same everywhere in the window, and
/// the leading coefficient is `<P, x> / <P, P>` with `P` the monic polynomial of that degree which is
/// orthogonal to all lower ones on the grid (Gram).
pub fn weights(width: usize, order: usize) -> Vec<f64> {
    let half = (width / 2) as f64;
    let grid: Vec<f64> = (0..width).map(|i| i as f64 - half).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (mut before, mut p) = (vec![0.0; width], vec![1.0; width]);
    let (mut square_before, mut factorial) = (1.0, 1.0);
    for degree in 1..=order {
        let square = dot(&p, &p);
        // The grid is symmetric, so the recurrence has no term in p itself.
        let ratio = if degree == 1 { 0.0 } else { square / square_before };
        let next = (0..width).map(|i| grid[i] * p[i] - ratio * before[i]).collect();
        (before, p) = (p, next);
        square_before = square;
        factorial *= degree as f64;
    }
    let square = dot(&p, &p);
    p.iter().map(|p| factorial * p / square).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_weights() {
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-15);
        let first: Vec<f64> = (-4..=4).map(|k| f64::from(k) / 60.0).collect();
        assert!(near(&weights(9, 1), &first));
        let second = [28.0, 7.0, -8.0, -17.0, -20.0, -17.0, -8.0, 7.0, 28.0].map(|w| w / 462.0);
        assert!(near(&weights(9, 2), &second));
    }

    #[test]
    fn derivatives_of_polynomials_are_exact() {
        for (width, order) in [(3, 1), (3, 2), (5, 4), (11, 3), (21, 5)] {
            let w = weights(width, order);
            let of = |power: i32| -> f64 {
                w.iter()
                    .enumerate()
                    .map(|(i, w)| w * (i as f64 - (width / 2) as f64).powi(power))
                    .sum()
            };
            let factorial: f64 = (1..=order).map(|k| k as f64).product();
            assert!((of(order as i32) / factorial - 1.0).abs() < 1e-10, "{width} {order}");
            for lower in 0..order as i32 {
                assert!(of(lower).abs() < 1e-9, "{width} {order} {lower}");
            }
        }
    }
}
