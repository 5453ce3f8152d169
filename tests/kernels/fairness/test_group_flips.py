from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.kernels.fairness.group_flips import compared_once, group_flips
from holdfast.kernels.stats.multiplicity import holm
from holdfast.kernels.stats.proportions import clopper_pearson


def words(*parts: tuple[str | None, int]) -> NDArray[Any]:
    return np.array([word for word, count in parts for _ in range(count)], dtype=object)


def test_each_group_is_compared_with_all_others() -> None:
    flipped = np.array([True] * 15 + [False] * 5 + [True] * 10 + [False] * 30)
    found = group_flips({"job": words(("a", 20), ("b", 40))}, flipped, people=(), level=0.9)
    assert found["group"].tolist() == ["a", "b"]
    assert found["share"].tolist() == [0.75, 0.25]
    assert found["rest_share"].tolist() == [0.25, 0.75]
    assert found["difference"].tolist() == [0.5, -0.5]
    ends = clopper_pearson([15, 10], [20, 40], level=0.9)
    assert (found["low"] == ends.low).all()
    assert (found["high"] == ends.high).all()


def test_tests_of_people_are_adjusted_apart_from_those_of_slices() -> None:
    rng = np.random.default_rng(0)
    columns = {name: rng.choice(["x", "y", "z"], 90).astype(object) for name in ("sex", "job", "town")}
    found = group_flips(columns, rng.random(90) < 0.4, people=["sex"], level=0.95)
    is_people = found["column"] == "sex"
    assert (found["kind"] == np.where(is_people, "group", "slice")).all()
    for family in (is_people, ~is_people):
        assert (found["p_adjusted"][family] == holm(found["p_value"][family])).all()


def test_small_groups_and_groups_that_leave_too_few_others_are_left_out() -> None:
    columns = {"job": words(("a", 9), ("b", 30), ("c", 11)), "one": words(("x", 45), ("y", 5))}
    found = group_flips(columns, [False] * 50, people=(), level=0.95)
    assert list(zip(found["column"].tolist(), found["group"].tolist(), strict=True)) == [("job", "b"), ("job", "c")]


def test_missing_cells_are_a_group() -> None:
    columns = {"job": words(("a", 12), (None, 12)), "pay": np.repeat([1.0, np.nan], 12)}
    found = group_flips(columns, [False] * 24, people=(), level=0.95)
    assert found["group"].tolist() == ["a", "missing", "1", "missing"]


def test_numbers_of_many_values_are_cut_into_thirds() -> None:
    found = group_flips({"pay": np.arange(90.0)}, np.arange(90) < 30, people=(), level=0.95)
    assert found["n"].tolist() == [30, 30, 30]
    shares = dict(zip(found["group"].tolist(), found["share"].tolist(), strict=True))
    assert shares == {"below 30": 1.0, "30 to below 60": 0.0, "60 or above": 0.0}


def test_nothing_to_compare_gives_typed_empty_columns() -> None:
    found = group_flips({}, [True, False], people=(), level=0.95)
    assert {name: values.size for name, values in found.items()} == dict.fromkeys(found, 0)
    assert found["p_adjusted"].dtype == np.float64
    assert found["group"].dtype.kind == "U"


@pytest.mark.slow
def test_groups_that_are_alike_are_rarely_called_different() -> None:
    rng = np.random.default_rng(0)
    alarms = []
    for _ in range(500):
        columns = {name: rng.choice(["x", "y", "z"], 200).astype(object) for name in ("a", "b")}
        found = group_flips(columns, rng.random(200) < 0.4, people=("a", "b"), level=0.95)
        alarms.append((found["p_adjusted"] <= 0.05).any())
    # Bin(500, 0.05) exceeds 45 with a chance under 1 in 10,000.
    assert sum(alarms) <= 45


def test_differences_of_all_groups_hold_at_once() -> None:
    rng, level, holds = np.random.default_rng(0), 0.9, 0
    for _ in range(400):
        columns = {f"c{j}": rng.choice(["a", "b", "c"], 200).astype(object) for j in range(4)}
        found = group_flips(columns, rng.random(200) < 0.3, people=[], level=level)
        holds += bool(((found["all_low"] <= 0) & (found["all_high"] >= 0)).all())
    assert holds / 400 >= 0.87
    assert (found["all_low"] <= found["difference_low"]).all()
    assert (found["all_high"] >= found["difference_high"]).all()


def test_two_groups_that_make_up_all_rows_are_compared_once() -> None:
    columns = {"sex": words(("f", 30), ("m", 30)), "job": words(("a", 20), ("b", 20), ("c", 20))}
    flipped = np.array([True] * 20 + [False] * 40)
    found = group_flips(columns, flipped, people=columns, level=0.95)
    once = compared_once(found, n_rows=60, n_flipped=20, level=0.95)
    assert once["group"].tolist() == ["f", "a", "b", "c"]
    assert (once["all_low"] > found["all_low"][[0, 2, 3, 4]]).all()
    with_missing = {"sex": words(("f", 30), ("m", 25), ("x", 5))}
    found = group_flips(with_missing, flipped, people=with_missing, level=0.95)
    assert compared_once(found, n_rows=60, n_flipped=20, level=0.95)["group"].tolist() == ["f", "m"]
    nothing = compared_once(group_flips({}, [], people=(), level=0.95), n_rows=0, n_flipped=0, level=0.95)
    assert nothing["n"].size == 0
