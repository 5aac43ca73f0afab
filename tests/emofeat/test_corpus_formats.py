"""Corpora in the formats of others: what goes out comes back, and what cannot is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from engine_tools import write_wav

from emofeat.cli import run
from emofeat.corpus import Manifest, Utterance, read_any, write_any
from emofeat.engine.errors import UsageError
from emofeat.exceptions import MissingExtraError, UnknownNameError

# audformat 1.4 calls pandas in ways that pandas 3.1 announces to end.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")

FORMATS = ("audformat", "kaldi", "hf")


@pytest.fixture
def corpus(tmp_path) -> Manifest:
    """Recordings in a folder with every column filled somewhere and empty elsewhere."""
    rows = [
        Utterance(
            id="01-a",
            file="wav/a.wav",
            text="what is said",
            speaker="01",
            session="1",
            dialogue="d1",
            label="happy",
            label_distribution={"happy": 0.75, "sad": 0.25},
            votes=({"rater": "r1", "label": "happy"},),
            arousal=2.5,
            split="train",
            fold="1",
            corpus="test",
            extra={"age": 31, "code": "007", "masked": True, "takes": [1, 2], "snr": 1.5, "digits": "12"},
        ),
        Utterance(id="02-b", file="wav/b.wav", speaker="02", label="sad", split="dev", extra={"age": 40}),
        Utterance(id="c", file="wav/c.wav", text="l'été — 01"),
    ]
    for u in rows:
        write_wav(tmp_path / "corpus" / u.file)
    return Manifest(rows, tmp_path / "corpus" / "m.csv")


def cut(corpus: Manifest) -> Manifest:
    """The same, with parts of recordings."""
    times = [{"start": 0.1, "end": 0.3}, {"start": 0.25}, {}]
    return Manifest((replace(u, **t) for u, t in zip(corpus, times, strict=True)), corpus.path)


def as_found_from(manifest: Manifest, path: Path) -> dict[str, Utterance]:
    """Utterances by id, with the places of their files instead of their paths."""
    return {u.id: replace(u, file=str(manifest.at(path).audio_path(u).resolve())) for u in manifest.at(path)}


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("prepare", [lambda m: m, cut], ids=["whole", "cut"])
def test_what_is_written_in_a_format_is_read_back_as_it_was(corpus, prepare, to):
    folder = corpus.path.parent
    manifest = prepare(corpus)
    write_any(manifest, folder, to)
    again = read_any(folder)
    assert as_found_from(again, folder / "x.csv") == as_found_from(manifest, folder / "x.csv")


@pytest.mark.parametrize("to", ["audformat", "kaldi"])
def test_a_folder_elsewhere_names_the_same_recordings(corpus, tmp_path, to):
    write_any(corpus, tmp_path / "elsewhere", to)
    again = read_any(tmp_path / "elsewhere")
    for u in again:
        assert again.audio_path(u).samefile(corpus.audio_path(corpus.by_id(u.id)))


def test_hugging_face_metadata_must_lie_beside_its_recordings(corpus, tmp_path):
    with pytest.raises(
        UsageError, match=r"the recording of '01-a' lies outside the folder \(\.\./corpus/wav/a\.wav\)"
    ):
        write_any(corpus, tmp_path / "elsewhere", "hf")
    assert not (tmp_path / "elsewhere" / "metadata.csv").exists()


@pytest.mark.parametrize("to", FORMATS)
def test_an_utterance_without_a_recording_is_refused(corpus, tmp_path, to):
    with pytest.raises(UsageError, match=r"'text'.*(names no recording|has no 'file')"):
        write_any(Manifest([Utterance(id="text", text="hello")]), tmp_path / to, to)


@pytest.mark.parametrize("to", FORMATS)
def test_the_same_corpus_gives_the_same_bytes(corpus, to):
    folder = corpus.path.parent

    def content() -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}

    write_any(corpus, folder, to)
    first = content()
    write_any(read_any(folder), folder, to)
    assert content() == first
    assert not [name for name in first if name.startswith(".")]


def test_a_kaldi_folder_holds_what_kaldi_expects(corpus):
    folder = corpus.path.parent
    write_any(corpus, folder, "kaldi")

    def lines(name):
        return (folder / name).read_text().splitlines()

    assert lines("wav.scp") == [f"{u.id} {folder / u.file}" for u in corpus]
    assert lines("utt2spk") == ["01-a 01", "02-b 02", "c c"]
    assert lines("spk2utt") == ["01 01-a", "02 02-b", "c c"]
    assert lines("text") == ["01-a what is said", "c l'été — 01"]
    assert lines("utt2emo") == ["01-a happy", "02-b sad"]
    write_any(cut(corpus), folder, "kaldi")
    assert lines("wav.scp") == [f"rec{i:06d} {folder / u.file}" for i, u in enumerate(corpus)]
    assert lines("segments") == [
        "01-a rec000000 0.1 0.3",
        "02-b rec000001 0.25 -1.0",
        "c rec000002 0.0 -1.0",
    ]


KALDI_MISTAKES = [
    (
        {"wav.scp": "a sph2pipe -f wav a.sph |\n"},
        r"wav\.scp, line 1, 'a': a command \(sph2pipe -f wav a\.sph \|\)",
    ),
    (
        {"wav.scp": "a wavs.ark:17\n"},
        r"'a': a part of an archive \(wavs\.ark:17\); write the recordings to files",
    ),
    ({"wav.scp": "a\n"}, r"wav\.scp, line 1: 'a' is not `key value`"),
    ({"wav.scp": "a 1.wav\na 2.wav\n"}, r"wav\.scp, line 2: 'a' occurs twice"),
    (
        {"wav.scp": "a a.wav\n", "segments": "u b 0 1\n"},
        r"segments, 'u': 'b 0 1' is not `recording start end`",
    ),
    ({"wav.scp": "a a.wav\n", "segments": "u a 0 x\n"}, r"segments, 'u': 'a 0 x' holds no times"),
    ({"wav.scp": "a a.wav\n", "utt2spk": "b s\n"}, r"utt2spk: 'b' has no recording"),
]


@pytest.mark.parametrize(("files", "message"), KALDI_MISTAKES)
def test_a_mistake_in_a_kaldi_folder_is_named(tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=message):
        read_any(tmp_path)


def test_kaldi_folders_of_others_are_read(tmp_path):
    """spk2utt alone, a label file of another name, durations, tabs."""
    for name, text in {
        "wav.scp": "u1\twavs/1.wav\nu2 /data/two words.wav\n",
        "spk2utt": "s u1 u2\n",
        "utt2label": "u1 very happy\n",
        "utt2dur": "u1 1.5\nu2 2\n",
    }.items():
        (tmp_path / name).write_text(text)
    a, b = read_any(tmp_path)
    assert (a.id, a.file, a.speaker, a.label, a.extra) == (
        "u1",
        str(Path("wavs/1.wav").resolve()),
        "s",
        "very happy",
        {"dur": 1.5},
    )
    assert (b.file, b.speaker, b.label, b.extra) == ("/data/two words.wav", "s", None, {"dur": 2.0})


def test_kaldi_ids_are_one_word(corpus, tmp_path):
    with pytest.raises(UsageError, match="'a b' as 'id' of 'a b' holds white space"):
        write_any(Manifest([replace(corpus[0], id="a b")], corpus.path), tmp_path / "k", "kaldi")


def test_an_audformat_database_has_splits_schemes_and_segments(corpus):
    audformat = pytest.importorskip("audformat")
    folder = corpus.path.parent
    write_any(cut(corpus), folder, "audformat")
    db = audformat.Database.load(str(folder))
    assert sorted(db.tables) == ["utterances", "utterances.dev", "utterances.train"]
    assert {name: split.type for name, split in db.splits.items()} == {"train": "train", "dev": "dev"}
    assert db["utterances.train"].split_id == "train"
    assert db.schemes["label"].labels == ["happy", "sad"]
    assert db.schemes["speaker"].labels == ["01", "02"]
    assert db["utterances.train"].is_segmented and db["utterances"].is_filewise
    assert sorted(db.get("label")["label"].dropna()) == ["happy", "sad"]
    assert db.is_portable


def test_an_audformat_database_of_others_is_read(tmp_path):
    """Laid out as the emodb database: files and emotions in tables of their own, no ids."""
    audformat = pytest.importorskip("audformat")
    db = audformat.Database("emodb")
    db.schemes["emotion"] = audformat.Scheme("str", labels=["anger", "neutral"])
    db.schemes["confidence"] = audformat.Scheme("float", minimum=0, maximum=1)
    db.schemes["speaker"] = audformat.Scheme("int", labels={3: {"gender": "male"}, 8: {"gender": "female"}})
    db.splits["test"] = audformat.Split("test")
    index = audformat.filewise_index(["wav/03a01Wa.wav", "wav/08a01Na.wav"])
    db["files"] = audformat.Table(index)
    db["files"]["speaker"] = audformat.Column(scheme_id="speaker")
    db["files"]["speaker"].set([3, 8])
    db["emotion"] = audformat.Table(index[:1], split_id="test")
    db["emotion"]["emotion"] = audformat.Column(scheme_id="emotion")
    db["emotion"]["emotion"].set(["anger"])
    db["emotion"]["emotion.confidence"] = audformat.Column(scheme_id="confidence")
    db["emotion"]["emotion.confidence"].set([0.9])
    db.save(str(tmp_path))
    a, b = read_any(tmp_path)
    assert (a.id, a.file, a.speaker, a.label, a.split) == (
        "wav/03a01Wa",
        "wav/03a01Wa.wav",
        "3",
        "anger",
        "test",
    )
    assert a.extra == {"emotion.confidence": 0.9}
    assert (b.speaker, b.label, b.split) == ("8", None, None)


def test_tables_of_a_database_that_contradict_one_another_are_refused(tmp_path):
    audformat = pytest.importorskip("audformat")
    db = audformat.Database("x")
    db.schemes["emotion"] = audformat.Scheme("str")
    for name, said in (("first", "anger"), ("second", "fear")):
        db[name] = audformat.Table(audformat.filewise_index(["a.wav"]))
        db[name]["emotion"] = audformat.Column(scheme_id="emotion")
        db[name]["emotion"].set([said])
    db.save(str(tmp_path))
    with pytest.raises(
        UsageError, match=r"table 'second', 'a\.wav', column 'label': 'fear', another table has 'anger'"
    ):
        read_any(tmp_path)


def test_without_the_package_audformat_one_sentence_says_what_to_install(corpus, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "audformat", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'emofeat\[audformat\]'"):
        write_any(corpus, corpus.path.parent, "audformat")


def test_hugging_face_metadata_of_others_is_read(tmp_path):
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a/b.wav", "transcription": "hi"}\n')
    (u,) = read_any(tmp_path)
    assert (u.id, u.file, u.extra) == ("a/b", "a/b.wav", {"transcription": "hi"})
    (tmp_path / "metadata.jsonl").unlink()
    (tmp_path / "metadata.csv").write_text("filename\na.wav\n")
    with pytest.raises(UsageError, match=r"metadata\.csv: no column 'file_name'.*did you mean 'filename'"):
        read_any(tmp_path)


def test_the_command_converts_from_any_format_to_any(corpus, tmp_path, capsys):
    folder = corpus.path.parent
    corpus.write(corpus.path)
    assert run(["convert", str(corpus.path), str(folder), "--to", "kaldi"]) == 0
    assert run(["convert", str(folder), str(tmp_path / "db"), "--to", "audformat"]) == 0
    assert run(["convert", str(tmp_path / "db"), str(tmp_path / "m.parquet")]) == 0
    again = Manifest.read(tmp_path / "m.parquet")
    assert again.fingerprint == corpus.fingerprint
    assert capsys.readouterr().out.splitlines()[-1] == f"{tmp_path / 'm.parquet'}: 3 utterances"
    assert run(["convert", str(corpus.path), str(tmp_path / "x"), "--to", "kaldy"]) == 2
    assert "no format 'kaldy' (did you mean 'kaldi'?)" in capsys.readouterr().err


def test_what_is_no_corpus_is_refused(tmp_path):
    with pytest.raises(
        UsageError, match=r"the folder holds none of db\.yaml \(audformat\), wav\.scp \(kaldi\)"
    ):
        read_any(tmp_path)
    with pytest.raises(UnknownNameError):
        write_any(Manifest([]), tmp_path, "wav")
