"""Each oracle is what its package computes: on every kind of signal by default, and with drawn parameters.

Both sides run in double precision (kaldi-native-fbank, which is single, excepted), so the gates of the
float64 path apply.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import signals
from tests.parity import draws, gates, oracles, peers
from tests.parity.gates import Case

SIGNAL_FEATURES = sorted(set(peers.PEERS) - {"delta"})


def defaults(name: str, sr: int) -> dict[str, Any]:
    """The defaults, except where they cannot work at this rate."""
    if name == "spectral_contrast" and sr == 8000:
        return {"n_bands": 4}  # six octaves from 200 Hz end above Nyquist
    if name.startswith("psf") and sr > 16000:
        return {"nfft": 2048}  # 25 ms are longer than 512 samples
    return {}


def agree(name: str, case: Case) -> None:
    expected = peers.PEERS[name](case.y, case.sr, **case.params)
    actual = oracles.ORACLES[name](case.y, case.sr, **case.params)
    gates.AGAINST_PEERS["float64"][name](actual, expected, case)


def test_every_peer_has_an_oracle_and_a_gate() -> None:
    assert set(peers.PEERS) <= set(oracles.ORACLES)
    assert set(peers.PEERS) <= set(gates.FLOAT64)
    assert set(SIGNAL_FEATURES) <= set(draws.FAMILY)


@pytest.mark.parametrize("sr", signals.RATES)
@pytest.mark.parametrize("name", SIGNAL_FEATURES)
def test_the_oracle_agrees_with_the_package_by_default(name: str, sr: int) -> None:
    for kind in signals.KINDS:
        y = signals.make(kind, sr, int(0.35 * sr), seed=sr + len(kind))
        try:
            agree(name, Case(y, sr, defaults(name, sr), kind in signals.BROADBAND))
        except AssertionError as error:
            raise AssertionError(f"{kind}: {error}") from error


@pytest.mark.parametrize("name", SIGNAL_FEATURES)
@settings(max_examples=30)
@given(data=st.data())
def test_the_oracle_agrees_with_the_package_for_drawn_parameters(name: str, data: st.DataObject) -> None:
    case = data.draw(draws.case(name, allowed={"window": draws.SCIPY_WINDOWS}))
    params = oracles.definition(name, case.sr, case.params)
    params = {k: v for k, v in params.items() if k not in peers.LACKING.get(name, ())}
    agree(name, dataclasses.replace(case, params=params))


@pytest.mark.parametrize(
    "name", ["logmel", "chroma_stft", "kaldi_fbank", "kaldi_mfcc", "pyaudioanalysis", "psf_mfcc"]
)
def test_the_oracle_agrees_with_the_package_on_real_speech(name: str, test_data: Any) -> None:
    for clip, y, sr in signals.clips(test_data, every=240):
        try:
            agree(name, Case(y, sr, defaults(name, sr)))
        except AssertionError as error:
            raise AssertionError(f"{clip}: {error}") from error


@settings(max_examples=50)
@given(data=st.data())
def test_delta_agrees_with_librosa(data: st.DataObject) -> None:
    order = data.draw(st.integers(1, 3))
    width = data.draw(st.sampled_from([w for w in (3, 5, 9, 11) if w > order]))
    mode = data.draw(st.sampled_from(["interp", "nearest"]))
    x = data.draw(draws.matrix(least=width))
    expected = peers.delta(x, width=width, order=order, mode=mode)
    actual = oracles.delta(x, width=width, order=order, mode=mode)
    gates.within(actual, expected, 1e-9 * np.abs(x).max() + 1e-9)


@settings(max_examples=50)
@given(x=draws.matrix(), n=st.integers(1, 5))
def test_delta_agrees_with_python_speech_features(x: np.ndarray, n: int) -> None:
    gates.within(oracles.psf_delta(x, N=n), peers.psf_delta(x, N=n), 1e-10 * np.abs(x).max())


@pytest.mark.parametrize("window", sorted(set(draws.PSF_WINDOWS) - {"rectangular"}))
def test_python_speech_features_takes_a_window(window: str) -> None:
    y = signals.voice(16000, 8000, 3)
    expected = peers.PEERS["psf_mfcc"](y, 16000, winfunc=window)
    gates.within(oracles.psf_mfcc(y, 16000, winfunc=window), expected, 1e-10 * (1 + np.abs(expected)))


@settings(max_examples=8)
@given(
    seed=st.integers(0, 1000),
    mid_window=st.sampled_from([0.2, 0.5, 1.0]),
    mid_step=st.sampled_from([0.1, 0.25, 1.0]),
    sr=st.sampled_from([8000, 16000]),
)
def test_mid_term_statistics_agree_with_pyaudioanalysis(
    seed: int, mid_window: float, mid_step: float, sr: int
) -> None:
    y = signals.voice(sr, int(1.3 * sr), seed)
    lengths = [int(t * sr) for t in (mid_window, mid_step, 0.05, 0.025)]
    expected = peers.pyaudioanalysis_mid_term(y, sr, *lengths)
    short = oracles.pyaudioanalysis(y, sr, window=lengths[2], step=lengths[3], deltas=True)
    actual = oracles.pyaudioanalysis_mid_term(short, lengths[2], lengths[3], lengths[0], lengths[1])
    gates.within(actual, expected, 1e-10 * (1 + np.abs(expected)))


@pytest.mark.parametrize("norm", [1.0, np.inf, "slaney", None])
@pytest.mark.parametrize("htk", [False, True])
@pytest.mark.parametrize(("sr", "n_fft", "n_mels"), [(16000, 512, 80), (22050, 2048, 128), (48000, 2048, 40)])
def test_filters_agree_with_librosa(sr: int, n_fft: int, n_mels: int, htk: bool, norm: Any) -> None:
    import librosa

    with peers.librosa_without_remarks():
        expected = librosa.filters.mel(
            sr=sr, n_fft=n_fft, n_mels=n_mels, htk=htk, norm=norm, dtype=np.float64
        )
    actual = oracles.mel_filters(sr, n_fft, n_mels=n_mels, htk=htk, norm=norm)
    gates.within(actual, expected, 1e-8)


@pytest.mark.parametrize("tuning", [0.0, 0.31, -0.5])
@pytest.mark.parametrize(
    ("sr", "n_fft", "n_chroma"), [(16000, 512, 12), (22050, 2048, 12), (44100, 4096, 36)]
)
def test_chroma_filters_agree_with_librosa(sr: int, n_fft: int, n_chroma: int, tuning: float) -> None:
    import librosa

    expected = librosa.filters.chroma(sr=sr, n_fft=n_fft, n_chroma=n_chroma, tuning=tuning, dtype=np.float64)
    gates.within(oracles.chroma_filters(sr, n_fft, n_chroma=n_chroma, tuning=tuning), expected, 1e-8)


@pytest.mark.parametrize("window", draws.SCIPY_WINDOWS)
@pytest.mark.parametrize("n", [2, 7, 64, 401])
def test_windows_agree_with_scipy(window: str, n: int) -> None:
    import scipy.signal

    gates.within(oracles.periodic_window(window, n), scipy.signal.get_window(window, n), 1e-12)


@pytest.mark.parametrize("norm", ["ortho", None])
@pytest.mark.parametrize("dct_type", [1, 2, 3])
@pytest.mark.parametrize("n", [2, 13, 40])
def test_cosine_transforms_agree_with_scipy(n: int, dct_type: int, norm: str | None) -> None:
    import scipy.fft

    expected = scipy.fft.dct(np.eye(n), type=dct_type, norm=norm, axis=0)
    gates.within(oracles.dct_matrix(n, n, dct_type, norm), expected, 1e-12 * n)
