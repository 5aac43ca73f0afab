"""librosa's features from emofeat's core: `from emofeat.compat import librosa`.

Names, arguments, defaults, shapes, types and errors are those of librosa 0.11.0. The Fourier transforms run
in double precision, as librosa's; float32 in gives float32 out where librosa does. Values agree within 1e-5
relative (0.001 dB for levels and cepstra); `docs/compat.md` has the table of differences.

>>> import numpy as np
>>> from emofeat.compat import librosa
>>> y = np.sin(2 * np.pi * 440.0 * np.arange(22050) / 22050)
>>> librosa.feature.mfcc(y=y, sr=22050, n_mfcc=13).shape
(13, 44)

Where librosa ignores arguments that have no meaning beside `S=`, so does this module: those of the analysis.
Everything else that is not supported raises `ParameterError`.
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
    "rms",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_rolloff",
    "stft",
    "util",
    "zero_crossing_rate",
]
