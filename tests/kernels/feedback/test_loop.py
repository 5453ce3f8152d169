from __future__ import annotations

import numpy as np
import pytest

from holdfast.auditing.patrols import patrol_log
from holdfast.kernels.feedback.loop import Loop, loop_gain


def of_patrols(seed: int, *, days: int = 100, **settings: float) -> Loop:
    log = patrol_log(np.random.default_rng(seed), days=days, **settings)
    chosen, taken = log["patrolled"].to_numpy(), log["chance"].to_numpy()
    chance = np.where(chosen, taken, 1.0 - taken)
    area = np.unique(log["area"].to_numpy().astype(str), return_inverse=True)[1]
    return loop_gain(chance, chosen, chance, area, log["day"].to_numpy(), horizon=max(1, days // 5))


def echo(gain: float, rng: np.random.Generator, *, periods: int = 60, groups: int = 4, size: int = 20) -> tuple:
    """Let the next score of a group be ``gain`` times its share selected, and noise."""
    score, rows = np.full(groups, 0.3), []
    for period in range(periods):
        chosen = rng.random((groups, size)) < 0.4
        rows += [
            (score[group], chosen[group, case], 0.4, group, period) for group in range(groups) for case in range(size)
        ]
        score = 0.3 + gain * chosen.mean(axis=1) + 0.02 * rng.normal(size=groups)
    score_of, chosen, chance, group, period = (np.array(column) for column in zip(*rows, strict=True))
    return score_of, chosen.astype(bool), chance, group.astype(int), period.astype(int)


@pytest.mark.parametrize("gain", [-0.5, 0.0, 0.7])
def test_the_gain_of_an_echo_is_found(gain: float) -> None:
    found = loop_gain(*echo(gain, np.random.default_rng(6)))
    assert found.gain.low <= gain <= found.gain.high
    assert found.gain.high - found.gain.low < 0.15


def test_a_drift_that_everything_shares_is_no_loop() -> None:
    score, chosen, chance, group, period = echo(0.0, np.random.default_rng(1))
    found = loop_gain(score + 0.05 * period, chosen, chance, group, period)
    assert found.gain.low <= 0.0 <= found.gain.high


def test_patrols_that_follow_patrols_are_found_and_others_not() -> None:
    loop, none = of_patrols(0, is_loop=True), of_patrols(0, is_loop=False)
    assert loop.gain.low > 0.0
    assert none.gain.low < 0.0 < none.gain.high


def test_without_chance_nothing_is_known() -> None:
    score, chosen, _, group, period = echo(0.7, np.random.default_rng(0))
    found = loop_gain(score, chosen, chosen.astype(float), group, period)
    assert np.isnan(found.gain.value)
    assert found.gain[1:] == (-np.inf, np.inf)
    assert found.noise > 0.0


def test_chance_that_fell_out_alike_everywhere_says_nothing() -> None:
    n = 40
    found = loop_gain(np.arange(n) % 7, np.ones(n, bool), np.full(n, 0.9), np.zeros(n, int), np.arange(n))
    assert np.isnan(found.gain.value)


def test_few_periods_say_nothing() -> None:
    score, chosen, chance, group, period = echo(0.7, np.random.default_rng(0), periods=3)
    assert np.isnan(loop_gain(score, chosen, chance, group, period).gain.value)
    assert np.isnan(loop_gain(score, chosen, chance, group, np.zeros_like(period)).gain.value)


def test_groups_with_one_case_a_period_are_welcome() -> None:
    score, chosen, chance, group, period = echo(0.7, np.random.default_rng(0), size=1)
    assert np.isfinite(loop_gain(score, chosen, chance, group, period).gain.high)


def test_order_of_the_cases_does_not_matter() -> None:
    data = echo(0.3, np.random.default_rng(2))
    order = np.random.default_rng(3).permutation(data[0].size)
    assert loop_gain(*(part[order] for part in data)).gain == pytest.approx(loop_gain(*data).gain)


def test_a_score_that_is_missing_is_left_out() -> None:
    score, *rest = echo(0.7, np.random.default_rng(0))
    score[::3] = np.nan
    found = loop_gain(score, *rest)
    assert found.gain.value == pytest.approx(0.7, abs=0.1)


def test_a_horizon_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="horizon"):
        loop_gain(*echo(0.0, np.random.default_rng(0)), horizon=0)


@pytest.mark.slow
@pytest.mark.parametrize(("days", "areas", "coin_share"), [(100, 16, 0.2), (24, 4, 0.2), (40, 8, 0.05), (100, 8, 0.5)])
def test_a_system_without_a_loop_is_accused_once_in_twenty_logs(days: int, areas: int, coin_share: float) -> None:
    logs = 400
    found = [of_patrols(s, days=days, is_loop=False, areas=areas, coin_share=coin_share).gain for s in range(logs)]
    alarms = sum(each.low > 0 or each.high < 0 for each in found)
    assert alarms <= logs * 0.05 + 4 * np.sqrt(logs * 0.05 * 0.95)


@pytest.mark.slow
def test_a_planted_loop_is_found_in_nine_of_ten_logs() -> None:
    assert sum(of_patrols(seed, is_loop=True).gain.low > 0 for seed in range(100)) >= 90


@pytest.mark.slow
@pytest.mark.parametrize("gain", [0.0, 0.5])
def test_intervals_hold_the_gain_in_95_of_100_logs(gain: float) -> None:
    rng, logs = np.random.default_rng(4), 600
    found = [loop_gain(*echo(gain, rng, periods=20, groups=3)).gain for _ in range(logs)]
    hits = sum(each.low <= gain <= each.high for each in found)
    assert hits >= logs * 0.95 - 4 * np.sqrt(logs * 0.95 * 0.05)
