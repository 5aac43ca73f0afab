"""The synthetic voices have what they claim, found without any pitch tracker or formant analyser."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests import voices


def spectrum_peak(y: np.ndarray, sr: int, near: float, within: float) -> float:
    """Frequency of the largest peak of a Hann-windowed spectrum around `near`, by a parabola through the log."""
    size = 8 << len(y).bit_length()
    level = np.log(np.abs(np.fft.rfft(y * np.hanning(len(y)), size)) + 1e-300)
    f = np.arange(len(level)) * sr / size
    k = np.flatnonzero(np.abs(f - near) < within)
    k = k[np.argmax(level[k])]
    a, b, c = level[k - 1 : k + 2]
    return float((k + 0.5 * (a - c) / (a - 2 * b + c)) * sr / size)


@pytest.mark.parametrize("sr", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("f0", [73.21, 187.3, 401.7])
def test_harmonics_lie_at_multiples_of_f0(sr: int, f0: float) -> None:
    """Pulses at whole samples would put 401.7 Hz at 400 or 421 Hz (8 kHz)."""
    voice = voices.synthesise(sr, 1.0, f0)
    for k in (1, 2, 5):
        assert spectrum_peak(voice.y, sr, k * f0, f0 / 3) == pytest.approx(k * f0, abs=0.01)


@pytest.mark.parametrize("sr", [8000, 16000, 48000])
def test_between_the_harmonics_is_nothing(sr: int) -> None:
    """What pulses between samples leave behind stays 60 dB below the harmonics around it (below 0.4 sr)."""
    f0 = 100.0 * np.sqrt(2.0)
    voice = voices.synthesise(sr, 2.0, f0)
    y = voice.y[sr // 2 : 3 * sr // 2]
    level = np.abs(np.fft.rfft(y * np.blackman(len(y))))
    harmonic = np.arange(1, int(0.4 * sr / f0))
    at, between = level[np.rint(harmonic * f0).astype(int)], level[np.rint((harmonic + 0.5) * f0).astype(int)]
    assert (between < 1e-3 * at).all()


def test_jitter_and_shimmer_are_met_exactly_and_truth_follows_from_the_pulses() -> None:
    voice = voices.synthesise(16000, 3.0, 150.0, jitter=0.012, shimmer=0.06)
    assert voice.jitter_local == pytest.approx(0.012, rel=1e-9)
    assert voice.shimmer_local == pytest.approx(0.06, rel=1e-9)
    (t,) = voice.periods
    a, b, c = t[:3]
    assert voice.jitter_ddp > 1.2 * voice.jitter_local  # independent displacements: about sqrt(20 / 6)
    assert abs((c - b) - (b - a)) == pytest.approx(np.abs(np.diff(t, 2))[0])
    # |d ln A| * 20 / ln 10, for small changes.
    assert voice.shimmer_db == pytest.approx(0.06 * 20.0 / np.log(10.0), rel=0.02)
    assert (t > 0).all()
    steady = voices.synthesise(16000, 0.5, 150.0)
    assert steady.jitter_local < 1e-9 and steady.shimmer_local == 0.0


def test_pulses_follow_a_moving_contour() -> None:
    """A sweep over an octave: the number of pulses is the integral of F0, each period the inverse of F0."""
    voice = voices.synthesise(16000, 2.0, lambda t: 100.0 * 2.0 ** (t / 2.0))
    (pulses,), (periods,) = voice.pulses, voice.periods
    assert len(pulses) == round(100.0 * 2.0 / np.log(2.0))
    assert np.allclose(1.0 / periods, voice.f0(0.5 * (pulses[1:] + pulses[:-1])), rtol=1e-4)


def test_formants_are_the_poles_of_the_response() -> None:
    """Linear prediction of one pulse's response, which is exact for an all-pole filter, finds them."""
    sr = 11000
    voice = voices.synthesise(sr, 0.25, 4.1)  # a single pulse
    y = voice.y[int(voice.pulses[0][0] * sr) + voices.REACH + 2 :][:1500]
    order = 2 * len(voice.formants) + 2
    rows = np.stack([y[order - k - 1 : len(y) - k - 1] for k in range(order)], axis=1)
    a = np.linalg.lstsq(rows, y[order:], rcond=None)[0]
    roots = np.roots(np.append(1.0, -a))
    roots = roots[roots.imag > 1e-3]
    f = np.angle(roots) * sr / (2 * np.pi)
    b = -np.log(np.abs(roots)) * sr / np.pi
    order_by = np.argsort(f)
    assert np.allclose(f[order_by], voice.formants, atol=1.0)
    assert np.allclose(b[order_by], voice.bandwidths, rtol=0.02)


@pytest.mark.parametrize("hnr", [0.0, 10.0, 25.0])
def test_noise_has_the_asked_level(hnr: float) -> None:
    clean = voices.synthesise(16000, 2.0, 130.0)
    noisy = voices.synthesise(16000, 2.0, 130.0, hnr=hnr)
    noise = noisy.y - clean.y
    assert 10 * np.log10(np.mean(clean.y**2) / np.mean(noise**2)) == pytest.approx(hnr, abs=1e-6)


def test_voiced_stretches_are_where_they_are_said_to_be() -> None:
    voice = voices.synthesise(16000, 1.0, 200.0, voiced=[(0.2, 0.4), (0.6, 0.9)])
    t = np.array([0.1, 0.3, 0.5, 0.75, 0.95])
    assert voice.f0(t).tolist() == [0.0, 200.0, 0.0, 200.0, 0.0]
    assert len(voice.pulses) == 2 and len(voice.pulses[0]) == 40 and len(voice.pulses[1]) == 60
    # Bandwidths of 60 Hz: 50 ms after the last pulse the voice is 80 dB down.
    assert np.abs(voice.y[int(0.45 * 16000) : int(0.59 * 16000)]).max() < 1e-4 * np.abs(voice.y).max()


def test_the_same_seed_gives_the_same_voice_and_a_minute_takes_seconds() -> None:
    started = time.process_time()
    a = voices.synthesise(48000, 60.0, 220.0, jitter=0.01, shimmer=0.05, hnr=15.0, seed=3)
    assert time.process_time() - started < 20.0  # measured: 4 s
    b = voices.synthesise(48000, 60.0, 220.0, jitter=0.01, shimmer=0.05, hnr=15.0, seed=3)
    assert (a.y == b.y).all()
    assert len(voices.synthesise(8000, 0.1, 100.0).y) == 800
