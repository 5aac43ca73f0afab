"""System S4 made again from what its authors published, beside what the same parts give without leakage.

Luna-Jiménez et al., Applied Sciences 12(1):327, 2022: RAVDESS, eight classes, five folds of whole actors. A wav2vec
2.0 fine-tuned on the sound, a BiLSTM on Action Units per frame and an MLP on Action Units averaged per clip, fused
by logistic regression. Every number here is computed; the published ones stand beside it.

What is not clean in the source, and cannot be made clean from its files: the checkpoints of the wav2vec 2.0 and the
epochs of the BiLSTM were chosen by their results on the test fold, and the regression was trained on posteriors of
clips that the models behind them had been trained on.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

import numpy as np

from emofeat.corpus.guard import Protocol, as_published
from emofeat.corpus.splits import S4_ACTORS
from emomodels.data import normalise
from emomodels.data.examples import Examples
from emomodels.data.normalise import NormaliserSettings
from emomodels.exceptions import DataError
from emomodels.fusion import fusion
from emomodels.metrics import Metrics, evaluate
from emomodels.posteriors import Posteriors, concat
from emomodels.runs import Labels, Run, titled
from emomodels.systems.s4_files import (
    CLASSES,
    FOLDS,
    SOURCES,
    labels,
    read_action_units,
    read_posteriors,
    read_test_posteriors,
    speakers,
)

#: Whom the source lets look where: what its files cannot do without.
PROTOCOL: Protocol = as_published(["posterior", "selection"])
#: The source's seed.
SEED = 2020

_AUDIO, _BILSTM, _MLP80 = "wav2vec2", "au-bilstm", "au-mlp80"
_ALL = (_AUDIO, _BILSTM, _MLP80)
_LETTERS = {_AUDIO: "A", _BILSTM: "B", _MLP80: "C"}

CHOSEN_ON_TEST = "checkpoint chosen on the test fold"
IN_SAMPLE = "in-sample stacking"
HAVE_SEEN = "base models have seen the test actors"
#: Models whose checkpoint or epoch was chosen by its result on the test fold.
_CHOSEN = frozenset(name for name in _ALL if SOURCES[name].chosen_on_test)

Kind = Literal["audio", "face", "fusion"]
Normalised = Literal["minmax", "none"]


@dataclass(frozen=True, slots=True)
class Row:
    """One system as published, made again here.

    Parameters
    ----------
    kind
        What it looks at.
    name
        What it is.
    published
        Accuracy in percent, mean of the folds, in the source's tables; None where they have none.
    unclean
        What is not clean about it.
    said
        What it decided about each clip, or its posteriors.
    metrics
        What that is worth.
    """

    kind: Kind
    name: str
    published: float | None
    unclean: tuple[str, ...]
    said: Posteriors | Mapping[str, str]
    metrics: Metrics

    @property
    def title(self) -> str:
        """The name with what is not clean about it."""
        return titled(self.name, self.unclean)

    @property
    def accuracy(self) -> float:
        """Mean of the folds in percent, which is what the source reports."""
        assert self.metrics.fold_mean is not None
        return 100 * self.metrics.fold_mean["accuracy"]

    @property
    def folds(self) -> tuple[float, ...]:
        """Accuracy of each fold in percent."""
        return tuple(100 * fold.accuracy for fold in self.metrics.folds.values())


@dataclass(frozen=True, slots=True)
class Reproduction:
    """All rows, by the table that they belong to, and the clips that they are about."""

    single: tuple[Row, ...]
    fused: tuple[Row, ...]
    static: tuple[Row, ...]
    sensitivity: tuple[Row, ...]
    labels: Labels


def reproduce(data: str | Path, *, quick: bool = False) -> Reproduction:
    """Make the published tables again.

    Parameters
    ----------
    data
        Folder with `posteriors/` and `trainingData/` of the source's repository.
    quick
        Leave out what takes long: forests, further perceptrons, combiners of fewer models or with other settings.

    Raises
    ------
    DataError
        A file is missing or not as published.
    """
    tests = {name: read_test_posteriors(data, name) for name in _ALL}
    trains = {name: [read_posteriors(data, name, fold, "train") for fold in FOLDS] for name in _ALL}
    table = _Table.of(tests[_AUDIO])
    published = read_test_posteriors(data, "fusion")
    fused = (
        *_fused(table, tests, trains, quick),
        table.row(
            "fusion", "published posteriors of the fusion", 86.70, (CHOSEN_ON_TEST, IN_SAMPLE), published
        ),
    )
    return Reproduction(
        single=tuple(_single(table, tests)),
        fused=fused,
        static=tuple(_static(table, data, quick)),
        sensitivity=() if quick else tuple(_sensitivity(table, tests, trains)),
        labels=table.labels,
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """The clips, and rows about them."""

    labels: Labels

    @classmethod
    def of(cls, test: Posteriors) -> _Table:
        ids = tuple(sorted(test.ids))
        fold = dict(zip(test.ids, test.folds, strict=True))
        who, what = speakers(ids), labels(ids)
        return cls(
            Labels(ids, tuple(what[i] for i in ids), tuple(who[i] for i in ids), tuple(fold[i] for i in ids))
        )

    def row(
        self,
        kind: Kind,
        name: str,
        published: float | None,
        unclean: tuple[str, ...],
        said: Posteriors | Mapping[str, str],
    ) -> Row:
        given = self.labels
        metrics = evaluate(
            dict(zip(given.ids, given.labels, strict=True)),
            said,
            CLASSES,
            speakers=speakers(given.ids),
            folds=dict(zip(given.ids, given.folds, strict=True)),
        )
        return Row(kind, name, published, unclean, said, metrics)


def _single(table: _Table, tests: Mapping[str, Posteriors]) -> Iterator[Row]:
    yield table.row("audio", "A: wav2vec 2.0, fine-tuned", 81.82, _selected([_AUDIO]), tests[_AUDIO])
    yield table.row("face", "B: BiLSTM on Action Units", 62.13, _selected([_BILSTM]), tests[_BILSTM])
    yield table.row("face", "C: MLP(80) on averaged Action Units", 60.22, _selected([_MLP80]), tests[_MLP80])


def _selected(names: Iterable[str]) -> tuple[str, ...]:
    """What was chosen on the test fold among these models."""
    return (CHOSEN_ON_TEST,) if _CHOSEN.intersection(names) else ()


def _fused(
    table: _Table, tests: Mapping[str, Posteriors], trains: Mapping[str, Sequence[Posteriors]], quick: bool
) -> Iterator[Row]:
    yield _in_sample(table, tests, trains, _ALL, 86.70)
    yield _in_sample(table, tests, trains, (_AUDIO, _BILSTM), 85.4)
    further = () if quick else ((_AUDIO, _MLP80), (_BILSTM, _MLP80), *((name,) for name in _ALL))
    for names in further:
        yield _in_sample(table, tests, trains, names, None)
    for rule, names in (("product", _ALL), ("mean", _ALL), ("mean", (_AUDIO, _BILSTM))):
        fused = fusion(rule).predict({name: tests[name] for name in names}, protocol=PROTOCOL)
        yield table.row(
            "fusion", f"{_sum(names)}: {rule} rule, no training", None, _selected(names), fused.posteriors
        )
    for names in (_ALL,) if quick else (_ALL, (_AUDIO, _BILSTM)):
        said = _stacked_on_other_folds({name: tests[name] for name in names})
        yield table.row(
            "fusion", f"{_sum(names)}: regression, out-of-fold", None, (*_selected(names), HAVE_SEEN), said
        )


def _sum(names: Sequence[str]) -> str:
    return "+".join(_LETTERS[name] for name in names)


def _in_sample(
    table: _Table,
    tests: Mapping[str, Posteriors],
    trains: Mapping[str, Sequence[Posteriors]],
    names: Sequence[str],
    published: float | None,
    settings: Mapping[str, Any] | None = None,
) -> Row:
    """The source's combiner, trained for each fold on what the models say about their own training clips.

    `stacked` is solved to the end, where scikit-learn's default stops earlier: one clip of A+B and one of A+C
    change sides by that (85.40 and 84.92 in place of 85.33 and 84.85), none of A+B+C.
    """
    given = {"C": 1.0, "scaling": "minmax", **(settings or {})}
    parts = []
    for k, fold in enumerate(FOLDS):
        combiner = fusion("stacked", **given)
        train = {name: trains[name][k] for name in names}
        combiner.fit(train, labels(trains[names[0]][k].ids), protocol=PROTOCOL)
        test = {name: _of_fold(tests[name], fold) for name in names}
        parts.append(combiner.predict(test, protocol=PROTOCOL).posteriors)
    said = f", {given['scaling']}, C={given['C']:g}" if settings else ""
    name = f"{_sum(names)}: regression, in-sample{said}"
    return table.row("fusion", name, published, (*_selected(names), IN_SAMPLE), concat(parts))


def _stacked_on_other_folds(tests: Mapping[str, Posteriors]) -> Posteriors:
    """A combiner for each fold, trained on the test posteriors of the other folds."""
    parts = []
    for fold in FOLDS:
        combiner = fusion("stacked")
        train = {name: p.take([f != fold for f in p.folds]) for name, p in tests.items()}
        combiner.fit(train, labels(next(iter(train.values())).ids), protocol=PROTOCOL)
        parts.append(
            combiner.predict(
                {name: _of_fold(p, fold) for name, p in tests.items()}, protocol=PROTOCOL
            ).posteriors
        )
    return concat(parts)


def _of_fold(posteriors: Posteriors, fold: str) -> Posteriors:
    return posteriors.take([f == fold for f in posteriors.folds])


def _sensitivity(
    table: _Table, tests: Mapping[str, Posteriors], trains: Mapping[str, Sequence[Posteriors]]
) -> Iterator[Row]:
    """The published combiner with other settings; the published ones were the best of them on the test folds."""
    tried = {"minmax": (0.01, 0.1, 1.0, 10.0, 100.0), "standard": (0.1, 1.0, 10.0), "none": (0.01, 0.1, 1.0)}
    for scaling, strengths in tried.items():
        for c in strengths:
            yield _in_sample(table, tests, trains, _ALL, None, {"scaling": scaling, "C": c})


# The table of classifiers on averaged Action Units


@dataclass(frozen=True, slots=True)
class _Static:
    """A classifier of the source's table: how scikit-learn makes it, and the published accuracy by normalisation."""

    name: str
    make: Callable[[], Any]
    published: Mapping[Normalised, float | None]
    slow: bool = False


def _classifiers() -> Iterator[_Static]:
    """As the source calls them: scikit-learn's defaults but for what the names say, and its seed."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC

    svc = {0.1: (53.25, 48.07), 1: (59.93, 54.88), 10: (55.93, 51.65)}
    for c, (scaled, plain) in svc.items():
        yield _Static(f"SVC, C={c:g}", lambda c=c: SVC(C=c), {"minmax": scaled, "none": plain})  # type: ignore[misc]
    knn = {10: (53.10, 46.80), 20: (54.30, 49.07), 30: (55.18, 48.82), 40: (55.40, 50.20)}
    for k, (scaled, plain) in knn.items():
        yield _Static(f"kNN, k={k}", lambda k=k: KNeighborsClassifier(k), {"minmax": scaled, "none": plain})  # type: ignore[misc]
    yield _Static("MLP(80)", lambda: MLPClassifier((80,), random_state=SEED), {"minmax": 60.22})
    yield _Static("MLP(80)", lambda: MLPClassifier((80,), random_state=SEED), {"none": 58.93}, slow=True)
    yield _Static(
        "MLP(80, 80)",
        lambda: MLPClassifier((80, 80), random_state=SEED),
        {"minmax": 57.77, "none": 55.82},
        slow=True,
    )
    yield _Static(
        "logistic regression", lambda: LogisticRegression(max_iter=10_000), {"minmax": None}, slow=True
    )
    yield _Static(
        "random forest", lambda: RandomForestClassifier(random_state=SEED), {"minmax": None}, slow=True
    )


def _static(table: _Table, data: str | Path, quick: bool) -> Iterator[Row]:
    """Classifiers trained here on the averaged Action Units.

    They are scikit-learn's own and not those of `emomodels.models`, whose support vector machine decides ties and
    roundings otherwise. Clips stay in the order of the file, because the batches of an MLP depend on it.
    """
    examples = read_action_units(data)
    assert examples.y is not None
    actors = np.array([int(s) for s in examples.speakers])
    tests = [np.isin(actors, fold) for fold in S4_ACTORS]
    for classifier in _classifiers():
        if classifier.slow and quick:
            continue
        for method, published in classifier.published.items():
            said: dict[str, str] = {}
            for test in tests:
                train = examples.take(np.flatnonzero(~test))
                fitted = normalise.fit(train, NormaliserSettings(method=method))
                asked = examples.take(np.flatnonzero(test)).without_labels()
                decided = _trained(classifier, fitted.apply(train)).predict(fitted.apply(asked).x)
                said |= {i: CLASSES[k] for i, k in zip(asked.ids, decided, strict=True)}
            norm = {"minmax": "scaled to 0..1", "none": "as it is"}[method]
            yield table.row("face", f"{classifier.name}, {norm}", published, (), said)


def _trained(classifier: _Static, train: Examples) -> Any:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # 200 iterations are the source's, whether or not the loss still falls.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.make().fit(train.x, train.y)


# Clean runs beside them


@dataclass(frozen=True, slots=True)
class Clean:
    """A run of our own: which part of S4 it answers, and its result over its seeds, in percent."""

    kind: Kind
    run: Run
    accuracy: float
    uar: float
    interval: tuple[float, float] | None


def clean_rows(runs: Sequence[Run]) -> list[Clean]:
    """What runs under the clean protocol give: those of sound, of Action Units, and their fusion.

    Raises
    ------
    DataError
        A run that is not clean, or of other classes than the eight of RAVDESS.
    """
    return [_clean(run) for run in runs]


def _clean(run: Run) -> Clean:
    record = run.record
    if record.protocol.name != "clean":
        raise DataError(
            f"run {str(run.folder)!r} is of the protocol {record.protocol.name!r}; beside S4 as published stands what "
            "the clean protocol gives"
        )
    if set(record.classes) != set(CLASSES):
        raise DataError(
            f"run {str(run.folder)!r} has the classes {', '.join(record.classes)}; S4 has {', '.join(CLASSES)}"
        )
    from emomodels.report.content import Result

    result = Result.of(run)
    values = result.summary.values
    ends = result.first.intervals.scores["uar"] if result.first.intervals else None
    accuracy = values.get("fold_mean_accuracy", values["accuracy"])
    return Clean(_kind(run), run, accuracy.mean, values["uar"].mean, ends)


def _kind(run: Run) -> Kind:
    recipe = run.record.recipe
    kinds = {_kind_of(recipe) for recipe in recipe.get("parts", {"": recipe}).values()}
    return kinds.pop() if len(kinds) == 1 else "fusion"


def _kind_of(recipe: Mapping[str, Any]) -> Kind:
    """What a recipe looks at."""
    faces = {source.get("format", "").endswith("action-units") for source in recipe.get("features", [])}
    return "fusion" if len(faces) > 1 else "face" if faces == {True} else "audio"


def side_by_side(made: Reproduction, clean: Sequence[Clean]) -> list[tuple[Kind, Row | None, Clean | None]]:
    """The published systems, each beside a clean run of the same kind where there is one."""
    sides: list[tuple[Kind, Row | None, Clean | None]] = []
    rows = (made.single[0], made.single[2], made.single[1], made.fused[0])
    kinds: tuple[Kind, ...] = ("audio", "face", "fusion")
    for kind in kinds:
        ours = [row for row in rows if row.kind == kind]
        theirs = [c for c in clean if c.kind == kind]
        sides += [(kind, row, c) for row, c in zip_longest(ours, theirs)]
    return sides
