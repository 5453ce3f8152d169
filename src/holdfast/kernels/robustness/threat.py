"""What an attack on any model works with: the columns, the threat, and the flips that come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isinf
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.constraints import Budget
from holdfast.kernels.robustness.repair import Repair

Floats = NDArray[np.float64]
Predict = Callable[[Floats], NDArray[np.int64] | NDArray[np.float64]]


class Space(NamedTuple):
    """The columns an attacker may change and how; all fields have shape ``(n_columns,)``."""

    scale: Floats
    """One unit of distance for a numeric column; 0 for a column that may not move and for categories."""
    low: Floats
    """Smallest valid value of a numeric column, -inf without one."""
    high: Floats
    """Largest valid value, inf without one."""
    is_whole: NDArray[np.bool_]
    """Whether the column holds whole numbers."""
    n_levels: NDArray[np.int64]
    """Number of levels of a category that may change, coded 0, 1, ...; 0 for every other column."""
    direction: NDArray[np.int64] | None = None
    """1 where values may only grow, -1 where they may only shrink, 0 for both; both everywhere if left out."""
    is_derived: NDArray[np.bool_] | None = None
    """Columns that the repair settles: they are not searched, and their changes cost nothing; none if left out."""
    swap_cost: Floats | None = None
    """How much of the budget of categories a change uses; 1 everywhere if left out."""
    repair: Repair | None = None
    """Brings rows back to where the relations between columns hold."""


class Threat(NamedTuple):
    """What one attack may use."""

    distance: float
    """Largest move of a row, in units of the scales; infinite for no limit."""
    categories: float
    """Largest number of category cells that change, each counted with its cost."""
    queries: int
    """Largest number of rows asked for each point."""
    norm: Literal["linf", "l1", "l2"] = "linf"
    """How moves are combined: the largest (default), their sum, or the root of their squares."""


class Preset(NamedTuple):
    """A threat for people who do not want to state one cell by cell."""

    title: str
    """What it is called in words."""
    distance: float
    """Largest move, in units of the scales."""
    categories: float
    """Largest number of categories that change."""
    keeps_fixed: bool
    """Whether columns stated as immutable or sensitive stay as they are."""


PRESETS: Mapping[str, Preset] = {
    "measurement": Preset("small measurement error", 0.05, 0, True),
    "applicant": Preset("applicant games the form", 0.5, 2, True),
    "control": Preset("attacker with full control", float("inf"), float("inf"), False),
}


def in_force(budget: Budget, *, threat: str | None) -> dict[str, float | str]:
    """Say how far an attacker may go, as the parameters of a finding do.

    Examples
    --------
    >>> in_force(Budget(0.5, 2), threat="applicant")
    {'threat': 'applicant games the form', 'distance': 0.5, 'categories': 2}
    """
    ends = {"distance": budget.distance, "categories": budget.categories}
    limits: dict[str, float | str] = {name: "no limit" if isinf(end) else end for name, end in ends.items()}
    return {"threat": PRESETS[threat].title, **limits} if threat else limits


class Flips(NamedTuple):
    """The closest changed row found for each point."""

    points: Floats
    """Changed rows, shape ``(n_points, n_columns)``; the point itself where none was found."""
    distance: Floats
    """Size of the move in units of scale, shape ``(n_points,)``; inf where none was found within the threat."""
    queries: NDArray[np.int64]
    """Rows asked for each point."""
    is_complete: bool
    """Whether every point was settled or had its full number of queries."""
