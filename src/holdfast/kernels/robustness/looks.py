"""An attack in fixed parts, which may end early once what was flipped so far settles the question."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.attack import Attacked, joined
from holdfast.kernels.robustness.questions import Questions, parts_of
from holdfast.kernels.robustness.sequential import is_settled
from holdfast.kernels.robustness.tree_problem import Work

Positions = NDArray[np.int64]


class AttackPart(Protocol):
    """Attacks some rows; see :meth:`holdfast.kernels.robustness.attack.Attacker.attack` for ``n_ahead``.

    ``is_short`` says that there is too little time for the full effort on all of them.
    """

    def __call__(self, rows: Positions, *, n_ahead: int = 0, is_short: bool = False) -> tuple[Questions, Attacked]: ...


class Looked(NamedTuple):
    """What the attack did, and why it ended."""

    rows: Positions
    """Rows attacked in full, in the order given."""
    attacked: Attacked
    """What became of them."""
    drawn: int
    """Rows that were taken up, those that could not be completed included."""
    queries: int
    stopped: str
    """Why it ended before all rows, in words; empty where it did not, or was settled."""
    is_early: bool
    """Whether it ended because the question was settled."""
    is_short: bool
    """Whether the time was too short for the full effort on all rows."""
    looks: int
    """How often it could have stopped."""
    error: Exception | None
    """After which the model answered no more."""


def attack_in_looks(
    order: Positions,
    attack: AttackPart,
    *,
    per_row: int,
    left: Callable[[], int | None],
    looks: int,
    limit: float | None,
    level: float,
    work: Work,
    is_out_of_time: Callable[[], bool],
) -> Looked:
    """Attack rows in parts of fixed sizes; stop when it is settled on which side of the limit the flipped share lies.

    Parameters
    ----------
    order
        Rows in random order.
    per_row, left
        Questions about a row at most, and those that may still be asked for all (``None`` without a limit).
    looks
        How often it may stop; only at the end where there is no limit.
    limit, level
        Share of flipped rows that is in question, if any, and the level at which it is settled.
    work
        What the search of trees may do for all rows together.
    """
    looks = looks if limit is not None else 1
    done, queries, drawn = list[tuple[Positions, Attacked]](), 0, 0
    is_early, is_short, stopped, error = False, False, "", None
    for looked, rows in enumerate(parts_of(order, looks, left=left, per_row=per_row), start=1):
        questions, attacked = attack(rows, n_ahead=order.size - drawn if left() is None else 0)
        done.append((rows[: attacked.n], attacked))
        queries, drawn, error = (
            queries + questions.n,
            drawn + (attacked.n if attacked.is_short else rows.size),
            questions.error,
        )
        stopped = questions.lost or ("the time was up" if is_out_of_time() else "")
        stopped = stopped or ("the work for the search of the trees was spent" if work.is_spent else "")
        settled = limit is not None and looked < looks and _settles(done, limit, level=level, looks=looks)
        is_early = drawn < order.size and settled
        is_short = attacked.is_short and not (is_early or stopped)
        if is_early or stopped or is_short:
            break
    else:
        stopped = "the questions that may be asked were spent" if drawn < order.size else ""
        drawn = order.size
    if is_short:
        questions, attacked = attack(order[drawn:], is_short=True)
        done.append((order[drawn:][: attacked.n], attacked))
        queries, drawn, stopped, error = queries + questions.n, order.size, questions.lost, questions.error
    rows = np.concatenate([each for each, _ in done])
    whole = joined([each for _, each in done], done[0][1].cells)
    return Looked(rows, whole, drawn, queries, stopped, is_early, is_short, looks, error)


def _settles(done: list[tuple[Positions, Attacked]], limit: float, *, level: float, looks: int) -> bool:
    flipped = np.concatenate([attacked.success for _, attacked in done])
    return is_settled(flipped, limit=limit, level=level, looks=looks)
