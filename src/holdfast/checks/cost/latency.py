"""How long does an answer take, and how many rows per second can the model serve?

**What it answers.** Whether the model keeps up with its users: the time of a single request, the time that one
request in a hundred exceeds, the throughput for larger batches, and what it takes to have the model running at all.

**How.** Rows of the test table are asked one by one, after warming up, and each request is timed; ``p50_ms`` and
``p99_ms`` are quantiles of these times with exact intervals from order statistics, which hold for any distribution.
Then batches of 1, 8, 64, 512 and 4,096 rows are asked several times each; ``rows_per_second.<batch>`` is the median
over the repetitions. Rows differ from request to request. Nothing else of the audit runs meanwhile. Start-up time and
memory are those of the model's process when it was loaded for this audit.

Then single inputs are compared: some rows of the test table, and extreme rows (every number at its smallest or
largest, the longest texts, texts a hundred times as long, every cell missing; what the model refuses is left out). All
are timed several times in random order; the slowest few are timed again in rounds, each against another row of the
test table drawn anew. ``slowdown.ordinary`` and ``slowdown.extreme`` are the medians of these ratios for the input that
is most certainly slow, with intervals that hold for all inputs timed again together: noise alone makes none of them
slow.

**How to read it.** Look at ``p99_ms`` before ``p50_ms``: users remember the slow answers. The upper end of its
interval is the promise one can make. Throughput that grows with the batch size says that asking in batches pays.

- *Good:* half of the requests within 0.4 ms, 99 in 100 within 0.9 ms (0.8 to 1.6).
- *Bad:* half within 2 ms, 99 in 100 within 240 ms (80 to 410): something stalls now and then.
- *Misleading:* 0.1 ms on an idle server that later shares its processor with ten others.

**When it misleads.** For a model file the times include the way to the model's process and back (encoding, pipe), which
a server pays in another form, and exclude the network. For an endpoint they include the network between this machine
and it, and attempts that were repeated. They hold for this machine, today, without load. Requests one after the
other influence each other (caches, clock speed), so intervals are somewhat too short. A search among few inputs gives
lower bounds: somebody who wants to keep the model busy may know slower ones.

**What to do about a bad one.** Batch requests, export to a compiled format such as ONNX, use fewer or shallower trees
or a smaller network, and look for work done per request that could be done once. A long tail with a short median
points to garbage collection, other processes or memory pressure. If extreme inputs are slow, refuse or cut
them before the model.

References: Conover (1999), Practical Nonparametric Statistics, section 3.2; Dean and Barroso (2013), CACM 56(2),
74-80."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import EndpointError, InputError, ModelError, NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import polars as pl

    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Latency and throughput",
    "question": "How long does an answer take, and how many rows per second can the model serve?",
    "needs": ["test", "query"],
    "measures": [
        {
            "id": "p50_ms",
            "name": "Median time of a request for one row",
            "unit": "ms",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "p99_ms",
            "name": "Time that one request for one row in a hundred exceeds",
            "unit": "ms",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "rows_per_second.*",
            "name": "Rows answered per second, by batch size",
            "unit": "rows per second",
            "direction": "higher_is_better",
            "range": [0, None],
        },
        {
            "id": "slowdown.*",
            "name": "Time of the slowest input found over that of another row",
            "unit": "times",
            "direction": "lower_is_better",
            "bound": "lower",
            "range": [0, None],
        },
        {
            "id": "startup_s",
            "name": "Time to load the model",
            "unit": "s",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "memory_mb",
            "name": "Memory of the model's process after loading",
            "unit": "MB",
            "direction": "lower_is_better",
            "range": [0, None],
        },
    ],
    "evidence_codes": ["DOS", "ENERGY"],
    "references": [
        "Conover (1999), Practical Nonparametric Statistics, 3rd ed., section 3.2",
        "Dean, Barroso (2013), The tail at scale, Communications of the ACM 56(2)",
    ],
    "cost": "light",
    "effort": {
        "quick": {"requests": 400, "repetitions": 7, "rounds": 25},
        "default": {"requests": 800, "repetitions": 15, "rounds": 50},
        "thorough": {"requests": 4000, "repetitions": 40, "rounds": 200},
    },
    "alone": True,
}

BATCHES = (1, 8, 64, 512, 4096)
WARM_UP = 20
SINGLES_S = 2.0
BATCH_S = 0.5
FEWEST = 3
# Inputs compared at first, those timed again, and the longest median time at which that is still worth while.
ORDINARY, AGAIN, LONGEST_S = 24, (2, 3), 0.25
FEWEST_ROUNDS = 9
SLOW_S = 2.0
LONG = 100
LONGEST_TEXT = 100_000
METHOD = "order statistics"
REMEDIATION = (
    "Ask in batches, export the model to a compiled format such as ONNX, or make it smaller. If only the slowest "
    "requests are slow, look for other processes, garbage collection or memory pressure on the machine."
)


@dataclass(frozen=True, slots=True)
class _Input:
    """One row to ask about: an ``ordinary`` or an ``extreme`` one, and what it is in words."""

    kind: str
    what: str
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Slow:
    """What the search of slow inputs found, and how many requests it took."""

    table: pl.DataFrame
    measured: list[Measured]
    notes: tuple[str, ...]
    asked: int


def run(subject: Subject, ctx: Context) -> Outcome:
    """Time single requests and batches."""
    import polars as pl

    if subject.test is None:
        raise NotRun("there is no test table to take requests from", hint="give --test")
    if not subject.features:
        raise NotApplicable("the table has no input columns to ask about", hint="give a table with inputs")
    if subject.info is not None and subject.info.requests_per_second:
        raise NotRun(
            f"at most {subject.info.requests_per_second:g} requests per second may be sent, so times would tell about "
            "that limit",
            hint="leave out endpoint.requests_per_second to time the endpoint",
        )
    frame = subject.test.frame.select(subject.features)
    order = ctx.rng.permutation(frame.height)
    frame = frame[order]
    warm_up = _times(subject, frame, 1, WARM_UP, BATCH_S)
    singles = _times(subject, frame, 1, ctx.effort.get("requests", 800), SINGLES_S)
    batches = {size: _times(subject, frame, size, ctx.effort.get("repetitions", 15), BATCH_S) for size in BATCHES}
    throughput, rates = _throughput(batches, ctx.level)
    lengths = [("single", 1, *pair) for pair in enumerate(singles)]
    lengths += [("batch", size, *pair) for size, times in batches.items() for pair in enumerate(times)]
    slow = _slow_inputs(subject, ctx, frame, order.tolist(), median_s=sorted(singles)[len(singles) // 2])
    rows = slow.asked + len(singles) + len(warm_up) + sum(size * len(times) for size, times in batches.items())
    return Outcome(
        measurements=(*_latency(singles, ctx.level), *rates, *slow.measured, *_loading(subject)),
        tables={
            "requests": pl.DataFrame(lengths, schema=["kind", "batch", "request", "seconds"], orient="row"),
            "throughput": throughput,
            "slow_inputs": slow.table,
        },
        charts=(_chart(),),
        remediation=REMEDIATION,
        assumptions=(
            _way(subject),
            f"Measured on this machine without other load of the audit: {len(singles)} single requests after "
            f"{len(warm_up)} to warm up. Requests are taken as independent of each other.",
            *slow.notes,
        ),
        work={"requests": slow.asked + len(warm_up) + len(singles) + sum(map(len, batches.values())), "queries": rows},
    )


def _way(subject: Subject) -> str:
    if subject.info is not None and subject.info.format == "endpoint":
        return "Times include the network to the endpoint and back, and attempts that were repeated."
    return "Times include the way to the model's process and back and exclude any network."


def _requests(frame: pl.DataFrame, size: int, n: int) -> Iterator[pl.DataFrame]:
    """Requests of one size, going round the table; a table smaller than a batch is repeated."""
    import polars as pl

    if frame.height < size:
        frame = pl.concat([frame] * math.ceil(size / frame.height))
    starts = max(frame.height - size + 1, 1)
    for i in range(n):
        yield frame.slice((i * size) % starts, size)


def _times(subject: Subject, frame: pl.DataFrame, size: int, n: int, limit_s: float) -> list[float]:
    """Seconds of each request, until there are n or the limit is reached (but never fewer than a few)."""
    times: list[float] = []
    spent = 0.0
    for request in _requests(frame, size, n):
        if spent > limit_s and len(times) >= FEWEST:
            break
        start = perf_counter()
        subject.predict(request)
        times.append(perf_counter() - start)
        spent += times[-1]
    return times


def _latency(singles: list[float], level: float) -> list[Measured]:
    from holdfast.kernels.stats.mean import quantile_interval

    measured = []
    for name, q, what in (("p50_ms", 0.5, "Half"), ("p99_ms", 0.99, "99 in 100")):
        estimate = quantile_interval([1000.0 * seconds for seconds in singles], q, level=level)
        low, high = _finite(estimate)
        bound = f"at most {high:.3g}" if high is not None else "too few requests for an upper end"
        plain = f"{what} of the requests for one row are answered within {estimate.value:.3g} ms ({bound})."
        interval = Interval(low=low, high=high, level=level, method=METHOD)
        measured.append(Measured(id=name, value=estimate.value, interval=interval, n=len(singles), plain=plain))
    return measured


def _throughput(batches: dict[int, list[float]], level: float) -> tuple[pl.DataFrame, list[Measured]]:
    import polars as pl

    from holdfast.kernels.stats.mean import quantile_interval

    lines, measured = [], []
    for size, times in batches.items():
        # A clock too coarse for the fastest answers must not make their rate infinite.
        estimate = quantile_interval([size / max(seconds, 1e-9) for seconds in times], 0.5, level=level)
        low, high = _finite(estimate)
        lines.append((size, len(times), estimate.value, low, high))
        interval = Interval(low=low, high=high, level=level, method=METHOD)
        plain = f"In batches of {size:,} the model answers about {estimate.value:,.0f} rows per second."
        id = f"rows_per_second.{size}"
        measured.append(Measured(id=id, value=estimate.value, interval=interval, n=len(times), plain=plain))
    types = {
        "batch": pl.Int64,
        "repetitions": pl.Int64,
        **dict.fromkeys(("rows_per_second", "low", "high"), pl.Float64),
    }
    return pl.DataFrame(lines, schema=types, orient="row"), measured


def _slow_inputs(subject: Subject, ctx: Context, frame: pl.DataFrame, order: list[int], *, median_s: float) -> _Slow:
    """Search inputs that take longer than others; those found slow are timed again, against other rows."""
    if median_s > LONGEST_S:
        note = (
            f"Inputs were not compared with each other: at {median_s:.2g} s a request, repeating them takes too long."
        )
        return _Slow(_slow_table([]), [], (note,), 0)
    n = max(min(ORDINARY, frame.height, int(SLOW_S / (FEWEST * median_s + 1e-9))), 1)
    ordinary = [_Input("ordinary", f"row {order[place]} of the test table", frame[place]) for place in range(n)]
    inputs, refused = _answered(subject, [*ordinary, *_extremes(frame)])
    times = _in_rounds(subject, ctx, inputs, FEWEST)
    asked = len(inputs) * (len(times) + 1)
    speeds = sorted(range(len(inputs)), key=lambda place: -sorted(line[place] for line in times)[len(times) // 2])
    chosen = [
        inputs[place]
        for kind, most in zip(("ordinary", "extreme"), AGAIN, strict=True)
        for place in [place for place in speeds if inputs[place].kind == kind][:most]
    ]
    again = _in_rounds(subject, ctx, chosen, ctx.effort.get("rounds", 50), against=frame)
    table, measured = _slowdowns(chosen, again, ctx.level)
    notes = [f"{len(inputs)} inputs were compared, and the {len(chosen)} slowest timed again in {len(again)} rounds."]
    notes += [f"The model refuses to answer this input: {what}." for what in refused]
    return _Slow(table, measured, tuple(notes), asked + (len(chosen) + 1) * len(again))


def _extremes(frame: pl.DataFrame) -> list[_Input]:
    """A row of the table with cells at the ends of what its columns hold, or beyond."""
    import polars as pl
    from polars import selectors

    row = frame[:1]
    numbers, texts = row.select(selectors.numeric()).columns, row.select(selectors.string()).columns
    longest = [max(frame[name].drop_nulls().to_list(), key=len, default="") for name in texts]
    changes = (
        ("every number at its smallest", numbers, [frame[name].min() for name in numbers]),
        ("every number at its largest", numbers, [frame[name].max() for name in numbers]),
        ("the longest text in each column of text", texts, longest),
        ("texts a hundred times as long", texts, [(text * LONG)[:LONGEST_TEXT] for text in longest]),
        ("every cell missing", row.columns, [None] * row.width),
    )
    found = []
    for what, names, cells in changes:
        types = row.schema
        new = [pl.Series(name, [cell], dtype=types[name]) for name, cell in zip(names, cells, strict=True)]
        found += [_Input("extreme", what, row.with_columns(new))] if names else []
    return found


def _answered(subject: Subject, inputs: list[_Input]) -> tuple[list[_Input], list[str]]:
    """Ask each input once: those that the model answers, and what it refuses."""
    kept, refused = [], []
    for item in inputs:
        try:
            subject.predict(item.frame)
        except EndpointError:  # a service may fall over an extreme row; one that is down fails at the next ordinary one
            if item.kind != "extreme":
                raise
            refused.append(item.what)
        # A model in its own process refuses with an error of ours; an estimator in this one with its library's.
        except (ModelError, InputError, ValueError, TypeError):
            refused.append(item.what)
        else:
            kept.append(item)
    return kept, refused


def _in_rounds(
    subject: Subject, ctx: Context, inputs: Sequence[_Input], n: int, *, against: pl.DataFrame | None = None
) -> list[list[float]]:
    """Seconds of each input in each round, asked in random order, so that what changes meanwhile favours none.

    The last number of a round is the time of a row drawn from the table ``against``.
    """
    rounds: list[list[float]] = []
    start = perf_counter()
    while len(rounds) < n and (perf_counter() - start < SLOW_S or len(rounds) < min(n, FEWEST_ROUNDS)):
        frames = [item.frame for item in inputs]
        frames += [against[int(ctx.rng.integers(against.height))]] if against is not None else []
        times = [0.0] * len(frames)
        for place in ctx.rng.permutation(len(frames)).tolist():
            begin = perf_counter()
            subject.predict(frames[place])
            times[place] = perf_counter() - begin
        rounds.append(times)
    return rounds


def _slowdowns(chosen: list[_Input], rounds: list[list[float]], level: float) -> tuple[pl.DataFrame, list[Measured]]:
    """Compare each input with the other row of its round; the intervals of all hold together."""
    from holdfast.kernels.stats.mean import quantile_interval

    joint = 1.0 - (1.0 - level) / max(len(chosen), 1)
    lines = []
    for place, item in enumerate(chosen):
        estimate = quantile_interval([line[place] / max(line[-1], 1e-9) for line in rounds], 0.5, level=joint)
        median = sorted(1000.0 * line[place] for line in rounds)[len(rounds) // 2]
        lines.append((item.kind, item.what, len(rounds), median, estimate.value, *_finite(estimate)))
    table = _slow_table(lines)
    measured = []
    for kind in dict.fromkeys(table["kind"]):
        worst = table.filter(kind=kind).sort("low", "slowdown", descending=True, nulls_last=True).row(0, named=True)
        is_shown = (worst["low"] or 0.0) > 1.0
        told = f"The slowest input found ({worst['input']}) takes {worst['slowdown']:.3g} times as long as another row."
        plain = told if is_shown else f"No {kind} input was shown to take longer than another row."
        method = f"{METHOD}, Bonferroni over {len(chosen)} inputs"
        interval = Interval(low=worst["low"], high=worst["high"], level=level, method=method)
        id = f"slowdown.{kind}"
        measured.append(Measured(id=id, value=worst["slowdown"], interval=interval, n=worst["rounds"], plain=plain))
    return table, measured


def _slow_table(lines: list[tuple[str, str, int, float, float, float | None, float | None]]) -> pl.DataFrame:
    import polars as pl

    types = {"kind": pl.String, "input": pl.String, "rounds": pl.Int64}
    numbers = dict.fromkeys(("median_ms", "slowdown", "low", "high"), pl.Float64)
    return pl.DataFrame(lines, schema={**types, **numbers}, orient="row")


def _loading(subject: Subject) -> list[Measured]:
    info = subject.info
    values = (
        ("startup_s", info.load_s if info else None, "The model was ready after {:.2g} seconds."),
        ("memory_mb", info.memory_mb if info else None, "The model's process holds {:,.0f} MB of memory."),
    )
    reason = "the model was loaded once"
    return [
        Measured(id=id, value=value, no_interval_reason=reason, n=1, plain=plain.format(value))
        for id, value, plain in values
        if value is not None
    ]


def _finite(estimate: IntervalEstimate[float]) -> tuple[float | None, float | None]:
    """Ends of an interval, ``None`` where the sample is too small for one."""
    return (
        estimate.low if math.isfinite(estimate.low) else None,
        estimate.high if math.isfinite(estimate.high) else None,
    )


def _chart() -> Chart:
    return Chart(
        id="throughput",
        title="Rows per second by batch size",
        caption="A line that rises says that asking in larger batches pays; where it flattens, it no longer does.",
        kind="line",
        table="throughput",
        x="batch",
        y="rows_per_second",
        low="low",
        high="high",
        x_title="rows per batch",
        y_title="rows per second",
    )
