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
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.parity import oracles

Array = NDArray[np.float64]

#: Amplitude noise of a transform in units of the frame's largest bin, with a margin: double and single
#: precision.
NOISE = {"float64": 1e-10, "float32": 3e-7}


#: Largest relative error of rounding to single precision.
HALF_EPSILON = 2.0**-24


@dataclass(frozen=True)
class Case:
    """What a feature was computed from; a gate is given the definition's parameters, not the catalogue's."""

    y: Array
    sr: int
    params: dict[str, Any] = field(default_factory=dict)
    #: Energy in every band of every frame, or a noise floor like that of a 16-bit recording.
    broadband: bool = True
    #: How to make `y` again, for the report of a failure.
    origin: str = ""

    def __repr__(self) -> str:
        y = self.origin or f"{len(self.y)} samples"
        return f"Case({y}, {self.sr} Hz, {self.params}, broadband={self.broadband})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What hypothesis prints; it would spell out the samples."""
        printer.text(repr(self))


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

    Of few values one may always stray: a short clip has ten frames. NaN has to be met by NaN and counts as
    right.
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        same_shape(actual, expected)
        if not expected.size:
            return
        actual, expected = np.nan_to_num(actual), np.nan_to_num(expected)
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

_FRONT = ("n_fft", "hop_length", "win_length", "window", "center", "pad_mode")


def _front(case: Case) -> dict[str, Any]:
    return {k: v for k, v in case.params.items() if k in _FRONT}


def _mel_parts(case: Case) -> tuple[Array, Array, float]:
    """Spectrum (n_frames, n_bins), filters (n_mels, n_bins) and power behind a librosa mel spectrum."""
    p = case.params
    power = p.get("power", 2.0)
    spectrum = oracles.spectrogram(case.y, case.sr, power=power, **_front(case))
    shape = {k: v for k, v in p.items() if k in ("n_mels", "fmin", "fmax", "htk", "norm")}
    return spectrum, oracles.mel_filters(case.sr, p.get("n_fft", 2048), **shape), power


def _mfcc_parts(case: Case) -> tuple[Array, Array, float]:
    """The same for an MFCC, whose `norm` is the cosine transform's."""
    return _mel_parts(replace(case, params={**case.params, "norm": case.params.get("mel_norm", "slaney")}))


def _torchaudio_parts(case: Case) -> tuple[Array, Array, float]:
    """The same for torchaudio's transforms."""
    p = case.params
    power, n_fft = p.get("power", 2.0), p.get("n_fft", 400)
    length = p.get("win_length") or n_fft
    front = {
        "n_fft": n_fft,
        "win_length": length,
        "hop_length": p.get("hop_length") or length // 2,
        "window": p.get("window", "hann"),
        "center": p.get("center", True),
        "pad_mode": p.get("pad_mode", "reflect"),
    }
    spectrum = oracles.spectrogram(np.pad(case.y, p.get("pad", 0)), case.sr, power=power, **front)
    filters = oracles.mel_filters(
        case.sr,
        n_fft,
        n_mels=p.get("n_mels", 128),
        fmin=p.get("f_min", 0.0),
        fmax=p.get("f_max"),
        htk=p.get("mel_scale", "htk") == "htk",
        norm=p.get("norm"),
    )
    if p.get("normalized"):
        window = oracles.periodic_window(p.get("window", "hann"), length)
        spectrum = spectrum / float(np.sum(window**2)) ** (power / 2.0)
    return spectrum, filters, power


def _torchaudio_mfcc_parts(case: Case) -> tuple[Array, Array, float]:
    return _torchaudio_parts(replace(case, params={**case.params, "norm": case.params.get("mel_norm")}))


MelParts = Callable[[Case], tuple[Array, Array, float]]


def complex_spectrum(noise: float) -> Gate:
    """Real and imaginary parts within `noise` of the frame's largest bin."""

    def gate(actual: Array, expected: Array, case: Case) -> None:
        peak = oracles.spectrogram(case.y, case.sr, power=1.0, **_front(case)).max(axis=1, keepdims=True)
        within(actual, expected, noise * peak)

    return gate


def spectrum(rtol: float, precision: str) -> Gate:
    """|STFT|^power; in single precision within 2e-6 of the frame's maximum.

    A power below 1 enlarges the noise of small bins: there it is the noise of the magnitude, half of 2e-6 of
    the largest, taken to the power.
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        power = case.params.get("power", 2.0)
        floor = NOISE["float64"] ** power if precision == "float64" else 2e-6
        peak = oracles.spectrogram(case.y, case.sr, power=power, **_front(case)).max(axis=1, keepdims=True)
        noise = floor * peak
        if precision == "float32" and power < 1.0:
            noise = (expected ** (1.0 / power) + 1e-6 * peak ** (1.0 / power)) ** power - expected
        within(actual, expected, rtol * expected + noise)

    return gate


def mel(rtol: float, precision: str, parts: MelParts = _mel_parts) -> Gate:
    """A filter's error is the bins' error times its weights."""

    def gate(actual: Array, expected: Array, case: Case) -> None:
        spectrum, filters, power = parts(case)
        floor = NOISE["float64"] ** power if precision == "float64" else 2e-6
        peak = spectrum.max(axis=1, keepdims=True)
        within(actual, expected, rtol * expected + floor * peak * filters.sum(axis=1))

    return gate


def mel_db(atol: float, precision: str, parts: MelParts = _mel_parts) -> Gate:
    """Mel spectrum in dB: `atol`, plus what the transform's noise does far below the frame's maximum.

    With amplitude noise d in units of the largest bin, a band of relative amplitude r moves by 20 log10(1 +
    d/r). Broadband signals get no such allowance.
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        within(actual, expected, atol + _db_noise(case, precision, parts))

    return gate


def _db_noise(case: Case, precision: str, parts: MelParts) -> Array | float:
    if case.broadband or precision == "float64":
        return 0.0
    spectrum, filters, power = parts(case)
    top = spectrum.max(axis=1, keepdims=True) * filters.sum(axis=1)
    band = np.maximum(spectrum @ filters.T, case.params.get("amin", 1e-10))
    ratio = (top / band) ** (1.0 / power)
    return np.asarray(10.0 * power * np.log10(1.0 + NOISE[precision] * ratio))


def cepstrum(atol: float, precision: str, parts: MelParts = _mfcc_parts) -> Gate:
    """Cepstra of levels in dB. The lifter and an unscaled transform magnify whatever is there."""

    def gate(actual: Array, expected: Array, case: Case) -> None:
        p = case.params
        scale = 1.0 + p.get("lifter", 0.0) / 2.0
        if p.get("norm", "ortho") != "ortho":
            scale *= math.sqrt(4.0 * p.get("n_mels", 128))
        noise = _db_noise(case, precision, parts)
        # An orthonormal transform keeps the length of the error vector.
        length = np.linalg.norm(noise, axis=1, keepdims=True) if isinstance(noise, np.ndarray) else 0.0
        within(actual, expected, scale * (atol + length))

    return gate


def by_kind(broadband: Gate, other: Gate) -> Gate:
    """One gate for signals with energy everywhere, another for tones, clicks and silence."""

    def gate(actual: Array, expected: Array, case: Case) -> None:
        (broadband if case.broadband else other)(actual, expected, case)

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


def _magnitudes(case: Case) -> tuple[Array, Array]:
    """Magnitude spectra, and the largest magnitude of each frame as a column."""
    m = oracles.spectrogram(case.y, case.sr, power=1.0, **_front(case))
    return m, m.max(axis=1, keepdims=True)


def bandwidth(rtol: float, atol: float) -> Gate:
    """`relative`, and outside broadband signals what rounding does to the bins between partials.

    Each of n bins is off by half an epsilon of the largest one, in its own direction. Of a pure tone the
    sum of m |f - centroid|^p is small, and the far bins have weights |f - centroid|^p that are not.
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        allowed = atol + rtol * np.abs(expected)
        if not case.broadband:
            p, n_fft = case.params.get("p", 2.0), case.params.get("n_fft", 2048)
            m, largest = _magnitudes(case)
            total = m.sum(axis=1, keepdims=True) if case.params.get("norm", True) else np.ones_like(largest)
            f = np.arange(1 + n_fft // 2) * case.sr / n_fft
            centre = oracles.spectral_centroid(case.y, case.sr, **{"n_fft": n_fft, **_front(case)})
            spread = np.sqrt(np.sum(np.abs(f - centre) ** (2 * p), axis=1, keepdims=True))
            noise = HALF_EPSILON * largest / np.where(total == 0, 1.0, total) * spread
            allowed = allowed + (expected**p + noise) ** (1.0 / p) - expected
        within(actual, expected, allowed)

    return gate


def flatness(rtol: float, atol: float) -> Gate:
    """`relative`, and outside broadband signals what rounding does to the logarithms of quiet bins."""

    def gate(actual: Array, expected: Array, case: Case) -> None:
        allowed = atol + rtol * np.abs(expected)
        if not case.broadband:
            power = case.params.get("power", 2.0)
            m, largest = _magnitudes(case)
            level = np.maximum(m, case.params.get("amin", 1e-10) ** (1.0 / power))
            noise = power * np.log1p(HALF_EPSILON * largest / level)
            allowed = allowed + expected * np.expm1(np.mean(noise, axis=1, keepdims=True))
        within(actual, expected, allowed)

    return gate


def slope(rtol: float, atol: float) -> Gate:
    """`relative`, and outside broadband signals what rounding does to the levels of quiet bins."""

    def gate(actual: Array, expected: Array, case: Case) -> None:
        allowed = atol + rtol * np.abs(expected)
        if not case.broadband:
            n_fft, fmax = case.params.get("n_fft", 2048), case.params.get("fmax")
            m, largest = _magnitudes(case)
            f = np.arange(1 + n_fft // 2) * case.sr / n_fft
            inside = (f >= case.params.get("fmin", 0.0)) & (f <= (case.sr / 2 if fmax is None else fmax))
            x = (f[inside] - np.mean(f[inside])) / 1000.0
            noise = 20.0 * np.log10(1.0 + HALF_EPSILON * largest / np.maximum(m[:, inside], 1e-5))
            allowed = allowed + np.linalg.norm(noise * x, axis=1, keepdims=True) / np.sum(x * x)
        within(actual, expected, allowed)

    return gate


def _power_noise(case: Case, precision: str) -> tuple[Array, Array, Array]:
    """Power of every bin, how far the transform's noise may move it, and the frequencies of the bins."""
    m, largest = _magnitudes(case)
    noise = NOISE[precision] * largest
    n_fft = case.params.get("n_fft", 2048)
    return m**2, (2.0 * m + noise) * noise, np.fft.rfftfreq(n_fft, 1.0 / case.sr)


def level_ratio(atol: float, precision: str, split: float, of: Callable[..., Array]) -> Gate:
    """`atol`, and what noise does to the levels of two bands, whose power is the sum or the maximum of their bins."""

    def gate(actual: Array, expected: Array, case: Case) -> None:
        power, noise, f = _power_noise(case, precision)
        allowed = np.full_like(expected, atol)
        for band in (f < split, (f >= split) & (f <= 5000)):
            level = np.maximum(of(power[:, band], axis=1, keepdims=True), 1e-14)
            allowed += 20.0 * np.log10(1.0 + of(noise[:, band], axis=1, keepdims=True) / level)
        within(actual, expected, allowed)

    return gate


def moments(rtol: float, precision: str, order: int) -> Gate:
    """`rtol`, and what noise does to a moment: a bin's share of it is that of its influence function.

    Where noise moves the variance itself by a tenth, the power lies in one bin, and ratios to it are undefined.
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        power, noise, f = _power_noise(case, precision)
        power, noise, f = power[:, 1:], noise[:, 1:], f[1:]
        total = power.sum(axis=1, keepdims=True)
        p, q = (x / np.where(total == 0, 1.0, total) for x in (power, noise))
        d = f - p @ f[:, None]
        m2, m3, m4 = (np.sum(p * d**k, axis=1, keepdims=True) for k in (2, 3, 4))
        influence = {2: d**2 - m2, 3: d**3 - m3 - 3.0 * m2 * d, 4: d**4 - m4 - 4.0 * m3 * d}
        moved = {k: np.sum(np.abs(x) * q, axis=1, keepdims=True) for k, x in influence.items()}
        variance = np.where(m2 == 0, 1.0, m2)
        share = moved[2] / variance
        allowed = rtol * np.abs(expected)
        if order == 2:
            allowed = allowed + moved[2]
        else:
            own = moved[order] / variance ** (order / 2) + order / 2 * np.abs(expected) * share
            allowed = np.where(share > 0.1, np.inf, allowed + rtol + own)
        within(actual, expected, allowed)

    return gate


def sharpness(rtol: float, precision: str) -> Gate:
    """`rtol`, and what noise does to a mean over the bins."""

    def gate(actual: Array, expected: Array, case: Case) -> None:
        power, noise, f = _power_noise(case, precision)
        total = power[:, 1:].sum(axis=1, keepdims=True)
        away = np.abs(oracles.sharpness_weights(f[1:]) - expected)
        moved = np.sum(away * noise[:, 1:], axis=1, keepdims=True) / np.where(total == 0, 1.0, total)
        within(actual, expected, rtol * np.abs(expected) + moved)

    return gate


def auditory(rtol: float, precision: str, kind: str) -> Gate:
    """`rtol`, and what noise does to a band, after the filter over time and the compression."""

    def gate(actual: Array, expected: Array, case: Case) -> None:
        p = case.params
        n_fft, hop = p.get("n_fft", 2048), p.get("hop_length", 512)
        shape = {k: p[k] for k in ("n_bands", "fmin", "fmax") if k in p}
        filters, _ = oracles.auditory_filters(case.sr, n_fft, **shape)
        power, noise, _ = _power_noise(case, precision)
        moved = np.log1p((noise @ filters.T) / np.maximum(power @ filters.T, 9.3e-10))
        if kind == "rasta":
            slopes = {k: p[k] for k in ("slowest", "fastest") if k in p}
            taps, pole = oracles.rasta_coefficients(case.sr / hop, **slopes)
            moved = oracles.rasta_filtered(moved + rtol, np.abs(taps), abs(pole))
        relative_error = rtol + np.expm1(p.get("exponent", 0.33) * moved)
        if kind == "mean":
            bands = oracles.auditory_spectrum(case.y, case.sr, **p)
            within(actual, expected, np.mean(bands * relative_error, axis=1, keepdims=True))
        else:
            within(actual, expected, expected * relative_error)

    return gate


def excursions(rtol: float, precision: str) -> Gate:
    """`rtol`, and what noise does to the heights of peaks and valleys.

    A bin that is level with one two bins away becomes an extremum or not by rounding, which tones and clicks do; of such
    signals three quarters of the frames have to agree.
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        same_shape(actual, expected)
        _, noise, _ = _power_noise(case, precision)
        allowed = rtol * np.abs(expected) + 2.0 * noise[:, 1:].mean(axis=1, keepdims=True)
        if case.broadband:
            within(actual, expected, allowed)
            return
        strays = np.abs(np.nan_to_num(actual - expected)) > allowed
        assert np.mean(strays) <= 0.25, f"{np.sum(strays)} of {strays.size} frames are off"

    return gate


def perceptual(precision: str, rtol: float) -> dict[str, Gate]:
    """Gates of the perceptual descriptors."""
    return {
        "spectral_variance": moments(rtol, precision, 2),
        "spectral_skewness": moments(rtol, precision, 3),
        "spectral_kurtosis": moments(rtol, precision, 4),
        "alpha_ratio": level_ratio(10.0 * rtol, precision, 1000.0, np.sum),
        "hammarberg_index": level_ratio(10.0 * rtol, precision, 2000.0, np.max),
        "sharpness": sharpness(rtol, precision),
        "harmonicity": excursions(rtol, precision),
        "auditory_spectrum": auditory(rtol, precision, "bands"),
        "rasta_spectrum": auditory(rtol, precision, "rasta"),
        "loudness": auditory(rtol, precision, "mean"),
    }


def crossings(actual: Array, expected: Array, case: Case) -> None:
    """The very same number of crossings; the quotient may be stored in single precision."""
    n = case.params.get("frame_length", 2048)
    within(np.rint(actual * n), np.rint(expected * n), 0.0)
    within(actual, expected, 1e-7)


def chroma(inner: Gate) -> Gate:
    """`inner`, where the tuning is not a matter of rounding.

    The tuning is the fullest class of a histogram of peak frequencies. When its two fullest classes hold
    numbers that a single peak moved over a class border could swap, both tunings are right, and chroma
    moves with them. In clicks and tones the peaks between the partials are rounding themselves, and any
    tuning will do.
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
        ranked = np.argsort(-counts, kind="stable") if counts.any() else np.array([50])  # -0.5 + 50/100
        if case.broadband:
            ranked = ranked[counts[ranked] >= counts.max() - 2]
        near = edges[ranked]
        failures = []
        for tuning in near:
            candidate = oracles.chroma_stft(case.y, case.sr, **{**p, "tuning": float(tuning)})
            try:
                inner(actual, candidate, case)
                return
            except AssertionError as error:
                failures.append(f"tuning {tuning:+.2f}: {error}")
        raise AssertionError("; ".join(failures[:3]))

    return gate


# ----------------------------------------------------------------------------------------------------- pitch


def _undecided(case: Case) -> NDArray[np.bool_]:
    """Frames of which rounding decides what YIN makes: neighbouring values of d' that differ by nothing else.

    Digital silence with single samples in it: the products of most lags are the same. Without any sample d'
    is exactly 0, and decided.
    """
    p = {"fmin": 65.0, "fmax": 600.0, "frame_length": 2048, "hop_length": None, "center": True}
    p["pad_mode"] = "constant"
    d, _ = oracles.yin_difference(case.y, case.sr, **p | {k: case.params[k] for k in p if k in case.params})
    # Transforms in double precision leave 1e-16 of the frame's energy in each product.
    equal = (np.abs(np.diff(d, axis=1)) < 1e-13).any(axis=1)
    return np.asarray(equal & (d != 0.0).any(axis=1))


def pitch(share: float, atol: float) -> Gate:
    """F0 within `atol` Hz in `share` of the frames that rounding does not decide; one of few may stray.

    A trough may lie within rounding of the threshold or of a deeper one; then either is right.
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        same_shape(actual, expected)
        off = (np.abs(actual - expected) > atol).any(axis=1) & ~_undecided(case)
        allowed = max(1, math.floor((1.0 - share) * len(off)))
        assert off.sum() <= allowed, (
            f"{off.sum()} of {len(off)} frames are more than {atol} Hz off, allowed {allowed}; "
            f"the first at {np.flatnonzero(off)[:5].tolist()}"
        )

    return gate


def voicing(share: float, precision: str) -> Gate:
    """The same bin and the same voicing in `share` of the frames, and the same probability in it.

    The path is decided by sums of logarithms: where two paths are equal within rounding, either is right, so
    one frame of a short clip may differ.
    """
    rounding = 1e-9 if precision == "float64" else 2e-7

    def gate(actual: Array, expected: Array, case: Case) -> None:
        same_shape(actual, expected)
        off = (np.abs(actual - expected) > rounding * (1.0 + np.abs(expected))).any(axis=1)
        off &= ~_undecided(case)
        allowed = max(1, math.floor((1.0 - share) * len(off)))
        assert off.sum() <= allowed, (
            f"{off.sum()} of {len(off)} frames differ, allowed {allowed}; "
            f"the first at {np.flatnonzero(off)[:5].tolist()}"
        )

    return gate


# ----------------------------------------------------------------------------------------------------- Kaldi


def kaldi_double(tolerance: float) -> Gate:
    """Two computations in double precision: Kaldi's epsilon lies far above their noise."""

    def gate(actual: Array, expected: Array, case: Case) -> None:
        if case.params.get("use_log_fbank", True):
            within(actual, expected, tolerance)
        elif expected.size:
            within(actual, expected, 1e-5 * np.abs(expected) + 1e-15 * expected.max(axis=1, keepdims=True))

    return gate


def kaldi(share: float, mfcc: bool = False) -> Gate:
    """Log mel energies: `share` of the values within 2e-4, the rest within the transform's noise.

    Kaldi's epsilon lies far below the noise of a single-precision transform, so single bins of quiet frames
    differ between any two of them. The noise is one of the whole spectrum, wherever the filters end: with
    amplitude noise d in units of the frame's norm, a band of relative amplitude r moves by 2 ln(1 + d/r).
    Cepstra carry that over: their bound is that of their mel bins.
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        same_shape(actual, expected)
        if not expected.size:
            return
        p = case.params
        fbank = {k: v for k, v in p.items() if k not in ("cepstral_lifter", "num_ceps")}
        plain = {**fbank, "use_log_fbank": False, "use_energy": False, "subtract_mean": False}
        linear = oracles.kaldi_fbank(case.y, case.sr, **plain)
        power = 2.0 if p.get("use_power", True) else 1.0
        everywhere = {**plain, "low_freq": 0.0, "high_freq": 0.0}
        energy = oracles.kaldi_fbank(case.y, case.sr, **everywhere).sum(axis=1, keepdims=True)
        ratio = (energy / np.maximum(linear, oracles.KALDI_EPSILON)) ** (1.0 / power)
        bound = power * np.log1p(NOISE["float32"] * ratio)
        if not p.get("use_log_fbank", True):
            noise = NOISE["float32"] * energy ** (1.0 / power)
            bound = (linear ** (1.0 / power) + noise) ** power - linear + 1e-5 * linear
        if p.get("subtract_mean"):
            bound = bound + bound.mean(axis=0)
        if mfcc:
            lifter = p.get("cepstral_lifter", 22.0)
            scale = (1.0 + lifter / 2.0) * (math.sqrt(2.0) if p.get("htk_compat") else 1.0)
            within(actual, expected, 1e-3 + scale * np.linalg.norm(bound, axis=1, keepdims=True))
            return
        if p.get("use_log_fbank", True):
            bound = bound + 2e-4
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

    Removing the signal's mean makes such frames out of digital silence. There the spread, a root of noise,
    agrees to 1e-6, and the cepstrum, log10(noise + 2e-16), to 0.02: the package itself is up to 0.0017 off
    the exact value, another transform up to 0.0096 (windows of 701 samples, a prime).
    """

    def gate(actual: Array, expected: Array, case: Case) -> None:
        window = case.params.get("window") or int(case.sr * 0.050)
        step = case.params.get("step") or int(case.sr * 0.025)
        x = oracles.frame(case.y, window, step)
        flat = np.ptp(x, axis=1) == 0
        if case.params.get("deltas"):
            flat = flat | np.append(False, flat[:-1])
        rounding = np.full(34, 1e-6)
        rounding[8:21] = 0.02
        rounding = np.tile(rounding, expected.shape[1] // 34)
        within(actual, expected, np.where(flat[:, None], rounding, rtol * (1.0 + np.abs(expected))))

    return gate


# ----------------------------------------------------------------------------------------------------- tables

#: Computed in double precision whatever is asked for, and rounded once (6e-8).
_VOICE: dict[str, Gate] = {
    # Of a tone every multiple of the period is a period: which maximum is highest is left to rounding.
    "pitch_boersma": by_kind(relative(1e-6, 1e-6), share_within(0.97, 1e-6, 1e-6, rest=2.0)),
    # r / (1 - r) of a tone, with 1 - r = 1e-10, has the sixth digit of its transform; a click at the very end of
    # a window leaves an autocorrelation of rounding.
    "hnr_boersma": by_kind(relative(1e-6, 1e-6), share_within(0.9, 1e-6, 1e-4, rest=2.0)),
    "intensity": relative(1e-6, 1e-6),
    # The predictor of a frame with a few samples at its very end, or of a pure tone, is as good as singular.
    "formants_burg": by_kind(relative(1e-6, 1e-5), share_within(0.9, 1e-6, 1e-3, rest=1.0)),
    "cpp": by_kind(relative(1e-6, 1e-6), share_within(0.97, 1e-6, 1e-6, rest=0.1)),
}

FLOAT64: dict[str, Gate] = {
    "stft": complex_spectrum(1e-13),
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
    **perceptual("float64", 1e-6),
    "energy_entropy": relative(1e-6, 1e-9),
    "yin": pitch(0.999, 0.01),
    "pyin": voicing(0.999, "float64"),
    "kaldi_fbank": kaldi_double(1e-5),
    "kaldi_mfcc": kaldi_double(1e-4),
    "torchaudio_melspectrogram": mel(1e-5, "float64", _torchaudio_parts),
    "torchaudio_mfcc": cepstrum(1e-4, "float64", _torchaudio_mfcc_parts),
    "pyaudioanalysis": short_term(1e-10),
    # A tapered tone leaves filters without anything but the transform's own rounding.
    "psf_mfcc": by_kind(relative(1e-10, 1e-10), relative(1e-7, 1e-7)),
    "psf_fbank": by_kind(relative(1e-10), relative(1e-7)),
    "psf_logfbank": by_kind(relative(1e-10, 1e-10), relative(1e-7, 1e-7)),
    "psf_ssc": by_kind(relative(1e-10), relative(1e-7)),
    **_VOICE,
    "delta": relative(1e-6, 1e-6),
    "cmvn": relative(1e-6, 1e-6),
}

#: Single precision. Shares and bounds were first measured with SciPy's single-precision transform on 25
#: recordings and on every kind of signal: all values of real speech within 1e-3, except 0.8 % of contrast
#: (worst 0.013 dB).
FLOAT32: dict[str, Gate] = {
    # Clicks at 48 kHz are the worst: 3.3e-7, and 3.6e-7 by SciPy's single-precision transform.
    "stft": complex_spectrum(6e-7),
    "spectrogram": spectrum(0.0, "float32"),
    "melspectrogram": mel(0.0, "float32"),
    "logmel": mel_db(1e-3, "float32"),
    "mfcc": cepstrum(1e-3, "float32"),
    "chroma_stft": chroma(share_within(0.99, 1e-3, 1e-3, rest=0.1)),
    "spectral_centroid": relative(1e-4, 0.01),
    "spectral_bandwidth": bandwidth(1e-4, 0.05),
    # The weakest bins between two partials of a pure tone are noise of the transform: valleys there say
    # nothing.
    "spectral_contrast": by_kind(share_within(0.98, 1e-3, 1e-3, rest=0.01), relative(0.1, 3.0)),
    "spectral_flatness": flatness(1e-3, 1e-6),
    "spectral_rolloff": rolloff(0.005),
    "zero_crossing_rate": crossings,
    "rms": relative(1e-6, 1e-9),
    "spectral_flux": relative(1e-3, 1e-6),
    "spectral_entropy": relative(1e-5, 1e-5),
    "spectral_slope": slope(1e-3, 1e-3),
    # Single-precision bins of the broadest sums, and 1e-6 of each logarithm that the filter over time adds up.
    **perceptual("float32", 1e-4),
    "energy_entropy": relative(1e-5, 1e-5),
    # Computed in double and rounded once.
    "yin": pitch(0.999, 0.01),
    "pyin": voicing(0.999, "float32"),
    "kaldi_fbank": kaldi(0.98),
    "kaldi_mfcc": kaldi(0.98, mfcc=True),
    "torchaudio_melspectrogram": mel(0.0, "float32", _torchaudio_parts),
    "torchaudio_mfcc": cepstrum(1e-3, "float32", _torchaudio_mfcc_parts),
    # Computed in double and rounded once (6e-8), for the packages do so as well.
    "pyaudioanalysis": short_term(1e-7),
    "psf_mfcc": relative(2e-7, 2e-7),
    "psf_fbank": relative(2e-7),
    "psf_logfbank": relative(2e-7, 2e-7),
    "psf_ssc": relative(2e-7),
    **_VOICE,
    "delta": relative(1e-5, 1e-5),
    "cmvn": relative(1e-5, 1e-5),
}

GATES = {"float64": FLOAT64, "float32": FLOAT32}

#: Against the packages themselves: kaldi-native-fbank computes in single precision whoever compares with it.
AGAINST_PEERS = {
    precision: {**table, "kaldi_fbank": kaldi(0.98), "kaldi_mfcc": kaldi(0.98, mfcc=True)}
    for precision, table in GATES.items()
}
