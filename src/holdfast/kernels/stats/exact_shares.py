"""Two shares compared exactly, for many pairs of shares at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from holdfast.kernels.stats.interval import IntervalEstimate
from holdfast.kernels.stats.proportions import clopper_pearson

Floats = NDArray[np.float64]
NEAR = 2.0
# Tables as probable as the one observed differ from it by rounding.
ROUNDING = 1e-7


def exact_share_test(first: ArrayLike, n: int, second: ArrayLike, m: int) -> Floats:
    """Test for each event whether its share is the same in two samples.

    Parameters
    ----------
    first, second : array-like of int, shape (n_events,)
        Rows of each sample in which the event happened.
    n, m : int
        Rows of the samples.

    Returns
    -------
    ndarray of float64, shape (n_events,)
        Two-sided p-values: twice the smaller tail of the hypergeometric distribution, at most 1. Where the shares
        differ by less than two standard errors the tail is not summed, and the p-value is 1.

    Raises
    ------
    ValueError
        If shapes differ, or an event happened in fewer rows than none or more than all.

    Notes
    -----
    A tail is the probability of what was seen times a series of falling ratios, summed until nothing is added; at two
    standard errors that takes about 18 standard deviations of the count.

    References
    ----------
    Fisher, R. A. (1935). The logic of inductive inference. Journal of the Royal Statistical Society 98, 39-82.

    Examples
    --------
    >>> exact_share_test([9, 5], 10, [1, 5], 10).round(6).tolist()
    [0.001093, 1.0]
    """
    a, b = (np.atleast_1d(np.asarray(side, dtype=np.int64)) for side in (first, second))
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"expected two rows of counts of one length, got shapes {a.shape} and {b.shape}")
    if a.size and (min(a.min(), b.min()) < 0 or a.max() > n or b.max() > m):
        raise ValueError(f"expected counts from 0 to {n} and to {m}, got others")
    p = np.ones(a.size)
    if not n or not m:
        return p
    total = (a + b).astype(np.float64)
    expected = total * n / (n + m)
    variance = expected * (1.0 - total / (n + m)) * m / max(n + m - 1, 1)
    far = np.flatnonzero((variance > 0.0) & ((a - expected) ** 2 > NEAR**2 * variance))
    # Both tails are upper ones: the rows of the sample that has more than expected.
    is_first = a[far] > expected[far]
    hits = np.where(is_first, a[far], b[far]).astype(np.float64)
    size = np.where(is_first, float(n), float(m))
    p[far] = np.minimum(2.0 * _upper_tail(hits, size, total[far], float(n + m)), 1.0)
    return p


def fisher_exact(s1: int, n1: int, s2: int, n2: int) -> float:
    """Return the two-sided p-value of Fisher's exact test that two proportions are equal.

    Parameters
    ----------
    s1, n1, s2, n2
        Successes and trials of both samples.

    Notes
    -----
    The probability, given all four sums, of the tables that are no more probable than the one observed. Linear in the
    number of successes.

    References
    ----------
    Fisher, R. A. (1935). The logic of inductive inference. Journal of the Royal Statistical Society 98, 39-82.

    Examples
    --------
    >>> round(fisher_exact(3, 4, 1, 4), 4)
    0.4857
    """
    total = s1 + s2
    k = np.arange(max(0, total - n2), min(n1, total) + 1, dtype=np.float64)
    drawn, rest = np.full(k.size, float(n1)), np.full(k.size, float(n2))
    log_p = _log_choose(drawn, k) + _log_choose(rest, total - k) - _log_choose(drawn + rest, np.full(k.size, total))
    p = np.exp(log_p)
    observed = p[s1 - int(k[0])]
    return min(float(p[p <= observed * (1.0 + ROUNDING)].sum()), 1.0)


def share_changes(
    first: ArrayLike, n: int, second: ArrayLike, m: int, *, level: float = 0.95, n_together: int = 1
) -> IntervalEstimate[Floats]:
    """Estimate by how much shares differ, the second sample less the first, with intervals that hold together.

    Parameters
    ----------
    first, second : array-like of int, shape (n_events,)
    n, m : int
        Rows of the samples, one or more.
    level : float, default 0.95
        Of all intervals together.
    n_together : int, default 1
        How many there are, or could be where those given were chosen among them.

    Returns
    -------
    IntervalEstimate
        Arrays of shape ``(n_events,)``.

    Notes
    -----
    Both exact (Clopper-Pearson) intervals hold at once but for half the chance each, so that their ends may be taken
    apart. Lengths joined by squares, as is usual for one difference, are too short this far out in the tails.

    Examples
    --------
    >>> change = share_changes([50], 100, [80], 100)
    >>> [float(part[0].round(2)) for part in change]
    [0.3, 0.09, 0.49]
    """
    each = 1.0 - (1.0 - level) / (2.0 * n_together)
    a, b = (
        clopper_pearson(np.asarray(hits, dtype=np.int64), rows, level=each) for hits, rows in ((first, n), (second, m))
    )
    return IntervalEstimate(b.value - a.value, b.low - a.high, b.high - a.low)


def _upper_tail(hits: Floats, size: Floats, total: Floats, rows: float) -> Floats:
    """Return P(X >= hits) of hypergeometric X: marked rows in a draw of ``size`` from ``rows``, ``total`` marked."""
    x = hits.copy()
    log_first = _log_choose(total, x) + _log_choose(rows - total, size - x) - _log_choose(np.full(x.size, rows), size)
    term, whole = np.ones(x.size), np.ones(x.size)
    active = np.arange(x.size)
    while active.size:
        at = x[active]
        ratio = (
            (total[active] - at) * (size[active] - at) / ((at + 1.0) * (rows - total[active] - size[active] + at + 1.0))
        )
        term[active] *= np.maximum(ratio, 0.0)
        whole[active] += term[active]
        x[active] += 1.0
        active = active[term[active] > 1e-12 * whole[active] * np.maximum(1.0 - ratio, 1e-6)]
    return np.asarray(np.exp(log_first) * whole)


def _log_choose(n: Floats, k: Floats) -> Floats:
    return np.asarray(-np.log1p(n) - special.betaln(n - k + 1.0, k + 1.0))
