"""Blocks of neighbouring rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.drift.blocks import block_medians, one_of_each_block


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-10, 10) | st.just(np.nan)), min_size=1, max_size=40))
def test_medians_are_those_of_each_block(rows: list[tuple[int, float]]) -> None:
    blocks, values = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found = block_medians(values, blocks)
    for block, median in zip(np.unique(blocks), found, strict=True):
        inside = np.sort(values[(blocks == block) & ~np.isnan(values)])
        if inside.size:
            assert median == inside[(inside.size - 1) // 2]
        else:
            assert np.isnan(median)


def test_infinities_count_as_values() -> None:
    assert block_medians([np.inf, np.inf, 1.0], [0, 0, 0]).tolist() == [np.inf]


def test_one_row_of_each_block_is_drawn_evenly() -> None:
    rng = np.random.default_rng(0)
    drawn = [one_of_each_block([7, 7, 7, 9], rng=rng).tolist() for _ in range(600)]
    assert {row[1] for row in drawn} == {3}
    assert np.bincount([row[0] for row in drawn]).min() > 140


def test_no_rows_have_no_blocks() -> None:
    assert block_medians([], np.zeros(0, dtype=np.int64)).size == 0
    assert one_of_each_block([], rng=np.random.default_rng(0)).size == 0


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="block of each row"):
        block_medians([1.0], [1, 2])
