"""How far a run is: on a terminal, in a log, or as lines of JSON for programs."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Sequence
from typing import IO, Any, Protocol

from emofeat._log import logger
from emofeat.engine.shard import Failed


class Stopped(Exception):
    """The run is to end; shards in work are abandoned and leave nothing behind."""


class Counters:
    """What the threads of a run have done so far; also how they are told to stop."""

    def __init__(self, total: int, failures: int, max_errors: int | None) -> None:
        self.total, self.done, self.failed, self.audio_seconds = total, 0, failures, 0.0
        self.began = time.monotonic()
        self.stop = threading.Event()
        self.too_many_errors = False
        self.failures: list[Failed] = []
        self._told = 0
        self._max_errors = max_errors
        self._lock = threading.Lock()

    def advance(self, done: int, audio_seconds: float, failures: Sequence[Failed]) -> None:
        """Count what one batch did; raises `Stopped` when the run is to end."""
        with self._lock:
            self.done += done
            self.audio_seconds += audio_seconds
            self.failed += len(failures)
            self.failures += failures
            if failures and self._max_errors is not None and self.failed > self._max_errors:
                self.too_many_errors = True
                self.stop.set()
        if self.stop.is_set():
            raise Stopped

    def news(self) -> list[Failed]:
        """The failures since the last call."""
        with self._lock:
            news = self.failures[self._told :]
            self._told = len(self.failures)
        return news

    @property
    def speed(self) -> float:
        """Seconds of audio for each second of the run."""
        return self.audio_seconds / max(time.monotonic() - self.began, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """An estimate from the number of recordings; None before the first ones are done."""
        elapsed = time.monotonic() - self.began
        return elapsed / self.done * (self.total - self.done) if self.done else None


class Display(Protocol):
    """Shows the counters of a run. All calls come from one thread."""

    def begin(self, counters: Counters, note: str) -> None: ...
    def tick(self) -> None: ...
    def end(self) -> None: ...


class Quiet:
    """Shows nothing."""

    def begin(self, counters: Counters, note: str) -> None:
        pass

    def tick(self) -> None:
        pass

    def end(self) -> None:
        pass


class LogLines:
    """One line when a run begins, one now and then."""

    def __init__(self, every: float = 10.0) -> None:
        self._every, self._next = every, 0.0

    def begin(self, counters: Counters, note: str) -> None:
        self._counters = counters
        self._next = time.monotonic() + self._every
        logger.info("%s", note)

    def tick(self) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._every
            logger.info("%s", line(self._counters))

    def end(self) -> None:
        pass


class JsonLines:
    """One JSON object on each line: `begin`, `failure`, `progress`, `end`."""

    def __init__(self, out: IO[str] | None = None, every: float = 1.0) -> None:
        self._out, self._every, self._next = out or sys.stdout, every, 0.0

    def begin(self, counters: Counters, note: str) -> None:
        self._counters = counters
        self._say({"event": "begin", "recordings": counters.total, "failed": counters.failed, "note": note})

    def tick(self) -> None:
        for failure in self._counters.news():
            self._say({"event": "failure"} | failure._asdict())
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._every
            c = self._counters
            counted = {"done": c.done, "recordings": c.total, "failed": c.failed}
            measured = {"audio_seconds": c.audio_seconds, "speed": c.speed, "seconds_left": c.seconds_left}
            self._say({"event": "progress"} | counted | measured)

    def end(self) -> None:
        self.tick()

    def _say(self, event: dict[str, Any]) -> None:
        self._out.write(json.dumps(event, ensure_ascii=False) + "\n")
        self._out.flush()


class Terminal:
    """A bar that is redrawn in place."""

    def begin(self, counters: Counters, note: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._counters = counters
        self._bar = Progress(
            BarColumn(),
            TextColumn("{task.fields[line]}"),
            console=Console(stderr=True),
            transient=True,
            auto_refresh=False,
        )
        self._bar.console.print(note, highlight=False, markup=False)
        self._task = self._bar.add_task("", total=counters.total, line="")
        self._bar.start()

    def tick(self) -> None:
        self._bar.update(self._task, completed=self._counters.done, line=line(self._counters), refresh=True)

    def end(self) -> None:
        self._bar.stop()


def line(c: Counters) -> str:
    """The state of a run in one line."""
    left = "" if c.seconds_left is None else f", {clock(c.seconds_left)} left"
    failed = f", {c.failed:,} failed" if c.failed else ""
    return f"{c.done:,} of {c.total:,} recordings, {c.speed:,.0f} × real time{left}{failed}"


def clock(seconds: float) -> str:
    """Seconds as `1:05` or `2:03:04`."""
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02d}:{s:02d}" if hours else f"{m}:{s:02d}"
