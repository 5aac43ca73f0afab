"""`emofeat completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    bash  eval "$(emofeat completion bash)"            in ~/.bashrc
    zsh   eval "$(emofeat completion zsh)"             in ~/.zshrc
    fish  emofeat completion fish > ~/.config/fish/completions/emofeat.fish
    """
    from click.shell_completion import BashComplete, get_completion_class

    from emofeat.cli import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    # The script alone: click would start a bash to see whether its version is new enough.
    completer = kind(cli, {}, "emofeat", "_EMOFEAT_COMPLETE")
    source = (
        completer.source_template % completer.source_vars() if kind is BashComplete else completer.source()
    )
    click.echo(source)
