"""A published system made again, as a report shows it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emomodels.report import figures, pairs
from emomodels.report.content import stamps_of
from emomodels.report.document import Block, Code, Document, Facts, Figure, Section, Table, Text
from emomodels.report.words import UNDEFINED, count, interval, percent
from emomodels.runs import versions
from emomodels.systems.s4 import PROTOCOL, Clean, Reproduction, Row, side_by_side
from emomodels.systems.s4_files import CLASSES

_SOURCE = (
    "Luna-Jiménez et al., Applied Sciences 12(1):327, 2022. RAVDESS "
    "speech, 1,440 clips of 24 actors, 8 classes, five folds of whole actors. The source reports the mean over folds of "
    "the accuracy; UAR is pooled over all clips."
)
_UNCLEAN = (
    "As published, the checkpoint of the wav2vec 2.0 and the epoch of the BiLSTM were chosen on the test fold, and the "
    "combiner was trained on posteriors of clips that the models behind it had been trained on. The files allow no other "
    "choice for the first two, so that no row made of them is clean."
)


def of_s4(made: Reproduction, clean: Sequence[Clean], command: str) -> Document:
    """The whole reproduction."""
    head = summary_of_s4(made, clean)
    sections = [
        *head.sections,
        Section("Fusion", (_rows("Fusions and their parts", (*made.fused, *made.single)), _tests(made))),
        Section("Classes", tuple(_classes(made.fused[0], head))),
        Section("Averaged Action Units", (_rows("Classifiers on averaged Action Units", made.static),)),
    ]
    if made.sensitivity:
        note = "The published settings (minmax, C=1) are the best of these on the test folds."
        table = _rows("The combiner with other settings", made.sensitivity, note)
        sections.append(Section("Sensitivity", (table,)))
    again = (Text("The command that made this page:"), Code(command), Facts(tuple(versions().items())))
    sections.append(Section("Make it again", again))
    return Document(head.title, head.summary, head.stamps, tuple(sections))


def summary_of_s4(made: Reproduction, clean: Sequence[Clean]) -> Document:
    """Published, as published here, and clean, side by side."""
    first = made.fused[0]
    published = UNDEFINED if first.published is None else f"{first.published:.2f}"
    summary = (
        f"Fusion: published {published} %, as published here {first.accuracy:.2f} % (mean of five folds)."
    )
    section = Section("Side by side", (_side_by_side(made, clean), Text(_SOURCE), Text(_UNCLEAN)))
    stamps = tuple(dict.fromkeys((*PROTOCOL.stamps, *(s for c in clean for s in stamps_of(c.run)))))
    return Document("S4, made again", summary, stamps, (section,))


def _side_by_side(made: Reproduction, clean: Sequence[Clean]) -> Table:
    header = (
        "system",
        "clean run",
        "published",
        "here",
        "here: UAR",
        "clean",
        "clean: UAR",
        "95 % interval",
        "n",
    )
    rows = []
    for kind, row, c in side_by_side(made, clean):
        numbers = (
            (_two(row.published), f"{row.accuracy:.2f}", percent(row.metrics.uar))
            if row
            else (UNDEFINED,) * 3
        )
        ours = (
            (percent(c.accuracy), percent(c.uar), interval(c.interval), count(len(c.run.labels)))
            if c
            else (UNDEFINED,) * 4
        )
        rows.append((row.title if row else kind, c.run.record.name if c else UNDEFINED, *numbers, *ours))
    note = (
        "Accuracy in percent, mean of the folds, as the source reports it; the columns named UAR are pooled. Columns "
        "'published' and 'here' follow the source's protocol, columns 'clean' the clean one."
    )
    if not clean:
        note += " No clean run was given (--clean RUN)."
    return Table("Published, as published here, clean", header, tuple(rows), words=2, note=note)


def _two(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.2f}"


def _rows(caption: str, rows: Sequence[Row], note: str = "") -> Table:
    folds = tuple(rows[0].metrics.folds)
    header = (
        "system",
        "published",
        "here",
        *(f"fold {fold}" for fold in folds),
        "pooled",
        "UAR",
        "95 % interval",
        "macro F1",
    )
    cells = tuple(
        (
            row.title,
            _two(row.published),
            _two(row.accuracy),
            *(_two(fold) for fold in row.folds),
            percent(row.metrics.accuracy),
            percent(row.metrics.uar),
            interval(row.metrics.intervals.scores["uar"] if row.metrics.intervals else None),
            percent(row.metrics.macro_f1),
        )
        for row in rows
    )
    return Table(f"{caption}: accuracy, %", header, cells, note=note)


def _tests(made: Reproduction) -> Table:
    """The published fusion against its parts, and against combiners that are less unclean."""
    fused, *others = (*made.fused, *made.single)
    wanted = ("product rule", "out-of-fold")
    against = [row for row in others if row in made.single or any(word in row.name for word in wanted)]
    systems: dict[str, pairs.BySeed] = {row.title: {0: row.said} for row in (fused, *against)}
    tests = pairs.compared(systems, [(fused.title, row.title) for row in against], made.labels)
    return pairs.table(tests, made.labels, several_seeds=False)


def _classes(row: Row, head: Document) -> Sequence[Block]:
    m = row.metrics
    caption = f"{row.title}: confusion matrix, rows true"
    svg = figures.confusion(np.array(m.confusion), CLASSES, head.caption(caption))
    counts = tuple((name, *map(count, line)) for name, line in zip(CLASSES, m.confusion, strict=True))
    recalls = tuple(
        (name, count(c.n), percent(c.recall), interval(m.intervals.recall[name] if m.intervals else None))
        for name, c in m.per_class.items()
    )
    return (
        Figure(caption, svg, "The counts are in the table below"),
        Table(f"{row.title}: counts, rows true", ("", *CLASSES), counts),
        Table(f"{row.title}: classes, %", ("class", "n", "recall", "95 % interval"), recalls),
    )
