"""Fits in processes of their own, forked from one that has imported PyTorch, to be killed or to work together.

python -m tests.emomodels.fit_processes kill FOLDER
python -m tests.emomodels.fit_processes together FOLDER
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from emomodels.models.base import Context, Estimator
from emomodels.models.bilstm import BiLSTM, BiLSTMSettings
from emomodels.models.mlp import MLP, MLPSettings
from tests.emomodels.neural_tools import drawn

#: Deaths of the fit that has to reach the same result.
KILLS = 5


def bilstm() -> BiLSTM:
    return BiLSTM(BiLSTMSettings(hidden=6, epochs=4, batch_size=8, patience=None, bucket=True))


def mlp() -> MLP:
    return MLP(MLPSettings(hidden=(8,), epochs=3, batch_size=8, accumulate=2, clip=1.0))


def fit(model: Estimator, folder: Path) -> None:
    """Fit with checkpoints, and write the model and the history."""
    sequences = model.takes == "sequence"
    train, dev = (
        drawn(n, seed=s, sequences=sequences, name=name) for n, s, name in ((61, 0, "train"), (20, 1, "dev"))
    )
    context = Context(folder=folder, checkpoint_steps=3, threads=1, workers=2)
    history = model.fit(train, dev, seed=3, context=context)
    if int(os.environ.get("RANK", 0)) == 0:
        model.save(folder)
        posteriors = model.predict(dev).tolist()
        result = {"epochs": history.epochs, "best_epoch": history.best_epoch, "posteriors": posteriors}
        (folder / "result.json").write_text(json.dumps(result))


def forked(work: Callable[[], None]) -> int:
    """Start `work` in a child process; returns its id."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def ended(child: int) -> int:
    """Wait for a child; its exit code, negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill(folder: Path) -> None:
    """One fit in peace; the same one killed at random moments until it is done. Notes how many."""
    began = time.monotonic()
    assert ended(forked(lambda: fit(bilstm(), folder / "peace"))) == 0
    whole = time.monotonic() - began
    rng, kills = random.Random(0), 0
    while True:
        child = forked(lambda: fit(bilstm(), folder / "killed"))
        if kills < KILLS:
            time.sleep(rng.uniform(0.02, 0.2) * whole)
            os.kill(child, signal.SIGKILL)
        code = ended(child)
        if code == 0:
            break
        assert code == -signal.SIGKILL, code
        kills += 1
    (folder / "kills.json").write_text(json.dumps(kills))


def together(folder: Path) -> None:
    """One fit alone, and the same one by two processes, announced to them as `torchrun` does."""
    assert ended(forked(lambda: fit(mlp(), folder / "alone"))) == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}

    def work(rank: int) -> None:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        fit(mlp(), folder / "together")
        torch.distributed.destroy_process_group()

    children = [forked(lambda rank=rank: work(rank)) for rank in range(2)]
    assert [ended(child) for child in children] == [0, 0]


def warm_up() -> None:
    """Import what a fit imports on the way, so that the children do not: that takes longer than the fits."""
    import safetensors.torch  # noqa: F401

    torch.set_num_threads(1)
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])


if __name__ == "__main__":
    warm_up()
    kill(Path(sys.argv[1]))
    together(Path(sys.argv[1]))
