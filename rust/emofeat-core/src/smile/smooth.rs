//! Smoothing over three frames and derivatives over five, with openSMILE's ends.

use super::Variant;

/// A moving average over three frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Smooth {
    /// `sma3`: of all three.
    Plain,
    /// `sma3nz`: of those that are not 0; 0 where the middle one is.
    Nonzero,
}

impl Smooth {
    /// The average of `left`, `middle` and `right`.
    #[inline(always)]
    pub fn of(self, left: f32, middle: f32, right: f32) -> f32 {
        // A zero adds nothing, so only the divisor differs.
        let sum = (middle + left) + right;
        match self {
            Smooth::Plain => sum / 3.0,
            Smooth::Nonzero => {
                let others = u8::from(left != 0.0) + u8::from(right != 0.0);
                let mean = sum / f32::from(1 + others);
                if middle == 0.0 { 0.0 } else { mean }
            }
        }
    }

    /// Row `k` of the smoothed contour `x`, of which `n` frames (at least 1) exist: the first and last
    /// one repeat beyond the ends.
    #[inline(always)]
    pub fn row(self, x: &[f32], n: usize, k: usize) -> f32 {
        let at = |i: usize| x[i.min(n - 1)];
        self.of(at(k.saturating_sub(1)), at(k), at(k + 1))
    }

    /// Appends rows `0 .. rows` of the smoothed contour `x`, of which `n` frames exist.
    pub fn rows(self, x: &[f32], n: usize, rows: usize, out: &mut Vec<f32>) {
        if n == 0 || rows == 0 {
            return;
        }
        out.push(self.row(x, n, 0));
        let inner = x[..n.min(rows + 1)].windows(3);
        out.extend(inner.map(|three| self.of(three[0], three[1], three[2])));
        let done = n.min(rows + 1).max(2) - 1;
        out.extend((done..rows).map(|k| self.row(x, n, k)));
    }

    /// As [`Smooth::rows`], but without what lies to the right of a frame: the frame counts twice.
    pub fn rows_without_next(self, x: &[f32], rows: usize, out: &mut Vec<f32>) {
        out.extend((0..rows).map(|k| self.of(x[k.saturating_sub(1)], x[k], x[k])));
    }
}

/// Number of frames that a contour which waits for the pitch has for its smoothed row `k`.
///
/// Such a contour has `decided` of its `n` frames when the end of the input is first seen, and is padded
/// there once before the others follow: this shows in rows `decided - 1` and `decided`.
#[inline(always)]
pub fn known(k: usize, n: usize, decided: usize, variant: Variant) -> usize {
    let cut = variant == Variant::OpenSmile && 0 < decided && decided < n;
    if cut && (k + 1 == decided || k == decided) { decided } else { n }
}

/// Slope of the line through five frames, `x` giving each by its distance from the middle one.
#[inline(always)]
pub fn delta(x: impl Fn(isize) -> f32) -> f32 {
    ((x(1) - x(-1)) + 2.0 * (x(2) - x(-2))) / 10.0
}

/// Appends rows `0 .. rows` of the derivative of `x`, which repeats its first and last value beyond the
/// ends.
pub fn deltas(x: &[f32], rows: usize, variant: Variant, out: &mut Vec<f32>) {
    let n = x.len();
    let at = |k: usize| delta(|i| padded(x, n, zeros_from(k, n, variant), k, i));
    if n < 5 || rows < 3 {
        out.extend((0..rows).map(at));
        return;
    }
    out.extend((0..2).map(at));
    let inner = x[..n.min(rows + 2)].windows(5);
    out.extend(inner.map(|w| delta(|i| w[(2 + i) as usize])));
    out.extend((n.min(rows + 2) - 2..rows).map(at));
}

/// Row from which on zeros are read for row `k` of the derivative of a contour of `n` rows.
///
/// Of fewer than four rows openSMILE does not have all when it computes the first two derivatives.
#[inline(always)]
pub fn zeros_from(k: usize, n: usize, variant: Variant) -> usize {
    if variant == Variant::OpenSmile && n < 4 && k < 2 { n - 1 + k } else { usize::MAX }
}

/// Row `k + i` of `x`, of which `n` rows exist, the first and last one repeating beyond the ends, or 0
/// from row `zeros` on.
#[inline(always)]
pub fn padded(x: &[f32], n: usize, zeros: usize, k: usize, i: isize) -> f32 {
    let at = k.saturating_add_signed(i);
    if at >= zeros { 0.0 } else { x[at.min(n - 1)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(smooth: Smooth, x: &[f32], rows: usize) -> Vec<f32> {
        let mut out = Vec::new();
        smooth.rows(x, x.len(), rows, &mut out);
        out
    }

    #[test]
    fn ends_repeat_and_the_row_beyond_the_end_is_the_last_frame() {
        assert_eq!(rows(Smooth::Plain, &[3.0, 6.0, 0.0], 4), [4.0, 3.0, 2.0, 0.0]);
        assert_eq!(rows(Smooth::Plain, &[5.0], 2), [5.0, 5.0]);
        assert_eq!(rows(Smooth::Plain, &[], 2), []);
    }

    #[test]
    fn zeros_neither_count_nor_are_filled() {
        let x = [0.0, 4.0, 2.0, 0.0, 8.0];
        assert_eq!(rows(Smooth::Nonzero, &x, 6), [0.0, 3.0, 3.0, 0.0, 8.0, 8.0]);
    }

    #[test]
    fn whole_contours_and_single_rows_have_the_same_bits() {
        for n in 1..12 {
            let x: Vec<f32> = (0..n).map(|i| (i * i % 5) as f32 * 0.3).collect();
            for count in 0..n + 3 {
                for smooth in [Smooth::Plain, Smooth::Nonzero] {
                    let each: Vec<f32> = (0..count).map(|k| smooth.row(&x, n, k)).collect();
                    assert_eq!(rows(smooth, &x, count), each, "{n} {count}");
                }
                let mut derivative = Vec::new();
                deltas(&x, count, Variant::Paper, &mut derivative);
                let each: Vec<f32> =
                    (0..count).map(|k| delta(|i| padded(&x, n, usize::MAX, k, i))).collect();
                assert_eq!(derivative, each, "{n} {count}");
            }
        }
    }

    #[test]
    fn the_derivative_of_a_ramp_is_its_slope() {
        let x: Vec<f32> = (0..9).map(|i| 3.0 * i as f32).collect();
        let mut out = Vec::new();
        deltas(&x, 11, Variant::OpenSmile, &mut out);
        assert_eq!(out, [1.5, 2.4, 3.0, 3.0, 3.0, 3.0, 3.0, 2.4, 1.5, 0.6, 0.0]);
    }

    #[test]
    fn two_rows_of_a_very_short_contour_are_padded_with_zeros() {
        let (mut smile, mut paper) = (Vec::new(), Vec::new());
        deltas(&[10.0, 20.0], 4, Variant::OpenSmile, &mut smile);
        deltas(&[10.0, 20.0], 4, Variant::Paper, &mut paper);
        assert_eq!(smile, [-3.0, -3.0, 2.0, 0.0]);
        assert_eq!(paper, [3.0, 3.0, 2.0, 0.0]);
    }

    #[test]
    fn two_rows_at_the_decided_pitch_see_a_shorter_contour() {
        let see =
            |decided, variant| (0..6).map(|k| known(k, 5, decided, variant)).collect::<Vec<_>>();
        assert_eq!(see(3, Variant::OpenSmile), [5, 5, 3, 3, 5, 5]);
        assert_eq!(see(0, Variant::OpenSmile), [5; 6]);
        assert_eq!(see(5, Variant::OpenSmile), [5; 6]);
        assert_eq!(see(3, Variant::Paper), [5; 6]);
    }
}
