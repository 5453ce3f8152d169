"""Upper bounds of epsilon for stated runs of DP-SGD."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from holdfast.kernels.privacy.dp_accounting import (
    _BROKEN,
    _WHOLE,
    dp_sgd_epsilon,
    epsilon_from_rdp,
    fixed_batch_rdp,
    gaussian_epsilon,
    poisson_rdp,
)

# noise, sampling rate, steps, delta; epsilon by the Rényi and the privacy-loss accountants of dp-accounting 0.6.0
REFERENCE = [
    (1.0, 0.01, 1000, 1e-5, 2.101366525420273, 1.8282436461194622),
    (0.7, 0.02, 2000, 1e-6, 15.888920641612472, 14.47181799145323),
    (2.0, 0.1, 500, 1e-5, 6.034562203370491, 5.555469953727651),
    (1.1, 256 / 60000, 14000, 1e-5, 2.590376966678199, 2.375926473350197),
    (0.5, 0.001, 100, 1e-5, 3.5981250152851576, 2.1086455686496888),
    (8.0, 0.5, 5, 1e-5, 0.5722462109608923, 0.51684820336788),
]


def stated(noise: float, rate: float, steps: int, delta: float = 1e-5) -> dict[str, Any]:
    return {"noise_multiplier": noise, "sampling_rate": rate, "n_steps": steps, "delta": delta}


def test_one_gaussian_release_fulfils_its_equation() -> None:
    epsilon = gaussian_epsilon(noise_multiplier=1.0, n_rounds=1, delta=1e-5)
    spent = norm.cdf(0.5 - epsilon) - np.exp(epsilon) * norm.cdf(-0.5 - epsilon)
    assert spent == pytest.approx(1e-5, rel=1e-6)


def test_releases_add_up_as_one_with_less_noise() -> None:
    four = gaussian_epsilon(noise_multiplier=2.0, n_rounds=4, delta=1e-6)
    assert four == pytest.approx(gaussian_epsilon(noise_multiplier=1.0, n_rounds=1, delta=1e-6))


def test_much_noise_costs_nothing_at_this_delta() -> None:
    assert gaussian_epsilon(noise_multiplier=1e6, n_rounds=1, delta=1e-5) == 0.0


def test_little_noise_has_a_large_epsilon_without_overflow() -> None:
    epsilon = gaussian_epsilon(noise_multiplier=0.01, n_rounds=10, delta=1e-5)
    assert epsilon == pytest.approx(10 / (2 * 0.01**2), rel=0.05)


def test_sampling_everything_is_the_plain_gaussian_mechanism() -> None:
    orders = np.array([1.5, 2.0, 8.7, 64.0])
    found = poisson_rdp(orders, noise_multiplier=1.3, sampling_rate=1.0)
    np.testing.assert_allclose(found, orders / (2 * 1.3**2), rtol=1e-10)


# By quadrature with 30 digits
@pytest.mark.parametrize(
    ("noise", "rate", "order", "expected"),
    [
        (0.7, 0.02, 2.4, 0.00359290088016776670),
        (1.0, 0.01, 7.8, 0.00084756613856265228),
        (0.15, 0.001, 1.5, 12.6137129886446),
        (0.06, 0.3, 1.1, 139.534082814831),
    ],
)
def test_divergences_of_broken_orders_are_exact(noise: float, rate: float, order: float, expected: float) -> None:
    found = poisson_rdp(np.array([order]), noise_multiplier=noise, sampling_rate=rate)
    assert found[0] == pytest.approx(expected, rel=1e-9)


def test_whole_and_broken_orders_meet() -> None:
    found = poisson_rdp(np.array([3.0, 3.0 + 1e-7]), noise_multiplier=0.8, sampling_rate=0.05)
    assert found[1] == pytest.approx(found[0], rel=1e-6)


@pytest.mark.parametrize(("noise", "rate", "steps", "delta", "renyi", "loss"), REFERENCE)
def test_epsilon_is_that_of_dp_accounting(
    noise: float, rate: float, steps: int, delta: float, renyi: float, loss: float
) -> None:
    orders = np.concatenate([_BROKEN, _WHOLE])
    rdp = poisson_rdp(orders, noise_multiplier=noise, sampling_rate=rate)
    # its series for broken orders stops early, and is up to 0.8 % too large
    assert renyi * 0.992 <= epsilon_from_rdp(steps * rdp, orders, delta=delta) <= renyi * (1 + 1e-9)
    found = dp_sgd_epsilon(sampler="poisson", **stated(noise, rate, steps, delta))
    assert loss <= found <= loss * (1 + 1e-4)


@pytest.mark.parametrize(("noise", "rate", "steps", "delta"), [case[:4] for case in REFERENCE])
def test_epsilon_is_that_of_the_installed_dp_accounting(noise: float, rate: float, steps: int, delta: float) -> None:
    package = pytest.importorskip("dp_accounting", reason="dp-accounting pins attrs below what other tools need")
    pld = pytest.importorskip("dp_accounting.pld")
    step = package.PoissonSampledDpEvent(rate, package.GaussianDpEvent(noise))
    run = package.SelfComposedDpEvent(step, steps)
    found = dp_sgd_epsilon(sampler="poisson", **stated(noise, rate, steps, delta))
    assert found == pytest.approx(pld.PLDAccountant().compose(run).get_epsilon(delta), rel=1e-4)


# Sampling without replacement by the Rényi accountant of dp-accounting 0.6.0, at half of the noise multiplier
@pytest.mark.parametrize(
    ("noise", "rate", "steps", "expected"),
    [(1.0, 0.01, 1000, 20.987072439841914), (2.0, 0.1, 500, 36.59627796774915)],
)
def test_fixed_batches_are_those_of_dp_accounting(noise: float, rate: float, steps: int, expected: float) -> None:
    assert dp_sgd_epsilon(sampler="fixed", **stated(noise, rate, steps)) == pytest.approx(expected)


def test_fixed_batches_gain_from_sampling_but_never_lose() -> None:
    orders = np.array([2.0, 4.0, 32.0])
    plain = orders / (2 * 1.5**2)
    small, all_rows = (fixed_batch_rdp(orders, noise_multiplier=1.5, sampling_rate=rate) for rate in (0.001, 1.0))
    assert (small < plain / 100).any()
    np.testing.assert_allclose(all_rows, plain)


def test_shuffling_counts_the_epochs_that_were_begun() -> None:
    three = gaussian_epsilon(noise_multiplier=1.0, n_rounds=3, delta=1e-5)
    assert dp_sgd_epsilon(sampler="shuffle", **stated(1.0, 0.1, 30)) == three
    assert dp_sgd_epsilon(sampler="shuffle", **stated(1.0, 0.1, 21)) == three


def test_shuffling_is_not_credited_with_sampling() -> None:
    shuffled, poisson = (dp_sgd_epsilon(sampler=each, **stated(1.0, 0.01, 100)) for each in ("shuffle", "poisson"))
    assert shuffled > 3 * poisson


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(noise=st.floats(0.3, 8), rate=st.floats(0.0005, 1), steps=st.integers(1, 5000), delta=st.floats(1e-9, 0.01))
def test_more_noise_and_fewer_steps_cost_less(noise: float, rate: float, steps: int, delta: float) -> None:
    found = dp_sgd_epsilon(sampler="poisson", **stated(noise, rate, steps, delta))
    assert found >= 0
    assert dp_sgd_epsilon(sampler="poisson", **stated(noise * 1.1, rate, steps, delta)) <= found + 1e-9
    assert dp_sgd_epsilon(sampler="poisson", **stated(noise, rate, steps + 1, delta)) >= found - 1e-9
    assert found <= gaussian_epsilon(noise_multiplier=noise, n_rounds=steps, delta=delta) + 1e-9


@pytest.mark.parametrize("noise", [0.01, 0.05, 100.0])
def test_extreme_noise_gives_a_finite_number(noise: float) -> None:
    assert np.isfinite(dp_sgd_epsilon(sampler="poisson", **stated(noise, 0.01, 100)))
    assert np.isfinite(dp_sgd_epsilon(sampler="fixed", **stated(noise, 0.01, 100)))


def test_no_divergence_proves_no_epsilon() -> None:
    assert epsilon_from_rdp(np.zeros(1), np.array([1e9]), delta=1e-5) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    "wrong", [{"noise_multiplier": 0.0}, {"sampling_rate": 1.1}, {"n_steps": 0}, {"delta": 0.0}, {"delta": 1.0}]
)
def test_impossible_runs_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected noise above 0"):
        dp_sgd_epsilon(sampler="poisson", **{**stated(1.0, 0.1, 10), **wrong})
