"""Every feature of the catalogue as a function: `features.<name>(y, sr, ...)`.

Generated from the catalogue by scripts/generate.py; edit the catalogue, not this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from emofeat._features import compute, transform

__all__ = [
    "logmel",
    "melspectrogram",
    "mfcc",
    "spectrogram",
]

Matrix = npt.NDArray[np.floating[Any]]
Precision = Literal["float32", "float64"]
OnShort = Literal["error", "pad", "allow"]
OnNonFinite = Literal["error", "zero", "keep"]


def spectrogram(
    y: npt.ArrayLike,
    sr: int,
    *,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    win_ms: float | None = None,
    hop_ms: float | None = None,
    window: str | Sequence[float] = "hann",
    center: bool = True,
    pad_mode: Literal["constant", "edge", "reflect", "symmetric"] = "constant",
    power: float = 2.0,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Magnitude of the short-time Fourier transform to a power, one column per FFT bin.

    `|X[t, k]|^power` with `X` the STFT; column k is k · sr / n_fft Hz. Convention:
    `abs(librosa.stft(y)) ** power`.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    n_fft : int
        Length of the FFT and of a frame. [samples] Allowed: from 1.
    hop_length : int
        Distance from one frame to the next. [samples] Allowed: from 1.
    win_length : int, optional
        Length of the window, centred in the frame; none: `n_fft`. [samples] Allowed: from 1.
    win_ms : float, optional
        Length of the window in time; sets `win_length`, and `n_fft` to the next power of two unless
        that differs from its default. [ms] Allowed: from 0.01.
    hop_ms : float, optional
        Distance between frames in time; sets `hop_length`. [ms] Allowed: from 0.01.
    window : str or samples
        Window function, periodic, or its samples. Allowed: hann, hamming, blackman, bartlett,
        boxcar, povey, blackmanharris, nuttall, flattop, cosine, triang, bohman, parzen, barthann.
    center : bool
        Whether frame t is centred at sample t · hop_length (the signal is padded by half a frame)
        or starts there.
    pad_mode : str
        What stands beyond the signal: zeros, the edge sample, the mirror image without or with the
        edge sample. Allowed: constant, edge, reflect, symmetric.
    power : float
        Exponent of the magnitude: 2 power, 1 magnitude. Allowed: 0.001 to 10.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1025)` at the defaults in power

    Notes
    -----
    Scope: local. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> spectrogram(y, 16000).shape[1]
    1025
    """
    return compute(
        "spectrogram",
        y,
        sr,
        {
            "n_fft": n_fft,
            "hop_length": hop_length,
            "win_length": win_length,
            "win_ms": win_ms,
            "hop_ms": hop_ms,
            "window": window,
            "center": center,
            "pad_mode": pad_mode,
            "power": power,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def melspectrogram(
    y: npt.ArrayLike,
    sr: int,
    *,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    win_ms: float | None = None,
    hop_ms: float | None = None,
    window: str | Sequence[float] = "hann",
    center: bool = True,
    pad_mode: Literal["constant", "edge", "reflect", "symmetric"] = "constant",
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: Literal["slaney"] | None = "slaney",
    power: float = 2.0,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Mel-scaled spectrogram.

    Triangular filters, linear in Hz between centres equally spaced in mel, applied to `|X|^power`.
    Convention: `librosa.feature.melspectrogram`.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    n_fft : int
        Length of the FFT and of a frame. [samples] Allowed: from 1.
    hop_length : int
        Distance from one frame to the next. [samples] Allowed: from 1.
    win_length : int, optional
        Length of the window, centred in the frame; none: `n_fft`. [samples] Allowed: from 1.
    win_ms : float, optional
        Length of the window in time; sets `win_length`, and `n_fft` to the next power of two unless
        that differs from its default. [ms] Allowed: from 0.01.
    hop_ms : float, optional
        Distance between frames in time; sets `hop_length`. [ms] Allowed: from 0.01.
    window : str or samples
        Window function, periodic, or its samples. Allowed: hann, hamming, blackman, bartlett,
        boxcar, povey, blackmanharris, nuttall, flattop, cosine, triang, bohman, parzen, barthann.
    center : bool
        Whether frame t is centred at sample t · hop_length (the signal is padded by half a frame)
        or starts there.
    pad_mode : str
        What stands beyond the signal: zeros, the edge sample, the mirror image without or with the
        edge sample. Allowed: constant, edge, reflect, symmetric.
    n_mels : int
        Number of mel bands. Allowed: 1 to 4096.
    fmin : float
        Lowest frequency. [Hz] Allowed: from 0.
    fmax : float, optional
        Highest frequency; none: half the sampling rate. [Hz] Allowed: from 0.
    htk : bool
        HTK's mel scale in place of Slaney's.
    norm : str, optional
        `slaney`: triangles of area 1; none: of height 1. Allowed: slaney.
    power : float
        Exponent of the magnitude: 2 power, 1 magnitude. Allowed: 0.001 to 10.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 128)` at the defaults in power

    Notes
    -----
    Scope: local. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> melspectrogram(y, 16000).shape[1]
    128
    """
    return compute(
        "melspectrogram",
        y,
        sr,
        {
            "n_fft": n_fft,
            "hop_length": hop_length,
            "win_length": win_length,
            "win_ms": win_ms,
            "hop_ms": hop_ms,
            "window": window,
            "center": center,
            "pad_mode": pad_mode,
            "n_mels": n_mels,
            "fmin": fmin,
            "fmax": fmax,
            "htk": htk,
            "norm": norm,
            "power": power,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def logmel(
    y: npt.ArrayLike,
    sr: int,
    *,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    win_ms: float | None = None,
    hop_ms: float | None = None,
    window: str | Sequence[float] = "hann",
    center: bool = True,
    pad_mode: Literal["constant", "edge", "reflect", "symmetric"] = "constant",
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: Literal["slaney"] | None = "slaney",
    power: float = 2.0,
    ref: float = 1.0,
    amin: float = 1e-10,
    top_db: float | None = 80.0,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Mel spectrogram in decibels.

    `10 log10(max(amin, mel)) - 10 log10(max(amin, ref))`, not lower than `top_db` below the largest
    value of the recording. Convention: `librosa.power_to_db(librosa.feature.melspectrogram(...))`.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    n_fft : int
        Length of the FFT and of a frame. [samples] Allowed: from 1.
    hop_length : int
        Distance from one frame to the next. [samples] Allowed: from 1.
    win_length : int, optional
        Length of the window, centred in the frame; none: `n_fft`. [samples] Allowed: from 1.
    win_ms : float, optional
        Length of the window in time; sets `win_length`, and `n_fft` to the next power of two unless
        that differs from its default. [ms] Allowed: from 0.01.
    hop_ms : float, optional
        Distance between frames in time; sets `hop_length`. [ms] Allowed: from 0.01.
    window : str or samples
        Window function, periodic, or its samples. Allowed: hann, hamming, blackman, bartlett,
        boxcar, povey, blackmanharris, nuttall, flattop, cosine, triang, bohman, parzen, barthann.
    center : bool
        Whether frame t is centred at sample t · hop_length (the signal is padded by half a frame)
        or starts there.
    pad_mode : str
        What stands beyond the signal: zeros, the edge sample, the mirror image without or with the
        edge sample. Allowed: constant, edge, reflect, symmetric.
    n_mels : int
        Number of mel bands. Allowed: 1 to 4096.
    fmin : float
        Lowest frequency. [Hz] Allowed: from 0.
    fmax : float, optional
        Highest frequency; none: half the sampling rate. [Hz] Allowed: from 0.
    htk : bool
        HTK's mel scale in place of Slaney's.
    norm : str, optional
        `slaney`: triangles of area 1; none: of height 1. Allowed: slaney.
    power : float
        Exponent of the magnitude: 2 power, 1 magnitude. Allowed: 0.001 to 10.
    ref : float
        Power that counts as 0 dB. Allowed: from 1e-30.
    amin : float
        Power below which everything counts as this. Allowed: from 1e-30.
    top_db : float, optional
        Range below the loudest value of the whole recording, lower values are raised to it; none:
        no limit, and the feature can stream. [dB] Allowed: from 0.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 128)` at the defaults in dB

    Notes
    -----
    Scope: global. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> logmel(y, 16000).shape[1]
    128
    """
    return compute(
        "logmel",
        y,
        sr,
        {
            "n_fft": n_fft,
            "hop_length": hop_length,
            "win_length": win_length,
            "win_ms": win_ms,
            "hop_ms": hop_ms,
            "window": window,
            "center": center,
            "pad_mode": pad_mode,
            "n_mels": n_mels,
            "fmin": fmin,
            "fmax": fmax,
            "htk": htk,
            "norm": norm,
            "power": power,
            "ref": ref,
            "amin": amin,
            "top_db": top_db,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def mfcc(
    y: npt.ArrayLike,
    sr: int,
    *,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    win_ms: float | None = None,
    hop_ms: float | None = None,
    window: str | Sequence[float] = "hann",
    center: bool = True,
    pad_mode: Literal["constant", "edge", "reflect", "symmetric"] = "constant",
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: Literal["slaney"] | None = "slaney",
    power: float = 2.0,
    ref: float = 1.0,
    amin: float = 1e-10,
    top_db: float | None = 80.0,
    n_mfcc: int = 20,
    dct_type: int = 2,
    dct_norm: Literal["ortho"] | None = "ortho",
    lifter: float = 0.0,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Mel-frequency cepstral coefficients.

    Discrete cosine transform of the log-mel spectrogram. Convention: `librosa.feature.mfcc`, whose
    lifter counts from 1. Source: Davis and Mermelstein (1980).

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    n_fft : int
        Length of the FFT and of a frame. [samples] Allowed: from 1.
    hop_length : int
        Distance from one frame to the next. [samples] Allowed: from 1.
    win_length : int, optional
        Length of the window, centred in the frame; none: `n_fft`. [samples] Allowed: from 1.
    win_ms : float, optional
        Length of the window in time; sets `win_length`, and `n_fft` to the next power of two unless
        that differs from its default. [ms] Allowed: from 0.01.
    hop_ms : float, optional
        Distance between frames in time; sets `hop_length`. [ms] Allowed: from 0.01.
    window : str or samples
        Window function, periodic, or its samples. Allowed: hann, hamming, blackman, bartlett,
        boxcar, povey, blackmanharris, nuttall, flattop, cosine, triang, bohman, parzen, barthann.
    center : bool
        Whether frame t is centred at sample t · hop_length (the signal is padded by half a frame)
        or starts there.
    pad_mode : str
        What stands beyond the signal: zeros, the edge sample, the mirror image without or with the
        edge sample. Allowed: constant, edge, reflect, symmetric.
    n_mels : int
        Number of mel bands. Allowed: 1 to 4096.
    fmin : float
        Lowest frequency. [Hz] Allowed: from 0.
    fmax : float, optional
        Highest frequency; none: half the sampling rate. [Hz] Allowed: from 0.
    htk : bool
        HTK's mel scale in place of Slaney's.
    norm : str, optional
        `slaney`: triangles of area 1; none: of height 1. Allowed: slaney.
    power : float
        Exponent of the magnitude: 2 power, 1 magnitude. Allowed: 0.001 to 10.
    ref : float
        Power that counts as 0 dB. Allowed: from 1e-30.
    amin : float
        Power below which everything counts as this. Allowed: from 1e-30.
    top_db : float, optional
        Range below the loudest value of the whole recording, lower values are raised to it; none:
        no limit, and the feature can stream. [dB] Allowed: from 0.
    n_mfcc : int
        Number of coefficients. Allowed: 1 to 4096.
    dct_type : int
        Type of the discrete cosine transform. Allowed: 1 to 3.
    dct_norm : str, optional
        Orthonormal transform, or none (librosa's argument `norm`). Allowed: ortho.
    lifter : float
        Coefficient n (from 1) is multiplied by 1 + lifter/2 sin(π n / lifter); 0: not. Allowed:
        from 0.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 20)` at the defaults

    Notes
    -----
    Scope: global. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> mfcc(y, 16000).shape[1]
    20
    """
    return compute(
        "mfcc",
        y,
        sr,
        {
            "n_fft": n_fft,
            "hop_length": hop_length,
            "win_length": win_length,
            "win_ms": win_ms,
            "hop_ms": hop_ms,
            "window": window,
            "center": center,
            "pad_mode": pad_mode,
            "n_mels": n_mels,
            "fmin": fmin,
            "fmax": fmax,
            "htk": htk,
            "norm": norm,
            "power": power,
            "ref": ref,
            "amin": amin,
            "top_db": top_db,
            "n_mfcc": n_mfcc,
            "dct_type": dct_type,
            "dct_norm": dct_norm,
            "lifter": lifter,
        },
        precision,
        on_short,
        on_nonfinite,
    )
