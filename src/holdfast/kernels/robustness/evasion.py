"""Search for the smallest change of a row that changes a model's answer, from its labels alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.constraints import CategoryLimits, NumericLimits

Floats = NDArray[np.float64]
Predict = Callable[[Floats], NDArray[np.int64]]

START = 32
ROUND = 24
SHRINK = (0.98, 0.9, 0.75, 0.5, 0.25, 0.1)
PROBES = 8
PROBE_SIZE = 0.4
SMALLEST_STEP = 0.004


class Space(NamedTuple):
    """The columns an attacker may change and how; all fields have shape ``(n_columns,)``."""

    scale: Floats
    """One unit of distance for a numeric column; 0 for a column that may not move and for categories."""
    low: Floats
    """Smallest valid value of a numeric column, -inf without one."""
    high: Floats
    """Largest valid value, inf without one."""
    is_whole: NDArray[np.bool_]
    """Whether the column holds whole numbers."""
    n_levels: NDArray[np.int64]
    """Number of levels of a category that may change, coded 0, 1, ...; 0 for every other column."""


class Threat(NamedTuple):
    """What one attack may use."""

    distance: float
    """Largest move of each numeric cell, in units of its scale."""
    categories: int
    """Largest number of category cells that change."""
    queries: int
    """Largest number of rows asked for each point."""


class Flips(NamedTuple):
    """The closest changed row found for each point."""

    points: Floats
    """Changed rows, shape ``(n_points, n_columns)``; the point itself where none was found."""
    distance: Floats
    """Largest numeric move in units of scale, shape ``(n_points,)``; inf where none was found within the threat."""
    queries: NDArray[np.int64]
    """Rows asked for each point."""
    is_complete: bool
    """Whether every point was settled or had its full number of queries."""


def search_flips(
    X: Floats,
    y: NDArray[np.int64],
    donors: Floats,
    donor_labels: NDArray[np.int64],
    *,
    predict: Predict,
    space: Space,
    threat: Threat,
    rng: np.random.Generator,
    should_stop: Callable[[], bool] = lambda: False,
) -> Flips:
    """Search, for all points at once, the closest row that the model answers differently.

    The largest numeric move (maximum norm in units of scale) is made small; a change of categories alone counts as
    distance 0. Only the model's labels are used. What is found bounds the true minimal distance from above, and finding
    nothing proves nothing.

    Parameters
    ----------
    X : ndarray of float64, shape (n_points, n_columns)
        Points; categories as level numbers. A missing cell (NaN, or -1 in a category) is never changed.
    y : ndarray of int64, shape (n_points,)
        The labels the model gives them.
    donors : ndarray of float64, shape (n_donors, n_columns)
        Rows an attacker may know, coded as `X`; may be empty.
    donor_labels : ndarray of int64, shape (n_donors,)
        Their labels.
    predict : callable
        Maps rows, shape (n, n_columns), to labels, shape (n,). It is called with one batch for all points.
    space : Space
        Numeric cells stay inside ``[low, high]``; a point outside may come nearer but not go further out.
    threat : Threat
    rng : numpy.random.Generator
    should_stop : callable, optional
        Asked before each batch; True ends the search with what was found.

    Returns
    -------
    Flips

    Notes
    -----
    First every single change of a category (a sample of them if they would take over 40 % of the queries), then starts:
    rows of other classes, whole and cut to the allowed box, the corners of the box in their direction and random
    corners. Then rounds around the best row so far: it is pulled towards the point, and variants at a slightly smaller
    distance are tried, with random columns pushed to the edge, set free or put back, other categories, and the corner
    in the direction in which changed answers were found more often (the gradient estimate of HopSkipJump, from random
    nudges of the best row). Every accepted variant is closer, so the distance falls until nothing nearer is found. A
    start outside the box that is pulled inside counts; one that stays outside does not. Points that reach distance 0,
    or where the step became tiny, leave.

    References
    ----------
    Brendel, W., Rauber, J. and Bethge, M. (2018). Decision-based adversarial attacks. ICLR. Chen, J., Jordan, M. I. and
    Wainwright, M. J. (2020). HopSkipJumpAttack: a query-efficient decision-based attack. IEEE S&P, section III.

    Examples
    --------
    >>> one = np.ones(1)
    >>> space = Space(one, 0 * one, 9 * one, one > 1, np.zeros(1, dtype=np.int64))
    >>> flips = search_flips(
    ...     np.array([[3.0]]), np.array([0]), np.array([[8.0]]), np.array([1]),
    ...     predict=lambda Z: (Z[:, 0] > 3.5).astype(np.int64),
    ...     space=space, threat=Threat(1.0, 0, 200), rng=np.random.default_rng(0),
    ... )
    >>> bool(0.5 < flips.distance[0] < 0.51)
    True
    """
    run = _Search(X, y, donors, donor_labels, predict, space, threat, rng, should_stop)
    run.try_single_categories()
    run.try_starts()
    run.refine()
    return run.result()


@dataclass
class _Search:
    """State of one search; ``best`` and ``radius`` are the closest flip and its distance, within the threat or not."""

    X: Floats
    y: NDArray[np.int64]
    donors: Floats
    donor_labels: NDArray[np.int64]
    predict: Predict
    space: Space
    threat: Threat
    rng: np.random.Generator
    should_stop: Callable[[], bool]
    stopped: bool = False
    best: Floats = field(init=False)
    radius: Floats = field(init=False)
    used: NDArray[np.int64] = field(init=False)
    step: Floats = field(init=False)
    trend: Floats = field(init=False)

    def __post_init__(self) -> None:
        n, d = self.X.shape
        self.best, self.radius = self.X.copy(), np.full(n, np.inf)
        self.used, self.step, self.trend = np.zeros(n, dtype=np.int64), np.full(n, 0.3), np.zeros((n, d))
        scale, levels = self.space.scale, self.space.n_levels
        self.is_number = (scale > 0) & np.isfinite(self.X)
        self.is_category = (levels > 1) & (self.X >= 0)
        self.low = np.fmin(self.space.low, self.X)
        self.high = np.fmax(self.space.high, self.X)
        self.unit = np.where(scale > 0, scale, 1.0)

    def try_single_categories(self) -> None:
        """Change one category at a time, numbers left alone."""
        swaps = [(j, o) for j, levels in enumerate(self.space.n_levels) for o in range(1, max(levels, 1))]
        if not swaps or self.threat.categories < 1:
            return
        most = max(int(0.4 * self.threat.queries), 1)
        if len(swaps) > most:
            swaps = [swaps[i] for i in self.rng.choice(len(swaps), most, replace=False)]
        for start in range(0, len(swaps), START):
            rows = self.unsettled()
            if rows.size == 0:
                return
            part = swaps[start : start + START]
            codes = np.repeat(self.X[rows][:, None], len(part), axis=1)
            for b, (j, offset) in enumerate(part):
                movable = self.is_category[rows, j]
                codes[movable, b, j] = (codes[movable, b, j] + offset) % self.space.n_levels[j]
            self.ask(rows, np.zeros(codes.shape), codes)

    def try_starts(self) -> None:
        """Start from rows of other classes and from corners of the allowed box."""
        rows = self.unsettled()
        if rows.size == 0:
            return
        each = START // 4
        towards, codes = self.other_rows(rows, 2 * each)
        reach = self.threat.distance
        corner = reach * self.rng.choice([-1.0, 1.0], (rows.size, each, self.X.shape[1]))
        moves = [
            towards[:, :each],
            np.clip(towards, -reach, reach)[:, each:],
            reach * np.sign(towards)[:, :each],
            corner,
        ]
        categories = [codes[:, :each], codes[:, each:], codes[:, :each], self.swap(rows, self.origin(rows, each))]
        self.ask(rows, np.concatenate(moves, axis=1), np.concatenate(categories, axis=1))

    def refine(self) -> None:
        """Come closer in rounds until points are settled or their queries spent."""
        while (rows := self.unsettled()).size:
            found = np.isfinite(self.radius[rows])
            if (~found).any():
                self.look_further(rows[~found])
            if found.any():
                self.come_closer(rows[found])

    def look_further(self, rows: NDArray[np.int64]) -> None:
        """Look for any row with another answer, at growing distances in the direction of other classes."""
        towards, codes = self.other_rows(rows, ROUND)
        length = self.threat.distance * self.rng.choice([1.0, 1.0, 3.0, 10.0, 30.0], (rows.size, ROUND, 1))
        noise = self.rng.uniform(-1.0, 1.0, towards.shape)
        directions = np.where(self.rng.random((rows.size, ROUND, 1)) < 0.5, np.sign(towards), np.sign(noise))
        self.ask(rows, length * directions, codes)

    def come_closer(self, rows: NDArray[np.int64]) -> None:
        """Pull the best row towards the point, and try variants of it at a smaller distance."""
        before = self.radius[rows].copy()
        offset = np.where(self.is_number[rows], (self.best[rows] - self.X[rows]) / self.unit, 0.0)
        shrink = np.tile(np.asarray(SHRINK)[None, :], (rows.size, 1))
        outside = before > self.threat.distance
        shrink[outside, 0] = self.threat.distance / before[outside]
        pulled = _cut(offset[:, None], before[:, None] * shrink)
        nudges = self.rng.choice([-1.0, 1.0], (rows.size, PROBES, self.X.shape[1])) * self.is_number[rows][:, None]
        probes = offset[:, None] + PROBE_SIZE * before[:, None, None] * nudges
        variants = self.variants(rows, offset, before)
        here = np.repeat(self.best[rows][:, None], ROUND, axis=1)
        kept = len(SHRINK) + PROBES
        codes = np.concatenate([here[:, :kept], self.swap(rows, here[:, kept:])], axis=1)
        flipped = self.ask(rows, np.concatenate([pulled, probes, variants], axis=1), codes)
        if flipped.size == 0:
            return
        self.learn(rows, nudges, flipped[:, len(SHRINK) : kept])
        closer = self.radius[rows] < before * 0.999
        self.step[rows] = np.clip(np.where(closer, self.step[rows] * 1.5, self.step[rows] * 0.6), 0.0, 0.5)

    def variants(self, rows: NDArray[np.int64], offset: Floats, radius: Floats) -> Floats:
        """Draw moves near the best ones, at distances a step shorter (some at the edge of the threat)."""
        shape = (rows.size, ROUND - len(SHRINK) - PROBES, self.X.shape[1])
        target = np.repeat((radius * (1 - self.step[rows]))[:, None], shape[1], axis=1)
        target[:, ::3] = np.minimum(target[:, ::3], np.maximum(self.threat.distance, target[:, ::3] * 0.5))
        far = radius > self.threat.distance
        target[far, 1::3] = self.threat.distance
        base = _cut(offset[:, None], target)
        rate = self.rng.choice([1.0 / shape[2], 0.3, 0.6], shape[:2])[:, :, None]
        edge = np.sign(self.trend[rows][:, None] + self.rng.normal(0.0, 1.0, shape) * self.noise(rows)[:, None])
        free = self.rng.uniform(-1.0, 1.0, shape)
        kind = self.rng.random(shape)
        fresh = np.where(kind < 0.65, edge, np.where(kind < 0.9, free, 0.0)) * target[:, :, None]
        moves = np.where(self.rng.random(shape) < rate, fresh, base)
        # Two corners: along the columns that the best row moved, and along the trend.
        moves[:, 0] = np.where(offset != 0, np.sign(offset), edge[:, 0]) * target[:, :1]
        moves[:, 1] = np.sign(self.trend[rows]) * target[:, 1:2]
        return np.where(self.is_number[rows][:, None], moves, 0.0)

    def noise(self, rows: NDArray[np.int64]) -> Floats:
        """Size of the noise that keeps the sign of a column open: large against a weak trend."""
        return np.asarray(np.abs(self.trend[rows]).max(axis=1, keepdims=True) * 0.5 + 1e-9)

    def learn(self, rows: NDArray[np.int64], direction: Floats, flipped: NDArray[np.bool_]) -> None:
        """Follow the direction in which answers changed more often."""
        weight = flipped - flipped.mean(axis=1, keepdims=True)
        self.trend[rows] = 0.9 * self.trend[rows] + (weight[:, :, None] * direction).mean(axis=1)

    def other_rows(self, rows: NDArray[np.int64], size: int) -> tuple[Floats, Floats]:
        """Draw rows of other classes, half of them near: moves in units, and as many categories as allowed."""
        towards = np.zeros((rows.size, size, self.X.shape[1]))
        codes = self.origin(rows, size)
        for i, row in enumerate(rows):
            others = self.donors[self.donor_labels != self.y[row]]
            if others.shape[0] == 0:
                continue
            far = self.rng.integers(0, others.shape[0], size)
            apart = np.abs((others - self.X[row]) / self.unit) * self.is_number[row]
            mismatch = (others != self.X[row]) & self.is_category[row]
            near = np.argsort(np.nansum(np.minimum(apart, 10.0), axis=1) + mismatch.sum(axis=1), kind="stable")[:size]
            far[: near.size : 2] = near[::2]
            chosen = others[far]
            towards[i] = np.where(self.is_number[row] & np.isfinite(chosen), (chosen - self.X[row]) / self.unit, 0.0)
            codes[i] = np.where(self.is_category[row] & (chosen >= 0), chosen, codes[i])
        return towards, self.within_categories(rows, codes, self.rng.random(codes.shape))

    def origin(self, rows: NDArray[np.int64], size: int) -> Floats:
        return np.repeat(self.X[rows][:, None], size, axis=1)

    def swap(self, rows: NDArray[np.int64], codes: Floats) -> Floats:
        """Change one category to a random level in half of the rows; put all back in a few; keep within the threat."""
        keys = self.rng.random(codes.shape) * self.is_category[rows][:, None]
        column = keys.argmax(axis=2)[:, :, None]
        level = np.floor(self.rng.random(codes.shape) * np.maximum(self.space.n_levels, 1))
        luck = self.rng.random((*codes.shape[:2], 1))
        picked = (np.arange(codes.shape[2]) == column) & self.is_category[rows][:, None]
        swapped = np.where(picked & (luck < 0.5), level, codes)
        swapped = np.where(self.is_category[rows][:, None] & (luck > 0.9), self.X[rows][:, None], swapped)
        return self.within_categories(rows, swapped, keys)

    def within_categories(self, rows: NDArray[np.int64], codes: Floats, keys: Floats) -> Floats:
        """Put back changed categories, those with the smallest keys first, until no more than allowed differ."""
        origin = self.X[rows][:, None]
        changed = self.is_category[rows][:, None] & (codes != origin)
        rank = np.argsort(np.argsort(-np.where(changed, keys, -1.0), axis=2, kind="stable"), axis=2, kind="stable")
        return np.where(changed & (rank < self.threat.categories), codes, origin)

    def unsettled(self) -> NDArray[np.int64]:
        """Points to go on with, or none when time is up."""
        left = (self.used < self.threat.queries) & (self.radius > 0)
        inside = self.radius <= self.threat.distance
        left &= ~(inside & (self.step < SMALLEST_STEP))
        if left.any() and not self.stopped:
            self.stopped = self.should_stop()
        return np.zeros(0, dtype=np.int64) if self.stopped else np.flatnonzero(left)

    def ask(self, rows: NDArray[np.int64], moves: Floats, codes: Floats) -> NDArray[np.bool_]:
        """Ask about candidates, shape (rows, candidates, columns), while queries are left; keep the closest flips."""
        size = min(moves.shape[1], int((self.threat.queries - self.used[rows]).min()))
        candidates = self.settle(rows, moves[:, :size], codes[:, :size])
        answers = self.predict(candidates.reshape(-1, self.X.shape[1])).reshape(candidates.shape[:2])
        self.used[rows] += size
        flipped = answers != self.y[rows][:, None]
        apart = np.where(self.is_number[rows][:, None], np.abs(candidates - self.X[rows][:, None]) / self.unit, 0.0)
        distance = np.where(flipped, apart.max(axis=2), np.inf)
        closest = distance.argmin(axis=1)
        at = np.arange(rows.size)
        better = distance[at, closest] < self.radius[rows]
        self.best[rows[better]] = candidates[at, closest][better]
        self.radius[rows[better]] = distance[at, closest][better]
        return flipped if size == moves.shape[1] else np.zeros((0, 0), dtype=np.bool_)

    def settle(self, rows: NDArray[np.int64], moves: Floats, codes: Floats) -> Floats:
        """Turn moves into valid rows: inside the range, and rounded towards the point where the column is coarse."""
        x, is_number = self.X[rows][:, None], self.is_number[rows][:, None]
        moved = np.where(is_number, x + moves * self.unit, x)
        moved = np.where(is_number, np.clip(moved, self.low[rows][:, None], self.high[rows][:, None]), x)
        whole = is_number & self.space.is_whole
        moved = np.where(whole, x + np.trunc(moved - np.where(is_number, x, 0.0)), moved)
        return np.where(self.is_category[rows][:, None], codes, moved)

    def result(self) -> Flips:
        """Keep what lies within the threat, with each cell cut to the allowed box so that rounding cannot matter."""
        rows = np.arange(self.X.shape[0])
        inside = self.radius <= self.threat.distance
        offset = np.where(self.is_number, (self.best - self.X) / self.unit, 0.0)
        offset = _cut(offset[:, None], np.full((rows.size, 1), self.threat.distance))
        points = self.settle(rows, offset, self.best[:, None])[:, 0] if rows.size else self.best
        # Where dividing and multiplying again changes nothing but the last digit, the row found is the one reported.
        reach = self.threat.distance * self.unit
        exact = ~self.is_number | ((self.best >= self.X - reach) & (self.best <= self.X + reach))
        points = np.where(exact, self.best, points)
        complete = not self.stopped
        return Flips(
            points=np.where(inside[:, None], points, self.X),
            distance=np.where(inside, self.radius, np.inf),
            queries=self.used,
            is_complete=complete,
        )


def _cut(offset: Floats, radius: Floats) -> Floats:
    """Cut moves, shape (n, 1, d) or (n, b, d), to radii of shape (n, b)."""
    return np.clip(offset, -radius[:, :, None], radius[:, :, None])


def unit_of_distance(values: NDArray[np.float64]) -> float:
    """Return the length of one unit in which moves of a numeric column are measured.

    Parameters
    ----------
    values : ndarray of float64, shape (n_samples,)
        Values seen in training; NaN and infinities are left out.

    Returns
    -------
    float
        The interquartile range; where the middle half is one value, 1.349 standard deviations, which is the same for
        Gaussian values. 0 for a constant column and without values: it may not move.

    Examples
    --------
    >>> unit_of_distance(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    2.0
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0 or finite.min() == finite.max():
        return 0.0
    low, high = np.quantile(finite, [0.25, 0.75])
    return float(high - low) or 1.349 * float(finite.std())


def space_of(
    limits: Mapping[str, NumericLimits | CategoryLimits], *, levels: Mapping[str, NDArray[np.object_]]
) -> Space:
    """Write the limits of the columns as arrays, behind a first column for the position of the point.

    Parameters
    ----------
    limits
        Rules by column, in the order of the matrix that :class:`holdfast.kernels.robustness.cells.CellCoding` makes.
    levels
        Levels of the category columns.
    """
    numeric = [rule if isinstance(rule, NumericLimits) else None for rule in limits.values()]
    return Space(
        scale=np.array([0.0, *(rule.scale if rule else 0.0 for rule in numeric)]),
        low=np.array([-np.inf, *(rule.low if rule else -np.inf for rule in numeric)]),
        high=np.array([np.inf, *(rule.high if rule else np.inf for rule in numeric)]),
        is_whole=np.array([False, *(bool(rule and rule.is_whole) for rule in numeric)]),
        n_levels=np.array([0, *(len(levels.get(name, ())) for name in limits)], dtype=np.int64),
    )
