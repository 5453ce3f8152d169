"""Weights that make the past look like today."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.data.raking import kish_effective_size
from holdfast.kernels.estimation.density_ratio import density_ratio, feature_scale, quadratic


def weights(past: np.ndarray, now: np.ndarray, seed: int = 0) -> np.ndarray:
    scale = feature_scale(past)
    return density_ratio(quadratic(past, scale), now, scale, rng=np.random.default_rng(seed))


def test_ratio_of_two_gaussians_is_found() -> None:
    rng = np.random.default_rng(0)
    past, now = rng.normal(size=(20_000, 2)), rng.normal([0.5, 0.0], [1.0, 0.8], (20_000, 2))
    found = weights(past, now)
    a, b = past.T
    truth = np.exp(0.5 * a - 0.125) * np.exp(b**2 / 2 - b**2 / (2 * 0.64)) / 0.8
    assert np.corrcoef(found, truth)[0, 1] > 0.97
    assert np.average(a, weights=found) == pytest.approx(0.5, abs=0.05)
    assert np.average(b**2, weights=found) == pytest.approx(0.64, abs=0.05)


@pytest.mark.parametrize("n", [30, 500, 20_000])
def test_no_shift_leaves_the_weights_alike(n: int) -> None:
    rng = np.random.default_rng(1)
    found = weights(rng.normal(size=(20_000, 5)), rng.normal(size=(n, 5)))
    assert found.mean() == pytest.approx(1.0)
    assert kish_effective_size(found) / 20_000 > 0.7


def test_a_period_apart_leaves_few_cases_but_no_infinite_weight() -> None:
    rng = np.random.default_rng(2)
    found = weights(rng.normal(size=(5000, 1)), rng.normal(30.0, 1.0, (5000, 1)))
    assert np.isfinite(found).all()
    assert kish_effective_size(found) / 5000 < 0.3


@pytest.mark.parametrize(("n", "m"), [(0, 5), (5, 0), (1, 1)])
def test_empty_and_single_tables(n: int, m: int) -> None:
    found = (
        weights(np.ones((n, 2)), np.ones((m, 2)))
        if n
        else density_ratio(
            np.ones((0, 5)), np.ones((m, 2)), feature_scale(np.ones((3, 2))), rng=np.random.default_rng(0)
        )
    )
    assert found.tolist() == pytest.approx([1.0] * n)


def test_constant_columns_and_wild_values_do_no_harm() -> None:
    past = np.column_stack([np.ones(200), np.append(np.zeros(199), 1e12)])
    assert np.isfinite(weights(past, past[:50])).all()
