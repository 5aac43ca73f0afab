"""What comes in, checked as librosa does, and the way to the core and back."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from emofeat.compat._core import compute
from emofeat.compat.librosa._windows import WindowSpec, resolve
from emofeat.compat.librosa.util.exceptions import ParameterError
from emofeat.exceptions import EmofeatError

Array = npt.NDArray[np.floating[Any]]

#: Where the rate has no influence.
ANY_RATE = 22050

#: Modes of `numpy.pad` that the core knows; others are padded here.
CORE_PADDING = ("constant", "edge", "reflect", "symmetric")

_NOT_FOR_STFT = ("wrap", "maximum", "mean", "median", "minimum")


def valid_audio(y: object) -> Array:
    """`y`, if it is an array of floating-point samples with at least one dimension.

    That they are finite is checked by the core, which reads them anyway.
    """
    if not isinstance(y, np.ndarray):
        raise ParameterError(f"audio of type {type(y).__name__}; allowed is a NumPy array")
    if y.dtype.kind != "f":
        raise ParameterError(f"audio of type {y.dtype}; allowed are floating-point samples")
    if y.ndim == 0:
        raise ParameterError("audio has no dimension; allowed are (n,) and (..., n)")
    return y


def whole(name: str, value: object, least: int = 1) -> int:
    """A whole number from `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ParameterError(f"{name} = {value!r}; allowed are whole numbers from {least}")
    return int(value)


def core_rate(sr: object) -> int | None:
    """The sampling rate, if it is one that the core takes."""
    if isinstance(sr, int | float | np.integer | np.floating) and 1 <= sr <= 768_000 and int(sr) == sr:
        return int(sr)
    return None


def is_number(value: object, low: float, high: float) -> bool:
    """Whether `value` is a number that the core takes for a parameter with these bounds."""
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return real and low <= value <= high  # type: ignore[operator]


def padded(y: Array, before: int, mode: Any) -> Array:
    """`y` with `before` samples more at both ends of its last axis, as `numpy.pad` makes them."""
    if mode == "empty":
        raise ParameterError("pad_mode='empty' leaves samples undefined; choose another")
    widths = [(0, 0)] * (y.ndim - 1) + [(before, before)]
    try:
        out: Array = np.pad(y, widths, mode=mode)
    except ValueError as error:
        raise ParameterError(f"pad_mode={mode!r}: {error}") from None
    return out


def analysis(
    y: object,
    n_fft: object,
    hop_length: object,
    win_length: object,
    window: WindowSpec,
    center: object,
    pad_mode: Any,
) -> tuple[Array, dict[str, object]]:
    """The signal, and librosa's arguments of a Fourier analysis as the core takes them."""
    n_fft = whole("n_fft", n_fft)
    length = n_fft if win_length is None else whole("win_length", win_length)
    hop = whole("hop_length", length // 4 if hop_length is None else hop_length)
    y = valid_audio(y)
    samples = resolve(window, length)
    if isinstance(samples, np.ndarray):
        length = len(samples)
    if length > n_fft:
        raise ParameterError(f"the window has {length} samples; allowed are up to n_fft = {n_fft}")
    n, centred = y.shape[-1], bool(center)
    if not centred and n < n_fft:
        raise ParameterError(
            f"n_fft={n_fft} is too large for uncentered analysis of input signal of length={n}"
        )
    if centred:
        if isinstance(pad_mode, str) and pad_mode in _NOT_FOR_STFT:
            raise ParameterError(f"pad_mode='{pad_mode}' is refused; allowed are {', '.join(CORE_PADDING)}")
        if n < n_fft:
            warnings.warn(
                f"n_fft={n_fft} is too large for input signal of length={n}", UserWarning, stacklevel=4
            )
        if pad_mode not in CORE_PADDING:
            y, centred, pad_mode = padded(y, n_fft // 2, pad_mode), False, "constant"
        elif n == 0 and pad_mode != "constant":
            raise ParameterError(f"pad_mode='{pad_mode}' of a signal without samples; allowed is 'constant'")
    return y, {
        "n_fft": n_fft,
        "hop_length": hop,
        "win_length": None if length == n_fft else length,
        "window": samples,
        "center": centred,
        "pad_mode": pad_mode if centred else "constant",
    }


def features(
    name: str, y: Array, sr: int, params: dict[str, object], on_nonfinite: Literal["error", "keep"] = "error"
) -> Array:
    """A feature of the core in double precision, time last: `(..., n_columns, n_frames)`."""
    try:
        if y.ndim == 1:
            return compute(name, y, sr, params, on_nonfinite=on_nonfinite).T
        channels = y.reshape(-1, y.shape[-1])
        rows = [compute(name, c, sr, params, on_nonfinite=on_nonfinite) for c in channels]
    except EmofeatError as error:
        raise ParameterError(str(error), error.code) from None
    if not rows:
        raise ParameterError(f"audio of shape {y.shape} has no channel")
    return np.stack(rows).reshape(*y.shape[:-1], *rows[0].shape).swapaxes(-1, -2)


def rounded(values: Array, dtype: npt.DTypeLike) -> Array:
    """`values` in `dtype`, each column of the last axis apart in memory, as librosa's results lie."""
    return values.astype(dtype, order="C", copy=False)


def precision(y: Array) -> type[np.float32] | type[np.float64]:
    """Type of what librosa computes from a spectrum of `y`."""
    return np.float64 if y.dtype == np.float64 else np.float32


def magnitudes(y: Array, params: dict[str, object], power: float) -> Array:
    """`|X|^power`, `(..., 1 + n_fft // 2, n_frames)`, in the precision of `y`."""
    spectrum = rounded(features("spectrogram", y, ANY_RATE, {**params, "power": 1.0}), precision(y))
    return spectrum if power == 1 else spectrum**power


def spectrogram(
    y: object,
    S: npt.ArrayLike | None,
    n_fft: object,
    hop_length: object,
    win_length: object,
    window: WindowSpec,
    center: object,
    pad_mode: Any,
    power: float,
) -> tuple[Array, int]:
    """`S` as it is, or the spectrogram of `y`; and the length of the FFT behind it."""
    if S is not None:
        S = np.asarray(S)
        if S.ndim < 2:
            raise ParameterError(f"a spectrogram of shape {S.shape}; allowed is (..., n_bins, n_frames)")
        bins = S.shape[-2]
        same = isinstance(n_fft, int | np.integer) and n_fft // 2 + 1 == bins
        return S, int(n_fft) if same else 2 * (bins - 1)  # type: ignore[call-overload]
    if y is None:
        raise ParameterError("neither y nor S is given; one of them is needed")
    y, params = analysis(y, n_fft, hop_length, win_length, window, center, pad_mode)
    return magnitudes(y, params, power), params["n_fft"]  # type: ignore[return-value]


def nonnegative(S: Array, what: str) -> Array:
    """`S`, if it can be a spectrum of magnitudes."""
    if np.iscomplexobj(S):
        raise ParameterError(f"{what} of a complex spectrum; take its magnitude first")
    if np.any(S < 0):
        raise ParameterError(f"{what} of a spectrum with negative values; magnitudes are 0 and above")
    return S


def normalised(S: Array, norm: Any, axis: int) -> Array:
    """`S` divided by its norms along `axis`; what has a norm below the smallest normal number stays."""
    if not np.all(np.isfinite(S)):
        raise ParameterError("the spectrum is not finite everywhere")
    if norm is None:
        return S
    S = S if S.dtype.kind == "f" else S.astype(np.float64)
    size = np.abs(S).astype(np.float64)
    number = isinstance(norm, int | float | np.number) and not isinstance(norm, bool)
    if number and np.isinf(norm):
        length = (size.max if norm > 0 else size.min)(axis=axis, keepdims=True)
    elif number and norm == 0:
        length = np.sum(size > 0, axis=axis, keepdims=True, dtype=np.float64)
    elif number and norm > 0:
        length = np.sum(size**norm, axis=axis, keepdims=True) ** (1.0 / norm)
    else:
        raise ParameterError(f"norm = {norm!r}; allowed are none, 0, numbers above 0, inf and -inf")
    length[length < np.finfo(S.dtype).tiny] = 1.0
    out: Array = (S / length).astype(S.dtype)
    return out
