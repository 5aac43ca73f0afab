"""Every functional of the catalogue against its definition in NumPy, on contours of many shapes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emofeat
from emofeat import _emofeat
from tests import signals
from tests.parity import oracle_functionals as oracle
from tests.parity.oracle_functionals import Contour, Named

NAMES = [entry["name"] for entry in _emofeat.functionals()]
#: Entries that stand for a family of names.
FAMILIES = {"percentileP": "percentile12.5", "pctlrangeP-Q": "pctlrange10-90"}
FIXED = [name for name in NAMES if name not in FAMILIES]
EVERY = [*FIXED, *FAMILIES.values()]


def expected(x: Contour) -> Named:
    """All functionals of a contour of 10 ms frames by name."""
    voiced, silent = (oracle.clusters(holds) for holds in (x != 0, x == 0))
    out = oracle.means(x) | oracle.extremes(x) | oracle.percentiles(x) | oracle.moments(x)
    out |= oracle.times(x) | oracle.lpc(x) | oracle.regression(x, True) | oracle.peaks(x)
    out |= {k: v for k, v in oracle.crossing_segments(x).items() if k != "segPerSec"}
    out |= {
        "stddevNorm": oracle.stddev_norm(x),
        "peaksPerSec": out["numPeaks"] / (len(x) * oracle.PERIOD),
        "nonzeroSegPerSec": voiced["segPerSec"],
        "nonzeroMeanSegLen": voiced["meanSegLen"],
        "nonzeroMaxSegLen": voiced["maxSegLen"],
        "nonzeroMinSegLen": voiced["minSegLen"],
        "nonzeroSegLenStddev": voiced["segLenStddev"],
        "zeroMeanSegLen": silent["meanSegLen"],
        "zeroSegLenStddev": silent["segLenStddev"],
        "percentile12.5": oracle.percentile(x, 0.125),
        "pctlrange10-90": oracle.percentile(x, 0.9) - oracle.percentile(x, 0.1),
    }
    return out


SHAPES = {
    "noise": lambda rng, n: rng.standard_normal(n),
    "walk": lambda rng, n: np.cumsum(rng.standard_normal(n)),
    "waves": lambda rng, n: np.sin(np.arange(n) / 7.0) * (1 + 0.5 * np.sin(np.arange(n) / 31.0)),
    "pitch": lambda rng, n: (120 + 30 * np.sin(np.arange(n) / 20)) * (np.sin(np.arange(n) / 9) > -0.2),
}


def close(name: str, value: float, definition: float) -> bool:
    """Sums run in another order, and regression amplifies that."""
    tolerance = 1e-3 if name.startswith(("lpc", "lpgain", "qregc", "linregc")) else 1e-5
    return math.isclose(value, definition, rel_tol=tolerance, abs_tol=tolerance * 1e-2)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.sampled_from(sorted(SHAPES)),
    n=st.integers(8, 400),
    seed=st.integers(0, 1000),
)
def test_every_functional_agrees_with_its_definition(shape: str, n: int, seed: int) -> None:
    x = SHAPES[shape](np.random.default_rng(seed), n).astype(np.float32)
    row = emofeat.features.functionals(x[:, None], names=EVERY)
    assert row.shape == (1, len(EVERY))
    definition = expected(x)
    wrong = {
        name: (value, definition[name])
        for name, value in zip(EVERY, row[0].tolist(), strict=True)
        if not close(name, value, definition[name])
    }
    assert not wrong


def test_zeros_are_left_out_where_asked_for() -> None:
    x = np.array([0, 3, 0, 0, 5, 4, 0], np.float32)[:, None]
    named = {"names": ["amean", "min", "nnz"]}
    np.testing.assert_allclose(emofeat.features.functionals(x, **named), [[12 / 7, 0, 3 / 7]], rtol=1e-6)
    np.testing.assert_allclose(
        emofeat.features.functionals(x, nonzero=True, **named), [[4, 3, 3 / 7]], rtol=1e-6
    )


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_any_feature_can_be_summed_up(precision: str) -> None:
    y = signals.voice(16000, 16000, 2)
    specs = ["mfcc(n_mfcc=13)", "functionals(mfcc(n_mfcc=13), names=[amean, stddev, percentile20])"]
    extractor = emofeat.Extractor(specs, precision=precision)
    frames, row = extractor.process_signal(y, 16000).values()
    assert row.shape == (1, 39)
    columns = extractor.columns["mfcc_functionals"]
    assert columns[:3] == [
        "mfcc_functionals[0]_amean",
        "mfcc_functionals[0]_stddev",
        "mfcc_functionals[0]_percentile20",
    ]
    wanted = np.stack([frames.mean(0), frames.std(0), np.percentile(frames, 20, axis=0)], axis=1).ravel()
    tolerance = 2e-4 if precision == "float32" else 1e-9
    np.testing.assert_allclose(row[0], wanted, rtol=tolerance, atol=tolerance)


def test_the_period_is_that_of_the_feature() -> None:
    y = signals.voice(16000, 16000, 3)
    slopes = [
        emofeat.Extractor(f"functionals(rms(hop_length={hop}){period}, names=[linregc1])").process_signal(
            y, 16000
        )["rms_functionals"]
        for hop, period in ((160, ""), (160, ", period=0.01"), (160, ", period=0.02"))
    ]
    np.testing.assert_array_equal(slopes[0], slopes[1])
    assert slopes[0] != pytest.approx(slopes[2])


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("functionals(rms, names=[stdev])", "did you mean 'stddev'"),
        ("functionals(rms, names=[amean, amean])", "given twice"),
        ("functionals(rms, names=[percentile101])", "0 to 100"),
        ("functionals(rms, names=3)", "a list of names"),
        ("delta(functionals(rms))", "one row for a recording"),
        ("delta(egemapsv02)", "one row for a recording"),
    ],
)
def test_mistakes_are_named(spec: str, sentence: str) -> None:
    with pytest.raises(emofeat.exceptions.ParameterError, match=sentence):
        emofeat.Extractor(spec)
