"""librosa's features from emofeat's core: `from emofeat.compat import librosa`.

Names, arguments, defaults, shapes, types and errors are those of librosa 0.11.0. The Fourier transforms run
in double precision, as librosa's; float32 in gives float32 out where librosa does. Values agree within 1e-5
relative (0.001 dB for levels and cepstra).

>>> import numpy as np
>>> from emofeat.compat import librosa
>>> y = np.sin(2 * np.pi * 440.0 * np.arange(22050) / 22050)
>>> librosa.feature.mfcc(y=y, sr=22050, n_mfcc=13).shape
(13, 44)

Beside `S=`, the arguments of the analysis have no meaning and no effect, as in librosa; nothing else is
ignored. Known differences:

- `load` decodes and resamples with emofeat's own code: paths, not file objects; `res_type` 'soxr_hq' or
  'soxr_vhq'.
- The windows 'chebwin', 'dpss', 'taylor' and 'kaiser_bessel_derived' raise; their samples can be passed.
- `pad_mode='empty'`, whose samples are undefined, raises; so do types other than complex ones in `stft`, and
  other than float32 and float64 in `rms`.
- `spectral_contrast` with a first band of one bin raises; librosa gives NaN throughout.
- `pad_mode='reflect'` with a hop of half a frame or more that divides the length: librosa takes the last
  sample of the last frame from a wrong place.
- `yin` and `pyin` compute float32 in double precision, where librosa decides in single; `frame_length` from 4.
- No warning when the tuning of a signal that is not silent finds no peak.
"""

from __future__ import annotations

from emofeat.compat.librosa import feature, filters, util
from emofeat.compat.librosa.core import (
    amplitude_to_db,
    fft_frequencies,
    load,
    mel_frequencies,
    power_to_db,
    stft,
)
from emofeat.compat.librosa.feature import (
    chroma_stft,
    delta,
    melspectrogram,
    mfcc,
    rms,
    spectral_bandwidth,
    spectral_centroid,
    spectral_contrast,
    spectral_flatness,
    spectral_rolloff,
    zero_crossing_rate,
)
from emofeat.compat.librosa.pitch import pyin, yin
from emofeat.compat.librosa.util.exceptions import LibrosaError, ParameterError

__all__ = [
    "LibrosaError",
    "ParameterError",
    "amplitude_to_db",
    "chroma_stft",
    "delta",
    "feature",
    "fft_frequencies",
    "filters",
    "load",
    "mel_frequencies",
    "melspectrogram",
    "mfcc",
    "power_to_db",
    "pyin",
    "rms",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_rolloff",
    "stft",
    "util",
    "yin",
    "zero_crossing_rate",
]
