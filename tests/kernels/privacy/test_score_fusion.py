"""Scores combined by what they say about known members."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from holdfast.kernels.privacy.score_fusion import PENALTY, fit_fusion, fused


def test_weights_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 3)) * [1, 5, 0.1] + [0, 3, -2]
    is_member = rng.random(500) < 1 / (1 + np.exp(-features[:, 0]))
    fusion = fit_fusion(features, is_member)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    expected = LogisticRegression(C=1 / (PENALTY * 500), tol=1e-10, max_iter=1000).fit(scaled, is_member)
    assert fusion.weight == pytest.approx(expected.coef_[0], abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_heavy_tails_do_not_lead_astray(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.standard_cauchy((4000, 3)) ** 3
    is_member = rng.random(4000) < 0.5
    fusion = fit_fusion(features, is_member)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    expected = LogisticRegression(C=1 / (PENALTY * 4000), tol=1e-10, max_iter=5000).fit(scaled, is_member)
    assert fusion.weight == pytest.approx(expected.coef_[0], abs=1e-4)


def test_perfect_separation_has_a_solution() -> None:
    features = np.linspace(-1, 1, 40)[:, None]
    fusion = fit_fusion(features, features[:, 0] > 0)
    assert (np.diff(fused(fusion, features)) > 0).all()


@pytest.mark.parametrize(
    ("features", "is_member", "match"),
    [([[np.inf], [1.0]], [True, False], "finite"), ([[0.0], [1.0]], [True, True], "both")],
)
def test_what_cannot_be_fitted_is_refused(features: list, is_member: list, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        fit_fusion(np.asarray(features), np.asarray(is_member))
