"""Runs drawn from a seed: labels of a few speakers, posteriors of a chosen skill."""

from __future__ import annotations

from typing import Any

import numpy as np

from emomodels.posteriors import Posteriors
from emomodels.runs import Labels, Record

CLASSES = ("angry", "happy", "neutral", "sad")


def labels(n_speakers: int = 8, each: int = 12, n_folds: int = 4) -> Labels:
    """`each` utterances of every speaker, the classes in turn, whole speakers in a fold."""
    rows = [
        (f"s{s}-{i:02d}", CLASSES[i % len(CLASSES)], f"s{s}", str(s % n_folds))
        for s in range(n_speakers)
        for i in range(each)
    ]
    return Labels(*(tuple(column) for column in zip(*rows, strict=True)))


def posteriors(truth: Labels, skill: float, seed: int, model: str = "drawn") -> Posteriors:
    """Probabilities that favour the true class by `skill` standard deviations of their noise."""
    rng = np.random.default_rng(seed)
    true = np.array([CLASSES.index(label) for label in truth.labels])
    logits = rng.normal(size=(len(truth), len(CLASSES))) + skill * np.eye(len(CLASSES))[true]
    values = np.exp(logits)
    trained_on = {
        fold: frozenset(i for i, f in zip(truth.ids, truth.folds, strict=True) if f != fold)
        for fold in truth.fold_names
    }
    return Posteriors(
        truth.ids,
        CLASSES,
        values / values.sum(axis=1, keepdims=True),
        "probability",
        model,
        truth.folds,
        trained_on,
    )


def record(truth: Labels, **changes: Any) -> Record:
    """A record of a clean run over `truth`."""
    data = {
        "manifest": "drawn.csv",
        "manifest_fingerprint": "ab" * 32,
        "label_map": "drawn4 version 1",
        "split": "four folds of whole speakers",
        "split_digest": "cd" * 32,
        "features": {"audio": "logmel"},
        "n_in": len(truth) + 3,
        "n_used": len(truth),
        "left_out": {"no features": ("x1", "x2"), "label 'other' is not in the map": ("x3",)},
    }
    return Record.model_validate(
        {
            "name": "drawn",
            "protocol": {"name": "clean"},
            "command": "emomodels train recipe.yaml",
            "versions": {"python": "3.11.0", "numpy": "2.0.0"},
            "data": data,
            "classes": CLASSES,
            "seeds": (0, 1),
            "test_opened": 1,
            **changes,
        }
    )
