"""Spectrograms of training utterances as other voices, rates and rooms would have made them."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from emomodels.models.base import Settings

Floats = NDArray[np.float32]
Share = Annotated[float, Field(ge=0, lt=1)]
Amount = Annotated[float, Field(ge=0)]


class SpectrogramAugmentation(Settings):
    """How far training spectrograms are changed; each amount is drawn anew for every utterance and epoch.

    Parameters
    ----------
    speed
        Speaking rate: time runs faster or slower by up to this share.
    warp
        Length of the vocal tract: bands are read from higher or lower by up to this share of their number,
        which on the mel scale comes near to scaling the frequencies (VTLP; Jaitly and Hinton, 2013).
    gain
        Standard deviation of what is added to all bands, in units of the input.
    tilt
        Standard deviation of the slope from the lowest band (-1) to the highest (+1), in units of the input.
    masks
        Number of masks in time and in frequency (SpecAugment; Park et al., 2019).
    time_mask, band_mask
        Longest mask in frames, and in bands. Masked values are 0, the mean of normalised input.
    """

    speed: Share = 0.15
    warp: Share = 0.1
    gain: Amount = 0.25
    tilt: Amount = 0.25
    masks: Annotated[int, Field(ge=0)] = 2
    time_mask: Annotated[int, Field(ge=0)] = 16
    band_mask: Annotated[int, Field(ge=0)] = 8

    def __call__(self, x: Floats, rng: np.random.Generator) -> Floats:
        """`x` `(n_frames, n_bands)`, normalised, changed; the number of frames follows the speed.

        >>> augment = SpectrogramAugmentation(speed=0, warp=0, gain=0, tilt=0, masks=0)
        >>> x = np.ones((3, 4), np.float32)
        >>> bool((augment(x, np.random.default_rng(0)) == x).all())
        True
        """
        x = stretch(x, 1 + self.speed * rng.uniform(-1, 1), 1 + self.warp * rng.uniform(-1, 1))
        n_frames, n_bands = x.shape
        gain, tilt = rng.normal(0, (self.gain, self.tilt))
        x += (gain + tilt * np.linspace(-1, 1, n_bands)).astype(np.float32)
        for _ in range(self.masks):
            x[_span(rng, self.time_mask, n_frames)] = 0
            x[:, _span(rng, self.band_mask, n_bands)] = 0
        return x


def stretch(x: Floats, speed: float, warp: float) -> Floats:
    """`x` `(n_frames, n_bands)` read at `speed` times the frames and `warp` times the bands, between them linearly.

    Beyond the highest band its value is repeated.

    >>> stretch(np.arange(6, dtype=np.float32).reshape(3, 2), speed=2, warp=1).tolist()
    [[0.0, 1.0], [4.0, 5.0]]
    """
    frames = np.arange(0, len(x), speed)
    return _read(_read(x, frames).T, np.arange(x.shape[1]) * warp).T.copy()


def _read(x: Floats, at: NDArray[np.floating[Any]]) -> Floats:
    """Rows of `x` at the fractional positions `at`."""
    at = np.minimum(at, len(x) - 1)
    below = at.astype(np.int64)
    above = np.minimum(below + 1, len(x) - 1)
    share = (at - below).astype(np.float32)[:, None]
    read: Floats = x[below] * (1 - share) + x[above] * share
    return read


def _span(rng: np.random.Generator, longest: int, n: int) -> slice:
    """A drawn stretch of up to `longest` of `n`, never all of them."""
    width = int(rng.integers(0, min(longest, n - 1) + 1))
    start = int(rng.integers(0, n - width + 1))
    return slice(start, start + width)
