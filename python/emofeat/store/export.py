"""Other formats, made from a finished feature directory. A destination appears whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from emofeat.store.extras import need
from emofeat.store.read import Dataset
from emofeat.store.rows import frames_of, vectors_of
from emofeat.store.schema import Feature, StoreError, feature_of, n_frames_column
from emofeat.store.write import atomic, sync_folder, temporary

if TYPE_CHECKING:
    import pyarrow as pa

#: What each format is, for the help text.
FORMATS = {
    "npz": "a folder with one ID.npz for each utterance, an array for each feature",
    "npy": "a folder with FEATURE/ID.npy",
    "csv": "one text table, a row for each utterance (or frame, with --frames)",
    "arff": "one Weka table, a row for each utterance (or frame, with --frames)",
    "hdf5": "one file, FEATURE/values with all frames below each other and FEATURE/splits (extra hdf5)",
    "kaldi": "a folder with FEATURE.ark and FEATURE.scp, binary matrices (vectors for vector features)",
    "pandas": "one .parquet or .feather table that pandas reads back, a row for each utterance (or frame)",
}
_TABLES = ("csv", "arff", "pandas")


def export(
    dataset: Dataset, format_: str, dest: Path, *, frames: str | None = None, overwrite: bool = False
) -> None:
    """Write all utterances of `dataset` to `dest` in one of the `FORMATS`.

    Parameters
    ----------
    dataset
        A feature directory; it must be complete.
    format_
        A key of `FORMATS`.
    dest
        The file or folder to make.
    frames
        For tables: the feature whose frames become the rows. Without it the rows are utterances, and
        the columns those of the vector features.
    overwrite
        Replace `dest` if it is there.

    Raises
    ------
    StoreError
        The directory is incomplete, `dest` exists, or the format cannot hold these features.
    """
    if not dataset.complete:
        raise StoreError(f"{dataset.path} is not complete; finish it with the same emofeat extract first")
    if dest.exists() and not overwrite:
        raise StoreError(f"{dest} exists; give another name, or --overwrite")
    if frames is not None and format_ not in _TABLES:
        raise StoreError(
            f"--frames is for tables ({', '.join(_TABLES)}); {format_} holds all features as they are"
        )
    if frames is not None and feature_of(dataset.layout.features, frames).kind != "frames":
        raise StoreError(f"{frames!r} is a vector feature, it has no frames")
    if format_ in _TABLES and frames is None and all(f.kind == "frames" for f in dataset.features.values()):
        keys = " or ".join(dataset.features)
        raise StoreError(
            f"all features here are of frames; --frames {keys} writes a table with a row for each frame"
        )
    dest.parent.mkdir(parents=True, exist_ok=True)
    if format_ in ("npz", "npy", "kaldi"):
        with _atomic_folder(dest) as folder:
            {"npz": _npz, "npy": _npy, "kaldi": _kaldi}[format_](dataset, folder, dest)
    else:
        with atomic(dest) as temp:
            if format_ == "hdf5":
                _hdf5(dataset, temp)
            elif format_ == "pandas":
                _pandas(dataset, temp, dest.suffix, frames)
            else:
                {"csv": _csv, "arff": _arff}[format_](dataset, temp, frames)


class _atomic_folder:
    """A folder to fill inside the block; it becomes `dest` when the block ends well."""

    def __init__(self, dest: Path) -> None:
        self.dest, self.temp = dest, temporary(dest)

    def __enter__(self) -> Path:
        self.temp.mkdir()
        return self.temp

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            old = temporary(self.dest)
            if self.dest.exists():
                self.dest.rename(old)
            self.temp.rename(self.dest)
            sync_folder(self.dest.parent)
            shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
        else:
            shutil.rmtree(self.temp, ignore_errors=True)


def file_name(id_: str) -> str:
    """A relative path for an id: slashes stay, whatever would lead elsewhere is percent-encoded."""
    parts = [quote(part, safe=" !#$&'()+,;=@[]{}~^") or "%2F" for part in id_.split("/")]
    return "/".join(part.replace(".", "%2E") if set(part) == {"."} else part for part in parts)


def _utterances(dataset: Dataset) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
    """Ids and arrays, in the order of the dataset, decoding every part once."""
    for batch in dataset.iter_batches():
        whole = {f.key: vectors_of(batch, f) for f in dataset.features.values() if f.kind == "vector"}
        framed = {f.key: frames_of(batch.column(f.stored[0]), len(f.columns)) for f in dataset.layout.frames}
        for row, id_ in enumerate(batch.column("id").to_pylist()):
            arrays = {key: matrix[row] for key, matrix in whole.items()}
            arrays |= {key: values[splits[row] : splits[row + 1]] for key, (values, splits) in framed.items()}
            yield id_, {key: arrays[key] for key in dataset.features}


def _npz(dataset: Dataset, folder: Path, _: Path) -> None:
    for id_, arrays in _utterances(dataset):
        path = folder / (file_name(id_) + ".npz")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    _write_index(dataset, folder, ".npz")


def _npy(dataset: Dataset, folder: Path, _: Path) -> None:
    for id_, arrays in _utterances(dataset):
        for key, array in arrays.items():
            path = folder / file_name(key) / (file_name(id_) + ".npy")
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, array)
    _write_index(dataset, folder, ".npy")


def _write_index(dataset: Dataset, folder: Path, suffix: str) -> None:
    """`index.csv`: where each utterance is, and all that is known of it; `columns.json`: names and units."""
    table = dataset.table()
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text)
        writer.writerow(["path", *table.column_names])
        for row in table.sort_by("id").to_pylist():
            writer.writerow([file_name(row["id"]) + suffix, *(_cell(value) for value in row.values())])
    columns = {f.key: {"unit": f.unit, "columns": f.columns} for f in dataset.features.values()}
    (folder / "columns.json").write_text(
        json.dumps(columns, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _kaldi(dataset: Dataset, folder: Path, dest: Path) -> None:
    """Binary archives as Kaldi's tools read them; the scp is sorted by key in C order, as they want it."""
    spaced = [id_ for id_ in dataset.ids() if re.search(r"\s", id_) or not id_]
    if spaced:
        raise StoreError(
            f"Kaldi's keys cannot hold spaces, {spaced[0]!r} does ({len(spaced):,} ids); rename them first"
        )
    arks: dict[str, IO[bytes]] = {key: (folder / f"{_plain(key)}.ark").open("wb") for key in dataset.features}
    entries: dict[str, list[tuple[bytes, int]]] = {key: [] for key in dataset.features}
    try:
        for id_, arrays in _utterances(dataset):
            key_bytes = id_.encode()
            for key, array in arrays.items():
                ark = arks[key]
                ark.write(key_bytes + b" ")
                entries[key].append((key_bytes, ark.tell()))
                ark.write(_kaldi_object(array))
    finally:
        for ark in arks.values():
            ark.close()
    for key, places in entries.items():
        target = os.fsencode(dest.absolute() / f"{_plain(key)}.ark")
        lines = [name + b" " + target + b":%d\n" % offset for name, offset in sorted(places)]
        (folder / f"{_plain(key)}.scp").write_bytes(b"".join(lines))


def _plain(key: str) -> str:
    """A feature's key as a file name without blanks."""
    return re.sub(r"[^\w.=-]+", "_", key).strip("_")


def _kaldi_object(array: NDArray[Any]) -> bytes:
    """A matrix or vector in Kaldi's binary form: marker, kind, dimensions with their byte counts, values."""
    kind = ("F" if array.dtype == np.float32 else "D") + ("M" if array.ndim == 2 else "V")
    sizes = b"".join(struct.pack("<bi", 4, n) for n in array.shape)
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return b"\0B" + kind.encode() + b" " + sizes + little.tobytes()


def _hdf5(dataset: Dataset, path: Path) -> None:
    h5py = need("h5py", "hdf5")
    with h5py.File(path, "w") as file:
        ids = dataset.ids()
        file["id"] = np.array(ids, dtype=h5py.string_dtype())
        info = file.create_group("info")
        for name, column in zip(dataset.table().column_names, dataset.table().columns, strict=True):
            if name != "id":
                _hdf5_column(h5py, info, name, column)
        for feature in dataset.features.values():
            group = file.create_group(feature.key)
            group.attrs.update(spec=feature.spec, unit=feature.unit, kind=feature.kind)
            group["columns"] = np.array(feature.columns, dtype=h5py.string_dtype())
            if feature.hop is not None and feature.offset is not None:
                group.attrs.update(hop=feature.hop, offset=feature.offset)
            n = len(ids)
            if feature.kind == "frames":
                splits = np.concatenate([[0], np.cumsum(dataset.n_frames(feature.key), dtype=np.int64)])
                group["splits"] = splits
                n = int(splits[-1])
            shape = (n, len(feature.columns))
            chunks = (min(n, 4096), shape[1]) if n else None
            group.create_dataset(
                "values",
                shape,
                feature.dtype,
                chunks=chunks,
                compression="gzip" if n else None,
                compression_opts=1 if n else None,
                shuffle=bool(n),
            )
        filled = dict.fromkeys(dataset.features, 0)
        for batch in dataset.iter_batches():
            for feature in dataset.features.values():
                if feature.kind == "vector":
                    values = vectors_of(batch, feature)
                else:
                    values, _ = frames_of(batch.column(feature.stored[0]), len(feature.columns))
                begin = filled[feature.key]
                filled[feature.key] += len(values)
                file[feature.key]["values"][begin : filled[feature.key]] = values


def _hdf5_column(h5py: Any, group: Any, name: str, column: pa.ChunkedArray) -> None:
    """One column of `info`; text is text, a missing number NaN, anything nested its JSON."""
    values = column.to_pylist()
    if any(isinstance(v, str | list | dict | bytes) for v in values) or all(v is None for v in values):
        text = ["" if v is None else str(_cell(v)) for v in values]
        group[_plain(name)] = np.array(text, dtype=h5py.string_dtype())
    else:
        group[_plain(name)] = np.array([np.nan if v is None else v for v in values])


def _rows(dataset: Dataset, frames: str | None) -> tuple[list[str], set[str], Iterator[list[Any]]]:
    """A flat table: its column names, which of them are text, and its rows.

    Rows are utterances in the order of their ids, or the frames of one feature in the order of the
    dataset with the number and time of each.
    """
    if frames is None:
        skip = {n_frames_column(f.key) for f in dataset.layout.frames}
        known = [name for name in dataset.table().column_names if name not in skip]
        vectors = [f for f in dataset.features.values() if f.kind == "vector"]
        names = known + [name for f in vectors for name in f.stored]
        table = dataset.to_arrow(names).sort_by("id")
        columns = [column.to_pylist() for column in table.columns]
        return names, _texts(table, known), map(list, zip(*columns, strict=True))
    feature = feature_of(dataset.layout.features, frames)
    carried = dataset.layout.carried.names
    names = ["id", "frame", "time", *carried, *feature.columns]
    return names, {"id"} | _texts(dataset.table(), carried), _frame_rows(dataset, feature, carried)


def _texts(table: pa.Table, names: Sequence[str]) -> set[str]:
    import pyarrow as pa

    numeric = (pa.types.is_integer, pa.types.is_floating)
    return {name for name in names if not any(is_kind(table[name].type) for is_kind in numeric)}


def _frame_rows(dataset: Dataset, feature: Feature, carried: Sequence[str]) -> Iterator[list[Any]]:
    for batch in dataset.iter_batches(["id", *carried, feature.key]):
        values, splits = frames_of(batch.column(feature.stored[0]), len(feature.columns))
        extra = [batch.column(name).to_pylist() for name in carried]
        for row, id_ in enumerate(batch.column("id").to_pylist()):
            labels = [column[row] for column in extra]
            for number, frame in enumerate(values[splits[row] : splits[row + 1]].tolist()):
                time = None
                if feature.hop is not None and feature.offset is not None:
                    time = round(feature.offset + feature.hop * number, 9)
                yield [id_, number, time, *labels, *frame]


def _cell(value: Any) -> Any:
    """A value as a cell of text: nothing for null, JSON for anything nested."""
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else value


def _number_cell(dtype: str) -> Callable[[Any], str]:
    """Writes numbers as the shortest text that gives the same float back; nothing for null."""
    kind = float if dtype == "float64" else np.float32
    return lambda value: "" if value is None else str(kind(value))


def _csv(dataset: Dataset, path: Path, frames: str | None) -> None:
    names, _, rows = _rows(dataset, frames)
    write = _feature_cells(dataset, names, frames)
    with path.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text)
        writer.writerow(names)
        writer.writerows([write[i](value) for i, value in enumerate(row)] for row in rows)


def _feature_cells(dataset: Dataset, names: Sequence[str], frames: str | None) -> list[Callable[[Any], Any]]:
    """How each column is written."""
    kinds: dict[str, str] = {}
    for feature in dataset.features.values():
        if frames is None and feature.kind == "vector":
            kinds |= dict.fromkeys(feature.stored, feature.dtype)
        elif feature.key == frames:
            kinds |= dict.fromkeys(feature.columns, feature.dtype)
    return [_number_cell(kinds[name]) if name in kinds else _cell for name in names]


def _arff(dataset: Dataset, path: Path, frames: str | None) -> None:
    """Text columns are of type string, all others numeric; what is missing or NaN is `?`."""
    names, texts, rows = _rows(dataset, frames)
    write = _feature_cells(dataset, names, frames)
    with path.open("w", encoding="utf-8") as text:
        text.write(f"@relation {_quoted(dataset.path.name)}\n\n")
        for name in names:
            text.write(f"@attribute {_quoted(name)} {'string' if name in texts else 'numeric'}\n")
        text.write("\n@data\n")
        for row in rows:
            cells = []
            for i, value in enumerate(row):
                if value is None or (isinstance(value, float) and not np.isfinite(value)):
                    cells.append("?")
                else:
                    cell = write[i](value)
                    cells.append(_quoted(str(cell)) if names[i] in texts else str(cell))
            text.write(",".join(cells) + "\n")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def _pandas(dataset: Dataset, path: Path, suffix: str, frames: str | None) -> None:
    """A flat table in Parquet or Feather: no pickle, and other programs can read it too."""
    import pyarrow as pa
    import pyarrow.feather
    import pyarrow.parquet as pq

    if suffix not in (".parquet", ".feather"):
        raise StoreError(
            f"the name of a table for pandas ends in .parquet or .feather, not {suffix or 'nothing'}"
        )
    if frames is None:
        names, _, _ = _rows(dataset, None)
        table = dataset.to_arrow(names).sort_by("id")
    else:
        table = pa.Table.from_batches(_frame_batches(dataset, feature_of(dataset.layout.features, frames)))
    if suffix == ".parquet":
        pq.write_table(table, path, compression="zstd")
    else:
        pyarrow.feather.write_feather(table, str(path), compression="zstd")


def _frame_batches(dataset: Dataset, feature: Feature) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    carried = dataset.layout.carried.names
    for batch in dataset.iter_batches(["id", *carried, feature.key]):
        values, splits = frames_of(batch.column(feature.stored[0]), len(feature.columns))
        counts = np.diff(splits)
        row = pa.array(np.repeat(np.arange(batch.num_rows), counts))
        number = np.arange(len(values)) - np.repeat(splits[:-1], counts)
        columns = {"id": batch.column("id").take(row), "frame": pa.array(number)}
        if feature.hop is not None and feature.offset is not None:
            columns["time"] = pa.array(np.round(feature.offset + feature.hop * number, 9))
        columns |= {name: batch.column(name).take(row) for name in carried}
        columns |= {name: pa.array(values[:, i]) for i, name in enumerate(feature.columns)}
        yield pa.RecordBatch.from_pydict(columns)
