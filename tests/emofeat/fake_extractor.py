"""A stand-in for `emofeat.Extractor` until the real one is here."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from types import SimpleNamespace as NS

import numpy as np
import soundfile as sf

HOP, WIN = 160, 400


class Err(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def read(path, start, end):
    try:
        st = os.stat(path)
    except FileNotFoundError:
        raise Err("not_found", "no such file") from None
    except OSError as e:
        raise Err("symlink_loop" if e.errno == 40 else "io", str(e)) from None
    if stat.S_ISDIR(st.st_mode):
        raise Err("is_directory", "is a directory")
    if not stat.S_ISREG(st.st_mode):
        raise Err("not_a_file", "not a file")
    if st.st_size == 0:
        raise Err("empty_file", "empty")
    with open(path, "rb") as f:
        head = f.read(40)
    if head.startswith(b"version https://git-lfs"):
        raise Err("lfs_pointer", "an LFS pointer")
    if head.startswith(b"OggS"):
        raise Err("unsupported_codec", "opus")
    try:
        y, sr = sf.read(path, dtype="float32", always_2d=True)
    except sf.LibsndfileError as e:
        raise Err("unknown_format", str(e)) from None
    channels = y.shape[1]
    a, b = round((start or 0) * sr), None if end is None else round(end * sr)
    y = y.mean(1)[a:b]
    if len(y) == 0:
        raise Err("no_samples", "no samples")
    if len(y) < WIN:
        raise Err("too_short", "too short")
    return y, sr, channels


class FakeExtractor:
    def __init__(
        self,
        features="logmel,stats",
        *,
        sr=None,
        precision="float32",
        channel="mean",
        on_short="error",
        on_nonfinite="error",
        front_end=None,
    ):
        self.keys = features.split(",") if isinstance(features, str) else list(features)
        self.config = dict(
            features=self.keys,
            sr=sr,
            precision=precision,
            channel=channel,
            on_short=on_short,
            on_nonfinite=on_nonfinite,
            front_end=dict(front_end or {}),
        )
        self.digest = hashlib.blake2b(json.dumps(self.config).encode(), digest_size=16).hexdigest()
        self.schema = tuple(
            NS(
                key=k,
                spec=k,
                columns=["mean", "std"] if k == "stats" else [f"{k}[{i}]" for i in range(8)],
                unit="dB",
                dtype=precision,
                scope="local",
                description="",
                kind="vector" if k == "stats" else "frames",
            )
            for k in self.keys
        )
        self.calls = 0

    def _values(self, y):
        n = 1 + (len(y) - WIN) // HOP
        frames = np.lib.stride_tricks.sliding_window_view(y, WIN)[::HOP][:n]
        power = np.abs(np.fft.rfft(frames, 512))[:, :256] ** 2
        mel = 10 * np.log10(1e-10 + power.reshape(n, 8, 32).sum(2)).astype(self.config["precision"])
        out = {}
        for k in self.keys:
            v = np.array([[y.mean(), y.std()]], self.config["precision"]) if k == "stats" else mel
            out[k] = np.ascontiguousarray(v)
        return out

    def process_signal(self, y, sr):
        values = self._values(y)
        r = type("R", (dict,), {})(values)
        r.sr, r.hop, r.offset = sr, lambda k: HOP / sr, lambda k: 0.0
        return r

    def extract_batch(self, items, *, n_threads=1, max_seconds):
        self.calls += 1
        rows, failed, deferred, values = [], [], [], []
        for i, (path, start, end) in enumerate(items):
            try:
                y, sr, ch = read(path, start, end)
            except Err as e:
                failed.append(NS(index=i, code=e.code, message=str(e)))
                continue
            if len(y) / sr > max_seconds:
                deferred.append(i)
                continue
            rows.append(
                NS(
                    index=i,
                    sr=sr,
                    file_sr=sr,
                    channels=ch,
                    n_samples=len(y),
                    duration=len(y) / sr,
                    format="wav",
                )
            )
            values.append(self._values(y))
        b = NS(rows=rows, failed=failed, deferred=deferred)
        b.values = lambda k: (
            np.concatenate([v[k] for v in values]) if values else np.zeros((0, 2 if k == "stats" else 8))
        )
        b.splits = lambda k: np.cumsum([0] + [len(v[k]) for v in values]).astype(np.int64)
        return b

    def open_blocks(self, path, start=None, end=None, *, block_seconds=60.0):
        y, sr, ch = read(path, start, end)
        values = self._values(y)
        step = int(block_seconds * sr / HOP)
        n = max(len(v) for k, v in values.items())
        for a in range(0, n, step):
            last = a + step >= n
            block = type("B", (dict,), {})(
                {k: v[a : a + step] for k, v in values.items() if k != "stats" or last}
            )
            if "stats" in values and last:
                block["stats"] = values["stats"]
            samples = min(step * HOP, len(y) - a * HOP)
            block.row = NS(
                index=0,
                sr=sr,
                file_sr=sr,
                channels=ch,
                n_samples=samples,
                duration=samples / sr,
                format="wav",
            )
            yield block
