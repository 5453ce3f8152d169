"""A model card in the Hugging Face format: what was measured is filled in, what only a person knows is left open.

References
----------
Mitchell et al. (2019), Model Cards for Model Reporting. Hugging Face Hub documentation, "Model Cards", metadata
``model-index`` (task, dataset, metrics with ``type``, ``value``, ``name``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast.core.decision import Verdict
from holdfast.core.finding import Finding
from holdfast.core.measurement import Measurement
from holdfast.core.record import Audit, SubjectCard
from holdfast.reports.headlines import untested
from holdfast.reports.markdown import escape_markdown
from holdfast.reports.text import (
    OUTCOME_WORDS,
    STATE_WORDS,
    TASK_WORDS,
    VERDICT_WORDS,
    format_estimate,
    format_interval,
    format_level,
    limit_words,
    measurements_by_id,
    outcome_sentence,
    printable,
)

HUMAN = "_To be written by a person:_"
MOST_ROWS = 30
METRIC_TYPES = {
    "accuracy": "accuracy",
    "roc_auc": "roc_auc",
    "auc": "roc_auc",
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
    "brier": "brier_score",
    "brier_score": "brier_score",
    "mcc": "matthews_correlation",
    "mae": "mae",
    "mse": "mse",
    "mape": "mape",
    "r2": "r_squared",
}
"""Short measurement id to the metric name that the Hub knows."""

LIBRARIES = {"sklearn": "sklearn", "skops": "sklearn", "onnx": "onnx"}


def render_model_card(audit: Audit) -> str:
    """Write the card: YAML front matter with the measured metrics, then the sections of the Hub's template."""
    subject = audit.findings.subject
    sections = [
        f"---\n{_front_matter(audit)}---",
        f"# Model card for {escape_markdown(subject.name)}",
        f"Measured fields carry the id of their measurement in `findings.json`. {HUMAN} marks what none can know.",
        _details(subject),
        _uses(subject),
        _risks(audit),
        _training(subject),
        _evaluation(audit),
        _rest(audit),
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(audit: Audit) -> str:
    import yaml

    subject = audit.findings.subject
    kind = "tabular-regression" if subject.task == "regression" else "tabular-classification"
    data: dict[str, Any] = {"tags": ["holdfast", kind], "pipeline_tag": kind}
    if subject.model_format in LIBRARIES:
        data["library_name"] = LIBRARIES[subject.model_format]
    metrics = [_metric(measurement) for finding in audit.findings.findings for measurement in finding.measurements]
    found = [metric for metric in metrics if metric is not None]
    if found:
        result = {
            "task": {"type": kind, "name": TASK_WORDS[subject.task]},
            "dataset": _dataset(subject),
            "metrics": found,
        }
        data["metrics"] = sorted({metric["type"] for metric in found})
        data["model-index"] = [{"name": _flat(subject.name), "results": [result]}]
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=10_000))


def _dataset(subject: SubjectCard) -> dict[str, str]:
    table = subject.tables.get("test")
    if table is None:
        return {"type": "tabular", "name": "predictions"}
    return {
        "type": "tabular",
        "name": _flat(table.source or "test table"),
        "split": "test",
        "revision": table.digest,
    }


def _metric(measurement: Measurement) -> dict[str, Any] | None:
    kind = METRIC_TYPES.get(measurement.key) if measurement.id.startswith("performance.") else None
    if kind is None:
        return None
    level = f", {format_level(measurement.level)} interval {format_interval(measurement)}" if measurement.level else ""
    name = f"{_flat(measurement.name)} ({_flat(measurement.id)}{level})"
    return {"type": kind, "value": measurement.value, "name": name, "verified": False}


def _details(subject: SubjectCard) -> str:
    lines = [
        "## Model details",
        "",
        f"- **Model:** {escape_markdown(subject.model_description or 'known by its predictions only')}",
        f"- **Format:** {escape_markdown(subject.model_format or 'none')}",
        f"- **Task:** {TASK_WORDS[subject.task]}, target {escape_markdown(subject.target or 'none')}",
        f"- **Classes:** {_listed([str(label) for label in subject.classes]) or 'none'}",
        f"- **Inputs ({len(subject.features)}):** {_listed(subject.features)}",
        f"- **Digest:** `{subject.model_digest or 'none: the model has no file'}`",
        f"- **Developed by, contact, licence:** {HUMAN} who made it, who answers for it, under which terms.",
    ]
    return "\n".join(lines)


def _uses(subject: SubjectCard) -> str:
    deployment = subject.deployment
    purpose = escape_markdown(deployment.purpose) if deployment.purpose else f"{HUMAN} what decision the model serves."
    affected = escape_markdown(deployment.affected) if deployment.affected else f"{HUMAN} who lives with its answers."
    exposure = deployment.exposure.replace("_", " ")
    return "\n".join([
        "## Uses",
        "",
        f"- **Purpose:** {purpose}",
        f"- **People affected:** {affected}",
        f"- **Exposure:** {exposure}; a query returns {deployment.returns}; data: {deployment.sensitivity}",
        f"- **Out of scope:** {HUMAN} what the model must not be used for.",
    ])  # fmt: skip


def _risks(audit: Audit) -> str:
    measurements = measurements_by_id(audit.findings.findings)
    open_verdicts = [
        v for v in audit.decision.verdicts if v.verdict in ("fail", "inconclusive", "could_not_evaluate", "waived")
    ]
    lines = ["## Bias, risks and limitations", ""]
    lines += [_risk(verdict, measurements.get(verdict.measurement)) for verdict in open_verdicts]
    lines += [
        f"- Not tested: {escape_markdown(gap.title)}, because {escape_markdown(gap.reason)}." for gap in untested(audit)
    ]
    return "\n".join([*lines, f"- {HUMAN} harms that the checks do not look for, and how to lessen them."])


def _risk(verdict: Verdict, measurement: Measurement | None) -> str:
    word = VERDICT_WORDS[verdict.verdict]
    if measurement is None:
        return f"- {word}: `{_code(verdict.measurement)}`."
    limit = limit_words(verdict, measurement.unit)
    estimate = escape_markdown(format_estimate(measurement, limit=verdict.limit))
    waiver = f" Waiver: {escape_markdown(verdict.waiver)}." if verdict.waiver else ""
    said = f"{escape_markdown(measurement.name)} is {estimate}, asked for {limit}"
    return f"- {word}: {said} (`{_code(measurement.id)}`).{waiver}"


def _training(subject: SubjectCard) -> str:
    table = subject.tables.get("train")
    known = f"- **Table:** {_table(subject, 'train')}" if table is not None else "- **Table:** not given to the audit."
    return "\n".join([
        "## Training",
        "",
        known,
        f"- **Origin and rights of the data:** {HUMAN} where the rows come from and on what basis they are used.",
        f"- **Procedure:** {HUMAN} preprocessing, settings, and what was tried before.",
    ])  # fmt: skip


def _table(subject: SubjectCard, name: str) -> str:
    table = subject.tables[name]
    source = f"{escape_markdown(table.source)}, " if table.source else ""
    return f"{source}{table.rows:,} rows, {table.columns} columns, `{_code(table.digest)}`"


def _evaluation(audit: Audit) -> str:
    subject = audit.findings.subject
    lines = ["## Evaluation", ""]
    if "test" in subject.tables:
        lines += [f"Test table: {_table(subject, 'test')}.", ""]
    decision = audit.decision
    said = escape_markdown(f"by the policy {decision.policy}: {outcome_sentence(decision)}")
    lines.append(f"**{OUTCOME_WORDS[decision.outcome]}** {said}")
    for finding in audit.findings.findings:
        lines += ["", f"### {escape_markdown(finding.title)}", "", *_finding_lines(finding)]
    return "\n".join(lines)


def _finding_lines(finding: Finding) -> list[str]:
    if finding.state != "measured":
        reason, needed = escape_markdown(finding.reason or ""), escape_markdown(finding.needed or "")
        return [f"{STATE_WORDS[finding.state]}: {reason}. Needed: {needed}."]
    rows = ["| Measurement | Value (interval) | n | Reference |", "|---|---|---|---|"]
    for measurement in finding.measurements[:MOST_ROWS]:
        count = f"{measurement.n:,}" if measurement.n is not None else ""
        estimate = escape_markdown(format_estimate(measurement))
        rows.append(f"| {escape_markdown(measurement.name)} | {estimate} | {count} | `{_code(measurement.id)}` |")
    left = len(finding.measurements) - MOST_ROWS
    return [*rows, *([f"| {left} more in findings.json | | | |"] if left > 0 else [])]


def _rest(audit: Audit) -> str:
    origin = f"{audit.run.finished}, Holdfast {audit.run.version}, seed {audit.run.seed}"
    host = ", ".join(
        f"{escape_markdown(str(key))} {escape_markdown(str(value))}" for key, value in audit.run.host.items()
    )
    return "\n".join([
        "## Environmental impact",
        "",
        f"- **Audit:** {audit.run.seconds:,.0f} s on {host or 'an unnamed host'}.",
        f"- **Training:** {HUMAN} hardware, hours and place.",
        "",
        "## Provenance",
        "",
        f"- **Audited:** {escape_markdown(origin)}",
        f"- **Findings digest:** `{_code(audit.decision.findings_digest)}`",
        f"- **Citation, glossary, card authors:** {HUMAN} names and references.",
    ])  # fmt: skip


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(escape_markdown(name) for name in names[:MOST_ROWS])
    return f"{shown} and {len(names) - MOST_ROWS} more" if len(names) > MOST_ROWS else shown


def _code(identifier: str) -> str:
    """An id inside a code span and a table: no backtick, no pipe, one line."""
    return _flat(identifier).replace("`", "'").replace("|", "¦")


def _flat(text: str) -> str:
    """One line, so that no name can end the front matter."""
    return " ".join(printable(text).split())
