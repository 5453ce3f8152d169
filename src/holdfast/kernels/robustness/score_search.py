"""Bring flips closer with the help of scores: single cells in order of their gain, at ever smaller radii."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from holdfast.kernels.robustness.candidates import Positions, Rows, Search
from holdfast.kernels.robustness.starts import Starts
from holdfast.kernels.robustness.threat import Floats

LADDER = (0.97, 0.92, 0.85, 0.75, 0.6, 0.4, 0.2)
MOST_COLUMNS = 48
SPLITS = 4
SHORTER = 0.7
LAST = 0.99
STARTS = 8
LARGE = 1e300
PATIENCE = 16


@dataclass
class ScoreSearch:
    """One row per point, ``row``, goes down in margin inside the box of radius ``target``.

    When it flips, the target shrinks; when no cell helps, the target grows towards the best radius, and at the end
    another row starts.
    """

    search: Search
    starts: Starts
    row: Floats = field(init=False)
    target: Floats = field(init=False)
    margin: Floats = field(init=False)
    failed: Floats = field(init=False)
    fails: Positions = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.search.X)
        self.row, self.target = self.search.X.copy(), np.zeros(n)
        self.margin, self.failed, self.fails = np.full(n, np.inf), np.zeros(n), np.zeros(n, dtype=np.int64)

    def run(self) -> None:
        """Look for a first flip, then come closer until points are settled or their queries spent."""
        rows = self.search.open()
        if rows.size:
            self._begin(rows)
        while (rows := self.search.open()).size:
            radius = self.search.radius[rows].copy()
            improved = self._descend(rows)
            closer = self.search.radius[rows] < radius
            if closer.any():
                self._shorten(rows[closer])
            if (stuck := ~closer & ~improved).any():
                self._lengthen(rows[stuck])

    def _begin(self, rows: Positions) -> None:
        found = np.isfinite(self.search.radius[rows])
        if found.any():
            self._shorten(rows[found])
        if (~found).any():
            self._start_again(rows[~found])

    def _shorten(self, rows: Positions) -> None:
        """Pull the best flip closer, and aim at a smaller radius from there."""
        search = self.search
        radii = search.radius[rows][:, None] * np.array(LADDER)
        best = np.repeat(search.best[rows][:, None], len(LADDER), axis=1)
        answers = search.ask(rows, search.pulled(rows, best, radii))
        kept = (answers.margin > 0) & (answers.distance < search.radius[rows][:, None])
        inner = np.where(kept, answers.distance, 0.0).max(axis=1)
        share = np.arange(SPLITS, 0, -1) / (SPLITS + 1)
        radii = inner[:, None] + (search.radius[rows] - inner)[:, None] * share
        search.ask(rows, search.pulled(rows, search.best[rows][:, None], radii))
        radius = search.radius[rows]
        self.failed[rows] = np.where(self.failed[rows] < radius, self.failed[rows], 0.0)
        aim = np.maximum(SHORTER * radius, 0.5 * (self.failed[rows] + radius))
        self._aim(rows, search.best[rows], np.minimum(aim, search.threat.distance))
        self.fails[rows] = 0

    def _aim(self, rows: Positions, at: Floats, target: Floats) -> None:
        self.target[rows] = target
        self.row[rows] = self.search.pulled(rows, at[:, None], target[:, None])[:, 0]
        self.margin[rows] = np.inf

    def _lengthen(self, rows: Positions) -> None:
        """Aim at a larger radius below the best one, or from another row."""
        target, radius = self.target[rows], self.search.radius[rows]
        self.failed[rows] = np.maximum(self.failed[rows], target)
        is_last = (target >= LAST * radius) | (target >= self.search.threat.distance) | np.isinf(radius)
        if (~is_last).any():
            at = rows[~is_last]
            longer = np.minimum(0.5 * (target + radius)[~is_last], self.search.threat.distance)
            x = self.search.X[at]
            grown = x + (self.row[at] - x) * (longer / self.target[at])[:, None]
            grown = np.where(self.search.is_number[at], grown, self.row[at])
            self._aim(at, grown, longer)
        if is_last.any():
            again = rows[is_last]
            self.fails[again] += 1
            self.search.done[again[self.fails[again] > PATIENCE]] = True
            if (again := again[self.fails[again] <= PATIENCE]).size:
                self._start_again(again)

    def _start_again(self, rows: Positions) -> None:
        """Take the most promising of some other rows, cut to just inside the best radius."""
        search = self.search
        other = self.starts.near(rows, STARTS, nearest=True)
        furthest = search.distances(rows, other).max(axis=1)
        radius = np.where(np.isfinite(search.radius[rows]), search.radius[rows], furthest)
        target = np.minimum(LAST * 0.98 * radius, search.threat.distance)
        reach = np.repeat(target[:, None], STARTS, axis=1)
        ways = [search.pulled(rows, other, reach), self.starts.corners(rows, other, reach, towards=other)]
        answers = search.ask(rows, np.concatenate(ways, axis=1))
        margin = np.where(np.isnan(answers.margin), np.inf, answers.margin)
        chosen = margin.argmin(axis=1)
        self.target[rows] = target
        self.row[rows] = answers.candidates[np.arange(rows.size), chosen]
        self.margin[rows] = margin[np.arange(rows.size), chosen]
        if (flipped := self.search.radius[rows] < target).any():
            self._shorten(rows[flipped])

    def _descend(self, rows: Positions) -> Rows:
        """Try single cells, then the best of them together; tell where the margin went down."""
        search, base = self.search, self.row[rows]
        columns, values = self._single_moves(rows, base)
        candidates = np.repeat(base[:, None], columns.shape[1] + 1, axis=1)
        np.put_along_axis(candidates[:, 1:], columns[:, :, None], values[:, :, None], axis=2)
        candidates[:, 1:] = self.starts.within_categories(rows, candidates[:, 1:])
        wanted = (candidates != base[:, None]).any(axis=2)
        wanted[:, 0] = np.isinf(self.margin[rows])
        answers = search.ask(rows, candidates, wanted=wanted)
        margin = np.where(np.isnan(answers.margin), np.inf, answers.margin)
        before = np.minimum(self.margin[rows], margin[:, 0])
        # A margin that was not asked for is infinite: no gain, whatever the margin before.
        gain = np.where(np.isfinite(margin[:, 1:]), margin[:, 1:], np.inf) - np.minimum(before, LARGE)[:, None]
        joint = self._joined(rows, base, columns, answers.candidates[:, 1:], gain)
        together = search.ask(rows, joint, wanted=(joint != base[:, None]).any(axis=2))
        asked = np.concatenate([answers.candidates, together.candidates], axis=1)
        margin = np.concatenate([margin, np.where(np.isnan(together.margin), np.inf, together.margin)], axis=1)
        chosen = margin.argmin(axis=1)
        lowest = margin[np.arange(rows.size), chosen]
        improved = np.asarray(lowest < before, dtype=np.bool_)
        self.row[rows] = np.where(improved[:, None], asked[np.arange(rows.size), chosen], base)
        self.margin[rows] = np.minimum(before, lowest)
        return improved

    def _single_moves(self, rows: Positions, base: Floats) -> tuple[Positions, Floats]:
        """Columns and values to set them to: both ends of the box, another row's cell, and the point's own."""
        search = self.search
        able = search.is_number[rows] | search.is_category[rows]
        size = min(MOST_COLUMNS, search.n_movable)
        keys = np.where(able, search.streams.uniform(rows, able.shape[1]), 2.0)
        columns = np.argsort(keys, axis=1, kind="stable")[:, :size]
        low, high = (end[:, 0] for end in search.box(rows, self.target[rows][:, None]))
        other = np.clip(self.starts.near(rows, 1, nearest=False)[:, 0], low, high)
        luck = search.streams.uniform(rows, 3, able.shape[1])
        levels = np.floor(luck * np.maximum(search.space.n_levels, 1))
        category = search.is_category[rows]
        numbers = [low, high, other]
        ways = [np.where(category, levels[:, k], number) for k, number in enumerate(numbers)]
        ways.append(np.where(able, search.X[rows], base))
        values = [np.take_along_axis(np.where(able, way, base), columns, axis=1) for way in ways]
        return np.tile(columns, (1, len(ways))), np.concatenate(values, axis=1)

    def _joined(self, rows: Positions, base: Floats, columns: Positions, singles: Floats, gain: Floats) -> Floats:
        """Make the best two, four, eight, ... moves of different columns at once."""
        count = columns.shape[1] // 4
        by_column = gain.reshape(rows.size, 4, count)
        way = by_column.argmin(axis=1)
        least = np.take_along_axis(by_column, way[:, None], axis=1)[:, 0]
        order = np.argsort(least, axis=1, kind="stable")
        sizes = [2**k for k in range(1, 12) if 2**k < count] + [count]
        joint = np.repeat(base[:, None], len(sizes), axis=1)
        at = np.arange(rows.size)
        for rank in range(count):
            c = order[:, rank]
            column = columns[at, c]
            value = singles[at, way[at, c] * count + c, column]
            helps = least[at, c] < 0
            for k, most in enumerate(sizes):
                if rank < most:
                    joint[at[helps], k, column[helps]] = value[helps]
        return self.starts.within_categories(rows, joint)
