"""Attack rows of a table by asking a model, with cells in and changed cells out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.cells import coding_of
from holdfast.kernels.robustness.evasion import constrained_space, search_flips
from holdfast.kernels.robustness.limits import Rules
from holdfast.kernels.robustness.threat import Threat
from holdfast.kernels.robustness.tree_problem import Changed

Cells = Mapping[str, NDArray[Any]]


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
        As in :func:`holdfast.kernels.robustness.evasion.search_flips`.

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
    budget = rules.budget
    flips = search_flips(
        coding.encode(points),
        y,
        coding.encode(donors),
        donor_labels,
        predict=lambda X: answer(coding.decode(X), X[:, 0].astype(np.int64)),
        space=constrained_space(coding, rules.limits, relations=rules.relations),
        threat=Threat(budget.distance, budget.categories, queries, budget.norm),
        rng=np.random.default_rng(seed),
        ids=ids,
        should_stop=should_stop,
    )
    cells = {**points, **coding.decode(flips.points)}
    return Changed(cells, flips.distance, np.full(len(y), np.nan), flips.queries, flips.is_complete)
