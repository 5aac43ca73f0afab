"""`emofeat trim`: a manifest whose segments leave out the silence around speech."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("trim")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The manifest to write.")
@click.option(
    "--below-peak", metavar="DB", type=float, default=40.0, show_default=True, help="Silence is below this."
)
@click.option("--margin-ms", type=float, default=50.0, show_default=True, help="Kept before and after.")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Threads; by default all CPUs of this process.")
def command(manifest: Path, out: Path, below_peak: float, margin_ms: float, jobs: int | None) -> None:
    """Narrow start and end of every utterance of MANIFEST to its speech.

    A frame counts as silence when its level is more than --below-peak dB under the loudest frame of the same
    utterance. Pauses inside stay. Ids, splits and labels stay as they are; features of the new manifest are
    those of the speech alone.
    """
    from emofeat.corpus.formats import read_any
    from emofeat.corpus.trim import trim

    corpus = read_any(manifest)
    trimmed = trim(corpus, below_peak, margin_ms / 1000, jobs)
    trimmed.write(out)
    seconds = sum((u.end or 0.0) - (u.start or 0.0) for u in trimmed)
    click.echo(f"{len(trimmed):,} utterances, {seconds:,.1f} s of speech: {out}")
