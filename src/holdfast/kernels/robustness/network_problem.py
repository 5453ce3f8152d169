"""A network, its table and a threat, put together for an attack along slopes; changed rows as columns of cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.constraints import NumericLimits
from holdfast.kernels.robustness.limits import Rules
from holdfast.kernels.robustness.network_swaps import Lead, groups_among, promising

Cells = Mapping[str, NDArray[Any]]
Floats = NDArray[np.float64]
# A move may be this much of the distance, so that no rounding carries it beyond.
INSIDE = 1 - 1e-9
# Changes of categories from which the slopes are followed, of each row, and how many categories are changed at most.
SWAPS, MOST_SWAPPED = 4, 3


class Box(NamedTuple):
    """What an attack along slopes is given: rows in units of distance, and where each cell may lie."""

    points: Floats
    """Shape ``(n, n_columns)``, in units, as are all that follow."""
    low: Floats
    high: Floats
    scale: Floats
    """Units of the columns, shape ``(n_columns,)``: a row of the table is a row of the box times this."""
    is_whole: NDArray[np.bool_]
    """Columns of whole numbers, shape ``(n_columns,)``."""

    def at(self, rows: NDArray[np.int64]) -> Box:
        """Take some of the rows."""
        return self._replace(points=self.points[rows], low=self.low[rows], high=self.high[rows])


class Search(NamedTuple):
    """Changed rows that an attack found."""

    points: Floats
    """Rows in units, shape ``(n, n_columns)``; the row itself where none was found."""
    success: NDArray[np.bool_]
    forwards: NDArray[np.int64]
    """Rows sent through the network for each row."""
    n_masked: int = 0
    """Rows whose slopes look useless."""


Attack = Callable[[Box, NDArray[np.int64], NDArray[np.int64]], Search]


class Swapping(NamedTuple):
    """How other categories of one-hot groups are chosen, and what is done from there."""

    attack: Attack
    judge: Callable[[Box, NDArray[np.int64]], Lead]
    """``judge(box, y)`` says how far the own class leads."""


class Moved(NamedTuple):
    """Changed rows, as columns, and how far they moved; see :class:`holdfast.kernels.robustness.tree_problem.Changed`.

    ``lower`` is 0: no flip is closer than that, which is all that an attack can say.
    """

    cells: dict[str, NDArray[Any]]
    distance: Floats
    lower: Floats
    queries: NDArray[np.int64]


class _Found(NamedTuple):
    """The closest flips so far, as far as they were searched."""

    changed: Floats
    distance: Floats
    forwards: NDArray[np.int64]

    def is_open(self, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of some rows have no flip."""
        return np.isinf(self.distance[at])

    def note(self, at: NDArray[np.int64], changed: Floats, distance: Floats) -> None:
        """Enter flips of rows that had none."""
        self.changed[at], self.distance[at] = changed, distance


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkProblem:
    """A network as an attacker sees it who knows its weights.

    Attributes
    ----------
    names
        The columns that the network is given, in its order.
    rules
        The threat model.
    attack
        ``attack(box, y, ids)`` searches within the distance and norm of the rules; ``ids`` is what identifies a row.
    swapping
        For other categories of one-hot groups; without it they stay as they are here.
    most_in_vain
        How many rows in a row that the attack left open may be asked about in vain.
    doubts
        What is odd about the slopes, in words.
    seen
        Counts what was met: rows whose slopes look useless are ``masked``.
    """

    names: tuple[str, ...]
    rules: Rules
    attack: Attack
    most_in_vain: int
    swapping: Swapping | None = None
    doubts: tuple[str, ...] = ()
    seen: Counter[str] = field(default_factory=Counter)

    def search(self, rows: Cells, y: NDArray[np.int64], ids: NDArray[np.int64]) -> Moved:
        """Attack rows.

        Parameters
        ----------
        rows
            By column, each ``(n,)``; a row with a missing number stays as it is.
        y
            What the network answers them, as positions in its outputs, ``(n,)``.
        """
        exact = np.stack([rows[name].astype(np.float64) for name in self.names], axis=1)
        whole = np.flatnonzero(np.isfinite(exact).all(axis=1))
        found = _Found(exact.copy(), np.full(len(y), np.inf), np.zeros(len(y), dtype=np.int64))
        swaps = self._swaps(found, exact, y, whole)
        first = next(swaps, None)  # flips by a category alone are noted before anything moves
        self.seen["masked"] += self._climb(found, self.attack, exact[whole], y, ids, whole)
        while first is not None:
            attack, starts, at = first
            self._climb(found, attack, starts, y, ids, at)
            first = next(swaps, None)
        columns = dict(rows) | {name: found.changed[:, place] for place, name in enumerate(self.names)}
        return Moved(columns, found.distance, np.zeros(len(y)), found.forwards)

    def _swaps(
        self, found: _Found, exact: Floats, y: NDArray[np.int64], at: NDArray[np.int64]
    ) -> Iterator[tuple[Attack, Floats, NDArray[np.int64]]]:
        """Change one category of open rows, then two, and so on; note flips by that alone, and give the best others."""
        if self.swapping is None:
            return
        attack, judge = self.swapping
        groups = groups_among(self.names, self.rules.one_hot)
        starts = exact[at, None]
        for _ in range(int(min(self.rules.budget.categories, len(groups), MOST_SWAPPED))):
            is_open = found.is_open(at)
            starts, at = starts[is_open], at[is_open]
            found.forwards[at] += starts.shape[1] * sum(len(group) - 1 for group in groups)
            starts, leads = promising(
                starts, exact[at], y[at], groups, lead=lambda rows, y: judge(self.box(rows), y), most=SWAPS
            )
            is_flip = (leads < 0).any(axis=1)
            found.note(at[is_flip], starts[is_flip, 0], np.zeros(int(is_flip.sum())))
            for turn in range(starts.shape[1]):
                can = np.isfinite(leads[:, turn])
                yield attack, starts[can, turn], at[can]

    def _climb(
        self, found: _Found, attack: Attack, starts: Floats, y: NDArray[np.int64], ids: NDArray[np.int64],
        at: NDArray[np.int64],
    ) -> int:  # fmt: skip
        """Follow the slopes from ``starts``, the rows ``at`` with categories as they shall be; note flips."""
        is_open = found.is_open(at)
        starts, at = starts[is_open], at[is_open]
        box = self.box(starts)
        result = attack(box, y[at], ids[at])
        found.forwards[at] += result.forwards
        starts, points = starts[result.success], result.points[result.success]
        cells = self._inside(starts, points, box.scale, box.is_whole)
        # single precision brings cells back beside their own place: not beyond the range, nor off where they stay
        changed = np.clip(cells, *self._ends(starts))
        moves = np.abs(changed - starts) / np.where(box.scale > 0, box.scale, 1.0)
        found.note(at[result.success], changed, _length(moves, self.rules.budget.norm))
        return result.n_masked

    def box(self, exact: Floats) -> Box:
        """Where each cell may lie; a cell that may not move, or that lies outside its range, keeps its own value."""
        moving = self._moving()
        scale = np.array([one.scale / one.cost if one and one.cost > 0 else 1.0 for one in moving])
        low, high = self._ends(exact)
        is_whole = np.array([one is not None and one.is_whole for one in moving])
        if self.rules.budget.norm == "linf" and np.isfinite(self.rules.budget.distance):
            reach = _whole_steps(self.rules.budget.distance, scale)
            low = np.where(is_whole, np.maximum(low, exact - reach), low)
            high = np.where(is_whole, np.minimum(high, exact + reach), high)
        return Box(exact / scale, low / scale, high / scale, scale, is_whole)

    def _moving(self) -> list[NumericLimits | None]:
        """What may happen to each column; ``None`` for one that stays."""
        limits = [self.rules.limits.get(name) for name in self.names]
        return [one if isinstance(one, NumericLimits) and not one.is_derived else None for one in limits]

    def _ends(self, exact: Floats) -> tuple[Floats, Floats]:
        """Smallest and largest number that each cell may hold, however far that is."""
        low, high = exact.copy(), exact.copy()
        for place, one in enumerate(self._moving()):
            if one is not None:
                low[:, place] = exact[:, place] if one.direction > 0 else np.minimum(one.low, exact[:, place])
                high[:, place] = exact[:, place] if one.direction < 0 else np.maximum(one.high, exact[:, place])
        return low, high

    def _inside(self, exact: Floats, points: Floats, scale: Floats, is_whole: NDArray[np.bool_]) -> Floats:
        """Bring what was found back to the table's own numbers, whole ones whole, and not beyond the distance."""
        moves = points - exact / scale
        norm, most = self.rules.budget.norm, self.rules.budget.distance * INSIDE
        if norm == "linf":
            moves = np.clip(moves, -most, most)
        else:
            moves = moves * np.minimum(1.0, most / np.maximum(_length(np.abs(moves), norm), 1e-300))[:, None]
        cells = exact + moves * scale
        if norm == "linf":
            return np.where(is_whole, np.rint(cells), cells)
        rounded = np.where(cells > exact, np.floor(cells + 1e-6), np.ceil(cells - 1e-6))
        return np.where(is_whole, rounded, cells)


def _whole_steps(distance: float, scale: Floats) -> Floats:
    """Largest whole number within the distance, of each column."""
    steps = np.rint(distance * scale)
    return np.where(steps / scale <= distance, steps, steps - 1)


def _length(moves: Floats, norm: str) -> Floats:
    if norm == "linf":
        return np.asarray(moves.max(axis=1, initial=0.0))
    return np.asarray(moves.sum(axis=1) if norm == "l1" else np.sqrt((moves**2).sum(axis=1)))
