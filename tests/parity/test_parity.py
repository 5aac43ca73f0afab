"""Every catalogue entry against its definition, and on real speech against the packages themselves.

Both precisions, every kind of signal, five rates, drawn parameters. A catalogue entry without an oracle,
and a parameter that is neither drawn nor held with a reason, are failures.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests import signals
from tests.parity import draws, gates, oracles, peers
from tests.parity.gates import Array, Case

PRECISIONS = ("float64", "float32")
TRANSFORMS = ("delta", "cmvn")
#: Entries whose definition and comparison have a module of their own: `test_opensmile_sets`, where the peer itself is
#: the oracle, and `test_functionals`.
ELSEWHERE = {"egemapsv02", "gemapsv01b", "compare2016", "functionals"}
FEATURES = sorted(set(oracles.ORACLES) - set(TRANSFORMS))


@functools.cache
def catalogue() -> dict[str, dict[str, Any]]:
    from emofeat import _emofeat

    return {entry["name"]: entry for entry in _emofeat.catalogue()}


def compute(name: str, case: Case, precision: str) -> Array:
    """Feature `name` from the package under test, as float64 for comparison."""
    import emofeat

    y = case.y.astype(precision)
    values = getattr(emofeat.features, name)(y, case.sr, precision=precision, **case.params)
    return np.asarray(values, dtype=np.float64)


def defaults(name: str, sr: int) -> dict[str, Any]:
    """The defaults, except where they cannot work at this rate."""
    if name == "spectral_contrast" and sr == 8000:
        return {"n_bands": 4}  # six octaves from 200 Hz end above Nyquist
    if name.startswith("psf") and sr > 16000:
        return {"nfft": 2048}  # 25 ms are longer than 512 samples
    return {}


def agree(name: str, case: Case, precision: str) -> None:
    defined = dataclasses.replace(case, params=oracles.definition(name, case.sr, case.params))
    expected = oracles.ORACLES[name](case.y, case.sr, **defined.params)
    gates.GATES[precision][name](compute(name, case, precision), expected, defined)


# -------------------------------------------------------------------------------------------------
# completeness


def test_every_catalogue_entry_has_an_oracle_gates_and_draws() -> None:
    names = set(catalogue()) - ELSEWHERE
    assert names == set(oracles.ORACLES)
    for precision in PRECISIONS:
        assert names <= set(gates.GATES[precision])
    transforms = {n for n, e in catalogue().items() if e["kind"] == "transform"}
    assert transforms == {*TRANSFORMS, "functionals"}
    assert set(FEATURES) <= set(draws.FAMILY)


@pytest.mark.parametrize("name", FEATURES)
def test_every_parameter_is_drawn_or_held_for_a_reason(name: str) -> None:
    drawn: set[str] = set()

    @settings(max_examples=80, phases=[Phase.generate])
    @given(params=draws.parameters(name, 16000, 6400))
    def collect(params: dict[str, Any]) -> None:
        drawn.update(params)

    collect()
    known = {p["name"] for p in catalogue()[name]["params"]}
    assert known - drawn - {held for feature, held in draws.HELD if feature == name} == set()


# --------------------------------------------------------------------------------------------- against the
# oracle


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_parameter_of_a_transform_is_one_of_its_definition(name: str) -> None:
    defined = set(inspect.signature(oracles.ORACLES[name]).parameters)
    assert {p["name"] for p in catalogue()[name]["params"]} <= defined


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("sr", signals.RATES)
@pytest.mark.parametrize("name", FEATURES)
def test_the_default_agrees_with_the_definition(name: str, sr: int, precision: str) -> None:
    for kind in signals.KINDS:
        y = signals.make(kind, sr, int(0.35 * sr), seed=sr + len(kind))
        try:
            agree(name, Case(y, sr, defaults(name, sr), kind in signals.BROADBAND), precision)
        except AssertionError as error:
            raise AssertionError(f"{kind}: {error}") from error


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", FEATURES)
@settings(max_examples=30)
@given(data=st.data())
def test_drawn_parameters_agree_with_the_definition(name: str, precision: str, data: st.DataObject) -> None:
    params = catalogue()[name]["params"]
    known = frozenset(p["name"] for p in params)
    allowed = {p["name"]: p["choices"] for p in params if p.get("choices")}
    agree(name, data.draw(draws.case(name, known, allowed)), precision)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", ["voice", "noise", "silence"])
@pytest.mark.parametrize(
    ("spec", "inner", "transform", "params"),
    [
        ("delta(mfcc(n_mfcc=13))", "mfcc(n_mfcc=13)", "delta", {}),
        ("delta(mfcc(n_mfcc=13), order=2)", "mfcc(n_mfcc=13)", "delta", {"order": 2}),
        ("delta(logmel, width=5)", "logmel", "delta", {"width": 5}),
        ("cmvn(logmel)", "logmel", "cmvn", {}),
        ("cmvn(mfcc, norm_vars=false)", "mfcc", "cmvn", {"norm_vars": False}),
    ],
)
def test_transforms_agree_with_their_definition(
    spec: str, inner: str, transform: str, params: dict[str, Any], kind: str, precision: str
) -> None:
    """The transform alone: its input is what the package itself computes for the inner feature."""
    import emofeat

    y = signals.make(kind, 16000, 16000, 9).astype(precision)
    result = emofeat.Extractor([f"a={inner}", f"b={spec}"], precision=precision).process_signal(y, 16000)
    before, after = (np.asarray(result[k], dtype=np.float64) for k in ("a", "b"))
    expected = oracles.ORACLES[transform](before, **params)
    scale = np.abs(before).max() if transform == "delta" else 1.0
    # Single precision: the transform reads its input before it is rounded to the stored type.
    tolerance = 1e-9 if precision == "float64" else 1e-5
    gates.within(after, expected, tolerance * (scale + np.abs(expected)))


# --------------------------------------------------------------------------------------------- against the
# packages

#: Feature -> parameters on real speech, besides the package's defaults.
ON_SPEECH: dict[str, list[dict[str, Any]]] = {
    "logmel": [{}, {"n_fft": 512, "hop_length": 160, "n_mels": 80}],
    "mfcc": [{}, {"n_mfcc": 13, "n_fft": 512, "hop_length": 160, "n_mels": 40}],
    "kaldi_fbank": [{}, {"num_mel_bins": 80, "snip_edges": False, "high_freq": -400.0}],
    "kaldi_mfcc": [{}, {"use_energy": True}],
    "pyaudioanalysis": [{"deltas": True}],
}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", sorted(set(peers.PEERS) - set(TRANSFORMS)))
def test_real_speech_agrees_with_the_package(
    name: str, precision: str, test_data: Path, pytestconfig: pytest.Config
) -> None:
    """A sample of the recordings, 16 and 48 kHz; all of them with --all-recordings."""
    every = 1 if pytestconfig.getoption("all_recordings") else 120
    for clip, y, sr in signals.clips(test_data, every=every):
        for params in ON_SPEECH.get(name, [{}]):
            case = Case(y, sr, {**defaults(name, sr), **params})
            expected = peers.PEERS[name](y, sr, **case.params)
            try:
                gates.AGAINST_PEERS[precision][name](compute(name, case, precision), expected, case)
            except AssertionError as error:
                raise AssertionError(f"{clip} {params}: {error}") from error


@pytest.mark.parametrize("precision", PRECISIONS)
def test_kaldi_at_the_scale_of_16_bits_agrees_with_the_package(precision: str, test_data: Path) -> None:
    for clip, y, sr in signals.clips(test_data, every=240):
        case = Case(y * 32768.0, sr, {"num_mel_bins": 80})
        expected = peers.PEERS["kaldi_fbank"](case.y, sr, **case.params)
        try:
            actual = compute("kaldi_fbank", case, precision)
            gates.AGAINST_PEERS[precision]["kaldi_fbank"](actual, expected, case)
        except AssertionError as error:
            raise AssertionError(f"{clip}: {error}") from error
