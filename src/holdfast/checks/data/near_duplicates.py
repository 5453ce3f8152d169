"""Do test rows stand in the training table too, slightly altered?

**What it answers.** Exact copies are counted by ``data.duplicates``. A row that was copied and then changed in one cell
(a corrected typing error, a later visit, a new amount), or a text that was sent again with another greeting, is just as
well remembered by the model, and makes every score of the audit too good.

**How.** Rows are *near twins* when exactly one cell of the model's inputs differs; numbers are compared to ``digits``
significant digits, text without case and outer spaces. Texts are near twins when they share 80 % of their word
triples. How many near twins coincidence brings is counted in the training table itself: as often as a training row
finds one among the other training rows, a fresh row finds one there. ``excess_near_overlap`` is the share of test rows
with a near twin in training minus that share; rows with an exact copy count on neither side.

Rows that differ in 2 to ``changed`` cells count as altered copies where the cells that agree are so rare together that
at most one training row in a hundred has such a twin among the others; what coincidence brings is subtracted in the
same way (``excess_altered_overlap``). Altered rows that have lost their rare values cannot be told from other people's:
``altered_recall`` says how many of 500 training rows that were altered on purpose are found in this table.

**How to read it.** ``excess_near_overlap`` near 0 means that the tables share no more near twins than two independent
draws do. ``near_conflict_share`` is the share of rows with a near twin, of any table, that have one with another
outcome: where it is high, inputs that are nearly the same do not settle the outcome, or labels are careless.

- *Good:* near overlap 12.1 %, by coincidence 12.3 %, excess -0.2 % (-1.0 to 0.6).
- *Bad:* near overlap 9 %, by coincidence 0.4 %, excess 8.6 % (7.2 to 10.2): one test row in twelve is an altered copy.
- *Misleading:* near overlap 98 % in a table of six yes/no questions: coincidence explains it.

- *Misleading:* altered overlap 0.4 % (0.1 to 0.7) beside a recall of 21 %: rather 2 % are altered copies.

**Measured** (``benchmarks/near_copies.py``). Rows altered in 2 or 3 cells at random among 16,280 test rows of Adult (14
columns, one with rare values): 300 planted, excess 0.40 % (0.13 to 0.66) at a recall of 20 %, so about 2.0 %; 800
planted, 0.97 % (0.67 to 1.25); none planted, 0.07 % (-0.19 to 0.31). Independent tables were accused in 0 of 200 draws.

**When it misleads.** Rows altered a little in many cells (noise, another unit) are not found; of images see
``data.near_images``. Rows of one person belong to ``group`` and ``data.leakage``. A training table that was enlarged by
altered copies on purpose makes coincidence look more likely than it is: the excess is understated.

**What to do about a bad one.** Look at the pairs in ``pairs.parquet``, remove the altered copies from the test table or
split again by what they come from, then train and audit again.

References: Good (1953), Biometrika 40, 237-264; Broder (1997), On the resemblance and containment of documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

    from holdfast.kernels.data.near_duplicates import Twins
    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Rows that are nearly the same",
    "question": "Do test rows stand in the training table too, slightly altered?",
    "needs": ["train", "test"],
    "measures": [
        {
            "id": "near_overlap",
            "name": "Share of test rows with a near twin in the training table",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
        {
            "id": "expected_near_overlap",
            "name": "Near twins that coincidence explains",
            "unit": "share",
            "direction": "neither",
            "range": [0, 1],
        },
        {
            "id": "excess_near_overlap",
            "name": "Near twins beyond coincidence",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [-1, 1],
        },
        {
            "id": "excess_altered_overlap",
            "name": "Test rows that are training rows with several altered cells, beyond coincidence",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [-1, 1],
        },
        {
            "id": "altered_recall",
            "name": "Rows altered in several cells that are found in this table",
            "unit": "share",
            "direction": "higher_is_better",
            "range": [0, 1],
        },
        {
            "id": "excess_text_overlap.*",
            "name": "Texts with a near twin in the training table, beyond coincidence",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [-1, 1],
        },
        {
            "id": "near_conflict_share",
            "name": "Rows with a near twin of another outcome, of those with a near twin",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
    ],
    "reads": ["modality", "text"],
    "evidence_codes": ["DATAQ"],
    "references": [
        "Good (1953), The population frequencies of species and the estimation of population parameters, Biometrika 40",
        "Broder (1997), On the resemblance and containment of documents, SEQUENCES",
    ],
    "cost": "light",
}

REMEDIATION = (
    "Look at the listed pairs. Remove altered copies from the test table, or split again by what they come from, then "
    "train and audit again: until then every score may be too good."
)
CHANCE_METHOD = "Wilson at the effective size of the jackknife's variance"
MOST_PAIRS = 10_000
MOST_CHANGED = 5
TRIED = 500
"""Altered copies on which the search is tried."""


def run(subject: Subject, ctx: Context, *, digits: int = 6, similar: float = 0.8, changed: int = 3) -> Outcome:
    """Count near twins across the tables.

    Parameters
    ----------
    digits
        Significant digits to which decimal numbers are compared.
    similar
        Share of word triples that near twins of texts have in common.
    changed
        Most cells in which altered copies differ, from 2 to 5.
    """
    import numpy as np
    import polars as pl

    from holdfast.kernels.data.near_duplicates import one_cell_apart, similar_texts

    if subject.train is None or subject.test is None:
        raise NotRun("there is no training and test table", hint="give --train and --test")
    if subject.deployment.modality == "image":
        raise NotApplicable("the inputs are pixels, and altered images differ in many", hint="see data.near_images")
    texts = [name for name in subject.features if name in subject.deployment.text]
    plain = [name for name in subject.features if name not in texts]
    if not 2 <= changed <= MOST_CHANGED:
        raise NotApplicable(f"expected 2 to {MOST_CHANGED} changed cells, got {changed}", hint="3 is usual")
    if len(plain) < 2 and not texts:
        raise NotApplicable("with one input any two rows are one cell apart", hint="see data.duplicates")
    parts = [table.frame.select(subject.features) for table in (subject.train, subject.test)]
    both = pl.concat(subject.spelled_alike(parts, digits=digits))
    is_train = np.arange(both.height) < subject.train.frame.height
    measured: list[Measured] = []
    shares: list[tuple[str, float, float, float]] = []
    pairs = [pl.DataFrame(schema={"test_row": pl.Int64, "train_row": pl.Int64, "differs": pl.String})]
    if len(plain) > 1:
        cells = [c if c.dtype.is_numeric() else c.cast(pl.String) for c in both.select(plain).iter_columns()]
        codes = pl.DataFrame(cells).select(pl.all().rank("dense").fill_null(0).cast(pl.Int64)).to_numpy()
        twins = one_cell_apart(codes, is_train)
        measured += _overlap(twins, is_train, ctx.level, shares)
        pairs.append(_pairs(twins, is_train, codes, plain))
        if len(plain) > 2:
            twins, recall = _altered(codes, is_train, changed, ctx)
            measured += _altered_overlap(twins, is_train, recall, changed, ctx.level, shares)
            pairs.append(_pairs(twins, is_train, codes, plain))
        if subject.target and subject.task != "regression":
            y = np.concatenate([subject.y(subject.train), subject.y(subject.test)])
            measured += _conflicts(codes, y.astype(np.int64))
    for name in texts:
        twins = similar_texts(both[name].to_list(), is_train, least=similar)
        measured.append(_text_overlap(name, twins, is_train, ctx.level, shares))
        pairs.append(_pairs(twins, is_train, None, [name]))
    known = {item.id: item for item in measured if item.id.startswith("excess")}
    copied = any(item.interval is not None and (item.interval.low or 0.0) > 0.0 for item in known.values())
    listed = pl.concat(pairs).head(MOST_PAIRS)
    return Outcome(
        measurements=tuple(measured),
        tables={
            "pairs": listed,
            "shares": pl.DataFrame(shares, schema=["overlap", "share", "low", "high"], orient="row"),
            "affected_rows": _affected(listed if copied else listed.head(0)),
        },
        charts=(_chart(),),
        remediation=REMEDIATION,
        assumptions=(
            f"Rows are near twins when one input differs (altered copies: 2 to {changed}, the rest rare), decimals "
            f"compared to {digits} digits; texts when they share {similar:.0%} of their word triples. Affected "
            "rows are listed where twins exceed coincidence.",
        ),
        work={"rows": both.height},
    )


def _overlap(
    twins: Twins, is_train: NDArray[np.bool_], level: float, shares: list[tuple[str, float, float, float]]
) -> list[Measured]:
    from holdfast.kernels.data.duplicates import beyond_chance
    from holdfast.kernels.data.near_duplicates import chance_of_a_twin
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.stats.proportions import clopper_pearson

    found = (twins.degree > 0)[~is_train & (twins.copies == 0)]
    if not found.size or not (is_train & (twins.copies == 0)).any():
        raise NotApplicable("every row of a table has an exact copy in the training table", hint="see data.duplicates")
    share = clopper_pearson(int(found.sum()), found.size, level=level)
    chance = chance_of_a_twin(twins, is_train, level=level)
    excess = beyond_chance(found, chance, level=level)
    shares += [("rows: found", *share), ("rows: by coincidence", *chance)]
    cases, count = frequency(*share)
    _, beyond = frequency(*(max(end, 0.0) for end in excess))
    return [
        _measured(
            "near_overlap", share, "Clopper-Pearson", level, found.size,
            f"Of {cases} test rows, about {count} are one cell apart from a training row.",
        ),
        _measured("expected_near_overlap", chance, CHANCE_METHOD, level, found.size, ""),
        _measured(
            "excess_near_overlap", excess, "Newcombe's square-and-add", level, found.size,
            f"Of {cases} test rows, about {beyond} are altered copies of training rows, beyond what coincidence "
            "explains.",
        ),
    ]  # fmt: skip


def _altered(
    codes: NDArray[np.int64], is_train: NDArray[np.bool_], changed: int, ctx: Context
) -> tuple[Twins, IntervalEstimate[float]]:
    """Search for altered copies, among them some that are made to see how many the search finds."""
    import numpy as np

    from holdfast.kernels.data.altered_rows import altered_copies, several_cells_apart
    from holdfast.kernels.data.near_duplicates import Twins
    from holdfast.kernels.stats.proportions import clopper_pearson

    made = altered_copies(codes[is_train], most=changed, n_copies=TRIED, rng=ctx.rng)
    found = several_cells_apart(
        np.concatenate([codes, made]), np.append(is_train, np.zeros(TRIED, dtype=np.bool_)), most=changed,
        rng=ctx.rng,
    ).twins  # fmt: skip
    n_found = int((found.degree[-TRIED:] > 0).sum())
    return Twins(*(part[:-TRIED] for part in found)), clopper_pearson(n_found, TRIED, level=ctx.level)


def _altered_overlap(
    twins: Twins, is_train: NDArray[np.bool_], recall: IntervalEstimate[float], changed: int, level: float,
    shares: list[tuple[str, float, float, float]],
) -> list[Measured]:  # fmt: skip
    from holdfast.kernels.data.duplicates import beyond_chance
    from holdfast.kernels.data.near_duplicates import chance_of_a_twin
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.stats.proportions import clopper_pearson

    found = (twins.degree > 0)[~is_train & (twins.copies == 0)]
    chance = chance_of_a_twin(twins, is_train, level=level)
    excess = beyond_chance(found, chance, level=level)
    shares += [("2 cells or more: found", *clopper_pearson(int(found.sum()), found.size, level=level))]
    shares += [("2 cells or more: by coincidence", *chance)]
    cases, count = frequency(*(max(end, 0.0) for end in excess))
    plain = (
        f"Of {cases} test rows, about {count} are training rows with 2 to {changed} altered cells, beyond what "
        f"coincidence explains; of such rows {recall.value:.0%} are found in this table."
    )
    tried = f"Of {TRIED} training rows altered on purpose, {recall.value:.0%} were found."
    return [
        _measured("excess_altered_overlap", excess, "Newcombe's square-and-add", level, found.size, plain),
        _measured("altered_recall", recall, "Clopper-Pearson", level, TRIED, tried),
    ]


def _text_overlap(
    name: str, twins: Twins, is_train: NDArray[np.bool_], level: float, shares: list[tuple[str, float, float, float]]
) -> Measured:
    from holdfast.kernels.data.duplicates import beyond_chance
    from holdfast.kernels.data.near_duplicates import chance_of_a_twin
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.stats.proportions import clopper_pearson

    found = twins.degree[~is_train] > 0
    chance = chance_of_a_twin(twins, is_train, level=level)
    excess = beyond_chance(found, chance, level=level)
    share = clopper_pearson(int(found.sum()), found.size, level=level)
    shares += [(f"{name}: found", *share), (f"{name}: by coincidence", *chance)]
    cases, count = frequency(*(max(end, 0.0) for end in excess))
    plain = f"Of {cases} test texts in {name!r}, about {count} nearly stand in training, beyond coincidence."
    return _measured(f"excess_text_overlap.{name}", excess, "Newcombe's square-and-add", level, found.size, plain)


def _measured(id: str, estimate: tuple[float, float, float], method: str, level: float, n: int, plain: str) -> Measured:
    value, low, high = estimate
    return Measured(
        id=id, value=value, interval=Interval(low=low, high=high, level=level, method=method), n=n, plain=plain
    )


def _conflicts(codes: NDArray[np.int64], y: NDArray[np.int64]) -> list[Measured]:
    """Rows of all tables with a near twin of another outcome: twins in all, less those of the same outcome."""
    import numpy as np

    from holdfast.kernels.data.near_duplicates import one_cell_apart

    everyone = np.ones(y.size, dtype=np.bool_)
    degree = one_cell_apart(codes, everyone).degree
    same = sum(np.where(y == label, one_cell_apart(codes, y == label).degree, 0) for label in np.unique(y))
    n = int((degree > 0).sum())
    if not n:
        return []
    conflicting = int((degree > same).sum())
    return [
        Measured(
            id="near_conflict_share",
            value=conflicting / n,
            no_interval_reason="a complete count of the rows given, not an estimate",
            exact=True,
            n=n,
            plain=f"{conflicting:,} of {n:,} rows with a near twin have one with another outcome.",
        )
    ]


def _pairs(
    twins: Twins, is_train: NDArray[np.bool_], codes: NDArray[np.int64] | None, names: list[str]
) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    rows = np.flatnonzero(~is_train & (twins.degree > 0) & (twins.copies == 0))
    first = twins.first[rows]
    apart = np.ones((rows.size, 1), dtype=np.bool_) if codes is None else codes[rows] != codes[first]
    differs = [", ".join(name for name, other in zip(names, own, strict=True) if other) for own in apart.tolist()]
    return pl.DataFrame(
        {"test_row": rows - int(is_train.sum()), "train_row": first, "differs": pl.Series(differs, dtype=pl.String)}
    )


def _affected(pairs: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    reason = pl.format("training row {} but for {}", "train_row", "differs")
    return pairs.select(pl.lit("test").alias("table"), row="test_row", reason=reason)


def _chart() -> Chart:
    return Chart(
        id="near_overlap",
        title="Test rows that nearly stand in the training table",
        caption="The share found, and the share that coincidence explains; apart, they mean that rows were copied and "
        "altered.",
        kind="points",
        table="shares",
        x="overlap",
        y="share",
        low="low",
        high="high",
        y_title="share of test rows",
    )
