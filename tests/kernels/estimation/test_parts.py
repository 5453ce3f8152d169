"""Tables cut into periods."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest

from holdfast.kernels.estimation.parts import among, duration, moments, split_periods

ZONED = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))


def test_times_of_all_kinds_are_seconds() -> None:
    cells = np.array([date(1970, 1, 2), datetime(1970, 1, 1, 1), "1970-01-01T00:00:10Z", ZONED], dtype=object)
    assert moments(cells).tolist() == [86400.0, 3600.0, 10.0, ZONED.timestamp()]
    assert moments(np.array([3.0, 1.0])).tolist() == [3.0, 1.0]


@pytest.mark.parametrize("cell", ["yesterday", None, 5j])
def test_what_is_no_time_is_refused(cell: object) -> None:
    with pytest.raises(ValueError, match="expected a time"):
        moments(np.array(["2026-01-01", cell], dtype=object))


@pytest.mark.parametrize(("text", "seconds"), [("", None), ("7d", 604800.0), ("1.5h", 5400.0), ("2w", 1209600.0)])
def test_lengths_of_time_are_read(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["week", "0d", "-1d", "7 days"])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 7d"):
        duration(text)


def test_cases_out_of_order_and_of_one_moment_stay_with_their_time() -> None:
    moment = np.repeat(np.arange(100.0), 3)[::-1]
    parts = split_periods(moment, 300, periods=4)
    assert np.bincount(parts.of).tolist() == [75, 75, 75, 75]
    assert all(np.unique(parts.of[moment == each]).size == 1 for each in np.arange(100.0))
    assert (np.diff(parts.starts) > 0).all()


def test_without_time_the_order_of_the_table_counts() -> None:
    parts = split_periods(None, 200, periods=2)
    assert parts.of.tolist() == [0] * 100 + [1] * 100
    assert (parts.starts.tolist(), parts.ends.tolist()) == ([0.0, 100.0], [99.0, 199.0])


def test_few_cases_make_one_period_and_none_make_none() -> None:
    assert split_periods(None, 60, periods=10).starts.size == 1
    assert split_periods(None, 0, periods=10).starts.size == 0


def test_empty_periods_are_left_out() -> None:
    parts = split_periods(np.array([1.0, 2.0, 25.0]), 3, periods=1, every=10.0)
    assert (parts.of.tolist(), parts.starts.tolist()) == ([0, 0, 1], [1.0, 25.0])


@pytest.mark.parametrize(
    ("moment", "settings", "message"),
    [
        (None, {"periods": 1, "every": 5.0}, "expected a time column"),
        (np.arange(3000.0), {"periods": 1, "every": 1.0}, "at most 2000 periods"),
        (None, {"periods": 0}, "one period or more"),
    ],
)
def test_what_cannot_be_cut_is_refused(moment: np.ndarray | None, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split_periods(moment, 3000, **settings)


def test_what_is_known_of_other_cases_is_left_out() -> None:
    place, outcome, probability = among(
        np.array([9, 3, 5]), 10, np.array([5, 0, 9]), np.array([1, 2, 3]), np.array([0.1, 0.2, 0.3])
    )
    assert (place.tolist(), outcome.tolist()) == ([2, 0], [1, 3])
    assert probability is not None
    assert probability.tolist() == [0.1, 0.3]
    assert among(np.array([1]), 3, np.zeros(0, dtype=np.int64), np.zeros(0))[0].size == 0
