"""`emofeat.compat.librosa` against librosa: values, shapes, types, warnings and kinds of errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import scipy.fft
import scipy.signal
from emofeat import exceptions
from emofeat.compat import librosa as compat
from emofeat.compat.librosa import _shape, _windows
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import signals
from tests.emofeat.compat_tools import Gate, assert_same, close, outcome, relative_to_peak, steps

SR = 22050


def signal(kind: str, n: int, dtype: str = "float64", seed: int = 3) -> np.ndarray:
    return signals.make(kind, SR, n, seed).astype(dtype)


def channels(*shape: int, dtype: str = "float64") -> np.ndarray:
    rows = [signal("voice", shape[-1], dtype, seed) for seed in range(int(np.prod(shape[:-1])))]
    return np.stack(rows).reshape(shape)


INPUTS: dict[str, np.ndarray] = {
    "voice_f32": signal("voice", 14000, "float32"),
    "voice_f64": signal("voice", 14000),
    "noise_f64": signal("noise", 9000),
    "stereo_f64": channels(2, 7000),
    "stack_f32": channels(2, 3, 4000, dtype="float32"),
    "shorter_than_a_frame": signal("voice", 700),
    "not_contiguous": signal("voice", 12000)[::2],
    "float16": signal("voice", 6000, "float16"),
    "read_only": signal("noise", 6000),
}
INPUTS["read_only"].flags.writeable = False

#: What librosa or NumPy refuses, whatever the feature.
REFUSED: dict[str, Any] = {
    "integers": np.arange(4000, dtype=np.int16),
    "complex": np.ones(4000, dtype=complex),
    "list": [0.0] * 4000,
    "nan": np.where(np.arange(4000) == 7, np.nan, 0.0),
    "inf": np.where(np.arange(4000) == 7, np.inf, 0.0).astype(np.float32),
    "a_number": np.array(1.0),
}

FRONTS: dict[str, dict[str, Any]] = {
    "default": {},
    "speech": {"n_fft": 512, "hop_length": 160, "win_length": 400, "window": "hamming"},
    "not_centred": {"center": False, "n_fft": 1024},
    "reflect": {"pad_mode": "reflect"},
    "edge": {"pad_mode": "edge", "n_fft": 600, "hop_length": 150},
    "linear_ramp": {"pad_mode": "linear_ramp", "n_fft": 1024},
    "odd": {"n_fft": 1023, "hop_length": 100},
    "kaiser": {"window": ("kaiser", 6.5)},
    "samples": {"window": np.hanning(1024), "n_fft": 1024},
    "function": {"window": np.bartlett, "n_fft": 1024, "win_length": 800},
}

WRONG_FRONTS: dict[str, dict[str, Any]] = {
    "hop_0": {"hop_length": 0},
    "hop_negative": {"hop_length": -1},
    "hop_float": {"hop_length": 100.5},
    "window_longer_than_n_fft": {"n_fft": 512, "win_length": 1024},
    "window_of_another_length": {"window": np.ones(100)},
    "unknown_window": {"window": "hanm"},
    "window_without_its_parameter": {"window": "kaiser"},
    "window_with_a_needless_parameter": {"window": ("hann", 3)},
    "wrap": {"pad_mode": "wrap"},
    "unknown_padding": {"pad_mode": "mirror"},
    "n_fft_none": {"n_fft": None},
    "n_fft_0": {"n_fft": 0},
}

#: Name -> (arguments beside the analysis, gate).
DECIBELS = close(atol=1e-3)
SPECTRAL: dict[str, tuple[list[dict[str, Any]], Gate]] = {
    "melspectrogram": (
        [
            {},
            {"n_mels": 40, "fmin": 100.0, "fmax": 7000.0, "htk": True},
            {"norm": None, "power": 1.0},
            {"norm": 1, "n_mels": 20},
            {"norm": np.inf, "n_mels": 20},
            {"power": 0.5, "n_mels": 26},
            {"power": 0, "n_mels": 5},
            {"dtype": np.float64, "n_mels": 30},
            {"n_mels": 30, "sr": 22050.5},
            {"fmin": -50.0, "n_mels": 12},
            {"norm": "peak"},
        ],
        relative_to_peak(1e-5),
    ),
    "mfcc": (
        [
            {},
            {"n_mfcc": 13, "lifter": 22, "n_mels": 40},
            {"dct_type": 1, "n_mels": 32},
            {"dct_type": 3, "norm": None, "n_mels": 32},
            {"dct_type": 4, "n_mels": 32},
            {"norm": "forward", "n_mels": 32},
            {"n_mfcc": 40, "n_mels": 26},
            {"n_mfcc": 40, "n_mels": 26, "lifter": 22},
            {"mel_norm": None, "htk": True, "fmax": 8000},
            {"lifter": -1},
            {"dct_type": 5},
        ],
        DECIBELS,
    ),
    "spectral_centroid": ([{}, {"sr": 16000.5}], close(rtol=1e-5)),
    "spectral_bandwidth": ([{}, {"p": 3, "norm": False}, {"p": 1}, {"sr": 0.5}], close(rtol=1e-5, atol=1e-9)),
    "spectral_contrast": (
        [
            {},
            {"n_bands": 3, "quantile": 0.2},
            {"fmin": 300.0, "n_bands": 4, "linear": True},
            {"n_bands": 7},
            {"n_bands": 0},
            {"fmin": 0},
            {"quantile": 1.0},
            {"quantile": 0.0},
        ],
        close(rtol=1e-5, atol=1e-4),
    ),
    # librosa adds up the logarithms of a float32 spectrum in float32.
    "spectral_flatness": ([{}, {"power": 1.0, "amin": 1e-6}, {"amin": 0}], close(rtol=3e-5)),
    "spectral_rolloff": ([{}, {"roll_percent": 0.5}, {"roll_percent": 1.0}, {"roll_percent": 0.0}], close()),
    "chroma_stft": (
        [
            {},
            {"tuning": 0.1, "norm": 1},
            {"tuning": 0.0, "n_chroma": 24, "norm": None},
            {"tuning": 0.0, "octwidth": None, "base_c": False, "norm": 2},
            {"tuning": -0.2, "ctroct": 4.0, "octwidth": 1.0, "norm": 0.5},
            {"norm": -np.inf, "tuning": 0.0},
            {"norm": -1.0, "tuning": 0.0},
        ],
        close(rtol=1e-4, atol=1e-4),
    ),
}


def gate_of(name: str, front: dict[str, Any]) -> Gate:
    """Roll-off is a bin; librosa's float32 sums meet its threshold within rounding now and then."""
    if name == "spectral_rolloff":
        return steps(SR / front.get("n_fft", 2048), 0.001)
    return SPECTRAL[name][1]


def pair(name: str) -> tuple[Any, Any]:
    return getattr(librosa.feature, name), getattr(compat.feature, name)


# ------------------------------------------------------------------------------------------ from signals


@pytest.mark.parametrize("front", FRONTS, ids=str)
@pytest.mark.parametrize("name", SPECTRAL)
def test_features_of_signals_are_librosas(name: str, front: str) -> None:
    theirs, ours = pair(name)
    for y in INPUTS.values():
        assert_same(
            outcome(theirs, y=y, **FRONTS[front]),
            outcome(ours, y=y, **FRONTS[front]),
            gate_of(name, FRONTS[front]),
        )


@pytest.mark.parametrize(
    ("name", "arguments"), [(name, a) for name, (table, _) in SPECTRAL.items() for a in table], ids=str
)
def test_arguments_of_features_mean_what_they_mean_in_librosa(name: str, arguments: dict[str, Any]) -> None:
    theirs, ours = pair(name)
    for key in ("voice_f32", "noise_f64", "stereo_f64"):
        y = INPUTS[key]
        assert_same(
            outcome(theirs, y=y, **arguments), outcome(ours, y=y, **arguments), gate_of(name, arguments)
        )


@pytest.mark.parametrize("front", FRONTS, ids=str)
def test_stft_is_librosas(front: str) -> None:
    for y in INPUTS.values():
        theirs, ours = outcome(librosa.stft, y, **FRONTS[front]), outcome(compat.stft, y, **FRONTS[front])
        # float16 products are rounded by librosa as well, before its transform.
        peak = 1e-6 * float(np.abs(theirs.values[0]).max()) if theirs.values else 0.0
        assert_same(theirs, ours, close(rtol=1e-5, atol=peak))
        if ours.values:
            assert ours.values[0].flags.f_contiguous == theirs.values[0].flags.f_contiguous


@pytest.mark.parametrize("front", WRONG_FRONTS, ids=str)
@pytest.mark.parametrize("name", ["stft", *SPECTRAL])
def test_wrong_analyses_raise_as_in_librosa(name: str, front: str) -> None:
    y = signal("voice", 5000)
    ours = outcome(getattr(compat, name), y=y, **WRONG_FRONTS[front])
    assert isinstance(ours.error, compat.ParameterError)
    assert outcome(getattr(librosa.feature, name, librosa.stft), y=y, **WRONG_FRONTS[front]).error is not None


@pytest.mark.parametrize("name", ["stft", "zero_crossing_rate", *SPECTRAL])
@pytest.mark.parametrize("kind", REFUSED)
def test_audio_that_librosa_refuses_is_refused_with_its_error(name: str, kind: str) -> None:
    theirs = outcome(getattr(librosa.feature, name, librosa.stft), y=REFUSED[kind])
    ours = outcome(getattr(compat, name), y=REFUSED[kind])
    assert isinstance(theirs.error, librosa.ParameterError)
    assert isinstance(ours.error, compat.ParameterError)
    assert isinstance(ours.error, ValueError)
    assert isinstance(ours.error, exceptions.ParameterError)
    assert isinstance(ours.error, compat.LibrosaError)
    assert isinstance(ours.error, compat.util.exceptions.ParameterError)


@pytest.mark.parametrize("n", [0, 1, 10, 2047, 2048, 2049])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("name", ["stft", "zero_crossing_rate", "rms", *SPECTRAL])
def test_short_signals_give_frames_warnings_and_errors_as_in_librosa(name: str, n: int, center: bool) -> None:
    y = signal("noise", n)
    theirs = outcome(getattr(librosa.feature, name, librosa.stft), y=y, center=center)
    ours = outcome(getattr(compat, name), y=y, center=center)
    gate = {"rms": close(rtol=1e-6), "zero_crossing_rate": close()}.get(name) or (
        relative_to_peak(1e-5) if name == "stft" else gate_of(name, {})
    )
    assert_same(theirs, ours, gate)


@pytest.mark.parametrize("kind", ["silence", "clicks", "near_silence"])
@pytest.mark.parametrize("name", SPECTRAL)
def test_quiet_signals_are_finite_as_in_librosa(name: str, kind: str) -> None:
    y = signal(kind, 8000)
    arguments = {"tuning": 0.0} if name == "chroma_stft" and kind != "silence" else {}
    theirs, ours = pair(name)
    # Between clicks there is nothing; a running sum of rounding errors has no meaning.
    gate = gate_of(name, {}) if (name, kind) != ("spectral_rolloff", "clicks") else steps(SR / 2048, 0.1)
    assert_same(outcome(theirs, y=y, **arguments), outcome(ours, y=y, **arguments), gate)


@given(
    n=st.integers(1, 6000),
    n_fft=st.integers(64, 1500),
    hop=st.integers(1, 1600).filter(lambda h: h >= 20),
    share=st.floats(0.2, 1.0),
    center=st.booleans(),
    pad_mode=st.sampled_from(["constant", "edge", "reflect", "symmetric"]),
    window=st.sampled_from(["hann", "hamming", "blackman", ("tukey", 0.3), 4.5]),
    dtype=st.sampled_from(["float32", "float64"]),
    name=st.sampled_from(
        ["melspectrogram", "mfcc", "spectral_centroid", "spectral_bandwidth", "spectral_flatness"]
    ),
    seed=st.integers(0, 50),
)
@settings(max_examples=60)
def test_any_analysis_of_any_signal_is_librosas(
    n: int, n_fft: int, hop: int, share: float, center: bool, pad_mode: str, window: Any, dtype: str,
    name: str, seed: int,
) -> None:  # fmt: skip
    y = signal("noise", n, dtype, seed)
    front = {"n_fft": n_fft, "hop_length": hop, "win_length": max(int(share * n_fft), 8), "window": window}
    front |= {"center": center, "pad_mode": pad_mode}
    if name in ("melspectrogram", "mfcc"):
        front |= {"n_mels": 20}
    if pad_mode == "reflect" and n % hop == 0 and 2 * hop >= n_fft:
        # See test_mirrored_ends_are_those_of_the_whole_signal.
        front["pad_mode"] = "constant"
    theirs, ours = pair(name)
    assert_same(outcome(theirs, y=y, **front), outcome(ours, y=y, **front), gate_of(name, front))


def test_mirrored_ends_are_those_of_the_whole_signal() -> None:
    y, front = signal("noise", 4096), {"n_fft": 512, "hop_length": 256, "window": "boxcar"}
    whole = librosa.stft(np.pad(y, 256, mode="reflect"), center=False, **front)
    ours, theirs = compat.stft(y, pad_mode="reflect", **front), librosa.stft(y, pad_mode="reflect", **front)
    np.testing.assert_allclose(ours, whole, atol=1e-10)
    # librosa mirrors the end by itself, one sample short where such a hop divides the length.
    np.testing.assert_allclose(ours[:, :-1], theirs[:, :-1], atol=1e-10)
    assert np.abs(ours[:, -1] - theirs[:, -1]).max() > 1e-3


def test_recordings_load_and_give_the_features_of_librosa(test_data: Path) -> None:
    """Real speech as it is read by default, in float32."""
    for path in signals.clip_paths(test_data, every=300):
        y, sr = compat.load(path, sr=None)
        assert_same(
            outcome(librosa.load, path, sr=None), outcome(compat.load, path, sr=None), close(atol=1e-7)
        )
        for name in SPECTRAL:
            arguments = {} if name == "spectral_flatness" else {"sr": sr}
            if name == "chroma_stft":
                # The tuning of float32 spectra may fall into a neighbouring class.
                arguments["tuning"] = 0.0
            gate = steps(sr / 2048, 0.001) if name == "spectral_rolloff" else SPECTRAL[name][1]
            peer, own = pair(name)
            assert_same(outcome(peer, y=y, **arguments), outcome(own, y=y, **arguments), gate)


# ----------------------------------------------------------------------------------------- from spectra


def spectra(power: float) -> dict[str, np.ndarray]:
    stereo = np.abs(librosa.stft(INPUTS["stereo_f64"])) ** power
    return {
        "f64": stereo[0],
        "f32": stereo[0].astype(np.float32),
        "stereo": stereo,
        "other_n_fft": np.abs(librosa.stft(INPUTS["noise_f64"], n_fft=512)) ** power,
        "ones": np.ones((1025, 3)),
        "with_silence": np.where(np.arange(4) == 2, 0.0, np.ones((1025, 4))),
    }


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *[
            ("melspectrogram", a)
            for a in ({}, {"n_mels": 40, "htk": True}, {"norm": 1.0}, {"dtype": np.float64})
        ],
        *[("chroma_stft", a) for a in ({}, {"tuning": 0.2, "norm": None}, {"n_chroma": 36})],
        *[("spectral_centroid", a) for a in ({}, {"sr": 8000})],
        *[("spectral_bandwidth", a) for a in ({}, {"norm": False, "p": 4})],
        *[("spectral_contrast", a) for a in ({}, {"n_bands": 4, "linear": True})],
        *[("spectral_flatness", a) for a in ({}, {"power": 1.5, "amin": 1e-4})],
        *[("spectral_rolloff", a) for a in ({}, {"roll_percent": 0.99})],
    ],
    ids=str,
)
def test_features_of_spectra_are_librosas(name: str, arguments: dict[str, Any]) -> None:
    theirs, ours = pair(name)
    for key, s in spectra(2 if name in ("melspectrogram", "chroma_stft") else 1).items():
        gate: Gate = close(rtol=2e-5, atol=1e-6 * float(s.max()))
        if name == "spectral_rolloff":
            gate = steps(arguments.get("sr", SR) / (2 * (s.shape[-2] - 1)), 0.01)
        expected = outcome(theirs, S=s, **arguments)
        assert expected.error is None or key == "other_n_fft", expected.error
        assert_same(expected, outcome(ours, S=s, **arguments), gate)


def test_bins_may_have_any_frequencies_and_any_centre() -> None:
    s = spectra(1)["stereo"]
    rising = np.geomspace(20.0, 9000.0, s.shape[-2])
    moving = rising[:, None] * np.linspace(1.0, 1.1, s.shape[-1])
    for name in ("spectral_centroid", "spectral_bandwidth", "spectral_rolloff"):
        theirs, ours = pair(name)
        for freq in (rising, moving):
            assert_same(outcome(theirs, S=s, freq=freq), outcome(ours, S=s, freq=freq), close(rtol=1e-9))
        y = INPUTS["voice_f32"]
        assert_same(outcome(theirs, y=y, freq=rising), outcome(ours, y=y, freq=rising), close(rtol=1e-5))
    centre = np.full((2, 1, s.shape[-1]), 1500.0)
    theirs, ours = pair("spectral_bandwidth")
    assert_same(outcome(theirs, S=s, centroid=centre), outcome(ours, S=s, centroid=centre), close(rtol=1e-9))
    theirs, ours = pair("spectral_contrast")
    assert_same(
        outcome(theirs, S=s, freq=rising), outcome(ours, S=s, freq=rising), close(rtol=1e-9, atol=1e-9)
    )
    for freq in (rising[:-1], moving):
        assert_same(outcome(theirs, S=s, freq=freq), outcome(ours, S=s, freq=freq), close())


@pytest.mark.parametrize(
    "name", ["spectral_centroid", "spectral_bandwidth", "spectral_flatness", "spectral_rolloff"]
)
def test_spectra_that_are_no_magnitudes_are_refused(name: str) -> None:
    theirs, ours = pair(name)
    for s in (-np.ones((1025, 2)), np.ones((1025, 2), dtype=complex)):
        assert isinstance(outcome(theirs, S=s).error, librosa.ParameterError)
        assert isinstance(outcome(ours, S=s).error, compat.ParameterError)
    assert isinstance(outcome(theirs).error, librosa.ParameterError)
    assert isinstance(outcome(ours).error, compat.ParameterError)


@pytest.mark.parametrize("dct_type", [1, 2, 3, 4])
@pytest.mark.parametrize("norm", ["ortho", None, "forward", "backward"])
def test_cepstra_of_given_levels_are_librosas(dct_type: int, norm: str | None) -> None:
    rng = np.random.default_rng(5)
    for shape, dtype in (
        ((40, 30), "float64"),
        ((2, 26, 7), "float32"),
        ((13, 4), "int64"),
        ((13, 4), "float16"),
    ):
        s = (20.0 * rng.standard_normal(shape)).astype(dtype)
        for lifter in (0, 22.0):
            arguments = {"S": s, "dct_type": dct_type, "norm": norm, "n_mfcc": 12, "lifter": lifter}
            assert_same(
                outcome(librosa.feature.mfcc, **arguments),
                outcome(compat.mfcc, **arguments),
                close(1e-4, 1e-3),
            )


@given(st.integers(1, 4), st.integers(2, 60), st.sampled_from(["ortho", None, "forward"]))
@settings(max_examples=40)
def test_cosine_transforms_are_scipys(kind: int, n: int, norm: str | None) -> None:
    expected = scipy.fft.dct(np.eye(n), type=kind, norm=norm, axis=0)
    np.testing.assert_allclose(_shape.cosine_transform(kind, n, norm), expected, atol=1e-12)


# ----------------------------------------------------------------------------------- frames of the signal


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"frame_length": 401, "hop_length": 100},
        {"center": False},
        {"threshold": 0.01},
        {"threshold": 0.5, "ref_magnitude": 0.1},
        {"ref_magnitude": np.max, "threshold": 0.05},
        {"pad": True},
        {"zero_pos": False, "threshold": 0.01},
        {"hop_length": 0},
        {"frame_length": 20000, "center": False},
    ],
    ids=str,
)
def test_zero_crossings_are_exactly_librosas(arguments: dict[str, Any]) -> None:
    for y in INPUTS.values():
        theirs = outcome(librosa.feature.zero_crossing_rate, y, **arguments)
        assert_same(theirs, outcome(compat.zero_crossing_rate, y, **arguments), close())


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"frame_length": 401, "hop_length": 100},
        {"center": False},
        {"dtype": np.float64},
        *[{"pad_mode": mode} for mode in ("edge", "reflect", "symmetric", "wrap", "mean", "linear_ramp")],
        {"frame_length": 20000, "center": False},
        {"hop_length": 0},
    ],
    ids=str,
)
def test_rms_is_librosas(arguments: dict[str, Any]) -> None:
    inputs = {**INPUTS, "integers": np.arange(-4000, 4000, dtype=np.int16), "nan": REFUSED["nan"]}
    for y in inputs.values():
        theirs, ours = outcome(librosa.feature.rms, y=y, **arguments), outcome(compat.rms, y=y, **arguments)
        # librosa squares and averages in `dtype`.
        assert_same(theirs, ours, close(rtol=2e-6))


@pytest.mark.parametrize("frame_length", [2048, 2049, 1024])
def test_rms_of_a_spectrum_is_librosas(frame_length: int) -> None:
    for s in (spectra(1)["f64"], spectra(1)["f32"], librosa.stft(INPUTS["stereo_f64"])):
        arguments = {"S": s, "frame_length": frame_length}
        assert_same(
            outcome(librosa.feature.rms, **arguments), outcome(compat.rms, **arguments), close(rtol=2e-6)
        )


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"order": 2},
        {"width": 5, "order": 3},
        {"width": 21},
        *[{"mode": mode} for mode in ("nearest", "mirror", "constant", "wrap")],
        {"mode": "constant", "cval": 2.5},
        {"polyorder": 4, "width": 11},
        {"polyorder": 0},
        {"delta": 0.1},
        {"axis": 0},
        {"axis": -2, "order": 2},
        {"width": 4},
        {"width": 1},
        {"width": 41},
        {"order": 0},
        {"order": 9},
        {"mode": "reflect"},
    ],
    ids=str,
)
def test_deltas_are_librosas(arguments: dict[str, Any]) -> None:
    rng = np.random.default_rng(1)
    data = [rng.standard_normal((13, 30)), rng.standard_normal((2, 12, 25)).astype(np.float32)]
    data += [rng.standard_normal(24), rng.integers(-9, 9, (11, 15)), np.ones((13, 5))]
    for x in data:
        theirs, ours = outcome(librosa.feature.delta, x, **arguments), outcome(compat.delta, x, **arguments)
        # SciPy fits the ends of float32 data in float32.
        assert_same(theirs, ours, close(*((1e-4, 1e-4) if x.dtype == np.float32 else (1e-6, 1e-9))))


# ------------------------------------------------------------------------------------------------ decibels


@pytest.mark.parametrize("name", ["power_to_db", "amplitude_to_db"])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"top_db": None},
        {"top_db": 20.0},
        {"ref": np.max},
        {"ref": np.median, "top_db": None},
        {"ref": -4.0},
        {"amin": 1e-3},
        {"amin": 0},
        {"top_db": -1},
    ],
    ids=str,
)
def test_decibels_are_librosas(name: str, arguments: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    x = rng.random((5, 7)) * 3
    for s in (
        x,
        x.astype(np.float32),
        (9 * x).astype(int),
        -x,
        x + 1j,
        2.5,
        0,
        np.float32(3.0),
        list(x[0]),
        x * 1e-9,
    ):
        theirs = outcome(getattr(librosa, name), s, **arguments)
        ours = outcome(getattr(compat, name), s, **arguments)
        assert_same(theirs, ours, close(rtol=1e-12))
        if theirs.values:
            assert type(theirs.values[0]) is type(ours.values[0])


# ---------------------------------------------------------------------------------- filters and frequencies


@given(
    sr=st.sampled_from([8000, 16000, 22050, 44100, 11025.5]),
    n_fft=st.integers(16, 2048),
    n_mels=st.integers(1, 140),
    fmin=st.floats(0.0, 1500.0),
    top=st.none() | st.floats(2000.0, 4000.0),
    htk=st.booleans(),
    norm=st.sampled_from(["slaney", None, 1, 2.0, np.inf]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
@settings(max_examples=60)
def test_mel_filters_are_librosas(
    sr: float, n_fft: int, n_mels: int, fmin: float, top: float | None, htk: bool, norm: Any, dtype: type
) -> None:
    arguments = {"sr": sr, "n_fft": n_fft, "n_mels": n_mels, "fmin": fmin, "fmax": top, "htk": htk}
    arguments |= {"norm": norm, "dtype": dtype}
    theirs, ours = outcome(librosa.filters.mel, **arguments), outcome(compat.filters.mel, **arguments)
    # Rows of a norm are divided by sums of what rounding leaves at the edges of narrow filters.
    assert_same(theirs, ours, close(rtol=1e-5 if norm not in ("slaney", None) else 0.0, atol=1e-8))


def test_mel_filters_belong_to_the_caller() -> None:
    first = compat.filters.mel(sr=16000, n_fft=512)
    first[:] = 0.0
    assert compat.filters.mel(sr=16000, n_fft=512).any()


@pytest.mark.parametrize("htk", [True, False])
def test_frequencies_are_librosas(htk: bool) -> None:
    for arguments in (
        {},
        {"n_mels": 40, "fmin": 80.0, "fmax": 7600.0},
        {"n_mels": 1},
        {"fmin": 900, "fmax": 1100},
    ):
        assert_same(
            outcome(librosa.mel_frequencies, htk=htk, **arguments),
            outcome(compat.mel_frequencies, htk=htk, **arguments),
            close(rtol=1e-12, atol=1e-9),
        )
    for arguments in ({}, {"sr": 16000, "n_fft": 400}, {"sr": 8000.5, "n_fft": 401}):
        assert_same(
            outcome(librosa.fft_frequencies, **arguments),
            outcome(compat.fft_frequencies, **arguments),
            close(),
        )


# ------------------------------------------------------------------------------------------------- windows

NAMES = """
    barthann brthan bth bartlett bart brt blackman black blk blackmanharris blackharr bkh bohman bman bmn
    boxcar box ones rect rectangular cosine halfcosine flattop flat flt hamming hamm ham hann han nuttall nutl
    nut parzen parz par triangle triang tri lanczos sinc exponential poisson tukey tuk hann_symmetric
    hamming_periodic lanczos_symmetric exponential_symmetric
"""
WITH_PARAMETERS: list[Any] = [
    *[("kaiser", 0.0), ("ksr", 14.0), 8.6, 3, np.float64(2.0), ("gaussian", 30.0), ("gauss", 5)],
    *[
        ("general_gaussian", 1.5, 40.0),
        ("general gauss", 0.5, 10.0),
        ("general_hamming", 0.7),
        ("tukey", 0.0),
    ],
    *[
        ("tukey", 0.25),
        ("tukey", 1.0),
        ("tukey", 3.0),
        ("exponential", None, 20.0),
        ("exponential", 10.0, 5.0),
    ],
    *[("general_cosine", [0.4, 0.5, 0.1]), ("kaiser_symmetric", 5.0), ("hann",), ("exponential", 3.0)],
]


@pytest.mark.parametrize("window", [*NAMES.split(), *WITH_PARAMETERS], ids=str)
def test_windows_are_scipys(window: Any) -> None:
    for n in (1, 2, 7, 64, 65):
        expected = scipy.signal.get_window(window, n)
        np.testing.assert_allclose(_windows.samples(window, n), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "window", [("chebwin", 100), ("dpss", 3), "taylor", ("kaiser_bessel_derived", 4.0)], ids=str
)
def test_windows_that_are_not_offered_say_so(window: Any) -> None:
    with pytest.raises(compat.ParameterError, match="not offered; pass its 2048 samples"):
        compat.stft(np.zeros(4000), window=window)


NONSENSE: list[Any] = ["", "povey", "general_gaussian", ("kaiser",), ("tukey", 1, 2), (3, 4), (), None, {}]


@pytest.mark.parametrize("window", [*NONSENSE, np.ones((2, 1024))], ids=str)
def test_windows_that_make_no_sense_are_refused(window: Any) -> None:
    assert outcome(librosa.stft, np.zeros(4000), window=window).error is not None
    with pytest.raises(compat.ParameterError):
        compat.stft(np.zeros(4000), window=window)


# ----------------------------------------------------------------------------------------- further of stft


def test_stft_writes_where_it_is_told_to() -> None:
    y = INPUTS["stereo_f64"]
    expected = compat.stft(y)
    for frames in (expected.shape[-1], expected.shape[-1] + 3):
        out = np.zeros((*expected.shape[:-1], frames), dtype=complex, order="F")
        got = compat.stft(y, out=out)
        assert np.shares_memory(got, out)
        np.testing.assert_array_equal(got, expected)
    for wrong in (np.zeros((2, 1025, 3), dtype=complex), np.zeros(expected.shape)):
        assert isinstance(outcome(librosa.stft, y, out=wrong).error, librosa.ParameterError)
        assert isinstance(outcome(compat.stft, y, out=wrong).error, compat.ParameterError)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128, "complex64"])
def test_stft_takes_a_complex_type(dtype: Any) -> None:
    for key in ("voice_f32", "stereo_f64"):
        theirs = outcome(librosa.stft, INPUTS[key], dtype=dtype)
        assert_same(theirs, outcome(compat.stft, INPUTS[key], dtype=dtype), close(rtol=1e-5, atol=1e-5))


# --------------------------------------------------------------------------------- nothing that is ignored

UNSUPPORTED: dict[str, dict[str, Any]] = {
    "melspectrogram": {"dtype": np.int16},
    "mfcc": {"n_mfcc": 0},
    "chroma_stft": {"n_chroma": 0},
    "spectral_centroid": {"pad_mode": "empty"},
    "spectral_bandwidth": {"window": ("dpss", 3)},
    "spectral_contrast": {"n_fft": 100, "n_bands": 5},
    "spectral_flatness": {"win_length": 0},
    "spectral_rolloff": {"n_fft": 2048.0},
    "zero_crossing_rate": {"ref_magnitude": lambda x: x},
    "rms": {"dtype": np.int16},
    "stft": {"dtype": np.float32},
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_is_not_supported_raises(name: str) -> None:
    with pytest.raises(compat.ParameterError):
        getattr(compat, name)(y=signal("noise", 5000), **UNSUPPORTED[name])
    with pytest.raises(TypeError):
        getattr(compat, name)(y=signal("noise", 5000), no_such_argument=1)


def test_what_is_not_supported_raises_beyond_signals(tmp_path: Path) -> None:
    with pytest.raises(compat.ParameterError):
        compat.delta(np.ones((3, 20), dtype=complex))
    with pytest.raises(compat.ParameterError):
        compat.filters.mel(sr=16000, n_fft=512, dtype=int)
    for function in (compat.delta, compat.power_to_db, compat.amplitude_to_db):
        with pytest.raises(TypeError):
            function(np.ones((3, 20)), no_such_argument=1)
    for arguments in ({"res_type": "kaiser_best"}, {"dtype": np.int16}, {"sr": 16000.5}, {"offset": -1.0}):
        with pytest.raises(compat.ParameterError):
            compat.load(recording(tmp_path, 1), **arguments)
    with pytest.raises(compat.ParameterError):
        compat.load(3)


# ------------------------------------------------------------------------------------------------- loading


def recording(folder: Path, n_channels: int, sr: int = 44100) -> Path:
    import soundfile

    path = folder / f"{n_channels}_{sr}.wav"
    rows = np.stack([signals.make("voice", sr, 30000, seed) for seed in range(n_channels)], axis=1)
    soundfile.write(path, rows, sr, subtype="PCM_16")
    return path


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize(
    "arguments",
    [
        {"sr": None},
        {"sr": None, "mono": False},
        {"sr": None, "offset": 0.1234, "duration": 0.3},
        {"sr": None, "offset": 0.5},
        {"sr": None, "duration": 10.0, "mono": False},
        {"sr": None, "dtype": np.float64},
        {"sr": 44100},
        {"sr": 44100.0, "dtype": "float32"},
    ],
    ids=str,
)
def test_loading_without_resampling_gives_the_same_samples(
    tmp_path: Path, n_channels: int, arguments: dict[str, Any]
) -> None:
    path = recording(tmp_path, n_channels)
    for p in (path, str(path)):
        assert_same(
            outcome(librosa.load, p, **arguments), outcome(compat.load, p, **arguments), close(atol=1e-7)
        )


@pytest.mark.parametrize(
    "arguments", [{}, {"sr": 16000, "mono": False}, {"sr": 48000, "offset": 0.2, "duration": 0.21}], ids=str
)
def test_loading_with_resampling_gives_the_same_length_and_band(
    tmp_path: Path, arguments: dict[str, Any]
) -> None:
    path = recording(tmp_path, 2)

    def gate(actual: np.ndarray, expected: np.ndarray) -> None:
        # Two filters of that quality ring differently at cut ends, where soxr also leaves out samples.
        inner = (..., slice(-2)) if actual.ndim else ()
        np.testing.assert_allclose(actual[inner], expected[inner], atol=0.02)

    assert_same(outcome(librosa.load, path, **arguments), outcome(compat.load, path, **arguments), gate)
    theirs, ours = librosa.load(path, **arguments)[0], compat.load(path, **arguments)[0]
    theirs, ours = theirs[..., :-2], ours[..., :-2]
    assert np.linalg.norm(theirs - ours) < 0.01 * np.linalg.norm(theirs)


def test_files_that_cannot_be_read_raise(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        compat.load(tmp_path / "missing.wav")
    (tmp_path / "text.wav").write_text("no audio")
    with pytest.raises(exceptions.AudioError):
        compat.load(tmp_path / "text.wav")
    with pytest.raises(compat.ParameterError, match="no sample"):
        compat.load(recording(tmp_path, 1), offset=100.0)


# ------------------------------------------------------------------------------------------------- modules


def test_features_stand_at_the_top_level_as_well() -> None:
    for name in compat.feature.__all__:
        assert getattr(compat, name) is getattr(compat.feature, name)


def test_the_module_imports_neither_scipy_nor_numba_nor_librosa() -> None:
    code = (
        "import sys, emofeat.compat.librosa\n"
        "heavy = {'scipy', 'numba', 'librosa', 'soundfile', 'pandas', 'pyarrow', 'torch'}\n"
        "found = heavy & set(sys.modules)\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
