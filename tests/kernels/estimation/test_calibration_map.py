"""What stated probabilities have meant."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from holdfast.kernels.estimation.calibration_map import (
    Calibration,
    calibrated,
    calibration_variance,
    cell_logits,
    fit_calibration,
    hats,
    logits,
    score_cells,
)


def world(
    n: int, *, seed: int = 0, slope: float = 0.7, move: float = -0.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.5, n)
    truth = expit(slope * z + move)
    return z, rng.random(n) < truth, truth


def test_a_known_map_is_found() -> None:
    z, y, truth = world(200_000)
    assert np.abs(calibrated(fit_calibration(z, y), z) - truth).max() < 0.03


def test_a_calibrated_model_is_left_as_it_is() -> None:
    z, y, truth = world(100_000, slope=1.0, move=0.0)
    assert np.abs(calibrated(fit_calibration(z, y), z) - truth).mean() < 0.005


def test_calibrated_probabilities_sum_to_the_outcomes() -> None:
    z, y, _ = world(5000)
    assert calibrated(fit_calibration(z, y), z).mean() == pytest.approx(y.mean(), abs=0.002)


def test_weights_stand_for_copies() -> None:
    z, y, _ = world(3000)
    weight = np.random.default_rng(1).integers(0, 4, 3000)
    copies = np.repeat(np.arange(3000), weight)
    by_weight, by_copies = fit_calibration(z, y, weight=weight), fit_calibration(z[copies], y[copies])
    at = np.linspace(-2, 2, 9)
    assert np.abs(calibrated(by_weight, at) - calibrated(by_copies, at)).max() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("n", [400, 4000])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_error_of_a_sum_is_as_stated(n: int, is_weighted: bool) -> None:
    at = np.linspace(-1.5, 1.5, 50)
    missed = []
    for seed in range(2000):
        z, y, _ = world(n, seed=seed)
        weight = np.exp(0.4 * z) if is_weighted else None
        found = fit_calibration(z, y, weight=weight)
        p = calibrated(found, at)
        sd = np.sqrt(calibration_variance(found, at, p * (1 - p)))
        missed.append((p.sum() - expit(0.7 * at - 0.5).sum()) / sd)
    # 2,000 draws: the share has a standard error of 0.005.
    assert 0.925 < np.mean(np.abs(missed) < 1.96) < 0.985


def test_groups_get_steps_that_shrink_where_there_are_few_cases() -> None:
    rng = np.random.default_rng(2)
    z = rng.normal(0, 1.5, 20_060)
    group = np.repeat([0, 1, 2], [10_000, 10_000, 60])
    y = rng.random(z.size) < expit(z + np.array([0.8, -0.8, 0.8])[group])
    found = fit_calibration(z, y, group=group, n_groups=3)
    assert found.step[0] > 0.6
    assert found.step[1] < -0.6
    assert 0.0 < found.step[2] < 1.5
    assert found.step_variance[2] > 10 * found.step_variance[0]


def test_groups_that_do_not_differ_get_about_no_step() -> None:
    z, y, _ = world(20_000)
    group = np.random.default_rng(3).integers(0, 10, z.size)
    assert np.abs(fit_calibration(z, y, group=group, n_groups=10).step).max() < 0.1


def test_an_unknown_group_is_as_uncertain_as_groups_differ() -> None:
    line = Calibration(np.zeros(1), np.zeros(1), np.zeros((1, 1)), np.array([1.0]), np.array([0.01]), 0.5)
    group = np.array([-1, -1])
    assert calibrated(line, np.zeros(2), group).tolist() == [0.5, 0.5]
    assert calibration_variance(line, np.zeros(2), np.ones(2), group) == pytest.approx(4 * 0.5)


def test_tied_and_extreme_scores_are_fine() -> None:
    y = np.arange(200) % 4 == 0
    found = fit_calibration(logits(np.where(y, 1.0, 0.0)), y)
    p = calibrated(found, logits([0.0, 1.0]))
    assert p[0] < 0.01
    assert p[1] > 0.99
    one = fit_calibration(np.zeros(200), y)
    assert calibrated(one, np.zeros(1))[0] == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("y", [np.zeros(50), np.ones(50)])
def test_one_outcome_is_refused(y: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected both outcomes, got"):
        fit_calibration(np.linspace(-1, 1, 50), y)


def test_weights_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="weights of zero or more, got -1"):
        fit_calibration(np.zeros(2), [0, 1], weight=[1, -1])


@pytest.mark.parametrize("score", [[1.2], [-0.1], [np.nan]])
def test_scores_that_are_no_probabilities_are_refused(score: list[float]) -> None:
    with pytest.raises(ValueError, match=r"probabilities in \[0, 1\]|finite numbers"):
        logits(score)


def test_cells_keep_log_odds_to_a_thousandth() -> None:
    z = np.linspace(-16, 16, 10_001)
    assert np.abs(cell_logits(score_cells(z)) - z).max() <= 1 / 1024 + 1e-12


def test_hats_add_up_to_one() -> None:
    basis = hats(np.array([-1.0, 0.0, 2.0]), np.linspace(-5, 5, 101))
    assert np.allclose(basis.sum(axis=1), 1.0)
    assert basis.min() >= 0.0
