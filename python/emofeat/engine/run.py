"""A run from inputs to a feature directory: lock, plan, compute the shards on threads, list what failed."""

from __future__ import annotations

import csv
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emofeat.engine import lock, plan
from emofeat.engine.cores import default_jobs
from emofeat.engine.errors import RunError
from emofeat.engine.inputs import Corpus
from emofeat.engine.lock import WHOLE, Share
from emofeat.engine.plan import Plan
from emofeat.engine.progress import Counters, Display, Quiet, Stopped
from emofeat.engine.protocol import FeatureExtractor
from emofeat.engine.shard import Failed, ShardReport, extract_shard, part_state
from emofeat.store.schema import DESCRIPTION, PARTS, Layout
from emofeat.store.write import atomic, remove_left_over, write_text

FAILURES = "failures.csv"
# Shards whose part is on its way to the disk, beside those being computed.
_COMMITTING = 2
_TICK = 0.1


@dataclass(frozen=True, slots=True)
class Options:
    """How a run goes about it; none of this changes a number."""

    jobs: int | None = None
    share: Share = WHOLE
    #: Stop when more recordings than this have failed; None never stops.
    max_errors: int | None = None
    mixed_rates: bool = False
    overwrite: bool = False
    retry_failed: bool = False
    check_content: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did. `failures` are those of its share, of earlier runs too."""

    out: Path
    n_items: int
    n_computed: int
    n_shards: int
    n_shards_finished: int
    failures: Sequence[Failed]
    seconds: float
    audio_seconds: float
    #: "" when it ran to its end, else "errors" or "interrupted".
    stopped: str

    @property
    def n_failed(self) -> int:
        return len(self.failures)


def file_rate(path: str) -> int | None:
    """The sampling rate that the header of a file announces; None if it cannot be told."""
    from emofeat import audio
    from emofeat.exceptions import EmofeatError, UnsupportedCodecError

    try:
        return audio.info(path).sr
    except UnsupportedCodecError:
        return _rate_by_av(path)
    except (EmofeatError, OSError):
        return None


def _rate_by_av(path: str) -> int | None:
    """The same from PyAV, for what the core does not open; None without it."""
    try:
        import av
    except ImportError:
        return None
    try:
        with av.open(path) as container:
            rate: int = container.streams.audio[0].rate
            return rate
    except (av.FFmpegError, IndexError):
        return None


def run(
    corpus: Corpus,
    extractor: FeatureExtractor,
    out: Path,
    options: Options | None = None,
    *,
    display: Display | None = None,
    probe: Callable[[str], int | None] = file_rate,
    interrupted: threading.Event | None = None,
) -> Summary:
    """Extract the features of `corpus` into the directory `out`, or go on where an earlier run stopped.

    Parameters
    ----------
    corpus, extractor, out
        What, how, where to.
    options
        How many threads, which share, when to give up.
    display
        Shows the progress; silent by default.
    probe
        Tells the sampling rate of a file from its header.
    interrupted
        Set from outside to stop the run soon; everything finished is kept.

    Raises
    ------
    RunError
        `out` is in use, belongs to other options, or cannot be written.
    UsageError
        The recordings have different rates and nothing says what to do about it.
    """
    options = options or Options()
    plan.existing(out)  # nothing is created in a folder that is not ours
    try:
        with _writable(out):
            (out / PARTS).mkdir(parents=True, exist_ok=True)
        with _writable(out), lock.hold(out, options.share):
            todo = make_plan(corpus, extractor, out, options, probe)
            with lock.guard(out):
                if plan.existing(out) != todo.found:  # another share was first
                    todo = make_plan(corpus, extractor, out, options, probe)
                _prepare(todo)
            summary = _run_plan(
                todo, extractor, options, display or Quiet(), interrupted or threading.Event()
            )
            with lock.guard(out):
                _list_failures(out, todo.layout)
            return summary
    finally:
        _remove_if_unused(out)


def make_plan(
    corpus: Corpus,
    extractor: FeatureExtractor,
    out: Path,
    options: Options,
    probe: Callable[[str], int | None] = file_rate,
) -> Plan:
    """What `run` would do with the same arguments; changes nothing."""
    return plan.make(
        corpus,
        extractor,
        out,
        share=options.share,
        probe=probe,
        mixed_rates=options.mixed_rates,
        overwrite=options.overwrite,
        retry_failed=options.retry_failed,
        check_content=options.check_content,
    )


@contextmanager
def _writable(out: Path) -> Iterator[None]:
    """An error of the operating system while writing, as a sentence; everything finished stays."""
    try:
        yield
    except OSError as error:
        what = os.strerror(error.errno) if error.errno else str(error)
        raise RunError(
            f"cannot write to {out}: {what}; finished shards are kept, the same command goes on from them"
        ) from error


def _prepare(todo: Plan) -> None:
    """Bring everything beside the parts up to date, before the first of them is written."""
    text = todo.layout.to_json()
    path = todo.out / DESCRIPTION
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
    remove_left_over(todo.out, ours_alone=False)
    remove_left_over(todo.out / PARTS, ours_alone=todo.share.of == 1)
    expected = {todo.layout.part(todo.out, index).name for index in range(todo.layout.n_shards)}
    for part in (todo.out / PARTS).glob("part-*.parquet"):
        if part.name not in expected:
            part.unlink(missing_ok=True)


def _remove_if_unused(out: Path) -> None:
    """Remove the folders of an output that never came to be."""
    if not (out / DESCRIPTION).exists():
        with suppress(OSError):
            (out / PARTS).rmdir()
            (out / lock.GUARD).unlink(missing_ok=True)
            out.rmdir()


def _run_plan(
    todo: Plan, extractor: FeatureExtractor, options: Options, display: Display, interrupted: threading.Event
) -> Summary:
    jobs = options.jobs or default_jobs()
    counters = Counters(todo.n_items, len(todo.finished_failures), options.max_errors)
    counters.done = todo.n_finished_items
    counters.stop = interrupted
    reports: list[ShardReport] = []
    began = time.monotonic()
    too_many = options.max_errors is not None and len(todo.finished_failures) > options.max_errors
    display.begin(counters, todo.note())
    try:
        if not too_many:
            reports = _compute(todo, extractor, counters, display, jobs, options)
    finally:
        display.end()
    complete = len(reports) == len(todo.pending)
    failures = counters.failures if not complete else [f for r in reports for f in r.failures]
    return Summary(
        out=todo.out,
        n_items=todo.n_items,
        n_computed=sum(r.n_rows + len(r.failures) for r in reports),
        n_shards=todo.n_finished + len(todo.pending),
        n_shards_finished=todo.n_finished + len(reports),
        failures=sorted([*todo.finished_failures, *failures]),
        seconds=time.monotonic() - began,
        audio_seconds=counters.audio_seconds,
        stopped="errors" if too_many or counters.too_many_errors else "" if complete else "interrupted",
    )


def _compute(
    todo: Plan, extractor: FeatureExtractor, counters: Counters, display: Display, jobs: int, options: Options
) -> list[ShardReport]:
    """The pending shards, the largest first, each on one thread as long as there are enough of them."""
    slots = threading.Semaphore(jobs)
    order = sorted(todo.pending, key=lambda shard: -sum(shard.n_bytes))
    left = len(order)

    def work(shard: Any) -> ShardReport:
        if counters.stop.is_set():
            raise Stopped
        return extract_shard(
            shard,
            extractor,
            todo.layout,
            todo.out,
            counters,
            n_threads=max(1, jobs // max(1, left)),
            slot=slots,
            retry_failed=options.retry_failed,
        )

    reports = []
    error: BaseException | None = None
    with ThreadPoolExecutor(
        min(jobs + _COMMITTING, max(1, left)), thread_name_prefix="emofeat-shard"
    ) as pool:
        waiting: set[Future[ShardReport]] = {pool.submit(work, shard) for shard in order}
        try:
            while waiting:
                done, waiting = wait(waiting, _TICK, FIRST_COMPLETED)
                for future in done:
                    try:
                        reports.append(future.result())
                    except Stopped:
                        pass
                    except Exception as e:
                        error = error or e
                        counters.stop.set()
                left = len(waiting)
                display.tick()
        except BaseException:
            counters.stop.set()
            raise
    if error is not None:
        raise error
    return reports


def _list_failures(out: Path, layout: Layout) -> None:
    """Write the failed rows of all parts as one list; the parts themselves remain the record."""
    failures: list[Failed] = []
    for index in range(layout.n_shards):
        state = part_state(layout.part(out, index))
        if state is not None and state.layout == layout.digest:
            failures += state.failures
    with atomic(out / FAILURES) as temp, temp.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text)
        writer.writerow(Failed._fields)
        writer.writerows(sorted(failures))
