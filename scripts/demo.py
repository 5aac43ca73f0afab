"""The main job on small corpora that this script makes itself: audio to feature shards, to models, to a report.

Both corpora are synthetic: pulses through two formants. The first has one broken file among its recordings, the
second has speakers who say vowels calmly, happily and angrily; models of it say nothing about people.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

import emofeat

ROOT = Path("build/demo")
#: Pitch, its range, loudness and noise of a synthetic manner of speaking, as factors of the speaker's own.
MANNERS = {"calm": (0.95, 0.5, 0.4, 1.0), "happy": (1.2, 1.6, 0.8, 1.0), "angry": (1.1, 1.0, 1.0, 4.0)}
VOWELS = {"a": (700.0, 1200.0), "i": (300.0, 2300.0), "u": (320.0, 800.0)}


def voice(
    sr: int,
    seconds: float,
    f0: float,
    formants: tuple[float, float],
    seed: int,
    glide: float = 0.3,
    noise: float = 0.003,
) -> np.ndarray:
    """A synthetic voice, peak 0.5: pulses with falling pitch through two resonators, a little noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(sr * seconds)) / sr
    wander = lfilter([0.01], [1, -0.99], rng.standard_normal(len(t) // 80 + 1)).repeat(80)[: len(t)]
    phase = np.cumsum(f0 * (1 + glide * (0.5 - t / seconds) + wander)) / sr
    y = np.diff(np.floor(phase), prepend=0.0) + noise * rng.standard_normal(len(t))
    for formant, bandwidth in zip(formants, (80.0, 120.0), strict=True):
        radius = np.exp(-np.pi * bandwidth / sr)
        y = lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * formant / sr), radius * radius], y)
    return (0.5 * y / np.abs(y).max() * np.hanning(len(y)) ** 0.2).astype(np.float32)


def write_wav(path: Path, y: np.ndarray, sr: int) -> None:
    """A 16-bit WAV file."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sr)
        out.writeframes((y * 32767).astype("<i2").tobytes())


def run(*arguments: str, program: str = "emofeat", expect: tuple[int, ...] = (0,)) -> None:
    """Runs a command line and shows what it prints."""
    print(f"\n$ {program} {shlex.join(arguments)}", flush=True)
    code = subprocess.run([sys.executable, "-m", program, *arguments]).returncode
    if code not in expect:
        sys.exit(f"exit code {code}, expected {expect}")
    if code:
        print(f"(exit code {code}: some items failed, and are listed)")


def main() -> None:
    """Both halves, from nothing."""
    shutil.rmtree(ROOT, ignore_errors=True)
    features()
    emotions()


def features() -> None:
    """Makes a corpus, extracts, shows."""
    corpus = ROOT / "corpus"
    for speaker, f0 in enumerate((110.0, 210.0)):
        folder = corpus / f"speaker{speaker}"
        folder.mkdir(parents=True)
        for n, (vowel, formants) in enumerate(VOWELS.items()):
            write_wav(folder / f"{vowel}.wav", voice(16000, 1.5 + 0.3 * n, f0, formants, n), 16000)
    (corpus / "speaker0" / "broken.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEfmt nonsense")
    print(f"a synthetic corpus of 6 recordings and one broken file: {corpus}")

    wanted = "logmel(n_mels=80),mfcc(n_mfcc=13),delta(mfcc(n_mfcc=13)),rms,zero_crossing_rate"
    front = ["--win-ms", "25", "--hop-ms", "10"]
    extract = ["extract", str(corpus), "-o", str(ROOT / "features"), "--features", wanted, *front]
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


def emotions() -> None:
    """Makes a labelled corpus, trains two models, fuses them, reports."""
    corpus, manifest = ROOT / "emotions", ROOT / "emotions.jsonl"
    corpus.mkdir(parents=True)
    rng = np.random.default_rng(0)
    with (corpus / "labels.csv").open("w", encoding="utf-8") as table:
        print("file,label,speaker", file=table)
        for speaker in range(10):
            f0, own = rng.uniform(90, 240), rng.uniform(0.5, 1.0)
            for manner, (pitch, glide, level, noise) in MANNERS.items():
                for n, (f1, f2) in enumerate([*VOWELS.values()] * 2):
                    drawn = rng.normal(1, 0.15, 3)
                    formants = (f1 * rng.normal(1, 0.1), f2 * rng.normal(1, 0.1))
                    seed = int(rng.integers(1 << 30))
                    y = voice(16000, 1.2, f0 * pitch * drawn[0], formants, seed, 0.4 * glide, 0.003 * noise)
                    name = f"s{speaker}-{manner}-{n}.wav"
                    write_wav(corpus / name, np.clip(y * level * own * drawn[1], -1, 1), 16000)
                    print(f"{name},{manner},s{speaker}", file=table)
    print("\n\nFrom a labelled corpus to a report. The corpus is synthetic: 180 vowels of 10 speakers.")
    run("prepare", "csv", str(corpus / "labels.csv"), "-o", str(manifest))
    run("check", str(manifest), expect=(0, 3))
    run("extract", str(manifest), "-o", str(ROOT / "functionals"), "--set", "egemapsv02")
    for model, more in {"linear_svm": {}, "mlp": {"epochs": 40}}.items():
        recipe = {
            "name": f"synthetic vowels, {model}",
            "manifest": str(manifest),
            "label_map": str(ROOT / "manners.yaml"),
            "split": "speaker-5-fold",
            "features": [{"path": str(ROOT / "functionals")}],
            "model": {"name": model, **more},
            "seeds": [0] if model == "linear_svm" else [0, 1, 2],
            "stamps": ["synthetic corpus"],
        }
        (ROOT / f"{model}.yaml").write_text(json.dumps(recipe, indent=1), encoding="utf-8")
    classes = list(MANNERS)
    label_map = {
        "name": "synthetic-manners",
        "version": 1,
        "classes": classes,
        "mapping": {c: c for c in classes},
    }
    (ROOT / "manners.yaml").write_text(json.dumps(label_map), encoding="utf-8")
    runs = [str(ROOT / "runs" / name) for name in ("svm", "mlp", "fused")]
    models("train", str(ROOT / "linear_svm.yaml"), "-o", runs[0])
    models("train", str(ROOT / "mlp.yaml"), "-o", runs[1])
    models("fuse", *runs[:2], "-o", runs[2])
    models("compare", *runs)
    models("report", runs[2], "-o", str(ROOT / "report.html"))
    print(f"\nThe report on the synthetic corpus: {ROOT / 'report.html'}")


def models(*arguments: str) -> None:
    """Runs emomodels."""
    run(*arguments, program="emomodels")


if __name__ == "__main__":
    main()
