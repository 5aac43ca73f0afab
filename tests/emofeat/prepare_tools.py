"""Small corpora in the formats of the releases, odd cases included. Sounds are empty files: no reader opens them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest

from emofeat.corpus.prepare import CORPORA, prepare
from emofeat.engine.errors import UsageError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


class Listing(set[Path]):
    """Files that a reader believes to be there: making thousands of them takes longer than all other tests."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: ModuleType, paths: Iterable[Path]) -> None:
        super().__init__(paths)
        monkeypatch.setattr(module, "media", self._below)

    def _below(self, root: Path, suffixes: Iterable[str]) -> list[Path]:
        return sorted(path for path in self if path.is_relative_to(root) and path.suffix in set(suffixes))


def part(name, root, **options):
    """The prepared part of a corpus; the fixtures are all too small to be complete."""
    return prepare(name, root, allow_partial=True, audio_check=False, **options)


def refusal(name, root, **options) -> str:
    """The message with which a corpus is refused."""
    with pytest.raises(UsageError) as refused:
        prepare(name, root, **{"audio_check": False} | options)
    return str(refused.value)


def expected(name: str, by: tuple[str, ...], root: Path, of: str = "id", **options):
    """The expected counts that a reader brings for the columns `by`."""
    counts = CORPORA[name].read(root, **options).counts
    return next(count.expected for count in counts if (count.by, count.of) == (by, of))
