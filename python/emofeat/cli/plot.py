"""`emofeat plot`: a recording as a picture."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("plot")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="The picture: .png, .svg, .pdf."
)
@click.option(
    "-f", "--features", multiple=True, metavar="SPEC,SPEC", help="Features to draw under the log-mel."
)
@click.option("--sr", type=int, help="Resample to this rate in Hz first.")
@click.option("--start", type=float, help="Begin at this second.")
@click.option("--end", type=float, help="End at this second.")
@click.option(
    "--voice/--no-voice", default=True, help="F0, formants, voiced segments and loudness (default: drawn)."
)
@click.option("--preset", help="A named front end, such as speech-25ms; `emofeat features list` shows all.")
def command(
    file: Path,
    out: Path,
    features: tuple[str, ...],
    sr: int | None,
    start: float | None,
    end: float | None,
    voice: bool,
    preset: str | None,
) -> None:
    """Draw FILE: waveform with voiced segments, log-mel with F0 and formants, loudness, chosen features (extra
    plot)."""
    from emofeat.config import split_specs
    from emofeat.plotting import plot

    specs = [spec for text in features for spec in split_specs(text)]
    front_end = {} if preset is None else {"preset": preset}
    try:
        plot(file, out, features=specs, sr=sr, start=start, end=end, front_end=front_end, voice=voice)
    except ValueError as error:
        if hasattr(error, "code"):
            raise
        raise click.UsageError(str(error)) from None
    click.echo(str(out), err=True)
