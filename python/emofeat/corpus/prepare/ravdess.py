"""RAVDESS: 24 actors say two sentences in eight emotions. Livingstone & Russo (2018).

A file's name is its label: seven numbers `MM-VC-EM-IN-ST-RE-AC` for modality, vocal channel, emotion,
intensity, statement, repetition and actor. The release has three files of each utterance, which differ
in the first number only (01 picture and sound, 02 picture, 03 sound): one row here, joined with what was
made from another of them by `key`, the name without that number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

from emofeat.corpus.prepare.base import (
    AUDIO,
    VIDEO,
    Corpus,
    Count,
    Found,
    Option,
    by_stem,
    media,
    not_here,
    several,
)
from emofeat.corpus.utterance import Utterance

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
_MODALITIES = {"01": "audio-video", "02": "video", "03": "audio"}
_CHANNELS = {"01": "speech", "02": "song"}
_INTENSITIES = {"01": "normal", "02": "strong"}
_ACTORS = tuple(f"{actor:02}" for actor in range(1, 25))
_NAME = re.compile(r"\d\d(-\d\d){6}")
_READS = "names such as 03-01-05-02-01-01-24.wav or 01-01-05-02-01-01-24.mp4"


def keys(song: bool) -> Iterator[str]:
    """The names of the release without the modality: 1,440 spoken utterances, 1,012 sung ones.

    Neutral has no strong intensity. Nothing is sung in disgust or surprise, nor by actor 18.
    """
    for emotion, intensity, statement, repetition, actor in product(
        EMOTIONS, _INTENSITIES, STATEMENTS, ("01", "02"), _ACTORS
    ):
        if (emotion, intensity) != ("01", "02"):
            rest = f"{emotion}-{intensity}-{statement}-{repetition}-{actor}"
            yield f"01-{rest}"
            if song and emotion <= "06" and actor != "18":
                yield f"02-{rest}"


def read(root: Path, *, video: Path | None = None, song: bool = False) -> Found:
    """Read RAVDESS: speech, and with `song` the sung utterances; `video` is a second folder to search."""
    paths = [path for folder in (root, video) if folder for path in media(folder, AUDIO | VIDEO)]
    # First, since a folder of something else often has one name twice.
    if not any(_NAME.fullmatch(path.stem) for path in paths):
        raise not_here(root, "RAVDESS", _READS)
    files = by_stem(paths)
    expected = set(keys(song))
    known = expected if song else expected | set(keys(song=True))
    named = {stem for stem in files if stem[:2] in _MODALITIES and stem[3:] in known}
    found: dict[str, dict[str, Path]] = {}
    for stem in sorted(named):
        if stem[3:] in expected:
            found.setdefault(stem[3:], {})[stem[:2]] = files[stem]
    modalities = {m for of_one in found.values() for m in of_one}
    if len(modalities) > 1:
        modalities.discard("02")  # the silent twin of 01: of use only where there is nothing else
    sung = len({stem[3:] for stem in named} - expected)
    return Found(
        [_utterance(key, of_one) for key, of_one in found.items()],
        total=len(expected),
        counts=_counts(expected),
        missing=sorted(f"{m}-{key}" for m in modalities for key in expected if m not in found.get(key, {})),
        unexpected=sorted(set(files) - named),
        notes=[f"{several(sung, 'sung utterance')} left out; the option song takes them"] if sung else [],
    )


def _utterance(key: str, files: Mapping[str, Path]) -> Utterance:
    channel, emotion, intensity, statement, repetition, actor = key.split("-")
    sound, picture = files.get("03", files.get("01")), files.get("01", files.get("02"))
    first = next(m for m in ("03", "01", "02") if m in files)
    return Utterance(
        id=f"{first}-{key}",
        file=None if sound is None else str(sound),
        video=None if picture is None else str(picture),
        text=STATEMENTS[statement],
        speaker=actor,
        text_id=statement,
        label=EMOTIONS[emotion],
        corpus="ravdess",
        extra={
            "key": key,
            "modality": " ".join(_MODALITIES[m] for m in sorted(files)),
            "vocal_channel": _CHANNELS[channel],
            "intensity": _INTENSITIES[intensity],
            "statement": int(statement),
            "repetition": int(repetition),
            "gender": "male" if int(actor) % 2 else "female",
        },
    )


def _counts(expected: set[str]) -> list[Count]:
    fields = [key.split("-") for key in expected]
    emotions, actors = ([f[place] for f in fields] for place in (1, 5))
    return [
        Count(("label",), {name: emotions.count(code) for code, name in EMOTIONS.items()}),
        Count(("speaker",), {actor: actors.count(actor) for actor in _ACTORS}),
    ]


CORPUS = Corpus(
    "ravdess",
    "RAVDESS, 24 actors, 8 emotions, English: audio and video files",
    _READS,
    read,
    (
        Option("video", "A second folder to search, for the video files.", "folder"),
        Option("song", "Take the sung utterances too."),
    ),
)
