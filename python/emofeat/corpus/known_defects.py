"""What is known to be wrong with published corpora, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emofeat.corpus.utterance import Utterance


@dataclass(frozen=True, slots=True)
class Defect:
    """One known defect: of the corpus called `corpus`, the utterances whose id ends in `pattern`.

    `if_same` restricts it to copies of the corpus in which these utterances have the same sound.
    """

    corpus: str
    pattern: re.Pattern[str]
    what: str
    if_same: bool = False


KNOWN = (
    Defect(
        "crema-d",
        re.compile(r"(^|/)1076_MTI_[A-Z]{3}_(LO|MD|HI|XX)"),
        "recordings of actor 1076, sentence MTI, are known to be bad: listen, or leave them out",
    ),
    Defect(
        "ravdess",
        re.compile(r"(^|/)0[13]-01-03-01-02-0[12]-07"),
        "in a copy at 16 kHz that is in circulation both takes are the same recording; leave one out",
        if_same=True,
    ),
    Defect(
        "meld",
        re.compile(r"(^|/)dev_dia110_utt7$"),
        "the release has no clip of it; one that is there comes from elsewhere: look, or leave it out",
    ),
    Defect(
        "meld",
        re.compile(r"(^|/)train_dia125_utt3$"),
        "the clip of the release is known to be broken; leave it out, or make it again from the episode",
    ),
)


def of(u: Utterance) -> Defect | None:
    """The known defect of an utterance's recording, if there is one; rows of text only have none."""
    if u.corpus is None or (u.file is None and u.video is None):
        return None
    corpus = u.corpus.casefold()
    return next((d for d in KNOWN if d.corpus == corpus and d.pattern.search(u.id)), None)
