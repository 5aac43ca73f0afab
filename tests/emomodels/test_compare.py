"""Comparison of runs: the same utterances, labels and classes, or a refusal; differences with their tests."""

from __future__ import annotations

import json

import pytest

from emomodels import metrics
from emomodels.cli import run as command
from emomodels.exceptions import DataError
from emomodels.posteriors import Posteriors
from emomodels.report.comparison import compared, of_comparison
from emomodels.report.text import to_text
from emomodels.runs import write_run
from emomodels.statistics import compare
from tests.emomodels import drawn_runs

TRUTH = drawn_runs.labels()


def made(folder, name, skill, truth=TRUTH, seeds=(0, 1), base=0, **changes):
    """A run called `name` in `folder`."""
    posteriors = {s: drawn_runs.posteriors(truth, skill, base + s) for s in seeds}
    record = drawn_runs.record(truth, name=name, seeds=seeds, **changes)
    return write_run(folder / name, record, truth, posteriors, metrics.of_run(truth, posteriors))


@pytest.fixture
def runs(tmp_path):
    return [made(tmp_path, "good", 3.0), made(tmp_path, "fair", 1.0, base=10), made(tmp_path, "same", 3.0)]


def test_a_pair_is_what_the_statistics_say_of_its_hardest_seeds(runs):
    pair = compared(runs[:2]).pairs[0]
    truth = dict(zip(TRUTH.ids, TRUTH.labels, strict=True))
    speakers = dict(zip(TRUTH.ids, TRUTH.speakers, strict=True))
    results = {
        (s, t): compare(truth, runs[0].posteriors(s), runs[1].posteriors(t), speakers=speakers)
        for s in (0, 1)
        for t in (0, 1)
    }
    assert pair.found == results[pair.seeds]
    assert pair.found.permutation.p == max(r.permutation.p for r in results.values())
    assert pair.found.uar > 0


def test_every_pair_is_compared_and_corrected_for_their_number(runs):
    found = compared(runs)
    assert [(p.a, p.b) for p in found.pairs] == [("good", "fair"), ("good", "same"), ("fair", "same")]
    assert all(p.holm >= p.found.permutation.p for p in found.pairs)
    assert found.pairs[1].holm == 1.0, "a system does not differ from itself"


def test_other_utterances_are_refused_or_left_out_by_name(tmp_path):
    part = TRUTH.select(set(TRUTH.ids[5:]))
    runs = [made(tmp_path, "all", 2.0), made(tmp_path, "part", 2.0, truth=part)]
    with pytest.raises(DataError, match=r"5 of 'all' \(s0-00, .* --common") as error:
        compared(runs)
    assert error.value.code == "different_ids"
    found = compared(runs, common=True)
    assert len(found.labels) == len(TRUTH) - 5
    assert "left out: 5 of all" in of_comparison(found).summary


def test_other_labels_of_the_same_utterance_are_refused_even_in_common(tmp_path):
    relabelled = drawn_runs.labels()
    labels = ("sad", *relabelled.labels[1:])
    other = type(relabelled)(relabelled.ids, labels, relabelled.speakers, relabelled.folds)
    runs = [made(tmp_path, "one", 2.0), made(tmp_path, "two", 2.0, truth=other)]
    for common in (False, True):
        with pytest.raises(DataError, match="different labels for 1 utterances, such as 's0-00'"):
            compared(runs, common=common)


def test_other_classes_are_refused(tmp_path):
    one = made(tmp_path, "one", 2.0, seeds=(0,))
    three = ("angry", "happy", "neutral", "sad", "bored")
    p = one.posteriors(0)
    values = [[*row, 0.0] for row in p.values]
    wide = Posteriors(p.ids, three, values, "probability", "wide", p.folds, p.trained_on)
    record = drawn_runs.record(TRUTH, name="two", seeds=(0,), classes=three)
    two = write_run(tmp_path / "two", record, TRUTH, {0: wide}, metrics.of_run(TRUTH, {0: wide}))
    with pytest.raises(DataError, match="bored"):
        compared([one, two])


def test_a_run_is_not_compared_with_itself(runs):
    with pytest.raises(DataError, match="given twice"):
        compared([runs[0], runs[0]])
    with pytest.raises(DataError, match="at least two"):
        compared(runs[:1])


def test_the_stamps_of_one_run_stand_on_the_whole_comparison(tmp_path):
    runs = [made(tmp_path, "clean", 2.0), made(tmp_path, "stamped", 2.0, stamps=("transductive",))]
    lines = to_text(of_comparison(compared(runs))).splitlines()
    assert sum(line.endswith("[transductive]") for line in lines) == 5  # the title and four tables


def test_different_splits_are_named(tmp_path):
    other = drawn_runs.record(TRUTH).data.model_copy(update={"split_digest": "ef" * 32})
    runs = [made(tmp_path, "one", 2.0), made(tmp_path, "two", 2.0, data=other)]
    assert "different splits" in to_text(of_comparison(compared(runs)))


def test_the_command_prints_text_or_json_and_writes_pages(runs, tmp_path, capsys):
    folders = [str(r.folder) for r in runs[:2]]
    assert command(["compare", *folders, "-o", str(tmp_path / "c.md")]) == 0
    assert "Paired tests" in capsys.readouterr().out
    assert "Paired tests" in (tmp_path / "c.md").read_text()
    assert command(["compare", *folders, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] == len(TRUTH) and found["runs"]["good"]["seeds"] == [0, 1]
    assert found["pairs"][0]["a"] == "good"
