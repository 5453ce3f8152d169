import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.data.leaking_pairs import coarse_levels, joined, order_of

LEVELS = st.lists(st.integers(0, 50), min_size=1, max_size=40)


@given(LEVELS, st.integers(1, 20))
def test_coarse_levels_are_few_and_keep_their_order(levels, most):
    codes = np.array(levels)
    coarse = coarse_levels(codes, most)
    assert coarse.max() < max(most, 1)
    assert (np.diff(coarse[np.argsort(codes, kind="stable")]) >= 0).all()


@given(LEVELS)
def test_equal_numbers_mean_equal_pairs(levels):
    first, second = np.array(levels), np.array(levels[::-1])
    cells = joined(first, second)
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    assert len(set(cells.tolist())) == len(set(pairs))


def test_order_knows_equal_missing_and_infinite_numbers():
    first, second = np.array([0.1 + 0.2, np.inf, -np.inf, np.nan, 0.0]), np.array([0.3, np.inf, 1.0, 1.0, 1e-300])
    assert order_of(first, second).tolist() == [1, 1, 0, 3, 0]
