"""`compat.librosa.yin` and `pyin` against librosa: every argument, every kind of refusal, real speech."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest

from emofeat.compat import librosa as compat
from tests import signals
from tests.parity import gates
from tests.parity.gates import Case

SR = 16000
RANGE = {"fmin": 80.0, "fmax": 500.0}


def quietly(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Short frames are drawn on purpose."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(With|less than).*two periods", UserWarning)
        return function(*args, **kwargs)


def same_path(ours: Any, theirs: Any) -> None:
    """The same voicing and bins in every frame, probabilities up to the order of a sum of a hundred."""
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
    np.testing.assert_array_equal(ours[1], theirs[1])
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)
    np.testing.assert_allclose(ours[2], theirs[2], atol=1e-12)


FRAMING: list[dict[str, Any]] = [
    {},
    {"frame_length": 1024},
    {"frame_length": 601, "hop_length": 97},
    {"center": False},
    {"pad_mode": "reflect"},
    {"pad_mode": "wrap"},
    {"sr": 16000.5},
    {"sr": 22050},
    {"fmin": 50.0, "fmax": 8000.0},
    {"fmin": 300.0, "fmax": 301.0, "hop_length": 16},
]


@pytest.mark.parametrize("arguments", [*FRAMING, {"trough_threshold": 0.4}, {"trough_threshold": -1.0}])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_yin_is_librosas(arguments: dict[str, Any], dtype: str) -> None:
    arguments = {"sr": SR, **RANGE, **arguments}
    y = signals.voice(SR, 12000, 3).astype(dtype)
    actual = quietly(compat.yin, y, **arguments)
    # librosa decides float32 in single precision, so its double is what a frame's F0 should be.
    expected = quietly(librosa.yin, y.astype(np.float64), **arguments)
    assert actual.dtype == expected.dtype
    np.testing.assert_allclose(actual, expected, rtol=1e-9)


@pytest.mark.parametrize(
    "arguments",
    [
        *FRAMING[:-1],
        {"n_thresholds": 17},
        {"beta_parameters": (1, 5)},
        {"beta_parameters": [0.7, 9.3]},
        {"boltzmann_parameter": 0.3},
        {"resolution": 0.25},
        {"resolution": 0.34, "max_transition_rate": 20.0},
        {"max_transition_rate": 5.0},
        {"switch_prob": 0.2},
        {"no_trough_prob": 0.3},
        {"fill_na": 0.0},
        {"fill_na": None},
    ],
)
def test_pyin_is_librosas(arguments: dict[str, Any]) -> None:
    arguments = {"sr": SR, **RANGE, **arguments}
    y = signals.voice(SR, 12000, 3)
    same_path(quietly(compat.pyin, y, **arguments), quietly(librosa.pyin, y, **arguments))


@pytest.mark.parametrize("shape", [(2, 6000), (2, 1, 5000)])
def test_channels_are_followed_one_by_one(shape: tuple[int, ...]) -> None:
    y = signals.voice(SR, int(np.prod(shape)), 5).reshape(shape)
    same_path(compat.pyin(y, sr=SR, **RANGE), librosa.pyin(y, sr=SR, **RANGE))
    np.testing.assert_allclose(compat.yin(y, sr=SR, **RANGE), librosa.yin(y, sr=SR, **RANGE), rtol=1e-9)


@pytest.mark.parametrize("n", [0, 1, 500, 4000])
def test_silence_is_unvoiced_and_short_signals_have_frames(n: int) -> None:
    y = np.zeros(n)
    same_path(compat.pyin(y, sr=SR, **RANGE), librosa.pyin(y, sr=SR, **RANGE))
    assert not compat.pyin(y, sr=SR, **RANGE)[1].any()
    np.testing.assert_array_equal(compat.yin(y, sr=SR, **RANGE), librosa.yin(y, sr=SR, **RANGE))


@pytest.mark.parametrize(
    "arguments",
    [
        {"fmin": None},
        {"fmax": None},
        {"fmin": 0.0},
        {"fmin": -5.0},
        {"fmin": 500.0},
        {"fmax": 8001.0},
        {"frame_length": 150},
        {"hop_length": 0},
        {"y": np.zeros(1000), "center": False},
        {"y": np.zeros(4000, dtype=np.int16)},
        {"y": np.full(4000, np.nan)},
        {"y": [0.0] * 4000},
    ],
)
@pytest.mark.parametrize("name", ["yin", "pyin"])
def test_what_librosa_refuses_is_refused(name: str, arguments: dict[str, Any]) -> None:
    arguments = {"y": np.zeros(4000), "sr": SR, **RANGE, **arguments}
    with pytest.raises(librosa.ParameterError):
        quietly(getattr(librosa, name), **arguments)
    with pytest.raises(compat.ParameterError):
        quietly(getattr(compat, name), **arguments)


@pytest.mark.parametrize(
    "arguments", [{"switch_prob": 1.5}, {"hop_length": 8192}, {"fmin": 300.0, "fmax": 300.5}]
)
def test_what_makes_no_path_is_refused(arguments: dict[str, Any]) -> None:
    arguments = {"y": np.zeros(20000), "sr": SR, **RANGE, **arguments}
    with pytest.raises(librosa.ParameterError):
        librosa.pyin(**arguments)
    with pytest.raises(compat.ParameterError):
        compat.pyin(**arguments)


def test_warnings_are_librosas_and_point_here() -> None:
    y = np.zeros(4000)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compat.yin(y, sr=SR, fmin=60.0, fmax=500.0, frame_length=500)
        compat.pyin(y, sr=SR, win_length=100, **RANGE)  # type: ignore[arg-type]
    assert [w.category for w in caught] == [UserWarning, FutureWarning]
    assert {w.filename for w in caught} == {__file__}


def test_a_longer_recording_begins_as_a_shorter_one() -> None:
    """The rows of a stream are final: they are those of the whole."""
    import emofeat

    y = signals.voice(SR, 8 * SR, 2).astype(np.float32)
    extractor = emofeat.Extractor(["pyin", "yin"], sr=SR)
    whole = extractor.process_signal(y, SR)
    stream = extractor.stream(SR)
    pieces = [stream.push(piece) for piece in np.array_split(y, 37)]
    assert sum(len(p["pyin"]) for p in pieces) > len(whole["pyin"]) // 2
    pieces.append(stream.finish())
    for name in ("pyin", "yin"):
        np.testing.assert_array_equal(np.concatenate([p[name] for p in pieces]), whole[name])


def test_on_real_speech_the_tracks_are_librosas(test_data: Path) -> None:
    """0.01 Hz (YIN), and the same voicing and bin (pYIN), in 99.9 % of the frames that rounding leaves alone."""
    frames = yin_off = pyin_off = 0
    for _, y, sr in signals.clips(test_data, every=120):
        arguments = {"sr": sr, "fmin": 65.0, "fmax": 600.0}
        decided = ~gates._undecided(Case(y, int(sr)))
        frames += int(decided.sum())
        yin = np.abs(compat.yin(y, **arguments) - librosa.yin(y, **arguments)) > 0.01
        yin_off += int((yin & decided).sum())
        ours, theirs = compat.pyin(y, **arguments), librosa.pyin(y, **arguments)
        differs = (ours[1] != theirs[1]) | ~np.isclose(ours[0], theirs[0], rtol=1e-9, equal_nan=True)
        pyin_off += int((differs & decided).sum())
    assert frames > 500
    assert yin_off <= 0.001 * frames and pyin_off <= 0.001 * frames, (frames, yin_off, pyin_off)
