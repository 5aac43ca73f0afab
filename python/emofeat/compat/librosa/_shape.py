"""Features of a given spectrogram, in NumPy: what `S=` and unusual arguments take.

From a signal the core computes them; here stand the definitions for spectra of any origin, which have no
signal behind them.
"""

from __future__ import annotations

import math
import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from emofeat.compat.librosa._input import Array, normalised
from emofeat.compat.librosa.core import fft_frequencies, power_to_db
from emofeat.compat.librosa.util.exceptions import BandError, ParameterError

Mask = npt.NDArray[np.bool_]


def frequencies(freq: Any, sr: float, n_fft: int) -> Array:
    """Frequencies of the bins: given, or those of the Fourier transform; 1-D as a column."""
    f = fft_frequencies(sr=sr, n_fft=n_fft) if freq is None else np.asarray(freq)
    return f[:, np.newaxis] if f.ndim == 1 else f


def centroid(S: Array, f: Array) -> Array:
    out: Array = np.sum(f * normalised(S, 1, -2), axis=-2, keepdims=True)
    return out


def bandwidth(S: Array, f: Array, centre: Array, norm: bool, p: float) -> Array:
    weights = normalised(S, 1, -2) if norm else S
    out: Array = np.sum(weights * np.abs(f - centre) ** p, axis=-2, keepdims=True) ** (1.0 / p)
    return out


def flatness(S: Array, amin: float, power: float) -> Array:
    x = np.maximum(amin, S**power)
    out: Array = np.exp(np.mean(np.log(x), axis=-2, keepdims=True)) / np.mean(x, axis=-2, keepdims=True)
    return out


def rolloff(S: Array, f: Array, share: float) -> Array:
    running = np.cumsum(S, axis=-2)
    reached = running >= share * running[..., -1:, :]
    # A frame with NaN reaches nothing, and has no roll-off.
    lowest: Array = np.min(np.where(reached, f, np.inf), axis=-2, keepdims=True)
    return np.where(np.isinf(lowest), np.nan, lowest)


def bands(f: Array, fmin: float, n_bands: int, sr: float) -> list[Mask]:
    """Which bins belong to each band of the spectral contrast."""
    if isinstance(n_bands, bool) or not isinstance(n_bands, int | np.integer) or n_bands < 1:
        raise ParameterError(f"n_bands = {n_bands!r}; allowed are whole numbers from 1")
    if not fmin > 0:
        raise ParameterError(f"fmin = {fmin}; allowed are frequencies above 0")
    edges = np.append(0.0, fmin * 2.0 ** np.arange(n_bands + 1))
    if edges[-2] >= 0.5 * sr:
        raise ParameterError(
            f"a band begins at {edges[-2]:g} Hz, half the rate is {sr / 2:g} Hz; lower fmin or n_bands"
        )
    out = []
    for k in range(n_bands + 1):
        inside = (f >= edges[k]) & (f <= edges[k + 1])
        members = np.flatnonzero(inside)
        if not len(members):
            raise BandError(
                f"no bin lies in the band from {edges[k]:g} to {edges[k + 1]:g} Hz; raise n_fft or fmin"
            )
        if k > 0:
            inside[members[0] - 1] = True
        if k == n_bands:
            inside[members[-1] + 1 :] = True
        elif inside.sum() < 2:
            raise ParameterError(
                f"the band from {edges[k]:g} to {edges[k + 1]:g} Hz has one bin, which contrast leaves out; "
                "raise n_fft or fmin"
            )
        out.append(inside)
    return out


def contrast(S: Array, masks: list[Mask], quantile: float, linear: bool) -> Array:
    shape = (*S.shape[:-2], len(masks), S.shape[-1])
    valley, peak = np.zeros(shape), np.zeros(shape)
    for k, mask in enumerate(masks):
        band = S[..., mask, :]
        if k + 1 < len(masks):
            band = band[..., :-1, :]
        count = max(round(quantile * int(mask.sum())), 1)
        band = np.sort(band, axis=-2)
        valley[..., k, :] = band[..., :count, :].mean(axis=-2)
        peak[..., k, :] = band[..., -count:, :].mean(axis=-2)
    out: Array = peak - valley if linear else power_to_db(peak) - power_to_db(valley)
    return out


@lru_cache(maxsize=64)
def chroma_filters(
    sr: float, n_fft: int, n_chroma: int, tuning: float, ctroct: float, octwidth: float | None, base_c: bool,
    dtype: np.dtype[Any],
) -> Array:  # fmt: skip
    """Gaussian bumps around the pitch classes, `(n_chroma, 1 + n_fft // 2)`; Ellis (2007)."""
    hz = np.arange(1, n_fft) * (sr / n_fft)
    # Steps above the A of 27.5 Hz; 0 Hz stands one and a half octaves below the first bin.
    q = n_chroma * np.log2(hz / (440.0 * 2.0 ** (tuning / n_chroma) / 16.0))
    q = np.append(q[0] - 1.5 * n_chroma, q)
    width = np.append(np.maximum(np.diff(q), 1.0), 1.0)
    half = np.round(n_chroma / 2.0)
    distance = np.remainder(q - np.arange(n_chroma)[:, np.newaxis] + half + 10 * n_chroma, n_chroma) - half
    weights = normalised(np.exp(-0.5 * (2.0 * distance / width) ** 2), 2, 0)
    if octwidth is not None:
        weights *= np.exp(-0.5 * ((q / n_chroma - ctroct) / octwidth) ** 2)
    if base_c:
        weights = np.roll(weights, -3 * (n_chroma // 12), axis=0)
    out: Array = np.ascontiguousarray(weights[:, : 1 + n_fft // 2], dtype=dtype)
    out.flags.writeable = False
    return out


def tuning(S: Array, sr: float, bins_per_octave: int) -> float:
    """Deviation from 440 Hz of the peaks of a spectrogram, in steps of the pitch classes."""
    n_fft = 2 * (S.shape[-2] - 1)
    step = sr / n_fft
    f = np.arange(S.shape[-2])[:, np.newaxis] * step
    # Parabola through each bin and its neighbours.
    curve = S[..., 2:, :] + S[..., :-2, :] - 2.0 * S[..., 1:-1, :]
    slope = (S[..., 2:, :] - S[..., :-2, :]) / 2.0
    flat = np.abs(slope) >= np.abs(curve)
    shift = np.zeros_like(S)
    shift[..., 1:-1, :] = np.where(flat, 0.0, -slope / np.where(flat, 1.0, curve))
    gate = S * (0.1 * S.max(axis=-2, keepdims=True) < S)
    peak = np.zeros(S.shape, dtype=bool)
    peak[..., 1:-1, :] = (gate[..., 1:-1, :] > gate[..., :-2, :]) & (gate[..., 1:-1, :] >= gate[..., 2:, :])
    peak[..., -1:, :] = gate[..., -1:, :] > gate[..., -2:-1, :]
    peak &= (f >= 150.0) & (f < min(4000.0, sr / 2.0))
    at = np.nonzero(peak)
    pitch = (at[-2] + shift[at]) * step
    size = S[at] + 0.5 * np.gradient(S, axis=-2)[at] * shift[at]
    found = pitch > 0
    if not found.any():
        warnings.warn("Trying to estimate tuning from empty frequency set.", UserWarning, stacklevel=3)
        return 0.0
    pitch, size = pitch[found], size[found]
    pitch = pitch[size >= np.median(size)]
    residual = np.mod(bins_per_octave * np.log2(pitch / 27.5), 1.0)
    residual[residual >= 0.5] -= 1.0
    counts, edges = np.histogram(residual, np.linspace(-0.5, 0.5, 101))
    return float(edges[np.argmax(counts)])


@lru_cache(maxsize=64)
def cosine_transform(kind: int, n: int, norm: str | None) -> npt.NDArray[np.float64]:
    """Matrix of the discrete cosine transform of `n` values, as `scipy.fft.dct` with that `norm`."""
    if kind not in (1, 2, 3, 4):
        raise ParameterError(f"dct_type = {kind!r}; allowed are 1, 2, 3 and 4")
    if norm not in ("ortho", "forward", "backward", None):
        raise ParameterError(f"norm = {norm!r}; allowed are 'ortho', 'forward', 'backward' and none")
    if kind == 1 and n < 2:
        raise ParameterError("dct_type = 1 of one band; allowed are at least 2")
    k, i = np.arange(n)[:, np.newaxis], np.arange(n)[np.newaxis, :]
    ends = np.where(np.isin(np.arange(n), (0, n - 1)), 0.5, 1.0)
    first = np.where(np.arange(n) == 0, 0.5, 1.0)
    period = n - 1 if kind == 1 else n
    row, column = np.ones(n), np.ones(n)  # how often a term counts; halved at the ends
    if kind == 1:
        matrix, row, column = np.cos(np.pi * k * i / period), ends, ends
    elif kind == 2:
        matrix, row = np.cos(np.pi * k * (i + 0.5) / period), first
    elif kind == 3:
        matrix, column = np.cos(np.pi * (k + 0.5) * i / period), first
    else:
        matrix = np.cos(np.pi * (k + 0.5) * (i + 0.5) / period)
    if norm == "ortho":
        matrix = matrix * np.sqrt(2.0 / period) * np.sqrt(row)[:, np.newaxis] * np.sqrt(column)
    else:
        matrix = 2.0 * matrix * column / (2.0 * period if norm == "forward" else 1.0)
    matrix.flags.writeable = False
    return np.asarray(matrix)


@lru_cache(maxsize=64)
def derivative(width: int, polyorder: int, deriv: int, step: float) -> npt.NDArray[np.float64]:
    """Derivative, at each of `width` points, of the polynomial that fits values there best."""
    half = width // 2
    # Positions within ±1 keep the powers apart.
    x = np.arange(-half, half + 1) / half
    fit = np.linalg.pinv(np.vander(x, polyorder + 1, increasing=True), rcond=1e-15)
    powers = np.zeros((width, polyorder + 1))
    for k in range(deriv, polyorder + 1):
        powers[:, k] = math.perm(k, deriv) * x ** (k - deriv)
    return np.asarray(powers @ fit / (half * step) ** deriv)
