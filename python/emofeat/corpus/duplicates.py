"""The same sound under several ids: exact copies, and copies at another level, rate, coding or offset.

A recording is compared at 8 kHz, where every rate and coding in use still says the same. Around each of
its loudest moments a patch of the log-mel spectrum is taken; patches that look alike say which two
recordings may be one, and how they lie to one another. Of those the whole spectra are compared at that
offset, and of what is left the waveforms. Only a copy keeps the phase: two takes of one sentence by one
actor never do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emofeat.exceptions import EmofeatError

if TYPE_CHECKING:
    from emofeat.corpus.manifest import Manifest
    from emofeat.corpus.utterance import Utterance

__all__ = ["Fingerprint", "fingerprint", "groups", "mark", "partition"]

Samples = NDArray[np.float32]

_SR = 8000
_BAND = (200.0, 3400.0)  # Hz: what a telephone leaves, and no hum
_N_FFT, _HOP, _N_MELS = 512, 128, 16
_PATCH = 24  # frames, 0.4 s
_PATCH_TERMS = 8  # of the patch's cosine transform, along time and along frequency
_RANGE_DB = 40.0  # what is further below the maximum is noise, which coders change
_REACH = 16  # frames on each side over which an anchor is the loudest
_ANCHOR_RANGE = 1e-2  # power of the faintest anchor, relative to the strongest

# Both save time, and lose little: of 60 RAVDESS clips (16 kHz) all copies are found at another level or
# rate, after MP3 and Ogg at their lowest quality, GSM 6.10, mu-law at 8 kHz, a high-pass at 300 Hz, noise
# 20 dB below, or with half a second put before them; 59 with noise 10 dB below, 57 without their last quarter,
# 56 after 16 bits at 40 dB less, 13 overdriven by 18 dB; no clip is ever taken for another.
_ALIKE_PATCH = 0.94
_ALIKE_SPECTRUM = 0.90
# What decides. Copies as above: 0.82 and more (GSM the lowest), 0.68 after the high-pass, which turns phases. Of the 1,027,461 pairs of RAVDESS clips, with 30 takes of each of two sentences
# by each actor in one studio, 148 come this far; all but the one copy among them reach at most 0.47.
_SAME_WAVEFORM = 0.65
#: Of one of the two recordings at least this share of its energy must lie in the other.
_SHARED = 0.5
_EXCERPT = 15 * _SR  # compared on each side of the patch that matched
_UPSAMPLING = 2  # of the correlation: half a sample at 8 kHz is 150 degrees at 3.4 kHz
_BLOCK = 1 << 25  # similarities held at a time: 128 MB


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of one recording.

    `exact` is a hash of the samples at their own rate, without zeros before and after; `mel`
    `(n_frames, 16)` the spectrum in dB, `energy` `(n_frames + 1,)` its power summed up to each frame;
    `anchors` the frames of the loudest moments and `patches` `(n_anchors, 64)` what the spectrum looks like around them.
    """

    exact: bytes
    mel: NDArray[np.float16]
    energy: NDArray[np.float64]
    anchors: NDArray[np.int64]
    patches: NDArray[np.float32]


def fingerprint(y: Samples, sr: int) -> Fingerprint:
    """The fingerprint of one recording, `y` `(n,)` at `sr` Hz."""
    from emofeat import audio, features

    sounding = y != 0
    kept = y[int(sounding.argmax()) : len(y) - int(sounding[::-1].argmax())]
    exact = hashlib.blake2b(kept.tobytes(), digest_size=32, salt=sr.to_bytes(4, "big")).digest()
    mel = features.logmel(
        audio.resample(y, sr, _SR) if sr != _SR else y,
        _SR,
        n_fft=_N_FFT,
        hop_length=_HOP,
        n_mels=_N_MELS,
        fmin=_BAND[0],
        fmax=_BAND[1],
        norm=None,
        top_db=None,
        on_short="pad",
        on_nonfinite="zero",
    )
    power = (10.0 ** (mel / 10)).sum(axis=1)
    # Silence, and less than one frame, is like any other.
    comparable = sounding.any() and len(y) * _SR >= _N_FFT * sr
    anchors = _anchors(power) if comparable else np.zeros(0, np.int64)
    energy = np.concatenate([[0.0], np.cumsum(power, dtype=np.float64)])
    return Fingerprint(exact, mel.astype(np.float16), energy, anchors, _patches(mel, anchors))


def _anchors(power: NDArray[np.float32]) -> NDArray[np.int64]:
    """The frames that are louder than all within reach, except those far below the loudest."""
    smooth = np.convolve(power, np.hanning(_REACH + 3), "same")[: len(power)]
    around = np.lib.stride_tricks.sliding_window_view(np.pad(smooth, _REACH), 2 * _REACH + 1).max(axis=1)
    return np.flatnonzero((smooth >= around) & (smooth > smooth.max() * _ANCHOR_RANGE))


def _cosines(n: int) -> NDArray[np.float32]:
    """The first terms of the cosine transform of `n` values, `(_PATCH_TERMS, n)`."""
    k, t = np.arange(_PATCH_TERMS)[:, None], np.arange(n)[None]
    return np.cos(np.pi * k * (t + 0.5) / n).astype(np.float32)


def _patches(mel: NDArray[np.float32], anchors: NDArray[np.int64]) -> NDArray[np.float32]:
    """The spectrum around each anchor: limited in range, without its mean, smoothed, of length 1."""
    padded = np.pad(mel, ((_PATCH // 2, _PATCH // 2), (0, 0)), constant_values=float(mel.min(initial=0)))
    along_time, along_frequency = _cosines(_PATCH), _cosines(_N_MELS)
    patches = np.zeros((len(anchors), _PATCH_TERMS**2), np.float32)
    for row, t in enumerate(anchors):
        terms = (along_time @ _shape(padded[t : t + _PATCH]) @ along_frequency.T).ravel()
        patches[row] = terms / max(float(np.linalg.norm(terms)), 1e-9)
    return patches


def _shape(mel: NDArray[Any]) -> NDArray[np.float32]:
    """A spectrum in dB whatever its level: limited in range, without its mean."""
    mel = mel.astype(np.float32)
    limited = np.maximum(mel, mel.max() - _RANGE_DB)
    shape: NDArray[np.float32] = limited - limited.mean()
    return shape


def groups(manifest: Manifest, jobs: int | None = None) -> dict[str, str]:
    """The id of the first utterance with the same sound, for each utterance that can be decoded.

    Same are copies that differ in level, sign, container, rate, lossy coding or offset, and recordings of
    which one holds a second or more of the other with at least half of its energy. Not found are copies
    played faster or slower, or mixed with a sound as loud as themselves.

    Parameters
    ----------
    manifest : Manifest
    jobs : int, optional
        Threads; by default `EMOFEAT_NUM_THREADS` or the CPUs of this process.

    Returns
    -------
    dict
        Id to id of the group. Utterances that cannot be decoded are missing; what is silent, or shorter
        than 64 ms, is alone.
    """

    def one(u: Utterance) -> Fingerprint | None:
        try:
            return fingerprint(*_load(manifest, u))
        except EmofeatError:
            return None

    named = [u for u in manifest if u.file is not None]
    with ThreadPoolExecutor(_threads(jobs)) as pool:
        prints = list(pool.map(one, named))
    known = {u.id: p for u, p in zip(named, prints, strict=True) if p is not None}
    return partition(manifest, known, jobs)


def mark(manifest: Manifest, jobs: int | None = None) -> Manifest:
    """The manifest with `audio_group` filled in; None where a recording cannot be decoded."""
    return with_groups(manifest, groups(manifest, jobs))


def with_groups(manifest: Manifest, found: dict[str, str]) -> Manifest:
    """The manifest with `found`, from `groups` or `partition`, as `audio_group`."""
    from emofeat.corpus.manifest import Manifest

    return Manifest((replace(u, audio_group=found.get(u.id)) for u in manifest), manifest.path)


def partition(manifest: Manifest, prints: dict[str, Fingerprint], jobs: int | None = None) -> dict[str, str]:
    """As `groups`, from fingerprints that are at hand; recordings are read again where only they decide."""
    from emofeat import audio

    ids = [i for i in manifest.ids if i in prints]
    found = [prints[i] for i in ids]
    group = _Union(len(ids))
    first: dict[bytes, int] = {}
    for index, p in enumerate(found):
        group.join(first.setdefault(p.exact, index) if len(p.anchors) else index, index)
    distinct = [i for i, p in enumerate(found) if group.of(i) == i and len(p.anchors)]
    candidates = [
        (distinct[a], distinct[b], at)
        for a, b, at in _candidates([found[i] for i in distinct])
        if _same_spectrum(found[distinct[a]], found[distinct[b]], at[0] - at[1])
    ]

    # Candidates come in the order of their first recording, which is therefore read once.
    @lru_cache(maxsize=64)
    def samples(index: int) -> Samples:
        y, sr = _load(manifest, manifest.by_id(ids[index]))
        return np.nan_to_num(audio.resample(y, sr, _SR) if sr != _SR else y)

    def same(candidate: tuple[int, int, tuple[int, int]]) -> bool:
        a, b, (at_a, at_b) = candidate
        return _correlation(samples(a), samples(b), at_a * _HOP, at_b * _HOP) >= _SAME_WAVEFORM

    with ThreadPoolExecutor(_threads(jobs)) as pool:
        for (a, b, _), yes in zip(candidates, pool.map(same, candidates), strict=True):
            if yes:
                group.join(a, b)
    return {id_: ids[group.of(index)] for index, id_ in enumerate(ids)}


def _threads(jobs: int | None) -> int:
    from emofeat.engine.cores import default_jobs

    return default_jobs() if jobs is None else jobs


def _load(manifest: Manifest, u: Utterance) -> tuple[Samples, int]:
    from emofeat import audio

    return audio.load(manifest.audio_path(u), start=u.start, end=u.end)


def _candidates(prints: Sequence[Fingerprint]) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Pairs of recordings with a patch in common: both indices, and both frames of the best such patch."""
    if not prints:
        return
    patches = np.concatenate([p.patches for p in prints])
    owner = np.repeat(np.arange(len(prints)), [len(p.anchors) for p in prints])
    anchor = np.concatenate([p.anchors for p in prints])
    step = max(1, _BLOCK // len(patches))
    found = []
    for begin in range(0, len(patches), step):
        alike = patches[begin : begin + step] @ patches[begin:].T
        a, b = np.nonzero(alike > _ALIKE_PATCH)
        different = owner[a + begin] < owner[b + begin]
        a, b = a[different], b[different]
        found.append((a + begin, b + begin, alike[a, b]))
    a, b, likeness = (np.concatenate(parts) for parts in zip(*found, strict=True))
    best = np.lexsort((-likeness, owner[b], owner[a]))
    pairs = np.stack([owner[a], owner[b]])[:, best]
    first = np.append(True, (np.diff(pairs, axis=1) != 0).any(axis=0)) if len(best) else best.astype(bool)
    for i in best[first]:
        yield int(owner[a[i]]), int(owner[b[i]]), (int(anchor[a[i]]), int(anchor[b[i]]))


def _same_spectrum(a: Fingerprint, b: Fingerprint, delay: int) -> bool:
    """Whether the spectra agree where both are, `b` delayed by `delay` frames, and share enough."""
    begin, end = max(delay, 0), min(len(a.mel), len(b.mel) + delay)
    shared_a = (a.energy[end] - a.energy[begin]) / a.energy[-1]
    shared_b = (b.energy[end - delay] - b.energy[begin - delay]) / b.energy[-1]
    if max(shared_a, shared_b) < _SHARED:
        return False
    x, y = _shape(a.mel[begin:end]).ravel(), _shape(b.mel[begin - delay : end - delay]).ravel()
    return float(x @ y) >= _ALIKE_SPECTRUM * float(np.sqrt((x @ x) * (y @ y)))


def _correlation(a: Samples, b: Samples, at_a: int, at_b: int) -> float:
    """The largest normalised correlation of the parts in common, with `at_a` and `at_b` nearly aligned.

    Up to three frames around that alignment, within the band, whatever the sign. 1 is a copy.
    """
    # The same span on both sides, so that each has all that the other holds.
    before, after = min(at_a, at_b, _EXCERPT), min(len(a) - at_a, len(b) - at_b, _EXCERPT)
    a, b = a[at_a - before : at_a + after], b[at_b - before : at_b + after]
    slack = min(3 * _HOP, len(a) - 1)
    n = 1 << (len(a) + slack).bit_length()
    frequency = np.fft.rfftfreq(n, 1 / _SR)
    inside = (frequency >= _BAND[0]) & (frequency <= _BAND[1])
    spectrum_a, spectrum_b = (np.fft.rfft(y.astype(np.float64), n) * inside for y in (a, b))
    products = np.fft.irfft(spectrum_a * spectrum_b.conj(), n * _UPSAMPLING) * _UPSAMPLING
    lags = np.arange(-slack * _UPSAMPLING, slack * _UPSAMPLING + 1)
    shift = lags // _UPSAMPLING
    sums_a, sums_b = (
        np.concatenate([[0.0], np.cumsum(np.fft.irfft(s, n)[: len(a)] ** 2)])
        for s in (spectrum_a, spectrum_b)
    )
    begin, end = np.maximum(shift, 0), np.minimum(len(a), len(b) + shift)
    energies = (sums_a[end] - sums_a[begin]) * (sums_b[end - shift] - sums_b[begin - shift])
    floor = 1e-12 * max(float(sums_a[-1] * sums_b[-1]), 1e-300)
    return float((np.abs(products[lags]) / np.sqrt(np.maximum(energies, floor))).max())


class _Union:
    """Sets of numbers from 0 that grow together; each is called by its smallest."""

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))

    def of(self, i: int) -> int:
        while self._parent[i] != i:
            self._parent[i] = self._parent[self._parent[i]]
            i = self._parent[i]
        return i

    def join(self, a: int, b: int) -> None:
        a, b = self.of(a), self.of(b)
        self._parent[max(a, b)] = min(a, b)
