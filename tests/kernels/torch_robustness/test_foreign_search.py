"""Attacks of others are shown what may change, and what they return is held to the threat."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.core.network import RawNetwork, Step
from holdfast.kernels.robustness.constraints import Budget, NumericLimits
from holdfast.kernels.robustness.limits import Rules, is_allowed

torch = pytest.importorskip("torch", reason="needs the extra torch")

from holdfast.kernels.torch_robustness.foreign_search import foreign_problem  # noqa: E402  (needs torch)

NAMES = ("a", "b", "c")
WEIGHTS = np.array([[1.0, -1.0], [0.5, 0.0], [0.0, 2.0]], dtype=np.float32)
SCALE = np.array([2.0, 10.0, 1.0])


def linear() -> RawNetwork:
    step = Step(op="Gemm", inputs=("input", "w"), output="y")
    return RawNetwork(steps=(step,), constants={"w": WEIGHTS}, input_shape=(3,), output="y", link="logits")


def rows(n: int = 60) -> NDArray[np.float64]:
    return np.random.default_rng(0).normal(size=(n, 3)) * SCALE


def answers(X: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray((X @ WEIGHTS).argmax(axis=1))


def cells(X: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    return {name: X[:, place] for place, name in enumerate(NAMES)}


def one_step(forward: Any, X: Any, y: Any, *, low: float, high: float, eps: float, norm: str, seed: int) -> Any:
    """The best move on a linear network; ``shapes`` and ``ranges`` tell what was seen."""
    units = torch.from_numpy(X).requires_grad_()
    torch.nn.functional.cross_entropy(forward(units), torch.from_numpy(y), reduction="sum").backward()
    slope = units.grad
    move = slope.sign() if norm == "linf" else slope / slope.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return (units.detach() + eps * move).clamp(low, high).numpy()


def too_far(forward: Any, X: Any, y: Any, *, eps: float, **how: Any) -> Any:
    return one_step(forward, X, y, eps=3 * eps, **how)


def limits(**more: NumericLimits) -> dict[str, NumericLimits]:
    plain = {name: NumericLimits(scale, -99.0, 99.0, False) for name, scale in zip(NAMES, SCALE, strict=True)}
    return plain | more


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_an_attack_flips_exactly_what_can_be_flipped(norm: Literal["linf", "l2"]) -> None:
    X, distance = rows(), 0.3
    rules = Rules(limits(), Budget(distance, 0, norm))
    problem = foreign_problem(linear(), NAMES, rules, one_step, seed=0)
    found = problem.search(cells(X), answers(X), np.arange(len(X)))
    across = (WEIGHTS[:, 0] - WEIGHTS[:, 1]) * SCALE
    needed = np.abs(X @ (WEIGHTS[:, 0] - WEIGHTS[:, 1])) / np.linalg.norm(across, 1 if norm == "linf" else 2)
    is_clear = np.abs(needed - distance) > 1e-4
    flipped = np.isfinite(found.distance)
    assert 5 < flipped.sum() < 55
    np.testing.assert_array_equal(flipped[is_clear], (needed < distance)[is_clear])
    assert (answers(np.column_stack([found.cells[name] for name in NAMES])) != answers(X))[flipped].all()
    assert is_allowed(cells(X), found.cells, rules).all()
    assert problem.seen["outside"] == 0
    assert (found.queries == 1).all()


def test_moves_beyond_the_distance_are_counted_and_are_no_finds() -> None:
    X = rows()
    problem = foreign_problem(linear(), NAMES, Rules(limits(), Budget(0.1, 0)), too_far, seed=0)
    found = problem.search(cells(X), answers(X), np.arange(len(X)))
    assert not np.isfinite(found.distance).any()
    assert problem.seen["outside"] > 5


def test_cells_that_may_not_move_are_no_inputs_and_whole_numbers_stay_whole() -> None:
    X, shown = np.rint(rows()), list[tuple[int, ...]]()

    def watching(forward: Any, X: Any, y: Any, **how: Any) -> Any:
        shown.append(X.shape)
        return one_step(forward, X, y, **how)

    some = {
        "a": NumericLimits(2.0, -99.0, 99.0, True),
        "c": NumericLimits(1.0, -99.0, 99.0, False, direction=1),
    }
    rules = Rules(some, Budget(1.5, 0))
    found = foreign_problem(linear(), NAMES, rules, watching, seed=0).search(cells(X), answers(X), np.arange(len(X)))
    assert shown == [(1, 2)] * len(X)
    assert 3 < np.isfinite(found.distance).sum() < len(X)
    assert is_allowed(cells(X), found.cells, rules).all()
    np.testing.assert_array_equal(found.cells["a"], np.rint(found.cells["a"]))
    np.testing.assert_array_equal(found.cells["b"], X[:, 1])
    assert (found.cells["c"] >= X[:, 2]).all()


def test_rows_of_one_range_are_attacked_together_in_the_shape_of_the_network() -> None:
    shown = list[tuple[int, ...]]()

    def watching(forward: Any, X: Any, y: Any, **how: Any) -> Any:
        shown.append(X.shape)
        assert forward(torch.from_numpy(X)).shape == (len(X), 2)
        return X

    step = Step(op="Flatten", inputs=("input",), output="f")
    last = Step(op="Gemm", inputs=("f", "w"), output="y")
    weights = np.random.default_rng(1).normal(size=(4, 1)).astype(np.float32)
    network = RawNetwork(
        steps=(step, last), constants={"w": weights}, input_shape=(1, 2, 2), output="y", link="sigmoid"
    )
    names = ("a", "b", "c", "d")
    X = np.random.default_rng(0).integers(0, 256, (40, 4)).astype(float)
    X[:2] = [[0] * 4, [255] * 4]
    pixels = {name: NumericLimits(255.0, 0.0, 255.0, True) for name in names}
    problem = foreign_problem(network, names, Rules(pixels, Budget(8 / 255, 0)), watching, seed=0)
    y = (X / 255 @ weights[:, 0] > 0).astype(np.int64)
    found = problem.search({name: X[:, k] for k, name in enumerate(names)}, y, np.arange(len(X)))
    assert shown == [(40, 1, 2, 2)]
    assert not np.isfinite(found.distance).any()


def test_nan_and_no_rows_are_no_finds() -> None:
    X = rows()
    problem = foreign_problem(
        linear(), NAMES, Rules(limits(), Budget(0.3, 0)), lambda forward, X, y, **how: X * np.nan, seed=0
    )
    assert not np.isfinite(problem.search(cells(X), answers(X), np.arange(len(X))).distance).any()
    assert problem.search(cells(X[:0]), answers(X[:0]), np.arange(0)).distance.size == 0
