from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.feedback.decisions import check_decisions, verdict_of
from holdfast.kernels.stats.interval import IntervalEstimate


@pytest.mark.parametrize(
    ("chosen", "chance", "said"),
    [
        ([True, False], [0.5, 1.5], "from 0 to 1"),
        ([True, False], [0.5, float("nan")], "from 0 to 1"),
        ([True, False], [0.0, 0.5], "impossible"),
        ([True, False], [1.0, 1.0], "impossible"),
        ([True], [0.5, 0.5], "one propensity for each"),
        ([1, 0], [0.5, 0.5], "vector of bool"),
        ([], [], "vector of bool"),
    ],
)
def test_decisions_that_cannot_be_are_refused(chosen: list[object], chance: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_decisions(np.array(chosen), chance)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.1, 0.1, "no"),
        (0.01, 0.1, "no"),
        (0.01, 0.5, "yes"),
        (-0.5, -0.01, "yes"),
        (-0.1, 0.5, "could not tell"),
        (-np.inf, np.inf, "could not tell"),
    ],
)
def test_a_verdict_follows_from_interval_and_margin(low: float, high: float, verdict: str) -> None:
    assert verdict_of(IntervalEstimate(0.0, low, high), margin=0.1) == verdict


def test_a_margin_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        verdict_of(IntervalEstimate(0.0, -1.0, 1.0), margin=0.0)
