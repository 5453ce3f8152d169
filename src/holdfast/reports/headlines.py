"""What belongs on page one: the few checks that the owner of a model must hear about, worst first."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.core.decision import Severity, Verdict, VerdictKind
from holdfast.core.finding import Finding
from holdfast.core.measurement import Measurement
from holdfast.core.record import Audit
from holdfast.reports.text import measurements_by_id, plain_sentence, settling, verdict_reason

MOST_HEADLINES = 5
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
ORDER: tuple[VerdictKind, ...] = (
    "fail", "could_not_evaluate", "inconclusive", "waived", "not_broken", "pass", "not_applicable",
)  # fmt: skip
UNRESOLVED: tuple[VerdictKind, ...] = ("fail", "could_not_evaluate", "inconclusive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One line of page one: a check, its gravest verdict, what it means and what to do next."""

    check: str
    title: str
    kind: VerdictKind
    severity: Severity
    sentence: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Untested:
    """A check that gave no number, why, and what it would need."""

    check: str
    title: str
    reason: str
    needed: str


def headlines(audit: Audit) -> tuple[Headline, ...]:
    """Pick what page one says, worst first, one line per check; the caller cuts the list."""
    findings = {finding.check: finding for finding in audit.findings.findings}
    measurements = measurements_by_id(audit.findings.findings)
    gravest: dict[str, Verdict] = {}
    for verdict in sorted(audit.decision.verdicts, key=gravity):
        gravest.setdefault(verdict.check, verdict)
    told = [
        (_rank(verdict), _headline(verdict, findings.get(check), measurements.get(verdict.measurement)))
        for check, verdict in gravest.items()
        if verdict.verdict != "not_applicable"
    ]
    stopped = [
        (ORDER.index("could_not_evaluate"), _stopped(finding))
        for finding in findings.values()
        if finding.state == "error" and finding.check not in gravest
    ]
    return tuple(line for _, line in sorted([*told, *stopped], key=lambda ranked: ranked[0]))


def untested(audit: Audit) -> tuple[Untested, ...]:
    """List every check that gave no number: skipped by the plan, or without a result."""
    found = {finding.check: finding for finding in audit.findings.findings}
    planned = {item.check: item for item in audit.run.plan}
    rows = []
    for check in dict.fromkeys([*planned, *found]):
        finding, item = found.get(check), planned.get(check)
        if finding is not None and finding.state != "measured":
            rows.append(
                Untested(check=check, title=finding.title, reason=finding.reason or "", needed=finding.needed or "")
            )
        elif finding is None and item is not None:
            reason = item.reason if item.action == "skip" else "the run ended before this check"
            rows.append(
                Untested(check=check, title=item.title, reason=reason, needed=item.needed or "a run to the end")
            )
    return tuple(rows)


def gravity(verdict: Verdict) -> tuple[float, bool, int, float]:
    """Sort key of verdicts: gravest first, required before optional, and passes by how clear they are."""
    return (_rank(verdict), not verdict.required, SEVERITIES.index(verdict.severity), -_margin(verdict))


def _rank(verdict: Verdict) -> float:
    """Place in the order; what was measured and is open comes before what nobody had to provide."""
    is_optional_gap = verdict.verdict == "could_not_evaluate" and not verdict.required
    return ORDER.index("inconclusive") + 0.5 if is_optional_gap else ORDER.index(verdict.verdict)


def _margin(verdict: Verdict) -> float:
    """Distance from the threshold to the end of the interval that is nearer to it, relative to the threshold."""
    end = verdict.high if verdict.comparison == "max" else verdict.low
    end = verdict.value if end is None else end
    return 0.0 if end is None else abs(end - verdict.limit) / (abs(verdict.limit) or 1.0)


def _headline(verdict: Verdict, finding: Finding | None, measurement: Measurement | None) -> Headline:
    if measurement is not None:
        sentence = plain_sentence(measurement)
    else:
        reason = finding.reason if finding is not None and finding.reason else verdict_reason(verdict)
        sentence = f"There is no number: {reason.rstrip('.')}."
    return Headline(
        check=verdict.check,
        title=finding.title if finding is not None else verdict.check,
        kind=verdict.verdict,
        severity=verdict.severity,
        sentence=sentence,
        action=_action(verdict, finding, measurement),
    )


def _action(verdict: Verdict, finding: Finding | None, measurement: Measurement | None) -> str:
    if verdict.verdict == "could_not_evaluate":
        return _needed(finding)
    if verdict.verdict == "inconclusive":
        return settling(verdict, measurement)
    if verdict.verdict == "waived":
        return f"Accepted by a waiver: {verdict.waiver}"
    if verdict.verdict == "not_broken":
        return "Nothing now. Other attacks may do better: repeat when the model or its surroundings change."
    if verdict.verdict == "pass":
        return "Nothing now. Repeat when the model or the data change."
    return (
        finding.remediation if finding is not None and finding.remediation else "Find the cause, mend it, audit again."
    )


def _stopped(finding: Finding) -> Headline:
    return Headline(
        check=finding.check,
        title=finding.title,
        kind="could_not_evaluate",
        severity="low",
        sentence=f"There is no number: {(finding.reason or '').rstrip('.')}.",
        action=_needed(finding),
    )


def _needed(finding: Finding | None) -> str:
    return (
        f"Provide what is missing: {finding.needed}"
        if finding is not None and finding.needed
        else "Let this check run, then decide again."
    )
