"""A result on disk: what was run, on whom, what came out; enough to report, compare and fuse it later.

A run is a folder:

- `run.json`: a `Record`, what was done and with what;
- `labels.parquet`: every test utterance with its label, speaker and fold;
- `posteriors-seed{s}.parquet`: one model's posteriors of all of them, for each seed;
- `training-labels.parquet`: the same for every utterance that some fold trains on;
- `oof-seed{s}/fold-{name}.parquet`: posteriors of the fold's training utterances from models that have not
  seen them, on which a fusion is trained;
- `parts/{name}/posteriors-seed{s}.parquet`: the unimodal systems that a fusion is made of;
- `distributions.json`: where raters divided over the classes, what they said of each test utterance;
- `metrics.json`: all metrics, written last: a folder without it is not finished;
- `folds/`: models, logs and checkpoints.
"""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emofeat._suggest import did_you_mean
from emofeat.store.write import atomic, write_text
from emomodels.exceptions import DataError
from emomodels.posteriors import Posteriors

#: What decides the numbers of a result, where it is installed.
_PACKAGES = (
    "emofeat",
    "numpy",
    "pyarrow",
    "safetensors",
    "scikit-learn",
    "scipy",
    "torch",
    "transformers",
)


DISTRIBUTIONS = "distributions.json"


class _Part(BaseModel):
    """A part of `run.json`; a key that is not known is an error, not something to overlook."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProtocolRecord(_Part):
    """Name of the protocol, and the guards that it switches off."""

    name: str
    off: tuple[str, ...] = ()


class DataRecord(_Part):
    """Which data: names, fingerprints, and how many utterances were used and why not the others."""

    manifest: str
    manifest_fingerprint: str
    label_map: str | None = None
    split: str
    split_digest: str
    features: dict[str, Any] = Field(default_factory=dict)
    n_in: int
    n_used: int
    left_out: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    #: Utterances of each class in the manifest, and sentences on those that the corpus is known to have otherwise.
    label_counts: dict[str, int] = Field(default_factory=dict)
    label_differences: tuple[str, ...] = ()


class FitRecord(_Part):
    """One fit: its epochs, the one that was kept, and the part that chose it (see `models.base.History`)."""

    epochs: tuple[dict[str, float | None], ...] = ()
    best_epoch: int | None = None
    chosen_on: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)


class Record(_Part):
    """What `run.json` says. `history` is keyed by fold, then by seed; `chosen` by fold."""

    schema_version: Literal[1] = 1
    name: str
    protocol: ProtocolRecord
    stamps: tuple[str, ...] = ()
    recipe: dict[str, Any] = Field(default_factory=dict)
    command: str
    versions: dict[str, str] = Field(default_factory=dict)
    data: DataRecord
    classes: tuple[str, ...]
    audit: dict[str, Any] = Field(default_factory=dict)
    seeds: tuple[int, ...]
    chosen: dict[str, Any] = Field(default_factory=dict)
    history: dict[str, dict[str, FitRecord]] = Field(default_factory=dict)
    unimodal: tuple[str, ...] = ()
    test_opened: int

    @property
    def title(self) -> str:
        """The name of the result with all that is unclean about it."""
        return titled(self.name, self.stamps)


def titled(name: str, stamps: Sequence[str]) -> str:
    """A name with its stamps, as it stands on every table and plot that is made from the result.

    >>> titled("audio", ["transductive"])
    'audio [transductive]'
    """
    return f"{name} [{'; '.join(stamps)}]" if stamps else name


@dataclass(frozen=True, slots=True)
class Labels:
    """The test utterances of all folds, in one order: id, name of the class, speaker, fold."""

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    speakers: tuple[str | None, ...]
    folds: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.ids)
        if not len(self.labels) == len(self.speakers) == len(self.folds) == n:
            raise DataError(
                f"{n} ids, but {len(self.labels)} labels, {len(self.speakers)} speakers, {len(self.folds)} folds"
            )
        if len(set(self.ids)) != n:
            raise DataError("an id occurs more than once among the test utterances; folds must not share any")

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, ids: Collection[str]) -> Labels:
        """Those of `ids`, in the same order."""
        at = [k for k, i in enumerate(self.ids) if i in ids]
        return Labels(
            ids=tuple(self.ids[k] for k in at),
            labels=tuple(self.labels[k] for k in at),
            speakers=tuple(self.speakers[k] for k in at),
            folds=tuple(self.folds[k] for k in at),
        )

    @property
    def fold_names(self) -> tuple[str, ...]:
        """Names of the folds, in the order in which they first occur."""
        return tuple(dict.fromkeys(self.folds))

    def write(self, path: Path) -> None:
        """Write as Parquet."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = {"id": self.ids, "label": self.labels, "speaker": self.speakers, "fold": self.folds}
        with atomic(path) as temp:
            pq.write_table(pa.table({k: pa.array(v, pa.string()) for k, v in columns.items()}), temp)

    @classmethod
    def read(cls, path: Path) -> Labels:
        """Read what `write` wrote."""
        import pyarrow.parquet as pq

        table = pq.read_table(path, columns=["id", "label", "speaker", "fold"])
        return cls(*(tuple(column.to_pylist()) for column in table.columns))


@dataclass(frozen=True)
class Run:
    """A finished run, opened by `Run.read`. Posteriors are read when they are asked for."""

    folder: Path
    record: Record
    labels: Labels
    metrics: Mapping[str, Any]

    @classmethod
    def read(cls, folder: str | Path) -> Run:
        """Open the run in `folder`.

        Raises
        ------
        DataError
            There is no such run (`missing_run`), it is not finished (`unfinished_run`), or its files
            cannot be read or contradict one another (`damaged_run`).
        """
        at = Path(folder)
        _require_finished(at)
        try:
            record = Record.model_validate_json((at / "run.json").read_bytes())
            metrics = json.loads((at / "metrics.json").read_text(encoding="utf-8"))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise _damaged(at, f"run.json: {where}: {first['msg']}") from None
        except ValueError as error:
            raise _damaged(at, f"metrics.json: {error}") from None
        run = cls(at, record, _read_or_damaged(at, at / "labels.parquet", Labels.read), metrics)
        run._check_labels()
        for seed in record.seeds:
            if not (path := posteriors_path(at, seed)).exists():
                raise _damaged(at, f"{path.name} is missing")
        return run

    def _check_labels(self) -> None:
        unknown = sorted(set(self.labels.labels) - set(self.record.classes))
        if unknown:
            allowed = ", ".join(self.record.classes)
            raise _damaged(self.folder, f"labels.parquet: the class {unknown[0]!r} is none of {allowed}")

    @property
    def title(self) -> str:
        """See `Record.title`."""
        return self.record.title

    def posteriors(self, seed: int) -> Posteriors:
        """Posteriors of all test utterances by the models of one seed.

        Raises
        ------
        DataError
            A seed that the run does not have, or posteriors of other utterances than its labels.
        """
        if seed not in self.record.seeds:
            seeds = ", ".join(map(str, self.record.seeds))
            raise DataError(f"run {str(self.folder)!r} has no seed {seed}; it has {seeds}", "unknown_name")
        return self._posteriors(posteriors_path(self.folder, seed))

    @cached_property
    def training_labels(self) -> Labels:
        """Labels of all utterances that some fold trains on, for a fusion that learns.

        Raises
        ------
        DataError
            The run has none, because it is itself a fusion.
        """
        return read_training_labels(self.folder)

    @cached_property
    def distributions(self) -> Mapping[str, Mapping[str, float]]:
        """By id, what the raters of a test utterance said; empty where the manifest has no distributions."""
        path = self.folder / DISTRIBUTIONS
        if not path.exists():
            return {}
        found: Mapping[str, Mapping[str, float]] = _read_or_damaged(
            self.folder, path, lambda p: json.loads(p.read_text(encoding="utf-8"))
        )
        return found

    @cached_property
    def parts(self) -> Mapping[str, Mapping[int, Posteriors]]:
        """By name and seed, the unimodal systems of a fusion; empty for other runs."""
        return {name: self._part(name) for name in self.record.unimodal}

    def part(self, name: str) -> Mapping[int, Posteriors]:
        """The unimodal system `name` by seed."""
        if name not in self.record.unimodal:
            hint = did_you_mean(name, self.record.unimodal)
            raise DataError(f"run {str(self.folder)!r} has no part {name!r}{hint}", "unknown_name")
        return self.parts[name]

    def _part(self, name: str) -> Mapping[int, Posteriors]:
        paths = {seed: posteriors_path(part_folder(self.folder, name), seed) for seed in self.record.seeds}
        there = {seed: path for seed, path in paths.items() if path.exists()}
        if not there:
            raise _damaged(self.folder, f"the posteriors of the part {name!r} are missing")
        return {seed: self._posteriors(path, whole=False) for seed, path in there.items()}

    def _posteriors(self, path: Path, *, whole: bool = True) -> Posteriors:
        """Posteriors of all test utterances, or of some: a part may lack utterances that the fusion has."""
        found: Posteriors = _read_or_damaged(self.folder, path, Posteriors.read)
        if not set(found.ids) <= set(self.labels.ids) or (whole and len(found) < len(self.labels)):
            n = len(set(found.ids) ^ set(self.labels.ids))
            raise _damaged(self.folder, f"{path.name} and labels.parquet differ in {n} ids")
        return found


def write_run(
    folder: Path,
    record: Record,
    labels: Labels,
    posteriors: Mapping[int, Posteriors],
    metrics: Mapping[str, Any],
    *,
    parts: Mapping[str, Mapping[int, Posteriors]] | None = None,
    distributions: Mapping[str, Mapping[str, float]] | None = None,
) -> Run:
    """Write a finished run into `folder`, each file by rename and `metrics.json` last; returns it as read.

    Parameters
    ----------
    posteriors
        By seed, of all test utterances; the seeds must be those of the record.
    parts
        By name and seed, the unimodal systems of a fusion; the names must be `record.unimodal`.
    distributions
        What raters said of the test utterances that they divided over the classes, by id.
    """
    parts = parts or {}
    if set(posteriors) != set(record.seeds):
        raise DataError(f"posteriors of the seeds {sorted(posteriors)}, but the record names {record.seeds}")
    if set(parts) != set(record.unimodal):
        raise DataError(f"posteriors of the parts {sorted(parts)}, but the record names {record.unimodal}")
    folder.mkdir(parents=True, exist_ok=True)
    # What was here before must not look finished while it is being replaced.
    (folder / "metrics.json").unlink(missing_ok=True)
    for name, by_seed in {"": posteriors, **parts}.items():
        for seed, values in by_seed.items():
            path = posteriors_path(part_folder(folder, name) if name else folder, seed)
            path.parent.mkdir(parents=True, exist_ok=True)
            values.write(path)
    labels.write(folder / "labels.parquet")
    (folder / DISTRIBUTIONS).unlink(missing_ok=True)
    if distributions:
        write_json(folder / DISTRIBUTIONS, distributions)
    write_json(folder / "run.json", record.model_dump(mode="json"))
    write_json(folder / "metrics.json", metrics)
    return Run.read(folder)


def read_training_labels(folder: Path) -> Labels:
    """See `Run.training_labels`."""
    path = training_labels_path(folder)
    if not path.exists():
        raise DataError(
            f"run {str(folder)!r} has no {path.name}: fusions are made of runs of `emomodels train`, not of fusions"
        )
    found: Labels = _read_or_damaged(folder, path, Labels.read)
    return found


def training_labels_path(folder: Path) -> Path:
    """Where a run keeps the labels of its training utterances."""
    return folder / "training-labels.parquet"


def posteriors_path(folder: Path, seed: int) -> Path:
    """Where a run, or a part of one, keeps the posteriors of a seed."""
    return folder / f"posteriors-seed{seed}.parquet"


def oof_path(folder: Path, seed: int, fold: str) -> Path:
    """Where a run keeps the out-of-fold posteriors of a fold's training utterances."""
    return folder / f"oof-seed{seed}" / f"fold-{fold}.parquet"


def part_folder(folder: Path, name: str) -> Path:
    """Where a fusion keeps the posteriors of one of its parts."""
    return folder / "parts" / name


def write_json(path: Path, value: Any) -> None:
    """Replace the file `path` by `value` as JSON in one step; what is not defined (NaN) becomes null."""
    write_text(path, json.dumps(_defined(value), ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def _defined(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _defined(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_defined(v) for v in value]
    if hasattr(value, "tolist"):  # NumPy's arrays and scalars
        return _defined(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the numbers; what is not installed is left out.

    >>> "numpy" in versions()
    True
    """
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def command_line(arguments: Sequence[str] | None = None) -> str:
    """The command as it was typed, quoted for a shell.

    >>> command_line(["train", "my recipe.yaml"])
    "emomodels train 'my recipe.yaml'"
    """
    return shlex.join(["emomodels", *(sys.argv[1:] if arguments is None else arguments)])


def _require_finished(folder: Path) -> None:
    named = f"run {str(folder)!r}"
    if not folder.is_dir():
        what = "is a file; give the folder of a run" if folder.exists() else "does not exist"
        raise DataError(f"{named} {what}", "missing_run")
    begun = any((folder / name).exists() for name in ("run.json", "folds", "labels.parquet"))
    if not begun:
        raise DataError(
            f"{str(folder)!r} is not the folder of a run: it has no run.json; make one with `emomodels train`",
            "missing_run",
        )
    missing = [name for name in ("run.json", "metrics.json") if not (folder / name).exists()]
    if missing:
        raise DataError(
            f"{named} is not finished: it has no {' and no '.join(missing)}; give the command that began it once "
            "more, it goes on where it stopped",
            "unfinished_run",
        )


def _read_or_damaged(folder: Path, path: Path, read: Any) -> Any:
    try:
        return read(path)
    except FileNotFoundError:
        raise _damaged(folder, f"{path.name} is missing") from None
    except DataError as error:
        raise _damaged(folder, f"{path.name}: {error}") from None
    # pyarrow's errors are ValueError, KeyError or OSError, according to what is wrong with the file.
    except (ValueError, KeyError, OSError) as error:
        raise _damaged(folder, f"{path.name} cannot be read: {str(error).splitlines()[0]}") from None


def _damaged(folder: Path, what: str) -> DataError:
    return DataError(f"run {str(folder)!r} is damaged: {what}; make it again", "damaged_run")
