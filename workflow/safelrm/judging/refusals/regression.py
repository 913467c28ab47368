"""Logistic regression with a ridge penalty, for two classes and for several. Both losses are convex.

scipy's L-BFGS finds the weights. Sums over features are taken in the dtype of the features.
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

STEPS = 100
# of the loss, relative: what follows changes no verdict
TOLERANCE = 1e-5


def fit_binary(
    features: np.ndarray, targets: np.ndarray, penalty: float, start: np.ndarray | None = None
) -> np.ndarray:
    """Weights (feature + 1) of a logistic regression; the last one is the intercept, which has no penalty.

    Args:
        features: float array (row, feature).
        targets: for each row 0 or 1.
        penalty: half of it times the sum of squared weights is added to the summed loss.
        start: weights to start from.
    """

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        scores = scored(features, weights)
        residues = expit(scores) - targets
        value = (np.logaddexp(0.0, scores) - targets * scores).sum() + penalty / 2 * (weights[:-1] ** 2).sum()
        return value, np.append(_slope(features, residues) + penalty * weights[:-1], residues.sum())

    return _least(loss, np.zeros(features.shape[1] + 1) if start is None else start)


def fit_classes(features: np.ndarray, targets: np.ndarray, classes: int, penalty: float) -> np.ndarray:
    """Weights (feature + 1, class) of a multinomial logistic regression; the last row holds the intercepts.

    Args:
        features: float array (row, feature).
        targets: the class of each row, an index.
        classes: number of classes.
        penalty: as in `fit_binary`.
    """
    shape = (features.shape[1] + 1, classes)
    wanted = np.eye(classes)[targets]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(shape)
        logs = log_softmax(scored(features, weights), axis=1)
        residues = np.exp(logs) - wanted
        slope = np.vstack([_slope(features, residues) + penalty * weights[:-1], residues.sum(0)])
        return -(logs * wanted).sum() + penalty / 2 * (weights[:-1] ** 2).sum(), slope.ravel()

    return _least(loss, np.zeros(shape).ravel()).reshape(shape)


def class_probabilities(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Probabilities (row, class) of a fit of `fit_classes`."""
    return np.exp(log_softmax(scored(features, weights), axis=1))


def scored(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Linear scores of rows; the last of the weights are the intercepts."""
    return features @ weights[:-1].astype(features.dtype) + weights[-1]


def _slope(features: np.ndarray, residues: np.ndarray) -> np.ndarray:
    return (features.T @ residues.astype(features.dtype)).astype(float)


def _least(loss: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray) -> np.ndarray:
    options = {"maxiter": STEPS, "ftol": TOLERANCE}
    return minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
