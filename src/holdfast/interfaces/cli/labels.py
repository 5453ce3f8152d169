"""``holdfast labels``: which outcomes of a table are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.interfaces.cli.delivering import deliver, refuse_unknown_format

if TYPE_CHECKING:
    from holdfast.auditing.labelling import JudgedLabels

Option = typer.Option
FORMATS = ("text", "csv", "json")
MOST_SHOWN = 20


def labels(
    table: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    target: Annotated[str, Option(help="Column with the outcomes.")],
    probabilities: Annotated[
        Path | None, Option(help="Table with one column per class, named as the class, of a model that saw no row.")
    ] = None,
    ignore: Annotated[list[str] | None, Option(help="Column that is no input; may be given several times.")] = None,
    effort: Annotated[str, Option(help="quick, default or thorough, where models are trained.")] = "default",
    format: Annotated[str, Option(help="text, csv (all rows, the most suspect first) or json.")] = "text",
    out: Annotated[Path | None, Option(help="File to write instead of the terminal.")] = None,
) -> None:
    """List the rows whose outcome is probably wrong, and estimate how many there are."""
    from holdfast.auditing.labelling import judge_labels

    refuse_unknown_format(format, FORMATS)
    found = judge_labels(table, target, probabilities=probabilities, ignore=ignore or (), effort=effort)
    deliver({"text": _text, "csv": _csv, "json": _json}[format](found), out, said=_sentence(found))


def _sentence(found: JudgedLabels) -> str:
    from holdfast.kernels.performance.frequencies import frequency

    low, high = found.interval.low, found.interval.high
    cases, count = frequency(found.share, 0.0 if low is None else low, 1.0 if high is None else high)
    return f"Of {cases} outcomes about {count} are wrong, judged by {found.judged_by}."


def _text(found: JudgedLabels) -> str:
    from holdfast.reports.text import printable

    suspects = found.rows.filter("suspect")
    lines = [_sentence(found), f"{suspects.height:,} of {found.rows.height:,} rows should be looked at."]
    if suspects.height:
        lines += ["", f"{'row':>9}  {'wrong with':>10}  {'given':<24}  rather"]
    for row, given, suggested, score in suspects.head(MOST_SHOWN).select("row", "given", "suggested", "score").rows():
        lines.append(f"{row:>9,}  {score:>10.0%}  {printable(given):<24.24}  {printable(suggested):.24}")
    if suspects.height > MOST_SHOWN:
        lines.append(f"  and {suspects.height - MOST_SHOWN:,} more: --format csv lists all")
    return "\n".join(lines) + "\n"


def _csv(found: JudgedLabels) -> str:
    return found.rows.write_csv()


def _json(found: JudgedLabels) -> str:
    from holdfast.core.canonical import canonical_json

    content = {
        "share": found.share,
        "low": found.interval.low,
        "high": found.interval.high,
        "level": found.interval.level,
        "method": found.interval.method,
        "judged_by": found.judged_by,
        "rows": found.rows.rows(named=True),
    }
    return canonical_json(content).decode("utf-8") + "\n"
