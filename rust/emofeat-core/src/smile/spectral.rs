//! Descriptors of the shape of a 20 ms spectrum, and of the samples of a frame.
//!
//! Rows are bins and lanes are frames. Magnitudes and power are single precision, as they come from
//! the stage before; sums over bins are double where openSMILE's are.

use super::clock::Grid;
use super::{Variant, compare20, egemaps20};
use crate::dsp::lanes::{L32, kernel};
use crate::dsp::log::{db, ln};

/// One number of each frame of a block.
pub type Row = [f32; L32];

/// Power below which a level is no longer measured, and its level in dB.
const FLOOR: f32 = 1e-14;
const FLOOR_DB: f32 = -140.0;

kernel! {
    /// Squares of magnitudes.
    pub fn power / power_with<; L>(mag: &[[f32; L]], power: &mut [[f32; L]]) {
        for (m, p) in mag.as_flattened().iter().zip(power.as_flattened_mut()) {
            *p = m * m;
        }
    }
}

kernel! {
    /// Root mean square of the samples in `rows`.
    pub fn rms / rms_with<; L>(rows: &[[f32; L]], out: &mut [f32; L]) {
        let mut sum = [0.0f64; L];
        for row in rows {
            for l in 0..L {
                let x = f64::from(row[l]);
                sum[l] += x * x;
            }
        }
        for l in 0..L {
            out[l] = (sum[l] / rows.len() as f64).sqrt() as f32;
        }
    }
}

/// Zero crossings per sample of one frame: changes of sign from one sample to the next, and single
/// zeros between samples that differ in sign or are zero too.
pub fn zero_crossing_rate(frame: &[f32]) -> f32 {
    let mut count = 0;
    crossings(frame, &mut count);
    (f64::from(count) / frame.len() as f64) as f32
}

kernel! {
    fn crossings / crossings_with<;>(frame: &[f32], count: &mut u32) {
        let inner = frame.len().saturating_sub(2);
        let (before, here, after) = (&frame[..inner], &frame[1..], &frame[2..]);
        let mut crossings = 0;
        for ((a, b), c) in before.iter().zip(here).zip(after) {
            crossings += u32::from((a * b < 0.0) | ((*b == 0.0) & (a * c <= 0.0)));
        }
        *count = crossings;
    }
}

kernel! {
    /// Multiplies the samples in `rows` by `window`; the mean square is that of the samples before.
    pub fn weigh / weigh_with<; L>(window: &[f32], rows: &mut [[f32; L]], mean_square: &mut [f64; L]) {
        let (mut sum, count) = ([0.0f64; L], rows.len() as f64);
        for (row, w) in rows.iter_mut().zip(window) {
            for l in 0..L {
                let x = f64::from(row[l]);
                sum[l] += x * x;
                row[l] *= *w;
            }
        }
        for l in 0..L {
            mean_square[l] = sum[l] / count;
        }
    }
}

/// Bins between two frequencies, the outermost two in part.
///
/// Where a border falls between two bins, the bin outside it at the lower end and the bin inside it
/// at the upper end count with the share of the gap that lies inside the band.
#[derive(Debug, Clone, PartialEq)]
struct Band {
    first: usize,
    weights: Vec<f64>,
}

impl Band {
    fn new(axis: &[f64], low: f64, high: f64) -> Self {
        let share = |w: f64| if w == 0.0 { 1.0 } else { w };
        let u = axis.partition_point(|f| *f <= low).clamp(1, axis.len() - 1);
        let v = axis.partition_point(|f| *f < high).clamp(1, axis.len() - 1);
        let first = u - 1;
        let last = if axis[v] == high { v } else { v - 1 };
        let mut weights = vec![1.0; last - first + 1];
        weights[0] = share((axis[u] - low) / (axis[u] - axis[u - 1]));
        weights[last - first] = share((high - axis[v - 1]) / (axis[v] - axis[v - 1]));
        Self { first, weights }
    }
}

/// Slope of the level in dB over frequency in a band, by linear regression, in dB/Hz.
///
/// The regression as sums of levels with fixed weights, which depend on the axis alone.
#[derive(Debug, Clone, PartialEq)]
struct Slope {
    first: usize,
    weights: Vec<f64>,
}

impl Slope {
    fn new(axis: &[f64], low: f64, high: f64, variant: Variant) -> Self {
        let Band { first, weights } = Band::new(axis, low, high);
        let points = || weights.iter().zip(&axis[first..]);
        let moment: f64 = points().map(|(w, f)| w * f).sum();
        let (count, square): (f64, f64) = match variant {
            // Number of gaps instead of bins, and squared weights.
            Variant::OpenSmile => {
                ((weights.len() - 1) as f64, points().map(|(w, f)| (w * f).powi(2)).sum())
            }
            Variant::Paper => (weights.iter().sum(), points().map(|(w, f)| w * f * f).sum()),
        };
        let scale = count * square - moment * moment;
        let weight = |(w, f): (&f64, &f64)| {
            if scale == 0.0 { 0.0 } else { (count * w * f - moment * w) / scale }
        };
        Self { first, weights: points().map(weight).collect() }
    }

    fn apply(&self, power: &[Row], out: &mut Row) {
        weighted_levels(&power[self.first..], &self.weights, out);
    }
}

kernel! {
    fn weighted_levels / weighted_levels_with<; L>(power: &[[f32; L]], weights: &[f64], out: &mut [f32; L]) {
        let mut sum = [0.0f64; L];
        for (row, w) in power.iter().zip(weights) {
            for l in 0..L {
                let level = if row[l] > FLOOR { db(row[l]) } else { FLOOR_DB };
                sum[l] += w * f64::from(level);
            }
        }
        for l in 0..L {
            out[l] = sum[l] as f32;
        }
    }
}

/// Change of the magnitudes from one frame to the next: the root mean square over bins.
///
/// Frame 0 has nothing before it and gives 0.
#[derive(Debug, Clone)]
pub struct Flux {
    first: usize,
    /// Magnitudes of the frame before the next block; empty before the first one.
    last: Vec<f32>,
    bins: usize,
}

impl Flux {
    /// The flux of bins `first..end`.
    fn new(first: usize, end: usize) -> Self {
        Self { first, last: Vec::with_capacity(end - first), bins: end - first }
    }

    /// Forgets the frames seen.
    pub fn reset(&mut self) {
        self.last.clear();
    }

    /// The flux of the first `valid` frames of a block that follows the one before.
    fn apply(&mut self, mag: &[Row], valid: usize, out: &mut Row) {
        let mag = &mag[self.first..][..self.bins];
        if self.last.is_empty() {
            self.last.extend(mag.iter().map(|row| row[0]));
        }
        distance(mag, &mut self.last, valid.clamp(1, L32) - 1, out);
    }
}

kernel! {
    fn distance / distance_with<; L>(mag: &[[f32; L]], last: &mut [f32], newest: usize, out: &mut [f32; L]) {
        let mut sum = [0.0f64; L];
        for (row, last) in mag.iter().zip(last.iter_mut()) {
            let mut before = [*last; L];
            before[1..].copy_from_slice(&row[..L - 1]);
            for l in 0..L {
                let d = f64::from(row[l]) - f64::from(before[l]);
                sum[l] += d * d;
            }
            *last = row[newest];
        }
        for l in 0..L {
            out[l] = (sum[l] / mag.len() as f64).sqrt() as f32;
        }
    }
}

/// The shape of the spectrum as eGeMAPSv02 describes it: alpha ratio, Hammarberg index, two slopes
/// and flux.
#[derive(Debug, Clone)]
pub struct EgemapsShape {
    slopes: [Slope; 2],
    /// Bins at 50 Hz (openSMILE: 0), 1000 and 2000 Hz, and the first one above 5000 Hz.
    edges: [usize; 4],
    /// One more than the last bin below 5000 Hz.
    flux: usize,
    variant: Variant,
}

impl EgemapsShape {
    /// The descriptors on the axis of `grid`.
    ///
    /// [`Variant::Paper`] takes the alpha ratio as low over high energy from 50 Hz on, and the slopes
    /// by least squares with the weights of the bins.
    pub fn new(grid: &Grid, variant: Variant) -> Self {
        let axis = &grid.axis;
        let below = |hz: f64| axis.partition_point(|f| *f < hz);
        let start = if variant == Variant::Paper { below(50.0) } else { 0 };
        Self {
            slopes: [(0.0, 500.0), (500.0, 1500.0)]
                .map(|(low, high)| Slope::new(axis, low, high, variant)),
            edges: [start, below(1000.0), below(2000.0), axis.partition_point(|f| *f <= 5000.0)],
            flux: below(5000.0),
            variant,
        }
    }

    /// The flux of this set, before the first frame.
    pub fn flux(&self) -> Flux {
        Flux::new(0, self.flux)
    }

    /// Writes the contours of a block of `valid` frames to rows of `out` (see [`egemaps20`]).
    pub fn apply(
        &self,
        mag: &[Row],
        power: &[Row],
        flux: &mut Flux,
        valid: usize,
        out: &mut [Row],
    ) {
        self.balance(power, out);
        self.slopes[0].apply(power, &mut out[egemaps20::SLOPE_0_500]);
        self.slopes[1].apply(power, &mut out[egemaps20::SLOPE_500_1500]);
        flux.apply(mag, valid, &mut out[egemaps20::FLUX]);
    }

    /// Alpha ratio and Hammarberg index: energies and peaks of two parts of the spectrum in dB.
    fn balance(&self, power: &[Row], out: &mut [Row]) {
        let [start, k1, k2, k5] = self.edges;
        let mut sums = [[0.0; L32]; 2];
        let mut peaks = [[0.0; L32]; 2];
        for (range, sum) in [start..k1, k1..k5].into_iter().zip(&mut sums) {
            total(&power[range], sum);
        }
        for (range, peak) in [0..k2, k2..k5].into_iter().zip(&mut peaks) {
            maximum(&power[range], peak);
        }
        ratio_db(&sums[1], &sums[0], &mut out[egemaps20::ALPHA_RATIO]);
        if self.variant == Variant::Paper {
            out[egemaps20::ALPHA_RATIO] = out[egemaps20::ALPHA_RATIO].map(|x| -x);
        }
        ratio_db(&peaks[0], &peaks[1], &mut out[egemaps20::HAMMARBERG]);
    }
}

kernel! {
    /// `10 log10(a / b)`, `a` at least [`FLOOR`]; 0 if `b` is 0.
    ///
    /// The quotient in single precision, as in openSMILE: peaks that differ by their rounding alone are
    /// equal there, and frames whose index is exactly 0 are left out of functionals.
    fn ratio_db / ratio_db_with<; L>(a: &[f32; L], b: &[f32; L], out: &mut [f32; L]) {
        for l in 0..L {
            let a = if a[l] > FLOOR { a[l] } else { FLOOR };
            let ratio = db(f64::from(a / b[l])) as f32;
            out[l] = if b[l] > 0.0 { ratio } else { 0.0 };
        }
    }
}

kernel! {
    fn total / total_with<; L>(rows: &[[f32; L]], out: &mut [f32; L]) {
        let mut sum = [0.0f32; L];
        for row in rows {
            for l in 0..L {
                sum[l] += row[l];
            }
        }
        *out = sum;
    }
}

kernel! {
    fn maximum / maximum_with<; L>(rows: &[[f32; L]], out: &mut [f32; L]) {
        let mut top = [0.0f32; L];
        for row in rows {
            for l in 0..L {
                top[l] = if row[l] > top[l] { row[l] } else { top[l] };
            }
        }
        *out = top;
    }
}

/// The shape of the power spectrum as ComParE_2016 describes it, bins from 1 on.
#[derive(Debug, Clone)]
pub struct CompareShape {
    bands: [Band; 2],
    /// Frequencies of bins 1 to K/2 in Hz.
    axis: Vec<f64>,
    /// Weight of each bin in the sharpness.
    sharpness: Vec<f64>,
    /// Sums over the axis of frequency and its square.
    moments: [f64; 2],
    variant: Variant,
}

/// Shares of the energy at which roll-off points lie.
const ROLLOFF: [f64; 4] = [0.25, 0.5, 0.75, 0.9];

/// Smallest power of a bin, and of a frame, in the entropy.
const ENTROPY_FLOOR: f64 = 1e-7;

impl CompareShape {
    /// The descriptors on the axis of `grid`.
    ///
    /// [`Variant::Paper`] takes the slope as the regression coefficient itself, and the entropy
    /// without floors.
    pub fn new(grid: &Grid, variant: Variant) -> Self {
        let axis = grid.axis[1..].to_vec();
        Self {
            bands: [(250.0, 650.0), (1000.0, 4000.0)].map(|(a, b)| Band::new(&grid.axis, a, b)),
            sharpness: axis.iter().map(|f| sharpness(*f)).collect(),
            moments: [axis.iter().sum(), axis.iter().map(|f| f * f).sum()],
            axis,
            variant,
        }
    }

    /// The flux of this set, before the first frame.
    pub fn flux(&self) -> Flux {
        Flux::new(1, 1 + self.axis.len())
    }

    /// Writes the contours of a block of `valid` frames to rows of `out` (see [`compare20`]).
    pub fn apply(
        &self,
        mag: &[Row],
        power: &[Row],
        flux: &mut Flux,
        valid: usize,
        out: &mut [Row],
    ) {
        let names = [compare20::BAND_250_650, compare20::BAND_1000_4000];
        for (band, name) in self.bands.iter().zip(names) {
            weighted_mean(
                &power[band.first..],
                &band.weights,
                self.axis.len() as f64,
                &mut out[name],
            );
        }
        flux.apply(mag, valid, &mut out[compare20::FLUX]);
        let power = &power[1..];
        let mut sums = Sums::default();
        first_sums(power, &self.axis, &self.sharpness, &mut sums);
        central_sums(power, &self.axis, &mut sums);
        for l in 0..L32 {
            self.statistics(&sums, l, out);
        }
        self.rolloff(power, &sums, out);
        match self.variant {
            Variant::OpenSmile => {
                floored_entropy(power, &sums.power, &mut out[compare20::ENTROPY]);
            }
            Variant::Paper => entropy(power, &sums.power, &mut out[compare20::ENTROPY]),
        }
        harmonicity(power, &mut out[compare20::HARMONICITY]);
    }

    /// Centroid, moments, slope and sharpness of lane `l`.
    fn statistics(&self, sums: &Sums, l: usize, out: &mut [Row]) {
        let (total, n) = (sums.power[l], self.axis.len() as f64);
        let mut put = |name: usize, x: f64| out[name][l] = x as f32;
        let over = |x: f64, y: f64| if y > 0.0 { x / y } else { 0.0 };
        let variance = over(sums.second[l], total);
        put(compare20::CENTROID, sums.centroid[l]);
        put(compare20::VARIANCE, variance);
        put(compare20::SKEWNESS, over(sums.third[l], total * variance * variance.sqrt()));
        put(compare20::KURTOSIS, over(sums.fourth[l], total * variance * variance));
        let [f, f2] = self.moments;
        let slope = (n * sums.moment[l] - f * total) / (n * f2 - f * f);
        put(
            compare20::SLOPE,
            match self.variant {
                Variant::OpenSmile => slope * (n - 1.0),
                Variant::Paper => slope,
            },
        );
        put(compare20::SHARPNESS, over(sums.sharpness[l], total));
    }

    /// Frequencies below which the shares [`ROLLOFF`] of the energy lie.
    fn rolloff(&self, power: &[Row], sums: &Sums, out: &mut [Row]) {
        for (share, out) in ROLLOFF.into_iter().zip(&mut out[compare20::ROLLOFF..]) {
            let mut counts = [0.0; L32];
            bins_below(power, &sums.power.map(|total| share * total), &mut counts);
            for l in 0..L32 {
                out[l] = self.axis.get(counts[l] as usize).map_or(0.0, |f| *f as f32);
            }
        }
    }
}

/// Weight of power at `hz` in the sharpness: 0.11 z g(z), z the Bark scale of Traunmüller (1990) with
/// its corrections at both ends, g the weight of Fastl and Zwicker.
fn sharpness(hz: f64) -> f64 {
    let z = match 26.81 / (1.0 + 1960.0 / hz) - 0.53 {
        z if z < 2.0 => 0.85 * z + 0.3,
        z if z > 20.1 => 1.22 * z - 0.22 * 20.1,
        z => z,
    };
    let g = if z <= 16.0 { 1.0 } else { ((z - 16.0) / 4.0).powf(1.584_962_5) + 1.0 };
    0.11 * z * g
}

/// Sums over the bins of each frame.
#[derive(Debug, Default)]
struct Sums {
    power: [f64; L32],
    /// Of frequency times power.
    moment: [f64; L32],
    sharpness: [f64; L32],
    centroid: [f64; L32],
    /// Of powers of the distance from the centroid, times power.
    second: [f64; L32],
    third: [f64; L32],
    fourth: [f64; L32],
}

kernel! {
    fn first_sums / first_sums_with<;>(power: &[Row], axis: &[f64], sharpness: &[f64], sums: &mut Sums) {
        let (mut total, mut moment, mut sharp) = ([0.0; L32], [0.0; L32], [0.0; L32]);
        for ((row, f), s) in power.iter().zip(axis).zip(sharpness) {
            for l in 0..L32 {
                let p = f64::from(row[l]);
                total[l] += p;
                moment[l] += f * p;
                sharp[l] += s * p;
            }
        }
        for l in 0..L32 {
            sums.centroid[l] = if total[l] > 0.0 { moment[l] / total[l] } else { 0.0 };
        }
        (sums.power, sums.moment, sums.sharpness) = (total, moment, sharp);
    }
}

kernel! {
    fn central_sums / central_sums_with<;>(power: &[Row], axis: &[f64], sums: &mut Sums) {
        let (mut second, mut third, mut fourth) = ([0.0; L32], [0.0; L32], [0.0; L32]);
        let centroid = sums.centroid;
        for (row, f) in power.iter().zip(axis) {
            for l in 0..L32 {
                let d = f - centroid[l];
                let x = d * d * f64::from(row[l]);
                second[l] += x;
                third[l] += x * d;
                fourth[l] += x * d * d;
            }
        }
        (sums.second, sums.third, sums.fourth) = (second, third, fourth);
    }
}

kernel! {
    /// Number of bins up to which the sum of powers stays below `limit`.
    fn bins_below / bins_below_with<; L>(power: &[[f32; L]], limit: &[f64; L], count: &mut [f64; L]) {
        let (mut sum, mut below) = ([0.0f64; L], [0.0f64; L]);
        for row in power {
            for l in 0..L {
                sum[l] += f64::from(row[l]);
                below[l] += if sum[l] < limit[l] { 1.0 } else { 0.0 };
            }
        }
        *count = below;
    }
}

kernel! {
    fn weighted_mean / weighted_mean_with<; L>(
        power: &[[f32; L]], weights: &[f64], count: f64, out: &mut [f32; L],
    ) {
        let mut sum = [0.0f64; L];
        for (row, w) in power.iter().zip(weights) {
            for l in 0..L {
                sum[l] += w * f64::from(row[l]);
            }
        }
        for l in 0..L {
            out[l] = (sum[l] / count) as f32;
        }
    }
}

kernel! {
    /// Entropy in bits of the power as shares of its sum, each bin and the sum at least
    /// [`ENTROPY_FLOOR`]: near silence the shares exceed 1 together.
    fn floored_entropy / floored_entropy_with<; L>(power: &[[f32; L]], total: &[f64; L], out: &mut [f32; L]) {
        let (mut total, mut least) = (total.map(|t| t as f32), [0.0f64; L]);
        for l in 0..L {
            total[l] = if total[l] > ENTROPY_FLOOR as f32 { total[l] } else { ENTROPY_FLOOR as f32 };
            // In double precision: all bins of a silent frame add the same, almost nothing.
            let p = ENTROPY_FLOOR / f64::from(total[l]);
            least[l] = p * ln(p);
        }
        let mut sum = [0.0f64; L];
        for row in power {
            for l in 0..L {
                let p = row[l] / total[l];
                let term = f64::from(p * ln(p));
                sum[l] -= if row[l] > ENTROPY_FLOOR as f32 { term } else { least[l] };
            }
        }
        for l in 0..L {
            out[l] = (sum[l] * std::f64::consts::LOG2_E) as f32;
        }
    }
}

kernel! {
    /// Entropy in bits of the power as shares of its sum, 0 for silence.
    fn entropy / entropy_with<; L>(power: &[[f32; L]], total: &[f64; L], out: &mut [f32; L]) {
        let mut sum = [0.0f64; L];
        for row in power {
            for l in 0..L {
                let p = (f64::from(row[l]) / total[l]) as f32;
                // Shares that are no normal number add less than 1e-36 bits.
                sum[l] -= if p >= f32::MIN_POSITIVE { f64::from(p * ln(p)) } else { 0.0 };
            }
        }
        for l in 0..L {
            out[l] = (sum[l] * std::f64::consts::LOG2_E) as f32;
        }
    }
}

kernel! {
    /// Half the sum of distances between consecutive extrema, over the number of bins. An extremum is
    /// strictly above or below two neighbours on each side.
    fn harmonicity / harmonicity_with<; L>(power: &[[f32; L]], out: &mut [f32; L]) {
        let (mut sum, mut last, mut seen) = ([0.0f64; L], [0.0f32; L], [0.0f32; L]);
        for at in power.windows(5) {
            let (x, mut high, mut low) = (at[2], at[0], at[0]);
            for row in [at[1], at[3], at[4]] {
                for l in 0..L {
                    high[l] = if row[l] > high[l] { row[l] } else { high[l] };
                    low[l] = if row[l] < low[l] { row[l] } else { low[l] };
                }
            }
            for l in 0..L {
                // Masks and not conditions, which the compiler turns into masked stores: what is read
                // back waits for them.
                let extremum = u32::from((x[l] > high[l]) | (x[l] < low[l])).wrapping_neg();
                let masked = |x: f32, mask: u32| f32::from_bits(x.to_bits() & mask);
                let step = (x[l] - last[l]).abs() * seen[l];
                sum[l] += f64::from(masked(step, extremum));
                let (new, old) = (masked(x[l], extremum), masked(last[l], !extremum));
                last[l] = f32::from_bits(new.to_bits() | old.to_bits());
                seen[l] = f32::from_bits(seen[l].to_bits() | masked(1.0, extremum).to_bits());
            }
        }
        for l in 0..L {
            out[l] = (sum[l] / 2.0 / power.len() as f64) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::lanes::Isa;
    use crate::smile::clock::Clock;

    fn grid(sr: u32) -> Grid {
        Clock::new(sr).unwrap().short
    }

    /// Spectra that fall towards high frequencies, other ones in every lane and block.
    fn spectra(bins: usize, seed: u32) -> Vec<Row> {
        let mut state = seed;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 16_777_216.0
        };
        (0..bins).map(|b| std::array::from_fn(|_| 9.0 * noise() / (1.0 + b as f32))).collect()
    }

    fn squares(mag: &[Row]) -> Vec<Row> {
        let mut out = vec![[0.0; L32]; mag.len()];
        power(mag, &mut out);
        out
    }

    fn egemaps(shape: &EgemapsShape, mag: &[Row]) -> Vec<Row> {
        let mut out = vec![[0.0; L32]; egemaps20::COUNT];
        shape.apply(mag, &squares(mag), &mut shape.flux(), L32, &mut out);
        out
    }

    fn compare(shape: &CompareShape, mag: &[Row]) -> Vec<Row> {
        let mut out = vec![[0.0; L32]; compare20::COUNT];
        shape.apply(mag, &squares(mag), &mut shape.flux(), L32, &mut out);
        out
    }

    fn assert_close(a: f32, b: f64, tolerance: f64, what: &str) {
        assert!((f64::from(a) - b).abs() <= tolerance * b.abs(), "{what}: {a} is not {b}");
    }

    #[test]
    fn slopes_of_silence_are_those_that_the_regression_leaves() {
        let silence = vec![[0.0; L32]; grid(22_050).bins()];
        let out = egemaps(&EgemapsShape::new(&grid(22_050), Variant::OpenSmile), &silence);
        // From the specification, to the digits it gives.
        assert_close(out[egemaps20::SLOPE_0_500][3], 0.132_697, 5e-6, "0-500 Hz");
        assert_close(out[egemaps20::SLOPE_500_1500][3], 0.022_186, 3e-5, "500-1500 Hz");
        for name in [egemaps20::ALPHA_RATIO, egemaps20::HAMMARBERG, egemaps20::FLUX] {
            assert_eq!(out[name], [0.0; L32]);
        }
    }

    #[test]
    fn slope_of_a_level_that_falls_evenly_is_its_fall_per_hertz() {
        for sr in [8_000, 16_000, 22_050, 44_100] {
            let grid = grid(sr);
            let level = |f: f64| 10f64.powf((-30.0 - 0.02 * f) / 20.0) as f32;
            let mag: Vec<Row> = grid.axis.iter().map(|f| [level(*f); L32]).collect();
            let out = egemaps(&EgemapsShape::new(&grid, Variant::Paper), &mag);
            // Levels near -40 dB are right to 4e-6 dB; over 500 Hz that is 1e-6 of 10 dB.
            assert_close(out[egemaps20::SLOPE_0_500][0], -0.02, 1e-6, "0-500 Hz");
            assert_close(out[egemaps20::SLOPE_500_1500][0], -0.02, 1e-6, "500-1500 Hz");
        }
    }

    #[test]
    fn alpha_ratio_and_hammarberg_index_compare_two_parts_of_the_spectrum() {
        let grid = grid(16_000);
        let mut mag = vec![[0.0; L32]; grid.bins()];
        let bin = |hz: f64| (hz / grid.delta) as usize;
        (mag[bin(500.0)], mag[bin(1500.0)], mag[bin(3000.0)]) =
            ([4.0; L32], [2.0; L32], [1.0; L32]);
        mag[bin(6000.0)] = [100.0; L32];
        let out = egemaps(&EgemapsShape::new(&grid, Variant::OpenSmile), &mag);
        // Powers 16 below 1 kHz, 4 + 1 above; 16 is the peak below 2 kHz, 1 above. Two roundings.
        assert_close(out[egemaps20::ALPHA_RATIO][5], 10.0 * (5f64 / 16.0).log10(), 2e-7, "alpha");
        assert_close(out[egemaps20::HAMMARBERG][5], 10.0 * 16f64.log10(), 2e-7, "Hammarberg");
        mag[0] = [10.0; L32];
        let paper = egemaps(&EgemapsShape::new(&grid, Variant::Paper), &mag);
        assert_eq!(paper[egemaps20::ALPHA_RATIO][5], -out[egemaps20::ALPHA_RATIO][5]);
    }

    #[test]
    fn flux_does_not_depend_on_blocks() {
        let shape = EgemapsShape::new(&grid(16_000), Variant::OpenSmile);
        let mag = spectra(grid(16_000).bins(), 3);
        let whole = egemaps(&shape, &mag)[egemaps20::FLUX];
        assert_eq!(whole[0], 0.0);
        let mut flux = shape.flux();
        let mut pieces = Vec::new();
        for piece in [1, 4, 2, 9] {
            let mut shifted = mag.clone();
            for row in &mut shifted {
                row.rotate_left(pieces.len());
            }
            let mut out = [0.0; L32];
            flux.apply(&shifted, piece, &mut out);
            pieces.extend_from_slice(&out[..piece]);
        }
        assert_eq!(pieces, whole);
        let at =
            |l: usize| (0..=159).map(|b| f64::from(mag[b][l] - mag[b][l - 1]).powi(2)).sum::<f64>();
        // 160 bins lie below 5 kHz at 31.25 Hz; differences here are rounded once more.
        assert_close(whole[7], (at(7) / 160.0).sqrt(), 1e-6, "flux");
    }

    #[test]
    fn moments_are_those_of_power_as_a_distribution_over_frequency() {
        let grid = grid(16_000);
        let (mag, n) = (spectra(grid.bins(), 5), grid.k / 2);
        let out = compare(&CompareShape::new(&grid, Variant::OpenSmile), &mag);
        for l in 0..L32 {
            let p: Vec<f64> = mag[1..].iter().map(|row| f64::from(row[l] * row[l])).collect();
            let f = &grid.axis[1..];
            let total: f64 = p.iter().sum();
            let mean = |g: &dyn Fn(f64) -> f64| {
                f.iter().zip(&p).map(|(f, p)| g(*f) * p).sum::<f64>() / total
            };
            let centroid = mean(&|f| f);
            let variance = mean(&|f| (f - centroid).powi(2));
            let (mf, mp) = (f.iter().sum::<f64>() / n as f64, total / n as f64);
            let slope = f.iter().zip(&p).map(|(f, p)| (f - mf) * (p - mp)).sum::<f64>()
                / f.iter().map(|f| (f - mf).powi(2)).sum::<f64>();
            let entropy = -p.iter().map(|p| p.max(1e-7) / total).map(|p| p * p.log2()).sum::<f64>();
            // Rounded to single precision at the end; the entropy in each term.
            for (name, value, tolerance) in [
                (compare20::CENTROID, centroid, 1e-7),
                (compare20::VARIANCE, variance, 1e-7),
                (compare20::SKEWNESS, mean(&|f| (f - centroid).powi(3)) / variance.powf(1.5), 1e-7),
                (compare20::KURTOSIS, mean(&|f| (f - centroid).powi(4)) / variance.powi(2), 1e-7),
                (compare20::SLOPE, slope * (n - 1) as f64, 1e-7),
                (compare20::ENTROPY, entropy, 1e-6),
            ] {
                assert_close(out[name][l], value, tolerance, &format!("contour {name}"));
            }
            for (i, share) in ROLLOFF.into_iter().enumerate() {
                let mut sum = 0.0;
                let at = p.iter().position(|p| {
                    sum += p;
                    sum >= share * total
                });
                assert_eq!(out[compare20::ROLLOFF + i][l], f[at.unwrap()] as f32);
            }
        }
    }

    #[test]
    fn silence_has_no_shape() {
        let grid = grid(16_000);
        let silence = vec![[0.0; L32]; grid.bins()];
        for variant in [Variant::OpenSmile, Variant::Paper] {
            let out = compare(&CompareShape::new(&grid, variant), &silence);
            for (i, row) in out.iter().enumerate() {
                // Roll-off points lie at the first bin; the floors of the entropy differ in the ninth digit.
                let value = match i {
                    i if (compare20::ROLLOFF..compare20::FLUX).contains(&i) => grid.axis[1] as f32,
                    compare20::ENTROPY if variant == Variant::OpenSmile => row[0].clamp(0.0, 1e-5),
                    _ => 0.0,
                };
                assert_eq!(*row, [value; L32], "contour {i}");
            }
        }
    }

    #[test]
    fn harmonicity_sums_the_steps_between_extrema() {
        let values = [0.0, 1.0, 5.0, 2.0, 1.0, 0.5, 3.0, 4.0, 2.0, 1.0, 1.0, 1.0];
        let rows: Vec<Row> = values.iter().map(|x| [*x; L32]).collect();
        let mut out = [0.0; L32];
        harmonicity(&rows, &mut out);
        // Extrema 5, 0.5, 4; plateaus are none.
        assert_eq!(out, [(4.5f32 + 3.5) / 2.0 / 12.0; L32]);
    }

    #[test]
    fn zero_crossings_count_changes_of_sign_and_zeros_between_signs() {
        assert_eq!(zero_crossing_rate(&[1.0, -1.0, 1.0, -1.0]), 0.5);
        assert_eq!(zero_crossing_rate(&[1.0, 0.0, -1.0, -2.0]), 0.25);
        assert_eq!(zero_crossing_rate(&[1.0, 0.0, 1.0, 2.0]), 0.0);
        assert_eq!(zero_crossing_rate(&[0.0; 8]), 0.75);
    }

    #[test]
    fn a_band_counts_its_outermost_bins_in_part() {
        let axis: Vec<f64> = (0..20).map(|b| f64::from(b) * 40.0).collect();
        let band = Band::new(&axis, 250.0, 650.0);
        // 250 Hz lies 30 Hz below bin 7, 650 Hz lies 10 Hz above bin 16.
        assert_eq!((band.first, band.weights.len()), (6, 11));
        assert_eq!((band.weights[0], band.weights[10]), (0.75, 0.25));
        assert!(band.weights[1..10].iter().all(|w| *w == 1.0));
        let exact = Band::new(&axis, 240.0, 640.0);
        assert_eq!((exact.first, exact.weights), (6, vec![1.0; 11]));
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let rows = squares(&spectra(257, 7));
        let (axis, mut results) = (grid(16_000).axis, Vec::new());
        for isa in [Isa::Portable, Isa::Avx2, Isa::Avx512] {
            let (mut out, mut sums) = ([[0.0; L32]; 7], Sums::default());
            weighted_levels_with(isa, &rows, &axis, &mut out[0]);
            ratio_db_with(isa, &rows[3], &rows[40], &mut out[1]);
            total_with(isa, &rows, &mut out[2]);
            distance_with(isa, &rows, &mut vec![0.0; rows.len()], 15, &mut out[3]);
            harmonicity_with(isa, &rows, &mut out[4]);
            first_sums_with(isa, &rows, &axis, &axis, &mut sums);
            central_sums_with(isa, &rows, &axis, &mut sums);
            floored_entropy_with(isa, &rows, &sums.power, &mut out[5]);
            entropy_with(isa, &rows, &sums.power, &mut out[6]);
            results.push((out, sums.moment, sums.fourth));
        }
        assert_eq!(results[0], results[1]);
        assert_eq!(results[0], results[2]);
    }
}
