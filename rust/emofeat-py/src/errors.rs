//! Errors of the core as exceptions of `emofeat.exceptions`, which maps codes to classes.

use emofeat_core::error::{Code, Error};
use pyo3::prelude::*;

/// The exception for `error`.
pub fn raise(py: Python<'_>, error: &Error) -> PyErr {
    let make = || -> PyResult<PyErr> {
        let module = py.import("emofeat.exceptions")?;
        let exception = module.call_method1("from_code", (error.code.as_str(), &error.message))?;
        Ok(PyErr::from_value(exception))
    };
    make().unwrap_or_else(|failure| failure)
}

/// An exception for a mistake in an argument.
pub fn bad(py: Python<'_>, message: impl Into<String>) -> PyErr {
    raise(py, &Error::new(Code::BadParameter, message))
}

/// Results of the core as results of Python.
pub trait Raise<T> {
    fn raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> Raise<T> for Result<T, Error> {
    fn raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| raise(py, &error))
    }
}
