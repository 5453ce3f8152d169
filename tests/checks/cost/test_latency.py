from __future__ import annotations

import itertools
import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from holdfast.core.check import Outcome
from holdfast.core.errors import NotRun
from tests.harness import SimpleModel, run_check

TEST = pl.DataFrame({"a": np.linspace(0, 1, 300), "y": ["no", "yes"] * 150})


def quick(X: pl.DataFrame) -> np.ndarray:
    return np.full(X.height, "no")


def check(model: object = quick, test: pl.DataFrame | None = TEST) -> Outcome:
    return run_check("cost.latency", model=model, test=test, target="y", effort="quick")


def test_every_quantity_is_measured_with_its_value_inside_its_interval() -> None:
    outcome = check()
    ids = [m.id for m in outcome.measurements]
    assert ids == [
        "p50_ms",
        "p99_ms",
        *(f"rows_per_second.{n}" for n in (1, 8, 64, 512, 4096)),
        "slowdown.ordinary",
        "slowdown.extreme",
    ]
    for measured in outcome.measurements:
        assert measured.interval is not None
        assert measured.interval.low is None or measured.interval.low <= measured.value
        assert measured.interval.high is None or measured.value <= measured.interval.high


def test_a_slow_model_is_measured_as_slow() -> None:
    def slow(X: pl.DataFrame) -> np.ndarray:
        time.sleep(0.003)
        return quick(X)

    p50 = check(slow).measurements[0]
    assert p50.value >= 3
    assert p50.interval is not None
    assert p50.interval.low is not None
    assert p50.interval.low >= 3


def test_rare_stalls_show_in_the_tail_and_not_in_the_median() -> None:
    calls = iter(range(10**6))

    def stalling(X: pl.DataFrame) -> np.ndarray:
        time.sleep(0.02 if next(calls) % 40 == 39 else 0)
        return quick(X)

    p50, p99 = check(stalling).measurements[:2]
    assert p50.value < 15 < p99.value


def test_the_whole_check_ends_within_seconds_even_for_a_slow_model() -> None:
    calls = itertools.count()

    def slow(X: pl.DataFrame) -> np.ndarray:
        next(calls)
        time.sleep(0.03)
        return quick(X)

    check(slow)
    assert next(calls) * 0.03 < 10


def slowdowns(model: object, test: pl.DataFrame = TEST) -> dict[str, float]:
    """Lower ends of the intervals of the slowest inputs."""
    found = {m.id: m.interval for m in check(model, test).measurements if m.id.startswith("slowdown.")}
    return {id.removeprefix("slowdown."): interval.low or 0.0 for id, interval in found.items() if interval}


def test_equal_inputs_are_not_told_apart_by_noise() -> None:
    """The clock of a busy machine wavers; nothing is shown to be much slower."""
    found = slowdowns(lambda X: quick(X))
    assert max(found.values()) < 1.5


def test_an_extreme_input_that_stalls_the_model_is_found() -> None:
    def stalls(X: pl.DataFrame) -> np.ndarray:
        time.sleep(0.01 if X.height == 1 and X["a"].null_count() else 0.001)
        return quick(X)

    outcome = check(stalls)
    found = {m.id: m for m in outcome.measurements}["slowdown.extreme"]
    assert found.interval is not None
    assert found.interval.low is not None
    assert found.interval.low > 2
    assert "every cell missing" in found.plain


def test_texts_far_longer_than_any_are_tried() -> None:
    test = pl.DataFrame({"note": ["short", "somewhat longer"] * 30, "y": ["no", "yes"] * 30})

    def reads(X: pl.DataFrame) -> np.ndarray:
        time.sleep(1e-5 * int(X["note"].fill_null("").str.len_chars().sum() if X.height == 1 else 0) + 0.001)
        return quick(X)

    slow = check(reads, test).tables["slow_inputs"].sort("slowdown", descending=True)
    assert slow["input"][0] == "texts a hundred times as long"
    assert slow["low"][0] > 2


def test_a_slow_ordinary_row_is_named() -> None:
    test = TEST.with_columns(a=pl.Series([100.0 if row % 10 == 3 else 0.5 for row in range(300)]))

    def slow_far_out(X: pl.DataFrame) -> np.ndarray:
        time.sleep(0.005 if X.height == 1 and X["a"][0] == 100.0 else 0.0005)
        return quick(X)

    slow = check(slow_far_out, test).tables["slow_inputs"].filter(kind="ordinary").sort("slowdown", descending=True)
    row = int(slow["input"][0].split()[1])
    assert row % 10 == 3
    assert slow["low"][0] > 1.5


def test_what_the_model_refuses_is_said_and_left_out() -> None:
    def strict(X: pl.DataFrame) -> np.ndarray:
        if X["a"].null_count():
            raise ValueError("no missing cells")
        return quick(X)

    outcome = check(strict)
    assert "The model refuses to answer this input: every cell missing." in outcome.assumptions
    assert "every cell missing" not in outcome.tables["slow_inputs"]["input"]


def test_very_slow_models_are_not_asked_again_and_again() -> None:
    def crawls(X: pl.DataFrame) -> np.ndarray:
        time.sleep(0.3 if X.height == 1 else 0.0)
        return quick(X)

    outcome = check(crawls)
    assert not [m for m in outcome.measurements if m.id.startswith("slowdown.")]
    assert any("repeating them takes too long" in note for note in outcome.assumptions)


def test_start_up_and_memory_are_reported_where_they_are_known() -> None:
    model = SimpleModel(quick)
    model.info = replace(model.info, load_s=0.5, memory_mb=120.0)
    found = {m.id: m for m in check(model).measurements}
    assert (found["startup_s"].value, found["memory_mb"].value) == (0.5, 120.0)
    assert found["memory_mb"].no_interval_reason == "the model was loaded once"


def test_a_table_smaller_than_a_batch_is_repeated() -> None:
    sizes = []

    def model(X: pl.DataFrame) -> np.ndarray:
        sizes.append(X.height)
        return quick(X)

    check(model, TEST[:3])
    assert {1, 8, 64, 512, 4096} <= set(sizes)


def test_the_rates_can_be_recomputed_from_the_requests() -> None:
    outcome = check()
    times = outcome.tables["requests"].filter((pl.col("kind") == "batch") & (pl.col("batch") == 64))["seconds"]
    rate = np.quantile(64 / times.to_numpy(), 0.5, method="inverted_cdf")
    assert outcome.tables["throughput"].filter(pl.col("batch") == 64)["rows_per_second"][0] == pytest.approx(rate)


def test_no_test_table_is_not_run() -> None:
    with pytest.raises(NotRun, match="no test table"):
        check(test=None)


def test_endpoint_says_that_the_network_counts() -> None:
    model = SimpleModel(quick)
    model.info = replace(model.info, format="endpoint")
    assert "include the network to the endpoint" in check(model).assumptions[0]


def test_limit_on_requests_is_not_timed() -> None:
    model = SimpleModel(quick)
    model.info = replace(model.info, requests_per_second=5.0)
    with pytest.raises(NotRun, match="at most 5 requests per second"):
        check(model)
