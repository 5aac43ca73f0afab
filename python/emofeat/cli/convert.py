"""`emofeat convert`: a corpus from one format to another."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("convert")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--to", metavar="FORMAT", help="audformat, kaldi or hf; without it a table by the suffix of TARGET."
)
def command(source: Path, target: Path, to: str | None) -> None:
    """Write the corpus SOURCE as TARGET. Recordings stay where they are.

    SOURCE is a manifest (CSV, TSV, JSON lines, Parquet) or the folder of an audformat database, a Kaldi data
    folder, or one with Hugging Face metadata. TARGET is a table, or with --to a folder.
    """
    from emofeat.corpus.formats import read_any, write_any

    corpus = read_any(source)
    write_any(corpus, target, to)
    click.echo(f"{target}: {len(corpus):,} utterances")
