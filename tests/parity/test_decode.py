"""Decoding against soundfile (WAV, FLAC: the same bits) and PyAV (lossy: length, delay, 1e-3)."""

import itertools
from pathlib import Path

import numpy as np
import pytest

import emofeat

av = pytest.importorskip("av")
sf = pytest.importorskip("soundfile")

FIXTURES = Path(__file__).parents[1] / "data" / "audio"


def sound(n, sr, channels):
    """Gliding tones with a little noise, below full scale."""
    rng = np.random.default_rng(n)
    t = np.arange(n) / sr
    tones = [0.4 * np.sin(2 * np.pi * (150 + 90 * c) * t * (1 + 0.2 * t)) for c in range(channels)]
    return np.stack(tones) + 0.02 * rng.standard_normal((channels, n))


def pyav(path):
    with av.open(str(path)) as file:
        parts = []
        for frame in file.decode(audio=0):
            samples = frame.to_ndarray()
            if not frame.format.is_planar:
                samples = samples.reshape(-1, len(frame.layout.channels)).T
            if samples.dtype.kind == "i":
                samples = samples / np.float32(1 << (8 * samples.dtype.itemsize - 1))
            parts.append(samples.astype(np.float32))
        return np.concatenate(parts, axis=1), frame.sample_rate


def encode(path, codec, x, sr, container, bit_rate, options):
    layout = "mono" if len(x) == 1 else "stereo"
    with av.open(str(path), "w", format=container, options=options) as out:
        stream = out.add_stream(codec, rate=sr, layout=layout)
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(x.astype(np.float32), format="fltp", layout=layout)
        frame.sample_rate, frame.pts = sr, 0
        resampler = av.AudioResampler(format=stream.codec_context.format.name, layout=layout, rate=sr)
        for converted in resampler.resample(frame):
            out.mux(stream.encode(converted))
        out.mux(stream.encode(None))


WAV_SUBTYPES = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW"]


def assert_same_bits(path):
    expected, expected_sr = sf.read(path, dtype="float32", always_2d=True)
    found, sr = emofeat.load(path, sr=None, mono=False)
    assert sr == expected_sr
    assert found.dtype == np.float32
    np.testing.assert_array_equal(np.atleast_2d(found), expected.T)


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize("subtype", WAV_SUBTYPES)
def test_wav_has_the_bits_of_soundfile(tmp_path, subtype, container, channels):
    path = tmp_path / "x.wav"
    sf.write(path, sound(20011, 16000, channels).T, 16000, format=container, subtype=subtype)
    assert_same_bits(path)


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", ["speechlike", "noise", "silence", "square", "few bits"])
def test_flac_has_the_bits_of_soundfile(tmp_path, kind, level, subtype, channels):
    n = 20011
    rng = np.random.default_rng(3)
    noise = rng.uniform(-1, 1, (channels, n))
    x = {
        "speechlike": sound(n, 16000, channels),
        "noise": noise,
        "silence": np.zeros((channels, n)),
        "square": np.sign(noise) * 0.999,
        "few bits": np.round(noise * 32) / 64,
    }[kind]
    path = tmp_path / "x.flac"
    sf.write(path, x.T, 16000, subtype=subtype, compression_level=level)
    assert_same_bits(path)


LOSSY = {
    "mp3": ("libmp3lame", "mp3", {}),
    "mp3 without a tag": ("libmp3lame", "mp3", {"write_xing": "0"}),
    "mp3 in wav": ("libmp3lame", "wav", {}),
    "m4a": ("aac", "ipod", {}),
    "adts": ("aac", "adts", {}),
    "fragmented": ("aac", "mp4", {"movflags": "empty_moov", "frag_duration": "300000"}),
    "fragmented with edit": ("aac", "mp4", {"movflags": "delay_moov", "frag_duration": "300000"}),
}


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sr", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("kind", LOSSY)
def test_lossy_agrees_with_pyav_in_length_delay_and_samples(tmp_path, kind, sr, channels):
    codec, container, options = LOSSY[kind]
    for n, bit_rate in itertools.product([sr // 2, 2 * sr + 17], [32000, 128000]):
        path = tmp_path / f"{n}-{bit_rate}"
        encode(path, codec, sound(n, sr, channels), sr, container, bit_rate, options)
        expected, expected_sr = pyav(path)
        found, found_sr = emofeat.load(path, sr=None, mono=False)
        found = np.atleast_2d(found)
        assert (found.shape, found_sr) == (expected.shape, expected_sr)
        assert np.abs(found - expected).max() <= 1e-3


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sr", [8000, 16000, 44100])
def test_vorbis_agrees_with_soundfile_and_over_several_pages_with_pyav(tmp_path, sr, channels):
    for n in (sr // 4, 3 * sr + 17):
        path = tmp_path / f"{n}.ogg"
        sf.write(path, sound(n, sr, channels).T, sr, format="OGG", subtype="VORBIS")
        found, found_sr = emofeat.load(path, sr=None, mono=False)
        found = np.atleast_2d(found)
        reference, _ = sf.read(path, dtype="float32", always_2d=True)
        assert (found.shape, found_sr) == (reference.T.shape, sr)
        assert np.abs(found - reference.T).max() <= 1e-3
        expected, _ = pyav(path)
        # FFmpeg keeps the padding of a stream whose sound fits on one page.
        assert expected.shape[1] == n or n < sr
        assert np.abs(found - expected[:, :n]).max() <= 1e-3


def test_a_segment_is_the_slice_of_the_whole():
    names = [line.split("\t")[0] for line in (FIXTURES / "expected.tsv").read_text().splitlines()[1:]]
    assert len(names) >= 17
    for name in names:
        whole, sr = emofeat.load(FIXTURES / name, sr=None)
        for start, end in [(0.0, 0.05), (0.05, 0.1), (0.0617, 0.1101)]:
            part, _ = emofeat.load(FIXTURES / name, sr=None, start=start, end=end)
            np.testing.assert_array_equal(part, whole[round(start * sr) : round(end * sr)])
