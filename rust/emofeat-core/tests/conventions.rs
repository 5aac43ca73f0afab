//! Kaldi's, python_speech_features' and pyAudioAnalysis's features against their definitions, written
//! out slowly in double precision, over signals short enough to follow.

use emofeat_core::plan::{OnShort, Options, Plan, Run, Values};
use emofeat_core::spec::Spec;
use std::f64::consts::PI;
use std::sync::Arc;

/// Two tones and a little noise from a linear congruential generator.
fn signal(n: usize) -> Vec<f64> {
    let mut state = 1u32;
    (0..n)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state >> 8) / f64::from(1u32 << 24) - 0.5;
            let t = i as f64;
            // On the 16-bit grid, as a recording.
            let x = 0.4 * (0.3 * t).sin() + 0.2 * (0.045 * t).cos() + 0.1 * noise;
            (x * 32_768.0).round() / 32_768.0
        })
        .collect()
}

fn values(spec: &str, sr: u32, x: &[f64]) -> Vec<f64> {
    let options = Options { double: true, on_short: OnShort::Allow, ..Options::default() };
    let plan = Plan::new(&[Spec::parse(spec).unwrap()], sr, options).unwrap();
    match &plan.run(x).unwrap()[0] {
        Values::F64(values) => values.clone(),
        Values::F32(_) => panic!("double precision was asked for"),
    }
}

fn power(x: &[f64], n_fft: usize) -> Vec<f64> {
    let bin = |k: usize| {
        let (mut re, mut im) = (0.0, 0.0);
        for (i, x) in x.iter().enumerate() {
            let a = 2.0 * PI * ((i * k) % n_fft) as f64 / n_fft as f64;
            re += x * a.cos();
            im -= x * a.sin();
        }
        re * re + im * im
    };
    (0..=n_fft / 2).map(bin).collect()
}

fn near(actual: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len());
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= tolerance * (1.0 + e.abs()), "value {i}: {a} for {e}");
    }
}

/// One Kaldi frame: (log mel energies, raw log energy).
fn kaldi_frame(frame: &[f64], sr: f64, bins: usize) -> (Vec<f64>, f64) {
    let n = frame.len();
    let mean = frame.iter().sum::<f64>() / n as f64;
    let x: Vec<f64> = frame.iter().map(|x| x - mean).collect();
    let energy = x.iter().map(|x| x * x).sum::<f64>();
    let windowed: Vec<f64> = (0..n)
        .map(|i| {
            let w = 0.5 - 0.5 * (2.0 * PI * i as f64 / (n - 1) as f64).cos();
            (x[i] - 0.97 * x[i.saturating_sub(1)]) * w.powf(0.85)
        })
        .collect();
    let n_fft = n.next_power_of_two();
    let p = power(&windowed, n_fft);
    let mel = |hz: f64| 1127.0 * (1.0 + hz / 700.0).ln();
    let step = (mel(sr / 2.0) - mel(20.0)) / (bins + 1) as f64;
    let filter = |b: usize| {
        let sum: f64 = (0..n_fft / 2)
            .map(|k| {
                let at = (mel(k as f64 * sr / n_fft as f64) - mel(20.0)) / step - b as f64;
                p[k] * at.min(2.0 - at).max(0.0)
            })
            .sum();
        sum.max(f64::from(f32::EPSILON)).ln()
    };
    ((0..bins).map(filter).collect(), energy.max(f64::from(f32::EPSILON)).ln())
}

#[test]
fn kaldi_fbank_is_its_definition_at_both_kinds_of_edges() {
    let (x, bins) = (signal(1000), 10);
    let scaled: Vec<f64> = x.iter().map(|x| x * 32_768.0).collect();
    // Frames of 200 samples every 80.
    let snipped: Vec<f64> =
        (0..11).flat_map(|t| kaldi_frame(&scaled[80 * t..80 * t + 200], 8000.0, bins).0).collect();
    near(&values("kaldi_fbank(num_mel_bins=10, input_scale=32768)", 8000, &x), &snipped, 1e-9);
    let mirror = |i: i64| {
        let n = scaled.len() as i64;
        scaled[(if i < 0 {
            -1 - i
        } else if i >= n {
            2 * n - 1 - i
        } else {
            i
        }) as usize]
    };
    let mut expected = Vec::new();
    // (1000 + 40) / 80 frames, the first from 40 - 100.
    for t in 0..13i64 {
        let frame: Vec<f64> = (0..200).map(|i| mirror(80 * t - 60 + i)).collect();
        let (mel, energy) = kaldi_frame(&frame, 8000.0, bins);
        expected.push(energy);
        expected.extend(mel);
    }
    let spec = "kaldi_fbank(num_mel_bins=10, input_scale=32768, snip_edges=false, use_energy=true, energy_floor=0)";
    near(&values(spec, 8000, &x), &expected, 1e-9);
}

#[test]
fn kaldi_mfcc_is_the_liftered_transform_of_the_filterbank() {
    let x = signal(600);
    let mel = values("kaldi_fbank(num_mel_bins=12, use_energy=true, energy_floor=0)", 8000, &x);
    for (spec, energy, last) in [
        ("kaldi_mfcc(num_mel_bins=12, num_ceps=5)", false, false),
        ("kaldi_mfcc(num_mel_bins=12, num_ceps=5, htk_compat=true)", false, true),
        ("kaldi_mfcc(num_mel_bins=12, num_ceps=5, use_energy=true, energy_floor=0)", true, false),
        (
            "kaldi_mfcc(num_mel_bins=12, num_ceps=5, use_energy=true, energy_floor=0, htk_compat=true)",
            true,
            true,
        ),
    ] {
        let mut expected = Vec::new();
        for row in mel.chunks_exact(13) {
            let mut c: Vec<f64> = (0..5)
                .map(|k| {
                    let scale = if k == 0 { 1.0 / 12.0 } else { 2.0 / 12.0f64 };
                    let lift = 1.0 + 11.0 * (PI * k as f64 / 22.0).sin();
                    let term =
                        |i: usize| row[1 + i] * (PI * k as f64 * (i as f64 + 0.5) / 12.0).cos();
                    scale.sqrt() * lift * (0..12).map(term).sum::<f64>()
                })
                .collect();
            if energy {
                c[0] = row[0];
            } else if last {
                c[0] *= 2f64.sqrt();
            }
            if last {
                c.rotate_left(1);
            }
            expected.extend(c);
        }
        near(&values(spec, 8000, &x), &expected, 1e-10);
    }
}

#[test]
fn kaldi_dither_depends_on_the_seed_alone_and_is_gaussian() {
    let x = vec![0.0; 80_000];
    // The energy of a frame of 200 squared unit Gaussians, mean kept, without pre-emphasis.
    let spec = |seed| {
        format!(
            "kaldi_fbank(dither=1, seed={seed}, use_energy=true, energy_floor=0, remove_dc_offset=false)"
        )
    };
    let (a, again, b) =
        (values(&spec(1), 8000, &x), values(&spec(1), 8000, &x), values(&spec(2), 8000, &x));
    assert_eq!(a, again);
    assert_ne!(a, b);
    let energies: Vec<f64> = a.chunks_exact(24).map(|row| row[0].exp()).collect();
    let n = energies.len() as f64;
    let mean = energies.iter().sum::<f64>() / n;
    let variance = energies.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / n;
    // Chi-squared of 200 degrees of freedom: mean 200, variance 400. The standard errors over 998
    // frames are 0.6 and 18; neighbouring frames are independent, because noise is drawn per frame.
    assert!((mean - 200.0).abs() < 3.0, "{mean}");
    assert!((variance - 400.0).abs() < 90.0, "{variance}");
}

#[test]
fn kaldi_mean_subtraction_leaves_columns_of_mean_zero() {
    let rows = values("kaldi_fbank(subtract_mean=true)", 8000, &signal(3000));
    for j in 0..23 {
        let column: Vec<f64> = rows.iter().skip(j).step_by(23).copied().collect();
        assert!((column.iter().sum::<f64>() / column.len() as f64).abs() < 1e-12);
    }
}

#[test]
fn a_large_offset_leaves_no_trace_in_single_precision() {
    let spec = Spec::parse("kaldi_fbank(preemphasis_coefficient=0.0, low_freq=0)").unwrap();
    let options = Options { on_short: OnShort::Allow, ..Options::default() };
    let plan = Plan::new(&[spec], 8000, options).unwrap();
    let single = |offset: f32| {
        // On a grid of 2^-10, which the sum with the offset still resolves.
        let quiet = |x: &f64| (x * 3.0 * 1024.0).round() as f32 / 1024.0;
        let x: Vec<f32> = signal(2000).iter().map(|x| quiet(x) + offset).collect();
        match &plan.run(&x).unwrap()[0] {
            Values::F32(values) => values.clone(),
            Values::F64(_) => panic!("single precision was asked for"),
        }
    };
    // With a mean rounded once, single precision leaves 4.5e-3; 3.6e-6 were measured with both.
    for (a, b) in single(0.0).iter().zip(single(8192.0)) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
}

#[test]
fn psf_energies_are_their_definition_and_the_last_frame_is_filled_up() {
    let (x, sr) = (signal(500), 8000.0);
    let emphasised: Vec<f64> =
        (0..500).map(|i| if i == 0 { x[0] } else { x[i] - 0.97 * x[i - 1] }).collect();
    let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0f64).log10();
    let hz = |mel: f64| 700.0 * (10f64.powf(mel / 2595.0) - 1.0);
    let edges: Vec<f64> =
        (0..10).map(|i| (257.0 * hz(mel(4000.0) * f64::from(i) / 9.0) / sr).floor()).collect();
    let mut expected = Vec::new();
    // Frames of 200 every 80: 1 + ceil(300 / 80), of which the last ends at 520.
    for t in 0..5 {
        let frame: Vec<f64> =
            (80 * t..80 * t + 200).map(|i| emphasised.get(i).copied().unwrap_or(0.0)).collect();
        let p: Vec<f64> = power(&frame, 256).iter().map(|p| p / 256.0).collect();
        for e in edges.windows(3) {
            let weight = |k: f64| {
                if k < e[0] || k >= e[2] {
                    0.0
                } else if k < e[1] {
                    (k - e[0]) / (e[1] - e[0])
                } else {
                    (e[2] - k) / (e[2] - e[1])
                }
            };
            expected.push(p.iter().enumerate().map(|(k, p)| weight(k as f64) * p).sum());
        }
        expected.push(p.iter().sum());
    }
    near(&values("psf_fbank(nfilt=8, nfft=256)", 8000, &x), &expected, 1e-11);
    let logs: Vec<f64> =
        expected.chunks_exact(9).flat_map(|row| &row[..8]).map(|x| x.ln()).collect();
    near(&values("psf_logfbank(nfilt=8, nfft=256)", 8000, &x), &logs, 1e-11);
    let c0: Vec<f64> = expected.chunks_exact(9).map(|row| row[8].ln()).collect();
    let cepstra = values("psf_mfcc(nfilt=8, nfft=256, numcep=4)", 8000, &x);
    near(&cepstra.iter().step_by(4).copied().collect::<Vec<_>>(), &c0, 1e-11);
}

#[test]
fn psf_gives_epsilon_and_filter_centres_for_silence() {
    let x = vec![0.0; 400];
    let logs = values("psf_logfbank", 8000, &x);
    assert!(logs.iter().all(|x| (x - f64::EPSILON.ln()).abs() < 1e-12));
    // A flat spectrum: the mean of an axis that starts at 1 Hz, weighted by the filter alone.
    let centroids = values("psf_ssc(nfilt=1, nfft=16)", 8000, &x);
    let weights = [0.0, 0.5, 1.0, 5.0 / 6.0, 4.0 / 6.0, 0.5, 2.0 / 6.0, 1.0 / 6.0, 0.0];
    let f = |k: usize| 1.0 + 3999.0 / 8.0 * k as f64;
    let above: f64 = weights.iter().enumerate().map(|(k, w)| w * f(k)).sum();
    near(&centroids[..1], &[above / weights.iter().sum::<f64>()], 1e-12);
}

#[test]
fn psf_centroids_of_filters_without_bins_are_nan() {
    let row = values("psf_ssc(nfilt=150)", 16_000, &signal(400));
    assert!(row.iter().any(|x| x.is_nan()) && row.iter().any(|x| x.is_finite()));
}

#[test]
fn pyaudioanalysis_does_not_depend_on_the_level() {
    let x = signal(4000);
    let louder: Vec<f64> = x.iter().map(|x| x * 32_768.0).collect();
    // Both are normalised; what remains is 1e-10 in the divisor, against a maximum of 1.5e-5 or 0.5.
    near(&values("pyaudioanalysis", 8000, &x), &values("pyaudioanalysis", 8000, &louder), 2e-5);
}

#[test]
fn pyaudioanalysis_finds_a_tone_and_its_note() {
    // 440 Hz is bin 22 of an FFT of 800 at 16 kHz: the magnitude is one line.
    let x: Vec<f64> =
        (0..4000).map(|i| (2.0 * PI * 440.0 * f64::from(i) / 16_000.0).sin()).collect();
    let row = &values("pyaudioanalysis", 16_000, &x)[34..68];
    // 2 crossings per period of 36.36 samples.
    assert!((row[0] - 2.0 * 440.0 / 16_000.0).abs() < 2e-3, "{row:?}");
    // Divided by 2^15, the largest magnitude is 3.1e-5, to which the package adds 1e-10 (twice 3.3e-6).
    assert!((row[1] - 0.5).abs() < 5e-6, "{row:?}");
    // The package takes bin k for the frequency of bin k + 1.
    assert!((row[3] - 460.0 / 8000.0).abs() < 1e-4);
    assert!(row[4] < 2e-3 && row[6] < 1e-12);
    assert_eq!(row[7], 22.0 / 400.0);
    let deltas = values("pyaudioanalysis(deltas=true)", 16_000, &x);
    assert!(deltas[34..68].iter().all(|x| *x == 0.0), "the first frame has no predecessor");
    for j in 0..34 {
        assert_eq!(deltas[68 + 34 + j], deltas[68 + j] - deltas[j]);
    }
}

#[test]
fn parameters_other_than_the_defaults_give_the_same_bits_in_blocks() {
    let x = signal(5000);
    for spec in [
        "kaldi_fbank(snip_edges=false, dither=0.1, seed=7)",
        "kaldi_fbank(snip_edges=false, frame_shift=40, use_energy=true, raw_energy=false)",
        "kaldi_fbank(min_duration=0.5, subtract_mean=true)",
        "kaldi_fbank(min_duration=0.7)",
        "kaldi_mfcc(subtract_mean=true, use_energy=true, round_to_power_of_two=false)",
        "psf_mfcc(winfunc=hamming, winstep=0.05, nfft=128, preemph=0)",
        "pyaudioanalysis(deltas=true, window=401, step=93)",
    ] {
        let parsed = Spec::parse(spec).unwrap();
        let options = Options { double: true, on_short: OnShort::Allow, ..Options::default() };
        let plan = Arc::new(Plan::new(&[parsed], 8000, options).unwrap());
        for size in [1, 77, 800, 4999] {
            let mut run = Run::new(plan.clone(), false).unwrap();
            let mut rows = Vec::new();
            for _ in 0..run.passes() {
                for (at, piece) in x.chunks(size).enumerate() {
                    let end = at + 1 == x.len().div_ceil(size);
                    if let Values::F64(new) = &run.feed(piece, end).unwrap()[0] {
                        rows.extend(new.iter().map(|x| x.to_bits()));
                    }
                }
            }
            let whole: Vec<u64> = values(spec, 8000, &x).iter().map(|x| x.to_bits()).collect();
            assert!(rows == whole, "{spec} in pieces of {size}");
        }
    }
    assert!(
        values("kaldi_fbank(min_duration=0.7)", 8000, &x).is_empty(),
        "5000 samples are 0.625 s"
    );
}
