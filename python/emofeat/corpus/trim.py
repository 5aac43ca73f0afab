"""Segments without the silence before and after speech."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from emofeat import audio
from emofeat.corpus.manifest import Manifest
from emofeat.engine.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emofeat.corpus.utterance import Utterance

__all__ = ["loud_part", "trim"]

_FRAME, _HOP = 0.025, 0.01


def loud_part(
    y: NDArray[np.float32], sr: int, below_peak: float = 40.0, margin: float = 0.05
) -> tuple[float, float]:
    """Start and end in seconds of the part of `y` that is not silence.

    It begins with the first frame (25 ms every 10 ms) whose level is within `below_peak` dB of the loudest
    frame's, and ends with the last, `margin` seconds added on both sides as far as the recording goes. Pauses
    inside stay; a recording of zeros is kept whole, since no part of it is louder.

    >>> y = np.zeros(16000, np.float32); y[4000:8000] = 0.1
    >>> loud_part(y, 16000, margin=0.0)
    (0.24, 0.51)
    """
    from emofeat.features import rms

    level = rms(
        y,
        sr,
        frame_length=round(_FRAME * sr),
        hop_length=round(_HOP * sr),
        precision="float64",
        on_short="pad",
    )[:, 0]
    loud = np.flatnonzero(level >= level.max() * 10 ** (-below_peak / 20))
    step = round(_HOP * sr) / sr
    start, end = loud[0] * step - margin, loud[-1] * step + margin
    return max(0.0, round(float(start), 3)), min(len(y) / sr, round(float(end), 3))


def trim(
    manifest: Manifest, below_peak: float = 40.0, margin: float = 0.05, jobs: int | None = None
) -> Manifest:
    """`manifest` with `start` and `end` of every utterance narrowed to its `loud_part`.

    Each utterance is looked at alone, so that nothing goes from one to another. Ids stay, and with them splits
    and whatever is joined by id.

    Parameters
    ----------
    below_peak
        How far below its loudest frame an utterance's speech goes, in dB.
    margin
        Seconds that are kept before and after.
    jobs
        Threads; by default as many as the machine has CPUs for us.

    Raises
    ------
    UsageError
        A threshold or margin out of range.
    AudioError
        A recording that cannot be read, see `audio.load`; `emofeat check` lists all of them.
    """
    if not (math.isfinite(below_peak) and below_peak > 0):
        raise UsageError(f"speech is {below_peak:g} dB below the peak; give a number above 0, such as 40")
    if not (math.isfinite(margin) and margin >= 0):
        raise UsageError(f"the margin is {margin:g} s; give 0 or more, such as 0.05")

    def narrowed(u: Utterance) -> Utterance:
        y, sr = audio.load(manifest.audio_path(u), start=u.start, end=u.end)
        start, end = loud_part(y, sr, below_peak, margin)
        offset = u.start or 0.0
        return replace(u, start=round(offset + start, 6), end=round(offset + end, 6))

    with ThreadPoolExecutor(jobs) as pool:
        return Manifest(pool.map(narrowed, manifest), manifest.path)
