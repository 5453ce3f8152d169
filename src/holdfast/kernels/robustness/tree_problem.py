"""A tree model, its table and a threat, put together for the search over trees; changed rows as columns of cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.composition import agreement, compose
from holdfast.kernels.robustness.constraints import Budget, CategoryLimits, NumericLimits
from holdfast.kernels.robustness.ensemble import scores
from holdfast.kernels.robustness.feature_tracing import Features, NotComposable
from holdfast.kernels.robustness.forest import Forest, forest_of
from holdfast.kernels.robustness.trees import Reach, TreeFlips, attack_trees
from holdfast.kernels.robustness.user_columns import CategoryColumn, NumberColumn, UserColumn, encoded

if TYPE_CHECKING:
    from holdfast.core.subject import RawTrees

Cells = Mapping[str, NDArray[Any]]
Limits = Mapping[str, NumericLimits | CategoryLimits]
# Scores this close may be decided either way by a model that adds in single precision.
TIE = 1e-5


class TreeProblem(NamedTuple):
    """A composed model and what may happen to its columns."""

    columns: Mapping[str, UserColumn]
    forest: Forest
    reach: Reach
    budget: Budget
    is_whole_threat: bool
    """Whether the search covers all that an attacker may do, so that its lower bounds are bounds of the threat."""


class Changed(NamedTuple):
    """Changed rows, as columns, and what is known of them; all fields but ``cells`` have shape ``(n_points,)``."""

    cells: Mapping[str, NDArray[Any]]
    distance: NDArray[np.float64]
    """inf where no flip was found."""
    lower: NDArray[np.float64]
    """No flip within the budget is closer than this, inf if there is none at all; NaN where nothing is proved."""
    queries: NDArray[np.int64]
    is_complete: bool


def tree_problem(
    trees: RawTrees,
    features: Features,
    *,
    points: Cells,
    labels: NDArray[np.int64],
    limits: Limits,
    budget: Budget,
    rng: np.random.Generator,
) -> TreeProblem:
    """Compose the trees with the pipeline in front of them and write the threat as arrays.

    Parameters
    ----------
    trees, features, rng
        As in :func:`holdfast.kernels.robustness.composition.compose`.
    points
        The rows to attack, all columns of the pipeline by name, each ``(n_points,)``.
    labels
        What the model answers them, as positions in score order.
    limits
        What may happen to the columns; others stay as they are. Columns that relations settle are left alone here.
    budget
        How far an attacker may go.

    Raises
    ------
    NotComposable
        When the pipeline mixes columns, or the composed trees answer some point otherwise than the model.
    """
    columns = {name: _column(values, limits.get(name)) for name, values in points.items()}
    composed = compose(trees, features, columns, rng=rng).ensemble
    same = agreement(scores(composed, encoded(columns, points)), link=trees.link, labels=labels)
    if same.differing.size:
        raise NotComposable(
            f"the trees that were read answer {same.differing.size} of {len(labels)} rows otherwise than the model"
        )
    is_whole = set(limits) <= set(columns) and not any(rule.is_derived for rule in limits.values())
    return TreeProblem(columns, forest_of(composed), _reach(columns, limits, budget), budget, is_whole)


def search_trees(problem: TreeProblem, points: Cells, y: NDArray[np.int64], *, max_parts: int) -> Changed:
    """Search the closest flip of every point within the budget, and prove how close any can be.

    Scores within a rounding error of a tie count as flips here, so that what is proved holds for a model that adds in
    single precision; whether a flip is one is for the model to say.
    """
    X = encoded(problem.columns, points)
    flips = attack_trees(
        problem.forest,
        X,
        y,
        reach=problem.reach,
        norm=problem.budget.norm,
        max_distance=problem.budget.distance,
        slack=-TIE,
        max_parts=max_parts,
    )
    none_exists = ~np.isfinite(flips.distance) & (flips.lower >= problem.budget.distance)
    lower = np.where(none_exists, np.inf, flips.lower) if problem.is_whole_threat else np.full(len(y), np.nan)
    cells = _changed_cells(problem, X, points, flips)
    return Changed(cells, flips.distance, lower, np.zeros(len(y), dtype=np.int64), True)


def replaced(first: Changed, second: Changed, rows: NDArray[np.int64], is_better: NDArray[np.bool_]) -> Changed:
    """Put what a second search found at ``rows`` in the place of the first where it is better; add its queries."""
    better = rows[is_better]
    cells = {name: values.copy() for name, values in first.cells.items()}
    for name, values in second.cells.items():
        cells[name][better] = values[is_better]
    distance, queries = first.distance.copy(), first.queries.copy()
    distance[better] = second.distance[is_better]
    queries[rows] += second.queries
    return Changed(cells, distance, first.lower, queries, first.is_complete and second.is_complete)


def _changed_cells(
    problem: TreeProblem, X: NDArray[np.float64], points: Cells, flips: TreeFlips
) -> dict[str, NDArray[Any]]:
    """Return the columns of the changed rows; cells that the search left alone keep their very value."""
    changed: dict[str, NDArray[Any]] = {}
    for j, (name, column) in enumerate(problem.columns.items()):
        moved = np.flatnonzero((flips.points[:, j] != X[:, j]) & ~np.isnan(flips.points[:, j]))
        values = points[name].copy()
        new = flips.points[moved, j]
        values[moved] = column.levels[new.astype(np.int64)] if isinstance(column, CategoryColumn) else new
        changed[name] = values
    return changed


def _column(values: NDArray[Any], rule: NumericLimits | CategoryLimits | None) -> UserColumn:
    if values.dtype.kind == "f":
        finite = values[np.isfinite(values)]
        ends = [finite.min(), finite.max()] if finite.size else [0.0, 0.0]
        if isinstance(rule, NumericLimits):
            ends = [min(ends[0], rule.low), max(ends[1], rule.high)]
        is_whole = isinstance(rule, NumericLimits) and rule.is_whole and bool((finite == np.floor(finite)).all())
        can_miss = bool(np.isnan(values).any())
        return NumberColumn(finite, float(ends[0]), float(ends[1]), is_whole=is_whole, can_miss=can_miss)
    present = {value for value in values.tolist() if value is not None}
    allowed = rule.levels if isinstance(rule, CategoryLimits) else frozenset()
    levels = sorted(present | allowed, key=str) or [""]
    return CategoryColumn(np.array(levels, dtype=object), can_miss=bool((values == np.array(None)).any()))


def _reach(columns: Mapping[str, UserColumn], limits: Limits, budget: Budget) -> Reach:
    rules = [None if rule is None or rule.is_derived else rule for rule in map(limits.get, columns)]
    numbers = [rule if isinstance(rule, NumericLimits) else None for rule in rules]
    categories = [rule if isinstance(rule, CategoryLimits) else None for rule in rules]
    widest = max((len(c.levels) for c in columns.values() if isinstance(c, CategoryColumn)), default=1)
    allowed = np.zeros((len(columns), widest), dtype=np.bool_)
    for j, (column, rule) in enumerate(zip(columns.values(), categories, strict=True)):
        if rule is not None and isinstance(column, CategoryColumn):
            allowed[j, : len(column.levels)] = [level in rule.levels for level in column.levels.tolist()]
    cheapest = min((rule.cost for rule in categories if rule is not None), default=1.0)
    swaps = min(budget.categories / cheapest, len(columns)) if cheapest > 0 else len(columns)
    return Reach(
        scale=np.array([rule.scale / rule.cost if rule else 0.0 for rule in numbers]),
        low=np.array([rule.low if rule else -np.inf for rule in numbers]),
        high=np.array([rule.high if rule else np.inf for rule in numbers]),
        is_whole=np.array([bool(rule and rule.is_whole) for rule in numbers]),
        direction=np.array([rule.direction if rule else 0 for rule in numbers], dtype=np.int8),
        swap_cost=np.array([0.0 if rule else np.inf for rule in categories]),
        allowed=allowed,
        max_swaps=int(swaps),
    )
