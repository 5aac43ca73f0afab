"""Normalisation as a fit object: what it was fitted on is part of it, and it applies to nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from emomodels.data import storage
from emomodels.data.examples import Examples
from emomodels.data.features import OnNonfinite, finite_columns, refuse_nonfinite
from emomodels.exceptions import DataError, ModelError

# Values that differ by no more than the rounding of 32-bit arithmetic do not vary: divided by their spread
# they would be noise of the size of a signal.
_ROUNDING = 1e-6
# Quantiles need all values of a column at once; this many columns of all frames are gathered at a time.
_COLUMNS_AT_ONCE = 16


class NormaliserSettings(BaseModel):
    """How features are normalised.

    Parameters
    ----------
    method
        `zscore`: mean 0, standard deviation 1. `minmax`: from 0 to 1. `robust`: median 0, interquartile range
        1. `none`.
    by
        `corpus`: statistics of all training utterances. `speaker`: of each speaker's own utterances, those to be
        predicted among them; needs `transductive`.
    transductive
        Accept that the utterances to be predicted are seen together before any is predicted, which a system in
        use cannot do. It is stamped on every result.
    clip
        Least and greatest value after scaling; None: no limit.
    pca
        Number of principal components kept, or the share of the variance (below 1); None: no rotation.
    on_nonfinite
        What to do about NaN and infinite features: `drop_columns` where a training value is not finite,
        `impute_train_median`, or refuse (`error`; `drop_rows` is the join's work and refuses here too).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["none", "zscore", "minmax", "robust"] = "zscore"
    by: Literal["corpus", "speaker"] = "corpus"
    transductive: bool = False
    clip: tuple[float, float] | None = None
    pca: int | float | None = Field(default=None, gt=0)
    on_nonfinite: OnNonfinite = "error"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.by == "speaker" and not self.transductive:
            raise ValueError(
                "normalisation by speaker looks at all utterances of the speakers to be predicted; say so with "
                "transductive: true, which is stamped on the results, or normalise by corpus"
            )
        if self.transductive and self.by != "speaker":
            raise ValueError(
                "transductive belongs to normalisation by speaker; by corpus nothing is transductive"
            )
        if self.clip is not None and not self.clip[0] < self.clip[1]:
            raise ValueError(
                f"clip is from {self.clip[0]:g} to {self.clip[1]:g}; the first must be the smaller"
            )
        return self


@dataclass(frozen=True)
class Normaliser:
    """A fitted normalisation; made by `fit`.

    Parameters
    ----------
    settings
        What it was asked to do.
    fit_ids
        The ids whose features it has seen.
    columns
        Names of the columns that it takes.
    kept
        Positions of the columns that it does not drop.
    fill
        Value for what is not finite, by kept column; None where that is an error.
    centre, scale
        By kept column, float64: `(x - centre) / scale`.
    constant, near_constant
        Columns that do not vary in training, or vary by rounding alone; their scale is 1.
    imputed
        How many training values were not finite, by column.
    components, component_mean
        Principal components `(k, d)` and what is subtracted before.
    """

    settings: NormaliserSettings
    fit_ids: frozenset[str]
    columns: tuple[str, ...]
    kept: NDArray[np.int64]
    fill: NDArray[np.float64] | None
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    constant: tuple[str, ...] = ()
    near_constant: tuple[str, ...] = ()
    imputed: dict[str, int] | None = None
    components: NDArray[np.float64] | None = None
    component_mean: NDArray[np.float64] | None = None

    @property
    def stamps(self) -> tuple[str, ...]:
        """What must be printed on everything made with it."""
        if not self.settings.transductive:
            return ()
        return ("transductive: normalised by speaker, with statistics of the utterances that are predicted",)

    def seen(self, ids: Iterable[str]) -> frozenset[str]:
        """The ids whose features decide how those of `ids` are normalised: by speaker, their own too."""
        return self.fit_ids | frozenset(ids) if self.settings.transductive else self.fit_ids

    @property
    def dropped(self) -> tuple[str, ...]:
        """Columns that training values which are not finite have cost."""
        return tuple(np.delete(np.array(self.columns, object), self.kept))

    @property
    def columns_out(self) -> tuple[str, ...]:
        """Names of the columns that it gives."""
        if self.components is not None:
            return tuple(f"pc{i + 1}" for i in range(len(self.components)))
        return tuple(self.columns[i] for i in self.kept)

    def apply(self, examples: Examples) -> Examples:
        """`examples` normalised: vectors in float64, sequences in float32.

        By speaker, all utterances of a speaker must come in one call.

        Raises
        ------
        DataError
            Other columns than those of the fit, values that are not finite, no speakers where they are needed.
        """
        if examples.columns != self.columns:
            raise DataError(
                f"the normalisation was fitted on other columns: {difference(self.columns, examples.columns)}"
            )
        known = self._finite(examples)
        scaled = self._by_speaker(known) if self.settings.by == "speaker" else self._scaled(known)
        x = [self._rotated(block) for block in scaled]
        if examples.sequences:
            return replace(examples, x=tuple(b.astype(np.float32) for b in x), columns=self.columns_out)
        return replace(examples, x=x[0], columns=self.columns_out)

    def _finite(self, examples: Examples) -> Examples:
        """The kept columns, with what is not finite filled in or refused."""
        kept = _select(examples, self.kept)
        if self.fill is None:
            refuse_nonfinite(kept)
            return kept
        fill = self.fill
        return _mapped(kept, lambda block: np.where(np.isfinite(block), block, fill))

    def _scaled(self, examples: Examples) -> list[NDArray[np.float64]]:
        return [self._limited((block - self.centre) / self.scale) for block in _blocks(examples)]

    def _by_speaker(self, examples: Examples) -> list[NDArray[np.float64]]:
        """Each speaker's utterances with the statistics of all of them."""
        if not examples.speakers:
            raise DataError(
                "normalisation by speaker needs the speaker of every utterance; the manifest has none"
            )
        blocks: list[NDArray[np.float64]] = [np.asarray(x, np.float64) for x in examples.x]
        who = np.array(examples.speakers)
        for speaker in np.unique(who):
            at = np.flatnonzero(who == speaker)
            centre, scale, _, _ = _statistics(_blocks(examples.take(at)), self.settings.method)
            for i in at:
                blocks[i] = self._limited((blocks[i] - centre) / scale)
        return blocks if examples.sequences else [np.stack(blocks)]

    def _limited(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        return block if self.settings.clip is None else np.clip(block, *self.settings.clip)

    def _rotated(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.components is None or self.component_mean is None:
            return block
        rotated: NDArray[np.float64] = (block - self.component_mean) @ self.components.T
        return rotated

    def describe(self) -> dict[str, Any]:
        """What a report says about it: settings, number of ids, columns that were treated apart."""
        return {
            "settings": self.settings.model_dump(),
            "n_fit": len(self.fit_ids),
            "columns": len(self.columns),
            "columns_out": len(self.columns_out),
            "constant": list(self.constant),
            "near_constant": list(self.near_constant),
            "dropped": list(self.dropped),
            "imputed": dict(self.imputed or {}),
            "stamps": list(self.stamps),
        }

    def save(self, folder: Path) -> None:
        """Write `normaliser.safetensors` and `normaliser.json` to `folder`."""
        arrays = {name: getattr(self, name) for name in _ARRAYS if getattr(self, name) is not None}
        described = {
            "settings": self.settings.model_dump(),
            "fit_ids": sorted(self.fit_ids),
            "columns": list(self.columns),
            "constant": list(self.constant),
            "near_constant": list(self.near_constant),
            "imputed": self.imputed,
        }
        storage.write(folder, "normaliser", described, arrays)

    @classmethod
    def load(cls, folder: Path) -> Normaliser:
        """The normalisation that `save` wrote.

        Raises
        ------
        ModelError
            A file is missing or damaged.
        """
        described, arrays = storage.read(folder, "normaliser")
        try:
            return cls(
                settings=NormaliserSettings(**described["settings"]),
                fit_ids=frozenset(described["fit_ids"]),
                columns=tuple(described["columns"]),
                constant=tuple(described["constant"]),
                near_constant=tuple(described["near_constant"]),
                imputed=described["imputed"],
                **{name: arrays.get(name) for name in _ARRAYS},  # type: ignore[arg-type]
            )
        except (KeyError, ValueError, TypeError) as error:
            raise ModelError(f"{folder / 'normaliser.json'} is damaged: {error}") from error


_ARRAYS = ("kept", "fill", "centre", "scale", "components", "component_mean")


def fit(train: Examples, settings: NormaliserSettings | None = None) -> Normaliser:
    """Fit a normalisation on the training examples, in float64; of sequences, all frames count alike.

    Examples
    --------
    >>> train = Examples(("a", "b"), np.array([[1.0, 5.0], [3.0, 5.0]]), ("f0", "gain"), ("sad",))
    >>> fitted = fit(train)
    >>> fitted.apply(train).x
    array([[-1.,  0.],
           [ 1.,  0.]])
    >>> fitted.constant, sorted(fitted.fit_ids)
    (('gain',), ['a', 'b'])

    Raises
    ------
    DataError
        No examples; values that are not finite and no way chosen to treat them.
    """
    settings = settings or NormaliserSettings()
    if not len(train):
        raise DataError("no training example to fit a normalisation on", "empty")
    kept = _kept_columns(train, settings)
    fill, imputed = _medians(train) if settings.on_nonfinite == "impute_train_median" else (None, None)
    columns = tuple(train.columns[i] for i in kept)
    plain = Normaliser(
        settings, frozenset(train.ids), train.columns, kept, fill, np.zeros(len(kept)), np.ones(len(kept))
    )
    known = plain._finite(train)
    centre, scale, constant, near = _statistics(_blocks(known), settings.method)
    fitted = replace(
        plain,
        centre=centre,
        scale=scale,
        imputed=imputed,
        constant=_named(columns, constant),
        near_constant=_named(columns, near),
    )
    return fitted if settings.pca is None else _with_components(fitted, train, settings.pca)


def _kept_columns(train: Examples, settings: NormaliserSettings) -> NDArray[np.int64]:
    if settings.on_nonfinite != "drop_columns":
        return np.arange(len(train.columns))
    kept = np.flatnonzero(finite_columns(train)[1])
    if not len(kept):
        raise DataError(
            "every column has NaN or infinite values in training; none would be left", "non_finite"
        )
    return kept


def _medians(train: Examples) -> tuple[NDArray[np.float64], dict[str, int]]:
    """The median of each column's finite values, and how many are not finite."""
    missing = sum(
        (np.sum(~np.isfinite(b), axis=0) for b in _blocks(train)), np.zeros(len(train.columns), np.int64)
    )
    total = sum(len(b) for b in _blocks(train))
    empty = [name for name, n in zip(train.columns, missing, strict=True) if n == total]
    if empty:
        raise DataError(
            f"{', '.join(empty[:5])}: no finite value in training to take a median of; choose drop_columns",
            "non_finite",
        )
    fill = np.concatenate(
        [np.nanmedian(np.where(np.isfinite(part), part, np.nan), axis=0) for part in _gathered(train)]
    )
    return fill, {name: int(n) for name, n in zip(train.columns, missing, strict=True) if n}


def _statistics(
    blocks: Sequence[NDArray[Any]], method: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Centre and scale of each column, and which columns are constant or vary by rounding alone."""
    low = np.min([b.min(axis=0) for b in blocks if len(b)], axis=0).astype(np.float64)
    high = np.max([b.max(axis=0) for b in blocks if len(b)], axis=0).astype(np.float64)
    constant = low == high
    near = ~constant & (high - low <= _ROUNDING * np.maximum(np.abs(low), np.abs(high)))
    centre, scale = _METHODS[method](blocks, low, high)
    return centre, np.where(constant | near | (scale == 0), 1.0, scale), constant, near


def _moments(
    blocks: Sequence[NDArray[Any]], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n = sum(len(b) for b in blocks)
    mean = sum((b.sum(axis=0, dtype=np.float64) for b in blocks), np.zeros(len(low))) / n
    # In two passes: the difference of large sums would lose small variances.
    power = sum((np.square(b - mean).sum(axis=0) for b in blocks), np.zeros(len(low))) / n
    # A mean of equal numbers may differ from them in the last bit.
    return np.where(low == high, low, mean), np.sqrt(power)


def _quartiles(
    blocks: Sequence[NDArray[Any]], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    parts = [np.quantile(part, (0.25, 0.5, 0.75), axis=0) for part in _columns_of(blocks)]
    first, median, third = np.concatenate(parts, axis=1)
    return median, third - first


_METHODS: dict[str, Callable[..., tuple[NDArray[np.float64], NDArray[np.float64]]]] = {
    "none": lambda blocks, low, high: (np.zeros_like(low), np.ones_like(low)),
    "zscore": _moments,
    "minmax": lambda blocks, low, high: (low, high - low),
    "robust": _quartiles,
}


def _with_components(fitted: Normaliser, train: Examples, pca: int | float) -> Normaliser:
    from emofeat.store.extras import need

    decomposition = need("sklearn.decomposition", "models")
    scaled = np.concatenate([np.asarray(b, np.float64) for b in _blocks(fitted.apply(train))])
    most = min(scaled.shape)
    if pca >= 1 and (pca != int(pca) or pca > most):
        raise DataError(
            f"pca is {pca:g}; {len(scaled)} training rows of {scaled.shape[1]} columns allow 1 to {most}"
        )
    # The exact solver: the randomised one would need a seed and give other numbers.
    found = decomposition.PCA(int(pca) if pca >= 1 else pca, svd_solver="full").fit(scaled)
    return replace(fitted, components=found.components_, component_mean=found.mean_)


def _blocks(examples: Examples) -> list[NDArray[Any]]:
    """The inputs as matrices: one of all vectors, or one per sequence."""
    return list(examples.x) if isinstance(examples.x, tuple) else [examples.x]


def _gathered(examples: Examples) -> Iterator[NDArray[np.float64]]:
    return _columns_of(_blocks(examples))


def _columns_of(blocks: Sequence[NDArray[Any]]) -> Iterator[NDArray[np.float64]]:
    """All rows, a few columns at a time."""
    for first in range(0, blocks[0].shape[1], _COLUMNS_AT_ONCE):
        yield np.concatenate([b[:, first : first + _COLUMNS_AT_ONCE] for b in blocks]).astype(np.float64)


def _mapped(examples: Examples, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Examples:
    if isinstance(examples.x, tuple):
        return replace(examples, x=tuple(change(s) for s in examples.x))
    return replace(examples, x=change(examples.x))


def _select(examples: Examples, kept: NDArray[np.int64]) -> Examples:
    if len(kept) == len(examples.columns):
        return examples
    chosen = _mapped(examples, lambda block: block[:, kept])
    return replace(chosen, columns=tuple(examples.columns[i] for i in kept))


def _named(columns: Sequence[str], where: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(name for name, is_so in zip(columns, where, strict=True) if is_so)


def difference(expected: Sequence[str], given: Sequence[str]) -> str:
    """In words, how two lists of columns differ."""
    missing = [name for name in expected if name not in set(given)]
    further = [name for name in given if name not in set(expected)]
    if not missing and not further:
        at = next(i for i, (a, b) in enumerate(zip(expected, given, strict=False)) if a != b)
        return f"the order differs from column {at} on ({expected[at]!r} against {given[at]!r})"
    words = [
        f"{len(names)} {what} ({', '.join(names[:5])})"
        for names, what in ((missing, "missing"), (further, "further"))
        if names
    ]
    return ", ".join(words)
