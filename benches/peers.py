"""emofeat against the packages whose numbers it reproduces: first agreement, then speed.

    python benches/peers.py [--only NAME ...] [--quick] [--check] [--json FILE]

Each entry computes the same thing twice, refuses to time what does not agree within the gates of
`tests/parity/gates.py`, and then times both in turn, A B A B, in this one process with every thread pool
pinned to one thread. What counts is the ratio within a pair, because machines drift: the table gives its
median and its extremes. Speeds are seconds of audio per second of work.
"""

from __future__ import annotations

import os

# Thread pools read these when their library is loaded, so they are set before anything else is imported.
os.environ.update(
    dict.fromkeys(
        (
            "OMP_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "MKL_NUM_THREADS",
            "BLIS_NUM_THREADS",
            "NUMBA_NUM_THREADS",
            "EMOFEAT_NUM_THREADS",
        ),
        "1",
    )
)

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import emofeat
from tests import signals
from tests.parity import gates, peers
from tests.parity.gates import Case

LOGMEL: dict[str, Any] = {"n_fft": 512, "hop_length": 160, "n_mels": 80}


@dataclass(frozen=True)
class Contest:
    """The same work done by two sides, over `audio` seconds of sound."""

    audio: float
    ours: Callable[[], Any]
    theirs: Callable[[], Any]


@dataclass(frozen=True)
class Entry:
    """One line of the table. `asked` and `goal` are ratios; `prepare` checks agreement before it returns."""

    name: str
    what: str
    against: str
    asked: float | None
    goal: float | None
    prepare: Callable[[], Contest]


@dataclass
class Measured:
    name: str
    what: str
    against: str
    ours: float
    theirs: float
    ratio: float
    lowest: float
    highest: float
    asked: float | None
    goal: float | None
    notes: dict[str, float] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        return self.asked is None or self.ratio >= self.asked


# -------------------------------------------------------------------------------------------------------
# signals


@cache
def voices(sr: int, seconds: float, count: int) -> tuple[np.ndarray, ...]:
    """`count` different float32 voices; several, so that nobody computes in a warm cache of one."""
    return tuple(signals.voice(sr, int(seconds * sr), seed).astype(np.float32) for seed in range(count))


def spec(name: str, **params: Any) -> str:
    """The feature as the extractor spells it."""
    inside = ", ".join(f"{k}={v}" for k, v in params.items())
    return f"{name}({inside})" if inside else name


def extractor(*features: str, sr: int, precision: str = "float32") -> Any:
    return emofeat.Extractor(list(features), sr=sr, precision=precision)


def require(
    name: str, precision: str, actual: Any, expected: Any, y: np.ndarray, sr: int, **params: Any
) -> None:
    """Stop unless both sides agree within the gate of that feature and precision."""
    case = Case(y.astype(np.float64), sr, params)
    pair = (np.asarray(a, dtype=np.float64) for a in (actual, expected))
    try:
        gates.AGAINST_PEERS[precision][name](*pair, case)
    except AssertionError as error:
        raise SystemExit(
            f"{name} ({precision}) does not agree with its peer, nothing is timed: {error}"
        ) from error


# -------------------------------------------------------------------------------------------------------
# entries


def _logmel(seconds: float, count: int) -> Contest:
    import librosa

    sr = 16000
    clips = voices(sr, seconds, count)
    plan = extractor(spec("logmel", **LOGMEL), sr=sr)
    (key,) = plan.feature_names

    def ours() -> list[np.ndarray]:
        return [plan.process_signal(y, sr)[key] for y in clips]

    def theirs() -> list[np.ndarray]:
        return [librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=sr, **LOGMEL)) for y in clips]

    for y, a, b in zip(clips, ours(), theirs(), strict=True):
        require("logmel", "float32", a, b.T, y, sr, **LOGMEL)
    return Contest(seconds * count, ours, theirs)


def logmel_3s() -> Contest:
    return _logmel(3.0, 20)


def logmel_60s() -> Contest:
    return _logmel(60.0, 1)


def logmel_1h() -> Contest:
    """From a WAV file, decoding included; in blocks, so without the floor below the maximum of the whole."""
    import librosa
    import soundfile

    sr = 16000
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "hour.wav"
    minutes = voices(sr, 60.0, 6)
    signals.write_wav(path, np.concatenate(minutes * 10).astype(np.float64), sr)
    feature = spec("logmel", **LOGMEL, top_db=None)
    plan = extractor(feature, sr=sr)
    (key,) = plan.feature_names

    def ours() -> Iterator[np.ndarray]:
        return (block[key] for block in plan.open_blocks(path))

    def run_ours() -> int:
        assert folder.name  # the file lives as long as this contest
        return sum(len(values) for values in ours())

    def theirs() -> np.ndarray:
        y, _ = soundfile.read(path, dtype="float32")
        return librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=sr, **LOGMEL), top_db=None)

    NOTES["logmel_1h"] = {
        "emofeat's peak memory above the interpreter with it loaded, MB": _memory(path, feature)
    }
    expected = theirs().T
    start = 0
    for values in ours():
        stop = start + len(values)
        worst = float(np.abs(values - expected[start:stop]).max(initial=0.0))
        if worst > 1e-3:
            raise SystemExit(f"logmel of one hour is {worst:.3g} dB off near frame {start}, nothing is timed")
        start = stop
    if start != len(expected):
        raise SystemExit(f"logmel of one hour has {start} frames, librosa {len(expected)}; nothing is timed")
    return Contest(3600.0, run_ours, theirs)


_BLOCKS = """
import sys
import emofeat


def peak():
    # Not getrusage: its peak is that of the parent at the time of the fork, if that was larger.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


path, feature, sr = sys.argv[1], sys.argv[2], int(sys.argv[3])
plan = emofeat.Extractor([feature], sr=sr)
before = peak()
for block in plan.open_blocks(path):
    pass
print(peak() - before)
"""


def _memory(path: Path, feature: str, sr: int = 16000) -> float:
    """Growth of the resident peak, in MB, in a fresh process that reads the file in blocks."""
    command = [sys.executable, "-c", _BLOCKS, str(path), feature, str(sr)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return round(int(done.stdout) / 1024, 1)  # Linux counts in kB


def compat_melspectrogram_3s() -> Contest:
    import librosa

    from emofeat.compat import librosa as ours_librosa

    sr = 22050
    clips = voices(sr, 3.0, 10)

    def ours() -> list[np.ndarray]:
        return [ours_librosa.feature.melspectrogram(y=y, sr=sr) for y in clips]

    def theirs() -> list[np.ndarray]:
        return [librosa.feature.melspectrogram(y=y, sr=sr) for y in clips]

    for y, a, b in zip(clips, ours(), theirs(), strict=True):
        require("melspectrogram", "float64", a.T, b.T, y, sr)
    return Contest(30.0, ours, theirs)


def kaldi_fbank80() -> Contest:
    import kaldi_native_fbank as knf

    sr = 16000
    clips = voices(sr, 3.0, 10)
    params = {"num_mel_bins": 80}
    plan = extractor(spec("kaldi_fbank", **params), sr=sr)
    (key,) = plan.feature_names
    options = knf.FbankOptions()
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = 80
    lists = [y.tolist() for y in clips]  # what the binding wants; making it is not its work

    def ours() -> list[np.ndarray]:
        return [plan.process_signal(y, sr)[key] for y in clips]

    def theirs() -> list[np.ndarray]:
        out = []
        for samples in lists:
            online = knf.OnlineFbank(options)
            online.accept_waveform(sr, samples)
            online.input_finished()
            out.append(np.stack([online.get_frame(i) for i in range(online.num_frames_ready)]))
        return out

    for y, a, b in zip(clips, ours(), theirs(), strict=True):
        require("kaldi_fbank", "float32", a, b, y, sr, **params)
    return Contest(30.0, ours, theirs)


def pyaudioanalysis34() -> Contest:
    sr = 16000
    clips = voices(sr, 3.0, 2)
    plan = extractor("pyaudioanalysis", sr=sr, precision="float64")
    (key,) = plan.feature_names

    def ours() -> list[np.ndarray]:
        return [plan.process_signal(y, sr)[key] for y in clips]

    def theirs() -> list[np.ndarray]:
        return [peers.PEERS["pyaudioanalysis"](y, sr) for y in clips]

    for y, a, b in zip(clips, ours(), theirs(), strict=True):
        require("pyaudioanalysis", "float64", a, b, y, sr)
    return Contest(6.0, ours, theirs)


RECIPE: dict[str, dict[str, Any]] = {
    "mfcc": {"n_mfcc": 40},
    "chroma_stft": {},
    "melspectrogram": {},
    "spectral_contrast": {},
    "zero_crossing_rate": {},
    "rms": {},
}


def recipe_3s() -> Contest:
    """What countless notebooks on emotion from speech compute, call by call; here one plan."""
    import librosa

    sr = 22050
    clips = voices(sr, 3.0, 10)
    plan = extractor(*(spec(name, **params) for name, params in RECIPE.items()), sr=sr)
    keys = plan.feature_names

    def ours() -> list[list[np.ndarray]]:
        out = []
        for y in clips:
            result = plan.process_signal(y, sr)
            out.append([result[k] for k in keys])
        return out

    def theirs() -> list[list[np.ndarray]]:
        f = librosa.feature
        return [
            [
                f.mfcc(y=y, sr=sr, n_mfcc=40),
                f.chroma_stft(y=y, sr=sr),
                f.melspectrogram(y=y, sr=sr),
                f.spectral_contrast(y=y, sr=sr),
                f.zero_crossing_rate(y),
                f.rms(y=y),
            ]
            for y in clips
        ]

    for y, a, b in zip(clips, ours(), theirs(), strict=True):
        for (name, params), mine, other in zip(RECIPE.items(), a, b, strict=True):
            require(name, "float32", mine, other.T, y, sr, **params)
    return Contest(30.0, ours, theirs)


def logmel_vs_fft() -> Contest:
    """Against nothing but the transforms of the same frames, the floor under any log-mel: a ratio below 1.

    The goal, 2.5 times the time of the bare transforms, is a ratio of 0.4.
    """
    import scipy.fft

    sr = 16000
    (y,) = voices(sr, 60.0, 1)
    plan = extractor(spec("logmel", **LOGMEL), sr=sr)
    (key,) = plan.feature_names
    padded = np.pad(y, 256)
    starts = 160 * np.arange(1 + len(y) // 160)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)).astype(np.float32)
    frames = np.ascontiguousarray(padded[starts[:, None] + np.arange(512)] * window)
    mine = plan.process_signal(y, sr)[key]
    if len(mine) != len(frames):
        raise SystemExit(f"log-mel has {len(mine)} frames, the transform {len(frames)}; nothing is timed")
    require("logmel", "float32", mine, peers.PEERS["logmel"](y, sr, **LOGMEL), y, sr, **LOGMEL)
    return Contest(60.0, lambda: plan.process_signal(y, sr)[key], lambda: scipy.fft.rfft(frames, axis=1))


#: What an entry found besides its times.
NOTES: dict[str, dict[str, float]] = {}

ENTRIES = (
    Entry("logmel_3s", "log-mel 512/160/80 in dB, 3 s clips", "librosa", 5.0, 7.0, logmel_3s),
    Entry("logmel_60s", "log-mel 512/160/80 in dB, 60 s", "librosa", 3.5, 5.0, logmel_60s),
    Entry(
        "logmel_1h", "log-mel 512/160/80 in dB, one hour of WAV, in blocks", "librosa", 4.0, None, logmel_1h
    ),
    Entry(
        "compat_melspectrogram_3s",
        "compat.librosa.feature.melspectrogram, 3 s at 22.05 kHz",
        "librosa",
        2.5,
        None,
        compat_melspectrogram_3s,
    ),
    Entry("kaldi_fbank80", "Kaldi fbank, 80 bins, 3 s", "kaldi_native_fbank", 12.0, 20.0, kaldi_fbank80),
    Entry(
        "pyaudioanalysis34", "34 features, 50/25 ms, 3 s", "pyAudioAnalysis", 50.0, None, pyaudioanalysis34
    ),
    Entry(
        "recipe_3s",
        "40 MFCC + chroma + mel + contrast + ZCR + RMS, 3 s at 22.05 kHz",
        "librosa",
        8.0,
        15.0,
        recipe_3s,
    ),
    Entry("logmel_vs_fft", "log-mel 512/160/80 in dB, 60 s", "scipy", None, 0.4, logmel_vs_fft),
)


# -------------------------------------------------------------------------------------------------------
# measuring


def seconds(work: Callable[[], Any], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / repeats


def repeats_for(work: Callable[[], Any], at_least: float) -> int:
    """How often to run `work` so that one measurement takes `at_least` seconds."""
    once = min(seconds(work, 1) for _ in range(2))
    return max(1, round(at_least / max(once, 1e-6)))


def measure(entry: Entry, pairs: int, at_least: float) -> Measured:
    contest = entry.prepare()
    n_ours = repeats_for(contest.ours, at_least)
    n_theirs = repeats_for(contest.theirs, at_least)
    times = [(seconds(contest.ours, n_ours), seconds(contest.theirs, n_theirs)) for _ in range(pairs)]
    ratios = [theirs / ours for ours, theirs in times]
    return Measured(
        entry.name,
        entry.what,
        entry.against,
        contest.audio / statistics.median(t[0] for t in times),
        contest.audio / statistics.median(t[1] for t in times),
        statistics.median(ratios),
        min(ratios),
        max(ratios),
        entry.asked,
        entry.goal,
        NOTES.get(entry.name, {}),
    )


def table(results: Sequence[Measured]) -> str:
    """Markdown."""
    lines = [
        "| | against | emofeat, × real time | peer, × real time | ratio (lowest-highest) | asked [goal] |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for r in results:
        asked = "" if r.asked is None else f"{r.asked:g}"
        goal = "" if r.goal is None else f" [{r.goal:g}]"
        lines.append(
            f"| {r.what} | {r.against} {version(r.against)} | {r.ours:,.0f} | {r.theirs:,.0f} | "
            f"{r.ratio:.2f} ({r.lowest:.2f}-{r.highest:.2f}) | {asked}{goal} |"
        )
    return "\n".join(lines)


def machine() -> dict[str, str]:
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
    return {
        "processor": names[0] if names else platform.processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "emofeat": emofeat.__version__,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=[e.name for e in ENTRIES], help="entries to run"
    )
    parser.add_argument(
        "--quick", action="store_true", help="3 short pairs instead of 9 longer ones, and no hour"
    )
    parser.add_argument(
        "--check", action="store_true", help="exit with 1 where the asked ratio is not reached"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="store the numbers there instead of printing them"
    )
    options = parser.parse_args(arguments)

    chosen = [e for e in ENTRIES if not options.only or e.name in options.only]
    if options.quick and not options.only:
        chosen = [e for e in chosen if e.name != "logmel_1h"]
    pairs, at_least = (3, 0.05) if options.quick else (9, 0.3)
    results = []
    for entry in chosen:
        # An hour of audio takes seconds as it is.
        results.append(measure(entry, min(pairs, 3) if entry.name == "logmel_1h" else pairs, at_least))
        print(f"{entry.name}: {results[-1].ratio:.2f}", file=sys.stderr, flush=True)
    print(table(results))
    for r in results:
        for note, value in r.notes.items():
            print(f"\n{r.name}: {note}: {value:g}")
    record = json.dumps({"machine": machine(), "results": [asdict(r) for r in results]}, indent=1)
    if options.json:
        options.json.write_text(record + "\n", encoding="utf-8")
    else:
        print(f"\n```json\n{record}\n```")
    missed = [r.name for r in results if not r.reached]
    if missed:
        print(f"below the asked ratio: {', '.join(missed)}", file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
