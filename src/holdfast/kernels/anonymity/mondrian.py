"""Make a table k-anonymous by cutting it into boxes of at least k rows: Mondrian."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.anonymity.disclosure import closeness, distinct_values, value_counts
from holdfast.kernels.anonymity.equivalence_classes import Classes, Codes

Floats = NDArray[np.float64]


class Sensitive(NamedTuple):
    """A sensitive column and what each class must keep of it.

    codes: int64, shape (n_rows,), see ``codes_of``. is_ordered: whether distances of values count. l: fewest distinct
    values in a class. t: largest earth mover's distance of a class's values from the table's.
    """

    codes: Codes
    is_ordered: bool = False
    l: int = 1  # noqa: E741 - the literature's name
    t: float = 1.0


class Boxes(NamedTuple):
    """Classes of at least k rows, and the box of each.

    classes: the class of each row. low, high: float64, shape (n_classes, n_columns), ends of what its rows hold.
    widths: float64, same shape, the width of the box over that of the table, 0 to 1 (see ``information_loss``).
    """

    classes: Classes
    low: Floats
    high: Floats
    widths: Floats


class _Cut(NamedTuple):
    """The most even cut of each class by one column: rows up to ``at`` go left. even: rows of its smaller side."""

    at: Floats
    even: Codes


def mondrian(
    columns: Sequence[Floats], *, is_category: Sequence[bool], k: int, sensitive: Sequence[Sensitive] = ()
) -> Boxes:
    """Cut a table into boxes of at least k rows, each by the column in which it is widest.

    Parameters
    ----------
    columns : sequence of ndarray of float64, shape (n_rows,)
        Quasi-identifiers: finite numbers, or codes of categories in an order in which neighbours may be joined.
    is_category : sequence of bool, length n_columns
        Whether the width of a box is counted in values instead of by its ends.
    k : int
        Fewest rows of a class, 1 or more.
    sensitive : sequence of Sensitive, optional
        What each class must keep; a cut that breaks it is not made.

    Returns
    -------
    Boxes
        Rows that agree in all columns are in one class.

    Raises
    ------
    ValueError
        If there are fewer than k rows, or the table as a whole lacks what each class must keep.

    Notes
    -----
    Strict partitioning of LeFevre et al. (2006): the class is cut at the median of its relatively widest column, equal
    values on one side; if a side falls below k or breaks a condition, by its next widest. All classes of one depth are
    cut at the same time, so that the cost is (columns x depth) sorts of the rows; depth is about ``log2(n / k)``.

    References
    ----------
    LeFevre, K., DeWitt, D. and Ramakrishnan, R. (2006). Mondrian multidimensional k-anonymity. ICDE.

    Examples
    --------
    >>> boxes = mondrian([np.array([1.0, 2.0, 8.0, 9.0])], is_category=[False], k=2)
    >>> boxes.classes.of_row, boxes.low[:, 0], boxes.high[:, 0]
    (array([0, 0, 1, 1]), array([1., 8.]), array([2., 9.]))
    """
    X = np.column_stack(columns) if columns else np.empty((0, 0))
    n, m = X.shape
    if k < 1 or n < k:
        raise ValueError(f"expected at least k = {k} rows, and k at least 1, got {n} rows")
    whole = Classes(np.zeros(n, dtype=np.int64), np.array([n]))
    if not _keeps(whole, sensitive)[0]:
        raise ValueError("expected the whole table to have the diversity that each class must keep")
    span = [_span(X[:, at], whole, is_category[at])[0] for at in range(m)]
    orders = [np.argsort(X[:, at], kind="stable") for at in range(m)]
    of_row, sizes = whole
    is_open = np.array([n >= 2 * k])
    while is_open.any():
        classes = Classes(of_row, sizes)
        orders = [_regrouped(order, of_row) for order in orders]
        cuts = [_cut(X[:, at], orders[at], classes) for at in range(m)]
        widths = [_span(X[:, at], classes, is_category[at], orders[at]) / max(span[at], 1e-300) for at in range(m)]
        wanted = np.where(np.array([cut.even for cut in cuts]) >= k, np.array(widths), -1.0)
        wanted[:, ~is_open] = -1.0
        of_row, is_open = _split(X, classes, cuts, wanted, sensitive)
        sizes = np.bincount(of_row)
        is_open &= sizes >= 2 * k
    return _boxes(X, Classes(of_row, sizes), is_category, span)


def _regrouped(order: Codes, of_row: Codes) -> Codes:
    """Bring rows, sorted by a column, in the order of their classes, sorted by the column within."""
    return order[np.argsort(of_row[order], kind="stable")]


def _cut(x: Floats, order: Codes, classes: Classes) -> _Cut:
    """Cut each class just below or just above the run of equal values at its median, whichever is more even."""
    ordered = x[order]
    first = np.concatenate([[0], np.cumsum(classes.sizes)[:-1]])
    end = first + classes.sizes
    is_new = np.append(True, (ordered[1:] != ordered[:-1]))
    is_new[first] = True
    run = np.cumsum(is_new) - 1
    starts = np.append(np.flatnonzero(is_new), len(ordered))
    middle = run[first + (classes.sizes - 1) // 2]
    below, above = starts[middle], starts[middle + 1]
    even_below, even_above = np.minimum(below - first, end - below), np.minimum(above - first, end - above)
    cut = np.where(even_below > even_above, below, above)
    return _Cut(ordered[np.maximum(cut - 1, first)], np.maximum(even_below, even_above))


def _span(x: Floats, classes: Classes, is_category: bool, order: Codes | None = None) -> Floats:
    """Width of what each class holds: the range of numbers, the number of categories but one."""
    order = np.lexsort((x, classes.of_row)) if order is None else order
    ordered = x[order]
    first = np.concatenate([[0], np.cumsum(classes.sizes)[:-1]])
    if not is_category:
        return np.asarray(ordered[first + classes.sizes - 1] - ordered[first])
    is_new = np.append(True, (ordered[1:] != ordered[:-1]))
    is_new[first] = True
    return np.asarray(np.add.reduceat(is_new.astype(np.float64), first) - 1.0)


def _split(
    X: Floats,
    classes: Classes,
    cuts: Sequence[_Cut],
    wanted: Floats,
    sensitive: Sequence[Sensitive],
) -> tuple[Codes, NDArray[np.bool_]]:
    """Cut each class by its widest column that allows it; return the new classes and which were cut."""
    n_classes = len(classes.sizes)
    side = np.zeros(len(X), dtype=np.int64)
    was_cut = np.zeros(n_classes, dtype=bool)
    while True:
        best = np.argmax(wanted, axis=0)
        tries = (wanted[best, np.arange(n_classes)] > 0.0) & ~was_cut
        if not tries.any():
            break
        at = np.flatnonzero(tries[classes.of_row])
        of = classes.of_row[at]
        limit = np.array([cut.at for cut in cuts])[best[of], of]
        side[at] = X[at, best[of]] > limit
        is_kept = tries
        if sensitive:
            halves = Classes(*_numbered(2 * classes.of_row + side))
            holds = _keeps(halves, sensitive)[halves.of_row]
            broken = np.bincount(classes.of_row, weights=~holds, minlength=n_classes) > 0
            is_kept = tries & ~broken
            side[(tries & broken)[classes.of_row]] = 0
        was_cut |= is_kept
        wanted[best[tries], np.flatnonzero(tries)] = -1.0
    of_row, _ = _numbered(2 * classes.of_row + side)
    is_open = np.zeros(int(of_row.max()) + 1, dtype=bool)
    is_open[of_row[was_cut[classes.of_row]]] = True
    return of_row, is_open


def _numbered(labels: Codes) -> tuple[Codes, Codes]:
    occurs = np.bincount(labels) > 0
    of_row = (np.cumsum(occurs) - 1)[labels]
    return of_row, np.bincount(of_row)


def _keeps(classes: Classes, sensitive: Sequence[Sensitive]) -> NDArray[np.bool_]:
    """Whether each class keeps what it must of every sensitive column."""
    kept = np.ones(len(classes.sizes), dtype=bool)
    for one in sensitive:
        counts = value_counts(classes, one.codes)
        kept &= distinct_values(counts) >= one.l
        if one.t < 1.0:
            kept &= closeness(counts, is_ordered=one.is_ordered) <= one.t
    return kept


def _boxes(X: Floats, classes: Classes, is_category: Sequence[bool], span: Sequence[float]) -> Boxes:
    first = np.concatenate([[0], np.cumsum(classes.sizes)[:-1]])
    ordered = X[np.argsort(classes.of_row, kind="stable")]
    low, high = np.minimum.reduceat(ordered, first, axis=0), np.maximum.reduceat(ordered, first, axis=0)
    widths = [
        _span(X[:, at], classes, is_category[at]) / span[at] if span[at] else np.zeros(len(classes.sizes))
        for at in range(X.shape[1])
    ]
    return Boxes(classes, low, high, np.column_stack(widths))
