"""Error of a regression over time."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.estimation.loss_over_time import LossPeriod, errors_over_time, loss_over_time

NONE = np.zeros(0, dtype=np.int64)


def period(rng: np.random.Generator, n: int, labelled: int, *, factor: float = 1.0) -> tuple[LossPeriod, float]:
    expected = rng.uniform(0.5, 2.0, n)
    loss = factor * expected * rng.exponential(1.0, n)
    rows = np.sort(rng.choice(n, labelled, replace=False))
    return LossPeriod(expected, rows, loss[rows], None), float(loss.mean())


def test_periods_without_few_and_all_labels() -> None:
    rng = np.random.default_rng(0)
    past, _ = period(rng, 20_000, 20_000)
    windows, means = zip(*[period(rng, 2000, m) for m in (0, 10, 300, 2000)], strict=True)
    _, found = loss_over_time(past.loss, past.predicted, windows)
    assert [np.isfinite(one.restated) for one in found] == [False, False, True, True]
    assert [one.is_refuted for one in found] == [False] * 4
    assert all(one.low <= mean <= one.high for one, mean in zip(found, means, strict=True))
    assert found[3].realised == found[3].restated == means[3]
    assert {one.standing for one in found} == {"within"}


def test_a_loss_that_grew_unseen_is_refuted_and_restated() -> None:
    rng = np.random.default_rng(1)
    past, _ = period(rng, 20_000, 20_000)
    window, mean = period(rng, 5000, 500, factor=1.5)
    _, (found,) = loss_over_time(past.loss, past.predicted, [window])
    assert found.is_refuted
    assert found.high < mean
    assert found.restated_low <= mean <= found.restated_high
    assert (found.standing, found.gap > 0) == ("worse", True)


def test_an_empty_period_has_no_figure() -> None:
    past, _ = period(np.random.default_rng(2), 100, 100)
    _, (found,) = loss_over_time(past.loss, past.predicted, [LossPeriod(np.zeros(0), NONE, np.zeros(0), None)])
    assert np.isnan(found.estimate)
    assert found.standing == "unknown"


def errors(rng: np.random.Generator, n: int, labelled: int, *, low: float = 0.5, law: str = "normal") -> LossPeriod:
    """Draw errors that differ in scale, and what a model says of their size."""
    scale = rng.uniform(low, 2.0, n)
    loss = np.abs(scale * {"normal": rng.normal, "laplace": rng.laplace}[law](size=n))
    rows = np.sort(rng.choice(n, labelled, replace=False))
    return LossPeriod(scale, rows, loss[rows], None)


def test_both_errors_are_estimated_for_every_period() -> None:
    rng = np.random.default_rng(3)
    past = errors(rng, 20_000, 20_000)
    windows = [errors(rng, 2000, count, low=1.0) for count in (0, 300, 2000)]
    _, found = errors_over_time(past.loss, past.predicted, windows)
    assert [(one.metric, one.period) for one in found] == [(m, at) for m in ("mae", "rmse") for at in range(3)]
    truth = np.sqrt((windows[2].loss ** 2).mean())
    for one in found[3:]:
        assert one.low < truth < one.high
        assert one.reference == pytest.approx(np.sqrt((past.loss**2).mean()))
        assert one.estimate > next(mae.estimate for mae in found if mae.period == one.period)
    assert found[5].realised == pytest.approx(truth)
    assert [one.p_value for one in found[:3]] == pytest.approx([one.p_value for one in found[3:]], nan_ok=True)


def test_the_root_mean_square_scales_with_the_errors() -> None:
    past, window = (errors(np.random.default_rng(seed), 1000, 1000) for seed in (4, 5))
    today = window._replace(labelled=NONE, loss=np.zeros(0))
    first = errors_over_time(past.loss, past.predicted, [today])[1][1]
    ten = today._replace(predicted=10.0 * today.predicted)
    second = errors_over_time(10.0 * past.loss, 10.0 * past.predicted, [ten])[1][1]
    assert [10.0 * each for each in (first.low, first.estimate, first.high)] == pytest.approx(
        [second.low, second.estimate, second.high]
    )


def test_a_model_without_error_has_none_to_expect() -> None:
    nothing = LossPeriod(np.zeros(50), NONE, np.zeros(0), None)
    _, found = errors_over_time(np.zeros(50), np.zeros(50), [nothing])
    assert [one.estimate for one in found] == [0.0, 0.0]


@pytest.mark.slow
@pytest.mark.parametrize(("law", "least"), [("normal", 0.95), ("laplace", 0.95)])
@pytest.mark.parametrize(("n_reference", "n"), [(500, 200), (5000, 1000)])
def test_intervals_hold_the_root_mean_square_that_comes(law: str, least: float, n_reference: int, n: int) -> None:
    rng = np.random.default_rng(6)
    covered = []
    for _ in range(2000):
        past, window = errors(rng, n_reference, n_reference, law=law), errors(rng, n, n, low=1.0, law=law)
        truth = np.sqrt((window.loss**2).mean())
        today = window._replace(labelled=NONE, loss=np.zeros(0))
        found = errors_over_time(past.loss, past.predicted, [today])[1][1]
        covered.append(found.low <= truth <= found.high)
    assert np.mean(covered) > least - 3.0 * np.sqrt(0.95 * 0.05 / 2000)
