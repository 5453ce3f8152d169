from __future__ import annotations

import math

import numpy as np
import pytest

from holdfast.kernels.feedback.decisions import verdict_of
from holdfast.kernels.feedback.distortion import selection_distortion
from holdfast.kernels.feedback.exploration import exploration_for_distortion, exploration_for_loop
from holdfast.kernels.feedback.loop import loop_gain


def test_nothing_unexplored_needs_no_exploration() -> None:
    assert exploration_for_distortion(n_cases=100, unexplored=0.0, margin=0.05) == 0.0


def test_more_cases_need_a_smaller_share() -> None:
    shares = [exploration_for_distortion(n_cases=n, unexplored=0.4, margin=0.05) for n in (3000, 10_000, 100_000)]
    assert shares == sorted(shares, reverse=True)
    noise = {"noise": 1e-3, "horizon": 20, "margin": 0.2}
    wide = [exploration_for_loop(n_cases=n, n_cells=n, **noise) for n in (6000, 10_000, 100_000)]
    assert wide == sorted(wide, reverse=True)


def test_too_few_cases_cannot_be_helped() -> None:
    assert exploration_for_distortion(n_cases=50, unexplored=0.4, margin=0.05) == math.inf
    assert exploration_for_loop(n_cases=100, n_cells=100, noise=1.0, horizon=20, margin=0.05) == math.inf


def test_a_log_in_which_nothing_changed_still_needs_some() -> None:
    assert exploration_for_loop(n_cases=1000, n_cells=1000, noise=0.0, horizon=20, margin=0.05) == 0.04


@pytest.mark.parametrize("bad", [{"margin": 0.0}, {"power": 1.0}, {"n_cases": 0}, {"unexplored": 1.0}, {"level": 2.0}])
def test_plans_that_cannot_be_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        exploration_for_distortion(**{"n_cases": 100, "unexplored": 0.1, "margin": 0.1} | bad)


def test_a_loop_plan_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="noise"):
        exploration_for_loop(n_cases=100, n_cells=100, noise=-1.0, horizon=5, margin=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("refused_rate", "verdict"), [(0.5, "no"), (0.5 + 0.05 / 0.4, "yes")])
def test_the_share_settles_the_distortion_as_often_as_promised(refused_rate: float, verdict: str) -> None:
    rng, n, logs = np.random.default_rng(0), 8000, 300
    share = exploration_for_distortion(n_cases=n, unexplored=0.4, margin=0.05)
    settled = 0
    for _ in range(logs):
        refused = rng.random(n) < 0.4
        chance = np.where(refused, share / 2.0, 1.0 - share / 2.0)
        y = (rng.random(n) < np.where(refused, refused_rate, 0.5)).astype(float)
        found = selection_distortion(y, rng.random(n) < chance, chance, value_range=(0.0, 1.0), largest_weight=1000.0)
        settled += verdict_of(found.difference, margin=0.05) == verdict
    assert settled >= logs * 0.8 - 4.0 * np.sqrt(logs * 0.8 * 0.2), settled / logs


@pytest.mark.slow
def test_the_share_settles_the_loop_as_often_as_promised() -> None:
    rng, groups, periods, logs, spread, margin = np.random.default_rng(1), 10, 80, 300, 0.05, 0.4
    size, horizon = 5, 4
    cells = groups * (periods - horizon)
    share = exploration_for_loop(
        n_cases=cells * size, n_cells=cells, noise=spread**2 / horizon, horizon=horizon, margin=margin
    )
    assert 0.0 < share < 1.0
    group, period = np.tile(np.repeat(np.arange(groups), size), periods), np.repeat(np.arange(periods), groups * size)
    settled = 0
    for _ in range(logs):
        wanted = rng.random(group.size) < 0.5
        chance = np.where(wanted, 1.0 - share / 2.0, share / 2.0)
        score = (0.5 + spread * rng.normal(size=(periods, groups)))[period, group]
        gain = loop_gain(score, rng.random(group.size) < chance, chance, group, period, horizon=horizon).gain
        settled += verdict_of(type(gain)(*(horizon * end for end in gain)), margin=margin) == "no"
    assert settled >= logs * 0.8 - 4.0 * np.sqrt(logs * 0.8 * 0.2), settled / logs
