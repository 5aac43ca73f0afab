//! Real FFT in single precision, of `L` frames at once, with the rounding of Ooura's transform.
//!
//! Numbers that depend on openSMILE's rounding (formants amplify it a thousandfold) need its FFT bit
//! for bit. This is the arithmetic of the split-radix `rdft` in Takuya Ooura's *General Purpose FFT
//! Package* (1996–2001; free to use, copy, modify and distribute), written from a description of it
//! in formulas: the same sums and products in the same association, in another form. A row holds
//! the same position of `L` frames, stages work in place and depth first, so that the parts stay in
//! the cache, and bins are put in order when they are unpacked.
//!
//! Sign: `X[k] = Σ x[j] e^{+2πi jk/n}`, so `im` is the negative of what [`super::fft`] gives. Nothing is
//! scaled.

use super::lanes::kernel;
use crate::error::{Code, Error, Result};
use std::f32::consts::{FRAC_1_SQRT_2, FRAC_PI_4};
use std::ops::{Add, Mul, Sub};

/// A complex number; `w * x` is the textbook product of four products and two sums.
#[derive(Debug, Clone, Copy, PartialEq)]
struct C {
    re: f32,
    im: f32,
}

impl Add for C {
    type Output = Self;
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        Self { re: self.re + b.re, im: self.im + b.im }
    }
}

impl Sub for C {
    type Output = Self;
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        Self { re: self.re - b.re, im: self.im - b.im }
    }
}

impl Mul for C {
    type Output = Self;
    #[inline(always)]
    fn mul(self, x: Self) -> Self {
        Self { re: self.re * x.re - self.im * x.im, im: self.re * x.im + self.im * x.re }
    }
}

impl C {
    /// `self + i b`.
    #[inline(always)]
    fn plus_i(self, b: Self) -> Self {
        Self { re: self.re - b.im, im: self.im + b.re }
    }

    /// `self - i b`.
    #[inline(always)]
    fn minus_i(self, b: Self) -> Self {
        Self { re: self.re + b.im, im: self.im - b.re }
    }

    /// Times `e^{iπ/4}`, as sums before the product.
    #[inline(always)]
    fn eighth(self) -> Self {
        Self { re: FRAC_1_SQRT_2 * (self.re - self.im), im: FRAC_1_SQRT_2 * (self.im + self.re) }
    }

    /// Times `e^{-iπ/4}`.
    #[inline(always)]
    fn eighth_back(self) -> Self {
        Self { re: FRAC_1_SQRT_2 * (self.re + self.im), im: FRAC_1_SQRT_2 * (self.im - self.re) }
    }

    /// The same number with its parts exchanged: `e^{iφ}` becomes `e^{i(π/2-φ)}`.
    #[inline(always)]
    const fn swap(self) -> Self {
        Self { re: self.im, im: self.re }
    }

    #[inline(always)]
    const fn conj(self) -> Self {
        Self { re: self.re, im: -self.im }
    }

    #[inline(always)]
    const fn neg(self) -> Self {
        Self { re: -self.re, im: -self.im }
    }

    const fn bits(re: u32, im: u32) -> Self {
        Self { re: f32::from_bits(re), im: f32::from_bits(im) }
    }
}

/// `e^{iπr/4}` for a dyadic fraction `r`, from the angle rounded to single precision.
fn e1(r: f32) -> C {
    let angle = f64::from(FRAC_PI_4 * r);
    C { re: angle.cos() as f32, im: angle.sin() as f32 }
}

/// `e^{3iπr/4}`, likewise.
fn e3(r: f32) -> C {
    let angle = f64::from(3.0 * FRAC_PI_4 * r);
    C { re: angle.cos() as f32, im: angle.sin() as f32 }
}

/// `e1(1/2)`.
const G: C = C::bits(0x3F6C_835E, 0x3EC3_EF16);
/// `e1(1/4)`.
const W1: C = C::bits(0x3F7B_14BE, 0x3E47_C5C2);
/// `e3(1/4)`.
const W3: C = C::bits(0x3F54_DB31, 0x3F0E_39DA);

/// Which of the two transforms of the recursion: the plain one, or the one of `x[p] e^{πip/N}`.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    Shifted,
}

/// One part of the recursion: a stage that splits its complex elements into four parts, or, at the
/// last level, a leaf.
#[derive(Debug, Clone, Copy)]
struct Step {
    kind: Kind,
    /// Index into [`RealFft::levels`]; the leaves come after the last.
    level: usize,
    /// First complex element.
    start: usize,
}

/// Factors of the stages of one size, element by element of a quarter.
#[derive(Debug)]
struct Level {
    /// Complex elements of a part.
    size: usize,
    /// Plain stage: factors of the third and the fourth part.
    plain: Vec<[C; 2]>,
    /// Shifted stage: factors of the four sums and differences.
    shifted: Vec<[C; 4]>,
}

impl Level {
    fn new(size: usize, first: bool) -> Self {
        let (quarter, eighth) = (size / 4, size / 8);
        let part = |p: usize, whole: usize| p as f32 / whole as f32;
        // Exact at the even positions of the first stage, the mean of two neighbours at the odd ones.
        let exact = |p: usize| match p {
            0 => [C { re: 1.0, im: 0.0 }; 2],
            _ if p == eighth => {
                let h = FRAC_1_SQRT_2;
                [C { re: h, im: h }, C { re: -h, im: h }]
            }
            _ => [e1(part(p, eighth)), e3(part(p, eighth))],
        };
        let scales = interpolation(size);
        let near = |p: usize| {
            if !first || p.is_multiple_of(2) {
                return exact(p);
            }
            let (a, b) = (exact(p - 1), exact(p + 1));
            std::array::from_fn(|i| {
                let sum = a[i] + b[i];
                C { re: scales[i] * sum.re, im: scales[i] * sum.im }
            })
        };
        let plain = |p: usize| {
            if p <= eighth {
                return near(p);
            }
            let [w1, w3] = near(quarter - p);
            [w1.swap(), w3.swap().neg()]
        };
        let shifted = |p: usize| {
            let (a, b) = (part(p, quarter), part(quarter - p, quarter));
            [e1(a), e3(a), e1(b).swap(), e3(b).swap().neg()]
        };
        Self {
            size,
            plain: (0..quarter).map(plain).collect(),
            shifted: (0..quarter).map(shifted).collect(),
        }
    }
}

/// What a sum of two neighbouring factors is multiplied with to give the one between them, in a
/// first stage of `size` complex elements: for `e1` and for `e3`.
fn interpolation(size: usize) -> [f32; 2] {
    let r = 8.0 / size as f32;
    [FRAC_PI_4 * r, 3.0 * FRAC_PI_4 * r].map(|angle| (0.5 / f64::from(angle).cos()) as f32)
}

/// A planned transform of one length.
#[derive(Debug)]
pub struct RealFft {
    n: usize,
    levels: Vec<Level>,
    /// Complex elements of a leaf, 8 or 16.
    leaf: usize,
    /// Depth first.
    steps: Vec<Step>,
    /// Where element `k` of the complex transform stands after the last step.
    position: Vec<usize>,
    /// Factors that separate the two interleaved real transforms, for bins `0..n / 4`.
    split: Vec<C>,
}

impl RealFft {
    /// Plans transforms of `n` real samples, a power of two from 16 to 65536.
    pub fn new(n: usize) -> Result<Self> {
        if !n.is_power_of_two() || !(16..=65_536).contains(&n) {
            let message = format!("FFT length {n}; allowed are powers of two from 16 to 65536");
            return Err(Error::new(Code::BadParameter, message));
        }
        let half = n / 2;
        let leaf = if half.trailing_zeros().is_multiple_of(2) { 16 } else { 8 };
        let sizes = std::iter::successors(Some(half), |size| Some(size / 4));
        let levels =
            sizes.take_while(|&size| size > leaf).map(|size| Level::new(size, size == half));
        let mut fft = Self {
            n,
            levels: levels.collect(),
            leaf,
            steps: Vec::new(),
            position: vec![0; half],
            split: (0..half / 2).map(|k| split_factor(k, n / 8)).collect(),
        };
        fft.plan(Step { kind: Kind::Plain, level: 0, start: 0 }, 0, 1);
        Ok(fft)
    }

    /// Appends a part that yields the elements `first`, `first + stride` ..., and all parts below it.
    fn plan(&mut self, step: Step, first: usize, stride: usize) {
        self.steps.push(step);
        let Some(level) = self.levels.get(step.level) else {
            for k in 0..self.leaf {
                let place = if self.leaf == 16 { LEAF16[k] } else { k };
                self.position[first + k * stride] = step.start + place;
            }
            return;
        };
        let quarter = level.size / 4;
        // Part 0 gives every fourth element from 0, part 1 those from 2, part 2 those from 1.
        let parts = [(0, Kind::Plain), (2, Kind::Shifted), (1, Kind::Plain), (3, step.kind)];
        for (i, (offset, kind)) in parts.into_iter().enumerate() {
            let part = Step { kind, level: step.level + 1, start: step.start + i * quarter };
            self.plan(part, first + offset * stride, 4 * stride);
        }
    }

    /// Number of samples that go in.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Number of bins that come out, `n / 2 + 1`.
    pub fn bins(&self) -> usize {
        self.n / 2 + 1
    }

    /// Transforms `rows` (`n`, overwritten) into real and imaginary parts (`bins` rows each).
    pub fn forward<const L: usize>(
        &self,
        rows: &mut [[f32; L]],
        re: &mut [[f32; L]],
        im: &mut [[f32; L]],
    ) {
        transform(&self.levels, &self.steps, rows);
        unpack(&self.position, &self.split, rows, re, im);
    }

    /// Transforms `rows` (`n`, overwritten) into magnitudes (`bins` rows).
    pub fn magnitude<const L: usize>(&self, rows: &mut [[f32; L]], magnitude: &mut [[f32; L]]) {
        transform(&self.levels, &self.steps, rows);
        unpack_magnitude(&self.position, &self.split, rows, magnitude);
    }

    /// [`Self::forward`] and [`Self::magnitude`] in one; of the real and imaginary parts only as many
    /// bins, from the first on, as `re` and `im` have rows.
    pub fn polar<const L: usize>(
        &self,
        rows: &mut [[f32; L]],
        re: &mut [[f32; L]],
        im: &mut [[f32; L]],
        magnitude: &mut [[f32; L]],
    ) {
        transform(&self.levels, &self.steps, rows);
        unpack_polar(&self.position, &self.split, rows, re, im, magnitude);
    }

    /// Transforms a spectrum (`bins` rows, as [`Self::forward`] gives it; the imaginary parts of the
    /// first and the last are not read) back into `out` (`n` rows), `n / 2` times the samples.
    /// `scratch` has `n` rows.
    pub fn inverse<const L: usize>(
        &self,
        re: &[[f32; L]],
        im: &[[f32; L]],
        scratch: &mut [[f32; L]],
        out: &mut [[f32; L]],
    ) {
        pack(&self.split, re, im, scratch);
        self.transform_back(scratch);
        for (j, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
            *out = self.sample_pair(scratch, j);
        }
    }

    /// Autocorrelation at lags `0..bins` from magnitudes (`bins` rows): the absolute value of the
    /// inverse transform of their squares, divided by the number of bins (as openSMILE does, and not
    /// by `n`). Fills `rows` (`n` rows), of which [`Self::lag`] reads single lags.
    pub fn autocorrelation<const L: usize>(&self, magnitude: &[[f32; L]], rows: &mut [[f32; L]]) {
        pack_power(&self.split, magnitude, rows);
        self.transform_back(rows);
    }

    /// Lag `i` of one lane after [`Self::autocorrelation`].
    pub fn lag<const L: usize>(&self, rows: &[[f32; L]], lane: usize, i: usize) -> f32 {
        // Signs, which differ in order, do not matter to the absolute value.
        rows[self.place(i / 2) + i % 2][lane].abs() / self.bins() as f32
    }

    /// The complex transform that an inverse ends with, but for order and signs of its output.
    fn transform_back<const L: usize>(&self, rows: &mut [[f32; L]]) {
        if self.conjugates() {
            transform_conjugated(&self.levels, &self.steps, rows);
        } else {
            transform(&self.levels, &self.steps, rows);
        }
    }

    /// Whether the inverse is the transform of the conjugate; leaves alone are read backwards.
    fn conjugates(&self) -> bool {
        !self.levels.is_empty()
    }

    /// Samples `2 j` and `2 j + 1` after [`Self::transform_back`].
    #[inline]
    fn sample_pair<const L: usize>(&self, rows: &[[f32; L]], j: usize) -> [[f32; L]; 2] {
        let p = self.place(j);
        let second = rows[p + 1];
        [rows[p], if self.conjugates() { second.map(|x| -x) } else { second }]
    }

    /// The first row of sample pair `j` after [`Self::transform_back`].
    #[inline]
    fn place(&self, j: usize) -> usize {
        let half = self.n / 2;
        2 * self.position[if self.conjugates() { j } else { (half - j) % half }]
    }
}

/// `(½ - S, C)` with `C + iS = ½ e^{2πik/n}`, where an eighth of the length is `m`.
fn split_factor(k: usize, m: usize) -> C {
    let r = |k: usize| k as f32 / m as f32;
    let e = match k {
        _ if k < m => e1(r(k)),
        _ if k == m => C { re: FRAC_1_SQRT_2, im: FRAC_1_SQRT_2 },
        _ => e1(r(2 * m - k)).swap(),
    };
    C { re: 0.5 - 0.5 * e.im, im: 0.5 * e.re }
}

kernel! {
    /// The complex transform of rows (re, im, re, im ...), in place, elements left in the order of
    /// [`RealFft::position`].
    fn transform / transform_with<; L>(levels: &[Level], steps: &[Step], rows: &mut [[f32; L]]) {
        run::<L, false>(levels, steps, rows);
    }
}

kernel! {
    /// The transform of the complex conjugate.
    fn transform_conjugated / transform_conjugated_with<; L>(
        levels: &[Level],
        steps: &[Step],
        rows: &mut [[f32; L]],
    ) {
        run::<L, true>(levels, steps, rows);
    }
}

/// Rows of one complex element.
type Element<const L: usize> = [[f32; L]; 2];

#[inline(always)]
fn run<const L: usize, const CONJUGATE: bool>(
    levels: &[Level],
    steps: &[Step],
    rows: &mut [[f32; L]],
) {
    let elements = rows.as_chunks_mut().0;
    let last = if (elements.len().trailing_zeros()).is_multiple_of(2) { 16 } else { 8 };
    for step in steps {
        let part = &mut elements[step.start..];
        match (levels.get(step.level), step.kind) {
            (Some(level), Kind::Plain) if CONJUGATE && step.level == 0 => {
                plain_stage::<L, true>(level, part);
            }
            (Some(level), Kind::Plain) => plain_stage::<L, false>(level, part),
            (Some(level), Kind::Shifted) => shifted_stage(level, part),
            (None, kind) => leaf(last, kind, part),
        }
    }
}

#[inline(always)]
fn get<const L: usize>(element: &Element<L>, l: usize) -> C {
    C { re: element[0][l], im: element[1][l] }
}

#[inline(always)]
fn put<const L: usize>(element: &mut Element<L>, l: usize, x: C) {
    (element[0][l], element[1][l]) = (x.re, x.im);
}

/// The quarters of the first `4 * quarter` elements.
#[inline(always)]
fn quarters<const L: usize>(part: &mut [Element<L>], quarter: usize) -> [&mut [Element<L>]; 4] {
    let (a, rest) = part.split_at_mut(quarter);
    let (b, rest) = rest.split_at_mut(quarter);
    let (c, rest) = rest.split_at_mut(quarter);
    [a, b, c, &mut rest[..quarter]]
}

#[inline(always)]
fn plain_stage<const L: usize, const CONJUGATE: bool>(level: &Level, part: &mut [Element<L>]) {
    let [a, b, c, d] = quarters(part, level.size / 4);
    for (p, &[w1, w3]) in level.plain.iter().enumerate() {
        let (a, b, c, d) = (&mut a[p], &mut b[p], &mut c[p], &mut d[p]);
        // The general rule would give other signs of zero, and another rounding, at these two.
        if p == 0 {
            plain_butterfly::<L, CONJUGATE>(a, b, c, d, |u, v| (u, v));
        } else if p == level.size / 8 {
            plain_butterfly::<L, CONJUGATE>(a, b, c, d, |u, v| (u.eighth(), v.eighth_back().neg()));
        } else {
            plain_butterfly::<L, CONJUGATE>(a, b, c, d, |u, v| (w1 * u, w3 * v));
        }
    }
}

#[inline(always)]
fn plain_butterfly<const L: usize, const CONJUGATE: bool>(
    a: &mut Element<L>,
    b: &mut Element<L>,
    c: &mut Element<L>,
    d: &mut Element<L>,
    turn: impl Fn(C, C) -> (C, C),
) {
    // Of the second and the fourth, the sum and the difference are conjugated: zeros keep their sign.
    let conj = |x: C| if CONJUGATE { x.conj() } else { x };
    for l in 0..L {
        let (a0, a1, a2, a3) = (conj(get(a, l)), get(b, l), conj(get(c, l)), get(d, l));
        let (s, t) = (a0 + a2, a0 - a2);
        let (sum, difference) = (conj(a1 + a3), conj(a1 - a3));
        let (y2, y3) = turn(t.plus_i(difference), t.minus_i(difference));
        put(a, l, s + sum);
        put(b, l, s - sum);
        put(c, l, y2);
        put(d, l, y3);
    }
}

#[inline(always)]
fn shifted_stage<const L: usize>(level: &Level, part: &mut [Element<L>]) {
    let [a, b, c, d] = quarters(part, level.size / 4);
    for (p, &w) in level.shifted.iter().enumerate() {
        let (a, b, c, d) = (&mut a[p], &mut b[p], &mut c[p], &mut d[p]);
        if p == 0 {
            shifted_butterfly(a, b, c, d, |z| {
                let (t1, t3) = (z[1], z[3].eighth());
                [z[0], z[2].eighth(), t1.plus_i(t3), t1.minus_i(t3)]
            });
        } else if p == level.size / 8 {
            shifted_butterfly(a, b, c, d, |z| {
                let (t1, t3) = (G.swap() * z[1], G * z[3]);
                [G * z[0], G.swap() * z[2], t1 - t3, t1 + t3]
            });
        } else {
            shifted_butterfly(a, b, c, d, |z| {
                let (t1, t3) = (w[1] * z[1], w[3] * z[3]);
                [w[0] * z[0], w[2] * z[2], t1 + t3, t1 - t3]
            });
        }
    }
}

/// `turn` makes of the four sums and differences `t0`, `t2` and the outputs `o2`, `o3`.
#[inline(always)]
fn shifted_butterfly<const L: usize>(
    a: &mut Element<L>,
    b: &mut Element<L>,
    c: &mut Element<L>,
    d: &mut Element<L>,
    turn: impl Fn([C; 4]) -> [C; 4],
) {
    for l in 0..L {
        let (a0, a1, a2, a3) = (get(a, l), get(b, l), get(c, l), get(d, l));
        let [t0, t2, o2, o3] = turn([a0.plus_i(a2), a0.minus_i(a2), a1.plus_i(a3), a1.minus_i(a3)]);
        put(a, l, t0 + t2);
        put(b, l, t0 - t2);
        put(c, l, o2);
        put(d, l, o3);
    }
}

#[inline(always)]
fn leaf<const L: usize>(length: usize, kind: Kind, part: &mut [Element<L>]) {
    match (length, kind) {
        (8, Kind::Plain) => in_place(part, plain8),
        (8, Kind::Shifted) => in_place(part, shifted8),
        (_, Kind::Plain) => plain16(part),
        (_, Kind::Shifted) => shifted16(part),
    }
}

#[inline(always)]
fn in_place<const L: usize, const N: usize>(part: &mut [Element<L>], f: impl Fn([C; N]) -> [C; N]) {
    let Some((part, _)) = part.split_first_chunk_mut::<N>() else { return };
    for l in 0..L {
        let x = f(std::array::from_fn(|j| get(&part[j], l)));
        for (element, x) in part.iter_mut().zip(x) {
            put(element, l, x);
        }
    }
}

#[inline(always)]
fn plain8(a: [C; 8]) -> [C; 8] {
    let four = |a: [C; 4]| {
        let (x0, x1, x2, x3) = (a[0] + a[2], a[0] - a[2], a[1] + a[3], a[1] - a[3]);
        [x0 + x2, x1.plus_i(x3), x0 - x2, x1.minus_i(x3)]
    };
    let y = four([a[0], a[2], a[4], a[6]]);
    let z = four([a[1], a[3], a[5], a[7]]);
    let (z1, z3) = (z[1].eighth(), z[3].eighth());
    [
        y[0] + z[0],
        y[1] + z1,
        y[2].plus_i(z[2]),
        y[3].plus_i(z3),
        y[0] - z[0],
        y[1] - z1,
        y[2].minus_i(z[2]),
        y[3].minus_i(z3),
    ]
}

#[inline(always)]
fn shifted8(a: [C; 8]) -> [C; 8] {
    let (y0, y1) = (a[0].plus_i(a[4]), a[0].minus_i(a[4]));
    let (y2, y3) = (a[2].plus_i(a[6]).eighth(), a[2].minus_i(a[6]).eighth());
    let (y4, y5) = (G * a[1].plus_i(a[5]), G.swap() * a[1].minus_i(a[5]));
    let (y6, y7) = (G.swap() * a[3].plus_i(a[7]), G * a[3].minus_i(a[7]));
    let ends = [
        (y0 + y2, y4 + y6),
        (y1.plus_i(y3), y5 - y7),
        (y0 - y2, y4 - y6),
        (y1.minus_i(y3), y5 + y7),
    ];
    let low = |i: usize| if i < 2 { ends[i].0 + ends[i].1 } else { ends[i].0.plus_i(ends[i].1) };
    let high = |i: usize| if i < 2 { ends[i].0 - ends[i].1 } else { ends[i].0.minus_i(ends[i].1) };
    [low(0), low(1), low(2), low(3), high(0), high(1), high(2), high(3)]
}

/// Where element `k` of a leaf of 16 stands.
const LEAF16: [usize; 16] = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15];

/// The second half of a leaf of 16, four elements at a time: all 16 at once are more than there are
/// registers. `turn` makes of the four numbers the two pairs whose sum and difference, and whose sum
/// and difference turned by a quarter, are the outputs.
#[inline(always)]
fn quarter_leaf<const L: usize>(
    part: &mut [Element<L>],
    start: usize,
    turn: impl Fn([C; 4]) -> [(C, C); 2],
) {
    in_place(&mut part[start..], |y: [C; 4]| {
        let [(a, b), (c, d)] = turn(y);
        [a + b, a - b, c.plus_i(d), c.minus_i(d)]
    });
}

/// The first half of a leaf of 16: four elements, four apart, to four sums and differences.
#[inline(always)]
fn spread<const L: usize>(part: &mut [Element<L>], q: usize, f: impl Fn(C, C, C, C) -> [C; 4]) {
    let [a, b, c, d] = quarters(part, 4);
    let (a, b, c, d) = (&mut a[q], &mut b[q], &mut c[q], &mut d[q]);
    for l in 0..L {
        let y = f(get(a, l), get(b, l), get(c, l), get(d, l));
        put(a, l, y[0]);
        put(b, l, y[1]);
        put(c, l, y[2]);
        put(d, l, y[3]);
    }
}

#[inline(always)]
fn plain16<const L: usize>(part: &mut [Element<L>]) {
    let four = |a: C, b: C, c: C, d: C| {
        let (s, t, sum, difference) = (a + c, a - c, b + d, b - d);
        [s + sum, s - sum, t.plus_i(difference), t.minus_i(difference)]
    };
    spread(part, 0, four);
    spread(part, 1, |a, b, c, d| {
        let [s, t, u, v] = four(a, b, c, d);
        [s, t, G * u, G.swap() * v]
    });
    spread(part, 2, |a, b, c, d| {
        let [s, t, u, v] = four(a, b, c, d);
        [s, t, u.eighth(), v.eighth_back()]
    });
    spread(part, 3, |a, b, c, d| {
        let [s, t, u, v] = four(a, b, c, d);
        [s, t, G.swap() * u, G * v]
    });
    quarter_leaf(part, 0, |[a, b, c, d]| [(a + c, b + d), (a - c, b - d)]);
    quarter_leaf(part, 4, turned_quarter);
    quarter_leaf(part, 8, |[a, b, c, d]| [(a + c, b + d), (a - c, b - d)]);
    quarter_leaf(part, 12, |[a, b, c, d]| [(a - c, b - d), (a + c, b + d)]);
}

#[inline(always)]
fn turned_quarter([a, b, c, d]: [C; 4]) -> [(C, C); 2] {
    [(a.plus_i(c), b.plus_i(d).eighth()), (a.minus_i(c), b.minus_i(d).eighth())]
}

#[inline(always)]
fn shifted16<const L: usize>(part: &mut [Element<L>]) {
    spread(part, 0, |a, b, c, d| {
        let (s, t) = (a.plus_i(c), b.plus_i(d).eighth());
        let (u, v) = (a.minus_i(c), b.minus_i(d).eighth());
        [s + t, s - t, u.plus_i(v), u.minus_i(v)]
    });
    spread(part, 1, |a, b, c, d| {
        let (s, t) = (W1 * a.plus_i(c), W3.swap() * b.plus_i(d));
        let (u, v) = (W3 * a.minus_i(c), W1.conj() * b.minus_i(d));
        [s + t, s - t, u - v, u + v]
    });
    spread(part, 2, |a, b, c, d| {
        let (s, t) = (G * a.plus_i(c), G.swap() * b.plus_i(d));
        let (u, v) = (G.swap() * a.minus_i(c), G * b.minus_i(d));
        [s + t, s - t, u - v, u + v]
    });
    spread(part, 3, |a, b, c, d| {
        let (s, t) = (W3 * a.plus_i(c), W1.swap() * b.plus_i(d));
        let (u, v) = (W1.swap().conj() * a.minus_i(c), W3.swap() * b.minus_i(d));
        [s + t, s - t, u + v, u - v]
    });
    quarter_leaf(part, 0, |[a, b, c, d]| [(a + c, b + d), (a - c, b - d)]);
    quarter_leaf(part, 4, turned_quarter);
    quarter_leaf(part, 8, |[a, b, c, d]| [(a + c, b - d), (a - c, b + d)]);
    quarter_leaf(part, 12, |[a, b, c, d]| {
        [(a.plus_i(c), b.minus_i(d).eighth()), (a.minus_i(c), b.plus_i(d).eighth())]
    });
}

/// Bins `k` and `n / 2 - k` of the real transform from those of the complex one.
#[inline(always)]
fn separate(z: C, y: C, w: C) -> (C, C) {
    let f = w * C { re: z.re - y.re, im: z.im + y.im };
    (C { re: z.re - f.re, im: z.im - f.im }, C { re: y.re + f.re, im: y.im - f.im })
}

kernel! {
    fn unpack / unpack_with<; L>(
        position: &[usize],
        split: &[C],
        rows: &[[f32; L]],
        re: &mut [[f32; L]],
        im: &mut [[f32; L]],
    ) {
        let (elements, half) = (rows.as_chunks().0, position.len());
        ([re[0], im[0]], [re[half], im[half]]) = real_bins(&elements[0]);
        for k in 1..half / 2 {
            ([re[k], im[k]], [re[half - k], im[half - k]]) = bins(position, split, elements, k);
        }
        [re[half / 2], im[half / 2]] = elements[position[half / 2]];
    }
}

kernel! {
    fn unpack_magnitude / unpack_magnitude_with<; L>(
        position: &[usize],
        split: &[C],
        rows: &[[f32; L]],
        magnitude: &mut [[f32; L]],
    ) {
        let (elements, half) = (rows.as_chunks().0, position.len());
        let (first, last) = real_bins(&elements[0]);
        (magnitude[0], magnitude[half]) = (real_modulus(&first), real_modulus(&last));
        for k in 1..half / 2 {
            let (a, b) = bins(position, split, elements, k);
            (magnitude[k], magnitude[half - k]) = (modulus(&a), modulus(&b));
        }
        magnitude[half / 2] = modulus(&elements[position[half / 2]]);
    }
}

kernel! {
    fn unpack_polar / unpack_polar_with<; L>(
        position: &[usize],
        split: &[C],
        rows: &[[f32; L]],
        re: &mut [[f32; L]],
        im: &mut [[f32; L]],
        magnitude: &mut [[f32; L]],
    ) {
        let (elements, half) = (rows.as_chunks().0, position.len());
        let mut keep = |k: usize, bin: Element<L>| {
            if let (Some(re), Some(im)) = (re.get_mut(k), im.get_mut(k)) {
                [*re, *im] = bin;
            }
        };
        let (first, last) = real_bins(&elements[0]);
        (magnitude[0], magnitude[half]) = (real_modulus(&first), real_modulus(&last));
        keep(0, first);
        keep(half, last);
        for k in 1..half / 2 {
            let (a, b) = bins(position, split, elements, k);
            (magnitude[k], magnitude[half - k]) = (modulus(&a), modulus(&b));
            keep(k, a);
            keep(half - k, b);
        }
        let middle = elements[position[half / 2]];
        magnitude[half / 2] = modulus(&middle);
        keep(half / 2, middle);
    }
}

/// Bins `k` and `n / 2 - k`, of `1..n / 4`.
#[inline(always)]
fn bins<const L: usize>(
    position: &[usize],
    split: &[C],
    elements: &[Element<L>],
    k: usize,
) -> (Element<L>, Element<L>) {
    let (z, y) = (&elements[position[k]], &elements[position[position.len() - k]]);
    let (mut a, mut b) = ([[0.0; L]; 2], [[0.0; L]; 2]);
    for l in 0..L {
        let (x, v) = separate(get(z, l), get(y, l), split[k]);
        put(&mut a, l, x);
        put(&mut b, l, v);
    }
    (a, b)
}

/// The first and the last bin, which are real.
#[inline(always)]
fn real_bins<const L: usize>(element: &Element<L>) -> (Element<L>, Element<L>) {
    let (mut a, mut b) = ([[0.0; L]; 2], [[0.0; L]; 2]);
    for l in 0..L {
        let z = get(element, l);
        (a[0][l], b[0][l]) = (z.re + z.im, z.re - z.im);
    }
    (a, b)
}

#[inline(always)]
fn modulus<const L: usize>(bin: &Element<L>) -> [f32; L] {
    let mut out = [0.0; L];
    for l in 0..L {
        let x = get(bin, l);
        out[l] = (x.re * x.re + x.im * x.im).sqrt();
    }
    out
}

/// Of a real bin, whose square might overflow or vanish where its absolute value does not.
#[inline(always)]
fn real_modulus<const L: usize>(bin: &Element<L>) -> [f32; L] {
    bin[0].map(f32::abs)
}

kernel! {
    /// The complex spectrum whose transform is the inverse of a real one.
    fn pack / pack_with<; L>(
        split: &[C],
        re: &[[f32; L]],
        im: &[[f32; L]],
        rows: &mut [[f32; L]],
    ) {
        let half = 2 * split.len();
        let elements = rows.as_chunks_mut().0;
        elements[0] = ends(&re[0], &re[half]);
        for k in 1..half / 2 {
            let (mut a, mut b) = ([[0.0; L]; 2], [[0.0; L]; 2]);
            for l in 0..L {
                let (z, y) = (C { re: re[k][l], im: im[k][l] }, C { re: re[half - k][l], im: im[half - k][l] });
                let (x, v) = separate(z, y, split[k].conj());
                put(&mut a, l, x);
                put(&mut b, l, v);
            }
            (elements[k], elements[half - k]) = (a, b);
        }
        elements[half / 2] = [re[half / 2], im[half / 2]];
    }
}

kernel! {
    /// [`pack`] of the squares of magnitudes, imaginary parts zero.
    fn pack_power / pack_power_with<; L>(
        split: &[C],
        magnitude: &[[f32; L]],
        rows: &mut [[f32; L]],
    ) {
        let half = 2 * split.len();
        let elements = rows.as_chunks_mut().0;
        let square = |k: usize| {
            let mut power = [0.0; L];
            for l in 0..L {
                power[l] = magnitude[k][l] * magnitude[k][l];
            }
            power
        };
        elements[0] = ends(&square(0), &square(half));
        for k in 1..half / 2 {
            let (mut a, mut b) = ([[0.0; L]; 2], [[0.0; L]; 2]);
            let (z, y) = (&magnitude[k], &magnitude[half - k]);
            for l in 0..L {
                let real = |x: f32| C { re: x * x, im: 0.0 };
                let (x, v) = separate(real(z[l]), real(y[l]), split[k].conj());
                put(&mut a, l, x);
                put(&mut b, l, v);
            }
            (elements[k], elements[half - k]) = (a, b);
        }
        elements[half / 2] = [square(half / 2), [0.0; L]];
    }
}

/// The first element of a packed spectrum from its two real bins.
#[inline(always)]
fn ends<const L: usize>(first: &[f32; L], last: &[f32; L]) -> Element<L> {
    let mut out = [[0.0; L]; 2];
    for l in 0..L {
        let t = 0.5 * (first[l] - last[l]);
        (out[0][l], out[1][l]) = (first[l] - t, t);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::lanes::{Isa, L32};
    use super::*;

    #[test]
    fn factors_are_those_of_the_published_transform() {
        let bits = |x: C| (x.re.to_bits(), x.im.to_bits());
        assert_eq!(FRAC_1_SQRT_2.to_bits(), 0x3F35_04F3);
        assert_eq!(FRAC_1_SQRT_2, f64::from(FRAC_PI_4).cos() as f32);
        assert_eq!((3.0 * FRAC_PI_4).to_bits(), 0x4016_CBE4);
        assert_eq!(bits(G), bits(e1(0.5)));
        assert_eq!(bits(W1), bits(e1(0.25)));
        assert_eq!(bits(W3), bits(e3(0.25)));
        for (n, k1, k3) in [
            (64, 0x3F02_81F7, 0x3F19_F1BD),
            (128, 0x3F00_9E8D, 0x3F05_C278),
            (256, 0x3F00_2785, 0x3F01_668B),
            (512, 0x3F00_09DF, 0x3F00_5907),
            (1024, 0x3F00_0278, 0x3F00_1638),
            (2048, 0x3F00_009E, 0x3F00_058D),
            (4096, 0x3F00_0027, 0x3F00_0163),
            (8192, 0x3F00_000A, 0x3F00_0059),
            (16384, 0x3F00_0002, 0x3F00_0016),
        ] {
            assert_eq!(interpolation(n / 2).map(f32::to_bits), [k1, k3], "{n}");
        }
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        for n in [16, 32, 64, 512, 1024] {
            let fft = RealFft::new(n).unwrap();
            let signal: Vec<[f32; L32]> = (0..n)
                .map(|i| std::array::from_fn(|l| ((i * (l + 3)) as f32 * 0.618).fract() - 0.5))
                .collect();
            let run = |isa| {
                let mut rows = signal.clone();
                let mut bins = vec![[[0.0; L32]; 3]; fft.bins()].into_flattened();
                let (re, rest) = bins.split_at_mut(fft.bins());
                let (im, magnitude) = rest.split_at_mut(fft.bins());
                transform_with(isa, &fft.levels, &fft.steps, &mut rows);
                unpack_polar_with(isa, &fft.position, &fft.split, &rows, re, im, magnitude);
                pack_with(isa, &fft.split, re, im, &mut rows);
                transform_conjugated_with(isa, &fft.levels, &fft.steps, &mut rows);
                bins.extend_from_slice(&rows);
                bins
            };
            assert_eq!(run(Isa::Portable), run(Isa::Avx2), "{n}");
            assert_eq!(run(Isa::Portable), run(Isa::Avx512), "{n}");
        }
    }
}
