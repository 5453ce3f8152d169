"""Every cell of the verdict table, and how rules find their measurements."""

from __future__ import annotations

import pytest

from holdfast.core.errors import InputError
from holdfast.policy.rules import Policy, Rule
from tests.policy.sample import decided, finding, measured, one_rule, unmeasured

GOOD, BAD, ACROSS = (0.05, 0.04, 0.06), (0.5, 0.4, 0.6), (0.1, 0.05, 0.15)


@pytest.mark.parametrize(
    ("bound", "numbers", "expected"),
    [
        ("estimate", GOOD, "pass"),
        ("estimate", BAD, "fail"),
        ("estimate", ACROSS, "inconclusive"),
        ("lower", GOOD, "not_broken"),
        ("lower", BAD, "fail"),
        ("lower", ACROSS, "inconclusive"),
        ("upper", GOOD, "pass"),
        ("upper", BAD, "inconclusive"),
        ("upper", ACROSS, "inconclusive"),
    ],
)
def test_verdict_of_each_bound_and_side(bound: str, numbers: tuple[float, float, float], expected: str) -> None:
    assert one_rule(measured(*numbers, bound=bound)).verdicts[0].verdict == expected


@pytest.mark.parametrize(
    ("bound", "numbers", "expected"),
    [
        ("lower", (0.05, 0.04, 0.06), "fail"),
        ("lower", BAD, "not_broken"),
        ("upper", (0.05, 0.04, 0.06), "inconclusive"),
    ],
)
def test_bound_speaks_of_the_risk_also_where_higher_is_better(
    bound: str, numbers: tuple[float, float, float], expected: str
) -> None:
    distance = measured(*numbers, bound=bound, direction="higher_is_better")
    assert one_rule(distance, {"min": 0.1}).verdicts[0].verdict == expected


def test_lower_bound_of_the_risk_is_an_upper_one_for_the_contrary_rule() -> None:
    assert one_rule(measured(*GOOD, bound="lower"), {"min": 0.1}).verdicts[0].verdict == "inconclusive"


@pytest.mark.parametrize(("comparison", "numbers"), [("max", (0.05, 0.0, 0.1)), ("min", (0.2, 0.1, 0.3))])
def test_interval_that_touches_the_threshold_passes(comparison: str, numbers: tuple[float, float, float]) -> None:
    assert one_rule(measured(*numbers), {comparison: 0.1}).verdicts[0].verdict == "pass"


def test_interval_that_begins_at_the_threshold_does_not_fail() -> None:
    assert one_rule(measured(0.2, 0.1, 0.3)).verdicts[0].verdict == "inconclusive"


@pytest.mark.parametrize(
    ("comparison", "low", "high"), [("max", 0.0, None), ("max", None, 0.9), ("min", None, 0.9), ("min", 0.0, None)]
)
def test_open_end_is_on_no_side(comparison: str, low: float | None, high: float | None) -> None:
    value = 0.05 if (comparison == "max") == (high is None) else 0.5
    assert one_rule(measured(value, low, high), {comparison: 0.1}).verdicts[0].verdict == "inconclusive"


@pytest.mark.parametrize(
    ("value", "bound", "expected"),
    [
        (0.1, "estimate", "pass"),
        (0.2, "estimate", "fail"),
        (0.1, "lower", "not_broken"),
        (0.2, "lower", "fail"),
        (0.2, "upper", "inconclusive"),
    ],
)
def test_exact_number_is_compared_itself(value: float, bound: str, expected: str) -> None:
    verdict = one_rule(measured(value, bound=bound, no_interval_reason="counted over every row", exact=True)).verdicts[
        0
    ]
    assert (verdict.verdict, verdict.p_value) == (expected, None)


def test_open_end_is_named_as_the_cause() -> None:
    assert "open end" in one_rule(measured(0.05, 0.0, None)).verdicts[0].reason


def test_search_that_found_nothing_is_not_broken_without_an_interval() -> None:
    nothing = measured(0.0, bound="lower", no_interval_reason="no slice with more errors was found to test")
    assert one_rule(nothing).verdicts[0].verdict == "not_broken"


def test_verdict_on_an_exact_number_says_that_there_is_no_interval() -> None:
    reason = one_rule(measured(0.2, no_interval_reason="a census of the rows", exact=True)).verdicts[0].reason
    assert reason == "the exact number is above 0.1 (no interval: a census of the rows)"


@pytest.mark.parametrize("value", [0.0, 0.9])
def test_sampled_number_without_interval_settles_nothing(value: float) -> None:
    assert (
        one_rule(measured(value, no_interval_reason="a complete count of one row")).verdicts[0].verdict
        == "inconclusive"
    )


@pytest.mark.parametrize(
    ("state", "expected"),
    [("error", "could_not_evaluate"), ("not_run", "could_not_evaluate"), ("not_applicable", "not_applicable")],
)
def test_finding_without_number(state: str, expected: str) -> None:
    assert one_rule(unmeasured(state)).verdicts[0].verdict == expected


def test_missing_number_is_explained_by_the_finding() -> None:
    verdict = one_rule(unmeasured("not_run")).verdicts[0]
    assert verdict.reason == "the check was not run: no training table; needed: --train"


def test_measurement_that_the_check_did_not_give_could_not_be_evaluated() -> None:
    verdict = one_rule(finding(measured(*GOOD, id="a.b.rsik"))).verdicts[0]
    assert (verdict.verdict, verdict.measurement) == ("could_not_evaluate", "a.b.risk")
    assert "did you mean 'a.b.rsik'?" in verdict.reason


def test_a_measurement_that_was_not_possible_is_no_slip_of_the_pen() -> None:
    verdict = one_rule(finding(measured(*GOOD, id="a.b.something_else"))).verdicts[0]
    assert "did you mean" not in verdict.reason
    assert verdict.reason.endswith("its finding says why")


def test_rule_for_an_unknown_check_is_an_error_that_names_the_closest() -> None:
    with pytest.raises(InputError, match=r"did you mean 'a\.b'"):
        one_rule(finding(measured(*GOOD)), {"measurement": "a.bb.risk"})


def test_pattern_applies_to_every_measurement_it_covers() -> None:
    policy = Policy(rules=(Rule(measurement="a.b.gap.*", max=0.1),))
    gaps = finding(measured(*GOOD, id="a.b.gap.sex"), measured(*BAD, id="a.b.gap.edu.num"), measured(*BAD, id="a.b.x"))
    verdicts = {verdict.measurement: verdict.verdict for verdict in decided(policy, gaps).verdicts}
    assert verdicts == {"a.b.gap.sex": "pass", "a.b.gap.edu.num": "fail"}


def test_pattern_over_checks_reports_each_check_without_numbers() -> None:
    policy = Policy(rules=(Rule(measurement="a.*.risk", max=0.1),))
    decision = decided(policy, finding(measured(*GOOD)), unmeasured("error", check="a.c"))
    assert [verdict.verdict for verdict in decision.verdicts] == ["pass", "could_not_evaluate"]


@pytest.mark.parametrize("odd", ["a.b.risk.[ab]", "a.b.ri?k", "a.b.ris."])
def test_only_the_star_is_special_in_patterns(odd: str) -> None:
    decision = one_rule(finding(measured(*GOOD)), {"measurement": odd.rstrip(".")})
    assert decision.verdicts[0].verdict == "could_not_evaluate"


def test_verdict_carries_the_numbers_it_compared() -> None:
    verdict = one_rule(measured(*BAD), {"because": "why"}).verdicts[0]
    assert (verdict.value, verdict.low, verdict.high, verdict.limit, verdict.because) == (*BAD, 0.1, "why")
