"""emofeat's openSMILE sets against opensmile-python: first agreement, then speed.

    python benches/opensmile_speed.py [--clips N] [--rounds N] [--corpus] [--files N]

One thread: functionals of both sets by `Extractor.process_signal` and by `Smile.process_signal`, in turn on the same
clips in this process, every thread pool pinned to one thread; the ratio is that of each pair of rounds, its
median and extremes are printed. `--corpus`: the command `emofeat extract FOLDER --set egemapsv02 --jobs 2` into
Parquet shards against a script with `Smile(num_workers=2).process_files` that writes one Parquet file, each in a
fresh process, wall and CPU time. Neither is timed before both computed the same.
"""

from __future__ import annotations

import os

# Thread pools read these when their library is loaded, so they are set before anything else is imported.
os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "EMOFEAT_NUM_THREADS"), "1")
)

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import signals
from tests.parity import agreement

#: Share of values within 1e-3 below which nothing is timed.
ENOUGH = {"egemapsv02": 0.999, "compare2016": 0.98}

SCRIPT = """
import sys
from pathlib import Path
import opensmile

folder, out = Path(sys.argv[1]), sys.argv[2]
smile = opensmile.Smile(
    opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals, num_workers=2
)
frame = smile.process_files([str(path) for path in sorted(folder.rglob("*.flac"))])
frame.reset_index().to_parquet(out)
"""


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def clips(folder: Path, limit: int) -> list[tuple[str, np.ndarray, int]]:
    paths = [path for path in signals.clip_paths(folder) if path.suffix == ".flac"]
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, limit).round().astype(int)]
    read = [(path, *signals.read_clip(path)) for path in chosen]
    return [(path.stem, y.astype(np.float32), sr) for path, y, sr in read]


def one_thread(name: str, chosen: list[tuple[str, np.ndarray, int]], rounds: int) -> None:
    """Prints the speeds of both sides on the clips, and their ratio."""
    ours, theirs = agreement.extractor(name, "functionals"), agreement.oracle(name, "functionals")
    counted = agreement.Tally()
    for clip, y, sr in chosen:
        sides = (side(name, "functionals", y, sr) for side in (agreement.ours, agreement.theirs))
        counted.add(clip, theirs.feature_names, *sides)
    if counted.share < ENOUGH[name]:
        raise SystemExit(f"{name}: the numbers differ, nothing is timed: {counted.report()}")
    audio = sum(len(y) / sr for _, y, sr in chosen)

    def run(process: Callable[[np.ndarray, int], object]) -> Callable[[], None]:
        return lambda: [process(y, sr) for _, y, sr in chosen] and None

    pairs = [(seconds(run(ours.process_signal)), seconds(run(theirs.process_signal))) for _ in range(rounds)]
    ratios = sorted(b / a for a, b in pairs)
    a, b = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(
        f"{name} functionals, one thread, {len(chosen)} clips of {audio:.0f} s in all, {rounds} rounds: {counted}"
    )
    print(f"  emofeat    {1e3 * a / len(chosen):8.2f} ms a clip  {audio / a:8.0f} x real time")
    print(f"  opensmile  {1e3 * b / len(chosen):8.2f} ms a clip  {audio / b:8.0f} x real time")
    print(f"  ratio {statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})", flush=True)


def command(*words: object) -> tuple[float, float]:
    """Wall and CPU seconds of a fresh process."""
    environment = {key: value for key, value in os.environ.items() if not key.endswith("NUM_THREADS")}
    before = os.times()
    wall = seconds(
        lambda: subprocess.run(
            [sys.executable, *map(str, words)], check=True, capture_output=True, env=environment
        )
    )
    after = os.times()
    return wall, sum(after[2:4]) - sum(before[2:4])


def corpus(data: Path, rounds: int, limit: int | None) -> None:
    """All recordings to functionals in Parquet, both ways on two cores."""
    import pandas as pd

    import emofeat

    # Not on a tmpfs: writing through to a disk is part of the job.
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as temp:
        work = Path(temp)
        folder = data / "ravdess16k"
        if limit is not None:
            folder = work / "some"
            for path in sorted((data / "ravdess16k").glob("Actor_*/*.flac"))[:limit]:
                (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
                (folder / path.parent.name / path.name).symlink_to(path)
        script, out, table = work / "script.py", work / "ours", work / "theirs.parquet"
        script.write_text(SCRIPT)
        pairs = []
        for _ in range(rounds):
            shutil.rmtree(out, ignore_errors=True)
            ours = command("-m", "emofeat", "extract", folder, "--set", "egemapsv02", "-o", out, "--jobs", 2)
            theirs = command(script, folder, table)
            pairs.append((ours, theirs))
        frame = pd.read_parquet(table).set_index("file")
        columns = agreement.oracle("egemapsv02", "functionals").feature_names
        counted = agreement.Tally()
        dataset = emofeat.open(out)
        key = next(k for k in dataset[0] if k.startswith("egemapsv02"))
        if len(dataset) != len(frame):
            raise SystemExit(f"{len(dataset)} recordings, the script has {len(frame)}")
        by_stem = {
            Path(file).stem: row for file, row in zip(frame.index, frame[columns].to_numpy(), strict=True)
        }
        for i in range(len(dataset)):
            stem = Path(dataset.ids()[i]).stem
            counted.add(stem, columns, np.atleast_2d(dataset[i][key]), by_stem[stem][None])
        if counted.share < ENOUGH["egemapsv02"]:
            raise SystemExit(f"the numbers differ: {counted.report()}")
        ratios = sorted(b[0] / a[0] for a, b in pairs)
        ours, theirs = (min(side) for side in zip(*pairs, strict=True))
        print(
            f"{len(frame):,} files to eGeMAPSv02 functionals in Parquet, 2 jobs, best of {rounds}: {counted}"
        )
        print(f"  emofeat extract      {ours[0]:8.2f} s  {ours[1]:8.2f} s CPU")
        print(f"  Smile.process_files  {theirs[0]:8.2f} s  {theirs[1]:8.2f} s CPU")
        print(f"  ratio of wall times {statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--corpus", action="store_true")
    parser.add_argument("--files", type=int)
    given = parser.parse_args()
    folder = signals.data_folder()
    if folder is None:
        raise SystemExit(f"{signals.TEST_DATA} is not set: no real recordings")
    if given.corpus:
        corpus(folder, min(given.rounds, 3), given.files)
        return
    chosen = clips(folder, given.clips)
    for name in ("egemapsv02", "compare2016"):
        one_thread(name, chosen, given.rounds)


if __name__ == "__main__":
    main()
