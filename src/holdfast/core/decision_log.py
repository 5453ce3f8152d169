"""Which table logs the decisions that were taken, and what its columns are: ``decisions`` in ``holdfast.yaml``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLog:
    """A table with one row for each decision. A column that is not named is the one of that name, if there is one.

    Attributes
    ----------
    table
        Path, relative to the file it stands in.
    unit
        Column that says who or what was decided about; one is not decided about twice at one time.
    time
        Column with the time of the decision: dates, times, or numbers that grow.
    decision
        Column with the decision, of which there are two.
    selected
        The decision after which the outcome is seen: accepted, treated, patrolled, shown. Not needed where decisions
        are true and false, or 1 and 0.
    propensity
        Column with the probability with which the decision was taken as it was, above 0 and up to 1. Without it, no
        decision is taken to have been left to chance.
    score
        Column with the system's output for the case.
    outcome
        Column with the outcome as a number, missing where it was not seen.
    group
        Column with what the system may learn about from its own decisions: areas, segments, items. Otherwise
        ``unit``, if units come back again and again.
    """

    table: str | None = None
    unit: str | None = None
    time: str | None = None
    decision: str | None = None
    selected: str | int | float | bool | None = None
    propensity: str | None = None
    score: str | None = None
    outcome: str | None = None
    group: str | None = None
