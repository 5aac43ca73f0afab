"""S4 made again: its published numbers from its published files, each with what is not clean about it."""

from __future__ import annotations

import numpy as np
import pytest

from emomodels import metrics
from emomodels.cli import run
from emomodels.exceptions import DataError
from emomodels.report.html import to_html
from emomodels.report.reproduction import of_s4, summary_of_s4
from emomodels.report.text import to_text
from emomodels.runs import write_run
from emomodels.systems import s4, s4_files
from tests.emomodels import drawn_runs

# Published and measured numbers have two decimals of a percent; one clip of a fold is 0.33.
TWO_DECIMALS = 0.006
# One clip of one fold, in the mean over five folds: what the last digits of an optimiser can move.
ONE_CLIP = 100 / 240 / 5


@pytest.fixture(scope="module")
def folder(test_data):
    return test_data / "ravdess_s4"


@pytest.fixture(scope="module")
def made(folder):
    return s4.reproduce(folder, quick=True)


def row(rows, name):
    (found,) = [r for r in rows if r.name == name]
    return found


def test_the_published_fusion_gives_its_published_folds(made):
    fused = made.fused[0]
    np.testing.assert_allclose(fused.folds, [88.67, 88.67, 84.67, 85.67, 85.83], atol=TWO_DECIMALS)
    assert fused.accuracy == pytest.approx(86.70, abs=TWO_DECIMALS) == fused.published
    assert 100 * fused.metrics.accuracy == pytest.approx(86.74, abs=TWO_DECIMALS)
    assert 100 * fused.metrics.uar == pytest.approx(86.46, abs=TWO_DECIMALS)
    assert 100 * fused.metrics.macro_f1 == pytest.approx(86.75, abs=TWO_DECIMALS)


def test_the_fusion_gives_the_published_confusion_matrix(made):
    assert made.fused[0].metrics.classes == s4_files.CLASSES
    assert made.fused[0].metrics.confusion == (
        (79, 3, 0, 11, 3, 0, 0, 0),
        (6, 164, 4, 14, 0, 2, 2, 0),
        (0, 3, 171, 2, 0, 2, 2, 12),
        (4, 9, 8, 156, 1, 12, 2, 0),
        (0, 0, 2, 5, 178, 0, 3, 4),
        (0, 0, 2, 19, 5, 162, 0, 4),
        (0, 0, 0, 13, 7, 1, 170, 1),
        (1, 3, 6, 3, 1, 7, 2, 169),
    )


def test_the_combiner_decides_as_the_published_fused_posteriors_do(made):
    published = row(made.fused, "published posteriors of the fusion")
    assert published.metrics.confusion == made.fused[0].metrics.confusion


@pytest.mark.parametrize(
    ("name", "folds", "mean"),
    [
        ("A: wav2vec 2.0, fine-tuned", [85.67, 83.00, 79.00, 82.67, 78.75], 81.82),
        ("B: BiLSTM on Action Units", [66.67, 60.33, 67.33, 59.67, 56.67], 62.13),
        ("C: MLP(80) on averaged Action Units", [61.33, 58.67, 61.00, 64.67, 55.42], 60.22),
    ],
)
def test_single_posteriors_give_the_published_numbers(made, name, folds, mean):
    found = row(made.single, name)
    np.testing.assert_allclose(found.folds, folds, atol=TWO_DECIMALS)
    assert found.accuracy == pytest.approx(mean, abs=TWO_DECIMALS) == found.published


def test_the_mlp_trained_here_gives_the_published_folds(made):
    found = row(made.static, "MLP(80), scaled to 0..1")
    np.testing.assert_allclose(found.folds, [61.33, 58.67, 61.00, 64.67, 55.42], atol=TWO_DECIMALS)


def test_every_row_of_the_static_table_is_as_published(made):
    published = [r for r in made.static if r.published is not None]
    assert len(published) == 15
    for found in published:
        assert found.accuracy == pytest.approx(found.published, abs=TWO_DECIMALS), found.name


@pytest.mark.parametrize(
    ("name", "mean", "tolerance"),
    [
        ("A+B+C: product rule, no training", 85.72, TWO_DECIMALS),
        ("A+B+C: mean rule, no training", 77.27, TWO_DECIMALS),
        ("A+B: mean rule, no training", 83.03, TWO_DECIMALS),
        ("A+B+C: regression, out-of-fold", 85.38, TWO_DECIMALS),
        ("A+B: regression, in-sample", 85.40, ONE_CLIP),
    ],
)
def test_other_combiners_give_what_was_measured(made, name, mean, tolerance):
    assert row(made.fused, name).accuracy == pytest.approx(mean, abs=tolerance)


def test_a_row_says_what_is_not_clean_about_it(made):
    for found in made.fused:
        uses_chosen = found.name.startswith(("A", "B", "published"))
        assert (s4.CHOSEN_ON_TEST in found.title) == uses_chosen
        assert (s4.IN_SAMPLE in found.title) == ("in-sample" in found.name or "published" in found.name)
        assert (s4.HAVE_SEEN in found.title) == ("out-of-fold" in found.name)
    assert made.single[2].title == made.single[2].name, "the MLP was stopped nowhere"


def drawn_clean(made, folder, kind="audio", n=1434, **changes):
    """A clean run about the first `n` clips, with the posteriors of the MLP in place of a model of our own."""
    labels = made.labels.select(set(made.labels.ids[:n]))
    posteriors = {0: made.single[2].said.align(labels.ids)}
    formats = {"audio": "emofeat", "face": "s4-action-units"}
    record = drawn_runs.record(
        labels,
        name=f"clean {kind}",
        classes=s4_files.CLASSES,
        seeds=(0,),
        recipe={"features": [{"format": formats[kind]}]},
        **changes,
    )
    return write_run(folder / kind, record, labels, posteriors, metrics.of_run(labels, posteriors))


def test_a_clean_run_stands_beside_the_published_system_of_its_kind(made, tmp_path):
    clean = s4.clean_rows([drawn_clean(made, tmp_path, "face")])
    sides = {row.name: c for _, row, c in s4.side_by_side(made, clean)}
    assert sides["C: MLP(80) on averaged Action Units"] is clean[0]
    assert sides["A: wav2vec 2.0, fine-tuned"] is None
    text = to_text(summary_of_s4(made, clean))
    assert "86.70  86.70" in text and "clean face" in text and "1,434" in text


def test_a_run_that_is_not_clean_is_refused_as_clean(made, tmp_path):
    protocol = {"name": "speaker_dependent", "off": ("speaker", "session")}
    with pytest.raises(DataError, match="'speaker_dependent'"):
        s4.clean_rows([drawn_clean(made, tmp_path, protocol=protocol)])


def test_the_page_stamps_its_protocol_on_every_table(made):
    document = of_s4(made, [], command="emomodels reproduce s4")
    stamp = "as_published: guards off: posterior, selection"
    page = to_html(document)
    assert page.count("<caption>") == page.count(f'<span class="stamp">{stamp}</span></caption>') >= 6


def test_the_command_names_a_folder_that_is_not_the_authors(tmp_path, capsys):
    assert run(["reproduce", "s4", "--data", str(tmp_path), "--quick"]) == 1
    assert "posteriors/ and trainingData/" in capsys.readouterr().err


def test_an_unknown_system_is_suggested(capsys):
    assert run(["reproduce", "s44"]) == 2
    assert "did you mean 's4'?" in capsys.readouterr().err
