"""Prediction sets that hold the truth as often as promised, and the error that is left when doubt is passed on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.proportions import clopper_pearson

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


class AbstentionCurve(NamedTuple):
    """What is answered and how often that is wrong, from the surest cases to all."""

    answered: Numbers
    """Share of cases that are answered, rising to one."""
    error: Numbers
    """Share of these that are answered wrongly."""
    low: Numbers
    high: Numbers


def prediction_sets(scores: ArrayLike, known: ArrayLike, new: ArrayLike, *, coverage: float = 0.9) -> Flags:
    """Return for new cases the classes of which one is the true one as often as promised (split conformal).

    Parameters
    ----------
    scores : array-like, shape (n_known, n_classes)
        Scores of cases with a known class, that neither trained the model nor are among the new ones.
    known : array-like of int, shape (n_known,)
        Their classes as positions.
    new : array-like, shape (n_new, n_classes)
        Scores of the new cases.
    coverage : float, default 0.9
        Share of new cases whose set is to hold the true class, inside (0, 1).

    Returns
    -------
    ndarray of bool, shape (n_new, n_classes)
        Sets; one may be empty where no class is as probable as the truth usually is. All classes where there are too
        few known cases for the promise.

    Notes
    -----
    The threshold is the ``floor((n_known + 1) (1 - coverage))``-th smallest score of a true class; over draws of known
    and new cases the coverage is at least the promised one, whatever the model. Within a group of cases it may be less.

    References
    ----------
    Sadinle, Lei and Wasserman (2019), Least ambiguous set-valued classifiers, JASA 114, section 2; Vovk, Gammerman and
    Shafer (2005), Algorithmic learning in a random world.

    Examples
    --------
    >>> prediction_sets([[0.9, 0.1]] * 9, [0] * 9, [[0.95, 0.05], [0.5, 0.5]]).tolist()
    [[True, False], [False, False]]
    """
    check_level(coverage)
    given, cases = np.asarray(scores, dtype=np.float64), np.asarray(new, dtype=np.float64)
    y = np.asarray(known, dtype=np.int64)
    check_same_length(given.shape[0], y.size, names=("scores", "known"))
    rank = int(np.floor((y.size + 1) * (1 - coverage) + 1e-9))
    if rank < 1:
        return np.ones(cases.shape, dtype=np.bool_)
    threshold = np.partition(given[np.arange(y.size), y], rank - 1)[rank - 1]
    return np.asarray(cases >= threshold)


def abstention_curve(
    confidence: ArrayLike, is_wrong: ArrayLike, *, level: float = 0.95, points: int = 20
) -> AbstentionCurve:
    """Measure the error among the cases that are answered when those with the least confidence are passed on.

    Parameters
    ----------
    confidence : array-like, shape (n_samples,)
        Larger for surer answers.
    is_wrong : array-like of bool, shape (n_samples,)
        Whether each answer is wrong.
    level : float, default 0.95
        Confidence level of each interval.
    points : int, default 20
        Shares to measure at, evenly up to one. Cases with equal confidence are answered together.

    Returns
    -------
    AbstentionCurve
        With Clopper-Pearson intervals.

    References
    ----------
    El-Yaniv and Wiener (2010), On the foundations of noise-free selective classification, JMLR 11.

    Examples
    --------
    >>> abstention_curve([0.9, 0.8, 0.6, 0.5], [False, False, True, True], points=2).error.tolist()
    [0.0, 0.5]
    """
    check_level(level)
    sure = float_vector(confidence, name="confidence")
    wrong = np.asarray(is_wrong, dtype=np.bool_)
    check_same_length(sure.size, wrong.size, names=("confidence", "is_wrong"))
    order = np.argsort(-sure, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(sure[order]) != 0, True)) + 1 if sure.size else np.zeros(0, dtype=np.int64)
    wanted = np.ceil(sure.size * np.arange(1, points + 1) / points).astype(np.int64)
    n = np.unique(ends[np.searchsorted(ends, wanted)]) if sure.size else ends
    s = np.cumsum(wrong[order])[n - 1] if sure.size else ends
    error = clopper_pearson(s, n, level=level)
    return AbstentionCurve(n / max(sure.size, 1), error.value, error.low, error.high)
