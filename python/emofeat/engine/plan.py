"""What a run has to do: compare the utterances with the parts that are there."""

# ruff: noqa: PTH113, PTH116, PTH123
# Paths by the hundred thousand stay text here: making a Path of each costs more than looking at the file.

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from emofeat.engine.errors import RunError, UsageError
from emofeat.engine.inputs import Corpus, Item
from emofeat.engine.lock import WHOLE, Share
from emofeat.engine.protocol import FeatureExtractor
from emofeat.engine.shard import Failed, Shard, is_finished, is_unchanged, part_state, shard_of
from emofeat.store.schema import DESCRIPTION, PARTS, Layout, StoreError, check_carried, describe

#: Recordings longer than the one are stored in rows of the other, in seconds.
LONG_SECONDS, CHUNK_SECONDS = 300.0, 60.0
_ROWS_PER_SHARD = 128
# A small corpus is cut finer, so that its shards can keep many cores busy.
_SHARDS_WANTED, _ROWS_AT_LEAST = 64, 16
_Given = TypeVar("_Given")
_Found = TypeVar("_Found")
# Looking at a file mostly waits for the disk or the network.
_LOOKERS, _LOOKED_AT_ONCE = 16, 64


@dataclass
class Plan:
    """One run: the layout of the output, and which shards of this run's share are to be computed."""

    out: Path
    layout: Layout
    share: Share
    #: The layout that `out` had when the plan was made.
    found: Layout | None
    pending: list[Shard] = field(default_factory=list)
    #: Shards of the share whose part is there: how many, with how many recordings, and what failed in them.
    n_finished: int = 0
    n_finished_items: int = 0
    finished_failures: list[Failed] = field(default_factory=list)
    #: Ids by what became of them since the parts were written; empty for a new output.
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    replaces: str = ""

    @property
    def n_items(self) -> int:
        return self.n_finished_items + self.n_pending_items

    @property
    def n_pending_items(self) -> int:
        return sum(len(shard.items) for shard in self.pending)

    def note(self) -> str:
        """What the run is about to do, for a person."""
        share = "" if self.share.of == 1 else f" (share {self.share})"
        total = self.n_finished + len(self.pending)
        text = f"{self.n_items:,} recordings in {total:,} shards{share}"
        if self.n_finished:
            text += f", {self.n_finished:,} shards are finished already"
        changes = [f"{len(ids):,} {what}" for what, ids in self._changes() if ids]
        if changes:
            text += f"; since the last run: {', '.join(changes)}"
        return text

    def _changes(self) -> Iterable[tuple[str, list[str]]]:
        return ("new", self.new), ("changed", self.changed), ("vanished", self.vanished)


def shard_count(n_items: int) -> int:
    """How many shards a new output is cut into: about 128 utterances each, fewer when there are few."""
    return max(1, -(-n_items // _ROWS_PER_SHARD), min(_SHARDS_WANTED, n_items // _ROWS_AT_LEAST))


def make(
    corpus: Corpus,
    extractor: FeatureExtractor,
    out: Path,
    *,
    share: Share = WHOLE,
    probe: Callable[[str], int | None],
    mixed_rates: bool = False,
    overwrite: bool = False,
    retry_failed: bool = False,
    check_content: bool = False,
    n_shards: int | None = None,
) -> Plan:
    """Compare `corpus` with what `out` holds.

    Parameters
    ----------
    probe
        The sampling rate of a file from its header, None if it cannot be told.
    n_shards
        For a new output; the default follows from the number of utterances.

    Raises
    ------
    RunError
        `out` holds features made with other options, or is no feature directory.
    UsageError
        The recordings have different rates and nothing says what to do about it.
    """
    found = old = existing(out)
    replaces = ""
    if old is not None and old.extractor_digest != extractor.digest:
        replaces = differences(old.config, extractor.config)
        if not overwrite:
            raise RunError(
                f"{out} holds features made with other options ({replaces}); "
                "give another output folder, or --overwrite to replace what is there"
            )
        old = None
    own_rate = extractor.config.get("sr") is None and not mixed_rates
    layout = Layout(
        extractor_digest=extractor.digest,
        config=extractor.config,
        features=describe(extractor, None),
        carried=corpus.carried_schema,
        n_shards=old.n_shards if old is not None else n_shards or shard_count(len(corpus.items)),
        corpus_sr=old.corpus_sr if old is not None and own_rate else None,
        mixed_rates=mixed_rates,
        long_seconds=LONG_SECONDS if old is None else old.long_seconds,
        chunk_seconds=CHUNK_SECONDS if old is None else old.chunk_seconds,
    )
    try:
        check_carried(layout.carried, layout.features)
    except StoreError as error:
        raise UsageError(str(error)) from None
    plan = Plan(out, layout, share, found, replaces=replaces)
    _compare(plan, corpus, retry_failed, check_content)
    sr = extractor.config.get("sr")
    if sr is None:
        # All of a new corpus is looked at, so that every share of it finds the same.
        new = layout.corpus_sr is None and not mixed_rates
        items = corpus.items if new else [item for shard in plan.pending for item in shard.items]
        found_rates = _rates(items, probe)
        if mixed_rates:
            _check_widths(extractor, sorted(set(found_rates.values())))
        else:
            sr = one_rate(found_rates, layout.corpus_sr)
            layout = replace(layout, corpus_sr=sr)
    plan.layout = replace(layout, features=describe(extractor, sr))
    return plan


def _check_widths(extractor: FeatureExtractor, rates: Sequence[int]) -> None:
    """Refuse features whose number of columns depends on the rate: one stored column cannot hold them."""
    for here, there in pairwise(rates):
        for a, b in zip(extractor.schema_at(here), extractor.schema_at(there), strict=True):
            if len(a.columns) != len(b.columns):
                raise UsageError(
                    f"{a.spec} has {len(a.columns)} columns at {here} Hz and {len(b.columns)} at {there} Hz, "
                    "which one output cannot hold; resample with --sr, or fix the length of the FFT (--n-fft)"
                )


def existing(out: Path) -> Layout | None:
    """The layout of `out`; None if it does not exist or is empty."""
    try:
        if (out / DESCRIPTION).exists():
            return Layout.read(out)
        held = [p.name for p in out.iterdir() if not p.name.startswith(".lock")]
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise RunError(f"{out} is a file; the output is a folder") from None
    except StoreError as error:
        raise RunError(str(error)) from None
    except OSError as error:
        raise RunError(f"{out} cannot be read: {error.strerror}") from None
    if [name for name in held if name != PARTS and not name.endswith(".tmp")]:
        raise RunError(f"{out} is no feature directory, and not empty; give another output folder")
    return None


def differences(then: Any, now: Any) -> str:
    """In words, what of the configuration `then` is different in `now`."""
    keys = [k for k in {**then, **now} if then.get(k) != now.get(k)]
    if not keys:
        return "the same options, but this version of emofeat computes other numbers"
    return ", ".join(f"{k}: {_short(then.get(k))} there, {_short(now.get(k))} now" for k in keys)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else text[:197] + "..."


def _compare(plan: Plan, corpus: Corpus, retry_failed: bool, check_content: bool) -> None:
    """Sort the shards of the share into finished and pending ones."""
    layout = plan.layout
    members: dict[int, list[Item]] = {i: [] for i in range(layout.n_shards) if i in plan.share}
    for item in corpus.items:
        index = shard_of(item.id, layout.n_shards)
        if index in members:
            members[index].append(item)
    looks = _look_at([i for items in members.values() for i in items], corpus, check_content)
    for index, items in members.items():
        inputs = {item.id: looks[item.id][0] for item in items}
        state = None if plan.replaces else part_state(layout.part(plan.out, index))
        if state is not None:
            plan.new += [i for i in inputs if i not in state.inputs]
            plan.vanished += [i for i in state.inputs if i not in inputs]
            plan.changed += [
                i for i in inputs if i in state.inputs and not is_unchanged(state.inputs[i], inputs[i])
            ]
            if is_finished(state, inputs, layout) and not (retry_failed and state.failures):
                plan.n_finished += 1
                plan.n_finished_items += len(items)
                plan.finished_failures += state.failures
                continue
        carried = None
        if corpus.carried is not None:
            import pyarrow as pa

            rows = pa.array([None if item.row < 0 else item.row for item in items], pa.int64())
            carried = corpus.carried.take(rows)
        plan.pending.append(Shard(index, items, carried, inputs, [looks[item.id][1] for item in items]))


def _look_at(items: Sequence[Item], corpus: Corpus, check_content: bool) -> dict[str, tuple[str, int]]:
    """For each id a fingerprint of the input as it is now, and its size in bytes."""
    carried = [] if corpus.carried is None else corpus.carried.to_pylist()

    def look(item: Item) -> tuple[str, int]:
        basis = [item.file, item.start, item.end, carried[item.row] if item.row >= 0 and carried else None]
        try:
            status = os.stat(item.path)
            seen, size = [status.st_size, status.st_mtime_ns], status.st_size
        except OSError as error:  # reported when the file is read
            seen, size = [error.errno or -1], 0
        text = _hash(basis, seen)
        return (f"{text}|{_hash(basis, _content(item.path))}" if check_content else text), size

    return dict(zip((item.id for item in items), _on_threads(look, items), strict=True))


def _on_threads(function: Callable[[_Given], _Found], values: Sequence[_Given]) -> list[_Found]:
    """`function` of each value, in order, in groups: a future costs more than a look at a local file."""
    groups = [values[i : i + _LOOKED_AT_ONCE] for i in range(0, len(values), _LOOKED_AT_ONCE)]
    with ThreadPoolExecutor(_LOOKERS) as pool:
        return [result for group in pool.map(lambda g: [function(v) for v in g], groups) for result in group]


def _content(path: str) -> str | int:
    """A hash of the bytes of a regular file, else the error number."""
    try:
        if not os.path.isfile(path):  # reading a FIFO would wait for a writer
            return -1
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError as error:
        return error.errno or -1


def _hash(*parts: Any) -> str:
    text = json.dumps(parts, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _rates(items: Sequence[Item], probe: Callable[[str], int | None]) -> dict[str, int]:
    """The rate that the header of each file announces.

    Files whose header cannot be read are left out; they fail when they are decoded.
    """
    paths = list(dict.fromkeys(item.path for item in items))
    rates = _on_threads(probe, paths)
    return {path: rate for path, rate in zip(paths, rates, strict=True) if rate is not None}


def one_rate(rates: dict[str, int], known: int | None) -> int | None:
    """The rate that all files have; None if none can be told."""
    found = Counter(rates.values())
    if known is not None and set(found) - {known}:
        others = _listed({path: rate for path, rate in rates.items() if rate != known})
        raise UsageError(
            f"the output holds recordings of {known} Hz, and new ones have {others}; {_RATE_ADVICE}"
        )
    if len(found) > 1:
        raise UsageError(f"the recordings have different rates: {_listed(rates)}; {_RATE_ADVICE}")
    return known if known is not None else next(iter(found), None)


_RATE_ADVICE = "--sr resamples all to one rate, --mixed-rates keeps each recording as it is"


def _listed(rates: dict[str, int]) -> str:
    """Each rate with its number of files; the rare ones with the first of them."""
    found = Counter(rates.values())
    most = max(found.values())
    shown = []
    for rate, n in found.most_common():
        first = next(path for path, r in rates.items() if r == rate)
        example = f", the first is {first}" if n < most or len(found) == 1 else ""
        shown.append(f"{rate} Hz ({n:,} file{'s' if n > 1 else ''}{example})")
    return ", ".join(shown)
