from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.robustness.conflicts import contradictions
from holdfast.kernels.robustness.constraints import CategoryLimits, NumericLimits, holds
from holdfast.kernels.robustness.relations import parse_relation

LIMITS = {name: NumericLimits(1.0, 0.0, 10.0, False) for name in "abc"}


def named(*texts: str, **limits: NumericLimits | CategoryLimits) -> tuple[str, ...]:
    return contradictions(LIMITS | limits, relations=[parse_relation(text) for text in texts])


@pytest.mark.parametrize(
    "texts",
    [
        ("a <= b", "b <= a"),
        ("a + b == 20",),
        ("a * b == 100",),
        ("a / c >= 5",),
        ("unknown <= 3", "unknown >= 3"),
        ("a > 20 -> b > 20",),
        ("not (a > 20)",),
        ("s = 'x' or a > 20",),
        ("a != b",),
        ("a < b", "b < 10"),
    ],
)
def test_constraints_that_can_hold_are_not_accused(texts: tuple[str, ...]) -> None:
    assert named(*texts) == ()


@pytest.mark.parametrize(
    "text", ["a + b > 20", "a * b >= 101", "a < 0 and b > 0", "not a <= 10", "a > 20 or b > 20", "a - b == 11"]
)
def test_a_relation_that_no_row_within_the_ranges_fulfils_is_named(text: str) -> None:
    assert named(text) == (f"no row within the ranges fulfils {text!r}",)


def test_a_smallest_set_of_linear_relations_is_named() -> None:
    [message] = named("a <= 9", "a >= 2 * b + 1", "c <= a", "b - a / 2 >= 0")
    assert message == "no row fulfils all of 'a >= 2 * b + 1', 'b - a / 2 >= 0'"


def test_strict_relations_leave_no_room_at_the_border() -> None:
    assert named("a <= b", "b <= a") == ()
    assert len(named("a < b", "b <= a")) == 1


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (NumericLimits(1.0, 5.0, 4.0, False), "range of 'x' is empty"),
        (NumericLimits(0.0, 0.0, 4.0, False), "scale of 'x'"),
        (NumericLimits(1.0, 0.0, 4.0, False, cost=0.0), "cost of 'x'"),
        (NumericLimits(1.0, 0.0, 4.0, False, is_derived=True), "no relation settles it"),
        (CategoryLimits(frozenset()), "no valid level"),
    ],
)
def test_limits_that_make_no_sense_are_named(rule: NumericLimits | CategoryLimits, message: str) -> None:
    [found] = named(x=rule)
    assert message in found


def test_groups_must_not_overlap_and_need_no_limits() -> None:
    found = contradictions(LIMITS, one_hot=[("x", "y"), ("y", "a")])
    assert len(found) == 2
    assert "'y' stands in two one-hot groups" in found[0]
    assert "'a' has limits of its own" in found[1]


def test_a_column_follows_one_other() -> None:
    found = named("x follows s", "x follows t")
    assert found == ("'x' follows two columns: 'x follows s' and 'x follows t'",)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a <= b - 1", "b <= c", "a + b + c <= 12", "a >= 2", "c < 5", "b * a >= 6", "a / c > 0.5"]),
        min_size=1,
        max_size=5,
        unique=True,
    ),
    st.tuples(st.floats(0, 10), st.floats(0, 10), st.floats(0, 10)),
)
def test_what_some_row_fulfils_is_never_called_a_contradiction(texts: list[str], row: tuple[float, ...]) -> None:
    columns = {name: np.array([value]) for name, value in zip("abc", row, strict=True)}
    relations = [parse_relation(text) for text in texts]
    if all(holds(relation, columns, n_samples=1)[0] for relation in relations):
        assert named(*texts) == ()
