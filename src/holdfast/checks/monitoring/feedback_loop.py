"""Do the system's decisions shape the data that it learns from, and what it decides next?

**What it answers.** Whom a system refuses, it never learns about; where it looks, it finds. Two questions are answered
apart, from a log of decisions. *Distortion*, about the data: are the cases whose outcome was seen like all the cases
that were decided on? *Loop*, about cause: do decisions change the system's own later outputs?

**How.** Name the log under ``decisions`` in ``holdfast.yaml``. What tells is chance: decisions that could have been
otherwise, with the probability of the decision in the log. Cases seen are weighted by the inverse of the probability
that they would be (Hajek, within strata of propensity), and cases that could not have been seen are bounded by the
worst case. For the loop, chance makes a group's selections a little more or fewer than expected; whether its later
allocation and score follow is the effect of the selections, whatever else goes on. Concentration of selections over
groups is measured too: it is a symptom, no proof. Log periods are distinct times, or up to 100 parts of equal length.

**How to read it.** ``distortion_outcome`` is the mean outcome of the cases seen minus that of all cases;
``corrected_rate`` is the latter. ``loop_gain`` is how many later selections of a group each selection causes, within
the next fifth of the log; 0 is no loop. ``effective_share`` of 0.2 says that 100 weighted cases tell as much as 20.

- *Good:* loop gain 0.00 (-0.03 to 0.02): within the margin of 0.05, no loop.
- *Bad:* loop gain 0.14 (0.10 to 0.19): of 100 patrols, 14 come back only because these were made.
- *Not identifiable:* nothing was left to chance. ``exploration_needed_*`` is the share of decisions that a fair coin
  would have to make, in a log as long, to settle the question with a probability of 80 %; 2 or more stands for: longer
  logs only.

**Measured** on 400 generated logs each, intervals at 95 % (``python benchmarks/feedback.py``):

| log | a loop is found | accused without one |
|---|---|---|
| patrols of 16 areas, 100 days, 20 % of decisions to a coin | 100 % | 4.5 % |
| the same, 5 % to a coin | 100 % | 3.2 % |
| 8 areas, 100 days, 20 % | 100 % | 4.2 % |
| 4 areas, 24 days, 20 % | 76 % | 5.2 % |

Coverage of ``distortion_outcome``, with 300 to 5,000 loans and 2 to 10 % to a coin: 96.8 to 99.8 %. A trend of
concentration is seen in 1.2 % of logs with fixed shares, in 76 % where one of 6 groups grows from 17 to 60 % over 240
selections, and in 3 of 100 logs with the loop above.

**When it misleads.** Propensities that are wrong make all of it wrong. Cases are taken to be independent, outcomes
missing among the selected to be missing by chance. With a fixed budget one group's gain is another's loss, and the gain
counts both. A loop slower than a fifth of the log, or within one period, is not seen. A trend of concentration also
comes from cases that change.

**What to do about a bad one.** Leave a small share of decisions to chance and log the probabilities. Train on weighted
cases. Score what was found per look, not what was found. Audit again.

References: Lum, Isaac (2016), Significance 13; Ensign et al. (2018), FAT*; Manski (1990), AER 80; Bojinov, Shephard
(2019), JASA 114; Sen (1968), JASA 63.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.feedback.distortion import Distortion
    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Feedback loop",
    "question": "Do the system's decisions shape the data that it learns from, and what it decides next?",
    "needs": ["decisions"],
    "measures": [
        {"id": "distortion_outcome", "name": "Mean outcome of the cases seen, minus that of all cases",
         "unit": "", "direction": "neither"},
        {"id": "distortion_error", "name": "Squared error of the score among the cases seen, minus that in all cases",
         "unit": "", "direction": "neither"},
        {"id": "corrected_rate", "name": "Mean outcome of all cases, corrected for selection", "unit": "",
         "direction": "neither"},
        {"id": "effective_share", "name": "Effective share of the cases seen", "unit": "share",
         "direction": "higher_is_better", "range": [0, 1]},
        {"id": "unexplored_share", "name": "Share of cases that could not have been seen", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "chance_share", "name": "Share of decisions left to chance", "unit": "share",
         "direction": "higher_is_better", "range": [0, 1]},
        {"id": "concentration_change", "name": "Change of the concentration of selections over the log",
         "unit": "", "direction": "lower_is_better"},
        {"id": "loop_gain", "name": "Later selections that each selection causes", "unit": "selections",
         "direction": "lower_is_better"},
        {"id": "score_gain", "name": "Change of a group's later score if all are selected instead of none",
         "unit": "", "direction": "neither"},
        {"id": "exploration_needed_distortion", "name": "Share of decisions to a coin that would settle the distortion",
         "unit": "of decisions", "direction": "neither", "range": [0, None]},
        {"id": "exploration_needed_loop", "name": "Share of decisions to a coin that would settle the loop",
         "unit": "of decisions", "direction": "neither", "range": [0, None]},
    ],
    "evidence_codes": ["LOOP"],
    "references": [
        "Lum, Isaac (2016), To predict and serve?, Significance 13",
        "Ensign, Friedler, Neville, Scheidegger, Venkatasubramanian (2018), Runaway feedback loops, FAT*",
        "Manski (1990), Nonparametric bounds on treatment effects, American Economic Review 80",
        "Bojinov, Shephard (2019), Time series experiments and causal estimands, JASA 114",
    ],
    "cost": "light",
}  # fmt: skip

NOT_LOGGED = "name the log of decisions under decisions in holdfast.yaml"
REMEDIATION = (
    "Leave a small share of decisions to chance and log the probability of each decision. Train on cases weighted by "
    "the inverse of the probability that they were seen. Score what was found per look, not what was found."
)
LEANS_ON = (
    "Propensities are taken as logged; cases as independent; outcomes missing among the selected as missing by chance; "
    "decisions of a group within one period as drawn independently."
)
NO_CHANCE = "No propensities were logged: no decision is taken to have been left to chance."
BEYOND = 2.0  # stands for: no share of exploration settles it in a log as long
MOST_DRAWN, DRAWN_PERIODS = 4, 12
ALLOCATION = Chart(
    id="allocation", title="Who is selected, over time", kind="line", table="allocation", x="period", y="share",
    low="low", high="high", series="group", x_title="part of the log", y_title="share of all selections",
    caption="Share of a period's selections that goes to each group, at most 4 groups, with intervals. Lines that part "
    "are decisions that gather on few; whether they feed on themselves, the loop gain says.",
)  # fmt: skip
WEIGHTS = Chart(
    id="weights", title="On how few cases the correction rests", kind="bars", table="weights", x="chance", y="share",
    series="what", x_title="probability of being seen", y_title="share",
    caption="By the probability of being seen: shares of all cases, of the cases seen, and of the weight. Where few "
    "cases seen carry much weight, the interval is wide.",
)  # fmt: skip


@dataclass(slots=True)
class _Log:
    """The log as arrays, and what is found of it."""

    chosen: NDArray[np.bool_]
    chance: NDArray[np.float64]
    group: NDArray[np.int64]
    names: list[str]
    time: NDArray[np.float64]
    score: NDArray[np.float64] | None
    outcome: NDArray[np.float64] | None
    has_propensity: bool
    level: float
    measured: list[Measured] = field(default_factory=list)
    answers: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, id: str, estimate: IntervalEstimate[float], method: str, n: int, plain: str) -> None:
        low, high = (end if math.isfinite(end) else None for end in estimate[1:])
        interval = Interval(low=low, high=high, level=self.level, method=method)
        self.measured.append(Measured(id=id, value=estimate.value, interval=interval, n=n, plain=plain))

    def count(self, id: str, value: float, n: int, plain: str, *, why: str = "", exact: bool = False) -> None:
        reason = why or "counted over all decisions of the log"
        self.measured.append(Measured(id=id, value=value, no_interval_reason=reason, exact=exact, n=n, plain=plain))


def run(
    subject: Subject,
    ctx: Context,
    *,
    margin: float = 0.05,
    gain_margin: float = 0.05,
    power: float = 0.8,
    largest_weight: float = 100.0,
    periods: int = 100,
) -> Outcome:
    """Ask a log of decisions for distortion, concentration and a loop.

    Parameters
    ----------
    margin
        Distortion that does not matter, as a share of the range of the outcomes.
    gain_margin
        Later selections per selection that do not matter.
    power
        Probability with which the exploration that is advised settles a question.
    largest_weight
        Weights beyond are clipped; what that leaves out is bounded by the worst case.
    periods
        Parts of equal length that the log is cut into, if it has more distinct times.
    """
    import numpy as np

    if subject.decisions is None:
        raise NotRun("no decisions were logged", hint=NOT_LOGGED)
    log = _read(subject.decisions.frame, ctx.level)
    if not log.chosen.any():
        raise NotRun("no case of the log was selected", hint="a log in which some decisions had their outcome seen")
    _loop(log, periods=periods, margin=gain_margin, power=power)
    n = log.chosen.size
    left = (log.chance > 0.0) & (log.chance < 1.0)
    log.count(
        "chance_share", float(left.mean()), n, f"{left.mean():.0%} of {n:,} decisions were left to chance.", exact=True
    )
    tables = {"weights": _weights(log)} if log.outcome is not None else {}
    notes = [LEANS_ON] + ([] if log.has_propensity else [NO_CHANCE])
    if log.outcome is None:
        notes.append("The log has no outcomes: nothing is said about distortion.")
    elif np.isnan(log.outcome[log.chosen]).all():
        notes.append("No case that was selected has an outcome: nothing is said about distortion.")
    else:
        notes += _distortion(log, margin=margin, power=power, largest_weight=largest_weight)
    if len(log.names) > 1:
        tables["allocation"] = _concentration(log)
    charts = [chart for chart in (ALLOCATION, WEIGHTS) if chart.table in tables]
    return Outcome(
        measurements=tuple(log.measured),
        tables={"answers": _answers(log), **tables},
        charts=tuple(charts),
        remediation=REMEDIATION,
        assumptions=(*_open_questions(log), *notes),
        work={"rows": n},
    )


def _read(frame: pl.DataFrame, level: float) -> _Log:
    """Take the columns of the log as arrays; without propensities every decision was certain."""
    import numpy as np

    names, codes = np.unique(frame["group"].to_numpy().astype(str), return_inverse=True)
    chosen = frame["selected"].to_numpy()
    has = "propensity" in frame.columns
    optional = {
        name: frame[name].fill_null(float("nan")).to_numpy() if name in frame.columns else None
        for name in ("score", "outcome")
    }
    return _Log(
        chosen=chosen,
        chance=frame["propensity"].to_numpy() if has else chosen.astype(np.float64),
        group=codes,
        names=names.tolist(),
        time=frame["time"].to_numpy(),
        score=optional["score"],
        outcome=optional["outcome"],
        has_propensity=has,
        level=level,
    )


def _distortion(log: _Log, *, margin: float, power: float, largest_weight: float) -> list[str]:
    """Compare the cases seen with all cases: their outcomes, and the error of the score on them."""
    import numpy as np

    from holdfast.kernels.feedback.distortion import selection_distortion

    assert log.outcome is not None
    seen = log.chosen & ~np.isnan(log.outcome)
    y = log.outcome[seen]
    low, high = min(0.0, float(y.min())), max(1.0, float(y.max()))
    ends = (0.0, 1.0) if (low, high) == (0.0, 1.0) else (float(y.min()), float(y.max()))
    settings: dict[str, Any] = {"largest_weight": largest_weight, "level": log.level}
    found = selection_distortion(log.outcome, log.chosen, log.chance, value_range=ends, **settings)
    method = "strata of propensity, combined Clopper-Pearson" + (", worst-case bounds" if found.unexplored else "")
    n = found.n_selected
    where = " to ".join(f"{end:.3f}" for end in found.population[1:])
    log.add(
        "corrected_rate", found.population, method, n,
        f"The mean outcome is {found.selected.value:.3f} among the cases seen, and lies within {where} in all cases.",
    )  # fmt: skip
    _answer_distortion(log, found, method, "outcome", (ends[1] - ends[0]) * margin)
    share = found.effective_size / n
    text = f"Weighted to all cases, 100 cases seen tell as much as {100 * share:.0f}."
    log.count("effective_share", share, n, text, why="it describes the weights, which are known")
    text = f"{found.unexplored:.1%} of the cases could not have been seen, or hardly."
    log.count("unexplored_share", found.unexplored, log.chosen.size, text, exact=True)
    _needed_for_distortion(log, margin=margin, power=power)
    if log.score is not None and not np.isnan(log.score).any():
        loss = (log.score - log.outcome) ** 2
        worst = np.maximum((log.score - ends[0]) ** 2, (log.score - ends[1]) ** 2).max()
        error = selection_distortion(loss, log.chosen, log.chance, value_range=(0.0, float(worst)), **settings)
        _answer_distortion(log, error, method, "error", float(worst) * margin)
    notes = [f"Outcomes are taken to lie between {ends[0]:g} and {ends[1]:g}."]
    if found.clipped:
        notes.append(f"Weights of {found.clipped:.1%} of the cases seen were clipped at {largest_weight:g}.")
    return notes


def _answer_distortion(log: _Log, found: Distortion, method: str, what: str, margin: float) -> None:
    from holdfast.kernels.feedback.decisions import verdict_of

    verdict = verdict_of(found.difference, margin=margin)
    if verdict == "could not tell" and found.unexplored > 0.0:
        alone = verdict_of(found.explored_difference, margin=margin)
        reach = found.difference.high - found.difference.low
        if alone != "could not tell" or reach > 2.0 * (found.explored_difference.high - found.explored_difference.low):
            verdict = "not identifiable"
    low, high = found.difference[1:]
    seen, numbers = found.selected.value, f"{found.difference.value:+.3f} ({low:+.3f} to {high:+.3f})"
    why = f"{numbers}; up to {margin:.2g} does not matter"
    if verdict == "not identifiable":
        why = (
            f"{found.unexplored:.0%} of the cases could not have been seen, so anything from {low:+.3f} to {high:+.3f}"
        )
    name = {
        "outcome": "Are the outcomes seen unlike those of all cases?",
        "error": "Does the score err otherwise on them?",
    }
    log.answers.append((name[what], verdict, f"{why}."))
    text = f"The mean {what} is {seen:.3f} among the cases seen, which is {numbers} off that of all cases; up to "
    text += f"{margin:.2g} does not matter."
    if verdict == "not identifiable":
        text = f"Whether the mean {what} of the cases seen is off is not identifiable: {why}."
    log.add(f"distortion_{what}", found.difference, method, found.n_selected, text)


def _needed_for_distortion(log: _Log, *, margin: float, power: float) -> None:
    from holdfast.kernels.feedback.exploration import exploration_for_distortion

    hopeless = float((log.chance == 0.0).mean())
    if hopeless == 0.0:
        return
    n = log.chosen.size
    share = exploration_for_distortion(
        n_cases=n, unexplored=min(hopeless, 1 - 1 / n), margin=margin, power=power, level=log.level
    )
    _needed(log, "distortion", share, f"whether the cases seen are unlike all cases by {margin:g} of the range", power)


def _needed(log: _Log, which: str, share: float, question: str, power: float) -> None:
    n = log.chosen.size
    if math.isfinite(share):
        text = f"Leaving {share:.1%} of {n:,} decisions to a fair coin would settle {question}, with a probability of "
        text += f"{power:.0%}."
    else:
        text = f"No share of {n:,} decisions left to a coin would settle {question}: the log has to be longer."
    why = "a size planned from the noise of this log"
    log.count(f"exploration_needed_{which}", share if math.isfinite(share) else BEYOND, n, text, why=why)


def _concentration(log: _Log) -> pl.DataFrame:
    """Measure whether selections gather on fewer groups; lay out the shares for a picture."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.feedback.concentration import concentration
    from holdfast.kernels.feedback.periods import cut_periods

    period = cut_periods(log.time, most=DRAWN_PERIODS)
    found = concentration(log.chosen, log.group, period, level=log.level)
    if math.isfinite(found.change.value):
        known = found.herfindahl[~np.isnan(found.herfindahl)]
        text = (
            f"Two selections of one period went to one group with {known[0]:.1%} at first and {known[-1]:.1%} at last; "
        )
        low, high = found.change[1:]
        text += f"over the log that changes by {found.change.value:+.3f} ({low:+.3f} to {high:+.3f})."
        log.add("concentration_change", found.change, "Sen's interval of a slope", int(found.counts.sum()), text)
    largest = np.argsort(-found.counts.sum(axis=0), kind="stable")[:MOST_DRAWN]
    rows = [
        (log.names[group], at + 1, int(found.counts[at, group]), *(float(end[at, group]) for end in found.share),
         float(found.herfindahl[at]), float(found.gini[at]), float(found.entropy[at]))
        for group in largest for at in range(found.counts.shape[0]) if found.counts[at].sum()
    ]  # fmt: skip
    numbers = dict.fromkeys(("share", "low", "high", "concentration", "gini", "entropy"), pl.Float64)
    schema = {"group": pl.String, "period": pl.Int64, "selections": pl.Int64, **numbers}
    return pl.DataFrame(rows, schema=schema, orient="row").fill_nan(None)


def _loop(log: _Log, *, periods: int, margin: float, power: float) -> None:
    """Ask whether later outputs answer selections; where nothing tells, say what would."""
    import numpy as np

    from holdfast.kernels.feedback.decisions import verdict_of
    from holdfast.kernels.feedback.exploration import exploration_for_loop
    from holdfast.kernels.feedback.loop import loop_gain
    from holdfast.kernels.feedback.periods import cut_periods

    question = "Do selections cause later selections?"
    period = cut_periods(log.time, most=periods)
    n_periods = int(period.max()) + 1
    horizon = max(1, n_periods // 5)
    said: dict[str, Any] = {"horizon": horizon, "level": log.level}
    found = loop_gain(log.chance, log.chosen, log.chance, log.group, period, **said)
    if math.isfinite(found.gain.high):
        gain = type(found.gain)(*(horizon * end for end in found.gain))
        verdict = verdict_of(gain, margin=margin)
        percent = [f"{100 * end:.0f}" for end in gain]
        why = f"100 cause {percent[0]} ({percent[1]} to {percent[2]}) within {horizon} of {n_periods} periods; up to "
        why += f"{100 * margin:g} do not matter"
        log.add(
            "loop_gain",
            gain,
            "jackknife over periods, Student t",
            found.n_cells,
            f"{question} {verdict.capitalize()}: {why}.",
        )
    else:
        few = n_periods < 6
        verdict = "could not tell" if few else "not identifiable"
        why = f"the log has {n_periods} periods only" if few else "too few decisions were left to chance"
    log.answers.append((question, verdict, f"{why}."))
    if log.score is not None and math.isfinite(found.gain.high):
        score = loop_gain(log.score, log.chosen, log.chance, log.group, period, **said)
        if math.isfinite(score.gain.high):
            low, high = score.gain[1:]
            text = (
                f"A group's later score changes by {score.gain.value:+.3g} ({low:+.3g} to {high:+.3g}) if all of it is "
            )
            log.add("score_gain", score.gain, "jackknife over periods, Student t", score.n_cells, f"{text}selected.")
    if verdict in ("could not tell", "not identifiable") and not np.isnan(found.noise):
        cells = np.unique(np.column_stack([period, log.group])[period < n_periods - horizon], axis=0).shape[0]
        share = exploration_for_loop(
            n_cases=int((period < n_periods - horizon).sum()), n_cells=cells, noise=found.noise, horizon=horizon,
            margin=margin, power=power, level=log.level,
        )  # fmt: skip
        _needed(log, "loop", share, f"whether a selection causes {margin:g} later ones", power)


def _open_questions(log: _Log) -> list[str]:
    return [f"{asked} {said.capitalize()}: {why}" for asked, said, why in log.answers if said not in ("yes", "no")]


def _answers(log: _Log) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(log.answers, schema=dict.fromkeys(("question", "answer", "why"), pl.String), orient="row")


def _weights(log: _Log) -> pl.DataFrame:
    """Lay out, by the probability of being seen, how many cases there are, how many seen, and what they weigh."""
    import numpy as np
    import polars as pl

    edges = [0.0, 0.01, 0.03, 0.1, 0.3, 1.0]
    place = np.where(log.chance > 0.0, np.searchsorted(edges, log.chance, side="left"), 0)
    weight = np.where(log.chosen, 1.0 / np.maximum(log.chance, 1e-300), 0.0)
    kinds = {"all cases": np.ones(place.size), "cases seen": log.chosen.astype(np.float64), "weight": weight}
    texts = ["none", *(f"{low:g} to {high:g}" for low, high in pairwise(edges))]
    rows = [
        (texts[at], what, float(values[place == at].sum() / values.sum()))
        for at in range(len(texts)) if (place == at).any() for what, values in kinds.items()
    ]  # fmt: skip
    return pl.DataFrame(rows, schema={"chance": pl.String, "what": pl.String, "share": pl.Float64}, orient="row")
