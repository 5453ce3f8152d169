"""Performance of a classifier without outcomes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from holdfast.kernels.estimation.confidence_based import (
    Scored,
    estimate_metric,
    fit_meaning,
    realised_metric,
    reference_range,
    rows_of,
    scored_cases,
    shift_between,
)
from holdfast.kernels.estimation.influence import LARGEST, METRICS


def world(
    n: int, seed: int, *, k: int = 2, slope: float = 0.8, move: float = -0.4, mean: float = 0.0
) -> tuple[Scored, np.ndarray]:
    """Scores that are off by a known map, and outcomes."""
    rng = np.random.default_rng(seed)
    if k == 2:
        z = rng.normal(mean, 1.4, n)
        s, p = expit(z), expit(slope * z + move)
        score, happens = np.column_stack([1 - s, s]), np.column_stack([1 - p, p])
    else:
        z = rng.normal(0, 1.2, (n, k))
        score, happens = (np.exp(a) / np.exp(a).sum(axis=1, keepdims=True) for a in (z, slope * z))
    y = np.minimum((rng.random((n, 1)) > happens.cumsum(axis=1)).sum(axis=1), k - 1)
    return scored_cases(score, score.argmax(axis=1)), y


def misses(n_reference: int, n: int, k: int, repeats: int) -> dict[str, float]:
    """Share of intervals that hold what the cases turn out to have."""
    hits: dict[str, list[bool]] = {metric: [] for metric in METRICS}
    for seed in range(repeats):
        past, y = world(n_reference, 2 * seed, k=k)
        now, truth = world(n, 2 * seed + 1, k=k, mean=0.3)
        meaning = fit_meaning(past, y)
        rows = rows_of(meaning, now)
        for metric in METRICS:
            (low, high), (real, _) = (
                estimate_metric(metric, meaning, rows)[0].estimate[1:],
                realised_metric(metric, meaning, now, truth),
            )
            if np.isfinite(real):
                hits[metric].append(bool(low <= real <= high))
    return {metric: float(np.mean(seen)) for metric, seen in hits.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("n_reference", "n"), [(1000, 100), (1000, 1000), (10_000, 400)])
def test_intervals_hold_what_the_cases_turn_out_to_have(n_reference: int, n: int) -> None:
    for metric, share in misses(n_reference, n, 2, 2000).items():
        assert share > 0.93, (metric, share)


@pytest.mark.slow
def test_intervals_of_three_classes_hold_too() -> None:
    for metric, share in misses(3000, 500, 3, 400).items():
        assert share > 0.92, (metric, share)


def test_a_shift_of_the_scores_is_followed() -> None:
    past, y = world(60_000, 0)
    now, truth = world(60_000, 1, mean=2.0)
    meaning = fit_meaning(past, y)
    rows = rows_of(meaning, now)
    for metric in METRICS:
        estimated = estimate_metric(metric, meaning, rows)[0].estimate
        real, _ = realised_metric(metric, meaning, now, truth)
        before, _ = realised_metric(metric, meaning, past, y)
        assert estimated.low <= real <= estimated.high
        if metric != "auc":  # which the shift hardly moves
            assert abs(estimated.value - real) < abs(before - real) / 2


def test_the_positive_class_may_be_the_first() -> None:
    past, y = world(5000, 2)
    turned = scored_cases(past.score[:, ::-1], 1 - past.predicted)
    first, second = fit_meaning(past, y), fit_meaning(turned, 1 - y, positive=0)
    for metric in METRICS:
        a = estimate_metric(metric, first, rows_of(first, past))[0].estimate
        b = estimate_metric(metric, second, rows_of(second, turned))[0].estimate
        assert a == pytest.approx(b, abs=1e-9)


def test_cases_put_together_say_the_same_as_one_by_one() -> None:
    past, y = world(3000, 3)
    meaning = fit_meaning(past, y)
    rows = rows_of(meaning, past)
    assert rows.place is not None
    assert rows.count.sum() == 3000
    assert np.abs(rows.score[rows.place] - past.score).max() < 0.001
    assert (rows.predicted[rows.place] == past.predicted).all()


@pytest.mark.parametrize("n", [0, 1])
def test_periods_of_no_and_one_case(n: int) -> None:
    past, y = world(500, 4)
    meaning = fit_meaning(past, y)
    now = past.take(np.arange(n))
    for metric in METRICS:
        found = estimate_metric(metric, meaning, rows_of(meaning, now))[0].estimate
        if n == 0:
            assert np.isnan(found.value)
            assert (found.low, found.high) == (0.0, LARGEST[metric])
        elif np.isfinite(found.value):
            assert 0.0 <= found.low <= found.value <= found.high <= LARGEST[metric]


def test_a_shift_between_parts_of_the_reference_is_measured() -> None:
    parts = [world(2000, seed, move=-0.4 + (0.6 if seed % 2 else -0.6)) for seed in range(8)]
    scored = scored_cases(np.concatenate([p.score for p, _ in parts]), np.concatenate([p.predicted for p, _ in parts]))
    y, part = np.concatenate([y for _, y in parts]), np.repeat(np.arange(8), 2000)
    shifted = shift_between(["accuracy", "brier"], scored, y, part)
    mixed = shift_between(["accuracy", "brier"], scored, y, np.random.default_rng(0).permutation(part))
    assert shifted["brier"] > 10 * max(mixed["brier"], 1e-6)
    assert shift_between(["brier"], scored, y, np.zeros(16_000, dtype=np.int64)) == {"brier": 0.0}


@pytest.mark.slow
def test_the_range_of_the_reference_is_left_about_once_in_370_times() -> None:
    past, y = world(20_000, 5)
    meaning = fit_meaning(past, y)
    outside = []
    for seed in range(2000):
        now, truth = world(500, 100 + seed)
        for metric in ("accuracy", "auc", "f1"):
            value, spread = realised_metric(metric, meaning, past, y)
            low, high = reference_range(metric, value, spread, 500, 20_000, 0.0)
            outside.append(not low <= realised_metric(metric, meaning, now, truth)[0] <= high)
    assert np.mean(outside) < 0.006


@pytest.mark.parametrize(
    ("score", "predicted", "message"),
    [
        ([[0.5, 0.6]], [0], "add up to 1"),
        ([[-0.5, 1.5]], [0], "probabilities in"),
        ([[np.nan, 1.0]], [0], "finite scores"),
        ([[1.0]], [0], "two classes or more"),
        ([[0.5, 0.5]], [2], "classes 0 to 1"),
        ([[0.5, 0.5]], [0, 1], "same number of rows"),
    ],
)
def test_scores_that_are_none_are_refused(score: list, predicted: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scored_cases(score, predicted)


def test_a_reference_of_one_outcome_is_refused() -> None:
    past, y = world(100, 6)
    with pytest.raises(ValueError, match="expected both outcomes"):
        fit_meaning(past, np.zeros_like(y))
