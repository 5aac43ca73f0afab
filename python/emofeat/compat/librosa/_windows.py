"""Window specifications, as `scipy.signal.get_window` and librosa read them, without SciPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from emofeat import _emofeat
from emofeat.compat.librosa.util.exceptions import ParameterError

Samples = npt.NDArray[np.float64]
WindowSpec = str | tuple[Any, ...] | float | Callable[[int], npt.ArrayLike] | npt.ArrayLike

#: SciPy's names and abbreviations -> the core's name, for windows without parameters.
NAMED = {
    alias: name
    for name, aliases in {
        "barthann": "barthann brthan bth",
        "bartlett": "bartlett bart brt",
        "blackman": "blackman black blk",
        "blackmanharris": "blackmanharris blackharr bkh",
        "bohman": "bohman bman bmn",
        "boxcar": "boxcar box ones rect rectangular",
        "cosine": "cosine halfcosine",
        "flattop": "flattop flat flt",
        "hamming": "hamming hamm ham",
        "hann": "hann han",
        "nuttall": "nuttall nutl nut",
        "parzen": "parzen parz par",
        "triang": "triang triangle tri",
    }.items()
    for alias in aliases.split()
}


def _offsets(m: int) -> Samples:
    """Distance of each of `m` samples from the middle."""
    return np.arange(m, dtype=np.float64) - (m - 1) / 2.0


def _kaiser(m: int, beta: float) -> Samples:
    inside = np.maximum(1.0 - (2.0 * _offsets(m) / (m - 1)) ** 2, 0.0)
    return np.asarray(np.i0(beta * np.sqrt(inside)) / np.i0(beta))


def _gaussian(m: int, std: float) -> Samples:
    return np.asarray(np.exp(-0.5 * (_offsets(m) / std) ** 2))


def _general_gaussian(m: int, p: float, sig: float) -> Samples:
    return np.asarray(np.exp(-0.5 * np.abs(_offsets(m) / sig) ** (2.0 * p)))


def _cosines(m: int, weights: npt.ArrayLike) -> Samples:
    phase = np.linspace(-np.pi, np.pi, m)
    a = np.asarray(weights, dtype=np.float64)
    return np.asarray(np.cos(np.outer(phase, np.arange(len(a)))) @ a)


def _general_hamming(m: int, alpha: float) -> Samples:
    return _cosines(m, [alpha, 1.0 - alpha])


def _tukey(m: int, alpha: float = 0.5) -> Samples:
    if alpha <= 0.0:
        return np.ones(m)
    # Distance from the nearer end in units of the taper, whose last sample scipy rounds down.
    alpha = min(alpha, 1.0)
    n = np.minimum(np.arange(m), np.arange(m)[::-1])
    taper = 0.5 * (1.0 - np.cos(2.0 * np.pi * n / (alpha * (m - 1))))
    return np.where(n <= math.floor(alpha * (m - 1) / 2.0), taper, 1.0)


def _lanczos(m: int) -> Samples:
    return np.sinc(2.0 * _offsets(m) / (m - 1))


_Computed = tuple[Callable[..., Samples], int, int]

_WITH_PARAMETERS: dict[str, _Computed] = {
    "kaiser ksr": (_kaiser, 1, 1),
    "gaussian gauss gss": (_gaussian, 1, 1),
    "general_gaussian general_gauss ggs": (_general_gaussian, 2, 2),
    "general_hamming": (_general_hamming, 1, 1),
    "general_cosine": (_cosines, 1, 1),
    "tukey tuk": (_tukey, 0, 1),
    "lanczos sinc": (_lanczos, 0, 0),
}

#: Windows computed here: SciPy's names -> (function, fewest and most parameters).
COMPUTED = {alias: entry for aliases, entry in _WITH_PARAMETERS.items() for alias in aliases.split()}

_EXPONENTIAL = ("exponential", "poisson")
_NOT_OFFERED = ("chebwin", "cheb", "dpss", "taylor", "taylorwin", "kaiser_bessel_derived", "kbd")


def _exponential(n: int, symmetric: bool, center: float | None = None, tau: float = 1.0) -> Samples:
    if symmetric and center is not None:
        raise ParameterError(
            f"window 'exponential' with center = {center}: a symmetric one has its centre in the middle"
        )
    if n == 1:
        return np.ones(1)
    m = n if symmetric else n + 1
    middle = (m - 1) / 2.0 if center is None else center
    return np.asarray(np.exp(-np.abs(np.arange(m) - middle) / tau)[:n])


def _by_name(window: object, name: str, args: tuple[Any, ...], n: int) -> str | Samples:
    symmetric = name.endswith("_symmetric")
    name = name.removesuffix("_symmetric") if symmetric else name.removesuffix("_periodic")
    # SciPy writes some names with spaces as well.
    name = name.replace(" ", "_")
    if name in NAMED:
        if args:
            raise ParameterError(f"window {window!r}: '{name}' takes no parameters")
        return _emofeat.window(NAMED[name], n, False) if symmetric else NAMED[name]
    if name in _EXPONENTIAL:
        return _exponential(n, symmetric, *args)
    if name in _NOT_OFFERED:
        raise ParameterError(f"window {window!r} is not offered; pass its {n} samples as an array")
    if name not in COMPUTED:
        known = ", ".join(
            sorted({*NAMED.values(), *(f.__name__[1:] for f, _, _ in COMPUTED.values()), "exponential"})
        )
        raise ParameterError(f"window {window!r} is not known; allowed are {known}, samples, or a function")
    function, least, most = COMPUTED[name]
    if not least <= len(args) <= most:
        raise ParameterError(f"window {window!r} has {len(args)} parameters; allowed are {least} to {most}")
    if n == 1:
        return np.ones(1)
    return function(n, *args) if symmetric else function(n + 1, *args)[:n]


def resolve(window: WindowSpec, n: int) -> str | Samples:
    """A window of `n` samples: its name, where the core knows it, or its samples.

    Parameters
    ----------
    window : str, tuple, float, array or callable
        What librosa takes: a name, a name with parameters, the beta of a Kaiser window, samples, or a
        function of `n`.
    n : int
        Length.

    Raises
    ------
    ParameterError
        A name that does not exist or is not offered, or samples of another length.

    Examples
    --------
    >>> resolve("hann", 4)
    'hann'
    >>> resolve(("general_hamming", 0.6), 4)
    array([0.2, 0.6, 1. , 0.6])
    """
    if callable(window):
        return _samples(window(n))
    if isinstance(window, str):
        return _by_name(window, window, (), n)
    if isinstance(window, tuple):
        if not window or not isinstance(window[0], str):
            raise ParameterError(f"window {window!r}: the first entry of a tuple is a name")
        return _by_name(window, window[0], window[1:], n)
    if isinstance(window, int | float | np.integer | np.floating):
        return _by_name(window, "kaiser", (float(window),), n)
    if isinstance(window, np.ndarray | list):
        if len(window) != n:
            raise ParameterError(f"window has {len(window)} samples; win_length is {n}")
        return _samples(window)
    raise ParameterError(f"window {window!r}; allowed are a name, a tuple, a number, samples or a function")


def _samples(values: npt.ArrayLike) -> Samples:
    samples = np.asarray(values)
    if samples.ndim != 1 or samples.dtype.kind not in "fiub":
        raise ParameterError(
            f"window samples of shape {samples.shape} and type {samples.dtype}; allowed are numbers, (n,)"
        )
    return samples.astype(np.float64)


def samples(window: WindowSpec, n: int) -> Samples:
    """The samples of a window specification."""
    resolved = resolve(window, n)
    return _emofeat.window(resolved, n, True) if isinstance(resolved, str) else resolved
