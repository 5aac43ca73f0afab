//! Signal processing on rows of lanes; knows nothing of files, features or plans.

pub mod boersma;
pub mod burg;
pub mod cepstral_peak;
pub mod cepstrum;
pub mod chroma;
pub mod exp;
pub mod extremes;
pub mod fft;
pub mod frame;
pub mod intensity;
pub mod lanes;
pub mod log;
pub mod lpc;
pub mod mel;
pub mod ooura;
pub mod pyin;
pub mod roots;
pub mod savgol;
pub mod shape;
pub mod spline;
pub mod window;
pub mod yin;
