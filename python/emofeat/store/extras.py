"""Optional packages: one sentence that says what to install where one is missing."""

from __future__ import annotations

import importlib
from typing import Any

from emofeat.exceptions import MissingExtraError


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
            f"this needs the package {module.partition('.')[0]!r}: pip install 'emofeat[{extra}]'",
            "missing_extra",
        ) from error
