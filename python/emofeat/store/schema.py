"""What a feature directory holds: the columns of its parts, and `emofeat.json` beside them.

A part is a Parquet file with one row for each utterance, or several consecutive ones (`chunk` 0, 1, …)
for a long recording. Features of frames are `list<fixed_size_list<float>[n_columns]>`, features of
whole recordings are one named float column each.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emofeat._suggest import did_you_mean
from emofeat.exceptions import EmofeatError, UnknownNameError

if TYPE_CHECKING:
    import pyarrow as pa

    from emofeat.engine.protocol import FeatureExtractor

#: Raised when a reader of the previous version could not read the directory.
SCHEMA_VERSION = 1
DESCRIPTION = "emofeat.json"
PARTS = "parts"
#: Keys of a part's own metadata, beside the Arrow schema.
META_LAYOUT, META_INPUTS, META_FAILURES = "emofeat.layout", "emofeat.inputs", "emofeat.failures"


class StoreError(EmofeatError, RuntimeError):
    """A feature directory that is missing, unfinished, or not one of ours."""

    def __init__(self, message: str, code: str = "store") -> None:
        super().__init__(message, code)


class NoSuchNameError(UnknownNameError, KeyError):
    """An utterance, feature or column that a feature directory does not hold."""

    def __str__(self) -> str:  # a KeyError shows its message in quotes
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature as it is stored: `kind` is "frames" (one list column) or "vector" (named columns).

    `columns` are the names inside the feature, `stored` those of the Parquet columns that hold it.
    `hop`, `window` and `offset` (the centre of the first frame) are in seconds, None for vectors and
    where they differ from row to row because the rates are mixed.
    """

    key: str
    spec: str
    kind: str
    unit: str
    dtype: str
    scope: str
    description: str
    columns: tuple[str, ...]
    stored: tuple[str, ...]
    hop: float | None = None
    window: float | None = None
    offset: float | None = None


@dataclass(frozen=True)
class Layout:
    """Everything that all parts of one directory have in common."""

    extractor_digest: str
    config: Mapping[str, Any]
    features: tuple[Feature, ...]
    carried: pa.Schema
    n_shards: int
    #: The one rate of the corpus in Hz; None where recordings are resampled or rates may differ.
    corpus_sr: int | None
    mixed_rates: bool
    #: Recordings longer than `long_seconds` are stored in rows of `chunk_seconds`.
    long_seconds: float
    chunk_seconds: float

    @property
    def digest(self) -> str:
        """Changes whenever an option changes a stored number or column; part of every part."""
        columns = [(f.name, str(f.type)) for f in self.carried]
        basis = [SCHEMA_VERSION, self.extractor_digest, columns, self.n_shards]
        basis += [self.long_seconds, self.chunk_seconds]
        return hashlib.blake2b(json.dumps(basis).encode(), digest_size=16).hexdigest()

    def part(self, out: Path, index: int) -> Path:
        """The path of part `index`."""
        return out / PARTS / f"part-{index:05d}-of-{self.n_shards:05d}.parquet"

    def arrow_schema(self) -> pa.Schema:
        """The columns of a part."""
        import pyarrow as pa

        fields = [*own_fields(), *(pa.field(n_frames_column(f.key), pa.int32(), False) for f in self.frames)]
        fields += [self.carried.field(i) for i in range(len(self.carried))]
        for feature in self.features:
            value = pa.float64() if feature.dtype == "float64" else pa.float32()
            if feature.kind == "vector":
                fields += [pa.field(name, value) for name in feature.stored]
            else:
                fields.append(pa.field(feature.stored[0], frames_type(value, len(feature.columns)), False))
        return pa.schema(fields)

    @property
    def frames(self) -> tuple[Feature, ...]:
        """The features with one value for each frame."""
        return tuple(f for f in self.features if f.kind == "frames")

    def to_json(self) -> str:
        """The text of `emofeat.json`."""
        import numpy as np
        import pyarrow as pa

        versions = {"numpy": np.__version__, "pyarrow": pa.__version__} | _own_versions()
        described = {
            "schema_version": SCHEMA_VERSION,
            "layout": self.digest,
            "digest": self.extractor_digest,
            "versions": versions,
            "config": dict(self.config),
            "n_shards": self.n_shards,
            "corpus_sr": self.corpus_sr,
            "mixed_rates": self.mixed_rates,
            "long_seconds": self.long_seconds,
            "chunk_seconds": self.chunk_seconds,
            "features": [asdict(f) for f in self.features],
            "carried": [{"name": f.name, "type": str(f.type)} for f in self.carried],
            "carried_schema": self.carried.serialize().to_pybytes().hex(),
        }
        return json.dumps(described, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, out: Path) -> Layout:
        """The layout of the directory `out`."""
        import pyarrow as pa

        try:
            described = json.loads((out / DESCRIPTION).read_text(encoding="utf-8"))
        except FileNotFoundError:
            what = "no such folder" if not out.exists() else f"no {DESCRIPTION} in it"
            raise StoreError(f"{out} is not a feature directory: {what}") from None
        except (OSError, ValueError) as error:
            raise StoreError(f"{out / DESCRIPTION} cannot be read: {error}") from error
        if described.get("schema_version") != SCHEMA_VERSION:
            raise StoreError(
                f"{out} has schema version {described.get('schema_version')}, "
                f"this emofeat reads {SCHEMA_VERSION}"
            )
        try:
            features = tuple(
                Feature(**f | {"columns": tuple(f["columns"]), "stored": tuple(f["stored"])})
                for f in described["features"]
            )
            return cls(
                extractor_digest=described["digest"],
                config=described["config"],
                features=features,
                carried=pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(described["carried_schema"]))),
                n_shards=described["n_shards"],
                corpus_sr=described["corpus_sr"],
                mixed_rates=described["mixed_rates"],
                long_seconds=described["long_seconds"],
                chunk_seconds=described["chunk_seconds"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{out / DESCRIPTION} is damaged: {error!r}") from error


def own_fields() -> list[pa.Field]:
    """The columns that every part begins with.

    `start` and `end` are the segment asked for, in seconds (null: the whole file); `n_samples` and
    `duration` describe the samples analysed, of this chunk alone; `sr` is their rate, `file_sr` the file's.
    """
    import pyarrow as pa

    return [
        pa.field("id", pa.string(), False),
        pa.field("chunk", pa.int32(), False),
        pa.field("file", pa.string(), False),
        pa.field("start", pa.float64()),
        pa.field("end", pa.float64()),
        pa.field("sr", pa.int32(), False),
        pa.field("file_sr", pa.int32(), False),
        pa.field("channels", pa.int16(), False),
        pa.field("format", pa.string(), False),
        pa.field("n_samples", pa.int64(), False),
        pa.field("duration", pa.float64(), False),
    ]


def frames_type(value: pa.DataType, n_columns: int) -> pa.DataType:
    """`list<fixed_size_list<value>[n_columns]>` without nulls inside: half the levels to write and read."""
    import pyarrow as pa

    frame = pa.list_(pa.field("element", value, False), n_columns)
    return pa.list_(pa.field("element", frame, False))


def n_frames_column(key: str) -> str:
    """The column that says how many frames of feature `key` a row has."""
    return f"{key}.n_frames"


def describe(extractor: FeatureExtractor, sr: int | None) -> tuple[Feature, ...]:
    """The features of `extractor` for recordings of `sr` Hz with the names of the columns that store them.

    A column of a vector is stored under its own name; where two vectors, or a vector and another
    column, share one, under `key.name`. Without `sr` the rates are mixed, and times in seconds unknown.
    """
    infos = extractor.schema if sr is None else extractor.schema_at(sr)
    frames = [i for i in infos if i.kind == "frames"]
    for info in frames:
        if info.key in {f.name for f in own_fields()}:
            raise StoreError(
                f"the feature name {info.key!r} is a column of the output; give the feature another"
            )
    taken = (
        [f.name for f in own_fields()] + [i.key for i in frames] + [n_frames_column(i.key) for i in frames]
    )
    counts = Counter(taken + [name for i in infos if i.kind == "vector" for name in i.columns])
    features = []
    for info in infos:
        columns = tuple(info.columns)
        timed = info.kind == "frames" and sr is not None
        stored: tuple[str, ...] = (info.key,)
        if info.kind == "vector":
            stored = tuple(f"{info.key}.{name}" if counts[name] > 1 else name for name in columns)
        features.append(
            Feature(
                key=info.key,
                spec=info.spec,
                kind=info.kind,
                unit=info.unit,
                dtype=info.dtype,
                scope=info.scope,
                description=info.description,
                columns=columns,
                stored=stored,
                hop=info.hop if timed else None,
                window=info.window if timed else None,
                offset=info.offset if timed else None,
            )
        )
    return tuple(features)


def check_carried(carried: pa.Schema, features: Sequence[Feature]) -> None:
    """Refuse further columns of a manifest whose names the output needs itself."""
    own = {f.name for f in own_fields()} | {n_frames_column(f.key) for f in features if f.kind == "frames"}
    own |= {name for f in features for name in f.stored}
    for name in carried.names:
        if name in own:
            raise StoreError(f"the manifest column {name!r} has the name of an output column; rename it")
        if not name:
            raise StoreError("a column of the manifest has no name")


def feature_of(features: Sequence[Feature], key: str) -> Feature:
    """The feature called `key`.

    Raises
    ------
    NoSuchNameError
        There is none; the message suggests one.
    """
    for feature in features:
        if feature.key == key:
            return feature
    keys = [f.key for f in features]
    hint = did_you_mean(key, keys)
    raise NoSuchNameError(f"no feature {key!r} here{hint}; there are {', '.join(keys)}", "unknown_name")


def _own_versions() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return {"emofeat": version("emofeat")}
    except PackageNotFoundError:
        return {"emofeat": None}
