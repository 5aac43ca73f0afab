"""Runs: shards, resume, what changed, rates, failures, locks, signals between threads."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from emofeat import audio
from emofeat.engine import cores, lock, plan
from emofeat.engine.errors import RunError, UsageError
from emofeat.engine.inputs import gather
from emofeat.engine.lock import Share
from emofeat.engine.progress import Quiet
from emofeat.engine.run import FAILURES, Options, make_plan, run
from emofeat.engine.shard import shard_of
from emofeat.store.read import open as open_
from engine_tools import WithVector, corpus, left_overs, parts, rows, write_opus, write_wav

FEATURES = "logmel(n_mels=20)"


class Counting(WithVector):
    """Counts how often the core is called, and with how many threads."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.threads = []

    @property
    def calls(self):
        return len(self.threads)

    def extract_batch(self, items, *, n_threads=1, max_seconds):
        self.threads.append(n_threads)
        return super().extract_batch(items, n_threads=n_threads, max_seconds=max_seconds)


def extract(inputs, out, features=FEATURES, *, options=None, extractor=None, **kwargs):
    inputs = [inputs] if isinstance(inputs, Path) else inputs
    found = gather([os.fspath(i) for i in inputs], skip=out)
    return run(found, extractor or WithVector(features), out, options, **kwargs)


@pytest.fixture
def speech(tmp_path):
    return corpus(tmp_path / "speech", 80)


def test_one_row_for_each_recording_with_the_numbers_of_the_extractor(speech, tmp_path):
    summary = extract(speech, tmp_path / "out")
    assert (summary.n_items, summary.n_computed, summary.n_failed, summary.stopped) == (80, 80, 0, "")
    dataset = open_(tmp_path / "out")
    batch = Counting(FEATURES).extract_batch(
        [(r["file"], None, None) for r in dataset.table().to_pylist()], max_seconds=1e9
    )
    logmel, splits, stats = batch.values("logmel"), batch.splits("logmel"), batch.values("stats")
    for i, utterance in enumerate(dataset):
        assert np.array_equal(utterance["logmel"], logmel[splits[i] : splits[i + 1]])
        assert np.array_equal(utterance["stats"], stats[i])
    assert left_overs(tmp_path / "out") == []


def test_the_shard_of_a_row_follows_from_its_id_alone():
    assert [shard_of(id_, 64) for id_ in ("a", "b", "Actor_01/03-01-01-01-01-01-01", "é")] == [
        shard_of(id_, 64) for id_ in ("a", "b", "Actor_01/03-01-01-01-01-01-01", "é")
    ]
    assert len({shard_of(f"utt{i}", 64) for i in range(2000)}) == 64


@pytest.mark.parametrize(
    ("n", "shards"), [(1, 1), (16, 1), (58, 3), (1434, 64), (14340, 113), (1_000_000, 7813)]
)
def test_shards_hold_about_128_rows_and_are_many_enough_for_many_cores(n, shards):
    assert plan.shard_count(n) == shards


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_parts_have_the_same_bytes_for_any_number_of_jobs(speech, tmp_path, jobs):
    extract(speech, tmp_path / "one", options=Options(jobs=1))
    extract(speech, tmp_path / "more", options=Options(jobs=jobs))
    assert parts(tmp_path / "one") == parts(tmp_path / "more")


def test_the_same_again_computes_nothing_and_touches_no_part(speech, tmp_path):
    extract(speech, tmp_path / "out")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "parts").iterdir()}
    again = Counting(FEATURES)
    summary = extract(speech, tmp_path / "out", extractor=again)
    assert (summary.n_computed, summary.n_items, again.calls) == (0, 80, 0)
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "parts").iterdir()} == before


def test_a_new_a_changed_and_a_vanished_recording_cost_only_their_shards(speech, tmp_path):
    out = tmp_path / "out"
    extract(speech, out)
    before = parts(out)
    write_wav(speech / "speaker99" / "new.wav", seed=99)
    write_wav(speech / "speaker00" / "utt0000.wav", seconds=0.4, seed=7)
    (speech / "speaker01" / "utt0010.wav").unlink()
    found = gather([str(speech)])
    todo = make_plan(found, Counting(FEATURES), out, Options())
    assert (todo.new, todo.changed, todo.vanished) == (
        ["speaker99/new"],
        ["speaker00/utt0000"],
        ["speaker01/utt0010"],
    )
    assert "since the last run: 1 new, 1 changed, 1 vanished" in todo.note()
    touched = {shard_of(i, todo.layout.n_shards) for i in (*todo.new, *todo.changed, *todo.vanished)}
    assert {s.index for s in todo.pending} == touched
    extract(speech, out)
    after = parts(out)
    names = {todo.layout.part(out, index).name for index in touched}
    assert {name for name in after if after[name] != before[name]} == names
    shutil.rmtree(out)
    run(found, Counting(FEATURES), out)
    assert parts(out) == after


def test_a_touched_file_counts_as_changed_unless_contents_are_compared(speech, tmp_path):
    by_time, by_bytes = tmp_path / "time", tmp_path / "bytes"
    extract(speech, by_time)
    extract(speech, by_bytes, options=Options(check_content=True))
    os.utime(speech / "speaker00" / "utt0000.wav", (1, 1))
    assert extract(speech, by_time).n_computed > 0
    assert extract(speech, by_bytes, options=Options(check_content=True)).n_computed == 0
    path = speech / "speaker00" / "utt0000.wav"
    status, data = path.stat(), bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert extract(speech, by_time).n_computed == 0
    assert extract(speech, by_bytes, options=Options(check_content=True)).n_computed > 0


def test_a_changed_option_is_refused_with_what_differs_and_replaced_on_request(speech, tmp_path):
    out = tmp_path / "out"
    extract(speech, out)
    before = parts(out)
    with pytest.raises(
        RunError, match=r'features: \["logmel\(n_mels=20\)"\] there, \["mfcc"\] now.*--overwrite'
    ):
        extract(speech, out, "mfcc")
    assert parts(out) == before
    extract(speech, out, "mfcc", options=Options(overwrite=True))
    extract(speech, tmp_path / "fresh", "mfcc")
    assert parts(out) == parts(tmp_path / "fresh")


def test_an_output_that_is_being_replaced_never_shows_old_rows(speech, tmp_path):
    out = tmp_path / "out"
    extract(speech, out)
    stop = StopAfter(1)
    summary = extract(
        speech, out, "mfcc", options=Options(overwrite=True, jobs=1), display=stop, interrupted=stop.event
    )
    assert summary.stopped == "interrupted"
    dataset = open_(out)
    assert not dataset.complete
    assert 0 < len(dataset) < 80
    assert list(dataset.features) == ["mfcc", "stats"]
    extract(speech, out, "mfcc")
    extract(speech, tmp_path / "fresh", "mfcc")
    assert parts(out) == parts(tmp_path / "fresh")


class StopAfter(Quiet):
    """Interrupts a run when so many recordings are done."""

    def __init__(self, n: int) -> None:
        self.n, self.event = n, threading.Event()

    def begin(self, counters, note):
        self._watch = threading.Thread(target=self._wait, args=(counters,), daemon=True)
        self._watch.start()

    def _wait(self, counters):
        while counters.done < self.n:
            time.sleep(0.0005)
        self.event.set()


def test_manifest_columns_are_carried_and_a_changed_label_is_noticed(tmp_path):
    corpus(tmp_path / "c", 12)
    manifest = tmp_path / "m.csv"

    def write(label, extra=""):
        lines = [
            f"c/speaker{i // 10:02d}/utt{i:04d}.wav,u{i:02d},{label if i == 3 else 'calm'}" for i in range(12)
        ]
        manifest.write_text("file,id,label\n" + "\n".join(lines) + "\n" + extra)

    write("angry")
    out = tmp_path / "out"
    extract(manifest, out)
    labels = rows(out).select(["id", "label"]).to_pylist()
    assert labels == [{"id": f"u{i:02d}", "label": "angry" if i == 3 else "calm"} for i in range(12)]
    write("sad")
    assert make_plan(gather([str(manifest)]), Counting(FEATURES), out, Options()).changed == ["u03"]
    extract(manifest, out)
    assert rows(out)["label"].to_pylist()[3] == "sad"
    # A further column changes the columns of every part.
    text = manifest.read_text().splitlines()
    manifest.write_text("\n".join([text[0] + ",age", *(line + ",30" for line in text[1:])]) + "\n")
    extract(manifest, out)
    assert rows(out)["age"].to_pylist() == [30] * 12


@pytest.mark.parametrize("name", ["sr", "logmel", "logmel.n_frames", "mean"])
def test_a_manifest_column_with_the_name_of_an_output_column_is_refused(tmp_path, name):
    write_wav(tmp_path / "a.wav")
    (tmp_path / "m.csv").write_text(f"file,{name}\na.wav,1\n")
    with pytest.raises(UsageError, match=f"column '{name}' has the name of an output column"):
        extract(tmp_path / "m.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_segments_are_cut_and_recorded(tmp_path):
    write_wav(tmp_path / "a.wav", seconds=2.0)
    (tmp_path / "m.csv").write_text("file,id,start,end\na.wav,one,0.5,1.25\na.wav,two,1.25,\n")
    extract(tmp_path / "m.csv", tmp_path / "out")
    table = rows(tmp_path / "out").select(["id", "start", "end", "duration", "n_samples"]).to_pylist()
    assert table == [
        {"id": "one", "start": 0.5, "end": 1.25, "duration": 0.75, "n_samples": 12000},
        {"id": "two", "start": 1.25, "end": None, "duration": 0.75, "n_samples": 12000},
    ]


def test_a_long_recording_is_stored_in_consecutive_rows_and_read_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "LONG_SECONDS", 5.0)
    monkeypatch.setattr(plan, "CHUNK_SECONDS", 2.0)
    write_wav(tmp_path / "c" / "long.wav", seconds=7.3, seed=3)
    corpus(tmp_path / "c", 5)
    extract(tmp_path / "c", tmp_path / "chunked")
    monkeypatch.undo()
    extract(tmp_path / "c", tmp_path / "whole")
    stored = rows(tmp_path / "chunked")
    assert [r["chunk"] for r in stored.to_pylist() if r["id"] == "long"] == [0, 1, 2, 3]
    chunked, whole = open_(tmp_path / "chunked"), open_(tmp_path / "whole")
    assert sorted(chunked.ids()) == sorted(whole.ids())
    for dataset in (chunked, chunked.memory_map()):
        for id_ in whole.ids():
            for key in ("logmel", "stats"):
                assert np.array_equal(dataset[id_][key], whole[id_][key])
            assert dataset[id_].duration == pytest.approx(whole[id_].duration)
    assert chunked.to_arrow().num_rows == 6


class BreaksLate(WithVector):
    """A long recording that turns out to be damaged after some blocks."""

    def open_blocks(self, *args, **kwargs):
        from emofeat.exceptions import EmofeatError

        blocks = super().open_blocks(*args, **kwargs)
        yield next(blocks)
        yield next(blocks)
        raise EmofeatError("the file ends at 4 s of 7 s", code="truncated")


def test_a_long_recording_that_breaks_late_leaves_one_ledger_row_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "LONG_SECONDS", 5.0)
    monkeypatch.setattr(plan, "CHUNK_SECONDS", 2.0)
    write_wav(tmp_path / "c" / "long.wav", seconds=7.3)
    corpus(tmp_path / "c", 5)
    summary = extract(tmp_path / "c", tmp_path / "out", extractor=BreaksLate(FEATURES))
    assert [(f.id, f.code) for f in summary.failures] == [("long", "truncated")]
    assert "long" not in rows(tmp_path / "out")["id"].to_pylist()
    assert left_overs(tmp_path / "out") == []


def test_mixed_rates_are_refused_with_the_rates_and_how_many_files_have_them(tmp_path):
    corpus(tmp_path / "c", 20)
    write_wav(tmp_path / "c" / "odd.wav", sr=48000)
    with pytest.raises(
        UsageError, match=r"16000 Hz \(20 files\), 48000 Hz \(1 file, the first is .*odd\.wav\); --sr"
    ):
        extract(tmp_path / "c", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    extract(tmp_path / "c", tmp_path / "out", options=Options(mixed_rates=True))
    assert sorted(set(rows(tmp_path / "out")["sr"].to_pylist())) == [16000, 48000]


def test_a_new_file_of_another_rate_is_refused_by_an_output_of_one_rate(tmp_path):
    corpus(tmp_path / "c", 20)
    out = tmp_path / "out"
    extract(tmp_path / "c", out)
    before = parts(out)
    write_wav(tmp_path / "c" / "odd.wav", sr=8000)
    with pytest.raises(UsageError, match=r"holds recordings of 16000 Hz, and new ones have 8000 Hz \(1 file"):
        extract(tmp_path / "c", out)
    assert parts(out) == before
    # The same with --mixed-rates computes the new one alone.
    assert extract(tmp_path / "c", out, options=Options(mixed_rates=True)).n_failed == 0
    assert sorted(set(rows(out)["sr"].to_pylist())) == [8000, 16000]


def test_a_file_that_changes_its_rate_behind_our_back_fails_by_itself(tmp_path):
    corpus(tmp_path / "c", 20)
    out = tmp_path / "out"
    odd = write_wav(tmp_path / "c" / "odd.wav", sr=8000)
    summary = extract(tmp_path / "c", out, probe=lambda path: 16000)
    assert [(f.file, f.code) for f in summary.failures] == [(str(odd), "rate_mismatch")]
    assert rows(out).num_rows == 20
    # It was never settled, so it is looked at again, and accepted once the option says so.
    assert extract(tmp_path / "c", out, options=Options(mixed_rates=True)).n_failed == 0
    assert rows(out).num_rows == 21


def test_all_recordings_failing_is_still_a_finished_output(tmp_path):
    for i in range(20):
        (tmp_path / "c").mkdir(exist_ok=True)
        (tmp_path / "c" / f"{i}.wav").write_bytes(b"not audio at all")
    out = tmp_path / "out"
    summary = extract(tmp_path / "c", out)
    assert summary.n_failed == 20
    assert {f.code for f in summary.failures} == {"unknown_format"}
    dataset = open_(out)
    assert (len(dataset), dataset.complete, len(dataset.failures())) == (0, True, 20)
    assert dataset.to_arrow().num_rows == 0
    assert list(dataset.memory_map()) == []
    again = Counting(FEATURES)
    assert extract(tmp_path / "c", out, extractor=again).n_failed == 20
    assert again.calls == 0


def test_failures_are_listed_once_and_tried_again_on_request(speech, tmp_path):
    out = tmp_path / "out"
    bad = speech / "speaker00" / "utt0001.wav"
    good = bad.read_bytes()
    bad.write_bytes(b"")
    summary = extract(speech, out)
    listed = (out / FAILURES).read_text().splitlines()
    assert listed[0] == "id,file,start,end,code,message"
    assert listed[1].startswith(f"speaker00/utt0001,{bad},,,empty_file,")
    assert (len(listed), summary.n_failed) == (2, 1)
    with pytest.raises(KeyError, match=r"'speaker00/utt0001' failed: .*\(empty_file\)"):
        open_(out)["speaker00/utt0001"]
    # The same bytes and times again: only asking for it tries again.
    status = bad.stat()
    assert extract(speech, out).n_computed == 0
    bad.write_bytes(good)
    os.truncate(bad, 0)
    os.utime(bad, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert extract(speech, out, options=Options(retry_failed=True)).n_computed > 0
    bad.write_bytes(good)
    assert extract(speech, out).n_failed == 0
    assert (out / FAILURES).read_text().splitlines() == listed[:1]
    extract(speech, tmp_path / "fresh")
    assert rows(out).equals(rows(tmp_path / "fresh"))


def test_max_errors_stops_the_run_and_counts_earlier_failures_too(speech, tmp_path):
    for i in (1, 15, 33):
        (speech / f"speaker{i // 10:02d}" / f"utt{i:04d}.wav").write_bytes(b"")
    out = tmp_path / "out"
    summary = extract(speech, out, options=Options(max_errors=0, jobs=1))
    assert summary.stopped == "errors"
    assert 1 <= summary.n_failed <= 3
    assert not open_(out).failures()  # the shard of the failure was not finished
    assert extract(speech, out, options=Options(max_errors=3)).stopped == ""
    again = Counting(FEATURES)
    summary = extract(speech, out, extractor=again, options=Options(max_errors=2))
    assert (summary.stopped, summary.n_failed, again.calls) == ("errors", 3, 0)


def test_shares_together_are_the_whole(speech, tmp_path):
    extract(speech, tmp_path / "whole")
    for number in (2, 1, 3):
        summary = extract(speech, tmp_path / "shared", options=Options(share=Share(number, 3)))
        assert summary.stopped == ""
    assert parts(tmp_path / "shared") == parts(tmp_path / "whole")
    assert (tmp_path / "shared" / "emofeat.json").read_bytes() == (
        tmp_path / "whole" / "emofeat.json"
    ).read_bytes()
    assert extract(speech, tmp_path / "shared").n_computed == 0


def test_more_shares_than_shards_leave_some_without_work(tmp_path):
    corpus(tmp_path / "c", 5)
    for number in (1, 2, 3):
        extract(tmp_path / "c", tmp_path / "out", options=Options(share=Share(number, 3)))
    assert len(open_(tmp_path / "out")) == 5


def test_an_empty_shard_is_a_part_too(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "shard_count", lambda n: 32)
    corpus(tmp_path / "c", 5)
    extract(tmp_path / "c", tmp_path / "out")
    assert len(parts(tmp_path / "out")) == 32
    dataset = open_(tmp_path / "out")
    assert (dataset.complete, len(dataset), dataset.to_arrow().num_rows) == (True, 5, 5)
    assert extract(tmp_path / "c", tmp_path / "out").n_computed == 0


def test_a_second_run_on_the_same_output_is_refused_and_names_the_first(speech, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with lock.hold(out, Share()):
        with pytest.raises(
            RunError, match=rf"written by another run: process {os.getpid()} on .* since 2\d\d\d-"
        ):
            extract(speech, out)
        with pytest.raises(RunError, match="written by another run"):
            extract(speech, out, options=Options(share=Share(1, 2)))
    with lock.hold(out, Share(1, 4)):
        with lock.hold(out, Share(2, 4)):
            pass
        for other in (Share(1, 4), Share(1, 2), Share()):
            with pytest.raises(RunError, match="written by another run"), lock.hold(out, other):
                pass
    assert [p.name for p in out.glob(".lock-*")] == []


def test_the_lock_of_a_dead_process_is_taken_over_and_that_of_another_host_is_not(tmp_path):
    me = lock._me()
    path = tmp_path / ".lock-1-of-1"
    dead = [
        {**me, "pid": 2**22 + 1},  # no such process
        {**me, "born": "another start"},  # its number was given to another process
    ]
    for owner in dead:
        path.write_text(json.dumps(owner))
        with lock.hold(tmp_path, Share()):
            pass
    path.write_text("")
    with lock.hold(tmp_path, Share()):
        pass
    path.write_text(json.dumps({**me, "host": "elsewhere"}))
    with (
        pytest.raises(RunError, match=r"on elsewhere since .*; if that run is dead, remove"),
        lock.hold(tmp_path, Share()),
    ):
        pass
    assert path.exists()


def test_a_folder_that_is_not_ours_is_left_alone(speech, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("x")
    with pytest.raises(RunError, match="is no feature directory, and not empty"):
        extract(speech, out)
    assert [p.name for p in out.iterdir()] == ["thesis.tex"]
    with pytest.raises(RunError, match="is a file"):
        extract(speech, out / "thesis.tex")


def test_temporary_files_of_dead_runs_are_removed(speech, tmp_path):
    out = tmp_path / "out"
    extract(speech, out)
    for name in (
        ".part-00000-of-00005.parquet.host.4194305.aa.tmp",
        ".part-00001-of-00005.parquet.x.1.bb.tmp",
    ):
        (out / "parts" / name).write_bytes(b"half")
    extract(speech, out)
    assert left_overs(out) == []


def test_a_damaged_part_is_computed_again(speech, tmp_path):
    out = tmp_path / "out"
    extract(speech, out)
    before = parts(out)
    victim = out / "parts" / next(iter(before))
    victim.write_bytes(victim.read_bytes()[:-20])
    extract(speech, out)
    assert parts(out) == before


def test_python_decodes_what_the_core_cannot(tmp_path):
    corpus(tmp_path / "c", 6)
    voice_ = write_opus(tmp_path / "c" / "voice.opus", seed=3)
    # Its rate is found by PyAV, and refused like any other that differs.
    with pytest.raises(UsageError, match=r"16000 Hz \(6 files\), 48000 Hz \(1 file"):
        extract(tmp_path / "c", tmp_path / "out")
    out = tmp_path / "out"
    assert extract(tmp_path / "c", out, options=Options(mixed_rates=True)).n_failed == 0
    got, expected = open_(out)["voice"], WithVector(FEATURES).process_file(voice_)
    assert np.array_equal(got["logmel"], expected["logmel"])
    assert (got.sr, got.info["file_sr"], got.info["channels"], got.info["format"]) == (48000, 48000, 1, "av")
    assert got.duration == pytest.approx(1.0, abs=0.05)


def test_a_segment_that_python_decodes_is_cut_from_the_resampled_whole(tmp_path):
    write_opus(tmp_path / "voice.opus", seconds=2.0)
    (tmp_path / "m.csv").write_text("file,id,start,end\nvoice.opus,part,0.5,1.5\nvoice.opus,beyond,5,6\n")
    extractor = WithVector(FEATURES, sr=16000)
    summary = extract(tmp_path / "m.csv", tmp_path / "out", extractor=extractor)
    assert [(f.id, f.code) for f in summary.failures] == [("beyond", "bad_segment")]
    got = open_(tmp_path / "out")["part"]
    assert np.array_equal(got["logmel"], extractor.process_file(tmp_path / "voice.opus", 0.5, 1.5)["logmel"])
    assert (got.sr, got.info["file_sr"], got.info["n_samples"]) == (16000, 48000, 16000)


def test_without_pyav_the_ledger_says_what_to_install(tmp_path, monkeypatch):
    write_opus(tmp_path / "voice.opus")
    write_wav(tmp_path / "good.wav")
    monkeypatch.setitem(sys.modules, "av", None)
    summary = extract(tmp_path, tmp_path / "out")
    assert [(f.id, f.code) for f in summary.failures] == [("voice", "unsupported_codec")]
    assert "pip install 'emofeat[video]'" in summary.failures[0].message
    monkeypatch.undo()
    options = Options(retry_failed=True, mixed_rates=True)
    assert extract(tmp_path, tmp_path / "out", options=options).n_failed == 0


def test_a_defect_of_a_decoder_costs_one_recording(tmp_path, monkeypatch):
    corpus(tmp_path / "c", 6)
    write_opus(tmp_path / "c" / "voice.opus")

    def crash(*args, **kwargs):
        raise ZeroDivisionError("in a decoder")

    monkeypatch.setattr(audio, "decode_with_av", crash)
    (failure,) = extract(tmp_path / "c", tmp_path / "out", options=Options(mixed_rates=True)).failures
    assert (failure.id, failure.code, failure.message) == (
        "voice",
        "internal",
        "ZeroDivisionError: in a decoder",
    )


def test_a_defect_of_the_extractor_costs_the_recording_that_meets_it(tmp_path):
    class Defective(WithVector):
        def extract_batch(self, items, **options):
            if any("utt0003" in path for path, _, _ in items):
                raise IndexError("out of range")
            return super().extract_batch(items, **options)

    corpus(tmp_path / "c", 6)
    summary = extract(tmp_path / "c", tmp_path / "out", extractor=Defective(FEATURES))
    (failure,) = summary.failures
    assert (failure.id, failure.code, failure.message) == (
        "speaker00/utt0003",
        "internal",
        "IndexError: out of range",
    )
    assert rows(tmp_path / "out").num_rows == 5


def test_features_whose_width_depends_on_the_rate_are_refused_for_mixed_rates(tmp_path):
    write_wav(tmp_path / "a.wav", sr=16000)
    write_wav(tmp_path / "b.wav", sr=48000)
    with pytest.raises(UsageError, match=r"has 257 columns at 16000 Hz and 1025 at 48000 Hz.*--sr"):
        extract(tmp_path, tmp_path / "out", "spectrogram(win_ms=25)", options=Options(mixed_rates=True))


def test_the_number_of_jobs_respects_environment_affinity_and_control_groups(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOFEAT_NUM_THREADS", "3")
    assert cores.default_jobs() == 3
    monkeypatch.setenv("EMOFEAT_NUM_THREADS", "many")
    with pytest.raises(UsageError, match="EMOFEAT_NUM_THREADS is 'many'"):
        cores.default_jobs()
    monkeypatch.delenv("EMOFEAT_NUM_THREADS")
    monkeypatch.setattr(cores, "cgroup_cpus", lambda: 1)
    assert cores.default_jobs() == 1
    monkeypatch.undo()
    monkeypatch.setattr(cores, "_own_group", lambda controller: "")
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert cores.cgroup_cpus(tmp_path) == 2
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cores.cgroup_cpus(tmp_path) > 1000
    (tmp_path / "cpu.max").unlink()
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("400000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cores.cgroup_cpus(tmp_path) == 4


def test_few_shards_and_many_jobs_share_the_threads(tmp_path):
    corpus(tmp_path / "c", 30)
    extractor = Counting(FEATURES)
    extract(tmp_path / "c", tmp_path / "out", extractor=extractor, options=Options(jobs=8))
    assert extractor.threads == [8]
