"""`emofeat extract`: from recordings to a feature directory."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emofeat.cli import DONE, INTERRUPTED, SOME_FAILED

if TYPE_CHECKING:
    from emofeat.config import ExtractConfig
    from emofeat.engine.plan import Plan
    from emofeat.engine.progress import Counters, Display
    from emofeat.engine.run import Options, Summary

_FRONT_END = ("preset", "n_fft", "hop_length", "win_length", "hop_ms", "win_ms", "window")
_SHOWN_FAILURES = 10


@click.command("extract")
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="The output folder; made if it does not exist."
)
@click.option(
    "-f", "--features", multiple=True, metavar="SPEC,SPEC", help="Such as 'logmel,mfcc(n_mfcc=13)'."
)
@click.option("--set", "set", metavar="NAME", help="A named set of features instead.")
@click.option(
    "--level", metavar="NAME", help="What a set gives: functionals (default), lld (every frame), or both."
)
@click.option("--preset", help="A named front end, such as speech-25ms; `emofeat features list` shows all.")
@click.option("--n-fft", type=int, help="Length of the FFT in samples.")
@click.option("--hop-length", type=int, help="Distance of frames in samples.")
@click.option("--win-length", type=int, help="Length of a frame in samples.")
@click.option("--hop-ms", type=float, help="Distance of frames in ms.")
@click.option("--win-ms", type=float, help="Length of a frame in ms.")
@click.option("--window", help="The window, such as hann or povey.")
@click.option(
    "--front-end", "more", multiple=True, metavar="KEY=VALUE", help="Any other option of the front end."
)
@click.option("--sr", type=int, help="Resample everything to this rate in Hz.")
@click.option("--mixed-rates", is_flag=True, help="Accept recordings of different rates, each at its own.")
@click.option(
    "--channel", metavar="mean|N", help="The mean of all channels (default), or one, counted from 0."
)
@click.option("--precision", type=click.Choice(["float32", "float64"]), help="Default: float32.")
@click.option("--on-short", help="What to do with a recording shorter than one frame. Default: error.")
@click.option("--on-nonfinite", help="What to do with NaN or infinite samples. Default: error.")
@click.option(
    "--config", "file", type=click.Path(path_type=Path), help="Options from a YAML file; others override."
)
@click.option(
    "-j", "--jobs", type=int, help="Threads. Default: EMOFEAT_NUM_THREADS, else all CPUs we may use."
)
@click.option(
    "--shard", metavar="I/N", help="Compute the I-th of N shares, for several machines on one output."
)
@click.option(
    "--on-error", type=click.Choice(["skip", "fail"]), help="List a failed recording (default), or stop."
)
@click.option("--max-errors", type=int, metavar="N", help="Stop when more than N recordings have failed.")
@click.option("--retry-failed", is_flag=True, help="Try recordings again that failed in an earlier run.")
@click.option(
    "--check-content", is_flag=True, help="Tell changed files by their bytes, not by size and time."
)
@click.option("--all-files", is_flag=True, help="Try every file of a folder, whatever its suffix.")
@click.option("--overwrite", is_flag=True, help="Replace features made with other options.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and stop.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on each line of standard output.")
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Extract features of all INPUTs: folders, files, globs, or manifests (.csv, .tsv, .jsonl, .parquet).

    A manifest has a column 'file' and optionally 'id', 'start' and 'end' (seconds); further columns are
    carried through. The same command goes on where an interrupted one stopped, and computes again only
    what has changed. Recordings that fail are listed in OUT/failures.csv.

    \b
    emofeat extract corpus/ -f 'logmel,mfcc(n_mfcc=13)' --sr 16000 -o feats/
    """
    # Before the imports: what a run allocates by the thousand lives until its end.
    gc.set_threshold(100_000, 50, 100)
    from emofeat import config

    as_json, dry_run, file = given.pop("as_json"), given.pop("dry_run"), given.pop("file")
    ctx.exit(_extract(config.make(_options(given), file), dry_run=dry_run, as_json=as_json))


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, as keys of the configuration."""
    front_end = {name: value for name in _FRONT_END if (value := given.pop(name)) is not None}
    for pair in given.pop("more"):
        key, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(f"--front-end {pair!r}: write KEY=VALUE, such as preemphasis=0.97")
        front_end[key.strip().replace("-", "_")] = _value(value.strip())
    # Not `in (None, False, ())`: 0 equals False, and is a value.
    absent = (None, False)
    options = {n: v for n, v in given.items() if v != () and not any(v is a for a in absent)}
    for name in ("inputs", "features"):
        if name in options:
            options[name] = list(options[name])
    if "channel" in options and options["channel"].isdigit():
        options["channel"] = int(options["channel"])
    return options | ({"front_end": front_end} if front_end else {})


def _value(text: str) -> str | bool | int | float:
    """`text` as the JSON value that it is, else as text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text


def _extract(config: ExtractConfig, *, dry_run: bool, as_json: bool) -> int:
    from emofeat import Extractor
    from emofeat.config import parse_share
    from emofeat.engine import run as engine
    from emofeat.engine.inputs import gather
    from emofeat.engine.lock import WHOLE
    from emofeat.store.write import use_system_allocator

    options = engine.Options(
        jobs=config.jobs,
        share=parse_share(config.shard) if config.shard else WHOLE,
        max_errors=0 if config.on_error == "fail" else config.max_errors,
        mixed_rates=config.mixed_rates,
        overwrite=config.overwrite,
        retry_failed=config.retry_failed,
        check_content=config.check_content,
    )
    extractor = Extractor(**config.extractor_arguments())
    corpus = gather(config.inputs, all_files=config.all_files, skip=config.out)
    if dry_run:
        _show_plan(engine.make_plan(corpus, extractor, config.out, options), as_json)
        return DONE
    use_system_allocator()
    display = _display(as_json)
    with _stop_on_signals(display) as interrupted:
        summary = engine.run(corpus, extractor, config.out, options, display=display, interrupted=interrupted)
    return _show_summary(summary, options, as_json)


class _Begun:
    """A display that knows whether the computing has begun."""

    def __init__(self, display: Display) -> None:
        self._display, self.begun = display, False

    def begin(self, counters: Counters, note: str) -> None:
        self.begun = True
        self._display.begin(counters, note)

    def tick(self) -> None:
        self._display.tick()

    def end(self) -> None:
        self._display.end()


def _display(as_json: bool) -> _Begun:
    from emofeat.engine.progress import JsonLines, LogLines, Terminal

    return _Begun(JsonLines() if as_json else Terminal() if sys.stderr.isatty() else LogLines())


@contextmanager
def _stop_on_signals(display: _Begun) -> Iterator[threading.Event]:
    """The first SIGINT or SIGTERM asks the run to stop, the second ends the process."""
    interrupted = threading.Event()

    def handle(number: int, frame: object) -> None:
        if not display.begun:
            raise KeyboardInterrupt
        if interrupted.is_set():
            os._exit(INTERRUPTED)
        interrupted.set()
        # Not through a buffered stream: the signal may have come in the middle of a write to it.
        os.write(2, b"\nstopping after the recordings in work; once more ends at once\n")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show_plan(plan: Plan, as_json: bool) -> None:
    layout = plan.layout
    if as_json:
        shown = {
            "event": "plan",
            "out": str(plan.out),
            "recordings": plan.n_items,
            "shards": plan.n_finished + len(plan.pending),
            "finished_shards": plan.n_finished,
            "to_compute": plan.n_pending_items,
            "bytes": sum(sum(shard.n_bytes) for shard in plan.pending),
            "new": plan.new,
            "changed": plan.changed,
            "vanished": plan.vanished,
            "sr": layout.config.get("sr") or layout.corpus_sr,
            "features": [asdict(f) for f in layout.features],
        }
        click.echo(json.dumps(shown, ensure_ascii=False))
        return
    click.echo(plan.note())
    rate = layout.config.get("sr") or layout.corpus_sr
    click.echo(
        f"to compute: {plan.n_pending_items:,} recordings at {f'{rate} Hz' if rate else 'their own rates'}"
    )
    for feature in layout.features:
        click.echo(
            f"  {feature.key}: {len(feature.columns)} columns of {feature.dtype}, one {_each(feature.kind)}"
        )
    for what, ids in (("new", plan.new), ("changed", plan.changed), ("vanished", plan.vanished)):
        for id_ in ids:
            click.echo(f"{what}: {id_}")


def _each(kind: str) -> str:
    return "row per frame" if kind == "frames" else "row per recording"


def _show_summary(summary: Summary, options: Options, as_json: bool) -> int:
    code = INTERRUPTED if summary.stopped == "interrupted" else SOME_FAILED if summary.failures else DONE
    if as_json:
        shown = asdict(summary) | {
            "out": str(summary.out),
            "failures": len(summary.failures),
            "exit_code": code,
        }
        click.echo(json.dumps({"event": "end"} | shown, ensure_ascii=False))
    for line in _lines(summary, options):
        click.echo(line, err=True)
    return code


def _lines(s: Summary, options: Options) -> Iterator[str]:
    """What a person wants to know at the end."""
    from emofeat.engine.progress import clock
    from emofeat.engine.run import FAILURES

    speed = f", {s.audio_seconds / s.seconds:,.0f} × real time" if s.seconds > 0 and s.audio_seconds else ""
    took = f"{s.seconds:.1f} s" if s.seconds < 60 else clock(s.seconds)
    computed = f"{s.n_computed:,} of {s.n_items:,} recordings processed ({clock(s.audio_seconds)} of audio)"
    yield f"{computed} in {took}{speed}: {s.out}"
    if s.failures:
        yield f"{s.n_failed:,} failed:"
        for failure in s.failures[:_SHOWN_FAILURES]:
            yield f"  {failure.id}: {failure.message} ({failure.code})"
        more = s.n_failed - _SHOWN_FAILURES
        yield (
            f"  and {more:,} more; " if more > 0 else "  "
        ) + f"all in {s.out / FAILURES}; --retry-failed tries again"
    if s.stopped:
        limit = f"more than {options.max_errors} failed" if options.max_errors else "a recording failed"
        why = "interrupted" if s.stopped == "interrupted" else f"stopped because {limit}"
        shards = f"{s.n_shards_finished:,} of {s.n_shards:,} shards are finished"
        yield f"{why}: {shards}; the same command goes on from them"
