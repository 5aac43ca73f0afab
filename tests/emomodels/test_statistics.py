"""Intervals and paired tests against hand-computed cases and scipy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from emomodels.exceptions import DataError
from emomodels.statistics import bootstrap_speakers, compare, holm, mcnemar, permutation_test


def systems(only_a, only_b, both=10, neither=4):
    """Labels, and two systems of which each is right where the other is not as often as asked."""
    n = only_a + only_b + both + neither
    ids = [f"u{i:02d}" for i in range(n)]
    labels = {i: "happy" if k % 3 else "sad" for k, i in enumerate(ids)}
    right_a = set(ids[: only_a + both])
    right_b = set(ids[only_a : only_a + both + only_b])
    wrong = {"happy": "sad", "sad": "happy"}
    a = {i: labels[i] if i in right_a else wrong[labels[i]] for i in ids}
    b = {i: labels[i] if i in right_b else wrong[labels[i]] for i in ids}
    return labels, a, b


def uar(labels, said):
    classes = set(labels.values())
    recalls = [np.mean([said[i] == c for i in labels if labels[i] == c]) for c in classes]
    return float(np.mean(recalls))


@pytest.mark.parametrize(("only_a", "only_b"), [(1, 8), (5, 5), (0, 6), (40, 61), (0, 0)])
def test_mcnemar_is_a_binomial_test_of_the_discordant_pairs(only_a, only_b):
    from scipy.stats import binomtest

    labels, a, b = systems(only_a, only_b)
    found = mcnemar(labels, a, b)
    assert (found.only_a, found.only_b, found.n) == (only_a, only_b, len(labels))
    expected = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    # the same distribution function, summed in another order
    assert found.p == pytest.approx(expected, rel=1e-12)


def test_mid_p_counts_the_observed_division_half():
    labels, a, b = systems(1, 8)
    # by hand: 2 * (C(9,0) + C(9,1)) / 2**9 = 20/512, less C(9,1) / 2**9 = 9/512
    assert mcnemar(labels, a, b).p == pytest.approx(20 / 512, rel=1e-12)
    assert mcnemar(labels, a, b, method="mid-p").p == pytest.approx(11 / 512, rel=1e-12)


def test_the_permutation_test_tries_every_exchange_of_few_utterances():
    labels, a, b = systems(6, 2)
    found = permutation_test(labels, a, b)
    ids = [i for i in labels if a[i] != b[i]]
    observed, extreme = uar(labels, a) - uar(labels, b), 0
    for swaps in product((False, True), repeat=len(ids)):
        swapped = {i for i, s in zip(ids, swaps, strict=True) if s}
        one = {i: b[i] if i in swapped else a[i] for i in labels}
        two = {i: a[i] if i in swapped else b[i] for i in labels}
        extreme += abs(uar(labels, one) - uar(labels, two)) >= abs(observed) - 1e-12
    assert found.exact
    assert found.difference == pytest.approx(observed, rel=1e-12)
    assert found.p == extreme / 2 ** len(ids)


def test_blocks_are_exchanged_as_a_whole():
    labels, a, b = systems(8, 0, both=0, neither=0)
    # all differences go one way; two speakers give only four exchanges, two of them as extreme
    found = permutation_test(labels, a, b, blocks={i: (i[-1] in "0123" and "s1") or "s2" for i in labels})
    assert (found.n_blocks, found.n_permutations, found.p) == (2, 4, 0.5)
    assert permutation_test(labels, a, b).p == 2 / 2**8


def test_drawn_exchanges_agree_with_the_sign_test_and_repeat():
    from scipy.stats import binomtest

    labels, a, b = systems(30, 15)
    found = permutation_test(labels, a, b, metric="accuracy", n_permutations=20_000)
    assert not found.exact
    expected = binomtest(15, 45).pvalue
    # three standard deviations of a drawn share
    assert abs(found.p - expected) < 3 * np.sqrt(expected * (1 - expected) / 20_000)
    assert permutation_test(labels, a, b, metric="accuracy", n_permutations=20_000) == found


def test_equal_systems_differ_by_nothing():
    labels, a, _ = systems(3, 3)
    assert permutation_test(labels, a, a).p == 1
    assert mcnemar(labels, a, a).p == 1


def test_under_the_null_hypothesis_small_p_values_are_rare():
    rng = np.random.default_rng(3)
    p = []
    for _ in range(200):
        labels = {str(i): "ab"[i % 2] for i in range(60)}
        a, b = ({i: "ab"[rng.integers(2)] for i in labels} for _ in range(2))
        p.append(permutation_test(labels, a, b, n_permutations=200).p)
    # 200 draws of a share of at most 5 %: three standard deviations above
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_systems_of_other_ids_are_refused():
    labels, a, b = systems(2, 2)
    with pytest.raises(DataError, match=r"predictions of system b lack 1 of 18 labelled ids \(u00\)"):
        mcnemar(labels, a, {i: c for i, c in b.items() if i != "u00"})
    with pytest.raises(DataError, match=r"system a have 1 ids without a label \(x\)"):
        permutation_test(labels, a | {"x": "sad"}, b)
    with pytest.raises(DataError, match="no block for 18 of 18 ids"):
        permutation_test(labels, a, b, blocks={})
    with pytest.raises(DataError, match="a test of no utterances"):
        mcnemar({}, {}, {})


def test_holm_corrects_step_by_step():
    # by hand: 4 * .005, 3 * .01, 2 * .03, 1 * .04 raised to the one before
    assert holm({"d": 0.04, "a": 0.01, "b": 0.005, "c": 0.03}) == pytest.approx(
        {"d": 0.06, "a": 0.03, "b": 0.02, "c": 0.06}
    )
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_the_interval_over_speakers_is_that_of_drawing_speakers_by_hand():
    rng = np.random.default_rng(1)
    hits = np.column_stack([rng.integers(0, 11, 12), np.full(12, 10)])
    low, high = bootstrap_speakers(hits, lambda s: s[:, 0] / s[:, 1], n_boot=20_000)
    drawn = rng.integers(0, 12, (20_000, 12))
    by_hand = hits[drawn].sum(axis=1)
    expected = np.percentile(by_hand[:, 0] / by_hand[:, 1], [2.5, 97.5])
    # both are drawn; the ends of 20,000 draws move by less than one utterance of 120
    np.testing.assert_allclose([low, high], expected, atol=1 / 120)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = 0
    for trial in range(200):
        skill = rng.normal(0.6, 0.1, 24).clip(0, 1)
        hits = np.column_stack([rng.binomial(60, skill), np.full(24, 60)])
        low, high = bootstrap_speakers(hits, lambda s: s[:, 0] / s[:, 1], n_boot=400, seed=trial)
        inside += low <= 0.6 <= high
    # 24 speakers make percentile intervals slightly narrow: 95 % nominal, 200 trials with an sd of 1.5 %
    assert 0.89 <= inside / 200 <= 0.99


def test_one_speaker_has_no_interval():
    with pytest.raises(DataError, match="needs at least two of them, there are 1"):
        bootstrap_speakers(np.ones((1, 2)), lambda s: s[:, 0])


def test_a_comparison_has_both_tests_and_the_interval_of_the_difference():
    labels, a, b = systems(40, 10, both=60, neither=10)
    speakers = {i: f"s{k % 10}" for k, i in enumerate(labels)}
    found = compare(labels, a, b, speakers=speakers, n_boot=4000)
    assert found.uar == pytest.approx(uar(labels, a) - uar(labels, b), rel=1e-9)
    assert found.accuracy == pytest.approx(30 / 120, rel=1e-12)
    assert found.mcnemar == mcnemar(labels, a, b)
    assert found.permutation == permutation_test(labels, a, b, blocks=speakers)
    rng = np.random.default_rng(5)
    drawn = []
    for _ in range(500):
        ids = [i for s in rng.integers(0, 10, 10) for i in labels if speakers[i] == f"s{s}"]
        recalls = [
            np.mean([(a[i] == c) - float(b[i] == c) for i in ids if labels[i] == c]) for c in ("happy", "sad")
        ]
        drawn.append(np.mean(recalls))
    # both are drawn: ends of 500 draws move by about a hundredth
    np.testing.assert_allclose(found.interval, np.percentile(drawn, [2.5, 97.5]), atol=0.02)


def test_without_speakers_single_utterances_are_exchanged_and_there_is_no_interval():
    labels, a, b = systems(12, 3)
    found = compare(labels, a, b)
    assert found.interval is None
    assert found.permutation.n_blocks == len(labels)
