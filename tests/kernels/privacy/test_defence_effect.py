"""What a defence takes, with an interval that decides the word for it."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.privacy.defence_effect import defence_effect
from holdfast.kernels.privacy.pair_rates import GROUPS, PairRates

WITHOUT = np.array([0.20, 0.22, 0.21, 0.19])
ACCURATE = np.array([0.85, 0.86, 0.85, 0.84])


def settled(pairs: np.ndarray) -> PairRates:
    """Rates that are the same whichever records are left out."""
    return PairRates(pairs, np.tile(pairs, (GROUPS, 1)))


@pytest.mark.parametrize(
    ("named", "word"),
    [
        (WITHOUT - np.array([0.15, 0.16, 0.15, 0.14]), "works"),
        (WITHOUT - np.array([0.05, 0.06, 0.05, 0.04]), "helps"),
        (WITHOUT, "not shown to help"),
        (WITHOUT - np.array([0.30, -0.20, 0.25, -0.10]), "not shown to help"),
    ],
)
def test_the_word_follows_the_interval(named: np.ndarray, word: str) -> None:
    effect = defence_effect(settled(WITHOUT), settled(named), settled(ACCURATE), settled(ACCURATE), level=0.95)
    assert effect.verdict == word


def test_a_remedy_that_some_records_alone_speak_for_is_not_praised() -> None:
    named = settled(WITHOUT - 0.05)
    named.left[0] += 1.0  # without the first group of records more are named than before
    effect = defence_effect(settled(WITHOUT), named, settled(ACCURATE), settled(ACCURATE), level=0.95)
    assert effect.verdict == "not shown to help"


def test_accuracy_that_is_lost_is_counted_pair_by_pair() -> None:
    same = settled(WITHOUT)
    effect = defence_effect(same, same, settled(ACCURATE), settled(ACCURATE - 0.01), level=0.95)
    assert effect.lost.value == pytest.approx(0.01)
    assert effect.lost.high - effect.lost.low < 1e-6
