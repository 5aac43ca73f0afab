"""The report: what it must say, where its stamps stand, and that data cannot break it."""

from __future__ import annotations

import html.parser
import re

import numpy as np
import pytest

from emomodels import report
from emomodels.exceptions import DataError, ParameterError
from emomodels.report import figures
from emomodels.report.document import Code, Document, Facts, Figure, Section, Table, Text
from emomodels.report.html import to_html
from emomodels.report.markdown import to_markdown
from emomodels.report.text import to_text

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
    assert "<script" not in text
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
    # Title, badges, caption of the table, caption of the figure.
    assert all(page.text.count(stamp) == 4 for stamp in stamps)
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
