"""`emomodels train`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from emomodels import recipes


@click.command("train", epilog=f"Recipes that come along: {', '.join(recipes.names())}.")
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1; auto takes CUDA where it is."
)
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Fits side by side.")
@click.option("--overwrite", is_flag=True, help="Begin again where the folder holds another experiment.")
@click.option("--dry-run", is_flag=True, help="Load, join and audit; say what would be fitted, and stop.")
def command(
    recipe: str,
    overrides: tuple[str, ...],
    out: Path,
    device: str,
    jobs: int,
    overwrite: bool,
    dry_run: bool,
) -> None:
    """Train and test RECIPE, a file or the name of one that comes along: every fold and seed, posteriors, metrics.

    KEY=VALUE overrides a key of the recipe, with dots for nested ones. The same command goes on where an
    interrupted one stopped.

    \b
    emomodels train audio.yaml model.C=0.001 'seeds=[0,1,2]' -o runs/audio
    """
    from emomodels import config, experiment
    from emomodels.display import display
    from emomodels.kinds import check_device
    from emomodels.material import Material
    from emomodels.report.text import summary

    loaded = config.load(recipes.find(recipe), overrides)
    check_device(device)
    if dry_run:
        material = Material.load(loaded)
        click.echo(material.describe())
        return
    with display() as shown:
        run = experiment.run(loaded, out, device=device, jobs=jobs, overwrite=overwrite, display=shown)
    # Under torchrun every process comes here; one of them speaks.
    if os.environ.get("RANK", "0") == "0":
        click.echo(summary(run))
