"""A short summary in Markdown, for a comment on a pull request."""

from __future__ import annotations

import re

from holdfast.core.decision import DecisionKind, VerdictKind
from holdfast.core.record import Audit
from holdfast.reports.headlines import MOST_HEADLINES, gravity, headlines, untested
from holdfast.reports.text import (
    OUTCOME_WORDS,
    VERDICT_WORDS,
    format_estimate,
    join_words,
    limit_words,
    measurements_by_id,
    outcome_sentence,
    printable,
)

MOST_ROWS = 40
OUTCOME_SYMBOLS: dict[DecisionKind, str] = {"pass": "✅", "fail": "❌", "inconclusive": "⚠️", "could_not_evaluate": "❔"}
VERDICT_SYMBOLS: dict[VerdictKind, str] = {
    "pass": "✅", "fail": "❌", "not_broken": "🛡️", "inconclusive": "⚠️", "could_not_evaluate": "❔",
    "not_applicable": "➖", "waived": "🏳️",
}  # fmt: skip
SPECIAL = re.compile(r"([\\`*_\[\]#|~$])")
LINE_START = re.compile(r"^(\d*|[-+=]*)([-+=.)])(?=\s|$)")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# A word joiner keeps names from becoming mentions, references and links on the sites that show Markdown.
LINKING = re.compile(r"(@|#|://|www\.|mailto:)(?=\S)", re.IGNORECASE)


def escape_markdown(text: str) -> str:
    """Make a text stand for itself in Markdown, on one line: no markup, no HTML, no mention, no link.

    Examples
    --------
    >>> escape_markdown("a|b <b>")
    'a\\\\|b &lt;b&gt;'
    """
    flat = " ".join(printable(text).split())
    flat = LINKING.sub("\\1\u2060", flat)
    flat = re.sub("[&<>]", lambda match: ENTITIES[match[0]], flat)
    return LINE_START.sub(r"\1\\\2", SPECIAL.sub(r"\\\1", flat))


def render_markdown(audit: Audit) -> str:
    """Write the verdict, what the owner should know, every rule and what was not tested."""
    decision = audit.decision
    outcome = f"{OUTCOME_SYMBOLS[decision.outcome]} {OUTCOME_WORDS[decision.outcome]}"
    origin = f"Holdfast {audit.run.version}, policy {decision.policy}, {decision.date}"
    parts = [
        f"## {outcome}: {escape_markdown(audit.findings.subject.name)}",
        escape_markdown(outcome_sentence(decision)),
        "\n".join(_headline_lines(audit)),
        "\n".join(_table(audit)),
        _untested_line(audit),
        f"<sub>{escape_markdown(origin)}</sub>",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline_lines(audit: Audit) -> list[str]:
    lines = []
    for line in headlines(audit)[:MOST_HEADLINES]:
        head = f"- {VERDICT_SYMBOLS[line.kind]} **{escape_markdown(line.title)}** ({VERDICT_WORDS[line.kind].lower()})"
        lines.append(f"{head}: {escape_markdown(line.sentence)} Next: {escape_markdown(line.action)}")
    return lines


def _table(audit: Audit) -> list[str]:
    measurements = measurements_by_id(audit.findings.findings)
    rows = ["| Verdict | Measured | Value (interval) | Threshold |", "|---|---|---|---|"]
    ordered = sorted(audit.decision.verdicts, key=gravity)
    for verdict in ordered[:MOST_ROWS]:
        measurement = measurements.get(verdict.measurement)
        estimate = format_estimate(measurement, limit=verdict.limit) if measurement else "none"
        limit = limit_words(verdict, measurement.unit if measurement else "")
        name = measurement.name if measurement else verdict.measurement
        word = f"{VERDICT_SYMBOLS[verdict.verdict]} {VERDICT_WORDS[verdict.verdict]}"
        rows.append(f"| {word} | {escape_markdown(name)} | {escape_markdown(estimate)} | {escape_markdown(limit)} |")
    if len(ordered) > MOST_ROWS:
        rows.append(f"| | {len(ordered) - MOST_ROWS} more in the report | | |")
    return rows if ordered else []


def _untested_line(audit: Audit) -> str:
    gaps = untested(audit)
    return f"Not tested: {escape_markdown(join_words([gap.title for gap in gaps], 6))}." if gaps else ""
