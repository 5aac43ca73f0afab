"""`emofeat check`: what is wrong with a corpus."""

from __future__ import annotations

import json
from pathlib import Path

import click

from emofeat.cli import SOME_FAILED
from emofeat.cli.progress import bar


@click.command("check")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of the report.")
@click.option(
    "-o", "--out", "output", type=click.Path(path_type=Path), help="Write the report as Markdown as well."
)
@click.option(
    "--mark",
    "marked",
    type=click.Path(path_type=Path),
    help="Write the manifest with `audio_group`: the id of the first utterance with the same sound.",
)
@click.option("-j", "--jobs", type=click.IntRange(1), help="Threads; by default all CPUs of this process.")
@click.pass_context
def command(
    ctx: click.Context,
    manifest: Path,
    as_json: bool,
    output: Path | None,
    marked: Path | None,
    jobs: int | None,
) -> None:
    """Decode every recording of MANIFEST once and say what would spoil training.

    MANIFEST is a table, an audformat database, a Kaldi data folder, or a folder with Hugging Face metadata.
    Looked for are missing, empty, corrupt and Git-LFS-pointer files; the same sound under several ids,
    speakers and splits; mixed rates, equal peaks, clipping, silence; classes, speakers and texts across
    splits; known defects of the corpus. Exit code 0: nothing is wrong, 3: there are findings.
    """
    from emofeat.corpus.check import check
    from emofeat.corpus.duplicates import with_groups
    from emofeat.corpus.formats import read_any
    from emofeat.store.write import write_text

    corpus = read_any(manifest)
    with bar(sum(u.file is not None for u in corpus)) as progress:
        report = check(corpus, jobs, progress)
    if output is not None:
        write_text(output, report.to_markdown())
    if marked is not None:
        with_groups(corpus, dict(report.groups)).write(marked)
    click.echo(
        json.dumps(report.to_dict(), ensure_ascii=False, indent=1) if as_json else report.to_text().rstrip()
    )
    ctx.exit(SOME_FAILED if report.findings else 0)
