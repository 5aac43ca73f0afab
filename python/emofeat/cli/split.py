"""`emofeat split`: who is trained on and who is tested, as a file with a hash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from emofeat.corpus.guard import Audit
    from emofeat.corpus.manifest import Manifest
    from emofeat.corpus.splits import Dev, Split


@click.command("split")
@click.argument("manifest", type=click.Path(dir_okay=False))
@click.option("-o", "--out", required=True, type=click.Path(dir_okay=False), help="The split, as JSON.")
@click.option("--by", metavar="COLUMNS", help="-k folds of whole groups: speaker, or speaker,dialogue.")
@click.option(
    "--leave-one", metavar="COLUMN", help="Each speaker (or session, or other group) is tested once."
)
@click.option("--s4", is_flag=True, help="The five actor folds of S4, for RAVDESS.")
@click.option("--corpus", is_flag=True, help="The corpus' own parts, from the column split.")
@click.option("--corpus-folds", is_flag=True, help="The corpus' own folds, from the column fold.")
@click.option("--random", is_flag=True, help="-k folds of single utterances; see --protocol.")
@click.option("-k", type=int, help="Number of folds, for --by and --random.  [default: 5]")
@click.option(
    "--dev", metavar="next|SHARE", help="A development part: the next fold's groups, or whole groups, 0.1."
)
@click.option("--seed", type=int, default=0, show_default=True, help="For what is drawn.")
@click.option("--labels", metavar="MAP", help="Refuse a fold whose training lacks a class of this label map.")
@click.option("--text", is_flag=True, help="Refuse the same sentence on both sides too.")
@click.option("--protocol", default="clean", show_default=True, help="Or speaker_dependent, as_published.")
@click.option(
    "--off", multiple=True, metavar="GUARD", help="A guard that as_published switches off; repeatable."
)
def command(
    manifest: str,
    out: str,
    by: str | None,
    leave_one: str | None,
    s4: bool,
    corpus: bool,
    corpus_folds: bool,
    random: bool,
    k: int | None,
    dev: str | None,
    seed: int,
    labels: str | None,
    text: bool,
    protocol: str,
    off: tuple[str, ...],
) -> None:
    """Divide MANIFEST into training, development and test, and refuse what would leak.

    Nothing is written if a speaker, session, dialogue, recording or sound is on both sides, unless a protocol
    allows it; its name is then printed on everything made from the split.
    """
    from emofeat.corpus import guard, splits
    from emofeat.corpus.labels import label_map
    from emofeat.corpus.manifest import Manifest

    share = _dev(dev)
    makers: dict[str, Callable[[Manifest], Split]] = {}
    if by is not None:
        makers["--by"] = lambda m: splits.grouped_k_fold(m, k or 5, _names(by), seed, share)
    if leave_one is not None:
        makers["--leave-one"] = lambda m: splits.leave_one_out(m, leave_one, share, seed)
    if s4:
        makers["--s4"] = lambda m: splits.s4_actor_folds(m, share, seed)
    if corpus:
        makers["--corpus"] = lambda m: splits.corpus_split(m, share, seed)
    if corpus_folds:
        makers["--corpus-folds"] = lambda m: splits.corpus_folds(m, share, seed)
    if random:
        makers["--random"] = lambda m: splits.random_k_fold(m, k or 5, seed, share)
    if len(makers) != 1:
        given = f"both {' and '.join(makers)}" if makers else "none"
        raise click.UsageError(
            "give one of --by, --leave-one, --s4, --corpus, --corpus-folds and --random; given: " + given
        )
    ((name, make),) = makers.items()
    if k is not None and name not in ("--by", "--random"):
        raise click.UsageError(f"-k is the number of folds of --by and --random; {name} has its own")
    rules = guard.protocol(protocol, off)
    rows = Manifest.read(manifest)
    split = make(rows)
    audit = guard.audit(
        rows, split, rules, text=text, labels=label_map(labels).apply(rows) if labels else None
    )
    split.write(out)
    click.echo("\n".join(_lines(split, audit)))


def _dev(said: str | None) -> Dev:
    if said is None:
        return None
    if said == "next":
        return "next"
    try:
        return float(said)
    except ValueError:
        raise click.UsageError(f"--dev is {said!r}; it is next, or a share such as 0.1") from None


def _names(said: str) -> list[str]:
    return [name.strip() for name in said.split(",") if name.strip()]


def _lines(split: Split, audit: Audit) -> Iterator[str]:
    seed = "" if split.seed is None else f", seed {split.seed}"
    yield f"{split.name}{seed}: {audit.n_used:,} of {audit.n_in:,} utterances, digest {split.digest[:12]}"
    rows: list[tuple[str, ...]] = [("fold", "train", "dev", "test", "speakers", "same text")]
    for fold in audit.folds:
        text = "unknown" if fold.same_text is None else f"{fold.same_text:.1f} %"
        speakers = "/".join(str(n) for n in fold.speakers.values())
        rows.append((fold.name, *(f"{n:,}" for n in fold.n.values()), speakers, text))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  " + "  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True))
    for fold in audit.folds:
        for part, classes in fold.absent.items():
            yield f"  fold {fold.name}: no {', '.join(classes)} in {part}"
    for stamp in audit.stamps:
        yield f"  ! {stamp}"
