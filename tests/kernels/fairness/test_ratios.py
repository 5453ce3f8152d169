from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.fairness.ratios import smallest_rate_ratio

PAIRS = st.lists(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=6)


def test_ratio_of_two_shares_is_counted_by_hand() -> None:
    ratio = smallest_rate_ratio([30, 60, 45], [100, 100, 100])
    assert ratio is not None
    assert ratio.estimate.value == 0.5
    assert (ratio.lowest, ratio.highest) == (0, 1)


def test_nothing_to_divide_by_has_no_ratio() -> None:
    assert smallest_rate_ratio([0, 0], [10, 20]) is None
    assert smallest_rate_ratio([3, 0], [10, 0]) is None


def test_a_group_without_any_success_has_ratio_zero_with_an_upper_end() -> None:
    ratio = smallest_rate_ratio([0, 40], [20, 100])
    assert ratio is not None
    assert ratio.estimate.value == ratio.estimate.low == 0.0
    assert 0.1 < ratio.estimate.high < 1.0


def test_groups_without_trials_have_no_part() -> None:
    assert smallest_rate_ratio([10, 0, 30], [50, 0, 50]).estimate == smallest_rate_ratio([10, 30], [50, 50]).estimate  # type: ignore[union-attr]


def test_value_agrees_with_fairlearn() -> None:
    fairness = pytest.importorskip("fairlearn.metrics")
    rng = np.random.default_rng(0)
    group, answer = rng.integers(4, size=2000), rng.random(2000) < 0.3
    ours = smallest_rate_ratio(np.bincount(group, weights=answer), np.bincount(group))
    theirs = fairness.demographic_parity_ratio(answer, answer, sensitive_features=group)
    assert ours is not None
    assert ours.estimate.value == pytest.approx(theirs)


@given(PAIRS)
def test_interval_holds_the_value_and_stays_in_range(pairs: list[tuple[int, int]]) -> None:
    ratio = smallest_rate_ratio(*map(list, zip(*pairs, strict=True)))
    if ratio is not None:
        assert 0.0 <= ratio.estimate.low <= ratio.estimate.value <= ratio.estimate.high <= 1.0


@pytest.mark.parametrize(("successes", "trials"), [([5, 11], [10, 10]), ([1, 2, 3], [5, 5]), ([-1, 2], [5, 5])])
def test_counts_that_are_none_are_refused(successes: list[int], trials: list[int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        smallest_rate_ratio(successes, trials)


CASES = {
    "two equal": ([0.3, 0.3], [500, 500]),
    "rare and unequal in size": ([0.02, 0.02], [2000, 100]),
    "ten equal and small": ([0.2] * 10, [50] * 10),
    "two apart": ([0.3, 0.2], [500, 300]),
    "five apart": ([0.3, 0.3, 0.28, 0.25, 0.1], [4000, 1500, 500, 200, 60]),
    "frequent and small": ([0.8, 0.95], [40, 100]),
}


def coverage(case: str, repeats: int) -> float:
    rng = np.random.default_rng(0)
    p, n = (np.array(part) for part in CASES[case])
    truth, hits = p.min() / p.max(), 0
    for _ in range(repeats):
        ratio = smallest_rate_ratio(rng.binomial(n, p), n)
        hits += ratio is None or ratio.estimate.low - 1e-12 <= truth <= ratio.estimate.high + 1e-12
    return hits / repeats


@pytest.mark.parametrize("case", CASES)
def test_interval_contains_the_true_ratio(case: str) -> None:
    assert coverage(case, 200) > 0.88


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_interval_contains_the_true_ratio_95_percent(case: str) -> None:
    # Three standard errors of 3,000 repeats below nominal.
    assert coverage(case, 3000) > 0.938
