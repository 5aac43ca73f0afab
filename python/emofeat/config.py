"""The options of `emofeat extract` as one validated value, from a YAML file, the command line, or both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

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


@dataclass(frozen=True)
class ExtractConfig:
    """What `emofeat extract` can be told. The keys are the options of the command line, with underscores.

    Paths count from the working directory, as they do on the command line.
    """

    inputs: list[str]
    out: Path
    features: list[str] | None = None
    set: str | None = None
    level: str | None = None
    front_end: dict[str, str | bool | int | float] = field(default_factory=dict)
    sr: int | None = None
    mixed_rates: bool = False
    channel: Literal["mean"] | int = "mean"
    precision: Literal["float32", "float64"] = "float32"
    on_short: str = "error"
    on_nonfinite: str = "error"
    jobs: int | None = None
    shard: str | None = None
    on_error: Literal["skip", "fail"] = "skip"
    max_errors: int | None = None
    check_content: bool = False
    all_files: bool = False
    retry_failed: bool = False
    overwrite: bool = False

    def extractor_arguments(self) -> dict[str, Any]:
        """The arguments of `emofeat.Extractor`."""
        names = ("sr", "precision", "channel", "on_short", "on_nonfinite", "front_end")
        return {"features": self._features()} | {name: getattr(self, name) for name in names}

    def _features(self) -> str | list[str] | None:
        if self.level is None:
            return self.set or self.features
        from emofeat._emofeat import sets

        levels = next(entry["levels"] for entry in sets() if entry["name"] == self.set)
        return list(levels[self.level])


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_sound(values: Mapping[str, Any]) -> bool:
    """Whether options that the command line gave can be taken as they are; if not, the schema says why."""

    def fits(key: str, value: object) -> bool:
        if key in ("inputs", "features"):
            return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)
        if key == "front_end":
            return isinstance(value, dict) and all(
                isinstance(v, str | bool | int | float) for v in value.values()
            )
        if key in ("sr", "jobs"):
            return _whole(value, 1)
        if key == "channel":
            return value == "mean" or _whole(value, 0)
        kinds: dict[str, type] = {"out": Path} | dict.fromkeys(
            ("set", "level", "on_short", "on_nonfinite", "shard"), str
        )
        kinds |= dict.fromkeys(
            ("mixed_rates", "check_content", "all_files", "retry_failed", "overwrite"), bool
        )
        choices = {"precision": ("float32", "float64"), "on_error": ("skip", "fail")}
        return (
            isinstance(value, kinds.get(key, ()))
            or value in choices.get(key, ())
            or (key == "max_errors" and _whole(value, 0))
        )

    return {"inputs", "out"} <= values.keys() and all(fits(key, value) for key, value in values.items())


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
    if file is None and _is_sound(merged):
        specs = [spec for text in merged.get("features", []) for spec in split_specs(text)]
        config = ExtractConfig(**merged | ({"features": specs} if "features" in merged else {}))
    else:
        from emofeat.config_schema import validated

        config = validated(merged, given, file)
    if config.shard is not None:
        try:
            parse_share(config.shard)
        except ValueError as error:
            raise UsageError(str(error)) from None
    if (config.features is None) == (config.set is None):
        raise UsageError("say what to extract: features (such as logmel,mfcc), or a set, one of the two")
    if config.set is not None:
        _check_set(config.set, config.level)
    elif config.level is not None:
        raise UsageError(
            "level chooses among the features of a set; with features write it there, as in 'egemapsv02(level=lld)'"
        )
    if config.sr is not None and config.mixed_rates:
        raise UsageError(
            "sr resamples all recordings to one rate, mixed_rates keeps each as it is; give one of them"
        )
    if config.on_error == "fail" and config.max_errors:
        raise UsageError("on_error=fail stops at the first failure, max_errors after some; give one of them")
    return config


def _check_set(name: str, level: str | None) -> None:
    from emofeat._emofeat import sets

    levels = {entry["name"]: list(entry["levels"]) for entry in sets()}
    if name not in levels:
        names = list(levels)
        raise UsageError(f"there is no set {name!r}{did_you_mean(name, names)}; there are {', '.join(names)}")
    if level is not None and level not in levels[name]:
        allowed = f"there are {', '.join(levels[name])}" if levels[name] else "it has none"
        raise UsageError(f"set {name!r} has no level {level!r}{did_you_mean(level, levels[name])}; {allowed}")


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
