"""The class that stands in for `opensmile.Smile`."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from emofeat import audio
from emofeat.audio import as_signal, check_sr
from emofeat.compat.opensmile.define import SETS, FeatureLevel, FeatureSet, level_of, set_of
from emofeat.compat.opensmile.errors import NotFound, RateMismatch
from emofeat.compat.opensmile.items import (
    Cut,
    Item,
    PathLike,
    Values,
    channel_list,
    cut_of,
    item_of,
    items_of,
    load,
    no_arguments,
    planes_of,
    stored_cut,
)
from emofeat.compat.opensmile.times import (
    Nanoseconds,
    Time,
    both_ends,
    nanoseconds,
    pandas_module,
    rows_from_to,
    sample_at,
    time_ns,
    times_of_each,
)
from emofeat.engine.cores import default_jobs
from emofeat.exceptions import ParameterError, TooShortError, UnknownNameError
from emofeat.extractor import Extractor

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class _Piece:
    """What was computed of one item: values `(rows, columns)`, where the rows lie, and its ends in the index."""

    values: Values
    sr: int
    #: Samples at `sr`; None: too short, one row of NaN.
    samples: int | None
    start: int
    end: int


class Smile:
    """openSMILE's functionals or descriptors of signals and files.

    Parameters
    ----------
    feature_set : FeatureSet or str
        GeMAPSv01b, eGeMAPSv02 or ComParE_2016, or one of these names.
    feature_level : FeatureLevel or str
        Functionals (`func`), LowLevelDescriptors (`lld`) or, of ComParE_2016, LowLevelDescriptors_Deltas (`lld_de`).
    options : dict, optional
        openSMILE's own options; only an empty one is allowed.
    loglevel, logfile
        Without effect: nothing is logged.
    sampling_rate : int, optional
        The rate that recordings must have, or are resampled to; by default their own.
    channels : int or sequence of int
        The channels to take; negative ones count from the last. Several channels without `mixdown` give a block
        of columns each, `(channel, name)`.
    mixdown : bool
        Take the mean of the channels.
    resample : bool
        Resample to `sampling_rate` in place of raising.
    segment : None
        Segmentation by another object is not supported.
    keep_nat : bool
        Leave the end of whole files NaT in the index.
    num_workers : int, optional
        Threads for several files; None: all cores.
    multiprocessing : bool
        Accepted; threads of the core do the work either way.
    verbose : bool
        Show progress over several files.

    Raises
    ------
    UnknownNameError
        A set or level that does not exist here.
    ParameterError
    """

    def __init__(
        self,
        feature_set: str | FeatureSet = FeatureSet.ComParE_2016,
        feature_level: str | FeatureLevel = FeatureLevel.Functionals,
        *,
        options: dict[str, Any] | None = None,
        loglevel: int = 2,
        logfile: str | None = None,
        sampling_rate: int | None = None,
        channels: int | Sequence[int] = 0,
        mixdown: bool = False,
        resample: bool = False,
        segment: None = None,
        keep_nat: bool = False,
        num_workers: int | None = 1,
        multiprocessing: bool = False,
        verbose: bool = False,
    ) -> None:
        self.feature_set = set_of(feature_set)
        known = SETS[self.feature_set]
        self.feature_level = level_of(feature_level)
        if self.feature_level not in known.levels:
            raise UnknownNameError(
                f"Feature level '{self.feature_level.name}' is not available for feature set "
                f"'{self.feature_set.name}'; allowed are {', '.join(level.name for level in known.levels)}",
                "unknown_name",
            )
        if options:
            raise ParameterError(
                f"options = {options!r}; openSMILE's own options are not supported", "bad_parameter"
            )
        if segment is not None:
            raise ParameterError(
                "segment is not supported; pass the segments to process_index or process_signal_from_index",
                "bad_parameter",
            )
        if resample and sampling_rate is None:
            raise ParameterError("sampling_rate has to be provided for resample = True.", "bad_parameter")
        self.options: dict[str, Any] = {}
        self.loglevel = loglevel
        self.logfile = logfile
        self.sampling_rate = None if sampling_rate is None else check_sr(sampling_rate)
        self.channels = channel_list(channels)
        self.mixdown = bool(mixdown)
        self.resample = bool(resample)
        self.keep_nat = keep_nat
        self.num_workers = num_workers
        self.multiprocessing = multiprocessing
        self.verbose = verbose
        self.name = "smile"
        #: Always None: rows carry their own times.
        self.hop_dur = self.win_dur = None
        self.process_func_applies_sliding_window = False
        self._known = known
        self._spec = known.spec(self.feature_level)
        # Channels are chosen here, so an extractor sees one.
        self._extractor = Extractor(self._spec, channel=0)
        self._names = self._extractor.schema[0].columns

    @property
    def config_name(self) -> str:
        """openSMILE's name of the set's configuration."""
        return self.feature_set.value.rpartition("/")[2]

    @property
    def feature_names(self) -> list[str]:
        """Names of the features of one channel, in order."""
        return list(self._names)

    @property
    def num_features(self) -> int:
        """Features of one channel."""
        return len(self._names)

    @property
    def num_channels(self) -> int:
        """Channels in the result."""
        return 1 if self.mixdown else len(self.channels)

    @property
    def column_names(self) -> pd.Index:
        """Columns of the DataFrames: the feature names, or `(channel, name)` for several channels."""
        pandas = pandas_module()
        if self.num_channels == 1:
            return pandas.Index(self._names)
        return pandas.MultiIndex.from_tuples([(c, name) for c in self.channels for name in self._names])

    @property
    def params(self) -> dict[str, Any]:
        """What decides the numbers, flat."""
        return {
            "feature_set": self.feature_set.name,
            "feature_level": self.feature_level.name,
            "sampling_rate": self.sampling_rate,
            **{f"channels.{i}": c for i, c in enumerate(self.channels)},
            "mixdown": self.mixdown,
            "resample": self.resample,
        }

    def __repr__(self) -> str:
        return f"Smile({', '.join(f'{key}={value!r}' for key, value in self.params.items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Smile) and self.params == other.params

    def __hash__(self) -> int:
        return hash(tuple(self.params.items()))

    # ------------------------------------------------------------------------------------------------- signals

    def __call__(self, signal: npt.ArrayLike, sampling_rate: int) -> Values:
        """Features of a signal without a DataFrame, `(channels, features, rows)`."""
        sr = check_sr(sampling_rate)
        values = self._compute(self._prepare(planes_of(signal), sr), self.sampling_rate or sr)
        return self._in_three_dimensions(self._nan() if values is None else values)

    def process_signal(
        self,
        signal: npt.ArrayLike,
        sampling_rate: int,
        *,
        file: str | None = None,
        start: Time = None,
        end: Time = None,
        process_func_args: Mapping[str, object] | None = None,
    ) -> pd.DataFrame:
        """Features of a signal, or of the segment from `start` to `end` of it.

        Parameters
        ----------
        signal : array_like, `(n,)` or `(channels, n)`
            Samples; integers are scaled to ±1.
        sampling_rate : int
            Rate in Hz.
        file : str, optional
            The file level of the index; without it the index has start and end only.
        start, end : float, str or Timedelta, optional
            Seconds, text such as `"100ms"`, or samples as a string of digits.
        process_func_args : mapping, optional
            Only an empty one is allowed.

        Returns
        -------
        DataFrame
            One row per segment, or per frame for descriptors. A segment shorter than 60 ms is a row of NaN and a
            UserWarning.

        Raises
        ------
        NonFiniteError, ParameterError, ShapeError
        """
        no_arguments(process_func_args)
        sr = check_sr(sampling_rate)
        ends = (time_ns(start, sr), time_ns(end, sr))
        piece = self._of_signal(planes_of(signal), sr, *ends)
        return self._frame([piece], None if file is None else [file], [False])

    def process_signal_from_index(
        self,
        signal: npt.ArrayLike,
        sampling_rate: int,
        index: pd.MultiIndex,
        process_func_args: Mapping[str, object] | None = None,
    ) -> pd.DataFrame:
        """Features of the segments of a signal that `index`, with levels start and end, names."""
        no_arguments(process_func_args)
        if list(index.names) != ["start", "end"]:
            raise ParameterError(
                f"an index with levels {list(index.names)}; allowed are start and end", "bad_parameter"
            )
        if index.has_duplicates:
            raise ParameterError(f"Found duplicates:\n{index[index.duplicated()][0]}", "bad_parameter")
        sr, planes = check_sr(sampling_rate), planes_of(signal)
        pieces = [self._of_signal(planes, sr, time_ns(a, sr), time_ns(b, sr)) for a, b in index]
        return self._frame(pieces, None, [False] * len(pieces))

    # --------------------------------------------------------------------------------------------------- files

    def process_file(
        self,
        file: PathLike,
        *,
        start: Time = None,
        end: Time = None,
        root: PathLike | None = None,
        process_func_args: Mapping[str, object] | None = None,
    ) -> pd.DataFrame:
        """Features of a file, or of the segment from `start` to `end` of it.

        Parameters
        ----------
        file : path
            The file; the index holds it as it is given.
        start, end : float, str or Timedelta, optional
            Seconds, or text such as `"100ms"`. An end beyond the file is the file's end.
        root : path, optional
            Folder that a relative path starts from.
        process_func_args : mapping, optional
            Only an empty one is allowed.

        Returns
        -------
        DataFrame
            As `process_signal`, with levels file, start and end.

        Raises
        ------
        EmofeatError
            `exc.code` is the reason; also a RuntimeError, which soundfile would raise.
        """
        no_arguments(process_func_args)
        return self._of_items([item_of(file, time_ns(start), time_ns(end), root)])

    def process_files(
        self,
        files: Iterable[PathLike],
        *,
        starts: Time | Sequence[Time] = None,
        ends: Time | Sequence[Time] = None,
        root: PathLike | None = None,
        process_func_args: Mapping[str, object] | None = None,
    ) -> pd.DataFrame:
        """Features of several files, or of a segment of each.

        Parameters
        ----------
        files : sequence of path
            The files.
        starts, ends : time or sequence of times, optional
            As in `process_file`, one for all files or one for each.
        root, process_func_args
            As in `process_file`.

        Returns
        -------
        DataFrame
            The files' rows one after the other, in order.
        """
        no_arguments(process_func_args)
        paths = list(files)
        first = times_of_each(starts, len(paths), "starts")
        last = times_of_each(ends, len(paths), "ends")
        return self._of_items([item_of(*each, root) for each in zip(paths, first, last, strict=True)])

    def process_folder(
        self,
        root: PathLike,
        *,
        filetype: str = "wav",
        include_root: bool = True,
        process_func_args: Mapping[str, object] | None = None,
    ) -> pd.DataFrame:
        """Features of the files of one type in a folder, without folders inside it.

        Parameters
        ----------
        root : path
            The folder.
        filetype : str
            The ending of the files' names.
        include_root : bool
            Whether the index holds absolute paths, or names in the folder.
        process_func_args : mapping, optional
            Only an empty one is allowed.

        Raises
        ------
        AudioFileNotFoundError
            The folder does not exist.
        ParameterError
            It holds no such file.
        """
        no_arguments(process_func_args)
        folder = Path(root).expanduser().absolute()
        if not folder.is_dir():
            raise NotFound(f"there is no folder '{folder}'", "not_found")
        ending = "." + filetype.removeprefix(".")
        names = sorted(path.name for path in folder.iterdir() if path.name.endswith(ending))
        if not names:
            raise ParameterError(f"'{folder}' holds no file that ends in '{ending}'", "bad_parameter")
        if include_root:
            return self.process_files([str(folder / name) for name in names])
        return self.process_files(names, root=folder)

    def process_index(
        self,
        index: pd.Index,
        *,
        preserve_index: bool = False,
        root: PathLike | None = None,
        cache_root: PathLike | None = None,
        process_func_args: Mapping[str, object] | None = None,
    ) -> pd.DataFrame:
        """Features of the files or segments of an index in audformat's form.

        Parameters
        ----------
        index : Index of files, or MultiIndex with levels file, start and end
            An end of NaT is the end of the file.
        preserve_index : bool
            Give `index` itself to the result, which then must have a row for each entry.
        root : path, optional
            Folder that relative paths start from.
        cache_root : path, optional
            Folder in which the result is kept (as a pickle, which is code: use a folder of your own) and found
            again by the next call with the same index and parameters.
        process_func_args : mapping, optional
            Only an empty one is allowed.

        Raises
        ------
        ParameterError
            An index of another form.
        """
        no_arguments(process_func_args)
        items = items_of(index, root)
        if cache_root is None:
            frame = self._of_items(items)
        else:
            frame = self._cached(items, Path(cache_root))
        if preserve_index:
            frame.index = index
        return frame

    def to_numpy(self, frame: pd.DataFrame) -> Values:
        """The values of a DataFrame, `(channels, features, rows)`."""
        return self._in_three_dimensions(frame.to_numpy())

    # ------------------------------------------------------------------------------------------------ the work

    def _in_three_dimensions(self, values: Values) -> Values:
        return np.ascontiguousarray(values.T).reshape(self.num_channels, self.num_features, len(values))

    def _prepare(self, planes: Values, sr: int) -> Values:
        """The channels that are asked for, at the rate that is asked for."""
        if self.sampling_rate not in (None, sr) and not self.resample:
            raise RateMismatch(
                f"Sampling rate of input signal is {sr} but the expected sampling rate is {self.sampling_rate} Hz. "
                "Enable resampling to avoid this error.",
                "bad_rate",
            )
        n = len(planes)
        if not all(-n <= c < n for c in self.channels):
            raise ParameterError(
                f"Invalid channel selection {self.channels}, input signal has only {n} channels.",
                "bad_parameter",
            )
        chosen = [as_signal(planes[c]) for c in self.channels]
        if self.mixdown:
            chosen = [np.mean(chosen, axis=0, dtype=np.float32)]
        if self.sampling_rate not in (None, sr) and planes.shape[1]:
            chosen = [audio.resample(plane, sr, self.sampling_rate or sr) for plane in chosen]
        return np.stack(chosen)

    def _compute(self, planes: Values, sr: int) -> Values | None:
        """Values `(rows, channels * features)` of prepared channels; None, and warnings, if they are too short."""
        rows: list[Values] = []
        for plane in planes:
            try:
                rows += self._extractor.process_signal(plane, sr).values()
            except TooShortError:
                _warn_of_nan()
        return np.concatenate(rows, axis=1) if rows else None

    def _piece(self, planes: Values, sr: int, start: int, end: int) -> _Piece:
        """What is computed of the samples of one item, which lie from `start` to `end`."""
        out_sr = self.sampling_rate or sr
        planes = self._prepare(planes, sr)
        values = self._compute(planes, out_sr)
        if values is None:
            return _Piece(self._nan(), out_sr, None, start, end)
        return _Piece(values, out_sr, planes.shape[1], start, end)

    def _nan(self) -> Values:
        # float64, as NumPy makes it: opensmile-python's frames have this type as soon as one segment is too short.
        return np.full((1, self.num_channels * self.num_features), np.nan)

    def _of_signal(self, planes: Values, sr: int, start: int | None, end: int | None) -> _Piece:
        whole = nanoseconds(planes.shape[1] / sr)
        first, last = both_ends(start, end)
        cut = planes[:, sample_at(first, sr) : None if last is None else sample_at(last, sr)]
        return self._piece(cut, sr, first, max(whole, first) if last is None else last)

    def _of_items(self, items: list[Item]) -> pd.DataFrame:
        if not items:
            raise ParameterError("no files were given; at least one is needed", "bad_parameter")
        pandas_module()
        workers = default_jobs() if self.num_workers is None else max(1, self.num_workers)
        # Without a display, one round; with one, a step of it per round.
        size = 8 * workers if self.verbose else len(items)
        rounds = [items[at : at + size] for at in range(0, len(items), size)]
        pieces: list[_Piece] = []
        for some in self._shown(rounds, len(items)):
            pieces += self._round(some, workers)
        whole = [self.keep_nat and item.end is None for item in items]
        return self._frame(pieces, [item.name for item in items], whole)

    def _shown(self, rounds: list[list[Item]], total: int) -> Iterable[list[Item]]:
        if not self.verbose:
            yield from rounds
            return
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(f"Process {total} files", total=total)
            for some in rounds:
                yield some
                progress.advance(task, len(some))

    def _round(self, items: list[Item], workers: int) -> list[_Piece]:
        """The pieces of some items, in order."""
        pieces = self._batch(items, workers)
        rest = [i for i in range(len(items)) if i not in pieces]
        if workers == 1 or len(rest) < 2:
            pieces |= {i: self._of_item(items[i]) for i in rest}
        else:
            with ThreadPoolExecutor(workers) as pool:
                pieces |= dict(zip(rest, pool.map(self._of_item, [items[i] for i in rest]), strict=True))
        return [pieces[i] for i in range(len(items))]

    def _batch(self, items: list[Item], workers: int) -> dict[int, _Piece]:
        """Pieces of the items that the core can read, cut and compute on its own threads.

        Left to `_of_item` are several channels, another rate, and all that fails, for it says why as opensmile-python
        does.
        """
        if len(self.channels) > 1 or self.channels[0] < 0 or self.sampling_rate is not None:
            return {}
        jobs: dict[int, tuple[str, float | None, float | None]] = {}
        cuts: dict[int, Cut] = {}
        for i, item in enumerate(items):
            if item.start is None and item.end is None:
                jobs[i] = (item.path, None, None)
            elif (found := stored_cut(item)) is not None:
                cuts[i], sr = found
                jobs[i] = (item.path, cuts[i].first / sr, cuts[i].last / sr)
        batch = Extractor(self._spec, channel=self.channels[0]).extract_batch(
            list(jobs.values()), n_threads=workers
        )
        key = batch.schema[0].key
        values, splits = batch.values(key), batch.splits(key)
        order, pieces = list(jobs), {}
        for at, row in enumerate(batch.rows):
            i = order[row.index]
            cut = cuts.get(i) or cut_of(items[i], row.n_samples, row.sr)
            rows = values[splits[at] : splits[at + 1]]
            pieces[i] = _Piece(rows, row.sr, row.n_samples, cut.start, cut.end)
        return pieces

    def _of_item(self, item: Item) -> _Piece:
        """One file or segment: decoded, cut, then as a signal."""
        try:
            planes, sr = load(item.path)
        except TooShortError:
            _warn_of_nan()
            start, _ = both_ends(item.start, item.end)
            return _Piece(self._nan(), 0, None, start, start)
        cut = cut_of(item, planes.shape[1], sr)
        return self._piece(planes[:, cut.first : cut.last], sr, cut.start, cut.end)

    def _cached(self, items: list[Item], folder: Path) -> pd.DataFrame:
        content = repr((self.params, self._extractor.digest, self.keep_nat, items))
        path = folder / f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.pkl"
        pandas = pandas_module()
        if path.exists():
            return pandas.read_pickle(path)
        frame = self._of_items(items)
        folder.mkdir(parents=True, exist_ok=True)
        # Whole or not at all, also when several processes fill the folder.
        part = path.with_suffix(f".{os.getpid()}.part")
        frame.to_pickle(part)
        part.replace(path)
        return frame

    # ----------------------------------------------------------------------------------------------- the frame

    def _frame(self, pieces: list[_Piece], names: list[str] | None, nat: list[bool]) -> pd.DataFrame:
        """The DataFrame of several pieces; `nat` says whose last end stays open."""
        if not pieces:
            raise ParameterError("the index is empty; at least one segment is needed", "bad_parameter")
        pandas = pandas_module()
        times = [self._times(piece) for piece in pieces]
        starts = np.concatenate([start for start, _ in times])
        ends = np.concatenate([end for _, end in times])
        counts = [len(piece.values) for piece in pieces]
        ends[np.cumsum(counts)[nat] - 1] = np.iinfo(np.int64).min
        levels: list[Any] = [pandas.to_timedelta(ns.view("timedelta64[ns]")) for ns in (starts, ends)]
        if names is not None:
            levels.insert(0, pandas.Index(names).repeat(counts))
        index = pandas.MultiIndex.from_arrays(levels, names=["file", "start", "end"][-len(levels) :])
        values = np.concatenate([piece.values for piece in pieces])
        return pandas.DataFrame(values, index=index, columns=self.column_names)

    def _times(self, piece: _Piece) -> tuple[Nanoseconds, Nanoseconds]:
        """Start and end of every row of a piece."""
        if piece.samples is None or self.feature_level is FeatureLevel.Functionals:
            return np.array([piece.start]), np.array([piece.end])
        starts, ends = rows_from_to(len(piece.values), self._known, piece.sr, piece.samples)
        starts, ends = starts + piece.start, ends + piece.start
        ends[-1] = piece.end
        return starts, ends


def _warn_of_nan() -> None:
    warnings.warn("Segment too short, filling with NaN.", UserWarning, stacklevel=5)
