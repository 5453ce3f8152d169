from __future__ import annotations

import numpy as np
import pytest

from holdfast.core.deployment import Deployment
from holdfast.kernels.robustness.constraints import Budget, CategoryLimits, NumericLimits
from holdfast.kernels.robustness.limits import Stated, limits_of, rules_of

SEEN = {
    "pay": np.array([1.0, 2.0, 3.0, 9.0, np.nan]),
    "loan": np.array([2.0, 4.0, 5.0, 9.0, 1.0]),
    "sex": np.array(["f", "m", "f", None, "m"], dtype=object),
    "flat": np.array([4.0] * 5),
}


def rules(**stated: object):
    return rules_of(Deployment(**stated), SEEN, Budget(0.2, 1), whole=frozenset())  # type: ignore[arg-type]


def test_ranges_units_and_levels_come_from_the_data() -> None:
    limits = limits_of(SEEN, Stated())
    assert limits["pay"] == NumericLimits(2.75, 1.0, 9.0, False)
    assert limits["sex"] == CategoryLimits(frozenset({"f", "m"}))


def test_constant_and_fixed_columns_do_not_change() -> None:
    assert set(limits_of(SEEN, Stated(fixed=frozenset({"sex"})))) == {"pay", "loan"}


def test_numbers_beyond_exact_integers_are_no_quantities() -> None:
    assert limits_of({"id": np.array([1.0, 2.0**60])}, Stated(whole=frozenset({"id"}))) == {}


def test_what_is_stated_goes_before_the_data() -> None:
    found = rules(
        ranges={"pay": (0.0, 20.0)}, directions={"pay": "up", "loan": "down"}, costs={"sex": 2.0}, integer=("loan",)
    ).limits
    assert found["pay"] == NumericLimits(2.75, 0.0, 20.0, False, 1)
    assert found["loan"] == NumericLimits(3.0, 1.0, 9.0, True, -1)
    assert found["sex"] == CategoryLimits(frozenset({"f", "m"}), 2.0)


def test_a_threat_takes_the_place_of_the_budget() -> None:
    assert rules().budget == Budget(0.2, 1)
    assert rules(threat="applicant").budget == Budget(0.5, 2)


def test_immutable_columns_move_under_full_control_only() -> None:
    assert "pay" not in rules(immutable=("pay",), threat="applicant").limits
    assert "pay" in rules(immutable=("pay",), threat="control").limits


def test_data_that_breaks_a_relation_names_the_rows() -> None:
    with pytest.raises(ValueError, match=r"'loan <= pay' in 3 of 5 rows, first in 0, 1, 2"):
        rules(relations=("loan <= pay",))


def test_constraints_that_contradict_each_other_are_named() -> None:
    with pytest.raises(ValueError, match=r"contradict each other: .*'pay'"):
        rules(costs={"pay": -1.0})


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"ranges": {"loan": (0.0, 3.0)}}, r"'range of loan' in 3 of 5 rows, first in 1, 2, 3"),
        ({"integer": ("half",)}, r"'whole numbers in half' in 3 of 5 rows, first in 0, 1, 2"),
    ],
)
def test_what_most_rows_break_is_an_error_that_names_rows(stated: dict[str, object], message: str) -> None:
    seen = SEEN | {"half": np.array([0.5, 1.5, 2.5, 4.0, 5.0])}
    with pytest.raises(ValueError, match=message):
        rules_of(Deployment(**stated), seen, Budget(0.2, 1), whole=frozenset())  # type: ignore[arg-type]


def test_a_range_that_few_rows_break_stands() -> None:
    assert rules(ranges={"loan": (1.0, 5.0)}).limits["loan"] == NumericLimits(3.0, 1.0, 5.0, False)


def test_a_range_of_one_value_fixes_the_column() -> None:
    found = rules(ranges={"pay": (3.0, 3.0)}, threat="control")
    assert "pay" not in found.limits


def test_a_group_with_a_column_that_stays_does_not_move() -> None:
    seen = SEEN | {"rents": np.array([1.0, 0, 0, 1, 1]), "owns": np.array([0.0, 1, 1, 0, 0])}
    group = ("rents", "owns")

    def moving(**stated: object) -> tuple[tuple[str, ...], ...]:
        deployment = Deployment(one_hot=(group,), **stated)  # type: ignore[arg-type]
        return rules_of(deployment, seen, Budget(0.2, 1), whole=frozenset()).one_hot

    assert moving() == (group,)
    assert moving(sensitive=("owns",)) == moving(immutable=("rents",)) == ()
    assert moving(sensitive=("owns",), threat="control") == (group,)


def test_pixels_share_one_valid_range_and_constant_ones_move_too() -> None:
    seen = {"p0": np.zeros(3), "p1": np.array([0.0, 128.0, 255.0]), "p2": np.full(3, 30.0)}
    rules = rules_of(Deployment(modality="image"), seen, Budget(0.1, 0), whole=frozenset(seen))
    assert rules.limits == {name: NumericLimits(255.0, 0.0, 255.0, is_whole=True) for name in seen}


def test_a_stated_range_of_pixels_holds_in_place_of_the_one_seen() -> None:
    stated = Deployment(modality="image", ranges={"p0": (0.0, 1.0), "p1": (0.0, 1.0)})
    rules = rules_of(stated, {"p0": np.zeros(2), "p1": np.array([0.1, 0.9])}, Budget(0.1, 0), whole=frozenset())
    assert rules.limits == {name: NumericLimits(1.0, 0.0, 1.0, is_whole=False) for name in ("p0", "p1")}
