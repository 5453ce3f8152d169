"""Combine scores of several attacks by what they say about shadow models, whose members are known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

MOST_STEPS = 50
PENALTY = 1e-3


class Fusion(NamedTuple):
    """A fitted combination: features are centred and scaled, then weighted.

    Attributes
    ----------
    centre, scale, weight
        Each of shape (n_features,).
    """

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    weight: NDArray[np.float64]


def fit_fusion(features: NDArray[np.float64], is_member: NDArray[np.bool_]) -> Fusion:
    """Fit a logistic combination of features to known membership.

    Parameters
    ----------
    features : ndarray, shape (n_samples, n_features)
        Scores of attacks on models whose members are known, from shadow models of which none belongs to the pair of
        the attacked one.
    is_member : ndarray of bool, shape (n_samples,)
        Whether the attacked model was trained on the record.

    Returns
    -------
    Fusion

    Raises
    ------
    ValueError
        If a feature is not finite, or there are not both members and others.

    Notes
    -----
    Penalised by a thousandth of the number of samples times half the squared norm of the weights, so that a perfect
    separation has a solution. Newton's method; cost O(n_samples * n_features^2).
    """
    if not np.isfinite(features).all():
        raise ValueError("expected finite features")
    if is_member.all() or not is_member.any():
        raise ValueError("expected both members and others")
    centre, scale = features.mean(axis=0), features.std(axis=0) + 1e-12
    design = np.column_stack([np.ones(len(features)), (features - centre) / scale])
    penalty = PENALTY * len(features) * np.diag([0.0, *np.ones(features.shape[1])])
    weight = np.zeros(design.shape[1])
    for _ in range(MOST_STEPS):
        p = expit(design @ weight)
        curvature = (design * (p * (1.0 - p))[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature, design.T @ (is_member - p) - penalty @ weight)
        weight += step
        if np.abs(step).max() < 1e-8:
            break
    return Fusion(centre, scale, weight[1:])


def fused(fusion: Fusion, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Score records by a fitted combination, larger meaning member.

    Parameters
    ----------
    fusion : Fusion
        From `fit_fusion`.
    features : ndarray, shape (n_records, n_features)
        The same features, in the same order.

    Returns
    -------
    ndarray, shape (n_records,)
    """
    return np.asarray((features - fusion.centre) / fusion.scale @ fusion.weight)
