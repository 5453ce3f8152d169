"""Moments of shadow models, together and with some taken out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.privacy.shadow_moments import moments_of, moments_without, variance_prior


@given(st.integers(0, 2**31), st.floats(-1e6, 1e6))
@settings(max_examples=50, deadline=None)
def test_moments_are_those_of_numpy_whatever_the_offset(seed: int, offset: float) -> None:
    rng = np.random.default_rng(seed)
    signals, chosen = rng.normal(offset, 1.0, (5, 7)), rng.random((5, 7)) < 0.6
    moments = moments_of(signals, chosen)
    for row in range(5):
        of_row = signals[row, chosen[row]]
        assert moments.n[row] == of_row.size
        if of_row.size:
            assert moments.mean[row] == pytest.approx(of_row.mean(), rel=1e-12, abs=1e-9)
            assert moments.squares[row] == pytest.approx(of_row.var() * of_row.size, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("out", [[2], [2, 3], [0, 1, 2, 3, 4, 5]])
def test_models_taken_out_leave_the_others(out: list[int]) -> None:
    rng = np.random.default_rng(1)
    signals, chosen = rng.normal(100.0, 1.0, size=(40, 6)), rng.random((40, 6)) < 0.5
    rest = moments_without(moments_of(signals, chosen), signals[:, out], chosen[:, out])
    others = [column for column in range(6) if column not in out]
    expected = moments_of(signals[:, others], chosen[:, others]) if others else (np.zeros(40),) * 3
    for found, right in zip(rest, expected, strict=True):
        assert found == pytest.approx(right, abs=1e-9)


def test_models_that_agree_have_no_spread() -> None:
    signals, chosen = np.full((30, 7), 1.0 / 3.0), np.random.default_rng(0).random((30, 7)) < 0.7
    moments = moments_of(signals, chosen)
    assert (moments.squares == 0).all()
    assert (moments.mean[moments.n > 0] == 1.0 / 3.0).all()


def test_prior_is_found_again_in_simulated_variances() -> None:
    rng = np.random.default_rng(0)
    degrees = np.full(40_000, 6.0)
    variance = 2.0 * 8.0 / rng.chisquare(8.0, degrees.size)
    nu, scale = variance_prior(variance * rng.chisquare(degrees), degrees)
    assert nu == pytest.approx(8.0, rel=0.1)
    assert scale == pytest.approx(2.0, rel=0.05)


def test_equal_variances_give_a_prior_that_rules() -> None:
    degrees = np.full(5000, 10.0)
    nu, scale = variance_prior(np.random.default_rng(0).chisquare(degrees), degrees)
    assert nu > 100
    assert scale == pytest.approx(1.0, rel=0.05)


def test_records_that_never_vary_do_not_break_the_prior() -> None:
    assert variance_prior(np.zeros(10), np.full(10, 3.0))[0] == 1.0
    assert variance_prior(np.zeros(10), np.zeros(10)) == (1.0, 1.0)
