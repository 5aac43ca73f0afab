"""Manifests: tables with a `file` column, and optionally `id`, `start`, `end` and anything else.

What else they hold is carried through to the output. Every mistake is reported with its row and column.
"""

# ruff: noqa: PTH100, PTH111, PTH118, PTH122
# Paths by the hundred thousand stay text here: making a Path of each costs more than looking at the file.

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emofeat._suggest import did_you_mean
from emofeat.engine.errors import UsageError
from emofeat.store.arrays import column

if TYPE_CHECKING:
    import pyarrow as pa

#: Suffixes by which a file given as input is taken for a manifest.
SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_OWN = ("file", "id", "start", "end")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One manifest: four columns of its own, and a table of the columns carried through."""

    path: Path
    ids: Sequence[str]
    files: Sequence[str]
    starts: Sequence[float | None]
    ends: Sequence[float | None]
    carried: dict[str, pa.Array]
    where: Callable[[int], str]


def read(path: Path) -> Manifest:
    """Read and validate the manifest at `path`; relative files count from its folder."""
    suffix = path.suffix.casefold()
    try:
        reader = _read_parquet if suffix == ".parquet" else _read_jsonl if "j" in suffix else _read_csv
        columns, n, where = reader(path)
    except OSError as error:
        raise UsageError(f"{path}: the manifest cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}: the manifest is not UTF-8 text ({error.reason} at byte {error.start})"
        ) from error
    if "file" not in columns:
        hint = did_you_mean("file", columns)
        raise UsageError(
            f"{path}: no column 'file'; the columns are {', '.join(map(repr, columns)) or 'none'}{hint}"
        )
    return _validated(path, columns, n, where)


def _validated(path: Path, columns: dict[str, list[Any]], n: int, where: Callable[[int], str]) -> Manifest:
    import pyarrow as pa

    none: list[Any] = [None] * n

    def fail(row: int, column: str, message: str) -> UsageError:
        return UsageError(f"{path}, {where(row)}, column {column!r}: {message}")

    files = []
    for row, value in enumerate(columns["file"]):
        if not isinstance(value, str) or not value:
            raise fail(row, "file", f"{value!r} is not the path of a file")
        files.append(os.path.join(os.path.abspath(path.parent), os.path.expanduser(value)))
    ids = []
    for row, value in enumerate(columns.get("id", [])):
        if value in (None, "") or isinstance(value, float | bool | list | dict):
            raise fail(row, "id", f"{value!r} is not an id; give every row its own text, or drop the column")
        ids.append(str(value))
    starts, ends = (
        [_seconds(v, r, c, fail) for r, v in enumerate(columns.get(c, none))] for c in ("start", "end")
    )
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if end is not None and end <= (start or 0.0):
            raise fail(
                row, "end", f"the segment ends at {end:g} s, before or at its start, {start or 0.0:g} s"
            )
    carried = {}
    for name, values in columns.items():
        if name not in _OWN:
            try:
                carried[name] = values if isinstance(values, pa.Array) else column(values)
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                raise UsageError(f"{path}, column {name!r}: values of different types: {error}") from error
    if "id" not in columns:
        ids = _default_ids(columns["file"], starts, ends)
    return Manifest(path, ids, files, starts, ends, carried, where)


def _default_ids(
    files: Sequence[str], starts: Sequence[float | None], ends: Sequence[float | None]
) -> list[str]:
    """The path as it is written, without its suffix; a segment adds its times."""
    ids = []
    for file, start, end in zip(files, starts, ends, strict=True):
        stem = os.path.splitext(file)[0]
        times = (
            f"@{start or 0.0:g}-{'' if end is None else f'{end:g}'}"
            if start is not None or end is not None
            else ""
        )
        ids.append(stem + times)
    return ids


def _seconds(value: Any, row: int, column: str, fail: Callable[[int, str, str], UsageError]) -> float | None:
    if value is None or value == "":
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if isinstance(value, bool) or not math.isfinite(seconds) or seconds < 0:
        raise fail(row, column, f"{value!r} is not a time in seconds (0 or more)")
    return seconds


def _read_csv(path: Path) -> tuple[dict[str, list[Any]], int, Callable[[int], str]]:
    lines: list[int] = []
    with path.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, delimiter="\t" if path.suffix.casefold() == ".tsv" else ",", strict=True)
        try:
            header = next(reader, [])
            if len(set(header)) != len(header):
                twice = next(name for name in header if header.count(name) > 1)
                raise UsageError(f"{path}: the column {twice!r} occurs twice")
            rows = []
            for fields in reader:
                if not fields:
                    continue
                if len(fields) != len(header):
                    raise UsageError(
                        f"{path}, line {reader.line_num}: {len(fields)} fields, the header has {len(header)}"
                    )
                rows.append(fields)
                lines.append(reader.line_num)
        except csv.Error as error:
            raise UsageError(f"{path}, line {reader.line_num}: {error}") from error
    raw = (
        dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))
        if rows
        else {n: [] for n in header}
    )
    columns = {name: values if name in _OWN else _typed(values) for name, values in raw.items()}
    return columns, len(rows), lambda row: f"line {lines[row]}"


# Text stays text unless reading it as a number loses nothing: a speaker "01" is no 1.
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")


def _typed(values: list[str]) -> list[Any]:
    """Integers or floats where every filled cell is one, else text; an empty cell is null."""
    filled = [v for v in values if v]
    kind: Callable[[str], Any] = str
    if filled and all(_INTEGER.fullmatch(v) for v in filled):
        kind = int
    elif filled and all(_NUMBER.fullmatch(v) for v in filled):
        kind = float
    return [kind(v) if v else None for v in values]


def _read_jsonl(path: Path) -> tuple[dict[str, list[Any]], int, Callable[[int], str]]:
    records: list[dict[str, Any]] = []
    lines: list[int] = []
    with path.open(encoding="utf-8-sig") as text:
        for number, line in enumerate(text, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                raise UsageError(
                    f"{path}, line {number}: not JSON: {error.msg} at column {error.colno}"
                ) from error
            if not isinstance(record, dict):
                raise UsageError(
                    f"{path}, line {number}: a {type(record).__name__}, not an object with 'file'"
                )
            if "file" not in record:
                hint = did_you_mean("file", record)
                raise UsageError(f"{path}, line {number}, column 'file': missing{hint}")
            records.append(record)
            lines.append(number)
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {name: [record.get(name) for record in records] for name in names}
    return columns or {"file": []}, len(records), lambda row: f"line {lines[row]}"


def _read_parquet(path: Path) -> tuple[dict[str, list[Any]], int, Callable[[int], str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
    except pa.ArrowInvalid as error:
        raise UsageError(f"{path}: not a Parquet file: {error}") from error
    columns = {
        name: table[name].to_pylist() if name in _OWN else table[name].combine_chunks()
        for name in table.column_names
    }
    return columns, table.num_rows, lambda row: f"row {row + 1}"
