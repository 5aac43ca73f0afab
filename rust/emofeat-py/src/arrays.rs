//! NumPy arrays and Python values from and to the core's.

use crate::errors::{Raise, bad};
use emofeat_core::plan::Values;
use emofeat_core::sets::{self, SETS};
use emofeat_core::spec::{Given, Spec, Value};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};

/// A matrix of `columns` columns over the values' own memory.
pub fn matrix<'py>(py: Python<'py>, values: Values, columns: usize) -> PyResult<Bound<'py, PyAny>> {
    let rows = values.len() / columns.max(1);
    Ok(match values {
        Values::F32(v) => PyArray1::from_vec(py, v).reshape([rows, columns])?.into_any(),
        Values::F64(v) => PyArray1::from_vec(py, v).reshape([rows, columns])?.into_any(),
    })
}

/// A signal as it came from Python: contiguous, one channel.
pub enum Signal<'py> {
    F32(PyReadonlyArray1<'py, f32>),
    F64(PyReadonlyArray1<'py, f64>),
}

/// A signal that the core can read without a copy; `emofeat.audio.as_signal` makes one of anything
/// else.
pub fn signal<'py>(py: Python<'py>, y: &Bound<'py, PyAny>) -> PyResult<Signal<'py>> {
    if let Ok(array) = y.extract::<PyReadonlyArray1<'py, f32>>() {
        return Ok(Signal::F32(array));
    }
    match y.extract::<PyReadonlyArray1<'py, f64>>() {
        Ok(array) => Ok(Signal::F64(array)),
        Err(_) => {
            Err(bad(py, "a signal is a contiguous array of float32 or float64 with one dimension"))
        }
    }
}

/// A parameter value.
pub fn value(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    if value.is_none() {
        Ok(Value::None)
    } else if value.is_instance_of::<PyBool>() {
        Ok(Value::Bool(value.extract()?))
    } else if value.is_instance_of::<PyString>() {
        Ok(Value::Str(value.extract()?))
    } else if value.is_instance_of::<PyInt>() {
        Ok(Value::Int(value.extract()?))
    } else if value.is_instance_of::<PyFloat>() {
        Ok(Value::Float(value.extract()?))
    } else if let Ok(list) = value.extract::<Vec<f64>>() {
        Ok(Value::Floats(list))
    } else if let Ok(names) = value.extract::<Vec<String>>() {
        Ok(Value::Names(names))
    } else if let Ok(whole) = value.call_method0("__index__").and_then(|i| i.extract()) {
        Ok(Value::Int(whole))
    } else if let Ok(number) = value.extract::<f64>() {
        Ok(Value::Float(number))
    } else {
        let what = value.get_type().name()?.to_string();
        Err(bad(
            value.py(),
            format!(
                "a parameter is a number, a name, a list of numbers or of names, true, false or none, not {what}"
            ),
        ))
    }
}

/// Parameters by name.
pub fn given(parameters: Option<&Bound<'_, PyDict>>) -> PyResult<Given> {
    let Some(parameters) = parameters else { return Ok(Given::new()) };
    parameters.iter().map(|(k, v)| Ok((k.extract()?, value(&v)?))).collect()
}

/// A value as Python knows it.
pub fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::None => py.None().into_bound(py),
        Value::Bool(b) => PyBool::new(py, *b).to_owned().into_any(),
        Value::Int(i) => i.into_pyobject(py)?.into_any(),
        Value::Float(x) => x.into_pyobject(py)?.into_any(),
        Value::Str(s) => s.into_pyobject(py)?.into_any(),
        Value::Floats(v) => v.into_pyobject(py)?.into_any(),
        Value::Names(v) => v.into_pyobject(py)?.into_any(),
    })
}

/// Samples of a signal in single precision, copied only if they are not.
pub fn with_f32<R>(
    signal: &Signal<'_>,
    py: Python<'_>,
    work: impl FnOnce(&[f32]) -> R + Send,
) -> PyResult<R>
where
    R: Send,
{
    match signal {
        Signal::F32(array) => {
            let samples = array.as_slice().map_err(|e| bad(py, e.to_string()))?;
            Ok(py.detach(|| work(samples)))
        }
        Signal::F64(array) => {
            let samples = array.as_slice().map_err(|e| bad(py, e.to_string()))?;
            Ok(py.detach(|| work(&samples.iter().map(|x| *x as f32).collect::<Vec<f32>>())))
        }
    }
}

/// Reads feature specifications and names of sets.
pub fn specs(py: Python<'_>, features: &[String]) -> PyResult<Vec<Spec>> {
    let mut specs = Vec::new();
    for text in features {
        // Only names of sets have hyphens outside values.
        let is_set = SETS.iter().any(|set| set.name == text.trim())
            || (text.contains('-') && !text.contains('('));
        if is_set {
            for feature in sets::find(text.trim()).raise(py)?.features {
                specs.push(Spec::parse(feature).raise(py)?);
            }
        } else {
            specs.extend(Spec::parse_list(text).raise(py)?);
        }
    }
    Ok(specs)
}
