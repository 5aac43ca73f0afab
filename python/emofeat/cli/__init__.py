"""The command line. Commands are loaded when they are called, so that `emofeat --help` stays quick."""

from __future__ import annotations

import sys

import click

from emofeat.cli.group import (
    DONE,
    FAILED,
    INTERRUPTED,
    LOOK,
    SOME_FAILED,
    USAGE,
    Group,
    LazyGroup,
    version_option,
)
from emofeat.cli.group import run as run_group

__all__ = ["DONE", "FAILED", "INTERRUPTED", "SOME_FAILED", "USAGE", "Group", "cli", "main", "run"]

# In the order of the help text: module, and what the command is for.
COMMANDS = {
    "split": ("split", "Divide a manifest into training, development and test, and refuse what would leak."),
    "trim": ("trim", "Cut the silence at both ends of each utterance, by new times in the manifest."),
    "extract": ("extract", "Extract features of a corpus into a directory of Parquet parts."),
    "export": ("export", "Write a feature directory in another format."),
    "prepare": ("prepare", "Make a manifest from the folder of a corpus."),
    "features": ("features", "List the features there are, or show one."),
    "inspect": ("inspect", "Look at recordings: format, level, clipping, silence, what would be wrong."),
    "plot": ("plot", "Draw a recording: waveform, log-mel, features under it."),
    "check": ("check", "Check a corpus: unusable files, duplicate sound, levels, balance, splits."),
    "convert": ("convert", "Write a corpus in another format: tables, audformat, Kaldi, Hugging Face."),
    "doctor": ("doctor", "Show versions, and which optional parts are there."),
    "completion": ("completion", "Print the completion script of a shell."),
}


@click.group(
    cls=LazyGroup,
    package="emofeat.cli",
    table=COMMANDS,
    context_settings=LOOK,
    epilog="Exit codes: 0 all done, 1 error, 2 wrong usage, 3 some recordings failed, 130 interrupted.",
)
@version_option()
def cli() -> None:
    """Features of speech for emotion research: exact, fast, resumable."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(run(argv))


def run(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. Errors become one sentence on standard error."""
    return run_group(cli, "emofeat", argv)
