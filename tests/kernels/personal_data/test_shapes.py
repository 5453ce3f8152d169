"""Shapes show what a value looks like and nothing of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.shapes import shape_of


def test_letters_and_digits_are_replaced_and_separators_stay() -> None:
    assert shape_of("+48 22 123-45-67") == "+99 99 999-99-99"
    assert shape_of("Łódź") == "Aaaa"
    assert shape_of("٣٤") == "99"


def test_long_values_are_cut() -> None:
    assert shape_of("a" * 100) == "a" * 40 + "…"


@given(st.text())
def test_no_letter_digit_or_control_of_the_value_is_shown(value: str) -> None:
    shape = shape_of(value)
    assert not {character for character in shape if character.isalnum()} - {"a", "A", "9"}
    assert all(character.isprintable() for character in shape)
