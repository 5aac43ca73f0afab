"""Exceptions of emomodels: one class per kind of mistake, each with a stable code.

They are `emofeat.exceptions.EmofeatError`s, so that one handler catches both packages.
"""

from __future__ import annotations

from emofeat.exceptions import EmofeatError, ParameterError

__all__ = ["DataError", "ModelError", "ParameterError", "RecipeError"]


class RecipeError(ParameterError):
    """A recipe or option that does not exist, contradicts another, or is out of range."""

    def __init__(self, message: str, code: str = "bad_recipe") -> None:
        super().__init__(message, code)


class DataError(EmofeatError, ValueError):
    """Data that cannot be used: keys that do not join, NaN features, a class without examples."""

    def __init__(self, message: str, code: str = "bad_data") -> None:
        super().__init__(message, code)


class ModelError(EmofeatError, ValueError):
    """A saved model that is missing, damaged, or made for other data."""

    def __init__(self, message: str, code: str = "bad_model") -> None:
        super().__init__(message, code)
