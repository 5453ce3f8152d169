"""Majorities of noisy copies: radii of a linear model in closed form, abstentions, and bounds that hold together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from holdfast.kernels.robustness.smoothing import Smoothed, smoothed

W = np.array([3.0, -4.0, 0.0])


def ask(copies: NDArray[np.float64], i: int) -> NDArray[np.int64]:
    return (copies @ W > 0).astype(np.int64)


def run(points: NDArray[np.float64], *, n_samples: int = 400, seed: int = 0, **given: object) -> Smoothed:
    options = {"sigma": 0.5, "scale": np.ones(3), "n_first": 30, "n_classes": 2, "level": 0.95} | given
    return smoothed(ask, points, n_samples=n_samples, rng=np.random.default_rng(seed), **options)  # type: ignore[arg-type]


def test_the_radius_of_a_linear_model_is_its_distance_from_below() -> None:
    """The share of copies on the right side is the normal probability of distance / sigma: the exact radius."""
    distance = np.array([0.1, 0.5, 1.0])
    found = run(distance[:, None] * W / 5, n_samples=20_000)
    assert found.label.tolist() == [1, 1, 1]
    assert (found.radius <= distance).all()
    np.testing.assert_allclose(found.radius, distance, atol=0.06)
    np.testing.assert_allclose(found.p_low, norm.cdf(distance / 0.5), atol=0.03)


def test_a_point_on_the_boundary_abstains() -> None:
    found = run(np.zeros((1, 3)), level=0.999)
    assert found.label.tolist() == [-1]
    assert found.radius.tolist() == [0.0]


def test_columns_without_a_unit_get_no_noise() -> None:
    found = run(np.array([[0.02, 0.0, 0.0]]), scale=np.array([0.0, 0.0, 1.0]))
    assert found.label.tolist() == [1]
    assert found.p_low[0] > 0.97


def test_more_points_share_the_error() -> None:
    points = np.repeat([[0.2, 0.0, 0.0]], 50, axis=0)
    assert run(points).p_low[0] < run(points[:1]).p_low[0]


def test_what_comes_after_the_time_was_up_is_left_out() -> None:
    assert run(np.ones((5, 3)), should_stop=lambda: True).label.size == 1


def test_without_noise_there_is_nothing_to_sample() -> None:
    with pytest.raises(ValueError, match="expected noise and samples, got sigma=0"):
        run(np.zeros((1, 3)), sigma=0)


@pytest.mark.slow
def test_all_radii_hold_at_once_in_95_percent_of_samples() -> None:
    """Of 600 samples about 30 may break a bound; 50 or more come with a chance below one in a thousand."""
    distance = np.array([0.1, 0.3, 0.6])
    broken = sum(
        bool((run(distance[:, None] * W / 5, n_samples=200, seed=seed).radius > distance).any()) for seed in range(600)
    )
    assert broken < 50
