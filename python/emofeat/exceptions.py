"""Exceptions: one class per kind of mistake, each with the stable reason code of the core.

Every exception is an `EmofeatError` and also the builtin kind that fits (`ValueError`, `OSError`,
`FileNotFoundError`), so code that knows nothing of emofeat catches it in the usual way. `exc.code`
is what ledgers store; the table is in `docs/reason-codes.md`.
"""

from __future__ import annotations

__all__ = [
    "AudioError",
    "AudioFileNotFoundError",
    "AudioOSError",
    "EmofeatError",
    "InternalError",
    "MissingExtraError",
    "NonFiniteError",
    "NotStreamableError",
    "ParameterError",
    "ShapeError",
    "TooShortError",
    "UnknownNameError",
    "UnsupportedCodecError",
    "from_code",
]


class EmofeatError(Exception):
    """Base of all exceptions of emofeat.

    Parameters
    ----------
    message : str
        What was given, what is allowed, what to do.
    code : str
        Stable reason code.
    """

    def __init__(self, message: str, code: str = "internal") -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[EmofeatError], tuple[str, str]]:
        return type(self), (str(self), self.code)


class ParameterError(EmofeatError, ValueError):
    """A parameter outside its range, or parameters that contradict one another."""


class UnknownNameError(ParameterError):
    """A feature, parameter, set or preset that does not exist."""


class ShapeError(EmofeatError, ValueError):
    """An array of a shape or type that has no single meaning as audio."""


class TooShortError(EmofeatError, ValueError):
    """A recording shorter than one frame, or without any sample."""


class NonFiniteError(EmofeatError, ValueError):
    """NaN or infinite samples."""


class NotStreamableError(EmofeatError, ValueError):
    """A feature that needs the whole recording was asked to stream."""


class AudioError(EmofeatError, ValueError):
    """A file whose content cannot be used: unknown, corrupt, truncated."""


class UnsupportedCodecError(AudioError):
    """A coding that emofeat does not decode itself; PyAV (the `video` extra) may."""


class AudioOSError(EmofeatError, OSError):
    """A path that cannot be read as a file."""

    def __str__(self) -> str:
        return str(self.args[0])


class AudioFileNotFoundError(AudioOSError, FileNotFoundError):
    """A path that does not exist."""


class MissingExtraError(EmofeatError, ImportError):
    """An optional part that is not installed; the message says what to install."""


class InternalError(EmofeatError, RuntimeError):
    """A defect in emofeat or in a decoder."""


_CLASSES: dict[str, type[EmofeatError]] = {
    "not_found": AudioFileNotFoundError,
    "is_directory": AudioOSError,
    "not_a_file": AudioOSError,
    "symlink_loop": AudioOSError,
    "permission": AudioOSError,
    "io": AudioOSError,
    "empty_file": AudioError,
    "lfs_pointer": AudioError,
    "unknown_format": AudioError,
    "unsupported_codec": UnsupportedCodecError,
    "no_audio_track": AudioError,
    "truncated": AudioError,
    "corrupt": AudioError,
    "no_samples": TooShortError,
    "bad_segment": ParameterError,
    "too_short": TooShortError,
    "non_finite": NonFiniteError,
    "bad_rate": ParameterError,
    "bad_shape": ShapeError,
    "bad_parameter": ParameterError,
    "unknown_name": UnknownNameError,
    "not_streamable": NotStreamableError,
    "internal": InternalError,
}


def from_code(code: str, message: str) -> EmofeatError:
    """The exception for a reason code.

    Examples
    --------
    >>> error = from_code("too_short", "signal has 10 samples")
    >>> isinstance(error, ValueError), error.code
    (True, 'too_short')
    """
    return _CLASSES.get(code, InternalError)(message, code)
