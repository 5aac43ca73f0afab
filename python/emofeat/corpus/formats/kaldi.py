"""Kaldi data folders: `wav.scp`, `segments`, `utt2spk`, `spk2utt`, `text`, `utt2emo` and other `utt2…`.

Read are plain paths alone: emofeat runs no commands. As in Kaldi, relative paths count from the current
folder, an utterance without a speaker is its own speaker, and an end of -1 is the recording's end.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from emofeat.corpus import tables
from emofeat.corpus.manifest import PLAIN_COLUMNS, TEXT_COLUMNS, Manifest
from emofeat.corpus.utterance import COLUMNS, Utterance
from emofeat.engine.errors import UsageError
from emofeat.store.write import write_text

# Files with a value for each utterance, and their columns; any other `utt2NAME` is the column NAME.
_NAMES = {"text": "text", "utt2spk": "speaker", "utt2emo": "label", "utt2label": "label"}
_ARCHIVE = re.compile(r"\.ark:\d+(\[.*\])?")


def read(folder: Path) -> Manifest:
    """Read a data folder.

    Raises
    ------
    UsageError
        A line that is no pair, an id without a recording, or a recording that is a command or an archive.
    """
    wavs = _pairs(folder / "wav.scp")
    for number, (id_, path) in enumerate(wavs.items(), 1):
        if path.endswith("|") or _ARCHIVE.search(path):
            what = "a command" if path.endswith("|") else "a part of an archive"
            raise UsageError(
                f"{folder / 'wav.scp'}, line {number}, {id_!r}: {what} ({path}); write the recordings to "
                "files and name those"
            )
    rows: dict[str, dict[str, Any]] = {}
    if (folder / "segments").is_file():
        for id_, value in _pairs(folder / "segments").items():
            rows[id_] = _segment(folder, id_, value, wavs)
    else:
        rows = {id_: {"file": os.path.abspath(path)} for id_, path in wavs.items()}  # noqa: PTH100
    for file in sorted(folder.iterdir()):
        column = _NAMES.get(file.name, file.name[4:] if file.name.startswith("utt2") else None)
        if column and file.is_file():
            _fill(rows, column, file, _pairs(file))
    if not (folder / "utt2spk").is_file() and (folder / "spk2utt").is_file():
        speakers = {utt: spk for spk, utts in _pairs(folder / "spk2utt").items() for utt in utts.split()}
        _fill(rows, "speaker", folder / "spk2utt", speakers)
    names = dict.fromkeys(name for row in rows.values() for name in row if name not in COLUMNS)
    for name in names:
        for row, value in zip(
            rows.values(), tables.typed([row.get(name, "") for row in rows.values()]), strict=True
        ):
            row[name] = value
    return Manifest((_utterance(id_, row, names) for id_, row in rows.items()), folder / "wav.scp")


def _segment(folder: Path, id_: str, value: str, wavs: Mapping[str, str]) -> dict[str, Any]:
    fields = value.split()
    if len(fields) not in (3, 4) or fields[0] not in wavs:
        raise UsageError(
            f"{folder / 'segments'}, {id_!r}: {value!r} is not `recording start end` of a recording in wav.scp"
        )
    try:
        start, end = float(fields[1]), float(fields[2])
    except ValueError:
        raise UsageError(f"{folder / 'segments'}, {id_!r}: {value!r} holds no times in seconds") from None
    whole = start == 0 and end == -1
    return {
        "file": os.path.abspath(wavs[fields[0]]),  # noqa: PTH100
        "start": None if whole else start,
        "end": None if end == -1 else end,
    }


def _fill(rows: Mapping[str, dict[str, Any]], column: str, path: Path, values: Mapping[str, str]) -> None:
    for id_, value in values.items():
        if id_ not in rows:
            raise UsageError(f"{path}: {id_!r} has no recording in wav.scp or segments of its folder")
        if column == "speaker" and value == id_:
            continue
        rows[id_][column] = value


def _utterance(id_: str, row: Mapping[str, Any], names: Iterable[str]) -> Utterance:
    values = {k: v for k, v in row.items() if k in COLUMNS}
    for name in values.keys() - {"start", "end", *TEXT_COLUMNS}:
        (values[name],) = tables.typed([values[name]])
    return Utterance(id=id_, **values, extra={name: row[name] for name in names})


def _pairs(path: Path) -> dict[str, str]:
    """The lines `key value…` of a file."""
    pairs: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        key, *rest = line.split(maxsplit=1)
        value = rest[0].strip() if rest else ""
        if not value and path.name != "text":
            raise UsageError(f"{path}, line {number}: {line!r} is not `key value`")
        if key in pairs:
            raise UsageError(f"{path}, line {number}: {key!r} occurs twice")
        pairs[key] = value
    return pairs


def write(manifest: Manifest, folder: Path) -> None:
    """Write a data folder; paths of recordings are absolute, white space in texts becomes one blank.

    Raises
    ------
    UsageError
        An utterance names no recording, or an id or a speaker is not one word.
    """
    for u in manifest:
        for name, value in (("id", u.id), ("speaker", u.speaker)):
            if value is not None and re.search(r"\s", value):
                raise UsageError(
                    f"{folder}: {value!r} as {name!r} of {u.id!r} holds white space, which Kaldi cannot"
                )
    absolute = {u.id: os.path.abspath(manifest.audio_path(u)) for u in manifest}  # noqa: PTH100
    folder.mkdir(parents=True, exist_ok=True)
    cut = any(u.start is not None or u.end is not None for u in manifest)
    if cut:
        recordings = {path: f"rec{n:06d}" for n, path in enumerate(dict.fromkeys(absolute.values()))}
        _write(folder / "wav.scp", {recording: path for path, recording in recordings.items()})
        ends = {u.id: -1.0 if u.end is None else u.end for u in manifest}
        segments = {u.id: f"{recordings[absolute[u.id]]} {u.start or 0.0!r} {ends[u.id]!r}" for u in manifest}
        _write(folder / "segments", segments)
    else:
        _write(folder / "wav.scp", absolute)
    _write(folder / "utt2spk", {u.id: u.speaker or u.id for u in manifest})
    utterances = defaultdict(list)
    for u in manifest:
        utterances[u.speaker or u.id].append(u.id)
    _write(folder / "spk2utt", {speaker: " ".join(_sorted(ids)) for speaker, ids in utterances.items()})
    for name, values in manifest.filled().items():
        if name in ("id", "file", "start", "end", "speaker"):
            continue
        file = {"text": "text", "label": "utt2emo"}.get(name, f"utt2{name}")
        written = zip(manifest.ids, tables.cells(values, name in PLAIN_COLUMNS), strict=True)
        _write(folder / file, {id_: " ".join(value.split()) for id_, value in written if value})


def _write(path: Path, pairs: Mapping[str, str]) -> None:
    write_text(path, "".join(f"{key} {pairs[key]}\n" for key in _sorted(pairs)))


def _sorted(keys: Iterable[str]) -> list[str]:
    """In the order of their bytes, as Kaldi demands."""
    return sorted(keys, key=str.encode)
