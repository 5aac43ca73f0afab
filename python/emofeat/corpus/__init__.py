"""Corpora: manifests, their preparation and checks, label maps, splits, and the guard against leakage.

What has a module to itself is called by it: `corpus.prepare.prepare`, `corpus.check.check`, `corpus.trim.trim`.

>>> from emofeat import corpus
>>> rows = [corpus.Utterance(id=f"{s}{i}", speaker=s, label="sad") for s in "abcd" for i in range(3)]
>>> manifest = corpus.Manifest(rows)
>>> split = corpus.leave_one_out(manifest, "speaker")
>>> audit = corpus.audit(manifest, split)
>>> [fold.n["test"] for fold in audit.folds]
[3, 3, 3, 3]
>>> corpus.audit(manifest, corpus.random_k_fold(manifest, 3))  # doctest: +ELLIPSIS
Traceback (most recent call last):
    ...
emofeat.corpus.guard.LeakageError: leakage (speaker): ...
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emofeat.corpus import check, prepare, trim
    from emofeat.corpus.check import Finding, Report
    from emofeat.corpus.duplicates import mark
    from emofeat.corpus.formats import FORMATS, read_any, write_any
    from emofeat.corpus.guard import (
        CLEAN,
        GUARDS,
        PROTOCOLS,
        SPEAKER_DEPENDENT,
        Audit,
        LeakageError,
        Protocol,
        as_published,
        audit,
        check_fit,
        check_posteriors,
        check_selection,
        protocol,
    )
    from emofeat.corpus.labels import LABEL_MAPS, Labelled, LabelMap, SoftLabelled, label_map
    from emofeat.corpus.manifest import Manifest
    from emofeat.corpus.prepare import CORPORA, Prepared
    from emofeat.corpus.splits import (
        Fold,
        Split,
        corpus_folds,
        corpus_split,
        grouped_k_fold,
        leave_one_out,
        random_k_fold,
        s4_actor_folds,
    )
    from emofeat.corpus.trim import Trimmed
    from emofeat.corpus.utterance import COLUMNS, Utterance

__all__ = [
    "CLEAN",
    "COLUMNS",
    "CORPORA",
    "FORMATS",
    "GUARDS",
    "LABEL_MAPS",
    "PROTOCOLS",
    "SPEAKER_DEPENDENT",
    "Audit",
    "Finding",
    "Fold",
    "LabelMap",
    "Labelled",
    "LeakageError",
    "Manifest",
    "Prepared",
    "Protocol",
    "Report",
    "SoftLabelled",
    "Split",
    "Trimmed",
    "Utterance",
    "as_published",
    "audit",
    "check",
    "check_fit",
    "check_posteriors",
    "check_selection",
    "corpus_folds",
    "corpus_split",
    "grouped_k_fold",
    "label_map",
    "leave_one_out",
    "mark",
    "prepare",
    "protocol",
    "random_k_fold",
    "read_any",
    "s4_actor_folds",
    "trim",
    "write_any",
]

# Loaded on first use: modules, and names of modules.
_MODULES = ("check", "prepare", "trim")
_LAZY = {
    "utterance": ("COLUMNS", "Utterance"),
    "manifest": ("Manifest",),
    "formats": ("FORMATS", "read_any", "write_any"),
    "prepare": ("CORPORA", "Prepared"),
    "check": ("Finding", "Report"),
    "duplicates": ("mark",),
    "trim": ("Trimmed",),
    "labels": ("LABEL_MAPS", "LabelMap", "Labelled", "SoftLabelled", "label_map"),
    "splits": (
        *("Fold", "Split", "corpus_folds", "corpus_split", "grouped_k_fold", "leave_one_out"),
        *("random_k_fold", "s4_actor_folds"),
    ),
    "guard": (
        *("CLEAN", "GUARDS", "PROTOCOLS", "SPEAKER_DEPENDENT", "Audit", "LeakageError", "Protocol"),
        *("as_published", "audit", "check_fit", "check_posteriors", "check_selection", "protocol"),
    ),
}
_MODULE_OF = {name: module for module, names in _LAZY.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"emofeat.corpus.{name}")
    if name in _MODULE_OF:
        return getattr(import_module(f"emofeat.corpus.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module 'emofeat.corpus' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
