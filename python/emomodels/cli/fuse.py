"""`emomodels fuse`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command("fuse")
@click.argument("runs", nargs=-1, required=True, metavar="[NAME=]RUN...")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder of the fused run.")
@click.option(
    "--method",
    default="stacked",
    show_default=True,
    help="stacked: logistic regression on out-of-fold posteriors; weighted; product; mean.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the method, such as C=0.1."
)
@click.option("--missing", help="refuse (default), or marginal: decide by the modalities that are there.")
@click.option(
    "--off",
    multiple=True,
    metavar="GUARD",
    help="Fuse as published: without this guard, such as posterior; it is printed on the result.",
)
@click.option(
    "--key",
    default="id",
    show_default=True,
    help="How ids of the runs name one utterance: id, stem, ravdess.",
)
@click.option("--overwrite", is_flag=True, help="Replace another fusion in the folder.")
def command(
    runs: tuple[str, ...],
    out: Path,
    method: str,
    settings: tuple[str, ...],
    missing: str | None,
    off: tuple[str, ...],
    key: str,
    overwrite: bool,
) -> None:
    """Fuse the posteriors of two or more RUNs, by key, fold by fold and seed by seed.

    The fused run has the rows of its parts beside it, with paired tests, in every table and report. Early fusion,
    one model on the features of several modalities, is a recipe of `emomodels train` with several features.

    \b
    emomodels fuse audio=runs/audio face=runs/face -o runs/fused
    """
    from emofeat.corpus.guard import CLEAN, as_published
    from emomodels.config import override
    from emomodels.exceptions import RecipeError
    from emomodels.fuse import fuse
    from emomodels.report.text import summary

    if method == "early":
        raise RecipeError(
            "early fusion is one model on all features: give a recipe with several features (modality: …) to "
            "`emomodels train`, which also trains each modality alone"
        )
    chosen: dict[str, Any] = {}
    for text in settings:
        override(chosen, text)
    if missing is not None:
        chosen["missing"] = missing
    protocol = as_published(off) if off else CLEAN
    click.echo(
        summary(
            fuse(
                _named(runs),
                out,
                method=method,
                settings=chosen,
                protocol=protocol,
                key=key,
                overwrite=overwrite,
            )
        )
    )


def _named(given: tuple[str, ...]) -> dict[str, Path]:
    """Folders by name; without one, the last component of the path."""
    found: dict[str, Path] = {}
    for text in given:
        name, equals, path = text.partition("=")
        folder = Path(path if equals else text)
        name = name if equals else folder.name
        if name in found:
            raise click.UsageError(f"two runs are called {name!r}; give them names: NAME=RUN")
        found[name] = folder
    return found
