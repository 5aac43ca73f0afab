"""The options of `emofeat extract` as one validated value, from a YAML file, the command line, or both."""

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
from emofeat.engine.errors import UsageError
from emofeat.engine.lock import Share


def split_specs(text: str) -> list[str]:
    """Feature specifications separated by commas, where commas inside parentheses belong to one.

    >>> split_specs("logmel,delta(mfcc(n_mfcc=13), order=2)")
    ['logmel', 'delta(mfcc(n_mfcc=13), order=2)']
    """
    specs, depth, begin = [], 0, 0
    for i, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            specs.append(text[begin:i])
            begin = i + 1
    return [spec.strip() for spec in [*specs, text[begin:]] if spec.strip()]


def parse_share(text: str) -> Share:
    """`"2/8"`: the second of eight shares."""
    number, slash, of = text.partition("/")
    if not (slash and number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of)):
        raise ValueError(f"{text!r} is no share; write i/N with i from 1 to N, such as 1/4")
    return Share(int(number), int(of))


def _specs(value: Any) -> Any:
    values = [value] if isinstance(value, str) else value
    if isinstance(values, list | tuple) and all(isinstance(v, str) for v in values):
        return [spec for v in values for spec in split_specs(v)]
    return value


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class ExtractConfig(BaseModel):
    """What `emofeat extract` can be told. The keys are the options of the command line, with underscores.

    Paths count from the working directory, as they do on the command line.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    inputs: Annotated[list[str], BeforeValidator(_list)] = Field(min_length=1)
    out: Path
    features: Annotated[list[str] | None, BeforeValidator(_specs)] = None
    set: str | None = None
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

    def extractor_arguments(self) -> dict[str, Any]:
        """The arguments of `emofeat.Extractor`."""
        names = ("sr", "precision", "channel", "on_short", "on_nonfinite", "front_end")
        return {"features": self.set or self.features} | {name: getattr(self, name) for name in names}


def make(given: Mapping[str, Any], file: Path | None = None) -> ExtractConfig:
    """The configuration from `file` with `given` on top of it.

    Raises
    ------
    UsageError
        An unknown key (with a suggestion), a value of the wrong kind, or a combination without a meaning.
    """
    base = {} if file is None else _read(file)
    front_end = {**(base.get("front_end") or {}), **given.get("front_end", {})}
    merged = {**base, **given} | ({"front_end": front_end} if front_end else {})
    # What to extract is one choice: naming one way on the command line replaces the other in the file.
    for one, other in (("features", "set"), ("set", "features")):
        if one in given and other not in given:
            merged.pop(other, None)
    try:
        config = ExtractConfig(**merged)
        if config.shard is not None:
            parse_share(config.shard)
    except ValidationError as error:
        raise UsageError(_sentence(error, given, file)) from None
    except ValueError as error:
        raise UsageError(str(error)) from None
    if (config.features is None) == (config.set is None):
        raise UsageError("say what to extract: features (such as logmel,mfcc), or a set, one of the two")
    if config.set is not None:
        _check_set(config.set)
    if config.sr is not None and config.mixed_rates:
        raise UsageError(
            "sr resamples all recordings to one rate, mixed_rates keeps each as it is; give one of them"
        )
    if config.on_error == "fail" and config.max_errors:
        raise UsageError("on_error=fail stops at the first failure, max_errors after some; give one of them")
    return config


def _check_set(name: str) -> None:
    from emofeat._emofeat import sets

    names = [entry["name"] for entry in sets()]
    if name not in names:
        raise UsageError(f"there is no set {name!r}{did_you_mean(name, names)}; there are {', '.join(names)}")


def _read(file: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file}: the configuration cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise UsageError(f"{file}: a configuration is a table of options, such as 'features: [logmel]'")
    return content


def _sentence(error: ValidationError, given: Iterable[str], file: Path | None) -> str:
    """The first mistake, with where it is."""
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    path = ".".join(
        str(part) for part in first["loc"] if not str(part).startswith(("literal", "constrained"))
    )
    where = f"option --{key.replace('_', '-')}" if key in given or file is None else f"{file}, key {path!r}"
    if first["type"] == "extra_forbidden":
        return f"{where}: there is no such option{did_you_mean(key, ExtractConfig.model_fields)}"
    if first["type"] == "missing":
        return {
            "inputs": "say what to extract from: a folder, file, glob or manifest",
            "out": "say where to: -o OUT",
        }[key]
    message = first["msg"][:1].lower() + first["msg"][1:]
    return f"{where}: {message}, not {first['input']!r}"
