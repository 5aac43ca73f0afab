//! Features of signals, files, streams and batches.

use crate::arrays::{Signal, given, matrix, signal, specs, with_f32};
use crate::audio::channel;
use crate::errors::{Raise, bad, raise};
use emofeat_core::batch::{self, Item, Row};
use emofeat_core::plan::{self, Feature, OnNonFinite, OnShort, Options, Plan, Run, Values};
use emofeat_core::stage::Stage;
use numpy::{PyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Transform `name` of rows of a feature.
#[pyfunction]
pub fn transform<'py>(
    py: Python<'py>,
    name: &str,
    rows: &Bound<'py, PyAny>,
    parameters: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let given = given(Some(parameters))?;
    if let Ok(rows) = rows.extract::<PyReadonlyArray2<'py, f32>>() {
        let data = rows.as_slice().map_err(|e| bad(py, e.to_string()))?;
        let from = rows.shape()[1];
        let (values, columns) =
            py.detach(|| plan::transform(name, &given, data, from)).raise(py)?;
        matrix(py, Values::F32(values), columns)
    } else {
        let rows = rows.extract::<PyReadonlyArray2<'py, f64>>()?;
        let data = rows.as_slice().map_err(|e| bad(py, e.to_string()))?;
        let from = rows.shape()[1];
        let (values, columns) =
            py.detach(|| plan::transform(name, &given, data, from)).raise(py)?;
        matrix(py, Values::F64(values), columns)
    }
}

type FileItem = (PathBuf, Option<f64>, Option<f64>);

fn item((path, start, end): FileItem) -> Item {
    Item { path, start, end }
}

/// Values of all features as a list of matrices.
fn matrices<'py>(
    py: Python<'py>,
    plan: &Plan,
    values: Vec<Values>,
) -> PyResult<Bound<'py, PyList>> {
    let out = PyList::empty(py);
    for (feature, values) in plan.features().iter().zip(values) {
        out.append(matrix(py, values, feature.columns.len())?)?;
    }
    Ok(out)
}

/// Index, rate, rate of the file, channels, samples, format.
type RowTuple = (usize, u32, u32, u16, u64, &'static str);

fn row_tuple(row: &Row) -> RowTuple {
    (row.index, row.sr, row.file_sr, row.channels, row.n_samples, row.format)
}

#[pyclass(frozen, module = "emofeat._emofeat")]
pub struct Extractor {
    inner: batch::Extractor,
}

#[pymethods]
impl Extractor {
    #[new]
    #[pyo3(signature = (features, sr, double, channel_index, on_short, on_nonfinite, front_end))]
    fn new(
        py: Python<'_>,
        features: Vec<String>,
        sr: Option<u32>,
        double: bool,
        channel_index: Option<usize>,
        on_short: &str,
        on_nonfinite: &str,
        front_end: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let on_short = match on_short {
            "error" => OnShort::Error,
            "pad" => OnShort::Pad,
            "allow" => OnShort::Allow,
            other => {
                return Err(bad(py, format!("on_short = '{other}'; allowed: error, pad, allow")));
            }
        };
        let on_nonfinite = match on_nonfinite {
            "error" => OnNonFinite::Error,
            "zero" => OnNonFinite::Zero,
            "keep" => OnNonFinite::Keep,
            other => {
                return Err(bad(
                    py,
                    format!("on_nonfinite = '{other}'; allowed: error, zero, keep"),
                ));
            }
        };
        let options = Options { double, on_short, on_nonfinite, front_end: given(front_end)? };
        let inner =
            batch::Extractor::new(specs(py, &features)?, options, sr, channel(channel_index));
        Ok(Self { inner: inner.raise(py)? })
    }

    /// What each feature is at rate `sr`.
    fn describe<'py>(&self, py: Python<'py>, sr: u32) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let plan = self.inner.plan(sr).raise(py)?;
        let describe = |f: &Feature| {
            let out = PyDict::new(py);
            out.set_item("key", &f.key)?;
            out.set_item("spec", &f.spec)?;
            out.set_item("columns", &f.columns)?;
            out.set_item("summary", f.summary)?;
            out.set_item("unit", f.unit)?;
            out.set_item("kind", if f.vector { "vector" } else { "frames" })?;
            out.set_item("scope", f.scope.as_str())?;
            out.set_item("global_because", f.global_because)?;
            out.set_item("hop_length", f.framing.hop)?;
            out.set_item("frame_length", f.framing.length)?;
            out.set_item("offset", f.framing.offset)?;
            Ok(out)
        };
        plan.features().iter().map(describe).collect()
    }

    /// The rate of the extractor, or a usual one at which its features are defined.
    fn any_rate(&self, py: Python<'_>) -> PyResult<u32> {
        self.inner.any_rate().raise(py)
    }

    /// Fewest samples at rate `sr` that hold one frame of every feature.
    fn min_samples(&self, py: Python<'_>, sr: u32) -> PyResult<usize> {
        Ok(self.inner.plan(sr).raise(py)?.min_samples())
    }

    /// Rate of the result, and one matrix per feature.
    fn signal<'py>(
        &self,
        py: Python<'py>,
        y: &Bound<'py, PyAny>,
        sr: u32,
    ) -> PyResult<(u32, Bound<'py, PyList>)> {
        let y = signal(py, y)?;
        let same_rate = self.inner.sr().is_none_or(|own| own == sr);
        let (sr, values) = match &y {
            Signal::F64(array) if same_rate => {
                let plan = self.inner.plan(sr).raise(py)?;
                let samples = array.as_slice().map_err(|e| bad(py, e.to_string()))?;
                (sr, py.detach(|| plan.run(samples)).raise(py)?)
            }
            y => with_f32(y, py, |samples| self.inner.signal(samples, sr))?.raise(py)?,
        };
        let plan = self.inner.plan(sr).raise(py)?;
        Ok((sr, matrices(py, &plan, values)?))
    }

    fn signals(
        &self,
        py: Python<'_>,
        ys: Vec<Bound<'_, PyAny>>,
        sr: u32,
        threads: usize,
    ) -> PyResult<Batch> {
        let signals: PyResult<Vec<Signal<'_>>> = ys.iter().map(|y| signal(py, y)).collect();
        let signals = signals?;
        let mut copies: Vec<Vec<f32>> = Vec::new();
        for y in &signals {
            if let Signal::F64(array) = y {
                let samples = array.as_slice().map_err(|e| bad(py, e.to_string()))?;
                copies.push(samples.iter().map(|x| *x as f32).collect());
            }
        }
        let mut copies = copies.iter();
        let mut slices: Vec<&[f32]> = Vec::new();
        for y in &signals {
            slices.push(match y {
                Signal::F32(array) => array.as_slice().map_err(|e| bad(py, e.to_string()))?,
                Signal::F64(_) => copies.next().map_or(&[], Vec::as_slice),
            });
        }
        self.inner.plan(self.inner.sr().unwrap_or(sr)).raise(py)?;
        let batch = py.detach(|| self.inner.signals(&slices, sr, threads));
        Ok(Batch { inner: batch })
    }

    /// One matrix per feature from a spectrum of `n_fft / 2 + 1` columns.
    fn spectrum<'py>(
        &self,
        py: Python<'py>,
        spectrum: PyReadonlyArray2<'py, f64>,
        sr: u32,
        magnitude: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        let plan = self.inner.plan(sr).raise(py)?;
        let bins = plan.features()[0].framing.length / 2 + 1;
        if spectrum.shape()[1] != bins {
            let message = format!(
                "the spectrum has {} bins; n_fft = {} has {bins}",
                spectrum.shape()[1],
                2 * (bins - 1)
            );
            return Err(bad(py, message));
        }
        let values = spectrum.as_slice().map_err(|e| bad(py, e.to_string()))?;
        let stage = if magnitude { Stage::Magnitude } else { Stage::Power };
        let values = py.detach(|| plan.run_spectrum(&stage, values));
        matrices(py, &plan, values)
    }

    fn file<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        start: Option<f64>,
        end: Option<f64>,
    ) -> PyResult<(RowTuple, Bound<'py, PyList>)> {
        let item = item((path, start, end));
        let (row, values) = py.detach(|| self.inner.file(&item)).raise(py)?;
        let plan = self.inner.plan(row.sr).raise(py)?;
        Ok((row_tuple(&row), matrices(py, &plan, values)?))
    }

    fn files(
        &self,
        py: Python<'_>,
        items: Vec<FileItem>,
        threads: usize,
        max_seconds: f64,
    ) -> PyResult<Batch> {
        let items: Vec<Item> = items.into_iter().map(item).collect();
        let batch = py.detach(|| self.inner.files(&items, threads, max_seconds));
        Ok(Batch { inner: batch })
    }

    fn blocks(
        &self,
        py: Python<'_>,
        path: PathBuf,
        start: Option<f64>,
        end: Option<f64>,
        seconds: f64,
    ) -> PyResult<Blocks> {
        let item = item((path, start, end));
        let inner = py.detach(|| batch::Blocks::open(&self.inner, item, seconds)).raise(py)?;
        let plan = self.inner.plan(inner.row().sr).raise(py)?;
        Ok(Blocks { inner: Mutex::new(inner), plan })
    }

    fn stream(&self, py: Python<'_>, sr: u32) -> PyResult<Stream> {
        let plan = self.inner.plan(sr).raise(py)?;
        let run = Run::new(plan.clone(), true).raise(py)?;
        Ok(Stream { run: Mutex::new(run), plan })
    }
}

/// A recording that is read in blocks.
#[pyclass(module = "emofeat._emofeat")]
pub struct Blocks {
    /// Locked only so that the type may be shared; Python hands out one call at a time.
    inner: Mutex<batch::Blocks>,
    plan: Arc<Plan>,
}

#[pymethods]
impl Blocks {
    fn row(&self) -> RowTuple {
        row_tuple(&self.inner.lock().unwrap_or_else(PoisonError::into_inner).row())
    }

    /// One matrix per feature, or none at the end.
    fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        let values = py.detach(|| inner.next_rows()).raise(py)?;
        values.map(|values| matrices(py, &self.plan, values)).transpose()
    }
}

/// A recording that comes in pieces.
#[pyclass(module = "emofeat._emofeat")]
pub struct Stream {
    run: Mutex<Run>,
    plan: Arc<Plan>,
}

#[pymethods]
impl Stream {
    fn feed<'py>(
        &mut self,
        py: Python<'py>,
        y: &Bound<'py, PyAny>,
        end: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        let y = signal(py, y)?;
        let run = self.run.get_mut().unwrap_or_else(PoisonError::into_inner);
        let values = match &y {
            Signal::F32(array) => {
                let samples = array.as_slice().map_err(|e| bad(py, e.to_string()))?;
                py.detach(|| run.feed(samples, end))
            }
            Signal::F64(array) => {
                let samples = array.as_slice().map_err(|e| bad(py, e.to_string()))?;
                py.detach(|| run.feed(samples, end))
            }
        };
        matrices(py, &self.plan, values.raise(py)?)
    }
}

/// Rows of a feature of many recordings, and where each recording begins.
type MatrixAndSplits<'py> = (Bound<'py, PyAny>, Bound<'py, PyArray1<i64>>);

/// Features of many recordings, one after the other.
#[pyclass(module = "emofeat._emofeat")]
pub struct Batch {
    inner: batch::Batch,
}

#[pymethods]
impl Batch {
    fn rows(&self) -> Vec<RowTuple> {
        self.inner.rows.iter().map(row_tuple).collect()
    }

    fn failed<'py>(&self, py: Python<'py>) -> Vec<(usize, Bound<'py, PyAny>)> {
        let failed = self.inner.failed.iter();
        failed
            .map(|(index, error)| {
                (*index, raise(py, error).into_value(py).into_bound(py).into_any())
            })
            .collect()
    }

    fn deferred(&self) -> Vec<usize> {
        self.inner.deferred.clone()
    }

    /// Matrix and row splits of feature `at`; the values move out, so once only.
    fn take<'py>(&mut self, py: Python<'py>, at: usize) -> PyResult<Option<MatrixAndSplits<'py>>> {
        let Some(values) = self.inner.values.get_mut(at) else { return Ok(None) };
        let columns = self.inner.columns[at];
        let values = std::mem::replace(values, Values::F32(Vec::new()));
        let splits: Vec<i64> =
            self.inner.splits[at].iter().map(|s| (s / columns.max(1)) as i64).collect();
        Ok(Some((matrix(py, values, columns)?, PyArray1::from_vec(py, splits))))
    }
}
