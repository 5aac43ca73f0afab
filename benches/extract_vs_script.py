"""The whole command, from recordings to Parquet, against a fair script of librosa on the same cores.

    EMOFEAT_TEST_DATA=… python benches/extract_vs_script.py [--rounds 5] [--ten-times]

First both outputs are compared: they hold the same frames, log-mel and MFCC within 1e-3 dB, but for at
most one value in 10,000 (mel bands 60 dB and more below the frame's loudest, where a float32 FFT has no
more digits; none may differ by 0.01 dB). Then all
commands take turns, each as a fresh process with imports, start and exit, and the best round counts:

- `emofeat extract` with two jobs and `benches/librosa_script.py` with two processes, on the 1,434 FLAC
  files and on 16 kHz WAV copies of them;
- what decoding and writing alone take: the same files decoded and the same rows written by the same
  code on two threads, with nothing computed between, plus the time to start a process with the imports.

With `--ten-times` also ten times the files with one job and two, and the peak memory of each.
Seconds of CPU (of all processes) stand beside the wall time: on a machine with other work they say more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
SPECS = "logmel(n_fft=512,hop_length=160,n_mels=80),mfcc(n_fft=512,hop_length=160,n_mels=80,n_mfcc=20)"
TOLERANCE, BEYOND, NEVER = 1e-3, 1e-4, 1e-2  # dB, share of values, dB


@dataclass
class Cost:
    """Of one command: wall and CPU seconds, peak memory of its largest process in MB."""

    wall: float
    cpu: float
    peak: float

    def better(self, other: Cost | None) -> Cost:
        if other is None:
            return self
        return Cost(min(self.wall, other.wall), min(self.cpu, other.cpu), min(self.peak, other.peak))


def run(*command: object) -> Cost:
    """Run a command in a fresh process."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *map(str, command)], stderr=subprocess.PIPE, text=True)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if status:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{errors}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def emofeat(folder: Path, out: Path, jobs: int = 2) -> Cost:
    shutil.rmtree(out, ignore_errors=True)
    return run("-m", "emofeat", "extract", folder, "-f", SPECS, "-o", out, "--jobs", jobs)


def script(folder: Path, out: Path) -> Cost:
    shutil.rmtree(out, ignore_errors=True)
    return run(ROOT / "benches" / "librosa_script.py", folder, out)


def floor(features: Path, out: Path) -> Cost:
    """Decoding and writing what `features` holds, in a fresh process."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    began = time.perf_counter()
    command = [sys.executable, __file__, "--floor", features, out]
    text = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout
    preparing, wall, cpu = map(float, text.split())
    # The rows to write were read first, which the command itself need not do.
    return Cost(time.perf_counter() - began - preparing, cpu, float("nan")) if wall else Cost(0, 0, 0)


def decode_and_write(features: Path, out: Path) -> None:
    """The body of `floor`: prints the seconds of preparing and of the work, and all other CPU seconds."""
    import emofeat
    import pyarrow.parquet as pq
    from emofeat.store.write import PartWriter

    began, cpu = time.perf_counter(), time.process_time()
    dataset = emofeat.open(features, mmap=False)
    shards = []
    for index in range(dataset.layout.n_shards):
        table = pq.read_table(dataset.layout.part(features, index), partitioning=None).combine_chunks()
        shards.append((out / f"part-{index:05d}.parquet", table))
    preparing, prepared = time.perf_counter() - began, time.process_time() - cpu

    def work(shard: tuple) -> None:
        path, table = shard
        for file in table["file"].to_pylist():
            emofeat.load(file)
        with PartWriter(path, dataset.layout) as writer:
            writer.write({name: table[name].combine_chunks() for name in table.column_names})
            writer.finish({})
            writer.commit()

    began = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, shards))
    print(preparing, time.perf_counter() - began, time.process_time() - prepared)


def compare(ours: Path, theirs: Path) -> str:
    """What both hold, and how far they differ; ends the bench if they do not hold the same."""
    import emofeat
    import pyarrow as pa
    import pyarrow.parquet as pq
    from emofeat.store.rows import frames_of

    dataset = emofeat.open(ours, mmap=False)
    largest, beyond, total, n = 0.0, 0, 0, 0
    for part in sorted(theirs.glob("*.parquet")):
        batch: pa.RecordBatch = pq.read_table(part).combine_chunks().to_batches()[0]
        for key, width in (("logmel", 80), ("mfcc", 20)):
            values, splits = frames_of(batch.column(key), width)
            for row, id_ in enumerate(batch.column("id").to_pylist()):
                mine = dataset[id_][key]
                expected = values[splits[row] : splits[row + 1]]
                if mine.shape != expected.shape:
                    raise SystemExit(f"{id_}, {key}: shape {mine.shape}, the script has {expected.shape}")
                differences = np.abs(mine - expected)
                largest = max(largest, float(differences.max()))
                beyond += int((differences > TOLERANCE).sum())
                total += differences.size
        n += batch.num_rows
    if n != len(dataset):
        raise SystemExit(f"{len(dataset)} recordings, the script has {n}")
    if largest > NEVER or beyond > BEYOND * total:
        raise SystemExit(
            f"the numbers differ: by up to {largest} dB, {beyond:,} values by more than {TOLERANCE} dB"
        )
    far = f"{beyond:,} of {total:,} values beyond {TOLERANCE} dB"
    return f"{n:,} files, largest difference {largest:.1e} dB, {far}"


def wav_copies(source: Path, folder: Path) -> Path:
    import soundfile as sf

    for path in sorted(source.rglob("*.flac")):
        target = folder / path.relative_to(source).with_suffix(".wav")
        target.parent.mkdir(parents=True, exist_ok=True)
        y, sr = sf.read(path, dtype="int16")
        sf.write(target, y, sr, "PCM_16")
    return folder


def line(name: str, cost: Cost, base: Cost | None = None) -> str:
    ratio = (
        "" if base is None else f"   {cost.wall / base.wall:5.2f} × wall, {cost.cpu / base.cpu:5.2f} × CPU"
    )
    return f"  {name:<34}{cost.wall:7.2f} s {cost.cpu:7.2f} s CPU{ratio}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ten-times", action="store_true")
    parser.add_argument("--floor", nargs=2, type=Path)
    given = parser.parse_args()
    if given.floor:
        decode_and_write(*given.floor)
        return
    data = Path(os.environ["EMOFEAT_TEST_DATA"]) / "ravdess16k"
    # Not on a tmpfs: writing through to a disk is part of the job.
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as temp:
        work = Path(temp)
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "python"), os.environ.get("PYTHONPATH", "")])
        sys.path.insert(0, str(ROOT / "python"))
        for name, folder in (("FLAC", data), ("WAV", wav_copies(data, work / "wav"))):
            best: dict[str, Cost] = {}
            for _ in range(given.rounds):
                for what, cost in (
                    ("script", script(folder, work / "theirs")),
                    ("emofeat", emofeat(folder, work / "ours")),
                    ("floor", floor(work / "ours", work / "floor")),
                ):
                    best[what] = cost.better(best.get(what))
            print(f"{name}: {compare(work / 'ours', work / 'theirs')}; best of {given.rounds}:")
            print(line("emofeat extract, 2 jobs", best["emofeat"]))
            print(line("librosa script, 2 processes", best["script"], best["emofeat"]))
            print(line("decoding and writing alone", best["floor"], best["emofeat"]), flush=True)
        access(work / "ours")
        if given.ten_times:
            ten_times(data, work, given.rounds)


def access(out: Path) -> None:
    """Random utterances from the memory map."""
    import emofeat

    began = time.perf_counter()
    dataset = emofeat.open(out, mmap=True)
    dataset[0]["logmel"]
    built = time.perf_counter() - began
    order = np.random.default_rng(0).integers(0, len(dataset), 20_000).tolist()
    began = time.perf_counter()
    for i in order:
        utterance = dataset[i]
        utterance["logmel"], utterance["mfcc"]
    each = (time.perf_counter() - began) / len(order)
    print(f"memory map: made in {built:.2f} s, two features of a random utterance in {each * 1e6:.1f} µs")


def ten_times(data: Path, work: Path, rounds: int) -> None:
    folder = work / "ten"
    folder.mkdir()
    for i in range(10):
        (folder / f"copy{i}").symlink_to(data)
    best: dict[str, Cost] = {}
    for _ in range(min(rounds, 3)):
        for name, files, jobs in (("one", data, 2), ("ten1", folder, 1), ("ten2", folder, 2)):
            best[name] = emofeat(files, work / "ten-out", jobs).better(best.get(name))
    one, two = best["ten1"], best["ten2"]
    print(f"14,340 FLAC files: 1 job {one.wall:.2f} s, 2 jobs {two.wall:.2f} s: {one.wall / two.wall:.2f} ×")
    print(f"peak memory, 2 jobs: {best['one'].peak:.0f} MB for 1,434 files, {two.peak:.0f} MB for 14,340")


if __name__ == "__main__":
    main()
