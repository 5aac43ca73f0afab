"""emofeat's descriptors of the voice against synthetic voices, whose truth is known."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).resolve().parents[2] / "benches" / "voice_truth.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("voice_truth", BENCH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["voice_truth"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_emofeat_is_near_the_truth(bench: ModuleType) -> None:
    figures, missing = bench.measure(list(bench.BOUNDS), quick=True)
    assert not missing
    assert bench.exceeded(figures) == []


def test_a_missing_figure_is_not_within_its_bound(bench: ModuleType) -> None:
    assert len(bench.exceeded({})) == sum(len(bounds) for bounds in bench.BOUNDS.values())
