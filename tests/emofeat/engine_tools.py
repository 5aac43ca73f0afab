"""What the tests of the engine share: small corpora, damaged files, and how to compare two outputs."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile as sf
from emofeat.extractor import Extractor, FeatureInfo

SR = 16000


def voice(seconds: float = 0.5, sr: int = SR, seed: int = 0) -> np.ndarray:
    """A glide with noise: every recording differs, none is silent."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * sr)) / sr
    tone = 0.3 * np.sin(2 * np.pi * (100 + 20 * (seed % 17) + 40 * t) * t)
    return (tone + 0.01 * rng.standard_normal(len(t))).astype(np.float32)


def write_wav(path: Path, seconds: float = 0.5, sr: int = SR, seed: int = 0, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    y = voice(seconds, sr, seed)
    sf.write(path, y if channels == 1 else np.stack([y] * channels, axis=1), sr, "PCM_16", format="WAV")
    return path


def corpus(folder: Path, n: int = 40, seconds: float = 0.3, sr: int = SR) -> Path:
    """`n` recordings in folders of ten."""
    for i in range(n):
        write_wav(folder / f"speaker{i // 10:02d}" / f"utt{i:04d}.wav", seconds, sr, seed=i)
    return folder


def emofeat(
    *args: object, env: dict[str, str] | None = None, **kwargs: object
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "emofeat", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **(env or {})},
        **kwargs,
    )


def start(*args: object, **kwargs: object) -> subprocess.Popen[str]:
    """Start the command line without waiting for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "emofeat", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **kwargs,
    )


def write_opus(path: Path, seconds: float = 1.0, seed: int = 0) -> Path:
    """A recording that the core does not decode."""
    import av

    samples = (voice(seconds, 48_000, seed)[np.newaxis] * 32767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate = 48_000
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


def parts(out: Path) -> dict[str, bytes]:
    """The parts of an output by name, as bytes."""
    return {p.name: p.read_bytes() for p in sorted((out / "parts").glob("*.parquet"))}


def rows(out: Path) -> pa.Table:
    """All rows of an output, sorted."""
    tables = [pq.read_table(p, partitioning=None) for p in sorted((out / "parts").glob("*.parquet"))]
    return pa.concat_tables(tables).sort_by([("id", "ascending"), ("chunk", "ascending")])


def left_overs(out: Path) -> list[str]:
    """Temporary files anywhere in an output."""
    return [str(p) for p in out.rglob("*.tmp")]


def damage(source: bytes, rng: random.Random, how: str) -> bytes:
    """`source` cut at a random place, or with one byte in fifty changed."""
    if how == "truncated":
        return source[: rng.randrange(1, len(source))]
    broken = bytearray(source)
    for _ in range(max(1, len(broken) // 50)):
        broken[rng.randrange(len(broken))] = rng.randrange(256)
    return bytes(broken)


class WithVector(Extractor):
    """The extractor with one feature more, `stats`: mean and deviation of its first feature over a recording.

    What describes a whole recording is stored, joined and exported differently from frames.
    """

    def schema_at(self, sr: int) -> tuple[FeatureInfo, ...]:
        frames = self._plain.schema_at(sr)
        stats = replace(
            frames[0], key="stats", spec="stats", columns=["mean", "std"], kind="vector", description="Test."
        )
        return (*frames, stats)

    @property
    def digest(self) -> str:
        return "vector-" + super().digest

    def process_signal(self, y, sr):
        result = self._plain.process_signal(y, sr)
        result._values["stats"] = self._stats(result[self._first])
        return result

    def extract_batch(self, items, **options):
        batch = self._plain.extract_batch(items, **options)
        values, splits = batch.values(self._first), batch.splits(self._first)
        stats = [self._stats(values[a:b]) for a, b in pairwise(splits)]
        n = len(batch.rows)
        batch._data["stats"] = np.array(stats, values.dtype).reshape(n, 2), np.arange(n + 1)
        return batch

    def open_blocks(self, path, start=None, end=None, **options):
        """Every block but the last has no statistics."""
        held, seen = None, []
        for block in self._plain.open_blocks(path, start, end, **options):
            if held is not None:
                yield held
            seen.append(block[self._first])
            held = block
        held._values["stats"] = self._stats(np.concatenate(seen))[np.newaxis]
        yield held

    @property
    def _plain(self) -> Extractor:
        return Extractor(**self.config)

    @property
    def _first(self) -> str:
        return self._plain.feature_names[0]

    @staticmethod
    def _stats(frames: np.ndarray) -> np.ndarray:
        return np.array([frames.mean(dtype=np.float64), frames.std(dtype=np.float64)], frames.dtype)
