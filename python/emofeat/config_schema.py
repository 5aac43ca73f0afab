"""What `ExtractConfig` may hold, as a pydantic model.

Apart from `emofeat.config`, because pydantic takes a tenth of a second to import: the command line needs it
only for a YAML file and to say what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
)

from emofeat._suggest import did_you_mean
from emofeat.config import ExtractConfig, split_specs
from emofeat.engine.errors import UsageError


def _specs(value: Any) -> Any:
    values = [value] if isinstance(value, str) else value
    if isinstance(values, list | tuple) and all(isinstance(v, str) for v in values):
        return [spec for v in values for spec in split_specs(v)]
    return value


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class ExtractSchema(BaseModel):
    """The fields of `ExtractConfig`, each with what it may hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    inputs: Annotated[list[str], BeforeValidator(_list)] = Field(min_length=1)
    out: Path
    features: Annotated[list[str] | None, BeforeValidator(_specs)] = None
    set: str | None = None
    level: str | None = None
    front_end: dict[str, str | bool | int | float] = Field(default_factory=dict)
    sr: PositiveInt | None = None
    mixed_rates: bool = False
    channel: Literal["mean"] | NonNegativeInt = "mean"
    precision: Literal["float32", "float64"] = "float32"
    on_short: str = "error"
    on_nonfinite: str = "error"
    jobs: PositiveInt | None = None
    shard: str | None = None
    on_error: Literal["skip", "fail"] = "skip"
    max_errors: NonNegativeInt | None = None
    check_content: bool = False
    all_files: bool = False
    retry_failed: bool = False
    overwrite: bool = False


def validated(values: Mapping[str, Any], given: Iterable[str], file: Path | None) -> ExtractConfig:
    """The configuration of `values`, of which the command line gave `given` and `file` the rest.

    Raises
    ------
    UsageError
        An unknown key (with a suggestion), or a value of the wrong kind.
    """
    try:
        return ExtractConfig(**dict(ExtractSchema(**values)))
    except ValidationError as error:
        raise UsageError(_sentence(error, given, file)) from None


def _sentence(error: ValidationError, given: Iterable[str], file: Path | None) -> str:
    """The first mistake, with where it is."""
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    path = ".".join(
        str(part) for part in first["loc"] if not str(part).startswith(("literal", "constrained"))
    )
    where = f"option --{key.replace('_', '-')}" if key in given or file is None else f"{file}, key {path!r}"
    if first["type"] == "extra_forbidden":
        return f"{where}: there is no such option{did_you_mean(key, ExtractSchema.model_fields)}"
    if first["type"] == "missing":
        return {
            "inputs": "say what to extract from: a folder, file, glob or manifest",
            "out": "say where to: -o OUT",
        }[key]
    message = first["msg"][:1].lower() + first["msg"][1:]
    return f"{where}: {message}, not {first['input']!r}"
