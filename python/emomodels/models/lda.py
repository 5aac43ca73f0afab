"""Linear discriminant analysis with a shrunk covariance: quick, and strong on functionals of few speakers."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from emomodels.data.examples import Examples
from emomodels.models.base import Settings
from emomodels.models.classical import Classical, Fitted, Floats, _softmax

# Directions of less than this share of the greatest singular value are rounding.
_RANK = 1e-10


class LdaSettings(Settings):
    """Settings of `lda`.

    Parameters
    ----------
    shrinkage
        From 0, the covariance within classes as estimated, to 1, the same variance in all directions that the
        training examples span.
    temperature
        The log posteriors are divided by it: with thousands of columns the plain ones are far too sure.
    """

    shrinkage: Annotated[float, Field(ge=0, le=1)] = 0.6
    temperature: Annotated[float, Field(gt=0)] = 1.0


class Lda(Classical):
    """`sklearn.discriminant_analysis.LinearDiscriminantAnalysis(solver="lsqr")` in the span of the training examples.

    The span has at most as many directions as there are examples, so that the covariance of 6,373 columns is
    never made, and the target of the shrinkage has no directions in which nothing was seen. Classes count the
    same, however many examples they have.
    """

    name = "lda"
    stochastic = False
    settings_class = LdaSettings
    settings: LdaSettings

    def _fit(self, x: Floats, y: NDArray[np.int64], train: Examples, seed: int) -> Fitted:
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        centre = x.mean(0)
        axes = _span(x - centre)
        k = len(train.classes)
        lda = LinearDiscriminantAnalysis(
            solver="lsqr", shrinkage=self.settings.shrinkage, priors=np.full(k, 1 / k)
        ).fit((x - centre) @ axes.T, y)
        coef, intercept = lda.coef_, lda.intercept_
        if k == 2:  # scikit-learn keeps one logit, of the second class
            coef, intercept = np.vstack([0 * coef, coef]), np.array([0.0, intercept.item()])
        weights = (coef @ axes).T
        return Fitted({"weights": weights, "intercept": intercept - centre @ weights})

    def _posteriors(self, x: Floats) -> Floats:
        logits = x @ self.arrays["weights"] + self.arrays["intercept"]
        return _softmax(logits / self.settings.temperature)


def _span(x: Floats) -> Floats:
    """Orthonormal rows that span the rows of `x`."""
    _, sizes, axes = np.linalg.svd(x, full_matrices=False)
    spanned: Floats = axes[sizes > _RANK * sizes[0]]
    return spanned
