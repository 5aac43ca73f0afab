"""Posteriors that know their classes, their scale, and on whom their model was trained."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from emofeat._suggest import did_you_mean
from emomodels.exceptions import DataError

__all__ = ["Posteriors", "Scale", "align", "concat", "named", "predictions", "same_keys"]

Scale = Literal["probability", "logit"]

#: How far a row of probabilities may be from 1: the rounding of a float32 softmax, or of a table with six digits.
ROW_SUM_TOLERANCE = 1e-5
#: Schema of the Parquet file; raised when a reader of the older one would misread it.
SCHEMA = 1
#: Columns of the Parquet file that are no classes.
_KEYS = ("id", "fold")


@dataclass(frozen=True, slots=True, eq=False)
class Posteriors:
    """What one model, or the models of several folds, say about `n` utterances.

    Parameters
    ----------
    ids
        Keys of the utterances, all different.
    classes
        Names of the `K` classes, in the order of the columns.
    values
        `(n, K)`, float64: probabilities whose rows sum to 1, or logits.
    scale
        Which of the two.
    model
        Name of the model.
    folds
        For each row the name of the fold whose model made it.
    trained_on
        For each of these folds the ids that its model has seen in training or in any choice (early
        stopping, hyper-parameters, normalisation); a fold without entry: not known.

    Raises
    ------
    DataError
        Lengths that differ, ids or classes that repeat, values that are not finite, probabilities outside
        0 to 1 or rows that do not sum to 1 within 1e-5, training ids of a fold that no row names.

    Examples
    --------
    >>> p = Posteriors(("a", "b"), ("sad", "happy"), [[0.9, 0.1], [0.3, 0.7]], "probability", "svm",
    ...                ("0", "1"), {"0": {"b"}, "1": {"b"}})
    >>> p.predictions
    {'a': 'sad', 'b': 'happy'}
    >>> p.in_sample
    array([False,  True])
    """

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    values: NDArray[np.float64]
    scale: Scale
    model: str
    folds: tuple[str, ...]
    trained_on: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "ids", tuple(self.ids))
        put(self, "classes", tuple(self.classes))
        put(self, "folds", tuple(self.folds))
        put(self, "values", np.asarray(self.values, np.float64))
        put(self, "trained_on", {fold: frozenset(ids) for fold, ids in self.trained_on.items()})
        if self.scale not in get_args(Scale):
            known = get_args(Scale)
            raise DataError(
                f"unknown scale {self.scale!r}{did_you_mean(self.scale, known)}; known: {', '.join(known)}"
            )
        self._check_shapes()
        self._check_values()

    def _check_shapes(self) -> None:
        n, k = len(self.ids), len(self.classes)
        for what, names in (("id", self.ids), ("class", self.classes)):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise DataError(
                    f"the {what} {twice[0]!r} occurs {names.count(twice[0])} times; each has one place"
                )
        if not k:
            raise DataError("posteriors without classes; name the class of each column")
        if self.values.shape != (n, k):
            raise DataError(f"{n} ids and {k} classes need values of shape {(n, k)}, not {self.values.shape}")
        if len(self.folds) != n:
            raise DataError(f"{n} ids, but folds for {len(self.folds)}")
        unknown = sorted(set(self.trained_on) - set(self.folds)) if n else []
        if unknown:
            raise DataError(
                f"training ids of the fold {unknown[0]!r}, which made no row"
                f"{did_you_mean(unknown[0], self.folds)}; folds: {', '.join(sorted(set(self.folds)))}"
            )

    def _check_values(self) -> None:
        bad = ~np.isfinite(self.values).all(axis=1)
        if bad.any():
            raise DataError(
                f"{bad.sum()} of {len(self.ids)} rows of {self.model!r} are not finite, such as {self.ids[int(bad.argmax())]!r}"
            )
        if self.scale == "logit":
            return
        sums = self.values.sum(axis=1)
        outside = (self.values < 0).any(axis=1) | (np.abs(sums - 1) > ROW_SUM_TOLERANCE)
        if outside.any():
            at = int(outside.argmax())
            raise DataError(
                f"{outside.sum()} of {len(self.ids)} rows of {self.model!r} are no probabilities: that of {self.ids[at]!r} "
                f"has the sum {sums[at]:.6g} and the least value {self.values[at].min():.3g}; logits need scale='logit'"
            )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """`(n, K)`: the values, or the softmax of logits."""
        return self.values if self.scale == "probability" else np.exp(self.log_probabilities)

    @property
    def log_probabilities(self) -> NDArray[np.float64]:
        """`(n, K)`, natural logarithm; a probability of 0 gives that of the smallest normal float64, -708.4."""
        if self.scale == "probability":
            return np.log(np.maximum(self.values, np.finfo(np.float64).tiny))
        shifted = self.values - self.values.max(axis=1, keepdims=True)
        normalised: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return normalised

    @property
    def predictions(self) -> dict[str, str]:
        """The most probable class of each id; of equal ones the first in `classes`."""
        return {i: self.classes[k] for i, k in zip(self.ids, self.values.argmax(axis=1), strict=True)}

    @property
    def provenance_known(self) -> NDArray[np.bool_]:
        """`(n,)`: whether it is known on whom the row's model was trained."""
        return np.array([fold in self.trained_on for fold in self.folds], bool)

    @property
    def in_sample(self) -> NDArray[np.bool_]:
        """`(n,)`: whether the row's model has seen the utterance; False too where `provenance_known` is."""
        nothing: frozenset[str] = frozenset()
        return np.array(
            [i in self.trained_on.get(f, nothing) for i, f in zip(self.ids, self.folds, strict=True)], bool
        )

    def reorder(self, classes: Sequence[str]) -> Posteriors:
        """The same posteriors with the columns in another order, by name.

        Raises
        ------
        DataError
            The names are not the same.

        Examples
        --------
        >>> p = Posteriors(("a",), ("sad", "happy"), [[0.9, 0.1]], "probability", "svm", ("0",))
        >>> p.reorder(["happy", "sad"]).values
        array([[0.1, 0.9]])
        """
        wanted = tuple(classes)
        if wanted == self.classes:
            return self
        missing, extra = set(wanted) - set(self.classes), set(self.classes) - set(wanted)
        if missing or extra or len(wanted) != len(self.classes):
            raise DataError(
                f"posteriors of {self.model!r} have the classes {', '.join(self.classes)}, not {', '.join(wanted)}"
                + (f"; they lack {', '.join(sorted(missing))}" if missing else "")
                + (f"; {', '.join(sorted(extra))} is more than asked for" if extra else "")
            )
        columns = [self.classes.index(name) for name in wanted]
        return replace(self, classes=wanted, values=self.values[:, columns])

    def take(self, positions: Sequence[int] | NDArray[Any]) -> Posteriors:
        """The rows at `positions` (or where a mask is true), in that order."""
        chosen = np.asarray(positions)
        at = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.intp)
        folds = tuple(self.folds[p] for p in at)
        kept = set(folds)
        return replace(
            self,
            ids=tuple(self.ids[p] for p in at),
            values=self.values[at],
            folds=folds,
            trained_on={fold: ids for fold, ids in self.trained_on.items() if fold in kept},
        )

    def align(self, ids: Iterable[str]) -> Posteriors:
        """The rows of `ids`, in their order; rows of other ids are left out.

        Raises
        ------
        DataError
            Ids without a row: how many, and which.
        """
        wanted = tuple(ids)
        at = {i: p for p, i in enumerate(self.ids)}
        lacking = [i for i in wanted if i not in at]
        if lacking:
            raise DataError(
                f"{self.model!r} has no posteriors for {len(lacking)} of {len(wanted)} ids: {named(lacking)}"
            )
        return self.take([at[i] for i in wanted])

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a Parquet file: `id`, `fold`, one float64 column named by each class; the rest as JSON metadata.

        The file appears under its name when it is complete.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        from emofeat.store.write import atomic

        taken = [name for name in self.classes if name in _KEYS]
        if taken:
            raise DataError(
                f"a class cannot be called {taken[0]!r}: the file has a column of that name; rename the class"
            )
        meta = {
            "schema": SCHEMA,
            "classes": self.classes,
            "scale": self.scale,
            "model": self.model,
            "trained_on": {fold: sorted(ids) for fold, ids in sorted(self.trained_on.items())},
        }
        columns = [pa.array(self.ids, pa.string()), pa.array(self.folds, pa.string())]
        columns += [pa.array(np.ascontiguousarray(column)) for column in self.values.T]
        table = pa.table(columns, names=[*_KEYS, *self.classes])
        table = table.replace_schema_metadata({"emomodels": json.dumps(meta, ensure_ascii=False)})
        with atomic(Path(path)) as temp:
            pq.write_table(table, temp, compression="zstd")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Posteriors:
        """Read what `write` wrote, bit for bit.

        Raises
        ------
        DataError
            There is no such file, or it holds no posteriors.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = Path(path)
        if not path.is_file():
            raise DataError(
                f"{path}: no such file; posteriors are written by `emomodels train`", "no_such_file"
            )
        try:
            table = pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: not a readable Parquet file: {error}") from error
        stored = (table.schema.metadata or {}).get(b"emomodels")
        meta = json.loads(stored) if stored else {}
        if meta.get("schema") != SCHEMA:
            raise DataError(
                f"{path}: no posteriors of emomodels with schema {SCHEMA}, but {meta.get('schema', 'other data')}"
            )
        values = [table.column(name).to_numpy() for name in meta["classes"]]
        return cls(
            ids=tuple(table.column("id").to_pylist()),
            classes=tuple(meta["classes"]),
            values=np.stack(values, axis=1),
            scale=meta["scale"],
            model=meta["model"],
            folds=tuple(table.column("fold").to_pylist()),
            trained_on={fold: frozenset(ids) for fold, ids in meta["trained_on"].items()},
        )


def concat(parts: Sequence[Posteriors]) -> Posteriors:
    """All rows of `parts`, with the classes in the order of the first.

    Raises
    ------
    DataError
        No parts, parts on different scales or of different models, ids in more than one part, or one
        fold with different training ids.
    """
    if not parts:
        raise DataError("nothing to put together: no posteriors were given")
    first = parts[0]
    trained_on: dict[str, frozenset[str] | None] = {}
    for part in parts:
        if (part.scale, part.model) != (first.scale, first.model):
            raise DataError(
                f"posteriors of {first.model!r} ({first.scale}) and of {part.model!r} ({part.scale}) do not go "
                "into one table; fuse models with emomodels.fusion"
            )
        for fold in set(part.folds):
            seen = part.trained_on.get(fold)
            if trained_on.setdefault(fold, seen) != seen:
                raise DataError(
                    f"two parts name different training ids for the fold {fold!r} of {part.model!r}"
                )
    return replace(
        first,
        ids=tuple(i for p in parts for i in p.ids),
        values=np.concatenate([p.reorder(first.classes).values for p in parts]),
        folds=tuple(f for p in parts for f in p.folds),
        trained_on={fold: ids for fold, ids in trained_on.items() if ids is not None},
    )


def predictions(given: Posteriors | Mapping[str, str]) -> Mapping[str, str]:
    """The class that was decided for each id: of posteriors the most probable one."""
    return given.predictions if isinstance(given, Posteriors) else given


def same_keys(what: str, given: Iterable[str], wanted: Iterable[str]) -> None:
    """Refuse `what` unless it has exactly the ids that are wanted; fewer or more would change `n` unseen.

    Raises
    ------
    DataError
        How many ids lack or are too many, and which.
    """
    have, want = set(given), set(wanted)
    lacking, surplus = sorted(want - have), sorted(have - want)
    if lacking or surplus:
        told = [f"lack {len(lacking)} of {len(want)} labelled ids ({named(lacking)})"] if lacking else []
        told += [f"have {len(surplus)} ids without a label ({named(surplus)})"] if surplus else []
        raise DataError(f"{what} {' and '.join(told)}; choose the same ids on both sides")


def align(what: str, values: Mapping[str, Any], ids: Sequence[str]) -> list[Any]:
    """`values` in the order of `ids`, joined by key; `what` names them in errors.

    Raises
    ------
    DataError
        Ids without a value: how many, and which.
    """
    lacking = [i for i in ids if i not in values]
    if lacking:
        raise DataError(f"no {what} for {len(lacking)} of {len(ids)} ids: {named(lacking)}")
    return [values[i] for i in ids]


def named(ids: Sequence[str], most: int = 3) -> str:
    """The first ids and how many more there are, for messages.

    >>> named(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    rest = len(ids) - most
    return ", ".join(ids[:most]) + (f" and {rest} more" if rest > 0 else "")
