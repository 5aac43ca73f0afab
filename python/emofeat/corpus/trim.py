"""Times without the silence at both ends of each utterance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emofeat.exceptions import AudioError, EmofeatError, InternalError

if TYPE_CHECKING:
    from emofeat.corpus.manifest import Manifest
    from emofeat.corpus.utterance import Utterance

__all__ = ["Trimmed", "trim"]

COLUMN = "trim"
_FRAME_SECONDS, _HOP_SECONDS = 0.025, 0.010
# Half a step of 24 bits: what is below everywhere is rounding.
_SILENT_LEVEL = 2.0**-24
# Times are written in whole microseconds, which are less than one sample at every rate.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Trimmed:
    """A manifest with new times.

    Parameters
    ----------
    manifest
        All utterances, in their order.
    failures
        Why an utterance kept its times, by id; `code` of each error is the reason code.
    before, after
        Seconds of the other utterances before and after.
    """

    manifest: Manifest
    failures: Mapping[str, EmofeatError]
    before: float
    after: float


def trim(
    manifest: Manifest,
    range_db: float = 40.0,
    margin: float = 0.05,
    jobs: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Trimmed:
    """Move `start` and `end` of each utterance to where its sound begins and ends.

    The level of frames of 25 ms, centred every 10 ms, is compared with that of the loudest frame of the same
    utterance. Nothing else is looked at, no other utterance and no label, so nothing can leak. The gain does
    not matter.

    A level does not know what speech is: a click in the silence is sound if it is within the range, and noise
    or an offset (DC) within it hides where the voice begins. Beside a voice at -20 dB and at 16 kHz, a click of
    one sample is within 40 dB from a peak of 0.02 on.

    Parameters
    ----------
    manifest : Manifest
        Its times, where there are any, are the utterances' own segments; new times lie within them.
    range_db : float
        Frames this far below the loudest, in dB, are silence. The first and the last other frame stay.
    margin : float
        Seconds that stay before the centre of the first and after that of the last of them; at least
        0.0125, half a frame, with which they stay whole.
    jobs : int, optional
        Threads; by default `EMOFEAT_NUM_THREADS` or the CPUs of this process.
    progress : callable, optional
        Told how many utterances are done, after each.

    Returns
    -------
    Trimmed
        Times where nothing is cut stay as they are, and so does everything else. The column `trim` says
        in each row how it was made. Utterances that cannot be decoded, are silent, or hold samples that are
        not finite keep their times, and are listed.

    Raises
    ------
    UsageError
        A range or a margin that has no meaning, or a manifest with a column `trim`: its own segments are
        not known any more.

    Examples
    --------
    >>> import tempfile, wave
    >>> from pathlib import Path
    >>> from emofeat.corpus import Manifest, Utterance
    >>> hum = (9000 * np.sin(0.1 * np.arange(8000))).astype("<i2")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with wave.open(f"{folder}/a.wav", "wb") as file:
    ...         file.setparams((1, 2, 16000, 0, "NONE", ""))
    ...         file.writeframes(np.concatenate([np.zeros(16000, "<i2"), hum]).tobytes())
    ...     row = trim(Manifest([Utterance(id="a", file=f"{folder}/a.wav")])).manifest[0]
    >>> row.start, row.end, row.extra["trim"]
    (0.94, None, '40 dB, 0.05 s')
    """
    from emofeat.corpus.manifest import Manifest
    from emofeat.engine.cores import default_jobs

    _check(manifest, range_db, margin)
    how = f"{range_db:g} dB, {margin:g} s"
    rows: list[Utterance] = []
    failures: dict[str, EmofeatError] = {}
    before = after = 0.0
    with ThreadPoolExecutor(default_jobs() if jobs is None else jobs) as pool:
        cuts = pool.map(lambda u: _cut(manifest, u, range_db, margin), manifest)
        for done, (u, cut) in enumerate(zip(manifest, cuts, strict=True), 1):
            if isinstance(cut, EmofeatError):
                failures[u.id] = cut
                rows.append(replace(u, extra={**u.extra, COLUMN: f"not trimmed: {cut.code}"}))
            else:
                before, after = before + cut.before, after + cut.after
                rows.append(replace(u, start=cut.start, end=cut.end, extra={**u.extra, COLUMN: how}))
            if progress is not None:
                progress(done)
    return Trimmed(Manifest(rows, manifest.path), failures, before, after)


def _check(manifest: Manifest, range_db: float, margin: float) -> None:
    from emofeat.engine.errors import UsageError

    if not (math.isfinite(range_db) and range_db > 0):
        raise UsageError(f"the range is {range_db:g} dB; it must be more than 0, such as 40")
    if not (math.isfinite(margin) and margin >= _FRAME_SECONDS / 2):
        raise UsageError(
            f"the margin is {margin:g} s; it must be {_FRAME_SECONDS / 2:g} (half a frame) or more, such as 0.05"
        )
    if COLUMN in manifest.extras:
        raise UsageError(
            f"{manifest.path or 'the manifest'} has a column {COLUMN!r}: it was trimmed before, and what was cut "
            "then is not known any more; trim the manifest that it was made of"
        )


@dataclass(frozen=True, slots=True)
class _Cut:
    """Times of one utterance, and its seconds before and after."""

    start: float | None
    end: float | None
    before: float
    after: float


def _cut(manifest: Manifest, u: Utterance, range_db: float, margin: float) -> _Cut | EmofeatError:
    from emofeat import audio

    try:
        y, sr = audio.load(manifest.audio_path(u), start=u.start, end=u.end)
        first, last = _sound(y, sr, range_db)
    except EmofeatError as error:
        return error
    except Exception as error:  # a defect of a decoder costs one utterance
        return InternalError(f"{type(error).__name__}: {error}")
    around = max(1, round(margin * sr))
    first, last = max(first - around, 0), min(last + around, len(y))
    own = round((u.start or 0.0) * sr)
    return _Cut(
        start=round((own + first) / sr, _DIGITS) if first > 0 else u.start,
        end=round((own + last) / sr, _DIGITS) if last < len(y) else u.end,
        before=len(y) / sr,
        after=(last - first) / sr,
    )


def _sound(y: NDArray[np.float32], sr: int, range_db: float) -> tuple[int, int]:
    """The samples at the centres of the first and of the last frame within the range."""
    from emofeat.features import rms

    hop = max(1, round(_HOP_SECONDS * sr))
    size = max(1, round(_FRAME_SECONDS * sr))
    level = rms(y, sr, frame_length=size, hop_length=hop, precision="float64", on_short="pad")[:, 0]
    if level.max() < _SILENT_LEVEL:
        raise AudioError("all of it is silence; there is no sound to trim to", "silent")
    within = np.flatnonzero(level >= level.max() * 10 ** (-range_db / 20))
    return int(within[0]) * hop, int(within[-1]) * hop
