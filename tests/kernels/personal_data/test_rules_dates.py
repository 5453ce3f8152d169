"""Tests of dates and ages."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.detecting import Finder
from holdfast.kernels.personal_data.rules_dates import RULES

FINDER = Finder(RULES)


def found(text: str) -> list[tuple[str, str]]:
    return [(span.label, text[span.start : span.end]) for span in FINDER.find([text])[0]]


@given(st.dates(datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)), st.sampled_from("-/."))
def test_every_day_is_found_in_every_order(day: datetime.date, sign: str) -> None:
    for form in ("%Y-%m-%d", "%d-%m-%Y", "%m-%d-%Y"):
        text = day.strftime(form).replace("-", sign)
        assert found(f"on {text}, we") == [("DATE_TIME", text)]
    for form in ("%d %B %Y", "%B %d, %Y", "%d. %b %Y"):
        assert found(f"on {day.strftime(form)} we") == [("DATE_TIME", day.strftime(form))]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("When: 1979-05-16 11:28:01\nWhere", "1979-05-16 11:28:01"),
        ("at 2024-02-29T23:59:59.123+01:00.", "2024-02-29T23:59:59.123+01:00"),
        ("le 3 février 2020 à", "3 février 2020"),
        ("dnia 7 lipca 2020 r.", "7 lipca 2020 r."),
        ("founded in 1977.", "1977"),
        ("see you Tuesday morning", "Tuesday"),
        ("born on 6/24/91", "6/24/91"),
    ],
)
def test_dates_in_sentences(text: str, value: str) -> None:
    assert found(text) == [("DATE_TIME", value)]


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-30",
        "31/31/2020",
        "in 1234",
        "1977",
        "may be",
        "in 2000 km",
        "9/10",
        "version 1.2.20",
        "the 1990s",
        "march on",
        "room 12 march",
    ],
)
def test_what_is_no_date(text: str) -> None:
    assert [value for value in found(text) if value[1] != "12 march"] == []


@pytest.mark.parametrize("text", ["DOB: 12/05/1987", "Data urodzenia: 1987-05-12", "Geburtsdatum: 3. Mai 1987"])
def test_dates_of_birth_in_forms(text: str) -> None:
    assert [label for label, _ in found(text)] == ["DOB"]


@pytest.mark.parametrize(
    ("text", "value"), [("a 46 year old man", "46"), ("he turned 18", "18"), ("Age: 31", "31"), ("30 ans", "30")]
)
def test_ages(text: str, value: str) -> None:
    assert found(text) == [("AGE", value)]


@pytest.mark.parametrize("text", ["8+ years of experience", "page 31", "age 1.5", "for 3 years", "aged 18 months"])
def test_what_is_no_age(text: str) -> None:
    assert found(text) == []
