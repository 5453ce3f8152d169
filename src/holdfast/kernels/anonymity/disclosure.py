"""What a table gives away about people of whom the quasi-identifiers are known: k, l, t and their relatives.

Somebody who knows the quasi-identifiers of a person finds that person's equivalence class. k-anonymity asks how many
people are in it; the others ask what the sensitive values in it tell. All are computed from one table of counts, of
which only cells above zero are held, so the cost is that of sorting the rows once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.anonymity.equivalence_classes import Classes, Codes, equivalence_classes

Floats = NDArray[np.float64]


class ValueCounts(NamedTuple):
    """How often each sensitive value occurs in each class; only what occurs, by class and then by value.

    classes, values, counts: int64, shape (n_cells,). first: int64, shape (n_classes,), where each class begins.
    sizes: int64, shape (n_classes,). total: int64, shape (n_values,), over all classes.
    """

    classes: Codes
    values: Codes
    counts: Codes
    first: Codes
    sizes: Codes
    total: Codes


class Disclosure(NamedTuple):
    """The weakest class of a table under each model of privacy.

    Attributes
    ----------
    k
        Smallest class.
    l
        Fewest distinct sensitive values in a class.
    entropy_l
        Smallest exponential of the entropy of the sensitive values in a class: entropy l-diversity holds for every l
        up to it.
    recursive_c
        Recursive (c, l)-diversity, for the ``l`` asked for (that of the table by default, at least 2), holds for every
        c above it; inf where a class has fewer than l values.
    alpha
        Largest share of one value in a class; (alpha, k)-anonymity holds.
    beta
        Largest relative gain ``(q - p) / p`` of a value's share in a class, q, over its share in the table, p: basic
        beta-likeness.
    enhanced_beta
        The same where every gain is also at most ``-ln p``, else inf: no beta gives enhanced beta-likeness.
    delta
        Largest ``|ln(q / p)|``; inf where a class lacks a value, as delta-disclosure privacy says.
    delta_present
        The same over values that the class has.
    t
        Largest earth mover's distance of a class's values from the table's.
    """

    k: int
    l: int  # noqa: E741 - the literature's name
    entropy_l: float
    recursive_c: float
    alpha: float
    beta: float
    enhanced_beta: float
    delta: float
    delta_present: float
    t: float


def value_counts(classes: Classes, sensitive: Codes) -> ValueCounts:
    """Count the sensitive values in each class.

    Parameters
    ----------
    classes : Classes
    sensitive : ndarray of int64, shape (n_rows,)
        Codes in the order of the values.
    """
    cells = equivalence_classes([sensitive], start=classes)
    at = np.empty(len(cells.sizes), dtype=np.int64)
    at[cells.of_row] = np.arange(len(sensitive))
    of_cell = classes.of_row[at]
    first = np.searchsorted(of_cell, np.arange(len(classes.sizes)))
    return ValueCounts(of_cell, sensitive[at], cells.sizes, first, classes.sizes, np.bincount(sensitive))


def disclosure(classes: Classes, sensitive: Codes, *, is_ordered: bool, l: int | None = None) -> Disclosure:  # noqa: E741
    """Measure what classes give away about a sensitive column.

    Parameters
    ----------
    classes : Classes
        Of the quasi-identifiers; at least one row.
    sensitive : ndarray of int64, shape (n_rows,)
        Codes of the sensitive values from 0, in their order, each at least once.
    is_ordered : bool
        Whether the distance of values counts (numbers, grades: ordered distance), or only whether they are equal.
    l : int, optional
        For recursive (c, l)-diversity.

    Returns
    -------
    Disclosure

    Raises
    ------
    ValueError
        If there is no row.

    References
    ----------
    Sweeney, L. (2002). k-anonymity: a model for protecting privacy. IJUFKS 10(5).
    Machanavajjhala, A., Kifer, D., Gehrke, J. and Venkitasubramaniam, M. (2007). l-diversity. TKDD 1(1), definitions
    4.1 and 4.2.
    Wong, R., Li, J., Fu, A. and Wang, K. (2006). (alpha, k)-anonymity. KDD, definition 3.
    Li, N., Li, T. and Venkatasubramanian, S. (2007). t-closeness. ICDE, section 4.
    Cao, J. and Karras, P. (2012). Publishing microdata with a robust privacy guarantee. VLDB, definitions 2 and 3.
    Brickell, J. and Shmatikov, V. (2008). The cost of privacy. KDD, definition 2.

    Examples
    --------
    >>> classes = equivalence_classes([np.array([0, 0, 1, 1])])
    >>> found = disclosure(classes, np.array([0, 1, 1, 1]), is_ordered=False)
    >>> found.k, found.l, found.t
    (2, 1, 0.25)
    """
    if not len(classes.sizes):
        raise ValueError("expected at least one row, got an empty table")
    counts = value_counts(classes, sensitive)
    distinct = distinct_values(counts)
    q = counts.counts / counts.sizes[counts.classes]
    p = (counts.total / counts.total.sum())[counts.values]
    gain = q / p - 1.0
    beta = max(float(gain.max()), 0.0)
    change = float(np.abs(np.log(q / p)).max())
    distances = closeness(counts, is_ordered=is_ordered)
    return Disclosure(
        k=int(classes.sizes.min()),
        l=int(distinct.min()),
        entropy_l=float(entropy_values(counts).min()),
        recursive_c=_recursive_c(counts, max(2, int(distinct.min())) if l is None else l),
        alpha=float(q.max()),
        beta=beta,
        enhanced_beta=beta if (gain <= -np.log(p) + 1e-12).all() else float("inf"),
        delta=change if (distinct == np.count_nonzero(counts.total)).all() else float("inf"),
        delta_present=change,
        t=float(distances.max()),
    )


def distinct_values(counts: ValueCounts) -> Codes:
    """Count the distinct sensitive values of each class."""
    return np.diff(counts.first, append=len(counts.counts))


def entropy_values(counts: ValueCounts) -> Floats:
    """Return, for each class, how many equally frequent values have the entropy of its own."""
    q = counts.counts / counts.sizes[counts.classes]
    return np.asarray(np.exp(-np.add.reduceat(q * np.log(q), counts.first)))


def closeness(counts: ValueCounts, *, is_ordered: bool) -> Floats:
    """Measure the earth mover's distance of each class's values from the whole table's.

    Returns
    -------
    ndarray of float64, shape (n_classes,)
        From 0 to 1. Without order, half the sum of the differences of shares; with, the mean of the differences of
        cumulated shares over the steps between neighbouring values (Li et al. 2007, sections 4.1 and 4.2).
    """
    p = counts.total / counts.total.sum()
    q = counts.counts / counts.sizes[counts.classes]
    if not is_ordered:
        return np.asarray(np.add.reduceat(np.maximum(q - p[counts.values], 0.0), counts.first))
    m = len(p)
    if m == 1:
        return np.zeros(len(counts.sizes))
    below = np.cumsum(p)
    area = np.concatenate([[0.0], np.cumsum(below)])
    # From one value of a class to its next the class's cumulated share stays at c; the table's crosses it at most once.
    upto = np.cumsum(counts.counts)
    before = np.repeat(upto[counts.first] - counts.counts[counts.first], distinct_values(counts))
    c = (upto - before) / counts.sizes[counts.classes]
    begin = counts.values
    end = np.append(begin[1:], m)
    end[np.append(counts.first[1:], len(begin)) - 1] = m
    cross = np.clip(np.searchsorted(below, c), begin, end)
    parts = c * (2 * cross - begin - end) + area[begin] + area[end] - 2.0 * area[cross]
    total = np.add.reduceat(parts, counts.first) + area[begin[counts.first]]
    return np.asarray(np.maximum(total, 0.0) / (m - 1))


def _recursive_c(counts: ValueCounts, l: int) -> float:  # noqa: E741
    """Return the largest ratio of the most frequent value's count to those of the l-th and rarer ones together."""
    order = np.lexsort((-counts.counts, counts.classes))
    by_rank = counts.counts[order]
    rank = np.arange(len(by_rank)) - counts.first[counts.classes]
    tail = np.add.reduceat(np.where(rank >= l - 1, by_rank, 0), counts.first)
    most = by_rank[counts.first]
    return float("inf") if (tail == 0).any() else float((most / tail).max())
