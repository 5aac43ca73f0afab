"""MuSe-CaR: car reviews with arousal and valence every 250 ms, as in the MuSe challenges. Stappen et al. (2021).

```
audio/<clip>/<clip>_<segment>.wav
transcription/<clip>/<clip>_<segment>.csv    start and end in ms, segment_id, word
label/{arousal,valence}/<clip>.csv           timestamp in ms, value, segment_id
partition.csv                                clip, ..., split: train, devel or test
```
One row for each segment. Its arousal and valence are means; the curves stay in the label files, which
`read_continuous` reads. The labels of the official test clips are not public.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emofeat._suggest import did_you_mean
from emofeat.corpus.prepare.base import (
    AUDIO,
    Corpus,
    Count,
    Found,
    by_stem,
    media,
    not_here,
    read_text,
    several,
)
from emofeat.corpus.utterance import Utterance
from emofeat.engine.errors import UsageError

DIMENSIONS = ("arousal", "valence")
#: Seconds from one label to the next.
STEP = 0.25
_SPLITS = {"train": "train", "devel": "dev", "test": "test"}
_COUNTS = (Count(("split",), {"train": 166, "dev": 62, "test": 64}, of="parent"),)
_READS = "partition.csv, audio/1/1_0.wav, label/arousal/1.csv and label/valence/1.csv"
_FILLER = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True, eq=False)
class Continuous:
    """Values over time: labels or features of one clip, in the layout of the MuSe challenges.

    Parameters
    ----------
    times
        `(n,)`, float64: seconds since the begin of the clip, ascending.
    values
        `(n, n_columns)`, float64; NaN where a cell is empty.
    segments
        `(n,)`: the segment that each row belongs to, as text; empty outside of segments.
    columns
        Names of the columns of `values`.
    """

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    segments: tuple[str, ...]
    columns: tuple[str, ...]

    def of(self, segment: str) -> Continuous:
        """The rows of one segment."""
        rows = [row for row, name in enumerate(self.segments) if name == segment]
        return Continuous(self.times[rows], self.values[rows], (segment,) * len(rows), self.columns)


def read_continuous(path: Path | str) -> Continuous:
    """Read a table with the columns `timestamp` (ms) and `segment_id`, and values: `value`, or features.

    Raises
    ------
    UsageError
        A column is missing, a cell is no number, or times do not ascend; the message names file and line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "1.csv")
    ...     _ = path.write_text("timestamp,value,segment_id\\n0,0.5,0\\n250,-0.25,0\\n")
    ...     curve = read_continuous(path)
    >>> curve.times.tolist(), curve.values[:, 0].tolist(), curve.segments
    ([0.0, 0.25], [0.5, -0.25], ('0', '0'))
    """
    path = Path(path)
    header, rows = _table(path)
    for name in ("timestamp", "segment_id"):
        if name not in header:
            raise UsageError(
                f"{path}: no column {name!r}{did_you_mean(name, header)}; it has {', '.join(header)}"
            )
    at = [header.index(name) for name in ("timestamp", "segment_id")]
    columns = [place for place in range(len(header)) if place not in at]
    times = np.empty(len(rows))
    values = np.empty((len(rows), len(columns)))
    segments = []
    for n, (line, cells) in enumerate(rows):
        where = f"{path}, line {line}"
        times[n] = _number(cells[at[0]], where, "timestamp") / 1000
        segments.append(_segment_name(cells[at[1]]))
        values[n] = [
            _number(cells[place], where, header[place]) if cells[place] else np.nan for place in columns
        ]
        if not times[n] > (times[n - 1] if n else -np.inf):
            raise UsageError(
                f"{where}, column 'timestamp': {cells[at[0]]!r} does not come after the time before"
            )
    return Continuous(times, values, tuple(segments), tuple(header[place] for place in columns))


def _table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header, and rows of as many cells with their line numbers."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    header = [name.strip() for name in next(reader, [])]
    rows = []
    for cells in reader:
        if cells:
            if len(cells) != len(header):
                raise UsageError(
                    f"{path}, line {reader.line_num}: {len(cells)} fields, the header has {len(header)}"
                )
            rows.append((reader.line_num, [cell.strip() for cell in cells]))
    return header, rows


def _number(cell: str, where: str, column: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise UsageError(f"{where}, column {column!r}: {cell!r} is not a number") from None


def _segment_name(cell: str) -> str:
    """Segments are numbers; pandas wrote them as `3.0` where a clip has rows outside of segments."""
    return cell.removesuffix(".0") if cell.casefold() != "nan" else ""


def read(root: Path) -> Found:
    """Read MuSe-CaR from the folder that holds partition.csv, audio and label."""
    audio = root / "audio"
    if not (root / "partition.csv").is_file() or not audio.is_dir():
        raise not_here(root, "MuSe-CaR", _READS)
    split_of = _partition(root / "partition.csv")
    files = by_stem(media(audio, AUDIO))
    clips: dict[str, list[str]] = {}
    for stem in files:
        clips.setdefault(stem.rpartition("_")[0], []).append(stem)
    utterances: list[Utterance] = []
    missing = [f"clip {clip}" for clip in sorted(set(split_of) - set(clips))]
    wordless: list[str] = []
    for clip in sorted(set(split_of) & set(clips)):
        labels = {
            name: path for name in DIMENSIONS if (path := root / "label" / name / f"{clip}.csv").is_file()
        }
        if split_of[clip] != "test":
            missing += [f"label/{name}/{clip}.csv" for name in DIMENSIONS if name not in labels]
        curves = {name: read_continuous(path) for name, path in labels.items()}
        labelled = {s for curve in curves.values() for s in curve.segments if s}
        missing += sorted({f"{clip}_{segment}" for segment in labelled} - set(clips[clip]))
        for stem in clips[clip]:
            words = root / "transcription" / clip / f"{stem}.csv"
            text = _text(words) if words.is_file() else None
            if words.is_file() and text is None:
                wordless.append(stem)
            utterances.append(_utterance(stem, files[stem], split_of[clip], curves, labels, text))
    unexpected = sorted(stem for clip in set(clips) - set(split_of) for stem in clips[clip])
    notes = [f"{several(len(wordless), 'transcript')} without the four columns left out"] if wordless else []
    return Found(utterances, None, _COUNTS, missing, unexpected, notes)


def _partition(path: Path) -> dict[str, str]:
    """The split of each clip: first and last column."""
    header, rows = _table(path)
    # Some copies come without a header; its cells would then be a clip.
    if header and header[-1] in _SPLITS:
        rows = [(1, header), *rows]
    splits: dict[str, str] = {}
    for line, cells in rows:
        if cells[-1] not in _SPLITS:
            hint = did_you_mean(cells[-1], _SPLITS)
            raise UsageError(f"{path}, line {line}: {cells[-1]!r} is none of {', '.join(_SPLITS)}{hint}")
        if splits.setdefault(cells[0], _SPLITS[cells[-1]]) != _SPLITS[cells[-1]]:
            raise UsageError(f"{path}, line {line}: the clip {cells[0]!r} is in two splits")
    return splits


def _text(path: Path) -> str | None:
    """The words of a transcript without fillers such as `<breath>`; None for one without four columns."""
    rows = [row for row in csv.reader(io.StringIO(read_text(path), newline="")) if row]
    if not rows or any(len(row) < 4 for row in rows):
        return None
    words = [row[3].strip() for row in rows if row[0].strip().replace(".", "", 1).isdigit()]
    return " ".join(word for word in words if word and not _FILLER.fullmatch(word))


def _utterance(
    stem: str,
    sound: Path,
    split: str,
    curves: Mapping[str, Continuous],
    labels: Mapping[str, Path],
    text: str | None,
) -> Utterance:
    clip, _, segment = stem.rpartition("_")
    rows = {name: curve.of(segment) for name, curve in curves.items()}
    times = [t for curve in rows.values() for t in curve.times]
    extra: dict[str, Any] = {
        "segment": segment,
        "segment_start": float(min(times)) if times else None,
        "segment_end": float(max(times)) + STEP if times else None,
        **{f"{name}_file": str(path) for name, path in labels.items()},
    }
    return Utterance(
        id=stem,
        file=str(sound),
        text=text or None,
        parent=clip,
        split=split,
        corpus="muse-car",
        extra=extra,
        arousal=_mean(rows.get("arousal")),
        valence=_mean(rows.get("valence")),
    )


def _mean(curve: Continuous | None) -> float | None:
    """Mean over the known values; None where there is none."""
    if curve is None or np.isnan(curve.values[:, 0]).all():
        return None
    return float(np.nanmean(curve.values[:, 0]))


CORPUS = Corpus("muse-car", "MuSe-CaR, car reviews, arousal and valence over time", _READS, read)
