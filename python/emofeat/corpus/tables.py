"""Tables of rows and named columns as CSV, TSV, JSON lines or Parquet, read so that every row has a place.

Text formats know no types. A column of CSV is numbers where every filled cell is one and nothing is lost
by reading it so; it is JSON where every filled cell is (lists, mappings, true, false, texts in quotation
marks); else it is text. What is written here is read back as it was: a text that would be taken for
something else is written as JSON.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emofeat.engine.errors import RunError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

#: Suffixes by which a file is taken for a table.
SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
#: Marks a Parquet column whose texts are JSON.
_JSON_FIELD = {b"emofeat": b"json"}


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of one length (Arrow arrays from Parquet, else lists) and where each row stands in the file."""

    path: Path
    columns: Mapping[str, Any]
    n: int
    where: Callable[[int], str]

    def values(self, name: str) -> list[Any]:
        """The values of one column; of a column that there is not, None."""
        column = self.columns.get(name)
        if column is None:
            return [None] * self.n
        return column if isinstance(column, list) else _plain(column)

    def fail(self, row: int, column: str, message: str) -> UsageError:
        """The error that says which cell is wrong."""
        return UsageError(f"{self.path}, {self.where(row)}, column {column!r}: {message}")


def suffix_of(path: Path) -> str:
    """The suffix that decides the format of `path`.

    Raises
    ------
    UsageError
        It is none of `SUFFIXES`.
    """
    suffix = path.suffix.casefold()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path}: not the name of a table; allowed are names with {', '.join(SUFFIXES)}")
    return suffix


def read(path: Path, text: Collection[str] = ()) -> Table:
    """Read the table at `path`; the columns named in `text` stay as they are written.

    Raises
    ------
    UsageError
        The file cannot be read or is no table; the message names file and line.
    """
    suffix = suffix_of(path)
    try:
        if suffix == ".parquet":
            return _read_parquet(path)
        return _read_jsonl(path) if "j" in suffix else _read_csv(path, text)
    except OSError as error:
        raise UsageError(f"{path}: the manifest cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}: the manifest is not UTF-8 text ({error.reason} at byte {error.start})"
        ) from error


def _read_csv(path: Path, text: Collection[str]) -> Table:
    lines: list[int] = []
    rows: list[list[str]] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=_delimiter(path), strict=True)
        try:
            header = next(reader, [])
            if len(set(header)) != len(header):
                twice = next(name for name in header if header.count(name) > 1)
                raise UsageError(f"{path}: the column {twice!r} occurs twice")
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
    raw = map(list, zip(*rows, strict=True)) if rows else ([] for _ in header)
    columns = {n: v if n in text else typed(v) for n, v in zip(header, raw, strict=True)}
    return Table(path, columns, len(rows), lambda row: f"line {lines[row]}")


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.casefold() == ".tsv" else ","


# Text stays text unless reading it as a number loses nothing: a speaker "01" is no 1.
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_JSON = re.compile(r'["\[{].*["\]}]|true|false', re.DOTALL)


def typed(cells: Sequence[str]) -> list[Any]:
    """Integers, floats or JSON where every filled cell is one, else text; an empty cell is None."""
    filled = [cell for cell in cells if cell]
    kind: Callable[[str], Any] = str
    if filled and all(_INTEGER.fullmatch(cell) for cell in filled):
        kind = int
    elif filled and all(_NUMBER.fullmatch(cell) for cell in filled):
        kind = float
    elif filled and all(_JSON.fullmatch(cell) for cell in filled):
        kind = json.loads
    try:
        return [kind(cell) if cell else None for cell in cells]
    except json.JSONDecodeError:  # it only looks like JSON: "[laughs]"
        return [cell or None for cell in cells]


def _read_jsonl(path: Path) -> Table:
    records: list[dict[str, Any]] = []
    lines: list[int] = []
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
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
            records.append(record)
            lines.append(number)
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {name: [record.get(name) for record in records] for name in names}
    # A file without a line is a table without a row, not one without columns.
    return Table(path, columns or {"id": [], "file": []}, len(records), lambda row: f"line {lines[row]}")


def _read_parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
    except pa.ArrowInvalid as error:
        raise UsageError(f"{path}: not a Parquet file: {error}") from error
    columns: dict[str, Any] = {}
    for field in table.schema:
        column = table[field.name].combine_chunks()
        marked = (field.metadata or {}).items() >= _JSON_FIELD.items()
        columns[field.name] = (
            [None if v is None else json.loads(v) for v in column.to_pylist()] if marked else column
        )
    return Table(path, columns, table.num_rows, lambda row: f"row {row + 1}")


def _plain(column: pa.Array) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return values


def write(path: Path, columns: Mapping[str, Sequence[Any]], text: Collection[str] = ()) -> None:
    """Write columns of one length, each of text, numbers, true and false, or JSON; None where nothing is.

    The file appears by one rename; the same columns give the same bytes. `text` as in `read`.

    Raises
    ------
    UsageError
        The suffix is none of `SUFFIXES`.
    RunError
        The file cannot be written.
    """
    from emofeat.store.write import atomic

    suffix = suffix_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as temporary:
            if suffix == ".parquet":
                _write_parquet(temporary, columns)
            else:
                lines = _jsonl(columns) if "j" in suffix else _csv(columns, text, _delimiter(path))
                temporary.write_text(lines, encoding="utf-8", newline="")
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error


def as_json(value: Any) -> str:
    """One value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _csv(columns: Mapping[str, Sequence[Any]], text: Collection[str], delimiter: str) -> str:
    special = re.compile(f'["\r\n{delimiter}]')
    written = [[name, *cells(values, name in text)] for name, values in columns.items()]

    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if special.search(cell) else cell

    return "".join(delimiter.join(map(quoted, row)) + "\n" for row in zip(*written, strict=True))


def cells(values: Sequence[Any], text: bool) -> list[str]:
    """The values as they are written in CSV: what is no `text` so that `typed` reads the same values."""
    plain = ["" if v is None else v if isinstance(v, str) else as_json(v) for v in values]
    if text or typed(plain) == list(values):
        return plain
    return ["" if v is None else as_json(v) for v in values]


def _jsonl(columns: Mapping[str, Sequence[Any]]) -> str:
    rows = zip(*columns.values(), strict=True)
    return "".join(as_json(dict(zip(columns, row, strict=True))) + "\n" for row in rows)


def _write_parquet(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from emofeat.store.arrays import column, texts

    fields, arrays = [], []
    for name, values in columns.items():
        nested = any(isinstance(v, list | dict) for v in values)
        if nested:
            array = texts([None if v is None else as_json(v) for v in values])
        else:
            array = column(values) if any(v is not None for v in values) else texts([None] * len(values))
        fields.append(pa.field(name, array.type, metadata=_JSON_FIELD if nested else None))
        arrays.append(array)
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path, compression="zstd")
