"""Tests of telephone numbers with a country's code."""

from __future__ import annotations

import pytest

from holdfast.kernels.personal_data.numbering_plans import is_international_number


@pytest.mark.parametrize("text", ["+44 20 7946 0018", "0049 (0)30 901820", "+1 212-555-0147x12", "+48 22 694 12 34"])
def test_numbers_that_a_plan_allows_are_accepted(text: str) -> None:
    assert is_international_number(text)


@pytest.mark.parametrize("text", ["+44 20 79", "+999 20 7946 0018", "+1 212-555", "+", "00 12345678901234567"])
def test_numbers_that_no_plan_allows_are_refused(text: str) -> None:
    assert not is_international_number(text)
