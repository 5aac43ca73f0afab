//! The parabola through three points, by which peaks are placed between samples.

/// Abscissa and value of the vertex of the parabola through three points with ascending `x`; if they
/// lie on a line, the highest of them, the first if all are equal.
pub fn vertex(x: [f64; 3], y: [f64; 3]) -> (f64, f64) {
    // Divided differences, about the middle point: nothing cancels but the differences themselves.
    let (left, right) = (x[1] - x[0], x[2] - x[1]);
    let (below, above) = ((y[1] - y[0]) / left, (y[2] - y[1]) / right);
    let a = (above - below) / (left + right);
    if !(a != 0.0 && a.is_finite()) {
        let best = (1..3).fold(0, |best, i| if y[i] > y[best] { i } else { best });
        return (x[best], y[best]);
    }
    let slope = below + a * left;
    (x[1] - slope / (2.0 * a), y[1] - slope * slope / (4.0 * a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vertices_of_known_parabolas() {
        // y = 5 - 2 (x - 1.75)²
        let y = |x: f64| 5.0 - 2.0 * (x - 1.75) * (x - 1.75);
        for x in [[0.0, 1.0, 2.0], [1.0, 1.5, 3.0], [1.75, 2.0, 9.0]] {
            let (at, value) = vertex(x, x.map(y));
            assert!((at - 1.75).abs() < 1e-14 && (value - 5.0).abs() < 1e-14, "{x:?}");
        }
    }

    #[test]
    fn lines_give_their_highest_point() {
        assert_eq!(vertex([0.0, 1.0, 2.0], [1.0, 2.0, 3.0]), (2.0, 3.0));
        assert_eq!(vertex([0.0, 1.0, 2.0], [3.0, 2.0, 1.0]), (0.0, 3.0));
        assert_eq!(vertex([0.0, 1.0, 2.0], [1.0, 1.0, 1.0]), (0.0, 1.0));
    }
}
