"""A scan as SARIF 2.1.0, for code-scanning pages.

References
----------
OASIS (2020), Static Analysis Results Interchange Format (SARIF) Version 2.1.0, sections 3.24 (artifact), 3.27 (result)
and 3.35 (suppression).
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from holdfast.core.canonical import digest_of
from holdfast.core.scan import Observed, ScannedFile, ScanReport
from holdfast.reports.sarif import SCHEMA, text_rule
from holdfast.reports.scan_text import KIND_WORDS, place_words
from holdfast.reports.text import printable

# what code-scanning pages accept in one run
MOST_RESULTS = 25_000
LEVELS = {
    "executes": "error",
    "unknown": "error",
    "suspicious": "error",
    "secret": "error",
    "malformed": "warning",
    "not_examined": "warning",
}


def render_scan_sarif(report: ScanReport) -> str:
    """Write one result per observation; those of approved files are marked as suppressed, with the reason.

    Of more than 25,000 observations the rest is counted in a notification.
    """
    total = sum(len(file.observations) for file in report.files)
    rules: dict[str, dict[str, Any]] = {}
    results: list[dict[str, Any]] = []
    for index, file in enumerate(report.files):
        for observed in file.observations[: MOST_RESULTS - len(results)]:
            rule = printable(observed.rule)
            rules.setdefault(rule, text_rule(rule, rule, f"{KIND_WORDS[observed.kind]}: {observed.message}."))
            results.append(_result(file, observed, index))
    positions = {rule: position for position, rule in enumerate(rules)}
    for result in results:
        result["ruleIndex"] = positions[result["ruleId"]]
    driver = {"name": "Holdfast", "version": printable(report.versions["holdfast"]), "rules": list(rules.values())}
    run = {
        "tool": {"driver": driver},
        "invocations": [_invocation(report, total - len(results))],
        "artifacts": [_artifact(file) for file in report.files],
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, ensure_ascii=False) + "\n"


def _invocation(report: ScanReport, left_out: int) -> dict[str, Any]:
    invocation: dict[str, Any] = {"executionSuccessful": True, "exitCode": report.exit_code}
    if left_out:
        message = f"{left_out} more observations are not listed; the JSON report holds them"
        invocation["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": message}}]
    return invocation


def _artifact(file: ScannedFile) -> dict[str, Any]:
    found: dict[str, Any] = {"location": {"uri": _uri(file)}, "properties": {"verdict": file.outcome}}
    if file.size is not None:
        found["length"] = file.size
    if file.digest is not None:
        found["hashes"] = {"sha-256": file.digest.removeprefix("sha256:")}
    return found


def _result(file: ScannedFile, observed: Observed, index: int) -> dict[str, Any]:
    detail = f": {observed.detail}" if observed.detail else ""
    where = place_words(observed.place)
    fingerprint = {"digest": file.digest, "rule": observed.rule, "place": where, "detail": observed.detail}
    place = {"artifactLocation": {"uri": _uri(file), "index": index}, "region": {"startLine": 1}}
    result: dict[str, Any] = {
        "ruleId": printable(observed.rule),
        "level": LEVELS[observed.kind],
        "message": {"text": printable(f"{KIND_WORDS[observed.kind]}: {observed.message}{detail}, at {where}")},
        "locations": [
            {"physicalLocation": place, "logicalLocations": [{"fullyQualifiedName": printable(where)}]},
        ],
        "partialFingerprints": {"holdfast/v1": digest_of(fingerprint).removeprefix("sha256:")},
        "properties": {"kind": observed.kind, "start": observed.place.start, "end": observed.place.end},
    }
    if file.approved is not None:
        who = f"approved by {file.approved.owner} until {file.approved.expires}: {file.approved.reason}"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": printable(who)}]
    return result


def _uri(file: ScannedFile) -> str:
    return quote(printable(file.path).replace("\\", "/"), safe="/")
