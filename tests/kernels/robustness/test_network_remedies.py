"""What a threat says of numbers is what moves rows in training."""

from __future__ import annotations

import numpy as np

from holdfast.kernels.robustness.constraints import Budget, CategoryLimits, NumericLimits
from holdfast.kernels.robustness.limits import Rules
from holdfast.kernels.robustness.network_remedies import ADVERSARIAL, adversary_of, network_remedies

LIMITS = {
    "free": NumericLimits(2.0, -np.inf, np.inf, is_whole=False),
    "grows": NumericLimits(1.0, 0.0, 5.0, is_whole=True, direction=1),
    "derived": NumericLimits(1.0, 0.0, 5.0, is_whole=False, is_derived=True),
    "kind": CategoryLimits(frozenset({0.0, 1.0})),
}
NAMES = ("kind", "free", "fixed", "grows", "derived")


def test_only_numbers_that_may_move_of_themselves_are_moved() -> None:
    adversary = adversary_of(Rules(LIMITS, Budget(0.3, 1, "l2")), NAMES)
    assert adversary is not None
    assert (adversary.norm, adversary.distance) == ("l2", 0.3)
    assert adversary.unit == (0.0, 2.0, 0.0, 1.0, 0.0)
    assert adversary.high[1:4] == (np.inf, 0.0, 5.0)
    assert adversary.direction == (0, 0, 0, 1, 0)


def test_without_a_finite_distance_there_is_nothing_to_train_with() -> None:
    for distance in (0.0, np.inf):
        assert adversary_of(Rules(LIMITS, Budget(distance, 1)), NAMES) is None
    assert adversary_of(Rules(LIMITS, Budget(0.1, 1)), ("kind", "fixed")) is None
    names = [name for name, _, _ in network_remedies(Rules(LIMITS, Budget(0.1, 1)), ("kind", "fixed"))]
    assert names == ["label smoothing", "weight averaging", "weight decay"]
    assert network_remedies(Rules(LIMITS, Budget(0.1, 1)), NAMES)[0][0] == ADVERSARIAL
