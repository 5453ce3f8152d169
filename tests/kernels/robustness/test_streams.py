from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.robustness.streams import PointStreams


def test_a_point_draws_the_same_numbers_whatever_others_there_are() -> None:
    few, many = PointStreams(3, np.array([7])), PointStreams(3, np.arange(20))
    many.uniform(np.array([1, 2]), 5)
    alone = [few.uniform(np.array([0]), 2, 3), few.uniform(np.array([0]), 4)]
    among = [many.uniform(np.array([5, 7]), 2, 3)[1:], many.uniform(np.array([7, 9]), 4)[:1]]
    assert all(np.array_equal(a, b) for a, b in zip(alone, among, strict=True))


def test_draws_go_on_and_do_not_repeat() -> None:
    streams = PointStreams(0, np.arange(2))
    first, second = (streams.uniform(np.array([0]), 50) for _ in range(2))
    assert np.intersect1d(first, second).size == 0


def test_numbers_are_uniform_and_unrelated() -> None:
    drawn = PointStreams(1, np.arange(500)).uniform(np.arange(500), 200)
    # Standard errors: 0.0009 for the mean, 0.0032 for correlations of 100,000 pairs.
    assert drawn.mean() == pytest.approx(0.5, abs=0.005)
    assert drawn.var() == pytest.approx(1 / 12, abs=0.002)
    assert abs(np.corrcoef(drawn[:, :-1].ravel(), drawn[:, 1:].ravel())[0, 1]) < 0.016
    assert abs(np.corrcoef(drawn[:-1].ravel(), drawn[1:].ravel())[0, 1]) < 0.016
    assert (drawn >= 0).all()
    assert (drawn < 1).all()


@pytest.mark.parametrize("seed", [0, 2**63, 2**64 - 1])
def test_any_seed_serves_and_seeds_differ(seed: int) -> None:
    ids = np.array([-1, 0, 2**62])
    drawn = PointStreams(seed, ids).uniform(np.arange(3), 4)
    assert np.unique(drawn).size == 12
    assert not np.array_equal(drawn, PointStreams(12345, ids).uniform(np.arange(3), 4))


def test_no_points_draw_nothing() -> None:
    assert PointStreams(0, np.zeros(0, dtype=np.int64)).uniform(np.zeros(0, dtype=np.int64), 3).shape == (0, 3)
