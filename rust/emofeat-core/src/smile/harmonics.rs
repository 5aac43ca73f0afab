//! Levels of harmonics: H1-H2, H1-A3, and the strongest harmonic of each formant.

use super::Variant;
use super::parabola::vertex;

/// Harmonics that are looked at.
const HARMONICS: usize = 100;
/// Level in dB of a harmonic without magnitude, and of one that does not exist.
const SILENT: f32 = -200.0;
const ABSENT: f32 = -201.0;
/// A formant's harmonics lie within these shares of its frequency.
const AROUND: [f32; 2] = [0.8, 1.2];

/// Levels of one frame in dB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// First over second harmonic. Openly misnamed in openSMILE's numbers: the harmonics at 2 F0 and
    /// 3 F0.
    pub h1_h2: f32,
    /// First harmonic (the one at 2 F0 in openSMILE's numbers) over the strongest one of F3.
    pub h1_a3: f32,
    /// Strongest harmonics of F1, F2 and F3 over the one at F0; 0 if the formant has none. In
    /// unvoiced frames -201 in openSMILE's numbers, otherwise 0.
    pub amplitude: [f32; 3],
}

/// A peak of the spectrum near a multiple of F0; without magnitude if there is none.
#[derive(Debug, Clone, Copy, Default)]
struct Harmonic {
    bin: usize,
    /// Magnitude of the bin.
    magnitude: f32,
    /// Frequency in Hz and magnitude of the vertex of the parabola around the bin.
    frequency: f32,
    top: f32,
}

/// Levels of a frame with pitch `f0` in Hz (0 if unvoiced) and the lowest three formants in Hz (0
/// where there are fewer), from its magnitudes and their frequencies `axis` in Hz.
pub fn describe(
    magnitudes: &[f32],
    axis: &[f64],
    f0: f32,
    formants: [f32; 3],
    variant: Variant,
) -> Levels {
    if f0 <= 0.0 {
        let amplitude = if variant == Variant::OpenSmile { ABSENT } else { 0.0 };
        return Levels { h1_h2: 0.0, h1_a3: 0.0, amplitude: [amplitude; 3] };
    }
    let (lowest, strongest) = Spectrum::new(magnitudes, axis).harmonics(f0, formants);
    match variant {
        Variant::OpenSmile => opensmile(&lowest, &strongest),
        Variant::Paper => paper(&lowest, &strongest),
    }
}

/// A harmonic's number (0 for F0 itself) and its peak.
type Numbered = (usize, Harmonic);

fn opensmile(lowest: &[Harmonic; 3], strongest: &[Option<Numbered>; 3]) -> Levels {
    let reference = lowest[0].magnitude;
    // Logarithms are rounded, their difference is not.
    let log = |x: f32| f64::from(f64::from(x).log10() as f32);
    let log_reference = log(reference);
    let level = |(h, harmonic): Numbered| {
        if h == 0 {
            0.0
        } else if reference <= 0.0 || harmonic.bin == 0 {
            ABSENT
        } else if harmonic.top <= 0.0 {
            SILENT
        } else {
            ((20.0 * (log(harmonic.top) - log_reference)) as f32).max(SILENT)
        }
    };
    let clip = |x: f32| x.clamp(ABSENT, -ABSENT);
    let h1 = level((1, lowest[1]));
    Levels {
        h1_h2: clip(h1 - level((2, lowest[2]))),
        h1_a3: clip(strongest[2].map_or(h1 + ABSENT, |a3| h1 - level(a3))),
        amplitude: strongest.map(|harmonic| harmonic.map_or(0.0, level)),
    }
}

/// Eyben et al. (2016), section 3: H1 is the harmonic at F0 and H2 the one at 2 F0, and all levels
/// are taken at the peaks between the bins. 0 where a harmonic is missing.
fn paper(lowest: &[Harmonic; 3], strongest: &[Option<Numbered>; 3]) -> Levels {
    let over = |a: f32, b: f32| {
        if a > 0.0 && b > 0.0 { (20.0 * (f64::from(a) / f64::from(b)).log10()) as f32 } else { 0.0 }
    };
    let h1 = lowest[0].top;
    let top = |harmonic: Option<Numbered>| harmonic.map_or(0.0, |(_, harmonic)| harmonic.top);
    Levels {
        h1_h2: over(h1, lowest[1].top),
        h1_a3: over(h1, top(strongest[2])),
        amplitude: strongest.map(|harmonic| over(top(harmonic), h1)),
    }
}

struct Spectrum<'a> {
    magnitudes: &'a [f32],
    axis: &'a [f64],
    /// Bins per Hz.
    per_hz: f64,
}

impl<'a> Spectrum<'a> {
    fn new(magnitudes: &'a [f32], axis: &'a [f64]) -> Self {
        Self { magnitudes, axis, per_hz: 1.0 / axis[1] }
    }

    /// The lowest three harmonics, and the strongest one near each formant, the lower of equal ones.
    ///
    /// Harmonic `h` is sought from `(h + 1/2) F0` on, to the nearest bin, and the vertex of a peak
    /// lies within half a bin of it. So once `(h + 1/2) F0` is more than a bin above the range of the
    /// highest formant, no further harmonic can be one of a formant's; and what comes later changes
    /// nothing that came before.
    fn harmonics(&self, f0: f32, formants: [f32; 3]) -> ([Harmonic; 3], [Option<Numbered>; 3]) {
        let mut lowest = [Harmonic::default(); 3];
        let mut strongest: [Option<Numbered>; 3] = [None; 3];
        let ranges = formants.map(|f| AROUND.map(|share| share * f));
        let highest = formants.iter().fold(0.0f32, |a, &b| a.max(b));
        let limit = f64::from(AROUND[1] * highest) + 2.0 * self.axis[1];
        let start = self.bin(0.5 * f0, 1);
        let first = self.bin(0.5 * f0, start).max(1);
        let (mut from, mut before) = (start, usize::MAX);
        for h in 0..HARMONICS {
            if h >= lowest.len() && f64::from((h as f32 + 0.5) * f0) > limit {
                break;
            }
            let guess = self.bin((h + 1) as f32 * f0, from);
            let peak = self.peak(f0, h, guess, from);
            let peak = peak.filter(|&peak| peak >= first && peak + 1 < self.axis.len());
            from = guess;
            let bin = peak.unwrap_or(guess);
            if bin == before {
                // The same peak as the harmonic before.
                before = 0;
                continue;
            }
            before = bin;
            let magnitude = peak.map_or(0.0, |peak| self.magnitudes[peak]);
            let stronger =
                |best: &Option<Numbered>| magnitude > best.map_or(0.0, |(_, best)| best.magnitude);
            // Whether the vertex, within half a bin, may lie in the range of a formant.
            let at = self.axis[bin];
            let may = |range: &[f32; 2]| {
                f64::from(range[0]) <= at + self.axis[1] && at - self.axis[1] <= f64::from(range[1])
            };
            let wanted = || strongest.iter().zip(&ranges).any(|(b, r)| stronger(b) && may(r));
            if h >= lowest.len() && !wanted() {
                continue;
            }
            let harmonic = match peak {
                Some(peak) => self.refine(peak),
                None => Harmonic { bin, ..Harmonic::default() },
            };
            if let Some(low) = lowest.get_mut(h) {
                *low = harmonic;
            }
            for (best, range) in strongest.iter_mut().zip(&ranges) {
                let near = range[0] <= harmonic.frequency && harmonic.frequency <= range[1];
                if near && stronger(best) {
                    *best = Some((h, harmonic));
                }
            }
        }
        (lowest, strongest)
    }

    /// The peak nearest to bin `guess` of harmonic `h`, half an F0 to both sides; of two equally near
    /// the upper one.
    fn peak(&self, f0: f32, h: usize, guess: usize, from: usize) -> Option<usize> {
        if self.is_peak(guess) {
            return Some(guess);
        }
        let upper = self.bin((h as f32 + 1.5) * f0, guess);
        let lower = self.bin((h as f32 + 0.5) * f0, from);
        let reach = upper.saturating_sub(guess).max(guess.saturating_sub(lower));
        for distance in 1..=reach {
            let above = guess + distance;
            if above <= upper && self.is_peak(above) {
                return Some(above);
            }
            if guess >= lower + distance && self.is_peak(guess - distance) {
                return Some(guess - distance);
            }
        }
        None
    }

    /// The bin nearest to `f`, the upper one of two equally near, none below `from - 1`; 0 above the
    /// last bin.
    fn bin(&self, f: f32, from: usize) -> usize {
        let f = f64::from(f);
        // By the distance of bins, then put right: the first bin above f.
        let mut b = ((f * self.per_hz) as usize + 1).min(self.axis.len());
        while b > 0 && self.axis[b - 1] > f {
            b -= 1;
        }
        while b < self.axis.len() && self.axis[b] <= f {
            b += 1;
        }
        let b = b.max(from);
        match self.axis.get(b) {
            None => 0,
            Some(_) if b == 0 => 0,
            Some(above) if above - f > f - self.axis[b - 1] => b - 1,
            Some(_) => b,
        }
    }

    fn is_peak(&self, b: usize) -> bool {
        let m = self.magnitudes;
        let above = |other: Option<&f32>| other.is_none_or(|&other| m[b] > other);
        above(b.checked_sub(1).map(|below| &m[below])) && above(m.get(b + 1))
    }

    fn refine(&self, bin: usize) -> Harmonic {
        let around = [bin - 1, bin, bin + 1];
        let y = around.map(|b| f64::from(self.magnitudes[b]));
        let (frequency, top) = vertex(around.map(|b| self.axis[b]), y);
        let magnitude = self.magnitudes[bin];
        Harmonic { bin, magnitude, frequency: frequency as f32, top: top as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smile::clock::Clock;

    /// Peaks of three bins at the multiples of `f0` in bins, with these magnitudes.
    fn spectrum(bins: usize, f0: usize, magnitudes: &[f32]) -> Vec<f32> {
        let mut m = vec![1e-4; bins];
        for (h, &top) in magnitudes.iter().enumerate() {
            let b = (h + 1) * f0;
            (m[b - 1], m[b], m[b + 1]) = (top / 2.0, top, top / 2.0);
        }
        m
    }

    #[test]
    fn levels_of_known_peaks() {
        let axis = Clock::new(16_000).unwrap().long.axis;
        let f0 = (10.0 * axis[1]) as f32;
        let m = spectrum(axis.len(), 10, &[1.0, 0.5, 0.25, 0.125, 0.1, 0.2, 0.05, 0.02]);
        let formants = [3.0 * f0, 6.0 * f0, 8.0 * f0];
        let half = 6.0206f32;
        // Symmetric peaks: their tops are their bins.
        let near = |a: f32, b: f32| (a - b).abs() < 1e-3;
        let ours = describe(&m, &axis, f0, formants, Variant::OpenSmile);
        assert!(near(ours.h1_h2, half), "{ours:?}");
        assert!(near(ours.h1_a3, -half + 26.0206), "{ours:?}");
        assert!(near(ours.amplitude[0], -2.0 * half), "{ours:?}");
        assert!(near(ours.amplitude[1], -13.9794), "{ours:?}");
        let paper = describe(&m, &axis, f0, formants, Variant::Paper);
        assert!(near(paper.h1_h2, half), "{paper:?}");
        assert!(near(paper.h1_a3, 26.0206), "{paper:?}");
        assert!(near(paper.amplitude[2], -26.0206), "{paper:?}");
    }

    #[test]
    fn missing_formants_and_unvoiced_frames_have_their_values() {
        let axis = Clock::new(16_000).unwrap().long.axis;
        let f0 = (10.0 * axis[1]) as f32;
        let m = spectrum(axis.len(), 10, &[1.0, 0.5, 0.25]);
        let voiced = describe(&m, &axis, f0, [0.0; 3], Variant::OpenSmile);
        assert_eq!(voiced.amplitude, [0.0; 3]);
        // -6 dB less 201, clipped.
        assert_eq!(voiced.h1_a3, -201.0);
        let unvoiced = describe(&m, &axis, 0.0, [500.0; 3], Variant::OpenSmile);
        assert_eq!(unvoiced, Levels { h1_h2: 0.0, h1_a3: 0.0, amplitude: [-201.0; 3] });
        let unvoiced = describe(&m, &axis, 0.0, [500.0; 3], Variant::Paper);
        assert_eq!(unvoiced.amplitude, [0.0; 3]);
    }

    fn noise(bins: usize, mut state: u32) -> Vec<f32> {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 16_777_216.0
        };
        (0..bins).map(|_| next()).collect()
    }

    #[test]
    fn harmonics_above_the_formants_change_nothing() {
        for sr in [8_000, 22_050, 48_000] {
            let axis = Clock::new(sr).unwrap().long.axis;
            for seed in 0..200 {
                let m = noise(axis.len(), seed);
                let spectrum = Spectrum::new(&m, &axis);
                let f0 = 52.0 + seed as f32 * 4.7;
                let formants = [500.0, 1480.0, 2510.0];
                let (lowest, strongest) = spectrum.harmonics(f0, formants);
                // A fourth formant, out of reach, makes it go through all harmonics.
                for (i, &f) in formants.iter().enumerate() {
                    let (all, far) = spectrum.harmonics(f0, [f, 1e9, 0.0]);
                    let key = |x: &Option<Numbered>| x.map(|(h, x)| (h, x.bin, x.top.to_bits()));
                    assert_eq!(key(&far[0]), key(&strongest[i]), "{sr} {seed}");
                    assert_eq!(all.map(|h| h.bin), lowest.map(|h| h.bin));
                }
            }
        }
    }

    #[test]
    fn bins_are_those_of_a_scan() {
        let axis = Clock::new(22_050).unwrap().long.axis;
        let spectrum = Spectrum::new(&[], &axis);
        let scan = |f: f32, from: usize| {
            let f = f64::from(f);
            match (from..axis.len()).find(|&b| axis[b] > f) {
                Some(b) if axis[b] - f > f - axis[b - 1] => b - 1,
                Some(b) => b,
                None => 0,
            }
        };
        for i in 0..4000 {
            let f = i as f32 * 2.9;
            for from in [1, 7, 300] {
                assert_eq!(spectrum.bin(f, from), scan(f, from), "{f} {from}");
            }
        }
    }
}
