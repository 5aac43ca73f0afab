"""`emofeat.compat.python_speech_features` against the package."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import python_speech_features as psf
from emofeat.compat import python_speech_features as compat
from hypothesis import given, settings
from hypothesis import strategies as st
from python_speech_features import sigproc

from tests import signals
from tests.emofeat.compat_tools import Gate, assert_same, close, outcome

EXACT: Gate = close(rtol=1e-10, atol=1e-10)

SIGNALS: dict[str, np.ndarray] = {
    "voice": signals.make("voice", 16000, 9000, 1),
    "int16": (signals.make("voice", 16000, 6000, 2) * 32767).astype(np.int16),
    "float32": signals.make("noise", 16000, 6000, 3).astype(np.float32),
    "silence": np.zeros(5000),
    "shorter_than_a_frame": signals.make("noise", 16000, 100, 4),
    "one_sample": np.array([0.5]),
    "not_contiguous": signals.make("noise", 16000, 9000, 5)[::3],
    "nan": np.where(np.arange(5000) == 2500, np.nan, signals.make("noise", 16000, 5000, 6)),
}

FRONTS: list[dict[str, Any]] = [
    {},
    {"winlen": 0.02, "winstep": 0.0137, "nfft": 1024},
    {"samplerate": 8000, "nfilt": 20, "lowfreq": 100, "highfreq": 3500},
    {"samplerate": 44100, "nfft": 2048},
    {"samplerate": 44100},
    {"preemph": 0, "nfilt": 40, "highfreq": 0},
    {"nfft": 401, "winlen": 0.02505},
]
CEPSTRA: list[dict[str, Any]] = [
    {"numcep": 20, "appendEnergy": False},
    {"ceplifter": 0},
    {"ceplifter": -3},
    {"numcep": 30},
    {"numcep": 0},
]
WINDOWS: list[dict[str, Any]] = [
    *[{"winfunc": f} for f in (np.hamming, np.hanning, np.blackman)],
    {"winfunc": lambda n: np.linspace(0.0, 1.0, n)},
]
TABLE = {
    "mfcc": [*FRONTS, *CEPSTRA, *WINDOWS],
    "fbank": [*FRONTS, *WINDOWS],
    "logfbank": FRONTS,
    "ssc": [*FRONTS, *WINDOWS],
}


@pytest.mark.parametrize(
    ("name", "arguments"), [(n, a) for n, table in TABLE.items() for a in table], ids=str
)
def test_features_are_the_packages(name: str, arguments: dict[str, Any]) -> None:
    logging.disable(logging.WARNING)
    try:
        for y in SIGNALS.values():
            theirs = outcome(getattr(psf, name), y, **arguments)
            assert_same(theirs, outcome(getattr(compat, name), y, **arguments), EXACT)
    finally:
        logging.disable(logging.NOTSET)


def test_arguments_go_by_position_as_in_the_package() -> None:
    arguments = (SIGNALS["voice"], 16000, 0.03, 0.015, 12, 30, 1024, 50, 7000, 0.9, 10, False, np.hamming)
    assert_same(outcome(psf.mfcc, *arguments), outcome(compat.mfcc, *arguments), EXACT)


@given(
    n=st.integers(1, 6000),
    sr=st.sampled_from([8000, 16000, 22050]),
    winlen=st.floats(0.005, 0.06),
    winstep=st.floats(0.003, 0.03),
    nfilt=st.integers(1, 40),
    extra=st.integers(0, 500),
    preemph=st.floats(-1.0, 1.0),
    name=st.sampled_from(["mfcc", "fbank", "logfbank", "ssc"]),
    seed=st.integers(0, 50),
)
@settings(max_examples=60)
def test_any_analysis_of_any_signal_is_the_packages(
    n: int,
    sr: int,
    winlen: float,
    winstep: float,
    nfilt: int,
    extra: int,
    preemph: float,
    name: str,
    seed: int,
) -> None:
    y = signals.make("noise", sr, n, seed)
    arguments = {"samplerate": sr, "winlen": winlen, "winstep": winstep, "nfilt": nfilt, "preemph": preemph}
    arguments["nfft"] = int(winlen * sr) + 1 + extra
    # Cut-off tails of very short signals leave bands with nothing but rounding.
    gate = EXACT if n > winlen * sr else close(rtol=1e-7, atol=1e-7)
    assert_same(
        outcome(getattr(psf, name), y, **arguments), outcome(getattr(compat, name), y, **arguments), gate
    )


@pytest.mark.parametrize("N", [1, 2, 5, 0, -1])
def test_deltas_are_the_packages(N: int) -> None:
    rng = np.random.default_rng(0)
    for feat in (
        rng.standard_normal((30, 13)),
        rng.standard_normal((3, 2)),
        rng.integers(-50, 50, (20, 4)),
        rng.standard_normal((9, 2)).astype(np.float32),
    ):
        gate = close(rtol=1e-5, atol=1e-6) if feat.dtype == np.float32 else EXACT
        assert_same(outcome(psf.delta, feat, N), outcome(compat.delta, feat, N), gate)


@given(n=st.integers(1, 900), length=st.floats(1.0, 200.0), step=st.floats(1.0, 150.0), window=st.booleans())
@settings(max_examples=60)
def test_frames_are_the_packages(n: int, length: float, step: float, window: bool) -> None:
    y = signals.make("noise", 8000, n, n)
    arguments: dict[str, Any] = {"winfunc": np.hamming} if window else {}
    theirs = outcome(sigproc.framesig, y, length, step, **arguments)
    assert_same(theirs, outcome(compat.sigproc.framesig, y, length, step, **arguments), close())


@pytest.mark.parametrize("n_fft", [16, 64, 63, 200])
def test_power_spectra_are_the_packages(n_fft: int) -> None:
    logging.disable(logging.WARNING)
    frames = signals.make("noise", 8000, 800, 2).reshape(8, 100)
    try:
        assert_same(
            outcome(sigproc.powspec, frames, n_fft), outcome(compat.sigproc.powspec, frames, n_fft), EXACT
        )
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("key", SIGNALS)
def test_preemphasis_is_the_packages(key: str) -> None:
    for arguments in ({}, {"coeff": 0.5}, {"coeff": 0}):
        assert_same(
            outcome(sigproc.preemphasis, SIGNALS[key], **arguments),
            outcome(compat.sigproc.preemphasis, SIGNALS[key], **arguments),
            close(),
        )


def test_frames_that_are_cut_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="emofeat"):
        compat.mfcc(SIGNALS["voice"], 44100)
    assert "lose their end" in caplog.text


@pytest.mark.parametrize("name", TABLE)
def test_errors_are_of_the_packages_kind(name: str) -> None:
    for y, arguments in ((np.zeros(0), {}), (SIGNALS["voice"], {"highfreq": 9000})):
        theirs = outcome(getattr(psf, name), y, **arguments)
        assert theirs.error is not None
        assert_same(theirs, outcome(getattr(compat, name), y, **arguments), EXACT)


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize(
    "arguments",
    [{"samplerate": 16000.5}, {"winstep": 0.0}, {"nfilt": 0}, {"nfft": 0}, {"lowfreq": -5}],
    ids=str,
)
def test_what_is_not_supported_raises(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="allowed"):
        getattr(compat, name)(SIGNALS["voice"], **arguments)
    with pytest.raises(ValueError, match="shape"):
        getattr(compat, name)(np.zeros((2, 5000)))
    with pytest.raises(TypeError):
        getattr(compat, name)(SIGNALS["voice"], no_such_argument=1)


def test_what_is_not_supported_raises_beyond_features() -> None:
    with pytest.raises(ValueError, match="winfunc"):
        compat.mfcc(SIGNALS["voice"], winfunc=lambda n: np.ones(n + 1))
    with pytest.raises(ValueError, match="frames of 0 samples"):
        compat.sigproc.framesig(SIGNALS["voice"], 0, 10)
    with pytest.raises(ValueError, match="shape"):
        compat.sigproc.preemphasis(np.zeros((2, 5000)))
    with pytest.raises(ValueError, match="shape"):
        compat.delta(np.zeros(10), 2)
