"""Praat, behind praat-parselmouth, as a black box: the same analysis of the same frames.

Praat lays its frames symmetrically into a recording, emofeat begins with the first sample. `aligned` cuts a
recording so that both have the same frames: as many samples as whole frames need, and one more on either
side for Praat alone, for a recording that is exactly as long as its frames loses one of them to rounding.
"""

from __future__ import annotations

import numpy as np
import parselmouth
from numpy.typing import NDArray
from parselmouth.praat import call

Array = NDArray[np.float64]


def aligned(y: Array, sr: int, seconds: float, hop: int) -> tuple[Array, Array]:
    """(samples for emofeat, samples for Praat) with the same frames of `seconds` every `hop` samples."""
    length = int(seconds * sr + 1e-6)
    frames = 1 + (len(y) - 2 - length) // hop
    whole = y[: (frames - 1) * hop + length + 2]
    return whole[1:-1], whole


def pitch(y: Array, sr: int, hop: int, **options: float) -> Array:
    """F0 in Hz, 0 if unvoiced."""
    found = parselmouth.Sound(y, sr).to_pitch_ac(time_step=hop / sr, **options)
    return np.asarray(found.selected_array["frequency"])


def harmonicity(y: Array, sr: int, hop: int) -> Array:
    """Harmonics-to-noise ratio in dB, -200 where there is none."""
    return np.asarray(parselmouth.Sound(y, sr).to_harmonicity_ac(hop / sr, 75.0, 0.1, 4.5).values[0])


def harmonicity_cc(y: Array, sr: int, hop: int) -> tuple[Array, Array]:
    """Times, and the same ratio by Praat's other method, which correlates a frame with the one after it."""
    found = parselmouth.Sound(y, sr).to_harmonicity_cc(hop / sr)
    return np.asarray(found.xs()), np.asarray(found.values[0])


def aligned_on_a_sample(y: Array, sr: int, seconds: float, hop: int) -> tuple[Array, Array]:
    """The same for frames with a sample in their middle, the most that `seconds` hold."""
    length = 2 * int(0.5 * seconds * sr + 1e-6) + 1
    # Praat counts frames by the exact length, which may be a fraction of a sample longer.
    more = 0 if length > seconds * sr + 0.5 else 1
    frames = 1 + (len(y) - 2 * more - length) // hop
    whole = y[: (frames - 1) * hop + length + 2 * more]
    return whole[more : len(whole) - more], whole


def intensity(y: Array, sr: int, hop: int, subtract_mean: bool = True) -> Array:
    return np.asarray(parselmouth.Sound(y, sr).to_intensity(100.0, hop / sr, subtract_mean).values[0])


def formants(y: Array, sr: int, hop: int, count: int = 5, maximum: float = 5500.0) -> tuple[Array, Array]:
    """Frequencies and bandwidths in Hz (frames, count), NaN where there are fewer."""
    found = parselmouth.Sound(y, sr).to_formant_burg(hop / sr, count, maximum)
    times = found.xs()
    f = [[found.get_value_at_time(k + 1, t) for k in range(count)] for t in times]
    b = [[found.get_bandwidth_at_time(k + 1, t) for k in range(count)] for t in times]
    return np.asarray(f), np.asarray(b)


def cpps(y: Array, sr: int, step: float = 0.01) -> float:
    """Smoothed cepstral peak prominence in dB above a straight line fitted by least squares."""
    cepstra = call(parselmouth.Sound(y, sr), "To PowerCepstrogram", 60.0, step, 5000.0, 50.0)
    straight = (0.001, 0.05, "Straight", "Least squares")
    return float(call(cepstra, "Get CPPS", "no", 0.02, 0.0005, 60.0, 330.0, 0.05, "Parabolic", *straight))


def voice_report(y: Array, sr: int) -> dict[str, float]:
    """Local jitter and shimmer over the whole signal, as shares."""
    sound = parselmouth.Sound(y, sr)
    pulses = call(sound, "To PointProcess (periodic, cc)", 75.0, 600.0)
    span = (0.0, 0.0, 0.0001, 0.02, 1.3)
    return {
        "jitter": float(call(pulses, "Get jitter (local)", *span)),
        "shimmer": float(call([sound, pulses], "Get shimmer (local)", *span, 1.6)),
    }
