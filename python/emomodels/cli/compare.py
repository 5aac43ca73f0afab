"""`emomodels compare`: runs on the same utterances, with paired tests."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN RUN...")
@click.option(
    "--common", is_flag=True, help="Restrict the runs to the utterances that all of them have, and say so."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with every metric by seed.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="Also write it to FILE, .html or .md; may be given twice.",
)
def command(runs: tuple[Path, ...], common: bool, as_json: bool, out: tuple[Path, ...]) -> None:
    """Compare finished runs on the same utterances: metrics, differences with intervals, paired tests.

    Every pair is tested by McNemar's test and by a permutation of whole speakers, corrected by Holm. Runs of
    different utterances, labels or classes are refused.
    """
    import json

    from emomodels import report
    from emomodels.report.comparison import compared, of_comparison
    from emomodels.report.text import to_text
    from emomodels.runs import Run

    for path in out:
        report.check_path(path)
    found = compared([Run.read(run) for run in runs], common=common)
    document = of_comparison(found)
    report.write(document, out)
    click.echo(json.dumps(found.to_dict(), ensure_ascii=False) if as_json else to_text(document), nl=as_json)
