"""What is kept of a column of numbers: a few kilobytes that add up exactly, however the rows were split."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from holdfast.kernels.drift import counting_numba as counting
from holdfast.kernels.drift.distinct_values import N_KEPT, DistinctValues, merge_distinct, smallest
from holdfast.kernels.drift.exact_sums import as_fraction, empty_halves, whole_sum
from holdfast.kernels.drift.grid import Buckets, NumberGrid, buckets

TABLE_SIZE = 8 * N_KEPT
ANY_HASH = np.uint64(2**64 - 1)


class NumberCounts:
    """Counts of a column of numbers on the cells of a grid, with exact moments, extremes and values.

    Examples
    --------
    >>> from holdfast.kernels.drift.grid import number_grid
    >>> column = NumberCounts(number_grid([1, 2, 3, 4]))
    >>> column.update([1, 2, float("nan")])
    >>> column.n, column.n_missing, column.mean, column.maximum
    (2, 1, 1.5, 2.0)
    """

    def __init__(self, grid: NumberGrid) -> None:
        self.grid = grid
        self.counts = np.zeros(grid.n_cells, dtype=np.int64)
        self._tallies = np.zeros(counting.N_TALLIES, dtype=np.int64)
        self._ends = np.array([np.inf, -np.inf])
        self._largest = np.array([ANY_HASH])
        self._earlier = _nothing()
        self._whole = [0, 0]
        self._search: Buckets | None = None
        self._no_sums()
        self._no_table()

    def _no_sums(self) -> None:
        self._sums = self._squares = np.zeros((2, 0), dtype=np.int64)

    def _no_table(self) -> None:
        self._hashes, self._kept = np.zeros(0, dtype=np.uint64), np.zeros(0)
        self._times = self._used = np.zeros(0, dtype=np.int64)

    def _make_room(self) -> Buckets:
        """Lay out what counting needs, a third of a megabyte."""
        if not self._hashes.size:
            self._empty_table()
        if not self._sums.size:
            self._sums, self._squares = empty_halves(), empty_halves()
        self._search = self._search or buckets(self.grid)
        return self._search

    def _empty_table(self) -> None:
        self._hashes = np.zeros(TABLE_SIZE, dtype=np.uint64)
        self._kept = np.zeros(TABLE_SIZE)
        self._times = np.zeros(TABLE_SIZE, dtype=np.int64)
        self._used = np.zeros(1, dtype=np.int64)

    def update(self, values: ArrayLike) -> None:
        """Count the numbers of a batch, shape (n_samples,); NaN is missing, infinities count as numbers."""
        x = np.ascontiguousarray(values, dtype=np.float64).ravel()
        if not x.size:
            return
        search, edges = self._make_room(), np.append(self.grid.edges, np.inf)
        steps = np.array([search.per_unit, search.shift, self.grid.centre])
        room = counting.workspace()
        done = 0
        while done < x.size:
            done = counting.count_numbers(
                x, done, edges, search.first, steps, self.counts, self._tallies, self._ends, self._sums,
                self._squares, self._hashes, self._kept, self._times, self._used, self._largest, room,
            )  # fmt: skip
            if done < x.size:
                self._keep(self.distinct)
                self._empty_table()

    def settle(self) -> None:
        """Give back the room that counting took; what was counted stays, and more rows may follow."""
        self._whole = self.whole_sums
        self._no_sums()
        self._keep(self.distinct)
        self._no_table()
        self._search = None

    def _keep(self, found: DistinctValues) -> None:
        self._earlier = found
        if not found.is_complete:
            self._largest[0] = found.hashes[-1]

    def merge(self, other: Self) -> None:
        """Add the counts of other rows.

        Raises
        ------
        ValueError
            When they were counted on another grid.
        """
        if not self.grid.is_same(other.grid):
            raise ValueError("expected counts on the same grid, got another; profile both like one reference")
        self.counts = self.counts + other.counts
        self._tallies = self._tallies + other._tallies
        self._ends = np.array([min(self._ends[0], other._ends[0]), max(self._ends[1], other._ends[1])])
        self._whole = [a + b for a, b in zip(self.whole_sums, other.whole_sums, strict=True)]
        self._no_sums()
        self._keep(merge_distinct(self.distinct, other.distinct))
        self._no_table()

    @property
    def whole_sums(self) -> list[int]:
        """Sums of the distances from the centre and of their squares, as whole numbers of 2 ** -1074."""
        parts = zip(self._whole, (self._sums, self._squares), strict=True)
        return [earlier + whole_sum(halves) for earlier, halves in parts]

    @property
    def n(self) -> int:
        """Numbers seen, infinities among them."""
        return int(self.counts.sum())

    @property
    def n_missing(self) -> int:
        """Rows without a number."""
        return int(self._tallies[counting.MISSING])

    @property
    def n_infinite(self) -> tuple[int, int]:
        """How many are minus and plus infinity."""
        return int(self._tallies[counting.BELOW_ALL]), int(self._tallies[counting.ABOVE_ALL])

    @property
    def minimum(self) -> float:
        """Smallest number, NaN without any."""
        return float(self._ends[0]) if self.n else math.nan

    @property
    def maximum(self) -> float:
        """Largest number, NaN without any."""
        return float(self._ends[1]) if self.n else math.nan

    @property
    def mean(self) -> float:
        """Mean of the finite numbers, correctly rounded; NaN without any, or where squares overflow."""
        n = self._n_moments
        return math.nan if not n else _rounded(Fraction(self.grid.centre) + as_fraction(self.whole_sums[0]) / n)

    @property
    def sd(self) -> float:
        """Standard deviation of the finite numbers; NaN with fewer than two, or where squares overflow."""
        n = self._n_moments
        if n < 2:
            return math.nan
        total, squares = (as_fraction(whole) for whole in self.whole_sums)
        return math.sqrt(max(_rounded((squares - total * total / n) / (n - 1)), 0.0))

    @property
    def _n_moments(self) -> int:
        overflows = int(self._tallies[counting.OVERFLOWS])
        return 0 if overflows else self.n - sum(self.n_infinite)

    @property
    def distinct(self) -> DistinctValues:
        """Values kept, with how often each was seen."""
        full = self._hashes != 0
        found = smallest(self._hashes[full], self._kept[full], self._times[full])
        return merge_distinct(self._earlier, found) if self._earlier.hashes.size else found

    def quantiles(self, shares: ArrayLike) -> NDArray[np.float64]:
        """Return numbers below or at which the given shares of the numbers lie: upper ends of cells of the grid."""
        ends = np.append(self.grid.edges, self.maximum)
        wanted = np.ceil(np.asarray(shares, dtype=np.float64) * self.n)
        place = np.searchsorted(np.cumsum(self.counts), np.maximum(wanted, 1.0))
        found = ends[np.minimum(place, ends.size - 1)]
        return np.clip(found, self.minimum, self.maximum) if self.n else np.full(wanted.shape, np.nan)

    def state(self) -> dict[str, object]:
        """Return all that was counted, as JSON values."""
        kept = self.distinct
        return {
            "counts": self.counts.tolist(),
            "tallies": self._tallies.tolist(),
            "ends": [repr(float(end)) for end in self._ends],
            "sums": [hex(whole) for whole in self.whole_sums],
            "hashes": [f"{value:016x}" for value in kept.hashes.tolist()],
            "values": [repr(value) for value in kept.values.tolist()],
            "times": kept.counts.tolist(),
        }

    @classmethod
    def from_state(cls, grid: NumberGrid, state: dict[str, list[object]]) -> Self:
        """Take up what `state` gave.

        Raises
        ------
        ValueError
            When the counts do not fit the grid or contradict each other.
        """
        column = cls(grid)
        counts = np.array(state["counts"], dtype=np.int64)
        if counts.shape != column.counts.shape or (counts.size and counts.min() < 0):
            raise ValueError(f"expected {column.counts.size} counts of zero or more, got {counts.size}")
        column.counts = counts
        column._tallies = np.array(state["tallies"], dtype=np.int64).reshape(counting.N_TALLIES)
        if column._tallies.min() < 0:
            raise ValueError("expected tallies of zero or more, got a negative one")
        column._ends = np.array([float(str(end)) for end in state["ends"]]).reshape(2)
        column._whole = [int(str(whole), 16) for whole in state["sums"]]
        hashes = np.array([int(str(value), 16) for value in state["hashes"]], dtype=np.uint64)
        values = np.array([float(str(value)) for value in state["values"]], dtype=np.float64)
        column._keep(smallest(hashes, values, np.array(state["times"], dtype=np.int64)))
        return column


def _nothing() -> DistinctValues:
    return DistinctValues(np.empty(0, dtype=np.uint64), np.empty(0), np.empty(0, dtype=np.int64))


def _rounded(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf
