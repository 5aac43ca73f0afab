"""torchaudio's recorded numbers: the oracles reproduce them, and so do the features and the Kaldi module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import signals
from tests.parity import gates, oracles
from tests.parity.gates import Case

GOLDEN = Path(__file__).parent.parent / "golden"
CASES: list[dict[str, Any]] = json.loads((GOLDEN / "torchaudio.json").read_text(encoding="utf-8"))["cases"]
KALDI = [case for case in CASES if case["feature"].startswith("kaldi")]


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "torchaudio.npz") as arrays:
        return {key: arrays[key].astype(np.float64) for key in arrays.files}


def case_of(record: dict[str, Any]) -> Case:
    s = record["signal"]
    y = signals.make(s["kind"], s["sr"], s["n"], s["seed"]) * s["scale"]
    assert signals.checksum(y) == s["sha256"], f"signal of {record['key']} is not the one of the golden file"
    return Case(y, s["sr"], record["params"], s["kind"] in signals.BROADBAND)


def key(record: dict[str, Any]) -> str:
    return str(record["key"])


def test_cases_and_arrays_belong_together(golden: dict[str, np.ndarray]) -> None:
    assert sorted(golden) == sorted(map(key, CASES))


@pytest.mark.parametrize("record", CASES, ids=key)
def test_the_oracle_reproduces_torchaudio(record: dict[str, Any], golden: dict[str, np.ndarray]) -> None:
    case = case_of(record)
    actual = oracles.ORACLES[record["feature"]](case.y, case.sr, **case.params)
    expected = golden[record["key"]]
    # Made in double precision, stored in single.
    gates.within(actual, expected, 1e-6 + 1e-6 * np.abs(expected))


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("record", CASES, ids=key)
def test_the_feature_reproduces_torchaudio(
    record: dict[str, Any], precision: str, golden: dict[str, np.ndarray]
) -> None:
    from tests.parity.test_parity import compute

    case = case_of(record)
    gates.GATES[precision][record["feature"]](
        compute(record["feature"], case, precision), golden[record["key"]], case
    )


@pytest.mark.parametrize("record", KALDI, ids=key)
def test_the_kaldi_module_reproduces_torchaudio(
    record: dict[str, Any], golden: dict[str, np.ndarray]
) -> None:
    from emofeat.compat import kaldi

    case = case_of(record)
    function = {"kaldi_fbank": kaldi.fbank, "kaldi_mfcc": kaldi.mfcc}[record["feature"]]
    wave = case.y.astype(np.float32)[None, :]  # (channels, samples), as torchaudio wants it
    actual = np.asarray(function(wave, sample_frequency=float(case.sr), **case.params), dtype=np.float64)
    gates.FLOAT32[record["feature"]](actual, golden[record["key"]], case)
