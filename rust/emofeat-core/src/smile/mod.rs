//! The analysis behind openSMILE's sets eGeMAPSv02 and ComParE_2016, to its numbers.
//!
//! Implemented from a numerical specification and the published papers alone; the program itself
//! served as a black box for comparison. Values that travel between stages are single precision, as
//! there: the numbers depend on it.

pub mod analysis;
pub mod auditory;
pub mod clock;
pub mod compare;
pub mod egemaps;
pub mod formants;
pub mod harmonics;
pub mod hnr;
mod outputs;
mod overlap;
pub mod parabola;
pub mod periods;
pub mod pitch;
pub mod smooth;
pub mod spectral;
pub mod voice;

pub use crate::descriptor::{SmileSet as Set, Variant};
pub use outputs::assembler;

/// Descriptors of a recording as contours, one value per frame, before smoothing.
///
/// Frame `k` of every contour starts at the same sample. Contours grow as samples come; those that
/// need the pitch lag behind the others until it is decided.
#[derive(Debug, Clone, Default)]
pub struct Streams {
    /// Contours over 20 ms frames, in the order of [`egemaps20`] or [`compare20`].
    pub short: Vec<Vec<f32>>,
    /// Contours over 60 ms frames, in the order of [`egemaps60`] or [`compare60`].
    pub long: Vec<Vec<f32>>,
    /// Frames whose pitch was decided before the end of the input was seen.
    pub decided: usize,
    /// Whether the end of the input has been reached, so that all contours are complete.
    pub ended: bool,
}

/// Contours of [`Streams::short`] for eGeMAPSv02.
#[allow(missing_docs)] // the names say it
pub mod egemaps20 {
    pub const LOUDNESS: usize = 0;
    pub const ALPHA_RATIO: usize = 1;
    pub const HAMMARBERG: usize = 2;
    pub const SLOPE_0_500: usize = 3;
    pub const SLOPE_500_1500: usize = 4;
    pub const FLUX: usize = 5;
    /// MFCC 1 to 4.
    pub const MFCC: usize = 6;
    /// Mean square of the frame.
    pub const ENERGY: usize = 10;
    pub const COUNT: usize = 11;
}

/// Contours of [`Streams::long`] for eGeMAPSv02.
#[allow(missing_docs)] // the names say it
pub mod egemaps60 {
    /// Semitones above 27.5 Hz, 0 where unvoiced.
    pub const F0: usize = 0;
    pub const JITTER: usize = 1;
    pub const SHIMMER_DB: usize = 2;
    pub const HNR: usize = 3;
    pub const H1_H2: usize = 4;
    pub const H1_A3: usize = 5;
    /// Frequency, bandwidth and relative amplitude of F1, then of F2 and F3. In an analysis for
    /// functionals, frequency and bandwidth are 0 in unvoiced frames.
    pub const FORMANTS: usize = 6;
    pub const COUNT: usize = 15;
}

/// Contours of [`Streams::short`] for ComParE_2016.
#[allow(missing_docs)] // the names say it
pub mod compare20 {
    pub const AUDSPEC: usize = 0;
    pub const AUDSPEC_RASTA: usize = 1;
    pub const RMS: usize = 2;
    /// 26 RASTA-filtered auditory bands; from here on in the order of the set's group B.
    pub const RFILT: usize = 3;
    pub const BAND_250_650: usize = 29;
    pub const BAND_1000_4000: usize = 30;
    /// Roll-off points 25, 50, 75 and 90 %.
    pub const ROLLOFF: usize = 31;
    pub const FLUX: usize = 35;
    pub const CENTROID: usize = 36;
    pub const ENTROPY: usize = 37;
    pub const VARIANCE: usize = 38;
    pub const SKEWNESS: usize = 39;
    pub const KURTOSIS: usize = 40;
    pub const SLOPE: usize = 41;
    pub const SHARPNESS: usize = 42;
    pub const HARMONICITY: usize = 43;
    /// MFCC 1 to 14.
    pub const MFCC: usize = 44;
    pub const COUNT: usize = 58;
}

/// Contours of [`Streams::long`] for ComParE_2016.
#[allow(missing_docs)] // the names say it
pub mod compare60 {
    /// Hz, 0 where unvoiced.
    pub const F0: usize = 0;
    pub const VOICING: usize = 1;
    pub const JITTER: usize = 2;
    pub const JITTER_DDP: usize = 3;
    pub const SHIMMER: usize = 4;
    pub const LOG_HNR: usize = 5;
    /// Does not wait for the pitch.
    pub const ZCR: usize = 6;
    pub const COUNT: usize = 7;
}
