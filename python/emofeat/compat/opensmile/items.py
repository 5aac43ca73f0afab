"""What is to be processed: signals, files, segments of files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from emofeat import audio
from emofeat.compat.opensmile.errors import WrongShape, also_runtime_errors
from emofeat.compat.opensmile.times import both_ends, nanoseconds, pandas_module, sample_at, time_ns
from emofeat.exceptions import EmofeatError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

Values = npt.NDArray[np.floating[Any]]
PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Item:
    """A recording or a segment of one: the name in the index, the path, and the ends in nanoseconds."""

    name: str
    path: str
    start: int | None
    end: int | None


def item_of(file: PathLike, start: int | None, end: int | None, root: PathLike | None = None) -> Item:
    """A file, or a segment of it, whose relative path begins at `root`."""
    name = os.fspath(file)
    path = Path(name).expanduser() if root is None else Path(root).expanduser() / name
    both_ends(start, end)
    return Item(name, str(path), start, end)


@dataclass(frozen=True)
class Cut:
    """Where an item lies in its file: samples `first` to `last`, and its ends in the index in nanoseconds."""

    first: int
    last: int
    start: int
    end: int


def cut_of(item: Item, samples: int, sr: int) -> Cut:
    """Where an item lies in a file of `samples` samples."""
    start, end = both_ends(item.start, item.end)
    first = sample_at(start, sr)
    if end is None:
        return Cut(first, samples, start, max(nanoseconds(samples / sr), start))
    if first >= samples:
        return Cut(samples, samples, start, start)
    last = min(first + sample_at(end - start, sr), samples)
    # The end moves with samples that the file does not have, or that rounding start and length adds.
    return Cut(first, last, start, end + nanoseconds((last - sample_at(end, sr)) / sr))


def stored_cut(item: Item) -> tuple[Cut, int] | None:
    """Where a segment lies in a file, and the file's rate, if the file says how long it is and stores every sample."""
    try:
        info = audio.info(item.path)
    except EmofeatError:
        return None
    if info.frames is None or info.bits is None:
        return None
    cut = cut_of(item, info.frames, info.sr)
    return (cut, info.sr) if cut.first < cut.last else None


def items_of(index: pd.Index, root: PathLike | None) -> list[Item]:
    """The entries of an index in audformat's form."""
    pandas = pandas_module()
    if not isinstance(index, pandas.Index):
        raise ParameterError(
            f"an index of type {type(index).__name__}; a pandas.Index is needed", "bad_parameter"
        )
    if not isinstance(index, pandas.MultiIndex):
        return [item_of(file, None, None, root) for file in index]
    if list(index.names) != ["file", "start", "end"]:
        raise ParameterError(
            f"an index with levels {list(index.names)}; allowed are file, start and end, or files alone",
            "bad_parameter",
        )
    return [item_of(file, time_ns(start), time_ns(end), root) for file, start, end in index]


def planes_of(signal: npt.ArrayLike) -> Values:
    """A signal channels first."""
    array = np.asarray(signal)
    if array.ndim not in (1, 2):
        raise WrongShape(
            f"Input signal must have 1 or 2 dimension, got {array.ndim}; allowed are (n,) and (channels, n)",
            "bad_shape",
        )
    return np.atleast_2d(array)


def no_arguments(given: Mapping[str, object] | None) -> None:
    """Refuses arguments for the processing function, which has none."""
    if given:
        raise TypeError(f"process_func_args = {dict(given)!r}; openSMILE's analysis takes no arguments")


def channel_list(given: int | Sequence[int]) -> list[int]:
    """Channel numbers from one or several."""
    channels = [given] if isinstance(given, int | np.integer) else list(given)
    if not channels or not all(isinstance(c, int | np.integer) for c in channels):
        raise ParameterError(
            f"channels = {given!r}; allowed are a number and a sequence of numbers", "bad_parameter"
        )
    return [int(c) for c in channels]


def load(path: str) -> tuple[Values, int]:
    """All channels of a file, and its rate."""
    with also_runtime_errors():
        return audio.load(path, mono=False)
