"""What changed between two audits: measurement by measurement, and whether the intervals part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from holdfast.core.measurement import Measurement
from holdfast.core.record import Audit
from holdfast.reports.flip_diff import flip_difference, render_flips
from holdfast.reports.text import OUTCOME_WORDS, VERDICT_WORDS, format_estimate, measurements_by_id, printable, shorten

Change = Literal["same", "overlap", "better", "worse", "differs", "appeared", "vanished"]
Subject = Literal["decision", "input", "check", "verdict", "measurement"]
CHANGE_WORDS: dict[Change, str] = {
    "same": "same",
    "overlap": "intervals overlap: no difference shown",
    "better": "better, intervals apart",
    "worse": "worse, intervals apart",
    "differs": "differs",
    "appeared": "new",
    "vanished": "gone",
}
HEADINGS: dict[Subject, str] = {
    "decision": "Decision",
    "input": "Inputs that changed",
    "check": "Checks that came, went or changed state",
    "verdict": "Verdicts that changed",
    "measurement": "Measurements",
}
FLIPS_HEADING = "Rows attacked in both audits"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffRow:
    """One thing that both audits speak of, or only one of them.

    Attributes
    ----------
    subject, id, name
        What kind of thing, its id, and its name for people.
    before, after
        In words; empty where an audit lacks it.
    change
        ``better`` and ``worse`` only where both intervals exist and do not touch; ``overlap`` shows no difference,
        which is not the same as showing that there is none. ``differs`` where no interval or no direction can tell.
    """

    subject: Subject
    id: str
    name: str
    before: str
    after: str
    change: Change


def diff_rows(before: Audit, after: Audit) -> tuple[DiffRow, ...]:
    """Compare two audits: the decision, changed inputs, checks and verdicts, then every measurement."""
    return (
        *_changed("decision", _decision(before), _decision(after)),
        *_changed("input", _inputs(before), _inputs(after)),
        *_changed("check", _states(before), _states(after)),
        *_changed("verdict", _verdicts(before), _verdicts(after)),
        *_measured(before, after),
    )


def render_diff(before: Audit, after: Audit) -> str:
    """Write the comparison as plain text; measurements that did not move are counted, not listed.

    Where both audits attacked the same rows, these are compared one by one.
    """
    rows = diff_rows(before, after)
    lines = [f"{printable(before.findings.subject.name)} -> {printable(after.findings.subject.name)}"]
    for subject, heading in HEADINGS.items():
        listed = [row for row in rows if row.subject == subject and row.change != "same"]
        if listed:
            lines += ["", heading, *_aligned(listed)]
    flips = flip_difference(before, after)
    if flips is not None:
        lines += ["", FLIPS_HEADING, f"  {render_flips(flips)}"]
    same = sum(row.subject == "measurement" and row.change == "same" for row in rows)
    compared = sum(row.subject == "measurement" for row in rows)
    lines += ["", f"{same} of {compared} measurements are the same in both"]
    return "\n".join(lines) + "\n"


def _aligned(rows: list[DiffRow]) -> list[str]:
    cells = [
        (
            shorten(printable(row.name), 60),
            f"{printable(row.before) or '-'} -> {printable(row.after) or '-'}",
            CHANGE_WORDS[row.change],
        )
        for row in rows
    ]
    widths = [max(len(cell[column]) for cell in cells) for column in (0, 1)]
    return [f"  {name:<{widths[0]}}  {moved:<{widths[1]}}  {word}" for name, moved, word in cells]


def _changed(subject: Subject, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[DiffRow]:
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key, ""), after.get(key, "")
        if old != new:
            change: Change = "appeared" if not old else "vanished" if not new else "differs"
            yield DiffRow(subject=subject, id=key, name=key, before=old, after=new, change=change)


def _decision(audit: Audit) -> dict[str, str]:
    decision = audit.decision
    return {
        "outcome": OUTCOME_WORDS[decision.outcome],
        "policy": f"{decision.policy} ({_short(decision.policy_digest)})",
    }


def _inputs(audit: Audit) -> dict[str, str]:
    subject = audit.findings.subject
    digests = {"model": subject.model_digest or ""} | {
        f"{name} table": table.digest for name, table in subject.tables.items()
    }
    return {name: _short(digest) for name, digest in digests.items() if digest}


def _states(audit: Audit) -> dict[str, str]:
    return {finding.check: finding.state.replace("_", " ") for finding in audit.findings.findings}


def _verdicts(audit: Audit) -> dict[str, str]:
    return {verdict.measurement: VERDICT_WORDS[verdict.verdict].lower() for verdict in audit.decision.verdicts}


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


def _measured(before: Audit, after: Audit) -> Iterator[DiffRow]:
    old, new = measurements_by_id(before.findings.findings), measurements_by_id(after.findings.findings)
    for key in dict.fromkeys([*old, *new]):
        first, second = old.get(key), new.get(key)
        yield DiffRow(
            subject="measurement",
            id=key,
            name=(second or first or old[key]).name,
            before=format_estimate(first) if first else "",
            after=format_estimate(second) if second else "",
            change=_change(first, second),
        )


def _change(before: Measurement | None, after: Measurement | None) -> Change:
    if before is None or after is None:
        return "appeared" if before is None else "vanished"
    if (before.value, before.low, before.high) == (after.value, after.low, after.high):
        return "same"
    if before.interval is None or after.interval is None:
        return "differs"
    if not _apart(before, after) and not _apart(after, before):
        return "overlap"
    if after.direction == "neither":
        return "differs"
    return "better" if (after.value > before.value) == (after.direction == "higher_is_better") else "worse"


def _apart(lower: Measurement, upper: Measurement) -> bool:
    return lower.high is not None and upper.low is not None and lower.high < upper.low
