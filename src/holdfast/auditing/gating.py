"""Apply a policy to a finished audit, and enter what it decides."""

from __future__ import annotations

from datetime import date

from holdfast.auditing.stating import decision_statements
from holdfast.core.canonical import digest_of
from holdfast.core.decision import Decision
from holdfast.core.record import Audit
from holdfast.evidence.entering import enter
from holdfast.evidence.receipt import Receipt
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


def enter_decision(audit: Audit, decision: Decision) -> Receipt | None:
    """Enter a decision that is not the audit's own into the ledger of this place; ``None`` where there is none.

    Raises
    ------
    InputError
        When the ledger cannot be written.
    """
    about = {"decision": digest_of(decision), "findings": digest_of(audit.findings)}
    statements, commitments = decision_statements(decision, about)
    return enter(statements, commitments=commitments)
