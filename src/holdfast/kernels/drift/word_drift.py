"""Which words came and went between two columns of prose: tests by rows, so that a long text counts once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.drift.two_sample import TwoSampleTest
from holdfast.kernels.drift.word_counts import FEWEST_ROWS, N_CELLS, WordCounts, cell_of
from holdfast.kernels.stats.exact_shares import exact_share_test, share_changes
from holdfast.kernels.stats.interval import IntervalEstimate

Rows = Mapping[str, int]
CountWords = Callable[[str, frozenset[int]], tuple[Rows | None, Rows | None]]
"""Counts by name the words of a column that lie on some cells: rows of the reference and of the current table, ``None``
for a table that is not at hand."""
MOST_NAMED = 10


class WordChange(NamedTuple):
    """A word that stands in more or fewer rows than before.

    Attributes
    ----------
    word
        In small letters.
    rows, n
        Rows with the word and rows with a text, in the reference and in the current table.
    is_at_most
        Whether the first number of rows is that of all words of the cell, because the reference is a profile that
        does not list the word.
    change
        Share of the current table less that of the reference; the intervals of all words of the column hold together.
    adjusted
        The p-value of its cell, times the number of cells looked at.
    """

    word: str
    rows: tuple[int, int]
    n: tuple[int, int]
    is_at_most: bool
    change: IntervalEstimate[float]
    adjusted: float


class WordTest(NamedTuple):
    """A test of all words of a column.

    Attributes
    ----------
    test
        The statistic is the deviate of the cell that changed most surely. The effect is the largest change of the share
        of rows that hold a word of one cell: at least that many rows would have to move.
    adjusted
        ``(2048,)``, p-values by cell, times the number of cells looked at.
    """

    test: TwoSampleTest
    adjusted: NDArray[np.float64]


def compare_words(
    reference: WordCounts, current: WordCounts, n: int, m: int, *, level: float = 0.95
) -> WordTest | None:
    """Test whether any word stands in another share of the rows than before.

    Parameters
    ----------
    reference, current : WordCounts
    n, m : int
        Rows with a text in each.
    level : float, default 0.95
        Confidence level of the effect.

    Returns
    -------
    WordTest or None
        None where a side is empty or no word stands in ten rows of both together.

    Notes
    -----
    Rows are independent, words of a row are not: each cell is tested by Fisher's exact test, and the smallest p-value
    is multiplied by the number of cells, which holds however words hang together (Bonferroni). Cells in fewer than ten
    rows of both tables together are not looked at; that sum is given in Fisher's test, so that leaving them out by it
    costs nothing (Tarone 1990, Biometrics 46, 515-522). The shares of two tables differ by at most the total
    variation distance for every event, so that each change bounds the rows that must move from below; the interval is
    that of the largest of all cells, from exact (Clopper-Pearson) intervals that hold together.
    """
    a, b = reference.cells, current.cells
    looked_at = np.flatnonzero(a + b >= FEWEST_ROWS)
    if not n or not m or not looked_at.size:
        return None
    p = np.ones(N_CELLS)
    p[looked_at] = np.minimum(exact_share_test(a[looked_at], n, b[looked_at], m) * looked_at.size, 1.0)
    change = share_changes(a, n, b, m, level=level, n_together=N_CELLS)
    size = np.abs(change.value)
    low = np.maximum(np.maximum(change.low, -change.high), 0.0)
    high = np.maximum(np.abs(change.low), np.abs(change.high))
    effect = IntervalEstimate(float(size.max()), float(low.max()), float(min(high.max(), 1.0)))
    pooled = (a + b) / (n + m)
    spread = np.sqrt(np.maximum(pooled * (1.0 - pooled), 1e-300) * (1.0 / n + 1.0 / m))
    surest = min(looked_at.tolist(), key=lambda cell: (p[cell], -size[cell]))
    return WordTest(TwoSampleTest(float(size[surest] / spread[surest]), float(p[surest]), effect), p)


def name_words(
    found: WordTest,
    reference: WordCounts,
    current: WordCounts,
    n: int,
    m: int,
    *,
    column: str,
    count: CountWords | None = None,
    alpha: float = 0.05,
    level: float = 0.95,
) -> tuple[WordChange, ...]:
    """Name the words behind the cells that changed, the largest change first, at most one a cell.

    Parameters
    ----------
    found : WordTest
    reference, current : WordCounts
    n, m : int
        Rows with a text in each.
    column : str
        Handed on to ``count``.
    count : callable, optional
        See `CountWords`. Without it only listed words are named.
    alpha : float, default 0.05
    level : float, default 0.95

    Returns
    -------
    tuple of WordChange
        At most ten, none in fewer than ten rows of one of the tables. A cell whose words are not known has none.
    """
    moved = frozenset(np.flatnonzero(found.adjusted <= alpha).tolist())
    if not moved:
        return ()
    before, after = count(column, moved) if count is not None else (None, None)
    listed = {word: place for place, word in enumerate(reference.listed)}
    words = [word for word in {*listed, *(before or ()), *(after or ())} if cell_of(word) in moved]
    words = sorted(words if after is not None else [word for word in words if word in listed])
    cells = [cell_of(word) for word in words]
    is_known = [word in listed or before is not None for word in words]
    a, b = np.zeros(len(words), dtype=np.int64), np.zeros(len(words), dtype=np.int64)
    for place, word in enumerate(words):
        if word in listed:
            a[place], b[place] = reference.by_name[listed[word]], current.by_name[listed[word]]
            continue
        a[place] = before.get(word, 0) if before is not None else reference.cells[cells[place]]
        b[place] = after.get(word, 0) if after is not None else 0
    change = share_changes(a, n, b, m, level=level, n_together=N_CELLS)
    best: dict[int, int] = {}
    for place in np.argsort(-np.abs(change.value), kind="stable").tolist():
        goes_up = current.cells[cells[place]] * n > reference.cells[cells[place]] * m
        is_same_way = (change.value[place] > 0.0) == goes_up
        # Of a word whose first number is a bound, only that it came can be said.
        may_say = is_known[place] or change.value[place] > 0.0
        if may_say and is_same_way and max(int(a[place]) if is_known[place] else 0, int(b[place])) >= FEWEST_ROWS:
            best.setdefault(cells[place], place)
    return tuple(
        WordChange(
            words[place],
            (int(a[place]), int(b[place])),
            (n, m),
            not is_known[place],
            IntervalEstimate(*(float(part[place]) for part in change)),
            float(found.adjusted[cell]),
        )
        for cell, place in list(best.items())[:MOST_NAMED]
    )
