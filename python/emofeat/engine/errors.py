"""What can stop a run as a whole; what stops one recording is a row of the ledger."""

from __future__ import annotations

from emofeat.exceptions import EmofeatError

#: Reason codes that Python adds to those of the core; docs/reason-codes.md lists all of them.
ENGINE_CODES = ("rate_mismatch", "silent", "bad_request", "leakage", "output", "store", "missing_extra")


class RunError(EmofeatError, RuntimeError):
    """The run cannot go on: the output is locked, belongs to other options, or cannot be written."""

    def __init__(self, message: str, code: str = "output") -> None:
        super().__init__(message, code)


class UsageError(EmofeatError, ValueError):
    """The request has no meaning as it stands: a manifest that does not validate, an unknown option."""

    def __init__(self, message: str, code: str = "bad_request") -> None:
        super().__init__(message, code)
