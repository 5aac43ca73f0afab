"""Any corpus whose folders are its labels: `ROOT/anger/one.wav`, or further levels such as `ROOT/s01/anger/one.wav`."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from emofeat._suggest import did_you_mean
from emofeat.corpus.prepare.base import AUDIO, VIDEO, Corpus, Found, Option, media, not_here
from emofeat.corpus.utterance import Utterance
from emofeat.engine.errors import UsageError

#: What a level of folders can stand for.
LEVELS = ("label", "speaker", "session", "dialogue", "parent", "split", "fold")
_READS = "recordings in a folder for each class, such as anger/one.wav"


def read(root: Path, *, layout: str = "label", speaker: str | None = None) -> Found:
    """Read a corpus of folders.

    Parameters
    ----------
    root
        The folder above.
    layout
        What the levels of folders stand for, from the top: `speaker/label`. Folders below the last level
        have no meaning.
    speaker
        Regular expression that finds the speaker in the path below `root`: its group, or all of it.
    """
    levels = layout.split("/")
    for level in levels:
        if level not in LEVELS:
            raise UsageError(
                f"layout {layout!r}: {level!r} is no column that folders can stand for"
                f"{did_you_mean(level, LEVELS)}; allowed are {', '.join(LEVELS)}, joined by /"
            )
    if len(set(levels)) != len(levels):
        raise UsageError(f"layout {layout!r}: a column occurs twice")
    pattern = _pattern(speaker, levels)
    paths = media(root, AUDIO | VIDEO)
    deep = [path for path in paths if len(path.relative_to(root).parts) > len(levels)]
    shallow = [path for path in paths if len(path.relative_to(root).parts) <= len(levels)]
    if not deep:
        raise not_here(root, "recordings in", _READS if layout == "label" else f"{layout}/one.wav")
    ids = [path.relative_to(root).with_suffix("").as_posix() for path in deep]
    twice = sorted(i for i, n in Counter(ids).items() if n > 1)
    if twice:
        raise UsageError(
            f"several files for {', '.join(twice[:3])} that differ in their suffix; keep one each"
        )
    return Found(
        [_utterance(path, root, levels, pattern) for path in deep],
        unexpected=[str(path.relative_to(root)) for path in shallow],
    )


def _pattern(speaker: str | None, levels: list[str]) -> re.Pattern[str] | None:
    if speaker is None:
        return None
    if "speaker" in levels:
        raise UsageError("the layout names the speaker already; leave the pattern of speakers out")
    try:
        return re.compile(speaker)
    except re.error as error:
        raise UsageError(f"pattern of speakers {speaker!r}: not a regular expression: {error}") from error


def _utterance(path: Path, root: Path, levels: list[str], pattern: re.Pattern[str] | None) -> Utterance:
    inside = path.relative_to(root)
    columns: dict[str, Any] = dict(zip(levels, inside.parts, strict=False))
    if pattern is not None:
        match = pattern.search(inside.as_posix())
        if match is None:
            raise UsageError(f"{path}: the pattern of speakers {pattern.pattern!r} finds nothing in it")
        columns["speaker"] = match[1] if pattern.groups else match[0]
    video = str(path) if path.suffix.casefold() in VIDEO else None
    return Utterance(
        id=inside.with_suffix("").as_posix(),
        file=str(path),
        video=video,
        corpus=root.resolve().name,
        **columns,
    )


CORPUS = Corpus(
    "folders",
    "any corpus with a folder for each class",
    _READS,
    read,
    (
        Option("layout", "What the levels of folders stand for: label (default), speaker/label, ...", "text"),
        Option("speaker", "Regular expression that finds the speaker in a file's path.", "text"),
    ),
)
