"""The whole command under what happens to long runs: kill -9, Ctrl-C, full disks, a second run, bad files."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile as sf
from engine_tools import SR, corpus, damage, emofeat, left_overs, parts, rows, start, voice, write_wav

from emofeat.cli import run as command_line
from emofeat.extractor import Extractor
from emofeat.store.read import open as open_

FEATURES = ("-f", "logmel,mfcc(n_mfcc=13),spectrogram(n_fft=512)")


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    return corpus(tmp_path_factory.mktemp("speech"), 400, seconds=0.5)


@pytest.fixture(scope="module")
def whole(speech, tmp_path_factory):
    """The output of a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole") / "out"
    assert command_line(["extract", str(speech), *FEATURES, "-o", str(out)]) == 0
    return out


def wait_for_begin(process: subprocess.Popen[str]) -> None:
    """Until a run with --json says that it has begun to compute."""
    for line in process.stdout:
        if json.loads(line)["event"] == "begin":
            return
    raise AssertionError(process.stderr.read())


def assert_same_output(out: Path, whole: Path) -> None:
    assert parts(out) == parts(whole)
    assert (out / "failures.csv").read_bytes() == (whole / "failures.csv").read_bytes()
    assert left_overs(out) == []
    assert sorted(p.name for p in out.iterdir()) == sorted(p.name for p in whole.iterdir())


def test_kill_at_twenty_random_moments_and_the_same_command_give_the_uninterrupted_output(
    speech, whole, tmp_path
):
    rng = random.Random(2024)
    command = ["extract", speech, *FEATURES, "-j", "1", "--json"]
    began = time.monotonic()
    process = start(*command, "-o", tmp_path / "timed")
    wait_for_begin(process)
    begin = time.monotonic()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    work = time.monotonic() - begin
    stages = set()
    for trial in range(20):
        out = tmp_path / f"out{trial}"
        process = start(*command, "-o", out)
        if trial < 4:  # also while it starts and plans
            time.sleep(rng.uniform(0, begin - began))
        else:
            wait_for_begin(process)
            time.sleep(rng.uniform(0, work))
        process.kill()
        process.communicate()
        finished = len(parts(out)) if out.exists() else 0
        stages.add("none" if finished == 0 else "all" if finished == len(parts(whole)) else "some")
        assert command_line([*map(str, command[:-1]), "-o", str(out)]) == 0
        assert_same_output(out, whole)
    # The moments were spread: some runs died with a part of their parts written.
    assert "some" in stages


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_go_on_and_goes_on(speech, whole, tmp_path, number):
    out = tmp_path / "out"
    process = start("extract", speech, *FEATURES, "-o", out, "-j", "1", "--json")
    wait_for_begin(process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted: " in errors
    assert "the same command goes on from them" in errors
    assert left_overs(out) == []
    assert emofeat("extract", speech, *FEATURES, "-o", out).returncode == 0
    assert_same_output(out, whole)


def test_a_second_interrupt_ends_at_once(speech, tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(
        "import sys, time, emofeat\n"
        "from emofeat.cli import main\n"
        "class Slow(emofeat.Extractor):\n"
        "    def extract_batch(self, *args, **kwargs):\n"
        "        time.sleep(60)\n"
        "emofeat.Extractor = Slow\n"
        "main(sys.argv[1:])\n"
    )
    command = [sys.executable, script, "extract", speech, *FEATURES, "-o", tmp_path / "out", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_begin(process)
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == "\n"
    assert "once more ends at once" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130


def test_a_second_run_on_the_same_output_is_refused_and_the_first_is_not_disturbed(speech, whole, tmp_path):
    out = tmp_path / "out"
    first = start("extract", speech, *FEATURES, "-o", out, "-j", "1", "--json")
    wait_for_begin(first)
    first.send_signal(signal.SIGSTOP)
    try:
        second = emofeat("extract", speech, *FEATURES, "-o", out)
    finally:
        first.send_signal(signal.SIGCONT)
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 0, errors
    assert second.returncode == 1
    assert f"is being written by another run: process {first.pid} on" in second.stderr
    assert_same_output(out, whole)


def test_shares_run_at_the_same_time_and_give_the_unshared_output(speech, whole, tmp_path):
    out = tmp_path / "out"
    runs = [start("extract", speech, *FEATURES, "-o", out, "--shard", f"{i}/3") for i in (1, 2, 3)]
    for process in runs:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert_same_output(out, whole)


@pytest.mark.parametrize("limit", [0, 300, 2_000, 20_000])
def test_a_full_disk_is_a_clear_error_and_leaves_nothing_half_written(speech, whole, tmp_path, limit):
    out = tmp_path / "out"

    def full_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    result = emofeat("extract", speech, *FEATURES, "-o", out, preexec_fn=full_disk)
    assert result.returncode == 1
    assert "cannot write to" in result.stderr
    assert "File too large" in result.stderr
    assert "Traceback" not in result.stderr
    if out.exists():
        assert left_overs(out) == []
        for name in parts(out):
            pq.read_table(out / "parts" / name, partitioning=None)
    assert emofeat("extract", speech, *FEATURES, "-o", out).returncode == 0
    assert_same_output(out, whole)


def test_an_output_that_may_not_be_written_is_a_clear_error(speech):
    result = emofeat("extract", speech, *FEATURES, "-o", "/proc/features")  # closed to root too
    assert result.returncode == 1
    assert result.stderr.startswith("emofeat: cannot write to /proc/features: ")
    assert result.stderr.count("\n") == 1


def test_an_output_below_a_file_is_a_clear_error(speech, tmp_path):
    (tmp_path / "file").write_text("x")
    result = emofeat("extract", speech, *FEATURES, "-o", tmp_path / "file" / "out")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr


def reason_codes() -> set[str]:
    table = (Path(__file__).parents[2] / "docs" / "reason-codes.md").read_text()
    return {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}


def odd_files(folder: Path) -> dict[str, str]:
    """One of each fault in `folder`: name -> the code that it must have."""
    folder.mkdir(parents=True)
    write_wav(folder / "ten_ms.wav", seconds=0.01)
    sf.write(folder / "no_samples.wav", voice(0), SR, "PCM_16")
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("this is a letter, and no recording of any kind\n" * 40)
    (folder / "picture.flac").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)
    (folder / "pointer.wav").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 120044\n"
    )
    (folder / "folder.wav").mkdir()
    os.mkfifo(folder / "fifo.wav")
    (folder / "loop.wav").symlink_to("loop.wav")
    (folder / "dangling.wav").symlink_to("nowhere.wav")
    return {
        "ten_ms": "too_short",
        "no_samples": "no_samples",
        "empty": "empty_file",
        "text": "unknown_format",
        "picture": "unknown_format",
        "pointer": "lfs_pointer",
        "folder": "is_directory",
        "fifo": "not_a_file",
        "loop": "symlink_loop",
        "dangling": "not_found",
    }


def test_every_odd_file_gets_one_ledger_row_with_its_code(tmp_path):
    expected = odd_files(tmp_path / "c")
    write_wav(tmp_path / "c" / "good.wav")
    result = emofeat("extract", tmp_path / "c", *FEATURES, "-o", tmp_path / "out")
    assert result.returncode == 3, result.stderr
    dataset = open_(tmp_path / "out")
    assert {f.id: f.code for f in dataset.failures()} == expected
    assert dataset.ids() == ["good"]
    assert f"{len(expected)} failed:" in result.stderr
    assert all(f.message for f in dataset.failures())
    again = emofeat("extract", tmp_path / "c", *FEATURES, "-o", tmp_path / "out")
    assert again.returncode == 3
    assert "0 of 11 recordings processed" in again.stderr


FORMATS = {"wav": "PCM_16", "flac": "PCM_16", "mp3": "MPEG_LAYER_III", "ogg": "VORBIS"}


@pytest.mark.parametrize("format_", FORMATS)
def test_damaged_files_decode_or_fail_with_a_documented_code(tmp_path, format_):
    folder = tmp_path / "c"
    folder.mkdir()
    good = tmp_path / f"good.{format_}"
    sf.write(good, voice(0.6, seed=5), SR, FORMATS[format_], format=format_.upper())
    rng = random.Random(format_)
    for how in ("truncated", "flipped"):
        for i in range(25):
            (folder / f"{how}{i:02d}.{format_}").write_bytes(damage(good.read_bytes(), rng, how))
    result = emofeat("extract", folder, *FEATURES, "-o", tmp_path / "out", "--mixed-rates")
    assert result.returncode in (0, 3), result.stderr
    assert "panicked" not in result.stderr
    dataset = open_(tmp_path / "out")
    failures = dataset.failures()
    assert sorted([*dataset.ids(), *(f.id for f in failures)]) == sorted(p.stem for p in folder.iterdir())
    assert {f.code for f in failures} <= reason_codes()
    assert left_overs(tmp_path / "out") == []


def peak_megabytes(*args: object) -> float:
    """Of the command in a process of its own, above a bare interpreter."""
    script = (
        "import sys\n"
        # Not ru_maxrss: it begins with the size of the process that started this one.
        "peak = lambda: next(int(x.split()[1]) for x in open('/proc/self/status') if x.startswith('VmHWM'))\n"
        "bare = peak()\n"
        "from emofeat.cli import run\n"
        "code = run(sys.argv[1:])\n"
        "print(code, peak() - bare)"
    )
    command = [sys.executable, "-c", script, *map(str, args)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    code, kilobytes = result.stdout.split()[-2:]
    assert code == "0", result.stderr
    return int(kilobytes) / 1024


def test_memory_does_not_grow_with_the_number_of_files(tmp_path):
    """Ten times the recordings may add the list of them (2 KB each), not their features.

    How much freed memory the allocator holds back differs by up to 50 MB with the load of the machine;
    features that stayed would be 360 MB.
    """
    one = write_wav(tmp_path / "one.wav", seconds=2.0)
    peaks = []
    for n in (200, 2000):
        folder = tmp_path / f"c{n}"
        folder.mkdir()
        for i in range(n):
            (folder / f"utt{i:05d}.wav").hardlink_to(one)
        peaks.append(peak_megabytes("extract", folder, *FEATURES, "-o", tmp_path / f"o{n}", "-j", "2"))
    # 2,000 recordings have 400 MB of features.
    assert peaks[1] - peaks[0] < 90


def test_a_long_file_is_stored_in_bounded_memory_with_the_numbers_of_the_whole(tmp_path):
    """20 minutes are 77 MB of samples and 48 MB of log-mel; an hour needs no more."""
    path = tmp_path / "long.wav"
    second = voice(20.0, seed=4)
    with sf.SoundFile(path, "w", SR, 1, "PCM_16") as file:
        for _ in range(60):
            file.write(second)
    spec = "logmel(n_fft=512,hop_length=160,n_mels=80)"
    assert peak_megabytes("extract", path, "-f", spec, "-o", tmp_path / "out") < 150
    assert len(rows(tmp_path / "out")) > 10
    stored = open_(tmp_path / "out")["long"]["logmel"]
    assert np.array_equal(stored, Extractor(spec).process_file(path)["logmel"])
