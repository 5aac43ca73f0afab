"""Drawings of a report, as SVG that is the same each time it is made.

Colours are those of Okabe and Ito (2008), which people with any kind of colour vision tell apart; no drawing
says by colour alone what it says.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emofeat.store.extras import need

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#57606a"
_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#8c959f",
    "axes.grid": True,
    "axes.labelcolor": "#1b1f24",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "font.family": "sans-serif",
    "font.size": 10,
    "grid.color": "#e6eaee",
    "legend.frameon": False,
    # The same ids in the same drawing, whenever it is made.
    "svg.hashsalt": "emomodels",
    # Letters stay letters: they can be read aloud and searched.
    "svg.fonttype": "none",
    # A class named `$x$` is a name, not a formula.
    "text.parse_math": False,
    "xtick.color": "#57606a",
    "ytick.color": "#57606a",
}


@contextmanager
def _drawing(width: float, height: float, **panels: Any) -> Iterator[tuple[Any, Any, io.StringIO]]:
    """A figure, its axes, and the buffer that holds its SVG when the block has ended."""
    matplotlib = need("matplotlib", "plot")
    from matplotlib.figure import Figure

    out = io.StringIO()
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # The font of whoever reads the file draws the letters, also those that the font here does not have.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.subplots(**panels), out
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})


def confusion(matrix: NDArray[np.int64], classes: Sequence[str], title: str) -> str:
    """A confusion matrix, rows true: the shade is the share of the row, the number the count.

    Parameters
    ----------
    matrix
        `(K, K)` counts.
    """
    k = len(classes)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    names = [_shortened(name) for name in classes]
    # Room for the names beside and, at an angle, below the cells, and for the title above.
    longest = 0.09 * max(map(len, names))
    width, height = max(5.0, 2.2 + 0.55 * k + longest), 1.9 + 0.55 * k + longest
    with _drawing(width, height) as (figure, ax, out):
        image = ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(k, k):
            ink = "white" if share[row, column] > 0.55 else "#1b1f24"
            weight = "bold" if row == column else "normal"
            ax.text(
                column, row, str(matrix[row, column]), ha="center", va="center", color=ink, fontweight=weight
            )
        ax.set_xticks(range(k), names, rotation=45, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(k), names)
        ax.set(xlabel="predicted", ylabel="true")
        _title(figure, title)
        ax.grid(False)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        bar = figure.colorbar(image, ax=ax, shrink=0.7, label="share of the true class")
        bar.outline.set_visible(False)
    return out.getvalue()


def intervals(rows: Sequence[tuple[str, float, float, float]], label: str, title: str, chance: float) -> str:
    """Values with their intervals, one line each, beside the level of chance.

    Parameters
    ----------
    rows
        Name, value, lower and upper end, all from 0 to 1; an end that is not defined is NaN.
    """
    height = 1.6 + 0.32 * len(rows)
    with _drawing(7.5, height) as (figure, ax, out):
        at = np.arange(len(rows))
        value, low, high = (np.array([row[i] for row in rows], float) for i in (1, 2, 3))
        ax.errorbar(
            value,
            at,
            xerr=np.vstack([value - low, high - value]),
            fmt="o",
            color=BLUE,
            ecolor=GREY,
            capsize=3,
        )
        ax.axvline(chance, color=ORANGE, linestyle="--", linewidth=1.2)
        ax.annotate(
            "chance",
            (chance, 1),
            xycoords=("data", "axes fraction"),
            color=ORANGE,
            xytext=(4, -11),
            textcoords="offset points",
        )
        ax.set_yticks(at, [_shortened(row[0]) for row in rows])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlim(0, 1)
        ax.xaxis.set_major_formatter(lambda v, _: f"{v:.0%}")
        ax.grid(axis="y", visible=False)
        ax.set_xlabel(label)
        _title(figure, title)
    return out.getvalue()


def reliability(
    confidence: NDArray[np.float64],
    accuracy: NDArray[np.float64],
    count: NDArray[np.int64],
    edges: NDArray[np.float64],
    title: str,
) -> str:
    """Accuracy against confidence, bin by bin, with how many decisions each bin holds below.

    Parameters
    ----------
    confidence, accuracy
        Means of the bins that hold decisions.
    count
        `(B,)` decisions in each bin, empty ones included.
    edges
        `(B + 1,)` of the bins.
    """
    panels = {"nrows": 2, "sharex": True, "height_ratios": (3, 1)}
    with _drawing(5.6, 5.2, **panels) as (figure, (above, below), out):
        above.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1.2, label="perfectly calibrated")
        above.plot(confidence, accuracy, "o-", color=BLUE, label="this result", clip_on=False)
        above.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
        above.legend(loc="upper left")
        _title(figure, title)
        below.bar(edges[:-1], count, width=np.diff(edges), align="edge", color=BLUE, edgecolor="white")
        below.set(xlabel="confidence: the highest probability", ylabel="decisions")
        below.grid(axis="x", visible=False)
    return out.getvalue()


def training(
    fits: Mapping[str, Sequence[Mapping[str, float | None]]], kept: Mapping[str, int | None], title: str
) -> str:
    """Losses and UAR over the epochs of one seed, a panel for each fold; a line marks the epoch that was kept.

    Parameters
    ----------
    fits
        By fold, one mapping per epoch.
    kept
        By fold, the epoch whose weights were kept.
    """
    across = min(3, len(fits))
    down = -(-len(fits) // across)
    panels = {"nrows": down, "ncols": across, "squeeze": False, "sharey": True}
    with _drawing(3.4 * across + 1.2, 2.5 * down + 0.9, **panels) as (figure, axes, out):
        for ax in axes.flat[len(fits) :]:
            ax.set_visible(False)
        shown: dict[str, Any] = {}
        for ax, (fold, epochs) in zip(axes.flat, fits.items(), strict=False):
            shown |= _curves(ax, epochs, kept.get(fold))
            ax.set_title(f"fold {fold}", fontweight="normal", loc="left")
            ax.set_xlabel("epoch")
            ax.xaxis.get_major_locator().set_params(integer=True)
        for ax in axes[:, 0]:
            ax.set_ylabel("loss")
        figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=4)
        _title(figure, title)
    return out.getvalue()


# Key of an epoch, what it is called, colour, line.
_LOSSES: tuple[tuple[str, str, str, Any], ...] = (
    ("train_loss", "training loss", BLUE, "-"),
    ("dev_loss", "development loss", ORANGE, (0, (5, 1))),
)


def _curves(ax: Any, epochs: Sequence[Mapping[str, float | None]], kept: int | None) -> dict[str, Any]:
    """Draw one fit; returns what was drawn, by its name in the legend."""
    shown = {}
    x = [e.get("epoch", i) for i, e in enumerate(epochs, 1)]
    for key, name, colour, line in _LOSSES:
        if any(e.get(key) is not None for e in epochs):
            shown[name] = ax.plot(x, _values(epochs, key), linestyle=line, color=colour)[0]
    if any(e.get("dev_uar") is not None for e in epochs):
        right = ax.twinx()
        shown["development UAR"] = right.plot(x, _values(epochs, "dev_uar"), ":", color=GREEN)[0]
        right.set_ylim(0, 1)
        right.grid(False)
        right.yaxis.set_major_formatter(lambda v, _: f"{v:.0%}")
        right.tick_params(axis="y", colors=GREEN)
    if kept is not None:
        shown["epoch kept"] = ax.axvline(kept, color=GREY, linestyle="--", linewidth=1)
    return shown


def _values(epochs: Sequence[Mapping[str, float | None]], key: str) -> list[float]:
    return [float("nan") if (v := e.get(key)) is None else v for e in epochs]


def _shortened(name: str, most: int = 24) -> str:
    """A name that leaves room for the drawing; the table beside it has the whole one."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _title(figure: Any, title: str) -> None:
    """The title at the left, in lines that fit the figure."""
    from textwrap import fill

    # About ten bold letters of 11 points to the inch.
    text = fill(title, int(figure.get_figwidth() * 10))
    figure.suptitle(text, x=0.01, ha="left", fontsize=11, fontweight="bold")
