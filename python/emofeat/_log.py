"""The one logger of the package, and how a command line shows it."""

from __future__ import annotations

import logging
import sys

logger = logging.getLogger("emofeat")


def show_on_stderr(level: int = logging.INFO) -> None:
    """Send the log of this process to standard error; for command lines, never called by the library."""
    if not any(isinstance(h, logging.StreamHandler) for h in logger.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
    logger.setLevel(level)
