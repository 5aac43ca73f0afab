"""The commands that look: features, inspect, plot."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import soundfile as sf
from emofeat import cli
from emofeat.inspection import inspect
from engine_tools import SR, voice, write_opus, write_wav


def run(capsys, *args):
    code = cli.run([str(a) for a in args])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def save(path, y, sr=SR):
    sf.write(path, y, sr, "FLOAT" if path.suffix == ".wav" else None)
    return path


def test_features_are_listed_and_shown_with_their_options(capsys):
    code, text, _ = run(capsys, "features", "list")
    assert code == 0
    assert "  logmel " in text
    code, text, _ = run(capsys, "features", "show", "logmel")
    assert code == 0
    assert text.startswith("logmel: ")
    assert "\n  n_mels=128\n" in text
    assert "unit:       dB" in text
    _, text, _ = run(capsys, "features", "list", "--json")
    assert "logmel" in [entry["name"] for entry in json.loads(text)]
    code, _, err = run(capsys, "features", "show", "logmell")
    assert code == 2
    assert "(did you mean 'logmel'?)" in err


def test_a_good_recording_has_nothing_wrong(capsys, tmp_path):
    path = write_wav(tmp_path / "a.wav", seconds=1.0)
    found = inspect(path)
    assert (found.format, found.codec, found.sr, found.channels, found.duration) == (
        "wav",
        "pcm_s16",
        SR,
        1,
        1.0,
    )
    assert found.peak_db == pytest.approx(20 * np.log10(np.abs(sf.read(path)[0]).max()), abs=1e-4)
    assert found.problems == ()
    code, text, _ = run(capsys, "inspect", path)
    assert code == 0
    assert "nothing is wrong with it" in text


PROBLEMS = {
    "clipped": (lambda y: np.clip(20 * y, -1, 1), "of the samples are clipped"),
    "quiet": (lambda y: y * 0.01, "the peak is only -5"),
    "silent": (lambda y: y * 0, "all of it is below -60 dB"),
    "padded": (lambda y: np.concatenate([y * 0, y * 0, y]), "of it is below -60 dB"),
    "offset": (lambda y: y + 0.1, r"the mean of the samples is +0.1"),
    "nan": (lambda y: np.where(np.arange(len(y)) == 5, np.nan, y), "1 samples are NaN or infinite"),
    "short": (lambda y: y[:200], "shorter than one frame of 25 ms"),
    "twice": (lambda y: np.stack([y, y], axis=1), "2 channels, identical"),
    "stereo": (lambda y: np.stack([y, y[::-1]], axis=1), "2 channels, different"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_would_spoil_features_is_named(tmp_path, name):
    change, message = PROBLEMS[name]
    found = inspect(save(tmp_path / "a.wav", change(voice(1.0)).astype(np.float32)))
    assert any(message in problem for problem in found.problems), found.problems


def test_silence_is_measured_at_both_ends(tmp_path):
    y = np.concatenate([np.zeros(SR // 2), voice(1.0), np.zeros(SR // 4)]).astype(np.float32)
    found = inspect(save(tmp_path / "a.wav", y))
    assert (found.leading_silence, found.trailing_silence) == (0.5, 0.25)


def test_a_long_recording_is_looked_at_in_pieces_with_the_same_result(tmp_path, monkeypatch):
    from emofeat import inspection

    path = save(tmp_path / "a.wav", np.clip(4 * voice(3.0), -1, 1))
    whole = inspect(path)
    monkeypatch.setattr(inspection, "_PIECE_SECONDS", 0.7)
    pieces = inspect(path)
    for name in ("peak_db", "duration", "silent", "leading_silence", "nonfinite"):
        assert getattr(pieces, name) == getattr(whole, name)
    for name in ("rms_db", "dc_offset", "clipped"):
        assert getattr(pieces, name) == pytest.approx(getattr(whole, name), abs=1e-4)


def test_files_that_cannot_be_used_are_named_with_their_code(capsys, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"")
    good = write_wav(tmp_path / "good.wav")
    code, text, _ = run(capsys, "inspect", tmp_path / "bad.wav", good, tmp_path / "none.wav")
    assert code == 3
    assert "(empty_file)" in text
    assert "(not_found)" in text
    code, text, _ = run(capsys, "inspect", "--json", tmp_path / "bad.wav", good)
    first, second = map(json.loads, text.splitlines())
    assert (first["code"], second["sr"], code) == ("empty_file", SR, 3)


def test_what_pyav_decodes_is_inspected_too(tmp_path):
    found = inspect(write_opus(tmp_path / "a.opus"))
    assert (found.format, found.sr) == ("av", 48000)


def test_a_picture_is_drawn_with_the_features_under_the_log_mel(capsys, tmp_path):
    import matplotlib.image

    path = write_wav(tmp_path / "a.wav", seconds=1.0)
    code, _, err = run(capsys, "plot", path, "-o", tmp_path / "a.png")
    assert code == 0, err
    small = matplotlib.image.imread(tmp_path / "a.png")
    code, _, err = run(
        capsys, "plot", path, "-o", tmp_path / "b.png", "-f", "mfcc(n_mfcc=13),m3=mfcc(n_mfcc=3)"
    )
    assert code == 0, err
    large = matplotlib.image.imread(tmp_path / "b.png")
    assert large.shape[0] > small.shape[0]
    assert large.shape[1] == small.shape[1]
    assert len(np.unique(large.reshape(-1, large.shape[2]), axis=0)) > 100
    code, _, err = run(capsys, "plot", path, "-o", tmp_path / "a.gif2")
    assert code == 2
    assert "pictures are written as" in err
    assert run(capsys, "plot", path, "-o", tmp_path / "c.png", "-f", "mfc")[0] == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "a.wav", "b.png"]


def test_a_segment_is_drawn_at_its_own_times(tmp_path):
    from emofeat.plotting import plot

    path = write_wav(tmp_path / "a.wav", seconds=2.0)
    plot(path, tmp_path / "a.svg", start=0.5, end=1.5)
    assert "</svg>" in (tmp_path / "a.svg").read_text()


def test_without_matplotlib_the_command_says_what_to_install(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = run(capsys, "plot", write_wav(tmp_path / "a.wav"), "-o", tmp_path / "a.png")
    assert code == 1
    assert "pip install 'emofeat[plot]'" in err
