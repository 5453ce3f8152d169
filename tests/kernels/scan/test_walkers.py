import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.scan.allow_list import AllowList
from holdfast.kernels.scan.observation import Budget, Place
from holdfast.kernels.scan.walkers import default_walkers

WALKERS = default_walkers(AllowList({}))


@pytest.mark.parametrize("name", WALKERS)
def test_walker_takes_any_bytes_and_covers_no_others(name: str) -> None:
    @given(st.binary(max_size=300))
    def check(data: bytes) -> None:
        walked = WALKERS[name](
            memoryview(data), Place(("f",), 0, len(data)), Budget(100_000, 10_000, 1000, lambda: False)
        )
        assert all(0 <= start <= end <= len(data) for start, end in walked.covered)

    check()


@pytest.mark.parametrize("name", WALKERS)
def test_walker_stops_soon_when_the_time_is_up(name: str) -> None:
    data = memoryview(os.urandom(1 << 16) * 16)
    start = time.perf_counter()
    WALKERS[name](data, Place(("f",), 0, len(data)), Budget(1 << 20, 1 << 20, 1 << 20, lambda: True))
    assert time.perf_counter() - start < 30
