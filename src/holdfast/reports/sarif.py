"""Findings that need a hand, as SARIF 2.1.0 for code-scanning pages.

References
----------
OASIS (2020), Static Analysis Results Interchange Format (SARIF) Version 2.1.0, sections 3.27 (result) and 3.49 (rule).
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from holdfast.core.canonical import digest_of
from holdfast.core.decision import Verdict
from holdfast.core.finding import Finding
from holdfast.core.measurement import Measurement
from holdfast.core.record import Audit, SubjectCard
from holdfast.reports.text import (
    VERDICT_WORDS,
    format_estimate,
    limit_words,
    measurements_by_id,
    printable,
    settling,
    verdict_reason,
)

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"fail": "error", "inconclusive": "warning", "could_not_evaluate": "note"}


def render_sarif(audit: Audit) -> str:
    """Write one result per rule that failed, is inconclusive or could not be evaluated, and per check that stopped."""
    findings = {finding.check: finding for finding in audit.findings.findings}
    measurements = measurements_by_id(audit.findings.findings)
    subject = audit.findings.subject
    results = [
        _verdict_result(verdict, measurements.get(verdict.measurement), subject)
        for verdict in audit.decision.verdicts
        if verdict.verdict in LEVELS
    ]
    judged = {verdict.check for verdict in audit.decision.verdicts}
    stopped = [finding for finding in findings.values() if finding.state == "error" and finding.check not in judged]
    results += [_error_result(finding, subject) for finding in stopped]
    rules = {
        printable(verdict.rule): _rule(verdict, findings.get(verdict.check)) for verdict in audit.decision.verdicts
    }
    rules |= {
        printable(finding.check): text_rule(finding.check, finding.title, "The check could not finish.")
        for finding in stopped
    }
    positions = {rule: position for position, rule in enumerate(rules)}
    for result in results:
        result["ruleIndex"] = positions[result["ruleId"]]
    driver = {"name": "Holdfast", "version": printable(audit.run.version), "rules": list(rules.values())}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(audit)],
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, ensure_ascii=False) + "\n"


def _invocation(audit: Audit) -> dict[str, Any]:
    errors = any(finding.state == "error" for finding in audit.findings.findings)
    return {
        "executionSuccessful": not (errors or audit.run.cancelled),
        "exitCode": audit.decision.exit_code,
        "startTimeUtc": audit.run.started.replace("+00:00", "Z"),
        "endTimeUtc": audit.run.finished.replace("+00:00", "Z"),
    }


def _verdict_result(verdict: Verdict, measurement: Measurement | None, subject: SubjectCard) -> dict[str, Any]:
    fingerprint = {"rule": verdict.rule, "measurement": verdict.measurement}
    properties: dict[str, Any] = {
        "verdict": verdict.verdict,
        "severity": verdict.severity,
        "measurement": printable(verdict.measurement),
    }
    if measurement is not None:
        numbers = {
            "value": measurement.value,
            "low": measurement.low,
            "high": measurement.high,
            "level": measurement.level,
        }
        properties |= {name: number for name, number in numbers.items() if number is not None}
    return _result(
        verdict.rule,
        LEVELS[verdict.verdict],
        _message(verdict, measurement),
        verdict.check,
        subject,
        fingerprint,
        properties,
    )


def _message(verdict: Verdict, measurement: Measurement | None) -> str:
    word = VERDICT_WORDS[verdict.verdict]
    if measurement is None:
        return f"{word}: {verdict.measurement}: {verdict_reason(verdict)}."
    limit = limit_words(verdict, measurement.unit)
    estimate = format_estimate(measurement, limit=verdict.limit)
    said = f"{word}: {measurement.name} is {estimate}, the policy asks for {limit}."
    return f"{said} {settling(verdict, measurement)}" if verdict.verdict == "inconclusive" else said


def _error_result(finding: Finding, subject: SubjectCard) -> dict[str, Any]:
    message = f"Could not evaluate: {finding.title}: {finding.reason}. Needed: {finding.needed}."
    return _result(
        finding.check, "note", message, finding.check, subject, {"rule": finding.check}, {"state": finding.state}
    )


def _result(
    rule: str,
    level: str,
    message: str,
    check: str,
    subject: SubjectCard,
    fingerprint: dict[str, str],
    properties: dict[str, Any],
) -> dict[str, Any]:
    return {
        "ruleId": printable(rule),
        "level": level,
        "message": {"text": printable(message)},
        "locations": [_location(check, subject)],
        "partialFingerprints": {"holdfast/v1": digest_of(fingerprint).removeprefix("sha256:")},
        "properties": properties,
    }


def _location(check: str, subject: SubjectCard) -> dict[str, Any]:
    """The table for checks of data, else the model; a first line because viewers ask for a place in the file."""
    table = subject.tables.get("test") or next(iter(subject.tables.values()), None)
    is_data = check.startswith("data.") or subject.model_format in (None, "predictions")
    name = (table.source if table is not None and is_data else "") or subject.name or "model"
    place = {
        "artifactLocation": {"uri": quote(printable(name).replace("\\", "/"), safe="/")},
        "region": {"startLine": 1},
    }
    return {"physicalLocation": place}


def _rule(verdict: Verdict, finding: Finding | None) -> dict[str, Any]:
    title = finding.title if finding is not None else verdict.check
    rule = text_rule(verdict.rule, title, verdict.because or f"{title}: {limit_words(verdict, '')}.")
    if finding is not None and finding.remediation:
        rule["help"] = {"text": printable(finding.remediation)}
    rule["properties"] = {"tags": [printable(verdict.check.split(".")[0])], "severity": verdict.severity}
    return rule


def text_rule(rule: str, title: str, description: str) -> dict[str, Any]:
    """Write the description of a rule."""
    return {
        "id": printable(rule),
        "name": printable(title),
        "shortDescription": {"text": printable(title)},
        "fullDescription": {"text": printable(description)},
    }
