"""Attack rows of a table by asking a model, with cells in and changed cells out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.candidates import Search
from holdfast.kernels.robustness.cells import coding_of
from holdfast.kernels.robustness.evasion import constrained_space, search_flips
from holdfast.kernels.robustness.limits import Rules
from holdfast.kernels.robustness.streams import PointStreams
from holdfast.kernels.robustness.threat import Threat
from holdfast.kernels.robustness.tree_problem import Changed

Cells = Mapping[str, NDArray[Any]]
# A stop loses the answers about so many points at most.
POINTS_AT_ONCE = 64


def ask_model(
    points: Cells,
    y: NDArray[np.int64],
    donors: Cells,
    donor_labels: NDArray[np.int64],
    *,
    answer: Callable[[Cells, NDArray[np.int64]], NDArray[np.float64] | NDArray[np.int64]],
    rules: Rules,
    queries: int,
    seed: int,
    ids: NDArray[np.int64],
    should_stop: Callable[[], bool],
) -> Changed:
    """Search the closest flip of every row with questions to the model.

    Parameters
    ----------
    points, donors
        Columns by name: the rows to attack, and rows an attacker may know.
    y, donor_labels
        Their labels.
    answer
        Maps columns that may have changed, and the positions of the points they belong to, to labels or scores.
    rules
        The threat model.
    queries, seed, ids, should_stop
        As in :func:`holdfast.kernels.robustness.evasion.search_flips`. Points are searched in parts; one that was
        stopped does not count as done.

    Examples
    --------
    >>> from holdfast.kernels.robustness.constraints import Budget
    >>> from holdfast.kernels.robustness.limits import Stated, limits_of
    >>> rows = {"x": np.array([1.0, 2.0, 3.0, 4.0])}
    >>> found = ask_model(
    ...     rows, np.zeros(4, dtype=np.int64), rows, np.zeros(4, dtype=np.int64),
    ...     answer=lambda cells, at: (cells["x"] > 3.5).astype(np.int64),
    ...     rules=Rules(limits_of(rows, Stated()), Budget(1.0, 0)), queries=100, seed=0, ids=np.arange(4),
    ...     should_stop=lambda: False,
    ... )
    >>> bool(found.cells["x"][2] > 3.5)
    True
    """
    coding = coding_of(points, rules.limits, relations=rules.relations, one_hot=rules.one_hot)
    X, known = coding.encode(points), coding.encode(donors)
    n = len(y)
    found, distance = X.copy(), np.full(n, np.inf)
    asked, is_done = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
    for start in range(0, n, POINTS_AT_ONCE):
        if should_stop():
            break
        part = slice(start, start + POINTS_AT_ONCE)
        flips = search_flips(
            X[part],
            y[part],
            known,
            donor_labels,
            predict=lambda rows: answer(coding.decode(rows), rows[:, 0].astype(np.int64)),
            space=constrained_space(coding, rules.limits, relations=rules.relations),
            threat=_threat(rules, queries),
            rng=np.random.default_rng(seed),
            ids=ids[part],
            should_stop=should_stop,
        )
        found[part], distance[part], asked[part] = flips.points, flips.distance, flips.queries
        is_done[part] = flips.is_complete
    cells = {**points, **coding.decode(found)}
    return Changed(cells, distance, np.full(n, np.nan), asked, is_done)


def further_inside(points: Cells, cells: Cells, rules: Rules, factor: float) -> tuple[Cells, NDArray[np.float64]]:
    """Move the numbers of changed rows on in the direction of their change, as far as the rules allow.

    Parameters
    ----------
    points, cells
        Rows before and after the change, column by column.
    rules
        The threat model.
    factor
        How many times as far as before.

    Returns
    -------
    tuple
        The rows, and their distances: inf for those that could not be moved on.
    """
    coding = coding_of(points, rules.limits, relations=rules.relations, one_hot=rules.one_hot)
    X, Z = coding.encode(points), coding.encode({name: cells[name] for name in points})
    space = constrained_space(coding, rules.limits, relations=rules.relations)
    nobody = np.zeros(len(X), dtype=np.int64)
    streams = PointStreams(0, np.arange(len(X)))
    search = Search(X, nobody, lambda rows: nobody, space, _threat(rules, 0), streams, lambda: False)
    rows = np.arange(len(X))
    reach = np.full((len(X), 1), rules.budget.distance)
    aim = np.where(search.is_number, X + (Z - X) * factor, Z)[:, None]
    moved, is_valid = search.settle(rows, search.pulled(rows, aim, reach))
    differs = (moved[:, 0] != Z) & ~np.isnan(Z)
    distance = search.distances(rows, moved)[:, 0]
    is_new = is_valid[:, 0] & differs.any(axis=1) & (distance <= rules.budget.distance)
    return {**points, **coding.decode(moved[:, 0])}, np.where(is_new, distance, np.inf)


def _threat(rules: Rules, queries: int) -> Threat:
    return Threat(rules.budget.distance, rules.budget.categories, queries, rules.budget.norm)
