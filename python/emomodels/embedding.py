"""Vectors of a frozen wav2vec 2.0 for a whole manifest, as a table that recipes read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from emofeat.corpus.manifest import Manifest
from emomodels.data.examples import Examples
from emomodels.data.waveforms import RATE, read_clips
from emomodels.display import Display
from emomodels.exceptions import DataError

# Recordings that are in memory at a time.
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Embedded:
    """One vector for each utterance that has one.

    Parameters
    ----------
    ids
        Of the `n` utterances.
    columns
        Names of the `d` columns.
    x
        `(n, d)`, float32.
    made_by
        Source, digest of the weights, layer, rate, fingerprint of the manifest.
    failures
        Ids without a vector, with the reason code.
    """

    ids: tuple[str, ...]
    columns: tuple[str, ...]
    x: NDArray[np.float32]
    made_by: Mapping[str, Any]
    failures: Mapping[str, str]

    def write(self, path: Path) -> None:
        """Write a Parquet file: `id` and the columns, the rest as JSON metadata under `emomodels`.

        The file appears under its name when it is complete.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        from emofeat.store.write import atomic

        vectors = [pa.array(np.ascontiguousarray(column)) for column in self.x.T]
        table = pa.table([pa.array(self.ids, pa.string()), *vectors], names=["id", *self.columns])
        meta = {**self.made_by, "failures": dict(self.failures)}
        table = table.replace_schema_metadata({"emomodels": json.dumps(meta, ensure_ascii=False)})
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as temp:
            pq.write_table(table, temp)


def embed_manifest(
    manifest: Manifest,
    source: str,
    layer: int | Literal["cnn", "last"] = "cnn",
    *,
    device: str = "cpu",
    batch_size: int = 8,
    jobs: int | None = None,
    display: Display | None = None,
) -> Embedded:
    """A vector for each utterance of `manifest`, see `emomodels.models.wav2vec2.Embedder`.

    Recordings that cannot be read, are shorter than one frame (`too_short`) or hold values that are not finite
    (`non_finite`) are in `failures`.

    Raises
    ------
    ModelError, RecipeError
        Weights or a layer that are not there.
    DataError
        No utterance has a vector.
    """
    from emomodels.models.wav2vec2 import Embedder

    embedder = Embedder(source, layer, device=device, batch_size=batch_size)
    shown, ids, failures = display or Display(), manifest.ids, dict[str, str]()
    parts: list[Examples] = []
    step = max(_AT_ONCE, batch_size)
    for start in range(0, len(ids), step):
        clips, failed = _usable(
            read_clips(manifest.select(ids[start : start + step]), RATE, jobs), embedder.shortest
        )
        failures |= failed
        if clips:
            parts.append(embedder(Examples(tuple(clips), tuple(clips.values()), ("sample",), ())))
        done = min(start + step, len(ids))
        shown.done(done, len(ids), f"recordings, {len(failures)} failed")
    if not parts:
        listed = [f"{id_} ({code})" for id_, code in failures.items()]
        raise DataError(f"none of the {len(ids)} recordings gives a vector: {', '.join(listed[:3])}")
    made_by = {
        "kind": "wav2vec2",
        "source": source,
        "weights": embedder.digest,
        "layer": layer,
        "rate": RATE,
        "manifest": manifest.fingerprint,
    }
    x = np.concatenate([np.asarray(part.x) for part in parts])
    return Embedded(tuple(id_ for part in parts for id_ in part.ids), parts[0].columns, x, made_by, failures)


def _usable(
    clips: Mapping[str, NDArray[np.float32] | str], shortest: int
) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """The clips that the model can take, and the others with the reason code."""
    usable, failures = {}, {}
    for id_, y in clips.items():
        if isinstance(y, str):
            failures[id_] = y
        elif len(y) < shortest:
            failures[id_] = "too_short"
        elif not np.isfinite(y).all():
            failures[id_] = "non_finite"
        else:
            usable[id_] = y
    return usable, failures
