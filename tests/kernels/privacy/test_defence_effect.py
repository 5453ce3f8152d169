"""What a defence takes, with an interval that decides the word for it."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.privacy.defence_effect import defence_effect

WITHOUT = np.array([0.20, 0.22, 0.21, 0.19])
ACCURATE = np.array([0.85, 0.86, 0.85, 0.84])


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
    assert defence_effect(WITHOUT, named, ACCURATE, ACCURATE, level=0.95).verdict == word


def test_accuracy_that_is_lost_is_counted_pair_by_pair() -> None:
    effect = defence_effect(WITHOUT, WITHOUT, ACCURATE, ACCURATE - 0.01, level=0.95)
    assert effect.lost.value == pytest.approx(0.01)
    assert effect.lost.high - effect.lost.low < 1e-6


@pytest.mark.slow
def test_a_defence_that_does_nothing_is_rarely_praised() -> None:
    rng = np.random.default_rng(0)
    praised = 0
    for _ in range(4000):
        pairs = rng.normal(0.2, 0.02, 4)
        effect = defence_effect(pairs, pairs + rng.normal(0, 0.01, 4), ACCURATE, ACCURATE, level=0.95)
        praised += effect.verdict != "not shown to help"
    # 2.5 % in expectation, four standard errors above
    assert praised / 4000 < 0.025 + 4 * np.sqrt(0.025 * 0.975 / 4000)
