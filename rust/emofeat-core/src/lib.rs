//! Speech emotion features: decoding, resampling, descriptors, and the plan that computes them.
//!
//! No Python, no environment variables and no printing in here. Data flows through the modules in
//! the order in which they are listed.

pub mod audio;
pub mod error;
