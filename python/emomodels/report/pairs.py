"""Pairs of systems on the same utterances: the difference, its interval over speakers, two tests, Holm's correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from emomodels.metrics import scores
from emomodels.posteriors import Posteriors
from emomodels.report.document import Table
from emomodels.report.words import count, interval, p_value, points
from emomodels.runs import Labels
from emomodels.statistics import bootstrap_speakers, holm, mcnemar, permutation_test

#: By seed, the posteriors of one system.
BySeed = Mapping[int, Posteriors]


@dataclass(frozen=True, slots=True)
class Pair:
    """How system `a` compares with system `b`; differences are `a` less `b`, as shares.

    Parameters
    ----------
    seeds
        The seeds of `a` and `b` that are compared.
    interval
        95 % percentile bootstrap of the difference of UAR over speakers; None with fewer than two.
    only_a, only_b
        Utterances that one of the two recognises alone.
    mcnemar, permutation
        Two-sided p of McNemar's exact test on utterances, and of exchanging the systems speaker by speaker.
    holm
        `permutation`, corrected for the number of pairs.
    """

    a: str
    b: str
    seeds: tuple[int, int]
    uar: float
    accuracy: float
    interval: tuple[float, float] | None
    only_a: int
    only_b: int
    mcnemar: float
    permutation: float
    holm: float


def compared(systems: Mapping[str, BySeed], pairs: Sequence[tuple[str, str]], labels: Labels) -> list[Pair]:
    """Compare `pairs` of `systems`, which must have said something about every utterance of `labels`.

    Where systems have several seeds, all seeds of one meet all of the other, and the pair with the largest
    permutation p is given: a claim holds only if it holds there.
    """
    found = {pair: _hardest(systems, pair, labels) for pair in pairs}
    names = {pair: " against ".join(pair) for pair in pairs}
    corrected = holm({names[pair]: test[1] for pair, test in found.items()})
    return [_pair(systems, pair, found[pair], corrected[names[pair]], labels) for pair in pairs]


def _hardest(
    systems: Mapping[str, BySeed], pair: tuple[str, str], labels: Labels
) -> tuple[tuple[int, int], float, float]:
    """The seeds with the largest p, that p, and the difference of UAR."""
    a, b = (systems[name] for name in pair)
    truth, blocks = _truth(labels), _speakers(labels)
    tests = {
        (s, t): permutation_test(truth, a[s], b[t], blocks=blocks, metric="uar") for s, t in product(a, b)
    }
    seeds = max(tests, key=lambda key: (tests[key].p, -abs(tests[key].difference)))
    return seeds, tests[seeds].p, tests[seeds].difference


def _pair(
    systems: Mapping[str, BySeed],
    names: tuple[str, str],
    found: tuple[tuple[int, int], float, float],
    corrected: float,
    labels: Labels,
) -> Pair:
    seeds, p, difference = found
    a, b = systems[names[0]][seeds[0]], systems[names[1]][seeds[1]]
    counts = _confusions(a, b, labels)
    accuracy = scores(counts.sum(axis=0))["accuracy"]
    test = mcnemar(_truth(labels), a, b)
    return Pair(
        a=names[0],
        b=names[1],
        seeds=seeds,
        uar=difference,
        accuracy=float(accuracy[0] - accuracy[1]),
        interval=_interval(counts),
        only_a=test.only_a,
        only_b=test.only_b,
        mcnemar=test.p,
        permutation=p,
        holm=corrected,
    )


def _confusions(a: Posteriors, b: Posteriors, labels: Labels) -> NDArray[np.int64]:
    """Counts of both systems for each speaker, `(n_speakers, 2, K, K)`; one block where speakers are unknown."""
    who = np.unique([s or "" for s in labels.speakers], return_inverse=True)[1]
    at = {name: k for k, name in enumerate(a.classes)}
    true = np.array([at[label] for label in labels.labels])
    counts = np.zeros((who.max() + 1, 2, len(at), len(at)), np.int64)
    for system, posteriors in enumerate((a, b)):
        said = posteriors.predictions
        decided = np.array([at[said[i]] for i in labels.ids])
        np.add.at(counts[:, system], (who, true, decided), 1)
    return counts


def _interval(counts: NDArray[np.int64]) -> tuple[float, float] | None:
    if len(counts) < 2:
        return None

    def difference(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        uar = scores(sums)["uar"]
        return uar[:, 0] - uar[:, 1]

    low, high = bootstrap_speakers(counts, difference)
    return float(low), float(high)


def _truth(labels: Labels) -> dict[str, str]:
    return dict(zip(labels.ids, labels.labels, strict=True))


def _speakers(labels: Labels) -> dict[str, str] | None:
    """Speaker by id; None where one is unknown, and utterances are exchanged one by one."""
    if None in labels.speakers:
        return None
    return {i: str(s) for i, s in zip(labels.ids, labels.speakers, strict=True)}


_NOTE = (
    "Differences of UAR in points. Interval: bootstrap over speakers. McNemar's exact test takes utterances as "
    "independent; the permutation test exchanges the systems speaker by speaker, and Holm corrects it for the number "
    "of pairs."
)
_SEEDS = " Of several seeds, the two with the largest permutation p are shown: a claim must hold there too."
_NO_SPEAKERS = (
    " Speakers are not known: the permutation test exchanges single utterances, and there is no interval."
)


def table(pairs: Sequence[Pair], labels: Labels, several_seeds: bool) -> Table:
    """The pairs as a table."""
    header = (
        "system",
        "against",
        "seeds",
        "difference",
        "95 % interval",
        "right alone",
        "the other",
        "p McNemar",
        "p permutation",
        "p Holm",
    )
    rows = tuple(
        (
            pair.a,
            pair.b,
            f"{pair.seeds[0]}, {pair.seeds[1]}",
            points(pair.uar),
            interval(pair.interval, signed=True),
            count(pair.only_a),
            count(pair.only_b),
            p_value(pair.mcnemar),
            p_value(pair.permutation),
            p_value(pair.holm),
        )
        for pair in pairs
    )
    note = _NOTE + _SEEDS * several_seeds + _NO_SPEAKERS * (None in labels.speakers)
    return Table("Paired tests", header, rows, words=3, note=note)
