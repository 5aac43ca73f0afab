"""From a corpus' own words to classes: label maps with a name, a version and the counts they should give.

A result says which classes it is about by the name of its map, `iemocap4-exc-merged` for example. The classes
of a map have an order, and their names travel with every array whose columns or indices follow it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emofeat._suggest import did_you_mean
from emofeat.corpus.splits import by_id
from emofeat.corpus.utterance import COLUMNS, Utterance
from emofeat.engine.errors import UsageError

__all__ = [
    "LABEL_MAPS",
    "LabelMap",
    "Labelled",
    "SoftLabelled",
    "alphabetical",
    "label_map",
    "reorder",
]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Classes of the utterances that have one, and why the others have none.

    Parameters
    ----------
    map, version, digest
        Which label map, see `LabelMap`.
    classes
        Names of the classes, in the order of `indices`.
    ids, labels
        `n` utterances in the order of the manifest, and the name of each one's class.
    left_out
        Reason, and the ids without a class for that reason.
    differences
        Sentences, one for each count that is not the corpus' known one.
    """

    map: str
    version: int
    digest: str
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    left_out: Mapping[str, tuple[str, ...]]
    differences: tuple[str, ...]

    @property
    def n_in(self) -> int:
        """Utterances of the manifest, with a class or without."""
        return len(self.ids) + sum(len(ids) for ids in self.left_out.values())

    @property
    def counts(self) -> dict[str, int]:
        """Utterances of each class, in the order of the classes."""
        found = Counter(self.labels)
        return {name: found[name] for name in self.classes}

    @property
    def by_id(self) -> dict[str, str]:
        """Class of each utterance."""
        return dict(zip(self.ids, self.labels, strict=True))

    def of(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Classes of `ids`, in their order: labels are joined by key.

        Raises
        ------
        UsageError
            An id without a class.
        """
        known, ids = self.by_id, tuple(ids)
        lacking = [i for i in ids if i not in known]
        if lacking:
            why = next(
                (r for r, out in self.left_out.items() if lacking[0] in out), "it is not in the manifest"
            )
            raise UsageError(
                f"{len(lacking):,} of {len(ids):,} ids have no class, first {lacking[0]!r}: {why}"
            )
        return tuple(known[i] for i in ids)

    def indices(self, ids: Iterable[str]) -> NDArray[np.int64]:
        """Index `(n,)` of the class of each of `ids`, in the order of `classes`."""
        at = {name: i for i, name in enumerate(self.classes)}
        return np.array([at[name] for name in self.of(ids)], dtype=np.int64)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the map, the counts and the reasons; not the labels."""
        return {
            "map": self.map,
            "version": self.version,
            "digest": self.digest,
            "classes": list(self.classes),
            "n_in": self.n_in,
            "n_used": len(self.ids),
            "counts": self.counts,
            "left_out": {reason: list(ids) for reason, ids in self.left_out.items()},
            "differences": list(self.differences),
        }


@dataclass(frozen=True, slots=True)
class SoftLabelled:
    """Distributions over the classes, from label distributions or raters' votes.

    Parameters
    ----------
    map, classes
        Name of the label map, and its classes in the order of the columns.
    ids
        `n` utterances in the order of the manifest.
    values
        `(n, n_classes)`, float64; rows sum to 1.
    kept
        `(n,)`: the share of the distribution, or of the votes, that fell on the classes; the rest fell on
        labels that the map leaves out, and the rows are distributions of what was kept.
    left_out
        Reason, and the ids without a distribution for that reason.
    """

    map: str
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    values: NDArray[np.float64]
    kept: NDArray[np.float64]
    left_out: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class LabelMap:
    """Which of a corpus' own words mean which class.

    Parameters
    ----------
    name, version
        What results call it; another mapping is another name or version.
    classes
        Names of the classes, in the order of every array made with the map.
    mapping
        The corpus' words and codes (`"exc"`, `"03"`), compared without regard to case, and the class that
        each stands for; None: utterances with that word are left out.
    expected
        For a corpus by name the known count of each class.
    column
        The manifest's column that holds the words.

    Raises
    ------
    UsageError
        Classes that repeat, a word for a class that there is not, a class without a word.

    Examples
    --------
    >>> two = LabelMap("valence2", 1, ("low", "high"), {"sad": "low", "happy": "high", "other": None})
    >>> two.class_of("Happy"), two.class_of("other")
    ('high', None)
    >>> labelled = two.apply([Utterance(id="a", label="sad"), Utterance(id="b", label="other")])
    >>> labelled.by_id
    {'a': 'low'}
    >>> dict(labelled.left_out)
    {"label 'other' is not among the classes of valence2": ('b',)}
    """

    name: str
    version: int
    classes: tuple[str, ...]
    mapping: Mapping[str, str | None]
    expected: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    column: str = "label"

    def __post_init__(self) -> None:
        where = f"label map {self.name!r}"
        if not self.classes:
            raise UsageError(f"{where}: it has no classes")
        twice = [name for name, n in Counter(self.classes).items() if n > 1]
        if twice:
            raise UsageError(f"{where}: the class {twice[0]!r} occurs twice")
        seen: dict[str, tuple[str, str | None]] = {}
        for word, name in self.mapping.items():
            if name is not None and name not in self.classes:
                hint = did_you_mean(name, self.classes)
                raise UsageError(f"{where}: {word!r} stands for {name!r}, which is no class of it{hint}")
            other, meaning = seen.setdefault(_folded(word), (word, name))
            if meaning != name:
                raise UsageError(f"{where}: {other!r} and {word!r} differ only in case, but not in meaning")
        wordless = set(self.classes) - set(self.mapping.values())
        if wordless:
            raise UsageError(f"{where}: no word stands for the class {min(wordless)!r}")
        for corpus, counts in self.expected.items():
            strange = [name for name in counts if name not in self.classes]
            if strange:
                raise UsageError(
                    f"{where}: expected counts of {corpus!r} name {strange[0]!r}, which is no class of it"
                    f"{did_you_mean(strange[0], self.classes)}"
                )

    @property
    def digest(self) -> str:
        """SHA-256 of what the map does, as hexadecimal text: part of every cache key."""
        words = sorted((_folded(word), name) for word, name in self.mapping.items())
        text = json.dumps([self.classes, words, self.column], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def class_of(self, word: str) -> str | None:
        """The class that a word of the corpus stands for; None if the map leaves it out.

        Raises
        ------
        UsageError
            A word that the map does not know.
        """
        return self._classes_of([word])[word]

    def apply(self, manifest: Iterable[Utterance]) -> Labelled:
        """The class of each utterance that has one.

        Raises
        ------
        UsageError
            Words that the map does not know, an unknown column, or no utterance with a class.
        """
        utterances = list(by_id(manifest).values())
        words = {u.id: self._word(u) for u in utterances}
        meaning = self._classes_of([word for word in words.values() if word is not None])
        labels: dict[str, str] = {}
        left_out: dict[str, list[str]] = {}
        for id, word in words.items():
            name = None if word is None else meaning[word]
            if name is not None:
                labels[id] = name
            else:
                left_out.setdefault(self._reason(word), []).append(id)
        if not labels:
            self._refuse_nothing(len(utterances), left_out)
        return Labelled(
            map=self.name,
            version=self.version,
            digest=self.digest,
            classes=self.classes,
            ids=tuple(labels),
            labels=tuple(labels.values()),
            left_out={reason: tuple(ids) for reason, ids in left_out.items()},
            differences=self._differences(utterances, labels),
        )

    def distribution(self, manifest: Iterable[Utterance]) -> SoftLabelled:
        """The distribution over the classes of each utterance that has one.

        From `label_distribution`, else from `votes`, each of which counts once; a vote for several words is
        divided among them equally.

        Raises
        ------
        UsageError
            As `apply`; also a map of another column than `label`, and shares that are negative or not finite.
        """
        if self.column != "label":
            raise UsageError(
                f"{self.name} reads the column {self.column!r}; distributions and votes are about 'label'"
            )
        utterances = list(by_id(manifest).values())
        shares = {u.id: _shares(u) for u in utterances}
        meaning = self._classes_of([word for dist in shares.values() for word in dist])
        at = {name: i for i, name in enumerate(self.classes)}
        ids: list[str] = []
        rows: list[list[float]] = []
        kept: list[float] = []
        left_out: dict[str, list[str]] = {}
        for id, dist in shares.items():
            row = [0.0] * len(self.classes)
            for word, share in dist.items():
                name = meaning[word]
                if name is not None:
                    row[at[name]] += share
            on_classes = math.fsum(row)
            if on_classes > 0:
                ids.append(id)
                rows.append([share / on_classes for share in row])
                kept.append(on_classes / math.fsum(dist.values()))
            else:
                why = (
                    f"no vote is among the classes of {self.name}" if dist else "no distribution and no votes"
                )
                left_out.setdefault(why, []).append(id)
        if not ids:
            self._refuse_nothing(len(utterances), left_out)
        return SoftLabelled(
            map=self.name,
            classes=self.classes,
            ids=tuple(ids),
            values=np.array(rows, dtype=np.float64),
            kept=np.array(kept, dtype=np.float64),
            left_out={reason: tuple(out) for reason, out in left_out.items()},
        )

    def differences(self, counts: Mapping[str, int], corpus: str) -> tuple[str, ...]:
        """Sentences, one for each class of which `corpus` is known to have another number than `counts`.

        >>> label_map("ravdess8").differences({"calm": 191}, "ravdess")[:2]
        ('ravdess: neutral 0 of 96', 'ravdess: calm 191 of 192')
        """
        known = next((c for name, c in self.expected.items() if _plain(name) == _plain(corpus)), {})
        return tuple(
            f"{corpus}: {name} {counts.get(name, 0):,} of {n:,}"
            for name, n in known.items()
            if counts.get(name, 0) != n
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON or YAML: what `label_map` reads."""
        return {
            "name": self.name,
            "version": self.version,
            "classes": list(self.classes),
            "mapping": dict(self.mapping),
            "expected": {corpus: dict(counts) for corpus, counts in self.expected.items()},
            "column": self.column,
        }

    def _word(self, u: Utterance) -> str | None:
        if self.column in COLUMNS:
            value = getattr(u, self.column)
        elif self.column in u.extra:
            value = u.extra[self.column]
        else:
            hint = did_you_mean(self.column, [*COLUMNS, *u.extra])
            raise UsageError(
                f"{self.name} reads the column {self.column!r}, which {u.id!r} does not have{hint}"
            )
        if value is None or not str(value).strip():
            return None
        return str(value)

    def _reason(self, word: str | None) -> str:
        if word is None:
            return f"no {self.column}"
        return f"{self.column} {word!r} is not among the classes of {self.name}"

    def _classes_of(self, words: Iterable[str]) -> dict[str, str | None]:
        """Meaning of each word; a word that nobody decided about is refused, since it may be a mistake."""
        known = {_folded(word): name for word, name in self.mapping.items()}
        counts = Counter(words)
        strange = [word for word in counts if _folded(word) not in known]
        if strange:
            first = ", ".join(f"{word!r} ({counts[word]:,}x)" for word in strange[:5])
            more = f" and {len(strange) - 5} more" if len(strange) > 5 else ""
            raise UsageError(
                f"label map {self.name!r} does not know {first}{more}{did_you_mean(strange[0], self.mapping)}; "
                f"it knows {', '.join(self.mapping)}. Take another map, or your own, where each word "
                "stands for a class, or for null to leave it out"
            )
        return {word: known[_folded(word)] for word in counts}

    def _differences(self, utterances: Sequence[Utterance], labels: Mapping[str, str]) -> tuple[str, ...]:
        corpora = sorted({u.corpus for u in utterances if u.corpus is not None})
        return tuple(
            difference
            for corpus in corpora
            for difference in self.differences(
                Counter(labels[u.id] for u in utterances if u.corpus == corpus and u.id in labels), corpus
            )
        )

    def _refuse_nothing(self, n: int, left_out: Mapping[str, Sequence[str]]) -> None:
        reasons = "; ".join(f"{len(ids):,}: {reason}" for reason, ids in left_out.items())
        raise UsageError(
            f"{self.name} leaves nothing of {n:,} utterances ({reasons or 'the manifest is empty'})"
        )


def label_map(name: str | Path) -> LabelMap:
    """A label map by its name, or from a YAML or JSON file with the keys of `LabelMap`.

    Raises
    ------
    UsageError
        No map of that name (with a suggestion), or a file that does not hold one.

    Examples
    --------
    >>> label_map("iemocap4-exc-merged").classes
    ('happy', 'sad', 'neutral', 'angry')
    """
    if isinstance(name, str) and name in LABEL_MAPS:
        return LABEL_MAPS[name]
    path = Path(name)
    if path.suffix.casefold() in (".yaml", ".yml", ".json"):
        return _from_file(path)
    raise UsageError(
        f"there is no label map {str(name)!r}{did_you_mean(str(name), LABEL_MAPS)}; there are "
        f"{', '.join(LABEL_MAPS)}, and your own as a file .yaml or .json"
    )


def reorder(values: NDArray[np.float64], have: Sequence[str], want: Sequence[str]) -> NDArray[np.float64]:
    """The columns of `values`, which are named `have`, in the order of the names `want`.

    Parameters
    ----------
    values
        `(..., n_classes)`.
    have, want
        The same names, in any order.

    Raises
    ------
    UsageError
        Names that repeat, that only one side has, or another number of columns.

    Examples
    --------
    >>> reorder(np.array([[0.2, 0.8]]), ["sad", "happy"], ["happy", "sad"])
    array([[0.8, 0.2]])
    """
    values = np.asarray(values)
    if values.ndim == 0 or values.shape[-1] != len(have):
        raise UsageError(f"an array of shape {values.shape} cannot have the {len(have)} columns {list(have)}")
    for names in (have, want):
        if len(set(names)) != len(names):
            raise UsageError(f"the classes {list(names)} repeat a name")
    only_have, only_want = set(have) - set(want), set(want) - set(have)
    if only_have or only_want:
        hint = did_you_mean(min(only_want), have) if only_want else ""
        raise UsageError(
            f"the columns {list(have)} cannot be put in the order {list(want)}: "
            f"only the first have {sorted(only_have)}, only the second {sorted(only_want)}{hint}"
        )
    at = {name: i for i, name in enumerate(have)}
    return values[..., [at[name] for name in want]]


def alphabetical(classes: Iterable[str]) -> tuple[str, ...]:
    """The names in the order that scikit-learn and Hugging Face give to labels that are text.

    >>> alphabetical(label_map("ravdess8").classes)[:3]
    ('angry', 'calm', 'disgust')
    """
    return tuple(sorted(classes))


def _folded(word: str) -> str:
    return word.strip().casefold()


def _plain(corpus: str) -> str:
    """`MSP-IMPROV`, `msp_improv`: one corpus."""
    return "".join(char for char in corpus.casefold() if char.isalnum())


def _shares(u: Utterance) -> dict[str, float]:
    """Words of the utterance and the weight of each; empty where nobody said anything."""
    if u.label_distribution is not None:
        bad = [w for w, share in u.label_distribution.items() if not (math.isfinite(share) and share >= 0)]
        if bad:
            share = u.label_distribution[bad[0]]
            raise UsageError(
                f"{u.id!r}: the label distribution has {share} for {bad[0]!r}; shares are 0 or more"
            )
        return dict(u.label_distribution)
    shares: dict[str, float] = {}
    for vote in u.votes or ():
        said = vote.get("label")
        words = [said] if isinstance(said, str) else list(said or ())
        for word in words:
            shares[word] = shares.get(word, 0.0) + 1 / len(words)
    return shares


_KEYS = ("name", "version", "classes", "mapping", "expected", "column")


def _from_file(path: Path) -> LabelMap:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: the label map cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: the label map is not UTF-8 text") from error
    content = _parsed(path, text)
    if not isinstance(content, dict):
        raise UsageError(f"{path}: a label map has the keys {', '.join(_KEYS)}; this holds no keys")
    for key in content:
        if key not in _KEYS:
            hint = did_you_mean(str(key), _KEYS)
            raise UsageError(f"{path}: a label map has no key {key!r}{hint}; it has {', '.join(_KEYS)}")
    for key in _KEYS[:4]:
        if key not in content:
            raise UsageError(f"{path}: the label map lacks the key {key!r}")
    expected = content.get("expected") or {}
    _check_kinds(path, content, expected)
    try:
        return LabelMap(
            name=content["name"],
            version=content["version"],
            classes=tuple(content["classes"]),
            mapping=content["mapping"],
            expected=expected,
            column=content.get("column", "label"),
        )
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _parsed(path: Path, text: str) -> Any:
    """The content of a file; a key that occurs twice is an error, not the last one's victory."""
    import yaml

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        twice = [key for key, n in Counter(key for key, _ in pairs).items() if n > 1]
        if twice:
            raise UsageError(f"{path}: {twice[0]!r} occurs twice")
        return dict(pairs)

    def visit(node: Any) -> None:
        if isinstance(node, yaml.MappingNode):
            unique([(key.value, value) for key, value in node.value])
            for _, value in node.value:
                visit(value)

    try:
        if path.suffix.casefold() == ".json":
            return json.loads(text, object_pairs_hook=unique)
        visit(yaml.compose(text, yaml.SafeLoader))
        return yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: the label map is not valid: {error}") from error


def _check_kinds(path: Path, content: Mapping[str, Any], expected: Any) -> None:
    """YAML reads 01 and no as a number and a truth value; words have to be text."""

    def text(value: Any) -> bool:
        return isinstance(value, str) and bool(value.strip())

    def whole(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0

    if not text(content["name"]) or not text(content.get("column", "label")):
        raise UsageError(f"{path}: 'name' and 'column' are text")
    if not whole(content["version"]):
        raise UsageError(f"{path}: 'version' is {content['version']!r}; it is a whole number")
    if not isinstance(content["classes"], list) or not all(map(text, content["classes"])):
        raise UsageError(f"{path}: 'classes' is a list of names; write names such as 01 or no in quotes")
    if not isinstance(content["mapping"], dict):
        raise UsageError(f"{path}: 'mapping' has words as keys, and a class or null for each")
    for word, name in content["mapping"].items():
        if not text(word) or not (name is None or text(name)):
            raise UsageError(
                f"{path}: 'mapping' has {word!r}: {name!r}; both are text, write 01 or no in quotes"
            )
    if not isinstance(expected, dict) or not all(
        isinstance(counts, dict) and all(map(text, counts)) and all(map(whole, counts.values()))
        for counts in expected.values()
    ):
        raise UsageError(f"{path}: 'expected' has corpora as keys, and for each the count of every class")


def _own(
    name: str,
    words: Mapping[str, Sequence[str]],
    corpus: str,
    counts: Sequence[int],
    left_out: Sequence[str] = (),
    column: str = "label",
) -> LabelMap:
    """A map of the project: each class with its words (its name is one) and its count in the whole corpus."""
    mapping: dict[str, str | None] = {}
    for cls, said in words.items():
        mapping |= dict.fromkeys((cls, *said), cls)
    mapping |= dict.fromkeys(left_out)
    expected = {corpus: dict(zip(words, counts, strict=True))}
    return LabelMap(name, 1, tuple(words), mapping, expected, column)


# IEMOCAP's codes, and the words of its raters.
_IEMOCAP = {
    "happy": ("hap", "happiness"),
    "sad": ("sadness",),
    "neutral": ("neu", "neutral state"),
    "angry": ("ang", "anger"),
}
_EXCITED = ("exc", "excited", "excitement")
_IEMOCAP_REST = (
    *("fru", "frustrated", "frustration", "fea", "fear", "fearful", "sur", "surprise", "surprised"),
    *("dis", "disgust", "disgusted", "oth", "other", "xxx"),
)
_MSP_REST = (
    *("O", "X", "other", "no agreement", "fear", "fearful", "surprise", "surprised", "disgust", "disgusted"),
    *("frustrated", "frustration", "depressed", "excited"),
)
# Emotions of RAVDESS in the order of their codes, with the words that publications use.
_RAVDESS = {
    "neutral": ("01",),
    "calm": ("02",),
    "happy": ("03", "happiness"),
    "sad": ("04", "sadness"),
    "angry": ("05", "anger"),
    "fearful": ("06", "fear"),
    "disgust": ("07", "disgusted"),
    "surprised": ("08", "surprise"),
}
_RAVDESS_7 = {"neutral": ("01", "02", "calm")} | {
    name: words for name, words in _RAVDESS.items() if name not in ("neutral", "calm")
}

#: The maps that come with emofeat, by name. Counts are those of the complete corpora.
LABEL_MAPS: Mapping[str, LabelMap] = {
    label.name: label
    for label in (
        _own("ravdess8", _RAVDESS, "ravdess", (96, *[192] * 7)),
        _own("ravdess7-calm-neutral", _RAVDESS_7, "ravdess", (288, *[192] * 6)),
        _own(
            "iemocap4-exc-merged",
            _IEMOCAP | {"happy": (*_IEMOCAP["happy"], *_EXCITED)},
            "iemocap",
            (1636, 1084, 1708, 1103),
            _IEMOCAP_REST,
        ),
        _own("iemocap4-no-exc", _IEMOCAP, "iemocap", (595, 1084, 1708, 1103), (*_EXCITED, *_IEMOCAP_REST)),
        _own(
            "msp-improv4",
            {
                "angry": ("A", "anger"),
                "happy": ("H", "happiness"),
                "neutral": ("N", "neutral state"),
                "sad": ("S", "sadness"),
            },
            "msp-improv",
            (792, 2644, 3477, 885),
            _MSP_REST,
        ),
        _own(
            "meld7",
            dict.fromkeys(("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"), ()),
            "meld",
            (1607, 361, 358, 2308, 6436, 1002, 1636),
        ),
        _own(
            "meld3-sentiment",
            dict.fromkeys(("negative", "neutral", "positive"), ()),
            "meld",
            (4184, 6436, 3088),
            column="sentiment",
        ),
        _own(
            "emodb7",
            {
                "anger": ("W",),
                "boredom": ("L",),
                "disgust": ("E",),
                "fear": ("A",),
                "happiness": ("F",),
                "sadness": ("T",),
                "neutral": ("N",),
            },
            "emodb",
            (127, 81, 46, 69, 71, 62, 79),
        ),
        _own(
            "crema-d6",
            {
                "anger": ("ANG",),
                "disgust": ("DIS",),
                "fear": ("FEA",),
                "happiness": ("HAP", "happy"),
                "neutral": ("NEU",),
                "sadness": ("SAD",),
            },
            "crema-d",
            (1271, 1271, 1271, 1271, 1087, 1271),
        ),
    )
}
