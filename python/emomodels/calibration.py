"""How far probabilities can be believed: calibration error, reliability, likelihood."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emomodels.results import Result


class Bin(Result):
    """Utterances whose most probable class has a probability in `(low, high]`; None where there are none."""

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None


class Calibration(Result):
    """Calibration of `n` utterances.

    `ece` is the mean over utterances of the distance between accuracy and confidence of their bin (Guo et al.
    2017), `nll` the mean of -ln p(label), `brier` the mean of the squared distance to the label's indicator,
    summed over classes, from 0 to 2.
    """

    ece: float
    nll: float
    brier: float
    bins: tuple[Bin, ...]


def calibration(
    log_probabilities: NDArray[np.float64], true: NDArray[np.int64], n_bins: int = 15
) -> Calibration:
    """Calibration of natural-log probabilities `(n, K)` against the indices of the labels `(n,)`.

    The bins divide 0 to 1 evenly, and the upper edge belongs to a bin.

    Examples
    --------
    Always 80 % sure, and right in half of the cases:

    >>> found = calibration(np.log([[0.8, 0.2], [0.8, 0.2]]), np.array([0, 1]))
    >>> round(found.ece, 3), round(found.brier, 3)
    (0.3, 0.68)
    """
    probabilities = np.exp(log_probabilities)
    rows = np.arange(len(true))
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == true
    edges = np.linspace(0, 1, n_bins + 1)
    where = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, n_bins - 1)
    n = np.bincount(where, minlength=n_bins)
    sure = np.bincount(where, confidence, n_bins)
    right = np.bincount(where, correct, n_bins)
    indicator = np.eye(probabilities.shape[1])[true]
    return Calibration(
        ece=float(np.abs(right - sure).sum() / len(true)),
        nll=float(-log_probabilities[rows, true].mean()),
        brier=float(((probabilities - indicator) ** 2).sum(axis=1).mean()),
        bins=tuple(
            Bin(
                low=edges[b],
                high=edges[b + 1],
                n=n[b],
                confidence=sure[b] / n[b] if n[b] else None,
                accuracy=right[b] / n[b] if n[b] else None,
            )
            for b in range(n_bins)
        ),
    )
