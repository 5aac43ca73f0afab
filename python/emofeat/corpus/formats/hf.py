"""Hugging Face `audiofolder`: recordings in a folder, and `metadata.csv` or `metadata.jsonl` beside them.

The column `file_name` names the recording, relative to the folder; all other columns keep their names.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from emofeat._suggest import did_you_mean
from emofeat.corpus import tables
from emofeat.corpus.manifest import PLAIN_COLUMNS, Manifest
from emofeat.engine.errors import UsageError

_PLAIN = ("file_name", *PLAIN_COLUMNS)


def read(folder: Path) -> Manifest:
    """Read `metadata.csv` or `metadata.jsonl` of `folder`; without a column `id`, ids are made from paths."""
    path = next(p for p in (folder / "metadata.csv", folder / "metadata.jsonl") if p.is_file())
    table = tables.read(path, _PLAIN)
    if "file_name" not in table.columns:
        hint = did_you_mean("file_name", table.columns)
        raise UsageError(f"{path}: no column 'file_name'; the columns are {', '.join(table.columns)}{hint}")
    columns = {"file" if name == "file_name" else name: v for name, v in table.columns.items()}
    return Manifest.of_table(replace(table, columns=columns))


def write(manifest: Manifest, folder: Path) -> None:
    """Write `metadata.csv` into `folder`, which must hold the recordings: `datasets` reads no others.

    Raises
    ------
    UsageError
        A recording is not named, or lies outside the folder.
    """
    path = folder / "metadata.csv"
    moved = manifest.at(path)
    inside = os.path.realpath(folder)
    for u in moved:
        if u.file is None:
            raise UsageError(
                f"{path}: the utterance {u.id!r} names no recording; the format needs one in every row"
            )
        if os.path.commonpath([inside, os.path.realpath(moved.audio_path(u))]) != inside:
            raise UsageError(
                f"{path}: the recording of {u.id!r} lies outside the folder ({u.file}); write into a folder "
                "that holds the recordings"
            )
    columns = moved.filled()
    names = [os.path.relpath(os.path.realpath(moved.audio_path(u)), inside) for u in moved]
    tables.write(path, {"file_name": names} | {n: v for n, v in columns.items() if n != "file"}, _PLAIN)
