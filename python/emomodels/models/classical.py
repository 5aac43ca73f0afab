"""scikit-learn's classifiers behind the contract of `Estimator`, saved as plain arrays.

A fitted model is its arrays: predictions are made from them alone, before saving and after loading. scikit-learn
is imported when a model is fitted, and when nearest neighbours predict.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from emofeat.store.extras import need
from emomodels.data import storage
from emomodels.data.examples import Examples
from emomodels.data.features import refuse_nonfinite
from emomodels.exceptions import DataError, ModelError, RecipeError
from emomodels.models.base import Context, Estimator, History, Settings

Floats = NDArray[np.float64]
#: `balanced`: a class counts as much as any other, however many examples it has.
ClassWeight = Literal["balanced"] | None


@dataclass(slots=True)
class Fitted:
    """What a fit leaves: arrays that predictions are made from, and what happened."""

    arrays: dict[str, NDArray[Any]]
    epochs: tuple[Mapping[str, float], ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


class Classical(Estimator):
    """What the classifiers of scikit-learn have in common: checks, notes, saving and loading."""

    takes = "vector"
    on_device = False

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.columns: tuple[str, ...] = ()
        self.arrays: dict[str, NDArray[Any]] = {}

    def fit(self, train: Examples, dev: Examples | None, *, seed: int, context: Context) -> History:
        """Fit on `train`. None of these models stops early, so that `dev` is not looked at.

        What does not converge is a note in `History.extra["notes"]`.

        Raises
        ------
        DataError
            Sequences, no labels, a class without examples, values that are not finite.
        """
        need("sklearn", "models")
        x, y = _training_data(self.name, train)
        self.__dict__.pop("_model", None)
        self.classes, self.columns = train.classes, train.columns
        with _convergence_notes() as notes:
            fitted = self._fit(x, y, train, seed)
        self.arrays = {name: np.ascontiguousarray(a) for name, a in fitted.arrays.items()}
        extra = {**fitted.extra, "notes": [*fitted.extra.get("notes", []), *notes]}
        return History(epochs=fitted.epochs, extra=extra)

    def predict(self, examples: Examples) -> Floats:
        """Posteriors `(n, len(classes))`; rows sum to 1.

        Raises
        ------
        ModelError
            The model was not fitted, or on other columns.
        DataError
            Sequences, values that are not finite.
        """
        if not self.arrays:
            raise ModelError(f"{self.name} has not been fitted")
        if examples.columns != self.columns:
            raise ModelError(
                f"{self.name} was fitted on {len(self.columns)} columns beginning with {self.columns[:3]}; these "
                f"are {len(examples.columns)} beginning with {examples.columns[:3]}"
            )
        return self._posteriors(_vectors(self.name, examples))

    def save(self, folder: Path) -> None:
        """Write `model.safetensors` and `model.json`."""
        described = {
            "model": self.name,
            "settings": self.settings.model_dump(),
            "classes": list(self.classes),
            "columns": list(self.columns),
            "scikit-learn": need("sklearn", "models").__version__,
        }
        storage.write(folder, "model", described, self.arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote.

        Raises
        ------
        ModelError
            It is missing, damaged, or another kind of model.
        """
        described, arrays = storage.read(folder, "model")
        if described.get("model") != cls.name:
            raise ModelError(f"{folder} holds the model {described.get('model')!r}, not {cls.name!r}")
        try:
            model = cls(cls.settings_class(**described["settings"]))
            model.classes, model.columns = tuple(described["classes"]), tuple(described["columns"])
        except (KeyError, ValueError, TypeError) as error:
            raise ModelError(f"{folder / 'model.json'} is damaged: {error}") from error
        model.arrays = arrays
        return model

    @abstractmethod
    def _fit(self, x: Floats, y: NDArray[np.int64], train: Examples, seed: int) -> Fitted:
        """Fit on `x` `(n, d)` and class indices `y`, every class among them."""

    @abstractmethod
    def _posteriors(self, x: Floats) -> Floats:
        """Posteriors from `self.arrays` alone."""


def _vectors(name: str, examples: Examples) -> Floats:
    if isinstance(examples.x, tuple):
        raise DataError(
            f"{name} takes one vector per utterance, these are sequences; choose functionals or a model of sequences"
        )
    refuse_nonfinite(examples)
    return np.ascontiguousarray(examples.x, np.float64)


def _training_data(name: str, train: Examples) -> tuple[Floats, NDArray[np.int64]]:
    if train.y is None:
        raise DataError(f"{name} is trained on labels; these examples have none")
    counts = np.bincount(train.y, minlength=len(train.classes))
    absent = [c for c, n in zip(train.classes, counts, strict=True) if n == 0]
    if absent or len(train.classes) < 2:
        raise DataError(
            f"{name} needs training examples of at least two classes and of each: none of {', '.join(absent)} among "
            f"{len(train)}; choose another split or a label map without it"
            if absent
            else f"{name} needs at least two classes, these examples have {len(train.classes)}",
            "absent_class",
        )
    return _vectors(name, train), train.y


@contextmanager
def _convergence_notes() -> Iterator[list[str]]:
    """Collects what scikit-learn says about convergence; other warnings are given on."""
    from sklearn.exceptions import ConvergenceWarning

    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield notes
    for warning in caught:
        if issubclass(warning.category, ConvergenceWarning):
            sentence = str(warning.message).splitlines()[0]
            if sentence not in notes:
                notes.append(sentence)
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _softmax(z: Floats) -> Floats:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    posteriors: Floats = e / e.sum(axis=1, keepdims=True)
    return posteriors


def _from_logits(z: Floats) -> Floats:
    """Posteriors from one logit per class, or from the one logit of the second of two classes."""
    return _softmax(np.hstack([np.zeros_like(z), z]) if z.shape[1] == 1 else z)


# Support vector machines

# Of many columns, products of up to this many training utterances are computed at once by BLAS, much faster than
# one by one in libsvm; 5,000 utterances need 200 MB. Of few columns libsvm's own are as fast, and its result is
# scikit-learn's to the last bit.
_PRODUCTS_AT_ONCE, _MANY_COLUMNS = 5000, 100
_CALIBRATION_FOLDS = 3


class LinearSvmSettings(Settings):
    """Settings of `linear_svm`; names and defaults as in `sklearn.svm.SVC`, and two of our own.

    Parameters
    ----------
    decision
        How the decisions between pairs of classes become one: `pairwise` multiplies, for each class, the posteriors
        that a logistic function gives it against each other class; `votes` counts, and of classes with equally many
        votes the first wins, as in scikit-learn's `predict`. `pairwise` uses how clear the decisions are.
    calibration
        `inner`: the slope of the logistic function (of `pairwise`) and the temperature of the posteriors minimise
        the cross-entropy over inner folds of training speakers; scikit-learn's `probability=True` divides speakers
        among folds. `none`: both are 1.
    """

    C: float = Field(default=1.0, gt=0)
    class_weight: ClassWeight = None
    tol: float = Field(default=1e-3, gt=0)
    max_iter: int = Field(default=-1, ge=-1)
    decision: Literal["pairwise", "votes"] = "pairwise"
    calibration: Literal["inner", "none"] = "inner"


class RbfSvmSettings(LinearSvmSettings):
    """Settings of `rbf_svm`: those of `linear_svm` and the kernel's `gamma` as in `sklearn.svm.SVC`."""

    gamma: Literal["scale", "auto"] | Annotated[float, Field(gt=0)] = "scale"


class LinearSvm(Classical):
    """Support vector machine with a linear kernel, one against one: `sklearn.svm.SVC(kernel="linear")`.

    Posteriors are the softmax of one score per class, see `LinearSvmSettings.decision`; so the most probable class is
    the one decided for. On ComParE_2016 of RAVDESS (C = 0.001, three folds of unseen actors) `pairwise` has a
    cross-entropy of 1.28 and a UAR of 53.4, `votes` 1.36 and 52.8.
    """

    name = "linear_svm"
    stochastic = False
    settings_class = LinearSvmSettings
    settings: LinearSvmSettings
    _kernel_name: ClassVar[str] = "linear"

    def _fit(self, x: Floats, y: NDArray[np.int64], train: Examples, seed: int) -> Fitted:
        gamma = self._gamma(x)
        at_once = len(x) <= _PRODUCTS_AT_ONCE and x.shape[1] >= _MANY_COLUMNS
        products = self._kernel(x, x, gamma) if at_once else None
        support, dual, intercept = self._pairs(x, y, np.arange(len(x)), products, gamma)
        arrays = self._compact(x[support], dual) | {"intercept": intercept, "gamma": np.array([gamma])}
        arrays["factors"], said = np.ones(2), "none"
        if self.settings.calibration == "inner":
            arrays["factors"], said = self._calibrated(x, y, train.speakers, products, gamma)
        return Fitted(arrays, extra={"calibration": said, "support_vectors": len(support)})

    def _posteriors(self, x: Floats) -> Floats:
        return self._softened(self._decisions(x), self.arrays["factors"])

    def _gamma(self, x: Floats) -> float:
        return 0.0

    def _kernel(self, a: Floats, b: Floats, gamma: float) -> Floats:
        return a @ b.T

    def _compact(self, support: Floats, dual: Floats) -> dict[str, NDArray[Any]]:
        return {"weights": support.T @ dual}

    def _decisions(self, x: Floats) -> Floats:
        """`(n, pairs)`: above 0 for the first class of each pair."""
        decisions: Floats = x @ self.arrays["weights"] + self.arrays["intercept"]
        return decisions

    def _pairs(
        self, x: Floats, y: NDArray[np.int64], rows: NDArray[np.int64], products: Floats | None, gamma: float
    ) -> tuple[NDArray[np.int64], Floats, Floats]:
        """Fit on `rows`: support vectors, their coefficients `(n_support, pairs)`, intercepts `(pairs,)`."""
        from sklearn.svm import SVC

        given = self.settings
        kernel = "precomputed" if products is not None else self._kernel_name
        svc = SVC(
            kernel=kernel,
            C=given.C,
            gamma=gamma or "scale",
            class_weight=given.class_weight,
            tol=given.tol,
            max_iter=given.max_iter,
        )
        svc.fit(products[np.ix_(rows, rows)] if products is not None else x[rows], y[rows])
        # For two classes scikit-learn turns the sign so that values above 0 mean the second.
        sign = -1.0 if len(svc.classes_) == 2 else 1.0
        ends = np.concatenate([[0], np.cumsum(svc.n_support_)])
        of_class = [slice(a, b) for a, b in pairwise(ends.tolist())]
        pairs = list(combinations(range(len(svc.classes_)), 2))
        dual = np.zeros((len(svc.support_), len(pairs)))
        for p, (i, j) in enumerate(pairs):
            dual[of_class[i], p] = sign * svc.dual_coef_[j - 1, of_class[i]]
            dual[of_class[j], p] = sign * svc.dual_coef_[i, of_class[j]]
        return rows[svc.support_], dual, sign * svc.intercept_

    def _softened(self, decisions: Floats, factors: Floats) -> Floats:
        """Posteriors from the decisions of the pairs; `factors` are inverse temperature and slope."""
        sharpness, slope = factors
        scores = _pairwise if self.settings.decision == "pairwise" else _votes
        return _softmax(sharpness * scores(decisions * slope, len(self.classes)))

    def _calibrated(
        self,
        x: Floats,
        y: NDArray[np.int64],
        speakers: tuple[str, ...],
        products: Floats | None,
        gamma: float,
    ) -> tuple[Floats, str]:
        """The factors that minimise the cross-entropy of held-out training utterances, and how they were found."""
        from scipy.optimize import minimize
        from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

        if len(set(speakers)) >= _CALIBRATION_FOLDS:
            folds = StratifiedGroupKFold(_CALIBRATION_FOLDS).split(x, y, speakers)
            said = f"on {_CALIBRATION_FOLDS} inner folds of training speakers"
        elif np.bincount(y).min() >= _CALIBRATION_FOLDS:
            folds = StratifiedKFold(_CALIBRATION_FOLDS).split(x, y)
            said = f"on {_CALIBRATION_FOLDS} inner folds; too few speakers to keep them apart"
        else:
            return np.ones(2), "none: too few speakers and examples for inner folds"
        held, truth = [], []
        for rows, rest in folds:
            if len(np.unique(y[rows])) < len(self.classes):
                return np.ones(2), "none: an inner fold of training speakers lacks a class"
            support, dual, intercept = self._pairs(x, y, rows, products, gamma)
            kernel = (
                products[np.ix_(rest, support)]
                if products is not None
                else self._kernel(x[rest], x[support], gamma)
            )
            held.append(kernel @ dual + intercept)
            truth.append(y[rest])
        decisions, true = np.concatenate(held), np.concatenate(truth)

        def cross_entropy(logarithms: Floats) -> float:
            posteriors = self._softened(decisions, np.exp(logarithms))[np.arange(len(true)), true]
            return float(-np.log(np.maximum(posteriors, 1e-300)).mean())

        # The slope does not change votes: then it stays at 1.
        bounds = [(-5, 5), (-5, 5) if self.settings.decision == "pairwise" else (0, 0)]
        found = minimize(cross_entropy, np.zeros(2), method="Nelder-Mead", bounds=bounds)
        return np.exp(found.x), said


def _pairwise(decisions: Floats, k: int) -> Floats:
    """Sum over a class' opponents of the log posterior against each, `(n, k)`."""
    scores = np.zeros((len(decisions), k))
    for p, (i, j) in enumerate(combinations(range(k), 2)):
        scores[:, i] -= np.logaddexp(0, -decisions[:, p])
        scores[:, j] -= np.logaddexp(0, decisions[:, p])
    return scores


def _votes(decisions: Floats, k: int) -> Floats:
    """Votes plus less than a third for the decision values, `(n, k)`, as scikit-learn's `decision_function`."""
    votes, sums = np.zeros((len(decisions), k)), np.zeros((len(decisions), k))
    for p, (i, j) in enumerate(combinations(range(k), 2)):
        first = decisions[:, p] >= 0
        votes[:, i] += first
        votes[:, j] += ~first
        sums[:, i] += decisions[:, p]
        sums[:, j] -= decisions[:, p]
    scores: Floats = votes + sums / (3 * (np.abs(sums) + 1))
    # scikit-learn's `predict` gives ties to the first class: it changes places with the highest score.
    rows, highest, first_most = np.arange(len(scores)), scores.argmax(axis=1), votes.argmax(axis=1)
    scores[rows, highest], scores[rows, first_most] = scores[rows, first_most], scores[rows, highest]
    return scores


class RbfSvm(LinearSvm):
    """Support vector machine with a Gaussian kernel, one against one: `sklearn.svm.SVC(kernel="rbf")`.

    Scores and posteriors as for `linear_svm`.
    """

    name = "rbf_svm"
    settings_class = RbfSvmSettings
    settings: RbfSvmSettings
    _kernel_name = "rbf"

    def _gamma(self, x: Floats) -> float:
        given = self.settings.gamma
        if isinstance(given, float):
            return given
        variance = x.var() if given == "scale" else 1.0
        return 1.0 / (x.shape[1] * variance) if variance else 1.0

    def _kernel(self, a: Floats, b: Floats, gamma: float) -> Floats:
        squared = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * (a @ b.T)
        kernel: Floats = np.exp(-gamma * np.maximum(squared, 0))
        return kernel

    def _compact(self, support: Floats, dual: Floats) -> dict[str, NDArray[Any]]:
        return {"support": support, "dual": dual}

    def _decisions(self, x: Floats) -> Floats:
        kernel = self._kernel(x, self.arrays["support"], float(self.arrays["gamma"][0]))
        decisions: Floats = kernel @ self.arrays["dual"] + self.arrays["intercept"]
        return decisions


# Logistic regression and the multi-layer perceptron


class LogisticRegressionSettings(Settings):
    """Settings of `logistic_regression`; names and defaults as in `sklearn.linear_model.LogisticRegression`."""

    C: float = Field(default=1.0, gt=0)
    class_weight: ClassWeight = None
    tol: float = Field(default=1e-4, gt=0)
    max_iter: int = Field(default=100, ge=1)


class LogisticRegression(Classical):
    """Multinomial logistic regression with an L2 penalty: `sklearn.linear_model.LogisticRegression`, lbfgs.

    Where there are more columns than training utterances, it is fitted in the space that these span: the penalty
    does not change under rotation and the solution lies in that space, so it is the same one, found faster.
    """

    name = "logistic_regression"
    stochastic = False
    settings_class = LogisticRegressionSettings
    settings: LogisticRegressionSettings

    def _fit(self, x: Floats, y: NDArray[np.int64], train: Examples, seed: int) -> Fitted:
        from sklearn import linear_model

        given = self.settings
        model = linear_model.LogisticRegression(
            C=given.C, class_weight=given.class_weight, tol=given.tol, max_iter=given.max_iter
        )
        if x.shape[1] > len(x):
            basis, coordinates = np.linalg.qr(x.T)  # (d, n), (n, n)
            weights = basis @ model.fit(coordinates.T, y).coef_.T
        else:
            weights = model.fit(x, y).coef_.T
        return Fitted(
            {"weights": weights, "intercept": model.intercept_}, extra={"n_iter": int(model.n_iter_.max())}
        )

    def _posteriors(self, x: Floats) -> Floats:
        return _from_logits(x @ self.arrays["weights"] + self.arrays["intercept"])


class MlpSettings(Settings):
    """Settings of `mlp_sklearn`; names and defaults as in `sklearn.neural_network.MLPClassifier`.

    `hidden_layer_sizes` is that of Luna-Jimenez et al. (2022). Early stopping is not offered: scikit-learn would
    divide the utterances of a speaker between training and validation.
    """

    hidden_layer_sizes: tuple[int, ...] = (80,)
    activation: Literal["identity", "logistic", "tanh", "relu"] = "relu"
    solver: Literal["adam", "sgd", "lbfgs"] = "adam"
    alpha: float = Field(default=1e-4, ge=0)
    batch_size: int | Literal["auto"] = "auto"
    learning_rate_init: float = Field(default=1e-3, gt=0)
    max_iter: int = Field(default=200, ge=1)
    tol: float = Field(default=1e-4, gt=0)
    n_iter_no_change: int = Field(default=10, ge=1)


class SklearnMlp(Classical):
    """Multi-layer perceptron: `sklearn.neural_network.MLPClassifier`; the seed is its `random_state`."""

    name = "mlp_sklearn"
    stochastic = True
    settings_class = MlpSettings
    settings: MlpSettings

    def _fit(self, x: Floats, y: NDArray[np.int64], train: Examples, seed: int) -> Fitted:
        from sklearn.neural_network import MLPClassifier

        model = MLPClassifier(**self.settings.model_dump(), random_state=seed).fit(x, y)
        arrays = {f"weights{i}": w for i, w in enumerate(model.coefs_)}
        arrays |= {f"bias{i}": b for i, b in enumerate(model.intercepts_)}
        losses = getattr(model, "loss_curve_", ())
        epochs = tuple({"epoch": i + 1, "train_loss": float(loss)} for i, loss in enumerate(losses))
        return Fitted(arrays, epochs, {"n_iter": int(model.n_iter_)})

    def _posteriors(self, x: Floats) -> Floats:
        layers = len(self.settings.hidden_layer_sizes)
        for i in range(layers):
            x = _ACTIVATIONS[self.settings.activation](
                x @ self.arrays[f"weights{i}"] + self.arrays[f"bias{i}"]
            )
        return _from_logits(x @ self.arrays[f"weights{layers}"] + self.arrays[f"bias{layers}"])


_ACTIVATIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "identity": lambda z: z,
    "logistic": lambda z: 0.5 * (1 + np.tanh(z / 2)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
}


# Linear discriminant analysis


class LdaSettings(Settings):
    """Settings of `lda`; a given shrinkage means what it does in `sklearn.discriminant_analysis`.

    Parameters
    ----------
    shrinkage
        Share of the identity, times the mean variance of a column, in the covariance within classes: above 0, up to
        1. `auto` takes the share of Ledoit and Wolf (2004) for all classes together; scikit-learn's `auto` takes
        one for each class, of standardised columns.
    priors
        `balanced`: all classes are equally probable, and count alike in the covariance; `empirical`: as in
        training.
    temperature
        The logarithms of the posteriors are divided by it: with thousands of columns the plain ones are far too
        sure, which costs a fusion of them. Decisions stay.
    """

    shrinkage: Literal["auto"] | Annotated[float, Field(gt=0, le=1)] = "auto"
    priors: Literal["balanced", "empirical"] = "balanced"
    temperature: Annotated[float, Field(gt=0)] = 1.0


class Lda(Classical):
    """Linear discriminant analysis with a shrunk covariance, as `sklearn.discriminant_analysis`, for any d.

    With priors `p_k`, means `m_k` and covariances `S_k` of the classes, the covariance within classes is
    `S = (1 - s) sum p_k S_k + s tr(sum p_k S_k) / d I`, and the posterior of a class is proportional to
    `p_k exp(-(x - m_k)' S^-1 (x - m_k) / 2)`.

    Where there are more columns than training utterances, nothing of size `(d, d)` is formed, and nothing is
    approximated: `S` is a multiple of the identity plus a matrix of rank `n`, which the Woodbury identity inverts
    through an `(n, n)` one. The trace is that of all `d` columns. What of a test utterance is orthogonal to the
    training utterances adds the same to the distance from every class and leaves posteriors as they are.
    """

    name = "lda"
    stochastic = False
    settings_class = LdaSettings
    settings: LdaSettings

    def _fit(self, x: Floats, y: NDArray[np.int64], train: Examples, seed: int) -> Fitted:
        counts = np.bincount(y).astype(np.float64)
        priors = np.full(len(counts), 1 / len(counts))
        if self.settings.priors == "empirical":
            priors = counts / len(y)
        means = np.stack([x[y == k].mean(axis=0) for k in range(len(counts))])
        # Rows whose sum of squares is the covariance: each class has the weight of its prior.
        rows = (x - means[y]) * np.sqrt(priors / counts)[y, None]
        variance = float(np.square(rows).sum()) / x.shape[1]
        if not variance:
            raise DataError(
                "lda needs examples that differ within a class; each class is one point in training",
                "bad_data",
            )
        gram = rows @ rows.T if len(rows) < x.shape[1] else rows.T @ rows
        shrinkage = self.settings.shrinkage
        if shrinkage == "auto":
            shrinkage = _ledoit_wolf(rows, gram)
        # From the centre of the classes instead of 0: the same distances, from smaller numbers.
        centre = priors @ means
        apart = (means - centre).T  # (d, K)
        weights = _shrunk_solve(rows, gram, shrinkage, shrinkage * variance, apart)
        intercept = np.log(priors) - centre @ weights - 0.5 * (apart * weights).sum(axis=0)
        return Fitted({"weights": weights, "intercept": intercept}, extra={"shrinkage": float(shrinkage)})

    def _posteriors(self, x: Floats) -> Floats:
        return _softmax((x @ self.arrays["weights"] + self.arrays["intercept"]) / self.settings.temperature)


def _shrunk_solve(rows: Floats, gram: Floats, shrinkage: float, ridge: float, b: Floats) -> Floats:
    """`((1 - shrinkage) rows' rows + ridge I)^-1 b`; `gram` is `rows rows'`, or `rows' rows` where that is smaller."""
    inner = (1 - shrinkage) * gram
    inner[np.diag_indices_from(inner)] += ridge
    direct = len(gram) == rows.shape[1]
    solved: NDArray[Any] = np.linalg.solve(inner, b if direct else rows @ b)
    found: Floats = solved if direct else (b - (1 - shrinkage) * rows.T @ solved) / ridge
    return found


def _ledoit_wolf(rows: Floats, gram: Floats) -> float:
    """Shrinkage of least expected error for the covariance `rows' rows` (Ledoit and Wolf 2004, eq. 14), above 0."""
    n, d = rows.shape
    norms = np.square(rows).sum(axis=1)
    squared = float(np.square(gram).sum())  # of the covariance, whichever side `gram` is of
    distance = squared - float(norms.sum()) ** 2 / d
    error = float(np.square(norms).sum()) - squared / n
    # All directions alike: the identity is the covariance.
    return float(np.clip(error / distance, 1e-6, 1)) if distance > 0 else 1.0


# Nearest neighbours and forests


class NeighboursSettings(Settings):
    """Settings of `knn`; names and defaults as in `sklearn.neighbors.KNeighborsClassifier`."""

    n_neighbors: int = Field(default=5, ge=1)
    weights: Literal["uniform", "distance"] = "uniform"
    metric: Literal["euclidean", "manhattan", "cosine"] = "euclidean"


class Neighbours(Classical):
    """k nearest neighbours: `sklearn.neighbors.KNeighborsClassifier`; it keeps its training examples.

    A posterior is the share of neighbours, and 0 for a class without any.
    """

    name = "knn"
    stochastic = False
    settings_class = NeighboursSettings
    settings: NeighboursSettings

    def _fit(self, x: Floats, y: NDArray[np.int64], train: Examples, seed: int) -> Fitted:
        if self.settings.n_neighbors > len(x):
            raise RecipeError(
                f"n_neighbors is {self.settings.n_neighbors}, there are {len(x)} training examples"
            )
        return Fitted({"x": x, "y": y})

    @cached_property
    def _model(self) -> Any:
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(**self.settings.model_dump()).fit(self.arrays["x"], self.arrays["y"])

    def _posteriors(self, x: Floats) -> Floats:
        posteriors: Floats = self._model.predict_proba(x)
        return posteriors


class ForestSettings(Settings):
    """Settings of `random_forest`; names and defaults as in `sklearn.ensemble.RandomForestClassifier`."""

    n_estimators: int = Field(default=100, ge=1)
    max_depth: int | None = Field(default=None, ge=1)
    min_samples_leaf: int = Field(default=1, ge=1)
    max_features: Literal["sqrt", "log2"] | float | None = "sqrt"
    class_weight: Literal["balanced", "balanced_subsample"] | None = None


class Forest(Classical):
    """Random forest: `sklearn.ensemble.RandomForestClassifier`; the seed is its `random_state`."""

    name = "random_forest"
    stochastic = True
    settings_class = ForestSettings
    settings: ForestSettings

    def _fit(self, x: Floats, y: NDArray[np.int64], train: Examples, seed: int) -> Fitted:
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier(**self.settings.model_dump(), random_state=seed).fit(x, y)
        trees = [tree.tree_ for tree in model.estimators_]
        roots = np.concatenate([[0], np.cumsum([tree.node_count for tree in trees])[:-1]])
        shares = np.concatenate([tree.value[:, 0] for tree in trees])
        arrays = {
            "roots": roots,
            "column": np.concatenate([tree.feature for tree in trees]),
            "threshold": np.concatenate([tree.threshold for tree in trees]),
            # Nodes of all trees in one list; -1 where a node has no children.
            "left": _shifted([tree.children_left for tree in trees], roots),
            "right": _shifted([tree.children_right for tree in trees], roots),
            "shares": shares / shares.sum(axis=1, keepdims=True),
        }
        return Fitted(arrays)

    def _posteriors(self, x: Floats) -> Floats:
        tree = self.arrays
        # Trees compare in single precision, as they were grown.
        single = x.astype(np.float32)
        nodes = np.tile(tree["roots"], (len(x), 1))  # (n, trees)
        rows = np.arange(len(x))[:, None]
        while (inner := tree["left"][nodes] >= 0).any():
            goes_left = single[rows, tree["column"][nodes]] <= tree["threshold"][nodes]
            below = np.where(goes_left, tree["left"][nodes], tree["right"][nodes])
            nodes = np.where(inner, below, nodes)
        posteriors: Floats = tree["shares"][nodes].mean(axis=1)
        return posteriors


def _shifted(children: list[NDArray[np.int64]], roots: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.where(c >= 0, c + root, -1) for c, root in zip(children, roots, strict=True)])
