//! Decoding and resampling.

use crate::arrays::{Signal, signal, with_f32};
use crate::errors::{Raise, bad};
use emofeat_core::audio::resample::Resampler;
use emofeat_core::audio::{Channel, Info, Source, read_all_channels};
use emofeat_core::batch::{self, Want};
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// Reads a channel argument: none is the mean of all.
pub fn channel(index: Option<usize>) -> Channel {
    index.map_or(Channel::Mean, Channel::Index)
}

fn info_dict<'py>(py: Python<'py>, info: &Info) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("format", info.format)?;
    out.set_item("codec", &info.codec)?;
    out.set_item("sr", info.sr)?;
    out.set_item("channels", info.channels)?;
    out.set_item("frames", info.frames)?;
    out.set_item("bits", info.bits)?;
    out.set_item("truncated", info.truncated)?;
    Ok(out)
}

#[pyfunction]
#[pyo3(signature = (path, sr, start, end, channel_index))]
pub fn load<'py>(
    py: Python<'py>,
    path: PathBuf,
    sr: Option<u32>,
    start: Option<f64>,
    end: Option<f64>,
    channel_index: Option<usize>,
) -> PyResult<(Bound<'py, PyArray1<f32>>, u32, Bound<'py, PyDict>)> {
    let want = Want { sr, channel: channel(channel_index), start, end };
    let (samples, sr, info) = py.detach(|| batch::load(&path, &want)).raise(py)?;
    Ok((PyArray1::from_vec(py, samples), sr, info_dict(py, &info)?))
}

/// All channels of a whole file, channels first, at its own rate.
#[pyfunction]
pub fn load_channels<'py>(
    py: Python<'py>,
    path: PathBuf,
) -> PyResult<(Bound<'py, PyAny>, u32, Bound<'py, PyDict>)> {
    let (planes, info) = py.detach(|| read_all_channels(&path)).raise(py)?;
    let shape = [planes.len(), planes.first().map_or(0, Vec::len)];
    let array = PyArray1::from_vec(py, planes.concat()).reshape(shape)?;
    Ok((array.into_any(), info.sr, info_dict(py, &info)?))
}

#[pyfunction]
pub fn info<'py>(py: Python<'py>, path: PathBuf) -> PyResult<Bound<'py, PyDict>> {
    let source = py.detach(|| Source::open(&path, Channel::Mean)).raise(py)?;
    info_dict(py, source.info())
}

#[pyfunction]
pub fn resample<'py>(
    py: Python<'py>,
    y: &Bound<'py, PyAny>,
    orig_sr: u32,
    target_sr: u32,
) -> PyResult<Bound<'py, PyArray1<f32>>> {
    let y = signal(py, y)?;
    if matches!(y, Signal::F64(_)) {
        return Err(bad(py, "resampling takes float32 samples"));
    }
    let resampler = Resampler::new(orig_sr, target_sr).raise(py)?;
    let out = with_f32(&y, py, |samples| resampler.process_whole(samples))?;
    Ok(PyArray1::from_vec(py, out))
}
