"""Bills of materials hold to the schema of CycloneDX, and say what they were given."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from holdfast.core.materials import AdvisorySource, Bill, Component, Vulnerability
from holdfast.core.record import Audit
from holdfast.reports.cyclonedx import render_cyclonedx
from holdfast.reports.cyclonedx_card import model_card

SCHEMA = JsonStrictValidator(SchemaVersion.V1_6)
MODEL = Component(
    ref="model:1", kind="machine-learning-model", name="m.onnx", hashes={"SHA-256": "a" * 64}, needs=("data:train", "p")
)
DATA = Component(ref="data:train", kind="data", name="train.csv", hashes={"SHA-256": "b" * 64})
LIBRARY = Component(
    ref="p",
    kind="library",
    name="lib",
    version="1.0",
    purl="pkg:pypi/lib@1.0",
    licences=("MIT",),
    loose="installed from a folder",
)
FAULT = Vulnerability(
    id="CVE-2026-1",
    aliases=("GHSA-x", "PYSEC-1"),
    affects=("p",),
    summary="Loading runs code.",
    fixed=("1.1",),
    severity="high",
    vectors=("CVSS:3.1/AV:N", "CVSS:4.0/AV:N", "AV:N"),
)
SOURCE = AdvisorySource(digest="sha256:" + "c" * 64, records=3, withdrawn=1)
BILL = Bill(source="environment", components=(MODEL, DATA, LIBRARY), vulnerabilities=(FAULT,), advisories=SOURCE)


def written(bill: Bill = BILL, *, card: dict[str, Any] | None = None) -> dict[str, Any]:
    """Write a bill, hold it against the schema, and read it."""
    text = render_cyclonedx(bill, tool_version="1", card=card, spdx=("MIT", "Apache-2.0")).decode()
    assert SCHEMA.validate_str(text) is None
    return json.loads(text)  # type: ignore[no-any-return]


def licences(*stated: str) -> Any:
    bill = replace(BILL, components=(MODEL, DATA, replace(LIBRARY, licences=stated)))
    return next(one for one in written(bill)["components"] if one["bom-ref"] == "p").get("licenses")


def test_every_component_stands_with_its_hash_its_package_and_what_needs_it() -> None:
    found = written()
    assert found["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    parts = {one["bom-ref"]: one for one in found["components"]}
    assert parts["data:train"]["type"] == "data"
    assert parts["p"]["purl"] == "pkg:pypi/lib@1.0"
    assert {"name": "holdfast:loose", "value": "installed from a folder"} in parts["p"]["properties"]
    assert {"ref": "model:1", "dependsOn": ["data:train", "p"]} in found["dependencies"]


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (["MIT"], [{"license": {"id": "MIT"}}]),
        (["our own"], [{"license": {"name": "our own"}}]),
        (["MIT OR Apache-2.0"], [{"expression": "MIT OR Apache-2.0"}]),
        (["MIT", "our own"], [{"license": {"id": "MIT"}}, {"license": {"name": "our own"}}]),
        (["MIT", "MIT OR our own"], [{"license": {"id": "MIT"}}, {"license": {"name": "MIT OR our own"}}]),
        ([], None),
    ],
)
def test_licences_are_identifiers_expressions_or_names(stated: list[str], expected: Any) -> None:
    assert licences(*stated) == expected


def test_a_vulnerability_stands_with_its_names_its_severity_and_whom_it_affects() -> None:
    (found,) = written()["vulnerabilities"]
    assert (found["id"], found["source"]["name"]) == ("CVE-2026-1", "NVD")
    assert [one["id"] for one in found["references"]] == ["GHSA-x", "PYSEC-1"]
    assert found["affects"] == [{"ref": "p", "versions": [{"version": "1.0", "status": "affected"}]}]
    assert [(one["method"], one["severity"]) for one in found["ratings"]] == [
        ("CVSSv31", "high"),
        ("CVSSv4", "high"),
        ("other", "high"),
    ]
    assert found["recommendation"] == "Fixed in 1.1."


def test_a_component_without_a_version_can_be_affected() -> None:
    unversioned = replace(BILL, components=(MODEL, DATA, replace(LIBRARY, version="")))
    assert written(unversioned)["vulnerabilities"][0]["affects"] == [{"ref": "p"}]


def test_where_nobody_looked_there_is_no_list_of_vulnerabilities() -> None:
    assert "vulnerabilities" not in written(replace(BILL, vulnerabilities=(), advisories=None))
    assert written(replace(BILL, vulnerabilities=()))["vulnerabilities"] == []


def test_the_same_bill_is_the_same_bytes_and_another_has_another_number() -> None:
    bill, again, other = written(), written(replace(BILL)), written(replace(BILL, components=(MODEL, LIBRARY)))
    assert bill == again
    assert bill["serialNumber"] != other["serialNumber"]


def test_the_card_holds_what_the_audit_measured_with_its_intervals(audit: Audit) -> None:
    card = written(card=model_card(audit, datasets=["data:train"]))["metadata"]["component"]["modelCard"]
    metrics = {one["type"]: one for one in card["quantitativeAnalysis"]["performanceMetrics"]}
    assert metrics["performance.predictive.accuracy"] == {
        "type": "performance.predictive.accuracy",
        "value": "0.8742",
        "confidenceInterval": {"lowerBound": "0.869", "upperBound": "0.8792"},
    }
    assert card["modelParameters"]["datasets"] == [{"ref": "data:train"}]
    assert any("performance.calibration.ece" in one for one in card["considerations"]["technicalLimitations"])


def test_a_card_of_an_audit_that_measured_nothing_holds_to_the_schema(audit: Audit) -> None:
    empty = replace(audit, findings=replace(audit.findings, findings=()), decision=replace(audit.decision, verdicts=()))
    card = written(card=model_card(empty))["metadata"]["component"]["modelCard"]
    assert card["quantitativeAnalysis"]["performanceMetrics"] == []
