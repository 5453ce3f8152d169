"""Search a tree model behind a guard: one that changes its inputs, or one that sends unclear answers to people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.feature_tracing import NotComposable
from holdfast.kernels.robustness.limits import Rules
from holdfast.kernels.robustness.tree_problem import Changed, Work, search_trees, tree_problem
from holdfast.kernels.robustness.turning_points import neighbourhood

if TYPE_CHECKING:
    from holdfast.core.subject import RawTrees

Cells = Mapping[str, NDArray[Any]]


def search_guarded(
    trees: RawTrees,
    features: Callable[[Cells], NDArray[np.float64]],
    *,
    points: Cells,
    y: NDArray[np.int64],
    cutoff: float,
    rules: Rules,
    seed: int,
    max_parts: int,
    edges: Mapping[str, NDArray[np.float64]] | None = None,
    work: Work | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Changed | None:
    """Search the closest flip of every row that a screen lets pass.

    Parameters
    ----------
    trees, features
        The model; what its trees are given for columns of the table, through a guard that changes each column by
        itself.
    points, y
        Rows by column, and their labels, which are the model's answers too.
    cutoff
        Rows in which the best class is less than this ahead of the second are screened; 0 without a screen.
    rules
        The threat model.
    seed, max_parts, should_stop
        Of the composition; work per row; as in :func:`holdfast.kernels.robustness.tree_problem.search_trees`.
    edges
        Numbers at which the guard jumps, by column; none for a guard that does not.
    work
        What all searches may do together.

    Returns
    -------
    Changed or None
        As from :func:`holdfast.kernels.robustness.tree_problem.search_trees`; None where the trees cannot be written
        as splits on the columns, or the screen as a shift of their scores.
    """
    cells = {name: values.copy() for name, values in points.items()}
    distance, lower, is_done = np.full(y.size, np.inf), np.full(y.size, np.nan), np.ones(y.size, dtype=np.bool_)
    trees = _behind(trees, edges or {})
    # without a screen all labels are searched in the same trees
    for label in np.unique(y).tolist() if cutoff else [0]:
        at = np.flatnonzero(y == label) if cutoff else np.arange(y.size)
        rows = {name: values[at] for name, values in points.items()}
        shifted = screened_trees(trees, label, cutoff=cutoff)
        if shifted is None:
            return None
        rng = np.random.default_rng(seed)
        try:
            problem = tree_problem(shifted, features, points=rows, labels=y[at], rules=rules, rng=rng)
        except NotComposable:
            return None
        flips = search_trees(problem, rows, y[at], max_parts=max_parts, work=work, should_stop=should_stop)
        distance[at], lower[at], is_done[at] = flips.distance, flips.lower, flips.is_done
        for name, values in flips.cells.items():
            cells[name][at] = values
    return Changed(cells, distance, lower, np.zeros(y.size, dtype=np.int64), is_done)


def _behind(trees: RawTrees, edges: Mapping[str, NDArray[np.float64]]) -> RawTrees:
    """Add the jumps of a guard to the turns of the pipeline; what runs one way still does between them."""
    front = trees.front
    if front is None or not edges:
        return trees
    nothing = np.zeros(0)
    jumps = {name: np.union1d(front.turns.get(name, nothing), neighbourhood(own)) for name, own in edges.items()}
    return replace(trees, front=replace(front, turns={**front.turns, **jumps}))


def screened_trees(trees: RawTrees, label: int, *, cutoff: float) -> RawTrees | None:
    """Shift the scores of trees so that they change class just where a wrong answer passes a screen.

    Parameters
    ----------
    trees : RawTrees
    label : int
        The right class of the rows that will be searched.
    cutoff : float
        Rows in which the probability of the best class is less than this above the second are screened.

    Returns
    -------
    RawTrees or None
        None where no shift does that: more than two classes, scores that are no probabilities, or a cut-off of 1.

    Notes
    -----
    Of two classes, the other is ahead by the cut-off c where its probability is (1 + c) / 2, which is 2 artanh(c) in
    log odds.
    """
    if cutoff == 0.0:
        return trees
    if cutoff >= 1.0 or trees.base.size > 2:
        return None
    steps = {"sigmoid": 2 * np.arctanh(cutoff), "softmax": 2 * np.arctanh(cutoff), "centred": cutoff / 2}
    step = {**steps, "probabilities": cutoff}.get(trees.link)
    if step is None:
        return None
    base = trees.base.copy()
    if base.size == 1:
        base[0] += step if label == 1 else -step
    else:
        base[label] += step
    return replace(trees, base=base)
