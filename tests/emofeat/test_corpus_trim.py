"""Segments narrowed to speech: where they begin and end, and what stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from emofeat.cli import run
from emofeat.corpus.manifest import Manifest
from emofeat.corpus.trim import loud_part, trim
from emofeat.corpus.utterance import Utterance
from emofeat.engine.errors import UsageError

SR = 16000
# A frame is 25 ms, centred every 10 ms: it hears a sound that begins up to 12.5 ms after its centre.
HALF_FRAME, HOP = 0.0125, 0.01


def sound(before: float, during: float, after: float, *, floor: float = 0.0, peak: float = 0.5) -> np.ndarray:
    """A tone between two stretches of noise of standard deviation `floor`."""
    y = np.random.default_rng(0).normal(0, floor, round((before + during + after) * SR))
    at = slice(round(before * SR), round((before + during) * SR))
    y[at] += peak * np.sin(2 * np.pi * 200 * np.arange(at.stop - at.start) / SR)
    return y.astype(np.float32)


@pytest.fixture
def manifest(tmp_path):
    rows = []
    for i, before in enumerate((0.0, 0.5, 1.0)):
        soundfile.write(tmp_path / f"{i}.wav", sound(before, 0.6, 0.4), SR)
        rows.append(Utterance(id=f"u{i}", file=f"{i}.wav", speaker=f"s{i}", label="happy", extra={"take": i}))
    return Manifest(rows, tmp_path / "all.csv")


@pytest.mark.parametrize("margin", [0.0, 0.05])
@pytest.mark.parametrize("before", [0.0, 0.3, 1.0])
def test_the_part_begins_and_ends_with_the_sound(before, margin):
    start, end = loud_part(sound(before, 0.6, 0.4, floor=1e-4), SR, margin=margin)
    slack = HALF_FRAME + HOP
    assert max(0.0, before - margin - slack) <= start <= before - margin + HOP or start == 0 == before
    assert before + 0.6 + margin - HOP <= end <= before + 0.6 + margin + slack


def test_the_level_of_the_recording_does_not_matter():
    y = sound(0.5, 0.6, 0.4, floor=1e-3)
    assert loud_part(y, SR) == loud_part((y * np.float32(0.125)).astype(np.float32), SR)


def test_pauses_inside_stay():
    y = np.concatenate([sound(0.5, 0.3, 0.4), sound(0.0, 0.3, 0.5)])
    start, end = loud_part(y, SR)
    assert start < 0.5
    assert end > 1.5 - HOP


def test_silence_more_than_the_threshold_below_the_peak_is_cut_and_less_is_kept():
    y = sound(0.5, 0.6, 0.4, floor=0.5 / np.sqrt(2) * 10 ** (-30 / 20))  # noise 30 dB below the tone
    assert loud_part(y, SR, below_peak=20)[0] > 0.4
    assert loud_part(y, SR, below_peak=40) == (0.0, len(y) / SR)


@pytest.mark.parametrize("n", [1, 100, SR])
def test_a_recording_of_zeros_or_shorter_than_a_frame_stays_whole(n):
    assert loud_part(np.zeros(n, np.float32), SR) == (0.0, n / SR)


def test_only_start_and_end_change(manifest):
    trimmed = trim(manifest)
    assert trimmed.ids == manifest.ids
    for column in ("file", "speaker", "label", "take"):
        assert trimmed.column(column) == manifest.column(column)
    assert [u.end - u.start < 1.5 for u in trimmed] == [True] * 3


def test_a_segment_is_narrowed_inside_itself(manifest):
    u = manifest.by_id("u2")  # sound from 1.0 to 1.6 s
    part = Manifest([Utterance(id="v", file=u.file, start=0.7, end=1.3)], manifest.path)
    (v,) = trim(part, margin=0.0)
    assert v.start == pytest.approx(1.0, abs=HALF_FRAME + HOP)
    assert v.end == pytest.approx(1.3)


def test_trimming_twice_cuts_no_further_than_a_frame(manifest):
    once = trim(manifest, margin=0.0)
    for a, b in zip(once, trim(once, margin=0.0), strict=True):
        assert 0 <= b.start - a.start <= HALF_FRAME + HOP
        assert 0 <= a.end - b.end <= HALF_FRAME + HOP


def test_an_utterance_is_trimmed_alone_as_among_others(manifest):
    together = {u.id: u for u in trim(manifest, jobs=2)}
    assert all(trim(manifest.select([i]))[0] == together[i] for i in manifest.ids)


@pytest.mark.parametrize("wrong", [{"below_peak": 0}, {"below_peak": float("nan")}, {"margin": -0.1}])
def test_a_threshold_or_margin_out_of_range_is_refused(manifest, wrong):
    with pytest.raises(UsageError, match="give"):
        trim(manifest, **wrong)


def test_the_command_writes_what_the_function_gives(manifest, tmp_path, capsys):
    manifest.write(manifest.path)
    assert run(["trim", str(manifest.path), "-o", str(tmp_path / "speech.csv")]) == 0
    assert "3 utterances, 2.1 s of speech" in capsys.readouterr().out
    written = Manifest.read(tmp_path / "speech.csv")
    assert [(u.start, u.end) for u in written] == [(u.start, u.end) for u in trim(manifest)]
