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
@click.option("--json", "as_json", is_flag=True, help="Everything about every entry, as JSON.")
def list_(as_json: bool) -> None:
    """List all features, transforms of them, sets (--set) and front ends (--preset), one on each line."""
    entries = _entries()
    if as_json:
        click.echo(json.dumps(entries, ensure_ascii=False, indent=1))
        return
    width = max(len(e["name"]) for e in entries)
    for kind, title in _TITLES.items():
        click.echo(f"{title}:")
        for entry in entries:
            if entry["kind"] == kind:
                click.echo(f"  {entry['name']:<{width}}  {entry['summary']}")
    click.echo("emofeat features show NAME describes one.")


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show(name: str, as_json: bool) -> None:
    """Describe NAME: a feature with unit, scope, convention, options and columns, a set, or a front end."""
    entries = {entry["name"]: entry for entry in reversed(_entries())}
    if name not in entries:
        raise click.UsageError(f"there is no feature, set or front end {name!r}{did_you_mean(name, entries)}")
    entry = entries[name]
    click.echo(json.dumps(entry, ensure_ascii=False, indent=1) if as_json else "\n".join(_described(entry)))


_TITLES = {
    "feature": "Features",
    "transform": "Transforms of features, as in delta(mfcc)",
    "set": "Sets, for --set",
    "preset": "Front ends, for --preset",
}


def _entries() -> list[dict[str, Any]]:
    """Everything that has a name; of two with one name the feature comes first."""
    from emofeat._emofeat import catalogue, presets, sets

    named = [
        {**entry, "kind": kind} for kind, many in (("set", sets()), ("preset", presets())) for entry in many
    ]
    return [*catalogue(), *named]


def _described(entry: dict[str, Any]) -> list[str]:
    lines = [f"{entry['name']}: {entry['summary']}", ""]
    if entry["kind"] == "set":
        lines += [f"  {spec}" for spec in entry["features"]]
        for level, features in entry["levels"].items():
            lines += ["", f"--level {level}:", *(f"  {spec}" for spec in features)]
        return lines
    if entry["kind"] == "preset":
        return [*lines, *(f"  {name}={_written(value)}" for name, value in entry["params"].items())]
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
