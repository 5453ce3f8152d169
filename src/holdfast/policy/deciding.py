"""The decision: a policy applied to the findings of an audit on a given day. The public entrance of this folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from holdfast.core.canonical import digest_of
from holdfast.core.decision import Decision, DecisionKind, Verdict, VerdictKind
from holdfast.core.errors import InputError, did_you_mean
from holdfast.core.record import Findings, SubjectCard
from holdfast.policy.rules import SEVERITIES, Policy, matches, policy_digest, validate
from holdfast.policy.verdicts import judge
from holdfast.policy.waivers import Waiver

WAIVABLE = ("fail", "inconclusive", "could_not_evaluate")
_EXIT_CODES = {"pass": 0, "fail": 1, "could_not_evaluate": 3}
_WORDS: dict[VerdictKind, str] = {
    "could_not_evaluate": "could not be evaluated",
    "inconclusive": "inconclusive",
    "waived": "waived",
    "not_broken": "not broken by what was tried",
    "pass": "passed",
    "not_applicable": "not applicable",
}


def decide(policy: Policy, findings: Findings, *, today: date) -> Decision:
    """Apply a policy.

    Parameters
    ----------
    policy : Policy
    findings : Findings
        With a finding for every check that exists, whatever its state: a rule for any other check is an error.
    today : date
        The day for which waivers are judged.

    Returns
    -------
    Decision
        ``fail`` before ``could_not_evaluate`` before ``inconclusive`` before ``pass``; where the policy counts
        inconclusive as a failure, it comes before ``could_not_evaluate``. A policy without rules fails. One whose rules
        could none of them be applied could not be evaluated.

    Raises
    ------
    InputError
        For a rule on a check that does not exist, or a waiver for something that no rule covers.
    """
    validate(policy, source=f"the policy {policy.name!r}")
    verdicts = judge(policy.rules, findings.findings)
    _refuse_idle_waivers(policy, verdicts)
    verdicts = tuple(_waived(verdict, policy.waivers, today) for verdict in verdicts)
    outcome = _outcome(policy, verdicts)
    return Decision(
        outcome=outcome,
        exit_code=_EXIT_CODES[policy.inconclusive if outcome == "inconclusive" else outcome],
        policy=policy.name,
        policy_digest=policy_digest(policy),
        date=today.isoformat(),
        findings_digest=digest_of(findings),
        subject_digests=_subject_digests(findings.subject),
        verdicts=verdicts,
        summary=_summary(policy, verdicts),
    )


def _waived(verdict: Verdict, waivers: Sequence[Waiver], today: date) -> Verdict:
    if verdict.verdict not in WAIVABLE:
        return verdict
    concerned = [waiver for waiver in waivers if _concerns(waiver, verdict)]
    for waiver in concerned:
        if waiver.holds(today):
            reason = f"{verdict.verdict.replace('_', ' ')}, but waived: {verdict.reason}"
            return replace(verdict, verdict="waived", waiver=str(waiver), reason=reason)
    expired = [f"the waiver of {waiver.owner} expired on {waiver.expires.isoformat()}" for waiver in concerned]
    return replace(verdict, reason="; ".join((verdict.reason, *expired)))


def _concerns(waiver: Waiver, verdict: Verdict) -> bool:
    return matches(waiver.measurement, verdict.measurement) or waiver.measurement == verdict.rule


def _refuse_idle_waivers(policy: Policy, verdicts: Sequence[Verdict]) -> None:
    for waiver in policy.waivers:
        covered = any(matches(rule.measurement, waiver.measurement) for rule in policy.rules)
        if not covered and not any(_concerns(waiver, verdict) for verdict in verdicts):
            choices = dict.fromkeys(name for verdict in verdicts for name in (verdict.measurement, verdict.rule))
            raise InputError(
                f"the waiver of {waiver.owner!r} is for {waiver.measurement!r}, which no rule of the policy covers",
                hint=did_you_mean(waiver.measurement, choices),
            )


def _outcome(policy: Policy, verdicts: Sequence[Verdict]) -> DecisionKind:
    if not policy.rules:
        return "fail"
    deciding = {verdict.verdict for verdict in verdicts if _decides(policy, verdict)}
    if "fail" in deciding:
        return "fail"
    if "inconclusive" in deciding and policy.inconclusive == "fail":
        return "inconclusive"
    has_answer = any(verdict.verdict not in ("not_applicable", "could_not_evaluate") for verdict in verdicts)
    if "could_not_evaluate" in deciding or not has_answer:
        return "could_not_evaluate"
    return "inconclusive" if "inconclusive" in deciding else "pass"


def _decides(policy: Policy, verdict: Verdict) -> bool:
    """Whether a verdict has a say: missing numbers by ``required``, all others by severity."""
    if verdict.verdict == "could_not_evaluate":
        return verdict.required
    return SEVERITIES.index(verdict.severity) <= SEVERITIES.index(policy.fail_on)


def _subject_digests(subject: SubjectCard) -> dict[str, str]:
    model = {} if subject.model_digest is None else {"model": subject.model_digest}
    return {**model, **{name: table.digest for name, table in subject.tables.items()}}


def _summary(policy: Policy, verdicts: Sequence[Verdict]) -> str:
    """Say in a few words what came out."""
    if not policy.rules:
        return "The policy has no rules, so nothing vouches for this model."
    times = Counter(verdict.verdict for verdict in verdicts)
    total = f"{len(verdicts)} threshold{'s' if len(verdicts) != 1 else ''}"
    if times["pass"] == len(verdicts):
        return f"All of {total} hold." if len(verdicts) > 1 else "The only threshold holds."
    rest = ", ".join(f"{times[kind]} {words}" for kind, words in _WORDS.items() if times[kind])
    if not times["fail"]:
        return f"None of {total} failed: {rest}."
    return f"{times['fail']} of {total} failed{f'; {rest}' if rest else ''}."
