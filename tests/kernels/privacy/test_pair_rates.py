"""Intervals over models and records."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.privacy.membership_curve import shares_named
from holdfast.kernels.privacy.pair_rates import GROUPS, PairRates, over_models_and_records, pair_rates
from holdfast.kernels.privacy.shadow_design import balanced_design
from holdfast.kernels.stats.mean import mean_t

PAIRS = np.array([0.10, 0.12, 0.11])


def test_where_records_make_no_difference_it_is_students_t_over_pairs() -> None:
    found = over_models_and_records(PairRates(PAIRS, np.tile(PAIRS, (GROUPS, 1))), level=0.95)
    assert found == pytest.approx(mean_t(PAIRS, level=0.95))


def test_where_pairs_are_one_model_it_is_the_jackknife_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(size=400)
    rows = np.arange(400)
    found = over_models_and_records(pair_rates(lambda kept: np.full(3, values[kept].mean()), rows), level=0.95)
    groups = [values[rows % GROUPS == group].mean() for group in range(GROUPS)]
    assert found == pytest.approx(mean_t(groups, level=0.95))


def test_pairs_that_agree_by_chance_do_not_make_it_narrow() -> None:
    rng = np.random.default_rng(0)
    left = 0.1 + rng.normal(0, 0.01, (GROUPS, 2))
    found = over_models_and_records(PairRates(np.array([0.1, 0.1]), left), level=0.95)
    assert 0.01 < found.high - found.low < 0.4


def test_records_stay_in_their_group_when_others_are_gone() -> None:
    rows = np.arange(100)
    kept = rows % 3 > 0
    value = np.arange(100.0)
    whole = pair_rates(lambda chosen: np.full(2, value[chosen & kept].sum()), rows)
    part = pair_rates(lambda chosen: np.full(2, value[kept][chosen].sum()), rows[kept])
    np.testing.assert_array_equal(whole.left, part.left)


def test_differences_and_multiples_are_taken_everywhere() -> None:
    rates = PairRates(PAIRS, np.tile(PAIRS, (GROUPS, 1)))
    assert np.all(rates.less(rates).left == 0)
    assert rates.times(2.0).pairs.tolist() == (2 * PAIRS).tolist()


def drawn(rng: np.random.Generator, shadows: int, lift: float, models: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores of 400 records: of different spread, lifted in training, by some models more than by others."""
    is_in = balanced_design(400, shadows, rng=rng)
    spread, gain = np.exp(rng.normal(0, 0.7, 400)), lift * rng.exponential(1, 400)
    by_model = np.exp(rng.normal(0, models, shadows))
    return spread[:, None] * rng.normal(size=is_in.shape) + gain[:, None] * is_in * by_model, is_in


@pytest.mark.slow
@pytest.mark.parametrize(("shadows", "lift", "models"), [(8, 0.0, 0.0), (8, 0.5, 0.0), (8, 0.5, 0.4), (4, 0.5, 0.0)])
def test_interval_covers_95_percent(shadows: int, lift: float, models: float) -> None:
    found = []
    for seed in range(1000):
        scores, is_in = drawn(np.random.default_rng(seed), shadows, lift, models)

        def named(kept: np.ndarray, scores: np.ndarray = scores, is_in: np.ndarray = is_in) -> np.ndarray:
            columns = range(scores.shape[1])
            each = [shares_named(scores[kept, j], is_in[kept, j], rates=(0.05,))[0] for j in columns]
            return np.asarray(each).reshape(-1, 2).mean(axis=1)

        found.append(over_models_and_records(pair_rates(named, np.arange(400)), level=0.95))
    truth = np.mean([each.value for each in found])
    share = np.mean([each.low <= truth <= each.high for each in found])
    assert share > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 1000)
