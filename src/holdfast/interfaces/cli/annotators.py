"""``holdfast annotators``: which label is right where several people disagree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.interfaces.cli.delivering import deliver, refuse_unknown_format

if TYPE_CHECKING:
    from holdfast.auditing.annotating import SettledLabels

Option = typer.Option
FORMATS = ("text", "csv", "json")
MOST_SHOWN = 20


def annotators(
    table: Annotated[Path, typer.Argument(help="CSV or Parquet file, one row per case.")],
    column: Annotated[list[str], Option(help="Column with the labels of one annotator; given for each of them.")],
    probabilities: Annotated[
        Path | None,
        Option(help="Table with one column per class, named as the class, of a model that learned from no label here."),
    ] = None,
    format: Annotated[str, Option(help="text, csv (all rows, the least certain first) or json.")] = "text",
    out: Annotated[Path | None, Option(help="File to write instead of the terminal.")] = None,
) -> None:
    """Settle outcomes that several annotators have labelled, and estimate how often each of them is right."""
    from holdfast.auditing.annotating import settle_labels

    refuse_unknown_format(format, FORMATS)
    found = settle_labels(table, column, probabilities=probabilities)
    deliver({"text": _text, "csv": _csv, "json": _json}[format](found), out)


def _text(found: SettledLabels) -> str:
    from holdfast.reports.text import printable

    lines = [f"{'annotator':<24}  {'labels':>8}  right"]
    for name, count, accuracy, low, high in found.annotators.rows():
        lines.append(f"{printable(name):<24.24}  {count:>8,}  {accuracy:.1%} ({low:.1%} to {high:.1%})")
    low, high = found.interval.low, found.interval.high
    ends = "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"
    lines += ["", f"Agreement (Krippendorff's alpha): {found.agreement:.2f}{ends}; 1 when all agree, 0 as by chance."]
    doubtful = found.rows.filter(found.rows["probability"] < 0.9)
    lines += [f"{doubtful.height:,} of {found.rows.height:,} rows are settled with less than 90 %."]
    if doubtful.height:
        lines += ["", f"{'row':>9}  {'sure':>5}  {'labels':>6}  {'against':>7}  suggested"]
    for row, label, sure, count, dissent in doubtful.head(MOST_SHOWN).rows():
        lines.append(f"{row:>9,}  {sure:>5.0%}  {count:>6}  {dissent:>7}  {printable(label):.24}")
    if doubtful.height > MOST_SHOWN:
        lines.append(f"  and {doubtful.height - MOST_SHOWN:,} more: --format csv lists all rows")
    return "\n".join(lines) + "\n"


def _csv(found: SettledLabels) -> str:
    return found.rows.write_csv()


def _json(found: SettledLabels) -> str:
    from holdfast.core.canonical import canonical_json

    content = {
        "agreement": found.agreement,
        "low": found.interval.low,
        "high": found.interval.high,
        "level": found.interval.level,
        "method": found.interval.method,
        "annotators": found.annotators.rows(named=True),
        "rows": found.rows.rows(named=True),
    }
    return canonical_json(content).decode("utf-8") + "\n"
