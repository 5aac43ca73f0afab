//! Audio on its way to the descriptors: resampling.

pub mod resample;
