"""Reports: a run, a comparison of runs, or a published system made again, as one HTML page or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emofeat._suggest import did_you_mean
from emofeat.store.write import write_text
from emomodels.exceptions import ParameterError
from emomodels.report.content import of_run
from emomodels.report.document import Document
from emomodels.report.html import to_html
from emomodels.report.markdown import to_markdown

__all__ = ["Document", "of_run", "to_html", "to_markdown", "write"]

_FORMATS = {".html": to_html, ".md": to_markdown}


def check_path(path: Path) -> Path:
    """`path`, if a report can be written to it.

    Raises
    ------
    ParameterError
        Its suffix is not that of a report.
    """
    suffix = path.suffix.casefold()
    if suffix not in _FORMATS:
        hint = did_you_mean(suffix, _FORMATS) if suffix else ""
        raise ParameterError(
            f"cannot write a report to {path.name!r}{hint}: the name must end in .html or .md",
            "bad_parameter",
        )
    return path


def write(document: Document, paths: Sequence[str | Path]) -> list[Path]:
    """Write the document to each of `paths`, whose suffix chooses the format; all are checked before any is written."""
    checked = [check_path(Path(path)) for path in paths]
    for path in checked:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, _FORMATS[path.suffix.casefold()](document))
    return checked
