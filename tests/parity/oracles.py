"""One independent definition of every catalogue entry: plain NumPy, float64, written to be read.

Nothing here calls the package under test or one of its peers. Each function takes `(y, sr, **parameters)`
with the peer's parameter names and defaults and returns `(n_frames, n_columns)`; transforms take the matrix
that they transform instead of a signal. `ORACLES` maps catalogue names to these functions, `definition` the
catalogue's parameters to theirs. Speed does not matter here, the formula does;
`test_oracles_match_peers.py` holds each one to the package that it describes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Oracle = Callable[..., Array]

#: Single-precision machine epsilon, Kaldi's floor under a logarithm.
KALDI_EPSILON = float(np.finfo(np.float32).eps)
#: Double-precision machine epsilon, the floor of pyAudioAnalysis and python_speech_features.
DOUBLE_EPSILON = float(np.finfo(np.float64).eps)
#: Norms below this leave a column as it is (librosa: smallest normal number of the data's type).
TINY = float(np.finfo(np.float64).tiny)


# ------------------------------------------------------------------------------------- windows and transforms


def _cosine_sum(coefficients: Sequence[float]) -> Callable[[int], Array]:
    """Periodic window sum_k (-1)^k a_k cos(2 pi k n / N)."""

    def window(n: int) -> Array:
        phase = 2 * np.pi * np.arange(n) / n
        return np.sum([(-1) ** k * a * np.cos(k * phase) for k, a in enumerate(coefficients)], axis=0)

    return window


def _bartlett(n: int) -> Array:
    return 1.0 - np.abs(2.0 * np.arange(n) / n - 1.0)


def _triang(n: int) -> Array:
    # The symmetric triangle of n + 1 points without its last one.
    k = np.arange(1, (n + 2) // 2 + 1)
    half = (2 * k - 1.0) / (n + 1) if (n + 1) % 2 == 0 else 2.0 * k / (n + 2)
    full = np.concatenate([half, half[::-1]] if (n + 1) % 2 == 0 else [half, half[-2::-1]])
    return full[:n]


def _bohman(n: int) -> Array:
    x = np.abs(2.0 * np.arange(n) / n - 1.0)
    w = (1 - x) * np.cos(np.pi * x) + np.sin(np.pi * x) / np.pi
    w[0] = 0.0
    return w


def _parzen(n: int) -> Array:
    x = np.abs(np.arange(n) - n / 2.0) / ((n + 1) / 2.0)
    inner = np.abs(np.arange(n) - n / 2.0) <= n / 4.0
    return np.where(inner, 1.0 - 6.0 * x**2 * (1.0 - x), 2.0 * (1.0 - x) ** 3)


def _barthann(n: int) -> Array:
    x = np.arange(n) / n - 0.5
    return 0.62 - 0.48 * np.abs(x) + 0.38 * np.cos(2 * np.pi * x)


#: Periodic windows by name, as a function of their length. Harris (1978), Nuttall (1981), Ha, Pearce (1989).
WINDOWS: dict[str, Callable[[int], Array]] = {
    "hann": _cosine_sum([0.5, 0.5]),
    "hamming": _cosine_sum([0.54, 0.46]),
    "blackman": _cosine_sum([0.42, 0.5, 0.08]),
    "blackmanharris": _cosine_sum([0.35875, 0.48829, 0.14128, 0.01168]),
    "nuttall": _cosine_sum([0.3635819, 0.4891775, 0.1365995, 0.0106411]),
    "flattop": _cosine_sum([0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368]),
    "boxcar": lambda n: np.ones(n),
    "ones": lambda n: np.ones(n),
    "rectangular": lambda n: np.ones(n),
    "bartlett": _bartlett,
    "triang": _triang,
    "cosine": lambda n: np.sin(np.pi * (np.arange(n) + 0.5) / (n + 1)),
    "bohman": _bohman,
    "parzen": _parzen,
    "barthann": _barthann,
    "povey": lambda n: _cosine_sum([0.5, 0.5])(n) ** 0.85,  # Kaldi's, which SciPy does not have
}


def periodic_window(name: str, n: int) -> Array:
    """Window `name` of `n` points for spectral analysis: the symmetric one of n + 1 without its last."""
    return np.ones(1) if n == 1 else WINDOWS[name](n)


def dct_matrix(n_out: int, n_in: int, dct_type: int = 2, norm: str | None = "ortho") -> Array:
    """Rows of the discrete cosine transform of type 1, 2 or 3, as scipy.fft.dct defines and scales them."""
    k, n = np.arange(n_in)[:, None], np.arange(n_in)[None, :]
    if dct_type == 2:
        m = 2.0 * np.cos(np.pi * k * (2 * n + 1) / (2 * n_in))
        if norm == "ortho":
            m *= np.where(k == 0, np.sqrt(1 / (4 * n_in)), np.sqrt(1 / (2 * n_in)))
    elif dct_type == 3:
        m = 2.0 * np.cos(np.pi * (2 * k + 1) * n / (2 * n_in))
        m[:, 0] = 1.0
        if norm == "ortho":
            m *= np.where(n == 0, np.sqrt(1 / n_in), np.sqrt(1 / (2 * n_in)))
    elif dct_type == 1:
        m = 2.0 * np.cos(np.pi * k * n / (n_in - 1))
        m[:, [0, -1]] *= 0.5
        if norm == "ortho":
            ends = (0, n_in - 1)
            m *= np.where(np.isin(n, ends), np.sqrt(2), 1.0) * np.where(np.isin(k, ends), np.sqrt(0.5), 1.0)
            m *= np.sqrt(1 / (2 * (n_in - 1)))
    else:
        raise ValueError(f"dct_type is {dct_type}; allowed are 1, 2, 3")
    return m[:n_out]


def frame(y: Array, frame_length: int, hop_length: int) -> Array:
    """All full frames, (n_frames, frame_length)."""
    n = 1 + (len(y) - frame_length) // hop_length if len(y) >= frame_length else 0
    starts = hop_length * np.arange(n)
    return y[starts[:, None] + np.arange(frame_length)[None, :]]


def _as_double(y: ArrayLike) -> Array:
    return np.asarray(y, dtype=np.float64)


# ------------------------------------------------------------------------------------------- librosa: spectra


def stft(
    y: ArrayLike,
    sr: float = 22050,
    *,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: str = "hann",
    center: bool = True,
    pad_mode: str = "constant",
) -> NDArray[np.complex128]:
    """Short-time Fourier transform, (n_frames, 1 + n_fft // 2). A short window sits mid-frame."""
    y = _as_double(y)
    length = n_fft if win_length is None else win_length
    left = (n_fft - length) // 2
    w = np.pad(periodic_window(window, length), (left, n_fft - length - left))
    if center:
        y = np.pad(y, n_fft // 2, mode=pad_mode)  # type: ignore[call-overload]
    return np.fft.rfft(frame(y, n_fft, hop_length) * w, axis=1)


def stft_columns(y: ArrayLike, sr: float = 22050, **front: Any) -> Array:
    """`stft` with the real and the imaginary part of every bin side by side."""
    x = stft(y, sr, **front)
    return np.stack([x.real, x.imag], axis=2).reshape(len(x), -1)


def spectrogram(y: ArrayLike, sr: float = 22050, *, power: float = 2.0, **front: Any) -> Array:
    """|STFT|^power."""
    return np.abs(stft(y, sr, **front)) ** power


def hz_to_mel(f: ArrayLike, htk: bool = False) -> Array:
    """HTK: 2595 log10(1 + f/700). Slaney: 200/3 Hz per mel below 1 kHz, then 27 mel per factor 6.4."""
    f = _as_double(f)
    if htk:
        return 2595.0 * np.log10(1.0 + f / 700.0)
    return np.where(
        f < 1000.0, 3.0 * f / 200.0, 15.0 + 27.0 * np.log(np.maximum(f, 1.0) / 1000.0) / math.log(6.4)
    )


def mel_to_hz(m: ArrayLike, htk: bool = False) -> Array:
    m = _as_double(m)
    if htk:
        return 700.0 * (10.0 ** (m / 2595.0) - 1.0)
    return np.where(m < 15.0, 200.0 * m / 3.0, 1000.0 * np.exp(math.log(6.4) * (m - 15.0) / 27.0))


def mel_filters(
    sr: float,
    n_fft: int,
    *,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: str | float | None = "slaney",
) -> Array:
    """Triangles linear in Hz between n_mels + 2 points equally spaced in mel, (n_mels, 1 + n_fft // 2)."""
    fmax = sr / 2 if fmax is None else fmax
    p = mel_to_hz(np.linspace(hz_to_mel(fmin, htk), hz_to_mel(fmax, htk), n_mels + 2), htk)
    f = np.arange(1 + n_fft // 2) * sr / n_fft
    low, centre, high = p[:-2, None], p[1:-1, None], p[2:, None]
    weights = np.maximum(0.0, np.minimum((f - low) / (centre - low), (high - f) / (high - centre)))
    if norm == "slaney":
        weights *= 2.0 / (high - low)
    if norm is not None and norm != "slaney":
        size = np.linalg.norm(weights, ord=float(norm), axis=1, keepdims=True)
        weights /= np.where(size < np.finfo(np.float32).tiny, 1.0, size)
    return weights


def melspectrogram(
    y: ArrayLike,
    sr: float = 22050,
    *,
    power: float = 2.0,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: str | float | None = "slaney",
    n_fft: int = 2048,
    **front: Any,
) -> Array:
    s = spectrogram(y, sr, power=power, n_fft=n_fft, **front)
    return s @ mel_filters(sr, n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm).T


def power_to_db(
    s: ArrayLike,
    *,
    ref: float | str | Callable[[Array], float] = 1.0,
    amin: float = 1e-10,
    top_db: float | None = 80.0,
) -> Array:
    """10 log10(max(amin, S) / max(amin, ref)), floored at top_db below the maximum of the whole matrix.

    `ref` may be "max", for the largest value of the matrix.
    """
    s = _as_double(s)
    if ref == "max":
        reference = float(s.max())
    elif callable(ref):
        reference = float(ref(s))
    else:
        reference = abs(float(ref))
    db = 10.0 * np.log10(np.maximum(amin, s)) - 10.0 * np.log10(max(amin, reference))
    return db if top_db is None or not db.size else np.maximum(db, db.max() - top_db)


def amplitude_to_db(
    s: ArrayLike, *, ref: float | str = 1.0, amin: float = 1e-5, top_db: float | None = 80.0
) -> Array:
    magnitude = np.abs(_as_double(s))
    reference = float(magnitude.max()) if ref == "max" else abs(float(ref))
    return power_to_db(magnitude**2, ref=reference**2, amin=amin**2, top_db=top_db)


def logmel(
    y: ArrayLike,
    sr: float = 22050,
    *,
    ref: float | str = 1.0,
    amin: float = 1e-10,
    top_db: float | None = 80.0,
    **mel: Any,
) -> Array:
    """Mel spectrogram in dB."""
    return power_to_db(melspectrogram(y, sr, **mel), ref=ref, amin=amin, top_db=top_db)


def mfcc(
    y: ArrayLike,
    sr: float = 22050,
    *,
    n_mfcc: int = 20,
    dct_type: int = 2,
    norm: str | None = "ortho",
    lifter: float = 0.0,
    mel_norm: str | float | None = "slaney",
    ref: float | str = 1.0,
    amin: float = 1e-10,
    top_db: float | None = 80.0,
    **mel: Any,
) -> Array:
    """DCT over the mel axis of the log-mel spectrum; the lifter's index starts at 1, unlike HTK's."""
    db = logmel(y, sr, norm=mel_norm, ref=ref, amin=amin, top_db=top_db, **mel)
    return _cepstrum(db, n_mfcc, dct_type, norm, lifter)


def _cepstrum(db: Array, n_mfcc: int, dct_type: int, norm: str | None, lifter: float) -> Array:
    c = db @ dct_matrix(n_mfcc, db.shape[1], dct_type, norm).T
    if lifter > 0:
        c = c * (1.0 + lifter / 2.0 * np.sin(np.pi * np.arange(1, 1 + c.shape[1]) / lifter))
    return c


# --------------------------------------------------------------------------------- librosa: spectral features


def _normalised(s: Array, order: float | None) -> Array:
    """Rows divided by their norm of that order; rows whose norm is below `TINY` are left alone."""
    if order is None:
        return s
    size = np.linalg.norm(s, ord=order, axis=1, keepdims=True)
    return s / np.where(size < TINY, 1.0, size)


def spectral_centroid(y: ArrayLike, sr: float = 22050, *, n_fft: int = 2048, **front: Any) -> Array:
    """Mean frequency in Hz, weighted by magnitude."""
    p = _normalised(spectrogram(y, sr, power=1.0, n_fft=n_fft, **front), 1)
    return p @ (np.arange(1 + n_fft // 2) * sr / n_fft)[:, None]


def spectral_bandwidth(
    y: ArrayLike, sr: float = 22050, *, p: float = 2.0, norm: bool = True, n_fft: int = 2048, **front: Any
) -> Array:
    """(sum m |f - centroid|^p)^(1/p), m the magnitude, divided by its sum when `norm`."""
    m = spectrogram(y, sr, power=1.0, n_fft=n_fft, **front)
    f = np.arange(1 + n_fft // 2) * sr / n_fft
    deviation = np.abs(f[None, :] - spectral_centroid(y, sr, n_fft=n_fft, **front))
    weight = _normalised(m, 1) if norm else m
    return np.sum(weight * deviation**p, axis=1, keepdims=True) ** (1.0 / p)


def spectral_rolloff(
    y: ArrayLike, sr: float = 22050, *, roll_percent: float = 0.85, n_fft: int = 2048, **front: Any
) -> Array:
    """Lowest frequency at which the running sum of magnitudes reaches `roll_percent` of the whole."""
    running = np.cumsum(spectrogram(y, sr, power=1.0, n_fft=n_fft, **front), axis=1)
    reached = running >= roll_percent * running[:, -1:]
    return np.argmax(reached, axis=1)[:, None] * sr / n_fft


def spectral_flatness(
    y: ArrayLike, sr: float = 22050, *, amin: float = 1e-10, power: float = 2.0, **front: Any
) -> Array:
    """Geometric over arithmetic mean of max(amin, magnitude^power)."""
    s = np.maximum(amin, spectrogram(y, sr, power=1.0, **front) ** power)
    return np.exp(np.mean(np.log(s), axis=1, keepdims=True)) / np.mean(s, axis=1, keepdims=True)


def spectral_contrast(
    y: ArrayLike,
    sr: float = 22050,
    *,
    fmin: float = 200.0,
    n_bands: int = 6,
    quantile: float = 0.02,
    linear: bool = False,
    n_fft: int = 2048,
    **front: Any,
) -> Array:
    """Mean of the strongest minus mean of the weakest bins of each octave band, n_bands + 1 columns.

    The bins are magnitudes, and yet turned to dB as if they were powers; the 80 dB floor of `power_to_db`
    applies to all peaks together and to all valleys together. Bands overlap by a bin and lose their topmost.
    """
    m = spectrogram(y, sr, power=1.0, n_fft=n_fft, **front)
    f = np.arange(1 + n_fft // 2) * sr / n_fft
    edges = [0.0, *(fmin * 2.0**k for k in range(n_bands + 1))]
    if edges[-2] >= sr / 2:
        raise ValueError(f"band edge {edges[-2]} Hz is not below Nyquist, {sr / 2} Hz")
    peaks, valleys = np.zeros((2, len(m), n_bands + 1))
    for k in range(n_bands + 1):
        inside = np.flatnonzero((f >= edges[k]) & (f <= edges[k + 1]))
        first = inside[0] - 1 if k > 0 else inside[0]
        last = len(f) - 1 if k == n_bands else inside[-1]
        size = last - first + 1
        count = max(int(np.rint(quantile * size)), 1)
        band = np.sort(m[:, first : last + 1 if k == n_bands else last], axis=1)
        valleys[:, k] = band[:, :count].mean(axis=1)
        peaks[:, k] = band[:, -count:].mean(axis=1)
    return peaks - valleys if linear else power_to_db(peaks) - power_to_db(valleys)


def chroma_filters(
    sr: float,
    n_fft: int,
    *,
    tuning: float = 0.0,
    n_chroma: int = 12,
    ctroct: float = 5.0,
    octwidth: float | None = 2.0,
    norm: float | None = 2.0,
    base_c: bool = True,
) -> Array:
    """Gaussian bumps around each pitch class, (n_chroma, 1 + n_fft // 2). Ellis (2007)."""
    f = np.arange(1, n_fft) * sr / n_fft
    a0 = 440.0 * 2.0 ** (tuning / n_chroma) / 16.0
    q = n_chroma * np.log2(f / a0)
    q = np.concatenate([[q[0] - 1.5 * n_chroma], q])
    width = np.append(np.maximum(np.diff(q), 1.0), 1.0)
    half = np.round(n_chroma / 2.0)
    d = np.mod(q[None, :] - np.arange(n_chroma)[:, None] + half + 10 * n_chroma, n_chroma) - half
    w = np.exp(-0.5 * (2.0 * d / width) ** 2)
    w = _normalised(w.T, norm).T
    if octwidth is not None:
        w = w * np.exp(-0.5 * ((q / n_chroma - ctroct) / octwidth) ** 2)
    if base_c:
        w = np.roll(w, -3 * (n_chroma // 12), axis=0)
    return w[:, : 1 + n_fft // 2]


def tuning_histogram(s: Array, sr: float, n_fft: int, bins_per_octave: int = 12) -> NDArray[np.int64]:
    """Counts of 100 classes of deviation from the equal-tempered grid, from -0.5 to 0.5 of a step.

    The pitches are the parabolically refined peaks, 150-4000 Hz, of every frame of the power spectrogram `s`
    above a tenth of its maximum, the stronger half of them.
    """
    pitches, strengths = [], []
    f = np.arange(s.shape[1]) * sr / n_fft
    for row in s:
        kept = row * (row > 0.1 * row.max())
        shift, skew = np.zeros((2, len(row)))
        a = row[2:] + row[:-2] - 2.0 * row[1:-1]
        b = (row[2:] - row[:-2]) / 2.0
        small = np.abs(b) >= np.abs(a)
        shift[1:-1] = np.where(small, 0.0, -b / np.where(small, 1.0, a))
        skew = 0.5 * np.gradient(row) * shift
        peak = np.zeros(len(row), dtype=bool)
        peak[1:-1] = (kept[1:-1] > kept[:-2]) & (kept[1:-1] >= kept[2:])
        peak[-1] = kept[-1] > kept[-2]
        peak &= (f >= 150.0) & (f < min(4000.0, sr / 2))
        pitches.append((np.flatnonzero(peak) + shift[peak]) * sr / n_fft)
        strengths.append(row[peak] + skew[peak])
    pitch, strength = np.concatenate(pitches), np.concatenate(strengths)
    strength, pitch = strength[pitch > 0], pitch[pitch > 0]
    if not len(pitch):
        return np.zeros(100, dtype=np.int64)
    pitch = pitch[strength >= np.median(strength)]
    residual = np.mod(bins_per_octave * np.log2(pitch / 27.5), 1.0)
    residual[residual >= 0.5] -= 1.0
    counts, _ = np.histogram(residual, np.linspace(-0.5, 0.5, 101))
    return counts


def estimate_tuning(s: Array, sr: float, n_fft: int, bins_per_octave: int = 12) -> float:
    """Left edge of the first fullest class of `tuning_histogram`; 0 without any peak."""
    counts = tuning_histogram(s, sr, n_fft, bins_per_octave)
    return float(np.linspace(-0.5, 0.5, 101)[np.argmax(counts)]) if counts.any() else 0.0


def chroma_stft(
    y: ArrayLike,
    sr: float = 22050,
    *,
    tuning: float | None = None,
    norm: float | str | None = math.inf,
    n_chroma: int = 12,
    ctroct: float = 5.0,
    octwidth: float | None = 2.0,
    base_c: bool = True,
    n_fft: int = 2048,
    **front: Any,
) -> Array:
    """Power per pitch class, C first, each frame divided by its norm. Tuning in steps, or estimated."""
    s = spectrogram(y, sr, power=2.0, n_fft=n_fft, **front)
    if tuning is None:
        tuning = estimate_tuning(s, sr, n_fft, n_chroma)
    w = chroma_filters(
        sr, n_fft, tuning=tuning, n_chroma=n_chroma, ctroct=ctroct, octwidth=octwidth, base_c=base_c
    )
    order = None if norm is None or norm == "none" else float(norm)
    return _normalised(s @ w.T, order)


# ----------------------------------------------------------------------------------- librosa: the time domain


def zero_crossing_rate(
    y: ArrayLike,
    sr: float = 22050,
    *,
    frame_length: int = 2048,
    hop_length: int = 512,
    center: bool = True,
    threshold: float = 1e-10,
    zero_pos: bool = True,
    pad: bool = False,
) -> Array:
    """Share of samples whose sign differs from the sample before; the first of a frame counts as `pad` says.

    Samples within `threshold` of zero are zeros, which are positive (`zero_pos`) or a sign of their own.
    """
    y = _as_double(y)
    if center:
        y = np.pad(y, frame_length // 2, mode="edge")
    x = frame(np.where(np.abs(y) <= threshold, 0.0, y), frame_length, hop_length)
    sign = (x < 0) if zero_pos else np.sign(x)
    changes = (sign[:, 1:] != sign[:, :-1]).sum(axis=1) + (1 if pad else 0)
    return changes[:, None] / frame_length


def rms(
    y: ArrayLike,
    sr: float = 22050,
    *,
    frame_length: int = 2048,
    hop_length: int = 512,
    center: bool = True,
    pad_mode: str = "constant",
) -> Array:
    return np.sqrt(
        np.mean(_padded_frames(y, frame_length, hop_length, center, pad_mode) ** 2, axis=1, keepdims=True)
    )


def _padded_frames(y: ArrayLike, frame_length: int, hop_length: int, center: bool, pad_mode: str) -> Array:
    y = _as_double(y)
    if center:
        y = np.pad(y, frame_length // 2, mode=pad_mode)  # type: ignore[call-overload]
    return frame(y, frame_length, hop_length)


def delta(x: ArrayLike, *, width: int = 9, order: int = 1, mode: str = "interp") -> Array:
    """Savitzky-Golay derivative along frames: the `order`-th derivative of a polynomial of that degree.

    Each frame gets the derivative, at its own position, of the least-squares polynomial through the `width`
    frames around it. "interp": the first and last frames use the fit of the first and last `width` frames.
    "nearest": the ends are repeated instead.
    """
    x = _as_double(x)
    half = width // 2
    if mode == "nearest":
        return delta(np.pad(x, ((2 * half, 2 * half), (0, 0)), mode="edge"), width=width, order=order)[
            2 * half : 2 * half + len(x)
        ]
    if mode != "interp":
        raise ValueError(f"mode is {mode!r}; allowed are 'interp', 'nearest'")
    if len(x) < width:
        raise ValueError(f"{len(x)} frames, one fit needs {width}")
    position = np.arange(-half, half + 1)
    basis = np.stack([position.astype(float) ** k for k in range(order + 1)], axis=1)
    fit = np.linalg.pinv(basis)  # (order + 1, width): polynomial coefficients of a window
    out = np.empty_like(x)
    for t in range(len(x)):
        centre = min(max(t, half), len(x) - 1 - half)
        coefficients = fit @ x[centre - half : centre + half + 1]
        # d^order of a polynomial of degree `order` is the constant order! c_order, wherever it is taken.
        out[t] = math.factorial(order) * coefficients[order]
    return out


# ------------------------------------------------------------------------------------------- librosa: pitch


def yin_difference(
    y: ArrayLike,
    sr: float,
    fmin: float,
    fmax: float,
    frame_length: int,
    hop_length: int | None,
    center: bool,
    pad_mode: str,
) -> tuple[Array, int]:
    """YIN's normalised difference, (n_frames, n_lags), and the first lag in samples.

    d(k) = 2 (r(0) - r(k)) - (x_0^2 + ... + x_{k-1}^2) with r within the frame, except that librosa subtracts
    nothing at lag 1; divided by its mean over lags 1 to k.
    """
    first = int(np.floor(sr / fmax))
    last = min(int(np.ceil(sr / fmin)), frame_length - 1)
    hop = frame_length // 4 if hop_length is None else hop_length
    x = _padded_frames(y, frame_length, hop, center, pad_mode)
    n = 2 * frame_length
    r = np.fft.irfft(np.abs(np.fft.rfft(x, n, axis=1)) ** 2, n, axis=1)
    energy = np.cumsum(x**2, axis=1)[:, :last]
    energy[:, 0] = 0.0
    d = 2.0 * (r[:, :1] - r[:, 1 : last + 1]) - energy
    mean = np.cumsum(d, axis=1) / np.arange(1, last + 1)
    return (d / (mean + TINY))[:, first - 1 :], first


def _troughs(d: Array) -> list[int]:
    """Places lower than on the left and not higher than on the right; an end counts if it is the lower one."""
    inner = [k for k in range(1, len(d) - 1) if d[k] < d[k - 1] and d[k] <= d[k + 1]]
    return [0] * bool(d[0] < d[1]) + inner + [len(d) - 1] * bool(d[-1] < d[-2])


def _vertex(d: Array, k: int) -> float:
    """Where the parabola through k and its neighbours has its extreme, k itself if that is a step away."""
    if k in (0, len(d) - 1):
        return float(k)
    a, b = d[k + 1] + d[k - 1] - 2.0 * d[k], (d[k + 1] - d[k - 1]) / 2.0
    return k - b / a if abs(b) < abs(a) else float(k)


def yin(
    y: ArrayLike,
    sr: float = 22050,
    *,
    fmin: float = 65.0,
    fmax: float = 600.0,
    frame_length: int = 2048,
    hop_length: int | None = None,
    trough_threshold: float = 0.1,
    center: bool = True,
    pad_mode: str = "constant",
) -> Array:
    """de Cheveigne and Kawahara (2002) as librosa computes it; (n_frames, 1) in Hz."""
    frames, first = yin_difference(y, sr, fmin, fmax, frame_length, hop_length, center, pad_mode)
    f0 = []
    for d in frames:
        deep = [k for k in _troughs(d) if d[k] < trough_threshold]
        f0.append(sr / (first + _vertex(d, deep[0] if deep else int(np.argmin(d)))))
    return np.array(f0, dtype=np.float64).reshape(-1, 1)


def _pyin_transitions(n_bins: int, width: int, switch_prob: float) -> Array:
    """Logarithm of the probability to go from one of 2 n_bins states (row) to another."""
    # An even triangle stands half a bin beside its state: left among an odd number of bins, else right.
    low = -(width // 2) + (width % 2 == 0 and n_bins % 2 == 0)
    rank = np.minimum(np.arange(1, width + 1), np.arange(width, 0, -1))
    local = np.zeros((n_bins, n_bins))
    for k in range(n_bins):
        for offset, weight in zip(range(low, low + width), 2 * rank - (width % 2 == 0), strict=True):
            if 0 <= k + offset < n_bins:
                local[k, k + offset] = weight
    local /= local.sum(axis=1, keepdims=True)
    stay, switch = (1.0 - switch_prob) * local, switch_prob * local
    return np.log(np.block([[stay, switch], [switch, stay]]) + TINY)


def _beta_cdf(x: Array, a: float, b: float) -> Array:
    """Distribution function of the beta distribution by Gauss quadrature, after t = x s^4.

    The substitution makes t^(a-1) a polynomial for every multiple of a quarter.
    """
    s, w = np.polynomial.legendre.leggauss(200)
    s, w = (s + 1.0) / 2.0, w / 2.0

    def lower(x: float, a: float, b: float) -> float:
        return float(4.0 * x**a * (w @ (s ** (4.0 * a - 1.0) * (1.0 - x * s**4) ** (b - 1.0))))

    scale = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b))
    return np.array([scale * lower(v, a, b) if v <= 0.5 else 1.0 - scale * lower(1.0 - v, b, a) for v in x])


def pyin_observations(
    y: ArrayLike,
    sr: float,
    *,
    fmin: float,
    fmax: float,
    frame_length: int,
    hop_length: int | None,
    n_thresholds: int,
    beta_parameters: Sequence[float] | None,
    boltzmann_parameter: float,
    resolution: float,
    no_trough_prob: float,
    center: bool,
    pad_mode: str,
) -> Array:
    """Probability of every pitch bin, (n_frames, n_bins)."""
    frames, first = yin_difference(y, sr, fmin, fmax, frame_length, hop_length, center, pad_mode)
    thresholds = np.linspace(0, 1, n_thresholds + 1)
    a, b = (2.0, 18.0) if beta_parameters is None else beta_parameters
    prior = np.diff(_beta_cdf(thresholds, a, b))
    per_octave = 12 * math.ceil(1.0 / resolution)
    n_bins = math.floor(per_octave * math.log2(fmax / fmin)) + 1
    observed = np.zeros((len(frames), n_bins))
    for t, d in enumerate(frames):
        troughs = _troughs(d)
        if not troughs:
            continue
        below = d[troughs][:, None] < thresholds[None, 1:]
        rank, count = np.cumsum(below, axis=0) - 1, np.maximum(below.sum(axis=0), 1)
        decay = math.exp(-boltzmann_parameter)
        share = (1.0 - decay) / (1.0 - decay**count) * decay**rank
        p = (below * share) @ prior
        deepest = int(np.argmin(d[troughs]))
        p[deepest] += no_trough_prob * prior[: int((~below[deepest]).sum())].sum()
        for k, probability in zip(troughs, p, strict=True):
            f0 = sr / (first + _vertex(d, k))
            bin_index = max(int(np.rint(per_octave * math.log2(f0 / fmin))), 0)
            # The bin above the last one is lost, and of two troughs in a bin the longer period stays.
            if probability > 0 and bin_index < n_bins:
                observed[t, bin_index] = probability
    return observed


def pyin(
    y: ArrayLike,
    sr: float = 22050,
    *,
    fmin: float = 65.0,
    fmax: float = 600.0,
    frame_length: int = 2048,
    hop_length: int | None = None,
    n_thresholds: int = 100,
    beta_parameters: Sequence[float] | None = None,
    boltzmann_parameter: float = 2.0,
    resolution: float = 0.1,
    max_transition_rate: float = 35.92,
    switch_prob: float = 0.01,
    no_trough_prob: float = 0.01,
    fill_na: float | None = 0.0,
    center: bool = True,
    pad_mode: str = "constant",
) -> Array:
    """Mauch and Dixon (2014) as librosa computes it: f0 in Hz, voiced flag, voiced probability."""
    observed = pyin_observations(
        y,
        sr,
        fmin=fmin,
        fmax=fmax,
        frame_length=frame_length,
        hop_length=hop_length,
        n_thresholds=n_thresholds,
        beta_parameters=beta_parameters,
        boltzmann_parameter=boltzmann_parameter,
        resolution=resolution,
        no_trough_prob=no_trough_prob,
        center=center,
        pad_mode=pad_mode,
    )
    n_frames, n_bins = observed.shape
    voiced_prob = np.clip(observed.sum(axis=1), 0.0, 1.0)
    unvoiced = np.repeat((1.0 - voiced_prob)[:, None] / n_bins, n_bins, axis=1)
    scores = np.log(np.concatenate([observed, unvoiced], axis=1) + TINY)
    hop = frame_length // 4 if hop_length is None else hop_length
    per_semitone = math.ceil(1.0 / resolution)
    width = round(max_transition_rate * 12 * hop / sr) * per_semitone + 1
    transitions = _pyin_transitions(n_bins, width, switch_prob)
    best = scores[0] - math.log(2 * n_bins) if n_frames else np.zeros(2 * n_bins)
    came_from = np.zeros((n_frames, 2 * n_bins), dtype=int)
    for t in range(1, n_frames):
        ways = best[:, None] + transitions
        came_from[t] = np.argmax(ways, axis=0)
        best = scores[t] + ways[came_from[t], np.arange(2 * n_bins)]
    path = [int(np.argmax(best))]
    for t in range(n_frames - 1, 0, -1):
        path.append(int(came_from[t, path[-1]]))
    states = np.array(path[::-1][:n_frames], dtype=int)
    f0 = fmin * 2.0 ** (states % n_bins / (12 * per_semitone))
    voiced = states < n_bins
    if fill_na is not None:
        f0 = np.where(voiced, f0, fill_na)
    return np.column_stack([f0, voiced, voiced_prob])


# ----------------------------------------------------------------------- spectral shape without a peer (ours)


def spectral_flux(y: ArrayLike, sr: float = 22050, **front: Any) -> Array:
    """Squared distance between neighbouring magnitude spectra, each divided by its sum. First frame 0.

    Giannakopoulos and Pikrakis (2014), section 4.4.5.
    """
    m = spectrogram(y, sr, power=1.0, **front)
    total = m.sum(axis=1, keepdims=True)
    p = m / np.where(total == 0, 1.0, total)
    return np.sum(np.diff(p, axis=0, prepend=p[:1]) ** 2, axis=1, keepdims=True)


def _entropy_bits(weights: Array) -> Array:
    """Shannon entropy of each row divided by its sum, in bits; 0 for a row of zeros."""
    total = weights.sum(axis=1, keepdims=True)
    p = weights / np.where(total == 0, 1.0, total)
    return -np.sum(p * np.log2(np.where(p > 0, p, 1.0)), axis=1, keepdims=True)


def spectral_entropy(y: ArrayLike, sr: float = 22050, *, n_fft: int = 2048, **front: Any) -> Array:
    """Entropy of the power spectrum as a distribution, divided by that of a flat one. Misra et al. (2004)."""
    power = spectrogram(y, sr, power=2.0, n_fft=n_fft, **front)
    return np.clip(_entropy_bits(power) / math.log2(power.shape[1]), 0.0, 1.0)


def spectral_slope(
    y: ArrayLike,
    sr: float = 22050,
    *,
    fmin: float = 0.0,
    fmax: float | None = None,
    n_fft: int = 2048,
    **front: Any,
) -> Array:
    """Slope in dB per kHz of the least-squares line through 10 log10 max(1e-10, power) from fmin to fmax.

    Eyben et al. (2016): regression of the logarithmic power spectrum, both ends of the band included.
    """
    db = 10.0 * np.log10(np.maximum(1e-10, spectrogram(y, sr, power=2.0, n_fft=n_fft, **front)))
    f = np.arange(1 + n_fft // 2) * sr / n_fft
    inside = (f >= fmin) & (f <= (sr / 2 if fmax is None else fmax))
    x = f[inside] / 1000.0 - np.mean(f[inside] / 1000.0)
    level = db[:, inside]
    return ((level - level.mean(axis=1, keepdims=True)) @ x / np.sum(x * x))[:, None]


# --------------------------------------------------------- perceptual descriptors on the general spectrum (ours)


def _power_and_hz(y: ArrayLike, sr: float, n_fft: int, front: dict[str, Any]) -> tuple[Array, Array]:
    """|STFT|^2 and the frequency of every bin."""
    return spectrogram(y, sr, power=2.0, n_fft=n_fft, **front), np.fft.rfftfreq(n_fft, 1.0 / sr)


def _level_ratio(over: Array, under: Array, needed: Array) -> Array:
    """Difference of two levels in dB, each at least -140; 0 where `needed` is silent."""
    db = [10.0 * np.log10(np.maximum(x, 1e-14)) for x in (over, under)]
    return np.where(needed == 0, 0.0, db[0] - db[1])[:, None]


def alpha_ratio(y: ArrayLike, sr: float = 22050, *, n_fft: int = 2048, **front: Any) -> Array:
    """Summed power from 1 to 5 kHz over that below 1 kHz, in dB. Eyben et al. (2016)."""
    power, f = _power_and_hz(y, sr, n_fft, front)
    low = power[:, f < 1000].sum(axis=1)
    return _level_ratio(power[:, (f >= 1000) & (f <= 5000)].sum(axis=1), low, low)


def hammarberg_index(y: ArrayLike, sr: float = 22050, *, n_fft: int = 2048, **front: Any) -> Array:
    """Largest power below 2 kHz over the largest from 2 to 5 kHz, in dB. Eyben et al. (2016)."""
    power, f = _power_and_hz(y, sr, n_fft, front)
    high = power[:, (f >= 2000) & (f <= 5000)].max(axis=1)
    return _level_ratio(power[:, f < 2000].max(axis=1), high, high)


def central_moments(y: ArrayLike, sr: float, n_fft: int, front: dict[str, Any]) -> list[Array]:
    """Second to fourth central moments of frequency in Hz, weighted by power, without the bin of 0 Hz."""
    power, f = _power_and_hz(y, sr, n_fft, front)
    total = power[:, 1:].sum(axis=1, keepdims=True)
    p = power[:, 1:] / np.where(total == 0, 1.0, total)
    d = f[1:] - p @ f[1:, None]
    return [np.sum(p * d**order, axis=1, keepdims=True) for order in (2, 3, 4)]


def spectral_variance(y: ArrayLike, sr: float = 22050, *, n_fft: int = 2048, **front: Any) -> Array:
    """Peeters (2004), section 6.1.2."""
    return central_moments(y, sr, n_fft, front)[0]


def spectral_skewness(y: ArrayLike, sr: float = 22050, *, n_fft: int = 2048, **front: Any) -> Array:
    """Peeters (2004), section 6.1.3."""
    second, third, _ = central_moments(y, sr, n_fft, front)
    return np.where(second == 0, 0.0, third / np.where(second == 0, 1.0, second) ** 1.5)


def spectral_kurtosis(y: ArrayLike, sr: float = 22050, *, n_fft: int = 2048, **front: Any) -> Array:
    """Peeters (2004), section 6.1.4."""
    second, _, fourth = central_moments(y, sr, n_fft, front)
    return np.where(second == 0, 0.0, fourth / np.where(second == 0, 1.0, second) ** 2)


def sharpness_weights(f: Array) -> Array:
    """0.11 z g(z) at frequencies f: Traunmueller (1990), Zwicker and Fastl (1999)."""
    bark = 26.81 * f / (1960.0 + f) - 0.53
    bark = np.where(bark < 2.0, bark + 0.15 * (2.0 - bark), bark + 0.22 * np.maximum(bark - 20.1, 0.0))
    high = 1.0 + (np.maximum(bark - 16.0, 0.0) / 4.0) ** 1.5849625
    return 0.11 * bark * np.where(bark <= 16.0, 1.0, high)


def sharpness(y: ArrayLike, sr: float = 22050, *, n_fft: int = 2048, **front: Any) -> Array:
    """Mean of the weights over the bins from 1 on, weighted by power."""
    power, f = _power_and_hz(y, sr, n_fft, front)
    total = power[:, 1:].sum(axis=1)
    return (power[:, 1:] @ sharpness_weights(f[1:]) / np.where(total == 0, 1.0, total))[:, None]


def harmonicity(y: ArrayLike, sr: float = 22050, *, n_fft: int = 2048, **front: Any) -> Array:
    """Half the sum of distances between consecutive extrema of power over the number of bins."""
    rows = []
    for x in spectrogram(y, sr, power=2.0, n_fft=n_fft, **front)[:, 1:]:
        around = np.stack([x[:-4], x[1:-3], x[3:-1], x[4:]])
        mid = x[2:-2]
        extrema = mid[np.all(mid > around, axis=0) | np.all(mid < around, axis=0)]
        rows.append(np.abs(np.diff(extrema)).sum() / 2.0 / len(x))
    return np.array(rows)[:, None]


def auditory_filters(
    sr: float, n_fft: int, *, n_bands: int = 26, fmin: float = 20.0, fmax: float = 8000.0
) -> tuple[Array, Array]:
    """Triangles linear in mel, (n_bands, bins), and the equal-loudness weight of each centre."""
    fmax = min(fmax, sr / 2.0)
    corners = np.linspace(1127.0 * np.log1p(fmin / 700.0), 1127.0 * np.log1p(fmax / 700.0), n_bands + 2)
    f = np.fft.rfftfreq(n_fft, 1.0 / sr)
    m = 1127.0 * np.log1p(f / 700.0)
    step = f[1] if len(f) > 1 else math.inf
    bins = np.arange(len(f))
    part = (bins > math.floor(fmin / step + 0.5)) & (bins < math.floor(fmax / step + 0.5))
    filters = np.array(
        [
            np.interp(m, corners[j : j + 3], [0.0, 1.0, 0.0], left=0.0, right=0.0) * part
            for j in range(n_bands)
        ]
    )
    w2 = (2.0 * np.pi * 700.0 * np.expm1(corners[1:-1] / 1127.0)) ** 2
    under = (w2 + 6.3e6) ** 2 * (w2 + 0.38e9) * (w2**3.5 + 1.7e31)
    return filters, 1e32 * (w2 + 56.8e6) * w2**2 / under


def auditory_bands(
    y: ArrayLike, sr: float, n_fft: int, shape: dict[str, Any], front: dict[str, Any]
) -> tuple[Array, Array]:
    """Power in each band, at least 9.3e-10, and the bands' equal-loudness weights."""
    filters, weights = auditory_filters(sr, n_fft, **shape)
    power = spectrogram(y, sr, power=2.0, n_fft=n_fft, **front)
    return np.maximum(power @ filters.T, 9.3e-10), weights


def _split(given: dict[str, Any], names: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those of the parameters that are called `names`, and the others."""
    return {k: v for k, v in given.items() if k in names}, {k: v for k, v in given.items() if k not in names}


_AUDITORY = ("n_bands", "fmin", "fmax")


def auditory_spectrum(
    y: ArrayLike, sr: float = 22050, *, exponent: float = 0.33, n_fft: int = 2048, **rest: Any
) -> Array:
    """Hermansky (1990): bands, equal-loudness weights, compression."""
    bands, weights = auditory_bands(y, sr, n_fft, *_split(rest, _AUDITORY))
    return (bands * weights) ** exponent


def loudness(y: ArrayLike, sr: float = 22050, **params: Any) -> Array:
    """Mean of the auditory spectrum."""
    return auditory_spectrum(y, sr, **params).mean(axis=1, keepdims=True)


def rasta_coefficients(rate: float, slowest: float = 1.0, fastest: float = 29.0) -> tuple[Array, float]:
    """Taps on the input and the pole of the RASTA filter at `rate` frames a second.

    Hermansky and Morgan (1994): zeros at 0, at half the rate and at `fastest`, so (1 - z^-2)(1 - 2 cos z^-1 + z^-2),
    scaled as in ComParE.
    """
    c = math.cos(2.0 * math.pi * min(fastest, rate / 2.0) / rate)
    taps = np.convolve([1.0, 0.0, -1.0], [1.0, -2.0 * c, 1.0])
    taps[2] = 0.0  # 1 - 1, whatever the rounding
    pole = 1.0 - math.sin(2.0 * math.pi * min(slowest, rate / 4.0) / rate)
    return 2.0 * taps / math.sqrt(10.0 * (32.0 * c**2 + 8.0)), pole


def rasta_filtered(x: Array, taps: Array, pole: float) -> Array:
    """The filter over the rows of x; the output is fed back from the seventh row on, the first five are 0."""
    out = np.zeros_like(x)
    for t in range(len(x)):
        for i in range(min(t, 4) + 1):
            out[t] += taps[i] * x[t - i]
        if t > 5:
            out[t] += pole * out[t - 1]
    out[:5] = 0.0
    return out


def rasta_spectrum(
    y: ArrayLike,
    sr: float = 22050,
    *,
    exponent: float = 0.33,
    slowest: float = 1.0,
    fastest: float = 29.0,
    n_fft: int = 2048,
    hop_length: int = 512,
    **rest: Any,
) -> Array:
    """Logarithmic bands through the filter, then weights and compression."""
    shape, front = _split(rest, _AUDITORY)
    bands, weights = auditory_bands(y, sr, n_fft, shape, {**front, "hop_length": hop_length})
    filtered = rasta_filtered(np.log(bands), *rasta_coefficients(sr / hop_length, slowest, fastest))
    return np.exp(exponent * (filtered + np.log(weights)))


def energy_entropy(
    y: ArrayLike,
    sr: float = 22050,
    *,
    n_blocks: int = 10,
    frame_length: int = 2048,
    hop_length: int = 512,
    center: bool = True,
    pad_mode: str = "constant",
) -> Array:
    """Entropy in bits of a frame's energy over `n_blocks` equal blocks. Giannakopoulos (2014), 4.3.3."""
    x = _padded_frames(y, frame_length, hop_length, center, pad_mode)
    size = frame_length // n_blocks
    blocks = x[:, : n_blocks * size].reshape(len(x), n_blocks, size)
    return np.maximum(_entropy_bits(np.sum(blocks**2, axis=2)), 0.0)


def cmvn(
    x: ArrayLike,
    *,
    norm_means: bool = True,
    norm_vars: bool = True,
    mean: ArrayLike | None = None,
    std: ArrayLike | None = None,
) -> Array:
    """Columns with mean 0 and population deviation 1, by their own statistics or by given ones.

    A constant column, up to rounding, becomes 0.
    """
    x = _as_double(x)
    if not len(x):
        return x
    if mean is None and std is None:
        centred = x - x.mean(axis=0) if norm_means else x
        deviation = x.std(axis=0)
        constant = deviation <= 1e-10 * np.abs(x).max(axis=0)
        if norm_means:
            centred = np.where(constant, 0.0, centred)
        return centred / np.where(constant, 1.0, deviation) if norm_vars else centred
    centred = x - (0.0 if mean is None else _as_double(mean))
    return centred / (1.0 if std is None else _as_double(std))


# ------------------------------------------------------------ Kaldi, with torchaudio.compliance.kaldi's names


def kaldi_window(window_type: str, n: int, blackman_coeff: float = 0.42) -> Array:
    """Symmetric windows, except that a single point is 1."""
    if n == 1:
        return np.ones(1)
    phase = 2.0 * np.pi * np.arange(n) / (n - 1)
    if window_type == "povey":
        return (0.5 - 0.5 * np.cos(phase)) ** 0.85
    if window_type == "hanning":
        return 0.5 - 0.5 * np.cos(phase)
    if window_type == "hamming":
        return 0.54 - 0.46 * np.cos(phase)
    if window_type == "blackman":
        return blackman_coeff - 0.5 * np.cos(phase) + (0.5 - blackman_coeff) * np.cos(2.0 * phase)
    if window_type == "rectangular":
        return np.ones(n)
    raise ValueError(f"window_type is {window_type!r}")


def kaldi_frames(y: Array, size: int, shift: int, snip_edges: bool) -> Array:
    """Frames that fit entirely, or one per shift with both ends mirrored (the edge sample twice)."""
    if snip_edges:
        return frame(y, size, shift)
    n = (len(y) + shift // 2) // shift
    index = (shift * np.arange(n) + shift // 2 - size // 2)[:, None] + np.arange(size)[None, :]
    # Mirroring at -1/2 and n - 1/2 has the period 2 n.
    index = np.mod(index, 2 * len(y))
    return y[np.where(index < len(y), index, 2 * len(y) - 1 - index)]


def kaldi_mel_filters(num_bins: int, n_fft: int, sr: float, low_freq: float, high_freq: float) -> Array:
    """Triangles linear in mel between equally spaced points, (num_bins, n_fft // 2): no Nyquist bin."""

    def mel(f: ArrayLike) -> Array:
        return 1127.0 * np.log(1.0 + _as_double(f) / 700.0)

    high = high_freq + sr / 2 if high_freq <= 0 else high_freq
    low_mel, high_mel = float(mel(low_freq)), float(mel(high))
    step = (high_mel - low_mel) / (num_bins + 1)
    m = mel(np.arange(n_fft // 2) * sr / n_fft)
    weights = np.zeros((num_bins, len(m)))
    for i in range(num_bins):
        left, centre, right = low_mel + step * np.array([i, i + 1, i + 2])
        weights[i] = np.maximum(0.0, np.minimum((m - left) / (centre - left), (right - m) / (right - centre)))
    return weights


def _kaldi_spectrum(
    y: ArrayLike,
    sr: float,
    frame_length: float,
    frame_shift: float,
    snip_edges: bool,
    remove_dc_offset: bool,
    preemphasis_coefficient: float,
    window_type: str,
    blackman_coeff: float,
    round_to_power_of_two: bool,
    raw_energy: bool,
    energy_floor: float,
) -> tuple[Array, Array]:
    """Magnitude spectra (n_frames, 1 + n_fft // 2) and log energies (n_frames,)."""
    size, shift = int(sr * frame_length * 0.001), int(sr * frame_shift * 0.001)
    n_fft = 1 << (size - 1).bit_length() if round_to_power_of_two else size
    x = kaldi_frames(_as_double(y), size, shift, snip_edges)

    def log_energy(x: Array) -> Array:
        e = np.log(np.maximum(np.sum(x * x, axis=1), KALDI_EPSILON))
        return np.maximum(e, math.log(energy_floor)) if energy_floor > 0 else e

    if remove_dc_offset:
        x = x - x.mean(axis=1, keepdims=True)
    raw = log_energy(x)
    x = x - preemphasis_coefficient * np.concatenate([x[:, :1], x[:, :-1]], axis=1)
    x = x * kaldi_window(window_type, size, blackman_coeff)
    return np.abs(np.fft.rfft(x, n_fft, axis=1)), raw if raw_energy else log_energy(x)


def kaldi_fbank(
    y: ArrayLike,
    sr: float = 16000.0,
    *,
    blackman_coeff: float = 0.42,
    energy_floor: float = 1.0,
    frame_length: float = 25.0,
    frame_shift: float = 10.0,
    high_freq: float = 0.0,
    htk_compat: bool = False,
    input_scale: float = 1.0,
    low_freq: float = 20.0,
    min_duration: float = 0.0,
    num_mel_bins: int = 23,
    preemphasis_coefficient: float = 0.97,
    raw_energy: bool = True,
    remove_dc_offset: bool = True,
    round_to_power_of_two: bool = True,
    snip_edges: bool = True,
    subtract_mean: bool = False,
    use_energy: bool = False,
    use_log_fbank: bool = True,
    use_power: bool = True,
    window_type: str = "povey",
) -> Array:
    """Kaldi's mel energies, without dither. The scale is the input's; Kaldi means 16-bit integers."""
    magnitude, energy = _kaldi_spectrum(
        _as_double(y) * input_scale,
        sr,
        frame_length,
        frame_shift,
        snip_edges,
        remove_dc_offset,
        preemphasis_coefficient,
        window_type,
        blackman_coeff,
        round_to_power_of_two,
        raw_energy,
        energy_floor,
    )
    if len(_as_double(y)) < min_duration * sr:
        return np.zeros((0, num_mel_bins + use_energy))
    spectrum = magnitude**2 if use_power else magnitude
    n_fft = 2 * (spectrum.shape[1] - 1)
    mel = spectrum[:, : n_fft // 2] @ kaldi_mel_filters(num_mel_bins, n_fft, sr, low_freq, high_freq).T
    if use_log_fbank:
        mel = np.log(np.maximum(mel, KALDI_EPSILON))
    if use_energy:
        mel = np.concatenate([mel, energy[:, None]] if htk_compat else [energy[:, None], mel], axis=1)
    return mel - mel.mean(axis=0) if subtract_mean and len(mel) else mel


def kaldi_mfcc(
    y: ArrayLike,
    sr: float = 16000.0,
    *,
    cepstral_lifter: float = 22.0,
    htk_compat: bool = False,
    num_ceps: int = 13,
    num_mel_bins: int = 23,
    subtract_mean: bool = False,
    use_energy: bool = False,
    **fbank: Any,
) -> Array:
    """DCT-II of the log mel energies, liftered from index 0; C0 or the energy last when `htk_compat`."""
    both = kaldi_fbank(y, sr, num_mel_bins=num_mel_bins, use_energy=True, **fbank)
    energy, mel = both[:, 0], both[:, 1:]
    c = mel @ dct_matrix(num_ceps, num_mel_bins).T
    if cepstral_lifter != 0:
        c = c * (1.0 + 0.5 * cepstral_lifter * np.sin(np.pi * np.arange(num_ceps) / cepstral_lifter))
    if use_energy:
        c[:, 0] = energy
    if htk_compat:
        first = c[:, :1] if use_energy else math.sqrt(2.0) * c[:, :1]
        c = np.concatenate([c[:, 1:], first], axis=1)
    return c - c.mean(axis=0) if subtract_mean and len(c) else c


# -------------------------------------------------------------------------------------- torchaudio.transforms


def torchaudio_melspectrogram(
    y: ArrayLike,
    sr: float = 16000,
    *,
    n_fft: int = 400,
    win_length: int | None = None,
    hop_length: int | None = None,
    f_min: float = 0.0,
    f_max: float | None = None,
    pad: int = 0,
    n_mels: int = 128,
    window: str = "hann",
    power: float = 2.0,
    normalized: bool = False,
    center: bool = True,
    pad_mode: str = "reflect",
    norm: str | None = None,
    mel_scale: str = "htk",
) -> Array:
    """torchaudio.transforms.MelSpectrogram: HTK mels, no area normalisation, reflected ends."""
    length = n_fft if win_length is None else win_length
    hop = length // 2 if hop_length is None else hop_length
    spectrum = np.abs(
        stft(
            np.pad(_as_double(y), pad),
            sr,
            n_fft=n_fft,
            hop_length=hop,
            win_length=length,
            window=window,
            center=center,
            pad_mode=pad_mode,
        )
    )
    if normalized:
        spectrum = spectrum / math.sqrt(float(np.sum(periodic_window(window, length) ** 2)))
    filters = mel_filters(sr, n_fft, n_mels=n_mels, fmin=f_min, fmax=f_max, htk=mel_scale == "htk", norm=norm)
    return spectrum**power @ filters.T


def torchaudio_mfcc(
    y: ArrayLike,
    sr: float = 16000,
    *,
    n_mfcc: int = 40,
    dct_type: int = 2,
    norm: str | None = "ortho",
    log_mels: bool = False,
    mel_norm: str | None = None,
    **mel: Any,
) -> Array:
    """torchaudio.transforms.MFCC: DCT-II of the mel spectrum in dB (top_db 80), or of ln(mel + 1e-6).

    Without "ortho", torchaudio's DCT is twice the sum of cosines, as scipy's.
    """
    if dct_type != 2:
        raise ValueError(f"dct_type is {dct_type}; torchaudio has 2 alone")
    s = torchaudio_melspectrogram(y, sr, norm=mel_norm, **mel)
    level = np.log(s + 1e-6) if log_mels else power_to_db(s)
    return level @ dct_matrix(n_mfcc, level.shape[1], 2, norm).T


# ------------------------------------------------------------------------------------- pyAudioAnalysis 0.3.14


def _pyaa_filters(sr: float, n: int) -> Array:
    """40 triangles, 13 linear and 27 logarithmic; bin k is taken as k sr / n, twice its frequency."""
    linear = 133.33 + (200.0 / 3.0) * np.arange(13)
    edges = np.concatenate([linear, linear[-1] * 1.0711703 ** np.arange(1, 30)])
    k = np.arange(n)
    f = k * sr / n
    weights = np.zeros((40, n))
    for i in range(40):
        low, centre, high = edges[i : i + 3]
        first, middle, last = (math.floor(e * n / sr) for e in (low, centre, high))
        if last >= n:
            raise ValueError(f"sampling rate {sr} Hz is too low for the highest filter, {high:.0f} Hz")
        height = 2.0 / (high - low)
        rising, falling = (k > first) & (k <= middle), (k > middle) & (k <= last)
        weights[i, rising] = height / (centre - low) * (f[rising] - low)
        weights[i, falling] = height / (high - centre) * (high - f[falling])
    return weights


def _pyaa_block_entropy(x: Array) -> float:
    """-sum s log2(s + eps) over ten blocks of floor(n/10) values, s their share of all energy."""
    size = len(x) // 10
    s = np.sum(x[: 10 * size].reshape(10, size) ** 2, axis=1) / (np.sum(x**2) + DOUBLE_EPSILON)
    return float(-np.sum(s * np.log2(s + DOUBLE_EPSILON)))


def _pyaa_chroma(x: Array, sr: float) -> Array:
    """Twelve pitch classes from A on, with the package's two quirks.

    Of all bins of a note the last one counts, and it is divided by the size of the note class of *another*
    bin: the one whose index equals the note's number.
    """
    n = len(x)
    note = np.round(12.0 * np.log2((np.arange(n) + 1) * sr / (2 * n) / 27.5)).astype(int)
    if note.max() >= n:
        raise ValueError(f"window of {2 * n} samples is too short at {sr} Hz")
    _, which, counts = np.unique(note, return_inverse=True, return_counts=True)
    size_of_class = counts[which]
    c = np.zeros(n)
    c[note] = x**2  # of an index that comes twice, NumPy keeps the last value
    c = c / size_of_class[note]
    c = np.pad(c, (0, -n % 12)).reshape(-1, 12).sum(axis=0)
    total = np.sum(x**2)
    return c / (total if total != 0 else DOUBLE_EPSILON)


def pyaudioanalysis(
    y: ArrayLike,
    sr: float = 16000,
    *,
    window: int | None = None,
    step: int | None = None,
    deltas: bool = False,
) -> Array:
    """The 34 short-term features of pyAudioAnalysis, with `deltas` 68.

    Window and step are in samples, as the package takes them; 50 and 25 ms unless given.
    """
    window = int(sr * 0.050) if window is None else window
    step = int(sr * 0.025) if step is None else step
    x = _as_double(y) / 2.0**15
    x = x - x.mean()
    x = x / (np.abs(x).max() + 1e-10)
    n = window // 2
    filters, transform = _pyaa_filters(sr, n), dct_matrix(13, 40)
    f = (np.arange(n) + 1) * sr / (2 * n)
    rows = []
    previous = None
    for x_t in frame(x, window, step):
        m = np.abs(np.fft.fft(x_t))[:n] / n
        previous = m if previous is None else previous
        scaled = m / m.max() if m.max() != 0 else m / DOUBLE_EPSILON
        weight = scaled.sum() + DOUBLE_EPSILON
        centroid = np.sum(f * scaled) / weight
        spread = math.sqrt(np.sum((f - centroid) ** 2 * scaled) / weight)
        change = m / np.sum(m + DOUBLE_EPSILON) - previous / np.sum(previous + DOUBLE_EPSILON)
        reached = np.flatnonzero(np.cumsum(m**2) + DOUBLE_EPSILON > 0.90 * np.sum(m**2))
        chroma = _pyaa_chroma(m, sr)
        rows.append(
            [
                np.sum(np.abs(np.diff(np.sign(x_t)))) / 2.0 / (window - 1.0),
                np.mean(x_t**2),
                _pyaa_block_entropy(x_t),
                centroid / (sr / 2.0),
                spread / (sr / 2.0),
                _pyaa_block_entropy(m),
                np.sum(change**2),
                reached[0] / n if len(reached) else 0.0,
                *(transform @ np.log10(filters @ m + DOUBLE_EPSILON)),
                *chroma,
                chroma.std(),
            ]
        )
        previous = m
    out = np.array(rows).reshape(-1, 34)
    if deltas:
        out = np.concatenate([out, np.diff(out, axis=0, prepend=out[:1])], axis=1)
    return out


def pyaudioanalysis_mid_term(short: Array, window: int, step: int, mid_window: int, mid_step: int) -> Array:
    """Mean, then population deviation, of the short-term columns over windows; lengths in samples."""
    length = round((mid_window - (window - step)) / step)
    hop = round(mid_step / step)
    parts = [short[start : start + length] for start in range(0, len(short), hop)]
    return np.nan_to_num(np.array([np.concatenate([p.mean(axis=0), p.std(axis=0)]) for p in parts]))


# --------------------------------------------------------------------------------- python_speech_features 0.6


def _half_up(x: float) -> int:
    return math.floor(x + 0.5)


def psf_filters(nfilt: int, nfft: int, sr: float, lowfreq: float, highfreq: float | None) -> Array:
    """Triangles of height 1, linear in bin number, between edges rounded down to bins."""
    top = highfreq or sr / 2
    mel = np.linspace(2595 * np.log10(1 + lowfreq / 700.0), 2595 * np.log10(1 + top / 700.0), nfilt + 2)
    edges = np.floor((nfft + 1) * 700 * (10 ** (mel / 2595.0) - 1) / sr)
    k = np.arange(nfft // 2 + 1)
    weights = np.zeros((nfilt, len(k)))
    for j in range(nfilt):
        low, centre, high = edges[j : j + 3]
        rising, falling = (k >= low) & (k < centre), (k >= centre) & (k < high)
        weights[j, rising] = (k[rising] - low) / (centre - low)
        weights[j, falling] = (high - k[falling]) / (high - centre)
    return weights


def psf_power(
    y: ArrayLike, sr: float, winlen: float, winstep: float, nfft: int, preemph: float, winfunc: str
) -> Array:
    """Power spectra / nfft of the pre-emphasised signal, the last frame filled up with zeros."""
    y = _as_double(y)
    y = np.append(y[0], y[1:] - preemph * y[:-1])
    size, step = _half_up(winlen * sr), _half_up(winstep * sr)
    n = 1 if len(y) <= size else 1 + math.ceil((len(y) - size) / step)
    x = frame(np.pad(y, (0, (n - 1) * step + size - len(y))), size, step)
    # np.hamming and its like: symmetric, unlike the windows of librosa.
    if winfunc == "bartlett":
        w = 1.0 - np.abs(2.0 * np.arange(size) / (size - 1) - 1.0)
    else:
        w = kaldi_window(winfunc, size)
    return np.abs(np.fft.rfft(x * w, nfft, axis=1)) ** 2 / nfft


def _psf_energies(
    y: ArrayLike,
    sr: float = 16000,
    *,
    winlen: float = 0.025,
    winstep: float = 0.01,
    nfilt: int = 26,
    nfft: int = 512,
    lowfreq: float = 0.0,
    highfreq: float | None = None,
    preemph: float = 0.97,
    winfunc: str = "rectangular",
) -> tuple[Array, Array]:
    power = psf_power(y, sr, winlen, winstep, nfft, preemph, winfunc)
    energy = power.sum(axis=1)
    mel = power @ psf_filters(nfilt, nfft, sr, lowfreq, highfreq).T
    return np.where(mel == 0, DOUBLE_EPSILON, mel), np.where(energy == 0, DOUBLE_EPSILON, energy)


def psf_fbank(y: ArrayLike, sr: float = 16000, **params: Any) -> Array:
    """Both results of python_speech_features.fbank: filters' energies, then the frame's as last column."""
    return np.column_stack(_psf_energies(y, sr, **params))


def psf_logfbank(y: ArrayLike, sr: float = 16000, **params: Any) -> Array:
    return np.log(_psf_energies(y, sr, **params)[0])


def psf_mfcc(
    y: ArrayLike,
    sr: float = 16000,
    *,
    numcep: int = 13,
    ceplifter: float = 22,
    appendEnergy: bool = True,
    **params: Any,
) -> Array:
    mel, energy = _psf_energies(y, sr, **params)
    c = np.log(mel) @ dct_matrix(numcep, mel.shape[1]).T
    if ceplifter > 0:
        c = c * (1.0 + ceplifter / 2.0 * np.sin(np.pi * np.arange(c.shape[1]) / ceplifter))
    if appendEnergy:
        c[:, 0] = np.log(energy)
    return c


def psf_ssc(
    y: ArrayLike,
    sr: float = 16000,
    *,
    winlen: float = 0.025,
    winstep: float = 0.01,
    nfilt: int = 26,
    nfft: int = 512,
    lowfreq: float = 0.0,
    highfreq: float | None = None,
    preemph: float = 0.97,
    winfunc: str = "rectangular",
) -> Array:
    """Spectral subband centroids in Hz, on a frequency axis that starts at 1 Hz instead of 0."""
    power = psf_power(y, sr, winlen, winstep, nfft, preemph, winfunc)
    power = np.where(power == 0, DOUBLE_EPSILON, power)
    filters = psf_filters(nfilt, nfft, sr, lowfreq, highfreq)
    f = np.linspace(1.0, sr / 2, power.shape[1])
    with np.errstate(invalid="ignore"):  # an empty filter is 0/0, here as in the package
        return (power * f) @ filters.T / (power @ filters.T)


def psf_delta(x: ArrayLike, *, N: int = 2) -> Array:
    """Regression slope over 2 N + 1 frames, the end frames repeated."""
    x = _as_double(x)
    padded = np.pad(x, ((N, N), (0, 0)), mode="edge")
    n = np.arange(-N, N + 1)
    return np.stack([n @ padded[t : t + 2 * N + 1] for t in range(len(x))]) / np.sum(n * n)


# ------------------------------------------------------------------------------ voice, in the manner of Praat


def _whole_samples(seconds: float, sr: float) -> int:
    """Samples in `seconds`, rounded down but for the error of the product."""
    return int(seconds * sr + 1e-6)


def _step_samples(seconds: float, sr: float) -> int:
    return max(1, _half_up(seconds * sr))


def gaussian_window(n: int, span: float) -> Array:
    """(e^(-48 x^2) - e^(-12)) / (1 - e^(-12)) at n points around 0, `span` of which are x = 1 apart."""
    x = (np.arange(n) - (n - 1) / 2) / span
    return np.asarray((np.exp(-48.0 * x**2) - np.exp(-12.0)) / (1.0 - np.exp(-12.0)))


def sinc_interpolation(r: Array, lags: Array, reach: int) -> Array:
    """Rows of an even sequence, given from lag 0 on, at fractional `lags` (rows, any), under a Hann window."""
    near = np.floor(lags).astype(int)[..., None] + np.arange(1 - reach, reach + 1)
    x = lags[..., None] - near
    weights = np.sinc(x) * (0.5 + 0.5 * np.cos(np.pi * x / reach))
    columns = np.minimum(np.abs(near), r.shape[1] - 1).reshape(len(r), -1)
    return np.asarray(np.sum(np.take_along_axis(r, columns, 1).reshape(near.shape) * weights, axis=-1))


def _candidates(
    y: Array,
    sr: float,
    length: int,
    hop: int,
    window: Array,
    low: float,
    high: float,
    least: float,
    octave_cost: float,
    most: int,
) -> tuple[Array, Array, Array]:
    """Frequencies and heights (frames, most) of maxima, 0 for none, and each frame's relative peak."""
    x = frame(y, length, hop)
    if not len(x):
        return np.zeros((0, most)), np.zeros((0, most)), np.zeros(0)
    longest, middle = int(sr / low), length // 2
    centre = x[:, max(0, middle - longest) : middle + longest]
    x = (x - centre.mean(axis=1, keepdims=True)) * window
    seen = y[: (len(x) - 1) * hop + length] if hop <= length else frame(y, length, hop).ravel()
    half = max(longest // 2, 1)
    loudest = np.abs(seen - seen.mean()).max()
    peak = np.abs(x[:, max(0, middle - half) : middle + half]).max(axis=1)
    peak = np.minimum(peak / loudest, 1.0) if loudest > 0 else np.zeros(len(x))
    size = 1 << (2 * length).bit_length()
    r = np.fft.irfft(np.abs(np.fft.rfft(x, size)) ** 2)[:, :length]
    own = np.fft.irfft(np.abs(np.fft.rfft(window, size)) ** 2)[:length]
    lags = min(longest + 3 + min(30, longest), length)
    silent = r[:, :1] <= 0
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(silent, 0.0, r / r[:, :1])[:, :lags] / (own[:lags] / own[0])

    k = np.arange(max(1, math.ceil(sr / high) - 1), min(longest + 1, lags - 2) + 1)
    a, b, c = r[:, k - 1], r[:, k], r[:, k + 1]
    is_peak = (b > a) & (b >= c) & (b > least)
    bend = np.where(is_peak, a - 2 * b + c, -1.0)
    lag = k + 0.5 * (a - c) / bend
    height = b - (a - c) ** 2 / (8 * bend)
    worth = np.where(is_peak, height + octave_cost * np.log2(sr / np.where(is_peak, lag, 1.0)), -np.inf)
    best = np.argsort(-worth, axis=1, kind="stable")[:, :most]
    is_peak = np.take_along_axis(is_peak, best, 1)
    lag = np.where(is_peak, np.take_along_axis(lag, best, 1), 5.0)
    reach = max(1, min(30, longest))
    for h in (0.1, 0.03, 0.01):
        a, b, c = (sinc_interpolation(r, lag + d, reach) for d in (-h, 0.0, h))
        bend = a - 2 * b + c
        falls = bend < 0
        lag = lag + np.where(falls, np.clip(0.5 * h * (a - c) / np.where(falls, bend, 1.0), -0.5, 0.5), 0.0)
    height = sinc_interpolation(r, lag, reach)
    height = np.where(height > 1.0, 1.0 / np.where(height > 1.0, height, 1.0), height)
    f = sr / lag
    is_peak &= (f >= low) & (f <= high)
    missing = most - f.shape[1]
    pad = ((0, 0), (0, missing))
    return np.pad(np.where(is_peak, f, 0.0), pad), np.pad(np.where(is_peak, height, 0.0), pad), peak


def _unvoiced_strength(peak: Array, silence_threshold: float, voicing_threshold: float) -> Array:
    if silence_threshold == 0:
        return np.full(len(peak), voicing_threshold)
    audible = peak * (1.0 + voicing_threshold) / silence_threshold
    return voicing_threshold + np.maximum(0.0, 2.0 - audible)


def pitch_boersma(
    y: ArrayLike,
    sr: float,
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
) -> Array:
    """F0 and strength, Boersma (1993): candidates per frame, then the best path by a full Viterbi search."""
    y = _as_double(y)
    high = min(pitch_ceiling, 0.5 * sr)
    length = _whole_samples((6.0 if very_accurate else 3.0) / pitch_floor, sr)
    hop = _step_samples(0.75 / pitch_floor if time_step is None else time_step, sr)
    if very_accurate:
        window = gaussian_window(length, length - 1)
    else:
        window = 0.5 + 0.5 * np.cos(2 * np.pi * (np.arange(length) - (length - 1) / 2) / (length - 1))
    f, height, peak = _candidates(
        y,
        sr,
        length,
        hop,
        window,
        pitch_floor,
        high,
        0.5 * voicing_threshold,
        octave_cost,
        max_number_of_candidates - 1,
    )
    n = len(f)
    unvoiced = _unvoiced_strength(peak, silence_threshold, voicing_threshold)
    octaves = np.log2(high / np.where(f > 0, f, high))
    strength = np.where(f > 0, height - octave_cost * octaves, -np.inf)
    f, height = np.pad(f, ((0, 0), (1, 0))), np.pad(height, ((0, 0), (1, 0)))
    strength = np.concatenate([unvoiced[:, None], strength], axis=1)
    if not n:
        return np.zeros((0, 2))
    per_frame = 0.01 * sr / hop
    total, back = strength[0], np.zeros(f.shape, dtype=int)
    for t in range(1, n):
        g, h = f[t - 1][:, None], f[t][None, :]
        both, one = (g > 0) & (h > 0), (g > 0) != (h > 0)
        octaves = np.abs(np.log2(np.where(g > 0, g, 1.0) / np.where(h > 0, h, 1.0)))
        cost = np.where(both, octave_jump_cost * octaves, np.where(one, voiced_unvoiced_cost, 0.0))
        ways = total[:, None] - per_frame * cost
        back[t] = ways.argmax(axis=0)
        total = ways.max(axis=0) + strength[t]
    path = np.zeros(n, dtype=int)
    path[-1] = total.argmax()
    for t in range(n - 1, 0, -1):
        path[t - 1] = back[t][path[t]]
    return np.stack([f[np.arange(n), path], height[np.arange(n), path]], axis=1)


def hnr_boersma(
    y: ArrayLike,
    sr: float,
    *,
    time_step: float | None = 0.01,
    pitch_floor: float = 75.0,
    silence_threshold: float = 0.1,
    periods_per_window: float = 4.5,
) -> Array:
    """10 log10(r / (1 - r)) of the highest maximum of the normalised autocorrelation, Boersma (1993)."""
    y = _as_double(y)
    length = _whole_samples(2.0 * periods_per_window / pitch_floor, sr)
    hop = _step_samples(0.01 if time_step is None else time_step, sr)
    window = gaussian_window(length, length - 1)
    _, height, peak = _candidates(y, sr, length, hop, window, pitch_floor, 0.5 * sr, 0.0, 0.0, 14)
    best = height.max(axis=1, initial=0.0)
    r = np.clip(best, 1e-10, 1.0 - 1e-10)
    audible = best > _unvoiced_strength(peak, silence_threshold, 0.0)
    return np.where(audible, 10.0 * np.log10(r / (1.0 - r)), -200.0)[:, None]


def intensity(
    y: ArrayLike,
    sr: float,
    *,
    pitch_floor: float = 100.0,
    time_step: float | None = None,
    subtract_mean: bool = True,
) -> Array:
    """Level in dB above 20 micropascal of the mean square under a Kaiser window of 6.4 / pitch_floor."""
    half = _whole_samples(3.2 / pitch_floor, sr)
    x = frame(_as_double(y), 2 * half + 1, _step_samples(time_step or 0.8 / pitch_floor, sr))
    u = np.arange(-half, half + 1) / (3.2 / pitch_floor * sr)
    w = np.i0(20.24 * np.sqrt(np.maximum(1.0 - u * u, 0.0)))
    if subtract_mean:
        x = x - x.mean(axis=1, keepdims=True)
    square = (x * x) @ (w / w.sum()) / 4e-10
    return np.where(square > 1e-30, 10.0 * np.log10(np.maximum(square, 1e-30)), -300.0)[:, None]


def burg_coefficients(x: Array, order: int) -> Array:
    """Rows 1, a_1 ... a_order that minimise forward and backward prediction errors, Burg (1975)."""
    forward, backward, a = x[:, 1:], x[:, :-1], np.ones((len(x), 1))
    for _ in range(order):
        energy = np.sum(forward**2 + backward**2, axis=1)
        cross = -2.0 * np.sum(forward * backward, axis=1)
        k = np.where(energy > 0, cross / np.where(energy > 0, energy, 1.0), 0.0)[:, None]
        a = np.pad(a, ((0, 0), (0, 1)))
        a = a + k * a[:, ::-1]
        forward, backward = (forward + k * backward)[:, 1:], (backward + k * forward)[:, :-1]
    return a


def fourier_resampled(x: Array, n: int) -> Array:
    """Rows continued periodically, at `n` points in the middles of as many intervals; what lies at or
    above half the lower rate is left out."""
    before = x.shape[1]
    spectrum = np.fft.rfft(x, axis=1) / before
    k = np.arange((min(before, n) + 1) // 2)
    t = (np.arange(n) + 0.5) / n - 0.5 / before
    turn = np.exp(2j * np.pi * k[:, None] * t[None, :]) * np.where(k == 0, 1.0, 2.0)[:, None]
    return np.asarray((spectrum[:, : len(k)] @ turn).real)


def formants_burg(
    y: ArrayLike,
    sr: float,
    *,
    time_step: float | None = None,
    max_number_of_formants: int = 5,
    maximum_formant: float = 5500.0,
    window_length: float = 0.025,
    pre_emphasis_from: float = 50.0,
) -> Array:
    """Frequency and bandwidth of each formant: poles of Burg's predictor of the resampled frame."""
    length = _whole_samples(2.0 * window_length, sr)
    hop = _step_samples(0.25 * window_length if time_step is None else time_step, sr)
    margin = length // 4
    whole = length + 2 * margin
    x = frame(np.pad(_as_double(y), margin), whole, hop)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(margin) + 0.5) / max(margin, 1))
    x = x * np.concatenate([rise, np.ones(length), rise[::-1]])
    n = round(whole * 2.0 * maximum_formant / sr)
    rate = n * sr / whole
    kept = int(length * rate / sr)
    x = fourier_resampled(x, n)[:, (n - kept) // 2 :][:, :kept]
    x = x - np.exp(-2.0 * np.pi * pre_emphasis_from / rate) * np.pad(x, ((0, 0), (1, 0)))[:, :-1]
    a = burg_coefficients(x * gaussian_window(kept, kept + 1), 2 * max_number_of_formants)
    out = np.zeros((len(x), 2 * max_number_of_formants))
    for row, coefficients in zip(out, a, strict=True):
        z = np.roots(coefficients)
        z = z[np.abs(z) > 0]
        f, b = np.angle(z) * rate / (2.0 * np.pi), np.abs(np.log(np.abs(z))) * rate / np.pi
        inside = (f > 50.0) & (f < 0.5 * rate - 50.0)
        order = np.argsort(f[inside])
        row[0 : 2 * len(order) : 2], row[1 : 2 * len(order) : 2] = f[inside][order], b[inside][order]
    return out


def fast_length(n: int) -> int:
    """The smallest even number from `n` whose half has no prime factor above 5."""
    half = max(1, -(-n // 2))
    while True:
        rest = half
        for p in (2, 3, 5):
            while rest % p == 0:
                rest //= p
        if rest == 1:
            return 2 * half
        half += 1


def cpp(
    y: ArrayLike,
    sr: float,
    *,
    time_step: float | None = 0.01,
    pitch_floor: float = 60.0,
    pitch_ceiling: float = 330.0,
    maximum_frequency: float = 5000.0,
    pre_emphasis_from: float = 50.0,
    time_averaging: float = 0.02,
    quefrency_averaging: float = 0.0005,
    trend: str = "straight",
    trend_from: float = 0.001,
    trend_to: float = 0.05,
) -> Array:
    """Peak of the smoothed power cepstrum in dB above the line fitted to it, Hillenbrand et al. (1994)."""
    length = _whole_samples(6.0 / pitch_floor, sr)
    hop = _step_samples(0.01 if time_step is None else time_step, sr)
    high = min(pitch_ceiling, 0.5 * sr)
    x = frame(_as_double(y), length, hop)
    x = x - np.exp(-2.0 * np.pi * pre_emphasis_from / sr) * np.pad(x, ((0, 0), (1, 0)))[:, :-1]
    x = x - x.mean(axis=1, keepdims=True)
    size = fast_length(length)
    power = np.abs(np.fft.rfft(x * gaussian_window(length, length + 1), size, axis=1)) ** 2
    bins = min(max(int(maximum_frequency / sr * size), 2), size // 2)
    while fast_length(2 * bins) != 2 * bins:
        bins -= 1
    cepstra = np.fft.irfft(np.log(np.maximum(power[:, : bins + 1], 1e-20)), axis=1)[:, : bins + 1] ** 2
    q = np.arange(bins + 1) * (size / sr / (2 * bins))

    def averaged(rows: Array, reach: int) -> Array:
        n = len(rows)
        return np.stack([rows[max(0, t - reach) : t + reach + 1].mean(axis=0) for t in range(n)])

    if not len(cepstra):
        return np.zeros((0, 1))
    cepstra = averaged(cepstra.T, _half_up(quefrency_averaging / q[1]) // 2).T
    cepstra = averaged(cepstra, _half_up(time_averaging * sr / hop) // 2)
    rows = min(int(max(1.0 / pitch_floor, trend_to) / q[1]) + 2, bins + 1)
    level, q = 10.0 * np.log10(np.maximum(cepstra[:, :rows], 1e-20)), q[:rows]
    axis = q if trend == "straight" else np.log(np.maximum(q, 1e-9))

    def between(a: float, b: float) -> slice:
        return slice(max(1, math.ceil(a / q[1] - 1e-9)), min(int(b / q[1] + 1e-9), rows - 1) + 1)

    fitted, voice = between(trend_from, trend_to), between(1.0 / high, 1.0 / pitch_floor)
    out = np.zeros((len(level), 1))
    for row, v in zip(out, level, strict=True):
        slope, offset = np.polyfit(axis[fitted] - axis[fitted].mean(), v[fitted], 1)
        k = voice.start + int(np.argmax(v[voice]))
        height, at = v[k], axis[k]
        if 1 < k < rows - 1 and v[k - 1] <= v[k] >= v[k + 1] and v[k - 1] - 2 * v[k] + v[k + 1] < 0:
            part = 0.5 * (v[k - 1] - v[k + 1]) / (v[k - 1] - 2 * v[k] + v[k + 1])
            height = v[k] - 0.25 * (v[k - 1] - v[k + 1]) * part
            at = axis[k] + part * 0.5 * (axis[k + 1] - axis[k - 1])
        row[0] = height - (slope * (at - axis[fitted].mean()) + offset)
    return out


# ------------------------------------------------------------------------------------------------------------

ORACLES: dict[str, Oracle] = {
    "stft": stft_columns,
    "spectrogram": spectrogram,
    "melspectrogram": melspectrogram,
    "logmel": logmel,
    "mfcc": mfcc,
    "chroma_stft": chroma_stft,
    "spectral_centroid": spectral_centroid,
    "spectral_bandwidth": spectral_bandwidth,
    "spectral_contrast": spectral_contrast,
    "spectral_flatness": spectral_flatness,
    "spectral_rolloff": spectral_rolloff,
    "zero_crossing_rate": zero_crossing_rate,
    "rms": rms,
    "spectral_flux": spectral_flux,
    "spectral_entropy": spectral_entropy,
    "spectral_slope": spectral_slope,
    "spectral_variance": spectral_variance,
    "spectral_skewness": spectral_skewness,
    "spectral_kurtosis": spectral_kurtosis,
    "alpha_ratio": alpha_ratio,
    "hammarberg_index": hammarberg_index,
    "sharpness": sharpness,
    "harmonicity": harmonicity,
    "auditory_spectrum": auditory_spectrum,
    "rasta_spectrum": rasta_spectrum,
    "loudness": loudness,
    "energy_entropy": energy_entropy,
    "yin": yin,
    "pyin": pyin,
    "kaldi_fbank": kaldi_fbank,
    "kaldi_mfcc": kaldi_mfcc,
    "torchaudio_melspectrogram": torchaudio_melspectrogram,
    "torchaudio_mfcc": torchaudio_mfcc,
    "pyaudioanalysis": pyaudioanalysis,
    "psf_mfcc": psf_mfcc,
    "psf_fbank": psf_fbank,
    "psf_logfbank": psf_logfbank,
    "psf_ssc": psf_ssc,
    "pitch_boersma": pitch_boersma,
    "hnr_boersma": hnr_boersma,
    "intensity": intensity,
    "formants_burg": formants_burg,
    "cpp": cpp,
    "delta": delta,
    "cmvn": cmvn,
}


#: Entries whose frames follow librosa's short-time transform, and those that frame the signal itself.
_TRANSFORMED = frozenset(
    name
    for name in ORACLES
    if name in ("stft", "spectrogram", "melspectrogram", "logmel", "mfcc", "chroma_stft")
    or name in ("alpha_ratio", "hammarberg_index", "sharpness", "harmonicity")
    or name in ("auditory_spectrum", "rasta_spectrum", "loudness")
    or name.startswith("spectral_")
)
_FRAMED = frozenset(("zero_crossing_rate", "rms", "energy_entropy", "yin", "pyin"))


def _in_samples(ms: float, sr: float) -> int:
    return max(1, _half_up(ms * sr / 1000.0))


def definition(name: str, sr: float, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of `ORACLES[name]` that mean what the catalogue's `params` of entry `name` mean.

    The catalogue takes lengths in milliseconds as well as in samples, and has one name for one thing where
    the packages use a name twice: `norm` of librosa's MFCC is the cosine transform's.
    """
    p = dict(params)
    if name in _TRANSFORMED or name in _FRAMED:
        if (hop := p.pop("hop_ms", None)) is not None:
            p["hop_length"] = _in_samples(hop, sr)
        if (win := p.pop("win_ms", None)) is not None:
            samples = _in_samples(win, sr)
            if name in _FRAMED:
                p["frame_length"] = samples
            else:
                if p.get("n_fft", 2048) == 2048:
                    p["n_fft"] = 1 << (samples - 1).bit_length()
                if p.get("win_length") is None:
                    p["win_length"] = samples
    if name == "mfcc":
        names = {"norm": "mel_norm", "dct_norm": "norm"}
        return {names.get(key, key): value for key, value in p.items()}
    if name.startswith("torchaudio") and p.get("pad_mode") == "replicate":
        p["pad_mode"] = "edge"
    if name == "pyaudioanalysis":
        for length, ms, default in (("window", "win_ms", 50.0), ("step", "step_ms", 25.0)):
            by_time = int(sr * (p.pop(ms, default) / 1000.0))
            p[length] = by_time if p.get(length) is None else p[length]
    return p
