from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.robustness.interval_splits import nested

LEAVES = np.array([1, -1, -1], dtype=np.int32), np.array([2, -1, -1], dtype=np.int32)


def split(cuts: list[float], *, lowest_left: bool, missing_left: bool = False):
    return nested(
        *LEAVES,
        cuts=np.array([*cuts, np.nan, np.nan]),
        n_cuts=np.array([len(cuts), 1, 1]),
        lowest_left=np.array([lowest_left, False, False]),
        missing_left=np.array([missing_left, False, False]),
    )


def leaf_of(made, x: float) -> int:
    node = 0
    while made.left[node] >= 0:
        goes_left = made.missing_left[node] if np.isnan(x) else x <= made.cut[node]
        node = made.left[node] if goes_left else made.right[node]
    return int(made.source[node])


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=6, unique=True).map(sorted), st.booleans(), st.booleans())
def test_the_side_changes_above_each_cut(cuts: list[int], lowest_left: bool, missing_left: bool) -> None:
    made = split([float(cut) for cut in cuts], lowest_left=lowest_left, missing_left=missing_left)
    for x in np.arange(-6, 6.5, 0.5):
        goes_left = lowest_left ^ (sum(x > cut for cut in cuts) % 2 == 1)
        assert leaf_of(made, x) == (1 if goes_left else 2)
    assert leaf_of(made, np.nan) == (1 if missing_left else 2)


@pytest.mark.parametrize("lowest_left", [True, False])
def test_children_stand_behind_their_parents(lowest_left: bool) -> None:
    made = split([1.0, 2.0, 3.0], lowest_left=lowest_left)
    splits = made.left >= 0
    assert (made.left[splits] > np.flatnonzero(splits)).all()
    assert (made.right[splits] > np.flatnonzero(splits)).all()


def test_a_single_cut_with_the_low_side_left_is_left_as_it_is() -> None:
    made = split([1.0], lowest_left=True)
    assert (made.left.tolist(), made.right.tolist(), made.cut[0]) == ([1, -1, -1], [2, -1, -1], 1.0)
