"""Short-term features, as `pyAudioAnalysis.ShortTermFeatures`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from emofeat.compat._core import compute
from emofeat.compat._errors import OutOfRange, raised_as
from emofeat.exceptions import from_code

__all__ = ["feature_extraction"]

Matrix = npt.NDArray[np.float64]

_NAMES = (
    *("zcr", "energy", "energy_entropy", "spectral_centroid", "spectral_spread", "spectral_entropy"),
    *("spectral_flux", "spectral_rolloff"),
    *(f"mfcc_{i}" for i in range(1, 14)),
    *(f"chroma_{i}" for i in range(1, 13)),
    "chroma_std",
)


def feature_extraction(
    signal: npt.ArrayLike, sampling_rate: int, window: int, step: int, deltas: bool = True
) -> tuple[Matrix, list[str]]:
    """34 features of every frame, as `pyAudioAnalysis.ShortTermFeatures.feature_extraction`.

    Parameters
    ----------
    signal : array_like, `(n,)`
        Samples of any scale; the package divides by the largest.
    sampling_rate : int
        Hz.
    window, step : int
        Length of a frame and distance of two frames in samples; fractions are cut off.
    deltas : bool
        Whether the differences to the frame before follow as 34 more.

    Returns
    -------
    features : ndarray of float64, `(34 or 68, n_frames)`
    names : list of str

    Raises
    ------
    ValueError
        A signal without one whole frame, or with samples that are not finite.
    IndexError
        A window that is too short, or a rate too low, for the package's filters and notes.

    Examples
    --------
    >>> features, names = feature_extraction(np.ones(1600), 16000, 800, 400, deltas=False)
    >>> features.shape, names[0]
    ((34, 3), 'zcr')
    """
    y = np.asarray(signal, dtype=np.float64)
    if y.ndim != 1:
        raise from_code("bad_shape", f"a signal of shape {y.shape}; allowed is (n,)")
    window, step = int(window), int(step)
    if step < 1:
        raise from_code("bad_parameter", f"step = {step}; allowed are values from 1")
    if len(y) < max(window, 1):
        raise from_code("too_short", f"signal has {len(y)} samples, one frame needs {window}")
    params: dict[str, object] = {"window": window, "step": step, "deltas": bool(deltas)}
    with raised_as(OutOfRange, "bad_parameter", "bad_rate"):
        rows = compute("pyaudioanalysis", y, sampling_rate, params)
    names = [*_NAMES, *(f"delta {name}" for name in _NAMES)] if deltas else [*_NAMES]
    return np.ascontiguousarray(rows.T), names
