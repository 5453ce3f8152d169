from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.feedback.distortion import Distortion, selection_distortion


def lending(rng: np.random.Generator, n: int, *, coin: float, base: float = -1.5, closed: float = 0.0) -> tuple:
    """Accept the 60 % who look safest, but for decisions by a fair coin; a share ``closed`` never meets the coin."""
    x = rng.normal(size=n)
    risk = 1.0 / (1.0 + np.exp(-(base + x)))
    wanted = risk < np.quantile(risk, 0.6)
    chance = np.where(wanted, 1.0 - coin / 2.0, coin / 2.0)
    chance = np.where(rng.random(n) < closed, wanted, chance)
    return (rng.random(n) < risk).astype(float), rng.random(n) < chance, chance, risk


def found_in(values: np.ndarray, chosen: np.ndarray, chance: np.ndarray, **settings: float) -> Distortion:
    return selection_distortion(values, chosen, chance, value_range=(0.0, 1.0), **settings)


def test_hand_computed_weights() -> None:
    # two certain cases with mean 1/2 and four of which one in two is seen, both with 1: (2 * 1/2 + 4 * 1) / 6
    y = [1.0, 0.0, 1.0, 1.0, np.nan, np.nan]
    found = found_in(y, np.array([1, 1, 1, 1, 0, 0], dtype=bool), np.array([1, 1, 0.5, 0.5, 0.5, 0.5]))
    assert found.population.value == pytest.approx(5 / 6)
    assert found.selected.value == pytest.approx(3 / 4)
    assert found.difference.value == pytest.approx(3 / 4 - 5 / 6)
    assert found.effective_size == pytest.approx(36 / 10)


def test_all_selected_is_no_distortion() -> None:
    y = np.random.default_rng(0).integers(0, 2, 50).astype(float)
    found = found_in(y, np.ones(50, dtype=bool), np.ones(50))
    assert found.difference == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)
    assert found.unexplored == 0.0


def test_without_chance_only_the_worst_case_is_known() -> None:
    y, chosen, _, _ = lending(np.random.default_rng(0), 20_000, coin=0.0)
    found = found_in(y, chosen, chosen.astype(float))
    assert found.unexplored == pytest.approx(0.4)
    # 40 % unseen may all be 0 or all be 1
    assert found.population.high - found.population.low == pytest.approx(0.4, abs=0.02)
    assert found.population.low < y.mean() < found.population.high


def test_clipped_weights_widen_and_do_not_mislead() -> None:
    y, chosen, chance, _ = lending(np.random.default_rng(0), 50_000, coin=0.01)
    clipped = found_in(y, chosen, chance, largest_weight=20.0)
    assert clipped.clipped > 0
    assert clipped.unexplored == pytest.approx(0.4 * 0.9, abs=0.01)
    assert clipped.population.low < y.mean() < clipped.population.high


def test_order_of_the_cases_does_not_matter() -> None:
    y, chosen, chance, _ = lending(np.random.default_rng(3), 400, coin=0.3)
    order = np.random.default_rng(4).permutation(400)
    first, second = found_in(y, chosen, chance), found_in(y[order], chosen[order], chance[order])
    assert second.difference == pytest.approx(first.difference)


def test_values_move_and_stretch_with_their_unit() -> None:
    y, chosen, chance, _ = lending(np.random.default_rng(3), 400, coin=0.3)
    first = found_in(y, chosen, chance)
    second = selection_distortion(10.0 + 5.0 * y, chosen, chance, value_range=(10.0, 15.0))
    assert second.population == pytest.approx([10.0 + 5.0 * end for end in first.population])
    assert second.difference == pytest.approx([5.0 * end for end in first.difference])


def test_a_value_that_is_missing_among_the_selected_is_left_out() -> None:
    y, chosen, chance, _ = lending(np.random.default_rng(3), 400, coin=0.3)
    some = y.copy()
    some[np.flatnonzero(chosen)[::7]] = np.nan
    assert found_in(some, chosen, chance).n_selected < chosen.sum()


@pytest.mark.parametrize(
    ("values", "said"),
    [([2.0, 0.0], "values from 0 to 1"), ([np.nan, np.nan], "no selected case"), ([1.0], "one value for each")],
)
def test_values_that_cannot_be_are_refused(values: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        found_in(np.array(values), np.array([True, True]), np.ones(2))


def test_one_selected_case_says_next_to_nothing() -> None:
    found = found_in(np.array([1.0, np.nan]), np.array([True, False]), np.array([0.5, 0.5]))
    assert found.population.low < 0.2
    assert found.population.high == 1.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "coin", "base", "closed"),
    [
        (300, 0.1, -1.5, 0.0),
        (1000, 0.1, -1.5, 0.0),
        (1000, 0.02, -1.5, 0.0),
        (5000, 0.02, -4.0, 0.0),
        (2000, 0.2, -1.5, 0.3),
    ],
)
def test_intervals_hold_the_truth_in_95_of_100_logs(n: int, coin: float, base: float, closed: float) -> None:
    rng = np.random.default_rng(5)
    y, _, chance, risk = lending(rng, 2_000_000, coin=coin, base=base, closed=closed)
    loss = (risk - y) ** 2
    truth = [float(each.mean()) for each in (y, loss)]
    among = [float((each * chance).sum() / chance.sum()) for each in (y, loss)]
    hits, logs = np.zeros(3), 800
    for _ in range(logs):
        y, chosen, chance, risk = lending(rng, n, coin=coin, base=base, closed=closed)
        found = found_in(y, chosen, chance)
        error = found_in((risk - y) ** 2, chosen, chance)
        gaps = (among[0] - truth[0], among[1] - truth[1])
        hits += [
            found.population.low <= truth[0] <= found.population.high,
            found.difference.low <= gaps[0] <= found.difference.high,
            error.difference.low <= gaps[1] <= error.difference.high,
        ]
    assert (hits / logs >= 0.95 - 4.0 * np.sqrt(0.95 * 0.05 / logs)).all(), hits / logs
