"""Search a tree model behind a guard: one that changes its inputs, or one that sends unclear answers to people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.feature_tracing import NotComposable
from holdfast.kernels.robustness.limits import Rules
from holdfast.kernels.robustness.tree_problem import Changed, TreeProblem, Work, search_trees, tree_problem
from holdfast.kernels.robustness.turning_points import neighbourhood

if TYPE_CHECKING:
    from holdfast.core.subject import Link, RawTrees

Cells = Mapping[str, NDArray[Any]]


def guarded_problem(
    trees: RawTrees,
    features: Callable[[Cells], NDArray[np.float64]],
    *,
    points: Cells,
    labels: NDArray[np.int64],
    rules: Rules,
    seed: int,
    edges: Mapping[str, NDArray[np.float64]] | None = None,
) -> TreeProblem | None:
    """Write trees behind a guard that changes each column by itself as trees over the columns.

    Parameters
    ----------
    trees, features
        The model; what its trees are given for columns of the table, through the guard.
    points, labels
        Rows by column, and what the guarded model answers them.
    rules
        The threat model.
    seed
        Of the composition.
    edges
        Numbers at which the guard jumps, by column; none for a guard that does not.

    Returns
    -------
    TreeProblem or None
        None where the trees cannot be written as splits on the columns.
    """
    rng = np.random.default_rng(seed)
    try:
        return tree_problem(_behind(trees, edges or {}), features, points=points, labels=labels, rules=rules, rng=rng)
    except NotComposable:
        return None


def search_guarded(
    problem: TreeProblem,
    points: Cells,
    y: NDArray[np.int64],
    *,
    link: Link,
    cutoff: float,
    max_parts: int,
    work: Work | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Changed | None:
    """Search the closest flip of every row that a screen lets pass.

    Parameters
    ----------
    problem
        From :func:`guarded_problem`.
    points, y
        Rows by column, some of those that the problem was written for, and the labels to flip from.
    link
        How the scores of the trees become probabilities.
    cutoff
        Rows in which the best class is less than this ahead of the second are screened; 0 without a screen.
    max_parts, work, should_stop
        As in :func:`holdfast.kernels.robustness.tree_problem.search_trees`.

    Returns
    -------
    Changed or None
        As from :func:`holdfast.kernels.robustness.tree_problem.search_trees`; None where the screen cannot be written
        as a shift of the scores.
    """
    cells = {name: values.copy() for name, values in points.items()}
    distance, lower, is_done = np.full(y.size, np.inf), np.full(y.size, np.nan), np.ones(y.size, dtype=np.bool_)
    # without a screen all labels are searched in the same trees
    for label in np.unique(y).tolist() if cutoff else [0]:
        at = np.flatnonzero(y == label) if cutoff else np.arange(y.size)
        rows = {name: values[at] for name, values in points.items()}
        shifted = screened(problem, label, link=link, cutoff=cutoff)
        if shifted is None:
            return None
        flips = search_trees(shifted, rows, y[at], max_parts=max_parts, work=work, should_stop=should_stop)
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


def screened(problem: TreeProblem, label: int, *, link: Link, cutoff: float) -> TreeProblem | None:
    """Shift the scores of trees so that they change class just where a wrong answer passes a screen.

    Parameters
    ----------
    problem : TreeProblem
    label : int
        The right class of the rows that will be searched.
    link
        How the scores become probabilities.
    cutoff : float
        Rows in which the probability of the best class is less than this above the second are screened.

    Returns
    -------
    TreeProblem or None
        None where no shift does that: more than two classes, scores that are no probabilities, or a cut-off of 1.

    Notes
    -----
    Of two classes, the other is ahead by the cut-off c where its probability is (1 + c) / 2, which is 2 artanh(c) in
    log odds.
    """
    if cutoff == 0.0:
        return problem
    n_classes = problem.forest.base.size
    if cutoff >= 1.0 or n_classes > 2:
        return None
    steps = {"sigmoid": 2 * np.arctanh(cutoff), "softmax": 2 * np.arctanh(cutoff), "centred": cutoff / 2}
    step = {**steps, "probabilities": cutoff}.get(link)
    return None if step is None else problem.shifted(np.where(np.arange(n_classes) == label, step, 0.0))
