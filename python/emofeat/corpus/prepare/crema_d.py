"""CREMA-D: 91 actors, 12 sentences, six emotions at up to four levels. Cao et al. (2014).

Names are `1001_DFA_ANG_XX`: actor, sentence, emotion, level. Only the sentence IEO was asked for at three
levels; the rest is XX. The label is what the actor was asked for, not what raters heard.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emofeat.corpus.prepare.base import AUDIO, VIDEO, Corpus, Count, Found, Option, by_stem, media, not_here
from emofeat.corpus.utterance import Utterance

EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified"}
_ACTORS = tuple(str(actor) for actor in range(1001, 1092))
# What the release's list of files, SentenceFilenames.csv, leaves out: actor, sentence, emotions.
_NEVER_THERE = (
    ("1002", "TIE", ("NEU",)),
    ("1008", "WSI", tuple(EMOTIONS)),
    ("1009", "MTI", tuple(EMOTIONS)),
    ("1019", "ITH", tuple(EMOTIONS)),
    ("1076", "ITS", ("NEU",)),
)
_READS = "names such as 1001_DFA_ANG_XX.wav"


def names() -> Iterator[str]:
    """The 7,442 names of the release."""
    gaps = {(actor, text, emotion) for actor, text, emotions in _NEVER_THERE for emotion in emotions}
    for actor in _ACTORS:
        for text in SENTENCES:
            for emotion in EMOTIONS:
                levels = ("LO", "MD", "HI") if text == "IEO" and emotion != "NEU" else ("XX",)
                if (actor, text, emotion) not in gaps:
                    yield from (f"{actor}_{text}_{emotion}_{level}" for level in levels)


def read(root: Path, *, video: Path | None = None) -> Found:
    """Read CREMA-D; videos are taken from `root` and from `video`, where given."""
    sounds = by_stem(media(root, AUDIO))
    pictures = by_stem(path for folder in (root, video) if folder for path in media(folder, VIDEO))
    expected = set(names())
    here = sorted(set(sounds) & expected)
    if not here:
        raise not_here(root, "CREMA-D", _READS)
    fields = [name.split("_") for name in expected]
    actors, emotions = ([f[place] for f in fields] for place in (0, 2))
    return Found(
        [_utterance(stem, sounds[stem], pictures.get(stem)) for stem in here],
        len(expected),
        [
            Count(("label",), {name: emotions.count(code) for code, name in EMOTIONS.items()}),
            Count(("speaker",), {actor: actors.count(actor) for actor in _ACTORS}),
        ],
        missing=sorted(expected - set(here)),
        unexpected=sorted(set(sounds) - expected),
    )


def _utterance(stem: str, sound: Path, picture: Path | None) -> Utterance:
    actor, text, emotion, level = stem.split("_")
    return Utterance(
        id=stem,
        file=str(sound),
        video=None if picture is None else str(picture),
        text=SENTENCES[text],
        speaker=actor,
        text_id=text,
        label=EMOTIONS[emotion],
        corpus="crema-d",
        extra={"level": LEVELS[level]},
    )


CORPUS = Corpus(
    "crema-d",
    "CREMA-D, 91 actors, 6 emotions, English",
    _READS,
    read,
    (Option("video", "A second folder to search, for the video files.", "folder"),),
)
