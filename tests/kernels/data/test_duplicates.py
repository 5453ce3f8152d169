from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from holdfast.kernels.data.duplicates import (
    conflicts,
    coverage_at,
    excess_overlap,
    first_match,
    repeats,
    sample_coverage,
)

groups = arrays(np.int64, st.integers(0, 60), elements=st.integers(0, 30))


def test_first_match_points_at_the_first_of_several_twins() -> None:
    assert first_match([5, 9], [1, 5, 5]).tolist() == [1, -1]


def test_first_match_without_reference_finds_nothing() -> None:
    assert first_match([5], np.array([], dtype=int)).tolist() == [-1]


def test_first_match_of_no_rows_is_empty() -> None:
    assert first_match(np.array([], dtype=int), [1]).size == 0


@given(groups, groups)
def test_matched_rows_hold_the_same_group(a: np.ndarray, b: np.ndarray) -> None:
    match = first_match(a, b)
    assert np.array_equal(match >= 0, np.isin(a, b))
    assert np.array_equal(b[match[match >= 0]], a[match >= 0])


@given(groups)
def test_rows_that_repeat_nothing_are_as_many_as_distinct_groups(a: np.ndarray) -> None:
    assert (~repeats(a)).sum() == np.unique(a).size


def test_conflicts_need_equal_inputs_and_different_labels() -> None:
    assert conflicts([1, 1, 2, 2, 3], ["a", "b", "a", "a", "b"]).tolist() == [True, True, False, False, False]


def test_conflicts_in_an_empty_table_are_none() -> None:
    assert conflicts(np.array([], dtype=int), np.array([])).size == 0


def test_conflicts_refuse_labels_of_another_length() -> None:
    with pytest.raises(ValueError, match="one label per row"):
        conflicts([1, 2], [0])


@given(groups, st.randoms())
def test_conflicts_do_not_depend_on_row_order(a: np.ndarray, random: object) -> None:
    labels = a * 7 % 3 + np.arange(a.size) % 2
    order = np.random.default_rng(0).permutation(a.size)
    assert np.array_equal(conflicts(a, labels)[order], conflicts(a[order], labels[order]))


def test_coverage_is_the_share_of_rows_that_are_not_alone() -> None:
    assert sample_coverage([1, 1, 2, 3]).value == 0.5


def test_coverage_of_an_empty_table_is_zero() -> None:
    assert tuple(sample_coverage(np.array([], dtype=int))) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("table", [[1], [1, 1, 1, 1], [1, 2, 3, 4], [1, 1, 2, 2]])
def test_coverage_lies_inside_its_interval(table: list[int]) -> None:
    estimate = sample_coverage(table)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_coverage_at_full_size_is_the_coverage() -> None:
    table = [1, 1, 2, 3, 3, 3]
    assert coverage_at(table, 6) == pytest.approx(sample_coverage(table).value)


def test_coverage_at_a_part_agrees_with_drawing_parts() -> None:
    rng = np.random.default_rng(0)
    table = rng.integers(0, 12, 40)
    drawn = [sample_coverage(rng.permutation(table)[:10]).value for _ in range(4000)]
    assert coverage_at(table, 10) == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / np.sqrt(4000))


def test_coverage_at_refuses_a_part_larger_than_the_table() -> None:
    with pytest.raises(ValueError, match="size from 0 to the 2 rows"):
        coverage_at([1, 2], 3)


def test_excess_of_planted_copies_is_their_share() -> None:
    estimate = excess_overlap(np.arange(2000), np.r_[np.arange(100), np.arange(5000, 5900)])
    assert estimate.value == pytest.approx(0.1)
    assert estimate.low > 0.05


def test_excess_without_test_rows_is_undefined_but_bounded() -> None:
    estimate = excess_overlap([1, 2], np.array([], dtype=int))
    assert np.isnan(estimate.value)
    assert (estimate.low, estimate.high) == (-1.0, 1.0)


def test_decimal_group_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="whole group numbers"):
        first_match([0.5], [1])


def _draw(rng: np.random.Generator, kind: str, n: int) -> np.ndarray:
    if kind == "few":
        return rng.integers(0, 8, n)
    if kind == "skewed":
        return np.minimum(rng.zipf(1.3, n), 10**6)
    return rng.integers(0, 200_000, n)


@pytest.mark.parametrize("kind", ["few", "skewed", "rare"])
def test_independent_tables_show_no_excess(kind: str) -> None:
    rng = np.random.default_rng(1)
    alarms = sum(excess_overlap(_draw(rng, kind, 1000), _draw(rng, kind, 500)).low > 0 for _ in range(200))
    # At 2.5 % per table, more than 15 of 200 has probability below 1e-4.
    assert alarms <= 15


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["few", "skewed", "rare"])
@pytest.mark.parametrize("sizes", [(300, 300), (3000, 1000), (20_000, 10_000)])
def test_false_alarm_rate_of_the_excess_is_nominal(kind: str, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    alarms = sum(excess_overlap(_draw(rng, kind, sizes[0]), _draw(rng, kind, sizes[1])).low > 0 for _ in range(2000))
    # 2.5 % nominal, 50 expected; 78 is four standard errors above.
    assert alarms <= 78
