"""The command line of emomodels. Commands are loaded when they are called."""

from __future__ import annotations

import sys

import click

from emofeat.cli.group import LOOK, LazyGroup, version_option
from emofeat.cli.group import run as run_group

# In the order of the help text: module, and what the command is for.
COMMANDS = {
    "train": ("train", "Train and test a recipe: folds, seeds, posteriors, metrics."),
    "embed": ("embed", "Vectors of wav2vec 2.0 for a manifest, as a table for recipes."),
    "evaluate": ("evaluate", "Show the metrics of a run, or apply its models to another corpus."),
    "fuse": ("fuse", "Fuse the posteriors of several runs."),
    "compare": ("compare", "Compare runs on the same utterances, with paired tests."),
    "report": ("report", "Write one self-contained HTML page, or Markdown, about a run."),
    "reproduce": ("reproduce", "Make a published system again: published, as published here, clean."),
    "models": ("models", "List the models and their settings."),
}


@click.group(
    cls=LazyGroup,
    package="emomodels.cli",
    table=COMMANDS,
    context_settings=LOOK,
    epilog="Exit codes: 0 all done, 1 error, 2 wrong usage, 3 some recordings failed, 130 interrupted; `train` goes on.",
)
@version_option()
def cli() -> None:
    """Emotion models on emofeat's features, and results that say how they were obtained."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(run(argv))


def run(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. Errors become one sentence on standard error."""
    return run_group(cli, "emomodels", argv)
