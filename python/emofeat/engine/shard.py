"""The unit of work and of commit: one shard of the utterances becomes one part.

`extract_shard` is a pure function of the shard's utterances, the extractor and the files themselves.
Its part appears by one rename and holds the rows, the ledger of the rows that failed, and what its
inputs looked like, so that nobody ever sees one without the others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from emofeat.engine.inputs import Item
from emofeat.engine.protocol import Batch, Block, FeatureExtractor, Row
from emofeat.exceptions import EmofeatError
from emofeat.store.arrays import numbers, optional_numbers, texts
from emofeat.store.schema import (
    META_FAILURES,
    META_INPUTS,
    META_LAYOUT,
    Feature,
    Layout,
    frames_type,
    n_frames_column,
)
from emofeat.store.write import PartWriter, frames_array, temporary

if TYPE_CHECKING:
    import pyarrow as pa

# One call of the core and one row group: enough rows to fill the threads and compress well, few
# enough bytes of source (about 1,000 s of dense MP3, 130 s of 16 kHz WAV) to bound the memory.
_BATCH_ROWS = 64
_BATCH_BYTES = 4 << 20
# How much a second of a segment counts for, whatever the size of the file that it is cut from.
_SECOND_BYTES = 32_000


class Failed(NamedTuple):
    """One row of the ledger."""

    id: str
    file: str
    start: float | None
    end: float | None
    code: str
    message: str


@dataclass(frozen=True)
class Shard:
    """The utterances of one part, sorted by id, and the columns they carry (same order)."""

    index: int
    items: Sequence[Item]
    carried: pa.Table | None
    #: What each input looks like now: id -> short hash of path, segment, size, time, carried columns.
    inputs: Mapping[str, str]
    n_bytes: Sequence[int]


@dataclass(frozen=True)
class PartState:
    """What a finished part says about itself."""

    layout: str
    inputs: Mapping[str, str]
    failures: tuple[Failed, ...]
    n_rows: int


@dataclass
class ShardReport:
    """What became of one shard."""

    index: int
    n_items: int
    failures: list[Failed] = field(default_factory=list)


class Control(Protocol):
    """How a running shard reports, and learns that it must stop."""

    def advance(self, done: int, audio_seconds: float, failures: Sequence[Failed]) -> None:
        """Called after every batch; raises to abandon the shard."""
        ...


def shard_of(id_: str, n_shards: int) -> int:
    """The shard of an utterance: it depends on its id alone."""
    return int.from_bytes(hashlib.blake2b(id_.encode(), digest_size=8).digest(), "little") % n_shards


def part_state(path: Path) -> PartState | None:
    """What the part at `path` says about itself; None if there is none, or it is no part of ours."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path)
        own = metadata.metadata
        failures = tuple(Failed(*row) for row in json.loads(own[META_FAILURES.encode()]))
        inputs = json.loads(own[META_INPUTS.encode()])
        return PartState(own[META_LAYOUT.encode()].decode(), inputs, failures, metadata.num_rows)
    except (FileNotFoundError, KeyError, TypeError, ValueError, pa.ArrowInvalid):
        return None


def is_finished(state: PartState, inputs: Mapping[str, str], layout: Layout) -> bool:
    """Whether a part holds what computing `inputs` under `layout` would give."""
    if state.layout != layout.digest or state.inputs.keys() != inputs.keys():
        return False
    # Which rate is the wrong one is a matter of the whole corpus, and may have been settled since.
    if any(f.code == "rate_mismatch" for f in state.failures):
        return False
    return all(is_unchanged(state.inputs[id_], now) for id_, now in inputs.items())


def is_unchanged(then: str, now: str) -> bool:
    """Compare two fingerprints `status` or `status|content`: by content where `now` has it."""
    status, _, content = now.partition("|")
    return then.partition("|")[2] == content if content else then.partition("|")[0] == status


def extract_shard(
    shard: Shard,
    extractor: FeatureExtractor,
    layout: Layout,
    out: Path,
    control: Control,
    *,
    n_threads: int = 1,
    slot: AbstractContextManager[Any] | None = None,
    retry_failed: bool = False,
) -> ShardReport:
    """Compute one shard and commit its part, unless the finished part is there already.

    Parameters
    ----------
    shard
        What to compute.
    extractor, layout, out
        How, and where to.
    control
        Told after every batch; what it raises abandons the shard without a trace.
    n_threads
        Threads for the recordings of one batch. The part has the same bytes for any number.
    slot
        Held while computing, not while waiting for the disk.
    retry_failed
        Compute a finished part again if rows of it failed.

    Returns
    -------
    ShardReport
        Number of recordings, and those that failed. A recording that fails never raises.
    """
    path = layout.part(out, shard.index)
    state = part_state(path)
    if (
        state is not None
        and not (retry_failed and state.failures)
        and is_finished(state, shard.inputs, layout)
    ):
        return ShardReport(shard.index, len(shard.items), list(state.failures))
    report = ShardReport(shard.index, len(shard.items))
    spool = temporary(path)
    with PartWriter(path, layout) as writer:
        with slot or nullcontext():
            for positions in _batches(shard):
                audio = 0.0
                failures: list[Failed] = []
                for rows in _compute(
                    shard, positions, extractor, layout, n_threads, failures, control, spool
                ):
                    writer.write(rows.columns)
                    audio += rows.audio_seconds
                report.failures += failures
                control.advance(len(positions), audio, failures)
            writer.finish(
                {
                    META_LAYOUT: layout.digest,
                    META_INPUTS: json.dumps(shard.inputs),
                    META_FAILURES: json.dumps(report.failures),
                }
            )
        writer.commit()
    return report


class _Rows(NamedTuple):
    columns: dict[str, pa.Array]
    audio_seconds: float


def _batches(shard: Shard) -> Iterator[list[int]]:
    """Positions of consecutive items, bounded in number and in bytes of source."""
    batch: list[int] = []
    weight = 0
    for position, (item, n_bytes) in enumerate(zip(shard.items, shard.n_bytes, strict=True)):
        if item.end is not None:
            n_bytes = min(n_bytes, int((item.end - (item.start or 0.0)) * _SECOND_BYTES))
        if batch and (len(batch) == _BATCH_ROWS or weight + n_bytes > _BATCH_BYTES):
            yield batch
            batch, weight = [], 0
        batch.append(position)
        weight += n_bytes
    if batch:
        yield batch


def _compute(
    shard: Shard,
    positions: Sequence[int],
    extractor: FeatureExtractor,
    layout: Layout,
    n_threads: int,
    failures: list[Failed],
    control: Control,
    spool: Path,
) -> Iterator[_Rows]:
    """The rows of one batch of items; those that fail are added to `failures` instead."""
    items = [shard.items[p] for p in positions]

    def fail(index: int, code: str, message: str) -> None:
        item = items[index]
        failures.append(Failed(item.id, item.file, item.start, item.end, code, message))

    segments = [(item.path, item.start, item.end) for item in items]
    try:
        batch = extractor.extract_batch(segments, n_threads=n_threads, max_seconds=layout.long_seconds)
    except Exception as error:
        if len(positions) > 1:  # find the recording that does it
            for position in positions:
                yield from _compute(shard, [position], extractor, layout, n_threads, failures, control, spool)
            return
        fail(0, "internal", f"{type(error).__name__}: {error}")
        return
    keep = np.ones(len(batch.rows), bool)
    for i, row in enumerate(batch.rows):
        if layout.corpus_sr not in (None, row.file_sr):
            keep[i] = False
            fail(row.index, "rate_mismatch", _rate_message(row.file_sr, layout.corpus_sr))
    if keep.any():
        yield _from_batch(shard, positions, batch, layout, keep)
    for index in batch.deferred:
        try:
            yield from _long(shard, positions[index], extractor, layout, spool, control)
        except _Bad as bad:
            fail(index, bad.code, str(bad))
    for failed in batch.failed:
        if failed.code != "unsupported_codec":
            fail(failed.index, failed.code, failed.message)
            continue
        try:
            yield _by_python(shard, positions[failed.index], extractor, layout)
        except _Bad as bad:
            fail(failed.index, bad.code, str(bad))
    failures.sort()


class _Bad(Exception):
    """One recording failed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def _one_recording() -> Iterator[None]:
    """What goes wrong inside is the fault of the recording, not of the run."""
    try:
        yield
    except EmofeatError as error:
        raise _Bad(error.code, str(error)) from error
    except Exception as error:  # a defect of a decoder costs one recording
        raise _Bad("internal", f"{type(error).__name__}: {error}") from error


def _check_rate(file_sr: int, layout: Layout) -> None:
    if layout.corpus_sr not in (None, file_sr):
        raise _Bad("rate_mismatch", _rate_message(file_sr, layout.corpus_sr))


def _rate_message(found: int, expected: int | None) -> str:
    return (
        f"the recording has {found} Hz, the corpus {expected} Hz; "
        "--sr resamples all to one rate, --mixed-rates keeps each as it is"
    )


def _from_batch(
    shard: Shard, positions: Sequence[int], batch: Batch, layout: Layout, keep: NDArray[np.bool_]
) -> _Rows:
    """The rows of a batch for which `keep` is set."""
    rows = [row for row, kept in zip(batch.rows, keep, strict=True) if kept]
    columns = _own_columns(shard, [positions[row.index] for row in rows], rows, [0] * len(rows))
    for feature in layout.features:
        values, splits = batch.values(feature.key), batch.splits(feature.key)
        if not keep.all():
            lengths = np.diff(splits)
            values = values[np.repeat(keep, lengths)]
            splits = np.concatenate([[0], lengths[keep].cumsum()])
        _put(columns, feature, values, splits)
    return _Rows(columns, sum(row.duration for row in rows))


def _by_python(shard: Shard, position: int, extractor: FeatureExtractor, layout: Layout) -> _Rows:
    """A recording that the core cannot decode, decoded by PyAV where it is installed."""
    from emofeat import audio

    item, config = shard.items[position], extractor.config
    with _one_recording():
        planes, file_sr = audio.load(item.path, mono=False)
    _check_rate(file_sr, layout)
    with _one_recording():
        y = planes[0] if len(planes) == 1 else audio.as_signal(planes, config["channel"])
        y, sr = audio.resample_and_cut(y[np.newaxis], file_sr, config["sr"], item.start, item.end, mono=True)
        result = extractor.process_signal(y, sr)
    row = _Row(0, sr, file_sr, len(planes), len(y), len(y) / sr, "av")
    columns = _own_columns(shard, [position], [row], [0])
    for feature in layout.features:
        values = result[feature.key].reshape(-1, len(feature.columns))
        _put(columns, feature, values, np.array([0, len(values)]))
    return _Rows(columns, row.duration)


@dataclass(frozen=True, slots=True)
class _Row:
    """A `protocol.Row` of a recording that Python decoded."""

    index: int
    sr: int
    file_sr: int
    channels: int
    n_samples: int
    duration: float
    format: str


def _long(
    shard: Shard, position: int, extractor: FeatureExtractor, layout: Layout, spool: Path, control: Control
) -> Iterator[_Rows]:
    """A long recording in consecutive rows, each of `layout.chunk_seconds`.

    A file that turns out to be damaged after an hour must leave no rows behind, and the hour does not
    fit into memory: the rows wait in the file `spool` until the last one is there.
    """
    import pyarrow as pa

    item = shard.items[position]
    schema = layout.arrow_schema()
    try:
        with pa.OSFile(str(spool), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
            read = 0
            for chunk, block in enumerate(_blocks(extractor, item, layout)):
                # Blocks count the samples from the beginning, rows their own.
                n, read = block.row.n_samples - read, block.row.n_samples
                rows = _from_block(shard, position, chunk, n, block, layout)
                writer.write_batch(pa.record_batch(_filled(rows, schema), schema=schema))
                control.advance(0, n / block.row.sr, ())
        with pa.OSFile(str(spool), "rb") as source, pa.ipc.open_stream(source) as reader:
            for batch in reader:
                yield _Rows(dict(zip(schema.names, batch.columns, strict=True)), 0.0)
    finally:
        spool.unlink(missing_ok=True)


def _blocks(extractor: FeatureExtractor, item: Item, layout: Layout) -> Iterator[Block]:
    """The blocks of a recording, every failure as `_Bad`."""
    with _one_recording():
        blocks = iter(
            extractor.open_blocks(item.path, item.start, item.end, block_seconds=layout.chunk_seconds)
        )
    while True:
        with _one_recording():
            block = next(blocks, None)
        if block is None:
            return
        _check_rate(block.row.file_sr, layout)
        yield block


def _from_block(
    shard: Shard, position: int, chunk: int, n_samples: int, block: Block, layout: Layout
) -> dict[str, pa.Array]:
    r = block.row
    row = _Row(0, r.sr, r.file_sr, r.channels, n_samples, n_samples / r.sr, r.format)
    columns = _own_columns(shard, [position], [row], [chunk])
    for feature in layout.features:
        if feature.key in block:  # a vector describes the whole: it comes with the last block, null before
            values = block[feature.key].reshape(-1, len(feature.columns))
            _put(columns, feature, values, np.array([0, len(values)]))
    return columns


def _own_columns(
    shard: Shard, positions: Sequence[int], rows: Sequence[Row], chunks: Sequence[int]
) -> dict[str, pa.Array]:
    """The columns that are no features, for the items at `positions`."""
    items = [shard.items[p] for p in positions]
    columns = {
        "id": texts([i.id for i in items]),
        "file": texts([i.file for i in items]),
        "start": optional_numbers([i.start for i in items], "float64"),
        "end": optional_numbers([i.end for i in items], "float64"),
        "chunk": numbers(np.array(chunks, np.int32)),
        "format": texts([row.format for row in rows]),
    }
    for name, dtype in _ROW_NUMBERS.items():
        columns[name] = numbers(np.array([getattr(row, name) for row in rows], dtype))
    if shard.carried is not None:
        carried = shard.carried.take(numbers(np.array(positions))).combine_chunks()
        columns |= {name: carried[name].combine_chunks() for name in carried.column_names}
    return columns


_ROW_NUMBERS = {
    "sr": "int32",
    "file_sr": "int32",
    "channels": "int16",
    "n_samples": "int64",
    "duration": "float64",
}


def _put(
    columns: dict[str, pa.Array], feature: Feature, values: NDArray[Any], splits: NDArray[np.int64]
) -> None:
    """Add the columns of one feature."""
    import pyarrow as pa

    if feature.kind == "vector":
        for name, column in zip(feature.stored, np.asfortranarray(values).T, strict=True):
            columns[name] = numbers(column)
        return
    columns[n_frames_column(feature.key)] = numbers(np.diff(splits).astype(np.int32))
    value = pa.float64() if feature.dtype == "float64" else pa.float32()
    columns[feature.stored[0]] = frames_array(values, splits, frames_type(value, len(feature.columns)))


def _filled(columns: Mapping[str, pa.Array], schema: pa.Schema) -> list[pa.Array]:
    import pyarrow as pa

    n = len(columns["id"])
    return [columns[f.name] if f.name in columns else pa.nulls(n, f.type) for f in schema]
