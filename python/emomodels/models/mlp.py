"""A multilayer perceptron on vectors; by default the one of Luna-Jiménez et al. (2022) on averaged Action Units."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from emomodels.models.neural import NeuralEstimator
from emomodels.training import Positive, TrainingSettings


class MLPSettings(TrainingSettings):
    """Settings of `mlp`.

    Parameters
    ----------
    hidden
        Width of each hidden layer; none gives logistic regression.
    dropout
        After each hidden layer.
    batch_norm
        Before each activation.
    """

    hidden: tuple[Positive, ...] = (80,)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    batch_norm: bool = False
    epochs: Positive = 200


class MLP(NeuralEstimator):
    """Linear layers with ReLU between them."""

    name = "mlp"
    takes = "vector"
    settings_class = MLPSettings
    settings: MLPSettings

    def network(self, n_columns: int, n_classes: int) -> nn.Module:
        """Linear, batch normalisation (optional), ReLU, dropout for each hidden layer; a linear layer."""
        return MLPNetwork((n_columns, *self.settings.hidden), n_classes, self.settings)


class MLPNetwork(nn.Module):
    """The network of `MLP`."""

    def __init__(self, widths: tuple[int, ...], n_classes: int, settings: MLPSettings) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(widths):
            layers.append(nn.Linear(n_in, n_out))
            if settings.batch_norm:
                layers.append(BatchNorm(n_out))
            layers += [nn.ReLU(), nn.Dropout(settings.dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], n_classes))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """`(B, d)` to logits `(B, n_classes)`."""
        out: torch.Tensor = self.layers(x)
        return out


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that takes the running statistics for a batch of one, which has no variance."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """`(B, d)` to `(B, d)`."""
        if len(input) > 1:
            return super().forward(input)
        return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
