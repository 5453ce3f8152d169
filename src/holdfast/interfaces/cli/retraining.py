"""``holdfast retraining``: when training again would have paid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.interfaces.cli.delivering import deliver, refuse_unknown_format
from holdfast.interfaces.cli.trusting import TRUST_PICKLE, trust_of

Option = typer.Option
FORMATS = ("text", "json")


def retraining(
    history: Annotated[Path, typer.Argument(help="CSV or Parquet file with rows and their outcomes.")],
    target: Annotated[str, Option(help="Column with the outcomes.")],
    every: Annotated[str, Option(help="How often one may train again: 7d, 12h; a number of rows without --time.")],
    cost_of_retraining: Annotated[float, Option(help="What training again costs, deployment included.")],
    cost_of_error: Annotated[float, Option(help="What a wrong answer costs, or a unit of absolute error.")] = 1.0,
    cost_of_trial: Annotated[float, Option(help="What training a model only to compare costs.")] = 0.0,
    time: Annotated[str | None, Option(help="Column with the time of each row; in order of time otherwise.")] = None,
    delay: Annotated[str | None, Option(help="How long after its row an outcome is known, like --every.")] = None,
    window: Annotated[str | None, Option(help="Newest part of the history to train on, like --every.")] = None,
    horizon: Annotated[int | None, Option(help="Periods that a new model is to serve for.")] = None,
    model: Annotated[
        Path | None, Option(help="Model to train anew with its settings; boosted trees otherwise.")
    ] = None,
    ignore: Annotated[list[str] | None, Option(help="Column that is no input; may be given several times.")] = None,
    format: Annotated[str, Option(help="text or json.")] = "text",
    html: Annotated[Path | None, Option(help="Also write a report with pictures, one HTML file.")] = None,
    out: Annotated[Path | None, Option(help="File to write instead of the terminal.")] = None,
    trust_pickle: Annotated[str | None, TRUST_PICKLE] = None,
) -> None:
    """Replay when to train again: never, by the clock, on drift, on a fall of performance, or when it pays."""
    from holdfast.auditing.replaying import replay_history
    from holdfast.core.replay import Costs
    from holdfast.interfaces.cli.progress import counting
    from holdfast.reports.replay import render_html, render_json, render_text

    refuse_unknown_format(format, FORMATS)
    costs = Costs(error=cost_of_error, retraining=cost_of_retraining, trial=cost_of_trial)
    with counting("models") as say:
        replay = replay_history(
            history,
            target,
            every=every,
            costs=costs,
            time=time,
            delay=delay,
            window=window,
            horizon=horizon,
            model=None if model is None else str(model),
            ignore=ignore or (),
            trust_pickle=trust_of(trust_pickle),
            say=say,
        )
    if html is not None:
        deliver(render_html(replay, name=history.name), html)
    deliver({"text": render_text, "json": render_json}[format](replay), out)
