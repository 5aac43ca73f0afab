"""A fit that is interrupted anywhere, by anything, ends in the same bits; a checkpoint of another is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from emomodels.checkpoint import KEPT, Checkpoints
from emomodels.exceptions import ModelError
from emomodels.models.base import Context, History
from emomodels.models.bilstm import BiLSTM, BiLSTMSettings
from emomodels.models.mlp import MLP, MLPSettings
from tests.emomodels import fit_processes
from tests.emomodels.neural_tools import drawn

TIMES = {"examples_per_second", "waiting"}


@pytest.fixture(scope="module")
def processes(tmp_path_factory) -> Path:
    """The folder in which the fits of `fit_processes` have ended."""
    folder = tmp_path_factory.mktemp("processes")
    done = subprocess.run(
        [sys.executable, "-m", "tests.emomodels.fit_processes", str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def result(folder: Path) -> dict:
    """History and posteriors, without what says how fast it went."""
    found = json.loads((folder / "result.json").read_text())
    found["epochs"] = untimed(found["epochs"])
    return found


def untimed(rows) -> list[dict]:
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


def test_a_fit_killed_at_random_moments_ends_in_the_same_bits(processes):
    peace, killed = processes / "peace", processes / "killed"
    assert json.loads((processes / "kills.json").read_text()) >= 3
    assert result(killed) == result(peace)
    assert (killed / "model.safetensors").read_bytes() == (peace / "model.safetensors").read_bytes()
    log = [json.loads(line) for line in (killed / "log.jsonl").read_text().splitlines()]
    assert untimed(log) == result(peace)["epochs"]


def test_two_processes_train_what_one_does(processes):
    alone, together = result(processes / "alone"), result(processes / "together")
    assert (processes / "together" / "log.jsonl").read_text().count("\n") == len(alone["epochs"]) == 3
    for one, two in zip(alone["epochs"], together["epochs"], strict=True):
        # The same sums over halves of each batch: float32's rounding, then Adam.
        assert two["train_loss"] == pytest.approx(one["train_loss"], rel=1e-5)
    np.testing.assert_allclose(together["posteriors"], alone["posteriors"], atol=1e-4)


class Crash(Exception):
    """Planted."""


def fit(folder: Path | None, *, crash_at: int | None = None, lines=None, model=None, train=None, **kwargs):
    """An MLP with dropout; raises `Crash` when training asks for its augmented input number `crash_at`."""
    seen = [0]

    class Crashing(MLP):
        def augmentation(self):
            def augment(x, rng):
                seen[0] += 1
                if seen[0] == crash_at:
                    raise Crash
                return x + 0.1 * rng.normal(size=x.shape)

            return augment

    estimator = Crashing(model or MLPSettings(hidden=(6,), epochs=3, batch_size=8, accumulate=2, dropout=0.3))
    context = Context(
        folder=folder, threads=1, checkpoint_steps=1, progress=None if lines is None else lines.append
    )
    dev = drawn(12, seed=1, name="dev")
    history = estimator.fit(
        drawn(40) if train is None else train,
        dev,
        seed=kwargs.pop("seed", 0),
        context=replace(context, **kwargs),
    )
    return estimator, history


def bits(estimator: MLP, history: History) -> tuple:
    return estimator.predict(drawn(20, seed=5)).tobytes(), untimed(history.epochs), history.best_epoch


@cache
def undisturbed() -> tuple:
    """The bits that a fit with the settings of `fit` ends in."""
    return bits(*fit(None))


@pytest.mark.parametrize(
    ("crash_at", "workers"), [(1, 0), (16, 2), (17, 0), (40, 2), (41, 0), (65, 2), (119, 0), (120, 2)]
)
def test_a_crash_at_any_example_changes_no_bit(tmp_path, crash_at, workers):
    with pytest.raises(Crash):
        fit(tmp_path, crash_at=crash_at, workers=workers)
    assert bits(*fit(tmp_path)) == undisturbed()


def test_a_finished_fit_is_not_trained_again(tmp_path):
    first = bits(*fit(tmp_path))
    assert bits(*fit(tmp_path, crash_at=1)) == first
    assert len(list((tmp_path / "checkpoint").glob("*.safetensors"))) == 1


def test_early_stopping_goes_on_counting(tmp_path):
    settings = BiLSTMSettings(hidden=4, epochs=60, patience=4, lr=0.05, batch_size=16)
    train, dev = drawn(40, sequences=True), drawn(12, seed=1, sequences=True, name="dev")

    def run(context: Context) -> list[dict]:
        history = BiLSTM(settings).fit(train, dev, seed=0, context=context)
        return [*untimed(history.epochs), {"best": history.best_epoch}]

    expected = run(Context(threads=1))
    assert len(expected) < 60

    def stop(line: str) -> None:
        if line.startswith(f"epoch {len(expected) - 3}/"):
            raise Crash

    with pytest.raises(Crash):
        run(Context(folder=tmp_path, threads=1, progress=stop))
    assert run(Context(folder=tmp_path, threads=1)) == expected


def crashed(folder: Path) -> list[Path]:
    """A folder with the checkpoints of a fit that broke off; the stems of these, oldest first."""
    with pytest.raises(Crash):
        fit(folder, crash_at=100)
    return sorted(path.with_suffix("") for path in (folder / "checkpoint").glob("*.json"))


def test_two_checkpoints_are_kept(tmp_path):
    assert len(crashed(tmp_path)) == KEPT == 2
    assert len(list((tmp_path / "checkpoint").iterdir())) == 2 * KEPT


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_checkpoint_falls_back_on_the_one_before(tmp_path, suffix, damage):
    newest = crashed(tmp_path)[-1].with_suffix(suffix)
    content = bytearray(newest.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 0x40
    newest.write_bytes(content[: {"cut": len(content) // 2, "flip": None, "empty": 0}[damage]])
    lines: list[str] = []
    assert bits(*fit(tmp_path, lines=lines)) == undisturbed()
    assert any(line.startswith("left aside: ") and "damaged" in line for line in lines)


def test_a_checkpoint_without_its_tensors_falls_back_too(tmp_path):
    crashed(tmp_path)[-1].with_suffix(".safetensors").unlink()
    assert bits(*fit(tmp_path)) == undisturbed()


def test_nothing_but_damaged_checkpoints_is_an_error_that_says_what_to_do(tmp_path):
    for stem in crashed(tmp_path):
        stem.with_suffix(".safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"no checkpoint can be read .*damaged.*; remove .* to start anew"):
        fit(tmp_path)
    assert bits(*fit(tmp_path, resume=False)) == undisturbed()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 1}, "seed 0 then, 1 now"),
        (
            {"model": MLPSettings(hidden=(6,), epochs=4, batch_size=8, accumulate=2, dropout=0.3)},
            "epochs 3 then, 4 now",
        ),
        ({"train": drawn(40, seed=8)}, "another training part"),
        ({"train": drawn(39)}, "another training part"),
    ],
    ids=["seed", "settings", "values", "ids"],
)
def test_a_checkpoint_of_another_fit_is_refused(tmp_path, changed, named):
    crashed(tmp_path)
    with pytest.raises(ModelError, match=f"belongs to another fit: .*{named}") as caught:
        fit(tmp_path, **changed)
    assert caught.value.code == "stale_checkpoint"
    assert bits(*fit(tmp_path, resume=False, **changed)) == bits(*fit(None, **changed))


def test_fp16_resumes_with_its_loss_scale(tmp_path):
    settings = MLPSettings(hidden=(6,), epochs=3, batch_size=8, precision="fp16")
    with pytest.raises(Crash):
        fit(tmp_path, crash_at=70, model=settings)
    assert bits(*fit(tmp_path, model=settings)) == bits(*fit(None, model=settings))


def test_a_checkpoint_returns_what_was_saved(tmp_path):
    store = Checkpoints(tmp_path, {"widths": (1, 2)})
    assert store.load() is None
    tensors = {"w": torch.arange(6.0).reshape(2, 3).T, "n": torch.tensor(7)}
    store.save(1, {"loss": 0.1, "name": "ü"}, tensors)
    state, again = Checkpoints(tmp_path, {"widths": (1, 2)}).load()
    assert state == {"loss": 0.1, "name": "ü"}
    assert all(torch.equal(again[k], v) for k, v in tensors.items())


def test_the_fit_that_is_killed_covers_all_that_a_checkpoint_holds():
    # Otherwise the claim above would be weaker than it sounds.
    settings = fit_processes.bilstm().settings
    assert settings.dropout > 0
    assert settings.optimizer == "adam"
    assert settings.bucket
