"""Are the outcomes in the tables right?

**What it answers.** Outcomes are entered by hand, by rules or by another system, and some are wrong. Wrong outcomes
among training rows cost accuracy; among test rows they make every figure of the audit wrong. This check estimates how
many there are, lists the rows to look at first, and measures what leaving them out of the training does.

**How.** Every row is judged by a model that was not trained on it: test rows by the model itself where it gives
probabilities, training rows by copies of it that are trained on the other parts of the table (a stand-in of boosted
trees where it cannot be trained again). Rows with equal inputs, or of one ``group``, stay in one part. An outcome that
contradicts a sure answer is not enough: the check fits how often each class is entered as each other one, and how much
the answers have to be sharpened or softened, and gets for each row the probability that its outcome is wrong (for
numbers: that it looks like another row's rather than like an error of the prediction). Rows are suspects from the
probability on at which precision and recall together are expected to be best, and of one half at least while the table
may hold no error at all. Wrong numbers can be so large that they spoil the copies: where there are any, the copies are
trained once more without the suspects, and all rows are judged again. (With classes that would confirm itself: whoever
is left out because of doubt makes the next model surer.)

**How to read it.** ``mislabelled_share_train`` of 0.03 (0.02 to 0.04) says that about 3 of 100 outcomes are wrong. The
interval speaks of the sampling of rows. ``gain_without_suspects`` is what a copy trained without the suspects gets
right more often, on the test table as it is.

- *Good:* 0.0002 (0 to 0.002) of the outcomes of 32,561 rows: no error was shown.
- *Bad:* 0.05 (0.045 to 0.055); rows of class *approved* are entered as *refused* three times as often as the reverse.
- *Misleading:* 0.00 on a table whose outcomes were all entered by one faulty rule: the model has learned the rule.

**When it misleads.** Models imitate errors that follow a pattern, and where the classes overlap a half of the errors
may go unnoticed: then the share is too low. Where a model is sure of itself and wrong, as one that was fitted too
closely to few rows, right outcomes look wrong: then it is too high (0.075 where 0.05 were planted, with boosted trees
on 3,000 rows of noisy outcomes). A suspect may be a rare but true case: look before you change anything.

**What to do about a bad one.** Have the listed rows checked, the most probable first, by somebody who does not see the
given outcome; correct them at the source. Leave out what cannot be settled. Do not replace outcomes by what the model
suggests: it would learn from itself.

References: Northcutt, Jiang and Chuang (2021), JAIR 70; Dawid and Skene (1979), Applied Statistics 28.
"""

from __future__ import annotations

from dataclasses import dataclass
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

    from holdfast.core.subject import Predictions, Table
    from holdfast.kernels.stats.interval import IntervalEstimate

    Numbers = NDArray[np.float64]

SPEC = {
    "title": "Wrong outcomes",
    "question": "Are the outcomes in the tables right?",
    "needs": ["test", "target"],
    "measures": [
        {
            "id": "mislabelled_share_train",
            "name": "Share of training rows whose outcome is wrong",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
        {
            "id": "mislabelled_share_test",
            "name": "Share of test rows whose outcome is wrong",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
        {
            "id": "n_suspects_train",
            "name": "Training rows whose outcome should be checked",
            "unit": "rows",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "n_suspects_test",
            "name": "Test rows whose outcome should be checked",
            "unit": "rows",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "gain_without_suspects",
            "name": "What the model gains when suspects are left out of its training",
            "unit": "share",
            "direction": "neither",
            "range": [-1, 1],
        },
    ],
    "reads": ["group"],
    "evidence_codes": ["LABEL"],
    "references": [
        "Northcutt, Jiang, Chuang (2021), Confident learning: estimating uncertainty in dataset labels, JAIR 70",
        "Dawid, Skene (1979), Maximum likelihood estimation of observer error-rates using the EM algorithm",
    ],
    "cost": "medium",
    "effort": {
        "quick": {"folds": 3, "rows": 10000},
        "default": {"folds": 5, "rows": 50000},
        "thorough": {"folds": 10, "rows": 1000000},
    },
}

FEWEST_ROWS, FEWEST_SUSPECTS = 50, 10
REMEDIATION = (
    "Have the suspects checked, the most probable first, by somebody who does not see the given outcome, and correct "
    "them at the source; leave out what cannot be settled. Do not replace outcomes by what the model suggests."
)
LEANS_ON_MODELS = (
    "The share leans on models: errors that follow a pattern are imitated and not found, and where a model is sure of "
    "itself and wrong, right outcomes look wrong."
)
CHART = Chart(
    id="given", title="Wrong outcomes among the rows of each class", kind="points", table="given", x="given", y="share",
    low="low", high="high", x_title="outcome as entered", y_title="share that is wrong", reference=0.0,
    caption="Each dot is an outcome as it stands in a table: the share of its rows that belong to another class, with "
    "its interval. Classes far to the right are entered carelessly.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Judged:
    """What is known of the outcomes of one table: positions of its rows, and for each how likely it is wrong."""

    rows: NDArray[np.int64]
    wrong: Numbers
    suggested: NDArray[np.generic]
    share: IntervalEstimate[float]
    given: tuple[IntervalEstimate[float], ...]
    cutoff: float

    @property
    def is_suspect(self) -> NDArray[np.bool_]:
        return self.wrong >= self.cutoff


def run(subject: Subject, ctx: Context) -> Outcome:
    """Judge the outcomes of both tables."""
    if not subject.features:
        raise NotApplicable("the table has no input columns to judge outcomes by", hint="give a table with inputs")
    if subject.task != "regression" and len(subject.classes) < 2:
        raise NotApplicable("there is one outcome only", hint="give tables with at least two outcomes")
    notes = [LEANS_ON_MODELS]
    judged: dict[str, _Judged] = {}
    for table in (subject.train, subject.test):
        if table is None:
            continue
        try:
            judged[table.name] = _judged(subject, ctx, table, notes)
        except NotRun as error:
            notes.append(f"The {table.name} table was not examined: {error.message}.")
    if not judged:
        raise NotRun(f"no table has {FEWEST_ROWS} rows with a known outcome", hint="give larger tables")
    measured = [each for name, found in judged.items() for each in _measured(ctx, subject, name, found)]
    gain = _gain(subject, ctx, judged["train"]) if "train" in judged else None
    given = _given(subject, judged)
    return Outcome(
        measurements=tuple([*measured, gain] if gain is not None else measured),
        tables={"suspects": _suspects(subject, judged), "given": given, "affected_rows": _affected(subject, judged)},
        charts=(CHART,) if given.height else (),
        remediation=REMEDIATION,
        assumptions=tuple(notes),
        work={"rows": sum(found.rows.size for found in judged.values())},
    )


def _judged(subject: Subject, ctx: Context, table: Table, notes: list[str]) -> _Judged:
    """Estimate which outcomes of a table are wrong; copies that learned from wrong numbers are trained again."""
    import numpy as np

    y = subject.y(table)
    known = np.flatnonzero(np.isfinite(y) if subject.task == "regression" else y >= 0)
    rows = np.sort(ctx.rng.permutation(known)[: ctx.effort.get("rows", 50_000)])
    if rows.size < FEWEST_ROWS:
        raise NotRun(f"{rows.size} rows have a known outcome, fewer than {FEWEST_ROWS}", hint="give a larger table")
    own = _scores(subject, subject.predictions) if table.name == "test" and subject.info is not None else None
    if own is not None:
        return _judged_by(subject, ctx, rows, y[rows], own[rows])
    is_own = _can_be_copied(subject)
    kind = "copies of the model" if is_own else "stand-ins of boosted trees"
    notes.append(f"Rows of the {table.name} table are judged by {kind} that were trained on other parts of the table.")
    fold = _folds(subject, ctx, table, rows)
    everyone = np.ones(rows.size, dtype=np.bool_)
    found = _judged_by(
        subject, ctx, rows, y[rows], _out_of_fold(subject, ctx, table, rows, fold, everyone, is_own=is_own)
    )
    if subject.task != "regression" or found.share.low == 0 or found.is_suspect.sum() < FEWEST_SUSPECTS:
        return found
    kept = ~found.is_suspect
    return _judged_by(subject, ctx, rows, y[rows], _out_of_fold(subject, ctx, table, rows, fold, kept, is_own=is_own))


def _judged_by(
    subject: Subject, ctx: Context, rows: NDArray[np.int64], y: NDArray[np.int64] | Numbers, answers: Numbers
) -> _Judged:
    """Judge outcomes by answers: scores for each class, or one value."""
    from holdfast.kernels.data.label_noise import label_noise
    from holdfast.kernels.data.value_noise import value_noise

    if subject.task == "regression":
        values = value_noise(answers[:, 0], y, rng=ctx.rng, level=ctx.level)
        return _Judged(rows, values.wrong, answers[:, 0], values.share, (), _cutoff(values.wrong, values.share))
    found = label_noise(answers, y, rng=ctx.rng, level=ctx.level)
    cutoff = _cutoff(found.wrong, found.share)
    return _Judged(rows, found.wrong, found.suggested, found.share, found.share_given, cutoff)


def _cutoff(wrong: Numbers, share: IntervalEstimate[float]) -> float:
    """Return from which probability on rows are suspects: one half at least while there may be no errors at all."""
    from holdfast.kernels.data.label_noise import suspect_cutoff

    best = suspect_cutoff(wrong)
    return best if share.low > 0 else max(best, 0.5)


def _can_be_copied(subject: Subject) -> bool:
    answers = "values" if subject.task == "regression" else "scores"
    return subject.info is not None and {"refit", answers} <= subject.info.capabilities


def _out_of_fold(
    subject: Subject,
    ctx: Context,
    table: Table,
    rows: NDArray[np.int64],
    fold: NDArray[np.int64],
    is_taught: NDArray[np.bool_],
    *,
    is_own: bool,
) -> Numbers:
    """Train on all parts but one, as far as rows may be learned from, and ask about that one; each is durable."""
    import numpy as np

    X, y = table.frame.select(subject.features)[rows], subject.y(table)[rows]
    answers = np.zeros((rows.size, max(1, len(subject.classes))))
    parts = np.unique(fold)
    for number in ctx.track(parts.tolist(), parts.size):
        here = fold == number
        taught = ~here & is_taught
        name = f"{table.name}-{number}-of-{parts.size}-{int(taught.sum())}"
        kept = ctx.store.get(name)
        if kept is None:
            with subject.retrained(X.filter(taught), y[taught], seed=_seed(ctx, number), stand_in=not is_own) as copy:
                asked = _scores(subject, copy.predict(X.filter(here)))
            if asked is None:
                raise NotRun("a copy of the model gives no probabilities", hint="give a model with predict_proba")
            kept = np.ascontiguousarray(asked, dtype=np.float64).tobytes()
            ctx.store.put(name, kept)
        answers[here] = np.frombuffer(kept).reshape(-1, answers.shape[1])
    return answers


def _folds(subject: Subject, ctx: Context, table: Table, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Deal rows out to parts; those with equal inputs, or of one group, go together."""
    import numpy as np

    group = subject.deployment.group
    columns = [group] if group is not None and group in table.frame.columns else list(subject.features)
    digests = table.frame.select(columns)[rows].hash_rows(seed=0).to_numpy()
    _, place = np.unique(digests, return_inverse=True)
    part = ctx.rng.permutation(int(place.max()) + 1) % ctx.effort.get("folds", 5)
    return np.asarray(part[place], dtype=np.int64)


def _seed(ctx: Context, number: int) -> int:
    return (ctx.seed + number) % 2**31


def _scores(subject: Subject, asked: Predictions) -> Numbers | None:
    """Return probabilities that sum to one, or values in one column; ``None`` where there are none."""
    import numpy as np

    if subject.task == "regression":
        return np.asarray(asked.labels, dtype=np.float64)[:, None]
    if asked.scores is None or not np.isfinite(asked.scores).all() or (asked.scores < 0).any():
        return None
    total = asked.scores.sum(axis=1, keepdims=True)
    return np.where(total > 0, asked.scores / np.where(total > 0, total, 1.0), 1.0 / asked.scores.shape[1])


def _measured(ctx: Context, subject: Subject, name: str, found: _Judged) -> list[Measured]:
    """Measure how many outcomes are wrong, and how many rows to look at."""
    from holdfast.kernels.performance.frequencies import frequency

    cases, count = frequency(*found.share)
    n_suspects = int(found.is_suspect.sum())
    expected = float(found.wrong[found.is_suspect].mean()) if n_suspects else 0.0
    interval = Interval(
        low=found.share.low, high=found.share.high, level=ctx.level, method="delete-a-group jackknife, 20 groups"
    )
    return [
        Measured(
            id=f"mislabelled_share_{name}",
            value=found.share.value,
            interval=interval,
            n=found.rows.size,
            plain=f"Of {cases} outcomes in the {name} table, about {count} are wrong.",
        ),
        Measured(
            id=f"n_suspects_{name}",
            value=float(n_suspects),
            no_interval_reason="a count of rows to look at; the share of wrong outcomes has an interval",
            n=found.rows.size,
            plain=f"{n_suspects:,} rows of the {name} table should be looked at"
            + (f"; about {expected:.0%} of them are wrong." if n_suspects else "."),
        ),
    ]


def _gain(subject: Subject, ctx: Context, found: _Judged) -> Measured | None:
    """Train with and without the suspects, and compare on the test table as it is."""
    import numpy as np

    from holdfast.kernels.stats.paired import paired_mean_difference, paired_proportion_difference

    assert subject.train is not None
    assert subject.test is not None
    if found.is_suspect.sum() < FEWEST_SUSPECTS or subject.info is None or "refit" not in subject.info.capabilities:
        return None
    X, y = subject.train.frame.select(subject.features)[found.rows], subject.y(subject.train)[found.rows]
    kept = ~found.is_suspect
    truth, answers = subject.y(subject.test), []
    for chosen in (kept, np.ones(kept.size, dtype=np.bool_)):
        with subject.retrained(X.filter(chosen), y[chosen], seed=_seed(ctx, 0)) as copy:
            answers.append(copy.predict(subject.test.frame.select(subject.features)).labels)
    if subject.task == "regression":
        known = np.isfinite(truth)
        errors = [np.abs(labels - truth)[known] for labels in answers]
        usual = max(float(errors[1].mean()), 1e-300)
        gain = paired_mean_difference(errors[1] / usual, errors[0] / usual, level=ctx.level)
        what, method = "of the mean error", "Student t of paired differences"
    else:
        known = truth >= 0
        right = [(labels == truth)[known] for labels in answers]
        only = [int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())]
        gain = paired_proportion_difference(only[1], only[0], int(known.sum()), level=ctx.level)
        what, method = "of the test rows", "score interval of paired proportions"
    interval = Interval(low=gain.low, high=gain.high, level=ctx.level, method=method)
    return Measured(
        id="gain_without_suspects",
        value=gain.value,
        interval=interval,
        n=int(known.sum()),
        plain=f"Trained without the {int(found.is_suspect.sum()):,} suspects, the model gains {gain.value:+.2%} {what} "
        f"({gain.low:+.2%} to {gain.high:+.2%}).",
    )


def _given(subject: Subject, judged: dict[str, _Judged]) -> pl.DataFrame:
    """Lay out the share of wrong outcomes for each given class."""
    import polars as pl

    rows = [
        (f"{label} ({name})" if len(judged) > 1 else str(label), *share)
        for name, found in judged.items()
        for label, share in zip(subject.classes, found.given, strict=False)
    ]
    schema = {"given": pl.String, "share": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _suspects(subject: Subject, judged: dict[str, _Judged]) -> pl.DataFrame:
    """List every row with the probability that its outcome is wrong, the most probable first."""
    import polars as pl

    parts = []
    for name, found in judged.items():
        table = subject.train if name == "train" else subject.test
        assert table is not None
        y = subject.y(table)[found.rows]
        is_value = subject.task == "regression"
        parts.append(
            pl.DataFrame(
                {
                    "table": [name] * found.rows.size,
                    "row": found.rows,
                    "given": [f"{v:g}" if is_value else str(subject.classes[int(v)]) for v in y],
                    "suggested": [f"{v:g}" if is_value else str(subject.classes[int(v)]) for v in found.suggested],
                    "score": found.wrong,
                    "suspect": found.is_suspect,
                }
            )
        )
    return pl.concat(parts).sort("score", descending=True, maintain_order=True)


def _affected(subject: Subject, judged: dict[str, _Judged]) -> pl.DataFrame:
    """Name the suspects with what is given and what is suggested."""
    import polars as pl

    listed = _suspects(subject, judged).filter("suspect")
    score = pl.col("score").mul(100).round(0).cast(pl.Int64)
    reason = pl.format("given {}, rather {}: wrong with {} %", "given", "suggested", score)
    return listed.select("table", "row", reason.alias("reason"))
