from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, norm

from holdfast.kernels.drift.vectors import compare_vectors


def vectors(seed: int, n: int, *, shift: float = 0.0, length: int = 16) -> NDArray[np.float64]:
    rows = np.random.default_rng(seed).normal(size=(n, length))
    rows[:, :4] += shift
    return rows


def test_moved_vectors_are_found() -> None:
    test = compare_vectors(vectors(0, 500), vectors(1, 500, shift=0.5), rng=np.random.default_rng(0))
    assert test is not None
    assert test.p_value == 0.001
    truth = 2.0 * norm.cdf(0.5 * np.sqrt(4.0) / 2.0) - 1.0  # total variation distance of the two normal laws
    assert 0.0 < test.effect.low < truth


def test_a_change_that_no_coordinate_shows_is_found() -> None:
    rng = np.random.default_rng(0)
    signs = rng.choice([-1.0, 1.0], (600, 1))
    alike = np.hstack([signs, signs]) + 0.1 * rng.normal(size=(600, 2))
    free = rng.choice([-1.0, 1.0], (600, 2)) + 0.1 * rng.normal(size=(600, 2))
    test = compare_vectors(alike, free, rng=rng)
    assert test is not None
    assert test.p_value == 0.001
    assert test.effect.low > 0.2


def test_few_or_constant_vectors_raise_no_alarm() -> None:
    rng = np.random.default_rng(0)
    assert compare_vectors(vectors(0, 19), vectors(1, 500), rng=rng) is None
    test = compare_vectors(np.ones((50, 3)), np.ones((50, 3)), rng=rng)
    assert test is not None
    assert test.p_value == 1.0


def test_other_lengths_and_missing_numbers_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="one length, got shapes"):
        compare_vectors(vectors(0, 50), vectors(0, 50, length=3), rng=rng)
    with pytest.raises(ValueError, match="finite numbers"):
        compare_vectors(np.full((50, 2), np.nan), np.ones((50, 2)), rng=rng)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m"), [(60, 60), (300, 40)])
def test_false_alarms_keep_to_alpha(n: int, m: int) -> None:
    alarms = repeats = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        test = compare_vectors(vectors(2 * seed, n), vectors(2 * seed + 1, m), rng=rng, n_permutations=199)
        assert test is not None
        alarms += test.p_value <= 0.05
        repeats += 1
    assert alarms <= binom.ppf(0.999, repeats, 0.05)


@pytest.mark.slow
def test_the_effect_is_a_lower_bound_of_the_total_variation() -> None:
    truth = 2.0 * norm.cdf(0.3 * np.sqrt(4.0) / 2.0) - 1.0
    above = 0
    for seed in range(200):
        test = compare_vectors(
            vectors(2 * seed, 300), vectors(2 * seed + 1, 300, shift=0.3), rng=np.random.default_rng(seed),
            n_permutations=99,
        )  # fmt: skip
        assert test is not None
        above += test.effect.low > truth
    assert above <= 10
