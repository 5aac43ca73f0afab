"""Tables of three tools become Action Units of one naming; frames without a face count only when asked to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emofeat.corpus.labels import label_map
from emofeat.corpus.manifest import Manifest
from emofeat.corpus.utterance import Utterance
from emomodels.data.action_units import averaged_table, read, read_folder
from emomodels.data.features import join
from emomodels.exceptions import DataError, RecipeError

INTENSITIES = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
PRESENCES = (*INTENSITIES[:-1], 28, 45)
OPENFACE = [f"AU{u:02d}_r" for u in INTENSITIES] + [f"AU{u:02d}_c" for u in PRESENCES]
PYFEAT = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)
LIBREFACE_INTENSITIES = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
LIBREFACE_PRESENCES = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)

# One frame: (face_id, confidence, success, value of every Action Unit).
Frame = tuple[int, float, int, float]
GOOD: list[Frame] = [(0, 0.98, 1, 1.0), (0, 0.98, 1, 2.0), (0, 0.2, 0, 0.0), (0, 0.6, 1, 6.0)]


def write(path: Path, header: str, rows: list[str], separator: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(separator.join([header, *rows]) + separator)
    return path


def openface(path: Path, frames: list[Frame] = GOOD, columns: list[str] = OPENFACE) -> Path:
    """As `FeatureExtraction` of OpenFace 2 writes it: a blank after each comma, of the header and the rows."""
    header = ", ".join(["frame", "face_id", "timestamp", "confidence", "success", "gaze_0_x", *columns])
    rows, numbers = [], {}
    for face, confidence, success, value in frames:
        number = numbers[face] = numbers.get(face, 0) + 1
        begin = [f"{number}", f"{face}", f"{(number - 1) / 25:.3f}", f"{confidence:.2f}", f"{success}", "0.1"]
        rows.append(", ".join([*begin, *[f"{value:.2f}"] * len(columns)]))
    return write(path, header, rows)


def pyfeat(path: Path, frames: list[tuple[int, float | None, float | None]]) -> Path:
    """As `Fex.to_csv(index=False)` of py-feat writes it: empty cells where no face was found."""
    units = [f"AU{u:02d}" for u in PYFEAT]
    box = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
    header = ",".join([*box, *units, "anger", "input", "frame"])
    rows = []
    for number, score, value in frames:
        cells = ["" if v is None else f"{v}" for v in [*[score] * 5, *[value] * len(units), value]]
        rows.append(",".join([*cells, "clip.mp4", str(number)]))
    return write(path, header, rows)


def libreface(path: Path, values: list[float]) -> Path:
    presences = [f"au_{u}" for u in LIBREFACE_PRESENCES]
    intensities = [f"au_{u}_intensity" for u in LIBREFACE_INTENSITIES]
    header = ",".join(
        ["frame_idx", "frame_time_in_ms", "lm_mp_0_x", "facial_expression", *presences, *intensities]
    )
    rows = [
        ",".join(
            [str(i), f"{40.0 * i}", "0.5", "Happiness", *["1"] * len(presences), *[f"{v}"] * len(intensities)]
        )
        for i, v in enumerate(values)
    ]
    return write(path, header, rows)


# The three tools


def test_openface_gives_17_intensities_and_18_presences_with_times(tmp_path):
    clip = read(openface(tmp_path / "a.csv"))
    assert clip.tool == "openface"
    assert list(clip.columns) == OPENFACE
    assert clip.values.shape == (4, 35)
    np.testing.assert_allclose(clip.times, [0, 0.04, 0.08, 0.12])
    np.testing.assert_array_equal(clip.success, [True, True, False, True])


def test_a_column_keeps_its_values_wherever_it_stands(tmp_path):
    turned = [*OPENFACE[::-1], "AU99_x"]
    path = openface(tmp_path / "a.csv", [(0, 1, 1, 0.0)], turned)
    lines = path.read_text().splitlines()
    cells = lines[1].split(", ")[:6] + [str(i) for i in range(len(turned))]
    path.write_text(lines[0] + "\n" + ", ".join(cells) + "\n")
    clip = read(path)
    assert list(clip.columns) == OPENFACE
    np.testing.assert_array_equal(clip.values[0], np.arange(34, -1, -1))


def test_pyfeat_gives_intensities_and_frames_without_a_face_do_not_count(tmp_path):
    path = pyfeat(tmp_path / "a.csv", [(0, 0.99, 0.5), (1, None, None), (2, 0.4, 0.1)])
    clip = read(path, fps=25)
    assert clip.tool == "py-feat"
    assert list(clip.columns) == [f"AU{u:02d}_r" for u in PYFEAT]
    np.testing.assert_array_equal(clip.counted(), [True, False, True])
    np.testing.assert_array_equal(clip.counted(min_confidence=0.5), [True, False, False])
    np.testing.assert_allclose(clip.times, [0, 0.04, 0.08])


def test_libreface_gives_intensities_presences_and_times_in_seconds(tmp_path):
    clip = read(libreface(tmp_path / "a.csv", [0.0, 2.5]))
    assert clip.tool == "libreface"
    assert clip.columns[:2] == ("AU01_r", "AU02_r")
    assert {"AU26_r", "AU24_c"} <= set(clip.columns)
    assert len(clip.columns) == 24
    np.testing.assert_allclose(clip.times, [0, 0.04])
    assert clip.values[1, 0] == 2.5


def test_times_are_unknown_without_a_frame_rate(tmp_path):
    path = pyfeat(tmp_path / "a.csv", [(0, 0.9, 0.5)])
    assert read(path).times is None
    with pytest.raises(RecipeError, match="fps is 0"):
        read(path, fps=0)


def test_frames_are_put_in_the_order_of_time(tmp_path):
    path = pyfeat(tmp_path / "a.csv", [(2, 0.9, 0.2), (0, 0.9, 0.0), (1, 0.9, 0.1)])
    np.testing.assert_array_equal(read(path).values[:, 0], [0, 0.1, 0.2])


# What is missing, damaged or double


def test_a_table_without_action_units_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", "frame,pose_Tx", ["1,2"])
    with pytest.raises(DataError, match="has no Action Units: neither AU01_r"):
        read(path)
    with pytest.raises(DataError, match="no file"):
        read(tmp_path / "none.csv")


def test_an_action_unit_that_is_wanted_and_missing_is_named(tmp_path):
    path = openface(tmp_path / "a.csv", columns=OPENFACE[:17])
    assert read(path, columns=["AU12_r"]).values.shape == (4, 1)
    with pytest.raises(DataError, match="no Action Unit 'AU12_c'"):
        read(path, columns=["AU12_c"])


def test_a_damaged_table_is_an_error_that_names_it(tmp_path):
    path = openface(tmp_path / "a.csv")
    path.write_text(path.read_text()[:-300])
    with pytest.raises(DataError, match=r"a\.csv is damaged"):
        read(path)
    words = write(tmp_path / "b.csv", "frame,AU01_r", ["1,much"])
    with pytest.raises(DataError, match=r"b\.csv is damaged"):
        read(words)


TWO_FACES = [(0, 0.9, 1, 1.0), (1, 0.8, 1, 5.0), (0, 0.7, 1, 1.0), (1, 0.95, 1, 5.0), (0, 0.9, 1, 1.0)]


def test_several_faces_in_a_frame_are_refused(tmp_path):
    with pytest.raises(DataError, match="several faces in 2 of 3 frames; choose faces: most_confident"):
        read(openface(tmp_path / "a.csv", TWO_FACES))


def test_the_most_confident_face_of_openface_is_one_face_for_the_whole_clip(tmp_path):
    clip = read(openface(tmp_path / "a.csv", TWO_FACES), faces="most_confident")
    np.testing.assert_array_equal(clip.values[:, 0], [1, 1, 1])  # face 0: 2.5 against 1.75 in sum


def test_the_most_confident_face_of_pyfeat_is_chosen_frame_by_frame(tmp_path):
    frames = [(0, 0.9, 0.1), (0, 0.8, 0.5), (1, 0.7, 0.1), (1, 0.95, 0.5)]
    clip = read(pyfeat(tmp_path / "a.csv", frames), faces="most_confident")
    np.testing.assert_array_equal(clip.values[:, 0], [0.1, 0.5])


def test_a_table_of_several_recordings_is_refused(tmp_path):
    path = pyfeat(tmp_path / "a.csv", [(0, 0.9, 0.1), (0, 0.8, 0.5)])
    lines = path.read_text().splitlines()
    lines[2] = lines[2].replace("clip.mp4", "other.mp4")
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=r"rows of 2 recordings \(clip\.mp4, other\.mp4\)"):
        read(path, faces="most_confident")


def test_the_faces_of_one_image_are_no_frames(tmp_path):
    path = write(tmp_path / "a.csv", "face, confidence, AU01_r", ["0, 0.9, 1.0", "1, 0.9, 2.0"])
    with pytest.raises(DataError, match="a table of one image"):
        read(path)


# Folders


@pytest.fixture
def folder(tmp_path) -> Path:
    openface(tmp_path / "Actor_01" / "01-01-03-01-01-01-01.csv")
    openface(tmp_path / "Actor_02" / "01-01-04-01-01-01-02.csv", [(0, 0.9, 1, 3.0)])
    openface(tmp_path / "Actor_02" / "01-01-05-01-01-01-02.csv", [(0, 0.1, 0, 0.0)])
    openface(tmp_path / "Actor_02" / "01-01-06-01-01-01-02.csv", [])
    return tmp_path


def test_averages_are_over_frames_with_a_face(folder):
    table = read_folder(folder, average=True)
    assert table.ids == ("Actor_01/01-01-03-01-01-01-01", "Actor_02/01-01-04-01-01-01-02")
    np.testing.assert_allclose(table.x[:, 0], [(1 + 2 + 6) / 3, 3])
    assert table.failures == {
        "Actor_02/01-01-05-01-01-01-02": "no_face",
        "Actor_02/01-01-06-01-01-01-02": "no_frames",
    }


def test_averages_are_over_confident_frames_where_a_threshold_is_given(folder):
    np.testing.assert_allclose(read_folder(folder, average=True, min_confidence=0.8).x[:, 0], [1.5, 3])


def test_averages_are_over_all_frames_where_that_is_asked_for(folder):
    table = read_folder(folder, average=True, frames="all")
    np.testing.assert_allclose(table.x[:, 0], [(1 + 2 + 0 + 6) / 4, 3, 0])
    assert list(table.failures.values()) == ["no_frames"]


def test_sequences_leave_out_masked_frames_and_keep_their_times(folder):
    table = read_folder(folder, average=False)
    assert [len(s) for s in table.x] == [3, 1]
    np.testing.assert_array_equal(table.x[0][:, 0], [1, 2, 6])
    np.testing.assert_allclose(table.times[0], [0, 0.04, 0.12])


def test_the_source_says_how_frames_were_chosen(folder):
    source = read_folder(folder, average=True, min_confidence=0.8).source
    assert (source["tool"], source["scale"], source["min_confidence"]) == ("openface", "0 to 5", 0.8)


def test_tables_of_different_columns_or_tools_do_not_mix(folder):
    openface(folder / "z.csv", columns=OPENFACE[:17])
    with pytest.raises(DataError, match=r"z\.csv and .* have different Action Units: AU01_c"):
        read_folder(folder, average=True)
    assert len(read_folder(folder, average=True, columns=OPENFACE[:17])) == 3
    libreface(folder / "z.csv", [1.0])
    with pytest.raises(DataError, match=r"z\.csv is a table of libreface"):
        read_folder(folder, average=True)


def test_a_folder_without_tables_or_faces_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no CSV files"):
        read_folder(tmp_path, average=True)
    openface(tmp_path / "a.csv", [(0, 0.1, 0, 0.0)])
    with pytest.raises(DataError, match=r"no clip of .* has a frame that counts"):
        read_folder(tmp_path, average=True)


def test_clips_join_with_the_audio_of_the_same_clip(folder):
    ids = {"03-01-03-01-01-01-01": "happy", "03-01-04-01-01-01-02": "sad", "03-01-05-01-01-01-02": "angry"}
    manifest = Manifest([Utterance(id=i, label=label, speaker=i[-2:]) for i, label in ids.items()])
    labelled = label_map("ravdess8").apply(manifest)
    table = read_folder(folder, average=True)
    with pytest.raises(DataError, match=r"1 of 3 labelled utterances .*03-01-05-01-01-01-02 \(no_face\)"):
        join(manifest, labelled, table, "ravdess")
    found = join(manifest, labelled, table, "ravdess", allow_missing=True)
    assert found.examples.ids == tuple(ids)[:2]
    assert found.left_out == {"extraction failed: no_face": ("03-01-05-01-01-01-02",)}


# Averages made before


def test_the_published_averages_have_35_action_units_and_1440_clips(test_data):
    folder = test_data / "ravdess_s4" / "trainingData" / "avg_MLP80_AUs" / "data_AUs_avg"
    table = averaged_table(folder / "df_average_AUs_total.csv")
    assert list(table.columns) == OPENFACE
    assert len(table) == 1440
    assert "01-01-05-02-01-01-07" in table.ids
    assert table.x[:, :17].max() <= 5
    assert table.x[:, 17:].max() <= 1


def test_an_unknown_column_beside_averages_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", "AU01_r;valence;name", ["1;2;u1"])
    with pytest.raises(DataError, match="neither Action Units nor names: valence"):
        averaged_table(path)
