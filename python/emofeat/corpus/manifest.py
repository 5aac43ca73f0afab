"""A corpus as one table: one row for each utterance, in CSV, TSV, JSON lines or Parquet."""

# ruff: noqa: PTH111, PTH117, PTH118, PTH119
# Paths by the ten thousand stay text here, as in the engine's manifests.

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, overload

from emofeat._suggest import did_you_mean
from emofeat.corpus import tables
from emofeat.corpus.utterance import COLUMNS, Utterance
from emofeat.engine.errors import UsageError
from emofeat.exceptions import UnknownNameError

__all__ = ["Manifest"]

PARTS = ("train", "dev", "test")
_TIMES = ("start", "end")
DIMENSIONS = ("arousal", "valence", "dominance")
NESTED = ("label_distribution", "votes")
TEXT_COLUMNS = tuple(c for c in COLUMNS if c not in (*_TIMES, *DIMENSIONS, *NESTED))
#: Columns that CSV holds as they are, without guessing types.
PLAIN_COLUMNS = (*TEXT_COLUMNS, *_TIMES, *DIMENSIONS)
# Distributions come from ratios of votes: what is off by more than rounding in double precision and in
# six printed digits is a mistake.
_SUM_TOLERANCE = 1e-5


class Manifest(Sequence[Utterance]):
    """The utterances of a corpus, validated, in their order.

    Parameters
    ----------
    utterances : iterable of Utterance
        Ids must be unique. An empty text or an extra value of None is the same as none.
    path : path, optional
        The file that it is or will be written to: relative paths of recordings count from its folder,
        without it from the current one.

    Raises
    ------
    UsageError
        A value that a column does not allow; the message names file, row and column.

    Examples
    --------
    >>> rows = [Utterance(id="a", file="a.wav", speaker="1"), Utterance(id="b", speaker="2", extra={"age": 31})]
    >>> manifest = Manifest(rows)
    >>> manifest.ids, manifest.column("speaker"), manifest.column("age")
    (['a', 'b'], ['1', '2'], [None, 31])
    >>> manifest.select(["b"]).by_id("b").speaker
    '2'
    """

    def __init__(self, utterances: Iterable[Utterance], path: str | os.PathLike[str] | None = None) -> None:
        self.path = None if path is None else Path(path)
        self._build(utterances, lambda row: f"row {row + 1}")

    def _build(self, utterances: Iterable[Utterance], where: Callable[[int], str]) -> None:
        def fail(row: int, column: str, message: str) -> UsageError:
            return UsageError(
                f"{'manifest' if self.path is None else self.path}, {where(row)}, column {column!r}: {message}"
            )

        self._utterances = tuple(_checked(u, row, fail) for row, u in enumerate(utterances))
        self._row: dict[str, int] = {}
        for row, u in enumerate(self._utterances):
            first = self._row.setdefault(u.id, row)
            if first != row:
                raise fail(row, "id", f"{u.id!r} is the id of {where(first)} already; ids must be unique")
        self.extras = tuple(dict.fromkeys(name for u in self._utterances for name in u.extra))
        for name in self.extras:
            _check_one_kind(name, [u.extra.get(name) for u in self._utterances], fail)

    @classmethod
    def _chosen(cls, rows: Iterable[Utterance], path: str | os.PathLike[str] | None) -> Manifest:
        """A manifest of rows that have been validated."""
        manifest = cls.__new__(cls)
        manifest.path = None if path is None else Path(path)
        manifest._utterances = tuple(rows)
        manifest._row = {u.id: row for row, u in enumerate(manifest._utterances)}
        manifest.extras = tuple(dict.fromkeys(name for u in manifest._utterances for name in u.extra))
        return manifest

    @overload
    def __getitem__(self, index: int) -> Utterance: ...
    @overload
    def __getitem__(self, index: slice) -> Manifest: ...
    def __getitem__(self, index: int | slice) -> Utterance | Manifest:
        if isinstance(index, slice):
            return self._chosen(self._utterances[index], self.path)
        return self._utterances[index]

    def __len__(self) -> int:
        return len(self._utterances)

    def __repr__(self) -> str:
        return f"<Manifest of {len(self):,} utterances{'' if self.path is None else f': {self.path}'}>"

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Manifest:
        """Read a manifest: CSV, TSV, JSON lines or Parquet by its suffix.

        Needed is the column `id`, or `file`, from which ids are made as `emofeat extract` makes them.

        Raises
        ------
        UsageError
            It cannot be read, or a value is not allowed; the message names file, row and column.
        """
        return cls.of_table(tables.read(Path(path), PLAIN_COLUMNS))

    @classmethod
    def of_table(cls, table: tables.Table) -> Manifest:
        """The manifest that a table holds whose columns have the names of `COLUMNS`; errors as `read`."""
        manifest = cls.__new__(cls)
        manifest.path = table.path
        manifest._build(_utterances(table), table.where)
        return manifest

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write CSV, TSV, JSON lines or Parquet by the suffix of `path`; returns the path.

        The file appears by one rename, and the same manifest gives the same bytes. Relative paths of
        recordings are rewritten to count from the folder of `path`. Columns without any value are left
        out, except `id` and `file`. In CSV and TSV `label_distribution`, `votes` and further nested values
        are JSON.
        """
        path = Path(path)
        tables.write(path, self.at(path).filled(), PLAIN_COLUMNS)
        return path

    def filled(self) -> dict[str, list[Any]]:
        """The columns that hold anything, and `id` and `file`, as plain values in the order of writing."""
        columns = {name: self.column(name) for name in (*COLUMNS, *self.extras)}
        return {
            name: [list(v) if isinstance(v, tuple) else v for v in values]
            for name, values in columns.items()
            if name in ("id", "file") or any(v is not None for v in values)
        }

    def at(self, path: str | os.PathLike[str]) -> Manifest:
        """The same manifest as it stands at `path`: relative paths count from that folder."""
        here, there = (os.path.realpath(folder) for folder in (self._folder, Path(path).parent))
        if here == there:
            return self._chosen(self._utterances, path)

        def moved(file: str | None) -> str | None:
            if file is None or os.path.isabs(file) or file.startswith("~"):
                return file
            return os.path.relpath(os.path.join(here, file), there)

        return Manifest((replace(u, file=moved(u.file), video=moved(u.video)) for u in self), path)

    @property
    def ids(self) -> list[str]:
        """The ids, in the order of the rows."""
        return list(self._row)

    def column(self, name: str) -> list[Any]:
        """The values of one column, one of `COLUMNS` or of the further ones; None where nothing is known.

        Raises
        ------
        UnknownNameError
            There is no such column; the message suggests one.
        """
        if name in COLUMNS:
            return [getattr(u, name) for u in self._utterances]
        if name not in self.extras:
            known = (*COLUMNS, *self.extras)
            raise UnknownNameError(
                f"no column {name!r}{did_you_mean(name, known)}; there are {', '.join(known)}", "unknown_name"
            )
        return [u.extra.get(name) for u in self._utterances]

    def by_id(self, id: str) -> Utterance:
        """The utterance called `id`.

        Raises
        ------
        UnknownNameError
            There is none; the message suggests one.
        """
        if id not in self._row:
            raise UnknownNameError(
                f"no utterance {id!r} among {len(self):,}{did_you_mean(id, self._row)}", "unknown_name"
            )
        return self._utterances[self._row[id]]

    def select(self, ids: Iterable[str]) -> Manifest:
        """The utterances called `ids`, in that order; an id that there is not, or twice, is an error."""
        rows = [self.by_id(i) for i in ids]
        id_, n = Counter(u.id for u in rows).most_common(1)[0] if rows else ("", 0)
        if n > 1:
            raise UsageError(f"the id {id_!r} is selected {n} times; each row can be there once")
        return self._chosen(rows, self.path)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what the manifest says, as hexadecimal text.

        It depends neither on the format nor on the order of the rows nor on the folder: of the paths of
        recordings only their last component counts.
        """
        digest = hashlib.sha256()
        for u in sorted(self._utterances, key=lambda u: u.id):
            row = {name: getattr(u, name) for name in COLUMNS} | dict(u.extra)
            row |= {n: os.path.basename(row[n]) for n in ("file", "video") if row[n] is not None}
            known = sorted((n, _canonical(v)) for n, v in row.items() if v is not None)
            digest.update(tables.as_json(known).encode() + b"\n")
        return digest.hexdigest()

    def audio_path(self, utterance: Utterance) -> Path:
        """Where the recording of an utterance is.

        Raises
        ------
        UsageError
            The utterance names none.
        """
        return self._path_of(utterance, "file")

    def video_path(self, utterance: Utterance) -> Path:
        """Where the video of an utterance is; errors as `audio_path`."""
        return self._path_of(utterance, "video")

    def _path_of(self, utterance: Utterance, column: str) -> Path:
        file = getattr(utterance, column)
        if file is None:
            raise UsageError(
                f"the utterance {utterance.id!r} has no {column!r}: the manifest names none"
                f"{'' if self.path is None else f' ({self.path})'}"
            )
        path: Path = self._folder / os.path.expanduser(file)
        return path

    @property
    def _folder(self) -> Path:
        return Path() if self.path is None else self.path.parent


_Fail = Callable[[int, str, str], UsageError]


def _utterances(table: tables.Table) -> Iterable[Utterance]:
    """The rows of a table as utterances, not yet validated."""
    if not {"id", "file"} & table.columns.keys():
        hint = did_you_mean("id", table.columns) or did_you_mean("file", table.columns)
        names = ", ".join(map(repr, table.columns)) or "none"
        raise UsageError(
            f"{table.path}: neither a column 'id' nor a column 'file'; the columns are {names}{hint}"
        )
    columns = {name: table.values(name) for name in table.columns}
    for name in TEXT_COLUMNS:
        if name in columns:
            columns[name] = whole_numbers_as_text(columns[name])
    for name in (*_TIMES, *DIMENSIONS):
        if name in columns:
            columns[name] = [
                _number(v, row, name, table.fail) if isinstance(v, str) else v
                for row, v in enumerate(columns[name])
            ]
    own = [name for name in columns if name in COLUMNS]
    further = [name for name in columns if name not in COLUMNS]
    if "id" not in columns:
        starts, ends = (columns.get(name, [None] * table.n) for name in _TIMES)
        columns["id"] = [
            default_id(f, s, e) if isinstance(f, str) else None
            for f, s, e in zip(columns["file"], starts, ends, strict=True)
        ]
        own.append("id")
    for row in range(table.n):
        extra = {name: columns[name][row] for name in further}
        yield Utterance(**{name: columns[name][row] for name in own}, extra=extra)


def whole_numbers_as_text(values: Sequence[Any]) -> list[Any]:
    """The values of a column of texts, where a whole number is its own text: a fold 1 is the fold "1"."""
    return [str(v) if type(v) is int else v for v in values]


def default_id(file: str, start: float | None, end: float | None) -> str:
    """The id of a row without one: the path as it is written, without its suffix; a segment adds its times.

    Examples
    --------
    >>> default_id("a/one.wav", None, None), default_id("one.wav", 0.5, None)
    ('a/one', 'one@0.5-')
    """
    stem = os.path.splitext(file)[0]  # noqa: PTH122
    if start is None and end is None:
        return stem
    return f"{stem}@{start or 0.0:g}-{'' if end is None else f'{end:g}'}"


def _number(value: str, row: int, column: str, fail: _Fail) -> float | None:
    if not value:
        return None
    try:
        return float(value)
    except ValueError:
        raise fail(row, column, f"{value!r} is not a number") from None


def _checked(u: Utterance, row: int, fail: _Fail) -> Utterance:
    """`u` in its one canonical form: no empty texts, plain Python values."""
    values: dict[str, Any] = {name: _text(getattr(u, name), row, name, fail) for name in TEXT_COLUMNS}
    if values["id"] is None:
        raise fail(row, "id", "missing; every row needs its own")
    if values["split"] not in (None, *PARTS):
        hint = did_you_mean(values["split"], PARTS)
        raise fail(row, "split", f"{values['split']!r} is not one of {', '.join(PARTS)}{hint}")
    for name in (*_TIMES, *DIMENSIONS):
        values[name] = _finite(getattr(u, name), row, name, fail)
    for name in _TIMES:
        if values[name] is not None and values[name] < 0:
            raise fail(row, name, f"{values[name]:g} is not a time in seconds (0 or more)")
    start, end = values["start"] or 0.0, values["end"]
    if end is not None and end <= start:
        raise fail(row, "end", f"the segment ends at {end:g} s, before or at its start, {start:g} s")
    values["label_distribution"] = _distribution(u.label_distribution, row, fail)
    values["votes"] = _votes(u.votes, row, fail)
    values["extra"] = _extra(u.extra, row, fail)
    return Utterance(**values)


def _text(value: Any, row: int, column: str, fail: _Fail) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise fail(row, column, f"{value!r} is not text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise fail(row, column, f"{value!r} cannot be written as UTF-8") from None
    return str(value)


def _finite(value: Any, row: int, column: str, fail: _Fail) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise fail(row, column, f"{value!r} is not a finite number; leave empty what is not known")
    return float(value)


def _distribution(value: Any, row: int, fail: _Fail) -> dict[str, float] | None:
    if value is None:
        return None
    column = "label_distribution"
    if not isinstance(value, Mapping):
        raise fail(row, column, f"{value!r} is not a mapping from labels to shares, such as {{'angry': 1.0}}")
    shares = {_key(k, row, column, fail): _finite(v, row, column, fail) for k, v in value.items()}
    # Arrow's structs hold null for the labels that a row does not name.
    known = {label: share for label, share in shares.items() if share is not None}
    for label, share in known.items():
        if share < 0:
            raise fail(row, column, f"the share of {label!r} is {share:g}; shares are 0 or more")
    total = math.fsum(known.values())
    if abs(total - 1) > _SUM_TOLERANCE:
        raise fail(row, column, f"the shares sum to {total:g}; they must sum to 1")
    return known


def _votes(value: Any, row: int, fail: _Fail) -> tuple[dict[str, Any], ...] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise fail(row, "votes", f"{value!r} is not a list of votes, each a mapping with 'rater'")
    votes = []
    for vote in value:
        if not isinstance(vote, Mapping) or not isinstance(vote.get("rater"), str) or not vote["rater"]:
            raise fail(row, "votes", f"{vote!r} is not a mapping with the text 'rater'")
        plain = {_key(k, row, "votes", fail): _json(v, row, "votes", fail) for k, v in vote.items()}
        votes.append({k: v for k, v in plain.items() if v is not None})
    return tuple(votes)


def _key(value: Any, row: int, column: str, fail: _Fail) -> str:
    text = _text(value, row, column, fail)
    if text is None:
        raise fail(row, column, f"{value!r} is not a name")
    return text


def _extra(extra: Mapping[str, Any], row: int, fail: _Fail) -> dict[str, Any]:
    known = {}
    for name, value in extra.items():
        if not isinstance(name, str) or not name or name in COLUMNS:
            raise fail(row, "extra", f"{name!r} is not the name of a further column")
        plain = _json(value, row, name, fail)
        if plain is not None and plain != "":
            known[name] = plain
    return known


def _json(value: Any, row: int, column: str, fail: _Fail) -> Any:
    """`value` as what JSON gives back."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value and _text(value, row, column, fail)
    if isinstance(value, Integral):
        if not -(2**63) <= int(value) < 2**63:
            raise fail(row, column, f"{value} does not fit into 64 bits; write it as text")
        return int(value)
    if isinstance(value, Real):
        return _finite(value, row, column, fail)
    if isinstance(value, Mapping):
        return {_key(k, row, column, fail): _json(v, row, column, fail) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_json(v, row, column, fail) for v in value]
    raise fail(row, column, f"{value!r} is neither text nor a number nor a list or mapping of them")


_KINDS = {str: "text", bool: "true or false", int: "a number", float: "a number"}


def _check_one_kind(name: str, values: Sequence[Any], fail: _Fail) -> None:
    """A column holds one kind of values: a table has no other."""
    expected = None
    for row, value in enumerate(values):
        if value is None:
            continue
        kind = _KINDS.get(type(value), "a list or mapping")
        expected = expected or kind
        if kind != expected:
            raise fail(row, name, f"{value!r} is {kind}, the rows before have {expected}")


def _canonical(value: Any) -> Any:
    """`value` so that equal values are equal texts: 1.0 as 1, mappings in the order of their keys."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {k: _canonical(v) for k, v in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_canonical(v) for v in value]
    return value
