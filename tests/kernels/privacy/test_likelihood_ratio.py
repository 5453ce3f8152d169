"""Likelihood ratios of one record at a time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from holdfast.kernels.privacy.likelihood_ratio import (
    gaussian_ratio,
    log_student,
    pooled_ratio,
    relative_confidence,
    student_ratio,
)
from holdfast.kernels.privacy.shadow_moments import Moments


def side(values: list[list[float]]) -> Moments:
    rows = [np.asarray(row) for row in values]
    return Moments(
        np.array([float(row.size) for row in rows]),
        np.array([row.mean() if row.size else 0.0 for row in rows]),
        np.array([row.var() * row.size if row.size else 0.0 for row in rows]),
    )


INSIDE, OUTSIDE = side([[2.0, 3.0, 4.0], [1.0, 1.5, 2.0]]), side([[0.0, 0.5, 1.0], [1.0, 2.0, 3.0]])
TARGET = np.array([2.5, 0.5])


def test_gaussian_ratio_is_that_of_two_normal_densities() -> None:
    expected = [
        norm.logpdf(2.5, 3.0, np.sqrt(2 / 3)) - norm.logpdf(2.5, 0.5, np.sqrt(0.5 / 3)),
        norm.logpdf(0.5, 1.5, np.sqrt(0.5 / 3)) - norm.logpdf(0.5, 2.0, np.sqrt(2 / 3)),
    ]
    assert gaussian_ratio(TARGET, INSIDE, OUTSIDE) == pytest.approx(expected)


def test_pooled_ratio_is_that_of_normal_densities_with_one_variance_for_each_side() -> None:
    spread = np.sqrt((2.0 + 0.5) / 4)
    expected = [
        norm.logpdf(2.5, 3.0, spread) - norm.logpdf(2.5, 0.5, spread),
        norm.logpdf(0.5, 1.5, spread) - norm.logpdf(0.5, 2.0, spread),
    ]
    assert pooled_ratio(TARGET, INSIDE, OUTSIDE) == pytest.approx(expected)


def test_student_density_is_that_of_scipy() -> None:
    x, degrees = np.linspace(-3, 5, 9), np.full(9, 4.5)
    found = log_student(x, degrees, np.full(9, 1.0), np.full(9, 2.0))
    assert found == pytest.approx(t.logpdf(x, 4.5, 1.0, np.sqrt(2.0)))


def test_student_ratio_is_positive_where_the_answer_is_that_of_members() -> None:
    found = student_ratio(np.array([3.0, 3.0]), INSIDE, OUTSIDE)
    assert found[0] > 0 > found[1]


def test_relative_confidence_counts_both_sides_half() -> None:
    inside, outside = side([[0.9, 0.9]]), side([[0.3]])
    assert relative_confidence(np.array([0.6]), inside, outside) == pytest.approx(0.0)


@pytest.mark.parametrize("formula", [gaussian_ratio, pooled_ratio, student_ratio])
def test_records_without_models_on_one_side_are_undecided(formula: object) -> None:
    found = formula(TARGET, side([[], [1.0, 2.0]]), OUTSIDE)  # type: ignore[operator]
    assert found[0] == 0.0
    assert np.isfinite(found).all()
