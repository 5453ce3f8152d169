"""P-values read back from intervals, and Holm's correction over the thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from holdfast.kernels.stats.proportions import clopper_pearson
from holdfast.policy.rules import Policy, Rule
from holdfast.policy.significance import p_violated
from tests.policy.sample import decided, finding, measured, one_rule

ALPHA = 0.025


def test_normal_interval_gives_back_its_p_value() -> None:
    half = norm.ppf(0.975) * 0.03
    p = p_violated(measured(0.2, 0.2 - half, 0.2 + half), comparison="max", limit=0.1)
    assert p == pytest.approx(norm.sf(0.1 / 0.03), rel=1e-9)


def test_minimum_mirrors_maximum() -> None:
    above = p_violated(measured(0.2, 0.15, 0.4), comparison="max", limit=0.1)
    below = p_violated(measured(-0.2, -0.4, -0.15), comparison="min", limit=-0.1)
    assert above == pytest.approx(below)


def test_only_the_side_that_faces_the_threshold_matters() -> None:
    near = p_violated(measured(0.2, 0.15, 0.21), comparison="max", limit=0.1)
    assert near == p_violated(measured(0.2, 0.15, 0.9), comparison="max", limit=0.1)


@pytest.mark.parametrize("method", ["Clopper-Pearson", "Wilson score"])
@pytest.mark.parametrize("comparison", ["max", "min"])
def test_binomial_share_gets_the_exact_tail(method: str, comparison: str) -> None:
    share = measured(0.3, 0.2, 0.42, n=60, unit="share", method=method)
    limit, expected = (0.2, binom.sf(17, 60, 0.2)) if comparison == "max" else (0.4, binom.cdf(18, 60, 0.4))
    assert p_violated(share, comparison=comparison, limit=limit) == pytest.approx(expected, rel=1e-9)


def test_share_that_is_no_count_over_n_is_not_taken_as_binomial() -> None:
    share = measured(0.305, 0.2, 0.42, n=60, unit="share", method="Clopper-Pearson")
    assert p_violated(share, comparison="max", limit=0.2) == pytest.approx(
        norm.sf(norm.ppf(0.975) * 0.105 / 0.105), rel=1e-9
    )


def test_difference_of_shares_is_not_taken_as_binomial() -> None:
    gap = measured(0.3, 0.2, 0.42, n=60, unit="share", method="Clopper-Pearson difference, Bonferroni over 9 slices")
    assert p_violated(gap, comparison="max", limit=0.2) == pytest.approx(0.025)


def test_value_below_its_own_interval_is_replaced_by_the_nearest_end() -> None:
    assert p_violated(measured(0.15, 0.2, 0.3), comparison="max", limit=0.1) == 0.0


def test_any_occurrence_violates_a_share_of_zero() -> None:
    share = measured(0.01, 0.0003, 0.05, n=100, unit="share", method="Clopper-Pearson")
    assert p_violated(share, comparison="max", limit=0.0) == 0.0


@pytest.mark.parametrize("numbers", [(0.05, 0.04, 0.06), (0.1, 0.0, 0.2), (0.2, None, 0.3)])
def test_nothing_speaks_for_a_violation_on_the_good_side_or_towards_an_open_end(numbers: tuple[float, ...]) -> None:
    assert p_violated(measured(*numbers), comparison="max", limit=0.1) == 1.0


def test_number_without_interval_has_no_p_value() -> None:
    assert p_violated(measured(0.9, no_interval_reason="a census"), comparison="max", limit=0.1) is None


def test_interval_without_width_is_taken_at_its_word() -> None:
    assert p_violated(measured(0.2, 0.2, 0.2), comparison="max", limit=0.1) == 0.0


@given(
    k=st.integers(0, 50),
    limit=st.floats(0.01, 0.99),
    comparison=st.sampled_from(["max", "min"]),
)
def test_exact_tail_agrees_with_the_clopper_pearson_interval(k: int, limit: float, comparison: str) -> None:
    low, high = clopper_pearson(k, 50)[1:]
    share = measured(k / 50, low, high, n=50, unit="share", method="Clopper-Pearson")
    p = p_violated(share, comparison=comparison, limit=limit)
    lies_beyond = low > limit if comparison == "max" else high < limit
    assert p is not None
    assert lies_beyond == (p < ALPHA) or p == pytest.approx(ALPHA, rel=1e-6)


def _at_most(limit: float, count: int) -> Policy:
    return Policy(rules=tuple(Rule(measurement=f"a.b.m{i}", max=limit) for i in range(count)))


def test_holm_turns_a_narrow_failure_among_many_into_inconclusive() -> None:
    narrow = measured(0.2, 0.101, 0.299, id="a.b.m0")
    others = [measured(0.05, 0.0, 0.2, id=f"a.b.m{i}") for i in range(1, 10)]
    assert decided(_at_most(0.1, 1), finding(narrow)).verdicts[0].verdict == "fail"
    verdict = decided(_at_most(0.1, 10), finding(narrow, *others)).verdicts[0]
    assert verdict.verdict == "inconclusive"
    assert "among 10 thresholds" in verdict.reason
    assert verdict.adjusted_p_value == pytest.approx(10 * verdict.p_value)


def test_clear_failure_survives_holm() -> None:
    clear = measured(0.5, 0.4, 0.6, id="a.b.m0")
    others = [measured(0.05, 0.0, 0.2, id=f"a.b.m{i}") for i in range(1, 20)]
    assert decided(_at_most(0.1, 20), finding(clear, *others)).verdicts[0].verdict == "fail"


def test_same_threshold_under_two_rules_counts_once() -> None:
    narrow = finding(measured(0.2, 0.101, 0.299))
    policy = Policy(rules=(Rule(measurement="a.b.risk", max=0.1), Rule(measurement="a.b.*", max=0.1)))
    assert [verdict.verdict for verdict in decided(policy, narrow).verdicts] == ["fail", "fail"]


def test_exact_numbers_do_not_dilute_the_correction() -> None:
    narrow = measured(0.2, 0.101, 0.299, id="a.b.m0")
    counts = [
        measured(0, no_interval_reason="counted over every row", exact=True, id=f"a.b.m{i}") for i in range(1, 10)
    ]
    assert decided(_at_most(0.1, 10), finding(narrow, *counts)).verdicts[0].verdict == "fail"


def test_one_sided_interval_fails_at_the_two_sided_rate() -> None:
    verdict = one_rule(measured(0.2, 0.11, None)).verdicts[0]
    assert verdict.p_value == pytest.approx(norm.sf(norm.ppf(0.95) * 0.1 / 0.09))
    assert verdict.verdict == "inconclusive"


@pytest.mark.slow
def test_family_of_true_thresholds_fails_at_most_at_alpha() -> None:
    """Twenty shares exactly at their limits; 1,500 families: a rate of 2.5 % exceeds 4.2 % with probability < 1e-4."""
    rng = np.random.default_rng(11)
    counts = rng.binomial(400, 0.1, size=(1500, 20))
    every = np.arange(401)
    low, high = clopper_pearson(every, 400)[1:]
    policy = _at_most(0.1, 20)
    failed = 0
    for family in counts:
        shares = [
            measured(k / 400, low[k], high[k], id=f"a.b.m{i}", n=400, unit="share", method="Clopper-Pearson")
            for i, k in enumerate(family)
        ]
        failed += any(verdict.verdict == "fail" for verdict in decided(policy, finding(*shares)).verdicts)
    assert failed / 1500 <= 0.042
