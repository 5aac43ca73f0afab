"""`emomodels models`."""

from __future__ import annotations

import click


@click.command("models")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """List the models, or the settings of the model NAME with their defaults."""
    from emomodels.models import registry

    if name is None:
        for model, what in registry.descriptions().items():
            click.echo(f"{model:24s} {what}")
        return
    for key, field in registry.model_class(name).settings_class.model_fields.items():
        click.echo(f"{key:24s} {field.default!r:16} {field.description or ''}".rstrip())
