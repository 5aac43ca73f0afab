"""Label maps: named classes, known counts, and no word that nobody decided about."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from emofeat.corpus.labels import LABEL_MAPS, LabelMap, alphabetical, label_map, reorder
from emofeat.corpus.utterance import Utterance
from emofeat.engine.errors import UsageError


def utterances(labels, **columns):
    return [Utterance(id=f"u{i}", label=label, **columns) for i, label in enumerate(labels)]


# Released counts; the four-class ones of IEMOCAP are the well-known 5,531 and 4,490.
TOTALS = {
    "ravdess8": 1440,
    "ravdess7-calm-neutral": 1440,
    "iemocap4-exc-merged": 5531,
    "iemocap4-no-exc": 4490,
    "msp-improv4": 7798,
    "meld7": 13708,
    "meld3-sentiment": 13708,
    "emodb7": 535,
    "crema-d6": 7442,
}


def test_every_map_expects_the_size_of_its_corpus():
    assert {
        name: sum(sum(c.values()) for c in m.expected.values()) for name, m in LABEL_MAPS.items()
    } == TOTALS
    assert all(set(counts) == set(m.classes) for m in LABEL_MAPS.values() for counts in m.expected.values())


def test_excitement_is_happiness_only_where_the_name_says_so():
    rows = utterances(["hap", "exc", "fru", "neu", "sad", "ang"])
    merged, plain = (label_map(f"iemocap4-{name}").apply(rows) for name in ("exc-merged", "no-exc"))
    assert merged.counts == {"happy": 2, "sad": 1, "neutral": 1, "angry": 1}
    assert plain.counts == {"happy": 1, "sad": 1, "neutral": 1, "angry": 1}
    assert plain.left_out == {
        "label 'exc' is not among the classes of iemocap4-no-exc": ("u1",),
        "label 'fru' is not among the classes of iemocap4-no-exc": ("u2",),
    }


def test_calm_joins_neutral_only_where_the_name_says_so():
    assert label_map("ravdess7-calm-neutral").class_of("02") == "neutral"
    assert label_map("ravdess8").class_of("02") == "calm"


def test_codes_and_words_are_one():
    for name, code, word in (
        ("ravdess8", "06", "fearful"),
        ("emodb7", "W", "anger"),
        ("crema-d6", "DIS", "disgust"),
        ("msp-improv4", "H", "happiness"),
        ("iemocap4-no-exc", "neu", "neutral state"),
    ):
        assert label_map(name).class_of(code) == label_map(name).class_of(word.upper()) is not None


def test_all_that_goes_in_comes_out_or_has_a_reason():
    labelled = label_map("iemocap4-exc-merged").apply(utterances(["hap", None, "xxx", "", "ang"]))
    assert labelled.n_in == 5
    assert labelled.ids == ("u0", "u4")
    assert labelled.left_out["no label"] == ("u1", "u3")


def test_a_word_nobody_decided_about_is_refused_with_a_suggestion():
    with pytest.raises(UsageError, match=r"does not know 'suprised' \(2x\) \(did you mean 'surprised'\?\)"):
        label_map("ravdess8").apply(utterances(["calm", "suprised", "suprised"]))


def test_an_id_that_repeats_is_refused():
    with pytest.raises(UsageError, match="the id 'u0' occurs more than once"):
        label_map("ravdess8").apply(utterances(["calm"]) + utterances(["sad"]))


def test_a_map_that_leaves_nothing_is_refused():
    with pytest.raises(UsageError, match=r"leaves nothing of 2 utterances \(2: label 'xxx'"):
        label_map("iemocap4-no-exc").apply(utterances(["xxx", "xxx"]))
    with pytest.raises(UsageError, match="the manifest is empty"):
        label_map("ravdess8").apply([])


def test_labels_are_joined_by_key():
    labelled = label_map("ravdess8").apply(utterances(["calm", "sad", "angry"]))
    assert labelled.of(["u2", "u0"]) == ("angry", "calm")
    assert labelled.indices(["u2", "u0"]).tolist() == [4, 1]
    with pytest.raises(UsageError, match="1 of 2 ids have no class, first 'u9': it is not in the manifest"):
        labelled.of(["u0", "u9"])


def test_counts_that_are_not_the_corpus_are_listed():
    differences = label_map("ravdess8").apply(utterances(["calm"] * 191, corpus="RAVDESS")).differences
    assert "RAVDESS: calm 191 of 192" in differences
    assert len(differences) == 8
    assert label_map("ravdess8").apply(utterances(["calm"], corpus="my own")).differences == ()


def test_meld_has_the_counts_of_its_paper(test_data):
    rows = []
    for part in ("train", "dev", "test"):
        with (test_data / "meld" / f"{part}_sent_emo.csv").open(encoding="utf-8") as file:
            rows += [
                Utterance(
                    id=f"{part}{i}", label=r["Emotion"], corpus="meld", extra={"sentiment": r["Sentiment"]}
                )
                for i, r in enumerate(csv.DictReader(file))
            ]
    for name in ("meld7", "meld3-sentiment"):
        labelled = label_map(name).apply(rows)
        assert (len(labelled.ids), labelled.differences) == (13708, ())


def test_soft_labels_are_distributions_over_the_classes():
    rows = [
        Utterance(id="a", label_distribution={"hap": 0.25, "exc": 0.25, "fru": 0.5}),
        Utterance(id="b", votes=({"rater": "1", "label": ["neu", "sad"]}, {"rater": "2", "label": "sad"})),
        Utterance(id="c", label_distribution={"fru": 1.0}),
        Utterance(id="d", label="sad", votes=({"rater": "1", "valence": 3},)),
    ]
    soft = label_map("iemocap4-exc-merged").distribution(rows)
    assert soft.classes == ("happy", "sad", "neutral", "angry")
    assert soft.ids == ("a", "b")
    # Quarters are exact in binary.
    assert soft.values.tolist() == [[1, 0, 0, 0], [0, 0.75, 0.25, 0]]
    assert soft.kept.tolist() == [0.5, 1]
    assert soft.left_out == {
        "no vote is among the classes of iemocap4-exc-merged": ("c",),
        "no distribution and no votes": ("d",),
    }


def test_soft_labels_of_another_column_or_below_zero_are_refused():
    with pytest.raises(UsageError, match="reads the column 'sentiment'"):
        label_map("meld3-sentiment").distribution(utterances(["joy"]))
    with pytest.raises(UsageError, match="has -1 for 'hap'; shares are 0 or more"):
        label_map("iemocap4-no-exc").distribution(
            [Utterance(id="a", label_distribution={"hap": -1, "sad": 2})]
        )


def test_columns_move_with_their_names():
    """S4 has both orders in one matrix: alphabetical in two sources, that of the codes in the third."""
    codes = label_map("ravdess8").classes
    abc = alphabetical(codes)
    # The index that systems.md gives for published posteriors.
    assert [abc.index(name) for name in codes] == [5, 1, 4, 6, 0, 3, 2, 7]
    values = np.arange(16.0).reshape(2, 8)
    moved = reorder(values, abc, codes)
    assert moved[0].tolist() == [5, 1, 4, 6, 0, 3, 2, 7]
    np.testing.assert_array_equal(reorder(moved, codes, abc), values)


@pytest.mark.parametrize(
    ("have", "want", "why"),
    [
        (["sad", "happy"], ["sad", "hapy"], r"only the first have \['happy'\].*did you mean 'happy'"),
        (["sad", "happy"], ["sad"], r"only the first have \['happy'\], only the second \[\]"),
        (["sad", "sad"], ["sad", "happy"], "repeat a name"),
        (["sad"], ["sad"], r"shape \(3, 2\) cannot have the 1 columns"),
    ],
)
def test_columns_without_the_same_names_are_refused(have, want, why):
    with pytest.raises(UsageError, match=why):
        reorder(np.zeros((3, 2)), have, want)


def test_the_digest_is_of_what_a_map_does():
    one = LabelMap("a", 1, ("x", "y"), {"p": "x", "q": "y"})
    same = LabelMap("b", 2, ("x", "y"), {"Q": "y", "P": "x"}, {"corpus": {"x": 3}})
    other = LabelMap("a", 1, ("y", "x"), {"p": "x", "q": "y"})
    assert one.digest == same.digest != other.digest


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_an_own_map_is_read_back_as_it_was(tmp_path, suffix):
    import yaml

    own = LABEL_MAPS["iemocap4-no-exc"]
    path = tmp_path / f"own{suffix}"
    path.write_text(
        json.dumps(own.to_dict()) if suffix == ".json" else yaml.safe_dump(own.to_dict(), sort_keys=False)
    )
    assert label_map(path) == label_map(str(path)) == own


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name: a\nversion: 1\nclasses: [x]\nmaping: {p: x}", "no key 'maping' \\(did you mean 'mapping'"),
        ("name: a\nversion: 1\nclasses: [x]", "lacks the key 'mapping'"),
        ("name: a\nversion: 1\nclasses: [x]\nmapping: {01: x}", "write 01 or no in quotes"),
        ("name: a\nversion: 1\nclasses: [x]\nmapping: {p: x, p: null}", "'p' occurs twice"),
        ("name: a\nversion: 1\nclasses: [x]\nmapping: {p: z}", "stands for 'z', which is no class"),
        ("name: a\nversion: 1\nclasses: [x, y]\nmapping: {p: x}", "no word stands for the class 'y'"),
        ("name: a\nversion: 1\nclasses: [x, x]\nmapping: {p: x}", "the class 'x' occurs twice"),
        ("name: a\nversion: 1\nclasses: [x, y]\nmapping: {p: x, P: y}", "differ only in case"),
        ("name: a\nversion: 1.5\nclasses: [x]\nmapping: {p: x}", "'version' is 1.5"),
        ("name: a\nversion: 1\nclasses: [x]\nmapping: {p: x}\nexpected: {c: {z: 1}}", "name 'z'"),
        ("name: a\nversion: 1\nclasses: [x]\nmapping: {p: x}\nexpected: {c: 3}", "the count of every class"),
        ("name: [", "not valid"),
        ("just words", "this holds no keys"),
    ],
)
def test_a_file_that_is_no_map_says_why(tmp_path, text, why):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=why):
        label_map(path)


def test_names_are_suggested():
    with pytest.raises(UsageError, match=r"no label map 'ravdes8' \(did you mean 'ravdess8'\?\)"):
        label_map("ravdes8")
    with pytest.raises(
        UsageError, match=r"the column 'sentiment', which 'u0' does not have \(did you mean 'sentimnt'"
    ):
        label_map("meld3-sentiment").apply(utterances(["joy"], extra={"sentimnt": "positive"}))
