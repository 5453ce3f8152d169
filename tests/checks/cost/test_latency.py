from __future__ import annotations

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
    assert ids == ["p50_ms", "p99_ms", *(f"rows_per_second.{n}" for n in (1, 8, 64, 512, 4096))]
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
    def slow(X: pl.DataFrame) -> np.ndarray:
        time.sleep(0.03)
        return quick(X)

    start = time.perf_counter()
    check(slow)
    assert time.perf_counter() - start < 10


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
