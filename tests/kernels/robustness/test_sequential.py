"""Stopping an attack early: what is reported must hold whichever way it ended."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import binom

from holdfast.kernels.robustness.sequential import flip_share, is_settled, look_level
from holdfast.kernels.stats.proportions import clopper_pearson


def test_one_look_is_clopper_pearson_at_the_full_level() -> None:
    flipped = np.repeat([True, False], [30, 70])
    expected = clopper_pearson(30, 100, level=0.95)
    assert flip_share(flipped, level=0.95, looks=1) == (0.3, expected.low, expected.high, "Clopper-Pearson")


# Jennison, C. and Turnbull, B. W. (2000). Group sequential methods. Chapman & Hall, table 2.1.
@pytest.mark.parametrize(
    ("level", "looks", "bound"),
    [(0.95, 2, 2.178), (0.95, 5, 2.413), (0.95, 10, 2.555), (0.95, 20, 2.672), (0.99, 5, 2.986), (0.9, 5, 2.122)],
)
def test_looks_have_the_level_of_pocock(level: float, looks: int, bound: float) -> None:
    assert -ndtri((1 - look_level(level, looks)) / 2) == pytest.approx(bound, abs=0.002)


@pytest.mark.parametrize("looks", [2, 5, 10])
@pytest.mark.parametrize("n", [100, 1000])
@pytest.mark.parametrize("p", [0.02, 0.1, 0.3, 0.5, 0.9])
def test_no_look_misses_the_truth_more_often_than_it_may(p: float, n: int, looks: int) -> None:
    """Exact: the counts at all looks are followed, and those whose interval misses p are left out."""
    inside, seen = np.ones(1), 0
    for end in np.linspace(0, n, looks + 1).astype(int)[1:]:
        inside = np.convolve(inside, binom.pmf(np.arange(end - seen + 1), end - seen, p))
        seen = end
        limits = clopper_pearson(np.arange(end + 1), end, level=look_level(0.95, looks))
        inside = np.where((limits.low <= p) & (p <= limits.high), inside, 0.0)
    assert inside.sum() >= 0.95


def test_several_looks_share_alpha() -> None:
    flipped = np.repeat([True, False], [30, 70])
    expected = clopper_pearson(30, 100, level=look_level(0.95, 4))
    assert flip_share(flipped, level=0.95, looks=4)[1:3] == (expected.low, expected.high)


def test_unfinished_searches_open_the_upper_end() -> None:
    assert flip_share([True, False], level=0.95, looks=1, n_unfinished=1).high == 1.0
    share = flip_share([True] * 10 + [False] * 90, level=0.95, looks=1, n_unfinished=20)
    assert share[:2] == flip_share([True] * 10 + [False] * 90, level=0.95, looks=1)[:2]
    assert share.high == flip_share([True] * 30 + [False] * 70, level=0.95, looks=1).high


def test_no_points_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one point"):
        flip_share([], level=0.95, looks=1)


def test_nothing_attacked_settles_nothing() -> None:
    assert not is_settled([], limit=0.1, level=0.95, looks=4)


def test_either_side_of_the_limit_settles() -> None:
    assert is_settled([True] * 40, limit=0.5, level=0.95, looks=4)
    assert is_settled([False] * 40, limit=0.5, level=0.95, looks=4)
    assert not is_settled([True, False] * 20, limit=0.5, level=0.95, looks=4)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_the_interval_holds_the_share(flipped: list[bool]) -> None:
    share = flip_share(flipped, level=0.9, looks=3)
    assert 0 <= share.low <= share.value <= share.high <= 1


def one_attack(rng: np.random.Generator, p: float, limit: float) -> tuple[bool, bool]:
    """Attack 200 points in 4 parts; return whether the interval holds p, and whether it stopped early."""
    flipped = rng.random(200) < p
    for seen in (50, 100, 150):
        if is_settled(flipped[:seen], limit=limit, level=0.95, looks=4):
            share = flip_share(flipped[:seen], level=0.95, looks=4)
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
    # at most 0.05; P(more than 0.08 of 400 then) is below 0.005
    assert stopped.mean() <= 0.08
