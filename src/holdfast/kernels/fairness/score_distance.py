"""How far the scores of groups lie apart: the largest gap that any cut-off could make."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate

MOST_CUTS = 1000


class LargestDistance(NamedTuple):
    """The largest difference between two groups in the share of scores at or above a cut-off."""

    estimate: IntervalEstimate[float]
    cut: float
    """The cut-off where it lies."""
    highest: int
    """Group with the larger share at or above it."""
    lowest: int


def largest_distance(
    score: ArrayLike, group: ArrayLike, *, n_groups: int, level: float = 0.95
) -> LargestDistance | None:
    """Estimate the largest gap in the share at or above a cut-off, over all cut-offs and pairs of groups.

    Parameters
    ----------
    score : array-like, shape (n_samples,)
    group : array-like of int, shape (n_samples,)
        Group of each row; negative for rows that belong to none.
    n_groups : int
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    LargestDistance or None
        In [0, 1]; 0 where the scores of all groups are distributed alike. None with fewer than two groups with rows.

    Raises
    ------
    ValueError
        If a score is NaN or the lengths differ.

    Notes
    -----
    The Kolmogorov-Smirnov distance of two groups: whatever cut-off is chosen, selection rates differ by at most this.
    Above a thousand distinct scores, a thousand of them are tried. The interval is that of Dvoretzky, Kiefer and
    Wolfowitz with Massart's constant, for all groups at once (Bonferroni): each group's share is off by at most
    ``sqrt(log(2 n_groups / (1 - level)) / (2 n))`` at every cut-off. Holds for every sample size; conservative.

    References
    ----------
    Massart, P. (1990). The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality. Annals of Probability 18.
    Jiang, R. et al. (2020). Wasserstein fair classification. UAI (parity at every threshold).

    Examples
    --------
    >>> found = largest_distance([1, 2, 3, 4] * 100, [0, 0, 1, 1] * 100, n_groups=2)
    >>> found.estimate.value, found.cut, found.highest
    (1.0, 3.0, 1)
    """
    check_level(level)
    s, place = float_vector(score, name="score", allow_infinite=True), np.asarray(group, dtype=np.int64)
    check_same_length(s.size, place.size, names=("score", "group"))
    parts = [np.sort(s[place == at]) for at in range(n_groups)]
    used = np.flatnonzero([part.size for part in parts])
    if used.size < 2:
        return None
    cuts = np.unique(s[place >= 0])
    if cuts.size > MOST_CUTS:
        cuts = np.unique(np.quantile(cuts, np.linspace(0.0, 1.0, MOST_CUTS), method="inverted_cdf"))
    shares = np.array([1.0 - np.searchsorted(parts[at], cuts, side="left") / parts[at].size for at in used])
    off = np.array([np.sqrt(np.log(2.0 * used.size / (1.0 - level)) / (2.0 * parts[at].size)) for at in used])
    i, j = np.triu_indices(used.size, 1)
    distance = np.array([np.abs(shares[a] - shares[b]).max() for a, b in zip(i, j, strict=True)])
    at = int(np.argmax(distance))
    low = max(float((distance - off[i] - off[j]).max()), 0.0)
    high = min(float((distance + off[i] + off[j]).max()), 1.0)
    differences = shares[i[at]] - shares[j[at]]
    where = int(np.argmax(np.abs(differences)))
    ends = (i[at], j[at]) if differences[where] >= 0.0 else (j[at], i[at])
    estimate = IntervalEstimate(float(distance[at]), low, high)
    return LargestDistance(estimate, float(cuts[where]), *(int(used[end]) for end in ends))


def rates_at_cuts(
    score: ArrayLike, group: ArrayLike, cuts: ArrayLike, *, n_groups: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count in each group the rows at or above each cut-off.

    Parameters
    ----------
    score, group, n_groups
        As `largest_distance`.
    cuts : array-like, shape (n_cuts,)

    Returns
    -------
    tuple of ndarray of int64
        Rows at or above, shape ``(n_cuts, n_groups)``; rows of each group, shape ``(n_groups,)``.

    Examples
    --------
    >>> rates_at_cuts([0.2, 0.7, 0.9], [0, 0, 1], [0.5, 0.8], n_groups=2)[0].tolist()
    [[1, 1], [0, 1]]
    """
    s, place = float_vector(score, name="score", allow_infinite=True), np.asarray(group, dtype=np.int64)
    parts = [np.sort(s[place == at]) for at in range(n_groups)]
    above = [part.size - np.searchsorted(part, np.asarray(cuts, dtype=np.float64), side="left") for part in parts]
    return np.stack(above, axis=1).astype(np.int64), np.array([part.size for part in parts], dtype=np.int64)
