"""A voice whose parameters are known: glottal pulses at exact times, formants, breath noise.

The source is a train of band-limited pulses, one for each cycle of a given F0 contour, each displaced and
scaled by a known amount (jitter, shimmer). It goes through a glottal slope and a cascade of two-pole
resonators (Fant 1960, Klatt 1980), so the formants are the poles of an all-pole filter; white noise through
the same resonators gives the harmonic-to-noise ratio. What an estimator finds can then be compared with what was put
in, rather than with another estimator.

Everything happens in the frequency domain or by scattering short kernels, so a minute at 48 kHz takes about
a second. Noise and perturbations come from `signals.uniform`: the same seed gives the same voice everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tests import signals

Array = NDArray[np.float64]
Contour = float | Callable[[Array], ArrayLike]

#: Adult vowel near the middle of the vowel space: F1 to F5 in Hz and their bandwidths.
NEUTRAL = ((500.0, 1500.0, 2500.0, 3500.0, 4500.0), (60.0, 90.0, 120.0, 180.0, 250.0))

#: Formants above this share of the sampling rate are left out: their skirts fold back.
HIGHEST = 0.46

#: Taps on either side of a pulse; a Kaiser window of beta 9 keeps what folds back below -90 dB.
REACH = 32
BETA = 9.0

#: Corner of the glottal source's fall of 12 dB per octave, in Hz; radiation gives 6 back.
GLOTTAL_CORNER = 60.0

#: Amplitude of the breath in pauses, relative to that in voiced stretches.
PAUSE = 10.0 ** (-30.0 / 20.0)

#: Points per second of the grid on which an F0 contour is integrated.
GRID = 20_000.0


@dataclass(frozen=True)
class Voice:
    """A synthetic voice and the truth about it."""

    y: Array
    sr: int
    #: Times of the pulses in seconds, of one array per voiced stretch.
    pulses: tuple[Array, ...]
    #: Amplitude of each pulse.
    amplitudes: tuple[Array, ...]
    #: Voiced stretches (start, end) in seconds.
    voiced: tuple[tuple[float, float], ...]
    #: Formants below Nyquist and their bandwidths in Hz.
    formants: tuple[float, ...]
    bandwidths: tuple[float, ...]
    #: 10 log10 of the power of the harmonic part over that of the noise, in voiced stretches.
    hnr: float
    contour: Contour

    def f0(self, times: ArrayLike) -> Array:
        """F0 in Hz at `times` in seconds, 0 where no pulses are."""
        t = np.asarray(times, dtype=np.float64)
        inside = np.zeros(t.shape, dtype=bool)
        for start, end in self.voiced:
            inside |= (t >= start) & (t < end)
        return np.where(inside, _evaluate(self.contour, t), 0.0)

    @property
    def periods(self) -> tuple[Array, ...]:
        """Durations in seconds between pulses, per voiced stretch."""
        return tuple(np.diff(p) for p in self.pulses)

    @property
    def jitter_local(self) -> float:
        """Mean of |T_i - T_(i-1)| over the mean period."""
        return _mean(np.abs(np.diff(p)) for p in self.periods) / _mean(self.periods)

    @property
    def jitter_ddp(self) -> float:
        """Mean of |(T_(i+1) - T_i) - (T_i - T_(i-1))| over the mean period."""
        return _mean(np.abs(np.diff(p, 2)) for p in self.periods) / _mean(self.periods)

    @property
    def shimmer_local(self) -> float:
        """Mean of |A_i - A_(i-1)| over the mean amplitude."""
        return _mean(np.abs(np.diff(a)) for a in self.amplitudes) / _mean(self.amplitudes)

    @property
    def shimmer_db(self) -> float:
        """Mean of |20 log10(A_i / A_(i-1))| in dB."""
        return _mean(np.abs(20.0 * np.diff(np.log10(a))) for a in self.amplitudes)


def synthesise(
    sr: int,
    seconds: float,
    f0: Contour = 120.0,
    *,
    jitter: float = 0.0,
    shimmer: float = 0.0,
    formants: Sequence[float] = NEUTRAL[0],
    bandwidths: Sequence[float] = NEUTRAL[1],
    hnr: float = np.inf,
    voiced: Sequence[tuple[float, float]] | None = None,
    level: float = 0.1,
    seed: int = 0,
) -> Voice:
    """A voice of `seconds` at `sr` Hz with root mean square `level` where it is voiced.

    `f0` is a number or a function of time in Hz. `jitter` and `shimmer` are the local ones, as shares (0.01:
    1 %); pulse times are displaced and pulse amplitudes scaled by random amounts that are then stretched
    until the ratio is met exactly (of a flat contour; a glide adds its own differences, which the truth in
    the result includes). Noise is added so that the harmonic part is `hnr` dB above it in the voiced stretches
    (all of the signal unless `voiced` lists them); in pauses it is 30 dB lower.
    """
    n = round(sr * seconds)
    stretches = tuple(voiced) if voiced is not None else ((0.0, n / sr),)
    pulses, amplitudes = [], []
    for k, (start, end) in enumerate(stretches):
        regular = _cycles(f0, start, end)
        pulses.append(_displaced(regular, jitter, seed + 2 * k))
        amplitudes.append(_scaled(len(regular), shimmer, seed + 2 * k + 1))
    kept = [(f, b) for f, b in zip(formants, bandwidths, strict=True) if f < HIGHEST * sr]
    size = 1 << (n + sr // 4).bit_length()  # a quarter of a second for what rings on
    tract = _tract(size, sr, kept)
    source = _train(np.concatenate(pulses), np.concatenate(amplitudes), n, sr)
    harmonic = np.fft.irfft(np.fft.rfft(source, size) * tract * _glottis(size, sr), size)[:n]
    loud = np.zeros(n, dtype=bool)
    for start, end in stretches:
        loud[round(start * sr) : round(end * sr)] = True
    harmonic *= level / max(_rms(harmonic[loud]), 1e-30)
    y = harmonic
    if np.isfinite(hnr):
        # Breath is made at the glottis and goes through the tract, without the slope of the pulses.
        breath = signals.gaussian(n, seed + 99) * np.where(loud, 1.0, PAUSE)
        noise = np.fft.irfft(np.fft.rfft(breath, size) * tract, size)[:n]
        y = harmonic + noise * level * 10.0 ** (-hnr / 20.0) / _rms(noise[loud])
    return Voice(
        y,
        sr,
        tuple(pulses),
        tuple(amplitudes),
        stretches,
        tuple(f for f, _ in kept),
        tuple(b for _, b in kept),
        hnr,
        f0,
    )


def _evaluate(contour: Contour, t: Array) -> Array:
    return np.broadcast_to(np.asarray(contour(t) if callable(contour) else contour, np.float64), t.shape)


def _mean(parts: object) -> float:
    values = np.concatenate([np.atleast_1d(p) for p in parts])  # type: ignore[attr-defined]
    return float(np.mean(values)) if values.size else 0.0


def _rms(x: Array) -> float:
    return float(np.sqrt(np.mean(x * x))) if x.size else 0.0


def _cycles(contour: Contour, start: float, end: float) -> Array:
    """Times at which the phase of the contour passes a whole number, from half a cycle after `start`."""
    t = np.linspace(start, end, max(int((end - start) * GRID), 2))
    f = _evaluate(contour, t)
    phase = np.append(0.0, np.cumsum((f[1:] + f[:-1]) / 2.0 * np.diff(t)))
    return np.interp(np.arange(0.5, phase[-1]), phase, t)


def _stretched(draw: Callable[[float], tuple[Array, float]], wanted: float) -> Array:
    """`draw(s)` for the scale `s` at which the ratio that it reports is `wanted` (nearly linear in s)."""
    scale = wanted
    for _ in range(20):
        values, found = draw(scale)
        scale *= wanted / found
    return values


def _displaced(times: Array, jitter: float, seed: int) -> Array:
    if jitter == 0.0 or len(times) < 4:
        return times
    period = np.gradient(times)
    # Uniform displacements: however large the jitter, neighbours keep their order.
    shift = (2.0 * signals.uniform(len(times), seed) - 1.0) * period

    def draw(scale: float) -> tuple[Array, float]:
        moved = times + scale * shift
        t = np.diff(moved)
        # A glide has differences of its own; the ratio is that of what was added to them.
        added = t - np.diff(times)
        return moved, float(np.mean(np.abs(np.diff(added))) / np.mean(t))

    return _stretched(draw, jitter)


def _scaled(count: int, shimmer: float, seed: int) -> Array:
    if shimmer == 0.0 or count < 3:
        return np.ones(count)
    change = 2.0 * signals.uniform(count, seed + 7) - 1.0

    def draw(scale: float) -> tuple[Array, float]:
        a = 1.0 + scale * change
        return a, float(np.mean(np.abs(np.diff(a))) / np.mean(a))

    return _stretched(draw, shimmer)


def _train(times: Array, amplitudes: Array, n: int, sr: int) -> Array:
    """Sum of windowed sinc pulses, sample i being at time (i + 1/2) / sr."""
    at = times * sr - 0.5
    first = np.floor(at).astype(np.int64) - REACH + 1
    index = first[:, None] + np.arange(2 * REACH)
    x = index - at[:, None]
    taper = np.i0(BETA * np.sqrt(np.maximum(1.0 - (x / REACH) ** 2, 0.0))) / np.i0(BETA)
    values = amplitudes[:, None] * np.sinc(x) * taper
    padded = np.zeros(n + 4 * REACH)
    inside = (index >= -2 * REACH) & (index < n + 2 * REACH)
    np.add.at(padded, index[inside] + 2 * REACH, values[inside])
    return padded[2 * REACH : 2 * REACH + n]


def _tract(size: int, sr: int, formants: Sequence[tuple[float, float]]) -> NDArray[np.complex128]:
    """Cascade of resonators, each with its pole pair at e^(-pi B / sr ± 2 pi i F / sr) and gain 1 at 0 Hz."""
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = np.ones(len(z), dtype=np.complex128)
    for f, b in formants:
        r = np.exp(-np.pi * b / sr)
        a1, a2 = -2.0 * r * np.cos(2.0 * np.pi * f / sr), r * r
        response *= (1.0 + a1 + a2) / (1.0 + a1 * z + a2 * z * z)
    return response


def _glottis(size: int, sr: int) -> NDArray[np.complex128]:
    """Two real poles, and a zero at 0 Hz for the radiation at the lips."""
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    pole = np.exp(-2.0 * np.pi * GLOTTAL_CORNER / sr)
    return (1.0 - z) / (1.0 - pole * z) ** 2
