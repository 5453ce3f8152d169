import numpy as np
import pytest

from holdfast.kernels.performance.design import linear_designs


def words(*values):
    return np.array(values, dtype=object)


def test_numbers_are_centred_on_the_median_in_units_of_the_spread():
    train, test = linear_designs([np.array([1.0, 2.0, 6.0])], [np.array([2.0, 4.0])], levels=3)
    assert train[:, 0] == pytest.approx((np.array([1.0, 2.0, 6.0]) - 2.0) / np.std([1.0, 2.0, 6.0]))
    assert test[0, 0] == 0.0


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
def test_missing_numbers_become_the_median(missing):
    train, test = linear_designs([np.array([1.0, 3.0, missing])], [np.array([missing])], levels=3)
    assert train[2, 0] == test[0, 0] == 0.0


@pytest.mark.parametrize("column", [[np.nan, np.nan], [4.0, 4.0]])
def test_numbers_without_variation_become_zero(column):
    train, _ = linear_designs([np.array(column)], [np.array(column)], levels=3)
    assert (train == 0.0).all()


def test_one_cell_far_off_is_drawn_in():
    _, test = linear_designs([np.array([1.0, 2.0, 3.0])], [np.array([1e300])], levels=3)
    assert test[0, 0] == 1e3


def test_the_most_frequent_levels_get_a_column_each():
    train, test = linear_designs([words("b", "a", "b", "c", "c", None)], [words("c", "new", None)], levels=2)
    assert train.tolist() == [[1, 0], [0, 0], [1, 0], [0, 1], [0, 1], [0, 0]]
    assert test.tolist() == [[0, 1], [0, 0], [0, 0]]


def test_a_category_that_is_always_missing_has_no_columns():
    train, _ = linear_designs([words(None, None), np.array([1, 2])], [words(None), np.array([1])], levels=2)
    assert train.shape == (2, 1)


def test_no_columns_are_refused():
    with pytest.raises(ValueError, match="one or more columns"):
        linear_designs([], [], levels=2)
