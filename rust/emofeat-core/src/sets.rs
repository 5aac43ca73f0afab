//! Named sets of features and presets of front ends, as data.

use crate::error::{Code, Error, Result};
use crate::spec::{Default, Given, did_you_mean};

/// A named list of features.
#[derive(Debug, Clone, Copy)]
pub struct Set {
    /// Name, as `--set` takes it.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Feature specifications, in the order of saved columns.
    pub features: &'static [&'static str],
    /// Other choices of features, by the name of the level that they describe a recording at.
    pub levels: &'static [(&'static str, &'static [&'static str])],
}

/// All sets.
pub const SETS: &[Set] = &[
    Set {
        name: "librosa-emotion",
        summary: "The common recipe of emotion papers with librosa's defaults: 40 MFCC, chroma, mel, contrast, ZCR, RMS.",
        features: &[
            "mfcc(n_mfcc=40)",
            "chroma_stft",
            "melspectrogram",
            "spectral_contrast",
            "zero_crossing_rate",
            "rms",
        ],
        levels: &[],
    },
    Set {
        name: "logmel-80",
        summary: "80 log-mel bands, FFT 512 and hop 160 (32 and 10 ms at 16 kHz), as speech networks take them.",
        features: &["logmel(hop_length=160, n_fft=512, n_mels=80)"],
        levels: &[],
    },
    Set {
        name: "kaldi-fbank80",
        summary: "Kaldi's 80 log filterbank energies of 25 ms every 10 ms, samples in the 16-bit range.",
        features: &["kaldi_fbank(input_scale=32768.0, num_mel_bins=80)"],
        levels: &[],
    },
    Set {
        name: "kaldi-mfcc13",
        summary: "Kaldi's 13 MFCC with the energy in the place of C0, samples in the 16-bit range.",
        features: &["kaldi_mfcc(energy_floor=0.0, input_scale=32768.0, use_energy=true)"],
        levels: &[],
    },
    Set {
        name: "lhotse-fbank80",
        summary: "lhotse's variant of Kaldi's filterbank: 80 bands up to 400 Hz below Nyquist, mirrored edges, samples within ±1.",
        features: &["kaldi_fbank(high_freq=-400.0, num_mel_bins=80, snip_edges=false)"],
        levels: &[],
    },
    Set {
        name: "pyaudioanalysis34",
        summary: "pyAudioAnalysis's 34 short-term features of 50 ms every 25 ms.",
        features: &["pyaudioanalysis"],
        levels: &[],
    },
    Set {
        name: "pyaudioanalysis68",
        summary: "pyAudioAnalysis's 34 short-term features and their differences.",
        features: &["pyaudioanalysis(deltas=true)"],
        levels: &[],
    },
    Set {
        name: "psf-mfcc13",
        summary: "python_speech_features' 13 MFCC of 25 ms every 10 ms, at its FFT length of 512.",
        features: &["psf_mfcc"],
        levels: &[],
    },
    Set {
        name: "egemapsv02",
        summary: "eGeMAPSv02 with openSMILE's numbers: 88 functionals, or 25 descriptors per frame.",
        features: &["egemapsv02"],
        levels: &[
            ("functionals", &["egemapsv02"]),
            ("lld", &["egemapsv02_lld=egemapsv02(level=lld)"]),
            ("both", &["egemapsv02", "egemapsv02_lld=egemapsv02(level=lld)"]),
        ],
    },
    Set {
        name: "gemapsv01b",
        summary: "GeMAPSv01b with openSMILE's numbers: 62 functionals, or 18 descriptors per frame.",
        features: &["gemapsv01b"],
        levels: &[
            ("functionals", &["gemapsv01b"]),
            ("lld", &["gemapsv01b_lld=gemapsv01b(level=lld)"]),
            ("both", &["gemapsv01b", "gemapsv01b_lld=gemapsv01b(level=lld)"]),
        ],
    },
    Set {
        name: "compare2016",
        summary: "ComParE_2016 with openSMILE's numbers: 6373 functionals, or 65 descriptors and their deltas per frame.",
        features: &["compare2016"],
        levels: &[
            ("functionals", &["compare2016"]),
            (
                "lld",
                &[
                    "compare2016_lld=compare2016(level=lld)",
                    "compare2016_lld_de=compare2016(level=lld_de)",
                ],
            ),
            (
                "both",
                &[
                    "compare2016",
                    "compare2016_lld=compare2016(level=lld)",
                    "compare2016_lld_de=compare2016(level=lld_de)",
                ],
            ),
        ],
    },
];

/// Parameters that place frames and transform them, under one name.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// Name.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Parameters by name, for every feature that has them.
    pub params: &'static [(&'static str, Default)],
}

impl Preset {
    /// The parameters in the form that a plan takes.
    pub fn given(&self) -> Given {
        self.params.iter().map(|(name, value)| ((*name).to_owned(), value.value())).collect()
    }
}

/// All presets of front ends.
pub const FRONT_ENDS: &[Preset] = &[
    Preset {
        name: "librosa",
        summary: "FFT and window of 2048 samples, hop 512, whatever the sampling rate.",
        params: &[("n_fft", Default::Int(2048)), ("hop_length", Default::Int(512))],
    },
    Preset {
        name: "speech-20ms",
        summary: "Windows of 20 ms every 10 ms, the FFT rounded up to a power of two.",
        params: &[("win_ms", Default::Float(20.0)), ("hop_ms", Default::Float(10.0))],
    },
    Preset {
        name: "speech-25ms",
        summary: "Windows of 25 ms every 10 ms, the FFT rounded up to a power of two.",
        params: &[("win_ms", Default::Float(25.0)), ("hop_ms", Default::Float(10.0))],
    },
    Preset {
        name: "speech-40ms",
        summary: "Windows of 40 ms every 10 ms, the FFT rounded up to a power of two: room for low voices.",
        params: &[("win_ms", Default::Float(40.0)), ("hop_ms", Default::Float(10.0))],
    },
];

/// The set called `name`.
pub fn find(name: &str) -> Result<&'static Set> {
    let names: Vec<&str> = SETS.iter().map(|set| set.name).collect();
    SETS.iter().find(|set| set.name == name).ok_or_else(|| unknown("set of features", name, &names))
}

/// The preset of a front end called `name`.
pub fn front_end(name: &str) -> Result<&'static Preset> {
    let names: Vec<&str> = FRONT_ENDS.iter().map(|preset| preset.name).collect();
    let found = FRONT_ENDS.iter().find(|preset| preset.name == name);
    found.ok_or_else(|| unknown("front end", name, &names))
}

fn unknown(what: &str, name: &str, names: &[&str]) -> Error {
    let message = format!(
        "there is no {what} '{name}'{}; there are {}",
        did_you_mean(name, names),
        names.join(", ")
    );
    Error::new(Code::UnknownName, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features;
    use crate::spec::Spec;

    #[test]
    fn every_set_can_be_made_and_is_written_in_canonical_form() {
        for set in SETS {
            let levels = set.levels.iter().flat_map(|(_, features)| features.iter());
            for text in set.features.iter().chain(levels) {
                let spec = Spec::parse(text).unwrap();
                assert_eq!(spec.to_string(), *text, "{}", set.name);
                if let Err(error) = features::any_recipe(&spec, 16_000) {
                    panic!("{}: {error}", set.name);
                }
            }
        }
    }

    #[test]
    fn names_are_unique_and_every_preset_is_of_parameters_that_exist() {
        for (at, set) in SETS.iter().enumerate() {
            assert!(SETS[..at].iter().all(|other| other.name != set.name));
        }
        for preset in FRONT_ENDS {
            let mut spec = Spec::parse("logmel").unwrap();
            spec.given = preset.given();
            assert!(features::any_recipe(&spec, 16_000).is_ok(), "{}", preset.name);
        }
    }

    #[test]
    fn a_name_nearly_right_is_suggested() {
        assert_eq!(find("kaldi-fbank80").unwrap().features.len(), 1);
        assert!(
            find("egemapsv02").unwrap().levels.iter().any(|(n, f)| *n == "both" && f.len() == 2)
        );
        let error = find("kaldi-fbank40").unwrap_err();
        assert_eq!(error.code, Code::UnknownName);
        assert!(error.message.contains("did you mean 'kaldi-fbank80'"), "{error}");
        let error = front_end("speech25ms").unwrap_err();
        assert!(error.message.contains("did you mean 'speech-25ms'"), "{error}");
    }
}
