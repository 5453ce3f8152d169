import zlib

import pytest

from holdfast.kernels.scan.observation import Budget, Place
from holdfast.kernels.scan.record import Record
from holdfast.kernels.scan.unpacking import BOMB_BYTES, Unpacking


def unpacking(budget: int) -> Unpacking:
    return Unpacking(Record(Place(("f",), 0, 1)), Budget(budget, 0, 0, lambda: False))


def test_what_comes_out_is_taken_from_the_budget() -> None:
    work = unpacking(1000)
    work.expand(memoryview(zlib.compress(bytes(300))), "zlib", start=0)
    assert work.budget.expanded_bytes == 700
    assert work.record.observations == []


def test_empty_budget_is_not_examined() -> None:
    work = unpacking(100)
    work.expand(memoryview(zlib.compress(bytes(range(256)))), "zlib", start=0)
    assert [one.kind for one in work.record.observations] == ["not_examined"]


def test_many_small_bombs_count_together() -> None:
    work = unpacking(1 << 30)
    bomb = zlib.compress(bytes(BOMB_BYTES // 4))
    for _ in range(5):
        work.expand(memoryview(bomb), "zlib", start=0)
    assert [one.rule for one in work.record.observations] == ["expansion.bomb", "limit.expanded"]
    assert work.budget.expanded_bytes == 0


@pytest.mark.parametrize("cut", [5, 50])
def test_broken_stream_is_malformed(cut: int) -> None:
    work = unpacking(1 << 20)
    work.expand(memoryview(zlib.compress(bytes(range(256)))[:cut]), "zlib", start=0)
    assert [one.kind for one in work.record.observations] == ["malformed"]
