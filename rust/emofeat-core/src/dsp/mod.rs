//! Signal processing on rows of lanes; knows nothing of files, features or plans.

pub mod boersma;
pub mod burg;
pub mod cepstral_peak;
pub mod cepstrum;
pub mod chroma;
pub mod extremes;
pub mod fft;
pub mod frame;
pub mod intensity;
pub mod lanes;
pub mod log;
pub mod mel;
pub mod roots;
pub mod savgol;
pub mod shape;
pub mod window;
