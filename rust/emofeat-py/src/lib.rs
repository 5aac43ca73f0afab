//! Python binding of `emofeat-core`: arguments in, arrays out, no arithmetic on samples.
#![allow(missing_docs)] // the public face is documented in `python/emofeat`

mod arrays;
mod audio;
mod catalogue;
mod errors;
mod extractor;

use pyo3::prelude::*;

#[pymodule]
fn _emofeat(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add_class::<extractor::Extractor>()?;
    m.add_class::<extractor::Stream>()?;
    m.add_class::<extractor::Blocks>()?;
    m.add_class::<extractor::Batch>()?;
    m.add_function(wrap_pyfunction!(catalogue::catalogue, m)?)?;
    m.add_function(wrap_pyfunction!(catalogue::sets, m)?)?;
    m.add_function(wrap_pyfunction!(catalogue::functionals, m)?)?;
    m.add_function(wrap_pyfunction!(catalogue::presets, m)?)?;
    m.add_function(wrap_pyfunction!(catalogue::preset, m)?)?;
    m.add_function(wrap_pyfunction!(catalogue::mid_term, m)?)?;
    m.add_function(wrap_pyfunction!(catalogue::canonical, m)?)?;
    m.add_function(wrap_pyfunction!(catalogue::numerics_version, m)?)?;
    m.add_function(wrap_pyfunction!(catalogue::mel_frequencies, m)?)?;
    m.add_function(wrap_pyfunction!(catalogue::window, m)?)?;
    m.add_function(wrap_pyfunction!(extractor::transform, m)?)?;
    m.add_function(wrap_pyfunction!(audio::load, m)?)?;
    m.add_function(wrap_pyfunction!(audio::load_channels, m)?)?;
    m.add_function(wrap_pyfunction!(audio::info, m)?)?;
    m.add_function(wrap_pyfunction!(audio::resample, m)?)?;
    Ok(())
}
