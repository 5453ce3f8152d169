"""Damage the cells of a column as careless data entry, sensors and conversions do."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from holdfast.kernels.stats.inputs import check_level, paired_vectors
from holdfast.kernels.stats.interval import IntervalEstimate

IQR_OF_A_GAUSSIAN = 1.3489795003921634
UNIT_FACTORS = (0.001, 0.1, 10.0, 1000.0)


def robust_scale(values: ArrayLike) -> float:
    """Estimate the spread of a column, unmoved by a few extreme values.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Numbers; NaN and infinities are left out.

    Returns
    -------
    float
        Interquartile range over 1.349, the standard deviation for Gaussian values. 0 when the middle half of the values
        is one value, and without values.

    Examples
    --------
    >>> round(robust_scale([1.0, 2.0, 3.0, 4.0, 1000.0]), 3)
    1.483
    """
    array = np.asarray(values, dtype=np.float64)
    finite = array[np.isfinite(array)]
    if finite.size == 0:
        return 0.0
    low, high = np.quantile(finite, [0.25, 0.75])
    return float(high - low) / IQR_OF_A_GAUSSIAN


def add_noise(
    values: NDArray[np.float64], z: NDArray[np.float64], *, scale: float, low: float, high: float, whole: bool
) -> NDArray[np.float64]:
    """Add noise to a column, keeping it inside its range.

    Parameters
    ----------
    values : ndarray of float64, shape (n_samples,)
        NaN and infinities stay as they are.
    z : ndarray of float64, shape (n_samples,)
        Standard normal draws.
    scale : float
        Standard deviation of the noise in units of the column.
    low, high : float
        Range of valid values. A value that lies outside already is not moved further out.
    whole : bool
        Whether the column holds whole numbers: the result is rounded to them.

    Returns
    -------
    ndarray of float64, shape (n_samples,)

    Examples
    --------
    >>> add_noise(np.array([1.0, 9.5]), np.array([1.0, 1.0]), scale=1.0, low=0.0, high=10.0, whole=False)
    array([ 2., 10.])
    """
    noisy = np.clip(values + scale * z, np.fmin(low, values), np.fmax(high, values))
    if whole:
        noisy = np.rint(noisy)
    return np.where(np.isfinite(values), noisy, values)


def slip_units(values: NDArray[np.float64], factors: NDArray[np.float64], *, whole: bool) -> NDArray[np.float64]:
    """Multiply values as a wrong unit or a misplaced decimal point does.

    Parameters
    ----------
    values, factors : ndarray of float64, shape (n_samples,)
        A factor of 1 leaves a value alone.
    whole : bool
        Whether the column holds whole numbers: the result is rounded to them.

    Returns
    -------
    ndarray of float64, shape (n_samples,)

    Examples
    --------
    >>> slip_units(np.array([37.0, 12.0]), np.array([1000.0, 0.1]), whole=True).tolist()
    [37000.0, 1.0]
    """
    moved = values * factors
    return np.rint(moved) if whole else moved


def swap_levels(codes: NDArray[np.int64], steps: NDArray[np.float64], *, n_levels: int) -> NDArray[np.int64]:
    """Replace levels of a category by other levels, each other one equally likely.

    Parameters
    ----------
    codes : ndarray of int64, shape (n_samples,)
        Level positions; -1, a missing cell, stays.
    steps : ndarray of float64, shape (n_samples,)
        Uniform draws in [0, 1).
    n_levels : int
        Number of levels; with fewer than two nothing can change.

    Returns
    -------
    ndarray of int64, shape (n_samples,)

    Examples
    --------
    >>> swap_levels(np.array([0, 1, -1]), np.array([0.0, 0.9, 0.5]), n_levels=3)
    array([ 1,  0, -1])
    """
    if n_levels < 2:
        return codes.copy()
    moved = (codes + 1 + np.floor(steps * (n_levels - 1)).astype(np.int64)) % n_levels
    return np.where(codes < 0, codes, moved)


def misspell(words: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Make one typing mistake in each word: a letter swapped with the next, left out, doubled or mistyped.

    Parameters
    ----------
    words : sequence of str
    rng : numpy.random.Generator
        Consumed by four draws per word, whatever the words are.

    Returns
    -------
    list of str
        Each differs from its word by one edit, except the empty word, which becomes one letter.

    References
    ----------
    Damerau, F. J. (1964). A technique for computer detection and correction of spelling errors. Communications of the
    ACM 7, 171-176: these four kinds make up 80 % of spelling errors.

    Examples
    --------
    >>> misspell(["private"], np.random.default_rng(0))
    ['prrivate']
    """
    draws = rng.random((len(words), 4))
    return [_one_mistake(word, draw) for word, draw in zip(words, draws, strict=True)]


def _one_mistake(word: str, draw: NDArray[np.float64]) -> str:
    letter = ascii_lowercase[int(draw[2] * len(ascii_lowercase))]
    if not word:
        return letter
    kind, at = int(draw[0] * 4), int(draw[1] * len(word))
    if kind == 0:
        places = [i for i in range(len(word) - 1) if word[i] != word[i + 1]]
        if places:
            i = places[int(draw[3] * len(places))]
            return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    if kind == 1 and len(word) > 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    others = [c for c in ascii_lowercase if c != word[at]]
    return word[:at] + others[int(draw[2] * len(others))] + word[at + 1 :]


def relative_rise(before: ArrayLike, after: ArrayLike, *, level: float = 0.95) -> IntervalEstimate[float]:
    """Estimate by what share a mean rises, measured on the same rows before and after.

    Parameters
    ----------
    before, after : array-like, shape (n_samples,)
        Values of zero or more, such as absolute errors.
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    IntervalEstimate
        ``mean(after) / mean(before) - 1``: 0 for no change, 1 for twice as much, at least -1. Where the mean before is
        0, or with fewer than two rows: NaN and (-1, inf).

    Notes
    -----
    Ratio of paired means with the delta method and Student's t quantile; approximate, worst for few rows with heavy
    tails.

    Examples
    --------
    >>> relative_rise([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]).value
    1.0
    """
    check_level(level)
    first, second = paired_vectors(before, after, names=("before", "after"))
    if first.size < 2 or first.mean() == 0:
        return IntervalEstimate(float("nan"), -1.0, float("inf"))
    ratio = float(second.mean() / first.mean())
    error = float((second - ratio * first).std(ddof=1) / (first.mean() * np.sqrt(first.size)))
    half = float(stdtrit(first.size - 1, 0.5 + level / 2.0)) * error
    return IntervalEstimate(ratio - 1.0, max(ratio - 1.0 - half, -1.0), ratio - 1.0 + half)


def corruption_error(errors: NDArray[np.float64], *, level: float = 0.95) -> IntervalEstimate[float]:
    """Average the errors of rows over kinds of damage.

    Parameters
    ----------
    errors : ndarray of float64, shape (n_samples, n_kinds)
        Share of severities at which each row is answered wrongly.
    level : float, default 0.95

    Returns
    -------
    IntervalEstimate
        In [0, 1]; Student's t over rows, [0, 1] for fewer than two.

    Examples
    --------
    >>> corruption_error(np.array([[0.0, 1.0], [0.2, 0.8]])).value
    0.5
    """
    check_level(level)
    rows = errors.mean(axis=1)
    if rows.size < 2:
        return IntervalEstimate(float(rows.mean()), 0.0, 1.0)
    half = float(stdtrit(rows.size - 1, 0.5 + level / 2.0)) * float(rows.std(ddof=1)) / np.sqrt(rows.size)
    return IntervalEstimate(float(rows.mean()), max(rows.mean() - half, 0.0), min(rows.mean() + half, 1.0))


def relative_corruption_error(
    errors: NDArray[np.float64], baseline: NDArray[np.float64], *, level: float = 0.95
) -> IntervalEstimate[float]:
    """Average over kinds of damage the ratio of a model's error to that of a baseline on the same rows.

    Parameters
    ----------
    errors, baseline : ndarray of float64, shape (n_samples, n_kinds)
        Share of severities at which each row is answered wrongly.
    level : float, default 0.95

    Returns
    -------
    IntervalEstimate
        0 for no error, 1 where it is as large as the baseline's; NaN and (0, inf) when the baseline makes no error of
        some kind, or with fewer than two rows.

    Notes
    -----
    The mean corruption error of the reference, with the baseline at hand in place of AlexNet. Its interval is that of
    the linearised mean of ratios over rows.

    References
    ----------
    Hendrycks, D. and Dietterich, T. (2019). Benchmarking neural network robustness to common corruptions and
    perturbations. ICLR, section 4.1.

    Examples
    --------
    >>> relative_corruption_error(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[1.0, 1.0], [1.0, 1.0]])).value
    0.5
    """
    check_level(level)
    below = baseline.mean(axis=0)
    if len(errors) < 2 or (below == 0).any():
        return IntervalEstimate(float("nan"), 0.0, float("inf"))
    ratios = errors.mean(axis=0) / below
    influence = ((errors - ratios * baseline) / below).mean(axis=1)
    value = float(ratios.mean())
    half = float(stdtrit(len(errors) - 1, 0.5 + level / 2.0)) * float(influence.std(ddof=1)) / np.sqrt(len(errors))
    return IntervalEstimate(value, max(value - half, 0.0), value + half)
