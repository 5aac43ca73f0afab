//! Signal processing on rows of lanes; knows nothing of files, features or plans.

pub mod cepstrum;
pub mod chroma;
pub mod extremes;
pub mod fft;
pub mod frame;
pub mod lanes;
pub mod log;
pub mod mel;
pub mod pyin;
pub mod savgol;
pub mod shape;
pub mod window;
pub mod yin;
