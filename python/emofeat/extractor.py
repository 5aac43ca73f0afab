"""Several features together, of signals, files, streams and whole lists of them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import numpy.typing as npt

from emofeat import _emofeat
from emofeat.audio import Channel, as_signal, channel_index, check_sr, decode_with_av
from emofeat.exceptions import EmofeatError, UnsupportedCodecError, from_code

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Batch", "Block", "Blocks", "Extractor", "Failure", "FeatureInfo", "Result", "Row", "Stream"]

Precision = Literal["float32", "float64"]
OnShort = Literal["error", "pad", "allow"]
OnNonFinite = Literal["error", "zero", "keep"]
Matrix = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class FeatureInfo:
    """One feature of an extractor.

    Attributes
    ----------
    key : str
        Name of the result.
    spec : str
        The specification it came from.
    columns : list of str
        Column names.
    unit, dtype : str
        Unit and type of the values.
    description : str
        One line.
    scope : str
        `local`, `scan` or `global`: how far it looks. A global feature cannot stream.
    kind : str
        `frames`: one row per frame; `vector`: one row per recording.
    hop_length, frame_length, frame_offset : int
        Distance of frames, their length, and the first sample of frame 0, in samples.
    sr : int
        The rate for which these lengths hold.
    """

    key: str
    spec: str
    columns: list[str]
    unit: str
    dtype: str
    description: str
    scope: str
    kind: str
    hop_length: int
    frame_length: int
    frame_offset: int
    sr: int

    @property
    def hop(self) -> float:
        """Seconds from one frame to the next."""
        return self.hop_length / self.sr

    @property
    def window(self) -> float:
        """Seconds in a frame."""
        return self.frame_length / self.sr

    @property
    def offset(self) -> float:
        """Centre of frame 0 in seconds."""
        return (self.frame_offset + self.frame_length / 2) / self.sr


@dataclass(frozen=True)
class Row:
    """What is known of a recording whose features were computed.

    Attributes
    ----------
    index : int
        Position in the list that was asked for.
    sr, file_sr : int
        Rate of the samples that were used, and of the file.
    channels : int
        Channels of the file.
    n_samples : int
        Samples that were used.
    format : str
        Format of the file.
    """

    index: int
    sr: int
    file_sr: int
    channels: int
    n_samples: int
    format: str

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.sr


@dataclass(frozen=True)
class Failure:
    """A recording that could not be used: position in the list, reason code, sentence."""

    index: int
    code: str
    message: str


class Result(Mapping[str, Matrix]):
    """Features of one recording: name to matrix, frames first.

    Attributes
    ----------
    sr : int
        Rate of the samples that were used.
    schema : tuple of FeatureInfo
    """

    def __init__(
        self, schema: tuple[FeatureInfo, ...], values: Sequence[Matrix], sr: int, n_samples: int | None = None
    ) -> None:
        self.schema = schema
        self.sr = sr
        #: Length of the recording in seconds, where a file was read.
        self.duration = None if n_samples is None else n_samples / sr
        self._values = {info.key: value for info, value in zip(schema, values, strict=True)}

    def __getitem__(self, key: str) -> Matrix:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def info(self, key: str) -> FeatureInfo:
        """What the feature `key` is."""
        return next(info for info in self.schema if info.key == key)

    def hop(self, key: str) -> float:
        """Seconds from one frame of `key` to the next."""
        return self.info(key).hop

    def offset(self, key: str) -> float:
        """Centre of the first frame of `key` in seconds."""
        return self.info(key).offset

    def times(self, key: str, at: Literal["centre", "start"] = "centre") -> npt.NDArray[np.float64]:
        """Time of every frame of `key` in seconds, `(n_frames,)`."""
        info = self.info(key)
        first = info.offset if at == "centre" else info.frame_offset / info.sr
        return first + info.hop * np.arange(len(self[key]), dtype=np.float64)

    def __repr__(self) -> str:
        parts = ", ".join(f"{key}: {value.shape}" for key, value in self.items())
        return f"Result({parts}; {self.sr} Hz)"


class Batch:
    """Features of many recordings, the rows of each feature one after the other.

    Attributes
    ----------
    rows : list of Row
        The recordings that worked, in order.
    failed : list of Failure
        Those that did not.
    deferred : list of int
        Those that are longer than was allowed, not computed.
    """

    def __init__(self, inner: _emofeat.Batch, schema: tuple[FeatureInfo, ...]) -> None:
        self.rows = [Row(*row) for row in inner.rows()]
        self.failed = [Failure(index, error.code, str(error)) for index, error in inner.failed()]
        self.deferred = inner.deferred()
        self.schema = schema
        self._data: dict[str, tuple[Matrix, npt.NDArray[np.int64]]] = {}
        for at, info in enumerate(schema):
            empty = (np.zeros((0, len(info.columns)), info.dtype), np.zeros(1, np.int64))
            self._data[info.key] = inner.take(at) or empty

    def values(self, key: str) -> Matrix:
        """All rows of feature `key`, `(total_rows, n_columns)`."""
        return self._data[key][0]

    def splits(self, key: str) -> npt.NDArray[np.int64]:
        """First row of each recording in `values(key)`, and the end: `(len(rows) + 1,)`."""
        return self._data[key][1]


@dataclass(frozen=True)
class Block(Mapping[str, Matrix]):
    """Consecutive rows of one long recording.

    Attributes
    ----------
    row : Row
        What is known of the recording; `n_samples` counts the samples read so far.
    """

    row: Row
    _values: dict[str, Matrix]

    def __getitem__(self, key: str) -> Matrix:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Blocks(Iterator[Block]):
    """A recording in blocks: bounded memory, the same bits as the whole."""

    def __init__(self, inner: _emofeat.Blocks, keys: list[str]) -> None:
        self._inner = inner
        self._keys = keys

    def __next__(self) -> Block:
        values = self._inner.next()
        if values is None:
            raise StopIteration
        return Block(Row(*self._inner.row()), dict(zip(self._keys, values, strict=True)))


class Stream:
    """Features of a signal that comes in pieces: exactly the frames of the offline run.

    Examples
    --------
    >>> stream = Extractor("logmel(top_db=none)").stream(16000)
    >>> first = stream.push(np.zeros(3000, dtype=np.float32))
    >>> rest = stream.finish()
    >>> len(first["logmel"]), len(rest["logmel"])
    (4, 2)
    """

    def __init__(self, inner: _emofeat.Stream, keys: list[str]) -> None:
        self._inner = inner
        self._keys = keys

    def push(self, chunk: npt.ArrayLike) -> dict[str, Matrix]:
        """Takes the next samples (any number); gives the rows that have become final."""
        return self._feed(chunk, end=False)

    def finish(self) -> dict[str, Matrix]:
        """Ends the signal; gives the rows that are left."""
        return self._feed(np.zeros(0, np.float32), end=True)

    def _feed(self, chunk: npt.ArrayLike, *, end: bool) -> dict[str, Matrix]:
        values = self._inner.feed(as_signal(chunk, double=True), end)
        return dict(zip(self._keys, values, strict=True))


class Extractor:
    """Features of recordings, computed together: what several features share is computed once.

    Parameters
    ----------
    features : str or sequence of str
        Specifications such as `"logmel(n_mels=80)"`, `"delta(mfcc(n_mfcc=13))"`, `"m=mfcc"`, several
        of them separated by commas or as a sequence, or the name of a set (`emofeat features list`).
    sr : int, optional
        Rate that every recording is resampled to; by default its own.
    precision : 'float32' or 'float64'
        Precision of computation and result.
    channel : 'mean' or int
        How several channels become one.
    on_short : 'error', 'pad' or 'allow'
        A recording shorter than one frame: refuse it, pad it with zeros to one frame, or compute
        what the convention's own padding gives.
    on_nonfinite : 'error', 'zero' or 'keep'
        NaN and infinite samples: refuse them, take them as zero, or compute with them.
    front_end : mapping, optional
        Parameters for every feature that has them and does not set them itself, for example
        `{"win_ms": 25, "hop_ms": 10}`, or `{"preset": "speech-25ms"}` for a named front end.

    Raises
    ------
    UnknownNameError, ParameterError

    Notes
    -----
    Extractors can be pickled, and are equal when their digests are equal. They may be used from
    several threads at once and after a fork.

    Examples
    --------
    >>> extractor = Extractor("logmel(n_mels=80), delta(mfcc(n_mfcc=13))", front_end={"hop_length": 256})
    >>> extractor.feature_names
    ['logmel', 'mfcc_delta']
    >>> extractor.process_signal(np.ones(22050, dtype=np.float32), 22050)
    Result(logmel: (87, 80), mfcc_delta: (87, 13); 22050 Hz)
    """

    def __init__(
        self,
        features: str | Sequence[str],
        *,
        sr: int | None = None,
        precision: Precision = "float32",
        channel: Channel = "mean",
        on_short: OnShort = "error",
        on_nonfinite: OnNonFinite = "error",
        front_end: Mapping[str, object] | None = None,
    ) -> None:
        if precision not in ("float32", "float64"):
            raise from_code("bad_parameter", f"precision = {precision!r}; allowed: 'float32', 'float64'")
        texts = [features] if isinstance(features, str) else list(features)
        self._config: dict[str, Any] = {
            "features": _emofeat.canonical(texts),
            "sr": None if sr is None else check_sr(sr),
            "precision": precision,
            "channel": channel if channel == "mean" else channel_index(channel),
            "on_short": on_short,
            "on_nonfinite": on_nonfinite,
            "front_end": _front_end(front_end or {}),
        }
        self._inner = _emofeat.Extractor(
            self._config["features"],
            self._config["sr"],
            precision == "float64",
            channel_index(channel),
            on_short,
            on_nonfinite,
            self._config["front_end"],
        )
        self._schemas: dict[int, tuple[FeatureInfo, ...]] = {}

    @property
    def config(self) -> dict[str, Any]:
        """All arguments; `Extractor(**config)` makes an equal extractor."""
        return cast(dict[str, Any], json.loads(json.dumps(self._config)))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the configuration and of the version of the numbers."""
        content = {"config": self._config, "numerics_version": _emofeat.numerics_version()}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def sr(self) -> int | None:
        """Rate that recordings are resampled to."""
        return cast("int | None", self._config["sr"])

    @property
    def feature_names(self) -> list[str]:
        """Names of the features, in order."""
        return [info.key for info in self.schema]

    @property
    def columns(self) -> dict[str, list[str]]:
        """Column names of every feature."""
        return {info.key: info.columns for info in self.schema}

    @property
    def schema(self) -> tuple[FeatureInfo, ...]:
        """What every feature is, at the rate of the extractor; if it has none, at 16 kHz or where it can be."""
        return self.schema_at(self._inner.any_rate())

    def schema_at(self, sr: int) -> tuple[FeatureInfo, ...]:
        """What every feature is for recordings of `sr` Hz."""
        if sr not in self._schemas:
            self._schemas[sr] = tuple(
                FeatureInfo(
                    key=d["key"],
                    spec=d["spec"],
                    columns=d["columns"],
                    unit=d["unit"],
                    dtype=self._config["precision"],
                    description=d["summary"],
                    scope=d["scope"],
                    kind=d["kind"],
                    hop_length=d["hop_length"],
                    frame_length=d["frame_length"],
                    frame_offset=d["offset"],
                    sr=sr,
                )
                for d in self._inner.describe(sr)
            )
        return self._schemas[sr]

    def min_samples(self, sr: int) -> int:
        """Fewest samples at `sr` Hz that hold one frame of every feature."""
        return self._inner.min_samples(check_sr(sr))

    def process_signal(self, y: npt.ArrayLike, sr: int) -> Result:
        """Features of a signal.

        Parameters
        ----------
        y : array_like, `(n,)`, `(channels, n)` or `(n, channels)`
            Samples; contiguous float32 is not copied, integers are scaled to ±1.
        sr : int
            Rate in Hz.

        Returns
        -------
        Result

        Raises
        ------
        TooShortError, NonFiniteError, ShapeError, ParameterError
        """
        double = self._config["precision"] == "float64"
        out_sr, values = self._inner.signal(
            as_signal(y, self._config["channel"], double=double), check_sr(sr)
        )
        return Result(self.schema_at(out_sr), values, out_sr)

    def process_signals(
        self, ys: Sequence[npt.ArrayLike], sr: int, *, n_threads: int | None = None
    ) -> list[Result]:
        """Features of several signals of one rate, computed on several threads, in order.

        Raises the first signal's error if one fails.
        """
        arrays = [as_signal(y, self._config["channel"]) for y in ys]
        inner = self._inner.signals(arrays, check_sr(sr), _threads(n_threads))
        for index, error in inner.failed():
            error.args = (f"signal {index}: {error}",)
            raise error
        out_sr = self.sr or sr
        batch = Batch(inner, self.schema_at(out_sr))
        splits = {info.key: batch.splits(info.key) for info in batch.schema}
        return [
            Result(
                batch.schema,
                [batch.values(i.key)[splits[i.key][at] : splits[i.key][at + 1]] for i in batch.schema],
                out_sr,
            )
            for at in range(len(arrays))
        ]

    def process_file(
        self, path: str | os.PathLike[str], start: float | None = None, end: float | None = None
    ) -> Result:
        """Features of a file, or of the segment from `start` to `end` seconds of it.

        Raises
        ------
        EmofeatError
            `exc.code` is the reason; see `docs/reason-codes.md`.
        """
        path = os.fspath(path)
        try:
            row, values = self._inner.file(path, start, end)
        except UnsupportedCodecError as error:
            return self._through_av(path, start, end, error)
        return Result(self.schema_at(row[1]), values, row[1], row[4])

    def _through_av(
        self, path: str, start: float | None, end: float | None, error: UnsupportedCodecError
    ) -> Result:
        from emofeat.audio import resample_and_cut

        planes, file_sr = decode_with_av(path, error)
        mono = as_signal(planes, self._config["channel"]) if len(planes) > 1 else planes[0]
        y, sr = resample_and_cut(mono[np.newaxis], file_sr, self.sr, start, end, mono=True)
        result = self.process_signal(y, sr)
        result.duration = len(y) / sr
        return result

    def process_files(
        self, paths: Sequence[str | os.PathLike[str]], *, n_threads: int | None = None
    ) -> pa.Table:
        """Features of several files, computed on several threads.

        Returns
        -------
        pyarrow.Table
            One row per file, in order: `file`, `sr`, `duration`, `error` (reason code or null),
            `message`, then one column per feature, `list<fixed_size_list<float>[n_columns]>`, or, of a
            feature with one row per recording, one column per name.
        """
        import pyarrow as pa

        from emofeat.store import arrays

        items = [(os.fspath(path), None, None) for path in paths]
        batch = self.extract_batch(items, n_threads=_threads(n_threads))
        rows: dict[int, tuple[int, float, int]] = {
            row.index: (row.sr, row.duration, at) for at, row in enumerate(batch.rows)
        }
        failures = {failure.index: failure for failure in batch.failed}
        again: dict[int, Result] = {}
        for index, failure in list(failures.items()):
            if failure.code == "unsupported_codec":
                try:
                    again[index] = self.process_file(paths[index])
                    del failures[index]
                except EmofeatError as error:
                    failures[index] = Failure(index, error.code, str(error))
        every = range(len(items))
        reasons = [failures.get(i) for i in every]
        columns: dict[str, Any] = {
            "file": arrays.texts([item[0] for item in items]),
            "sr": arrays.optional_numbers([_known(rows, again, i, "sr") for i in every], "int32"),
            "duration": arrays.optional_numbers(
                [_known(rows, again, i, "duration") for i in every], "float64"
            ),
            "error": arrays.texts([None if f is None else f.code for f in reasons]),
            "message": arrays.texts([None if f is None else f.message for f in reasons]),
        }
        for info in batch.schema:
            values, splits = batch.values(info.key), batch.splits(info.key)
            pieces: list[Matrix] = []
            offsets: list[int | None] = []
            total = 0
            for index in range(len(items)):
                if index in rows:
                    at = rows[index][2]
                    piece = values[splits[at] : splits[at + 1]]
                elif index in again:
                    piece = again[index][info.key]
                else:
                    offsets.append(None)
                    continue
                offsets.append(total)
                pieces.append(piece)
                total += len(piece)
            if info.kind == "vector":
                filled = np.zeros((len(items), len(info.columns)), info.dtype)
                valid = [offset is not None for offset in offsets]
                if pieces:
                    filled[valid] = np.concatenate(pieces)
                for name, values in zip(info.columns, filled.T, strict=True):
                    taken = name in columns
                    columns[f"{info.key}.{name}" if taken else name] = arrays.masked(values, valid)
                continue
            flat = np.concatenate(pieces).ravel() if pieces else np.zeros(0, info.dtype)
            inner = pa.FixedSizeListArray.from_arrays(arrays.numbers(flat), len(info.columns))
            starts = arrays.optional_numbers([*offsets, total], "int32")
            columns[info.key] = pa.ListArray.from_arrays(starts, inner)
        return pa.table(columns)

    def stream(self, sr: int) -> Stream:
        """An online extractor for a signal of `sr` Hz that comes in pieces.

        Raises
        ------
        NotStreamableError
            A feature needs the whole recording; the message says why.
        """
        sr = check_sr(sr)
        if self.sr not in (None, sr):
            raise from_code(
                "bad_rate", f"the stream has {sr} Hz, the extractor {self.sr} Hz; streams are not resampled"
            )
        return Stream(self._inner.stream(sr), self.feature_names)

    def extract_batch(
        self,
        items: Sequence[tuple[str, float | None, float | None]],
        *,
        n_threads: int = 1,
        max_seconds: float = float("inf"),
    ) -> Batch:
        """Features of many files or segments `(path, start, end)`, concatenated.

        Recordings of more than `max_seconds` are not computed but listed as `deferred`, for
        `open_blocks`.
        """
        inner = self._inner.files(list(items), n_threads, max_seconds)
        rows = [Row(*row) for row in inner.rows()]
        return Batch(inner, self.schema_at(rows[0].sr) if rows else self.schema)

    def open_blocks(
        self,
        path: str | os.PathLike[str],
        start: float | None = None,
        end: float | None = None,
        *,
        block_seconds: float = 60.0,
    ) -> Blocks:
        """Features of a long recording in blocks of consecutive rows: bounded memory, the same bits
        as the whole. Features that need the whole recording first read it more than once."""
        return Blocks(self._inner.blocks(os.fspath(path), start, end, block_seconds), self.feature_names)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.config,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Extractor) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Extractor({', '.join(self._config['features'])})"


def _rebuild(config: dict[str, Any]) -> Extractor:
    return Extractor(**config)


def _front_end(given: Mapping[str, object]) -> dict[str, object]:
    """Front-end parameters with a preset's filled in below those that are given."""
    own = {key: _plain(value) for key, value in given.items() if key != "preset"}
    preset = _emofeat.preset(str(given["preset"])) if given.get("preset") is not None else {}
    return dict(sorted({**preset, **own}.items()))


def _plain(value: object) -> object:
    """A parameter value as JSON holds it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray | tuple):
        return [float(x) for x in value]
    return value


def _threads(n_threads: int | None) -> int:
    if n_threads is not None:
        return max(1, n_threads)
    from emofeat.engine.cores import default_jobs

    return default_jobs()


def _known(
    rows: dict[int, tuple[int, float, int]],
    again: dict[int, Result],
    index: int,
    what: Literal["sr", "duration"],
) -> float | None:
    """Rate or duration of recording `index`, if it worked."""
    if index in rows:
        return rows[index][0 if what == "sr" else 1]
    if index in again:
        return again[index].sr if what == "sr" else again[index].duration
    return None
