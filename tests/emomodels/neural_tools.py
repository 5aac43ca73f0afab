"""Small synthetic examples: classes differ in the mean of their columns, sequences have drawn lengths."""

from __future__ import annotations

import numpy as np

from emomodels.data.examples import Examples

CLASSES = ("angry", "calm", "happy")


def drawn(n: int = 60, *, d: int = 5, seed: int = 0, sequences: bool = False, name: str = "u") -> Examples:
    """`n` examples of three classes in turn, 60 % of them easy to tell apart."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % len(CLASSES)
    frames = [rng.normal(size=(int(rng.integers(3, 12)), d)) + 0.8 * np.eye(len(CLASSES), d)[c] for c in y]
    x = [f.astype(np.float32) for f in frames]
    return Examples(
        ids=tuple(f"{name}{i}" for i in range(n)),
        x=tuple(x) if sequences else np.stack([f.mean(0) for f in x]),
        columns=tuple(f"column{i}" for i in range(d)),
        classes=CLASSES,
        y=y,
    )


def waveforms(n: int = 6, *, seed: int = 0, shortest: int = 500, longest: int = 1500) -> Examples:
    """`n` noises of drawn lengths, louder from class to class."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % len(CLASSES)
    lengths = rng.integers(shortest, longest, n)
    x = tuple(rng.normal(size=(int(length), 1)).astype(np.float32) for length in lengths)
    return Examples(tuple(f"w{i}" for i in range(n)), x, ("sample",), CLASSES, y)
