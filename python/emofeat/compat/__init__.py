"""Drop-in modules: the names, arguments, defaults, shapes and numbers of the field's own packages.

| module | stands in for |
|---|---|
| `emofeat.compat.librosa` | librosa 0.11: features, `stft`, decibels, mel filters, `load` |
| `emofeat.compat.kaldi` | `torchaudio.compliance.kaldi`: `fbank`, `mfcc`, on NumPy arrays |
| `emofeat.compat.opensmile` | opensmile-python 2.6.0: `Smile` with GeMAPSv01b, eGeMAPSv02 and ComParE_2016 |
| `emofeat.compat.pyaudioanalysis` | pyAudioAnalysis 0.3.14: short-term and mid-term features |
| `emofeat.compat.python_speech_features` | python_speech_features 0.6 |

Only NumPy and the compiled core are imported, and pandas by `opensmile` for its DataFrames. An argument that is
not supported raises and says so; nothing is ignored. Errors are those of emofeat and at the same time of the
kind that the package raises, so that existing `except` clauses keep working.
"""
