"""What can stop a run as a whole; what stops one recording is a row of the ledger."""

from __future__ import annotations

#: Reason codes that the engine adds to those of the core (docs/reason-codes.md lists all of them).
ENGINE_CODES = ("rate_mismatch",)


class RunError(RuntimeError):
    """The run cannot go on: the output is locked, belongs to other options, or cannot be written."""


class UsageError(ValueError):
    """The request has no meaning as it stands: a manifest that does not validate, an unknown option."""
