"""Manifests as lists of recordings: a `file` column, and optionally `id`, `start`, `end` and anything else.

What else they hold is carried through to the output. Every mistake is reported with its row and column.
"""

# ruff: noqa: PTH100, PTH111, PTH118
# Paths by the hundred thousand stay text here: making a Path of each costs more than looking at the file.

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emofeat._suggest import did_you_mean
from emofeat.corpus import tables
from emofeat.corpus.manifest import DIMENSIONS, NESTED, TEXT_COLUMNS, default_id, whole_numbers_as_text
from emofeat.corpus.tables import SUFFIXES, Table
from emofeat.engine.errors import UsageError
from emofeat.store.arrays import column

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SUFFIXES", "Manifest", "read"]

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
    table = tables.read(path, (*TEXT_COLUMNS, "start", "end"))
    if "file" not in table.columns:
        hint = did_you_mean("file", table.columns)
        names = ", ".join(map(repr, table.columns)) or "none"
        raise UsageError(f"{path}: no column 'file'; the columns are {names}{hint}")
    named = table.values("file")
    files = [_file(table, row, value) for row, value in enumerate(named)]
    starts, ends = (
        [_seconds(v, r, c, table.fail) for r, v in enumerate(table.values(c))] for c in ("start", "end")
    )
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if end is not None and end <= (start or 0.0):
            message = f"the segment ends at {end:g} s, before or at its start, {start or 0.0:g} s"
            raise table.fail(row, "end", message)
    if "id" in table.columns:
        ids = [_id(table, row, value) for row, value in enumerate(table.values("id"))]
    else:
        ids = [default_id(f, s, e) for f, s, e in zip(named, starts, ends, strict=True)]
    carried = {name: _carried(table, name) for name in table.columns if name not in _OWN}
    return Manifest(path, ids, files, starts, ends, carried, table.where)


def _file(table: Table, row: int, value: Any) -> str:
    if value is None or value == "":
        hint = did_you_mean("file", (name for name in table.columns if name != "file"))
        raise table.fail(row, "file", f"missing{hint}; a row without a recording has nothing to extract")
    if not isinstance(value, str):
        raise table.fail(row, "file", f"{value!r} is not the path of a file")
    return os.path.join(os.path.abspath(table.path.parent), os.path.expanduser(value))


def _id(table: Table, row: int, value: Any) -> str:
    if value in (None, "") or isinstance(value, float | bool | list | dict):
        message = f"{value!r} is not an id; give every row its own text, or drop the column"
        raise table.fail(row, "id", message)
    return str(value)


def _carried(table: Table, name: str) -> pa.Array:
    """One column as it is stored; lists and mappings become JSON, for each row may hold other keys."""
    import pyarrow as pa

    values = table.columns[name]
    if name in TEXT_COLUMNS:
        values = [v or None for v in whole_numbers_as_text(table.values(name))]
    elif name in NESTED:
        values = table.values(name)
    elif not isinstance(values, list):
        return values
    if any(isinstance(v, list | dict) for v in values):
        values = [v if v is None or isinstance(v, str) else tables.as_json(_without_none(v)) for v in values]
    if all(v is None for v in values):
        return pa.nulls(len(values), pa.float64() if name in DIMENSIONS else pa.null())
    try:
        array = column(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise UsageError(f"{table.path}, column {name!r}: values of different types: {error}") from error
    return array.cast(pa.float64()) if name in DIMENSIONS and array.type == pa.int64() else array


def _without_none(value: Any) -> Any:
    """Arrow's structs hold null for what a row does not name."""
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    return [_without_none(v) for v in value] if isinstance(value, list) else value


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
