"""The strongest attack is chosen where it does not count."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.privacy.attack_choice import (
    Choice,
    chosen_on_records,
    chosen_on_shadows,
    procedure_rate,
    rates_of,
)
from holdfast.kernels.privacy.shadow_design import balanced_design


def leaky(seed: int, *, gap: float, n: int = 2000, shadows: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    is_in = balanced_design(n, shadows, rng=rng)
    sure = rng.uniform(0.3, 0.7, n)[:, None]
    return np.clip(sure + gap * is_in + rng.normal(0, 0.05, is_in.shape), 0, 1), is_in


def test_rates_come_by_pairs_and_show_a_leak() -> None:
    answers, is_in = leaky(0, gap=0.2)
    choice = chosen_on_shadows(answers, is_in, rates=(0.01, 0.1))
    assert {rate: values.size for rate, values in choice.named.items()} == {0.01: 4, 0.1: 4}
    assert choice.named[0.01].min() > 0.5


def test_nothing_is_named_where_nothing_leaks() -> None:
    values = [chosen_on_shadows(*leaky(seed, gap=0.0), rates=(0.01,)).named[0.01].mean() for seed in range(5)]
    # the balanced design must not give membership away: neither above nor below chance
    assert 0.005 < np.mean(values) < 0.015


def test_choice_on_records_takes_the_better_attack() -> None:
    rng = np.random.default_rng(0)
    is_member = np.arange(400) < 200
    found = chosen_on_records(
        {"none": rng.normal(size=400), "some": rng.normal(size=400) + 3 * is_member}, is_member, rate=0.1
    )
    assert found == "some"


def test_interval_of_the_procedure_lies_around_the_mean_of_all_pairs() -> None:
    answers, is_in = leaky(0, gap=0.05)
    choice = chosen_on_shadows(answers, is_in, rates=(0.1,))
    found = procedure_rate(choice, is_in, rate=0.1, level=0.95)
    assert 0 <= found.low < found.value < found.high <= 1
    assert found.value == pytest.approx(choice.named[0.1].mean())
    np.testing.assert_array_equal(rates_of(choice, is_in, rate=0.1).pairs, choice.named[0.1])


def test_a_choice_without_scores_has_no_rates_by_pair() -> None:
    with pytest.raises(ValueError, match="without scores"):
        rates_of(Choice("confidence", {}), np.ones((4, 2), dtype=bool), rate=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("gap", [0.0, 0.05, 0.2])
def test_interval_of_the_procedure_covers_95_percent(gap: float) -> None:
    found = []
    for seed in range(200):
        answers, is_in = leaky(seed, gap=gap, n=400)
        choice = chosen_on_shadows(answers, is_in, rates=(0.05,))
        found.append((choice.strongest, procedure_rate(choice, is_in, rate=0.05, level=0.95)))
    truth = {name: np.mean([each.value for other, each in found if other == name]) for name, _ in found}
    share = np.mean([each.low <= truth[name] <= each.high for name, each in found])
    # 93 to 99 % up to four standard errors of 200 trials
    assert share > 0.93 - 0.07
