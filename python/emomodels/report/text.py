"""A document as plain text for a terminal; figures are left to their tables."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from textwrap import wrap
from typing import TYPE_CHECKING

from emomodels.report.document import Block, Code, Document, Facts, Figure, Table, Text

if TYPE_CHECKING:
    from emomodels.runs import Run

_WIDTH = 110


def to_text(document: Document) -> str:
    """The document as plain text."""
    return "\n".join(_lines(document)).rstrip() + "\n"


def summary(run: Run) -> str:
    """What a terminal shows of a finished run: the result and its conditions, without figures."""
    from emomodels.report.content import summary_of_run

    return to_text(summary_of_run(run))


def _lines(document: Document) -> Iterator[str]:
    yield document.caption(document.title)
    yield from wrap(document.summary, _WIDTH)
    for section in document.sections:
        yield ""
        for block in section.blocks:
            yield from _block(block, document)


@singledispatch
def _block(block: Block, document: Document) -> Iterator[str]:
    raise TypeError(f"a document holds no {type(block).__name__}")


@_block.register
def _(block: Text, document: Document) -> Iterator[str]:
    yield from wrap(block.text, _WIDTH)


@_block.register
def _(block: Code, document: Document) -> Iterator[str]:
    yield from (f"    {line}" for line in block.text.splitlines())


@_block.register
def _(block: Facts, document: Document) -> Iterator[str]:
    width = max((len(name) for name, _ in block.pairs), default=0)
    yield from (f"{name:{width}}  {value}" for name, value in block.pairs)


@_block.register
def _(block: Table, document: Document) -> Iterator[str]:
    rows = (block.header, *block.rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(block.header))]
    yield ""
    yield document.caption(block.caption)
    for row in rows:
        cells = (
            f"{cell:<{width}}" if i < block.words else f"{cell:>{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield f"  {'  '.join(cells)}".rstrip()
    yield from wrap(block.note, _WIDTH, initial_indent="  ", subsequent_indent="  ")


@_block.register
def _(block: Figure, document: Document) -> Iterator[str]:
    return iter(())
