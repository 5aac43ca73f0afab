"""Fundamental frequency, as `librosa.yin` and `librosa.pyin`."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from emofeat.compat.librosa._input import (
    CORE_PADDING,
    Array,
    core_rate,
    features,
    padded,
    valid_audio,
    whole,
)
from emofeat.compat.librosa.util.exceptions import ParameterError

__all__ = ["pyin", "yin"]

Samples = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


class _Deprecated:
    """The default of an argument that has no effect any more."""

    def __repr__(self) -> str:
        return "<DEPRECATED parameter>"


_DEPRECATED = _Deprecated()


def yin(
    y: Samples,
    *,
    fmin: float,
    fmax: float,
    sr: float = 22050,
    frame_length: int = 2048,
    win_length: Any = _DEPRECATED,
    hop_length: int | None = None,
    trough_threshold: float = 0.1,
    center: bool = True,
    pad_mode: Any = "constant",
) -> Array:
    """Fundamental frequency in Hz by YIN, as `librosa.yin`.

    Parameters
    ----------
    y : ndarray, `(..., n)`
        Floating-point samples.
    fmin, fmax : float
        Lowest and highest frequency in Hz; `0 < fmin < fmax <= sr / 2`.
    sr : number
        Sampling rate in Hz.
    frame_length : int
        Length of a frame; a period of `fmin` has to fit in.
    win_length
        Has no effect (deprecated in librosa).
    hop_length : int, optional
        Samples from frame to frame; by default a quarter of `frame_length`.
    trough_threshold : float
        The first trough of the difference function below this is the period.
    center : bool
        Whether frame t is centred at sample `t * hop_length`.
    pad_mode : str or callable
        What stands beyond the signal, as `numpy.pad`.

    Returns
    -------
    ndarray of float64, `(..., n_frames)`
        Unvoiced frames have a value as well.

    Raises
    ------
    ParameterError
        Whatever librosa refuses.

    Warns
    -----
    UserWarning
        Less than two periods of `fmin` in a frame.
    FutureWarning
        `win_length`.

    Examples
    --------
    >>> y = np.sin(2 * np.pi * 220.0 * np.arange(22050) / 22050)
    >>> bool(abs(yin(y, fmin=65.0, fmax=600.0)[20] - 220.0) < 0.5)
    True
    """
    y, rate, scale, params = _analysis(
        y, fmin, fmax, sr, frame_length, win_length, hop_length, center, pad_mode
    )
    f0 = features("yin", y, rate, {**params, "trough_threshold": trough_threshold})
    return f0[..., 0, :] / scale


def pyin(
    y: Samples,
    *,
    fmin: float,
    fmax: float,
    sr: float = 22050,
    frame_length: int = 2048,
    win_length: Any = _DEPRECATED,
    hop_length: int | None = None,
    n_thresholds: int = 100,
    beta_parameters: tuple[float, float] = (2, 18),
    boltzmann_parameter: float = 2,
    resolution: float = 0.1,
    max_transition_rate: float = 35.92,
    switch_prob: float = 0.01,
    no_trough_prob: float = 0.01,
    fill_na: float | None = np.nan,
    center: bool = True,
    pad_mode: Any = "constant",
) -> tuple[Array, Flags, Array]:
    """Fundamental frequency and voicing by pYIN, as `librosa.pyin`.

    Parameters
    ----------
    y, fmin, fmax, sr, frame_length, win_length, hop_length, center, pad_mode
        As in `yin`.
    n_thresholds : int
        Number of thresholds for troughs, spaced evenly from 0 to 1.
    beta_parameters : two numbers
        Shape of the beta distribution over thresholds.
    boltzmann_parameter : float
        How much shorter periods are preferred.
    resolution : float
        Width of a pitch bin in semitones.
    max_transition_rate : float
        Fastest change of pitch in octaves per second.
    switch_prob : float
        Probability that voicing changes from frame to frame.
    no_trough_prob : float
        Share of the thresholds below all troughs that goes to the deepest one.
    fill_na : float, optional
        `f0` of unvoiced frames; none: the best guess.

    Returns
    -------
    f0 : ndarray of float64, `(..., n_frames)`
    voiced_flag : ndarray of bool, `(..., n_frames)`
    voiced_prob : ndarray of float64, `(..., n_frames)`

    Raises
    ------
    ParameterError
        Whatever librosa refuses.

    Warns
    -----
    UserWarning, FutureWarning
        As `yin`.

    Examples
    --------
    >>> y = np.sin(2 * np.pi * 220.0 * np.arange(22050) / 22050)
    >>> f0, voiced, _ = pyin(y, fmin=65.0, fmax=600.0)
    >>> bool(voiced[20]), round(float(f0[20]))
    (True, 220)
    """
    y, rate, scale, params = _analysis(
        y, fmin, fmax, sr, frame_length, win_length, hop_length, center, pad_mode
    )
    priors = {
        "n_thresholds": whole("n_thresholds", n_thresholds),
        "beta_parameters": np.asarray(beta_parameters, dtype=np.float64),
        "boltzmann_parameter": boltzmann_parameter,
        # A whole number of bins to a semitone, at least one.
        "resolution": min(resolution, 1.0),
        "max_transition_rate": max_transition_rate * scale,
        "switch_prob": switch_prob,
        "no_trough_prob": no_trough_prob,
        "fill_na": None,
    }
    columns = features("pyin", y, rate, {**params, **priors})
    f0, voiced, probability = (np.array(columns[..., i, :]) for i in range(3))
    f0 /= scale
    flags = voiced > 0
    if fill_na is not None:
        f0[~flags] = fill_na
    return f0, flags, probability


def _analysis(
    y: object,
    fmin: Any,
    fmax: Any,
    sr: Any,
    frame_length: object,
    win_length: object,
    hop_length: object,
    center: object,
    pad_mode: Any,
) -> tuple[Array, int, float, dict[str, object]]:
    """The signal, the core's rate for it and that rate over `sr`, and the arguments as the core takes them."""
    if fmin is None or fmax is None:
        raise ParameterError("fmin and fmax have no defaults; give both")
    if win_length is not _DEPRECATED:
        warnings.warn("win_length has no effect, leave it out", FutureWarning, stacklevel=3)
    length = whole("frame_length", frame_length)
    _check_range(float(fmin), float(fmax), float(sr), length)
    if sr / fmin >= length // 2:
        warnings.warn(
            f"less than two periods of fmin = {fmin} Hz fit into {length} samples at {sr} Hz, which makes "
            f"pitch uncertain; frame_length from {2 * math.ceil(sr / fmin) + 1} or a higher fmin avoids it",
            UserWarning,
            stacklevel=3,
        )
    hop = whole("hop_length", length // 4 if hop_length is None else hop_length)
    y, centred = valid_audio(y), bool(center)
    if centred and (pad_mode not in CORE_PADDING or (y.shape[-1] == 0 and pad_mode != "constant")):
        y, centred = padded(y, length // 2, pad_mode), False
    if y.shape[-1] + (length // 2 * 2 if centred else 0) < length:
        raise ParameterError(
            f"{y.shape[-1]} samples are too few for a frame of {length}; allowed is a shorter frame_length"
        )
    rate, low, high = _at_whole_rate(float(fmin), float(fmax), float(sr))
    params: dict[str, object] = {
        "fmin": low,
        "fmax": high,
        "frame_length": length,
        "hop_length": hop,
        "center": centred,
        "pad_mode": pad_mode if centred else "constant",
    }
    return y, rate, rate / float(sr), params


def _check_range(fmin: float, fmax: float, sr: float, length: int) -> None:
    if not 0 < fmin < fmax <= sr / 2:
        raise ParameterError(
            f"fmin = {fmin} Hz, fmax = {fmax} Hz at {sr} Hz; allowed is 0 < fmin < fmax <= {sr / 2} Hz"
        )
    if sr / fmin >= length - 1:
        raise ParameterError(
            f"a period of fmin = {fmin} Hz at {sr} Hz does not fit into {length} samples; allowed is "
            f"frame_length from {math.ceil(sr / fmin) + 2}, or fmin above {sr / (length - 1)} Hz"
        )


def _at_whole_rate(fmin: float, fmax: float, sr: float) -> tuple[int, float, float]:
    """A rate that the core takes, and frequencies that have the same shortest and longest period there."""
    rate = core_rate(sr)
    if rate is not None:
        return rate, fmin, fmax
    rate = min(max(round(sr), 1), 768_000)
    low, high = fmin * rate / sr, fmax * rate / sr
    # Rounding must not move a period over a whole number of samples.
    while math.floor(rate / high) < math.floor(sr / fmax):
        high = math.nextafter(high, 0.0)
    while math.floor(rate / high) > math.floor(sr / fmax) or high <= low:
        high = math.nextafter(high, math.inf)
    while math.ceil(rate / low) < math.ceil(sr / fmin):
        low = math.nextafter(low, 0.0)
    while math.ceil(rate / low) > math.ceil(sr / fmin):
        low = math.nextafter(low, math.inf)
    return rate, low, min(high, rate / 2)
