import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.privacy.query_selection import choose_queries, farthest_first

POINTS = np.random.default_rng(0).normal(size=(60, 3))
NONE = np.zeros(0, dtype=np.int64)


def choose(asked=NONE, n=10, share=0.5, seed=0, uncertainty=None):
    doubt = np.zeros(len(POINTS)) if uncertainty is None else uncertainty
    return choose_queries(
        POINTS, asked=asked, uncertainty=doubt, n=n, uncertain_share=share, rng=np.random.default_rng(seed)
    )


def test_the_least_certain_rows_are_chosen():
    doubt = np.where(np.arange(60) < 20, 1.0, 0.0)
    assert set(choose(n=5, share=1.0, uncertainty=doubt)) <= set(range(20))


@given(st.integers(0, 60), st.integers(0, 80), st.floats(0, 1), st.integers(0, 2**32))
def test_rows_are_new_different_and_as_many_as_asked_for(n_asked, n, share, seed):
    asked = np.arange(n_asked)
    chosen = choose(asked=asked, n=n, share=share, seed=seed)
    assert chosen.size == np.unique(chosen).size == min(n, 60 - n_asked)
    assert not set(chosen) & set(asked)


def test_a_share_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        choose(share=1.5)


def test_farthest_first_takes_the_corners():
    points = np.array([[0.0, 0.0], [0.1, 0.0], [1.0, 1.0], [0.0, 1.0], [0.9, 1.0]])
    assert farthest_first(points, 3).tolist() == [0, 2, 3]


@given(st.integers(1, 60))
def test_taken_points_differ(n):
    assert np.unique(farthest_first(POINTS, n)).size == n


def test_equal_points_are_taken_once_each():
    assert sorted(farthest_first(np.zeros((4, 2)), 4)) == [0, 1, 2, 3]


def test_no_point_is_taken_where_none_is_asked_for():
    assert farthest_first(POINTS[:0], 0).size == 0
