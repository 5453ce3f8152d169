"""A replay of training again, as text, JSON and one HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.core.finding import Chart
from holdfast.core.replay import OURS, Contender, Replay

if TYPE_CHECKING:
    import polars as pl

COSTS = Chart(
    id="costs", title="Cost so far", kind="line", table="over_time", x="period", y="cost", series="strategy",
    x_title="period", y_title="cost, less that of never training",
    caption="What each strategy has cost by each period, less what keeping the first model has: below 0 it paid. Steps "
    "up are trainings, slopes down the errors that they saved.",
)  # fmt: skip
AGES = Chart(
    id="ages", title="What age costs", kind="line", table="ages", x="age", y="loss", low="low", high="high",
    x_title="age of the model in periods", y_title="loss per decision above that of a fresh model", reference=0.0,
    caption="How much worse models of an age did than ones trained just before the same decisions, with intervals. "
    "Where the line is flat, waiting longer costs no more.",
)  # fmt: skip
MOST_LINES = 6


def sentences(replay: Replay) -> list[str]:
    """Say what the replay showed: whether ours was the cheapest, what is certain, and what training now would bring."""
    ours, best = replay[OURS], replay.contenders[0]
    often = "once" if ours.trained == 1 else f"{ours.trained} times"
    said = [
        f"Trained again {OURS}, {often} in {replay.n_decided} periods, the model would have cost "
        f"{_number(ours.cost)}; never trained again, {_number(replay['never'].cost)}; in every period, "
        f"{_number(replay['every period'].cost)}."
    ]
    if best.name != OURS:
        said.append(f"In hindsight the cheapest was {best.name}: {_number(best.cost)}. {_apart(best)}")
    dearer = [each.name for each in replay.contenders if each.dearer and each.dearer.low and each.dearer.low > 0]
    cheaper = [each.name for each in replay.contenders if each.dearer and each.dearer.high and each.dearer.high < 0]
    said.append(
        f"Dearer beyond doubt than {OURS}: {', '.join(dearer) or 'none'}; cheaper beyond doubt: "
        f"{', '.join(cheaper) or 'none'}."
    )
    if replay.gain is None:
        return [*said, "Whether training again would pay now cannot be told: no outcome of any period is known yet."]
    low, high = replay.gain_interval.low, replay.gain_interval.high  # type: ignore[union-attr]
    within = f"{_number(low)} to {_number(high)}" if low is not None and high is not None else "of unknown precision"
    said.append(
        f"For the last period, training again was expected to save {_number(replay.gain)} ({within}) over the "
        f"{replay.gain_horizon} periods that a new model would serve, at a cost of {_number(replay.costs.retraining)}."
    )
    return said


def _apart(each: Contender) -> str:
    if each.dearer is None or each.dearer.low is None or each.dearer.high is None:
        return "There are too few periods to say whether that was chance."
    return "That may be chance." if each.dearer.low <= 0 <= each.dearer.high else "That is not chance."


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def rows(replay: Replay) -> list[tuple[str, str, str, str, str]]:
    """Return each strategy as texts: name, trainings, loss, cost, how much dearer than ours."""
    return [
        (each.name, str(each.trained), _number(each.loss), _number(each.cost), _gap(each)) for each in replay.contenders
    ]


def _gap(each: Contender) -> str:
    if each.dearer is None:
        return ""
    ends = each.dearer.low, each.dearer.high
    if ends[0] is None or ends[1] is None:
        return f"{each.dearer_by:+,.0f}"
    return f"{each.dearer_by:+,.0f} ({ends[0]:+,.0f} to {ends[1]:+,.0f})"


def loss_title(replay: Replay) -> str:
    """Return what the loss counts."""
    return "Absolute error" if replay.is_regression else "Wrong answers"


def render_text(replay: Replay) -> str:
    """Write the replay for a terminal."""
    lines = [*sentences(replay), ""]
    table = [("strategy", "trained", loss_title(replay).lower(), "cost", f"dearer than {OURS}"), *rows(replay)]
    lines += [f"{a:<20} {b:>7} {c:>14} {d:>12}  {e}".rstrip() for a, b, c, d, e in table]
    lines += ["", "What age costs, per decision, against a fresh model:"]
    for age, loss, low, high in replay.ages.iter_rows():
        lines.append(f"  {age:>3} periods  {loss:+.4f} ({low:+.4f} to {high:+.4f})")
    return "\n".join([*lines, "", "This leans on:", *(f"- {line}" for line in replay.assumptions)]) + "\n"


def render_json(replay: Replay) -> str:
    """Write the replay as canonical JSON."""
    from holdfast.core.canonical import canonical_json

    interval = replay.gain_interval
    content = {
        "costs": replay.costs,
        "periods": {"all": replay.n_periods, "decided": replay.n_decided},
        "decisions": replay.n_rows,
        "strategies": list(replay.contenders),
        "ages": _finite(replay.ages),
        "gain_now": None if replay.gain is None else {"saved": replay.gain, "interval": interval},
        "assumptions": list(replay.assumptions),
    }
    return canonical_json(content).decode("utf-8") + "\n"


def _finite(table: pl.DataFrame) -> list[dict[str, float | None]]:
    import polars as pl

    numbers = [pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in ("loss", "low", "high")]
    return table.with_columns(numbers).rows(named=True)


def render_html(replay: Replay, *, name: str) -> str:
    """Write the replay as one HTML file with pictures.

    Parameters
    ----------
    name
        Of the history, as the heading.
    """
    import polars as pl

    from holdfast.reports.page import Page, PageTable, render_page

    drawn = list(dict.fromkeys([OURS, "every period", *(each.name for each in replay.contenders)]))[:MOST_LINES]
    kept = replay.over_time.filter(pl.col("strategy") == "never").select("period", base="cost")
    table = replay.over_time.filter(pl.col("strategy").is_in(drawn)).join(kept, on="period")
    over_time = table.select("strategy", "period", cost=pl.col("cost") - pl.col("base")).sort(
        pl.col("strategy").replace_strict(drawn, range(len(drawn))), "period"
    )
    heads = ("Strategy", "Trained again", loss_title(replay), "Cost", f"Dearer than {OURS}")
    return render_page(
        Page(
            kind="Holdfast retraining",
            title=name,
            meta=f"{replay.n_rows:,} decisions in {replay.n_decided} periods were replayed",
            verdict="When to train again",
            sentences=sentences(replay),
            tables=[PageTable(heading="What each strategy would have cost", columns=heads, rows=rows(replay))],
            charts=[(COSTS, over_time)] + ([(AGES, replay.ages)] if replay.ages.height else []),
            assumptions=replay.assumptions,
        )
    )
