"""Performance over time, with and without labels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from holdfast.kernels.estimation.confidence_based import scored_cases
from holdfast.kernels.estimation.over_time import (
    OverTime,
    Period,
    Reference,
    estimate_over_time,
    per_case,
    wrong_probability,
)


class World:
    """A model that is blind to one of two inputs: its probabilities change their meaning with that input."""

    def __init__(self, rng: np.random.Generator, n: int, *, mean: float = 0.0, concept: float = 1.0) -> None:
        self.X = rng.normal([0.0, mean], 1.0, (n, 2))
        s = expit(self.X[:, 0])
        self.y = (rng.random(n) < expit(concept * self.X[:, 0] + self.X[:, 1])).astype(np.int64)
        self.scored = scored_cases(np.column_stack([1 - s, s]), (s > 0.5).astype(np.int64))

    def period(self, rng: np.random.Generator, labels: int, *, inputs: bool = True) -> Period:
        rows = np.sort(rng.choice(self.y.size, labels, replace=False))
        return Period(self.scored, self.X if inputs else None, rows, self.y[rows])

    def reference(self, *, inputs: bool = True) -> Reference:
        return Reference(self.scored, self.y, self.X if inputs else None)

    @property
    def accuracy(self) -> float:
        return float((self.scored.predicted == self.y).mean())


def found(reference: Reference, *periods: Period, seed: int = 0) -> OverTime:
    return estimate_over_time(reference, periods, rng=np.random.default_rng(seed), metrics=("accuracy", "brier"))


def test_weights_follow_inputs_that_scores_do_not_show() -> None:
    rng = np.random.default_rng(0)
    past, now = World(rng, 40_000), World(rng, 20_000, mean=0.8)
    weighted = found(past.reference(), now.period(rng, 500)).periods[0].figures[1]
    plain = found(past.reference(inputs=False), now.period(rng, 500, inputs=False)).periods[0].figures[1]
    brier = float(((now.scored.score[:, 1] - now.y) ** 2).mean())
    assert weighted.low <= brier <= weighted.high
    assert not plain.low <= brier <= plain.high
    assert abs(plain.estimate - brier) > 2 * abs(weighted.estimate - brier)
    assert weighted.effective < 0.7 < plain.effective
    assert not weighted.is_refuted
    assert plain.is_refuted


def test_a_concept_shift_is_refuted_and_restated_by_labels() -> None:
    rng = np.random.default_rng(1)
    past = World(rng, 40_000)
    worlds = [World(rng, 10_000), World(rng, 10_000, concept=-0.3)]
    result = found(past.reference(), *(world.period(rng, 500) for world in worlds))
    same, shifted = (period.figures[0] for period in result.periods)
    assert (same.is_refuted, shifted.is_refuted) == (False, True)
    assert shifted.low > worlds[1].accuracy
    assert shifted.restated_low <= worlds[1].accuracy <= shifted.restated_high
    assert (same.standing, shifted.standing) == ("within", "worse")


def test_without_labels_nothing_is_refuted_or_restated() -> None:
    rng = np.random.default_rng(2)
    past = World(rng, 5000)
    figure = found(past.reference(), Period(World(rng, 1000, concept=-1.0).scored)).periods[0].figures[0]
    assert np.isnan([figure.p_value, figure.restated, figure.realised, figure.gap]).all()
    assert not figure.is_refuted


def test_all_labels_are_the_realised_figure_in_any_order() -> None:
    rng = np.random.default_rng(3)
    past, now = World(rng, 5000), World(rng, 800)
    order = rng.permutation(800)
    figure = found(past.reference(), Period(now.scored, now.X, order, now.y[order])).periods[0].figures[0]
    assert figure.realised == pytest.approx(now.accuracy)
    assert (figure.restated_low, figure.restated_high) == (figure.realised, figure.realised)


def test_each_case_has_its_own_probability_to_be_wrong() -> None:
    rng = np.random.default_rng(4)
    past = World(rng, 20_000)
    result = found(past.reference(inputs=False), Period(past.scored))
    wrong = wrong_probability(result.periods[0].rows)
    assert wrong.mean() == pytest.approx(1 - past.accuracy, abs=0.01)
    spread = per_case(result.periods[0].rows, result.periods[0].spread["accuracy"])
    assert np.allclose(spread, np.sqrt(wrong * (1 - wrong)), atol=1e-9)


@pytest.mark.slow
def test_figures_restated_by_labels_hold_the_truth_under_a_concept_shift() -> None:
    covered = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        past, now = World(rng, 5000), World(rng, 3000, concept=-0.2)
        result = estimate_over_time(
            past.reference(inputs=False),
            [now.period(rng, 300, inputs=False)],
            rng=rng,
            metrics=("accuracy", "auc", "f1"),
        )
        whole = estimate_over_time(
            past.reference(inputs=False),
            [now.period(rng, 3000, inputs=False)],
            rng=rng,
            metrics=("accuracy", "auc", "f1"),
        )
        for some, every in zip(result.periods[0].figures, whole.periods[0].figures, strict=True):
            covered.append(some.restated_low <= every.realised <= some.restated_high)
    assert np.mean(covered) > 0.93


@pytest.mark.slow
def test_ten_periods_that_did_not_change_are_rarely_refuted() -> None:
    refuted = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        past = World(rng, 5000)
        result = found(past.reference(), *(World(rng, 500).period(rng, 100) for _ in range(10)), seed=seed)
        refuted.append(any(period.figures[0].is_refuted for period in result.periods))
    assert np.mean(refuted) < 0.105  # 0.05 plus five standard errors


@pytest.mark.parametrize("n", [0, 1, 5])
def test_tiny_periods_stand_beside_others(n: int) -> None:
    rng = np.random.default_rng(5)
    past, tiny = World(rng, 1000), World(rng, n)
    result = found(past.reference(), tiny.period(rng, n), World(rng, 500).period(rng, 100))
    first, second = (period.figures[0] for period in result.periods)
    assert (first.n, second.n) == (n, 500)
    assert np.isnan(first.p_value)
    assert np.isfinite(second.p_value)
    assert n == 0 or np.isfinite(first.realised)
