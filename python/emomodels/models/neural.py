"""What all PyTorch estimators share: fit by the one loop, posteriors, files. A model adds its network."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from emomodels import training
from emomodels.checkpoint import read_pair, write_pair
from emomodels.data.examples import Examples
from emomodels.data.loader import Augment, survey
from emomodels.exceptions import DataError, ModelError
from emomodels.models.base import Context, Estimator, History
from emomodels.training import TrainingSettings


class NeuralEstimator(Estimator):
    """An estimator around a PyTorch network.

    A subclass names its `settings_class` (a `TrainingSettings` with what the network needs) and makes the
    network, a module called as `network(x, lengths) -> logits (B, n_classes)` with `x` `(B, d)` and `lengths`
    None, or `x` `(B, T, d)` padded with zeros and `lengths` `(B,)` on the CPU.
    """

    stochastic = True
    settings_class: ClassVar[type[TrainingSettings]]
    settings: TrainingSettings

    def __init__(self, settings: TrainingSettings) -> None:
        super().__init__(settings)
        self.needs_dev = settings.patience is not None
        self.columns: tuple[str, ...] = ()
        self.device = torch.device("cpu")
        self._network: nn.Module | None = None

    @abstractmethod
    def network(self, n_columns: int, n_classes: int) -> nn.Module:
        """A new network; its initial weights come from PyTorch's generator."""

    def augmentation(self) -> Augment | None:
        """What training inputs alone go through, as the settings want it."""
        return None

    def fit(self, train: Examples, dev: Examples | None, *, seed: int, context: Context) -> History:
        """Fit on `train`; with `dev` the weights of its best epoch are kept, and `patience` can stop early."""
        self._check_kind(train)
        identity = {"model": self.name}
        with training.isolated(torch.device("cpu")):
            training.reseed(torch.device("cpu"), seed)
            network = self.network(len(train.columns), len(train.classes))
        history = training.train(
            network,
            train,
            dev,
            self.settings,
            seed=seed,
            context=context,
            augment=self.augmentation(),
            identity=identity,
        )
        self.classes, self.columns, self._network = train.classes, train.columns, network
        self.device = next(network.parameters()).device
        return history

    def predict(self, examples: Examples) -> NDArray[np.float64]:
        """Posteriors `(n, n_classes)`.

        Padding and neighbours in a batch do not enter, but the order of sums in a matrix product follows its
        shape: alone and in a batch agree to float32's rounding.
        """
        network = self.fitted
        self._check_kind(examples)
        if examples.columns != self.columns:
            raise DataError(
                f"{self.name} was fitted on other columns, or in another order: {_difference(self.columns, examples.columns)}"
            )
        survey(examples, "evaluated")
        out = training.logits(network, examples, self.settings, self.device)
        posteriors: NDArray[np.float64] = torch.softmax(out, 1).numpy()
        return posteriors

    @property
    def fitted(self) -> nn.Module:
        """The network; an error before `fit` or `load`."""
        if self._network is None:
            raise ModelError(f"{self.name} is not fitted yet")
        return self._network

    def to(self, device: str) -> Self:
        """The same model with its network on `device`."""
        self.device = training.find_device(device)
        self.fitted.to(self.device)
        return self

    def save(self, folder: Path) -> None:
        """Write `model.json` and `model.safetensors`."""
        facts = {
            "estimator": self.name,
            "settings": self.settings.model_dump(mode="json"),
            "classes": list(self.classes),
            "columns": list(self.columns),
            **self.facts(),
        }
        write_pair(folder / "model", facts, self.fitted.state_dict())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote, on the CPU."""
        facts, tensors = read_pair(folder / "model")
        if facts["estimator"] != cls.name:
            raise ModelError(f"{folder} holds a model {facts['estimator']!r}, not {cls.name!r}")
        self = cls(cls.settings_class.model_validate(facts["settings"]))
        self.classes, self.columns = tuple(facts["classes"]), tuple(facts["columns"])
        self._network = self.network_like(facts, len(self.columns), len(self.classes))
        self._network.load_state_dict(tensors)
        self._network.eval()
        return self

    def facts(self) -> dict[str, Any]:
        """What `load` needs besides settings, classes and columns."""
        return {}

    def network_like(self, facts: dict[str, Any], n_columns: int, n_classes: int) -> nn.Module:
        """A network of the shape that was saved, for its weights."""
        return self.network(n_columns, n_classes)

    def _check_kind(self, examples: Examples) -> None:
        if examples.sequences != (self.takes != "vector"):
            given = "sequences" if examples.sequences else "vectors"
            raise DataError(f"{self.name} takes a {self.takes} for each example, and was given {given}")
        if self.takes == "waveform" and len(examples.columns) != 1:
            raise DataError(
                f"{self.name} takes waveforms (n_samples, 1), not {len(examples.columns)} columns"
            )


def _difference(fitted: tuple[str, ...], given: tuple[str, ...]) -> str:
    missing = [c for c in fitted if c not in set(given)]
    new = [c for c in given if c not in set(fitted)]
    if not missing and not new:
        return "the same names in another order"
    return f"missing {missing[:3]}, new {new[:3]} ({len(fitted)} then, {len(given)} now)"
