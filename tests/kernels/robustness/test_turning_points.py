from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.robustness.turning_points import crossings, neighbourhood

finite = st.floats(-1e9, 1e9, allow_nan=False)


@given(st.lists(finite, min_size=1, max_size=5))
def test_values_stand_between_their_neighbours(values: list[float]) -> None:
    found = neighbourhood(np.array(values)).tolist()
    for value in values:
        assert {value, np.nextafter(value, np.inf), np.nextafter(value, -np.inf)} <= set(found)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_crossings_of_a_scaler_are_exact(mean: float, scale: float, edge: float) -> None:
    found = crossings(lambda x: (x - mean) / scale, np.array([edge]), turns=np.zeros(0))
    value = (found - mean) / scale
    for is_past in (value >= edge, value > edge):
        last = np.flatnonzero(~is_past)[-1]
        assert np.nextafter(found[last], np.inf) == found[last + 1]


def test_a_map_that_turns_passes_an_edge_on_both_sides() -> None:
    found = crossings(lambda x: np.abs(x - 3), np.array([2.0]), turns=np.array([3.0]))
    assert {1.0, 5.0} <= set(found.tolist())


def test_an_edge_that_is_never_reached_is_passed_nowhere() -> None:
    assert crossings(np.zeros_like, np.array([1.0]), turns=np.zeros(0)).size == 0


def test_narrow_bumps_have_a_number_inside_also_in_single_precision() -> None:
    low = np.float32(4999.99)
    high = np.nextafter(low, np.float32(np.inf))
    found = neighbourhood(np.array([float(low), float(high)])).astype(np.float32)
    assert ((found >= low) & (found < high)).any()
