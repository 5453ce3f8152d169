"""Recover a decision tree whose answers tell its leaves apart, by closing in on each of its splits."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]
Ask = Callable[[Floats], Floats]

# More different answers than this share of the first rows are no sign of one tree.
_MOST_DISTINCT = 0.7
_FIRST_SHARE = 0.75
_FEWEST_FIRST = 50
_BATCHES = 5
_LEAF = -1


class Cut(NamedTuple):
    """A split of a column: values up to a threshold, or one value alone, go left."""

    column: int
    low: float
    """Largest known value that goes left; the only one for a level."""
    high: float
    """Smallest known value that goes right."""
    is_level: bool

    @property
    def threshold(self) -> float:
        """Middle of the gap between known values; the value itself for a level and beside missing cells."""
        return self.low if self.is_level or not np.isfinite(self.low) else 0.5 * (self.low + self.high)

    def goes_left(self, X: Floats) -> NDArray[np.bool_]:
        """Which rows go left."""
        values = X[:, self.column]
        return np.asarray(values == self.low if self.is_level else values <= self.threshold)


class Node(NamedTuple):
    """A node of a recovered tree; its children stand behind it."""

    cut: Cut | None
    """The split, ``None`` in a leaf."""
    left: int
    right: int
    answer: int
    """Position of the answer of a leaf."""
    rows: Positions
    """Positions of the known rows that reach it."""


class TreeCopy(NamedTuple):
    """A tree recovered from answers."""

    nodes: tuple[Node, ...]
    answers: Floats
    """Distinct answers seen, shape ``(n_answers, n_outputs)``."""
    queries: int
    """Rows asked."""
    collisions: int
    """Answers that more than one leaf gives."""
    is_tree: bool
    """Whether few enough answers were distinct for a single tree; if not, the rest of the budget was not spent."""

    def scores(self, X: Floats) -> Floats:
        """Answers for rows of codes, shape ``(n_rows, n_outputs)``."""
        return self.answers[_routed(self.nodes, _ordered(X))[0]]


def recover_tree(
    ask: Ask, pool: Floats, *, is_category: NDArray[np.bool_], queries: int, rng: np.random.Generator
) -> TreeCopy:
    """Find the splits of a tree from the answers of its leaves.

    Parameters
    ----------
    ask : callable
        Maps rows of codes to answers, ``(n_rows, n_outputs)``; each leaf should have its own.
    pool : ndarray of float64, shape (n_pool, n_columns)
        Rows that the attacker may ask, also with cells of other rows; NaN for missing. Splits are found to within
        neighbouring values of the pool.
    is_category : ndarray of bool, shape (n_columns,)
        Which columns hold positions of levels: they are also split one level against the rest.
    queries : int
        Rows that may be asked.
    rng : numpy.random.Generator
        Chooses rows.

    Notes
    -----
    No leaf lies on both sides of a split of the tree. So the split of a node is the one that parts no answer among the
    known rows, and of these the one that tells most about the answers. What remains open is where in the gap between
    the known rows it lies: in each round the row at the edge of a gap is asked with cells from inside it, all open gaps
    in one batch, those first through which most of the pool passes; this is the bisection of path finding, shared by
    all leaves under the split. A leaf of which no row is known cannot be found by it: half
    of each batch are new rows of the pool. The tree is then grown anew from all that is known.

    Path finding as published (Algorithm 1) closes in on each leaf alone, with two searches for each number and one
    question for each level: 50 to 250 questions for a leaf of a usual table, which a budget of a thousand does not pay.

    An answer is taken to be of several leaves where the smallest box around its rows holds rows of another answer; it
    then does not count in the choice of splits. Cost O(rounds * rows * answers * columns) for each level of the tree.

    References
    ----------
    Tramer, F., Zhang, F., Juels, A., Reiter, M. and Ristenpart, T. (2016). Stealing machine learning models via
    prediction APIs. USENIX Security, section 4.2.

    Examples
    --------
    >>> pool = np.random.default_rng(0).random((500, 2))
    >>> copy = recover_tree(
    ...     lambda X: (X[:, :1] > 0.3) + 2.0 * ((X[:, :1] > 0.3) & (X[:, 1:] > 0.6)), pool,
    ...     is_category=np.zeros(2, dtype=bool), queries=100, rng=np.random.default_rng(0),
    ... )
    >>> len(copy.nodes), copy.collisions, copy.scores(np.array([[0.9, 0.9], [0.1, 0.9]])).ravel().tolist()
    (5, 0, [3.0, 0.0])
    """
    pool = _ordered(pool)
    order = rng.permutation(len(pool))
    n_first = min(max(int(_FIRST_SHARE * queries), _FEWEST_FIRST), queries, len(pool))
    X = pool[order[: min(_FEWEST_FIRST, n_first)]]
    answers = ask(_asked(X))
    ids, distinct = _identified(answers)
    if len(distinct) > max(_MOST_DISTINCT * len(X), 2):
        return TreeCopy((_leaf(0, np.arange(len(X))),), distinct, len(X), 0, is_tree=False)
    new, n_batch = pool[order[len(X) : n_first]], max(int((1.0 - _FIRST_SHARE) * queries) // _BATCHES, 10)
    place = len(X) + len(new)
    while True:
        if len(new):
            X, answers = np.concatenate([X, new]), np.concatenate([answers, ask(_asked(new))])
        ids, distinct = _identified(answers)
        is_shared = _shared(X, ids, len(distinct))
        nodes = _grown(X, ids, is_shared, is_category)
        room = min(n_batch, queries - len(X))
        fresh = pool[order[place : place + (room + 1) // 2]]
        new = np.concatenate([_in_gaps(nodes, X, pool, room - len(fresh)), fresh])
        place += len(fresh)
        if len(new) == 0:
            return TreeCopy(nodes, distinct, len(X), int(is_shared.sum()), is_tree=True)


def _ordered(X: Floats) -> Floats:
    """Put missing cells below all numbers, so that every cell has a place."""
    return np.where(np.isnan(X), -np.inf, X)


def _asked(X: Floats) -> Floats:
    return np.where(np.isneginf(X), np.nan, X)


def _identified(answers: Floats) -> tuple[Positions, Floats]:
    distinct, ids = np.unique(answers, axis=0, return_inverse=True)
    return ids.ravel().astype(np.int64), distinct


def _shared(X: Floats, ids: Positions, n: int) -> NDArray[np.bool_]:
    """Which answers have rows of others in the smallest box around theirs."""
    is_shared = np.zeros(n, dtype=np.bool_)
    for answer in range(n):
        own, others = X[ids == answer], X[ids != answer]
        is_inside = (others >= own.min(axis=0)) & (others <= own.max(axis=0))
        is_shared[answer] = bool(is_inside.all(axis=1).any())
    return is_shared


def _leaf(answer: int, rows: Positions) -> Node:
    return Node(None, _LEAF, _LEAF, answer, rows)


def _grown(X: Floats, ids: Positions, is_shared: NDArray[np.bool_], is_category: NDArray[np.bool_]) -> tuple[Node, ...]:
    """Grow a tree whose leaves have one answer each, as far as columns tell the rows apart."""
    nodes: list[Node] = []
    waiting: list[tuple[Positions, int, bool]] = [(np.arange(len(X)), _LEAF, False)]
    while waiting:
        rows, parent, is_right = waiting.pop()
        if parent != _LEAF:
            at, before = len(nodes), nodes[parent]
            nodes[parent] = before._replace(right=at) if is_right else before._replace(left=at)
        cut = _best_cut(X[rows], ids[rows], is_shared, is_category)
        nodes.append(_leaf(int(np.bincount(ids[rows]).argmax()), rows)._replace(cut=cut))
        if cut is not None:
            is_left = cut.goes_left(X[rows])
            waiting += [(rows[~is_left], len(nodes) - 1, True), (rows[is_left], len(nodes) - 1, False)]
    return tuple(nodes)


def _best_cut(X: Floats, ids: Positions, is_shared: NDArray[np.bool_], is_category: NDArray[np.bool_]) -> Cut | None:
    """Choose the cut that parts the answers of single leaves least, then the one that tells most about answers."""
    present, own = np.unique(ids, return_inverse=True)
    if present.size < 2:
        return None
    best: tuple[tuple[float, float], Cut] | None = None
    for column in np.flatnonzero((X[0] != X).any(axis=0)):
        values, place = np.unique(X[:, column], return_inverse=True)
        counts = np.zeros((values.size, present.size))
        np.add.at(counts, (place, own), 1.0)
        ordered = _Scored(counts.cumsum(axis=0)[:-1], counts.sum(axis=0), is_shared[present])
        candidates = [(ordered, False)]
        if is_category[column] and values.size > 2:
            candidates.append((_Scored(counts, counts.sum(axis=0), is_shared[present]), True))
        for scored, is_level in candidates:
            key, k = scored.best()
            if best is None or key < best[0]:
                high = values[k] if is_level else values[k + 1]
                best = key, Cut(int(column), float(values[k]), float(high), is_level)
    return None if best is None else best[1]


class _Scored(NamedTuple):
    """Counts of answers on the left of some cuts, and in all, with which answers count."""

    left: Floats
    total: Floats
    is_shared: NDArray[np.bool_]

    def best(self) -> tuple[tuple[float, float], int]:
        """Least entropy of the side given the answer, as a share of that of the side; then most information."""
        n = self.total.sum()
        side = _entropy(self.left.sum(axis=1) / n)
        given = self.total / n * _entropy(self.left / self.total)
        parted = np.round(given[:, ~self.is_shared].sum(axis=1) / side, 9)
        gain = side - given.sum(axis=1)
        k = int(np.lexsort((-gain, parted))[0])
        return (float(parted[k]), -float(gain[k])), k


def _entropy(p: Floats) -> Floats:
    """Entropy of a share and its complement, in bits."""
    p = np.clip(p, 1e-12, 1.0 - 1e-12)
    return np.asarray(-p * np.log2(p) - (1.0 - p) * np.log2(1.0 - p))


def _routed(nodes: tuple[Node, ...], X: Floats) -> tuple[Positions, list[tuple[Node, Floats]]]:
    """Answers of rows; and, for each split with a gap, the values of the rows that fall into it."""
    answers, gaps = np.zeros(len(X), dtype=np.int64), []
    waiting = [(0, np.arange(len(X)))]
    while waiting:
        at, rows = waiting.pop()
        node = nodes[at]
        if node.cut is None:
            answers[rows] = node.answer
            continue
        values = X[rows, node.cut.column]
        is_open = (values > node.cut.low) & (values < node.cut.high)
        if is_open.any():
            gaps.append((node, values[is_open]))
        is_left = node.cut.goes_left(X[rows])
        waiting += [(node.left, rows[is_left]), (node.right, rows[~is_left])]
    return answers, gaps


def _in_gaps(nodes: tuple[Node, ...], X: Floats, pool: Floats, n: int) -> Floats:
    """Rows spread over the gaps through which most of the pool passes; other cells of the row at the edge."""
    gaps = sorted(_routed(nodes, pool)[1], key=lambda gap: -len(gap[1]))[:n]
    rows: list[Floats] = []
    for node, values in gaps:
        assert node.cut is not None
        column, per_gap = node.cut.column, n // len(gaps)
        edge = X[node.rows[X[node.rows, column] == node.cut.low][0]]
        places = np.arange(1, per_gap + 1) * len(values) // (per_gap + 1)
        rows.extend(np.where(np.arange(edge.size) == column, v, edge) for v in np.unique(np.sort(values)[places]))
    return np.array(rows).reshape(-1, X.shape[1])
