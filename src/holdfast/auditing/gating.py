"""Apply a policy to a finished audit."""

from __future__ import annotations

from datetime import date

from holdfast.core.decision import Decision
from holdfast.core.record import Audit
from holdfast.policy.deciding import decide
from holdfast.policy.presets import load_policy


def apply_policy(audit: Audit, policy: str | None) -> Decision:
    """Return the decision of a policy (a preset, or a path) about the findings; the audit's own when none is named.

    Notes
    -----
    An audit's own decision is the one it was signed with. With a policy, waivers are judged as of today.
    """
    if policy is None:
        return audit.decision
    return decide(load_policy(policy), audit.findings, today=date.today())
