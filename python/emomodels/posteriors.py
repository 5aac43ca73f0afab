"""Posteriors that know their classes, their scale, and on whom their model was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Posteriors:
    """What one model, or the models of several folds, say about `n` utterances.

    Parameters
    ----------
    ids
        Keys of the utterances, all different.
    classes
        Names of the `K` classes, in the order of the columns.
    values
        `(n, K)`, float64: probabilities whose rows sum to 1, or logits.
    scale
        Which of the two.
    model
        Name of the model.
    folds
        For each row the name of the fold whose model made it.
    trained_on
        For each of these folds the ids that its model has seen in training or in any choice (early
        stopping, hyper-parameters, normalisation); a fold without entry: not known.
    """

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    values: NDArray[np.float64]
    scale: Literal["probability", "logit"]
    model: str
    folds: tuple[str, ...]
    trained_on: Mapping[str, frozenset[str]]
