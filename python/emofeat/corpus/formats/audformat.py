"""audformat databases, through the package `audformat` (extra `audformat`).

Written are one table for each split (`utterances.train`, …) with its `split_id`, the scheme `label` with
the labels there are, `speaker` with the speakers, and one column for each further column of the manifest;
nested values are JSON, marked in the column's `meta`; times are rounded to nanoseconds. Read are all
filewise and segmented tables, joined by file and times.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from emofeat.corpus import tables
from emofeat.corpus.manifest import NESTED, PARTS, TEXT_COLUMNS, Manifest, default_id, whole_numbers_as_text
from emofeat.corpus.utterance import COLUMNS, Utterance
from emofeat.engine.errors import UsageError
from emofeat.store.extras import need

# What others call the columns of a manifest.
_SYNONYMS = {"emotion": "label", "transcription": "text"}
_Key = tuple[str, float | None, float | None]


def read(folder: Path) -> Manifest:
    """Read a database; without a column `id`, ids are made from paths and times.

    Raises
    ------
    UsageError
        The database cannot be read, or two tables say different things of one utterance.
    MissingExtraError
        The package `audformat` is not installed.
    """
    audformat = need("audformat", "audformat")
    try:
        db = audformat.Database.load(str(folder))
    except Exception as error:  # whatever YAML, pandas or audformat make of a damaged file
        raise UsageError(f"{folder / 'db.yaml'} cannot be read: {error}") from error
    rows: dict[_Key, dict[str, Any]] = {}
    for name in db.tables:
        _add(rows, db, name, folder)
    utterances = []
    for (file, start, end), row in rows.items():
        id_ = row.pop("id", None) or default_id(file, start, end)
        known = {k: v for k, v in row.items() if k in COLUMNS}
        extra = {k: v for k, v in row.items() if k not in COLUMNS}
        utterances.append(Utterance(id=id_, file=file, start=start, end=end, **known, extra=extra))
    return Manifest(utterances, folder / "db.yaml")


def _add(rows: dict[_Key, dict[str, Any]], db: Any, name: str, folder: Path) -> None:
    """Add what one table says to the rows that it names."""
    table = db[name]
    split = db.splits[table.split_id].type if table.split_id is not None else None
    values = {_column(db, c): _values(db, table, c) for c in table.columns}
    values |= {c: whole_numbers_as_text(v) for c, v in values.items() if c in TEXT_COLUMNS}
    for i, key in enumerate(_keys(table.index)):
        row = rows.setdefault(key, {})
        said = {column: v[i] for column, v in values.items()} | {"split": split if split in PARTS else None}
        for column, value in said.items():
            if value is None:
                continue
            if row.setdefault(column, value) != value:
                raise UsageError(
                    f"{folder / 'db.yaml'}, table {name!r}, {key[0]!r}, column {column!r}: {value!r}, "
                    f"another table has {row[column]!r}"
                )


def _keys(index: Any) -> list[_Key]:
    """File, start and end in seconds of each row; a whole recording has no times."""
    files = [str(f) for f in index.get_level_values("file")]
    if "start" not in index.names:
        return [(file, None, None) for file in files]
    starts = [None if t is None or t != t else t.value / 1e9 for t in index.get_level_values("start")]
    ends = [None if t is None or t != t else t.value / 1e9 for t in index.get_level_values("end")]
    return [
        (file, None if not start and end is None else start, end)
        for file, start, end in zip(files, starts, ends, strict=True)
    ]


def _column(db: Any, name: str) -> str:
    synonym = _SYNONYMS.get(name)
    there = any(synonym in db[table].columns for table in db.tables)
    return name if synonym is None or there else synonym


def _values(db: Any, table: Any, name: str) -> list[Any]:
    """The values of one column as plain Python values, None where there is none."""
    column = table.columns[name]
    series = table[name].get()
    nested = bool(column.meta.get("json"))
    there = zip(series.astype(object), series.notna(), strict=True)
    plain: list[Any] = [v if filled else None for v, filled in there]
    if nested:
        return [None if v is None else json.loads(v) for v in plain]
    return [v.item() if v is not None and hasattr(v, "item") else v for v in plain]


def write(manifest: Manifest, folder: Path) -> None:
    """Write a database into `folder`: `db.yaml` and its tables as CSV, each by one rename.

    Recordings below the folder are named relative to it, others by their whole path.

    Raises
    ------
    UsageError
        An utterance names no recording, or two have the same recording and times.
    MissingExtraError
        The package `audformat` is not installed.
    """
    audformat = need("audformat", "audformat")
    moved = manifest.at(folder / "db.yaml")
    keys: dict[_Key, str] = {}
    for u in moved:
        if u.file is None:
            raise UsageError(
                f"{folder}: the utterance {u.id!r} names no recording; audformat needs one in every row"
            )
        first = keys.setdefault((u.file, u.start, u.end), u.id)
        if first != u.id:
            raise UsageError(
                f"{folder}: {first!r} and {u.id!r} are the same part of {u.file!r}; audformat allows one"
            )
    db = audformat.Database(name=_name(manifest, folder))
    db.media["audio"] = audformat.Media(audformat.define.MediaType.AUDIO)
    columns = {n: v for n, v in moved.filled().items() if n not in ("file", "start", "end", "split")}
    nested = {n for n, v in columns.items() if any(isinstance(x, list | dict) for x in v)}
    for name, values in columns.items():
        db.schemes[name] = _scheme(audformat, name, values)
    rows = list(moved)
    for split in (*PARTS, None):
        chosen = [i for i, u in enumerate(rows) if u.split == split]
        if not chosen:
            continue
        if split is not None:
            db.splits[split] = audformat.Split(split)
        table = "utterances" if split is None else f"utterances.{split}"
        db[table] = audformat.Table(
            _index(audformat, moved, [rows[i] for i in chosen]), split_id=split, media_id="audio"
        )
        for name, values in columns.items():
            db[table][name] = audformat.Column(
                scheme_id=name, meta={"json": True} if name in nested else None
            )
            cells = [values[i] for i in chosen]
            db[table][name].set(
                [None if v is None else tables.as_json(v) if name in nested else v for v in cells]
            )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".audformat.", dir=folder) as temporary:
        db.save(temporary, storage_format="csv")
        # The header last: without it there is no database yet.
        for made in sorted(Path(temporary).iterdir(), key=lambda path: path.suffix == ".yaml"):
            os.replace(made, folder / made.name)  # noqa: PTH105


def _name(manifest: Manifest, folder: Path) -> str:
    names = {u.corpus for u in manifest} - {None}
    name = names.pop() if len(names) == 1 else folder.resolve().name
    return str(name)


def _scheme(audformat: Any, name: str, values: list[Any]) -> Any:
    kinds = {type(v) for v in values if v is not None}
    if name in ("label", "speaker", "session", "dialogue"):
        return audformat.Scheme("str", labels=sorted({v for v in values if v is not None}))
    if kinds <= {int, float} and name not in NESTED:
        return audformat.Scheme("int" if kinds == {int} else "float")
    return audformat.Scheme("bool" if kinds == {bool} else "str")


def _index(audformat: Any, manifest: Manifest, rows: list[Utterance]) -> Any:
    """The index of a table: segmented where any utterance is a part of its recording."""
    pandas = need("pandas", "pandas")
    outside = [u.file is not None and u.file.startswith("..") for u in rows]
    files = [
        os.path.abspath(manifest.audio_path(u)) if out else u.file  # noqa: PTH100
        for u, out in zip(rows, outside, strict=True)
    ]
    if all(u.start is None and u.end is None for u in rows):
        return audformat.filewise_index(files)
    starts = [pandas.Timedelta(u.start or 0.0, "s") for u in rows]
    ends = [pandas.NaT if u.end is None else pandas.Timedelta(u.end, "s") for u in rows]
    return audformat.segmented_index(files, starts, ends)
