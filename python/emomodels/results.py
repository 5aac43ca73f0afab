"""Results as values that go to JSON and come back the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from emomodels.exceptions import DataError


class Result(BaseModel):
    """A result that does not change; what is not defined is None, never NaN, which JSON lacks."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: names, numbers, lists; floats keep every bit."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """What `to_dict` gave.

        Raises
        ------
        DataError
            A key that is missing, unknown, or of another type: where, and what is wrong.
        """
        try:
            return cls.model_validate(stored)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise DataError(f"stored {cls.__name__.lower()}: {where}: {first['msg']}") from None
