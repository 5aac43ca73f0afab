"""`emofeat.compat.kaldi` against kaldi-native-fbank and torchaudio's definition of arguments and errors.

torchaudio itself is not installed in test runs: `tests/parity/test_golden.py` compares its recorded numbers.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from emofeat.compat import kaldi
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import signals
from tests.parity import oracles

SR = 16000


def speech(n: int = 8000, seed: int = 1) -> np.ndarray:
    return signals.make("voice", SR, n, seed) * 32768.0


CASES: list[dict[str, Any]] = [
    {},
    {"num_mel_bins": 80, "snip_edges": False, "high_freq": -400.0},
    {"window_type": "hamming", "preemphasis_coefficient": 0.0},
    {"window_type": "blackman", "blackman_coeff": 0.4, "use_energy": True, "htk_compat": True},
    {"use_energy": True, "raw_energy": False, "energy_floor": 0.0},
    {"subtract_mean": True, "low_freq": 100.0},
    {"round_to_power_of_two": False, "frame_length": 32.0, "frame_shift": 12.5},
    {"remove_dc_offset": False},
    {"sample_frequency": 8000.0, "num_mel_bins": 15},
    {"sample_frequency": 96000.0, "high_freq": 40000.0},
    {"vtln_low": 60.0, "vtln_high": -100.0},
]
FBANK_CASES = [*CASES, {"use_log_fbank": False}, {"use_power": False, "use_log_fbank": False}]
MFCC_CASES = [*CASES, {"num_ceps": 20, "num_mel_bins": 40}, {"cepstral_lifter": 0.0}, {"htk_compat": True}]


def oracle(name: str, y: np.ndarray, arguments: dict[str, Any]) -> np.ndarray:
    """The definition in plain NumPy, without arguments that have no effect."""
    own = {k: v for k, v in arguments.items() if not k.startswith("vtln")}
    sr = own.pop("sample_frequency", 16000.0)
    return np.asarray({"fbank": oracles.kaldi_fbank, "mfcc": oracles.kaldi_mfcc}[name](y, sr, **own))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "arguments"), [*[("fbank", c) for c in FBANK_CASES], *[("mfcc", c) for c in MFCC_CASES]], ids=str
)
def test_values_types_and_shapes_are_those_of_the_definition(
    name: str, arguments: dict[str, Any], dtype: str
) -> None:
    y = speech().astype(dtype)
    expected = oracle(name, y.astype(np.float64), arguments)
    for wave in (y, y[None], np.stack([y, 0 * y])):
        actual = getattr(kaldi, name)(wave, **arguments)
        assert actual.dtype == dtype
        assert actual.shape == expected.shape
        # Single precision: a transform's noise in the quietest bins, magnified by the lifter.
        tolerance = {"rtol": 1e-5, "atol": 1e-4} if dtype == "float64" else {"rtol": 1e-3, "atol": 2e-2}
        np.testing.assert_allclose(actual, expected, **tolerance)


@given(
    n=st.integers(400, 6000),
    bins=st.integers(4, 80),
    snip=st.booleans(),
    shift=st.floats(2.0, 30.0),
    window=st.sampled_from(["povey", "hanning", "hamming", "rectangular", "blackman"]),
    energy=st.booleans(),
    htk=st.booleans(),
    seed=st.integers(0, 30),
)
@settings(max_examples=50)
def test_any_arguments_give_the_definitions_values(
    n: int, bins: int, snip: bool, shift: float, window: str, energy: bool, htk: bool, seed: int
) -> None:
    y = speech(n, seed)
    arguments = {"num_mel_bins": bins, "snip_edges": snip, "frame_shift": shift, "window_type": window}
    arguments |= {"use_energy": energy, "htk_compat": htk}
    np.testing.assert_allclose(
        kaldi.fbank(y[None], **arguments), oracle("fbank", y, arguments), rtol=1e-6, atol=1e-5
    )
    arguments["num_ceps"] = min(13, bins)
    np.testing.assert_allclose(
        kaldi.mfcc(y[None], **arguments), oracle("mfcc", y, arguments), rtol=1e-6, atol=1e-4
    )


def test_the_channel_is_the_one_that_is_asked_for() -> None:
    wave = np.stack([speech(4000, seed) for seed in range(3)])
    for channel, row in ((-1, 0), (0, 0), (2, 2)):
        np.testing.assert_array_equal(kaldi.fbank(wave, channel=channel), kaldi.fbank(wave[row]))


def test_recordings_below_the_least_duration_have_no_frames() -> None:
    for function in (kaldi.fbank, kaldi.mfcc):
        none = function(speech()[None].astype(np.float32), min_duration=1.0)
        assert none.shape == (0,)
        assert none.dtype == np.float32
        assert len(function(speech()[None], min_duration=0.5)) == 48


def test_dither_is_noise_of_the_given_size_and_the_same_every_time() -> None:
    silence = np.zeros((1, 16000))
    first = kaldi.fbank(silence, dither=1.0)
    np.testing.assert_array_equal(first, kaldi.fbank(silence, dither=1.0))
    # Mean power grows with the square of the noise's deviation.
    louder = kaldi.fbank(silence, dither=10.0)
    assert abs(np.mean(louder - first) - 2 * np.log(10.0)) < 1e-3


#: What torchaudio asserts.
ASSERTED: list[dict[str, Any]] = [
    {"channel": 1},
    {"frame_length": 600.0},
    {"frame_length": 0.05},
    {"frame_shift": 0.01},
    {"frame_length": 25.1, "round_to_power_of_two": False},
    {"preemphasis_coefficient": 1.5},
    {"num_mel_bins": 3},
    {"low_freq": -1.0},
    {"low_freq": 8000.0},
    {"high_freq": 9000.0},
    {"low_freq": 4000.0, "high_freq": 3000.0},
]


@pytest.mark.parametrize("arguments", ASSERTED, ids=str)
@pytest.mark.parametrize("name", ["fbank", "mfcc"])
def test_what_torchaudio_asserts_is_an_assertion_and_a_value_error(
    name: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(AssertionError) as caught:
        getattr(kaldi, name)(speech()[None], **arguments)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "arguments",
    [{"vtln_warp": 1.1}, {"window_type": "hann"}, {"sample_frequency": 16000.5}, {"dither": -1.0}],
    ids=str,
)
@pytest.mark.parametrize("name", ["fbank", "mfcc"])
def test_what_is_not_supported_raises(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments)).replace("sample_frequency", "sr")):
        getattr(kaldi, name)(speech()[None], **arguments)
    with pytest.raises(TypeError):
        getattr(kaldi, name)(speech()[None], no_such_argument=1)


def test_more_coefficients_than_filters_are_refused() -> None:
    with pytest.raises(AssertionError, match="num_ceps"):
        kaldi.mfcc(speech()[None], num_ceps=24)
    with pytest.raises(ValueError, match="cepstral_lifter"):
        kaldi.mfcc(speech()[None], cepstral_lifter=-1.0)


@pytest.mark.parametrize(
    "wave", [np.zeros(8000, dtype=np.int16), [0.0] * 8000, np.zeros((1, 1, 8000)), np.array(1.0)], ids=str
)
def test_waveforms_of_other_types_and_shapes_are_refused(wave: Any) -> None:
    for function in (kaldi.fbank, kaldi.mfcc):
        with pytest.raises(TypeError) as caught:
            function(wave)
        assert isinstance(caught.value, ValueError)


def test_nan_stays_in_the_frames_that_hold_it() -> None:
    y = speech()
    y[4000] = np.nan
    broken = np.isnan(kaldi.fbank(y[None])).any(axis=1)
    assert broken.any()
    assert not broken.all()
    np.testing.assert_array_equal(kaldi.fbank(y[None])[~broken], kaldi.fbank(speech()[None])[~broken])


def test_every_argument_is_documented() -> None:
    for function in (kaldi.fbank, kaldi.mfcc):
        for name in inspect.signature(function).parameters:
            assert name in (function.__doc__ or ""), f"{function.__name__}: {name}"
