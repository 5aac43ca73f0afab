"""`emomodels report`: one page about a run."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="File to write, .html or .md; may be given twice. RUN/report.html and RUN/report.md by default.",
)
def command(run: Path, out: tuple[Path, ...]) -> None:
    """Write one self-contained page about the finished run in the folder RUN.

    It says under which protocol and with which data the result came about, and shows metrics with intervals,
    classes, speakers, calibration and training, and the command that makes it again.
    """
    from emomodels import report
    from emomodels.runs import Run

    found = Run.read(run)
    paths = out or (run / "report.html", run / "report.md")
    for path in report.write(report.of_run(found), paths):
        click.echo(path)
