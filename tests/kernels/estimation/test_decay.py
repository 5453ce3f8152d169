"""Silent decay: mean, variance and tail of the expected losses."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.estimation.decay import decay_signs


def losses(rng: np.random.Generator, n: int, *, scale: float = 1.0) -> np.ndarray:
    return scale * rng.beta(1.0, 4.0, n)


def alarms(reference: np.ndarray, periods: list[np.ndarray]) -> set[tuple[int, str]]:
    return {(sign.period, sign.statistic) for sign in decay_signs(reference, periods) if sign.is_alarm}


@pytest.mark.slow
@pytest.mark.parametrize("n", [300, 1000])
def test_a_year_without_change_rarely_alarms(n: int) -> None:
    rng = np.random.default_rng(0)
    false = [bool(alarms(losses(rng, 5000), [losses(rng, n) for _ in range(52)])) for _ in range(1000)]
    assert np.mean(false) <= 0.065  # 0.05 plus two standard errors


def test_a_higher_mean_a_wider_spread_and_a_heavier_tail_are_told_apart() -> None:
    rng = np.random.default_rng(1)
    past = losses(rng, 20_000)
    assert (0, "mean") in alarms(past, [losses(rng, 2000, scale=1.3)])
    wider = losses(rng, 4000)
    wider = wider.mean() + 1.3 * (wider - wider.mean())
    assert {(0, "variance")} <= alarms(past, [wider])
    assert (0, "mean") not in alarms(past, [wider])
    tailed = losses(rng, 4000)
    tailed[:160] = np.quantile(past, 0.95) + 0.01
    assert (0, "tail") in alarms(past, [tailed])


def test_small_periods_spend_nothing_and_say_so() -> None:
    rng = np.random.default_rng(2)
    past = losses(rng, 1000)
    signs = decay_signs(past, [losses(rng, 0), losses(rng, 299), losses(rng, 500)])
    assert all(np.isnan(sign.z) and not sign.is_alarm for sign in signs[:6])
    assert signs[6].threshold == decay_signs(past, [losses(rng, 500)])[0].threshold


def test_constant_losses_do_not_alarm_against_themselves_and_do_against_others() -> None:
    assert not alarms(np.full(100, 0.2), [np.full(350, 0.2)])
    assert (0, "mean") in alarms(np.full(100, 0.2), [np.full(350, 0.3)])


def test_looks_together_spend_at_most_what_is_allowed() -> None:
    rng = np.random.default_rng(3)
    signs = decay_signs(losses(rng, 100), [losses(rng, 300) for _ in range(400)], false_alarms=0.05)
    assert sum(sign.threshold for sign in signs) < 0.05


def test_a_reference_of_few_cases_is_refused() -> None:
    with pytest.raises(ValueError, match="100 or more losses of the reference, got 3"):
        decay_signs([0.1, 0.2, 0.3], [])
