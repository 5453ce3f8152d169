from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

from holdfast.auditing.moments import moments, span
from holdfast.core.errors import InputError


@pytest.mark.parametrize(
    "values",
    [
        ["1970-01-02"],
        ["1970-01-02T00:00:00"],
        ["1970-01-02T01:00:00+01:00"],
        [date(1970, 1, 2)],
        [datetime(1970, 1, 2)],
        [86_400],
    ],
)
def test_one_moment_however_it_is_written(values: list[object]) -> None:
    assert moments(pl.Series("t", values), where="the table").tolist() == [86_400.0]


@pytest.mark.parametrize("values", [[None, 1.0], [float("inf")], [True], ["yesterday"]])
def test_what_is_no_time_is_refused(values: list[object]) -> None:
    with pytest.raises(InputError):
        moments(pl.Series("t", values, strict=False), where="the table")


@pytest.mark.parametrize(("text", "seconds"), [("7d", 604_800.0), ("1.5h", 5400.0), ("2w", 1_209_600.0)])
def test_spans_are_read(text: str, seconds: float) -> None:
    assert span(text, what="--every", is_clock=True) == seconds


@pytest.mark.parametrize(("text", "is_clock"), [("7", True), ("7d", False), ("-1d", True), ("", True), ("soon", True)])
def test_spans_that_do_not_fit_are_refused(text: str, is_clock: bool) -> None:
    with pytest.raises(InputError):
        span(text, what="--every", is_clock=is_clock)
