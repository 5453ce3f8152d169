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

Where the rows are images (``modality: image``) they are damaged as images are: three kinds of noise, three of blur,
contrast, brightness, compression, pixelation, rotation, translation and zoom, in the strengths of CIFAR-10-C, above 64
pixels of ImageNet-C. ``corruption_error`` is the share of wrong answers over all of them, and
``relative_corruption_error`` what remains when each kind is divided by the error of a plain model on the same images
(the nearest class mean of the training table), so that kinds which nobody can read count less: 1 is no better.

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
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import InputError, MissingExtra, ModelError, NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.robustness.pixels import Layout
    from holdfast.kernels.stats.interval import IntervalEstimate

SPEC = {
    "title": "Corrupted inputs",
    "question": "How much worse does the model get when its inputs are entered carelessly?",
    "needs": ["test", "target", "query"],
    "measures": [
        {"id": "worst_drop.*", "name": "Drop of accuracy at the highest severity (regression: relative rise of the "
         "mean absolute error)", "unit": "share", "direction": "lower_is_better"},
        {"id": "mean_drop", "name": "Drop at medium severity, averaged over the kinds of damage", "unit": "share",
         "direction": "lower_is_better"},
        {"id": "n_rejected", "name": "Kinds of damage that the model refuses to answer", "unit": "kinds",
         "direction": "neither", "range": [0, None]},
        {"id": "corruption_error", "name": "Wrong answers over all kinds and severities (images)", "unit": "share",
         "direction": "lower_is_better", "range": [0, 1]},
        {"id": "relative_corruption_error", "name": "The same relative to the nearest class mean (images)",
         "unit": "ratio", "direction": "lower_is_better", "range": [0, None]},
    ],
    "reads": ["text", "modality", "image_shape"],
    "evidence_codes": ["CORR"],
    "references": [
        "Hendrycks, Dietterich (2019), Benchmarking neural network robustness to common corruptions, ICLR",
        "Damerau (1964), A technique for computer detection and correction of spelling errors, CACM 7",
    ],
    "cost": "medium",
    "effort": {"quick": {"points": 500}, "default": {"points": 3000}, "thorough": {"points": 20000}},
}  # fmt: skip

WORST, MEDIUM = 5, 3
TABLE_KINDS, IMAGE_KINDS = 5, 13
SMALLEST_SIDE = 4
DAMAGE = {
    "missing": "a fifth of all cells are empty",
    "noise": "all numbers are noisy by one standard deviation",
    "units": "a fifth of the rows hold a number off by a factor of 10 or 1000",
    "categories": "a fifth of the category cells hold another level",
    "typos": "a fifth of the text cells are misspelt",
    "gaussian_noise": "all pixels are noisy",
    "shot_noise": "the images are taken in little light",
    "impulse_noise": "some pixels are black or white",
    "gaussian_blur": "the images are blurred",
    "motion_blur": "the images are blurred by motion",
    "defocus_blur": "the images are out of focus",
    "contrast": "the contrast is low",
    "brightness": "the images are overexposed",
    "jpeg": "the images are compressed strongly",
    "pixelation": "the images are coarse",
    "rotation": "the images are turned",
    "translation": "the images are shifted",
    "zoom": "the images are nearer or further away",
}
OVERALL = {
    "corruption_error": "Over all kinds and strengths of damage, {:.0%} of the images are answered wrongly.",
    "relative_corruption_error": "That is {:.2f} times what a plain model gets wrong on the same images.",
}
REMEDIATION = (
    "Check inputs before they reach the model (ranges, units, known levels), train on damaged copies of the rows, and "
    "let the model abstain on rows it does not recognise. Start with the kind whose curve is steepest."
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What became of one kind of damage at one severity: errors per row, a plain model's, or why the model refused."""

    kind: str
    severity: int
    amount: float
    errors: NDArray[np.float64] | None
    plain: NDArray[np.bool_] | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class _Damage:
    """The kinds that rows can suffer, the damaged rows of each, and what a plain model answers about rows."""

    kinds: list[str]
    at: Callable[[str, int], tuple[float, pl.DataFrame]]
    plain: Callable[[pl.DataFrame], NDArray[np.int64]] | None = None
    notes: tuple[str, ...] = ()


def run(subject: Subject, ctx: Context, *, height: int = 0, channels: int = 0) -> Outcome:
    """Damage test rows in several ways and strengths and measure how much worse the answers get.

    Parameters
    ----------
    height, channels
        Of images whose columns are pixels, row by row, the channels of a pixel side by side; 0 takes the
        deployment's ``image_shape``, what the network states, or a square, grey or of three channels.
    """
    import numpy as np

    if subject.test is None:
        raise NotRun("there is no test table", hint="give --test")
    if not subject.features:
        raise NotApplicable("the table has no input columns to damage", hint="give a table with inputs")
    points = ctx.effort.get("points", subject.test.frame.height)
    is_image = subject.deployment.modality == "image"
    if is_image:
        points = max(1, points * TABLE_KINDS // IMAGE_KINDS)
    rows = np.sort(ctx.rng.permutation(subject.test.frame.height)[:points])
    clean = subject.test.frame.select(subject.features)[rows]
    y = subject.y(subject.test)[rows]
    base = _errors(subject, subject.predictions.labels[rows], y)
    damage = _of_images(subject, clean, ctx, height, channels) if is_image else _of_tables(subject, clean, ctx)
    cases = [(kind, severity) for kind in damage.kinds for severity in range(1, WORST + 1)]
    answers = [_ask(subject, damage, y, kind, severity) for kind, severity in ctx.track(cases, len(cases))]
    curve, measured = _severities(subject, ctx.level, base, answers)
    return Outcome(
        measurements=(*measured, *_summary(subject, ctx.level, base, answers), *_overall(ctx.level, answers, is_image)),
        tables={
            "severities": curve,
            "answers": _answer_table(rows, base, answers),
            "affected_rows": _affected(subject, rows, base, answers),
        },
        charts=(_chart(subject),),
        remediation=REMEDIATION,
        assumptions=_notes(subject, damage, rows.size, answers),
        work={"points": rows.size, "queries": rows.size * len(cases)},
    )


def _of_tables(subject: Subject, clean: pl.DataFrame, ctx: Context) -> _Damage:
    import polars as pl

    from holdfast.kernels.robustness.damaged_tables import KINDS, TableDamage

    assert subject.test is not None
    reference = (subject.train or subject.test).frame.select(subject.features)
    words = [name for name, kind in clean.schema.items() if kind == pl.String]
    swappable = [name for name, kind in clean.schema.items() if kind in (pl.String, pl.Boolean)]
    damage = TableDamage(
        subject.cells(clean),
        subject.cells(reference),
        words=words,
        categories=[name for name in swappable if name not in subject.deployment.text],
        whole=[name for name, kind in clean.schema.items() if kind.is_integer()],
        rng=ctx.rng,
    )

    def at(kind: str, severity: int) -> tuple[float, pl.DataFrame]:
        amount, changed = damage.at(kind, severity)
        return amount, subject.frame(changed, clean).select(clean.columns)

    notes = ["Cells are damaged independently of each other."]
    if subject.train is None:
        notes.append("Ranges, spreads and levels come from the test table, because no training table was given.")
    if absent := sorted(set(KINDS) - set(damage.kinds)):
        notes.append(f"No column can suffer: {', '.join(absent)}.")
    return _Damage(damage.kinds, at, notes=tuple(notes))


def _of_images(subject: Subject, clean: pl.DataFrame, ctx: Context, height: int, channels: int) -> _Damage:
    import numpy as np
    import polars as pl

    from holdfast.kernels.robustness.damaged_images import STRENGTHS, damage_images, strength
    from holdfast.kernels.robustness.pixels import as_images, as_rows, nearest_class, pixel_range

    if words := [name for name, kind in clean.schema.items() if not kind.is_numeric()]:
        raise NotApplicable(f"the input {words[0]!r} is no number", hint="leave out what is no pixel, by ignore")
    cells = clean.cast(pl.Float64).to_numpy()
    if not np.isfinite(cells).all():
        raise NotRun("pixels are missing in the test table", hint="fill them or leave these rows out")
    layout = _layout(subject, height, channels)
    reference = subject.train.frame.select(subject.features) if subject.train else clean
    low, high = pixel_range(reference.min().row(0), reference.max().row(0))
    images = as_images((np.clip(cells, low, high) - low) / (high - low), layout)
    seed = int(ctx.rng.integers(2**31))

    def at(kind: str, severity: int) -> tuple[float, pl.DataFrame]:
        damaged = as_rows(damage_images(images, kind, severity, seed=seed), layout) * (high - low) + low
        whole = [kind.is_integer() for kind in clean.schema.values()]
        stored = pl.DataFrame(np.where(whole, np.rint(damaged), damaged), schema=clean.columns).cast(clean.schema)
        return strength(kind, severity, layout.shape[1:]), stored

    shape = " x ".join(map(str, layout.shape))
    notes = (f"Rows are read as images of {shape} cells (channels, height, width) from {low:g} to {high:g}.",)
    if subject.train is None or subject.task == "regression":
        return _Damage(list(STRENGTHS), at, notes=notes)
    taught = nearest_class(reference.cast(pl.Float64).to_numpy(), np.asarray(subject.y(subject.train), np.int64))
    return _Damage(list(STRENGTHS), at, lambda frame: taught(frame.cast(pl.Float64).to_numpy()), notes)


def _layout(subject: Subject, height: int, channels: int) -> Layout:
    from holdfast.kernels.robustness.pixels import image_layout

    n, shape = len(subject.features), subject.deployment.image_shape
    if not shape and not height and not channels and subject.info and "gradients" in subject.info.capabilities:
        with suppress(NotRun, MissingExtra):
            shape = subject.network().input_shape
    found = image_layout(n, shape, height=height, channels=channels, smallest=SMALLEST_SIDE)
    if found is None:
        raise NotApplicable(
            f"{n} inputs make no square image, grey or of three channels, of 4 x 4 pixels or more",
            hint="state image_shape under deployment: [channels, height, width]",
        )
    return found


def _ask(
    subject: Subject, damage: _Damage, y: NDArray[np.int64] | NDArray[np.float64], kind: str, severity: int
) -> _Answer:
    """Ask about damaged rows; a refusal is an answer too."""
    amount, frame = damage.at(kind, severity)
    plain = damage.plain(frame) != y if damage.plain else None
    try:
        labels = subject.predict(frame).labels
    # A model in its own process refuses with an error of ours; an estimator in this one with its library's.
    except (ModelError, InputError, ValueError, TypeError) as error:
        return _Answer(kind, severity, amount, None, refusal=str(error).splitlines()[0])
    return _Answer(kind, severity, amount, _errors(subject, labels, y), plain)


def _errors(subject: Subject, labels: NDArray[np.generic], y: NDArray[np.generic]) -> NDArray[np.float64]:
    """Error per row: 1 for a wrong class, or the absolute error."""
    import numpy as np

    if subject.task == "regression":
        return np.asarray(abs(labels.astype(float) - y.astype(float)))
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

    lines, measured = list[tuple[object, ...]](), list[Measured]()
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
    curve = pl.DataFrame(lines, schema=dict(zip(names, types, strict=True)), orient="row")
    # the steepest first: a chart shows as many lines as one can tell apart
    return curve.sort(-pl.col("drop").max().over("kind"), nulls_last=True, maintain_order=True), measured


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


def _overall(level: float, answers: list[_Answer], is_image: bool) -> list[Measured]:
    """The error over all kinds and severities of damage to images, and relative to a plain model's."""
    import numpy as np

    from holdfast.kernels.robustness.corruptions import corruption_error, relative_corruption_error

    asked = [answer for answer in answers if answer.errors is not None]
    kinds = list(dict.fromkeys(answer.kind for answer in asked))
    if not is_image or not asked:
        return []

    def by_kind(values: Callable[[_Answer], NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.stack([np.mean([values(a) for a in asked if a.kind == kind], axis=0) for kind in kinds], axis=1)

    errors = by_kind(lambda answer: np.asarray(answer.errors, dtype=np.float64))
    found = [("corruption_error", corruption_error(errors, level=level), "Student t over rows")]
    if all(answer.plain is not None for answer in asked):
        plain = by_kind(lambda answer: np.asarray(answer.plain, dtype=np.float64))
        relative = relative_corruption_error(errors, plain, level=level)
        if relative.value == relative.value:
            found.append(("relative_corruption_error", relative, "delta method, paired"))
    return [
        Measured(
            id=id, value=estimate.value, n=len(errors), plain=OVERALL[id].format(estimate.value),
            interval=Interval(low=estimate.low, high=estimate.high, level=level, method=method),
        )
        for id, estimate, method in found
    ]  # fmt: skip


def _measure(
    id: str, estimate: IntervalEstimate[float], method: str, level: float, n: int, subject: Subject
) -> Measured:
    low, high = (end if abs(end) < float("inf") else None for end in estimate[1:])
    interval = Interval(low=low, high=high, level=level, method=method)
    when = DAMAGE.get(id.removeprefix("worst_drop."), "inputs are damaged to a medium degree")
    plain = f"When {when}, {_worse(subject, estimate)}."
    return Measured(id=id, value=estimate.value, interval=interval, n=n, plain=plain)


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


def _notes(subject: Subject, damage: _Damage, points: int, answers: list[_Answer]) -> tuple[str, ...]:
    refusals = {answer.kind: answer.refusal for answer in answers if answer.refusal}
    notes = [f"{points:,} random test rows were damaged.", *damage.notes]
    notes += [f"The model refuses rows with damage of kind {kind}: {why}" for kind, why in sorted(refusals.items())]
    if subject.task != "regression":
        return tuple(notes)
    return (*notes, "Drops are relative rises of the mean absolute error; they need an error above 0 on clean rows.")


def _chart(subject: Subject) -> Chart:
    is_value = subject.task == "regression"
    return Chart(
        id="severities", title="How much worse the answers get with the severity of the damage", kind="line",
        table="severities", x="severity", y="drop", low="low", high="high", series="kind", reference=0.0,
        x_title="severity (1 to 5)",
        y_title="relative rise of the mean absolute error" if is_value else "drop of accuracy",
        caption="Lines that rise early belong to damage of which little suffices.",
    )  # fmt: skip
