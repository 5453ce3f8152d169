"""Can somebody who queries the model tell whose records it was trained on?

**What it answers.** That a person's record was in the training data can be a secret in itself: the data may be those of
patients or debtors. A model that is surer of the records it has seen gives it away. This check plays somebody who has
the record of a person, asks the model about it, and decides whether the person was in.

**How.** The attacker trains *shadow models*: copies with the same settings, on halves of a pool of training and other
rows drawn at random, so that it knows how models answer about a record with it and without it. LiRA (``pooled``: one
variance for all), BaVarIA, RMIA and a ratio shrunken towards like records compare the model's answer with theirs;
``fusion`` combines the last three. The strongest on shadow models is reported, so that the model does not choose. Of a
model that cannot be trained again copies are boosted trees, and ``quantile`` compares with rows like it: both *weak*.

*Blind baseline first.* A classifier that never sees the model tries to tell the two tables apart. If it succeeds, as on
later test rows, an attack on this model proves nothing: it is *not identifiable*, and only what holds for the training
procedure is reported, where chance decided who was in. Rows that stand in both tables are left out.

**How to read it.** ``tpr_at_1_in_1000`` is the share of training people who are named while 1 of 1,000 others is
wrongly accused; 0.001 is chance. ``auc`` is the same over all thresholds, 0.5 is chance. A rate at which fewer than ten
others would be accused is *not resolvable at this size* and left out. The intervals speak of this model and further
people. ``procedure_tpr_at_1_in_1000`` is the mean over shadow models, each attacked by the others: what this way of
training gives away, whichever rows it gets. ``n_named`` counts training rows that stand out so far that at most one
name in twenty is wrong. ``epsilon`` is a lower bound of the privacy loss, a heuristic: nobody flipped coins for rows.

- *Good:* ``tpr_at_1_in_1000`` 0.0012 (0.0007 to 0.0019): chance lies in the interval.
- *Bad:* ``tpr_at_1_in_1000`` 0.16 (0.13 to 0.19), as of a forest with trees of unlimited depth.
- *Misleading:* ``auc`` 0.51 with ``tpr_at_1_in_1000`` 0.02: most are safe, and a few are named with certainty.

**When it misleads.** All numbers are lower bounds: a stronger attack may name more. Finding nothing is no proof of
privacy, least of all with weak stand-ins. The attacker is assumed to have data like yours.

**What to do about a bad one.** Train again so that no record counts for much: larger leaves, fewer rounds, stronger
regularisation, or differentially private training. Rounding or hiding scores helps little. ``affected_rows`` and
``groups`` show who is at risk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import InputError, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Predictions, Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.privacy.attack_choice import Choice
    from holdfast.kernels.stats.interval import IntervalEstimate

    Numbers = NDArray[np.float64]
    Flags = NDArray[np.bool_]

SPEC = {
    "title": "Membership inference",
    "question": "Can somebody who queries the model tell whose records it was trained on?",
    "needs": ["train", "test", "target", "query"],
    "measures": [
        {"id": "tpr_at_1_in_1000", "name": "Members named while 1 in 1,000 others is accused", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "tpr_at_1_in_100", "name": "Members named while 1 in 100 others is accused", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "auc", "name": "Area under the attack's ROC curve", "unit": "share", "direction": "lower_is_better",
         "bound": "lower", "range": [0, 1]},
        {"id": "procedure_*", "name": "As above, mean over models trained like this one", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "n_named", "name": "Training rows named with at most one in twenty wrong", "unit": "rows",
         "direction": "lower_is_better", "bound": "lower", "range": [0, None]},
        {"id": "epsilon", "name": "Empirical epsilon (heuristic)", "unit": "", "direction": "lower_is_better",
         "bound": "lower", "range": [0, None]},
        {"id": "blind_auc", "name": "Area under the ROC curve of a guess without the model", "unit": "share",
         "direction": "neither", "range": [0, 1]},
    ],
    "reads": ["returns", "sensitive"],
    "thresholds": ["tpr_at_1_in_1000"],
    "evidence_codes": ["MIA"],
    "references": [
        "Carlini et al. (2022), Membership inference attacks from first principles, IEEE S&P",
        "Zarifzadeh, Liu, Shokri (2024), Low-cost high-power membership inference attacks, ICML",
        "Brannvall (2026), Exponential-family membership inference, arXiv 2603.11799",
        "Bertran et al. (2023), Scalable membership inference attacks via quantile regression, NeurIPS",
    ],
    "cost": "heavy",
    "effort": {
        "quick": {"records": 5000, "shadows": 4},
        "default": {"records": 20000, "shadows": 8},
        "thorough": {"records": 100000, "shadows": 64},
    },
}  # fmt: skip

FINEST, COARSEST = 0.001, 0.1
RATES = {"tpr_at_1_in_1000": FINEST, "tpr_at_1_in_100": 0.01}
LOOKS = (4, 8, 16, 32, 64)
FEWEST, WRONG_NAMES = 100, 0.05
BLIND_ROWS, BLIND_AUC = 20000, 0.52
REMEDIATION = (
    "Train again so that no single record counts for much: larger leaves, fewer rounds, earlier stopping, stronger "
    "regularisation, or differentially private training; then audit that model. Rounding scores helps little: "
    "`holdfast audit --check privacy.defences` measures each remedy."
)
NOT_IDENTIFIABLE = (
    "Membership in this model is not identifiable: a classifier that never asks it tells training rows from test rows. "
    "A test table drawn at random from the same people and time would settle it."
)
SAME_KIND = "Shadow models are trained with the settings of the model on half of the rows that took part."
WEAK = (
    "The model cannot be trained again from here, so the copies are boosted trees: the attacks are much weaker than "
    "those of somebody who can train copies of the same kind, and finding little says little."
)
ROC = Chart(
    id="roc", title="Members named against others accused", kind="line", table="roc", x="fpr", y="tpr",
    low="low", high="high", diagonal=True, log=True,
    x_title="share of others accused", y_title="share of members named",
    caption="On the diagonal the attack is a guess; the further above it on the left, the more people are named.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Records:
    """The rows that take part, members first: inputs, outcomes, positions in their tables, and who is a member."""

    inputs: pl.DataFrame
    y: NDArray[np.int64] | Numbers
    rows: NDArray[np.int64]
    is_member: Flags
    n_shared: int


@dataclass(frozen=True, slots=True)
class _Attacked:
    """Scores by attack, the choice among them, and what each record was used for."""

    scores: Mapping[str, Numbers]
    choice: Choice
    split: NDArray[np.str_]
    shadows: int
    looks: int
    is_in: Flags
    is_weak: bool
    is_early: bool = False


def run(subject: Subject, ctx: Context, *, design: str = "balanced") -> Outcome:
    """Attack the model, after a baseline that never asks it.

    Parameters
    ----------
    design
        How shadow models get their rows: ``balanced`` halves, or an independent ``coin`` for each row and model.
    """
    if design not in ("balanced", "coin"):
        raise InputError(f"expected the design 'balanced' or 'coin', got {design!r}")
    records = _records(subject, ctx)
    blind, is_shifted = _blind(subject, ctx, records)
    shift = (NOT_IDENTIFIABLE,) if is_shifted else ()
    is_weak = subject.info is None or "refit" not in subject.info.capabilities
    if is_shifted and is_weak:
        return Outcome(measurements=(blind,), assumptions=shift)
    attacked = _attack(subject, ctx, records, design, is_weak=is_weak, settles=not is_shifted)
    measured = [*_measured_procedure(ctx, attacked), blind]
    tables = {} if is_shifted else _tables(subject, ctx, records, attacked)
    return Outcome(
        measurements=tuple(measured if is_shifted else [*_measured_model(ctx, records, attacked), *measured]),
        tables=tables,
        charts=(ROC,) if tables and tables["roc"].height else (),
        remediation=REMEDIATION,
        assumptions=(*shift, *_notes(subject, records, attacked)),
        work={"models": attacked.shadows, "records": records.rows.size},
    )


def _records(subject: Subject, ctx: Context) -> _Records:
    """Choose members and others, without rows that stand in both tables."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.privacy.audit_pool import audit_pool

    assert subject.train is not None
    assert subject.test is not None
    tables = (subject.train, subject.test)
    columns = [*subject.features, *([subject.target] if subject.target else [])]
    digests = [_digests(table.frame.select(columns)) for table in tables]
    pool = audit_pool(*digests, most=ctx.effort.get("records", 5000), rng=ctx.rng)
    if min(pool.members.size, pool.others.size) < FEWEST:
        raise NotRun(
            f"there are {pool.members.size} training rows and {pool.others.size} others, without {pool.n_shared} whose "
            f"content stands in both tables; fewer than {FEWEST} of a kind say nothing about membership",
            hint="give larger tables that share no rows",
        )
    chosen = list(zip(tables, (pool.members, pool.others), strict=True))
    return _Records(
        inputs=pl.concat(
            [table.frame.select(subject.features)[rows] for table, rows in chosen], how="vertical_relaxed"
        ),
        y=np.concatenate([subject.y(table)[rows] for table, rows in chosen]),
        rows=np.concatenate([pool.members, pool.others]),
        is_member=np.arange(pool.members.size + pool.others.size) < pool.members.size,
        n_shared=pool.n_shared,
    )


def _digests(frame: pl.DataFrame) -> NDArray[np.uint64]:
    """Digest rows so that the same content gives the same number, whatever the types of the columns."""
    import numpy as np
    import polars as pl
    import polars.selectors as cs

    canonical = frame.select(cs.numeric().cast(pl.Float64), (~cs.numeric()).cast(pl.String))
    return np.asarray(canonical.hash_rows(seed=0).to_numpy())


def _blind(subject: Subject, ctx: Context, records: _Records) -> tuple[Measured, bool]:
    """Tell members from others without the model; return the area, and whether that is better than a guess."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier

    from holdfast.kernels.privacy.membership_curve import true_positive_rate
    from holdfast.kernels.privacy.record_encoding import encoded
    from holdfast.kernels.stats.delong import auc_delong

    chosen = ctx.rng.permutation(records.rows.size)[:BLIND_ROWS]
    matrix, is_category = encoded(subject.cells(records.inputs[chosen]))
    matrix = np.column_stack([matrix, records.y[chosen]])
    is_member, guess = records.is_member[chosen], np.empty(chosen.size)
    for fold in range(2):
        rest = np.arange(chosen.size) % 2 != fold
        learner = HistGradientBoostingClassifier(
            max_iter=50, categorical_features=np.append(is_category, False), random_state=0
        )
        guess[~rest] = learner.fit(matrix[rest], is_member[rest]).predict_proba(matrix[~rest])[:, 1]
    area = auc_delong(is_member, guess, level=ctx.level)
    rate = _rates(is_member)[0]
    named = true_positive_rate(guess, is_member, fpr=rate, level=ctx.level)
    measured = _with_interval(ctx, "blind_auc", area, "DeLong", chosen.size)
    return measured, area.low > 0.5 and (area.value >= BLIND_AUC or named.low > 2 * rate)


def _attack(
    subject: Subject, ctx: Context, records: _Records, design: str, *, is_weak: bool, settles: bool
) -> _Attacked:
    """Train shadow models in fixed looks and attack; stop when the model is shown to be over the limit."""
    import numpy as np

    from holdfast.kernels.privacy import shadow_design
    from holdfast.kernels.privacy.attack_choice import Choice, chosen_on_records, chosen_on_shadows
    from holdfast.kernels.privacy.shadow_attacks import attack_model
    from holdfast.kernels.privacy.shadow_bank import shadow_answers

    rates = _rates(records.is_member)
    limit = ctx.threshold("tpr_at_1_in_1000") if settles and rates[0] == FINEST else None
    most = ctx.effort.get("shadows", LOOKS[0])
    sizes = [size for size in LOOKS if size < most and limit is not None] + [most]
    draw = shadow_design.balanced_design if design == "balanced" else shadow_design.coin_flip_design
    is_in = draw(records.rows.size, most, rng=ctx.rng)
    confidence = _confidence(subject, records)
    target = confidence(subject.predict(records.inputs))
    split, weak = _weak_scores(subject, ctx, records, target) if is_weak else (np.full(target.size, "report"), {})

    def train(parts: list[NDArray[np.int64]], seeds: list[int]) -> Iterator[Numbers]:
        for copy in subject.retrained_many(records.inputs, records.y, parts, seeds=seeds, stand_in=is_weak):
            yield confidence(copy.predict(records.inputs))

    answers = np.empty((records.rows.size, 0))
    for look, size in enumerate(sizes):
        columns = range(answers.shape[1], size)
        more = shadow_answers(
            is_in, train, columns=columns, seed=ctx.seed, kept=ctx.store, name=design, track=ctx.track
        )
        answers = np.column_stack([answers, more])
        scores = {**attack_model(target, answers, is_in[:, :size]), **weak}
        if is_weak:
            kept = split == "choose"
            few = records.is_member[kept]
            one = {name: each[kept] for name, each in scores.items()}
            choice = Choice(chosen_on_records(one, few, rate=_rates(few)[0]), {})
        else:
            choice = chosen_on_shadows(answers, is_in[:, :size], rates=_rates(~is_in[:, 0]))
        attacked = _Attacked(scores, choice, split, size, len(sizes), is_in[:, :size], is_weak, size < most)
        if look + 1 < len(sizes) and limit is not None and _estimate(ctx, records, attacked, FINEST).low > limit:
            break
    return attacked


def _rates(is_member: Flags) -> tuple[float, ...]:
    """Return the reported rates that the number of others resolves, the finest first; a coarse one if none."""
    from holdfast.kernels.privacy.membership_curve import is_resolvable

    n_others = int((~is_member).sum())
    return tuple(rate for rate in RATES.values() if is_resolvable(n_others, rate)) or (COARSEST,)


def _confidence(subject: Subject, records: _Records) -> Callable[[Predictions], Numbers]:
    """Return how answers become a confidence in the truth, from what a caller of this model gets to see."""
    from holdfast.kernels.privacy.signals import answer_confidence, error_scale

    scale = None
    if subject.task == "regression":
        others = ~records.is_member
        scale = error_scale(subject.predict(records.inputs.filter(others)).labels, records.y[others])
    is_scored = subject.deployment.returns != "label"
    return lambda asked: answer_confidence(asked.labels, asked.scores if is_scored else None, records.y, scale=scale)


def _weak_scores(
    subject: Subject, ctx: Context, records: _Records, target: Numbers
) -> tuple[NDArray[np.str_], dict[str, Numbers]]:
    """Score by the confidence alone, and by how far it lies above what rows like it are answered.

    A quarter of the others serve to learn that, a third of the rest to choose the attack.
    """
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingRegressor

    from holdfast.kernels.privacy.record_encoding import encoded
    from holdfast.kernels.privacy.signals import logit

    is_fit = ~records.is_member & (ctx.rng.random(target.size) < 0.25)
    split = np.where(is_fit, "fit", np.where(ctx.rng.random(target.size) < 1 / 3, "choose", "report"))
    matrix, is_category = encoded(subject.cells(records.inputs))
    matrix = np.column_stack([matrix, records.y])
    signal = logit(target)
    kinds = np.append(is_category, False)
    learner = HistGradientBoostingRegressor(max_iter=50, categorical_features=kinds, random_state=0)
    above = signal - learner.fit(matrix[is_fit], signal[is_fit]).predict(matrix)
    spread = learner.fit(matrix[is_fit], np.abs(above[is_fit])).predict(matrix)
    return split, {"confidence": target, "quantile": above / np.maximum(spread, 0.1)}


def _estimate(ctx: Context, records: _Records, attacked: _Attacked, rate: float) -> IntervalEstimate[float]:
    """Estimate what the strongest attack names, at a level that holds at all planned looks together."""
    from holdfast.kernels.privacy.membership_curve import true_positive_rate

    level = 1.0 - (1.0 - ctx.level) / attacked.looks
    return true_positive_rate(*_reported(records, attacked), fpr=rate, level=level)


def _reported(records: _Records, attacked: _Attacked) -> tuple[Numbers, Flags]:
    chosen = attacked.split == "report"
    return attacked.scores[attacked.choice.strongest][chosen], records.is_member[chosen]


def _measured_model(ctx: Context, records: _Records, attacked: _Attacked) -> list[Measured]:
    """Say what the strongest attack finds out about this model."""
    import numpy as np

    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.privacy.exposed_records import exposed_records
    from holdfast.kernels.stats.delong import auc_delong
    from holdfast.kernels.stats.interval import IntervalEstimate

    scores, is_member = _reported(records, attacked)
    method = "binomial threshold and Jeffreys rate" + (f", all {attacked.looks} looks" if attacked.looks > 1 else "")
    measured = []
    for name, rate in RATES.items():
        if rate not in _rates(is_member):
            continue
        found = _estimate(ctx, records, attacked, rate)
        cases, count = frequency(*found)
        plain = (
            f"Of {cases} people in the training data, an attacker can name about {count} while wrongly accusing 1 in "
            f"{1 / rate:,.0f} others."
        )
        measured.append(_with_interval(ctx, name, found, method, is_member.size, plain))
    if measured:
        finest = _rates(is_member)[0]
        ratios = np.array(_estimate(ctx, records, attacked, finest)) / finest
        epsilon = IntervalEstimate(*np.log(np.maximum(ratios, 1.0)).tolist())
        measured.append(_with_interval(ctx, "epsilon", epsilon, f"logarithm of: {method}", is_member.size))
    area = auc_delong(is_member, scores, level=ctx.level)
    n_named = int(exposed_records(scores, is_member, share_wrong=WRONG_NAMES).sum())
    reason = "a count; in expectation at most one in twenty of the names is wrong"
    plain = f"{n_named:,} of {int(is_member.sum()):,} training rows stand out so far that they can be named."
    named = Measured(id="n_named", value=n_named, no_interval_reason=reason, n=int(is_member.sum()), plain=plain)
    return [*measured, _with_interval(ctx, "auc", area, "DeLong", is_member.size), named]


def _measured_procedure(ctx: Context, attacked: _Attacked) -> list[Measured]:
    """Say what models trained like this one give away, whichever rows they got."""
    from holdfast.kernels.privacy.attack_choice import procedure_rate

    measured, method = [], "Student t over pairs of models, with a jackknife over records"
    for name, rate in RATES.items():
        pairs = attacked.choice.named.get(rate)
        if pairs is not None and pairs.size > 1:
            found = procedure_rate(attacked.choice, attacked.is_in, rate=rate, level=ctx.level)
            measured.append(_with_interval(ctx, f"procedure_{name}", found, method, 2 * pairs.size))
    return measured


def _with_interval(
    ctx: Context, name: str, found: IntervalEstimate[float], method: str, n: int, plain: str = ""
) -> Measured:
    interval = Interval(low=found.low, high=found.high, level=ctx.level, method=method)
    return Measured(id=name, value=found.value, interval=interval, n=n, plain=plain)


def _tables(subject: Subject, ctx: Context, records: _Records, attacked: _Attacked) -> dict[str, pl.DataFrame]:
    """Lay out the scores, the curve, the named rows, and the groups and slices that are named more than others."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.fairness.group_flips import group_flips
    from holdfast.kernels.privacy.exposed_records import exposed_records
    from holdfast.kernels.privacy.membership_curve import roc_band

    scores, is_member = _reported(records, attacked)
    band = roc_band(scores, is_member, level=ctx.level)
    named = exposed_records(scores, is_member, share_wrong=WRONG_NAMES)
    rows = records.rows[attacked.split == "report"]
    above = scores[is_member] > np.quantile(scores[~is_member], 0.99)
    reported = records.inputs.filter((attacked.split == "report") & records.is_member)
    people = subject.deployment.sensitive
    groups = group_flips(subject.cells(reported), above, people=people, level=ctx.level)
    return {
        "scores": pl.DataFrame(
            {"row": records.rows, "member": records.is_member, "split": attacked.split, **attacked.scores}
        ),
        "stands_out": pl.DataFrame({"row": rows[is_member], "stands_out": above}),
        "roc": pl.DataFrame(band._asdict()),
        "affected_rows": pl.DataFrame({"row": rows[named], "score": scores[named]}).select(
            pl.lit("train").alias("table"), "row", reason=pl.lit("can be named as one of the training data")
        ),
        "groups": pl.DataFrame(groups).rename({"flipped": "named"}),
    }


def _notes(subject: Subject, records: _Records, attacked: _Attacked) -> tuple[str, ...]:
    sees = "labels only" if subject.deployment.returns == "label" else "what the model returns"
    named_on, kind = ("rows kept apart", WEAK) if attacked.is_weak else ("shadow models", SAME_KIND)
    resolved = _rates(_reported(records, attacked)[1])
    unresolved = [f"1 in {1 / rate:,.0f}" for rate in RATES.values() if rate not in resolved]
    cases = {
        f"Rates of {' and '.join(unresolved)} wrongly accused are not resolvable at this size.": unresolved,
        f"{records.n_shared:,} rows whose content stands in both tables were left out.": records.n_shared,
        "The attack stopped early, because the limit of the policy is broken already.": attacked.is_early,
    }
    return (
        f"The attacker sees {sees}; {attacked.choice.strongest} is the strongest of {len(attacked.scores)} attacks, "
        f"chosen on {named_on}; {attacked.shadows} copies were trained.",
        kind,
        "Finding nothing gives a bound, not safety.",
        *(text for text, applies in cases.items() if applies),
    )
