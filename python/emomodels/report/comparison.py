"""Runs on the same utterances, side by side, with every pair tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from emomodels.exceptions import DataError
from emomodels.metrics import SCORES, Metrics, evaluate
from emomodels.posteriors import named
from emomodels.report import conditions, pairs
from emomodels.report.content import stamps_of, systems_tables
from emomodels.report.document import Block, Document, Section, Table, Text
from emomodels.report.words import count
from emomodels.runs import Labels, Run


@dataclass(frozen=True, slots=True)
class Compared:
    """Runs by name on the utterances that all of them have; `left_out` is how many of its own each has more."""

    runs: dict[str, Run]
    systems: dict[str, pairs.BySeed]
    metrics: dict[str, list[Metrics]]
    labels: Labels
    left_out: dict[str, int]
    pairs: list[pairs.Pair]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "n": len(self.labels),
            "runs": {
                name: {
                    "folder": str(run.folder),
                    "stamps": list(stamps_of(run)),
                    "left_out": self.left_out[name],
                    "seeds": list(run.record.seeds),
                    **{score: [getattr(m, score) for m in self.metrics[name]] for score in SCORES},
                }
                for name, run in self.runs.items()
            },
            "pairs": [
                {"a": p.a, "b": p.b, "seeds": list(p.seeds), **p.found.to_dict(), "p_holm": p.holm}
                for p in self.pairs
            ],
        }


def compared(runs: Sequence[Run], *, common: bool = False) -> Compared:
    """Compare runs, every pair of them, on the same utterances.

    Parameters
    ----------
    runs
        At least two.
    common
        Restrict them to the utterances that all have, instead of refusing runs that differ in these.

    Raises
    ------
    DataError
        Fewer than two runs, other classes, other utterances (unless `common`), the same utterance with
        different labels or speakers.
    """
    if len(runs) < 2:
        raise DataError(f"a comparison needs at least two runs, not {len(runs)}")
    by_name = _named(runs)
    _same_classes(by_name)
    labels, left_out = _shared(by_name, common)
    systems: dict[str, pairs.BySeed] = {
        name: {
            seed: run.posteriors(seed).align(labels.ids).reorder(runs[0].record.classes)
            for seed in run.record.seeds
        }
        for name, run in by_name.items()
    }
    truth, speakers = dict(zip(labels.ids, labels.labels, strict=True)), pairs.speakers(labels)
    metrics = {
        name: [evaluate(truth, p, speakers=speakers) for p in by_seed.values()]
        for name, by_seed in systems.items()
    }
    tests = pairs.compared(systems, list(combinations(systems, 2)), labels)
    return Compared(by_name, systems, metrics, labels, left_out, tests)


def of_comparison(found: Compared) -> Document:
    """The comparison as a document, with the stamps of all its runs."""
    stamps = tuple(dict.fromkeys(stamp for run in found.runs.values() for stamp in stamps_of(run)))
    several = any(len(by_seed) > 1 for by_seed in found.systems.values())
    classes = next(iter(found.runs.values())).record.classes
    blocks: list[Block] = [
        *systems_tables(found.systems, classes, found.labels),
        pairs.table(found.pairs, found.labels, several),
        _conditions(found),
    ]
    text = f"{len(found.runs)} runs on the same {count(len(found.labels))} utterances."
    if any(found.left_out.values()):
        more = ", ".join(f"{count(n)} of {name}" for name, n in found.left_out.items() if n)
        text += f" Restricted to the utterances that all of them have; left out: {more}."
    return Document("Comparison", text, stamps, (Section("Systems", (*blocks, *_remarks(found))),))


def _conditions(found: Compared) -> Table:
    rows = tuple(
        (
            name,
            run.record.protocol.name,
            "; ".join(stamps_of(run)) or "none",
            run.record.data.split,
            run.record.data.split_digest[:12],
            count(len(run.labels)),
            conditions.same_text(run.record),
        )
        for name, run in found.runs.items()
    )
    header = ("system", "protocol", "stamps", "split", "digest", "n", "same text in training")
    return Table("Conditions", header, rows, words=5)


def _remarks(found: Compared) -> list[Text]:
    digests = {run.record.data.split_digest for run in found.runs.values()}
    if len(digests) == 1:
        return []
    return [Text("The runs have different splits: their models were trained on different utterances.")]


def _named(runs: Sequence[Run]) -> dict[str, Run]:
    """Runs by their names, or by their folders where names repeat."""
    names = [run.record.name for run in runs]
    folders = [str(run.folder) for run in runs]
    found = dict(zip(names if len(set(names)) == len(names) else folders, runs, strict=True))
    if len(found) < len(runs):
        twice = next(f for f in folders if folders.count(f) > 1)
        raise DataError(f"the run {twice!r} is given twice; give different ones")
    return found


def _same_classes(runs: dict[str, Run]) -> None:
    (first, one), *others = runs.items()
    for name, run in others:
        if set(run.record.classes) != set(one.record.classes):
            raise DataError(
                f"{first!r} has the classes {', '.join(one.record.classes)}, {name!r} {', '.join(run.record.classes)}; "
                "runs are compared on the same classes"
            )


def _shared(runs: dict[str, Run], common: bool) -> tuple[Labels, dict[str, int]]:
    """The labels that all runs have, in the order of the first, and how many more each has."""
    (first, one), *others = runs.items()
    shared = set(one.labels.ids).intersection(*(run.labels.ids for _, run in others))
    left_out = {name: len(run.labels) - len(shared) for name, run in runs.items()}
    if not shared:
        raise DataError("the runs have no utterance in common; compare runs on the same corpus")
    if any(left_out.values()) and not common:
        told = ", ".join(
            f"{n} of {name!r} ({named(sorted(set(runs[name].labels.ids) - shared))})"
            for name, n in left_out.items()
            if n
        )
        raise DataError(
            f"the runs are of different utterances: {told} are not in all of them; --common restricts the comparison "
            f"to the {len(shared)} that are, and says so",
            "different_ids",
        )
    labels = one.labels.select(shared)
    for name, run in others:
        _same_truth(first, labels, name, run.labels)
    return labels, left_out


def _same_truth(first: str, labels: Labels, name: str, other: Labels) -> None:
    for what, mine, theirs in (
        ("label", labels.labels, other.labels),
        ("speaker", labels.speakers, other.speakers),
    ):
        of = dict(zip(other.ids, theirs, strict=True))
        differ = [i for i, value in zip(labels.ids, mine, strict=True) if of[i] != value]
        if differ:
            raise DataError(
                f"{first!r} and {name!r} have different {what}s for {len(differ)} utterances, such as {differ[0]!r}; "
                "runs are compared on one truth"
            )
