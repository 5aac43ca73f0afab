"""Signatures of the functions that `emofeat.compat` stands in for, read off the packages themselves.

    python -m tests.golden.make_signatures

writes what the packages of the running environment say into `signatures.json` and keeps the rest, so it is
run once with the test requirements installed and once beside torchaudio (see `make_torchaudio.py`).
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "signatures.json"

_LIBROSA_FEATURES = (
    "melspectrogram",
    "mfcc",
    "chroma_stft",
    "spectral_centroid",
    "spectral_bandwidth",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_rolloff",
    "zero_crossing_rate",
    "rms",
    "delta",
)

#: Distribution -> (the compat module, {dotted name there: dotted name in the package}).
TABLE: dict[str, tuple[str, dict[str, str]]] = {
    "librosa": (
        "emofeat.compat.librosa",
        {f"feature.{name}": f"librosa.feature.{name}" for name in _LIBROSA_FEATURES}
        | {
            name: f"librosa.{name}"
            for name in (
                "stft",
                "power_to_db",
                "amplitude_to_db",
                "filters.mel",
                "load",
                "fft_frequencies",
                "mel_frequencies",
                "yin",
                "pyin",
            )
        },
    ),
    "torchaudio": (
        "emofeat.compat.kaldi",
        {name: f"torchaudio.compliance.kaldi.{name}" for name in ("fbank", "mfcc")},
    ),
    "pyAudioAnalysis": (
        "emofeat.compat.pyaudioanalysis",
        {
            name: f"pyAudioAnalysis.{name}"
            for name in (
                "ShortTermFeatures.feature_extraction",
                "MidTermFeatures.mid_feature_extraction",
            )
        },
    ),
    "python_speech_features": (
        "emofeat.compat.python_speech_features",
        {
            name: f"python_speech_features.{name}"
            for name in (
                "mfcc",
                "fbank",
                "logfbank",
                "ssc",
                "delta",
                "sigproc.preemphasis",
                "sigproc.framesig",
                "sigproc.powspec",
            )
        },
    ),
}


def resolve(dotted: str) -> Callable[..., Any]:
    """The object behind a dotted name, importing as many of its parts as are modules."""
    parts = dotted.split(".")
    for n in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[n:]:
            found = getattr(found, attribute)
        return found  # type: ignore[no-any-return]
    raise ImportError(dotted)


def default(value: Any) -> Any:
    """A default as JSON: itself, or what identifies it."""
    if value is inspect.Parameter.empty:
        return {"required": True}
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return value if value == value and abs(value) != float("inf") else {"float": repr(value)}
    if isinstance(value, type):
        return {"type": value.__name__}
    if callable(value):
        # A window function: what it gives for four points. Anything else callable: its name.
        try:
            return {"window": [float(v) for v in value(4)]}
        except TypeError:
            return {"callable": value.__name__}
    return {"repr": repr(value)}


def signature(function: Callable[..., Any]) -> list[dict[str, Any]]:
    """Name, kind and default of every parameter, in order."""
    return [
        {"name": p.name, "kind": p.kind.name, "default": default(p.default)}
        for p in inspect.signature(function).parameters.values()
    ]


def _preparation(package: str) -> Any:
    """pyAudioAnalysis does not import as it is installed; tests/parity/peers.py knows how."""
    if package == "pyAudioAnalysis":
        importlib.import_module("tests.parity.peers")
    return nullcontext()


def main() -> None:
    recorded = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    for package, (module, names) in TABLE.items():
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            print(f"{package} is not installed here: entries kept as they are")
            continue
        with _preparation(package):
            functions = {here: signature(resolve(there)) for here, there in names.items()}
        recorded[package] = {"version": version, "module": module, "functions": functions}
    FILE.write_text(json.dumps(dict(sorted(recorded.items())), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
