"""Exceptions that are emofeat's and of the builtin kind that a package raises for the same mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from emofeat.exceptions import EmofeatError, ParameterError


class Refused(ParameterError, AssertionError):
    """Arguments outside what a package asserts."""

    def __init__(self, message: str, code: str = "bad_parameter") -> None:
        super().__init__(message, code)


class OutOfRange(ParameterError, IndexError):
    """Input that a package fails to index."""

    def __init__(self, message: str, code: str = "bad_parameter") -> None:
        super().__init__(message, code)


class Unsuitable(ParameterError, TypeError):
    """Input of a type that has no meaning here."""

    def __init__(self, message: str, code: str = "bad_parameter") -> None:
        super().__init__(message, code)


@contextmanager
def raised_as(kind: type[EmofeatError], *codes: str) -> Iterator[None]:
    """Errors of the core with one of these reason codes become `kind`."""
    try:
        yield
    except EmofeatError as error:
        if error.code not in codes:
            raise
        raise kind(str(error), error.code) from None
