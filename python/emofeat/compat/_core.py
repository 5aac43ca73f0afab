"""The way to the core, shared by the modules here."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from emofeat import _emofeat
from emofeat.audio import as_signal, check_sr

Matrix = npt.NDArray[np.floating[Any]]


def _frozen(value: object) -> object:
    """A parameter value that can be a key."""
    return tuple(value.tolist()) if isinstance(value, np.ndarray) else value


@lru_cache(maxsize=256)
def _extractor(
    name: str, sr: int, params: tuple[tuple[str, object], ...], double: bool, on_nonfinite: str
) -> _emofeat.Extractor:
    # With the rate, because parameters that are right at one rate may be wrong at others.
    return _emofeat.Extractor([name], sr, double, None, "allow", on_nonfinite, dict(params))


def compute(
    name: str,
    y: Matrix,
    sr: float,
    params: dict[str, object],
    *,
    double: bool = True,
    on_nonfinite: Literal["error", "keep"] = "error",
) -> Matrix:
    """One feature of one signal, `(n_frames, n_columns)`; as many frames as the convention's padding gives.

    Plans are kept for the next call.
    """
    rate = check_sr(sr)
    key = tuple((k, _frozen(v)) for k, v in params.items())
    extractor = _extractor(name, rate, key, double, on_nonfinite)
    _, values = extractor.signal(as_signal(y, double=double), rate)
    matrix: Matrix = values[0]
    return matrix
