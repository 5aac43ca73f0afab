"""Whether a model and the features of a recipe go together, before anything is fitted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import numpy as np

from emofeat._suggest import did_you_mean
from emomodels.exceptions import RecipeError
from emomodels.models import registry

if TYPE_CHECKING:
    from emomodels.data.features import FeatureTable

Kind = Literal["vector", "sequence", "waveform"]

_WORDS = {
    "vector": "one vector for each utterance",
    "sequence": "a sequence of frames for each utterance",
    "waveform": "the recordings themselves",
}
#: What to do for a model that takes the first, where the features are the second.
_REMEDIES: dict[tuple[str, str], str] = {
    ("vector", "sequence"): (
        "make functionals (emofeat extract with --set egemapsv02, or functionals(...) among the features), average "
        "Action Units (options: {average: true})"
    ),
    ("vector", "waveform"): "make vectors with emofeat extract --set egemapsv02 or emomodels embed",
    ("sequence", "vector"): (
        "extract frames (emofeat extract -f logmel), or Action Units of every frame (options: {average: false})"
    ),
    ("sequence", "waveform"): "extract frames (emofeat extract -f logmel)",
    ("waveform", "vector"): "give features: [{format: waveform}]",
    ("waveform", "sequence"): "give features: [{format: waveform}]",
}


def check_device(name: str) -> None:
    """Refuse what is no name of a device, also for a model that has no use for one.

    >>> check_device("cuda:1")
    >>> check_device("cud")
    Traceback (most recent call last):
        ...
    emomodels.exceptions.RecipeError: device 'cud': cpu, cuda, cuda:0, cuda:1 … or auto (did you mean 'cuda'?)
    """
    if re.fullmatch(r"auto|cpu|cuda(:[0-9]+)?", name) is None:
        near = did_you_mean(name.partition(":")[0], ("cpu", "cuda", "auto"))
        raise RecipeError(f"device {name!r}: cpu, cuda, cuda:0, cuda:1 … or auto{near}")


def kind_of(table: FeatureTable) -> Kind:
    """What a table holds for each utterance."""
    if isinstance(table.x, np.ndarray):
        return "vector"
    return "waveform" if table.source["kind"] == "waveforms" else "sequence"


def check(model: str, kind: Kind, where: str) -> None:
    """Refuse features of a kind that `model` does not take.

    >>> check("linear_svm", "vector", "a.csv")

    Raises
    ------
    RecipeError
        They do not fit; the message says what does.
    """
    takes = registry.model_class(model).takes
    if takes == kind:
        return
    others = [name for name in registry.MODELS if registry.model_class(name).takes == kind]
    raise RecipeError(
        f"the model {model} takes {_WORDS[takes]}, and {where} gives {_WORDS[kind]}; "
        f"{_REMEDIES[takes, kind]}, or take a model for that: {', '.join(others)}"
    )
