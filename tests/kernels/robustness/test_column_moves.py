"""What a threat says of numbers is what moves rows in training."""

from __future__ import annotations

import numpy as np

from holdfast.kernels.robustness.column_moves import column_moves
from holdfast.kernels.robustness.constraints import Budget, CategoryLimits, NumericLimits
from holdfast.kernels.robustness.limits import Rules

LIMITS = {
    "free": NumericLimits(2.0, -np.inf, np.inf, is_whole=False),
    "grows": NumericLimits(1.0, 0.0, 5.0, is_whole=True, direction=1),
    "derived": NumericLimits(1.0, 0.0, 5.0, is_whole=False, is_derived=True),
    "dear": NumericLimits(1.0, -1.0, 1.0, is_whole=False, cost=4.0, direction=-1),
    "kind": CategoryLimits(frozenset({0.0, 1.0})),
}


def test_only_numbers_that_may_move_of_themselves_are_moved() -> None:
    found = column_moves(Rules(LIMITS, Budget(0.3, 1, "l2")), ("kind", "free", "fixed", "grows", "derived", "dear"))
    assert found.unit == (0.0, 2.0, 0.0, 1.0, 0.0, 0.25)
    assert found.low == (0.0, -np.inf, 0.0, 0.0, 0.0, -1.0)
    assert found.high == (0.0, np.inf, 0.0, 5.0, 0.0, 1.0)
    assert found.direction == (0, 0, 0, 1, 0, -1)
