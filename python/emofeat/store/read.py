"""Reading a feature directory back: utterances by id or position, batches, tables, a memory map."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from emofeat._log import logger
from emofeat._suggest import did_you_mean
from emofeat.store import arrowmap
from emofeat.store.arrays import view
from emofeat.store.rows import frames_of, joined, row_groups, vectors_of, whole_utterances
from emofeat.store.schema import (
    META_FAILURES,
    META_LAYOUT,
    Feature,
    Layout,
    NoSuchNameError,
    StoreError,
    feature_of,
    n_frames_column,
    own_fields,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from emofeat.engine.shard import Failed

# Decoded row groups kept for the next access without a map.
_CACHE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Column:
    """One column of numbers: its name, the feature it belongs to, its unit."""

    name: str
    feature: str
    unit: str


class Utterance(Mapping[str, NDArray[Any]]):
    """One utterance: its features by name, and what is known about the recording.

    `utterance["logmel"]` is `(n_frames, n_columns)`, a vector feature `(n_columns,)`; both are
    read-only views where the store allows it.
    """

    __slots__ = ("_dataset", "position")

    def __init__(self, dataset: Dataset, position: int) -> None:
        self._dataset, self.position = dataset, position

    def __getitem__(self, key: str) -> NDArray[Any]:
        return self._dataset._values(self.position, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._dataset.features)

    def __len__(self) -> int:
        return len(self._dataset.features)

    def __repr__(self) -> str:
        return f"Utterance({self.id!r}, {self.duration:.3f} s, {', '.join(self)})"

    @property
    def id(self) -> str:
        """The id."""
        return self._dataset._ids[self.position]

    @property
    def info(self) -> dict[str, Any]:
        """Everything that is no feature: file, start, end, sr, duration, …, and the manifest's columns."""
        row: dict[str, Any] = self._dataset._index.slice(self.position, 1).to_pylist()[0]
        return row

    @property
    def file(self) -> str:
        """The path of the recording."""
        return str(self.info["file"])

    @property
    def sr(self) -> int:
        """The sampling rate of the analysis, in Hz."""
        return int(self.info["sr"])

    @property
    def duration(self) -> float:
        """The length analysed, in seconds."""
        return float(self.info["duration"])


class Dataset(Sequence[Utterance]):
    """A feature directory, open for reading.

    A sequence of utterances in the order of the parts, which depends on the ids alone; `dataset[id]`
    finds one by id. It can be pickled, sent to the workers of a loader, and needs no torch: it has the
    `__len__` and `__getitem__` of a map-style dataset.

    Parameters
    ----------
    path
        The output folder of `emofeat extract`.
    mmap
        Read features from an Arrow memory map, made beside the parts when there is none or it is
        stale; None uses one that is there. A random access costs microseconds with it, and the
        decoding of a row group (10 to 20 ms) without.
    """

    def __init__(self, path: str | os.PathLike[str], *, mmap: bool | None = None) -> None:
        self.path = Path(path)
        self.layout = Layout.read(self.path)
        self.features: dict[str, Feature] = {f.key: f for f in self.layout.features}
        self._mmap = mmap
        self._cache: OrderedDict[tuple[int, int], dict[str, tuple[NDArray[Any], Any]]] = OrderedDict()
        self._cached_bytes = 0
        if not self.complete:
            done = len(self._parts)
            logger.warning(
                "%s: %d of %d parts are there; go on with the same extract", path, done, self.layout.n_shards
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (str(self.path), self._mmap)

    def __repr__(self) -> str:
        return f"Dataset({str(self.path)!r}: {len(self)} utterances, {', '.join(self.features)})"

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, key: str | int | np.integer[Any]) -> Utterance: ...
    @overload
    def __getitem__(self, key: slice) -> list[Utterance]: ...
    def __getitem__(self, key: str | int | np.integer[Any] | slice) -> Utterance | list[Utterance]:
        if isinstance(key, slice):
            return [Utterance(self, p) for p in range(*key.indices(len(self)))]
        if isinstance(key, str):
            return Utterance(self, self.position(key))
        position = int(key)
        n = len(self._ids)
        if not -n <= position < n:
            raise IndexError(f"position {position} of {n} utterances")
        return Utterance(self, position % n)

    def __contains__(self, key: object) -> bool:
        return key in self._positions if isinstance(key, str) else super().__contains__(key)

    def ids(self) -> list[str]:
        """The ids, in the order of the dataset."""
        return list(self._ids)

    def position(self, id_: str) -> int:
        """Where the utterance `id_` is."""
        try:
            return self._positions[id_]
        except KeyError:
            failed = {f.id: f for f in self.failures()}
            if id_ in failed:
                message = f"{id_!r} failed: {failed[id_].message} ({failed[id_].code})"
                raise NoSuchNameError(message, failed[id_].code) from None
            hint = did_you_mean(id_, self._positions)
            raise NoSuchNameError(f"no utterance {id_!r}{hint}", "unknown_name") from None

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns of numbers with their units."""
        return tuple(Column(name, f.key, f.unit) for f in self.features.values() for name in f.columns)

    @property
    def complete(self) -> bool:
        """Whether every part is there."""
        return len(self._parts) == self.layout.n_shards

    def failures(self) -> list[Failed]:
        """The recordings that failed, with a stable code (docs/reason-codes.md) and a sentence."""
        import json

        from emofeat.engine.shard import Failed

        rows = [json.loads(metadata[META_FAILURES.encode()]) for metadata in self._parts.values()]
        return sorted(Failed(*row) for part in rows for row in part)

    def table(self) -> pa.Table:
        """One row for each utterance with everything that is no frame or vector: id, file, rates, labels."""
        return self._index

    def n_frames(self, key: str) -> NDArray[np.int32]:
        """The number of frames of feature `key` for every utterance."""
        feature = feature_of(self.layout.features, key)
        if feature.kind != "frames":
            raise NoSuchNameError(f"{key!r} is a vector, it has no frames", "unknown_name")
        counts: NDArray[np.int32] = view(self._index[n_frames_column(key)])
        return counts

    def times(self, key: str, utterance: str | int) -> NDArray[np.float64]:
        """The time of each frame of feature `key`, in seconds from the start of the segment."""
        feature = feature_of(self.layout.features, key)
        if feature.hop is None or feature.offset is None:
            raise StoreError(
                f"the hop of {key!r} differs from row to row: the rates of this corpus are mixed"
            )
        n = self.n_frames(key)[self[utterance].position]
        times: NDArray[np.float64] = feature.offset + feature.hop * np.arange(n)
        return times

    def iter_batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """All utterances as Arrow batches, chunks joined, in the order of the dataset; memory stays bounded.

        Parameters
        ----------
        columns
            Names of columns or of features; all by default.
        """
        wanted = None if columns is None else self._stored(columns)
        needed = None if wanted is None else [*wanted, "chunk"]
        for part in self._parts:
            for table in whole_utterances(row_groups(str(part), needed)):
                batch = joined(table, self.layout)
                if batch.num_rows:
                    yield batch if wanted is None else batch.select(wanted)

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All utterances as one Arrow table."""
        import pyarrow as pa

        batches = list(self.iter_batches(columns))
        schema = self.layout.arrow_schema()
        if columns is not None:
            schema = pa.schema([schema.field(name) for name in self._stored(columns)])
        return pa.Table.from_batches(batches, schema=schema)

    def to_pandas(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """All utterances as a DataFrame, frames as one array `(n_frames, n_columns)` in each cell."""
        from emofeat.store.extras import need

        pandas = need("pandas", "pandas")
        frames: list[pd.DataFrame] = []
        for batch in self.iter_batches(columns):
            cells: dict[str, Any] = {}
            for name in batch.schema.names:
                feature = self.features.get(name)
                if feature is not None and feature.kind == "frames":
                    values, splits = frames_of(batch.column(name), len(feature.columns))
                    matrices = np.empty(batch.num_rows, object)
                    matrices[:] = [values[a:b] for a, b in pairwise(splits.tolist())]
                    cells[name] = matrices
                else:
                    cells[name] = batch.column(name).to_pandas()
            frames.append(pandas.DataFrame(cells))
        return pandas.concat(frames, ignore_index=True) if frames else pandas.DataFrame()

    def memory_map(self) -> Dataset:
        """The same dataset, with features read from the memory map."""
        mapped = object.__new__(Dataset)
        # What was read of the parts serves both: the footers of thousands of columns take long to parse.
        mapped.__dict__.update({k: v for k, v in self.__dict__.items() if k != "_map"}, _mmap=True)
        return mapped

    def _stored(self, columns: Sequence[str]) -> list[str]:
        """Names of stored columns for names of columns or features."""
        known = set(self.layout.arrow_schema().names)
        stored: list[str] = []
        for name in columns:
            if name in self.features:
                stored += self.features[name].stored
            elif name in known:
                stored.append(name)
            else:
                hint = did_you_mean(name, [*known, *self.features])
                raise NoSuchNameError(f"no column {name!r} here{hint}", "unknown_name")
        return stored

    @cached_property
    def _parts(self) -> dict[Path, Mapping[bytes, bytes]]:
        """The parts that belong to the layout, and the metadata of each; others are on their way to be replaced."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        found = {}
        for index in range(self.layout.n_shards):
            path = self.layout.part(self.path, index)
            try:
                metadata = pq.read_metadata(path).metadata
            except FileNotFoundError:
                continue
            except (OSError, pa.ArrowInvalid) as error:
                raise StoreError(
                    f"{path} is damaged ({error}); remove it and run the same extract again"
                ) from None
            if (metadata or {}).get(META_LAYOUT.encode()) == self.layout.digest.encode():
                found[path] = metadata
        return found

    @cached_property
    def _index(self) -> pa.Table:
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = [f.name for f in own_fields()] + [n_frames_column(f.key) for f in self.layout.frames]
        names += self.layout.carried.names

        def read(part: Path) -> pa.RecordBatch:
            with pq.ParquetFile(part) as file:
                return joined(file.read(names, use_threads=False), self.layout)

        with ThreadPoolExecutor(4) as pool:
            batches = [b for b in pool.map(read, self._parts) if b.num_rows]
        schema = self.layout.arrow_schema()
        schema = pa.schema([schema.field(name) for name in names])
        return pa.Table.from_batches(batches, schema=schema).drop_columns("chunk").combine_chunks()

    @cached_property
    def _ids(self) -> list[str]:
        ids: list[str] = self._index["id"].to_pylist()
        return ids

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {id_: i for i, id_ in enumerate(self._ids)}

    @cached_property
    def _map(self) -> arrowmap.ArrowMap | None:
        fresh = self._mmap is not False and arrowmap.is_fresh(self.path, self.layout, list(self._parts))
        if self._mmap and not fresh:
            arrowmap.build(self.path, self.layout, list(self._parts))
        return arrowmap.ArrowMap(self.path, self.layout) if self._mmap or fresh else None

    def _values(self, position: int, key: str) -> NDArray[Any]:
        if key not in self.features:
            feature_of(self.layout.features, key)
        if self._map is not None:
            return self._map.get(position, key)
        views, row = self._decoded(position)
        values, splits = views[key]
        view: NDArray[Any] = values[row] if splits is None else values[splits[row] : splits[row + 1]]
        return view

    @cached_property
    def _places(self) -> list[tuple[int, range, int]]:
        """For each utterance: its part, the row groups to decode for it, and its row in them."""
        import pyarrow.parquet as pq

        places = []
        for index, part in enumerate(self._parts):
            with pq.ParquetFile(part) as file:
                chunks = [
                    view(file.read_row_group(i, ["chunk"])["chunk"]) for i in range(file.num_row_groups)
                ]
            # A row group that begins inside a long recording goes together with those before it.
            begins = [i for i, c in enumerate(chunks) if len(c) and c[0] == 0]
            for first, end in zip(begins, [*begins[1:], len(chunks)], strict=True):
                n = sum(int(np.count_nonzero(c == 0)) for c in chunks[first:end])
                places += [(index, range(first, end), row) for row in range(n)]
        return places

    def _decoded(self, position: int) -> tuple[dict[str, tuple[NDArray[Any], Any]], int]:
        """The decoded row groups that hold an utterance, and its row in them."""
        import pyarrow.parquet as pq

        part, groups, row = self._places[position]
        views = self._cache.get((part, groups.start))
        if views is not None:
            self._cache.move_to_end((part, groups.start))
            return views, row
        with pq.ParquetFile(list(self._parts)[part]) as file:
            batch = joined(file.read_row_groups(list(groups), use_threads=False), self.layout)
        views = {}
        for feature in self.layout.features:
            if feature.kind == "vector":
                views[feature.key] = vectors_of(batch, feature), None
            else:
                views[feature.key] = frames_of(batch.column(feature.stored[0]), len(feature.columns))
        self._cache[part, groups.start] = views
        self._cached_bytes += sum(values.nbytes for values, _ in views.values())
        while self._cached_bytes > _CACHE_BYTES and len(self._cache) > 1:
            _, old = self._cache.popitem(last=False)
            self._cached_bytes -= sum(values.nbytes for values, _ in old.values())
        return views, row


def _reopen(path: str, mmap: bool | None) -> Dataset:
    return Dataset(path, mmap=mmap)


def open(path: str | os.PathLike[str], *, mmap: bool | None = None) -> Dataset:
    """Open the feature directory that `emofeat extract` made; see `Dataset`."""
    return Dataset(path, mmap=mmap)
