from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.feedback.concentration import concentration


def spread(shares: np.ndarray, rng: np.random.Generator, size: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Draw the groups of ``size`` selections in each period; ``shares`` has a row for each period."""
    group = np.concatenate([rng.choice(row.size, size, p=row) for row in shares])
    return group, np.repeat(np.arange(shares.shape[0]), size)


def test_equal_and_single_allocation() -> None:
    group = np.array([0, 1, 2, 3, 2, 2, 2, 2])
    found = concentration(np.ones(8, dtype=bool), group, np.repeat([0, 1], 4))
    assert found.herfindahl.tolist() == [0.0, 1.0]
    assert found.gini == pytest.approx([0.0, 0.75])
    assert found.entropy == pytest.approx([1.0, 0.0])
    assert found.share.value[1].tolist() == [0.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("size", [3, 300])
def test_the_index_has_the_same_mean_for_few_and_for_many(size: int) -> None:
    group, period = spread(np.tile([0.6, 0.3, 0.1], (400, 1)), np.random.default_rng(0), size=size)
    found = concentration(np.ones(group.size, dtype=bool), group, period)
    assert found.herfindahl.mean() == pytest.approx(0.46, abs=0.06)


def test_names_of_groups_do_not_matter() -> None:
    group, period = spread(np.tile([0.5, 0.3, 0.2], (8, 1)), np.random.default_rng(0))
    first = concentration(np.ones(group.size, dtype=bool), group, period)
    second = concentration(np.ones(group.size, dtype=bool), np.array([2, 0, 1])[group], period)
    assert second.change == pytest.approx(first.change)
    assert second.gini == pytest.approx(first.gini)


def test_cases_that_are_not_selected_do_not_count() -> None:
    chosen = np.array([True, True, False, False])
    assert concentration(chosen, [0, 0, 1, 1], [0, 0, 0, 0]).herfindahl.tolist() == [1.0]


def test_one_period_has_no_trend() -> None:
    found = concentration([True, True], [0, 1], [0, 0])
    assert np.isnan(found.change.value)


def test_a_period_without_selections_is_left_out() -> None:
    found = concentration([True, True, False, True, True], [0, 0, 0, 0, 1], [0, 0, 1, 2, 2])
    assert np.isnan(found.herfindahl[1])


def test_a_gathering_allocation_is_seen() -> None:
    grip = np.linspace(0.2, 0.8, 12)
    shares = np.column_stack([grip, *[(1 - grip) / 4] * 4])
    group, period = spread(shares, np.random.default_rng(0))
    assert concentration(np.ones(group.size, dtype=bool), group, period).change.low > 0.2


@pytest.mark.parametrize(("group", "period"), [([-1, 0], [0, 0]), ([0], [0, 0])])
def test_codes_that_are_none_are_refused(group: list[int], period: list[int]) -> None:
    with pytest.raises(ValueError):
        concentration([True, True], group, period)


@pytest.mark.slow
def test_a_fixed_allocation_gathers_at_most_once_in_twenty_logs() -> None:
    rng, alarms, logs = np.random.default_rng(1), 0, 2000
    for _ in range(logs):
        group, period = spread(np.tile(rng.dirichlet(np.ones(6)), (12, 1)), rng, size=20)
        change = concentration(np.ones(group.size, dtype=bool), group, period).change
        alarms += change.low > 0 or change.high < 0
    assert alarms <= logs * 0.05 + 4 * np.sqrt(logs * 0.05 * 0.95)
