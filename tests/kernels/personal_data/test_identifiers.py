from __future__ import annotations

import pytest

from holdfast.kernels.personal_data.checksums import luhn
from holdfast.kernels.personal_data.detecting import Finder
from holdfast.kernels.personal_data.identifiers import (
    FIRM,
    GAP,
    WEAK,
    compact,
    introduced,
    is_date,
    is_short_date,
    number,
    token,
)

RULE = number("N", "XX", "3 3 3|9", luhn, WEAK, "numéro", "a source")


def found(rule, text):
    return [text[span.start : span.end] for span in Finder([rule]).find([text])[0]]


@pytest.mark.parametrize("written", ["732829320", "732 829 320", "732-829-320", "732.829.320"])
def test_groups_may_be_parted(written):
    assert found(RULE, f"numéro {written}.") == [written]


@pytest.mark.parametrize(
    "text", ["A732829320", "7328293201", "SER-732829320", "732829320-1", "1.732829320", "732829320_x", "732 829320x"]
)
def test_nothing_touches_an_identifier(text):
    assert found(RULE, f"numero {text}") == []


def test_without_context_a_weak_number_is_not_reported():
    assert found(RULE, "732829320") == []


def test_a_wrong_check_digit_is_not_reported():
    assert found(RULE, "numero 732829321") == []


def test_anchor_of_groups():
    assert number("N", "", "3 3 3", None, WEAK, "w", "s").anchor == ("digit", (3, 9), 9, ())
    assert number("N", "", "3 3 3|4 2 3", None, WEAK, "w", "s", between="[ ]").anchor == ("digit", (3, 4), 9, ())


def test_token_takes_letters_in_either_case():
    rule = token("T", "", "[A-Za-z]", "[0-9]{4}", (5, 5), None, FIRM, "", "s")
    assert found(rule, "a1234 B1234 ab1234") == ["a1234", "B1234"]


def test_a_word_introduces_a_value():
    rule = introduced("V", "", "plate żółw", GAP, "[A-Z]{2}[0-9]{2}", None, 0.9, "s")
    assert found(rule, "Plate no. AB12, plates CD34, ŻÓŁW: EF56") == ["AB12", "EF56"]


def test_dates():
    assert is_date(2000, 2, 29)
    assert not is_date(1900, 2, 29)
    assert not is_date(1700, 1, 1)
    assert is_short_date("00", "02", "29")
    assert not is_short_date("01", "02", "29")


def test_compact_leaves_letters_and_digits():
    assert compact("ab 12-3.4/5(6)") == "AB123456"
