"""YIN and pYIN against librosa, one thread each, in one run: agreement first, then the ratio of times.

    python benches/pitch_vs_librosa.py [--files FOLDER] [--every N] [--seconds 3]

`--files` compares every N-th recording of the test data as well and prints how many frames differ. Both
sides get the same float32 samples for the times and float64 for the agreement, and are timed in turn after
librosa has compiled itself; the median of the ratios within a pair counts. Exits with 1 when they disagree.
"""

from __future__ import annotations

import os

# Thread pools read these when their library is loaded.
os.environ.update(
    dict.fromkeys((f"{pool}_NUM_THREADS" for pool in ("OMP", "OPENBLAS", "MKL", "NUMBA", "EMOFEAT")), "1")
)

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from emofeat.compat import librosa as compat
from tests import signals
from tests.parity.gates import Case, _undecided

SPEECH = {"fmin": 65.0, "fmax": 600.0}
MUSIC = {"fmin": 65.40639132514966, "fmax": 2093.004522404789}
#: Name, rate, arguments; ratios asked for of YIN and of pYIN.
CASES = [("16 kHz", 16000, SPEECH), ("22.05 kHz, C2 to C7", 22050, MUSIC), ("48 kHz", 48000, SPEECH)]
ASKED = {"yin": 8.0, "pyin": 50.0}
ALLOWED = 0.001


def disagreement(y: np.ndarray, sr: int, arguments: dict) -> np.ndarray:
    """Frames; those that rounding decides; and of the rest, those in which YIN and pYIN differ."""
    sure = ~_undecided(Case(y, sr, arguments))
    yin = np.abs(compat.yin(y, sr=sr, **arguments) - librosa.yin(y, sr=sr, **arguments)) > 0.01
    ours, theirs = compat.pyin(y, sr=sr, **arguments), librosa.pyin(y, sr=sr, **arguments)
    pyin = (ours[1] != theirs[1]) | ~np.isclose(ours[0], theirs[0], rtol=1e-9, equal_nan=True)
    return np.array(
        [len(sure), (~sure).sum(), (yin & sure).sum(), (pyin & sure).sum(), yin.sum(), pyin.sum()]
    )


def agree(name: str, counts: np.ndarray) -> bool:
    frames, unsure, *off = (int(c) for c in counts)
    print(
        f"{name}: {frames} frames, {unsure} decided by rounding; differ of the others: YIN {off[0]}, "
        f"pYIN {off[1]}; of all: YIN {off[2]}, pYIN {off[3]}"
    )
    return max(off[:2]) <= ALLOWED * (frames - unsure)


def ratio(ours: Callable[[], object], theirs: Callable[[], object], pairs: int) -> tuple[float, float, float]:
    """Median seconds of both, and the median of their ratios."""
    times = []
    for _ in range(pairs):
        start = time.perf_counter()
        ours()
        middle = time.perf_counter()
        theirs()
        times.append((middle - start, time.perf_counter() - middle))
    columns = [statistics.median(column) for column in zip(*times, strict=True)]
    return columns[0], columns[1], statistics.median(b / a for a, b in times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=Path, help="folder of the test data")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)

    right = True
    for name, sr, arguments in CASES:
        y = signals.voice(sr, round(options.seconds * sr), 1)
        right &= agree(name, disagreement(y, sr, arguments))
    if options.files:
        counts = np.zeros(6, dtype=int)
        for _, y, sr in signals.clips(options.files, every=options.every):
            counts += disagreement(y, int(sr), SPEECH)
        right &= agree(str(options.files), counts)
    if not right:
        print("they disagree, nothing is timed", file=sys.stderr)
        return 1

    print(f"{'':>20} {'':>5} {'emofeat':>13} {'librosa':>13} {'ratio':>7} {'asked':>6}")
    for name, sr, arguments in CASES:
        y = signals.voice(sr, round(options.seconds * sr), 1).astype(np.float32)
        frames = 1 + len(y) // 512
        for function, asked in ASKED.items():

            def run(package: object, function=function, y=y, sr=sr, arguments=arguments) -> object:
                return getattr(package, function)(y, sr=sr, **arguments)

            run(librosa)  # its float32 code is compiled here
            pairs = 15 if function == "yin" else 3
            a, b, times = ratio(lambda: run(compat), lambda: run(librosa), pairs)
            per = 1e6 / frames
            print(
                f"{name:>20} {function:>5} {per * a:8.1f} us/f {per * b:8.1f} us/f {times:6.1f}x {asked:5.0f}x"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
