"""`emofeat features`: the catalogue."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import click

from emofeat._suggest import did_you_mean
from emofeat.cli import Group


@click.group("features", cls=Group)
def command() -> None:
    """What can be extracted."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Everything about every feature, as JSON.")
def list_(as_json: bool) -> None:
    """List all features and transforms, one on each line."""
    entries = _catalogue()
    if as_json:
        click.echo(json.dumps(entries, ensure_ascii=False, indent=1))
        return
    width = max(len(e["name"]) for e in entries)
    for title, kind in (("Features", "feature"), ("Transforms of features, as in delta(mfcc)", "transform")):
        chosen = [entry for entry in entries if entry["kind"] == kind]
        if chosen:
            click.echo(f"{title}:")
        for entry in chosen:
            click.echo(f"  {entry['name']:<{width}}  {entry['summary']}")
    click.echo("emofeat features show NAME describes one.")


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show(name: str, as_json: bool) -> None:
    """Describe the feature NAME: unit, scope, convention, options with their defaults, columns."""
    entries = {entry["name"]: entry for entry in _catalogue()}
    if name not in entries:
        raise click.UsageError(f"there is no feature {name!r}{did_you_mean(name, entries)}")
    entry = entries[name]
    click.echo(json.dumps(entry, ensure_ascii=False, indent=1) if as_json else "\n".join(_described(entry)))


def _catalogue() -> list[dict[str, Any]]:
    from emofeat._emofeat import catalogue

    entries: list[dict[str, Any]] = catalogue()
    return entries


def _described(entry: dict[str, Any]) -> list[str]:
    lines = [f"{entry['name']}: {entry['summary']}", ""]
    for paragraph in str(entry["doc"]).split("\n\n"):
        lines += [*textwrap.wrap(" ".join(paragraph.split()), 100), ""]
    for label in ("unit", "scope", "convention"):
        if entry.get(label):
            lines.append(f"{label + ':':<12}{entry[label]}")
    columns = entry.get("columns")
    if columns:
        shown = columns if isinstance(columns, str) else ", ".join(columns)
        lines.append(textwrap.shorten(f"{'columns:':<12}{shown}", 100, placeholder=" …"))
    if entry["params"]:
        lines += ["", "options:"]
    for p in entry["params"]:
        unit = f" {p['unit']}" if p.get("unit") else ""
        choices = f" One of {', '.join(map(str, p['choices']))}." if p.get("choices") else ""
        lines.append(f"  {p['name']}={_written(p['default'])}{unit}")
        indent = 6 * " "
        lines += textwrap.wrap(p["doc"] + choices, 96, initial_indent=indent, subsequent_indent=indent)
    return lines


def _written(value: Any) -> str:
    """A default as it is written in a specification."""
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value)
