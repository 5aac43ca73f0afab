"""One utterance of a corpus: what is known about it beside its sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One row of a manifest. What is not known is None.

    Parameters
    ----------
    id
        Unique in its manifest; the key by which features, labels and posteriors are joined.
    file, video
        Path of the recording and of the video: absolute, or relative to the manifest's folder.
    text, text_id
        What is said, and a name for the sentence where the corpus repeats sentences.
    start, end
        The utterance's part of the recording, in seconds; None for its begin and end.
    speaker, session, dialogue, parent
        Groups that must not be divided between training and test: who speaks, in which recording
        session, in which conversation, and from which recording the utterance was cut.
    label, label_distribution, votes
        The label in the corpus' own words; its distribution, summing to 1; the raters' single votes, each
        a mapping with `rater` and what the rater said (`label`, `arousal`, …).
    arousal, valence, dominance
        On the corpus' own scale.
    split, fold
        The corpus' own partition and fold.
    corpus
        Name of the corpus.
    partial
        None, or what the manifest lacks of its corpus, such as `1,434 of 1,440 utterances`.
    audio_group
        Id of the first utterance whose sound is the same; its own id where there is none. None: not
        looked at.
    extra
        All further columns.
    """

    id: str
    file: str | None = None
    video: str | None = None
    text: str | None = None
    start: float | None = None
    end: float | None = None
    speaker: str | None = None
    session: str | None = None
    dialogue: str | None = None
    text_id: str | None = None
    parent: str | None = None
    label: str | None = None
    label_distribution: Mapping[str, float] | None = None
    votes: tuple[Mapping[str, Any], ...] | None = None
    arousal: float | None = None
    valence: float | None = None
    dominance: float | None = None
    split: str | None = None
    fold: str | None = None
    corpus: str | None = None
    partial: str | None = None
    audio_group: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


#: Names of the columns of a manifest, in the order in which they are written; those of `extra` follow.
COLUMNS = tuple(f.name for f in fields(Utterance) if f.name != "extra")
