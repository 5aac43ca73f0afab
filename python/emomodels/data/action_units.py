"""Action Units from the tables of OpenFace, py-feat and LibreFace, frame by frame or averaged over a clip.

Columns get OpenFace's names: `AU01_r` is an intensity, `AU01_c` a presence. Values stay on the scale of the tool:
intensities from 0 to 5 for OpenFace and LibreFace, from 0 to 1 for py-feat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from emofeat._suggest import did_you_mean
from emomodels.data.features import FeatureTable, digest_of, vector_table
from emomodels.exceptions import DataError, RecipeError

if TYPE_CHECKING:
    import pyarrow as pa

#: Which frames count: those with a face that was tracked with enough confidence, or all.
Frames = Literal["valid", "all"]
#: What to do about several faces in one frame.
Faces = Literal["refuse", "most_confident"]


@dataclass(frozen=True, slots=True)
class _Tool:
    """How one tool names what we need; names in lower case, without blanks around them."""

    columns: re.Pattern[str]
    time: str | None
    time_unit: float
    confidence: str | None
    success: str | None
    face: str | None
    scale: str


_TOOLS: Mapping[str, _Tool] = {
    "openface": _Tool(
        re.compile(r"au(?P<unit>\d\d)_(?P<kind>[rc])"),
        "timestamp",
        1.0,
        "confidence",
        "success",
        "face_id",
        "0 to 5",
    ),
    "py-feat": _Tool(re.compile(r"au(?P<unit>\d\d)"), None, 1.0, "facescore", None, None, "0 to 1"),
    "libreface": _Tool(
        re.compile(r"au_(?P<unit>\d+)(?P<kind>_intensity)?"),
        "frame_time_in_ms",
        1e-3,
        None,
        None,
        None,
        "0 to 5",
    ),
}
_FRAME = ("frame", "frame_idx")


@dataclass(frozen=True, slots=True)
class ActionUnits:
    """The Action Units of one clip.

    Parameters
    ----------
    tool
        `openface`, `py-feat` or `libreface`.
    columns
        Names of the `d` columns.
    values
        `(n_frames, d)`; NaN where the tool found no face.
    times
        Seconds of each frame; None where the table has neither times nor a frame rate was given.
    confidence
        `(n_frames,)`, from 0 to 1; 1 where the tool gives none.
    success
        `(n_frames,)`: the tool tracked a face and gave every Action Unit.
    """

    tool: str
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    times: NDArray[np.float64] | None
    confidence: NDArray[np.float64]
    success: NDArray[np.bool_]

    def counted(self, frames: Frames = "valid", min_confidence: float = 0.0) -> NDArray[np.bool_]:
        """Which frames count, `(n_frames,)`."""
        if frames == "all":
            return np.ones(len(self.values), bool)
        return self.success & (self.confidence >= min_confidence)


def read(
    path: str | Path,
    *,
    fps: float | None = None,
    faces: Faces = "refuse",
    columns: Sequence[str] | None = None,
) -> ActionUnits:
    """Read the table of one clip.

    Parameters
    ----------
    path
        A CSV file of OpenFace (`FeatureExtraction`), py-feat (`Fex.to_csv`) or LibreFace, told by its header.
    fps
        Frames per second, for tables without times.
    faces
        What to do where a frame has several faces: refuse, or take the most confident one. OpenFace's `face_id`
        decides for the whole clip, where it is there.
    columns
        Names of the Action Units wanted; None: all.

    Raises
    ------
    DataError
        No table of these tools, several recordings or faces, a column that is missing or no number.
    """
    path = Path(path)
    names = _header(path)
    tool = _tool_of(path, names)
    _refuse_other_shapes(path, names)
    units = _units(names, _TOOLS[tool].columns)
    for name in columns or ():
        if name not in units:
            raise DataError(
                f"{path} has no Action Unit {name!r}{did_you_mean(name, units)}; there are {', '.join(units)}"
            )
    chosen = {name: units[name] for name in columns or units}
    how = _TOOLS[tool]
    frame = next((name for name in _FRAME if name in names), None)
    others = [name for name in (frame, how.time, how.confidence, how.success, how.face) if name in names]
    table = _columns(path, names, [*chosen.values(), *filter(None, others)])
    values = np.column_stack([table[raw] for raw in chosen.values()])
    n = len(values)
    keep = _one_face(path, table, frame, how, n, faces)
    confidence = table.get(how.confidence or "", np.ones(n))
    tracked = table[how.success] == 1 if how.success in table else np.ones(n, bool)
    return ActionUnits(
        tool,
        tuple(chosen),
        values[keep],
        _times(table, frame, how, fps, keep),
        np.nan_to_num(confidence, nan=0.0)[keep],
        (tracked & np.isfinite(values).all(axis=1))[keep],
    )


def read_folder(
    folder: str | Path,
    *,
    average: bool,
    frames: Frames = "valid",
    min_confidence: float = 0.0,
    fps: float | None = None,
    faces: Faces = "refuse",
    columns: Sequence[str] | None = None,
) -> FeatureTable:
    """The Action Units of all tables in a folder and those below it; a clip's id is its path without `.csv`.

    Parameters
    ----------
    folder
        One CSV file per clip.
    average
        One vector per clip, the mean over its frames; else sequences of frames with their `times`, from which
        frames that do not count are left out.
    frames
        `valid`: frames with a tracked face and `min_confidence`. `all`: every frame, as Luna-Jimenez et al. (2022)
        averaged them.
    min_confidence
        Least confidence of a valid frame.
    fps, faces, columns
        As for `read`.

    Clips without any frame, or without one that counts, are in `failures` as `no_frames` and `no_face`.

    Raises
    ------
    DataError
        No table, a damaged one, or tables whose tool or columns differ.
    """
    folder = Path(folder)
    files = sorted(folder.rglob("*.csv"))
    if not files:
        raise DataError(f"{folder} holds no CSV files", "not_found")
    first: ActionUnits | None = None
    clips: dict[str, tuple[NDArray[np.float64], NDArray[np.float64] | None]] = {}
    failures: dict[str, str] = {}
    for path in files:
        clip = read(path, fps=fps, faces=faces, columns=columns)
        first = first or clip
        _refuse_other_columns(path, clip, files[0], first)
        counted = clip.counted(frames, min_confidence)
        id_ = path.relative_to(folder).with_suffix("").as_posix()
        if counted.any():
            clips[id_] = clip.values[counted], None if clip.times is None else clip.times[counted]
        else:
            failures[id_] = "no_face" if len(counted) else "no_frames"
    if first is None or not clips:
        raise DataError(f"no clip of {folder} has a frame that counts: {len(failures)} tables without a face")
    source = {
        "kind": "action units",
        "path": str(folder),
        "tool": first.tool,
        "scale": _TOOLS[first.tool].scale,
        "average": average,
        "frames": frames,
        "min_confidence": min_confidence,
        "faces": faces,
        "digest": digest_of(files),
    }
    values = tuple(v for v, _ in clips.values())
    if average:
        means = np.stack([v.mean(axis=0) for v in values])
        return FeatureTable(tuple(clips), first.columns, means, source, failures)
    stamps = [t for _, t in clips.values() if t is not None]
    times = tuple(stamps) if len(stamps) == len(clips) else None
    return FeatureTable(tuple(clips), first.columns, values, source, failures, times=times)


def averaged_table(path: str | Path) -> FeatureTable:
    """Averages that were made before: a table with one row per clip and the columns of OpenFace.

    Of the columns `speech`, `name`, `path` and `index` of Luna-Jimenez et al. (2022), `name` is the id and the others
    are left out.

    Raises
    ------
    DataError
        The table cannot be read, or holds a column that is no Action Unit.
    """
    path = Path(path)
    names = _header(path, lower=False)
    units = _units([name.casefold() for name in names], _TOOLS["openface"].columns)
    by_name = {name.casefold(): name for name in names}
    if not units:
        raise DataError(f"{path} has no Action Units (AU01_r, AU01_c …) but {', '.join(list(names)[:5])} …")
    features = {by_name[raw] for raw in units.values()}
    other = [name for name in names if name not in features and name not in ("id", "name")]
    unknown = [name for name in other if name not in ("speech", "path", "index")]
    if unknown:
        raise DataError(
            f"{path} has columns that are neither Action Units nor names: {', '.join(unknown[:5])}"
        )
    return vector_table(path, drop=other)


def _header(path: Path, lower: bool = True) -> dict[str, int]:
    """Names of the columns and their positions; OpenFace writes a blank before each but the first."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            line = file.readline().strip()
    except FileNotFoundError:
        raise DataError(f"no file {path}", "not_found") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    cells = [cell.strip().strip('"').strip() for cell in re.split("[,;\t]", line)]
    return {cell.casefold() if lower else cell: i for i, cell in enumerate(cells)}


def _tool_of(path: Path, names: Iterable[str]) -> str:
    """Which tool wrote a table with these columns."""
    known = set(names)
    for tool, how in _TOOLS.items():
        if any(how.columns.fullmatch(name) for name in known):
            return tool
    raise DataError(
        f"{path} has no Action Units: neither AU01_r (OpenFace) nor AU01 (py-feat) nor au_1_intensity (LibreFace) "
        f"among {', '.join(list(names)[:5])} …"
    )


def _units(names: Iterable[str], pattern: re.Pattern[str]) -> dict[str, str]:
    """OpenFace's name of each Action Unit, intensities first, and the table's own."""
    found = {}
    for name in names:
        match = pattern.fullmatch(name)
        if match:
            kind = match.groupdict().get("kind", "r")
            found[f"AU{int(match['unit']):02d}_{'r' if kind in ('r', '_intensity') else 'c'}"] = name
    return dict(sorted(found.items(), key=lambda item: (item[0][-1] == "c", item[0])))


def _refuse_other_shapes(path: Path, names: Mapping[str, int]) -> None:
    """Refuse tables whose rows are not the frames of one clip."""
    if "face" in names and not set(_FRAME) & set(names):
        raise DataError(
            f"{path} is a table of one image (FaceLandmarkImg); clips come from FeatureExtraction"
        )
    if "input" in names:
        recordings = sorted(set(_table(path, names, {"input": "string"})["input"].to_pylist()))
        if len(recordings) > 1:
            raise DataError(
                f"{path} has rows of {len(recordings)} recordings ({', '.join(map(str, recordings[:3]))}); write one "
                "table for each"
            )


def _columns(path: Path, names: Mapping[str, int], wanted: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """The columns `wanted` as numbers; an empty cell is NaN."""
    table = _table(path, names, dict.fromkeys(wanted, "double"))
    return {name: table[name].to_numpy() for name in wanted}


def _table(path: Path, names: Mapping[str, int], types: Mapping[str, str]) -> pa.Table:
    """The columns of `types`; those of OpenFace are found by position, since their names begin with a blank."""
    import pyarrow as pa
    import pyarrow.csv

    by_position = {f"{names[name]}": pa.type_for_alias(type_) for name, type_ in types.items()}
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline()
    try:
        table = pyarrow.csv.read_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(
                column_names=[str(i) for i in range(len(names))], skip_rows=1, use_threads=False
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=max(",;\t", key=header.count)),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=list(by_position), column_types=by_position
            ),
        )
    except pa.ArrowException as error:
        if "Empty CSV" not in str(error):
            raise DataError(f"{path} is damaged: {str(error).splitlines()[0]}") from error
        return pa.table({name: pa.array([], pa.type_for_alias(type_)) for name, type_ in types.items()})
    return table.rename_columns(list(types))


def _one_face(
    path: Path, table: Mapping[str, NDArray[Any]], frame: str | None, how: _Tool, n: int, faces: Faces
) -> NDArray[np.int64]:
    """Positions of the rows that stay: one for each frame, in the order of the frames."""
    if frame is None:
        return np.arange(n)
    numbers, counts = np.unique(table[frame], return_counts=True)
    if not (counts > 1).any():
        return np.argsort(table[frame], kind="stable")
    if faces == "refuse":
        raise DataError(
            f"{path} has several faces in {np.sum(counts > 1)} of {len(numbers)} frames; choose faces: "
            "most_confident, or make tables of one face each"
        )
    confidence = np.nan_to_num(table.get(how.confidence or "", np.ones(n)), nan=0.0)
    who = table.get(how.face or "")
    if who is not None:
        ids = np.unique(who)
        chosen = ids[np.argmax([confidence[who == id_].sum() for id_ in ids])]
        rows = np.flatnonzero(who == chosen)
        return rows[np.argsort(table[frame][rows], kind="stable")]
    # Sorted by frame and, within one, by falling confidence: the first of each frame.
    order = np.lexsort((-confidence, table[frame]))
    _, starts = np.unique(table[frame][order], return_index=True)
    return order[starts]


def _times(
    table: Mapping[str, NDArray[Any]],
    frame: str | None,
    how: _Tool,
    fps: float | None,
    keep: NDArray[np.int64],
) -> NDArray[np.float64] | None:
    if how.time is not None and how.time in table:
        stamped: NDArray[np.float64] = table[how.time][keep] * how.time_unit
        return stamped
    if fps is None:
        return None
    if fps <= 0:
        raise RecipeError(f"fps is {fps:g}; it is the number of frames per second, above 0")
    numbers = np.arange(len(keep)) if frame is None else table[frame][keep]
    return np.asarray(numbers, np.float64) / fps


def _refuse_other_columns(path: Path, clip: ActionUnits, first_path: Path, first: ActionUnits) -> None:
    if clip.tool != first.tool:
        raise DataError(
            f"{path} is a table of {clip.tool}, {first_path} one of {first.tool}; do not mix them"
        )
    missing = sorted(set(first.columns) ^ set(clip.columns))
    if missing:
        raise DataError(
            f"{path} and {first_path} have different Action Units: {', '.join(missing)} in one of them only; name "
            "those wanted with columns"
        )
