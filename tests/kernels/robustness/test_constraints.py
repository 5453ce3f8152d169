from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.robustness.constraints import Budget, CategoryLimits, NumericLimits, holds, unmet, violations
from holdfast.kernels.robustness.relations import learn, parse_relation

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


def one_row(**cells: object) -> dict[str, np.ndarray]:
    return {
        name: np.array([cell], dtype=object if isinstance(cell, str | None) else None) for name, cell in cells.items()
    }


def is_true(text: str, **cells: object) -> bool:
    return bool(holds(parse_relation(text), one_row(**cells), n_samples=1)[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b <= 5", True),
        ("a * b == 6", True),
        ("a / b < 1", True),
        ("b - a > 1", False),
        ("a != b", True),
        ("a != 2", False),
        ("s = 'x'", True),
        ("s != 'x'", False),
        ("s = t", False),
        ("s in {'y', 'x'}", True),
        ("a in {3, 4}", False),
        ("s = 'x' -> a == 2", True),
        ("s = 'x' -> a == 3", False),
        ("s = 'y' -> a == 3", True),
        ("a > 5 or b > 2", True),
        ("a > 5 and b > 2", False),
        ("not a > 5", True),
        ("a / zero <= 9", False),
        ("a / zero >= 9", False),
        ("zero / zero == 0", False),
        ("zero / zero != 0", False),
    ],
)
def test_a_relation_holds_or_does_not(text: str, expected: bool) -> None:
    assert is_true(text, a=2.0, b=3.0, s="x", t="y", zero=0.0) is expected


@pytest.mark.parametrize("text", ["a <= b", "s = 'y'", "a <= 1 -> s = 'y'"])
def test_a_relation_that_speaks_of_a_missing_cell_holds(text: str) -> None:
    assert is_true(text, a=np.nan, b=0.0, s=None)


def test_integers_and_truth_values_are_numbers_in_relations() -> None:
    columns = {"n": np.array([1, 2]), "b": np.array([True, False], dtype=object)}
    assert holds(parse_relation("n + b == 2"), columns, n_samples=2).all()
    assert holds(parse_relation("b = true"), columns, n_samples=2).tolist() == [True, False]


def test_texts_cannot_be_ordered_or_added() -> None:
    with pytest.raises(ValueError, match="== or !="):
        is_true("s <= 'x'", s="x")
    with pytest.raises(ValueError, match="expected numbers"):
        is_true("s + 1 <= 2", s="x")


def test_a_relation_on_an_unknown_column_is_refused() -> None:
    with pytest.raises(ValueError, match="got 'b'"):
        is_true("a <= b", a=1.0)


def test_a_value_that_follows_is_compared_with_its_table() -> None:
    rows = {"n": np.array([1.0, 2.0]), "s": np.array(["x", "y"], dtype=object)}
    [learnt] = learn([parse_relation("n follows s")], rows)
    judged = {"n": np.array([1.0, 1.0, 9.0]), "s": np.array(["x", "y", "new"], dtype=object)}
    assert holds(learnt, judged, n_samples=3).tolist() == [True, False, True]


def test_a_changed_row_must_keep_the_relations() -> None:
    relation = parse_relation("pay * bonus == 0")
    before = one_row(pay=0.0, bonus=3.0)
    found = violations(before, one_row(pay=1.0, bonus=3.0), limits=LIMITS, budget=Budget(9.0, 0), relations=[relation])
    assert [name for name, rows in found.items() if rows[0]] == ["pay * bonus == 0"]


def test_a_row_that_did_not_change_breaks_no_relation() -> None:
    before = one_row(pay=1.0, bonus=3.0)
    relations = [parse_relation("pay * bonus == 0")]
    found = violations(before, before, limits=LIMITS, budget=Budget(9.0, 0), relations=relations)
    assert not any(rows.any() for rows in found.values())


def broken_by(after: float, rule: NumericLimits, budget: Budget) -> list[str]:
    found = violations(one_row(a=5.0), one_row(a=after), limits={"a": rule}, budget=budget)
    return [name for name, rows in found.items() if rows[0]]


def test_a_direction_forbids_the_other_one() -> None:
    rule = NumericLimits(1.0, 0.0, 10.0, False, direction=1)
    assert broken_by(5.5, rule, Budget(1.0, 0)) == []
    assert broken_by(4.5, rule, Budget(1.0, 0)) == ["direction"]


def test_an_expensive_column_moves_less_within_the_same_budget() -> None:
    rule = NumericLimits(1.0, 0.0, 10.0, False, cost=4.0)
    assert broken_by(5.25, rule, Budget(1.0, 0)) == []
    assert broken_by(5.3, rule, Budget(1.0, 0)) == ["distance"]


def test_the_move_of_a_derived_column_costs_nothing_but_its_range_holds() -> None:
    rule = NumericLimits(1.0, 0.0, 10.0, False, is_derived=True)
    assert broken_by(9.5, rule, Budget(1.0, 0)) == []
    assert broken_by(10.5, rule, Budget(1.0, 0)) == ["range"]


@pytest.mark.parametrize(("norm", "distance"), [("linf", 4.0), ("l2", 5.0), ("l1", 7.0)])
def test_moves_are_combined_by_the_norm(norm: str, distance: float) -> None:
    limits = {"a": NumericLimits(1.0, 0.0, 9.0, False), "b": NumericLimits(1.0, 0.0, 9.0, False)}
    before, after = one_row(a=0.0, b=0.0), one_row(a=3.0, b=4.0)
    for allowed, expected in ((distance, False), (np.nextafter(distance, 0), True)):
        budget = Budget(allowed, 0, norm)  # type: ignore[arg-type]
        assert violations(before, after, limits=limits, budget=budget)["distance"][0] == expected


def test_categories_are_counted_with_their_cost() -> None:
    limits = {"job": CategoryLimits(frozenset({"clerk", "cook"}), cost=2.0)}
    before, after = one_row(job="clerk"), one_row(job="cook")
    for budget, expected in ((2.0, False), (1.0, True)):
        assert violations(before, after, limits=limits, budget=Budget(1.0, budget))["categories"][0] == expected


@pytest.mark.parametrize(
    ("after", "swaps", "rules"),
    [((0.0, 1.0), 1, []), ((0.0, 1.0), 0, ["categories"]), ((1.0, 1.0), 1, ["one_hot"]), ((0.5, 0.5), 1, ["one_hot"])],
)
def test_one_hot_columns_change_together(after: tuple[float, float], swaps: int, rules: list[str]) -> None:
    before, changed = one_row(a=1.0, b=0.0), one_row(a=after[0], b=after[1])
    found = violations(before, changed, limits={}, budget=Budget(1.0, swaps), one_hot=[("a", "b")])
    assert [name for name, rows in found.items() if rows[0]] == rules


def test_rows_that_break_the_constraints_as_they_stand_are_named() -> None:
    columns = {
        "a": np.array([1.0, 11.0, 2.5, np.nan]),
        "x": np.array([1.0, 0.0, 1.0, 1.0]),
        "y": np.array([0.0, 0.0, 0.0, 1.0]),
    }
    found = unmet(
        columns,
        limits={"a": NumericLimits(1.0, 0.0, 10.0, True)},
        relations=[parse_relation("a <= 2")],
        one_hot=[("x", "y")],
    )
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "range of a": [1],
        "whole numbers in a": [2],
        "one of x, y": [1, 3],
        "a <= 2": [1, 2],
    }
