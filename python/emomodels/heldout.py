"""Test labels out of reach: kept apart from the trainer, opened once, and every opening is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emomodels.exceptions import DataError


class TestLabels:
    """The labels of test utterances, which no part of training is given.

    The examples that a model predicts carry no labels; these are opened when all posteriors are written.
    The report says how often that happened.

    >>> sealed = TestLabels({"a": "sad", "b": "happy"})
    >>> sealed.open(["b", "a"]), sealed.opened
    (['happy', 'sad'], 1)
    """

    __slots__ = ("_distributions", "_labels", "opened")
    __test__ = False  # no test, whatever its name begins with

    def __init__(
        self, labels: Mapping[str, str], distributions: Mapping[str, Mapping[str, float]] | None = None
    ) -> None:
        self._labels = dict(labels)
        self._distributions = dict(distributions or {})
        self.opened = 0

    def __repr__(self) -> str:
        return f"TestLabels({len(self._labels)} sealed, opened {self.opened} times)"

    def open(self, ids: Sequence[str]) -> list[str]:
        """The labels of `ids`, in their order; counts one opening."""
        self.opened += 1
        return [self._labels[i] for i in ids]

    def distributions(self, ids: Sequence[str]) -> dict[str, Mapping[str, float]]:
        """What the raters of those of `ids` said that have a distribution; with the labels, after `open`."""
        if not self.opened:
            raise DataError("the distributions are sealed with the labels; open these first")
        return {i: self._distributions[i] for i in ids if i in self._distributions}
