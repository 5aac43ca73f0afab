"""Recipes that come with emomodels: each begins with a comment that says which commands make its inputs."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from emofeat._suggest import did_you_mean
from emomodels.exceptions import RecipeError


def names() -> list[str]:
    """Names of the packaged recipes.

    >>> "s4-bilstm" in names()
    True
    """
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def find(name: str | Path) -> Path:
    """The recipe file at the path `name`, or the packaged recipe of that name; a file comes first.

    >>> find("s4-bilstm").name
    's4-bilstm.yaml'

    Raises
    ------
    RecipeError
        There is neither; the message lists the packaged ones.
    """
    if Path(name).is_file():
        return Path(name)
    if str(name) in names():
        return _folder() / f"{name}.yaml"
    known = names()
    raise RecipeError(
        f"{name}: no such file, and no packaged recipe{did_you_mean(str(name), known)}; packaged are "
        f"{', '.join(known)}",
        "unknown_name",
    )


def _folder() -> Path:
    return Path(str(resources.files(__name__)))
