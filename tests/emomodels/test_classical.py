"""scikit-learn's classifiers behind our contract: the same predictions, and posteriors that belong to them."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from emofeat.corpus.labels import label_map
from emomodels.data import normalise
from emomodels.data.action_units import averaged_table
from emomodels.data.examples import Examples
from emomodels.exceptions import DataError, ModelError, RecipeError
from emomodels.models.base import Context, History
from emomodels.models.classical import Classical
from emomodels.models.registry import MODELS, estimator, model_class

CLASSICAL = [name for name, (module, _) in MODELS.items() if module.endswith("classical")]
#: Small settings, so that the whole file takes seconds.
QUICK = {"mlp_sklearn": {"hidden_layer_sizes": [8], "max_iter": 60}, "random_forest": {"n_estimators": 10}}


def clouds(n: int = 90, d: int = 6, k: int = 3, seed: int = 0, spread: float = 1.5) -> Examples:
    """`k` classes around points of their own, six speakers."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    centres = np.random.default_rng(99).normal(0, 1, (k, d))
    x = centres[y] + spread * rng.normal(size=(n, d))
    who = tuple(f"s{i // 3 % 6}" for i in range(n))
    columns, classes = tuple(f"c{j}" for j in range(d)), tuple("abcdefgh"[:k])
    return Examples(tuple(f"u{i}" for i in range(n)), x, columns, classes, y.astype(np.int64), who)


def fitted(name: str, train: Examples, seed: int = 0, **given: object) -> tuple[Classical, History]:
    model = estimator(name, QUICK.get(name, {}) | given)
    return model, model.fit(train, None, seed=seed, context=Context())


# The contract


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("name", CLASSICAL)
def test_posteriors_are_distributions_over_the_classes(name, k):
    model, _ = fitted(name, clouds(k=k))
    posteriors = model.predict(clouds(20, k=k, seed=1).without_labels())
    assert posteriors.shape == (20, k)
    assert posteriors.dtype == np.float64
    assert (posteriors >= 0).all()
    np.testing.assert_allclose(posteriors.sum(axis=1), 1, rtol=1e-12)
    assert model.classes == tuple("abcde"[:k])


@pytest.mark.parametrize("name", CLASSICAL)
def test_the_same_seed_gives_the_same_bits(name):
    train, test = clouds(), clouds(20, seed=1)
    one, other = fitted(name, train, seed=3)[0], fitted(name, train, seed=3)[0]
    np.testing.assert_array_equal(one.predict(test), other.predict(test))


@pytest.mark.parametrize("name", CLASSICAL)
def test_another_seed_matters_only_where_the_model_says_so(name):
    train, test = clouds(), clouds(20, seed=1)
    one, other = fitted(name, train, seed=3)[0], fitted(name, train, seed=4)[0]
    assert np.array_equal(one.predict(test), other.predict(test)) is not model_class(name).stochastic


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("name", CLASSICAL)
def test_a_loaded_model_predicts_the_same_bits(name, k, tmp_path):
    model, _ = fitted(name, clouds(k=k))
    model.save(tmp_path)
    loaded = model_class(name).load(tmp_path)
    test = clouds(20, k=k, seed=1)
    np.testing.assert_array_equal(loaded.predict(test), model.predict(test))
    assert loaded.classes == model.classes
    assert loaded.settings == model.settings
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".json", ".safetensors"]  # no pickle


@pytest.mark.parametrize("name", CLASSICAL)
def test_a_batch_does_not_change_its_members(name):
    model, _ = fitted(name, clouds())
    test = clouds(20, seed=1)
    alone = np.concatenate([model.predict(test.take([i])) for i in range(20)])
    # BLAS adds up products of one row and of many in different orders.
    np.testing.assert_allclose(model.predict(test), alone, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", CLASSICAL)
def test_a_class_absent_from_training_is_an_error(name):
    train = clouds()
    without = train.take(np.flatnonzero(train.y != 1))
    with pytest.raises(DataError, match=r"none of b among 60; choose another split or a label map") as caught:
        fitted(name, without)
    assert caught.value.code == "absent_class"


def test_labels_vectors_and_finite_values_are_needed():
    train = clouds()
    with pytest.raises(DataError, match="these examples have none"):
        fitted("knn", train.without_labels())
    as_sequences = Examples(train.ids, tuple(train.x[:, None]), train.columns, train.classes, train.y)
    with pytest.raises(DataError, match="these are sequences"):
        fitted("knn", as_sequences)
    train.x[0, 0] = np.nan
    with pytest.raises(DataError, match=r"1 of 6 columns \(c0\)"):
        fitted("linear_svm", train)


def test_other_columns_than_those_of_the_fit_are_refused():
    model, _ = fitted("knn", clouds(d=6))
    with pytest.raises(ModelError, match="fitted on 6 columns"):
        model.predict(clouds(d=5))


def test_an_unfitted_model_and_another_kind_of_model_are_refused(tmp_path):
    with pytest.raises(ModelError, match="has not been fitted"):
        estimator("knn").predict(clouds())
    fitted("knn", clouds())[0].save(tmp_path)
    with pytest.raises(ModelError, match="holds the model 'knn', not 'rbf_svm'"):
        model_class("rbf_svm").load(tmp_path)


def test_what_does_not_converge_is_a_note():
    _, history = fitted("logistic_regression", clouds(), max_iter=1)
    assert "converge" in history.extra["notes"][0]
    _, history = fitted("logistic_regression", clouds(), max_iter=1000)
    assert history.extra["notes"] == []


def test_the_losses_of_the_perceptron_are_kept():
    _, history = fitted("mlp_sklearn", clouds())
    losses = [e["train_loss"] for e in history.epochs]
    assert len(losses) == history.extra["n_iter"]
    assert losses[-1] < losses[0]
    assert history.chosen_on is None


# The same as scikit-learn


def theirs(name: str, train: Examples, **given: object):
    made = {
        "linear_svm": lambda: SVC(kernel="linear", **given),
        "rbf_svm": lambda: SVC(**given),
        "logistic_regression": lambda: LogisticRegression(**given),
        "mlp_sklearn": lambda: MLPClassifier((8,), max_iter=60, random_state=0, **given),
        "knn": lambda: KNeighborsClassifier(**given),
        "random_forest": lambda: RandomForestClassifier(10, random_state=0, **given),
    }
    return made[name]().fit(train.x, train.y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize("name", ["logistic_regression", "mlp_sklearn", "knn", "random_forest"])
def test_posteriors_are_those_of_scikit_learn(name, k):
    train, test = clouds(k=k), clouds(40, k=k, seed=1)
    expected = theirs(name, train).predict_proba(test.x)
    # Rounding of float64 in another order of operations.
    np.testing.assert_allclose(fitted(name, train)[0].predict(test), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("weight", [None, "balanced"])
@pytest.mark.parametrize(("n", "d"), [(90, 6), (60, 200)])
@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("name", ["linear_svm", "rbf_svm"])
def test_svm_classes_are_those_of_scikit_learn(name, k, n, d, weight):
    whole = clouds(n, d, k)
    train = whole.take(np.arange(n - n // 4))  # not quite balanced
    test = clouds(60, d, k, seed=1)
    svc = theirs(name, train, C=0.5, class_weight=weight)
    model, _ = fitted(name, train, C=0.5, class_weight=weight, decision="votes")
    np.testing.assert_array_equal(model.predict(test).argmax(axis=1), svc.predict(test.x))
    # libsvm stops at a tolerance; products in another order of additions take another path to it.
    svc.decision_function_shape = "ovo"
    raw = svc.decision_function(test.x).reshape(len(test), -1)
    np.testing.assert_allclose(model._decisions(test.x), raw if k > 2 else -raw, atol=5e-3)


def test_pairwise_decisions_of_two_classes_are_a_logistic_function():
    model, _ = fitted("rbf_svm", clouds(k=2), calibration="none")
    test = clouds(20, k=2, seed=1)
    expected = 1 / (1 + np.exp(-model._decisions(test.x)[:, 0]))
    np.testing.assert_allclose(model.predict(test)[:, 0], expected, rtol=1e-12)


def test_pairwise_decisions_of_three_classes_by_hand():
    # a beats b clearly and c barely, c beats b barely: a has the larger product.
    decisions = np.log([[9.0, 1.5, 0.5]])  # odds of a:b, a:c, b:c
    model, _ = fitted("linear_svm", clouds(), calibration="none")
    products = np.array([0.9 * 0.6, 0.1 * (1 / 3), 0.4 * (2 / 3)])
    np.testing.assert_allclose(
        model._softened(decisions, np.ones(2))[0], products / products.sum(), rtol=1e-12
    )


def test_more_columns_than_utterances_change_no_solution():
    train, test = clouds(60, 200), clouds(40, 200, seed=1)
    model, _ = fitted("logistic_regression", train, tol=1e-10, max_iter=5000)
    expected = LogisticRegression(tol=1e-10, max_iter=5000).fit(train.x, train.y).predict_proba(test.x)
    # Both stop at a gradient of 1e-10 of the same convex problem.
    np.testing.assert_allclose(model.predict(test), expected, atol=1e-6)


def test_a_linear_svm_on_the_functionals_of_a_corpus_fits_in_about_a_second():
    train = clouds(1140, 6373, 8, spread=8)
    began = time.process_time()
    model, _ = fitted("linear_svm", train, C=1e-3)
    assert time.process_time() - began < 6  # about 0.5 s alone on one core; machines that run tests are busy
    assert len(model.predict(train)) == 1140


def unequal(n: int, d: int, k: int) -> Examples:
    """Clouds whose first class has half as many examples."""
    whole = clouds(n, d, k)
    return whole.take([i for i in range(n) if whole.y[i] or i % (2 * k)])


@pytest.mark.parametrize("shrinkage", [1e-3, 0.3, 1.0])
@pytest.mark.parametrize("priors", ["balanced", "empirical"])
@pytest.mark.parametrize(("n", "d", "k"), [(90, 6, 2), (90, 6, 5), (60, 200, 3)])
def test_discriminant_analysis_is_that_of_scikit_learn(n, d, k, priors, shrinkage):
    train, test = unequal(n, d, k), clouds(40, d, k, seed=1)
    shares = np.full(k, 1 / k) if priors == "balanced" else None
    plain = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage, priors=shares)
    expected = plain.fit(train.x, train.y).predict_log_proba(test.x)
    model, _ = fitted("lda", train, shrinkage=shrinkage, priors=priors)
    found = model.predict(test)
    # The covariance has a condition of up to d / shrinkage = 2e5, of which float64 leaves ten digits; logarithms
    # of posteriors here are up to a thousand.
    known = expected > -600
    np.testing.assert_allclose(np.log(found[known]), expected[known], rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(found.argmax(axis=1), expected.argmax(axis=1))


def test_what_is_orthogonal_to_all_training_utterances_changes_no_posterior():
    train, test = clouds(60, 200), clouds(40, 200, seed=1)
    centred = train.x - train.x.mean(axis=0)
    beyond = np.linalg.svd(centred)[2][-1]
    np.testing.assert_allclose(centred @ beyond, 0, atol=1e-12)
    moved = replace(test, x=test.x + 3 * beyond)
    model, _ = fitted("lda", train, shrinkage=0.1)
    # Exact but for rounding: columns have a size of about 1.
    np.testing.assert_allclose(model.predict(moved), model.predict(test), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("n", "d"), [(90, 6), (60, 200)])
def test_the_automatic_shrinkage_is_ledoit_and_wolfs_for_all_classes_together(n, d):
    train = clouds(n, d)
    _, history = fitted("lda", train)
    means = np.stack([train.x[train.y == k].mean(axis=0) for k in range(3)])
    expected = ledoit_wolf_shrinkage(train.x - means[train.y], assume_centered=True)
    # The same sums in another order.
    np.testing.assert_allclose(history.extra["shrinkage"], expected, rtol=1e-9)


def test_classes_without_spread_have_no_discriminant():
    train = clouds()
    points = replace(train, x=np.eye(3, 6)[train.y])
    with pytest.raises(DataError, match="each class is one point in training"):
        fitted("lda", points)


def test_discriminant_analysis_of_the_functionals_of_a_corpus_takes_about_a_second():
    train = clouds(1140, 6373, 8, spread=8)
    began = time.process_time()
    model, _ = fitted("lda", train)
    # Alone on one core 0.6 s; machines that run tests are busy.
    assert time.process_time() - began < 6
    assert len(model.predict(train)) == 1140


# Posteriors of support vector machines


def cross_entropy(posteriors: np.ndarray, y: np.ndarray) -> float:
    return float(-np.log(posteriors[np.arange(len(y)), y]).mean())


@pytest.mark.parametrize("decision", ["pairwise", "votes"])
def test_calibration_improves_posteriors(decision):
    train, test = clouds(180, k=4, spread=3), clouds(400, k=4, seed=1, spread=3)
    plain, _ = fitted("linear_svm", train, decision=decision, calibration="none")
    warm, history = fitted("linear_svm", train, decision=decision)
    assert history.extra["calibration"] == "on 3 inner folds of training speakers"
    a, b = plain.predict(test), warm.predict(test)
    assert cross_entropy(b, test.y) < cross_entropy(a, test.y)


def test_the_temperature_of_votes_changes_no_class():
    train, test = clouds(180, k=4, spread=3), clouds(400, k=4, seed=1, spread=3)
    plain, _ = fitted("linear_svm", train, decision="votes", calibration="none")
    warm, _ = fitted("linear_svm", train, decision="votes")
    np.testing.assert_array_equal(plain.predict(test).argmax(axis=1), warm.predict(test).argmax(axis=1))


def test_inner_folds_never_divide_a_speaker(monkeypatch):
    from sklearn.model_selection import StratifiedGroupKFold

    seen = []
    split = StratifiedGroupKFold.split

    def watched(self, x, y, groups):
        for train, held in split(self, x, y, groups):
            seen.append(set(np.array(groups)[train]) & set(np.array(groups)[held]))
            yield train, held

    monkeypatch.setattr(StratifiedGroupKFold, "split", watched)
    fitted("linear_svm", clouds())
    assert seen == [set()] * 3


@pytest.mark.parametrize(
    ("speakers", "n", "said"),
    [((), 90, "too few speakers to keep them apart"), ((), 6, "none: too few speakers and examples")],
)
def test_without_speakers_the_calibration_says_what_it_did(speakers, n, said):
    train = clouds(n)
    nameless = Examples(train.ids, train.x, train.columns, train.classes, train.y, speakers)
    _, history = fitted("linear_svm", nameless)
    assert said in history.extra["calibration"]


def test_a_class_that_one_speaker_has_alone_is_not_calibrated_in_silence():
    train = clouds()
    who = tuple("s9" if y == 0 else s for y, s in zip(train.y, train.speakers, strict=True))
    lonely = Examples(train.ids, train.x, train.columns, train.classes, train.y, who)
    _, history = fitted("linear_svm", lonely)
    assert history.extra["calibration"] == "none: an inner fold of training speakers lacks a class"


# The registry


def test_mistyped_models_and_settings_are_corrected():
    with pytest.raises(RecipeError, match=r"no model 'linear_smv' \(did you mean 'linear_svm'\?\)"):
        estimator("linear_smv")
    with pytest.raises(RecipeError, match=r"linear_svm has no setting 'class_wieght' \(did you mean"):
        estimator("linear_svm", {"class_wieght": "balanced"})
    with pytest.raises(
        RecipeError, match=r"setting 'C' of linear_svm: input should be greater than 0, not -1"
    ):
        estimator("linear_svm", {"C": -1})


def test_a_shrinkage_of_none_is_refused():
    with pytest.raises(RecipeError, match=r"setting 'shrinkage' of lda: .*greater than 0, not 0"):
        estimator("lda", {"shrinkage": 0})


def test_more_neighbours_than_examples_are_refused():
    with pytest.raises(RecipeError, match="n_neighbors is 100, there are 90"):
        fitted("knn", clouds(), n_neighbors=100)


def test_classical_models_import_neither_torch_nor_scikit_learn_before_they_fit():
    probe = (
        "import sys; from emomodels.models.registry import estimator; estimator('linear_svm');"
        "print([m for m in ('torch', 'sklearn', 'pandas', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# The published table of averaged Action Units (Luna-Jimenez et al. 2022, table 2)

FOLDS = ((2, 5, 14, 15, 16), (3, 6, 7, 13, 18), (10, 11, 12, 19, 20), (8, 17, 21, 23, 24), (1, 4, 9, 22))


@pytest.fixture(scope="module")
def action_units(test_data) -> Examples:
    """In the order of the published table, which a perceptron's result depends on; classes in RAVDESS' order."""
    folder = test_data / "ravdess_s4" / "trainingData" / "avg_MLP80_AUs" / "data_AUs_avg"
    table = averaged_table(folder / "df_average_AUs_total.csv")
    codes = [id_.split("-") for id_ in table.ids]
    y = np.array([int(code[2]) - 1 for code in codes])
    return Examples(
        table.ids, table.x, table.columns, label_map("ravdess8").classes, y, tuple(code[6] for code in codes)
    )


def accuracies(data: Examples, name: str, method: str, settings: dict, seed: int = 2020) -> list[float]:
    """Percent of each fold."""
    actors = np.array([int(s) for s in data.speakers])
    found = []
    for actors_of_test in FOLDS:
        test = np.isin(actors, actors_of_test)
        train, held = data.take(np.flatnonzero(~test)), data.take(np.flatnonzero(test))
        norm = normalise.fit(train, normalise.NormaliserSettings(method=method))
        model = estimator(name, settings)
        model.fit(norm.apply(train), None, seed=seed, context=Context())
        hits = model.predict(norm.apply(held).without_labels()).argmax(axis=1) == held.y
        found.append(100 * float(hits.mean()))
    return found


def test_the_published_perceptron_on_averaged_action_units(action_units):
    found = accuracies(action_units, "mlp_sklearn", "minmax", {})
    assert [round(a, 2) for a in found] == [61.33, 58.67, 61.00, 64.67, 55.42]
    assert round(np.mean(found), 2) == 60.22


@pytest.mark.parametrize(
    ("name", "method", "settings", "mean"),
    [
        ("rbf_svm", "minmax", {"C": 0.1}, 53.25),
        ("rbf_svm", "minmax", {"C": 1}, 59.93),
        ("rbf_svm", "minmax", {"C": 10}, 55.93),
        ("rbf_svm", "none", {"C": 10}, 51.65),
        ("knn", "minmax", {"n_neighbors": 10}, 53.10),
        ("knn", "none", {"n_neighbors": 40}, 50.20),
        ("logistic_regression", "minmax", {"max_iter": 10000}, 59.37),
    ],
)
def test_the_published_table_of_averaged_action_units(action_units, name, method, settings, mean):
    as_published = {"decision": "votes", "calibration": "none"} if name == "rbf_svm" else {}
    assert round(np.mean(accuracies(action_units, name, method, settings | as_published)), 2) == mean


def test_temperature_makes_lda_less_sure_and_decides_the_same():
    train, other = clouds(), clouds(20, seed=1)
    plain, soft = (fitted("lda", train, temperature=t)[0].predict(other) for t in (1, 10))
    assert (soft.max(axis=1) < plain.max(axis=1)).all()
    np.testing.assert_array_equal(soft.argmax(axis=1), plain.argmax(axis=1))
