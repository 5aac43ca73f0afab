"""Batches for PyTorch: padding with lengths, an order that follows from (seed, epoch), threads that read ahead.

The order, the drawn augmentations and the padding depend on seed and epoch alone, neither on the number of
threads nor on how many batches were made before: a run can go on at any batch.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from emomodels.data.examples import Examples
from emomodels.exceptions import DataError

#: Changes one training input; what it draws comes from the generator alone.
Augment = Callable[[NDArray[np.float32], np.random.Generator], NDArray[Any]]

# With bucketing, neighbours in length are looked for among this many batches, so that batches stay random.
_BUCKET_BATCHES = 32

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs of one forward pass.

    Parameters
    ----------
    positions
        Where its `B` examples stand among all.
    x
        `(B, d)`, or `(B, T, d)` padded with zeros, float32.
    lengths
        Frames of each sequence `(B,)`, on the CPU; None for vectors.
    y
        Class indices `(B,)`; -1 where unknown.
    weight
        Weight of each example's loss `(B,)`; 0 for one that only fills the share of a process.
    """

    positions: NDArray[np.int64]
    x: torch.Tensor
    lengths: torch.Tensor | None
    y: torch.Tensor
    weight: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        """The batch on `device`; the lengths stay, packing wants them on the CPU."""
        if device.type == "cpu":
            return self
        x, y, weight = (t.pin_memory().to(device, non_blocking=True) for t in (self.x, self.y, self.weight))
        return Batch(self.positions, x, self.lengths, y, weight)


@dataclass(frozen=True, slots=True)
class Step:
    """The batches of one optimiser step, and the weight of all its examples in all processes."""

    number: int
    batches: tuple[Batch, ...]
    weight: float
    n_examples: int


def pad(arrays: Sequence[NDArray[Any]], n_frames: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences `(T_i, d)` as one tensor `(B, T, d)` padded with zeros, and their lengths `(B,)`.

    With `n_frames` longer ones are cut and `T` is `n_frames`; without, `T` is the longest.

    >>> x, lengths = pad([np.ones((2, 3)), np.ones((4, 3))])
    >>> tuple(x.shape), lengths.tolist(), float(x[0, 2:].sum())
    ((2, 4, 3), [2, 4], 0.0)
    """
    lengths = [min(len(a), n_frames or len(a)) for a in arrays]
    x = np.zeros((len(arrays), n_frames or max(lengths), arrays[0].shape[1]), np.float32)
    for row, array, n in zip(x, arrays, lengths, strict=True):
        row[:n] = array[:n]
    return torch.from_numpy(x), torch.tensor(lengths)


class Loader:
    """Batches of examples.

    Parameters
    ----------
    examples
        Arrays in memory, or views of a memory map (`emofeat.open(path, mmap=True)`): a batch copies only
        its own.
    batch_size
        Examples of a batch, over all processes.
    accumulate
        Batches of an optimiser step.
    seed
        Together with the epoch it draws the order and the augmentation; None keeps the order of the
        examples and augments nothing.
    bucket
        Put sequences of similar length into one batch.
    n_frames
        Fixed length of sequences; None pads to the longest of the batch.
    class_weight
        Weight of each class `(K,)`; ones by default.
    augment
        Applied to training inputs alone: refused without a seed.
    share
        `(rank, number of processes)`: each takes every so-manieth example of a batch.
    workers
        Threads that make batches ahead; 0 makes each when it is asked for.
    """

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        *,
        accumulate: int = 1,
        seed: int | None = None,
        bucket: bool = False,
        n_frames: int | None = None,
        class_weight: NDArray[np.float64] | None = None,
        augment: Augment | None = None,
        share: tuple[int, int] = (0, 1),
        workers: int = 0,
    ) -> None:
        if augment is not None and seed is None:
            raise DataError(
                "augmentation belongs to training batches, and these are not: give a seed or none"
            )
        self.examples, self.seed, self.augment = examples, seed, augment
        self.batch_size, self.accumulate = batch_size, accumulate
        self.n_frames, self.workers = n_frames, workers
        self.rank, self.processes = share
        self.y = np.full(len(examples), -1) if examples.y is None else examples.y
        by_class = np.ones(len(examples.classes)) if class_weight is None else class_weight
        self.weights = np.ones(len(examples)) if examples.y is None else by_class[examples.y]
        self.lengths = None
        if bucket and examples.sequences:
            self.lengths = np.array([min(len(x), n_frames or len(x)) for x in examples.x])

    def __len__(self) -> int:
        """Optimiser steps of an epoch."""
        return -(-len(self.examples) // (self.batch_size * self.accumulate))

    def order(self, epoch: int) -> list[NDArray[np.int64]]:
        """Positions of the examples of each step of `epoch`."""
        n, size = len(self.examples), self.batch_size * self.accumulate
        if self.seed is None:
            positions = np.arange(n) if self.lengths is None else np.argsort(self.lengths, kind="stable")
            return _cut(positions, size)
        rng = np.random.default_rng([self.seed, epoch])
        steps = _cut(rng.permutation(n), size)
        if self.lengths is None:
            return steps
        last = [steps.pop()] if len(steps[-1]) < size else []  # the short step stays the last one
        sorted_: list[NDArray[np.int64]] = []
        for start in range(0, len(steps), _BUCKET_BATCHES):
            chunk = np.concatenate(steps[start : start + _BUCKET_BATCHES])
            sorted_ += _cut(chunk[np.argsort(self.lengths[chunk], kind="stable")], size)
        return [sorted_[i] for i in rng.permutation(len(sorted_))] + last

    def epoch(self, epoch: int = 0, start: int = 0) -> Iterator[Step]:
        """The steps of `epoch`, from number `start` on."""
        numbered = islice(enumerate(self.order(epoch)), start, None)
        return _ahead(lambda step: self._step(epoch, *step), numbered, self.workers)

    def batches(self) -> Iterator[Batch]:
        """All batches of one pass."""
        for step in self.epoch():
            yield from step.batches

    def _step(self, epoch: int, number: int, positions: NDArray[np.int64]) -> Step:
        batches = tuple(self._batch(epoch, part) for part in _cut(positions, self.batch_size))
        return Step(number, batches, float(self.weights[positions].sum()), len(positions))

    def _batch(self, epoch: int, positions: NDArray[np.int64]) -> Batch:
        mine = positions[self.rank :: self.processes]
        weight = self.weights[mine]
        if not len(mine):  # every process must take part in every step
            mine, weight = positions[:1], np.zeros(1)
        x: torch.Tensor
        lengths = None
        if isinstance(self.examples.x, np.ndarray) and self.augment is None:
            x = torch.from_numpy(self.examples.x[mine].astype(np.float32, copy=False))
        else:
            inputs = [self._input(epoch, int(p)) for p in mine]
            if self.examples.sequences:
                x, lengths = pad(inputs, self.n_frames)
            else:
                x = torch.from_numpy(np.stack(inputs).astype(np.float32, copy=False))
        return Batch(mine, x, lengths, torch.from_numpy(self.y[mine]), torch.from_numpy(weight).float())

    def _input(self, epoch: int, position: int) -> NDArray[Any]:
        x = self.examples.x[position]
        if self.augment is None or self.seed is None:
            return x
        rng = np.random.default_rng([self.seed, epoch, position])
        return np.asarray(self.augment(np.array(x, np.float32), rng))


def survey(examples: Examples, part: str) -> str:
    """Look at every value once, and return the SHA-256 of all that a fit sees.

    Raises
    ------
    DataError
        No examples, a sequence without frames or with other columns, NaN or infinite values; with the ids
        and the names of the columns.
    """
    if not len(examples):
        raise DataError(f"the {part} part is empty: it needs at least one example")
    digest = hashlib.sha256(repr((examples.ids, examples.columns, examples.classes)).encode())
    digest.update(b"" if examples.y is None else np.ascontiguousarray(examples.y).tobytes())
    rows, columns = [], set()
    for id_, x in zip(examples.ids, examples.x, strict=True):
        if x.shape[-1] != len(examples.columns) or x.ndim != 1 + examples.sequences:
            raise DataError(
                f"{id_!r} in the {part} part: shape {x.shape} for {len(examples.columns)} columns"
            )
        if not x.size:
            raise DataError(
                f"{id_!r} in the {part} part has no frames; leave it out or look at its recording"
            )
        digest.update(f"{x.shape}{x.dtype}".encode() + np.ascontiguousarray(x).data)
        if not np.isfinite(x).all():
            rows.append(id_)
            bad = ~np.isfinite(x)
            columns |= set(np.flatnonzero(bad.any(0) if examples.sequences else bad).tolist())
    if rows:
        raise DataError(
            f"{len(rows)} of {len(examples)} examples in the {part} part have NaN or infinite values: ids "
            f"{_some(rows)}; columns {_some([examples.columns[c] for c in sorted(columns)])}; leave these "
            "examples or columns out, or fill them in a step that is fitted on training data",
            "nonfinite_features",
        )
    return digest.hexdigest()


def _some(names: Sequence[str], n: int = 5) -> str:
    more = f" and {len(names) - n} more" if len(names) > n else ""
    return ", ".join(repr(name) for name in names[:n]) + more


def _cut(positions: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [positions[i : i + size] for i in range(0, len(positions), size)]


def _ahead(make: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """`map`, with up to `2 * workers` results made ahead by threads; in the order of the items."""
    if not workers:
        yield from map(make, items)
        return
    items = iter(items)
    with ThreadPoolExecutor(workers, "emomodels-loader") as pool:
        pending = deque(pool.submit(make, item) for item in islice(items, 2 * workers))
        while pending:
            ready = pending.popleft().result()
            pending.extend(pool.submit(make, item) for item in islice(items, 1))
            yield ready
