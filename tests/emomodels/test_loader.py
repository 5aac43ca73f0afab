"""Batches: every example once, in an order that follows from (seed, epoch), padded so that lengths tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import emofeat
from emomodels.data.loader import Loader, pad, survey
from emomodels.exceptions import DataError
from tests.emofeat import engine_tools
from tests.emomodels.neural_tools import drawn


def flat(loader: Loader, epoch: int = 0) -> list[int]:
    return [int(p) for step in loader.epoch(epoch) for batch in step.batches for p in batch.positions]


@pytest.mark.parametrize("bucket", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
def test_an_epoch_holds_every_example_once(sequences, bucket):
    loader = Loader(drawn(61, sequences=sequences), 8, accumulate=2, seed=3, bucket=bucket)
    assert sorted(flat(loader)) == list(range(61))
    assert len(list(loader.epoch(0))) == len(loader) == 4


def test_the_order_follows_from_seed_and_epoch():
    one, other = Loader(drawn(), 8, seed=1), Loader(drawn(), 8, seed=1)
    assert flat(one, 2) == flat(other, 2)  # whatever epochs came before
    assert flat(one, 0) != flat(one, 1)
    assert flat(one) != flat(Loader(drawn(), 8, seed=2))


def test_without_a_seed_the_order_is_that_of_the_examples():
    assert flat(Loader(drawn(), 7)) == list(range(60))


def test_an_epoch_goes_on_at_any_step():
    loader = Loader(drawn(), 8, seed=1)
    whole = [step.batches[0].positions.tolist() for step in loader.epoch(1)]
    assert [step.batches[0].positions.tolist() for step in loader.epoch(1, 5)] == whole[5:]


def test_padding_is_zero_and_lengths_are_true():
    examples = drawn(sequences=True)
    for batch in Loader(examples, 8, seed=0).batches():
        assert batch.x.shape[1] == max(batch.lengths)
        for row, length, position in zip(batch.x.numpy(), batch.lengths, batch.positions, strict=True):
            assert np.array_equal(row[:length], examples.x[position])
            assert not row[length:].any()


def test_a_fixed_length_cuts_and_pads():
    x, lengths = pad([np.ones((2, 3)), np.ones((9, 3))], 5)
    assert x.shape == (2, 5, 3)
    assert lengths.tolist() == [2, 5]
    assert x.sum() == 3 * (2 + 5)


def test_bucketing_leaves_less_padding():
    examples = drawn(300, sequences=True)

    def padding(bucket: bool) -> int:
        batches = Loader(examples, 8, seed=0, bucket=bucket).batches()
        return sum(int((batch.x.shape[1] - batch.lengths).sum()) for batch in batches)

    assert padding(True) < 0.3 * padding(False)


def noisy(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return x + rng.normal(size=x.shape)


@pytest.mark.parametrize("sequences", [False, True])
def test_augmentation_changes_training_batches_and_not_the_examples(sequences):
    examples = drawn(sequences=sequences)
    before = [x.copy() for x in examples.x]
    batch = next(Loader(examples, 8, seed=0, augment=noisy).batches())
    first = before[batch.positions[0]]
    assert not np.array_equal(batch.x[0][: len(first)], first)
    assert all(np.array_equal(x, b) for x, b in zip(examples.x, before, strict=True))


def test_augmentation_outside_training_is_refused():
    with pytest.raises(DataError, match="augmentation belongs to training"):
        Loader(drawn(), 8, augment=noisy)


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_change_no_bit(workers):
    examples = drawn(sequences=True)
    alone = list(Loader(examples, 8, seed=5, augment=noisy).epoch(1))
    helped = list(Loader(examples, 8, seed=5, augment=noisy, workers=workers).epoch(1))
    for a, b in zip(alone, helped, strict=True):
        assert a.number == b.number
        assert np.array_equal(a.batches[0].x, b.batches[0].x)


def test_what_a_worker_raises_reaches_the_loop():
    def broken(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        raise DataError("planted")

    with pytest.raises(DataError, match="planted"):
        list(Loader(drawn(), 8, seed=0, augment=broken, workers=2).epoch())


def test_processes_share_every_batch():
    examples = drawn(61)
    shares = [Loader(examples, 8, seed=1, share=(rank, 3)) for rank in range(3)]
    alone = list(Loader(examples, 8, seed=1).epoch(0))
    for step, *parts in zip(alone, *(s.epoch(0) for s in shares), strict=True):
        counted = [
            p
            for part in parts
            for p, w in zip(part.batches[0].positions, part.batches[0].weight, strict=True)
            if w
        ]
        assert sorted(counted) == sorted(step.batches[0].positions)
        assert all(part.weight == step.weight for part in parts)


def test_a_process_without_a_share_takes_part_with_weight_zero():
    batch = next(Loader(drawn(3), 2, seed=0, share=(2, 3)).batches())
    assert len(batch.x) == 1
    assert batch.weight.tolist() == [0]


@pytest.mark.parametrize("sequences", [False, True])
def test_nan_is_refused_with_ids_and_columns(sequences):
    examples = drawn(sequences=sequences)
    examples.x[7][..., 2] = np.nan
    with pytest.raises(DataError, match=r"1 of 60 .* training .* ids 'u7'; columns 'column2'") as caught:
        survey(examples, "training")
    assert caught.value.code == "nonfinite_features"


def test_an_empty_part_a_sequence_without_frames_and_other_columns_are_refused():
    examples = drawn(sequences=True)
    with pytest.raises(DataError, match="the development part is empty"):
        survey(examples.take([]), "development")
    with pytest.raises(DataError, match="'u1' in the training part has no frames"):
        survey(replace(examples, x=(examples.x[0], examples.x[1][:0], *examples.x[2:])), "training")
    with pytest.raises(DataError, match=r"'u0' .* for 1 columns"):
        survey(replace(examples, columns=("one",)), "training")


def test_the_digest_changes_with_anything_that_a_fit_sees():
    examples = drawn()
    other = replace(examples, x=examples.x + np.float32(1e-6))
    relabelled = replace(examples, y=(examples.y + 1) % 3)
    renamed = replace(examples, ids=tuple(f"v{i}" for i in range(60)))
    digests = {
        survey(e, "training") for e in (examples, other, relabelled, renamed, examples.take(range(59)))
    }
    assert len(digests) == 5
    assert survey(drawn(), "training") in digests


def test_sequences_stay_in_the_memory_map_until_a_batch_needs_them(tmp_path):
    recordings = engine_tools.corpus(tmp_path / "audio", n=6)
    done = engine_tools.emofeat("extract", recordings, "-o", tmp_path / "out", "--features", "logmel")
    assert done.returncode == 0, done.stderr
    dataset = emofeat.open(tmp_path / "out", mmap=True)
    x = tuple(dataset[id_]["logmel"] for id_ in dataset.ids())
    # Views of the map own no memory.
    assert all(not a.flags.owndata and not a.flags.writeable for a in x)
    examples = replace(drawn(6), x=x, columns=tuple(dataset.features["logmel"].columns))
    batch = next(Loader(examples, 6, seed=0).batches())
    for row, length, position in zip(batch.x.numpy(), batch.lengths, batch.positions, strict=True):
        assert np.array_equal(row[:length], x[position])
