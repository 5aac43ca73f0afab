"""Whether a difference is one: bootstrap over speakers, paired tests, correction for several comparisons.

Utterances of one speaker are alike, so that 1,440 clips of 24 actors are much less than 1,440 independent
observations. Whatever is drawn anew here is therefore a speaker, with all of their utterances.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from emomodels.exceptions import DataError
from emomodels.posteriors import Posteriors, align, predictions, same_keys
from emomodels.results import Result

#: Up to so many blocks every exchange is tried (2**14 of them); beyond, a drawn sample.
_ENUMERATED = 14


def bootstrap_speakers(
    blocks: NDArray[Any],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    n_boot: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Percentile interval of a statistic of sums over speakers, who are drawn with replacement.

    Parameters
    ----------
    blocks
        `(n_speakers, ...)`: what each speaker adds, such as a confusion matrix.
    statistic
        From the sums `(n_boot, ...)` to one value, or several, per draw: `(n_boot,)` or `(n_boot, m)`.
    n_boot, seed
        How many draws, and what draws them.
    level
        Share of the draws inside the interval.

    Returns
    -------
    Lower and upper end, of shape `()` or `(m,)`. Draws in which the statistic is not defined (NaN) are left out.

    Raises
    ------
    DataError
        Fewer than two speakers: nothing is known about another one.

    Notes
    -----
    Efron & Tibshirani (1993), chapter 13. With few speakers (about ten or less) such intervals are too narrow.

    Examples
    --------
    >>> hits = np.array([[3, 4], [1, 4], [4, 4]])      # right, and all, of each speaker
    >>> low, high = bootstrap_speakers(hits, lambda sums: sums[:, 0] / sums[:, 1])
    >>> float(low), float(high)
    (0.25, 1.0)
    """
    blocks = np.asarray(blocks, np.float64)
    n = len(blocks)
    if n < 2:
        raise DataError(f"an interval over speakers needs at least two of them, there are {n}")
    times = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_boot)
    drawn = np.tensordot(times.astype(np.float64), blocks, axes=1)
    tail = 50 * (1 - level)
    low, high = np.nanpercentile(statistic(drawn), [tail, 100 - tail], axis=0)
    return low, high


class McNemar(Result):
    """McNemar's test. `only_a` and `only_b` utterances were recognised by one of the two systems alone."""

    n: int
    only_a: int
    only_b: int
    p: float
    method: Literal["exact", "mid-p"]


def mcnemar(
    labels: Mapping[str, str],
    a: Posteriors | Mapping[str, str],
    b: Posteriors | Mapping[str, str],
    *,
    method: Literal["exact", "mid-p"] = "exact",
) -> McNemar:
    """Whether two systems are right equally often on the same utterances; two-sided.

    The utterances that one system alone recognises are compared with a fair coin, by the binomial distribution
    and not its normal approximation, whatever their number. `mid-p` counts the observed division half, which is
    less conservative (Fagerland et al. 2013). Both take utterances as independent, which those of one speaker
    are not: `permutation_test` with blocks does not.

    Raises
    ------
    DataError
        The systems or the labels are of different ids.

    Examples
    --------
    >>> labels = dict.fromkeys("abcdef", "sad")
    >>> other = dict.fromkeys("abcdef", "happy")
    >>> mcnemar(labels, labels, other).p
    0.03125
    """
    from scipy.stats import binom

    right_a, right_b = _right(labels, a, "a"), _right(labels, b, "b")
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    fewer, n = min(only_a, only_b), only_a + only_b
    p = 2 * binom.cdf(fewer, n, 0.5) - (binom.pmf(fewer, n, 0.5) if method == "mid-p" else 0)
    return McNemar(n=len(labels), only_a=only_a, only_b=only_b, p=min(1.0, float(p)), method=method)


class Permutation(Result):
    """A paired permutation test. `difference` is that of `a` to `b`; `exact`: all exchanges were tried."""

    n: int
    metric: Literal["uar", "accuracy"]
    difference: float
    p: float
    n_blocks: int
    n_permutations: int
    exact: bool


def permutation_test(
    labels: Mapping[str, str],
    a: Posteriors | Mapping[str, str],
    b: Posteriors | Mapping[str, str],
    *,
    blocks: Mapping[str, str] | None = None,
    metric: Literal["uar", "accuracy"] = "uar",
    n_permutations: int = 10_000,
    seed: int = 0,
) -> Permutation:
    """Whether the difference of two systems could come from exchanging them; two-sided.

    Parameters
    ----------
    labels, a, b
        Names of classes by id.
    blocks
        Speaker of each id: the systems are exchanged for all utterances of a speaker at once, since these are
        not independent. None exchanges single utterances.
    metric
        What is compared, pooled over all utterances; UAR over the classes that have labels.
    n_permutations, seed
        Drawn exchanges, where there are too many to try all; then p is at least 1 / (n_permutations + 1)
        (Phipson & Smyth 2010).

    Raises
    ------
    DataError
        The systems or the labels are of different ids, or ids without a block.

    Examples
    --------
    >>> labels = dict.fromkeys("abcdef", "sad")
    >>> other = dict.fromkeys("abcdef", "happy")
    >>> found = permutation_test(labels, labels, other)
    >>> round(found.difference, 12), found.p, found.exact
    (1.0, 0.03125, True)
    """
    gain = _right(labels, a, "a").astype(np.float64) - _right(labels, b, "b")
    names, true = np.unique(list(labels.values()), return_inverse=True)
    # Labels do not change places, so that UAR is a sum over utterances, each worth 1 / (classes * its class).
    worth = 1 / (len(names) * np.bincount(true)) if metric == "uar" else np.full(len(names), 1 / len(labels))
    gain *= worth[true]
    if blocks is not None:
        _, at = np.unique(align("block", blocks, list(labels)), return_inverse=True)
        gain = np.bincount(at, gain).astype(np.float64)
    n_blocks, observed = len(gain), float(gain.sum())
    gain = gain[gain != 0]
    exact = len(gain) <= _ENUMERATED
    total = 2 ** len(gain) if exact else n_permutations
    rng = np.random.default_rng(seed)
    extreme = 0
    for begin in range(0, total, 1000):
        count = min(1000, total - begin)
        if exact:
            signs = np.arange(begin, begin + count)[:, None] >> np.arange(len(gain)) & 1
        else:
            signs = rng.integers(0, 2, (count, len(gain)))
        # Sums in another order differ in the last bits; equal differences must count as equal.
        extreme += int((np.abs((1.0 - 2.0 * signs) @ gain) >= abs(observed) - 1e-12).sum())
    return Permutation(
        n=len(labels),
        metric=metric,
        difference=observed,
        p=extreme / total if exact else (extreme + 1) / (total + 1),
        n_blocks=n_blocks,
        n_permutations=total,
        exact=exact,
    )


class Comparison(Result):
    """Two systems on the same utterances; differences are `a` less `b`.

    `interval` is that of the UAR difference over speakers, and `permutation` exchanges whole speakers; without
    known speakers the first is None and the second exchanges utterances.
    """

    uar: float
    accuracy: float
    interval: tuple[float, float] | None
    permutation: Permutation
    mcnemar: McNemar


def compare(
    labels: Mapping[str, str],
    a: Posteriors | Mapping[str, str],
    b: Posteriors | Mapping[str, str],
    *,
    speakers: Mapping[str, str] | None = None,
    n_boot: int = 1000,
    n_permutations: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Both paired tests of two systems, and the interval of their difference.

    Raises
    ------
    DataError
        The systems or the labels are of different ids, or ids without a speaker.

    Examples
    --------
    >>> labels = dict.fromkeys("abcdef", "sad")
    >>> found = compare(labels, labels, dict.fromkeys("abcdef", "happy"))
    >>> found.accuracy, found.mcnemar.p, found.interval
    (1.0, 0.03125, None)
    """
    right = np.column_stack([_right(labels, a, "a"), _right(labels, b, "b"), np.ones(len(labels), bool)])
    interval = None
    if speakers is not None and len(set(align("speaker", speakers, list(labels)))) > 1:
        classes, true = np.unique(list(labels.values()), return_inverse=True)
        names, who = np.unique([speakers[i] for i in labels], return_inverse=True)
        counts = np.zeros((len(names), len(classes), 3))
        np.add.at(counts, (who, true), right)
        low, high = bootstrap_speakers(counts, _uar_difference, n_boot=n_boot, seed=seed)
        interval = (float(low), float(high))
    permutation = permutation_test(labels, a, b, blocks=speakers, n_permutations=n_permutations, seed=seed)
    return Comparison(
        uar=permutation.difference,
        accuracy=float(right[:, 0].mean() - right[:, 1].mean()),
        interval=interval,
        permutation=permutation,
        mcnemar=mcnemar(labels, a, b),
    )


def _uar_difference(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """From `(..., K, 3)`: right by a, right by b, labelled; over the classes that have labels."""
    n = counts[..., 2]
    gain = np.divide(counts[..., 0] - counts[..., 1], n, out=np.zeros_like(n), where=n > 0)
    difference: NDArray[np.float64] = gain.sum(axis=-1) / (n > 0).sum(axis=-1)
    return difference


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """p-values corrected for being several, by Holm's step-down method (1979).

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    corrected, least = {}, 0.0
    for rank, name in enumerate(sorted(p, key=lambda name: p[name])):
        least = max(least, min(1.0, (len(p) - rank) * p[name]))
        corrected[name] = least
    return {name: corrected[name] for name in p}


def _right(labels: Mapping[str, str], given: Posteriors | Mapping[str, str], name: str) -> NDArray[np.bool_]:
    if not labels:
        raise DataError("a test of no utterances; give labels")
    said = predictions(given)
    same_keys(f"the predictions of system {name}", said, labels)
    return np.array([said[i] == label for i, label in labels.items()], bool)
