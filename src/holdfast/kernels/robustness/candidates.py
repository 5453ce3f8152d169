"""The state of a search for flips: valid candidate rows, what was asked, and the closest flip of each point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.repair import Bounds
from holdfast.kernels.robustness.streams import PointStreams
from holdfast.kernels.robustness.threat import Flips, Floats, Predict, Space, Threat

Rows = NDArray[np.bool_]
Positions = NDArray[np.int64]

ROUNDING = 1e-9


class Answers(NamedTuple):
    """What the model said about candidates, shape ``(n_rows, n_candidates)``."""

    candidates: Floats
    """The rows as they were asked, shape ``(n_rows, n_candidates, n_columns)``."""
    distance: Floats
    """How far they are from their points."""
    margin: Floats
    """Below 0 for a flip; 1 or -1 for a model that gives labels only; NaN where the model was not asked."""


@dataclass
class Search:
    """State of one search.

    ``best`` and ``radius`` are the closest flip and its distance, within the threat or not; ``allowance`` is the number
    of rows that may be asked for each point so far.
    """

    X: Floats
    y: Positions
    predict: Predict
    space: Space
    threat: Threat
    streams: PointStreams
    should_stop: Callable[[], bool]
    stopped: bool = False
    is_scored: bool = False
    allowance: int = field(init=False)
    best: Floats = field(init=False)
    radius: Floats = field(init=False)
    used: Positions = field(init=False)
    done: Rows = field(init=False)

    def __post_init__(self) -> None:
        X, space = self.X, self.space
        n, d = X.shape
        self.allowance = self.threat.queries
        self.best, self.radius = X.copy(), np.full(n, np.inf)
        self.used, self.done = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
        derived = np.zeros(d, dtype=np.bool_) if space.is_derived is None else space.is_derived
        moves = (space.scale > 0) & ~derived
        self.is_number = moves & np.isfinite(X)
        self.is_category = (space.n_levels > 1) & (X >= 0) & ~derived
        self.unit = np.where(moves, space.scale, 1.0)
        self.swap_cost = np.ones(d) if space.swap_cost is None else space.swap_cost
        settable = (space.scale > 0) & np.isfinite(X)
        direction = np.zeros(d, dtype=np.int64) if space.direction is None else space.direction
        low, high = np.fmin(space.low, X), np.fmax(space.high, X)
        self.low = np.where(settable, np.where(direction > 0, X, low), X)
        self.high = np.where(settable, np.where(direction < 0, X, high), X)

    @property
    def n_movable(self) -> int:
        """Number of columns that can change in some point, at least 1."""
        return max(int(((self.space.scale > 0) | (self.space.n_levels > 1)).sum()), 1)

    def open(self) -> Positions:
        """Points to go on with, or none when time is up."""
        left = (self.used < self.allowance) & (self.radius > 0) & ~self.done
        if left.any() and not self.stopped:
            self.stopped = self.should_stop()
        return np.zeros(0, dtype=np.int64) if self.stopped else np.flatnonzero(left)

    def distances(self, rows: Positions, candidates: Floats) -> Floats:
        """Distances of candidates, shape ``(n_rows, n_candidates, n_columns)``, from their points."""
        moves = np.abs(candidates - self.X[rows][:, None]) / self.unit
        moves = np.where(self.is_number[rows][:, None], moves, 0.0)
        if self.threat.norm == "linf":
            return np.asarray(moves.max(axis=2, initial=0.0))
        total = moves.sum(axis=2) if self.threat.norm == "l1" else np.sqrt((moves**2).sum(axis=2))
        return np.asarray(total * (1.0 + ROUNDING))

    def box(self, rows: Positions, radius: Floats) -> tuple[Floats, Floats]:
        """Ends of the cells within a move of `radius`, shape ``(n_rows, n_candidates)``, as absolute values."""
        x, reach = self.X[rows][:, None], radius[:, :, None] * self.unit
        low, high = self.low[rows][:, None], self.high[rows][:, None]
        number = self.is_number[rows][:, None]
        return np.where(number, np.maximum(low, x - reach), x), np.where(number, np.minimum(high, x + reach), x)

    def pulled(self, rows: Positions, candidates: Floats, radius: Floats) -> Floats:
        """Bring the numbers of candidates to a distance of `radius`: cut to the box, or drawn along the line."""
        x, number = self.X[rows][:, None], self.is_number[rows][:, None]
        if self.threat.norm == "linf":
            low, high = self.box(rows, radius)
            return np.where(number, np.clip(candidates, low, high), candidates)
        here = self.distances(rows, candidates)
        share = np.minimum(radius / np.where(here > 0, here, 1.0), 1.0)[:, :, None]
        return np.where(number, x + (candidates - x) * share, candidates)

    def settle(self, rows: Positions, candidates: Floats) -> tuple[Floats, Rows]:
        """Turn candidates into valid rows; tell which could not be made valid."""
        x = self.X[rows][:, None]
        number, category = self.is_number[rows][:, None], self.is_category[rows][:, None]
        settled = np.clip(candidates, self.low[rows][:, None], self.high[rows][:, None])
        settled = np.where(number & self.space.is_whole, x + np.trunc(settled - x), settled)
        settled = np.where(number, settled, np.where(category, candidates, x))
        valid = np.ones(settled.shape[:2], dtype=np.bool_)
        if self.space.repair is not None:
            settled, valid = self._repaired(rows, settled)
        swaps = ((settled != x) & category) @ self.swap_cost
        return settled, valid & (swaps <= self.threat.categories)

    def _repaired(self, rows: Positions, settled: Floats) -> tuple[Floats, Rows]:
        assert self.space.repair is not None
        shape = settled.shape
        at = np.repeat(rows, shape[1])
        reach = self.threat.distance * self.unit
        low = np.where(self.is_number, np.maximum(self.low, self.X - reach), self.low)[at]
        high = np.where(self.is_number, np.minimum(self.high, self.X + reach), self.high)[at]
        flat, valid = self.space.repair(self.X[at], settled.reshape(-1, shape[2]), Bounds(low, high))
        return flat.reshape(shape), valid.reshape(shape[:2])

    def ask(self, rows: Positions, candidates: Floats, *, wanted: Rows | None = None) -> Answers:
        """Ask about candidates while queries are left; keep the closest flips.

        A candidate that is invalid, or that is no closer than the best flip, is not asked about.
        """
        settled, valid = self.settle(rows, candidates)
        distance = self.distances(rows, settled)
        asked = valid & (distance < self.radius[rows][:, None])
        asked &= ((settled != self.X[rows][:, None]) & ~np.isnan(settled)).any(axis=2)
        if wanted is not None:
            asked &= wanted
        asked &= np.cumsum(asked, axis=1) <= (self.allowance - self.used[rows])[:, None]
        margin = np.full(asked.shape, np.nan)
        if asked.any():
            margin[asked] = self._margins(settled[asked], np.broadcast_to(self.y[rows][:, None], asked.shape)[asked])
            self.used[rows] += asked.sum(axis=1)
            self._keep(rows, settled, distance, margin)
        return Answers(settled, distance, margin)

    def _margins(self, rows: Floats, y: Positions) -> Floats:
        answer = self.predict(rows)
        if answer.ndim == 1:
            return np.where(answer != y, -1.0, 1.0)
        self.is_scored = True
        at = np.arange(len(rows))
        own = answer[at, y]
        others = answer.astype(np.float64)
        others[at, y] = -np.inf
        gap = np.asarray(own - others.max(axis=1), dtype=np.float64)
        # A tie is answered with the first class, as argmax does.
        flipped = answer.argmax(axis=1) != y
        tiny = np.finfo(np.float64).tiny
        return np.where(flipped, np.minimum(gap, -tiny), np.maximum(gap, tiny))

    def _keep(self, rows: Positions, settled: Floats, distance: Floats, margin: Floats) -> None:
        flipped = np.where(margin < 0, distance, np.inf)
        closest = flipped.argmin(axis=1)
        at = np.arange(rows.size)
        better = flipped[at, closest] < self.radius[rows]
        self.best[rows[better]] = settled[at, closest][better]
        self.radius[rows[better]] = flipped[at, closest][better]

    def result(self) -> Flips:
        """Keep what lies within the threat, compared cell by cell without tolerance."""
        reach = self.threat.distance * self.unit
        if self.threat.norm == "linf":
            inside = ((self.best >= self.X - reach) & (self.best <= self.X + reach)) | ~self.is_number
            within = inside.all(axis=1) & np.isfinite(self.radius)
        else:
            within = (self.radius <= self.threat.distance) & np.isfinite(self.radius)
        return Flips(
            points=np.where(within[:, None], self.best, self.X),
            distance=np.where(within, self.radius, np.inf),
            queries=self.used,
            is_complete=not self.stopped,
        )
