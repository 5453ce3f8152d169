"""Events have the form of OpenLineage 2-0-2, and say what was recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from holdfast.core.canonical import digest_bytes
from holdfast.core.provenance import Code
from holdfast.reports.openlineage import audit_events, lines, run_events
from tests.records.audits import audit
from tests.records.manifests import CONTENT, MODEL, TRAIN, manifest, record

# The shape that the specification describes: which fields an event, a data set and a facet must have, and their types.
FACETS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["_producer", "_schemaURL"],
        "properties": {"_producer": {"type": "string", "format": "uri"}, "_schemaURL": {"type": "string"}},
    },
}
NAMED = {
    "type": "object",
    "required": ["namespace", "name"],
    "properties": {"namespace": {"type": "string"}, "name": {"type": "string"}, "facets": FACETS},
}
RUN_EVENT = {
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL", "run", "job"],
    "properties": {
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "eventTime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"},
        "producer": {"type": "string", "format": "uri"},
        "schemaURL": {"const": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"},
        "run": {
            "type": "object",
            "required": ["runId"],
            "properties": {"runId": {"type": "string", "format": "uuid"}, "facets": FACETS},
        },
        "job": NAMED,
        "inputs": {"type": "array", "items": NAMED},
        "outputs": {"type": "array", "items": NAMED},
    },
}
VALID = Draft202012Validator(RUN_EVENT, format_checker=FormatChecker())


def of_run(**changes: Any) -> list[dict[str, Any]]:
    return run_events(manifest(**changes), [record()])


def of_audit() -> list[dict[str, Any]]:
    done = audit()
    return audit_events(
        done.findings,
        done.decision,
        name="audit",
        digest=done.digest,
        times=("2026-03-02T10:00:00.000+00:00", "2026-03-02T10:01:00.000+00:00"),
        ledger={done.digest: 12},
    )


@pytest.mark.parametrize("events", [of_run(), of_audit(), of_run(state="failed", exit_code=3)])
def test_events_have_the_form_of_the_specification(events: list[dict[str, Any]]) -> None:
    assert [fault.message for event in events for fault in VALID.iter_errors(event)] == []
    assert [json.loads(line) for line in lines(events)] == events


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, ["START", "COMPLETE"]),
        ({"state": "failed", "exit_code": 3}, ["START", "FAIL"]),
        ({"state": "interrupted", "signal": "SIGTERM", "exit_code": 143}, ["START", "ABORT"]),
        ({"state": "running", "ended": None, "exit_code": None}, ["START"]),
    ],
)
def test_each_end_has_its_event(changes: dict[str, Any], kinds: list[str]) -> None:
    assert [event["eventType"] for event in of_run(**changes)] == kinds


def test_a_failure_says_how_it_ended() -> None:
    facets = of_run(state="interrupted", signal="SIGTERM", exit_code=143)[1]["run"]["facets"]
    assert facets["errorMessage"]["message"] == "ended by SIGTERM"


def test_data_sets_carry_digests_and_what_was_stated() -> None:
    end = of_run()[1]
    (given,), (written,) = end["inputs"], end["outputs"]
    assert given["facets"]["version"]["datasetVersion"] == TRAIN
    assert given["facets"]["holdfast_content"]["digest"] == CONTENT
    assert given["facets"]["holdfast_record"]["licence"] == "CC-BY-4.0"
    assert given["facets"]["schema"]["fields"] == [{"name": "age", "type": "Int64"}]
    assert written["facets"]["version"]["datasetVersion"] == MODEL


def test_an_audit_carries_model_verdict_and_place_in_the_ledger() -> None:
    end = of_audit()[1]
    model = next(one for one in end["inputs"] if "holdfast_model" in one["facets"])
    assert model["facets"]["holdfast_model"]["digest"] == MODEL
    assert end["run"]["facets"]["holdfast_verdict"]["outcome"] == "pass"
    assert end["run"]["facets"]["holdfast_ledger"]["index"] == 12


def test_a_commit_with_changes_says_so() -> None:
    code = Code(commit="c" * 40, is_dirty=True, diff=digest_bytes(b"diff"))
    assert of_run(code=code)[0]["job"]["facets"]["holdfast_commit"]["isDirty"] is True
