"""Golden values of torchaudio: its mel transforms and its Kaldi-compatible features.

torchaudio needs the torch of its own release, gigabytes that no test run should install, so its numbers are
recorded once and checked in. From the repository root, in an environment that has nothing of this project:

    python -m venv torchvenv && torchvenv/bin/pip install torch==2.11.0 torchaudio==2.11.0 numpy
    torchvenv/bin/python -m tests.golden.make_torchaudio

writes `torchaudio.npz`, one float32 matrix (n_frames, n_columns) per case, and `torchaudio.json`, which says
what each case is: function, parameters, and the signal of `tests/signals.py` with the SHA-256 of its samples.
All of it runs in double precision, so that the values are those of the definition. How far torchaudio's usual
single precision is from them, mostly by its cosine and filter matrices, stands in each case as
`single_precision_error`.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio
from torchaudio.compliance import kaldi

from tests import signals

HERE = Path(__file__).parent

VOICE = {"kind": "voice", "sr": 16000, "n": 6400, "seed": 11, "scale": 1.0}
LOUD = VOICE | {"scale": 32768.0}

#: (name, signal, parameters) for torchaudio.compliance.kaldi.fbank; dither is 0 throughout.
FBANK: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("default", VOICE, {}),
    ("int16_scale", LOUD, {}),
    ("snip_edges_false", LOUD, {"snip_edges": False}),
    ("80_bins", LOUD, {"num_mel_bins": 80, "snip_edges": False, "high_freq": -400.0}),
    ("hanning", LOUD, {"window_type": "hanning"}),
    ("hamming", LOUD, {"window_type": "hamming"}),
    ("blackman", LOUD, {"window_type": "blackman"}),
    ("blackman_coeff", LOUD, {"window_type": "blackman", "blackman_coeff": 0.4}),
    ("rectangular", LOUD, {"window_type": "rectangular"}),
    ("energy", VOICE, {"use_energy": True}),
    ("energy_floor_0", VOICE, {"use_energy": True, "energy_floor": 0.0}),
    ("energy_htk", LOUD, {"use_energy": True, "htk_compat": True}),
    ("energy_windowed", LOUD, {"use_energy": True, "raw_energy": False}),
    ("subtract_mean", LOUD, {"subtract_mean": True}),
    ("low_high", LOUD, {"low_freq": 125.0, "high_freq": 3800.0}),
    ("not_power_of_two", LOUD, {"round_to_power_of_two": False}),
    ("no_preemphasis", LOUD, {"preemphasis_coefficient": 0.0}),
    ("dc_kept", LOUD | {"kind": "dc"}, {"remove_dc_offset": False}),
    ("dc_removed", LOUD | {"kind": "dc"}, {}),
    ("linear", VOICE, {"use_log_fbank": False}),
    ("magnitude", LOUD, {"use_power": False}),
    ("magnitude_linear", VOICE, {"use_power": False, "use_log_fbank": False}),
    ("32_ms", LOUD, {"frame_length": 32.0, "frame_shift": 12.5}),
    ("noise", LOUD | {"kind": "noise"}, {}),
    ("silence", VOICE | {"kind": "silence"}, {"use_energy": True}),
    ("near_silence", VOICE | {"kind": "near_silence"}, {}),
    ("padded_voice", LOUD | {"kind": "padded_voice"}, {"snip_edges": False}),
    ("one_frame", LOUD | {"n": 400}, {}),
    ("8_kHz", LOUD | {"sr": 8000, "n": 3200}, {}),
    ("22_kHz", LOUD | {"sr": 22050, "n": 8820}, {}),
    ("48_kHz", LOUD | {"sr": 48000, "n": 14400}, {"snip_edges": False}),
]

#: The same for torchaudio.compliance.kaldi.mfcc.
MFCC: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("default", VOICE, {}),
    ("int16_scale", LOUD, {}),
    ("snip_edges_false", LOUD, {"snip_edges": False}),
    ("energy", LOUD, {"use_energy": True}),
    ("energy_htk", LOUD, {"use_energy": True, "htk_compat": True}),
    ("htk", LOUD, {"htk_compat": True}),
    ("no_lifter", LOUD, {"cepstral_lifter": 0.0}),
    ("lifter_10", LOUD, {"cepstral_lifter": 10.0}),
    ("20_of_40", LOUD, {"num_ceps": 20, "num_mel_bins": 40}),
    ("subtract_mean", LOUD, {"subtract_mean": True}),
    ("hamming", LOUD, {"window_type": "hamming"}),
    ("silence", VOICE | {"kind": "silence"}, {"use_energy": True}),
    ("48_kHz", LOUD | {"sr": 48000, "n": 14400}, {}),
]

#: torchaudio.transforms.MelSpectrogram. Its default of 128 filters over 201 bins leaves some of them empty.
MEL: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("default", VOICE, {}),
    ("80_mels", VOICE, {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 80}),
    ("slaney", VOICE, {"n_mels": 64, "mel_scale": "slaney", "norm": "slaney", "pad_mode": "constant"}),
    ("magnitude", VOICE, {"power": 1.0, "n_mels": 40}),
    ("normalized", VOICE, {"normalized": True, "n_mels": 40}),
    ("not_centred", VOICE, {"center": False, "n_mels": 40}),
    ("padded", VOICE, {"pad": 100, "n_mels": 40}),
    ("band", VOICE, {"f_min": 100.0, "f_max": 4000.0, "n_mels": 40}),
    ("silence", VOICE | {"kind": "silence", "n": 2000}, {"n_mels": 40}),
]

#: torchaudio.transforms.MFCC; the mel parameters go into its `melkwargs`.
TRANSFORM_MFCC: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("default", VOICE, {}),
    ("log_mels", VOICE, {"log_mels": True}),
    ("13_of_40", VOICE, {"n_mfcc": 13, "n_mels": 40}),
    ("not_ortho", VOICE, {"n_mfcc": 13, "n_mels": 40, "norm": None}),
    ("silence", VOICE | {"kind": "silence", "n": 2000}, {}),
]


def waveform(signal: dict[str, Any]) -> np.ndarray:
    return signals.make(signal["kind"], signal["sr"], signal["n"], signal["seed"]) * signal["scale"]


def in_precision(name: str, run: Any, y: np.ndarray, sr: int, params: dict[str, Any]) -> np.ndarray:
    """One case with every tensor, also those that torchaudio makes for itself, of that precision."""
    torch.set_default_dtype(getattr(torch, name))
    try:
        return run(y.astype(name), sr, params).astype(np.float64)
    finally:
        torch.set_default_dtype(torch.float32)


def run_kaldi(function: Any, y: np.ndarray, sr: int, params: dict[str, Any]) -> np.ndarray:
    wave = torch.from_numpy(y)[None, :]
    return function(wave, sample_frequency=float(sr), dither=0.0, **params).numpy()


def run_mel(y: np.ndarray, sr: int, params: dict[str, Any]) -> np.ndarray:
    transform = torchaudio.transforms.MelSpectrogram(sample_rate=sr, **params)
    return transform(torch.from_numpy(y)).numpy().T


def run_mfcc(y: np.ndarray, sr: int, params: dict[str, Any]) -> np.ndarray:
    own = {k: v for k, v in params.items() if k in ("n_mfcc", "dct_type", "norm", "log_mels")}
    mel = {k: v for k, v in params.items() if k not in own}
    transform = torchaudio.transforms.MFCC(sample_rate=sr, melkwargs=mel or None, **own)
    return transform(torch.from_numpy(y)).numpy().T


#: Catalogue name -> (cases, how to run one).
TABLE = {
    "kaldi_fbank": (FBANK, lambda y, sr, p: run_kaldi(kaldi.fbank, y, sr, p)),
    "kaldi_mfcc": (MFCC, lambda y, sr, p: run_kaldi(kaldi.mfcc, y, sr, p)),
    "torchaudio_melspectrogram": (MEL, run_mel),
    "torchaudio_mfcc": (TRANSFORM_MFCC, run_mfcc),
}


def main() -> None:
    arrays: dict[str, np.ndarray] = {}
    cases = []
    for feature, (table, run) in TABLE.items():
        for name, signal, params in table:
            y = waveform(signal)
            key = f"{feature}-{name}"
            single, double = (in_precision(d, run, y, signal["sr"], params) for d in ("float32", "float64"))
            arrays[key] = np.ascontiguousarray(double, dtype=np.float32)
            cases.append(
                {
                    "key": key,
                    "feature": feature,
                    "signal": signal | {"sha256": signals.checksum(y)},
                    "params": params,
                    "single_precision_error": float(f"{np.abs(single - double).max():.3g}"),
                }
            )
    np.savez_compressed(HERE / "torchaudio.npz", **arrays)
    versions = {
        "torch": torch.__version__,
        "torchaudio": torchaudio.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    text = json.dumps({"versions": versions, "cases": cases}, indent=1)
    (HERE / "torchaudio.json").write_text(text + "\n", encoding="utf-8")
    size = (HERE / "torchaudio.npz").stat().st_size
    print(f"{len(arrays)} cases, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
