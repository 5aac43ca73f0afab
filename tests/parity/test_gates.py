"""A gate that lets anything through proves nothing: each one refuses values that are wrong by little."""

from __future__ import annotations

import numpy as np
import pytest

from tests import signals
from tests.parity import gates, oracles
from tests.parity.gates import Case

#: What a careless implementation gets wrong, as a factor on every value; chroma is a ratio already.
SLIP = {"float64": 1.0 + 3e-4, "float32": 1.0 + 2e-2}


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("name", sorted(set(oracles.ORACLES) - {"delta", "cmvn"}))
def test_a_gate_passes_the_definition_and_refuses_a_slip(name: str, precision: str) -> None:
    y = signals.voice(16000, 8000, 4)
    case = Case(y, 16000)
    expected = oracles.ORACLES[name](y, 16000)
    gate = gates.GATES[precision][name]
    gate(expected.copy(), expected, case)
    with pytest.raises(AssertionError):
        gate(expected * SLIP[precision], expected, case)
    with pytest.raises(AssertionError, match="shape"):
        gate(expected[:-1], expected, case)
    spoilt = expected.copy()
    spoilt[len(spoilt) // 2, 0] = np.nan
    with pytest.raises(AssertionError, match="NaN"):
        gate(spoilt, expected, case)


def test_roll_off_in_the_next_bin_is_allowed_in_few_frames_only() -> None:
    y = signals.noise(16000, 160_000, 1)
    case = Case(y, 16000)
    expected = oracles.spectral_rolloff(y, 16000)
    step = 16000 / 2048
    one = expected.copy()
    one[3] += step
    gates.FLOAT64["spectral_rolloff"](one, expected, case)
    with pytest.raises(AssertionError, match="one bin off"):
        gates.FLOAT64["spectral_rolloff"](expected + step, expected, case)
    with pytest.raises(AssertionError, match="bins off"):
        gates.FLOAT64["spectral_rolloff"](one + (one - expected), expected, case)


def test_chroma_may_take_a_tuning_that_ties_but_no_other() -> None:
    y = signals.voice(16000, 16000, 5)
    case = Case(y, 16000)
    s = oracles.spectrogram(y, 16000)
    tuning = oracles.estimate_tuning(s, 16000, 2048)
    gates.FLOAT64["chroma_stft"](
        oracles.chroma_stft(y, 16000, tuning=tuning), oracles.chroma_stft(y, 16000), case
    )
    counts = oracles.tuning_histogram(s, 16000, 2048)
    wrong = float(np.linspace(-0.5, 0.5, 101)[np.argmin(counts)])
    with pytest.raises(AssertionError):
        gates.FLOAT64["chroma_stft"](
            oracles.chroma_stft(y, 16000, tuning=wrong), oracles.chroma_stft(y, 16000), case
        )
