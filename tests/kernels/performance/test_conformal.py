from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.kernels.performance.conformal import adaptive_intervals, split_intervals

Numbers = NDArray[np.float64]


def cases(n: int, rng: np.random.Generator, kind: str = "uneven") -> tuple[Numbers, Numbers]:
    """Return residuals and inputs; residuals scatter by the first input, are skewed, or are the same everywhere."""
    x = rng.normal(size=(n, 3))
    noise = rng.exponential(size=n) - 0.3 if kind == "skewed" else rng.normal(size=n)
    return noise * (np.exp(x[:, 0]) if kind == "uneven" else 1.0), x


def test_half_width_is_an_order_statistic() -> None:
    residual = np.arange(1.0, 100.0)  # 99 of them: the 90th is at 90
    found = split_intervals(residual, [5.0], coverage=0.9)
    assert (found.low[0], found.high[0]) == (-85.0, 95.0)


def test_too_few_cases_promise_nothing() -> None:
    found = split_intervals([1.0] * 8, [0.0], coverage=0.9)
    assert np.isinf(found.high[0])
    rng = np.random.default_rng(0)
    few = adaptive_intervals(cases(20, rng), cases(8, rng), ([0.0], [[0.0, 0.0, 0.0]]))
    assert np.isinf(few.high[0])


def test_known_and_new_cases_may_be_in_any_order() -> None:
    rng = np.random.default_rng(0)
    spread, known, (_, x) = cases(200, rng), cases(200, rng), cases(50, rng)
    first = adaptive_intervals(spread, known, (np.zeros(50), x))
    order = rng.permutation(50)
    back = np.argsort(order)
    second = adaptive_intervals(
        (spread[0][::-1], spread[1][::-1]), (known[0][::-1], known[1][::-1]), (np.zeros(50), x[order])
    )
    assert second.high[back] == pytest.approx(first.high)
    assert second.low[back] == pytest.approx(first.low)


def test_prediction_moves_the_interval_along() -> None:
    rng = np.random.default_rng(0)
    spread, known = cases(100, rng), cases(100, rng)
    at = [[0.1, 0.2, 0.3]] * 2
    found = adaptive_intervals(spread, known, ([0.0, 7.0], at))
    assert found.low[1] - found.low[0] == pytest.approx(7.0)
    assert found.high[1] - found.high[0] == pytest.approx(7.0)


def test_adaptive_intervals_hold_where_it_is_hard_and_are_narrow_where_it_is_easy() -> None:
    rng = np.random.default_rng(0)
    spread, known, (residual, x) = cases(3000, rng), cases(3000, rng), cases(4000, rng)
    split = split_intervals(known[0], np.zeros(4000))
    adaptive = adaptive_intervals(spread, known, (np.zeros(4000), x))
    hard = x[:, 0] > 1.0
    inside = [((each.low <= residual) & (residual <= each.high))[hard].mean() for each in (split, adaptive)]
    assert inside[0] < 0.7
    assert inside[1] > 0.78
    assert (adaptive.high - adaptive.low)[~hard].mean() < (split.high - split.low)[0]


@pytest.mark.parametrize("bad", [[np.nan], [np.inf]])
def test_numbers_that_are_none_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        split_intervals(bad, [0.0])
    with pytest.raises(ValueError, match="expected"):
        adaptive_intervals(([0.0], [bad]), ([0.0], [[1.0]]), ([0.0], [[1.0]]))


def test_inputs_of_other_width_are_refused() -> None:
    with pytest.raises(ValueError, match="one width"):
        adaptive_intervals(([0.0], [[1.0]]), ([0.0], [[1.0]]), ([0.0], [[1.0, 2.0]]))


def coverage(kind: str, n: int, repeats: int) -> tuple[float, float]:
    """Return the share of new cases inside, one new case for each draw of known ones."""
    rng, hits = np.random.default_rng(0), np.zeros(2)
    for _ in range(repeats):
        spread, known, (residual, x) = (cases(n, rng, kind) for _ in range(3))
        split = split_intervals(known[0], np.zeros(n))
        adaptive = adaptive_intervals(spread, known, (np.zeros(n), x), n_neighbours=20)
        hits += [((each.low <= residual) & (residual <= each.high)).mean() for each in (split, adaptive)]
    return tuple(hits / repeats)


@pytest.mark.parametrize("kind", ["uneven", "even", "skewed"])
def test_the_promise_is_kept(kind: str) -> None:
    assert min(coverage(kind, 60, 150)) > 0.89


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["uneven", "even", "skewed"])
def test_the_promise_is_kept_over_2000_simulations(kind: str) -> None:
    # A standard error of the mean of 2,000 draws of 60 known and 60 new cases is about 0.001.
    assert min(coverage(kind, 60, 2000)) > 0.897
