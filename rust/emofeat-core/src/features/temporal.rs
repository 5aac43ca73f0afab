//! Features of the samples themselves: zero crossings, level, and how energy is spread in a frame.

use super::measure::{Measure, column};
use super::shared::{FRAME_CENTER, FRAME_HOP_MS, FRAME_MS, FRAME_PAD_MODE, MANY, pad, samples};
use super::{Entry, Make};
use crate::dsp::frame::{Framing, Pad};
use crate::dsp::lanes::{Real, kernel};
use crate::dsp::shape;
use crate::spec::{Args, Default, Kind, Param};
use crate::stage::{FrontEnd, Stage};

/// Framing without window, as librosa's `util.frame` after padding.
const FRAMES: &[Param] = &[
    Param {
        name: "frame_length",
        kind: Kind::Int(1, MANY),
        default: Default::Int(2048),
        unit: "samples",
        doc: "Length of a frame.",
    },
    Param {
        name: "hop_length",
        kind: Kind::Int(1, MANY),
        default: Default::Int(512),
        unit: "samples",
        doc: "Distance from one frame to the next.",
    },
    FRAME_MS,
    FRAME_HOP_MS,
    FRAME_CENTER,
];

const PADDING: &[Param] = &[FRAME_PAD_MODE];

fn frames(args: &Args, sr: u32, pad: Pad) -> FrontEnd {
    let size =
        |name: &str, ms: &str| args.opt_float(ms).map_or(args.int(name), |ms| samples(ms, sr));
    let (length, hop) = (size("frame_length", "win_ms"), size("hop_length", "hop_ms"));
    FrontEnd::plain(Framing::centred(length, hop, args.bool("center"), pad))
}

/// Zero-crossing rate.
pub const ZERO_CROSSING_RATE: Entry = Entry {
    name: "zero_crossing_rate",
    summary: "Share of samples at which the sign of the signal changes.",
    doc: "Number of sign changes within the frame, divided by its length. Samples within `threshold` of 0 count as 0, which is\n\
          positive, or with `zero_pos=false` a sign of its own. The padding repeats the edge samples.\n\
          Convention: `librosa.feature.zero_crossing_rate`.",
    convention: "librosa",
    params: &[
        FRAMES,
        &[
            Param {
                name: "threshold",
                kind: Kind::Float(0.0, 1e30),
                default: Default::Float(1e-10),
                unit: "",
                doc: "Magnitude up to which a sample counts as 0.",
            },
            Param {
                name: "zero_pos",
                kind: Kind::Bool,
                default: Default::Bool(true),
                unit: "",
                doc: "Whether 0 counts as positive, or as a sign of its own.",
            },
            Param {
                name: "pad",
                kind: Kind::Bool,
                default: Default::Bool(false),
                unit: "",
                doc: "Whether the first sample of every frame counts as a change.",
            },
        ],
    ],
    unit: "",
    make: Make::Feature(|args, sr| {
        let measure = Crossings {
            threshold: args.float("threshold"),
            zero_pos: args.bool("zero_pos"),
            first: args.bool("pad"),
        };
        Ok(column(frames(args, sr, Pad::Edge), measure, ""))
    }),
};

struct Crossings {
    threshold: f64,
    zero_pos: bool,
    first: bool,
}

impl Measure for Crossings {
    fn stage(&self) -> Stage {
        Stage::Frames
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        let mut count = [T::of(f64::from(u8::from(self.first))); L];
        if self.zero_pos {
            crossings(rows, below(self.threshold), &mut count);
        } else {
            sign_changes(rows, below(self.threshold), &mut count);
        }
        *out = count.map(|c| c.f64() / rows.len() as f64);
    }
}

/// The largest number of type `T` that is not above `x`, so that a comparison with it decides as one
/// with `x` does.
fn below<T: Real>(x: f64) -> T {
    let (mut nearest, mut step) = (T::of(x), 3e-8 * x);
    while nearest.f64() > x {
        nearest = T::of(x - step);
        step += step;
    }
    nearest
}

kernel! {
    /// Adds the number of changes between negative and not negative.
    fn crossings / crossings_with<T: Real; L>(rows: &[[T; L]], threshold: T, count: &mut [T; L]) {
        for pair in rows.windows(2) {
            for l in 0..L {
                let (a, b) = (pair[0][l] < -threshold, pair[1][l] < -threshold);
                count[l] += if a != b { T::ONE } else { T::ZERO };
            }
        }
    }
}

kernel! {
    /// Adds the number of changes between negative, zero and positive.
    fn sign_changes / sign_changes_with<T: Real; L>(rows: &[[T; L]], threshold: T, count: &mut [T; L]) {
        for pair in rows.windows(2) {
            for l in 0..L {
                let below = (pair[0][l] < -threshold) != (pair[1][l] < -threshold);
                let above = (pair[0][l] > threshold) != (pair[1][l] > threshold);
                count[l] += if below | above { T::ONE } else { T::ZERO };
            }
        }
    }
}

/// Root mean square.
pub const RMS: Entry = Entry {
    name: "rms",
    summary: "Root mean square of the samples.",
    doc: "`sqrt(mean x²)` over the frame, without window; the sum runs in double precision. Convention: `librosa.feature.rms`.",
    convention: "librosa",
    params: &[FRAMES, PADDING],
    unit: "",
    make: Make::Feature(|args, sr| {
        Ok(column(frames(args, sr, pad(args.str("pad_mode"))), Rms, ""))
    }),
};

struct Rms;

impl Measure for Rms {
    fn stage(&self) -> Stage {
        Stage::Frames
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        energy(rows, out);
        *out = out.map(|e| (e / rows.len() as f64).sqrt());
    }
}

kernel! {
    /// Sum of squares.
    fn energy / energy_with<T: Real; L>(rows: &[[T; L]], out: &mut [f64; L]) {
        let mut sum = [0.0; L];
        for row in rows {
            for l in 0..L {
                let x = row[l].f64();
                sum[l] += x * x;
            }
        }
        *out = sum;
    }
}

/// Energy entropy.
pub const ENERGY_ENTROPY: Entry = Entry {
    name: "energy_entropy",
    summary: "Entropy of a frame's energy over its parts: low where the level changes abruptly.",
    doc: "The frame is cut into n_blocks parts of `frame_length // n_blocks` samples (what remains at the end is not used);\n\
          `-Σ p log2 p` with `p` their energies divided by the sum, from 0 to log2 n_blocks; 0 for a silent frame. Does not\n\
          depend on the level. Source: Giannakopoulos and Pikrakis (2014), section 4.3.3.",
    convention: "native",
    params: &[
        FRAMES,
        PADDING,
        &[Param {
            name: "n_blocks",
            kind: Kind::Int(2, MANY),
            default: Default::Int(10),
            unit: "",
            doc: "Number of parts, at most frame_length.",
        }],
    ],
    unit: "bits",
    make: Make::Feature(|args, sr| {
        let (front, blocks) = (frames(args, sr, pad(args.str("pad_mode"))), args.int("n_blocks"));
        let length = front.framing.length;
        if blocks > length {
            return Err(args.error(format_args!(
                "n_blocks = {blocks} parts of a frame of {length} samples; allowed are 2 to {length}"
            )));
        }
        Ok(column(front, EnergyEntropy { blocks }, "bits"))
    }),
};

struct EnergyEntropy {
    blocks: usize,
}

impl Measure for EnergyEntropy {
    fn stage(&self) -> Stage {
        Stage::Frames
    }
    fn measure<T: Real, const L: usize>(&self, rows: &[[T; L]], out: &mut [f64; L]) {
        let mut energies = vec![[0.0; L]; self.blocks];
        for (e, block) in energies.iter_mut().zip(rows.chunks_exact(rows.len() / self.blocks)) {
            energy(block, e);
        }
        shape::entropy(&energies, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(f: impl Fn(usize) -> f32, n: usize) -> Vec<[f32; 16]> {
        (0..n).map(|i| [f(i); 16]).collect()
    }

    #[test]
    fn crossings_of_a_square_wave_and_of_values_around_the_threshold() {
        let measure = Crossings { threshold: 0.01, zero_pos: true, first: false };
        let mut out = [0.0; 16];
        measure.measure(&rows(|i| if i / 5 % 2 == 0 { 0.5 } else { -0.5 }, 100), &mut out);
        assert_eq!(out[3], 19.0 / 100.0);
        // Within the threshold of 0, hence positive.
        measure.measure(&rows(|i| if i % 2 == 0 { 0.5 } else { -0.01 }, 100), &mut out);
        assert_eq!(out[3], 0.0);
        let own_sign = Crossings { zero_pos: false, first: true, ..measure };
        own_sign.measure(&rows(|i| if i % 2 == 0 { 0.5 } else { -0.0 }, 100), &mut out);
        assert_eq!(out[3], 1.0);
    }

    #[test]
    fn a_threshold_decides_in_single_precision_as_in_double() {
        for x in [0.0, 1e-10, 0.01, 0.1, 0.3, 1.0] {
            let t: f32 = below(x);
            assert!(f64::from(t) <= x && f64::from(f32::from_bits(t.to_bits() + 1)) > x);
        }
    }

    #[test]
    fn level_and_entropy_of_constant_and_of_single_samples() {
        let mut out = [0.0; 16];
        Rms.measure(&rows(|i| if i % 2 == 0 { 0.25 } else { -0.25 }, 64), &mut out);
        assert_eq!(out[0], 0.25);
        let entropy = EnergyEntropy { blocks: 8 };
        entropy.measure(&rows(|_| 0.1, 70), &mut out);
        assert!((out[0] - 3.0).abs() < 1e-12);
        entropy.measure(&rows(|i| if i == 9 { 1.0 } else { 0.0 }, 70), &mut out);
        assert_eq!(out[0], 0.0);
        // Only in the samples that no part uses.
        entropy.measure(&rows(|i| if i > 63 { 1.0 } else { 0.0 }, 70), &mut out);
        assert_eq!(out[0], 0.0);
    }
}
