//! What there is: features, parameters, filterbanks, windows.

use crate::arrays::{matrix, specs, to_python};
use crate::errors::{Raise, bad};
use emofeat_core::dsp::mel;
use emofeat_core::dsp::window as windows;
use emofeat_core::features::{CATALOGUE, Make, pyaudioanalysis};
use emofeat_core::functionals as summaries;
use emofeat_core::plan::{NUMERICS_VERSION, Plan, Values};
use emofeat_core::sets::{FRONT_ENDS, SETS, front_end};
use emofeat_core::spec::{Kind, Param, Spec};
use numpy::{PyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

#[pyfunction]
pub fn numerics_version() -> u32 {
    NUMERICS_VERSION
}

/// Type, optional or not, lower and upper bound, choices.
fn kind(kind: Kind) -> (&'static str, bool, Option<(f64, f64)>, &'static [&'static str]) {
    match kind {
        Kind::Bool => ("bool", false, None, &[]),
        Kind::Int(low, high) => ("int", false, Some((low as f64, high as f64)), &[]),
        Kind::OptInt(low, high) => ("int", true, Some((low as f64, high as f64)), &[]),
        Kind::Float(low, high) => ("float", false, Some((low, high)), &[]),
        Kind::OptFloat(low, high) => ("float", true, Some((low, high)), &[]),
        Kind::Choice(names) => ("choice", false, None, names),
        Kind::OptChoice(names) => ("choice", true, None, names),
        Kind::Window(names) => ("window", false, None, names),
        Kind::OptFloats => ("floats", true, None, &[]),
        Kind::OptNames => ("names", true, None, &[]),
    }
}

fn param_dict<'py>(py: Python<'py>, param: &Param) -> PyResult<Bound<'py, PyDict>> {
    let (kind, optional, bounds, choices) = kind(param.kind);
    let out = PyDict::new(py);
    out.set_item("name", param.name)?;
    out.set_item("kind", kind)?;
    out.set_item("optional", optional)?;
    out.set_item("bounds", bounds)?;
    out.set_item("choices", PyList::new(py, choices)?)?;
    out.set_item("default", to_python(py, &param.default.value())?)?;
    out.set_item("unit", param.unit)?;
    out.set_item("doc", param.doc)?;
    Ok(out)
}

/// The catalogue as data.
#[pyfunction]
pub fn catalogue(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let entries = PyList::empty(py);
    for entry in CATALOGUE {
        let out = PyDict::new(py);
        let is_feature = !matches!(entry.make, Make::Transform(_));
        out.set_item("name", entry.name)?;
        out.set_item("kind", if is_feature { "feature" } else { "transform" })?;
        out.set_item("summary", entry.summary)?;
        out.set_item("doc", entry.doc)?;
        out.set_item("convention", entry.convention)?;
        out.set_item("unit", entry.unit)?;
        let params: PyResult<Vec<_>> =
            entry.params.iter().flat_map(|p| p.iter()).map(|p| param_dict(py, p)).collect();
        out.set_item("params", params?)?;
        // Scope and columns at the defaults; a transform is shown on a local feature.
        let spec = if is_feature {
            entry.name.to_owned()
        } else {
            format!("{}(logmel(top_db=none))", entry.name)
        };
        let spec = Spec::parse(&spec).raise(py)?;
        let plan = Plan::new(&[spec], 22_050, Default::default()).raise(py)?;
        out.set_item("scope", plan.features()[0].scope.as_str())?;
        out.set_item("columns", &plan.features()[0].columns)?;
        out.set_item("vector", plan.features()[0].vector)?;
        entries.append(out)?;
    }
    Ok(entries)
}

/// The functionals that `functionals(...)` knows: name, family, what of the contour's unit is left, one line.
#[pyfunction]
pub fn functionals(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let out = PyList::empty(py);
    for functional in summaries::CATALOGUE {
        let entry = PyDict::new(py);
        entry.set_item("name", functional.name)?;
        entry.set_item("family", functional.family)?;
        entry.set_item("unit", functional.unit.of("x"))?;
        entry.set_item("doc", functional.doc)?;
        out.append(entry)?;
    }
    Ok(out)
}

/// Named sets of features.
#[pyfunction]
pub fn sets(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let out = PyList::empty(py);
    for set in SETS {
        let entry = PyDict::new(py);
        entry.set_item("name", set.name)?;
        entry.set_item("summary", set.summary)?;
        entry.set_item("features", PyList::new(py, set.features)?)?;
        let levels = PyDict::new(py);
        for (name, features) in set.levels {
            levels.set_item(name, PyList::new(py, *features)?)?;
        }
        entry.set_item("levels", levels)?;
        out.append(entry)?;
    }
    Ok(out)
}

/// Named front ends.
#[pyfunction]
pub fn presets(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let out = PyList::empty(py);
    for preset in FRONT_ENDS {
        let entry = PyDict::new(py);
        entry.set_item("name", preset.name)?;
        entry.set_item("summary", preset.summary)?;
        entry.set_item("params", self::preset(py, preset.name)?)?;
        out.append(entry)?;
    }
    Ok(out)
}

/// Parameters of one named front end.
#[pyfunction]
pub fn preset<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    for (name, value) in front_end(name).raise(py)?.given() {
        out.set_item(name, to_python(py, &value)?)?;
    }
    Ok(out)
}

/// pyAudioAnalysis' mid-term means and standard deviations of short-term rows, `(n_windows, 2 width)`.
#[pyfunction]
pub fn mid_term<'py>(
    py: Python<'py>,
    rows: PyReadonlyArray2<'py, f64>,
    window: usize,
    step: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let width = rows.shape()[1];
    let values = rows.as_slice().map_err(|e| bad(py, e.to_string()))?;
    matrix(py, Values::F64(pyaudioanalysis::mid_term(values, width, window, step)), 2 * width)
}

/// The canonical text of feature specifications, one string each.
#[pyfunction]
pub fn canonical(py: Python<'_>, features: Vec<String>) -> PyResult<Vec<String>> {
    Ok(specs(py, &features)?.iter().map(ToString::to_string).collect())
}

#[pyfunction]
pub fn mel_frequencies(
    py: Python<'_>,
    n: usize,
    fmin: f64,
    fmax: f64,
    htk: bool,
) -> Bound<'_, PyArray1<f64>> {
    PyArray1::from_vec(py, mel::mel_frequencies(n, fmin, fmax, htk))
}

#[pyfunction]
pub fn window<'py>(
    py: Python<'py>,
    name: &str,
    n: usize,
    periodic: bool,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    Ok(PyArray1::from_vec(py, windows::window(name, n, periodic).raise(py)?))
}
