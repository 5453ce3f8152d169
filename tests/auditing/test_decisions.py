from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from holdfast.auditing.config import load_config
from holdfast.auditing.decisions import read_decisions
from holdfast.core.decision_log import DecisionLog
from holdfast.core.errors import InputError

LOG = pl.DataFrame(
    {
        "unit": ["a", "b", "a", "b"],
        "time": ["2026-03-02", "2026-03-02", "2026-03-01", "2026-03-01"],
        "decision": ["accept", "refuse", "accept", "refuse"],
        "propensity": [0.9, 0.8, 1.0, 0.5],
        "score": [0.1, 0.7, 0.2, 0.6],
        "outcome": [0.0, None, 1.0, None],
    }
)
SAID = DecisionLog(selected="accept")


def changed(**columns: object) -> pl.DataFrame:
    return LOG.with_columns(**{name: pl.Series(values, strict=False) for name, values in columns.items()})


def test_a_log_is_brought_into_the_order_of_time_and_propensities_to_that_of_being_selected() -> None:
    frame = read_decisions(SAID, LOG).frame
    assert frame["time"].is_sorted()
    assert frame["selected"].to_list() == [True, False, True, False]
    assert frame["propensity"].to_list() == pytest.approx([1.0, 0.5, 0.9, 0.2])
    assert frame["outcome"].to_list() == [1.0, None, 0.0, None]


def test_times_of_several_zones_are_put_on_one_axis() -> None:
    times = ["2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00Z", "2026-03-01 09:00:00", "2026-03-01"]
    frame = read_decisions(DecisionLog(selected="accept"), changed(time=times).drop("unit")).frame
    assert (frame["time"] - frame["time"][0]).to_list() == [0.0, 32_400.0, 36_000.0, 36_000.0]


def test_units_that_return_are_groups_and_others_are_not() -> None:
    days = pl.DataFrame(
        {"unit": ["a", "b"] * 5, "time": [day for day in range(5) for _ in "ab"], "decision": [True, False] * 5}
    )
    assert set(read_decisions(DecisionLog(), days).frame["group"]) == {"a", "b"}
    once = days.with_columns(unit=pl.int_range(10))
    assert set(read_decisions(DecisionLog(), once).frame["group"]) == {"all cases"}


@pytest.mark.parametrize(
    ("log", "said", "message"),
    [
        (changed(propensity=[0.9, 0.0, 1.0, 0.5]), SAID, "row 2 has 0"),
        (changed(propensity=[0.9, 0.8, 1.2, 0.5]), SAID, "row 3 has 1.2"),
        (changed(propensity=[0.9, None, 1.0, 0.5]), SAID, "row 2 has nothing"),
        (changed(propensity=["p", "q", "r", "s"]), SAID, "expected numbers"),
        (changed(decision=["accept", "refuse", "defer", "refuse"]), SAID, "two decisions"),
        (changed(decision=["accept", None, "accept", "refuse"]), SAID, "no decision"),
        (LOG, DecisionLog(), "not clear after which decision"),
        (LOG, DecisionLog(selected="acept"), "no decision is"),
        (LOG, DecisionLog(selected="accept", score="scor"), "does not have"),
        (LOG.drop("time"), SAID, "no column 'time'"),
        (changed(time=["2026-03-02", None, "2026-03-01", "2026-03-01"]), SAID, "1 have none"),
        (changed(time=["2026-03-02", "soon", "2026-03-01", "2026-03-01"]), SAID, "got 'soon'"),
        (changed(unit=["a", "a", "a", "b"]), SAID, "twice at one time"),
        (changed(outcome=[float("inf"), 0.0, 1.0, 1.0]), SAID, "finite numbers"),
        (LOG.head(0), SAID, "no rows"),
    ],
)
def test_a_log_that_cannot_be_is_refused(log: pl.DataFrame, said: DecisionLog, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_decisions(said, log)


def test_the_configuration_names_the_log_relative_to_itself(tmp_path: Path) -> None:
    (tmp_path / "holdfast.yaml").write_text("decisions:\n  table: log.csv\n  propensity: p\n")
    found = load_config(tmp_path / "holdfast.yaml").decisions
    assert found.table == str(tmp_path / "log.csv")
    assert found.propensity == "p"
