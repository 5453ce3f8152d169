"""Replay a history: what training again would have cost and saved, by strategy."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.auditing.moments import moments, span
from holdfast.core.deployment import Deployment
from holdfast.core.errors import InputError
from holdfast.core.measurement import Interval
from holdfast.core.replay import OURS, Contender, Costs, Replay

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.adapters.models.opening import TrustPickle
    from holdfast.auditing.subject import AuditSubject
    from holdfast.kernels.retraining.history import History, Strategy

MOST_PERIODS, FEWEST_PERIODS = 400, 8
MOST_CELLS = 2_000_000_000
FEWEST_LABELLED, FIRST_SHARE = 100, 0.1
STEPS = (1, 2, 4, 8, 16, 32)
SEED = 0
METHOD = "circular block bootstrap over periods, Student t"


def replay_history(
    history: Any,
    target: str,
    *,
    every: str,
    costs: Costs,
    horizon: int | None = None,
    level: float = 0.95,
    **settings: Any,
) -> Replay:
    """Replay strategies of training again on a history of rows with their outcomes.

    Parameters
    ----------
    history, target, every, settings
        As :func:`train_models` takes them.
    costs
        What errors and training cost.
    horizon
        Periods that a new model is to serve for; those of the best cycle by default.

    Raises
    ------
    InputError
        When something given cannot be used.
    """
    _check(costs, horizon)
    return compare_strategies(
        train_models(history, target, every=every, **settings), costs, horizon=horizon, level=level
    )


def train_models(
    history: Any,
    target: str,
    *,
    every: str,
    time: str | None = None,
    delay: str | None = None,
    window: str | None = None,
    model: str | None = None,
    ignore: Sequence[str] = (),
    trust_pickle: TrustPickle = False,
    say: Callable[[int, int], None] = lambda done, of: None,
) -> Trained:
    """Train every model that a strategy could use, and ask each about all rows after it.

    Parameters
    ----------
    history
        File (CSV or Parquet) or data frame.
    target
        Column with the outcome.
    every
        Length of a period, such as ``7d``: how often one may train again. A number in units of ``time`` where that
        holds numbers; rows, without ``time``.
    time
        Column with the time of each row; without it, rows are in the order of time.
    delay
        How long after its row an outcome is known, given like ``every``; at once by default.
    window
        Length of the newest part of the history that models are trained on; all of it by default.
    model
        File of a model to train anew with its settings; boosted trees by default.
    say
        Called with the models trained and to train.

    Raises
    ------
    InputError
        When something given cannot be used.
    """
    from holdfast.auditing.config import AuditConfig
    from holdfast.auditing.inputs import read_inputs
    from holdfast.auditing.settling import settle
    from holdfast.auditing.subject import AuditSubject
    from holdfast.policy.presets import load_policy

    path, frame = (str(history), None) if isinstance(history, str | Path) else (None, history)
    deployment = Deployment(ignore=tuple(ignore), time=time)
    config = AuditConfig(test=path, model=model, target=target, deployment=deployment)
    with tempfile.TemporaryDirectory(prefix="holdfast-retraining-") as scratch:
        objects = {} if frame is None else {"test": frame}
        policy = load_policy("baseline")
        inputs = read_inputs(config, scratch=Path(scratch), objects=objects, policy=policy, trust_pickle=trust_pickle)
        opened = inputs.model.open() if inputs.model else None
        try:
            table = inputs.tables["test"]
            facts = settle(deployment, target=target, train=None, test=table, model=opened)
            subject = AuditSubject(facts=facts, deployment=deployment, test=table, model=opened)
            if opened is not None and "refit" not in opened.info.capabilities:
                raise InputError(
                    "this model cannot be trained again", hint="leave --model out: boosted trees take its place"
                )
            axis, order = _axis(table.frame, time, (every, delay, window))
            inputs_in_order = table.frame.select(subject.features)[order]
            found = _trained(subject, inputs_in_order, subject.y(table)[order], axis, say=say)
            return Trained(
                history=found,
                axis=axis,
                numbers=_numbers(inputs_in_order),
                is_regression=subject.task == "regression",
                is_stand_in=opened is None,
            )
        finally:
            if opened is not None:
                opened.close()


def _check(costs: Costs, horizon: int | None) -> None:
    for name in ("error", "retraining", "trial"):
        cost = getattr(costs, name)
        if not 0.0 <= cost < float("inf"):
            raise InputError(f"expected a cost of 0 or more for {name}, got {cost}")
    if costs.error == 0.0:
        raise InputError("expected a cost of an error above 0", hint="without it, the best is never to train again")
    if horizon is not None and horizon < 1:
        raise InputError(f"expected a horizon of 1 period or more, got {horizon}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """Models of a history, and what strategies need to choose among them.

    Attributes
    ----------
    history
        What each model lost on each row after it.
    axis
        When rows came, were known, and were learned from.
    numbers
        ``(n_rows, n_inputs)``: inputs in the order of time, categories as codes.
    is_stand_in
        Whether boosted trees stand for the model.
    """

    history: History
    axis: Axis
    numbers: NDArray[np.float64]
    is_regression: bool
    is_stand_in: bool


@dataclass(frozen=True, slots=True)
class Axis:
    """Times of the rows, rising, and the lengths of what happens on their axis."""

    at: NDArray[np.float64]
    every: float
    delay: float
    window: float

    @property
    def period(self) -> NDArray[np.int64]:
        import numpy as np

        return np.asarray(np.floor((self.at - self.at[0]) / self.every), dtype=np.int64)

    def begins(self, period: int) -> float:
        return float(self.at[0] + period * self.every)

    def known(self, period: int) -> int:
        """Return how many rows have a known outcome when a period begins."""
        import numpy as np

        start = self.begins(period)
        before = int(np.searchsorted(self.at, start, side="left"))
        return min(
            before, int(np.searchsorted(self.at, start - self.delay, side="left" if self.delay == 0 else "right"))
        )

    def taught(self, period: int) -> slice:
        """Return the rows that a model trained before a period learns from."""
        import numpy as np

        stop = self.known(period)
        oldest = self.begins(period) - self.delay - self.window
        return slice(int(np.searchsorted(self.at, oldest, side="left")), stop)


def _axis(
    frame: pl.DataFrame, time: str | None, lengths: tuple[str, str | None, str | None]
) -> tuple[Axis, NDArray[np.int64]]:
    """Return the axis, and the rows in its order."""
    import numpy as np

    is_clock = False
    at = np.arange(frame.height, dtype=np.float64)
    if time is not None:
        at = moments(frame[time], where="the history")
        is_clock = not frame[time].dtype.is_numeric()
    every = span(lengths[0], what="--every", is_clock=is_clock)
    delay = span(lengths[1], what="--delay", is_clock=is_clock) if lengths[1] else 0.0
    window = span(lengths[2], what="--window", is_clock=is_clock) if lengths[2] else float("inf")
    if every <= 0.0 or window <= 0.0:
        raise InputError("expected lengths above 0 as --every and --window")
    n = int((at.max() - at.min()) // every) + 1
    if not FEWEST_PERIODS <= n <= MOST_PERIODS:
        step = "shorter" if n < FEWEST_PERIODS else "longer"
        raise InputError(
            f"expected from {FEWEST_PERIODS} to {MOST_PERIODS} periods of {lengths[0]}, the history has {n}",
            hint=f"give a {step} --every",
        )
    order = np.argsort(at, kind="stable")
    return Axis(at[order], every, delay, window), order


def _trained(
    subject: AuditSubject,
    frame: pl.DataFrame,
    y: NDArray[Any],
    axis: Axis,
    *,
    say: Callable[[int, int], None],
) -> History:
    """Train a model before each period, on what was known by then, and ask it about all rows from then on."""
    import numpy as np

    from holdfast.kernels.retraining.history import make_history

    period = axis.period
    n_periods = int(period[-1]) + 1
    enough = max(FEWEST_LABELLED, int(FIRST_SHARE * y.size))
    ready = [now for now in range(1, n_periods) if axis.known(now) >= enough]
    if len(ready) < FEWEST_PERIODS // 2:
        raise InputError(
            f"only {len(ready)} periods begin with {enough} known outcomes or more to train a first model on",
            hint="give a longer history, a shorter --every or a shorter --delay",
        )
    first = ready[0]
    if (n_periods - first) * y.size > MOST_CELLS:
        raise InputError(f"{y.size:,} rows in {n_periods} periods are too many to replay", hint="give a longer --every")
    loss = np.zeros((n_periods - first, y.size), dtype=np.float32)
    for now in range(first, n_periods):
        taught, later = axis.taught(now), int(np.searchsorted(period, now))
        if taught.stop - taught.start < FEWEST_LABELLED:
            raise InputError(
                f"the window before period {now + 1} holds {taught.stop - taught.start} rows with a known outcome, "
                f"fewer than {FEWEST_LABELLED}",
                hint="give a longer --window",
            )
        with subject.retrained(frame[taught], y[taught], seed=SEED, stand_in=subject.model is None) as copy:
            answers = copy.predict(frame[later:]).labels
        truth = y[later:]
        loss[now - first, later:] = np.abs(answers - truth) if subject.task == "regression" else answers != truth
        say(now - first + 1, n_periods - first)
    known = np.array([axis.known(now) for now in range(n_periods)], dtype=np.int64)
    return make_history(loss, period, first=first, known=known, n_periods=n_periods)


def _strategies(trained: Trained, costs: Costs, horizon: int | None) -> dict[str, Strategy]:
    from holdfast.kernels.retraining import trigger
    from holdfast.kernels.retraining.input_drift import inputs_drifted

    history, numbers = trained.history, trained.numbers

    def alarm(now: int, since: int) -> bool:
        learned = numbers[trained.axis.taught(since)]
        return inputs_drifted(learned, numbers[history.start(now - 1) : history.start(now)])

    decided = history.n_periods - history.first
    scheduled = {
        "every period" if step == 1 else f"every {step} periods": trigger.every(step)
        for step in STEPS
        if step < decided
    }
    ours = trigger.when_it_pays(
        history, cost_of_error=costs.error, cost_of_retraining=costs.retraining, horizon=horizon
    )
    return {
        OURS: ours,
        "never": trigger.never(),
        **scheduled,
        "on drift of inputs": trigger.on_drift(alarm),
        "on a fall": trigger.on_fall(history),
    }


def _numbers(frame: pl.DataFrame) -> NDArray[np.float64]:
    """Return the inputs as numbers: categories as codes in the order of their names."""
    import numpy as np
    import polars as pl

    columns = []
    for column in frame.iter_columns():
        if column.dtype.is_numeric() or column.dtype == pl.Boolean or column.dtype.is_temporal():
            columns.append(column.to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy())
        else:
            columns.append(column.cast(pl.String).rank("dense").cast(pl.Float64).fill_null(float("nan")).to_numpy())
    return np.column_stack(columns)


def compare_strategies(trained: Trained, costs: Costs, *, horizon: int | None = None, level: float = 0.95) -> Replay:
    """Let each strategy choose among the models; intervals hold for all comparisons together."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.retraining.history import replay
    from holdfast.kernels.retraining.trigger import expected_gain
    from holdfast.kernels.stats.block_bootstrap import block_total

    history = trained.history
    found = {name: replay(history, strategy) for name, strategy in _strategies(trained, costs, horizon).items()}
    spent = {
        name: each.costs(
            cost_of_error=costs.error,
            cost_of_retraining=costs.retraining,
            cost_of_trial=costs.trial if name == OURS else 0.0,
        )
        for name, each in found.items()
    }
    each_level = 1.0 - (1.0 - level) / (len(found) - 1)
    contenders = []
    for name, each in found.items():
        gap = block_total(spent[name] - spent[OURS], rng=np.random.default_rng(SEED), level=each_level)
        contenders.append(
            Contender(
                name=name,
                trained=each.n_trained,
                loss=float(each.loss.sum()),
                cost=float(spent[name].sum()),
                dearer=None if name == OURS else _interval(gap, level, f"{METHOD}, Bonferroni"),
                dearer_by=gap.value,
            )
        )
    now = history.n_periods - 1
    before = int(found[OURS].since[-2])  # what was in use when the last period began
    gain = expected_gain(history, now, before, cost=costs.retraining / costs.error, horizon=horizon, level=level)
    is_told = not np.isnan(gain.total.value)
    totals = [end * costs.error for end in gain.total]
    table = [(name, at + 1, float(cost)) for name, each in spent.items() for at, cost in enumerate(np.cumsum(each))]
    schema = {"strategy": pl.String, "period": pl.Int64, "cost": pl.Float64}
    return Replay(
        contenders=tuple(sorted(contenders, key=lambda each: each.cost)),
        ages=_ages(history, level),
        over_time=pl.DataFrame(table, schema=schema, orient="row"),
        gain=totals[0] if is_told else None,
        gain_interval=_interval(type(gain.total)(*totals), level, "normal, rows and periods") if is_told else None,
        gain_horizon=gain.horizon,
        costs=costs,
        n_periods=history.n_periods,
        n_decided=history.n_periods - history.first,
        n_rows=history.period.size - history.start(history.first),
        is_regression=trained.is_regression,
        assumptions=_assumptions(costs, trained),
    )


def _interval(estimate: Any, level: float, method: str) -> Interval:
    import math

    low, high = (float(end) if math.isfinite(end) else None for end in estimate[1:])
    return Interval(low=low, high=high, level=level, method=method)


def _ages(history: History, level: float) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    from holdfast.kernels.retraining.history import staleness

    most = (history.n_periods - history.first) // 2
    ages = np.array([step for step in (*STEPS, 64, 128) if step <= most], dtype=np.int64)
    found = staleness(history, ages=ages, level=level)
    return pl.DataFrame({"age": ages, "loss": found.value, "low": found.low, "high": found.high})


def _assumptions(costs: Costs, trained: Trained) -> tuple[str, ...]:
    learner = "Boosted trees stand for the model." if trained.is_stand_in else "The model's copies have its settings."
    return (
        learner,
        "Nothing that was decided changed what came after: rows are the same whichever model was in use.",
        "The history is one run of events. Intervals speak of periods drawn anew from such a history, in blocks, with "
        "what each strategy did as it did it; a future that drifts otherwise is beyond them.",
        "Every outcome becomes known after the delay." if trained.axis.delay else "Every outcome is known at once.",
        f"The trigger by cost trains a trial model in each period; each counts {costs.trial:g}.",
    )
