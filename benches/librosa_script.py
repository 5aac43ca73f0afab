"""What a careful researcher would write without emofeat: soundfile, librosa and pyarrow in two processes.

    python benches/librosa_script.py FOLDER OUT

Log-mel (512/160/80, dB) and 20 MFCC of every recording below FOLDER as zstd Parquet. It is meant to be
hard to beat: one mel spectrogram serves both features, the threads of the libraries are pinned (two
processes on two cores), files are read as float32, and the floats are written as emofeat writes them.
"""

from __future__ import annotations

import os

os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
)

import multiprocessing
import sys
from pathlib import Path

import librosa
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile as sf

PROCESSES, FILES_IN_A_PART = 2, 64
WIDTHS = {"logmel": 80, "mfcc": 20}


def features(path: Path) -> tuple[np.ndarray, np.ndarray]:
    y, sr = sf.read(path, dtype="float32")
    mel = librosa.feature.melspectrogram(y=y, sr=sr, n_fft=512, hop_length=160, n_mels=80)
    db = librosa.power_to_db(mel)
    return db.T, librosa.feature.mfcc(S=db, n_mfcc=20).T


def column(matrices: list[np.ndarray]) -> pa.Array:
    values = np.concatenate(matrices).astype(np.float32, copy=False)
    frames = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
    offsets = np.concatenate([[0], np.cumsum([len(m) for m in matrices])])
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), frames)


def write_part(job: tuple[Path, list[tuple[str, Path]]]) -> None:
    out, files = job
    matrices = [features(path) for _, path in files]
    table = pa.table(
        {
            "id": [id_ for id_, _ in files],
            "logmel": column([m for m, _ in matrices]),
            "mfcc": column([m for _, m in matrices]),
        }
    )
    floats = {f"{name}.list.element.list.element": "BYTE_STREAM_SPLIT" for name in WIDTHS}
    pq.write_table(
        table, out, compression="zstd", compression_level=1, use_dictionary=False, column_encoding=floats
    )


def main() -> None:
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True)
    paths = sorted(p for p in folder.rglob("*") if p.suffix in (".flac", ".wav"))
    files = [(str(p.relative_to(folder).with_suffix("")), p) for p in paths]
    jobs = [
        (out / f"part-{i // FILES_IN_A_PART:05d}.parquet", files[i : i + FILES_IN_A_PART])
        for i in range(0, len(files), FILES_IN_A_PART)
    ]
    with multiprocessing.Pool(PROCESSES) as pool:
        for _ in pool.imap_unordered(write_part, jobs):
            pass


if __name__ == "__main__":
    main()
