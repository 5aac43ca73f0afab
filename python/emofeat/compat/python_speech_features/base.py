"""Filterbank energies, cepstra, subband centroids and their differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from emofeat.compat._core import compute
from emofeat.compat._errors import OutOfRange, Refused
from emofeat.compat.python_speech_features.sigproc import (
    Array,
    WindowFunction,
    preemphasis,
    warn_if_cut,
    whole_samples,
)
from emofeat.exceptions import from_code

__all__ = ["delta", "fbank", "logfbank", "mfcc", "ssc"]


def mfcc(
    signal: npt.NDArray[Any],
    samplerate: int = 16000,
    winlen: float = 0.025,
    winstep: float = 0.01,
    numcep: int = 13,
    nfilt: int = 26,
    nfft: int = 512,
    lowfreq: float = 0,
    highfreq: float | None = None,
    preemph: float = 0.97,
    ceplifter: float = 22,
    appendEnergy: bool = True,
    winfunc: WindowFunction = lambda x: np.ones((x,)),
) -> Array:
    """Mel-frequency cepstral coefficients, as `python_speech_features.mfcc`.

    Parameters
    ----------
    signal, samplerate, winlen, winstep, nfilt, nfft, lowfreq, highfreq, preemph, winfunc
        As in `fbank`.
    numcep : int
        Number of coefficients, at most `nfilt`.
    ceplifter : float
        L of the lifter; 0 and below: none.
    appendEnergy : bool
        Whether the log energy stands in the place of coefficient 0.

    Returns
    -------
    ndarray of float64, `(n_frames, numcep)`

    Examples
    --------
    >>> mfcc(np.sin(0.1 * np.arange(16000))).shape
    (99, 13)
    """
    own: dict[str, object] = {"numcep": numcep}
    own |= {"ceplifter": float(max(ceplifter, 0)), "appendEnergy": bool(appendEnergy)}
    if numcep < 1:
        raise OutOfRange(f"numcep = {numcep}; allowed are values from 1")
    return _compute(
        "psf_mfcc", signal, samplerate, winlen, winstep, nfilt, nfft, lowfreq, highfreq, preemph, winfunc, own
    )


def fbank(
    signal: npt.NDArray[Any],
    samplerate: int = 16000,
    winlen: float = 0.025,
    winstep: float = 0.01,
    nfilt: int = 26,
    nfft: int = 512,
    lowfreq: float = 0,
    highfreq: float | None = None,
    preemph: float = 0.97,
    winfunc: WindowFunction = lambda x: np.ones((x,)),
) -> tuple[Array, Array]:
    """Mel filterbank energies, as `python_speech_features.fbank`.

    Parameters
    ----------
    signal : ndarray, `(n,)`
        Samples of any scale; integers count as they are.
    samplerate : int
        Hz, a whole number.
    winlen, winstep : float
        Length and distance of frames in seconds.
    nfilt : int
        Number of filters.
    nfft : int
        Length of the FFT; longer frames lose their end, which is logged.
    lowfreq, highfreq : float
        Edges of the filters in Hz; `highfreq` by default half the rate.
    preemph : float
        Coefficient of the pre-emphasis.
    winfunc : callable
        Gives the window for a number of samples.

    Returns
    -------
    features : ndarray of float64, `(n_frames, nfilt)`
    energy : ndarray of float64, `(n_frames,)`

    Raises
    ------
    AssertionError
        `highfreq` above half the rate.
    IndexError
        A signal without samples.

    Examples
    --------
    >>> features, energy = fbank(np.sin(0.1 * np.arange(16000)))
    >>> features.shape, energy.shape
    ((99, 26), (99,))
    """
    values = _compute(
        "psf_fbank", signal, samplerate, winlen, winstep, nfilt, nfft, lowfreq, highfreq, preemph, winfunc, {}
    )
    return values[:, :-1].copy(), values[:, -1].copy()


def logfbank(
    signal: npt.NDArray[Any],
    samplerate: int = 16000,
    winlen: float = 0.025,
    winstep: float = 0.01,
    nfilt: int = 26,
    nfft: int = 512,
    lowfreq: float = 0,
    highfreq: float | None = None,
    preemph: float = 0.97,
) -> Array:
    """Natural logarithms of the energies of `fbank`, as `python_speech_features.logfbank`.

    Parameters
    ----------
    signal, samplerate, winlen, winstep, nfilt, nfft, lowfreq, highfreq, preemph
        As in `fbank`.

    Returns
    -------
    ndarray of float64, `(n_frames, nfilt)`

    Examples
    --------
    >>> round(float(logfbank(np.zeros(16000))[0, 0]), 2)
    -36.04
    """
    return _compute(
        "psf_logfbank", signal, samplerate, winlen, winstep, nfilt, nfft, lowfreq, highfreq, preemph, None, {}
    )


def ssc(
    signal: npt.NDArray[Any],
    samplerate: int = 16000,
    winlen: float = 0.025,
    winstep: float = 0.01,
    nfilt: int = 26,
    nfft: int = 512,
    lowfreq: float = 0,
    highfreq: float | None = None,
    preemph: float = 0.97,
    winfunc: WindowFunction = lambda x: np.ones((x,)),
) -> Array:
    """Spectral subband centroids in Hz, as `python_speech_features.ssc`.

    Parameters
    ----------
    signal, samplerate, winlen, winstep, nfilt, nfft, lowfreq, highfreq, preemph, winfunc
        As in `fbank`.

    Returns
    -------
    ndarray of float64, `(n_frames, nfilt)`
        NaN for a filter too narrow to hold a bin.

    Examples
    --------
    >>> ssc(np.sin(0.1 * np.arange(16000))).shape
    (99, 26)
    """
    return _compute(
        "psf_ssc", signal, samplerate, winlen, winstep, nfilt, nfft, lowfreq, highfreq, preemph, winfunc, {}
    )


def _compute(
    name: str, signal: Any, samplerate: float, winlen: float, winstep: float, nfilt: int, nfft: int,
    lowfreq: float, highfreq: float | None, preemph: float, winfunc: WindowFunction | None,
    own: dict[str, object],
) -> Array:  # fmt: skip
    """One feature of the core in double precision, with what the package does before it."""
    y = np.asarray(signal)
    if y.ndim != 1 or y.dtype.kind not in "fiu":
        raise from_code(
            "bad_shape", f"a signal of shape {y.shape} and type {y.dtype}; allowed are numbers, (n,)"
        )
    if not len(y):
        raise OutOfRange("the signal has no sample", "no_samples")
    if highfreq and highfreq > samplerate / 2:
        raise Refused(f"highfreq = {highfreq}; allowed is up to half the rate, {samplerate / 2:g} Hz")
    if y.dtype.kind == "f" and y.dtype != np.float64:
        # The package emphasises in the signal's own precision, and computes in double from there on.
        y, preemph = preemphasis(y, preemph), 0.0
    length = whole_samples(winlen * samplerate)
    warn_if_cut(length, nfft)
    window: object = "rectangular"
    if winfunc is not None:
        samples = np.asarray(winfunc(length), dtype=np.float64)
        if samples.shape != (length,):
            raise from_code(
                "bad_parameter", f"winfunc gives the shape {samples.shape}; a frame has {length} samples"
            )
        window = window if np.all(samples == 1.0) else samples
    params: dict[str, object] = {
        "winlen": float(winlen),
        "winstep": float(winstep),
        "nfft": nfft,
        "preemph": float(preemph),
        "winfunc": window,
        "nfilt": nfilt,
        "lowfreq": float(lowfreq),
        "highfreq": None if highfreq is None else float(highfreq),
        **own,
    }
    return compute(name, y.astype(np.float64, copy=False), samplerate, params, on_nonfinite="keep")


def delta(feat: npt.NDArray[Any], N: int) -> Array:
    """Differences along time by regression over `2 N + 1` frames, as `python_speech_features.delta`.

    Parameters
    ----------
    feat : ndarray, `(n_frames, n_columns)`
        Features; the first and the last row are repeated beyond the ends.
    N : int
        Frames to either side.

    Returns
    -------
    ndarray of the shape and type of `feat`

    Raises
    ------
    ValueError
        `N` below 1.

    Examples
    --------
    >>> delta(np.array([[0.0], [1.0], [2.0], [3.0]]), 1).ravel()
    array([0.5, 1. , 1. , 0.5])
    """
    feat = np.asarray(feat)
    if N < 1:
        raise from_code("bad_parameter", f"N = {N}; allowed are values from 1")
    if feat.ndim != 2:
        raise from_code("bad_shape", f"features of shape {feat.shape}; allowed is (n_frames, n_columns)")
    n = len(feat)
    rows = np.pad(feat.astype(np.float64), ((N, N), (0, 0)), mode="edge")
    total = sum(k * (rows[N + k : N + k + n] - rows[N - k : N - k + n]) for k in range(1, N + 1))
    out: Array = (total / (2 * sum(k * k for k in range(1, N + 1)))).astype(feat.dtype)  # type: ignore[union-attr]
    return out
