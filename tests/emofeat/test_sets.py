"""The sets of openSMILE as users meet them: extractor, command line, store, pictures."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import emofeat
from emofeat import cli
from tests import signals
from tests.signals import write_wav

SETS = {"egemapsv02": (88, 25), "gemapsv01b": (62, 18), "compare2016": (6373, 65)}
SR = 16000


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    return signals.on_16_bit_grid(signals.voice(SR, SR, 4)).astype(np.float32)


@pytest.fixture
def corpus(tmp_path, voice):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for at in range(4):
        write_wav(folder / f"{at}.wav", voice * 0.5**at, SR)
    (folder / "broken.wav").write_bytes(b"RIFF\x00\x00")
    write_wav(folder / "short.wav", voice[:800], SR)
    return folder


@pytest.mark.parametrize("name", SETS)
def test_functionals_are_one_row_and_descriptors_one_per_frame(name, voice):
    both = emofeat.Extractor([name, f"lld={name}(level=lld)"])
    result = both.process_signal(voice, SR)
    row, frames = SETS[name]
    assert result[name].shape == (1, row)
    # 60 ms frames every 10 ms, and one row more.
    assert result["lld"].shape == ((SR - 960) // 160 + 2, frames)
    assert [info.kind for info in both.schema] == ["vector", "frames"]
    np.testing.assert_allclose(result.times("lld", at="start")[:3], [0, 0.01, 0.02])
    alone = emofeat.Extractor(name).process_signal(voice, SR)[name]
    np.testing.assert_array_equal(alone, result[name])


def test_the_papers_definitions_are_another_choice(voice):
    extractor = emofeat.Extractor(["a=egemapsv02(level=lld)", "b=egemapsv02(level=lld, variant=paper)"])
    a, b = extractor.process_signal(voice, SR).values()
    columns = extractor.schema[0].columns
    differs = {
        c for c, x, y in zip(columns, a.T, b.T, strict=True) if not np.allclose(x, y, rtol=1e-2, atol=1e-3)
    }
    assert {"F1frequency_sma3nz", "logRelF0-H1-H2_sma3nz", "alphaRatio_sma3"} <= differs
    # Rows at the end are smoothed in another way.
    f0 = columns.index("F0semitoneFrom27.5Hz_sma3nz")
    np.testing.assert_allclose(a[:80, f0], b[:80, f0], rtol=1e-3)


def test_recordings_under_60_ms_are_refused_or_give_nan(voice):
    with pytest.raises(emofeat.exceptions.TooShortError, match="960"):
        emofeat.Extractor("egemapsv02").process_signal(voice[:959], SR)
    allowing = emofeat.Extractor(["egemapsv02", "l=egemapsv02(level=lld)"], on_short="allow")
    row, frames = allowing.process_signal(voice[:959], SR).values()
    assert row.shape == (1, 88) and np.isnan(row).all()
    assert frames.shape == (0, 25)


@pytest.mark.parametrize("sr", [4000, 7999, 96001, 192000])
def test_rates_outside_8_to_96_khz_are_refused(voice, sr):
    with pytest.raises(emofeat.exceptions.ParameterError, match="8000 to 96000 Hz"):
        emofeat.Extractor("egemapsv02").process_signal(voice, sr)


def test_samples_beyond_full_scale_are_clipped_and_not_wrapped(voice):
    loud = voice / np.abs(voice).max()
    clipped = np.clip(2 * loud, -1, 32767 / 32768)
    extractor = emofeat.Extractor("egemapsv02")
    a, b = (extractor.process_signal(y, SR)["egemapsv02"] for y in (2 * loud, clipped))
    np.testing.assert_array_equal(a, b)


def test_a_table_of_files_has_a_column_for_each_functional(corpus):
    paths = [corpus / "0.wav", corpus / "broken.wav", corpus / "1.wav"]
    table = emofeat.Extractor("egemapsv02").process_files(paths)
    assert table["loudness_sma3_amean"].null_count == 1
    values = table["loudness_sma3_amean"].to_pylist()
    assert values[1] is None and values[0] > values[2] > 0
    assert len(table.column_names) == 5 + 88


def test_descriptors_stream_before_the_end_and_functionals_at_it(voice):
    extractor = emofeat.Extractor(["egemapsv02", "l=egemapsv02(level=lld)"])
    whole = extractor.process_signal(voice, SR)
    stream = extractor.stream(SR)
    parts = [stream.push(voice[at : at + 1000]) for at in range(0, len(voice), 1000)]
    last = stream.finish()
    assert all(len(part["egemapsv02"]) == 0 for part in parts)
    assert sum(len(part["l"]) for part in parts) > 20
    np.testing.assert_array_equal(last["egemapsv02"], whole["egemapsv02"])
    np.testing.assert_array_equal(np.concatenate([part["l"] for part in [*parts, last]]), whole["l"])


def test_a_transform_of_descriptors_that_needs_them_all_reads_a_file_in_blocks_the_same(corpus, voice):
    extractor = emofeat.Extractor(["cmvn(egemapsv02(level=lld))", "functionals(egemapsv02(level=lld))"])
    whole = extractor.process_file(corpus / "0.wav")
    blocks = list(extractor.open_blocks(corpus / "0.wav", block_seconds=0.13))
    for key in whole:
        np.testing.assert_array_equal(np.concatenate([block[key] for block in blocks]), whole[key])


@pytest.mark.parametrize(
    ("level", "rows", "vectors"), [("functionals", 0, 88), ("lld", 25, 0), ("both", 25, 88)]
)
def test_the_command_stores_what_the_level_says(corpus, tmp_path, level, rows, vectors):
    out = tmp_path / "out"
    arguments = ["extract", corpus, "-o", out, "--set", "egemapsv02", "--level", level, "-j", "1"]
    assert cli.run([str(a) for a in arguments]) == 3  # broken.wav and short.wav are listed
    dataset = emofeat.open(out)
    shapes = {key: value.shape for key, value in ((k, dataset[0][k]) for k in dataset.features)}
    assert shapes.get("egemapsv02", (0,)) == (vectors,)
    assert shapes.get("egemapsv02_lld", (0, 0))[1] == rows
    with (out / "failures.csv").open(newline="") as file:
        codes = {row["id"]: row["code"] for row in csv.DictReader(file)}
    assert codes.keys() == {"broken", "short"} and codes["short"] == "too_short"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--set", "egemapsv02", "--level", "functional"], "did you mean 'functionals'"),
        (["--set", "logmel-80", "--level", "lld"], "it has none"),
        (["--features", "logmel", "--level", "lld"], "level chooses among the features of a set"),
        (["--set", "egemapsv2"], "did you mean 'egemapsv02'"),
    ],
)
def test_mistakes_on_the_command_line_are_named(corpus, tmp_path, capsys, options, sentence):
    assert cli.run(["extract", str(corpus), "-o", str(tmp_path / "out"), *options]) == 2
    assert sentence in capsys.readouterr().err


def test_a_picture_shows_the_voice_and_says_where_it_cannot(corpus, tmp_path, voice):
    pytest.importorskip("matplotlib")
    from emofeat.plotting import plot

    drawn, plain = tmp_path / "a.svg", tmp_path / "b.svg"
    plot(corpus / "0.wav", drawn)
    plot(corpus / "0.wav", plain, voice=False)
    assert "F0" in drawn.read_text() and drawn.stat().st_size > plain.stat().st_size
    write_wav(tmp_path / "low.wav", voice[:4000], 4000)
    low = tmp_path / "low.svg"
    plot(tmp_path / "low.wav", low)
    assert low.exists()
