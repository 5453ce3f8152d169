"""Epsilon of Poisson samples from the distribution of the privacy loss."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from holdfast.kernels.privacy.dp_accounting import gaussian_epsilon
from holdfast.kernels.privacy.privacy_loss import poisson_pld_epsilon

# noise, sampling rate, steps, delta; epsilon by the privacy-loss accountant of dp-accounting 0.6.0
REFERENCE = [
    (1.0, 0.9, 10, 1e-5, 16.525494385509905),
    (3.0, 0.3, 50, 1e-8, 4.390260419570947),
    (0.8, 0.0001, 5000, 1e-6, 0.05970142995999552),
    (20.0, 0.001, 100, 1e-5, 0.0011442497619239799),
    (8.0, 0.01, 100000, 1e-7, 1.942260241023378),
]


def exact_of_one_step(noise: float, rate: float, delta: float) -> float:
    """Solve the equation of delta for one step, in both directions, by quadrature-free closed forms."""

    def spent(epsilon: float, is_added: bool) -> float:
        ratio = math.exp(-epsilon if is_added else epsilon)
        if ratio <= 1 - rate:
            return 0.0 if is_added else 1 - ratio
        x = noise**2 * math.log((ratio - 1 + rate) / rate) + 0.5
        if is_added:
            with_it = (1 - rate) * norm.cdf(x / noise) + rate * norm.cdf((x - 1) / noise)
            return float(norm.cdf(x / noise) - math.exp(epsilon) * with_it)
        with_it = (1 - rate) * norm.sf(x / noise) + rate * norm.sf((x - 1) / noise)
        return float(with_it - math.exp(epsilon) * norm.sf(x / noise))

    found = [
        brentq(lambda epsilon: spent(epsilon, side) - delta, 0, 50) if spent(0, side) > delta else 0.0  # noqa: B023
        for side in (False, True)
    ]
    return float(max(found))


@pytest.mark.parametrize(("noise", "rate"), [(1.0, 0.1), (0.6, 0.01), (2.0, 0.7), (5.0, 0.001)])
def test_one_step_is_exact(noise: float, rate: float) -> None:
    found = poisson_pld_epsilon(noise_multiplier=noise, sampling_rate=rate, n_steps=1, delta=1e-5)
    exact = exact_of_one_step(noise, rate, 1e-5)
    assert exact <= found <= exact * 1.0005 + 1e-5


@pytest.mark.parametrize(("noise", "rate", "steps", "delta", "expected"), REFERENCE)
def test_composition_is_that_of_dp_accounting(
    noise: float, rate: float, steps: int, delta: float, expected: float
) -> None:
    found = poisson_pld_epsilon(noise_multiplier=noise, sampling_rate=rate, n_steps=steps, delta=delta)
    assert expected <= found <= expected * 1.0005


@pytest.mark.slow
@settings(deadline=None, max_examples=6)
@given(st.floats(0.5, 10), st.floats(0.001, 0.9), st.integers(1, 50))
def test_less_noise_more_rows_and_more_steps_cost_more(noise: float, rate: float, steps: int) -> None:
    run = {"noise_multiplier": noise, "sampling_rate": rate, "n_steps": steps, "delta": 1e-5}
    epsilon = poisson_pld_epsilon(**run)
    for more in ({"noise_multiplier": 0.9 * noise}, {"sampling_rate": 1.1 * rate}, {"n_steps": steps + 5}):
        assert poisson_pld_epsilon(**(run | more)) >= epsilon - 1e-4
    assert epsilon <= gaussian_epsilon(noise_multiplier=noise, n_rounds=steps, delta=1e-5) * 1.001 + 1e-4


def test_nearly_all_rows_are_the_plain_gaussian_mechanism() -> None:
    found = poisson_pld_epsilon(noise_multiplier=2.0, sampling_rate=1 - 1e-9, n_steps=8, delta=1e-6)
    assert found == pytest.approx(gaussian_epsilon(noise_multiplier=2.0, n_rounds=8, delta=1e-6), rel=1e-3)


def test_what_the_grid_cannot_hold_is_not_claimed() -> None:
    assert poisson_pld_epsilon(noise_multiplier=0.01, sampling_rate=0.1, n_steps=10, delta=1e-5) == math.inf
    assert poisson_pld_epsilon(noise_multiplier=1.0, sampling_rate=0.1, n_steps=1000, delta=1e-14) == math.inf
    assert np.isfinite(poisson_pld_epsilon(noise_multiplier=1.0, sampling_rate=0.1, n_steps=1, delta=1e-11))
