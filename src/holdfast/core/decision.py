"""The policy applied to findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

VerdictKind = Literal["pass", "fail", "not_broken", "inconclusive", "could_not_evaluate", "not_applicable", "waived"]
DecisionKind = Literal["pass", "fail", "inconclusive", "could_not_evaluate"]
Severity = Literal["critical", "high", "medium", "low"]
DECISION_SCHEMA = "https://holdfast.dev/schema/decision/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One rule of the policy applied to one measurement.

    Attributes
    ----------
    rule
        The pattern of the rule, as the policy writes it.
    measurement
        Id of the measurement; the rule's pattern where there was none to apply it to.
    check
        Id of the check.
    verdict
        ``pass``: the whole interval of an estimate or upper bound is on the good side. ``fail``: the whole interval is
        on the bad side, and it survives Holm's correction over all thresholds tested. ``not_broken``: an attack or
        scan stayed on the good side, which proves no more than that it did. ``inconclusive``: the interval holds the
        threshold. ``could_not_evaluate``: no number.
    limit, comparison
        The threshold: the value must be at most (``max``) or at least (``min``) this.
    value, low, high
        The measurement that was compared.
    p_value, adjusted_p_value
        One-sided, that the threshold is violated, read from the interval; after Holm. ``None`` without an interval.
    required
        Whether a missing number keeps the decision from passing.
    reason
        Why this verdict, in one sentence; the reason of the rule stands in ``because``.
    waiver
        Who accepted it, why and until when; empty without a waiver.
    """

    rule: str
    measurement: str
    check: str
    verdict: VerdictKind
    severity: Severity
    comparison: Literal["max", "min"]
    limit: float
    value: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    adjusted_p_value: float | None = None
    required: bool = True
    reason: str = ""
    because: str = ""
    waiver: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Verdicts of every rule, and what follows.

    Attributes
    ----------
    outcome
        What the gate says.
    exit_code
        0 passed, 1 failed, 3 could not evaluate; an inconclusive outcome counts as the policy says.
    policy, policy_digest
        Name and digest of the policy.
    date
        The day for which waivers were judged, ISO 8601; part of the decision because waivers expire.
    findings_digest
        Digest of the canonical findings: when model or data change, the decision is stale.
    """

    outcome: DecisionKind
    exit_code: int
    policy: str
    policy_digest: str
    date: str
    findings_digest: str
    subject_digests: Mapping[str, str] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    summary: str = ""
    schema: str = DECISION_SCHEMA
