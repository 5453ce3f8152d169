"""Events of other tools are read in every layout, and what is none is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.errors import InputError
from holdfast.records.foreign_events import read_events

DIGEST = "sha256:" + "ab" * 32


def event(kind: str, **changes: Any) -> dict[str, Any]:
    facets = {"version": {"_producer": "p", "_schemaURL": "s", "datasetVersion": DIGEST}}
    return {
        "eventType": kind, "eventTime": "2026-01-01T00:00:00Z", "producer": "https://example.org",
        "run": {"runId": "r1"}, "job": {"namespace": "airflow", "name": "export"},
        "inputs": [{"namespace": "pg", "name": "people"}],
        "outputs": [{"namespace": "s3", "name": "t.csv", "facets": facets}], **changes,
    }  # fmt: skip


START, COMPLETE = event("START", outputs=[]), event("COMPLETE")


@pytest.mark.parametrize(
    "text", [json.dumps([START, COMPLETE]), f"{json.dumps(START)}\n\n{json.dumps(COMPLETE)}\n"], ids=["array", "lines"]
)
def test_the_events_of_a_run_are_put_together(tmp_path: Path, text: str) -> None:
    (tmp_path / "events").write_text(text)
    (run,) = read_events(tmp_path / "events")
    assert (run.job, run.state) == ("airflow/export", "COMPLETE")
    assert [one.digest for one in (*run.inputs.values(), *run.outputs.values())] == [None, DIGEST]


def test_an_end_stays_an_end_whatever_comes_after(tmp_path: Path) -> None:
    (tmp_path / "events").write_text(json.dumps([event("FAIL"), event("OTHER"), event("START")]))
    assert read_events(tmp_path / "events")[0].state == "FAIL"


def test_a_version_that_is_no_digest_is_none(tmp_path: Path) -> None:
    one = event("COMPLETE", outputs=[{"namespace": "s3", "name": "t", "facets": {"version": {"datasetVersion": "7"}}}])
    (tmp_path / "events").write_text(json.dumps(one))
    assert [data.digest for data in read_events(tmp_path / "events")[0].outputs.values()] == [None]


def test_events_without_a_run_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "events").write_text(json.dumps([{"eventTime": "t", "dataset": {}}, COMPLETE]))
    assert len(read_events(tmp_path / "events")) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not json", "line 1 of .* is no event"),
        (json.dumps(COMPLETE) + "\n{", "line 2 of .* is no event"),
        ("[1]", "expected an object as event 1"),
        (json.dumps({**COMPLETE, "run": {}}), "event 1 of .* is no OpenLineage run event: 'runId'"),
        (json.dumps({**COMPLETE, "inputs": [3]}), "event 1 of .* is no OpenLineage run event"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_event_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "events").write_text(text)
    with pytest.raises(InputError, match=said):
        read_events(tmp_path / "events")


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the events"):
        read_events(tmp_path / "none")
