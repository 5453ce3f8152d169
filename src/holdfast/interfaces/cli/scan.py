"""``holdfast scan``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

Option = typer.Option
FORMATS = ("text", "json", "sarif")
COLOURS = {"pass": "32", "fail": "31", "not_examined": "33", "approved": "33"}


def scan(
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Files and folders.", show_default=False)],
    format: Annotated[str, Option(help="text, json or sarif.")] = "text",
    out: Annotated[Path | None, Option(help="File to write; standard output otherwise.")] = None,
    policy: Annotated[str | None, Option(help="A policy whose approvals by digest count.")] = None,
    limit_seconds: Annotated[float, Option(help="Seconds for one file.")] = 60.0,
    limit_total_seconds: Annotated[float, Option(help="Seconds for everything.")] = 3600.0,
    limit_memory_mb: Annotated[int, Option(help="Memory of the scanning process, MiB.")] = 1024,
    limit_expanded_mb: Annotated[int, Option(help="What one file may decompress to, MiB.")] = 512,
    limit_depth: Annotated[int, Option(help="Archives inside archives.")] = 8,
    limit_files: Annotated[int, Option(help="Files looked at.")] = 250_000,
) -> None:
    """Scan model files before anything loads them. Nothing in them is executed.

    Exit code 0: everything was examined and is clean, or approved. 1: something failed. 3: something was not examined.
    """
    from holdfast.adapters.artefacts.scanner import ScanLimits
    from holdfast.auditing.scanning import NO_POLICY
    from holdfast.auditing.scanning import scan as run_scan
    from holdfast.auditing.stating import scan_statement
    from holdfast.core.errors import InputError, did_you_mean
    from holdfast.evidence.entering import check_ledger, enter, ledger_place

    if format not in FORMATS:
        raise InputError(
            f"expected one of the formats {', '.join(FORMATS)}, got {format!r}", hint=did_you_mean(format, FORMATS)
        )
    chosen = NO_POLICY
    if policy is not None:
        from holdfast.policy.presets import load_policy

        chosen = load_policy(policy)
    limits = ScanLimits(
        seconds=limit_seconds,
        total_seconds=limit_total_seconds,
        memory_mb=limit_memory_mb,
        expanded_mb=limit_expanded_mb,
        depth=limit_depth,
        files=limit_files,
    )
    check_ledger(ledger_place())
    report = run_scan(*paths, policy=chosen, limits=limits)
    enter([scan_statement(report)])
    text = _rendered(report, format, is_shown=out is None)
    if out is None:
        typer.echo(text, nl=False)
    else:
        from holdfast.evidence.writing import write_durably
        from holdfast.reports.scan_text import outcome_sentence

        write_durably(out, text.encode("utf-8"))
        typer.echo(f"{report.outcome.replace('_', ' ')}: {outcome_sentence(report)}\n{out}", err=True)
    raise typer.Exit(report.exit_code)


def _rendered(report: object, format: str, *, is_shown: bool) -> str:
    from holdfast.core.canonical import canonical_json
    from holdfast.core.scan import ScanReport

    assert isinstance(report, ScanReport)
    if format == "json":
        return canonical_json(report).decode() + "\n"
    if format == "sarif":
        from holdfast.reports.scan_sarif import render_scan_sarif

        return render_scan_sarif(report)
    from holdfast.reports.scan_text import render_scan_text

    coloured = is_shown and sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return render_scan_text(report, _painted) if coloured else render_scan_text(report)


def _painted(text: str, outcome: str) -> str:
    return f"\033[{COLOURS[outcome]}m{text}\033[0m"
