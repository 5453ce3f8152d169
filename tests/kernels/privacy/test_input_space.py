import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.privacy.input_space import space_of

JOB = np.array(["cook", None, "clerk", "cook"], dtype=object)
AGE = np.array([30.0, 50.0, np.nan, 40.0])
SPACE = space_of({"age": AGE, "job": JOB}, whole=frozenset({"age"}))


def test_codes_are_numbers_and_positions_of_sorted_levels():
    codes = SPACE.encode({"age": AGE, "job": JOB})
    np.testing.assert_array_equal(codes, [[30, 1], [50, 2], [np.nan, 0], [40, 1]])


def test_an_unknown_level_has_no_indicator():
    codes = SPACE.encode({"age": np.array([40.0]), "job": np.array(["pilot"], dtype=object)})
    assert codes[0, 1] == -1
    assert SPACE.design(codes)[0, 3:].tolist() == [0, 0, 0]


def test_decoding_gives_the_cells_back():
    cells = SPACE.decode(SPACE.encode({"age": AGE, "job": JOB}))
    np.testing.assert_array_equal(cells["age"], AGE)
    assert cells["job"].tolist() == JOB.tolist()


def test_a_design_has_an_intercept_a_number_its_absence_and_one_column_for_each_level():
    design = SPACE.design(SPACE.encode({"age": AGE, "job": JOB}))
    assert design.shape == (4, 1 + 2 + 3)
    assert design[2].tolist() == [1, 0, 1, 1, 0, 0]


def test_a_category_of_many_levels_can_be_left_out():
    assert SPACE.design(np.zeros((1, 2)), most_levels=2).shape == (1, 3)


def test_numbers_far_off_are_drawn_in():
    assert SPACE.design(np.array([[1e9, 0.0]]), farthest=5.0)[0, 1] == 5.0


@given(st.integers(0, 2**32), st.sampled_from([0.5, 1.0, np.inf]))
def test_drawn_rows_keep_to_ranges_levels_and_whole_numbers(seed, reach):
    X = SPACE.draw(50, np.random.default_rng(seed), reach=reach)
    age = X[np.isfinite(X[:, 0]), 0]
    assert ((age >= 30) & (age <= 50) & (age == np.round(age))).all()
    assert set(X[:, 1]) <= {0.0, 1.0, 2.0}


def test_whole_numbers_vary_even_if_their_spread_is_small():
    space = space_of({"sex": np.array([0.0, 1.0, 1.0, 1.0])}, whole=frozenset({"sex"}))
    assert np.unique(space.draw(100, np.random.default_rng(0), reach=0.5)).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("column", [[np.nan, np.nan], [3.0, 3.0]])
def test_numbers_without_variation_have_a_unit_of_one(column):
    space = space_of({"x": np.array(column)})
    assert space.unit.tolist() == [1.0]
    assert np.isfinite(space.design(np.array([[7.0], [np.nan]]))).all()


def test_no_columns_are_refused():
    with pytest.raises(ValueError, match="one or more columns"):
        space_of({})


def test_levels_are_written_one_by_one() -> None:
    space = space_of({"a": np.array([1.0, 2.0]), "b": np.array(["x", "y"], dtype=object)})
    (written,) = space.levels_of(np.array([[1.0, 0.0], [2.0, 1.0], [2.0, -1.0]]), most_levels=2)
    assert written.tolist() == [[True, False], [False, True], [False, False]]
    assert space.levels_of(np.zeros((1, 2)), most_levels=1) == []
