"""What is known to be wrong with published corpora, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass


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
)


def of(corpus: str | None, id_: str) -> Defect | None:
    """The known defect of an utterance, if there is one."""
    for defect in KNOWN:
        if corpus is not None and defect.corpus == corpus.casefold() and defect.pattern.search(id_):
            return defect
    return None
