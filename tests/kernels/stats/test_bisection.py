import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.stats.bisection import boundary


def test_finds_a_square_root() -> None:
    assert np.isclose(boundary(lambda x: x * x <= 2.0, inside=0.0, outside=2.0), np.sqrt(2.0), rtol=1e-15)


def test_solves_many_problems_in_either_direction() -> None:
    found = boundary(lambda x: np.abs(x) <= 1.0, inside=0.0, outside=np.array([-3.0, 3.0]))
    np.testing.assert_allclose(found, [-1.0, 1.0], rtol=1e-15)


def test_segment_that_holds_throughout_returns_its_end() -> None:
    assert boundary(lambda x: x < 9.0, inside=0.0, outside=1.0) == 1.0


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_never_stops_short_of_the_boundary(start: float, distance: float) -> None:
    edge = start + distance
    assert boundary(lambda x: x <= edge, inside=start, outside=start + 3.0 * distance) >= edge
