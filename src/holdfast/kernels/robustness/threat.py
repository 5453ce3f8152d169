"""What an attack on any model works with: the columns, the threat, and the flips that come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isinf
from typing import Any, Literal, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import NDArray

from holdfast.kernels.robustness.constraints import Budget
from holdfast.kernels.robustness.repair import Repair

# Units, where nothing else is said: of a table's columns, and 8 of 255 steps of brightness.
TABLE_DISTANCE, IMAGE_DISTANCE = 0.2, 8 / 255
Norm = Literal["linf", "l1", "l2"]
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
    norm: Norm = "linf"
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


def budget_of(distance: float | None, categories: float, norm: str, *, modality: str = "tabular") -> Budget:
    """Check the parameters of a threat; without a distance it is the usual one for what the inputs are.

    Examples
    --------
    >>> budget_of(None, 1, "l1"), round(255 * budget_of(None, 1, "linf", modality="image").distance)
    (Budget(distance=0.2, categories=1, norm='l1'), 8)
    """
    if distance is None:
        distance = IMAGE_DISTANCE if modality == "image" else TABLE_DISTANCE
    if not isinstance(distance, int | float) or not isinstance(categories, int | float):
        raise ValueError(f"expected numbers for the threat, got distance={distance!r}, categories={categories!r}")
    if distance < 0 or categories < 0:
        raise ValueError(f"expected a threat of zero or more, got distance={distance}, categories={categories}")
    if norm not in get_args(Norm):
        raise ValueError(f"expected one of {', '.join(get_args(Norm))} for the norm, got {norm!r}")
    return Budget(distance, categories, cast(Norm, norm))


def stated_budget(parameters: Mapping[str, Any]) -> Budget:
    """Read back how far an attacker could go from the parameters of a finding.

    Examples
    --------
    >>> stated_budget({"distance": "no limit", "categories": 2, "norm": "l2"})
    Budget(distance=inf, categories=2.0, norm='l2')
    """
    distance, categories = (
        float("inf") if parameters[name] == "no limit" else float(parameters[name])
        for name in ("distance", "categories")
    )
    return budget_of(distance, categories, parameters.get("norm", "linf"))


def covers(proved: Budget, attacked: Budget) -> bool:
    """Tell whether a proof within one budget speaks of every change within another.

    At one distance the moves of L1 are among those of L2, and these among those of the maximum norm; with distance
    0 they are all the same.

    Examples
    --------
    >>> covers(Budget(0.2, 1), Budget(0.2, 1, "l1")), covers(Budget(0.2, 1, "l2"), Budget(0.2, 1))
    (True, False)
    """
    widest = ("l1", "l2", "linf")
    is_wider = widest.index(proved.norm) >= widest.index(attacked.norm) or attacked.distance == 0
    return is_wider and proved.distance >= attacked.distance and proved.categories >= attacked.categories


def moves_in_words(budget: Budget, *, is_image: bool = False) -> str:
    """Say how far numbers and categories may move.

    Examples
    --------
    >>> moves_in_words(Budget(0.2, 1)).split(";")[1]
    ' at most 1 categories change.'
    """
    unit = "(ranges of a pixel's values)" if is_image else "(interquartile ranges, or 1 if all lie in [0, 1])"
    moves = {
        "linf": f"Numbers move by at most {budget.distance:g} units {unit}",
        "l1": f"The moves of all numbers add up to at most {budget.distance:g} units {unit}, the L1 norm",
        "l2": f"The moves of all numbers have a length of at most {budget.distance:g} units {unit}, the L2 norm",
    }
    swaps = "" if is_image else f"; at most {budget.categories:g} categories change"
    return f"{moves[budget.norm]}{swaps}."


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
