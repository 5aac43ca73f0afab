"""Filterbanks, as `librosa.filters`."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from emofeat.compat.librosa._input import Array, normalised
from emofeat.compat.librosa.core import fft_frequencies, mel_frequencies
from emofeat.compat.librosa.util.exceptions import ParameterError

__all__ = ["mel"]

MelNorm = Literal["slaney"] | float | None


def mel(
    *,
    sr: float,
    n_fft: int,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: MelNorm = "slaney",
    dtype: npt.DTypeLike = np.float32,
) -> Array:
    """Triangular mel filters, one row each, as `librosa.filters.mel`.

    Parameters
    ----------
    sr : number
        Sampling rate in Hz.
    n_fft : int
        Length of the FFT.
    n_mels : int
        Number of filters.
    fmin, fmax : float
        Edges of the bank in Hz; `fmax` by default half the rate.
    htk : bool
        HTK's mel scale in place of Slaney's.
    norm : 'slaney', number or None
        Triangles of area 1, rows divided by their norm of that order, or triangles of height 1.
    dtype : type
        Type of the weights.

    Returns
    -------
    ndarray, `(n_mels, 1 + n_fft // 2)`

    Warns
    -----
    UserWarning
        Filters too narrow to hold a bin, whose rows are 0.

    Examples
    --------
    >>> mel(sr=16000, n_fft=512, n_mels=40).shape
    (40, 257)
    """
    return basis(sr, n_fft, n_mels, fmin, fmax, htk, norm, dtype, stacklevel=3).copy()


def basis(
    sr: float, n_fft: int, n_mels: int, fmin: float, fmax: float | None, htk: bool, norm: Any,
    dtype: npt.DTypeLike, *, stacklevel: int = 4,
) -> Array:  # fmt: skip
    """The filters of `mel`, kept for the next call and read-only; warns like it."""
    weights, some_empty = _bank(sr, n_fft, n_mels, fmin, fmax, bool(htk), norm, np.dtype(dtype))
    if some_empty:
        warnings.warn(
            "Empty filters detected in mel frequency basis: some channels will be 0; "
            "raise n_fft, or lower n_mels",
            UserWarning,
            stacklevel=stacklevel,
        )
    return weights


@lru_cache(maxsize=64)
def _bank(
    sr: float,
    n_fft: int,
    n_mels: int,
    fmin: float,
    fmax: float | None,
    htk: bool,
    norm: Any,
    dtype: np.dtype[Any],
) -> tuple[Array, bool]:
    """The filters, and whether some of them hold no bin."""
    if dtype.kind != "f":
        raise ParameterError(f"dtype = {dtype}; allowed are floating-point types")
    n_mels = int(n_mels)
    f = fft_frequencies(sr=sr, n_fft=n_fft)
    p = mel_frequencies(n_mels + 2, fmin=fmin, fmax=sr / 2.0 if fmax is None else fmax, htk=htk)[
        :, np.newaxis
    ]
    rising, falling = (f - p[:-2]) / (p[1:-1] - p[:-2]), (p[2:] - f) / (p[2:] - p[1:-1])
    # Stored, and so rounded, before it is normalised, as in librosa.
    weights: Array = np.maximum(0.0, np.minimum(rising, falling)).astype(dtype)
    if isinstance(norm, str):
        if norm != "slaney":
            raise ParameterError(f"norm = {norm!r}; allowed are 'slaney', numbers and none")
        weights = (weights * (2.0 / (p[2:] - p[:-2]))).astype(dtype)
    else:
        weights = normalised(weights, norm, -1)
    weights.flags.writeable = False
    return weights, not np.all((p[:-2, 0] == 0) | (weights.max(axis=1) > 0))
