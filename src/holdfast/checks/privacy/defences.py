"""Which remedy keeps the model from giving away its training people, and what does it cost?

**What it answers.** ``privacy.membership`` shows how many people can be named. This check tries remedies, each against
an attacker who knows of it, and measures what it takes from the attack and from honest users.

**How.** Copies of the model are trained on random halves of the rows, as in ``privacy.membership``, and each copy is
attacked by the others with every attack; the strongest counts.

- *In training:* the same copies are trained again with larger leaves, less depth, stronger regularisation, fewer
  rounds or early stopping, whichever settings the model has.
- *In the data:* the 5 % of rows that stand out most are left out, and copies are trained anew on fresh halves, with
  them and without. Others may then stand out in their place (the *onion effect*, Carlini et al. 2022): the words of
  the remedy say how many of the rows left were named before and are named after.
- *At the output:* scores are rounded, clipped, tempered, blurred with noise, or cut down to the best class or its
  label. The attack is *adaptive*: shadow models answer through the same change, a change that can be taken back is
  taken back, and noise is averaged over 16 repeated questions.

**How to read it.** ``leak`` is the share of training people that can be named without a remedy while 1 of 100 others is
wrongly accused. The table ``defences`` gives, for each remedy, what is still named, how much is removed, and how much
accuracy is lost on rows not trained on, with intervals over copies and rows that hold for all remedies at once. One
``works`` only if it removes at least half and the interval of what it removes lies above 0. ``best_in_training``,
``best_in_data`` and ``best_at_output`` are the most that a remedy of the kind removes. Where ``privacy.extraction`` has
run, a sentence says how low a limit on questions has to be to matter.

- *Good:* larger leaves remove 0.2 of a leak of 0.25 at no loss of accuracy: train that way.
- *Bad:* nothing works: the leak lies in the kind of model, or in how few rows it has.
- *Misleading:* a tempered score looks private to an attack that does not know of it; taken back, all is there.

**When it misleads.** What is removed is removed from these attacks. The copies learn from half of the rows, so a leak
is somewhat larger in them than in the model. Label-only answers look better here than they are against an attacker who
asks about changed copies of a row (Choquette-Choo et al. 2021); ask fewer questions per caller as well.

**What to do about a bad one.** Take a remedy in training first: it removes the cause. A change of the output hides a
part of it, and costs everybody who needs the score.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import ModelError, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import AS_IS, Settings, Subject

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from holdfast.kernels.privacy.attack_choice import Choice
    from holdfast.kernels.privacy.defence_effect import Effect
    from holdfast.kernels.privacy.pair_rates import PairRates

    Numbers = NDArray[np.float64]
    Flags = NDArray[np.bool_]

SPEC = {
    "title": "Privacy defences",
    "question": "Which remedy keeps the model from giving away its training people, and what does it cost?",
    "needs": ["train", "test", "target", "refit", "scores"],
    "tasks": ["binary", "multiclass"],
    "measures": [
        {"id": "leak", "name": "Members named by the strongest attack without a remedy", "unit": "share",
         "direction": "lower_is_better", "bound": "lower", "range": [0, 1]},
        {"id": "best_in_training", "name": "Most that a remedy in training removes", "unit": "share",
         "direction": "higher_is_better", "range": [-1, 1]},
        {"id": "best_in_data", "name": "Most that leaving rows out removes", "unit": "share",
         "direction": "higher_is_better", "range": [-1, 1]},
        {"id": "best_at_output", "name": "Most that a change of the output removes", "unit": "share",
         "direction": "higher_is_better", "range": [-1, 1]},
    ],
    "uses": ["privacy.extraction"],
    "evidence_codes": ["MIA"],
    "references": [
        "Carlini, Jagielski, Zhang, Papernot, Terzis, Tramer (2022), The privacy onion effect, NeurIPS",
        "Tramer, Carlini, Brendel, Madry (2020), On adaptive attacks to adversarial example defenses, NeurIPS",
        "Choquette-Choo, Tramer, Carlini, Papernot (2021), Label-only membership inference attacks, ICML",
    ],
    "cost": "heavy",
    "on_request": True,
    "effort": {
        "quick": {"records": 2000, "shadows": 8},
        "default": {"records": 8000, "shadows": 8},
        "thorough": {"records": 20000, "shadows": 16},
    },
}  # fmt: skip

RATE, LEFT_OUT = 0.01, 0.05
FEWEST = 1000
# name, what it does, and the settings that bring it about; the first that the model has is tried
TRAINING: tuple[tuple[str, str, tuple[Settings, ...]], ...] = (
    ("larger leaves", "at least 20 rows in each leaf", ({"min_samples_leaf": 20}, {"min_child_samples": 100},
                                                       {"min_child_weight": 20})),
    ("less depth", "trees of depth 4 at most", ({"max_depth": 4},)),
    ("stronger regularisation", "a penalty on large weights",
     ({"C": 0.01}, {"alpha": 10.0}, {"reg_lambda": 100.0}, {"l2_regularization": 100.0}, {"ccp_alpha": 0.001})),
    ("early stopping", "training ends when rows kept apart gain no more",
     ({"early_stopping": True}, {"n_iter_no_change": 5})),
    ("fewer rounds", "30 rounds of training", ({"max_iter": 30}, {"n_estimators": 30})),
)  # fmt: skip
REMEDIATION = (
    "Take a remedy in training first: it removes the cause. Train with the settings of the best row of the table, then "
    "audit that model. Changes of the output hide a part of the leak from callers who do not work around them."
)
CHART = Chart(
    id="removed", title="Share of members no longer named, by remedy", kind="points", table="defences",
    caption="A remedy helps where its bar lies above 0; the bars hold for all remedies at once.",
    x="remedy", y="removed", low="removed_low", high="removed_high", y_title="share of members no longer named",
    reference=0.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Bank:
    """What copies of one kind answer about all rows: ``(n_rows, n_copies, n_classes)``, and who trained which."""

    scores: Numbers
    is_in: Flags
    y: NDArray[np.int64]
    rows: NDArray[np.int64]

    def accuracy(self, scores: Numbers) -> PairRates:
        """Return the accuracy of given answers on rows not trained on, by pair of copies."""
        import numpy as np

        from holdfast.kernels.privacy.pair_rates import pair_rates

        right = (scores.argmax(axis=2) == self.y[:, None]) & ~self.is_in

        def by_pair(kept: Flags) -> Numbers:
            by_copy = right[kept].sum(axis=0) / (~self.is_in[kept]).sum(axis=0)
            return np.asarray(by_copy.reshape(-1, 2).mean(axis=1))

        return pair_rates(by_pair, self.rows)

    def attacked(self, scores: Numbers) -> Choice:
        """Attack copies that give some answers with every attack, and return the strongest."""
        import numpy as np

        from holdfast.kernels.privacy.attack_choice import chosen_on_shadows

        confidence = np.clip(np.take_along_axis(scores, self.y[:, None, None], axis=2)[:, :, 0], 0.0, 1.0)
        return chosen_on_shadows(confidence, self.is_in, rates=(RATE,))

    def named(self, scores: Numbers) -> PairRates:
        """Return what the strongest attack names when it sees given answers, by pair of copies."""
        from holdfast.kernels.privacy.attack_choice import rates_of

        choice = self.attacked(scores)
        assert choice.scores is not None
        return rates_of(choice, self.is_in[:, : choice.scores.shape[1]], rate=RATE, rows=self.rows)

    def only(self, rows: Flags) -> _Bank:
        """Look at some of the rows."""
        return _Bank(self.scores[rows], self.is_in[rows], self.y[rows], self.rows[rows])


def run(subject: Subject, ctx: Context) -> Outcome:
    """Train copies with and without each remedy, attack them, and compare pair by pair."""
    import polars as pl

    inputs, y = _rows(subject, ctx)
    plain = _train(subject, ctx, inputs, y, "plain", AS_IS)
    assert plain is not None
    without, accuracy = plain.named(plain.scores), plain.accuracy(plain.scores)
    others = [*_in_training(subject, ctx, inputs, y), *_at_output(ctx, plain)]
    compared = [(*one[:3], without, accuracy, *one[3:]) for one in others]
    compared.append(_in_data(subject, ctx, inputs, y, plain))
    tried = [one[:3] for one in compared]
    level = 1.0 - (1.0 - ctx.level) / len(tried)
    effects = [_effect(*one[3:], level) for one in compared]
    lines = [
        {
            "remedy": name, "kind": kind, "what": what, "named": effect.named,
            "removed": effect.removed.value, "removed_low": effect.removed.low, "removed_high": effect.removed.high,
            "accuracy_lost": effect.lost.value, "lost_low": effect.lost.low, "lost_high": effect.lost.high,
            "verdict": effect.verdict,
        }
        for (name, kind, what), effect in zip(tried, effects, strict=True)
    ]  # fmt: skip
    defences = pl.DataFrame(lines)
    return Outcome(
        measurements=_measured(ctx, without, defences),
        tables={"defences": defences},
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=(
            f"Copies of the model learned from half of {inputs.height:,} rows each; without a remedy they are right in "
            f"{accuracy.pairs.mean():.1%} of rows not trained on.",
            "Every attack knows of the remedy; what it removes is removed from these attacks, not from all.",
            "Finding nothing gives a bound, not safety.",
            *_question_limit(ctx),
        ),
        work={"rows": inputs.height, "copies": ctx.effort.get("shadows", 8)},
    )


def _rows(subject: Subject, ctx: Context) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Draw rows of both tables: chance decides anew which copy is trained on which."""
    import numpy as np
    import polars as pl

    parts, outcomes = [], []
    for table in (subject.train, subject.test):
        assert table is not None
        chosen = np.sort(ctx.rng.permutation(table.frame.height)[: ctx.effort.get("records", 2000)])
        parts.append(table.frame.select(subject.features)[chosen])
        outcomes.append(subject.y(table)[chosen].astype("int64"))
    inputs, y = pl.concat(parts, how="vertical_relaxed"), np.concatenate(outcomes)
    if inputs.height < 2 * FEWEST:
        raise NotRun(
            f"there are {inputs.height} rows; a rate of 1 in 100 needs {FEWEST} that a copy was not trained on",
            hint="give larger tables",
        )
    return inputs, y


def _train(
    subject: Subject,
    ctx: Context,
    inputs: pl.DataFrame,
    y: NDArray[np.int64],
    name: str,
    settings: Settings,
    *,
    halves: int = 0,
    without: Flags | None = None,
) -> _Bank | None:
    """Train all copies with some settings, on the same halves each time; ``None`` if the model has no such setting."""
    import numpy as np

    from holdfast.kernels.privacy.shadow_bank import shadow_answers
    from holdfast.kernels.privacy.shadow_design import balanced_design

    size = ctx.effort.get("shadows", 8)
    is_in = balanced_design(inputs.height, size, rng=np.random.default_rng([ctx.seed, halves] if halves else ctx.seed))
    if without is not None:
        is_in &= ~without[:, None]

    def train(parts: list[NDArray[np.int64]], seeds: list[int]) -> Iterator[Numbers]:
        for copy in subject.retrained_many(inputs, y, parts, seeds=seeds, settings=settings):
            scores = copy.predict(inputs).scores
            assert scores is not None
            yield scores

    try:
        answers = shadow_answers(
            is_in, train, columns=range(size), seed=ctx.seed, kept=ctx.store, name=name, track=ctx.track
        )
    except ModelError:
        if settings:
            return None
        raise
    return _Bank(answers, is_in, y, np.arange(y.size))


_Tried = tuple[str, str, str, "PairRates", "PairRates"]


def _in_training(subject: Subject, ctx: Context, inputs: pl.DataFrame, y: NDArray[np.int64]) -> list[_Tried]:
    """Train with each remedy that the model has a setting for."""
    tried: list[_Tried] = []
    for name, what, choices in TRAINING:
        for settings in choices:
            bank = _train(subject, ctx, inputs, y, name, settings)
            if bank is not None:
                (key, value), *_ = settings.items()
                words = f"{what} ({key}={value:g})"
                tried.append((name, "training", words, bank.named(bank.scores), bank.accuracy(bank.scores)))
                break
    return tried


def _in_data(
    subject: Subject, ctx: Context, inputs: pl.DataFrame, y: NDArray[np.int64], plain: _Bank
) -> tuple[str, str, str, PairRates, PairRates, PairRates, PairRates]:
    """Leave the most exposed rows out; copies with and without them learn from halves that did not choose them."""
    from holdfast.kernels.privacy.exposed_records import most_exposed

    scores = plain.attacked(plain.scores).scores
    assert scores is not None
    out = most_exposed(scores, plain.is_in[:, : scores.shape[1]], share=LEFT_OUT)
    before = _train(subject, ctx, inputs, y, "all rows, other halves", AS_IS, halves=1)
    after = _train(subject, ctx, inputs, y, "without exposed rows", AS_IS, halves=1, without=out)
    assert before is not None
    assert after is not None
    was, remains = before.only(~out), after.only(~out)
    now = remains.named(remains.scores)
    words = (
        f"trained without the {LEFT_OUT:.0%} of rows that stand out most; of the rows left {now.pairs.mean():.1%} are "
        f"named, and {was.named(was.scores).pairs.mean():.1%} were before"
    )
    whole = before.named(before.scores), before.accuracy(before.scores)
    right = before.accuracy(after.scores)  # on the rows that `before` is judged on
    # nobody who is left out can be named as a member
    return "exposed rows left out", "data", words, *whole, now.times(1.0 - LEFT_OUT), right


def _question_limit(ctx: Context) -> list[str]:
    """Say how low a limit on questions has to be to keep copies of the model poor."""
    finding = ctx.used("privacy.extraction")
    needed = [item for item in finding.measurements if item.id == "privacy.extraction.queries_to_95"] if finding else []
    return [
        f"A limit on questions keeps copies below 95 % agreement only if no client, nor several together, may ask "
        f"{item.value:,.0f}: so many were enough in privacy.extraction."
        for item in needed
    ]


def _at_output(ctx: Context, bank: _Bank) -> list[_Tried]:
    """Attack through each change of the output, in every way an attacker may look at it; the worst counts."""
    import numpy as np

    from holdfast.kernels.privacy.output_defences import OUTPUT_DEFENCES

    def through(change: object) -> Numbers:
        columns = range(bank.scores.shape[1])
        return np.stack([change(bank.scores[:, copy], ctx.rng) for copy in columns], axis=1)  # type: ignore[operator]

    tried: list[_Tried] = []
    for name, defence in OUTPUT_DEFENCES.items():
        named = max((bank.named(through(view)) for view in defence.views), key=lambda each: float(each.pairs.mean()))
        tried.append((name, "output", defence.what, named, bank.accuracy(through(defence.answer))))
    return tried


def _effect(without: PairRates, accuracy: PairRates, named: PairRates, kept: PairRates, level: float) -> Effect:
    from holdfast.kernels.privacy.defence_effect import defence_effect

    return defence_effect(without, named, accuracy, kept, level=level)


def _measured(ctx: Context, without: PairRates, defences: pl.DataFrame) -> tuple[Measured, ...]:
    import polars as pl

    from holdfast.kernels.performance.frequencies import frequency
    from holdfast.kernels.privacy.pair_rates import over_models_and_records

    leak = over_models_and_records(without, level=ctx.level)
    low, high = max(leak.low, 0.0), min(leak.high, 1.0)
    cases, count = frequency(leak.value, low, high)
    pairs = without.pairs.size
    method = f"Student t over {pairs} pairs of copies, with a jackknife over records"
    interval = Interval(low=low, high=high, level=ctx.level, method=method)
    plain = f"Of {cases} training people about {count} can be named while wrongly accusing 1 in 100 others."
    measured = [Measured(id="leak", value=leak.value, interval=interval, n=pairs, plain=plain)]
    for kind, name in (("training", "best_in_training"), ("data", "best_in_data"), ("output", "best_at_output")):
        of_kind = defences.filter(pl.col("kind") == kind).sort("removed")
        if of_kind.height:
            best = of_kind.row(-1, named=True)
            low, high = max(best["removed_low"], -1.0), min(best["removed_high"], 1.0)
            interval = Interval(low=low, high=high, level=ctx.level, method=f"{method}, all remedies at once")
            plain = f"{best['remedy'].capitalize()} ({best['what']}): {best['verdict']}."
            measured.append(Measured(id=name, value=best["removed"], interval=interval, n=pairs, plain=plain))
    return tuple(measured)
