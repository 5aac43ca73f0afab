//! Laws that hold for every entry of the catalogue.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use emofeat_core::features::{CATALOGUE, Make};
use emofeat_core::plan::{OnShort, Options, Plan, Run, Values};
use emofeat_core::spec::Spec;
use proptest::prelude::*;
use std::sync::Arc;

/// Voiced-like noise with pauses: pulses, a drifting tone, a little noise, silence in between.
fn signal(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..n)
        .map(|i| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let noise = (state >> 40) as f32 / (1 << 24) as f32 - 0.5;
            let t = i as f32 / 16_000.0;
            let voiced = (i / 4000) % 3 != 2;
            let tone = (t * (700.0 + 90.0 * t).sin() * 6.3).sin() + (t * 1130.0).sin();
            if voiced { 0.3 * tone + 0.02 * noise } else { 1e-4 * noise }
        })
        .collect()
}

/// Every entry as a specification; transforms around a feature.
fn specs() -> Vec<String> {
    let spec = |e: &&emofeat_core::features::Entry| match e.make {
        Make::Feature(_) => vec![e.name.to_owned()],
        Make::Set(_) => vec![e.name.to_owned(), format!("{0}_lld={0}(level=lld)", e.name)],
        Make::Transform(_) => vec![format!("{}(mfcc)", e.name)],
    };
    CATALOGUE.iter().flat_map(spec).collect()
}

fn plan(specs: &[&str], double: bool) -> Arc<Plan> {
    let specs: Vec<Spec> = specs.iter().map(|s| Spec::parse(s).unwrap()).collect();
    let options = Options { double, on_short: OnShort::Pad, ..Options::default() };
    Arc::new(Plan::new(&specs, 16_000, options).unwrap())
}

/// The features of `x` fed in pieces of the given sizes, as often as the plan asks for.
fn in_pieces(plan: &Arc<Plan>, x: &[f32], sizes: &[usize]) -> Vec<Values> {
    let mut run = Run::new(plan.clone(), false).unwrap();
    let mut out: Vec<Values> = Vec::new();
    for _ in 0..run.passes() {
        let (mut at, mut turn) = (0, 0);
        loop {
            let size = sizes[turn % sizes.len()].min(x.len() - at);
            (at, turn) = (at + size, turn + 1);
            let rows = run.feed(&x[at - size..at], at == x.len()).unwrap();
            if out.is_empty() {
                out = rows;
            } else {
                for (all, new) in out.iter_mut().zip(rows) {
                    match (all, new) {
                        (Values::F32(all), Values::F32(new)) => all.extend(new),
                        (Values::F64(all), Values::F64(new)) => all.extend(new),
                        _ => panic!("a feature changed its precision"),
                    }
                }
            }
            if at == x.len() {
                break;
            }
        }
    }
    out
}

fn bits(values: &Values) -> Vec<u64> {
    match values {
        Values::F32(v) => v.iter().map(|x| u64::from(x.to_bits())).collect(),
        Values::F64(v) => v.iter().map(|x| x.to_bits()).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn blocks_and_whole_give_the_same_bits(
        n in 1usize..30_000,
        seed in any::<u64>(),
        sizes in prop::collection::vec(1usize..5000, 1..6),
        double in any::<bool>(),
    ) {
        let x = signal(n, seed);
        for spec in specs() {
            let plan = plan(&[&spec], double);
            let whole = plan.run(&x).unwrap();
            prop_assert_eq!(bits(&whole[0]), bits(&in_pieces(&plan, &x, &sizes)[0]), "{}", spec);
        }
    }
}

#[test]
fn alone_and_together_give_the_same_bits() {
    let all = specs();
    for double in [false, true] {
        let x = signal(24_000, 7);
        let refs: Vec<&str> = all.iter().map(String::as_str).collect();
        let together = plan(&refs, double).run(&x).unwrap();
        for (spec, together) in all.iter().zip(&together) {
            let alone = plan(&[spec], double).run(&x).unwrap();
            assert_eq!(bits(&alone[0]), bits(together), "{spec}");
        }
    }
}

#[test]
fn values_are_finite_for_speech_silence_and_clicks() {
    let mut click = vec![0.0; 16_000];
    click[5000] = 1.0;
    for x in [signal(20_000, 3), vec![0.0; 16_000], click, vec![0.5; 9000], vec![1e-30; 9000]] {
        for spec in specs() {
            for double in [false, true] {
                let values = &plan(&[&spec], double).run(&x).unwrap()[0];
                let finite = match values {
                    Values::F32(v) => v.iter().all(|x| x.is_finite()),
                    Values::F64(v) => v.iter().all(|x| x.is_finite()),
                };
                assert!(finite, "{spec} double {double}");
            }
        }
    }
}

#[test]
fn the_number_of_values_is_that_of_frames_and_columns() {
    for n in [1usize, 700, 5000, 16_000, 16_001] {
        for spec in specs() {
            let plan = plan(&[&spec], false);
            let feature = &plan.features()[0];
            let length = match &plan.run(&signal(n, 1)).unwrap()[0] {
                Values::F32(v) => v.len(),
                Values::F64(v) => v.len(),
            };
            let frames = feature.framing.frames(n.max(plan.min_samples()));
            let rows = match (feature.vector, spec.contains("level=lld")) {
                (true, _) => 1,
                // Smoothing adds a row.
                (_, true) => frames + 1,
                _ => frames,
            };
            assert_eq!(length, rows * feature.columns.len(), "{spec} {n}");
        }
    }
}
