"""Stopping an attack early: what is reported must hold whichever way it ended."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.robustness.sequential import breaks_threshold, flip_share
from holdfast.kernels.stats.proportions import clopper_pearson


def test_one_look_is_clopper_pearson_at_the_full_level() -> None:
    flipped = np.repeat([True, False], [30, 70])
    expected = clopper_pearson(30, 100, level=0.95)
    assert flip_share(flipped, level=0.95, looks=1) == (0.3, expected.low, expected.high, "Clopper-Pearson")


def test_several_looks_spend_half_of_alpha_on_stopping() -> None:
    flipped = np.repeat([True, False], [30, 70])
    expected = clopper_pearson(30, 100, level=0.975)
    assert flip_share(flipped, level=0.95, looks=4)[1:3] == (expected.low, expected.high)


def test_unfinished_searches_open_the_upper_end() -> None:
    assert flip_share([True, False], level=0.95, looks=1, all_searched=False).high == 1.0


def test_no_points_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one point"):
        flip_share([], level=0.95, looks=1)


def test_nothing_attacked_breaks_no_threshold() -> None:
    assert not breaks_threshold([], limit=0.1, level=0.95)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.booleans())
def test_the_interval_holds_the_share(flipped: list[bool], stopped_early: bool) -> None:
    share = flip_share(flipped, level=0.9, looks=3, stopped_early=stopped_early)
    assert 0 <= share.low <= share.value <= share.high <= 1


def one_attack(rng: np.random.Generator, p: float, limit: float) -> tuple[bool, bool]:
    """Attack 200 points in 4 parts; return whether the interval holds p, and whether it stopped early."""
    flipped = rng.random(200) < p
    for seen in (50, 100, 150):
        if breaks_threshold(flipped[:seen], limit=limit, level=0.95):
            share = flip_share(flipped[:seen], level=0.95, looks=4, stopped_early=True)
            return share.low <= p <= share.high, True
    share = flip_share(flipped, level=0.95, looks=4)
    return share.low <= p <= share.high, False


@pytest.mark.parametrize(("p", "limit"), [(0.3, 0.3), (0.3, 0.1), (0.05, 0.05)])
def test_the_interval_keeps_its_level_whichever_way_it_ended(p: float, limit: float) -> None:
    rng = np.random.default_rng(5)
    results = np.array([one_attack(rng, p, limit) for _ in range(400)])
    # P(fewer than 93 % of 400 when the coverage is 95 %) is below 0.05; these methods are conservative.
    assert results[:, 0].mean() >= 0.93


def test_a_clear_case_settles_with_fewer_than_all_points() -> None:
    rng = np.random.default_rng(6)
    stopped = np.array([one_attack(rng, 0.4, 0.1)[1] for _ in range(100)])
    assert stopped.mean() > 0.95


def test_a_model_on_the_threshold_is_rarely_stopped() -> None:
    rng = np.random.default_rng(7)
    stopped = np.array([one_attack(rng, 0.2, 0.2)[1] for _ in range(400)])
    assert stopped.mean() <= 0.04
