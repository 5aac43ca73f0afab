"""Pairs of systems on the same utterances, as a report shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from emomodels.posteriors import Posteriors
from emomodels.report.document import Table
from emomodels.report.words import count, interval, p_value, points
from emomodels.runs import Labels
from emomodels.statistics import Comparison, compare, holm

#: By seed, the posteriors of one system, or what it decided.
BySeed = Mapping[int, Posteriors | Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Pair:
    """How system `a` compares with `b`, by models of these seeds; `holm` is the permutation's p for several pairs."""

    a: str
    b: str
    seeds: tuple[int, int]
    found: Comparison
    holm: float


def compared(systems: Mapping[str, BySeed], pairs: Sequence[tuple[str, str]], labels: Labels) -> list[Pair]:
    """Compare `pairs` of `systems`, each of which says something about exactly the utterances of `labels`.

    Where systems have several seeds, all seeds of one meet all of the other, and the pair with the largest
    permutation p is given: a claim holds only if it holds there.
    """
    found = {pair: _hardest(systems[pair[0]], systems[pair[1]], labels) for pair in pairs}
    names = {pair: " against ".join(pair) for pair in pairs}
    corrected = holm({names[pair]: result.permutation.p for pair, (_, result) in found.items()})
    return [Pair(*pair, *found[pair], corrected[names[pair]]) for pair in pairs]


def _hardest(a: BySeed, b: BySeed, labels: Labels) -> tuple[tuple[int, int], Comparison]:
    """The seeds with the largest p; among equal ones those with the least difference."""
    truth = dict(zip(labels.ids, labels.labels, strict=True))
    results = {(s, t): compare(truth, a[s], b[t], speakers=speakers(labels)) for s, t in product(a, b)}
    return max(results.items(), key=lambda item: (item[1].permutation.p, -abs(item[1].uar)))


def speakers(labels: Labels) -> dict[str, str] | None:
    """Speaker by id; None where one is unknown."""
    if None in labels.speakers:
        return None
    return {i: str(s) for i, s in zip(labels.ids, labels.speakers, strict=True)}


_NOTE = (
    "Differences of UAR in points, with the bootstrap interval over speakers. McNemar's exact test takes utterances as "
    "independent; the permutation test exchanges the systems speaker by speaker, and Holm corrects it for the number "
    "of pairs."
)
_SEEDS = " Of several seeds, the two with the largest permutation p are shown: a claim must hold there too."
_NO_SPEAKERS = (
    " Speakers are not known: the permutation test exchanges single utterances, and there is no interval."
)
_HEADER = (
    "system",
    "against",
    "seeds",
    "difference",
    "95 % interval",
    "right alone",
    "other alone",
    "p McNemar",
    "p permutation",
    "p Holm",
)


def table(pairs: Sequence[Pair], labels: Labels, several_seeds: bool) -> Table:
    """The pairs as a table; seeds are named where there are several."""
    rows = [
        (
            pair.a,
            pair.b,
            f"{pair.seeds[0]}, {pair.seeds[1]}",
            points(pair.found.uar),
            interval(pair.found.interval, signed=True),
            count(pair.found.mcnemar.only_a),
            count(pair.found.mcnemar.only_b),
            p_value(pair.found.mcnemar.p),
            p_value(pair.found.permutation.p),
            p_value(pair.holm),
        )
        for pair in pairs
    ]
    kept = [i for i, name in enumerate(_HEADER) if several_seeds or name != "seeds"]
    return Table(
        "Paired tests",
        tuple(_HEADER[i] for i in kept),
        tuple(tuple(row[i] for i in kept) for row in rows),
        words=3 if several_seeds else 2,
        note=_NOTE + _SEEDS * several_seeds + _NO_SPEAKERS * (None in labels.speakers),
    )
