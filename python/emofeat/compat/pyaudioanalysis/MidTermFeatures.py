"""Mid-term statistics, as `pyAudioAnalysis.MidTermFeatures`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from emofeat import _emofeat
from emofeat.compat.pyaudioanalysis.ShortTermFeatures import Matrix, feature_extraction
from emofeat.exceptions import from_code

__all__ = ["mid_feature_extraction"]


def mid_feature_extraction(
    signal: npt.ArrayLike,
    sampling_rate: int,
    mid_window: float,
    mid_step: float,
    short_window: int,
    short_step: int,
) -> tuple[Matrix, Matrix, list[str]]:
    """Mean and deviation of the 68 short-term features over longer windows.

    As `pyAudioAnalysis.MidTermFeatures.mid_feature_extraction`.

    Parameters
    ----------
    signal : array_like, `(n,)`
        Samples.
    sampling_rate : int
        Hz.
    mid_window, mid_step : number
        Length of a mid-term window and distance of two, in samples.
    short_window, short_step : int
        Frames of the short-term features, in samples.

    Returns
    -------
    mid_features : ndarray of float64, `(136, n_windows)`
        Means of all features, then their population standard deviations; the last windows are cut where
        the signal ends.
    short_features : ndarray of float64, `(68, n_frames)`
    names : list of str

    Raises
    ------
    ValueError
        A mid-term step of less than one frame, or a negative window.

    Examples
    --------
    >>> mid, short, names = mid_feature_extraction(np.ones(16000), 16000, 8000, 8000, 800, 400)
    >>> mid.shape, short.shape, names[0], names[68]
    ((136, 2), (68, 39), 'zcr_mean', 'zcr_std')
    """
    short, short_names = feature_extraction(signal, sampling_rate, short_window, short_step)
    frames = round((mid_window - (short_window - short_step)) / short_step)
    hop = round(mid_step / short_step)
    if frames < 0 or hop < 1:
        raise from_code(
            "bad_parameter",
            f"mid_window = {mid_window} and mid_step = {mid_step} are {frames} and {hop} frames; "
            "allowed are windows from 0 and steps from 1",
        )
    mid = _emofeat.mid_term(np.ascontiguousarray(short.T), frames, hop)
    names = [f"{name}_{statistic}" for statistic in ("mean", "std") for name in short_names]
    return np.ascontiguousarray(mid.T), short, names
