"""Tensors and facts on disk as safetensors and JSON: checkpoints of a fit, and fitted models. No pickle.

A pair of files becomes valid with its JSON, which is written last, by rename, and holds the SHA-256 of
both. So a process that is killed at any moment leaves the checkpoint before.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from emofeat.store.write import atomic, write_text
from emomodels.exceptions import ModelError

#: Checkpoints that are kept: the newest, and one to fall back on.
KEPT = 2

Tensors = Mapping[str, torch.Tensor]


def write_pair(stem: Path, facts: Mapping[str, Any], tensors: Tensors) -> None:
    """Write `stem.safetensors`, then `stem.json`."""
    from safetensors.torch import save_file

    stem.parent.mkdir(parents=True, exist_ok=True)
    with atomic(stem.with_suffix(".safetensors")) as temp:
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temp)
        content = _file_digest(temp)
    text = json.dumps(facts, ensure_ascii=False, indent=1, allow_nan=False)
    sealed = {"tensors_sha256": content, "facts_sha256": _digest(text), "facts": facts}
    write_text(stem.with_suffix(".json"), json.dumps(sealed, ensure_ascii=False, indent=1) + "\n")


def read_pair(stem: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """What `write_pair` wrote.

    Raises
    ------
    ModelError
        A file is missing, or not as it was written.
    """
    from safetensors.torch import load_file

    tensors = stem.with_suffix(".safetensors")
    try:
        sealed = json.loads(stem.with_suffix(".json").read_bytes())
        facts: dict[str, Any] = sealed["facts"]
        text = json.dumps(facts, ensure_ascii=False, indent=1)
        if sealed["facts_sha256"] != _digest(text) or sealed["tensors_sha256"] != _file_digest(tensors):
            raise ModelError(f"{stem} is damaged: its files are not as they were written")
        return facts, load_file(tensors)
    except FileNotFoundError as error:
        raise ModelError(f"{stem}: {error.filename} is missing") from None
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{stem} is damaged: {error}") from None


class Checkpoints:
    """The checkpoints of one fit in a folder.

    Parameters
    ----------
    folder
        Made when the first one is written.
    identity
        Everything that the result of the fit follows from. A checkpoint with another identity is refused.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        # As it is read back, so that a tuple equals the list that it became.
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))
        #: What was left aside on loading, and why; empty where nothing was.
        self.damaged: tuple[str, ...] = ()

    def save(self, number: int, state: Mapping[str, Any], tensors: Tensors, done: bool = False) -> None:
        """Write checkpoint `number`, which grows, and drop all but `KEPT`; the last of a fit stays alone."""
        write_pair(self._stem(number), {"identity": self.identity, "state": state}, tensors)
        for old in self._stems()[: -1 if done else -KEPT]:
            old.with_suffix(".json").unlink()
            old.with_suffix(".safetensors").unlink(missing_ok=True)

    def load(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
        """State and tensors of the newest whole checkpoint; None where there is none.

        Raises
        ------
        ModelError
            It belongs to another fit, or all that are there are damaged.
        """
        errors: list[str] = []
        for stem in reversed(self._stems()):
            try:
                facts, tensors = read_pair(stem)
            except ModelError as error:
                errors.append(str(error))
                continue
            self._check(facts["identity"])
            self.damaged = tuple(errors)
            return facts["state"], tensors
        if errors:
            raise ModelError(
                f"no checkpoint can be read ({'; '.join(errors)}); remove {self.folder} to start anew"
            )
        return None

    def clear(self) -> None:
        """Remove all checkpoints."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _check(self, found: Mapping[str, Any]) -> None:
        if found == self.identity:
            return
        keys = sorted(k for k in {*found, *self.identity} if found.get(k) != self.identity.get(k))
        raise ModelError(
            f"the checkpoint in {self.folder} belongs to another fit: {'; '.join(self._difference(k, found) for k in keys)}; "
            "choose another folder, remove this one, or start anew without resuming",
            "stale_checkpoint",
        )

    def _difference(self, key: str, found: Mapping[str, Any]) -> str:
        then, now = found.get(key), self.identity.get(key)
        if isinstance(then, dict) and isinstance(now, dict):
            inner = sorted(k for k in {*then, *now} if then.get(k) != now.get(k))
            return ", ".join(_values(k, then.get(k), now.get(k)) for k in inner)
        return _values(key, then, now)

    def _stem(self, number: int) -> Path:
        return self.folder / f"step-{number:09d}"

    def _stems(self) -> list[Path]:
        return sorted(path.with_suffix("") for path in self.folder.glob("step-*.json"))


def _values(key: str, then: Any, now: Any) -> str:
    if isinstance(then, str) and len(then) == 64:  # a SHA-256 tells a reader nothing
        return f"another {key}"
    return f"{key} {then!r} then, {now!r} now"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
