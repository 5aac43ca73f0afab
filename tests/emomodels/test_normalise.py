"""A normalisation is fitted on training ids alone, carries them, and applies to the columns that it knows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from emofeat.corpus.guard import LeakageError, check_fit
from emomodels.data.examples import Examples
from emomodels.data.normalise import Normaliser, NormaliserSettings, fit
from emomodels.exceptions import DataError, ModelError


def vectors(n: int = 12, d: int = 4, seed: int = 0, speakers: int = 3) -> Examples:
    rng = np.random.default_rng(seed)
    x = rng.normal(3, 2, (n, d)) * np.arange(1, d + 1)
    who = tuple(f"s{i % speakers}" for i in range(n))
    return Examples(
        tuple(f"u{i}" for i in range(n)), x, tuple(f"c{j}" for j in range(d)), ("sad", "happy"), None, who
    )


def sequences(seed: int = 0) -> Examples:
    rng = np.random.default_rng(seed)
    x = tuple(rng.normal(5, 3, (n, 3)).astype(np.float32) for n in (7, 1, 20, 4))
    return Examples(("a", "b", "c", "d"), x, ("p", "q", "r"), ("sad", "happy"), None, ("s", "s", "t", "t"))


def settings(**given) -> NormaliserSettings:
    return NormaliserSettings(**given)


# What it computes


@pytest.mark.parametrize(
    ("method", "scaler"), [("zscore", StandardScaler), ("minmax", MinMaxScaler), ("robust", RobustScaler)]
)
def test_vectors_are_scaled_as_scikit_learn_scales_them(method, scaler):
    train, test = vectors(), vectors(5, seed=1)
    ours = fit(train, settings(method=method)).apply(test).x
    theirs = scaler().fit(train.x).transform(test.x)
    # The same formulas in float64, some in another order of operations.
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("method", ["zscore", "minmax", "robust"])
def test_statistics_of_sequences_are_those_of_all_their_frames(method):
    train = sequences()
    stacked = np.concatenate(train.x)
    as_vectors = Examples(tuple(map(str, range(len(stacked)))), stacked, train.columns, train.classes)
    frames, rows = fit(train, settings(method=method)), fit(as_vectors, settings(method=method))
    # Sums over parts and over the whole differ by the order of additions.
    np.testing.assert_allclose(frames.centre, rows.centre, rtol=1e-12)
    np.testing.assert_allclose(frames.scale, rows.scale, rtol=1e-12)


def test_sequences_keep_their_lengths_and_become_float32():
    train = sequences()
    out = fit(train).apply(train)
    assert [len(s) for s in out.x] == [len(s) for s in train.x]
    assert {s.dtype for s in out.x} == {np.dtype(np.float32)}


def test_a_batch_does_not_change_its_members():
    fitted, test = fit(vectors()), vectors(6, seed=1)
    together, alone = fitted.apply(test).x, [fitted.apply(test.take([i])).x[0] for i in range(6)]
    np.testing.assert_array_equal(together, alone)


def test_small_variances_beside_large_means_survive():
    x = (1e4 + np.array([[0.0], [1], [2], [3]])).astype(np.float32)
    train = Examples(tuple("abcd"), x, ("f",), ("sad",))
    assert fit(train).scale[0] == pytest.approx(np.std([0, 1, 2, 3]), rel=1e-12)


def test_constant_columns_become_zero_and_are_named():
    train = vectors()
    train.x[:, 1] = 0.1  # whose mean is not exactly 0.1
    train.x[:, 2] = 7 + 1e-7 * np.arange(12)
    fitted = fit(train)
    assert fitted.constant == ("c1",)
    assert fitted.near_constant == ("c2",)
    out = fitted.apply(train).x
    assert (out[:, 1] == 0).all()
    assert np.abs(out[:, 2]).max() < 1e-5  # not blown up to a spread of 1


def test_clipping_limits_what_training_never_saw():
    train, test = vectors(), vectors(5, seed=1)
    test.x[0, 0] = 1e6
    clipped = fit(train, settings(method="minmax", clip=(0, 1))).apply(test).x
    assert clipped.min() >= 0
    assert clipped[0, 0] == 1


def test_principal_components_are_uncorrelated_in_training():
    train = vectors(40, 6)
    fitted = fit(train, settings(pca=3))
    out = fitted.apply(train)
    assert out.columns == ("pc1", "pc2", "pc3")
    correlation = np.corrcoef(out.x.T)
    assert np.abs(correlation - np.eye(3)).max() < 1e-12  # rounding of float64
    assert (np.diff(out.x.var(axis=0)) < 0).all()


def test_more_components_than_the_data_allow_are_refused():
    with pytest.raises(DataError, match="pca is 9; 12 training rows of 4 columns allow 1 to 4"):
        fit(vectors(), settings(pca=9))


# Whom it has seen


def test_test_examples_do_not_change_it():
    everything = vectors(20)
    train = everything.take(range(12))
    strange = Examples(
        everything.ids, np.vstack([train.x, np.full((8, 4), 1e9)]), train.columns, train.classes
    )
    one, other = fit(train), fit(strange.take(range(12)))
    np.testing.assert_array_equal(one.centre, other.centre)
    assert one.fit_ids == set(train.ids)


def test_a_fit_on_all_data_is_leakage():
    everything = vectors(20)
    fitted = fit(everything)
    with pytest.raises(LeakageError, match="normalisation"):
        check_fit("the normalisation", fitted.fit_ids, everything.ids[15:])
    check_fit("the normalisation", fit(everything.take(range(15))).fit_ids, everything.ids[15:])


def test_normalisation_by_speaker_must_be_called_transductive():
    with pytest.raises(ValidationError, match="say so with transductive"):
        settings(by="speaker")


def test_normalisation_by_speaker_is_stamped_and_has_seen_whom_it_predicts():
    fitted = fit(vectors(), settings(by="speaker", transductive=True))
    assert "transductive" in fitted.stamps[0]
    assert fit(vectors()).stamps == ()
    assert "new" in fitted.seen(["new"])
    assert "new" not in fit(vectors()).seen(["new"])


@pytest.mark.parametrize("made", [vectors, sequences])
def test_by_speaker_every_speaker_has_mean_zero_and_deviation_one(made):
    train = made()
    out = fit(train, settings(by="speaker", transductive=True)).apply(train)
    for speaker in set(out.speakers):
        own = [x for x, s in zip(out.x, out.speakers, strict=True) if s == speaker]
        stacked = np.concatenate([np.atleast_2d(x) for x in own]).astype(np.float64)
        # Sequences are rounded to float32.
        np.testing.assert_allclose(stacked.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(stacked.std(axis=0), 1, atol=1e-6)


def test_by_speaker_needs_speakers():
    nameless = Examples(("a",), np.ones((1, 4)), vectors().columns, ("sad",))
    fitted = fit(vectors(), settings(by="speaker", transductive=True))
    with pytest.raises(DataError, match="needs the speaker"):
        fitted.apply(nameless)


def test_other_columns_are_refused():
    fitted = fit(vectors(d=4))
    with pytest.raises(DataError, match=r"1 missing \(c3\)"):
        fitted.apply(vectors(d=3))
    turned = vectors(d=4)
    swapped = Examples(turned.ids, turned.x, ("c1", "c0", "c2", "c3"), turned.classes)
    with pytest.raises(DataError, match="the order differs from column 0 on"):
        fitted.apply(swapped)


def test_nothing_to_fit_on_is_an_error():
    with pytest.raises(DataError, match="no training example"):
        fit(vectors().take([]))


# Features that are not finite


def damaged(seed: int = 0) -> Examples:
    train = vectors(seed=seed)
    train.x[2, 1] = np.nan
    train.x[5, 1] = np.inf
    return train


def test_features_that_are_not_finite_are_refused_unless_a_way_is_chosen():
    with pytest.raises(DataError, match=r"1 of 4 columns \(c1\) of 2 of 12 utterances \(u2, u5\)"):
        fit(damaged())
    with pytest.raises(DataError, match=r"u2, u5"):
        fit(vectors()).apply(damaged())


def test_columns_are_dropped_by_what_training_shows():
    train, test = damaged(), vectors(5, seed=1)
    fitted = fit(train, settings(on_nonfinite="drop_columns"))
    assert fitted.dropped == ("c1",)
    assert fitted.apply(test).columns == ("c0", "c2", "c3")
    test.x[0, 3] = np.nan
    with pytest.raises(DataError, match=r"c3"):
        fitted.apply(test)


def test_medians_for_missing_values_come_from_training_alone():
    train, test = damaged(), vectors(5, seed=1)
    test.x[:, 0] = 1e6
    test.x[0, 2] = np.nan
    fitted = fit(train, settings(method="none", on_nonfinite="impute_train_median"))
    assert fitted.imputed == {"c1": 2}
    known = np.delete(train.x[:, 1], [2, 5])
    assert fitted.apply(train).x[2, 1] == np.median(known)
    assert fitted.apply(test).x[0, 2] == np.median(train.x[:, 2])


def test_a_column_without_any_value_has_no_median():
    train = vectors()
    train.x[:, 0] = np.nan
    with pytest.raises(DataError, match="c0: no finite value in training"):
        fit(train, settings(on_nonfinite="impute_train_median"))


# On disk


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"method": "robust", "clip": (-3, 3), "pca": 0.9},
        {"on_nonfinite": "impute_train_median"},
        {"by": "speaker", "transductive": True},
        {"on_nonfinite": "drop_columns"},
    ],
)
def test_what_is_loaded_gives_the_same_bits(tmp_path, given):
    fitted = fit(damaged() if "on_nonfinite" in given else vectors(), settings(**given))
    fitted.save(tmp_path)
    loaded = Normaliser.load(tmp_path)
    test = vectors(5, seed=1)
    np.testing.assert_array_equal(loaded.apply(test).x, fitted.apply(test).x)
    assert loaded.describe() == fitted.describe()
    assert loaded.fit_ids == fitted.fit_ids
    assert sorted(p.name for p in tmp_path.iterdir()) == ["normaliser.json", "normaliser.safetensors"]


def test_a_damaged_file_is_an_error_that_names_it(tmp_path):
    fit(vectors()).save(tmp_path)
    described = json.loads((tmp_path / "normaliser.json").read_text())
    del described["fit_ids"]
    (tmp_path / "normaliser.json").write_text(json.dumps(described))
    with pytest.raises(ModelError, match=r"normaliser\.json is damaged"):
        Normaliser.load(tmp_path)
    (tmp_path / "normaliser.safetensors").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"normaliser\.safetensors is damaged"):
        Normaliser.load(tmp_path)
    (tmp_path / "normaliser.json").unlink()
    with pytest.raises(ModelError, match="is missing"):
        Normaliser.load(tmp_path)
