"""Metrics agree with scikit-learn, join by key, and state what is not defined."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emomodels.exceptions import DataError, RecipeError
from emomodels.metrics import (
    SCORES,
    Metrics,
    Summary,
    ccc,
    evaluate,
    evaluate_dimension,
    evaluate_distributions,
    of_run,
    score,
    summarise,
)
from emomodels.posteriors import Posteriors
from emomodels.runs import Labels

CLASSES = ("angry", "calm", "happy", "sad")


def drawn(n=120, seed=0, k=4):
    """Labels, posteriors of them, and speakers and folds of five and two."""
    rng = np.random.default_rng(seed)
    ids = tuple(f"u{i:03d}" for i in range(n))
    true = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k)) + 1.5 * np.eye(k)[true]
    folds = tuple("ab"[i % 5 % 2] for i in range(n))
    p = Posteriors(ids, CLASSES[:k], logits, "logit", "drawn", folds)
    return (
        {i: CLASSES[t] for i, t in zip(ids, true, strict=True)},
        p,
        {i: f"s{k % 5}" for k, i in enumerate(ids)},
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_the_scores_are_those_of_scikit_learn(seed):
    from sklearn import metrics as peer

    labels, p, _ = drawn(seed=seed, n=12 if seed else 200)
    found = evaluate(labels, p)
    true, said = list(labels.values()), [p.predictions[i] for i in labels]
    # the same sums in another order
    close = {"rel": 1e-12}
    assert found.accuracy == pytest.approx(peer.accuracy_score(true, said), **close)
    assert found.uar == pytest.approx(peer.balanced_accuracy_score(true, said), **close)
    assert found.macro_f1 == pytest.approx(peer.f1_score(true, said, average="macro"), **close)
    assert found.weighted_f1 == pytest.approx(peer.f1_score(true, said, average="weighted"), **close)
    np.testing.assert_array_equal(found.confusion, peer.confusion_matrix(true, said, labels=CLASSES))
    precision, recall, f1, n = peer.precision_recall_fscore_support(
        true, said, labels=CLASSES, zero_division=np.nan
    )
    for k, name in enumerate(CLASSES):
        of = found.per_class[name]
        assert of.n == n[k]
        for mine, theirs in ((of.precision, precision[k]), (of.recall, recall[k]), (of.f1, f1[k])):
            assert (np.isnan(theirs) and mine is None) or mine == pytest.approx(theirs, **close)
    assert found.calibration.nll == pytest.approx(
        peer.log_loss(true, p.align(labels).probabilities, labels=CLASSES), **close
    )


def test_brier_of_two_classes_is_twice_that_of_scikit_learn():
    from sklearn.metrics import brier_score_loss

    labels, p, _ = drawn(k=2)
    angry = [label == "angry" for label in labels.values()]
    # scikit-learn counts one of the two classes
    assert evaluate(labels, p).calibration.brier == pytest.approx(
        2 * brier_score_loss(angry, p.probabilities[:, 0]), rel=1e-12
    )


def test_calibration_error_by_hand():
    values = [[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]]
    p = Posteriors(tuple("abcde"), ("sad", "happy"), values, "probability", "m", ("0",) * 5)
    labels = dict(zip("abcde", ("sad", "sad", "happy", "sad", "happy"), strict=True))
    found = evaluate(labels, p).calibration
    # bins of .9 (2 of 3 right) and of .6 (1 of 2): 3/5 * |2/3 - .9| + 2/5 * |1/2 - .6|
    assert found.ece == pytest.approx(0.6 * (0.9 - 2 / 3) + 0.4 * 0.1, rel=1e-12)
    assert {(b.n, b.accuracy) for b in found.bins if b.n} == {(3, 2 / 3), (2, 0.5)}
    assert sum(b.n for b in found.bins) == 5
    assert all(b.confidence is None for b in found.bins if not b.n)


def test_certainty_falls_into_the_last_bin():
    p = Posteriors(("a",), ("sad", "happy"), [[1.0, 0.0]], "probability", "m", ("0",))
    assert evaluate({"a": "sad"}, p).calibration.bins[-1].n == 1


@given(st.permutations(range(40)))
@settings(max_examples=20)
def test_the_order_of_the_rows_changes_nothing(order):
    labels, p, speakers = drawn(40)
    shuffled = dict(sorted(labels.items(), key=lambda item: order[int(item[0][1:])]))
    found = evaluate(shuffled, p.take(order), speakers=speakers, n_boot=50)
    expected = evaluate(labels, p, speakers=speakers, n_boot=50)
    # sums of likelihoods in another order
    assert found.calibration.nll == pytest.approx(expected.calibration.nll, rel=1e-12)
    same = {"calibration": None}
    assert found.model_copy(update=same) == expected.model_copy(update=same)


def test_the_order_of_the_classes_changes_no_score():
    labels, p, _ = drawn()
    turned = evaluate(labels, p, classes=CLASSES[::-1])
    expected = evaluate(labels, p)
    for name in SCORES:
        # sums over classes in another order
        assert getattr(turned, name) == pytest.approx(getattr(expected, name), rel=1e-12)
    np.testing.assert_array_equal(np.array(turned.confusion)[::-1, ::-1], expected.confusion)


def test_a_class_without_labels_has_no_recall_and_is_named():
    labels = {"a": "sad", "b": "sad", "c": "happy"}
    said = {"a": "sad", "b": "angry", "c": "happy"}
    found = evaluate(labels, said, CLASSES)
    assert found.absent == ("angry", "calm")
    assert found.uar == 0.75
    # of sad 2/3, happy 1, angry 0 because it was predicted; calm is neither
    assert found.macro_f1 == pytest.approx(5 / 9, rel=1e-12)
    assert found.per_class["angry"].recall is None
    assert found.per_class["angry"].precision == 0
    assert found.per_class["calm"].f1 is None


def test_pooled_and_mean_of_folds_differ_where_a_fold_lacks_a_class():
    labels = {"a": "sad", "b": "happy", "c": "sad", "d": "sad"}
    said = {"a": "sad", "b": "happy", "c": "happy", "d": "sad"}
    found = evaluate(labels, said, ("sad", "happy"), folds={"a": "0", "b": "0", "c": "1", "d": "1"})
    # pooled: sad 2 of 3, happy 1 of 1; fold 0: 1; fold 1: sad alone, 1 of 2
    assert found.uar == pytest.approx(5 / 6, rel=1e-12)
    assert [found.folds[f].uar for f in "01"] == [1.0, 0.5]
    assert found.folds["1"].absent == ("happy",)
    assert found.fold_mean["uar"] == 0.75
    assert found.fold_sd["uar"] == pytest.approx(np.std([1, 0.5], ddof=1), rel=1e-12)


def test_every_speaker_has_a_row_and_together_they_are_all():
    labels, p, speakers = drawn()
    found = evaluate(labels, p, speakers=speakers)
    assert sorted(found.speakers) == ["s0", "s1", "s2", "s3", "s4"]
    pooled = sum(of.accuracy * of.n for of in found.speakers.values()) / found.n
    assert pooled == pytest.approx(found.accuracy, rel=1e-12)


def test_intervals_are_over_speakers_and_repeat():
    labels, p, speakers = drawn()
    found = evaluate(labels, p, speakers=speakers, seed=3)
    assert found.intervals.n_speakers == 5
    for name in SCORES:
        low, high = found.intervals.scores[name]
        assert low < getattr(found, name) < high
    assert set(found.intervals.recall) == set(CLASSES)
    assert evaluate(labels, p, speakers=speakers, seed=3) == found
    assert evaluate(labels, p).intervals is None
    assert evaluate(labels, p, speakers=dict.fromkeys(labels, "one")).intervals is None


def test_a_thousand_draws_of_24_speakers_take_little_time():
    import time

    labels, p, _ = drawn(1434)
    speakers = {i: str(k % 24) for k, i in enumerate(labels)}
    began = time.perf_counter()
    evaluate(labels, p, speakers=speakers, n_boot=1000)
    # measured 0.03 s; a loop over draws and utterances would take minutes
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda g: g["labels"].pop("u000"), r"have 1 ids without a label \(u000\)"),
        (lambda g: g["labels"].update(x="sad"), r"lack 1 of 121 labelled ids \(x\)"),
        (
            lambda g: g["labels"].update(u000="hapy"),
            r"'hapy' is none of the classes \(did you mean 'happy'\?\)",
        ),
        (lambda g: g["labels"].clear(), "no utterances to evaluate"),
        (lambda g: g["speakers"].pop("u003"), "no speaker for 1 of 120 ids: u003"),
        (lambda g: g.update(classes=("sad", "happy")), "the label 'calm' is none of the classes: sad, happy"),
        (lambda g: g.update(predicted=g["predicted"].predictions), "predictions do not name all classes"),
    ],
)
def test_what_does_not_join_is_refused(change, said):
    labels, p, speakers = drawn()
    given = {"labels": labels, "predicted": p, "speakers": speakers}
    change(given)
    with pytest.raises(DataError, match=said):
        evaluate(**given)


def test_metrics_come_back_from_json_the_same():
    labels, p, speakers = drawn()
    found = evaluate(labels, p, speakers=speakers)
    assert Metrics.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    with pytest.raises(DataError, match="stored metrics: uar: Input should be"):
        Metrics.from_dict(found.to_dict() | {"uar": "high"})
    with pytest.raises(DataError, match="stored metrics: wa: Extra inputs"):
        Metrics.from_dict(found.to_dict() | {"wa": 0.5})


def test_seeds_are_summarised_with_their_spread():
    labels, _, _ = drawn()
    seeds = [evaluate(labels, p) for p in (drawn(seed=s)[1] for s in range(3))]
    found = summarise(seeds)
    uars = [m.uar for m in seeds]
    assert found.values["uar"].mean == pytest.approx(np.mean(uars), rel=1e-12)
    assert found.values["uar"].sd == pytest.approx(np.std(uars, ddof=1), rel=1e-12)
    assert (found.values["uar"].min, found.values["uar"].max) == (min(uars), max(uars))
    assert found.values["fold_mean_uar"].mean == pytest.approx(np.mean([m.fold_mean["uar"] for m in seeds]))
    assert summarise(seeds[:1]).values["uar"].sd is None


def test_seeds_on_different_utterances_are_not_summarised():
    with pytest.raises(DataError, match="different utterances or classes"):
        summarise([evaluate(*drawn()[:2]), evaluate(*drawn(119)[:2])])
    with pytest.raises(DataError, match="no metrics were given"):
        summarise([])


def test_a_run_has_the_metrics_of_each_seed_and_their_summary():
    labels, p, speakers = drawn()
    truth = Labels(p.ids, tuple(labels.values()), tuple(speakers.values()), p.folds)
    stored = json.loads(json.dumps(of_run(truth, {0: p, 7: p})))
    assert Metrics.from_dict(stored["seeds"]["7"]) == evaluate(labels, p, speakers=speakers)
    assert Summary.from_dict(stored["summary"]).values["uar"].sd == 0
    unknown = Labels(p.ids, tuple(labels.values()), (None,) * len(p), p.folds)
    assert of_run(unknown, {0: p})["seeds"]["0"]["intervals"] is None
    partly = Labels(p.ids, tuple(labels.values()), (None, *list(speakers.values())[1:]), p.folds)
    with pytest.raises(DataError, match="no speaker for 1 of 120"):
        of_run(partly, {0: p})


def test_one_score_alone_is_the_same():
    labels, p, _ = drawn()
    for name in SCORES:
        assert score(name, labels, p) == pytest.approx(getattr(evaluate(labels, p), name), rel=1e-12)
    with pytest.raises(RecipeError, match=r"unknown metric 'UA' \(did you mean 'uar'\?\)"):
        score("UA", labels, p)


def test_label_distributions_are_met_by_cross_entropy_and_divergence():
    p = Posteriors(("a", "b"), ("sad", "happy"), [[0.5, 0.5], [0.8, 0.2]], "probability", "m", ("0", "0"))
    raters = {"b": {"happy": 0.25, "sad": 0.75}, "a": {"sad": 1.0}}
    found = evaluate_distributions(raters, p)
    cross = np.log(2), -0.75 * np.log(0.8) - 0.25 * np.log(0.2)
    entropy = 0, -0.75 * np.log(0.75) - 0.25 * np.log(0.25)
    assert found.cross_entropy == pytest.approx(np.mean(cross), rel=1e-12)
    assert found.kl == pytest.approx(np.mean(cross) - np.mean(entropy), rel=1e-12)
    perfect = Posteriors(("a",), ("sad", "happy"), [[0.25, 0.75]], "probability", "m", ("0",))
    assert evaluate_distributions({"a": {"sad": 0.25, "happy": 0.75}}, perfect).kl == pytest.approx(
        0, abs=1e-15
    )


@pytest.mark.parametrize(
    ("raters", "said"),
    [
        ({"a": {"sad": 0.5}}, "the label distribution of 'a' sums to 0.5"),
        ({"a": {"sat": 1.0}}, r"'sat' is none of the classes \(did you mean 'sad'\?\)"),
        ({"b": {"sad": 1.0}}, "lack 1 of 1 labelled ids"),
        ({}, "no utterances to evaluate"),
    ],
)
def test_distributions_that_do_not_fit_are_refused(raters, said):
    p = Posteriors(("a",), ("sad", "happy"), [[0.25, 0.75]], "probability", "m", ("0",))
    with pytest.raises(DataError, match=said):
        evaluate_distributions(raters, p)


def test_concordance_by_hand():
    x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0])
    # population covariance 1, variances 1.25, equal means; with n - 1 in one place only it would not be 0.8
    assert ccc(x, y) == pytest.approx(0.8, rel=1e-12)
    assert ccc(x, x) == 1
    assert ccc(x - x.mean(), x.mean() - x) == -1
    assert ccc(x, x + 1) == pytest.approx(2.5 / 3.5, rel=1e-12)
    assert ccc(x, np.full(4, 2.0)) == 0
    assert np.isnan(ccc(np.full(3, 0.1), np.full(3, 0.1)))
    with pytest.raises(DataError, match="concordance of 3 with 4 values"):
        ccc(np.zeros(3), np.zeros(4))


def test_concordance_concatenated_is_not_the_mean_of_the_recordings():
    true = {"r1": [0.0, 0.1, 0.2], "r2": [0.8, 0.9, 1.0], "r3": [0.5, 0.5, 0.5]}
    said = {"r3": [0.5, 0.5, 0.5], "r1": [0.2, 0.1, 0.0], "r2": [1.0, 0.9, 0.8]}
    found = evaluate_dimension(true, said, speakers={"r1": "x", "r2": "y", "r3": "y"})
    flat = np.concatenate([true[r] for r in true]), np.concatenate([said[r] for r in true])
    assert found.ccc == pytest.approx(ccc(*flat), rel=1e-12)
    assert found.ccc > 0.9
    # reversed within each recording; the constant one is not defined and not counted
    assert found.ccc_mean == pytest.approx(-1, rel=1e-9)
    assert found.recordings["r3"].ccc is None
    assert found.n == 9
    assert found.pearson == pytest.approx(np.corrcoef(*flat)[0, 1], rel=1e-12)
    # two speakers, of whom one alone is drawn half of the time; ends are sums in another order
    assert found.interval[0] < 0 < found.ccc <= found.interval[1] + 1e-12


def test_single_values_are_put_together_by_recording():
    true = {f"u{i}": float(i) for i in range(6)}
    said = {f"u{i}": float(i) + (i > 2) for i in range(6)}
    found = evaluate_dimension(true, said, recordings={f"u{i}": "ab"[i > 2] for i in range(6)})
    assert (found.recordings["a"].n, found.recordings["a"].ccc) == (3, 1.0)
    assert found.recordings["b"].ccc == pytest.approx(ccc([3, 4, 5], [4, 5, 6]), rel=1e-12)
    assert found.interval is None


@pytest.mark.parametrize(
    ("true", "said_values", "said"),
    [
        ({"a": [1.0, 2.0]}, {"a": [1.0]}, r"'a' has labels of shape \(2,\) and predictions of shape \(1,\)"),
        ({"a": [1.0, np.nan]}, {"a": [1.0, 2.0]}, "of 'a' are not finite"),
        ({"a": [1.0]}, {"b": [1.0]}, "lack 1 of 1 labelled ids"),
        ({"a": [1.0]}, {"a": [1.0]}, "one and the same constant"),
        ({}, {}, "nothing to evaluate"),
    ],
)
def test_series_that_do_not_fit_are_refused(true, said_values, said):
    with pytest.raises(DataError, match=said):
        evaluate_dimension(true, said_values)
