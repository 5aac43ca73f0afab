"""A document as one HTML file that needs nothing else: no script, no font, no file beside it."""

from __future__ import annotations

from base64 import b64encode
from functools import singledispatch
from html import escape
from importlib.resources import files

from emomodels.report.document import Block, Code, Document, Facts, Figure, Section, Table, Text

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{name}</h1>
{stamps}
<p class="summary">{summary}</p>
<nav aria-label="Contents">{contents}</nav>
</header>
<main>
{sections}
</main>
</body>
</html>
"""


def to_html(document: Document) -> str:
    """The document as HTML. Everything that comes from data is escaped."""
    return _PAGE.format(
        title=escape(document.caption(document.title)),
        style=files("emomodels.report").joinpath("report.css").read_text(encoding="utf-8"),
        name=escape(document.title),
        stamps=_stamps(document),
        summary=escape(document.summary),
        contents=" ".join(f'<a href="#{_anchor(s)}">{escape(s.title)}</a>' for s in document.sections),
        sections="\n".join(_section(s, document) for s in document.sections),
    )


def _stamps(document: Document) -> str:
    if not document.stamps:
        return ""
    items = "".join(f"<li>{escape(s)}</li>" for s in document.stamps)
    return f'<ul class="stamps" aria-label="What is not clean about this result">{items}</ul>'


def _anchor(section: Section) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in section.title.lower())


def _section(section: Section, document: Document) -> str:
    blocks = "\n".join(_block(b, document) for b in section.blocks)
    return f'<section id="{_anchor(section)}">\n<h2>{escape(section.title)}</h2>\n{blocks}\n</section>'


@singledispatch
def _block(block: Block, document: Document) -> str:
    raise TypeError(f"a document holds no {type(block).__name__}")


@_block.register
def _(block: Text, document: Document) -> str:
    return f"<p>{escape(block.text)}</p>"


@_block.register
def _(block: Code, document: Document) -> str:
    return f"<pre><code>{escape(block.text)}</code></pre>"


@_block.register
def _(block: Facts, document: Document) -> str:
    pairs = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in block.pairs)
    return f"<dl>{pairs}</dl>"


@_block.register
def _(block: Table, document: Document) -> str:
    head = "".join(f"<th{_side(i, block)} scope=col>{escape(c)}</th>" for i, c in enumerate(block.header))
    body = "\n".join(f"<tr>{_cells(row, block)}</tr>" for row in block.rows)
    note = f'<p class="note">{escape(block.note)}</p>' if block.note else ""
    return (
        f'<div class="table"><table>\n<caption>{_caption(block.caption, document)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>{note}"
    )


def _cells(row: tuple[str, ...], table: Table) -> str:
    first, *rest = row
    others = (f"<td{_side(i, table)}>{escape(c)}</td>" for i, c in enumerate(rest, 1))
    return f"<th{_side(0, table)} scope=row>{escape(first)}</th>{''.join(others)}"


def _side(column: int, table: Table) -> str:
    return "" if column < table.words else " class=n"


@_block.register
def _(block: Figure, document: Document) -> str:
    # As an image, so that the ids inside one drawing cannot meet those of another.
    data = b64encode(block.svg.encode()).decode()
    alt = escape(f"{document.caption(block.caption)}. {block.alt}")
    return f'<figure><img src="data:image/svg+xml;base64,{data}" alt="{alt}"></figure>'


def _caption(text: str, document: Document) -> str:
    stamps = "".join(f' <span class="stamp">{escape(s)}</span>' for s in document.stamps)
    return f"{escape(text)}{stamps}"
