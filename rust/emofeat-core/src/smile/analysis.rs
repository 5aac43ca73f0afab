//! From samples to the contours of a recording: frames, spectra, and the order in which everything
//! else is asked.

use super::auditory::{Auditory, BANDS, Rasta};
use super::clock::{Clock, Grid};
use super::overlap::Overlap;
use super::spectral::{self, CompareShape, EgemapsShape, Flux, Row};
use super::voice::{FormantFrames, Voice, VoicePlan, Wave};
use super::{Set, Streams, Variant, compare20, compare60, egemaps20, egemaps60};
use crate::dsp::frame::{Count, Framing, Loader, Pad, View};
use crate::dsp::lanes::{L32, kernel};
use crate::dsp::ooura::RealFft;
use crate::error::Result;
use std::f64::consts::PI;
use std::sync::Arc;

/// Full scale of 16-bit samples, on the way in and on the way out.
const TO_PCM: f32 = 32768.0;
const FROM_PCM: f32 = 32767.0;

/// Frames of one length: where they lie, their window and their FFT.
#[derive(Debug)]
struct Frames {
    grid: Grid,
    framing: Framing,
    window: Vec<f32>,
    fft: RealFft,
}

impl Frames {
    fn new(grid: &Grid, step: usize, window: impl Fn(f64) -> f64) -> Result<Self> {
        let framing = Framing {
            length: grid.n,
            hop: step,
            offset: 0,
            pad: Pad::Zero,
            count: Count::Full { after: 0 },
            least: 0,
        };
        let at = |i: usize| window(i as f64 / (grid.n - 1) as f64) as f32;
        Ok(Self {
            grid: grid.clone(),
            framing,
            window: (0..grid.n).map(at).collect(),
            fft: RealFft::new(grid.k)?,
        })
    }

    /// The rows of the frame itself among those of the FFT's input, the others set to zero.
    fn inner<'a>(&self, rows: &'a mut [Row]) -> &'a mut [Row] {
        let Grid { n, before, .. } = self.grid;
        rows[..before].fill([0.0; L32]);
        rows[before + n..].fill([0.0; L32]);
        &mut rows[before..before + n]
    }
}

/// What only one of the sets asks of 20 ms frames.
#[derive(Debug)]
enum Shape {
    Egemaps(EgemapsShape),
    Compare(CompareShape),
}

/// Everything about an analysis that does not depend on the recording; to be shared between recordings
/// and threads.
#[derive(Debug)]
pub struct AnalysisPlan {
    set: Set,
    variant: Variant,
    clock: Clock,
    short: Frames,
    long: Frames,
    shape: Shape,
    auditory: Auditory,
    voice: VoicePlan,
}

impl AnalysisPlan {
    /// The analysis for `set` of recordings at `sr` Hz, 8 to 96 kHz.
    pub fn new(set: Set, sr: u32, variant: Variant) -> Result<Self> {
        let clock = Clock::new(sr)?;
        let hamming = |x: f64| 0.54 - 0.46 * (2.0 * PI * x).cos();
        let gauss = |x: f64| (-0.5 * ((2.0 * x - 1.0) / 0.4).powi(2)).exp();
        let mfcc = match set {
            Set::Egemaps => egemaps20::ENERGY - egemaps20::MFCC,
            Set::Compare => compare20::COUNT - compare20::MFCC,
        };
        Ok(Self {
            short: Frames::new(&clock.short, clock.step, hamming)?,
            long: Frames::new(&clock.long, clock.step, gauss)?,
            shape: match set {
                Set::Egemaps => Shape::Egemaps(EgemapsShape::new(&clock.short, variant)),
                Set::Compare => Shape::Compare(CompareShape::new(&clock.short, variant)),
            },
            auditory: Auditory::new(&clock.short, mfcc, variant),
            voice: VoicePlan::new(set, &clock, variant),
            set,
            variant,
            clock,
        })
    }

    fn streams(&self) -> Streams {
        let (short, long) = match self.set {
            Set::Egemaps => (egemaps20::COUNT, egemaps60::COUNT),
            Set::Compare => (compare20::COUNT, compare60::COUNT),
        };
        Streams {
            short: vec![Vec::new(); short],
            long: vec![Vec::new(); long],
            ..Streams::default()
        }
    }
}

/// Rows for the spectra of one block.
#[derive(Debug)]
struct Work {
    short: Vec<Row>,
    long: Vec<Row>,
    /// Spectrum of the short frames, as many bins as formants need.
    re: Vec<Row>,
    im: Vec<Row>,
    mag: Vec<Row>,
    power: Vec<Row>,
    mag60: Vec<Row>,
    contours: Vec<Row>,
    overlap: Overlap,
    /// For the last frames of a recording, too few to fill the lanes.
    loader: Loader<f32>,
}

/// The analysis of one recording: takes samples as they come and fills [`Streams`].
///
/// Frames are taken in blocks of [`L32`] that begin at multiples of it, so the contours have the same
/// bits in whatever pieces the samples come.
#[derive(Debug)]
pub struct Analysis {
    plan: Arc<AnalysisPlan>,
    work: Work,
    flux: Flux,
    rasta: Rasta,
    voice: Voice,
    /// The samples that are still needed; the first of them is sample `start`.
    wave: Vec<f32>,
    start: u64,
    /// Frames analysed.
    frame: u64,
    streams: Streams,
}

impl Analysis {
    /// An analysis at `sr` Hz with a plan of its own.
    pub fn new(set: Set, sr: u32, variant: Variant) -> Result<Self> {
        Self::with_plan(Arc::new(AnalysisPlan::new(set, sr, variant)?))
    }

    /// An analysis by a shared plan.
    pub fn with_plan(plan: Arc<AnalysisPlan>) -> Result<Self> {
        Self::begin(plan, FormantFrames::Every)
    }

    /// An analysis for functionals alone, which look at formants in voiced frames only: frequencies and
    /// bandwidths of the others are left 0.
    pub fn for_functionals(plan: Arc<AnalysisPlan>) -> Result<Self> {
        Self::begin(plan, FormantFrames::Voiced)
    }

    fn begin(plan: Arc<AnalysisPlan>, formants: FormantFrames) -> Result<Self> {
        let rows = |n: usize| vec![[0.0; L32]; n];
        let (short, long) = (&plan.short.grid, &plan.long.grid);
        let streams = plan.streams();
        let flux = match &plan.shape {
            Shape::Egemaps(shape) => shape.flux(),
            Shape::Compare(shape) => shape.flux(),
        };
        Ok(Self {
            work: Work {
                short: rows(short.k),
                long: rows(long.k),
                re: rows(plan.voice.formant_bins()),
                im: rows(plan.voice.formant_bins()),
                mag: rows(short.bins()),
                power: rows(short.bins()),
                mag60: rows(long.bins()),
                contours: rows(streams.short.len()),
                overlap: Overlap::new(plan.clock.step),
                loader: Loader::default(),
            },
            rasta: Rasta::new(&plan.auditory),
            voice: Voice::new(&plan.voice, formants)?,
            flux,
            wave: Vec::new(),
            start: 0,
            frame: 0,
            streams,
            plan,
        })
    }

    /// Makes ready for the next recording; keeps plan and memory.
    pub fn reset(&mut self) {
        self.flux.reset();
        self.rasta.reset();
        self.voice.reset(&self.plan.voice);
        self.wave.clear();
        (self.start, self.frame) = (0, 0);
        for contour in self.streams.short.iter_mut().chain(&mut self.streams.long) {
            contour.clear();
        }
        (self.streams.decided, self.streams.ended) = (0, false);
    }

    /// Takes the next samples, in ±1; what lies beyond is clipped.
    ///
    /// Samples are cut to 16 bits as openSMILE's Python package does. [`Variant::Paper`] takes them as
    /// they are. What comes after [`Self::finish`] begins the next recording.
    pub fn push(&mut self, samples: &[f32]) {
        if self.streams.ended {
            self.reset();
        }
        let block = L32 * self.plan.clock.step;
        for piece in samples.chunks(block) {
            self.wave.extend_from_slice(piece);
            if self.plan.variant == Variant::OpenSmile {
                let at = self.wave.len() - piece.len();
                quantise(&mut self.wave[at..]);
            }
            while self.frame + L32 as u64 <= self.complete(&self.plan.long) {
                self.block(L32, L32);
            }
        }
    }

    /// Ends the recording: analyses the frames that are left and decides their pitch.
    pub fn finish(&mut self) {
        if self.streams.ended {
            return;
        }
        let (n20, n60) = (self.complete(&self.plan.short), self.complete(&self.plan.long));
        // A recording without a frame of 60 ms has none of 20 ms either.
        let n20 = if n60 == 0 { 0 } else { n20 };
        while self.frame < n20 {
            let valid = |n: u64| n.saturating_sub(self.frame).min(L32 as u64) as usize;
            self.block(valid(n20), valid(n60));
        }
        let wave = Wave { samples: &self.wave, start: self.start };
        self.voice.finish(&self.plan.voice, wave, &mut self.streams);
        self.streams.ended = true;
    }

    /// The contours so far.
    pub fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Number of frames that lie within the samples that have come.
    fn complete(&self, frames: &Frames) -> u64 {
        let samples = self.start as usize + self.wave.len();
        frames.grid.frames(samples, self.plan.clock.step) as u64
    }

    /// Analyses the next `short` frames of 20 ms and the next `long` of 60 ms.
    fn block(&mut self, short: usize, long: usize) {
        if long == L32 {
            let Clock { step, long, .. } = &self.plan.clock;
            let first = (self.frame * *step as u64 - self.start) as usize;
            let samples = &self.wave[first..][..(L32 - 1) * step + long.n];
            self.work.overlap.load(samples);
        }
        self.short_frames(short, long == L32);
        if long > 0 {
            let Self { plan, work, streams, voice, .. } = self;
            voice.spectra(&plan.voice, &work.re, &work.im, long, streams);
            self.long_frames(long);
        }
        self.frame += L32 as u64;
        self.forget();
    }

    /// `overlapping`: the frames are in [`Work::overlap`].
    fn short_frames(&mut self, valid: usize, overlapping: bool) {
        let Self { plan, work, wave, start, frame, streams, .. } = self;
        let view = View { data: wave.as_slice(), start: *start, total: None };
        let frames = &plan.short;
        let rows = frames.inner(&mut work.short);
        if overlapping {
            work.overlap.frames(rows);
        } else {
            work.loader.load(view, &frames.framing, *frame, valid, 0, None, rows);
        }
        let out = &mut work.contours;
        let mut energy = [0.0; L32];
        spectral::weigh(&frames.window, rows, &mut energy);
        match plan.set {
            Set::Egemaps => out[egemaps20::ENERGY] = energy.map(|e| e as f32),
            Set::Compare => out[compare20::RMS] = energy.map(|e| e.sqrt() as f32),
        }
        if work.re.is_empty() {
            frames.fft.magnitude(&mut work.short, &mut work.mag);
        } else {
            frames.fft.polar(&mut work.short, &mut work.re, &mut work.im, &mut work.mag);
        }
        spectral::power(&work.mag, &mut work.power);
        let mut mel = [[0.0; L32]; BANDS];
        plan.auditory.bands(&work.power, &mut mel);
        match &plan.shape {
            Shape::Egemaps(shape) => {
                shape.apply(&work.mag, &work.power, &mut self.flux, valid, out);
                plan.auditory.loudness(&mel, &mut out[egemaps20::LOUDNESS]);
                plan.auditory.mfcc(&mel, &mut out[egemaps20::MFCC..egemaps20::ENERGY]);
            }
            Shape::Compare(shape) => {
                shape.apply(&work.mag, &work.power, &mut self.flux, valid, out);
                plan.auditory.loudness(&mel, &mut out[compare20::AUDSPEC]);
                self.rasta.apply(&mel, valid, out);
                plan.auditory.mfcc(&mel, &mut out[compare20::MFCC..]);
            }
        }
        append(&mut streams.short, out, valid);
    }

    fn long_frames(&mut self, valid: usize) {
        let Self { plan, work, wave, start, frame, streams, voice, .. } = self;
        let view = View { data: wave.as_slice(), start: *start, total: None };
        let frames = &plan.long;
        let rows = frames.inner(&mut work.long);
        if valid == L32 {
            work.overlap.windowed(&frames.window, rows);
        } else {
            work.loader.load(view, &frames.framing, *frame, valid, 0, Some(&frames.window), rows);
        }
        let mut energy = [0.0; L32];
        spectral::rms(rows, &mut energy);
        frames.fft.magnitude(&mut work.long, &mut work.mag60);
        if plan.set == Set::Compare {
            let first = (*frame * plan.clock.step as u64 - *start) as usize;
            for k in 0..valid {
                let samples = &wave[first + k * plan.clock.step..][..frames.grid.n];
                let rate = &mut streams.long[compare60::ZCR];
                rate.push(spectral::zero_crossing_rate(samples));
            }
        }
        let wave = Wave { samples: wave, start: *start };
        voice.block(&plan.voice, &mut work.mag60, &energy[..valid], wave, streams);
    }

    /// Lets go of the samples that no later frame needs.
    fn forget(&mut self) {
        let next = self.frame * self.plan.clock.step as u64;
        let needed = next.min(self.voice.needed());
        let past = needed.saturating_sub(self.start).min(self.wave.len() as u64) as usize;
        // Seldom enough that a sample is moved once at most.
        if 2 * past > self.wave.len() {
            self.wave.drain(..past);
            self.start += past as u64;
        }
    }
}

kernel! {
    /// Samples as 16-bit PCM has them, cut towards zero; NaN becomes 0.
    fn quantise / quantise_with<;>(samples: &mut [f32]) {
        for x in samples {
            let pcm = *x * TO_PCM;
            let pcm = if pcm < FROM_PCM { pcm } else { FROM_PCM };
            let pcm = if pcm > -TO_PCM { pcm } else { -TO_PCM };
            // The sum makes +0 of -0.
            let pcm = if x.is_nan() { 0.0 } else { pcm.trunc() + 0.0 };
            *x = pcm / FROM_PCM;
        }
    }
}

/// Appends the first `valid` lanes of each row to its contour.
fn append(contours: &mut [Vec<f32>], rows: &[Row], valid: usize) {
    for (contour, row) in contours.iter_mut().zip(rows) {
        contour.extend_from_slice(&row[..valid]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::egemaps;
    use super::*;

    /// A voice with a rising pitch that starts after some silence, with breath.
    fn voice(sr: u32, seconds: f64) -> Vec<f32> {
        let (mut phase, mut state) = (0.0, 1u32);
        let sample = |i: usize| {
            let t = i as f64 / f64::from(sr);
            phase += (140.0 + 60.0 * t) / f64::from(sr);
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let breath = f64::from(state >> 8) / 16_777_216.0 - 0.5;
            let pulse = |h: f64| (2.0 * PI * h * phase).cos() / h;
            let x: f64 = (1..18).map(|h| pulse(f64::from(h))).sum();
            if t < 0.15 { 0.0 } else { (0.1 * x + 0.01 * breath) as f32 }
        };
        (0..(seconds * f64::from(sr)) as usize).map(sample).collect()
    }

    fn analysed(analysis: &mut Analysis, samples: &[f32], piece: usize) -> Streams {
        for piece in samples.chunks(piece) {
            analysis.push(piece);
        }
        analysis.finish();
        analysis.streams().clone()
    }

    fn bits(streams: &Streams) -> Vec<Vec<u32>> {
        let all = streams.short.iter().chain(&streams.long);
        all.map(|contour| contour.iter().map(|x| x.to_bits()).collect()).collect()
    }

    const SETS: [Set; 2] = [Set::Egemaps, Set::Compare];

    #[test]
    fn contours_are_the_same_in_whatever_pieces_the_samples_come() {
        for (set, sr) in SETS.into_iter().zip([16_000, 11_025]) {
            let samples = voice(sr, 2.3);
            let mut analysis = Analysis::new(set, sr, Variant::OpenSmile).unwrap();
            let whole = analysed(&mut analysis, &samples, samples.len());
            assert!(whole.long[0].iter().filter(|x| **x > 0.0).count() > 150);
            for piece in [1, 97, 160, 4000] {
                let pieces = analysed(&mut analysis, &samples, piece);
                assert_eq!(bits(&pieces), bits(&whole), "{set:?} {piece}");
                assert_eq!(pieces.decided, whole.decided);
            }
        }
    }

    #[test]
    fn functionals_have_the_same_bits_whether_unvoiced_frames_have_formants_or_not() {
        let formants = |i: usize| i >= egemaps60::FORMANTS && (i - egemaps60::FORMANTS) % 3 < 2;
        // Lengths without a frame, of fewer frames than the pitch waits for, of frames yet to describe.
        for (variant, seconds) in [0.05, 0.06, 0.07, 0.2, 0.4, 0.47, 0.7, 2.3]
            .into_iter()
            .flat_map(|seconds| [(Variant::OpenSmile, seconds), (Variant::Paper, seconds)])
        {
            let plan = Arc::new(AnalysisPlan::new(Set::Egemaps, 16_000, variant).unwrap());
            let mut every = Analysis::with_plan(plan.clone()).unwrap();
            let mut voiced = Analysis::for_functionals(plan).unwrap();
            for samples in [voice(16_000, seconds), vec![0.0; (seconds * 16e3) as usize]] {
                let every = analysed(&mut every, &samples, samples.len().max(1));
                let voiced = analysed(&mut voiced, &samples, 1000);
                let f0 = &every.long[egemaps60::F0];
                for (i, (all, some)) in bits(&every).iter().zip(bits(&voiced)).enumerate() {
                    let index = i.checked_sub(egemaps20::COUNT);
                    if index.is_some_and(formants) {
                        let gated =
                            all.iter().zip(f0).map(|(x, f0)| if *f0 > 0.0 { *x } else { 0 });
                        assert_eq!(some, gated.collect::<Vec<_>>(), "{seconds} s, contour {i}");
                    } else {
                        assert_eq!(&some, all, "{seconds} s, contour {i}");
                    }
                }
                let functionals = |streams: &Streams| {
                    let mut row = Vec::new();
                    let some =
                        egemaps::functionals(streams, variant, &mut Default::default(), &mut row);
                    (some, row.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
                };
                assert_eq!(functionals(&every), functionals(&voiced), "{seconds} s");
            }
        }
    }

    #[test]
    fn recordings_do_not_depend_on_those_before() {
        let (first, second) = (voice(16_000, 1.1), voice(16_000, 0.7));
        for set in SETS {
            let mut analysis = Analysis::new(set, 16_000, Variant::OpenSmile).unwrap();
            let alone = analysed(&mut analysis, &second, 500);
            analysis.push(&first);
            analysis.finish();
            analysis.finish();
            assert!(analysis.streams().decided > 90);
            // No reset: samples after the end are those of the next recording.
            let after = analysed(&mut analysis, &second, 500);
            assert_eq!((bits(&after), after.decided), (bits(&alone), alone.decided));
        }
    }

    #[test]
    fn a_frame_does_not_depend_on_the_frames_beside_it() {
        // The second analysis sees the frames one lane further to the right.
        let sr = 16_000;
        let samples = voice(sr, 1.0);
        let mut analysis = Analysis::new(Set::Egemaps, sr, Variant::OpenSmile).unwrap();
        let late = analysed(&mut analysis, &samples, 1000);
        let early = analysed(&mut analysis, &samples[160..], 1000);
        for (i, (late, early)) in late.short.iter().zip(&early.short).enumerate() {
            // Frame 0 has no flux.
            assert_eq!(late[2..], early[1..], "contour {i}");
        }
    }

    #[test]
    fn contours_have_a_value_for_every_complete_frame() {
        for set in SETS {
            for (samples, short, long) in [
                (0, 0, 0),
                (959, 0, 0),
                (960, 5, 1),
                (1119, 5, 1),
                (1120, 6, 2),
                (20_000, 124, 120),
            ] {
                let mut analysis = Analysis::new(set, 16_000, Variant::OpenSmile).unwrap();
                let streams = analysed(&mut analysis, &vec![0.1; samples], 333);
                assert!(streams.ended);
                assert!(streams.decided <= long);
                assert!(streams.short.iter().all(|contour| contour.len() == short), "{samples}");
                assert!(streams.long.iter().all(|contour| contour.len() == long), "{samples}");
            }
        }
    }

    #[test]
    fn waveform_is_kept_only_as_long_as_it_is_needed() {
        let sr = 16_000;
        let samples = voice(sr, 20.0);
        let mut analysis = Analysis::new(Set::Egemaps, sr, Variant::OpenSmile).unwrap();
        for piece in samples.chunks(1600) {
            analysis.push(piece);
            // 60 ms, a block, and the 41 frames that wait for their pitch; twice, as it is let go of
            // seldom.
            assert!(analysis.wave.len() < 2 * (960 + (16 + 41) * 160) + 1600);
        }
    }

    #[test]
    fn samples_are_cut_to_16_bits_and_clipped() {
        let mut x =
            [0.5, -0.5, 1.0, 2.0, -1.0, -3.0, 1.9 / 32768.0, -1.9 / 32768.0, -1e-9, f32::NAN];
        quantise(&mut x);
        let pcm = [16384.0, -16384.0, 32767.0, 32767.0, -32768.0, -32768.0, 1.0, -1.0, 0.0, 0.0];
        assert_eq!(x, pcm.map(|s: f32| s / 32767.0));
        assert!(x[8].is_sign_positive());
    }

    #[test]
    fn rates_out_of_range_are_refused() {
        for sr in [0, 7_999, 96_001] {
            let error = AnalysisPlan::new(Set::Egemaps, sr, Variant::OpenSmile).unwrap_err();
            assert!(error.to_string().contains("8000 to 96000 Hz"), "{error}");
        }
    }

    #[test]
    fn contours_lag_behind_the_samples_by_less_than_a_second() {
        let samples = voice(16_000, 5.0);
        let mut analysis = Analysis::new(Set::Egemaps, 16_000, Variant::OpenSmile).unwrap();
        for (i, piece) in samples.chunks(160).enumerate() {
            analysis.push(piece);
            let streams = analysis.streams();
            let complete = (i + 1).saturating_sub(5);
            // A block of 16 frames; for the pitch 40 more, and 32 until the lanes are full.
            assert!(streams.short.iter().all(|contour| contour.len() + 16 > complete));
            assert!(streams.long[egemaps60::F0].len() + 16 + 40 > complete);
            assert!(streams.long[egemaps60::H1_A3].len() + 16 + 40 + 32 > complete);
        }
    }

    #[test]
    fn contours_are_finite_whatever_the_samples() {
        let mut noise = voice(16_000, 0.5);
        noise.iter_mut().for_each(|x| *x = (*x * 12_345.678).fract());
        let mut click = vec![0.0; 8_000];
        click[4_000] = 1.0;
        let signals = [
            noise,
            click,
            vec![0.0; 8_000],
            vec![0.7; 8_000],
            vec![-1.0; 8_000],
            vec![1e-9; 8_000],
        ];
        for set in SETS {
            for variant in [Variant::OpenSmile, Variant::Paper] {
                let mut analysis = Analysis::new(set, 16_000, variant).unwrap();
                for (i, signal) in signals.iter().enumerate() {
                    let streams = analysed(&mut analysis, signal, 700);
                    for (name, contour) in streams.short.iter().chain(&streams.long).enumerate() {
                        let finite = contour.iter().all(|x| x.is_finite());
                        assert!(finite, "{set:?} {variant:?} signal {i} contour {name}");
                    }
                }
            }
        }
    }
}
