"""The report as one HTML file that works offline, without scripts, under a strict Content-Security-Policy."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from holdfast.core.decision import Verdict
from holdfast.core.finding import Chart, Finding
from holdfast.core.measurement import Measurement
from holdfast.core.record import Attempt, Audit
from holdfast.reports import text
from holdfast.reports.examples import read_examples
from holdfast.reports.group_flips import read_groups
from holdfast.reports.headlines import MOST_HEADLINES, ORDER, UNRESOLVED, gravity, headlines, untested
from holdfast.reports.minibar import interval_bar, scales
from holdfast.reports.pictures import read_pictures

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

MOST_MEASUREMENTS = 12
DIGEST_SHOWN = 12
UNIT_GAP = re.compile(r"(?<=\d) (?=[^\d\s(]+)(?!to |at )")
BREAKS = re.compile(r"([^._]*)([._]|$)")
CODE = re.compile("`([^`]+)`")
MINUS = re.compile(r"(?<![\w.])-(?=[\d.])")


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement as the table of its finding shows it."""

    measurement: Measurement
    value: str
    interval: str
    bar: str
    scale: str


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One rule as the table of verdicts shows it."""

    verdict: Verdict
    name: str
    estimate: str
    limit: str
    why: str


@dataclass(frozen=True, slots=True)
class RuleRows:
    """The rows of one rule: what it asks and why stands once above them."""

    rule: Verdict
    rows: tuple[VerdictRow, ...]


def render_html(audit: Audit, *, svg: Callable[[Finding, Chart], str]) -> str:
    """Write the report.

    Parameters
    ----------
    audit
        A finished audit.
    svg
        Draws one chart of one finding as an ``<svg>`` element, trusted as it is;
        :func:`holdfast.reports.charts.evidence_svg` makes one, and a caller may wrap it to keep what was drawn.

    Returns
    -------
    str
        A self-contained document. The same audit gives the same bytes.
    """
    lines = headlines(audit)
    view = {
        "audit": audit,
        "subject": audit.findings.subject,
        "decision": audit.decision,
        "run": audit.run,
        "headlines": lines[:MOST_HEADLINES],
        "unresolved_below": sum(line.kind in UNRESOLVED for line in lines[MOST_HEADLINES:]),
        "untested": untested(audit),
        "rules": _rules(audit),
        "findings": sorted((_finding_view(finding, audit, svg) for finding in audit.findings.findings), key=_rank),
        "assumed": (*audit.findings.subject.assumptions, *audit.run.notes),
        "attempts": _attempts(audit.run.attempts),
        "command": shlex.join(audit.run.command),
    }
    return fill_template("report.html.j2", view)


def _rank(view: Mapping[str, Any]) -> tuple[bool, int]:
    """What was measured comes first, the gravest before the rest; what no rule asks for after what one does."""
    gravest = view["gravest"]
    return view["finding"].state != "measured", ORDER.index(gravest) if gravest is not None else len(ORDER)


def fill_template(template: str, view: Mapping[str, Any]) -> str:
    """Fill one of our templates; ``style`` and ``policy`` are the style sheet and a policy that allows nothing else."""
    from markupsafe import Markup

    style = _source("report.css").strip()
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{style_hash}'; base-uri 'none'; form-action 'none'"
    written = _environment().get_template(template)
    return written.render({**view, "style": Markup(style), "policy": policy})  # noqa: S704  (our own file)


@cache
def _environment() -> Environment:
    """Return the templates, which escape everything that is no markup."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": _spaced,
        "digest": _digest,
        "level": text.format_level,
        "seconds": text.format_seconds,
        "moment": _moment,
        "relative": _relative,
        "sentence": _sentence,
        "breakable": _breakable,
        "coded": _coded,
        "listed": text.join_words,
    }
    environment.globals |= {
        "VERDICT_WORDS": text.VERDICT_WORDS,
        "OUTCOME_WORDS": text.OUTCOME_WORDS,
        "STATE_WORDS": text.STATE_WORDS,
        "BOUND_WORDS": text.BOUND_WORDS,
        "TASK_WORDS": text.TASK_WORDS,
        "MOST_MEASUREMENTS": MOST_MEASUREMENTS,
        "outcome_sentence": text.outcome_sentence,
    }
    return environment


def _source(name: str) -> str:
    from importlib.resources import files

    return files("holdfast.reports").joinpath("templates", name).read_text("utf-8")


def _finalize(value: Any) -> Any:
    """Make every text printable before it is escaped; what is markup already stays as it is."""
    return text.printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _coded(said: str) -> Markup:
    """Set what stands between backticks as code; a backtick without another one stays as it is."""
    from markupsafe import Markup, escape

    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text.printable(said)))))  # noqa: S704  (escaped before)


def _finding_view(finding: Finding, audit: Audit, svg: Callable[[Finding, Chart], str]) -> dict[str, Any]:
    from markupsafe import Markup

    verdicts = [verdict for verdict in audit.decision.verdicts if verdict.check == finding.check]
    gravest = min((verdict.verdict for verdict in verdicts), key=ORDER.index, default=None)
    item = next((item for item in audit.run.plan if item.check == finding.check), None)
    return {
        "finding": finding,
        "gravest": gravest,
        "rows": _rows(finding, verdicts),
        "charts": [(chart, Markup(svg(finding, chart))) for chart in finding.charts],  # noqa: S704  (see render_html)
        "examples": read_examples(audit.folder, finding),
        "pictures": read_pictures(audit.folder, finding),
        "groups": read_groups(audit.folder, finding),
        "effort": item.effort if item is not None else None,
    }


def _rows(finding: Finding, verdicts: Sequence[Verdict]) -> list[Row]:
    from markupsafe import Markup

    by_measurement = {verdict.measurement: verdict for verdict in verdicts}
    limits = [(m.unit, by_measurement[m.id].limit) for m in finding.measurements if m.id in by_measurement]
    chosen = scales(finding.measurements, limits)
    rows = []
    for measurement in finding.measurements:
        verdict = by_measurement.get(measurement.id)
        limit = verdict.limit if verdict is not None else None
        bar = Markup(interval_bar(measurement, chosen[measurement.unit], limit))  # noqa: S704  (numbers only)
        value = text.format_value(measurement, limit=limit)
        rows.append(
            Row(measurement, value, text.format_interval(measurement, limit=limit), bar, chosen[measurement.unit].words)
        )
    return rows


def _rules(audit: Audit) -> list[RuleRows]:
    """Group the verdicts by rule, the gravest first, within a rule too."""
    groups: dict[str, list[VerdictRow]] = {}
    for row in _verdict_rows(audit):
        groups.setdefault(f"{row.verdict.rule} {row.verdict.comparison} {row.verdict.limit}", []).append(row)
    return [RuleRows(rows[0].verdict, tuple(rows)) for rows in groups.values()]


def _verdict_rows(audit: Audit) -> list[VerdictRow]:
    measurements = text.measurements_by_id(audit.findings.findings)
    titles = {finding.check: finding.title for finding in audit.findings.findings}
    ordered = sorted(audit.decision.verdicts, key=gravity)
    return [_verdict_row(verdict, measurements.get(verdict.measurement), titles) for verdict in ordered]


def _verdict_row(verdict: Verdict, measurement: Measurement | None, titles: Mapping[str, str]) -> VerdictRow:
    unit = measurement.unit if measurement is not None else ""
    return VerdictRow(
        verdict=verdict,
        name=measurement.name if measurement is not None else titles.get(verdict.check, verdict.check),
        estimate=text.format_estimate(measurement, limit=verdict.limit) if measurement is not None else "",
        limit=text.limit_words(verdict, unit),
        why=text.settling(verdict, measurement) if verdict.verdict == "inconclusive" else text.verdict_reason(verdict),
    )


def _attempts(attempts: Sequence[Attempt]) -> dict[str, Attempt]:
    """The last attempt at each check."""
    return {attempt.check: attempt for attempt in attempts}


def _spaced(written: str) -> str:
    """Keep a number together with its unit, and give it a real minus sign."""
    return UNIT_GAP.sub("\u00a0", MINUS.sub("−", written))


def _relative(path: str) -> str:
    """Write a path inside the audit folder as a relative link that cannot leave for another scheme or host."""
    return quote(path.lstrip("/\\"), safe="/")


def _breakable(identifier: str) -> Any:
    """Let an id wrap after its dots and underscores."""
    from markupsafe import Markup

    return Markup("<wbr>").join(part + mark for part, mark in BREAKS.findall(text.printable(identifier)))


def _sentence(words: str) -> str:
    """Begin with a capital."""
    return words[:1].upper() + words[1:]


def _moment(written: str) -> str:
    """Write an ISO 8601 time without its T and its fractions of a second."""
    return written.replace("T", " ", 1).replace("+00:00", " UTC").replace("Z", " UTC")


def _digest(digest: str) -> Any:
    from markupsafe import Markup

    shown = digest.removeprefix("sha256:")
    if len(shown) <= DIGEST_SHOWN:
        return digest
    return Markup('<code class="digest" title="{}">{}…</code>').format(
        text.printable(digest), text.printable(shown[:DIGEST_SHOWN])
    )
