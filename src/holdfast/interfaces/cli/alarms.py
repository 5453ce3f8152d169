"""``holdfast alarms``: which columns of a stream changed, and when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.interfaces.cli.delivering import deliver, refuse_unknown_format

if TYPE_CHECKING:
    from holdfast.core.alarm import AlarmReport

Option = typer.Option
FORMATS = ("text", "json", "html")


def alarms(
    ref: Annotated[Path, typer.Argument(help="CSV or Parquet file of what is normal.")],
    cur: Annotated[Path, typer.Argument(help="CSV or Parquet file of what came since, with a time column.")],
    time: Annotated[str, Option(help="Column with the time of each row: ISO 8601, or numbers.")],
    every: Annotated[str, Option(help="Length of a window, such as 7d or 1h; a number where times are numbers.")],
    errors: Annotated[str | None, Option(help="Column that says whether the answer was wrong: 0 and 1.")] = None,
    budget: Annotated[float, Option(help="Probability of any false alarm in a year, over all columns.")] = 0.05,
    season: Annotated[
        str | None, Option(help="hour, weekday or month: compare rows with reference rows of the same one.")
    ] = None,
    block: Annotated[
        str | None, Option(help="Length of blocks, such as 1d, that count as one row where neighbours are alike.")
    ] = None,
    ignore: Annotated[list[str] | None, Option(help="Column that is not watched; may be given several times.")] = None,
    format: Annotated[str, Option(help="text, json or html.")] = "text",
    html: Annotated[Path | None, Option(help="File for a page with pictures, beside what is printed.")] = None,
    out: Annotated[Path | None, Option(help="File to write instead of the terminal.")] = None,
) -> None:
    """Say which columns changed, when, and by how much, with a budget of false alarms per year."""
    from holdfast.auditing.alarming import watch_alarms
    from holdfast.reports.alarms import headline, render_alarms_html, render_alarms_text

    refuse_unknown_format(format, FORMATS)
    found = watch_alarms(
        ref, cur, time=time, every=every, errors=errors, budget=budget, season=season, block=block, ignore=ignore or ()
    )
    if html is not None:
        deliver(render_alarms_html(found), html)
    shown = {"text": render_alarms_text, "json": _json, "html": render_alarms_html}[format](found)
    deliver(shown, out, said=headline(found))


def _json(found: AlarmReport) -> str:
    from dataclasses import asdict

    from holdfast.core.canonical import canonical_json

    return canonical_json(asdict(found)).decode("utf-8") + "\n"
