"""Which rows take part."""

from __future__ import annotations

import numpy as np

from holdfast.kernels.privacy.audit_pool import audit_pool


def digests(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint64)


def test_rows_of_both_tables_are_left_out_of_both() -> None:
    pool = audit_pool(digests(1, 2, 3, 3), digests(3, 4), most=10, rng=np.random.default_rng(0))
    assert (pool.members.tolist(), pool.others.tolist(), pool.n_shared) == ([0, 1], [1], 3)


def test_no_more_rows_than_asked_for_are_drawn_at_random() -> None:
    pool = audit_pool(np.arange(1000, dtype=np.uint64), digests(5000), most=100, rng=np.random.default_rng(0))
    assert pool.members.size == 100
    assert 300 < pool.members.mean() < 700


def test_equal_tables_leave_nothing() -> None:
    pool = audit_pool(digests(1, 2), digests(2, 1), most=5, rng=np.random.default_rng(0))
    assert (pool.members.size, pool.others.size) == (0, 0)
