"""A finished audit in the format that was asked for."""

from __future__ import annotations

from pathlib import Path

from holdfast.auditing.folder import cached_svg
from holdfast.core.record import Audit


def render(audit: Audit, format: str) -> str:
    """Return the audit as ``html``, ``json``, ``sarif``, ``junit``, ``markdown`` or ``model-card``."""
    match format:
        case "html":
            from holdfast.reports.html import render_html

            return render_html(audit, svg=cached_svg(Path(audit.folder), None))
        case "json":
            return (Path(audit.folder) / "findings.json").read_text(encoding="utf-8")
        case "sarif":
            from holdfast.reports.sarif import render_sarif

            return render_sarif(audit)
        case "junit":
            from holdfast.reports.junit import render_junit

            return render_junit(audit)
        case "markdown":
            from holdfast.reports.markdown import render_markdown

            return render_markdown(audit)
        case "model-card":
            from holdfast.reports.model_card import render_model_card

            return render_model_card(audit)
        case _:
            raise ValueError(f"expected a known format, got {format!r}")
