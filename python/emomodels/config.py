"""The recipe of an experiment: typed, from YAML, with overrides; an unknown key is an error with a suggestion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from emofeat._suggest import did_you_mean
from emomodels.data.normalise import NormaliserSettings
from emomodels.exceptions import RecipeError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FeatureSource(_Part):
    """Where one modality's features are, and by which key they join the manifest."""

    #: None for the format `waveform` alone.
    path: Path | None = None
    #: `emofeat`: a feature directory. `table`: CSV or Parquet, vectors with a column of ids. `action-units`: a folder
    #: of tables of OpenFace, py-feat or LibreFace. `averaged-action-units`: one table, as S4 published. `waveform`:
    #: the recordings of the manifest themselves.
    format: Literal["emofeat", "table", "action-units", "averaged-action-units", "waveform"] = "emofeat"
    #: Features of the directory; all by default.
    names: tuple[str, ...] = ()
    key: str = "id"
    #: Name of the modality; sources of one modality are one input.
    modality: str = "audio"
    #: For `table`: `key_column`, the column of ids, and `drop`, columns that are no features. For `action-units`: arguments of `emomodels.data.action_units.read_folder`; averages by default. For `waveform`:
    #: `sr`, the rate in Hz, 16 kHz by default.
    options: dict[str, bool | float | str | tuple[str, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _path_fits_format(self) -> Self:
        if self.format == "waveform" and self.path is not None:
            raise ValueError(
                "the format waveform takes the recordings that the manifest names; leave the path out"
            )
        if self.format != "waveform" and self.path is None:
            raise ValueError(f"the key 'path' is missing; the format {self.format} reads what is there")
        return self


class Inner(_Part):
    """Grouped folds inside the training part: they choose settings, and give posteriors for stacking."""

    folds: int = Field(default=4, ge=2)
    metric: Literal["uar", "accuracy", "macro_f1"] = "uar"
    #: Settings of the model and the values to try, all combinations.
    grid: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    #: Keep the inner folds' posteriors of the training part, for stacking.
    oof: bool = True


class Development(_Part):
    """The part that early stopping watches, drawn as whole speakers from the training part."""

    share: float = Field(default=0.2, gt=0, le=0.5)
    #: `test` watches the test part, as some published systems did; only under `as_published` with `selection` off.
    source: Literal["train", "test"] = "train"


class ProtocolChoice(_Part):
    """Which guards hold; see `emofeat.corpus.guard`."""

    name: Literal["clean", "speaker_dependent", "as_published"] = "clean"
    off: tuple[str, ...] = ()


def _protocol(value: Any) -> Any:
    """A name alone is a protocol; and YAML 1.1, which is what is read, takes the key `off` for the word false."""
    if isinstance(value, Mapping):
        return {"off" if key is False else key: part for key, part in value.items()}
    return {"name": value} if isinstance(value, str) else value


class Recipe(_Part):
    """Everything that decides the result of an experiment. Paths count from the working directory."""

    name: str = Field(min_length=1)
    manifest: Path
    label_map: str
    #: Path of a split file, or the name of a split that the manifest gives (`emomodels.material.SPLITS`).
    split: str
    protocol: Annotated[ProtocolChoice, BeforeValidator(_protocol)] = ProtocolChoice()
    features: tuple[FeatureSource, ...] = Field(min_length=1)
    #: Go on without the utterances that have no features; they are listed in the report.
    allow_missing: bool = False
    #: Refuse the same sentence on both sides.
    text_independent: bool = False
    #: See `emomodels.data.normalise`; what is fitted is fitted on training ids alone.
    normalise: NormaliserSettings = NormaliserSettings()
    #: `name`, and the settings of that model.
    model: dict[str, Any]
    inner: Inner = Inner()
    development: Development = Development()
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    #: Threads of one fit: part of the recipe, since a sum in another order has other last bits.
    threads: int = Field(default=1, ge=1)
    #: Printed on everything made from it, such as `synthetic corpus`.
    stamps: tuple[str, ...] = ()

    @property
    def model_settings(self) -> dict[str, Any]:
        """The settings of the model, without its name."""
        return {key: value for key, value in self.model.items() if key != "name"}

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, in the order of the features."""
        return tuple(dict.fromkeys(source.modality for source in self.features))

    def only(self, modality: str) -> Recipe:
        """The same experiment with one of its modalities."""
        kept = tuple(source for source in self.features if source.modality == modality)
        return self.model_copy(update={"name": f"{self.name}/{modality}", "features": kept})


def load(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe; `overrides` are `KEY=VALUE`, with dots for nested keys and YAML for values.

    Raises
    ------
    RecipeError
        A file that is no recipe, an unknown key (with a suggestion), a value out of range.
    """
    import yaml

    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"{path}: the recipe cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(tree, dict):
        raise RecipeError(f"{path}: a recipe is a mapping of keys to values, this is a {type(tree).__name__}")
    for text in overrides:
        override(tree, text)
    return parse(tree, str(path))


def override(tree: dict[str, Any], text: str) -> None:
    """Put one `KEY=VALUE` into `tree`, in place.

    >>> tree = {"model": {"name": "linear_svm"}}
    >>> override(tree, "model.C=0.01"); tree
    {'model': {'name': 'linear_svm', 'C': 0.01}}
    """
    import yaml

    key, equals, value = text.partition("=")
    if not equals or not key:
        raise RecipeError(f"{text!r} is no override; write KEY=VALUE, such as seeds=[0,1] or model.C=0.01")
    *parents, last = key.split(".")
    node: Any = tree
    for parent in parents:
        node = _child(node, parent, key)
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RecipeError(f"{text!r}: the value is not YAML: {' '.join(str(error).split())}") from error
    if isinstance(node, list):
        node[_position(node, last, key)] = parsed
    elif isinstance(node, dict):
        node[last] = parsed
    else:
        raise RecipeError(f"{key!r}: {parents[-1]!r} holds {node!r}, not further keys")


def _child(node: Any, name: str, key: str) -> Any:
    if isinstance(node, list):
        return node[_position(node, name, key)]
    if not isinstance(node, dict):
        raise RecipeError(f"{key!r}: there is nothing below {node!r}")
    return node.setdefault(name, {})


def _position(node: list[Any], name: str, key: str) -> int:
    if not name.isdigit() or int(name) >= len(node):
        raise RecipeError(f"{key!r}: {name!r} is no position in a list of {len(node)}; they count from 0")
    return int(name)


def parse(tree: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """The recipe that `tree` describes.

    >>> parse({"name": "x", "manifst": "m.csv"})
    Traceback (most recent call last):
        ...
    emomodels.exceptions.RecipeError: recipe: unknown key 'manifst' (did you mean 'manifest'?)
    """
    try:
        recipe = Recipe.model_validate(tree)
    except ValidationError as error:
        raise RecipeError(f"{where}: {explain(error, Recipe)}") from None
    name = recipe.model.get("name")
    if not isinstance(name, str):
        what = "is missing" if name is None else f"is {name!r}, not a name"
        raise RecipeError(f"{where}: the key 'model.name' {what}; `emomodels models` lists the models")
    return recipe


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first mistake of a validation as a sentence; unknown keys first, since they explain missing ones."""
    found = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")[0]
    key = ".".join(str(part) for part in found["loc"])
    if found["type"] == "extra_forbidden":
        return f"unknown key {key!r}{did_you_mean(str(found['loc'][-1]), _keys(model, found['loc'][:-1]))}"
    if found["type"] == "missing":
        return f"the key {key!r} is missing"
    message = found["msg"].removeprefix("Value error, ")
    return f"{key}: {found['input']!r}: {message[0].lower()}{message[1:]}"


def _keys(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Names of the keys that are allowed at `path` below `model`."""
    from typing import get_args

    node: Any = model
    for part in path:
        if isinstance(part, int):
            node = next(a for a in get_args(node) if a is not Ellipsis)
            continue
        node = node.model_fields[part].annotation if hasattr(node, "model_fields") else node
    return list(node.model_fields) if hasattr(node, "model_fields") else []
