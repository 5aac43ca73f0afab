"""python_speech_features 0.6 from emofeat's core.

>>> import numpy as np
>>> from emofeat.compat import python_speech_features as psf
>>> psf.mfcc(np.sin(0.1 * np.arange(16000)), 16000).shape
(99, 13)

Values agree to 1e-10. `samplerate` is a whole number of Hz, a window function gives one number per sample.
"""

from __future__ import annotations

from emofeat.compat.python_speech_features import base, sigproc
from emofeat.compat.python_speech_features.base import delta, fbank, logfbank, mfcc, ssc

__all__ = ["base", "delta", "fbank", "logfbank", "mfcc", "sigproc", "ssc"]
