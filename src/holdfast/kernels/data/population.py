"""Read how a population is stated: categories of text, and ranges of numbers such as 25-34 or 65+."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

NUMBER = r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
BELOW = re.compile(rf"(?:<\s*|below\s+|under\s+)({NUMBER})")
UP_TO = re.compile(rf"(?:<=\s*|≤\s*|up to\s+)({NUMBER})")
ABOVE = re.compile(rf">\s*({NUMBER})")
FROM = re.compile(rf"(?:>=\s*|≥\s*)({NUMBER})|({NUMBER})\s*(?:\+|(?:or|and)\s+(?:above|over|more))")
BETWEEN = re.compile(rf"({NUMBER})\s*(?:-|–|to\s+below\b|to\b)\s*({NUMBER})")
MOST_COMPARED = 200
WEIGHT_NAMES = ("count", "share", "weight")


class Ranges(NamedTuple):
    """Ranges of numbers, one for each stated label and in its order, from ``low`` to below ``high``."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]


def read_ranges(labels: Sequence[str]) -> Ranges:
    """Read labels of a column of numbers.

    Parameters
    ----------
    labels : sequence of str
        ``<18``, ``<=17``, ``>64``, ``65+``, ``65 or above``, ``18-24``, ``18 to below 25``, or single numbers. Both
        ends of ``18-24`` belong to it where they are whole, up to 24.99 as people's ages are said, or to where the next
        range begins; else the upper end does not, as in ``0.5-1.0``.

    Returns
    -------
    Ranges

    Raises
    ------
    ValueError
        If a label is none of these or two ranges overlap.

    Examples
    --------
    >>> read_ranges(["<18", "18-64", "65+"])
    Ranges(low=array([-inf,  18.,  65.]), high=array([18., 65., inf]))
    """
    ends = [_ends(label.strip()) for label in labels]
    low, high, last = (np.array([each[end] for each in ends], dtype=np.float64) for end in range(3))
    order = np.lexsort((high, low))
    for first, second in pairwise(order.tolist()):
        if last[first] < low[second] < high[first]:  # as after 18-24, >24
            high[first] = low[second]
        if low[second] < high[first]:
            raise ValueError(f"expected ranges that do not overlap, got {labels[first]!r} and {labels[second]!r}")
    return Ranges(low, high)


def weight_column(names: Iterable[str], audited: Iterable[str]) -> str | None:
    """Find the column of a reference table that says how many people a row stands for.

    Parameters
    ----------
    names : iterable of str
        Columns of the reference table.
    audited : iterable of str
        Columns of the audited tables: one of these is no weight.

    Returns
    -------
    str, or None
        The first one called count, share or weight, in any case.

    Examples
    --------
    >>> weight_column(["sex", "Count"], ["sex", "age"])
    'Count'
    """
    others = set(audited)
    return next((name for name in names if name.lower() in WEIGHT_NAMES and name not in others), None)


def assign_ranges(values: ArrayLike, ranges: Ranges) -> NDArray[np.int64]:
    """Find the range of each number.

    Parameters
    ----------
    values : array-like, shape (n_samples,)
        Numbers; NaN is missing.
    ranges : Ranges

    Returns
    -------
    ndarray of int64, shape (n_samples,)
        Position of the range, -1 where there is none.

    Examples
    --------
    >>> assign_ranges([17.5, 64.5, 65], read_ranges(["<18", "18-64", "70+"]))
    array([ 0,  1, -1])
    """
    numbers = np.asarray(values, dtype=np.float64)
    if not ranges.low.size:
        return np.full(numbers.shape, -1, dtype=np.int64)
    order = np.argsort(ranges.low, kind="stable")
    place = order[np.maximum(np.searchsorted(ranges.low[order], numbers, side="right") - 1, 0)]
    inside = (numbers >= ranges.low[place]) & (numbers < ranges.high[place])
    return np.where(inside, place, -1).astype(np.int64)


def mistaken_category(stated: Iterable[str], seen: Iterable[str]) -> tuple[str, str] | None:
    """Find a stated category that nobody has beside a very similar one that somebody has and was not stated.

    Parameters
    ----------
    stated, seen : iterable of str
        Categories of the population, and of the table.

    Returns
    -------
    tuple of str, or None
        The stated and the seen one. ``None`` where all that is left over may be what it says: groups that are missing
        from the table, and rows that are outside of the population.

    Examples
    --------
    >>> mistaken_category(["Female", "Male"], ["female", "Male"])
    ('Female', 'female')
    >>> mistaken_category(["Female", "Male"], ["Male", "unknown"]) is None
    True
    """
    wanted, found = list(dict.fromkeys(stated)), list(dict.fromkeys(seen))
    extra = sorted(set(found) - set(wanted))
    absent = [label for label in wanted if label not in set(found)]
    plain = {_plain(label): label for label in extra}
    for label in absent:
        if _plain(label) in plain:
            return label, plain[_plain(label)]
    for label in absent[:MOST_COMPARED] if len(extra) <= MOST_COMPARED else ():
        close = get_close_matches(_plain(label), plain, n=1, cutoff=0.8)
        if close:
            return label, plain[close[0]]
    return None


def _plain(label: str) -> str:
    return "".join(character for character in label.casefold() if character.isalnum())


def _ends(label: str) -> tuple[float, float, float]:
    """Return from where a range goes, the first number that is no longer in it, and the last that is stated."""
    if re.fullmatch(NUMBER, label):
        return float(label), _after(label), float(label)
    if found := BELOW.fullmatch(label):
        return -np.inf, float(found[1]), float(found[1])
    if found := UP_TO.fullmatch(label):
        return -np.inf, _after(found[1]), float(found[1])
    if found := ABOVE.fullmatch(label):
        return _after(found[1]), np.inf, np.inf
    if found := FROM.fullmatch(label):
        return float(found[1] or found[2]), np.inf, np.inf
    found = BETWEEN.fullmatch(label)
    if found is None or float(found[1]) > float(found[2]):
        raise ValueError(f"expected a number or a range such as <18, 18-24 or 65+, got {label!r}")
    is_whole = float(found[1]).is_integer() and float(found[2]).is_integer() and "below" not in label
    return float(found[1]), float(found[2]) + (1.0 if is_whole else 0.0), float(found[2])


def _after(number: str) -> float:
    return float(np.nextafter(float(number), np.inf))
