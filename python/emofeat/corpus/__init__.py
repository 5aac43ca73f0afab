"""Corpora: manifests, their preparation and checks, label maps, splits, and the guard against leakage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emofeat.corpus.formats import read_any, write_any
    from emofeat.corpus.manifest import Manifest
    from emofeat.corpus.splits import Fold, Split
    from emofeat.corpus.utterance import COLUMNS, Utterance

__all__ = ["COLUMNS", "Fold", "Manifest", "Split", "Utterance", "read_any", "write_any"]

# Loaded on first use, each from its module.
_LAZY = {
    "COLUMNS": "emofeat.corpus.utterance",
    "Fold": "emofeat.corpus.splits",
    "Manifest": "emofeat.corpus.manifest",
    "Split": "emofeat.corpus.splits",
    "Utterance": "emofeat.corpus.utterance",
    "read_any": "emofeat.corpus.formats",
    "write_any": "emofeat.corpus.formats",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'emofeat.corpus' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
