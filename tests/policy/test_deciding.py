"""From verdicts to the decision: precedence, exit codes, waivers, summary."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from holdfast.core.canonical import canonical_json, digest_of
from holdfast.core.decision import Decision
from holdfast.core.errors import InputError
from holdfast.core.parse import from_json
from holdfast.policy.rules import Policy, Rule
from holdfast.policy.waivers import Waiver
from tests.policy.sample import TODAY, decided, finding, measured, one_rule, unmeasured

GOOD, BAD, ACROSS = measured(0.05, 0.04, 0.06), measured(0.5, 0.4, 0.6), measured(0.1, 0.05, 0.15)
FOUND = {
    "pass": finding(GOOD),
    "fail": finding(BAD),
    "inconclusive": finding(ACROSS),
    "could_not_evaluate": unmeasured("error"),
    "not_applicable": unmeasured("not_applicable"),
}


def _decide_on(*kinds: str, **policy: str) -> Decision:
    rules, findings = [], []
    for i, kind in enumerate(kinds):
        check = f"a.c{i}"
        old = FOUND[kind]
        numbers = [measured(m.value, m.low, m.high, id=f"{check}.risk") for m in old.measurements]
        findings.append(finding(*numbers, check=check, state=old.state, reason=old.reason, needed=old.needed))
        rules.append(Rule(measurement=f"{check}.risk", max=0.1))
    return decided(Policy(name="p", rules=tuple(rules), **policy), *findings)


@pytest.mark.parametrize(
    ("kinds", "outcome", "exit_code"),
    [
        (("pass",), "pass", 0),
        (("pass", "not_applicable"), "pass", 0),
        (("pass", "inconclusive"), "inconclusive", 3),
        (("pass", "could_not_evaluate", "inconclusive"), "could_not_evaluate", 3),
        (("fail", "could_not_evaluate", "inconclusive", "pass"), "fail", 1),
        (("not_applicable",), "could_not_evaluate", 3),
    ],
)
def test_gravest_verdict_decides(kinds: tuple[str, ...], outcome: str, exit_code: int) -> None:
    decision = _decide_on(*kinds)
    assert (decision.outcome, decision.exit_code) == (outcome, exit_code)


@pytest.mark.parametrize(("counts_as", "exit_code"), [("fail", 1), ("pass", 0), ("could_not_evaluate", 3)])
def test_inconclusive_counts_as_the_policy_says(counts_as: str, exit_code: int) -> None:
    decision = _decide_on("pass", "inconclusive", inconclusive=counts_as)
    assert (decision.outcome, decision.exit_code) == ("inconclusive", exit_code)


def test_inconclusive_that_counts_as_failure_comes_before_a_missing_number() -> None:
    decision = _decide_on("inconclusive", "could_not_evaluate", inconclusive="fail")
    assert (decision.outcome, decision.exit_code) == ("inconclusive", 1)


def test_inconclusive_that_counts_as_pass_does_not_hide_a_missing_number() -> None:
    decision = _decide_on("inconclusive", "could_not_evaluate", inconclusive="pass")
    assert (decision.outcome, decision.exit_code) == ("could_not_evaluate", 3)


def test_empty_policy_fails() -> None:
    decision = decided("rules: []", finding(GOOD))
    assert (decision.outcome, decision.exit_code) == ("fail", 1)
    assert "no rules" in decision.summary


def test_missing_number_that_is_not_required_does_not_block() -> None:
    policy = Policy(
        rules=(Rule(measurement="a.b.risk", max=0.1), Rule(measurement="a.c.risk", max=0.1, required=False))
    )
    assert decided(policy, finding(GOOD), unmeasured("not_run", check="a.c")).outcome == "pass"


def test_policy_of_which_no_rule_could_be_applied_does_not_pass() -> None:
    assert one_rule(unmeasured("not_run"), {"required": False}).outcome == "could_not_evaluate"


@pytest.mark.parametrize(
    ("severity", "fail_on", "outcome"),
    [
        ("critical", "medium", "fail"),
        ("medium", "medium", "fail"),
        ("low", "medium", "pass"),
        ("low", "low", "fail"),
        ("medium", "high", "pass"),
    ],
)
def test_rules_below_the_severity_that_decides_only_advise(severity: str, fail_on: str, outcome: str) -> None:
    decision = one_rule(BAD, {"severity": severity}, fail_on=fail_on)
    assert (decision.outcome, decision.verdicts[0].verdict) == (outcome, "fail")


def _waiver(measurement: str = "a.b.risk", expires: date = TODAY) -> Waiver:
    return Waiver(measurement=measurement, owner="Ada", reason="mended in May", expires=expires)


@pytest.mark.parametrize("kind", ["fail", "inconclusive", "could_not_evaluate"])
def test_waiver_holds_until_its_last_day_and_stays_visible(kind: str) -> None:
    decision = one_rule(FOUND[kind], waivers=(_waiver(),))
    verdict = decision.verdicts[0]
    assert (decision.outcome, verdict.verdict) == ("pass", "waived")
    assert verdict.waiver == "accepted by Ada until 2026-11-23: mended in May"


def test_expired_waiver_is_ignored_and_said_so() -> None:
    decision = one_rule(BAD, waivers=(_waiver(expires=TODAY - timedelta(days=1)),))
    assert decision.outcome == "fail"
    assert "the waiver of Ada expired on 2026-11-22" in decision.verdicts[0].reason


def test_waiver_leaves_a_passed_threshold_alone() -> None:
    verdict = one_rule(GOOD, waivers=(_waiver(),)).verdicts[0]
    assert (verdict.verdict, verdict.waiver) == ("pass", "")


def test_waiver_for_one_column_leaves_the_others_of_a_pattern() -> None:
    gaps = finding(measured(0.5, 0.4, 0.6, id="a.b.gap.sex"), measured(0.5, 0.4, 0.6, id="a.b.gap.race"))
    policy = Policy(rules=(Rule(measurement="a.b.gap.*", max=0.1),), waivers=(_waiver("a.b.gap.sex"),))
    assert [verdict.verdict for verdict in decided(policy, gaps).verdicts] == ["waived", "fail"]


def test_waiver_for_a_column_that_a_pattern_covers_is_no_error_without_numbers() -> None:
    policy = Policy(rules=(Rule(measurement="a.b.gap.*", max=0.1),), waivers=(_waiver("a.b.gap.sex"),))
    assert decided(policy, unmeasured("not_run")).verdicts[0].verdict == "could_not_evaluate"


def test_waiver_for_nothing_is_an_error_that_names_the_closest() -> None:
    with pytest.raises(InputError, match=r"did you mean 'a\.b\.risk'"):
        one_rule(BAD, waivers=(_waiver("a.b.rsik"),))


@pytest.mark.parametrize(
    ("kinds", "summary"),
    [
        (("pass",), "The only threshold holds."),
        (("pass", "pass"), "All of 2 thresholds hold."),
        (
            ("fail", "pass", "inconclusive"),
            "1 of 3 thresholds failed; 1 inconclusive, 1 passed.",
        ),
        (("pass", "could_not_evaluate"), "None of 2 thresholds failed: 1 could not be evaluated, 1 passed."),
    ],
)
def test_summary_says_what_came_out(kinds: tuple[str, ...], summary: str) -> None:
    assert _decide_on(*kinds).summary == summary


def test_decision_is_bound_to_policy_findings_and_inputs() -> None:
    decision = one_rule(BAD)
    assert decision.subject_digests == {"model": "sha256:m", "test": "sha256:t"}
    assert decision.findings_digest != one_rule(GOOD).findings_digest
    assert decision.policy_digest != one_rule(BAD, {"max": 0.2}).policy_digest
    assert decision.date == "2026-11-23"


def test_policy_digest_covers_the_waivers() -> None:
    assert one_rule(BAD).policy_digest != one_rule(BAD, waivers=(_waiver(),)).policy_digest


def test_decision_survives_its_canonical_form() -> None:
    decision = _decide_on("fail", "pass", "could_not_evaluate")
    assert digest_of(from_json(Decision, canonical_json(decision), source="decision.json")) == digest_of(decision)
