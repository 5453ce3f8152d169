from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.robustness.constraints import Budget, CategoryLimits, NumericLimits, violations

LIMITS = {
    "age": NumericLimits(scale=10.0, low=0.0, high=100.0, is_whole=True),
    "pay": NumericLimits(scale=1.0, low=0.0, high=5.0, is_whole=False),
    "job": CategoryLimits(frozenset({"clerk", "cook"})),
    "town": CategoryLimits(frozenset({"Rome", "Oslo"})),
}
ROW = {"age": 30.0, "pay": 2.0, "job": "clerk", "town": "Rome", "sex": "f"}


def broken(before: dict[str, object], **changes: object) -> list[str]:
    def columns(row: dict[str, object]) -> dict[str, np.ndarray]:
        return {
            name: np.array([cell], dtype=object if isinstance(cell, str | None) else None) for name, cell in row.items()
        }

    found = violations(
        columns(before), columns({**before, **changes}), limits=LIMITS, budget=Budget(distance=0.5, categories=1)
    )
    return [name for name, rows in found.items() if rows[0]]


def test_an_unchanged_row_breaks_nothing() -> None:
    assert broken(ROW) == []


def test_a_row_at_every_limit_breaks_nothing() -> None:
    assert broken(ROW, age=35.0, pay=1.5, job="cook") == []


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"age": 36.0}, ["distance"]),
        ({"age": 30.5}, ["whole"]),
        ({"pay": np.nextafter(2.5, 3.0)}, ["distance"]),
        ({"job": "king"}, ["levels"]),
        ({"job": None}, ["levels"]),
        ({"job": "cook", "town": "Oslo"}, ["categories"]),
        ({"sex": "m"}, ["immutable"]),
        ({"pay": np.nan}, ["immutable"]),
    ],
)
def test_each_rule_is_enforced_without_tolerance(changes: dict[str, object], rules: list[str]) -> None:
    assert broken(ROW, **changes) == rules


def test_a_value_may_not_leave_the_range() -> None:
    assert broken({**ROW, "pay": 4.8}, pay=5.1) == ["range"]


def test_a_value_outside_the_range_may_come_nearer_but_not_go_further() -> None:
    outside = {**ROW, "pay": 6.0}
    assert broken(outside, pay=5.6) == []
    assert broken(outside, pay=6.1) == ["range"]


def test_a_missing_cell_may_not_be_filled() -> None:
    assert broken({**ROW, "pay": np.nan}, pay=2.0) == ["immutable"]
    assert broken({**ROW, "job": None}, job="cook") == ["immutable"]


def test_missing_cells_that_stay_missing_are_no_change() -> None:
    assert broken({**ROW, "pay": np.nan, "job": None, "sex": None}) == []


def test_dates_are_compared_with_missing_ones() -> None:
    days = np.array(["2026-01-01", "NaT"], dtype="datetime64[us]")
    found = violations({"day": days}, {"day": days.copy()}, limits={}, budget=Budget(1.0, 1))
    assert not found["immutable"].any()


def test_other_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="expected the columns"):
        violations({"a": np.ones(1)}, {"b": np.ones(1)}, limits={}, budget=Budget(1.0, 1))


def test_no_rows_break_nothing() -> None:
    found = violations({"a": np.ones(0)}, {"a": np.ones(0)}, limits={}, budget=Budget(1.0, 1))
    assert all(rows.size == 0 for rows in found.values())
