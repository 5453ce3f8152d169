"""Proofs about rows of a table: flips that the rules allow, distances, whole numbers, categories."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.core.network import RawNetwork, Step
from holdfast.kernels.robustness.constraints import Budget, CategoryLimits, NumericLimits
from holdfast.kernels.robustness.limits import Rules, is_allowed

torch = pytest.importorskip("torch", reason="torch is not installed: networks are not bounded")

from holdfast.kernels.torch_certificates.certify import Work  # noqa: E402  (needs torch)
from holdfast.kernels.torch_certificates.rows import Rows, prove_rows  # noqa: E402

NAMES = ("pay", "age", "smokes")
WEIGHTS = {"w": np.float32([[1.0], [0.5], [2.0]]), "b": np.float32([0.0])}
NETWORK = RawNetwork(
    steps=(Step(op="Gemm", inputs=("input", "w", "b"), output="y"),), constants=WEIGHTS, input_shape=(3,), output="y",
    link="sigmoid",
)  # fmt: skip
LIMITS = {
    "pay": NumericLimits(2.0, -10.0, 10.0, False), "age": NumericLimits(2.0, -9.0, 9.0, True),
    "smokes": CategoryLimits(frozenset({True, False})),
}  # fmt: skip


def rows_of(pay: list[float], age: list[float], smokes: list[bool]) -> dict[str, np.ndarray]:
    return {"pay": np.array(pay), "age": np.array(age), "smokes": np.array(smokes, dtype=object)}


def test_proofs_flips_and_distances_of_a_linear_network_are_exact() -> None:
    """The score is pay + age / 2 + 2 smokes; within .8 units pay moves by 1.6 and age, whole, by 1."""
    rows = rows_of([2.2, 2.0, 9.0, np.nan], [0.0, 0.0, 0.0, 0.0], [False, False, True, True])
    rules = Rules(LIMITS, Budget(0.8, 0))
    y, known = np.array([1, 1, 1, 1]), np.zeros(4, dtype=bool)
    found = prove_rows(Rows(NETWORK, NAMES, rules), rows, y, is_flipped=known, work=Work())
    assert found.lower[0] == np.inf
    assert found.lower[1] == pytest.approx(0.7)  # flips from .75 units on: .7 is proved
    assert found.lower[2] == np.inf
    assert np.isnan(found.lower[3])
    assert np.isfinite(found.distance).tolist() == [False, True, False, False]
    changed = {name: values[1:2] for name, values in found.cells.items()}
    score = changed["pay"] + changed["age"] / 2 + 2 * changed["smokes"].astype(float)
    assert score[0] < 0
    assert changed["age"][0] == -1
    assert is_allowed({name: values[1:2] for name, values in rows.items()}, changed, rules).all()


def test_a_category_that_may_change_is_part_of_the_threat() -> None:
    rows, y, known = rows_of([1.0], [0.0], [True]), np.array([1]), np.zeros(1, dtype=bool)
    fixed, free = (Rules(LIMITS, Budget(0.6, categories)) for categories in (0, 1))
    assert prove_rows(Rows(NETWORK, NAMES, fixed), rows, y, is_flipped=known, work=Work()).lower[0] == np.inf
    found = prove_rows(Rows(NETWORK, NAMES, free), rows, y, is_flipped=known, work=Work())
    assert found.lower[0] < 0.6
    assert found.cells["smokes"][0] is False or found.cells["smokes"][0] == np.False_
    assert is_allowed(rows, found.cells, free).all()


def test_of_a_row_known_to_flip_the_distance_is_still_found() -> None:
    rows, y = rows_of([2.0], [0.0], [False]), np.array([1])
    asked = Rows(NETWORK, NAMES, Rules(LIMITS, Budget(0.8, 0)))
    found = prove_rows(asked, rows, y, is_flipped=np.ones(1, dtype=bool), work=Work())
    assert found.lower[0] == pytest.approx(0.7)
    assert np.isinf(found.distance[0])


def test_rows_after_the_time_was_up_are_not_done() -> None:
    rows, y = rows_of([2.0], [0.0], [False]), np.array([1])
    asked = Rows(NETWORK, NAMES, Rules(LIMITS, Budget(0.8, 0)))
    found = prove_rows(asked, rows, y, is_flipped=np.zeros(1, dtype=bool), work=Work(), should_stop=lambda: True)
    assert found.is_done.tolist() == [False]
