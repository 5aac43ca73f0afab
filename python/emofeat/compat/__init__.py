"""Drop-in modules: the names, arguments, defaults, shapes and numbers of the field's own packages.

| module | stands in for |
|---|---|
| `emofeat.compat.librosa` | librosa 0.11: features, `stft`, decibels, mel filters, `load` |
| `emofeat.compat.kaldi` | `torchaudio.compliance.kaldi`: `fbank`, `mfcc`, on NumPy arrays |
| `emofeat.compat.pyaudioanalysis` | pyAudioAnalysis 0.3.14: short-term and mid-term features |
| `emofeat.compat.python_speech_features` | python_speech_features 0.6 |

Only NumPy and the compiled core are imported. An argument that is not supported raises and says so; nothing
is ignored. Errors are those of emofeat and at the same time of the kind that the package raises, so that
existing `except` clauses keep working.
"""
