"""Who is trained on, who is watched, who is tested: partitions of a manifest as files with a hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fold:
    """One partition: ids of training, development (may be empty) and test."""

    name: str
    train: tuple[str, ...]
    dev: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """A named list of folds over one manifest.

    `groups` are the columns that are kept whole; `manifest` is the fingerprint of the manifest that it was
    made from; `seed` what drew it, where chance did.
    """

    name: str
    folds: tuple[Fold, ...]
    groups: tuple[str, ...] = ()
    manifest: str | None = None
    seed: int | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the folds, as hexadecimal text; the order of ids in a part does not matter."""
        folds = [[f.name, sorted(f.train), sorted(f.dev), sorted(f.test)] for f in self.folds]
        text = json.dumps(folds, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
