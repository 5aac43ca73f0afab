"""Times in seconds, samples and nanoseconds, rounded as opensmile-python rounds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from emofeat.compat.opensmile.define import Known
from emofeat.exceptions import ParameterError
from emofeat.store.extras import need

if TYPE_CHECKING:
    import pandas as pd

#: What gives a time: seconds, text with a unit, samples as a string of digits, or what pandas takes.
Time: TypeAlias = "float | str | pd.Timedelta | np.timedelta64 | None"
Nanoseconds = npt.NDArray[np.int64]

#: Seconds of the longest frame, and from one frame to the next.
_LONG, _HOP = 0.060, 0.010


def pandas_module() -> Any:
    """pandas, or a sentence that says what to install."""
    return need("pandas", "pandas")


def time_ns(value: Time, sr: int | None = None) -> int | None:
    """A time in nanoseconds; None for none and for NaT. Text without a unit is in samples and needs `sr`."""
    if value is None:
        return None
    pandas = pandas_module()
    if isinstance(value, str) and value.replace(".", "", 1).isdecimal():
        if sr is None:
            raise ParameterError(
                f"a time of '{value}', which is in samples, of a file; allowed are seconds as a number and text "
                "with a unit",
                "bad_parameter",
            )
        value = float(value) / sr
    if isinstance(value, int | float | np.number):
        return None if np.isnan(value) else nanoseconds(float(value))
    delta = pandas.Timedelta(value)
    return None if delta is pandas.NaT else int(delta.as_unit("ns").value)


def times_of_each(value: Time | Sequence[Time], count: int, name: str) -> list[int | None]:
    """One time for each of `count` files, from one for all or one for each."""
    if value is None or isinstance(value, str) or not isinstance(value, Iterable):
        return [time_ns(value)] * count
    values: list[Time] = list(value)
    if len(values) != count:
        raise ParameterError(
            f"{name} has {len(values)} entries for {count} files; allowed are one for all and one for each",
            "bad_parameter",
        )
    return [time_ns(one) for one in values]


def both_ends(start: int | None, end: int | None) -> tuple[int, int | None]:
    """The ends of a segment, the first one known; the second one open if it is the recording's."""
    first = start or 0
    if first < 0 or (end is not None and end < first):
        until = "its end" if end is None else f"{end / 1e9} s"
        raise ParameterError(
            f"segment from {first / 1e9} s to {until}; allowed is 0 <= start <= end", "bad_segment"
        )
    return first, end


def sample_at(ns: int, sr: int) -> int:
    """The sample at a time: the nearest, halves to even."""
    return round(ns / 1e9 * sr)


def nanoseconds(seconds: float) -> int:
    """Nanoseconds as pandas rounds seconds."""
    return int(pandas_module().Timedelta(seconds, unit="s").as_unit("ns").value)


def rows_from_to(rows: int, known: Known, sr: int, samples: int) -> tuple[Nanoseconds, Nanoseconds]:
    """Start and end of descriptor rows in nanoseconds from the start of a recording of `samples` samples."""
    hop = _length(_HOP, sr)
    frame = np.arange(rows)
    if known.span == _LONG:
        # The rows past the last frame of 60 ms are that frame's; those of 20 ms never reach past the last.
        frame = np.minimum(frame, max((samples - _length(_LONG, sr)) // hop, 1))
    return _all_nanoseconds(frame * hop / sr), _all_nanoseconds((frame * hop + _length(known.span, sr)) / sr)


def _length(seconds: float, sr: int) -> int:
    """Samples in a frame: halves up, after a division by the period."""
    return int(np.floor(seconds / (1.0 / sr) + 0.5))


def _all_nanoseconds(seconds: npt.NDArray[np.float64]) -> Nanoseconds:
    deltas = pandas_module().to_timedelta(seconds, unit="s").as_unit("ns")
    return deltas.to_numpy().astype(np.int64)  # type: ignore[no-any-return]
