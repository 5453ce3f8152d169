"""The compiled loops against a tree grown by the definition; what the trees are good for stands in `test_boosting`."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.drift.boosting_numba import DEPTH, N_BINS, NO_CUT, RIDGE, ask_trees, grow_trees

WIDTH = 2 ** (DEPTH - 1)
LEAST = 5.0


def grown(
    codes: np.ndarray, y: np.ndarray, n_trees: int = 1, may: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    inner = 2**DEPTH - 1
    columns, cuts = np.zeros((n_trees, inner), dtype=np.int32), np.zeros((n_trees, inner), dtype=np.uint8)
    leaves, score, n = np.zeros((n_trees, 2**DEPTH)), np.zeros(y.size), y.size
    room = np.empty((2, n)), np.empty(n, dtype=np.uint8), np.empty((WIDTH, N_BINS, 2)), np.empty(WIDTH)
    looked_at = np.tile(np.arange(len(codes), dtype=np.int32), (n_trees, 1)) if may is None else may
    grow_trees(codes, y, looked_at, 0.5, LEAST, columns, cuts, leaves, score, *room)
    return columns, cuts, leaves, score


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 40, (3, 500)).astype(np.uint8)
    return codes, (rng.random(500) < 0.2 + 0.6 * (codes[1] > 17)).astype(np.uint8)


@pytest.mark.parametrize("seed", range(5))
def test_the_first_split_is_the_best_of_all(seed: int) -> None:
    codes, y = drawn(seed)
    g, h = 0.5 - y, np.full(y.size, 0.25)

    def worth(rows: np.ndarray) -> float:
        return float(g[rows].sum() ** 2 / (h[rows].sum() + RIDGE))

    gains = {}
    for column in range(3):
        for cut in range(40):
            left = codes[column] <= cut
            if min(h[left].sum(), h[~left].sum()) >= LEAST:
                gains[column, cut] = worth(left) + worth(~left)
    columns, cuts, _, _ = grown(codes, y)
    assert (columns[0, 0], cuts[0, 0]) == max(gains, key=gains.__getitem__)


def test_leaves_are_newton_steps_and_asking_walks_to_them() -> None:
    codes, y = drawn(0)
    columns, cuts, leaves, score = grown(codes, y)
    asked = np.zeros((1, y.size))
    ask_trees(codes, np.zeros(1, dtype=np.int32), columns, cuts, leaves, asked)
    assert np.array_equal(asked[0], score)
    for value in np.unique(score):
        rows = score == value
        assert value == pytest.approx(0.5 * (y[rows] - 0.5).sum() / (0.25 * rows.sum() + RIDGE))


def test_a_tree_splits_on_what_it_may_look_at() -> None:
    codes, y = drawn(0)
    columns, cuts, _, _ = grown(codes, y, 2, np.array([[0, 2], [1, 2]], dtype=np.int32))
    assert set(columns[0][cuts[0] < NO_CUT].tolist()) == {0, 2}
    assert columns[1, 0] == 1


def test_only_the_trees_named_are_asked() -> None:
    codes, y = drawn(0)
    columns, cuts, leaves, _ = grown(codes, y, 3)
    values = np.full((3, y.size), np.nan)
    ask_trees(codes, np.array([1], dtype=np.int32), columns, cuts, leaves, values)
    assert np.isnan(values).any(axis=1).tolist() == [True, False, True]


def test_every_tree_lowers_the_loss() -> None:
    codes, y = drawn(1)
    losses = [float(np.logaddexp(0.0, np.where(y, -1, 1) * grown(codes, y, n)[3]).mean()) for n in (1, 2, 5, 20)]
    assert losses == sorted(losses, reverse=True)
