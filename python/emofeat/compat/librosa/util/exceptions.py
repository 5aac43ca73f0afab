"""librosa's exceptions, which are emofeat's as well."""

from __future__ import annotations

from emofeat import exceptions

__all__ = ["LibrosaError", "ParameterError"]


class LibrosaError(Exception):
    """Root of librosa's exceptions."""


class ParameterError(exceptions.ParameterError, LibrosaError):
    """Wrong input or parameters; also a `ValueError` and an `emofeat.exceptions.ParameterError`.

    Examples
    --------
    >>> isinstance(ParameterError("hop_length is 0"), ValueError)
    True
    """

    def __init__(self, message: str, code: str = "bad_parameter") -> None:
        super().__init__(message, code)


class BandError(ParameterError, IndexError):
    """A frequency band that holds no bin of the spectrum, where librosa's indexing fails."""
