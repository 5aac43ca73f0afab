"""Deterministic test signals, and the real recordings when they are at hand.

Every signal is a float64 array whose values are exact in float32, so the same numbers reach a float32 and
a float64 path. All but `near_silence` lie on the 16-bit grid, as audio files do: the last bit of `sin` or
`exp`, which differs between processors, is rounded away and checksums of golden inputs hold everywhere.
Noise comes from a counter-based integer generator written here, because NumPy does not promise that its own
streams stay the same between releases.
"""

from __future__ import annotations

import hashlib
import os
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATES = (8000, 16000, 22050, 44100, 48000)

#: (F1, F2, F3, F4) in Hz and their bandwidths, adult voice: a, e, i, o, u.
VOWELS = (
    ((730.0, 1090.0, 2440.0, 3400.0), (90.0, 110.0, 170.0, 250.0)),
    ((530.0, 1840.0, 2480.0, 3500.0), (60.0, 90.0, 150.0, 220.0)),
    ((270.0, 2290.0, 3010.0, 3600.0), (50.0, 100.0, 160.0, 230.0)),
    ((570.0, 840.0, 2410.0, 3300.0), (70.0, 80.0, 140.0, 220.0)),
    ((300.0, 870.0, 2240.0, 3200.0), (50.0, 80.0, 130.0, 200.0)),
)


def uniform(n: int, seed: int) -> Samples:
    """`n` numbers uniform on [0, 1): SplitMix64 of a counter (Steele, Lea, Flood 2014), top 53 bits."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        z = (np.arange(1, n + 1, dtype=np.uint64) + np.uint64(seed) * np.uint64(1_000_003)) * golden
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def gaussian(n: int, seed: int) -> Samples:
    """`n` roughly normal numbers of unit variance: the sum of twelve uniforms, bounded by ±6."""
    return uniform(12 * n, seed).reshape(12, n).sum(axis=0) - 6.0


def on_16_bit_grid(y: Samples) -> Samples:
    """Round to multiples of 2^-15 within [-1, 1)."""
    return np.clip(np.rint(y * 32768.0), -32768.0, 32767.0) / 32768.0


def voice(sr: int, n: int, seed: int = 0) -> Samples:
    """Speech-like sound: glottal pulses through formants, breath noise, syllables and pauses.

    F0 lies between 90 and 280 Hz and wanders by a few semitones, vowels change every syllable (about four
    per second), some syllables are pauses with nothing but a noise floor 70 dB below the voice.
    """
    rates = uniform(8, seed + 101)
    base = 90.0 + 190.0 * rates[0]
    t = np.arange(n) / sr
    f0 = base * 2.0 ** (0.25 * np.sin(2 * np.pi * (0.7 + rates[1]) * t + 6.0 * rates[2]))
    phase = np.cumsum(f0) / sr
    pulses = np.flatnonzero(np.diff(np.floor(phase), prepend=-1.0) > 0)
    late = np.minimum((phase[pulses] - np.floor(phase[pulses])) * sr / f0[pulses], 1.0)

    syllable = max(int(0.25 * sr), 1)
    n_syllables = n // syllable + 1
    vowel = (uniform(n_syllables, seed + 202) * len(VOWELS)).astype(int)
    voiced = uniform(n_syllables, seed + 303) > 0.2
    y = np.zeros(n)
    for v, (formants, widths) in enumerate(VOWELS):
        source = np.zeros(n)
        mine = (vowel[pulses // syllable] == v) & voiced[pulses // syllable]
        # A pulse between two samples is shared between them, so F0 is not quantised to whole periods.
        source[pulses[mine]] += 1.0 - late[mine]
        source[np.maximum(pulses[mine] - 1, 0)] += late[mine]
        y += _filtered(source, _vowel_response(sr, formants, widths))

    envelope = np.repeat(voiced, syllable)[:n] * np.sin(np.pi * ((np.arange(n) % syllable) + 0.5) / syllable)
    breath = gaussian(n, seed + 404)
    y = y * envelope
    y /= max(np.abs(y).max(initial=0.0), 1e-9)
    return on_16_bit_grid(0.6 * y + 0.01 * breath * envelope + 2e-4 * breath)


def _vowel_response(sr: int, formants: tuple[float, ...], widths: tuple[float, ...]) -> Samples:
    """Sum of decaying sines, one per formant below Nyquist, 30 ms long."""
    t = np.arange(max(int(0.03 * sr), 1)) / sr
    pairs = [(f, b) for f, b in zip(formants, widths, strict=True) if f < 0.45 * sr]
    return np.sum(
        [np.exp(-np.pi * b * t) * np.sin(2 * np.pi * f * t) / (1 + k) for k, (f, b) in enumerate(pairs)],
        axis=0,
    )


def _filtered(x: Samples, h: Samples) -> Samples:
    size = 1 << (len(x) + len(h)).bit_length()
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(h, size), size)[: len(x)]


def sine(sr: int, n: int, seed: int = 0) -> Samples:
    f = 110.0 + (0.4 * sr - 110.0) * uniform(1, seed)[0]
    return on_16_bit_grid(0.5 * np.sin(2 * np.pi * f * np.arange(n) / sr))


def chirp(sr: int, n: int, seed: int = 0) -> Samples:
    """Linear sweep from 50 Hz to 0.45 sr."""
    t = np.arange(n) / sr
    rate = (0.45 * sr - 50.0) / max(n / sr, 1e-9)
    return on_16_bit_grid(
        0.5 * np.sin(2 * np.pi * (50.0 * t + 0.5 * rate * t * t) + 6.0 * uniform(1, seed)[0])
    )


def noise(sr: int, n: int, seed: int = 0) -> Samples:
    return on_16_bit_grid(0.15 * gaussian(n, seed))


def clicks(sr: int, n: int, seed: int = 0) -> Samples:
    """Single samples of ±0.9, about eight per second, over digital silence."""
    u = uniform(n, seed)
    y = np.where(u < 8.0 / sr, 0.9, 0.0) - np.where(u > 1.0 - 8.0 / sr, 0.9, 0.0)
    if n:
        y[n // 3] = 0.9
    return on_16_bit_grid(y)


def silence(sr: int, n: int, seed: int = 0) -> Samples:
    return np.zeros(n)


def near_silence(sr: int, n: int, seed: int = 0) -> Samples:
    """Noise of 1e-6, far below one 16-bit step: every floor of every feature is at work."""
    return (1e-6 * gaussian(n, seed)).astype(np.float32).astype(np.float64)


def clipped(sr: int, n: int, seed: int = 0) -> Samples:
    """A voice driven 20 dB into the rails."""
    return on_16_bit_grid(np.clip(10.0 * voice(sr, n, seed), -1.0, 1.0))


def dc(sr: int, n: int, seed: int = 0) -> Samples:
    """A faint voice on an offset of a quarter of full scale."""
    return on_16_bit_grid(0.25 + 0.05 * voice(sr, n, seed))


def padded_voice(sr: int, n: int, seed: int = 0) -> Samples:
    """A voice between digital silence, a quarter of the length on either side, as in many acted corpora."""
    y = voice(sr, n, seed)
    y[: n // 4] = 0.0
    y[n - n // 4 :] = 0.0
    return y


KINDS: dict[str, Callable[[int, int, int], Samples]] = {
    "voice": voice,
    "padded_voice": padded_voice,
    "noise": noise,
    "chirp": chirp,
    "sine": sine,
    "clicks": clicks,
    "clipped": clipped,
    "dc": dc,
    "near_silence": near_silence,
    "silence": silence,
}

#: Kinds with energy in every band of every frame, or at least a noise floor of a 16-bit recording.
BROADBAND = ("voice", "noise", "clipped")


def make(kind: str, sr: int, n: int, seed: int = 0) -> Samples:
    """Signal `kind` of `n` samples at `sr` Hz."""
    return KINDS[kind](sr, n, seed)


def checksum(y: Samples) -> str:
    """SHA-256 of the samples as little-endian float32: what a golden file remembers of its input."""
    return hashlib.sha256(np.ascontiguousarray(y, dtype="<f4").tobytes()).hexdigest()


# ------------------------------------------------------------------------------------------------ real speech

TEST_DATA = "EMOFEAT_TEST_DATA"


def data_folder() -> Path | None:
    """The folder that EMOFEAT_TEST_DATA names; None when it is not set, an error when it does not exist."""
    value = os.environ.get(TEST_DATA)
    if not value:
        return None
    folder = Path(value)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{TEST_DATA} is set to {value!r}, which is not a folder; unset it or correct it"
        )
    return folder


def clip_paths(folder: Path, every: int = 1) -> list[Path]:
    """Every `every`-th RAVDESS recording below `folder`: the 16 kHz FLAC files, then the 48 kHz WAV ones."""
    flac = sorted((folder / "ravdess16k").glob("Actor_*/*.flac"))
    wav = sorted((folder / "ravdess48k").glob("Actor_*/*.wav"))
    if not flac or not wav:
        raise FileNotFoundError(f"no ravdess16k/Actor_*/*.flac or no ravdess48k/Actor_*/*.wav below {folder}")
    return flac[::every] + wav[::every]


def read_clip(path: Path) -> tuple[Samples, int]:
    """First channel in ±1 as float64, and the rate; read by soundfile, which is not under test."""
    import soundfile

    y, sr = soundfile.read(path, dtype="float64", always_2d=True)
    return np.ascontiguousarray(y[:, 0]), int(sr)


def clips(folder: Path, every: int = 1) -> Iterator[tuple[str, Samples, int]]:
    """(name, samples, rate) of every `every`-th recording."""
    for path in clip_paths(folder, every):
        y, sr = read_clip(path)
        yield path.stem, y, sr


def write_wav(path: Path, y: Samples, sr: int) -> None:
    """Store mono samples in ±1 as 16-bit PCM; exact for signals on the 16-bit grid."""
    with wave.open(str(path), "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(sr)
        f.writeframes(np.rint(y * 32768.0).clip(-32768, 32767).astype("<i2").tobytes())
