"""Print a decision as text."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from unicodedata import category

import typer

from holdfast.core.decision import Decision
from holdfast.core.finding import Finding

COLOURS = {
    "pass": "32",
    "fail": "31",
    "not_broken": "32",
    "inconclusive": "33",
    "could_not_evaluate": "33",
    "waived": "33",
}
WORDS = {"could_not_evaluate": "could not evaluate", "not_broken": "not broken", "not_applicable": "not applicable"}


# So many thresholds that could not be evaluated for the same reason are told in one line.
MANY = 4


def print_verdicts(decision: Decision, findings: Sequence[Finding]) -> None:
    """Print one line per threshold, one for many whose checks did not run for the same reason, then the outcome."""
    from holdfast.reports.text import format_estimate, limit_words, measurements_by_id

    known = measurements_by_id(findings)
    together = _not_run_together(decision, findings)
    told = set[str]()
    for verdict in decision.verdicts:
        reason = together.get(verdict.measurement)
        if reason is not None:
            if reason not in told:
                n = sum(other == reason for other in together.values())
                word = _painted(f"{WORDS[verdict.verdict]:<19}", verdict.verdict)
                typer.echo(f"{word}{printable(f'{n} thresholds: {reason}')}")
            told.add(reason)
            continue
        measurement = known.get(verdict.measurement)
        number = format_estimate(measurement, limit=verdict.limit) if measurement else verdict.reason
        limit = limit_words(verdict, measurement.unit if measurement else "")
        word = WORDS.get(verdict.verdict, verdict.verdict)
        rest = printable(f"{verdict.measurement:<52} {number} ({limit})")
        typer.echo(f"{_painted(f'{word:<19}', verdict.verdict)}{rest}")
    word = WORDS.get(decision.outcome, decision.outcome)
    typer.echo(f"\n{_painted(word, decision.outcome)}: {printable(decision.summary)}")


def _not_run_together(decision: Decision, findings: Sequence[Finding]) -> dict[str, str]:
    """Return the reason why a check did not run, for each of many thresholds that share it."""
    reasons = {finding.check: finding.reason for finding in findings if finding.state == "not_run" and finding.reason}
    found = {
        verdict.measurement: reason
        for verdict in decision.verdicts
        for check, reason in reasons.items()
        if verdict.verdict == "could_not_evaluate" and verdict.measurement.startswith(f"{check}.")
    }
    counts = Counter(found.values())
    return {measurement: reason for measurement, reason in found.items() if counts[reason] >= MANY}


def printable(text: str) -> str:
    """Spell out control characters, which a model, a table or a file could otherwise send to the terminal."""
    return "".join(repr(part)[1:-1] if part != "\n" and category(part) in ("Cc", "Cf") else part for part in text)


def _painted(text: str, verdict: str) -> str:
    code = COLOURS.get(verdict)
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    return text if plain or code is None else f"\033[{code}m{text}\033[0m"
