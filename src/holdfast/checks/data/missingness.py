"""Is it by chance which cells are missing?

**What it answers.** Most models fill missing cells or leave rows out, as if it were chance which are missing. Where it
is not, the rows that are left are other people than those who count, and the absence of a cell may tell the outcome.

**How.** For each input with missing cells it is tested whether they are missing more often beside some values of each
other input, or beside some outcomes (chi-square; numbers in fifths; rows in which the other cell is missing too are
left out). The p-values are corrected for all tests together (Holm). The training table is used where there is one.

**How to read it.** ``n_dependent_columns`` is the number of inputs whose missing cells are not missing completely at
random: the chance that it names any without reason is 5 %. ``gap_by_outcome`` is the largest difference in the share of
missing cells between rows of one outcome and the others, with an interval that holds for all inputs and outcomes.

- *Good:* 0 columns of 3; gap 0.4 % (0.0 to 1.3).
- *Bad:* the income is missing in 9 % of the rows with a default and in 4 % of the others: a gap of 5 % (3 to 7).
- *Misleading:* the second name is missing for most; it goes with the country, and nothing is wrong.

**When it misleads.** That no dependence is shown in a small table does not show that there is none. Above all: whether
a cell is missing *because of the value it would have had* (high incomes are kept back) cannot be proved from the data,
whatever the test says. It takes somebody who knows how cells came to be missing.

**What to do about a bad one.** Ask how the cells come to be missing, and whether that will be so in use. Give absence a
category of its own, or fill cells from the columns that it goes with, and audit again. Where it tells the outcome, make
sure that it is known before the outcome is.

References: Rubin (1976), Biometrika 63; Little (1988), JASA 83; Holm (1979), Scandinavian Journal of Statistics 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

    from holdfast.core.subject import Table

SPEC = {
    "title": "Missing cells",
    "question": "Is it by chance which cells are missing?",
    "needs": ["test"],
    "measures": [
        {
            "id": "n_dependent_columns",
            "name": "Inputs whose missing cells go with other inputs or the outcome",
            "unit": "columns",
            "direction": "lower_is_better",
            "bound": "lower",
            "range": [0, None],
        },
        {
            "id": "gap_by_outcome",
            "name": "Largest difference in the share of missing cells between outcomes",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
    ],
    "evidence_codes": ["DATAQ", "REPR"],
    "references": [
        "Rubin (1976), Inference and missing data, Biometrika 63",
        "Little (1988), A test of missing completely at random for multivariate data with missing values, JASA 83",
    ],
    "cost": "light",
}

REMEDIATION = (
    "Ask how the cells come to be missing, and whether that will be so in use. Give absence a category of its own, or "
    "fill cells from the columns that it goes with, and audit again."
)
NOT_PROVED = (
    "Whether cells are missing because of the value they would have had cannot be proved from the data, whatever is "
    "found here."
)
OUTCOME = "the outcome"
FEWEST, MOST_DRAWN, MOST_LISTED = 5, 10, 1000
CHART = Chart(
    id="beside", title="Where cells are missing more often", kind="points", table="beside", x="where", y="share",
    low="low", high="high", series="rows", y_title="share of missing cells",
    caption="Share of missing cells of an input, in rows where another column has the value that stands out most, and "
    "in all others, with intervals; the clearest dependences, at most 10.",
)  # fmt: skip


def run(subject: Subject, ctx: Context, *, max_columns: int = 100, max_levels: int = 50) -> Outcome:
    """Test whether the absence of cells goes with other columns.

    Parameters
    ----------
    max_columns
        Inputs with missing cells that are tested, those with most first, and columns that they are tested against.
    max_levels
        Levels of a category that are told apart, the most frequent first.
    """
    import numpy as np

    table = subject.train or subject.test
    assert table is not None
    if not subject.features:
        raise NotApplicable("the table has no input columns to examine", hint="give a table with inputs")
    frame, n = table.frame.select(subject.features), table.frame.height
    counts = {name: frame.get_column(name).null_count() for name in subject.features}
    absent = sorted((name for name in counts if counts[name]), key=lambda name: -counts[name])
    if not absent:
        raise NotApplicable(f"no cell of the {table.name} table is missing", hint="a table with missing cells")
    names = [name for name in absent if FEWEST <= counts[name] <= n - FEWEST][:max_columns]
    if not names:
        raise NotRun(
            f"in no input are {FEWEST} cells or more missing and {FEWEST} or more there", hint="give a larger table"
        )
    is_missing = np.column_stack([frame.get_column(name).is_null().to_numpy() for name in names])
    listed = _tested(subject, table, names, is_missing, (max_columns, max_levels), ctx.level)
    measured = [_count(listed, names)]
    if subject.target is not None:
        measured += _gap(subject, table, names, is_missing, ctx.level)
    found = listed.filter("dependent")
    tables = {"dependence": listed.head(MOST_LISTED), "beside": _beside(found.head(MOST_DRAWN), ctx.level)}
    return Outcome(
        measurements=tuple(measured),
        tables=tables,
        charts=(CHART,) if found.height else (),
        remediation=REMEDIATION,
        assumptions=(NOT_PROVED, f"Of {len(absent)} inputs with missing cells {len(names)} were tested."),
        work={"rows": n, "tests": listed.height},
    )


def _tested(
    subject: Subject,
    table: Table,
    names: list[str],
    is_missing: NDArray[np.bool_],
    most: tuple[int, int],
    level: float,
) -> pl.DataFrame:
    """Test every input with missing cells against every other column; the clearest dependences first."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.data.missingness import absence_dependence, levels_of
    from holdfast.kernels.stats.multiplicity import holm

    cells = subject.cells(table.frame.select(subject.features[: most[0]]))
    if subject.target is not None:
        cells[OUTCOME] = subject.cells(table.frame.select(subject.target))[subject.target]
    rows: list[tuple[Any, ...]] = []
    for other, values in cells.items():
        codes, labels = levels_of(values, max_levels=most[1])
        found = absence_dependence(is_missing, codes)
        rows += [
            (name, other, labels[at], *found.counts[column], found.p_value[column])
            for column, (name, at) in enumerate(zip(names, found.level, strict=True))
            if name != other and at >= 0
        ]
    texts = dict.fromkeys(("column", "other", "value"), pl.String)
    counts = dict.fromkeys(("missing_there", "rows_there", "missing_elsewhere", "rows_elsewhere"), pl.Int64)
    frame = pl.DataFrame(rows, schema={**texts, **counts, "p_value": pl.Float64}, orient="row")
    adjusted = pl.Series("adjusted", holm(frame["p_value"].to_numpy()) if rows else np.zeros(0))
    frame = frame.with_columns(adjusted, (adjusted <= 1.0 - level).alias("dependent"))
    return frame.sort("adjusted", "p_value", maintain_order=True)


def _count(listed: pl.DataFrame, names: list[str]) -> Measured:
    found = listed.filter("dependent")
    columns = found["column"].unique(maintain_order=True).to_list()
    text = f"In {len(columns)} of {len(names)} inputs with missing cells it is not by chance which are missing"
    if columns:
        column, other, value, *counts = found.row(0)[:7]
        there, elsewhere = counts[0] / counts[1], counts[2] / max(1, counts[3])
        text += f": {column} is missing in {there:.1%} of the rows in which {other} is {value}, else in {elsewhere:.1%}"
    return Measured(
        id="n_dependent_columns",
        value=float(len(columns)),
        no_interval_reason="a count of tests; the chance of any false one is held over all tests (Holm)",
        n=len(names),
        plain=f"{text}.",
    )


def _gap(
    subject: Subject, table: Table, names: list[str], is_missing: NDArray[np.bool_], level: float
) -> list[Measured]:
    """Measure the largest difference in missing cells between one outcome and the others; numbers at their median."""
    import numpy as np

    from holdfast.kernels.data.representativeness import largest_difference
    from holdfast.kernels.stats.proportions import newcombe_difference

    y = np.asarray(subject.y(table))
    if subject.task == "regression":
        known = np.isfinite(y)
        outcomes = [(known & (y > np.median(y[known])), "above its median")] if known.any() else []
    else:
        known = y >= 0
        several = range(len(subject.classes)) if len(subject.classes) > 2 else (len(subject.classes) - 1,)
        outcomes = [(y == place, str(subject.classes[place])) for place in several]
    outcomes = [(chosen, text) for chosen, text in outcomes if 0 < chosen.sum() < known.sum()]
    if not outcomes:
        return []
    n_tests = len(names) * len(outcomes)
    each = 1.0 - (1.0 - level) / n_tests
    parts = []
    for chosen, _ in outcomes:
        here, there = is_missing[chosen].sum(axis=0), is_missing[known & ~chosen].sum(axis=0)
        sizes = (np.full(here.shape, chosen.sum()), np.full(here.shape, (known & ~chosen).sum()))
        parts.append(newcombe_difference(here, sizes[0], there, sizes[1], level=each))
    at, gap = largest_difference(*(np.concatenate([part[end] for part in parts]) for end in range(3)))
    outcome, column = divmod(at, len(names))
    (chosen, text), absent = outcomes[outcome], is_missing[:, column]
    points = [f"{100 * number:.1f}" for number in gap]
    method = f"Newcombe, Bonferroni over {n_tests} pairs of input and outcome"
    return [
        Measured(
            id="gap_by_outcome",
            value=gap.value,
            interval=Interval(low=gap.low, high=gap.high, level=level, method=method),
            n=int(known.sum()),
            plain=f"{names[column]} is missing in {absent[chosen].mean():.1%} of the rows whose outcome is {text}, and "
            f"in {absent[known & ~chosen].mean():.1%} of the others: {points[0]} ({points[1]} to {points[2]}) points.",
        )
    ]


def _beside(found: pl.DataFrame, level: float) -> pl.DataFrame:
    """Lay out the shares of missing cells beside the value that stands out, and elsewhere."""
    import polars as pl

    from holdfast.kernels.stats.proportions import clopper_pearson

    rows = []
    for column, other, value, *counts in found.iter_rows():
        where = f"{column}, by {other} = {value}"
        rows.append((where, "rows with that value", *clopper_pearson(counts[0], counts[1], level=level)))
        rows.append((where, "all other rows", *clopper_pearson(counts[2], counts[3], level=level)))
    schema = {"where": pl.String, "rows": pl.String, "share": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")
