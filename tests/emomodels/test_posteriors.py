"""Posteriors carry their classes, scale and provenance wherever they go, and refuse what does not fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emomodels.exceptions import DataError
from emomodels.posteriors import Posteriors, align, concat

CLASSES = ("angry", "happy", "sad")


def posteriors(n=4, scale="probability", model="svm", seed=0, **changes):
    values = np.random.default_rng(seed).normal(size=(n, 3))
    if scale == "probability":
        values = np.exp(values) / np.exp(values).sum(1, keepdims=True)
    given = {
        "ids": tuple(f"u{i}" for i in range(n)),
        "classes": CLASSES,
        "values": values,
        "scale": scale,
        "model": model,
        "folds": tuple("ab"[i % 2] for i in range(n)),
        "trained_on": {"a": frozenset({"u1", "u3"})},
    }
    return Posteriors(**given | changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ids": ("u0", "u1", "u2", "u0")}, "the id 'u0' occurs 2 times"),
        ({"classes": ("sad", "sad", "happy")}, "the class 'sad' occurs 2 times"),
        ({"classes": ("sad", "happy")}, "4 ids and 2 classes need values of shape (4, 2), not (4, 3)"),
        ({"ids": ("u0", "u1")}, "2 ids and 3 classes need values of shape (2, 3)"),
        ({"folds": ("a",)}, "4 ids, but folds for 1"),
        ({"scale": "logits"}, "unknown scale 'logits' (did you mean 'logit'?)"),
        ({"trained_on": {"A1": frozenset()}}, "training ids of the fold 'A1', which made no row"),
        (
            {"values": np.full((4, 3), 0.5)},
            "4 of 4 rows of 'svm' are no probabilities: that of 'u0' has the sum 1.5",
        ),
        ({"values": np.tile([1.5, -0.5, 0.0], (4, 1))}, "the least value -0.5; logits need scale='logit'"),
        (
            {"values": np.array([[1, 0, 0], [np.nan] * 3, [1, 0, 0], [1, 0, 0]])},
            "1 of 4 rows of 'svm' are not finite, such as 'u1'",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(changes, said):
    with pytest.raises(DataError) as error:
        posteriors(**changes)
    assert said in str(error.value)


def test_logits_become_probabilities_without_overflow():
    p = Posteriors(("u",), CLASSES, [[1000.0, 1000.0, -1000.0]], "logit", "m", ("a",))
    # exp(-2000) is below the least float64
    np.testing.assert_array_equal(p.probabilities, [[0.5, 0.5, 0.0]])
    np.testing.assert_allclose(p.log_probabilities, [[-np.log(2), -np.log(2), -2000 - np.log(2)]], rtol=1e-15)


def test_the_logarithm_of_a_probability_of_zero_is_finite():
    p = Posteriors(("u",), CLASSES, [[1.0, 0.0, 0.0]], "probability", "m", ("a",))
    assert np.isfinite(p.log_probabilities).all()
    assert p.log_probabilities[0, 1] < -708


def test_classes_are_reordered_by_name():
    p = posteriors()
    turned = p.reorder(["sad", "angry", "happy"])
    np.testing.assert_array_equal(turned.values, p.values[:, [2, 0, 1]])
    assert turned.predictions == p.predictions


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (["sad", "angry"], "happy is more than asked for"),
        (["sad", "angry", "happy", "calm"], "they lack calm"),
        (["sad", "angry", "angry"], "happy is more than asked for"),
    ],
)
def test_reordering_refuses_other_classes(wanted, said):
    with pytest.raises(DataError, match=said):
        posteriors().reorder(wanted)


def test_rows_are_found_by_id_and_never_by_place():
    p = posteriors()
    turned = p.align(["u2", "u0"])
    assert turned.ids == ("u2", "u0")
    np.testing.assert_array_equal(turned.values, p.values[[2, 0]])
    assert turned.folds == ("a", "a")


def test_missing_ids_are_counted_and_named():
    with pytest.raises(DataError, match=r"'svm' has no posteriors for 4 of 5 ids: x0, x1, x2 and 1 more"):
        posteriors().align(["u0", "x0", "x1", "x2", "x3"])
    with pytest.raises(DataError, match="no labels for 1 of 2 ids: b"):
        align("labels", {"a": "sad"}, ["a", "b"])


def test_each_row_says_whether_its_model_has_seen_it_and_whether_that_is_known():
    p = posteriors(trained_on={"a": {"u0", "u1"}})
    assert p.folds == ("a", "b", "a", "b")
    assert p.in_sample.tolist() == [True, False, False, False]
    assert p.provenance_known.tolist() == [True, False, True, False]


def test_taking_rows_keeps_the_provenance_of_the_folds_that_remain():
    p = posteriors(trained_on={"a": {"x"}, "b": {"y"}})
    assert p.take([0, 2]).trained_on == {"a": {"x"}}
    assert p.take(np.array([False, True, False, False])).ids == ("u1",)
    assert len(p.take([])) == 0


def test_folds_are_put_together_by_class_name():
    p = posteriors(trained_on={"a": {"x"}, "b": {"y"}})
    parts = [p.take([0, 2]), p.take([1, 3]).reorder(["sad", "happy", "angry"])]
    whole = concat(parts)
    assert whole.trained_on == p.trained_on
    np.testing.assert_array_equal(whole.align(p.ids).values, p.values)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"model": "knn"}, "do not go into one table"),
        ({"scale": "logit"}, "do not go into one table"),
        ({"trained_on": {"a": frozenset({"z"})}}, "different training ids for the fold 'a'"),
        ({"trained_on": {}}, "different training ids for the fold 'a'"),
        ({"ids": ("u0", "v1", "v2", "v3")}, "the id 'u0' occurs 2 times"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(other, said):
    with pytest.raises(DataError, match=said):
        concat([posteriors(), posteriors(**{"ids": ("v0", "v1", "v2", "v3")} | other)])


def test_nothing_cannot_be_put_together():
    with pytest.raises(DataError, match="no posteriors were given"):
        concat([])


@settings(max_examples=20)
@given(arrays(np.float64, (3, 3), elements=st.floats(-1e300, 1e300)))
def test_a_file_keeps_every_bit(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("p") / "posteriors.parquet"
    p = posteriors(
        3, "logit", values=values, model="wav2vec 2.0 „große“", trained_on={"a": {"ü", "z"}, "b": set()}
    )
    p.write(path)
    back = Posteriors.read(path)
    assert back.values.tobytes() == p.values.tobytes()
    for name in ("ids", "classes", "scale", "model", "folds", "trained_on"):
        assert getattr(back, name) == getattr(p, name)
    assert [f.name for f in path.parent.iterdir()] == ["posteriors.parquet"]


def test_the_columns_of_the_file_are_named_by_class(tmp_path):
    import pyarrow.parquet as pq

    posteriors().write(tmp_path / "p.parquet")
    assert pq.read_table(tmp_path / "p.parquet").column_names == ["id", "fold", *CLASSES]


def test_columns_in_another_order_are_read_by_name(tmp_path):
    import pyarrow.parquet as pq

    p = posteriors()
    p.write(tmp_path / "p.parquet")
    table = pq.read_table(tmp_path / "p.parquet")
    pq.write_table(table.select(["sad", "fold", "happy", "id", "angry"]), tmp_path / "q.parquet")
    np.testing.assert_array_equal(Posteriors.read(tmp_path / "q.parquet").values, p.values)


def test_files_that_hold_no_posteriors_are_refused(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pytest.raises(DataError, match="no such file"):
        Posteriors.read(tmp_path / "none.parquet")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        Posteriors.read(tmp_path / "cut.parquet")
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(DataError, match="no posteriors of emomodels with schema 1"):
        Posteriors.read(tmp_path / "other.parquet")


def test_a_class_cannot_take_the_name_of_a_key_column(tmp_path):
    with pytest.raises(DataError, match="a class cannot be called 'fold'"):
        posteriors(classes=("fold", "happy", "sad")).write(tmp_path / "p.parquet")
