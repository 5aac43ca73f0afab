//! The resampler's claims: response, length, alignment, and the same bits however it is asked.

#![allow(clippy::unwrap_used)]

use std::f64::consts::PI;

use emofeat_core::audio::resample::Resampler;
use emofeat_core::error::Code;
use proptest::prelude::*;

/// Every scheme, half-bands on either side, and the extremes.
const PAIRS: [(u32, u32); 22] = [
    (48_000, 16_000),
    (44_100, 16_000),
    (22_050, 16_000),
    (16_000, 48_000),
    (8_000, 16_000),
    (16_000, 8_000),
    (32_000, 16_000),
    (24_000, 16_000),
    (16_000, 22_050),
    (44_100, 48_000),
    (48_000, 44_100),
    (44_100, 22_050),
    (8_000, 192_000),
    (192_000, 8_000),
    (192_000, 44_100),
    (8_000, 44_100),
    (11_025, 16_000),
    (12_345, 16_000),
    (16_000, 12_345),
    (44_100, 47_999),
    (8_000, 8_001),
    (96_000, 38_399),
];

fn resampler(from: u32, to: u32) -> Resampler {
    Resampler::new(from, to).unwrap()
}

fn sine(f: f64, sr: u32, n: usize, phase: f64) -> Vec<f32> {
    let at = |i: usize| (2.0 * PI * (f * i as f64 / f64::from(sr)).fract() + phase).sin() as f32;
    (0..n).map(at).collect()
}

/// 0 dB is the amplitude of the sine.
fn db(x: f64) -> f64 {
    20.0 * x.max(1e-12).log10()
}

/// Gain in dB, phase error in radians, and the largest other sample in dB of a sine at `f` Hz after
/// resampling, away from the ends.
fn sine_response(from: u32, to: u32, f: f64) -> (f64, f64, f64) {
    // Half the window is 60 periods of the lower rate, and a little more for the half-bands.
    let low = f64::from(from.min(to));
    let n = (600.0 / low * f64::from(from)) as usize;
    let y = resampler(from, to).process_whole(&sine(f, from, n, 0.7));
    let edge = (100.0 / low * f64::from(to)) as usize;
    let middle = edge..y.len() - edge;
    // Least squares on the sine and the cosine at the time of each output.
    let basis = |k: usize| (2.0 * PI * (f * k as f64 / f64::from(to)).fract() + 0.7).sin_cos();
    let (mut ss, mut sc, mut cc, mut sy, mut cy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for k in middle.clone() {
        let ((s, c), y) = (basis(k), f64::from(y[k]));
        (ss, sc, cc) = (ss + s * s, sc + s * c, cc + c * c);
        (sy, cy) = (sy + s * y, cy + c * y);
    }
    let determinant = ss * cc - sc * sc;
    let (a, b) = ((sy * cc - cy * sc) / determinant, (cy * ss - sy * sc) / determinant);
    let rest = middle.map(|k| {
        let (s, c) = basis(k);
        (f64::from(y[k]) - a * s - b * c).abs()
    });
    (db(a.hypot(b)), b.atan2(a), db(rest.fold(0.0, f64::max)))
}

#[test]
fn pass_band_is_flat_in_phase_and_free_of_images() {
    for (from, to) in PAIRS {
        let nyquist = 0.5 * f64::from(from.min(to));
        for part in [0.01, 0.0737, 0.2, 0.331, 0.467, 0.5, 0.613, 0.75, 0.81, 0.87, 0.89, 0.9] {
            let (gain, phase, rest) = sine_response(from, to, part * nyquist);
            assert!(gain.abs() < 0.02, "{from} -> {to} at {part} of Nyquist: {gain} dB");
            assert!(phase.abs() < 1e-5, "{from} -> {to} at {part} of Nyquist: {phase} rad");
            assert!(rest < -100.0, "{from} -> {to} at {part} of Nyquist: {rest} dB beside it");
        }
    }
}

#[test]
fn transition_band_is_free_of_images() {
    for (from, to) in PAIRS {
        let nyquist = 0.5 * f64::from(from.min(to));
        for part in [0.92, 0.94, 0.96, 0.98] {
            let (gain, _, rest) = sine_response(from, to, part * nyquist);
            assert!(gain < 0.02, "{from} -> {to} at {part} of Nyquist: {gain} dB");
            assert!(rest < -100.0, "{from} -> {to} at {part} of Nyquist: {rest} dB beside it");
        }
    }
}

#[test]
fn nothing_above_the_lower_nyquist_frequency_comes_through() {
    for (from, to) in PAIRS.into_iter().filter(|(from, to)| from > to) {
        let (nyquist, top) = (0.5 * f64::from(to), 0.5 * f64::from(from));
        for i in 0..40 {
            // Denser near the edge, where the side lobes are highest.
            let f = nyquist + (top - nyquist) * (f64::from(i) / 39.0).powi(3);
            let n = (600.0 * f64::from(from) / f64::from(to)) as usize;
            let y = resampler(from, to).process_whole(&sine(f, from, n, 0.7));
            let peak = y[100..y.len() - 100].iter().fold(0.0_f32, |m, y| m.max(y.abs()));
            assert!(db(peak.into()) < -100.0, "{from} -> {to}, {f} Hz: {} dB", db(peak.into()));
        }
    }
}

#[test]
fn a_constant_stays_itself() {
    for (from, to) in PAIRS {
        let n = (400.0 * f64::from(from) / f64::from(from.min(to))) as usize;
        let y = resampler(from, to).process_whole(&vec![1.0; n]);
        for y in &y[y.len() / 2 - 40..y.len() / 2 + 40] {
            // Taps and sums are rounded to single precision.
            assert!((y - 1.0).abs() < 2e-6, "{from} -> {to}: {y}");
        }
    }
}

#[test]
fn an_impulse_comes_out_where_it_went_in() {
    for (from, to) in PAIRS {
        // Whole seconds are input times and output times at all rates.
        let mut x = vec![0.0; 2 * from as usize];
        x[from as usize] = 1.0;
        let y = resampler(from, to).process_whole(&x);
        let centre = to as usize;
        let peak = (0..y.len()).max_by(|&a, &b| y[a].total_cmp(&y[b])).unwrap();
        assert_eq!(peak, centre, "{from} -> {to}");
        for d in 1..100 {
            let difference = (y[centre - d] - y[centre + d]).abs();
            // Taps are rounded to single precision, and their sum is 1 on either side.
            assert!(difference < 2e-6 * y[centre], "{from} -> {to}: {d} {difference}");
        }
    }
}

#[test]
fn equal_rates_change_nothing() {
    let x = sine(440.0, 16_000, 1000, 0.1);
    let r = resampler(16_000, 16_000);
    assert_eq!(r.process_whole(&x), x);
    assert_eq!(r.input_span(10..20), 10..20);
    let (mut y, mut stream) = (Vec::new(), r.stream(300, 200));
    stream.push(&x[200..700], &mut y);
    stream.push(&x[700..], &mut y);
    stream.finish(&mut y);
    assert_eq!(y, x[300..]);
}

#[test]
fn length_is_librosas_rounding_included() {
    // From NumPy: int(np.ceil(n * (float(to) / from))). Those marked are one more than exact.
    for (from, to, n, expected) in [
        (44_100, 48_000, 147, 161),       // exact 160
        (44_100, 48_000, 294, 321),       // exact 320
        (44_100, 47_999, 6_300, 6_858),   // exact 6857
        (44_100, 47_999, 12_600, 13_715), // exact 13714
        (44_100, 48_000, 148, 162),
        (44_100, 16_000, 441, 160),
        (44_100, 16_000, 442, 161),
        (48_000, 16_000, 3, 1),
        (48_000, 16_000, 4, 2),
        (22_050, 16_000, 22_050, 16_000),
        (16_000, 22_050, 1, 2),
        (8_000, 192_000, 1, 24),
        (192_000, 8_000, 1, 1),
    ] {
        assert_eq!(Resampler::output_len(from, to, n), expected, "{from} -> {to}, {n}");
        assert_eq!(resampler(from, to).process_whole(&vec![0.0; n]).len(), expected);
    }
}

#[test]
fn short_signals_have_their_length_and_are_finite() {
    for (from, to) in PAIRS {
        let r = resampler(from, to);
        assert!(r.process_whole(&[]).is_empty());
        for n in [1, 2, 3, 50] {
            let y = r.process_whole(&vec![1.0; n]);
            assert_eq!(y.len(), Resampler::output_len(from, to, n));
            assert!(!y.is_empty() && y.iter().all(|y| y.is_finite() && y.abs() < 1.5));
        }
        let mut y = Vec::new();
        r.stream(0, 0).finish(&mut y);
        assert!(y.is_empty());
    }
}

#[test]
fn what_is_not_finite_stays_in_its_window() {
    for (from, to) in PAIRS {
        let r = resampler(from, to);
        let n = (800.0 * f64::from(from) / f64::from(from.min(to))) as usize;
        let clean = sine(300.0, from, n, 0.0);
        let good = r.process_whole(&clean);
        for bad in [f32::NAN, f32::INFINITY] {
            let mut x = clean.clone();
            x[n / 2] = bad;
            let y = r.process_whole(&x);
            let mut reached = 0;
            for (k, (y, good)) in y.iter().zip(&good).enumerate() {
                let k = k as u64;
                if r.input_span(k..k + 1).contains(&(n as u64 / 2)) {
                    reached += 1;
                } else {
                    assert_eq!(y.to_bits(), good.to_bits(), "{from} -> {to}: {k}");
                }
            }
            // The sharp filter is 120 periods of the lower rate long, each half-band adds 40 or fewer.
            let limit = (180.0 * f64::from(to) / f64::from(from.min(to))) as usize;
            assert!(reached > 0 && reached < limit, "{from} -> {to}: {reached} outputs");
            assert!(y.iter().any(|y| !y.is_finite()));
        }
    }
}

#[test]
fn rates_out_of_range_are_refused_with_the_range() {
    for (from, to) in [(0, 16_000), (16_000, 0), (768_001, 16_000), (700_000, 8), (1, 257)] {
        let error = Resampler::new(from, to).unwrap_err();
        assert_eq!(error.code, Code::BadRate);
        assert!(error.message.contains("Hz"), "{}", error.message);
    }
    for (from, to) in [(1, 256), (256, 1), (768_000, 3_000), (3_001, 768_000)] {
        let y = resampler(from, to).process_whole(&[0.0; 256]);
        assert_eq!(y.len(), Resampler::output_len(from, to, 256));
    }
}

#[test]
fn threads_give_the_same_bits() {
    let x = sine(440.0, 44_100, 20_000, 0.3);
    let whole = resampler(44_100, 16_000).process_whole(&x);
    std::thread::scope(|scope| {
        let run = || resampler(44_100, 16_000).process_whole(&x);
        for thread in [scope.spawn(run), scope.spawn(run), scope.spawn(run)] {
            assert_eq!(thread.join().unwrap(), whole);
        }
    });
}

fn rates() -> impl Strategy<Value = (u32, u32)> {
    prop_oneof![
        proptest::sample::select(PAIRS.to_vec()),
        (8_000_u32..=192_000, 8_000_u32..=192_000),
        (1_u32..=60, 1_u32..=60).prop_map(|(a, b)| (1_000 * a, 1_000 * b)),
    ]
}

fn bits(y: &[f32]) -> Vec<u32> {
    y.iter().map(|y| y.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn blocks_and_whole_give_the_same_bits(
        (from, to) in rates(),
        x in prop::collection::vec(-1.0_f32..1.0, 0..6_000),
        sizes in prop::collection::vec(prop_oneof![0_usize..8, 0_usize..1_500], 1..12),
    ) {
        let r = resampler(from, to);
        let whole = r.process_whole(&x);
        let (mut y, mut stream, mut rest) = (Vec::new(), r.stream(0, 0), x.as_slice());
        for &size in sizes.iter().cycle().take(40) {
            let (block, after) = rest.split_at(rest.len().min(size));
            stream.push(block, &mut y);
            prop_assert_eq!(stream.position(), y.len() as u64);
            rest = after;
        }
        stream.push(rest, &mut y);
        stream.finish(&mut y);
        prop_assert_eq!(bits(&y), bits(&whole));
    }

    #[test]
    fn a_segment_has_the_bits_of_the_whole(
        (from, to) in rates(),
        x in prop::collection::vec(-1.0_f32..1.0, 1..6_000),
        a in 0.0_f64..1.0,
        b in 0.0_f64..1.0,
        early in 0_u64..500,
        block in 1_usize..3_000,
    ) {
        let r = resampler(from, to);
        let whole = r.process_whole(&x);
        let at = |part: f64| (part * whole.len() as f64) as usize;
        let (start, end) = (at(a.min(b)), at(a.max(b)));
        let span = r.input_span(start as u64..end as u64);
        let first = (span.start.saturating_sub(early) as usize).min(x.len());
        let last = (span.end as usize).clamp(first, x.len());
        let (mut y, mut stream) = (Vec::new(), r.stream(start as u64, first as u64));
        for block in x[first..last].chunks(block) {
            stream.push(block, &mut y);
        }
        if last == x.len() {
            stream.finish(&mut y);
        }
        // The samples of the span suffice for all outputs of the segment.
        prop_assert!(y.len() >= end - start, "{} of {}", y.len(), end - start);
        prop_assert_eq!(bits(&y[..end - start]), bits(&whole[start..end]));
    }

    #[test]
    fn a_shift_by_a_whole_period_is_a_shift(
        (from, to) in rates(),
        x in prop::collection::vec(-1.0_f32..1.0, 1..300),
    ) {
        let r = resampler(from, to);
        let gcd = (1..=from.min(to)).rev().find(|d| from % d == 0 && to % d == 0).unwrap();
        // Each half-band filter doubles the period of the whole.
        let halvings = (0..9).find(|n| 2 * from.max(to) < (5 * from.min(to)) << n).unwrap();
        let (m, l) = (((from / gcd) << halvings) as usize, ((to / gcd) << halvings) as usize);
        let mut shifted = vec![0.0; m];
        shifted.extend(&x);
        let (y, late) = (r.process_whole(&x), r.process_whole(&shifted));
        let both = y.len().min(late.len() - l);
        prop_assert!(both + 1 >= y.len());
        prop_assert_eq!(bits(&late[l..l + both]), bits(&y[..both]));
    }

    #[test]
    fn a_gain_of_two_doubles_every_output(
        (from, to) in rates(),
        x in prop::collection::vec(-1.0_f32..1.0, 1..1_000),
    ) {
        let r = resampler(from, to);
        let double: Vec<f32> = x.iter().map(|x| 2.0 * x).collect();
        for (y, half) in r.process_whole(&double).iter().zip(r.process_whole(&x)) {
            // Exact, but for products below the smallest normal number.
            prop_assert!((y - 2.0 * half).abs() <= 1e-37, "{} {}", y, half);
        }
    }
}
