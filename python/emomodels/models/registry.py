"""Models by the name that recipes use; a model's module is imported when it is asked for."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from pydantic import ValidationError

from emofeat._suggest import did_you_mean
from emofeat.store.extras import need
from emomodels.exceptions import RecipeError
from emomodels.models.base import Estimator, Settings

#: Module and class of each model.
MODELS: Mapping[str, tuple[str, str]] = {
    "linear_svm": ("emomodels.models.classical", "LinearSvm"),
    "rbf_svm": ("emomodels.models.classical", "RbfSvm"),
    "logistic_regression": ("emomodels.models.classical", "LogisticRegression"),
    "lda": ("emomodels.models.classical", "Lda"),
    "mlp_sklearn": ("emomodels.models.classical", "SklearnMlp"),
    "knn": ("emomodels.models.classical", "Neighbours"),
    "random_forest": ("emomodels.models.classical", "Forest"),
    "mlp": ("emomodels.models.mlp", "MLP"),
    "bilstm": ("emomodels.models.bilstm", "BiLSTM"),
    "cnn": ("emomodels.models.cnn", "CNN"),
    "wav2vec2": ("emomodels.models.wav2vec2", "Wav2Vec2"),
}


def model_class(name: str) -> type[Estimator]:
    """The class of the model called `name`.

    >>> model_class("linear_svm").takes
    'vector'

    Raises
    ------
    RecipeError
        There is none; the message suggests one.
    MissingExtraError
        It is a network, and PyTorch is not installed.
    """
    if name not in MODELS:
        raise RecipeError(
            f"no model {name!r}{did_you_mean(name, MODELS)}; there are {', '.join(MODELS)}", "unknown_name"
        )
    module, attribute = MODELS[name]
    try:
        return cast("type[Estimator]", getattr(import_module(module), attribute))
    except ModuleNotFoundError as error:
        need(str(error.name), "models")
        raise


def descriptions() -> dict[str, str]:
    """What each model is, in a line.

    >>> descriptions()["knn"]
    'k nearest neighbours: `sklearn.neighbors.KNeighborsClassifier`; it keeps its training examples.'
    """
    return {name: description(name) for name in MODELS}


def description(name: str) -> str:
    """What the model called `name` is: the first line of its class' documentation."""
    return (inspect.getdoc(model_class(name)) or "").partition("\n")[0]


def documented(settings: type[Settings]) -> dict[str, str]:
    """What the documentation of a model's settings, and of those that they extend, says about each by name.

    >>> documented(model_class("bilstm").settings_class)["layers"]
    'LSTM layers.'
    """
    found: dict[str, str] = {}
    for extended in reversed(settings.__mro__):
        section = inspect.cleandoc(extended.__doc__ or "").partition("Parameters\n----------\n")[2]
        # Up to the next heading: names at the margin, what they are below them and indented.
        for names, text in re.findall(r"^(\w+(?:, \w+)*)\n((?:[ \t]+\S.*(?:\n|$))+)", section, re.MULTILINE):
            found |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return found


def estimator(name: str, settings: Mapping[str, Any] | None = None) -> Estimator:
    """The model called `name`, not yet fitted.

    >>> estimator("linear_svm", {"C": 0.01}).settings.C
    0.01

    Raises
    ------
    RecipeError
        An unknown model or setting, or a value out of range.
    """
    made = model_class(name)
    try:
        return made(made.settings_class(**(settings or {})))
    except ValidationError as error:
        known = list(made.settings_class.model_fields)
        sentences = [_sentence(name, dict(mistake), known) for mistake in error.errors()]
        raise RecipeError("; ".join(dict.fromkeys(sentences))) from None


def _sentence(model: str, mistake: Mapping[str, Any], known: list[str]) -> str:
    """One mistake of pydantic's in the words of a recipe."""
    where = str(mistake["loc"][0]) if mistake["loc"] else ""
    if mistake["type"] == "extra_forbidden":
        return f"{model} has no setting {where!r}{did_you_mean(where, known)}; it has {', '.join(known)}"
    said = str(mistake["msg"]).removeprefix("Value error, ")
    said = said[:1].lower() + said[1:]
    return f"setting {where!r} of {model}: {said}, not {mistake['input']!r}" if where else f"{model}: {said}"
