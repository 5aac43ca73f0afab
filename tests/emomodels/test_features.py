"""Features join with labels by key alone; what is missing, twice, unfinished or not finite is refused by name."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emofeat.corpus.labels import LabelMap
from emofeat.corpus.manifest import Manifest
from emofeat.corpus.utterance import Utterance
from emofeat.engine.inputs import gather
from emofeat.engine.run import run
from emofeat.extractor import Extractor
from emomodels.data import features
from emomodels.data.features import FeatureTable, feature_directory, join, vector_table
from emomodels.data.keys import key_function
from emomodels.exceptions import DataError, RecipeError

MAP = LabelMap("two", 1, ("sad", "happy"), {"sad": "sad", "happy": "happy", "none": None}, {})
SPECS = (
    "logmel(n_mels=6,hop_length=160),mfcc(n_mfcc=5,hop_length=160),fine=logmel(n_mels=6,hop_length=80),"
    "uncentred=logmel(n_mels=3,hop_length=160,n_fft=400,center=False),"
    "means=functionals(logmel(n_mels=4),names=[amean,stddev])"
)


def manifest(labels: dict[str, str], speakers: dict[str, str | None] | None = None) -> Manifest:
    given = speakers or {}
    rows = [Utterance(id=i, label=label, speaker=given.get(i, "s" + i[-1])) for i, label in labels.items()]
    return Manifest(rows)


def table(ids: list[str], x: object = None, **given: object) -> FeatureTable:
    values = np.arange(2.0 * len(ids)).reshape(-1, 2) if x is None else x
    return FeatureTable(tuple(ids), ("p", "q"), values, {"kind": "test", "path": "t.csv"}, **given)


def joined(labels: dict[str, str], feats: FeatureTable, **given: object) -> features.Joined:
    m = manifest(labels)
    return join(m, MAP.apply(m), feats, **given)


# By key, never by order


def test_rows_are_joined_by_key_whatever_their_order():
    labels = {"u1": "sad", "u2": "happy", "u3": "sad"}
    straight = joined(labels, table(["u1", "u2", "u3"], np.array([[1, 1], [2, 2], [3, 3.0]])))
    turned = joined(labels, table(["u3", "u1", "u2"], np.array([[3, 3], [1, 1], [2, 2.0]])))
    assert straight.examples.ids == turned.examples.ids == ("u1", "u2", "u3")
    np.testing.assert_array_equal(straight.examples.x, turned.examples.x)
    np.testing.assert_array_equal(turned.examples.y, [0, 1, 0])


def test_class_names_and_speakers_travel_with_the_examples():
    found = joined({"u1": "happy", "u2": "sad"}, table(["u1", "u2"])).examples
    assert found.classes == ("sad", "happy")
    assert [found.classes[i] for i in found.y] == ["happy", "sad"]
    assert found.speakers == ("s1", "s2")


@pytest.mark.parametrize("audio", ["03-01-05-02-01-01-07", "Actor_07/03-01-05-02-01-01-07.wav"])
def test_audio_and_video_of_a_ravdess_clip_have_one_key(audio):
    found = joined({audio: "sad"}, table(["01-01-05-02-01-01-07"]), key="ravdess")
    assert found.examples.ids == (audio,)


def test_the_key_of_ravdess_refuses_other_ids():
    with pytest.raises(DataError, match="'Ses01F_impro01' is none of RAVDESS"):
        joined({"Ses01F_impro01": "sad"}, table(["01-01-05-02-01-01-07"]), key="ravdess")


def test_a_mistyped_key_function_is_corrected():
    with pytest.raises(RecipeError, match="did you mean 'ravdess'"):
        key_function("ravdes")


def test_stems_keep_what_only_looks_like_a_suffix():
    assert key_function("stem")("a\\b\\take-1.25.flac") == "take-1.25"
    assert key_function("stem")("take-1.25") == "take-1.25"


def test_an_empty_join_shows_ids_of_both_sides():
    with pytest.raises(DataError, match=r"manifest has 03-a, 03-b, the features have 01-a, 01-b"):
        joined({"03-a": "sad", "03-b": "sad"}, table(["01-a", "01-b"]))


def test_a_partial_join_is_refused_with_number_and_names():
    with pytest.raises(DataError, match=r"2 of 3 labelled utterances have no features in t\.csv: u2, u3"):
        joined({"u1": "sad", "u2": "sad", "u3": "happy"}, table(["u1", "u9"]))


def test_what_is_missing_is_left_out_with_its_reason_when_allowed():
    labels = {"u1": "sad", "u2": "sad", "u3": "happy", "u4": "none"}
    found = joined(labels, table(["u1", "u9"], failures={"u3": "too_short"}), allow_missing=True)
    assert found.examples.ids == ("u1",)
    assert found.unused == ("u9",)
    assert found.left_out["no features"] == ("u2",)
    assert found.left_out["extraction failed: too_short"] == ("u3",)
    # Every utterance of the manifest is used or left out for one reason.
    assert sorted([*found.examples.ids, *(i for ids in found.left_out.values() for i in ids)]) == sorted(
        labels
    )


def test_the_reason_of_a_failed_extraction_is_in_the_refusal():
    with pytest.raises(DataError, match=r"u2 \(too_short\)"):
        joined({"u1": "sad", "u2": "sad"}, table(["u1"], failures={"u2": "too_short"}))


def test_two_ids_with_one_key_are_refused():
    with pytest.raises(DataError, match=r"features have the key 'a': 'x/a\.csv' and 'y/a\.csv'"):
        joined({"a": "sad"}, table(["x/a.csv", "y/a.csv"]), key="stem")
    with pytest.raises(DataError, match="the manifest have the key 'a'"):
        joined({"x/a": "sad", "y/a": "sad"}, table(["a"]), key="stem")


def test_an_id_twice_in_a_table_is_refused():
    with pytest.raises(DataError, match=r"ids occur more than once: u1"):
        table(["u1", "u1"])


def test_speakers_known_for_some_only_are_refused():
    m = manifest({"u1": "sad", "u2": "sad"}, {"u1": None, "u2": "s"})
    with pytest.raises(DataError, match="1 of 2 utterances have no speaker, others do: u1"):
        join(m, MAP.apply(m), table(["u1", "u2"]))


# Features that are not finite


def damaged() -> FeatureTable:
    return table(["u1", "u2", "u3"], np.array([[1, 2], [np.nan, 4], [5, 6.0]]))


LABELS = {"u1": "sad", "u2": "happy", "u3": "sad"}


def test_features_that_are_not_finite_are_refused_with_columns_and_ids():
    with pytest.raises(
        DataError, match=r"1 of 2 columns \(p\) of 1 of 3 utterances \(u2\); choose on_nonfinite"
    ):
        joined(LABELS, damaged())


def test_rows_that_are_not_finite_are_left_out_by_name_when_chosen():
    found = joined(LABELS, damaged(), on_nonfinite="drop_rows")
    assert found.examples.ids == ("u1", "u3")
    assert found.left_out["features not finite"] == ("u2",)


def test_what_is_fitted_on_training_ids_passes_the_join():
    assert np.isnan(joined(LABELS, damaged(), on_nonfinite="impute_train_median").examples.x).any()


# Tables


def test_a_table_reads_alike_as_csv_semicolons_and_parquet(tmp_path):
    text = "name,p,q\n001,1.5,2\n002,,4\n"
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "b.csv").write_text(text.replace(",", ";"))
    pq.write_table(pa.table({"name": ["001", "002"], "p": [1.5, None], "q": [2, 4]}), tmp_path / "c.parquet")
    for name in ("a.csv", "b.csv", "c.parquet"):
        found = features.read(tmp_path / name)
        assert found.ids == ("001", "002"), name
        assert found.columns == ("p", "q")
        np.testing.assert_array_equal(found.x, [[1.5, 2], [np.nan, 4]])


def test_a_column_of_words_is_no_feature(tmp_path):
    (tmp_path / "a.csv").write_text("id,p,emotion\nu1,1,sad\n")
    with pytest.raises(DataError, match=r"the column 'emotion' is no number but string; name it in options"):
        vector_table(tmp_path / "a.csv")
    assert vector_table(tmp_path / "a.csv", drop=["emotion"]).columns == ("p",)


def test_a_table_without_ids_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("p,q\n1,2\n")
    with pytest.raises(DataError, match="no column of ids"):
        vector_table(tmp_path / "a.csv")
    with pytest.raises(DataError, match="no file"):
        vector_table(tmp_path / "none.csv")


def test_the_digest_of_a_table_follows_its_content_not_its_name(tmp_path):
    (tmp_path / "a.csv").write_text("id,p\nu1,1\n")
    shutil.copy(tmp_path / "a.csv", tmp_path / "b.csv")
    (tmp_path / "c.csv").write_text("id,p\nu1,2\n")
    a, b, c = (vector_table(tmp_path / f"{name}.csv").source["digest"] for name in "abc")
    assert a == b != c


# Feature directories


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Six recordings of different lengths and one too short."""
    path = tmp_path_factory.mktemp("features")
    (path / "c").mkdir()
    for i in range(7):
        y = np.random.default_rng(i).normal(0, 3000, 8000 + 800 * i if i < 6 else 30).astype("<i2")
        with wave.open(str(path / "c" / f"u{i}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            file.writeframes(y.tobytes())
    run(gather([str(path / "c")]), Extractor(SPECS), path / "out")
    return path / "out"


def test_vectors_of_a_feature_directory_are_what_was_stored(folder):
    import emofeat

    found = feature_directory(folder, ["means"])
    dataset = emofeat.open(folder)
    assert found.x.shape == (6, 8)
    for i, id_ in enumerate(found.ids):
        np.testing.assert_array_equal(found.x[i], dataset[id_]["means"])


def test_frames_of_one_hop_are_joined_frame_by_frame(folder):
    import emofeat

    found = feature_directory(folder, ["logmel", "mfcc"])
    assert found.hop == 0.01
    assert len(found.columns) == 11
    utterance = emofeat.open(folder)["u3"]
    sequence = found.take([found.ids.index("u3")])[0]
    np.testing.assert_array_equal(sequence, np.hstack([utterance["logmel"], utterance["mfcc"]]))


def test_sequences_of_one_feature_are_views_of_the_memory_map(folder):
    sequence = feature_directory(folder, ["logmel"]).x[0]
    assert not sequence.flags.owndata
    assert not sequence.flags.writeable


def test_without_room_for_a_memory_map_the_sequences_are_the_same(folder, tmp_path, monkeypatch):
    import errno

    from emofeat.store import arrowmap

    def refused(*_args: object) -> None:
        raise OSError(errno.EROFS, "read-only file system")

    expected = feature_directory(folder, ["mfcc"]).x
    copy = copied(folder, tmp_path)
    monkeypatch.setattr(arrowmap, "build", refused)
    for ours, theirs in zip(feature_directory(copy, ["mfcc"]).x, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not (copy / "features.arrow").exists()


def test_a_full_disk_is_not_called_a_damaged_file(folder, tmp_path, monkeypatch):
    import errno

    from emofeat.store import arrowmap

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(arrowmap, "build", full)
    with pytest.raises(DataError, match=r"cannot be read: .*no space left") as caught:
        feature_directory(copied(folder, tmp_path), ["mfcc"])
    assert caught.value.code == "io"


def test_columns_that_two_features_share_are_told_apart(folder):
    found = feature_directory(folder, ["logmel", "mfcc"])
    assert len(set(found.columns)) == len(found.columns)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (["logmel", "fine"], "lie at different times"),
        (["logmel", "uncentred"], "different numbers of frames|lie at different times"),
        (["means", "logmel"], "means are vectors of whole utterances and logmel sequences"),
        (["logmell"], "did you mean 'logmel'"),
    ],
)
def test_features_that_do_not_go_together_are_refused(folder, chosen, message):
    with pytest.raises((DataError, RecipeError), match=message):
        feature_directory(folder, chosen)


def test_a_recording_that_failed_appears_with_its_code(folder):
    labels = {f"u{i}": "sad" if i % 2 else "happy" for i in range(7)}
    m = manifest(labels)
    found = join(m, MAP.apply(m), feature_directory(folder, ["means"]), allow_missing=True)
    assert found.left_out == {"extraction failed: too_short": ("u6",)}
    assert len(found.examples) == 6


def test_the_source_says_what_was_extracted_and_read(folder):
    source = feature_directory(folder, ["means"]).source
    assert source["extractor"] == Extractor(SPECS).digest  # options, features and the version of the numbers
    assert len(source["digest"]) == 64


def copied(folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "features.arrow").unlink(missing_ok=True)
    return tmp_path / "copy"


def parts(folder: Path) -> list[Path]:
    return sorted((folder / "parts").glob("*.parquet"))


@pytest.mark.parametrize("what", ["means", "logmel"])
@pytest.mark.parametrize("where", ["head", "footer", "body"])
def test_a_damaged_part_is_an_error_that_names_it(folder, tmp_path, what, where):
    copy = copied(folder, tmp_path)
    part = max(parts(copy), key=lambda p: p.stat().st_size)
    content = bytearray(part.read_bytes())
    if where == "head":
        part.write_bytes(b"not parquet")
    elif where == "footer":
        part.write_bytes(content[:-200])
    else:
        content[4 : len(content) * 2 // 3] = b"\xff" * (len(content) * 2 // 3 - 4)
        part.write_bytes(content)
    with pytest.raises(
        Exception, match=rf"{part.name} is damaged .*run the same (emofeat )?extract again"
    ) as caught:
        feature_directory(copy, [what]).take(range(6))
    assert caught.value.code == "store"


def test_an_unfinished_directory_is_refused(folder, tmp_path):
    copy = copied(folder, tmp_path)
    parts(copy)[0].unlink()
    with pytest.raises(DataError, match="is unfinished"):
        feature_directory(copy, ["means"])


def test_a_changed_part_changes_the_digest(folder, tmp_path):
    copy = copied(folder, tmp_path)
    before = feature_directory(copy, ["means"]).source["digest"]
    part = parts(copy)[0]
    own = {k: v for k, v in pq.read_metadata(part).metadata.items() if k != b"ARROW:schema"}
    pq.write_table(pq.read_table(part).replace_schema_metadata(own), part, compression="none")
    assert feature_directory(copy, ["means"]).source["digest"] != before


def test_a_folder_that_is_no_feature_directory_is_refused(tmp_path):
    with pytest.raises(Exception, match="is not a feature directory"):
        features.read(tmp_path)
