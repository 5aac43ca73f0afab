//! Python binding of `emofeat-core`: arguments in, arrays out, no arithmetic on samples.
#![allow(missing_docs)] // the public face is documented in `python/emofeat`

use pyo3::prelude::*;

#[pymodule]
fn _emofeat(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))
}
