"""The closest row that a sum of trees answers differently, under what an attacker may do, and a proof of how close any
can be.

Between two thresholds nothing changes, so the search goes over cells. A box of all cells up to some cost holds few of
them, and few leaves of few trees; whether it holds a flip is decided by branch and bound, with the bound of
:mod:`holdfast.kernels.robustness.trees_bound_numba`. Boxes grow until one holds a flip and then shrink until none can.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.forest import Forest
from holdfast.kernels.robustness.trees_bound_numba import new_desk, new_parts
from holdfast.kernels.robustness.trees_box_numba import new_box
from holdfast.kernels.robustness.trees_cells_numba import Rules, new_cells
from holdfast.kernels.robustness.trees_numba import FIRST_CELLS, Answers, Effort, Table, attack_points

Norm = Literal["linf", "l1", "l2"]

DEPTH = 128
FIRST_LEAVES = 4096
MOST_WORK = 2**62


class Reach(NamedTuple):
    """What an attacker may do to each column; a missing cell never changes."""

    scale: NDArray[np.float64]
    """Length of one unit of distance of a numeric column, shape ``(n_columns,)``; 0 where it may not move."""
    low: NDArray[np.float64]
    """Smallest valid value, shape ``(n_columns,)`` or ``(n_points, n_columns)``; a cell below may come nearer."""
    high: NDArray[np.float64]
    """Largest valid value."""
    is_whole: NDArray[np.bool_]
    """Whether new values must be whole numbers, shape ``(n_columns,)``."""
    direction: NDArray[np.int8]
    """1 where a column may only rise, -1 where it may only fall, else 0; shape ``(n_columns,)``."""
    swap_cost: NDArray[np.float64]
    """Distance that a change of a category counts, shape ``(n_columns,)``; inf where it may not change."""
    allowed: NDArray[np.bool_]
    """Levels that a category may change to, shape ``(n_columns, n_levels)``."""
    max_swaps: int
    """Largest number of categories that change in one row."""


class TreeFlips(NamedTuple):
    """The closest flip of each point and how close any can be."""

    points: NDArray[np.float64]
    """Changed rows, shape ``(n_points, n_columns)``; the point itself where none was found."""
    distance: NDArray[np.float64]
    """Shape ``(n_points,)``; inf where none was found, 0 where the point is answered differently as it is."""
    lower: NDArray[np.float64]
    """No flip is closer than this; equal to ``distance`` where the search is exact."""
    n_parts: NDArray[np.int64]
    """Parts of boxes whose bound was computed."""
    work: NDArray[np.int64]
    """Work done: steps down a tree, or what takes as long. The same for the same point, whatever the machine."""


def attack_trees(
    forest: Forest,
    X: NDArray[np.float64],
    y: NDArray[np.int64],
    *,
    reach: Reach,
    norm: Norm = "linf",
    max_distance: float = np.inf,
    slack: float = 0.0,
    max_parts: int = 2000,
    max_work: int = MOST_WORK,
) -> TreeFlips:
    """Find, for every point, the closest row that is not answered ``y``.

    Parameters
    ----------
    forest : Forest
        From :func:`holdfast.kernels.robustness.forest.forest_of`.
    X : ndarray of float64, shape (n_points, n_columns)
        Categories as level numbers; NaN, negative and unknown levels are missing.
    y : ndarray of int64, shape (n_points,)
        The answers to flip from.
    reach : Reach
    norm : {"linf", "l1", "l2"}
        How the moves of the columns, in their units, and the costs of swaps make one distance.
    max_distance : float
        Rows further away are not looked for.
    slack : float
        By how much the score of another class must exceed that of `y`. With 0 an exact tie counts where the model
        breaks it for the other class; a model that adds in single precision may need about 1e-5 to agree.
    max_parts, max_work : int
        Parts and work per point; what is not settled then keeps the best flip and the best bound so far.

    Returns
    -------
    TreeFlips
        Of a point the same whatever the other points are.

    Notes
    -----
    Branch and bound: worst case exponential in the columns, in practice tens of parts per point. A part takes time in
    proportion to the leaves of the trees that the box still cuts.

    References
    ----------
    Chen, H., Zhang, H., Si, S., Li, Y., Boning, D. and Hsieh, C.-J. (2019). Robustness verification of tree-based
    models. NeurIPS. Devos, L., Meert, W. and Davis, J. (2021). Versatile verification of tree ensembles. ICML. The
    bound shares losses among columns as soft arc consistency does: Cooper, M. et al. (2010). Soft arc consistency
    revisited. Artificial Intelligence 174.
    """
    n, d = X.shape
    _check(forest, X, y, reach, max_distance, max_parts)
    X = np.ascontiguousarray(X, dtype=np.float64)
    power = 2.0 if norm == "l2" else 1.0
    n_levels = forest.cell_of_level.shape[1]
    allowed = np.zeros((d, n_levels), dtype=np.bool_)
    shared = min(n_levels, reach.allowed.shape[1])
    allowed[:, :shared] = reach.allowed[:, :shared]
    rules = Rules(
        reach.scale.astype(np.float64),
        reach.swap_cost.astype(np.float64),
        reach.is_whole.astype(np.bool_),
        allowed,
        power,
        norm != "linf",
        int(reach.max_swaps),
    )
    low = np.where(reach.direction > 0, X, np.broadcast_to(reach.low, (n, d)))
    high = np.where(reach.direction < 0, X, np.broadcast_to(reach.high, (n, d)))
    effort = Effort(float(max_distance) ** power, float(slack), int(max_parts), int(max_work))
    answers = Answers(X.copy(), np.full(n, np.inf), np.zeros(n), *np.zeros((2, n), dtype=np.int64))
    room, at = FIRST_LEAVES, 0
    while at < n:
        table = _new_table(forest, room)
        at = attack_points(forest, rules, X, y.astype(np.int64), low, high, effort, at, table, answers)
        room *= 4
    distance = _distances(X, answers.point, reach, rules, norm)
    distance = np.where(answers.cost < np.inf, distance, np.inf)
    lower = answers.lower if norm != "l2" else np.sqrt(answers.lower)
    lower = np.where(answers.lower == answers.cost, distance, np.minimum(lower, distance))
    return TreeFlips(answers.point, distance, lower, answers.n_parts, answers.work)


def _new_table(forest: Forest, room: int) -> Table:
    box = new_box(forest, room, 4 * room, 16 * room)
    best = np.zeros(forest.is_category.size, dtype=np.int32)
    margins, nearest = np.zeros(forest.base.size), np.zeros(FIRST_CELLS)
    return Table(new_cells(forest), box, new_parts(box, DEPTH), new_desk(box), best, margins, nearest)


def _distances(
    X: NDArray[np.float64], points: NDArray[np.float64], reach: Reach, rules: Rules, norm: Norm
) -> NDArray[np.float64]:
    """Return the distances, rounded up so that each move stays inside ``distance * scale`` in floating point."""
    is_moved = (points != X) & ~np.isnan(X)
    is_number = is_moved & (rules.scale > 0)
    is_swap = is_moved & ~is_number
    scale = np.broadcast_to(np.where(rules.scale > 0, rules.scale, 1.0), X.shape)
    with np.errstate(invalid="ignore"):  # infinite cells that stay as they are
        moves = np.where(is_number, np.abs(points - X) / scale, 0.0)
    for _ in range(4):
        beyond = is_number & ((points > X + moves * scale) | (points < X - moves * scale))
        moves = np.where(beyond, np.nextafter(moves, np.inf), moves)
    moves = np.where(is_swap, np.broadcast_to(reach.swap_cost, X.shape), moves)
    if norm == "linf":
        return np.asarray(moves.max(axis=1, initial=0.0))
    return np.asarray(moves.sum(axis=1) if norm == "l1" else np.sqrt((moves**2).sum(axis=1)))


def _check(
    forest: Forest, X: NDArray[np.float64], y: NDArray[np.int64], reach: Reach, max_distance: float, max_parts: int
) -> None:
    d, n_classes = forest.is_category.size, forest.base.size
    if X.ndim != 2 or X.shape[1] != d:
        raise ValueError(f"expected points of {d} columns in `X`, got shape {X.shape}")
    if y.shape != X.shape[:1] or (y.size and (y.min() < 0 or y.max() >= n_classes)):
        raise ValueError(f"expected {X.shape[0]} labels from 0 to {n_classes - 1} in `y`, got shape {y.shape}: {y}")
    for name in ("scale", "is_whole", "direction", "swap_cost"):
        if getattr(reach, name).shape != (d,):
            raise ValueError(f"expected shape ({d},) in `reach.{name}`, got {getattr(reach, name).shape}")
    if reach.allowed.ndim != 2 or reach.allowed.shape[0] != d:
        raise ValueError(f"expected shape ({d}, n_levels) in `reach.allowed`, got {reach.allowed.shape}")
    if not (np.all(reach.scale >= 0) and np.all(reach.swap_cost >= 0)):
        raise ValueError("expected scales and swap costs of at least 0, got a negative one or NaN")
    if not max_distance >= 0 or max_parts < 1:
        raise ValueError(f"expected max_distance >= 0 and max_parts >= 1, got {max_distance} and {max_parts}")
