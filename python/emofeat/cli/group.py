"""A group of commands that are imported when they are called, and the errors of a command line as sentences."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from emofeat._suggest import did_you_mean

# What the caller has to say differently; everything else went wrong while doing it.
_USAGE_CODES = ("bad_request", "bad_parameter", "unknown_name", "bad_rate", "bad_recipe")
DONE, FAILED, USAGE, SOME_FAILED, INTERRUPTED = 0, 1, 2, 3, 130
#: How every command line of ours shows its help.
LOOK: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


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
    """Commands by name: the module of `package` that holds each as `command`, and what it is for."""

    def __init__(
        self, *args: Any, package: str = "", table: Mapping[str, tuple[str, str]] | None = None, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.package, self.table = package, table or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.table:
            return None
        from importlib import import_module

        command: click.Command = import_module(f"{self.package}.{self.table[name][0]}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.table.items()])


def show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    """Callback of `--version`."""
    if value:
        from importlib.metadata import version

        click.echo(f"{ctx.find_root().info_name} {version('emofeat')}")
        ctx.exit()


def version_option() -> Callable[[Any], Any]:
    """The option `--version`."""
    return click.option(
        "--version", is_flag=True, is_eager=True, expose_value=False, callback=show_version, help="Show it."
    )


def run(group: click.Group, program: str, argv: list[str] | None = None) -> int:
    """Run a command line; returns the exit code. Errors become one sentence on standard error."""
    from emofeat._log import show_on_stderr

    show_on_stderr()
    try:
        code: Any = group.main(argv, prog_name=program, standalone_mode=False)
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
        click.echo(f"{program}: {_sentence(error)}", err=True)
        return exit_code


def _sentence(error: Exception) -> str:
    """What went wrong; an error of the system without its number."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _code_of(error: Exception) -> int | None:
    """The exit code for an error that a person can do something about; None for a defect."""
    from emofeat.exceptions import EmofeatError

    if isinstance(error, EmofeatError):
        return USAGE if error.code in _USAGE_CODES else FAILED
    return FAILED if isinstance(error, OSError) else None
