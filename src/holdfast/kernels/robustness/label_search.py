"""Bring flips closer from labels alone: bisection towards the point, and probes of single cells at the boundary."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from holdfast.kernels.robustness.candidates import Answers, Positions, Rows, Search
from holdfast.kernels.robustness.starts import Starts
from holdfast.kernels.robustness.threat import Floats

LADDER = (0.98, 0.95, 0.9, 0.8, 0.65, 0.5, 0.3, 0.15)
SPLITS = 6
PRECISION = 0.004
MOST_COLUMNS = 48
SUBSETS = 12
JOINT = 4
RESTARTS = 16
PATIENCE = 16


@dataclass
class LabelSearch:
    """The boundary lies between ``inner``, where the best flip pulled closer flips no more, and its own radius."""

    search: Search
    starts: Starts
    inner: Floats = field(init=False)
    fails: Positions = field(init=False)
    trend: Floats = field(init=False)

    def __post_init__(self) -> None:
        n, d = self.search.X.shape
        self.inner, self.fails, self.trend = np.zeros(n), np.zeros(n, dtype=np.int64), np.zeros((n, d))

    def run(self) -> None:
        """Come closer in rounds until points are settled or their queries spent."""
        while (rows := self.search.open()).size:
            found = np.isfinite(self.search.radius[rows])
            if (~found).any():
                self._look_further(rows[~found])
            if found.any():
                self._come_closer(rows[found])

    def _look_further(self, rows: Positions) -> None:
        """Look for any flip: other rows as they are, cut to the threat, and corners in their direction."""
        before = self.search.used[rows].copy()
        self.search.ask(rows, self.starts.first_rows(rows, RESTARTS))
        self._give_up(rows, (self.search.used[rows] == before) | (self.fails[rows] > 2 * PATIENCE))
        self.fails[rows] = np.where(np.isfinite(self.search.radius[rows]), 0, self.fails[rows] + 1)

    def _come_closer(self, rows: Positions) -> None:
        before = self.search.radius[rows].copy()
        self._tighten(rows)
        self._probe(rows)
        failed = self.search.radius[rows] > before * (1 - PRECISION)
        self.fails[rows] = np.where(failed, self.fails[rows] + 1, 0)
        again = rows[failed & ~self.search.done[rows]]
        if again.size:
            self._restart(again)
        self._give_up(rows, self.fails[rows] >= PATIENCE)

    def _give_up(self, rows: Positions, hopeless: Rows) -> None:
        self.search.done[rows[hopeless]] = True

    def _tighten(self, rows: Positions) -> None:
        """Pull the best flip towards the point until the boundary is known to a small share of its radius."""
        search = self.search
        self.inner[rows] = 0.0
        self._pull(rows, search.radius[rows][:, None] * np.array(LADDER))
        for _ in range(2):
            radius, inner = search.radius[rows], self.inner[rows]
            wide = (radius - inner) > PRECISION * radius
            if not wide.any():
                return
            at = rows[wide]
            share = np.arange(SPLITS, 0, -1) / (SPLITS + 1)
            self._pull(at, inner[wide][:, None] + (radius - inner)[wide][:, None] * share)

    def _pull(self, rows: Positions, radii: Floats) -> None:
        """Ask about the best flip at several radii; the largest without a flip below the new best is the inner end."""
        best = np.repeat(self.search.best[rows][:, None], radii.shape[1], axis=1)
        answers = self.search.ask(rows, self.search.pulled(rows, best, radii))
        kept = (answers.margin > 0) & (answers.distance < self.search.radius[rows][:, None])
        inner = np.where(kept, np.minimum(radii, answers.distance), 0.0).max(axis=1)
        self.inner[rows] = np.maximum(np.where(self.inner[rows] < self.search.radius[rows], self.inner[rows], 0), inner)

    def _probe(self, rows: Positions) -> None:
        """Move single cells, and random sets of cells, of a row just inside the boundary; join those that flip it."""
        search = self.search
        radius = np.where(self.inner[rows] > 0, self.inner[rows], search.radius[rows] * (1 - PRECISION))
        base = search.pulled(rows, search.best[rows][:, None], radius[:, None])
        columns, values = self._single_moves(rows, base[:, 0], radius)
        candidates = np.repeat(base, columns.shape[1], axis=1)
        np.put_along_axis(candidates, columns[:, :, None], values[:, :, None], axis=2)
        candidates = np.concatenate([candidates, self._subsets(rows, base, radius)], axis=1)
        moved = (candidates != base).any(axis=2)
        answers = search.ask(rows, candidates, wanted=moved)
        self._learn(rows, answers, base)
        self._join(rows, base, radius, answers, columns)

    def _single_moves(self, rows: Positions, base: Floats, radius: Floats) -> tuple[Positions, Floats]:
        """Columns and values to set them to: both ends of the box, another row's cell, the point's own."""
        search = self.search
        able = search.is_number[rows] | search.is_category[rows]
        size = min(MOST_COLUMNS, search.n_movable)
        keys = np.where(able, search.streams.uniform(rows, able.shape[1]), 2.0)
        columns = np.argsort(keys, axis=1, kind="stable")[:, :size]
        low, high = (end[:, 0] for end in self._ends(rows, base, radius))
        other = np.clip(self.starts.near(rows, 1, nearest=False)[:, 0], low, high)
        level = np.floor(search.streams.uniform(rows, able.shape[1]) * np.maximum(search.space.n_levels, 1))
        category = search.is_category[rows]
        ways = [low, high, np.where(category, level, other), np.where(able, search.X[rows], base)]
        ways[:2] = [np.where(category, base, end) for end in ways[:2]]
        values = [np.take_along_axis(way, columns, axis=1) for way in ways]
        return np.tile(columns, (1, len(ways))), np.concatenate(values, axis=1)

    def _ends(self, rows: Positions, base: Floats, radius: Floats) -> tuple[Floats, Floats]:
        """Ends of what a single cell can be within the radius when the others keep their values."""
        search = self.search
        if search.threat.norm == "linf":
            return search.box(rows, radius[:, None])
        moves = np.where(search.is_number[rows], np.abs(base - search.X[rows]) / search.unit, 0.0)
        power = 1.0 if search.threat.norm == "l1" else 2.0
        rest = (moves**power).sum(axis=1, keepdims=True) - moves**power
        room = np.maximum(radius[:, None] ** power - rest, 0.0) ** (1 / power) * search.unit
        x = search.X[rows]
        return (
            np.where(search.is_number[rows], np.maximum(search.low[rows], x - room), base)[:, None],
            np.where(search.is_number[rows], np.minimum(search.high[rows], x + room), base)[:, None],
        )

    def _subsets(self, rows: Positions, base: Floats, radius: Floats) -> Floats:
        """Push random sets of cells to the ends of the box, by the trend where there is one; swap a category."""
        search = self.search
        shape = (SUBSETS, base.shape[2])
        luck, sign, rate = (search.streams.uniform(rows, *size) for size in (shape, shape, (SUBSETS, 1)))
        noise = (np.abs(self.trend[rows]).max(axis=1, keepdims=True) * 0.7 + 1e-9)[:, None]
        up = self.trend[rows][:, None] + noise * (2 * sign - 1) > 0
        low, high = search.box(rows, np.repeat(radius[:, None], SUBSETS, axis=1))
        pushed = np.where(up, high, low)
        level = np.floor(sign * np.maximum(search.space.n_levels, 1))
        pushed = np.where(search.is_category[rows][:, None], level, pushed)
        chosen = luck < np.where(rate < 0.5, 0.15, 0.6)
        drawn = self.starts.within_categories(rows, np.where(chosen, pushed, base))
        return search.pulled(rows, drawn, np.repeat(radius[:, None], SUBSETS, axis=1))

    def _learn(self, rows: Positions, answers: Answers, base: Floats) -> None:
        """Remember the directions in which answers changed more often."""
        asked = ~np.isnan(answers.margin)
        flipped = np.where(asked, answers.margin < 0, 0.0)
        mean = flipped.sum(axis=1, keepdims=True) / np.maximum(asked.sum(axis=1, keepdims=True), 1)
        weight = np.where(asked, flipped - mean, 0.0)
        direction = np.sign(np.nan_to_num(answers.candidates - base))
        self.trend[rows] = 0.8 * self.trend[rows] + np.einsum("ib,ibd->id", weight, direction)

    def _join(self, rows: Positions, base: Floats, radius: Floats, answers: Answers, columns: Positions) -> None:
        """Make all single moves that flipped at once, and random halves of them, at smaller radii."""
        search = self.search
        singles = columns.shape[1]
        flipped: Rows = np.asarray(answers.margin[:, :singles] < 0, dtype=np.bool_)
        joint = np.repeat(base, JOINT, axis=1)
        half = search.streams.uniform(rows, singles, JOINT) < 0.5
        half[:, :, 0] = True
        for b in range(singles):
            at = columns[:, b]
            value = answers.candidates[np.arange(rows.size), b, at]
            take = flipped[:, b][:, None] & half[:, b]
            here = joint[np.arange(rows.size), :, at]
            joint[np.arange(rows.size), :, at] = np.where(take, value[:, None], here)
        joint = self.starts.within_categories(rows, joint)
        joint = np.concatenate([joint, search.best[rows][:, None]], axis=1)
        radii = np.minimum(radius, search.radius[rows])[:, None] * np.array(LADDER[1:])
        wide = np.repeat(joint, radii.shape[1], axis=1)
        steps = np.tile(radii, (1, joint.shape[1]))
        wanted = np.repeat(np.any(flipped, axis=1, keepdims=True), wide.shape[1], axis=1)
        search.ask(rows, search.pulled(rows, wide, steps), wanted=wanted)

    def _restart(self, rows: Positions) -> None:
        """Try other rows, and corners in their direction, just inside the best radius."""
        search = self.search
        other = self.starts.near(rows, RESTARTS, nearest=True)
        radius = np.repeat(search.radius[rows][:, None] * (1 - PRECISION), RESTARTS, axis=1)
        corners = self.starts.corners(rows, other, radius, towards=other)
        search.ask(rows, np.concatenate([search.pulled(rows, other, radius), corners], axis=1))
