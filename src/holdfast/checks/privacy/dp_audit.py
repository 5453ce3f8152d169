"""Is training as private as was stated?

**What it answers.** Differential privacy bounds what anybody can learn about one record from the trained model: by
`epsilon`, except with the small probability `delta`. A small epsilon that somebody states may have been computed for a
run that never took place, or be spoilt by a mistake in the code. This check computes what the stated run is worth, and
tries to refute it by training the model once more. If nobody stated anything it does nothing.

**How.** *Accounting* needs the parameters `noise_multiplier`, `batch_size` (or `sampling_rate`) and `steps` (or
`epochs`), and gives an upper bound of epsilon. Accountants take it that each record enters each batch by a coin of its
own (`sampler: poisson`). Most data loaders shuffle instead: then the bound is the one without any gain from sampling,
which is all that is proved here, and `accounted_if_poisson` shows the figure that does not hold. The batch size is held
against the rows of the training table, and where two statements disagree, the worse one counts.

*Audit in one run* (Steinke, Nasr and Jagielski): rows of the test table become canaries, with a wrong label, because
such a row can only be learnt by heart. A fair coin puts each into the training table, and the model is trained once
more on it. Those whose label the copy is surer of than the audited model, which never saw them, are guessed to be in.
Under differential privacy so many right guesses are improbable unless epsilon is large. Numbers of guesses are fixed
beforehand, and the error is divided among them (Bonferroni). The auditor sees scores even where a query returns labels:
differential privacy is a promise about everybody.

**How to read it.** The lower end of `audited_epsilon` is what was proved: a smaller epsilon does not hold for this way
of training. Its upper end speaks of these guesses only. `excess` is the same less `stated_epsilon`. An interval of it
wholly above 0 is a violation: training is *not* as private as stated. Otherwise nothing was refuted.

- *Good:* stated 2.0, accounted 1.8, audited 0 (0 to 0.13): the arithmetic holds, and the audit found no contradiction.
- *Bad:* stated 2.0, audited 5.9 (at least 3.6): 250 of 250 guesses are right, the noise never reached the model.
- *Misleading:* stated 8, audited 0 (0 to 0.13), nothing accounted: the audit is too weak to see an epsilon of 8.

**When it misleads.** A low `audited_epsilon` never proves privacy: only the accounting can, and only if the run was as
stated. The audit is about the training procedure that the model file holds: noise that another program added is not
seen. Where noise is very small, or delta below 1e-12 for each step, Poisson samples are accounted for by Rényi
divergences alone, 8 to 15 % above the smallest provable epsilon. Tuning, early stopping and features computed from the
same people cost privacy that is not accounted for.

**What to do about a bad one.** If the audit refutes the statement, look for records that reach the model without noise:
scalers and encoders fitted on the same rows, gradients clipped after averaging, noise switched off. If only the
sampler does not fit, draw batches by Poisson sampling, or state the larger epsilon.

References
----------
Steinke, T., Nasr, M. and Jagielski, M. (2023). Privacy auditing with one (1) training run. NeurIPS.
Mironov, I., Talwar, K. and Zhang, L. (2019). Rényi differential privacy of the sampled Gaussian mechanism.
Doroshenko, V. et al. (2022). Connect the dots: tighter discrete approximations of privacy loss distributions. PoPETs.
Chua, L. et al. (2024). How private are DP-SGD implementations? ICML.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import InputError, NotApplicable, NotRun, did_you_mean
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Predictions, Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.privacy.dp_accounting import Sampler
    from holdfast.kernels.privacy.one_run_audit import AuditBound

    Labels = NDArray[np.int64] | NDArray[np.float64]

SPEC = {
    "title": "Differential privacy",
    "question": "Is training as private as was stated?",
    "needs": ["train", "test", "target", "query"],
    "measures": [
        {"id": "stated_epsilon", "name": "Stated epsilon", "unit": "", "direction": "neither", "range": [0, None]},
        {"id": "accounted_epsilon", "name": "Epsilon of the stated run", "unit": "", "direction": "lower_is_better",
         "bound": "upper", "range": [0, None]},
        {"id": "accounted_if_poisson", "name": "Epsilon if batches had been Poisson samples", "unit": "",
         "direction": "neither", "bound": "upper", "range": [0, None]},
        {"id": "audited_epsilon", "name": "Epsilon that the audit shows", "unit": "", "direction": "lower_is_better",
         "bound": "lower", "range": [0, None]},
        {"id": "excess", "name": "Audited less stated epsilon", "unit": "", "direction": "lower_is_better",
         "bound": "lower"},
    ],
    "evidence_codes": ["DPACC"],
    "references": [
        "Steinke, Nasr, Jagielski (2023), Privacy auditing with one (1) training run, NeurIPS",
        "Mironov, Talwar, Zhang (2019), Rényi differential privacy of the sampled Gaussian mechanism, arXiv 1908.10530",
        "Chua et al. (2024), How private are DP-SGD implementations?, ICML",
    ],
    "cost": "medium",
    "effort": {"quick": {"canaries": 500}, "default": {"canaries": 1000}, "thorough": {"canaries": 5000}},
}  # fmt: skip

FEWEST_CANARIES = 50
SAMPLERS: dict[str, Sampler] = {"poisson": "poisson", "shuffle": "shuffle", "fixed": "fixed"}
COMPUTED = "computed from what was stated"
BOUND_METHOD = "one-run audit, best of fixed numbers of guesses (Bonferroni); upper end Clopper-Pearson"
REMEDIATION = (
    "Where the audit refutes the statement, look for records that reach the model without noise: scalers and encoders "
    "fitted on the same rows, gradients clipped after averaging, noise switched off. Where the sampler does not fit "
    "the accounting, draw batches by Poisson sampling or state the larger epsilon."
)
NO_PROOF = "That an audit refutes nothing is no proof of privacy: a stronger one may refute more."
PROCEDURE = (
    "The audit speaks of the training procedure that the model holds, trained once more with canaries; noise that "
    "another program added is not seen."
)
CHART = Chart(
    id="epsilons", title="Stated, accounted and audited epsilon", kind="points", table="epsilons", x="figure",
    y="epsilon", low="low", high="high", y_title="epsilon",
    caption="The whole bar of the audit to the right of the stated epsilon is a violation. The left end is what was "
    "proved; the right end speaks of these guesses only.",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stated:
    """What the user stated about the run; 0 for what was not stated."""

    epsilon: float
    delta: float
    noise_multiplier: float
    batch_size: int
    sampling_rate: float
    steps: int
    epochs: float
    n_train: int
    sampler: Sampler


@dataclass(frozen=True, slots=True)
class _Audited:
    """Canaries as rows of the test table, which of them were in, their scores, and what the guesses show."""

    rows: NDArray[np.int64]
    is_in: NDArray[np.bool_]
    scores: NDArray[np.float64]
    bound: AuditBound


def run(
    subject: Subject,
    ctx: Context,
    *,
    stated_epsilon: float = 0.0,
    delta: float = 1e-5,
    noise_multiplier: float = 0.0,
    batch_size: int = 0,
    sampling_rate: float = 0.0,
    steps: int = 0,
    epochs: float = 0.0,
    n_train: int = 0,
    sampler: str = "poisson",
    canary_labels: str = "wrong",
) -> Outcome:
    """Account for the stated run, and try to refute the stated epsilon. Nothing is stated by 0.

    Parameters
    ----------
    stated_epsilon
        The epsilon that was stated.
    delta
        The delta that belongs to it; should be well below 1 over the number of training rows.
    noise_multiplier
        Standard deviation of the noise over the norm that gradients are clipped to.
    batch_size
        Records in a batch, or expected records for `poisson`.
    sampling_rate
        Batch size over training rows, where the batch size is not stated.
    steps
        Batches of the whole run.
    epochs
        Passes over the data, where steps are not stated.
    n_train
        Training rows of the stated run, where they are not those of the training table.
    sampler
        How batches were drawn: `poisson`, `shuffle` or `fixed` (a random set of one size).
    canary_labels
        `wrong` labels for canaries, or their `true` ones.
    """
    if sampler not in SAMPLERS:
        raise InputError(f"there is no sampler {sampler!r}", hint=did_you_mean(sampler, SAMPLERS))
    if canary_labels not in ("wrong", "true"):
        raise InputError(f"expected canary_labels 'wrong' or 'true', got {canary_labels!r}")
    stated = _Stated(
        epsilon=stated_epsilon, delta=delta, noise_multiplier=noise_multiplier, batch_size=batch_size,
        sampling_rate=sampling_rate, steps=steps, epochs=epochs, n_train=n_train, sampler=SAMPLERS[sampler],
    )  # fmt: skip
    _refuse_nonsense(stated)
    if not stated_epsilon and not noise_multiplier:
        raise NotApplicable(
            "nobody stated that training was differentially private",
            hint="set stated_epsilon under parameters: privacy.dp_audit in holdfast.yaml to audit it",
        )
    accounted, notes = _account(subject, stated) if noise_multiplier else ([], [])
    audited, why_not = _audit(subject, ctx, delta, has_wrong_labels=canary_labels == "wrong")
    notes += [why_not] if why_not else [PROCEDURE, NO_PROOF]
    if audited is None and not accounted:
        raise NotRun(why_not, hint="state noise_multiplier, batch_size and steps to account for the run")
    measured = [*accounted, *(_measured_audit(ctx, stated, accounted, audited) if audited else [])]
    if stated_epsilon:
        measured.insert(0, Measured(id="stated_epsilon", value=stated_epsilon, exact=True, no_interval_reason="stated"))
    return Outcome(
        measurements=tuple(measured),
        tables={"epsilons": _epsilons(measured)} | ({"canaries": _canaries(audited)} if audited else {}),
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=tuple(notes),
        work={"models": 1, "canaries": audited.rows.size} if audited else {},
    )


def _refuse_nonsense(stated: _Stated) -> None:
    if not 0 < stated.delta < 1:
        raise InputError(f"expected delta inside (0, 1), got {stated.delta}", hint="usual: 1e-5, below 1 / rows")
    for name in ("epsilon", "noise_multiplier", "batch_size", "sampling_rate", "steps", "epochs", "n_train"):
        if getattr(stated, name) < 0:
            raise InputError(f"expected {name} of 0 (not stated) or more, got {getattr(stated, name)}")
    if stated.sampling_rate > 1:
        raise InputError(f"expected a sampling_rate of at most 1, got {stated.sampling_rate}")


def _account(subject: Subject, stated: _Stated) -> tuple[list[Measured], list[str]]:
    """Bound epsilon of the stated run, and say which statements do not fit together."""
    from holdfast.kernels.privacy.dp_accounting import dp_sgd_epsilon

    rate, steps, notes = _reconciled(subject, stated)

    def epsilon(sampler: Sampler) -> float:
        return dp_sgd_epsilon(
            sampler=sampler, noise_multiplier=stated.noise_multiplier, sampling_rate=rate, n_steps=steps,
            delta=stated.delta,
        )  # fmt: skip

    found, poisson = epsilon(stated.sampler), epsilon("poisson")
    said = f"With noise {stated.noise_multiplier:g} and {steps:,} batches of {rate:.3g} of the rows"
    plain = f"{said}, epsilon is at most {found:.3g} at delta {stated.delta:g}, if the run was as stated."
    measured = [_computed("accounted_epsilon", found, plain)]
    if stated.sampler != "poisson":
        plain = f"{poisson:.3g} would need Poisson samples; batches were drawn by: {stated.sampler}."
        measured.append(_computed("accounted_if_poisson", poisson, plain))
        notes.append(_sampler_words(stated.sampler, found, poisson))
    if stated.epsilon and found > stated.epsilon:
        notes.append(
            f"The stated epsilon of {stated.epsilon:g} does not follow from the stated run: {found:.3g} is proved. As "
            "that is an upper bound, this alone refutes nothing; ask for the accountant and the sampler that were used."
        )
    notes.append("Accounted for leaving out one record; what was tuned on the same rows is not counted.")
    return measured, notes


def _computed(name: str, value: float, plain: str) -> Measured:
    return Measured(id=name, value=value, exact=True, no_interval_reason=COMPUTED, plain=plain)


def _sampler_words(sampler: Sampler, found: float, poisson: float) -> str:
    basis = (
        "shuffled batches are taken as the Gaussian mechanism once for every epoch, without any gain from sampling"
        if sampler == "shuffle"
        else "batches of fixed size are bounded for replacing one record, which moves a sum by twice the clipping norm"
    )
    return (
        f"The sampler and the sampling rate do not go together: the rate counts in full only for Poisson samples "
        f"(epsilon {poisson:.3g}). For the stated sampler {found:.3g} is proved: {basis}."
    )


def _reconciled(subject: Subject, stated: _Stated) -> tuple[float, int, list[str]]:
    """Return sampling rate and steps; of statements that disagree, the one that costs more privacy."""
    assert subject.train is not None
    rows, notes = subject.train.frame.height, []
    if not (stated.batch_size or stated.sampling_rate) or not (stated.steps or stated.epochs):
        raise NotRun(
            "the run is stated in part: noise_multiplier without a batch size, or without its length",
            hint="add batch_size (or sampling_rate) and steps (or epochs)",
        )
    n = min(stated.n_train or rows, rows)
    if stated.n_train and stated.n_train != rows:
        notes.append(f"The stated run had {stated.n_train:,} rows, the training table has {rows:,}; {n:,} are used.")
    if stated.batch_size > n:
        raise InputError(
            f"expected a batch_size of at most the {n:,} training rows, got {stated.batch_size:,}",
            hint="give the training table of the run, or correct batch_size",
        )
    rates = [rate for rate in (stated.batch_size / n, stated.sampling_rate) if rate]
    if max(rates) > 1.01 * min(rates):
        notes.append(f"batch_size over rows is {rates[0]:.3g}, the stated rate {rates[1]:.3g}; the larger is used.")
    rate = max(rates)
    lengths = [length for length in (stated.steps, math.ceil(stated.epochs / rate - 1e-9)) if length]
    if max(lengths) > 1.01 * min(lengths) + 1:
        notes.append(f"{lengths[0]:,} steps are stated, the epochs make {lengths[1]:,}; the larger is used.")
    if stated.delta >= 1 / n:
        notes.append(f"A delta of {stated.delta:g} allows one of {n:,} records to be given away entirely.")
    return rate, max(lengths), notes


def _audit(subject: Subject, ctx: Context, delta: float, *, has_wrong_labels: bool) -> tuple[_Audited | None, str]:
    """Train once more with canaries and guess which were in; or say why that cannot be."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.privacy.one_run_audit import audit_bound
    from holdfast.kernels.privacy.shadow_bank import model_seed

    assert subject.train is not None
    assert subject.test is not None
    if subject.info is None or "refit" not in subject.info.capabilities:
        return None, "The model cannot be trained again from here, so that nothing was audited."
    known = np.flatnonzero(subject.y(subject.test) >= 0) if subject.classes else np.arange(subject.test.frame.height)
    if known.size < FEWEST_CANARIES:
        return None, f"{known.size} test rows are fewer than the {FEWEST_CANARIES} canaries that an audit needs."
    rows = np.sort(ctx.rng.permutation(known)[: ctx.effort.get("canaries", 1000)])
    inputs, labels = subject.test.frame.select(subject.features)[rows], subject.y(subject.test)[rows]
    if has_wrong_labels:
        labels = _wrong(subject, ctx, labels)
    is_in = ctx.rng.random(rows.size) < 0.5
    y_train = subject.y(subject.train)
    kept = np.flatnonzero(y_train >= 0) if subject.classes else np.arange(y_train.size)
    X = pl.concat([subject.train.frame.select(subject.features)[kept], inputs.filter(is_in)], how="vertical_relaxed")
    y = np.concatenate([y_train[kept], labels[is_in]])
    with subject.retrained(X, y, seed=model_seed(ctx.seed, 0)) as copy:
        after = copy.predict(inputs)
    scores = _signal(subject, after, labels) - _signal(subject, subject.predict(inputs), labels)
    bound = audit_bound(scores, is_in, delta=delta, level=ctx.level, rng=ctx.rng)
    return _Audited(rows, is_in, scores, bound), ""


def _wrong(subject: Subject, ctx: Context, labels: Labels) -> Labels:
    """Give each canary another class at random, or the value of a canary half of the ranks away."""
    import numpy as np

    if subject.task == "regression":
        order = np.argsort(labels, kind="stable")
        moved = labels.copy()
        moved[order] = np.roll(labels[order], labels.size // 2)
        return moved
    others = len(subject.classes) - 1
    if not others:
        return labels
    return np.asarray((labels + 1 + ctx.rng.integers(0, others, labels.size)) % (others + 1), dtype=np.int64)


def _signal(subject: Subject, asked: Predictions, labels: Labels) -> NDArray[np.float64]:
    """Say how well a model knows the labels, on a scale where the noise of a share is the same everywhere."""
    import numpy as np

    from holdfast.kernels.privacy.signals import answer_confidence, arcsine

    if subject.task == "regression":
        return np.asarray(-np.abs(asked.labels - labels), dtype=np.float64)
    return arcsine(answer_confidence(asked.labels, asked.scores, labels, scale=None))


def _measured_audit(ctx: Context, stated: _Stated, accounted: list[Measured], audited: _Audited) -> list[Measured]:
    bound = audited.bound
    guessed = (
        f"An auditor put {int(audited.is_in.sum()):,} of {audited.rows.size:,} canaries into the training data by "
        f"coins, and {bound.n_correct:,} of {bound.n_guesses:,} guesses about them were right."
    )
    sure = f"{100 * ctx.level:g} % sure"
    shown = f"So epsilon is at least {bound.low:.3g} ({sure})." if bound.low else "That refutes nothing."
    limits = [one.value for one in accounted if one.id == "accounted_epsilon" and bound.low > one.value]
    if limits:
        shown += f" That contradicts the stated run, which would have at most {limits[0]:.3g}."
    found = [_between(ctx, "audited_epsilon", bound, 0.0, f"{guessed} {shown}", audited)]
    if stated.epsilon:
        plain = (
            f"Training is not as private as stated: epsilon is at least {bound.low:.3g} ({sure}), and "
            f"{stated.epsilon:g} was stated at delta {stated.delta:g}."
            if bound.low > stated.epsilon
            else f"The audit does not contradict the stated epsilon of {stated.epsilon:g}; that does not prove it."
        )
        found.append(_between(ctx, "excess", bound, stated.epsilon, plain, audited))
    return found


def _between(ctx: Context, name: str, bound: AuditBound, less: float, plain: str, audited: _Audited) -> Measured:
    high = bound.high - less if math.isfinite(bound.high) else None
    interval = Interval(low=bound.low - less, high=high, level=ctx.level, method=BOUND_METHOD)
    return Measured(id=name, value=bound.value - less, interval=interval, n=audited.rows.size, plain=plain)


def _epsilons(measured: list[Measured]) -> pl.DataFrame:
    import polars as pl

    names = {"stated_epsilon": "stated", "accounted_epsilon": "accounted", "audited_epsilon": "audited"}
    shown = [(names[one.id], float(one.value), one.interval) for one in measured if one.id in names]
    return pl.DataFrame(
        {
            "figure": [name for name, _, _ in shown],
            "epsilon": [value for _, value, _ in shown],
            "low": [interval.low if interval else value for _, value, interval in shown],
            "high": [
                value if interval is None or interval.high is None else interval.high for _, value, interval in shown
            ],
        }
    )


def _canaries(audited: _Audited) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    words = np.array(["out", "none", "in"])[audited.bound.guess + 1]
    table = {"row": audited.rows, "included": audited.is_in, "score": audited.scores, "guess": words}
    return pl.DataFrame(table).with_columns(
        right=pl.when(pl.col("guess") != "none").then((pl.col("guess") == "in") == pl.col("included"))
    )
