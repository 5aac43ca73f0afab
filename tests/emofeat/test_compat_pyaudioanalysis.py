"""`emofeat.compat.pyaudioanalysis` against pyAudioAnalysis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from emofeat.compat.pyaudioanalysis import MidTermFeatures, ShortTermFeatures
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import signals
from tests.emofeat.compat_tools import Gate, assert_same, close, outcome
from tests.parity import peers

EXACT: Gate = close(rtol=1e-10, atol=1e-10)

SIGNALS: dict[str, tuple[Any, int]] = {
    "voice_16k": (signals.make("voice", 16000, 12000, 1), 16000),
    "voice_8k": (signals.make("voice", 8000, 8000, 2), 8000),
    "noise_44k": (signals.make("noise", 44100, 20000, 3), 44100),
    "int16": ((signals.make("voice", 16000, 8000, 4) * 32767).astype(np.int16), 16000),
    "float32": (signals.make("voice", 16000, 8000, 5).astype(np.float32), 16000),
    "not_contiguous": (signals.make("noise", 16000, 16000, 6)[::2], 16000),
    "list": (list(signals.make("noise", 16000, 3000, 7)), 16000),
}


def short_term(*arguments: Any, **named: Any) -> Any:
    return peers.ShortTermFeatures.feature_extraction(*arguments, **named)


def mid_term(*arguments: Any) -> Any:
    return peers.MidTermFeatures.mid_feature_extraction(*arguments)


@pytest.mark.parametrize("key", SIGNALS)
@pytest.mark.parametrize(
    ("window", "step", "deltas"),
    [
        (0.05, 0.025, True),
        (0.05, 0.05, False),
        (0.064, 0.01, True),
        (0.0333, 0.0217, False),
        (0.05, 0.2, True),
    ],
)
def test_short_term_features_and_names_are_the_packages(
    key: str, window: float, step: float, deltas: bool
) -> None:
    y, sr = SIGNALS[key]
    # In samples, with the fractions that callers leave for the package to cut off.
    arguments = (y, sr, window * sr, step * sr, deltas)
    assert_same(
        outcome(short_term, *arguments), outcome(ShortTermFeatures.feature_extraction, *arguments), EXACT
    )


def test_short_windows_are_judged_by_the_rate_of_the_signal() -> None:
    # 200 samples hold the notes up to 4 kHz, and no more.
    y = signals.make("voice", 8000, 4000, 1)
    arguments = (y, 8000, 200, 100)
    assert_same(
        outcome(short_term, *arguments), outcome(ShortTermFeatures.feature_extraction, *arguments), EXACT
    )


def test_differences_are_the_default() -> None:
    y, sr = SIGNALS["voice_16k"]
    assert_same(
        outcome(short_term, y, sr, 800, 400),
        outcome(ShortTermFeatures.feature_extraction, signal=y, sampling_rate=sr, window=800, step=400),
        EXACT,
    )


@pytest.mark.parametrize("key", SIGNALS)
@pytest.mark.parametrize(("mid_window", "mid_step"), [(0.2, 0.1), (1.0, 1.0), (0.25, 0.4), (0.05, 0.025)])
def test_mid_term_statistics_are_the_packages(key: str, mid_window: float, mid_step: float) -> None:
    y, sr = SIGNALS[key]
    arguments = (y, sr, mid_window * sr, mid_step * sr, round(0.05 * sr), round(0.025 * sr))
    assert_same(
        outcome(mid_term, *arguments), outcome(MidTermFeatures.mid_feature_extraction, *arguments), EXACT
    )


@given(
    kind=st.sampled_from(["voice", "noise"]),
    n=st.integers(1, 9000),
    sr=st.sampled_from([8000, 16000, 22050]),
    window=st.integers(1, 1500),
    step=st.integers(50, 1000),
    deltas=st.booleans(),
    mid=st.tuples(st.floats(0.5, 12.0), st.floats(0.6, 12.0)),
    seed=st.integers(0, 30),
)
@settings(max_examples=50)
def test_any_windows_of_any_signal_give_the_packages_values_or_errors(
    kind: str, n: int, sr: int, window: int, step: int, deltas: bool, mid: tuple[float, float], seed: int
) -> None:
    y = signals.make(kind, sr, n, seed)
    arguments = (y, sr, window, step, deltas)
    theirs = outcome(short_term, *arguments)
    ours = outcome(ShortTermFeatures.feature_extraction, *arguments)
    # Very short windows leave the package without bins, where it divides by nothing in various ways.
    assert_same(theirs, ours, EXACT)
    if ours.error is None:
        longer = (y, sr, window * mid[0], step * mid[1], window, step)
        assert_same(
            outcome(mid_term, *longer), outcome(MidTermFeatures.mid_feature_extraction, *longer), EXACT
        )


@pytest.mark.parametrize(
    ("y", "sr", "window", "step"),
    [
        (np.zeros(0), 16000, 800, 400),
        (np.ones(100), 16000, 800, 400),
        (signals.make("noise", 16000, 4000, 1), 16000, 100, 50),
        (signals.make("noise", 6000, 4000, 1), 6000, 800, 50),
    ],
    ids=["empty", "shorter_than_a_window", "window_without_room_for_the_notes", "low_rate"],
)
def test_errors_are_of_the_packages_kind(y: np.ndarray, sr: int, window: int, step: int) -> None:
    theirs = outcome(short_term, y, sr, window, step)
    assert theirs.error is not None
    assert_same(theirs, outcome(ShortTermFeatures.feature_extraction, y, sr, window, step), EXACT)
    assert outcome(MidTermFeatures.mid_feature_extraction, y, sr, 16000, 8000, window, step).error is not None


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused(wrong: float) -> None:
    y = np.where(np.arange(4000) == 9, wrong, 0.1)
    with pytest.raises(ValueError, match="NaN or infinite"):
        ShortTermFeatures.feature_extraction(y, 16000, 800, 400)


def test_what_is_not_supported_raises() -> None:
    y, sr = SIGNALS["voice_16k"]
    with pytest.raises(ValueError, match="shape"):
        ShortTermFeatures.feature_extraction(np.stack([y, y]), sr, 800, 400)
    with pytest.raises(ValueError, match="step"):
        ShortTermFeatures.feature_extraction(y, sr, 800, 0)
    with pytest.raises(ValueError, match="sr"):
        ShortTermFeatures.feature_extraction(y, 16000.5, 800, 400)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="mid_step"):
        MidTermFeatures.mid_feature_extraction(y, sr, 8000, 100, 800, 400)
    with pytest.raises(TypeError):
        ShortTermFeatures.feature_extraction(y, sr, 800, 400, no_such_argument=1)  # type: ignore[call-arg]
