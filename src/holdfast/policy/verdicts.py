"""Rules applied to findings: one verdict for each rule and measurement. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from holdfast.core.decision import Verdict, VerdictKind
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.finding import Finding
from holdfast.core.measurement import Bound, Measurement
from holdfast.policy.rules import Rule, matches
from holdfast.policy.significance import p_violated

_OPPOSITE: dict[Bound, Bound] = {"estimate": "estimate", "lower": "upper", "upper": "lower"}


@dataclass(frozen=True, slots=True)
class _Sides:
    """Where the measurement lies: wholly on one side of the threshold, or neither."""

    is_good: bool
    is_bad: bool


def judge(rules: Sequence[Rule], findings: Sequence[Finding]) -> tuple[Verdict, ...]:
    """Apply every rule to every measurement it covers, with Holm's correction over all of them.

    A threshold is failed when the whole interval lies on the bad side *and* the one-sided p-value, adjusted by Holm
    over all thresholds that an interval was held against, is at most (1 - level) / 2: the share that a two-sided
    interval leaves out on that side. With several levels the highest one counts. Otherwise it is inconclusive. A value
    that touches the threshold is on its good side. An upper bound of the risk cannot show a violation and is not among
    the thresholds corrected for.

    Raises
    ------
    InputError
        When a rule names a check that does not exist.
    """
    verdicts: list[Verdict] = []
    for rule in rules:
        verdicts.extend(_apply(rule, findings))
    compared = {verdict.measurement for verdict in verdicts if verdict.p_value is not None}
    tested = [m for finding in findings for m in finding.measurements if m.id in compared]
    level = max((m.level for m in tested if m.level is not None), default=0.95)
    return tuple(_corrected(verdicts, alpha=(1 - level) / 2))


def _apply(rule: Rule, findings: Sequence[Finding]) -> list[Verdict]:
    found = [finding for finding in findings if matches(rule.check_pattern, finding.check)]
    if not found:
        checks = [finding.check for finding in findings]
        raise InputError(
            f"the rule for {rule.measurement!r} names the check {rule.check_pattern!r}, which does not exist",
            hint=did_you_mean(rule.check_pattern, checks),
        )
    verdicts: list[Verdict] = []
    for finding in found:
        covered = [m for m in finding.measurements if matches(rule.measurement, m.id)]
        if finding.state != "measured":
            verdicts.append(_without_number(rule, finding))
        verdicts.extend(_compared(rule, finding, measurement) for measurement in covered if finding.state == "measured")
    return verdicts or [_unmatched(rule, found)]


def _blank(rule: Rule, check: str, measurement: str, verdict: VerdictKind, reason: str) -> Verdict:
    return Verdict(
        rule=rule.measurement,
        measurement=measurement,
        check=check,
        verdict=verdict,
        severity=rule.severity,
        comparison=rule.comparison,
        limit=rule.limit,
        required=rule.required,
        reason=reason,
        because=rule.because,
    )


def _without_number(rule: Rule, finding: Finding) -> Verdict:
    kind: VerdictKind = "not_applicable" if finding.state == "not_applicable" else "could_not_evaluate"
    tried = {"error": "the check failed: ", "not_run": "the check was not run: "}.get(finding.state, "")
    needed = f"; needed: {finding.needed}" if finding.needed and kind == "could_not_evaluate" else ""
    return _blank(rule, finding.check, rule.measurement, kind, f"{tried}{finding.reason}{needed}")


def _unmatched(rule: Rule, found: Sequence[Finding]) -> Verdict:
    known = [measurement.id for finding in found for measurement in finding.measurements]
    own, *others = (each.removeprefix(f"{found[0].check}.") for each in (rule.measurement, *known))
    is_slip = bool(get_close_matches(own, others, n=1))
    rest = did_you_mean(rule.measurement, known) if is_slip or not known else "its finding says why"
    reason = f"the check ran but measured nothing called {rule.measurement!r}; {rest}"
    return _blank(rule, found[0].check, rule.measurement, "could_not_evaluate", reason)


def _compared(rule: Rule, finding: Finding, measurement: Measurement) -> Verdict:
    bound = _bound_on_rule(rule, measurement)
    interval = measurement.interval
    kind, reason = _verdict(rule, measurement, bound, _sides(rule, measurement))
    can_fail = interval is not None and bound != "upper"
    return replace(
        _blank(rule, finding.check, measurement.id, kind, reason),
        value=measurement.value,
        low=measurement.low,
        high=measurement.high,
        p_value=p_violated(measurement, comparison=rule.comparison, limit=rule.limit) if can_fail else None,
    )


def _bound_on_rule(rule: Rule, measurement: Measurement) -> Bound:
    """Turn the bound round where a rule asks for the contrary of the risk that the bound speaks of."""
    risky = {"higher_is_better": "min", "lower_is_better": "max"}.get(measurement.direction, rule.comparison)
    return measurement.bound if rule.comparison == risky else _OPPOSITE[measurement.bound]


def _sides(rule: Rule, measurement: Measurement) -> _Sides:
    interval = measurement.interval
    low, high = (interval.low, interval.high) if interval else (measurement.value, measurement.value)
    if rule.comparison == "max":
        return _Sides(is_good=high is not None and high <= rule.limit, is_bad=low is not None and low > rule.limit)
    return _Sides(is_good=low is not None and low >= rule.limit, is_bad=high is not None and high < rule.limit)


def _verdict(rule: Rule, measurement: Measurement, bound: Bound, sides: _Sides) -> tuple[VerdictKind, str]:
    word, beyond = ("at most", "above") if rule.comparison == "max" else ("at least", "below")
    limit = f"{rule.limit:g}"
    is_settled = measurement.interval is not None or measurement.exact
    # That nothing worse was found claims no more than it says, whatever the number of rows.
    if not is_settled and not (sides.is_good and bound == "lower"):
        return "inconclusive", f"a number without an interval settles nothing: {measurement.no_interval_reason}"
    what = "the whole interval" if measurement.interval else "the exact number"
    exact = "" if measurement.interval else f" (no interval: {measurement.no_interval_reason})"
    if sides.is_good and bound == "lower":
        return "not_broken", f"what was tried stayed {word} {limit}; something else may still get past{exact}"
    if sides.is_good:
        return "pass", f"{what} is {word} {limit}{exact}"
    if bound == "upper":
        return "inconclusive", f"this is only a bound, and it does not reach {word} {limit}; the true value may{exact}"
    if sides.is_bad:
        return "fail", f"{what} is {beyond} {limit}{exact}"
    if None in (measurement.low, measurement.high):
        return "inconclusive", f"the interval has an open end, and so reaches over {limit}: more data would close it"
    return "inconclusive", f"the interval reaches over the limit of {limit}: more data would narrow it"


def _corrected(verdicts: Sequence[Verdict], *, alpha: float) -> list[Verdict]:
    """Adjust the p-values, each hypothesis counted once, and take back the failures that do not survive."""
    from holdfast.kernels.stats.multiplicity import holm

    p_values = {_hypothesis(verdict): verdict.p_value for verdict in verdicts if verdict.p_value is not None}
    adjusted = dict(zip(p_values, holm(list(p_values.values())).tolist(), strict=True)) if p_values else {}
    return [_settled(verdict, adjusted.get(_hypothesis(verdict)), len(adjusted), alpha=alpha) for verdict in verdicts]


def _hypothesis(verdict: Verdict) -> tuple[str, str, float]:
    return verdict.measurement, verdict.comparison, verdict.limit


def _settled(verdict: Verdict, adjusted: float | None, tests: int, *, alpha: float) -> Verdict:
    if verdict.p_value is None or adjusted is None:
        return verdict
    verdict = replace(verdict, adjusted_p_value=adjusted)
    if verdict.verdict != "fail":
        return verdict
    if adjusted <= alpha:
        among = f", also among the {tests} thresholds tested" if tests > 1 else ""
        return replace(verdict, reason=f"{verdict.reason}{among}")
    reason = (
        f"{verdict.reason}, but not clearly enough among {tests} thresholds: "
        f"adjusted p = {adjusted:.2g}, a failure needs {alpha:.2g}"
    )
    return replace(verdict, verdict="inconclusive", reason=reason)
