"""How large a change is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from holdfast.kernels.drift.effects import (
    Effect,
    location_effect,
    over_starts,
    shape_effect,
    share_effect,
    spread_effect,
)
from holdfast.kernels.stats.interval import IntervalEstimate

RNG = np.random.default_rng(0)
REFERENCE = RNG.normal(size=5000)


def test_location_is_the_chance_of_a_larger_value() -> None:
    effect = location_effect(REFERENCE, RNG.normal(0.3, size=5000))
    assert effect.size.low < norm.cdf(0.3 / np.sqrt(2)) < effect.size.high
    assert effect.after - effect.before == pytest.approx(0.3, abs=0.08)


def test_spread_is_seen_and_location_is_not() -> None:
    later = 1.4 * RNG.normal(size=5000)
    assert spread_effect(REFERENCE, later).size.low > 0.5
    assert spread_effect(REFERENCE, later).after > spread_effect(REFERENCE, later).before
    assert location_effect(REFERENCE, later).size.low < 0.5 < location_effect(REFERENCE, later).size.high


def test_shape_is_the_largest_difference_of_cumulative_shares() -> None:
    effect = shape_effect([1.0, 2.0, 3.0, 4.0], [3.5, 3.6, 3.7, 3.8])
    assert (effect.size.value, effect.before, effect.after) == (0.75, 0.75, 0.0)
    assert effect.size.low <= 0.75 <= effect.size.high


def test_shares_are_compared() -> None:
    effect = share_effect(100, 1000, 200, 1000)
    assert (effect.before, effect.after) == (0.1, 0.2)
    assert 0.05 < effect.size.low < 0.1 < effect.size.high < 0.15


def test_interval_spans_all_starts() -> None:
    parts = [Effect(0, value, IntervalEstimate(value, value - 0.1, value + 0.1)) for value in (0.2, 0.5)]
    assert over_starts(parts, 1).size == IntervalEstimate(0.5, 0.1, 0.6)


@pytest.mark.parametrize("effect", [location_effect, spread_effect, shape_effect])
def test_nothing_to_compare_is_not_a_number(effect) -> None:  # type: ignore[no-untyped-def]
    assert np.isnan(effect([], [1.0]).size.value)
    assert np.isnan(effect([1.0], [np.nan]).size.value)


@pytest.mark.parametrize("effect", [location_effect, spread_effect, shape_effect])
def test_infinities_are_values(effect) -> None:  # type: ignore[no-untyped-def]
    found = effect([-np.inf, 0.0, 1.0, np.inf], [0.0, np.inf, np.inf])
    assert 0 <= found.size.low <= found.size.value <= found.size.high <= 1
