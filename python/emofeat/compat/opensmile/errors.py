"""Exceptions that are emofeat's and the RuntimeErrors that opensmile-python raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from emofeat.exceptions import AudioError, AudioFileNotFoundError, AudioOSError, ParameterError, ShapeError


class RateMismatch(ParameterError, RuntimeError):
    """A recording of another rate than the one expected."""


class WrongShape(ShapeError, RuntimeError):
    """A signal of more than two dimensions."""


class NotFound(AudioFileNotFoundError, RuntimeError):
    """A missing file."""


class CannotOpen(AudioOSError, RuntimeError):
    """A path that cannot be read."""


class CannotDecode(AudioError, RuntimeError):
    """A file whose content cannot be used."""


@contextmanager
def also_runtime_errors() -> Iterator[None]:
    """Errors about files, which come from soundfile there, are RuntimeErrors as well."""
    try:
        yield
    except AudioFileNotFoundError as error:
        raise NotFound(str(error), error.code) from None
    except AudioOSError as error:
        raise CannotOpen(str(error), error.code) from None
    except AudioError as error:
        raise CannotDecode(str(error), error.code) from None
