"""MELD: dialogues of the series Friends, seven emotions, three sentiments. Poria et al. (2019).

Three tables, one for each split. Numbers of dialogues start again in each, so only split, dialogue and
utterance together name a row. Times refer to the episode, not to the clip. The texts went through
several encodings: single bytes of Windows-1252, or the control characters they became, stand in UTF-8.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from emofeat.corpus.prepare.base import (
    AUDIO,
    VIDEO,
    Corpus,
    Count,
    Found,
    Option,
    media,
    not_here,
    read_text,
    several,
    shortened,
)
from emofeat.corpus.utterance import Utterance
from emofeat.engine.errors import UsageError

EMOTIONS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
SENTIMENTS = ("negative", "neutral", "positive")
#: Folders of the clips as the release names them, and short.
FOLDERS = {
    "train": ("train_splits", "train"),
    "dev": ("dev_splits_complete", "dev"),
    "test": ("output_repeated_splits_test", "test"),
}
_WITHOUT_CLIP = "dev_dia110_utt7"
_COLUMNS = (
    "Sr No.",
    "Utterance",
    "Speaker",
    "Emotion",
    "Sentiment",
    "Dialogue_ID",
    "Utterance_ID",
    "Season",
    "Episode",
    "StartTime",
    "EndTime",
)
_BY_EMOTION = {
    "train": (1109, 271, 268, 1743, 4710, 683, 1205),
    "dev": (153, 22, 40, 163, 470, 111, 150),
    "test": (345, 68, 50, 402, 1256, 208, 281),
}
_COUNTS = (
    Count(("split",), {split: sum(counts) for split, counts in _BY_EMOTION.items()}),
    # Train numbers its dialogues from 0 to 1038 and has none with the number 60: 1,038 of them.
    Count(("split",), {"train": 1038, "dev": 114, "test": 280}, of="dialogue"),
    Count(
        ("split", "label"),
        {f"{s} {e}": n for s, ns in _BY_EMOTION.items() for e, n in zip(EMOTIONS, ns, strict=True)},
    ),
)
_READS = (
    "train_sent_emo.csv, dev_sent_emo.csv, test_sent_emo.csv, and clips such as train_splits/dia0_utt0.mp4"
)
_TIME = re.compile(r"(\d+):(\d\d):(\d\d),(\d{1,3})")
_CLIP = re.compile(r"dia\d+_utt\d+")


def read(root: Path, *, no_media: bool = False) -> Found:
    """Read MELD from the folder that holds the three tables; `no_media` makes rows of text only."""
    tables = {split: table for split in FOLDERS if (table := _table(root, split)) is not None}
    if not tables:
        raise not_here(root, "MELD", _READS)
    rows = [u for split, table in tables.items() for u in _rows(table, split)]
    missing = [f"{split}_sent_emo.csv" for split in FOLDERS if split not in tables]
    total = sum(map(sum, _BY_EMOTION.values()))
    if no_media:
        return Found(rows, total, _COUNTS, missing)
    sounds, pictures = _clips(root, AUDIO), _clips(root, VIDEO)
    here = [_with_clip(u, sounds, pictures) for u in rows if u.id in sounds or u.id in pictures]
    if not here:
        raise UsageError(
            f"no clips of MELD below {root}; expected {_READS}; the option no media (--no-media) makes rows "
            "of text only"
        )
    with_clip = set(sounds) | set(pictures)
    missing += [u.id for u in rows if u.id not in with_clip]
    return Found(here, total, _COUNTS, missing, notes=_notes(missing, with_clip, {u.id for u in rows}))


def _notes(missing: Collection[str], clips: set[str], rows: set[str]) -> list[str]:
    notes = []
    if _WITHOUT_CLIP in missing:
        notes.append(f"the release of MELD has no clip for {_WITHOUT_CLIP}")
    if clips - rows:
        extra = sorted(clips - rows)
        notes.append(f"{several(len(extra), 'clip')} without a row in the tables: {shortened(extra)}")
    return notes


def _table(root: Path, split: str) -> Path | None:
    """The table of a split: in the folder itself, or where the release's archives put it."""
    name = f"{split}_sent_emo.csv"
    folders = (root, root / "data" / "MELD", *(root / folder for folder in FOLDERS[split]))
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _rows(table: Path, split: str) -> Iterator[Utterance]:
    reader = csv.DictReader(io.StringIO(read_text(table), newline=""))
    lacking = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if lacking:
        raise UsageError(
            f"{table}: no column {', '.join(map(repr, lacking))}; MELD has {', '.join(_COLUMNS)}"
        )
    seen: set[str] = set()
    for row in reader:
        where = f"{table}, line {reader.line_num}"
        if None in row or None in row.values():
            raise UsageError(f"{where}: the number of fields is not that of the header")
        utterance = _utterance(row, split, where)
        if utterance.id in seen:
            raise UsageError(f"{where}: {utterance.id} occurs twice")
        seen.add(utterance.id)
        yield utterance


def _utterance(row: Mapping[str, Any], split: str, where: str) -> Utterance:
    for column, known in (("Emotion", EMOTIONS), ("Sentiment", SENTIMENTS)):
        if row[column] not in known:
            raise UsageError(f"{where}, column {column!r}: {row[column]!r} is none of {', '.join(known)}")
    try:
        dialogue, number, season, episode = (
            int(row[c]) for c in ("Dialogue_ID", "Utterance_ID", "Season", "Episode")
        )
        serial = int(row["Sr No."])
    except (TypeError, ValueError) as error:
        raise UsageError(f"{where}: a number is missing or wrong: {error}") from error
    return Utterance(
        id=f"{split}_dia{dialogue}_utt{number}",
        text=row["Utterance"],
        speaker=row["Speaker"],
        dialogue=f"{split}_dia{dialogue}",
        label=row["Emotion"],
        split=split,
        corpus="meld",
        extra={
            "sentiment": row["Sentiment"],
            "utterance": number,
            "season": season,
            "episode": episode,
            "episode_start": seconds(row["StartTime"], f"{where}, column 'StartTime'"),
            "episode_end": seconds(row["EndTime"], f"{where}, column 'EndTime'"),
            "serial": serial,
        },
    )


def seconds(time: str, where: str = "time") -> float:
    """The seconds of a time such as `00:16:21,731`.

    Examples
    --------
    >>> seconds("0:16:21,731")
    981.731
    """
    match = _TIME.fullmatch((time or "").strip())
    if match is None:
        raise UsageError(f"{where}: {time!r} is no time such as 00:16:21,731")
    hours, minutes, whole, fraction = match.groups()
    return (int(hours) * 60 + int(minutes)) * 60 + int(whole) + int(fraction.ljust(3, "0")) / 1000


def _clips(root: Path, suffixes: Iterable[str]) -> dict[str, Path]:
    """Clips by the id of their utterance; a clip's split is the folder it lies in."""
    splits = {folder: split for split, folders in FOLDERS.items() for folder in folders}
    found: dict[str, Path] = {}
    for path in media(root, suffixes):
        inside = [splits[part] for part in path.relative_to(root).parts[:-1] if part in splits]
        if inside and _CLIP.fullmatch(path.stem):
            key = f"{inside[-1]}_{path.stem}"
            if key in found:
                raise UsageError(f"two clips for {key}: {found[key]} and {path}; keep one of them")
            found[key] = path
    return found


def _with_clip(u: Utterance, sounds: Mapping[str, Path], pictures: Mapping[str, Path]) -> Utterance:
    picture = pictures.get(u.id)
    sound = sounds.get(u.id, picture)
    return replace(u, file=str(sound), video=None if picture is None else str(picture))


CORPUS = Corpus(
    "meld",
    "MELD, dialogues of a series, 7 emotions, 3 sentiments, English",
    _READS,
    read,
    (Option("no_media", "Rows of text only, without looking for the clips."),),
)
