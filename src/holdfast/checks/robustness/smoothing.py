"""What would be proved of the model if it answered by the majority of noisy copies?

**What it answers.** *Nothing about the deployed model.* A *smoothed* model is another model: it adds noise to a row
many times, asks the deployed one about every copy, and answers what most copies get. Of that majority something can be
proved whatever the model inside is, also where ``robustness.certified`` comes to no end: a large network, an endpoint,
a pipeline of unknown steps. This check says what you would gain, and pay in accuracy, if you deployed the smoothed
model.

**How.** Rows of the test table are drawn, right or wrong. Every number that may change gets normal noise, with a
standard deviation of ``sigma`` units (interquartile ranges; 1 where all numbers lie in [0, 1]; the width of the valid
range of pixels for images). Copies are brought back into their valid range and whole numbers rounded: that is part of
the smoothed model. A first sample chooses the class, a second one, independent of it, bounds from below the share p of
copies that get it (Clopper-Pearson). If p is more than one half, then no row nearer than sigma times the normal
quantile of p, in L2, has another majority (Cohen and others, 2019). Half of the allowed error goes to these bounds, all
rows together; the other half to the interval of the share of rows.

**How to read it.** ``smoothed_certified_share`` is the share of all test rows that the smoothed model answers rightly
and keeps within ``distance`` units (L2). It is a *lower bound* for the smoothed model: more copies would prove more.
``smoothed_accuracy`` is the share that it answers rightly at all; where the sample does not settle the majority the
model abstains (``abstained_share``), which counts as not right. Compare ``smoothed_accuracy`` with the deployed model's
accuracy: the difference is the price.

- *Good:* 85 % certified, accuracy 91 % instead of 93 %: smoothing costs two points and buys proofs.
- *Bad:* 20 % certified, accuracy 55 %: the model does not bear the noise; train it with such noise first.
- *Misleading:* 85 % certified, and the deployed model still answers without noise: then nothing is proved of any answer
  that it gives.

**When it misleads.** Categories, one-hot groups and columns that may not change get no noise: the proofs are about
numbers only. The proof is about L2 moves; a move of .03 in every pixel of an image is long in L2. The majority is taken
over infinitely many copies: a deployment that asks few will now and then answer otherwise.

**What to do about a low one.** Train the model on rows with the same noise, or try a smaller ``sigma`` with a smaller
``distance``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import InputError, NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from holdfast.kernels.robustness.limits import Rules
    from holdfast.kernels.robustness.smoothing import Smoothed

SPEC = {
    "title": "Robustness of a smoothed model",
    "question": "What would be proved of the model if it answered by the majority of noisy copies?",
    "needs": ["test", "target", "query"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {"id": "smoothed_certified_share", "name": "Share that the smoothed model provably answers rightly",
         "unit": "share", "direction": "higher_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "smoothed_accuracy", "name": "Share that the smoothed model answers rightly", "unit": "share",
         "direction": "higher_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "abstained_share", "name": "Share where the sample does not settle what the smoothed model answers",
         "unit": "share", "direction": "lower_is_better", "range": [0, 1]},
    ],
    "reads": [
        "costs", "directions", "immutable", "integer", "modality", "one_hot", "ranges", "relations", "sensitive",
        "text", "threat",
    ],
    "evidence_codes": ["EVADE"],
    "references": ["Cohen, Rosenfeld, Kolter (2019), Certified adversarial robustness via randomized smoothing, ICML"],
    "cost": "heavy",
    "effort": {
        "quick": {"points": 30, "samples": 300},
        "default": {"points": 100, "samples": 1000},
        "thorough": {"points": 300, "samples": 2000},
    },
    "on_request": True,
}  # fmt: skip

N_FIRST = 100
REMEDIATION = (
    "This is about a model that you could deploy, not about the one you have. Where the certified share is worth its "
    "price in accuracy, answer by the majority of noisy copies; train on noisy rows first."
)
CHART = Chart(
    id="curve", title="Share that the smoothed model provably answers rightly, by size of the change", kind="line",
    table="curve", caption="Of the smoothed model only. At distance 0: what it answers rightly at all.",
    x="distance", y="share", low="low", high="high", x_title="move (units, L2)", y_title="share of rows",
)  # fmt: skip


def run(subject: Subject, ctx: Context, *, sigma: float = 0.25, distance: float = 0.25) -> Outcome:
    """Sample noisy copies of test rows and prove how far the majority of their answers holds.

    Parameters
    ----------
    sigma
        Standard deviation of the noise, in units.
    distance
        Length of the move (L2, in units) within which the majority is to stay.
    """
    import numpy as np
    import polars as pl

    from holdfast.kernels.robustness.sequential import proof_curve

    assert subject.test is not None
    if len(subject.classes) < 2:
        raise NotApplicable(
            "there is only one class, so no answer can change", hint="give data with two or more classes"
        )
    rules, names = _rules(subject, sigma, distance)
    n_rows, n_samples = subject.test.frame.height, ctx.effort.get("samples", 1000)
    most, left = min(ctx.effort.get("points", 100), n_rows), subject.queries_left
    if left is not None:
        most = min(most, left // (N_FIRST + n_samples))
    if not most:
        reason = f"{left} questions may still be asked, and one row takes {N_FIRST + n_samples}"
        raise NotRun(reason, hint="give a larger endpoint.max_queries")
    rows = np.asarray(ctx.rng.permutation(n_rows)[:most], dtype="int64")
    level = (1 + ctx.level) / 2
    found = _sampled(subject, ctx, rows, rules, names, sigma, n_samples, level)
    n = found.label.size
    right = found.label == subject.y(subject.test)[rows[:n]]
    radius = np.where(right, found.radius, 0.0)
    curve = proof_curve(radius, furthest=max(distance, float(radius.max(initial=0.0))), level=level)
    points = {
        "row": rows[:n],
        "right": right,
        "abstained": found.label < 0,
        "p_low": found.p_low,
        "radius": found.radius,
    }
    return Outcome(
        measurements=_measure(right & (found.radius >= distance), right, found.label < 0, ctx.level, level),
        tables={"points": pl.DataFrame(points), "curve": pl.DataFrame(curve)},
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=(
            "All of this is about a smoothed model, which answers by the majority of noisy copies; "
            "nothing is proved of the deployed model.",
            f"Noise of {sigma:g} units on {len(names)} numeric columns; moves of up to {distance:g} units (L2) in "
            f"them. {N_FIRST} copies of each row choose the class, {n_samples} others bound its share.",
            *([f"The time was up: {n} of {rows.size} rows were looked at."] if n < rows.size else ()),
        ),
        work={"points": n, "queries": n * (N_FIRST + n_samples)},
    )


def _rules(subject: Subject, sigma: float, distance: float) -> tuple[Rules, list[str]]:
    """Units and ranges of the numbers that may change."""
    from holdfast.kernels.robustness.constraints import Budget, NumericLimits
    from holdfast.kernels.robustness.limits import rules_for

    if not sigma > 0 or distance < 0:
        raise InputError(f"expected a noise above 0 and a distance of 0 or more, got {sigma:g} and {distance:g}")
    try:
        rules = rules_for(subject, Budget(distance, 0, "l2"))
    except ValueError as error:
        raise InputError(str(error), hint="see deployment in holdfast.yaml") from None
    limits = rules.limits.items()
    names = [name for name, rule in limits if isinstance(rule, NumericLimits) and rule.cost > 0 and not rule.is_derived]
    if not names:
        raise NotApplicable("no number may change, so there is nothing to add noise to", hint="see robustness.evasion")
    return rules, names


def _sampled(
    subject: Subject, ctx: Context, rows: NDArray[np.int64], rules: Rules, names: list[str], sigma: float,
    n_samples: int, level: float,
) -> Smoothed:  # fmt: skip
    """Ask about noisy copies, of as many rows as there is time for."""
    import numpy as np

    from holdfast.kernels.robustness.constraints import NumericLimits
    from holdfast.kernels.robustness.smoothing import smoothed

    assert subject.test is not None
    frame = subject.test.frame.select(subject.features)[rows]
    cells = subject.cells(frame)
    limits = [rule for name in names if isinstance(rule := rules.limits[name], NumericLimits)]
    low, high = np.array([rule.low for rule in limits]), np.array([rule.high for rule in limits])
    is_whole = np.array([rule.is_whole for rule in limits])

    def ask(copies: NDArray[np.float64], i: int) -> NDArray[np.int64]:
        brought = np.clip(np.where(is_whole, np.rint(copies), copies), low, high)
        own = {name: np.repeat(values[i : i + 1], len(copies)) for name, values in cells.items()}
        for j, name in enumerate(names):  # a missing cell stays missing
            own[name] = np.where(np.isnan(own[name].astype(float)), np.nan, brought[:, j])
        return np.asarray(subject.predict(subject.frame(own, frame[[i] * len(copies)])).labels, dtype="int64")

    return smoothed(
        ask, np.nan_to_num(np.column_stack([cells[name].astype(float) for name in names])), sigma=sigma,
        scale=np.array([rule.scale / rule.cost for rule in limits]), n_first=N_FIRST, n_samples=n_samples,
        n_classes=len(subject.classes), level=level, rng=ctx.rng, should_stop=ctx.out_of_time,
    )  # fmt: skip


def _measure(
    certified: NDArray[np.bool_], right: NDArray[np.bool_], abstained: NDArray[np.bool_], level: float, each: float
) -> tuple[Measured, ...]:
    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.stats.proportions import clopper_pearson

    words = {
        "smoothed_certified_share": "Of {} rows, a smoothed version of the model (not the deployed one) would answer "
        "about {} rightly whatever is moved within the distance.",
        "smoothed_accuracy": "Of {} rows, a smoothed version of the model would answer about {} rightly.",
        "abstained_share": "Of {} rows, the smoothed version would abstain on about {}.",
    }
    measured = []
    for name, rows in zip(words, (certified, right, abstained), strict=True):
        share = clopper_pearson(int(rows.sum()), rows.size, level=each)
        interval = Interval(low=share.low, high=share.high, level=level, method="Clopper-Pearson, radii included")
        plain = words[name].format(*frequency(share.value, share.low, share.high))
        measured.append(Measured(id=name, value=share.value, interval=interval, n=rows.size, plain=plain))
    return tuple(measured)
