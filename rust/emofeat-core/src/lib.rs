//! Speech emotion features: decoding, resampling, descriptors, and the plan that computes them.
//!
//! No Python, no environment variables and no printing in here. `audio` brings samples; `dsp` knows
//! rows of numbers; `stage` and `descriptor` say what is computed from what; `features` is the
//! catalogue; `plan` runs it over a signal, `batch` over files.

pub mod audio;
pub mod batch;
pub mod descriptor;
pub mod dsp;
pub mod error;
pub mod features;
pub mod functionals;
pub mod plan;
pub mod sets;
pub mod smile;
pub mod spec;
pub mod stage;
