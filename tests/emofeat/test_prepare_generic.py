"""Corpora without a reader of their own, the command line, and what all corpora share."""

from __future__ import annotations

import shutil
from collections import Counter

import pytest
from prepare_tools import expected, part, refusal, touch, write

from emofeat import cli
from emofeat.corpus.labels import LABEL_MAPS
from emofeat.corpus.manifest import Manifest
from emofeat.corpus.prepare import CORPORA, corpus, prepare


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "corpus"
    touch(
        *(root / s / e / f"{s}_{e}_{n}.wav" for s in ("ann", "bob") for e in ("joy", "anger") for n in "12")
    )
    return root


def test_the_folder_of_a_recording_is_its_label(tree):
    manifest = part("folders", tree / "ann").manifest
    assert manifest.ids == ["anger/ann_anger_1", "anger/ann_anger_2", "joy/ann_joy_1", "joy/ann_joy_2"]
    assert manifest.column("label") == ["anger", "anger", "joy", "joy"]
    assert set(manifest.column("corpus")) == {"ann"}


def test_levels_of_folders_stand_for_columns(tree):
    row = part("folders", tree, layout="speaker/label").manifest.by_id("bob/joy/bob_joy_1")
    assert (row.speaker, row.label) == ("bob", "joy")


def test_speakers_are_found_in_file_names(tree):
    manifest = part("folders", tree / "bob", speaker=r"/([a-z]+)_").manifest
    assert set(manifest.column("speaker")) == {"bob"}
    assert "finds nothing in it" in refusal("folders", tree / "bob", speaker="^x")
    assert "not a regular expression" in refusal("folders", tree / "bob", speaker="(")


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("speakr/label", "'speakr' is no column that folders can stand for (did you mean 'speaker'?)"),
        ("label/label", "a column occurs twice"),
        ("split/session/speaker/label", "files below"),
    ],
)
def test_a_layout_that_does_not_fit_is_refused(tree, layout, message):
    assert message in refusal("folders", tree, layout=layout)


def test_recordings_above_the_level_of_labels_are_unexpected(tree):
    touch(tree / "ann" / "stray.wav")
    assert "1 unexpected: stray.wav" in refusal("folders", tree / "ann")
    assert part("folders", tree / "ann").manifest[0].partial == "4 of 4 utterances, 0 missing, 1 unexpected"


def test_two_codings_of_one_recording_are_refused(tree):
    touch(tree / "ann" / "joy" / "ann_joy_1.flac")
    assert "joy/ann_joy_1 that differ in their suffix" in refusal("folders", tree / "ann")


@pytest.fixture
def table(tree):
    return write(
        tree / "list.csv",
        "path,Emotion,who,age,t0,t1\nann/joy/ann_joy_1.wav,joy,01,31,0.5,1.25\nbob/joy/bob_joy_1.wav,anger,02,40,,\n",
    )


NAMES = {"file": "path", "label": "Emotion", "speaker": "who", "start": "t0", "end": "t1"}


def test_columns_of_a_table_are_named_to_ours_and_others_kept(table):
    prepared = prepare("csv", table, column=NAMES, audio_check=False)
    first, second = prepared.manifest
    assert (first.id, second.id) == ("ann/joy/ann_joy_1@0.5-1.25", "bob/joy/bob_joy_1")
    assert (first.label, first.speaker, first.start, first.end) == ("joy", "01", 0.5, 1.25)
    assert first.file == str(table.parent / "ann/joy/ann_joy_1.wav")
    assert (first.extra, second.start, first.partial) == ({"age": 31}, None, None)


def test_files_of_a_table_can_count_from_another_folder(table, tmp_path):
    moved = table.rename(tmp_path / "list.csv")
    assert "2 missing" in refusal("csv", moved, column=NAMES)
    assert len(part("csv", moved, column=NAMES, media=tmp_path / "corpus").manifest) == 2


def test_rows_of_a_table_without_their_file_are_a_difference(table):
    (table.parent / "bob/joy/bob_joy_1.wav").unlink()
    assert "1 missing: bob/joy/bob_joy_1" in refusal("csv", table, column=NAMES)
    assert part("csv", table, column=NAMES).manifest[0].partial == "1 of 2 utterances"


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"lable": "Emotion"}, "a manifest has no such column (did you mean 'label'?)"),
        ({"label": "emotions"}, "no column 'emotions' (did you mean 'Emotion'?)"),
        ({"label": "Emotion"}, "no column is called id or file"),
        (NAMES | {"start": "Emotion"}, "line 2, column 'Emotion': 'joy' is not a number"),
    ],
)
def test_a_column_that_there_is_not_is_refused(table, column, message):
    assert message in refusal("csv", table, column=column)


def test_a_mistyped_corpus_or_option_is_suggested():
    assert "there is no corpus 'ravdes' (did you mean 'ravdess'?)" in refusal("ravdes", ".")
    assert "ravdess has no option 'sing' (did you mean 'song'?)" in refusal("ravdess", ".", sing=True)
    assert "emodb has no option 'song'; it has none" in refusal("emodb", ".", song=True)
    assert [corpus(name).name for name in ("RAVDESS", "crema_d", "CremaD")] == [
        "ravdess",
        "crema-d",
        "crema-d",
    ]


# Label maps count the classes of complete corpora, readers the corpora's own words: two lists of numbers.
COUNTS = {
    "ravdess8": {"03-01-01-01-01-01-01.wav": b""},
    "ravdess7-calm-neutral": {"03-01-01-01-01-01-01.wav": b""},
    "emodb7": {"03a01Fa.wav": b""},
    "crema-d6": {"1001_DFA_ANG_XX.wav": b""},
    "iemocap4-exc-merged": {"Session1/dialog/EmoEvaluation/Ses01F_impro01.txt": b""},
    "iemocap4-no-exc": {"Session1/dialog/EmoEvaluation/Ses01F_impro01.txt": b""},
    "msp-improv4": {"Evaluation.txt": b""},
}


@pytest.mark.parametrize("name", COUNTS)
def test_label_maps_know_the_words_of_readers_and_agree_on_their_number(tmp_path, name):
    label = LABEL_MAPS[name]
    (corpus_name,) = label.expected
    for path, content in COUNTS[name].items():
        write(tmp_path / path, content)
    classes: Counter[str] = Counter()
    for word, n in expected(corpus_name, ("label",), tmp_path).items():
        meaning = label.class_of(word)
        if meaning is not None:
            classes[meaning] += n
    assert classes == label.expected[corpus_name]


@pytest.mark.parametrize("name", ["meld7", "meld3-sentiment"])
def test_label_maps_and_the_tables_of_meld_agree(test_data, name):
    labelled = LABEL_MAPS[name].apply(part("meld", test_data / "meld", no_media=True).manifest)
    assert labelled.counts == LABEL_MAPS[name].expected["meld"]
    assert (labelled.differences, labelled.left_out) == ((), {})


def run(capsys, *args):
    code = cli.run(["prepare", *map(str, args)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_list_names_every_corpus_and_what_it_reads(capsys):
    code, out, _ = run(capsys, "--list")
    assert code == 0
    for known in CORPORA.values():
        assert known.title in out
        assert known.reads in out


@pytest.mark.parametrize("name", CORPORA)
def test_help_shows_the_options_of_a_corpus(capsys, name):
    code, out, _ = run(capsys, name, "--help")
    assert code == 0
    for option in CORPORA[name].options:
        assert f"--{option.name.replace('_', '-')}" in out


def test_the_command_refuses_a_part_and_takes_it_when_asked(capsys, tmp_path):
    touch(tmp_path / "emodb" / "03a01Fa.wav")
    target = tmp_path / "emodb.csv"
    code, _, err = run(capsys, "emodb", tmp_path / "emodb", "-o", target, "--no-audio-check")
    assert code == 2
    assert "is not the complete emodb" in err
    assert "1 of 535 utterances" in err
    assert not target.exists()
    code, out, err = run(
        capsys, "emodb", tmp_path / "emodb", "-o", target, "--no-audio-check", "--allow-partial"
    )
    assert (code, out) == (0, "")
    for line in (
        "emodb: 1 utterance: ",
        "label    happiness 1",
        "speaker  03 1",
        "label: anger 0 of 127, boredom 0 of 81",
    ):
        assert line in err
    assert Manifest.read(target)[0].partial == "1 of 535 utterances"


def test_paths_below_the_manifest_are_relative_and_move_with_it(capsys, tree, tmp_path):
    code, _, _ = run(capsys, "folders", tree / "ann", "-o", tree / "m.csv", "--no-audio-check")
    assert code == 0
    manifest = Manifest.read(tree / "m.csv")
    assert manifest[0].file == "ann/anger/ann_anger_1.wav"
    assert manifest.audio_path(manifest[0]).is_file()
    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    assert run(capsys, "folders", tree / "ann", "-o", elsewhere / "m.jsonl", "--no-audio-check")[0] == 0
    assert Manifest.read(elsewhere / "m.jsonl")[0].file == str(tree / "ann/anger/ann_anger_1.wav")


def test_the_command_reads_a_table_with_named_columns(capsys, table):
    pairs = [part for ours, theirs in NAMES.items() for part in ("--column", f"{ours}={theirs}")]
    target = table.parent / "m.parquet"
    assert run(capsys, "csv", table, "-o", target, "--no-audio-check", *pairs)[0] == 0
    assert Manifest.read(target).column("age") == [31, 40]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["emodbb", "ROOT", "-o", "m.csv"], "there is no corpus 'emodbb' (did you mean 'emodb'?)"),
        (["emodb", "ROOT", "-o", "m.txt"], "not the name of a table"),
        (["emodb", "ROOT", "-o", "ROOT/none/m.csv"], "no such folder to write m.csv to"),
        (["emodb", "ROOT", "-o", "ROOT/03a01Fa.csv"], "exists; --overwrite replaces it"),
        (["emodb", "ROOT"], "Missing option '-o'"),
        (["emodb", "ROOT", "-o", "m.csv", "--allow-partal"], "Did you mean '--allow-partial'?"),
        (["csv", "ROOT/03a01Fa.csv", "-o", "ROOT/m.csv", "--column", "label"], "is not OURS=THEIRS"),
        (["emodb", "ROOT/none", "-o", "ROOT/m.csv"], "no such folder"),
        (["csv", "ROOT/none.csv", "-o", "ROOT/m.csv"], "no such file"),
        (["ravdess", "ROOT/twice", "-o", "ROOT/m.csv"], "no RAVDESS files below"),
    ],
)
def test_wrong_usage_is_two_and_says_what_to_do(capsys, tmp_path, args, message):
    touch(tmp_path / "03a01Fa.wav")
    write(tmp_path / "03a01Fa.csv", "id,file\n")
    touch(tmp_path / "twice/a/one.wav")
    touch(tmp_path / "twice/b/one.wav")
    code, _, err = run(capsys, *(arg.replace("ROOT", str(tmp_path)) for arg in args))
    assert code == 2
    assert message in err
    # Nothing is announced that does not happen.
    assert args[0] == "ravdess" or "decoded" not in err


def test_recordings_that_sound_the_same_are_marked(test_data, tmp_path):
    source = test_data / "ravdess16k" / "Actor_07"
    names = ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07", "03-01-04-01-02-01-07")
    for name in names:
        shutil.copy(source / f"{name}.flac", tmp_path)
    manifest = prepare("ravdess", tmp_path, allow_partial=True).manifest
    assert manifest.column("audio_group") == [names[0], names[0], names[2]]
    without = prepare("ravdess", tmp_path, allow_partial=True, audio_check=False).manifest
    assert without.column("audio_group") == [None] * 3
