//! eGeMAPSv02: 25 descriptors and 88 functionals, and GeMAPSv01b, whose columns are a part of them.

use super::smooth::{Smooth, known};
use super::{Streams, Variant, egemaps20 as short, egemaps60 as long};
use crate::functionals::{Contour, Functional, Settings};

/// Names of the descriptors, in column order.
pub const LLD_NAMES: [&str; 25] = [
    "Loudness_sma3",
    "alphaRatio_sma3",
    "hammarbergIndex_sma3",
    "slope0-500_sma3",
    "slope500-1500_sma3",
    "spectralFlux_sma3",
    "mfcc1_sma3",
    "mfcc2_sma3",
    "mfcc3_sma3",
    "mfcc4_sma3",
    "F0semitoneFrom27.5Hz_sma3nz",
    "jitterLocal_sma3nz",
    "shimmerLocaldB_sma3nz",
    "HNRdBACF_sma3nz",
    "logRelF0-H1-H2_sma3nz",
    "logRelF0-H1-A3_sma3nz",
    "F1frequency_sma3nz",
    "F1bandwidth_sma3nz",
    "F1amplitudeLogRelF0_sma3nz",
    "F2frequency_sma3nz",
    "F2bandwidth_sma3nz",
    "F2amplitudeLogRelF0_sma3nz",
    "F3frequency_sma3nz",
    "F3bandwidth_sma3nz",
    "F3amplitudeLogRelF0_sma3nz",
];

/// Columns of [`LLD_NAMES`] that GeMAPSv01b has.
pub const GEMAPS_LLDS: [usize; 18] =
    [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 24];

/// Names of the functionals, in column order.
pub const FUNCTIONAL_NAMES: [&str; 88] = [
    "F0semitoneFrom27.5Hz_sma3nz_amean",
    "F0semitoneFrom27.5Hz_sma3nz_stddevNorm",
    "F0semitoneFrom27.5Hz_sma3nz_percentile20.0",
    "F0semitoneFrom27.5Hz_sma3nz_percentile50.0",
    "F0semitoneFrom27.5Hz_sma3nz_percentile80.0",
    "F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2",
    "F0semitoneFrom27.5Hz_sma3nz_meanRisingSlope",
    "F0semitoneFrom27.5Hz_sma3nz_stddevRisingSlope",
    "F0semitoneFrom27.5Hz_sma3nz_meanFallingSlope",
    "F0semitoneFrom27.5Hz_sma3nz_stddevFallingSlope",
    "loudness_sma3_amean",
    "loudness_sma3_stddevNorm",
    "loudness_sma3_percentile20.0",
    "loudness_sma3_percentile50.0",
    "loudness_sma3_percentile80.0",
    "loudness_sma3_pctlrange0-2",
    "loudness_sma3_meanRisingSlope",
    "loudness_sma3_stddevRisingSlope",
    "loudness_sma3_meanFallingSlope",
    "loudness_sma3_stddevFallingSlope",
    "spectralFlux_sma3_amean",
    "spectralFlux_sma3_stddevNorm",
    "mfcc1_sma3_amean",
    "mfcc1_sma3_stddevNorm",
    "mfcc2_sma3_amean",
    "mfcc2_sma3_stddevNorm",
    "mfcc3_sma3_amean",
    "mfcc3_sma3_stddevNorm",
    "mfcc4_sma3_amean",
    "mfcc4_sma3_stddevNorm",
    "jitterLocal_sma3nz_amean",
    "jitterLocal_sma3nz_stddevNorm",
    "shimmerLocaldB_sma3nz_amean",
    "shimmerLocaldB_sma3nz_stddevNorm",
    "HNRdBACF_sma3nz_amean",
    "HNRdBACF_sma3nz_stddevNorm",
    "logRelF0-H1-H2_sma3nz_amean",
    "logRelF0-H1-H2_sma3nz_stddevNorm",
    "logRelF0-H1-A3_sma3nz_amean",
    "logRelF0-H1-A3_sma3nz_stddevNorm",
    "F1frequency_sma3nz_amean",
    "F1frequency_sma3nz_stddevNorm",
    "F1bandwidth_sma3nz_amean",
    "F1bandwidth_sma3nz_stddevNorm",
    "F1amplitudeLogRelF0_sma3nz_amean",
    "F1amplitudeLogRelF0_sma3nz_stddevNorm",
    "F2frequency_sma3nz_amean",
    "F2frequency_sma3nz_stddevNorm",
    "F2bandwidth_sma3nz_amean",
    "F2bandwidth_sma3nz_stddevNorm",
    "F2amplitudeLogRelF0_sma3nz_amean",
    "F2amplitudeLogRelF0_sma3nz_stddevNorm",
    "F3frequency_sma3nz_amean",
    "F3frequency_sma3nz_stddevNorm",
    "F3bandwidth_sma3nz_amean",
    "F3bandwidth_sma3nz_stddevNorm",
    "F3amplitudeLogRelF0_sma3nz_amean",
    "F3amplitudeLogRelF0_sma3nz_stddevNorm",
    "alphaRatioV_sma3nz_amean",
    "alphaRatioV_sma3nz_stddevNorm",
    "hammarbergIndexV_sma3nz_amean",
    "hammarbergIndexV_sma3nz_stddevNorm",
    "slopeV0-500_sma3nz_amean",
    "slopeV0-500_sma3nz_stddevNorm",
    "slopeV500-1500_sma3nz_amean",
    "slopeV500-1500_sma3nz_stddevNorm",
    "spectralFluxV_sma3nz_amean",
    "spectralFluxV_sma3nz_stddevNorm",
    "mfcc1V_sma3nz_amean",
    "mfcc1V_sma3nz_stddevNorm",
    "mfcc2V_sma3nz_amean",
    "mfcc2V_sma3nz_stddevNorm",
    "mfcc3V_sma3nz_amean",
    "mfcc3V_sma3nz_stddevNorm",
    "mfcc4V_sma3nz_amean",
    "mfcc4V_sma3nz_stddevNorm",
    "alphaRatioUV_sma3nz_amean",
    "hammarbergIndexUV_sma3nz_amean",
    "slopeUV0-500_sma3nz_amean",
    "slopeUV500-1500_sma3nz_amean",
    "spectralFluxUV_sma3nz_amean",
    "loudnessPeaksPerSec",
    "VoicedSegmentsPerSec",
    "MeanVoicedSegmentLengthSec",
    "StddevVoicedSegmentLengthSec",
    "MeanUnvoicedSegmentLength",
    "StddevUnvoicedSegmentLength",
    "equivalentSoundLevel_dBp",
];

/// Columns of [`FUNCTIONAL_NAMES`] that GeMAPSv01b has.
pub const GEMAPS_FUNCTIONALS: [usize; 62] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 30, 31, 32, 33, 34, 35,
    36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 50, 51, 52, 53, 56, 57, 58, 59, 60, 61, 62, 63,
    64, 65, 76, 77, 78, 79, 81, 82, 83, 84, 85, 86,
];

/// Number of descriptor rows: one more than complete frames of 60 ms, 0 without any. The last one lies
/// beyond the last frame and repeats it.
pub fn rows(streams: &Streams) -> usize {
    match streams.long[long::F0].len() {
        0 => 0,
        frames => frames + 1,
    }
}

/// Number of descriptor rows that no further input changes, while the input has not ended.
pub fn final_rows(streams: &Streams) -> usize {
    if streams.ended {
        return rows(streams);
    }
    // A row needs the frame to its right; the row of the last decided frame is padded if the input ends.
    let frames = streams.short.iter().chain(&streams.long).map(Vec::len).min().unwrap_or(0);
    frames.min(streams.decided).saturating_sub(1)
}

/// Appends descriptor rows `from .. to`, frames first, in the order of [`LLD_NAMES`]; `to` is at most
/// [`final_rows`].
pub fn lld_rows(streams: &Streams, variant: Variant, from: usize, to: usize, out: &mut Vec<f32>) {
    let frames = streams.long[long::F0].len();
    for k in from..to {
        let plain = &streams.short[..short::ENERGY];
        out.extend(plain.iter().map(|x| Smooth::Plain.row(x, x.len(), k)));
        let n = known(k, frames, streams.decided, variant);
        out.extend(streams.long.iter().map(|x| Smooth::Nonzero.row(x, n, k)));
    }
}

/// Room for [`functionals`], to be reused between recordings.
#[derive(Debug, Default)]
pub struct Scratch {
    contour: Contour<f32>,
    gated: Vec<f32>,
    smooth: Vec<f32>,
}

const MEAN_AND_SPREAD: [Functional; 2] = [Functional::Amean, Functional::StddevNorm];

/// For F0 and loudness.
const TEN: [Functional; 10] = [
    Functional::Amean,
    Functional::StddevNorm,
    Functional::Percentile(0.2),
    Functional::Percentile(0.5),
    Functional::Percentile(0.8),
    Functional::PercentileRange(0.2, 0.8),
    Functional::MeanRisingSlope,
    Functional::StddevRisingSlope,
    Functional::MeanFallingSlope,
    Functional::StddevFallingSlope,
];

const SEGMENTS: [Functional; 5] = [
    Functional::NonzeroSegPerSec,
    Functional::NonzeroMeanSegLen,
    Functional::NonzeroSegLenStddev,
    Functional::ZeroMeanSegLen,
    Functional::ZeroSegLenStddev,
];

/// Which frames voicing leaves of a contour.
#[derive(Clone, Copy, PartialEq)]
enum Gate {
    Voiced,
    Unvoiced,
}

/// The contours of a recording as functionals see them.
///
/// openSMILE computes functionals when the end of the input is first seen, from what its streams have by
/// then: `decided` frames of those that wait for the pitch, some with their right neighbour, some
/// without; one or all frames if no pitch has been decided at all. The variant of the papers takes all
/// frames.
struct View<'a> {
    streams: &'a Streams,
    /// Frames of 60 ms.
    frames: usize,
    decided: usize,
    settings: Settings,
    scratch: &'a mut Scratch,
}

impl<'a> View<'a> {
    /// Values of `list` for the contour in `scratch.smooth`.
    fn describe(&mut self, list: &[Functional], nonzero: bool, out: &mut Vec<f32>) {
        let Scratch { contour, smooth, .. } = &mut *self.scratch;
        contour.load(smooth, nonzero);
        out.extend(list.iter().map(|f| f.value(contour, &self.settings) as f32));
    }

    /// A contour of 20 ms frames, voiced or not.
    fn everywhere(&mut self, index: usize) {
        let x = &self.streams.short[index];
        self.scratch.smooth.clear();
        Smooth::Plain.rows(x, x.len(), x.len(), &mut self.scratch.smooth);
    }

    fn f0(&mut self) {
        let n = if self.decided == 0 { 1 } else { self.frames };
        let f0 = &self.streams.long[long::F0];
        self.scratch.smooth.clear();
        Smooth::Nonzero.rows(f0, n, self.decided.max(1), &mut self.scratch.smooth);
    }

    /// A contour of voice quality or formants. Formant frequencies and bandwidths, which unvoiced frames
    /// have as well, are taken from voiced frames only.
    fn voice(&mut self, index: usize) {
        let formants = index.checked_sub(long::FORMANTS);
        if formants.is_some_and(|i| i % 3 < 2) {
            self.gate(&self.streams.long[index], Gate::Voiced);
        } else {
            self.scratch.gated.clear();
            self.scratch.gated.extend_from_slice(&self.streams.long[index]);
        }
        let n = if self.decided == 0 { self.frames } else { self.decided };
        let Scratch { gated, smooth, .. } = &mut *self.scratch;
        smooth.clear();
        Smooth::Nonzero.rows(gated, n, n, smooth);
    }

    /// A spectral contour in voiced frames.
    fn voiced(&mut self, index: usize) {
        self.gate(&self.streams.short[index], Gate::Voiced);
        let Scratch { gated, smooth, .. } = &mut *self.scratch;
        smooth.clear();
        if self.decided == 0 {
            Smooth::Nonzero.rows_without_next(gated, self.frames, smooth);
        } else {
            Smooth::Nonzero.rows(gated, self.frames, self.decided, smooth);
        }
    }

    /// A spectral contour in unvoiced frames.
    fn unvoiced(&mut self, index: usize) {
        self.gate(&self.streams.short[index], Gate::Unvoiced);
        let n = if self.decided == 0 { 1 } else { self.frames };
        let Scratch { gated, smooth, .. } = &mut *self.scratch;
        smooth.clear();
        Smooth::Nonzero.rows(gated, n, self.decided.max(1), smooth);
    }

    /// `x` with zeros in the frames that do not pass.
    fn gate(&mut self, x: &'a [f32], gate: Gate) {
        let f0 = &self.streams.long[long::F0];
        let pass = |f0: f32| (f0 > 0.0) == (gate == Gate::Voiced);
        self.scratch.gated.clear();
        self.scratch.gated.extend(x.iter().zip(f0).map(|(x, f0)| if pass(*f0) { *x } else { 0.0 }));
    }
}

/// Appends the functionals in the order of [`FUNCTIONAL_NAMES`]; returns false, having appended nothing,
/// if the recording is shorter than a frame of 60 ms. The input must have ended.
pub fn functionals(
    streams: &Streams,
    variant: Variant,
    scratch: &mut Scratch,
    out: &mut Vec<f32>,
) -> bool {
    let frames = streams.long[long::F0].len();
    if frames == 0 {
        return false;
    }
    let decided = if variant == Variant::Paper { frames } else { streams.decided };
    let settings = Settings { variant, ..Settings::default() };
    let mut view = View { streams, frames, decided, settings, scratch };
    view.f0();
    view.describe(&TEN, true, out);
    // The same contour, zeros included, for the last part of the row.
    let mut segments = Vec::with_capacity(SEGMENTS.len());
    view.describe(&SEGMENTS, false, &mut segments);
    view.everywhere(short::LOUDNESS);
    view.describe(&TEN, false, out);
    let mut peaks = Vec::with_capacity(1);
    view.describe(&[Functional::PeaksPerSec], false, &mut peaks);
    for index in short::FLUX..short::ENERGY {
        view.everywhere(index);
        view.describe(&MEAN_AND_SPREAD, false, out);
    }
    for index in long::JITTER..long::COUNT {
        view.voice(index);
        view.describe(&MEAN_AND_SPREAD, true, out);
    }
    for index in short::ALPHA_RATIO..short::ENERGY {
        view.voiced(index);
        view.describe(&MEAN_AND_SPREAD, true, out);
    }
    for index in short::ALPHA_RATIO..=short::FLUX {
        view.unvoiced(index);
        view.describe(&MEAN_AND_SPREAD[..1], true, out);
    }
    out.append(&mut peaks);
    out.append(&mut segments);
    out.push(sound_level(&streams.short[short::ENERGY]));
    true
}

/// Equivalent sound level in dB: the level of the mean energy, -120 for digital silence.
fn sound_level(energy: &[f32]) -> f32 {
    let sum: f64 = energy.iter().map(|e| f64::from(*e)).sum();
    (10.0 * (sum / energy.len() as f64).max(1e-12).log10()) as f32
}
