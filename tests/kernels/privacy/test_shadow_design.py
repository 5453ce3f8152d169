"""Who trains which shadow model."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.privacy.shadow_design import balanced_design, coin_flip_design


def test_pairs_are_complementary_halves() -> None:
    is_in = balanced_design(101, 8, rng=np.random.default_rng(0))
    assert (is_in[:, 0::2] == ~is_in[:, 1::2]).all()
    assert is_in.sum(axis=1).tolist() == [4] * 101
    assert set(is_in.sum(axis=0)) == {50, 51}


def test_coins_are_fair_and_independent() -> None:
    is_in = coin_flip_design(4000, 6, rng=np.random.default_rng(0))
    assert np.abs(is_in.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(4000)
    assert np.abs(np.corrcoef(is_in.T) - np.eye(6)).max() < 5 / np.sqrt(4000)


def test_same_generator_draws_the_same_design() -> None:
    first, second = (balanced_design(50, 4, rng=np.random.default_rng(3)) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize(("records", "shadows"), [(1, 4), (10, 0), (10, 3)])
def test_impossible_numbers_are_refused(records: int, shadows: int) -> None:
    with pytest.raises(ValueError, match="shadow models"):
        balanced_design(records, shadows, rng=np.random.default_rng(0))
