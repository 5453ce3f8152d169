"""What the boxes of a lineage say, one short line for each fact."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from holdfast.core.decision import Decision
from holdfast.core.lineage import NodeState
from holdfast.evidence.record_store import short
from holdfast.records.known import KnownAudit, KnownRun
from holdfast.records.things import Thing


def thing_facts(thing: Thing, *, today: str) -> tuple[str, ...]:
    """Say of a file or table what it holds, on what terms, and whether it is what it was."""
    facts = list(thing.facts)
    if thing.records:
        record = thing.records[-1]
        said = record.statement
        facts.append(f"{record.rows:,} rows, {len(record.columns)} columns")
        facts.append(f"licence: {said.licence or 'not stated'}")
        facts.append(f"basis: {said.lawful_basis or 'not stated'}")
        facts.append(f"registered {record.registered[:10]}")
    if today:
        facts.append(today)
    if thing.key.startswith("sha256:"):
        facts.append(f"digest {short(thing.key)}")
    return tuple(facts)


def run_state(run: KnownRun) -> NodeState:
    """Return how a run ended, if it did."""
    states: dict[str, NodeState] = {"finished": "known", "failed": "failed", "interrupted": "failed"}
    return states.get(run.manifest.state, "unfinished")


def run_facts(run: KnownRun) -> tuple[str, ...]:
    """Say how a run ended, on which code and with what installed."""
    manifest = run.manifest
    ends = {
        "finished": "finished",
        "failed": f"failed, exit code {manifest.exit_code}",
        "interrupted": f"ended by {manifest.signal}",
        "running": "running" if run.is_running else "its end was never recorded",
    }
    code = manifest.code
    facts = [f"{ends[manifest.state]} {(manifest.ended or manifest.started)[:16].replace('T', ' ')}"]
    if code.commit is None:
        facts.append("code: no repository")
    else:
        changed = ", uncommitted changes" if code.is_dirty else ""
        facts.append(f"commit {code.commit[:10]}{changed}")
    if manifest.environment.python:
        facts.append(f"Python {manifest.environment.python}, {len(manifest.environment.distributions)} packages")
    if manifest.seeds:
        facts.append(f"seed {', '.join(map(str, manifest.seeds))}")
    return tuple(facts)


def audit_title(audit: KnownAudit) -> str:
    """Name an audit by its folder."""
    return audit.folder.resolve().name or "audit"


def _scan_badge(counts: Counter[str]) -> str:
    return f"scan: {counts['n_failed']} files failed" if counts["n_failed"] else "scan: passed"


def _signature_badge(counts: Counter[str]) -> str:
    if counts["n_untrusted"]:
        return "signature: none that is trusted"
    astray = counts["n_altered"] + counts["n_unsigned"]
    return f"signature: {astray} files it does not vouch for" if astray else "signature: holds"


def _bill_badge(counts: Counter[str]) -> str:
    if counts["n_other_model"]:
        return "bill of materials: of another model"
    vulnerable = f"{counts['n_vulnerable']} vulnerable" if "n_vulnerable" in counts else "not looked up"
    return f"bill of materials: {counts['n_components']} components, {vulnerable}"


_BADGES = {
    "supply_chain.artefact_scan": _scan_badge,
    "supply_chain.signature": _signature_badge,
    "supply_chain.bill_of_materials": _bill_badge,
}


def audit_facts(audit: KnownAudit) -> tuple[str, ...]:
    """Say how much was measured, what scan, signature and bill of the model came to, and whether the bundle holds."""
    findings = audit.findings.findings
    measured = sum(finding.state == "measured" for finding in findings)
    facts = [f"{measured} of {len(findings)} checks measured"]
    facts += [
        _BADGES[finding.check](Counter({each.key: int(each.value) for each in finding.measurements}))
        for finding in findings
        if finding.check in _BADGES and finding.state == "measured"
    ]
    facts.append(f"bundle {audit.inputs.says}")
    return tuple(facts)


def decision_facts(decision: Decision) -> tuple[str, ...]:
    """Say under which policy was decided, when, and how many verdicts there were of each kind."""
    counts: dict[str, int] = {}
    for verdict in decision.verdicts:
        counts[verdict.verdict] = counts.get(verdict.verdict, 0) + 1
    told = [f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(counts.items(), key=lambda pair: -pair[1])]
    policy = Path(decision.policy).name
    return (f"policy {policy}, {decision.date}", *told)
