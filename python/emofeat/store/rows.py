"""From stored rows to utterances: consecutive rows of a long recording become one, without copying frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emofeat.store.arrays import numbers, view
from emofeat.store.schema import Feature, Layout, n_frames_column

if TYPE_CHECKING:
    import pyarrow as pa

_SUMMED = ("n_samples", "duration")


def row_groups(path: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The row groups of a part, one after the other."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for index in range(file.num_row_groups):
            yield file.read_row_group(index, columns=columns, use_threads=False)


def whole_utterances(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows, cut so that no recording is in two tables; each needs the column `chunk`."""
    import pyarrow as pa

    held: list[pa.Table] = []
    for table in tables:
        if table.num_rows and table["chunk"][0].as_py() == 0 and held:
            yield pa.concat_tables(held)
            held = []
        held.append(table)
    if held:
        yield pa.concat_tables(held)


def joined(table: pa.Table, layout: Layout) -> pa.RecordBatch:
    """One row for each utterance of `table`, which holds all chunks of those it holds."""
    import pyarrow as pa

    if table.num_rows == 0:
        return pa.RecordBatch.from_pylist([], schema=table.schema)
    batch = table.combine_chunks().to_batches()[0]
    first = np.flatnonzero(view(batch.column("chunk")) == 0)
    if len(first) == batch.num_rows:
        return batch
    last = np.append(first[1:], batch.num_rows) - 1
    frames = {f.stored[0] for f in layout.frames}
    vectors = {name for f in layout.features if f.kind == "vector" for name in f.stored}
    counts = {n_frames_column(f.key) for f in layout.frames}
    columns = []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if field.name in frames:
            offsets = view(column.offsets)[np.append(first, batch.num_rows)]
            columns.append(pa.ListArray.from_arrays(numbers(offsets), column.values, type=field.type))
        elif field.name in counts or field.name in _SUMMED:
            sums = np.add.reduceat(view(column), first)
            columns.append(numbers(sums).cast(field.type))
        else:
            # What describes the whole of a long recording is stored with its last chunk.
            columns.append(column.take(numbers(last if field.name in vectors else first)))
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def frames_of(column: pa.Array, n_columns: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The values `(total_frames, n_columns)` of a list column, and where each row begins; both are views."""
    return view(column.values.values).reshape(-1, n_columns), view(column.offsets)


def vectors_of(batch: pa.RecordBatch, feature: Feature) -> NDArray[Any]:
    """The named columns of a vector feature as one matrix `(n_rows, n_columns)`; null is NaN."""
    columns = [batch.column(name) for name in feature.stored]
    return np.stack([view(c.fill_null(np.nan) if c.null_count else c) for c in columns], axis=1)
