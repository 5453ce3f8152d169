from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.robustness.found_relations import Dependence, Order, dependences, one_hot_groups, orders

N = 300
RNG = np.random.default_rng(0)
LEVEL = RNG.integers(0, 3, N)


def hot(prefix: str = "", kind: type = int) -> dict[str, np.ndarray]:
    return {f"{prefix}{name}": (code == LEVEL).astype(kind) for code, name in enumerate(["rents", "owns", "other"])}


@pytest.mark.parametrize("kind", [int, float, bool, object])
def test_columns_of_which_one_is_always_1_are_a_group(kind: type) -> None:
    columns = {"member": RNG.integers(0, 2, N), **hot(kind=kind), "vip": RNG.integers(0, 2, N)}
    assert one_hot_groups(columns) == [("rents", "owns", "other")]


def test_names_that_begin_alike_are_a_group_wherever_they_stand() -> None:
    first, second, third = hot("home_").items()
    columns = dict([first, ("vip", RNG.integers(0, 2, N)), second, ("age", np.arange(N)), third])
    assert one_hot_groups(columns) == [("home_rents", "home_owns", "home_other")]


def test_two_groups_side_by_side_are_told_apart() -> None:
    sex = RNG.integers(0, 2, N)
    assert one_hot_groups({**hot(), "f": sex, "m": 1 - sex}) == [("rents", "owns", "other"), ("f", "m")]


@pytest.mark.parametrize(
    "change", [{"rents": np.zeros(N, dtype=int)}, {"other": np.ones(N, dtype=int)}, {"owns": np.full(N, np.nan)}]
)
def test_columns_that_do_not_sum_to_1_are_no_group(change: dict[str, np.ndarray]) -> None:
    assert one_hot_groups(hot() | change) == []


def test_few_rows_prove_no_group() -> None:
    assert one_hot_groups({name: cells[:20] for name, cells in hot().items()}) == []
    assert one_hot_groups({}) == []


def test_of_two_columns_that_settle_each_other_the_later_follows() -> None:
    degree = RNG.integers(0, 9, N)
    assert dependences({"degree": degree, "years": 20 - degree}) == [Dependence("years", "degree", 9)]
    assert dependences({"years": 20 - degree, "degree": degree}) == [Dependence("degree", "years", 9)]


def test_a_column_follows_the_one_with_the_fewest_levels() -> None:
    city = RNG.integers(0, 20, N)
    columns = {"city": city, "region": city // 4, "country": city // 12}
    assert dependences(columns) == [Dependence("region", "city", 20), Dependence("country", "region", 5)]


def test_one_row_against_it_is_enough() -> None:
    degree = RNG.integers(0, 9, N)
    years = degree // 2
    years[-1] += 1
    assert dependences({"degree": degree, "years": years}) == []


def test_missing_cells_say_nothing() -> None:
    degree = RNG.integers(0, 9, N)
    years = np.where(np.arange(N) % 7 == 0, -1, degree // 2)
    assert dependences({"degree": degree, "years": years}) == [Dependence("years", "degree", 9)]


def test_unrelated_columns_depend_on_nothing() -> None:
    """Rare values, levels that hardly repeat and unique columns fit by chance; at most 1e-6 of tables show one."""
    rare = (np.arange(N) == 5).astype(int)
    columns = {
        "id": RNG.permutation(N),
        "nearly": RNG.permutation(np.arange(N) // 2),
        "rare": rare,
        "alone": np.where(rare, 7, RNG.integers(0, 5, N)),
        "coin": RNG.integers(0, 2, N),
        "flat": np.zeros(N, dtype=int),
    }
    assert dependences(columns) == []


def test_an_order_that_follows_from_two_others_is_left_out() -> None:
    low = RNG.exponential(1.0, N).round(1)
    middle = low + RNG.exponential(1.0, N).round(1)
    high = middle + RNG.exponential(1.0, N).round(1)
    found = orders({"low": low, "high": high, "middle": middle})
    assert found == [Order("low", "middle"), Order("middle", "high")]


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (RNG.uniform(0, 1, N), RNG.uniform(2, 3, N)),
        (RNG.normal(70, 12, N).round(), RNG.normal(70, 12, N).round() + 80),
        (RNG.integers(0, 4, N), RNG.integers(0, 4, N) + 3),
        (RNG.uniform(0, 1, N), RNG.uniform(0, 1, N)),
    ],
    ids=["apart", "of another size", "few values", "unrelated"],
)
def test_columns_that_bound_nothing_have_no_order(low: np.ndarray, high: np.ndarray) -> None:
    assert orders({"low": low.astype(float), "high": high.astype(float)}) == []


def test_a_quantity_that_is_merely_smaller_is_not_bounded() -> None:
    height = RNG.normal(170, 10, N)
    weight = height - 60 + RNG.normal(0, 8, N)
    assert (weight < height).all()
    assert orders({"weight": weight, "height": height}) == []


def test_equal_columns_have_no_order() -> None:
    cells = RNG.uniform(0, 1, N)
    assert orders({"a": cells, "b": cells.copy()}) == []


def test_missing_numbers_are_passed_over() -> None:
    limit = RNG.uniform(0, 9, N).round(1)
    used = np.minimum(RNG.uniform(0, 9, N), limit)
    used[::7] = np.nan
    assert orders({"used": used, "limit": limit}) == [Order("used", "limit")]
