"""`emomodels embed`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from emomodels.embedding import Embedded


@click.command("embed")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option(
    "--source", required=True, metavar="FOLDER|NAME", help="A model's folder, or its name on the hub."
)
@click.option(
    "--layer",
    default="cnn",
    show_default=True,
    metavar="cnn|last|N",
    help="The CNN encoder, the whole model, or its N-th transformer layer, from 1.",
)
@click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1; auto takes CUDA where it is."
)
@click.option(
    "--batch", type=click.IntRange(1), default=8, show_default=True, help="Recordings side by side."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="The table, .parquet.")
@click.pass_context
def command(
    ctx: click.Context, manifest: Path, source: str, layer: str, device: str, batch: int, out: Path
) -> None:
    """One vector for every utterance of MANIFEST: wav2vec 2.0, mean over time.

    A recipe reads the table with `format: table`. Recordings that cannot be used are listed and cost nothing but
    themselves; then the exit code is 3.

    \b
    emomodels embed ravdess.jsonl --source wav2vec2-xlsr-53-english --layer 12 -o features/wav2vec2-12.parquet
    """
    from emofeat.cli.group import SOME_FAILED
    from emofeat.corpus.manifest import Manifest
    from emomodels import embedding
    from emomodels.display import display

    if out.suffix.casefold() != ".parquet":
        raise click.UsageError(f"--out is {str(out)!r}; the table is a Parquet file, name it .parquet")
    number = _layer(layer)
    corpus = Manifest.read(manifest)
    with display() as shown:
        made = embedding.embed_manifest(
            corpus, source, number, device=device, batch_size=batch, display=shown
        )
    made.write(out)
    _say(made, out)
    if made.failures:
        ctx.exit(SOME_FAILED)


def _layer(text: str) -> int | Literal["cnn", "last"]:
    if text in ("cnn", "last"):
        return text  # type: ignore[return-value]
    if text.isdecimal():
        return int(text)
    raise click.UsageError(
        f"--layer is {text!r}; allowed: cnn, last, or the number of a transformer layer, from 1"
    )


def _say(made: Embedded, out: Path) -> None:
    for id_, code in made.failures.items():
        click.echo(f"failed: {id_}: {code}", err=True)
    click.echo(
        f"{len(made.ids):,} of {len(made.ids) + len(made.failures):,} utterances, {len(made.columns)} columns: {out}"
    )
