"""Optional packages: one sentence that says what to install where one is missing."""

from __future__ import annotations

import importlib
from typing import Any


class MissingExtraError(ImportError):
    """A package that this step needs and that is not part of the plain install."""


def need(module: str, extra: str) -> Any:
    """Import `module`, which the extra `extra` of emofeat brings.

    Raises
    ------
    MissingExtraError
        It is not installed; the message is what to do.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"this needs the package {module.partition('.')[0]!r}: pip install 'emofeat[{extra}]'"
        ) from error
