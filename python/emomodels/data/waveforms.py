"""The recordings of a manifest themselves, as features for models that take waveforms."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emofeat._suggest import did_you_mean
from emofeat.exceptions import EmofeatError
from emomodels.data.features import FeatureTable, digest_of
from emomodels.exceptions import DataError, RecipeError

if TYPE_CHECKING:
    from emofeat.corpus.manifest import Manifest
    from emofeat.corpus.utterance import Utterance

#: What published speech models were trained at.
RATE = 16_000


def waveforms(manifest: Manifest, sr: int = RATE, jobs: int | None = None) -> FeatureTable:
    """Every utterance of `manifest` as `(n_samples, 1)`, float32, mono, from its start to its end.

    Parameters
    ----------
    manifest
        Names the recordings.
    sr
        Rate in Hz that they are resampled to.
    jobs
        Threads; by default `EMOFEAT_NUM_THREADS` or the CPUs of this process. The result is the same.

    Returns
    -------
    FeatureTable
        In the order of the manifest. Recordings that cannot be read are in `failures` with their reason code,
        `no_file` where the manifest names none. The digest covers contents of the files, times and rate.

    Raises
    ------
    DataError
        None of the recordings can be read.
    """
    from emofeat.audio import check_sr

    rate = check_sr(sr)
    read = read_clips(manifest, rate, jobs)
    clips = {id_: y for id_, y in read.items() if not isinstance(y, str)}
    failures = {id_: code for id_, code in read.items() if isinstance(code, str)}
    if not clips and len(manifest):
        listed = [f"{id_} ({code})" for id_, code in failures.items()]
        raise DataError(
            f"none of the {len(manifest)} recordings of {manifest.path or 'the manifest'} can be read: "
            f"{', '.join(listed[:3])}{' …' if len(listed) > 3 else ''}; their paths count from the manifest's folder"
        )
    source = {
        "kind": "waveforms",
        "path": str(manifest.path or "the manifest"),
        "rate": rate,
        "digest": _digest(manifest, rate, jobs),
    }
    return FeatureTable(tuple(clips), ("sample",), tuple(clips.values()), source, failures)


def read_clips(
    manifest: Manifest, sr: int = RATE, jobs: int | None = None
) -> dict[str, NDArray[np.float32] | str]:
    """For each id its samples `(n_samples, 1)`, or the code of the reason why there are none."""
    with _threads(jobs) as pool:
        return dict(zip(manifest.ids, pool.map(lambda u: _read(manifest, u, sr), manifest), strict=True))


def rate_of(options: Mapping[str, Any]) -> int:
    """The rate among the options of a recipe.

    >>> rate_of({}), rate_of({"sr": 8000})
    (16000, 8000)

    Raises
    ------
    RecipeError
        There are others, or it is no rate.
    """
    for name in options:
        if name != "sr":
            raise RecipeError(
                f"features: unknown option {name!r}{did_you_mean(name, ['sr'])}; the format waveform has sr"
            )
    sr = options.get("sr", RATE)
    if isinstance(sr, bool | str) or sr != int(sr):
        raise RecipeError(f"features: sr is {sr!r}; it is a whole number of Hz, such as {RATE}")
    return int(sr)


def _read(manifest: Manifest, u: Utterance, sr: int) -> NDArray[np.float32] | str:
    """The samples of one utterance, or the code of the reason why there are none."""
    from emofeat import audio

    if u.file is None:
        return "no_file"
    try:
        y, _ = audio.load(manifest.audio_path(u), sr, start=u.start, end=u.end)
    except EmofeatError as error:
        return error.code
    return y[:, None]


def _digest(manifest: Manifest, rate: int, jobs: int | None) -> str:
    """SHA-256 of what was read, independent of the order and of where the files lie; each file is read once."""
    paths = list(dict.fromkeys(manifest.audio_path(u) for u in manifest if u.file is not None))
    with _threads(jobs) as pool:
        contents = dict(zip(paths, pool.map(_content, paths), strict=True))
    rows = [
        (u.id, u.start, u.end, None if u.file is None else contents[manifest.audio_path(u)]) for u in manifest
    ]
    return hashlib.sha256(repr((rate, sorted(rows, key=lambda row: row[0]))).encode()).hexdigest()


def _content(path: Path) -> str:
    """SHA-256 of a file; empty where it cannot be read."""
    try:
        return digest_of([path])
    except OSError:
        return ""


def _threads(jobs: int | None) -> ThreadPoolExecutor:
    from emofeat.engine.cores import default_jobs

    return ThreadPoolExecutor(jobs or default_jobs(), "emomodels-waveforms")
