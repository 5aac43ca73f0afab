"""pyAudioAnalysis's features from emofeat's core.

>>> import numpy as np
>>> from emofeat.compat.pyaudioanalysis import ShortTermFeatures
>>> y = np.sin(0.1 * np.arange(16000))
>>> features, names = ShortTermFeatures.feature_extraction(y, 16000, 800, 400)
>>> features.shape, names[8]
((68, 39), 'mfcc_1')

Values are those of pyAudioAnalysis 0.3.14 to 1e-10, its peculiarities included. NaN and infinite samples,
which turn its features into NaN, raise here.
"""

from __future__ import annotations

from emofeat.compat.pyaudioanalysis import MidTermFeatures, ShortTermFeatures

__all__ = ["MidTermFeatures", "ShortTermFeatures"]
