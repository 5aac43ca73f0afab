"""Manifests: what is written is read back as it was, and every mistake has a file, a row and a column."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_tools import write_wav
from hypothesis import given, settings
from hypothesis import strategies as st

import emofeat
from emofeat.cli import run
from emofeat.corpus import COLUMNS, Manifest, Utterance
from emofeat.engine.errors import RunError, UsageError
from emofeat.engine.inputs import gather
from emofeat.exceptions import UnknownNameError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")

FULL = Utterance(
    id="Ses01F_impro01_F000",
    file="wav/a.wav",
    video="video/a.mp4",
    text='"Excuse me", she said; l\'été\r\n\x85 ',
    start=6.2901,
    end=8.2357,
    speaker="01",
    session="1",
    dialogue="Ses01F_impro01",
    text_id="12",
    parent="Ses01F_impro01",
    label="neu",
    label_distribution={"neu": 2 / 3, "fru": 1 / 3},
    votes=({"rater": "C-E1", "label": "neu"}, {"rater": "A-E4", "valence": 2.5, "note": "()"}),
    arousal=2.5,
    valence=3.0,
    dominance=1e-7,
    split="dev",
    fold="3",
    corpus="iemocap",
    partial="1 of 2 utterances",
    audio_group="Ses01F_impro01_F000",
    extra={"age": 31, "code": "007", "takes": [1, {"a": None}], "masked": True, "snr": 1.5, "n": "12"},
)


def text_(**options):
    return st.text(st.characters(exclude_categories=["Cs"], **options))


NAMES = st.one_of(
    text_(), st.sampled_from(["1", "01", "1.5", "true", "[1]", '"x"', "null", "-0", "a,b\r\nc\td", " "])
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), FINITE, NAMES)
NESTED = st.one_of(st.lists(SCALARS, max_size=3), st.dictionaries(text_().filter(bool), SCALARS, max_size=3))
KINDS = [NAMES, st.booleans(), st.integers(-(2**63), 2**63 - 1), FINITE, NESTED]


@st.composite
def distributions(draw):
    shares = draw(st.dictionaries(text_().filter(bool), st.integers(0, 9), min_size=1, max_size=4))
    total = sum(shares.values())
    return {k: v / total for k, v in shares.items()} if total else None


@st.composite
def manifests(draw):
    extras = draw(
        st.dictionaries(text_().filter(lambda n: n and n not in COLUMNS), st.sampled_from(KINDS), max_size=3)
    )
    optional = {
        name: st.none() | NAMES for name in ("text", "speaker", "session", "text_id", "label", "fold")
    }
    rows = []
    for id_ in draw(st.lists(NAMES.filter(bool), unique=True, max_size=4)):
        start = draw(st.none() | st.floats(0, 100))
        vote = st.fixed_dictionaries({"rater": NAMES.filter(bool), "arousal": FINITE})
        rows.append(
            Utterance(
                id=id_,
                file=draw(st.none() | NAMES),
                start=start,
                end=draw(st.none() | st.floats(101, 200)),
                arousal=draw(st.none() | FINITE),
                label_distribution=draw(st.none() | distributions()),
                votes=draw(st.none() | st.lists(vote, max_size=2).map(tuple)),
                split=draw(st.sampled_from([None, "train", "dev", "test"])),
                extra={name: draw(st.none() | kind) for name, kind in extras.items()},
                **{name: draw(values) for name, values in optional.items()},
            )
        )
    return rows


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=40)
@given(rows=manifests())
def test_what_is_written_is_read_back_as_it_was(tmp_path_factory, suffix, rows):
    path = tmp_path_factory.getbasetemp() / f"m{suffix}"
    written = Manifest(rows, path)
    written.write(path)
    again = Manifest.read(path)
    assert list(again) == list(written)
    assert again.fingerprint == written.fingerprint


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_column_survives(tmp_path, suffix):
    path = tmp_path / f"m{suffix}"
    Manifest([FULL, Utterance(id="b")], path).write(path)
    assert list(Manifest.read(path)) == [FULL, Utterance(id="b")]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_manifest_gives_the_same_bytes_and_leaves_nothing_beside_it(tmp_path, suffix):
    a, b = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    Manifest([FULL], a).write(a)
    Manifest.read(a).write(b)
    assert a.read_bytes() == b.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == [a.name, b.name]


def test_a_manifest_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "m.csv").mkdir()
    with pytest.raises(RunError, match=r"m\.csv cannot be written: Is a directory"):
        Manifest([FULL]).write(tmp_path / "m.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["m.csv"]
    with pytest.raises(UsageError, match=r"m\.xlsx: not the name of a table; allowed are names with \.csv, "):
        Manifest([FULL]).write(tmp_path / "m.xlsx")


def test_the_fingerprint_depends_on_what_is_said_alone(tmp_path):
    rows = [FULL, Utterance(id="b", file="wav/b.wav", extra={"age": 30.0})]
    prints = {Manifest(rows, tmp_path / "m.csv").fingerprint, Manifest(reversed(rows)).fingerprint}
    for folder, suffix in (("x", ".csv"), ("y/z", ".jsonl"), ("y", ".parquet")):
        path = Manifest(rows, tmp_path / "m.csv").write(tmp_path / folder / f"m{suffix}")
        prints.add(Manifest.read(path).fingerprint)
    assert len(prints) == 1
    for changed in (replace(FULL, label="ang"), replace(FULL, file="wav/c.wav"), replace(FULL, extra={})):
        assert Manifest([changed, rows[1]]).fingerprint not in prints


def test_relative_paths_stay_valid_in_another_folder(tmp_path):
    recording = write_wav(tmp_path / "corpus" / "wav" / "a.wav")
    rows = [
        Utterance(id="a", file="wav/a.wav", video="../a.mp4"),
        Utterance(id="b", file=str(recording)),
        Utterance(id="c", file="~/c.wav"),
    ]
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "er")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for folder in ("corpus", "out", "link"):
        moved = Manifest.read(
            Manifest(rows, tmp_path / "corpus" / "m.csv").write(tmp_path / folder / "m.csv")
        )
        a, b, c = moved
        assert moved.audio_path(a).samefile(recording)
        assert os.path.realpath(moved.video_path(a)) == str(tmp_path / "a.mp4")
        assert b.file == str(recording)
        assert moved.audio_path(c) == Path("~/c.wav").expanduser()
        assert not Path(a.file).is_absolute()


def test_a_path_that_is_not_named_is_no_path(tmp_path):
    manifest = Manifest([Utterance(id="a", text="hello")])
    with pytest.raises(UsageError, match="the utterance 'a' has no 'file'"):
        manifest.audio_path(manifest[0])


def test_rows_are_found_by_id_and_columns_by_name():
    manifest = Manifest([FULL, Utterance(id="b", extra={"age": 5})])
    assert manifest.ids == [FULL.id, "b"]
    assert manifest.by_id("b") == manifest[1]
    assert manifest.select(["b"]).ids == ["b"]
    assert manifest[1:].ids == ["b"]
    with pytest.raises(UsageError, match="the id 'b' is selected 2 times"):
        manifest.select(["b", "b"])
    assert manifest.column("speaker") == ["01", None]
    assert manifest.column("age") == [31, 5]
    with pytest.raises(UnknownNameError, match=r"no column 'speeker' \(did you mean 'speaker'\?\)"):
        manifest.column("speeker")
    with pytest.raises(UnknownNameError, match=r"no utterance 'B' among 2 \(did you mean 'b'\?\)"):
        manifest.by_id("B")


def test_a_table_of_recordings_alone_gets_the_ids_that_extraction_gives(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("file,start,end\nx/a.wav,0,1.5\nx/a.wav,1.5,\nb.wav,,\n")
    assert sorted(Manifest.read(path).ids) == [item.id for item in gather([str(path)]).items]


def test_whole_numbers_are_text_where_text_belongs(tmp_path):
    pq.write_table(pa.table({"id": [1, 2], "speaker": [3, None], "arousal": [4, 5]}), tmp_path / "m.parquet")
    a, b = Manifest.read(tmp_path / "m.parquet")
    assert (a.id, a.speaker, a.arousal, b.speaker) == ("1", "3", 4.0, None)


MISTAKES = [
    ("m.csv", "name\na\n", "neither a column 'id' nor a column 'file'; the columns are 'name'"),
    ("m.csv", "ids\na\n", r"did you mean 'ids'"),
    ("m.csv", "id,file\na,x.wav\n,y.wav\n", "line 3, column 'id': missing; every row needs its own"),
    ("m.csv", "id\na\nb\na\n", "line 4, column 'id': 'a' is the id of line 2 already"),
    ("m.csv", "id,start,end\na,2,1\n", "line 2, column 'end': the segment ends at 1 s, before or at its start"),
    ("m.csv", "id,start\na,-1\n", "line 2, column 'start': -1 is not a time"),
    ("m.csv", "id,start\na,soon\n", "line 2, column 'start': 'soon' is not a number"),
    ("m.csv", "id,arousal\na,nan\n", "line 2, column 'arousal': nan is not a finite number"),
    ("m.csv", "id,split\na,validation\n", "line 2, column 'split': 'validation' is not one of train, dev, test"),
    ("m.csv", "id,split\na,Train\n", r"column 'split': 'Train' is not one of .* \(did you mean 'train'\?\)"),
    ("m.csv", "id,votes\na,A-E4\n", "line 2, column 'votes': 'A-E4' is not a list of votes"),
    ("m.csv", 'id,votes\na,"[{""label"": 1}]"\n', "column 'votes': {'label': 1} is not a mapping with the text 'rater'"),
    ("m.csv", 'id,label_distribution\na,"{""x"": 0.4}"\n', "'label_distribution': the shares sum to 0.4; they must"),
    ("m.csv", 'id,label_distribution\na,"{""x"": 2, ""y"": -1}"\n', "the share of 'y' is -1; shares are 0 or more"),
    ("m.csv", "id,label_distribution\na,x=1\n", "'x=1' is not a mapping from labels to shares"),
    ("m.csv", 'id,text\na,"x\n', "line 2: unexpected end of data"),
    ("m.jsonl", '{"id": "a", "speaker": 1.5}\n', "line 1, column 'speaker': 1.5 is not text"),
    ("m.jsonl", '{"id": "a", "start": true}\n', "line 1, column 'start': True is not a finite number"),
    ("m.jsonl", '{"id": "a", "x": 1}\n\n{"id": "b", "x": "y"}\n', "line 3, column 'x': 'y' is text, the rows before have a number"),
    ("m.jsonl", '{"id": "a", "": 1}\n', "line 1, column 'extra': '' is not the name of a further column"),
    ("m.jsonl", '{"id": "a", "x": 9223372036854775808}\n', "column 'x': 9223372036854775808 does not fit"),
    ("m.jsonl", '{"id": "a"}\n{"id": \n', "line 2: not JSON"),
    ("m.xlsx", "", "not the name of a table"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "message"), MISTAKES)
def test_a_mistake_is_named_with_file_row_and_column(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UsageError, match=rf"{name}.*({message})"):
        Manifest.read(path)


def test_a_mistake_made_in_python_is_named_with_its_row():
    with pytest.raises(UsageError, match="manifest, row 2, column 'arousal': 'high' is not a finite number"):
        Manifest([Utterance(id="a"), Utterance(id="b", arousal="high")])
    with pytest.raises(UsageError, match=r"row 1, column 'text': '\\udce9' cannot be written as UTF-8"):
        Manifest([Utterance(id="a", text="\udce9")])
    with pytest.raises(UsageError, match=r"row 1, column 'when': .* is neither text nor a number"):
        Manifest([Utterance(id="a", extra={"when": Path()})])


def test_structs_of_arrow_hold_what_a_row_names(tmp_path):
    shares = [{"x": 1.0}, {"y": 0.25, "x": 0.75}]
    votes = [[{"rater": "1", "label": "x"}], [{"rater": "2", "arousal": 2.0}]]
    pq.write_table(
        pa.table(
            {"id": ["a", "b"], "file": ["a.wav", "b.wav"], "label_distribution": shares, "votes": votes}
        ),
        tmp_path / "m.parquet",
    )
    manifest = Manifest.read(tmp_path / "m.parquet")
    assert manifest.column("label_distribution") == shares
    assert manifest.column("votes") == [tuple(v) for v in votes]
    carried = gather([str(tmp_path / "m.parquet")]).carried
    assert [json.loads(v) for v in carried["label_distribution"].to_pylist()] == shares
    assert [json.loads(v) for v in carried["votes"].to_pylist()] == votes


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_extraction_carries_the_same_columns_from_every_format(tmp_path, suffix):
    rows = [
        replace(FULL, file="a.wav", start=None, end=None),
        Utterance(id="b", file="a.wav", extra={"age": 5}),
    ]
    write_wav(tmp_path / "a.wav")
    path = tmp_path / f"m{suffix}"
    Manifest(rows, path).write(path)
    assert run(["extract", str(path), "-f", "rms", "-o", str(tmp_path / "out")]) == 0
    table = emofeat.open(tmp_path / "out").table().to_pylist()
    for stored, u in zip(sorted(table, key=lambda row: row["id"]), rows, strict=True):
        for name in COLUMNS:
            value = getattr(u, name)
            if name in ("label_distribution", "votes") and value is not None:
                assert json.loads(stored[name]) == ([*value] if name == "votes" else value)
            elif name not in ("id", "file", "start", "end"):
                assert stored[name] == value, name
        assert (stored["age"], stored["code"], stored["masked"]) == tuple(
            u.extra.get(n) for n in ("age", "code", "masked")
        )


def test_a_manifest_without_recordings_cannot_be_extracted(tmp_path, capsys):
    Manifest([Utterance(id="a", text="hello")]).write(tmp_path / "m.csv")
    assert run(["extract", str(tmp_path / "m.csv"), "-f", "rms", "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "line 2, column 'file': missing; a row without a recording has nothing to extract" in said


def test_a_column_with_the_name_of_an_output_column_is_refused(tmp_path, capsys):
    write_wav(tmp_path / "a.wav")
    Manifest([Utterance(id="a", file="a.wav", extra={"duration": 0.5})], tmp_path / "m.csv").write(
        tmp_path / "m.csv"
    )
    assert run(["extract", str(tmp_path / "m.csv"), "-f", "rms", "-o", str(tmp_path / "out")]) == 2
    assert (
        "the manifest column 'duration' has the name of an output column; rename it"
        in capsys.readouterr().err
    )


def test_shares_may_be_off_by_rounding_alone():
    assert Manifest([Utterance(id="a", label_distribution={"x": 0.333333, "y": 0.666667})])
    assert math.isclose(sum(Manifest([FULL])[0].label_distribution.values()), 1)
    with pytest.raises(UsageError, match=r"sum to 0\.99;"):
        Manifest([Utterance(id="a", label_distribution={"x": 0.33, "y": 0.66})])
