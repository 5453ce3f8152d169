"""Confidence in the truth, and the scales it is compared on."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.privacy.signals import (
    answer_confidence,
    arcsine,
    closeness,
    error_scale,
    logit,
    true_class_confidence,
)

SCORES = np.array([[0.2, 0.8], [0.7, 0.3], [0.0, 1.0 + 1e-12]])


def test_confidence_is_the_score_of_the_true_class() -> None:
    assert true_class_confidence(SCORES, [1, 0, 1]).tolist() == [0.8, 0.7, 1.0]


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        true_class_confidence([[np.nan, 1.0]], [0])


def test_values_are_closer_the_smaller_the_error() -> None:
    assert closeness([1.0, 2.0, 4.0], [1.0, 1.0, 1.0], scale=1.0).tolist() == pytest.approx(
        [1.0, np.exp(-0.5), np.exp(-4.5)]
    )


def test_scale_estimates_the_spread_of_gaussian_errors_and_is_never_zero() -> None:
    errors = np.random.default_rng(0).normal(0, 3, 20000)
    assert error_scale(errors, np.zeros(20000)) == pytest.approx(3, rel=0.05)
    assert error_scale([1.0, 1.0], [1.0, 1.0]) > 0


def test_labels_alone_are_right_or_wrong() -> None:
    assert answer_confidence(np.array([0, 1]), None, np.array([0, 0]), scale=None).tolist() == [1.0, 0.0]


def test_answers_are_read_by_their_kind() -> None:
    y = np.array([1, 0, 1])
    assert answer_confidence(y, SCORES, y, scale=None).tolist() == [0.8, 0.7, 1.0]
    assert answer_confidence(np.array([2.0]), None, np.array([1.0]), scale=1.0) == pytest.approx(np.exp(-0.5))


def test_log_odds_are_clipped_and_symmetric() -> None:
    odds = logit([0.0, 0.01, 0.5, 0.99, 1.0])
    assert odds.tolist() == pytest.approx([-np.log(99), -np.log(99), 0.0, np.log(99), np.log(99)])


def test_arcsine_keeps_the_order_and_ends() -> None:
    assert arcsine([0.0, 1.0]).tolist() == [0.0, pytest.approx(np.pi / 2)]
    assert (np.diff(arcsine(np.linspace(0, 1, 50))) > 0).all()
