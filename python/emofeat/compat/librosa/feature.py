"""Features, as `librosa.feature`: same arguments, shapes and types, computed by emofeat's core."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from emofeat.compat.librosa import _shape
from emofeat.compat.librosa._input import (
    ANY_RATE,
    CORE_PADDING,
    Array,
    analysis,
    core_rate,
    features,
    is_number,
    nonnegative,
    normalised,
    padded,
    precision,
    rounded,
    spectrogram,
    valid_audio,
    whole,
)
from emofeat.compat.librosa._windows import WindowSpec
from emofeat.compat.librosa.core import fft_frequencies, power_to_db
from emofeat.compat.librosa.filters import MelNorm, basis
from emofeat.compat.librosa.util.exceptions import ParameterError

__all__ = [
    "chroma_stft",
    "delta",
    "melspectrogram",
    "mfcc",
    "rms",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_rolloff",
    "zero_crossing_rate",
]

Samples = npt.NDArray[Any]


def _core_mel(
    sr: float,
    n_mels: object,
    fmin: object,
    fmax: object,
    htk: bool,
    norm: object,
    dtype: object,
    power: object,
) -> dict[str, object] | None:
    """The mel parameters as the core takes them, or none if it does not take these values."""
    top = sr / 2.0 if fmax is None else fmax
    plain = (
        core_rate(sr) is not None
        and isinstance(n_mels, int | np.integer)
        and is_number(n_mels, 1, 4096)
        and is_number(fmin, 0.0, 1e6)
        and is_number(top, 0.0, 1e6)
        and fmin < top  # type: ignore[operator]
        and (norm is None or isinstance(norm, str))
        and is_number(power, 1e-3, 10.0)
        and np.dtype(dtype) == np.float32  # type: ignore[call-overload]
    )
    if not plain:
        return None
    return {
        "n_mels": int(n_mels),  # type: ignore[call-overload]
        "fmin": fmin,
        "fmax": fmax,
        "htk": bool(htk),
        "norm": norm,
        "power": power,
    }


def melspectrogram(
    *,
    y: Samples | None = None,
    sr: float = 22050,
    S: npt.ArrayLike | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: WindowSpec = "hann",
    center: bool = True,
    pad_mode: Any = "constant",
    power: float = 2.0,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: MelNorm = "slaney",
    dtype: npt.DTypeLike = np.float32,
) -> Array:
    """Mel-scaled spectrogram, as `librosa.feature.melspectrogram`.

    Parameters
    ----------
    y : ndarray, `(..., n)`
        Floating-point samples.
    sr : number
        Sampling rate in Hz.
    S : array_like, `(..., 1 + n_fft // 2, n_frames)`
        Spectrogram, taken in place of `y` as it is; the arguments of the analysis have no meaning then.
    n_fft, hop_length, win_length, window, center, pad_mode
        The analysis, as in `stft`.
    power : float
        Exponent of the magnitude.
    n_mels, fmin, fmax, htk, norm, dtype
        The filters, as in `filters.mel`.

    Returns
    -------
    ndarray, `(..., n_mels, n_frames)`
        float32 for float32, float64 for float64.

    Raises
    ------
    ParameterError
        Whatever librosa refuses.

    Examples
    --------
    >>> melspectrogram(y=np.zeros(22050, dtype=np.float32), n_mels=40).shape
    (40, 44)
    """
    fast = None if S is not None or y is None else _core_mel(sr, n_mels, fmin, fmax, htk, norm, dtype, power)
    if fast is not None:
        y, params = analysis(y, n_fft, hop_length, win_length, window, center, pad_mode)
        basis(sr, n_fft, n_mels, fmin, fmax, htk, norm, dtype)  # warns of empty filters
        return rounded(features("melspectrogram", y, int(sr), {**params, **fast}), precision(y))
    S, n_fft = spectrogram(y, S, n_fft, hop_length, win_length, window, center, pad_mode, power)
    out: Array = np.matmul(basis(sr, n_fft, n_mels, fmin, fmax, htk, norm, dtype), S)
    return out


def mfcc(
    *,
    y: Samples | None = None,
    sr: float = 22050,
    S: npt.ArrayLike | None = None,
    n_mfcc: int = 20,
    dct_type: int = 2,
    norm: str | None = "ortho",
    lifter: float = 0,
    mel_norm: MelNorm = "slaney",
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: WindowSpec = "hann",
    center: bool = True,
    pad_mode: Any = "constant",
    power: float = 2.0,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    dtype: npt.DTypeLike = np.float32,
) -> Array:
    """Mel-frequency cepstral coefficients, as `librosa.feature.mfcc`.

    Parameters
    ----------
    y : ndarray, `(..., n)`
        Floating-point samples.
    sr : number
        Sampling rate in Hz.
    S : array_like, `(..., n_mels, n_frames)`
        Mel spectrogram in decibels, taken in place of `y`; only `n_mfcc`, `dct_type`, `norm` and `lifter`
        have a meaning then.
    n_mfcc : int
        Number of coefficients.
    dct_type : int
        Type of the cosine transform, 1 to 4.
    norm : str, optional
        'ortho', 'forward', or none.
    lifter : float
        Coefficient n (from 1) is multiplied by `1 + lifter / 2 * sin(pi * n / lifter)`; 0: not.
    mel_norm : 'slaney', number or None
        `norm` of the mel filters.
    n_fft, hop_length, win_length, window, center, pad_mode, power, n_mels, fmin, fmax, htk, dtype
        As in `melspectrogram`.

    Returns
    -------
    ndarray, `(..., n_mfcc, n_frames)`

    Raises
    ------
    ParameterError
        A negative lifter, and whatever else librosa refuses.

    Examples
    --------
    >>> mfcc(y=np.zeros(22050, dtype=np.float32), n_mfcc=13).shape
    (13, 44)
    """
    if not is_number(lifter, 0.0, np.inf):
        raise ParameterError(f"lifter = {lifter!r}; allowed are numbers from 0")
    n_mfcc = whole("n_mfcc", n_mfcc)
    mel = (
        None if S is not None or y is None else _core_mel(sr, n_mels, fmin, fmax, htk, mel_norm, dtype, power)
    )
    if (
        mel is not None
        # The range of 80 dB counts from the loudest channel.
        and np.ndim(y) == 1  # type: ignore[arg-type]
        and dct_type in (1, 2, 3)
        and norm in ("ortho", None)
        and n_mfcc <= n_mels
        and n_mels > 1
    ):
        y, params = analysis(y, n_fft, hop_length, win_length, window, center, pad_mode)
        basis(sr, n_fft, n_mels, fmin, fmax, htk, mel_norm, dtype)  # warns of empty filters
        cepstrum = {"n_mfcc": n_mfcc, "dct_type": int(dct_type), "dct_norm": norm, "lifter": float(lifter)}
        return rounded(features("mfcc", y, int(sr), {**params, **mel, **cepstrum}), precision(y))
    if S is None:
        front = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length, "window": window}
        bank = {"n_mels": n_mels, "fmin": fmin, "fmax": fmax, "htk": htk, "norm": mel_norm, "dtype": dtype}
        front |= {"center": center, "pad_mode": pad_mode, "power": power}
        S = power_to_db(melspectrogram(y=y, sr=sr, **front, **bank))  # type: ignore[arg-type]
    levels = np.asarray(S)
    if levels.ndim < 2 or np.iscomplexobj(levels):
        raise ParameterError(
            f"S of shape {levels.shape} and type {levels.dtype}; allowed are numbers, (..., n_mels, n_frames)"
        )
    if lifter > 0 and n_mfcc > levels.shape[-2]:
        raise ParameterError(f"n_mfcc = {n_mfcc} liftered coefficients of {levels.shape[-2]} bands")
    matrix = _shape.cosine_transform(dct_type, levels.shape[-2], norm)[:n_mfcc]
    if lifter > 0:
        matrix = (
            matrix * (1.0 + lifter / 2.0 * np.sin(np.pi * np.arange(1, n_mfcc + 1) / lifter))[:, np.newaxis]
        )
    kind = np.float32 if levels.dtype in (np.float32, np.float16) else np.float64
    return rounded(np.matmul(matrix, levels), kind)


def chroma_stft(
    *,
    y: Samples | None = None,
    sr: float = 22050,
    S: npt.ArrayLike | None = None,
    norm: float | None = np.inf,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: WindowSpec = "hann",
    center: bool = True,
    pad_mode: Any = "constant",
    tuning: float | None = None,
    n_chroma: int = 12,
    ctroct: float = 5.0,
    octwidth: float | None = 2,
    base_c: bool = True,
    dtype: npt.DTypeLike = np.float32,
) -> Array:
    """Power in each pitch class, as `librosa.feature.chroma_stft`.

    Parameters
    ----------
    y : ndarray, `(..., n)`
        Floating-point samples.
    sr : number
        Sampling rate in Hz.
    S : array_like, `(..., 1 + n_fft // 2, n_frames)`
        Power spectrogram, taken in place of `y`.
    norm : float, optional
        Order of the norm that each frame is divided by; none: not.
    n_fft, hop_length, win_length, window, center, pad_mode
        The analysis, as in `stft`.
    tuning : float, optional
        Deviation from 440 Hz in steps of the pitch classes; none: estimated from all channels together.
    n_chroma : int
        Number of pitch classes.
    ctroct, octwidth : float
        Centre and width of the emphasis over octaves, above 27.5 Hz; `octwidth` none: no emphasis.
    base_c : bool
        Whether the first class is C, or A.
    dtype : type
        Type of the filters.

    Returns
    -------
    ndarray, `(..., n_chroma, n_frames)`

    Warns
    -----
    UserWarning
        No peak to estimate the tuning from, which is 0 then.

    Examples
    --------
    >>> y = np.sin(2 * np.pi * 440.0 * np.arange(22050) / 22050)
    >>> int(chroma_stft(y=y).mean(axis=1).argmax())  # A
    9
    """
    n_chroma = whole("n_chroma", n_chroma)
    rate = core_rate(sr)
    if (
        S is None
        and isinstance(y, np.ndarray)
        and rate is not None
        # Without a given tuning, librosa estimates one from all channels together.
        and (y.ndim == 1 or tuning is not None)
        and (tuning is None or is_number(tuning, -1e3, 1e3))
        and n_chroma <= 4096
        and (norm is None or is_number(norm, 1e-3, np.inf))
        and is_number(ctroct, -100.0, 100.0)
        and (octwidth is None or is_number(octwidth, 1e-3, 1e6))
        and np.dtype(dtype) == np.float32
        and isinstance(n_fft, int | np.integer)
        and n_fft > 1
        # The tuning of an odd transform is estimated as if it had one sample less.
        and (tuning is not None or n_fft % 2 == 0)
    ):
        y, params = analysis(y, n_fft, hop_length, win_length, window, center, pad_mode)
        own = {"n_chroma": n_chroma, "tuning": tuning, "norm": norm, "ctroct": ctroct, "octwidth": octwidth}
        out = features("chroma_stft", y, rate, {**params, **own, "base_c": bool(base_c)})
        if tuning is None and not out.any():
            warnings.warn("Trying to estimate tuning from empty frequency set.", UserWarning, stacklevel=2)
        return out.astype(precision(y), copy=False)
    S, n_fft = spectrogram(y, S, n_fft, hop_length, win_length, window, center, pad_mode, 2)
    if tuning is None:
        tuning = _shape.tuning(np.abs(S), sr, n_chroma)
    filters = _shape.chroma_filters(
        float(sr), n_fft, n_chroma, float(tuning), float(ctroct), octwidth, bool(base_c), np.dtype(dtype)
    )
    return normalised(np.matmul(filters, S), norm, -2)


def spectral_centroid(
    *,
    y: Samples | None = None,
    sr: float = 22050,
    S: npt.ArrayLike | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    freq: npt.ArrayLike | None = None,
    win_length: int | None = None,
    window: WindowSpec = "hann",
    center: bool = True,
    pad_mode: Any = "constant",
) -> Array:
    """Mean frequency of the spectrum in Hz, as `librosa.feature.spectral_centroid`.

    Parameters
    ----------
    y : ndarray, `(..., n)`
        Floating-point samples.
    sr : number
        Sampling rate in Hz.
    S : array_like, `(..., 1 + n_fft // 2, n_frames)`
        Magnitudes, taken in place of `y`.
    n_fft, hop_length, win_length, window, center, pad_mode
        The analysis, as in `stft`.
    freq : array_like, `(n_bins,)` or `(..., n_bins, n_frames)`
        Frequencies of the bins in Hz, where they are not those of a Fourier transform.

    Returns
    -------
    ndarray of float64, `(..., 1, n_frames)`

    Examples
    --------
    >>> float(spectral_centroid(S=np.array([[0.0], [1.0], [0.0]]), sr=16000)[0, 0])
    4000.0
    """
    rate = core_rate(sr)
    if S is None and y is not None and freq is None and rate is not None:
        y, params = analysis(y, n_fft, hop_length, win_length, window, center, pad_mode)
        return features("spectral_centroid", y, rate, params)
    S, n_fft = spectrogram(y, S, n_fft, hop_length, win_length, window, center, pad_mode, 1)
    S = nonnegative(S, "the centroid")
    return _shape.centroid(S, _shape.frequencies(freq, sr, n_fft))


def spectral_bandwidth(
    *,
    y: Samples | None = None,
    sr: float = 22050,
    S: npt.ArrayLike | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: WindowSpec = "hann",
    center: bool = True,
    pad_mode: Any = "constant",
    freq: npt.ArrayLike | None = None,
    centroid: npt.ArrayLike | None = None,
    norm: bool = True,
    p: float = 2,
) -> Array:
    """Spread of the spectrum around its centroid in Hz, as `librosa.feature.spectral_bandwidth`.

    Parameters
    ----------
    y, sr, S, n_fft, hop_length, win_length, window, center, pad_mode, freq
        As in `spectral_centroid`.
    centroid : array_like, `(..., 1, n_frames)`
        Centres, in place of the spectrum's own.
    norm : bool
        Whether the magnitudes of a frame are divided by their sum.
    p : float
        Exponent of the distance from the centre.

    Returns
    -------
    ndarray of float64, `(..., 1, n_frames)`

    Examples
    --------
    >>> float(spectral_bandwidth(S=np.array([[1.0], [0.0], [1.0]]), sr=16000)[0, 0])
    4000.0
    """
    rate = core_rate(sr)
    if (
        S is None
        and y is not None
        and freq is None
        and centroid is None
        and rate is not None
        and is_number(p, 1e-3, 100)
    ):
        y, params = analysis(y, n_fft, hop_length, win_length, window, center, pad_mode)
        return features("spectral_bandwidth", y, rate, {**params, "norm": bool(norm), "p": float(p)})
    S, n_fft = spectrogram(y, S, n_fft, hop_length, win_length, window, center, pad_mode, 1)
    S, f = nonnegative(S, "the bandwidth"), _shape.frequencies(freq, sr, n_fft)
    centre = _shape.centroid(S, f) if centroid is None else np.asarray(centroid)
    return _shape.bandwidth(S, f, centre, bool(norm), p)


def spectral_contrast(
    *,
    y: Samples | None = None,
    sr: float = 22050,
    S: npt.ArrayLike | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: WindowSpec = "hann",
    center: bool = True,
    pad_mode: Any = "constant",
    freq: npt.ArrayLike | None = None,
    fmin: float = 200.0,
    n_bands: int = 6,
    quantile: float = 0.02,
    linear: bool = False,
) -> Array:
    """Peaks over valleys of the spectrum in each octave band, as `librosa.feature.spectral_contrast`.

    Parameters
    ----------
    y, sr, S, n_fft, hop_length, win_length, window, center, pad_mode
        As in `spectral_centroid`.
    freq : array_like, `(n_bins,)`
        Frequencies of the bins in Hz.
    fmin : float
        Upper edge of the first band in Hz; every further band is an octave.
    n_bands : int
        Number of bands above the first.
    quantile : float
        Share of a band's bins that make a peak and a valley.
    linear : bool
        Difference of the magnitudes, not of their levels in dB.

    Returns
    -------
    ndarray of float64, `(..., n_bands + 1, n_frames)`

    Raises
    ------
    ParameterError
        A band above half the rate or without a bin, and whatever else librosa refuses. A first band of one
        bin as well, for which librosa gives NaN throughout.

    Examples
    --------
    >>> spectral_contrast(y=np.zeros(22050), sr=22050).shape
    (7, 44)
    """
    if not (is_number(quantile, 0.0, 1.0) and 0.0 < quantile < 1.0):
        raise ParameterError(f"quantile = {quantile!r}; allowed are values above 0 and below 1")
    rate = core_rate(sr)
    # Its range of 80 dB counts from the loudest channel.
    if S is None and freq is None and rate is not None and isinstance(y, np.ndarray) and y.ndim == 1:
        y, params = analysis(y, n_fft, hop_length, win_length, window, center, pad_mode)
        _shape.bands(_shape.frequencies(None, sr, n_fft)[:, 0], fmin, n_bands, sr)
        if is_number(fmin, 1e-3, 1e6) and n_bands <= 64:
            own = {"fmin": fmin, "n_bands": int(n_bands), "quantile": quantile, "linear": bool(linear)}
            return rounded(features("spectral_contrast", y, rate, {**params, **own}), np.float64)
    S, n_fft = spectrogram(y, S, n_fft, hop_length, win_length, window, center, pad_mode, 1)
    f = np.atleast_1d(fft_frequencies(sr=sr, n_fft=n_fft) if freq is None else np.asarray(freq))
    if f.ndim != 1 or len(f) != S.shape[-2]:
        raise ParameterError(
            f"freq of shape {f.shape}; the spectrum has {S.shape[-2]} bins, allowed is one value for each"
        )
    return _shape.contrast(S, _shape.bands(f, fmin, n_bands, sr), quantile, bool(linear))


def spectral_flatness(
    *,
    y: Samples | None = None,
    S: npt.ArrayLike | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: WindowSpec = "hann",
    center: bool = True,
    pad_mode: Any = "constant",
    amin: float = 1e-10,
    power: float = 2.0,
) -> Array:
    """Geometric over arithmetic mean of the spectrum, as `librosa.feature.spectral_flatness`.

    Parameters
    ----------
    y, S, n_fft, hop_length, win_length, window, center, pad_mode
        As in `spectral_centroid`.
    amin : float
        Value below which everything counts as this.
    power : float
        Exponent of the magnitude.

    Returns
    -------
    ndarray, `(..., 1, n_frames)`

    Examples
    --------
    >>> float(spectral_flatness(S=np.ones((5, 1)))[0, 0])
    1.0
    """
    if amin <= 0:
        raise ParameterError(f"amin = {amin}; allowed are values above 0")
    if S is None and y is not None and is_number(amin, 1e-30, 1e30) and is_number(power, 1e-3, 10.0):
        y, params = analysis(y, n_fft, hop_length, win_length, window, center, pad_mode)
        own = {"amin": float(amin), "power": float(power)}
        return rounded(features("spectral_flatness", y, ANY_RATE, {**params, **own}), precision(y))
    S, _ = spectrogram(y, S, n_fft, hop_length, win_length, window, center, pad_mode, 1)
    return _shape.flatness(nonnegative(S, "the flatness"), amin, power)


def spectral_rolloff(
    *,
    y: Samples | None = None,
    sr: float = 22050,
    S: npt.ArrayLike | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: WindowSpec = "hann",
    center: bool = True,
    pad_mode: Any = "constant",
    freq: npt.ArrayLike | None = None,
    roll_percent: float = 0.85,
) -> Array:
    """Frequency in Hz below which a share of the magnitude lies, as `librosa.feature.spectral_rolloff`.

    Parameters
    ----------
    y, sr, S, n_fft, hop_length, win_length, window, center, pad_mode, freq
        As in `spectral_centroid`.
    roll_percent : float
        The share.

    Returns
    -------
    ndarray of float64, `(..., 1, n_frames)`

    Examples
    --------
    >>> float(spectral_rolloff(S=np.ones((5, 1)), sr=16000, roll_percent=0.5)[0, 0])
    4000.0
    """
    if not (is_number(roll_percent, 0.0, 1.0) and 0.0 < roll_percent < 1.0):
        raise ParameterError(f"roll_percent = {roll_percent!r}; allowed are values above 0 and below 1")
    rate = core_rate(sr)
    if S is None and y is not None and freq is None and rate is not None:
        y, params = analysis(y, n_fft, hop_length, win_length, window, center, pad_mode)
        return features("spectral_rolloff", y, rate, {**params, "roll_percent": float(roll_percent)})
    S, n_fft = spectrogram(y, S, n_fft, hop_length, win_length, window, center, pad_mode, 1)
    return _shape.rolloff(nonnegative(S, "the roll-off"), _shape.frequencies(freq, sr, n_fft), roll_percent)


def _frames(y: Array, frame_length: object, hop_length: object, center: bool) -> tuple[int, int]:
    """Length and hop of plain frames, of which there is at least one."""
    length, hop = whole("frame_length", frame_length), whole("hop_length", hop_length)
    n = y.shape[-1] + (2 * (length // 2) if center else 0)
    if n < length:
        raise ParameterError(f"input of length {n} is too short for frame_length={length}")
    return length, hop


def rms(
    *,
    y: Samples | None = None,
    S: npt.ArrayLike | None = None,
    frame_length: int = 2048,
    hop_length: int = 512,
    center: bool = True,
    pad_mode: Any = "constant",
    dtype: npt.DTypeLike = np.float32,
) -> Array:
    """Root mean square of each frame, as `librosa.feature.rms`.

    Parameters
    ----------
    y : array_like, `(..., n)`
        Samples; integers as they are.
    S : array_like, `(..., 1 + frame_length // 2, n_frames)`
        Magnitudes with a rectangular window, if `y` is not given.
    frame_length, hop_length : int
        The frames.
    center : bool
        Whether frame t is centred at sample `t * hop_length`.
    pad_mode : str or callable
        What stands beyond the signal, as `numpy.pad`.
    dtype : type
        float32 or float64.

    Returns
    -------
    ndarray of `dtype`, `(..., 1, n_frames)`

    Examples
    --------
    >>> rms(y=np.full(4096, 0.5), center=False)
    array([[0.5, 0.5, 0.5, 0.5, 0.5]], dtype=float32)
    """
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ParameterError(f"dtype = {kind}; allowed are float32 and float64")
    if y is not None:
        y = np.asarray(y)
        if y.dtype.kind not in "fiu" or y.ndim == 0:
            raise ParameterError(
                f"audio of shape {y.shape} and type {y.dtype}; allowed are real numbers, (..., n)"
            )
        length, hop = _frames(y, frame_length, hop_length, center)
        if center and (pad_mode not in CORE_PADDING or y.shape[-1] == 0):
            y, center = padded(y, length // 2, pad_mode), False
        if y.dtype.kind != "f":
            y = y.astype(np.float64)  # as they are, not scaled to ±1
        params: dict[str, object] = {"frame_length": length, "hop_length": hop, "center": bool(center)}
        params["pad_mode"] = pad_mode if center else "constant"
        return rounded(features("rms", y, ANY_RATE, params, "keep"), kind)
    if S is None:
        raise ParameterError("neither y nor S is given; one of them is needed")
    S = np.asarray(S)
    if S.ndim < 2 or S.shape[-2] != frame_length // 2 + 1:
        raise ParameterError(
            f"S has the shape {S.shape}; frame_length = {frame_length} needs {frame_length // 2 + 1} bins"
        )
    power = (np.abs(S) ** 2).astype(kind)
    power[..., 0, :] *= 0.5
    if frame_length % 2 == 0:
        power[..., -1, :] *= 0.5
    out: Array = np.sqrt(2 * np.sum(power, axis=-2, keepdims=True) / frame_length**2)
    return out


def zero_crossing_rate(
    y: Samples,
    *,
    frame_length: int = 2048,
    hop_length: int = 512,
    center: bool = True,
    threshold: float = 1e-10,
    ref_magnitude: float | Callable[[Any], Any] | None = None,
    pad: bool = False,
    zero_pos: bool = True,
) -> Array:
    """Share of a frame's samples at which the sign changes, as `librosa.feature.zero_crossing_rate`.

    Parameters
    ----------
    y : ndarray, `(..., n)`
        Floating-point samples.
    frame_length, hop_length : int
        The frames.
    center : bool
        Whether frame t is centred at sample `t * hop_length`; the edge samples are repeated beyond the ends.
    threshold : float
        Magnitude up to which a sample counts as 0.
    ref_magnitude : float or callable
        Factor on the threshold, or a function that gives it as one number from the magnitudes of all frames.
    pad : bool
        Whether the first sample of every frame counts as a change.
    zero_pos : bool
        Whether 0 counts as positive, or as a sign of its own.

    Returns
    -------
    ndarray of float64, `(..., 1, n_frames)`

    Examples
    --------
    >>> zero_crossing_rate(np.tile([1.0, -1.0], 1024), center=False)
    array([[0.99951172]])
    """
    y = valid_audio(y)
    length, hop = _frames(y, frame_length, hop_length, center)
    if center and y.shape[-1] == 0:
        raise ParameterError("the edge of a signal without samples cannot be repeated")
    if callable(ref_magnitude):
        whole_signal = padded(y, length // 2, "edge") if center else y
        frames = np.lib.stride_tricks.sliding_window_view(whole_signal, length, axis=-1)[..., ::hop, :]
        threshold = threshold * ref_magnitude(np.abs(frames.swapaxes(-1, -2)))
    elif ref_magnitude is not None:
        threshold = threshold * ref_magnitude
    if not is_number(threshold, 0.0, 1e30):
        raise ParameterError(f"threshold = {threshold!r}; allowed are single numbers from 0")
    params = {
        "frame_length": length,
        "hop_length": hop,
        "center": bool(center),
        "threshold": float(threshold),
    }
    return features(
        "zero_crossing_rate", y, ANY_RATE, {**params, "pad": bool(pad), "zero_pos": bool(zero_pos)}
    )


#: Modes of the derivative beyond the ends -> those of `numpy.pad`.
_BEYOND = {"mirror": "reflect", "nearest": "edge", "constant": "constant", "wrap": "wrap"}


def delta(
    data: npt.ArrayLike,
    *,
    width: int = 9,
    order: int = 1,
    axis: int = -1,
    mode: str = "interp",
    polyorder: int | None = None,
    delta: float = 1.0,
    cval: float = 0.0,
) -> Array:
    """Derivative along `axis` by Savitzky and Golay's polynomials, as `librosa.feature.delta`.

    Parameters
    ----------
    data : array_like
        Features of any shape.
    width : int
        Number of frames that a value is computed from, odd.
    order : int
        Order of the derivative.
    axis : int
        The axis of time.
    mode : 'interp', 'nearest', 'mirror', 'constant' or 'wrap'
        What is done at the ends.
    polyorder : int, optional
        Degree of the polynomial; by default `order`.
    delta : float
        Distance of two frames.
    cval : float
        What stands beyond the ends in mode 'constant'.

    Returns
    -------
    ndarray of the shape of `data`
        float32 for float32, else float64.

    Raises
    ------
    ParameterError
        An even width, fewer frames than it in mode 'interp', and whatever else librosa refuses.

    Examples
    --------
    >>> delta(np.arange(20.0) ** 2)[5:8]
    array([10., 12., 14.])
    """
    x = np.atleast_1d(np.asarray(data))
    if x.dtype.kind not in "fiub":
        raise ParameterError(f"data of type {x.dtype}; allowed are real numbers")
    if not isinstance(width, int | np.integer) or width < 3 or width % 2 != 1:
        raise ParameterError(f"width = {width!r}; allowed are odd numbers from 3")
    order = whole("order", order)
    degree = order if polyorder is None else whole("polyorder", polyorder, 0)
    if degree >= width:
        raise ParameterError(f"polyorder = {degree} and width = {width}; allowed is polyorder < width")
    if mode != "interp" and mode not in _BEYOND:
        raise ParameterError(f"mode = {mode!r}; allowed are interp, {', '.join(_BEYOND)}")
    x = np.moveaxis(x, axis, -1)
    n, half = x.shape[-1], int(width) // 2
    if mode == "interp" and n < width:
        raise ParameterError(
            f"mode='interp' needs {width} frames (width), {n} are given; allowed is also mode='nearest'"
        )
    weights = _shape.derivative(int(width), degree, order, float(delta))
    beyond = x
    if mode != "interp":
        extra: dict[str, Any] = {"constant_values": cval} if mode == "constant" else {}
        ends = [(0, 0)] * (x.ndim - 1) + [(half, half)]
        beyond = np.pad(x.astype(np.float64), ends, mode=_BEYOND[mode], **extra)  # type: ignore[call-overload]
    inner = np.zeros((*beyond.shape[:-1], beyond.shape[-1] - 2 * half))
    for j, weight in enumerate(weights[half]):
        inner += weight * beyond[..., j : j + inner.shape[-1]]
    if mode == "interp":
        start, end = x[..., :width] @ weights[:half].T, x[..., -width:] @ weights[half + 1 :].T
        inner = np.concatenate([start, inner, end], axis=-1)
    kind = np.float32 if x.dtype == np.float32 else np.float64
    return np.ascontiguousarray(np.moveaxis(inner, -1, axis), dtype=kind)
