"""The attack along slopes in the units of a table: exact on a linear network, within the rules on any."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.core.network import RawNetwork, Step
from holdfast.kernels.robustness.constraints import Budget, NumericLimits
from holdfast.kernels.robustness.limits import Rules, is_allowed

torch = pytest.importorskip("torch", reason="needs the extra torch")

from holdfast.kernels.torch_robustness.network_search import network_problem  # noqa: E402  (needs torch)

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


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_a_linear_network_is_flipped_exactly_where_it_can_be(norm: Literal["linf", "l2", "l1"]) -> None:
    X, distance = rows(), 0.3
    limits = {name: NumericLimits(scale, -99.0, 99.0, False) for name, scale in zip(NAMES, SCALE, strict=True)}
    rules = Rules(limits, Budget(distance, 0, norm))
    cells = {name: X[:, place] for place, name in enumerate(NAMES)}
    problem = network_problem(linear(), cells, answers(X), rules, seed=0)
    assert not problem.doubts
    found = problem.search(cells, answers(X), np.arange(len(X)))
    across = (WEIGHTS[:, 0] - WEIGHTS[:, 1]) * SCALE
    dual = {"linf": np.abs(across).sum(), "l2": np.linalg.norm(across), "l1": np.abs(across).max()}[norm]
    needed = np.abs(X @ (WEIGHTS[:, 0] - WEIGHTS[:, 1])) / dual
    is_clear = np.abs(needed - distance) > 1e-4
    assert 5 < (needed < distance).sum() < 55
    np.testing.assert_array_equal(np.isfinite(found.distance)[is_clear], (needed < distance)[is_clear])
    flipped = np.isfinite(found.distance)
    after = np.column_stack([found.cells[name] for name in NAMES])
    assert (answers(after) != answers(X))[flipped].all()
    assert (found.distance[flipped] >= needed[flipped] * (1 - 1e-6)).all()
    assert is_allowed(cells, found.cells, rules).all()
    assert (found.queries > 0).all()


def test_columns_that_may_not_change_stay_and_whole_numbers_stay_whole() -> None:
    X = np.rint(rows())
    limits = {"a": NumericLimits(2.0, -99.0, 99.0, True), "c": NumericLimits(1.0, -99.0, 99.0, False, direction=1)}
    rules = Rules(limits, Budget(1.5, 0))
    cells = {name: X[:, place] for place, name in enumerate(NAMES)}
    problem = network_problem(linear(), cells, answers(X), rules, seed=0)
    found = problem.search(cells, answers(X), np.arange(len(X)))
    assert 3 < np.isfinite(found.distance).sum() < len(X)
    assert is_allowed(cells, found.cells, rules).all()
    np.testing.assert_array_equal(found.cells["a"], np.rint(found.cells["a"]))
    np.testing.assert_array_equal(found.cells["b"], X[:, 1])
    assert (found.cells["c"] >= X[:, 2]).all()


def test_a_row_is_attacked_in_the_same_way_whatever_others_there_are() -> None:
    X = rows()
    limits = {name: NumericLimits(1.0, -99.0, 99.0, False) for name in NAMES}
    cells = {name: X[:, k] for k, name in enumerate(NAMES)}
    problem = network_problem(linear(), cells, answers(X), Rules(limits, Budget(0.4, 0, "l2")), seed=3)
    whole = problem.search(cells, answers(X), np.arange(len(X)))
    some = np.array([5, 17, 40])
    part = problem.search({name: X[some, k] for k, name in enumerate(NAMES)}, answers(X[some]), some)
    np.testing.assert_allclose(part.distance, whole.distance[some], rtol=1e-9)


def test_a_quantised_network_is_attacked_by_a_guess_that_is_said() -> None:
    X = rows(30)
    cells = {name: X[:, k] for k, name in enumerate(NAMES)}
    limits = {name: NumericLimits(scale, -99.0, 99.0, False) for name, scale in zip(NAMES, SCALE, strict=True)}
    steps = (
        Step(op="QuantizeLinear", inputs=("input", "step", "zero"), output="q", attributes={"low": -128, "high": 127}),
        Step(op="Mul", inputs=("q", "step"), output="d"),
        Step(op="Gemm", inputs=("d", "w"), output="y"),
    )
    constants = {"w": WEIGHTS, "step": np.float32(0.3), "zero": np.float32(0)}
    network = RawNetwork(steps=steps, constants=constants, input_shape=(3,), output="y", link="logits")

    def answered(X: NDArray[np.float64]) -> NDArray[np.int64]:
        return answers(np.rint(X / 0.3).clip(-128, 127) * 0.3)

    problem = network_problem(network, cells, answered(X), Rules(limits, Budget(0.6, 0)), seed=0)
    assert "quantised" in problem.doubts[0]
    assert "guess" in problem.doubts[0]
    found = problem.search(cells, answered(X), np.arange(len(X)))
    flipped = np.isfinite(found.distance)
    assert flipped.sum() > 5
    after = np.column_stack([found.cells[name] for name in NAMES])
    assert (answered(after) != answered(X))[flipped].mean() > 0.8


def test_a_network_that_rounds_is_flipped_wherever_it_can_be() -> None:
    X = rows(60)
    cells = {name: X[:, k] for k, name in enumerate(NAMES)}
    limits = {name: NumericLimits(1.0, -99.0, 99.0, False) for name in NAMES}
    steps = (Step(op="Round", inputs=("input",), output="r"), Step(op="Gemm", inputs=("r", "w"), output="y"))
    network = RawNetwork(steps=steps, constants={"w": WEIGHTS}, input_shape=(3,), output="y", link="logits")
    y = answers(np.rint(X))
    problem = network_problem(network, cells, y, Rules(limits, Budget(1.0, 0)), seed=0)
    assert "rounds" in problem.doubts[0]
    found = problem.search(cells, y, np.arange(len(X)))
    across = np.where(y == 0, 1, -1)[:, None] * (WEIGHTS[:, 1] - WEIGHTS[:, 0])  # from the own class to the other one
    furthest = np.rint(X + np.sign(across))
    can_be = answers(furthest) != y
    assert 5 < can_be.sum() < 55
    np.testing.assert_array_equal(np.isfinite(found.distance), can_be)


def test_slopes_that_are_hidden_are_doubted() -> None:
    X = rows(16)
    cells = {name: X[:, k] for k, name in enumerate(NAMES)}
    limits = {name: NumericLimits(1.0, -99.0, 99.0, False) for name in NAMES}
    above = Step(op="Greater", inputs=("input", "half"), output="r")
    step = Step(op="Gemm", inputs=("r", "w"), output="y")
    constants = {"w": WEIGHTS, "half": np.float32(0.5)}
    hidden = RawNetwork(steps=(above, step), constants=constants, input_shape=(3,), output="y", link="logits")
    y = answers(np.asarray(X > 0.5, dtype=np.float64))
    problem = network_problem(hidden, cells, y, Rules(limits, Budget(1.0, 0)), seed=0)
    assert any("zero" in said or "slope" in said for said in problem.doubts)
    found = problem.search(cells, y, np.arange(len(X)))
    assert problem.seen["masked"]
    assert np.isfinite(found.distance).sum() > 2


CATEGORIES = ("red", "green", "blue")
HOT_NAMES = ("a", *CATEGORIES, "yes", "no")
HOT_WEIGHTS = np.array([[1.0, -1.0], [0.4, 0.0], [0.0, 0.3], [0.2, 0.0], [0.5, 0.0], [0.0, 0.5]], dtype=np.float32)


def with_categories(n: int) -> NDArray[np.float64]:
    generator = np.random.default_rng(0)
    return np.column_stack([
        generator.uniform(0, 1, n), np.eye(3)[generator.integers(0, 3, n)], np.eye(2)[generator.integers(0, 2, n)]
    ])  # fmt: skip


@pytest.mark.parametrize("categories", [0, 1, 2])
@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_categories_and_numbers_move_together_wherever_that_flips(
    categories: int, norm: Literal["linf", "l2", "l1"]
) -> None:
    X = with_categories(60)
    y = np.asarray((X @ HOT_WEIGHTS).argmax(axis=1))
    limits = {"a": NumericLimits(1.0, -99.0, 99.0, False)}
    rules = Rules(limits, Budget(0.2, categories, norm), (), (CATEGORIES, ("yes", "no")))
    network = RawNetwork(
        steps=(Step(op="Gemm", inputs=("input", "w"), output="y"),), constants={"w": HOT_WEIGHTS}, input_shape=(6,),
        output="y", link="logits",
    )  # fmt: skip
    cells = {name: X[:, place] for place, name in enumerate(HOT_NAMES)}
    found = network_problem(network, cells, y, rules, seed=0).search(cells, y, np.arange(len(X)))
    across = (HOT_WEIGHTS[:, 0] - HOT_WEIGHTS[:, 1]).astype(np.float64)
    sign = np.where(y == 0, 1.0, -1.0)
    # all that each group can do against the class, the most first
    gains = np.stack([
        (sign[:, None] * (X[:, places] @ across[places])[:, None] - sign[:, None] * across[places]).max(axis=1)
        for places in ([1, 2, 3], [4, 5])
    ])  # fmt: skip
    most = np.sort(gains, axis=0)[::-1][:categories].clip(min=0).sum(axis=0)
    left = sign * (X @ across) - most
    needed = np.maximum(left, 0) / 2
    is_clear = np.abs(needed - 0.2) > 1e-4
    assert (needed < 0.2).sum() > 5
    np.testing.assert_array_equal(np.isfinite(found.distance)[is_clear], (needed < 0.2)[is_clear])
    after = np.column_stack([found.cells[name] for name in HOT_NAMES])
    flipped = np.isfinite(found.distance)
    assert ((after @ HOT_WEIGHTS).argmax(axis=1) != y)[flipped].all()
    assert is_allowed(cells, found.cells, rules).all()
