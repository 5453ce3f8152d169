"""The result as a notebook shows it: a fragment with its own inline style that suits light and dark themes."""

from __future__ import annotations

from html import escape

from holdfast.core.decision import VerdictKind
from holdfast.core.record import Audit
from holdfast.reports.headlines import MOST_HEADLINES, Headline, headlines, untested
from holdfast.reports.text import OUTCOME_WORDS, VERDICT_WORDS, join_words, outcome_sentence, printable

# Mid tones that show on light and on dark; they colour symbols only, words keep the colour of the theme.
COLOURS: dict[VerdictKind, str] = {
    "pass": "#3a9a6a", "fail": "#d9544d", "not_broken": "#4a86d0", "inconclusive": "#c2882a", "waived": "#9a74cc",
    "could_not_evaluate": "#808b98", "not_applicable": "#808b98",
}  # fmt: skip
SYMBOLS: dict[VerdictKind, str] = {
    "pass": "✓", "fail": "✕", "not_broken": "◇", "inconclusive": "≈", "waived": "⚑",
    "could_not_evaluate": "?", "not_applicable": "–",
}  # fmt: skip


CELL = "text-align:left;vertical-align:top;padding:.45em .8em .45em 0;border-top:1px solid rgba(128,128,128,.3)"


def render_notebook_html(audit: Audit) -> str:
    """Write the verdict and what the owner should know, for ``_repr_html_``."""
    decision = audit.decision
    rows = "".join(_row(line) for line in headlines(audit)[:MOST_HEADLINES])
    gaps = untested(audit)
    missing = f"Not tested: {_safe(join_words([gap.title for gap in gaps], 6))}." if gaps else ""
    return (
        '<div style="max-width:52rem;line-height:1.5">'
        f'<div style="border-left:.3em solid {COLOURS[decision.outcome]};padding:.1em 0 .1em .9em;margin:.4em 0 .8em">'
        f'<div style="font-size:1.25em;font-weight:600">{_symbol(decision.outcome)} {OUTCOME_WORDS[decision.outcome]}: '
        f"<bdi>{_safe(audit.findings.subject.name)}</bdi></div>{_safe(outcome_sentence(decision))}</div>"
        '<table style="border-collapse:collapse;width:100%;color:inherit;font-size:inherit">'
        f"<tbody>{rows}</tbody></table>"
        f'<p style="opacity:.75;margin:.6em 0 0">{missing}</p></div>'
    )


def _symbol(kind: VerdictKind) -> str:
    return f'<span style="color:{COLOURS[kind]};font-weight:700">{SYMBOLS[kind]}</span>'


def _row(line: Headline) -> str:
    said = (
        _symbol(line.kind),
        f"<b>{_safe(line.title)}</b><br>{_quiet(VERDICT_WORDS[line.kind])}",
        f"{_safe(line.sentence)}<br>{_quiet('Next: ' + line.action)}",
    )
    return f'<tr style="background:none">{"".join(f"""<td style="{CELL}">{part}</td>""" for part in said)}</tr>'


def _quiet(text: str) -> str:
    return f'<span style="opacity:.75">{_safe(text)}</span>'


def _safe(text: str) -> str:
    return escape(printable(text))
