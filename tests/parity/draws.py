"""Signals and parameters that hypothesis draws: what a user may ask for, not only the defaults."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import signals
from tests.parity import oracles
from tests.parity.gates import Case

Draw = Callable[[st.SearchStrategy[Any]], Any]
Params = dict[str, Any]

#: Windows and padding modes that the oracles know; "ones" and "rectangular" are other names of "boxcar".
WINDOWS = tuple(sorted(set(oracles.WINDOWS) - {"ones", "rectangular"}))
#: Those that SciPy has as well, and so librosa.
SCIPY_WINDOWS = tuple(sorted(set(WINDOWS) - {"povey"}))
PAD_MODES = ("constant", "reflect", "edge", "symmetric")
TORCHAUDIO_PAD_MODES = ("constant", "reflect", "replicate")
PSF_WINDOWS = ("rectangular", "hamming", "hanning", "blackman", "bartlett")
KALDI_WINDOWS = ("povey", "hanning", "hamming", "blackman", "rectangular")


@st.composite
def signal(
    draw: Draw, kinds: Sequence[str] = tuple(signals.KINDS), rates: Sequence[int] = signals.RATES
) -> Case:
    """60 to 400 ms of one kind, at a drawn level."""
    kind = draw(st.sampled_from(list(kinds)))
    sr = draw(st.sampled_from(list(rates)))
    n = draw(st.integers(int(0.06 * sr), int(0.4 * sr)))
    seed = draw(st.integers(0, 10_000))
    gain = 2.0 ** -draw(st.integers(0, 6))  # powers of two keep the samples exact
    origin = f"{gain} * signals.{kind}({sr}, {n}, {seed})"
    return Case(signals.make(kind, sr, n, seed) * gain, sr, {}, kind in signals.BROADBAND, origin)


def _some(draw: Draw, options: dict[str, st.SearchStrategy[Any]], known: frozenset[str] | None) -> Params:
    """A value for about half of the options, so that each default is met as well."""
    return {
        name: draw(values)
        for name, values in options.items()
        if (known is None or name in known) and draw(st.booleans())
    }


def _choices(name: str, mine: Sequence[Any], allowed: dict[str, Sequence[Any]]) -> st.SearchStrategy[Any]:
    """My choices for a parameter, narrowed to those that the catalogue lists for it."""
    listed = allowed.get(name)
    kept = [c for c in mine if listed is None or c in listed]
    assert kept, (
        f"parameter {name!r} allows {list(listed or ())}, none of which an oracle knows: {list(mine)}"
    )
    return st.sampled_from(kept)


@st.composite
def parameters(
    draw: Draw,
    name: str,
    sr: int,
    n: int,
    known: frozenset[str] | None = None,
    allowed: dict[str, Sequence[Any]] | None = None,
) -> Params:
    """Parameters of feature `name` for `n` samples at `sr` Hz, by the catalogue's names.

    `known` holds the parameters that the feature under test has (None: all), `allowed` its choices by
    parameter.
    """
    p = FAMILY[name](draw, sr, n, known, allowed or {})
    return p if known is None else {k: v for k, v in p.items() if k in known}


def _front(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
    n_fft = draw(st.sampled_from([256, 400, 512, 551, 1024, 2048]))
    p = _some(draw, {"center": st.booleans(), "window": _choices("window", WINDOWS, allowed)}, known)
    p["n_fft"] = n_fft
    p["hop_length"] = draw(st.integers(n_fft // 8, n_fft))
    if draw(st.booleans()):
        p["win_length"] = draw(st.integers(n_fft // 2, n_fft))
    modes = _choices("pad_mode", PAD_MODES, allowed)
    if p.get("center", True) and draw(st.booleans()):
        p["pad_mode"] = draw(modes)
    if n <= n_fft:
        # A signal shorter than a frame is a matter of policy, tested elsewhere.
        p["n_fft"], p["hop_length"] = 256, 100
        p.pop("win_length", None)
    p |= _some(draw, {"hop_ms": st.sampled_from([7.5, 10.0, 12.3])}, known)
    if draw(st.integers(0, 3)) == 0:
        # Up to 25 ms, so that the next power of two is shorter than any signal, at any rate.
        p["win_ms"] = draw(st.sampled_from([10.0, 16.1, 20.0, 25.0]))
        if p["n_fft"] < 0.026 * sr or draw(st.booleans()):
            del p["n_fft"]
        p.pop("win_length", None)
    return p


def _spectral(options: Callable[[int], dict[str, st.SearchStrategy[Any]]]) -> Callable[..., Params]:
    def family(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
        return {**_front(draw, sr, n, known, allowed), **_some(draw, options(sr), known)}

    return family


def _mel(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
    p = _front(draw, sr, n, known, allowed)
    p |= _some(
        draw,
        {
            "power": st.sampled_from([1.0, 2.0, 1.5]),
            "n_mels": st.integers(8, 64),
            "htk": st.booleans(),
            "norm": st.sampled_from(["slaney", None]),
            "fmin": st.floats(0.0, 300.0).map(lambda f: round(f, 1)),
            "fmax": st.floats(0.3, 0.5).map(lambda f: round(f * sr, 1)),
        },
        known,
    )
    # Filters narrower than a bin are empty: -100 dB in both, and nothing learned.
    p.setdefault("n_mels", 40)
    return p


def _logmel(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
    return _mel(draw, sr, n, known, allowed) | _some(draw, _DB, known)


def _mfcc(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
    p = _logmel(draw, sr, n, known, allowed)
    p["n_mfcc"] = draw(st.integers(2, p["n_mels"]))
    return p | _some(
        draw,
        {
            "dct_type": _choices("dct_type", [1, 2, 3], allowed),
            "lifter": st.integers(0, 30),
            "dct_norm": st.sampled_from(["ortho", None]),
        },
        known,
    )


_DB: dict[str, st.SearchStrategy[Any]] = {
    "ref": st.sampled_from([1.0, 0.5, 20.0]),
    "amin": st.sampled_from([1e-10, 1e-8, 1e-5]),
    "top_db": st.sampled_from([80.0, 60.0, 100.0, None]),
}


def _contrast(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
    p = _front(draw, sr, n, known, allowed)
    p |= _some(
        draw,
        {"quantile": st.sampled_from([0.02, 0.1, 0.3]), "linear": st.booleans()},
        known,
    )
    # Every band needs a bin below its top one, and the highest edge lies below Nyquist.
    p["n_bands"] = draw(st.integers(1, 4))
    p["fmin"] = draw(st.sampled_from([200.0, 220.0]))
    return p


def _time(extra: dict[str, st.SearchStrategy[Any]]) -> Callable[..., Params]:
    def family(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
        p = _some(draw, {"center": st.booleans(), **extra}, known)
        p["frame_length"] = draw(st.integers(20, min(2048, n)))
        p["hop_length"] = draw(st.integers(max(p["frame_length"] // 8, 1), p["frame_length"]))
        # A length in time goes before one in samples.
        p |= _some(
            draw,
            {"win_ms": st.sampled_from([10.0, 16.1, 25.0]), "hop_ms": st.sampled_from([7.5, 10.0, 12.3])},
            known,
        )
        if "pad_mode" in p and not p.get("center", True):
            del p["pad_mode"]
        return p

    return family


def _pitch(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
    p = _some(draw, {"center": st.booleans(), "pad_mode": st.sampled_from(PAD_MODES)}, known)
    if not p.get("center", True):
        p.pop("pad_mode", None)
    # Frames that the shortest signal holds, and a lowest pitch whose period fits in.
    p["frame_length"] = draw(st.integers(int(0.02 * sr), int(0.05 * sr)))
    p["fmin"] = draw(st.sampled_from([110.0, 130.5, 200.0]))
    p["fmax"] = draw(st.sampled_from([400.0, 523.25, 1000.0]))
    p |= _some(
        draw,
        {
            "hop_length": st.integers(int(0.005 * sr), int(0.012 * sr)),
            "win_ms": st.sampled_from([25.0, 40.1]),
            "hop_ms": st.sampled_from([7.5, 10.0, 12.3]),
        },
        known,
    )
    return p


def _yin(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
    threshold = {"trough_threshold": st.sampled_from([0.05, 0.2, 0.5])}
    return _pitch(draw, sr, n, known, allowed) | _some(draw, threshold, known)


def _pyin(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
    # Bins and reach are small enough for the oracle's search over all pairs of states.
    return _pitch(draw, sr, n, known, allowed) | _some(
        draw,
        {
            "n_thresholds": st.sampled_from([1, 20, 50]),
            "beta_parameters": st.sampled_from([(2.0, 11.25), (1.0, 18.0), (0.5, 3.0)]),
            "boltzmann_parameter": st.sampled_from([0.5, 3.0]),
            "resolution": st.sampled_from([0.2, 0.34, 0.5]),
            "max_transition_rate": st.sampled_from([0.0, 10.0, 20.0]),
            "switch_prob": st.sampled_from([0.001, 0.1, 0.5]),
            "no_trough_prob": st.sampled_from([0.0, 0.1]),
            "fill_na": st.sampled_from([-1.0, 100.0]),
        },
        known,
    )


def _kaldi(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
    p = _some(
        draw,
        {
            "frame_length": st.sampled_from([20.0, 25.0, 32.0]),
            "frame_shift": st.sampled_from([5.0, 10.0, 12.5]),
            "num_mel_bins": st.integers(10, 40),
            "low_freq": st.sampled_from([0.0, 20.0, 125.0]),
            "high_freq": st.sampled_from([0.0, -400.0, 3600.0]),
            "preemphasis_coefficient": st.sampled_from([0.0, 0.5, 0.97, 1.0]),
            "remove_dc_offset": st.booleans(),
            "window_type": _choices("window_type", KALDI_WINDOWS, allowed),
            "blackman_coeff": st.sampled_from([0.42, 0.4]),
            "raw_energy": st.booleans(),
            "use_energy": st.booleans(),
            "htk_compat": st.booleans(),
            "energy_floor": st.sampled_from([0.0, 1e-3, 1.0]),
            "snip_edges": st.booleans(),
            "subtract_mean": st.booleans(),
            "min_duration": st.sampled_from([0.0, 0.01, 10.0]),
            "input_scale": st.sampled_from([1.0, 32768.0]),  # of the samples, and the one that Kaldi means
        },
        known,
    )
    # Half of a spectrum needs an even length.
    if int(sr * p.get("frame_length", 25.0) * 0.001) % 2 == 0:
        p["round_to_power_of_two"] = draw(st.booleans())
    return p


def _kaldi_fbank(
    draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]
) -> Params:
    more = _some(draw, {"use_power": st.booleans(), "use_log_fbank": st.booleans()}, known)
    return _kaldi(draw, sr, n, known, allowed) | more


def _kaldi_mfcc(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
    p = _kaldi(draw, sr, n, known, allowed)
    p["num_ceps"] = draw(st.integers(2, p.get("num_mel_bins", 23)))
    return p | _some(draw, {"cepstral_lifter": st.sampled_from([0.0, 10.0, 22.0])}, known)


def _torchaudio(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
    p = _some(
        draw,
        {
            "n_mels": st.integers(8, 40),
            "f_min": st.sampled_from([0.0, 50.0]),
            "f_max": st.floats(0.3, 0.5).map(lambda f: round(f * sr, 1)),
            "norm": st.sampled_from(["slaney", None]),
            "mel_scale": st.sampled_from(["htk", "slaney"]),
            "center": st.booleans(),
            "power": st.sampled_from([1.0, 2.0]),
            "normalized": st.booleans(),
            "pad": st.integers(0, 100),
            "window": _choices("window", WINDOWS, allowed),
            "pad_mode": _choices("pad_mode", TORCHAUDIO_PAD_MODES, allowed),
        },
        known,
    )
    p["n_fft"] = draw(st.sampled_from([size for size in (256, 400, 512) if size <= n]))
    p["hop_length"] = draw(st.integers(p["n_fft"] // 4, p["n_fft"]))
    p["win_length"] = draw(st.integers(p["n_fft"] // 2, p["n_fft"]))
    p.setdefault("n_mels", 40)
    return p


def _torchaudio_mfcc(
    draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]
) -> Params:
    p = _torchaudio(draw, sr, n, known, allowed)
    p["n_mfcc"] = draw(st.integers(2, p["n_mels"]))
    p["mel_norm"] = p.pop("norm", None)
    return p | _some(draw, {"log_mels": st.booleans(), "norm": st.sampled_from(["ortho", None])}, known)


def _pyaudioanalysis(
    draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]
) -> Params:
    return _some(
        draw,
        {
            "deltas": st.booleans(),
            "step_ms": st.sampled_from([10.0, 20.0, 25.0]),
            "step": st.integers(int(0.01 * sr), int(0.03 * sr)),
            # Shorter windows have fewer bins than notes, which the package refuses (8 kHz: below some 22 ms).
            "win_ms": st.sampled_from([30.0, 40.0, 50.0]),
            "window": st.integers(int(0.03 * sr), int(0.05 * sr)),
        },
        known,
    )


def _psf(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
    p = _some(
        draw,
        {
            "winlen": st.sampled_from([0.02, 0.025, 0.032]),
            "winstep": st.sampled_from([0.005, 0.01, 0.0125]),
            "nfilt": st.integers(10, 26),
            "lowfreq": st.sampled_from([0, 100, 300]),
            "highfreq": st.sampled_from([None, 3500, 3800]),
            "preemph": st.sampled_from([0.0, 0.5, 0.97]),
            "winfunc": _choices("winfunc", PSF_WINDOWS, allowed),
        },
        known,
    )
    p["nfft"] = draw(st.sampled_from([512, 1024, 2048, 1200]))
    return p


def _psf_mfcc(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
    p = _psf(draw, sr, n, known, allowed)
    p["numcep"] = draw(st.integers(1, p.get("nfilt", 26)))
    return p | _some(draw, {"ceplifter": st.sampled_from([0, 10, 22]), "appendEnergy": st.booleans()}, known)


def _auditory(sr: int) -> dict[str, st.SearchStrategy[Any]]:
    return {
        "n_bands": st.integers(5, 40),
        "fmin": st.sampled_from([0.0, 20.0, 60.0]),
        "fmax": st.sampled_from([3500.0, 6800.0, 20_000.0]),
        "exponent": st.sampled_from([0.23, 0.33, 0.5, 1.0]),
    }


def _voice(
    pitch_floor: Callable[[float], st.SearchStrategy[float]],
    options: dict[str, st.SearchStrategy[Any]],
) -> Callable[..., Params]:
    """Descriptors whose frame is some periods of `pitch_floor`, which is drawn so that the signal holds one."""

    def family(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
        p = _some(draw, {"time_step": st.sampled_from([0.005, 0.01, 0.0123]), **options}, known)
        p["pitch_floor"] = round(draw(pitch_floor(n / sr)), 1)
        return p

    return family


def _periods(count: float) -> Callable[[float], st.SearchStrategy[float]]:
    """Floors of which `count` periods fit into so many seconds, from 60 Hz to 60 Hz above the lowest."""
    return lambda seconds: st.floats(
        max(60.0, 1.05 * count / seconds), max(60.0, 1.05 * count / seconds) + 60.0
    )


def _formants(draw: Draw, sr: int, n: int, known: frozenset[str] | None, allowed: dict[str, Any]) -> Params:
    p = _some(
        draw,
        {
            "time_step": st.sampled_from([0.005, 0.01, 0.0123]),
            "max_number_of_formants": st.integers(2, 7),
            "maximum_formant": st.sampled_from([4500.0, 5000.0, 5512.3]),
            "pre_emphasis_from": st.sampled_from([50.0, 100.0]),
        },
        known,
    )
    p["window_length"] = draw(st.sampled_from([0.015, 0.0187]))  # three of them are a frame: at most 60 ms
    return p


FAMILY: dict[str, Callable[..., Params]] = {
    "stft": _spectral(lambda sr: {}),
    "spectrogram": _spectral(lambda sr: {"power": st.sampled_from([1.0, 2.0, 0.5])}),
    "melspectrogram": _mel,
    "logmel": _logmel,
    "mfcc": _mfcc,
    "chroma_stft": _spectral(
        lambda sr: {
            "tuning": st.sampled_from([None, 0.0, 0.25, -0.37]),
            "n_chroma": st.sampled_from([12, 24]),
            "norm": st.sampled_from([np.inf, 1.0, 2.0, None]),
            "octwidth": st.sampled_from([2.0, 1.5]),
            "ctroct": st.sampled_from([5.0, 4.0]),
            "base_c": st.booleans(),
        }
    ),
    "spectral_centroid": _spectral(lambda sr: {}),
    "spectral_bandwidth": _spectral(
        lambda sr: {"p": st.sampled_from([1.0, 2.0, 3.0]), "norm": st.booleans()}
    ),
    "spectral_contrast": _contrast,
    "spectral_flatness": _spectral(
        lambda sr: {"amin": st.sampled_from([1e-10, 1e-6]), "power": st.sampled_from([1.0, 2.0])}
    ),
    "spectral_rolloff": _spectral(lambda sr: {"roll_percent": st.sampled_from([0.05, 0.5, 0.85, 0.95])}),
    "spectral_flux": _spectral(lambda sr: {}),
    "spectral_entropy": _spectral(lambda sr: {}),
    "spectral_slope": _spectral(
        lambda sr: {"fmin": st.sampled_from([0.0, 500.0]), "fmax": st.sampled_from([None, 1500.0, 3000.0])}
    ),
    **dict.fromkeys(
        ("spectral_variance", "spectral_skewness", "spectral_kurtosis", "sharpness", "harmonicity"),
        _spectral(lambda sr: {}),
    ),
    **dict.fromkeys(("alpha_ratio", "hammarberg_index"), _spectral(lambda sr: {})),
    "auditory_spectrum": _spectral(_auditory),
    "loudness": _spectral(_auditory),
    "rasta_spectrum": _spectral(
        lambda sr: {
            **_auditory(sr),
            "slowest": st.sampled_from([0.3, 1.0, 2.5]),
            "fastest": st.sampled_from([20.0, 29.0, 40.0]),
        }
    ),
    "zero_crossing_rate": _time(
        {"threshold": st.sampled_from([1e-10, 0.01]), "zero_pos": st.booleans(), "pad": st.booleans()}
    ),
    "rms": _time({"pad_mode": st.sampled_from(PAD_MODES)}),
    "energy_entropy": _time({"n_blocks": st.integers(2, 16), "pad_mode": st.sampled_from(PAD_MODES)}),
    "yin": _yin,
    "pyin": _pyin,
    "kaldi_fbank": _kaldi_fbank,
    "kaldi_mfcc": _kaldi_mfcc,
    "torchaudio_melspectrogram": _torchaudio,
    "torchaudio_mfcc": _torchaudio_mfcc,
    "pyaudioanalysis": _pyaudioanalysis,
    "psf_mfcc": _psf_mfcc,
    "psf_fbank": _psf,
    "psf_logfbank": _psf,
    "psf_ssc": _psf,
    "pitch_boersma": _voice(
        _periods(6.0),
        {
            "max_number_of_candidates": st.sampled_from([4, 15]),
            "very_accurate": st.booleans(),
            "silence_threshold": st.sampled_from([0.0, 0.03, 0.2]),
            "voicing_threshold": st.sampled_from([0.2, 0.45, 0.6]),
            "octave_cost": st.sampled_from([0.0, 0.01, 0.1]),
            "octave_jump_cost": st.sampled_from([0.0, 0.35]),
            "voiced_unvoiced_cost": st.sampled_from([0.0, 0.14]),
            "pitch_ceiling": st.sampled_from([400.0, 600.0]),
        },
    ),
    "hnr_boersma": _voice(
        _periods(9.0),
        {
            "silence_threshold": st.sampled_from([0.0, 0.1]),
            "periods_per_window": st.sampled_from([3.0, 4.5]),
        },
    ),
    "intensity": _voice(_periods(6.4), {"subtract_mean": st.booleans()}),
    "formants_burg": _formants,
    "cpp": _voice(
        _periods(6.0),
        {
            "pitch_ceiling": st.sampled_from([330.0, 400.0]),
            "maximum_frequency": st.sampled_from([3500.0, 5000.0]),
            "pre_emphasis_from": st.sampled_from([50.0, 100.0]),
            "time_averaging": st.sampled_from([0.0, 0.02, 0.05]),
            "quefrency_averaging": st.sampled_from([0.0, 0.0005]),
            "trend": _choices("trend", ["straight", "exponential"], {}),
            "trend_from": st.sampled_from([0.001, 0.002]),
            "trend_to": st.sampled_from([0.02, 0.05]),
        },
    ),
}

_VTLN = "only 1.0 is allowed, and then the two corner frequencies do nothing"

#: Parameters that are never drawn, with the reason; anything else in the catalogue must be drawn above.
HELD: dict[tuple[str, str], str] = {
    (feature, name): reason
    for feature in ("kaldi_fbank", "kaldi_mfcc")
    for name, reason in {
        "dither": "random: its own tests hold its statistics and its seed",
        "seed": "without dither it does nothing",
        "vtln_warp": _VTLN,
        "vtln_low": _VTLN,
        "vtln_high": _VTLN,
    }.items()
}


@st.composite
def case(
    draw: Draw,
    name: str,
    known: frozenset[str] | None = None,
    allowed: dict[str, Sequence[Any]] | None = None,
    kinds: Sequence[str] = tuple(signals.KINDS),
    rates: Sequence[int] = signals.RATES,
) -> Case:
    """A signal and parameters for feature `name`."""
    case = draw(signal(kinds, rates))
    params = draw(parameters(name, case.sr, len(case.y), known, allowed))
    return dataclasses.replace(case, params=params)


@st.composite
def matrix(draw: Draw, least: int = 1) -> np.ndarray:
    """Features of `least` to 60 frames and 1 to 20 columns, of widely differing scales."""
    frames, columns = draw(st.integers(least, 60)), draw(st.integers(1, 20))
    x = signals.gaussian(frames * columns, draw(st.integers(0, 10_000))).reshape(frames, columns)
    return x * 10.0 ** draw(st.integers(-3, 3)) + draw(st.sampled_from([0.0, 5.0]))
