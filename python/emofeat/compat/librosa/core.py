"""Spectra, decibels, frequencies and files, as `librosa` has them at its top level."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from emofeat import audio
from emofeat.compat.librosa._input import ANY_RATE, Array, analysis, features
from emofeat.compat.librosa._windows import WindowSpec
from emofeat.compat.librosa.util.exceptions import ParameterError
from emofeat.exceptions import UnsupportedCodecError

__all__ = ["amplitude_to_db", "fft_frequencies", "load", "mel_frequencies", "power_to_db", "stft"]

Spectrum = npt.NDArray[np.complexfloating[Any, Any]]
Reference = float | Callable[[Any], Any]


def stft(
    y: npt.NDArray[Any],
    *,
    n_fft: int = 2048,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: WindowSpec = "hann",
    center: bool = True,
    dtype: npt.DTypeLike | None = None,
    pad_mode: Any = "constant",
    out: Spectrum | None = None,
) -> Spectrum:
    """Short-time Fourier transform, as `librosa.stft`.

    Parameters
    ----------
    y : ndarray, `(..., n)`
        Floating-point samples.
    n_fft : int
        Length of the FFT.
    hop_length : int, optional
        Samples from frame to frame; by default a quarter of the window.
    win_length : int, optional
        Length of the window, centred in the frame; by default `n_fft`.
    window : str, tuple, float, array or callable
        Periodic window.
    center : bool
        Whether frame t is centred at sample `t * hop_length`.
    dtype : complex type, optional
        By default complex128 for float64, else complex64.
    pad_mode : str or callable
        What stands beyond the signal, as `numpy.pad`.
    out : ndarray, optional
        Where to write the result; it may have more frames.

    Returns
    -------
    ndarray, `(..., 1 + n_fft // 2, n_frames)`
        In Fortran order.

    Raises
    ------
    ParameterError
        Samples or arguments that librosa refuses, and a `dtype` that is not complex.

    Examples
    --------
    >>> stft(np.zeros(22050, dtype=np.float32)).shape
    (1025, 44)
    """
    wanted = None if dtype is None else np.dtype(dtype)
    if wanted is not None and wanted.kind != "c":
        raise ParameterError(f"dtype = {wanted}; allowed are complex types")
    y, params = analysis(y, n_fft, hop_length, win_length, window, center, pad_mode)
    pairs = features("stft", y, ANY_RATE, params)
    # Real and imaginary part of a bin lie side by side: frames-first memory of a complex matrix.
    spectrum: Spectrum = np.ascontiguousarray(pairs.swapaxes(-1, -2)).view(np.complex128).swapaxes(-1, -2)
    kind = wanted or np.dtype(np.complex128 if y.dtype == np.float64 else np.complex64)
    if out is None:
        return np.asarray(spectrum, dtype=kind, order="F")
    if out.shape[:-1] != spectrum.shape[:-1] or out.shape[-1] < spectrum.shape[-1]:
        raise ParameterError(f"out has the shape {out.shape}; the result has {spectrum.shape}")
    if out.dtype.kind != "c":
        raise ParameterError(f"out is of type {out.dtype}; allowed are complex types")
    target = out if out.shape == spectrum.shape else out[..., : spectrum.shape[-1]]
    target[...] = spectrum
    return target


def power_to_db(
    S: npt.ArrayLike, *, ref: Reference = 1.0, amin: float = 1e-10, top_db: float | None = 80.0
) -> Any:
    """Power in decibels, `10 log10(max(amin, S)) - 10 log10(max(amin, ref))`, as `librosa.power_to_db`.

    Parameters
    ----------
    S : array_like or number
        Power.
    ref : float or callable
        Power that counts as 0 dB, or a function of `S` that gives it.
    amin : float
        Power below which everything counts as this.
    top_db : float, optional
        Range below the largest value of the whole array; none: no limit.

    Raises
    ------
    ParameterError
        `amin` not above 0 or `top_db` negative.

    Warns
    -----
    UserWarning
        Complex input, whose phase is lost.

    Examples
    --------
    >>> power_to_db(np.array([1.0, 0.1, 1e-20]))
    array([  0., -10., -80.])
    """
    power = np.asarray(S)
    if amin <= 0:
        raise ParameterError(f"amin = {amin}; allowed are values above 0")
    if top_db is not None and top_db < 0:
        raise ParameterError(f"top_db = {top_db}; allowed are values from 0, or none")
    if power.dtype.kind == "c":
        warnings.warn(
            "power_to_db of complex input: its phase is lost; pass np.abs(S) ** 2", UserWarning, stacklevel=2
        )
        power = np.abs(power)
    reference = ref(power) if callable(ref) else np.abs(ref)
    levels = 10.0 * np.log10(np.maximum(amin, power))
    levels -= 10.0 * np.log10(np.maximum(amin, reference))
    if top_db is not None:
        levels = np.maximum(levels, levels.max() - top_db)
    return levels


def amplitude_to_db(
    S: npt.ArrayLike, *, ref: Reference = 1.0, amin: float = 1e-5, top_db: float | None = 80.0
) -> Any:
    """Amplitude in decibels: `power_to_db` of the squares, as `librosa.amplitude_to_db`.

    Parameters
    ----------
    S : array_like or number
        Amplitude; negative values count by their magnitude.
    ref : float or callable
        Amplitude that counts as 0 dB, or a function of the magnitudes that gives it.
    amin : float
        Amplitude below which everything counts as this.
    top_db : float, optional
        Range below the largest value of the whole array; none: no limit.

    Examples
    --------
    >>> amplitude_to_db(np.array([1.0, 0.1, 1e-20]))
    array([  0., -20., -80.])
    """
    amplitude = np.asarray(S)
    if amplitude.dtype.kind == "c":
        warnings.warn(
            "amplitude_to_db of complex input: its phase is lost; pass np.abs(S)", UserWarning, stacklevel=2
        )
    magnitude = np.abs(amplitude)
    reference = ref(magnitude) if callable(ref) else np.abs(ref)
    return power_to_db(np.square(magnitude), ref=reference**2, amin=amin**2, top_db=top_db)


def fft_frequencies(*, sr: float = 22050, n_fft: int = 2048) -> npt.NDArray[np.float64]:
    """Frequency of every bin in Hz, `(1 + n_fft // 2,)`, as `librosa.fft_frequencies`.

    Examples
    --------
    >>> fft_frequencies(sr=16000, n_fft=4)
    array([   0., 4000., 8000.])
    """
    return np.asarray(np.fft.rfftfreq(n_fft, d=1.0 / sr), dtype=np.float64)


def mel_frequencies(
    n_mels: int = 128, *, fmin: float = 0.0, fmax: float = 11025.0, htk: bool = False
) -> npt.NDArray[np.float64]:
    """`n_mels` frequencies in Hz, equally spaced in mel, as `librosa.mel_frequencies`.

    Parameters
    ----------
    n_mels : int
        How many.
    fmin, fmax : float
        The first and the last.
    htk : bool
        HTK's mel scale in place of Slaney's.

    Examples
    --------
    >>> mel_frequencies(3, fmin=0.0, fmax=1000.0)
    array([   0.,  500., 1000.])
    """
    if htk:
        first, last = (2595.0 * np.log10(1.0 + f / 700.0) for f in (fmin, fmax))
        return np.asarray(700.0 * (10.0 ** (np.linspace(first, last, n_mels) / 2595.0) - 1.0))
    # Slaney: linear up to 1 kHz = 15 mel, then 27 mel to a factor of 6.4.
    step = math.log(6.4) / 27.0
    first, last = (f * 3.0 / 200.0 if f < 1000.0 else 15.0 + np.log(f / 1000.0) / step for f in (fmin, fmax))
    mels = np.linspace(first, last, n_mels)
    return np.where(mels < 15.0, mels * (200.0 / 3.0), 1000.0 * np.exp(step * (mels - 15.0)))


#: Values of `res_type` for which emofeat's resampler stands: band-limited, of at least that quality.
RES_TYPES = ("soxr_hq", "soxr_vhq")


def load(
    path: str | os.PathLike[str] | int | BinaryIO,
    *,
    sr: float | None = 22050,
    mono: bool = True,
    offset: float = 0.0,
    duration: float | None = None,
    dtype: npt.DTypeLike = np.float32,
    res_type: str = "soxr_hq",
) -> tuple[Array, int | float]:
    """A recording and its rate, as `librosa.load`.

    Decoding and resampling are emofeat's own: the length is librosa's, samples that were resampled agree
    with those of soxr as two filters of that quality do, not in bits.

    Parameters
    ----------
    path : path
        The file. File numbers and file objects are not supported.
    sr : number, optional
        Rate to resample to, whole Hz; none: the file's own.
    mono : bool
        Whether channels are averaged.
    offset, duration : float
        Segment in seconds, cut before resampling at samples of the file's own rate.
    dtype : type
        float32 or float64. Samples are decoded to float32, which holds 24 bits, in either case.
    res_type : str
        'soxr_hq' or 'soxr_vhq', where the rate has to change.

    Returns
    -------
    y : ndarray, `(n,)` or `(channels, n)`
    sr : number

    Raises
    ------
    ParameterError
        Arguments that are not supported, or a segment outside the recording.
    emofeat.exceptions.AudioFileNotFoundError, AudioError
        No such file (a `FileNotFoundError`), or one that cannot be decoded.

    Examples
    --------
    >>> y, sr = load("speech.wav", sr=16000, offset=0.5, duration=2.0)  # doctest: +SKIP
    """
    if isinstance(path, bool) or not isinstance(path, str | os.PathLike):
        raise ParameterError(f"path of type {type(path).__name__}; allowed is the path of a file")
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ParameterError(f"dtype = {kind}; allowed are float32 and float64")
    if sr is not None and (sr != int(sr) or sr < 1):
        raise ParameterError(f"sr = {sr}; allowed are whole numbers from 1, or none")
    if offset < 0 or (duration is not None and duration < 0):
        raise ParameterError(f"offset = {offset}, duration = {duration}; allowed are seconds from 0")
    y, native = _segment(os.fspath(path), mono, offset, duration)
    if sr is None:
        return y.astype(kind, copy=False), native
    if sr != native:
        if res_type not in RES_TYPES:
            raise ParameterError(f"res_type = {res_type!r}; allowed are {', '.join(RES_TYPES)}")
        planes = [audio.resample(plane, native, int(sr)) for plane in np.atleast_2d(y)]
        y = planes[0] if y.ndim == 1 else np.stack(planes)
    return y.astype(kind, copy=False), sr


def _segment(
    path: str, mono: bool, offset: float, duration: float | None
) -> tuple[npt.NDArray[np.float32], int]:
    """The segment at the file's own rate, `(n,)` for one channel or `mono`."""
    if not offset and duration is None:
        y, native = audio.load(path, mono=mono)
        return y[0] if y.ndim == 2 and len(y) == 1 else y, native
    try:
        known = audio.info(path)
    except UnsupportedCodecError:
        known = None  # PyAV decodes it, whole
    if known is None or known.frames is None or known.truncated:
        y, native = _segment(path, mono, 0.0, None)
        first, last = _bounds(offset, duration, native, y.shape[-1])
        return y[..., first:last], native
    native = known.sr
    first, last = _bounds(offset, duration, native, known.frames)
    y, _ = audio.load(path, mono=mono, start=first / native, end=last / native)
    return y[0] if y.ndim == 2 and len(y) == 1 else y, native


def _bounds(offset: float, duration: float | None, sr: int, n: int) -> tuple[int, int]:
    first = int(offset * sr)
    last = n if duration is None else min(first + int(duration * sr), n)
    if first >= last:
        raise ParameterError(
            f"no sample from {offset} s on within {duration} s; the recording has {n / sr} s"
        )
    return first, last
