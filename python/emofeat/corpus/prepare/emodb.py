"""EmoDB, the Berlin database of emotional speech: 10 actors, 10 sentences, 7 emotions. Burkhardt et al. (2005).

Names are `SSTTTEV`: speaker, sentence, the first letter of the emotion in German, version.
"""

from __future__ import annotations

import re
from pathlib import Path

from emofeat.corpus.prepare.base import AUDIO, Corpus, Count, Found, by_stem, media, not_here
from emofeat.corpus.utterance import Utterance

EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
_SPEAKERS = {
    "03": 49,
    "08": 58,
    "09": 43,
    "10": 38,
    "11": 55,
    "12": 35,
    "13": 61,
    "14": 69,
    "15": 56,
    "16": 71,
}
_MALE = frozenset({"03", "10", "11", "12", "15"})
_COUNTS = (
    Count(
        ("label",),
        {
            "anger": 127,
            "boredom": 81,
            "disgust": 46,
            "fear": 69,
            "happiness": 71,
            "sadness": 62,
            "neutral": 79,
        },
    ),
    Count(("speaker",), _SPEAKERS),
)
_NAME = re.compile(rf"({'|'.join(_SPEAKERS)})({'|'.join(SENTENCES)})([{''.join(EMOTIONS)}])([a-z])")
_READS = "names such as 03a01Fa.wav"


def read(root: Path) -> Found:
    """Read EmoDB from its folder of recordings."""
    files = by_stem(media(root, AUDIO))
    named = {stem: match for stem in sorted(files) if (match := _NAME.fullmatch(stem))}
    if not named:
        raise not_here(root, "EmoDB", _READS)
    utterances = [
        Utterance(
            id=stem,
            file=str(files[stem]),
            text=SENTENCES[match[2]],
            speaker=match[1],
            text_id=match[2],
            label=EMOTIONS[match[3]],
            corpus="emodb",
            extra={"version": match[4], "gender": "male" if match[1] in _MALE else "female"},
        )
        for stem, match in named.items()
    ]
    return Found(utterances, 535, _COUNTS, unexpected=sorted(set(files) - set(named)))


CORPUS = Corpus("emodb", "EmoDB, 10 actors, 7 emotions, German", _READS, read)
