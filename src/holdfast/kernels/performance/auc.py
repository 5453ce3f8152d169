"""The area under the ROC curve for more than two classes, with an interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtri
from scipy.stats import rankdata

from holdfast.kernels.performance.inputs import class_positions, score_matrix
from holdfast.kernels.stats.delong import auc_delong
from holdfast.kernels.stats.inputs import check_level, check_same_length
from holdfast.kernels.stats.interval import IntervalEstimate


def macro_auc(y_true: ArrayLike, y_score: ArrayLike, *, level: float = 0.95) -> IntervalEstimate[float]:
    """Estimate the mean over classes of the area under the one-versus-rest ROC curve.

    Parameters
    ----------
    y_true : array-like of int, shape (n_samples,)
        Classes as column positions of `y_score`.
    y_score : array-like, shape (n_samples, n_classes)
        Scores, larger for the class of the column.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    IntervalEstimate
        In [0, 1]; 0.5 is chance, larger is better. Classes that never occur are left out. With fewer than two classes
        the value is NaN and the interval [0, 1].

    Raises
    ------
    ValueError
        If a score is NaN or infinite, or shapes do not fit.

    Notes
    -----
    The variance is that of the mean of DeLong's structural components over classes, so that the dependence of the
    areas, which share their rows, is kept; the interval is symmetric on the logit scale. Approximate: with six
    rows in the smallest of three classes, 95 % intervals cover 92 %. Where no
    component varies (a perfect order), the ends are the means of the per-class ends of
    `holdfast.kernels.stats.delong.auc_delong`, which hold at any size. Cost O(n_classes * n log n).

    References
    ----------
    DeLong, E. R., DeLong, D. M. and Clarke-Pearson, D. L. (1988). Comparing the areas under two or more correlated
    receiver operating characteristic curves. Biometrics 44, 837-845.
    Hand, D. J. and Till, R. J. (2001). A simple generalisation of the area under the ROC curve for multiple class
    classification problems. Machine Learning 45, 171-186 (section 2 discusses this and the pairwise average).

    Examples
    --------
    >>> y_score = [[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3]]
    >>> round(macro_auc([0, 1, 2, 2], y_score).value, 4)
    0.9583
    """
    check_level(level)
    scores = score_matrix(y_score)
    true = class_positions(y_true, n_classes=scores.shape[1], name="y_true")
    check_same_length(true.size, scores.shape[0], names=("y_true", "y_score"))
    n_true = np.bincount(true, minlength=scores.shape[1])
    rated = np.flatnonzero((n_true > 0) & (n_true < true.size))
    if rated.size < 2:
        return IntervalEstimate(np.nan, 0.0, 1.0)
    areas, influence = np.empty(rated.size), np.zeros(true.size)
    for index, label in enumerate(rated):
        areas[index], part = _area_and_influence(true == label, scores[:, label])
        influence += part / rated.size
    auc = float(areas.mean())
    error = float(influence.std(ddof=1) / np.sqrt(true.size))
    if error == 0.0 or not 0.0 < auc < 1.0:
        ends = [auc_delong(true == label, scores[:, label], level=level) for label in rated]
        return IntervalEstimate(auc, float(np.mean([e.low for e in ends])), float(np.mean([e.high for e in ends])))
    half = float(ndtri(0.5 + level / 2.0)) * error / (auc * (1.0 - auc))
    return IntervalEstimate(auc, float(expit(logit(auc) - half)), float(expit(logit(auc) + half)))


def _area_and_influence(
    is_positive: NDArray[np.bool_], scores: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Area and, for each row, n times its first-order effect on the area (DeLong's components, centred)."""
    n_positive, n_negative = int(is_positive.sum()), int((~is_positive).sum())
    ranks = rankdata(scores)
    below = np.empty(scores.size)
    below[is_positive] = (ranks[is_positive] - rankdata(scores[is_positive])) / n_negative
    below[~is_positive] = 1.0 - (ranks[~is_positive] - rankdata(scores[~is_positive])) / n_positive
    area = float(below[is_positive].mean())
    share = np.where(is_positive, n_positive, n_negative) / scores.size
    return area, (below - area) / share
