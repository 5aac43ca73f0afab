"""What the authors of system S4 published: posteriors of their models, and Action Units averaged per clip.

Luna-Jiménez et al., Applied Sciences 12(1):327, 2022. The files differ in separator, header, order of the
classes and scale; here all become `Posteriors` with RAVDESS' classes by name. The key of a clip is its stem
without the first field (`01-01-05-02-01-01-16` is `01-05-02-01-01-16`), because that field tells the sound,
the video and both together of one clip apart.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from emofeat._suggest import did_you_mean
from emomodels.data.examples import Examples
from emomodels.exceptions import DataError
from emomodels.posteriors import Posteriors, concat

Part = Literal["train", "test"]

#: RAVDESS' classes in the order of its codes 01 to 08.
CLASSES = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
_ALPHABETICAL = ("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")
FOLDS = ("0", "1", "2", "3", "4")


@dataclass(frozen=True, slots=True)
class Source:
    """One published model: its files under `posteriors/`, and what the rows mean.

    `chosen_on_test`: it, or a model that it is made of, was stopped where it did best on the test fold. No
    file shows that; the authors' code does.
    """

    train: str
    test: str
    classes: tuple[str, ...]
    scale: Literal["probability", "logit"]
    chosen_on_test: bool


#: The published models by name.
SOURCES = {
    "wav2vec2": Source(
        "wav2Vec/posteriors/20211020_094500/fold{fold}/posteriors_train.csv",
        "wav2Vec/posteriors/20211020_094500/fold{fold}/posteriors_test.csv",
        _ALPHABETICAL,
        "logit",
        True,
    ),
    "au-bilstm": Source(
        "AUs_biLSTM_6213/posteriorsv2/RAVDESS_AUs-train--fold_{number}_outof_5-posteriors.csv",
        "AUs_biLSTM_6213/posteriorsv2/RAVDESS_AUs-val--fold_{number}_outof_5-posteriors.csv",
        _ALPHABETICAL,
        "logit",
        True,
    ),
    "au-mlp80": Source(
        "avg_MLP80_AUs/posteriors/train_fold{fold}.csv",
        "avg_MLP80_AUs/posteriors/test_fold{fold}.csv",
        CLASSES,
        "probability",
        False,
    ),
    "fusion": Source(
        "Fusion/posteriors/train_fold{fold}.csv",
        "Fusion/posteriors/test_fold{fold}.csv",
        CLASSES,
        "probability",
        True,
    ),
}


def key(stem: str) -> str:
    """What names a clip whichever of its files is meant: the stem without the field of the modality.

    Raises
    ------
    DataError
        It is no stem of RAVDESS.

    Examples
    --------
    >>> key("01-01-05-02-01-01-16"), key("03-01-05-02-01-01-16")
    ('01-05-02-01-01-16', '01-05-02-01-01-16')
    """
    fields = stem.split("-")
    if len(fields) != 7 or not all(f.isdigit() and len(f) == 2 for f in fields):
        raise DataError(
            f"{stem!r} is no stem of RAVDESS, which has seven fields of two digits (01-01-05-02-01-01-16)"
        )
    return "-".join(fields[1:])


def labels(keys: Iterable[str]) -> dict[str, str]:
    """The class of each clip, which its name holds.

    >>> labels(["01-05-02-01-01-16"])
    {'01-05-02-01-01-16': 'angry'}
    """
    return {k: CLASSES[int(k.split("-")[1]) - 1] for k in keys}


def speakers(keys: Iterable[str]) -> dict[str, str]:
    """The actor of each clip, `01` to `24`."""
    return {k: k.rpartition("-")[2] for k in keys}


def read_posteriors(root: str | Path, source: str, fold: str, part: Part) -> Posteriors:
    """What the model `source` of one fold says about its training or its test clips.

    `trained_on` is the ids of the training part. The classes are in the order of `CLASSES`.

    Parameters
    ----------
    root
        Folder that holds `posteriors/`.
    source
        Name in `SOURCES`.
    fold
        `0` to `4`.
    part
        `train` or `test`.

    Raises
    ------
    DataError
        Unknown names; a file that is missing or not as published; the training part of `fusion`, in which
        the names do not belong to the rows: they are those of the test part, and most are empty.
    """
    _known("model", source, SOURCES)
    _known("fold", fold, FOLDS)
    _known("part", part, get_args(Part))
    if (source, part) == ("fusion", "train"):
        raise DataError(
            "the published training posteriors of 'fusion' name other clips than their rows; use 'test'"
        )
    names, values = _read(root, source, fold, part)
    # The combiner was trained on the clips of its inputs, and its own training file does not name them.
    trained, _ = _read(root, "au-mlp80" if source == "fusion" else source, fold, "train")
    found = SOURCES[source]
    return Posteriors(
        names, found.classes, values, found.scale, source, (fold,) * len(names), {fold: frozenset(trained)}
    ).reorder(CLASSES)


def read_test_posteriors(root: str | Path, source: str) -> Posteriors:
    """The test posteriors of the five folds in one table of 1,440 clips."""
    return concat([read_posteriors(root, source, fold, "test") for fold in FOLDS])


def read_action_units(root: str | Path) -> Examples:
    """Action Units averaged over the frames of each of the 1,440 clips: 17 intensities, 18 presences."""
    path = Path(root) / "trainingData" / "avg_MLP80_AUs" / "data_AUs_avg" / "df_average_AUs_total.csv"
    rows = list(_rows(path, ";"))
    header = rows[0]
    columns = [i for i, name in enumerate(header) if name.startswith("AU")]
    at = header.index("name")
    keys = tuple(key(row[at]) for row in rows[1:])
    classes = labels(keys)
    return Examples(
        ids=keys,
        x=np.array([[float(row[i]) for i in columns] for row in rows[1:]]),
        columns=tuple(header[i] for i in columns),
        classes=CLASSES,
        y=np.array([CLASSES.index(classes[k]) for k in keys], np.int64),
        speakers=tuple(speakers(keys).values()),
    )


def _read(
    root: str | Path, source: str, fold: str, part: Part
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    found = SOURCES[source]
    pattern = found.train if part == "train" else found.test
    path = Path(root) / "posteriors" / pattern.format(fold=fold, number=int(fold) + 1)
    if source == "au-bilstm":
        rows = [(name.removesuffix(".csv"), json.loads(values)) for name, values in _rows(path, ",")]
    else:
        header, *body = _rows(path, ";")
        at = header.index("name" if source == "wav2vec2" else "video_name")
        columns = [header.index(f"embs{k}") for k in range(len(CLASSES))]
        rows = [(row[at], [float(row[i]) for i in columns]) for row in body]
    return tuple(key(name) for name, _ in rows), np.array([values for _, values in rows], np.float64)


def _rows(path: Path, separator: str) -> Iterator[list[str]]:
    if not path.is_file():
        raise DataError(
            f"{path}: no such file; give the folder that holds posteriors/ and trainingData/", "no_such_file"
        )
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.reader(file, delimiter=separator)


def _known(what: str, name: str, names: Iterable[str]) -> None:
    known = tuple(names)
    if name not in known:
        raise DataError(
            f"S4 published no {what} {name!r}{did_you_mean(name, known)}; known: {', '.join(known)}"
        )
