import numpy as np
import pytest

from holdfast.kernels.stats.inputs import (
    check_choice,
    check_level,
    check_same_length,
    count_array,
    float_vector,
    paired_vectors,
)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 95.0, float("nan")])
def test_level_outside_the_open_unit_interval_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level="):
        check_level(level)


def test_unknown_choice_names_the_choices() -> None:
    with pytest.raises(ValueError, match="'less', 'greater', got alternative='lower'"):
        check_choice("lower", ("less", "greater"), name="alternative")


def test_vector_is_float64_and_input_is_not_modified() -> None:
    values = np.array([1, 0], dtype=np.float32)
    vector = float_vector(values, name="values")
    vector[0] = 7.0
    assert vector.dtype == np.float64
    assert values[0] == 1.0


def test_nan_is_refused_with_its_row() -> None:
    with pytest.raises(ValueError, match=r"scores\[1\]=nan"):
        float_vector([0.0, np.nan], name="scores", allow_infinite=True)


def test_infinity_is_refused_unless_allowed() -> None:
    assert float_vector([np.inf], name="values", allow_infinite=True)[0] == np.inf
    with pytest.raises(ValueError, match=r"values\[0\]=inf"):
        float_vector([np.inf], name="values")


def test_table_is_refused_with_its_shape() -> None:
    with pytest.raises(ValueError, match=r"values of shape \(2, 1\)"):
        float_vector([[1.0], [2.0]], name="values")


def test_lengths_that_differ_are_refused_with_both() -> None:
    with pytest.raises(ValueError, match="a with 1, b with 2"):
        paired_vectors([1.0], [1.0, 2.0], names=("a", "b"))
    check_same_length(2, 2, names=("a", "b"))


@pytest.mark.parametrize("counts", [[-1], [0.5], [np.nan], [np.inf]])
def test_counts_that_are_not_whole_are_refused(counts: list[float]) -> None:
    with pytest.raises(ValueError, match="got successes with"):
        count_array(counts, name="successes")


def test_large_counts_are_exact() -> None:
    assert count_array(2**53 + 1, name="n") == 2**53 + 1
