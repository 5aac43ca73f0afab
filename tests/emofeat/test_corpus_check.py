"""Checking corpora: every planted defect is found, and nothing is found where nothing is wrong."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from engine_tools import write_wav

import emofeat
from emofeat.cli import run
from emofeat.corpus import Manifest, Utterance, duplicates, known_defects
from emofeat.corpus.check import check

SR = 16000


def speech(seed: int, seconds: float = 1.2, sr: int = SR) -> np.ndarray:
    """Syllables like speech: harmonics of a wandering pitch under moving formants, with pauses between."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * sr)) / sr
    knots = np.linspace(0, seconds, 9)
    pitch = np.interp(t, knots, rng.uniform(90, 260, 9))
    formant = np.interp(t, knots, rng.uniform(300, 2500, 9))
    loud = np.interp(t, knots, np.where(np.arange(9) % 3 == 0, 0, rng.uniform(0.2, 1, 9)))
    phase = 2 * np.pi * np.cumsum(pitch) / sr
    y = sum(
        np.exp(-(((k * pitch - formant) / 400) ** 2)) * np.sin(k * phase + rng.uniform(0, 6))
        for k in range(1, 30)
    )
    return (0.1 * loud * y + 1e-3 * rng.standard_normal(len(t))).astype(np.float32)


def write(path: Path, y: np.ndarray, sr: int = SR, **options) -> str:
    sf.write(path, y, sr, **options)
    return path.name


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Manifest:
    """Twelve different recordings of four speakers, half of them for training."""
    folder = tmp_path_factory.mktemp("clean")
    rows = [
        Utterance(
            id=f"u{i:02d}",
            file=write(folder / f"u{i:02d}.wav", speech(i, 1.0 + i / 20)),
            speaker=str(i // 3),
            label=["happy", "sad", "angry"][i % 3],
            split="train" if i < 6 else "test",
            text=f"sentence {i % 2}",
        )
        for i in range(12)
    ]
    manifest = Manifest(rows, folder / "m.csv")
    manifest.write(folder / "m.csv")
    return manifest


def found(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    return {f.code: f.ids for f in check(manifest, jobs=1).findings}


def with_rows(clean: Manifest, *rows: Utterance) -> Manifest:
    return Manifest([*clean, *rows], clean.path)


def test_nothing_is_found_where_nothing_is_wrong(clean):
    assert found(clean) == {}
    assert duplicates.groups(clean, jobs=2) == {i: i for i in clean.ids}


def test_every_unusable_file_is_found_by_its_reason(clean, tmp_path):
    whole = (clean.path.parent / "u00.wav").read_bytes()
    planted = {
        "not_found": None,
        "empty_file": b"",
        "lfs_pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n",
        "unknown_format": b"hello" * 100,
        "truncated": whole[: len(whole) // 2],
    }
    for code, content in planted.items():
        if content is not None:
            (tmp_path / f"{code}.wav").write_bytes(content)
    rows = [Utterance(id=code, file=str(tmp_path / f"{code}.wav")) for code in planted]
    rows.append(Utterance(id="bad_segment", file="u01.wav", start=5.0, end=6.0))
    codes = found(with_rows(clean, *rows))
    for row in rows:
        assert codes[row.id] == (row.id,)
    # The half that is left of the truncated file is the beginning of another.
    assert codes.pop("duplicate_audio") == ("u00", "truncated")
    assert set(codes) == {row.id for row in rows}


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("silent", lambda y: np.zeros_like(y)),
        # It is loud: what is too short for a frame is not silent.
        ("too_short", lambda y: (0.5 * y / np.abs(y).max())[:300]),
        ("mostly_silent", lambda y: np.concatenate([y, np.zeros(2 * len(y), y.dtype)])),
        ("quiet", lambda y: np.clip(0.008 * y / np.abs(y).max(), -0.008, 0.008)),
        ("clipped", lambda y: np.clip(6 * y, -1, 1)),
        ("dc_offset", lambda y: y + np.float32(0.05)),
        ("non_finite", lambda y: np.where(np.arange(len(y)) == 500, np.nan, y)),
    ],
)
def test_every_spoilt_recording_is_found(clean, tmp_path, code, spoil):
    write(tmp_path / "x.wav", spoil(speech(99)), subtype="FLOAT")
    assert found(with_rows(clean, Utterance(id="x", file=str(tmp_path / "x.wav")))) == {code: ("x",)}


def test_mixed_rates_and_channels_are_found(clean, tmp_path):
    write(tmp_path / "r.wav", speech(50, sr=22050), 22050)
    write(tmp_path / "c.wav", np.stack([speech(51), speech(52)], axis=1))
    rows = [Utterance(id=i, file=str(tmp_path / f"{i}.wav")) for i in "rc"]
    assert found(with_rows(clean, *rows)) == {"mixed_rates": ("r",), "mixed_channels": ("c",)}


def test_equal_peaks_and_equal_lengths_are_found(tmp_path):
    rows = []
    for i in range(10):
        y = speech(i)
        rows.append(Utterance(id=str(i), file=write(tmp_path / f"{i}.wav", 0.9 * y / np.abs(y).max())))
    assert found(Manifest(rows, tmp_path / "m.csv")) == {"peak_normalised": (), "one_length": ()}


def copies(y: np.ndarray) -> dict[str, tuple[np.ndarray, int, dict[str, str]]]:
    noise = np.random.default_rng(1).standard_normal(len(y)).astype(np.float32)
    return {
        "level": (y / 10, SR, {}),
        "inverted": (-y, SR, {}),
        "half a second later": (np.concatenate([np.zeros(8011, y.dtype), y]), SR, {}),
        "without its end": (y[: len(y) * 3 // 4], SR, {}),
        "noise 20 dB below": (y + 0.1 * np.sqrt((y**2).mean()) * noise, SR, {}),
        "44.1 kHz": (emofeat.resample(y, SR, 44100), 44100, {}),
        "telephone": (emofeat.resample(y, SR, 8000), 8000, {"subtype": "ULAW"}),
        "GSM": (emofeat.resample(y, SR, 8000), 8000, {"subtype": "GSM610"}),
        "MP3": (y, SR, {"format": "MP3"}),
        "Vorbis": (y, SR, {"format": "OGG"}),
    }


@pytest.mark.parametrize("kind", copies(np.ones(16, np.float32)))
def test_a_copy_is_found_whatever_was_done_to_it(clean, tmp_path, kind):
    for i in (3, 7):
        y, sr, options = copies(speech(i, 1.0 + i / 20))[kind]
        write(tmp_path / f"{i}", y, sr, **({"format": "WAV"} | options))
    rows = [Utterance(id=f"copy{i}", file=str(tmp_path / str(i))) for i in (3, 7)]
    groups = duplicates.groups(with_rows(clean, *rows), jobs=1)
    assert groups == {i: i for i in clean.ids} | {"copy3": "u03", "copy7": "u07"}


def test_a_duplicate_says_what_it_crosses(clean):
    copy = replace(clean[0], id="again", speaker="3", split="test", label="sad")
    report = check(with_rows(clean, copy), jobs=1)
    (finding,) = report.findings
    assert (finding.code, finding.ids) == ("duplicate_audio", ("u00", "again"))
    assert finding.message == (
        "the samples are the same, across splits test, train and speakers 0, 3 and labels happy, sad"
    )


def test_silence_is_no_copy_of_silence(tmp_path):
    rows = [Utterance(id=i, file=write(tmp_path / f"{i}.wav", np.zeros(SR))) for i in "ab"]
    assert duplicates.groups(Manifest(rows, tmp_path / "m.csv")) == {"a": "a", "b": "b"}


def test_parts_of_one_recording_are_copies_where_they_overlap_by_half(clean):
    parts = {"a": (0.0, 1.3), "b": (0.2, 1.5), "c": (1.25, 1.55)}
    rows = [Utterance(id=i, file="u11.wav", start=s, end=e) for i, (s, e) in parts.items()]
    groups = duplicates.groups(Manifest(rows, clean.path))
    assert groups == {"a": "a", "b": "a", "c": "c"}


def test_a_recording_shorter_than_a_frame_is_its_own_group(tmp_path):
    rows = [Utterance(id=str(n), file=write(tmp_path / f"{n}.wav", speech(n)[:n])) for n in (1, 9, 200)]
    assert len(set(duplicates.groups(Manifest(rows, tmp_path / "m.csv")).values())) == 3


def test_what_cannot_be_decoded_has_no_group(clean):
    marked = duplicates.mark(
        with_rows(clean, Utterance(id="gone", file="gone.wav"), Utterance(id="text")), jobs=1
    )
    assert marked.column("audio_group") == [*clean.ids, None, None]


def test_known_defects_and_annotation_mistakes_are_found(clean):
    rows = [
        Utterance(id="AudioWAV/1076_MTI_SAD_XX", video="x.flv", corpus="crema-d"),
        Utterance(id="1076_MTI_SAD_XX", corpus="other"),
        Utterance(id="dia0", text="it\x92s"),
        Utterance(id="votes", votes=({"rater": "A"}, {"rater": "A"})),
        Utterance(id="new", split="dev", label="happy", speaker="0", session="s1"),
    ]
    assert found(with_rows(clean, *rows)) == {
        "known_defect": ("AudioWAV/1076_MTI_SAD_XX",),
        "text_encoding": ("dia0",),
        "rater_twice": ("votes",),
        "class_absent": (),
        "speaker_across_splits": ("u00", "u01", "u02", "new"),
    }


def test_balance_and_shared_text_are_counted(clean):
    tables = {t.title: t for t in check(clean, jobs=1).tables}
    assert tables["Classes"].header == ("label", "train", "test", "all")
    assert tables["Classes"].rows == (
        ("angry", "2", "2", "4"),
        ("happy", "2", "2", "4"),
        ("sad", "2", "2", "4"),
    )
    assert tables["Speakers"].rows[0] == ("0", "3", "0", "3")
    assert tables["Same text in train"].rows == (("test", "6", "6", "100.0%"),)
    assert tables["Recordings"].rows == (("wav (pcm_s16)", "16,000 Hz", "1", "12"),)


def test_the_command_reports_marks_and_says_by_its_code_whether_anything_is_wrong(clean, tmp_path, capsys):
    assert run(["check", str(clean.path), "-j", "1"]) == 0
    assert "12 utterances, 12 recordings decoded" in capsys.readouterr().out
    path = with_rows(clean, replace(clean[0], id="again")).at(tmp_path / "m.csv").write(tmp_path / "m.csv")
    report, marked = tmp_path / "report.md", tmp_path / "marked.parquet"
    assert run(["check", str(path), "--json", "-o", str(report), "--mark", str(marked), "-j", "1"]) == 3
    said = json.loads(capsys.readouterr().out)
    assert said["findings"] == [
        {"code": "duplicate_audio", "message": "the samples are the same", "ids": ["u00", "again"]}
    ]
    assert "- duplicate_audio: the samples are the same (2: u00, again)" in report.read_text()
    assert Manifest.read(marked).by_id("again").audio_group == "u00"
    assert run(["check", str(tmp_path / "missing.csv")]) == 2


def test_a_report_is_the_same_for_any_number_of_threads(clean):
    assert check(clean, jobs=1).to_dict() == check(clean, jobs=3).to_dict()


def test_of_all_ravdess_clips_only_the_known_pair_is_one_recording(test_data):
    files = sorted((test_data / "ravdess16k").rglob("*.flac"))
    rows = [Utterance(id=f.stem, file=str(f), corpus="ravdess") for f in files]
    report = check(Manifest(rows))
    codes = {f.code: f.ids for f in report.findings}
    assert report.n_decoded == len(files) == 1434
    assert codes["duplicate_audio"] == ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07")
    assert codes["known_defect"] == codes["duplicate_audio"]
    assert set(codes) == {"duplicate_audio", "known_defect", "one_length", "mostly_silent", "quiet"}


def test_clips_are_found_in_a_copy_at_another_rate_and_length(test_data):
    """Actor 1 at 48 kHz and whole, at 16 kHz and cut: every clip that both copies have."""
    whole = {f.stem: f for f in sorted((test_data / "ravdess48k").rglob("*.wav"))}
    cut = {f.stem: f for f in sorted((test_data / "ravdess16k" / "Actor_01").glob("*.flac"))}
    rows = [Utterance(id=f"48k/{i}", file=str(f)) for i, f in whole.items()]
    rows += [Utterance(id=f"16k/{i}", file=str(f)) for i, f in cut.items()]
    groups = duplicates.groups(Manifest(rows))
    assert {i: g for i, g in groups.items() if i != g} == {f"16k/{i}": f"48k/{i}" for i in cut}


def test_a_corpus_without_media_is_checked_by_its_annotation(test_data):
    rows = []
    for split in ("train", "dev", "test"):
        with (test_data / "meld" / f"{split}_sent_emo.csv").open(encoding="utf-8", newline="") as file:
            for r in csv.DictReader(file):
                key = f"{split}/dia{r['Dialogue_ID']}"
                said = {"text": r["Utterance"], "label": r["Emotion"], "speaker": r["Speaker"]}
                rows.append(Utterance(id=f"{key}_utt{r['Utterance_ID']}", dialogue=key, split=split, **said))
    report = check(Manifest(rows))
    assert (report.n, report.n_decoded) == (13_708, 0)
    assert [f.code for f in report.findings] == ["speaker_across_splits"]
    assert "Chandler" in report.findings[0].message


def test_writing_a_wav_twice_gives_copies(tmp_path):
    rows = [Utterance(id=i, file=write_wav(tmp_path / f"{i}.wav", seed=3).name) for i in "ab"]
    assert duplicates.groups(Manifest(rows, tmp_path / "m.csv")) == {"a": "a", "b": "a"}


@pytest.mark.parametrize("id_", ["dev_dia110_utt7", "train_dia125_utt3"])
def test_the_two_clips_of_meld_are_known_and_rows_of_text_are_not_concerned(id_):
    clip = Utterance(id=id_, corpus="meld", video="x.mp4")
    assert known_defects.of(clip) is not None
    assert known_defects.of(replace(clip, video=None)) is None
    assert known_defects.of(replace(clip, corpus="other")) is None
    assert known_defects.of(replace(clip, id=f"{id_}0")) is None
