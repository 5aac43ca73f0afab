//! The sets eGeMAPSv02, GeMAPSv01b and ComParE_2016 with openSMILE's numbers.

use super::shared::variant;
use super::{Entry, Make};
use crate::descriptor::{SetOutput, SetRecipe};
use crate::error::Result;
use crate::smile::{Set, compare, egemaps};
use crate::spec::{Args, Default, Kind, Param};

const VARIANT: Param = Param {
    name: "variant",
    kind: Kind::Choice(&["opensmile", "paper"]),
    default: Default::Str("opensmile"),
    unit: "",
    doc: "openSMILE's numbers, or the published definitions where the two differ (docs/opensmile.md lists where).",
};

const LEVELS: Param = Param {
    name: "level",
    kind: Kind::Choice(&["functionals", "lld"]),
    default: Default::Str("functionals"),
    unit: "",
    doc: "One row of functionals for a recording, or the low-level descriptors of every frame.",
};

const DELTA_LEVELS: Param = Param {
    kind: Kind::Choice(&["functionals", "lld", "lld_de"]),
    doc: "One row of functionals for a recording, the low-level descriptors of every frame, or their deltas.",
    ..LEVELS
};

/// The extended Geneva minimalistic acoustic parameter set.
pub const EGEMAPSV02: Entry = Entry {
    name: "egemapsv02",
    summary: "eGeMAPSv02: 88 functionals of 25 descriptors of pitch, voice quality, loudness and spectrum.",
    doc: "Frames of 20 ms and, for what depends on the pitch, 60 ms, both every 10 ms from sample 0; row k starts at\n\
          k · 10 ms. Descriptors have one row more than there are 60 ms frames; functionals see the rows whose pitch was\n\
          decided when the recording ended. Samples are taken in 16 bits, truncated, as openSMILE does; beyond ±1 they are\n\
          clipped. Rates from 8 to 96 kHz. Numbers: openSMILE 2.6 (`FeatureSet.eGeMAPSv02`), names and order too; computed\n\
          in float32 as there. Streams: descriptors come when their pitch is decided, at most 0.9 s late; functionals at the end.\n\
          Source: Eyben et al. (2016), IEEE Trans. Affective Computing 7(2).",
    convention: "openSMILE",
    params: &[&[LEVELS, VARIANT]],
    unit: "mixed",
    make: Make::Set(|args, _| {
        let names = match output(args) {
            SetOutput::Functionals => &egemaps::FUNCTIONAL_NAMES[..],
            _ => &egemaps::LLD_NAMES[..],
        };
        set(args, Set::Egemaps, owned(names), None)
    }),
};

/// The Geneva minimalistic acoustic parameter set.
pub const GEMAPSV01B: Entry = Entry {
    name: "gemapsv01b",
    summary: "GeMAPSv01b: 62 functionals of 18 descriptors, a part of eGeMAPSv02.",
    doc: "The columns of `egemapsv02` that have the same names; everything said there holds here.\n\
          Numbers: openSMILE 2.6 (`FeatureSet.GeMAPSv01b`). Source: Eyben et al. (2016), IEEE Trans. Affective Computing 7(2).",
    convention: "openSMILE",
    params: &[&[LEVELS, VARIANT]],
    unit: "mixed",
    make: Make::Set(|args, _| {
        let (all, pick) = match output(args) {
            SetOutput::Functionals => {
                (&egemaps::FUNCTIONAL_NAMES[..], &egemaps::GEMAPS_FUNCTIONALS[..])
            }
            _ => (&egemaps::LLD_NAMES[..], &egemaps::GEMAPS_LLDS[..]),
        };
        let mut recipe = set(args, Set::Egemaps, owned(all), Some(pick.to_vec()))?;
        recipe.columns = pick.iter().map(|at| all[*at].to_owned()).collect();
        Ok(recipe)
    }),
};

/// The set of the INTERSPEECH paralinguistics challenges.
pub const COMPARE2016: Entry = Entry {
    name: "compare2016",
    summary: "ComParE_2016: 6373 functionals of 65 descriptors and their deltas.",
    doc: "Frames as in `egemapsv02`. Numbers, names and order: openSMILE 2.6 (`FeatureSet.ComParE_2016`), computed in float32\n\
          as there; deltas have two rows more than the descriptors. The functionals `lpc0` to `lpc4` and `lpgain` amplify the\n\
          rounding of what they come from; all others are reproducible. Rates from 8 to 96 kHz.\n\
          Source: Schuller et al. (2016), INTERSPEECH; Weninger et al. (2013), Frontiers in Psychology 4:292.",
    convention: "openSMILE",
    params: &[&[DELTA_LEVELS, VARIANT]],
    unit: "mixed",
    make: Make::Set(|args, _| {
        let names = match output(args) {
            SetOutput::Functionals => compare::functional_names(),
            SetOutput::Descriptors => compare::lld_names(),
            SetOutput::Deltas => compare::delta_names(),
        };
        set(args, Set::Compare, names, None)
    }),
};

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn output(args: &Args) -> SetOutput {
    match args.str("level") {
        "lld" => SetOutput::Descriptors,
        "lld_de" => SetOutput::Deltas,
        _ => SetOutput::Functionals,
    }
}

/// The recipe of an output whose analysis gives columns `names`.
fn set(args: &Args, set: Set, names: Vec<String>, pick: Option<Vec<usize>>) -> Result<SetRecipe> {
    Ok(SetRecipe {
        analysis: (set, variant(args)),
        output: output(args),
        width: names.len(),
        pick,
        columns: names,
        unit: "mixed",
        ops: Vec::new(),
    })
}
