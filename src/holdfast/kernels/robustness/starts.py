"""Where a search for flips begins: single categories, rows of other classes, and corners of the allowed box."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.candidates import Positions, Search
from holdfast.kernels.robustness.threat import Floats

SWAPS_AT_ONCE = 32
SHARE_FOR_SWAPS = 0.4
FAR = 10.0
STARTS = 8
NEAREST = 16


@dataclass
class Starts:
    """Rows that an attacker may know, and what can be made of them for each point."""

    search: Search
    donors: Floats
    labels: Positions
    others: dict[int, Floats] = field(init=False)
    closest: dict[int, NDArray[np.intp]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.others = {int(label): self.donors[self.labels != label] for label in np.unique(self.search.y)}

    def share_flips(self) -> None:
        """Take the flips found for the points as the rows to start from, beside as many of those known before."""
        found = np.isfinite(self.search.radius)
        for label, others in self.others.items():
            flips = self.search.best[found & (self.search.y == label)]
            self.others[label] = np.concatenate([flips, others[: len(flips)]])
        self.closest.clear()

    def try_single_categories(self) -> None:
        """Change one category at a time, numbers left alone: a flip at distance 0."""
        search, levels = self.search, self.search.space.n_levels
        swaps = np.array([(j, o) for j, count in enumerate(levels) for o in range(1, max(int(count), 1))], dtype=int)
        if swaps.size == 0 or search.threat.categories <= 0:
            return
        most = max(int(SHARE_FOR_SWAPS * search.threat.queries), 1)
        rows = np.arange(len(search.X))
        order = np.argsort(search.streams.uniform(rows, len(swaps)), axis=1, kind="stable")[:, :most]
        for start in range(0, order.shape[1], SWAPS_AT_ONCE):
            rows = search.open()
            if rows.size == 0:
                return
            part = swaps[order[rows, start : start + SWAPS_AT_ONCE]]
            candidates = np.repeat(search.X[rows][:, None], part.shape[1], axis=1)
            here = np.take_along_axis(search.X[rows], part[:, :, 0], axis=1)
            moved = (here + part[:, :, 1]) % levels[part[:, :, 0]]
            np.put_along_axis(candidates, part[:, :, :1], moved[:, :, None], axis=2)
            search.ask(rows, candidates)

    def try_other_rows(self) -> None:
        """Ask about rows of other classes, whole, cut to the threat, and the corners in their direction."""
        search = self.search
        rows = search.open()
        if rows.size:
            search.ask(rows, self.first_rows(rows, STARTS))

    def first_rows(self, rows: Positions, size: int) -> Floats:
        """Rows of other classes, whole and cut to the threat, corners in their direction, and anywhere in the box."""
        search = self.search
        other = self.near(rows, size, nearest=True)
        reach = np.full(other.shape[:2], search.threat.distance)
        luck = search.streams.uniform(rows, *other.shape[1:])
        anywhere = search.X[rows][:, None] + np.where(luck < 0.5, -1.0, 1.0)
        swapped = self._swapped(rows, other)
        corners = self.corners(rows, other, reach, towards=other), self.corners(rows, swapped, reach, towards=anywhere)
        return np.concatenate([search.pulled(rows, other, reach), other, *corners], axis=1)

    def _swapped(self, rows: Positions, others: Floats) -> Floats:
        """Set categories to random levels, as many as the threat allows."""
        search = self.search
        if not (search.space.n_levels > 1).any():
            return others
        levels = np.floor(search.streams.uniform(rows, *others.shape[1:]) * np.maximum(search.space.n_levels, 1))
        swapped = np.where(search.is_category[rows][:, None], levels, others)
        return self.within_categories(rows, swapped)

    def near(self, rows: Positions, size: int, *, nearest: bool) -> Floats:
        """Take rows of other classes for each point, at random or half of them the nearest; its own without any."""
        search = self.search
        luck = search.streams.uniform(rows, size)
        taken = np.repeat(search.X[rows][:, None], size, axis=1)
        for i, row in enumerate(rows):
            others = self.others[int(search.y[row])]
            if len(others) == 0:
                continue
            picked = (luck[i] * len(others)).astype(np.int64)
            if nearest:
                closest = self._closest(int(row), others)[: (size + 1) // 2]
                picked[: 2 * closest.size : 2] = closest
            taken[i] = self._fitted(row, others[picked])
        return self.within_categories(rows, taken)

    def _closest(self, row: int, others: Floats) -> NDArray[np.intp]:
        """Positions of the nearest of other rows, nearest first."""
        if row not in self.closest:
            self.closest[row] = np.argsort(self._apart(row, others), kind="stable")[:NEAREST]
        return self.closest[row]

    def _apart(self, row: int, others: Floats) -> NDArray[np.float64]:
        search = self.search
        moves = np.minimum(np.abs(others - search.X[row]) / search.unit, FAR) * search.is_number[row]
        swaps = (others != search.X[row]) & search.is_category[row]
        return np.asarray(np.nansum(moves, axis=1) + swaps.sum(axis=1))

    def _fitted(self, row: int, others: Floats) -> Floats:
        """Cells of other rows where they may be taken over, the point's own elsewhere."""
        search = self.search
        able = (search.is_number[row] & np.isfinite(others)) | (
            search.is_category[row] & (others >= 0) & (others < search.space.n_levels)
        )
        return np.where(able, others, search.X[row])

    def within_categories(self, rows: Positions, candidates: Floats) -> Floats:
        """Put back changed categories, chosen at random, until their cost is within the threat."""
        search = self.search
        if not (search.space.n_levels > 1).any():
            return candidates
        origin = search.X[rows][:, None]
        changed = search.is_category[rows][:, None] & (candidates != origin)
        keys = np.where(changed, search.streams.uniform(rows, *candidates.shape[1:]), 2.0)
        order = np.argsort(keys, axis=2, kind="stable")
        cost = np.take_along_axis(np.where(changed, search.swap_cost, 0.0), order, axis=2).cumsum(axis=2)
        kept = np.zeros(changed.shape, dtype=np.bool_)
        np.put_along_axis(kept, order, cost <= search.threat.categories, axis=2)
        return np.where(changed & ~kept, origin, candidates)

    def corners(self, rows: Positions, others: Floats, radius: Floats, *, towards: Floats) -> Floats:
        """Corners of the box of some radius, shape ``(n_rows, n_candidates)``; cells without an end as in `others`."""
        search = self.search
        low, high = search.box(rows, radius)
        x = search.X[rows][:, None]
        ends = np.where(towards > x, high, low)
        return np.where(search.is_number[rows][:, None] & (towards != x) & np.isfinite(ends), ends, others)
