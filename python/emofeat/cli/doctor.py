"""`emofeat doctor`: versions, and which optional parts are there."""

from __future__ import annotations

import json
import platform
import sys
from importlib import metadata
from typing import Any

import click

_NEEDED = ("numpy", "pyarrow", "click", "pydantic", "PyYAML", "rich")
# Distribution, extra, what it is for.
_OPTIONAL = (
    ("av", "video", "Opus, HE-AAC, AVI, MKV and other recordings that the core does not decode"),
    ("matplotlib", "plot", "emofeat plot"),
    ("pandas", "pandas", "Dataset.to_pandas"),
    ("h5py", "hdf5", "emofeat export --format hdf5"),
    ("audformat", "audformat", "emofeat convert --to audformat"),
    ("scikit-learn", "models", "emomodels"),
    ("torch", "models", "networks of emomodels"),
    ("transformers", "transformers", "wav2vec 2.0 in emomodels"),
    ("tensorboard", "tensorboard", "losses of emomodels for TensorBoard"),
)


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show versions, and which optional parts are there or how to get them."""
    found = _found()
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        click.echo("\n".join(_lines(found)))
    ctx.exit(0 if found["core"]["works"] and None not in found["needed"].values() else 1)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _found() -> dict[str, Any]:
    from emofeat.engine.cores import default_jobs

    return {
        "emofeat": _version("emofeat"),
        "core": _core(),
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "jobs": default_jobs(),
        "needed": {name: _version(name) for name in _NEEDED},
        "optional": {name: _version(name) for name, _, _ in _OPTIONAL},
    }


def _core() -> dict[str, Any]:
    """Whether the compiled module can be loaded, and the version of its numbers."""
    try:
        from emofeat._emofeat import numerics_version

        return {"works": True, "numerics_version": numerics_version()}
    except ImportError as error:
        return {"works": False, "error": str(error)}


def _lines(found: dict[str, Any]) -> list[str]:
    core = found["core"]
    numbers = f"numbers version {core['numerics_version']}" if core["works"] else f"BROKEN: {core['error']}"
    lines = [
        f"emofeat     {found['emofeat'] or 'not installed as a package'} ({numbers})",
        f"python      {found['python']} ({found['executable']})",
        f"platform    {found['platform']}",
        f"threads     {found['jobs']} by default (EMOFEAT_NUM_THREADS, else affinity and control group)",
    ]
    for name, version in found["needed"].items():
        lines.append(f"{name:<12} {version or 'MISSING: pip install emofeat again'}")
    lines.append("optional:")
    for name, extra, purpose in _OPTIONAL:
        version = found["optional"][name]
        state = version or f"not there: pip install 'emofeat[{extra}]'"
        lines.append(f"  {name:<12} {state}  ({purpose})")
    return lines
