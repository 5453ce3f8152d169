"""Trees behind a pipeline, as trees over the columns of the user's own table.

Each feature that a split reads must follow one column of the table: then the split is a threshold on that column, a
few of them, or a set of its levels. Which column, and where, is asked of the pipeline itself (``feature_tracing``,
``split_tracing``), so any pipeline will do. What comes out is exact on the grid that was asked about and, for maps that
run one way between neighbouring points of the grid, everywhere in the stated range. A map that turns back between two
points would be missed there: whoever proves something has to know that it does not (``RawTrees.front``), and to put
every turn on the grid. :func:`agreement` compares the rows at hand, and belongs to every use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.ensemble import Ensemble, labels_of
from holdfast.kernels.robustness.feature_tracing import (
    Features,
    NotComposable,
    Pipeline,
    grids_of,
    trace_features,
)
from holdfast.kernels.robustness.interval_splits import nested
from holdfast.kernels.robustness.split_tracing import Splits, TracedSplits, trace_splits
from holdfast.kernels.robustness.user_columns import UserColumn

if TYPE_CHECKING:
    from holdfast.core.subject import Link, RawTrees

GRID = 1024
MOST_GROWTH, SMALL = 16, 100_000


class Composition(NamedTuple):
    """Trees over the user's columns, in the order of ``columns``; rows of them are made by ``user_columns.encoded``.

    ``follows`` holds the column that each feature follows, -1 for one that no split reads or that never moves;
    ``n_asked`` the rows that the pipeline was asked about.
    """

    ensemble: Ensemble
    columns: tuple[str, ...]
    follows: NDArray[np.int32]
    n_asked: int


def compose(
    trees: RawTrees, features: Features, columns: Mapping[str, UserColumn], *, rng: np.random.Generator
) -> Composition:
    """Write trees over features as trees over the user's columns.

    Parameters
    ----------
    trees
        The trees.
    features
        The pipeline: from arrays of shape ``(n,)`` by column (float64 for numbers, objects with ``None`` for missing
        categories) to the features, ``(n, n_features)``.
    columns
        All columns that the pipeline needs.
    rng
        Orders the questions; the result does not depend on it unless a feature deceives some orders and not others.

    Raises
    ------
    NotComposable
        When a feature follows two or more columns, or the result would be many times as large as the trees.

    Notes
    -----
    Cost: a few thousand rows through the pipeline to find the columns, then at most 72 questions with one row for each
    distinct threshold of a column.
    """
    inner = np.flatnonzero(trees.column >= 0)
    splits, of_node = _distinct_splits(trees, inner)
    used, place = np.unique(splits.feature, return_inverse=True)
    follows = np.full(trees.n_columns, -1, dtype=np.int32)
    if not inner.size:
        return Composition(_written(trees, of_node, _no_splits(), len(columns)), tuple(columns), follows, 0)
    pipeline = Pipeline(features, columns, used=used, n_features=trees.n_columns)
    grids = grids_of(pipeline.columns, size=GRID)
    traces = trace_features(pipeline, grids, rng=rng)
    follows[used] = [trace.column for trace in traces]
    traced = trace_splits(splits, place.ravel(), traces, pipeline, grids)
    return Composition(_written(trees, of_node, traced, len(columns)), pipeline.names, follows, pipeline.n_asked)


class Agreement(NamedTuple):
    """How composed scores compare with the model's own answers.

    ``differing`` holds the positions of rows with another label although their scores are no tie; ``largest`` is the
    largest difference of a probability (of a value, relative to the largest one, for a regression), NaN where the
    model gives labels only.
    """

    n_rows: int
    differing: NDArray[np.int64]
    largest: float


def agreement(
    scores: NDArray[np.float64],
    *,
    link: Link,
    labels: NDArray[np.int64] | NDArray[np.float64],
    probabilities: NDArray[np.float64] | None = None,
    tie: float = 1e-5,
) -> Agreement:
    """Compare the scores of a composed ensemble with what the model said about the same rows.

    Parameters
    ----------
    scores
        Scores of the ensemble, ``(n, n_outputs)``.
    link
        How they become answers, as in the trees.
    labels
        The model's labels as positions in score order, ``(n,)``; its values for a regression.
    probabilities
        The model's probabilities, ``(n, n_classes)``.
    tie
        Rows whose two best scores differ by no more than this, times their size where it exceeds one, may be decided
        either way by rounding.
    """
    answers = answers_of(scores, link)
    if link in ("identity", "exp"):
        scale = max(1.0, float(np.abs(labels).max(initial=0.0)))
        gap = np.abs(answers[:, 0] - labels) / scale
        return Agreement(len(scores), np.flatnonzero(gap > tie), float(gap.max(initial=0.0)))
    best = np.sort(scores, axis=1)[:, -2:] if scores.shape[1] > 1 else np.column_stack([-scores[:, 0], scores[:, 0]])
    is_tie = np.abs(best[:, 1] - best[:, 0]) <= tie * np.maximum(1.0, np.abs(best).max(axis=1))
    differing = np.flatnonzero((labels_of(scores) != labels) & ~is_tie)
    if probabilities is None or link in ("sign", "sigmoids"):
        return Agreement(len(scores), differing, np.nan)
    return Agreement(len(scores), differing, float(np.abs(answers - probabilities).max(initial=0.0)))


def answers_of(scores: NDArray[np.float64], link: Link) -> NDArray[np.float64]:
    """Turn scores into probabilities ``(n, n_classes)``, or into values ``(n, 1)`` for a regression."""
    if link == "softmax":
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))
    if link == "exp":
        return np.exp(scores)
    if link in ("identity", "probabilities"):
        return scores
    if link == "centred":
        return np.column_stack([0.5 - scores[:, 0], 0.5 + scores[:, 0]])
    if link == "sign":
        return np.column_stack([scores[:, 0] <= 0, scores[:, 0] > 0]).astype(np.float64)
    positive = 0.5 + 0.5 * np.tanh(scores / 2)
    return positive if link == "sigmoids" else np.column_stack([1 - positive, positive])


def _distinct_splits(trees: RawTrees, inner: NDArray[np.int64]) -> tuple[Splits, NDArray[np.int64]]:
    """Return the distinct splits, and which of them each node makes (0 in a leaf)."""
    keys = (trees.missing_left[inner], trees.threshold[inner], trees.levels[inner], trees.column[inner])
    order = np.lexsort(keys)
    is_new = np.ones(order.size, dtype=bool)
    is_new[1:] = np.logical_or.reduce([key[order][1:] != key[order][:-1] for key in keys])
    first = inner[order[is_new]]
    of_node = np.zeros(trees.column.size, dtype=np.int64)
    of_node[inner[order]] = np.cumsum(is_new) - 1
    splits = Splits(
        trees.column[first].astype(np.int64),
        trees.threshold[first],
        trees.levels[first],
        trees.missing_left[first],
        trees.level_sets,
    )
    return splits, of_node


def _no_splits() -> TracedSplits:
    no, none = np.zeros(1, dtype=bool), np.full(1, -1, dtype=np.int32)
    return TracedSplits(none, np.zeros(1), np.ones(1, dtype=np.int64), no, no, none, np.zeros((0, 1), dtype=bool), no)


def _written(trees: RawTrees, of_node: NDArray[np.int64], traced: TracedSplits, n_columns: int) -> Ensemble:
    """Replace the splits of the nodes, leave out those that decide nothing, and give every node one parent."""
    is_leaf = trees.column < 0
    n_cuts = np.where(is_leaf, 1, traced.n_cuts[of_node])
    start = np.cumsum(traced.n_cuts) - traced.n_cuts
    within = np.arange(n_cuts.sum()) - np.repeat(np.cumsum(n_cuts) - n_cuts, n_cuts)
    chain = nested(
        trees.left,
        trees.right,
        cuts=traced.cuts[np.repeat(start[of_node], n_cuts) + within],
        n_cuts=n_cuts,
        lowest_left=traced.lowest_left[of_node],
        missing_left=traced.missing_left[of_node],
    )
    split = of_node[chain.source]
    leads_on = traced.is_constant[split] & (chain.left >= 0)
    # a split that decides nothing has one cut above everything, so its near child is its left one
    target = _followed(np.where(leads_on, chain.left, np.arange(split.size)))
    left, right = (np.where(child < 0, -1, target[child]) for child in (chain.left, chain.right))
    node, new_left, new_right, roots = _unfolded(left, right, target[chain.start[trees.roots]])
    inside = new_left >= 0
    kept = split[node]
    return Ensemble(
        column=np.where(inside, traced.column[kept], -1).astype(np.int32),
        threshold=np.where(inside, chain.cut[node], 0.0),
        levels=np.where(inside, traced.levels[kept], -1).astype(np.int32),
        missing_left=chain.missing_left[node] & inside,
        left=new_left,
        right=new_right,
        value=np.where(inside[:, None], 0.0, trees.value[chain.source[node]]),
        roots=roots,
        base=trees.base.astype(np.float64),
        level_sets=traced.level_sets,
        n_columns=n_columns,
    )


def _followed(target: NDArray[np.int64]) -> NDArray[np.int64]:
    """Follow pointers to nodes that point at themselves."""
    while True:
        further = target[target]
        if (further == target).all():
            return target
        target = further


def _unfolded(
    left: NDArray[np.int64], right: NDArray[np.int64], roots: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Copy shared nodes so that each has one parent; trees stand one behind the other, children behind parents."""
    limit = SMALL + MOST_GROWTH * left.size
    frontier, tree = roots, np.arange(roots.size)
    levels: list[tuple[NDArray[np.int64], ...]] = []
    total = 0
    while frontier.size:
        inner = left[frontier] >= 0
        n_inner = int(inner.sum())
        behind = total + frontier.size
        if behind + 2 * n_inner > limit:
            raise NotComposable(
                f"the trees grow from {left.size} nodes to more than {limit}: splits follow too many intervals"
            )
        new_left, new_right = np.full((2, frontier.size), -1, dtype=np.int64)
        new_left[inner] = behind + np.arange(n_inner)
        new_right[inner] = behind + n_inner + np.arange(n_inner)
        levels.append((frontier, tree, new_left, new_right))
        total = behind
        frontier = np.concatenate([left[frontier[inner]], right[frontier[inner]]])
        tree = np.concatenate([tree[inner], tree[inner]])
    node, owner, all_left, all_right = (np.concatenate(parts) for parts in zip(*levels, strict=True))
    order = np.argsort(owner, kind="stable")
    new = np.empty(total + 1, dtype=np.int32)
    new[order], new[-1] = np.arange(total), -1
    return node[order], new[all_left[order]], new[all_right[order]], new[: roots.size]
