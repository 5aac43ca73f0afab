"""`emofeat export`: a feature directory in another format."""

from __future__ import annotations

from pathlib import Path

import click

# Written out here, so that the help needs no NumPy; a test holds it equal to store.export.FORMATS.
FORMATS = ("npz", "npy", "csv", "arff", "hdf5", "kaldi", "pandas")


@click.command("export")
@click.argument("directory", type=click.Path(path_type=Path), metavar="OUT")
@click.option("--format", "format_", required=True, type=click.Choice(FORMATS), help="The format.")
@click.option(
    "-o", "--dest", required=True, type=click.Path(path_type=Path), help="The file or folder to make."
)
@click.option("--frames", metavar="FEATURE", help="csv, arff, pandas: a row for each frame of this feature.")
@click.option("--overwrite", is_flag=True, help="Replace the destination.")
def command(directory: Path, format_: str, dest: Path, frames: str | None, overwrite: bool) -> None:
    """Write the features in OUT, the output of `emofeat extract`, in another format.

    \b
    npz     a folder with ID.npz for each utterance, an array for each feature
    npy     a folder with FEATURE/ID.npy
    csv     one table of the vector features; --frames for a row for each frame
    arff    the same for Weka
    hdf5    one file: FEATURE/values, all frames below each other, and FEATURE/splits
    kaldi   a folder with FEATURE.ark and FEATURE.scp (binary)
    pandas  one table that pandas.read_parquet or read_feather opens (DEST.parquet, DEST.feather)
    """
    from emofeat.store.export import export
    from emofeat.store.read import open as open_

    dataset = open_(directory)
    export(dataset, format_, dest, frames=frames, overwrite=overwrite)
    click.echo(f"{len(dataset):,} utterances: {dest}", err=True)
