"""The published files of S4 become posteriors with names, keys and provenance."""

from __future__ import annotations

import numpy as np
import pytest

from emomodels.exceptions import DataError
from emomodels.posteriors import Posteriors
from emomodels.systems import s4_files


@pytest.fixture(scope="module")
def root(test_data):
    return test_data / "ravdess_s4"


def accuracy(p: Posteriors) -> float:
    truth = s4_files.labels(p.ids)
    return 100 * float(np.mean([truth[i] == said for i, said in p.predictions.items()]))


#: Accuracy of each model in each fold, percent, as published; their mean is the number in the paper.
PUBLISHED = {
    "wav2vec2": (85.67, 83.00, 79.00, 82.67, 78.75),
    "au-bilstm": (66.67, 60.33, 67.33, 59.67, 56.67),
    "au-mlp80": (61.33, 58.67, 61.00, 64.67, 55.42),
    "fusion": (88.67, 88.67, 84.67, 85.67, 85.83),
}


@pytest.mark.parametrize("source", PUBLISHED)
def test_the_files_give_the_published_accuracy_of_every_fold(root, source):
    folds = [accuracy(s4_files.read_posteriors(root, source, fold, "test")) for fold in s4_files.FOLDS]
    # published with two decimals
    np.testing.assert_allclose(folds, PUBLISHED[source], atol=0.005)


def test_training_rows_are_in_sample_and_test_rows_are_not(root):
    for source in ("wav2vec2", "au-bilstm", "au-mlp80"):
        assert s4_files.read_posteriors(root, source, "4", "train").in_sample.all()
        test = s4_files.read_posteriors(root, source, "4", "test")
        assert test.provenance_known.all()
        assert not test.in_sample.any()
        assert set(s4_files.speakers(test.ids).values()) == {"01", "04", "09", "22"}


def test_all_clips_are_tested_once(root):
    whole = s4_files.read_test_posteriors(root, "au-bilstm")
    assert len(whole) == 1440
    assert set(whole.ids) == set(s4_files.read_action_units(root).ids)


def test_the_action_units_come_with_their_names_and_labels(root):
    units = s4_files.read_action_units(root)
    assert units.x.shape == (1440, 35)
    assert (units.columns[0], units.columns[-1]) == ("AU01_r", "AU45_c")
    assert np.bincount(units.y).tolist() == [96, *[192] * 7]
    assert len(set(units.speakers)) == 24


def test_the_fused_training_rows_are_refused_because_their_names_are_of_other_clips(root):
    with pytest.raises(DataError, match="name other clips than their rows"):
        s4_files.read_posteriors(root, "fusion", "0", "train")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("au-mlp", "0", "test"), r"no model 'au-mlp' \(did you mean 'au-mlp80'\?\)"),
        (("au-mlp80", "5", "test"), "no fold '5'"),
        (("au-mlp80", "0", "tests"), r"no part 'tests' \(did you mean 'test'\?\)"),
        (("au-mlp80", "0", "test"), "no such file; give the folder that holds posteriors/"),
    ],
)
def test_what_does_not_exist_is_named(tmp_path, asked, said):
    with pytest.raises(DataError, match=said):
        s4_files.read_posteriors(tmp_path, *asked)


def test_a_name_that_is_no_clip_is_refused():
    with pytest.raises(DataError, match="'test_fold' is no stem of RAVDESS"):
        s4_files.key("test_fold")
