"""Error of a regression without outcomes."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.estimation.loss_based import (
    direct_loss,
    fit_loss_model,
    fit_loss_ratio,
    loss_shift_between,
    out_of_fold,
    scatter,
)


def world(rng: np.random.Generator, n: int, low: float = 0.5, high: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Expected losses, and losses with an exponential scatter."""
    expected = rng.uniform(low, high, n)
    return expected * rng.exponential(1.0, n), expected


def test_predictions_that_are_off_by_a_line_are_mended() -> None:
    rng = np.random.default_rng(0)
    loss, expected = world(rng, 50_000)
    model = fit_loss_model(loss, 3.0 * expected + 1.0)
    later, there = world(rng, 50_000, 1.5, 3.0)
    found = direct_loss(model, 3.0 * there + 1.0)
    assert found.low < later.mean() < found.high
    assert found.value == pytest.approx(2.25, abs=0.05)


def test_predictions_that_say_nothing_give_the_mean() -> None:
    loss, _ = world(np.random.default_rng(1), 1000)
    assert direct_loss(fit_loss_model(loss, np.ones(1000)), np.ones(10)).value == pytest.approx(loss.mean())


@pytest.mark.slow
@pytest.mark.parametrize(("n_reference", "n"), [(500, 200), (5000, 1000)])
def test_interval_holds_the_loss_that_comes(n_reference: int, n: int) -> None:
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(2000):
        model = fit_loss_model(*world(rng, n_reference))
        loss, there = world(rng, n, 1.0, 2.0)
        found = direct_loss(model, there)
        covered.append(found.low <= loss.mean() <= found.high)
    assert 0.93 < np.mean(covered) < 0.98


def test_every_case_is_predicted_by_models_that_did_not_see_it() -> None:
    rng = np.random.default_rng(3)
    x = np.arange(90)
    seen: list[set[int]] = []

    def fit(rows: np.ndarray, loss: np.ndarray) -> object:
        known = set(rows.tolist())
        seen.append(known)
        return lambda inputs: np.array([float(value in known) for value in inputs])

    predicted, later = out_of_fold(fit, lambda rows: x[rows], np.ones(90), rng=rng)
    assert predicted.tolist() == [0.0] * 90
    assert np.allclose(later(x), 2 / 3)
    assert len(seen) == 3


def test_a_shift_of_the_loss_between_parts_is_measured() -> None:
    rng = np.random.default_rng(4)
    loss, expected = world(rng, 8000)
    part = np.repeat(np.arange(8), 1000)
    assert loss_shift_between(loss * np.where(part % 2, 1.5, 0.7), expected, part) > 0.05
    assert loss_shift_between(loss, expected, part) < 0.01
    assert loss_shift_between(loss, expected, np.zeros(8000, dtype=np.int64)) == 0.0


def test_losses_scatter_more_where_they_are_large() -> None:
    model = fit_loss_model(*world(np.random.default_rng(5), 50_000))
    found = scatter(model, np.array([1.0, 2.0]))
    assert found == pytest.approx([1.0, 2.0], rel=0.15)


def test_no_case_gives_the_widest_interval() -> None:
    model = fit_loss_model(*world(np.random.default_rng(6), 100))
    found = direct_loss(model, [])
    assert np.isnan(found.value)
    assert (found.low, found.high) == (0.0, np.inf)


@pytest.mark.parametrize(
    ("loss", "predicted", "message"),
    [
        (np.ones(5), np.ones(5), "30 or more labelled"),
        (np.ones(40), np.ones(39), "same number"),
        (np.append(np.ones(39), np.nan), np.ones(40), "finite"),
    ],
)
def test_bad_losses_are_refused(loss: np.ndarray, predicted: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_loss_model(loss, predicted)


def test_a_factor_is_not_flattened_by_noise_of_the_predictions() -> None:
    rng = np.random.default_rng(7)
    loss, expected = world(rng, 20_000)
    noisy = expected * rng.choice([0.6, 1.4], 20_000)
    later, there = world(rng, 20_000, 1.5, 2.0)
    assert direct_loss(fit_loss_ratio(loss, 2.0 * noisy), 2.0 * there).value == pytest.approx(later.mean(), rel=0.03)
    assert direct_loss(fit_loss_model(loss, noisy), there).value < 0.95 * later.mean()
    assert fit_loss_ratio(loss, np.zeros(20_000)).intercept == pytest.approx(loss.mean())
