"""Who of a sample is unique in the population."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.anonymity.population_uniques import (
    fit_pitman,
    reidentification_risk,
    staying_unique,
    zayatz_share,
)


def pitman_population(alpha: float, theta: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Seat people one after the other: the class of each."""
    of_person = np.empty(n, dtype=np.int64)
    n_classes = 0
    for i in range(n):
        if rng.random() * (theta + i) < theta + alpha * n_classes:
            of_person[i] = n_classes
            n_classes += 1
            continue
        while True:  # an earlier person's class, with probability (size - alpha) / size
            drawn = of_person[rng.integers(i)]
            if n_classes == i or rng.random() * (size := (of_person[:i] == drawn).sum()) < size - alpha:
                of_person[i] = drawn
                break
    return of_person


def sampled(population: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Sizes of a sample's classes, and the share of its people who are unique in the population."""
    rows = rng.permutation(len(population))[:n]
    drawn = np.bincount(population[rows])
    return drawn[drawn > 0], float((np.bincount(population)[population[rows]] == 1).mean())


def test_the_model_finds_its_own_parameters() -> None:
    rng = np.random.default_rng(0)
    population = pitman_population(0.6, 30.0, 6000, rng)
    model = fit_pitman(np.bincount(population))
    assert model.alpha == pytest.approx(0.6, abs=0.06)
    assert model.theta == pytest.approx(30.0, rel=0.6)


def test_a_sample_of_a_tenth_tells_who_stays_unique() -> None:
    rng = np.random.default_rng(1)
    sizes, true = sampled(pitman_population(0.5, 100.0, 8000, rng), 800, rng)
    found = staying_unique(sizes, sample_fraction=0.1, rng=rng)
    assert found.low <= true <= found.high
    assert found.high - found.low < 0.15
    assert (sizes == 1).sum() / sizes.sum() > found.high


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.2, 0.7])
def test_the_interval_holds_the_truth_as_often_as_it_says(alpha: float) -> None:
    rng = np.random.default_rng(2)
    held = []
    for _ in range(120):
        sizes, true = sampled(pitman_population(alpha, 50.0, 3000, rng), 600, rng)
        found = staying_unique(sizes, sample_fraction=0.2, rng=rng)
        held.append(found.low <= true <= found.high)
    # 120 draws at 95 %: fewer than 104 happen once in 10,000.
    assert sum(held) >= 104


def test_everybody_sampled_is_a_count() -> None:
    sizes = np.array([1, 1, 2, 6])
    assert staying_unique(sizes, sample_fraction=1.0, rng=np.random.default_rng(0)) == (0.2, 0.2, 0.2)
    assert zayatz_share(sizes, sample_fraction=1.0) == pytest.approx(0.2)


def test_nothing_is_said_where_everybody_is_unique() -> None:
    found = staying_unique(np.ones(50, dtype=np.int64), sample_fraction=0.1, rng=np.random.default_rng(0))
    assert (found.low, found.high) == (0.0, 1.0)
    with pytest.raises(ValueError, match="several sizes"):
        fit_pitman(np.ones(50, dtype=np.int64))


def test_nobody_unique_stays_nobody() -> None:
    sizes = np.array([4, 5])
    assert staying_unique(sizes, sample_fraction=0.1, rng=np.random.default_rng(0)).high == 0.0
    assert zayatz_share(sizes, sample_fraction=0.1) == 0.0


def test_a_smaller_sample_leaves_fewer_unique() -> None:
    sizes = np.array([1] * 40 + [2] * 20 + [5] * 10)
    rng = np.random.default_rng(0)
    shares = [staying_unique(sizes, sample_fraction=f, rng=rng).value for f in (0.9, 0.5, 0.1, 0.01)]
    assert shares == sorted(shares, reverse=True)
    assert [zayatz_share(sizes, sample_fraction=f) for f in (0.9, 0.5, 0.1)] == sorted(
        [zayatz_share(sizes, sample_fraction=f) for f in (0.9, 0.5, 0.1)], reverse=True
    )


def test_risks_of_three_attackers() -> None:
    sizes = np.array([1, 4, 5])
    risk = reidentification_risk(sizes, sample_fraction=0.1)
    assert risk.prosecutor_most == 1.0
    assert risk.prosecutor_mean == pytest.approx(0.3)
    # For one person seen: pi / (1 - pi) * ln(1 / pi).
    assert risk.journalist_most == pytest.approx(0.1 / 0.9 * np.log(10))
    assert risk.marketer_mean < risk.prosecutor_mean


def test_large_classes_have_the_risk_of_their_expected_size() -> None:
    risk = reidentification_risk(np.array([50, 51, 400]), sample_fraction=0.2)
    assert risk.journalist_most == pytest.approx(0.2 / 50, rel=0.05)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.5, float("nan")])
def test_a_fraction_that_is_none_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="expected a sample fraction"):
        reidentification_risk(np.array([1, 2]), sample_fraction=fraction)
