"""Any corpus described by a table: CSV, TSV, JSON lines or Parquet, whose columns are named to ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emofeat._suggest import did_you_mean
from emofeat.corpus import tables
from emofeat.corpus.manifest import NESTED, PLAIN_COLUMNS, TEXT_COLUMNS, default_id, whole_numbers_as_text
from emofeat.corpus.prepare.base import Corpus, Found, Option
from emofeat.corpus.utterance import COLUMNS, Utterance
from emofeat.engine.errors import UsageError

_READS = "a table with a column of files or ids"


def read(root: Path, *, column: Mapping[str, str] | None = None, media: Path | None = None) -> Found:
    """Read a table.

    Parameters
    ----------
    root
        The table.
    column
        Our column: the table's. Columns of the table that are called as ours need no entry; all others are
        kept as they are.
    media
        The folder from which files in the table count; default is the table's own.
    """
    names = dict(column or {})
    for ours in names:
        if ours not in COLUMNS:
            raise UsageError(
                f"column {ours!r}: a manifest has no such column{did_you_mean(ours, COLUMNS)}; "
                f"there are {', '.join(COLUMNS)}"
            )
    table = tables.read(root, {*PLAIN_COLUMNS, *names.values()} - {names.get(c) for c in NESTED})
    for theirs in names.values():
        if theirs not in table.columns:
            raise UsageError(
                f"{root}: no column {theirs!r}{did_you_mean(theirs, table.columns)}; "
                f"it has {', '.join(table.columns) or 'none'}"
            )
    names = {c: c for c in COLUMNS if c in table.columns and c not in names.values()} | names
    if not {"id", "file"} & names.keys():
        raise UsageError(
            f"{root}: no column is called id or file; say which is, for example --column file={next(iter(table.columns), 'path')}"
        )
    folder = root.parent if media is None else media
    rows = list(_utterances(table, names, folder))
    there = [u for u in rows if all(Path(p).is_file() for p in (u.file, u.video) if p is not None)]
    return Found(there, missing=sorted({u.id for u in rows} - {u.id for u in there}))


def _utterances(table: tables.Table, names: Mapping[str, str], folder: Path) -> Iterator[Utterance]:
    columns: dict[str, list[Any]] = {}
    for ours, theirs in names.items():
        values = table.values(theirs)
        if ours in TEXT_COLUMNS:
            columns[ours] = [value or None for value in whole_numbers_as_text(values)]
        elif ours in PLAIN_COLUMNS:
            columns[ours] = [_number(value, row, theirs, table) for row, value in enumerate(values)]
        else:
            columns[ours] = values
    further = {name: table.values(name) for name in table.columns if name not in names.values()}
    for row in range(table.n):
        u: dict[str, Any] = {name: values[row] for name, values in columns.items()}
        if u.get("id") is None:
            if u.get("file") is None:
                raise table.fail(row, names.get("file", names.get("id", "id")), "neither an id nor a file")
            u["id"] = default_id(u["file"], u.get("start"), u.get("end"))
        for name in ("file", "video"):
            if u.get(name) is not None:
                u[name] = str(folder / Path(u[name]).expanduser())
        yield Utterance(**u, extra={name: values[row] for name, values in further.items()})


def _number(value: Any, row: int, column: str, table: tables.Table) -> float | None:
    if value is None or value == "":
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise table.fail(row, column, f"{value!r} is not a number") from None


CORPUS = Corpus(
    "csv",
    "any corpus with a table: CSV, TSV, JSON lines or Parquet",
    _READS,
    read,
    (
        Option("column", "Our column and the table's, label=Emotion for example; give it for each.", "pairs"),
        Option("media", "The folder from which files count; default is the table's.", "folder"),
    ),
)
