"""Is something that befalls rows, such as a flip or a miss, more frequent in some groups than in all others?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.fairness.grouping import group_labels
from holdfast.kernels.stats.exact_shares import fisher_exact
from holdfast.kernels.stats.multiplicity import holm
from holdfast.kernels.stats.proportions import clopper_pearson, newcombe_difference

SMALLEST_GROUP = 10


def group_flips(
    columns: Mapping[str, NDArray[Any]], flipped: ArrayLike, *, people: Collection[str], level: float
) -> dict[str, NDArray[Any]]:
    """Compare the share of flipped rows of each group with that of all other rows.

    Parameters
    ----------
    columns : mapping of column name to ndarray, shape (n_rows,)
        What makes the groups: objects with None for missing, or float64 with NaN for missing. Numbers of more than ten
        values are cut into thirds.
    flipped : array-like of bool, shape (n_rows,)
        Which rows the attack flipped.
    people : collection of str
        Columns that describe people; tests of them are adjusted among themselves, and so are those of all others.
    level : float
        Confidence level of each interval.

    Returns
    -------
    dict
        Columns of equal length, one line for each group of ten rows or more that leaves ten others: ``kind``
        (``group`` of people or ``slice``), ``column``, ``group``, ``n``, ``flipped``, ``share`` with its
        Clopper-Pearson interval (``low``, ``high``), ``rest_share``, ``difference`` (group minus rest) with Newcombe's
        interval, the same at a level at which the intervals of all groups of the kind hold at once (``all_low``,
        ``all_high``; Bonferroni), the ``p_value`` of Fisher's exact test, and ``p_adjusted``, after Holm.

    Examples
    --------
    >>> sexes = {"sex": np.array(["f", "m"] * 20, dtype=object)}
    >>> found = group_flips(sexes, [True, False] * 20, people=["sex"], level=0.95)
    >>> found["group"].tolist(), found["share"].tolist(), (found["p_adjusted"] < 0.001).tolist()
    (['f', 'm'], [1.0, 0.0], [True, True])
    """
    hits = np.asarray(flipped, dtype=np.bool_)
    names, members = _groups(columns, hits.size)
    n = members.sum(axis=1)
    s = (members & hits).sum(axis=1)
    others, other_hits = hits.size - n, hits.sum() - s
    share = clopper_pearson(s, n, level=level)
    difference = newcombe_difference(s, n, other_hits, others, level=level)
    is_people = np.array([column in people for column, _ in names], dtype=np.bool_)
    family = np.where(is_people, is_people.sum(), (~is_people).sum())
    together = [
        newcombe_difference(*each, level=1.0 - (1.0 - level) / size)
        for *each, size in zip(s, n, other_hits, others, family.tolist(), strict=True)
    ]
    counts = zip(s.tolist(), n.tolist(), other_hits.tolist(), others.tolist(), strict=True)
    p_value = np.array([fisher_exact(*each) for each in counts], dtype=np.float64)
    p_adjusted = np.empty_like(p_value)
    for kind in (is_people, ~is_people):
        p_adjusted[kind] = holm(p_value[kind])
    return {
        "kind": np.where(is_people, "group", "slice"),
        "column": np.array([column for column, _ in names], dtype=np.str_),
        "group": np.array([group for _, group in names], dtype=np.str_),
        "n": n,
        "flipped": s,
        "share": share.value,
        "low": share.low,
        "high": share.high,
        "rest_share": other_hits / np.maximum(others, 1),
        "difference": difference.value,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "all_low": np.array([float(each.low) for each in together], dtype=np.float64),
        "all_high": np.array([float(each.high) for each in together], dtype=np.float64),
        "p_value": p_value,
        "p_adjusted": p_adjusted,
    }


def compared_once(
    found: Mapping[str, NDArray[Any]], *, n_rows: int, n_flipped: int, level: float
) -> dict[str, NDArray[Any]]:
    """Keep one line of two groups that make up all rows: the other difference is the same with its sign turned.

    Parameters
    ----------
    found : mapping
        As `group_flips` returns it, for columns of one kind.
    n_rows, n_flipped : int
        All rows, and those that are flipped.
    level : float
        Confidence level at which ``all_low`` and ``all_high`` of the lines that are kept hold at once.

    Returns
    -------
    dict
        The same columns; of each such pair the group with the higher share.

    Examples
    --------
    >>> sexes = {"sex": np.array(["f", "m"] * 20, dtype=object)}
    >>> found = group_flips(sexes, [False, True] * 20, people=["sex"], level=0.95)
    >>> compared_once(found, n_rows=40, n_flipped=20, level=0.95)["group"].tolist()
    ['m']
    """
    kept = np.ones(found["n"].size, dtype=np.bool_)
    for column in np.unique(found["column"]):
        rows = np.flatnonzero(found["column"] == column)
        if rows.size == 2 and found["n"][rows].sum() == n_rows:
            kept[rows[1 - int(np.argmax(found["difference"][rows]))]] = False
    lines = {name: values[kept] for name, values in found.items()}
    s, n = lines["flipped"], lines["n"]
    together = newcombe_difference(s, n, n_flipped - s, n_rows - n, level=1.0 - (1.0 - level) / max(n.size, 1))
    return {**lines, "all_low": np.asarray(together.low), "all_high": np.asarray(together.high)}


def _groups(columns: Mapping[str, NDArray[Any]], n_rows: int) -> tuple[list[tuple[str, str]], NDArray[np.bool_]]:
    """Name the groups that are large enough, and tell who belongs to each, shape ``(n_groups, n_rows)``."""
    names: list[tuple[str, str]] = []
    members: list[NDArray[np.bool_]] = []
    for column, values in columns.items():
        labels, _ = group_labels(values)
        groups, sizes = np.unique(labels, return_counts=True)
        is_kept = (sizes >= SMALLEST_GROUP) & (n_rows - sizes >= SMALLEST_GROUP)
        for group in groups[is_kept].tolist():
            names.append((column, group))
            members.append(labels == group)
    return names, np.array(members, dtype=np.bool_).reshape(len(members), n_rows)
