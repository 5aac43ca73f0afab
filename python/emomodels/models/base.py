"""The contract of a model: fit on examples, give posteriors, be saved without pickle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from emomodels.data.examples import Examples


class Settings(BaseModel):
    """Settings of a model; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Context:
    """Where and how a fit runs: what changes the place of the work but not its result.

    Parameters
    ----------
    device
        `cpu`, `cuda`, `cuda:1` or `auto`.
    folder
        Where checkpoints and `log.jsonl` go; None keeps nothing.
    resume
        Go on from a checkpoint in `folder` that belongs to the same fit.
    progress
        Called with a line of losses after every epoch.
    checkpoint_steps
        A checkpoint also after every so many optimiser steps, not only after every epoch.
    workers
        Threads that make batches ahead; 0 makes each when it is its turn.
    threads
        Threads of PyTorch's operations on the CPU; None leaves its own choice. Another number can change
        the last bits of a result.
    tensorboard
        Write the losses for TensorBoard into `folder` too.
    """

    device: str = "cpu"
    folder: Path | None = None
    resume: bool = True
    progress: Callable[[str], None] | None = None
    checkpoint_steps: int | None = None
    workers: int = 0
    threads: int | None = None
    tensorboard: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """What happened in a fit: one mapping per epoch (`epoch`, `train_loss`, `dev_loss`, `dev_uar` …).

    `best_epoch` is the epoch whose weights were kept; `chosen_on` names the part that it was chosen on
    (`dev`, or None where nothing was chosen).
    """

    epochs: tuple[Mapping[str, float], ...] = ()
    best_epoch: int | None = None
    chosen_on: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class Estimator(ABC):
    """A model that is fitted on training examples and gives posteriors for others.

    A development part, where a model uses one, is for early stopping alone and never holds test examples.
    """

    #: Name in recipes.
    name: ClassVar[str]
    #: What it takes: vectors, sequences of frames, or waveforms.
    takes: ClassVar[Literal["vector", "sequence", "waveform"]]
    #: Whether a seed changes its result, so that several are needed.
    stochastic: ClassVar[bool]
    #: Whether it stops early on a development part; may depend on the settings.
    needs_dev: bool = False
    #: Whether it can be trained elsewhere than on the CPU.
    on_device: ClassVar[bool] = True
    settings_class: ClassVar[type[Settings]]
    #: What must be printed on everything made with it; may depend on the settings.
    stamps: tuple[str, ...] = ()

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        #: Names of the classes in the order of the posteriors' columns; set by `fit`.
        self.classes: tuple[str, ...] = ()

    def inputs(self) -> dict[str, str]:
        """Digests of what it reads beside its examples, such as pretrained weights, by name."""
        return {}

    @abstractmethod
    def fit(self, train: Examples, dev: Examples | None, *, seed: int, context: Context) -> History:
        """Fit on `train`; `dev` is watched for early stopping where the model does that."""

    @abstractmethod
    def predict(self, examples: Examples) -> NDArray[np.float64]:
        """Posteriors `(n, len(classes))`; rows sum to 1. A batch does not change its members' numbers."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the fitted model: JSON and safetensors, no pickle."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Estimator:
        """The model that `save` wrote."""
