"""The main job on a small corpus that this script makes itself: audio to feature shards and back.

The corpus is synthetic: pulses through two formants, in several formats and rates, with one broken
file among them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np

import emofeat

ROOT = Path("build/demo")
COMMAND = [sys.executable, "-m", "emofeat"]


def voice(sr: int, seconds: float, f0: float, formants: tuple[float, float], seed: int) -> np.ndarray:
    """A synthetic voice: a pulse train with falling pitch through two resonators, a little noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(sr * seconds)) / sr
    phase = np.cumsum(f0 * (1.15 - 0.3 * t / seconds)) / sr
    y = np.diff(np.floor(phase), prepend=0.0) + 0.003 * rng.standard_normal(len(t))
    for formant, bandwidth in zip(formants, (80.0, 120.0), strict=True):
        radius = np.exp(-np.pi * bandwidth / sr)
        a1, a2 = 2 * radius * np.cos(2 * np.pi * formant / sr), -radius * radius
        out = np.zeros_like(y)
        for i in range(len(y)):
            out[i] = y[i] + a1 * out[i - 1] + a2 * out[i - 2] if i > 1 else y[i]
        y = out
    return (0.5 * y / np.abs(y).max() * np.hanning(len(y)) ** 0.2).astype(np.float32)


def write_wav(path: Path, y: np.ndarray, sr: int) -> None:
    """A 16-bit WAV file."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sr)
        out.writeframes((y * 32767).astype("<i2").tobytes())


def run(*arguments: str, expect: tuple[int, ...] = (0,)) -> None:
    """Runs the command line and shows what it prints."""
    print(f"\n$ emofeat {' '.join(arguments)}", flush=True)
    code = subprocess.run([*COMMAND, *arguments]).returncode
    if code not in expect:
        sys.exit(f"exit code {code}, expected {expect}")
    if code:
        print(f"(exit code {code}: some items failed, and are listed)")


def main() -> None:
    """Makes the corpus, extracts, shows."""
    shutil.rmtree(ROOT, ignore_errors=True)
    corpus = ROOT / "corpus"
    vowels = {"a": (700.0, 1200.0), "i": (300.0, 2300.0), "u": (320.0, 800.0)}
    for speaker, f0 in enumerate((110.0, 210.0)):
        folder = corpus / f"speaker{speaker}"
        folder.mkdir(parents=True)
        for n, (vowel, formants) in enumerate(vowels.items()):
            write_wav(folder / f"{vowel}.wav", voice(16000, 1.5 + 0.3 * n, f0, formants, n), 16000)
    (corpus / "speaker0" / "broken.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEfmt nonsense")
    print(f"a synthetic corpus of 6 recordings and one broken file: {corpus}")

    features = "logmel(n_mels=80),mfcc(n_mfcc=13),delta(mfcc(n_mfcc=13)),rms,zero_crossing_rate"
    front = ["--win-ms", "25", "--hop-ms", "10"]
    extract = ["extract", str(corpus), "-o", str(ROOT / "features"), "--features", features, *front]
    run(*extract, expect=(3,))
    print("\nThe same command again: finished work is skipped.")
    run(*extract, expect=(3,))
    functionals = str(ROOT / "egemaps")
    run("extract", str(corpus), "-o", functionals, "--set", "egemapsv02", expect=(3,))
    run("inspect", str(corpus / "speaker0" / "a.wav"))
    run(
        "plot",
        str(corpus / "speaker1" / "i.wav"),
        "-o",
        str(ROOT / "plot.png"),
        "--features",
        "rms,zero_crossing_rate",
    )

    print("\nReading back:")
    dataset = emofeat.open(ROOT / "features")
    print(f"{len(dataset)} recordings: {', '.join(dataset.ids()[:3])} ...")
    for name, matrix in dataset[0].items():
        print(f"  {name:20s} {matrix.shape!s:12s} {matrix.dtype}")
    shown = ("F0semitoneFrom27.5Hz_sma3nz_amean", "loudness_sma3_amean", "HNRdBACF_sma3nz_amean")
    sums = emofeat.open(functionals)
    columns = sums.features["egemapsv02"].columns
    print(f"\neGeMAPSv02, {len(columns)} functionals a recording; some of them:")
    for row in sums:
        values = (f"{name.split('_')[0]} {row['egemapsv02'][columns.index(name)]:.2f}" for name in shown)
        print(f"  {row.id:12s} {', '.join(values)}")
    if len(dataset) != 6 or len(sums) != 6:
        sys.exit(f"expected 6 recordings, found {len(dataset)} and {len(sums)}")


if __name__ == "__main__":
    main()
