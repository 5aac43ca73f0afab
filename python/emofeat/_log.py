"""The one logger of the package, and how a command line shows it."""

from __future__ import annotations

import logging
import sys

logger = logging.getLogger("emofeat")


class _StandardError(logging.Handler):
    """Writes to whatever standard error is at the time, which tests and notebooks exchange."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


def show_on_stderr(level: int = logging.INFO) -> None:
    """Send the log of this process to standard error; for command lines, never called by the library."""
    if not any(isinstance(handler, _StandardError) for handler in logger.handlers):
        logger.addHandler(_StandardError())
    logger.setLevel(level)
