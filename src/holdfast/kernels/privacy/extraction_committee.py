"""Recover a model of few distinct answers, such as a tree, by asking where trees that fit them all disagree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.privacy.distillation import Kind

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]
Votes = Callable[[Floats], Positions]
Train = Callable[[Floats, Positions, int], Votes]

# More different answers than this share of the first rows are no sign of one tree.
_MOST_DISTINCT = 0.7
_FIRST = 50
# Each round asks so many rows for each that is known.
_GROWTH = 0.1
_FEWEST_IN_ROUND = 5
_MOST_CONSIDERED = 10_000


class CommitteeCopy(NamedTuple):
    """Trees that agree with all that was answered, and vote."""

    queries: int
    """Rows asked."""
    kind: Kind
    votes: Votes
    """Maps rows to positions of answers, shape ``(n_trees, n_rows)``."""
    answers: Floats
    """Distinct answers, shape ``(n_answers, n_outputs)``."""
    n_classes: int

    def scores(self, X: Floats) -> Floats:
        """Share of votes for each class, shape ``(n_rows, n_classes)``; or the median value, ``(n_rows, 1)``."""
        return _scores(self, self.votes(X))


def recover_by_committee(
    answer: Callable[[Positions], Floats],
    pool: Floats,
    *,
    kind: Kind,
    n_classes: int,
    train: Train,
    marks: Sequence[int],
    rng: np.random.Generator,
) -> list[CommitteeCopy]:
    """Ask the rows of a pool about which trees disagree that fit everything known.

    Parameters
    ----------
    answer : callable
        Maps positions in the pool to answers, ``(n_rows, n_outputs)``.
    pool : ndarray of float64, shape (n_pool, n_columns)
        Rows that the attacker may ask.
    kind : {"labels", "probabilities", "values"}
        What the answers are: positions of labels, probabilities of classes, or values.
    n_classes : int
        Number of classes; 0 for values.
    train : callable
        Given rows, the positions of their distinct answers and a seed, trains trees of different shapes that repeat all
        of them, and returns their votes.
    marks : sequence of int
        Numbers of questions at which a copy is wanted, ascending.
    rng : numpy.random.Generator
        Chooses the first rows, and among equal ones.

    Returns
    -------
    list of CommitteeCopy
        One for each mark that the pool has rows for; none where answers other than labels differ from row to row, so
        that they do not name leaves.

    Notes
    -----
    A distinct answer is what a leaf of the tree is known by (Tramer et al., section 4: the confidence names the leaf);
    leaves that share one only make the trees larger. Trees that were shown the same answers differ where a split is
    not pinned down yet: between the known rows on its two sides, which bisects it, and where a split may be of one
    column or of another. Rows are asked where the votes for a label differ most, one for each pattern of votes, and
    only then where the answers behind it differ. Path finding as published closes in on each leaf alone, 50 to 250
    questions for a leaf of a usual table; here one question serves all leaves behind a split. A leaf that no asked row
    falls into is not found.

    References
    ----------
    Tramer, F., Zhang, F., Juels, A., Reiter, M. and Ristenpart, T. (2016). Stealing machine learning models via
    prediction APIs. USENIX Security, section 4.
    Seung, H. S., Opper, M. and Sompolinsky, H. (1992). Query by committee. COLT.
    """
    marks = sorted({min(mark, len(pool)) for mark in marks})
    order, known = rng.permutation(len(pool)), np.zeros(len(pool), dtype=np.bool_)
    rows = order[: min(_FIRST, marks[0])]
    answers, copies = answer(rows), []
    while True:
        known[rows] = True
        distinct, ids = np.unique(answers, axis=0, return_inverse=True)
        if kind != "labels" and rows.size <= _FIRST and len(distinct) > max(_MOST_DISTINCT * rows.size, 2):
            return []
        votes = train(pool[rows], ids.ravel().astype(np.int64), int(rng.integers(2**31)))
        copy = CommitteeCopy(rows.size, kind, votes, distinct, n_classes)
        if rows.size in marks:
            copies.append(copy)
        if rows.size >= marks[-1]:
            return copies
        n = min(max(int(_GROWTH * rows.size), _FEWEST_IN_ROUND), next(m for m in marks if m > rows.size) - rows.size)
        open_rows = order[~known[order]][:_MOST_CONSIDERED]
        new = open_rows[_disputed(copy, pool[open_rows], n)]
        rows, answers = np.concatenate([rows, new]), np.concatenate([answers, answer(new)])


def _disputed(copy: CommitteeCopy, X: Floats, n: int) -> Positions:
    """Choose the rows whose label, or else answer, is most disputed; one for each pattern of votes first."""
    votes = copy.votes(X)
    if copy.kind == "values":
        dispute = copy.answers[votes, 0].std(axis=0)
    else:
        dispute = 1.0 - _scores(copy, votes).max(axis=1) + 1e-3 * (votes != votes[0]).mean(axis=0)
    order = np.argsort(-dispute, kind="stable")
    weights = np.random.default_rng(0).integers(1, 2**62, len(votes))  # a digest of the pattern
    _, first = np.unique(weights @ votes[:, order], return_index=True)
    is_first = np.zeros(order.size, dtype=np.bool_)
    is_first[first] = True
    is_open = is_first & (dispute[order] > 0)
    return np.concatenate([order[is_open], order[~is_open]])[:n]


def _scores(copy: CommitteeCopy, votes: Positions) -> Floats:
    if copy.kind == "values":
        return np.asarray(np.median(copy.answers[votes, 0], axis=0)[:, None])
    labels = copy.answers.argmax(axis=1) if copy.kind == "probabilities" else copy.answers[:, 0].astype(np.int64)
    shares, rows = np.zeros((votes.shape[1], copy.n_classes)), np.arange(votes.shape[1])
    for vote in votes:
        shares[rows, labels[vote]] += 1.0
    return shares / len(votes)
