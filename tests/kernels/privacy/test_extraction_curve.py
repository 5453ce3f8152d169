import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.privacy.extraction_curve import agreement, best_so_far, hardest_rows, queries_to_reach

MARKS = np.array([50, 100, 250])


def test_labels_agree_when_they_are_equal():
    assert agreement(np.array([0, 1, 2]), np.array([0, 2, 2]), tolerance=0.0).tolist() == [True, False, True]


def test_values_agree_within_the_tolerance():
    assert agreement(np.array([1.0, 2.0]), np.array([1.1, 2.3]), tolerance=0.2).tolist() == [True, False]


def test_the_hardest_rows_have_the_smallest_margin():
    scores = np.array([[0.8, 0.1, 0.1], [0.4, 0.35, 0.25], [0.5, 0.1, 0.4]])
    assert hardest_rows(scores, share=0.34).tolist() == [False, True, False]


def test_one_row_is_always_hard():
    assert hardest_rows(np.array([[0.5, 0.5]]), share=0.1).tolist() == [True]


def test_a_copy_counts_from_its_own_price_on():
    best = best_so_far(np.array([50, 200, 100]), np.array([0.7, 0.9, 0.8]), checkpoints=MARKS)
    assert best.tolist() == [0, 2, 1]


def test_of_equal_copies_the_cheapest_is_taken():
    assert best_so_far(np.array([100, 50]), np.array([0.9, 0.9]), checkpoints=np.array([100])).tolist() == [1]


def test_an_agreement_never_reached_has_no_number():
    assert queries_to_reach(MARKS, np.array([900, 940, 951]), n=1000, target=0.95, level=0.95) is None


def test_an_agreement_is_reached_when_the_whole_interval_is_there():
    reached = queries_to_reach(MARKS, np.array([900, 950, 980]), n=1000, target=0.95, level=0.95)
    assert reached == (250, 100)


@given(st.lists(st.integers(0, 500), min_size=3, max_size=3))
def test_the_number_is_a_checkpoint_and_not_before_its_lower_end(agreed):
    reached = queries_to_reach(MARKS, np.array(agreed), n=500, target=0.9, level=0.95)
    if reached is not None:
        assert reached.low in MARKS
        assert reached.queries in MARKS
        assert reached.low <= reached.queries


@pytest.mark.slow
def test_luck_at_one_of_many_checkpoints_is_as_rare_as_promised():
    rng = np.random.default_rng(0)
    marks = np.arange(10, 110, 10)
    shown = [
        queries_to_reach(marks, rng.binomial(400, 0.9499, 10), n=400, target=0.95, level=0.95) is not None
        for _ in range(2000)
    ]
    assert sum(shown) <= 2000 * 0.05
