import numpy as np

from holdfast.kernels.stats.interval import IntervalEstimate, interval_estimate


def test_fields_are_value_low_high() -> None:
    assert IntervalEstimate._fields == ("value", "low", "high")


def test_arrays_without_dimension_become_floats() -> None:
    estimate = interval_estimate(np.array(0.5), np.array(0.25), np.array(1.0))
    assert estimate == (0.5, 0.25, 1.0)
    assert all(type(field) is float for field in estimate)


def test_arrays_with_dimensions_stay_arrays() -> None:
    estimate = interval_estimate(np.array([0.5]), np.array([0.25]), np.array([1.0]))
    assert all(isinstance(field, np.ndarray) and field.shape == (1,) for field in estimate)
