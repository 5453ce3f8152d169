"""Remedies in front of a model that need no retraining, and what they gain under attack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.stats.multiplicity import holm
from holdfast.kernels.stats.paired import mcnemar_exact, paired_proportion_difference
from holdfast.kernels.stats.proportions import clopper_pearson

Floats = NDArray[np.float64]
Changes = dict[str, Callable[[Floats], Floats]]
# Beyond 2^53 whole numbers and floats part company; such columns are identifiers, not quantities.
EXACT_WHOLE = 2.0**53


class Bins(NamedTuple):
    """A few numbers, to the nearest of which all others are rounded."""

    edges: Floats
    """Largest number that goes to each value but the last, rising, shape ``(n_bins - 1,)``."""
    values: Floats
    """The values, rising, shape ``(n_bins,)``."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """Replaces numbers by the nearest of a few; see :func:`rounded`."""

    bins: Bins

    def __call__(self, values: Floats) -> Floats:
        return rounded(values, self.bins)


class Gains(NamedTuple):
    """Paired differences of shares, after minus before; all fields have shape ``(n_remedies,)``."""

    value: Floats
    low: Floats
    high: Floats
    """Ends of intervals that hold for all remedies at once."""
    p_value: Floats
    """McNemar's exact test of no difference."""
    p_adjusted: Floats
    """The same after Holm over the remedies."""
    is_better: NDArray[np.bool_]
    """Whether interval and adjusted test both show a gain."""
    is_worse: NDArray[np.bool_]
    """Whether both show a loss."""


class Headline(NamedTuple):
    """A number with its interval and the name of the method."""

    value: float
    low: float
    high: float
    method: str


def central_range(values: ArrayLike, *, tails: float) -> tuple[float, float]:
    """Return the range that remains when a share of the numbers is cut off at either end.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Finite numbers, at least one.
    tails : float
        Share cut off at each end, in [0, 0.5); 0 is the whole range.

    Returns
    -------
    tuple of float
        Two of the numbers.

    Examples
    --------
    >>> central_range(range(101), tails=0.05)
    (5.0, 95.0)
    """
    if not 0.0 <= tails < 0.5:
        raise ValueError(f"expected a share in [0, 0.5) to cut off at each end, got tails={tails!r}")
    seen = np.asarray(values, dtype=np.float64)
    low, high = np.quantile(seen, tails, method="lower"), np.quantile(seen, 1.0 - tails, method="higher")
    return float(low), float(high)


def quantile_bins(values: ArrayLike, *, n_bins: int) -> Bins:
    """Cut the numbers seen into bins of about equal size; the median of each is a value to round to.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Finite numbers, at least one.
    n_bins : int
        Largest number of bins; fewer where numbers are tied. With no more distinct numbers than that, each is a bin.

    Notes
    -----
    The edges lie half-way between the medians, not where the bins meet: of a column that is mostly 0, the smallest
    positive number would otherwise become the median of all positive ones, and a tiny change a large one.

    Examples
    --------
    >>> quantile_bins([1, 2, 3, 4, 5, 6], n_bins=2)
    Bins(edges=array([3.5]), values=array([2., 5.]))
    """
    if n_bins < 1:
        raise ValueError(f"expected one bin or more, got n_bins={n_bins}")
    seen = np.sort(np.asarray(values, dtype=np.float64))
    medians = np.unique(seen)
    if medians.size > n_bins:
        cuts = np.unique(np.quantile(seen, np.arange(1, n_bins) / n_bins, method="lower"))
        ends = np.searchsorted(seen, cuts[cuts < medians[-1]], side="right")
        starts, ends = np.concatenate([[0], ends]), np.concatenate([ends, [seen.size]])
        medians = seen[(starts + ends - 1) // 2]
    # Between neighbouring floats the middle rounds to one of them; the larger must not go to the smaller.
    middle = np.minimum(medians[:-1] + np.diff(medians) / 2, np.nextafter(medians[1:], -np.inf))
    return Bins(middle, medians)


def rounded(values: Floats, bins: Bins) -> Floats:
    """Replace numbers by the nearest of a few values; NaN stays.

    Examples
    --------
    >>> rounded(np.array([0.0, 3.1, np.nan]), Bins(np.array([3.0]), np.array([2.0, 5.0])))
    array([ 2.,  5., nan])
    """
    return np.where(np.isnan(values), values, bins.values[np.searchsorted(bins.edges, values, side="left")])


def changes_of(columns: Mapping[str, NDArray[Any]], *, tails: float, n_bins: int) -> tuple[Changes, dict[str, Nearest]]:
    """Set up clipping and rounding for every column of numbers.

    Parameters
    ----------
    columns : mapping of column name to ndarray, shape (n_samples,)
        Training data; those that are not float64, hold no finite number, or one beyond 2^53, are left out.
    tails, n_bins
        As in :func:`central_range` and :func:`quantile_bins`.

    Returns
    -------
    tuple of dict
        What clips, and what rounds, the numbers of each column.

    Examples
    --------
    >>> clip, to_bins = changes_of({"x": np.arange(9.0)}, tails=0.0, n_bins=2)
    >>> clip["x"](np.array([99.0])), to_bins["x"](np.array([99.0]))
    (array([8.]), array([6.]))
    """
    floats = {name: cells[np.isfinite(cells)] for name, cells in columns.items() if cells.dtype.kind == "f"}
    numbers = {name: cells for name, cells in floats.items() if cells.size and np.abs(cells).max() <= EXACT_WHOLE}
    ends = {name: central_range(cells, tails=tails) for name, cells in numbers.items()}
    clip = {name: partial(np.clip, a_min=low, a_max=high) for name, (low, high) in ends.items()}
    to_bins = {name: Nearest(quantile_bins(cells, n_bins=n_bins)) for name, cells in numbers.items()}
    return {**clip}, to_bins


def score_margin(scores: Floats) -> Floats:
    """Return how far the best class is ahead of the second.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_samples, n_classes)
        Two classes or more.

    Examples
    --------
    >>> score_margin(np.array([[0.25, 0.75], [0.5, 0.5]]))
    array([0.5, 0. ])
    """
    top = np.partition(scores, -2, axis=1)
    return np.asarray(top[:, -1] - top[:, -2])


def screened_scores(scores: Floats, y: NDArray[np.int64], *, cutoff: float) -> Floats:
    """Rewrite scores so that their best class is a wrong one just where the answer is wrong and passes a screen.

    This is what somebody aims at who knows the screen: another answer that is clear enough not to be looked at.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_samples, n_classes)
    y : ndarray of int64, shape (n_samples,)
        The right answers.
    cutoff : float
        Rows in which the best class is less than this ahead of the second are screened.

    Returns
    -------
    ndarray of float64, shape (n_samples, n_classes)
        0 for the right class, and how far each other class is ahead of all others, less the cut-off.

    Examples
    --------
    >>> screened_scores(np.array([[0.45, 0.55], [0.25, 0.75]]), np.array([0, 0]), cutoff=0.2).round(2).tolist()
    [[0.0, -0.1], [0.0, 0.3]]
    """
    ordered = np.partition(scores, -2, axis=1)
    best, second = ordered[:, -1:], ordered[:, -2:-1]
    is_best = np.arange(scores.shape[1]) == scores.argmax(axis=1)[:, None]
    ahead = scores - np.where(is_best, second, best) - cutoff
    ahead[np.arange(y.size), y] = 0.0
    return np.asarray(ahead)


def paired_gains(before: ArrayLike, after: ArrayLike, *, level: float) -> Gains:
    """Compare what holds of the same rows with and without each remedy.

    Parameters
    ----------
    before : array-like of bool, shape (n_rows,)
        Whether a row is answered rightly, or withstands the attack, without a remedy.
    after : array-like of bool, shape (n_remedies, n_rows)
        The same with each remedy.
    level : float
        Confidence level of all intervals together.

    Notes
    -----
    Tango's score intervals at ``1 - (1 - level) / n_remedies`` each, so that the interval of the remedy that came out
    best holds too.

    Examples
    --------
    >>> gains = paired_gains([False] * 20 + [True] * 20, [[True] * 40, [False] * 20 + [True] * 20], level=0.95)
    >>> gains.value.tolist(), gains.is_better.tolist()
    ([0.5, 0.0], [True, False])
    """
    first, second = np.asarray(before, dtype=np.bool_), np.asarray(after, dtype=np.bool_)
    if second.ndim != 2 or second.shape[0] == 0 or first.size == 0 or second.shape[1:] != first.shape:
        raise ValueError(
            f"expected rows and one line of them per remedy, got before of shape {first.shape}, after of {second.shape}"
        )
    only_after, only_before = (second & ~first).sum(axis=1), (~second & first).sum(axis=1)
    per_remedy = 1.0 - (1.0 - level) / second.shape[0]
    difference = paired_proportion_difference(
        only_before, only_after, np.full(len(second), first.size), level=per_remedy
    )
    p_value = np.atleast_1d(mcnemar_exact(only_before, only_after))
    p_adjusted = holm(p_value)
    is_shown = p_adjusted <= 1.0 - level
    return Gains(
        *difference, p_value, p_adjusted, is_shown & (difference.low > 0.0), is_shown & (difference.high < 0.0)
    )


def before_and_after(
    right: NDArray[np.bool_], robust: NDArray[np.bool_], screened: NDArray[np.bool_], *, level: float
) -> dict[str, NDArray[Any]]:
    """Tabulate what each remedy changes, with and without an attack.

    Parameters
    ----------
    right, robust, screened : ndarray of bool, shape (1 + n_remedies, n_rows)
        Which rows are answered rightly, withstand the attack, and go to people; first without a remedy.
    level : float
        Confidence level of the intervals: of each comparison over all remedies together, of each screened share alone.

    Returns
    -------
    dict
        Columns of length ``n_remedies``: ``points``; ``clean_before``, ``clean_after`` and ``clean_change`` with its
        interval and p-values; ``robust_before``, ``robust_after`` and ``gain`` likewise; ``screened`` with its
        Clopper-Pearson interval; ``verdict``: ``helps`` or ``harms`` only where interval and adjusted test agree.

    Examples
    --------
    >>> right = np.ones((2, 40), dtype=bool)
    >>> robust = np.array([[False] * 20 + [True] * 20, [True] * 40])
    >>> before_and_after(right, robust, ~right, level=0.95)["verdict"].tolist()
    ['helps']
    """
    n_remedies, n_rows = len(right) - 1, right.shape[1]
    table: dict[str, NDArray[Any]] = {"points": np.full(n_remedies, n_rows)}
    clean, gains = (paired_gains(shares[0], shares[1:], level=level) for shares in (right, robust))
    table |= _compared("clean", right, "clean_change", clean) | _compared("robust", robust, "gain", gains)
    table["verdict"] = np.select([gains.is_better, gains.is_worse], ["helps", "harms"], "no difference shown")
    share = clopper_pearson(screened[1:].sum(axis=1), n_rows, level=level)
    return table | {"screened": share.value, "screened_low": share.low, "screened_high": share.high}


def _compared(name: str, shares: NDArray[np.bool_], change: str, gains: Gains) -> dict[str, NDArray[Any]]:
    ends = ("low", "high", "p_value", "p_adjusted")
    return {
        f"{name}_before": np.full(len(shares) - 1, shares[0].mean()),
        f"{name}_after": shares[1:].mean(axis=1),
        change: gains.value,
        **{f"{change}_{end}": values for end, values in zip(ends, gains[1:5], strict=True)},
    }


def headlines(
    right: NDArray[np.bool_], robust: NDArray[np.bool_], screened: NDArray[np.bool_], *, level: float
) -> tuple[int, dict[str, Headline]]:
    """Pick the remedy that gains most and say what it gains and costs.

    Parameters
    ----------
    right, robust, screened, level
        As in :func:`before_and_after`; the screen, if there is one, comes last.

    Returns
    -------
    tuple of int and dict
        Position of the remedy, and ``best_gain``, with an interval that allows for having picked it; ``clean_cost``,
        the share of right answers it takes; ``robust_share`` without a remedy; ``screened_share`` with the last.

    Examples
    --------
    >>> right = np.ones((2, 40), dtype=bool)
    >>> best, found = headlines(right, np.array([[False] * 40, [True] * 40]), ~right, level=0.95)
    >>> best, found["best_gain"].value, found["clean_cost"].value
    (0, 1.0, 0.0)
    """
    gains = paired_gains(robust[0], robust[1:], level=level)
    best, n = int(gains.value.argmax()), right.shape[1]
    before, after = right[0], right[best + 1]
    won, lost = int((after & ~before).sum()), int((before & ~after).sum())
    shares = {"robust_share": robust[0], "screened_share": screened[-1]}
    low, high = float(gains.low[best]), float(gains.high[best])
    return best, {
        "best_gain": Headline(float(gains.value[best]), low, high, f"Tango, Bonferroni over {len(robust) - 1} guards"),
        "clean_cost": Headline(*paired_proportion_difference(won, lost, n, level=level), "Tango"),
        **{
            name: Headline(*clopper_pearson(int(hits.sum()), n, level=level), "Clopper-Pearson")
            for name, hits in shares.items()
        },
    }
