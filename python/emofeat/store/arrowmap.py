"""An Arrow IPC file of all features beside the parts, mapped into memory for random access.

It holds nothing that the parts do not: it is made from them when it is first asked for, and again when
they have changed. In it, an utterance is one row and a vector feature one fixed-size list.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emofeat.store.arrays import numbers, view
from emofeat.store.rows import frames_of, joined, row_groups, vectors_of, whole_utterances
from emofeat.store.schema import Layout
from emofeat.store.write import atomic, remove_left_over

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "features.arrow"
_KEY = b"emofeat.parts"


def fingerprint(layout: Layout, parts: list[Path]) -> str:
    """Changes whenever a part does."""
    states = [(p.name, (status := p.stat()).st_size, status.st_mtime_ns) for p in parts]
    return hashlib.blake2b(json.dumps([layout.digest, states]).encode(), digest_size=16).hexdigest()


def is_fresh(out: Path, layout: Layout, parts: list[Path]) -> bool:
    """Whether a map is there that was made from just these parts."""
    import pyarrow as pa

    try:
        with pa.memory_map(str(out / FILE)) as source:
            metadata = pa.ipc.open_file(source).schema.metadata or {}
    except (OSError, pa.ArrowInvalid):
        return False
    return metadata.get(_KEY) == fingerprint(layout, parts).encode()


def build(out: Path, layout: Layout, parts: list[Path]) -> None:
    """Write the map; memory holds one row group, or one long recording, at a time."""
    import pyarrow as pa

    remove_left_over(out, ours_alone=False)
    schema = _schema(layout).with_metadata({_KEY: fingerprint(layout, parts).encode()})
    with (
        atomic(out / FILE) as temp,
        pa.OSFile(str(temp), "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
    ):
        for part in parts:
            for table in whole_utterances(row_groups(str(part))):
                if table.num_rows:
                    writer.write_batch(_mapped(joined(table, layout), layout, schema))


class ArrowMap:
    """The map, open: arrays of every feature for any utterance, as views."""

    def __init__(self, out: Path, layout: Layout) -> None:
        import pyarrow as pa

        self._layout = layout
        self._source = pa.memory_map(str(out / FILE))
        self._reader = pa.ipc.open_file(self._source)
        sizes = [self._reader.get_batch(i).num_rows for i in range(self._reader.num_record_batches)]
        self._first = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        # Plain integers: indexing an array costs more than the view that is asked for.
        self._batch_of = np.repeat(np.arange(len(sizes)), sizes).tolist()
        self._row_of = (np.arange(self._first[-1]) - np.repeat(self._first[:-1], sizes)).tolist()
        self._views: dict[int, dict[str, tuple[NDArray[Any], list[int] | None]]] = {}

    def get(self, position: int, key: str) -> NDArray[Any]:
        """Feature `key` of the utterance at `position`: `(n_frames, n_columns)`, or `(n_columns,)`."""
        index = self._batch_of[position]
        views = self._views.get(index)
        if views is None:
            views = self._views[index] = self._view(index)
        values, splits = views[key]
        row = self._row_of[position]
        view: NDArray[Any] = values[row] if splits is None else values[splits[row] : splits[row + 1]]
        return view

    def _view(self, index: int) -> dict[str, tuple[NDArray[Any], list[int] | None]]:
        batch = self._reader.get_batch(index)
        views: dict[str, tuple[NDArray[Any], list[int] | None]] = {}
        for feature in self._layout.features:
            column = batch.column(_map_name(feature.key))
            if feature.kind == "vector":
                flat = view(column.values)
                views[feature.key] = flat.reshape(-1, len(feature.columns)), None
            else:
                values, splits = frames_of(column, len(feature.columns))
                views[feature.key] = values, splits.tolist()
        return views


def _map_name(key: str) -> str:
    return f"feature:{key}"


def _schema(layout: Layout) -> pa.Schema:
    import pyarrow as pa

    stored = layout.arrow_schema()
    fields = [pa.field("id", pa.string(), False)]
    for feature in layout.features:
        if feature.kind == "vector":
            value = pa.float64() if feature.dtype == "float64" else pa.float32()
            type_ = pa.list_(pa.field("element", value, False), len(feature.columns))
        else:
            type_ = stored.field(feature.stored[0]).type
        fields.append(pa.field(_map_name(feature.key), type_, False))
    return pa.schema(fields)


def _mapped(batch: pa.RecordBatch, layout: Layout, schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    columns = [batch.column("id")]
    for feature, field in zip(layout.features, list(schema)[1:], strict=True):
        if feature.kind == "vector":
            flat = numbers(vectors_of(batch, feature).reshape(-1))
            columns.append(pa.FixedSizeListArray.from_arrays(flat, type=field.type))
        else:
            columns.append(batch.column(feature.stored[0]))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def size(out: Path) -> int:
    """Bytes of the map on disk; 0 without one."""
    try:
        return (out / FILE).stat().st_size
    except FileNotFoundError:
        return 0
