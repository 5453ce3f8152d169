"""Whom the model fails: parts of the data with clearly more errors than the rest.

**Question.** Is there a kind of case, describable in one to three conditions, on which the model is much worse?

**How.** Test rows are split at random into two halves. On the first, *every* slice of one to three columns is scored
(levels of categories, fifths of numbers, frequent words of texts, missing values, likeness in many numbers; of images,
how bright, sharp and rich in contrast they are, not single pixels); a bound that cannot be beaten saves the work, not
the exactness. A further condition must raise the score by a twentieth. The
worst slices, without those that are nearly the same rows, are tested on the second half, which had no part in choosing
them, against all other rows; p-values are corrected for the number of slices tested (Holm). One that survives is
*confirmed*.

**How to read it.** `n_confirmed` is the number of confirmed slices; they may overlap. `worst_gap` is the error rate of
one slice minus that of all other rows, on the second half: of the slices tested, the one whose interval starts highest,
which is the one most certainly bad. The intervals of all tested slices hold together. When none is confirmed, the
interval usually contains 0. The search may have missed a slice, so that the number is a lower bound of the worst gap
there is. For numbers, the error is the absolute error in units of its mean: a gap of 0.5 means errors larger by half of
the average error.

**When it misleads.** A slice can be hard for every model, because its outcome is more of a coin toss: a gap is a fact,
not yet a fault. Slices of four conditions, and slices that are smaller than the least size, are not searched. With few
test rows only large gaps can be confirmed. Labels that are wrong in one part of the data look like errors of the model.

**What to do about a bad result.** Look at the rows of the slice. Wrong labels or missing inputs: mend the data. Rare in
training: collect more, or weight it. Common and hard: add an input that separates its cases, or send them to a person.
If the slice describes people, read it together with `fairness.group_gaps`.

- *A good result*: 20 slices tested, none confirmed, `worst_gap` 0.02 (-0.03 to 0.08).
- *A bad result*: 3 confirmed; `worst_gap` 0.21 (0.15 to 0.28): of 100 cases with `region = north` and `age >= 61`, 33
  get a wrong answer, of 100 others 12.
- *A misleading result*: a confirmed gap of 0.20 for married people in an income table: their incomes lie on both sides
  of the line, those of the others seldom do.

References
----------
Sagadeeva, S. and Boehm, M. (2021). SliceLine: fast, linear-algebra-based slice finding for ML model debugging. SIGMOD.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.performance.confirmed_slices import Confirmation
    from holdfast.kernels.performance.slices import Items, Slice

SPEC = {
    "title": "Slices with more errors",
    "question": "Is there a kind of case on which the model is much worse than on the rest?",
    "needs": ["test", "target", "predictions"],
    "measures": [
        {"id": "worst_gap", "name": "Error of the worst slice minus error of the rest", "unit": "share",
         "direction": "lower_is_better", "bound": "lower"},
        {"id": "n_confirmed", "name": "Confirmed slices", "unit": "slices", "direction": "lower_is_better",
         "bound": "lower", "range": (0, None)},
    ],
    "reads": ["image_shape", "modality", "sensitive", "text"],
    "evidence_codes": ["SLICE"],
    "references": ["Sagadeeva and Boehm 2021", "Chung et al. 2020", "Holm 1979"], "cost": "medium",
    "effort": {"quick": {"candidates": 10}, "default": {"candidates": 20}, "thorough": {"candidates": 50}},
}  # fmt: skip

REMEDIATION = (
    "Look at the rows of the confirmed slices. Wrong labels or missing inputs: mend the data. Rare in training: "
    "collect more or give them more weight. Common and hard: add an input that separates them, or have people decide."
)
# Slices searched for each candidate tested: the best ones are often nearly the same rows.
SEARCHED_PER_CANDIDATE = 20
MOST_AFFECTED = 10_000
# From so many numeric inputs on (an embedding, pixels), rows are also sorted into kinds that are alike.
MIN_ALIKE, N_KINDS = 20, 20


class _Column(NamedTuple):
    """A column as levels 0, 1, … with their descriptions."""

    codes: NDArray[np.int64]
    descriptions: list[str]


class _Halves(NamedTuple):
    """Codes and losses of all rows, and the rows to search and to confirm on."""

    codes: NDArray[np.int64]
    losses: NDArray[np.float64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]


class _Options(NamedTuple):
    n_quantiles: int
    max_levels: int
    max_overlap: float
    max_columns: int
    max_combined: int


class _Found(NamedTuple):
    slices: list[Slice]
    confirmation: Confirmation
    descriptions: list[str]


def run(
    subject: Subject,
    ctx: Context,
    *,
    n_quantiles: int = 5,
    min_share: float = 0.01,
    min_rows: int = 20,
    max_levels: int = 50,
    max_overlap: float = 0.8,
    max_columns: int = 3,
    max_combined: int = 40,
) -> Outcome:
    """Search slices on one half of the test rows and test them on the other.

    Parameters
    ----------
    n_quantiles
        Parts of equal size that a numeric column is cut into.
    min_share, min_rows
        A slice has at least this share of a half, and at least this number of its rows.
    max_levels
        Levels of a category that are slices of their own, the most frequent first; the others form one slice.
    max_overlap
        Two slices with a larger share of common rows (over rows of either) count as the same; the better one is tested.
    max_columns
        Most conditions of a slice.
    max_combined
        Columns that are combined with each other; of a wider table those whose own slices stand out most.
    """
    import numpy as np

    losses = _losses(subject)
    order = ctx.rng.permutation(losses.size)
    first, second = np.sort(order[: losses.size // 2]), np.sort(order[losses.size // 2 :])
    min_size = max(min_rows, math.ceil(min_share * first.size))
    if first.size < 2 * min_size:
        raise NotRun(
            f"each half of the test table has {first.size} rows, and a slice at least {min_size}",
            hint=f"give {4 * min_size} test rows or more",
        )
    options = _Options(n_quantiles, max_levels, max_overlap, max_columns, max_combined)
    columns = _columns(subject, options, min_size, ctx)
    if not columns:
        raise NotApplicable("no input of the model and no sensitive column takes two values or more in the test table")
    codes = np.column_stack([column.codes for column in columns])
    halves = _Halves(codes, losses, first, second)
    found = _search(halves, columns, min_size, options, ctx)
    is_confirmed = found.confirmation.adjusted_p_value <= 1.0 - ctx.level
    return Outcome(
        measurements=_measurements(found, int(is_confirmed.sum()), subject, ctx.level, second.size),
        tables={
            "slices": _slice_table(found, is_confirmed),
            "halves": _halves(losses, second),
            "members": _members(found, is_confirmed, codes),
            "affected_rows": _affected(found, is_confirmed, codes, losses),
        },
        charts=(_chart(),),
        remediation=REMEDIATION,
        assumptions=(
            f"Slices have at least {min_size} of the {first.size} rows they were searched on; the search covers "
            f"{len(columns)} columns and combinations of up to {max_columns} among "
            f"{'all' if len(columns) <= max_combined else max_combined} of them.",
        ),
        work={"rows": losses.size, "columns": len(columns), "slices_tested": len(found.slices)},
    )


def _losses(subject: Subject) -> NDArray[np.float64]:
    """1 for a wrong answer; for numbers, the absolute error over its mean."""
    import numpy as np

    assert subject.test is not None
    y, answers = subject.y(subject.test), subject.predictions.labels
    if subject.task != "regression":
        return np.asarray(y != answers, dtype=np.float64)
    errors = np.abs(np.asarray(y, dtype=np.float64) - answers)
    return errors / errors.mean() if errors.size and errors.mean() > 0.0 else errors


def _search(halves: _Halves, columns: list[_Column], min_size: int, options: _Options, ctx: Context) -> _Found:
    import numpy as np

    from holdfast.kernels.performance.confirmed_slices import confirm_slices
    from holdfast.kernels.performance.slices import distinct_slices, search_slices, slice_members

    codes, losses, first, second = halves
    wanted = ctx.effort["candidates"]
    searched, held = codes[first], codes[second]
    n_slices = SEARCHED_PER_CANDIDATE * wanted
    ranked = search_slices(
        searched,
        losses[first],
        min_size=min_size,
        n_slices=n_slices,
        max_columns=options.max_columns,
        n_combined=options.max_combined,
    )
    slices = distinct_slices(ranked, searched, max_overlap=options.max_overlap, n_slices=wanted)
    members = [slice_members(held, candidate.items) for candidate in slices]
    inside = np.array(members, dtype=np.bool_).reshape(len(slices), second.size)
    confirmation = confirm_slices(losses[second], inside, level=ctx.level)
    return _Found(slices, confirmation, [_describe(candidate.items, columns) for candidate in slices])


def _describe(items: Items, columns: list[_Column]) -> str:
    return " and ".join(columns[column].descriptions[level] for column, level in items)


def _columns(subject: Subject, options: _Options, min_size: int, ctx: Context) -> list[_Column]:
    assert subject.test is not None
    frame = subject.test.frame
    columns = _properties(subject, options.n_quantiles)
    for name in dict.fromkeys((*(() if columns else subject.features), *subject.deployment.sensitive)):
        if name not in frame.columns or name == subject.target:
            continue
        series = frame.get_column(name)
        if name in subject.deployment.text:
            columns += _words(name, series, min_size, options.max_levels)
        elif series.dtype.is_numeric() or series.dtype.is_temporal():
            columns.append(_bins(name, series, options.n_quantiles))
        else:
            columns.append(_levels(name, series, options.max_levels))
    columns += _kinds(subject, ctx)
    return [column for column in columns if column.codes.min() < column.codes.max()]


def _properties(subject: Subject, n_quantiles: int) -> list[_Column]:
    """What images are as a whole: kinds of images are described by that, not by single pixels."""
    import polars as pl

    from holdfast.kernels.data.image_properties import image_properties
    from holdfast.kernels.robustness.pixels import as_images, image_layout

    assert subject.test is not None
    frame = subject.test.frame.select(subject.features)
    layout = image_layout(frame.width, subject.deployment.image_shape)
    if subject.deployment.modality != "image" or layout is None or not all(k.is_numeric() for k in frame.dtypes):
        return []
    found = image_properties(as_images(frame.cast(pl.Float64).to_numpy(), layout))
    return [_bins(name, pl.Series(values).round_sig_figs(3), n_quantiles) for name, values in found.items()]


def _bins(name: str, series: pl.Series, n_quantiles: int) -> _Column:
    import polars as pl

    from holdfast.kernels.performance.levels import quantile_bins

    values = series.to_physical().cast(pl.Float64, strict=False).to_numpy()
    bins = quantile_bins(values, n_quantiles)
    shown = [str(edge) for edge in series.gather(_positions(values, bins.starts)).to_list()]
    if bins.is_few:
        descriptions = [f"{name} = {value}" for value in shown]
    else:
        inner = [f"{low} <= {name} < {high}" for low, high in pairwise(shown[1:])]
        descriptions = [f"{name} < {shown[1]}", *inner, f"{name} >= {shown[-1]}"]
    return _Column(bins.codes, [*descriptions, f"{name} is missing"])


def _positions(values: NDArray[np.float64], wanted: NDArray[np.float64]) -> list[int]:
    """A row for each wanted value that holds it, so that it can be shown in the column's own type."""
    import numpy as np

    order = np.argsort(values, kind="stable")
    return [int(row) for row in order[np.searchsorted(values, wanted, sorter=order)]]


def _levels(name: str, series: pl.Series, max_levels: int) -> _Column:
    import polars as pl

    from holdfast.kernels.performance.levels import frequent_levels

    codes, levels, _ = frequent_levels(series.cast(pl.String).to_list(), max_levels)
    others = f"{name} is none of its {len(levels)} most frequent values"
    return _Column(codes, [*(f"{name} = {level!r}" for level in levels), others, f"{name} is missing"])


def _words(name: str, series: pl.Series, min_size: int, max_words: int) -> list[_Column]:
    """A column for each frequent word of a text; texts without it are no slice."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.performance.levels import frequent_words

    mentions, words = frequent_words(series.cast(pl.String).to_list(), least=2 * min_size, most=max_words)
    missing = series.is_null().to_numpy()
    parts = [_Column(np.where(missing, 1, -1), [name, f"{name} is missing"])] if missing.any() else []
    return parts + [
        _Column(np.where(has, 0, -1), [f"{name} mentions {word!r}"])
        for has, word in zip(mentions.T, words, strict=True)
    ]


def _kinds(subject: Subject, ctx: Context) -> list[_Column]:
    """Rows that are alike in many numbers, such as an embedding or pixels."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.performance.levels import like_rows

    assert subject.test is not None
    frame = subject.test.frame
    numeric = [name for name in subject.features if name in frame.columns and frame.get_column(name).dtype.is_numeric()]
    values = frame.select(pl.col(numeric).cast(pl.Float64)).to_numpy()
    if len(numeric) < MIN_ALIKE or not np.isfinite(values).all():
        return []
    kinds, typical = like_rows(values, N_KINDS, rng=ctx.rng)
    return [_Column(kinds, [f"the row is like test row {row}" for row in typical])]


def _measurements(found: _Found, n_confirmed: int, subject: Subject, level: float, n: int) -> tuple[Measured, ...]:
    count = Measured(
        id="n_confirmed",
        value=float(n_confirmed),
        no_interval_reason=f"a count of tests; the chance of any false confirmation is at most {1.0 - level:.0%}",
        n=len(found.slices),
        plain=f"{n_confirmed} of {len(found.slices)} suspected kinds of cases were confirmed to get more errors.",
    )
    result = found.confirmation
    usable = [index for index in range(len(found.slices)) if math.isfinite(result.gap[index])]
    if not usable:
        reason = "no slice with more errors than the rest was found to test"
        return Measured(id="worst_gap", value=0.0, no_interval_reason=reason, n=n), count
    worst = max(usable, key=lambda index: (result.low[index], result.gap[index]))
    low, high = (float(end) if math.isfinite(end) else None for end in (result.low[worst], result.high[worst]))
    method = "Clopper-Pearson difference" if subject.task != "regression" else "Welch"
    interval = Interval(low=low, high=high, level=level, method=f"{method}, Bonferroni over {len(found.slices)} slices")
    plain = _plain(found, worst, subject.task == "regression", bool(result.adjusted_p_value[worst] <= 1.0 - level))
    gap = Measured(
        id="worst_gap", value=float(result.gap[worst]), interval=interval, n=int(result.n[worst]), plain=plain
    )
    return gap, count


def _plain(found: _Found, worst: int, is_regression: bool, is_confirmed: bool) -> str:
    from holdfast.kernels.performance.frequencies import frequency

    result, description = found.confirmation, found.descriptions[worst]
    if not is_confirmed:
        return f"No kind of case was confirmed to get more errors; the most suspicious one was: {description}."
    if is_regression:
        times = f"{result.mean[worst]:.2f} times the usual, elsewhere {result.rest[worst]:.2f}"
        return f"Where {description}, errors average {times}."
    low, high = result.low[worst], result.high[worst]
    cases, more = frequency(float(result.gap[worst]), float(low), float(high))
    return f"Of {cases} cases where {description}, about {more} more get a wrong answer than of {cases} others."


def _slice_table(found: _Found, is_confirmed: NDArray[np.bool_]) -> pl.DataFrame:
    import polars as pl

    result = found.confirmation
    table = pl.DataFrame(
        {
            "slice": found.descriptions,
            "n_searched": [candidate.n for candidate in found.slices],
            "error_searched": [candidate.total / candidate.n for candidate in found.slices],
            "n": result.n,
            "error": result.mean,
            "error_of_rest": result.rest,
            "gap": result.gap,
            "low": result.low,
            "high": result.high,
            "p_value": result.p_value,
            "adjusted_p_value": result.adjusted_p_value,
            "confirmed": is_confirmed,
        },
        schema_overrides={"slice": pl.String, "n_searched": pl.Int64, "error_searched": pl.Float64},
    )
    numbers = ("error", "error_of_rest", "gap", "low", "high")
    finite = [pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in numbers]
    return table.with_columns(finite).sort("low", descending=True, nulls_last=True, maintain_order=True)


def _halves(losses: NDArray[np.float64], second: NDArray[np.int64]) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    is_held = np.zeros(losses.size, dtype=np.bool_)
    is_held[second] = True
    return pl.DataFrame({"row": np.arange(losses.size), "loss": losses, "confirming": is_held})


def _members(found: _Found, is_confirmed: NDArray[np.bool_], codes: NDArray[np.int64]) -> pl.DataFrame:
    """Test rows of each confirmed slice."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.performance.slices import slice_members

    parts = [(found.descriptions[i], slice_members(codes, found.slices[i].items)) for i in np.flatnonzero(is_confirmed)]
    names = [name for name, members in parts for _ in range(int(members.sum()))]
    rows = np.concatenate([np.empty(0, dtype=np.int64), *(np.flatnonzero(members) for _, members in parts)])
    return pl.DataFrame({"slice": names, "row": rows}, schema={"slice": pl.String, "row": pl.Int64})


def _affected(
    found: _Found, is_confirmed: NDArray[np.bool_], codes: NDArray[np.int64], losses: NDArray[np.float64]
) -> pl.DataFrame:
    """Rows with an error above average in a confirmed slice, each under the first slice that holds it."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.performance.slices import slice_members

    rows: list[int] = []
    reasons: list[str] = []
    seen = losses <= losses.mean()
    order = sorted(np.flatnonzero(is_confirmed), key=lambda index: -float(found.confirmation.low[index]))
    for index in order:
        members = np.flatnonzero(slice_members(codes, found.slices[index].items) & ~seen)
        seen[members] = True
        rows.extend(int(row) for row in members)
        reasons.extend([f"error in the slice {found.descriptions[index]}"] * members.size)
    schema = {"table": pl.String, "row": pl.Int64, "reason": pl.String}
    return pl.DataFrame({"table": ["test"] * len(rows), "row": rows, "reason": reasons}, schema=schema).head(
        MOST_AFFECTED
    )


def _chart() -> Chart:
    return Chart(
        id="slices",
        title="Error of the worst slices above the rest",
        caption="Each dot is a slice found on one half of the test rows, measured on the other: its error minus that "
        "of all other rows, with intervals that hold together. A bar to the right of 0 is a slice with more errors.",
        kind="points",
        table="slices",
        x="slice",
        y="gap",
        low="low",
        high="high",
        y_title="error minus error of the rest",
        reference=0.0,
    )
