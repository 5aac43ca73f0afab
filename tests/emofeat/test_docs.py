"""Examples in the documentation run, and say what comes out."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import emofeat
import emomodels
from emofeat import _emofeat

MODULES = sorted(
    info.name
    for package in (emofeat, emomodels)
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not info.name.endswith(("_emofeat", "__main__"))
)


@pytest.mark.parametrize("name", ["emofeat", "emomodels", *MODULES])
def test_examples_run(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"np": np}, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


@pytest.mark.parametrize("entry", _emofeat.catalogue(), ids=lambda e: e["name"])
def test_every_feature_is_documented(entry):
    function = getattr(emofeat.features, entry["name"])
    assert entry["summary"].endswith(".")
    assert entry["doc"]
    assert entry["convention"]
    for part in ("Parameters", "Returns", "Notes", "Examples", entry["summary"]):
        assert part in function.__doc__
    for param in entry["params"]:
        assert param["doc"].endswith("."), param["name"]
        assert f"    {param['name']} : " in function.__doc__
