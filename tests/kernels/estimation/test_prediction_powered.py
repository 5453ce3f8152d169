"""A few labels beside many predictions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from holdfast.kernels.estimation.calibration_map import calibrated, fit_calibration
from holdfast.kernels.estimation.prediction_powered import ppi_mean, refutation, stretched
from holdfast.kernels.stats.mean import mean_t


def test_power_zero_is_the_mean_of_the_labels() -> None:
    rng = np.random.default_rng(0)
    f, g = rng.normal(size=(2, 50))
    found, plain = ppi_mean(f, g, 9.0, probability=np.full(50, 1e-9), power=0.0), mean_t(f)
    assert found == pytest.approx(plain, rel=1e-6)


def test_power_one_is_the_difference_estimator() -> None:
    found = ppi_mean([1.0, 2.0], [0.5, 1.0], 3.0, probability=[0.5, 0.5], power=1.0)
    assert found.value == pytest.approx(3.0 + 0.75)


def test_all_labels_leave_no_doubt() -> None:
    f = np.array([1.0, 4.0, 7.0])
    found = ppi_mean(f, np.zeros(3), 0.0, probability=np.ones(3))
    assert found == pytest.approx((4.0, 4.0, 4.0))


@pytest.mark.parametrize("n", [0, 1])
def test_no_and_one_label(n: int) -> None:
    found = ppi_mean(np.ones(n), np.ones(n), 1.0, probability=np.full(n, 0.1))
    assert (found.low, found.high) == (-np.inf, np.inf)
    assert np.isnan(found.value) == (n == 0)


@pytest.mark.slow
@pytest.mark.parametrize("quality", [0.0, 1.0, -1.0])
def test_interval_covers_whatever_the_predictions_are(quality: float) -> None:
    rng = np.random.default_rng(1)
    prediction = rng.normal(size=5000)
    truth = quality * prediction + rng.normal(size=5000)
    covered, width = [], []
    for _ in range(2000):
        rows = rng.choice(5000, 100, replace=False)
        found = ppi_mean(truth[rows], prediction[rows], float(prediction.mean()), probability=np.full(100, 0.02))
        covered.append(found.low <= truth.mean() <= found.high)
        width.append(found.high - found.low)
    assert 0.93 < np.mean(covered) < 0.97
    if quality == 1.0:
        assert np.mean(width) < 0.8 * 2 * 1.98 * truth.std() / 10


@pytest.mark.parametrize("probability", [[0.0, 0.5], [0.5, 1.5], [-0.1, 0.5]])
def test_probabilities_that_are_none_are_refused(probability: list[float]) -> None:
    with pytest.raises(ValueError, match="sampling probabilities"):
        ppi_mean([1.0, 2.0], [1.0, 2.0], 1.0, probability=probability)


def drawn(rng: np.random.Generator, n: int, slope: float = 1.0, move: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    z = rng.normal(0, 1.5, n)
    return z, rng.random(n) < expit(0.9 * (slope * z + move) - 0.2)


@pytest.mark.slow
@pytest.mark.parametrize(("n_reference", "n"), [(500, 500), (5000, 40), (50_000, 500)])
def test_refutation_is_false_as_often_as_stated(n_reference: int, n: int) -> None:
    rng = np.random.default_rng(2)
    p_values = []
    for _ in range(2000):
        found = fit_calibration(*drawn(rng, n_reference))
        z, y = drawn(rng, n)
        p_values.append(refutation(found, z, calibrated(found, z), y).p_value)
    # 2,000 draws: five standard errors above 0.05.
    assert np.mean(np.array(p_values) <= 0.05) < 0.075


@pytest.mark.parametrize(("slope", "move"), [(0.5, 0.0), (1.0, 0.6), (1.6, 0.0)])
def test_concept_shifts_of_slope_and_level_are_refuted(slope: float, move: float) -> None:
    rng = np.random.default_rng(3)
    found = fit_calibration(*drawn(rng, 20_000))
    refuted = []
    for _ in range(60):
        z, y = drawn(rng, 500, slope, move)
        refuted.append(refutation(found, z, calibrated(found, z), y).p_value <= 0.05)
    assert np.mean(refuted) > 0.9


def test_few_labels_test_nothing() -> None:
    rng = np.random.default_rng(4)
    found = fit_calibration(*drawn(rng, 1000))
    for n in (0, 1, 19):
        z, y = drawn(rng, n)
        assert np.isnan(refutation(found, z, calibrated(found, z), y).p_value)


def test_probabilities_bend_to_the_labels() -> None:
    rng = np.random.default_rng(5)
    p = rng.uniform(0.05, 0.95, 20_000)
    truth = expit(0.4 * np.log(p / (1 - p)) - 0.3)
    bent = stretched(p, p, (rng.random(20_000) < truth).astype(float), np.ones(20_000))
    assert np.abs(bent - truth).max() < 0.03
    assert np.abs(stretched(p, p[:2], np.array([1.0, 0.0]), np.ones(2)) - p).mean() < 0.25
