"""Speech emotion features from one Rust core, in the conventions of the field's own packages.

>>> import numpy as np, emofeat
>>> y = np.sin(np.arange(16000, dtype=np.float32) * 0.1)
>>> emofeat.features.logmel(y, 16000, n_fft=512, hop_length=160, n_mels=80).shape
(101, 80)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emofeat import exceptions
from emofeat._emofeat import __version__

if TYPE_CHECKING:
    from emofeat import audio, features
    from emofeat.audio import load, resample
    from emofeat.extractor import Extractor
    from emofeat.store.read import open

__all__ = ["Extractor", "__version__", "audio", "exceptions", "features", "load", "open", "resample"]

# Loaded on first use: `import emofeat` costs no more than NumPy.
_LAZY = {
    "Extractor": ("emofeat.extractor", "Extractor"),
    "audio": ("emofeat.audio", None),
    "features": ("emofeat.features", None),
    "load": ("emofeat.audio", "load"),
    "open": ("emofeat.store.read", "open"),
    "resample": ("emofeat.audio", "resample"),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'emofeat' has no attribute '{name}'")
    from importlib import import_module

    module, attribute = _LAZY[name]
    value = import_module(module)
    if attribute is not None:
        value = getattr(value, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
