"""Trees as plain arrays: put together from what each framework holds, sent by the child, and checked by its parent."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models import wire
from holdfast.core.errors import ModelError, NotRun
from holdfast.core.subject import Front, Link, ModelInfo, RawTrees
from holdfast.kernels.robustness.interval_splits import nested

if TYPE_CHECKING:
    import polars as pl

LARGEST_TREES = 1 << 30
MOST_OUTPUTS = 1000
MOST_CELLS = 1 << 25
LONGEST_DOUBT = 300
ONE_SCORE = ("sigmoid", "centred", "sign")
ONE_PER_CLASS = ("softmax", "probabilities", "sigmoids")


class Intervals(NamedTuple):
    """Splits that change side more than once: nodes, their cuts one node behind the other, and the lowest side."""

    node: NDArray[np.int64]
    cuts: NDArray[np.float64]
    n_cuts: NDArray[np.int64]
    lowest_left: NDArray[np.bool_]


def assembled(trees: RawTrees, *, intervals: Intervals | None = None) -> RawTrees:
    """Order nodes so that children stand behind their parents, tree after tree, and write out splits on intervals.

    Nodes that no tree reaches are left out.

    Raises
    ------
    NotRun
        When a node is reached twice or a child lies outside: these are no trees.
    """
    order, owner = _reached(trees)
    order = order[np.argsort(owner, kind="stable")]
    new = np.full(trees.column.size + 1, -1, dtype=np.int32)
    new[order] = np.arange(order.size)
    n_cuts = np.ones(trees.column.size, dtype=np.int64)
    lowest_left = np.ones(trees.column.size, dtype=bool)
    if intervals is not None:
        n_cuts[intervals.node] = intervals.n_cuts
        lowest_left[intervals.node] = intervals.lowest_left
    chain = nested(
        new[trees.left[order]],
        new[trees.right[order]],
        cuts=_cuts(trees.threshold, order, n_cuts, intervals),
        n_cuts=n_cuts[order],
        lowest_left=lowest_left[order],
        missing_left=trees.missing_left[order],
    )
    source = order[chain.source]
    return replace(
        trees,
        column=trees.column[source].astype(np.int32),
        threshold=chain.cut,
        levels=trees.levels[source].astype(np.int32),
        missing_left=chain.missing_left,
        left=chain.left,
        right=chain.right,
        value=np.ascontiguousarray(trees.value[source], dtype=np.float64),
        roots=chain.start[new[trees.roots]].astype(np.int32),
    )


def _reached(trees: RawTrees) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the nodes level by level, parents first, and the tree of each."""
    n = trees.column.size
    frontier, tree = trees.roots.astype(np.int64), np.arange(trees.roots.size)
    nodes, owners, total = [], [], 0
    while frontier.size:
        total += frontier.size
        if total > n or frontier.min() < 0 or frontier.max() >= n:
            raise NotRun("the nodes of the model form no trees", hint="export the model again")
        nodes.append(frontier)
        owners.append(tree)
        inner = trees.left[frontier] >= 0
        frontier, tree = frontier[inner], tree[inner]
        frontier = np.concatenate([trees.left[frontier], trees.right[frontier]]).astype(np.int64)
        tree = np.concatenate([tree, tree])
    order = np.concatenate(nodes)
    if np.unique(order).size < order.size:
        raise NotRun("a node of the model is reached twice", hint="export the model again")
    return order, np.concatenate(owners)


def _cuts(
    threshold: NDArray[np.float64], order: NDArray[np.int64], n_cuts: NDArray[np.int64], intervals: Intervals | None
) -> NDArray[np.float64]:
    """Lay out the cuts of nodes in their new order."""
    cuts = np.repeat(threshold[order], n_cuts[order])
    if intervals is not None and intervals.node.size:
        begin = np.zeros(threshold.size, dtype=np.int64)
        begin[order] = np.cumsum(n_cuts[order]) - n_cuts[order]
        is_kept = np.isin(intervals.node, order)
        at = np.repeat(begin[intervals.node], intervals.n_cuts)
        within = np.arange(at.size) - np.repeat(np.cumsum(intervals.n_cuts) - intervals.n_cuts, intervals.n_cuts)
        wanted = np.repeat(is_kept, intervals.n_cuts)
        cuts[(at + within)[wanted]] = intervals.cuts[wanted]
    return cuts


def to_message(trees: RawTrees) -> tuple[dict[str, Any], list[bytes]]:
    """Write trees as a reply of the child."""
    nodes = np.column_stack([trees.column, trees.levels, trees.left, trees.right, trees.missing_left]).astype(np.int32)
    front = trees.front or Front(motion=np.zeros(0, dtype=np.int8))
    turns = np.concatenate([np.zeros(0), *front.turns.values()])
    parts = (nodes, trees.threshold, trees.value, trees.roots, trees.base, trees.level_sets, turns)
    header = {
        "ok": True,
        "link": trees.link,
        "n_columns": trees.n_columns,
        "motion": front.motion.tolist(),
        "turns": {name: int(own.size) for name, own in front.turns.items()},
        "doubt": front.doubt[:LONGEST_DOUBT],
    }
    return header, [wire.encode_array(part) for part in parts]


def from_message(header: Mapping[str, Any], parts: Sequence[bytes]) -> RawTrees:
    """Read trees that a child sent, which may be hostile.

    Raises
    ------
    ModelError
        When they are no trees: see :func:`checked`.
    """
    try:
        arrays = [wire.decode_array(part) for part in parts]
    except wire.WireError as error:
        raise ModelError(f"the model's process sent unreadable trees: {error}") from None
    kinds = [(array.dtype.str.lstrip("<|"), array.ndim) for array in arrays]
    expected = [("i4", 2), ("f8", 1), ("f8", 2), ("i4", 1), ("f8", 1), ("b1", 2), ("f8", 1)]
    if kinds != expected or arrays[0].shape[1] != 5:
        raise ModelError(f"the model's process sent {str(kinds)[:200]}, expected the seven arrays of trees")
    nodes, threshold, value, roots, base, level_sets, turns = arrays
    column, levels, left, right, missing_left = (np.ascontiguousarray(part) for part in nodes.astype(np.int32).T)
    link, n_columns = header.get("link"), header.get("n_columns")
    if not isinstance(link, str) or link not in get_args(Link) or type(n_columns) is not int:
        raise ModelError(
            f"the model's process sent trees with the link {str(link)[:80]} and {str(n_columns)[:80]} columns"
        )
    return checked(
        RawTrees(
            column=column,
            threshold=threshold.astype(np.float64),
            levels=levels,
            missing_left=missing_left != 0,
            left=left,
            right=right,
            value=value.astype(np.float64),
            roots=roots.astype(np.int32),
            base=base.astype(np.float64),
            level_sets=level_sets.astype(np.bool_),
            n_columns=n_columns,
            link=link,  # type: ignore[arg-type]  # one of its values, as was just seen
            front=_front(header, turns.astype(np.float64), n_columns),
        )
    )


def _front(header: Mapping[str, Any], turns: NDArray[np.float64], n_columns: int) -> Front | None:
    """Read what is known of the pipeline; nothing where it does not fit the trees."""
    motion, sizes, doubt = (header.get(name) for name in ("motion", "turns", "doubt"))
    if not isinstance(motion, list) or not isinstance(sizes, dict) or not isinstance(doubt, str):
        return None
    ends = [0]
    for size in sizes.values():
        if type(size) is not int or size < 0:
            return None
        ends.append(ends[-1] + size)
    is_sound = len(motion) == n_columns and set(map(type, motion)) <= {int} and {*motion} <= {0, 1, 2, 3}
    if not is_sound or ends[-1] != turns.size or not np.isfinite(turns).all():
        return None
    parts = (turns[start:end] for start, end in itertools.pairwise(ends))
    known = np.array(motion, dtype=np.int8)
    return Front(motion=known, turns=dict(zip(map(str, sizes), parts, strict=True)), doubt=doubt[:LONGEST_DOUBT])


def checked(trees: RawTrees) -> RawTrees:
    """Refuse arrays that are no trees: whatever follows indexes by them without looking.

    Raises
    ------
    ModelError
        When lengths disagree, an index is out of bounds, a child stands before its parent (so that a path could be
        endless), or a number is not finite.
    """
    n, n_outputs = trees.column.size, trees.base.size
    inner = np.flatnonzero(trees.column >= 0)
    on_levels = trees.levels[inner] >= 0
    children = np.stack([trees.left, trees.right])
    leaves = np.delete(children, inner, axis=1)
    sound = {
        "lengths": all(part.shape == (n,) for part in (trees.threshold, trees.levels, trees.left, trees.right))
        and trees.value.shape == (n, n_outputs)
        and 1 <= n_outputs <= MOST_OUTPUTS,
        "roots": trees.roots.size > 0 and trees.roots.min() >= 0 and trees.roots.max() < n,
        "columns": trees.n_columns >= 1
        and trees.column.min(initial=-1) >= -1
        and trees.column.max(initial=-1) < trees.n_columns,
        "children": bool((children[:, inner] > inner).all()) and children.max(initial=-1) < n and (leaves == -1).all(),
        "level sets": trees.levels.max(initial=-1) < len(trees.level_sets)
        and (not on_levels.any() or trees.level_sets.shape[1] > 0),
        "thresholds": not np.isnan(trees.threshold[inner][~on_levels]).any(),
        "values": bool(np.isfinite(trees.value).all() and np.isfinite(trees.base).all()),
        "link": (n_outputs == 1) if trees.link in ONE_SCORE else trees.link not in ONE_PER_CLASS or n_outputs > 1,
    }
    wrong = [name for name, is_sound in sound.items() if not is_sound]
    if wrong:
        raise ModelError(f"the model's trees cannot be used: their {', '.join(wrong)} are out of bounds")
    return trees


def require(info: ModelInfo) -> None:
    """Refuse a model that has no trees to read.

    Raises
    ------
    NotRun
        Naming the kind of model.
    """
    if "trees" not in info.capabilities:
        raise no_trees(f"this {info.format} model is no ensemble of decision trees of a kind that is known")


def in_batches(
    ask: Callable[[pl.DataFrame], NDArray[np.generic]], X: pl.DataFrame, trees: RawTrees, *, rows: int
) -> NDArray[np.float64]:
    """Compute features in batches of at most ``rows`` rows, fewer where there are many, and check each."""
    step = max(1, min(rows, MOST_CELLS // trees.n_columns))
    starts = range(0, X.height, step)
    batches = [X.slice(start, step) for start in starts]
    parts = [checked_features(ask(part), n_rows=part.height, n_columns=trees.n_columns) for part in batches]
    return np.concatenate(parts) if parts else np.zeros((0, trees.n_columns))


def checked_features(found: NDArray[Any], *, n_rows: int, n_columns: int) -> NDArray[np.float64]:
    """Refuse features of another shape or kind than the trees take; infinities and NaN are theirs to take.

    Raises
    ------
    ModelError
        Saying what came.
    """
    if found.shape != (n_rows, n_columns) or found.dtype.kind not in "fiub":
        raise ModelError(
            f"expected features of shape ({n_rows}, {n_columns}) from the model's pipeline, "
            f"got {found.dtype} of shape {found.shape}"
        )
    return found.astype(np.float64)


def no_trees(reason: str) -> NotRun:
    """Build the refusal of trees of a kind that is not read."""
    return NotRun(
        f"the model's trees cannot be read: {reason}", hint="the attack that only asks for answers needs no trees"
    )
