//! Pitch classes of a spectrum, and how far a recording is tuned from the equal-tempered grid.

use super::lanes::{Real, kernel};

/// What [`bank`] is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    /// Sampling rate in Hz.
    pub sr: f64,
    /// Length of the FFT.
    pub n_fft: usize,
    /// Pitch classes to the octave.
    pub n_chroma: usize,
    /// Centre of the emphasis over octaves, counted from 27.5 Hz.
    pub ctroct: f64,
    /// Width of that emphasis in octaves; none: all octaves weigh the same.
    pub octwidth: Option<f64>,
    /// Whether class 0 is C; otherwise it is A.
    pub base_c: bool,
}

/// Weights of `n_fft / 2 + 1` bins in each pitch class, bins outermost: a Gaussian bump around every
/// multiple of the class, each bin of Euclidean length 1 before the emphasis (librosa's
/// `filters.chroma`; Ellis 2007). `tuning` is in steps of the grid. Rounded to single precision, in
/// which librosa stores it.
pub fn bank(design: &Design, tuning: f64) -> Vec<f32> {
    let Design { sr, n_fft, n_chroma, ctroct, octwidth, base_c } = *design;
    let (classes, bins) = (n_chroma as f64, n_fft / 2 + 1);
    let lowest = 440.0 * 2f64.powf(tuning / classes) / 16.0;
    let step = |k: usize| classes * (k as f64 * sr / n_fft as f64 / lowest).log2();
    // Bin 0 has no pitch: it is placed one and a half octaves below bin 1.
    let position = |k: usize| if k == 0 { step(1) - 1.5 * classes } else { step(k) };
    let half = (classes / 2.0).round_ties_even();
    let roll = if base_c { 3 * (n_chroma / 12) } else { 0 };
    let mut out = vec![0.0; bins * n_chroma];
    for (k, row) in out.chunks_exact_mut(n_chroma).enumerate() {
        let q = position(k);
        let width = if k + 1 < n_fft { (position(k + 1) - q).max(1.0) } else { 1.0 };
        let bump = |c: usize| {
            let d = (q - c as f64 + half + 10.0 * classes).rem_euclid(classes) - half;
            (-0.5 * (2.0 * d / width).powi(2)).exp()
        };
        let bumps: Vec<f64> = (0..n_chroma).map(bump).collect();
        let length = bumps.iter().map(|w| w * w).sum::<f64>().sqrt();
        let emphasis =
            octwidth.map_or(1.0, |width| (-0.5 * ((q / classes - ctroct) / width).powi(2)).exp());
        let scale = if length < f64::MIN_POSITIVE { emphasis } else { emphasis / length };
        for (c, w) in bumps.iter().enumerate() {
            row[(c + n_chroma - roll) % n_chroma] = (w * scale) as f32;
        }
    }
    out
}

/// Weighted sums of `rows`: `weights` holds `classes` numbers for every row.
pub fn apply<T: Real, const L: usize>(
    rows: &[[T; L]],
    weights: &[T],
    classes: usize,
    out: &mut [[T; L]],
) {
    // As many sums at a time as leave registers for a row and the weights.
    let mut at = 0;
    while at < classes {
        let rest = &mut out[at..classes];
        if rest.len() >= 6 {
            six(rows, &weights[at..], classes, rest);
            at += 6;
        } else {
            one(rows, &weights[at..], classes, rest);
            at += 1;
        }
    }
}

#[inline(always)]
fn add_scaled<T: Real, const L: usize>(sum: &mut [T; L], row: &[T; L], weight: T) {
    for l in 0..L {
        sum[l] += row[l] * weight;
    }
}

kernel! {
    // Six sums by name: an array of them would stay in memory.
    fn six / six_with<T: Real; L>(
        rows: &[[T; L]], weights: &[T], stride: usize, out: &mut [[T; L]],
    ) {
        let zero = [T::ZERO; L];
        let (mut a, mut b, mut c, mut d, mut e, mut f) = (zero, zero, zero, zero, zero, zero);
        for (row, w) in rows.iter().zip(weights.chunks(stride)) {
            let w = &w[..6];
            add_scaled(&mut a, row, w[0]);
            add_scaled(&mut b, row, w[1]);
            add_scaled(&mut c, row, w[2]);
            add_scaled(&mut d, row, w[3]);
            add_scaled(&mut e, row, w[4]);
            add_scaled(&mut f, row, w[5]);
        }
        out[..6].copy_from_slice(&[a, b, c, d, e, f]);
    }
}

kernel! {
    fn one / one_with<T: Real; L>(
        rows: &[[T; L]], weights: &[T], stride: usize, out: &mut [[T; L]],
    ) {
        let mut sum = [T::ZERO; L];
        for (row, w) in rows.iter().zip(weights.chunks(stride)) {
            add_scaled(&mut sum, row, w[0]);
        }
        out[0] = sum;
    }
}

/// How the classes of a frame are scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Norm {
    /// Not at all.
    None,
    /// Divided by the largest magnitude.
    Max,
    /// Divided by the `p`-norm.
    P(f64),
}

/// Scales the classes of each lane; a frame whose norm is below the smallest normal number stays as
/// it is.
pub fn normalise<T: Real, const L: usize>(norm: Norm, tiny: T, classes: &mut [[T; L]]) {
    for l in 0..L {
        let values = || classes.iter().map(|row| row[l].abs());
        let size = match norm {
            Norm::None => T::ONE,
            Norm::Max => values().fold(T::ZERO, |a, x| x.max(a)),
            Norm::P(1.0) => values().sum(),
            Norm::P(2.0) => values().map(|x| x * x).sum::<T>().sqrt(),
            Norm::P(p) => values().map(|x| x.powf(T::of(p))).sum::<T>().powf(T::of(1.0 / p)),
        };
        if size >= tiny {
            for row in classes.iter_mut() {
                row[l] = row[l] / size;
            }
        }
    }
}

/// Classes of the histogram of deviations, from -0.5 to 0.5 steps.
pub const CLASSES: usize = 100;

/// Left edge of a class of the histogram.
pub fn deviation(class: usize) -> f64 {
    if class == CLASSES { 0.5 } else { class as f64 * (1.0 / CLASSES as f64) - 0.5 }
}

/// Spectral peaks of a recording, by which its tuning is told (librosa's `estimate_tuning` on a power
/// spectrum).
#[derive(Debug, Clone, Default)]
pub struct Peaks {
    strengths: Vec<f64>,
    classes: Vec<u8>,
}

/// Which bins can be peaks, and the grid that they are held against.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// First bin.
    pub first: usize,
    /// Bin after the last.
    pub end: usize,
    /// Distance between bins in Hz is `sr / n_fft`.
    pub sr: f64,
    /// Length of the FFT.
    pub n_fft: usize,
    /// Steps of the grid to the octave.
    pub steps: usize,
}

impl Search {
    /// Peaks from 150 Hz to below 4 kHz (or half the sampling rate).
    pub fn new(sr: f64, n_fft: usize, steps: usize) -> Self {
        let (bin, high) = (1.0 / (n_fft as f64 * (1.0 / sr)), (sr / 2.0).min(4000.0));
        let inside = |k: &usize| (150.0..high).contains(&(*k as f64 * bin));
        let first = (0..=n_fft / 2).find(inside).unwrap_or(0);
        let end = (first..=n_fft / 2).rfind(inside).map_or(first, |k| k + 1);
        Self { first, end, sr, n_fft, steps }
    }

    /// The class of the deviation of `frequency` from the grid.
    fn class(&self, frequency: f64) -> u8 {
        let steps = self.steps as f64 * (frequency / 27.5).log2();
        let mut rest = steps - steps.floor();
        if rest >= 0.5 {
            rest -= 1.0;
        }
        let mut class = (((rest + 0.5) * CLASSES as f64) as usize).min(CLASSES - 1);
        // The product may round to the other side of an edge.
        while class > 0 && rest < deviation(class) {
            class -= 1;
        }
        while class + 1 < CLASSES && rest >= deviation(class + 1) {
            class += 1;
        }
        class as u8
    }
}

impl Peaks {
    /// Takes the peaks of the first `valid` lanes: bins above a tenth of the frame's largest value
    /// that exceed the bin below and are not exceeded by the one above, refined by a parabola.
    pub fn add<T: Real, const L: usize>(
        &mut self,
        search: &Search,
        power: &[[T; L]],
        valid: usize,
    ) {
        let mut threshold = [T::ZERO; L];
        threshold_of(power, &mut threshold);
        let mut found = Vec::new();
        peaks(power, search.first, search.end, &threshold, &mut found);
        for (k, mask) in found {
            for l in (0..valid).filter(|l| mask >> l & 1 == 1) {
                let x = power[k][l].f64();
                let (mut shift, mut slope) = (0.0, 0.0);
                if let Some(above) = power.get(k + 1) {
                    let (below, above) = (power[k - 1][l].f64(), above[l].f64());
                    let bend = above + below - 2.0 * x;
                    slope = (above - below) / 2.0;
                    if slope.abs() < bend.abs() {
                        shift = -slope / bend;
                    }
                }
                let frequency = (k as f64 + shift) * search.sr / search.n_fft as f64;
                self.strengths.push(x + 0.5 * slope * shift);
                self.classes.push(search.class(frequency));
            }
        }
    }

    /// The fullest class of the stronger half of the peaks; that of deviation 0 if there are none.
    pub fn fullest(&self) -> usize {
        let threshold = median(&mut self.strengths.clone());
        let mut counts = [0u64; CLASSES];
        for (strength, class) in self.strengths.iter().zip(&self.classes) {
            if *strength >= threshold {
                counts[usize::from(*class)] += 1;
            }
        }
        let most = counts.iter().max().copied().unwrap_or(0);
        if most == 0 {
            CLASSES / 2
        } else {
            counts.iter().position(|c| *c == most).unwrap_or(CLASSES / 2)
        }
    }
}

fn median(xs: &mut [f64]) -> f64 {
    let n = xs.len();
    if n == 0 {
        return 0.0;
    }
    let (below, middle, _) = xs.select_nth_unstable_by(n / 2, f64::total_cmp);
    let middle = *middle;
    if n % 2 == 1 {
        return middle;
    }
    let below = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (below + middle) / 2.0
}

kernel! {
    fn threshold_of / threshold_of_with<T: Real; L>(power: &[[T; L]], threshold: &mut [T; L]) {
        let mut largest = [T::ZERO; L];
        for row in power {
            for l in 0..L {
                largest[l] = row[l].max(largest[l]);
            }
        }
        let share = T::of(0.1);
        for l in 0..L {
            threshold[l] = largest[l] * share;
        }
    }
}

kernel! {
    /// Bins with a peak in any lane, and in which.
    fn peaks / peaks_with<T: Real; L>(
        power: &[[T; L]], first: usize, end: usize, threshold: &[T; L], found: &mut Vec<(usize, u32)>,
    ) {
        for k in first.max(1)..end {
            let (below, here) = (&power[k - 1], &power[k]);
            // The topmost bin has nothing above it.
            let above = power.get(k + 1).unwrap_or(here);
            let mut any = false;
            for l in 0..L {
                any |= (here[l] > threshold[l]) & (here[l] > below[l]) & (here[l] >= above[l]);
            }
            if any {
                let mut mask = 0;
                for l in 0..L {
                    let peak = (here[l] > threshold[l]) & (here[l] > below[l]) & (here[l] >= above[l]);
                    mask |= u32::from(peak) << l;
                }
                found.push((k, mask));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design(n_chroma: usize) -> Design {
        Design {
            sr: 22_050.0,
            n_fft: 2048,
            n_chroma,
            ctroct: 5.0,
            octwidth: Some(2.0),
            base_c: true,
        }
    }

    #[test]
    fn notes_fall_into_their_classes() {
        for (class, frequency) in [(0, 523.25), (4, 659.26), (9, 440.0), (11, 987.77)] {
            let k = (frequency * 2048.0 / 22_050.0f64).round() as usize;
            let weights = bank(&design(12), 0.0);
            let row = &weights[k * 12..k * 12 + 12];
            assert!(row.iter().all(|w| *w <= row[class]), "{frequency}");
        }
    }

    #[test]
    fn bins_have_length_one_without_emphasis() {
        let weights = bank(&Design { octwidth: None, ..design(24) }, 0.3);
        for row in weights.chunks_exact(24) {
            let length: f64 = row.iter().map(|w| f64::from(*w).powi(2)).sum();
            assert!((length - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn every_number_of_classes_is_the_plain_sum() {
        for classes in [1, 5, 12, 24, 31] {
            let rows: Vec<[f64; 4]> = (0..40).map(|k| [k as f64, 1.0, 0.5, 0.0]).collect();
            let weights: Vec<f64> = (0..40 * classes).map(|i| (i as f64).sin()).collect();
            let mut out = vec![[0.0; 4]; classes];
            apply(&rows, &weights, classes, &mut out);
            for (c, out) in out.iter().enumerate() {
                let sum: f64 = (0..40).map(|k| k as f64 * weights[k * classes + c]).sum();
                assert!((out[0] - sum).abs() < 1e-9 && out[3] == 0.0);
            }
        }
    }

    #[test]
    fn norms_are_one_and_silence_stays() {
        for (norm, p) in [(Norm::P(1.0), 1.0), (Norm::P(2.0), 2.0), (Norm::P(3.0), 3.0)] {
            let mut classes = vec![[0.5f64, 0.0], [0.25, 0.0], [2.0, 0.0]];
            normalise(norm, f64::MIN_POSITIVE, &mut classes);
            assert!((classes.iter().map(|r| r[0].powf(p)).sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(classes.iter().all(|r| r[1] == 0.0));
        }
        let mut classes = vec![[0.5f64], [2.0]];
        normalise(Norm::Max, f64::MIN_POSITIVE, &mut classes);
        assert_eq!(classes, [[0.25], [1.0]]);
    }

    #[test]
    fn the_class_of_a_deviation_is_found_in_tones_that_deviate() {
        for (steps, off) in [(12, 0.0), (12, 0.23), (12, -0.37), (24, 0.4)] {
            let search = Search::new(22_050.0, 4096, steps);
            let mut peaks = Peaks::default();
            for note in (36..60).step_by(5) {
                // A little above the left edge of a class, which rounding must not miss.
                let f = 27.5 * 2f64.powf(f64::from(note) / 12.0 + (off + 0.005) / steps as f64);
                let centre = f * 4096.0 / 22_050.0;
                // A parabola, whose top the refinement finds exactly.
                let at = |k: usize| [(4.0 - (k as f64 - centre).powi(2)).max(0.0); 8];
                peaks.add(&search, &(0..2049).map(at).collect::<Vec<[f64; 8]>>(), 3);
            }
            assert_eq!(peaks.strengths.len(), 15);
            assert!((deviation(peaks.fullest()) - off).abs() < 1e-9, "{steps} {off}");
        }
    }

    #[test]
    fn silence_has_no_peaks_and_no_deviation() {
        let mut peaks = Peaks::default();
        peaks.add(&Search::new(16_000.0, 512, 12), &vec![[0.0f32; 16]; 257], 16);
        assert_eq!(deviation(peaks.fullest()), 0.0);
        assert_eq!(median(&mut []), 0.0);
        assert_eq!(median(&mut [3.0, 1.0, 2.0, 10.0]), 2.5);
    }
}
