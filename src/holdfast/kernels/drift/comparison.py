"""What is known of two tables after they were compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from holdfast.kernels.drift.columns import ColumnDrift, SchemaChange, Verdict
from holdfast.kernels.drift.explaining import HeldDrift, SliceShift
from holdfast.kernels.drift.joint import JointTest
from holdfast.kernels.drift.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """What tests on all columns together found.

    Attributes
    ----------
    classifier
        The area under the ROC curve of boosted trees on rows they were not fitted on: 0.5 where nothing tells the
        tables apart.
    means
        The distance of mean features of the columns of numbers, ``None`` without any or with too few rows.
    shares
        By column, how much of the area is lost when the column is shuffled, the largest first.
    rows
        Rows of each table that were looked at.
    is_shown
        Whether the tables differ by more than the least effect that matters.
    """

    classifier: JointTest
    means: JointTest | None
    shares: Sequence[tuple[str, float]]
    rows: tuple[int, int]
    is_shown: bool


class Explained(NamedTuple):
    """Rows that explain drift, each with what describes them.

    Attributes
    ----------
    shifts
        Rows that became more or less common, the largest change first.
    held
        Rows without which a column moves by less than half as far.
    """

    shifts: tuple[tuple[str, SliceShift], ...]
    held: tuple[tuple[str, HeldDrift], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What is known of two tables.

    Attributes
    ----------
    columns
        One entry for each property of each column that was tested.
    schema
        Columns that vanished, appeared, changed type, emptied or seem to be in another unit.
    apart
        Tests on all columns together, where rows of both tables were at hand.
    reference, current
        Profiles of both.
    sources
        Where they came from.
    alpha, least_effect, level
        What was asked: chance of a false alarm over all columns, share of rows that matters, level of the intervals.
    explained
        Rows that explain the drift, where both tables were at hand. They count for no verdict.
    assumptions
        What the result leans on.
    """

    columns: Sequence[ColumnDrift]
    schema: Sequence[SchemaChange]
    apart: Apart | None
    reference: Profile
    current: Profile
    sources: tuple[str, str]
    alpha: float
    least_effect: float
    level: float
    explained: Explained | None = None
    assumptions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def drifted(self) -> list[ColumnDrift]:
        """What has drifted, the largest effect first."""
        found = [each for each in self.columns if each.verdict == "drifted"]
        return sorted(found, key=lambda each: (-each.effect.low, each.column))

    @property
    def verdict(self) -> Verdict:
        """``drifted`` where anything has, ``within`` where all columns are shown not to, else ``not shown``."""
        if self.drifted or self.schema or (self.apart is not None and self.apart.is_shown):
            return "drifted"
        return "within" if self.columns and all(each.verdict == "within" for each in self.columns) else "not shown"
