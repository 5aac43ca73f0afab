"""The packages whose numbers are reproduced, behind the oracles' signature.

`PEERS[name](y, sr, **parameters)` calls the real package on a float64 signal and returns `(n_frames,
n_columns)`. Only oddities of the packages are handled here, each with its reason; no numbers are touched.
"""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import kaldi_native_fbank as knf
import librosa
import numpy as np
import python_speech_features as psf
from numpy.typing import NDArray
from python_speech_features import sigproc

Array = NDArray[np.float64]
Peer = Callable[..., Array]


@contextmanager
def stand_ins(*names: str) -> Iterator[None]:
    """Empty modules in the place of `names` while an import runs, for those that are not installed.

    pyAudioAnalysis imports a progress bar, an MP3 tag reader and pydub at its top without declaring them;
    none takes part in short-term or mid-term features.
    """
    missing = []
    for name in names:
        try:
            __import__(name)
        except ImportError:
            module = types.ModuleType(name)
            # Whatever is asked for, as in `from pydub import AudioSegment`, is there and does nothing.
            module.__getattr__ = lambda attribute: None  # type: ignore[method-assign]
            sys.modules[name] = module
            missing.append(name)
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "Please import `dct`", DeprecationWarning)  # ShortTermFeatures, line 8
    warnings.filterwarnings(
        "ignore", "'(aifc|audioop|chunk)' is deprecated", DeprecationWarning
    )  # audioBasicIO
    search_path = sys.path[:]
    with stand_ins("tqdm", "eyed3", "pydub", "aifc"):
        from pyAudioAnalysis import MidTermFeatures, ShortTermFeatures
    sys.path[:] = search_path  # MidTermFeatures puts its own folder's parent in front


@contextmanager
def librosa_without_remarks() -> Iterator[None]:
    """What librosa warns about is drawn on purpose by some tests, and its numbers are defined."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Empty filters detected in mel frequency basis", UserWarning)
        warnings.filterwarnings("ignore", "Trying to estimate tuning from empty frequency set", UserWarning)
        warnings.filterwarnings("ignore", "n_fft=.* is too large for input signal of length", UserWarning)
        warnings.filterwarnings("ignore", "With fmin=.*less than two periods of fmin", UserWarning)
        yield


def _from_librosa(function: Callable[..., Any], *, needs_sr: bool = True) -> Peer:
    def peer(y: Array, sr: float, **params: Any) -> Array:
        with librosa_without_remarks():
            return np.asarray(function(y=y, **({"sr": sr} if needs_sr else {}), **params)).T

    return peer


def stft(y: Array, sr: float, *, hop_length: int = 512, **front: Any) -> Array:
    with librosa_without_remarks():
        x = librosa.stft(y, hop_length=hop_length, **front).T
    return np.stack([x.real, x.imag], axis=2).reshape(len(x), -1)


def spectrogram(y: Array, sr: float, *, power: float = 2.0, **front: Any) -> Array:
    with librosa_without_remarks():
        return np.abs(librosa.stft(y, **front)).T ** power  # type: ignore[no-any-return]


def _db_parameters(params: dict[str, Any]) -> dict[str, Any]:
    db = {k: params.pop(k) for k in ("ref", "amin", "top_db") if k in params}
    if db.get("ref") == "max":
        db["ref"] = np.max
    return db


def logmel(y: Array, sr: float, **params: Any) -> Array:
    db = _db_parameters(params)
    with librosa_without_remarks():
        return librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=sr, **params), **db).T


def mfcc(y: Array, sr: float, *, mel_norm: Any = "slaney", **params: Any) -> Array:
    db = _db_parameters(params)
    cepstrum = {k: params.pop(k) for k in ("n_mfcc", "dct_type", "norm", "lifter") if k in params}
    with librosa_without_remarks():
        s = librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=sr, norm=mel_norm, **params), **db)
        return librosa.feature.mfcc(S=s, **cepstrum).T


def chroma_stft(y: Array, sr: float, *, norm: Any = np.inf, **params: Any) -> Array:
    with librosa_without_remarks():
        norm = None if norm in (None, "none") else float(norm)
        return librosa.feature.chroma_stft(y=y, sr=sr, norm=norm, **params).T


def rms(y: Array, sr: float, **params: Any) -> Array:
    """In double: librosa would otherwise square and average in float32 whatever the input."""
    return librosa.feature.rms(y=y, dtype=np.float64, **params).T


def zero_crossing_rate(y: Array, sr: float, **params: Any) -> Array:
    return librosa.feature.zero_crossing_rate(y, **params).T


def delta(x: Array, **params: Any) -> Array:
    return librosa.feature.delta(x, axis=0, **params)


def yin(y: Array, sr: float, *, fmin: float = 65.0, fmax: float = 600.0, **params: Any) -> Array:
    with librosa_without_remarks():
        return librosa.yin(y, sr=sr, fmin=fmin, fmax=fmax, **params)[:, None]  # type: ignore[no-any-return]


def pyin(
    y: Array,
    sr: float,
    *,
    fmin: float = 65.0,
    fmax: float = 600.0,
    fill_na: float | None = 0.0,
    beta_parameters: tuple[float, float] | None = None,
    **params: Any,
) -> Array:
    beta = (2, 18) if beta_parameters is None else beta_parameters
    with librosa_without_remarks():
        return np.column_stack(
            librosa.pyin(y, sr=sr, fmin=fmin, fmax=fmax, fill_na=fill_na, beta_parameters=beta, **params)
        )


def _knf_frames(options: Any, sr: float, params: dict[str, Any]) -> None:
    frames = options.frame_opts
    frames.dither = 0.0
    frames.samp_freq = sr
    frames.frame_length_ms = params.pop("frame_length", 25.0)
    frames.frame_shift_ms = params.pop("frame_shift", 10.0)
    frames.preemph_coeff = params.pop("preemphasis_coefficient", 0.97)
    frames.remove_dc_offset = params.pop("remove_dc_offset", True)
    frames.window_type = params.pop("window_type", "povey")
    frames.round_to_power_of_two = params.pop("round_to_power_of_two", True)
    frames.blackman_coeff = params.pop("blackman_coeff", 0.42)
    frames.snip_edges = params.pop("snip_edges", True)
    mel = options.mel_opts
    mel.num_bins = params.pop("num_mel_bins", 23)
    mel.low_freq = params.pop("low_freq", 20.0)
    mel.high_freq = params.pop("high_freq", 0.0)
    options.energy_floor = params.pop("energy_floor", 1.0)  # torchaudio's default, as the oracle's
    options.use_energy = params.pop("use_energy", False)
    options.raw_energy = params.pop("raw_energy", True)
    options.htk_compat = params.pop("htk_compat", False)


def _knf_rows(extractor: Any, y: Array, sr: float, columns: int) -> Array:
    extractor.accept_waveform(sr, y.astype(np.float32).tolist())
    extractor.input_finished()
    rows = [extractor.get_frame(i) for i in range(extractor.num_frames_ready)]
    return np.array(rows, dtype=np.float64).reshape(-1, columns)


def kaldi_fbank(y: Array, sr: float = 16000.0, **params: Any) -> Array:
    """kaldi-native-fbank, which computes in float32; without dither."""
    options = knf.FbankOptions()
    y = y * params.pop("input_scale", 1.0)
    _knf_frames(options, sr, params)
    options.use_log_fbank = params.pop("use_log_fbank", True)
    options.use_power = params.pop("use_power", True)
    if params:
        raise TypeError(f"kaldi-native-fbank has no {sorted(params)}")
    return _knf_rows(knf.OnlineFbank(options), y, sr, options.mel_opts.num_bins + options.use_energy)


def kaldi_mfcc(y: Array, sr: float = 16000.0, **params: Any) -> Array:
    options = knf.MfccOptions()
    y = y * params.pop("input_scale", 1.0)
    _knf_frames(options, sr, params)
    options.num_ceps = params.pop("num_ceps", 13)
    options.cepstral_lifter = params.pop("cepstral_lifter", 22.0)
    if params:
        raise TypeError(f"kaldi-native-fbank has no {sorted(params)}")
    return _knf_rows(knf.OnlineMfcc(options), y, sr, options.num_ceps)


def pyaudioanalysis(
    y: Array, sr: float, *, window: int | None = None, step: int | None = None, deltas: bool = False
) -> Array:
    window, step = window or int(sr * 0.050), step or int(sr * 0.025)
    return ShortTermFeatures.feature_extraction(y, sr, window, step, deltas=deltas)[0].T


def pyaudioanalysis_mid_term(
    y: Array, sr: float, mid_window: int, mid_step: int, window: int, step: int
) -> Array:
    return MidTermFeatures.mid_feature_extraction(y, sr, mid_window, mid_step, window, step)[0].T


_PSF_WINDOWS: dict[str, Callable[[int], Array]] = {
    "hamming": np.hamming,
    "hanning": np.hanning,
    "blackman": np.blackman,
    "bartlett": np.bartlett,
}


def _psf_window(params: dict[str, Any]) -> dict[str, Any]:
    name = params.pop("winfunc", "rectangular")
    return params if name == "rectangular" else {**params, "winfunc": _PSF_WINDOWS[name]}


@contextmanager
def _psf_without_remarks() -> Iterator[None]:
    """Frames longer than nfft are cut, logged by a deprecated function; an empty filter is 0/0."""
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.filterwarnings("ignore", "The 'warn' function is deprecated", DeprecationWarning)
        yield


def _from_psf(function: Callable[..., Any]) -> Peer:
    def peer(y: Array, sr: float, **params: Any) -> Array:
        with _psf_without_remarks():
            return np.asarray(function(y, sr, **_psf_window(params)))

    return peer


def psf_fbank(y: Array, sr: float, **params: Any) -> Array:
    """Both results: the filters' energies, and the frame's as the last column."""
    with _psf_without_remarks():
        return np.column_stack(psf.fbank(y, sr, **_psf_window(params)))


def psf_delta(x: Array, *, N: int = 2) -> Array:
    return psf.delta(x, N)  # type: ignore[no-any-return]


preemphasis, framesig, powspec = sigproc.preemphasis, sigproc.framesig, sigproc.powspec

#: Catalogue names that a package outside defines. Spectral flux, entropy, slope, energy entropy and CMVN
#: are ours; torchaudio's two are held by golden values.
PEERS: dict[str, Peer] = {
    "stft": stft,
    "spectrogram": spectrogram,
    "melspectrogram": _from_librosa(librosa.feature.melspectrogram),
    "logmel": logmel,
    "mfcc": mfcc,
    "chroma_stft": chroma_stft,
    "spectral_centroid": _from_librosa(librosa.feature.spectral_centroid),
    "spectral_bandwidth": _from_librosa(librosa.feature.spectral_bandwidth),
    "spectral_contrast": _from_librosa(librosa.feature.spectral_contrast),
    "spectral_flatness": _from_librosa(librosa.feature.spectral_flatness, needs_sr=False),
    "spectral_rolloff": _from_librosa(librosa.feature.spectral_rolloff),
    "zero_crossing_rate": zero_crossing_rate,
    "rms": rms,
    "yin": yin,
    "pyin": pyin,
    "kaldi_fbank": kaldi_fbank,
    "kaldi_mfcc": kaldi_mfcc,
    "pyaudioanalysis": pyaudioanalysis,
    "psf_mfcc": _from_psf(psf.mfcc),
    "psf_fbank": psf_fbank,
    "psf_logfbank": _from_psf(psf.logfbank),
    "psf_ssc": _from_psf(psf.ssc),
    "delta": delta,
}

#: Parameters of the oracle that a package does not have.
LACKING: dict[str, tuple[str, ...]] = {
    "kaldi_fbank": ("subtract_mean", "min_duration"),
    "kaldi_mfcc": ("subtract_mean", "min_duration"),
    "psf_logfbank": ("winfunc",),
}
