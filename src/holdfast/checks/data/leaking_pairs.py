"""Do two inputs together hold what will not be known when the model is used?

**What it answers.** An amount due and an amount paid say little each, for amounts differ widely; that they are equal
says that the loan was repaid. ``data.leakage`` looks at each input alone and cannot see it.

**How.** For every two inputs the outcome is predicted from their combined levels (numbers in up to twenty parts of
equal size), and for two numbers also from which of them is larger or whether they are equal. The means are learned on
the training table and scored on the test table, on the scale of ``data.leakage``: 0 says nothing, 1 settles the
outcome. The intervals of all pairs hold at once. A pair is *suspect* when its whole interval lies above ``determines``
and it leaves less than a third of the error that the best single input leaves: good inputs add up, leaks jump. Inputs
that reach ``determines`` alone are left to ``data.leakage``.

**How to read it.** ``n_suspect_pairs`` should be 0. ``max_pair_score`` alone is no fault.

- *Good:* best pair 0.71, best single input 0.62, none suspect.
- *Bad:* ``due`` and ``paid`` score 0.97 by which is larger, the best single input 0.31.
- *Misleading:* length and width of a petal together 0.97, alone 0.94: flowers differ; nothing leaks.

**When it misleads.** Leaks spread over three inputs or more, and relations other than order and equality within fine
steps (a sum that ends in 7), are not seen. Of a wide table only the ``max_columns`` inputs that say most alone are
paired. Whether two inputs are known in time is a question about the business: ask.

**What to do about a bad one.** Ask when each of the two is filled in. Drop the one that comes after the decision, train
and audit again.

References: Kaufman et al. (2012), ACM TKDD 6(4), 15; Kapoor and Narayanan (2023), Patterns 4(9), 100804.
"""

from __future__ import annotations

from itertools import combinations
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

SPEC = {
    "title": "Leakage in two inputs together",
    "question": "Do two inputs together hold what will not be known when the model is used?",
    "needs": ["train", "test", "target"],
    "measures": [
        {
            "id": "max_pair_score",
            "name": "How far two inputs go in settling the target, at most",
            "unit": "score",
            "direction": "neither",
            "range": [-1, 1],
        },
        {
            "id": "n_suspect_pairs",
            "name": "Pairs of inputs that give the target away",
            "unit": "pairs",
            "direction": "lower_is_better",
            "bound": "lower",
            "range": [0, None],
        },
    ],
    "reads": ["modality"],
    "evidence_codes": ["DATAQ"],
    "references": [
        "Kaufman, Rosset, Perlich, Stitelman (2012), Leakage in data mining, ACM TKDD 6(4)",
        "Kapoor, Narayanan (2023), Leakage and the reproducibility crisis in ML-based science, Patterns 4(9)",
    ],
    "cost": "light",
}

REMEDIATION = (
    "Ask when each input of a suspect pair is filled in. Drop the one that comes after the decision, then train and "
    "audit again."
)
MOST_LEVELS = 20
MOST_SHOWN = 20


class _Column(NamedTuple):
    """Levels of a column in both tables, and its numbers where it has any."""

    name: str
    levels: tuple[NDArray[np.int64], NDArray[np.int64]]
    numbers: tuple[NDArray[np.float64], NDArray[np.float64]] | None


class _Target(NamedTuple):
    """What to learn from, one column per class or one of ranks, and what to score against."""

    train: NDArray[np.float64]
    test: NDArray[np.int64] | NDArray[np.float64]
    is_class: bool

    def score(self, codes: tuple[NDArray[np.int64], NDArray[np.int64]], level: float) -> tuple[float, float, float]:
        from holdfast.kernels.data.leakage import class_determination, level_means, value_determination

        predicted = level_means(codes[0], self.train, codes[1])
        if self.is_class:
            return class_determination(predicted, self.test, level=level)
        return value_determination(predicted[:, 0], self.test, level=level)


def run(subject: Subject, ctx: Context, *, determines: float = 0.9, max_columns: int = 30) -> Outcome:
    """Score every two inputs together against the target.

    Parameters
    ----------
    determines : float
        Score between 0 and 1 from which a pair is said to nearly determine the target.
    max_columns : int
        Inputs that are paired with each other; of a wider table those that say most alone.
    """
    import numpy as np
    import polars as pl

    if subject.train is None or subject.test is None:
        raise NotRun("there is no training and test table", hint="give --train and --test")
    if subject.deployment.modality == "image":
        raise NotApplicable("the inputs are pixels, which are looked at one by one", hint="see data.leakage")
    target = _target(subject)
    if np.unique(target.test).size < 2:
        raise NotRun("the test table holds one outcome only", hint="give test rows of every outcome")
    columns = [_column(name, subject.train.frame, subject.test.frame) for name in subject.features]
    alone = {column.name: target.score(column.levels, ctx.level)[0] for column in columns}
    ranked = sorted((name for name in alone if alone[name] < determines), key=lambda name: -alone[name])
    columns = [column for column in columns if column.name in ranked[:max_columns]]
    tried = [(a, b, how) for a, b in combinations(columns, 2) for how in ("together", "order") if _has(a, b, how)]
    if not tried:
        raise NotApplicable("there are no two inputs to combine", hint="see data.leakage")
    level = 1.0 - (1.0 - ctx.level) / len(tried)
    lines = []
    for first, second, how in ctx.track(tried, len(tried)):
        score = target.score(_combined(first, second, how), level)
        lines.append((first.name, second.name, how, *score, max(alone[first.name], alone[second.name])))
    by_order = pl.col("by") == "order"
    best_alone = max(alone[column.name] for column in columns)
    table = pl.DataFrame(lines, schema=["first", "second", "by", "score", "low", "high", "better_alone"], orient="row")
    table = table.with_columns(
        pair=pl.format("{} and {}", "first", "second"),
        label=pl.format(
            "{} and {}{}", "first", "second", pl.when(by_order).then(pl.lit(", the larger")).otherwise(pl.lit(""))
        ),
        suspect=(pl.col("low") >= determines) & (3.0 * (1.0 - pl.col("score")) < 1.0 - best_alone),
    ).sort("score", descending=True, maintain_order=True)
    return Outcome(
        measurements=_measurements(table, target.is_class, ctx.level, subject.test.frame.height),
        tables={"pairs": table, "best_pairs": table.head(MOST_SHOWN)},
        charts=(_chart(determines),),
        remediation=REMEDIATION,
        assumptions=(
            f"{len(columns)} of {len(alone)} inputs were paired; a pair is suspect from a score of {determines:g} on "
            f"if it leaves less than a third of the error of the best single input ({best_alone:.2f}).",
        ),
        work={"pairs": len(tried)},
    )


def _target(subject: Subject) -> _Target:
    import numpy as np

    from holdfast.kernels.data.leakage import centred_ranks

    assert subject.train is not None
    assert subject.test is not None
    y_train, y_test = subject.y(subject.train), subject.y(subject.test)
    if subject.task == "regression":
        return _Target(centred_ranks(y_train, y_train)[:, None], centred_ranks(y_train, y_test), False)
    return _Target(np.eye(len(subject.classes))[y_train.astype(np.int64)], y_test, True)


def _column(name: str, train: pl.DataFrame, test: pl.DataFrame) -> _Column:
    import polars as pl

    from holdfast.kernels.data.leakage import bin_numbers
    from holdfast.kernels.data.leaking_pairs import coarse_levels

    known, new = train.get_column(name), test.get_column(name)
    if known.dtype.is_numeric() and new.dtype.is_numeric():
        numbers = known.cast(pl.Float64).to_numpy(), new.cast(pl.Float64).to_numpy()
        first, second = bin_numbers(*numbers)
        return _Column(name, (coarse_levels(first, MOST_LEVELS), coarse_levels(second, MOST_LEVELS)), numbers)
    both = pl.concat([known.cast(pl.String), new.cast(pl.String)]).rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
    return _Column(name, (both[: len(known)], both[len(known) :]), None)


def _has(first: _Column, second: _Column, how: str) -> bool:
    return how == "together" or (first.numbers is not None and second.numbers is not None)


def _combined(first: _Column, second: _Column, how: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    import numpy as np

    from holdfast.kernels.data.leaking_pairs import joined, order_of

    if how == "order" and first.numbers is not None and second.numbers is not None:
        known, new = (order_of(a, b) for a, b in zip(first.numbers, second.numbers, strict=True))
        return known, new
    cells = joined(*(np.concatenate(column.levels) for column in (first, second)))
    distinct = np.unique(cells, return_inverse=True)[1].reshape(-1)
    return distinct[: first.levels[0].size], distinct[first.levels[0].size :]


def _measurements(table: pl.DataFrame, is_class: bool, level: float, n: int) -> tuple[Measured, ...]:
    best, suspect = table.row(0, named=True), table.filter("suspect")
    method = f"{'DeLong' if is_class else 'delta method'}, Bonferroni over {table.height} pairs"
    ends = [float(table[end].max()) for end in ("low", "high")]  # type: ignore[arg-type]
    n_suspect, n_pairs = suspect["pair"].n_unique(), table["pair"].n_unique()
    named = f": {', '.join(suspect['pair'].unique(maintain_order=True).to_list())}." if suspect.height else "."
    return (
        Measured(
            id="max_pair_score",
            value=best["score"],
            # The largest ends enclose the largest score whenever the intervals of all pairs hold.
            interval=Interval(low=ends[0], high=ends[1], level=level, method=method),
            n=n,
            plain=f"Of all two inputs {best['first']!r} and {best['second']!r} go furthest in settling the target: "
            f"{best['score']:.2f} on a scale from 0 (says nothing) to 1 (settles it); the better one alone "
            f"{best['better_alone']:.2f}.",
        ),
        Measured(
            id="n_suspect_pairs",
            value=float(n_suspect),
            no_interval_reason="a complete count of the pairs, not an estimate",
            exact=True,
            n=n_pairs,
            plain=f"{n_suspect} of {n_pairs} pairs of inputs give the target away{named}",
        ),
    )


def _chart(determines: float) -> Chart:
    return Chart(
        id="pairs",
        title="How far two inputs together settle the target",
        caption="A pair to the right of the line, and far from all others, may hold the answer.",
        kind="points",
        table="best_pairs",
        x="label",
        y="score",
        low="low",
        high="high",
        y_title="score (0 says nothing, 1 settles it)",
        reference=determines,
    )
