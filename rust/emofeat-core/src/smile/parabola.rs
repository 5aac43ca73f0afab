//! The parabola through three points, by which peaks are placed between samples.

/// Abscissa and value of the vertex of the parabola through three points with ascending `x`; if they
/// lie on a line, the highest of them, the first if all are equal.
///
/// Determinants written out in this order of operations, because their rounding shows: the value loses
/// up to seven digits when the points are close together and far from 0, and openSMILE's voicing has
/// exactly these.
pub fn vertex(x: [f64; 3], y: [f64; 3]) -> (f64, f64) {
    let [p, q, r] = x;
    let [u, v, w] = y;
    let (pp, qq, rr) = (p * p, q * q, r * r);
    let det = pp * q + qq * r + rr * p - rr * q - qq * p - pp * r;
    let a = (u * q + v * r + w * p - w * q - v * p - u * r) / det;
    let b = (pp * v + qq * w + rr * u - rr * v - qq * u - pp * w) / det;
    let c = (pp * q * w + qq * r * u + rr * p * v - rr * q * u - qq * p * w - pp * r * v) / det;
    if a == 0.0 || !a.is_finite() {
        let best = (1..3).fold(0, |best, i| if y[i] > y[best] { i } else { best });
        return (x[best], y[best]);
    }
    let at = -b / (2.0 * a);
    (at, c - a * at * at)
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
