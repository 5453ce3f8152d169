"""The trees of an ONNX graph with one tree operator, and the graph in front of it as the pipeline.

References
----------
ONNX ``ai.onnx.ml`` operators, versions 1 to 5; onnxruntime, ``core/providers/cpu/ml/tree_ensemble_aggregator.h``, for
what the standard leaves open: a classifier of two classes whose leaves speak of one class only compares the score with
0.5 where no leaf is negative, and with 0 otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models import front_onnx
from holdfast.adapters.models.onnx_graph import PASSING
from holdfast.adapters.models.onnx_trees import TreeNode, with_outputs
from holdfast.adapters.models.tree_arrays import Intervals, assembled, no_trees
from holdfast.core.errors import ModelError
from holdfast.core.subject import Link, RawTrees

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER", "LEAF")
LEQ, LT, GTE, GT, EQ, NEQ, MEMBER, LEAF = range(8)
TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")
PICKING = (
    "Concat",
    "Sub",
    "ArgMax",
    "ZipMap",
    "ArrayFeatureExtractor",
    "Greater",
    "Gather",
    "LabelEncoder",
    "Where",
    "Not",
)


class OnnxTrees:
    """The trees of one model, and a second session that stops where they begin."""

    def __init__(self, node: TreeNode, data: bytes, open_session: Callable[[bytes], Any]) -> None:
        self._node = node
        self._data = data
        self._open_session = open_session
        self._session: Any = None

    def read(self) -> RawTrees:
        """Read the trees.

        Raises
        ------
        NotRun
            For aggregates other than sums and averages, and answers made from the scores in ways that are not known.
        """
        nodes = _read_ensemble(self._node) if self._node.operator == "TreeEnsemble" else _read_lists(self._node)
        trees = _written(nodes, *_meaning(self._node, nodes))
        front = front_onnx.read_front(self._data, self._node.source, n_features=trees.n_columns)
        return replace(trees, front=front)

    def features(self, feed: dict[str, Any]) -> NDArray[np.float64]:
        """Run the graph up to the trees."""
        width = int(self._node.integers("nodes_featureids").max(initial=0)) + 1
        if self._node.source in feed:
            return np.asarray(feed[self._node.source][:, :width], dtype=np.float64)
        if self._session is None:
            self._session = self._open_session(with_outputs(self._data, [self._node.source]))
        try:
            found = self._session.run([self._node.source], feed)[0]
        except Exception as error:  # onnxruntime raises a class of its own for each status code
            raise ModelError(f"the ONNX model failed on its inputs: {' '.join(str(error).split())[:600]}") from None
        return np.asarray(found[:, :width], dtype=np.float64)


class _Nodes(NamedTuple):
    """Nodes of all trees, with the children where a comparison holds and where it does not; -1 in a leaf."""

    mode: NDArray[np.int64]
    column: NDArray[np.int64]
    number: NDArray[np.float64]
    yes: NDArray[np.int64]
    no: NDArray[np.int64]
    missing_yes: NDArray[np.bool_]
    value: NDArray[np.float64]
    roots: NDArray[np.int64]
    members: list[NDArray[np.float64]]
    speaks_of: tuple[int, ...]


def _read_lists(node: TreeNode) -> _Nodes:
    """Read the operators of versions 1 to 3: nodes, and weights of leaves, are named by tree and number."""
    kind = "class" if node.operator == "TreeEnsembleClassifier" else "target"
    tree, number = node.integers("nodes_treeids"), node.integers("nodes_nodeids")
    names = {name: position for position, name in enumerate(MODES)}
    mode = np.array([names.get(word, -1) for word in node.strings("nodes_modes")], dtype=np.int64)
    if (mode < 0).any() or not tree.size or not tree.size == number.size == mode.size:
        raise no_trees("its nodes are written in a form that is not known")
    is_leaf = mode == LEAF
    find = _Finder(tree, number)
    yes, no = (
        np.where(is_leaf, -1, find(tree, np.where(is_leaf, number, node.integers(f"nodes_{side}nodeids"))))
        for side in ("true", "false")
    )
    is_child = np.zeros(tree.size, dtype=bool)
    is_child[yes[~is_leaf]] = is_child[no[~is_leaf]] = True
    ids = node.integers(f"{kind}_ids")
    n_outputs = _n_classes(node) if kind == "class" else node.integer("n_targets", 1)
    if ids.size and not 0 <= ids.min() <= ids.max() < n_outputs:
        raise no_trees("its leaves speak of outputs that do not exist")
    value = np.zeros((tree.size, n_outputs))
    at = find(node.integers(f"{kind}_treeids"), node.integers(f"{kind}_nodeids"))
    np.add.at(value, (at, ids), node.floats(f"{kind}_weights"))
    tracks = node.integers("nodes_missing_value_tracks_true")
    return _Nodes(
        mode,
        node.integers("nodes_featureids"),
        node.floats("nodes_values"),
        yes,
        no,
        tracks.astype(bool) if tracks.size else np.zeros(tree.size, dtype=bool),
        value,
        np.flatnonzero(~is_child),
        [],
        tuple(np.unique(ids).tolist()),
    )


class _Finder:
    """Positions of nodes by tree and number."""

    def __init__(self, tree: NDArray[np.int64], number: NDArray[np.int64]) -> None:
        self._trees, self._span = np.unique(tree), int(number.max()) + 1
        keys = self._key(tree, number)
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def __call__(self, tree: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.int64]:
        key = self._key(tree, number)
        place = np.minimum(np.searchsorted(self._keys, key), self._keys.size - 1)
        if (self._keys[place] != key).any():
            raise no_trees("a node is named that does not exist")
        return self._order[place]

    def _key(self, tree: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.int64]:
        if tree.shape != number.shape or (number < 0).any() or not np.isin(tree, self._trees).all():
            raise no_trees("a node is named that does not exist")
        return np.searchsorted(self._trees, tree) * self._span + np.minimum(number, self._span - 1)


def _n_classes(node: TreeNode) -> int:
    return len(node.strings("classlabels_strings")) or node.integers("classlabels_int64s").size


def _read_ensemble(node: TreeNode) -> _Nodes:
    """Read the operator of version 5: leaves stand in lists of their own."""
    mode = node.tensor("nodes_modes").astype(np.int64)
    n, n_outputs = mode.size, node.integer("n_targets", 1)
    targets, weights = node.integers("leaf_targetids"), node.tensor("leaf_weights")
    sides: list[NDArray[np.int64]] = []
    leaves: list[NDArray[np.int64]] = []
    for side in ("true", "false"):
        child, is_leaf = node.integers(f"nodes_{side}nodeids"), node.integers(f"nodes_{side}leafs").astype(bool)
        sides.append(np.where(is_leaf, n + sum(part.size for part in leaves) + np.cumsum(is_leaf) - 1, child))
        leaves.append(child[is_leaf])
    leaf = np.concatenate(leaves)
    if (leaf.size and not 0 <= leaf.min() <= leaf.max() < targets.size) or targets.max(initial=0) >= n_outputs:
        raise no_trees("its leaves speak of outputs that do not exist")
    none = np.full(leaf.size, -1)
    value = np.zeros((n + leaf.size, n_outputs))
    value[np.arange(n, n + leaf.size), targets[leaf]] = weights[leaf]
    tracks = node.integers("nodes_missing_value_tracks_true")
    no_leaf = np.zeros(leaf.size, dtype=bool)
    return _Nodes(
        np.concatenate([mode, np.full(leaf.size, LEAF)]),
        np.concatenate([node.integers("nodes_featureids"), none]),
        np.concatenate([node.tensor("nodes_splits"), none]),
        np.concatenate([sides[0], none]),
        np.concatenate([sides[1], none]),
        np.concatenate([tracks.astype(bool) if tracks.size else np.zeros(n, dtype=bool), no_leaf]),
        value,
        node.integers("tree_roots"),
        _members(node.tensor("membership_values")),
        tuple(np.unique(targets).tolist()),
    )


def _members(numbers: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Take lists apart that NaN ends."""
    ends = np.flatnonzero(np.isnan(numbers))
    parts = np.split(numbers, ends)
    return [np.unique(part[~np.isnan(part)]) for part in parts if part.size and not np.isnan(part).all()]


def _meaning(node: TreeNode, nodes: _Nodes) -> tuple[NDArray[np.float64], NDArray[np.float64], Link]:
    """Return base, leaf values and link of what the scores stand for."""
    aggregate, transform = _settings(node)
    base = node.floats("base_values")
    n_outputs = nodes.value.shape[1]
    value = nodes.value / (nodes.roots.size if aggregate == "AVERAGE" else 1)
    if base.size not in (0, 1, n_outputs) or transform in ("SOFTMAX_ZERO", "PROBIT"):
        raise no_trees(f"scores with the transformation {transform} and {base.size} base values are not known")
    if node.operator == "TreeEnsembleClassifier" and n_outputs == 2:
        return _one_score(nodes, base, value, transform)
    default: Link | None = "probabilities" if node.operator == "TreeEnsembleClassifier" else None
    if n_outputs == 1 and not (node.after - set(PASSING)):
        default = "identity"
    return (
        np.resize(base, n_outputs) if base.size else np.zeros(n_outputs),
        value,
        _link(node, transform, n_outputs, default),
    )


def _one_score(
    nodes: _Nodes, base: NDArray[np.float64], value: NDArray[np.float64], transform: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], Link]:
    """Read a classifier of two classes: the label hangs on whether any leaf is negative, the probability does not."""
    if nodes.speaks_of != (0,) or base.size == 2:
        raise no_trees("its leaves give two scores for two classes")
    margin = np.resize(base, 1) if base.size else np.zeros(1)
    is_odds = transform == "LOGISTIC"
    if (nodes.value >= 0).all():
        return margin - 0.5, value[:, :1], "sign" if is_odds else "centred"
    return margin, value[:, :1], "sigmoid" if is_odds else "sign"


def _settings(node: TreeNode) -> tuple[str, str]:
    if node.operator == "TreeEnsemble":
        chosen = node.integer("aggregate_function", 1), node.integer("post_transform", 0)
        if not (chosen[0] in range(len(AGGREGATES)) and chosen[1] in range(len(TRANSFORMS))):
            raise no_trees("its settings are not known")
        aggregate, transform = AGGREGATES[chosen[0]], TRANSFORMS[chosen[1]]
    else:
        aggregate, transform = node.word("aggregate_function", "SUM"), node.word("post_transform", "NONE")
    if aggregate not in ("SUM", "AVERAGE"):
        raise no_trees(f"they are joined by {aggregate}, not by a sum")
    return aggregate, transform


def _link(node: TreeNode, transform: str, n_outputs: int, default: Link | None) -> Link:
    """Say how scores become answers, from the operator's own transformation and from what follows it."""
    is_softmax = transform == "SOFTMAX" or "Softmax" in node.after
    if transform == "LOGISTIC" or "Sigmoid" in node.after:
        return "sigmoid" if n_outputs == 1 else "sigmoids"
    if is_softmax and n_outputs > 1:
        return "softmax"
    if default is None or is_softmax:
        others = ", ".join(sorted(node.after - set(PASSING) - set(PICKING))) or "no known one"
        raise no_trees(f"between its trees and its answer stand operators that are not known: {others}")
    return default


def _written(nodes: _Nodes, base: NDArray[np.float64], value: NDArray[np.float64], link: Link) -> RawTrees:
    """Turn comparisons into ``<=``: ``<`` by the number before, the opposite ones by exchanged children."""
    is_leaf = nodes.mode == LEAF
    swapped = np.isin(nodes.mode, (GTE, GT))
    number = np.where(np.isin(nodes.mode, (LT, GTE)), np.nextafter(nodes.number, -np.inf), nodes.number)
    missing_yes = nodes.missing_yes | (nodes.mode == NEQ)
    trees = RawTrees(
        column=np.where(is_leaf, -1, nodes.column).astype(np.int32),
        threshold=np.where(is_leaf, 0.0, number),
        levels=np.full(is_leaf.size, -1, dtype=np.int32),
        missing_left=(missing_yes ^ swapped) & ~is_leaf,
        left=np.where(swapped, nodes.no, nodes.yes).astype(np.int32),
        right=np.where(swapped, nodes.yes, nodes.no).astype(np.int32),
        value=np.where(is_leaf[:, None], value, 0.0),
        roots=nodes.roots.astype(np.int32),
        base=base,
        level_sets=np.zeros((0, 1), dtype=bool),
        n_columns=int(nodes.column.max()) + 1,
        link=link,
    )
    return assembled(trees, intervals=_points(nodes))


def _points(nodes: _Nodes) -> Intervals:
    """Write comparisons with single numbers as intervals that hold one number each."""
    chosen = np.flatnonzero(np.isin(nodes.mode, (EQ, NEQ, MEMBER)))
    if (nodes.mode == MEMBER).sum() != len(nodes.members):
        raise no_trees("its sets of members are not complete")
    members = iter(nodes.members)
    sets = [next(members) if nodes.mode[node] == MEMBER else nodes.number[[node]] for node in chosen]
    cuts = [np.stack([np.nextafter(points, -np.inf), points], axis=1).ravel() for points in sets]
    return Intervals(
        chosen,
        np.concatenate(cuts) if cuts else np.zeros(0),
        np.array([part.size for part in cuts], dtype=np.int64),
        nodes.mode[chosen] == NEQ,
    )
