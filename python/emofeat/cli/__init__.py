"""The command line. Commands are loaded when they are called, so that `emofeat --help` stays quick."""

from __future__ import annotations

import sys
from typing import Any

import click

from emofeat._suggest import did_you_mean

# In the order of the help text: module, and what the command is for.
COMMANDS = {
    "extract": ("extract", "Extract features of a corpus into a directory of Parquet parts."),
    "export": ("export", "Write a feature directory in another format."),
    "features": ("features", "List the features there are, or show one."),
    "inspect": ("inspect", "Look at recordings: format, level, clipping, silence, what would be wrong."),
    "plot": ("plot", "Draw a recording: waveform, log-mel, features under it."),
    "check": ("check", "Check a corpus: unusable files, duplicate sound, levels, balance, splits."),
    "convert": ("convert", "Write a corpus in another format: tables, audformat, Kaldi, Hugging Face."),
    "doctor": ("doctor", "Show versions, and which optional parts are there."),
    "completion": ("completion", "Print the completion script of a shell."),
}

# What the caller has to say differently; everything else went wrong while doing it.
_USAGE_CODES = ("bad_request", "bad_parameter", "unknown_name", "bad_rate")
DONE, FAILED, USAGE, SOME_FAILED, INTERRUPTED = 0, 1, 2, 3, 130


class Group(click.Group):
    """A group that suggests the nearest name for a command that does not exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            hint = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """The commands of `COMMANDS`, each imported when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        from importlib import import_module

        command: click.Command = import_module(f"emofeat.cli.{COMMANDS[name][0]}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"emofeat {version('emofeat')}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 all done, 1 error, 2 wrong usage, 3 some recordings failed, 130 interrupted.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show it."
)
def cli() -> None:
    """Features of speech for emotion research: exact, fast, resumable."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(run(argv))


def run(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. Errors become one sentence on standard error."""
    try:
        code: Any = cli.main(argv, prog_name="emofeat", standalone_mode=False)
        return code if isinstance(code, int) else DONE
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has gone; say nothing, also when the interpreter flushes at its end.
        sys.stdout = None
        return DONE
    except Exception as error:
        exit_code = _code_of(error)
        if exit_code is None:
            raise
        click.echo(f"emofeat: {error}", err=True)
        return exit_code


def _code_of(error: Exception) -> int | None:
    """The exit code for an error that a person can do something about; None for a defect."""
    from emofeat.exceptions import EmofeatError

    if isinstance(error, EmofeatError):
        return USAGE if error.code in _USAGE_CODES else FAILED
    return FAILED if isinstance(error, OSError) else None
