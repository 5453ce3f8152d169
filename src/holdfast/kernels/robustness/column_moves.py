"""What a threat allows to each column that a network is given, while it is trained on rows that were moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from holdfast.kernels.robustness.constraints import NumericLimits

if TYPE_CHECKING:
    from holdfast.kernels.robustness.limits import Rules


class ColumnMoves(NamedTuple):
    """What each column may do, all of length ``n_columns``."""

    unit: tuple[float, ...]
    """Length of one unit of distance; 0 for a column that stays."""
    low: tuple[float, ...]
    high: tuple[float, ...]
    direction: tuple[int, ...]
    """1 for a column that may only grow, -1 for one that may only shrink, 0 for both."""


def column_moves(rules: Rules, names: tuple[str, ...]) -> ColumnMoves:
    """Say how far the cells of a row may be moved; categories and one-hot groups stay as they are.

    Parameters
    ----------
    rules
        What may change.
    names
        The columns that the network is given, in its order.

    Examples
    --------
    >>> from holdfast.kernels.robustness.constraints import Budget
    >>> from holdfast.kernels.robustness.limits import Rules
    >>> rules = Rules({"a": NumericLimits(2.0, 0.0, 9.0, is_whole=False, cost=4.0)}, Budget(0.2, 1))
    >>> column_moves(rules, ("a", "b"))
    ColumnMoves(unit=(0.5, 0.0), low=(0.0, 0.0), high=(9.0, 0.0), direction=(0, 0))
    """
    found = [rules.limits.get(name) for name in names]
    moving = [one if isinstance(one, NumericLimits) and not one.is_derived else None for one in found]
    return ColumnMoves(
        unit=tuple((one.scale / one.cost if one.cost > 0 else one.scale) if one else 0.0 for one in moving),
        low=tuple(float(one.low) if one else 0.0 for one in moving),
        high=tuple(float(one.high) if one else 0.0 for one in moving),
        direction=tuple(one.direction if one else 0 for one in moving),
    )
