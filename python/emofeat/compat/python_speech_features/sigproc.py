"""Pre-emphasis, frames and power spectra, as `python_speech_features.sigproc`."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from emofeat._log import logger
from emofeat.compat._errors import OutOfRange
from emofeat.exceptions import from_code

__all__ = ["framesig", "powspec", "preemphasis"]

Array = npt.NDArray[np.floating[Any]]
WindowFunction = Callable[[int], npt.ArrayLike]


def whole_samples(length: float) -> int:
    """A length in samples, halves rounded up."""
    return int(Decimal(length).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def preemphasis(signal: npt.NDArray[Any], coeff: float = 0.95) -> Array:
    """`x[i] - coeff * x[i-1]` with the first sample kept, as `sigproc.preemphasis`.

    Parameters
    ----------
    signal : ndarray, `(n,)`
        Samples.
    coeff : float
        Coefficient; 0: no change.

    Raises
    ------
    IndexError
        A signal without samples.

    Examples
    --------
    >>> preemphasis(np.array([1.0, 1.0, 1.0]), 0.5)
    array([1. , 0.5, 0.5])
    """
    signal = np.asarray(signal)
    if signal.ndim != 1:
        raise from_code("bad_shape", f"a signal of shape {signal.shape}; allowed is (n,)")
    if not len(signal):
        raise OutOfRange("the signal has no sample", "no_samples")
    return np.append(signal[0], signal[1:] - coeff * signal[:-1])


def framesig(
    sig: npt.ArrayLike,
    frame_len: float,
    frame_step: float,
    winfunc: WindowFunction = lambda x: np.ones((x,)),
) -> Array:
    """Windowed frames of a signal, the last one filled up with zeros, as `sigproc.framesig`.

    Parameters
    ----------
    sig : array_like, `(n,)`
        Samples.
    frame_len, frame_step : float
        Length and distance of frames in samples, halves rounded up.
    winfunc : callable
        Gives the window for a number of samples.

    Returns
    -------
    ndarray, `(n_frames, frame_len)`

    Examples
    --------
    >>> framesig(np.arange(5.0), 4, 2)
    array([[0., 1., 2., 3.],
           [2., 3., 4., 0.]])
    """
    x = np.asarray(sig)
    if x.ndim != 1:
        raise from_code("bad_shape", f"a signal of shape {x.shape}; allowed is (n,)")
    length, step = whole_samples(frame_len), whole_samples(frame_step)
    if length < 1 or step < 1:
        raise from_code(
            "bad_parameter", f"frames of {length} samples every {step}; allowed are values from 1"
        )
    count = 1 if len(x) <= length else 1 + math.ceil((len(x) - length) / step)
    filled = np.concatenate([x, np.zeros(max((count - 1) * step + length - len(x), 0))])
    frames = np.lib.stride_tricks.sliding_window_view(filled, length)[::step][:count]
    return np.asarray(frames * np.asarray(winfunc(length)))


def powspec(frames: npt.NDArray[Any], NFFT: int) -> Array:
    """Power spectrum `|X|^2 / NFFT` of every row, as `sigproc.powspec`.

    Parameters
    ----------
    frames : ndarray, `(n_frames, frame_len)`
        Rows of samples; what a row has beyond `NFFT` is cut off, which is logged.
    NFFT : int
        Length of the FFT.

    Returns
    -------
    ndarray, `(n_frames, NFFT // 2 + 1)`

    Examples
    --------
    >>> powspec(np.ones((1, 4)), 4)
    array([[4., 0., 0.]])
    """
    frames = np.asarray(frames)
    warn_if_cut(frames.shape[1], NFFT)
    return np.asarray(np.abs(np.fft.rfft(frames, NFFT)) ** 2 / NFFT)


def warn_if_cut(length: int, n_fft: int) -> None:
    """Log that frames lose samples."""
    if length > n_fft:
        logger.warning(
            "frames of %d samples are longer than the FFT of %d and lose their end; raise nfft", length, n_fft
        )
