"""IEMOCAP: five sessions of two actors each, improvised and scripted dialogues. Busso et al. (2008).

`Session*/dialog/EmoEvaluation/<dialog>.txt` has a paragraph for each turn: a summary line with times, name,
consensus and mean valence, activation, dominance (in this order), then the raters: `C-E2` is a category
of rater E2, `A-E2` the three ratings; `C-F1` and `C-M1` are the actors on themselves. The name of a
dialogue says who wears the markers; who speaks stands four characters before the end of the turn's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emofeat.corpus.prepare.base import Corpus, Count, Found, distribution, not_here, read_text
from emofeat.corpus.utterance import Utterance
from emofeat.engine.errors import UsageError

#: The raters' words, and the codes of the summary lines.
CATEGORIES = {
    "anger": "ang",
    "happiness": "hap",
    "excited": "exc",
    "sadness": "sad",
    "neutral": "neu",
    "neutral state": "neu",
    "frustration": "fru",
    "fear": "fea",
    "surprise": "sur",
    "disgust": "dis",
    "other": "oth",
}
_COUNTS = (
    Count(
        ("label",),
        {
            "ang": 1103,
            "hap": 595,
            "exc": 1041,
            "sad": 1084,
            "neu": 1708,
            "fru": 1849,
            "fea": 40,
            "sur": 107,
            "dis": 2,
            "oth": 3,
            "xxx": 2507,
        },
    ),
    Count(("session",), {"Ses01": 1819, "Ses02": 1811, "Ses03": 2136, "Ses04": 2103, "Ses05": 2170}),
    Count(("session",), {"Ses01": 28, "Ses02": 30, "Ses03": 32, "Ses04": 30, "Ses05": 31}, of="dialogue"),
    Count(("scenario",), {"improvised": 4784, "scripted": 5255}),
)
_READS = "Session1 to Session5 with dialog/EmoEvaluation/Ses01F_impro01.txt and sentences/wav"

_FLOAT = r"(-?\d+(?:\.\d+)?)"
_SUMMARY = re.compile(
    rf"\[{_FLOAT} - {_FLOAT}\]\s+(Ses0\d[FM]_\w+_[FM]\w\w\w)\s+(\w+)\s+\[{_FLOAT}, {_FLOAT}, {_FLOAT}\]"
)
_RATER = re.compile(r"([CA])-([EFM]\d+):\s*([^(]*)(?:\(.*)?")
_RATING = re.compile(r"(val|act|dom)\s+(\d+(?:\.\d+)?)")
_RATINGS = {"val": "valence", "act": "arousal", "dom": "dominance"}
_LINE = re.compile(r"(Ses\w+)\s*\[[\d.]+-[\d.]+\]:\s*(.*)")


@dataclass(slots=True)
class Turn:
    """One paragraph of a file of evaluations."""

    name: str
    start: float
    end: float
    label: str
    ratings: tuple[float, float, float]
    categories: dict[str, list[str]] = field(default_factory=dict)
    dimensions: dict[str, dict[str, float]] = field(default_factory=dict)

    def votes(self) -> tuple[dict[str, Any], ...]:
        """What each rater said: a category or several, ratings, or both."""
        votes: dict[str, dict[str, Any]] = {}
        for rater, labels in self.categories.items():
            votes[rater] = {"rater": rater, "label": labels[0] if len(labels) == 1 else labels}
        for rater, ratings in self.dimensions.items():
            votes.setdefault(rater, {"rater": rater}).update(ratings)
        return tuple(votes.values())


def turns(path: Path) -> Iterator[Turn]:
    """The turns in a file of evaluations.

    Raises
    ------
    UsageError
        A line has another form; the message names file and line.
    """
    turn = None
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip() or line.startswith("%"):
            continue
        if match := _SUMMARY.match(line):
            if turn is not None:
                yield turn
            start, end, name, label, *ratings = match.groups()
            v, a, d = map(float, ratings)
            turn = Turn(name, float(start), float(end), label, (v, a, d))
        elif turn is not None and (match := _RATER.match(line)):
            _rate(turn, *match.groups())
        else:
            raise UsageError(f"{path}, line {number}: {line!r} is neither a turn nor a rater's line")
    if turn is not None:
        yield turn


def _rate(turn: Turn, kind: str, rater: str, said: str) -> None:
    if kind == "A":
        turn.dimensions[rater] = {_RATINGS[name]: float(v) for name, v in _RATING.findall(said)}
        return
    for word in filter(None, (part.strip() for part in said.split(";"))):
        turn.categories.setdefault(rater, []).append(CATEGORIES.get(word.casefold(), word))


def read(root: Path) -> Found:
    """Read IEMOCAP from the folder that holds Session1 to Session5."""
    utterances: list[Utterance] = []
    missing: list[str] = []
    unknown: set[str] = set()
    unlabelled: set[str] = set()
    evaluations = sorted(root.glob("Session[1-5]/dialog/EmoEvaluation/Ses*.txt"))
    if not evaluations:
        raise not_here(root, "IEMOCAP", _READS)
    for path in evaluations:
        session = path.parents[2]
        texts = _transcript(session / "dialog" / "transcriptions" / path.name)
        avi = session / "dialog" / "avi" / "DivX" / f"{path.stem}.avi"
        folder = session / "sentences" / "wav" / path.stem
        wavs = {wav.stem for wav in folder.glob("Ses*.wav")}
        for turn in turns(path):
            if turn.name in wavs:
                wavs.discard(turn.name)
                utterances.append(
                    _utterance(turn, path.stem, folder / f"{turn.name}.wav", texts.get(turn.name), avi)
                )
                unknown |= {w for said in turn.categories.values() for w in said} - set(CATEGORIES.values())
            else:
                missing.append(turn.name)
        unlabelled |= wavs
    notes = (
        [f"raters' words that are no category of IEMOCAP: {', '.join(sorted(unknown))}"] if unknown else []
    )
    return Found(utterances, 10_039, _COUNTS, missing, sorted(unlabelled), notes)


def _transcript(path: Path) -> dict[str, str]:
    lines = read_text(path).splitlines() if path.exists() else []
    return {match[1]: match[2].strip() for line in lines if (match := _LINE.match(line))}


def _utterance(turn: Turn, dialogue: str, wav: Path, text: str | None, avi: Path) -> Utterance:
    session, scene = dialogue[:5], dialogue[7:]
    gender = turn.name[-4]
    scripted = scene.startswith("script")
    valence, arousal, dominance = turn.ratings
    # What an actor thinks of the own turn takes no part in the consensus.
    others = [(r, label) for r, said in turn.categories.items() if r.startswith("E") for label in said]
    extra: dict[str, Any] = {
        "scenario": "scripted" if scripted else "improvised",
        "gender": "female" if gender == "F" else "male",
        "dialogue_start": turn.start,
        "dialogue_end": turn.end,
        "dialogue_video": str(avi) if avi.exists() else None,
    }
    return Utterance(
        id=turn.name,
        file=str(wav),
        text=text,
        speaker=f"{session}{gender}",
        session=session,
        dialogue=dialogue,
        # The same script in all sessions, though its parts are cut a little differently (script01_1b).
        text_id=scene.rstrip("abc") if scripted else None,
        parent=dialogue,
        label=turn.label,
        label_distribution=distribution(others),
        votes=turn.votes(),
        arousal=arousal,
        valence=valence,
        dominance=dominance,
        corpus="iemocap",
        extra=extra,
    )


CORPUS = Corpus("iemocap", "IEMOCAP, 5 sessions of 2 actors, votes and ratings, English", _READS, read)
