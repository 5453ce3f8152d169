"""The whole attack on some rows: trees or a network are searched, flips confirmed, what is open is asked of the model.

Rows are taken in the order given, in parts that grow. A row counts once all that its effort allows was done for it;
where time, questions or the allowance of open rows run out, the attack ends before the first row that was not
completed. With rows in random order that leaves the share of flips unbiased, as an inverse sample does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.asking import ask_model, further_inside
from holdfast.kernels.robustness.limits import Rules, is_allowed
from holdfast.kernels.robustness.network_problem import NetworkProblem
from holdfast.kernels.robustness.questions import Questions
from holdfast.kernels.robustness.tree_problem import Changed, TreeProblem, Work, replaced, search_trees

Cells = Mapping[str, NDArray[Any]]
Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]

FIRST_PART, GROWTH = 8, 3
# A flip that did not stand up is moved on so many times as far, and must then stand up twice.
FURTHER = (1.25, 2.0, 8.0)
STANDS_UP = 2
# Rows that the trees leave open are asked about until so many in a row were asked about in vain.
IN_VAIN = 48
# A pace is known from a few rows only.
WITH_CARE = 1.25
# The first part may take so much of the time.
FIRST_SHARE = 0.1


class Attacked(NamedTuple):
    """The rows that were completed, a first part of those given, and what became of them."""

    cells: Cells
    """Changed rows, as columns."""
    distance: NDArray[np.float64]
    """Size of the flip found; inf without one."""
    lower: NDArray[np.float64]
    """As in :class:`holdfast.kernels.robustness.tree_problem.Changed`."""
    queries: Positions
    """Questions to the model about each row."""
    success: Flags
    """Flips that the model confirmed and the rules allow."""
    n_open: int
    """Rows that the search of the trees left open, so that the model was asked."""
    n_against_rules: int
    """Rows whose only flips break a relation or another rule."""
    n_unsteady: int
    """Rows whose only flips did not stand up when the model was asked again."""
    n_spared: int = 0
    """Rows that the search of the trees left open and that were not asked about, because others were in vain."""
    is_short: bool = False
    """Whether it ended because there is no time for all rows at this effort."""
    n_unfinished: int = 0
    """Rows that are given although neither a flip was found nor all done that the effort allows."""

    @property
    def n(self) -> int:
        """Number of rows completed."""
        return self.success.size


@dataclass(slots=True)
class _Patience:
    """How many tries in a row were in vain."""

    most: int = IN_VAIN
    in_vain: int = 0

    @property
    def is_over(self) -> bool:
        return self.in_vain >= self.most

    def note(self, flips: Flags, is_try: Flags) -> None:
        """Count on from the last flip among the tries."""
        won = np.flatnonzero(flips[is_try])
        self.in_vain = int(is_try.sum() - won[-1] - 1 if won.size else self.in_vain + is_try.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacker:
    """What an attacker knows and may do.

    Attributes
    ----------
    rules
        The threat model.
    problem
        The model's trees or network, where it can be searched.
    donors, donor_labels
        Rows that an attacker may know, by column, and their labels.
    questions
        The model as it is asked; it knows the rows' labels.
    max_parts, queries
        Work per row.
    most_open
        Largest number of rows that are asked about because the trees leave them open.
    seed
        Of the questions.
    time_left
        Seconds until the end; inf without one.
    work
        What the search of the trees may do for all rows together.
    """

    rules: Rules
    problem: TreeProblem | NetworkProblem | None
    donors: Cells
    donor_labels: Positions
    questions: Questions
    max_parts: int
    queries: int
    most_open: int
    seed: int
    time_left: Callable[[], float] = lambda: math.inf
    work: Work = field(default_factory=Work)

    def attack(self, points: Cells, ids: Positions, *, n_ahead: int = 0) -> Attacked:
        """Attack rows.

        Parameters
        ----------
        points
            The rows, by column, each ``(n_rows,)``.
        ids
            What identifies a row; its questions depend on nothing else.
        n_ahead
            Rows, these included, that there should be time for: where the first of these show that there is not, the
            attack ends. 0 to go on until the time is up.
        """
        done: list[Attacked] = []
        start, size, room = 0, FIRST_PART, self.most_open
        patience = _Patience(getattr(self.problem, "most_in_vain", IN_VAIN))
        begin, is_short = self.time_left(), False
        first = self._in_first(begin, n_ahead)
        while start < ids.size and not self.work.is_spent:
            at = np.arange(start, min(start + size, ids.size))
            part = (self if start else first)._part(points, ids, at, room, patience)
            # an answer that did not come may have been that of any row of the part
            if self.questions.lost:
                break
            done.append(part)
            is_short = n_ahead > 0 and (
                (not start and first.time_left() < 0) or self._is_short(begin, at[-1] + 1, n_ahead)
            )
            start, size, room = start + size, size * GROWTH, room - part.n_open
            if is_short or part.n < at.size:
                break
        return joined(done, points)._replace(is_short=is_short)

    def _in_first(self, begin: float, n_ahead: int) -> Attacker:
        """Attack the first rows in a part of the time, where there should be time for more."""
        share = min(max(FIRST_SHARE, WITH_CARE * FIRST_PART / max(n_ahead, 1)), 1.0)
        return replace(self, time_left=lambda: self.time_left() - (1.0 - share) * begin) if n_ahead else self

    def _is_short(self, begin: float, n_done: int, n_ahead: int) -> bool:
        """Whether rows at the pace of those done would take longer than there is time."""
        left = self.time_left()
        pace = (begin - left) / n_done
        if self.work.used:  # rows that the work does not suffice for take no time
            n_ahead = min(n_ahead, n_done * self.work.most // self.work.used)
        return (n_ahead - n_done) * pace * WITH_CARE > left

    def _part(self, points: Cells, ids: Positions, at: Positions, room: int, patience: _Patience) -> Attacked:
        """Attack the rows of one part, up to the first that cannot be completed."""
        found, flips, against = self.searched(points, ids, at)
        at = at[: found.distance.size]
        open_ = np.flatnonzero(~flips & ~np.isposinf(found.lower))
        # what the trees were searched for in full, and without a flip that did not stand, is worth a try only
        is_try = ~np.isfinite(found.distance) & ~np.isnan(found.lower)
        n, n_asked, is_spared = at.size, 0, np.zeros(at.size, dtype=np.bool_)
        for some in np.split(open_, np.arange(IN_VAIN, open_.size, IN_VAIN)) if is_try.any() else [open_]:
            is_spared[some] = is_try[some] & patience.is_over
            asked = some[~is_spared[some]]
            if asked.size > room - n_asked:
                n, asked = int(asked[room - n_asked]), asked[: room - n_asked]
            if asked.size:
                beside, flips[asked], against[asked] = self.asked(points, ids, at[asked])
                found = replaced(found, beside, asked, np.isfinite(beside.distance))
                done = at.size if beside.is_done.all() else int(asked[~beside.is_done][0])
                patience.note(flips[asked], is_try[asked])
                n_asked += asked.size
                n = min(n, done)
            if n < at.size:
                break
        is_found = np.isfinite(found.distance) & ~flips
        return Attacked(
            {name: values[:n] for name, values in found.cells.items()},
            np.where(flips, found.distance, np.inf)[:n],
            found.lower[:n],
            found.queries[:n],
            flips[:n],
            int((open_ < n).sum() - is_spared[:n].sum()),
            int((is_found & against)[:n].sum()),
            int((is_found & ~against)[:n].sum()),
            int(is_spared[:n].sum()),
        )

    def asked(self, points: Cells, ids: Positions, at: Positions) -> tuple[Changed, Flags, Flags]:
        """Ask the model about rows; tell which flips stand, and which the rules forbid."""
        asked = ask_model(
            _rows(points, at), self.questions.y[at], self.donors, self.donor_labels,
            answer=lambda cells, of: self.questions.scores(cells, at[of]),
            rules=self.rules, queries=self._for_search, seed=self.seed, ids=ids[at], should_stop=self._should_stop,
        )  # fmt: skip
        return self._confirmed(points, at, asked, tries=FURTHER)

    def searched(self, points: Cells, ids: Positions, at: Positions) -> tuple[Changed, Flags, Flags]:
        """Search the network, or the trees first for flips up to a rounding error and then beyond; if there are any."""
        none = np.zeros(at.size, dtype=np.bool_)
        rows = _rows(points, at)
        if self.problem is None:
            far, zero = np.full(at.size, np.inf), np.zeros(at.size, dtype=np.int64)
            return Changed({**rows}, far, np.full(at.size, np.nan), zero, ~none), none, none.copy()
        if isinstance(self.problem, NetworkProblem):
            moved = self.problem.search(rows, self.questions.y[at], ids[at])
            return self._confirmed(points, at, Changed(*moved, np.ones(at.size, dtype=np.bool_)), tries=FURTHER)
        found = search_trees(
            self.problem, rows, self.questions.y[at], max_parts=self.max_parts, work=self.work,
            should_stop=self._should_stop,
        )  # fmt: skip
        n = int(found.is_done.sum())
        at = at[:n]
        found = found.first(n)
        found, flips, against = self._confirmed(points, at, found)
        again = np.flatnonzero(np.isfinite(found.distance) & ~flips & ~against)
        if again.size:
            own = at[again]
            beyond = search_trees(
                self.problem, _rows(points, own), self.questions.y[own], max_parts=self.max_parts, work=self.work,
                is_beyond_ties=True, should_stop=self._should_stop,
            )  # fmt: skip
            beyond, flips[again], against[again] = self._confirmed(points, own, beyond)
            found = replaced(found, beyond, again, np.isfinite(beyond.distance))
        return found, flips, against

    def _confirmed(
        self, points: Cells, at: Positions, found: Changed, *, tries: tuple[float, ...] = ()
    ) -> tuple[Changed, Flags, Flags]:
        """Ask again about what was found, and move on what did not stand up; tell what stands and what is forbidden."""
        rows = np.flatnonzero(np.isfinite(found.distance))
        flips, against = np.zeros(at.size, dtype=np.bool_), np.zeros(at.size, dtype=np.bool_)
        flips[rows], against[rows] = self._stands(points, at[rows], _rows(found.cells, rows))
        queries = found.queries.copy()
        queries[rows] += 1
        found = found._replace(queries=queries)
        for factor in tries:
            rows = np.flatnonzero(np.isfinite(found.distance) & ~flips & ~against)
            if not rows.size or self._should_stop():
                break
            moved, distance = further_inside(_rows(points, at[rows]), _rows(found.cells, rows), self.rules, factor)
            is_new = np.isfinite(distance)
            own, new = rows[is_new], _rows(moved, np.flatnonzero(is_new))
            stands = np.ones(own.size, dtype=np.bool_)
            for _ in range(STANDS_UP):
                stands &= self._stands(points, at[own], new)[0]
            twice = np.full(own.size, STANDS_UP, dtype=np.int64)
            better = Changed(new, distance[is_new], found.lower[own], twice, np.ones(own.size, dtype=np.bool_))
            found = replaced(found, better, own, stands)
            flips[own] = stands
        return found, flips, against

    def _stands(self, points: Cells, at: Positions, cells: Cells) -> tuple[Flags, Flags]:
        """Tell which changed rows the model answers otherwise and the rules allow, and which the rules forbid."""
        if not at.size:
            none = np.zeros(0, dtype=np.bool_)
            return none, none
        labels, after = self.questions.labels(cells, at)
        allowed = is_allowed(_rows(points, at), after, self.rules)
        return np.asarray((labels != self.questions.y[at]) & allowed), ~allowed

    def _should_stop(self) -> bool:
        return bool(self.questions.lost) or self.time_left() < 0

    @property
    def _for_search(self) -> int:
        """Questions for the search of one row; a few are kept back for flips that do not stand up."""
        kept = min(STANDS_UP * len(FURTHER), self.queries // 10)
        return max(self.queries - kept, 1)


def _rows(cells: Cells, at: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    return {name: values[at] for name, values in cells.items()}


def joined(parts: list[Attacked], points: Cells) -> Attacked:
    """Put rows attacked one after the other together; ``points`` names their columns where there are none."""
    if not parts:
        zero, none = np.zeros(0), np.zeros(0, dtype=np.int64)
        empty = {name: values[:0] for name, values in points.items()}
        return Attacked(empty, zero, zero, none, none.astype(np.bool_), 0, 0, 0)
    cells = {name: np.concatenate([part.cells[name] for part in parts]) for name in points}
    return Attacked(
        cells,
        np.concatenate([part.distance for part in parts]),
        np.concatenate([part.lower for part in parts]),
        np.concatenate([part.queries for part in parts]),
        np.concatenate([part.success for part in parts]),
        sum(part.n_open for part in parts),
        sum(part.n_against_rules for part in parts),
        sum(part.n_unsteady for part in parts),
        sum(part.n_spared for part in parts),
        n_unfinished=sum(part.n_unfinished for part in parts),
    )
