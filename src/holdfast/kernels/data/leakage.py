"""Find single columns that give the target away, and columns that number the rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from holdfast.kernels.stats.delong import auc_delong
from holdfast.kernels.stats.inputs import check_level, check_same_length, float_vector
from holdfast.kernels.stats.interval import IntervalEstimate

NEARLY_ALL = 0.99
MOST_BINS = 200
ROWS_PER_BIN = 20
FEWEST_ROWS = 100
KOLMOGOROV_1_PERCENT = 1.628


def bin_numbers(train: ArrayLike, test: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut a numeric column into bins of about equal size in the training table.

    Parameters
    ----------
    train, test : array-like, shape (n_train,) and (n_test,)
        Values; NaN is a missing cell and gets a bin of its own.

    Returns
    -------
    tuple of two ndarray of int64
        Bin numbers of the rows of both tables. A column with few distinct values gets one bin for each.

    Examples
    --------
    >>> bin_numbers([1.0, 2.0, float("nan")], [2.0, 9.0])[0]
    array([0, 1, 2])
    """
    known, new = np.asarray(train, dtype=np.float64), np.asarray(test, dtype=np.float64)
    finite = known[~np.isnan(known)]
    distinct = np.unique(finite)
    most = int(np.clip(known.size // ROWS_PER_BIN, 2, MOST_BINS))
    if distinct.size > most:
        cuts = np.unique(np.quantile(finite, np.arange(1, most) / most, method="lower"))
    else:
        # Halfway is finite for finite neighbours, whatever their size.
        cuts = distinct[:-1] / 2 + distinct[1:] / 2 if np.isfinite(distinct).all() else distinct[:-1]
    missing = cuts.size + 1
    first, second = (np.where(np.isnan(v), missing, np.searchsorted(cuts, v, side="left")) for v in (known, new))
    return first.astype(np.int64), second.astype(np.int64)


def level_means(train: ArrayLike, y_train: ArrayLike, test: ArrayLike) -> NDArray[np.float64]:
    """Predict the target of test rows by its mean over the training rows with the same level of one column.

    Parameters
    ----------
    train, test : array-like of int, shape (n_train,) and (n_test,)
        Level numbers from one numbering, zero or more.
    y_train : array-like, shape (n_train, n_outputs)
        Target of the training rows: one-hot classes or values.

    Returns
    -------
    ndarray of float64, shape (n_test, n_outputs)
        Means shrunk by one row towards the overall mean, which also serves for levels never seen.

    Examples
    --------
    >>> level_means([0, 0, 1, 1], [[0.0], [0.0], [1.0], [1.0]], [1, 0, 7]).ravel().round(3)
    array([0.833, 0.167, 0.5  ])
    """
    known, new = np.asarray(train, dtype=np.int64), np.asarray(test, dtype=np.int64)
    target = np.asarray(y_train, dtype=np.float64)
    check_same_length(known.size, target.shape[0], names=("train", "y_train"))
    n_levels = int(max(known.max(initial=-1), new.max(initial=-1))) + 1
    prior = target.mean(axis=0) if target.shape[0] else np.zeros(target.shape[1])
    sums = np.stack([np.bincount(known, column, n_levels) for column in target.T], axis=1)
    means = (sums + prior) / (np.bincount(known, minlength=n_levels)[:, None] + 1.0)
    return np.asarray(means[new])


def class_determination(
    predicted: NDArray[np.float64], y_test: ArrayLike, *, level: float = 0.95
) -> IntervalEstimate[float]:
    """Score how far predictions from one column settle the class.

    Parameters
    ----------
    predicted : ndarray of float64, shape (n_test, n_classes)
        A score for each class.
    y_test : array-like of int, shape (n_test,)
        Class positions.
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    IntervalEstimate
        ``2 AUC - 1``, averaged one against the rest over the classes present: 0 is chance, 1 determines the class.
        Ends in [-1, 1]. One class only: NaN and [-1, 1].

    Notes
    -----
    DeLong's interval for each class at level ``1 - (1 - level) / n_classes``; the mean of their ends holds for the
    mean.

    Examples
    --------
    >>> score = class_determination(np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.1, 0.9]]), [0, 1, 0, 1])
    >>> score.value
    1.0
    """
    check_level(level)
    y = np.asarray(y_test, dtype=np.int64)
    check_same_length(predicted.shape[0], y.size, names=("predicted", "y_test"))
    present = np.unique(y)
    if present.size < 2:
        return IntervalEstimate(float("nan"), -1.0, 1.0)
    # With two classes both areas are one and the same.
    members = present[1:] if present.size == 2 else present
    each = 1.0 - (1.0 - level) / members.size
    areas = np.array([auc_delong(y == c, predicted[:, c], level=each) for c in members])
    value, low, high = (2.0 * areas - 1.0).mean(axis=0)
    return IntervalEstimate(float(value), float(low), float(high))


def value_determination(predicted: ArrayLike, y_test: ArrayLike, *, level: float = 0.95) -> IntervalEstimate[float]:
    """Score how far predictions from one column settle a numeric target.

    Parameters
    ----------
    predicted, y_test : array-like, shape (n_test,)
        Predicted and true values, centred so that 0 is what one would say without the column.
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    IntervalEstimate
        ``1 - sum (y - predicted)^2 / sum y^2``: 1 determines the target, 0 says nothing, below 0 misleads; cut to
        [-1, 1]. Fewer than two rows or a constant target: NaN and [-1, 1].

    Notes
    -----
    Interval of a ratio of two means by the delta method; approximate, meant for bounded values such as ranks.

    Examples
    --------
    >>> value_determination([1.0, -1.0, 0.5], [1.0, -1.0, 0.5]).value
    1.0
    """
    check_level(level)
    guess, y = float_vector(predicted, name="predicted"), float_vector(y_test, name="y_test")
    check_same_length(guess.size, y.size, names=("predicted", "y_test"))
    spread = y**2
    if y.size < 2 or not spread.any():
        return IntervalEstimate(float("nan"), -1.0, 1.0)
    rest = (y - guess) ** 2
    ratio = rest.mean() / spread.mean()
    error = (rest - ratio * spread).std(ddof=1) / (spread.mean() * np.sqrt(y.size))
    half = float(ndtri(0.5 + level / 2.0) * error)
    value, low, high = np.clip([1 - ratio, 1 - ratio - half, 1 - ratio + half], -1.0, 1.0)
    return IntervalEstimate(float(value), float(low), float(high))


def centred_ranks(train: ArrayLike, values: ArrayLike) -> NDArray[np.float64]:
    """Replace values by their rank in a training sample, from -1/2 to 1/2.

    Parameters
    ----------
    train : array-like, shape (n_train,)
        Finite reference values.
    values : array-like, shape (n_samples,)

    Returns
    -------
    ndarray of float64, shape (n_samples,)
        Share of reference values below, ties counted half, minus one half. Zeros without reference values.

    Examples
    --------
    >>> centred_ranks([1.0, 2.0, 3.0, 4.0], [0.0, 2.5, 9.0])
    array([-0.5,  0. ,  0.5])
    """
    ordered = np.sort(float_vector(train, name="train"))
    new = float_vector(values, name="values")
    if ordered.size == 0:
        return np.zeros(new.size)
    below = np.searchsorted(ordered, new, side="left") + np.searchsorted(ordered, new, side="right")
    return np.asarray(below / (2.0 * ordered.size) - 0.5)


def suspects(
    value: ArrayLike, low: ArrayLike, n_levels: ArrayLike, *, few_levels: int, n_rows: int, determines: float = 0.9
) -> NDArray[np.bool_]:
    """Mark the columns that give the target away rather than predict it.

    Parameters
    ----------
    value, low : array-like, shape (n_columns,)
        Score of each column (1 determines the target) and the lower end of its interval.
    n_levels : array-like of int, shape (n_columns,)
        Distinct values of each column.
    few_levels : int
        A column with at most so many distinct values counts as a recoded copy of the classes; 0 to leave this rule out.
    n_rows : int
        Test rows behind the scores; errors below one row in so many are not told apart.
    determines : float, default 0.9
        Score from which a column is said to nearly determine the target.

    Returns
    -------
    ndarray of bool, shape (n_columns,)

    Notes
    -----
    Strong honest columns exist, and they come in company: several measurements of one cause score alike. A column is
    marked when its score reaches `determines`, its whole interval lies above, and the error left (1 - score) is less
    than a third of that of the next column. Columns above such a step are all marked, so that two leaks do not hide
    each other. A column of few levels is marked on less (0.05 below `determines`, its interval within 0.2), because a
    measured quantity hardly ever settles an outcome in two or three steps.

    Examples
    --------
    >>> suspects([0.99, 0.5, 0.4], [0.98, 0.4, 0.3], [500, 500, 500], few_levels=4, n_rows=1000)
    array([ True, False, False])
    """
    score, lower, levels = np.asarray(value, float), np.asarray(low, float), np.asarray(n_levels, int)
    near = score >= determines
    copies = (score >= determines - 0.05) & (levels <= few_levels) & (lower >= determines - 0.2)
    order = np.argsort(-score, kind="stable")
    # One row in n_rows keeps a perfect column from standing above everything; 1 is the error of knowing nothing.
    error = np.concatenate([np.maximum(1.0 - score[order], 1.0 / max(n_rows, 1)), [1.0]])
    steps = np.flatnonzero(near[order] & (error[1:] >= 3.0 * error[:-1]))
    apart = np.zeros(score.size, dtype=np.bool_)
    if steps.size:
        apart[order[: steps[-1] + 1]] = True
    return np.asarray(copies | (apart & (lower >= determines)))


def distinct_share(codes: ArrayLike) -> float:
    """Return the share of distinct values among the cells that are not missing.

    Parameters
    ----------
    codes : array-like, shape (n_samples,)
        Numbers; NaN is missing.

    Returns
    -------
    float
        In [0, 1]; 0 without values.

    Examples
    --------
    >>> distinct_share([1.0, 1.0, 2.0, 3.0])
    0.75
    """
    array = np.asarray(codes, dtype=np.float64)
    known = array[~np.isnan(array)]
    return np.unique(known).size / known.size if known.size else 0.0


def numbers_the_rows(values: ArrayLike) -> str:
    """Say why a numeric column looks like a number given to the rows, rather than measured on them.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        One column in the order of the table; NaN is missing.

    Returns
    -------
    str
        ``"dense"``: whole numbers, nearly all different, from a span of less than three times their count; measured
        values from so few possible ones would repeat (a uniform draw keeps at most 85 % distinct).
        ``"ordered"``: whole numbers, nearly all different, that rise or fall along the table.
        ``"even"``: whole numbers, nearly all different and spread evenly between their ends, as random numbers are
        (Kolmogorov-Smirnov at 1 %, from twice the smallest size on).
        ``""`` otherwise, and below 100 values.

    Notes
    -----
    "Nearly all" is 99 %. Decimal measurements are naturally all different and never marked.

    References
    ----------
    Kolmogorov, A. (1933). Sulla determinazione empirica di una legge di distribuzione.

    Examples
    --------
    >>> numbers_the_rows(np.arange(5000, 5200))
    'dense'
    """
    array = np.asarray(values, dtype=np.float64)
    known = array[np.isfinite(array)]
    if known.size < FEWEST_ROWS or (known != np.floor(known)).any() or distinct_share(known) < NEARLY_ALL:
        return ""
    ordered = np.sort(known)
    span = ordered[-1] - ordered[0]
    if span < 3 * known.size:
        return "dense"
    steps = np.diff(known)
    if max((steps > 0).mean(), (steps < 0).mean()) >= NEARLY_ALL:
        return "ordered"
    uniform = (ordered - ordered[0]) / span
    ranks = np.arange(known.size)
    distance = max(float(((ranks + 1) / known.size - uniform).max()), float((uniform - ranks / known.size).max()))
    is_even = known.size >= 2 * FEWEST_ROWS and distance * np.sqrt(known.size) <= KOLMOGOROV_1_PERCENT
    return "even" if is_even else ""
