"""Who are the training people that stand out, and why?

**What it answers.** Membership inference says how many people can be named. This check asks what is known of them: a
row whose outcome is wrong has to be learned by heart, and a row that stands in the table twice is learned twice. Where
such rows are the ones that are given away, cleaning the table protects people without any change of the model.

**How.** The rows that the strongest attack of ``privacy.membership`` was tried on are parted into those that
``data.labels`` suspects of a wrong outcome, or that ``data.duplicates`` found repeated, and all others. Compared is the
share that stands out: scores above those of 99 of 100 people who were not in training.

**How to read it.** ``stands_out.labels`` 0.25 (0.18 to 0.32): of rows whose outcome looks wrong, 25 points more stand
out than of others.

- *Good:* 0.01 (-0.02 to 0.04): no difference was shown.
- *Bad:* 0.25 (0.18 to 0.32): the table's errors are what the model has learned by heart.
- *Misleading:* a difference at a model that names nobody: 3 % against 1 % is more, and harms nobody.

**When it misleads.** Suspects are rows that models find hard, and hard rows stand out for that alone: correct the
outcomes and audit again before you call the errors the cause. Rows that were in both tables took no part.

**What to do about a bad one.** Correct or leave out the suspects, remove repeats, train again and audit again.

References: Feldman (2020), Does learning require memorization?, STOC; Carlini et al. (2022), The privacy onion effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome
from holdfast.core.context import Context
from holdfast.core.errors import NotApplicable, NotRun
from holdfast.core.finding import Chart
from holdfast.core.measurement import Interval
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPEC = {
    "title": "Who stands out",
    "question": "Who are the training people that stand out, and why?",
    "needs": ["train", "test", "target", "query"],
    "measures": [
        {
            "id": "stands_out.*",
            "name": "Rows that stand out, share among those with this trait minus share among others",
            "unit": "share",
            "direction": "lower_is_better",
            "range": [-1, 1],
        },
    ],
    "uses": ["privacy.membership", "data.labels", "data.duplicates"],
    "evidence_codes": ["MIA"],
    "references": [
        "Feldman (2020), Does learning require memorization? A short tale about a long tail, STOC",
        "Carlini et al. (2022), The privacy onion effect: memorization is relative, NeurIPS",
    ],
    "cost": "light",
}

TRAITS = {
    "labels": ("data.labels", "affected_rows", "whose outcome looks wrong"),
    "repeats": ("data.duplicates", "repeats", "that stand in the table more than once"),
}
FEWEST_ROWS = 10
OTHERS_ABOVE = 0.99
REMEDIATION = (
    "Correct or leave out rows whose outcome is wrong, remove repeats, train again and audit again: what is then still "
    "given away is the model's doing."
)
CHART = Chart(
    id="traits", title="Rows that stand out, by what is known of them", kind="points", table="traits", x="rows",
    y="share", low="low", high="high", y_title="share that stands out", reference=0.01,
    caption="The share of training rows that stand out further than 99 of 100 people who were not in training; by "
    "chance it is 1 in 100.",
)  # fmt: skip


def run(subject: Subject, ctx: Context) -> Outcome:
    """Compare rows that other checks have found something out about with all others."""
    import numpy as np
    import polars as pl

    from holdfast.kernels.stats.proportions import clopper_pearson, newcombe_difference

    attacked = ctx.used_table("privacy.membership", "stands_out")
    if attacked is None:
        raise NotRun("there is no finding of privacy.membership on this model", hint="add --check privacy.membership")
    rows, stands_out = attacked["row"].to_numpy(), attacked["stands_out"].to_numpy()
    known = {trait: _known(ctx, trait) for trait in TRAITS}
    parts = {trait: np.isin(rows, positions) for trait, positions in known.items() if positions is not None}
    parts = {trait: has for trait, has in parts.items() if FEWEST_ROWS <= has.sum() <= has.size - FEWEST_ROWS}
    measured, lines = [], []
    for trait, has in parts.items():
        words = TRAITS[trait][2]
        counts = [(int(stands_out[part].sum()), int(part.sum())) for part in (has, ~has)]
        for name, (s, n) in zip((words, f"others than those {words}"), counts, strict=True):
            lines.append((name, s, n, *clopper_pearson(s, n, level=ctx.level)))
        found = newcombe_difference(*counts[0], *counts[1], level=1.0 - (1.0 - ctx.level) / len(parts))
        method = f"Newcombe, Bonferroni over {len(parts)}"
        measured.append(
            Measured(
                id=f"stands_out.{trait}",
                value=found.value,
                interval=Interval(low=found.low, high=found.high, level=ctx.level, method=method),
                n=counts[0][1],
                plain=f"Of {counts[0][1]:,} training rows {words}, {lines[-2][3]:.1%} stand out further than 99 of 100 "
                f"others, of all other rows {lines[-1][3]:.1%}.",
            )
        )
    if not measured:
        raise NotApplicable(
            f"fewer than {FEWEST_ROWS} of the rows that were attacked are suspects or repeats",
            hint="nothing is needed where the table has none",
        )
    schema = ["rows", "stand_out", "n", "share", "low", "high"]
    return Outcome(
        measurements=tuple(measured),
        tables={"traits": pl.DataFrame(lines, schema=schema, orient="row")},
        charts=(CHART,),
        remediation=REMEDIATION,
        assumptions=("Who stands out is told by the strongest attack of privacy.membership.",),
        work={"rows": int(rows.size)},
    )


def _known(ctx: Context, trait: str) -> NDArray[np.int64] | None:
    """Return the training rows with a trait; ``None`` when nobody looked."""
    import numpy as np
    import polars as pl

    check, name, _ = TRAITS[trait]
    table = ctx.used_table(check, name)
    if table is None:
        return None
    mine = table.filter(pl.col("table") == "train")
    return np.concatenate([mine[column].to_numpy() for column in ("row", "first_row") if column in mine.columns])
