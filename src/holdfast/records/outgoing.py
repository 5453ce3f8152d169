"""The runs and audits of a lineage as OpenLineage events."""

from __future__ import annotations

from holdfast.core.lineage import Lineage
from holdfast.core.parse import from_json
from holdfast.core.record import Run
from holdfast.records.known import Known, KnownAudit
from holdfast.reports.openlineage import audit_events, lines, run_events


def events_of(lineage: Lineage, known: Known) -> list[str]:
    """Return the events of every run and audit in a graph, in the order of their times, one JSON text each.

    What was entered in the ledger of this place says under which number.
    """
    kept = {node.id for node in lineage.nodes}
    events = []
    for run in known.runs:
        if f"run:{run.manifest.run}" in kept:
            events += run_events(run.manifest, known.records, ledger=known.entered.indices)
    for audit in known.audits:
        if f"audit:{audit.digest}" in kept:
            events += audit_events(
                audit.findings,
                audit.decision,
                name=audit.folder.name,
                digest=audit.digest,
                times=_times(audit),
                ledger=known.entered.indices,
            )
    return lines(sorted(events, key=lambda event: str(event["eventTime"])))


def _times(audit: KnownAudit) -> tuple[str, str]:
    """Return when an audit began and ended, as its record of the run says."""
    path = audit.folder / "run.json"
    run = from_json(Run, path.read_bytes(), source=str(path))
    return run.started, run.finished
