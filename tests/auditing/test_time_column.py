"""Times are read, ordered, cut and divided as they are written."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from holdfast.adapters.tables.reading import read_table
from holdfast.auditing.time_column import numbered, read_span, read_times, seasons
from holdfast.core.errors import InputError


def times(values: list[object]) -> pl.DataFrame:
    return pl.DataFrame({"when": values, "x": range(len(values))})


def test_dates_times_texts_and_zones_are_one_moment() -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    written = [
        times([moment]),
        times([date(2026, 3, 1)]),
        times([datetime(2026, 3, 1)]),
        times(["2026-03-01T01:00:00+01:00"]),
        times(["2026-02-28T19:00:00-05:00"]),
        times(["2026-03-01"]),
    ]
    for frame in written:
        found = read_times(read_table(frame, name="current"), "when")
        assert (found.values.tolist(), found.is_clock) == ([moment.timestamp()], True)
    assert found.written(found.values[0]) == "2026-03-01"
    assert found.written(found.values[0] + 90.0) == "2026-03-01 00:01:30"


def test_rows_are_put_in_order_and_what_was_odd_is_noted() -> None:
    found = read_times(read_table(times([3.0, None, 1.0, 1.0]), name="current"), "when")
    assert (found.rows.tolist(), found.values.tolist(), found.is_clock) == ([2, 3, 0], [1, 1, 3], False)
    assert len(found.notes) == 3


@pytest.mark.parametrize(
    ("season", "expected"), [("hour", [0, 23, 14]), ("weekday", [3, 2, 0]), ("month", [0, 11, 10])]
)
def test_seasons_are_those_of_the_calendar(season: str, expected: list[int]) -> None:
    moments = [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, tzinfo=UTC),
        datetime(2026, 11, 30, 14, 5, tzinfo=UTC),
    ]
    assert seasons(np.array([moment.timestamp() for moment in moments]), season).tolist() == expected


def test_windows_are_numbered_from_the_origin() -> None:
    found = read_times(read_table(times([10.0, 14.9, 15.0, 31.0]), name="current"), "when")
    assert numbered(found, 5.0, 10.0, option="--every").tolist() == [0, 0, 1, 4]


@pytest.mark.parametrize(
    ("text", "is_clock", "length"), [("90 min", True, 5400), ("1.5h", True, 5400), ("48", False, 48)]
)
def test_spans_are_read(text: str, is_clock: bool, length: float) -> None:
    assert read_span(text, is_clock=is_clock, option="--every") == length


@pytest.mark.parametrize(
    ("text", "is_clock"), [("0d", True), ("-1d", True), ("7", True), ("7d", False), ("1 year", True)]
)
def test_spans_that_fit_nothing_are_refused(text: str, is_clock: bool) -> None:
    with pytest.raises(InputError, match="--every"):
        read_span(text, is_clock=is_clock, option="--every")


def test_infinite_times_are_refused() -> None:
    with pytest.raises(InputError, match="finite times"):
        read_times(read_table(times([1.0, float("inf")]), name="current"), "when")


def test_adwin_stands_beside_where_river_is_installed() -> None:
    from holdfast.auditing.adwin_beside import adwin_rows

    pytest.importorskip("river")
    rows = np.random.default_rng(0).random(4000) < np.where(np.arange(4000) < 2000, 0.1, 0.5)
    found = adwin_rows(rows.astype(np.float64))
    assert found is not None
    assert 2000 < found[0] < 2400
