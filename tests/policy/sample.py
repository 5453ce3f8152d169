"""Small findings to decide about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from holdfast.core.decision import Decision
from holdfast.core.deployment import Deployment
from holdfast.core.finding import Finding
from holdfast.core.measurement import Measurement
from holdfast.core.record import Findings, SubjectCard, TableCard
from holdfast.policy.deciding import decide
from holdfast.policy.rules import Policy, Rule, parse_policy

TODAY = date(2026, 11, 23)
CARD = SubjectCard(
    name="sample",
    task="binary",
    target="y",
    classes=(0, 1),
    positive=1,
    features=("x",),
    model_format=None,
    model_description=None,
    model_digest="sha256:m",
    capabilities=(),
    tables={"test": TableCard(rows=10, columns=2, digest="sha256:t")},
    deployment=Deployment(),
)
METHOD = "BCa bootstrap"


def measured(
    value: float, low: float | None = None, high: float | None = None, *, id: str = "a.b.risk", **more: Any
) -> Measurement:
    """A risk (lower is better) with an interval unless ``no_interval_reason`` is given."""
    fields: dict[str, Any] = {"direction": "lower_is_better", **more}
    if "no_interval_reason" not in fields:
        fields = {"level": 0.95, "method": METHOD, "low": low, "high": high, **fields}
    return Measurement(id=id, name=id, value=value, **fields)


def finding(*measurements: Measurement, check: str = "a.b", **more: Any) -> Finding:
    """A measured finding of one check."""
    return Finding(check=check, title=check, **{"state": "measured", "measurements": measurements, **more})


def unmeasured(state: str, *, check: str = "a.b") -> Finding:
    """A finding without numbers."""
    return finding(check=check, state=state, reason="no training table", needed="--train")


def decided(policy: Policy | str, *findings: Finding, today: date = TODAY) -> Decision:
    """Decide on a policy given as an object or as YAML."""
    rules = parse_policy(policy, source="policy.yaml") if isinstance(policy, str) else policy
    return decide(rules, Findings(subject=CARD, findings=findings), today=today)


def one_rule(decision_of: Measurement | Finding, rule: Mapping[str, Any] | None = None, **policy: Any) -> Decision:
    """Decide one threshold: at most 0.1 unless the rule says otherwise."""
    settings = {
        "measurement": "a.b.risk",
        **({"max": 0.1} if rule is None or "min" not in rule else {}),
        **(rule or {}),
    }
    subject = decision_of if isinstance(decision_of, Finding) else finding(decision_of)
    return decided(Policy(name="p", rules=(Rule(**settings),), **policy), subject)
