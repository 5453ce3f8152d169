"""What does the model do with cases that are unlike those it learned from?

**What it answers.** A model answers whatever it is asked. Far from its training data its answers are guesses, and the
question is whether it knows: whether it errs more there than it says, and whether it is less sure of rows that cannot
exist than of real ones.

**How.** Each test row gets its distance to the nearest training row (Gower's: the mean over columns of differences in
units of the column's range, 1 for another category). ``error_far_minus_near`` compares the tenth of the rows that is
farthest with all others. The curve shows the error by distance beside the doubt that the model states (one minus the
probability of its answer): where error lies above doubt, it does not know. Then rows are invented: each column is
shuffled by itself and numbers are moved to three times their distance from the median. ``invented_ranking`` is the
chance that the model is less sure of such a row than of a real one.

**How to read it.**

- *Good:* ``invented_ranking`` 0.80; far rows are wrong more often, and the model's doubt says so.
- *Bad:* ``invented_ranking`` 0.35 (0.33 to 0.37): the model is *surer* of nonsense than of real rows, as linear models
  and boosted trees often are: they extrapolate without doubt.
- *Misleading:* ``error_far_minus_near`` 0 on a test table drawn from the same source: there are no far rows in it.

**When it misleads.** Distance over all columns is dull where few of them matter. Shuffled columns that are independent
in truth make rows that could exist. The test table says nothing of cases that neither table holds.

**What to do about a bad one.** Refuse or pass on rows outside the ranges and levels of training (a schema at the door),
or beyond a distance; do not lean on the model's confidence to find them.

References: Gower (1971), Biometrics 27; Hein et al. (2019), Why ReLU networks yield high-confidence predictions far
away from the training data, CVPR; Hendrycks and Gimpel (2017), ICLR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

    from holdfast.core.subject import Predictions

SPEC = {
    "title": "Cases unlike any it learned from",
    "question": "What does the model do with cases that are unlike those it learned from?",
    "needs": ["train", "test", "target", "scores", "query"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {
            "id": "error_far_minus_near",
            "name": "Error in the tenth of cases farthest from training, minus error elsewhere",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [-1, 1],
        },
        {
            "id": "invented_ranking",
            "name": "Chance that the model is less sure of an invented row than of a real one",
            "unit": "AUC",
            "direction": "higher_is_better",
            "range": [0, 1],
        },
    ],
    "evidence_codes": ["OOD"],
    "references": [
        "Gower (1971), A general coefficient of similarity and some of its properties, Biometrics 27",
        "Hein, Andriushchenko, Bitterwolf (2019), Why ReLU networks yield high-confidence predictions far away, CVPR",
        "Hendrycks, Gimpel (2017), A baseline for detecting misclassified and out-of-distribution examples, ICLR",
    ],
    "cost": "light",
    "effort": {
        "quick": {"reference": 5000, "rows": 1000},
        "default": {"reference": 10000, "rows": 2000},
        "thorough": {"reference": 100000, "rows": 20000},
    },
}

FEWEST_ROWS, TENTHS = 100, 10
REMEDIATION = (
    "Refuse or pass on rows outside the ranges and levels of training, or beyond a distance, before the model is "
    "asked; its confidence does not find them."
)
CHART = Chart(
    id="distance",
    title="Error and stated doubt by distance from training",
    caption="Each point is a tenth of the test rows, the nearest on the left. Where the error lies above the doubt "
    "that the model states, it does not know that it does not know.",
    kind="line",
    table="distance",
    x="distance",
    y="share",
    low="low",
    high="high",
    series="what",
    x_title="distance to the nearest training row",
    y_title="share",
)


def run(subject: Subject, ctx: Context) -> Outcome:
    """Compare answers near to training rows, far from them, and to rows that cannot be."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.performance.nearest_rows import nearest_distance

    assert subject.train is not None
    assert subject.test is not None
    n_rows = subject.test.frame.height
    if n_rows < FEWEST_ROWS or subject.train.frame.height < FEWEST_ROWS:
        raise NotRun(f"one of the tables has fewer than {FEWEST_ROWS} rows", hint="give larger tables")
    rows = np.sort(ctx.rng.permutation(n_rows)[: ctx.effort.get("rows", 2000)])
    known = np.sort(ctx.rng.permutation(subject.train.frame.height)[: ctx.effort.get("reference", 10_000)])
    inputs = subject.test.frame.select(subject.features)[rows]
    distance = nearest_distance(
        subject.cells(subject.train.frame.select(subject.features)[known]), subject.cells(inputs)
    )
    doubt = 1.0 - _confidence(subject.predictions)[rows]
    is_wrong = (subject.predictions.labels != subject.y(subject.test))[rows]
    order = np.argsort(distance, kind="stable")
    return Outcome(
        measurements=(_gap(ctx, is_wrong, doubt, order), _ranking(subject, ctx, inputs, doubt)),
        tables={
            "distance": _by_distance(distance, is_wrong, doubt, order, ctx.level),
            "rows": pl.DataFrame({"row": rows, "distance": distance, "wrong": is_wrong, "doubt": doubt}),
        },
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=(
            f"Distances are to the nearest of {known.size:,} training rows; invented rows have shuffled columns and "
            "numbers three times as far from their median.",
        ),
        work={"rows": int(rows.size)},
    )


def _gap(ctx: Context, is_wrong: NDArray[np.bool_], doubt: NDArray[np.float64], order: NDArray[np.int64]) -> Measured:
    """Compare the error of the farthest tenth with that of all others."""
    import numpy as np

    from holdfast.kernels.stats.proportions import newcombe_difference

    is_far = np.zeros(order.size, dtype=np.bool_)
    is_far[order[-max(1, order.size // TENTHS) :]] = True
    counts = [(int(is_wrong[part].sum()), int(part.sum())) for part in (is_far, ~is_far)]
    gap = newcombe_difference(*counts[0], *counts[1], level=ctx.level)
    return Measured(
        id="error_far_minus_near",
        value=gap.value,
        interval=Interval(low=gap.low, high=gap.high, level=ctx.level, method="Newcombe"),
        n=order.size,
        plain=f"Of the tenth of cases farthest from training {counts[0][0] / counts[0][1]:.1%} are answered wrongly, "
        f"of all others {counts[1][0] / counts[1][1]:.1%}; the model itself states a doubt of "
        f"{doubt[is_far].mean():.1%} and {doubt[~is_far].mean():.1%}.",
    )


def _ranking(subject: Subject, ctx: Context, inputs: pl.DataFrame, doubt: NDArray[np.float64]) -> Measured:
    """Ask about rows that cannot be, and compare the doubt with that about real ones."""
    import numpy as np

    from holdfast.kernels.performance.nearest_rows import invented_rows
    from holdfast.kernels.stats.delong import auc_delong

    made = invented_rows(subject.cells(inputs), rng=ctx.rng)
    for name in inputs.columns:
        if inputs[name].dtype.is_integer():
            limits = np.iinfo(inputs[name].head(0).to_numpy().dtype)
            made[name] = np.clip(np.round(made[name]), max(limits.min, -(2**53)), min(limits.max, 2**53))
    sure = _confidence(subject.predict(subject.frame(made, inputs)))
    is_invented = np.arange(doubt.size + sure.size) >= doubt.size
    ranking = auc_delong(is_invented, np.concatenate([doubt, 1.0 - sure]), level=ctx.level)
    return Measured(
        id="invented_ranking",
        value=ranking.value,
        interval=Interval(low=ranking.low, high=ranking.high, level=ctx.level, method="DeLong"),
        n=is_invented.size,
        plain=f"The model is less sure of an invented row than of a real one in {ranking.value:.0%} of pairs (50 % is "
        f"a coin); its probability for invented rows is {float(sure.mean()):.0%} on average.",
    )


def _confidence(asked: Predictions) -> NDArray[np.float64]:
    import numpy as np

    if asked.scores is None:
        raise NotRun("the model gives labels without probabilities", hint="give a model that returns scores")
    return np.asarray(asked.scores[np.arange(asked.labels.size), asked.labels.astype(np.int64)])


def _by_distance(
    distance: NDArray[np.float64],
    is_wrong: NDArray[np.bool_],
    doubt: NDArray[np.float64],
    order: NDArray[np.int64],
    level: float,
) -> pl.DataFrame:
    """Return error, with its interval, and mean doubt of each tenth of the rows by distance."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.stats.proportions import clopper_pearson

    lines: list[tuple[float, float, float, float, str]] = []
    for part in np.array_split(order, TENTHS):
        at = float(distance[part].mean())
        error = clopper_pearson(int(is_wrong[part].sum()), part.size, level=level)
        stated = float(doubt[part].mean())
        lines += [(at, *error, "wrong"), (at, stated, stated, stated, "stated doubt")]
    return pl.DataFrame(lines, schema=["distance", "share", "low", "high", "what"], orient="row")
