"""How much worse does the model get when its inputs are entered carelessly?

**What it answers.** Real inputs are not clean: cells are left empty, sensors are noisy, a length arrives in
millimetres, the wrong line of a menu is clicked, words are misspelt. This check does such damage on purpose, in five
strengths, and measures how many answers get worse.

**How.** A random part of the test rows is damaged and asked again, one batch for each kind and severity. The damage
is nested: what is damaged at severity 1 is damaged at severity 5 too. At severities 1 to 5:

- ``missing``: 1, 2, 5, 10, 20 % of all cells are empty;
- ``noise``: all numbers get Gaussian noise of 0.05, 0.1, 0.2, 0.5, 1 robust standard deviations (interquartile range
  over 1.349), within the range seen in training and whole where they were whole; columns with one value in the middle
  half stay;
- ``units``: in 1, 2, 5, 10, 20 % of the rows one number is off by a factor of 1000, 10, 1/10 or 1/1000;
- ``categories``: 1, 2, 5, 10, 20 % of the category cells hold another level of their column;
- ``typos``: 1, 2, 5, 10, 20 % of the text cells hold one typing mistake.

``worst_drop.<kind>`` is the drop of accuracy at severity 5, a severity fixed beforehand: the largest of several
measured drops would be too large by chance. ``mean_drop`` is the drop at severity 3 averaged over the kinds. Both
compare the same rows before and after. Each interval holds by itself, not all at once. For regression they are the
relative rise of the mean absolute error: 0.1 means a tenth more error.

**How to read it.** Near 0 is good. The curve matters as much as its end: a steep start means that little damage
suffices.

- *Good:* ``worst_drop.missing`` 0.03 (0.02 to 0.04): a fifth of all cells empty, and 3 more answers in 100 are wrong.
- *Bad:* ``worst_drop.units`` 0.09 (0.08 to 0.11) with a fifth of the rows affected: nearly half of the rows with a
  unit error get a wrong answer, and nothing stops them.
- *Misleading:* a drop of 0 for every kind: the model may ignore its inputs. Look at ``performance.predictive``.

**When it misleads.** The damage is random and independent; real damage comes in patterns (a whole feed in the wrong
unit). Nobody aims at the model here: see ``robustness.evasion`` for that. A model that refuses damaged rows is not
wrong but silent: the refusal is counted in ``n_rejected`` and the kind has no drop.

**What to do about a bad one.** Check inputs before the model (ranges, units, known levels), train on damaged copies,
prefer models that treat missing cells as such, and let the model abstain on rows it does not recognise.

References: Hendrycks and Dietterich (2019), ICLR; Damerau (1964), Communications of the ACM 7, 171-176.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import InputError, ModelError, NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Corrupted inputs",
    "question": "How much worse does the model get when its inputs are entered carelessly?",
    "needs": ["test", "target", "query"],
    "measures": [
        {
            "id": "worst_drop.*",
            "name": "Drop of accuracy at the highest severity (regression: relative rise of the mean absolute error)",
            "unit": "share",
            "direction": "lower_is_better",
        },
        {
            "id": "mean_drop",
            "name": "Drop at medium severity, averaged over the kinds of damage",
            "unit": "share",
            "direction": "lower_is_better",
        },
        {
            "id": "n_rejected",
            "name": "Kinds of damage that the model refuses to answer",
            "unit": "kinds",
            "direction": "neither",
            "range": [0, 5],
        },
    ],
    "reads": ["text"],
    "evidence_codes": ["CORR"],
    "references": [
        "Hendrycks, Dietterich (2019), Benchmarking neural network robustness to common corruptions, ICLR",
        "Damerau (1964), A technique for computer detection and correction of spelling errors, CACM 7",
    ],
    "cost": "medium",
    "effort": {"quick": {"points": 500}, "default": {"points": 3000}, "thorough": {"points": 20000}},
}

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2)
NOISE = (0.05, 0.1, 0.2, 0.5, 1.0)
WORST, MEDIUM = 5, 3
LARGEST_WHOLE = 2.0**62
DAMAGE = {
    "missing": "a fifth of all cells are empty",
    "noise": "all numbers are noisy by one standard deviation",
    "units": "a fifth of the rows hold a number off by a factor of 10 or 1000",
    "categories": "a fifth of the category cells hold another level",
    "typos": "a fifth of the text cells are misspelt",
}
REMEDIATION = (
    "Check inputs before they reach the model (ranges, units, known levels), train on damaged copies of the rows, and "
    "let the model abstain on rows it does not recognise. Start with the kind whose curve is steepest."
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What became of one kind of damage at one severity: errors per row, or why the model refused."""

    kind: str
    severity: int
    amount: float
    errors: NDArray[np.float64] | None
    refusal: str = ""


@dataclass
class _Damage:
    """Rows and the random draws that damage them, the same at every severity so that damage is nested."""

    frame: pl.DataFrame
    reference: pl.DataFrame
    text: tuple[str, ...]
    rng: np.random.Generator

    def __post_init__(self) -> None:
        import polars as pl

        schema = self.frame.schema
        self.numbers = [name for name, dtype in schema.items() if dtype.is_numeric()]
        self.words = [name for name, dtype in schema.items() if dtype == pl.String]
        self.categories = [
            name for name, dtype in schema.items() if dtype in (pl.String, pl.Boolean) and name not in self.text
        ]
        height, numbers = self.frame.height, max(len(self.numbers), 1)
        self.cells = self.rng.random((height, len(schema)))
        self.z = self.rng.normal(size=(height, numbers))
        self.rows, self.column = self.rng.random(height), self.rng.integers(0, numbers, height)
        self.factor = self.rng.integers(0, 4, height)
        self.steps = self.rng.random((height, len(schema)))
        self.mistyped = {name: self._mistyped(self.frame[name]) for name in self.words}

    def kinds(self) -> list[str]:
        """The kinds of damage these columns can suffer."""
        able = {"noise": self.numbers, "units": self.numbers, "categories": self.categories, "typos": self.words}
        return [kind for kind in DAMAGE if able.get(kind, self.frame.columns)]

    def at(self, kind: str, severity: int) -> tuple[float, pl.DataFrame]:
        """Return the amount of damage and the damaged rows."""
        amount = (NOISE if kind == "noise" else SHARES)[severity - 1]
        damage = {
            "missing": self._missing,
            "noise": self._noise,
            "units": self._units,
            "categories": self._categories,
            "typos": self._typos,
        }[kind]
        return amount, self.frame.with_columns(damage(amount))

    def _hit(self, name: str, share: float) -> pl.Series:
        import polars as pl

        return pl.Series(self.cells[:, self.frame.columns.index(name)] < share)

    def _missing(self, share: float) -> list[pl.Series]:
        return [column.set(self._hit(column.name, share), None) for column in self.frame.iter_columns()]

    def _noise(self, factor: float) -> list[pl.Series]:
        from holdfast.kernels.robustness.corruptions import add_noise, robust_scale

        noisy = []
        for j, name in enumerate(self.numbers):
            column, seen = self.frame[name], _floats(self.reference[name])
            finite = seen[abs(seen) < float("inf")]
            if finite.size:
                low, high, scale = finite.min(), finite.max(), factor * robust_scale(finite)
                whole = column.dtype.is_integer()
                moved = add_noise(_floats(column), self.z[:, j], scale=scale, low=low, high=high, whole=whole)
                noisy.append(_like(column, moved))
        return noisy

    def _units(self, share: float) -> list[pl.Series]:
        import numpy as np

        from holdfast.kernels.robustness.corruptions import UNIT_FACTORS, slip_units

        slipped = []
        for j, name in enumerate(self.numbers):
            column = self.frame[name]
            hit = (self.rows < share) & (self.column == j)
            factors = np.where(hit, np.asarray(UNIT_FACTORS)[self.factor], 1.0)
            slipped.append(_like(column, slip_units(_floats(column), factors, whole=column.dtype.is_integer())))
        return slipped

    def _categories(self, share: float) -> list[pl.Series]:
        import polars as pl

        from holdfast.kernels.robustness.corruptions import swap_levels

        swapped = []
        for name in self.categories:
            column = self.frame[name]
            levels = pl.concat([self.reference[name], column]).drop_nulls().unique().sort()
            if levels.is_empty():
                continue
            codes = column.replace_strict(levels, pl.int_range(len(levels), eager=True), return_dtype=pl.Int64)
            moved = swap_levels(
                codes.fill_null(-1).to_numpy(), self.steps[:, self.frame.columns.index(name)], n_levels=len(levels)
            )
            others = levels.gather(pl.Series(moved).replace(-1, None))
            swapped.append(column.zip_with(~self._hit(name, share), others.alias(name)))
        return swapped

    def _typos(self, share: float) -> list[pl.Series]:
        return [self.frame[name].zip_with(~self._hit(name, share), self.mistyped[name]) for name in self.words]

    def _mistyped(self, column: pl.Series) -> pl.Series:
        import polars as pl

        from holdfast.kernels.robustness.corruptions import misspell

        words = pl.Series(column.name, misspell(column.fill_null("").to_list(), self.rng), dtype=pl.String)
        return words.zip_with(column.is_not_null(), column)


def run(subject: Subject, ctx: Context) -> Outcome:
    """Damage test rows in several ways and strengths and measure how much worse the answers get."""
    import numpy as np

    if subject.test is None:
        raise NotRun("there is no test table", hint="give --test")
    if not subject.features:
        raise NotApplicable("the table has no input columns to damage", hint="give a table with inputs")
    points = ctx.effort.get("points", subject.test.frame.height)
    rows = np.sort(ctx.rng.permutation(subject.test.frame.height)[:points])
    clean = subject.test.frame.select(subject.features)[rows]
    y = subject.y(subject.test)[rows]
    base = _errors(subject, subject.predictions.labels[rows], y)
    reference = (subject.train or subject.test).frame.select(subject.features)
    damage = _Damage(clean, reference, tuple(subject.deployment.text), ctx.rng)
    cases = [(kind, severity) for kind in damage.kinds() for severity in range(1, WORST + 1)]
    answers = [_ask(subject, damage, y, kind, severity) for kind, severity in ctx.track(cases, len(cases))]
    curve, measured = _severities(subject, ctx.level, base, answers)
    refusals = {answer.kind: answer.refusal for answer in answers if answer.refusal}
    return Outcome(
        measurements=(*measured, *_summary(subject, ctx.level, base, answers)),
        tables={
            "severities": curve,
            "answers": _answer_table(rows, base, answers),
            "affected_rows": _affected(subject, rows, base, answers),
        },
        charts=(_chart(subject),),
        remediation=REMEDIATION,
        assumptions=_notes(subject, rows.size, refusals, {kind for kind in DAMAGE if kind not in damage.kinds()}),
        work={"points": rows.size, "queries": rows.size * len(cases)},
    )


def _ask(
    subject: Subject, damage: _Damage, y: NDArray[np.int64] | NDArray[np.float64], kind: str, severity: int
) -> _Answer:
    """Ask about damaged rows; a refusal is an answer too."""
    amount, frame = damage.at(kind, severity)
    try:
        labels = subject.predict(frame).labels
    # A model in its own process refuses with an error of ours; an estimator in this one with its library's.
    except (ModelError, InputError, ValueError, TypeError) as error:
        return _Answer(kind, severity, amount, None, str(error).splitlines()[0])
    return _Answer(kind, severity, amount, _errors(subject, labels, y))


def _errors(
    subject: Subject,
    labels: NDArray[np.int64] | NDArray[np.float64],
    y: NDArray[np.int64] | NDArray[np.float64],
) -> NDArray[np.float64]:
    """Error per row: 1 for a wrong class, or the absolute error."""
    import numpy as np

    if subject.task == "regression":
        return np.asarray(np.abs(labels - y), dtype=np.float64)
    return np.asarray(labels != y, dtype=np.float64)


def _drop(
    subject: Subject, level: float, base: NDArray[np.float64], now: NDArray[np.float64]
) -> tuple[IntervalEstimate[float], str]:
    """How much worse the same rows are answered, and by which method that is known."""
    from holdfast.kernels.robustness.corruptions import relative_rise
    from holdfast.kernels.stats.paired import paired_mean_difference, paired_proportion_difference

    if subject.task == "regression":
        return relative_rise(base, now, level=level), "delta method, paired"
    if set(now) <= {0.0, 1.0}:
        worse, better = int((now > base).sum()), int((now < base).sum())
        return paired_proportion_difference(better, worse, base.size, level=level), "Tango, paired"
    return paired_mean_difference(now, base, level=level), "Student t, paired"


def _severities(
    subject: Subject, level: float, base: NDArray[np.float64], answers: list[_Answer]
) -> tuple[pl.DataFrame, list[Measured]]:
    """The drop of each kind at each severity; the last one is measured."""
    import polars as pl

    lines: list[tuple[object, ...]] = []
    measured: list[Measured] = []
    for answer in answers:
        head = (answer.kind, answer.severity, answer.amount, base.size, float(base.mean()))
        if answer.errors is None:
            lines.append((*head, None, None, None, None, answer.refusal))
            continue
        estimate, method = _drop(subject, level, base, answer.errors)
        ends = [end if abs(end) < float("inf") else None for end in estimate]
        is_known = estimate.value == estimate.value
        lines.append((*head, float(answer.errors.mean()), *(ends if is_known else [None] * 3), None))
        if answer.severity == WORST and is_known:
            measured.append(_measure(f"worst_drop.{answer.kind}", estimate, method, level, base.size, subject))
    names = ["kind", "severity", "amount", "rows", "error_clean", "error", "drop", "low", "high", "refusal"]
    types = [pl.String, pl.Int64, pl.Float64, pl.Int64, *[pl.Float64] * 5, pl.String]
    return pl.DataFrame(lines, schema=dict(zip(names, types, strict=True)), orient="row"), measured


def _summary(subject: Subject, level: float, base: NDArray[np.float64], answers: list[_Answer]) -> list[Measured]:
    """The drop averaged over the kinds, and the number of refused kinds."""
    import numpy as np

    kinds = {answer.kind for answer in answers}
    refused = {answer.kind for answer in answers if answer.errors is None}
    rejected = Measured(
        id="n_rejected",
        value=float(len(refused)),
        no_interval_reason="a complete count of the kinds tried, not an estimate",
        exact=True,
        n=len(kinds),
        plain=f"The model refuses to answer rows with {len(refused)} of {len(kinds)} kinds of damage"
        + (f": {', '.join(sorted(refused))}." if refused else "."),
    )
    medium = [a.errors for a in answers if a.severity == MEDIUM and a.errors is not None]
    if not medium:
        return [rejected]
    estimate, method = _drop(subject, level, base, np.mean(medium, axis=0))
    if estimate.value != estimate.value:
        return [rejected]
    return [_measure("mean_drop", estimate, method, level, base.size, subject), rejected]


def _measure(
    id: str, estimate: IntervalEstimate[float], method: str, level: float, n: int, subject: Subject
) -> Measured:
    low, high = (end if abs(end) < float("inf") else None for end in estimate[1:])
    interval = Interval(low=low, high=high, level=level, method=method)
    when = DAMAGE.get(id.removeprefix("worst_drop."), "inputs are damaged to a medium degree")
    return Measured(
        id=id, value=estimate.value, interval=interval, n=n, plain=f"When {when}, {_worse(subject, estimate)}."
    )


def _worse(subject: Subject, estimate: IntervalEstimate[float]) -> str:
    from holdfast.kernels.performance.frequencies import frequency

    if subject.task == "regression":
        value, low, high = (f"{100 * end:.0f}" for end in estimate)
        return f"the average error grows by {value} % ({low} to {high})"
    if estimate.value < 0:
        cases, count = frequency(-estimate.value, -estimate.high, -estimate.low)
        return f"about {count} of {cases} answers fewer are wrong"
    cases, count = frequency(*estimate)
    return f"about {count} of {cases} answers more are wrong"


def _answer_table(rows: NDArray[np.int64], base: NDArray[np.float64], answers: list[_Answer]) -> pl.DataFrame:
    """Error of each row, clean and damaged: the numbers behind the curve."""
    import polars as pl

    damaged = {f"{a.kind}_{a.severity}": a.errors for a in answers if a.errors is not None}
    return pl.DataFrame({"row": rows, "clean": base, **damaged})


def _affected(
    subject: Subject, rows: NDArray[np.int64], base: NDArray[np.float64], answers: list[_Answer]
) -> pl.DataFrame:
    """Rows answered rightly that the lightest damage turns wrong."""
    import polars as pl

    parts = [pl.DataFrame(schema={"table": pl.String, "row": pl.Int64, "reason": pl.String})]
    for answer in answers:
        if subject.task != "regression" and answer.severity == 1 and answer.errors is not None:
            hit = pl.DataFrame({"row": rows[(base == 0) & (answer.errors == 1)]})
            reason = pl.lit(f"wrong under the lightest damage of kind {answer.kind}").alias("reason")
            parts.append(hit.select(pl.lit("test").alias("table"), pl.col("row").cast(pl.Int64), reason))
    return pl.concat(parts)


def _notes(subject: Subject, points: int, refusals: dict[str, str], absent: set[str]) -> tuple[str, ...]:
    notes = [f"{points:,} random test rows were damaged; cells are damaged independently of each other."]
    if subject.train is None:
        notes.append("Ranges, spreads and levels come from the test table, because no training table was given.")
    notes += [f"The model refuses rows with damage of kind {kind}: {why}" for kind, why in sorted(refusals.items())]
    if absent:
        notes.append(f"No column can suffer: {', '.join(sorted(absent))}.")
    if subject.task != "regression":
        return tuple(notes)
    return (*notes, "Drops are relative rises of the mean absolute error; they need an error above 0 on clean rows.")


def _chart(subject: Subject) -> Chart:
    is_value = subject.task == "regression"
    return Chart(
        id="severities",
        title="How much worse the answers get with the severity of the damage",
        caption="Lines that rise early belong to damage of which little suffices.",
        kind="line",
        table="severities",
        x="severity",
        y="drop",
        low="low",
        high="high",
        series="kind",
        x_title="severity (1 to 5)",
        y_title="relative rise of the mean absolute error" if is_value else "drop of accuracy",
        reference=0.0,
    )


def _floats(column: pl.Series) -> NDArray[np.float64]:
    """Values with NaN for missing cells."""
    import polars as pl

    return column.cast(pl.Float64).to_numpy()


def _like(column: pl.Series, values: NDArray[np.float64]) -> pl.Series:
    """Values as a column of the same name and type, cut to what whole numbers can hold."""
    import polars as pl

    floats = pl.Series(column.name, values).fill_nan(None)
    if column.dtype.is_integer():
        floats = floats.clip(-LARGEST_WHOLE, LARGEST_WHOLE)
    return floats.cast(column.dtype)
