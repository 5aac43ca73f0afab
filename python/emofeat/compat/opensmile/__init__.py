"""openSMILE's feature sets from emofeat's core: `from emofeat.compat import opensmile`.

Names, arguments, defaults, DataFrames and warnings are those of opensmile-python 2.6.0; the numbers are those of
`emofeat.Extractor("egemapsv02")`, `gemapsv01b` and `compare2016`. pandas is needed (`pip install
'emofeat[pandas]'`) and imported by the first call that returns a DataFrame.

>>> import numpy as np
>>> from emofeat.compat import opensmile
>>> smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
>>> smile.num_features
88
>>> smile(np.zeros(16000, dtype=np.float32), 16000).shape
(1, 88, 1)

Known differences:

- The sets are GeMAPSv01b, eGeMAPSv02 and ComParE_2016; other sets, configuration files, `options` and `segment`
  raise.
- NaN and infinite samples raise, where openSMILE gives numbers.
- Integer arrays are scaled by the range of their type, where opensmile-python overflows.
- Files are decoded and resampled with emofeat's own code: a resampled signal has slightly other numbers, and
  compressed formats need no external programs.
- A segment that begins before 0 or ends before it begins raises; so do lists of different lengths, and empty ones.
- `loglevel` and `logfile` have no effect: nothing is logged. Threads of the core do the work whether
  `multiprocessing` is asked for or not.
- Serialisation (`to_yaml`, `from_yaml`, `to_dict`, `id`) and the `process` attribute do not exist; `cache_root` holds
  files of its own naming.
- Of the `lld_de` rows of ComParE_2016, up to two before the end may start one or two frames earlier in
  openSMILE's index.
"""

from __future__ import annotations

from emofeat.compat.opensmile.define import FeatureLevel, FeatureSet
from emofeat.compat.opensmile.smile import Smile

__all__ = ["FeatureLevel", "FeatureSet", "Smile"]
