//! Frequencies and bandwidths of the first three formants, from the spectrum of a 20 ms frame.
//!
//! The band up to half of 11 kHz is turned back into samples at that rate, by a sum of cosines and
//! sines in single precision; linear prediction of order 11 follows, and the angles and radii of the
//! roots are the formants. Nothing is emphasised and the band's upper end is empty, so the prediction
//! amplifies rounding: all sums run in a fixed order.

use super::Variant;
use super::clock::Clock;
use crate::dsp::lanes::kernel;
use crate::dsp::lpc;
use crate::dsp::roots::Roots;
use std::f64::consts::{PI, TAU};

/// Order of the prediction.
const ORDER: usize = 11;

/// Hz; the rate at which the prediction runs.
const RATE: f64 = 11_000.0;

/// Hz between which a root counts as a formant.
const RANGE: (f64, f64) = (50.0, 5_450.0);

/// Formants that are kept.
pub const COUNT: usize = 3;

/// Samples computed side by side: enough independent sums to hide the latency of an addition, few
/// enough to stay in registers.
const BLOCK: usize = 5;

/// Cosines and sines of one bin at the samples of a block.
type Factors = [[f32; BLOCK]; 2];

/// Formant analysis at one sampling rate.
#[derive(Debug, Clone)]
pub struct Formants {
    /// Samples at 11 kHz.
    samples: usize,
    /// Block by block, bins from 1.
    factors: Vec<Factors>,
    /// Bins that are used, without the first.
    bins: usize,
    /// Factor of the first bin.
    first: f32,
    /// Factor of a sample.
    scale: f32,
    /// Sign of the prediction coefficients in the polynomial.
    sign: f64,
    roots: Roots<ORDER>,
}

impl Formants {
    /// Prepares the analysis of the short frames of `clock`.
    ///
    /// openSMILE takes the roots of `z^11 - a_1 z^10 - … - a_11` where the filter is
    /// `1 + Σ a_m z^-m`, counts the mean twice, and lets the 11 kHz samples begin with the zeros in
    /// front of the frame, which cuts off as much of its end. [`Variant::Paper`] does none of this.
    pub fn new(clock: &Clock, variant: Variant) -> Self {
        let (k, n) = (clock.short.k as f64, clock.short.n as f64);
        let samples = (k * (RATE / f64::from(clock.sr)) * (n / k)).round() as usize;
        // From 8 kHz on, the frame has fewer samples at 11 kHz than the FFT has, and no Nyquist term.
        let bins = samples.min(clock.short.k) / 2 - 1;
        let period = k * samples as f64 / n;
        let start = match variant {
            Variant::OpenSmile => 0.0,
            Variant::Paper => clock.short.before as f64 * samples as f64 / n,
        };
        let angle = |i: usize, b: usize| TAU * b as f64 * (i as f64 + start) / period;
        let factors = (0..samples.div_ceil(BLOCK)).flat_map(|block| {
            (1..=bins).map(move |b| {
                let at = |j: usize| angle(block * BLOCK + j, b);
                [
                    std::array::from_fn(|j| at(j).cos() as f32),
                    std::array::from_fn(|j| at(j).sin() as f32),
                ]
            })
        });
        Self {
            samples,
            factors: factors.collect(),
            bins,
            first: if variant == Variant::Paper { 0.5 } else { 1.0 },
            scale: 2.0 / clock.short.k as f32,
            sign: if variant == Variant::Paper { 1.0 } else { -1.0 },
            roots: Roots::new(),
        }
    }

    /// Bins of the spectrum that [`Self::apply`] reads, from the first on.
    pub fn bins(&self) -> usize {
        self.bins + 1
    }

    /// Rows of scratch that [`Self::apply`] needs.
    pub fn scratch(&self) -> usize {
        self.samples.next_multiple_of(BLOCK)
    }

    /// Frequencies of F1 to F3 and then their bandwidths, in Hz, of `L` frames; zero where a frame has
    /// fewer formants.
    ///
    /// `re` and `im` are rows of the spectrum of the windowed and zero-padded short frame, with the
    /// sign of [`crate::dsp::ooura`].
    pub fn apply<const L: usize>(
        &self,
        re: &[[f32; L]],
        im: &[[f32; L]],
        scratch: &mut [[f32; L]],
        out: &mut [[f32; L]; 2 * COUNT],
    ) {
        let bins = 1..=self.bins;
        let used = (&re[bins.clone()], &im[bins]);
        let mean = re[0].map(|x| x * self.first);
        resample(&self.factors, self.scale, &mean, used.0, used.1, scratch);
        let (mut lags, mut a, mut error) = ([[0.0; L]; ORDER + 1], [[0.0; L]; ORDER], [0.0; L]);
        lpc::autocorrelation(&scratch[..self.samples], &mut lags);
        lpc::levinson(&lags, &mut a, &mut error);
        self.resonances(&a, out);
    }

    /// Formants from prediction coefficients.
    fn resonances<const L: usize>(&self, a: &[[f32; L]; ORDER], out: &mut [[f32; L]; 2 * COUNT]) {
        let c = a.map(|row| row.map(|a| self.sign * f64::from(a)));
        let (mut re, mut im) = ([[0.0; L]; ORDER], [[0.0; L]; ORDER]);
        self.roots.find(&c, &mut re, &mut im);
        let mut found = [[[0.0; L]; COUNT]; 3];
        lowest(&re, &im, &mut found);
        for l in 0..L {
            for i in 0..COUNT {
                let [x, y] = [found[1][i][l], found[2][i][l]];
                let square = x * x + y * y;
                // A root outside the unit circle counts as its mirror image inside.
                let (f, width) = if square > 0.0 {
                    (y.atan2(x) * (RATE / TAU), (0.5 * square.ln()).abs() * (RATE / PI))
                } else {
                    (0.0, 0.0)
                };
                (out[i][l], out[COUNT + i][l]) = (f as f32, width as f32);
            }
        }
    }
}

kernel! {
    /// Samples from a spectrum: `(mean + Σ (re cos + im sin)) · scale`, bin after bin, cosine before
    /// sine.
    fn resample / resample_with<; L>(
        factors: &[Factors],
        scale: f32,
        mean: &[f32; L],
        re: &[[f32; L]],
        im: &[[f32; L]],
        out: &mut [[f32; L]],
    ) {
        for (out, factors) in out.chunks_exact_mut(BLOCK).zip(factors.chunks_exact(re.len())) {
            let mut sums = [*mean; BLOCK];
            for (([cos, sin], re), im) in factors.iter().zip(re).zip(im) {
                for l in 0..L {
                    for j in 0..BLOCK {
                        sums[j][l] = sums[j][l] + re[l] * cos[j] + im[l] * sin[j];
                    }
                }
            }
            for (out, sum) in out.iter_mut().zip(&sums) {
                for l in 0..L {
                    out[l] = sum[l] * scale;
                }
            }
        }
    }
}

kernel! {
    /// The roots in the upper half plane of the smallest angles within [`RANGE`], in ascending order:
    /// cosine of the angle, real part, imaginary part; zeros where there are no more.
    fn lowest / lowest_with<; N, L>(
        re: &[[f64; L]; N],
        im: &[[f64; L]; N],
        found: &mut [[[f64; L]; COUNT]; 3],
    ) {
        let cosine = |f: f64| (TAU * f / RATE).cos();
        let (low, high) = (cosine(RANGE.1), cosine(RANGE.0));
        found[0] = [[-1.0; L]; COUNT];
        for k in 0..N {
            for l in 0..L {
                let (x, y) = (re[k][l], im[k][l]);
                let cos = x / (x * x + y * y).sqrt();
                let valid = y > 0.0 && cos >= low && cos <= high;
                let mut root = [if valid { cos } else { -1.0 }, x, y];
                for i in 0..COUNT {
                    let old = [found[0][i][l], found[1][i][l], found[2][i][l]];
                    let before = root[0] > old[0];
                    for part in 0..3 {
                        found[part][i][l] = if before { root[part] } else { old[part] };
                        root[part] = if before { old[part] } else { root[part] };
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::lanes::{Isa, L32};
    use crate::dsp::ooura::RealFft;

    /// Frames of an impulse train of 125 Hz through resonances of 50 Hz width, one set per lane.
    fn spectra(
        clock: &Clock,
        resonances: impl Fn(usize) -> Vec<f64>,
    ) -> (Vec<[f32; L32]>, Vec<[f32; L32]>) {
        let (grid, sr) = (&clock.short, f64::from(clock.sr));
        let mut rows = vec![[0.0; L32]; grid.k];
        for l in 0..L32 {
            let length = 20 * grid.n;
            let period = (sr / 125.0) as usize;
            let mut x: Vec<f64> =
                (0..length).map(|i| if i % period == 0 { 1.0 } else { 0.0 }).collect();
            for f in resonances(l) {
                let radius = (-PI * 50.0 / sr).exp();
                let (a, b) = (2.0 * radius * (TAU * f / sr).cos(), -radius * radius);
                for i in 2..length {
                    x[i] += a * x[i - 1] + b * x[i - 2];
                }
            }
            let peak = x.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            for i in 0..grid.n {
                let w = 0.54 - 0.46 * (TAU * i as f64 / (grid.n - 1) as f64).cos();
                rows[grid.before + i][l] = (w * x[length / 2 + i] / peak) as f32;
            }
        }
        let (mut re, mut im) = (vec![[0.0; L32]; grid.bins()], vec![[0.0; L32]; grid.bins()]);
        RealFft::new(grid.k).unwrap().forward(&mut rows, &mut re, &mut im);
        (re, im)
    }

    fn formants(
        clock: &Clock,
        variant: Variant,
        re: &[[f32; L32]],
        im: &[[f32; L32]],
    ) -> [[f32; L32]; 6] {
        let formants = Formants::new(clock, variant);
        let mut scratch = vec![[0.0; L32]; formants.scratch()];
        let mut out = [[0.0; L32]; 6];
        formants.apply(re, im, &mut scratch, &mut out);
        out
    }

    #[test]
    fn the_published_definition_finds_the_resonances_of_a_voice() {
        let resonances = |l: usize| {
            let l = l as f64;
            vec![500.0 + 20.0 * l, 1500.0 - 30.0 * l, 2500.0 + 10.0 * l, 3500.0, 4500.0]
        };
        for sr in [16_000, 48_000] {
            let clock = Clock::new(sr).unwrap();
            let (re, im) = spectra(&clock, resonances);
            let out = formants(&clock, Variant::Paper, &re, &im);
            for l in 0..L32 {
                // The third is too weak without emphasis: poles are spent on the harmonics below.
                for f in &resonances(l)[..2] {
                    // Half of the distance between harmonics: their peaks attract the poles.
                    let near = |i: usize| {
                        let (found, width) = (f64::from(out[i][l]), out[COUNT + i][l]);
                        (found - f).abs() < 63.0 && width > 0.0 && width < 200.0
                    };
                    assert!((0..COUNT).any(near), "{sr} Hz, lane {l}, {f} Hz: {out:?}");
                }
            }
        }
    }

    #[test]
    fn formants_rise_within_their_range_and_the_variants_differ() {
        for sr in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
            let clock = Clock::new(sr).unwrap();
            let (re, im) = spectra(&clock, |l| vec![400.0 + 30.0 * l as f64, 1700.0, 2600.0]);
            let smile = formants(&clock, Variant::OpenSmile, &re, &im);
            for l in 0..L32 {
                let found = (0..COUNT).take_while(|i| smile[*i][l] > 0.0).count();
                assert!(found > 0, "{sr}");
                assert!(smile[0][l] >= RANGE.0 as f32 && smile[found - 1][l] <= RANGE.1 as f32);
                assert!((1..found).all(|i| smile[i - 1][l] <= smile[i][l]), "{sr}");
                assert!((found..COUNT).all(|i| smile[i][l] == 0.0 && smile[3 + i][l] == 0.0));
            }
            assert_ne!(smile, formants(&clock, Variant::Paper, &re, &im), "{sr}");
        }
    }

    #[test]
    fn silence_has_no_formants_and_leaves_its_neighbours_alone() {
        let clock = Clock::new(16_000).unwrap();
        let (mut re, mut im) = spectra(&clock, |l| vec![500.0 + 10.0 * l as f64, 1500.0, 2500.0]);
        let all = formants(&clock, Variant::OpenSmile, &re, &im);
        for row in re.iter_mut().chain(&mut im) {
            for l in (0..L32).filter(|l| l % 3 != 0) {
                row[l] = 0.0;
            }
        }
        let some = formants(&clock, Variant::OpenSmile, &re, &im);
        for i in 0..2 * COUNT {
            for l in 0..L32 {
                assert_eq!(some[i][l], if l % 3 == 0 { all[i][l] } else { 0.0 });
            }
        }
    }

    #[test]
    fn a_lane_alone_has_the_same_bits() {
        let clock = Clock::new(22_050).unwrap();
        let (re, im) = spectra(&clock, |l| vec![500.0 + 10.0 * l as f64, 1500.0, 2500.0]);
        let all = formants(&clock, Variant::OpenSmile, &re, &im);
        let formants = Formants::new(&clock, Variant::OpenSmile);
        let mut scratch = vec![[0.0; 1]; formants.scratch()];
        for l in 0..L32 {
            let lane = |rows: &[[f32; L32]]| rows.iter().map(|row| [row[l]]).collect::<Vec<_>>();
            let mut out = [[0.0; 1]; 6];
            formants.apply(&lane(&re), &lane(&im), &mut scratch, &mut out);
            assert_eq!(out.map(|row| row[0]), all.map(|row| row[l]));
        }
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        let clock = Clock::new(16_000).unwrap();
        let (re, im) = spectra(&clock, |l| vec![500.0 + 10.0 * l as f64, 1500.0, 2500.0]);
        let f = Formants::new(&clock, Variant::OpenSmile);
        let run = |isa| {
            let mut out = vec![[0.0; L32]; f.scratch()];
            let bins = 1..=f.bins;
            resample_with(isa, &f.factors, f.scale, &re[0], &re[bins.clone()], &im[bins], &mut out);
            out
        };
        assert_eq!(run(Isa::Portable), run(Isa::Avx2));
        assert_eq!(run(Isa::Portable), run(Isa::Avx512));
    }
}
