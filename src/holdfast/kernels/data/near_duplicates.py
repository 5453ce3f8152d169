"""Find rows that are the same but for one cell, and texts that share most of their words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.data.duplicates import wilson
from holdfast.kernels.stats.inputs import check_level
from holdfast.kernels.stats.interval import IntervalEstimate

WORD = re.compile(r"\w+")
SHINGLE = 3
BANDS, BAND_WIDTH = 16, 4
MOST_BEFORE = 50


class Twins(NamedTuple):
    """What each row has beside it in a reference table; each field ``(n_samples,)``."""

    degree: NDArray[np.int64]
    """Reference rows that are nearly the same, the row itself not counted."""
    first: NDArray[np.int64]
    """One of them: the only one where there is only one; -1 where there is none."""
    copies: NDArray[np.int64]
    """Reference rows that are exactly the same; not in the degree."""


def one_cell_apart(codes: NDArray[np.int64], is_reference: NDArray[np.bool_]) -> Twins:
    """Count the reference rows that differ from each row in exactly one cell.

    Parameters
    ----------
    codes : ndarray of int64, shape (n_samples, n_columns)
        Cells numbered alike over all rows; two columns or more.
    is_reference : ndarray of bool, shape (n_samples,)
        Rows of the reference table.

    Returns
    -------
    Twins
        Over all rows; positions count all rows.

    Notes
    -----
    Two rows are one cell apart exactly when they agree after some column is left out. Rows are numbered by a sum of
    random 64-bit words, one for each cell, from which a column is taken out by subtraction: n_columns sorts, and a
    chance of n ** 2 / 2 ** 64 of any false twin.

    Examples
    --------
    >>> codes = np.array([[1, 1, 1], [1, 1, 2], [1, 2, 3]])
    >>> one_cell_apart(codes, np.array([True, True, True])).degree
    array([1, 1, 0])
    """
    width = codes.shape[1]
    if width < 2:
        raise ValueError(f"expected two columns or more, got {width}; with one column any two rows are one cell apart")
    words = [cell_words(column, place) for place, column in enumerate(codes.T)]
    whole = _sum(words)
    copies = _matches(whole, whole, is_reference)[0]
    degree, first = np.zeros_like(copies), np.full_like(copies, -1)
    for word in words:
        found, one = _matches(whole - word, whole, is_reference)
        degree += found - copies
        first = np.where(first < 0, one, first)
    return Twins(degree, first, copies)


def exact_copies(codes: NDArray[np.int64], is_reference: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the reference rows that equal each row, itself left out; arguments as for :func:`one_cell_apart`."""
    whole = _sum([cell_words(column, place) for place, column in enumerate(codes.T)])
    return _matches(whole, whole, is_reference)[0]


def cell_words(column: NDArray[np.int64], place: int) -> NDArray[np.uint64]:
    """Mix the codes of the column at a place into 64 bits each (the finaliser of splitmix64)."""
    z = column.astype(np.uint64) + np.uint64((place + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)
    z *= np.uint64(0xD1342543DE82EF95)
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))


def _sum(words: list[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    return np.asarray(np.sum(words, axis=0, dtype=np.uint64))


def _matches(
    keys: NDArray[np.uint64], whole: NDArray[np.uint64], is_reference: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count reference rows with the same key as each row, itself left out; name one that differs on the whole."""
    numbers = np.unique(keys, return_inverse=True)[1].reshape(-1)
    rows = np.flatnonzero(is_reference)
    order = rows[np.lexsort((whole[rows], numbers[rows]))]
    sizes = np.bincount(numbers[rows], minlength=numbers.max(initial=-1) + 1)
    end = np.cumsum(sizes)
    found = sizes[numbers] - is_reference
    # Rows of one key are sorted by the whole: where they differ from a row at all, the first or the last one does.
    padded = np.append(order, 0)
    first, last = padded[(end - sizes)[numbers]], padded[np.maximum(end[numbers] - 1, 0)]
    one = np.where(whole[first] != whole, first, np.where(whole[last] != whole, last, -1))
    return found.astype(np.int64), np.where(sizes[numbers] > 0, one, -1)


def similar_texts(
    texts: Sequence[str | None], is_reference: NDArray[np.bool_], *, least: float = 0.8, seed: int = 0
) -> Twins:
    """Count the reference texts that share most of their word triples with each text.

    Parameters
    ----------
    texts : sequence of str or None, length n_samples
        Texts of fewer than three words have no twins. Equal texts are twins too.
    is_reference : ndarray of bool, shape (n_samples,)
        Texts of the reference table.
    least : float, default 0.8
        Smallest share of common triples of words, common over those of either (Jaccard), inside (0, 1].
    seed : int, default 0
        Of the hash functions.

    Returns
    -------
    Twins
        Over all texts; positions count all texts.

    Notes
    -----
    MinHash signatures in 16 bands of 4: a pair at 0.8 is looked at with a probability of 0.9998, one at 0.3 with 0.12;
    each pair looked at is decided exactly. Of texts that share a band only the 50 before each are looked at, so that
    the degree of boilerplate may be too low, but is not 0.

    References
    ----------
    Broder, A. (1997). On the resemblance and containment of documents. SEQUENCES, 21-29.
    Leskovec, J., Rajaraman, A. and Ullman, J. (2020). Mining of massive datasets, section 3.4.

    Examples
    --------
    >>> texts = ["the card was lost on a trip to the sea", "the card was lost on a trip to the sea!", "no card"]
    >>> similar_texts(texts, np.array([True, True, True])).degree
    array([1, 1, 0])
    """
    if not 0.0 < least <= 1.0:
        raise ValueError(f"expected a share inside (0, 1], got least={least}")
    sets = _shingles(texts)
    kept = np.array([number for number, own in enumerate(sets) if own.size], dtype=np.int64)
    degree, first = np.zeros(len(sets), dtype=np.int64), np.full(len(sets), -1, dtype=np.int64)
    for a, b in _candidates([sets[i] for i in kept], kept, seed):
        shared = np.intersect1d(sets[a], sets[b], assume_unique=True).size
        if shared < least * (sets[a].size + sets[b].size - shared):
            continue
        for one, other in ((a, b), (b, a)):
            if is_reference[other]:
                degree[one] += 1
                first[one] = other if first[one] < 0 else first[one]
    return Twins(degree, first, np.zeros_like(degree))


def _shingles(texts: Sequence[str | None]) -> list[NDArray[np.uint64]]:
    """Distinct word triples of each text, as 64-bit numbers."""
    numbers: dict[str, int] = {}
    found = []
    for text in texts:
        words = [] if text is None else WORD.findall(text.lower())
        ids = np.array([numbers.setdefault(word, len(numbers)) for word in words], dtype=np.int64)
        triples = (
            [cell_words(ids[i : ids.size - SHINGLE + 1 + i], i) for i in range(SHINGLE)] if ids.size >= SHINGLE else []
        )
        found.append(np.unique(_sum(triples)) if triples else np.empty(0, dtype=np.uint64))
    return found


def _candidates(sets: list[NDArray[np.uint64]], names: NDArray[np.int64], seed: int) -> list[tuple[int, int]]:
    """Pairs of sets whose signatures agree in a whole band."""
    if len(sets) < 2:
        return []
    values = np.concatenate(sets)
    starts = np.cumsum([0, *(own.size for own in sets[:-1])])
    rng = np.random.default_rng(seed)
    pairs: set[tuple[int, int]] = set()
    for _ in range(BANDS):
        odd = rng.integers(0, 2**63, size=(BAND_WIDTH, 2), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        hashes = [np.minimum.reduceat((values ^ x) * y, starts) for x, y in odd]
        keys = _sum([cell_words(part.astype(np.int64), i) for i, part in enumerate(hashes)])
        order = np.argsort(keys, kind="stable")
        for back in range(1, min(MOST_BEFORE, order.size - 1) + 1):
            same = keys[order[back:]] == keys[order[:-back]]
            if not same.any():
                break
            one, other = names[order[:-back][same]], names[order[back:][same]]
            pairs.update(zip(np.minimum(one, other).tolist(), np.maximum(one, other).tolist(), strict=True))
    return sorted(pairs)


def chance_of_a_twin(twins: Twins, is_reference: NDArray[np.bool_], *, level: float = 0.95) -> IntervalEstimate[float]:
    """Estimate the chance that a fresh row is nearly the same as one that the reference table already holds.

    Parameters
    ----------
    twins : Twins
    is_reference : ndarray of bool, shape (n_samples,)
        Rows of the reference table, of which each is looked up among the others, if it has no exact copy there.
    level : float, default 0.95
        Confidence level inside (0, 1).

    Returns
    -------
    IntervalEstimate
        In [0, 1]. No rows, or an exact copy of each: NaN and [0, 1].

    Notes
    -----
    For rows drawn independently, a fresh row finds a twin among n rows about as often as one of the n among the others.
    For exact copies this is Good and Turing's estimate. The variance is that of the jackknife (leaving out a row
    changes the count by itself and by the rows whose only twin it is), which is at least that of the estimate; the
    interval is Wilson's for the sample size that has this variance.

    References
    ----------
    Efron, B. and Stein, C. (1981). The jackknife estimate of variance. Annals of Statistics 9, 586-596.

    Examples
    --------
    >>> everyone = np.array([True] * 4)
    >>> chance_of_a_twin(Twins(np.array([1, 1, 0, 0]), np.array([1, 0, -1, -1]), np.zeros(4, int)), everyone).value
    0.5
    """
    check_level(level)
    rows = np.flatnonzero(is_reference & (twins.copies == 0))
    n = rows.size
    if n == 0:
        return IntervalEstimate(float("nan"), 0.0, 1.0)
    has = twins.degree[rows] > 0
    only = twins.first[rows[twins.degree[rows] == 1]]
    change = has + np.bincount(only, minlength=is_reference.size)[rows]
    share, variance = float(has.mean()), float(((change - change.mean()) ** 2).sum()) / n**2
    # Pairs come together, so n/2 is the size in the limit of few twins; it serves where there are none at all.
    effective = share * (1 - share) / variance if variance > 0 and 0 < share < 1 else n / 2
    low, high = wilson(share, max(effective, 1.0), level)
    return IntervalEstimate(share, low, high)
