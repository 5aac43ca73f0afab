"""What the engine needs from an extractor; `emofeat.Extractor` is the one that ships."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

#: A recording as the core takes it: path, start and end in seconds or None.
Segment = tuple[str, float | None, float | None]


class FeatureInfo(Protocol):
    """One feature of an extractor."""

    @property
    def key(self) -> str: ...
    @property
    def spec(self) -> str: ...
    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def unit(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def scope(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def kind(self) -> str: ...


class Row(Protocol):
    """One recording that was computed: `index` counts in the items given."""

    @property
    def index(self) -> int: ...
    @property
    def sr(self) -> int: ...
    @property
    def file_sr(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def n_samples(self) -> int: ...
    @property
    def duration(self) -> float: ...
    @property
    def format(self) -> str: ...


class Failure(Protocol):
    """One recording that was not computed, and why."""

    @property
    def index(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def message(self) -> str: ...


class Batch(Protocol):
    """Several recordings, computed: their values concatenated, one array for each feature."""

    @property
    def rows(self) -> Sequence[Row]: ...
    @property
    def failed(self) -> Sequence[Failure]: ...
    @property
    def deferred(self) -> Sequence[int]: ...
    def values(self, key: str) -> NDArray[Any]: ...
    def splits(self, key: str) -> NDArray[np.int64]: ...


class Block(Protocol):
    """Consecutive frames of one long recording."""

    @property
    def row(self) -> Row: ...
    def __getitem__(self, key: str) -> NDArray[Any]: ...


class Result(Protocol):
    """One recording, computed from samples."""

    def __getitem__(self, key: str) -> NDArray[Any]: ...
    @property
    def sr(self) -> int: ...
    def hop(self, key: str) -> float: ...
    def offset(self, key: str) -> float: ...


class FeatureExtractor(Protocol):
    """The extractor, as far as the engine looks at it."""

    @property
    def schema(self) -> Sequence[FeatureInfo]: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def digest(self) -> str: ...
    def process_signal(self, y: NDArray[Any], sr: int) -> Result: ...
    def extract_batch(
        self, items: list[Segment], *, n_threads: int = 1, max_seconds: float
    ) -> Batch: ...
    def open_blocks(
        self,
        path: str,
        start: float | None = None,
        end: float | None = None,
        *,
        block_seconds: float = 60.0,
    ) -> Iterator[Block]: ...
