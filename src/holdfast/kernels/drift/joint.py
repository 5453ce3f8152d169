"""Whether two tables differ, columns taken together: by a classifier that tells them apart, and by mean features."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from holdfast.kernels.stats.delong import auc_delong
from holdfast.kernels.stats.inputs import check_level, check_same_length
from holdfast.kernels.stats.interval import IntervalEstimate

Floats = NDArray[np.float64]
N_FEATURES = 64
# Directions of less variance than this share of the largest are so heavy tailed that the test would miss its level
# (.030 to .069 at .05 with all of them, .036 to .059 without).
LEAST_SHARE = 1e-3
FEWEST_PER_FEATURE = 5


class JointTest(NamedTuple):
    """Result of a test on all columns together."""

    statistic: float
    p_value: float
    effect: IntervalEstimate[float]
    """Of the classifier: the area under its ROC curve, 0.5 where nothing tells the tables apart. Of the mean features:
    their distance, 0 alike."""


def classifier_test(
    is_current: ArrayLike, score: ArrayLike, fold: ArrayLike, *, level: float = 0.95
) -> JointTest | None:
    """Test whether a classifier tells rows of two tables apart that it was not fitted on.

    Parameters
    ----------
    is_current : array-like of bool, shape (n_samples,)
    score : array-like, shape (n_samples,)
        Of the model that did not see the row; larger for the current table.
    fold : array-like of int, shape (n_samples,)
        Which model gave the score, one that was fitted on rows of earlier folds only: rows are compared within a fold.
    level : float, default 0.95

    Returns
    -------
    JointTest or None
        None where no fold holds rows of both. The p-value is one-sided.

    Raises
    ------
    ValueError
        If lengths differ.

    Notes
    -----
    Given the model of a fold, ranks of held-out rows are exchangeable where the tables are alike, so that the variance
    of the area is Mann and Whitney's, ``(n + m + 1) / 12 n m`` (Lopez-Paz, Oquab 2017, Revisiting classifier two-sample
    tests; Kim et al. 2021, Annals of Statistics 49). Folds are averaged by their rows,
    and their errors are uncorrelated if the model of a fold was fitted on rows of earlier folds only, since given those
    each area is 0.5 on average (Dawid 1984, JRSS A 147, prequential). Two models that are fitted on each other's rows
    find the same chance from either side: their areas are correlated, and a level of .025 became .06.
    """
    check_level(level)
    y, s = np.asarray(is_current, dtype=bool), np.asarray(score, dtype=np.float64)
    part = np.asarray(fold)
    check_same_length(y.size, s.size, names=("is_current", "score"))
    check_same_length(y.size, part.size, names=("is_current", "fold"))
    areas, lows, highs, nulls, weights = [], [], [], [], []
    for each in np.unique(part):
        inside = part == each
        n, m = int((~y[inside]).sum()), int(y[inside].sum())
        if not n or not m:
            continue
        area = auc_delong(y[inside], s[inside], level=level)
        areas.append(area.value)
        lows.append(area.value - area.low)
        highs.append(area.high - area.value)
        nulls.append((n + m + 1) / (12.0 * n * m))
        weights.append(float(n * m) / (n + m))
    if not areas:
        return None
    w = np.array(weights) / np.sum(weights)
    value = float(w @ areas)
    z = (value - 0.5) / float(np.sqrt(w**2 @ nulls))
    low, high = (float(np.sqrt(w**2 @ np.square(side))) for side in (lows, highs))
    effect = IntervalEstimate(value, max(value - low, 0.0), min(value + high, 1.0))
    return JointTest(value, float(special.ndtr(-z)), effect)


def area(is_current: NDArray[np.bool_], score: Floats) -> float:
    """Return the area under the ROC curve, ties counted half; both tables must have rows.

    Examples
    --------
    >>> area(np.array([False, False, True, True]), np.array([1.0, 2.0, 2.0, 3.0]))
    0.875
    """
    below, above = np.sort(score[~is_current]), score[is_current]
    wins = np.searchsorted(below, above, side="left") + np.searchsorted(below, above, side="right")
    return float(wins.sum()) / (2.0 * below.size * above.size)


def mean_feature_test(
    reference: ArrayLike, current: ArrayLike, *, rng: np.random.Generator, n_features: int = N_FEATURES
) -> JointTest | None:
    """Test whether the means of random Fourier features differ: a kernel two-sample test (MMD) in linear time.

    Parameters
    ----------
    reference, current : array-like, shapes (n_reference, n_columns) and (n_current, n_columns)
        Finite numbers, as embeddings or standardised columns.
    rng : numpy.random.Generator
    n_features : int, default 64

    Returns
    -------
    JointTest or None
        None with too few rows for the features (five each), or where nothing varies.

    Raises
    ------
    ValueError
        If the numbers of columns differ or a number is not finite.

    Notes
    -----
    Frequencies are Gaussian with the median distance of the reference as bandwidth (Rahimi, Recht 2007; Gretton et al.
    2012, section 8). Hotelling's statistic of the features is about F distributed; it holds for any fixed features
    (Chwialkowski et al. 2015, section 3). The effect is the norm of the difference of the means, less what chance adds.
    """
    a, b = (np.asarray(side, dtype=np.float64) for side in (reference, current))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"expected two tables of the same columns, got shapes {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("expected finite numbers, got others; impute or drop these rows first")
    n, m = a.shape[0], b.shape[0]
    size = n_features - n_features % 2
    if min(n, m) < FEWEST_PER_FEATURE * size or not a.shape[1]:
        return None
    first, second = rng.integers(0, n, (2, 500))
    distances = np.linalg.norm(a[first] - a[second], axis=1)
    bandwidth = float(np.median(distances[distances > 0.0])) if (distances > 0.0).any() else 1.0
    frequencies = rng.normal(size=(a.shape[1], size // 2)) / bandwidth
    features = [np.hstack([np.cos(side @ frequencies), np.sin(side @ frequencies)]) for side in (a, b)]
    gap = features[1].mean(axis=0) - features[0].mean(axis=0)
    within = sum(np.cov(side, rowvar=False) * (len(side) - 1) for side in features) / (n + m - 2)
    spread = within * (1.0 / n + 1.0 / m)
    value, vectors = np.linalg.eigh(spread)
    if value[-1] <= 0.0:
        return None
    used = value > value[-1] * LEAST_SHARE
    hotelling = float((((vectors[:, used].T @ gap) ** 2) / value[used]).sum())
    freedom, rest = int(used.sum()), n + m - 2
    f = hotelling * (rest - freedom + 1) / (freedom * rest)
    p_value = float(special.fdtrc(freedom, rest - freedom + 1, f))
    scale = np.sqrt(2.0 / size)
    by_chance = float(np.trace(spread))
    distance = float(np.sqrt(max(float(gap @ gap) - by_chance, 0.0))) * scale
    half = 2.0 * float(np.sqrt(value[-1])) * scale
    effect = IntervalEstimate(distance, max(distance - half, 0.0), distance + half + np.sqrt(by_chance) * scale)
    return JointTest(hotelling, p_value, effect)
