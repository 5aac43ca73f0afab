"""What `librosa.util` is imported for by its users: the exceptions."""

from __future__ import annotations

from emofeat.compat.librosa.util import exceptions
from emofeat.compat.librosa.util.exceptions import LibrosaError, ParameterError

__all__ = ["LibrosaError", "ParameterError", "exceptions"]
