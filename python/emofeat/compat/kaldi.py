"""Kaldi's features as `torchaudio.compliance.kaldi` has them, on NumPy arrays.

>>> import numpy as np
>>> from emofeat.compat import kaldi
>>> y = np.sin(0.1 * np.arange(16000, dtype=np.float32)) * 2**15
>>> kaldi.fbank(y[None], num_mel_bins=80).shape
(98, 80)

Arguments and defaults are torchaudio's; the scale is that of the samples, for which Kaldi's models expect
the 16-bit range. float32 gives float32, float64 gives float64. Mistakes that torchaudio asserts raise an
`AssertionError` that is a `ValueError` as well. Differences:

- `dither` is Gaussian noise of a fixed seed, the same for the same frame, where torchaudio draws anew.
- Vocal tract length normalisation (`vtln_warp` other than 1) raises.
- `sample_frequency` is a whole number of Hz.
- One channel may come as `(n,)`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from emofeat.compat._core import compute
from emofeat.compat._errors import Refused, Unsuitable
from emofeat.exceptions import EmofeatError

__all__ = ["fbank", "mfcc"]

Matrix = npt.NDArray[np.floating[Any]]

_WINDOWS = ("hamming", "hanning", "povey", "rectangular", "blackman")


def fbank(
    waveform: npt.NDArray[np.floating[Any]],
    blackman_coeff: float = 0.42,
    channel: int = -1,
    dither: float = 0.0,
    energy_floor: float = 1.0,
    frame_length: float = 25.0,
    frame_shift: float = 10.0,
    high_freq: float = 0.0,
    htk_compat: bool = False,
    low_freq: float = 20.0,
    min_duration: float = 0.0,
    num_mel_bins: int = 23,
    preemphasis_coefficient: float = 0.97,
    raw_energy: bool = True,
    remove_dc_offset: bool = True,
    round_to_power_of_two: bool = True,
    sample_frequency: float = 16000.0,
    snip_edges: bool = True,
    subtract_mean: bool = False,
    use_energy: bool = False,
    use_log_fbank: bool = True,
    use_power: bool = True,
    vtln_high: float = -500.0,
    vtln_low: float = 100.0,
    vtln_warp: float = 1.0,
    window_type: str = "povey",
) -> Matrix:
    """(Log) mel filterbank energies, as `torchaudio.compliance.kaldi.fbank`.

    Parameters
    ----------
    waveform : ndarray, `(channels, n)` or `(n,)`
        float32 or float64 samples.
    blackman_coeff : float
        Constant term of the window 'blackman'.
    channel : int
        Which channel; below 0: the first.
    dither : float
        Standard deviation of the noise added to each frame.
    energy_floor : float
        Least energy of the energy column; the floor of the filters is always 1.19e-7.
    frame_length, frame_shift : float
        Frames in milliseconds.
    high_freq, low_freq : float
        Edges of the filters in Hz; 0 and below count from half the rate.
    htk_compat : bool
        Whether the energy comes last.
    min_duration : float
        Seconds below which a recording has no frames.
    num_mel_bins : int
        Number of filters.
    preemphasis_coefficient : float
        c in x[i] - c x[i-1], 0 to 1.
    raw_energy : bool
        Whether the energy is taken before pre-emphasis and window.
    remove_dc_offset : bool
        Whether each frame's mean is subtracted.
    round_to_power_of_two : bool
        Whether frames are padded to a power of two for the FFT.
    sample_frequency : float
        Rate in Hz, a whole number.
    snip_edges : bool
        Only frames that lie in the signal; otherwise its ends are mirrored.
    subtract_mean : bool
        Whether each column's mean is subtracted.
    use_energy : bool
        Whether the log energy is a further column.
    use_log_fbank, use_power : bool
        Logarithms or energies; power or magnitude.
    vtln_high, vtln_low, vtln_warp : float
        `vtln_warp` must be 1, with which the other two have no effect.
    window_type : str
        'povey', 'hanning', 'hamming', 'rectangular' or 'blackman'.

    Returns
    -------
    ndarray, `(n_frames, num_mel_bins + use_energy)`
        `(0,)` for a recording below `min_duration`.

    Raises
    ------
    AssertionError
        What torchaudio asserts, among it a signal shorter than one frame.
    ValueError
        Arguments that are not supported.

    Examples
    --------
    >>> fbank(np.zeros((1, 16000), dtype=np.float32))[0, :2]
    array([-15.942385, -15.942385], dtype=float32)
    """
    own: dict[str, object] = {"num_mel_bins": num_mel_bins}
    own |= {"use_log_fbank": bool(use_log_fbank), "use_power": bool(use_power)}
    return _compute("kaldi_fbank", locals(), own)


def mfcc(
    waveform: npt.NDArray[np.floating[Any]],
    blackman_coeff: float = 0.42,
    cepstral_lifter: float = 22.0,
    channel: int = -1,
    dither: float = 0.0,
    energy_floor: float = 1.0,
    frame_length: float = 25.0,
    frame_shift: float = 10.0,
    high_freq: float = 0.0,
    htk_compat: bool = False,
    low_freq: float = 20.0,
    num_ceps: int = 13,
    min_duration: float = 0.0,
    num_mel_bins: int = 23,
    preemphasis_coefficient: float = 0.97,
    raw_energy: bool = True,
    remove_dc_offset: bool = True,
    round_to_power_of_two: bool = True,
    sample_frequency: float = 16000.0,
    snip_edges: bool = True,
    subtract_mean: bool = False,
    use_energy: bool = False,
    vtln_high: float = -500.0,
    vtln_low: float = 100.0,
    vtln_warp: float = 1.0,
    window_type: str = "povey",
) -> Matrix:
    """Mel-frequency cepstral coefficients, as `torchaudio.compliance.kaldi.mfcc`.

    Parameters
    ----------
    waveform, blackman_coeff, channel, dither, energy_floor, frame_length, frame_shift, high_freq, low_freq
        As in `fbank`.
    cepstral_lifter : float
        Q of the lifter; 0: none.
    htk_compat : bool
        Whether C0 or the energy comes last; C0 is multiplied by sqrt 2 then.
    num_ceps : int
        Number of coefficients, C0 included; at most `num_mel_bins`.
    use_energy : bool
        Whether the log energy stands in the place of C0.
    min_duration, num_mel_bins, preemphasis_coefficient, raw_energy, remove_dc_offset
        As in `fbank`.
    round_to_power_of_two, sample_frequency, snip_edges, subtract_mean, vtln_high, vtln_low, vtln_warp
        As in `fbank`.
    window_type : str
        As in `fbank`.

    Returns
    -------
    ndarray, `(n_frames, num_ceps)`

    Raises
    ------
    AssertionError
        What torchaudio asserts.
    ValueError
        Arguments that are not supported.

    Examples
    --------
    >>> mfcc(np.ones((1, 16000), dtype=np.float32)).shape
    (98, 13)
    """
    if num_ceps > num_mel_bins:
        raise Refused(
            f"num_ceps = {num_ceps} of num_mel_bins = {num_mel_bins}; allowed is num_ceps <= num_mel_bins"
        )
    own: dict[str, object] = {"num_mel_bins": num_mel_bins}
    own |= {"num_ceps": num_ceps, "cepstral_lifter": float(cepstral_lifter)}
    return _compute("kaldi_mfcc", locals(), own)


_FLOATS = ("blackman_coeff", "dither", "energy_floor", "frame_length", "frame_shift", "high_freq", "low_freq")
_SWITCHES = ("htk_compat", "raw_energy", "remove_dc_offset", "snip_edges", "subtract_mean", "use_energy")


def _compute(name: str, given: dict[str, Any], own: dict[str, object]) -> Matrix:
    """Checks in torchaudio's order, then the core."""
    y = _channel(given["waveform"], given["channel"])
    sr, n = given["sample_frequency"], len(y)
    length, shift = (int(sr * given[k] * 0.001) for k in ("frame_length", "frame_shift"))
    rounds = bool(given["round_to_power_of_two"])
    if not 2 <= length <= n:
        raise Refused(
            f"a frame has {length} samples ({given['frame_length']} ms); allowed are 2 to the signal's {n}"
        )
    if shift <= 0:
        raise Refused(
            f"frame_shift = {given['frame_shift']} ms is {shift} samples; allowed are shifts from 1"
        )
    if length % 2 and not rounds:
        raise Refused(
            f"a frame has {length} samples, and so has its FFT; leave round_to_power_of_two at True, "
            "or change frame_length"
        )
    if not 0.0 <= given["preemphasis_coefficient"] <= 1.0:
        raise Refused(f"preemphasis_coefficient = {given['preemphasis_coefficient']}; allowed are 0 to 1")
    if n < given["min_duration"] * sr:
        return np.empty(0, dtype=y.dtype)
    _check_filters(given, sr)
    if given["window_type"] not in _WINDOWS:
        raise Refused(f"window_type = {given['window_type']!r}; allowed are {', '.join(_WINDOWS)}")
    params: dict[str, object] = {k: float(given[k]) for k in (*_FLOATS, "preemphasis_coefficient")}
    params |= {k: bool(given[k]) for k in _SWITCHES}
    params |= {"round_to_power_of_two": rounds, "window_type": given["window_type"], **own}
    try:
        return compute(name, y, sr, params, double=y.dtype == np.float64, on_nonfinite="keep")
    except EmofeatError as error:
        raise Refused(str(error), error.code) from None


def _channel(waveform: object, channel: int) -> Matrix:
    """The samples of one channel."""
    if not isinstance(waveform, np.ndarray) or waveform.dtype not in (np.float32, np.float64):
        kind = waveform.dtype if isinstance(waveform, np.ndarray) else type(waveform).__name__
        raise Unsuitable(
            f"a waveform of type {kind}; allowed are arrays of float32 and float64. 16-bit samples keep "
            "the scale that Kaldi expects with .astype(np.float32)"
        )
    if waveform.ndim not in (1, 2):
        raise Unsuitable(
            f"a waveform of shape {waveform.shape}; allowed are (channels, n) and (n,)", "bad_shape"
        )
    planes = np.atleast_2d(waveform)
    index = max(channel, 0)
    if index >= len(planes):
        raise Refused(
            f"channel {channel} of a waveform with {len(planes)}; allowed are up to {len(planes) - 1}"
        )
    samples: Matrix = planes[index]
    return samples


def _check_filters(given: dict[str, Any], sr: float) -> None:
    if given["num_mel_bins"] <= 3:
        raise Refused(f"num_mel_bins = {given['num_mel_bins']}; allowed are values from 4")
    half, low, high = sr / 2.0, given["low_freq"], given["high_freq"]
    top = high + half if high <= 0.0 else high
    if not (0.0 <= low < half and 0.0 < top <= half and low < top):
        raise Refused(
            f"low_freq = {low}, high_freq = {high}: filters up to {top} Hz; allowed is 0 to {half} Hz"
        )
    if given["vtln_warp"] != 1.0:
        raise Refused(
            f"vtln_warp = {given['vtln_warp']}: vocal tract normalisation is not supported; allowed is 1"
        )
