"""`emomodels models`."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill

import click

_WIDTH = 110


@click.command("models")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """List the models, or say what the model NAME takes and which settings it has, with their defaults."""
    click.echo("\n".join(_all() if name is None else _one(name)))


def _all() -> Iterator[str]:
    from emomodels.models import registry

    found = registry.descriptions()
    width = max(map(len, found))
    for name, what in found.items():
        yield fill(what, _WIDTH, initial_indent=f"{name:{width}}  ", subsequent_indent=" " * (width + 2))


def _one(name: str) -> Iterator[str]:
    from emomodels.models import registry

    model = registry.model_class(name)
    settings, documented = model.settings_class, registry.documented(model.settings_class)
    yield fill(f"{name}: {registry.description(name)}", _WIDTH)
    seed = "depends" if model.stochastic else "does not depend"
    yield f"It takes one {model.takes} for each utterance; the result {seed} on the seed."
    for key, field in settings.model_fields.items():
        yield (
            f"  {key}" if field.is_required() else f"  {key}={field.get_default(call_default_factory=True)!r}"
        )
        said = documented.get(key, "") + " It has to be given." * field.is_required()
        if said:
            yield fill(said.strip(), _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
