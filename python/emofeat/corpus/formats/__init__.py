"""Corpora as others keep them: audformat databases, Kaldi data folders, Hugging Face metadata."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

from emofeat._suggest import did_you_mean
from emofeat.corpus.manifest import Manifest
from emofeat.engine.errors import UsageError
from emofeat.exceptions import UnknownNameError

__all__ = ["FORMATS", "read_any", "write_any"]

#: Name of a format, and the files that show that a folder is of that format.
FORMATS = {
    "audformat": ("db.yaml",),
    "kaldi": ("wav.scp",),
    "hf": ("metadata.csv", "metadata.jsonl"),
}


def read_any(path: str | os.PathLike[str]) -> Manifest:
    """Read a manifest, or a folder in one of `FORMATS`, told by the files in it.

    Raises
    ------
    UsageError
        It is none of them, or what it says is not allowed; the message names file, row and column.
    MissingExtraError
        An audformat database without the package that reads it.
    """
    path = Path(path)
    if not path.is_dir():
        return Manifest.read(path)
    for name, files in FORMATS.items():
        if any((path / file).is_file() for file in files):
            read: Callable[[Path], Manifest] = _module(name).read
            return read(path)
    known = ", ".join(f"{' or '.join(files)} ({name})" for name, files in FORMATS.items())
    raise UsageError(f"{path}: the folder holds none of {known}; a manifest is named itself")


def write_any(manifest: Manifest, path: str | os.PathLike[str], to: str | None = None) -> None:
    """Write a manifest as a table by the suffix of `path`, or in one of `FORMATS` into the folder `path`.

    Raises
    ------
    UnknownNameError
        `to` is no format; the message suggests one.
    UsageError
        The format cannot hold what the manifest says; the message says what, and where.
    """
    if to is None:
        manifest.write(path)
        return
    if to not in FORMATS:
        raise UnknownNameError(
            f"no format {to!r}{did_you_mean(to, FORMATS)}; there are {', '.join(FORMATS)}", "unknown_name"
        )
    write: Callable[[Manifest, Path], None] = _module(to).write
    write(manifest, Path(path))


def _module(name: str) -> ModuleType:
    return import_module(f"emofeat.corpus.formats.{name}")
