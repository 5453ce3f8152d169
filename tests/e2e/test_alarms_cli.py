"""``holdfast alarms`` as a user runs it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from tests.e2e.workplace import Workplace

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
COMMON = ("alarms", "ref.csv", "cur.csv", "--time", "when", "--every", "7d")


def rows(n: int, rng: np.random.Generator, *, day: float, days: float, change: float) -> pl.DataFrame:
    """Rows with a time; after a day, one column is larger, one level new, and more answers are wrong."""
    moment = day + np.sort(rng.random(n)) * days
    late = moment >= change
    country = np.where(late & (rng.random(n) < 0.05), "PL", rng.choice(["DE", "FR"], n))
    return pl.DataFrame(
        {
            "when": [(BEGIN + timedelta(days=float(value))).isoformat(timespec="seconds") for value in moment],
            "price": rng.lognormal(size=n) + 0.5 * late,
            "age": rng.integers(18, 90, n),
            "country": country,
            "is_new": rng.random(n) < 0.3,
            "wrong": (rng.random(n) < np.where(late, 0.25, 0.1)).astype(np.int64),
        }
    )


@pytest.fixture
def stream(place: Workplace) -> Workplace:
    """A reference of 3,000 rows, and 20 weeks of 300 rows whose second half differs."""
    rng = np.random.default_rng(0)
    rows(3000, rng, day=-70, days=70, change=1e9).drop("wrong").write_csv(place.folder / "ref.csv")
    rows(6000, rng, day=0, days=140, change=70).write_csv(place.folder / "cur.csv")
    return place


def change(stream: Workplace, name: str, edit) -> None:  # type: ignore[no-untyped-def]
    path = stream.folder / name
    edit(pl.read_csv(path)).write_csv(path)


def test_changed_columns_are_named_and_dated_and_others_are_not(stream: Workplace) -> None:
    output = stream.run(*COMMON, "--errors", "wrong", "--format", "json")
    assert output.returncode == 0, output
    found = json.loads(output.stdout)
    alarms = {alarm["column"]: alarm for alarm in found["alarms"]}
    assert set(alarms) == {"price", "country", "wrong"}
    assert alarms["country"]["what"] == "new value"
    assert alarms["wrong"]["before"] < 0.15 < alarms["wrong"]["after"]
    for alarm in alarms.values():
        assert alarm["since_low"] <= "2026-03-16" <= alarm["raised"]
        assert alarm["since_low_window"] <= 10 <= alarm["since_high_window"] + 1
        assert alarm["low"] <= alarm["size"] <= alarm["high"]
    assert [len(column["log10_evidence"]) for column in found["columns"]] == [20, 20, 20, 20, 0]
    assert sum(window["rows"] for window in found["windows"]) == 6000
    assert stream.run(*COMMON, "--errors", "wrong", "--format", "json").stdout == output.stdout


def test_terminal_gets_words_and_a_file_a_page_with_pictures(stream: Workplace) -> None:
    output = stream.run(*COMMON, "--html", "alarms.html")
    assert "2 alarms: " in output.stdout
    assert "price: location" in output.stdout
    assert "independent draws" in output.stdout
    page = (stream.folder / "alarms.html").read_text(encoding="utf-8")
    assert page.count('class="chart"') == 2
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace('http-equiv="', "")


def test_stream_without_change_is_quiet(stream: Workplace) -> None:
    change(stream, "cur.csv", lambda frame: frame.filter(pl.col("when") < "2026-03-16"))
    output = stream.run(*COMMON, "--errors", "wrong")
    assert "No alarm" in output.stdout


def test_order_of_rows_and_zones_do_not_matter(stream: Workplace) -> None:
    before = json.loads(stream.run(*COMMON, "--format", "json").stdout)

    def shuffled(frame: pl.DataFrame) -> pl.DataFrame:
        moments = frame["when"].str.to_datetime(time_zone="UTC")
        west = moments.dt.convert_time_zone("America/New_York").dt.strftime("%Y-%m-%dT%H:%M:%S%:z")
        mixed = pl.Series(
            "when", [b if row % 2 else a for row, (a, b) in enumerate(zip(frame["when"], west, strict=True))]
        )
        return frame.with_columns(mixed).sample(fraction=1, shuffle=True, seed=1)

    change(stream, "cur.csv", shuffled)
    after = json.loads(stream.run(*COMMON, "--format", "json").stdout)
    assert after["windows"] == before["windows"]
    assert {(a["column"], a["since"]) for a in after["alarms"]} == {(a["column"], a["since"]) for a in before["alarms"]}
    assert any("put in order of time" in note for note in after["notes"])


def test_columns_that_vanish_appear_or_change_type_are_said(stream: Workplace) -> None:
    def edit(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.drop("is_new").with_columns(extra=pl.lit(1), age=pl.format("{} years", "age"))

    change(stream, "cur.csv", edit)
    output = stream.run(*COMMON)
    assert output.returncode == 0
    assert "is_new: it vanished" in output.stdout
    assert "extra: it is new" in output.stdout
    assert "age: its type changed: numbers in the reference, String now" in output.stdout


def test_numbers_may_be_times(stream: Workplace) -> None:
    for name in ("ref.csv", "cur.csv"):
        change(stream, name, lambda frame: frame.with_columns(when=pl.int_range(frame.height)))
    output = stream.run("alarms", "ref.csv", "cur.csv", "--time", "when", "--every", "300", "--format", "json")
    found = json.loads(output.stdout)
    assert (len(found["windows"]), found["windows_per_year"]) == (20, 20)
    assert {alarm["column"] for alarm in found["alarms"]} == {"country", "price"}


@pytest.mark.slow
def test_seasons_and_blocks_hold_rows_that_are_not_alike(place: Workplace) -> None:
    rng = np.random.default_rng(1)

    def daily(days: int, first: int) -> pl.DataFrame:
        moments = [BEGIN + timedelta(days=first, hours=hour) for hour in range(24 * days)]
        level = np.repeat(rng.normal(size=days), 24)  # the rows of a day are nearly the same
        hour = np.array([moment.hour for moment in moments])
        return pl.DataFrame(
            {
                "when": [moment.isoformat() for moment in moments],
                "clock": np.sin(hour / 24 * 6.28) + 0.1 * rng.normal(size=hour.size),
                "level": level + 0.1 * rng.normal(size=hour.size),
            }
        )

    daily(200, -200).write_csv(place.folder / "ref.csv")
    # Windows of 6 hours see one part of the day each, and days of one level.
    daily(60, 0).write_csv(place.folder / "cur.csv")
    plain = ("alarms", "ref.csv", "cur.csv", "--time", "when", "--every")
    assert "level: " in place.run(*plain, "6h").stdout
    assert "No alarm" in place.run(*plain, "6h", "--season", "hour", "--ignore", "level").stdout
    assert "No alarm" in place.run(*plain, "7d", "--block", "1d").stdout


def test_one_row_and_no_row_in_a_window_are_valid(stream: Workplace) -> None:
    change(stream, "cur.csv", lambda frame: frame[[0, 1, 2, 5990]])
    output = stream.run(*COMMON, "--format", "json")
    counts = [window["rows"] for window in json.loads(output.stdout)["windows"]]
    assert (counts[0], counts[-1], set(counts[1:-1])) == (3, 1, {0})


@pytest.mark.parametrize(
    ("edit", "options", "message"),
    [
        (lambda f: f.with_columns(pl.col("when").replace({f["when"][4]: "soon"})), (), "got 'soon' in data row 5"),
        (lambda f: f.with_columns(when=pl.lit(None)), (), "holds no time"),
        (lambda f: f, ("--every", "week"), "expected a length of time such as 7d"),
        (lambda f: f, ("--every", "7"), "expected a unit"),
        (lambda f: f, ("--every", "1s"), "expected at most 20,000 windows"),
        (lambda f: f, ("--time", "wen"), "did you mean 'when'?"),
        (lambda f: f, ("--errors", "wrng"), "did you mean 'wrong'?"),
        (lambda f: f, ("--errors", "age"), "expected 0 and 1"),
        (lambda f: f, ("--budget", "5"), "expected a budget between 0 and 1"),
        (lambda f: f, ("--season", "weekdays"), "did you mean 'weekday'?"),
        (lambda f: f, ("--format", "jsn"), "did you mean 'json'?"),
        (lambda f: f.select("when"), (), "no column can be watched"),
    ],
)
def test_what_cannot_be_used_is_said(stream: Workplace, edit, options: tuple[str, ...], message: str) -> None:  # type: ignore[no-untyped-def]
    change(stream, "cur.csv", edit)
    output = stream.run(*COMMON, *options)
    assert (output.returncode, "Traceback" in output.stderr) == (2, False)
    assert message in output.stderr


def test_times_with_and_without_zone_are_not_mixed(stream: Workplace) -> None:
    def edit(frame: pl.DataFrame) -> pl.DataFrame:
        bare = frame["when"].str.slice(0, 19)
        return frame.with_columns(when=pl.when(pl.int_range(pl.len()) == 3).then(bare).otherwise("when"))

    change(stream, "cur.csv", edit)
    output = stream.run(*COMMON)
    assert output.returncode == 2
    assert "data row 1 has one, data row 4 has none" in output.stderr


def test_reference_needs_times_for_seasons(stream: Workplace) -> None:
    change(stream, "ref.csv", lambda frame: frame.drop("when"))
    assert stream.run(*COMMON).returncode == 0
    output = stream.run(*COMMON, "--season", "weekday")
    assert "needs the time of the reference's rows too" in output.stderr
