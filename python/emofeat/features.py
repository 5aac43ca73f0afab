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
    "alpha_ratio",
    "auditory_spectrum",
    "chroma_stft",
    "cmvn",
    "compare2016",
    "cpp",
    "delta",
    "egemapsv02",
    "energy_entropy",
    "formants_burg",
    "functionals",
    "gemapsv01b",
    "hammarberg_index",
    "harmonicity",
    "hnr_boersma",
    "intensity",
    "kaldi_fbank",
    "kaldi_mfcc",
    "logmel",
    "loudness",
    "melspectrogram",
    "mfcc",
    "pitch_boersma",
    "psf_fbank",
    "psf_logfbank",
    "psf_mfcc",
    "psf_ssc",
    "pyaudioanalysis",
    "pyin",
    "rasta_spectrum",
    "rms",
    "sharpness",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_entropy",
    "spectral_flatness",
    "spectral_flux",
    "spectral_kurtosis",
    "spectral_rolloff",
    "spectral_skewness",
    "spectral_slope",
    "spectral_variance",
    "spectrogram",
    "stft",
    "torchaudio_melspectrogram",
    "torchaudio_mfcc",
    "yin",
    "zero_crossing_rate",
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


def stft(
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
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Complex short-time Fourier transform.

    `X[t, k] = Σ x[n] w[n] e^(-2πi kn / n_fft)` over frame t. Columns: real and imaginary part of
    bin 0, of bin 1, and so on, `2 (1 + n_fft/2)` columns, which is the memory layout of a complex
    matrix; bin k is k · sr / n_fft Hz. Convention: `librosa.stft`, whose own default of hop_length
    is n_fft/4.

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
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 2050)` at the defaults

    Notes
    -----
    Scope: local. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> stft(y, 16000).shape[1]
    2050
    """
    return compute(
        "stft",
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
        },
        precision,
        on_short,
        on_nonfinite,
    )


def spectral_centroid(
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
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Mean frequency of the spectrum, weighted by magnitude.

    `Σ f |X| / Σ |X|` over all bins; 0 for a silent frame. Convention:
    `librosa.feature.spectral_centroid`. Source: Klapuri and Davy (2006), chapter 5.

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
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)` in Hz

    Notes
    -----
    Scope: local. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> spectral_centroid(y, 16000).shape[1]
    1
    """
    return compute(
        "spectral_centroid",
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
        },
        precision,
        on_short,
        on_nonfinite,
    )


def spectral_bandwidth(
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
    p: float = 2.0,
    norm: bool = True,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Spread of the spectrum around its centroid.

    `(Σ m |f - centroid|^p)^(1/p)`, `m` the magnitude divided by its sum (`norm=false`: the
    magnitude itself); 0 for a silent frame. Convention: `librosa.feature.spectral_bandwidth`.
    Source: Klapuri and Davy (2006), chapter 5.

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
    p : float
        Exponent of the distance from the centroid. Allowed: 0.001 to 100.
    norm : bool
        Whether the magnitudes of a frame are divided by their sum.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)` in Hz

    Notes
    -----
    Scope: local. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> spectral_bandwidth(y, 16000).shape[1]
    1
    """
    return compute(
        "spectral_bandwidth",
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
            "p": p,
            "norm": norm,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def spectral_rolloff(
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
    roll_percent: float = 0.85,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Frequency below which a given share of the magnitude lies.

    Frequency of the first bin at which the running sum of `|X|` reaches `roll_percent` of the
    whole; 0 for a silent frame. The sum runs in double precision. Convention:
    `librosa.feature.spectral_rolloff`.

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
    roll_percent : float
        Share of the magnitude, above 0 and below 1. Allowed: 0 to 1.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)` in Hz

    Notes
    -----
    Scope: local. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> spectral_rolloff(y, 16000).shape[1]
    1
    """
    return compute(
        "spectral_rolloff",
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
            "roll_percent": roll_percent,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def spectral_flatness(
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
    amin: float = 1e-10,
    power: float = 2.0,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Geometric over arithmetic mean of the spectrum: near 1 for noise, near 0 for tones.

    Means of `max(amin, |X|^power)` over all bins; 1 for a silent frame. Convention:
    `librosa.feature.spectral_flatness`. Source: Gray and Markel (1974); Dubnov (2004).

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
    amin : float
        Value that every bin counts as at least. Allowed: from 1e-30.
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
    ndarray, `(n_frames, 1)`

    Notes
    -----
    Scope: local. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> spectral_flatness(y, 16000).shape[1]
    1
    """
    return compute(
        "spectral_flatness",
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
            "amin": amin,
            "power": power,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def spectral_contrast(
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
    fmin: float = 200.0,
    n_bands: int = 6,
    quantile: float = 0.02,
    linear: bool = False,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Peaks over valleys of the spectrum in octave bands.

    For each band the mean of the largest and of the smallest bins of `|X|`, each turned into `10
    log10` with a range of 80 dB below the largest value of the recording, and their difference;
    `linear=true`: the plain difference of the means, which can stream. Bands: 0 to fmin, then
    n_bands octaves, n_bands + 1 columns. A band also takes the bin below it, all but the last band
    lose their topmost bin, the last one reaches up to half the sampling rate. The number of bins in
    a mean is `quantile` of the band, rounded, at least 1. An error if the last octave begins at or
    above half the sampling rate (with the defaults: rates up to 12800 Hz; take fewer bands), or if
    a band holds no bin. Convention: `librosa.feature.spectral_contrast`. Source: Jiang et al.
    (2002).

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
    fmin : float
        Upper edge of the lowest band. [Hz] Allowed: from 0.001.
    n_bands : int
        Number of octave bands above fmin. Allowed: 1 to 64.
    quantile : float
        Share of a band's bins that make a peak or a valley, above 0 and below 1. Allowed: 0 to 1.
    linear : bool
        Difference of the means themselves in place of that of their logarithms.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 7)` at the defaults in dB

    Notes
    -----
    Scope: global. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> spectral_contrast(y, 16000, fmin=100.0).shape[1]
    7
    """
    return compute(
        "spectral_contrast",
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
            "fmin": fmin,
            "n_bands": n_bands,
            "quantile": quantile,
            "linear": linear,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def chroma_stft(
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
    n_chroma: int = 12,
    tuning: float | None = None,
    norm: float | None = np.inf,
    ctroct: float = 5.0,
    octwidth: float | None = 2.0,
    base_c: bool = True,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Power in each pitch class.

    Power spectrum times a matrix of Gaussian bumps around the pitch classes in all octaves, C
    first, each frame divided by its norm; a silent frame stays 0. Without `tuning` the deviation
    from 440 Hz is told from the peaks of the whole recording: 150 to 4000 Hz, above a tenth of the
    frame's largest power, refined by a parabola, the stronger half of them; the fullest of 100
    classes counts (0 where there is no peak). With `tuning` given it can stream. Convention:
    `librosa.feature.chroma_stft`. Source: Ellis (2007).

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
    n_chroma : int
        Number of pitch classes to the octave. Allowed: 1 to 4096.
    tuning : float, optional
        Deviation from 440 Hz in steps of the pitch classes; none: estimated. [steps] Allowed: -1000
        to 1000.
    norm : float, optional
        Order of the norm by which a frame is divided: inf its maximum, 1, 2 ...; none: not.
        Allowed: from 0.001.
    ctroct : float
        Centre of the emphasis over octaves, above 27.5 Hz. [octaves] Allowed: -100 to 100.
    octwidth : float, optional
        Width of the emphasis; none: all octaves weigh the same. [octaves] Allowed: from 0.001.
    base_c : bool
        Whether the first class is C, or A.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 12)` at the defaults

    Notes
    -----
    Scope: global. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> chroma_stft(y, 16000).shape[1]
    12
    """
    return compute(
        "chroma_stft",
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
            "n_chroma": n_chroma,
            "tuning": tuning,
            "norm": norm,
            "ctroct": ctroct,
            "octwidth": octwidth,
            "base_c": base_c,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def spectral_flux(
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
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Change of the spectrum from one frame to the next.

    `Σ (m[t] - m[t-1])²` with `m` the magnitudes of a frame divided by their sum, from 0 to 2; a
    silent frame has `m = 0`, and the first frame has flux 0. Does not depend on the level. Source:
    Giannakopoulos and Pikrakis (2014), section 4.4.5; after Scheirer and Slaney (1997).

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
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)`

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> spectral_flux(y, 16000).shape[1]
    1
    """
    return compute(
        "spectral_flux",
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
        },
        precision,
        on_short,
        on_nonfinite,
    )


def spectral_entropy(
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
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Entropy of the power spectrum: 1 if all bins are equal, 0 for a single line.

    `-Σ p log2 p / log2 K` with `p` the power of the K bins divided by its sum, from 0 to 1; 0 for a
    silent frame. Does not depend on the level. Needs n_fft from 2. Source: Misra et al. (2004),
    divided by the largest possible value.

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
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)`

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> spectral_entropy(y, 16000).shape[1]
    1
    """
    return compute(
        "spectral_entropy",
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
        },
        precision,
        on_short,
        on_nonfinite,
    )


def spectral_slope(
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
    fmin: float = 0.0,
    fmax: float | None = None,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Slope of the logarithmic power spectrum over frequency.

    Slope of the regression line through `10 log10(max(1e-10, |X|²))` over the bins from fmin to
    fmax, both included; 0 for a silent frame. Does not depend on the level where no bin is that
    small. An error if fewer than two bins lie in the band. Source: Eyben et al. (2016), who take
    the bands 0-500 and 500-1500 Hz.

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
    fmin : float
        Lowest frequency. [Hz] Allowed: from 0.
    fmax : float, optional
        Highest frequency; none: half the sampling rate. [Hz] Allowed: from 0.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)` in dB/kHz

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> spectral_slope(y, 16000).shape[1]
    1
    """
    return compute(
        "spectral_slope",
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
            "fmin": fmin,
            "fmax": fmax,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def spectral_variance(
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
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Variance of frequency, weighted by power.

    `Σ (f - c)² P / Σ P` over all bins but that of 0 Hz, with `P = |X|²` and `c = Σ f P / Σ P`; 0
    for a silent frame. Source: Peeters (2004), section 6.1.2; as in ComParE.

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
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)` in Hz²

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> spectral_variance(y, 16000).shape[1]
    1
    """
    return compute(
        "spectral_variance",
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
        },
        precision,
        on_short,
        on_nonfinite,
    )


def spectral_skewness(
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
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Skewness of frequency, weighted by power: positive if a tail reaches up.

    `Σ (f - c)³ P / (Σ P σ³)` over all bins but that of 0 Hz, with `P = |X|²`, its mean frequency c
    and standard deviation σ; 0 for a silent frame and a single line. Source: Peeters (2004),
    section 6.1.3; as in ComParE.

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
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)`

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> spectral_skewness(y, 16000).shape[1]
    1
    """
    return compute(
        "spectral_skewness",
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
        },
        precision,
        on_short,
        on_nonfinite,
    )


def spectral_kurtosis(
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
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Kurtosis of frequency, weighted by power: 3 for a Gaussian shape.

    `Σ (f - c)⁴ P / (Σ P σ⁴)` over all bins but that of 0 Hz, with `P = |X|²`, its mean frequency c
    and standard deviation σ; 0 for a silent frame and a single line. Source: Peeters (2004),
    section 6.1.4; as in ComParE.

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
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)`

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> spectral_kurtosis(y, 16000).shape[1]
    1
    """
    return compute(
        "spectral_kurtosis",
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
        },
        precision,
        on_short,
        on_nonfinite,
    )


def alpha_ratio(
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
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Level of 1 to 5 kHz over that below 1 kHz.

    `10 log10(Σ high |X|² / Σ low |X|²)` over the bins from 1 to 5 kHz, both included, and those
    below 1 kHz; both sums count as at least 1e-14. 0 for a frame whose low sum is 0. Needs bins
    from 1 kHz on: an error below 2 kHz. Source: Eyben et al. (2016), as in eGeMAPS; after Frøkjær-
    Jensen and Prytz (1976).

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
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)` in dB

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> alpha_ratio(y, 16000).shape[1]
    1
    """
    return compute(
        "alpha_ratio",
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
        },
        precision,
        on_short,
        on_nonfinite,
    )


def hammarberg_index(
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
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Level of the strongest bin below 2 kHz over that of 2 to 5 kHz.

    `10 log10(max low |X|² / max high |X|²)` over the bins below 2 kHz and those from 2 to 5 kHz,
    both included; both count as at least 1e-14. 0 for a frame whose high band is 0. Needs bins from
    2 kHz on: an error below 4 kHz. Source: Eyben et al. (2016), as in eGeMAPS; after Hammarberg et
    al. (1980).

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
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)` in dB

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> hammarberg_index(y, 16000).shape[1]
    1
    """
    return compute(
        "hammarberg_index",
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
        },
        precision,
        on_short,
        on_nonfinite,
    )


def sharpness(
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
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """How much of the power lies high on the Bark scale.

    `0.11 Σ P z g(z) / Σ P` over all bins but that of 0 Hz, with `P = |X|²` and z the frequency in
    Bark (Traunmüller 1990, with the corrections below 2 and above 20.1 Bark), `g(z) = 1` up to 16
    Bark and `((z - 16) / 4)^1.5849625 + 1` above; 0 for a silent frame. Does not depend on the
    level. Source: Zwicker and Fastl (1999); as in ComParE, with power for loudness.

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
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)`

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> sharpness(y, 16000).shape[1]
    1
    """
    return compute(
        "sharpness",
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
        },
        precision,
        on_short,
        on_nonfinite,
    )


def harmonicity(
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
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """How far the power spectrum goes up and down between its peaks and valleys.

    Half the sum of the distances between consecutive extrema of `|X|²`, divided by the number of
    bins, that of 0 Hz left out; an extremum lies strictly above or below two neighbours on either
    side. Grows with the square of the level; 0 for spectra with fewer than two extrema. Source: as
    in ComParE (Schuller et al. 2016).

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
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)`

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> harmonicity(y, 16000).shape[1]
    1
    """
    return compute(
        "harmonicity",
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
        },
        precision,
        on_short,
        on_nonfinite,
    )


def auditory_spectrum(
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
    n_bands: int = 26,
    fmin: float = 20.0,
    fmax: float = 8000.0,
    exponent: float = 0.33,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Mel bands weighted by the ear's sensitivity and compressed to loudness.

    `(eq(f) max(9.3e-10, E))^exponent` with E the sum of `|X|²` under a triangle of height 1, linear
    in mel (`1127 ln(1 + f/700)`), f its centre, and `eq` the equal-loudness curve `(ω² + 56.8e6) ω⁴
    / ((ω² + 6.3e6)² (ω² + 0.38e9) (ω⁷ + 1.7e31)) · 1e32`, ω = 2πf, whose last factor has the
    seventh power as in openSMILE. The bins at both ends of the range take no part. Source:
    Hermansky (1990), perceptual linear prediction; as in ComParE.

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
    n_bands : int
        Number of bands. Allowed: 1 to 4096.
    fmin : float
        Lower end of the lowest band. [Hz] Allowed: from 0.
    fmax : float
        Upper end of the highest band; half the sampling rate if that is lower. [Hz] Allowed: from
        0.
    exponent : float
        Exponent of power that makes loudness. Allowed: 0.001 to 10.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 26)` at the defaults

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> auditory_spectrum(y, 16000).shape[1]
    26
    """
    return compute(
        "auditory_spectrum",
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
            "n_bands": n_bands,
            "fmin": fmin,
            "fmax": fmax,
            "exponent": exponent,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def rasta_spectrum(
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
    n_bands: int = 26,
    fmin: float = 20.0,
    fmax: float = 8000.0,
    exponent: float = 0.33,
    slowest: float = 1.0,
    fastest: float = 29.0,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Auditory spectrum without what stays the same, such as the colour of a microphone.

    As `auditory_spectrum`, with `ln max(9.3e-10, E)` of each band filtered over time before it is
    weighted: `y[t] = (2 x[t] - 4c x[t-1] + 4c x[t-3] - 2 x[t-4]) / sqrt(10 (32 c² + 8)) + ρ
    y[t-1]`, `c = cos(2π fastest T)`, `ρ = 1 - sin(2π slowest T)`, T the time from frame to frame.
    The first five frames count as filtered to 0, and y[t-1] is fed back from the seventh on.
    Source: Hermansky and Morgan (1994); as in ComParE.

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
    n_bands : int
        Number of bands. Allowed: 1 to 4096.
    fmin : float
        Lower end of the lowest band. [Hz] Allowed: from 0.
    fmax : float
        Upper end of the highest band; half the sampling rate if that is lower. [Hz] Allowed: from
        0.
    exponent : float
        Exponent of power that makes loudness. Allowed: 0.001 to 10.
    slowest : float
        Rate of change below which a band is held back; a quarter of the frame rate if that is
        lower. [Hz] Allowed: 0.001 to 1000.
    fastest : float
        Rate of change that is taken out; half the frame rate if that is lower. [Hz] Allowed: 0.001
        to 1000.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 26)` at the defaults

    Notes
    -----
    Scope: scan. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> rasta_spectrum(y, 16000).shape[1]
    26
    """
    return compute(
        "rasta_spectrum",
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
            "n_bands": n_bands,
            "fmin": fmin,
            "fmax": fmax,
            "exponent": exponent,
            "slowest": slowest,
            "fastest": fastest,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def loudness(
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
    n_bands: int = 26,
    fmin: float = 20.0,
    fmax: float = 8000.0,
    exponent: float = 0.33,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Mean of the auditory spectrum.

    Mean of the bands of `auditory_spectrum`. Not 0 for silence, because every band counts as at
    least 9.3e-10. Source: Eyben et al. (2016), as in eGeMAPS.

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
    n_bands : int
        Number of bands. Allowed: 1 to 4096.
    fmin : float
        Lower end of the lowest band. [Hz] Allowed: from 0.
    fmax : float
        Upper end of the highest band; half the sampling rate if that is lower. [Hz] Allowed: from
        0.
    exponent : float
        Exponent of power that makes loudness. Allowed: 0.001 to 10.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)`

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> loudness(y, 16000).shape[1]
    1
    """
    return compute(
        "loudness",
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
            "n_bands": n_bands,
            "fmin": fmin,
            "fmax": fmax,
            "exponent": exponent,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def zero_crossing_rate(
    y: npt.ArrayLike,
    sr: int,
    *,
    frame_length: int = 2048,
    hop_length: int = 512,
    win_ms: float | None = None,
    hop_ms: float | None = None,
    center: bool = True,
    threshold: float = 1e-10,
    zero_pos: bool = True,
    pad: bool = False,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Share of samples at which the sign of the signal changes.

    Number of sign changes within the frame, divided by its length. Samples within `threshold` of 0
    count as 0, which is positive, or with `zero_pos=false` a sign of its own. The padding repeats
    the edge samples. Convention: `librosa.feature.zero_crossing_rate`.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    frame_length : int
        Length of a frame. [samples] Allowed: from 1.
    hop_length : int
        Distance from one frame to the next. [samples] Allowed: from 1.
    win_ms : float, optional
        Length of a frame in time; sets `frame_length`. [ms] Allowed: from 0.01.
    hop_ms : float, optional
        Distance between frames in time; sets `hop_length`. [ms] Allowed: from 0.01.
    center : bool
        Whether frame t is centred at sample t · hop_length (the signal is padded by half a frame)
        or starts there.
    threshold : float
        Magnitude up to which a sample counts as 0. Allowed: from 0.
    zero_pos : bool
        Whether 0 counts as positive, or as a sign of its own.
    pad : bool
        Whether the first sample of every frame counts as a change.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)`

    Notes
    -----
    Scope: local. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> zero_crossing_rate(y, 16000).shape[1]
    1
    """
    return compute(
        "zero_crossing_rate",
        y,
        sr,
        {
            "frame_length": frame_length,
            "hop_length": hop_length,
            "win_ms": win_ms,
            "hop_ms": hop_ms,
            "center": center,
            "threshold": threshold,
            "zero_pos": zero_pos,
            "pad": pad,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def rms(
    y: npt.ArrayLike,
    sr: int,
    *,
    frame_length: int = 2048,
    hop_length: int = 512,
    win_ms: float | None = None,
    hop_ms: float | None = None,
    center: bool = True,
    pad_mode: Literal["constant", "edge", "reflect", "symmetric"] = "constant",
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Root mean square of the samples.

    `sqrt(mean x²)` over the frame, without window; the sum runs in double precision. Convention:
    `librosa.feature.rms`.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    frame_length : int
        Length of a frame. [samples] Allowed: from 1.
    hop_length : int
        Distance from one frame to the next. [samples] Allowed: from 1.
    win_ms : float, optional
        Length of a frame in time; sets `frame_length`. [ms] Allowed: from 0.01.
    hop_ms : float, optional
        Distance between frames in time; sets `hop_length`. [ms] Allowed: from 0.01.
    center : bool
        Whether frame t is centred at sample t · hop_length (the signal is padded by half a frame)
        or starts there.
    pad_mode : str
        What stands beyond the signal: zeros, the edge sample, the mirror image without or with the
        edge sample. Allowed: constant, edge, reflect, symmetric.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)`

    Notes
    -----
    Scope: local. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> rms(y, 16000).shape[1]
    1
    """
    return compute(
        "rms",
        y,
        sr,
        {
            "frame_length": frame_length,
            "hop_length": hop_length,
            "win_ms": win_ms,
            "hop_ms": hop_ms,
            "center": center,
            "pad_mode": pad_mode,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def energy_entropy(
    y: npt.ArrayLike,
    sr: int,
    *,
    frame_length: int = 2048,
    hop_length: int = 512,
    win_ms: float | None = None,
    hop_ms: float | None = None,
    center: bool = True,
    pad_mode: Literal["constant", "edge", "reflect", "symmetric"] = "constant",
    n_blocks: int = 10,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Entropy of a frame's energy over its parts: low where the level changes abruptly.

    The frame is cut into n_blocks parts of `frame_length // n_blocks` samples (what remains at the
    end is not used); `-Σ p log2 p` with `p` their energies divided by the sum, from 0 to log2
    n_blocks; 0 for a silent frame. Does not depend on the level. Source: Giannakopoulos and
    Pikrakis (2014), section 4.3.3.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    frame_length : int
        Length of a frame. [samples] Allowed: from 1.
    hop_length : int
        Distance from one frame to the next. [samples] Allowed: from 1.
    win_ms : float, optional
        Length of a frame in time; sets `frame_length`. [ms] Allowed: from 0.01.
    hop_ms : float, optional
        Distance between frames in time; sets `hop_length`. [ms] Allowed: from 0.01.
    center : bool
        Whether frame t is centred at sample t · hop_length (the signal is padded by half a frame)
        or starts there.
    pad_mode : str
        What stands beyond the signal: zeros, the edge sample, the mirror image without or with the
        edge sample. Allowed: constant, edge, reflect, symmetric.
    n_blocks : int
        Number of parts, at most frame_length. Allowed: from 2.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)` in bits

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> energy_entropy(y, 16000).shape[1]
    1
    """
    return compute(
        "energy_entropy",
        y,
        sr,
        {
            "frame_length": frame_length,
            "hop_length": hop_length,
            "win_ms": win_ms,
            "hop_ms": hop_ms,
            "center": center,
            "pad_mode": pad_mode,
            "n_blocks": n_blocks,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def yin(
    y: npt.ArrayLike,
    sr: int,
    *,
    fmin: float = 65.0,
    fmax: float = 600.0,
    frame_length: int = 2048,
    hop_length: int | None = None,
    win_ms: float | None = None,
    hop_ms: float | None = None,
    center: bool = True,
    pad_mode: Literal["constant", "edge", "reflect", "symmetric"] = "constant",
    trough_threshold: float = 0.1,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Fundamental frequency by YIN.

    The difference function of the frame, divided by its mean over shorter lags; its first trough
    below `trough_threshold`, or the lowest value where no trough is, refined by a parabola, is the
    period. Says nothing of voicing: unvoiced frames have a value as well, silent ones the highest
    frequency. Computed in double precision. Source: de Cheveigné and Kawahara (2002). Convention:
    `librosa.yin` (0.11), which also subtracts no energy at lag 1.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    fmin : float
        Lowest pitch; its period is shorter than the frame, better than half of it. [Hz] Allowed:
        from 0.001.
    fmax : float
        Highest pitch, above fmin and up to half the sampling rate. [Hz] Allowed: from 0.001.
    frame_length : int
        Length of a frame. [samples] Allowed: from 4.
    hop_length : int, optional
        Distance from one frame to the next; none: a quarter of `frame_length`. [samples] Allowed:
        from 1.
    win_ms : float, optional
        Length of a frame in time; sets `frame_length`. [ms] Allowed: from 0.01.
    hop_ms : float, optional
        Distance between frames in time; sets `hop_length`. [ms] Allowed: from 0.01.
    center : bool
        Whether frame t is centred at sample t · hop_length (the signal is padded by half a frame)
        or starts there.
    pad_mode : str
        What stands beyond the signal: zeros, the edge sample, the mirror image without or with the
        edge sample. Allowed: constant, edge, reflect, symmetric.
    trough_threshold : float
        Depth that a trough must have to be taken before deeper ones of longer periods. Allowed:
        from -1e+06.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)` in Hz

    Notes
    -----
    Scope: local. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> yin(y, 16000).shape[1]
    1
    """
    return compute(
        "yin",
        y,
        sr,
        {
            "fmin": fmin,
            "fmax": fmax,
            "frame_length": frame_length,
            "hop_length": hop_length,
            "win_ms": win_ms,
            "hop_ms": hop_ms,
            "center": center,
            "pad_mode": pad_mode,
            "trough_threshold": trough_threshold,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def pyin(
    y: npt.ArrayLike,
    sr: int,
    *,
    fmin: float = 65.0,
    fmax: float = 600.0,
    frame_length: int = 2048,
    hop_length: int | None = None,
    win_ms: float | None = None,
    hop_ms: float | None = None,
    center: bool = True,
    pad_mode: Literal["constant", "edge", "reflect", "symmetric"] = "constant",
    n_thresholds: int = 100,
    beta_parameters: Sequence[float] | None = None,
    boltzmann_parameter: float = 2.0,
    resolution: float = 0.1,
    max_transition_rate: float = 35.92,
    switch_prob: float = 0.01,
    no_trough_prob: float = 0.01,
    fill_na: float | None = 0.0,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Fundamental frequency and voicing by pYIN: YIN under all thresholds, and the most likely path.

    Every trough of YIN's difference function is a candidate; its probability is that of the
    thresholds it lies below (`beta_parameters`), shared among the troughs below the same threshold
    in favour of short periods (`boltzmann_parameter`). The path through pitch bins of `resolution`
    semitones, voiced and unvoiced, is the most likely one (Viterbi). Columns: f0, the centre of the
    bin, or `fill_na`; voiced_flag, 0 or 1; voiced_prob, the sum of the candidates' probabilities.
    Computed in double precision. Rows come when the path through them is settled, in speech within
    some tens of frames, at the end of the signal at the latest, and are the same however the signal
    comes in; until then a frame takes 4 bytes a pitch bin. Source: Mauch and Dixon (2014).
    Convention: `librosa.pyin` (0.11), with 0 in place of NaN.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    fmin : float
        Lowest pitch; its period is shorter than the frame, better than half of it. [Hz] Allowed:
        from 0.001.
    fmax : float
        Highest pitch, above fmin and up to half the sampling rate. [Hz] Allowed: from 0.001.
    frame_length : int
        Length of a frame. [samples] Allowed: from 4.
    hop_length : int, optional
        Distance from one frame to the next; none: a quarter of `frame_length`. [samples] Allowed:
        from 1.
    win_ms : float, optional
        Length of a frame in time; sets `frame_length`. [ms] Allowed: from 0.01.
    hop_ms : float, optional
        Distance between frames in time; sets `hop_length`. [ms] Allowed: from 0.01.
    center : bool
        Whether frame t is centred at sample t · hop_length (the signal is padded by half a frame)
        or starts there.
    pad_mode : str
        What stands beyond the signal: zeros, the edge sample, the mirror image without or with the
        edge sample. Allowed: constant, edge, reflect, symmetric.
    n_thresholds : int
        Number of thresholds, spaced evenly from 0 to 1. Allowed: 1 to 100000.
    beta_parameters : list of float, optional
        The two shape parameters of the beta distribution over thresholds, 1e-3 to 1e6; none: 2 and
        18.
    boltzmann_parameter : float
        How much shorter periods are preferred. Allowed: from 1e-09.
    resolution : float
        Distance of pitch bins, rounded down to a whole part of a semitone. [semitones] Allowed:
        0.001 to 1.
    max_transition_rate : float
        Fastest change of pitch, rounded to whole semitones per frame. [octaves/s] Allowed: from 0.
    switch_prob : float
        Probability of a change of voicing from one frame to the next. Allowed: 0 to 1.
    no_trough_prob : float
        Share of the thresholds below all troughs that goes to the deepest trough. Allowed: 0 to 1.
    fill_na : float, optional
        f0 of unvoiced frames; none: that of the path. [Hz] Allowed: from -1e+30.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 3)` at the defaults

    Notes
    -----
    Scope: scan. Convention: librosa.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> pyin(y, 16000).shape[1]
    3
    """
    return compute(
        "pyin",
        y,
        sr,
        {
            "fmin": fmin,
            "fmax": fmax,
            "frame_length": frame_length,
            "hop_length": hop_length,
            "win_ms": win_ms,
            "hop_ms": hop_ms,
            "center": center,
            "pad_mode": pad_mode,
            "n_thresholds": n_thresholds,
            "beta_parameters": beta_parameters,
            "boltzmann_parameter": boltzmann_parameter,
            "resolution": resolution,
            "max_transition_rate": max_transition_rate,
            "switch_prob": switch_prob,
            "no_trough_prob": no_trough_prob,
            "fill_na": fill_na,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def torchaudio_melspectrogram(
    y: npt.ArrayLike,
    sr: int,
    *,
    n_fft: int = 400,
    win_length: int | None = None,
    hop_length: int | None = None,
    pad: int = 0,
    window: str | Sequence[float] = "hann",
    power: float = 2.0,
    normalized: bool = False,
    center: bool = True,
    pad_mode: Literal["reflect", "constant", "replicate"] = "reflect",
    n_mels: int = 128,
    f_min: float = 0.0,
    f_max: float | None = None,
    mel_scale: Literal["htk", "slaney"] = "htk",
    norm: Literal["slaney"] | None = None,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Mel spectrogram with torchaudio's definition and defaults.

    As `melspectrogram`, but on frames of 400 samples with a hop of 200 and mirrored ends, with
    HTK's mel scale and triangles of height 1. With 128 bands some of the lowest hold no bin and
    stay 0. Convention: `torchaudio.transforms.MelSpectrogram`.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    n_fft : int
        Length of the FFT and of a frame. [samples] Allowed: from 2.
    win_length : int, optional
        Length of the window, centred in the frame; none: `n_fft`. [samples] Allowed: from 1.
    hop_length : int, optional
        Distance from one frame to the next; none: half of `win_length`. [samples] Allowed: from 1.
    pad : int
        Zeros put before and after the signal. [samples] Allowed: from 0.
    window : str or samples
        Window function, periodic, or its samples (torchaudio's `window_fn`). Allowed: hann,
        hamming, blackman, bartlett, boxcar, povey, blackmanharris, nuttall, flattop, cosine,
        triang, bohman, parzen, barthann.
    power : float
        Exponent of the magnitude: 2 power, 1 magnitude. Allowed: 0.001 to 10.
    normalized : bool
        Whether the spectrum is divided by the square root of the window's energy.
    center : bool
        Whether frame t is centred at sample t · hop_length (the signal is padded by half a frame)
        or starts there.
    pad_mode : str
        What stands beyond the signal and its `pad` zeros if `center`: the mirror image without the
        edge sample, zeros, the edge sample. Allowed: reflect, constant, replicate.
    n_mels : int
        Number of mel bands. Allowed: 1 to 4096.
    f_min : float
        Lowest frequency. [Hz] Allowed: from 0.
    f_max : float, optional
        Highest frequency; none: half the sampling rate. [Hz] Allowed: from 0.
    mel_scale : str
        HTK's or Slaney's mel scale. Allowed: htk, slaney.
    norm : str, optional
        `slaney`: triangles of area 1; none: of height 1. Allowed: slaney.
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
    Scope: local. Convention: torchaudio.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> torchaudio_melspectrogram(y, 16000).shape[1]
    128
    """
    return compute(
        "torchaudio_melspectrogram",
        y,
        sr,
        {
            "n_fft": n_fft,
            "win_length": win_length,
            "hop_length": hop_length,
            "pad": pad,
            "window": window,
            "power": power,
            "normalized": normalized,
            "center": center,
            "pad_mode": pad_mode,
            "n_mels": n_mels,
            "f_min": f_min,
            "f_max": f_max,
            "mel_scale": mel_scale,
            "norm": norm,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def torchaudio_mfcc(
    y: npt.ArrayLike,
    sr: int,
    *,
    n_fft: int = 400,
    win_length: int | None = None,
    hop_length: int | None = None,
    pad: int = 0,
    window: str | Sequence[float] = "hann",
    power: float = 2.0,
    normalized: bool = False,
    center: bool = True,
    pad_mode: Literal["reflect", "constant", "replicate"] = "reflect",
    n_mels: int = 128,
    f_min: float = 0.0,
    f_max: float | None = None,
    mel_scale: Literal["htk", "slaney"] = "htk",
    n_mfcc: int = 40,
    norm: Literal["ortho"] | None = "ortho",
    log_mels: bool = False,
    mel_norm: Literal["slaney"] | None = None,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Mel-frequency cepstral coefficients with torchaudio's definition and defaults.

    DCT of type 2 of `torchaudio_melspectrogram` in decibels, `10 log10(max(1e-10, mel))` with a
    range of 80 dB below the largest value of the recording; or with log_mels of `ln(mel + 1e-6)`,
    which can stream. `norm` is that of the DCT, `mel_norm` what torchaudio calls `norm` in
    `melkwargs`; the other arguments in there stand beside `n_mfcc` here. Convention:
    `torchaudio.transforms.MFCC`.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    n_fft : int
        Length of the FFT and of a frame. [samples] Allowed: from 2.
    win_length : int, optional
        Length of the window, centred in the frame; none: `n_fft`. [samples] Allowed: from 1.
    hop_length : int, optional
        Distance from one frame to the next; none: half of `win_length`. [samples] Allowed: from 1.
    pad : int
        Zeros put before and after the signal. [samples] Allowed: from 0.
    window : str or samples
        Window function, periodic, or its samples (torchaudio's `window_fn`). Allowed: hann,
        hamming, blackman, bartlett, boxcar, povey, blackmanharris, nuttall, flattop, cosine,
        triang, bohman, parzen, barthann.
    power : float
        Exponent of the magnitude: 2 power, 1 magnitude. Allowed: 0.001 to 10.
    normalized : bool
        Whether the spectrum is divided by the square root of the window's energy.
    center : bool
        Whether frame t is centred at sample t · hop_length (the signal is padded by half a frame)
        or starts there.
    pad_mode : str
        What stands beyond the signal and its `pad` zeros if `center`: the mirror image without the
        edge sample, zeros, the edge sample. Allowed: reflect, constant, replicate.
    n_mels : int
        Number of mel bands. Allowed: 1 to 4096.
    f_min : float
        Lowest frequency. [Hz] Allowed: from 0.
    f_max : float, optional
        Highest frequency; none: half the sampling rate. [Hz] Allowed: from 0.
    mel_scale : str
        HTK's or Slaney's mel scale. Allowed: htk, slaney.
    n_mfcc : int
        Number of coefficients, at most n_mels. Allowed: 1 to 4096.
    norm : str, optional
        Orthonormal transform, or none: twice the sum of cosines. Allowed: ortho.
    log_mels : bool
        Natural logarithm of mel + 1e-6 in place of decibels.
    mel_norm : str, optional
        `slaney`: triangles of area 1; none: of height 1. Allowed: slaney.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 40)` at the defaults

    Notes
    -----
    Scope: global. Convention: torchaudio.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> torchaudio_mfcc(y, 16000).shape[1]
    40
    """
    return compute(
        "torchaudio_mfcc",
        y,
        sr,
        {
            "n_fft": n_fft,
            "win_length": win_length,
            "hop_length": hop_length,
            "pad": pad,
            "window": window,
            "power": power,
            "normalized": normalized,
            "center": center,
            "pad_mode": pad_mode,
            "n_mels": n_mels,
            "f_min": f_min,
            "f_max": f_max,
            "mel_scale": mel_scale,
            "n_mfcc": n_mfcc,
            "norm": norm,
            "log_mels": log_mels,
            "mel_norm": mel_norm,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def kaldi_fbank(
    y: npt.ArrayLike,
    sr: int,
    *,
    frame_length: float = 25.0,
    frame_shift: float = 10.0,
    snip_edges: bool = True,
    min_duration: float = 0.0,
    input_scale: float = 1.0,
    dither: float = 0.0,
    seed: int = 0,
    remove_dc_offset: bool = True,
    preemphasis_coefficient: float = 0.97,
    window_type: Literal["povey", "hanning", "hamming", "rectangular", "blackman"] = "povey",
    blackman_coeff: float = 0.42,
    round_to_power_of_two: bool = True,
    num_mel_bins: int = 23,
    low_freq: float = 20.0,
    high_freq: float = 0.0,
    vtln_warp: float = 1.0,
    vtln_low: float = 100.0,
    vtln_high: float = -500.0,
    use_energy: bool = False,
    raw_energy: bool = True,
    energy_floor: float = 1.0,
    htk_compat: bool = False,
    subtract_mean: bool = False,
    use_log_fbank: bool = True,
    use_power: bool = True,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Kaldi's (log) mel filterbank energies.

    Each frame: mean removed, pre-emphasis, window, FFT; triangles linear in mel (`1127 ln(1 +
    f/700)`), peak 1, over the bins below Nyquist; `ln(max(E, 1.1920929e-7))`. Silence gives -15.94.
    With `use_energy` one more column, `ln(max(Σ x², 1.1920929e-7, energy_floor))`, first (last with
    `htk_compat`). Convention: `torchaudio.compliance.kaldi.fbank`, whose scale is that of the
    samples; see `input_scale`. Source: Povey et al. (2011), The Kaldi speech recognition toolkit.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    frame_length : float
        Length of a frame, rounded down to samples. [ms] Allowed: from 0.01.
    frame_shift : float
        Distance from one frame to the next, rounded down to samples. [ms] Allowed: from 0.01.
    snip_edges : bool
        True: only frames that lie wholly in the signal. False: one frame per shift, the signal
        mirrored at both ends with its edge samples.
    min_duration : float
        A shorter recording has no frames. [s] Allowed: from 0.
    input_scale : float
        Factor on every sample. Kaldi's models were made with samples in the 16-bit range: 32768 for
        samples within ±1. Allowed: from 1e-06.
    dither : float
        Standard deviation of Gaussian noise added to each frame, after `input_scale`; Kaldi's own
        default is 1.0 in the 16-bit range. Allowed: from 0.
    seed : int
        Seed of the dither, which is the same for the same seed, frame and position. Allowed: from
        0.
    remove_dc_offset : bool
        Whether each frame's mean is subtracted.
    preemphasis_coefficient : float
        c in x[i] - c x[i-1], within the frame; the first sample is emphasised against itself.
        Allowed: 0 to 1.
    window_type : str
        Window function, symmetric. Allowed: povey, hanning, hamming, rectangular, blackman.
    blackman_coeff : float
        Constant term of the Blackman window; other windows do not use it. Allowed: 0 to 1.
    round_to_power_of_two : bool
        Whether frames are padded with zeros to the next power of two for the FFT.
    num_mel_bins : int
        Number of mel filters. Allowed: 4 to 4096.
    low_freq : float
        Lower edge of the first filter. [Hz] Allowed: from 0.
    high_freq : float
        Upper edge of the last filter; 0 and below count from half the sampling rate. [Hz] Allowed:
        from -1e+06.
    vtln_warp : float
        Vocal tract length normalisation is not offered: only 1, no warping. Allowed: 0.001 to 1000.
    vtln_low : float
        Has no meaning without warping: only its default. [Hz] Allowed: from -1e+06.
    vtln_high : float
        Has no meaning without warping: only its default. [Hz] Allowed: from -1e+06.
    use_energy : bool
        Whether the logarithm of the frame's energy takes part: an additional column of the
        filterbank, in place of C0 of the cepstrum.
    raw_energy : bool
        Whether that energy is taken before pre-emphasis and window, or after them.
    energy_floor : float
        Least energy; it has no influence on the filters, whose floor is 1.1920929e-7. Allowed: from
        0.
    htk_compat : bool
        Whether the energy (in the cepstrum: C0 or the energy) comes last; a C0 there is multiplied
        by √2.
    subtract_mean : bool
        Whether each column's mean over the recording is subtracted.
    use_log_fbank : bool
        Natural logarithm of the energies, or the energies.
    use_power : bool
        Filters over |X|², or over |X|.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 23)` at the defaults in ln

    Notes
    -----
    Scope: local. Convention: kaldi.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> kaldi_fbank(y, 16000).shape[1]
    23
    """
    return compute(
        "kaldi_fbank",
        y,
        sr,
        {
            "frame_length": frame_length,
            "frame_shift": frame_shift,
            "snip_edges": snip_edges,
            "min_duration": min_duration,
            "input_scale": input_scale,
            "dither": dither,
            "seed": seed,
            "remove_dc_offset": remove_dc_offset,
            "preemphasis_coefficient": preemphasis_coefficient,
            "window_type": window_type,
            "blackman_coeff": blackman_coeff,
            "round_to_power_of_two": round_to_power_of_two,
            "num_mel_bins": num_mel_bins,
            "low_freq": low_freq,
            "high_freq": high_freq,
            "vtln_warp": vtln_warp,
            "vtln_low": vtln_low,
            "vtln_high": vtln_high,
            "use_energy": use_energy,
            "raw_energy": raw_energy,
            "energy_floor": energy_floor,
            "htk_compat": htk_compat,
            "subtract_mean": subtract_mean,
            "use_log_fbank": use_log_fbank,
            "use_power": use_power,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def kaldi_mfcc(
    y: npt.ArrayLike,
    sr: int,
    *,
    frame_length: float = 25.0,
    frame_shift: float = 10.0,
    snip_edges: bool = True,
    min_duration: float = 0.0,
    input_scale: float = 1.0,
    dither: float = 0.0,
    seed: int = 0,
    remove_dc_offset: bool = True,
    preemphasis_coefficient: float = 0.97,
    window_type: Literal["povey", "hanning", "hamming", "rectangular", "blackman"] = "povey",
    blackman_coeff: float = 0.42,
    round_to_power_of_two: bool = True,
    num_mel_bins: int = 23,
    low_freq: float = 20.0,
    high_freq: float = 0.0,
    vtln_warp: float = 1.0,
    vtln_low: float = 100.0,
    vtln_high: float = -500.0,
    use_energy: bool = False,
    raw_energy: bool = True,
    energy_floor: float = 1.0,
    htk_compat: bool = False,
    subtract_mean: bool = False,
    num_ceps: int = 13,
    cepstral_lifter: float = 22.0,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Kaldi's mel-frequency cepstral coefficients.

    Orthonormal DCT-II of the log filterbank energies of `kaldi_fbank`; coefficient i (from 0) times
    `1 + Q/2 sin(π i / Q)` with Q = `cepstral_lifter`. With `use_energy` the log energy stands in
    the place of C0. `htk_compat` moves C0 or the energy to the end. Convention:
    `torchaudio.compliance.kaldi.mfcc` (Kaldi's own default is use_energy=true). Source: Povey et
    al. (2011), The Kaldi speech recognition toolkit.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    frame_length : float
        Length of a frame, rounded down to samples. [ms] Allowed: from 0.01.
    frame_shift : float
        Distance from one frame to the next, rounded down to samples. [ms] Allowed: from 0.01.
    snip_edges : bool
        True: only frames that lie wholly in the signal. False: one frame per shift, the signal
        mirrored at both ends with its edge samples.
    min_duration : float
        A shorter recording has no frames. [s] Allowed: from 0.
    input_scale : float
        Factor on every sample. Kaldi's models were made with samples in the 16-bit range: 32768 for
        samples within ±1. Allowed: from 1e-06.
    dither : float
        Standard deviation of Gaussian noise added to each frame, after `input_scale`; Kaldi's own
        default is 1.0 in the 16-bit range. Allowed: from 0.
    seed : int
        Seed of the dither, which is the same for the same seed, frame and position. Allowed: from
        0.
    remove_dc_offset : bool
        Whether each frame's mean is subtracted.
    preemphasis_coefficient : float
        c in x[i] - c x[i-1], within the frame; the first sample is emphasised against itself.
        Allowed: 0 to 1.
    window_type : str
        Window function, symmetric. Allowed: povey, hanning, hamming, rectangular, blackman.
    blackman_coeff : float
        Constant term of the Blackman window; other windows do not use it. Allowed: 0 to 1.
    round_to_power_of_two : bool
        Whether frames are padded with zeros to the next power of two for the FFT.
    num_mel_bins : int
        Number of mel filters. Allowed: 4 to 4096.
    low_freq : float
        Lower edge of the first filter. [Hz] Allowed: from 0.
    high_freq : float
        Upper edge of the last filter; 0 and below count from half the sampling rate. [Hz] Allowed:
        from -1e+06.
    vtln_warp : float
        Vocal tract length normalisation is not offered: only 1, no warping. Allowed: 0.001 to 1000.
    vtln_low : float
        Has no meaning without warping: only its default. [Hz] Allowed: from -1e+06.
    vtln_high : float
        Has no meaning without warping: only its default. [Hz] Allowed: from -1e+06.
    use_energy : bool
        Whether the logarithm of the frame's energy takes part: an additional column of the
        filterbank, in place of C0 of the cepstrum.
    raw_energy : bool
        Whether that energy is taken before pre-emphasis and window, or after them.
    energy_floor : float
        Least energy; it has no influence on the filters, whose floor is 1.1920929e-7. Allowed: from
        0.
    htk_compat : bool
        Whether the energy (in the cepstrum: C0 or the energy) comes last; a C0 there is multiplied
        by √2.
    subtract_mean : bool
        Whether each column's mean over the recording is subtracted.
    num_ceps : int
        Number of coefficients, C0 included; at most `num_mel_bins`. Allowed: 1 to 4096.
    cepstral_lifter : float
        Q of the lifter; 0: none. Allowed: from 0.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 13)` at the defaults

    Notes
    -----
    Scope: local. Convention: kaldi.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> kaldi_mfcc(y, 16000).shape[1]
    13
    """
    return compute(
        "kaldi_mfcc",
        y,
        sr,
        {
            "frame_length": frame_length,
            "frame_shift": frame_shift,
            "snip_edges": snip_edges,
            "min_duration": min_duration,
            "input_scale": input_scale,
            "dither": dither,
            "seed": seed,
            "remove_dc_offset": remove_dc_offset,
            "preemphasis_coefficient": preemphasis_coefficient,
            "window_type": window_type,
            "blackman_coeff": blackman_coeff,
            "round_to_power_of_two": round_to_power_of_two,
            "num_mel_bins": num_mel_bins,
            "low_freq": low_freq,
            "high_freq": high_freq,
            "vtln_warp": vtln_warp,
            "vtln_low": vtln_low,
            "vtln_high": vtln_high,
            "use_energy": use_energy,
            "raw_energy": raw_energy,
            "energy_floor": energy_floor,
            "htk_compat": htk_compat,
            "subtract_mean": subtract_mean,
            "num_ceps": num_ceps,
            "cepstral_lifter": cepstral_lifter,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def pyaudioanalysis(
    y: npt.ArrayLike,
    sr: int,
    *,
    win_ms: float = 50.0,
    step_ms: float = 25.0,
    window: int | None = None,
    step: int | None = None,
    deltas: bool = False,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """The 34 short-term features of pyAudioAnalysis, with `deltas` 68.

    Of the signal minus its mean, divided by its largest magnitude: zero-crossing rate, energy,
    entropy of energy over 10 blocks; of the magnitude spectrum of the frame (rectangular window,
    FFT of its length): centroid, spread, entropy over 10 blocks, flux, 90 % roll-off, 13 MFCC (40
    filters), 12 chroma (A, A# .. G#), their deviation. Frequencies are fractions of half the
    sampling rate. The package's peculiarities are kept: its mel filters lie at half their
    frequencies; of the bins of a note only the last counts, divided by the size of another note's
    class; entropies are in bits of shares that need not sum to 1. Frames of one constant value have
    a spectrum of rounding alone. Always in double precision. Refused as in the package: windows
    with fewer bins than the highest note's number, rates up to 6853 Hz. Convention:
    `pyAudioAnalysis.ShortTermFeatures.feature_extraction` 0.3.14. Source: Giannakopoulos (2015),
    pyAudioAnalysis, PLoS ONE 10(12).

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    win_ms : float
        Length of a frame, rounded down to samples. [ms] Allowed: from 0.01.
    step_ms : float
        Distance from one frame to the next, rounded down to samples. [ms] Allowed: from 0.01.
    window : int, optional
        Length of a frame in samples; none: `win_ms`. [samples] Allowed: from 1.
    step : int, optional
        Distance between frames in samples; none: `step_ms`. [samples] Allowed: from 1.
    deltas : bool
        Whether the difference to the frame before is added to each feature (0 in the first frame).
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 34)` at the defaults

    Notes
    -----
    Scope: global. Convention: pyaudioanalysis.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> pyaudioanalysis(y, 16000).shape[1]
    34
    """
    return compute(
        "pyaudioanalysis",
        y,
        sr,
        {"win_ms": win_ms, "step_ms": step_ms, "window": window, "step": step, "deltas": deltas},
        precision,
        on_short,
        on_nonfinite,
    )


def psf_mfcc(
    y: npt.ArrayLike,
    sr: int,
    *,
    winlen: float = 0.025,
    winstep: float = 0.01,
    nfft: int = 512,
    preemph: float = 0.97,
    winfunc: str | Sequence[float] = "rectangular",
    nfilt: int = 26,
    lowfreq: float = 0.0,
    highfreq: float | None = None,
    numcep: int = 13,
    ceplifter: float = 22.0,
    appendEnergy: bool = True,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Mel-frequency cepstral coefficients of python_speech_features.

    Orthonormal DCT-II of `psf_logfbank`, liftered from index 0; with `appendEnergy` coefficient 0
    is the natural logarithm of the frame's energy. Always in double precision. Convention:
    `python_speech_features.mfcc` 0.6. Source: Davis and Mermelstein (1980).

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    winlen : float
        Length of a frame, halves of a sample rounded up. [s] Allowed: 1e-05 to 1000.
    winstep : float
        Distance from one frame to the next, halves of a sample rounded up. [s] Allowed: 1e-05 to
        1000.
    nfft : int
        Length of the FFT. What a longer frame has beyond it is cut off, as the package does with a
        warning: 25 ms are longer than 512 samples above 20.5 kHz. [samples] Allowed: from 2.
    preemph : float
        c in x[i] - c x[i-1] over the whole signal, its first sample kept; 0: none. Allowed: -1000
        to 1000.
    winfunc : str or samples
        Window function, symmetric as NumPy's, or its samples, one per sample of a frame. Allowed:
        rectangular, hamming, hanning, blackman, bartlett.
    nfilt : int
        Number of mel filters. Allowed: 1 to 4096.
    lowfreq : float
        Lower edge of the first filter. [Hz] Allowed: from 0.
    highfreq : float, optional
        Upper edge of the last filter; none or 0: half the sampling rate. [Hz] Allowed: from 0.
    numcep : int
        Number of coefficients; there are at most `nfilt`. Allowed: 1 to 4096.
    ceplifter : float
        Coefficient n (from 0) is multiplied by 1 + ceplifter/2 sin(π n / ceplifter); 0: not.
        Allowed: from 0.
    appendEnergy : bool
        Whether the logarithm of the frame's energy stands in the place of coefficient 0.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 13)` at the defaults

    Notes
    -----
    Scope: local. Convention: python_speech_features.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> psf_mfcc(y, 16000).shape[1]
    13
    """
    return compute(
        "psf_mfcc",
        y,
        sr,
        {
            "winlen": winlen,
            "winstep": winstep,
            "nfft": nfft,
            "preemph": preemph,
            "winfunc": winfunc,
            "nfilt": nfilt,
            "lowfreq": lowfreq,
            "highfreq": highfreq,
            "numcep": numcep,
            "ceplifter": ceplifter,
            "appendEnergy": appendEnergy,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def psf_fbank(
    y: npt.ArrayLike,
    sr: int,
    *,
    winlen: float = 0.025,
    winstep: float = 0.01,
    nfft: int = 512,
    preemph: float = 0.97,
    winfunc: str | Sequence[float] = "rectangular",
    nfilt: int = 26,
    lowfreq: float = 0.0,
    highfreq: float | None = None,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Mel filterbank energies of python_speech_features, and the frame's energy as the last column.

    Pre-emphasis over the signal, frames (the last one filled up with zeros), `|X|² / nfft`,
    triangles of height 1 and linear in bins between edges that are rounded down to bins, on the mel
    scale `2595 log10(1 + f/700)`. The last column is the sum over all bins. A zero becomes 2.2e-16.
    Always in double precision. Convention: both results of `python_speech_features.fbank` 0.6 side
    by side.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    winlen : float
        Length of a frame, halves of a sample rounded up. [s] Allowed: 1e-05 to 1000.
    winstep : float
        Distance from one frame to the next, halves of a sample rounded up. [s] Allowed: 1e-05 to
        1000.
    nfft : int
        Length of the FFT. What a longer frame has beyond it is cut off, as the package does with a
        warning: 25 ms are longer than 512 samples above 20.5 kHz. [samples] Allowed: from 2.
    preemph : float
        c in x[i] - c x[i-1] over the whole signal, its first sample kept; 0: none. Allowed: -1000
        to 1000.
    winfunc : str or samples
        Window function, symmetric as NumPy's, or its samples, one per sample of a frame. Allowed:
        rectangular, hamming, hanning, blackman, bartlett.
    nfilt : int
        Number of mel filters. Allowed: 1 to 4096.
    lowfreq : float
        Lower edge of the first filter. [Hz] Allowed: from 0.
    highfreq : float, optional
        Upper edge of the last filter; none or 0: half the sampling rate. [Hz] Allowed: from 0.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 27)` at the defaults in power

    Notes
    -----
    Scope: local. Convention: python_speech_features.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> psf_fbank(y, 16000).shape[1]
    27
    """
    return compute(
        "psf_fbank",
        y,
        sr,
        {
            "winlen": winlen,
            "winstep": winstep,
            "nfft": nfft,
            "preemph": preemph,
            "winfunc": winfunc,
            "nfilt": nfilt,
            "lowfreq": lowfreq,
            "highfreq": highfreq,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def psf_logfbank(
    y: npt.ArrayLike,
    sr: int,
    *,
    winlen: float = 0.025,
    winstep: float = 0.01,
    nfft: int = 512,
    preemph: float = 0.97,
    winfunc: str | Sequence[float] = "rectangular",
    nfilt: int = 26,
    lowfreq: float = 0.0,
    highfreq: float | None = None,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Natural logarithm of the mel filterbank energies of python_speech_features.

    `ln` of `psf_fbank` without its last column; silence gives -36.04. Always in double precision.
    Convention: `python_speech_features.logfbank` 0.6, which has no `winfunc` (its window is
    rectangular).

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    winlen : float
        Length of a frame, halves of a sample rounded up. [s] Allowed: 1e-05 to 1000.
    winstep : float
        Distance from one frame to the next, halves of a sample rounded up. [s] Allowed: 1e-05 to
        1000.
    nfft : int
        Length of the FFT. What a longer frame has beyond it is cut off, as the package does with a
        warning: 25 ms are longer than 512 samples above 20.5 kHz. [samples] Allowed: from 2.
    preemph : float
        c in x[i] - c x[i-1] over the whole signal, its first sample kept; 0: none. Allowed: -1000
        to 1000.
    winfunc : str or samples
        Window function, symmetric as NumPy's, or its samples, one per sample of a frame. Allowed:
        rectangular, hamming, hanning, blackman, bartlett.
    nfilt : int
        Number of mel filters. Allowed: 1 to 4096.
    lowfreq : float
        Lower edge of the first filter. [Hz] Allowed: from 0.
    highfreq : float, optional
        Upper edge of the last filter; none or 0: half the sampling rate. [Hz] Allowed: from 0.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 26)` at the defaults in ln

    Notes
    -----
    Scope: local. Convention: python_speech_features.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> psf_logfbank(y, 16000).shape[1]
    26
    """
    return compute(
        "psf_logfbank",
        y,
        sr,
        {
            "winlen": winlen,
            "winstep": winstep,
            "nfft": nfft,
            "preemph": preemph,
            "winfunc": winfunc,
            "nfilt": nfilt,
            "lowfreq": lowfreq,
            "highfreq": highfreq,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def psf_ssc(
    y: npt.ArrayLike,
    sr: int,
    *,
    winlen: float = 0.025,
    winstep: float = 0.01,
    nfft: int = 512,
    preemph: float = 0.97,
    winfunc: str | Sequence[float] = "rectangular",
    nfilt: int = 26,
    lowfreq: float = 0.0,
    highfreq: float | None = None,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Spectral subband centroids of python_speech_features.

    Per mel filter w of `psf_fbank`: `Σ w P f / Σ w P` in Hz, with P the power of a bin (2.2e-16 for
    a zero) and f running evenly from 1 Hz (not 0) to half the sampling rate. A filter too narrow to
    hold a bin has no centroid: NaN, in every frame. Always in double precision. Convention:
    `python_speech_features.ssc` 0.6. Source: Paliwal (1998), Spectral subband centroid features.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    winlen : float
        Length of a frame, halves of a sample rounded up. [s] Allowed: 1e-05 to 1000.
    winstep : float
        Distance from one frame to the next, halves of a sample rounded up. [s] Allowed: 1e-05 to
        1000.
    nfft : int
        Length of the FFT. What a longer frame has beyond it is cut off, as the package does with a
        warning: 25 ms are longer than 512 samples above 20.5 kHz. [samples] Allowed: from 2.
    preemph : float
        c in x[i] - c x[i-1] over the whole signal, its first sample kept; 0: none. Allowed: -1000
        to 1000.
    winfunc : str or samples
        Window function, symmetric as NumPy's, or its samples, one per sample of a frame. Allowed:
        rectangular, hamming, hanning, blackman, bartlett.
    nfilt : int
        Number of mel filters. Allowed: 1 to 4096.
    lowfreq : float
        Lower edge of the first filter. [Hz] Allowed: from 0.
    highfreq : float, optional
        Upper edge of the last filter; none or 0: half the sampling rate. [Hz] Allowed: from 0.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 26)` at the defaults in Hz

    Notes
    -----
    Scope: local. Convention: python_speech_features.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> psf_ssc(y, 16000).shape[1]
    26
    """
    return compute(
        "psf_ssc",
        y,
        sr,
        {
            "winlen": winlen,
            "winstep": winstep,
            "nfft": nfft,
            "preemph": preemph,
            "winfunc": winfunc,
            "nfilt": nfilt,
            "lowfreq": lowfreq,
            "highfreq": highfreq,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def pitch_boersma(
    y: npt.ArrayLike,
    sr: int,
    *,
    time_step: float | None = None,
    pitch_floor: float = 75.0,
    max_number_of_candidates: int = 15,
    very_accurate: bool = False,
    silence_threshold: float = 0.03,
    voicing_threshold: float = 0.45,
    octave_cost: float = 0.01,
    octave_jump_cost: float = 0.35,
    voiced_unvoiced_cost: float = 0.14,
    pitch_ceiling: float = 600.0,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Fundamental frequency by normalised autocorrelation and the cheapest path, and its strength.

    Each frame, 3 periods of pitch_floor long under a Hann window (very_accurate: 6 under a Gaussian
    one), minus the mean of its middle two periods, gives an autocorrelation divided by that of the
    window. Its maxima r above half of voicing_threshold between floor and ceiling, found between
    samples by interpolation, are candidates of strength `r - octave_cost log2(pitch_ceiling / f)`;
    being unvoiced has the strength `voicing_threshold + max(0, 2 - peak (1 + voicing_threshold) /
    silence_threshold)`, with `peak` the largest magnitude of the windowed frame within half a
    longest period of its middle, relative to the recording's largest after its mean is removed. The
    path through one candidate per frame with the largest sum of strengths, minus `octave_jump_cost
    |log2(f1 / f2)|` between voiced frames and voiced_unvoiced_cost where voicing changes (both
    times 0.01 s / time_step), is the result: f0 in Hz, 0 if unvoiced, and r, 0 if unvoiced. With
    silence_threshold=0 it streams, giving frames as soon as all paths agree on them. Praat's `To
    Pitch (ac)` has the same arguments; its frames are shifted by up to half a step to lie
    symmetrically in the recording. Source: Boersma (1993).

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    time_step : float, optional
        Distance between frames; none: 0.75 / pitch_floor. [s] Allowed: from 1e-05.
    pitch_floor : float
        Lowest frequency; a frame is three of its periods long. [Hz] Allowed: from 1.
    max_number_of_candidates : int
        Candidates per frame, being unvoiced included. Allowed: 2 to 1000.
    very_accurate : bool
        Gaussian window of twice the length.
    silence_threshold : float
        Share of the recording's largest magnitude below which a frame counts as silent; 0: none
        does, and the feature can stream. Allowed: from 0.
    voicing_threshold : float
        Strength of being unvoiced. Allowed: from 0.
    octave_cost : float
        Preference of high frequencies, per octave. Allowed: from 0.
    octave_jump_cost : float
        Cost of a change of frequency, per octave. Allowed: from 0.
    voiced_unvoiced_cost : float
        Cost of a change between voiced and unvoiced. Allowed: from 0.
    pitch_ceiling : float
        Highest frequency, at most half the sampling rate. [Hz] Allowed: from 1.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 2)` at the defaults in Hz

    Notes
    -----
    Scope: global. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> pitch_boersma(y, 16000).shape[1]
    2
    """
    return compute(
        "pitch_boersma",
        y,
        sr,
        {
            "time_step": time_step,
            "pitch_floor": pitch_floor,
            "max_number_of_candidates": max_number_of_candidates,
            "very_accurate": very_accurate,
            "silence_threshold": silence_threshold,
            "voicing_threshold": voicing_threshold,
            "octave_cost": octave_cost,
            "octave_jump_cost": octave_jump_cost,
            "voiced_unvoiced_cost": voiced_unvoiced_cost,
            "pitch_ceiling": pitch_ceiling,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def hnr_boersma(
    y: npt.ArrayLike,
    sr: int,
    *,
    time_step: float | None = 0.01,
    pitch_floor: float = 75.0,
    silence_threshold: float = 0.1,
    periods_per_window: float = 4.5,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Harmonics-to-noise ratio by autocorrelation.

    `10 log10(r / (1 - r))` with r the highest maximum of the normalised autocorrelation of a frame
    under a Gaussian window of 2 periods_per_window periods of pitch_floor, for periods down to two
    samples: r is the share of the power that repeats itself. From -100 to 100 dB; -200 dB where the
    frame is silent (as in `pitch_boersma` with a voicing threshold of 0) or has no maximum above 0.
    Jitter and shimmer lower it as noise does. Praat's `To Harmonicity (ac)` has the same arguments.
    Source: Boersma (1993).

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    time_step : float, optional
        Distance between frames. [s] Allowed: from 1e-05.
    pitch_floor : float
        Lowest frequency. [Hz] Allowed: from 1.
    silence_threshold : float
        Share of the recording's largest magnitude below which a frame counts as silent; 0: none
        does, and the feature can stream. Allowed: from 0.
    periods_per_window : float
        Periods of pitch_floor in the effective length of the window, half its whole length.
        Allowed: 1 to 100.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)` in dB

    Notes
    -----
    Scope: global. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> hnr_boersma(y, 16000).shape[1]
    1
    """
    return compute(
        "hnr_boersma",
        y,
        sr,
        {
            "time_step": time_step,
            "pitch_floor": pitch_floor,
            "silence_threshold": silence_threshold,
            "periods_per_window": periods_per_window,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def intensity(
    y: npt.ArrayLike,
    sr: int,
    *,
    pitch_floor: float = 100.0,
    time_step: float | None = None,
    subtract_mean: bool = True,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Sound pressure level under a smooth window, long enough not to follow single periods.

    `10 log10(Σ w x² / (20 µPa)²)` over a frame of 6.4 / pitch_floor around a sample, minus its
    mean, with w a Kaiser window (β = 20.24, side lobes below -190 dB) of sum 1. A sample of 1
    counts as 1 Pa. -300 dB for a silent frame. Praat's `To Intensity` has the same arguments.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    pitch_floor : float
        Lowest frequency of a voice whose single periods are not to show. [Hz] Allowed: from 1.
    time_step : float, optional
        Distance between frames; none: 0.8 / pitch_floor. [s] Allowed: from 1e-05.
    subtract_mean : bool
        Whether the mean of the frame is subtracted.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)` in dB

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> intensity(y, 16000).shape[1]
    1
    """
    return compute(
        "intensity",
        y,
        sr,
        {"pitch_floor": pitch_floor, "time_step": time_step, "subtract_mean": subtract_mean},
        precision,
        on_short,
        on_nonfinite,
    )


def formants_burg(
    y: npt.ArrayLike,
    sr: int,
    *,
    time_step: float | None = None,
    max_number_of_formants: int = 5,
    maximum_formant: float = 5500.0,
    window_length: float = 0.025,
    pre_emphasis_from: float = 50.0,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Formants and their bandwidths by linear prediction with Burg's method.

    The frame of twice window_length and a quarter of that on either side is resampled by Fourier
    transform to twice maximum_formant, raised by 6 dB per octave from pre_emphasis_from on, and
    multiplied by a Gaussian window `(e^(-48 x²) - e^(-12)) / (1 - e^(-12))` that falls to 0 at its
    ends. Burg's method predicts it with two coefficients per formant; the roots z of the predictor
    between 50 Hz and maximum_formant - 50 Hz, lowest first, are formants of frequency `arg z · rate
    / 2π` and bandwidth `|ln |z|| · rate / π`. Columns F1, B1, F2, B2 ...; 0 where there are fewer.
    Unvoiced frames have values as well. Beyond the recording's ends are zeros. Praat's `To Formant
    (burg)` has the same arguments; it resamples the whole recording, so that its samples lie
    elsewhere between ours, which moves weak formants. Source: Burg (1975), Anderson (1978), Boersma
    and Weenink's manual.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    time_step : float, optional
        Distance between frames; none: a quarter of window_length. [s] Allowed: from 1e-05.
    max_number_of_formants : int
        Number of formants, half the order of the prediction. Allowed: 1 to 10.
    maximum_formant : float
        Highest frequency: about 5000 for a man's voice, 5500 for a woman's. [Hz] Allowed: from 1.
    window_length : float
        Effective length of the window, half its whole length. [s] Allowed: 0.001 to 10.
    pre_emphasis_from : float
        Frequency from which the spectrum is raised. [Hz] Allowed: from 1.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 10)` at the defaults in Hz

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> formants_burg(y, 16000).shape[1]
    10
    """
    return compute(
        "formants_burg",
        y,
        sr,
        {
            "time_step": time_step,
            "max_number_of_formants": max_number_of_formants,
            "maximum_formant": maximum_formant,
            "window_length": window_length,
            "pre_emphasis_from": pre_emphasis_from,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def cpp(
    y: npt.ArrayLike,
    sr: int,
    *,
    time_step: float | None = 0.01,
    pitch_floor: float = 60.0,
    pitch_ceiling: float = 330.0,
    maximum_frequency: float = 5000.0,
    pre_emphasis_from: float = 50.0,
    time_averaging: float = 0.02,
    quefrency_averaging: float = 0.0005,
    trend: Literal["straight", "exponential"] = "straight",
    trend_from: float = 0.001,
    trend_to: float = 0.05,
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """Cepstral peak prominence: height of the voice's peak in the cepstrum above its trend.

    Of a frame of 6 / pitch_floor under a Gaussian window, pre-emphasised from pre_emphasis_from on
    and freed of its mean, the inverse Fourier transform of the logarithm of the power spectrum up
    to maximum_frequency (the nearest bin below with a fast transform) is squared, averaged over
    quefrency_averaging and, with the frames around it, time_averaging, and expressed in dB. The
    peak between 1 / pitch_ceiling and 1 / pitch_floor, by a parabola through its highest value and
    the neighbours of that, minus the line fitted to all values from trend_from to trend_to by least
    squares, over quefrency (straight) or its logarithm (exponential), is the prominence. Both
    averages 0: without smoothing. Powers of either below 1e-20 count as this, so that silence has 0
    dB. The mean over a recording corresponds to Praat's `PowerCepstrogram: Get CPPS`. Source:
    Hillenbrand, Cleveland and Erickson (1994); Hillenbrand and Houde (1996).

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    time_step : float, optional
        Distance between frames. [s] Allowed: from 1e-05.
    pitch_floor : float
        Lowest frequency of the peak; a frame is six of its periods long. [Hz] Allowed: from 1.
    pitch_ceiling : float
        Highest frequency of the peak. [Hz] Allowed: from 1.
    maximum_frequency : float
        Highest frequency of the spectrum, at most half the sampling rate. [Hz] Allowed: from 1.
    pre_emphasis_from : float
        Frequency from which the spectrum is raised. [Hz] Allowed: from 1.
    time_averaging : float
        Time over which cepstra are averaged. [s] Allowed: 0 to 100.
    quefrency_averaging : float
        Quefrencies over which a cepstrum is averaged. [s] Allowed: 0 to 1.
    trend : str
        The line that the prominence is measured from. Allowed: straight, exponential.
    trend_from : float
        Shortest quefrency of the trend. [s] Allowed: 0 to 1.
    trend_to : float
        Longest quefrency of the trend. [s] Allowed: 0 to 1.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(n_frames, 1)` in dB

    Notes
    -----
    Scope: local. Convention: native.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> cpp(y, 16000).shape[1]
    1
    """
    return compute(
        "cpp",
        y,
        sr,
        {
            "time_step": time_step,
            "pitch_floor": pitch_floor,
            "pitch_ceiling": pitch_ceiling,
            "maximum_frequency": maximum_frequency,
            "pre_emphasis_from": pre_emphasis_from,
            "time_averaging": time_averaging,
            "quefrency_averaging": quefrency_averaging,
            "trend": trend,
            "trend_from": trend_from,
            "trend_to": trend_to,
        },
        precision,
        on_short,
        on_nonfinite,
    )


def egemapsv02(
    y: npt.ArrayLike,
    sr: int,
    *,
    level: Literal["functionals", "lld"] = "functionals",
    variant: Literal["opensmile", "paper"] = "opensmile",
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """eGeMAPSv02: 88 functionals of 25 descriptors of pitch, voice quality, loudness and spectrum.

    Frames of 20 ms and, for what depends on the pitch, 60 ms, both every 10 ms from sample 0; row k
    starts at k · 10 ms. Descriptors have one row more than there are 60 ms frames; functionals see
    the rows whose pitch was decided when the recording ended. Samples are taken in 16 bits,
    truncated, as openSMILE does; beyond ±1 they are clipped. Rates from 8 to 96 kHz. Numbers:
    openSMILE 2.6 (`FeatureSet.eGeMAPSv02`), names and order too; computed in float32 as there.
    Streams: descriptors come when their pitch is decided, at most 0.9 s late; functionals at the
    end. Source: Eyben et al. (2016), IEEE Trans. Affective Computing 7(2).

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    level : str
        One row of functionals for a recording, or the low-level descriptors of every frame.
        Allowed: functionals, lld.
    variant : str
        openSMILE's numbers, or the published definitions where the two differ (docs/opensmile.md
        lists where). Allowed: opensmile, paper.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(1, 88)` at the defaults in mixed

    Notes
    -----
    Scope: scan. Convention: openSMILE.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> egemapsv02(y, 16000).shape[1]
    88
    """
    return compute(
        "egemapsv02", y, sr, {"level": level, "variant": variant}, precision, on_short, on_nonfinite
    )


def gemapsv01b(
    y: npt.ArrayLike,
    sr: int,
    *,
    level: Literal["functionals", "lld"] = "functionals",
    variant: Literal["opensmile", "paper"] = "opensmile",
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """GeMAPSv01b: 62 functionals of 18 descriptors, a part of eGeMAPSv02.

    The columns of `egemapsv02` that have the same names; everything said there holds here. Numbers:
    openSMILE 2.6 (`FeatureSet.GeMAPSv01b`). Source: Eyben et al. (2016), IEEE Trans. Affective
    Computing 7(2).

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    level : str
        One row of functionals for a recording, or the low-level descriptors of every frame.
        Allowed: functionals, lld.
    variant : str
        openSMILE's numbers, or the published definitions where the two differ (docs/opensmile.md
        lists where). Allowed: opensmile, paper.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(1, 62)` at the defaults in mixed

    Notes
    -----
    Scope: scan. Convention: openSMILE.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> gemapsv01b(y, 16000).shape[1]
    62
    """
    return compute(
        "gemapsv01b", y, sr, {"level": level, "variant": variant}, precision, on_short, on_nonfinite
    )


def compare2016(
    y: npt.ArrayLike,
    sr: int,
    *,
    level: Literal["functionals", "lld", "lld_de"] = "functionals",
    variant: Literal["opensmile", "paper"] = "opensmile",
    precision: Precision = "float32",
    on_short: OnShort = "error",
    on_nonfinite: OnNonFinite = "error",
) -> Matrix:
    """ComParE_2016: 6373 functionals of 65 descriptors and their deltas.

    Frames as in `egemapsv02`. Numbers, names and order: openSMILE 2.6 (`FeatureSet.ComParE_2016`),
    computed in float32 as there; deltas have two rows more than the descriptors. The functionals
    `lpc0` to `lpc4` and `lpgain` amplify the rounding of what they come from; all others are
    reproducible. Rates from 8 to 96 kHz. Source: Schuller et al. (2016), INTERSPEECH; Weninger et
    al. (2013), Frontiers in Psychology 4:292.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; integers are scaled to ±1, several channels mixed down.
    sr : int
        Sampling rate in Hz.
    level : str
        One row of functionals for a recording, the low-level descriptors of every frame, or their
        deltas. Allowed: functionals, lld, lld_de.
    variant : str
        openSMILE's numbers, or the published definitions where the two differ (docs/opensmile.md
        lists where). Allowed: opensmile, paper.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    on_short : 'error', 'pad' or 'allow'
        A signal shorter than one frame: refuse it, pad it with zeros to one frame, or compute what
        the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.

    Returns
    -------
    ndarray, `(1, 6373)` at the defaults in mixed

    Notes
    -----
    Scope: scan. Convention: openSMILE.

    Examples
    --------
    >>> y = np.sin(0.05 * np.arange(32000, dtype=np.float32))
    >>> compare2016(y, 16000).shape[1]
    6373
    """
    return compute(
        "compare2016", y, sr, {"level": level, "variant": variant}, precision, on_short, on_nonfinite
    )


def delta(
    x: npt.ArrayLike,
    *,
    width: int = 9,
    order: int = 1,
    mode: Literal["interp", "nearest"] = "interp",
) -> Matrix:
    """Derivative along time, per frame.

    Savitzky-Golay: the `order`-th derivative of the polynomial of degree `order` that fits the
    `width` frames around a frame best. Order 1 and width 9: `Σ k x[t+k] / 60` over k = -4 .. 4. At
    the ends, `interp` takes the fit of the first and last `width` frames, and fewer frames are an
    error; `nearest` repeats the first and last frame. Streams with a delay of half a width.
    Convention: `librosa.feature.delta`. Source: Savitzky and Golay (1964).

    Parameters
    ----------
    x : array_like, `(n_frames, n_columns)`
        Rows of a feature, frames first.
    width : int
        Number of frames that a value is computed from, odd. [frames] Allowed: 3 to 9999.
    order : int
        Order of the derivative, below `width`. Allowed: 1 to 20.
    mode : str
        What is done at the ends. Allowed: interp, nearest.

    Returns
    -------
    ndarray, `(n_frames, n_columns)`

    Notes
    -----
    Scope: local. Convention: librosa.

    Examples
    --------
    >>> delta(np.arange(40.0).reshape(20, 2)).shape
    (20, 2)
    """
    return transform("delta", x, {"width": width, "order": order, "mode": mode})


def cmvn(
    x: npt.ArrayLike,
    *,
    norm_means: bool = True,
    norm_vars: bool = True,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Matrix:
    """Columns shifted to mean 0 and scaled to standard deviation 1.

    `(x - mean) / std` per column over all frames of the recording, `std` the population standard
    deviation, both in double precision. A column whose standard deviation is at most 1e-10 of its
    largest magnitude is constant, and becomes 0. With `mean` or `std` given (one value per column,
    from a training corpus for example) these take the place of the recording's own, what is not
    given is not applied, and the feature can stream. Source: Viikki and Laurila (1998).

    Parameters
    ----------
    x : array_like, `(n_frames, n_columns)`
        Rows of a feature, frames first.
    norm_means : bool
        Whether the mean is subtracted.
    norm_vars : bool
        Whether the result is divided by the standard deviation.
    mean : list of float, optional
        Values to subtract in place of the recording's own means.
    std : list of float, optional
        Values above 0 to divide by in place of the recording's own standard deviations.

    Returns
    -------
    ndarray, `(n_frames, n_columns)`

    Notes
    -----
    Scope: global. Convention: native.

    Examples
    --------
    >>> cmvn(np.arange(40.0).reshape(20, 2)).shape
    (20, 2)
    """
    return transform("cmvn", x, {"norm_means": norm_means, "norm_vars": norm_vars, "mean": mean, "std": std})


def functionals(
    x: npt.ArrayLike,
    *,
    names: Sequence[str] | None = None,
    nonzero: bool = False,
    period: float | None = None,
    variant: Literal["opensmile", "paper"] = "opensmile",
) -> Matrix:
    """Numbers that sum up each column over the recording: means, percentiles, moments, peaks, regression and more.

    One row for a recording: for each column in turn, each of `names`. Names are openSMILE's;
    docs/functionals.md lists them. `percentileP` and `pctlrangeP-Q` take any orders from 0 to 100.
    A column with a NaN gives NaN, one without values 0. Holds all rows until the recording ends.
    Convention: openSMILE's ComParE_2016 and eGeMAPSv02.

    Parameters
    ----------
    x : array_like, `(n_frames, n_columns)`
        Rows of a feature, frames first.
    names : list of str, optional
        The functionals; none: amean, stddev, percentile20, percentile50, percentile80, min, max,
        range.
    nonzero : bool
        Whether frames that are exactly 0 (unvoiced, in a contour of the pitch) are left out first.
    period : float, optional
        Time between frames; none: the feature's own (0.01 for rows that come without one). [s]
        Allowed: from 1e-06.
    variant : str
        openSMILE's numbers, or the plain definitions where the two differ (docs/opensmile.md).
        Allowed: opensmile, paper.

    Returns
    -------
    ndarray, `(1, n_columns · n_functionals)` in mixed

    Notes
    -----
    Scope: scan. Convention: openSMILE.

    Examples
    --------
    >>> functionals(np.arange(40.0).reshape(20, 2)).shape
    (1, 16)
    """
    return transform(
        "functionals", x, {"names": names, "nonzero": nonzero, "period": period, "variant": variant}
    )
