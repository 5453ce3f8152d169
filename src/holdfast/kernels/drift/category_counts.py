"""What is kept of a column of texts: counts of the reference's categories or words, a sketch of others, lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from holdfast.kernels.drift.distinct_values import DistinctValues, distinct_texts, merge_distinct, no_texts, smallest
from holdfast.kernels.drift.grid import NumberGrid
from holdfast.kernels.drift.number_counts import NumberCounts
from holdfast.kernels.drift.word_counts import WordCounts

MOST_CATEGORIES = 1000


def common_categories(counts: Mapping[str, int], *, most: int = MOST_CATEGORIES) -> tuple[str, ...]:
    """Choose the categories that are counted one by one: the most frequent of a sample, in the order of their names."""
    by_count = sorted(counts, key=lambda name: (-counts[name], name))
    return tuple(sorted(by_count[:most]))


class CategoryCounts:
    """Counts of a column of texts by category, with what lies outside them and the lengths of the texts.

    Without categories, as for names and prose, no text is kept. Of prose, the rows that hold a word are counted.

    Examples
    --------
    >>> from holdfast.kernels.drift.grid import number_grid
    >>> column = CategoryCounts(("a", "b"), number_grid([1, 2]))
    >>> column.update({"a": 3, "cc": 1}, n_missing=2)
    >>> column.counts.tolist(), column.n_other, column.n_missing, column.lengths.mean
    ([3, 0], 1, 2, 1.25)
    """

    def __init__(self, categories: Sequence[str], lengths: NumberGrid, words: Sequence[str] = ()) -> None:
        self.categories = tuple(categories)
        self.counts = np.zeros(len(self.categories), dtype=np.int64)
        self.n_other = 0
        self.n_missing = 0
        self.distinct: DistinctValues = no_texts()
        self.lengths = NumberCounts(lengths)
        self.words = WordCounts(words) if words else None
        self._place = {name: place for place, name in enumerate(self.categories)}

    @property
    def n(self) -> int:
        """Texts seen."""
        return int(self.counts.sum()) + self.n_other

    @property
    def others(self) -> dict[str, int]:
        """Texts outside the categories, of those that the sketch kept, with exact counts."""
        if not self.categories:
            return {}
        return {name: count for name, count in self.distinct.items().items() if name not in self._place}

    def update(self, counts: Mapping[str, int], *, n_missing: int) -> None:
        """Count a batch, given as how often each text stands in it."""
        for name, count in counts.items():
            place = self._place.get(name)
            if place is None:
                self.n_other += count
            else:
                self.counts[place] += count
        self.n_missing += n_missing
        self.distinct = merge_distinct(self.distinct, distinct_texts(counts, keeps_words=bool(self.categories)))
        if self.words is not None:
            self.words.update(counts)
        sizes = np.fromiter((len(name) for name in counts), dtype=np.float64, count=len(counts))
        self.lengths.update(np.repeat(sizes, np.fromiter(counts.values(), dtype=np.int64, count=len(counts))))

    def settle(self) -> None:
        """Give back the room that counting took."""
        self.lengths.settle()

    def merge(self, other: Self) -> None:
        """Add the counts of other rows.

        Raises
        ------
        ValueError
            When other categories were counted.
        """
        if self.categories != other.categories:
            raise ValueError("expected counts of the same categories, got others; profile both like one reference")
        if self.words is not None and other.words is not None:
            self.words.merge(other.words)
        self.lengths.merge(other.lengths)
        self.counts = self.counts + other.counts
        self.n_other += other.n_other
        self.n_missing += other.n_missing
        self.distinct = merge_distinct(self.distinct, other.distinct)

    def state(self) -> dict[str, Any]:
        """Return all that was counted, as JSON values."""
        return {
            "counts": self.counts.tolist(),
            "other": self.n_other,
            "missing": self.n_missing,
            "hashes": [f"{value:016x}" for value in self.distinct.hashes.tolist()],
            "values": self.distinct.values.tolist(),
            "times": self.distinct.counts.tolist(),
            "lengths": self.lengths.state(),
            "words": None if self.words is None else self.words.state(),
        }

    @classmethod
    def from_state(
        cls, categories: Sequence[str], lengths: NumberGrid, state: Mapping[str, Any], words: Sequence[str] = ()
    ) -> Self:
        """Take up what `state` gave.

        Raises
        ------
        ValueError
            When the counts do not fit the categories or the words.
        """
        column = cls(categories, lengths, words)
        counts = np.array(state["counts"], dtype=np.int64)
        if counts.shape != column.counts.shape:
            raise ValueError(f"expected counts of {column.counts.size} categories, got {counts.size}")
        column.counts = counts
        column.n_other, column.n_missing = int(state["other"]), int(state["missing"])
        if not 0 <= min(column.n_other, column.n_missing, *counts.tolist()) <= column.n + column.n_missing < 2**62:
            raise ValueError("expected counts of zero or more, got a negative one or more than any table holds")
        hashes = np.array([int(str(value), 16) for value in state["hashes"]], dtype=np.uint64)
        values = np.empty(hashes.size, dtype=object)
        values[:] = [str(value) for value in state["values"]]
        column.distinct = smallest(hashes, values, np.array(state["times"], dtype=np.int64))
        column.lengths = NumberCounts.from_state(lengths, state["lengths"])
        if column.words is not None:
            column.words = WordCounts.from_state(words, state["words"], n_rows=column.n)
        return column
