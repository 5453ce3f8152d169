"""Error of a regression over time."""

from __future__ import annotations

import numpy as np

from holdfast.kernels.estimation.loss_over_time import LossPeriod, loss_over_time

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
