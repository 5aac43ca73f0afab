//! Speech emotion features: decoding, resampling, descriptors, and the plan that computes them.
//!
//! No Python, no environment variables and no printing in here. Data flows through the modules in
//! the order in which they are listed.

pub mod dsp;
pub mod error;
pub mod descriptor;
pub mod features;
pub mod plan;
pub mod sets;
pub mod spec;
pub mod stage;
