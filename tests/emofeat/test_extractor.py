"""Laws of the extractor: alone and together, threads, forks, blocks, streams, policies."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emofeat
from emofeat import Extractor, _emofeat, exceptions
from tests import signals

SR = 16_000
CATALOGUE = _emofeat.catalogue()
FEATURES = [entry["name"] for entry in CATALOGUE if entry["kind"] == "feature"]
SPECS = FEATURES + [f"{entry['name']}(mfcc)" for entry in CATALOGUE if entry["kind"] == "transform"]


def voice(seconds: float = 1.2, sr: int = SR, seed: int = 0) -> np.ndarray:
    return signals.make("padded_voice", sr, int(sr * seconds), seed=seed).astype(np.float32)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_alone_and_together_give_the_same_bits(precision):
    y = voice()
    together = Extractor(SPECS, precision=precision).process_signal(y, SR)
    assert len(together) == len(SPECS)
    for spec, (key, values) in zip(SPECS, together.items(), strict=True):
        alone = Extractor(spec, precision=precision).process_signal(y, SR)
        assert same_bits(alone[key], values), spec


def test_one_thread_and_many_give_the_same_bits_in_order():
    extractor = Extractor(["logmel", "chroma_stft", "delta(mfcc)"])
    ys = [voice(0.4 + 0.1 * i, seed=i) for i in range(9)]
    one = extractor.process_signals(ys, SR, n_threads=1)
    many = extractor.process_signals(ys, SR, n_threads=4)
    for y, a, b in zip(ys, one, many, strict=True):
        single = extractor.process_signal(y, SR)
        for key in extractor.feature_names:
            assert same_bits(a[key], b[key])
            assert same_bits(a[key], single[key])


def test_several_python_threads_share_an_extractor():
    extractor = Extractor(["logmel", "mfcc"])
    y = voice()
    expected = extractor.process_signal(y, SR)
    wrong: list[str] = []

    def work() -> None:
        for _ in range(20):
            got = extractor.process_signal(y, SR)
            wrong.extend(key for key in expected if not same_bits(got[key], expected[key]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


class Utterances:
    """A map-style data set as a training loop has it."""

    def __init__(self, extractor: Extractor, ys: list[np.ndarray]) -> None:
        self.extractor, self.ys = extractor, ys

    def __len__(self) -> int:
        return len(self.ys)

    def __getitem__(self, at: int) -> np.ndarray:
        return self.extractor.process_signal(self.ys[at], SR)["logmel"]


def _worker(dataset: Utterances, indices: list[int], queue: multiprocessing.Queue) -> None:
    queue.put([(at, dataset[at].tobytes()) for at in indices])


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_loader_workers_give_the_same_bits(method):
    extractor = Extractor("logmel(n_mels=40)")
    dataset = Utterances(extractor, [voice(0.5, seed=i) for i in range(6)])
    expected = {at: dataset[at].tobytes() for at in range(len(dataset))}
    extractor.process_signals(dataset.ys, SR, n_threads=2)
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    workers = [context.Process(target=_worker, args=(dataset, [i, i + 3], queue)) for i in range(3)]
    for worker in workers:
        worker.start()
    got = dict(pair for _ in workers for pair in queue.get(timeout=60))
    for worker in workers:
        worker.join(timeout=60)
        assert worker.exitcode == 0
    assert got == expected


def streamable(spec: str) -> bool:
    try:
        Extractor(spec).stream(SR)
    except exceptions.NotStreamableError:
        return False
    return True


STREAMABLE = [
    *filter(streamable, SPECS),
    "logmel(top_db=none)",
    "mfcc(top_db=none)",
    "chroma_stft(tuning=0.0)",
]


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(0, 5000), min_size=1, max_size=6), seconds=st.floats(0.3, 1.5))
def test_a_stream_gives_exactly_the_frames_of_the_offline_run(sizes, seconds):
    y = voice(seconds)
    extractor = Extractor([f"s{i}={spec}" for i, spec in enumerate(STREAMABLE)])
    offline = extractor.process_signal(y, SR)
    stream = extractor.stream(SR)
    pieces: dict[str, list[np.ndarray]] = {key: [] for key in extractor.feature_names}
    at = turn = 0
    while at < len(y):
        size = max(1, sizes[turn % len(sizes)])
        for key, rows in stream.push(y[at : at + size]).items():
            pieces[key].append(rows)
        at, turn = at + size, turn + 1
    for key, rows in stream.finish().items():
        pieces[key].append(rows)
    for key, spec in zip(extractor.feature_names, STREAMABLE, strict=True):
        assert same_bits(np.concatenate(pieces[key]), offline[key]), spec


def test_a_global_feature_refuses_to_stream_and_says_why():
    refused = [spec for spec in SPECS if spec not in STREAMABLE]
    assert "logmel" in refused
    for spec in refused:
        with pytest.raises(exceptions.NotStreamableError) as caught:
            Extractor(spec).stream(SR)
        assert "cannot stream" in str(caught.value)
        assert caught.value.code == "not_streamable"


def test_a_file_in_blocks_gives_the_bits_of_the_whole(tmp_path: Path):
    import soundfile

    y = voice(7.3, sr=22_050)
    path = tmp_path / "long.wav"
    soundfile.write(path, y, 22_050, subtype="PCM_16")
    for sr in (None, SR):
        extractor = Extractor(SPECS, sr=sr)
        whole = extractor.process_file(path)
        blocks = list(extractor.open_blocks(path, block_seconds=1.7))
        assert len(blocks) > 3
        assert (
            blocks[-1].row.n_samples == extractor.extract_batch([(str(path), None, None)]).rows[0].n_samples
        )
        for key in extractor.feature_names:
            assert same_bits(np.concatenate([block[key] for block in blocks]), whole[key]), key


@pytest.mark.parametrize("sr", [None, SR, 48_000])
def test_a_segment_is_the_slice_of_the_whole(tmp_path: Path, sr):
    import soundfile

    path = tmp_path / "a.flac"
    soundfile.write(path, voice(2.0, sr=22_050), 22_050)
    whole, rate = emofeat.load(path, sr=sr)
    for start, end in [(0.0, 0.5), (0.3, 1.1), (1.234, None), (None, 0.01)]:
        part, _ = emofeat.load(path, sr=sr, start=start, end=end)
        first = round((start or 0) * rate)
        last = len(whole) if end is None else round(end * rate)
        assert same_bits(part, whole[first:last])


def test_an_extractor_survives_pickling_and_is_equal_by_digest():
    extractor = Extractor("logmel(n_mels=40), mfcc", sr=SR, front_end={"hop_length": 160})
    copy = pickle.loads(pickle.dumps(extractor))
    assert copy == extractor
    assert hash(copy) == hash(extractor)
    assert Extractor(**extractor.config) == extractor
    assert Extractor("logmel") != extractor
    y = voice()
    assert same_bits(copy.process_signal(y, SR)["mfcc"], extractor.process_signal(y, SR)["mfcc"])


def test_contiguous_float32_is_not_copied():
    from emofeat.audio import as_signal

    y = voice()
    assert as_signal(y) is y
    y.setflags(write=False)
    assert as_signal(y) is y


def test_times_are_centres_in_seconds():
    result = Extractor("logmel(n_fft=512, hop_length=160), kaldi_fbank").process_signal(voice(), SR)
    assert np.allclose(result.times("logmel")[:3], [0.0, 0.01, 0.02])
    assert np.allclose(result.times("kaldi_fbank")[:2], [0.0125, 0.0225])
    assert np.allclose(result.times("kaldi_fbank", at="start")[:2], [0.0, 0.01])


AWKWARD = {
    "empty": (np.zeros(0, np.float32), "no_samples"),
    "one_sample": (np.ones(1, np.float32), "too_short"),
    "shorter_than_a_frame": (voice()[:100], "too_short"),
    "nan": (np.where(np.arange(SR) == 5000, np.nan, voice(1.0)).astype(np.float32), "non_finite"),
    "inf": (np.where(np.arange(SR) == 5000, np.inf, voice(1.0)).astype(np.float32), "non_finite"),
    "three_dimensions": (np.zeros((2, 3, 4000), np.float32), "bad_shape"),
    "square": (np.zeros((8, 8), np.float32), "bad_shape"),
    "complex": (np.zeros(SR, np.complex64), "bad_shape"),
    "text": (np.array(["a", "b"]), "bad_shape"),
    "object": (np.array([None, 1.0], dtype=object), "bad_shape"),
}


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("kind", AWKWARD)
def test_awkward_arrays_are_refused_alike_by_every_feature(spec, kind):
    y, code = AWKWARD[kind]
    with pytest.raises(exceptions.EmofeatError) as caught:
        Extractor(spec).process_signal(y, SR)
    assert caught.value.code == code
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("spec", SPECS)
def test_one_signal_in_every_guise_gives_the_same_numbers(spec):
    ints = (voice() * 30_000).astype(np.int16)
    y = ints.astype(np.float32) / 32_768
    extractor = Extractor(spec)
    (expected,) = extractor.process_signal(y, SR).values()
    read_only = y.copy()
    read_only.setflags(write=False)
    guises = {
        "int16": ints,
        "int32": ints.astype(np.int32) * 65_536,
        "float64": y.astype(np.float64),
        "strided": np.repeat(y, 2)[::2],
        "reversed_twice": y[::-1].copy()[::-1],
        "read_only": read_only,
        "big_endian": y.astype(">f4"),
        "channels_first": np.stack([y, y]),
        "channels_last": np.stack([y, y], axis=1),
        "list": y.tolist(),
    }
    for name, guise in guises.items():
        (got,) = extractor.process_signal(guise, SR).values()
        assert same_bits(got, expected), name


@pytest.mark.parametrize("spec", SPECS)
def test_the_policies_for_short_and_non_finite_input(spec):
    padded = Extractor(spec, on_short="pad").process_signal(voice()[:100], SR)
    (values,) = padded.values()
    assert len(values) >= 1
    assert np.isfinite(values).all()
    y = voice(1.0)
    broken = y.copy()
    broken[4000:4003] = [np.nan, np.inf, -np.inf]
    zeroed = y.copy()
    zeroed[4000:4003] = 0.0
    (got,) = Extractor(spec, on_nonfinite="zero").process_signal(broken, SR).values()
    (expected,) = Extractor(spec).process_signal(zeroed, SR).values()
    assert same_bits(got, expected)
    Extractor(spec, on_nonfinite="keep").process_signal(broken, SR)


def test_the_generated_functions_equal_the_extractor():
    y = voice()
    for name in FEATURES:
        (expected,) = Extractor(name).process_signal(y, SR).values()
        assert same_bits(getattr(emofeat.features, name)(y, SR), expected), name


def test_process_files_keeps_order_and_lists_failures(tmp_path: Path):
    import soundfile

    paths: list[Path] = []
    for i in range(4):
        paths.append(tmp_path / f"{i}.wav")
        soundfile.write(paths[-1], voice(0.5 + 0.1 * i, seed=i), SR)
    paths.insert(2, tmp_path / "missing.wav")
    table = Extractor("logmel(n_mels=8), rms").process_files(paths, n_threads=2)
    assert table["file"].to_pylist() == [os.fspath(p) for p in paths]
    assert table["error"].to_pylist() == [None, None, "not_found", None, None]
    assert table["logmel"][2].as_py() is None
    rows = Extractor("logmel(n_mels=8)").process_file(paths[3])["logmel"]
    assert np.array_equal(np.array(table["logmel"][3].as_py(), np.float32), rows)


def test_files_whose_rate_gives_other_columns_are_listed_as_failures(tmp_path: Path):
    """25 ms are 257 bins at 16 kHz and 1025 at 48 kHz: one matrix cannot hold both."""
    paths = []
    for name, sr in (("a", 16_000), ("b", 48_000), ("c", 16_000)):
        paths.append(tmp_path / f"{name}.wav")
        signals.write_wav(paths[-1], signals.voice(sr, sr // 2, 1), sr)
    extractor = Extractor("spectrogram(win_ms=25)")
    table = extractor.process_files(paths, n_threads=2)
    assert table["error"].to_pylist() == [None, "bad_rate", None]
    assert "1025" in table["message"][1].as_py() and "257" in table["message"][1].as_py()
    assert table["spectrogram"].type.value_type.list_size == 257
    # Alone, or resampled to one rate, it has nothing to disagree with.
    assert extractor.process_files(paths[1:2])["spectrogram"].type.value_type.list_size == 1025
    resampled = Extractor("spectrogram(win_ms=25)", sr=16_000).process_files(paths)
    assert resampled["error"].to_pylist() == [None] * 3


def test_parameters_that_fit_some_rates_only_are_taken_without_a_rate():
    # 10 ms are 480 samples at 48 kHz, more than n_fft, and 80 at 8 kHz.
    low = Extractor("stft(n_fft=256, win_ms=10)")
    assert low.process_signal(voice(sr=8000), 8000)["stft"].shape[1] == 258
    with pytest.raises(exceptions.ParameterError, match="480 samples"):
        low.process_signal(voice(sr=48_000), 48_000)
    # A seventh octave above 200 Hz begins at 12.8 kHz.
    high = Extractor("spectral_contrast(n_bands=7)")
    contrast = high.process_signal(voice(sr=48_000), 48_000)["spectral_contrast"]
    assert contrast.shape[1] == len(high.columns["spectral_contrast"]) == 8
    window = np.hanning(400)
    assert emofeat.features.psf_mfcc(voice(), SR, winfunc=window).shape[1] == 13


def test_mistakes_in_names_get_a_suggestion():
    with pytest.raises(exceptions.UnknownNameError, match="did you mean 'logmel'"):
        Extractor("logmell")
    with pytest.raises(exceptions.UnknownNameError, match="did you mean 'n_mels'"):
        Extractor("logmel(n_mel=3)")
    with pytest.raises(exceptions.UnknownNameError, match="did you mean 'librosa-emotion'"):
        Extractor("librosa-emotions")
    with pytest.raises(exceptions.UnknownNameError, match="did you mean 'hop_length'"):
        Extractor("logmel", front_end={"hop_lengt": 3})
    with pytest.raises(exceptions.ParameterError, match="n_mels = 0; allowed"):
        Extractor("logmel(n_mels=0)")
    with pytest.raises(exceptions.ParameterError, match="two features are called 'mfcc'"):
        Extractor("mfcc, mfcc(n_mfcc=3)")


@pytest.mark.parametrize("name", [s["name"] for s in _emofeat.sets()])
def test_every_set_computes(name):
    result = Extractor(name).process_signal(voice(1.2, sr=22_050), 22_050)
    assert all(np.isfinite(values).all() and len(values) for values in result.values())
