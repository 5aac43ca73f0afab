"""How ids of different sources name the same utterance: key functions, chosen by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from emofeat._suggest import did_you_mean
from emomodels.exceptions import DataError, RecipeError

# A suffix begins with a letter, so that the end of `take-1.25` stays.
_SUFFIX = re.compile(r"\.[A-Za-z]\w{1,5}$")
_RAVDESS = re.compile(r"0[1-3]-(\d\d(?:-\d\d){5})")


def whole(id_: str) -> str:
    """The id as it is."""
    return id_


def stem(id_: str) -> str:
    """The name of the file: without folders and without its suffix.

    >>> stem("Session1/wav/Ses01F_impro01_F000.wav")
    'Ses01F_impro01_F000'
    """
    return _SUFFIX.sub("", re.split(r"[/\\]", id_)[-1])


def ravdess(id_: str) -> str:
    """The six fields that name a clip of RAVDESS, without the first, the modality.

    Audio (`03-…`), video (`02-…`) and audio with video (`01-…`) of one clip have one key.

    >>> ravdess("Actor_07/03-01-05-02-01-01-07.flac") == ravdess("01-01-05-02-01-01-07")
    True

    Raises
    ------
    DataError
        The id is none of RAVDESS.
    """
    found = _RAVDESS.fullmatch(stem(id_))
    if found is None:
        raise DataError(
            f"the id {id_!r} is none of RAVDESS; its file names have seven fields of two digits, such as "
            "03-01-05-02-01-01-07"
        )
    return found[1]


#: Key functions by the name that recipes use.
KEYS: Mapping[str, Callable[[str], str]] = {"id": whole, "stem": stem, "ravdess": ravdess}


def key_function(name: str) -> Callable[[str], str]:
    """The key function called `name`.

    >>> key_function("stem")("a/b.wav")
    'b'

    Raises
    ------
    RecipeError
        There is none; the message suggests one.
    """
    if name not in KEYS:
        raise RecipeError(
            f"no key function {name!r}{did_you_mean(name, KEYS)}; there are {', '.join(KEYS)}", "unknown_name"
        )
    return KEYS[name]
