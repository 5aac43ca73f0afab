"""From the folder of a corpus, as it is released, to a manifest: one module for each corpus.

A corpus that is not complete is refused with a list of the differences, unless a part is asked for; then
every row says so in the column `partial`.

>>> list(CORPORA)
['ravdess', 'iemocap', 'msp-improv', 'meld', 'muse-car', 'emodb', 'crema-d', 'folders', 'csv']
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emofeat._suggest import did_you_mean
from emofeat.corpus import known_defects
from emofeat.corpus.manifest import Manifest
from emofeat.corpus.prepare import (
    crema_d,
    emodb,
    folders,
    iemocap,
    meld,
    msp_improv,
    muse_car,
    ravdess,
    table,
)
from emofeat.corpus.prepare.base import Corpus, Count, Found, Option
from emofeat.engine.errors import UsageError

__all__ = ["CORPORA", "Corpus", "Count", "Found", "Option", "Prepared", "corpus", "prepare"]

#: What can be prepared, by name.
CORPORA: Mapping[str, Corpus] = {
    module.CORPUS.name: module.CORPUS
    for module in (ravdess, iemocap, msp_improv, meld, muse_car, emodb, crema_d, folders, table)
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A manifest, and what is to be said about it.

    Parameters
    ----------
    manifest
        The rows, sorted by id.
    corpus
        Name of the corpus.
    differences
        Sentences on how it differs from the complete corpus; none if it is complete.
    notes
        What is usual for the corpus but worth knowing.
    defects
        Rows whose recording is known to be unusable, and why, by id.
    """

    manifest: Manifest
    corpus: str
    differences: Sequence[str]
    notes: Sequence[str]
    defects: Mapping[str, str]


def corpus(name: str) -> Corpus:
    """The corpus called `name`; case, hyphens and underscores do not matter.

    Raises
    ------
    UsageError
        There is none; the message suggests one.

    Examples
    --------
    >>> corpus("MSP_IMPROV").name
    'msp-improv'
    """
    folded = {_folded(known): known for known in CORPORA}
    if _folded(name) not in folded:
        raise UsageError(
            f"there is no corpus {name!r}{did_you_mean(name, CORPORA)}; there are {', '.join(CORPORA)}"
        )
    return CORPORA[folded[_folded(name)]]


def _folded(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "")


def prepare(
    name: str,
    root: str | os.PathLike[str],
    *,
    allow_partial: bool = False,
    audio_check: bool = True,
    **options: Any,
) -> Prepared:
    """Read a corpus into a manifest.

    Parameters
    ----------
    name
        Which corpus, one of `CORPORA`.
    root
        Its folder as it is released; for `csv` the table.
    allow_partial
        Take a part of the corpus; every row then says in `partial` what part it is.
    audio_check
        Look for recordings that sound the same (`audio_group`); takes as long as reading all of them.
    **options
        What the corpus offers, see its `options`.

    Raises
    ------
    UsageError
        No such corpus or option, a folder that holds something else, a file that is not as released, or a
        corpus that differs without `allow_partial`: the message lists the differences.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("03a01Fa.wav", "08b10Wa.wav"):
    ...         Path(folder, name).touch()
    ...     prepared = prepare("emodb", folder, allow_partial=True, audio_check=False)
    >>> prepared.manifest.column("label"), prepared.manifest[0].partial
    (['happiness', 'anger'], '2 of 535 utterances')
    >>> prepared.differences[0]
    '2 of 535 utterances'
    """
    which = corpus(name)
    offered = sorted(option.name for option in which.options)
    for given in options:
        if given not in offered:
            raise UsageError(
                f"{which.name} has no option {given!r}{did_you_mean(given, offered)}; "
                f"it has {', '.join(offered) or 'none'}"
            )
    found = which.read(Path(root).absolute(), **options)
    if not found.utterances:
        raise UsageError(
            f"no utterance of {which.name} in {root} can be used: {'; '.join(found.differences())}"
        )
    differences = found.differences()
    if differences and not allow_partial:
        raise UsageError(
            f"{root} is not the complete {which.name}:\n  "
            + "\n  ".join(differences)
            + "\nto take it as it is, allow a part (--allow-partial); every row will say so"
        )
    partial = found.partial(differences)
    rows = sorted(found.utterances, key=lambda u: u.id)
    manifest = Manifest(replace(u, partial=partial) for u in rows)
    if audio_check:
        from emofeat.corpus.duplicates import mark

        manifest = mark(manifest)
    defects = {
        u.id: known.what for u in manifest if (known := known_defects.of(u)) is not None and not known.if_same
    }
    return Prepared(manifest, which.name, differences, found.notes, defects)


def relative_to(manifest: Manifest, path: str | os.PathLike[str]) -> Manifest:
    """The manifest for writing to `path`: recordings below that folder by their path in it, so that both move together."""
    folder = Path(path).absolute().parent

    def inside(file: str | None) -> str | None:
        if file is None or not Path(file).is_relative_to(folder):
            return file
        return str(Path(file).relative_to(folder))

    return Manifest((replace(u, file=inside(u.file), video=inside(u.video)) for u in manifest), path)
