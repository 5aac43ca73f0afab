"""Corpora with files of labels, on small copies in the true formats: IEMOCAP, MSP-IMPROV, MELD, MuSe-CaR."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from prepare_tools import expected, part, refusal, touch, write

from emofeat.corpus.manifest import Manifest
from emofeat.corpus.prepare import prepare
from emofeat.corpus.prepare.meld import seconds
from emofeat.corpus.prepare.muse_car import read_continuous
from emofeat.engine.errors import UsageError

IMPRO = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
C-E3:\tNeutral; Frustration;\t(wants (to) leave)
C-E4:\tNeutral;\t()
C-F1:\tAnger;\t(curious)
A-E3:\tval 3; act 2; dom  2;\t()
A-E4:\tval 2; act 3; dom ;\t(guarded)
A-F1:\tval 3; act 2; dom  1;\t()

[10.0100 - 11.3925]\tSes01F_impro01_M003\txxx\t[2.0000, 3.5000, 3.0000]
C-E2:\tSadness;\t()
C-E3:\tAnger;\t()
C-E4:\tSurprise;\t()
C-M1:\tNeutral state;\t()
A-E3:\tval 2; act 4; dom  3;\t()

"""
SCRIPT = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[1.0000 - 2.0000]\tSes05M_script01_1b_F000\texc\t[4.0000, 3.5000, 3.0000]
C-E1:\tExcited;\t()

[3.0000 - 4.0000]\tSes05M_script01_1b_M001\tfru\t[2.0000, 3.5000, 3.0000]
C-E1:\tFrustration;\t()

"""


@pytest.fixture
def iemocap(tmp_path):
    for session, dialogue, text in ((1, "Ses01F_impro01", IMPRO), (5, "Ses05M_script01_1b", SCRIPT)):
        dialog = tmp_path / f"Session{session}" / "dialog"
        write(dialog / "EmoEvaluation" / f"{dialogue}.txt", text)
        write(dialog / "EmoEvaluation" / f"._{dialogue}.txt", b"\x00\x05\x16\x07")
        touch(dialog / "avi" / "DivX" / f"{dialogue}.avi")
    write(
        tmp_path / "Session1/dialog/transcriptions/Ses01F_impro01.txt",
        b"Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.\n"
        b"M: Thank you.\nSes01F_impro01_M003 [010.0100-011.3925]: That\x92s it.\n",
    )
    for session, turn in (
        (1, "Ses01F_impro01_F000"),
        (1, "Ses01F_impro01_M003"),
        (5, "Ses05M_script01_1b_F000"),
        (5, "Ses05M_script01_1b_F099"),
    ):
        touch(tmp_path / f"Session{session}" / "sentences" / "wav" / turn[:-5] / f"{turn}.wav")
    return tmp_path


def test_the_speaker_of_iemocap_is_not_who_wears_the_markers(iemocap):
    woman, man, _ = part("iemocap", iemocap).manifest
    assert (woman.speaker, man.speaker, man.extra["gender"]) == ("Ses01F", "Ses01M", "male")
    assert man.id == "Ses01F_impro01_M003"
    assert man.file == str(iemocap / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M003.wav")


def test_times_of_iemocap_belong_to_the_dialogue_and_not_to_the_sentence(iemocap):
    turn = part("iemocap", iemocap).manifest[0]
    assert (turn.start, turn.end) == (None, None)
    assert (turn.extra["dialogue_start"], turn.extra["dialogue_end"]) == (6.2901, 8.2357)
    assert turn.extra["dialogue_video"] == str(iemocap / "Session1/dialog/avi/DivX/Ses01F_impro01.avi")
    assert (turn.session, turn.dialogue, turn.parent) == ("Ses01", "Ses01F_impro01", "Ses01F_impro01")


def test_ratings_of_iemocap_are_valence_activation_dominance_in_this_order(iemocap):
    turn = part("iemocap", iemocap).manifest.by_id("Ses01F_impro01_M003")
    assert (turn.valence, turn.arousal, turn.dominance) == (2.0, 3.5, 3.0)


def test_every_rater_of_iemocap_is_kept_and_actors_do_not_vote_on_themselves(iemocap):
    turn, unclear, _ = part("iemocap", iemocap).manifest
    votes = {vote["rater"]: vote for vote in turn.votes}
    assert votes["E2"] == {"rater": "E2", "label": "neu"}
    assert votes["E3"] == {
        "rater": "E3",
        "label": ["neu", "fru"],
        "valence": 3.0,
        "arousal": 2.0,
        "dominance": 2.0,
    }
    assert votes["E4"] == {"rater": "E4", "label": "neu", "valence": 2.0, "arousal": 3.0}
    assert votes["F1"]["label"] == "ang"
    assert turn.label_distribution == pytest.approx({"fru": 1 / 6, "neu": 5 / 6})
    assert unclear.label == "xxx"
    assert sorted(unclear.label_distribution) == ["ang", "sad", "sur"]


def test_scripted_turns_of_iemocap_share_a_text_and_improvised_do_not(iemocap):
    turn, _, scripted = part("iemocap", iemocap).manifest
    assert (turn.text_id, turn.extra["scenario"], turn.text) == (None, "improvised", "Excuse me.")
    assert (scripted.text_id, scripted.extra["scenario"], scripted.text) == ("script01_1", "scripted", None)


def test_cp1252_bytes_in_transcripts_become_their_characters(iemocap):
    assert part("iemocap", iemocap).manifest.by_id("Ses01F_impro01_M003").text == "That’s it."


def test_turns_without_sound_and_sounds_without_turn_are_differences(iemocap):
    differences = part("iemocap", iemocap).differences
    assert "1 missing: Ses05M_script01_1b_M001" in differences
    assert "1 unexpected: Ses05M_script01_1b_F099" in differences
    assert "3 of 10,039 utterances" in differences


def test_a_line_of_iemocap_in_another_form_is_an_error_with_its_place(iemocap):
    path = iemocap / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    write(path, IMPRO.replace("C-E2:\tSadness", "K-E2:\tSadness"))
    assert f"{path}, line 13: 'K-E2:" in refusal("iemocap", iemocap)


def test_counts_of_iemocap_agree_with_one_another(iemocap):
    for by in (("label",), ("session",), ("scenario",)):
        assert sum(expected("iemocap", by, iemocap).values()) == 10_039
    assert sum(expected("iemocap", ("session",), iemocap, of="dialogue").values()) == 151
    labels = expected("iemocap", ("label",), iemocap)
    assert sum(labels[name] for name in ("ang", "hap", "exc", "neu", "sad")) == 5531


EVALUATION = """UTD-IMPROV-S01A-F01-P-FM01.avi; N; A:2.600000; V:3.200000; D:3.000000 ; N:3.600000;
ANNOTATOR-1; Neutral; Calm, Concerned; A:3.000000; V:3.000000; D:3.000000; N:4.000000;
ANNOTATOR-2; Happy; ; A:2.000000; V:4.000000; D:NaN; N:NaN;
ANNOTATOR-1; Neutral; Calm, Concerned; A:3.000000; V:3.000000; D:3.000000; N:4.000000;

UTD-IMPROV-S01A-M01-R-FM01.avi; X; A:2.000000; V:2.500000; D:NaN ; N:NaN;
ANNOTATOR-3; Angry,Sad; not; sure; A:2.000000; V:2.000000; D:NaN; N:NaN;
ANNOTATOR-4; Other; confused; A:2.000000; V:3.000000; D:NaN; N:NaN;

UTD-IMPROV-S20S-F06-T-MF02.avi; O; A:2.0; V:2.5; D:3 ; N:3;
"""
TURNS = ("MSP-IMPROV-S01A-F01-P-FM01", "MSP-IMPROV-S01A-M01-R-FM01", "MSP-IMPROV-S20S-F06-T-MF02")


@pytest.fixture
def improv(tmp_path):
    write(tmp_path / "Evalution.txt", EVALUATION)
    for turn in TURNS:
        folder = tmp_path / f"session{int(turn[17:19])}" / turn[11:15] / turn[20]
        touch(folder / f"{turn}.wav", folder / f"{turn}.avi")
    return tmp_path


@pytest.mark.parametrize("name", ["Evalution.txt", "Evaluation.txt"])
def test_the_labels_of_msp_improv_are_found_spelt_wrong_or_right(improv, name):
    (improv / "Evalution.txt").rename(improv / name)
    assert part("msp-improv", improv).manifest.ids == list(TURNS)


def test_two_files_of_labels_are_refused(improv):
    write(improv / "Evaluation.txt", EVALUATION)
    assert "has both Evalution.txt and Evaluation.txt" in refusal("msp-improv", improv)


def test_names_of_msp_improv_give_speaker_session_sentence_and_scenario(improv):
    natural, read, target = part("msp-improv", improv).manifest
    assert (natural.speaker, natural.session, natural.text_id) == ("F01", "01", None)
    assert (read.speaker, read.session, read.text_id, read.dialogue) == ("M01", "01", "S01", None)
    assert (target.speaker, target.session, target.text_id) == ("F06", "06", "S20")
    assert [u.extra["scenario"] for u in (natural, read, target)] == [
        "natural",
        "target read",
        "target improvised",
    ]
    assert target.extra["target_emotion"] == "sadness"
    assert natural.file == str(improv / "session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav")
    assert natural.video == natural.file.replace(".wav", ".avi")


def test_o_and_x_are_labels_of_msp_improv_and_nan_is_nothing(improv):
    natural, read, target = part("msp-improv", improv).manifest
    assert [u.label for u in (natural, read, target)] == ["N", "X", "O"]
    assert (natural.arousal, natural.valence, natural.dominance) == (2.6, 3.2, 3.0)
    assert (read.arousal, read.valence, read.dominance) == (2.0, 2.5, None)
    assert natural.extra["naturalness"] == 3.6
    assert "naturalness" not in read.extra


def test_repeated_raters_of_msp_improv_are_dropped_and_counted(improv):
    prepared = part("msp-improv", improv)
    natural, read, target = prepared.manifest
    assert [vote["rater"] for vote in natural.votes] == ["ANNOTATOR-1", "ANNOTATOR-2"]
    assert natural.label_distribution == {"H": 0.5, "N": 0.5}
    assert read.votes[0]["also"] == ["Sad", "not; sure"]
    assert read.label_distribution == {"A": 0.5, "O": 0.5}
    assert (target.votes, target.label_distribution) == (None, None)
    assert prepared.notes == ["1 vote dropped: the rater had voted on the turn already"]


def test_a_line_of_msp_improv_in_another_form_is_an_error_with_its_place(improv):
    write(improv / "Evalution.txt", EVALUATION.replace("V:4.000000", "V:four"))
    assert f"{improv / 'Evalution.txt'}, line 3: 'ANNOTATOR-2" in refusal("msp-improv", improv)


def test_a_turn_without_sound_is_missing_in_msp_improv(improv):
    (improv / "session6/S20S/T" / f"{TURNS[2]}.wav").unlink()
    assert f"1 missing: {TURNS[2]}" in part("msp-improv", improv).differences


def test_counts_of_msp_improv_agree_with_its_total(improv):
    assert sum(expected("msp-improv", ("scenario",), improv).values()) == 8438
    assert sum(expected("msp-improv", ("label",), improv).values()) == 7798  # the rest is O or X


def test_votes_survive_every_format(improv, tmp_path):
    manifest = part("msp-improv", improv).manifest
    for suffix in ("csv", "jsonl", "parquet"):
        again = Manifest.read(manifest.write(tmp_path / f"m.{suffix}"))
        assert again.fingerprint == manifest.fingerprint


def test_mixed_votes_of_iemocap_survive_every_format(iemocap, tmp_path):
    manifest = part("iemocap", iemocap).manifest
    for suffix in ("csv", "jsonl", "parquet"):
        assert Manifest.read(manifest.write(tmp_path / f"m.{suffix}")).fingerprint == manifest.fingerprint


# Columns: anger, disgust, fear, joy, neutral, sadness, surprise.
MELD = {
    "train": (1109, 271, 268, 1743, 4710, 683, 1205),
    "dev": (153, 22, 40, 163, 470, 111, 150),
    "test": (345, 68, 50, 402, 1256, 208, 281),
}


@pytest.fixture(scope="module")
def release(test_data):
    """The tables as they are released."""
    return prepare("meld", test_data / "meld", no_media=True, audio_check=False)


def test_the_tables_of_meld_have_the_published_counts(release):
    assert release.differences == []
    manifest = release.manifest
    counts = Counter(zip(manifest.column("split"), manifest.column("label"), strict=True))
    names = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
    assert counts == {(s, n): k for s, ks in MELD.items() for n, k in zip(names, ks, strict=True)}
    dialogues = Counter(d.partition("_")[0] for d in set(manifest.column("dialogue")))
    assert dialogues == {"train": 1038, "dev": 114, "test": 280}
    lengths = Counter(manifest.column("dialogue"))
    assert max(lengths.values()) == 33
    assert manifest[0].partial is None


def test_texts_of_meld_are_free_of_damaged_characters(release):
    manifest = release.manifest
    texts = "".join(manifest.column("text"))
    assert not [c for c in texts if "\x80" <= c <= "\x9f" or "\ud800" <= c <= "\udfff" or c == "\ufffd"]
    first = manifest.by_id("train_dia0_utt0")
    assert first.text.startswith("also I was the point person on my company’s transition")
    assert (first.speaker, first.extra["sentiment"]) == ("Chandler", "neutral")
    assert (first.extra["episode_start"], first.extra["episode_end"]) == (976.059, 981.731)
    assert (first.start, first.end, first.file) == (None, None, None)


HEADER = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\r\n"
)
ROW = '{},"{}",Ross,{},negative,{},{},8,21,"00:16:16,059","0:16:21,7"\r\n'


@pytest.fixture
def meld(tmp_path):
    """Ids that restart, single bytes of cp1252, the control characters they became, and proper UTF-8."""
    odd = ROW.format(1, "I@m sure\x85 it\x92s caf\xe9", "joy", 0, 0).encode().replace(b"@", b"\x92")
    write(
        tmp_path / "train_sent_emo.csv", HEADER.encode() + odd + ROW.format(2, "No", "anger", 0, 1).encode()
    )
    for split in ("dev", "test"):
        write(tmp_path / f"{split}_sent_emo.csv", HEADER + ROW.format(1, f"Hey {split}", "fear", 0, 0))
    touch(tmp_path / "train_splits/dia0_utt0.mp4", tmp_path / "train_splits/dia0_utt1.mp4")
    touch(tmp_path / "dev_splits_complete/dia0_utt0.mp4", tmp_path / "dev_splits_complete/dia9_utt9.mp4")
    touch(tmp_path / "output_repeated_splits_test/dia0_utt0.mp4")
    touch(tmp_path / "output_repeated_splits_test/final_videos_testdia0_utt0.mp4")
    return tmp_path


def test_ids_of_meld_that_restart_in_each_split_stay_apart(meld):
    manifest = part("meld", meld).manifest
    assert manifest.ids == ["dev_dia0_utt0", "test_dia0_utt0", "train_dia0_utt0", "train_dia0_utt1"]
    assert manifest.column("text")[:2] == ["Hey dev", "Hey test"]
    assert manifest.by_id("dev_dia0_utt0").file == str(meld / "dev_splits_complete/dia0_utt0.mp4")
    assert len(set(manifest.column("dialogue"))) == 3


def test_damaged_characters_of_meld_are_repaired_and_good_ones_kept(meld):
    assert part("meld", meld).manifest.by_id("train_dia0_utt0").text == "I’m sure… it’s café"


def test_a_sound_file_is_taken_before_the_sound_of_a_video(meld):
    touch(meld / "train_splits/dia0_utt1.wav")
    row = part("meld", meld).manifest.by_id("train_dia0_utt1")
    assert (row.file, row.video) == (
        str(meld / "train_splits/dia0_utt1.wav"),
        str(meld / "train_splits/dia0_utt1.mp4"),
    )


def test_a_row_of_meld_without_clip_is_missing_and_a_clip_without_row_is_told(meld):
    (meld / "train_splits/dia0_utt1.mp4").unlink()
    prepared = part("meld", meld)
    assert "1 missing: train_dia0_utt1" in prepared.differences
    assert prepared.manifest[0].partial == "3 of 13,708 utterances"
    assert prepared.notes == ["1 clip without a row in the tables: dev_dia9_utt9"]


def test_meld_without_clips_needs_to_be_asked_for(meld, tmp_path):
    for path in meld.rglob("*.mp4"):
        path.unlink()
    assert "--no-media" in refusal("meld", meld, allow_partial=True)
    assert len(part("meld", meld, no_media=True).manifest) == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Emotion,", "Emotions,", "no column 'Emotion'"),
        (",anger,", ",angry,", "line 3, column 'Emotion': 'angry' is none of anger, "),
        (',1,8,21,"00:16:16,059"', ',1,8,21,"16.059"', "column 'StartTime': '16.059' is no time"),
        (",0,1,8,21,", ",0,0,8,21,", "train_dia0_utt0 occurs twice"),
        (",0,1,8,21,", ",0,one,8,21,", "a number is missing or wrong"),
        (",0,1,8,21,", ",0,1,8,21,,", "line 3: the number of fields is not that of the header"),
    ],
)
def test_a_mistake_in_a_table_of_meld_is_an_error_with_its_place(meld, old, new, message):
    path = meld / "train_sent_emo.csv"
    write(path, path.read_bytes().replace(old.encode(), new.encode()))
    text = refusal("meld", meld)
    assert str(path) in text
    assert message in text


@pytest.mark.parametrize(
    ("time", "value"), [("00:16:21,731", 981.731), ("0:00:01,5", 1.5), ("1:00:00,000", 3600)]
)
def test_times_of_meld_have_one_or_two_digits_of_hours(time, value):
    assert seconds(time) == pytest.approx(value, abs=1e-9)


LABELS = "timestamp,value,segment_id\n0,0.1,0\n250,0.3,0\n1000,-0.5,1\n1250,,1\n"


@pytest.fixture
def muse(tmp_path):
    write(tmp_path / "partition.csv", "Id,Proposal\n1,train\n2,devel\n3,test\n")
    for clip in ("1", "2"):
        for name in ("arousal", "valence"):
            write(
                tmp_path / "label" / name / f"{clip}.csv",
                LABELS if name == "arousal" else LABELS.replace("0.1", "0.5"),
            )
    touch(
        *(tmp_path / "audio" / c / f"{c}_{s}.wav" for c in "12" for s in "01"), tmp_path / "audio/3/3_0.wav"
    )
    write(
        tmp_path / "transcription/1/1_0.csv",
        "start,end,segment_id,word\n0,200,0,A\n200,300,0,<breath>\n300,500,0,car.\n",
    )
    write(tmp_path / "transcription/1/1_1.csv", "start,end,segment_id\n0,200,1\n")
    return tmp_path


def test_segments_of_muse_car_have_means_times_and_their_curves(muse):
    manifest = part("muse-car", muse).manifest
    assert manifest.ids == ["1_0", "1_1", "2_0", "2_1", "3_0"]
    first, second = manifest[0], manifest[1]
    assert (first.parent, first.split, first.text) == ("1", "train", "A car.")
    assert (first.arousal, first.valence) == (pytest.approx(0.2), pytest.approx(0.4))
    assert (first.extra["segment_start"], first.extra["segment_end"]) == (0.0, 0.5)
    assert first.extra["arousal_file"] == str(muse / "label/arousal/1.csv")
    assert (second.arousal, second.extra["segment_start"], second.extra["segment_end"]) == (-0.5, 1.0, 1.5)


def test_devel_is_dev_and_the_test_clips_of_muse_car_have_no_labels(muse):
    prepared = part("muse-car", muse)
    assert prepared.manifest.column("split") == ["train", "train", "dev", "dev", "test"]
    test = prepared.manifest.by_id("3_0")
    assert (test.arousal, test.valence, test.extra.get("segment_start")) == (None, None, None)
    assert not [line for line in prepared.differences if "missing" in line]
    assert "split (parents): dev 1 of 62, test 1 of 64, train 1 of 166" in prepared.differences
    assert prepared.notes == ["1 transcript without the four columns left out"]


def test_what_muse_car_lacks_is_named(muse):
    (muse / "label/valence/2.csv").unlink()
    (muse / "audio/1/1_1.wav").unlink()
    (muse / "audio/3/3_0.wav").unlink()
    touch(muse / "audio/9/9_0.wav", muse / "audio/jingle.wav")
    differences = part("muse-car", muse).differences
    assert "3 missing: clip 3, 1_1, label/valence/2.csv" in differences
    assert "2 unexpected: 9_0, jingle" in differences


def test_a_partition_without_header_and_with_an_unknown_split(muse):
    write(muse / "partition.csv", "1,train\n2,devel\n3,test\n")
    assert len(part("muse-car", muse).manifest) == 5
    write(muse / "partition.csv", "Id,Proposal\n1,train\n2,develop\n")
    assert "line 3: 'develop' is none of train, devel, test (did you mean 'devel'?)" in refusal(
        "muse-car", muse
    )


def test_continuous_labels_and_features_are_read_with_times_in_seconds(tmp_path):
    labels = read_continuous(write(tmp_path / "l.csv", LABELS))
    np.testing.assert_array_equal(labels.times, [0.0, 0.25, 1.0, 1.25])
    np.testing.assert_array_equal(labels.values[:, 0], [0.1, 0.3, -0.5, np.nan])
    assert (labels.segments, labels.columns) == (("0", "0", "1", "1"), ("value",))
    features = read_continuous(
        write(tmp_path / "f.csv", "timestamp,segment_id,f0,energy\n0,1.0,100,2\n250,nan,110,3\n")
    )
    assert (features.segments, features.columns) == (("1", ""), ("f0", "energy"))
    np.testing.assert_array_equal(features.of("1").values, [[100, 2]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,value,segment_id\n", "no column 'timestamp' (did you mean 'time'?)"),
        ("timestamp,value,segment_id\n0,x,0\n", "line 2, column 'value': 'x' is not a number"),
        ("timestamp,value,segment_id\n0,1,0\n0,1,0\n", "line 3, column 'timestamp': '0' does not come after"),
        ("timestamp,value,segment_id\n0,1\n", "line 2: 2 fields, the header has 3"),
    ],
)
def test_a_mistake_in_a_curve_is_an_error_with_its_place(tmp_path, text, message):
    with pytest.raises(UsageError) as refused:
        read_continuous(write(tmp_path / "l.csv", text))
    assert message in str(refused.value)
