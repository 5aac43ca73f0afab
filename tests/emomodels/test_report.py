"""The report: what it must say, where its stamps stand, and that data cannot break it."""

from __future__ import annotations

import html.parser
import json
import re
import shutil

import numpy as np
import pytest

from emomodels import metrics, report
from emomodels.cli import run as command
from emomodels.exceptions import DataError, ParameterError
from emomodels.report import figures
from emomodels.report.document import Code, Document, Facts, Figure, Section, Table, Text
from emomodels.report.html import to_html
from emomodels.report.markdown import to_markdown
from emomodels.report.text import summary, to_text
from emomodels.runs import Labels, Run, write_run
from tests.emomodels import drawn_runs

HOSTILE = "<script>alert('x')</script> & | `a` $\\alpha$ \"b\""


class Page(html.parser.HTMLParser):
    """Tags, their attributes and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def document(stamps=()):
    table = Table("Counts", ("class", "n"), ((HOSTILE, "1"), ("sad", "2")), note=HOSTILE)
    svg = figures.confusion(np.eye(2, dtype=np.int64), (HOSTILE, "sad"), HOSTILE)
    blocks = (
        Text(HOSTILE),
        Code("a ``` b"),
        Facts(((HOSTILE, HOSTILE),)),
        table,
        Figure("Matrix", svg, HOSTILE),
    )
    return Document(HOSTILE, HOSTILE, stamps, (Section(HOSTILE, blocks),))


def test_data_cannot_become_markup_of_the_page():
    page = Page(to_html(document([HOSTILE])))
    assert page.open == []
    assert not {tag for tag, _ in page.tags} & {"script", "b", "link", "iframe"}
    assert page.text.count(HOSTILE) >= 7


def test_data_cannot_become_markup_of_markdown():
    text = to_markdown(document([HOSTILE]))
    assert not re.search(r"(?<!\\)[<|`$]", re.sub(r"^\|.*|^````[^`]*```[^`]*````$", "", text, flags=re.M))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}, "a cell has added columns"
    assert "````\na ``` b\n````" in text


def test_a_page_needs_nothing_but_itself():
    text = to_html(document())
    sources = [v for _, attrs in Page(text).tags for k, v in attrs.items() if k in ("src", "href")]
    assert sources and all(s.startswith(("data:image/svg+xml;base64,", "#")) for s in sources)
    assert "url(" not in text and "@import" not in text


def test_stamps_stand_in_the_title_and_on_every_caption():
    stamps = ("transductive", "audio duplicates not checked")
    page = Page(to_html(document(stamps)))
    # Title, badges, caption of the table; the figure says it in its own title, and here to those who hear it.
    assert all(page.text.count(stamp) == 3 for stamp in stamps)
    assert all(stamp in str(attrs["alt"]) for stamp in stamps for tag, attrs in page.tags if tag == "img")
    for text in (to_markdown(document(stamps)), to_text(document(stamps))):
        titles = [line for line in text.splitlines() if "transductive; audio duplicates not checked" in line]
        assert len(titles) == 2


def test_a_document_is_the_same_each_time_it_is_made():
    assert to_html(document()) == to_html(document())


def test_figures_draw_names_as_they_are():
    svg = figures.confusion(np.eye(2, dtype=np.int64), ("$x^2$", "悲しい"), "title")
    assert "$x^2$" in svg and "悲しい" in svg


def test_a_row_with_too_few_cells_is_refused():
    with pytest.raises(DataError, match="1 cells for 2 columns"):
        Table("Counts", ("class", "n"), (("sad",),))


@pytest.mark.parametrize(("name", "hint"), [("r.htlm", "'.html'"), ("r", "must end in .html or .md")])
def test_other_formats_are_refused_before_anything_is_written(tmp_path, name, hint):
    with pytest.raises(ParameterError, match=hint):
        report.write(document(), [tmp_path / "r.md", tmp_path / name])
    assert list(tmp_path.iterdir()) == []


TRUTH = drawn_runs.labels()
STAMPS = ("as_published: guards off: posterior, selection", "synthetic corpus")


@pytest.fixture(scope="module")
def fused(tmp_path_factory):
    """A fusion of two parts, with two seeds, stamps, an audit, choices and training curves."""
    posteriors = {s: drawn_runs.posteriors(TRUTH, 2.0, s) for s in (0, 1)}
    parts = {
        "audio": {s: drawn_runs.posteriors(TRUTH, 1.2, 10 + s, "audio") for s in (0, 1)},
        "face": {0: drawn_runs.posteriors(TRUTH, 0.6, 20, "face")},
    }
    epochs = [{"epoch": e, "train_loss": 2 / e, "dev_loss": 3 / e, "dev_uar": e / 9} for e in (1, 2, 3)]
    fit = {"epochs": epochs, "best_epoch": 2, "chosen_on": "dev"}
    choice = {"settings": {"C": 0.1}, "inner_scores": [{"C": 0.1, "uar": 0.61}, {"C": 1.0, "uar": 0.58}]}
    fold = {"n": {"train": 72, "dev": 0, "test": 24}, "speakers": {"train": 6, "dev": 0, "test": 2}}
    audit = {"folds": [{"name": f, **fold, "same_text": 97.5, "absent": {}} for f in TRUTH.fold_names]}
    record = drawn_runs.record(
        TRUTH,
        name="fused",
        protocol={"name": "as_published", "off": ("posterior", "selection")},
        stamps=STAMPS,
        audit={**audit, "stamps": ["audio duplicates not checked"]},
        chosen={f: {"0": choice, "1": choice} for f in TRUTH.fold_names},
        history={f: {"0": fit, "1": fit} for f in TRUTH.fold_names},
        unimodal=("audio", "face"),
        recipe={"name": "fused", "model": {"name": "linear_svm"}},
        test_opened=2,
    )
    folder = tmp_path_factory.mktemp("runs") / "fused"
    return write_run(folder, record, TRUTH, posteriors, metrics.of_run(TRUTH, posteriors), parts=parts)


@pytest.fixture(scope="module")
def document_of_fused(fused):
    return report.of_run(fused)


@pytest.fixture(scope="module")
def pages(document_of_fused):
    return Page(to_html(document_of_fused)), to_markdown(document_of_fused)


def test_the_report_says_how_the_result_came_about(pages):
    page, markdown = pages
    for text in (page.text, markdown.replace("\\", "")):
        for said in (
            "ab" * 32,  # the fingerprint of the manifest
            "cd" * 32,  # the digest of the split
            "left out: no features",
            "x1, x2",
            "97.5 %",  # the same text in train
            "Test labels were opened 2 times",
            "emomodels train recipe.yaml",
            "2.0.0",  # a version
            "C 0.1",  # what was chosen
            "a development part that holds no test utterances",
        ):
            assert said in text, said


def test_n_in_is_n_used_and_those_left_out(pages):
    _, markdown = pages
    assert "| in the manifest | 99 |" in markdown and "| used | 96 |" in markdown


def test_the_report_shows_the_metrics_of_the_run(fused, pages):
    page, _ = pages
    values = fused.metrics["summary"]["values"]
    for score in metrics.SCORES:
        assert f"{100 * values[score]['mean']:.2f}" in page.text
    first = fused.metrics["seeds"]["0"]
    for name in ("mean of folds", "pooled"):
        assert name in page.text
    for found in (*first["per_class"].values(), *first["speakers"].values()):
        assert f"{100 * found.get('recall', found.get('uar')):.2f}" in page.text


def test_a_fusion_is_shown_beside_its_parts_with_paired_tests(pages):
    page, _ = pages
    assert page.text.index("Fusion and its parts") < page.text.index("Paired tests")
    for part in ("audio", "face"):
        assert page.text.count(part) >= 2, "a row of metrics and a row of tests"


def test_no_table_and_no_figure_is_without_the_stamps(pages):
    page, markdown = pages
    captions = [
        line for line in markdown.splitlines() if line.startswith("**") and not line.startswith("**UAR")
    ]
    stamps = (*STAMPS, "audio duplicates not checked")
    assert len(captions) >= 10
    for stamp in stamps:
        assert all(stamp in line.replace("\\", "") for line in captions)
        figures_alt = [str(attrs["alt"]) for tag, attrs in page.tags if tag == "img"]
        assert len(figures_alt) == 4 and all(stamp in alt for alt in figures_alt)


def test_figures_carry_the_stamps_in_their_titles(document_of_fused):
    drawn = [b for s in document_of_fused.sections for b in s.blocks if isinstance(b, Figure)]
    for figure in drawn:
        # Long titles are broken into lines.
        words = " ".join(re.sub(r"<[^>]*>", " ", figure.svg).split())
        assert all(stamp in words for stamp in STAMPS)


def test_the_terminal_shows_the_result_with_its_stamps(fused):
    text = summary(fused)
    assert text.startswith(
        "fused [as_published: guards off: posterior, selection; synthetic corpus; audio dup"
    )
    assert "UAR" in text and "Paired tests" in text


def test_a_clean_run_without_speakers_seeds_or_training_is_reported_too(tmp_path):
    truth = Labels(TRUTH.ids, TRUTH.labels, (None,) * len(TRUTH), TRUTH.folds)
    posteriors = {0: drawn_runs.posteriors(TRUTH, 2.0, 0)}
    record = drawn_runs.record(truth, seeds=(0,))
    run = write_run(tmp_path / "run", record, truth, posteriors, metrics.of_run(truth, posteriors))
    document = report.of_run(run)
    titles = [section.title for section in document.sections]
    assert document.stamps == () and "Speakers" not in titles and "Training" not in titles
    assert "No intervals" in to_markdown(document)


def test_the_command_writes_the_same_pages_each_time(fused, document_of_fused, capsys):
    assert command(["report", str(fused.folder)]) == 0
    assert capsys.readouterr().out.split() == [str(fused.folder / f"report.{s}") for s in ("html", "md")]
    assert (fused.folder / "report.html").read_text() == to_html(document_of_fused)
    assert (fused.folder / "report.md").read_text() == to_markdown(document_of_fused)


def test_a_run_that_is_missing_unfinished_or_damaged_is_named(fused, tmp_path):
    with pytest.raises(DataError, match="does not exist") as error:
        Run.read(tmp_path / "nowhere")
    assert error.value.code == "missing_run"
    with pytest.raises(DataError, match=r"has no run\.json"):
        Run.read(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(fused.folder, copy)
    (copy / "metrics.json").rename(copy / "kept.json")
    with pytest.raises(DataError, match=r"not finished: it has no metrics\.json") as error:
        Run.read(copy)
    assert error.value.code == "unfinished_run"
    (copy / "kept.json").rename(copy / "metrics.json")
    for name in ("labels.parquet", "posteriors-seed1.parquet", "run.json", "metrics.json"):
        whole = (copy / name).read_bytes()
        (copy / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError, match=name.replace(".", r"\.")) as error:
            Run.read(copy).posteriors(1)
        assert error.value.code == "damaged_run", name
        (copy / name).write_bytes(whole)
    assert Run.read(copy).record == fused.record


def test_a_key_of_run_json_that_is_not_known_is_refused(fused, tmp_path):
    shutil.copytree(fused.folder, tmp_path / "copy")
    path = tmp_path / "copy" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "stmaps": []}))
    with pytest.raises(DataError, match="stmaps"):
        Run.read(tmp_path / "copy")


def test_a_run_names_its_seeds_and_parts(fused):
    with pytest.raises(DataError, match="no seed 7; it has 0, 1"):
        fused.posteriors(7)
    with pytest.raises(DataError, match="did you mean 'audio'"):
        fused.part("audoi")


def test_a_run_is_written_with_the_posteriors_that_its_record_names(tmp_path):
    with pytest.raises(DataError, match="the record names"):
        write_run(tmp_path / "run", drawn_runs.record(TRUTH), TRUTH, {}, {})
    assert not (tmp_path / "run").exists()
