"""From inputs to utterances: folders, globs, manifests, ids, and every mistake a manifest can hold."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_tools import corpus, write_wav

from emofeat.engine.errors import UsageError
from emofeat.engine.inputs import gather


def ids(*inputs, **options):
    return [item.id for item in gather([os.fspath(i) for i in inputs], **options).items]


def test_a_folder_gives_its_recordings_by_path_below_it_without_suffix(tmp_path):
    for name in (
        "b/two.FLAC",
        "a/one.wav",
        "notes.txt",
        ".hidden.wav",
        "a/._one.wav",
        ".git/x.wav",
        "c/clip.mp4",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert ids(tmp_path) == ["a/one", "b/two", "c/clip"]


def test_all_files_takes_every_suffix_but_no_hidden_file(tmp_path):
    for name in ("one.wav", "two.dat", "three", ".hidden"):
        (tmp_path / name).write_bytes(b"x")
    assert ids(tmp_path, all_files=True) == ["one", "three", "two"]


def test_ids_of_several_inputs_count_from_the_folder_that_holds_them_all(tmp_path):
    write_wav(tmp_path / "train" / "dia0_utt0.wav")
    write_wav(tmp_path / "dev" / "dia0_utt0.wav")
    assert ids(tmp_path / "train", tmp_path / "dev") == ["dev/dia0_utt0", "train/dia0_utt0"]
    assert ids(tmp_path / "train" / "dia0_utt0.wav") == ["dia0_utt0"]


def test_a_glob_counts_from_the_part_before_its_first_wildcard(tmp_path):
    corpus(tmp_path / "c", 12)
    (tmp_path / "c" / "speaker00" / "note.txt").write_text("x")
    assert ids(tmp_path / "c" / "**" / "*.wav") == ids(tmp_path / "c")
    assert ids(tmp_path / "c" / "speaker0*") == ids(tmp_path / "c")
    with pytest.raises(UsageError, match=r"no file matches '.*\*\.ogg'"):
        ids(tmp_path / "c" / "*.ogg")


def test_a_name_with_brackets_that_exists_is_a_file_not_a_glob(tmp_path):
    write_wav(tmp_path / "take[1].wav")
    assert ids(tmp_path / "take[1].wav") == ["take[1]"]


def test_links_to_folders_are_followed_but_never_in_a_circle(tmp_path):
    write_wav(tmp_path / "real" / "one.wav")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "link").symlink_to(tmp_path / "real")
    (tmp_path / "c" / "back").symlink_to(tmp_path / "c")
    assert ids(tmp_path / "c") == ["link/one"]


def test_a_file_given_twice_counts_once(tmp_path):
    path = write_wav(tmp_path / "one.wav")
    assert ids(path, path, tmp_path) == ["one"]


def test_the_output_folder_is_no_input(tmp_path):
    write_wav(tmp_path / "one.wav")
    write_wav(tmp_path / "feats" / "cache.wav")
    assert ids(tmp_path, skip=tmp_path / "feats") == ["one"]


def test_two_recordings_with_one_id_are_named_both(tmp_path):
    write_wav(tmp_path / "one.wav")
    (tmp_path / "one.flac").write_bytes(b"x")
    with pytest.raises(UsageError, match=r"two recordings have the id 'one': .*one\.flac and .*one\.wav"):
        ids(tmp_path)
    table = tmp_path / "m.csv"
    table.write_text("file,id\none.wav,a\none.wav,b\none.flac,a\n")
    with pytest.raises(UsageError, match=r"the id 'a': .*m\.csv, line (2|4) and .*m\.csv, line (2|4);"):
        ids(table)


def test_nothing_found_is_an_error_that_says_where_was_looked(tmp_path):
    with pytest.raises(UsageError, match=rf"no recordings in {tmp_path}"):
        ids(tmp_path)
    with pytest.raises(UsageError, match="no such file or folder"):
        ids(tmp_path / "missing")


ROWS = [
    {"file": "a/one.wav", "id": "x", "start": 0.5, "end": 1.5, "speaker": "01", "age": 31, "score": 0.5},
    {"file": "a/two.wav", "id": "y", "start": None, "end": None, "speaker": "02", "age": None, "score": 1.0},
]


def manifest(folder: Path, suffix: str) -> Path:
    path = folder / f"m{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        comma = "\t" if suffix == ".tsv" else ","
        lines = [ROWS[0].keys(), *(row.values() for row in ROWS)]
        path.write_text(
            "".join(comma.join("" if v is None else str(v) for v in line) + "\n" for line in lines)
        )
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_every_kind_of_manifest_says_the_same(tmp_path, suffix):
    found = gather([os.fspath(manifest(tmp_path, suffix))])
    assert [(i.id, i.path, i.start, i.end) for i in found.items] == [
        ("x", str(tmp_path / "a/one.wav"), 0.5, 1.5),
        ("y", str(tmp_path / "a/two.wav"), None, None),
    ]
    carried = found.carried.take([item.row for item in found.items])
    # A speaker "01" stays text in CSV too.
    assert carried.to_pylist() == [
        {"speaker": "01", "age": 31, "score": 0.5},
        {"speaker": "02", "age": None, "score": 1.0},
    ]


def test_rows_without_ids_are_called_by_their_file_and_times(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("file,start,end\na.wav,0,1.5\na.wav,1.5,\nb.wav,,\n")
    assert ids(path) == ["a@0-1.5", "a@1.5-", "b"]


def test_columns_that_one_of_two_manifests_lacks_are_null_there(tmp_path):
    (tmp_path / "a.csv").write_text("file,label\na.wav,angry\n")
    (tmp_path / "b.csv").write_text("file,age\nb.wav,30\n")
    found = gather([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")])
    assert found.carried.to_pylist() == [{"label": "angry", "age": None}, {"label": None, "age": 30}]


MISTAKES = [
    ("m.csv", "path,id\na.wav,x\n", r"no column 'file'; the columns are 'path', 'id'"),
    ("m.csv", "files\na.wav\n", r"no column 'file'; the columns are 'files' \(did you mean 'files'\?\)"),
    ("m.csv", "", r"no column 'file'; the columns are none"),
    (
        "m.csv",
        "file,start\na.wav,0\nb.wav,soon\n",
        r"line 3, column 'start': 'soon' is not a time in seconds",
    ),
    ("m.csv", "file,start\na.wav,-1\n", r"line 2, column 'start': '-1' is not a time"),
    ("m.csv", "file,end\na.wav,nan\n", r"line 2, column 'end': 'nan' is not a time"),
    ("m.csv", "file,start,end\na.wav,2,1\n", r"line 2, column 'end': the segment ends at 1 s.*start, 2 s"),
    ("m.csv", "file,id\na.wav,\n", r"line 2, column 'id': '' is not an id"),
    ("m.csv", "file,id\n,x\n", r"line 2, column 'file': missing; a row without a recording has nothing"),
    ("m.csv", "file,file\na.wav,b.wav\n", r"the column 'file' occurs twice"),
    ("m.csv", 'file,text\n"a.wav","one\ntwo"\nb.wav\n', r"line 4: 1 fields, the header has 2"),
    (
        "m.jsonl",
        '{"file": "a.wav"}\n{"flie": "b.wav"}\n',
        r"line 2, column 'file': missing \(did you mean 'flie'",
    ),
    ("m.jsonl", '{"file": "a.wav"}\n{"file": \n', r"line 2: not JSON"),
    ("m.jsonl", '["a.wav"]\n', r"line 1: a list, not an object"),
    ("m.jsonl", '{"file": 3}\n', r"line 1, column 'file': 3 is not the path of a file"),
    ("m.jsonl", '{"file": "a", "x": 1}\n{"file": "b", "x": "y"}\n', r"column 'x': values of different types"),
    ("m.parquet", "not parquet", r"not a Parquet file"),
]


@pytest.mark.parametrize(("name", "text", "message"), MISTAKES)
def test_a_mistake_in_a_manifest_is_named_with_its_row_and_column(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UsageError, match=rf"m\.(csv|jsonl|parquet).*({message})"):
        gather([str(path)])


def test_manifest_that_is_not_text_or_not_there_is_named(tmp_path):
    (tmp_path / "m.csv").write_bytes(b"file\n\xff\xfe.wav\n")
    with pytest.raises(UsageError, match="not UTF-8"):
        gather([str(tmp_path / "m.csv")])
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        gather([str(tmp_path / "missing.csv")])


def test_a_file_name_that_is_not_utf8_is_stored_with_escapes_and_opened_as_it_is(tmp_path):
    name = b"caf\xe9.wav"
    (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    (item,) = gather([str(tmp_path)]).items
    assert item.id == "caf\\xe9"
    assert os.fsencode(item.path).endswith(name)
    item.file.encode("utf-8")
