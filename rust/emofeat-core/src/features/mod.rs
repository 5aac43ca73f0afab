//! The catalogue: every feature and transform, in the order of saved columns.
//!
//! An entry is a block in one of the modules below and one line in [`CATALOGUE`].

use crate::descriptor::{AnyOp, AnyRecipe, Recipe, SetRecipe};
use crate::error::{Code, Error, Result};
use crate::spec::{Args, Given, Param, Spec, did_you_mean};

pub mod chroma;
pub mod kaldi;
mod measure;
pub mod mel;
pub mod opensmile;
pub mod perceptual;
pub mod pitch;
pub mod psf;
pub mod pyaudioanalysis;
mod shared;
pub mod spectral;
pub mod temporal;
pub mod torchaudio;
pub mod transform;
pub mod voice;

/// What an entry makes.
pub enum Make {
    /// A feature, from parameters and sampling rate.
    Feature(fn(&Args, u32) -> Result<Recipe>),
    /// An output of a set that analyses recordings by rules of its own.
    Set(fn(&Args, u32) -> Result<SetRecipe>),
    /// An operation on the rows of a feature.
    Transform(fn(&Args) -> Result<Box<dyn AnyOp>>),
}

/// One entry of the catalogue.
pub struct Entry {
    /// Name, in the field's own terms.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Definition, edge cases and source.
    pub doc: &'static str,
    /// The package whose numbers it gives, or `native`.
    pub convention: &'static str,
    /// Parameters, in groups that several entries share.
    pub params: &'static [&'static [Param]],
    /// Unit of the values; empty if it is that of what comes in.
    pub unit: &'static str,
    /// How it is made.
    pub make: Make,
}

/// All entries.
pub const CATALOGUE: &[&Entry] = &[
    &mel::SPECTROGRAM,
    &mel::MELSPECTROGRAM,
    &mel::LOGMEL,
    &mel::MFCC,
    &spectral::STFT_COMPLEX,
    &spectral::SPECTRAL_CENTROID,
    &spectral::SPECTRAL_BANDWIDTH,
    &spectral::SPECTRAL_ROLLOFF,
    &spectral::SPECTRAL_FLATNESS,
    &spectral::SPECTRAL_CONTRAST,
    &chroma::CHROMA_STFT,
    &spectral::SPECTRAL_FLUX,
    &spectral::SPECTRAL_ENTROPY,
    &spectral::SPECTRAL_SLOPE,
    &perceptual::SPECTRAL_VARIANCE,
    &perceptual::SPECTRAL_SKEWNESS,
    &perceptual::SPECTRAL_KURTOSIS,
    &perceptual::ALPHA_RATIO,
    &perceptual::HAMMARBERG_INDEX,
    &perceptual::SHARPNESS,
    &perceptual::HARMONICITY,
    &perceptual::AUDITORY_SPECTRUM,
    &perceptual::RASTA_SPECTRUM,
    &perceptual::LOUDNESS,
    &temporal::ZERO_CROSSING_RATE,
    &temporal::RMS,
    &temporal::ENERGY_ENTROPY,
    &pitch::YIN,
    &pitch::PYIN,
    &torchaudio::MELSPECTROGRAM,
    &torchaudio::MFCC,
    &kaldi::FBANK,
    &kaldi::MFCC,
    &pyaudioanalysis::SHORT_TERM,
    &psf::MFCC,
    &psf::FBANK,
    &psf::LOGFBANK,
    &psf::SSC,
    &voice::PITCH_BOERSMA,
    &voice::HNR_BOERSMA,
    &voice::INTENSITY,
    &voice::FORMANTS_BURG,
    &voice::CPP,
    &opensmile::EGEMAPSV02,
    &opensmile::GEMAPSV01B,
    &opensmile::COMPARE2016,
    &transform::DELTA,
    &transform::CMVN,
    &transform::FUNCTIONALS,
];

/// The entry called `name`.
pub fn find(name: &str) -> Result<&'static Entry> {
    CATALOGUE.iter().find(|e| e.name == name).copied().ok_or_else(|| {
        let names: Vec<&str> = CATALOGUE.iter().map(|e| e.name).collect();
        let message = format!(
            "there is no feature '{name}'{}; `emofeat features list` shows all",
            did_you_mean(name, &names)
        );
        Error::new(Code::UnknownName, message)
    })
}

/// The operation of transform `name`.
pub fn transform(name: &str, given: &Given) -> Result<Box<dyn AnyOp>> {
    let entry = find(name)?;
    let args = Args::new(entry.name, entry.params, given)?;
    match &entry.make {
        Make::Transform(make) => make(&args),
        Make::Feature(_) | Make::Set(_) => {
            Err(args.error("is a feature of a signal, not a transform of rows"))
        }
    }
}

/// The recipe of `spec` at sampling rate `sr`.
pub fn any_recipe(spec: &Spec, sr: u32) -> Result<AnyRecipe> {
    let entry = find(&spec.name)?;
    let args = Args::new(entry.name, entry.params, &spec.given)?;
    match (&entry.make, &spec.inner) {
        (Make::Feature(make), None) => make(&args, sr).map(AnyRecipe::Frames),
        (Make::Set(make), None) => make(&args, sr).map(AnyRecipe::Set),
        (Make::Feature(_) | Make::Set(_), Some(inner)) => Err(args.error(format_args!(
            "is a feature and takes no other feature inside, but '{inner}' was given"
        ))),
        (Make::Transform(_), None) => Err(args.error(format_args!(
            "is a transform and needs a feature inside, for example {}(logmel)",
            entry.name
        ))),
        (Make::Transform(make), Some(inner)) => {
            let mut recipe = any_recipe(inner, sr)?;
            if recipe.is_vector() {
                return Err(args.error(format_args!(
                    "works on frames, and '{inner}' gives one row for a recording"
                )));
            }
            recipe.ops().push(make(&args)?);
            if !entry.unit.is_empty() {
                recipe.set_unit(entry.unit);
            }
            Ok(recipe)
        }
    }
}

/// The recipe of a feature that has frames of its own, for the tests of the modules above.
#[cfg(test)]
fn recipe(spec: &Spec, sr: u32) -> Result<Recipe> {
    match any_recipe(spec, sr)? {
        AnyRecipe::Frames(recipe) => Ok(recipe),
        AnyRecipe::Set(_) => Err(Error::new(Code::Internal, format!("{spec} is a set"))),
    }
}
