"""Which of two models is harder to flip, on the rows that were attacked in both audits."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.core.finding import Finding
from holdfast.core.record import Audit
from holdfast.reports.text import join_words

if TYPE_CHECKING:
    import polars as pl

CHECK, TABLE, LEVEL = "robustness.evasion", "points", 0.95
MOST_WORDS = 4
# What of the deployment decides how an attacker may change rows.
THREAT = {
    "costs", "directions", "immutable", "integer", "one_hot", "ranges", "relations", "returns", "sensitive", "text",
    "threat",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipDifference:
    """The rows of one test table that both models answer rightly and that were attacked in both audits.

    Attributes
    ----------
    n, flipped_before, flipped_after
        Rows, and how many of them were flipped in each audit.
    difference, low, high
        Share flipped after minus before, with Tango's interval at 95 %.
    p_value
        McNemar's exact test.
    unlike
        In what the attacks differed; the difference then says nothing about the models.
    """

    n: int
    flipped_before: int
    flipped_after: int
    difference: float
    low: float
    high: float
    p_value: float
    unlike: tuple[str, ...]

    @property
    def is_shown(self) -> bool:
        """Whether interval and test agree that the models differ, and the attacks did not."""
        return not self.unlike and self.p_value <= 1 - LEVEL and not self.low <= 0 <= self.high


def flip_difference(before: Audit, after: Audit) -> FlipDifference | None:
    """Compare the attacks of two audits row by row; None where they share no test table or no attacked row."""
    from holdfast.kernels.stats.paired import mcnemar_exact, paired_proportion_difference

    asked = [
        (subject.tables["test"].digest if "test" in subject.tables else None, subject.target)
        for subject in (before.findings.subject, after.findings.subject)
    ]
    if asked[0][0] is None or asked[0] != asked[1]:
        return None
    first_flips, second_flips = _flips(before, _finding(before)), _flips(after, _finding(after))
    if first_flips is None or second_flips is None:
        return None
    both = first_flips.join(second_flips, on="row", suffix="_after")
    n, first, second = both.height, both["success"], both["success_after"]
    if not n:
        return None
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    estimate = paired_proportion_difference(only_first, only_second, n, level=LEVEL)
    return FlipDifference(
        n=n,
        flipped_before=int(first.sum()),
        flipped_after=int(second.sum()),
        difference=estimate.value,
        low=estimate.low,
        high=estimate.high,
        p_value=mcnemar_exact(only_first, only_second),
        unlike=_unlike(before, after, both),
    )


def render_flips(found: FlipDifference) -> str:
    """Say in one paragraph which model is harder to flip, or that it cannot be told."""
    before, after = (f"{100 * count / found.n:.1f} %" for count in (found.flipped_before, found.flipped_after))
    ends = f"{100 * found.low:+.1f} to {100 * found.high:+.1f}"
    numbers = (
        f"{found.n:,} rows were attacked in both, and both models answer them rightly: {before} flipped -> {after}, "
        f"a difference of {100 * found.difference:+.1f} points ({ends}), p = {_p(found.p_value)} (McNemar, exact)"
    )
    if found.is_shown:
        return f"{numbers}; the {'later' if found.difference < 0 else 'earlier'} model is harder to flip"
    why = f"the attacks differed in {join_words(found.unlike, MOST_WORDS)}: " if found.unlike else ""
    return f"{numbers}; {why}this cannot tell which model is harder to flip"


def _finding(audit: Audit) -> Finding | None:
    measured = (finding for finding in audit.findings.findings if finding.check == CHECK)
    return next((finding for finding in measured if finding.state == "measured"), None)


def _flips(audit: Audit, finding: Finding | None) -> pl.DataFrame | None:
    """Rows, whether they flipped, and what was proved; None where the evidence is absent, elsewhere or damaged."""
    import polars as pl

    path = finding.evidence.get(TABLE) if finding else None
    root = Path(audit.folder).resolve()
    whole = (root / path).resolve() if path else root
    if not whole.is_file() or not whole.is_relative_to(root):
        return None
    wanted = {"row": pl.Int64, "success": pl.Boolean, "lower_bound": pl.Float64}
    try:
        columns = [pl.col(name).cast(dtype) for name, dtype in wanted.items()]
        return pl.scan_parquet(whole, glob=False).select(columns).drop_nulls("success").unique("row").collect()
    except pl.exceptions.PolarsError:
        return None


def _unlike(before: Audit, after: Audit, both: pl.DataFrame) -> tuple[str, ...]:
    """Say in what the attacks differed, apart from the models."""
    subjects = before.findings.subject, after.findings.subject
    first, second = (subject.deployment for subject in subjects)
    stated = [each.name for each in fields(first) if each.name in THREAT]
    unlike = [name for name in stated if getattr(first, name) != getattr(second, name)]
    parameters = [finding.parameters if finding else {} for finding in map(_finding, (before, after))]
    keys = {**parameters[0], **parameters[1]}
    unlike += [key for key in keys if key not in unlike and parameters[0].get(key) != parameters[1].get(key)]
    training = [subject.tables["train"].digest if "train" in subject.tables else "" for subject in subjects]
    cases = {
        "effort": before.run.effort != after.run.effort,
        # Only a search of the model's trees proves that no flip is closer.
        "kind, a search of trees or questions": len(
            {both[name].count() > 0 for name in ("lower_bound", "lower_bound_after")}
        )
        > 1,
        "the training table, which sets units and ranges": training[0] != training[1],
    }
    return (*unlike, *(name for name, differs in cases.items() if differs))


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 0.0001 else "under 0.0001"
