"""The model card inside a bill of materials, filled from a finished audit: what was measured, with its intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from holdfast.core.finding import Finding
from holdfast.core.measurement import Measurement
from holdfast.core.record import Audit
from holdfast.reports.text import TASK_WORDS, VERDICT_WORDS, measurements_by_id, plain_sentence, verdict_reason

MEASURED = ("performance.", "fairness.")
RISKS = {"robustness": "Evasion", "privacy": "Privacy", "supply_chain": "Supply chain", "monitoring": "Feedback"}
MOST = 40
LIMITING = ("fail", "inconclusive", "could_not_evaluate")


def model_card(audit: Audit, *, datasets: Sequence[str] = ()) -> dict[str, Any]:
    """Write the card.

    Parameters
    ----------
    datasets
        Refs of the components that are its data sets.

    Returns
    -------
    dict
        ``modelCard`` of CycloneDX 1.6: parameters, performance and fairness metrics with confidence intervals, and
        considerations from what failed or stayed open.
    """
    subject = audit.findings.subject
    parameters: dict[str, Any] = {
        "approach": {"type": "supervised"},
        "task": TASK_WORDS[subject.task].lower(),
        "inputs": [{"format": name} for name in subject.features],
        "outputs": [{"format": name} for name in subject.capabilities if name in {"labels", "scores", "values"}],
    }
    if subject.model_description:
        parameters["modelArchitecture"] = subject.model_description
    if datasets:
        parameters["datasets"] = [{"ref": ref} for ref in datasets]
    found = [
        measurement
        for finding in audit.findings.findings
        if finding.check.startswith(MEASURED)
        for measurement in finding.measurements
    ]
    return {
        "modelParameters": parameters,
        "quantitativeAnalysis": {"performanceMetrics": [_metric(one) for one in found]},
        "considerations": _considerations(audit),
        "properties": [{"name": "holdfast:findings", "value": audit.decision.findings_digest}],
    }


def _metric(one: Measurement) -> dict[str, Any]:
    """Write one metric; what stands behind the name of a measurement, such as a group, is the slice."""
    check, (name, *part) = one.id.rpartition(f".{one.key}")[0], one.key.split(".")
    written: dict[str, Any] = {"type": f"{check}.{name}", "value": repr(float(one.value))}
    if part:
        written["slice"] = ".".join(part)
    ends = {"lowerBound": one.low, "upperBound": one.high}
    interval = {name: repr(float(end)) for name, end in ends.items() if end is not None}
    if interval:
        written["confidenceInterval"] = interval
    return written


def _considerations(audit: Audit) -> dict[str, Any]:
    deployment = audit.findings.subject.deployment
    by_id = measurements_by_id(audit.findings.findings)
    open_ones = [verdict for verdict in audit.decision.verdicts if verdict.verdict in LIMITING]
    limits = [f"{one.measurement}: {VERDICT_WORDS[one.verdict]}: {verdict_reason(one)}" for one in open_ones]
    written: dict[str, Any] = {
        "useCases": [deployment.purpose] if deployment.purpose else [],
        "technicalLimitations": limits[:MOST],
        "fairnessAssessments": list(_fairness(audit.findings.findings, deployment.sensitive)),
        "ethicalConsiderations": [
            {"name": f"{RISKS[family]}: {plain_sentence(by_id[one.measurement])}", "mitigationStrategy": remedy}
            for one in open_ones
            if one.verdict == "fail" and one.measurement in by_id
            for family, remedy in [_remedy(audit.findings.findings, one.measurement)]
            if family in RISKS
        ][:MOST],
    }
    return {name: value for name, value in written.items() if value}


def _fairness(findings: Iterable[Finding], sensitive: Sequence[str]) -> Iterable[dict[str, str]]:
    """State for each protected attribute what was measured of it."""
    measured = [finding for finding in findings if finding.check == "fairness.group_gaps" and finding.measurements]
    for attribute in sensitive:
        sentences = [
            plain_sentence(one)
            for finding in measured
            for one in finding.measurements
            if one.key.endswith(f".{attribute}")
        ]
        if sentences:
            remedy = measured[0].remediation
            yield {"groupAtRisk": attribute, "harms": " ".join(sentences), "mitigationStrategy": remedy}


def _remedy(findings: Iterable[Finding], measurement: str) -> tuple[str, str]:
    check = ".".join(measurement.split(".")[:2])
    return check.split(".")[0], next((one.remediation for one in findings if one.check == check), "")
