"""One training loop for every PyTorch model: CPU or CUDA, one process or several, resumable at any step.

Every random number is a function of (seed, epoch, step, process): each step seeds the generators anew. So
there is no state of generators to carry, and a run that was killed continues as if it had not been. On the
CPU the result is the same to the last bit for the same number of threads (PyTorch promises no more: sums are
cut by thread) and any number of loader workers; on CUDA it is the same up to the order of sums.
"""

from __future__ import annotations

import hashlib
import math
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import Annotated, Any, Literal

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import Field
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from emofeat._suggest import did_you_mean
from emomodels.checkpoint import Checkpoints
from emomodels.data.examples import Examples
from emomodels.data.loader import Augment, Loader, Step, survey
from emomodels.exceptions import DataError, ModelError, RecipeError
from emomodels.kinds import check_device
from emomodels.metrics import scores
from emomodels.models.base import Context, History, Settings

Positive = Annotated[int, Field(gt=0)]
Weights = dict[str, torch.Tensor]


class TrainingSettings(Settings):
    """How a network is trained.

    Parameters
    ----------
    epochs
        At most so many passes over the training examples.
    batch_size
        Examples of a forward pass, over all processes.
    accumulate
        Forward passes of an optimiser step.
    optimizer, lr, weight_decay
        Adam, AdamW or SGD with momentum 0.9, the highest learning rate, and the decay.
    schedule, warmup
        Learning rate over all steps: constant, or falling to 0 along a line or half a cosine, after
        rising from 0 over the share `warmup` of the steps.
    clip
        Largest norm of the gradient; None does not clip.
    precision
        Of the forward pass; `fp16` scales the loss.
    class_weights
        `balanced` (n / (K n_c)), `none`, or a weight for every class by name.
    label_smoothing
        Share of the target that is spread over all classes.
    patience
        Stop after so many epochs without a better `watch` on the development part; None never stops early.
    watch
        What chooses the epoch whose weights are kept, on the development part.
    bucket
        Put sequences of similar length into one batch.
    n_frames
        Cut and pad all sequences to this length; None pads to the longest of a batch.
    """

    epochs: Positive = 100
    batch_size: Positive = 64
    accumulate: Positive = 1
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    lr: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    clip: Annotated[float, Field(gt=0)] | None = None
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    class_weights: Literal["balanced", "none"] | dict[str, float] = "balanced"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    patience: Positive | None = None
    watch: Literal["uar", "weighted_f1", "loss"] = "uar"
    bucket: bool = False
    n_frames: Positive | None = None


@dataclass
class Progress:
    """How far a fit is, as a checkpoint holds it."""

    epoch: int = 0  # epochs that are finished
    step: int = 0  # steps of the current one
    loss: float = 0.0  # weighted sum over these steps
    weight: float = 0.0
    n_examples: int = 0
    seconds: float = 0.0
    waiting: float = 0.0
    best_epoch: int | None = None
    best_score: float | None = None
    done: bool = False
    rows: list[dict[str, float]] = field(default_factory=list)

    def add(self, loss: float, step: Step) -> None:
        """Count a step that is done."""
        self.loss += loss * step.weight
        self.weight += step.weight
        self.n_examples += step.n_examples
        self.step = step.number + 1

    def row(self, lr: float, watched: Mapping[str, float]) -> dict[str, float]:
        """What the history says about the current epoch."""
        return {
            "epoch": self.epoch + 1,
            "train_loss": self.loss / self.weight,
            **watched,
            "lr": lr,
            "examples_per_second": self.n_examples / self.seconds,
            "waiting": self.waiting / self.seconds,
        }

    def finish_epoch(self, row: dict[str, float], settings: TrainingSettings) -> bool:
        """Go on to the next epoch, or be done; returns whether this one is the best on the development part."""
        self.rows.append(row)
        self.epoch += 1
        self.step, self.n_examples = 0, 0
        self.loss = self.weight = self.seconds = self.waiting = 0.0
        better = False
        if "dev_loss" in row:
            score = -row["dev_loss"] if settings.watch == "loss" else row[f"dev_{settings.watch}"]
            better = self.best_score is None or score > self.best_score
            if better:
                self.best_epoch, self.best_score = self.epoch, score
        since_best = self.epoch - (self.best_epoch or self.epoch)
        self.done = self.epoch == settings.epochs or since_best == settings.patience
        return better


def train(
    network: nn.Module,
    examples: Examples,
    dev: Examples | None,
    settings: TrainingSettings,
    *,
    seed: int,
    context: Context,
    augment: Augment | None = None,
    identity: Mapping[str, Any] | None = None,
) -> History:
    """Train `network`, called as `network(x, lengths) -> logits`; afterwards it holds the weights that are kept.

    With a development part these are the weights of its best epoch, without one those of the last.

    Parameters
    ----------
    identity
        What else the result follows from (the model and its settings), for the checkpoints.

    Raises
    ------
    DataError
        NaN features, an empty part, a class without training examples, a part without labels.
    RecipeError
        Early stopping without a development part, weights for classes that do not exist.
    ModelError
        The loss is not finite; the checkpoint in the folder belongs to another fit or is damaged.
    KeyboardInterrupt
        After Ctrl-C or SIGTERM: the step is finished and a checkpoint written.
    """
    digests = {"training part": survey(examples, "training")}
    if dev is not None:
        digests["development part"] = survey(dev, "development")
    class_weight = check(examples, dev, settings)
    world = World.join(context.device)
    facts = {"settings": settings.model_dump(mode="json"), "seed": seed, "data": digests, **(identity or {})}
    store = _store(context, world, network, facts)
    with isolated(world.device, context.threads), interrupts() as interrupted:
        network.to(world.device)
        model = world.parallel(network)
        optimizer = _optimizer(network, settings)
        scaler = torch.amp.GradScaler(world.device.type, enabled=settings.precision == "fp16")
        loader = Loader(
            examples,
            settings.batch_size,
            accumulate=settings.accumulate,
            seed=seed,
            bucket=settings.bucket,
            n_frames=settings.n_frames,
            class_weight=class_weight,
            augment=augment,
            share=(world.rank, world.size),
            workers=context.workers,
        )
        progress, best = Progress(), Weights()
        if store is not None and (found := store.load()) is not None:
            state, tensors = found
            scaler.load_state_dict(state.pop("scaler"))
            progress, best = Progress(**state), _unpack(tensors, network, optimizer)
            _say(context, world, f"going on after epoch {progress.epoch}, step {progress.step}")
            for damage in store.damaged:
                _say(context, world, f"left aside: {damage}")
        board = _board(context, world, progress)

        def save() -> None:
            if store is not None and world.rank == 0:
                state = asdict(progress) | {"scaler": scaler.state_dict()}
                number = progress.epoch * (len(loader) + 1) + progress.step
                store.save(
                    number, state, _packed(network, optimizer, best, progress.done), done=progress.done
                )
                _write_log(context, progress)

        while not progress.done:
            model.train()
            steps = _timed(loader.epoch(progress.epoch, progress.step), progress)
            for step in steps:
                reseed(world.device, seed, progress.epoch, step.number, world.rank)
                _set_rate(optimizer, settings, progress.epoch * len(loader) + step.number, len(loader))
                loss = _step(model, step, settings, optimizer, scaler, world, class_weight)
                if not math.isfinite(loss):
                    raise ModelError(
                        f"the loss is {loss} in epoch {progress.epoch + 1}, batch {step.number + 1} of "
                        f"{len(loader)}: lower the learning rate, clip the gradient, or normalise the features",
                        "nonfinite_loss",
                    )
                progress.add(loss, step)
                stopping = world.any(interrupted.is_set())
                if stopping or (context.checkpoint_steps and progress.step % context.checkpoint_steps == 0):
                    save()
                if stopping:
                    steps.close()
                    raise KeyboardInterrupt

            watched = {}
            if dev is not None:
                out = world.first(lambda: logits(network, dev, settings, world.device))
                watched = _scores(out, dev, class_weight)
            row = progress.row(optimizer.param_groups[0]["lr"], watched)
            if progress.finish_epoch(row, settings):
                best = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}
            save()
            _say(context, world, _line(row, settings.epochs))
            if board is not None:
                for name, value in row.items():
                    board.add_scalar(name, value, progress.epoch)

        if best:
            network.load_state_dict(best)
        network.eval()
        if board is not None:
            board.close()
        world.wait()
        return History(
            epochs=tuple(progress.rows),
            best_epoch=progress.best_epoch,
            chosen_on=None if dev is None else "dev",
            extra={
                "device": str(world.device),
                "threads": torch.get_num_threads(),
                "processes": world.size,
                "workers": context.workers,
                "parameters": sum(p.numel() for p in network.parameters()),
            },
        )


def _store(
    context: Context, world: World, network: nn.Module, identity: Mapping[str, Any]
) -> Checkpoints | None:
    """The checkpoints in the context's folder, emptied where the fit is to start anew; None without a folder."""
    if context.folder is None:
        return None
    initial = hashlib.sha256()  # with a pretrained network, more than the seed decides where training starts
    for name, tensor in network.state_dict().items():
        initial.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    where = {"initial weights": initial.hexdigest(), "processes": world.size, "torch": torch.__version__}
    store = Checkpoints(context.folder / "checkpoint", {**identity, **where})
    if not context.resume:
        if world.rank == 0:
            store.clear()
        world.wait()
    return store


def _step(
    model: nn.Module,
    step: Step,
    settings: TrainingSettings,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    world: World,
    class_weight: NDArray[np.float64],
) -> float:
    """One optimiser step; returns the weighted mean loss of its examples in all processes."""
    total = torch.zeros((), device=world.device)
    weight = torch.from_numpy(class_weight).float().to(world.device)
    for i, batch in enumerate(step.batches):
        batch = batch.to(world.device)
        # Gradients travel between processes once a step, with its last batch.
        with world.no_sync(model, i + 1 < len(step.batches)):
            with autocast(world.device, settings.precision):
                out = model(batch.x, batch.lengths)
            each = F.cross_entropy(
                out.float(), batch.y, weight, reduction="none", label_smoothing=settings.label_smoothing
            )
            # The weight of the whole step is the divisor, so neither accumulation, nor several processes, nor
            # a short last batch changes the gradient. An example that only fills up counts nothing.
            loss = (each * (batch.weight > 0)).sum() / step.weight
            torch.autograd.backward(scaler.scale(loss * world.size))
            total += loss.detach()
    if settings.clip is not None:
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad(set_to_none=True)
    return world.sum(total)


def check(examples: Examples, dev: Examples | None, settings: TrainingSettings) -> NDArray[np.float64]:
    """Refuse what cannot be trained on; returns the weight of each class `(K,)`."""
    for part, name in ((examples, "training"), (dev, "development")):
        if part is not None and part.y is None:
            raise DataError(f"the {name} part has no labels")
    assert examples.y is not None
    if dev is None and settings.patience is not None:
        raise RecipeError(
            f"patience {settings.patience} needs a development part to watch, and there is none: make the split "
            "with one, or set patience to null and train for a fixed number of epochs"
        )
    if dev is not None and (dev.classes, dev.columns) != (examples.classes, examples.columns):
        raise DataError(
            "the training and the development part have other classes or columns, or in another order"
        )
    if dev is not None and (both := set(dev.ids) & set(examples.ids)):
        raise DataError(f"{len(both)} ids are in the training and in the development part, as {min(both)!r}")
    counts = np.bincount(examples.y, minlength=len(examples.classes))
    if absent := [c for c, n in zip(examples.classes, counts, strict=True) if not n]:
        raise DataError(
            f"no training examples of {', '.join(map(repr, absent))}: a model cannot learn a class that it never "
            "sees; take another split or a label map without it",
            "absent_class",
        )
    given = settings.class_weights
    if given == "balanced":
        weights: NDArray[np.float64] = len(examples) / (len(counts) * counts)
        return weights
    if given == "none":
        return np.ones(len(counts))
    for name in given:
        if name not in examples.classes:
            raise RecipeError(f"class_weights: no class {name!r}{did_you_mean(name, examples.classes)}")
    if missing := [c for c in examples.classes if c not in given]:
        raise RecipeError(
            f"class_weights: no weight for {', '.join(map(repr, missing))}; give one for every class"
        )
    if min(given.values()) <= 0:
        raise RecipeError("class_weights: weights must be above 0")
    return np.array([given[c] for c in examples.classes])


def logits(
    network: nn.Module, examples: Examples, settings: TrainingSettings, device: torch.device
) -> torch.Tensor:
    """What `network` says about `examples`: `(n, K)`, float64, on the CPU, in their order."""
    was_training = network.training
    network.eval()
    rows: list[torch.Tensor] = []
    at: list[NDArray[np.int64]] = []
    with torch.inference_mode():
        for batch in Loader(examples, settings.batch_size, bucket=True, n_frames=settings.n_frames).batches():
            batch = batch.to(device)
            with autocast(device, settings.precision):
                rows.append(network(batch.x, batch.lengths).double())
            at.append(batch.positions)
    network.train(was_training)
    joined = torch.cat(rows).cpu()
    out = torch.empty_like(joined)
    out[torch.from_numpy(np.concatenate(at))] = joined
    return out


def _scores(out: torch.Tensor, dev: Examples, class_weight: NDArray[np.float64]) -> dict[str, float]:
    """Loss, UAR and weighted F1 on the development part; over the classes that it has."""
    assert dev.y is not None
    loss = F.cross_entropy(out, torch.from_numpy(dev.y), torch.from_numpy(class_weight))
    confusion = np.zeros((len(dev.classes), len(dev.classes)))
    np.add.at(confusion, (dev.y, out.argmax(1).numpy()), 1)
    found = scores(confusion)
    return {
        "dev_loss": float(loss),
        "dev_uar": float(found["uar"]),
        "dev_weighted_f1": float(found["weighted_f1"]),
    }


def rate(settings: TrainingSettings, step: int, steps: int) -> float:
    """The share of the highest learning rate at `step` of `steps`.

    >>> settings = TrainingSettings(schedule="linear", warmup=0.2)
    >>> [rate(settings, step, 10) for step in (0, 1, 2, 6, 9)]
    [0.5, 1.0, 1.0, 0.5, 0.125]
    """
    rising = round(settings.warmup * steps)
    if step < rising:
        return (step + 1) / rising
    along = (step - rising) / max(1, steps - rising)
    match settings.schedule:
        case "constant":
            return 1.0
        case "linear":
            return 1 - along
        case "cosine":
            return (1 + math.cos(math.pi * along)) / 2


def _set_rate(
    optimizer: torch.optim.Optimizer, settings: TrainingSettings, step: int, per_epoch: int
) -> None:
    for group in optimizer.param_groups:
        group["lr"] = settings.lr * rate(settings, step, settings.epochs * per_epoch)


def _optimizer(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    trained = [p for p in network.parameters() if p.requires_grad]
    match settings.optimizer:
        case "adam":
            return torch.optim.Adam(trained, settings.lr, weight_decay=settings.weight_decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(trained, settings.lr, weight_decay=settings.weight_decay, fused=True)
        case "sgd":
            return torch.optim.SGD(
                trained, settings.lr, momentum=0.9, weight_decay=settings.weight_decay, fused=True
            )


def _packed(network: nn.Module, optimizer: torch.optim.Optimizer, best: Weights, done: bool) -> Weights:
    """Weights, the best of them so far and, unless the fit is done, the optimiser's tensors, named."""
    packed = {f"network.{k}": v for k, v in network.state_dict().items()}
    packed |= {f"best.{k}": v for k, v in best.items()}
    for index, tensors in ({} if done else optimizer.state_dict()["state"]).items():
        packed |= {f"optimizer.{index}.{k}": v for k, v in tensors.items() if v is not None}
    return packed


def _unpack(packed: Weights, network: nn.Module, optimizer: torch.optim.Optimizer) -> Weights:
    """Put back what `_packed` collected; returns the best weights."""
    parts: dict[str, Weights] = {"network": {}, "optimizer": {}, "best": {}}
    for name, tensor in packed.items():
        part, _, key = name.partition(".")
        parts[part][key] = tensor
    network.load_state_dict(parts["network"])
    state: dict[int, Weights] = {}
    for name, tensor in parts["optimizer"].items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return parts["best"]


@dataclass(frozen=True)
class World:
    """The processes that train together: this one alone, or those that `torchrun` started."""

    rank: int
    size: int
    device: torch.device

    @classmethod
    def join(cls, device: str) -> World:
        """This process among those that `torchrun` announces in the environment."""
        size, local = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("LOCAL_RANK", 0))
        place = find_device(device, local)
        if size > 1 and not dist.is_initialized():
            import atexit

            if place.type == "cuda":
                torch.cuda.set_device(place)
            dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
            atexit.register(dist.destroy_process_group)
        return cls(int(os.environ.get("RANK", 0)), size, place)

    def parallel(self, network: nn.Module) -> nn.Module:
        if self.size == 1:
            return network
        skips = bool(getattr(network, "skips_layers", False))
        return DistributedDataParallel(network, find_unused_parameters=skips)

    def no_sync(self, model: nn.Module, skip: bool) -> AbstractContextManager[Any]:
        return model.no_sync() if skip and isinstance(model, DistributedDataParallel) else nullcontext()

    def sum(self, value: torch.Tensor) -> float:
        if self.size > 1:
            dist.all_reduce(value)
        return float(value)

    def any(self, flag: bool) -> bool:
        return flag if self.size == 1 else self.sum(torch.tensor(float(flag), device=self.device)) > 0

    def first(self, compute: Callable[[], torch.Tensor]) -> torch.Tensor:
        """What the first process computes, in all of them."""
        if self.size == 1:
            return compute()
        out = compute().to(self.device)
        dist.broadcast(out, 0)
        return out.cpu()

    def wait(self) -> None:
        if self.size > 1:
            dist.barrier()


def find_device(name: str, local: int = 0) -> torch.device:
    """The device that `--device` names: `cpu`, `cuda`, `cuda:1`, or `auto` (CUDA where there is one).

    >>> find_device("cpu")
    device(type='cpu')
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    check_device(name)
    kind, _, index = name.partition(":")
    if kind == "cpu":
        return torch.device("cpu")
    n = torch.cuda.device_count()
    number = int(index) if index else local
    if number >= n:
        raise RecipeError(f"device {name!r}: PyTorch sees {n} CUDA devices here; take --device cpu or auto")
    return torch.device("cuda", number)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Mixed precision for the forward pass."""
    dtype = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    return torch.autocast(device.type, dtype, enabled=precision != "float32")


def reseed(device: torch.device, *numbers: int) -> None:
    """Seed every generator that a step on `device` can draw from with what follows from `numbers`."""
    words = np.random.SeedSequence(numbers).generate_state(2, np.uint64)
    torch_seed = int(words[0] >> np.uint64(1))
    torch.default_generator.manual_seed(torch_seed)  # torch.manual_seed takes 2 ms where CUDA is not in use
    if device.type == "cuda":
        torch.cuda.manual_seed(torch_seed)
    np.random.seed(int(words[1] & np.uint64(0xFFFFFFFF)))
    random.seed(int(words[1]))


@contextmanager
def isolated(device: torch.device, threads: int | None = None) -> Iterator[None]:
    """Deterministic algorithms on the CPU, the number of threads, and the caller's generators put back after."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    before = torch.get_deterministic_debug_mode(), torch.get_num_threads()
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        try:
            # As torch.use_deterministic_algorithms, which also imports the compiler: a second or two.
            torch.set_deterministic_debug_mode("error" if device.type == "cpu" else "default")
            if threads is not None:
                torch.set_num_threads(threads)
            yield
        finally:
            torch.set_deterministic_debug_mode(before[0])
            torch.set_num_threads(before[1])
            np.random.set_state(numpy_state)
            random.setstate(python_state)


@contextmanager
def interrupts() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM set a flag inside the block; the second one interrupts at once."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # only there can signals be caught
        yield flag
        return

    def caught(number: int, frame: FrameType | None) -> None:
        if flag.is_set():
            raise KeyboardInterrupt
        flag.set()

    before = {number: signal.signal(number, caught) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if flag.is_set():  # it came after the last step
        raise KeyboardInterrupt


def _timed(steps: Iterator[Step], progress: Progress) -> Generator[Step]:
    """The steps; the time that each takes, and what of it went into waiting for its batches, go to `progress`."""
    while True:
        began = time.perf_counter()
        step = next(steps, None)
        got = time.perf_counter()
        if step is not None:
            yield step
        progress.waiting += got - began
        progress.seconds += time.perf_counter() - began
        if step is None:
            return


def _say(context: Context, world: World, line: str) -> None:
    if context.progress is not None and world.rank == 0:
        context.progress(line)


def _line(row: Mapping[str, float], epochs: int) -> str:
    shown = f"epoch {row['epoch']:g}/{epochs}  train {row['train_loss']:.4f}"
    if "dev_loss" in row:
        shown += f"  dev {row['dev_loss']:.4f}  UAR {100 * row['dev_uar']:.1f}"
    return f"{shown}  {row['examples_per_second']:.0f} examples/s, {100 * row['waiting']:.0f} % waiting"


def _write_log(context: Context, progress: Progress) -> None:
    """Replace `log.jsonl` by a line for each epoch so far: what a killed run wrote too much is not in it."""
    import json

    from emofeat.store.write import write_text

    assert context.folder is not None
    write_text(context.folder / "log.jsonl", "".join(json.dumps(row) + "\n" for row in progress.rows))


def _board(context: Context, world: World, progress: Progress) -> Any:
    """TensorBoard's writer, where it is wanted; None where not."""
    if not context.tensorboard or context.folder is None or world.rank:
        return None
    from emofeat.store.extras import need

    need("tensorboard", "tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(context.folder / "tensorboard"), purge_step=progress.epoch + 1)
