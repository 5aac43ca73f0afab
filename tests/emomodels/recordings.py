"""A small corpus of recordings on disk, and a tiny wav2vec 2.0 with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from emofeat.corpus.manifest import Manifest
from emofeat.corpus.splits import grouped_k_fold
from emofeat.corpus.utterance import Utterance
from tests.signals import write_wav

CLASSES = ("high", "low")
RATE = 16_000


def make(
    folder: Path, *, n_speakers: int = 4, per_class: int = 2, seed: int = 0, who: str = "s"
) -> dict[str, Any]:
    """Write noisy tones, high and low, with manifest, label map and a split of two folds; returns what recipes
    over them have in common."""
    rng = np.random.default_rng(seed)
    rows = []
    for speaker in range(n_speakers):
        for label, pitch in zip(CLASSES, (900.0, 150.0), strict=True):
            for n in range(per_class):
                id_ = f"{who}{speaker}_{label}_{n}"
                t = np.arange(int(rng.uniform(0.1, 0.2) * RATE)) / RATE
                y = 0.3 * np.sin(2 * np.pi * pitch * rng.uniform(0.9, 1.1) * t) + rng.normal(0, 0.03, len(t))
                (folder / "wav").mkdir(parents=True, exist_ok=True)
                write_wav(folder / "wav" / f"{id_}.wav", y, RATE)
                rows.append(
                    Utterance(
                        id=id_, file=f"wav/{id_}.wav", speaker=f"{who}{speaker}", label=label, audio_group=id_
                    )
                )
    manifest = Manifest(rows, folder / "manifest.jsonl")
    manifest.write(folder / "manifest.jsonl")
    mapping = {"name": "two", "version": 1, "classes": list(CLASSES), "mapping": {c: c for c in CLASSES}}
    (folder / "labels.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    grouped_k_fold(manifest, 2, "speaker").write(folder / "split.json")
    return {
        "name": "tones",
        "manifest": str(folder / "manifest.jsonl"),
        "label_map": str(folder / "labels.yaml"),
        "split": str(folder / "split.json"),
        "inner": {"oof": False},
    }


def tiny_wav2vec2(folder: Path, **config: Any) -> Path:
    """A folder with a model of the base design; a frame is 25 samples long, 20 from the next."""
    import torch
    import transformers

    small = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "conv_dim": (12, 12),
        "conv_kernel": (10, 4),
        "conv_stride": (5, 4),
        "num_conv_pos_embeddings": 8,
        "num_conv_pos_embedding_groups": 2,
        "vocab_size": 8,
    }
    torch.manual_seed(0)
    transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**(small | config))).save_pretrained(folder)
    return folder
