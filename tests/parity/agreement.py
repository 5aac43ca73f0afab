"""How much of what openSMILE computes emofeat computes too: shares within 1e-3, and what is not, named.

"Within 1e-3" is `|a - b| <= 1e-3 max(|b|, 0.01)`: relative, with a floor for values near zero.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import opensmile
from numpy.typing import NDArray

import emofeat

Array = NDArray[np.float64]

#: The sets by our names and by openSMILE's.
SETS = {"gemapsv01b": "GeMAPSv01b", "egemapsv02": "eGeMAPSv02", "compare2016": "ComParE_2016"}
LEVELS = {
    "functionals": "Functionals",
    "lld": "LowLevelDescriptors",
    "lld_de": "LowLevelDescriptors_Deltas",
}

#: Functionals whose order-5 predictor in single precision amplifies the rounding of its input.
LPC = re.compile(r"_(lpgain|lpc\d)$")


@functools.cache
def oracle(name: str, level: str) -> Any:
    return opensmile.Smile(opensmile.FeatureSet[SETS[name]], opensmile.FeatureLevel[LEVELS[level]])


@functools.cache
def extractor(name: str, level: str) -> emofeat.Extractor:
    return emofeat.Extractor(f"{name}(level={level})", channel=0)


def ours(name: str, level: str, y: NDArray[np.floating[Any]], sr: int) -> Array:
    """Our rows of a signal, `(rows, columns)`."""
    result = extractor(name, level).process_signal(np.asarray(y, np.float32), sr)
    return np.asarray(next(iter(result.values())), np.float64)


def theirs(name: str, level: str, y: NDArray[np.floating[Any]], sr: int) -> Array:
    """openSMILE's rows of the same signal."""
    return np.asarray(oracle(name, level)(np.asarray(y, np.float32), sr)[0].T, np.float64)


def within(actual: Array, expected: Array, tolerance: float) -> NDArray[np.bool_]:
    """Whether each value is within `tolerance` of what is expected; NaN is right where NaN is expected."""
    near: NDArray[np.bool_] = np.abs(actual - expected) <= tolerance * np.maximum(np.abs(expected), 0.01)
    return near | (np.isnan(actual) & np.isnan(expected))


@dataclass(frozen=True)
class Exceptional:
    """A value that is not within 1e-3: where, and what both sides have."""

    clip: str
    column: str
    row: int
    ours: float
    theirs: float

    def __str__(self) -> str:
        return f"{self.clip}, {self.column}, row {self.row}: {self.ours:.9g} for {self.theirs:.9g}"


@dataclass
class Tally:
    """Counts over many recordings."""

    total: int = 0
    within_1e3: int = 0
    within_1e2: int = 0
    exceptions: list[Exceptional] = field(default_factory=list)
    values_of: Counter[str] = field(default_factory=Counter)
    misses_of: Counter[str] = field(default_factory=Counter)
    largest: float = 0.0

    def add(self, clip: str, columns: list[str], actual: Array, expected: Array) -> None:
        assert actual.shape == expected.shape, f"{clip}: {actual.shape} for openSMILE's {expected.shape}"
        near = within(actual, expected, 1e-3)
        self.total += near.size
        self.within_1e3 += int(near.sum())
        self.within_1e2 += int(within(actual, expected, 1e-2).sum())
        self.values_of.update(dict.fromkeys(columns, len(actual)))
        for row, column in np.argwhere(~near):
            name = columns[column]
            self.misses_of[name] += 1
            values = float(actual[row, column]), float(expected[row, column])
            self.exceptions.append(Exceptional(clip, name, int(row), *values))
        if near.any():
            error = np.abs(actual - expected) / np.maximum(np.abs(expected), 0.01)
            self.largest = max(self.largest, float(np.nanmax(error[near], initial=0.0)))

    @property
    def share(self) -> float:
        return self.within_1e3 / max(self.total, 1)

    @property
    def share_1e2(self) -> float:
        return self.within_1e2 / max(self.total, 1)

    def worst(self, count: int) -> list[tuple[str, int, int]]:
        """The columns with most misses: name, misses, values."""
        return [(name, n, self.values_of[name]) for name, n in self.misses_of.most_common(count)]

    def __str__(self) -> str:
        return (
            f"{self.within_1e3:,} of {self.total:,} values within 1e-3 ({self.share:.4%}), "
            f"{self.share_1e2:.4%} within 1e-2"
        )

    def report(self, exceptions: int = 20) -> str:
        """The counts, the worst columns and the first exceptions."""
        lines = [str(self)]
        lines += [f"  {name}: {n} of {values}" for name, n, values in self.worst(10)]
        lines += [f"  {exception}" for exception in self.exceptions[:exceptions]]
        return "\n".join(lines)


def add_apart(
    plain: Tally, lpc: Tally, clip: str, columns: list[str], actual: Array, expected: Array
) -> None:
    """Adds to `plain` what is no linear prediction of a contour, and the rest to `lpc`."""
    is_lpc = np.array([bool(LPC.search(c)) for c in columns])
    for tally, mask in ((plain, ~is_lpc), (lpc, is_lpc)):
        if mask.any():
            names = [c for c, m in zip(columns, mask, strict=True) if m]
            tally.add(clip, names, actual[:, mask], expected[:, mask])
