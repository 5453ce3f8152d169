"""Does training again give the same model, and if not, how much do its answers differ?

**What it answers.** A model that nobody can train again cannot be mended, cannot have a person's rows taken out, and
cannot be shown to come from the data that it is said to come from. This check trains it again and compares.

**How.** With ``--allow-code``, and a manifest that ``holdfast run`` wrote, the recorded command runs once more in a
copy of its folder, if inputs and code are still what they were; what it writes is scanned and opened like any model.
Otherwise a model that can be fitted from here (scikit-learn, LightGBM, XGBoost objects and files) is fitted anew on
the training table with its own settings and the recorded seed, or one derived from the data. The copy answers the
same test rows.

**How to read it.** ``same_digest`` is 1 when the command wrote the very bytes. ``changed_share`` is the share of test
rows that get another answer, with its interval: also 200 equal answers leave room for a share of 2 %.
``difference_p99`` says how far the scores of 99 in 100 rows are apart at most (of a regression, in standard
deviations of its values).

- *Good:* the same bytes; or no row of 16,000 changes, so fewer than 3 in 10,000 would.
- *Bad:* one row in twelve changes its answer. Another seed would have refused other people; see the evidence table.
- *Misleading:* the answers differ because the copy had another seed than the model. That is worth knowing too: it is
  how much of an answer was the luck of the draw. Record the seed to tell the two apart.

**When it misleads.** Fitting from here takes the training table as given: what the original script did to it first is
not repeated, so a model behind such steps differs for that reason. One copy is trained: the intervals are about other
rows, not about further copies. Equal answers on test rows do not prove equal answers everywhere. The command that
runs again is not confined, and sees the machine as it is today.

**What to do about a bad one.** Fix the seeds and the threads, lock the packages, record the run with ``holdfast
run``. Where answers still change from run to run, average several models, or treat answers near the boundary as
uncertain.

References: Pineau et al. (2021), Improving reproducibility in machine learning research, JMLR 22; Marx, Calmon, Ustun
(2020), Predictive multiplicity in classification, ICML (how many answers depend on the choice among equal models).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotRun
from holdfast.core.measurement import Interval
from holdfast.core.subject import Predictions, Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Reproducibility",
    "question": "Does training again give the same model, and if not, how much do its answers differ?",
    "needs": ["test", "target", "predictions", "query"],
    "takes": ["provenance"],
    "measures": [
        {"id": "same_digest", "name": "Whether training again wrote the same bytes", "unit": "1 is yes",
         "direction": "higher_is_better", "range": [0, 1]},
        {"id": "changed_share", "name": "Test rows that get another answer from a copy trained again", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "difference_p99", "name": "Difference of scores, or of values in standard deviations, 99th percentile",
         "unit": "", "direction": "lower_is_better", "range": [0, None]},
    ],
    "evidence_codes": ["REPRO"],
    "references": [
        "Pineau et al. (2021), Improving reproducibility in machine learning research, JMLR 22",
        "Marx, Calmon, Ustun (2020), Predictive multiplicity in classification, ICML",
    ],
    "cost": "medium",
}  # fmt: skip

FAR = 0.99
SAME_VALUE = 1e-6  # of the standard deviation of the values: what rounding does
LARGEST_SEED = 2**32 - 1
REMEDIATION = (
    "Fix seeds and threads, lock the packages and record the run with `holdfast run`. If answers still change, average "
    "several models, or treat answers near the boundary as uncertain."
)


def run(subject: Subject, ctx: Context, *, longest_s: float = 3600.0) -> Outcome:
    """Train again, by the recorded command where that is allowed and by fitting otherwise, and compare the answers.

    Parameters
    ----------
    longest_s
        Seconds that the recorded command may take.
    """
    assert subject.test is not None
    inputs = subject.test.frame.select(subject.features)
    origin = subject.provenance
    if origin is not None and origin.allow_code:
        with subject.trained_by_command(timeout_s=max(1.0, min(longest_s, ctx.time_left()))) as (copy, digest):
            same = digest == origin.model if origin.model is not None else None
            return _outcome(subject, ctx, copy.predict(inputs), same, how="The recorded command was run again.")
    if subject.info is None or "refit" not in subject.info.capabilities or subject.train is None:
        raise NotRun(
            "the model cannot be trained again from here",
            hint="run `holdfast audit --allow-code` on a model that `holdfast run` recorded, or give an estimator "
            "that can be fitted, with --train",
        )
    seeds = origin.manifest.seeds if origin is not None else ()
    seed = seeds[0] % LARGEST_SEED if seeds else ctx.seed % LARGEST_SEED
    told = "the seed of its manifest" if seeds else "a seed of this audit, because none was recorded"
    with subject.retrained(subject.train.frame.select(subject.features), subject.y(subject.train), seed=seed) as copy:
        return _outcome(
            subject, ctx, copy.predict(inputs), None, how=f"A copy was fitted on the training table with {told}."
        )


def _outcome(subject: Subject, ctx: Context, again: Predictions, same: bool | None, *, how: str) -> Outcome:
    from holdfast.kernels.stats.mean import quantile_interval
    from holdfast.kernels.stats.proportions import clopper_pearson

    first = subject.predictions
    distance, is_other, scale = _compared(first, again, is_regression=subject.task == "regression")
    n = int(is_other.size)
    share = clopper_pearson(int(is_other.sum()), n, level=ctx.level)
    found = [
        Measured(
            id="changed_share", value=share.value, n=n, plain=_in_words(share, n),
            interval=Interval(low=share.low, high=share.high, level=ctx.level, method="Clopper-Pearson"),
        )
    ]  # fmt: skip
    if distance is not None:
        far = quantile_interval(distance, FAR, level=ctx.level)
        ends = [end if math.isfinite(end) else None for end in (far.low, far.high)]
        found.append(
            Measured(
                id="difference_p99", value=far.value, n=n,
                interval=Interval(low=ends[0], high=ends[1], level=ctx.level, method="order statistics"),
                plain=f"Of 99 in 100 rows, the answers differ by at most {far.value:.3g} {scale}.",
            )
        )  # fmt: skip
    if same is not None:
        words = "the same bytes" if same else "other bytes"
        found.insert(
            0,
            Measured(
                id="same_digest", value=float(same), no_interval_reason="two digests were compared", exact=True,
                plain=f"Training again wrote {words}.",
            ),
        )  # fmt: skip
    return Outcome(
        measurements=tuple(found),
        tables={"affected_rows": _rows(is_other, distance)},
        remediation=REMEDIATION,
        assumptions=(how, "Rows that answer alike on the test table may differ elsewhere."),
        work={"models": 1},
    )


def _in_words(share: IntervalEstimate, n: int) -> str:
    from holdfast.kernels.performance.frequencies import frequency

    if share.value == 0:
        cases, at_most = frequency(share.high)
        return f"None of {n:,} rows gets another answer from a copy trained again; of {cases}, at most {at_most} would."
    cases, told = frequency(share.value, share.low, share.high)
    return f"Of {cases} rows, {told} get another answer from a copy trained again."


def _compared(
    first: Predictions, again: Predictions, *, is_regression: bool
) -> tuple[NDArray[np.float64] | None, NDArray[np.bool_], str]:
    """Return how far the answers to each row are apart, whether they are others, and in which unit that is said."""
    import numpy as np

    if is_regression:
        spread = float(np.std(first.labels)) or 1.0
        distance = np.abs(again.labels - first.labels) / spread
        return distance, distance > SAME_VALUE, "standard deviations"
    is_other = np.asarray(first.labels != again.labels)
    if first.scores is None or again.scores is None:
        return None, is_other, ""
    return np.abs(again.scores - first.scores).max(axis=1), is_other, "in score"


def _rows(is_other: NDArray[np.bool_], distance: NDArray[np.float64] | None) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    rows = np.flatnonzero(is_other)
    far = distance[rows] if distance is not None else np.full(rows.size, np.nan)
    return pl.DataFrame(
        {"row": rows, "difference": far}, schema={"row": pl.Int64, "difference": pl.Float64}
    ).select(
        pl.lit("test").alias("table"), "row", pl.lit("another answer from a copy trained again").alias("reason"),
        pl.col("difference").fill_nan(None),
    )  # fmt: skip
