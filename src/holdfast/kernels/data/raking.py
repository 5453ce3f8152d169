"""Weight rows until their categories have the shares of a population, and estimate means of the population."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainccinv, betaincinv, ndtri, stdtrit

from holdfast.kernels.stats.inputs import check_level, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

FEWEST_ROWS = 5


class Margin(NamedTuple):
    """One column (or several crossed) with the share that each category should have."""

    codes: Codes
    """Category of each row after joining, shape (n_samples,); -1 for a row of none."""
    shares: Floats
    """Share of each of these categories, shape (n_kept,); sums to one."""
    place: Codes
    """What became of each category as given, shape (n_categories,); -1 for one without weight."""
    uncovered: float
    """Share of the population in categories with too few rows to say anything of them."""


class Weights(NamedTuple):
    """Weights of rows."""

    weight: Floats
    """Shape (n_samples,), mean one over the rows that have a category everywhere; zero for the others."""
    error: float
    """Largest remaining difference between the share of a category and what it should be."""


class Balance(NamedTuple):
    """What a mean is in the table and in the population, and how far the table's flatters."""

    population: IntervalEstimate[float]
    difference: IntervalEstimate[float]
    """Mean over the rows as they are, minus that of the population."""


def margin(codes: ArrayLike, shares: ArrayLike, *, fewest: int = FEWEST_ROWS) -> Margin:
    """Make a margin that weights can reach: rare categories joined, those without rows set apart.

    Parameters
    ----------
    codes : array-like of int, shape (n_samples,)
        Category of each row; -1 for none.
    shares : array-like, shape (n_categories,)
        Shares in the population, zero or more, with a positive sum; brought to the sum of one.
    fewest : int, default 5
        Categories of which fewer rows than this are expected are joined to one. A category that has fewer than this
        nevertheless counts as uncovered: its rows get no weight.

    Returns
    -------
    Margin

    Examples
    --------
    >>> margin([0] * 50 + [1] * 50, [0.5, 0.3, 0.2]).uncovered
    0.2
    """
    rows, parts = np.asarray(codes, dtype=np.int64), float_vector(shares, name="shares")
    if (parts < 0).any() or not parts.sum() > 0:
        raise ValueError(f"expected shares of zero or more, some above, got {parts.min()}; check the population")
    parts = parts / parts.sum()
    n_known = int((rows >= 0).sum())
    counts = np.bincount(rows[rows >= 0], minlength=parts.size)
    is_rare = (parts > 0) & (n_known * parts < fewest)
    target = np.where(is_rare, parts.size, np.arange(parts.size))
    joined = np.bincount(target, weights=parts, minlength=parts.size + 1)
    seen = np.bincount(target, weights=counts, minlength=parts.size + 1)
    is_kept = (joined > 0) & (seen >= fewest)
    place = np.where(is_kept, np.cumsum(is_kept) - 1, -1)
    became = place[target].astype(np.int64)
    covered = joined[is_kept]
    new = np.where(rows >= 0, became[np.maximum(rows, 0)], -1)
    kept = np.asarray(covered / covered.sum() if covered.size else covered, dtype=np.float64)
    return Margin(new, kept, became, float(joined[~is_kept].sum()))


def rake(margins: Sequence[Margin], *, tolerance: float = 1e-7, max_rounds: int = 2000) -> Weights:
    """Weight rows by iterative proportional fitting: each margin is met in turn, until all are.

    Parameters
    ----------
    margins : sequence of Margin
        One margin: post-stratification, exact after one round.
    tolerance : float, default 1e-7
        Largest difference of a share at which to stop.
    max_rounds : int, default 2000

    Returns
    -------
    Weights
        All zero with an error of one where no row has a category in every margin.

    Notes
    -----
    Converges to the weights nearest to equal ones in relative entropy, where any meet all margins. Where a combination
    that the margins ask for has no row there are none: the error then stays large. Cost O(cells * margins) per round
    after the rows were grouped into cells.

    References
    ----------
    Deming, W. E. and Stephan, F. F. (1940). On a least squares adjustment of a sampled frequency table when the
    expected marginal totals are known. Annals of Mathematical Statistics 11, 427-444.

    Examples
    --------
    >>> rake([margin([0] * 30 + [1] * 70, [0.5, 0.5])]).weight[[0, -1]].round(3)
    array([1.667, 0.714])
    """
    codes = np.column_stack([each.codes for each in margins])
    is_used = (codes >= 0).all(axis=1)
    weight = np.zeros(codes.shape[0])
    if not is_used.any():
        return Weights(weight, 1.0)
    cells, place, counts = np.unique(codes[is_used], axis=0, return_inverse=True, return_counts=True)
    share = counts / counts.sum()
    mass, error = share.copy(), 1.0
    for _ in range(max_rounds):
        before = mass.copy()
        for number, each in enumerate(margins):
            now = np.bincount(cells[:, number], weights=mass, minlength=each.shares.size)
            mass = mass * np.divide(each.shares, now, out=np.zeros(now.size), where=now > 0)[cells[:, number]]
        mass = mass / mass.sum()
        error = _error(cells, mass, margins)
        if error <= tolerance or np.abs(mass - before).max() <= tolerance / 100:
            break
    weight[is_used] = (mass / share)[place.ravel()]
    return Weights(weight, error)


def kish_effective_size(weight: ArrayLike) -> float:
    """Return how many equally weighted rows are as good as these weighted ones.

    Parameters
    ----------
    weight : array-like, shape (n_samples,)
        Weights of zero or more.

    Returns
    -------
    float
        Between one and the number of rows with a weight; zero without any.

    References
    ----------
    Kish, L. (1965). Survey Sampling, section 11.7.

    Examples
    --------
    >>> kish_effective_size([1, 1, 2])
    2.6666666666666665
    """
    w = float_vector(weight, name="weight")
    total = float((w**2).sum())
    return float(w.sum()) ** 2 / total if total > 0 else 0.0


def population_mean(
    values: ArrayLike,
    margins: Sequence[Margin],
    weights: Weights,
    *,
    level: float = 0.95,
    reference: Sequence[Codes] = (),
    is_share: bool = True,
) -> Balance:
    """Estimate the mean of a population from weighted rows, and the table's mean minus it.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Finite; in [0, 1] if `is_share`.
    margins, weights
        As given to and returned by `rake`.
    level : float, default 0.95
        Confidence level inside (0, 1), half of the rest on each side.
    reference : sequence of ndarray of int64, shape (n_reference,), optional
        Categories, as given to `margin`, of the rows of a reference table in each margin, -1 for none, where the shares
        were counted in these rows: their sampling is then part of the interval. Without them the shares are known.
    is_share : bool, default True
        Whether values lie in [0, 1]. Then uncovered categories widen the interval by all that they could be; else the
        mean is that of the covered part.

    Returns
    -------
    Balance
        NaN with open ends where no row has a weight.

    Notes
    -----
    The variance is that of the residuals from a weighted additive fit on the margins, to which raking is equivalent in
    large samples; residuals are enlarged by their leverage, and those of a share to what Kish's effective size gives
    at least. Intervals of shares are those of Clopper and Pearson at the number of rows that would have this variance
    (Korn and Graubard), others Student's with the degrees of freedom of Kish's effective size. Holds where, among rows
    of the same categories, those of the table are like the population's.

    References
    ----------
    Deville, J.-C. and Särndal, C.-E. (1992). Calibration estimators in survey sampling. JASA 87, 376-382.
    Korn, E. L. and Graubard, B. I. (1998). Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data. Survey Methodology 24, 193-201.

    Examples
    --------
    >>> right = [1] * 15 + [0] * 15 + [1] * 70
    >>> half = margin([0] * 30 + [1] * 70, [0.5, 0.5])
    >>> round(population_mean(right, [half], rake([half])).population.value, 3)
    0.75
    """
    check_level(level)
    y, w = float_vector(values, name="values"), weights.weight
    if not (w > 0).any():
        nothing = IntervalEstimate(float("nan"), -np.inf, np.inf)
        return Balance(nothing, nothing)
    share = w / w.sum()
    value = float(share @ y)
    effects, residual = _additive_fit(y, margins, w)
    sampled = _variance_of_shares(effects, margins, reference)
    size = kish_effective_size(w)
    t = float(stdtrit(max(1.0, size - 1.0), 0.5 + level / 2.0))
    spread = float(((share * residual) ** 2).sum())
    parts = (y - y.mean()) / y.size - share * residual
    distance = float((parts**2).sum())
    if is_share and 0.0 < value < 1.0 and spread > 0.0:  # few events may all lie where weights are small
        enlarged = max(1.0, value * (1.0 - value) / size / spread)
        spread, distance = enlarged * spread, enlarged * distance
    spread, distance = spread + sampled, distance + sampled
    gap, half = float(y.mean()) - value, t * float(np.sqrt(distance))
    uncovered = min(1.0, sum(each.uncovered for each in margins)) if is_share else 0.0
    if is_share:
        low, high = _share_ends(value, spread, size, t, level)
        population = IntervalEstimate(value, (1.0 - uncovered) * low, (1.0 - uncovered) * high + uncovered)
    else:
        population = IntervalEstimate(value, value - t * np.sqrt(spread), value + t * np.sqrt(spread))
    unknown = (uncovered * (1.0 - value), uncovered * value)
    return Balance(population, IntervalEstimate(gap, gap - half - unknown[0], gap + half + unknown[1]))


def _error(cells: Codes, mass: Floats, margins: Sequence[Margin]) -> float:
    now = [np.bincount(cells[:, k], weights=mass, minlength=each.shares.size) for k, each in enumerate(margins)]
    return max(float(np.abs(share - each.shares).max()) for share, each in zip(now, margins, strict=True))


def _additive_fit(y: Floats, margins: Sequence[Margin], w: Floats) -> tuple[list[Floats], Floats]:
    """Fit values by effects of the categories (weighted, in turn), and return residuals enlarged by their leverage."""
    used = w > 0
    centre = float((w @ y) / w.sum())
    rest, weight = (y - centre)[used], w[used]
    codes = [each.codes[used] for each in margins]
    totals = [
        np.bincount(code, weights=weight, minlength=each.shares.size) for code, each in zip(codes, margins, strict=True)
    ]
    effects = [np.zeros(total.size) for total in totals]
    for _ in range(200):
        moved = 0.0
        for code, total, effect in zip(codes, totals, effects, strict=True):
            step = np.bincount(code, weights=weight * rest, minlength=total.size)
            step = np.divide(step, total, out=np.zeros(total.size), where=total > 0)
            effect += step
            rest = rest - step[code]
            moved = max(moved, float(np.abs(step).max(initial=0.0)))
        if moved < 1e-10:
            break
    leverage = sum(weight / total[code] for code, total in zip(codes, totals, strict=True))
    leverage = np.clip(leverage - (len(margins) - 1) * weight / weight.sum(), 0.0, 0.9)
    residual = np.zeros(y.size)
    residual[used] = rest / (1.0 - leverage)
    return effects, residual


def _variance_of_shares(effects: Sequence[Floats], margins: Sequence[Margin], reference: Sequence[Codes]) -> float:
    """What it adds to the variance that the shares of the population were counted in rows themselves."""
    if not reference:
        return 0.0
    codes = [
        np.where(code >= 0, each.place[np.maximum(code, 0)], -1) for each, code in zip(margins, reference, strict=True)
    ]
    known = np.all([code >= 0 for code in codes], axis=0)
    fitted = np.sum([effect[code[known]] for effect, code in zip(effects, codes, strict=True)], axis=0)
    return float(fitted.var(ddof=1)) / fitted.size if known.sum() > 1 else 0.0


def _share_ends(value: float, variance: float, size: float, t: float, level: float) -> tuple[float, float]:
    """Clopper and Pearson's limits at the number of rows that would give this variance."""
    p = min(1.0, max(0.0, value))
    effective = p * (1.0 - p) / variance if variance > 0 and 0 < p < 1 else size
    effective *= (float(ndtri(0.5 + level / 2.0)) / t) ** 2
    hits, misses, tail = p * effective, (1.0 - p) * effective, (1.0 - level) / 2.0
    low = float(betaincinv(hits, misses + 1.0, tail)) if hits > 0 else 0.0
    high = float(betainccinv(hits + 1.0, misses, tail)) if misses > 0 else 1.0
    return low, high
