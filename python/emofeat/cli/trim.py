"""`emofeat trim`: utterances without the silence at both ends."""

from __future__ import annotations

from pathlib import Path

import click

from emofeat.cli import SOME_FAILED
from emofeat.cli.progress import bar


@click.command("trim")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    "output",
    type=click.Path(path_type=Path),
    required=True,
    help="CSV, TSV, JSONL or Parquet by suffix.",
)
@click.option(
    "--range-db",
    type=float,
    default=40.0,
    show_default=True,
    help="Frames further below the utterance's loudest, in dB, are silence.",
)
@click.option(
    "--margin",
    type=float,
    default=0.05,
    show_default=True,
    help="Seconds that stay before the first and after the last frame that is none.",
)
@click.option("-j", "--jobs", type=click.IntRange(1), help="Threads; by default all CPUs of this process.")
@click.option("--overwrite", is_flag=True, help="Replace the manifest there is.")
@click.pass_context
def command(
    ctx: click.Context,
    manifest: Path,
    output: Path,
    range_db: float,
    margin: float,
    jobs: int | None,
    overwrite: bool,
) -> None:
    """Write MANIFEST with the times at which the sound of each utterance begins and ends.

    Recordings stay as they are; `emofeat extract` reads the times. Each utterance is measured by itself. One
    that cannot be decoded or is silent keeps its times, is listed, and its column `trim` says so. Exit code 3:
    there are such.
    """
    from emofeat.corpus.formats import read_any
    from emofeat.corpus.tables import suffix_of
    from emofeat.corpus.trim import trim
    from emofeat.engine.errors import UsageError

    suffix_of(output)
    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists; --overwrite replaces it")
    corpus = read_any(manifest)
    with bar(len(corpus)) as progress:
        trimmed = trim(corpus, range_db, margin, jobs, progress)
    trimmed.manifest.write(output)
    n = len(corpus) - len(trimmed.failures)
    click.echo(
        f"{output}: {n:,} of {len(corpus):,} utterances trimmed, {_minutes(trimmed.after)} left of "
        f"{_minutes(trimmed.before)}"
    )
    for id_, error in trimmed.failures.items():
        click.echo(f"{id_}: not trimmed: {error} ({error.code})", err=True)
    ctx.exit(SOME_FAILED if trimmed.failures else 0)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.2f} min"
