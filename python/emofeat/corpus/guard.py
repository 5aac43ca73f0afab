"""The guard against leakage: what must not be on both sides of training, development and test.

A guard refuses, with `LeakageError`. A protocol can switch it off, by name; then it measures what it would
have refused, and the name of the protocol is printed on everything that is made.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from emofeat._suggest import did_you_mean
from emofeat.corpus.labels import Labelled
from emofeat.corpus.splits import PARTS, Fold, Split, by_id, values_of
from emofeat.corpus.utterance import Utterance
from emofeat.engine.errors import UsageError
from emofeat.exceptions import EmofeatError

__all__ = [
    "CLEAN",
    "GUARDS",
    "PROTOCOLS",
    "SPEAKER_DEPENDENT",
    "Audit",
    "Checked",
    "Crossing",
    "FoldAudit",
    "LeakageError",
    "Protocol",
    "as_published",
    "audit",
    "check_fit",
    "check_posteriors",
    "check_selection",
    "protocol",
]

#: What each guard that can be switched off looks at.
GUARDS: Mapping[str, str] = {
    "speaker": "a speaker is in two parts",
    "session": "a recording session is in two parts",
    "dialogue": "a conversation is in two parts",
    "parent": "utterances in two parts were cut from one recording, or overlap in it",
    "audio": "the same sound is in two parts",
    "text": "the same sentence is in two parts (only if asked)",
    "fit": "a transform was fitted on utterances that it is evaluated on",
    "posterior": "posteriors are of utterances that their model was trained on",
    "selection": "something was chosen by its result on the test part",
}


class LeakageError(EmofeatError, ValueError):
    """Training would see what it is tested on.

    `guard` is the one that refuses, `values` are what it found (speakers, ids, …).
    """

    def __init__(
        self, message: str, code: str = "leakage", guard: str = "", values: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, code)
        self.guard = guard
        self.values = values

    def __reduce__(self) -> tuple[type[LeakageError], tuple[Any, ...]]:
        return type(self), (str(self), self.code, self.guard, self.values)


@dataclass(frozen=True, slots=True)
class Protocol:
    """Which guards hold.

    Parameters
    ----------
    name
        `clean`, `speaker_dependent` or `as_published`.
    off
        Guards that are switched off; see `GUARDS`.
    transductive
        Whether inputs (never labels) of test speakers may serve to normalise them, as in normalisation per
        speaker.

    Examples
    --------
    >>> as_published(off=["selection"]).stamps
    ('as_published: guard off: selection',)
    """

    name: str = "clean"
    off: frozenset[str] = frozenset()
    transductive: bool = False

    def __post_init__(self) -> None:
        for guard in sorted(self.off):
            if guard not in GUARDS:
                raise UsageError(
                    f"there is no guard {guard!r}{did_you_mean(guard, GUARDS)}; guards are {', '.join(GUARDS)}"
                )
        if self.name not in PROTOCOLS:
            raise UsageError(
                f"there is no protocol {self.name!r}{did_you_mean(self.name, PROTOCOLS)}; there are "
                f"{', '.join(PROTOCOLS)}"
            )
        allowed = PROTOCOLS[self.name]
        if allowed is not None and self.off != allowed:
            raise UsageError(
                f"the protocol {self.name} switches off {', '.join(sorted(allowed)) or 'no guard'}, not "
                f"{', '.join(sorted(self.off)) or 'none'}; as_published can switch off any by name"
            )
        if self.name == "as_published" and not self.off:
            raise UsageError(f"as_published names the guards that it switches off: {', '.join(GUARDS)}")

    @property
    def stamps(self) -> tuple[str, ...]:
        """What is printed on everything made under this protocol; nothing for a clean one."""
        off = sorted(self.off, key=list(GUARDS).index)
        stamps = (
            [] if self.name == "clean" else [f"{self.name}: guard{'s'[: len(off) > 1]} off: {', '.join(off)}"]
        )
        return (*stamps, *(["transductive"] if self.transductive else []))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"name": self.name, "off": sorted(self.off), "transductive": self.transductive}


#: The protocols, and the guards that each switches off; None: those that it names.
PROTOCOLS: Mapping[str, frozenset[str] | None] = {
    "clean": frozenset(),
    "speaker_dependent": frozenset({"speaker", "session"}),
    "as_published": None,
}
CLEAN = Protocol()
SPEAKER_DEPENDENT = Protocol("speaker_dependent", frozenset({"speaker", "session"}))


def as_published(off: Iterable[str], transductive: bool = False) -> Protocol:
    """The protocol of a published result that does without the guards `off`."""
    return Protocol("as_published", frozenset(off), transductive)


def protocol(name: str = "clean", off: Iterable[str] = (), transductive: bool = False) -> Protocol:
    """A protocol by name; `off` is for `as_published`.

    >>> protocol("speaker_dependent") == SPEAKER_DEPENDENT
    True
    """
    return Protocol(name, frozenset(off) or PROTOCOLS.get(name) or frozenset(), transductive)


@dataclass(frozen=True, slots=True)
class Crossing:
    """What one guard found between two parts of a fold: the values that both hold, and on whom."""

    guard: str
    fold: str
    parts: tuple[str, str]
    values: tuple[str, ...]
    n: tuple[int, int]

    def __str__(self) -> str:
        first, second = self.parts
        return (
            f"{_listed(self.values)} in {first} and in {second} of fold {self.fold!r} "
            f"({self.n[0]:,} utterance{'' if self.n[0] == 1 else 's'} in {first}, {self.n[1]:,} in {second})"
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class FoldAudit:
    """One fold: utterances and speakers of each part, and the text that training and test share.

    `same_text` is the percentage of test utterances whose sentence is also in training; None where no
    sentence is known. `absent` are classes without an example, by part.
    """

    name: str
    n: Mapping[str, int]
    speakers: Mapping[str, int]
    same_text: float | None
    absent: Mapping[str, tuple[str, ...]]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Audit:
    """A split that may be used, and under which conditions.

    Parameters
    ----------
    protocol
        The protocol that it was audited under.
    split, digest
        Name and digest of the split.
    n_in, n_used
        Utterances of the manifest, and those in a fold.
    folds
        Sizes and shared text of each fold.
    crossings
        What guards that are switched off have found.
    stamps
        What has to be printed on everything that is made: the protocol, and what could not be checked.
    """

    protocol: Protocol
    split: str
    digest: str
    n_in: int
    n_used: int
    folds: tuple[FoldAudit, ...]
    crossings: tuple[Crossing, ...]
    stamps: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "protocol": self.protocol.to_dict(),
            "split": self.split,
            "digest": self.digest,
            "n_in": self.n_in,
            "n_used": self.n_used,
            "folds": [fold.to_dict() for fold in self.folds],
            "crossings": [crossing.to_dict() for crossing in self.crossings],
            "stamps": list(self.stamps),
        }


@dataclass(frozen=True, slots=True)
class Checked:
    """A fit, a posterior or a choice that may be used; `seen` evaluation utterances were, where that is allowed."""

    guard: str
    what: str
    seen: int
    stamps: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def audit(
    manifest: Sequence[Utterance],
    split: Split,
    protocol: Protocol = CLEAN,
    *,
    text: bool = False,
    labels: Labelled | None = None,
) -> Audit:
    """Check that nothing is on both sides of training, development and test.

    Parameters
    ----------
    manifest, split
        The utterances, and a split of them; `Split.on` makes certain that it was made for this manifest.
    protocol
        Which guards hold.
    text
        Refuse the same sentence in two parts as well; its share is reported in any case.
    labels
        The classes. One that training lacks is refused, one that another part lacks is reported. Without
        them all is reported and nothing refused, since a label map may leave a word of the corpus out.

    Raises
    ------
    LeakageError
        A speaker, session, dialogue, recording, sound or (if asked) sentence in two parts.
    UsageError
        Utterances that the manifest does not have, a class that training lacks, `text` without any known text.
    """
    rows = by_id(manifest)
    used = split.ids
    foreign = used - rows.keys()
    if foreign:
        raise UsageError(
            f"{len(foreign):,} of the {len(used):,} utterances of split {split.name!r} are not in the manifest "
            f"(first {min(foreign)!r}); Split.on(manifest) says whether the split belongs to it"
        )
    keys = {guard: _keys(rows, guard) for guard in _CROSSED}
    if text and not keys["text"]:
        raise UsageError(
            "the sentences are to be kept apart, but the manifest has neither 'text_id' nor 'text'"
        )
    # What only one utterance has cannot be in two parts.
    shared = {guard: _shared(keys[guard]) for guard in _CROSSED if text or guard != "text"}
    segments = {id: rows[id] for id in _shared({id: u.file for id, u in rows.items() if u.file is not None})}
    crossings = []
    for fold in split.folds:
        crossings += list(_twice(fold))
        for guard, key in shared.items():
            crossings += list(_crossings(fold, guard, key, protocol))
        crossings += list(_overlaps(fold, segments, protocol))
    _refuse([c for c in crossings if c.guard not in protocol.off])
    class_of = values_of(rows, "label") if labels is None else labels.by_id
    classes = sorted({class_of[i] for i in used if i in class_of}) if labels is None else labels.classes
    folds = tuple(_fold_audit(fold, keys, class_of, classes) for fold in split.folds)
    if labels is not None:
        _refuse_absent(folds, labels)
    return Audit(
        protocol=protocol,
        split=split.name,
        digest=split.digest,
        n_in=len(rows),
        n_used=len(used),
        folds=folds,
        crossings=tuple(crossings),
        stamps=(
            *protocol.stamps,
            *split.stamps,
            *_unchecked([rows[i] for i in used], keys["text"] if text else None),
        ),
    )


def check_fit(
    what: str,
    fit_ids: Collection[str],
    evaluation_ids: Collection[str],
    protocol: Protocol = CLEAN,
    *,
    transductive: bool = False,
) -> Checked:
    """Check that a fitted transform (normalisation, PCA, a length) has not seen whom it is evaluated on.

    `transductive` says that it is fitted on inputs of test speakers by design, as normalisation per speaker
    is; that needs a protocol that says so too.

    Raises
    ------
    LeakageError
        Evaluation utterances among those of the fit.
    """
    seen = set(fit_ids) & set(evaluation_ids)
    if not seen:
        return Checked("fit", what, 0, ())
    if transductive and protocol.transductive:
        return Checked("fit", what, len(seen), ("transductive",))
    advice = (
        "it uses test speakers by design: say transductive in the protocol"
        if transductive
        else "fit it on the training part"
    )
    return _checked("fit", what, f"{what} was fitted on", seen, len(set(evaluation_ids)), advice, protocol)


def check_posteriors(
    what: str,
    ids: Sequence[str],
    folds: Sequence[str],
    trained_on: Mapping[str, Collection[str]],
    evaluation_ids: Collection[str] = (),
    protocol: Protocol = CLEAN,
) -> Checked:
    """Check that posteriors are of utterances that their models have not seen in training.

    Parameters
    ----------
    what
        Name of the posteriors.
    ids, folds
        `n` utterances, and for each the fold whose model made its row.
    trained_on
        For each fold the ids that its model has seen in training or in a choice.
    evaluation_ids
        Where the rows train another model (stacking): the ids that this one will be evaluated on, which
        none of the models may have seen either.

    Raises
    ------
    LeakageError
        Ids that the models have seen, or a model of which that is not known.
    """
    if len(ids) != len(folds):
        raise UsageError(f"{what}: {len(ids):,} ids, but folds for {len(folds):,}")
    unknown = tuple(sorted(set(folds) - set(trained_on)))
    if unknown and "posterior" not in protocol.off:
        raise LeakageError(
            f"leakage (posterior): on whom the model of fold {unknown[0]!r} of {what} was trained is not known "
            f"({len(unknown)} of {len(set(folds))} folds); give posteriors that carry the ids, or name a protocol that "
            "allows it: as_published with posterior off",
            guard="posterior",
            values=unknown,
        )
    seen_by = {fold: set(trained_on.get(fold, ())) for fold in set(folds)}
    seen = {id for id, fold in zip(ids, folds, strict=True) if id in seen_by[fold]}
    seen |= {id for fold_ids in seen_by.values() for id in fold_ids & set(evaluation_ids)}
    among = len(set(ids) | set(evaluation_ids))
    checked = _checked(
        "posterior",
        what,
        f"{what}: its models were trained on",
        seen,
        among,
        "take out-of-fold posteriors",
        protocol,
    )
    if unknown:
        stamp = f"{what}: not known on whom {len(unknown)} of {len(seen_by)} models were trained"
        return Checked("posterior", what, checked.seen, (*checked.stamps, stamp))
    return checked


def check_selection(
    what: str, selected_on_ids: Collection[str], test_ids: Collection[str], protocol: Protocol = CLEAN
) -> Checked:
    """Check that an epoch, a checkpoint or a setting was not chosen by its result on the test part.

    Raises
    ------
    LeakageError
        Test utterances among those that it was chosen on.
    """
    seen = set(selected_on_ids) & set(test_ids)
    advice = "choose on a development part or on inner folds"
    return _checked("selection", what, f"{what} was chosen on", seen, len(set(test_ids)), advice, protocol)


_COLUMNS = ("speaker", "session", "dialogue", "parent")
_CROSSED = (*_COLUMNS, "audio", "text")


def _keys(rows: Mapping[str, Utterance], guard: str) -> dict[str, str]:
    """What must not be in two parts, by id, of the utterances of which it is known."""
    if guard == "audio":
        return values_of(rows, "audio_group")
    if guard == "text":
        said = {id: words for id, u in rows.items() if (words := _sentence(u.text))}
        return said | values_of(rows, "text_id")
    # A file of which segments are used is a recording that they were cut from.
    cut = {id: u.file for id, u in rows.items() if u.file is not None and (u.start, u.end) != (None, None)}
    return (cut if guard == "parent" else {}) | values_of(rows, guard)


def _shared(key: Mapping[str, str]) -> dict[str, str]:
    """The part of `key` whose values more than one utterance has."""
    n = Counter(key.values())
    return {id: value for id, value in key.items() if n[value] > 1}


def _sentence(text: str | None) -> str | None:
    """The words alone, so that stops and capitals do not make two sentences of one."""
    return " ".join(re.findall(r"\w+", (text or "").casefold())) or None


def _pairs(protocol: Protocol) -> Iterator[tuple[str, str]]:
    """Parts that are compared. Who chooses on the test part says that development is no part of its own."""
    for pair in combinations(PARTS, 2):
        if pair != ("dev", "test") or "selection" not in protocol.off:
            yield pair


def _twice(fold: Fold) -> Iterator[Crossing]:
    """The same utterance in two parts: no protocol allows it, except to choose on the test part."""
    for parts in combinations(PARTS, 2):
        both = set(fold.part(parts[0])) & set(fold.part(parts[1]))
        if both:
            guard = "selection" if parts == ("dev", "test") else "utterance"
            yield Crossing(guard, fold.name, parts, tuple(sorted(both)), (len(both), len(both)))


def _crossings(fold: Fold, guard: str, key: Mapping[str, str], protocol: Protocol) -> Iterator[Crossing]:
    if not key:
        return
    counts = {part: Counter(key[i] for i in fold.part(part) if i in key) for part in PARTS}
    for parts in _pairs(protocol):
        first, second = (counts[part] for part in parts)
        both = tuple(sorted(first.keys() & second.keys()))
        if both:
            n = (sum(first[v] for v in both), sum(second[v] for v in both))
            yield Crossing(guard, fold.name, parts, both, n)


def _overlaps(fold: Fold, rows: Mapping[str, Utterance], protocol: Protocol) -> Iterator[Crossing]:
    """Those of `rows`, in two parts, that overlap in time in one file.

    A missing begin or end is that of the file.
    """
    compared = set(_pairs(protocol))
    by_file: dict[str, list[tuple[float, float, int, str]]] = defaultdict(list)
    for at, part in enumerate(PARTS):
        for id in fold.part(part) if rows else ():
            u = rows.get(id)
            if u is not None and u.file is not None:
                start = 0.0 if u.start is None else u.start
                by_file[u.file].append((start, float("inf") if u.end is None else u.end, at, id))
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for segments in by_file.values():
        segments.sort()
        open_: list[tuple[float, int, str]] = []
        for start, end, at, id in segments:
            open_ = [(e, a, i) for e, a, i in open_ if e > start]
            for _, other, i in open_:
                low, high = sorted(((at, id), (other, i)))
                pair = (PARTS[low[0]], PARTS[high[0]])
                if pair in compared:
                    found[pair].append((low[1], high[1]))
            open_.append((end, at, id))
    for parts, pairs in found.items():
        values = tuple(f"{a} with {b}" for a, b in sorted(pairs))
        n = (len({a for a, _ in pairs}), len({b for _, b in pairs}))
        yield Crossing("parent", fold.name, parts, values, n)


_ADVICE = {
    "utterance": "an utterance is in one part of a fold; make the split again",
    "session": "make a split that keeps sessions whole (emofeat split --by session)",
    "audio": "make a split with --by speaker,audio_group, or take the copies out of the manifest",
    "text": "make a split that keeps sentences whole (emofeat split --by text_id)",
    "selection": "development has to be a part of its own",
}
_NOUNS = {
    "utterance": "utterances",
    "parent": "recordings",
    "audio": "sounds",
    "text": "sentences",
    "selection": "utterances",
}


def _refuse(crossings: Sequence[Crossing]) -> None:
    """One sentence for each guard that something has crossed."""
    if not crossings:
        return
    by_guard: dict[str, list[Crossing]] = defaultdict(list)
    for crossing in crossings:
        by_guard[crossing.guard].append(crossing)
    told = []
    for guard, found in by_guard.items():
        more = f", and {len(found) - 1} more such pairs of parts" if len(found) > 1 else ""
        advice = _ADVICE.get(guard, f"make a split that keeps them whole (emofeat split --by {guard})")
        told.append(
            f"leakage ({guard}): {_NOUNS.get(guard, guard + 's')} {found[0]}{more}; {advice}{_way_out([guard])}"
        )
    first = crossings[0]
    raise LeakageError("\n".join(told), guard=first.guard, values=first.values)


def _way_out(guards: Sequence[str]) -> str:
    """Protocols that allow what these guards refuse."""
    if not set(guards) <= set(GUARDS):
        return ""
    names = [n for n, off in PROTOCOLS.items() if off and set(guards) <= off]
    return f", or name a protocol that allows it: {', '.join([*names, f'as_published with {guards[0]} off'])}"


def _checked(
    guard: str, what: str, sentence: str, seen: Collection[str], n: int, advice: str, protocol: Protocol
) -> Checked:
    if not seen:
        return Checked(guard, what, 0, ())
    found = f"{sentence} {len(seen):,} of the {n:,} utterances that it is evaluated on"
    if guard in protocol.off:
        return Checked(guard, what, len(seen), (found,))
    raise LeakageError(
        f"leakage ({guard}): {found} ({_listed(sorted(seen))}); {advice}{_way_out([guard])}",
        guard=guard,
        values=tuple(sorted(seen)),
    )


def _fold_audit(
    fold: Fold, keys: Mapping[str, Mapping[str, str]], class_of: Mapping[str, str], classes: Sequence[str]
) -> FoldAudit:
    absent = {}
    for part in PARTS:
        present = {class_of[i] for i in fold.part(part) if i in class_of}
        lacking = tuple(c for c in classes if c not in present)
        if lacking and fold.part(part):
            absent[part] = lacking
    text = keys["text"]
    trained = {text[i] for i in fold.train if i in text}
    tested = [text[i] for i in fold.test if i in text]
    return FoldAudit(
        name=fold.name,
        n={part: len(fold.part(part)) for part in PARTS},
        speakers={
            part: len({keys["speaker"][i] for i in fold.part(part) if i in keys["speaker"]}) for part in PARTS
        },
        same_text=100 * sum(t in trained for t in tested) / len(tested) if tested else None,
        absent=absent,
    )


def _refuse_absent(folds: Iterable[FoldAudit], labels: Labelled) -> None:
    for fold in folds:
        if "train" in fold.absent:
            raise UsageError(
                f"the training part of fold {fold.name!r} has no example of {_listed(fold.absent['train'])}, of the "
                f"classes of {labels.map}; take another split, or a label map without it"
            )


def _unchecked(used: Sequence[Utterance], sentences: Collection[str] | None) -> tuple[str, ...]:
    """What the manifest does not say. A corpus may have no sessions or dialogues, but everybody is a speaker.

    `sentences` are the ids whose sentence is known, where sentences are to be kept apart.
    """
    stamps = []
    for column, name, may_lack in (
        ("speaker", "speakers", False),
        ("session", "sessions", True),
        ("dialogue", "dialogues", True),
        ("audio_group", "audio duplicates", False),
    ):
        lacking = sum(getattr(u, column) is None for u in used)
        if lacking == len(used) and not may_lack:
            stamps.append(f"{name} not checked")
        elif 0 < lacking < len(used):
            stamps.append(f"{name} not checked for {lacking:,} of {len(used):,} utterances")
    wordless = 0 if sentences is None else sum(u.id not in sentences for u in used)
    if wordless:
        stamps.append(f"sentences not checked for {wordless:,} of {len(used):,} utterances")
    return tuple(stamps)


def _listed(values: Sequence[str], n: int = 3) -> str:
    """The first values, and how many there are beside them."""
    more = f" and {len(values) - n:,} more" if len(values) > n else ""
    return ", ".join(map(repr, values[:n])) + more
