"""What the checks of data found, as sentences."""

from __future__ import annotations

from holdfast.core.datasheet import Datasheet
from holdfast.reports.text import plain_sentence


def said_of(sheet: Datasheet, check: str) -> list[str]:
    """Return a sentence for each number that a check measured, or why it has none; there is one table only."""
    for finding in sheet.findings:
        if finding.check == check:
            if finding.state == "measured":
                return [_of_one_table(plain_sentence(measurement)) for measurement in finding.measurements]
            return [_of_one_table(f"Not measured, because {finding.reason}.")]
    return []


def _of_one_table(text: str) -> str:
    return text.replace("test table", "table").replace("test rows", "rows").replace("test row", "row")
