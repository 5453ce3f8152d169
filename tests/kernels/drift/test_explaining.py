from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from holdfast.kernels.drift.explaining import SliceShift, distinct_shifts, held_drift, shifted_slices

Table = tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]


def table(seed: int, *, moved: float = 0.0, n: int = 3000) -> Table:
    """Draw a job, an income that follows it, and a coin; of job 0 there are more in the current half."""
    rng = np.random.default_rng(seed)
    is_current = np.repeat([False, True], n)
    share = np.where(is_current, 0.15 + moved, 0.15)
    job = np.where(rng.random(2 * n) < share, 0, rng.integers(1, 4, 2 * n))
    income = rng.normal(np.where(job == 0, 2.0, 0.0), 1.0)
    codes = np.column_stack([job, np.digitize(income, [-1.0, 0.0, 1.0]), rng.integers(0, 2, 2 * n)])
    return codes.astype(np.int64), is_current, income


def test_the_value_that_became_common_is_found_with_its_shares() -> None:
    codes, is_current, _ = table(0, moved=0.15)
    found = shifted_slices(codes, is_current)
    best = found[0]
    assert best.items == ((0, 0),)
    assert best.change.low < 0.15 < best.change.high
    assert best.rows == tuple(int((codes[part, 0] == 0).sum()) for part in (~is_current, is_current))
    assert [abs(part.change.value) for part in found] == sorted((abs(p.change.value) for p in found), reverse=True)
    assert not any(part.items == ((2, 0),) for part in found)


def test_a_change_that_no_column_shows_is_found_in_two() -> None:
    rng = np.random.default_rng(0)
    n = 2000
    first = rng.integers(0, 2, 2 * n)
    second = np.where(
        np.arange(2 * n) < n, rng.integers(0, 2, 2 * n), np.where(rng.random(2 * n) < 0.8, first, 1 - first)
    )
    codes = np.column_stack([first, second]).astype(np.int64)
    found = shifted_slices(codes, np.repeat([False, True], n))
    assert {part.items for part in found} == {((0, a), (1, b)) for a in (0, 1) for b in (0, 1)}


def test_drift_that_lies_in_a_part_is_said_to() -> None:
    codes, is_current, income = table(0, moved=0.15)
    found = shifted_slices(codes, is_current)
    held = held_drift("income", 1, income, found, codes, is_current)
    assert held is not None
    assert held.part.items == ((0, 0),)
    assert held.is_gone
    assert held.without.high < held.whole.value


def test_drift_of_all_rows_lies_in_no_part() -> None:
    codes, is_current, income = table(0, moved=0.15)
    found = shifted_slices(codes, is_current)
    assert held_drift("income", 1, income + is_current, found, codes, is_current) is None


def test_categories_may_lie_in_a_part_too() -> None:
    codes, is_current, _ = table(1, moved=0.2)
    found = shifted_slices(codes, is_current)
    held = held_drift("range", 1, codes[:, 1], found, codes, is_current)
    assert held is not None
    assert held.part.items == ((0, 0),)


def test_complements_and_twins_are_listed_once() -> None:
    codes = np.column_stack([np.repeat([0, 1], [60, 40])] * 2).astype(np.int64)
    is_current = np.concatenate([np.arange(60) < 20, np.ones(40, dtype=bool)])
    found = shifted_slices(codes, is_current)
    assert len(found) == 4
    assert len(distinct_shifts(found, codes, most=5)) == 1


def test_small_changes_and_few_rows_are_left_out() -> None:
    codes, is_current, _ = table(0, moved=0.15)
    assert not shifted_slices(codes, is_current, least_effect=0.3)
    assert not shifted_slices(codes[:8], np.arange(8) < 4)
    assert not shifted_slices(codes, np.zeros(len(codes), dtype=bool))


def test_sides_may_change_places() -> None:
    codes, is_current, _ = table(3, moved=0.1)

    def signs(found: list[SliceShift]) -> dict[object, float]:
        return {part.items: round(part.change.value, 12) for part in found}

    there, back = signs(shifted_slices(codes, is_current)), signs(shifted_slices(codes, ~is_current))
    assert there == {items: -value for items, value in back.items()}


@pytest.mark.slow
def test_alike_tables_rarely_list_any_part() -> None:
    repeats = 400
    alarms = sum(bool(shifted_slices(*table(seed, n=400)[:2])) for seed in range(repeats))
    assert alarms <= binom.ppf(0.999, repeats, 0.05)


@pytest.mark.slow
def test_intervals_of_what_is_listed_hold() -> None:
    held = 0
    for seed in range(300):
        codes, is_current, _ = table(seed, moved=0.1, n=1000)
        found = {part.items: part for part in shifted_slices(codes, is_current)}
        part = found.get(((0, 0),))
        held += part is None or part.change.low <= 0.1 <= part.change.high
    assert held >= 285
