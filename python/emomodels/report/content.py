"""What a report of a run says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emomodels.exceptions import DataError
from emomodels.metrics import SCORES, Metrics, Scores, SoftMetrics, Summary, evaluate
from emomodels.report import conditions, figures, pairs
from emomodels.report.document import Block, Document, Figure, Section, Table, Text
from emomodels.report.words import count, interval, natural, number, percent
from emomodels.runs import Labels, Run

#: What the scores are called where they are read.
NAMES = {"uar": "UAR", "accuracy": "accuracy", "macro_f1": "macro F1", "weighted_f1": "weighted F1"}


@dataclass(frozen=True, slots=True)
class Result:
    """A run with its metrics; what is shown of one seed alone is that of the first."""

    run: Run
    metrics: dict[int, Metrics]
    summary: Summary

    @classmethod
    def of(cls, run: Run) -> Result:
        """The metrics that are stored with the run."""
        try:
            stored = {int(seed): Metrics.from_dict(m) for seed, m in run.metrics["seeds"].items()}
            summary = Summary.from_dict(run.metrics["summary"])
        except (KeyError, TypeError, AttributeError, DataError) as error:
            raise DataError(
                f"run {str(run.folder)!r} is damaged: metrics.json: {error}; make it again", "damaged_run"
            ) from None
        missing = [str(s) for s in run.record.seeds if s not in stored]
        if missing:
            raise DataError(
                f"run {str(run.folder)!r} is damaged: metrics.json lacks the seeds {', '.join(missing)}; make it again",
                "damaged_run",
            )
        return cls(run, stored, summary)

    @property
    def first(self) -> Metrics:
        """The metrics of the first seed."""
        return self.metrics[self.run.record.seeds[0]]

    @property
    def several(self) -> bool:
        """Whether there is more than one seed."""
        return len(self.metrics) > 1

    def caption(self, text: str) -> str:
        """A caption that says which seed is shown, where there are several."""
        return f"{text}, seed {self.run.record.seeds[0]}" if self.several else text


def of_run(run: Run) -> Document:
    """The whole report of a run."""
    result, head = Result.of(run), _head(run)
    sections = (
        _result(result),
        _fusion(run),
        _classes(result, head),
        _folds(result),
        _seeds(result),
        _speakers(result),
        _calibration(result, head),
        _distributions(run),
        conditions.training(run.record, head),
        conditions.choices(run.record),
        conditions.protocol(run.record),
        conditions.data(run.record),
        conditions.again(run.record),
    )
    return Document(head.title, _sentence(result), head.stamps, tuple(s for s in sections if s is not None))


def summary_of_run(run: Run) -> Document:
    """What fits on a terminal: the result, its parts, its classes."""
    result, head = Result.of(run), _head(run)
    classes = Section("Classes", (_class_table(result),))
    sections = (_result(result), _fusion(run), classes)
    return Document(head.title, _sentence(result), head.stamps, tuple(s for s in sections if s is not None))


def _head(run: Run) -> Document:
    """The document without content, which knows its stamps."""
    return Document(run.record.name, "", stamps_of(run))


def stamps_of(run: Run) -> tuple[str, ...]:
    """The stamps of the record and those of its audit, each once."""
    return tuple(dict.fromkeys((*run.record.stamps, *run.record.audit.get("stamps", ()))))


def _sentence(result: Result) -> str:
    run, first, uar = result.run, result.first, result.summary.values["uar"]
    ends = first.intervals.scores["uar"] if first.intervals else None
    value = f"UAR {percent(uar.mean)} %"
    if result.several:
        value += f" (mean of {result.summary.n_seeds} seeds, sd {percent(uar.sd)})"
    if ends:
        value += f", 95 % interval over speakers {interval(ends)}" + (
            f" (seed {run.record.seeds[0]})" if result.several else ""
        )
    speakers = f" of {len(first.speakers)} speakers" if first.speakers else ""
    folds = run.labels.fold_names
    said = f"{value}. {count(first.n)} utterances{speakers}, {len(first.classes)} classes, {len(folds)} fold{'s'[: len(folds) > 1]}."
    return f"{said} Same text in training: {conditions.same_text(run.record)}."


def _result(result: Result) -> Section:
    m, shown = result.first, f"seed {result.run.record.seeds[0]}: " * result.several
    header = ("", "mean of seeds", "sd of seeds")[: 3 if result.several else 1]
    header += (f"{shown}pooled", "95 % interval", "mean of folds", "sd of folds")
    rows = []
    for score, name in NAMES.items():
        spread = result.summary.values[score]
        seeds = (percent(spread.mean), percent(spread.sd)) if result.several else ()
        row = (
            percent(getattr(m, score)),
            interval(m.intervals.scores[score] if m.intervals else None),
            percent((m.fold_mean or {}).get(score)),
            percent((m.fold_sd or {}).get(score)),
        )
        rows.append((name, *seeds, *row))
    return Section("Result", (Table("Metrics, %", header, tuple(rows), note=_metrics_note(m)),))


def _metrics_note(m: Metrics) -> str:
    text = "UAR: mean of the recalls of the classes. Pooled: every utterance counts once, whichever fold it was tested in."
    if m.intervals:
        drawn = f"{count(m.intervals.n_boot)} draws of {m.intervals.n_speakers} speakers"
        text += f" Intervals: percentile bootstrap, {drawn}."
    else:
        text += " No intervals: they are over speakers, who are unknown or fewer than two."
    if m.absent:
        text += f" No utterance has the label {', '.join(m.absent)}."
    return text


def _fusion(run: Run) -> Section | None:
    """The systems that a fusion is made of, and whether it is better than each."""
    if not run.record.unimodal:
        return None
    name = run.record.name
    posteriors = {
        name: {s: run.posteriors(s) for s in run.record.seeds},
        **{part: run.part(part) for part in run.record.unimodal if part != name},
    }
    # Systems are compared where all of them say something: a part may lack utterances that the fusion has.
    everywhere = set(run.labels.ids).intersection(*(p.ids for of in posteriors.values() for p in of.values()))
    labels = run.labels.select(everywhere)
    if not len(labels):
        text = (
            "No utterance has all parts, so that there is nothing on which to compare the fusion with them."
        )
        return Section("Fusion and its parts", (Text(text),))
    systems: dict[str, pairs.BySeed] = {
        system: {s: p.align(labels.ids) for s, p in of.items()} for system, of in posteriors.items()
    }
    tests = pairs.compared(systems, [(name, other) for other in systems if other != name], labels)
    several = any(len(by_seed) > 1 for by_seed in systems.values())
    blocks: list[Block] = [
        *systems_tables(systems, run.record.classes, labels),
        pairs.table(tests, labels, several),
    ]
    if len(labels) < len(run.labels):
        lacking = f"{count(len(run.labels) - len(labels))} of {count(len(run.labels))} utterances lack a part"
        blocks.insert(0, Text(f"{lacking} and are left out here; they count in the metrics above."))
    return Section("Fusion and its parts", tuple(blocks))


def systems_tables(
    systems: Mapping[str, pairs.BySeed], classes: Sequence[str], labels: Labels
) -> tuple[Table, Table]:
    """One row for each system on the utterances of `labels`: its metrics, and the recalls of its classes."""
    truth, speakers = dict(zip(labels.ids, labels.labels, strict=True)), pairs.speakers(labels)
    rows, recalls = [], []
    n: Mapping[str, int] = Counter(labels.labels)
    for name, by_seed in systems.items():
        found = [evaluate(truth, said, classes, speakers=speakers) for said in by_seed.values()]
        rows.append((name, str(len(found)), *system_cells(found)))
        of_class = [[r for m in found if (r := m.per_class[c].recall) is not None] for c in classes]
        recalls.append((name, *(percent(float(np.mean(r)) if r else None) for r in of_class)))
    return (
        Table("Systems, %", ("system", "seeds", *SYSTEM_COLUMNS), tuple(rows)),
        Table("Recalls, %", ("system", *(f"{c} (n {count(n[c])})" for c in classes)), tuple(recalls)),
    )


SYSTEM_COLUMNS = ("UAR", "95 % interval", *(NAMES[s] for s in NAMES if s != "uar"))


def system_cells(found: Sequence[Metrics]) -> tuple[str, ...]:
    """Scores as mean over seeds, with the interval of the first."""
    means = {score: float(np.mean([getattr(m, score) for m in found])) for score in SCORES}
    ends = found[0].intervals.scores["uar"] if found[0].intervals else None
    return (percent(means["uar"]), interval(ends), *(percent(means[s]) for s in NAMES if s != "uar"))


def _classes(result: Result, head: Document) -> Section:
    m = result.first
    shown = result.caption("Confusion matrix, rows true")
    svg = figures.confusion(np.array(m.confusion), m.classes, head.caption(shown))
    alt = f"Confusion matrix of {len(m.classes)} classes; the counts are in the table below"
    counts = Table(
        result.caption("Counts, rows true"),
        ("", *m.classes),
        tuple((name, *map(count, row)) for name, row in zip(m.classes, m.confusion, strict=True)),
    )
    blocks: list[Block] = [
        _class_table(result),
        *_recall_figure(result, head),
        Figure(shown, svg, alt),
        counts,
    ]
    return Section("Classes", tuple(blocks))


def _class_table(result: Result) -> Table:
    m = result.first
    rows = tuple(
        (
            name,
            count(c.n),
            percent(c.recall),
            interval(m.intervals.recall.get(name) if m.intervals else None),
            percent(c.precision),
            percent(c.f1),
        )
        for name, c in m.per_class.items()
    )
    header = ("class", "n", "recall", "95 % interval", "precision", "F1")
    return Table(result.caption("Classes, %"), header, rows)


def _recall_figure(result: Result, head: Document) -> Iterator[Figure]:
    m = result.first
    known = [(name, c.recall) for name, c in m.per_class.items() if c.recall is not None]
    if m.intervals is None or not known:
        return
    rows = [(name, recall, *m.intervals.recall[name]) for name, recall in known]
    caption = result.caption("Recall of each class with its 95 % interval")
    svg = figures.intervals(rows, "recall", head.caption(caption), 1 / len(known))
    yield Figure(caption, svg, "Recall of each class with its interval; the numbers are in the table above")


def _scores_table(
    caption: str, groups: Mapping[str, Scores], what: str, below: Sequence[tuple[str, ...]] = ()
) -> Table:
    """Scores of each fold or speaker, in natural order; classes that one lacks are named if any does."""
    lacking = any(s.absent for s in groups.values())
    rows = [
        (name, count(s.n), *(percent(getattr(s, score)) for score in NAMES), ", ".join(s.absent))
        for name, s in sorted(groups.items(), key=lambda item: natural(item[0]))
    ]
    header = (what, "n", *NAMES.values(), "classes without utterances")
    width = len(header) if lacking else len(header) - 1
    return Table(caption, header[:width], tuple(row[:width] for row in (*rows, *below)))


def _folds(result: Result) -> Section | None:
    m = result.first
    if m.fold_mean is None or m.fold_sd is None:
        return None
    below = [
        (name, "", *(percent(found[score]) for score in NAMES), "")
        for name, found in (("mean of folds", m.fold_mean), ("sd of folds", m.fold_sd))
    ]
    below.append(("pooled", count(m.n), *(percent(getattr(m, score)) for score in NAMES), ""))
    return Section("Folds", (_scores_table(result.caption("Folds, %"), m.folds, "fold", below),))


def _seeds(result: Result) -> Section | None:
    if not result.several:
        return None
    rows = [
        (
            str(seed),
            *(percent(getattr(m, score)) for score in NAMES),
            percent((m.fold_mean or {}).get("uar")),
        )
        for seed, m in result.metrics.items()
    ]
    for name, of in (("mean", "mean"), ("sd", "sd")):
        values = result.summary.values
        folds = values.get("fold_mean_uar")
        rows.append(
            (
                name,
                *(percent(getattr(values[score], of)) for score in NAMES),
                percent(getattr(folds, of) if folds else None),
            )
        )
    header = ("seed", *NAMES.values(), "UAR, mean of folds")
    return Section("Seeds", (Table("Seeds, %", header, tuple(rows)),))


def _speakers(result: Result) -> Section | None:
    m = result.first
    if not m.speakers:
        return None
    values = [s.uar for s in m.speakers.values()]
    middle = percent(float(np.median(values)))
    spread = f"UAR from {percent(min(values))} to {percent(max(values))} %, median {middle} %."
    table = _scores_table(result.caption("Speakers, %"), m.speakers, "speaker")
    return Section("Speakers", (Text(spread), table))


def _distributions(run: Run) -> Section | None:
    """How far the posteriors are from what the raters said, where a distribution is known."""
    stored = run.metrics.get("distributions")
    if not stored:
        return None
    found = {seed: SoftMetrics.from_dict(values) for seed, values in stored.items()}
    rows = tuple((seed, count(m.n), number(m.cross_entropy), number(m.kl)) for seed, m in found.items())
    header = ("seed", "n", "cross-entropy", "divergence")
    note = (
        "Means in nats over the tested utterances whose distribution over the classes is known: -sum q ln p, and that "
        "less the entropy of q. Utterances without a majority have no class and are not tested."
    )
    return Section(
        "Raters", (Table("Posteriors against the raters' distributions", header, rows, note=note),)
    )


def _calibration(result: Result, head: Document) -> Section | None:
    c = result.first.calibration
    if c is None:
        return None
    caption = result.caption("Reliability")
    bins = [b for b in c.bins if b.n]
    svg = figures.reliability(
        np.array([b.confidence for b in bins], float),
        np.array([b.accuracy for b in bins], float),
        np.array([b.n for b in c.bins]),
        np.array([*(b.low for b in c.bins), c.bins[-1].high]),
        head.caption(caption),
    )
    rows = tuple(
        (f"{b.low:.2f} to {b.high:.2f}", count(b.n), percent(b.confidence), percent(b.accuracy)) for b in bins
    )
    text = (
        f"Expected calibration error {percent(c.ece)} %, negative log-likelihood {number(c.nll)} nats, Brier score "
        f"{number(c.brier)} (0 to 2). A calibrated system is right in 80 % of the cases in which it is 80 % sure."
    )
    table = Table(
        result.caption("Reliability, %"), ("confidence", "decisions", "mean confidence", "accuracy"), rows
    )
    blocks: Sequence[Any] = (
        Text(text),
        Figure(caption, svg, "Accuracy against confidence; the numbers are in the table below"),
        table,
    )
    return Section("Calibration", tuple(blocks))
