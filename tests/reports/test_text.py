"""Wording and numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.decision import Verdict
from holdfast.core.measurement import Measurement
from holdfast.reports import text

SHARE = Measurement(
    id="a.b.c", name="Share", value=0.123, low=0.101, high=0.146, level=0.95, method="Wilson", n=400, unit="share"
)


def verdict(**more: Any) -> Verdict:
    settings: dict[str, Any] = {
        "verdict": "inconclusive",
        "limit": 0.13,
        "value": 0.123,
        "low": 0.101,
        "high": 0.146,
    } | more
    return Verdict(rule="a.b.c", measurement="a.b.c", check="a.b", severity="high", comparison="max", **settings)


def test_share_reads_as_percentage_with_interval() -> None:
    assert text.format_estimate(SHARE) == "12.3 % (10.1 to 14.6 %)"


def test_open_ends_are_said_in_words() -> None:
    assert text.format_interval(replace(SHARE, high=None)) == "at least 10.1 %"
    assert text.format_interval(replace(SHARE, low=None)) == "at most 14.6 %"


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (12345, "rows", "12,345 rows"),
        (4.812, "ms", "4.81 ms"),
        (0.0, "share", "0.0 %"),
        (1.0, "share", "100.0 %"),
        (0.9997, "share", "99.97 %"),
        (0.00000001, "share", "<0.0001 %"),
        (-0.05, "share", "-5.0 %"),
        (1e300, "", "1e+300"),
    ],
)
def test_numbers_are_written_sensibly(value: float, unit: str, written: str) -> None:
    assert text.format_number(value, unit) == written


def test_zero_is_written_without_decimals() -> None:
    assert text.format_range(0.0, 0.000123, "units of distance") == "0 to 0.000123 units of distance"


def test_value_is_told_apart_from_a_close_limit() -> None:
    assert text.format_value(replace(SHARE, value=0.05004, low=0.04, high=0.06), limit=0.05) == "5.004 %"


@given(st.floats(0, 1), st.floats(0, 1))
def test_different_shares_never_print_the_same_until_four_decimals(first: float, second: float) -> None:
    same = text.format_number(first, "share", beside=[second]) == text.format_number(second, "share", beside=[first])
    assert not same or abs(first - second) < 2e-6


def test_missing_interval_gives_its_reason() -> None:
    bare = Measurement(id="a.b.c", name="Count", value=2, no_interval_reason="a count of all rows")
    assert text.plain_sentence(bare) == "Count: 2; no interval, because a count of all rows."


def test_plain_words_of_the_check_come_first() -> None:
    assert text.plain_sentence(replace(SHARE, plain="About 12 in 100.")) == "About 12 in 100."


def test_inconclusive_names_the_rows_that_would_settle_it() -> None:
    assert "about 4,400 instead of 400" in text.settling(verdict(), SHARE)


def test_value_on_the_threshold_cannot_be_settled() -> None:
    assert "no amount of data" in text.settling(verdict(limit=0.123), SHARE)


def test_not_broken_is_never_called_safe() -> None:
    assert text.VERDICT_WORDS["not_broken"] == "Not broken by the attacks tried"


def test_controls_and_bidirectional_overrides_become_visible() -> None:
    assert text.printable("a\x00\u202eb\ud800") == "a⟨U+0000⟩⟨U+202E⟩b⟨U+D800⟩"


def test_long_names_lose_their_middle() -> None:
    assert text.shorten("abcdefghijklmnopqrstuvwxyz", 10) == "abcdef…xyz"
