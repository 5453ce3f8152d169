"""Do the tables stand for the people the model is for?

**What it answers.** A model is judged on a test table and used on people. Where the table holds too few of some of
them, its figures are true of the table only. This check holds the tables against a stated population, says what the
model's figure would be there, and of whom the table is too small to say anything.

**How.** State the population as ``population`` under ``deployment`` (``sex: {Female: 0.51, Male: 0.49}``), or give a
table of it (``--population``): rows drawn from it, or counts. Each category's share is compared with its share there,
in standard deviations (0.2 is 60 % instead of 50 %), with intervals that hold for all categories at once. Pairs of
columns show who is missing altogether; shares alone do not tell pairs, so independence is assumed for these. Then test
rows are weighted until all shares fit (raking; post-stratification where a table fills every combination), and the
model's figure is taken over the weighted rows. Groups too small for a claim are named with how exact one could be.
Without a population, that is done for the ``sensitive`` columns. Whether missing cells keep people out of a table, see
``data.missingness``.

**How to read it.** ``largest_difference`` below 0.1 is negligible, above 0.25 the table is of other people.
``population_gap`` is what the test table flatters: 0.03 means that 3 of 100 answers fewer will be right in use.
``effective_share`` is how many of 100 rows are left, in exactness, after weighting.

- *Good:* largest difference 0.04 (0 to 0.08); accuracy 85.3 % in the table, 85.2 % (84.1 to 86.2) in the population.
- *Bad:* 33 % women where the population has 51 %: difference 0.36 (0.35 to 0.38).
- *Misleading:* all shares fit, but the rows come from one town: what is not stated is not compared.

**When it misleads.** Weighting assumes that within a category the rows are like the population's: it repairs how many
there are, not who they are.

**What to do about a bad one.** Collect rows of the groups that are named, or weight rows in training and evaluation.
Say for whom no claim is made.

References: Deming and Stephan (1940), Annals of Mathematical Statistics 11; Kish (1965), Survey Sampling; Stuart
(2010), Statistical Science 25 (0.1 and 0.25).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations
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

    from holdfast.core.subject import Table
    from holdfast.kernels.data.population_columns import PopulationColumn
    from holdfast.kernels.data.raking import Balance
    from holdfast.kernels.stats.interval import IntervalEstimate

    Floats = NDArray[np.float64]

SPEC = {
    "title": "Representativeness",
    "question": "Do the tables stand for the people the model is for?",
    "needs": ["test"],
    "measures": [
        {"id": "largest_difference.*", "name": "Largest standardised difference from the population", "unit": "sd",
         "direction": "lower_is_better", "range": [0, None]},
        {"id": "outside_share.*", "name": "Share of rows in no category of the population", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "absent_share", "name": "Share of the population without any training row like it", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "unsupported_share", "name": "Share of the population with too few test rows for a claim",
         "unit": "share", "direction": "lower_is_better", "range": [0, 1]},
        {"id": "n_unsupported_groups", "name": "Groups with too few test rows for a claim", "unit": "groups",
         "direction": "lower_is_better", "range": [0, None]},
        {"id": "effective_share.*", "name": "Share of the rows that is left, in exactness, after weighting",
         "unit": "share", "direction": "higher_is_better", "range": [0, 1]},
        {"id": "population_accuracy", "name": "Accuracy on the population", "unit": "share",
         "direction": "higher_is_better", "range": [0, 1]},
        {"id": "population_mae", "name": "Mean absolute error on the population", "unit": "target unit",
         "direction": "lower_is_better", "range": [0, None]},
        {"id": "population_gap", "name": "What the test table flatters, against the population", "unit": "share",
         "direction": "lower_is_better"},
    ],
    "reads": ["population", "sensitive"],
    "evidence_codes": ["REPR"],
    "references": [
        "Deming, Stephan (1940), On a least squares adjustment of a sampled frequency table",
        "Kish (1965), Survey Sampling",
        "Stuart (2010), Matching methods for causal inference: a review and a look forward, Statistical Science 25",
    ],
    "cost": "light",
}  # fmt: skip

REMEDIATION = (
    "Collect rows of the groups that are named, or give rows weights in training and evaluation; say for whom no claim "
    "is made."
)
STATE_IT = "state population under deployment in holdfast.yaml, or give a table of it with --population"
NO_POPULATION = f"No population was stated, so nothing is said about whom the tables stand for: {STATE_IT}."
INDEPENDENT = "How often categories of two columns meet in the population was not stated: independence is assumed."
WEIGHTED = "Within a category, rows are taken to be like the population's: weighting repairs numbers, not selection."
COMPLETE = "a complete count over the tables given, not an estimate"
STATED = "follows from the shares that were stated; nothing is estimated"
OTHERS = "{} rare categories"
FEWEST_EXPECTED, LARGEST_ERROR, MOST_DRAWN, MOST_LISTED = 5, 1e-4, 20, 10_000
SHARES = ["table", "column", "category", "population", "share", "low", "high"]
SHARES += ["difference", "difference_low", "difference_high"]
CHART = Chart(
    id="against", title="Population against the tables", kind="points", table="against", x="category", y="share",
    low="low", high="high", series="table", y_title="share",
    caption="Share of each category in the population, which is known, and in the tables, with its interval; the "
    "largest standardised differences are drawn, at most 20.",
)  # fmt: skip


@dataclass(slots=True)
class _Found:
    """What is known of the population, and what was measured so far.

    ``weights`` are those of the rows of its table; ``n_people`` is their number where they are a sample.
    """

    level: float
    columns: list[PopulationColumn] = field(default_factory=list)
    weights: Floats | None = None
    n_people: int | None = None
    measured: list[Measured] = field(default_factory=list)
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    charts: list[Chart] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_stated(self) -> bool:
        return self.columns[0].shares is not None

    def of(self, table: str) -> list[PopulationColumn]:
        """Columns that a table has."""
        return [column for column in self.columns if table in column.rows]

    def add(self, id: str, estimate: IntervalEstimate[float], method: str, n: int, plain: str) -> None:
        """Record a number with its interval."""
        low, high = (float(end) if math.isfinite(end) else None for end in (estimate.low, estimate.high))
        interval = Interval(low=low, high=high, level=self.level, method=method)
        self.measured.append(Measured(id=id, value=float(estimate.value), interval=interval, n=n, plain=plain))

    def count(self, id: str, value: float, n: int, plain: str, reason: str = COMPLETE) -> None:
        """Record a number that is no estimate."""
        self.measured.append(
            Measured(id=id, value=float(value), no_interval_reason=reason, exact=True, n=n, plain=plain)
        )


def run(
    subject: Subject, ctx: Context, *, half_width: float = 0.1, max_levels: int = 50, max_columns: int = 20
) -> Outcome:
    """Hold the tables against the population, and say for whom they are too small.

    Parameters
    ----------
    half_width
        How exact a share must be for a claim: groups that allow only wider intervals, at worst, have too few rows.
    max_levels
        Columns with more categories are not combined with others.
    max_columns
        Columns that are compared and weighted, the first in the order of the population.
    """
    found = _population(subject, ctx.level, max_columns)
    if not found.columns and subject.population is not None:
        raise NotRun("no column that the population's table shares has two categories", hint="compare the column names")
    if not found.columns:
        raise NotRun("no population is stated and no sensitive column is named", hint=STATE_IT)
    tables = [table for table in (subject.train, subject.test) if table is not None]
    if found.is_stated:
        _compare(found, tables)
        for table in tables:
            _weigh(subject, found, table.name)
        found.notes.append(WEIGHTED)
    else:
        found.notes.append(NO_POPULATION)
    _support(found, half_width, max_levels)
    return Outcome(
        measurements=tuple(found.measured),
        tables=found.tables,
        charts=tuple(found.charts),
        remediation=REMEDIATION,
        assumptions=tuple(found.notes),
        work={"rows": sum(table.frame.height for table in tables), "columns": len(found.columns)},
    )


def _population(subject: Subject, level: float, max_columns: int) -> _Found:
    """Read the population as stated, or as its table says; without one, the groups of the sensitive columns."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.data.population import weight_column
    from holdfast.kernels.data.population_columns import population_column

    frames = {table.name: table.frame for table in (subject.test, subject.train) if table is not None}
    stated, reference = subject.deployment.population, subject.population
    audited = {name for frame in frames.values() for name in frame.columns}

    def cells(name: str) -> dict[str, NDArray[np.generic]]:
        return {key: subject.cells(frame.select(name))[name] for key, frame in frames.items() if name in frame.columns}

    found = _Found(level)
    if stated or reference is None:
        names = list(stated) or [name for name in dict.fromkeys(subject.deployment.sensitive) if name in audited]
        found.columns = [population_column(name, cells(name), stated=stated.get(name)) for name in names[:max_columns]]
        return _limited(found, len(names))
    people = reference.frame
    weight = weight_column(people.columns, audited)
    weights = np.ones(people.height) if weight is None else people[weight].cast(pl.Float64).to_numpy()
    ours = {*subject.features, *subject.deployment.sensitive, subject.target}
    names = [name for name in people.columns if name in ours]
    for name in names:
        given = subject.cells(people.select(name))[name]
        column = population_column(name, cells(name), people=given, weights=weights)
        if column.shares is not None and (column.shares > 0).sum() > 1:
            found.columns.append(column)
        if len(found.columns) == max_columns:
            break
    found.weights, found.n_people = weights, people.height if weight is None else None
    if weight is None:
        found.notes.append(f"The table of the population is taken for a sample of it, of {people.height:,} people.")
    else:
        found.notes.append(f"How many people a row of the population stands for is taken from its column {weight!r}.")
    return _limited(found, len(names))


def _limited(found: _Found, n_names: int) -> _Found:
    if len(found.columns) < n_names:
        found.notes.append(f"Of {n_names} columns {len(found.columns)} were compared; others are constant or too many.")
    return found


def _compare(found: _Found, tables: list[Table]) -> None:
    """Measure how far each table is from the population, category by category."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.data.representativeness import largest_difference
    from holdfast.kernels.performance.frequencies import frequency

    rows: list[tuple[Any, ...]] = []
    for table in tables:
        name, columns = table.name, found.of(table.name)
        here = [row for column in columns for row in _differences(found, column, name)]
        if not here:
            continue
        at, largest = largest_difference(*(np.array([row[place] for row in here]) for place in (7, 8, 9)))
        _, column, category, theirs, ours, *_ = here[at]
        method = f"{'Newcombe' if found.n_people else 'Clopper-Pearson'}, Bonferroni over {len(here)} categories"
        text = f"{ours:.1%} of the {name} table have {column} = {category}, and {theirs:.1%} of the population."
        found.add(f"largest_difference.{name}", largest, method, table.frame.height, text)
        outside = ~np.all([each.rows[name] >= 0 for each in columns], axis=0)
        cases, count = frequency(float(outside.mean()))
        text = f"Of {cases} rows of the {name} table, {count} are in no category of the population."
        text = text if outside.any() else f"Every row of the {name} table is in the categories of the population."
        found.count(f"outside_share.{name}", float(outside.mean()), outside.size, text)
        rows += here
    listed = pl.DataFrame(rows, schema=SHARES, orient="row", infer_schema_length=None)
    found.tables["shares"] = listed.sort(pl.col("difference").abs(), descending=True, maintain_order=True)
    found.tables["against"] = _against(found.tables["shares"])
    found.charts.append(CHART)


def _differences(found: _Found, column: PopulationColumn, name: str) -> list[tuple[Any, ...]]:
    """Compare the categories of one column with the population, those too rare for this table as one."""
    import numpy as np

    from holdfast.kernels.data.representativeness import share_differences

    assert column.shares is not None
    codes = column.rows[name][column.rows[name] >= 0]
    is_rare = column.shares * min(codes.size, found.n_people or codes.size) < FEWEST_EXPECTED
    place = np.where(is_rare, (~is_rare).sum(), np.cumsum(~is_rare) - 1)
    labels = [label for label, rare in zip(column.labels, is_rare, strict=True) if not rare]
    labels += [OTHERS.format(is_rare.sum())] if is_rare.any() else []
    if codes.size == 0 or len(labels) < 2:
        return []
    shares = np.bincount(place, weights=column.shares, minlength=len(labels))
    counts = np.bincount(place[codes], minlength=len(labels))
    n_intervals = sum(len(each.labels) for each in found.of(name))
    share, gap = share_differences(
        counts, shares, level=found.level, n_intervals=n_intervals, n_reference=found.n_people
    )
    numbers = np.column_stack([shares, *share, *gap]).tolist()
    return [(name, column.name, label, *ends) for label, ends in zip(labels, numbers, strict=True)]


def _against(shares: pl.DataFrame) -> pl.DataFrame:
    """Lay out shares in the population and in the tables side by side, the largest differences first."""
    import polars as pl

    label = pl.format("{}: {}", "column", "category").alias("category")
    nothing = pl.lit(None, dtype=pl.Float64)
    people = shares.select(
        label, pl.col("population").alias("share"), low=nothing, high=nothing, table=pl.lit("population")
    ).unique("category", keep="first", maintain_order=True)
    ours = shares.select(label, "share", "low", "high", table=pl.format("{} table", "table"))
    order = people.head(MOST_DRAWN).select("category").with_row_index("order")
    both = pl.concat([people, ours]).join(order, on="category", how="inner", maintain_order="left")
    return both.sort("order", maintain_order=True).drop("order")


def _weigh(subject: Subject, found: _Found, name: str) -> None:
    """Weight the rows to the population; say what is left of them, and what the model's figure would be there."""
    import numpy as np

    from holdfast.kernels.data.population_columns import margins_of
    from holdfast.kernels.data.raking import kish_effective_size, population_mean, rake

    columns = found.of(name)
    margins, people = margins_of(columns, name, found.weights) if columns else ([], [])
    weights = rake(margins) if margins else None
    if weights is None or weights.error > LARGEST_ERROR:
        found.notes.append(f"No weights bring the {name} table to the population: combinations have too few rows.")
        return
    left = kish_effective_size(weights.weight) / weights.weight.size
    text = f"Weighted to the population, 100 rows of the {name} table tell as much as {100 * left:.0f} of its own."
    found.count(f"effective_share.{name}", left, weights.weight.size, text, "follows from the weights")
    uncovered = min(1.0, sum(margin.uncovered for margin in margins))
    if uncovered > 0:
        found.notes.append(
            f"Up to {uncovered:.2%} of the population is in categories of which the {name} table has fewer than "
            "five rows: nothing is known of them, and the interval says so where the figure is a share."
        )
    if name == "train" or subject.test is None or subject.target is None or subject.info is None:
        return
    y, answers, is_share = subject.y(subject.test), subject.predictions.labels, subject.task != "regression"
    values = np.asarray(y == answers if is_share else np.abs(y - answers), dtype=np.float64)
    if not np.isfinite(values).all() or not values.size:
        found.notes.append("The model was not judged on the population, because outcomes are missing.")
        return
    people = people if found.n_people else []
    balance = population_mean(values, margins, weights, level=found.level, reference=people, is_share=is_share)
    _record(found, balance, float(values.mean()), values.size, is_share)


def _record(found: _Found, balance: Balance, plain: float, n: int, is_share: bool) -> None:
    """Record the model's figure on the population, and what the test table flatters."""
    there, gap = balance
    if is_share:
        here, value, low, high = (f"{100 * number:.1f}" for number in (plain, *there))
        text = (
            f"Of 100 answers {here} are right in the test table, and about {value} ({low} to {high}) in the population."
        )
        found.add("population_accuracy", there, "Clopper-Pearson at the effective size (Korn-Graubard)", n, text)
        size, *ends = (100 * abs(end) if gap.low * gap.high > 0 else 100 * end for end in gap)
        text = f"The test table flatters the model by {size:.1f} ({min(ends):.1f} to {max(ends):.1f}) points."
        text = text if gap.high > 0 else text.replace("flatters the model", "makes the model look worse")
        found.add("population_gap", gap, "Student t of raked residuals", n, text)
        return
    text = f"The mean absolute error is {plain:.4g} in the test table, and about {there.value:.4g} in the population."
    found.add("population_mae", there, "Student t of raked residuals", n, text)
    if plain > 0:  # an error is flattered where it is smaller in the table
        scaled = type(gap)(-gap.value / plain, -gap.high / plain, -gap.low / plain)
        text = f"On the population the error is larger by {scaled.value:.1%} of that of the test table."
        found.add("population_gap", scaled, "Student t of raked residuals", n, text)


def _support(found: _Found, half_width: float, max_levels: int) -> None:
    """Name the groups, alone and in pairs, that training lacks or that the test table has too few of for a claim."""
    import polars as pl

    from holdfast.kernels.data.representativeness import rows_for_half_width

    needed = rows_for_half_width(half_width, level=found.level)
    usable = [column for column in found.of("test") if len(column.labels) <= max_levels]
    sets = [*((column,) for column in found.of("test")), *combinations(usable, 2)]
    groups = pl.concat([_groups(found, chosen) for chosen in sets])
    thin = groups.filter(pl.col("test_rows") < needed)
    found.tables["groups"] = thin.sort("population", "test_rows", descending=[True, False], nulls_last=True).head(
        MOST_LISTED
    )
    have = "group has" if groups.height == 1 else "groups have"
    text = f"{thin.height:,} of {groups.height:,} {have} fewer than the {needed} test rows that it takes to know a "
    text += f"share of theirs to within {100 * half_width:g} points"
    text += f", such as {found.tables['groups']['group'][0]}." if thin.height else "."
    found.count("n_unsupported_groups", thin.height, groups.height, text)
    if not found.is_stated:
        return
    if found.weights is None and len(sets) > len(found.of("test")):
        found.notes.append(INDEPENDENT)
    texts = (f"fewer test rows like them than the {needed} that a claim takes", "enough test rows for a claim")
    _largest_share(found, "unsupported_share", groups, pl.col("test_rows") < needed, texts)
    if "train_rows" in groups.columns and groups["train_rows"].null_count() < groups.height:
        texts = ("no training row like them", "training rows")
        _largest_share(found, "absent_share", groups, pl.col("train_rows") == 0, texts)


def _groups(found: _Found, chosen: tuple[PopulationColumn, ...]) -> pl.DataFrame:
    """Count the rows of each combination that the population or a table has."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.data.population_columns import crossed, joint_shares
    from holdfast.kernels.data.representativeness import reachable_half_width

    sizes = [len(column.labels) for column in chosen]
    rows: dict[str, NDArray[np.int64] | None] = {"train": None, "test": None}
    for name in rows:
        if all(name in column.rows for column in chosen):
            code = crossed([column.rows[name] for column in chosen], sizes)
            rows[name] = np.bincount(code[code >= 0], minlength=math.prod(sizes)).astype(np.int64)
    shares = joint_shares(chosen, found.weights) if found.is_stated else None
    present = shares if shares is not None else np.sum([count for count in rows.values() if count is not None], axis=0)
    kept = np.flatnonzero(present > 0)
    places = np.unravel_index(kept, sizes)
    names = [[f"{c.name} = {c.labels[at]}" for at in place] for c, place in zip(chosen, places, strict=True)]
    counts = {name: [None] * kept.size if count is None else count[kept] for name, count in rows.items()}
    test = rows["test"]
    assert test is not None
    return pl.DataFrame(
        {
            "columns": [" x ".join(column.name for column in chosen)] * kept.size,
            "n_columns": [len(chosen)] * kept.size,
            "group": [" and ".join(parts) for parts in zip(*names, strict=True)],
            "population": [None] * kept.size if shares is None else shares[kept],
            "train_rows": counts["train"],
            "test_rows": counts["test"],
            "half_width": reachable_half_width(test[kept], level=found.level),
        },
        schema_overrides={"population": pl.Float64, "train_rows": pl.Int64, "columns": pl.String, "group": pl.String},
    )


def _largest_share(found: _Found, id: str, groups: pl.DataFrame, is_so: pl.Expr, texts: tuple[str, str]) -> None:
    """Measure how much of the population is in such groups, for the columns or pairs of columns where it is most."""
    import polars as pl

    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.stats.proportions import clopper_pearson

    largest = groups.filter(pl.col("n_columns") == pl.col("n_columns").max())
    sums = largest.group_by("columns", maintain_order=True).agg(share=pl.col("population").filter(is_so).sum())
    where, share = sums.row(int(sums["share"].arg_max() or 0))
    share = min(1.0, float(share))
    cases, count = frequency(share)
    plain = f"By {where}, {count} of {cases} of the population have {texts[0]}."
    plain = plain if share else f"Every combination of categories in the population has {texts[1]}."
    if not found.n_people:
        found.count(id, share, largest.height, plain, STATED)
        return
    each = 1.0 - (1.0 - found.level) / sums.height
    ends = [clopper_pearson(round(part * found.n_people), found.n_people, level=each) for part in sums["share"]]
    estimate = type(ends[0])(share, max(end.low for end in ends), max(end.high for end in ends))
    found.add(id, estimate, f"Clopper-Pearson, Bonferroni over {sums.height} pairs of columns", found.n_people, plain)
