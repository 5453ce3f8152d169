"""``holdfast estimate``: performance before the outcomes come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.interfaces.cli.delivering import deliver, refuse_unknown_format
from holdfast.interfaces.cli.trusting import TRUST_PICKLE, trust_of

if TYPE_CHECKING:
    from holdfast.auditing.estimating import EstimatedPerformance

Option = typer.Option
FORMATS = ("text", "csv", "json", "to-label")


def estimate(
    reference: Annotated[
        Path, typer.Argument(help="Labelled cases of the past that trained no model: CSV or Parquet.")
    ],
    current: Annotated[Path, typer.Argument(help="Cases of today; outcomes may be missing.")],
    target: Annotated[str, Option(help="Column with the outcomes.")],
    model: Annotated[str | None, Option(help="Model file or endpoint; otherwise both tables hold predictions.")] = None,
    score_column: Annotated[list[str] | None, Option(help="Score of the positive class, or one per class.")] = None,
    labels: Annotated[Path | None, Option(help="Outcomes that came late: columns of id, target, probability.")] = None,
    id: Annotated[str | None, Option(help="Column that names a case, in the current table and the labels.")] = None,
    time: Annotated[str | None, Option(help="Column that orders the cases, in both tables.")] = None,
    every: Annotated[str, Option(help="Length of a period by the time column, such as 7d.")] = "",
    periods: Annotated[int, Option(help="How many periods of equal size, without --every.")] = 10,
    group: Annotated[str, Option(help="Column whose values have a calibration each.")] = "",
    weighted: Annotated[bool, Option(help="Weight the reference to the inputs of each period.")] = True,
    choose: Annotated[int, Option(help="How many cases to label next; --format to-label lists them.")] = 0,
    ignore: Annotated[list[str] | None, Option(help="Column that is no input; may be given several times.")] = None,
    format: Annotated[str, Option(help="text, csv (one row per period and metric), json, or to-label (csv).")] = "text",
    out: Annotated[Path | None, Option(help="File to write instead of the terminal.")] = None,
    html: Annotated[Path | None, Option(help="File for one page with the pictures.")] = None,
    trust_pickle: Annotated[str | None, TRUST_PICKLE] = None,
) -> None:
    """Estimate performance on cases without outcomes, restate it as outcomes come, and say when they refute it."""
    from holdfast.auditing.estimating import estimate_performance

    refuse_unknown_format(format, FORMATS)
    found = estimate_performance(
        reference, current, target, model=model, score_column=score_column or (), labels=labels, id=id, time=time,
        every=every, periods=periods, group=group, weighted=weighted, choose=choose, ignore=ignore or (),
        trust_pickle=trust_of(trust_pickle),
    )  # fmt: skip
    written = {"text": _text, "csv": _csv, "json": _json, "to-label": _to_label}[format](found)
    if html is not None:
        from holdfast.reports.estimate import estimate_html

        page = estimate_html(
            found.finding, found.periods, found.decay, drawn=found.drawn, notes=found.notes, has_time=found.has_time,
            name=Path(model).name if model else current.name,
        )  # fmt: skip
        deliver(page, html)
    deliver(written, out)


def _text(found: EstimatedPerformance) -> str:
    from holdfast.reports.estimate import estimate_text

    return estimate_text(found.finding, found.periods, found.decay, notes=found.notes, has_time=found.has_time)


def _csv(found: EstimatedPerformance) -> str:
    return found.periods.fill_nan(None).write_csv()


def _to_label(found: EstimatedPerformance) -> str:
    return found.to_label.write_csv()


def _json(found: EstimatedPerformance) -> str:
    from holdfast.core.canonical import canonical_json

    content = {
        "assumptions": found.finding.assumptions,
        "notes": found.notes,
        "measurements": found.finding.measurements,
        "periods": found.periods.fill_nan(None).rows(named=True),
        "decay": found.decay.fill_nan(None).rows(named=True),
        "to_label": found.to_label.rows(named=True),
    }
    return canonical_json(content).decode("utf-8") + "\n"
