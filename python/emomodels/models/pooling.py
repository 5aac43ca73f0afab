"""From frames to one vector: mean, mean and standard deviation, attention; padding never counts."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn


def frame_mask(lengths: torch.Tensor, n_frames: int, device: torch.device) -> torch.Tensor:
    """`(B, n_frames)`, true where a frame is no padding.

    >>> frame_mask(torch.tensor([1, 3]), 3, torch.device("cpu")).tolist()
    [[True, False, False], [True, True, True]]
    """
    return torch.arange(n_frames, device=device)[None] < lengths.to(device)[:, None]


def masked_mean(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over the frames of `x` `(B, T, d)` that `mask` `(B, T)` lets through: `(B, d)`."""
    weight = mask.unsqueeze(-1).to(x.dtype)
    return (x * weight).sum(1) / weight.sum(1).clamp_min(1)


def masked_mean_std(x: torch.Tensor, mask: torch.Tensor, eps: float = 1e-5) -> torch.Tensor:
    """Mean and population standard deviation over frames, side by side: `(B, 2 d)`.

    `eps` is added to the variance, so that a sequence of one frame has a gradient.
    """
    mean = masked_mean(x, mask)
    variance = masked_mean((x - mean.unsqueeze(1)) ** 2, mask)
    return torch.cat([mean, (variance + eps).sqrt()], 1)


def masked_softmax(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Softmax over the last axis, zero where `mask` is false, the rest summing to 1."""
    return torch.softmax(scores.masked_fill(~mask, -torch.inf), -1)


class SelfAttentionPooling(nn.Module):
    """Frames weighted by a small network that looks at each: Linear, tanh, dropout, Linear to 1, tanh, dropout.

    A softmax over the frames that are no padding makes the scores weights. Luna-Jiménez et al. (2022).
    """

    def __init__(self, n_columns: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.score = nn.Sequential(
            nn.Linear(n_columns, n_columns),
            nn.Tanh(),
            nn.Dropout(dropout),
            nn.Linear(n_columns, 1),
            nn.Tanh(),
            nn.Dropout(dropout),
        )

    def weights(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Weight of each frame `(B, T)`; rows sum to 1 over the frames that are no padding."""
        return masked_softmax(self.score(x).squeeze(-1).float(), mask)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The weighted sum `(B, d)` of `x` `(B, T, d)`."""
        return torch.einsum("bt,btd->bd", self.weights(x, mask), x.float())


Pooling = Literal["attention", "mean", "mean_std"]


class Pool(nn.Module):
    """One of the poolings by name; `n_out` is the width of what it gives for `n_columns`."""

    def __init__(self, kind: Pooling, n_columns: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.kind = kind
        self.n_out = 2 * n_columns if kind == "mean_std" else n_columns
        self.attention = SelfAttentionPooling(n_columns, dropout) if kind == "attention" else None

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """`(B, T, d)` and `(B,)` to `(B, n_out)`."""
        mask = frame_mask(lengths, x.shape[1], x.device)
        if self.attention is not None:
            out: torch.Tensor = self.attention(x, mask)
            return out
        return masked_mean_std(x, mask) if self.kind == "mean_std" else masked_mean(x, mask)
