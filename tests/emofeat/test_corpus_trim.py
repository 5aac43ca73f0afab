"""Trimming: new times from the utterance's own sound, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from emofeat import audio
from emofeat.cli import run
from emofeat.corpus import Manifest, Utterance
from emofeat.corpus.trim import trim
from emofeat.engine.errors import UsageError
from emofeat.store.read import open as open_

SR = 16000
# A frame is 25 ms, centred every 10 ms: it hears a sound that begins up to 12.5 ms after its centre; one that
# hears hardly anything may not count, so the first that does is at most one hop late.
EARLY, LATE = 0.0125, 0.010


def voice(seconds: float, sr: int = SR, seed: int = 0) -> np.ndarray:
    """A tone with noise at -10 dB, without pauses."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * sr))
    return 0.4 * np.sin(2 * np.pi * 150 * np.arange(len(noise)) / sr) + 0.02 * noise


def silence(seconds: float, sr: int = SR, level: float = 0.0, seed: int = 1) -> np.ndarray:
    return level * np.random.default_rng(seed).standard_normal(round(seconds * sr))


def around(before: float, sound: float, after: float, sr: int = SR, level: float = 0.0) -> np.ndarray:
    """Sound between two silences."""
    return np.concatenate(
        [silence(before, sr, level), voice(sound, sr), silence(after, sr, level, seed=2)]
    ).astype(np.float32)


def manifest_of(folder: Path, sr: int = SR, **signals: np.ndarray) -> Manifest:
    """A manifest with one float32 recording for each signal."""
    for name, y in signals.items():
        sf.write(folder / f"{name}.wav", y, sr, subtype="FLOAT")
    return Manifest([Utterance(id=name, file=f"{name}.wav") for name in signals], folder / "m.csv")


def times(manifest: Manifest, **options) -> list[tuple[float | None, float | None]]:
    trimmed = trim(manifest, jobs=2, **options)
    assert trimmed.failures == {}
    return [(u.start, u.end) for u in trimmed.manifest]


@pytest.mark.parametrize("sr", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_silence_at_both_ends_is_cut_up_to_the_margin(tmp_path, sr, level):
    manifest = manifest_of(tmp_path, sr, a=around(1.0, 0.5, 0.7, sr, level))
    for margin in (0.0125, 0.05, 0.2):
        ((start, end),) = times(manifest, margin=margin)
        assert 1.0 - margin - EARLY <= start <= 1.0 - margin + LATE
        assert 1.5 + margin - LATE <= end <= 1.5 + margin + EARLY


def test_what_has_no_silence_keeps_its_times(tmp_path):
    manifest = manifest_of(tmp_path, whole=voice(0.6), begin=around(0.0, 0.5, 1.0), end=around(1.0, 0.5, 0.0))
    whole, begin, end = times(manifest)
    assert whole == (None, None)
    assert begin[0] is None and begin[1] < 0.6
    assert end[1] is None and end[0] > 0.9


def test_the_margin_ends_where_the_recording_does(tmp_path):
    assert times(manifest_of(tmp_path, a=around(0.3, 0.5, 0.3)), margin=1.0) == [(None, None)]


def test_a_pause_within_the_utterance_stays(tmp_path):
    y = np.concatenate([around(0.5, 0.3, 0.0), around(2.0, 0.3, 0.5)])
    ((start, end),) = times(manifest_of(tmp_path, a=y))
    assert start < 0.5 and 3.1 < end < 3.2


@pytest.mark.parametrize("seconds", [0.0001, 0.01, 0.025, 0.026, 0.034, 0.035])
def test_the_last_samples_count_and_a_signal_of_hardly_a_frame_is_whole(tmp_path, seconds):
    n = round(seconds * SR)
    last_only = np.where(np.arange(n) >= n - 2, np.float32(0.5), np.float32(0))
    ((start, end),) = times(manifest_of(tmp_path, a=last_only), margin=0.0125)
    assert end is None
    assert (start or 0.0) < seconds - 1 / SR


@pytest.mark.parametrize("gain", [2.0, 2.0**-10, 1e-3, 0.9, -1.0])
def test_the_gain_does_not_matter(tmp_path, gain):
    y = around(0.4, 0.5, 0.4, level=1e-4)
    original, scaled = times(manifest_of(tmp_path, a=y, b=(gain * y).astype(np.float32)))
    assert original == scaled


def test_an_offset_within_the_range_is_sound(tmp_path):
    y = around(0.4, 0.5, 0.4)
    large, small, none = times(manifest_of(tmp_path, a=y + np.float32(0.1), b=y + np.float32(0.001), c=y))
    assert large == (None, None)
    assert small == none


def test_the_range_says_what_is_silence(tmp_path):
    # A whisper 30 dB below the voice, half a second before it.
    y = around(1.0, 0.5, 0.5)
    y[SR // 2 : SR] += 10 ** (-30 / 20) * voice(0.5, seed=3).astype(np.float32)
    manifest = manifest_of(tmp_path, a=y)
    assert times(manifest, range_db=40)[0][0] == pytest.approx(0.45, abs=EARLY)
    assert times(manifest, range_db=20)[0][0] == pytest.approx(0.95, abs=EARLY)


def test_a_click_is_sound_if_it_is_within_the_range_and_only_then(tmp_path):
    y = around(1.0, 0.5, 0.5)
    loud, faint = y.copy(), y.copy()
    # 0.28 RMS is a frame of 400 x 0.08; one sample of 0.5 lies 21 dB below that, one of 0.05 41 dB.
    loud[SR // 4], faint[SR // 4] = 0.5, 0.05
    (with_loud, _), (with_faint, _), (without, _) = times(manifest_of(tmp_path, a=loud, b=faint, c=y))
    assert with_loud == pytest.approx(0.25 - 0.05, abs=EARLY)
    assert with_faint == without


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("a.wav", "PCM_16"),
        ("a.wav", "PCM_24"),
        ("a.wav", "PCM_32"),
        ("a.wav", "DOUBLE"),
        ("a.flac", "PCM_16"),
    ],
)
def test_the_coding_of_the_samples_does_not_matter(tmp_path, name, subtype):
    y = np.round(around(0.4, 0.5, 0.4, level=1e-4) * 32768) / 32768  # what every one of them can hold
    reference = times(manifest_of(tmp_path, reference=y))
    sf.write(tmp_path / name, y, SR, subtype=subtype)
    assert times(Manifest([Utterance(id="a", file=str(tmp_path / name))])) == reference


def test_channels_are_mixed_as_extraction_mixes_them(tmp_path):
    y = around(0.4, 0.5, 0.4)
    late = np.roll(y, SR // 10)
    both, first, second = times(manifest_of(tmp_path, a=np.stack([y, late], axis=1), b=y, c=late))
    assert both == (first[0], second[1])


def test_times_of_an_utterance_are_its_bounds(tmp_path):
    y = np.concatenate([around(0.5, 0.5, 0.5), around(0.5, 0.5, 0.5)])
    file = manifest_of(tmp_path, a=y)[0]
    segments = {"first": (None, 1.5), "second": (1.5, None), "inner": (0.6, 0.9), "part": (0.55, 2.9)}
    rows = [replace(file, id=name, start=start, end=end) for name, (start, end) in segments.items()]
    first, second, inner, part = times(Manifest(rows, tmp_path / "m.csv"))
    assert first == pytest.approx((0.45, 1.05), abs=EARLY)
    assert second == pytest.approx((1.95, 2.55), abs=EARLY)
    assert inner == (0.6, 0.9)
    assert part == (0.55, pytest.approx(2.55, abs=EARLY))


def test_a_segment_cut_out_gives_the_same_as_the_segment(tmp_path):
    y = np.concatenate([voice(0.3), around(0.4, 0.5, 0.4), voice(0.3)]).astype(np.float32)
    manifest = manifest_of(tmp_path, long=y, cut=y[round(0.3 * SR) : -round(0.3 * SR)])
    rows = [replace(manifest[0], start=0.3, end=1.6), manifest[1]]
    inside, alone = times(Manifest(rows, manifest.path))
    assert inside == pytest.approx([t + 0.3 for t in alone], abs=1e-9)


def test_everything_else_stays(tmp_path):
    file = manifest_of(tmp_path, a=around(0.5, 0.5, 0.5))[0]
    row = replace(
        file,
        id="x/a",
        speaker="01",
        label="sad",
        audio_group="x/a",
        votes=({"rater": "1"},),
        extra={"age": 3},
    )
    trimmed = trim(Manifest([row], tmp_path / "m.csv"), 35, 0.02).manifest
    changed = replace(trimmed[0], start=None, end=None, extra=row.extra)
    assert changed == row
    assert trimmed[0].extra == {"age": 3, "trim": "35 dB, 0.02 s"}


def test_other_utterances_do_not_matter_and_neither_do_threads(tmp_path):
    signals = {f"u{i}": around(0.1 + i / 20, 0.3, 0.2) * 2.0**-i for i in range(8)}
    manifest = manifest_of(tmp_path, **signals)
    together = trim(manifest, jobs=4).manifest
    assert list(together) == [trim(manifest.select([i]), jobs=1).manifest[0] for i in manifest.ids]


def test_what_cannot_be_trimmed_keeps_its_times_and_is_listed(tmp_path):
    y = around(0.4, 0.5, 0.4)
    broken = np.where(np.arange(len(y)) == 7, np.nan, y)
    manifest = manifest_of(tmp_path, good=y, silent=0 * y, faint=1e-8 * y, broken=broken)
    (tmp_path / "empty.wav").touch()
    rows = [
        *manifest,
        Utterance(id="gone", file="gone.wav", start=0.25, end=1.0),
        Utterance(id="empty", file="empty.wav"),
        Utterance(id="late", file="good.wav", start=5.0, end=6.0),
        Utterance(id="text", text="no recording"),
    ]
    trimmed = trim(Manifest(rows, tmp_path / "m.csv"))
    assert {id_: error.code for id_, error in trimmed.failures.items()} == {
        "silent": "silent",
        "faint": "silent",
        "broken": "non_finite",
        "gone": "not_found",
        "empty": "empty_file",
        "late": "bad_segment",
        "text": "bad_request",
    }
    for before in rows[1:]:
        after = trimmed.manifest.by_id(before.id)
        assert (after.start, after.end) == (before.start, before.end)
        assert after.extra["trim"] == f"not trimmed: {trimmed.failures[before.id].code}"
    assert trimmed.before == pytest.approx(1.3)
    assert trimmed.after == pytest.approx(0.6, abs=2 * EARLY)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"range_db": 0.0}, "range is 0 dB; it must be more than 0"),
        ({"range_db": float("nan")}, "range is nan dB"),
        ({"margin": 0.0}, r"margin is 0 s; it must be 0.0125 \(half a frame\) or more"),
        ({"margin": float("inf")}, "margin is inf s"),
    ],
)
def test_a_range_or_margin_without_meaning_is_refused(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        trim(manifest_of(tmp_path, a=voice(0.1)), **options)


def test_a_manifest_is_not_trimmed_twice(tmp_path):
    once = trim(manifest_of(tmp_path, a=around(0.4, 0.5, 0.4))).manifest
    with pytest.raises(UsageError, match=r"was trimmed before.*trim the manifest that it was made of"):
        trim(once)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_the_command_writes_what_extraction_reads(tmp_path, capsys, suffix):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    y = around(0.7, 0.5, 0.3, level=1e-4)
    manifest_of(tmp_path / "in", a=y).write(tmp_path / "in" / "m.csv")
    written = tmp_path / "out" / f"trimmed{suffix}"
    assert run(["trim", str(tmp_path / "in" / "m.csv"), "-o", str(written)]) == 0
    assert "1 of 1 utterances trimmed, 0.01 min left of 0.03 min" in capsys.readouterr().out
    features = tmp_path / "features"
    assert run(["extract", str(written), "-f", "rms", "-o", str(features)]) == 0

    row = Manifest.read(written)[0]
    loaded, _ = audio.load(Manifest.read(written).audio_path(row), start=row.start, end=row.end)
    first = round(row.start * SR)
    np.testing.assert_array_equal(loaded, y[first : first + len(loaded)])
    rows = open_(features).table()
    assert rows.column("start").to_pylist() == [row.start]
    assert rows.column("end").to_pylist() == [row.end]
    assert rows.column("trim").to_pylist() == ["40 dB, 0.05 s"]


def test_the_command_lists_failures_with_exit_code_three(tmp_path, capsys):
    manifest_of(tmp_path, a=voice(0.1), b=silence(0.3)).write(tmp_path / "m.csv")
    command = ["trim", str(tmp_path / "m.csv"), "-o", str(tmp_path / "t.csv")]
    assert run(command) == 3
    printed = capsys.readouterr()
    assert "1 of 2 utterances trimmed" in printed.out
    assert printed.err == "b: not trimmed: all of it is silence; there is no sound to trim to (silent)\n"
    assert Manifest.read(tmp_path / "t.csv").ids == ["a", "b"]
    assert run(command) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert run([*command, "--overwrite"]) == 3


def test_the_second_of_silence_before_ravdess_clips_goes_and_the_voice_stays(test_data):
    files = sorted((test_data / "ravdess16k").glob("Actor_0[1-4]/*.flac"))[::8]
    manifest = Manifest(Utterance(id=f.stem, file=str(f)) for f in files)
    trimmed = trim(manifest)
    assert trimmed.failures == {}
    assert trimmed.after < 0.75 * trimmed.before
    for before, after in zip(manifest, trimmed.manifest, strict=True):
        y, sr = audio.load(before.file)
        kept = y[round((after.start or 0) * sr) : round((after.end or len(y) / sr) * sr)]
        assert np.sum(kept.astype(float) ** 2) > 0.999 * np.sum(y.astype(float) ** 2)
