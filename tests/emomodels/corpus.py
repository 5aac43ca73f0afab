"""A small corpus with features that tell its classes apart a little, on disk, for experiments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from emofeat.corpus.manifest import Manifest
from emofeat.corpus.utterance import Utterance

CLASSES = ("angry", "happy", "sad")


def make(
    folder: Path, *, n_speakers: int = 8, per_class: int = 3, seed: int = 0, **columns: Any
) -> dict[str, Any]:
    """Write manifest, label map and two tables of features; returns a recipe over the first of them."""
    rng = np.random.default_rng(seed)
    rows, voices, faces = [], ["id,a,b,c,d"], ["id,u,v"]
    centres = {c: (rng.normal(0, 1.2, 4), rng.normal(0, 1.2, 2)) for c in CLASSES}
    for speaker in range(n_speakers):
        own = rng.normal(0, 0.4, 4)
        for label in CLASSES:
            for n in range(per_class):
                id_ = f"s{speaker}_{label}_{n}"
                more = {k: v(speaker, label, n) for k, v in columns.items()}
                values = {
                    "speaker": f"s{speaker}",
                    "label": label,
                    "text_id": f"t{n}",
                    "audio_group": id_,
                } | more
                rows.append(Utterance(id=id_, **values))
                voice, face = centres[label]
                voices.append(",".join([id_, *(f"{v:.5f}" for v in voice + own + rng.normal(0, 1, 4))]))
                faces.append(",".join([id_, *(f"{v:.5f}" for v in face + rng.normal(0, 1, 2))]))
    Manifest(rows).write(folder / "manifest.jsonl")
    (folder / "voice.csv").write_text("\n".join(voices) + "\n", encoding="utf-8")
    (folder / "face.csv").write_text("\n".join(faces) + "\n", encoding="utf-8")
    mapping = {"name": "three", "version": 1, "classes": list(CLASSES), "mapping": {c: c for c in CLASSES}}
    (folder / "labels.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    return {
        "name": "voice",
        "manifest": str(folder / "manifest.jsonl"),
        "label_map": str(folder / "labels.yaml"),
        "split": "speaker-5-fold",
        "features": [source(folder, "voice")],
        "model": {"name": "logistic_regression"},
        "inner": {"folds": 3},
    }


def source(folder: Path, modality: str) -> dict[str, Any]:
    """The table of one modality."""
    return {"path": str(folder / f"{modality}.csv"), "format": "table", "modality": modality}
