"""The loop: what it minimises, what it keeps, when it stops, and what it refuses."""

from __future__ import annotations

import json
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import f1_score, recall_score

from emomodels import training
from emomodels.exceptions import DataError, ModelError, RecipeError
from emomodels.models.base import Context
from emomodels.models.bilstm import BiLSTM, BiLSTMSettings
from emomodels.models.mlp import MLP, MLPSettings
from tests.emomodels.neural_tools import CLASSES, drawn

QUICK = {"hidden": (8,), "epochs": 3, "batch_size": 16}
ALONE = Context(threads=1)


def fitted(train=None, dev=None, *, seed: int = 0, context: Context = ALONE, **settings) -> tuple[MLP, list]:
    """An MLP fitted with `settings`, and its history."""
    model = MLP(MLPSettings(**(QUICK | settings)))
    history = model.fit(drawn() if train is None else train, dev, seed=seed, context=context)
    return model, list(history.epochs)


def weights(model: MLP) -> np.ndarray:
    return np.concatenate([w.numpy().ravel() for w in model.fitted.state_dict().values()])


def losses(rows: list) -> list[float]:
    return [row["train_loss"] for row in rows]


def test_training_learns_what_can_be_learnt():
    model, rows = fitted(drawn(240), epochs=40, lr=0.005, batch_size=60)
    test = drawn(90, seed=9, name="test")
    assert rows[-1]["train_loss"] < 0.6 * rows[0]["train_loss"]
    # Classes differ by 0.8 standard deviations of a frame in a mean of 3 to 11 frames: chance is 1/3.
    assert (model.predict(test).argmax(1) == test.y).mean() > 0.8


def test_the_seed_decides_every_bit_and_leaves_the_callers_generators_alone():
    torch.manual_seed(5)
    np.random.seed(5)
    expected = float(torch.rand(1)), np.random.rand()
    torch.manual_seed(5)
    np.random.seed(5)
    one, _ = fitted(dropout=0.3)
    assert (float(torch.rand(1)), np.random.rand()) == expected
    other, _ = fitted(dropout=0.3)
    assert np.array_equal(weights(one), weights(other))
    assert not np.array_equal(weights(one), weights(fitted(dropout=0.3, seed=1)[0]))


@pytest.mark.parametrize("class_weights", ["balanced", "none", {"angry": 1.0, "calm": 2.0, "happy": 0.5}])
def test_one_step_is_torchs_weighted_cross_entropy(class_weights):
    # One SGD step on everything: the change of the weights is lr times the gradient of the mean loss.
    examples = drawn(20)
    by_class = training.check(examples, None, MLPSettings(class_weights=class_weights))
    model = MLP(MLPSettings(hidden=()))
    with training.isolated(torch.device("cpu")):
        training.reseed(torch.device("cpu"), 0)
        network = model.network(5, 3)
    out = network(torch.from_numpy(examples.x), None)
    loss = F.cross_entropy(
        out, torch.from_numpy(examples.y), torch.from_numpy(by_class).float(), label_smoothing=0.1
    )
    loss.backward()
    once, rows = fitted(
        examples,
        hidden=(),
        epochs=1,
        batch_size=20,
        optimizer="sgd",
        lr=0.5,
        label_smoothing=0.1,
        class_weights=class_weights,
    )
    # The same sums in another order: float32's rounding.
    assert rows[0]["train_loss"] == pytest.approx(loss.item(), rel=1e-5)
    for name, p in network.named_parameters():
        after = once.fitted.get_parameter(name)
        torch.testing.assert_close(after, p.detach() - 0.5 * p.grad, rtol=1e-5, atol=1e-6)


def test_balanced_weights_are_scikit_learns():
    from sklearn.utils.class_weight import compute_class_weight

    examples = drawn(17).take([0, 1, 2, 3, 4, 6, 9, 12])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=examples.y)
    np.testing.assert_allclose(training.check(examples, None, MLPSettings()), expected, rtol=1e-12)


def test_accumulation_is_one_large_batch():
    # 61 examples: the last step is short, and its gradient must still be the mean over its own examples.
    large, rows = fitted(drawn(61), batch_size=24)
    small, accumulated = fitted(drawn(61), batch_size=8, accumulate=3)
    # The same sums in another order, then Adam, whose first steps divide by tiny gradients.
    np.testing.assert_allclose(losses(rows), losses(accumulated), rtol=1e-5)
    np.testing.assert_allclose(weights(large), weights(small), atol=1e-4)


def test_loader_workers_change_no_bit():
    one, _ = fitted(dropout=0.2)
    other, _ = fitted(dropout=0.2, context=replace(ALONE, workers=3))
    assert np.array_equal(weights(one), weights(other))


def test_clipping_bounds_the_step():
    examples = drawn(20)
    start, _ = fitted(examples, epochs=1, batch_size=20, optimizer="sgd", lr=1e-30, weight_decay=0)
    end, _ = fitted(examples, epochs=1, batch_size=20, optimizer="sgd", lr=1.0, clip=1e-3)
    # clip_grad_norm_ divides by the norm plus 1e-6, so the step is a little shorter than the bound.
    assert np.linalg.norm(weights(end) - weights(start)) == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_rates_rise_then_fall_to_nothing(schedule):
    settings = MLPSettings(schedule=schedule, warmup=0.1)
    rates = [training.rate(settings, step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx(np.arange(1, 11) / 10)
    assert np.all(np.diff(rates[10:]) < 0)
    assert 0 < rates[-1] < 0.02


def test_the_best_epoch_of_the_development_part_is_kept():
    dev = drawn(30, seed=4, name="dev")
    model = MLP(MLPSettings(**QUICK | {"epochs": 15, "lr": 0.05}, watch="loss"))
    history = model.fit(drawn(), dev, seed=0, context=ALONE)
    dev_losses = [row["dev_loss"] for row in history.epochs]
    assert history.chosen_on == "dev"
    assert (
        history.best_epoch == int(np.argmin(dev_losses)) + 1 < 15
    )  # it overfits, so the last is not the best
    posteriors = model.predict(dev)
    loss = F.nll_loss(torch.from_numpy(posteriors).log(), torch.from_numpy(dev.y)).item()
    assert loss == pytest.approx(min(dev_losses), rel=1e-6)


def test_patience_stops_and_needs_a_development_part():
    dev = drawn(30, seed=4, name="dev")
    _, rows = fitted(dev=dev, epochs=200, lr=0.05, patience=3, watch="loss")
    assert len(rows) == int(np.argmin([row["dev_loss"] for row in rows])) + 1 + 3 < 200
    with pytest.raises(RecipeError, match="patience 3 needs a development part"):
        fitted(patience=3)
    assert MLP(MLPSettings(patience=3)).needs_dev
    assert not MLP(MLPSettings()).needs_dev
    assert BiLSTM(BiLSTMSettings()).needs_dev


def test_scores_on_the_development_part_are_scikit_learns():
    dev = drawn(31, seed=4, name="dev")
    model, rows = fitted(dev=dev, epochs=1)
    said = model.predict(dev).argmax(1)
    assert rows[0]["dev_uar"] == pytest.approx(recall_score(dev.y, said, average="macro"), rel=1e-12)
    assert rows[0]["dev_weighted_f1"] == pytest.approx(f1_score(dev.y, said, average="weighted"), rel=1e-12)


def test_without_a_development_part_the_last_epoch_is_kept():
    model = MLP(MLPSettings(**QUICK))
    history = model.fit(drawn(), None, seed=0, context=ALONE)
    assert (len(history.epochs), history.best_epoch, history.chosen_on) == (3, None, None)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_trains_to_about_the_same(precision):
    _, plain = fitted(epochs=8)
    _, mixed = fitted(epochs=8, precision=precision)
    # bfloat16 keeps 8 bits: half a percent in each activation.
    assert losses(mixed) == pytest.approx(losses(plain), rel=0.02)
    assert losses(mixed) != losses(plain)


def test_history_and_log_say_how_fast_and_how_long_the_loop_waited(tmp_path):
    lines: list[str] = []
    _, rows = fitted(context=Context(folder=tmp_path, progress=lines.append))
    assert all(0 <= row["waiting"] <= 1 and row["examples_per_second"] > 0 for row in rows)
    assert [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()] == rows
    assert len(lines) == 3
    assert all("train" in line and "examples/s" in line and "% waiting" in line for line in lines)


def test_history_says_where_it_ran():
    history = MLP(MLPSettings(**QUICK)).fit(drawn(), None, seed=0, context=ALONE)
    n = 5 * 8 + 8 + 8 * 3 + 3
    where = {"device": "cpu", "threads": 1, "processes": 1, "workers": 0, "parameters": n}
    assert history.extra == where


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # tensorboard's own, of protobuf
def test_tensorboard_gets_every_epoch(tmp_path):
    fitted(context=Context(folder=tmp_path, tensorboard=True))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("train_loss")] == [1, 2, 3]


def test_a_loss_that_is_not_finite_names_epoch_and_batch():
    examples = drawn()
    with pytest.raises(
        ModelError, match=r"the loss is (nan|inf) in epoch \d+, batch \d of 4: lower"
    ) as caught:
        fitted(replace(examples, x=examples.x * np.float32(1e30)), optimizer="sgd", lr=1e30)
    assert caught.value.code == "nonfinite_loss"


def test_a_class_without_training_examples_is_refused():
    examples = drawn(9)
    with pytest.raises(DataError, match="no training examples of 'calm'") as caught:
        fitted(examples.take(np.flatnonzero(examples.y != 1)))
    assert caught.value.code == "absent_class"


def test_parts_that_cannot_be_trained_on_are_refused():
    examples = drawn()
    bad = replace(examples, x=np.where(np.arange(5) == 3, np.nan, examples.x))
    dev = drawn(9, seed=1, name="dev")
    with pytest.raises(DataError, match=r"training part have NaN .* columns 'column3'"):
        fitted(bad)
    with pytest.raises(DataError, match="development part have NaN"):
        fitted(dev=replace(bad, ids=tuple(f"dev{i}" for i in range(60))))
    with pytest.raises(DataError, match="development part is empty"):
        fitted(dev=dev.take([]))
    with pytest.raises(DataError, match="training part is empty"):
        fitted(examples.take([]))
    with pytest.raises(DataError, match="training part has no labels"):
        fitted(examples.without_labels())
    with pytest.raises(DataError, match="development part has no labels"):
        fitted(dev=dev.without_labels())
    with pytest.raises(DataError, match="9 ids are in the training and in the development part"):
        fitted(dev=examples.take(range(9)))
    with pytest.raises(DataError, match="other classes or columns"):
        fitted(dev=replace(dev, classes=CLASSES[::-1]))


def test_class_weights_by_name_must_fit_the_classes():
    with pytest.raises(RecipeError, match=r"no class 'angri' \(did you mean 'angry'\?\)"):
        fitted(class_weights={"angri": 1.0})
    with pytest.raises(RecipeError, match="no weight for 'calm', 'happy'"):
        fitted(class_weights={"angry": 1.0})
    with pytest.raises(RecipeError, match="above 0"):
        fitted(class_weights={"angry": 1.0, "calm": 0.0, "happy": 1.0})


@pytest.mark.parametrize("name", ["gpu", "cpu:0", "cuda:x", "cudaa"])
def test_devices_that_do_not_exist_are_refused(name):
    with pytest.raises(RecipeError, match="cpu, cuda, cuda:0"):
        training.find_device(name)


def test_cuda_where_there_is_none_is_refused():
    n = torch.cuda.device_count()
    with pytest.raises(RecipeError, match=f"PyTorch sees {n} CUDA devices"):
        training.find_device(f"cuda:{n}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_step_and_writes_a_checkpoint(tmp_path, number):
    def stop(line: str) -> None:
        if line.startswith("epoch 2/"):
            signal.raise_signal(number)

    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        fitted(context=Context(folder=tmp_path, threads=1, progress=stop), dropout=0.2)
    assert signal.getsignal(number) is before
    # 4 steps an epoch: one step into the third.
    assert (tmp_path / "checkpoint" / f"step-{2 * 5 + 1:09d}.json").is_file()
    resumed, _ = fitted(context=Context(folder=tmp_path, threads=1), dropout=0.2)
    assert np.array_equal(weights(resumed), weights(fitted(dropout=0.2)[0]))


def test_a_signal_after_the_last_step_is_not_lost(tmp_path):
    def stop(line: str) -> None:
        if line.startswith("epoch 3/"):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fitted(context=Context(folder=tmp_path, progress=stop))
