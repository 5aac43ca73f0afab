"""Corpora whose file names are their labels: RAVDESS, EmoDB, CREMA-D."""

from __future__ import annotations

from pathlib import Path

import pytest
from prepare_tools import Listing, expected, part, refusal, touch

from emofeat.corpus.prepare import crema_d, prepare, ravdess

MISSING = (
    "03-01-02-01-01-02-01",
    "03-01-02-01-02-02-05",
    "03-01-02-02-02-01-05",
    "03-01-03-01-02-01-20",
    "03-01-06-01-01-02-20",
    "03-01-08-01-02-02-01",
)


def test_a_ravdess_without_six_clips_is_refused_and_they_are_named(test_data):
    text = refusal("ravdess", test_data / "ravdess16k")
    assert "1,434 of 1,440 utterances" in text
    assert f"6 missing: {', '.join(MISSING)}\n" in text
    assert "  label: calm 189 of 192, fearful 191 of 192, happy 191 of 192, surprised 191 of 192\n" in text
    assert "  speaker: 01 58 of 60, 05 58 of 60, 20 58 of 60\n" in text
    assert "--allow-partial" in text


def test_a_part_of_ravdess_says_so_in_every_row(test_data):
    manifest = part("ravdess", test_data / "ravdess16k").manifest
    assert len(manifest) == 1434
    assert set(manifest.column("partial")) == {"1,434 of 1,440 utterances"}
    assert manifest.ids == sorted(manifest.ids)
    assert not set(MISSING) & set(manifest.ids)
    row = manifest.by_id("03-01-08-02-02-01-24")
    assert (row.label, row.speaker, row.text_id, row.text) == (
        "surprised",
        "24",
        "02",
        "Dogs are sitting by the door",
    )
    assert row.extra == {
        "key": "01-08-02-02-01-24",
        "modality": "audio",
        "vocal_channel": "speech",
        "intensity": "strong",
        "statement": 2,
        "repetition": 1,
        "gender": "female",
    }


def test_one_actor_of_ravdess_at_48_khz(test_data):
    prepared = part("ravdess", test_data / "ravdess48k")
    assert len(prepared.manifest) == 58
    assert set(prepared.manifest.column("speaker")) == {"01"}
    assert prepared.manifest[0].partial == "58 of 1,440 utterances"
    assert sum(line.startswith("speaker: 01 58 of 60, 02 0 of 60, ") for line in prepared.differences) == 1
    assert "12 more" in prepared.differences[-1]  # of 24 speakers, 12 are listed


def test_the_names_of_ravdess_are_those_of_the_release():
    speech = set(ravdess.keys(song=False))
    assert len(speech) == 1440
    assert len(set(ravdess.keys(song=True))) == 1440 + 1012
    assert "01-01-02-01-01-01" not in speech  # neutral is never strong


SOUND, VIDEO = Path("/ravdess/audio"), Path("/ravdess/video")


@pytest.fixture
def both(monkeypatch):
    """All of RAVDESS: sound in one folder, video with its silent twin in another, and a song."""
    files = [SOUND / "Actor_01" / "03-02-03-01-01-01-01.wav"]
    for key in ravdess.keys(song=False):
        files.append(SOUND / f"Actor_{key[-2:]}" / f"03-{key}.wav")
        files += [VIDEO / f"Actor_{key[-2:]}" / f"{m}-{key}.mp4" for m in ("01", "02")]
    return Listing(monkeypatch, ravdess, files)


def test_sound_and_video_of_one_utterance_are_one_row(both):
    prepared = prepare("ravdess", SOUND, video=VIDEO, audio_check=False)
    assert prepared.differences == []
    assert len(prepared.manifest) == 1440
    row = prepared.manifest.by_id("03-01-05-02-01-01-24")
    assert row.file == str(SOUND / "Actor_24" / "03-01-05-02-01-01-24.wav")
    assert row.video == str(VIDEO / "Actor_24" / "01-01-05-02-01-01-24.mp4")
    assert row.extra["modality"] == "audio-video video audio"
    assert row.partial is None
    assert prepared.notes == ["1 sung utterance left out; the option song takes them"]


def test_video_without_sound_files_gives_sound_from_the_video(both):
    row = prepare("ravdess", VIDEO, audio_check=False).manifest.by_id("01-01-05-02-01-01-24")
    assert row.file == row.video
    assert row.extra["key"] == "01-05-02-01-01-24"


def test_a_video_that_is_missing_beside_its_sound_is_a_difference(both):
    both.remove(VIDEO / "Actor_24" / "01-01-05-02-01-01-24.mp4")
    text = refusal("ravdess", SOUND, video=VIDEO)
    assert "1 missing: 01-01-05-02-01-01-24" in text
    row = part("ravdess", SOUND, video=VIDEO).manifest.by_id("03-01-05-02-01-01-24")
    assert row.partial == "1,440 of 1,440 utterances, 1 missing, 0 unexpected"
    assert row.video.endswith("02-01-05-02-01-01-24.mp4")  # the silent twin has the same picture


def test_sung_utterances_are_taken_when_asked_for(both):
    prepared = part("ravdess", SOUND, song=True)
    assert prepared.manifest.by_id("03-02-03-01-01-01-01").extra["vocal_channel"] == "song"
    assert "1,441 of 2,452 utterances" in prepared.differences


def test_impossible_names_of_ravdess_are_unexpected(tmp_path):
    touch(tmp_path / "03-01-01-01-01-01-01.wav", tmp_path / "._03-01-01-01-01-01-01.wav")
    touch(*(tmp_path / f"{name}.wav" for name in ("03-01-01-02-01-01-01", "03-01-09-01-01-01-01", "theme")))
    prepared = part("ravdess", tmp_path)
    assert prepared.manifest.ids == ["03-01-01-01-01-01-01"]
    assert "3 unexpected: 03-01-01-02-01-01-01, 03-01-09-01-01-01-01, theme" in prepared.differences


def test_a_corpus_that_lies_there_twice_is_refused(tmp_path):
    touch(tmp_path / "a" / "03-01-01-01-01-01-01.wav", tmp_path / "b" / "03-01-01-01-01-01-01.wav")
    assert "two files for 03-01-01-01-01-01-01" in refusal("ravdess", tmp_path)


@pytest.mark.parametrize("name", ["ravdess", "emodb", "crema-d", "iemocap", "msp-improv", "meld", "muse-car"])
def test_a_folder_with_something_else_says_what_was_expected(tmp_path, name):
    touch(tmp_path / "something.wav")
    text = refusal(name, tmp_path)
    assert f"files below {tmp_path}; expected " in text
    assert "no such folder" in refusal("ravdess", tmp_path / "nowhere")


def test_emodb_names_give_speaker_sentence_emotion_and_version(tmp_path):
    touch(
        tmp_path / "wav" / "03a01Fa.wav", tmp_path / "wav" / "16b10Wb.wav", tmp_path / "wav" / "03a03Fa.wav"
    )
    prepared = part("emodb", tmp_path)
    one, other = prepared.manifest
    assert (one.id, one.speaker, one.text_id, one.label) == ("03a01Fa", "03", "a01", "happiness")
    assert (other.label, other.extra) == ("anger", {"version": "b", "gender": "female"})
    assert one.text == "Der Lappen liegt auf dem Eisschrank."
    assert "1 unexpected: 03a03Fa" in prepared.differences  # there is no sentence a03
    assert one.partial == "2 of 535 utterances"


def test_counts_of_emodb_sum_to_its_total(tmp_path):
    touch(tmp_path / "03a01Fa.wav")
    for by in (("label",), ("speaker",)):
        assert sum(expected("emodb", by, tmp_path).values()) == 535


def test_crema_d_is_complete_with_7442_clips_of_91_actors(monkeypatch):
    names = list(crema_d.names())
    Listing(monkeypatch, crema_d, (Path("/crema/AudioWAV", f"{name}.wav") for name in names))
    prepared = prepare("crema-d", "/crema", audio_check=False)
    assert prepared.differences == []
    assert len(prepared.manifest) == 7442
    labels = prepared.manifest.column("label")
    assert {name: labels.count(name) for name in set(labels)} == {
        "anger": 1271,
        "disgust": 1271,
        "fear": 1271,
        "happiness": 1271,
        "sadness": 1271,
        "neutral": 1087,
    }
    assert len(set(prepared.manifest.column("speaker"))) == 91
    assert len(set(prepared.manifest.column("text"))) == 12
    row = prepared.manifest.by_id("1001_IEO_ANG_HI")
    assert (row.text, row.extra["level"]) == ("It's eleven o'clock", "high")
    assert "1076_MTI_SAD_XX" in prepared.defects
    assert set(prepared.defects) <= {n for n in names if n.startswith("1076_MTI_")}


def test_a_stray_name_of_crema_d_is_unexpected(tmp_path):
    touch(*(tmp_path / f"{name}.wav" for name in ("1001_DFA_ANG_XX", "1002_TIE_NEU_XX", "1001_DFA_ANG_HI")))
    assert "2 unexpected: 1001_DFA_ANG_HI, 1002_TIE_NEU_XX" in part("crema-d", tmp_path).differences


def test_files_are_found_through_links_and_not_twice(tmp_path):
    touch(tmp_path / "real" / "03a01Fa.wav")
    root = tmp_path / "corpus"
    root.mkdir()
    (root / "wav").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "back").symlink_to(tmp_path / "real")
    assert part("emodb", root).manifest.ids == ["03a01Fa"]
