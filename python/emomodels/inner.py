"""Folds inside the training part: whole groups, classes in proportion, drawn by a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emomodels.data.examples import Examples
from emomodels.exceptions import DataError


def components(columns: Sequence[Sequence[str | None]]) -> list[int]:
    """Number of each row's group, where rows belong together that share a value in any column.

    Parameters
    ----------
    columns
        Columns of one length; None belongs to nobody.

    >>> components([["s1", "s1", "s2", "s3"], ["d1", "d2", "d2", None]])
    [0, 0, 0, 1]
    """
    n = len(columns[0])
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for values in columns:
        first: dict[str, int] = {}
        for i, value in enumerate(values):
            if value is not None:
                parent[root(i)] = root(first.setdefault(value, i))
    names: dict[int, int] = {}
    return [names.setdefault(root(i), len(names)) for i in range(n)]


def grouped_folds(
    examples: Examples, groups: Sequence[int], k: int, seed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Positions of training and test of `k` folds over labelled examples.

    Raises
    ------
    DataError
        Fewer groups than folds, or a fold whose training part lacks a class.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    if examples.y is None:
        raise DataError("inner folds need labels, these examples have none")
    n_groups = len(set(groups))
    if n_groups < k:
        raise DataError(f"{k} inner folds of whole groups need {k} of them, the training part has {n_groups}")
    splitter = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
    folds = list(splitter.split(np.zeros(len(examples)), examples.y, groups))
    for train, _ in folds:
        absent = set(examples.y.tolist()) - set(examples.y[train].tolist())
        if absent:
            names = ", ".join(repr(examples.classes[i]) for i in sorted(absent))
            raise DataError(
                f"an inner fold trains without {names}: all of it is in one group; ask for fewer inner folds "
                "(inner.folds), or merge the class in the label map"
            )
    return folds


def development(
    examples: Examples, groups: Sequence[int], share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of a training part and of a development part of whole groups, about `share` of all."""
    k = min(max(2, round(1 / share)), len(set(groups)))
    return grouped_folds(examples, groups, k, seed)[0]
