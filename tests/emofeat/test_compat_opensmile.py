"""`emofeat.compat.opensmile` beside opensmile-python: the same calls, DataFrames, warnings and kinds of errors.

Numbers are compared loosely here, enough to tell rows, channels and segments apart;
`tests/parity/test_opensmile_sets.py` holds their gates.
"""

from __future__ import annotations

import inspect
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import opensmile as upstream
import pandas as pd
import pytest
import soundfile as sf

from emofeat.compat import opensmile as ours
from emofeat.exceptions import EmofeatError, NonFiniteError, UnknownNameError
from tests import signals

SR = 16000
BOTH = pytest.mark.parametrize("level", ["LowLevelDescriptors", "Functionals"])
SHORT = "Segment too short, filling with NaN."

#: Sets and levels that exist in both.
EXISTING = [
    ("GeMAPSv01b", "LowLevelDescriptors"),
    ("GeMAPSv01b", "Functionals"),
    ("eGeMAPSv02", "LowLevelDescriptors"),
    ("eGeMAPSv02", "Functionals"),
    ("ComParE_2016", "LowLevelDescriptors"),
    ("ComParE_2016", "LowLevelDescriptors_Deltas"),
    ("ComParE_2016", "Functionals"),
]


def voice(n: int = SR, seed: int = 1, sr: int = SR) -> np.ndarray:
    return signals.voice(sr, n, seed).astype(np.float32)


def smile(module: ModuleType, name: str = "eGeMAPSv02", level: str = "Functionals", **kwargs: Any) -> Any:
    return module.Smile(module.FeatureSet[name], module.FeatureLevel[level], **kwargs)


def recorded(call: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What a call gives, and the texts of its UserWarnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = call()
    return value, [str(w.message) for w in caught if w.category is UserWarning]


def assert_same_frame(actual: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal index, columns and types; values alike."""
    pd.testing.assert_index_equal(actual.index, expected.index, exact=True)
    pd.testing.assert_index_equal(actual.columns, expected.columns, exact=True)
    assert list(actual.dtypes) == list(expected.dtypes)
    a, b = actual.to_numpy(), expected.to_numpy()
    np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
    close = np.abs(a - b) <= 1e-3 * np.maximum(np.abs(b), 0.01)
    # One voice may hold a near-tie, whose rounding only the bit-exact transform decides; a wrong row, channel or
    # segment changes nearly every value.
    assert np.mean(close | np.isnan(b)) >= 0.98


def assert_both_do_the_same(call: Callable[[ModuleType], pd.DataFrame]) -> pd.DataFrame:
    expected, expected_warnings = recorded(lambda: call(upstream))
    actual, actual_warnings = recorded(lambda: call(ours))
    assert actual_warnings == expected_warnings
    assert_same_frame(actual, expected)
    return actual


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of several kinds, one too short and one without samples."""
    folder = tmp_path_factory.mktemp("recordings")
    y = voice(6000)
    sf.write(folder / "one.wav", y, SR, subtype="PCM_16")
    sf.write(folder / "two.wav", np.stack([voice(5000, 2), 0.3 * y[:5000]], 1), SR, subtype="PCM_16")
    sf.write(folder / "low.wav", voice(3001, 3, 8000), 8000, subtype="PCM_16")
    sf.write(folder / "float.wav", voice(4000, 4), SR, subtype="FLOAT")
    sf.write(folder / "short.wav", y[:500], SR)
    sf.write(folder / "none.wav", y[:0], SR)
    sf.write(folder / "packed.flac", voice(4000, 5), SR)
    return folder


# -------------------------------------------------------------------------------------------------------- interface


def test_every_public_name_of_the_module_exists() -> None:
    assert {"FeatureLevel", "FeatureSet", "Smile"} == set(ours.__all__)
    assert set(ours.__all__) <= set(dir(upstream))


@pytest.mark.parametrize("name", ["FeatureSet", "FeatureLevel"])
def test_enumerations_have_the_same_members_in_the_same_order(name: str) -> None:
    actual, expected = getattr(ours, name).__members__, getattr(upstream, name).__members__
    assert [(k, m.name, m.value) for k, m in actual.items()] == [
        (k, m.name, m.value) for k, m in expected.items()
    ]


def arguments(function: Any) -> list[tuple[str, Any, Any]]:
    def plain(default: Any) -> Any:
        return getattr(default, "value", default)

    return [(p.name, p.kind, plain(p.default)) for p in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize(
    "method",
    [
        "__init__",
        "__call__",
        "process_file",
        "process_files",
        "process_folder",
        "process_index",
        "process_signal",
        "process_signal_from_index",
        "to_numpy",
    ],
)
def test_arguments_and_defaults_are_the_same(method: str) -> None:
    assert arguments(getattr(ours.Smile, method)) == arguments(getattr(upstream.Smile, method))


@pytest.mark.parametrize(("name", "level"), EXISTING)
def test_names_and_sizes_are_the_same(name: str, level: str) -> None:
    a, b = smile(ours, name, level), smile(upstream, name, level)
    assert a.feature_names == b.feature_names
    pd.testing.assert_index_equal(a.column_names, b.column_names, exact=True)
    for attribute in (
        "num_features",
        "num_channels",
        "params",
        "config_name",
        "hop_dur",
        "win_dur",
        "name",
        "options",
        "loglevel",
        "logfile",
        "verbose",
        "process_func_applies_sliding_window",
    ):
        assert getattr(a, attribute) == getattr(b, attribute), attribute
    assert (a.feature_set.name, a.feature_level.name) == (b.feature_set.name, b.feature_level.name)


def test_the_default_is_compare_functionals() -> None:
    assert ours.Smile().params == upstream.Smile().params


@pytest.mark.parametrize("level", ["func", "lld", "Functionals", "LowLevelDescriptors"])
def test_names_of_sets_and_levels_may_be_text(level: str) -> None:
    assert ours.Smile("eGeMAPSv02", level).feature_names == upstream.Smile("eGeMAPSv02", level).feature_names


def test_members_of_the_packages_own_enumerations_are_known() -> None:
    mixed = ours.Smile(upstream.FeatureSet.GeMAPSv01b, upstream.FeatureLevel.LowLevelDescriptors)
    assert mixed.num_features == 18


@pytest.mark.parametrize(
    "name", sorted({m.name for m in ours.FeatureSet} - {"GeMAPSv01b", "eGeMAPSv02", "ComParE_2016"})
)
def test_sets_that_do_not_exist_here_raise_and_name_those_that_do(name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"allowed are GeMAPSv01b, eGeMAPSv02, ComParE_2016"):
        ours.Smile(ours.FeatureSet[name])


@pytest.mark.parametrize("given", ["my_own.conf", "egemapsv02", 3, None])
def test_configuration_files_raise(given: Any) -> None:
    with pytest.raises(UnknownNameError, match=r"configuration files are not read; allowed are GeMAPSv01b"):
        ours.Smile(given)


def test_levels_that_a_set_does_not_have_raise_as_there() -> None:
    for module in (upstream, ours):
        with pytest.raises(ValueError, match="'LowLevelDescriptors_Deltas' is not available for feature set"):
            smile(module, level="LowLevelDescriptors_Deltas")
    with pytest.raises(UnknownNameError, match="feature_level = 'functionals'"):
        ours.Smile("eGeMAPSv02", "functionals")


@pytest.mark.parametrize(
    "arguments",
    [
        {"options": {"frameSize": 0.02}},
        {"segment": object()},
        {"channels": []},
        {"channels": "left"},
        {"sampling_rate": 16000.5},
    ],
    ids=lambda a: next(iter(a)),
)
def test_what_is_not_supported_raises(arguments: dict[str, Any]) -> None:
    with pytest.raises(EmofeatError):
        smile(ours, **arguments)


def test_resampling_needs_a_rate_in_both() -> None:
    for module in (upstream, ours):
        with pytest.raises(ValueError, match="sampling_rate has to be provided"):
            smile(module, resample=True)


def test_arguments_of_the_analysis_are_refused_in_both() -> None:
    for module in (upstream, ours):
        with pytest.raises(TypeError):
            smile(module).process_signal(voice(), SR, process_func_args={"a": 1})


def test_extractors_compare_and_pickle() -> None:
    a = smile(ours, level="LowLevelDescriptors", channels=[0, 1])
    b = pickle.loads(pickle.dumps(a))
    assert a == b
    assert hash(a) == hash(b)
    assert a != smile(ours, level="LowLevelDescriptors")
    stereo = np.stack([voice(2000), voice(2000, 2)])
    pd.testing.assert_frame_equal(a.process_signal(stereo, SR), b.process_signal(stereo, SR))
    assert "eGeMAPSv02" in repr(a)


# ---------------------------------------------------------------------------------------------------------- signals


@pytest.mark.parametrize(("name", "level"), EXISTING)
def test_a_signals_frame_is_the_same(name: str, level: str) -> None:
    if level == "LowLevelDescriptors_Deltas":
        # Noise, all of whose pitch is decided at once: the rows' times then are the rule without exception.
        y = signals.noise(SR, SR, 3).astype(np.float32)
    else:
        y = voice()
    assert_both_do_the_same(lambda m: smile(m, name, level).process_signal(y, SR))


@BOTH
@pytest.mark.parametrize("sr", [8000, 11025, 22050, 44100, 48000])
def test_times_follow_the_rate(sr: int, level: str) -> None:
    y = voice(int(0.4 * sr) + 7, 2, sr)
    assert_both_do_the_same(lambda m: smile(m, level=level).process_signal(y, sr))


@BOTH
@pytest.mark.parametrize(
    "ends",
    [
        {"start": 0.2, "end": 0.7},
        {"start": 0.3},
        {"end": 0.5},
        {"start": "200ms", "end": "0.7s"},
        {"start": "3200", "end": "12000"},
        {"start": 0.3, "end": 5.0},
        {"start": pd.Timedelta("0.1s"), "end": pd.NaT},
        {"start": 0.2, "end": 0.22},
        {"start": 2, "end": 3},
        {"start": 1},
    ],
    ids=str,
)
def test_segments_of_a_signal_are_the_same(ends: dict[str, Any], level: str) -> None:
    assert_both_do_the_same(lambda m: smile(m, level=level).process_signal(voice(), SR, file="a", **ends))


@BOTH
@pytest.mark.parametrize("n", [0, 1, 959, 960, 961, 1120])
def test_short_signals_are_a_row_of_nan_and_a_warning(n: int, level: str) -> None:
    frame = assert_both_do_the_same(lambda m: smile(m, level=level).process_signal(voice()[:n], SR))
    assert frame.isna().all(axis=None) == (n < 960)


STEREO = np.stack([voice(6000), 0.3 * voice(6000, 2)])


@BOTH
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"channels": 1},
        {"channels": [1]},
        {"channels": -1},
        {"channels": [0, 1]},
        {"channels": [1, 0]},
        {"channels": range(2)},
        {"channels": [0, 1], "mixdown": True},
        {"mixdown": True},
        {"sampling_rate": 16000},
        {"sampling_rate": 16000, "resample": True},
    ],
    ids=str,
)
def test_channels_are_the_same(arguments: dict[str, Any], level: str) -> None:
    assert_both_do_the_same(lambda m: smile(m, level=level, **arguments).process_signal(STEREO, SR))
    a, b = smile(ours, level=level, **arguments), smile(upstream, level=level, **arguments)
    pd.testing.assert_index_equal(a.column_names, b.column_names, exact=True)
    assert (a.num_channels, a.num_features) == (b.num_channels, b.num_features)
    assert a(STEREO, SR).shape == b(STEREO, SR).shape
    assert a(STEREO, SR).dtype == b(STEREO, SR).dtype
    np.testing.assert_array_equal(a(STEREO, SR), a.to_numpy(a.process_signal(STEREO, SR)))


def test_short_signals_of_two_channels_warn_twice() -> None:
    def call(m: ModuleType) -> pd.DataFrame:
        return smile(m, channels=[0, 1]).process_signal(STEREO[:, :100], SR)

    assert_both_do_the_same(call)
    assert recorded(lambda: call(ours))[1] == [SHORT, SHORT]


@BOTH
def test_resampling_gives_the_same_rows_and_nearly_the_same_numbers(level: str) -> None:
    def call(m: ModuleType) -> pd.DataFrame:
        return smile(m, level=level, sampling_rate=8000, resample=True).process_signal(voice(), SR)

    expected, actual = call(upstream), call(ours)
    pd.testing.assert_index_equal(actual.index, expected.index, exact=True)
    # Two good resamplers differ by what lies between their stop bands and their dither: loudness by little.
    column = next(c for c in expected.columns if c.lower().startswith("loudness_sma3"))
    np.testing.assert_allclose(actual[column], expected[column], rtol=0.02)


@pytest.mark.parametrize(
    ("arguments", "signal", "kind", "text"),
    [
        ({"sampling_rate": 8000}, voice(), RuntimeError, "Sampling rate of input signal is 16000"),
        ({"channels": 1}, voice(), ValueError, "Invalid channel selection"),
        ({"channels": [0, 2]}, STEREO, ValueError, "Invalid channel selection"),
        ({}, voice()[None, None], RuntimeError, "Input signal must have 1 or 2 dimension"),
    ],
    ids=["rate", "channel", "channels", "dimensions"],
)
def test_signals_that_do_not_fit_raise_the_same_kind(
    arguments: dict[str, Any], signal: np.ndarray, kind: type[Exception], text: str
) -> None:
    for module in (upstream, ours):
        with pytest.raises(kind, match=text):
            smile(module, **arguments).process_signal(signal, SR)
    with pytest.raises(EmofeatError):
        smile(ours, **arguments).process_signal(signal, SR)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_signals_that_are_not_finite_raise(bad: float) -> None:
    y = voice()
    y[500] = bad
    with pytest.raises(NonFiniteError):
        smile(ours).process_signal(y, SR)


def test_every_type_of_sample_gives_the_same_numbers() -> None:
    y = voice(6000)
    whole = (y * 32768).astype(np.int16)
    expected = smile(ours).process_signal(y, SR)
    for signal in (y.astype(np.float64), whole, whole.astype(np.int32) << 16, y.tolist(), y[None]):
        pd.testing.assert_frame_equal(smile(ours).process_signal(signal, SR), expected)


def test_an_index_of_segments_of_a_signal_is_the_same() -> None:
    def index(*pairs: tuple[float, float]) -> pd.MultiIndex:
        return pd.MultiIndex.from_arrays(
            [pd.to_timedelta(ends, unit="s") for ends in zip(*pairs, strict=True)], names=["start", "end"]
        )

    for level in ("Functionals", "LowLevelDescriptors"):
        for segments in (index((0.1, 0.4), (0.3, 0.9)), index((0.1, 0.4), (0.5, 0.52))):
            assert_both_do_the_same(
                lambda m, level=level, segments=segments: smile(m, level=level).process_signal_from_index(
                    voice(), SR, segments
                )
            )
    for module in (upstream, ours):
        with pytest.raises(ValueError, match="Found duplicates"):
            smile(module).process_signal_from_index(voice(), SR, index((0.1, 0.4), (0.1, 0.4)))
        with pytest.raises(ValueError):
            smile(module).process_signal_from_index(voice(), SR, index((0.1, 0.4))[:0])


# ------------------------------------------------------------------------------------------------------------ files


@BOTH
@pytest.mark.parametrize("name", ["one.wav", "two.wav", "low.wav", "float.wav", "short.wav", "packed.flac"])
def test_a_files_frame_is_the_same(folder: Path, name: str, level: str) -> None:
    assert_both_do_the_same(lambda m: smile(m, level=level).process_file(str(folder / name)))
    assert_both_do_the_same(lambda m: smile(m, level=level).process_file(name, root=str(folder)))


@BOTH
def test_a_file_without_samples_is_a_row_of_nan(folder: Path, level: str) -> None:
    frame = assert_both_do_the_same(lambda m: smile(m, level=level).process_file(str(folder / "none.wav")))
    assert frame.shape[0] == 1
    assert frame.isna().all(axis=None)


@BOTH
@pytest.mark.parametrize(
    "ends",
    [
        {"start": 0.1, "end": 0.3},
        {"start": "100ms", "end": pd.Timedelta("0.3s")},
        {"start": 0.1},
        {"end": 0.25},
        {"start": 0.1234567, "end": 0.31},
        {"start": 0.1, "end": 9},
        {"start": 0.2, "end": 0.2},
    ],
    ids=str,
)
def test_segments_of_a_file_are_the_same(folder: Path, ends: dict[str, Any], level: str) -> None:
    assert_both_do_the_same(lambda m: smile(m, level=level).process_file(str(folder / "one.wav"), **ends))


@pytest.mark.parametrize(
    "ends",
    [{"start": 0.3, "end": 0.2}, {"start": -0.1}, {"start": "100"}],
    ids=["reversed", "before", "samples"],
)
def test_segments_that_do_not_exist_raise(folder: Path, ends: dict[str, Any]) -> None:
    with pytest.raises(EmofeatError):
        smile(ours).process_file(str(folder / "one.wav"), **ends)


@BOTH
@pytest.mark.parametrize("workers", [1, 2, None])
def test_several_files_are_the_same(folder: Path, level: str, workers: int | None) -> None:
    names = ["one.wav", "low.wav", "two.wav", "one.wav"]
    paths = [str(folder / name) for name in names]

    def run(**arguments: Any) -> None:
        assert_both_do_the_same(
            lambda m: smile(m, level=level, num_workers=workers).process_files(paths, **arguments)
        )

    run()
    run(starts=0.05)
    run(starts=[0.1, 0.05, 0.0, 0.2], ends=[0.3, "300ms", pd.Timedelta("0.2s"), 0.3])
    assert_both_do_the_same(
        lambda m: smile(m, level=level, num_workers=workers).process_files(names, root=str(folder))
    )


@BOTH
def test_one_short_file_among_several_makes_the_frame_double(folder: Path, level: str) -> None:
    paths = [str(folder / name) for name in ("one.wav", "short.wav", "low.wav")]
    frame = assert_both_do_the_same(lambda m: smile(m, level=level).process_files(paths))
    assert set(frame.dtypes) == {np.dtype(np.float64)}


@BOTH
@pytest.mark.parametrize(
    "arguments", [{"channels": [0, 1]}, {"channels": [0, 1], "mixdown": True}, {"channels": 1}], ids=str
)
def test_channels_of_files_are_the_same(folder: Path, arguments: dict[str, Any], level: str) -> None:
    assert_both_do_the_same(
        lambda m: smile(m, level=level, **arguments).process_file(str(folder / "two.wav"))
    )
    for module in (upstream, ours):
        with pytest.raises(ValueError, match="Invalid channel selection"):
            smile(module, level=level, **arguments).process_file(str(folder / "one.wav"))


@pytest.mark.parametrize("resample", [False, True])
def test_files_of_another_rate_are_resampled_or_refused(folder: Path, resample: bool) -> None:
    path = str(folder / "low.wav")

    def call(m: ModuleType) -> pd.DataFrame:
        return smile(m, level="LowLevelDescriptors", sampling_rate=16000, resample=resample).process_file(
            path
        )

    if resample:
        pd.testing.assert_index_equal(call(ours).index, call(upstream).index, exact=True)
        return
    for module in (upstream, ours):
        with pytest.raises(RuntimeError, match="Sampling rate of input signal is 8000"):
            call(module)


@BOTH
@pytest.mark.parametrize("arguments", [{}, {"include_root": False}, {"filetype": "flac"}], ids=str)
def test_folders_are_the_same(folder: Path, arguments: dict[str, Any], level: str) -> None:
    assert_both_do_the_same(lambda m: smile(m, level=level).process_folder(str(folder), **arguments))


def test_folders_without_files_and_missing_folders_raise(folder: Path) -> None:
    for module in (upstream, ours):
        with pytest.raises(FileNotFoundError):
            smile(module).process_folder(str(folder / "no such folder"))
    with pytest.raises(ValueError, match="holds no file that ends in"):
        smile(ours).process_folder(folder, filetype="mp3")


def test_missing_files_raise_a_runtime_error_in_both(folder: Path) -> None:
    for paths in (["missing.wav"], [str(folder / "one.wav"), "missing.wav"]):
        for module in (upstream, ours):
            with pytest.raises(RuntimeError, match=r"missing\.wav"):
                smile(module).process_files(paths)
    with pytest.raises(FileNotFoundError):
        smile(ours).process_file("missing.wav")


def test_files_that_are_no_audio_raise(tmp_path: Path) -> None:
    path = tmp_path / "text.wav"
    path.write_text("this is text")
    for module in (upstream, ours):
        with pytest.raises(RuntimeError):
            smile(module).process_file(str(path))


def test_lists_of_files_that_make_no_sense_raise(folder: Path) -> None:
    with pytest.raises(ValueError, match="no files"):
        smile(ours).process_files([])
    with pytest.raises(ValueError, match="starts has 1 entries for 2 files"):
        smile(ours).process_files([str(folder / "one.wav")] * 2, starts=[0.1])


def segments(folder: Path) -> pd.MultiIndex:
    files = [str(folder / name) for name in ("one.wav", "one.wav", "low.wav")]
    times = [pd.to_timedelta(ends, unit="s") for ends in ([0.1, 0.2, 0.0], [0.2, 0.3, np.nan])]
    return pd.MultiIndex.from_arrays([files, *times], names=["file", "start", "end"])


@BOTH
def test_an_index_is_the_same(folder: Path, level: str) -> None:
    files = pd.Index([str(folder / "one.wav"), str(folder / "low.wav")], name="file")
    for index in (files, segments(folder)):
        assert_both_do_the_same(lambda m, index=index: smile(m, level=level).process_index(index))
    names = pd.Index(["one.wav", "low.wav"], name="file")
    assert_both_do_the_same(lambda m: smile(m, level=level).process_index(names, root=str(folder)))


def test_an_index_can_be_preserved(folder: Path) -> None:
    files = pd.Index([str(folder / "one.wav"), str(folder / "low.wav")], name="file")
    for index in (files, segments(folder)):
        frame = assert_both_do_the_same(
            lambda m, index=index: smile(m).process_index(index, preserve_index=True)
        )
        pd.testing.assert_index_equal(frame.index, index)
    for module in (upstream, ours):
        with pytest.raises(ValueError, match="Length mismatch"):
            smile(module, level="LowLevelDescriptors").process_index(files, preserve_index=True)


@BOTH
def test_open_ends_can_stay_open(folder: Path, level: str) -> None:
    def run(call: Callable[[Any], pd.DataFrame]) -> None:
        assert_both_do_the_same(lambda m: call(smile(m, level=level, keep_nat=True)))

    run(lambda s: s.process_file(str(folder / "one.wav")))
    run(lambda s: s.process_file(str(folder / "one.wav"), start=0.1, end=0.3))
    run(lambda s: s.process_file(str(folder / "short.wav")))
    run(lambda s: s.process_index(segments(folder)))
    run(lambda s: s.process_signal(voice(2000), SR))


def test_results_are_kept_in_the_cache(folder: Path, tmp_path: Path) -> None:
    files = pd.Index(["copy.wav"], name="file")
    copy = tmp_path / "copy.wav"
    copy.write_bytes((folder / "one.wav").read_bytes())
    arguments: dict[str, Any] = {"root": tmp_path, "cache_root": tmp_path / "cache"}
    first = smile(ours).process_index(files, **arguments)
    copy.unlink()
    pd.testing.assert_frame_equal(smile(ours).process_index(files, **arguments), first)
    with pytest.raises(FileNotFoundError):
        smile(ours, "GeMAPSv01b").process_index(files, **arguments)


@pytest.mark.parametrize("levels", [["file", "start"], ["start", "end"]], ids=str)
def test_an_index_of_another_form_raises(levels: list[str]) -> None:
    index = pd.MultiIndex.from_arrays([["a", "b"]] * len(levels), names=levels)
    with pytest.raises(ValueError, match="allowed are file, start and end"):
        smile(ours).process_index(index)
    with pytest.raises(ValueError, match="pandas"):
        smile(ours).process_index(["a.wav"])  # type: ignore[arg-type]


def test_progress_is_shown_on_standard_error(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # what is not a terminal shows nothing otherwise
    paths = [str(folder / "one.wav")] * 3
    shown = smile(ours, verbose=True).process_files(paths)
    assert "Process 3 files" in capsys.readouterr().err
    pd.testing.assert_frame_equal(shown, smile(ours).process_files(paths))


# ---------------------------------------------------------------------------------------------------------- scripts

SCRIPT = """
import sys
import numpy as np
import opensmile

smile = opensmile.Smile(
    feature_set=opensmile.FeatureSet.eGeMAPSv02,
    feature_level=opensmile.FeatureLevel.Functionals,
    num_workers=2,
)
frame = smile.process_folder(sys.argv[1], filetype="flac")
lld = opensmile.Smile("eGeMAPSv02", opensmile.FeatureLevel.LowLevelDescriptors)
for file, start, end in frame.index:
    rows = lld.process_file(file, start=start, end=end)
    voiced = rows[rows["F0semitoneFrom27.5Hz_sma3nz"] > 0]
    frame.loc[(file, start, end), "voiced"] = len(voiced)
print(smile.num_features, list(frame.columns[:2]), frame.shape, frame.index.names)
print(frame.reset_index()[["start", "end", "voiced"]].to_csv())
print(np.round(frame["loudness_sma3_amean"].to_numpy(), 3))
"""


def test_a_script_runs_after_changing_the_import(folder: Path, tmp_path: Path) -> None:
    outputs = []
    for name, line in (("theirs", "import opensmile"), ("ours", "from emofeat.compat import opensmile")):
        path = tmp_path / f"{name}.py"
        path.write_text(SCRIPT.replace("import opensmile", line))
        done = subprocess.run(
            [sys.executable, str(path), str(folder)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    assert "88" in outputs[0]


def test_pandas_is_imported_by_the_first_frame_only() -> None:
    probe = (
        "import sys, numpy as np\n"
        "from emofeat.compat import opensmile\n"
        "smile = opensmile.Smile('eGeMAPSv02')\n"
        "smile(np.zeros(16000, np.float32), 16000)\n"
        "before = 'pandas' in sys.modules\n"
        "smile.process_signal(np.zeros(16000, np.float32), 16000)\n"
        "print(before, 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_every_argument_is_documented() -> None:
    for function in (
        ours.Smile,
        ours.Smile.process_signal,
        ours.Smile.process_file,
        ours.Smile.process_files,
    ):
        for name in inspect.signature(function).parameters:
            assert name == "self" or name in (function.__doc__ or ""), f"{function}: {name}"
