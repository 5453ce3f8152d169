"""In how many rows each word of a column of prose stands: on a fixed number of cells, which words share by hash."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

N_CELLS = 2048
MOST_LISTED = 200
FEWEST_ROWS = 10
"""A word that stands in fewer rows is never kept or printed by itself: it may be about one person."""
# Ideographs and kana are words of one sign, because no space parts their words.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")


def words_of(text: str) -> set[str]:
    """Return the different words of a text: runs of letters and digits, in small letters.

    Examples
    --------
    >>> sorted(words_of("The parcel came, the PARCEL left."))
    ['came', 'left', 'parcel', 'the']
    """
    plain = text if text.isascii() else unicodedata.normalize("NFC", text)
    return set(WORD.findall(plain.lower()))


@lru_cache(maxsize=2**17)
def cell_of(word: str) -> int:
    """Return the cell of a word, the same on every machine (BLAKE2b)."""
    digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") % N_CELLS


def common_words(counts: Mapping[str, int], *, most: int = MOST_LISTED) -> tuple[str, ...]:
    """Choose the words that are counted by name: those in most rows of a sample, in the order of their letters.

    Parameters
    ----------
    counts : mapping of str to int
        How often each text stands in the sample.
    most : int, default 200

    Returns
    -------
    tuple of str
        None of them in fewer than ten rows; empty where texts have no word in common, as ids.
    """
    rows = rows_with_words(counts)
    by_rows = sorted((word for word in rows if rows[word] >= FEWEST_ROWS), key=lambda word: (-rows[word], word))
    return tuple(sorted(by_rows[:most]))


def rows_with_words(counts: Mapping[str, int], *, cells: Collection[int] | None = None) -> Counter[str]:
    """Count the rows in which each word stands, of all words or of those on some cells."""
    rows: Counter[str] = Counter()
    for text, times in counts.items():
        for word in words_of(text):
            if cells is None or cell_of(word) in cells:
                rows[word] += times
    return rows


class WordCounts:
    """Rows of a column by the words in them.

    Attributes
    ----------
    listed
        Words counted by name.
    cells
        ``(2048,)`` int64, rows that hold any word of the cell.
    by_name
        ``(n_listed,)`` int64, rows that hold the listed word.

    Examples
    --------
    >>> words = WordCounts(["good"])
    >>> words.update({"good, good parcel": 2, "no parcel": 1})
    >>> words.by_name.tolist(), int(words.cells[cell_of("parcel")])
    ([2], 3)
    """

    def __init__(self, listed: Sequence[str]) -> None:
        self.listed = tuple(listed)
        self.cells: NDArray[np.int64] = np.zeros(N_CELLS, dtype=np.int64)
        self.by_name: NDArray[np.int64] = np.zeros(len(self.listed), dtype=np.int64)
        self._place = {word: place for place, word in enumerate(self.listed)}

    def update(self, counts: Mapping[str, int]) -> None:
        """Count a batch, given as how often each text stands in it."""
        cells: list[int] = []
        names: list[int] = []
        n_cells: list[int] = []
        n_names: list[int] = []
        for text in counts:
            words = words_of(text)
            found = set(map(cell_of, words))
            cells += found
            n_cells.append(len(found))
            listed = [self._place[word] for word in words if word in self._place]
            names += listed
            n_names.append(len(listed))
        times = np.fromiter(counts.values(), dtype=np.int64, count=len(counts))
        np.add.at(self.cells, _places(cells), np.repeat(times, _places(n_cells)))
        np.add.at(self.by_name, _places(names), np.repeat(times, _places(n_names)))

    def merge(self, other: Self) -> None:
        """Add the counts of other rows.

        Raises
        ------
        ValueError
            When other words were listed.
        """
        if self.listed != other.listed:
            raise ValueError("expected counts of the same words, got others; profile both like one reference")
        self.cells = self.cells + other.cells
        self.by_name = self.by_name + other.by_name

    def state(self) -> dict[str, list[int]]:
        """Return all that was counted, as JSON values."""
        return {"cells": self.cells.tolist(), "by_name": self.by_name.tolist()}

    @classmethod
    def from_state(cls, listed: Sequence[str], state: Mapping[str, Any], *, n_rows: int) -> Self:
        """Take up what `state` gave.

        Raises
        ------
        ValueError
            When the counts do not fit the words, or are of more rows than there are.
        """
        words = cls(listed)
        for name, expected in (("cells", words.cells), ("by_name", words.by_name)):
            counts = np.array(state[name], dtype=np.int64)
            if counts.shape != expected.shape:
                raise ValueError(f"expected {expected.size} counts of rows by their words, got {counts.size}")
            if counts.size and not 0 <= counts.min() <= counts.max() <= n_rows:
                raise ValueError(f"expected counts of words from 0 to {n_rows} rows, got others")
        words.cells = np.array(state["cells"], dtype=np.int64)
        words.by_name = np.array(state["by_name"], dtype=np.int64)
        return words


def _places(values: Iterable[int]) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)
