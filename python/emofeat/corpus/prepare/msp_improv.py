"""MSP-IMPROV: six sessions of two actors who improvise scenes around 20 target sentences. Busso et al. (2017).

One text file has all labels: for each turn a line with the consensus and the mean ratings, then a line for
each rater, then an empty line. The release calls that file `Evalution.txt`. It names turns by their
video, `UTD-IMPROV-....avi`; the recordings are `MSP-IMPROV-....wav`. Some raters stand twice in a turn.

Ratings are kept as they are stored, 1 to 5; readers of the corpus disagree on which end of activation is
the calm one, so look at it before using them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emofeat.corpus.prepare.base import (
    AUDIO,
    VIDEO,
    Corpus,
    Count,
    Found,
    by_stem,
    distribution,
    media,
    not_here,
    read_text,
    several,
)
from emofeat.corpus.utterance import Utterance
from emofeat.engine.errors import UsageError

#: Names of the release's file of labels: as it is spelt, and as it should be.
LABEL_FILES = ("Evalution.txt", "Evaluation.txt")
SCENARIOS = {"P": "natural", "R": "target read", "S": "other improvised", "T": "target improvised"}
_TARGETS = {"A": "anger", "H": "happiness", "N": "neutral", "S": "sadness"}
#: The raters' words, and the letters of the consensus; O is other, X no agreement.
CATEGORIES = {"Angry": "A", "Happy": "H", "Neutral": "N", "Sad": "S", "Other": "O"}
_COUNTS = (
    Count(("label",), {"A": 792, "H": 2644, "N": 3477, "S": 885}, uncounted=frozenset({"O", "X"})),
    Count(
        ("scenario",),
        {"natural": 2785, "target read": 620, "other improvised": 4381, "target improvised": 652},
    ),
    Count(("session",), dict.fromkeys((f"{n:02}" for n in range(1, 7)), 2), of="speaker"),
)
_READS = "Evalution.txt (or Evaluation.txt) and session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav"

_ID = re.compile(r"MSP-IMPROV-S(\d\d)([AHNS])-([FM])(\d\d)-([PRST])-([FM]{2}\d+)")
_VALUE = r"(-?\d+(?:\.\d+)?|NaN)"
_RATINGS = rf"A:{_VALUE}\s*;\s*V:{_VALUE}\s*;\s*D:{_VALUE}\s*;\s*N:{_VALUE}\s*;?\s*"
_TURN = re.compile(rf"UTD-IMPROV-([A-Z0-9-]+)\.avi\s*;\s*([AHNSOX])\s*;\s*{_RATINGS}")
_RATER = re.compile(rf"([^;]+?)\s*;\s*([^;]*?)\s*;(.*);\s*{_RATINGS}")
_COLUMNS = ("arousal", "valence", "dominance", "naturalness")


@dataclass(slots=True)
class Turn:
    """One paragraph of the file of labels; `repeated` counts lines of raters who had voted already."""

    id: str
    label: str
    ratings: dict[str, float]
    votes: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeated: int = 0


def turns(path: Path) -> Iterator[Turn]:
    """The turns in the file of labels.

    Raises
    ------
    UsageError
        A line has another form; the message names file and line.
    """
    turn = None
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            if turn is not None:
                yield turn
            turn = None
        elif match := _TURN.fullmatch(line.strip()):
            if turn is not None:
                yield turn
            turn = Turn(f"MSP-IMPROV-{match[1]}", match[2], _ratings(match.groups()[2:]))
        elif turn is not None and (match := _RATER.fullmatch(line.strip())):
            _vote(turn, match[1], match[2], match[3], _ratings(match.groups()[3:]))
        else:
            raise UsageError(f"{path}, line {number}: {line!r} is neither a turn nor a rater's line")
    if turn is not None:
        yield turn


def _ratings(values: tuple[str, ...]) -> dict[str, float]:
    """What was rated; NaN is nothing."""
    pairs = zip(_COLUMNS, map(float, values), strict=True)
    return {name: value for name, value in pairs if not math.isnan(value)}


def _vote(turn: Turn, rater: str, said: str, free: str, ratings: dict[str, float]) -> None:
    if rater in turn.votes:
        turn.repeated += 1
        return
    word, *also = (part.strip() for part in said.split(","))
    vote: dict[str, Any] = {"rater": rater, "label": CATEGORIES.get(word.capitalize(), word)}
    heard = [part for part in (*also, *(p.strip() for p in free.split(","))) if part]
    turn.votes[rater] = vote | ({"also": heard} if heard else {}) | ratings


def read(root: Path) -> Found:
    """Read MSP-IMPROV from the folder that holds the file of labels."""
    labels = _label_file(root)
    sounds, pictures = by_stem(media(root, AUDIO)), by_stem(media(root, VIDEO))
    texts = by_stem(path for path in media(root, {".txt"}) if _ID.fullmatch(path.stem))
    by_id: dict[str, Turn] = {}
    for turn in turns(labels):
        if not _ID.fullmatch(turn.id):
            raise UsageError(f"{labels}: {turn.id!r} is no name of a turn such as MSP-IMPROV-S01A-F01-P-FM01")
        if turn.id in by_id:
            raise UsageError(f"{labels}: {turn.id} occurs twice")
        by_id[turn.id] = turn
    here = [turn for name, turn in sorted(by_id.items()) if name in sounds]
    repeated = sum(turn.repeated for turn in here)
    return Found(
        [
            _utterance(
                turn,
                sounds[turn.id],
                pictures.get(turn.id),
                read_text(texts[turn.id]).strip() if turn.id in texts else None,
            )
            for turn in here
        ],
        8_438,
        _COUNTS,
        missing=sorted(set(by_id) - set(sounds)),
        unexpected=sorted(set(sounds) - set(by_id)),
        notes=[f"{several(repeated, 'vote')} dropped: the rater had voted on the turn already"]
        if repeated
        else [],
    )


def _label_file(root: Path) -> Path:
    there = [root / name for name in LABEL_FILES if (root / name).is_file()]
    if not there:
        raise not_here(root, "MSP-IMPROV", _READS)
    if len(there) > 1:
        raise UsageError(f"{root} has both {' and '.join(LABEL_FILES)}; keep the one that is meant")
    return there[0]


def _utterance(turn: Turn, sound: Path, picture: Path | None, text: str | None) -> Utterance:
    match = _ID.fullmatch(turn.id)
    assert match is not None  # read() lets nothing else through
    sentence, target, gender, session, scenario, place = match.groups()
    scene = f"S{sentence}{target}"
    votes = tuple(turn.votes.values())
    return Utterance(
        id=turn.id,
        file=str(sound),
        video=None if picture is None else str(picture),
        text=text,
        speaker=f"{gender}{session}",
        session=session,
        # A read sentence belongs to no conversation.
        dialogue=None if scenario == "R" else f"{session}-{scene}-{'P' if scenario == 'P' else 'ST'}",
        # Only the target turns are known to hold the target sentence.
        text_id=f"S{sentence}" if scenario in "RT" else None,
        label=turn.label,
        label_distribution=distribution((vote["rater"], vote["label"]) for vote in votes),
        votes=votes or None,
        arousal=turn.ratings.get("arousal"),
        valence=turn.ratings.get("valence"),
        dominance=turn.ratings.get("dominance"),
        corpus="msp-improv",
        extra={
            "scenario": SCENARIOS[scenario],
            "target_sentence": f"S{sentence}",
            "target_emotion": _TARGETS[target],
            "naturalness": turn.ratings.get("naturalness"),
            "gender": "female" if gender == "F" else "male",
            "turn": place,
        },
    )


CORPUS = Corpus("msp-improv", "MSP-IMPROV, 6 sessions of 2 actors, votes and ratings, English", _READS, read)
