from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.date_text import shift_date

DATES = st.dates(date(1902, 1, 1), date(2090, 1, 1))
SHIFTS = st.integers(-700, 700)


@pytest.mark.parametrize(
    ("value", "days", "expected"),
    [
        ("2020-12-31", 1, "2021-01-01"),
        ("20201231", 1, "20210101"),
        ("2020/12/31 23:59:01", 1, "2021/01/01 23:59:01"),
        ("12/31/2020", 1, "01/01/2021"),
        ("3/4/1999", 1, "3/5/1999"),
        ("31 December 2020", 1, "1 January 2021"),
        ("31st of Dec 2020", 1, "1st of Jan 2021"),
        ("DEC 31, 2020", 32, "FEB 1, 2021"),
        ("2 Mar 1980, 10:15 pm", 10, "12 Mar 1980, 10:15 pm"),
    ],
)
def test_dates_move_and_keep_their_form(value: str, days: int, expected: str) -> None:
    assert shift_date(value, days) == expected


def test_the_order_of_day_and_month_is_the_callers_to_say() -> None:
    assert shift_date("03/04/1999", 1, day_first=True) == "04/04/1999"
    assert shift_date("31/04/1999", 1, day_first=True) is None


@given(DATES, DATES, SHIFTS, st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%Y%m%d", "%d/%m/%Y"]))
def test_intervals_stay(first: date, second: date, days: int, form: str) -> None:
    moved = [shift_date(day.strftime(form), days, day_first=True) for day in (first, second)]
    assert moved == [(day + timedelta(days=days)).strftime(form) for day in (first, second)]


@pytest.mark.parametrize("value", ["", "1980", "May 2020", "12/03/80", "2020-13-01", "next Tuesday", "9999-12-31"])
def test_what_is_no_day_is_not_moved(value: str) -> None:
    assert shift_date(value, 400) is None
