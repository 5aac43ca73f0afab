"""Did-you-mean for every name that a person can mistype."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`" (did you mean 'x'?)"` for the known name closest to `name`, else an empty string."""
    import difflib

    folded = {k.casefold(): k for k in known}
    close = difflib.get_close_matches(name.casefold(), folded, 1, 0.6)
    return f" (did you mean {folded[close[0]]!r}?)" if close else ""
