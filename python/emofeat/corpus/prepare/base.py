"""What the readers of corpora share: what a reader returns, how it differs from the corpus, files and text."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from emofeat.corpus.utterance import Utterance
from emofeat.engine.errors import UsageError

AUDIO = frozenset({".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".opus"})
VIDEO = frozenset({".mp4", ".avi", ".mov", ".mkv", ".flv", ".webm", ".mpg"})
# A list in a message stays readable; the counts beside it are complete.
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Option:
    """One choice that a corpus offers: a keyword of its reader, with hyphens on the command line."""

    name: str
    help: str
    kind: Literal["flag", "folder", "text", "pairs"] = "flag"


@dataclass(frozen=True, slots=True)
class Count:
    """How many utterances the corpus has for each value of the columns `by`.

    With `of`, the different values of that column are counted instead. Values in `uncounted` are known,
    but no source says how many there are of each; only the total holds them.
    """

    by: tuple[str, ...]
    expected: Mapping[str, int]
    of: str = "id"
    uncounted: frozenset[str] = frozenset()

    def found(self, utterances: Iterable[Utterance]) -> dict[str, int]:
        pairs = {(" ".join(str(value(u, c)) for c in self.by), str(value(u, self.of))) for u in utterances}
        return dict(Counter(key for key, _ in pairs))

    def difference(self, utterances: Iterable[Utterance]) -> str | None:
        """The values with another number than expected, in one sentence; None: there is none."""
        found = self.found(utterances)
        wrong = [
            f"{key} {found.get(key, 0):,} of {self.expected.get(key, 0):,}"
            for key in sorted({*self.expected, *found} - self.uncounted)
            if found.get(key, 0) != self.expected.get(key, 0)
        ]
        what = "" if self.of == "id" else f" ({self.of}s)"
        return f"{' and '.join(self.by)}{what}: {shortened(wrong)}" if wrong else None


@dataclass(frozen=True, slots=True)
class Found:
    """What a reader found in the folder of a corpus, and what the corpus should hold.

    Parameters
    ----------
    utterances
        The rows; paths are absolute.
    total
        Number of utterances that the corpus has; None where every corpus has its own.
    counts
        Its utterances by class, speaker, split.
    missing, unexpected
        Names of utterances or files that should be there, and of those that should not.
    notes
        What is usual for the corpus but worth knowing, such as repeated votes that were dropped.
    """

    utterances: Sequence[Utterance]
    total: int | None = None
    counts: Sequence[Count] = ()
    missing: Sequence[str] = ()
    unexpected: Sequence[str] = ()
    notes: Sequence[str] = ()

    def differences(self) -> list[str]:
        """Sentences on how the folder differs from the corpus; none when it is complete."""
        sentences = []
        n = len(self.utterances)
        if self.total is not None and n != self.total:
            sentences.append(f"{n:,} of {self.total:,} utterances")
        if self.missing:
            sentences.append(f"{len(self.missing):,} missing: {shortened(self.missing)}")
        if self.unexpected:
            sentences.append(f"{len(self.unexpected):,} unexpected: {shortened(self.unexpected)}")
        return sentences + [
            d for count in self.counts if (d := count.difference(self.utterances)) is not None
        ]

    def partial(self, differences: Sequence[str]) -> str | None:
        """What the rows lack of their corpus, in a few words for the column of that name; None: nothing."""
        if not differences:
            return None
        n = len(self.utterances)
        total = n + len(self.missing) if self.total is None else self.total
        text = f"{n:,} of {total:,} utterances"
        return (
            text if n != total else f"{text}, {len(self.missing)} missing, {len(self.unexpected)} unexpected"
        )


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus that can be prepared.

    Parameters
    ----------
    name, title
        By what it is called here, and what it is.
    reads
        What its folder has to hold, for the message when it does not.
    read
        The reader: the folder first, then the options by keyword.
    options
        What can be chosen.
    """

    name: str
    title: str
    reads: str
    read: Callable[..., Found]
    options: tuple[Option, ...] = ()


def value(utterance: Utterance, column: str) -> Any:
    """The value of a column, or of a key of `extra`."""
    return utterance.extra[column] if column in utterance.extra else getattr(utterance, column)


def several(n: int, noun: str) -> str:
    """A number and what it counts: `1 clip`, `1,440 clips`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def shortened(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")


def not_here(root: Path, corpus: str, reads: str) -> UsageError:
    """The error for a folder that holds nothing of the corpus."""
    return UsageError(f"no {corpus} files below {root}; expected {reads}")


def media(root: Path, suffixes: Iterable[str]) -> list[Path]:
    """All files below `root` with one of the suffixes, sorted; not what begins with a dot.

    Links are followed; a folder that is reached twice is read once.
    """
    wanted = frozenset(suffixes)
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder" if not root.exists() else f"{root}: not a folder")
    found: list[Path] = []
    seen: set[str] = set()
    for folder, folders, names in os.walk(root, onerror=_unreadable, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found += [
            Path(folder, name)
            for name in names
            if not name.startswith(".") and Path(name).suffix.casefold() in wanted
        ]
    return sorted(found)


def _unreadable(error: OSError) -> None:
    """Leaving a folder out would pass for a corpus without it."""
    raise UsageError(f"{error.filename}: the folder cannot be read: {error.strerror}") from error


def by_stem(paths: Iterable[Path]) -> dict[str, Path]:
    """Files by name without suffix.

    Raises
    ------
    UsageError
        Two files have one name: which of them is meant cannot be known.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if path.stem in found:
            raise UsageError(
                f"two files for {path.stem}: {found[path.stem]} and {path}; give the folder of one of them"
            )
        found[path.stem] = path
    return found


# Windows-1252 where it and Latin-1 differ, for bytes that are no UTF-8 (kept by `surrogateescape`) and for
# the control characters that such bytes became when a table was once read as Latin-1 and written as UTF-8.
_CP1252 = {
    code: bytes([byte]).decode("cp1252", "replace")
    for byte in range(0x80, 0x100)
    for code in ((byte, 0xDC00 + byte) if byte < 0xA0 else (0xDC00 + byte,))
}


def decoded(data: bytes) -> str:
    r"""UTF-8 text in which single bytes or control characters stand for characters of Windows-1252.

    Examples
    --------
    >>> decoded("you’ve ".encode() + b"must\x92ve " + "can\x92t".encode())
    'you’ve must’ve can’t'
    """
    return data.decode("utf-8-sig", "surrogateescape").translate(_CP1252)


def read_text(path: Path) -> str:
    """The text of a file of a corpus, with `decoded` characters.

    Raises
    ------
    UsageError
        It cannot be read.
    """
    try:
        return decoded(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error


def distribution(votes: Iterable[tuple[str, str]]) -> dict[str, float] | None:
    """Shares of the classes among (rater, class) votes; a rater's classes share that rater's one vote.

    Examples
    --------
    >>> distribution([("E1", "neu"), ("E2", "neu"), ("E2", "sad")])
    {'neu': 0.75, 'sad': 0.25}
    """
    votes = list(votes)
    if not votes:
        return None
    per_rater = Counter(rater for rater, _ in votes)
    shares: dict[str, float] = {}
    for rater, name in votes:
        shares[name] = shares.get(name, 0.0) + 1 / per_rater[rater] / len(per_rater)
    return dict(sorted(shares.items()))
