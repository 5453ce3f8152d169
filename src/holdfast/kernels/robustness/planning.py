"""An attack that has too little time for all that its effort allows: work goes where it flips most rows per second.

Every stage of the attack is run with little effort first and with all of it later, and a row moves on to the next stage
when it did not flip. Rows that the model is least sure of come first. What the clock says decides the order, so that
the same attack may find other flips next time: only whoever has too little time should take this way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.attack import Attacked, Attacker
from holdfast.kernels.robustness.network_problem import NetworkProblem
from holdfast.kernels.robustness.tree_problem import Changed, Work, replaced

Cells = Mapping[str, NDArray[Any]]
Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]

SEARCHED_AT_ONCE, ASKED_AT_ONCE = 128, 64
# Parts of boxes, and the share of the work, that the first search may use.
FEW_PARTS, LITTLE_WORK = 8, 16
# Questions about a row: so many at first, and so many times as many in each later stage.
FEW_QUESTIONS, MORE = 32, 4
# How much of the pace is that of the last rows; what a stage is expected to reach of the best pace of the one before.
NEWS, HOPE = 0.5, 0.25


class _Stage(NamedTuple):
    """One way to work on rows, and how many at once."""

    attacker: Attacker
    is_search: bool
    at_once: int

    def run(self, points: Cells, ids: Positions, at: Positions) -> tuple[Changed, Flags, Flags]:
        """Work on rows; tell which flips stand, and which the rules forbid."""
        if not self.is_search:
            return self.attacker.asked(points, ids, at)
        within = replace(self.attacker, work=Work(self.attacker.work.most))
        return within.searched(points, ids, at)


@dataclass(slots=True)
class _Board:
    """What is known of each row, and which rows wait for which stage."""

    found: Changed
    waiting: list[Positions]
    pace: NDArray[np.float64] = field(init=False)
    best: NDArray[np.float64] = field(init=False)
    success: Flags = field(init=False)
    against: Flags = field(init=False)
    unsteady: Flags = field(init=False)
    flipped_by: Positions = field(init=False)

    def __post_init__(self) -> None:
        n = self.found.distance.size
        self.pace, self.best = np.full((2, len(self.waiting)), np.nan)
        self.success, self.against, self.unsteady = np.zeros((3, n), dtype=np.bool_)
        self.flipped_by = np.full(n, -1, dtype=np.int64)

    def choose(self, stages: list[_Stage]) -> int:
        """Choose the stage that flips most rows per second, among those for which enough rows wait."""
        ready = [
            k for k, rows in enumerate(self.waiting)
            if rows.size and (rows.size >= stages[k].at_once or not any(each.size for each in self.waiting[:k]))
        ]  # fmt: skip
        expected = self.pace.copy()
        expected[0] = np.nan_to_num(expected[0], nan=np.inf)
        for k in np.flatnonzero(np.isnan(expected)):
            expected[k] = HOPE * (expected[k - 1] if np.isnan(self.best[k - 1]) else self.best[k - 1])
        return max(ready, key=lambda k: (expected[k], -k))

    def time(self, k: int, n_flips: int, seconds: float) -> None:
        """Keep how fast a stage was."""
        pace = n_flips / max(seconds, 1e-9)
        self.pace[k] = pace if np.isnan(self.pace[k]) else NEWS * pace + (1 - NEWS) * self.pace[k]
        self.best[k] = np.fmax(self.best[k], self.pace[k])

    def note(self, k: int, at: Positions, found: Changed, flips: Flags, against: Flags) -> None:
        """Keep what a stage found, and hand on the rows that are still open."""
        bounds = np.fmax(self.found.lower[at], found.lower)
        is_better = flips & (found.distance < np.where(self.success[at], self.found.distance[at], np.inf))
        self.found = replaced(self.found, found, at, is_better)
        self.found.lower[at] = bounds
        self.flipped_by[at[flips & ~self.success[at]]] = k
        self.success[at] |= flips
        self.against[at] |= against
        self.unsteady[at] |= np.isfinite(found.distance) & ~flips & ~against
        if k + 1 < len(self.waiting):
            on = at[~self.success[at] & ~np.isposinf(bounds)]
            self.waiting[k + 1] = np.concatenate([self.waiting[k + 1], on])


def attack_in_time(attacker: Attacker, points: Cells, ids: Positions, *, margins: NDArray[np.float64]) -> Attacked:
    """Attack rows until the time is up, and find as many flips as can be found by then.

    Parameters
    ----------
    attacker
        Who attacks, with the full effort and ``time_left``.
    points, ids
        As for :meth:`holdfast.kernels.robustness.attack.Attacker.attack`.
    margins : ndarray of float64, shape (n_rows,)
        How sure the model is of its answers; the least sure come first.

    Returns
    -------
    Attacked
        All rows, in the order given. Of those without a flip ``n_unfinished`` had less than the full effort. With time
        enough all rows had it, and flips are as close as without a clock.

    Notes
    -----
    A greedy bandit: each stage is an arm, its pace an exponential average of flips per second.
    """
    stages = _stages(attacker)
    n, last = ids.size, len(stages) - 1
    nothing = np.zeros(0, dtype=np.int64)
    far, unknown, no_questions = np.full(n, np.inf), np.full(n, np.nan), np.zeros(n, dtype=np.int64)
    start = Changed({**points}, far, unknown, no_questions, np.ones(n, dtype=np.bool_))
    board = _Board(start, [np.argsort(margins, kind="stable"), *[nothing] * last])
    is_finished = np.zeros(n, dtype=np.bool_)
    while any(rows.size for rows in board.waiting) and not _is_over(attacker):
        k = board.choose(stages)
        at, board.waiting[k] = np.split(board.waiting[k], [stages[k].at_once])
        before, n_flips = attacker.time_left(), int(board.success.sum())
        done = _work(stages[k], board, k, points, ids, at)
        board.time(k, int(board.success.sum()) - n_flips, before - attacker.time_left())
        is_finished[done] |= k == last
    is_finished |= np.isposinf(board.found.lower)
    if not _is_over(attacker):
        _come_closer(attacker, stages, board, points, ids)
    return _attacked(board, is_finished)


def _stages(attacker: Attacker) -> list[_Stage]:
    stages = []
    if isinstance(attacker.problem, NetworkProblem):
        stages.append(_Stage(attacker, True, SEARCHED_AT_ONCE))
        if not attacker.problem.most_in_vain:
            return stages
    elif attacker.problem is not None:
        little = Work(max(attacker.work.most // LITTLE_WORK, 1))
        quick = replace(attacker, max_parts=min(FEW_PARTS, attacker.max_parts), work=little)
        stages += [_Stage(each, True, SEARCHED_AT_ONCE) for each in (quick, attacker)]
    ladder = [FEW_QUESTIONS]
    while MORE * ladder[-1] < attacker.queries:
        ladder.append(MORE * ladder[-1])
    asking = [replace(attacker, queries=queries) for queries in ladder if queries < attacker.queries]
    return [*stages, *(_Stage(each, False, ASKED_AT_ONCE) for each in (*asking, attacker))]


def _is_over(attacker: Attacker) -> bool:
    return attacker.time_left() < 0 or bool(attacker.questions.lost)


def _work(stage: _Stage, board: _Board, k: int, points: Cells, ids: Positions, at: Positions) -> Positions:
    """Run a stage on rows and keep what it found; return the rows that it had time for."""
    found, flips, against = stage.run(points, ids, at)
    at = at[: found.distance.size]
    board.note(k, at, found, flips, against)
    return at[found.is_done]


def _come_closer(attacker: Attacker, stages: list[_Stage], board: _Board, points: Cells, ids: Positions) -> None:
    """Look again, with the full effort, for closer flips of the rows that flipped with less."""
    for k, stage in enumerate(stages):
        full = next(each for each in reversed(stages) if each.is_search == stage.is_search)
        rows = np.flatnonzero(board.flipped_by == k) if stage is not full else np.zeros(0, dtype=np.int64)
        for at in np.split(rows, np.arange(full.at_once, rows.size, full.at_once)):
            if at.size and not _is_over(attacker):
                _work(full, board, len(stages), points, ids, at)


def _attacked(board: _Board, is_finished: Flags) -> Attacked:
    found, success = board.found, board.success
    against = board.against & ~success
    return Attacked(
        found.cells, np.where(success, found.distance, np.inf), found.lower, found.queries, success,
        n_open=0, n_against_rules=int(against.sum()), n_unsteady=int((board.unsteady & ~against & ~success).sum()),
        is_short=True, n_unfinished=int((~is_finished & ~success).sum()),
    )  # fmt: skip
