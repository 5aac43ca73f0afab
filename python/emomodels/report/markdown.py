"""A document as Markdown, for a terminal, a pull request or a paper's appendix. Figures are left to their tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import singledispatch

from emomodels.report.document import Block, Code, Document, Facts, Figure, Table, Text

# What Markdown, or the HTML that Markdown may contain, would read as markup.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$])")


def to_markdown(document: Document) -> str:
    """The document as Markdown. Everything that comes from data is escaped."""
    return "\n\n".join(_parts(document)) + "\n"


def _parts(document: Document) -> Iterator[str]:
    yield f"# {_escape(document.caption(document.title))}"
    yield f"**{_escape(document.summary)}**"
    for section in document.sections:
        yield f"## {_escape(section.title)}"
        yield from (text for b in section.blocks if (text := _block(b, document)))


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


@singledispatch
def _block(block: Block, document: Document) -> str:
    raise TypeError(f"a document holds no {type(block).__name__}")


@_block.register
def _(block: Text, document: Document) -> str:
    return _escape(block.text)


@_block.register
def _(block: Code, document: Document) -> str:
    # The fence is longer than any run of backticks inside.
    longest = max((len(run) for run in re.findall("`+", block.text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{block.text}\n{fence}"


@_block.register
def _(block: Facts, document: Document) -> str:
    return "\n".join(f"- {_escape(name)}: {_escape(value)}" for name, value in block.pairs)


@_block.register
def _(block: Table, document: Document) -> str:
    rule = "|".join("---" if i < block.words else "---:" for i in range(len(block.header)))
    lines = [_row(block.header), f"|{rule}|", *(_row(row) for row in block.rows)]
    note = f"\n\n{_escape(block.note)}" if block.note else ""
    return f"**{_escape(document.caption(block.caption))}**\n\n" + "\n".join(lines) + note


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(map(_escape, cells))} |"


@_block.register
def _(block: Figure, document: Document) -> str:
    return ""
