"""Calling a package and the module that stands in for it, and comparing all that comes back."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Kinds of exceptions that a caller may catch.
KINDS = (AssertionError, FileNotFoundError, IndexError, TypeError, ValueError)

Gate = Callable[[np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class Outcome:
    """What a call gave: values or an exception, and whether it warned."""

    values: tuple[Any, ...]
    error: Exception | None
    warned: bool


def outcome(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Outcome:
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            values = function(*args, **kwargs)
        except Exception as error:
            return Outcome((), error, False)
    warned = any(issubclass(w.category, UserWarning) for w in caught)
    return Outcome(values if isinstance(values, tuple) else (values,), None, warned)


def close(rtol: float = 0.0, atol: float = 0.0) -> Gate:
    """Every element within `atol + rtol |expected|`; NaN where NaN is expected."""

    def gate(actual: np.ndarray, expected: np.ndarray) -> None:
        np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)

    return gate


def relative_to_peak(rtol: float) -> Gate:
    """Within `rtol` of the element and 1e-12 of the largest one, the noise of a transform in double."""

    def gate(actual: np.ndarray, expected: np.ndarray) -> None:
        peak = float(np.abs(expected).max(initial=0.0))
        np.testing.assert_allclose(actual, expected, rtol=rtol, atol=1e-12 * peak)

    return gate


def steps(size: float, share: float) -> Gate:
    """Multiples of `size`; at most `share` of them, and one of a short clip, may be one step off."""

    def gate(actual: np.ndarray, expected: np.ndarray) -> None:
        off = np.abs(np.rint((actual - expected) / size))
        np.testing.assert_allclose(actual, np.rint(actual / size) * size, rtol=1e-9, atol=1e-9)
        assert off.max(initial=0.0) <= 1
        assert np.sum(off > 0) <= max(1, int(share * off.size))

    return gate


def assert_same(theirs: Outcome, ours: Outcome, gate: Gate, *, warnings_too: bool = True) -> None:
    """The same shapes, types, values within the gate, or the same kind of exception."""
    if theirs.error is not None or ours.error is not None:
        assert theirs.error is not None, f"only ours fails: {ours.error!r}"
        assert ours.error is not None, f"only the package fails: {theirs.error!r}"
        kinds = [kind for kind in KINDS if isinstance(theirs.error, kind)]
        assert all(isinstance(ours.error, kind) for kind in kinds), (
            f"{theirs.error!r} but ours {ours.error!r}"
        )
        assert isinstance(ours.error, ValueError), f"{ours.error!r} cannot be caught as ValueError"
        return
    assert len(ours.values) == len(theirs.values)
    for actual, expected in zip(ours.values, theirs.values, strict=True):
        if isinstance(expected, list):
            assert actual == expected
            continue
        assert np.shape(actual) == np.shape(expected)
        assert np.asarray(actual).dtype == np.asarray(expected).dtype
        gate(np.asarray(actual), np.asarray(expected))
    if warnings_too:
        assert ours.warned == theirs.warned
