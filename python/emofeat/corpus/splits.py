"""Who is trained on, who is watched, who is tested: partitions of a manifest as files with a hash.

The makers are deterministic: the same manifest (in any order of rows) and seed give the same folds on every
machine. They keep groups whole; whether that is enough for a corpus is for `emofeat.corpus.guard` to say.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from emofeat._suggest import did_you_mean
from emofeat.corpus.utterance import COLUMNS, Utterance
from emofeat.engine.errors import UsageError
from emofeat.store.write import write_text

__all__ = [
    "PARTS",
    "S4_ACTORS",
    "Fold",
    "Split",
    "by_id",
    "corpus_folds",
    "corpus_split",
    "grouped_k_fold",
    "leave_one_out",
    "partition",
    "random_k_fold",
    "s4_actor_folds",
    "values_of",
]

#: The parts of a fold.
PARTS = ("train", "dev", "test")

#: Test actors of S4's five folds (Luna-Jiménez et al., Applied Sciences 12(1):327, 2022).
S4_ACTORS = ((2, 5, 14, 15, 16), (3, 6, 7, 13, 18), (10, 11, 12, 19, 20), (8, 17, 21, 23, 24), (1, 4, 9, 22))

#: A development part: the test groups of the next fold, or whole groups for about this share of training.
Dev = Literal["next"] | float | None


@dataclass(frozen=True, slots=True)
class Fold:
    """One partition: ids of training, development (may be empty) and test.

    `values` says which groups each part holds, as `values[part][column]`.
    """

    name: str
    train: tuple[str, ...]
    dev: tuple[str, ...]
    test: tuple[str, ...]
    values: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict, compare=False)

    def part(self, name: str) -> tuple[str, ...]:
        """The ids of `train`, `dev` or `test`."""
        return {"train": self.train, "dev": self.dev, "test": self.test}[name]


@dataclass(frozen=True, slots=True)
class Split:
    """A named list of folds over one manifest.

    `groups` are the columns that are kept whole; `manifest` is the fingerprint of the manifest that it was
    made from; `seed` what drew it, where chance did.
    """

    name: str
    folds: tuple[Fold, ...]
    groups: tuple[str, ...] = ()
    manifest: str | None = None
    seed: int | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.folds:
            raise UsageError(f"split {self.name!r} has no folds")
        twice = [name for name, n in Counter(fold.name for fold in self.folds).items() if n > 1]
        if twice:
            raise UsageError(f"split {self.name!r} has two folds {twice[0]!r}")
        for fold in self.folds:
            for part in PARTS:
                ids = fold.part(part)
                if not ids and part != "dev":
                    raise UsageError(f"split {self.name!r}: the {part} part of fold {fold.name!r} is empty")
                if len(set(ids)) != len(ids):
                    again = next(i for i, n in Counter(ids).items() if n > 1)
                    raise UsageError(
                        f"split {self.name!r}: {again!r} is twice in the {part} part of fold {fold.name!r}"
                    )

    @property
    def digest(self) -> str:
        """SHA-256 of the folds, as hexadecimal text; the order of ids in a part does not matter."""
        folds = [[f.name, sorted(f.train), sorted(f.dev), sorted(f.test)] for f in self.folds]
        text = json.dumps(folds, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def ids(self) -> frozenset[str]:
        """All ids of all folds."""
        return frozenset(i for fold in self.folds for part in PARTS for i in fold.part(part))

    @property
    def stamps(self) -> tuple[str, ...]:
        """What a result on this split has to say of it."""
        return tuple(self.notes[key] for key in ("changed", "partial") if key in self.notes)

    def restrict(self, ids: Collection[str]) -> Split:
        """The split of those of its utterances that are among `ids`, such as those with a class.

        The digest is another one; that of the whole is in the notes.

        Raises
        ------
        UsageError
            A training or test part that loses all its utterances.
        """
        kept = frozenset(ids)
        if self.ids <= kept:
            return self
        folds = tuple(
            _parts(f.name, {part: [i for i in f.part(part) if i in kept] for part in PARTS})
            for f in self.folds
        )
        return replace(self, folds=folds, notes={"of": self.digest} | dict(self.notes))

    def on(self, manifest: Sequence[Utterance]) -> Split:
        """This split, once it is certain that it is one of `manifest`.

        A manifest that says itself that it is partial gets the part of the split that it has utterances for;
        one whose other columns have changed since is accepted as long as ids and groups are the same. Both
        are then among the `stamps`.

        Raises
        ------
        UsageError
            A split of another manifest.
        """
        fingerprint = _fingerprint(manifest)
        if fingerprint is not None and fingerprint == self.manifest:
            return self
        # A split or a manifest without a fingerprint was made by hand: its ids are all there is to compare.
        both = fingerprint is not None and self.manifest is not None
        present = {u.id for u in manifest}
        missing, unknown = self.ids - present, present - self.ids if both else set()
        if not missing and not unknown:
            return self._changed(manifest, fingerprint) if both else self
        partial = sorted({u.partial for u in manifest if u.partial is not None})
        if unknown or not partial:
            raise UsageError(
                f"split {self.name!r} is not one of this manifest: {_first(missing)} of its {len(self.ids):,} "
                f"utterances are not in the manifest, {_first(unknown)} of the manifest's {len(present):,} are not "
                "in the split; make the split again, or say in the column 'partial' what the manifest lacks"
            )
        note = f"partial corpus: {partial[0]}; {len(missing):,} utterances of the split are missing"
        smaller = self.restrict(present)
        return replace(smaller, manifest=fingerprint, notes=dict(smaller.notes) | {"partial": note})

    def _changed(self, manifest: Sequence[Utterance], fingerprint: str | None) -> Split:
        """The same ids; the groups have to be the same too."""
        now = {column: _column(manifest, column) for column in self.groups}
        for fold in self.folds:
            if fold.values and fold.values != _values(fold, now):
                raise UsageError(
                    f"split {self.name!r} is not one of this manifest: the groups ({', '.join(self.groups)}) of "
                    f"fold {fold.name!r} are others than when it was made; make the split again"
                )
        note = "columns of the manifest other than ids and groups have changed since the split was made"
        return replace(self, manifest=fingerprint, notes=dict(self.notes) | {"changed": note})

    def write(self, path: str | Path) -> None:
        """Write the split as JSON with its digest; the file appears by rename."""
        path = Path(path)
        content = {
            "format": _FORMAT,
            "name": self.name,
            "seed": self.seed,
            "groups": list(self.groups),
            "manifest": self.manifest,
            "notes": dict(self.notes),
            "digest": self.digest,
            "folds": [
                {"name": f.name, "values": f.values} | {part: list(f.part(part)) for part in PARTS}
                for f in self.folds
            ],
        }
        try:
            write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
        except OSError as error:
            raise UsageError(f"{path}: the split cannot be written: {error.strerror or error}") from error

    @classmethod
    def read(cls, path: str | Path) -> Split:
        """Read a split.

        Raises
        ------
        UsageError
            A file that is none, or whose folds are not those that its digest was made of.
        """
        path = Path(path)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"{path}: the split cannot be read: {error.strerror or error}") from error
        except ValueError as error:
            raise UsageError(f"{path}: the split is no JSON: {error}") from error
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise UsageError(f"{path}: this is no split; `emofeat split` makes one")
        try:
            split = cls(
                name=str(content["name"]),
                folds=tuple(_fold(entry) for entry in content["folds"]),
                groups=tuple(content["groups"]),
                manifest=content["manifest"],
                seed=content["seed"],
                notes=dict(content["notes"]),
            )
            written = content["digest"]
        except (KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path}: the split is damaged ({error!r}); make it again") from error
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from error
        if split.digest != written:
            raise UsageError(
                f"{path}: the folds have the digest {split.digest[:12]}, the file says {str(written)[:12]}: it was "
                "changed after it was made; make it again"
            )
        return split


_FORMAT = "emofeat-split-1"


def _fold(entry: Mapping[str, Any]) -> Fold:
    values = {
        part: {column: tuple(found) for column, found in columns.items()}
        for part, columns in entry["values"].items()
    }
    return _parts(str(entry["name"]), {part: [str(i) for i in entry[part]] for part in PARTS}, values)


def _parts(
    name: str,
    parts: Mapping[str, Sequence[str]],
    values: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
) -> Fold:
    return Fold(name, tuple(parts["train"]), tuple(parts["dev"]), tuple(parts["test"]), values or {})


def leave_one_out(
    manifest: Sequence[Utterance], by: str = "speaker", dev: Dev = None, seed: int = 0
) -> Split:
    """Each speaker, or session, is the test part once.

    Parameters
    ----------
    manifest
        The utterances.
    by
        Column of the groups: `speaker`, `session`, or any other whose groups stay whole.
    dev
        None: no development part. `next`: the group that is tested in the next fold. A share such as 0.1:
        whole groups of about that part of the training utterances, drawn with `seed`.

    Raises
    ------
    UsageError
        Utterances without a group, or fewer groups than parts.

    Examples
    --------
    >>> rows = [Utterance(id=f"{s}{i}", speaker=s) for s in "abc" for i in range(2)]
    >>> split = leave_one_out(rows, dev="next")
    >>> [(f.name, f.train, f.dev, f.test) for f in split.folds][:1]
    [('a', ('c0', 'c1'), ('b0', 'b1'), ('a0', 'a1'))]
    """
    group_of = _column(manifest, by)
    tests = {value: {value} for value in _sorted(set(group_of.values()))}
    return _split(manifest, f"leave-one-{by}-out", tests, group_of, (by,), dev, seed)


def grouped_k_fold(
    manifest: Sequence[Utterance],
    k: int,
    by: str | Sequence[str] = "speaker",
    seed: int = 0,
    dev: Dev = None,
) -> Split:
    """`k` folds of whole groups, with about the same number of groups and of utterances of each label.

    Several columns, as in `by=("speaker", "dialogue")`, are kept whole together: what shares one value with
    a group belongs to it. See `partition` for the balance and `leave_one_out` for `dev`.
    """
    by = (by,) if isinstance(by, str) else tuple(by)
    group_of = _joined(manifest, by)
    folds = partition([group_of[u.id] for u in manifest], [_label(u) for u in manifest], k, seed)
    tests = _tests(group_of, {group_of[u.id]: fold for u, fold in zip(manifest, folds, strict=True)}, k)
    return _split(manifest, f"{'-'.join(by)}-{k}-fold", tests, group_of, by, dev, seed, drawn=True)


def random_k_fold(manifest: Sequence[Utterance], k: int, seed: int = 0, dev: Dev = None) -> Split:
    """`k` folds of single utterances, with about the same number of each label.

    Speakers are on both sides: the guard lets it pass only under the protocol `speaker_dependent`.
    """
    group_of = {id: id for id in by_id(manifest)}
    _check_k(k, len(group_of), "utterances")
    dealt = sorted(manifest, key=lambda u: (_label(u), _draw(seed, u.id)))
    tests = _tests(group_of, {u.id: i % k for i, u in enumerate(dealt)}, k)
    return _split(manifest, f"random-{k}-fold", tests, group_of, (), dev, seed, drawn=True)


def corpus_split(manifest: Sequence[Utterance], dev: Dev = None, seed: int = 0) -> Split:
    """The corpus' own partition, from the column `split`.

    Utterances without one are not used; their number is in the notes. `dev`, as a share, draws a development
    part of whole speakers from training where the corpus has none.

    Raises
    ------
    UsageError
        A name of a part that is not known, no training or no test part, or a `dev` beside the corpus' own.
    """
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    for u in by_id(manifest).values():
        if u.split is not None:
            if u.split not in parts:
                hint = did_you_mean(u.split, PARTS)
                raise UsageError(f"{u.id!r} is in the part {u.split!r}{hint}; parts are {', '.join(PARTS)}")
            parts[u.split].append(u.id)
    for part in ("train", "test"):
        if not parts[part]:
            raise UsageError(f"the column 'split' of the manifest names no {part} part")
    if dev == "next":
        raise UsageError(
            "the corpus' split is one fold, there is no next one; give dev as a share, such as 0.1"
        )
    if dev is not None:
        if parts["dev"]:
            raise UsageError(
                f"the corpus has a development part of {len(parts['dev']):,} already; leave dev out"
            )
        train = set(parts["train"])
        speaker_of = _column([u for u in manifest if u.id in train], "speaker")
        drawn = _drawn_dev(manifest, speaker_of, dev, f"{seed}:corpus")
        parts["dev"] = [i for i in parts["train"] if speaker_of[i] in drawn]
        parts["train"] = [i for i in parts["train"] if speaker_of[i] not in drawn]
    unused = len(manifest) - sum(map(len, parts.values()))
    notes = {"unused": f"{unused} utterances without a part"} if unused else {}
    fold = _parts("corpus", parts)
    return Split("corpus-split", (fold,), (), _fingerprint(manifest), None if dev is None else seed, notes)


def corpus_folds(manifest: Sequence[Utterance], dev: Dev = None, seed: int = 0) -> Split:
    """The corpus' own folds, from the column `fold`; each is the test part once. See `leave_one_out`."""
    group_of = _column(manifest, "fold")
    tests = {value: {value} for value in _sorted(set(group_of.values()))}
    return _split(manifest, "corpus-folds", tests, group_of, (), dev, seed)


def s4_actor_folds(manifest: Sequence[Utterance], dev: Dev = None, seed: int = 0) -> Split:
    """The five actor folds of S4 on RAVDESS; speakers end in the number of the actor. See `leave_one_out`.

    Raises
    ------
    UsageError
        A speaker who is no actor of RAVDESS, or actors missing from a manifest that does not say so.
    """
    speaker_of = _column(manifest, "speaker")
    actor_of = {value: _actor(value) for value in _sorted(set(speaker_of.values()))}
    absent = sorted({a for fold in S4_ACTORS for a in fold} - set(actor_of.values()))
    if absent and not any(u.partial for u in manifest):
        raise UsageError(
            f"S4's folds are about 24 actors, the manifest lacks {', '.join(map(str, absent))}; if that is meant, "
            "say in its column 'partial' what it lacks"
        )
    tests = {
        str(k): {value for value, actor in actor_of.items() if actor in fold}
        for k, fold in enumerate(S4_ACTORS)
    }
    return _split(manifest, "s4-actor-folds", tests, speaker_of, ("speaker",), dev, seed)


def partition(groups: Sequence[str], labels: Sequence[str], k: int, seed: int) -> list[int]:
    """A part from 0 to `k` - 1 for each utterance: groups whole, parts alike. No part is empty.

    What is made small is the sum of squares of the parts' shares of each label, of all utterances and of
    groups. Groups are placed where they add least to it, one after the other: those that weigh most in it
    first, equals in an order drawn with `seed`.
    All arithmetic is in whole numbers, so the result is the same everywhere.

    >>> partition(["a", "a", "b", "c", "d"], ["x", "y", "x", "y", "x"], 2, seed=0)
    [0, 0, 0, 1, 1]
    """
    counts: dict[str, Counter[tuple[str, str]]] = {}
    for (group, label), n in Counter(zip(groups, labels, strict=True)).items():
        found = counts.setdefault(group, Counter({("groups", ""): 1}))
        found["label", label] += n
        found["all", ""] += n
    _check_k(k, len(counts), "groups")
    totals: Counter[tuple[str, str]] = Counter()
    for found in counts.values():
        totals.update(found)
    common = math.lcm(*totals.values())
    weight = {key: (common // n) ** 2 for key, n in totals.items()}
    parts: list[Counter[tuple[str, str]]] = [Counter() for _ in range(k)]
    at: dict[str, int] = {}

    def own_cost(group: str) -> int:
        return sum(weight[key] * n * n for key, n in counts[group].items())

    for group in sorted(counts, key=lambda g: (-own_cost(g), _draw(seed, g))):
        own = counts[group]

        def cost(part: int, own: Counter[tuple[str, str]] = own) -> int:
            # What (n + own)² - n² adds, up to a term that is the same for all parts.
            return sum(weight[key] * parts[part][key] * n for key, n in own.items())

        at[group] = min(range(k), key=cost)
        parts[at[group]].update(own)
    return [at[group] for group in groups]


def by_id(manifest: Iterable[Utterance]) -> dict[str, Utterance]:
    """The utterances by their ids; one that repeats is refused, as in every `Manifest`."""
    found: dict[str, Utterance] = {}
    for u in manifest:
        if found.setdefault(u.id, u) is not u:
            raise UsageError(f"the id {u.id!r} occurs more than once; ids name one utterance each")
    return found


def _split(
    manifest: Sequence[Utterance],
    name: str,
    tests: Mapping[str, Collection[str]],
    group_of: Mapping[str, str],
    by: tuple[str, ...],
    dev: Dev,
    seed: int,
    drawn: bool = False,
) -> Split:
    """Folds whose test parts are the groups in `tests`; training is the rest, less what `dev` takes."""
    names = list(tests)
    if len(names) < (3 if dev == "next" else 2):
        what = "another for development and a third for training" if dev == "next" else "another for training"
        raise UsageError(f"{name}: there are {len(names)} groups to test; one fold needs {what}")
    columns = {column: _column(manifest, column) for column in by}
    folds = []
    for i, fold_name in enumerate(names):
        test = set(tests[fold_name])
        if dev is None:
            held: set[str] = set()
        elif dev == "next":
            held = set(tests[names[(i + 1) % len(names)]])
        else:
            rest = {id: group for id, group in group_of.items() if group not in test}
            held = _drawn_dev(manifest, rest, dev, f"{seed}:{fold_name}")
        parts: dict[str, list[str]] = {part: [] for part in PARTS}
        for id, group in group_of.items():
            parts["test" if group in test else "dev" if group in held else "train"].append(id)
        fold = _parts(fold_name, parts)
        folds.append(replace(fold, values=_values(fold, columns)))
    notes = {} if dev is None else {"dev": str(dev)}
    chance = drawn or isinstance(dev, float)
    return Split(name, tuple(folds), by, _fingerprint(manifest), seed if chance else None, notes)


def _drawn_dev(manifest: Sequence[Utterance], group_of: Mapping[str, str], share: Dev, seed: str) -> set[str]:
    """Whole groups with about `share` of the utterances that `group_of` knows."""
    if not (isinstance(share, float) and 0 < share <= 0.5):
        raise UsageError(f"dev is {share!r}; it is 'next', or a share above 0 and up to 0.5, such as 0.1")
    rows = [u for u in manifest if u.id in group_of]
    groups = [group_of[u.id] for u in rows]
    n = len(set(groups))
    if n < 2:
        raise UsageError(f"a development part needs two groups for training at least; there is {n}")
    parts = partition(groups, [_label(u) for u in rows], min(n, round(1 / share)), _number(seed))
    # Parts are about equal; which one is taken is for the seed, so that it is not always the largest.
    taken = _number(f"{seed}:taken") % (max(parts) + 1)
    return {group for group, part in zip(groups, parts, strict=True) if part == taken}


def _values(fold: Fold, columns: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, tuple[str, ...]]]:
    """The groups of each part of a fold, for each of the columns."""
    return {
        part: {c: tuple(_sorted({group_of[i] for i in fold.part(part)})) for c, group_of in columns.items()}
        for part in PARTS
        if fold.part(part) and columns
    }


def _tests(group_of: Mapping[str, str], at: Mapping[str, int], k: int) -> dict[str, set[str]]:
    return {str(i): {group for group in group_of.values() if at[group] == i} for i in range(k)}


def _joined(manifest: Sequence[Utterance], by: Sequence[str]) -> dict[str, str]:
    """The group of each utterance: those that share a value in any of the columns are one group."""
    if not by:
        raise UsageError("no columns to group by; give one, such as speaker")
    columns = {column: _column(manifest, column) for column in by}
    if len(by) == 1:
        return columns[by[0]]
    leader = {f"{column}={value}": f"{column}={value}" for column in by for value in columns[column].values()}

    def find(node: str) -> str:
        while leader[node] != node:
            node = leader[node]
        return node

    for u in manifest:
        roots = {find(f"{column}={columns[column][u.id]}") for column in by}
        # The smallest name leads, whatever the order of rows.
        leader |= dict.fromkeys(roots, min(roots))
    return {u.id: find(f"{by[0]}={columns[by[0]][u.id]}") for u in manifest}


def _column(manifest: Sequence[Utterance], name: str) -> dict[str, str]:
    """A column as text, by id; every utterance must have a value."""
    rows = by_id(manifest)
    if not rows:
        raise UsageError("the manifest is empty")
    found = values_of(rows, name)
    lacking = [id for id in rows if id not in found]
    if lacking:
        known = {*COLUMNS, *(key for u in rows.values() for key in u.extra)}
        hint = "" if name in known else did_you_mean(name, known)
        raise UsageError(
            f"{len(lacking):,} of {len(rows):,} utterances have no {name!r}{hint}, first {lacking[0]!r}; a split "
            "by it needs one for each"
        )
    return found


def values_of(rows: Mapping[str, Utterance], column: str) -> dict[str, str]:
    """A column as text, by id, of the utterances that have a value.

    Speaker 3 of one corpus is nobody in another: where there are several, its name is part of such values.
    """
    own = column in COLUMNS
    found = {id: getattr(u, column) if own else u.extra.get(column) for id, u in rows.items()}
    several = column in _OF_A_CORPUS and len({u.corpus for u in rows.values()}) > 1
    return {
        id: f"{rows[id].corpus}: {value}" if several else str(value)
        for id, value in found.items()
        if value is not None
    }


#: Columns whose values are names within their corpus.
_OF_A_CORPUS = ("speaker", "session", "dialogue", "parent", "text_id", "fold")


def _label(u: Utterance) -> str:
    return u.label or ""


def _actor(speaker: str) -> int:
    digits = re.search(r"(\d+)$", speaker)
    if digits is None or not 1 <= int(digits[1]) <= 24:
        raise UsageError(f"the speaker {speaker!r} is no actor of RAVDESS; they end in a number from 1 to 24")
    return int(digits[1])


def _check_k(k: int, n: int, what: str) -> None:
    if k < 2:
        raise UsageError(f"k is {k}; a split has 2 folds or more")
    if k > n:
        raise UsageError(f"{k} parts of {n} {what}: a part would be empty; take k of {n} at most")


def _draw(seed: int, name: str) -> bytes:
    """A number drawn for a name; the same on every machine and in every version of Python."""
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _first(ids: Collection[str]) -> str:
    """Their number, and one of them."""
    return f"{len(ids):,} (first {min(ids)!r})" if ids else "0"


def _sorted(values: Iterable[str]) -> list[str]:
    """In the order of people: 2 before 10."""
    return sorted(
        values, key=lambda v: [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in re.split(r"(\d+)", v)]
    )


def _fingerprint(manifest: Sequence[Utterance]) -> str | None:
    """The manifest's own; a plain list of utterances has none."""
    found = getattr(manifest, "fingerprint", None)
    return found if isinstance(found, str) else None
