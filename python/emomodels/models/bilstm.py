"""A bidirectional LSTM with self-attention over frames, as Luna-Jiménez et al. (2022) put it on Action Units."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import nn

from emomodels.models.neural import NeuralEstimator
from emomodels.models.pooling import Pool, Pooling
from emomodels.training import Positive, TrainingSettings


class BiLSTMSettings(TrainingSettings):
    """Settings of `bilstm`; the defaults are the source's, except that `watch` looks at a development part.

    Parameters
    ----------
    hidden
        Units of a layer and direction.
    layers
        LSTM layers.
    dropout
        Between the layers and in the attention.
    pooling
        From frames to one vector.
    """

    hidden: Positive = 50
    layers: Positive = 2
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    pooling: Pooling = "attention"
    epochs: Positive = 300
    patience: Positive | None = 30
    clip: Annotated[float, Field(gt=0)] | None = 1.0


class BiLSTM(NeuralEstimator):
    """Bidirectional LSTM, pooling, linear layer."""

    name = "bilstm"
    takes = "sequence"
    settings_class = BiLSTMSettings
    settings: BiLSTMSettings

    def network(self, n_columns: int, n_classes: int) -> nn.Module:
        """For 35 columns and 8 classes 106,609 parameters."""
        return BiLSTMNetwork(n_columns, n_classes, self.settings)


class BiLSTMNetwork(nn.Module):
    """The network of `BiLSTM`."""

    def __init__(self, n_columns: int, n_classes: int, settings: BiLSTMSettings) -> None:
        super().__init__()
        width = 2 * settings.hidden
        self.layers = nn.ModuleList(
            BiLSTMLayer(n_columns if i == 0 else width, settings.hidden) for i in range(settings.layers)
        )
        self.dropout = nn.Dropout(settings.dropout)
        self.pool = Pool(settings.pooling, width, settings.dropout)
        self.head = nn.Linear(self.pool.n_out, n_classes)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """`(B, T, d)` padded and `(B,)` to logits `(B, n_classes)`."""
        backwards = reversal(lengths.to(x.device), x.shape[1])
        for i, layer in enumerate(self.layers):
            x = layer(self.dropout(x) if i else x, backwards)
        out: torch.Tensor = self.head(self.pool(x, lengths))
        return out


class BiLSTMLayer(nn.Module):
    """One LSTM that reads each sequence forwards and one that reads it backwards from its own last frame.

    Neither sees padding before a frame that counts, which is what packed sequences are for; on the CPU this
    takes a third of their time (64 sequences of 5 to 60 frames, forward and backward pass).
    """

    def __init__(self, n_columns: int, hidden: int) -> None:
        super().__init__()
        self.forwards = nn.LSTM(n_columns, hidden, batch_first=True)
        self.backwards = nn.LSTM(n_columns, hidden, batch_first=True)

    def forward(self, x: torch.Tensor, backwards: torch.Tensor) -> torch.Tensor:
        """`(B, T, d)` to `(B, T, 2 hidden)`; `backwards` is the `reversal` of the lengths."""
        turned = self.backwards(torch.take_along_dim(x, backwards, 1))[0]
        return torch.cat([self.forwards(x)[0], torch.take_along_dim(turned, backwards, 1)], 2)


def reversal(lengths: torch.Tensor, n_frames: int) -> torch.Tensor:
    """Indices `(B, n_frames, 1)` that turn each sequence round within its length and leave padding.

    >>> reversal(torch.tensor([2, 3]), 3).squeeze(2).tolist()
    [[1, 0, 2], [2, 1, 0]]
    """
    t = torch.arange(n_frames, device=lengths.device)[None]
    ends = lengths[:, None]
    return torch.where(t < ends, ends - 1 - t, t).unsqueeze(2)
