"""Names of test cases."""

from __future__ import annotations

import re


def label(value: object) -> str:
    """A parameter as part of a test's name: the same in every process, so without addresses."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))
