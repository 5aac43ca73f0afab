"""How close two computations of the same feature have to be, and why not closer.

A gate takes what was computed, what was expected and the `Case` that both were computed from, and raises an
AssertionError that names the worst value. `float64(name)` and `float32(name)` give the gate of a feature
for the two precisions.

Two facts about floating point are behind every tolerance:

* A discrete Fourier transform leaves in every bin an error of a few ulp of the frame's *largest* bin. A bin
  that lies 200 dB (double) or 100 dB (single) below the largest one is rounding noise, and so is anything
  computed from it alone. Relative tolerances therefore come with an absolute one in units of the frame's
  maximum.
* A logarithm turns that into an error that grows without bound towards the noise; where a floor (`amin`,
  Kaldi's epsilon) lies below the noise, the floor does not help.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.parity import oracles

Array = NDArray[np.float64]

#: Amplitude noise of a transform in units of the frame's largest bin, with a margin: double and single
#: precision.
NOISE = {"float64": 1e-10, "float32": 3e-7}


@dataclass(frozen=True)
class Case:
    """What a feature was computed from."""

    y: Array
    sr: int
    params: dict[str, Any] = field(default_factory=dict)
    #: Energy in every band of every frame, or a noise floor like that of a 16-bit recording.
    broadband: bool = True


Gate = Callable[[Array, Array, Case], None]


def same_shape(actual: Array, expected: Array) -> None:
    assert actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}"
    odd = np.isnan(actual) != np.isnan(expected)
    assert not odd.any(), f"NaN in one and not in the other at {np.argwhere(odd)[:5].tolist()}"


def within(actual: Array, expected: Array, tolerance: Array | float) -> None:
    """Every value within its tolerance."""
    same_shape(actual, expected)
    error = np.where(np.isnan(expected), 0.0, np.abs(actual - expected))
    excess = error - tolerance
    if excess.size and not excess.max() <= 0:
        worst = np.unravel_index(np.argmax(excess), excess.shape)
        allowed = np.broadcast_to(tolerance, excess.shape)[worst]
        raise AssertionError(
            f"{np.mean(excess > 0):.2%} of {excess.size} values are off; worst at {tuple(map(int, worst))}: "
            f"{actual[worst]!r} for {expected[worst]!r}, error {error[worst]:.3g}, allowed {allowed:.3g}"
        )


def relative(rtol: float, atol: float = 0.0) -> Gate:
    def gate(actual: Array, expected: Array, case: Case) -> None:
        within(actual, expected, atol + rtol * np.abs(np.nan_to_num(expected)))

    return gate


def share_within(share: float, rtol: float, atol: float, rest: float) -> Gate:
    """At least `share` of the values within the first pair, the others within `rest` relative to the largest.

    Of few values one may always stray: a short clip has ten frames.
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        same_shape(actual, expected)
        if not expected.size:
            return
        error = np.abs(actual - expected)
        strays = int(np.sum(error > atol + rtol * np.abs(expected)))
        allowed = max(1, math.floor((1.0 - share) * expected.size))
        assert strays <= allowed, (
            f"{strays} of {expected.size} values are beyond {rtol:g} relative + {atol:g}, allowed {allowed}; "
            f"largest error {error.max():.3g}"
        )
        within(actual, expected, rest * max(np.abs(expected).max(), atol))

    return gate


# --------------------------------------------------------------------------------------------------- spectra


def _front(case: Case) -> dict[str, Any]:
    names = ("n_fft", "hop_length", "win_length", "window", "center", "pad_mode")
    return {k: v for k, v in case.params.items() if k in names}


def _frame_peaks(case: Case, power: float) -> Array:
    return oracles.spectrogram(case.y, case.sr, power=power, **_front(case)).max(axis=1, keepdims=True)


def spectrum(rtol: float, precision: str) -> Gate:
    """|STFT|^power; in single precision within 2e-6 of the frame's maximum."""

    def gate(actual: Array, expected: Array, case: Case) -> None:
        power = case.params.get("power", 2.0)
        floor = NOISE["float64"] ** power if precision == "float64" else 2e-6
        within(actual, expected, rtol * expected + floor * _frame_peaks(case, power))

    return gate


def _mel_weights(case: Case) -> Array:
    """Sum of the weights of each filter."""
    names = ("n_mels", "fmin", "fmax", "htk", "norm")
    p = {k: v for k, v in case.params.items() if k in names}
    if "mel_norm" in case.params or "n_mfcc" in case.params:
        p["norm"] = case.params.get("mel_norm", "slaney")
    return oracles.mel_filters(case.sr, case.params.get("n_fft", 2048), **p).sum(axis=1)


def mel(rtol: float, precision: str) -> Gate:
    """A filter's error is the bins' error times its weights."""

    def gate(actual: Array, expected: Array, case: Case) -> None:
        power = case.params.get("power", 2.0)
        floor = NOISE["float64"] ** power if precision == "float64" else 2e-6
        within(actual, expected, rtol * expected + floor * _frame_peaks(case, power) * _mel_weights(case))

    return gate


def mel_db(atol: float, precision: str) -> Gate:
    """Mel spectrum in dB: `atol`, plus what the transform's noise does far below the frame's maximum.

    With amplitude noise d in units of the largest bin, a band of relative amplitude r moves by 20 log10(1 +
    d/r). Broadband signals get no such allowance.
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        within(actual, expected, atol + _db_noise(case, precision))

    return gate


def _db_noise(case: Case, precision: str) -> Array | float:
    if case.broadband or precision == "float64":
        return 0.0
    p = case.params
    s = oracles.spectrogram(case.y, case.sr, power=p.get("power", 2.0), **_front(case))
    names = ("n_mels", "fmin", "fmax", "htk", "norm")
    kept = {k: v for k, v in p.items() if k in names}
    if "mel_norm" in p or "n_mfcc" in p:
        kept["norm"] = p.get("mel_norm", "slaney")
    filters = oracles.mel_filters(case.sr, p.get("n_fft", 2048), **kept)
    top = s.max(axis=1, keepdims=True) * filters.sum(axis=1)
    band = np.maximum(s @ filters.T, p.get("amin", 1e-10))
    power = p.get("power", 2.0)
    ratio = np.minimum(top / band, 1e30) ** (1.0 / power)
    return 10.0 * power * np.log10(1.0 + NOISE[precision] * ratio)  # type: ignore[no-any-return]


def cepstrum(atol: float, precision: str) -> Gate:
    """Cepstra of levels in dB. The lifter and an unscaled transform magnify whatever is there."""

    def gate(actual: Array, expected: Array, case: Case) -> None:
        p = case.params
        scale = 1.0 + p.get("lifter", 0.0) / 2.0
        if p.get("norm", "ortho") != "ortho":
            scale *= math.sqrt(4.0 * p.get("n_mels", 128))
        noise = _db_noise(case, precision)
        # An orthonormal transform keeps the length of the error vector.
        length = np.linalg.norm(noise, axis=1, keepdims=True) if isinstance(noise, np.ndarray) else 0.0
        within(actual, expected, scale * (atol + length))

    return gate


def rolloff(share: float) -> Gate:
    """The same bin; at most `share` of the frames (and one frame of a short clip) may be a neighbouring one.

    Where the running sum meets its threshold within rounding, either bin is right.
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        same_shape(actual, expected)
        step = case.sr / case.params.get("n_fft", 2048)
        bins = np.abs(np.rint((actual - expected) / step))
        within(actual, expected, bins * step + 1e-6 * np.abs(expected) + 1e-9)  # nothing between two bins
        assert bins.max(initial=0.0) <= 1, f"roll-off is {bins.max():.0f} bins off"
        moved, allowed = int(np.sum(bins > 0)), max(1, math.floor(share * bins.size)) if share else 0
        assert moved <= allowed, (
            f"roll-off is one bin off in {moved} of {bins.size} frames, allowed {allowed}"
        )

    return gate


def crossings(actual: Array, expected: Array, case: Case) -> None:
    """The very same number of crossings; the quotient may be stored in single precision."""
    n = case.params.get("frame_length", 2048)
    within(np.rint(actual * n), np.rint(expected * n), 0.0)
    within(actual, expected, 1e-7)


def chroma(inner: Gate) -> Gate:
    """`inner`, where the tuning is not a matter of rounding.

    The tuning is the fullest class of a histogram of peak frequencies. When its two fullest classes hold
    numbers that a single peak moved over a class border could swap, both tunings are right, and chroma
    moves with them.
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        p = dict(case.params)
        if p.get("tuning") is not None:
            inner(actual, expected, case)
            return
        n_fft, n_chroma = p.get("n_fft", 2048), p.get("n_chroma", 12)
        s = oracles.spectrogram(case.y, case.sr, **_front(case))
        counts = oracles.tuning_histogram(s, case.sr, n_fft, n_chroma)
        edges = np.linspace(-0.5, 0.5, 101)
        near = edges[:-1][counts >= counts.max() - 2] if counts.any() else np.array([0.0])
        failures = []
        for tuning in near:
            candidate = oracles.chroma_stft(case.y, case.sr, **{**p, "tuning": float(tuning)})
            try:
                inner(actual, candidate, case)
                return
            except AssertionError as error:
                failures.append(f"tuning {tuning:+.2f}: {error}")
        raise AssertionError("; ".join(failures))

    return gate


# ----------------------------------------------------------------------------------------------------- Kaldi


def kaldi(share: float, mfcc: bool = False) -> Gate:
    """Log mel energies: `share` of the values within 2e-4, the rest within 1e-6 of the frame's energy.

    Kaldi's epsilon lies far below the noise of a single-precision transform, so single bins of quiet frames
    differ between any two of them. Cepstra carry that over: their bound is that of their mel bins.
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        same_shape(actual, expected)
        if not expected.size:
            return
        p = case.params
        fbank = {k: v for k, v in p.items() if k not in ("cepstral_lifter", "num_ceps")}
        linear = oracles.kaldi_fbank(
            case.y, case.sr, **{**fbank, "use_log_fbank": False, "use_energy": False, "subtract_mean": False}
        )
        bins = np.maximum(linear, oracles.KALDI_EPSILON)
        energy = linear.sum(axis=1, keepdims=True)
        # Two errors in one: of the linear value (1e-6 of the frame's energy) and of the floor's own
        # logarithm.
        bound = np.log1p(1e-6 * energy / bins) + 2e-4
        if not p.get("use_log_fbank", True):
            bound = 1e-6 * energy + 1e-5 * linear
        if p.get("subtract_mean"):
            bound = bound + bound.mean(axis=0)
        if mfcc:
            lifter = p.get("cepstral_lifter", 22.0)
            scale = (1.0 + lifter / 2.0) * math.sqrt(2.0)
            bound = scale * np.linalg.norm(bound, axis=1, keepdims=True)
            within(actual, expected, bound)
            return
        if p.get("use_energy"):
            first = p.get("htk_compat", False)
            column = np.full((len(bound), 1), 2e-4)
            bound = np.concatenate([bound, column] if first else [column, bound], axis=1)
        within(actual, expected, bound)
        if case.broadband and p.get("use_log_fbank", True):
            strays = int(np.sum(np.abs(actual - expected) > 2e-4))
            allowed = max(1, math.floor((1.0 - share) * expected.size))
            assert strays <= allowed, f"{strays} of {expected.size} values differ by more than 2e-4"

    return gate


# ------------------------------------------------------------------------------------------- pyAudioAnalysis


def short_term(rtol: float) -> Gate:
    """`rtol`, except in frames of one constant value, whose spectrum beyond DC is nothing but rounding.

    Removing the signal's mean makes such frames out of digital silence. There log10(noise + 2e-16) and the
    spread, a root of noise, agree to 1e-4.
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        window = int(case.sr * case.params.get("window", 0.05))
        step = int(case.sr * case.params.get("step", 0.025))
        x = oracles.frame(case.y, window, step)
        flat = np.ptp(x, axis=1) == 0
        if case.params.get("deltas"):
            flat = flat | np.append(False, flat[:-1])
        within(actual, expected, np.where(flat[:, None], 1e-4, rtol * (1.0 + np.abs(expected))))

    return gate


# ----------------------------------------------------------------------------------------------------- tables

FLOAT64: dict[str, Gate] = {
    "spectrogram": spectrum(1e-5, "float64"),
    "melspectrogram": mel(1e-5, "float64"),
    "logmel": mel_db(1e-5, "float64"),
    "mfcc": cepstrum(1e-4, "float64"),
    "chroma_stft": chroma(relative(1e-4, 1e-4)),
    "spectral_centroid": relative(1e-5, 1e-6),
    "spectral_bandwidth": relative(1e-5, 1e-6),
    "spectral_contrast": relative(1e-5, 1e-5),
    "spectral_flatness": relative(1e-5),
    "spectral_rolloff": rolloff(0.001),
    "zero_crossing_rate": crossings,
    "rms": relative(1e-6, 1e-12),
    "spectral_flux": relative(1e-5, 1e-12),
    "spectral_entropy": relative(1e-5, 1e-9),
    "spectral_slope": relative(1e-5, 1e-6),
    "energy_entropy": relative(1e-6, 1e-9),
    "kaldi_fbank": kaldi(0.98),
    "kaldi_mfcc": kaldi(0.98, mfcc=True),
    "pyaudioanalysis": short_term(1e-10),
    "psf_mfcc": relative(1e-10, 1e-10),
    "psf_fbank": relative(1e-10),
    "psf_logfbank": relative(1e-10, 1e-10),
    "psf_ssc": relative(1e-10),
    "delta": relative(1e-6, 1e-6),
    "cmvn": relative(1e-6, 1e-6),
}
