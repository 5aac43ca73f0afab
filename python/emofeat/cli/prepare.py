"""`emofeat prepare`: a manifest from the folder of a corpus. Each corpus is a command with its own options."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emofeat._suggest import did_you_mean
from emofeat.cli.group import SOME_FAILED

if TYPE_CHECKING:
    from emofeat.corpus.manifest import Manifest
    from emofeat.corpus.prepare import Corpus, Option, Prepared

_BY = ("label", "speaker", "split", "session")
# More values than this are counted, not listed.
_LISTED = 12


class Corpora(click.Group):
    """A command for each corpus, made when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from emofeat.corpus.prepare import CORPORA

        return list(CORPORA)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        from emofeat.corpus.prepare import corpus
        from emofeat.engine.errors import UsageError

        try:
            return _command(corpus(name))
        except UsageError:
            return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            known = self.list_commands(ctx)
            raise click.UsageError(
                f"there is no corpus {args[0]!r}{did_you_mean(args[0], known)}; there are {', '.join(known)}",
                ctx,
            )
        return super().resolve_command(ctx, args)


def _show_list(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from emofeat.corpus.prepare import CORPORA

        width = max(map(len, CORPORA))
        for known in CORPORA.values():
            click.echo(f"{known.name:<{width}}  {known.title}")
            click.echo(f"{'':<{width}}  reads {known.reads}")
        ctx.exit()


@click.group("prepare", cls=Corpora, subcommand_metavar="NAME ROOT -o MANIFEST [OPTIONS]")
@click.option(
    "--list", "list_", is_flag=True, is_eager=True, expose_value=False, callback=_show_list, help="List them."
)
def command() -> None:
    """Make a manifest from the folder of a corpus.

    A corpus that is not complete is refused, with a list of what differs, unless --allow-partial is given.
    `emofeat prepare NAME --help` shows what can be chosen for a corpus.
    """


def _command(corpus: Corpus) -> click.Command:
    def run(
        root: Path,
        output: Path,
        allow_partial: bool,
        audio_check: bool,
        trim: bool,
        overwrite: bool,
        **options: Any,
    ) -> None:
        from emofeat.corpus.prepare import prepare, relative_to
        from emofeat.corpus.tables import suffix_of
        from emofeat.engine.errors import UsageError

        suffix_of(output)
        if output.exists() and not overwrite:
            raise UsageError(f"{output} exists; --overwrite replaces it")
        if not output.parent.is_dir():
            raise UsageError(f"{output.parent}: no such folder to write {output.name} to")
        chosen = {name: _parsed(value, name) for name, value in options.items() if value}
        if not root.exists():
            raise UsageError(f"{root}: no such {'file' if corpus.name == 'csv' else 'folder'}")
        if audio_check:
            click.echo("recordings are decoded, to find those that sound the same", err=True)
        prepared = prepare(corpus.name, root, allow_partial=allow_partial, audio_check=audio_check, **chosen)
        manifest, n_failed = relative_to(prepared.manifest, output), 0
        if trim:
            manifest, n_failed = _trimmed(manifest)
        manifest.write(output)
        click.echo("\n".join(_summary(prepared, output)), err=True)
        click.get_current_context().exit(SOME_FAILED if n_failed else 0)

    folder = click.Path(path_type=Path)
    params: list[click.Parameter] = [
        click.Argument(["root"], type=folder),
        click.Option(
            ["-o", "--out", "output"],
            type=folder,
            required=True,
            help="CSV, TSV, JSONL or Parquet by suffix.",
        ),
        *map(_option, corpus.options),
        click.Option(["--allow-partial"], is_flag=True, help="Take a part of the corpus; every row says so."),
        click.Option(
            ["--audio-check/--no-audio-check"],
            default=True,
            help="Look for recordings that sound the same.",
        ),
        click.Option(
            ["--trim"], is_flag=True, help="Cut the silence at both ends by new times; see `emofeat trim`."
        ),
        click.Option(["--overwrite"], is_flag=True, help="Replace the manifest."),
    ]
    text = f"Make a manifest of {corpus.title}.\n\nReads {corpus.reads} from ROOT."
    return click.Command(corpus.name, params=params, callback=run, help=text, short_help=corpus.title)


def _trimmed(manifest: Manifest) -> tuple[Manifest, int]:
    """The manifest without the silence at both ends, and how many keep their times, which is told."""
    from emofeat.corpus.trim import trim

    result = trim(manifest)
    for id_, error in result.failures.items():
        click.echo(f"{id_}: not trimmed: {error} ({error.code})", err=True)
    return result.manifest, len(result.failures)


def _option(option: Option) -> click.Option:
    flag = f"--{option.name.replace('_', '-')}"
    if option.kind == "flag":
        return click.Option([flag, option.name], is_flag=True, help=option.help)
    if option.kind == "folder":
        return click.Option([flag, option.name], type=click.Path(path_type=Path), help=option.help)
    several = option.kind == "pairs"
    return click.Option(
        [flag, option.name], multiple=several, metavar="OURS=THEIRS" if several else "TEXT", help=option.help
    )


def _parsed(value: Any, name: str) -> Any:
    """Pairs as a mapping; everything else as it is."""
    if not isinstance(value, tuple):
        return value.absolute() if isinstance(value, Path) else value
    pairs: dict[str, str] = {}
    for text in value:
        ours, equals, theirs = text.partition("=")
        if not equals or not ours or not theirs:
            raise click.BadParameter(
                f"{text!r} is not OURS=THEIRS, such as label=Emotion", param_hint=f"--{name}"
            )
        if ours in pairs:
            raise click.BadParameter(f"{ours!r} is given twice", param_hint=f"--{name}")
        pairs[ours] = theirs
    return pairs


def _summary(prepared: Prepared, output: Path) -> Iterator[str]:
    from emofeat.corpus.prepare.base import several

    manifest = prepared.manifest
    yield f"{prepared.corpus}: {several(len(manifest), 'utterance')}: {output}"
    for name in _BY:
        counts = Counter(value for value in manifest.column(name) if value is not None)
        if counts:
            yield f"  {name:<8} {_counted(counts)}"
    yield f"  files    {_files(manifest)}"
    if prepared.differences:
        yield f"not the complete corpus (column partial: {manifest[0].partial}):"
        yield from (f"  {line}" for line in prepared.differences)
    yield from (f"note: {line}" for line in prepared.notes)
    yield from (f"known defect: {id}: {why}" for id, why in prepared.defects.items())


def _counted(counts: Counter[str]) -> str:
    if len(counts) > _LISTED:
        least, most = min(counts.values()), max(counts.values())
        each = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        return f"{len(counts):,} of them, {each} utterances each"
    return ", ".join(f"{name} {n:,}" for name, n in sorted(counts.items()))


def _files(manifest: Manifest) -> str:
    sounds, pictures = (sum(v is not None for v in manifest.column(c)) for c in ("file", "video"))
    groups = [g for g in manifest.column("audio_group") if g is not None]
    text = f"{sounds:,} with sound, {pictures:,} with video"
    if not groups:
        return f"{text}; not looked at for recordings that sound the same"
    return f"{text}; {len(groups) - len(set(groups)):,} that sound like another"
