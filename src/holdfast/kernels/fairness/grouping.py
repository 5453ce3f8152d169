"""Sort people into groups: by each attribute, by pairs of them, and by all of them together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Numbers with at most this many distinct values are groups as they are.
FEW_VALUES = 10
BETWEEN = " × "
MISSING = "missing"
MOST_GROUPS = 100  # the work of comparing all pairs grows with its square
SHOWN_NAMES = 10


class NumberGroups(NamedTuple):
    """Groups of numbers, from low to high."""

    group: NDArray[np.int64]
    """Group of each row, shape (n_samples,); -1 where the number is missing."""
    names: list[str]


class Grouping(NamedTuple):
    """People by one attribute or a combination of several."""

    attribute: str
    """Name of the column, or the names of several with `BETWEEN` in between."""
    key: str
    """The same as part of an id: letters, digits, ``-`` and ``_``."""
    group: NDArray[np.int64]
    """Group of each row, shape (n_samples,); -1 where its group is left out."""
    names: list[str]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each group."""
        return np.bincount(self.group[self.group >= 0], minlength=len(self.names)).astype(np.int64)


def cut_numbers(values: ArrayLike, *, edges: Sequence[float] = (), n_quantiles: int = 3) -> NumberGroups:
    """Cut numbers at given edges or at their quantiles.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Numbers; NaN is missing.
    edges : sequence of float, default ()
        Each opens a group that begins with it. Without edges, quantiles of the numbers are used.
    n_quantiles : int, default 3
        Groups of about equal size; fewer where numbers are tied.

    Returns
    -------
    NumberGroups
        One group named "all" where there is nothing to cut at.

    Raises
    ------
    ValueError
        If `n_quantiles` is less than one or an edge is NaN.

    Examples
    --------
    >>> cut_numbers([20, 30, 70], edges=[25, 60]).names
    ['below 25', '25 to below 60', '60 or above']
    """
    if n_quantiles < 1 or np.isnan(np.asarray(edges, dtype=np.float64)).any():
        raise ValueError(f"expected one or more quantiles and no NaN, got n_quantiles={n_quantiles}, edges={edges!r}")
    numbers = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(numbers)
    cuts = np.unique(np.asarray(edges, dtype=np.float64))
    if not cuts.size and known.any():
        shares = np.arange(1, n_quantiles) / n_quantiles
        cuts = np.unique(np.quantile(numbers[known], shares, method="higher"))
        cuts = cuts[cuts > numbers[known].min()]
    group = np.where(known, np.searchsorted(cuts, numbers, side="right"), -1)
    if not cuts.size:
        return NumberGroups(group.astype(np.int64), ["all"])
    between = [f"{low:g} to below {high:g}" for low, high in pairwise(cuts)]
    return NumberGroups(group.astype(np.int64), [f"below {cuts[0]:g}", *between, f"{cuts[-1]:g} or above"])


def group_labels(
    values: NDArray[Any], *, edges: Sequence[float] = (), n_quantiles: int = 3
) -> tuple[NDArray[np.str_], list[str]]:
    """Name the group of each row by one attribute.

    Parameters
    ----------
    values : ndarray, shape (n_samples,)
        Numbers with NaN for missing, or objects with None for missing.
    edges, n_quantiles
        As `cut_numbers`; numbers of ten values or fewer are groups as they are unless there are edges.

    Returns
    -------
    tuple
        A label for each row, ``missing`` where there is no value; the names of the groups that numbers were cut into,
        empty where they were not.

    Examples
    --------
    >>> labels, cut = group_labels(np.array(["f", None, "m"], dtype=object))
    >>> labels.tolist(), cut
    (['f', 'missing', 'm'], [])
    """
    if values.dtype.kind != "f":
        return np.array([MISSING if value is None else str(value) for value in values.tolist()], dtype=np.str_), []
    distinct, place = np.unique(values, return_inverse=True)
    if not len(edges) and np.count_nonzero(~np.isnan(distinct)) <= FEW_VALUES:
        names = [MISSING if np.isnan(value) else f"{value:g}" for value in distinct.tolist()]
        return np.array(names, dtype=np.str_)[place.ravel()], []
    groups = cut_numbers(values, edges=edges, n_quantiles=n_quantiles)
    return np.array([*groups.names, MISSING], dtype=np.str_)[groups.group], groups.names


def people_groups(
    columns: Mapping[str, NDArray[Any]],
    *,
    min_group: int,
    edges: Mapping[str, Sequence[float]] | None = None,
    n_quantiles: int = 3,
) -> tuple[list[Grouping], list[str]]:
    """Sort people into groups by each attribute, by each pair of attributes, and by all together.

    Parameters
    ----------
    columns : mapping of column name to ndarray, shape (n_samples,)
        Attributes, as `group_labels` takes them.
    min_group : int
        Groups with fewer rows are left out; of more than a hundred groups the largest are kept.
    edges : mapping of column name to sequence of float, optional
        Where to cut numbers; columns without edges are cut at quantiles.
    n_quantiles : int, default 3
        Groups of about equal size that other numbers are cut into.

    Returns
    -------
    tuple
        The groupings with two groups or more; sentences about what was cut and left out.

    Examples
    --------
    >>> sexes = {"sex": np.array(["f", "m", "m", "x"], dtype=object)}
    >>> groupings, notes = people_groups(sexes, min_group=1)
    >>> groupings[0].names, groupings[0].group.tolist(), notes
    (['f', 'm', 'x'], [0, 1, 1, 2], [])
    """
    notes: list[str] = []
    labels = {}
    for name, values in columns.items():
        given = (edges or {}).get(name, ())
        labels[name], cut = group_labels(values, edges=given, n_quantiles=n_quantiles)
        if cut:
            notes.append(f"{name} was cut into: {', '.join(cut)} ({'as given' if len(given) else 'by quantiles'}).")
    single = [cross_groups({name: own}, min_group, notes) for name, own in labels.items()]
    single = [grouping for grouping in single if len(grouping.names) > 1]
    # A column of one group would name the groups of another one a second time.
    crossed = [grouping.attribute for grouping in single]
    sets: list[tuple[str, ...]] = [*combinations(crossed, 2), *([tuple(crossed)] if len(crossed) > 2 else [])]
    groupings = [cross_groups({name: labels[name] for name in each}, min_group, notes) for each in sets]
    return [*single, *(grouping for grouping in groupings if len(grouping.names) > 1)], notes


def cross_groups(
    labels: Mapping[str, NDArray[np.str_]], min_group: int, notes: list[str], *, most: int = MOST_GROUPS
) -> Grouping:
    """Sort people by the combination of their labels; what is left out is added to the notes.

    Of more than ``most`` groups the largest are kept.

    Examples
    --------
    >>> cross_groups({"a": np.array(["x", "x"]), "b": np.array(["u", "v"])}, 1, []).names
    ['x × u', 'x × v']
    """
    attribute = BETWEEN.join(labels)
    columns = list(labels.values())
    code = np.zeros(columns[0].size, dtype=np.int64)
    for column in columns:
        distinct, place = np.unique(column, return_inverse=True)
        # Numbered anew after each column, so that the codes of many columns do not overflow.
        code = np.unique(code * distinct.size + place.ravel(), return_inverse=True)[1].ravel()
    _, first, inverse, sizes = np.unique(code, return_index=True, return_inverse=True, return_counts=True)
    names = [BETWEEN.join(str(column[row]) for column in columns) for row in first.tolist()]
    is_kept = sizes >= min_group
    if not is_kept.all():
        small = some([f"{names[at]} ({sizes[at]})" for at in np.flatnonzero(~is_kept)])
        notes.append(f"Left out of {attribute}, because they have fewer than {min_group} rows: {small}.")
    if is_kept.sum() > most:
        order = np.flatnonzero(is_kept)[np.argsort(-sizes[is_kept], kind="stable")]
        notes.append(
            f"Of {is_kept.sum():,} groups of {attribute}, the {most:,} largest were compared; the "
            f"{sizes[order[most:]].sum():,} people of the others are in none."
        )
        is_kept[order[most:]] = False
    if is_kept.sum() < 2:
        notes.append(f"{attribute} has fewer than two groups that are large enough.")
    position = np.where(is_kept, np.cumsum(is_kept) - 1, -1)
    key = re.sub(r"[^A-Za-z0-9_-]", "_", "-x-".join(labels))
    kept = [names[at] for at in np.flatnonzero(is_kept)]
    return Grouping(attribute, key, position[inverse.ravel()].astype(np.int64), kept)


def some(names: Sequence[str]) -> str:
    """List names, but not hundreds of them.

    Examples
    --------
    >>> some(["a"] * 12)
    'a, a, a, a, a, a, a, a, a, a and 2 more'
    """
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")
