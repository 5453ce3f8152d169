from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.robustness.relations import (
    Arithmetic,
    Column,
    Comparison,
    Constant,
    Follows,
    Logic,
    Membership,
    Negation,
    learn,
    parse_relation,
)

a, b, c = Column("a"), Column("b"), Column("c")
one = Constant(1.0)


def tree(text: str) -> object:
    return parse_relation(text).tree


def test_products_bind_tighter_than_sums_and_sums_than_comparisons() -> None:
    expected = Comparison("<=", a, Arithmetic("+", b, Arithmetic("*", Constant(2.0), c)))
    assert tree("a <= b + 2 * c") == expected


def test_differences_and_ratios_bind_to_the_left() -> None:
    assert tree("a - b - c == 1") == Comparison("==", Arithmetic("-", Arithmetic("-", a, b), c), one)
    assert tree("a / b / c == 1") == Comparison("==", Arithmetic("/", Arithmetic("/", a, b), c), one)


def test_parentheses_group_numbers_and_statements() -> None:
    assert tree("(a + b) * c < 1") == Comparison("<", Arithmetic("*", Arithmetic("+", a, b), c), one)
    both = Logic("or", Comparison("<", a, one), Comparison("<", b, one))
    assert tree("(a < 1 or b < 1) and c < 1") == Logic("and", both, Comparison("<", c, one))


def test_and_binds_tighter_than_or_and_both_than_an_implication() -> None:
    parts = [Comparison("<", column, one) for column in (a, b, c)]
    expected = Logic("->", Logic("or", parts[0], Logic("and", parts[1], parts[2])), parts[0])
    assert tree("a < 1 or b < 1 and c < 1 -> a < 1") == expected


def test_an_implication_binds_to_the_right() -> None:
    parts = [Comparison("<", column, one) for column in (a, b, c)]
    assert tree("a < 1 -> b < 1 -> c < 1") == Logic("->", parts[0], Logic("->", parts[1], parts[2]))


def test_a_denial_reaches_over_one_comparison() -> None:
    expected = Logic("and", Negation(Comparison("<", a, one)), Comparison("<", b, one))
    assert tree("not a < 1 and b < 1") == expected


def test_one_equals_sign_is_as_good_as_two() -> None:
    assert tree("a = 'x'") == tree('a == "x"') == Comparison("==", a, Constant("x"))


def test_signs_stand_before_numbers_and_columns() -> None:
    assert tree("a >= -1") == Comparison(">=", a, Constant(-1.0))
    assert tree("-a >= 1") == Comparison(">=", Arithmetic("*", Constant(-1.0), a), one)


def test_lists_hold_numbers_and_texts() -> None:
    assert tree("a in {1, -2.5e1, 'x', true}") == Membership(a, (1.0, -25.0, "x", True))


def test_names_that_are_no_plain_words_stand_in_backticks() -> None:
    assert parse_relation("`hours per week` <= `max-hours`").columns == ("hours per week", "max-hours")


def test_columns_are_named_once_in_order() -> None:
    assert parse_relation("b * a == 0 -> a in {1} and not b < c").columns == ("b", "a", "c")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a column or a value, got the end"),
        ("a <=", "a column or a value, got the end"),
        ("a + b", "got the value"),
        ("a < b < c", "one comparison at a time"),
        ("a <= b c", "the end of the relation, got 'c' at position 7"),
        ("(a <= b", r"'\)', got the end"),
        ("a ** 2 == b", "a column or a value, got '\\*'"),
        ("a <= b; import os", "a relation, got ';'"),
        ("__import__('os') == 1", "the end of the relation"),
        ("a.b <= 1", "a relation, got '.'"),
        ("a <= (b <= c)", "got a statement"),
        ("a and b <= c", "got a value"),
        ("a + 1 in {2}", "the name of a column"),
        ("a in {b}", "between the braces"),
        ("a in {-'x'}", "between the braces"),
        ("a follows 1", "the name of a column"),
        ("(" * 60 + "a" + ")" * 60 + " < 1", "levels of nesting"),
        ("a <= " + "1 + " * 1000 + "1", "at most 2000 characters"),
    ],
)
def test_what_is_no_relation_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_relation(text)


@given(st.text(alphabet="ab1 +-*/()<>=!&|{},'`\"notandorin.", max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_relation(text).text == text


def test_what_follows_is_learnt_from_valid_rows() -> None:
    rows = {"n": np.array([1.0, 2.0, 1.0, np.nan]), "s": np.array(["x", "y", "x", "z"], dtype=object)}
    [learnt] = learn([parse_relation("n follows s")], rows)
    assert learnt.tree == Follows("n", "s", (("x", 1.0), ("y", 2.0)))


def test_two_values_for_one_level_are_refused_with_their_rows() -> None:
    rows = {"n": np.array([1.0, 5.0, 2.0]), "s": np.array(["x", "y", "x"], dtype=object)}
    with pytest.raises(ValueError, match=r"1\.0 in row 0 and 2\.0 in row 2"):
        learn([parse_relation("n follows s")], rows)


def test_learning_needs_the_columns() -> None:
    with pytest.raises(ValueError, match="got 's'"):
        learn([parse_relation("n follows s")], {"n": np.array([1.0])})


def test_other_relations_are_passed_through() -> None:
    relation = parse_relation("a <= b")
    assert learn([relation], {}) == (relation,)
