"""What a policy is, and how it is read from YAML."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from holdfast.core.canonical import digest_of
from holdfast.core.decision import Severity
from holdfast.core.errors import InputError
from holdfast.core.parse import from_mapping, parse_yaml
from holdfast.policy.approvals import Artefacts
from holdfast.policy.waivers import Waiver

Comparison = Literal["max", "min"]
SHA256 = re.compile("sha256:[0-9a-f]{64}")
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A threshold on a measurement.

    Attributes
    ----------
    measurement
        Id of the measurement, ``family.check.name``. A ``*`` at the end stands for any rest, elsewhere for any part of
        one segment.
    max, min
        The value must be at most, or at least, this; exactly one of them.
    severity
        How grave a violation is. Below the policy's ``fail_on`` a rule advises and does not decide.
    required
        Whether a missing number keeps the decision from passing.
    because
        Why this number.
    """

    measurement: str
    max: float | None = None
    min: float | None = None
    severity: Severity = "high"
    required: bool = True
    because: str = ""

    @property
    def comparison(self) -> Comparison:
        """Which way the threshold binds."""
        return "min" if self.max is None else "max"

    @property
    def limit(self) -> float:
        """The threshold."""
        limit = self.min if self.max is None else self.max
        if limit is None:
            raise InputError(f"expected max or min in the rule for {self.measurement!r}, got neither")
        return limit

    @property
    def check_pattern(self) -> str:
        """The part of the pattern that names the check."""
        return ".".join(self.measurement.split(".")[:2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Thresholds and what follows from them.

    Attributes
    ----------
    name
        What it is called in decisions.
    inconclusive
        What an inconclusive outcome counts as.
    fail_on
        The mildest severity that decides; rules below it are shown but change nothing.
    rules, waivers
        The thresholds, and violations somebody accepted for a time.
    artefacts
        Model files that somebody answers for.
    """

    name: str = "unnamed policy"
    inconclusive: Literal["fail", "pass", "could_not_evaluate"] = "could_not_evaluate"
    fail_on: Severity = "medium"
    rules: tuple[Rule, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    artefacts: Artefacts = field(default_factory=Artefacts)


def parse_policy(text: str, *, source: str) -> Policy:
    """Read a policy from YAML; an empty text is the empty policy, which fails.

    Raises
    ------
    InputError
        For an unknown key, a wrong value, a rule without exactly one of ``max`` and ``min``.
    """
    written = parse_yaml(text, source=source) or {}
    _refuse_booleans(written, source=source)
    policy = from_mapping(Policy, written, source=source)
    validate(policy, source=source)
    return policy


def _refuse_booleans(written: object, *, source: str) -> None:
    """``max: true`` would be taken for the number 1."""
    rules = written.get("rules") if isinstance(written, dict) else None
    for position, rule in enumerate(rules if isinstance(rules, list) else [], start=1):
        for key in ("max", "min"):
            if isinstance(rule, dict) and isinstance(rule.get(key), bool):
                shown = str(rule[key]).lower()
                raise InputError(f"expected a number as {key} in rule {position} of {source}, got {shown}")


def validate(policy: Policy, *, source: str) -> None:
    """Refuse rules and waivers that cannot mean anything.

    Raises
    ------
    InputError
        Naming the rule or waiver.
    """
    for position, rule in enumerate(policy.rules, start=1):
        _validate_rule(rule, where=f"rule {position} ({rule.measurement!r}) of {source}")
    for position, waiver in enumerate(policy.waivers, start=1):
        where = f"waiver {position} ({waiver.measurement!r}) of {source}"
        for key in ("measurement", "owner", "reason"):
            if not getattr(waiver, key).strip():
                raise InputError(
                    f"expected {key} in {where}, got nothing", hint="a waiver says who accepted what, and why"
                )

    for position, approval in enumerate(policy.artefacts.approved, start=1):
        where = f"approval {position} ({approval.digest!r:.80}) of {source}"
        if not SHA256.fullmatch(approval.digest):
            raise InputError(
                f"expected digest as sha256: and 64 hexadecimal digits in {where}", hint="holdfast scan prints it"
            )
        for key in ("owner", "reason"):
            if not getattr(approval, key).strip():
                raise InputError(
                    f"expected {key} in {where}, got nothing", hint="an approval says who approved what, and why"
                )


def _validate_rule(rule: Rule, *, where: str) -> None:
    if (rule.max is None) == (rule.min is None):
        got = "neither" if rule.max is None else f"max: {rule.max} and min: {rule.min}"
        raise InputError(
            f"expected exactly one of max and min in {where}, got {got}", hint="write two rules for a range"
        )
    if not math.isfinite(rule.limit):
        raise InputError(f"expected a finite number in {where}, got {rule.comparison}: {rule.limit}")
    segments = rule.measurement.split(".")
    if not all(segments) or (len(segments) < 3 and not rule.measurement.endswith("*")):
        raise InputError(
            f"expected a measurement as family.check.name in {where}, got {rule.measurement!r}",
            hint="for example performance.calibration.ece, or performance.calibration.* for all of a check",
        )


def policy_digest(policy: Policy) -> str:
    """Digest everything that a policy says."""
    waivers = [
        {
            "measurement": item.measurement,
            "owner": item.owner,
            "reason": item.reason,
            "expires": item.expires.isoformat(),
        }
        for item in policy.waivers
    ]
    approved = [
        {"digest": item.digest, "owner": item.owner, "reason": item.reason, "expires": item.expires.isoformat()}
        for item in policy.artefacts.approved
    ]
    head = {"name": policy.name, "inconclusive": policy.inconclusive, "fail_on": policy.fail_on}
    return digest_of({**head, "rules": policy.rules, "waivers": waivers, "artefacts": {"approved": approved}})


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern of a rule or waiver covers a measurement.

    Examples
    --------
    >>> matches("fairness.group_gaps.demographic_parity.*", "fairness.group_gaps.demographic_parity.sex")
    True
    >>> matches("performance.*.ece", "performance.calibration.bins.ece")
    False
    """
    return _compiled(pattern).fullmatch(name) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    body, rest = (pattern[:-1], ".*") if pattern.endswith("*") else (pattern, "")
    return re.compile("[^.]*".join(re.escape(part) for part in body.split("*")) + rest, re.DOTALL)
