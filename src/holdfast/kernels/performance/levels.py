"""Turn columns into a few levels, by which the rows of a table can be told apart."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"[^\W\d_]{2,}")
MOST_DIRECTIONS = 32
FITTED_ROWS = 5_000


class Bins(NamedTuple):
    """Numbers cut into parts."""

    codes: NDArray[np.int64]
    """Part of each value, from 0; the number of parts where the value is not finite."""
    starts: NDArray[np.float64]
    """Smallest value of each part."""
    is_few: bool
    """Whether each part is one value."""


def quantile_bins(values: NDArray[np.float64], n_quantiles: int) -> Bins:
    """Cut numbers at their quantiles; few distinct values stay as they are.

    Parameters
    ----------
    values : ndarray of float64, shape (n_samples,)
        Values that are not finite count as missing.
    n_quantiles : int
        Parts of about equal size. A value that half of the rows or more have is a part of its own.

    Returns
    -------
    Bins

    Examples
    --------
    >>> quantile_bins(np.arange(100.0), 4).starts
    array([ 0., 24., 49., 74.])
    """
    known = np.isfinite(values)
    distinct, counts = np.unique(values[known], return_counts=True)
    is_few = distinct.size <= 2 * n_quantiles
    starts = distinct if is_few else _starts(distinct, counts, n_quantiles)
    codes = np.searchsorted(starts, values, side="right") - 1
    codes[~known] = starts.size
    return Bins(codes.astype(np.int64), starts, is_few)


def _starts(distinct: NDArray[np.float64], counts: NDArray[np.int64], n_quantiles: int) -> NDArray[np.float64]:
    def quantiles(kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        ranks = np.cumsum(counts[kept])
        cuts = np.searchsorted(ranks, ranks[-1] * np.arange(1, n_quantiles) / n_quantiles)
        return np.asarray(distinct[kept][cuts])

    parts = [distinct[:1], quantiles(np.ones(distinct.size, dtype=np.bool_))]
    mode = int(counts.argmax())
    if 2 * counts[mode] >= counts.sum():
        parts += [distinct[mode : mode + 2], quantiles(np.arange(distinct.size) != mode)]
    return np.unique(np.concatenate(parts))


def frequent_levels(values: Sequence[str | None], most: int) -> tuple[NDArray[np.int64], list[str], int]:
    """Number the most frequent values; all others are one level, and missing ones another.

    Parameters
    ----------
    values : sequence of str or None, length n_samples
    most : int
        Levels of their own at most.

    Returns
    -------
    codes : ndarray of int64, shape (n_samples,)
        Position among the levels, then one number for the others and the next for missing values.
    levels : list of str
        By falling frequency, equal ones by name.
    n_others : int
        Distinct values behind the number for the others.

    Examples
    --------
    >>> frequent_levels(["b", "a", "b", None, "c"], 1)
    (array([0, 1, 0, 2, 1]), ['b'], 2)
    """
    counts = Counter(value for value in values if value is not None)
    ordered = sorted(counts, key=lambda level: (-counts[level], level))
    place = {level: index for index, level in enumerate(ordered[:most])}
    n_own = len(place)
    codes = [n_own + 1 if value is None else place.get(value, n_own) for value in values]
    return np.array(codes, dtype=np.int64), ordered[:most], len(ordered) - n_own


def frequent_words(texts: Sequence[str | None], *, least: int, most: int) -> tuple[NDArray[np.bool_], list[str]]:
    """Tell which texts mention the most frequent words.

    Parameters
    ----------
    texts : sequence of str or None, length n_samples
    least : int
        Texts that mention a word at least; words in more than half of the texts are passed over.
    most : int
        Words at most.

    Returns
    -------
    mentions : ndarray of bool, shape (n_samples, n_words)
    words : list of str
        In lower case, by falling frequency.

    Examples
    --------
    >>> frequent_words(["a red car", "red", "blue", "car", "two"], least=2, most=5)[1]
    ['car', 'red']
    """
    found = [set() if text is None else set(WORD.findall(text.lower())) for text in texts]
    counts = Counter(word for words in found for word in words)
    kept = [word for word, count in counts.items() if least <= count <= len(found) / 2]
    words = sorted(kept, key=lambda word: (-counts[word], word))[:most]
    mentions = np.array([[word in own for word in words] for own in found], dtype=np.bool_)
    return mentions.reshape(len(found), len(words)), words


def like_rows(
    values: NDArray[np.float64], n_kinds: int, *, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort rows into kinds of rows that are alike, and name each by its most typical row.

    Parameters
    ----------
    values : ndarray of float64, shape (n_samples, n_columns)
        Such as an embedding or the pixels of an image; finite.
    n_kinds : int
        Kinds at most.
    rng : numpy.random.Generator

    Returns
    -------
    kinds : ndarray of int64, shape (n_samples,)
    typical : ndarray of int64, shape (n_kinds_found,)
        The row nearest to the centre of each kind.

    Notes
    -----
    k-means++ on the standardised columns, of many columns on their first 32 principal components.

    References
    ----------
    Arthur, D. and Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA, 1027-1035.

    Examples
    --------
    >>> rows = np.repeat([[0.0], [9.0]], 5, axis=0)
    >>> like_rows(rows, 2, rng=np.random.default_rng(0))[0].tolist() in ([0] * 5 + [1] * 5, [1] * 5 + [0] * 5)
    True
    """
    from scipy.cluster.vq import kmeans2  # a third of a second to load, which only vectors spend

    spread = values.std(axis=0)
    points = (values - values.mean(axis=0))[:, spread > 0.0] / spread[spread > 0.0]
    fitted = points[rng.permutation(points.shape[0])[:FITTED_ROWS]]
    if points.shape[1] > MOST_DIRECTIONS:
        directions = np.linalg.eigh(fitted.T @ fitted)[1][:, -MOST_DIRECTIONS:]
        points, fitted = points @ directions, fitted @ directions
    distinct = np.unique(fitted, axis=0)
    if distinct.shape[0] < 2:
        return np.zeros(points.shape[0], dtype=np.int64), np.zeros(1, dtype=np.int64)
    with warnings.catch_warnings(action="ignore"):  # a centre without rows stays where it is, and drops out below
        centres = kmeans2(fitted, min(n_kinds, distinct.shape[0]), minit="++", rng=rng)[0]
    distances = (points**2).sum(axis=1)[:, None] - 2.0 * points @ centres.T + (centres**2).sum(axis=1)
    kinds, numbers = np.unique(distances.argmin(axis=1), return_inverse=True)
    return numbers.reshape(-1).astype(np.int64), distances[:, kinds].argmin(axis=0).astype(np.int64)
