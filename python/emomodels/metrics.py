"""Metrics of a result, always the same ones and under unambiguous names.

UAR is the mean of the recalls of the classes that have labels; accuracy is the share of utterances. A class
without any label has no recall and is named in `absent`; macro F1 is the mean over the classes that occur
among labels or predictions, as in scikit-learn. What is pooled over folds counts every utterance once, and is
the main number; the mean over folds stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emofeat._suggest import did_you_mean
from emomodels.calibration import Calibration, calibration
from emomodels.exceptions import DataError, RecipeError
from emomodels.posteriors import Posteriors, align, predictions, same_keys
from emomodels.results import Result
from emomodels.statistics import bootstrap_speakers

if TYPE_CHECKING:
    from emomodels.runs import Labels

#: The metrics that one number each says, all between 0 and 1.
SCORES = ("accuracy", "uar", "macro_f1", "weighted_f1")
#: Schema of a run's `metrics.json`.
SCHEMA = 1
LEVEL = 0.95


class Scores(Result):
    """Metrics of some utterances; `absent` names the classes that have no label among them."""

    n: int
    accuracy: float
    uar: float
    macro_f1: float
    weighted_f1: float
    absent: tuple[str, ...]


class ClassScores(Result):
    """One class: `n` utterances have it as their label. None: not defined, since nothing has or was given it."""

    n: int
    recall: float | None
    precision: float | None
    f1: float | None


class Intervals(Result):
    """Percentile bootstrap over speakers: by name, the lower and the upper end."""

    level: float
    n_boot: int
    seed: int
    n_speakers: int
    scores: dict[str, tuple[float, float]]
    recall: dict[str, tuple[float, float]]


class Metrics(Scores):
    """All metrics of one system on its test utterances.

    Parameters
    ----------
    classes
        Names, in the order of `confusion`.
    per_class
        Recall, precision, F1 and number of each class.
    confusion
        Counts; rows are labels, columns predictions.
    folds, speakers
        The scores of each; empty where unknown.
    fold_mean, fold_sd
        Mean and standard deviation (n - 1) of each score over the folds; None where there are fewer than two.
    calibration
        None for predictions without probabilities.
    intervals
        None where speakers are unknown or there is only one.
    """

    classes: tuple[str, ...]
    per_class: dict[str, ClassScores]
    confusion: tuple[tuple[int, ...], ...]
    folds: dict[str, Scores]
    fold_mean: dict[str, float] | None
    fold_sd: dict[str, float] | None
    speakers: dict[str, Scores]
    calibration: Calibration | None
    intervals: Intervals | None


class Spread(Result):
    """One metric over several seeds; the standard deviation (n - 1) of a single one is not defined."""

    mean: float
    sd: float | None
    min: float
    max: float


class Summary(Result):
    """Metrics over the seeds of one system, by name; `fold_mean_uar` and so on are means over folds."""

    n_seeds: int
    values: dict[str, Spread]


def evaluate(
    labels: Mapping[str, str],
    predicted: Posteriors | Mapping[str, str],
    classes: Sequence[str] | None = None,
    *,
    speakers: Mapping[str, str] | None = None,
    folds: Mapping[str, str] | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> Metrics:
    """All metrics of one system.

    Parameters
    ----------
    labels
        Name of the class by id.
    predicted
        Posteriors, or the names of the decided classes, of exactly these ids.
    classes
        All classes in the order of the confusion matrix; by default those of the posteriors.
    speakers
        By id; intervals are over them.
    folds
        By id; by default those of the posteriors.
    n_boot, seed
        Draws of the bootstrap; 0 for none.

    Raises
    ------
    DataError
        No utterances, ids that differ, a class that is not among `classes`, an id without speaker or fold.

    Examples
    --------
    >>> labels = {"a": "sad", "b": "sad", "c": "sad", "d": "happy"}
    >>> said = {"a": "sad", "b": "sad", "c": "happy", "d": "happy"}
    >>> found = evaluate(labels, said, ["sad", "happy"])
    >>> found.accuracy, round(found.uar, 4), found.confusion
    (0.75, 0.8333, ((2, 1), (0, 1)))
    """
    if not labels:
        raise DataError("no utterances to evaluate; give labels")
    if isinstance(predicted, Posteriors):
        classes = predicted.classes if classes is None else classes
        folds = dict(zip(predicted.ids, predicted.folds, strict=True)) if folds is None else folds
    elif classes is None:
        raise DataError("predictions do not name all classes; give them in the order of the confusion matrix")
    ids, names = list(labels), tuple(classes)
    said = predictions(predicted)
    same_keys("the predictions", said, labels)
    true = _indices("label", [labels[i] for i in ids], names)
    cells = len(names) * true + _indices("prediction", [said[i] for i in ids], names)
    confusion = _confusions(cells, np.zeros(len(ids), np.int64), 1, len(names))[0]
    by_fold, fold_names = _grouped(cells, "fold", folds, ids, len(names))
    by_speaker, speaker_names = _grouped(cells, "speaker", speakers, ids, len(names))
    over_folds = {name: scores(by_fold)[name] for name in SCORES} if len(by_fold) > 1 else None
    known = predicted.align(ids).reorder(names) if isinstance(predicted, Posteriors) else None
    return Metrics(
        **_scores(confusion, names).to_dict(),
        classes=names,
        per_class=_per_class(confusion, names),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        folds={name: _scores(c, names) for name, c in zip(fold_names, by_fold, strict=True)},
        fold_mean=None if over_folds is None else {name: float(v.mean()) for name, v in over_folds.items()},
        fold_sd=None
        if over_folds is None
        else {name: float(v.std(ddof=1)) for name, v in over_folds.items()},
        speakers={name: _scores(c, names) for name, c in zip(speaker_names, by_speaker, strict=True)},
        calibration=calibration(known.log_probabilities, true) if known is not None else None,
        intervals=_intervals(by_speaker, confusion, names, n_boot, seed)
        if len(by_speaker) > 1 and n_boot
        else None,
    )


def score(name: str, labels: Mapping[str, str], predicted: Posteriors | Mapping[str, str]) -> float:
    """One of `SCORES` alone, for choosing settings.

    >>> score("uar", {"a": "sad", "b": "happy"}, {"a": "sad", "b": "sad"})
    0.5
    """
    if name not in SCORES:
        raise RecipeError(f"unknown metric {name!r}{did_you_mean(name, SCORES)}; known: {', '.join(SCORES)}")
    said = predictions(predicted)
    classes = sorted({*labels.values(), *said.values()})
    return float(getattr(evaluate(labels, said, classes, n_boot=0), name))


def scores(confusion: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """`SCORES` and the recalls of confusion matrices `(..., K, K)`, rows true; NaN where nothing is labelled.

    >>> {name: round(float(v), 3) for name, v in scores([[2, 1], [0, 1]]).items() if name in SCORES}
    {'accuracy': 0.75, 'uar': 0.833, 'macro_f1': 0.733, 'weighted_f1': 0.767}
    """
    c = np.asarray(confusion, np.float64)
    hits = np.diagonal(c, axis1=-2, axis2=-1)
    labelled, given = c.sum(axis=-1), c.sum(axis=-2)
    n = labelled.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, f1 = hits / labelled, 2 * hits / (labelled + given)
        return {
            "accuracy": hits.sum(axis=-1) / n,
            "uar": np.where(labelled > 0, recall, 0).sum(axis=-1) / (labelled > 0).sum(axis=-1),
            "macro_f1": np.where(labelled + given > 0, f1, 0).sum(axis=-1)
            / (labelled + given > 0).sum(axis=-1),
            "weighted_f1": np.where(labelled > 0, f1 * labelled, 0).sum(axis=-1) / n,
            "recall": recall,
        }


def summarise(metrics: Sequence[Metrics]) -> Summary:
    """Mean, standard deviation and range of the metrics of several seeds.

    Raises
    ------
    DataError
        No metrics, or metrics of different utterances or classes.
    """
    if not metrics:
        raise DataError("nothing to summarise: no metrics were given")
    first = metrics[0]
    for other in metrics[1:]:
        if other.classes != first.classes or [c.n for c in other.per_class.values()] != [
            c.n for c in first.per_class.values()
        ]:
            raise DataError(
                "the seeds were evaluated on different utterances or classes; evaluate all on the same"
            )
    values = {name: _spread(getattr(m, name) for m in metrics) for name in SCORES}
    if first.fold_mean is not None:
        values |= {
            f"fold_mean_{name}": _spread((m.fold_mean or {})[name] for m in metrics) for name in SCORES
        }
    if all(m.calibration is not None for m in metrics):
        values |= {
            name: _spread(getattr(m.calibration, name) for m in metrics) for name in ("ece", "nll", "brier")
        }
    return Summary(n_seeds=len(metrics), values=values)


def of_run(
    labels: Labels,
    posteriors: Mapping[int, Posteriors],
    distributions: Mapping[str, Mapping[str, float]] | None = None,
) -> dict[str, Any]:
    """What a run's `metrics.json` says: `schema`, `seeds` with the `Metrics` of each, and their `summary`.

    Where raters' `distributions` over the classes are known, `distributions` are the `SoftMetrics` of each seed on
    the utterances that have one.
    """
    truth = dict(zip(labels.ids, labels.labels, strict=True))
    speakers = {i: s for i, s in zip(labels.ids, labels.speakers, strict=True) if s is not None}
    folds = dict(zip(labels.ids, labels.folds, strict=True))
    found = {s: evaluate(truth, p, speakers=speakers or None, folds=folds) for s, p in posteriors.items()}
    content = {
        "schema": SCHEMA,
        "seeds": {str(s): m.to_dict() for s, m in found.items()},
        "summary": summarise(list(found.values())).to_dict(),
    }
    if distributions:
        content["distributions"] = {
            str(s): evaluate_distributions(distributions, p.align(distributions)).to_dict()
            for s, p in posteriors.items()
        }
    return content


class SoftMetrics(Result):
    """Posteriors against the distribution of the raters' labels, means over `n` utterances, in nats.

    `cross_entropy` is -sum q ln p; `kl` is that less the entropy of the raters, so that 0 is reached.
    """

    n: int
    cross_entropy: float
    kl: float


def evaluate_distributions(
    distributions: Mapping[str, Mapping[str, float]], predicted: Posteriors
) -> SoftMetrics:
    """Metrics against label distributions, which also utterances without a majority have.

    Raises
    ------
    DataError
        No utterances, ids that differ, a class that the posteriors lack, a distribution that does not sum to 1.

    Examples
    --------
    >>> p = Posteriors(("a",), ("sad", "happy"), [[0.5, 0.5]], "probability", "m", ("0",))
    >>> evaluate_distributions({"a": {"sad": 1.0}}, p).kl == float(np.log(2))
    True
    """
    if not distributions:
        raise DataError("no utterances to evaluate; give label distributions")
    same_keys("the posteriors", predicted.ids, distributions)
    q = np.zeros((len(distributions), len(predicted.classes)))
    for row, (i, distribution) in enumerate(distributions.items()):
        q[row, _indices("label of a distribution", list(distribution), predicted.classes)] = list(
            distribution.values()
        )
        if not (abs(q[row].sum() - 1) < 1e-6 and (q[row] >= 0).all()):
            raise DataError(f"the label distribution of {i!r} sums to {q[row].sum():.6g}, not to 1")
    cross = -(q * predicted.align(distributions).log_probabilities).sum(axis=1)
    entropy = -(q * np.log(np.where(q > 0, q, 1))).sum(axis=1)
    return SoftMetrics(n=len(q), cross_entropy=float(cross.mean()), kl=float((cross - entropy).mean()))


class Recording(Result):
    """Concordance within one recording; None where it is not defined (constant and equal)."""

    n: int
    ccc: float | None


class DimensionMetrics(Result):
    """One continuous dimension, such as arousal.

    `ccc` is over all values concatenated; `ccc_mean` the mean of the recordings in which it is defined.
    """

    n: int
    ccc: float
    ccc_mean: float | None
    pearson: float | None
    rmse: float
    mae: float
    recordings: dict[str, Recording]
    interval: tuple[float, float] | None


def ccc(true: ArrayLike, predicted: ArrayLike) -> float:
    """Concordance correlation coefficient with population variances (Lin 1989); NaN if both are one constant.

    >>> x = np.array([-1.0, 0.0, 1.0])
    >>> ccc(x, x), ccc(x, -x), round(ccc(x, x + 1), 4)
    (1.0, -1.0, 0.5714)
    """
    x, y = np.asarray(true, np.float64).ravel(), np.asarray(predicted, np.float64).ravel()
    if x.shape != y.shape or not x.size:
        raise DataError(f"concordance of {x.size} with {y.size} values; give two series of the same length")
    # Rounding must not give a constant series a variance.
    dx, dy = (v - v.mean() if np.ptp(v) else np.zeros_like(v) for v in (x, y))
    apart = float(np.mean(dx * dx) + np.mean(dy * dy) + (x.mean() - y.mean()) ** 2)
    return float(2 * np.mean(dx * dy)) / apart if apart else float("nan")


def evaluate_dimension(
    true: Mapping[str, ArrayLike],
    predicted: Mapping[str, ArrayLike],
    *,
    recordings: Mapping[str, str] | None = None,
    speakers: Mapping[str, str] | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> DimensionMetrics:
    """Metrics of one continuous dimension, by key.

    Parameters
    ----------
    true, predicted
        By id, one value or a series of them; lengths must be equal.
    recordings
        Recording of each id; by default every id is one.
    speakers
        By id; the interval of the concatenated CCC is over them, and None without.

    Raises
    ------
    DataError
        No values, ids or lengths that differ, values that are not finite.
    """
    if not true:
        raise DataError("nothing to evaluate; give values")
    same_keys("the predictions", predicted, true)
    ids = list(true)
    pairs = [_pair(i, true[i], predicted[i]) for i in ids]
    x, y = (np.concatenate(side) for side in zip(*pairs, strict=True))
    overall = ccc(x, y)
    if not np.isfinite(overall):
        raise DataError(
            "labels and predictions are one and the same constant; their concordance is not defined"
        )
    within = _together(pairs, ids if recordings is None else align("recording", recordings, ids))
    found = {name: Recording(n=len(a), ccc=_defined(ccc(a, b))) for name, (a, b) in within.items()}
    defined = [r.ccc for r in found.values() if r.ccc is not None]
    interval = None
    by_speaker = _together(pairs, align("speaker", speakers, ids)) if speakers is not None else {}
    if len(by_speaker) > 1 and n_boot:
        # Concordance does not change when both are moved, and sums of small values lose fewer digits.
        sums = np.array([_moments(a - x.mean(), b - x.mean()) for a, b in by_speaker.values()])
        low, high = bootstrap_speakers(sums, _ccc, n_boot=n_boot, seed=seed, level=LEVEL)
        interval = (float(low), float(high))
    both_vary = x.std() > 0 and y.std() > 0
    return DimensionMetrics(
        n=len(x),
        ccc=overall,
        ccc_mean=float(np.mean(defined)) if defined else None,
        pearson=float(np.corrcoef(x, y)[0, 1]) if both_vary else None,
        rmse=float(np.sqrt(np.mean((x - y) ** 2))),
        mae=float(np.abs(x - y).mean()),
        recordings=found,
        interval=interval,
    )


def _indices(what: str, names: Sequence[str], classes: Sequence[str]) -> NDArray[np.int64]:
    at = {name: k for k, name in enumerate(classes)}
    unknown = [name for name in names if name not in at]
    if unknown:
        raise DataError(
            f"the {what} {unknown[0]!r} is none of the classes{did_you_mean(str(unknown[0]), classes)}: "
            f"{', '.join(classes)} ({len(unknown)} of {len(names)})"
        )
    return np.array([at[name] for name in names], np.int64)


def _confusions(
    cells: NDArray[np.int64], group: NDArray[np.int64], n_groups: int, k: int
) -> NDArray[np.int64]:
    """Counts `(n_groups, K, K)`, from the cell `K * label + prediction` of each utterance."""
    return np.bincount(group * k * k + cells, minlength=n_groups * k * k).reshape(n_groups, k, k)


def _grouped(
    cells: NDArray[np.int64], what: str, groups: Mapping[str, str] | None, ids: Sequence[str], k: int
) -> tuple[NDArray[np.int64], list[str]]:
    """A confusion matrix for each fold or speaker, and their names; none where these are not known."""
    if groups is None:
        return np.zeros((0, k, k), np.int64), []
    names, at = np.unique(align(what, groups, ids), return_inverse=True)
    return _confusions(cells, at, len(names), k), [str(name) for name in names]


def _scores(confusion: NDArray[np.int64], classes: Sequence[str]) -> Scores:
    found = scores(confusion)
    n = confusion.sum(axis=1)
    absent = tuple(name for name, count in zip(classes, n, strict=True) if not count)
    return Scores(n=int(n.sum()), absent=absent, **{name: float(found[name]) for name in SCORES})


def _per_class(confusion: NDArray[np.int64], classes: Sequence[str]) -> dict[str, ClassScores]:
    hits, n, given = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        name: ClassScores(
            n=int(n[k]),
            recall=hits[k] / n[k] if n[k] else None,
            precision=hits[k] / given[k] if given[k] else None,
            f1=2 * hits[k] / (n[k] + given[k]) if n[k] + given[k] else None,
        )
        for k, name in enumerate(classes)
    }


def _intervals(
    by_speaker: NDArray[np.int64],
    confusion: NDArray[np.int64],
    classes: Sequence[str],
    n_boot: int,
    seed: int,
) -> Intervals:
    present = [k for k, n in enumerate(confusion.sum(axis=1)) if n]

    def statistic(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        found = scores(sums)
        return np.column_stack([*(found[name] for name in SCORES), found["recall"][:, present]])

    low, high = bootstrap_speakers(by_speaker, statistic, n_boot=n_boot, seed=seed, level=LEVEL)
    ends = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    return Intervals(
        level=LEVEL,
        n_boot=n_boot,
        seed=seed,
        n_speakers=len(by_speaker),
        scores=dict(zip(SCORES, ends[: len(SCORES)], strict=True)),
        recall=dict(zip([classes[k] for k in present], ends[len(SCORES) :], strict=True)),
    )


def _spread(values: Iterable[float]) -> Spread:
    v = np.array(list(values))
    return Spread(mean=v.mean(), sd=v.std(ddof=1) if len(v) > 1 else None, min=v.min(), max=v.max())


def _pair(id: str, true: ArrayLike, predicted: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.atleast_1d(np.asarray(true, np.float64)), np.atleast_1d(np.asarray(predicted, np.float64))
    if x.ndim != 1 or x.shape != y.shape or not x.size:
        raise DataError(
            f"{id!r} has labels of shape {x.shape} and predictions of shape {y.shape}; give equal lengths"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise DataError(f"labels or predictions of {id!r} are not finite")
    return x, y


def _moments(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """What concordance is made of, as sums that can be added up."""
    return np.array([len(x), x.sum(), y.sum(), x @ x, y @ y, x @ y])


def _together(
    pairs: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], names: Sequence[str]
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The series of equal names one after the other."""
    parts: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {}
    for name, pair in zip(names, pairs, strict=True):
        parts.setdefault(name, []).append(pair)
    return {
        name: (np.concatenate([a for a, _ in of]), np.concatenate([b for _, b in of]))
        for name, of in parts.items()
    }


def _ccc(moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Concordance from sums `(..., 6)` of `_moments`."""
    n, x, y, xx, yy, xy = np.moveaxis(moments, -1, 0)
    with np.errstate(invalid="ignore"):
        mx, my = x / n, y / n
        covariance, vx, vy = xy / n - mx * my, xx / n - mx * mx, yy / n - my * my
        found: NDArray[np.float64] = 2 * covariance / (vx + vy + (mx - my) ** 2)
    return found


def _defined(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
