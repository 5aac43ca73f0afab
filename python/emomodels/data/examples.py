"""What every model is trained on: ids, inputs, class indices and the names of the classes, together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emomodels.exceptions import DataError


@dataclass(frozen=True, slots=True)
class Examples:
    """`n` examples in one order.

    Parameters
    ----------
    ids
        Their keys, all different.
    x
        Vectors as one array `(n, d)`, or sequences as `n` arrays `(n_frames, d)`; waveforms are sequences
        `(n_samples, 1)`. Views of a memory map stay on disk until a batch asks for them.
    columns
        Names of the `d` columns.
    classes
        Names of the classes, in the order of the indices.
    y
        Index of each example's class `(n,)`; None where labels are unknown or withheld.
    speakers
        Speaker of each example, for grouped inner splits; empty where unknown.

    Raises
    ------
    DataError
        Lengths that differ, ids that repeat, indices outside the classes.
    """

    ids: tuple[str, ...]
    x: NDArray[Any] | tuple[NDArray[Any], ...]
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    y: NDArray[np.int64] | None = None
    speakers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.ids)
        if len(set(self.ids)) != n:
            twice = next(i for i in self.ids if self.ids.count(i) > 1)
            raise DataError(f"the id {twice!r} occurs more than once; ids name one example each")
        if len(self.x) != n:
            raise DataError(f"{n} ids, but inputs for {len(self.x)}")
        if self.y is not None and len(self.y) != n:
            raise DataError(f"{n} ids, but labels for {len(self.y)}")
        if self.y is not None and n and not (self.y.min() >= 0 and self.y.max() < len(self.classes)):
            raise DataError(
                f"class indices from {self.y.min()} to {self.y.max()} for {len(self.classes)} classes"
            )
        if self.speakers and len(self.speakers) != n:
            raise DataError(f"{n} ids, but speakers for {len(self.speakers)}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def sequences(self) -> bool:
        """Whether the inputs have a length each."""
        return isinstance(self.x, tuple)

    def take(self, positions: Sequence[int] | NDArray[np.int64]) -> Examples:
        """The examples at `positions`, in that order.

        >>> e = Examples(("a", "b"), np.zeros((2, 3)), ("p", "q", "r"), ("sad", "happy"), np.array([0, 1]))
        >>> e.take([1]).ids
        ('b',)
        """
        at = [int(p) for p in positions]
        x = tuple(self.x[p] for p in at) if isinstance(self.x, tuple) else self.x[at]
        return replace(
            self,
            ids=tuple(self.ids[p] for p in at),
            x=x,
            y=None if self.y is None else self.y[at],
            speakers=tuple(self.speakers[p] for p in at) if self.speakers else (),
        )

    def without_labels(self) -> Examples:
        """The same inputs, for a model that must not see the labels."""
        return replace(self, y=None)
