"""What a report consists of, apart from how it looks: one document, written as HTML or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from emomodels.exceptions import DataError
from emomodels.runs import titled


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be copied as it stands: a command, a recipe."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they are, such as versions."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose cells are already text.

    Parameters
    ----------
    caption
        What it shows. The stamps of the result are added to it.
    header
        Names of the columns.
    rows
        As many cells as columns each.
    words
        How many columns on the left are words; the others are numbers and stand at the right.
    note
        What a reader must know to read it.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise DataError(
                    f"table {self.caption!r}: {len(row)} cells for {len(self.header)} columns: {row}"
                )


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing as SVG that carries its caption and the stamps as its title.

    `alt` says in words what it shows; the numbers are in a table beside it.
    """

    caption: str
    svg: str
    alt: str


Block = Text | Code | Facts | Table | Figure


@dataclass(frozen=True, slots=True)
class Section:
    """A headed part of a document."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A report. Its stamps stand in the title and on the caption of every table and figure.

    >>> d = Document("audio", "UAR 50 %", ["transductive"], [Section("Result", (Text("See above."),))])
    >>> d.caption("Per fold")
    'Per fold [transductive]'
    """

    title: str
    summary: str
    stamps: Sequence[str] = ()
    sections: Sequence[Section] = field(default_factory=tuple)

    def caption(self, text: str) -> str:
        """A caption with the stamps."""
        return titled(text, self.stamps)
