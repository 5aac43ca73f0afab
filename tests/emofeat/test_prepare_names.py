"""Corpora whose file names are their labels: RAVDESS, EmoDB, CREMA-D."""

from __future__ import annotations

import pytest
from prepare_tools import expected, part, refusal, touch

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
    for difference in ("label calm: 189 of 192", "label happy: 191 of 192", "speaker 05: 58 of 60"):
        assert f"  {difference}\n" in text
    assert "label angry" not in text
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


def test_the_names_of_ravdess_are_those_of_the_release():
    speech = set(ravdess.keys(song=False))
    assert len(speech) == 1440
    assert len(set(ravdess.keys(song=True))) == 1440 + 1012
    assert "01-01-02-01-01-01" not in speech  # neutral is never strong


@pytest.fixture
def both(tmp_path):
    """All of RAVDESS: sound in one folder, video with its silent twin in another, and a song."""
    for key in ravdess.keys(song=False):
        actor = f"Actor_{key[-2:]}"
        touch(tmp_path / "audio" / actor / f"03-{key}.wav")
        touch(*(tmp_path / "video" / actor / f"{m}-{key}.mp4" for m in ("01", "02")))
    touch(tmp_path / "audio" / "Actor_01" / "03-02-03-01-01-01-01.wav")
    return tmp_path


def test_sound_and_video_of_one_utterance_are_one_row(both):
    prepared = prepare("ravdess", both / "audio", video=both / "video", audio_check=False)
    assert prepared.differences == []
    assert len(prepared.manifest) == 1440
    row = prepared.manifest.by_id("03-01-05-02-01-01-24")
    assert row.file == str(both / "audio" / "Actor_24" / "03-01-05-02-01-01-24.wav")
    assert row.video == str(both / "video" / "Actor_24" / "01-01-05-02-01-01-24.mp4")
    assert row.extra["modality"] == "audio-video video audio"
    assert row.partial is None
    assert prepared.notes == ["1 sung utterances left out; the option song takes them"]


def test_video_without_sound_files_gives_sound_from_the_video(both):
    row = prepare("ravdess", both / "video", audio_check=False).manifest.by_id("01-01-05-02-01-01-24")
    assert row.file == row.video
    assert row.extra["key"] == "01-05-02-01-01-24"


def test_a_video_that_is_missing_beside_its_sound_is_a_difference(both):
    (both / "video" / "Actor_24" / "01-01-05-02-01-01-24.mp4").unlink()
    text = refusal("ravdess", both / "audio", video=both / "video")
    assert "1 missing: 01-01-05-02-01-01-24" in text
    row = part("ravdess", both).manifest.by_id("03-01-05-02-01-01-24")
    assert row.partial == "1,440 of 1,440 utterances, 1 missing, 0 unexpected"
    assert row.video.endswith("02-01-05-02-01-01-24.mp4")  # the silent twin has the same picture


def test_sung_utterances_are_taken_when_asked_for(both):
    prepared = part("ravdess", both / "audio", song=True)
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


def test_crema_d_is_complete_with_7442_clips_of_91_actors(tmp_path):
    names = list(crema_d.names())
    touch(*(tmp_path / "AudioWAV" / f"{name}.wav" for name in names))
    prepared = prepare("crema-d", tmp_path, audio_check=False)
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
