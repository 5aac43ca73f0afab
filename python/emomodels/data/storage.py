"""Arrays with their names in safetensors, everything else in JSON: fitted things on disk, without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emofeat.store.extras import need
from emofeat.store.write import atomic, write_text
from emomodels.exceptions import ModelError


def write(
    folder: Path, name: str, description: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write `name.safetensors` and `name.json` to `folder`, each by renaming a finished file.

    The JSON comes last: where it is, the arrays are too.
    """
    numpy_format = need("safetensors.numpy", "models")
    folder.mkdir(parents=True, exist_ok=True)
    contiguous = {key: np.ascontiguousarray(value) for key, value in arrays.items()}
    with atomic(folder / f"{name}.safetensors") as temp:
        temp.write_bytes(numpy_format.save(contiguous))
    text = json.dumps(dict(description), indent=1, ensure_ascii=False) + "\n"
    write_text(folder / f"{name}.json", text)


def read(folder: Path, name: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What `write` wrote.

    Raises
    ------
    ModelError
        A file is missing or damaged.
    """
    numpy_format = need("safetensors.numpy", "models")
    path = folder / f"{name}.json"
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        path = folder / f"{name}.safetensors"
        return description, numpy_format.load(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(f"{folder} holds no {name}: {path.name} is missing", "not_found") from None
    except Exception as error:  # safetensors has an exception of its own, JSON a ValueError
        raise ModelError(f"{path} is damaged: {error}") from error
