"""`emomodels reproduce`: a published system made again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from emofeat.cli.group import Group

if TYPE_CHECKING:
    from emomodels.runs import Run


@click.group("reproduce", cls=Group)
def command() -> None:
    """Make a published system again, and show published, as published here, and clean side by side."""


@command.command("s4")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FOLDER",
    help="What the authors published: the folder with posteriors/ and trainingData/.",
)
@click.option(
    "--clean",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="RUN",
    help="A run under the clean protocol to stand beside it (sound, Action Units, or their fusion); repeatable.",
)
@click.option(
    "--ravdess",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The recordings: make the clean runs from them too, in the folder of -o.",
)
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Fits side by side.")
@click.option("--device", default="auto", show_default=True, help="Where networks of clean runs are trained.")
@click.option("--quick", is_flag=True, help="Leave out forests, further perceptrons and further combiners.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write s4.html and s4.md there, and what --ravdess makes.",
)
def s4(
    data: Path,
    clean: tuple[Path, ...],
    ravdess: Path | None,
    jobs: int,
    device: str,
    quick: bool,
    out: Path | None,
) -> None:
    """RAVDESS by wav2vec 2.0 and Action Units: Luna-Jimenez et al., Applied Sciences 12(1):327, 2022.

    With --ravdess everything clean is made too, from the recordings to a report of the fusion; half an hour on two
    cores, and the same command goes on where it was interrupted.
    """
    from emomodels import report
    from emomodels.report.reproduction import of_s4, summary_of_s4
    from emomodels.report.text import to_text
    from emomodels.runs import Run, command_line
    from emomodels.systems.s4 import clean_rows, reproduce

    # The runs first: a mistake in their names is not found after the work.
    runs = [Run.read(run) for run in clean]
    if ravdess is not None:
        runs += _made(ravdess, data, out, jobs, device)
    beside = clean_rows(runs)
    made = reproduce(data, quick=quick)
    click.echo(to_text(summary_of_s4(made, beside)), nl=False)
    if out is not None:
        document = of_s4(made, beside, command=command_line())
        for path in report.write(document, [out / "s4.html", out / "s4.md"]):
            click.echo(path)


def _made(ravdess: Path, data: Path, out: Path | None, jobs: int, device: str) -> list[Run]:
    """The clean runs, made in `out`, and a report of their fusion."""
    from emomodels import report
    from emomodels.display import display
    from emomodels.report.text import summary
    from emomodels.systems import s4_clean

    if out is None:
        raise click.UsageError("--ravdess needs a folder for what it makes: -o FOLDER")
    with display() as shown:
        done = s4_clean.run(ravdess, data, out, jobs=jobs, device=device, display=shown)
    click.echo(summary(done[-1]))
    for path in report.write(report.of_run(done[-1]), [out / "fusion.html", out / "fusion.md"]):
        click.echo(path)
    return done
