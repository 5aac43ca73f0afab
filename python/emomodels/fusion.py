"""Several modalities, one decision: early, late and stacked fusion, joined by key.

Early fusion is `early`, which puts features side by side for one model. Late fusion is a `Fusion` of posteriors:
`product` and `mean` need no training, `weighted` and `stacked` learn from posteriors that must be out-of-fold.
A fusion of features inside a model keeps the same contract with `takes = "features"`.

What lacks a modality is never filled in: it is refused, or (`missing="marginal"`) decided by the modalities that
are there, and counted.
"""

from __future__ import annotations

import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from emofeat._suggest import did_you_mean
from emofeat.corpus import guard
from emomodels.data.examples import Examples
from emomodels.exceptions import DataError, ModelError, RecipeError
from emomodels.metrics import Metrics, evaluate
from emomodels.models.base import Settings
from emomodels.posteriors import Posteriors, align, named, same_keys
from emomodels.results import Result
from emomodels.statistics import Comparison, compare, holm

#: Raised when a reader of the older files would misread them.
SCHEMA = 1
_MAX_ITERATIONS = 10_000
#: Where the optimiser of the combiner stops: scikit-learn's default, 1e-4, leaves posteriors that differ by up to
#: 0.02 from version to version; this leaves 0.0002.
_GRADIENT = 1e-6

Input = TypeVar("Input", Posteriors, Examples)


@dataclass(frozen=True, slots=True)
class Fused:
    """Posteriors of a fusion, what each modality lacked, and what must be printed on the result."""

    posteriors: Posteriors
    missing: Mapping[str, tuple[str, ...]]
    stamps: tuple[str, ...]

    @property
    def n_incomplete(self) -> int:
        """How many utterances lacked at least one modality."""
        return len({i for ids in self.missing.values() for i in ids})


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which rows of one modality a fusion was trained on, and whom the models behind them have seen."""

    ids: tuple[str, ...]
    folds: tuple[str, ...]
    trained_on: Mapping[str, frozenset[str]]


class FusionSettings(Settings):
    """Settings of every fusion.

    `missing`: an utterance that lacks a modality is an error (`refuse`), or is decided by those that it has.
    """

    missing: Literal["refuse", "marginal"] = "refuse"


class StackedSettings(FusionSettings):
    """Settings of the combiner: inverse strength of its L2 penalty, and the scaling of its inputs."""

    C: float = Field(default=1.0, gt=0)
    scaling: Literal["minmax", "standard", "none"] = "minmax"


class Fusion(ABC, Generic[Input]):
    """From several modalities to posteriors; fitted on training ids, asked about others."""

    #: Name in recipes and on the command line.
    name: ClassVar[str]
    #: What it combines.
    takes: ClassVar[Literal["posteriors", "features"]]
    #: Whether it learns from labels.
    trained: ClassVar[bool]
    settings_class: ClassVar[type[FusionSettings]] = FusionSettings

    def __init__(self, settings: FusionSettings | None = None) -> None:
        self.settings = settings or self.settings_class()
        #: Names of the modalities and of the classes; set by `fit`.
        self.modalities: tuple[str, ...] = ()
        self.classes: tuple[str, ...] = ()

    @abstractmethod
    def fit(
        self, parts: Mapping[str, Input], labels: Mapping[str, str], *, protocol: guard.Protocol = guard.CLEAN
    ) -> None:
        """Learn from `parts`, by name of the modality, and the labels of their ids.

        Raises
        ------
        LeakageError
            Posteriors of utterances that their own model was trained on, or of models of which that is not known.
        DataError
            Modalities of different classes or (unless `marginal`) ids, an id without label, a class without example.
        """

    @abstractmethod
    def predict(self, parts: Mapping[str, Input], *, protocol: guard.Protocol = guard.CLEAN) -> Fused:
        """What the modalities say together about the ids that any of them has, in the order of the first.

        Raises
        ------
        LeakageError
            The fusion, or a model behind it, has seen these ids in training.
        DataError
            Other modalities or classes than it was fitted on, or (unless `marginal`) ids that lack a modality.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the fitted fusion: JSON and safetensors, no pickle."""


class LateFusion(Fusion[Posteriors]):
    """A fusion of posteriors: what `product`, `mean`, `weighted` and `stacked` have in common."""

    takes = "posteriors"

    def __init__(self, settings: FusionSettings | None = None) -> None:
        super().__init__(settings)
        #: By modality, the rows that it learnt from; empty for rules.
        self.provenance: dict[str, Provenance] = {}

    def fit(
        self,
        parts: Mapping[str, Posteriors],
        labels: Mapping[str, str],
        *,
        protocol: guard.Protocol = guard.CLEAN,
    ) -> None:
        joined = _Joined.of(parts, self.settings.missing)
        if self.trained:
            for name, p in parts.items():
                guard.check_posteriors(name, p.ids, p.folds, p.trained_on, protocol=protocol)
            true = _indices(labels, joined.ids, joined.classes)
            self.provenance = {m: Provenance(p.ids, p.folds, p.trained_on) for m, p in parts.items()}
            self._learn(joined, true)
        self.modalities, self.classes = tuple(parts), joined.classes

    def predict(self, parts: Mapping[str, Posteriors], *, protocol: guard.Protocol = guard.CLEAN) -> Fused:
        if self.trained and not self.modalities:
            raise ModelError(
                f"the fusion {self.name!r} is not fitted; call fit with out-of-fold posteriors first"
            )
        if self.modalities:
            _same_modalities(self.modalities, parts)
            parts = {name: parts[name].reorder(self.classes) for name in self.modalities}
        stamps: dict[str, None] = {}
        for name, p in parts.items():
            stamps |= dict.fromkeys(
                guard.check_posteriors(name, p.ids, p.folds, p.trained_on, protocol=protocol).stamps
            )
        joined = _Joined.of(parts, self.settings.missing)
        for name, seen in self.provenance.items():
            what = f"the {name} posteriors behind {self.name}"
            found = guard.check_posteriors(what, seen.ids, seen.folds, seen.trained_on, joined.ids, protocol)
            fitted = guard.check_fit(f"{self.name} on {name}", seen.ids, joined.ids, protocol)
            stamps |= dict.fromkeys((*found.stamps, *fitted.stamps))
        missing = {name: joined.lacking(name) for name in joined.names}
        posteriors = Posteriors(
            ids=joined.ids,
            classes=joined.classes,
            values=self._combine(joined),
            scale="probability",
            model=f"{self.name}({', '.join(joined.names)})",
            folds=joined.folds,
            trained_on=self._trained_on(parts),
        )
        return Fused(posteriors, missing, (*protocol.stamps, *stamps))

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save

        from emofeat.store.write import atomic, write_text

        folder.mkdir(parents=True, exist_ok=True)
        with atomic(folder / "fusion.safetensors") as temp:
            temp.write_bytes(save(self._arrays()))
        stored = {
            "schema": SCHEMA,
            "name": self.name,
            "settings": self.settings.model_dump(mode="json"),
            "modalities": self.modalities,
            "classes": self.classes,
            "provenance": {
                name: {
                    "ids": p.ids,
                    "folds": p.folds,
                    "trained_on": {f: sorted(i) for f, i in p.trained_on.items()},
                }
                for name, p in self.provenance.items()
            },
        }
        # Written last: a folder without it holds no fusion.
        write_text(folder / "fusion.json", json.dumps(stored, ensure_ascii=False) + "\n")

    def _trained_on(self, parts: Mapping[str, Posteriors]) -> dict[str, frozenset[str]]:
        """For each fold all ids that anything behind its rows has seen; none where that of one modality is unknown."""
        own = frozenset(
            i for p in self.provenance.values() for ids in (p.ids, *p.trained_on.values()) for i in ids
        )
        folds = {f for p in parts.values() for f in p.folds}
        using = {f: [p for p in parts.values() if f in p.folds] for f in folds}
        return {
            fold: own.union(*(p.trained_on[fold] for p in given))
            for fold, given in using.items()
            if all(fold in p.trained_on for p in given)
        }

    def _learn(self, joined: _Joined, true: NDArray[np.int64]) -> None:
        """Fit to the indices of the labels; rules have nothing to learn."""

    @abstractmethod
    def _combine(self, joined: _Joined) -> NDArray[np.float64]:
        """Probabilities `(n, K)`."""

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `_arrays` gave."""


class Product(LateFusion):
    """The normalised product of the posteriors, which is Bayes' rule for independent modalities and equal priors."""

    name = "product"
    trained = False

    def _combine(self, joined: _Joined) -> NDArray[np.float64]:
        total = np.where(joined.present[:, :, None], joined.log_probabilities, 0).sum(axis=0)
        return _softmax(total)


class Mean(LateFusion):
    """The mean of the posteriors."""

    name = "mean"
    trained = False

    def _combine(self, joined: _Joined) -> NDArray[np.float64]:
        return _mixture(joined, np.ones(len(joined.names)))


class Weighted(LateFusion):
    """The mean of the posteriors with the weights, at least 0, that make the training labels most likely.

    The likelihood of a mixture has one maximum, to which expectation maximisation leads from equal weights
    (Dempster et al. 1977). Utterances that lack a modality do not take part in the fit.
    """

    name = "weighted"
    trained = True

    def __init__(self, settings: FusionSettings | None = None) -> None:
        super().__init__(settings)
        #: One for each modality, with the sum 1.
        self.weights = np.zeros(0)

    def _learn(self, joined: _Joined, true: NDArray[np.int64]) -> None:
        whole = joined.present.all(axis=0)
        if not whole.any():
            raise DataError("no training utterance has all modalities; weights need some that do")
        likelihood = np.exp(joined.log_probabilities[:, np.arange(len(true)), true][:, whole])
        weights = np.full(len(joined.names), 1 / len(joined.names))
        for _ in range(_MAX_ITERATIONS):
            shares = weights[:, None] * likelihood
            updated = (shares / shares.sum(axis=0)).mean(axis=1)
            done = np.abs(updated - weights).max() < 1e-9
            weights = updated
            if done:
                break
        self.weights = weights

    def _combine(self, joined: _Joined) -> NDArray[np.float64]:
        return _mixture(joined, self.weights)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"weights": self.weights}

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.weights = arrays["weights"]


@dataclass(frozen=True, slots=True)
class _Combiner:
    """A multinomial logistic regression on scaled columns: `softmax(((x - offset) / scale) @ weights.T + bias)`."""

    offset: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return _softmax((x - self.offset) / self.scale @ self.weights.T + self.bias)


class Stacked(LateFusion):
    """Logistic regression on the values of all modalities side by side, as they are: logits or probabilities.

    With `missing="marginal"` there is one regression for every set of modalities, trained on all utterances
    that have at least these; an utterance is decided by the one of exactly what it has.
    """

    name = "stacked"
    trained = True
    settings_class = StackedSettings

    def __init__(self, settings: FusionSettings | None = None) -> None:
        super().__init__(settings)
        self.combiners: dict[tuple[str, ...], _Combiner] = {}

    def _learn(self, joined: _Joined, true: NDArray[np.int64]) -> None:
        sizes = (
            range(1, len(joined.names) + 1) if self.settings.missing == "marginal" else [len(joined.names)]
        )
        for names in (names for size in sizes for names in combinations(joined.names, size)):
            rows = joined.having(names)
            absent = [c for k, c in enumerate(joined.classes) if not (true[rows] == k).any()]
            if absent:
                raise DataError(
                    f"no training utterance of class {absent[0]!r} has {' and '.join(names)}; a combiner cannot learn "
                    "it: take more folds or speakers, or the product rule"
                )
            assert isinstance(self.settings, StackedSettings)
            self.combiners[names] = _fit_combiner(joined.columns(names, rows), true[rows], self.settings)

    def _combine(self, joined: _Joined) -> NDArray[np.float64]:
        values = np.empty((len(joined.ids), len(joined.classes)))
        for pattern in np.unique(joined.present.T, axis=0):
            names = tuple(name for name, there in zip(joined.names, pattern, strict=True) if there)
            rows = (pattern == joined.present.T).all(axis=1)
            values[rows] = self.combiners[names](joined.columns(names, rows))
        return values

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {
            f"{'+'.join(str(self.modalities.index(name)) for name in names)}.{part}": getattr(combiner, part)
            for names, combiner in self.combiners.items()
            for part in _Combiner.__slots__
        }

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        for stem in sorted({key.partition(".")[0] for key in arrays}):
            names = tuple(self.modalities[int(i)] for i in stem.split("+"))
            self.combiners[names] = _Combiner(*(arrays[f"{stem}.{part}"] for part in _Combiner.__slots__))


#: Late fusions by name.
FUSIONS: dict[str, type[LateFusion]] = {cls.name: cls for cls in (Product, Mean, Weighted, Stacked)}


def fusion(name: str, **settings: Any) -> LateFusion:
    """A late fusion by name.

    Raises
    ------
    RecipeError
        An unknown name or setting, or a value out of range.

    Examples
    --------
    >>> fusion("stacked", C=0.1).settings
    StackedSettings(missing='refuse', C=0.1, scaling='minmax')
    """
    if name not in FUSIONS:
        raise RecipeError(
            f"unknown fusion {name!r}{did_you_mean(name, FUSIONS)}; known: {', '.join(FUSIONS)}"
        )
    found = FUSIONS[name]
    known = found.settings_class.model_fields
    for key in settings:
        if key not in known:
            raise RecipeError(
                f"fusion {name!r} has no setting {key!r}{did_you_mean(key, known)}; known: {', '.join(known)}"
            )
    try:
        return found(found.settings_class.model_validate(settings))
    except ValidationError as error:
        first = error.errors()[0]
        raise RecipeError(f"fusion {name!r}: {first['loc'][0]}: {first['msg']}") from None


def load(folder: Path) -> LateFusion:
    """The fusion that `save` wrote into `folder`.

    Raises
    ------
    ModelError
        There is none, or it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not (folder / "fusion.json").is_file():
        raise ModelError(f"{folder} holds no fusion: fusion.json is missing", "no_such_file")
    try:
        stored = json.loads((folder / "fusion.json").read_text(encoding="utf-8"))
        if stored["schema"] != SCHEMA:
            raise ModelError(f"{folder}: a fusion of schema {stored['schema']}, this version reads {SCHEMA}")
        found = fusion(stored["name"], **stored["settings"])
        found.modalities, found.classes = tuple(stored["modalities"]), tuple(stored["classes"])
        found.provenance = {
            name: Provenance(
                tuple(p["ids"]), tuple(p["folds"]), {f: frozenset(ids) for f, ids in p["trained_on"].items()}
            )
            for name, p in stored["provenance"].items()
        }
        found._restore(load_file(folder / "fusion.safetensors"))
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{folder}: the fusion cannot be read: {error}") from error
    return found


def early(parts: Mapping[str, Examples]) -> Examples:
    """The features of several modalities side by side, for one model; joined by id, in the order of the first.

    Raises
    ------
    DataError
        No parts, sequences, modalities with different ids, classes, labels or speakers.

    Examples
    --------
    >>> a = Examples(("u", "v"), np.array([[1.0], [2.0]]), ("f0",), ("sad", "happy"), np.array([0, 1]))
    >>> b = Examples(("v", "u"), np.array([[4.0], [3.0]]), ("AU12",), ("sad", "happy"), np.array([1, 0]))
    >>> e = early({"audio": a, "video": b})
    >>> e.columns, e.x.tolist()
    (('audio.f0', 'video.AU12'), [[1.0, 3.0], [2.0, 4.0]])
    """
    _refuse_incomplete({name: e.ids for name, e in parts.items()})
    first_name, first = next(iter(parts.items()))
    aligned = {}
    for name, e in parts.items():
        if e.sequences:
            raise DataError(
                f"{name!r} holds sequences, which have no columns side by side; take functionals or pool them"
            )
        at = {id_: row for row, id_ in enumerate(e.ids)}
        aligned[name] = e.take([at[id_] for id_ in first.ids])
        if e.classes != first.classes:
            raise DataError(
                f"{name!r} has the classes {', '.join(e.classes)}, {first_name!r} {', '.join(first.classes)}"
            )
        _same_labels(first_name, first, name, aligned[name])
    return Examples(
        ids=first.ids,
        x=np.concatenate([np.asarray(e.x) for e in aligned.values()], axis=1),
        columns=tuple(f"{name}.{column}" for name, e in aligned.items() for column in e.columns),
        classes=first.classes,
        y=first.y,
        speakers=first.speakers,
    )


class FusionRow(Result):
    """A line of a fusion table; `against` compares the fusion with this part, None in the fusion's own line.

    The p-values are corrected by Holm for the number of parts.
    """

    name: str
    metrics: Metrics
    against: Comparison | None = None
    p_permutation: float | None = None
    p_mcnemar: float | None = None


class FusionTable(Result):
    """A fusion beside its parts, on the `n` utterances that have all of them; `n_left_out` have not.

    `every` are the metrics of the fusion on all utterances, None where all are complete.
    """

    n: int
    n_left_out: int
    rows: tuple[FusionRow, ...]
    every: Metrics | None

    @property
    def beats_its_parts(self) -> bool:
        """Whether the UAR is higher than that of every part, each at p < .05 by the permutation test after Holm."""
        parts = [(row.against, row.p_permutation) for row in self.rows if row.against is not None]
        return all(against.uar > 0 and p is not None and p < 0.05 for against, p in parts)


def fusion_table(
    labels: Mapping[str, str],
    fused: Posteriors,
    parts: Mapping[str, Posteriors],
    *,
    speakers: Mapping[str, str] | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> FusionTable:
    """The metrics of a fusion and of each of its parts on the same utterances, with paired tests.

    Parameters
    ----------
    labels
        Name of the class of every id of `fused`.
    fused, parts
        Posteriors of the fusion, and by name of the modality those that it is made of.
    speakers
        By id; intervals and the permutation test are over them.

    Raises
    ------
    DataError
        No parts, ids that differ, no utterance with all modalities.
    """
    if not parts:
        raise DataError("a fusion is shown beside its parts; give their posteriors")
    same_keys("the fused posteriors", fused.ids, labels)
    everywhere = set.intersection(*(set(p.ids) for p in parts.values()))
    whole = [i for i in labels if i in everywhere]
    if not whole:
        raise DataError("no utterance has all modalities, so that there is nothing to compare the fusion on")
    truth = {i: labels[i] for i in whole}
    ours, given = (
        fused.align(whole),
        {name: p.align(whole).reorder(fused.classes) for name, p in parts.items()},
    )
    against = {
        name: compare(truth, ours, p, speakers=speakers, n_boot=n_boot, seed=seed)
        for name, p in given.items()
    }
    permutation = holm({name: c.permutation.p for name, c in against.items()})
    mcnemar = holm({name: c.mcnemar.p for name, c in against.items()})
    scored: dict[str, Any] = {"speakers": speakers, "n_boot": n_boot, "seed": seed}
    rows = [FusionRow(name=fused.model, metrics=evaluate(truth, ours, **scored))]
    rows += [
        FusionRow(
            name=name,
            metrics=evaluate(truth, p, **scored),
            against=against[name],
            p_permutation=permutation[name],
            p_mcnemar=mcnemar[name],
        )
        for name, p in given.items()
    ]
    incomplete = len(labels) - len(whole)
    every = evaluate(labels, fused, **scored) if incomplete else None
    return FusionTable(n=len(whole), n_left_out=incomplete, rows=tuple(rows), every=every)


@dataclass(frozen=True, slots=True)
class _Joined:
    """Posteriors of `m` modalities over the same `n` ids: values and log-probabilities `(m, n, K)`, NaN if absent."""

    ids: tuple[str, ...]
    folds: tuple[str, ...]
    classes: tuple[str, ...]
    names: tuple[str, ...]
    values: NDArray[np.float64]
    log_probabilities: NDArray[np.float64]
    present: NDArray[np.bool_]

    @classmethod
    def of(cls, parts: Mapping[str, Posteriors], missing: str) -> _Joined:
        if missing == "refuse" or not parts:
            _refuse_incomplete({name: p.ids for name, p in parts.items()})
        classes = next(iter(parts.values())).classes
        ids = tuple(dict.fromkeys(i for p in parts.values() for i in p.ids))
        if not ids:
            raise DataError("nothing to fuse: the posteriors are of no utterances")
        at = {i: row for row, i in enumerate(ids)}
        values, logs = np.full((2, len(parts), len(ids), len(classes)), np.nan)
        folds: dict[str, str] = {}
        for m, (name, given) in enumerate(parts.items()):
            p = given.reorder(classes)
            rows = [at[i] for i in p.ids]
            values[m, rows], logs[m, rows] = p.values, p.log_probabilities
            for i, fold in zip(p.ids, p.folds, strict=True):
                if folds.setdefault(i, fold) != fold:
                    raise DataError(
                        f"{i!r} is of fold {fold!r} in {name!r}, but of {folds[i]!r} before; use one split"
                    )
        return cls(
            ids, tuple(folds[i] for i in ids), classes, tuple(parts), values, logs, ~np.isnan(values[:, :, 0])
        )

    def lacking(self, name: str) -> tuple[str, ...]:
        there = self.present[self.names.index(name)]
        return tuple(i for i, present in zip(self.ids, there, strict=True) if not present)

    def having(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Where all of these modalities are there."""
        rows = [self.names.index(name) for name in names]
        return np.array([there[rows].all() for there in self.present.T], bool)

    def columns(self, names: Sequence[str], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The values of these modalities side by side."""
        return np.concatenate([self.values[self.names.index(name), rows] for name in names], axis=1)


def _fit_combiner(x: NDArray[np.float64], true: NDArray[np.int64], settings: StackedSettings) -> _Combiner:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    offset, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
    if settings.scaling == "minmax":
        offset, scale = x.min(axis=0), np.ptp(x, axis=0)
    elif settings.scaling == "standard":
        offset, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale == 0, 1, scale)
    model = LogisticRegression(C=settings.C, max_iter=_MAX_ITERATIONS, tol=_GRADIENT)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit((x - offset) / scale, true)
        except ConvergenceWarning:
            raise ModelError(
                f"the combiner did not converge in {_MAX_ITERATIONS:,} iterations; scale its inputs or lower C"
            ) from None
    weights, bias = model.coef_, model.intercept_
    if len(weights) == 1:
        # Two classes have one row, which speaks for the second.
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.array([0.0, bias[0]])
    # One layout in memory before and after saving, since a product of matrices rounds by it.
    return _Combiner(offset, scale, np.ascontiguousarray(weights), bias)


def _mixture(joined: _Joined, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the probabilities that are there; without any weight on these, all of them count the same."""
    shares = weights[:, None] * joined.present
    shares = np.where(shares.sum(axis=0) > 0, shares, joined.present)
    probabilities = np.where(joined.present[:, :, None], np.exp(joined.log_probabilities), 0)
    mixed = (shares[:, :, None] * probabilities).sum(axis=0)
    return _normalised(mixed)


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return _normalised(np.exp(values - values.max(axis=1, keepdims=True)))


def _normalised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = values / values.sum(axis=1, keepdims=True)
    return shares


def _indices(labels: Mapping[str, str], ids: Sequence[str], classes: Sequence[str]) -> NDArray[np.int64]:
    at = {name: k for k, name in enumerate(classes)}
    found = align("label", labels, ids)
    unknown = sorted(set(found) - set(at))
    if unknown:
        raise DataError(
            f"the label {unknown[0]!r} is none of the classes{did_you_mean(unknown[0], at)}: {', '.join(at)}"
        )
    return np.array([at[name] for name in found], np.int64)


def _refuse_incomplete(ids: Mapping[str, Sequence[str]]) -> None:
    if not ids:
        raise DataError("nothing to fuse: no modality was given")
    everyone = {i for of in ids.values() for i in of}
    lacking = {name: sorted(everyone - set(of)) for name, of in ids.items()}
    told = [f"{len(found)} lack {name} ({named(found)})" for name, found in lacking.items() if found]
    if told:
        raise DataError(
            f"of {len(everyone)} utterances {', '.join(told)}; leave them out, or decide them by what they have "
            "(a late fusion with missing='marginal')",
            "missing_modality",
        )


def _same_modalities(fitted: Sequence[str], given: Mapping[str, Any]) -> None:
    if set(fitted) != set(given):
        raise DataError(
            f"fitted on {', '.join(fitted)}, but given {', '.join(given) or 'nothing'}; a modality that is missing "
            "throughout is given as posteriors of no ids, with missing='marginal'"
        )


def _same_labels(first_name: str, first: Examples, name: str, other: Examples) -> None:
    for what, a, b in (("labels", first.y, other.y), ("speakers", first.speakers, other.speakers)):
        if a is not None and b is not None and len(a) and len(b) and list(a) != list(b):
            at = next(k for k, (one, two) in enumerate(zip(a, b, strict=True)) if one != two)
            raise DataError(
                f"{first_name!r} and {name!r} have different {what}, such as those of {first.ids[at]!r}"
            )
