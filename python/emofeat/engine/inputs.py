"""From what a person names on the command line to a list of recordings, sorted by id.

An input is a folder (walked, known suffixes unless all files are asked for), a file, a glob, or a
manifest. Whether a file *is* audio is decided by its content when it is read, never by its name.
"""

# ruff: noqa: PTH100, PTH111, PTH112, PTH116, PTH120, PTH122, PTH207
# Paths by the hundred thousand stay text here: making a Path of each costs more than looking at the file.

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from emofeat.engine import manifest
from emofeat.engine.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

#: Suffixes of the files of a folder that are taken without `all_files`: audio, and video with a sound track.
AUDIO_SUFFIXES = frozenset(
    [
        "wav",
        "wave",
        "flac",
        "mp3",
        "mp2",
        "ogg",
        "oga",
        "opus",
        "spx",
        "m4a",
        "m4b",
        "mp4",
        "m4v",
        "aac",
        "mka",
        "mkv",
        "avi",
        "webm",
        "mov",
        "wma",
        "wmv",
        "aif",
        "aiff",
        "aifc",
        "au",
        "snd",
        "caf",
        "w64",
        "rf64",
        "amr",
        "awb",
        "3gp",
        "3g2",
        "mpg",
        "mpeg",
        "flv",
        "wv",
        "ape",
        "tta",
        "ac3",
        "gsm",
    ]
)


@dataclass(frozen=True, slots=True)
class Item:
    """One utterance: a recording, or the part of one from `start` to `end` seconds.

    `path` opens it, `file` is the same as text that can be stored; `row` points into the columns that
    its manifest carries along, -1 without a manifest.
    """

    id: str
    path: str
    start: float | None = None
    end: float | None = None
    row: int = -1

    @property
    def file(self) -> str:
        return storable(self.path)


@dataclass(frozen=True, slots=True)
class Corpus:
    """All utterances of a run, sorted by id, and the columns that their manifests carry along."""

    items: Sequence[Item]
    carried: pa.Table | None

    @property
    def carried_schema(self) -> pa.Schema:
        import pyarrow as pa

        return pa.schema([]) if self.carried is None else self.carried.schema


def storable(path: str) -> str:
    """`path` as UTF-8 text: bytes of a file name that are not UTF-8 are written as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def gather(
    inputs: Sequence[str | os.PathLike[str]], *, all_files: bool = False, skip: Path | None = None
) -> Corpus:
    """The utterances that `inputs` name.

    Ids of files are their paths below the deepest folder that holds all inputs (a folder that is the
    only input is that folder; a glob counts as its part before the first wildcard), without suffix.

    Parameters
    ----------
    inputs
        Folders, files, globs and manifests, in any order.
    all_files
        Take every file of a folder, not only those with a suffix of audio or video.
    skip
        A folder that is never walked: the output.

    Raises
    ------
    UsageError
        Nothing found, a manifest that does not validate, or two recordings with one id.
    """
    roots: list[str] = []
    paths: dict[str, None] = {}
    manifests: list[manifest.Manifest] = []
    for given in [os.fspath(i) for i in inputs]:
        if given.casefold().endswith(manifest.SUFFIXES) and not Path(given).is_dir() and not _is_glob(given):
            manifests.append(manifest.read(Path(given)))
            continue
        root, found = _expand(given, all_files, None if skip is None else os.path.realpath(skip))
        roots.append(root)
        paths.update(dict.fromkeys(found))
    root = os.path.commonpath(roots) if roots else ""
    items = [Item(storable(os.path.splitext(os.path.relpath(path, root))[0]), path) for path in paths]
    carried = _carried(manifests)
    row = 0
    for m in manifests:
        for i, (id_, file, start, end) in enumerate(zip(m.ids, m.files, m.starts, m.ends, strict=True)):
            items.append(Item(id_, file, start, end, row + i if carried is not None else -1))
        row += len(m.files)
    items.sort(key=lambda item: item.id)
    for a, b in pairwise(items):
        if a.id == b.id:
            raise UsageError(
                f"two recordings have the id {a.id!r}: {_origin(a, manifests)} and {_origin(b, manifests)}; "
                "give each its own id in a manifest (column 'id')"
            )
    if not items:
        raise UsageError(
            f"no recordings in {', '.join(map(str, inputs))}; folders are searched for the suffixes of "
            "audio and video files, --all-files takes every file"
        )
    return Corpus(items, carried)


def _origin(item: Item, manifests: Sequence[manifest.Manifest]) -> str:
    for m in manifests:
        for i, (id_, file) in enumerate(zip(m.ids, m.files, strict=True)):
            if (id_, file, m.starts[i], m.ends[i]) == (item.id, item.path, item.start, item.end):
                return f"{m.path}, {m.where(i)}"
    return item.file


def _carried(manifests: Sequence[manifest.Manifest]) -> pa.Table | None:
    """The further columns of all manifests, one below the other; a column that one lacks is null there."""
    if not any(m.carried for m in manifests):
        return None
    import pyarrow as pa

    types: dict[str, pa.DataType] = {}
    for m in manifests:
        for name, values in m.carried.items():
            known = types.get(name, values.type)
            if pa.types.is_null(known) or known == values.type:
                types[name] = values.type
            elif {known, values.type} == {pa.int64(), pa.float64()}:
                types[name] = pa.float64()
            elif not pa.types.is_null(values.type):
                raise UsageError(f"{m.path}, column {name!r}: {values.type}, another manifest has {known}")
    columns = {}
    for name, type_ in types.items():
        chunks = [
            m.carried[name].cast(type_) if name in m.carried else pa.nulls(len(m.files), type_)
            for m in manifests
        ]
        # A column without any value is text: a later run may fill it.
        columns[name] = pa.chunked_array(chunks).cast(pa.string() if pa.types.is_null(type_) else type_)
    return pa.table(columns).combine_chunks()


def _is_glob(given: str) -> bool:
    return glob.has_magic(given) and not os.path.lexists(given)


def _expand(given: str, all_files: bool, skip: str | None) -> tuple[str, list[str]]:
    """The folder that ids count from, and the files, of one input that is no manifest."""
    path = os.path.abspath(os.path.expanduser(given))
    if _is_glob(path):
        fixed = path
        while glob.has_magic(fixed):
            fixed = os.path.dirname(fixed)
        found = []
        for match in glob.iglob(path, recursive=True):
            # `**` names the folders on the way too; `*` may name folders that are meant whole.
            if not os.path.isdir(match):
                found.append(match)
            elif "**" not in given:
                found.extend(_walk(match, all_files, skip, ()))
        if not found:
            raise UsageError(f"no file matches {given!r}")
        return fixed, sorted(found)
    if os.path.isdir(path):
        return path, list(_walk(path, all_files, skip, ()))
    if not os.path.lexists(path):
        raise UsageError(f"{given}: no such file or folder")
    return os.path.dirname(path), [path]


def _walk(
    folder: str, all_files: bool, skip: str | None, above: tuple[tuple[int, int], ...]
) -> Iterator[str]:
    """Files below `folder` in the order of their names, without hidden ones.

    Links to folders are followed, except back to a folder that is being walked. A folder that cannot
    be read stops the run: leaving it out would pass for a corpus without it.
    """
    try:
        status = os.stat(folder)
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda e: e.name)
    except OSError as error:
        raise UsageError(f"{folder}: the folder cannot be read: {error.strerror}") from error
    me = (status.st_dev, status.st_ino)
    if me in above or (skip is not None and os.path.realpath(folder) == skip):
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        wanted = all_files or (
            entry.name.rpartition(".")[2].casefold() in AUDIO_SUFFIXES and "." in entry.name
        )
        if _is_dir(entry):
            empty = True
            for path in _walk(entry.path, all_files, skip, (*above, me)):
                empty = False
                yield path
            # A folder called a.wav with no recordings in it is a mistake that should be seen.
            if empty and not all_files and wanted:
                yield entry.path
        elif wanted:
            yield entry.path


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links: listed, and reported when it is read
        return False
