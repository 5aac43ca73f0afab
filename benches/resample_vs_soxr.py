"""Resampling against soxr HQ, one thread each, in one run: agreement first, then the ratio of times.

    python benches/resample_vs_soxr.py [--seconds 3 60]

Both are timed in turn and the fastest of the repetitions counts, so that other work on the machine
does not favour one of them. Exits with 1 when the two disagree.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time

import numpy as np

PAIRS = [
    (48000, 16000),
    (44100, 16000),
    (22050, 16000),
    (16000, 48000),
    (8000, 16000),
    (16000, 22050),
    (44100, 48000),
    (44100, 47999),
]
TOLERANCE = 1e-3  # of a full-scale signal in the pass band of both, away from the ends


def pass_band_signal(sr: int, top: float, seconds: float) -> np.ndarray:
    """Twenty sines up to `top` Hz with random phases, float32, peak below 1."""
    rng = np.random.default_rng(0)
    t = np.arange(round(sr * seconds)) / sr
    y = sum(np.sin(2 * np.pi * (f * t + rng.random())) for f in np.linspace(0.01 * top, top, 20))
    return (y / (1.01 * np.abs(y).max())).astype(np.float32)


def disagreement(ours: np.ndarray, theirs: np.ndarray, sr: int, target_sr: int, n: int) -> str:
    """Why the two results differ, or an empty string."""
    expected = math.ceil(n * (float(target_sr) / sr))
    if len(ours) != expected:
        return f"{len(ours)} samples, librosa's count is {expected}"
    if abs(len(theirs) - expected) > 1:
        return f"{len(theirs)} samples from soxr, {expected} expected"
    edge = math.ceil(200 * target_sr / min(sr, target_sr))
    both = min(len(ours), len(theirs)) - edge
    error = float(np.abs(ours[edge:both] - theirs[edge:both]).max())
    return "" if error <= TOLERANCE else f"largest difference {error:.2e}, allowed {TOLERANCE:.0e}"


def fastest(functions: list, repetitions: int) -> list[float]:
    """Seconds of the fastest call of each function, called in turn."""
    best = [math.inf] * len(functions)
    for _ in range(repetitions):
        for i, function in enumerate(functions):
            start = time.perf_counter()
            function()
            best[i] = min(best[i], time.perf_counter() - start)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, nargs="+", default=[3.0, 60.0])
    options = parser.parse_args()

    os.environ.setdefault("EMOFEAT_NUM_THREADS", "1")
    import soxr

    import emofeat.audio

    print(f"{'rates':>14} {'clip':>6} {'emofeat':>10} {'soxr HQ':>10} {'ratio':>6}")
    for sr, target_sr in PAIRS:
        for seconds in options.seconds:
            y = pass_band_signal(sr, 0.88 * min(sr, target_sr) / 2, seconds)

            def ours(y=y, sr=sr, target_sr=target_sr):
                return emofeat.audio.resample(y, sr, target_sr)

            def theirs(y=y, sr=sr, target_sr=target_sr):
                return soxr.resample(y, sr, target_sr, quality="HQ")

            if why := disagreement(ours(), theirs(), sr, target_sr, len(y)):
                print(f"{sr} -> {target_sr}, {seconds:g} s: {why}", file=sys.stderr)
                return 1
            a, b = fastest([ours, theirs], max(5, round(300 / seconds)))
            rates = f"{sr}->{target_sr}"
            print(f"{rates:>14} {seconds:4g} s {1e3 * a:7.2f} ms {1e3 * b:7.2f} ms {b / a:5.2f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
