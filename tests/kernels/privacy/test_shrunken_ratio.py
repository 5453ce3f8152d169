"""The ratio that learns from like records."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.privacy.likelihood_ratio import student_ratio
from holdfast.kernels.privacy.membership_curve import true_positive_rate
from holdfast.kernels.privacy.shadow_moments import Moments, moments_of
from holdfast.kernels.privacy.shrunken_ratio import shrunken_ratio


def bank(signals: np.ndarray, is_in: np.ndarray) -> tuple[Moments, Moments]:
    return moments_of(signals, is_in), moments_of(signals, ~is_in)


def world(seed: int, *, shadows: int, n: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Records whose gap depends on how sure models are of them, as those of real models do."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(0.3, 1.3, n)
    gap = np.maximum(0.5 * (1.3 - centre) + rng.normal(0, 0.05, n), 0)
    spread = 0.08 * np.sqrt(8 / rng.chisquare(8, n))
    is_in = rng.random((n, shadows + 1)) < 0.5
    signals = (
        centre[:, None] + np.where(is_in, 0.5, -0.5) * gap[:, None] + spread[:, None] * rng.normal(size=is_in.shape)
    )
    return signals[:, 0], is_in[:, 0], signals[:, 1:], is_in[:, 1:]


def named(scores: np.ndarray, is_member: np.ndarray) -> float:
    return true_positive_rate(scores, is_member, fpr=0.01).value


@pytest.mark.parametrize(("shadows", "gain"), [(4, 0.05), (16, 0.0)])
def test_the_fewer_models_the_more_like_records_help(shadows: int, gain: float) -> None:
    gains = []
    for seed in range(5):
        target, is_member, signals, is_in = world(seed, shadows=shadows)
        banks = bank(signals, is_in)
        gains.append(named(shrunken_ratio(target, *banks), is_member) - named(student_ratio(target, *banks), is_member))
    assert np.mean(gains) > gain


def test_nothing_to_tell_gives_no_order() -> None:
    rng = np.random.default_rng(0)
    signals, is_in = rng.normal(size=(5000, 9)), rng.random((5000, 9)) < 0.5
    scores = shrunken_ratio(signals[:, 0], *bank(signals[:, 1:], is_in[:, 1:]))
    found = true_positive_rate(scores, is_in[:, 0], fpr=0.05)
    assert found.low < 0.05 < found.high


def test_records_in_all_models_or_in_none_are_judged_by_their_kind() -> None:
    target, _, signals, is_in = world(0, shadows=4)
    is_in = is_in.copy()
    is_in[0], is_in[1] = True, False
    assert np.isfinite(shrunken_ratio(target, *bank(signals, is_in))).all()


def test_constant_signals_are_no_evidence() -> None:
    signals, is_in = np.ones((200, 4)), np.tile([True, False], (200, 2))
    assert np.abs(shrunken_ratio(np.ones(200), *bank(signals, is_in))).max() < 1e-6


def test_bank_without_two_sides_is_refused() -> None:
    with pytest.raises(ValueError, match="trained on"):
        shrunken_ratio(np.zeros(3), *bank(np.zeros((3, 2)), np.ones((3, 2), dtype=bool)))


def test_order_of_the_records_says_nothing_where_they_tie() -> None:
    rng = np.random.default_rng(0)
    signals, is_in = rng.integers(0, 3, (1000, 9)) / 2.0, np.tile([True, False, True], (1000, 3))
    order = rng.permutation(1000)
    scores = shrunken_ratio(signals[:, 0], *bank(signals[:, 1:], is_in[:, 1:]))
    again = shrunken_ratio(signals[order, 0], *bank(signals[order, 1:], is_in[order, 1:]))
    assert again == pytest.approx(scores[order], rel=1e-9)
