"""A small convolutional network on spectrograms, for corpora of some thousand utterances and training on a CPU."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from emomodels.data.augment import SpectrogramAugmentation
from emomodels.data.loader import Augment
from emomodels.exceptions import RecipeError
from emomodels.models.neural import NeuralEstimator
from emomodels.models.pooling import Pool, Pooling, frame_mask
from emomodels.training import Positive, TrainingSettings

# The first convolution and two poolings halve the bands, the third pooling too: 16 bands give one.
_BANDS_AT_LEAST = 16


class CNNSettings(TrainingSettings):
    """Settings of `cnn`; it is trained for a fixed number of epochs unless `patience` is given.

    Parameters
    ----------
    channels
        Of the four convolutions.
    hidden
        Width of the vector of a frame, after all bands are brought together.
    dropout
        Before that layer and before the head.
    pooling
        From frames to one vector.
    augmentation
        Of training inputs; None for none.
    """

    channels: tuple[Positive, Positive, Positive, Positive] = (16, 32, 64, 64)
    hidden: Positive = 128
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    pooling: Pooling = "mean_std"
    augmentation: SpectrogramAugmentation | None = SpectrogramAugmentation()
    epochs: Positive = 40
    batch_size: Positive = 32
    optimizer: Literal["adam", "adamw", "sgd"] = "adamw"
    lr: Annotated[float, Field(gt=0)] = 2e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    schedule: Literal["constant", "linear", "cosine"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.2
    clip: Annotated[float, Field(gt=0)] | None = 2.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1


class CNN(NeuralEstimator):
    """Four convolutions over time and frequency, a linear layer for each frame, pooling over time, linear layer.

    Columns are bands from low to high, such as those of `logmel(n_mels=64, top_db=none)`, normalised. Frames
    come out at an eighth of the rate they go in, so that 10 ms become 80.
    """

    name = "cnn"
    takes = "sequence"
    settings_class = CNNSettings
    settings: CNNSettings

    def network(self, n_columns: int, n_classes: int) -> nn.Module:
        """For 64 columns and 8 classes about 104,000 parameters.

        Raises
        ------
        RecipeError
            Fewer than 16 columns: these are no bands of a spectrogram.
        """
        if n_columns < _BANDS_AT_LEAST:
            raise RecipeError(
                f"cnn takes spectrograms of at least {_BANDS_AT_LEAST} bands, such as logmel, not {n_columns} "
                "columns; mlp takes vectors, bilstm sequences of any columns"
            )
        return CNNNetwork(n_columns, n_classes, self.settings)

    def augmentation(self) -> Augment | None:
        """Changes of training spectrograms."""
        return self.settings.augmentation


class CNNNetwork(nn.Module):
    """The network of `CNN`.

    Padding never enters: what a convolution reads beyond the end of an utterance is 0, as beyond its start.
    """

    def __init__(self, n_bands: int, n_classes: int, settings: CNNSettings) -> None:
        super().__init__()
        widths = (1, *settings.channels)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(n_in, n_out, 3 if i else 5, stride=1 if i else 2, padding=1 if i else 2, bias=False)
            for i, (n_in, n_out) in enumerate(pairwise(widths))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) for n in settings.channels)
        n_bands = (n_bands + 1) // 2 // 2 // 2 // 2
        self.frame = nn.Linear(settings.channels[-1] * n_bands, settings.hidden)
        self.dropout = nn.Dropout(settings.dropout)
        self.pool = Pool(settings.pooling, settings.hidden, settings.dropout)
        self.head = nn.Linear(self.pool.n_out, n_classes)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """`(B, T, d)` padded and `(B,)` to logits `(B, n_classes)`."""
        x = F.pad(x, (0, 0, 0, -x.shape[1] % 8))  # so that pooling leaves no frame out
        # (B, channels, T, bands); oneDNN's convolutions take two thirds of the time with channels last.
        h = x.unsqueeze(1).contiguous(memory_format=torch.channels_last)
        # In time: a stride of 2, two poolings by 2; a frame counts that holds any of the utterance.
        for i, (convolution, norm, shrink) in enumerate(
            zip(self.convolutions, self.norms, ((2, 2), (2, 2), (1, 2), None), strict=True)
        ):
            h = F.relu(norm(convolution(h)))
            if i == 0:
                lengths = (lengths + 1) // 2
            h = h * frame_mask(lengths, h.shape[2], h.device)[:, None, :, None]
            if shrink is not None:
                h = F.max_pool2d(h, shrink)
                lengths = -(-lengths // shrink[0])
        h = F.relu(self.frame(self.dropout(h.transpose(1, 2).flatten(2))))
        out: torch.Tensor = self.head(self.dropout(self.pool(h, lengths)))
        return out
