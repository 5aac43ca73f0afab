"""What the generated functions of `emofeat.features` call."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from emofeat import _emofeat
from emofeat.audio import as_signal, check_sr
from emofeat.exceptions import from_code

Matrix = npt.NDArray[np.floating[Any]]


def _frozen(value: object) -> object:
    """A parameter value that can be a key."""
    if isinstance(value, np.ndarray | list | tuple):
        return tuple(x if isinstance(x, str) else float(x) for x in value)
    return value


@lru_cache(maxsize=256)
def _extractor(
    name: str, sr: int, params: tuple[tuple[str, object], ...], double: bool, on_short: str, on_nonfinite: str
) -> _emofeat.Extractor:
    # With the rate, because parameters that are right at one rate may be wrong at others.
    return _emofeat.Extractor([name], sr, double, None, on_short, on_nonfinite, dict(params))


def compute(
    name: str,
    y: npt.ArrayLike,
    sr: int,
    params: dict[str, object],
    precision: str,
    on_short: str,
    on_nonfinite: str,
) -> Matrix:
    """One feature of one signal, `(n_frames, n_columns)`. Plans are kept for the next call."""
    if precision not in ("float32", "float64"):
        raise from_code("bad_parameter", f"precision = {precision!r}; allowed: 'float32', 'float64'")
    double = precision == "float64"
    key = tuple((k, _frozen(v)) for k, v in params.items())
    rate = check_sr(sr)
    extractor = _extractor(name, rate, key, double, on_short, on_nonfinite)
    _, values = extractor.signal(as_signal(y, double=double), rate)
    return values[0]


def transform(name: str, x: npt.ArrayLike, params: dict[str, object]) -> Matrix:
    """One transform of the rows of a feature, `(n_frames, n_columns)`."""
    array = np.asarray(x)
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise from_code(
            "bad_shape",
            f"rows of shape {array.shape} and type {array.dtype}; allowed: numbers, (n_frames, n_columns)",
        )
    if array.dtype != np.float32:
        array = array.astype(np.float64)
    plain = {k: list(_frozen(v)) if isinstance(v, np.ndarray | tuple) else v for k, v in params.items()}  # type: ignore[call-overload]
    return _emofeat.transform(name, np.ascontiguousarray(array), plain)
