from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.data.label_noise import suspect_cutoff
from holdfast.kernels.data.value_noise import value_noise


@pytest.mark.parametrize("tail", [3, 1000])
def test_swapped_outcomes_are_found_among_honest_errors(tail: int) -> None:
    rng = np.random.default_rng(0)
    guess = rng.uniform(0, 100, 5000)
    truth = guess + rng.standard_t(tail, 5000) * (1 + guess / 50)
    is_wrong = rng.random(5000) < 0.03
    given = np.where(is_wrong, rng.permutation(truth), truth)
    found = value_noise(guess, given, rng=rng)
    suspect = found.wrong >= suspect_cutoff(found.wrong)
    assert (suspect & is_wrong).sum() / suspect.sum() > 0.75
    assert (suspect & is_wrong).sum() / is_wrong.sum() > 0.5
    assert found.share.low < 0.03 * 1.2
    assert found.share.high > 0.02


@pytest.mark.parametrize("tail", [4, 1000])
def test_honest_errors_are_not_accused(tail: int) -> None:
    rng = np.random.default_rng(1)
    guess = rng.uniform(0, 100, 5000)
    found = value_noise(guess, guess + 3 * rng.standard_t(tail, 5000), rng=rng)
    assert (found.wrong >= suspect_cutoff(found.wrong)).mean() < 0.004


def test_model_that_says_nothing_accuses_hardly_anybody() -> None:
    rng = np.random.default_rng(2)
    given = rng.uniform(0, 1, 2000)
    found = value_noise(np.full(2000, 0.5), given, rng=rng)
    assert found.share.value < 0.01


def test_none_seen_is_not_none_at_all() -> None:
    given = np.arange(300.0)
    found = value_noise(given, given, rng=np.random.default_rng(0))
    assert found.share == (0.0, 0.0, 0.01)


@pytest.mark.parametrize("given", [[], [1.0], [3.0, 3.0, 3.0]])
def test_outcomes_that_do_not_differ_are_not_judged(given: list[float]) -> None:
    assert value_noise(given, given, rng=np.random.default_rng(0)).wrong.tolist() == [0.0] * len(given)
