"""`emomodels reproduce`: a published system made again."""

from __future__ import annotations

from pathlib import Path

import click

from emofeat.cli.group import Group


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
@click.option("--quick", is_flag=True, help="Leave out forests, further perceptrons and further combiners.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write s4.html and s4.md there.",
)
def s4(data: Path, clean: tuple[Path, ...], quick: bool, out: Path | None) -> None:
    """RAVDESS by wav2vec 2.0 and Action Units: Luna-Jimenez et al., Applied Sciences 12(1):327, 2022."""
    from emomodels import report
    from emomodels.report.reproduction import of_s4, summary_of_s4
    from emomodels.report.text import to_text
    from emomodels.runs import Run, command_line
    from emomodels.systems.s4 import clean_rows, reproduce

    # The runs first: a mistake in their names is not found after the work.
    beside = clean_rows([Run.read(run) for run in clean])
    made = reproduce(data, quick=quick)
    click.echo(to_text(summary_of_s4(made, beside)), nl=False)
    if out is not None:
        document = of_s4(made, beside, command=command_line())
        for path in report.write(document, [out / "s4.html", out / "s4.md"]):
            click.echo(path)
