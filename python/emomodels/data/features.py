"""Features as tables with ids, and their join with a labelled manifest: by key, never by order."""

from __future__ import annotations

import errno
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from emofeat._suggest import did_you_mean
from emofeat.exceptions import EmofeatError
from emomodels.data.examples import Examples
from emomodels.data.keys import key_function
from emomodels.exceptions import DataError, RecipeError

if TYPE_CHECKING:
    import pyarrow as pa

    from emofeat.corpus.labels import Labelled
    from emofeat.corpus.manifest import Manifest
    from emofeat.store.read import Dataset
    from emofeat.store.schema import Feature

#: What to do about NaN and infinite features. `error` refuses; `drop_rows` leaves utterances out at the join;
#: `drop_columns` and `impute_train_median` are fitted with the normalisation, on training ids only.
OnNonfinite = Literal["error", "drop_rows", "drop_columns", "impute_train_median"]

#: Names under which the column of ids is looked for.
ID_COLUMNS = ("id", "name", "file", "filename", "video_name")


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Features of `n` utterances and where they come from.

    Parameters
    ----------
    ids
        Of the utterances, in the words of the source; all different.
    columns
        Names of the `d` columns.
    x
        Vectors `(n, d)`; or `n` sequences `(n_frames, d)`, read when they are asked for.
    source
        `kind`, `path` and `digest` (SHA-256 of what was read), and what else the kind has to say.
    failures
        Ids that have no features because the extraction failed, with the reason code.
    hop
        Seconds from frame to frame, where sequences have one.
    times
        Seconds of the frames of each sequence, where frames were left out.
    """

    ids: tuple[str, ...]
    columns: tuple[str, ...]
    x: NDArray[Any] | Sequence[NDArray[Any]]
    source: Mapping[str, Any]
    failures: Mapping[str, str] = field(default_factory=dict)
    hop: float | None = None
    times: tuple[NDArray[np.float64], ...] | None = None

    def __post_init__(self) -> None:
        if len(self.x) != len(self.ids):
            raise DataError(f"{len(self.ids)} ids, but features for {len(self.x)}")
        twice = [id_ for id_, n in Counter(self.ids).items() if n > 1]
        if twice:
            raise DataError(
                f"{self.source.get('path', 'the table')}: {len(twice)} ids occur more than once: {_some(twice)}"
            )

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, positions: Sequence[int]) -> NDArray[Any] | tuple[NDArray[Any], ...]:
        """The features at `positions`, as `Examples` hold them."""
        if isinstance(self.x, np.ndarray):
            rows: NDArray[Any] = self.x[np.asarray(positions, dtype=np.intp)]
            return rows
        return tuple(self.x[p] for p in positions)


def read(path: str | Path, features: Sequence[str] | None = None) -> FeatureTable:
    """The features at `path`: a feature directory of `emofeat extract`, or a CSV or Parquet table.

    Parameters
    ----------
    path
        Where they are.
    features
        Names of features of a feature directory; None: all of them.
    """
    path = Path(path)
    if path.suffix.casefold() not in (".csv", ".tsv", ".parquet"):
        return feature_directory(path, features)
    if features is not None:
        raise RecipeError(f"{path} is a table, which has no features to choose from: {', '.join(features)}")
    return vector_table(path)


# Feature directories


def feature_directory(path: str | Path, features: Sequence[str] | None = None) -> FeatureTable:
    """Features that `emofeat extract` wrote.

    Vectors are concatenated. Features of frames are joined frame by frame where they have one hop and the
    same number of frames; they stay in a memory map until an utterance is asked for.

    Parameters
    ----------
    path
        The output folder.
    features
        Names of features, either vectors or frames; None: all of them.

    Raises
    ------
    DataError
        The folder is unfinished or damaged; the features do not go together.
    """
    import emofeat

    path = Path(path)
    with _damage_named(path):
        dataset = emofeat.open(path)
        if not dataset.complete:
            raise DataError(
                f"{path} is unfinished: some of its {dataset.layout.n_shards} parts are missing; run the same "
                "emofeat extract again, it goes on where it stopped",
                "store",
            )
        chosen = _chosen(dataset, features)
        columns = _column_names(chosen)
        source = {
            "kind": "emofeat",
            "path": str(path),
            "features": {f.key: f.spec for f in chosen},
            "extractor": dataset.layout.extractor_digest,
            "digest": digest_of([dataset.layout.part(path, i) for i in range(dataset.layout.n_shards)]),
        }
        failures = {failed.id: failed.code for failed in dataset.failures()}
        if not dataset.ids():
            codes = ", ".join(sorted(set(failures.values()))) or "there were none"
            raise DataError(f"{path} holds no features: all {len(failures)} recordings failed ({codes})")
        x: NDArray[Any] | Sequence[NDArray[Any]]
        if chosen[0].kind == "vector":
            x = _vectors(dataset, chosen)
        else:
            _check_frames_match(dataset, chosen)
            x = _Frames(path, _mapped(dataset), tuple(f.key for f in chosen))
        return FeatureTable(tuple(dataset.ids()), columns, x, source, failures, chosen[0].hop)


def _chosen(dataset: Dataset, names: Sequence[str] | None) -> list[Feature]:
    """The features called `names`, all of one kind."""
    for name in names or ():
        if name not in dataset.features:
            hint = did_you_mean(name, dataset.features)
            raise RecipeError(
                f"no feature {name!r} in {dataset.path}{hint}; there are {', '.join(dataset.features)}",
                "unknown_name",
            )
    chosen = [dataset.features[name] for name in names or dataset.features]
    kinds = {kind: [f.key for f in chosen if f.kind == kind] for kind in ("vector", "frames")}
    if all(kinds.values()):
        raise RecipeError(
            f"{dataset.path}: {_some(kinds['vector'])} are vectors of whole utterances and {_some(kinds['frames'])} "
            "sequences of frames, which do not join; choose features of one kind"
        )
    if not chosen:
        raise RecipeError(f"no feature of {dataset.path} was chosen; there are {', '.join(dataset.features)}")
    return chosen


def _column_names(chosen: Sequence[Feature]) -> tuple[str, ...]:
    """Names of the columns; those that two features share begin with the feature's."""
    names = [name for f in chosen for name in f.columns]
    shared = {name for name in names if names.count(name) > 1} if len(chosen) > 1 else set()
    return tuple(f"{f.key}.{name}" if name in shared else name for f in chosen for name in f.columns)


def _vectors(dataset: Dataset, chosen: Sequence[Feature]) -> NDArray[Any]:
    """The vectors of `chosen` side by side, `(n, d)`.

    From the memory map, since decoding thousands of Parquet columns takes a thousand times as long.
    """
    mapped = _mapped(dataset)
    parts = [np.stack([mapped[i][f.key] for i in range(len(mapped))]) for f in chosen]
    return np.concatenate(parts, axis=1)


def _check_frames_match(dataset: Dataset, chosen: Sequence[Feature]) -> None:
    """Refuse to put frames of different times side by side."""
    first = chosen[0]
    for other in chosen[1:]:
        if first.hop is None or other.hop is None or first.offset is None or other.offset is None:
            raise DataError(
                f"{dataset.path} holds recordings of mixed rates, so that the times of {first.key!r} and "
                f"{other.key!r} cannot be compared; choose one feature, or extract with --sr"
            )
        if first.hop != other.hop or abs(first.offset - other.offset) > first.hop / 2:
            raise DataError(
                f"frames of {first.key!r} (every {first.hop:g} s from {first.offset:g} s) and {other.key!r} (every "
                f"{other.hop:g} s from {other.offset:g} s) lie at different times; extract them with the same "
                "hop_length and centring, or choose one"
            )
        counts, others = dataset.n_frames(first.key), dataset.n_frames(other.key)
        differ = np.flatnonzero(counts != others)
        if len(differ):
            at = int(differ[0])
            raise DataError(
                f"{first.key!r} and {other.key!r} have different numbers of frames in {len(differ)} of "
                f"{len(counts)} utterances, as in {dataset.ids()[at]!r}: {counts[at]} and {others[at]}; extract "
                "them with the same framing, or choose one"
            )


def _mapped(dataset: Dataset) -> Dataset:
    """`dataset` over its memory map; without one where its folder cannot be written."""
    try:
        mapped = dataset.memory_map()
        if len(mapped):
            _ = mapped[0][next(iter(mapped.features))]
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return dataset
        raise
    return mapped


class _Frames(Sequence[NDArray[Any]]):
    """Sequences of one feature as views of the memory map, of several joined when they are asked for."""

    def __init__(self, path: Path, dataset: Dataset, keys: tuple[str, ...]) -> None:
        self._path, self._dataset, self._keys = path, dataset, keys

    def __len__(self) -> int:
        return len(self._dataset)

    @overload
    def __getitem__(self, index: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[NDArray[Any]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[Any] | Sequence[NDArray[Any]]:
        if isinstance(index, slice):
            return [self[p] for p in range(*index.indices(len(self)))]
        with _damage_named(self._path):
            utterance = self._dataset[index]
            parts = [utterance[key] for key in self._keys]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Errors of a damaged feature directory as a sentence that names the part."""
    import pyarrow as pa

    try:
        yield
    except EmofeatError:
        raise
    except (OSError, pa.ArrowException) as error:
        # What the system refuses has a number; what Arrow cannot make sense of has none.
        if getattr(error, "errno", None) is not None:
            raise DataError(f"{path} cannot be read: {error}", "io") from error
        damaged = next((part for part in sorted(path.rglob("*.parquet")) if not _readable(part)), path)
        raise DataError(
            f"{damaged} is damaged ({str(error).splitlines()[0]}); remove it and run the same emofeat extract again",
            "store",
        ) from error


def _readable(part: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.read_table(part, use_threads=False)
    except (OSError, pa.ArrowException):
        return False
    return True


# Tables


def vector_table(path: str | Path, *, key: str | None = None, drop: Iterable[str] = ()) -> FeatureTable:
    """Vectors from a CSV (`,`, `;` or tab, with a header) or Parquet file, one row per utterance.

    Parameters
    ----------
    path
        The file.
    key
        The column of ids; None: the first of id, name, file, filename, video_name that is there.
    drop
        Columns that are no features. All others must hold numbers; an empty cell is NaN.

    Raises
    ------
    DataError
        The file cannot be read, lacks a column, or has a column that is no number.
    """
    path = Path(path)
    table = _table(path, key)
    key = _key_column(path, table.column_names, key)
    dropped = tuple(drop)
    for name in dropped:
        if name not in table.column_names:
            raise DataError(f"{path} has no column {name!r} to drop{did_you_mean(name, table.column_names)}")
    columns = tuple(name for name in table.column_names if name != key and name not in dropped)
    x = np.column_stack([_numbers(path, name, table[name]) for name in columns]) if columns else None
    if x is None:
        raise DataError(f"{path} has no column of numbers beside {key!r}")
    ids = tuple(str(id_) for id_ in table[key].to_pylist())
    source = {
        "kind": "table",
        "path": str(path),
        "key": key,
        "dropped": list(dropped),
        "digest": digest_of([path]),
    }
    return FeatureTable(ids, columns, x, source)


def _table(path: Path, key: str | None) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if path.suffix.casefold() == ".parquet":
            return pyarrow.parquet.read_table(path)
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
        delimiter = max(",;\t", key=header.count)
        # Ids are text, even those that look like numbers or dates.
        text = dict.fromkeys([key] if key else ID_COLUMNS, pa.string())
        return pyarrow.csv.read_csv(
            path,
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
            convert_options=pyarrow.csv.ConvertOptions(column_types=text),
        )
    except FileNotFoundError:
        raise DataError(f"no file {path}", "not_found") from None
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read as a table: {error}") from error


def _key_column(path: Path, names: Sequence[str], key: str | None) -> str:
    if key is not None and key not in names:
        raise DataError(f"{path} has no column {key!r}{did_you_mean(key, names)}")
    found = key or next((name for name in ID_COLUMNS if name in names), None)
    if found is None:
        raise DataError(
            f"{path} has no column of ids ({', '.join(ID_COLUMNS)}); name it in options: {{key_column: ...}}"
        )
    return found


def _numbers(path: Path, name: str, column: pa.ChunkedArray) -> NDArray[np.float64]:
    import pyarrow as pa

    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        raise DataError(
            f"{path}: the column {name!r} is no number but {kind}; name it in options: {{drop: [...]}} if it is no feature"
        )
    numbers: NDArray[np.float64] = (
        column.cast(pa.int8()).cast(pa.float64()).to_numpy()
        if pa.types.is_boolean(kind)
        else column.cast(pa.float64()).to_numpy()
    )
    return numbers


def digest_of(files: Iterable[Path]) -> str:
    """SHA-256 over the contents of `files` in this order, as hexadecimal text."""
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


# The join


@dataclass(frozen=True, slots=True)
class Joined:
    """Examples, and what became of everything else.

    Parameters
    ----------
    examples
        In the order of the labelled utterances.
    left_out
        Ids of the manifest that are no examples, by reason; those without a label are among them.
    unused
        Ids of the table that no labelled utterance asked for.
    source
        The table's.
    """

    examples: Examples
    left_out: Mapping[str, tuple[str, ...]]
    unused: tuple[str, ...]
    source: Mapping[str, Any]


def join(
    manifest: Manifest,
    labelled: Labelled,
    table: FeatureTable,
    key: str = "id",
    *,
    allow_missing: bool = False,
    on_nonfinite: OnNonfinite = "error",
) -> Joined:
    """The labelled utterances of `manifest` with their features.

    Parameters
    ----------
    manifest
        Gives the speakers.
    labelled
        Which utterances have a label, and which.
    table
        The features. Rows that no labelled utterance asks for are not used.
    key
        Name of the key function (`emomodels.data.keys`) that both sides' ids pass through.
    allow_missing
        Leave out utterances without features, with the reason, instead of refusing.
    on_nonfinite
        What to do about NaN and infinite features.

    Raises
    ------
    DataError
        Nothing joins; utterances lack features; two ids have one key; features are not finite.
    """
    key_of = key_function(key)
    rows = _by_key(table.ids, key_of, "features")
    failures = {key_of(id_): code for id_, code in table.failures.items()}
    wanted = _by_key(labelled.ids, key_of, "manifest")
    _refuse_empty(labelled.ids, table, key, wanted, rows)
    left_out = {reason: tuple(ids) for reason, ids in labelled.left_out.items() if ids}
    missing = {labelled.ids[i]: failures.get(k) for k, i in wanted.items() if k not in rows}
    if missing and not allow_missing:
        raise DataError(_missing_message(missing, len(wanted), table))
    for id_, code in missing.items():
        reason = f"extraction failed: {code}" if code else "no features"
        left_out[reason] = (*left_out.get(reason, ()), id_)
    positions = [i for k, i in wanted.items() if k in rows]
    examples = _examples(manifest, labelled, table, positions, [rows[k] for k in wanted if k in rows])
    unused = tuple(table.ids[i] for k, i in rows.items() if k not in wanted)
    keep = _finite_rows(examples, on_nonfinite)
    if len(keep) < len(examples):
        left_out["features not finite"] = tuple(np.delete(np.array(examples.ids, object), keep))
        examples = examples.take(keep)
    return Joined(examples, left_out, unused, table.source)


def _by_key(ids: Sequence[str], key_of: Callable[[str], str], side: str) -> dict[str, int]:
    """Position of each key; two ids with one key are refused."""
    positions: dict[str, int] = {}
    for i, id_ in enumerate(ids):
        first = positions.setdefault(key_of(id_), i)
        if first != i:
            raise DataError(
                f"two ids of the {side} have the key {key_of(id_)!r}: {ids[first]!r} and {id_!r}; choose a key "
                "that tells them apart"
            )
    return positions


def _refuse_empty(
    ids: Sequence[str], table: FeatureTable, key: str, wanted: Mapping[str, int], rows: Mapping[str, int]
) -> None:
    if not ids:
        raise DataError("no utterance of the manifest has a label of the label map; nothing to join")
    if not wanted.keys() & rows.keys():
        raise DataError(
            f"no utterance of the manifest has features in {table.source.get('path')}: by the key {key!r} the "
            f"manifest has {_some(wanted, 3)}, the features have {_some(rows, 3)}; another key function or "
            "other features may fit"
        )


def _missing_message(missing: Mapping[str, str | None], n: int, table: FeatureTable) -> str:
    reasons = [f"{id_} ({code})" if code else id_ for id_, code in missing.items()]
    return (
        f"{len(missing)} of {n} labelled utterances have no features in {table.source.get('path')}: "
        f"{_some(reasons)}; extract them, or leave them out with allow_missing"
    )


def _examples(
    manifest: Manifest, labelled: Labelled, table: FeatureTable, positions: Sequence[int], rows: Sequence[int]
) -> Examples:
    ids = tuple(labelled.ids[i] for i in positions)
    index = {name: i for i, name in enumerate(labelled.classes)}
    y = np.array([index[labelled.labels[i]] for i in positions], np.int64)
    speakers = tuple(manifest.by_id(id_).speaker for id_ in ids)
    nameless = [id_ for id_, speaker in zip(ids, speakers, strict=True) if speaker is None]
    if nameless and len(nameless) < len(ids):
        raise DataError(
            f"{len(nameless)} of {len(ids)} utterances have no speaker, others do: {_some(nameless)}"
        )
    known = tuple(str(speaker) for speaker in speakers) if not nameless else ()
    return Examples(ids, table.take(rows), table.columns, tuple(labelled.classes), y, known)


# Features that are not finite


def finite_columns(examples: Examples) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which examples `(n,)` and which columns `(d,)` are finite throughout."""
    if isinstance(examples.x, tuple):
        finite = np.array([np.isfinite(s).all(axis=0) for s in examples.x]).reshape(len(examples), -1)
    else:
        finite = np.isfinite(examples.x)
    return np.all(finite, axis=1), np.all(finite, axis=0)


def refuse_nonfinite(examples: Examples, what: str = "features") -> None:
    """Refuse NaN and infinite values, naming columns and ids.

    Raises
    ------
    DataError
        There are some; the message says what can be done.
    """
    rows, columns = finite_columns(examples)
    if rows.all():
        return
    ids = [id_ for id_, good in zip(examples.ids, rows, strict=True) if not good]
    names = [name for name, good in zip(examples.columns, columns, strict=True) if not good]
    raise DataError(
        f"{what} are NaN or infinite in {len(names)} of {len(examples.columns)} columns ({_some(names)}) of "
        f"{len(ids)} of {len(examples)} utterances ({_some(ids)}); choose on_nonfinite: drop_columns, drop_rows "
        "or impute_train_median",
        "non_finite",
    )


def _finite_rows(examples: Examples, on_nonfinite: OnNonfinite) -> NDArray[np.int64]:
    """Positions of the examples that stay."""
    if on_nonfinite == "error":
        refuse_nonfinite(examples)
    if on_nonfinite != "drop_rows":
        return np.arange(len(examples))
    keep = np.flatnonzero(finite_columns(examples)[0])
    if not len(keep):
        raise DataError(
            "every utterance has NaN or infinite features; choose another on_nonfinite", "non_finite"
        )
    return keep


def _some(names: Iterable[str], n: int = 5) -> str:
    """The first names, and how many there are if that is not all."""
    listed = list(names)
    return ", ".join(listed[:n]) + (f" … ({len(listed)} in all)" if len(listed) > n else "")
