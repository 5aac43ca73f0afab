"""Feature directories: reading them back, the memory map, and every export read by its own reader."""

from __future__ import annotations

import csv
import io
import json
import pickle
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_tools import WithVector, corpus

from emofeat import cli
from emofeat.engine.inputs import gather
from emofeat.engine.run import Options, run
from emofeat.exceptions import MissingExtraError
from emofeat.extractor import Extractor
from emofeat.store import arrowmap
from emofeat.store.arrays import column
from emofeat.store.export import export, file_name
from emofeat.store.read import Dataset
from emofeat.store.read import open as open_
from emofeat.store.schema import StoreError

SPECS = "logmel(n_mels=20),mfcc(n_mfcc=5)"


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """80 recordings with labels, two features of frames and one of whole recordings."""
    folder = tmp_path_factory.mktemp("store")
    corpus(folder / "c", 80)
    lines = [
        f"c/speaker{i // 10:02d}/utt{i:04d}.wav,s{i // 10:02d}/u{i:02d},{i % 3:02d},{i % 3},"
        for i in range(80)
    ]
    lines[7] += 'it\'s, "quoted"\n'.replace(",", " ").replace('"', "%")
    (folder / "m.csv").write_text(
        "file,id,label,take,note\n" + "\n".join(line.strip() for line in lines) + "\n"
    )
    run(gather([str(folder / "m.csv")]), WithVector(SPECS), folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def dataset(out):
    return open_(out, mmap=False)


def expected(dataset: Dataset) -> dict[str, dict[str, np.ndarray]]:
    """What the extractor gives for each recording, computed again."""
    extractor = WithVector(SPECS)
    files = dataset.table().column("file").to_pylist()
    batch = extractor.extract_batch([(file, None, None) for file in files], max_seconds=1e9)
    found: dict[str, dict[str, np.ndarray]] = {id_: {} for id_ in dataset.ids()}
    for key in ("logmel", "mfcc", "stats"):
        values, splits = batch.values(key), batch.splits(key)
        for i, id_ in enumerate(dataset.ids()):
            piece = values[splits[i] : splits[i + 1]]
            found[id_][key] = piece[0] if key == "stats" else piece
    return found


def same(a: dict[str, dict[str, np.ndarray]], b: dict[str, dict[str, np.ndarray]]) -> bool:
    return a.keys() == b.keys() and all(
        a[i].keys() == b[i].keys() and all(np.array_equal(a[i][k], b[i][k]) for k in a[i]) for i in a
    )


def test_utterances_are_found_by_id_position_and_slice(dataset):
    assert len(dataset) == 80
    assert same({u.id: dict(u) for u in dataset}, expected(dataset))
    some = dataset.ids()[41]
    assert dataset[some].position == 41
    assert dataset[41]["mfcc"] is not None
    assert dataset[-1].id == dataset.ids()[-1]
    assert [u.id for u in dataset[10:13]] == dataset.ids()[10:13]
    assert dataset[np.int64(3)].id == dataset.ids()[3]
    assert some in dataset
    assert "nobody" not in dataset
    with pytest.raises(IndexError):
        dataset[80]
    with pytest.raises(KeyError, match=r"^no utterance 's00/u0' \(did you mean 's00/u0\d'\?\)$"):
        dataset["s00/u0"]
    with pytest.raises(KeyError, match=r"no feature 'logmell' here \(did you mean 'logmel'\?\)"):
        dataset[0]["logmell"]


def test_columns_have_units_and_frames_have_times(dataset):
    assert [c.name for c in dataset.columns][19:22] == ["logmel[19]", "mfcc[0]", "mfcc[1]"]
    assert {c.unit for c in dataset.columns if c.feature == "logmel"} == {"dB"}
    feature = dataset.features["logmel"]
    assert (feature.hop, feature.window) == (512 / 16000, 2048 / 16000)
    result = Extractor(SPECS).process_file(dataset[5].file)
    assert np.allclose(dataset.times("logmel", 5), result.times("logmel"), atol=1e-12)
    assert dataset.n_frames("mfcc")[5] == len(result["mfcc"])
    # A label is text whatever it looks like; what a column of one's own holds is seen from its values.
    info = dataset[5].info
    assert info["take"] in (0, 1, 2)
    assert info["label"] == f"{info['take']:02d}"


def test_positions_batches_tables_and_frames_agree(dataset):
    batches = list(dataset.iter_batches())
    assert [i for b in batches for i in b.column("id").to_pylist()] == dataset.ids()
    assert dataset.to_arrow().column("id").to_pylist() == dataset.ids()
    assert dataset.to_arrow(["id", "stats"]).column_names == ["id", "mean", "std"]
    frame = dataset.to_pandas()
    assert list(frame["id"]) == dataset.ids()
    assert np.array_equal(frame["logmel"][7], dataset[7]["logmel"])
    with pytest.raises(KeyError, match=r"no column 'lable' here \(did you mean 'label'\?\)"):
        dataset.to_arrow(["lable"])


def test_parts_are_ordinary_parquet_that_others_can_read(out):
    table = pq.read_table(out / "parts")
    assert table.num_rows == 80
    assert str(table.schema.field("mean").type) == "float"
    frames = table["logmel"][0].as_py()
    assert (len(frames[0]), table["logmel.n_frames"][0].as_py()) == (20, len(frames))


def test_the_memory_map_gives_the_same_as_views_and_is_rebuilt_when_parts_change(out, dataset, tmp_path):
    copy = tmp_path / "out"
    shutil.copytree(out, copy)
    mapped = open_(copy, mmap=True)
    assert same({u.id: dict(u) for u in mapped}, expected(dataset))
    view = mapped[3]["logmel"]
    assert not view.flags.owndata
    assert not view.flags.writeable
    made = (copy / arrowmap.FILE).stat().st_mtime_ns
    assert open_(copy)[0]["mfcc"].shape == dataset[0]["mfcc"].shape  # one that is there is used
    open_(copy, mmap=True)[0]["mfcc"]
    assert (copy / arrowmap.FILE).stat().st_mtime_ns == made
    corpus(tmp_path / "new", 3)
    run(gather([str(tmp_path / "new")]), WithVector(SPECS), copy)
    changed = open_(copy, mmap=True)
    assert len(changed) == 3
    assert changed[0]["logmel"].shape[1] == 20
    assert (copy / arrowmap.FILE).stat().st_mtime_ns != made
    assert np.array_equal(view, dataset[mapped.ids()[3]]["logmel"])  # readers of the old one keep it


def test_a_dataset_can_be_pickled_and_read_by_several_processes(out):
    script = (
        "import sys, pickle, multiprocessing\n"
        "import emofeat\n"
        "def work(args):\n"
        "    dataset, i = args\n"
        "    return dataset[i].id, dataset[i]['logmel'].sum().item()\n"
        "if __name__ == '__main__':\n"
        "    dataset = emofeat.open(sys.argv[1], mmap=True)\n"
        "    expected = [work((dataset, i)) for i in range(20)]\n"
        "    for how in ('fork', 'spawn'):\n"
        "        with multiprocessing.get_context(how).Pool(2) as pool:\n"
        "            assert pool.map(work, [(dataset, i) for i in range(20)]) == expected\n"
    )
    path = Path(out).parent / "worker.py"
    path.write_text(script)
    subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", path, out], check=True, timeout=120)
    again = pickle.loads(pickle.dumps(open_(out)))
    assert again.ids() == open_(out).ids()


def test_a_directory_that_is_none_or_damaged_is_refused(out, tmp_path):
    with pytest.raises(StoreError, match="is not a feature directory: no such folder"):
        open_(tmp_path / "nothing")
    with pytest.raises(StoreError, match=r"no emofeat\.json in it"):
        open_(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    description = json.loads((copy / "emofeat.json").read_text())
    (copy / "emofeat.json").write_text(json.dumps({**description, "schema_version": 99}))
    with pytest.raises(StoreError, match="has schema version 99, this emofeat reads 1"):
        open_(copy)
    (copy / "emofeat.json").write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        open_(copy)
    (copy / "emofeat.json").write_text(json.dumps(description))
    part = next((copy / "parts").iterdir())
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"is damaged .*; remove it and run the same extract again"):
        open_(copy)


# Exports


def test_npz_and_npy_hold_every_array(dataset, tmp_path):
    export(dataset, "npz", tmp_path / "npz")
    export(dataset, "npy", tmp_path / "npy")
    npz, npy = {}, {}
    with (tmp_path / "npz" / "index.csv").open(newline="") as text:
        index = {row["id"]: row for row in csv.DictReader(text)}
    for id_ in dataset.ids():
        with np.load(tmp_path / "npz" / index[id_]["path"], allow_pickle=False) as arrays:
            npz[id_] = dict(arrays)
        npy[id_] = {key: np.load(tmp_path / "npy" / key / f"{id_}.npy") for key in dataset.features}
    assert same(npz, expected(dataset))
    assert same(npy, expected(dataset))
    assert index["s03/u33"]["label"] == "00"
    columns = json.loads((tmp_path / "npz" / "columns.json").read_text())
    assert columns["stats"]["columns"] == ["mean", "std"]


@pytest.mark.parametrize(
    "id_", ["../up", "/etc/passwd", "a/../../b", ".", "a//b", "nul\0", "x" * 20, "é ü", "a%2e"]
)
def test_no_id_leads_out_of_the_folder_of_an_export(tmp_path, id_):
    path = (tmp_path / (file_name(id_) + ".npz")).resolve()
    assert path.is_relative_to(tmp_path)
    assert "\0" not in file_name(id_)
    assert file_name("a/b.c") == "a/b.c"


def test_different_ids_have_different_file_names():
    ids = ["a/b", "a%2Fb", "a//b", "a/./b", "..", "%2E%2E", "a b", "a%20b", "a\tb"]
    assert len({file_name(i) for i in ids}) == len(ids)


def read_kaldi(path: Path, offset: int) -> np.ndarray:
    """A binary matrix or vector, by Kaldi's documented format."""
    with path.open("rb") as file:
        file.seek(offset)
        assert file.read(2) == b"\0B"
        kind = file.read(3)
        shape = []
        for _ in range(2 if kind[1:2] == b"M" else 1):
            size, n = struct.unpack("<bi", file.read(5))
            assert size == 4
            shape.append(n)
        dtype = {b"F": "<f4", b"D": "<f8"}[kind[:1]]
        return np.frombuffer(file.read(int(np.prod(shape)) * np.dtype(dtype).itemsize), dtype).reshape(shape)


def test_kaldi_archives_hold_every_matrix_and_the_scp_is_sorted(dataset, tmp_path):
    export(dataset, "kaldi", tmp_path / "kaldi")
    found: dict[str, dict[str, np.ndarray]] = {id_: {} for id_ in dataset.ids()}
    for key in dataset.features:
        lines = (tmp_path / "kaldi" / f"{key}.scp").read_text().splitlines()
        assert lines == sorted(lines)
        for line in lines:
            id_, place = line.split(" ", 1)
            path, _, offset = place.rpartition(":")
            found[id_][key] = read_kaldi(Path(path), int(offset))
    assert same(found, expected(dataset))


def test_hdf5_holds_every_matrix_and_what_is_known(dataset, tmp_path):
    import h5py

    export(dataset, "hdf5", tmp_path / "f.h5")
    with h5py.File(tmp_path / "f.h5") as file:
        ids = file["id"].asstr()[:].tolist()
        found: dict[str, dict[str, np.ndarray]] = {id_: {} for id_ in ids}
        for key in dataset.features:
            values = file[key]["values"][:]
            splits = file[key]["splits"][:] if "splits" in file[key] else None
            for i, id_ in enumerate(ids):
                found[id_][key] = values[i] if splits is None else values[splits[i] : splits[i + 1]]
        assert file["logmel"].attrs["unit"] == "dB"
        assert file["logmel"].attrs["hop"] == 512 / 16000
        assert file["info"]["label"].asstr()[:].tolist() == dataset.table().column("label").to_pylist()
        assert file["info"]["take"][:].tolist() == dataset.table().column("take").to_pylist()
        assert file["info"]["file"].asstr()[0] == dataset[0].file
    assert same(found, expected(dataset))


def test_csv_of_vectors_gives_the_same_floats_back_sorted_by_id(dataset, tmp_path):
    export(dataset, "csv", tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="") as text:
        table = list(csv.DictReader(text))
    assert [row["id"] for row in table] == sorted(dataset.ids())
    for row in table:
        assert np.array_equal(np.array([row["mean"], row["std"]], np.float32), dataset[row["id"]]["stats"])
        assert row["start"] == ""


def test_csv_of_frames_has_a_row_for_each_frame_with_its_time(dataset, tmp_path):
    export(dataset, "csv", tmp_path / "t.csv", frames="mfcc")
    with (tmp_path / "t.csv").open(newline="") as text:
        table = list(csv.DictReader(text))
    assert len(table) == dataset.n_frames("mfcc").sum()
    first = [row for row in table if row["id"] == dataset.ids()[0]]
    matrix = np.array([[row[f"mfcc[{i}]"] for i in range(5)] for row in first], np.float32)
    assert np.array_equal(matrix, dataset[0]["mfcc"])
    assert np.allclose([float(row["time"]) for row in first], dataset.times("mfcc", 0), atol=1e-9)


def test_arff_is_read_back_by_its_grammar(dataset, tmp_path):
    export(dataset, "arff", tmp_path / "t.arff")
    header, _, data = (tmp_path / "t.arff").read_text().partition("@data\n")
    attributes = [line.split(" ")[1:] for line in header.splitlines() if line.startswith("@attribute")]
    kinds = {name.strip("'"): kind for name, kind in attributes}
    text, numbers = ("id", "label", "note"), ("mean", "take")
    assert {kinds[name] for name in text} == {"string"}
    assert {kinds[name] for name in numbers} == {"numeric"}
    rows = list(csv.reader(io.StringIO(data), quotechar="'", escapechar="\\"))
    names = list(kinds)
    assert [row[0] for row in rows] == sorted(dataset.ids())
    for row in rows:
        values = np.array([row[names.index("mean")], row[names.index("std")]], np.float32)
        assert np.array_equal(values, dataset[row[0]]["stats"])
        assert row[names.index("start")] == "?"


def test_arff_reads_in_scipy_where_all_columns_are_numbers(dataset, tmp_path):
    from scipy.io import arff

    export(dataset, "arff", tmp_path / "t.arff", frames="mfcc")
    text = (tmp_path / "t.arff").read_text()
    # scipy knows no string attributes: leave out the ids, which stand first, and the notes.
    head, data = text.split("@data\n")
    head = "\n".join(line for line in head.splitlines() if not line.endswith("string"))
    keep = [
        i
        for i, line in enumerate(x for x in text.splitlines() if x.startswith("@attr"))
        if "string" not in line
    ]
    rows = csv.reader(io.StringIO(data), quotechar="'", escapechar="\\")
    stripped = "\n".join(",".join(row[i] for i in keep) for row in rows)
    table, _ = arff.loadarff(io.StringIO(f"{head}\n@data\n{stripped}\n"))
    assert len(table) == dataset.n_frames("mfcc").sum()
    assert table["mfcc[2]"].astype(np.float32)[0] == dataset[0]["mfcc"][0, 2]


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_pandas_reads_its_tables_without_pickle(dataset, tmp_path, suffix):
    import pandas as pd

    read = {"parquet": pd.read_parquet, "feather": pd.read_feather}[suffix]
    export(dataset, "pandas", tmp_path / f"t.{suffix}")
    frame = read(tmp_path / f"t.{suffix}")
    assert list(frame["id"]) == sorted(dataset.ids())
    assert frame["mean"].iloc[0] == dataset[frame["id"].iloc[0]]["stats"][0]
    export(dataset, "pandas", tmp_path / f"f.{suffix}", frames="logmel")
    frame = read(tmp_path / f"f.{suffix}")
    assert len(frame) == dataset.n_frames("logmel").sum()
    mine = frame[frame["id"] == dataset.ids()[5]]
    assert np.array_equal(mine[[f"logmel[{i}]" for i in range(20)]].to_numpy(), dataset[5]["logmel"])
    assert mine["frame"].tolist() == list(range(len(mine)))


def test_an_export_appears_whole_or_not_at_all(dataset, tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    with pytest.raises(StoreError, match="exists; give another name, or --overwrite"):
        export(dataset, "npz", tmp_path / "there")
    (tmp_path / "there" / "old").write_text("x")

    def full_disk(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr(np, "savez", full_disk)
        with pytest.raises(OSError, match="No space"):
            export(dataset, "npz", tmp_path / "there", overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["there"]
    assert (tmp_path / "there" / "old").exists()
    export(dataset, "npz", tmp_path / "there", overwrite=True)
    assert not (tmp_path / "there" / "old").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["there"]


def test_tables_of_frames_must_be_asked_for(dataset, tmp_path):
    corpus(tmp_path / "c", 3)
    code = cli.run(["extract", str(tmp_path / "c"), "-f", "logmel", "-o", str(tmp_path / "out")])
    assert code == 0
    frames_only = open_(tmp_path / "out")
    with pytest.raises(StoreError, match=r"all features here are of frames; --frames logmel writes"):
        export(frames_only, "csv", tmp_path / "t.csv")
    with pytest.raises(StoreError, match="--frames is for tables"):
        export(frames_only, "npz", tmp_path / "t", frames="logmel")
    with pytest.raises(StoreError, match="'stats' is a vector feature"):
        export(dataset, "csv", tmp_path / "t.csv", frames="stats")
    with pytest.raises(StoreError, match=r"ends in \.parquet or \.feather"):
        export(dataset, "pandas", tmp_path / "t.pkl")
    assert not list(tmp_path.glob("t*"))


def test_an_unfinished_directory_is_not_exported(tmp_path):
    corpus(tmp_path / "c", 40)
    found = gather([str(tmp_path / "c")])
    from emofeat.engine.lock import Share

    run(found, WithVector(SPECS), tmp_path / "out", Options(share=Share(1, 2)))
    with pytest.raises(StoreError, match="is not complete"):
        export(open_(tmp_path / "out"), "npz", tmp_path / "npz")


def test_kaldi_refuses_ids_with_spaces(tmp_path):
    corpus(tmp_path / "c", 1)
    (tmp_path / "c" / "speaker00" / "utt0000.wav").rename(tmp_path / "c" / "my voice.wav")
    run(gather([str(tmp_path / "c")]), WithVector(SPECS), tmp_path / "out")
    with pytest.raises(StoreError, match=r"Kaldi's keys cannot hold spaces, 'my voice' does \(1 ids\)"):
        export(open_(tmp_path / "out"), "kaldi", tmp_path / "kaldi")


def test_a_missing_extra_is_one_sentence(dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"needs the package 'h5py': pip install 'emofeat\[hdf5\]'"):
        export(dataset, "hdf5", tmp_path / "f.h5")
    code = cli.run(["export", str(dataset.path), "--format", "hdf5", "-o", str(tmp_path / "f.h5")])
    assert code == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith("pip install 'emofeat[hdf5]'")
    assert not list(tmp_path.iterdir())


def test_the_command_exports_and_refuses_with_exit_codes(out, tmp_path, capsys):
    assert cli.run(["export", str(out), "--format", "npz", "-o", str(tmp_path / "x")]) == 0
    assert "80 utterances" in capsys.readouterr().err
    assert cli.run(["export", str(out), "--format", "npz", "-o", str(tmp_path / "x")]) == 1
    assert cli.run(["export", str(out), "--format", "csv", "-o", "y.csv", "--frames", "mfc"]) == 2
    assert "did you mean 'mfcc'?" in capsys.readouterr().err


def test_an_arrow_table_keeps_units_out_of_the_way(dataset):
    schema = dataset.to_arrow().schema
    assert schema.field("logmel").type == pa.list_(
        pa.field("element", pa.list_(pa.field("element", pa.float32(), False), 20), False)
    )


@pytest.mark.parametrize(
    "values",
    [["a", None, "é", ""], [1, None, -(2**40)], [1, 2.5, None], [None, None], [True, False], [[1], None], []],
)
def test_columns_made_from_buffers_are_those_that_pyarrow_makes(values):
    made = column(values)
    made.validate(full=True)
    assert made.equals(pa.array(values))
