"""`emofeat inspect`: what recordings are like."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from emofeat.cli import SOME_FAILED

if TYPE_CHECKING:
    from emofeat.inspection import Inspection


@click.command("inspect")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each file, on a line of its own.")
@click.pass_context
def command(ctx: click.Context, files: tuple[str, ...], as_json: bool) -> None:
    """Show format, rate, channels, duration, level, clipping and silence of each FILE, and what is wrong."""
    from emofeat.exceptions import EmofeatError
    from emofeat.inspection import inspect

    failed = False
    for file in files:
        try:
            found = inspect(file)
        except EmofeatError as error:
            failed = True
            if as_json:
                click.echo(
                    json.dumps({"file": file, "code": error.code, "message": str(error)}, ensure_ascii=False)
                )
            else:
                click.echo(f"{file}\n  cannot be used: {error} ({error.code})")
            continue
        if as_json:
            # JSON has no infinity: digital silence has no level.
            plain = {
                k: None if isinstance(v, float) and math.isinf(v) else v for k, v in asdict(found).items()
            }
            click.echo(json.dumps(plain, ensure_ascii=False))
        else:
            click.echo("\n".join(_lines(found)))
    ctx.exit(SOME_FAILED if failed else 0)


def _lines(i: Inspection) -> Iterator[str]:
    yield i.file
    channels = "mono" if i.channels == 1 else f"{i.channels} channels"
    yield f"  {i.format} ({i.codec}), {i.sr} Hz, {channels}, {i.duration:.3f} s"
    yield f"  peak {i.peak_db:.1f} dB, level {i.rms_db:.1f} dB, clipped {i.clipped:.2%}"
    around = f"the first {i.leading_silence:.2f} s, the last {i.trailing_silence:.2f} s"
    yield f"  silent {i.silent:.0%} ({around})"
    for problem in i.problems:
        yield f"  ! {problem}"
    if not i.problems:
        yield "  nothing is wrong with it"
