"""What a person sees while models are fitted: a bar with losses on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Display:
    """Says nothing; the base of what does."""

    def note(self, line: str) -> None:
        """Something worth a line of its own."""

    def epoch(self, line: str) -> None:
        """Losses of an epoch, or the score of one choice of settings; often."""

    def done(self, n: int, of: int, line: str) -> None:
        """`n` of `of` fits are finished; `line` names the last."""


class Lines(Display):
    """Lines on standard error; epochs at most every few seconds."""

    def __init__(self, seconds: float = 5.0) -> None:
        self._seconds, self._last = seconds, -seconds

    def note(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def epoch(self, line: str) -> None:
        if time.monotonic() - self._last >= self._seconds:
            self._last = time.monotonic()
            self.note(f"    {line}")

    def done(self, n: int, of: int, line: str) -> None:
        self.note(f"[{n}/{of}] {line}")


class Bar(Display):
    """A bar of fits with the losses beside it, on a terminal."""

    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._task = progress.add_task("fits", total=None, line="")

    def note(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False)

    def epoch(self, line: str) -> None:
        self._progress.update(self._task, line=line)

    def done(self, n: int, of: int, line: str) -> None:
        self._progress.update(self._task, completed=n, total=of, line=line)


@contextmanager
def display() -> Iterator[Display]:
    """A bar where standard error is a terminal, else lines."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[line]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield Bar(progress)
