"""What must hold for any interval and threshold."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast.policy.rules import Policy, Rule
from tests.policy.sample import decided, finding, measured, one_rule

part = st.floats(0, 1, allow_subnormal=False).map(lambda x: round(x, 3))
bounds = st.sampled_from(["estimate", "lower", "upper"])
GRAVITY = {"pass": 0, "not_broken": 0, "inconclusive": 1, "fail": 2}


@st.composite
def risks(draw: st.DrawFn) -> dict[str, Any]:
    """Numbers of a risk whose interval holds its value."""
    low, value, high = sorted((draw(part), draw(part), draw(part)))
    return {"value": value, "low": low, "high": high, "bound": draw(bounds)}


@given(risk=risks(), limit=part, below=part, above=part)
def test_widening_an_interval_never_settles_what_was_open(
    risk: dict[str, Any], limit: float, below: float, above: float
) -> None:
    wide = {**risk, "low": risk["low"] - below, "high": risk["high"] + above}
    before, after = (one_rule(measured(**numbers), {"max": limit}).verdicts[0].verdict for numbers in (risk, wide))
    assert after in (before, "inconclusive")


@given(risk=risks(), others=st.lists(risks(), max_size=4), limit=part, tighter=part)
def test_tightening_a_threshold_never_mends_a_verdict(
    risk: dict[str, Any], others: list[dict[str, Any]], limit: float, tighter: float
) -> None:
    family = finding(measured(**risk), *(measured(**item, id=f"a.b.m{i}") for i, item in enumerate(others)))
    rest = [Rule(measurement=f"a.b.m{i}", max=0.5) for i in range(len(others))]

    def gravity(most: float) -> int:
        policy = Policy(rules=(Rule(measurement="a.b.risk", max=most), *rest))
        return GRAVITY[decided(policy, family).verdicts[0].verdict]

    assert gravity(min(limit, tighter)) >= gravity(max(limit, tighter))


@given(risk=risks(), limit=part, others=st.integers(0, 10))
def test_more_thresholds_never_make_a_failure(risk: dict[str, Any], limit: float, others: int) -> None:
    rules = tuple(Rule(measurement=f"a.b.m{i}", max=0.9) for i in range(others))
    more = finding(measured(**risk), *(measured(0.5, 0.4, 0.6, id=f"a.b.m{i}") for i in range(others)))
    alone = one_rule(measured(**risk), {"max": limit}).verdicts[0].verdict
    among = decided(Policy(rules=(Rule(measurement="a.b.risk", max=limit), *rules)), more).verdicts[0].verdict
    assert GRAVITY[among] <= GRAVITY[alone]


@given(risk=risks(), limit=part)
def test_mirrored_measurement_gets_the_same_verdict(risk: dict[str, Any], limit: float) -> None:
    mirrored = {"value": -risk["value"], "low": -risk["high"], "high": -risk["low"], "bound": risk["bound"]}
    as_benefit = measured(**mirrored, direction="higher_is_better")
    verdicts = (
        one_rule(measured(**risk), {"max": limit}).verdicts[0],
        one_rule(as_benefit, {"min": -limit}).verdicts[0],
    )
    assert verdicts[0].verdict == verdicts[1].verdict
