"""What a recording is like, and what about it would spoil features."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emofeat.exceptions import UnsupportedCodecError

# Looked at in pieces, so that an hour needs no double-precision copy of itself.
_PIECE_SECONDS = 60.0
_FRAME_SECONDS = 0.025
_SILENCE_DB = -60.0
_FULL_SCALE = 0.999
# This many samples in a row at full scale are no accident of the waveform.
_CLIPPED_RUN = 3


@dataclass(frozen=True, slots=True)
class Inspection:
    """One recording. Levels are in dB relative to full scale, times in seconds."""

    file: str
    format: str
    codec: str
    sr: int
    channels: int
    duration: float
    #: The largest sample of any channel.
    peak_db: float
    rms_db: float
    #: Share of samples in runs of three or more at full scale.
    clipped: float
    #: Share of frames of 25 ms whose level, over all channels, is below -60 dB.
    silent: float
    leading_silence: float
    trailing_silence: float
    dc_offset: float
    nonfinite: int
    identical_channels: bool
    problems: tuple[str, ...]


def inspect(path: str | os.PathLike[str]) -> Inspection:
    """Read all of the recording at `path` and describe it.

    Raises
    ------
    EmofeatError
        It cannot be decoded; `code` says why.
    """
    from emofeat import audio

    planes, sr = audio.load(path, mono=False)
    return describe(planes, sr, path)


def describe(planes: NDArray[np.float32], sr: int, path: str | os.PathLike[str]) -> Inspection:
    """Describe `planes` `(channels, n)` at `sr` Hz, decoded from the recording at `path`."""
    from emofeat import audio

    try:
        info = audio.info(path)
        format_, codec = info.format, info.codec
    except UnsupportedCodecError:  # PyAV decoded it
        format_, codec = "av", "decoded by PyAV"
    gathered = _Gathered(sr, len(planes))
    step = int(_PIECE_SECONDS * sr)
    for begin in range(0, planes.shape[1], step):
        gathered.add(planes[:, begin : begin + step])
    return gathered.result(Path(path), format_, codec)


class _Gathered:
    """Sums over the pieces of one recording."""

    def __init__(self, sr: int, channels: int) -> None:
        self.sr, self.channels = sr, channels
        self.n, self.nonfinite, self.clipped = 0, 0, 0
        self.peak, self.total, self.energy = 0.0, 0.0, 0.0
        self.identical = channels > 1
        self.levels: list[NDArray[np.float64]] = []
        self._rest = np.zeros((channels, 0), np.float32)

    def add(self, y: NDArray[np.float32]) -> None:
        finite = np.isfinite(y)
        self.nonfinite += int(y.size - finite.sum())
        y = np.where(finite, y, np.float32(0))
        self.n += y.shape[1]
        self.peak = max(self.peak, float(np.abs(y).max(initial=0)))
        self.total += float(y.sum(dtype=np.float64))
        self.energy += float((y.astype(np.float64) ** 2).sum())
        self.clipped += sum(_in_runs(np.abs(channel) >= _FULL_SCALE) for channel in y)
        self.identical = self.identical and bool((y == y[:1]).all())
        joined = np.concatenate([self._rest, y], axis=1)
        size = max(1, round(_FRAME_SECONDS * self.sr))
        n = joined.shape[1] // size
        frames = joined[:, : n * size].reshape(len(y), n, size).astype(np.float64)
        self.levels.append((frames**2).mean(axis=(0, 2)))
        self._rest = joined[:, n * size :]

    def result(self, path: Path, format_: str, codec: str) -> Inspection:
        levels = np.concatenate(self.levels) if self.levels else np.zeros(0)
        if not len(levels) and self.n:  # shorter than a frame: one of what there is
            levels = np.array([self.energy / (self.n * self.channels)])
        silent = levels < 10 ** (_SILENCE_DB / 10)
        loud = np.flatnonzero(~silent)
        samples = max(1, self.n * self.channels)
        lead = int(loud[0]) if len(loud) else len(levels)
        trail = len(levels) - 1 - int(loud[-1]) if len(loud) else len(levels)
        values: dict[str, Any] = {
            "duration": self.n / self.sr,
            "peak_db": _db(self.peak**2),
            "rms_db": _db(self.energy / samples),
            "clipped": self.clipped / samples,
            "silent": float(silent.mean()) if len(silent) else 1.0,
            "leading_silence": lead * _FRAME_SECONDS,
            "trailing_silence": trail * _FRAME_SECONDS,
            "dc_offset": self.total / samples,
            "nonfinite": self.nonfinite,
            "identical_channels": self.identical,
        }
        problems = tuple(_problems(values, self.sr, self.channels, self.n))
        return Inspection(str(path), format_, codec, self.sr, self.channels, **values, problems=problems)


def _problems(v: dict[str, Any], sr: int, channels: int, n: int) -> Iterator[str]:
    """Each thing that would spoil features, as a sentence."""
    if n == 0:
        yield "there are no samples"
        return
    if v["duration"] < _FRAME_SECONDS:
        yield f"shorter than one frame of {_FRAME_SECONDS * 1000:.0f} ms"
    if v["nonfinite"]:
        yield f"{v['nonfinite']:,} samples are NaN or infinite"
    if v["clipped"] > 1e-4:
        yield f"{v['clipped']:.2%} of the samples are clipped"
    if v["silent"] == 1.0:
        yield f"all of it is below {_SILENCE_DB:.0f} dB"
    elif v["silent"] > 0.5:
        yield f"{v['silent']:.0%} of it is below {_SILENCE_DB:.0f} dB"
    elif v["peak_db"] < -40:
        yield f"the peak is only {v['peak_db']:.0f} dB"
    if abs(v["dc_offset"]) > 0.01:
        yield f"the mean of the samples is {v['dc_offset']:+.3f}, not 0"
    if sr < 16000:
        yield f"{sr} Hz: nothing above {sr // 2} Hz, where much of fricatives and of voice quality lies"
    if channels > 1:
        how = "identical" if v["identical_channels"] else "different: their mean is used, --channel takes one"
        yield f"{channels} channels, {how}"


def _in_runs(high: NDArray[np.bool_]) -> int:
    """How many elements of `high` are in runs of `_CLIPPED_RUN` or more."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], high, [False]]).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths >= _CLIPPED_RUN].sum())


def _db(power: float) -> float:
    return float(10 * np.log10(power)) if power > 0 else float("-inf")
