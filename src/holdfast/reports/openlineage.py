"""Runs and audits as OpenLineage events, for catalogues that collect them.

References
----------
OpenLineage (2024), object model and facets, version 2-0-2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from holdfast.core.canonical import canonical_json
from holdfast.core.decision import Decision
from holdfast.core.provenance import Artefact, DataRecord, FileState, TrainingManifest
from holdfast.core.record import Findings

PRODUCER = "https://holdfast.dev/openlineage/1"
RUN_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
STANDARD = "https://openlineage.io/spec/facets/{version}/{name}.json#/$defs/{name}"
OWN = "https://holdfast.dev/schema/openlineage/1#/$defs/{name}"
NAMESPACE = "holdfast"
ENDS = {"finished": "COMPLETE", "failed": "FAIL", "interrupted": "ABORT"}
Event = dict[str, Any]


def run_events(
    manifest: TrainingManifest, records: Sequence[DataRecord], *, ledger: Mapping[str, int] | None = None
) -> list[Event]:
    """Return the events of a training run: its start, and its end where that is recorded.

    Parameters
    ----------
    records
        Registered data sets, for what is stated of the inputs.
    ledger
        Index in a ledger of what was entered, by the digest of the manifest.
    """
    job = {
        "namespace": NAMESPACE,
        "name": " ".join(manifest.command[:2]),
        "facets": {
            "jobType": _standard(
                "JobTypeJobFacet", "2-0-4", processingType="BATCH", integration="HOLDFAST", jobType="COMMAND"
            ),
            **_source(manifest),
        },
    }  # fmt: skip
    facets = {
        "holdfast_manifest": _own("ManifestRunFacet", digest=manifest.record, seeds=list(manifest.seeds)),
        **_ledger(manifest.record, ledger),
    }
    if manifest.environment.python:
        facets["processing_engine"] = _standard(
            "ProcessingEngineRunFacet", "1-1-1",
            name=manifest.environment.implementation, version=manifest.environment.python,
        )  # fmt: skip
    inputs = [_dataset(one.path, one.before, records) for one in manifest.inputs]
    outputs = [_dataset(one.path, _known(one), records) for one in manifest.outputs]
    begin = _event("START", manifest.started, {"runId": manifest.run, "facets": facets}, job, inputs, [])
    if manifest.ended is None:
        return [begin]
    ends = dict(facets)
    if manifest.state != "finished":
        how = f"ended by {manifest.signal}" if manifest.signal else f"exit code {manifest.exit_code}"
        ends["errorMessage"] = _standard("ErrorMessageRunFacet", "1-0-1", message=how, programmingLanguage="unknown")
    run = {"runId": manifest.run, "facets": ends}
    return [begin, _event(ENDS[manifest.state], manifest.ended, run, job, inputs, outputs)]


def audit_events(
    findings: Findings,
    decision: Decision | None,
    *,
    name: str,
    digest: str,
    times: tuple[str, str],
    ledger: Mapping[str, int] | None = None,
) -> list[Event]:
    """Return the events of an audit: what it read, and what was decided.

    Parameters
    ----------
    digest
        Of the findings.
    times
        When it began and ended, ISO 8601.
    """
    subject = findings.subject
    inputs = [_named(table.source or role, table.digest, role=role) for role, table in sorted(subject.tables.items())]
    if subject.model_digest is not None:
        model = _named(subject.name, subject.model_digest, role="model")
        model["facets"]["holdfast_model"] = _own(
            "ModelDatasetFacet", digest=subject.model_digest, format=subject.model_format or ""
        )
        inputs.append(model)
    facets: dict[str, Any] = {"holdfast_findings": _own("FindingsRunFacet", digest=digest), **_ledger(digest, ledger)}
    if decision is not None:
        facets["holdfast_verdict"] = _own(
            "VerdictRunFacet",
            outcome=decision.outcome,
            policy=decision.policy,
            policyDigest=decision.policy_digest,
            date=decision.date,
            exitCode=decision.exit_code,
        )
    run = {"runId": str(uuid5(NAMESPACE_URL, digest)), "facets": facets}
    job = {"namespace": NAMESPACE, "name": f"audit {subject.name}", "facets": {}}
    outputs = [_named(f"{name}/findings.json", digest, role="findings")]
    return [
        _event("START", times[0], run, job, inputs, []),
        _event("COMPLETE", times[1], run, job, inputs, outputs),
    ]


def lines(events: Sequence[Event]) -> list[str]:
    """Write each event on a line of its own."""
    return [canonical_json(event).decode() for event in events]


def _event(kind: str, time: str, run: Event, job: Event, inputs: Sequence[Event], outputs: Sequence[Event]) -> Event:
    return {
        "eventType": kind, "eventTime": time, "run": run, "job": job, "inputs": list(inputs),
        "outputs": list(outputs), "producer": PRODUCER, "schemaURL": RUN_EVENT,
    }  # fmt: skip


def _known(artefact: Artefact) -> FileState:
    return artefact.after or artefact.before


def _dataset(path: str, state: FileState, records: Sequence[DataRecord]) -> Event:
    """Describe a file; the version of its data set is the digest of its bytes."""
    found = _named(path, state.digest)
    if state.content is not None:
        found["facets"]["holdfast_content"] = _own("ContentDatasetFacet", digest=state.content)
    for record in records:
        if state.digest == record.file_digest or state.content == record.digest:
            said = record.statement
            found["facets"]["documentation"] = _standard(
                "DocumentationDatasetFacet", "1-1-0",
                description="; ".join(text for text in (record.name, said.origin, said.collection) if text),
            )  # fmt: skip
            found["facets"]["holdfast_record"] = _own(
                "DataRecordDatasetFacet",
                digest=record.record,
                licence=said.licence,
                lawfulBasis=said.lawful_basis or "",
                retention=said.retention,
            )
            found["facets"]["schema"] = _standard(
                "SchemaDatasetFacet", "1-2-0",
                fields=[{"name": column.name, "type": column.type} for column in record.columns],
            )  # fmt: skip
    return found


def _named(name: str, digest: str | None, *, role: str = "") -> Event:
    facets: dict[str, Any] = {}
    if digest is not None:
        facets["version"] = _standard("DatasetVersionDatasetFacet", "1-0-1", datasetVersion=digest)
    if role:
        facets["holdfast_role"] = _own("RoleDatasetFacet", role=role)
    return {"namespace": NAMESPACE, "name": name, "facets": facets}


def _source(manifest: TrainingManifest) -> Event:
    """Say at which commit the code stood; the address of the repository is not recorded."""
    code = manifest.code
    if code.commit is None:
        return {}
    facet = _own("CommitJobFacet", commit=code.commit, isDirty=code.is_dirty, diffDigest=code.diff or "")
    return {"holdfast_commit": facet}


def _ledger(digest: str, ledger: Mapping[str, int] | None) -> Event:
    index = (ledger or {}).get(digest)
    return {} if index is None else {"holdfast_ledger": _own("LedgerRunFacet", index=index)}


def _standard(facet: str, release: str, /, **values: Any) -> Event:
    return {"_producer": PRODUCER, "_schemaURL": STANDARD.format(name=facet, version=release), **values}


def _own(facet: str, /, **values: Any) -> Event:
    return {"_producer": PRODUCER, "_schemaURL": OWN.format(name=facet), **values}
