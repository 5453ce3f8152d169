"""Boxes about rows hold every change that the rules allow, and little more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.robustness.constraints import Budget, CategoryLimits, NumericLimits
from holdfast.kernels.robustness.limits import Rules, is_allowed
from holdfast.kernels.robustness.network_boxes import MOST_BOXES, Boxes, boxes_about, matrix_of

NAMES = ("pay", "age", "up", "fixed", "smokes", "rents", "owns")
LIMITS = {
    "pay": NumericLimits(2.0, 0.0, 10.0, False, 0, 0.5),
    "age": NumericLimits(4.0, 18.0, 90.0, True),
    "up": NumericLimits(1.0, -5.0, 5.0, False, 1),
    "smokes": CategoryLimits(frozenset({True, False})),
}
ROWS = {
    "pay": np.array([1.0, 11.5]), "age": np.array([30.0, 18.0]), "up": np.array([0.0, 4.9]),
    "fixed": np.array([7.0, -1.0]), "smokes": np.array([True, False], dtype=object),
    "rents": np.array([1.0, 0.0]), "owns": np.array([0.0, 1.0]),
}  # fmt: skip
GROUP = (("rents", "owns"),)


def holds(boxes: Boxes, changed: np.ndarray, i: int) -> bool:
    own = boxes.owner == i
    return bool(((changed >= boxes.low[own]) & (changed <= boxes.high[own])).all(axis=1).any())


@pytest.mark.parametrize("norm", ["linf", "l1", "l2"])
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), categories=st.integers(0, 2))
def test_every_allowed_change_lies_in_a_box(norm: str, seed: int, categories: int) -> None:
    rng = np.random.default_rng(seed)
    rules = Rules(LIMITS, Budget(0.5, categories, norm), one_hot=GROUP)  # type: ignore[arg-type]
    n, at = 40, int(rng.integers(2))
    before = {name: np.repeat(values[at : at + 1], n) for name, values in ROWS.items()}
    after = dict(before)
    after["pay"] = before["pay"] + rng.choice([-2.0, 2.0, 0.0], n) * rng.random(n)
    after["age"] = before["age"] + rng.integers(-3, 4, n)
    after["up"] = before["up"] + 0.5 * rng.choice([0.0, 1.0, rng.random()], n)
    after["smokes"] = np.where(rng.random(n) < 0.5, before["smokes"], ~before["smokes"].astype(bool)).astype(object)
    moved = rng.random(n) < 0.5
    after["rents"], after["owns"] = (np.where(moved, 1 - before[name], before[name]) for name in GROUP[0])
    allowed = is_allowed(before, after, rules)
    boxes = boxes_about({name: values[at : at + 1] for name, values in ROWS.items()}, NAMES, rules)
    for changed in matrix_of(after, NAMES)[allowed]:
        assert holds(boxes, changed, 0)
    assert boxes.covered.all()


def test_ends_are_those_of_the_rules() -> None:
    boxes = boxes_about(ROWS, NAMES, Rules(LIMITS, Budget(0.5, 0)))
    assert boxes.owner.tolist() == [0, 1]
    np.testing.assert_allclose(boxes.low, [[0.0, 28, 0, 7, 1, 1, 0], [9.5, 18, 4.9, -1, 0, 0, 1]], atol=1e-6)
    np.testing.assert_allclose(boxes.high, [[3.0, 32, 0.5, 7, 1, 1, 0], [11.5, 20, 5, -1, 0, 0, 1]], atol=1e-6)
    assert boxes.scale.tolist() == [4.0, 4.0, 1.0, 0.0, 0.0, 0.0, 0.0]


def test_each_choice_of_categories_is_a_box() -> None:
    boxes = boxes_about(ROWS, NAMES, Rules(LIMITS, Budget(0.0, 1), one_hot=GROUP))
    own = boxes.low[boxes.owner == 0][:, 4:]
    assert sorted(map(tuple, own.tolist())) == [(0, 1, 0), (1, 0, 1), (1, 1, 0), (1, 1, 0)]
    assert (boxes.low[:, 4:] == boxes.high[:, 4:]).all()


def test_too_many_choices_are_one_box() -> None:
    names = [f"c{i}" for i in range(MOST_BOXES + 1)]
    limits = {name: CategoryLimits(frozenset({True, False})) for name in names}
    rows = {name: np.array([True], dtype=object) for name in names}
    boxes = boxes_about(rows, names, Rules(limits, Budget(0.0, 1)))
    assert boxes.owner.tolist() == [0]
    assert (boxes.low == 0).all()
    assert (boxes.high == 1).all()


def test_missing_numbers_and_groups_that_are_not_one_hot_are_not_covered() -> None:
    rows = ROWS | {"pay": np.array([np.nan, 1.0]), "owns": np.array([0.0, 0.0])}
    assert boxes_about(rows, NAMES, Rules(LIMITS, Budget(0.5, 1), one_hot=GROUP)).covered.tolist() == [False, False]


def test_without_a_limit_cells_go_to_the_ends_of_their_range() -> None:
    boxes = boxes_about(ROWS, NAMES, Rules(LIMITS, Budget(np.inf, 0)))
    assert (boxes.low[0, 0], boxes.high[0, 0], boxes.scale[0]) == (0.0, 10.0, 0.0)
