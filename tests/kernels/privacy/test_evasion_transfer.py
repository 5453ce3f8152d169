"""Rows made to fool a copy."""

from __future__ import annotations

import numpy as np

from holdfast.core.deployment import Deployment
from holdfast.kernels.privacy.evasion_transfer import craft_on_copy, may_change
from holdfast.kernels.privacy.input_space import space_of
from holdfast.kernels.robustness.threat import Threat

RNG = np.random.default_rng(0)
CELLS = {
    "pay": RNG.normal(100, 20, 400),
    "age": RNG.integers(18, 80, 400).astype(float),
    "job": RNG.choice(["clerk", "cook", None], 400).astype(object),
}
SPACE = space_of(CELLS, whole=frozenset({"age"}))
X = SPACE.encode(CELLS)


def two(z: np.ndarray) -> np.ndarray:
    p = 1 / (1 + np.exp(-z))
    return np.column_stack([1 - p, p])


def craft(scores, *, fixed=(), distance=0.2, categories=1.0):
    limits = may_change(CELLS, SPACE, Deployment(immutable=fixed))
    return craft_on_copy(
        X[:60], X[60:], scores=scores, space=SPACE, limits=limits, threat=Threat(distance, categories, 200),
        rng=np.random.default_rng(0),
    )  # fmt: skip


def test_rows_near_the_boundary_are_made_to_cross_it() -> None:
    found = craft(lambda Z: two((Z[:, 0] - 100) / 5))
    near = np.abs(X[:60, 0] - 100) < 0.15 * np.subtract(*np.quantile(X[:, 0], [0.75, 0.25]))
    assert near.sum() > 3
    assert found.is_found[near].all()
    assert ((found.X[found.is_found, 0] > 100) != (X[:60][found.is_found, 0] > 100)).all()


def test_what_may_not_change_stays() -> None:
    found = craft(lambda Z: two(Z[:, 2] * 4 - 2 + (Z[:, 1] - 50) / 10), fixed=("job", "pay"))
    assert found.is_found.any()
    assert (found.X[:, [0, 2]] == X[:60, [0, 2]]).all()
    assert (found.X[:, 1] == np.round(found.X[:, 1])).all()


def test_no_cell_is_emptied() -> None:
    found = craft(lambda Z: two(4 * (Z[:, 2] == 1) - 2))
    empty = SPACE.levels["job"].tolist().index(None)
    assert found.is_found.any()
    assert (X[:60, 2][found.X[:, 2] == empty] == empty).all()


def test_a_copy_that_never_changes_its_answer_is_not_fooled() -> None:
    found = craft(lambda Z: np.tile([0.2, 0.8], (len(Z), 1)))
    assert not found.is_found.any()
    np.testing.assert_array_equal(found.X, X[:60])
