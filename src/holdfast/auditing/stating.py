"""What a finished audit or scan states for the ledger: digests of everything, and no name of a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from holdfast.core.canonical import digest_of
from holdfast.core.decision import Decision
from holdfast.core.record import Audit
from holdfast.core.scan import ScanReport
from holdfast.evidence.bundle import subject_digests
from holdfast.evidence.commitment import Commitment, commit
from holdfast.evidence.statement import Statement

MOST_FILES = 1000


def audit_statements(audit: Audit, files: Mapping[str, str]) -> tuple[list[Statement], list[Commitment]]:
    """State an audit, its decision, and each waiver that the decision used.

    Parameters
    ----------
    files
        Digests of the files of the audit by relative path.

    Returns
    -------
    tuple
        The statements, that of the audit first, and the commitments in them: who waived what stands in the ledger as a
        commitment only, because the ledger forgets nothing.
    """
    subject, decision = audit.findings.subject, audit.decision
    about = subject_digests(subject) or {"findings.json": files["findings.json"]}
    done = {
        "name": subject.name,
        "version": audit.run.version,
        "files": dict(files),
        "findings": {finding.check: digest_of(finding) for finding in audit.findings.findings},
    }
    of_decision = {name: files[name] for name in ("decision.json", "findings.json")}
    decided, commitments = decision_statements(decision, of_decision)
    return [Statement(kind="audit", subjects=about, predicate=done), *decided], commitments


def decision_statements(decision: Decision, subjects: Mapping[str, str]) -> tuple[list[Statement], list[Commitment]]:
    """State a decision and each waiver that it used.

    Parameters
    ----------
    subjects
        Digests of the decision and of the findings that it is about, by name.

    Returns
    -------
    tuple
        The statements, that of the decision first, and the commitments in them.
    """
    decided = {
        "outcome": decision.outcome,
        "policy": decision.policy,
        "policy_digest": decision.policy_digest,
        "date": decision.date,
        "verdicts": dict(Counter(verdict.verdict for verdict in decision.verdicts)),
    }
    statements, commitments = [Statement(kind="decision", subjects=subjects, predicate=decided)], []
    for verdict in decision.verdicts:
        if verdict.verdict == "waived":
            accepted = commit(verdict.waiver)
            commitments.append(accepted)
            said = {"rule": verdict.rule, "measurement": verdict.measurement, "accepted": accepted.public}
            statements.append(Statement(kind="waiver", subjects=subjects, predicate=said))
    return statements, commitments


def scan_statement(report: ScanReport) -> Statement:
    """State a scan: the files by their digests, or the report by its own where the files are many."""
    files = {file.path: file.digest for file in report.files if file.digest}
    subjects = files if 0 < len(files) <= MOST_FILES else {"report": digest_of(report)}
    outcomes = dict(Counter(file.outcome for file in report.files))
    predicate = {"outcome": report.outcome, "files": outcomes, "report": digest_of(report)}
    return Statement(kind="scan", subjects=subjects, predicate=predicate)
