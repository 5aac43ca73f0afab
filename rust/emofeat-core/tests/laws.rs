//! What single features must give for signals whose answer is known.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use emofeat_core::error::Code;
use emofeat_core::plan::{OnShort, Options, Plan, Run, Values};
use emofeat_core::spec::Spec;
use std::f64::consts::TAU;
use std::sync::Arc;

const SR: u32 = 22_050;

fn plan(spec: &str, double: bool) -> Result<Plan, emofeat_core::error::Error> {
    let options = Options { double, on_short: OnShort::Allow, ..Options::default() };
    Plan::new(&[Spec::parse(spec)?], SR, options)
}

fn values(spec: &str, x: &[f32], double: bool) -> Vec<f64> {
    match plan(spec, double).unwrap().run(x).unwrap().remove(0) {
        Values::F32(v) => v.iter().map(|x| f64::from(*x)).collect(),
        Values::F64(v) => v,
    }
}

/// The frames of a signal that lie wholly inside it, without the padded ones at the ends.
fn inner(values: Vec<f64>, columns: usize) -> Vec<f64> {
    let frames = values.len() / columns;
    values[3 * columns..(frames - 3) * columns].to_vec()
}

fn tones(frequencies: &[f64]) -> Vec<f32> {
    let tone = |f: &f64, i: usize| (TAU * f * i as f64 / f64::from(SR)).sin();
    (0..SR as usize)
        .map(|i| frequencies.iter().map(|f| 0.2 * tone(f, i)).sum::<f64>() as f32)
        .collect()
}

fn noise() -> Vec<f32> {
    let mut state = 9u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..SR as usize).map(|_| next()).collect()
}

#[test]
fn a_tone_has_its_frequency_and_no_width() {
    // In the middle of bin 93: the window spreads it over three bins, evenly.
    let f = 93.0 * f64::from(SR) / 2048.0;
    for double in [false, true] {
        let of = |spec: &str| inner(values(spec, &tones(&[f]), double), 1);
        let near = |spec: &str, expected: f64, within: f64| {
            let got = of(spec);
            assert!(got.iter().all(|x| (x - expected).abs() <= within), "{spec}: {got:?}");
        };
        near("spectral_centroid", f, 0.5);
        near("spectral_rolloff", f + f64::from(SR) / 2048.0, 1e-2);
        near("spectral_rolloff(roll_percent=0.5)", f, 1e-2);
        // Magnitudes 1/4, 1/2, 1/4: half a bin's square in the mean.
        near("spectral_bandwidth", f64::from(SR) / 2048.0 / 2f64.sqrt(), 3.0);
        near("spectral_flatness", 0.0, 1e-6);
        near("spectral_flux", 0.0, 1e-8);
        // Powers 1/6, 2/3, 1/6.
        let bits = 6f64.log2() / 3.0 + 1.5f64.log2() * 2.0 / 3.0;
        near("spectral_entropy", bits / 1025f64.log2(), 1e-4);
        near("rms", 0.2 / 2f64.sqrt(), 1e-5);
        near("zero_crossing_rate", 186.0 / 2048.0, 1.0 / 2048.0);
        near("energy_entropy(n_blocks=4)", 2.0, 1e-3);
    }
}

#[test]
fn shapes_do_not_depend_on_the_level() {
    let shapes = [
        "spectral_centroid",
        "spectral_bandwidth",
        "spectral_rolloff",
        "spectral_flux",
        "spectral_entropy",
        "spectral_slope",
        "spectral_contrast(n_bands=4)",
        "chroma_stft",
        "zero_crossing_rate",
        "energy_entropy",
        "spectral_flatness(amin=1e-30)",
        "cmvn(rms)",
        "cmvn(logmel(top_db=none))",
    ];
    let mut voice = tones(&[150.0, 300.0, 450.0, 1210.0, 2430.0]);
    voice.iter_mut().zip(noise()).for_each(|(x, n)| *x += 0.01 * n);
    let quiet: Vec<f32> = voice.iter().map(|x| x / 4.0).collect();
    for double in [false, true] {
        for spec in shapes {
            let (a, b) = (values(spec, &voice, double), values(spec, &quiet, double));
            let scale = a.iter().fold(0.0f64, |top, x| top.max(x.abs()));
            let tolerance = if double { 1e-9 } else { 2e-5 };
            let worst = a.iter().zip(&b).fold(0.0f64, |top, (a, b)| top.max((a - b).abs()));
            assert!(worst <= tolerance * scale, "{spec} double {double}: {worst} of {scale}");
        }
    }
}

#[test]
fn silence_has_the_documented_values() {
    for double in [false, true] {
        for (spec, expected) in [
            ("spectral_centroid", 0.0),
            ("spectral_bandwidth", 0.0),
            ("spectral_rolloff", 0.0),
            ("spectral_flux", 0.0),
            ("spectral_entropy", 0.0),
            ("spectral_slope", 0.0),
            ("spectral_contrast", 0.0),
            ("chroma_stft", 0.0),
            ("zero_crossing_rate", 0.0),
            ("rms", 0.0),
            ("energy_entropy", 0.0),
            ("torchaudio_melspectrogram", 0.0),
            ("cmvn(mfcc)", 0.0),
            ("delta(rms)", 0.0),
            ("stft", 0.0),
        ] {
            let got = values(spec, &[0.0; 9000], double);
            assert!(
                !got.is_empty() && got.iter().all(|x| *x == expected),
                "{spec} double {double}"
            );
        }
        assert!(
            values("spectral_flatness", &[0.0; 9000], double)
                .iter()
                .all(|x| (x - 1.0).abs() < 1e-6)
        );
    }
}

#[test]
fn flux_of_silence_to_sound_and_back_is_the_energy_of_the_normalised_spectrum() {
    let mut x = vec![0.0; 3 * 2048];
    x[2048..4096].copy_from_slice(&tones(&[1000.0])[..2048]);
    let flux = values("spectral_flux(hop_length=2048, center=false)", &x, true);
    assert_eq!(flux.len(), 3);
    assert!(flux[0] == 0.0 && flux[1] > 0.1 && (flux[1] - flux[2]).abs() < 1e-12);
}

#[test]
fn white_noise_is_flat_and_a_tilted_spectrum_has_its_slope() {
    let entropy = inner(values("spectral_entropy", &noise(), true), 1);
    assert!(entropy.iter().all(|h| (0.9..0.97).contains(h)));
    let flatness = inner(values("spectral_flatness", &noise(), true), 1);
    // e^-γ for a periodogram of noise.
    let mean = flatness.iter().sum::<f64>() / flatness.len() as f64;
    assert!((mean - 0.5615).abs() < 0.03, "{mean}");
    let slope = |x: &[f32]| {
        let all = inner(values("spectral_slope(fmin=500, fmax=5000)", x, true), 1);
        all.iter().sum::<f64>() / all.len() as f64
    };
    assert!(slope(&noise()).abs() < 0.2);
    let smooth: Vec<f32> = noise().windows(2).map(|w| 0.5 * (w[0] + w[1])).collect();
    // |cos(π f / sr)|², between 500 and 5000 Hz some 0.5 dB/kHz.
    assert!((-0.9..-0.2).contains(&slope(&smooth)));
}

#[test]
fn contrast_is_high_for_tones_and_low_for_noise() {
    let mean = |x: &[f32], spec: &str| {
        let all = inner(values(spec, x, true), 5);
        all.iter().sum::<f64>() / all.len() as f64
    };
    let mut voice = tones(&[160.0, 320.0, 640.0, 1280.0, 2560.0]);
    voice.iter_mut().zip(noise()).for_each(|(x, n)| *x += 1e-3 * n);
    assert!(
        mean(&voice, "spectral_contrast(n_bands=4)")
            > mean(&noise(), "spectral_contrast(n_bands=4)") + 10.0
    );
    // With a large quantile the selection goes another way, the difference only falls.
    let wide = values("spectral_contrast(n_bands=4, quantile=0.4, linear=true)", &noise(), true);
    let narrow = values("spectral_contrast(n_bands=4, quantile=0.02, linear=true)", &noise(), true);
    assert!(wide.iter().zip(&narrow).all(|(w, n)| *w > 0.0 && w <= n));
}

#[test]
fn the_notes_of_a_chord_stand_out_whatever_its_tuning() {
    for double in [false, true] {
        for off in [0.0, 0.3, -0.4] {
            let note = |n: f64| 440.0 * 2f64.powf((n + off) / 12.0);
            let chord = tones(&[note(0.0), note(4.0), note(7.0)]);
            for frame in
                inner(values("chroma_stft(n_fft=4096)", &chord, double), 12).chunks_exact(12)
            {
                let strong: Vec<usize> = (0..12).filter(|c| frame[*c] > 0.6).collect();
                assert_eq!(strong, [1, 4, 9], "{off}: {frame:?}");
            }
        }
    }
}

#[test]
fn a_given_tuning_streams_and_an_estimated_one_says_why_it_cannot() {
    let stream = |spec: &str| Run::new(Arc::new(plan(spec, false).unwrap()), true);
    assert!(stream("chroma_stft(tuning=0.1)").is_ok());
    assert!(stream("spectral_contrast(n_bands=3, linear=true)").is_ok());
    assert!(stream("delta(cmvn(logmel(n_mels=2, top_db=none), mean=[0, 0], std=[1, 2]))").is_ok());
    for (spec, why) in [
        ("chroma_stft", "tuning"),
        ("spectral_contrast", "linear=true"),
        ("torchaudio_mfcc", "log_mels=true"),
        ("cmvn(rms)", "whole recording"),
    ] {
        let error = stream(spec).err().unwrap();
        assert_eq!(error.code, Code::NotStreamable);
        assert!(error.message.contains(why), "{}", error.message);
    }
}

#[test]
fn contradictory_parameters_are_refused_with_what_is_allowed() {
    for spec in [
        "spectral_contrast(n_bands=9)",
        "spectral_contrast(n_fft=64)",
        "spectral_contrast(quantile=1)",
        "spectral_rolloff(roll_percent=0)",
        "spectral_slope(fmin=5000, fmax=400)",
        "spectral_slope(fmax=20000)",
        "spectral_slope(fmin=100, fmax=101)",
        "spectral_entropy(n_fft=1)",
        "chroma_stft(n_fft=1)",
        "energy_entropy(n_blocks=30, frame_length=20)",
        "torchaudio_mfcc(n_mfcc=41, n_mels=40)",
        "torchaudio_melspectrogram(win_length=500)",
        "torchaudio_melspectrogram(f_min=9000, f_max=8000)",
        "cmvn(rms, mean=[1, 2])",
        "delta(rms, width=8)",
    ] {
        let error = plan(spec, false).err().unwrap_or_else(|| panic!("{spec} was accepted"));
        assert_eq!(error.code, Code::BadParameter, "{spec}");
        assert!(
            error.message.contains("allowed") || error.message.contains("reduce"),
            "{}",
            error.message
        );
    }
}

#[test]
fn delta_needs_as_many_frames_as_its_width() {
    let error = plan("delta(rms(frame_length=512))", false).unwrap().run(&[0.1; 2000]).unwrap_err();
    assert_eq!(error.code, Code::TooShort);
    assert_eq!(values("delta(rms(frame_length=512), mode=nearest)", &[0.1; 2000], false).len(), 4);
}

#[test]
fn zeros_around_a_signal_are_those_of_pad() {
    for mode in ["reflect", "constant", "replicate"] {
        let x = noise()[..3000].to_vec();
        let mut padded = vec![0.0; 3150];
        padded[75..3075].copy_from_slice(&x);
        let spec = format!("torchaudio_melspectrogram(n_mels=20, pad_mode={mode}");
        let a = values(&format!("{spec}, pad=75)"), &x, true);
        assert_eq!(a, values(&format!("{spec})"), &padded, true), "{mode}");
    }
}

#[test]
fn the_complex_spectrum_has_the_power_of_the_spectrogram() {
    let x = noise()[..6000].to_vec();
    let complex = values("stft(n_fft=400, hop_length=100)", &x, true);
    let power = values("spectrogram(n_fft=400, hop_length=100)", &x, true);
    assert_eq!(complex.len(), 2 * power.len());
    for (pair, power) in complex.chunks_exact(2).zip(power) {
        assert!((pair[0] * pair[0] + pair[1] * pair[1] - power).abs() < 1e-12 * (1.0 + power));
    }
    let columns = &plan("stft(n_fft=4)", true).unwrap().features()[0].columns.clone();
    assert_eq!(columns[..3], ["stft[0].re", "stft[0].im", "stft[1].re"]);
}
