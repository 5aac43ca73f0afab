"""`emomodels evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

#: Options of the second use; each needs `--on`.
_OTHER = ("features", "key", "label_map", "allow_missing", "protocol", "off", "out")


@click.command("evaluate")
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--on",
    "manifest",
    type=click.Path(path_type=Path),
    help="Manifest of another corpus to apply the models to.",
)
@click.option(
    "--features",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    help="Features of that corpus, as in the run's recipe; one for each of its sources.",
)
@click.option("--key", help="How ids of manifest and features name one utterance: id, stem, ravdess.")
@click.option("--label-map", metavar="NAME", help="Label map of that corpus; the run's by default.")
@click.option("--allow-missing", is_flag=True, help="Leave out utterances without features.")
@click.option("--protocol", help="clean (default), speaker_dependent or as_published.")
@click.option("--off", multiple=True, metavar="GUARD", help="A guard that as_published switches off.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder of the result on that corpus.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: name, stamps and all metrics.")
def command(
    run: Path,
    manifest: Path | None,
    features: tuple[Path, ...],
    key: str | None,
    label_map: str | None,
    allow_missing: bool,
    protocol: str | None,
    off: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Compute the metrics of the finished RUN anew and hold them against those that it stored.

    With --on, apply its models to another corpus instead. The folds' posteriors are averaged, and classes are those
    that both label maps know; the result is a run like any other, for report and compare.

    \b
    emomodels evaluate runs/audio
    emomodels evaluate runs/audio --on emodb.csv --features emodb-features --label-map emodb7 -o runs/on-emodb
    """
    import json

    from emomodels import evaluate
    from emomodels.report.text import summary

    if manifest is None:
        given = next((name for name in _OTHER if click.get_current_context().params[name]), None)
        if given is not None:
            raise click.UsageError(
                f"--{given.replace('_', '-')} belongs to --on, the manifest of another corpus"
            )
        found = evaluate.again(run)
    elif out is None:
        raise click.UsageError("--on needs -o, the folder of the result")
    else:
        found = evaluate.cross_corpus(
            run,
            manifest,
            features,
            out,
            labels=label_map,
            key=key,
            allow_missing=allow_missing,
            protocol=protocol or "clean",
            off=off,
        )
    if as_json:
        shown = {"name": found.record.name, "stamps": found.record.stamps, "metrics": found.metrics}
        click.echo(json.dumps(shown, ensure_ascii=False))
    else:
        click.echo(summary(found), nl=False)
