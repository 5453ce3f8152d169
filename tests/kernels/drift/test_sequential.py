"""Columns watched over time: what is seen, what is not cried, and what odd windows do."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from holdfast.kernels.drift.sequential import MISSING, NEW, ColumnWatch, watch_levels, watch_numbers

Draw = Callable[[np.random.Generator, int], NDArray[np.generic]]


def normal(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return rng.normal(size=n)


def levels(rng: np.random.Generator, n: int) -> NDArray[np.generic]:
    return rng.choice(["a", "b", "c", "d"], n, p=[0.6, 0.3, 0.09, 0.01])


def watched(draw: Draw, rng: np.random.Generator, *, n: int = 4000, alpha: float = 0.05, year: int = 20) -> ColumnWatch:
    reference = draw(rng, n)
    if reference.dtype.kind == "U":
        return watch_levels(reference.tolist(), rng=rng, windows_per_year=year, alpha=alpha)
    return watch_numbers(reference, rng=rng, windows_per_year=year, alpha=alpha)


def run(draw: Draw, changed: Draw, *, seed: int = 0, start: int = 6, rows: int = 500) -> tuple[ColumnWatch, str]:
    rng = np.random.default_rng(seed)
    watch = watched(draw, rng)
    for window in range(20):
        values = (changed if window >= start else draw)(rng, rows)
        if watch.update(values.tolist() if values.dtype.kind in "UO" else values):
            return watch, watch.bets[watch.alarms[0].bet]
    return watch, ""


def with_missing(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return np.where(rng.random(n) < 0.05, np.nan, rng.normal(size=n))


@pytest.mark.parametrize(
    ("draw", "changed", "bets"),
    [
        (normal, lambda rng, n: rng.normal(0.25, size=n), {"location"}),
        (normal, lambda rng, n: rng.normal(scale=1.3, size=n), {"spread", "low tail", "high tail"}),
        (normal, lambda rng, n: rng.choice([-1.0, 1.0], n) * 0.9 + rng.normal(size=n) * 0.44, {"shoulders", "spread"}),
        (normal, lambda rng, n: np.where(rng.random(n) < 0.03, 1e9, rng.normal(size=n)), {"high tail"}),
        (normal, lambda rng, n: np.where(rng.random(n) < 0.03, -np.inf, rng.normal(size=n)), {"low tail"}),
        (normal, with_missing, {"missing"}),
        (with_missing, normal, {"missing"}),
        (levels, lambda rng, n: rng.choice(["a", "b", "c", "d"], n, p=[0.6, 0.2, 0.19, 0.01]), {"'c'", "'b'"}),
        (levels, lambda rng, n: np.where(rng.random(n) < 0.03, "z", levels(rng, n)), {NEW}),
        (levels, lambda rng, n: np.where(rng.random(n) < 0.05, None, levels(rng, n).astype(object)), {MISSING}),
    ],
)
def test_change_is_seen_named_and_dated(draw: Draw, changed: Draw, bets: set[str]) -> None:
    watch, bet = run(draw, changed)
    assert bet in bets
    alarm = watch.alarms[0]
    assert alarm.start_low <= 6 <= alarm.start_high
    assert 6 <= alarm.window <= 14


def test_unit_that_changes_is_seen_in_the_first_window() -> None:
    watch, _ = run(lambda rng, n: rng.lognormal(size=n), lambda rng, n: 1000 * rng.lognormal(size=n))
    assert (watch.alarms[0].window, watch.alarms[0].start) == (6, 6)


def test_a_hundred_thousand_new_levels_are_one_change() -> None:
    rng = np.random.default_rng(0)
    watch = watched(levels, rng)
    alarm = watch.update([f"id {place}" for place in range(100_000)])
    assert alarm is not None
    assert watch.bets[alarm.bet] in (NEW, "'a'", "'b'")


def test_ids_that_never_repeat_raise_no_alarm() -> None:
    watch = watch_levels(
        [f"id {place}" for place in range(3000)], rng=np.random.default_rng(0), windows_per_year=10, alpha=0.05
    )
    for window in range(10):
        assert watch.update([f"id {window} {place}" for place in range(500)]) is None


@pytest.mark.parametrize("reference", [[], [np.nan] * 50, [3.0] * 500])
def test_empty_missing_and_constant_references_are_valid(reference: list[float]) -> None:
    watch = watch_numbers(reference, rng=np.random.default_rng(0), windows_per_year=5, alpha=0.05)
    same = reference[:1]
    for values in ([], same, same * 40, [], same):
        assert watch.update(np.array(values, dtype=np.float64)) is None


def test_constant_that_becomes_another_is_seen() -> None:
    watch = watch_numbers([3.0] * 500, rng=np.random.default_rng(0), windows_per_year=5, alpha=0.05)
    assert watch.update(np.full(200, 4.0)) is not None


def test_window_that_is_all_missing_is_seen_as_missing() -> None:
    rng = np.random.default_rng(0)
    watch = watched(normal, rng)
    alarm = watch.update(np.full(100, np.nan))
    assert alarm is not None
    assert watch.bets[alarm.bet] == "missing"


def test_state_goes_on_exactly_where_it_was_taken() -> None:
    for draw in (normal, levels, lambda rng, n: rng.binomial(3, 0.4, n).astype(np.float64)):
        rng = np.random.default_rng(1)
        watch = watched(draw, np.random.default_rng(2))
        watch.update(draw(rng, 300).tolist())
        copy = ColumnWatch.from_state(json.loads(json.dumps(watch.state())))
        for _ in range(25):
            values = draw(rng, 200).tolist()
            watch.update(values)
            copy.update(values)
        assert copy.evidence.log_evidence == watch.evidence.log_evidence
        assert copy.state() == watch.state()


def test_seasons_explain_what_would_be_a_change() -> None:
    def rows(rng: np.random.Generator, season: int, n: int) -> NDArray[np.float64]:
        return rng.normal(loc=2.0 * season, size=n)

    rng = np.random.default_rng(0)
    reference = np.concatenate([rows(rng, 0, 2000), rows(rng, 1, 2000)])
    season_of = np.repeat([0, 1], 2000)
    aware = watch_numbers(reference, rng=rng, windows_per_year=20, alpha=0.05, seasons=season_of, n_seasons=2)
    blind = watch_numbers(reference, rng=rng, windows_per_year=20, alpha=0.05)
    for window in range(20):
        season = window // 10
        values = rows(rng, season, 300)
        assert aware.update(values, seasons=np.full(300, season)) is None
        blind.update(values)
    assert blind.alarms
    changed = watch_levels(
        ["a", "b"] * 2000, rng=rng, windows_per_year=3, alpha=0.05, seasons=[0, 1] * 2000, n_seasons=2
    )
    assert changed.update(["a"] * 200, seasons=[0] * 200) is None
    assert changed.update(["a"] * 50, seasons=[1] * 50) is not None
    with pytest.raises(ValueError, match="season of each of 2 rows"):
        changed.update(["a", "b"])


DRAWS: dict[str, Draw] = {
    "normal": normal,
    "Cauchy": lambda rng, n: rng.standard_cauchy(n),
    "few whole numbers": lambda rng, n: rng.integers(0, 4, n).astype(np.float64),
    "mostly one value": lambda rng, n: np.where(rng.random(n) < 0.95, 0.0, rng.normal(size=n)),
    "some missing": with_missing,
    "levels": levels,
    "many levels": lambda rng, n: rng.zipf(1.5, n).clip(max=500).astype("U3"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("rows", [1, 150])
def test_false_alarms_stay_within_the_budget(name: str, rows: int) -> None:
    # A budget of 0.2 and a small reference, so that an error of the construction would show.
    hits, years = 0, 400
    for seed in range(years):
        rng = np.random.default_rng([seed, rows])
        watch = watched(DRAWS[name], rng, n=300, alpha=0.2)
        for _ in range(20):
            watch.update(DRAWS[name](rng, rows).tolist())
        hits += bool(watch.alarms)
    assert hits <= binom.ppf(1 - 1e-6, years, 0.2)


@pytest.mark.slow
def test_start_of_the_change_lies_in_its_likely_range() -> None:
    inside = []
    for seed in range(300):
        watch, _ = run(normal, lambda rng, n: rng.normal(0.2, size=n), seed=seed)
        inside += [alarm.start_low <= 6 <= alarm.start_high for alarm in watch.alarms if alarm.window >= 6]
    assert len(inside) > 250
    assert np.mean(inside) > 0.92


def test_tied_columns_raise_no_alarm_without_change() -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        watch = watch_numbers(rng.integers(0, 60, 5000), rng=rng, windows_per_year=20, alpha=0.01)
        assert not any(watch.update(rng.integers(0, 60, 800)) for _ in range(20))
