"""How easily people in the table could be found again by what others know of them, and what preventing it would cost.

**Question.** Names are gone from the table. Could somebody who knows a few things about a person, such as age, sex and
town, still find the row, and what would it take away from the data to make that impossible?

**How.** Columns that others may know of a person are *quasi-identifiers*: those named in
`deployment.quasi_identifiers`, otherwise those whose name or values say so (age, birth, sex, postcode, place,
nationality, occupation, education, family; ethnic group). Rows that agree in all of them form a group of people who
look alike; the smallest has *k*. All sets of up to `largest` columns are tried to see how few single people out. A
table is a sample of a population: how many of the unique people would stay unique among all is estimated by Pitman's
model of class sizes, and by Zayatz's simpler one beside it. For sensitive columns, what the class gives away without
finding the row is measured (l-diversity, t-closeness and others). Last, the table is made k-anonymous by Mondrian, and
what that loses is counted.

**How to read it.** `k` is the size of the smallest class, `unique_share` the share of rows that are alone in theirs: an
attacker who knows that a person is in the table finds that row with certainty. `population_unique_share` is the share
of rows that are alone in the whole population, if the table holds the fraction `sample_fraction` of it (parameter, one
in ten by default: set it). `mean_risk` is the chance to pick the right row, on average, knowing that the person is in
the table (the *prosecutor*); `marketer_risk` the share of rows named rightly by somebody who matches the table with a
list of the population. `release_loss` is the share of the width of the cells that is lost when every class is made to
hold `smallest` people (normalised certainty penalty). The first, second, fourth and last are counted over the whole
table.

**When it misleads.** Other knowledge singles out more: a column that is not taken for a quasi-identifier is not
counted. Pitman's model can be wrong for a population, and its interval speaks of chance only; where the two models in
the assumptions differ much, trust neither. In the table of a model that never leaves the house, uniqueness is normal:
it matters where the table, or a model that remembers rows, is given away. k-anonymity alone does not hide what all
people of a class have in common: read `l` and `t` in the table `sensitive`.

**What to do about a bad result.** Coarsen or drop the columns at the top of the table `column_sets`; publish a
k-anonymous release (`holdfast pii anonymise`), with l-diversity where a column is sensitive; keep the table itself
under access control.

- *A good result*: `k` 12, `unique_share` 0.
- *A bad result*: `unique_share` 0.87 by date of birth, sex and postcode.
- *A misleading result*: `k` 1 because of a single centenarian among 50,000 people: `unique_share` is 0.00002.

References
----------
Sweeney, L. (2000). Simple demographics often identify people uniquely. Carnegie Mellon, Data Privacy WP 3.
Hoshino, N. (2001). Applying Pitman's sampling formula to microdata disclosure risk assessment. JOS 17(4).
Manning, A., Haglin, D. and Keane, J. (2008). A recursive search algorithm for statistical disclosure assessment. DMKD.
El Emam, K. (2013). Guide to the de-identification of personal health information. Chapter 16.
LeFevre, K., DeWitt, D. and Ramakrishnan, R. (2006). Mondrian multidimensional k-anonymity. ICDE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import InputError, NotApplicable, NotRun, did_you_mean
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject, Table

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.anonymity.equivalence_classes import Classes
    from holdfast.kernels.anonymity.identifying_columns import SingledOut
    from holdfast.kernels.personal_data.column_types import ColumnType

SPEC = {
    "title": "Re-identification",
    "question": "Could people in the table be found again by what others know of them?",
    "needs": [],
    "measures": [
        {"id": "k", "name": "Smallest class of people who look alike (k-anonymity)", "unit": "people",
         "direction": "higher_is_better", "range": [1, None]},
        {"id": "unique_share", "name": "People who are unique in the table", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "population_unique_share", "name": "People who are unique in the population", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "mean_risk", "name": "Chance to find a person who is known to be in the table", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "marketer_risk", "name": "Rows named rightly by matching with a list of everybody", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "release_loss", "name": "Detail lost by a k-anonymous release", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
    ],
    "reads": ["quasi_identifiers", "sensitive"],
    "evidence_codes": ["PII"],
    "references": ["Sweeney 2000", "Hoshino 2001", "Manning et al. 2008", "El Emam 2013", "LeFevre et al. 2006"],
    "cost": "light",
    "effort": {
        "quick": {"sets": 100},
        "default": {"sets": 500},
        "thorough": {"sets": 5000},
    },
}  # fmt: skip

REMEDIATION = (
    "Coarsen or drop the columns that single out most, publish a k-anonymous release instead of the table "
    "(holdfast pii anonymise), ask for l-diversity where a column is sensitive, and keep the table under "
    "access control."
)
COUNTED = "counted, not estimated"
MODEL = "Pitman's model: parameters and draw"
MOST_AFFECTED = 10_000
SHOWN = 100
CHART = Chart(
    id="column_sets", title="People singled out by the strongest set of so many columns", kind="bars",
    table="strongest_sets", x="columns", y="unique_share", x_title="columns that an attacker knows",
    y_title="share of people", caption="A high bar on the left: few things known of a person are enough.",
)  # fmt: skip


def run(
    subject: Subject,
    ctx: Context,
    *,
    columns: tuple[str, ...] = (),
    sample_fraction: float = 0.1,
    smallest: int = 5,
    largest: int = 4,
) -> Outcome:
    """Group people by what others may know of them.

    Parameters
    ----------
    columns
        Quasi-identifiers; those of the deployment otherwise, or else guessed.
    sample_fraction
        Rows of the table over people in the population.
    smallest
        People a class must have to count as safe, and in the release.
    largest
        Columns in a set that is tried.
    """
    from holdfast.kernels.anonymity.equivalence_classes import codes_of, equivalence_classes
    from holdfast.kernels.anonymity.identifying_columns import singled_out

    if not 0.0 < sample_fraction <= 1.0:
        raise InputError(f"expected a sample_fraction above 0 and at most 1, got {sample_fraction}")
    if smallest < 2 or largest < 1:
        raise InputError(f"expected smallest of at least 2 and largest of at least 1, got {smallest} and {largest}")
    table = _table(subject)
    cells = subject.cells(table.frame)
    types = _types(subject, ctx, cells)
    quasi, because = _quasi(subject, columns, types)
    codes = [codes_of(cells[name]) for name in quasi]
    classes = equivalence_classes(codes)
    alone = singled_out(codes, k=smallest, largest=largest, most_sets=ctx.effort.get("sets", 500))
    measured, notes = _measured(ctx, table, classes, quasi, sample_fraction)
    release = _release(cells, quasi, smallest)
    if release is not None:
        measured.append(_loss(release, smallest, quasi, table))
    sets = _set_table(quasi, alone, classes, smallest)
    strongest = sets.group_by("size", maintain_order=True).first()
    return Outcome(
        measurements=tuple(measured),
        tables={
            "quasi_identifiers": because,
            "column_sets": sets.head(SHOWN),
            "strongest_sets": strongest.with_columns(columns=strongest["size"].cast(str) + ": " + strongest["columns"]),
            "sensitive": _sensitive_table(subject, types, cells, classes, quasi),
            "affected_rows": _affected(table, alone),
            **({"release": release} if release is not None else {}),
        },
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=(*notes, f"An attacker knows at most: {', '.join(quasi)}."),
        work={"rows": table.frame.height, "sets": len(alone.sets)},
    )


def _table(subject: Subject) -> Table:
    table = subject.train if subject.train is not None else subject.test
    if table is None or not table.frame.height:
        raise NotRun("there is no table with a row", hint="give the training table with --train")
    return table


def _types(subject: Subject, ctx: Context, cells: dict[str, NDArray[Any]]) -> dict[str, ColumnType]:
    from holdfast.kernels.personal_data.column_types import classify_columns
    from holdfast.kernels.personal_data.detector import default_detector

    return classify_columns(cells, detector=default_detector(), rng=ctx.rng, level=ctx.level)


def _quasi(subject: Subject, columns: tuple[str, ...], types: dict[str, ColumnType]) -> tuple[list[str], pl.DataFrame]:
    """Return the quasi-identifiers, and the table that says why each is one."""
    import polars as pl

    named = columns or subject.deployment.quasi_identifiers
    for name in named:
        if name not in types:
            raise InputError(
                f"expected a column of the table as a quasi-identifier, got {name!r}", hint=did_you_mean(name, types)
            )
    guessed = [name for name, kind in types.items() if kind.is_known_to_others and name != subject.target]
    quasi = list(dict.fromkeys(named)) or guessed
    if not quasi:
        raise NotApplicable(
            "no column is of a kind that others are known to know of people, such as age, sex or place",
            hint="name such columns as deployment.quasi_identifiers in holdfast.yaml",
        )
    lines = [
        (name, types[name].label, types[name].n_distinct, "named" if named else "; ".join(types[name].reasons))
        for name in quasi
    ]
    schema = {"column": pl.String, "label": pl.String, "distinct": pl.Int64, "because": pl.String}
    return quasi, pl.DataFrame(lines, schema=schema, orient="row")


def _measured(
    ctx: Context, table: Table, classes: Classes, quasi: list[str], fraction: float
) -> tuple[list[Measured], list[str]]:
    from holdfast.kernels.anonymity.population_uniques import reidentification_risk, staying_unique, zayatz_share
    from holdfast.kernels.performance.frequencies import frequency

    n, sizes = table.frame.height, classes.sizes
    n_unique = int((sizes == 1).sum())
    risk = reidentification_risk(sizes, sample_fraction=fraction)
    staying = staying_unique(sizes, sample_fraction=fraction, rng=ctx.rng, level=ctx.level)
    other = zayatz_share(sizes, sample_fraction=fraction)
    interval = Interval(low=staying.low, high=staying.high, level=ctx.level, method=MODEL)
    known = f"{', '.join(quasi[:4])}{f' and {len(quasi) - 4} more' if len(quasi) > 4 else ''}"
    group = f"{sizes.min()} people" if sizes.min() > 1 else "a single person"
    cases, count = frequency(*staying)

    def counted(key: str, value: float, plain: str) -> Measured:
        return Measured(id=key, value=value, no_interval_reason=COUNTED, exact=True, n=n, plain=plain)

    population = f"a population {1 / fraction:.3g} times as large"
    measured = [
        counted("k", int(sizes.min()), f"By {known}, the smallest group of people who look alike is {group}."),
        counted("unique_share", n_unique / n, f"{n_unique:,} of {n:,} people are alone with their {known}."),
        Measured(id="population_unique_share", value=staying.value, interval=interval, n=n,
                 plain=f"Of {cases} people in the table, {count} would be unique even in {population}."),
        counted("mean_risk", risk.prosecutor_mean,
                f"Who knows that a person is in the table picks the right row {risk.prosecutor_mean:.1%} of the time."),
        Measured(id="marketer_risk", value=risk.marketer_mean, n=n,
                 no_interval_reason="an expectation under a model of class sizes, given the table",
                 plain=f"Matching all rows with a list of everybody would name {risk.marketer_mean:.1%} rightly."),
    ]  # fmt: skip
    notes = [
        f"The table is taken for {fraction:.3g} of the population (sample_fraction); people drawn by chance.",
        f"Unique in the population: {staying.value:.4f} by Pitman's model, {other:.4f} by Zayatz's. "
        f"Largest risk of one person with a list of everybody (the journalist): {risk.journalist_most:.3g}.",
    ]
    return measured, notes


def _release(cells: dict[str, NDArray[Any]], quasi: list[str], smallest: int) -> pl.DataFrame | None:
    """Make the table k-anonymous for several k, and list what that costs; None where there are too few rows."""
    import polars as pl

    from holdfast.kernels.anonymity.information_loss import information_loss
    from holdfast.kernels.anonymity.mondrian import mondrian
    from holdfast.kernels.anonymity.quasi_columns import quasi_column

    n = len(cells[quasi[0]])
    if n < smallest:
        return None
    columns = [quasi_column(cells[name]) for name in quasi]
    lines = []
    for k in sorted({smallest, *(k for k in (2, 10, 50) if k <= n)}):
        boxes = mondrian(
            [column.values for column in columns], is_category=[column.names is not None for column in columns], k=k
        )
        lost = information_loss(boxes.classes.sizes, boxes.widths, k=k)
        lines.append((k, int(boxes.classes.sizes.min()), len(boxes.classes.sizes), lost.total, *lost.penalty))
    names = ["k", "smallest_class", "classes", "loss", *(f"loss of {name}" for name in quasi)]
    return pl.DataFrame(lines, schema=names, orient="row")


def _loss(release: pl.DataFrame, smallest: int, quasi: list[str], table: Table) -> Measured:
    row = release.filter(release["k"] == smallest).row(0, named=True)
    most = max(quasi, key=lambda name: row[f"loss of {name}"])
    plain = (
        f"So that every group has {smallest} people or more, {row['loss']:.1%} of the detail of these columns has to "
        f"go, most of {most} ({row[f'loss of {most}']:.1%})."
    )
    n = table.frame.height
    return Measured(id="release_loss", value=row["loss"], no_interval_reason=COUNTED, exact=True, n=n, plain=plain)


def _set_table(quasi: list[str], alone: SingledOut, classes: Classes, smallest: int) -> pl.DataFrame:
    """Sets of columns and how many people each singles out, all columns together at the end."""
    import polars as pl

    n, sizes = len(classes.of_row), classes.sizes
    lines = [
        (len(one.columns), " + ".join(quasi[at] for at in one.columns), one.n_unique, one.n_unique / n, one.n_small / n)
        for one in alone.sets
    ]
    if alone.largest < len(quasi):
        n_small = int(sizes[sizes < smallest].sum())
        lines.append((len(quasi), "all", int((sizes == 1).sum()), float((sizes == 1).sum() / n), n_small / n))
    schema = {"size": pl.Int64, "columns": pl.String, "unique": pl.Int64, "unique_share": pl.Float64,
              "small_class_share": pl.Float64}  # fmt: skip
    return pl.DataFrame(lines, schema=schema, orient="row")


def _sensitive_table(
    subject: Subject,
    types: dict[str, ColumnType],
    cells: dict[str, NDArray[Any]],
    classes: Classes,
    quasi: list[str],
) -> pl.DataFrame:
    """What classes give away of sensitive columns and the outcome, without a row's being found."""
    import polars as pl

    from holdfast.kernels.anonymity.disclosure import Disclosure, disclosure
    from holdfast.kernels.anonymity.equivalence_classes import codes_of

    told = [name for name, kind in types.items() if kind.role in ("sensitive", "special category")]
    names = dict.fromkeys([*subject.deployment.sensitive, *told, *([subject.target] if subject.target else [])])
    lines = []
    for name in names:
        if name in cells and name not in quasi:
            is_ordered = cells[name].dtype.kind == "f"
            found = disclosure(classes, codes_of(cells[name]), is_ordered=is_ordered)
            lines.append((name, is_ordered, *(float(value) for value in found)))
    fields = dict.fromkeys(Disclosure._fields, pl.Float64)
    return pl.DataFrame(lines, schema={"column": pl.String, "is_ordered": pl.Boolean, **fields}, orient="row")


def _affected(table: Table, alone: SingledOut) -> pl.DataFrame:
    """People whom the fewest columns single out, the easiest first."""
    import numpy as np
    import polars as pl

    at = np.flatnonzero(alone.fewest > 0)
    at = at[np.lexsort((at, -alone.score[at], alone.fewest[at]))][:MOST_AFFECTED]
    lines = [(table.name, int(row), f"unique by {alone.fewest[row]} of the columns") for row in at]
    return pl.DataFrame(lines, schema={"table": pl.String, "row": pl.Int64, "reason": pl.String}, orient="row")
