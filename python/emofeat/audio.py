"""Decoding, resampling, and what counts as a signal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from emofeat import _emofeat
from emofeat.exceptions import UnsupportedCodecError, from_code

__all__ = ["AudioInfo", "as_signal", "info", "load", "resample"]

FloatArray = npt.NDArray[np.floating[Any]]
Channel = Literal["mean"] | int


@dataclass(frozen=True)
class AudioInfo:
    """What a file is.

    Attributes
    ----------
    format, codec : str
        Container and coding, for example `wav` and `pcm_s16`.
    sr : int
        Sampling rate in Hz.
    channels : int
        Number of channels.
    frames : int or None
        Samples per channel, if the file says so.
    bits : int or None
        Bits per stored sample, where samples are stored.
    truncated : bool
        A WAV file that ends before the length in its header.
    """

    format: str
    codec: str
    sr: int
    channels: int
    frames: int | None
    bits: int | None
    truncated: bool

    @property
    def duration(self) -> float | None:
        """Length in seconds, if the file says so."""
        return None if self.frames is None else self.frames / self.sr


def channel_index(channel: Channel) -> int | None:
    """The channel argument of the core: a number, or None for the mean."""
    if channel == "mean":
        return None
    if isinstance(channel, bool) or not isinstance(channel, int | np.integer) or channel < 0:
        raise from_code("bad_parameter", f"channel = {channel!r}; allowed: 'mean', or a number from 0")
    return int(channel)


def as_signal(y: npt.ArrayLike, channel: Channel = "mean", *, double: bool = False) -> FloatArray:
    """A signal as the core reads it: one channel, contiguous, float32 (or float64).

    float32 arrays that are contiguous come back as they are, without a copy. Integers are scaled to
    ±1 by the range of their type; several channels are mixed down.

    Parameters
    ----------
    y : array_like
        Samples, `(n,)`, or `(channels, n)` or `(n, channels)` with at most 16 channels.
    channel : 'mean' or int
        How several channels become one.
    double : bool
        Keep float64 as float64 (float32 stays float32, whose values double precision holds).

    Raises
    ------
    ShapeError
        More than two dimensions, both or neither dimension small enough to be channels, or a type
        that is not a number.

    Examples
    --------
    >>> as_signal(np.array([0, 16384, -32768], dtype=np.int16))
    array([ 0. ,  0.5, -1. ], dtype=float32)
    """
    array = np.asarray(y)
    if array.dtype.kind in "iu":
        bits = 8 * array.dtype.itemsize
        offset = 0.0 if array.dtype.kind == "i" else 2.0 ** (bits - 1)
        scaled = (array.astype(np.float64) - offset) / 2.0 ** (bits - 1)
        array = scaled if double else scaled.astype(np.float32)
    elif array.dtype.kind != "f":
        raise from_code("bad_shape", f"samples of type {array.dtype}; allowed are floats and integers")
    if array.ndim == 2:
        array = _mono(array, channel)
    elif array.ndim != 1:
        raise from_code(
            "bad_shape", f"a signal of shape {array.shape}; allowed are (n,), (channels, n) and (n, channels)"
        )
    elif channel not in ("mean", 0):
        channel_index(channel)
        raise from_code(
            "bad_parameter", f"channel = {channel!r} of a signal with one channel; allowed: 'mean', 0"
        )
    keep = array.dtype == np.float32 or (double and array.dtype == np.float64)
    if not keep:
        array = array.astype(np.float64 if double and array.dtype.itemsize > 4 else np.float32)
    return np.ascontiguousarray(array)


def _mono(array: FloatArray, channel: Channel) -> FloatArray:
    """One channel of `(channels, n)` or `(n, channels)`, told apart by size."""
    small = [axis for axis in (0, 1) if array.shape[axis] <= 16]
    if len(small) != 1:
        raise from_code(
            "bad_shape",
            f"a signal of shape {array.shape}: which dimension is channels is not clear; pass one channel, "
            "or (channels, n) with at most 16 channels and more than 16 samples",
        )
    planes = array if small[0] == 0 else array.T
    index = channel_index(channel)
    if index is None:
        mixed: FloatArray = planes[0].copy()
        for plane in planes[1:]:
            mixed = mixed + plane
        mixed /= len(planes)
        return mixed
    if index >= len(planes):
        raise from_code(
            "bad_parameter",
            f"channel {index} of a signal with {len(planes)}; allowed: 0 to {len(planes) - 1}",
        )
    one: FloatArray = planes[index]
    return one


def check_sr(sr: object) -> int:
    """A sampling rate as the core takes it: whole Hz."""
    whole = (
        isinstance(sr, int | float | np.integer | np.floating) and not isinstance(sr, bool) and sr == int(sr)
    )
    if not whole or not 1 <= sr <= 768_000:  # type: ignore[operator]
        raise from_code("bad_rate", f"sr = {sr!r}; allowed: whole numbers from 1 to 768000 Hz")
    return int(sr)  # type: ignore[call-overload,no-any-return]


def load(
    path: str | os.PathLike[str],
    sr: int | None = None,
    *,
    mono: bool = True,
    start: float | None = None,
    end: float | None = None,
    channel: Channel = "mean",
) -> tuple[npt.NDArray[np.float32], int]:
    """Reads a recording.

    WAV, FLAC, MP3, Ogg Vorbis and AAC-LC in MP4/M4A are decoded here; other formats by PyAV, if the
    `video` extra is installed. The format follows from the content, not from the name.

    Parameters
    ----------
    path : path
        The file.
    sr : int, optional
        Rate to resample to; by default the file's own.
    mono : bool
        Mix down (see `channel`); with False all channels come back, channels first.
    start, end : float, optional
        Segment in seconds: samples `round(start * sr)` to `round(end * sr)` of the whole recording
        at rate `sr`, bit for bit.
    channel : 'mean' or int
        How several channels become one.

    Returns
    -------
    y : ndarray of float32, `(n,)` or `(channels, n)`
    sr : int

    Raises
    ------
    AudioFileNotFoundError, AudioOSError, AudioError, UnsupportedCodecError, TooShortError
        `exc.code` is the reason; see `docs/reason-codes.md`.
    """
    path = os.fspath(path)
    rate = None if sr is None else check_sr(sr)
    try:
        if mono:
            y, out_sr, _ = _emofeat.load(path, rate, start, end, channel_index(channel))
            return y, out_sr
        planes, file_sr, _ = _emofeat.load_channels(path)
    except UnsupportedCodecError as error:
        planes, file_sr = decode_with_av(path, error)
        if mono:
            planes = as_signal(planes, channel)[np.newaxis] if len(planes) > 1 else planes
    return resample_and_cut(planes, file_sr, rate, start, end, mono)


def resample_and_cut(
    planes: npt.NDArray[np.float32],
    file_sr: int,
    sr: int | None,
    start: float | None,
    end: float | None,
    mono: bool,
) -> tuple[npt.NDArray[np.float32], int]:
    """Resamples and cuts whole channels that Python holds."""
    out_sr = sr or file_sr
    if out_sr != file_sr:
        planes = np.stack([resample(plane, file_sr, out_sr) for plane in planes])
    n = planes.shape[1]
    first = round((start or 0.0) * out_sr)
    last = n if end is None else round(end * out_sr)
    if not 0 <= first < last or last > n + 1:
        raise from_code(
            "bad_segment",
            f"segment {start or 0.0} to {end if end is not None else 'end'} s; allowed is 0 <= start < end "
            f"within the recording of {n / out_sr:.3f} s",
        )
    planes = np.ascontiguousarray(planes[:, first:last])
    return (planes[0] if mono else planes), out_sr


def decode_with_av(path: str, reason: UnsupportedCodecError) -> tuple[npt.NDArray[np.float32], int]:
    """All channels of a file's first audio track through PyAV, channels first.

    Raises `reason` itself if PyAV is not installed or cannot decode the file either.
    """
    try:
        import av
    except ImportError:
        raise reason from None
    frames: list[npt.NDArray[Any]] = []
    try:
        with av.open(path) as container:
            if not container.streams.audio:
                raise from_code("no_audio_track", f"'{path}' has no audio track")
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp")
            for decoded in container.decode(stream):
                frames += [frame.to_ndarray() for frame in resampler.resample(decoded)]
            frames += [frame.to_ndarray() for frame in resampler.resample(None)]
            rate = stream.rate
    except av.FFmpegError as error:
        raise from_code("corrupt", f"{reason}; PyAV cannot decode it either: {error}") from error
    if not frames or not sum(frame.shape[1] for frame in frames):
        raise from_code("no_samples", f"'{path}' has no samples")
    return np.concatenate(frames, axis=1).astype(np.float32, copy=False), rate


def info(path: str | os.PathLike[str]) -> AudioInfo:
    """What a file is, without decoding it.

    Raises
    ------
    AudioFileNotFoundError, AudioOSError, AudioError, UnsupportedCodecError
    """
    return AudioInfo(**_emofeat.info(os.fspath(path)))


def resample(y: npt.ArrayLike, orig_sr: int, target_sr: int) -> npt.NDArray[np.float32]:
    """A signal at another rate: linear phase, delay removed, zeros outside the signal.

    Flat within 0.05 dB up to 0.9 of the lower Nyquist frequency, below -100 dB above it; the length
    is librosa's, `ceil(n * target_sr / orig_sr)`.

    Parameters
    ----------
    y : array_like, `(n,)`
        Samples; float32 comes in and out.
    orig_sr, target_sr : int
        Rates in Hz.

    Examples
    --------
    >>> resample(np.zeros(48000, dtype=np.float32), 48000, 16000).shape
    (16000,)
    """
    return _emofeat.resample(as_signal(y), check_sr(orig_sr), check_sr(target_sr))
