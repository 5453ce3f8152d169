"""What a check is given: one generator, order in spite of threads, and an end to patience."""

from __future__ import annotations

import threading
import time

import pytest

from holdfast.auditing.context import MemoryStore, RunContext
from holdfast.core.errors import BudgetError


def context(**changes: object) -> RunContext:
    return RunContext(check="data.schema", seed=5, **changes)  # type: ignore[arg-type]


def test_generator_is_one_stream() -> None:
    ctx = context()
    assert ctx.rng.integers(1 << 60) != ctx.rng.integers(1 << 60)


def test_generator_depends_on_the_seed_alone() -> None:
    assert context(threads=4).rng.integers(1 << 60) == context(threads=1).rng.integers(1 << 60)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_map_keeps_order_whatever_finishes_first(threads: int) -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.02 if item == 0 else 0)
        return item * item

    assert context(threads=threads).map(slow_first, range(20)) == [item * item for item in range(20)]


def test_map_uses_its_threads() -> None:
    meeting = threading.Barrier(2, timeout=5)
    assert len(context(threads=2).map(lambda _: meeting.wait(), [0, 1])) == 2


@pytest.mark.parametrize("threads", [1, 3])
def test_map_of_nothing_is_nothing(threads: int) -> None:
    assert context(threads=threads).map(str, []) == []


@pytest.mark.parametrize("threads", [1, 3])
def test_map_raises_what_the_function_raises(threads: int) -> None:
    with pytest.raises(ZeroDivisionError):
        context(threads=threads).map(lambda item: 1 // item, [1, 0, 1])


def test_exhausted_budget_says_how_far_it_came() -> None:
    with pytest.raises(BudgetError, match="after 0 of 5 steps") as caught:
        list(context(deadline=time.monotonic() - 1).track(range(5), 5))
    assert "--budget" in caught.value.hint


@pytest.mark.parametrize("threads", [1, 2])
def test_map_stops_soon_after_the_deadline(threads: int) -> None:
    done = []

    def work(item: int) -> None:
        time.sleep(0.05)
        done.append(item)

    with pytest.raises(BudgetError):
        context(threads=threads, deadline=time.monotonic() + 0.1).map(work, range(60))
    assert len(done) < 30


def test_map_stops_soon_when_an_item_fails() -> None:
    done = []

    def work(item: int) -> None:
        if item == 0:
            raise ValueError
        time.sleep(0.02)
        done.append(item)

    with pytest.raises(ValueError):
        context(threads=2).map(work, range(60))
    assert len(done) < 30


def test_out_of_time_only_with_a_deadline_that_passed() -> None:
    now = time.monotonic()
    assert [context(deadline=end).out_of_time() for end in (None, now + 60, now - 1)] == [False, False, True]


def test_progress_counts_up_to_the_total() -> None:
    heard: list[tuple[int, int]] = []
    list(context(report=lambda done, total: heard.append((done, total))).track("ab", 2))
    assert heard == [(0, 2), (1, 2), (2, 2)]


def test_threshold_is_that_of_this_check() -> None:
    ctx = context(thresholds={"missing": 0.1})
    assert (ctx.threshold("missing"), ctx.threshold("auc")) == (0.1, None)


def test_only_findings_of_used_checks_are_there() -> None:
    assert context().used("robustness.evasion") is None


def test_partial_results_live_as_long_as_the_process() -> None:
    store = MemoryStore()
    store.put("a", b"1")
    assert (store.get("a"), store.get("b")) == (b"1", None)
