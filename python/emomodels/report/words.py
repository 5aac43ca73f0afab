"""Numbers as they are read: percent with two decimals, intervals in brackets, a dash for what is not defined."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

#: Stands for a number that is not defined, such as the recall of a class without examples.
UNDEFINED = "–"


def _defined(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def percent(value: float | None) -> str:
    """A share as percent.

    >>> percent(0.86702), percent(None)
    ('86.70', '–')
    """
    return f"{100 * value:.2f}" if value is not None and _defined(value) else UNDEFINED


def points(value: float | None) -> str:
    """A difference of shares in percentage points, with its sign.

    >>> points(-0.013)
    '-1.30'
    """
    return f"{100 * value:+.2f}" if value is not None and _defined(value) else UNDEFINED


def interval(ends: Sequence[float | None] | None, signed: bool = False) -> str:
    """An interval of shares, as percent.

    >>> interval((0.512, 0.6)), interval((-0.01, 0.02), signed=True)
    ('[51.20, 60.00]', '[-1.00, +2.00]')
    """
    if ends is None or not all(map(_defined, ends)):
        return UNDEFINED
    form = points if signed else percent
    return f"[{form(ends[0])}, {form(ends[1])}]"


def number(value: float | None) -> str:
    """A number with four significant digits.

    >>> number(0.12345), number(100.0)
    ('0.1235', '100')
    """
    return f"{value:.4g}" if value is not None and _defined(value) else UNDEFINED


def p_value(value: float | None) -> str:
    """A p-value; below 0.001 only that.

    >>> p_value(0.04217), p_value(1e-9)
    ('0.042', '< 0.001')
    """
    if value is None or not _defined(value):
        return UNDEFINED
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def count(value: int) -> str:
    """A count with separators.

    >>> count(1440)
    '1,440'
    """
    return f"{value:,}"


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts names by the numbers in them.

    >>> sorted(["s10", "s2", "mean"], key=natural)
    ['mean', 's2', 's10']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
